//! The calls that are out: whose each is, from whose callback it leaves, and when it is void.
//!
//! A call that others may want, or whose answer is kept, leaves in the root's callback. If it left in a
//! stream's, its answer would come to that stream alone, and to nobody once the stream is gone. An
//! answer after the call's deadline is ignored, so a call whose answer is lost ends by itself.

use std::time::Duration;

use crate::event::{CallRequest, Effect};
use crate::ids::{AskId, CallId, ProviderId, RingId, StreamId};
use crate::introspection;
use crate::keys::Attempt;
use crate::time::UnixMillis;

/// How long after its own time-out a call's answer may come: hosts measure that by other clocks.
const GRACE: Duration = Duration::from_secs(1);

/// Whose a call is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::engine) enum Owner {
    /// A question's, which any request may wait for.
    Ask(AskId),
    /// The service's that counts limits, by the call's number.
    Fleet(u64),
    /// A provider's that is asked about a token.
    Introspection(ProviderId, introspection::Attempt),
    /// Nobody's: what comes of it is of no use.
    Nobody,
    /// A session's that is refreshed, by its lease's holder.
    Refresh(ProviderId, u64),
    /// The list of revocations'.
    Revocations(Attempt),
    /// A key ring's.
    Ring(RingId, Attempt, Stage),
    /// A question's of one request alone.
    Stream(StreamId, AskId),
}

/// What is fetched for a key ring.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::engine) enum Stage {
    /// What says where the keys are.
    Discovery,
    /// The keys.
    Keys,
}

/// Whose callback the host is in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::engine) enum Callback {
    /// The filter's own: a tick, or the end of a call that it has made.
    Root,
    /// One request's.
    Stream(StreamId),
    /// Nobody knows: the end of a call that was given up.
    Unknown,
}

/// A call that is out.
#[derive(Debug)]
struct Out {
    call: CallId,
    owner: Owner,
    from: Callback,
    made: UnixMillis,
    lasts: Duration,
}

/// The calls of one worker.
#[derive(Debug, Default)]
pub(in crate::engine) struct Calls {
    next: u64,
    /// Those that are out: a few.
    out: Vec<Out>,
    /// Those that wait for a callback that they may leave from.
    leaving: Vec<(Owner, CallRequest)>,
}

impl Owner {
    /// Whether it is a login's: to redeem a code, to renew a session, to end one.
    pub(in crate::engine) const fn is_of_login(self) -> bool {
        matches!(self, Self::Stream(..) | Self::Refresh(..) | Self::Nobody)
    }
}

impl Calls {
    /// Has a call made, as soon as it can leave.
    pub(in crate::engine) fn make(&mut self, owner: Owner, request: CallRequest) {
        self.leaving.push((owner, request));
    }

    /// Whether any call waits for a callback that it may leave from.
    pub(in crate::engine) const fn wait_to_leave(&self) -> bool {
        !self.leaving.is_empty()
    }

    /// The calls that leave in this callback.
    pub(in crate::engine) fn leave(&mut self, callback: Callback, now: UnixMillis) -> Vec<Effect> {
        let may_leave = |(owner, _): &mut (Owner, CallRequest)| match (*owner, callback) {
            (_, Callback::Root) => true,
            (Owner::Stream(own, _), Callback::Stream(stream)) => own == stream,
            _ => false,
        };
        let mut effects = Vec::new();
        for (owner, request) in self.leaving.extract_if(.., may_leave) {
            let call = CallId(self.next);
            self.next = self.next.wrapping_add(1);
            let lasts = request.timeout.saturating_add(GRACE);
            self.out.push(Out { call, owner, from: callback, made: now, lasts });
            let stream = match callback {
                Callback::Stream(stream) => Some(stream),
                Callback::Root | Callback::Unknown => None,
            };
            effects.push(Effect::Call { call, stream, request: request.into() });
        }
        effects
    }

    /// Whether the question that this request alone has asked has no answer yet.
    pub(in crate::engine) fn is_out(&self, stream: StreamId, ask: AskId) -> bool {
        let owner = Owner::Stream(stream, ask);
        self.out.iter().any(|out| out.owner == owner)
            || self.leaving.iter().any(|(leaving, _)| *leaving == owner)
    }

    /// Ends a call, which took this long; `None` for one that is not out.
    pub(in crate::engine) fn end(
        &mut self,
        call: CallId,
        now: UnixMillis,
    ) -> Option<(Owner, Duration, Callback)> {
        let place = self.out.iter().position(|out| out.call == call)?;
        let out = self.out.swap_remove(place);
        Some((out.owner, now.since(out.made), out.from))
    }

    /// Ends the calls whose answers are no longer waited for.
    pub(in crate::engine) fn overdue(&mut self, now: UnixMillis) -> Vec<(Owner, Duration)> {
        // Where the clock was set back, it is unknown how long ago a call was made.
        let is_over = |out: &mut Out| now.since(out.made) >= out.lasts || out.made > now;
        let over = self.out.extract_if(.., is_over);
        over.map(|out| (out.owner, now.since(out.made))).collect()
    }

    /// Forgets the calls of a request that is gone: nobody else wants their answers.
    pub(in crate::engine) fn forget(&mut self, stream: StreamId) {
        let is_its = |owner: &Owner| matches!(owner, Owner::Stream(own, _) if *own == stream);
        self.leaving.retain(|(owner, _)| !is_its(owner));
        self.out.retain(|out| !is_its(&out.owner));
    }

    /// Ends every call.
    pub(in crate::engine) fn drain(&mut self) -> Vec<Owner> {
        self.leaving.clear();
        self.out.drain(..).map(|out| out.owner).collect()
    }
}
