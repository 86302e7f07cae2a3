//! What stops a request on its way, and what a request can wait for.

use std::rc::Rc;

use crate::event::Reply;
use crate::ids::{AskId, ProviderId, RingId};
use crate::store::RecordId;
use crate::time::UnixMillis;
use crate::verdict::Refusal;

/// What stops a request. It is small, as it may be what any of the functions returns that judge one.
pub(super) enum Stop {
    /// It may not pass.
    Refuse(Refusal),
    /// It is answered here, and that is no refusal.
    Answer(Box<Reply>),
    /// Something that a decision needs is not there yet.
    Wait(Box<Awaited>),
}

/// What a request waits for. Once it has moved, the request is judged afresh.
#[derive(Clone, Debug)]
pub(super) enum Awaited {
    /// The answer to a question.
    Asked(AskId),
    /// The request's own body, until then.
    Body(UnixMillis),
    #[cfg_attr(not(feature = "probe"), expect(dead_code, reason = "only tests wait for others"))]
    /// Another worker: it changes the shared record at this key, or it is too late for that.
    Elsewhere(Rc<str>, UnixMillis),
    /// What the service that counts limits answers to the call of this number, until then.
    Fleet(u64, UnixMillis),
    /// What a provider says of this token.
    Introspected(ProviderId, RecordId),
    /// What the provider of its login answers to this question of its own.
    LoggingIn(AskId),
    /// What a provider says of this login session.
    Refreshed(ProviderId, RecordId),
    /// The next fetch of this key ring.
    Ring(RingId),
}

impl Awaited {
    /// Whether it is the request's own body.
    pub(super) const fn is_body(&self) -> bool {
        matches!(self, Self::Body(_))
    }

    /// Whether it is what the service says that counts limits: for that, fewer may wait.
    pub(super) const fn is_fleet(&self) -> bool {
        matches!(self, Self::Fleet(..))
    }

    /// Whether it is what a provider says of a token: for that, fewer may wait.
    pub(super) const fn is_introspection(&self) -> bool {
        matches!(self, Self::Introspected(..))
    }

    /// Whether it is what a login's provider says: for that, fewer still may wait.
    pub(super) const fn is_login(&self) -> bool {
        matches!(self, Self::LoggingIn(_))
    }

    /// Whether it is keys: these have a share of the waiting room that nothing else takes.
    pub(super) const fn is_keys(&self) -> bool {
        matches!(self, Self::Ring(_))
    }
}

impl From<Awaited> for Stop {
    #[inline(never)]
    fn from(awaited: Awaited) -> Self {
        Self::Wait(Box::new(awaited))
    }
}

impl From<Reply> for Stop {
    #[inline(never)]
    fn from(reply: Reply) -> Self {
        Self::Answer(Box::new(reply))
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refuse(refusal)
    }
}
