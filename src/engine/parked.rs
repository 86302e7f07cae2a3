//! Requests that wait, whatever for: bounded in number, bytes and time, with a share for keys.

use std::rc::Rc;

use super::outside::{Mark, Outside};
use super::request::{Patience, Request};
use super::stop::Awaited;
use crate::env::Env;
use crate::event::CallResponse;
use crate::http::RequestHead;
use crate::ids::{AskId, StreamId};
use crate::time::UnixMillis;

/// Most requests that wait at once, per worker.
const MAX_REQUESTS: usize = 256;
/// Most of them that wait for something other than keys.
const MAX_OTHERS: usize = 224;
/// Most of them that wait for what providers say of tokens.
const MAX_INTROSPECTION: usize = 128;
/// Most of them that wait for the service that counts limits.
const MAX_FLEET: usize = 128;
/// Most of them that wait for a login's provider.
const MAX_LOGIN: usize = 64;
/// Most of them that wait for their own body: strangers can have them wait.
const MAX_BODIES: usize = 8;
/// Most of them that may have a body and wait for something else than that service, of which the proxy holds a part for as long as they wait.
const MAX_WITH_BODY: usize = 32;
/// Most bytes of headers that wait at once, per worker.
const MAX_BYTES: usize = 1024 * 1024;

/// A request that waits.
#[derive(Debug)]
struct Waiting {
    request: Request,
    awaited: Awaited,
    /// Where that stood when the wait began.
    mark: Mark,
    /// When the wait began.
    since: UnixMillis,
}

/// What a request wants to wait for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Share {
    /// Its own body.
    Body,
    /// What the service says that counts limits.
    Fleet,
    /// What a provider says of its token.
    Introspection,
    /// Keys.
    Keys,
    /// What the provider of its login says.
    Login,
    /// Something else.
    Others,
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

    /// How many wait for keys.
    pub(super) fn for_keys(&self) -> usize {
        self.requests.iter().filter(|waiting| waiting.awaited.is_keys()).count()
    }

    /// Whether there is room for a request to wait.
    pub(super) fn has_room(&self, head: &RequestHead, share: Share) -> bool {
        let count = |is: &dyn Fn(&Waiting) -> bool| {
            self.requests.iter().filter(|waiting| is(waiting)).count()
        };
        let with_body =
            |waiting: &Waiting| waiting.request.head.may_have_body() && !waiting.awaited.is_fleet();
        self.requests.len() < MAX_REQUESTS
            && self.bytes.saturating_add(head.headers.bytes()) <= MAX_BYTES
            && (share == Share::Keys || count(&|waiting| !waiting.awaited.is_keys()) < MAX_OTHERS)
            && (share != Share::Introspection
                || count(&|waiting| waiting.awaited.is_introspection()) < MAX_INTROSPECTION)
            && (share != Share::Fleet || count(&|waiting| waiting.awaited.is_fleet()) < MAX_FLEET)
            && (share != Share::Body || count(&|waiting| waiting.awaited.is_body()) < MAX_BODIES)
            && (share != Share::Login || count(&|waiting| waiting.awaited.is_login()) < MAX_LOGIN)
            && (share == Share::Fleet || !head.may_have_body() || count(&with_body) < MAX_WITH_BODY)
    }

    /// Lets a request wait.
    pub(super) fn park(
        &mut self,
        request: Request,
        awaited: Awaited,
        outside: &Outside,
        env: &Env<'_>,
    ) -> Result<(), Full> {
        let share = match awaited {
            Awaited::Ring(_) => Share::Keys,
            Awaited::Fleet(..) => Share::Fleet,
            Awaited::Introspected(..) => Share::Introspection,
            Awaited::LoggingIn(_) | Awaited::Refreshed(..) => Share::Login,
            Awaited::Body(_) => Share::Body,
            Awaited::Asked(_) | Awaited::Elsewhere(..) => Share::Others,
        };
        if !self.has_room(&request.head, share) {
            return Err(Full(Box::new(request)));
        }
        self.bytes = self.bytes.saturating_add(request.head.headers.bytes());
        let mark = outside.mark(&awaited, env);
        self.requests.push(Waiting { request, awaited, mark, since: env.now });
        Ok(())
    }

    /// Ends a request's wait.
    pub(super) fn take(&mut self, stream: StreamId, now: UnixMillis) -> Option<Request> {
        let place = self.requests.iter().position(|waiting| waiting.request.stream == stream)?;
        let Waiting { mut request, awaited, since, .. } = self.requests.remove(place);
        self.bytes = self.bytes.saturating_sub(request.head.headers.bytes());
        if awaited.is_keys() {
            let before = request.memo.waited_for_keys.unwrap_or_default();
            request.memo.waited_for_keys = Some(before.saturating_add(now.since(since)));
        }
        Some(request)
    }

    /// Hands a request what came of a question that it alone has asked.
    pub(super) fn answer(&mut self, stream: StreamId, ask: AskId, response: Option<CallResponse>) {
        if let Some(request) = self.request(stream) {
            request.memo.answers.push((ask, response.map(Rc::new)));
        }
    }

    /// Hands a request its body, which it waits for.
    pub(super) fn read(&mut self, stream: StreamId, body: Option<Vec<u8>>) {
        if let Some(request) = self.request(stream) {
            request.memo.body = Some(body.map(Rc::from));
        }
    }

    fn request(&mut self, stream: StreamId) -> Option<&mut Request> {
        let mut all = self.requests.iter_mut().map(|waiting| &mut waiting.request);
        all.find(|request| request.stream == stream)
    }

    /// Ends the wait of each request whose wait has brought something, or whose time is over.
    pub(super) fn ready(&mut self, outside: &Outside, env: &Env<'_>) -> Vec<(Request, Patience)> {
        let ready = |waiting: &Waiting| {
            let Waiting { request, awaited, mark, .. } = waiting;
            let patience = if request.is_overdue(env.now) {
                Patience::Overdue
            } else if outside.has_moved((awaited, mark), request, env) {
                Patience::Waited
            } else {
                return None;
            };
            Some((request.stream, patience))
        };
        let ready: Vec<_> = self.requests.iter().filter_map(ready).collect();
        let take = |(stream, patience)| Some((self.take(stream, env.now)?, patience));
        ready.into_iter().filter_map(take).collect()
    }
}
