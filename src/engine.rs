//! Event → effects: the only module that sees APIs, providers, keys and sessions together.
//!
//! It owns what outlives an event: the key rings, the requests that wait for keys, the tokens that
//! were verified, the budgets.
//! The contract with the shell stands in [`event`](crate::event).

mod admission;
mod admitted;
mod budget;
mod charging;
mod configure;
mod credential;
mod desk;
mod detail;
mod explain;
mod flight;
mod grant_cache;
mod handoff;
mod known_keys;
mod log;
mod login;
mod metadata;
mod metrics;
mod object;
mod outside;
mod parked;
#[cfg(feature = "probe")]
mod probe;
mod refusals;
mod reply;
mod request;
mod revocation;
mod rights;
mod settling;
mod status;
mod steps;
mod stop;
mod target;
mod tools;
mod trail;
mod verified;
mod vouch;
mod voucher;
mod waiting;
mod words;

use std::time::Duration;

use crate::config::{Config, LogFormat};
use crate::env::Env;
use crate::event::{CallResponse, Effect, Event, HostQuestions, Record, Reply, Settlement, metric};
use crate::http::RequestHead;
use crate::ids::{ProviderId, StreamId};
use crate::session::Sessions;
use crate::time::{UnixMillis, millis};
use crate::verdict::{Deny, Refusal};
use budget::Budget;
use charging::Charging;
pub use configure::{Surroundings, refused};
use credential::Readers;
use desk::Desk;
use detail::Details;
pub use explain::{Explanation, Outcome};
use handoff::Handoff;
use known_keys::KnownKeys;
use log::Log;
use login::after::set_cookies;
use login::kit::Logins;
use login::refresh;
pub use login::reveal::{Held, Revealed, reveal};
use metrics::counts::Counts;
use metrics::gauges;
use outside::Outside;
use outside::calls::{Callback, Owner};
use parked::{Full, Parked};
use request::{Memo, Patience, Request};
use status::{Inside, Status};
use stop::{Awaited, Stop};
use verified::VerifiedTokens;
use waiting::Waiting;
pub use words::line::line;

/// The time between ticks while nothing waits. Half of the second within which a withdrawn key must
/// be out of use in every worker.
const IDLE_TICK: Duration = Duration::from_millis(500);
/// The time between ticks while requests wait.
const BUSY_TICK: Duration = Duration::from_millis(10);
/// The time between ticks while permits of a service that counts limits are held.
const HELD_TICK: Duration = Duration::from_millis(50);
/// The time until the next tick while a call waits to leave.
const LEAVING_TICK: Duration = Duration::from_millis(1);

/// What a worker spends in a second on signatures that fail and are dear to check, in microseconds of
/// the module's own code: forged tokens take a tenth of its time and no more.
const FAILURES_PER_SECOND: u32 = 100_000;

/// The filter's core: one per worker and plugin.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    handoff: Handoff,
    /// Whether this worker is the first of the process that took this configuration into use.
    is_first: bool,
    /// What was decided since somebody last looked, where somebody does.
    observed: Option<Vec<(StreamId, Explanation)>>,
    api_keys: KnownKeys,
    details: Details,
    log: Log,
    logins: Logins,
    outside: Outside,
    parked: Parked,
    readers: Readers,
    sessions: Sessions,
    status: Option<Status>,
    charging: Charging,
    failures: Budget,
    counts: Counts,
    verified: VerifiedTokens,
    /// When the last tick came that was not for calls alone.
    ticked: UnixMillis,
    waiting: Waiting,
}

/// Records how long a request has waited for keys, once it waits no more.
fn observe_wait(request: &Request, patience: Patience, effects: &mut Vec<Effect>) {
    if patience.is_used()
        && let Some(waited) = request.memo.waited_for_keys
    {
        let value = millis(waited);
        effects.push(Effect::Observe { metric: metric::KEYS_WAIT_MS.into(), value });
    }
}

/// What becomes of a configuration.
#[derive(Debug)]
pub struct Configured {
    /// The engine; `None` where the configuration is refused.
    pub engine: Option<Engine>,
    /// Whether the host checks signatures, where it can.
    pub host_verifies: bool,
    /// What is to be done about it, in either case.
    pub effects: Vec<Effect>,
}

/// The answer where there is no engine: a refusal, as for every request that cannot be judged.
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
            handoff: Handoff::new(&config),
            is_first: false,
            observed: None,
            api_keys: KnownKeys::new(&config, &sessions),
            details: Details::new(&config.log),
            log: Log::new(&config.log),
            logins: Logins::new(&config),
            outside: Outside::new(&config, instance),
            parked: Parked::default(),
            readers: Readers::new(&config),
            sessions,
            status: config.status.clone().map(|status| Status::new(status, instance)),
            charging: Charging::new(&config, instance),
            failures: Budget::new(FAILURES_PER_SECOND),
            counts: Counts::new(&config),
            verified: VerifiedTokens::default(),
            ticked: UnixMillis::default(),
            waiting: Waiting::default(),
            config,
        }
    }

    /// Reads a configuration, and starts an engine with it.
    pub fn configure(
        bytes: &[u8],
        surroundings: &mut dyn Surroundings,
        env: &Env<'_>,
    ) -> Configured {
        let mut effects = Vec::new();
        let Some(taken) = configure::read(bytes, IDLE_TICK, surroundings, &mut effects) else {
            return Configured { engine: None, host_verifies: false, effects };
        };
        let mut engine = Self::new(taken.config, &surroundings.root_id());
        let started = engine.start(env);
        effects.extend(engine.loaded().map(|record| Effect::Log(record.into())));
        effects.extend(started);
        Configured { engine: Some(engine), host_verifies: taken.host_verifies, effects }
    }

    /// Asks a question that no request waits for.
    #[cfg(feature = "probe")]
    pub fn begin_probe(&mut self, id: &str) {
        probe::begin(&mut self.outside, id);
    }

    /// Asks a provider about a token that no request has. What comes of it is logged and counted. Says
    /// whether it asks: not while it is not known where, which is looked up then.
    pub fn ask_about(&mut self, provider: ProviderId, token: &str, env: &Env<'_>) -> bool {
        self.outside.ask_about(provider, token, (&self.config, env))
    }

    /// Defines the metrics, takes key sets that other workers have already published, and says what
    /// is risky about the configuration. Makes no call: a canary configures too, and its answer would never come.
    pub fn start(&mut self, env: &Env<'_>) -> Vec<Effect> {
        self.outside.sync(env);
        let mut effects = Vec::new();
        metrics::define(&self.config, &mut effects);
        let instance = self.sessions.instance();
        self.is_first = metrics::accepted(&self.config, instance, env, &mut effects);
        self.details.begin(self.config.log.until, env.now);
        let warnings = self.config.warnings.iter();
        effects.extend(
            warnings.map(|warning| Effect::Log(log::configuration_warning(warning).into())),
        );
        effects
    }

    /// The log record of the configuration that is in use now. It is there once the engine has
    /// [started](Self::start), in the process's first worker alone.
    pub fn loaded(&self) -> Option<Record> {
        self.is_first.then(|| log::configuration_loaded(&self.config))
    }

    /// The form of the lines of the log.
    pub const fn log_format(&self) -> LogFormat {
        self.log.format()
    }

    /// Ends this configuration's use in this worker: gives the fetches that are out to whoever goes on,
    /// as their answers no longer come; reports what was counted since the last tick, and resets its
    /// gauges.
    pub fn stop(&mut self, env: &Env<'_>) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.outside.stop(env);
        self.counts.flush(&mut effects);
        self.parked = Parked::default();
        self.waiting.report(0, env, &mut effects);
        gauges::reset(&self.outside.rings, env.now, &mut effects);
        effects
    }

    /// Keeps the steps of every decision from now on, for [`observed`](Self::observed).
    ///
    /// For those who run the engine without a proxy: what is kept grows until it is taken.
    pub fn observe(&mut self) {
        self.observed.get_or_insert_default();
    }

    /// What was decided since this was last asked.
    pub fn observed(&mut self) -> Vec<(StreamId, Explanation)> {
        self.observed.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// How long until the next [`Event::Tick`] is wanted.
    pub fn tick_period(&self) -> Duration {
        if self.hurries() {
            LEAVING_TICK
        } else if !self.parked.is_empty() {
            BUSY_TICK
        } else if self.outside.fleet.as_ref().is_some_and(|fleet| fleet.holds) {
            HELD_TICK
        } else {
            IDLE_TICK
        }
    }

    /// Whether calls are ever made, so that one may have to leave as soon as a callback is over.
    pub fn calls_out(&self) -> bool {
        cfg!(feature = "probe") || self.config.fetches()
    }

    /// Whether the next [`Event::Tick`] is wanted as soon as this callback is over: calls wait to leave.
    pub fn hurries(&self) -> bool {
        self.outside.calls.wait_to_leave()
    }

    /// What of a request the host is asked for beside its head.
    pub fn host_questions(&self) -> HostQuestions {
        let index = &self.config.index;
        HostQuestions {
            route_name: index.looks_at_routes(),
            route_api: index.looks_at_route_metadata(),
        }
    }

    /// Decides what to do about an event.
    pub fn handle(&mut self, event: Event, env: &Env<'_>) -> Vec<Effect> {
        // As many as a permitted request has.
        let mut effects = Vec::with_capacity(7);
        let mut callback = Callback::Root;
        match event {
            Event::RequestHeaders { stream, head, host } => {
                callback = Callback::Stream(stream);
                if let Some(status) = &mut self.status
                    && let Some(asked) = status.asked(&head)
                {
                    let (outside, log) = (&mut self.outside, &mut self.log);
                    let inside = Inside { config: &self.config, outside, log };
                    let reply = status.answer(asked, &head, inside, env, &mut effects);
                    let how = Settlement::Respond(reply);
                    effects.push(Effect::Settle { stream, how });
                    return effects;
                }
                let request = Request::new(stream, head, host, env.now);
                self.judge(request, Patience::Fresh, env, &mut effects);
            }
            Event::Body { stream, body } => {
                callback = Callback::Stream(stream);
                self.parked.read(stream, body);
                self.judge_parked(env, &mut effects);
            }
            Event::Fields { stream, section, fields } => {
                let remove = self.handoff.unwanted(section, &fields);
                let remove_values = self.logins.unwanted(section, &fields);
                #[cfg(feature = "probe")]
                let remove_values = [remove_values, probe::unwanted(section, &fields)].concat();
                if !remove.is_empty() || !remove_values.is_empty() {
                    effects.push(Effect::Clean { stream, section, remove, remove_values });
                }
                return effects;
            }
            Event::CallDone { call, response } => {
                callback = match self.outside.calls.end(call, env.now) {
                    Some((owner, took, from)) => {
                        self.call_done((owner, took), response, env, &mut effects);
                        from
                    }
                    None => Callback::Unknown,
                };
                self.judge_parked(env, &mut effects);
            }
            Event::StreamGone { stream } => {
                callback = Callback::Stream(stream);
                self.outside.calls.forget(stream);
                let gone = self.parked.take(stream, env.now);
                let waited = gone.and_then(|request| request.memo.fleet?.waited);
                if let (Some(waited), Some(fleet)) = (waited, &mut self.outside.fleet) {
                    fleet.forget(waited.number);
                }
            }
            Event::Tick if self.only_leaves(env.now) => {}
            Event::Tick => self.tick(env, &mut effects),
        }
        if self.outside.calls.wait_to_leave() {
            let calls = self.outside.calls.leave(callback, env.now);
            effects.splice(..0, calls);
        }
        self.waiting.report(self.parked.for_keys(), env, &mut effects);
        effects
    }

    /// Whether this tick is only for calls that wait to leave: it comes so soon after the last one that
    /// nothing else is due.
    fn only_leaves(&self, now: UnixMillis) -> bool {
        let is_soon = self.ticked <= now && now.since(self.ticked) < BUSY_TICK;
        self.outside.calls.wait_to_leave() && is_soon
    }

    fn tick(&mut self, env: &Env<'_>, effects: &mut Vec<Effect>) {
        self.ticked = env.now;
        self.log.flush(env.now, effects);
        if let Some(until) = self.details.over(env.now)
            && metrics::is_first("detail", &self.config, self.sessions.instance(), env)
        {
            effects.push(Effect::Log(Record::LogDetailEnded { until }.into()));
        }
        for over in self.outside.calls.overdue(env.now) {
            self.call_done(over, None, env, effects);
        }
        self.outside.fetch(env);
        if let Outside { fleet: Some(fleet), calls, .. } = &mut self.outside {
            fleet.tick((calls, env));
        }
        for of in self.outside.refreshes.waiting() {
            let mut memo = Memo::default();
            let patience = (Patience::Waited, Duration::ZERO);
            let (mut desk, _) = self.desk(StreamId(u32::MAX), patience, &mut memo, env);
            refresh::judge_again(&mut desk, of, effects);
        }
        self.counts.flush(effects);
        gauges::set(&self.outside.rings, &self.sessions, self.charging.tables(), env, effects);
        if let Some(status) = &mut self.status {
            status.refusals.flush(env);
        }
        self.waiting.tick(env, effects);
        self.judge_parked(env, effects);
    }

    /// Hands what a call brought to whoever wanted it; nothing where no answer came.
    fn call_done(
        &mut self,
        (owner, took): (Owner, Duration),
        response: Option<CallResponse>,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) {
        if owner.is_of_login() && !self.logins.is_empty() {
            let value = millis(took);
            effects.push(Effect::Observe { metric: metric::LOGIN_CALL_MS.into(), value });
        }
        match owner {
            Owner::Stream(stream, ask) => self.parked.answer(stream, ask, response),
            Owner::Refresh(id, holder) => {
                let mut memo = Memo::default();
                // No request's: it has no stream.
                let of = (Patience::Fresh, Duration::ZERO);
                let (mut desk, _) = self.desk(StreamId(u32::MAX), of, &mut memo, env);
                refresh::done(&mut desk, (id, holder), response, effects);
            }
            owner => self.outside.done(owner, response, (&self.config, env), effects),
        }
    }

    /// Judges again every parked request whose wait has brought something, or whose time is over.
    fn judge_parked(&mut self, env: &Env<'_>, effects: &mut Vec<Effect>) {
        for (request, patience) in self.parked.ready(&self.outside, env) {
            self.judge(request, patience, env, effects);
        }
    }

    /// Takes a request through its three steps: it is admitted, charged to its limits, and forwarded.
    /// Each step may refuse it, answer it, or let it wait.
    fn judge(
        &mut self,
        mut request: Request,
        patience: Patience,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let waited = request.waited(env.now);
        let Request { stream, ref head, ref host, ref mut memo, .. } = request;
        let mut trail = self.trail(head, env.now);
        let (mut desk, then) = self.desk(stream, (patience, waited), memo, env);
        let stop = match steps::take(&mut desk, (head, &host.route), then, &mut trail, effects) {
            Ok(passed) => {
                observe_wait(&request, patience, effects);
                return self.forward(&request, passed, trail, env, effects);
            }
            Err(stop) => stop,
        };
        match stop {
            Stop::Wait(awaited) if patience.is_left() => {
                self.park(request, *awaited, env, effects);
            }
            // The step asked for a wait that is not possible, and has no refusal of its own for that.
            Stop::Wait(_) => {
                let refusal = Refusal::new(Deny::Overloaded, "the request can wait no longer");
                self.refuse(&request, &refusal, trail, env, effects);
            }
            Stop::Refuse(refusal) => {
                observe_wait(&request, patience, effects);
                self.refuse(&request, &refusal, trail, env, effects);
            }
            Stop::Answer(mut reply) => {
                reply.headers.extend(set_cookies(&request.memo));
                let (of, how) = ((request.stream, &request.head), (Outcome::Answered, None));
                self.explained(of, how, &mut trail, env.now, effects);
                let how = Settlement::Respond(*reply);
                effects.push(Effect::Settle { stream: request.stream, how });
            }
        }
    }

    /// What a request is judged with, and what its later steps need.
    fn desk<'a>(
        &'a mut self,
        stream: StreamId,
        (patience, waited): (Patience, Duration),
        memo: &'a mut Memo,
        env: &'a Env<'a>,
    ) -> (Desk<'a, 'a>, (&'a Charging, &'a Handoff)) {
        let desk = Desk {
            config: &self.config,
            readers: &self.readers,
            outside: &mut self.outside,
            failures: &mut self.failures,
            verified: &mut self.verified,
            api_keys: &self.api_keys,
            sessions: &self.sessions,
            logins: &self.logins,
            counts: &self.counts,
            parked: &self.parked,
            stream,
            patience,
            waited,
            memo,
            env,
        };
        (desk, (&self.charging, &self.handoff))
    }

    /// Lets a request wait, or judges it as one that cannot.
    fn park(
        &mut self,
        mut request: Request,
        awaited: Awaited,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let is_first = awaited.is_keys() && request.memo.waited_for_keys.is_none();
        if self.charging.counts_addresses() {
            // Later, the host is elsewhere.
            request.memo.address(env);
        }
        match self.parked.park(request, awaited, &self.outside, env) {
            Err(Full(request)) => self.judge(*request, Patience::Crowded, env, effects),
            Ok(()) if is_first => {
                effects.push(Effect::Count { metric: metric::PARKED_TOTAL.into(), by: 1 });
            }
            Ok(()) => {}
        }
    }
}
