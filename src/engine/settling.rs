//! How a request ends: it goes upstream, or is refused; and who is told why.

use super::Engine;
use super::admitted::Admitted;
use super::explain::{self, Explanation, Outcome};
use super::login::after::{After, set_cookies};
use super::login::offer;
use super::request::Request;
use super::steps::Passed;
use super::trail::Trail;
use super::words::{narrate, remedy};
use super::{metadata, reply};
use crate::env::Env;
use crate::event::{Effect, Settlement, metric};
use crate::http::RequestHead;
use crate::ids::StreamId;
use crate::time::UnixMillis;
use crate::trace::{Decided, Trace};
use crate::verdict::Refusal;

impl Engine {
    /// Lets a request go upstream.
    pub(super) fn forward(
        &mut self,
        request: &Request,
        Passed { changes, mut headers, after }: Passed,
        mut trail: Trail,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let stream = request.stream;
        narrate::handoff(&changes, &mut trail.steps);
        trail.note(stream, None, effects);
        let provider = trail.identity.as_ref().and(trail.provider.as_ref());
        self.counts.outcome(true, trail.api.as_ref(), provider);
        let (of, how) = ((stream, &request.head), (Outcome::Allowed, None));
        let explained = self.explained(of, how, &mut trail, env.now, effects);
        headers.extend(explained.into_iter().flat_map(Explanation::into_headers));
        let After { set, append, absent } = after;
        headers.extend(set);
        if !(headers.is_empty() && append.is_empty() && absent.is_empty()) {
            effects.push(Effect::ResponseHeaders { stream, set: headers, append, absent });
        }
        effects.push(Effect::Count { metric: metric::ALLOWED.into(), by: 1 });
        effects.push(Effect::Settle { stream, how: Settlement::Forward(changes) });
    }

    /// Whether a refusal is only reported, as the request's API or else the whole says.
    pub(super) fn reports(&self, trail: &Trail) -> bool {
        trail.reports.unwrap_or(self.config.reports)
    }

    /// A request's trail, with a trace of its steps if anybody may read it.
    pub(super) fn trail(&self, head: &RequestHead, now: UnixMillis) -> Trail {
        let is_explained = explain::is_asked(self.config.explain.as_ref(), head);
        let notes_shown = self.details.is_on(now);
        let is_logged = notes_shown && self.log.has_room_for_detail(now);
        let is_on = is_explained || is_logged || self.observed.is_some();
        let steps = if is_on { Trace::on() } else { Trace::default() };
        Trail { steps, is_explained, notes_shown, ..Trail::default() }
    }

    /// A decision with its steps, where the caller may read them. It is logged where the configuration
    /// wants that.
    pub(super) fn explained(
        &mut self,
        (stream, head): (StreamId, &RequestHead),
        (outcome, refusal): (Outcome, Option<&Refusal>),
        trail: &mut Trail,
        now: UnixMillis,
        effects: &mut Vec<Effect>,
    ) -> Option<Explanation> {
        let explanation = trail.steps.is_on().then(|| {
            let remedy = refusal.map(|refusal| remedy::fill(refusal, trail, &self.config));
            Explanation {
                outcome,
                refusal: refusal.cloned(),
                remedy: remedy.unwrap_or_default(),
                trace: std::mem::take(&mut trail.steps),
            }
        });
        if trail.notes_shown && self.details.fits(trail) {
            self.log.detail(explanation.as_ref(), trail, head, now, effects);
        }
        match &mut self.observed {
            // It is not the caller who asked.
            Some(observed) => {
                observed.extend(explanation.map(|one| (stream, one)));
                None
            }
            None => explanation.filter(|_| trail.is_explained),
        }
    }

    pub(super) fn refuse(
        &mut self,
        Request { stream, head, memo, .. }: &Request,
        refusal: &Refusal,
        mut trail: Trail,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let stream = *stream;
        let found = || refusal.reason.to_string();
        trail.steps.found(refusal.deny.step(), Decided::Refused, found);
        trail.note(stream, Some(refusal.deny), effects);
        let reports = self.reports(&trail);
        let metric = if reports { metric::would_deny } else { metric::denied };
        effects.push(Effect::Count { metric: metric(refusal.deny), by: 1 });
        if !reports {
            self.counts.outcome(false, trail.api.as_ref(), trail.provider.as_ref());
        }
        let of = (refusal, &self.config);
        let is_logged = self.log.refusal(of, &trail, head, reports, env.now, effects);
        if let Some(status) = &mut self.status {
            status.refusals.keep(of, &trail, head, (reports, is_logged), &self.log, env);
        }
        let how = if reports {
            let nobody = Admitted::default();
            let of = (&nobody, &self.logins);
            let changes = self.handoff.changes(&self.config, head, of, true, effects);
            narrate::handoff(&changes, &mut trail.steps);
            let (of, how) = ((stream, head), (Outcome::WouldRefuse, Some(refusal)));
            let explained = self.explained(of, how, &mut trail, env.now, effects);
            let After { mut set, append, absent } = After::renewed(memo);
            set.extend(explained.into_iter().flat_map(Explanation::into_headers));
            if !set.is_empty() {
                effects.push(Effect::ResponseHeaders { stream, set, append, absent });
            }
            Settlement::Forward(changes)
        } else {
            let reply = reply::to(refusal, head, &self.config.realm);
            let mut reply = offer::offered(refusal, reply, head);
            reply.headers.extend(set_cookies(memo));
            metadata::challenge(&mut reply, refusal, &self.config, (head, trail.api.as_ref()));
            let (of, how) = ((stream, head), (Outcome::Refused, Some(refusal)));
            let explained = self.explained(of, how, &mut trail, env.now, effects);
            Settlement::Respond(match explained {
                Some(explained) => explained.beside(reply, head),
                None => reply,
            })
        };
        effects.push(Effect::Settle { stream, how });
    }
}
