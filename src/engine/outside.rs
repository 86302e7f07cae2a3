//! All that answers late: key sets and the list of revocations, which the filter fetches for itself, what
//! providers say of tokens, and answers to questions of requests.

pub(super) mod asks;
pub(super) mod calls;
mod fetches;
pub(super) mod fleet;
pub(super) mod introspections;
pub(super) mod refreshes;

use super::request::Request;
use super::stop::Awaited;
use crate::config::Config;
use crate::engine::flight::ask_id;
use crate::env::{Cas, Env};
use crate::event::{CallResponse, Effect};
use crate::ids::ProviderId;
use crate::introspection::Known;
use crate::keys::{Progress, Ring};
use crate::provider::Provider;
use crate::revoked::Revocations;
use crate::time::UnixMillis;
use asks::Asks;
use calls::{Calls, Owner};
use fleet::Fleet;
use introspections::Introspections;
use refreshes::Refreshes;

/// What one worker has outside.
#[derive(Debug)]
pub(super) struct Outside {
    pub(super) asks: Asks,
    pub(super) calls: Calls,
    /// The service that counts limits, where one does.
    pub(super) fleet: Option<Box<Fleet>>,
    pub(super) introspections: Introspections,
    pub(super) refreshes: Refreshes,
    pub(super) revocations: Revocations,
    pub(super) rings: Vec<Ring>,
}

/// The state of what a request waits for, taken when the wait began.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Mark {
    /// A question, an answer about a token, or the request's body: there was nothing yet.
    Nothing,
    /// A shared record.
    Record(Option<Cas>),
    /// A key ring.
    Ring(Progress),
}

impl Outside {
    pub(super) fn new(config: &Config, instance: &str) -> Self {
        Self {
            asks: Asks::default(),
            calls: Calls::default(),
            fleet: Fleet::new(config, instance),
            introspections: Introspections::new(config),
            refreshes: Refreshes::new(config),
            revocations: Revocations::new(config.revoked.clone(), config.revoked_source.clone()),
            rings: config.rings.iter().cloned().map(Ring::new).collect(),
        }
    }

    /// Takes what other workers have published.
    pub(super) fn sync(&mut self, env: &Env<'_>) {
        for ring in &mut self.rings {
            ring.sync(env);
        }
        self.revocations.sync(env);
    }

    /// Whether requests can be judged: every fetched key set is there and not stale. So is the list of
    /// revocations, where no request may pass without it.
    pub(super) fn is_ready(&self, now: UnixMillis) -> bool {
        self.rings.iter().all(|ring| ring.is_usable(now)) && self.revocations.can_tell(now)
    }

    /// Has the fetches made that are due, and takes what other workers have published.
    pub(super) fn fetch(&mut self, env: &Env<'_>) {
        fetches::begin(&mut self.rings, &mut self.revocations, &mut self.calls, env);
    }

    /// Ends a call that is not one request's with what it brought.
    pub(super) fn done(
        &mut self,
        owner: Owner,
        response: Option<CallResponse>,
        (config, env): (&Config, &Env<'_>),
        effects: &mut Vec<Effect>,
    ) {
        match owner {
            Owner::Ask(id) => self.asks.done(id, response, env.now),
            Owner::Fleet(number) => {
                let with = (&mut self.calls, env);
                if let Some(fleet) = &mut self.fleet {
                    fleet.done(number, response.as_ref(), with, effects);
                }
            }
            Owner::Introspection(id, attempt) => {
                let asked = config.provider(id).and_then(Provider::introspection);
                if let (Some(asked), Some(one)) = (asked, self.introspections.of_mut(id)) {
                    let with = (&mut self.calls, env);
                    one.done((id, asked), attempt, response, with, effects);
                }
            }
            Owner::Revocations(attempt) => {
                fetches::list_done(&mut self.revocations, attempt, response, env, effects);
            }
            Owner::Ring(id, attempt, stage) => {
                let Some(ring) = self.rings.get_mut(id.0) else { return };
                let before = ring.login().cloned();
                let next = fetches::keys_done((ring, id), attempt, stage, response, env, effects);
                fetches::tell_of_logins(config, (id, ring), before.as_ref(), effects);
                if let Some((owner, request)) = next {
                    self.calls.make(owner, request);
                }
            }
            Owner::Nobody | Owner::Refresh(..) | Owner::Stream(..) => {}
        }
    }

    /// Asks a provider about a token that no request has. Says whether it asks: not while it is not known
    /// where, which is looked up then.
    pub(super) fn ask_about(
        &mut self,
        provider: ProviderId,
        token: &str,
        (config, env): (&Config, &Env<'_>),
    ) -> bool {
        let asked = config.provider(provider).and_then(Provider::introspection);
        let Self { introspections, asks, calls, .. } = self;
        let (Some(asked), Some(one)) = (asked, introspections.of_mut(provider)) else {
            return false;
        };
        if one.resolve(asked, (asks, calls), true, env).is_err() {
            return false;
        }
        let id = asked.id(token.as_bytes());
        if let Known::Ask(lease) = one.answers.look(&id, env.now, &|_| true, env) {
            one.begin((provider, asked), (lease, token), (calls, env));
        }
        true
    }

    /// Gives back the right to what is being fetched.
    pub(super) fn stop(&mut self, env: &Env<'_>) {
        for owner in self.calls.drain() {
            match owner {
                Owner::Introspection(id, attempt) => {
                    self.introspections.give_back(id, &attempt, env);
                }
                Owner::Refresh(id, holder) => self.refreshes.give_back(id, holder, env),
                Owner::Revocations(attempt) => self.revocations.give_back(attempt, env),
                Owner::Ring(id, attempt, _) => {
                    if let Some(ring) = self.rings.get_mut(id.0) {
                        ring.give_back(attempt, env);
                    }
                }
                Owner::Ask(_) | Owner::Fleet(_) | Owner::Nobody | Owner::Stream(..) => {}
            }
        }
    }

    /// The state now of what a request is about to wait for.
    pub(super) fn mark(&self, awaited: &Awaited, env: &Env<'_>) -> Mark {
        match awaited {
            Awaited::Asked(_)
            | Awaited::Body(_)
            | Awaited::Fleet(..)
            | Awaited::Introspected(..)
            | Awaited::LoggingIn(_)
            | Awaited::Refreshed(..) => Mark::Nothing,
            Awaited::Elsewhere(key, _) => Mark::Record(env.shared.get(key).cas),
            Awaited::Ring(id) => {
                Mark::Ring(self.rings.get(id.0).map(Ring::progress).unwrap_or_default())
            }
        }
    }

    /// Whether what a request waits for has moved since the mark was made.
    pub(super) fn has_moved(
        &self,
        (awaited, mark): (&Awaited, &Mark),
        request: &Request,
        env: &Env<'_>,
    ) -> bool {
        match awaited {
            Awaited::Asked(id) | Awaited::LoggingIn(id) => {
                request.memo.answer(*id).is_some()
                    || !(self.asks.is_out(*id) || self.calls.is_out(request.stream, *id))
            }
            Awaited::Body(until) => request.memo.body.is_some() || env.now >= *until,
            Awaited::Fleet(number, until) => {
                env.now >= *until
                    || request.memo.answer(ask_id(*number)).is_some()
                    || self.fleet.as_ref().is_some_and(|fleet| fleet.has_ended(*number))
            }
            Awaited::Introspected(provider, token) => {
                let one = self.introspections.of(*provider);
                !one.is_some_and(|one| one.answers.is_asked(token, env))
            }
            Awaited::Refreshed(id, of) => !self.refreshes.is_asked(*id, of, env),
            Awaited::Elsewhere(_, until) if env.now >= *until => true,
            Awaited::Elsewhere(..) | Awaited::Ring(_) => self.mark(awaited, env) != *mark,
        }
    }
}
