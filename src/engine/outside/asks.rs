//! Questions whose answers take time, asked once for all who want to know.
//!
//! Bounded in number and bytes. An answer is kept for as long as its question says, also where nobody
//! waits for it. Does not know what a question is about.

use std::rc::Rc;
use std::time::Duration;

use super::calls::{Calls, Owner};
use crate::event::{CallRequest, CallResponse};
use crate::ids::AskId;
use crate::time::UnixMillis;

/// Most questions that are out at once, per worker.
const MOST_OUT: usize = 64;
/// Most answers that are kept, per worker.
const MOST_KEPT: usize = 1024;
/// Most bytes of them.
const MAX_BYTES: usize = 1024 * 1024;

/// A question.
#[derive(Debug)]
pub(in crate::engine) struct Question {
    /// What tells it from others.
    pub(in crate::engine) id: AskId,
    /// The call that asks it.
    pub(in crate::engine) request: CallRequest,
    /// How long an answer holds.
    pub(in crate::engine) keep: Duration,
    /// How long nobody asks again where no answer came.
    pub(in crate::engine) back_off: Duration,
}

/// What is known of a question.
#[derive(Clone, Debug)]
pub(in crate::engine) enum Answer {
    /// This came.
    Came(Rc<CallResponse>),
    /// No answer came.
    Failed,
    /// It is out.
    Pending,
}

#[derive(Debug)]
struct Ask {
    id: AskId,
    keep: Duration,
    back_off: Duration,
    answer: Answer,
    /// When the answer came.
    at: UnixMillis,
}

impl Ask {
    const fn is_out(&self) -> bool {
        matches!(self.answer, Answer::Pending)
    }

    fn holds(&self, now: UnixMillis) -> bool {
        let lasts = match self.answer {
            Answer::Came(_) => self.keep,
            Answer::Failed => self.back_off,
            Answer::Pending => return true,
        };
        // An answer from the future is void: the clock was set back.
        self.at <= now && now.since(self.at) < lasts
    }

    fn bytes(&self) -> usize {
        match &self.answer {
            Answer::Came(response) => response.body.len(),
            Answer::Failed | Answer::Pending => 0,
        }
    }
}

/// The questions of one worker, those asked last at the end.
#[derive(Debug, Default)]
pub(in crate::engine) struct Asks(Vec<Ask>);

impl Asks {
    /// What is known of a question; `None` where it has to be asked.
    pub(in crate::engine) fn look(&self, id: AskId, now: UnixMillis) -> Option<Answer> {
        let ask = self.0.iter().find(|ask| ask.id == id && ask.holds(now))?;
        Some(ask.answer.clone())
    }

    /// Whether a question is out.
    pub(in crate::engine) fn is_out(&self, id: AskId) -> bool {
        self.0.iter().any(|ask| ask.id == id && ask.is_out())
    }

    /// Whether another question may be asked now.
    pub(in crate::engine) fn has_room(&self) -> bool {
        self.0.iter().filter(|ask| ask.is_out()).count() < MOST_OUT
    }

    /// Asks a question that is not out, whoever wants to know. Says whether there was room for it.
    pub(in crate::engine) fn begin(&mut self, question: Question, calls: &mut Calls) -> bool {
        if self.is_out(question.id) || !self.has_room() {
            return false;
        }
        let Question { id, request, keep, back_off } = question;
        self.0.retain(|ask| ask.id != id);
        let (answer, at) = (Answer::Pending, UnixMillis::default());
        self.0.push(Ask { id, keep, back_off, answer, at });
        calls.make(Owner::Ask(id), request);
        true
    }

    /// Ends a question that is out with what came, and keeps that.
    pub(in crate::engine) fn done(
        &mut self,
        id: AskId,
        response: Option<CallResponse>,
        now: UnixMillis,
    ) {
        let Some(place) = self.0.iter().position(|ask| ask.id == id && ask.is_out()) else {
            return;
        };
        let mut ask = self.0.remove(place);
        ask.answer = response.map_or(Answer::Failed, |response| Answer::Came(response.into()));
        ask.at = now;
        self.0.retain(|ask| ask.holds(now));
        self.0.push(ask);
        self.make_room();
    }

    /// Gives up the oldest answers where there are too many; never a question that is out.
    fn make_room(&mut self) {
        let mut kept = self.0.iter().filter(|ask| !ask.is_out()).count();
        let mut bytes = self.0.iter().map(Ask::bytes).sum::<usize>();
        self.0.retain(|ask| {
            let goes = !ask.is_out() && (kept > MOST_KEPT || bytes > MAX_BYTES);
            if goes {
                kept = kept.saturating_sub(1);
                bytes = bytes.saturating_sub(ask.bytes());
            }
            !goes
        });
    }
}
