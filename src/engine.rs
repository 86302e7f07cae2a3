//! Event → effects: the only module that sees APIs, providers, keys and sessions together.
//!
//! It owns what outlives an event: the key rings, the requests that wait for keys, the tokens that
//! were verified, the budgets.
//! The contract with the shell stands in [`event`](crate::event).

mod admission;
mod budget;
mod grants;
mod handoff;
mod keeper;
mod key_uses;
mod log;
mod parked;
mod remedy;
mod reply;
mod revocation;
mod toll;
mod verified;

use std::time::Duration;

use crate::config::Config;
use crate::env::Env;
use crate::event::{Effect, Event, Reply, Settlement, metric};
use crate::http::RequestHead;
use crate::ids::StreamId;
use crate::keys::{Patience, Ring};
use crate::revoked::Revocations;
use crate::session::{Recorded, Sessions};
use crate::verdict::{Deny, Refusal};
use admission::{Judge, Passage, Permit, Readers, Stop, Trail};
use budget::Budget;
use handoff::Hygiene;
use keeper::{Keeper, Kept};
use key_uses::KeyUses;
use log::Log;
use parked::{Full, Parked, Request};
use toll::Toll;
use verified::VerifiedTokens;

/// The time between ticks while nothing waits. Half of the second within which a withdrawn key must
/// be out of use in every worker.
const IDLE_TICK: Duration = Duration::from_millis(500);
/// The time between ticks while requests wait for keys.
const BUSY_TICK: Duration = Duration::from_millis(10);

/// Failed signatures of ES384 and ES512 that a worker checks in a second: in Wasm each costs it some
/// milliseconds, so that forged tokens take a tenth of its time and no more.
const SLOW_FAILURES_PER_SECOND: u32 = 20;

/// The filter's core: one per worker and plugin.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    hygiene: Hygiene,
    /// What is removed where nothing is written.
    reserved: Hygiene,
    keeper: Keeper,
    key_uses: KeyUses,
    log: Log,
    parked: Parked,
    revocations: Revocations,
    readers: Readers,
    rings: Vec<Ring>,
    sessions: Sessions,
    toll: Toll,
    slow_failures: Budget,
    verified: VerifiedTokens,
}

/// The answer where no engine could be asked: refused, like every request that cannot be judged.
pub fn failed(head: &RequestHead) -> Reply {
    reply::to(&Refusal::new(Deny::Internal, "no engine could be asked"), head, "api")
}

impl Engine {
    /// An engine for a checked configuration.
    ///
    /// `root_id` is the plugin's root id, which tells sessions of different filters apart where the
    /// configuration names no `instance`.
    pub fn new(config: Config, root_id: &str) -> Self {
        let instance = config.instance.as_deref().unwrap_or(root_id);
        let sessions = Sessions::new(config.session_capacity, instance);
        Self {
            hygiene: Hygiene::new(&config),
            reserved: Hygiene::default(),
            keeper: Keeper::default(),
            key_uses: KeyUses::new(&config, &sessions),
            log: Log::new(&config.log),
            parked: Parked::default(),
            revocations: Revocations::new(config.revoked.clone(), config.revoked_source.clone()),
            readers: Readers::new(&config),
            rings: config.rings.iter().cloned().map(Ring::new).collect(),
            sessions,
            toll: Toll::new(&config, instance),
            slow_failures: Budget::new(SLOW_FAILURES_PER_SECOND),
            verified: VerifiedTokens::default(),
            config,
        }
    }

    /// Takes key sets that other workers have already published, and says what is risky about the
    /// configuration. Makes no call: a canary configures too, and its answer would never come.
    pub fn start(&mut self, env: &Env<'_>) -> Vec<Effect> {
        for ring in &mut self.rings {
            ring.sync(env);
        }
        self.revocations.sync(env);
        self.config.warnings.iter().map(|warning| self.log.configuration_warning(warning)).collect()
    }

    /// How long until the next [`Event::Tick`] is wanted.
    pub fn tick_period(&self) -> Duration {
        if self.parked.is_empty() { IDLE_TICK } else { BUSY_TICK }
    }

    /// Whether a request's [`Route::name`](crate::http::Route::name) is asked for: each answer
    /// costs the host a call.
    pub fn asks_for_route_name(&self) -> bool {
        self.config.index.looks_at_routes()
    }

    /// Whether a request's [`Route::api`](crate::http::Route::api) is asked for.
    pub fn asks_for_route_metadata(&self) -> bool {
        self.config.index.looks_at_route_metadata()
    }

    /// Decides what to do about an event.
    pub fn handle(&mut self, event: Event, env: &Env<'_>) -> Vec<Effect> {
        // As many as a permitted request has.
        let mut effects = Vec::with_capacity(7);
        match event {
            Event::RequestHeaders { stream, head, route } => {
                let request = Request::new(stream, head, route, env.now);
                self.judge(request, Patience::Fresh, env, &mut effects);
            }
            Event::Fields { stream, section, fields } => {
                let remove = self.trailers().unwanted(section, &fields);
                if !remove.is_empty() {
                    effects.push(Effect::Clean { stream, section, remove });
                }
            }
            Event::CallDone { call, response } => {
                let kept = Kept { rings: &mut self.rings, revocations: &mut self.revocations };
                self.keeper.call_done(call, response, kept, &self.log, env, &mut effects);
                self.judge_parked(env, &mut effects);
            }
            Event::StreamGone { stream } => drop(self.parked.take(stream)),
            Event::Tick => {
                self.log.flush(env.now, &mut effects);
                let kept = Kept { rings: &mut self.rings, revocations: &mut self.revocations };
                self.keeper.tick(kept, env, &mut effects);
                self.judge_parked(env, &mut effects);
            }
        }
        effects
    }

    /// Judges again every parked request whose keys may have come, or whose time is over.
    fn judge_parked(&mut self, env: &Env<'_>, effects: &mut Vec<Effect>) {
        for (request, patience) in self.parked.ready(&self.rings, env.now) {
            self.judge(request, patience, env, effects);
        }
    }

    fn judge(
        &mut self,
        request: Request,
        patience: Patience,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let mut trail = Trail::default();
        let Request { stream, head, route, .. } = &request;
        let stream = *stream;
        let mut judge = Judge {
            config: &self.config,
            readers: &self.readers,
            rings: &mut self.rings,
            slow_failures: &mut self.slow_failures,
            verified: &mut self.verified,
            key_uses: &self.key_uses,
            sessions: &self.sessions,
            revocations: &self.revocations,
            patience,
            env,
        };
        let admitted = judge.admit(head, route, &mut trail);
        match admitted {
            Ok(mut passage) => {
                if let Some(permit) = &passage.permit {
                    self.record(permit, env, effects);
                }
                match self.toll.charge(passage.api, passage.permit.as_ref(), env) {
                    Err(refusal) => {
                        return self.refuse(stream, head, &refusal, &trail, env, effects);
                    }
                    Ok(headers) if headers.is_empty() || self.reports(&trail) => {}
                    Ok(headers) => effects.push(Effect::Advise { stream, headers }),
                }
                let mut hygiene = &self.hygiene;
                if self.reports(&trail) {
                    (passage, hygiene) = (Passage::default(), self.reporting());
                }
                let changes = hygiene.changes(&self.config, head, &passage, effects);
                trail.note(stream, None, effects);
                effects.push(Effect::Count { metric: metric::ALLOWED.into(), by: 1 });
                effects.push(Effect::Settle { stream, how: Settlement::Forward(changes) });
            }
            Err(Stop::Refuse(refusal)) => {
                self.refuse(stream, head, &refusal, &trail, env, effects);
            }
            Err(Stop::Wait(ring)) => {
                if let Err(Full(request)) = self.parked.park(request, ring, &self.rings) {
                    // The same request without patience is never told to wait.
                    self.judge(request, Patience::Crowded, env, effects);
                }
            }
        }
    }

    /// Puts the session on record; whether that works changes no verdict.
    fn record(&self, permit: &Permit<'_>, env: &Env<'_>, effects: &mut Vec<Effect>) {
        // The record's last use is written once a minute: in between, not even read.
        let noted_at = permit.owner().noted_at();
        if env.now >= noted_at.get() && env.now.since(noted_at.get()) < Sessions::NOTED_EVERY {
            return;
        }
        noted_at.set(env.now);
        let recorded = self.sessions.record(permit.session(), env.shared, env.random, env.now);
        let metric = match recorded {
            Recorded::Evicted => metric::SESSION_EVICTED,
            Recorded::Unrecorded => metric::SESSION_UNRECORDED,
            Recorded::Known | Recorded::New => return,
        };
        effects.push(Effect::Count { metric: metric.into(), by: 1 });
    }

    /// Whether a refusal is only reported, as the request's API or else the whole says.
    fn reports(&self, trail: &Trail) -> bool {
        trail.reports.unwrap_or(self.config.reports)
    }

    /// What is removed from trailers, whose API nobody remembers.
    fn trailers(&self) -> &Hygiene {
        let enforced = self.config.apis.iter().any(|api| !api.reports);
        if enforced { &self.hygiene } else { self.reporting() }
    }

    /// What is removed where refusals are only reported.
    const fn reporting(&self) -> &Hygiene {
        if self.config.reports { &self.reserved } else { &self.hygiene }
    }

    fn refuse(
        &mut self,
        stream: StreamId,
        head: &RequestHead,
        refusal: &Refusal,
        trail: &Trail,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) {
        trail.note(stream, Some(refusal.deny), effects);
        let reports = self.reports(trail);
        let metric = if reports { metric::would_deny } else { metric::denied };
        effects.push(Effect::Count { metric: metric(refusal.deny), by: 1 });
        self.log.refusal((refusal, &self.config), trail, head, reports, env.now, effects);
        let how = if reports {
            let nothing = Passage::default();
            let changes = self.reporting().changes(&self.config, head, &nothing, effects);
            Settlement::Forward(changes)
        } else {
            Settlement::Respond(reply::to(refusal, head, &self.config.realm))
        };
        effects.push(Effect::Settle { stream, how });
    }
}
