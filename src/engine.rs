//! Event → effects: the only module that sees APIs, providers, keys and sessions together.
//!
//! It owns what outlives an event: the key rings, the requests that wait for keys, the tokens that
//! were verified, the budgets.
//! The contract with the shell stands in [`event`](crate::event).

mod admission;
mod budget;
mod credential;
mod desk;
mod explain;
mod fetched;
mod grants;
mod handoff;
mod keeper;
mod keyring;
mod line;
mod log;
mod meters;
mod parked;
mod passage;
mod refusals;
mod remedy;
mod reply;
mod request;
mod revocation;
mod rights;
mod status;
mod stop;
mod tally;
mod target;
mod telling;
mod toll;
mod trail;
mod verified;
mod vouch;
mod voucher;
mod waiting;

use std::time::Duration;

use crate::config::{Config, LogFormat};
use crate::env::Env;
use crate::event::{Effect, Event, GaugeChange, Record, Reply, Settlement, metric};
use crate::http::RequestHead;
use crate::ids::StreamId;
use crate::keys::{Patience, Ring};
use crate::revoked::Revocations;
use crate::session::{Recorded, Sessions};
use crate::time::millis;
use crate::trace::{Decided, Trace};
use crate::verdict::{Deny, Refusal};
use budget::Budget;
use credential::Readers;
use desk::Desk;
pub use explain::{Explanation, Outcome};
use handoff::Hygiene;
use keeper::{Keeper, Kept};
pub use line::line;
use log::Log;
use parked::{Full, Parked};
use passage::{Passage, Permit};
use request::Request;
use status::Status;
use stop::Stop;
use tally::Tally;
use toll::Toll;
use trail::Trail;
use verified::VerifiedTokens;
use vouch::KnownKeys;
use waiting::Waiting;

/// The time between ticks while nothing waits. Half of the second within which a withdrawn key must
/// be out of use in every worker.
const IDLE_TICK: Duration = Duration::from_millis(500);
/// The time between ticks while requests wait for keys.
const BUSY_TICK: Duration = Duration::from_millis(10);

/// What a worker spends in a second on signatures that fail and are dear to check, in microseconds of
/// the module's own code: forged tokens take a tenth of its time and no more.
const FAILURES_PER_SECOND: u32 = 100_000;

/// The filter's core: one per worker and plugin.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    hygiene: Hygiene,
    /// Whether this worker is the first of the process that took this configuration into use.
    is_first: bool,
    /// What was decided since somebody last looked, where somebody does.
    observed: Option<Vec<(StreamId, Explanation)>>,
    /// What is removed where nothing is written.
    reserved: Hygiene,
    keeper: Keeper,
    api_keys: KnownKeys,
    log: Log,
    parked: Parked,
    revocations: Revocations,
    readers: Readers,
    rings: Vec<Ring>,
    sessions: Sessions,
    status: Option<Status>,
    toll: Toll,
    failures: Budget,
    tally: Tally,
    verified: VerifiedTokens,
    waiting: Waiting,
}

/// Whether a request has been parked before.
const fn has_waited(patience: Patience) -> bool {
    matches!(patience, Patience::Overdue | Patience::Waited)
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
            is_first: false,
            observed: None,
            reserved: Hygiene::default(),
            keeper: Keeper::default(),
            api_keys: KnownKeys::new(&config, &sessions),
            log: Log::new(&config.log),
            parked: Parked::default(),
            revocations: Revocations::new(config.revoked.clone(), config.revoked_source.clone()),
            readers: Readers::new(&config),
            rings: config.rings.iter().cloned().map(Ring::new).collect(),
            sessions,
            status: config.status.clone().map(|status| Status::new(status, instance)),
            toll: Toll::new(&config, instance),
            failures: Budget::new(FAILURES_PER_SECOND),
            tally: Tally::new(&config),
            verified: VerifiedTokens::default(),
            waiting: Waiting::default(),
            config,
        }
    }

    /// Defines the metrics, takes key sets that other workers have already published, and says what
    /// is risky about the configuration. Makes no call: a canary configures too, and its answer would never come.
    pub fn start(&mut self, env: &Env<'_>) -> Vec<Effect> {
        for ring in &mut self.rings {
            ring.sync(env);
        }
        self.revocations.sync(env);
        let mut effects = Vec::new();
        meters::define(&self.config, &mut effects);
        let instance = self.sessions.instance();
        self.is_first = meters::accepted(&self.config, instance, env, &mut effects);
        let warnings = self.config.warnings.iter();
        effects.extend(
            warnings.map(|warning| Effect::Log(log::configuration_warning(warning).into())),
        );
        effects
    }

    /// What says which configuration is in use now: once it has [started](Self::start), and in the
    /// process's first worker alone.
    pub fn loaded(&self) -> Option<Record> {
        self.is_first.then(|| log::configuration_loaded(&self.config))
    }

    /// The form of the lines of the log.
    pub const fn log_format(&self) -> LogFormat {
        self.log.format()
    }

    /// Ends this configuration's use in this worker: gives the fetches that are out to whoever goes on,
    /// as their answers no longer come; tells what was counted since the last tick, and takes its
    /// gauges back.
    pub fn stop(&mut self, env: &Env<'_>) -> Vec<Effect> {
        let mut effects = Vec::new();
        let kept = Kept { rings: &mut self.rings, revocations: &mut self.revocations };
        self.keeper.stop(kept, env);
        self.tally.flush(&mut effects);
        self.parked = Parked::default();
        self.waiting.tell(0, env, &mut effects);
        meters::end(&self.rings, env.now, &mut effects);
        effects
    }

    /// Keeps the steps of every decision from now on, for [`observed`](Self::observed).
    ///
    /// For whoever runs the engine beside a proxy: what is kept grows until somebody looks.
    pub fn observe(&mut self) {
        self.observed.get_or_insert_default();
    }

    /// What was decided since this was last asked.
    pub fn observed(&mut self) -> Vec<(StreamId, Explanation)> {
        self.observed.as_mut().map(std::mem::take).unwrap_or_default()
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
                if let Some(asked) = self.status.as_ref().and_then(|status| status.asked(&head)) {
                    let reply = self.show(asked, &head, env, &mut effects);
                    let how = Settlement::Respond(reply);
                    effects.push(Effect::Settle { stream, how });
                    return effects;
                }
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
                self.keeper.call_done(call, response, kept, env, &mut effects);
                self.judge_parked(env, &mut effects);
            }
            Event::StreamGone { stream } => drop(self.parked.take(stream)),
            Event::Tick => {
                self.log.flush(env.now, &mut effects);
                let kept = Kept { rings: &mut self.rings, revocations: &mut self.revocations };
                self.keeper.tick(kept, env, &mut effects);
                self.tally.flush(&mut effects);
                let counters = self.toll.counters();
                meters::look(&self.rings, &self.sessions, counters, env, &mut effects);
                if let Some(status) = &mut self.status {
                    status.refusals.flush(env);
                }
                self.waiting.tick(env, &mut effects);
                self.judge_parked(env, &mut effects);
            }
        }
        self.waiting.tell(self.parked.len(), env, &mut effects);
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
        mut request: Request,
        patience: Patience,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let waited = request.waited(env.now);
        let (stream, head, route) = (request.stream, &request.head, &request.route);
        let mut trail = Trail { steps: self.trace(head), ..Trail::default() };
        let mut desk = Desk {
            config: &self.config,
            readers: &self.readers,
            rings: &mut self.rings,
            failures: &mut self.failures,
            verified: &mut self.verified,
            api_keys: &self.api_keys,
            sessions: &self.sessions,
            revocations: &self.revocations,
            tally: &self.tally,
            patience,
            waited,
            awaited: std::mem::take(&mut request.awaited),
            env,
        };
        let admitted = desk.admit(head, route, &mut trail);
        request.awaited = desk.awaited;
        if has_waited(patience) && !matches!(admitted, Err(Stop::Wait(_))) {
            let value = millis(request.waited(env.now));
            effects.push(Effect::Observe { metric: metric::KEYS_WAIT_MS.into(), value });
        }
        match admitted {
            Ok(mut passage) => {
                if let Some(permit) = &passage.permit {
                    self.record(permit, env, effects);
                }
                let (api, permit) = (passage.api, passage.permit.as_ref());
                let mut advice = match self.toll.charge(api, permit, &mut trail.steps, env) {
                    Err(refusal) => {
                        return self.refuse(stream, head, &refusal, trail, env, effects);
                    }
                    Ok(_) if self.reports(&trail) => Vec::new(),
                    Ok(advice) => advice,
                };
                let mut hygiene = &self.hygiene;
                if self.reports(&trail) {
                    (passage, hygiene) = (Passage::default(), self.reporting());
                }
                let changes = hygiene.changes(&self.config, head, &passage, effects);
                handoff::tell(&changes, &mut trail.steps);
                trail.note(stream, None, effects);
                let provider = trail.identity.as_ref().and(trail.provider.as_ref());
                self.tally.outcome(true, trail.api.as_ref(), provider);
                let explained = self.explained(stream, Outcome::Allowed, None, &mut trail);
                advice.extend(explained.into_iter().flat_map(Explanation::into_headers));
                if !advice.is_empty() {
                    effects.push(Effect::Advise { stream, headers: advice });
                }
                effects.push(Effect::Count { metric: metric::ALLOWED.into(), by: 1 });
                effects.push(Effect::Settle { stream, how: Settlement::Forward(changes) });
            }
            Err(Stop::Refuse(refusal)) => {
                self.refuse(stream, head, &refusal, trail, env, effects);
            }
            Err(Stop::Wait(ring)) => {
                match self.parked.park(request, ring, &self.rings) {
                    // The same request without patience is never told to wait.
                    Err(Full(request)) => self.judge(*request, Patience::Crowded, env, effects),
                    Ok(()) if has_waited(patience) => {}
                    Ok(()) => {
                        effects.push(Effect::Count { metric: metric::PARKED_TOTAL.into(), by: 1 });
                    }
                }
            }
        }
    }

    /// Puts the session on record; whether that works changes no verdict.
    fn record(&self, permit: &Permit<'_>, env: &Env<'_>, effects: &mut Vec<Effect>) {
        // The record's last use is written once a minute: in between, not even read.
        let noted_at = &permit.owner().known.noted_at;
        if env.now >= noted_at.get() && env.now.since(noted_at.get()) < Sessions::NOTED_EVERY {
            return;
        }
        noted_at.set(env.now);
        let recorded = self.sessions.record(permit.session(), env.shared, env.random, env.now);
        let count = |metric: &'static str| Effect::Count { metric: metric.into(), by: 1 };
        effects.push(match recorded {
            Recorded::Evicted => count(metric::SESSION_EVICTED),
            Recorded::Unrecorded => count(metric::SESSION_UNRECORDED),
            // The next whole count of the table says how many there are.
            Recorded::New => {
                Effect::Gauge { metric: metric::SESSION_RECORDS.into(), change: GaugeChange::By(1) }
            }
            Recorded::Known => return,
        });
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

    /// Notes the steps of a request, if anybody may be told them.
    fn trace(&self, head: &RequestHead) -> Trace {
        let is_on =
            self.observed.is_some() || explain::is_asked(self.config.explain.as_ref(), head);
        if is_on { Trace::on() } else { Trace::default() }
    }

    /// A decision with its steps, where the caller may be told them.
    fn explained(
        &mut self,
        stream: StreamId,
        outcome: Outcome,
        refusal: Option<&Refusal>,
        trail: &mut Trail,
    ) -> Option<Explanation> {
        if !trail.steps.is_on() {
            return None;
        }
        let remedy = refusal.map(|refusal| remedy::fill(refusal, trail, &self.config));
        let explanation = Explanation {
            outcome,
            refusal: refusal.cloned(),
            remedy: remedy.unwrap_or_default(),
            trace: std::mem::take(&mut trail.steps),
        };
        match &mut self.observed {
            // It is not the caller who asked.
            Some(observed) => {
                observed.push((stream, explanation));
                None
            }
            None => Some(explanation),
        }
    }

    fn refuse(
        &mut self,
        stream: StreamId,
        head: &RequestHead,
        refusal: &Refusal,
        mut trail: Trail,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let found = || refusal.reason.to_string();
        trail.steps.found(refusal.deny.step(), Decided::Refused, found);
        trail.note(stream, Some(refusal.deny), effects);
        let reports = self.reports(&trail);
        let metric = if reports { metric::would_deny } else { metric::denied };
        effects.push(Effect::Count { metric: metric(refusal.deny), by: 1 });
        if !reports {
            self.tally.outcome(false, trail.api.as_ref(), trail.provider.as_ref());
        }
        let told = (refusal, &self.config);
        let is_logged = self.log.refusal(told, &trail, head, reports, env.now, effects);
        if let Some(status) = &mut self.status {
            status.refusals.keep(told, &trail, head, (reports, is_logged), &self.log, env);
        }
        let how = if reports {
            let nothing = Passage::default();
            let changes = self.reporting().changes(&self.config, head, &nothing, effects);
            handoff::tell(&changes, &mut trail.steps);
            let outcome = Outcome::WouldRefuse;
            if let Some(explained) = self.explained(stream, outcome, Some(refusal), &mut trail) {
                effects.push(Effect::Advise { stream, headers: explained.into_headers() });
            }
            Settlement::Forward(changes)
        } else {
            let reply = reply::to(refusal, head, &self.config.realm);
            let explained = self.explained(stream, Outcome::Refused, Some(refusal), &mut trail);
            Settlement::Respond(match explained {
                Some(explained) => explained.beside(reply, head),
                None => reply,
            })
        };
        effects.push(Effect::Settle { stream, how });
    }
}
