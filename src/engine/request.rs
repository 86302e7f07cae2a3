//! A request that is not settled: the only state of one stream.

use std::time::Duration;

use crate::http::{RequestHead, Route};
use crate::ids::{RingId, StreamId};
use crate::time::UnixMillis;

/// Longest wait.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(10);

/// A request that is not settled.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) stream: StreamId,
    pub(super) head: RequestHead,
    /// The route at the time it came.
    pub(super) route: Route,
    /// When it came.
    since: UnixMillis,
    /// Of each ring that it has waited for, the first fetch that began after it came.
    pub(super) awaited: Vec<(RingId, u32)>,
}

impl Request {
    /// A request that has just come.
    pub(super) fn new(stream: StreamId, head: RequestHead, route: Route, now: UnixMillis) -> Self {
        Self { stream, head, route, since: now, awaited: Vec::new() }
    }

    /// How long ago it came.
    pub(super) fn waited(&self, now: UnixMillis) -> Duration {
        now.since(self.since)
    }

    /// When it must be settled, however often its keys failed to come.
    pub(super) fn until(&self) -> UnixMillis {
        self.since.after(MAX_WAIT)
    }
}
