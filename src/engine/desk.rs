//! What a request is judged with.

use std::rc::Rc;
use std::time::Duration;

use super::budget::Budget;
use super::credential::Readers;
use super::known_keys::KnownKeys;
use super::login::kit::Logins;
use super::metrics::counts::Counts;
use super::outside::Outside;
use super::outside::asks::{Answer, Question};
use super::outside::calls::Owner;
use super::parked::{Parked, Share};
use super::request::{Memo, Patience};
use super::stop::Awaited;
use super::verified::VerifiedTokens;
use crate::config::Config;
use crate::env::Env;
use crate::event::{CallRequest, CallResponse, Effect};
use crate::http::RequestHead;
use crate::ids::{AskId, StreamId};
use crate::session::Sessions;

/// What a request is judged with.
pub(super) struct Desk<'a, 'c> {
    pub(super) config: &'c Config,
    pub(super) readers: &'c Readers,
    pub(super) outside: &'a mut Outside,
    pub(super) failures: &'a mut Budget,
    pub(super) verified: &'a mut VerifiedTokens,
    pub(super) api_keys: &'a KnownKeys,
    pub(super) sessions: &'a Sessions,
    pub(super) logins: &'c Logins,
    pub(super) counts: &'a Counts,
    /// Those that wait already.
    pub(super) parked: &'a Parked,
    pub(super) stream: StreamId,
    pub(super) patience: Patience,
    /// How long ago the request came.
    pub(super) waited: Duration,
    pub(super) memo: &'a mut Memo,
    pub(super) env: &'a Env<'a>,
}

/// Why a question has no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// There is no room to wait for it.
    Crowded,
    /// None came, and nobody asks again so soon.
    Failed,
    /// The request has waited as long as any may.
    Overdue,
    /// It may come.
    Pending(Awaited),
}

impl Desk<'_, '_> {
    /// The answer to a question that others may ask as well. Where nobody has asked it, it is asked
    /// now, once for all.
    ///
    /// # Errors
    ///
    /// See [`Unanswered`].
    #[cfg_attr(not(feature = "probe"), expect(dead_code, reason = "only tests ask"))]
    pub(super) fn ask(
        &mut self,
        head: &RequestHead,
        question: Question,
    ) -> Result<Rc<CallResponse>, Unanswered> {
        let id = question.id;
        match self.outside.asks.look(id, self.env.now) {
            Some(Answer::Came(response)) => return Ok(response),
            Some(Answer::Failed) => return Err(Unanswered::Failed),
            Some(Answer::Pending) => {}
            None => {
                self.may_wait(head)?;
                if !self.outside.asks.begin(question, &mut self.outside.calls) {
                    return Err(Unanswered::Crowded);
                }
            }
        }
        self.may_wait(head)?;
        Err(Unanswered::Pending(Awaited::Asked(id)))
    }

    /// The answer to a question of this request alone, which is asked once for it.
    ///
    /// # Errors
    ///
    /// See [`Unanswered`].
    pub(super) fn ask_alone(
        &mut self,
        head: &RequestHead,
        (id, share): (AskId, Share),
        request: impl FnOnce() -> CallRequest,
    ) -> Result<Rc<CallResponse>, Unanswered> {
        if let Some(answer) = self.memo.answer(id) {
            return answer.clone().ok_or(Unanswered::Failed);
        }
        self.may_wait_in(head, share)?;
        if !self.outside.calls.is_out(self.stream, id) {
            self.outside.calls.make(Owner::Stream(self.stream, id), request());
        }
        Err(Unanswered::Pending(match share {
            Share::Login => Awaited::LoggingIn(id),
            Share::Body | Share::Fleet | Share::Introspection | Share::Keys | Share::Others => {
                Awaited::Asked(id)
            }
        }))
    }

    /// The body of the request, which is read when this is first called; `None` where it is longer than
    /// `max` bytes. It must have come so long after the request at the latest.
    ///
    /// # Errors
    ///
    /// See [`Unanswered`].
    pub(super) fn body(
        &mut self,
        head: &RequestHead,
        (max, within): (usize, Duration),
        effects: &mut Vec<Effect>,
    ) -> Result<Option<Rc<[u8]>>, Unanswered> {
        if !head.may_have_body() {
            return Ok(Some(Rc::default()));
        }
        if let Some(body) = &self.memo.body {
            return Ok(body.clone());
        }
        if self.waited >= within {
            return Err(Unanswered::Overdue);
        }
        self.may_wait_in(head, Share::Body)?;
        effects.push(Effect::Read { stream: self.stream, max });
        let until = self.env.now.after(within.saturating_sub(self.waited));
        Err(Unanswered::Pending(Awaited::Body(until)))
    }

    /// Whether the request can wait for something that has no share of its own.
    pub(super) fn may_wait(&self, head: &RequestHead) -> Result<(), Unanswered> {
        self.may_wait_in(head, Share::Others)
    }

    /// Whether the request can wait in this share of the room.
    pub(super) fn may_wait_in(&self, head: &RequestHead, share: Share) -> Result<(), Unanswered> {
        match self.patience {
            Patience::Crowded => Err(Unanswered::Crowded),
            Patience::Overdue => Err(Unanswered::Overdue),
            Patience::Fresh | Patience::Waited if !self.parked.has_room(head, share) => {
                Err(Unanswered::Crowded)
            }
            Patience::Fresh | Patience::Waited => Ok(()),
        }
    }
}
