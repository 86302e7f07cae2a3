//! A request that is not settled: the only state of one stream.

use std::rc::Rc;
use std::time::Duration;

use super::flight::Asking;
use super::login::begun::Begun;
use crate::env::Env;
use crate::event::{CallResponse, Headers, HostFacts};
use crate::http::{Address, RequestHead};
use crate::ids::{AskId, ProviderId, RingId, StreamId};
use crate::login::lease::Cookies;
use crate::time::UnixMillis;

/// Longest wait of a request, for all that it waits for together.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(10);

/// A request that is not settled.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) stream: StreamId,
    pub(super) head: RequestHead,
    /// What the host knew of it when it came.
    pub(super) host: HostFacts,
    /// When it came.
    since: UnixMillis,
    pub(super) memo: Memo,
}

/// What must not happen twice, however often a request is judged afresh.
#[derive(Debug, Default)]
pub(super) struct Memo {
    /// The rings that it has waited for, each with the first fetch that began after the request came.
    pub(super) rings: Vec<(RingId, u32)>,
    /// How long it has waited for keys; `None` where it has not.
    pub(super) waited_for_keys: Option<Duration>,
    /// The address that it comes from, once the host was asked: `None` inside where it names none that
    /// can be read.
    pub(super) address: Option<Option<Address>>,
    /// The headers with its caller's limits, once it was charged to them.
    pub(super) charged: Option<Headers>,
    /// What has come of the limits that a service counts.
    pub(super) fleet: Option<Box<Asking>>,
    /// The answers to questions that it alone has asked; `None` inside where none came.
    pub(super) answers: Vec<(AskId, Option<Rc<CallResponse>>)>,
    /// The attempt to log in that it has begun.
    pub(super) login: Option<Box<Begun>>,
    /// The cookies of sessions that were renewed for it, by their providers: the request counts as one that
    /// shows these.
    pub(super) renewed: Vec<(ProviderId, Cookies)>,
    /// Its body, once it was read; `None` inside where it is too long.
    pub(super) body: Option<Option<Rc<[u8]>>>,
}

/// Whether a request has waited, and whether it can wait again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Patience {
    /// It has just come, and can wait.
    Fresh,
    /// It has waited, and can wait again.
    Waited,
    /// It has waited as long as any may.
    Overdue,
    /// Too many wait already.
    Crowded,
}

impl Patience {
    /// Whether the request can wait.
    pub(super) const fn is_left(self) -> bool {
        matches!(self, Self::Fresh | Self::Waited)
    }

    /// Whether the request has waited.
    pub(super) const fn is_used(self) -> bool {
        matches!(self, Self::Overdue | Self::Waited)
    }
}

impl Request {
    /// A request that has just come.
    pub(super) fn new(
        stream: StreamId,
        head: RequestHead,
        host: HostFacts,
        now: UnixMillis,
    ) -> Self {
        Self { stream, head, host, since: now, memo: Memo::default() }
    }

    /// How long ago it came.
    pub(super) fn waited(&self, now: UnixMillis) -> Duration {
        now.since(self.since)
    }

    /// Whether it must be settled now, however often what it waits for failed to come.
    pub(super) fn is_overdue(&self, now: UnixMillis) -> bool {
        let until = self.since.after(MAX_WAIT);
        // A time further ahead than any could be: the clock was set back.
        now >= until || until > now.after(MAX_WAIT)
    }
}

impl Memo {
    /// The address that the request comes from. The host can be asked for it only while the request's
    /// headers come.
    pub(super) fn address(&mut self, env: &Env<'_>) -> Option<Address> {
        let ask = || env.downstream.address().and_then(|raw| Address::parse(&raw));
        *self.address.get_or_insert_with(ask)
    }

    /// The cookies of a session that was renewed for it.
    pub(super) fn renewed(&self, id: ProviderId) -> Option<&Cookies> {
        self.renewed.iter().find(|(known, _)| *known == id).map(|(_, cookies)| cookies)
    }

    /// A session was renewed for it.
    pub(super) fn renew(&mut self, id: ProviderId, cookies: Cookies) {
        self.renewed.retain(|(known, _)| *known != id);
        self.renewed.push((id, cookies));
    }

    /// What came of a question that this request alone has asked; `None` where nothing has come yet.
    pub(super) fn answer(&self, id: AskId) -> Option<&Option<Rc<CallResponse>>> {
        self.answers.iter().find(|(known, _)| *known == id).map(|(_, answer)| answer)
    }
}
