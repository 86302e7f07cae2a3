//! The service that counts limits for several processes: what is asked of it, what its answers come to,
//! and what is reported to it although nobody waits.
//!
//! A call leaves from the root where others want its answer, too: it carries what has passed before, or
//! asks for permits, or finds out whether the service is back.

use std::time::Duration;

use super::calls::{Calls, Owner};
use crate::config::{Config, RemoteLimits};
use crate::engine::flight::{About, Flight, Which, ask_id};
use crate::engine::words::fleet::{self as words, Wrong};
use crate::env::Env;
use crate::event::metric::Counted;
use crate::event::{CallRequest, CallResponse, Effect, GaugeChange, Record, SecretBytes, metric};
use crate::ids::StreamId;
use crate::limits::{
    Call, Charge, Counters, Ended, Gate, Outage, Purpose, REPORTED_WITHIN, Said, Wish,
};
use crate::ratelimit_service::{self, MAX_ANSWER, PATH, Question, Reply, Unit};
use crate::time::{UnixMillis, millis};

/// Most calls of a worker that are out and no request waits for.
const MOST_OUT: usize = 256;
/// Most limits of subjects that a worker has to report.
const MOST_PENDING: usize = 4096;
/// When a report is tried again that has brought no answer.
const RETRIED_AFTER: Duration = Duration::from_secs(1);
/// Shortest time between two lines of the log about numbers that differ, per worker.
const LOGGED_EVERY: Duration = Duration::from_secs(1);
/// How long after its permits were last of use a worker looks after them more often.
const HELD: Duration = Duration::from_secs(1);

/// What one worker has to do with the service.
#[derive(Debug)]
pub(in crate::engine) struct Fleet {
    pub(in crate::engine) remote: RemoteLimits,
    /// What the service calls the limits, by their ids.
    names: Vec<(u64, Box<str>)>,
    callers: Counters,
    addresses: Counters,
    apis: Counters,
    outage: Outage,
    next: u64,
    /// The calls from the root, each with its number, and whether a request waits for it.
    flights: Vec<(u64, Flight, bool)>,
    /// What came of those that a request waits for.
    ended: Vec<(u64, Option<Ended>)>,
    /// What the last of these that was taken is about, where a smaller call is to be made.
    last: Option<(u64, About)>,
    /// What is to be reported, and when.
    pending: Vec<(UnixMillis, About)>,
    held_until: UnixMillis,
    logged_at: UnixMillis,
    /// Whether permits were held at the last tick, or have come since.
    pub(in crate::engine) holds: bool,
}

/// A call is made, or why not.
pub(in crate::engine) enum Made {
    /// Nobody asks now.
    Away,
    /// Under this number; the call itself, where it is the request's own.
    Call(u64, Option<Flight>),
}

impl Fleet {
    pub(in crate::engine) fn new(config: &Config, instance: &str) -> Option<Box<Self>> {
        let remote = config.remote_limits.clone()?;
        let name = |limit: crate::config::RemoteLimit| (limit.id, limit.name.into());
        Some(Box::new(Self {
            names: config.counted_remotely().into_iter().map(name).collect(),
            callers: Counters::new(config.limits.capacity, instance),
            addresses: Counters::of_addresses(config.limits.capacity, instance),
            apis: Counters::of_apis(instance),
            outage: Outage::new(&remote.domain),
            next: 0,
            flights: Vec::new(),
            ended: Vec::new(),
            last: None,
            pending: Vec::new(),
            held_until: UnixMillis::default(),
            logged_at: UnixMillis::default(),
            holds: false,
            remote,
        }))
    }

    /// The counters of a table.
    pub(in crate::engine) const fn table(&self, which: Which) -> &Counters {
        match which {
            Which::Addresses => &self.addresses,
            Which::Apis => &self.apis,
            Which::Callers => &self.callers,
        }
    }

    /// How long nobody asks; `None` where somebody may.
    pub(in crate::engine) fn is_away(&self, env: &Env<'_>) -> Option<Duration> {
        self.outage.is_away(env)
    }

    /// Asks for a request, for so long at most. `again` is a batch that was too large.
    pub(in crate::engine) fn ask(
        &mut self,
        about: About,
        (stream, again, timeout): (StreamId, Option<Call>, Duration),
        (calls, env): (&mut Calls, &Env<'_>),
    ) -> Made {
        let gate = self.outage.gate(env);
        if matches!(gate, Gate::Away(_)) {
            return Made::Away;
        }
        let is_probe = gate == Gate::Probe;
        let of = (&about.charge, self.remote.share);
        let counters = self.table(about.which);
        let call = again.or_else(|| counters.call(&about.subject, of, Purpose::Request, env));
        let Some(call) = call else { return Made::Away };
        let flight = Flight { about, call, is_probe };
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        let request = self.request(&flight, timeout);
        if call.carried == 0 && !is_probe {
            calls.make(Owner::Stream(stream, ask_id(number)), request);
            return Made::Call(number, Some(flight));
        }
        calls.make(Owner::Fleet(number), request);
        self.flights.push((number, flight, true));
        Made::Call(number, None)
    }

    /// Does what a request has shown to be of use later.
    pub(in crate::engine) fn wish(
        &mut self,
        about: About,
        wish: Wish,
        (calls, env): (&mut Calls, &Env<'_>),
    ) {
        let (about, purpose) = match wish.ahead {
            Some(ahead) => (about, Purpose::Ahead(ahead)),
            None => {
                self.pending.push((env.now.after(REPORTED_WITHIN), about));
                if self.pending.len() <= MOST_PENDING {
                    return;
                }
                // It leaves at once, or is forgotten: no more than may pass uncounted anyway.
                (self.pending.remove(0).1, Purpose::Report)
            }
        };
        if self.flights.len() < MOST_OUT && self.outage.is_away(env).is_none() {
            self.send((about, false), purpose, (calls, env));
        }
    }

    /// Whether one more report would leave in time.
    pub(in crate::engine) fn can_report(&self, env: &Env<'_>) -> bool {
        self.pending.len() < MOST_PENDING
            || (self.flights.len() < MOST_OUT && self.outage.is_away(env).is_none())
    }

    /// Permits were of use.
    pub(in crate::engine) fn held(&mut self, now: UnixMillis) {
        self.held_until = now.after(HELD);
        self.holds = true;
    }

    /// Time has passed: reports what is due.
    pub(in crate::engine) fn tick(&mut self, (calls, env): (&mut Calls, &Env<'_>)) {
        self.holds = env.now < self.held_until && self.held_until <= env.now.after(HELD);
        self.report((calls, env));
    }

    /// Reports what is due, as far as calls may be made.
    fn report(&mut self, (calls, env): (&mut Calls, &Env<'_>)) {
        let furthest = env.now.after(REPORTED_WITHIN);
        let is_due = |at: UnixMillis| at <= env.now || at > furthest;
        let mut left = MOST_OUT.saturating_sub(self.flights.len());
        if left == 0 || !self.pending.iter().any(|(at, _)| is_due(*at)) {
            return;
        }
        let gate = self.outage.gate(env);
        if matches!(gate, Gate::Away(_)) {
            return;
        }
        let mut due = Vec::new();
        self.pending.retain(|(at, about)| {
            let goes = is_due(*at) && left > 0;
            if goes {
                left = left.saturating_sub(1);
                due.push(about.clone());
            }
            !goes
        });
        let mut may_send = true;
        for about in due {
            if may_send {
                // One finds out whether the service is back.
                let of = (about, gate == Gate::Probe);
                may_send = !self.send(of, Purpose::Report, (calls, env)) || gate == Gate::Open;
            } else {
                self.pending.push((env.now.after(RETRIED_AFTER), about));
            }
        }
    }

    /// Makes a call that no request waits for, where it has something to say; tells whether it has.
    fn send(
        &mut self,
        (about, is_probe): (About, bool),
        purpose: Purpose,
        (calls, env): (&mut Calls, &Env<'_>),
    ) -> bool {
        let of = (&about.charge, self.remote.share);
        let call = self.table(about.which).call(&about.subject, of, purpose, env);
        if let Some(call) = call {
            self.launch(Flight { about, call, is_probe }, calls);
        }
        call.is_some()
    }

    fn launch(&mut self, flight: Flight, calls: &mut Calls) {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        calls.make(Owner::Fleet(number), self.request(&flight, self.remote.timeout));
        self.flights.push((number, flight, false));
    }

    /// Ends a call from the root with what it brought.
    pub(super) fn done(
        &mut self,
        number: u64,
        response: Option<&CallResponse>,
        (calls, env): (&mut Calls, &Env<'_>),
        effects: &mut Vec<Effect>,
    ) {
        let place = self.flights.iter().position(|(known, ..)| *known == number);
        let Some((_, flight, is_waited)) = place.map(|place| self.flights.swap_remove(place))
        else {
            return;
        };
        let ended = self.land(&flight, response, env, effects);
        match ended {
            _ if is_waited => {
                if matches!(ended, Some(Ended::Again(_))) {
                    self.last = Some((number, flight.about));
                }
                if self.ended.len() >= MOST_OUT {
                    // Its request was refused for another reason.
                    self.ended.remove(0);
                }
                self.ended.push((number, ended));
            }
            Some(Ended::Again(call)) => {
                self.launch(Flight { call, is_probe: false, ..flight }, calls);
            }
            _ => {}
        }
        self.report((calls, env));
    }

    /// Whether a call that a request waits for is over.
    pub(super) fn has_ended(&self, number: u64) -> bool {
        self.ended.iter().any(|(known, _)| *known == number)
    }

    /// What came of a call that a request waits for; `None` where it is out still.
    pub(in crate::engine) fn take(&mut self, number: u64) -> Option<Option<Ended>> {
        let place = self.ended.iter().position(|(known, _)| *known == number)?;
        Some(self.ended.swap_remove(place).1)
    }

    /// No request waits for a call any more.
    pub(in crate::engine) fn forget(&mut self, number: u64) {
        for (known, _, is_waited) in &mut self.flights {
            *is_waited &= *known != number;
        }
        self.ended.retain(|(known, _)| *known != number);
    }

    /// What a call was about that is to be made again, as long as no other has come since.
    pub(in crate::engine) fn about(&mut self, number: u64) -> Option<About> {
        self.last.take_if(|(known, _)| *known == number).map(|(_, about)| about)
    }

    /// Judges what a call brought; `None` where that is nothing of worth.
    pub(in crate::engine) fn land(
        &mut self,
        flight: &Flight,
        response: Option<&CallResponse>,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) -> Option<Ended> {
        let Flight { about, call, is_probe } = flight;
        let value = millis(env.now.since(call.at));
        effects.push(Effect::Observe { metric: metric::LIMITS_REMOTE_MS.into(), value });
        let read = match response {
            None => Err(Wrong::NoAnswer),
            Some(response) => ratelimit_service::read(Reply {
                status: response.status,
                headers: &response.headers,
                trailers: &response.trailers,
                size: response.body_size,
                body: &response.body,
            })
            .map_err(|worthless| Wrong::of(worthless, response)),
        };
        let of = (&about.charge, self.remote.share);
        let said = match &read {
            Ok(answer) => {
                let outcome = if answer.is_over { Counted::Over } else { Counted::Ok };
                effects.push(count(outcome));
                let requests = about.charge.requests();
                if answer.limit != requests {
                    effects.push(count(Counted::Mismatch));
                    self.differs(about, answer.limit, env, effects);
                }
                if let Some(away) = self.outage.answered(*is_probe, env) {
                    effects.push(degraded(0));
                    effects.push(Effect::Log(words::back(&self.remote, away).into()));
                }
                let remaining = answer.remaining.min(requests);
                Some(Said { is_over: answer.is_over, remaining, reset: answer.reset })
            }
            Err(wrong) => {
                let outcome = if wrong.is_unnamed() { Counted::Unnamed } else { Counted::Failed };
                effects.push(count(outcome));
                if self.outage.failed(*is_probe, env) {
                    effects.push(degraded(1));
                    let limit = self.name(&about.charge);
                    effects.push(Effect::Log(words::lost(wrong, limit, &self.remote).into()));
                }
                if call.carried > 0 && self.pending.len() < MOST_PENDING {
                    self.pending.push((env.now.after(RETRIED_AFTER), about.clone()));
                }
                None
            }
        };
        let counters = self.table(about.which);
        let ended = counters.ended(&about.subject, of, (*call, said), env);
        if call.ahead > 0 && matches!(ended, Some(Ended::Passes(_))) {
            self.held(env.now);
        }
        ended
    }

    /// The service has another number than the configuration: its decision holds.
    fn differs(&mut self, about: &About, said: u32, env: &Env<'_>, effects: &mut Vec<Effect>) {
        if env.now.since(self.logged_at) < LOGGED_EVERY && self.logged_at <= env.now {
            return;
        }
        self.logged_at = env.now;
        let limit = self.name(&about.charge).to_owned();
        let (configured, remedy) = (about.charge.requests(), words::DIFFERS);
        let record = Record::LimitsRemoteMismatch { limit, said, configured, remedy };
        effects.push(Effect::Log(record.into()));
    }

    /// What the service calls a limit.
    fn name(&self, charge: &Charge) -> &str {
        let id = charge.id();
        self.names.iter().find(|(known, _)| *known == id).map_or("", |(_, name)| name)
    }

    fn request(&self, flight: &Flight, timeout: Duration) -> CallRequest {
        let Flight { about, call, .. } = flight;
        let takes_limits = self.remote.share.service == crate::limits::Service::Ratelimit;
        let unit = Unit::of(about.charge.per()).filter(|_| takes_limits);
        let question = Question {
            domain: &self.remote.domain,
            limit: self.name(&about.charge),
            subject: &about.hash,
            hits: call.hits(),
            most: unit.map(|unit| (about.charge.requests(), unit)),
        };
        CallRequest {
            cluster: self.remote.cluster.clone(),
            method: "POST",
            scheme: "http",
            authority: AUTHORITY.into(),
            path: PATH.into(),
            headers: vec![
                ("content-type", "application/grpc".to_owned()),
                ("te", "trailers".to_owned()),
                ("user-agent", concat!("tollgate/", env!("CARGO_PKG_VERSION")).to_owned()),
            ],
            authorization: None,
            body: SecretBytes(question.encode().into()),
            timeout,
            max_body: MAX_ANSWER,
            trailers: true,
        }
    }
}

/// What calls are addressed to: names of clusters hold more than an authority can.
const AUTHORITY: &str = "ratelimit";

fn count(outcome: Counted) -> Effect {
    Effect::Count { metric: metric::limits_remote(outcome).into(), by: 1 }
}

fn degraded(to: u64) -> Effect {
    let change = GaugeChange::To(to);
    Effect::Gauge { metric: metric::LIMITS_REMOTE_DEGRADED.into(), change }
}
