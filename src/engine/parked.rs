//! Requests that wait for keys: bounded in number, bytes and time.

use super::request::{MAX_WAIT, Request};
use crate::ids::{RingId, StreamId};
use crate::keys::{Patience, Progress, Ring};
use crate::time::UnixMillis;

/// Most requests that wait at once, per worker.
const MAX_REQUESTS: usize = 256;
/// Most of them that may have a body, of which the proxy holds a part for as long as they wait.
const MAX_WITH_BODY: usize = 32;
/// Most bytes of headers that wait at once, per worker.
const MAX_BYTES: usize = 1024 * 1024;

/// A request that waits for a ring's next fetch.
#[derive(Debug)]
struct Waiting {
    request: Request,
    ring: RingId,
    /// Where the ring stood when the wait began.
    seen: Progress,
}

/// There is no room for this request to wait.
pub(super) struct Full(pub(super) Box<Request>);

/// The waiting room.
#[derive(Debug, Default)]
pub(super) struct Parked {
    /// In the order in which they came.
    requests: Vec<Waiting>,
    bytes: usize,
}

impl Parked {
    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    /// Lets a request wait for this ring.
    pub(super) fn park(
        &mut self,
        request: Request,
        ring: RingId,
        rings: &[Ring],
    ) -> Result<(), Full> {
        let bytes = self.bytes.saturating_add(request.head.headers.bytes());
        let with_body = |waiting: &&Waiting| waiting.request.head.may_have_body();
        let is_full = self.requests.len() >= MAX_REQUESTS
            || bytes > MAX_BYTES
            || (request.head.may_have_body()
                && self.requests.iter().filter(with_body).count() >= MAX_WITH_BODY);
        if is_full {
            return Err(Full(Box::new(request)));
        }
        self.bytes = bytes;
        let waiting = Waiting { ring, seen: progress(rings, ring), request };
        self.requests.push(waiting);
        Ok(())
    }

    /// Ends a request's wait.
    pub(super) fn take(&mut self, stream: StreamId) -> Option<Request> {
        let place = self.requests.iter().position(|waiting| waiting.request.stream == stream)?;
        let request = self.requests.remove(place).request;
        self.bytes = self.bytes.saturating_sub(request.head.headers.bytes());
        Some(request)
    }

    /// Ends the wait of every request whose ring has moved on, or whose time is over.
    pub(super) fn ready(&mut self, rings: &[Ring], now: UnixMillis) -> Vec<(Request, Patience)> {
        let patience = |waiting: &Waiting| {
            // A time further ahead than any could be: the clock was set back.
            let until = waiting.request.until();
            if now >= until || until > now.after(MAX_WAIT) {
                Some(Patience::Overdue)
            } else if progress(rings, waiting.ring) != waiting.seen {
                Some(Patience::Waited)
            } else {
                None
            }
        };
        let ready = |waiting: &Waiting| Some((waiting.request.stream, patience(waiting)?));
        let ready: Vec<_> = self.requests.iter().filter_map(ready).collect();
        let take = |(stream, patience)| Some((self.take(stream)?, patience));
        ready.into_iter().filter_map(take).collect()
    }
}

fn progress(rings: &[Ring], ring: RingId) -> Progress {
    rings.get(ring.0).map(Ring::progress).unwrap_or_default()
}
