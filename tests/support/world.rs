//! Workers of one proxy process, their shared store and a hand-cranked clock: the engine's whole
//! surroundings, without a proxy.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use tollgate::config::Config;
use tollgate::engine::Engine;
use tollgate::env::{Downstream, Env, Metrics, Random};
use tollgate::event::{
    CallRequest, CallResponse, Effect, Event, GaugeChange, HeaderChange, Headers, HostFacts,
    MetricKind, Reply, Settlement,
};
use tollgate::http::{Fields, RequestHead, Route};
use tollgate::ids::{CallId, StreamId};
use tollgate::jose::alg::Alg;
use tollgate::jose::jwk::PublicKey;
use tollgate::jose::verify::{BadSignature, InWasm, Verifier};
use tollgate::time::UnixMillis;

use super::recorded;
use super::secrets::Secrets;
use super::store::MemoryStore;
use super::token::NOW;

/// One provider whose keys are fetched, and every request asks for its token.
pub const CONFIG: &str = r#"{ "providers": { "idp": {
    "issuer": "https://id.example.com/", "audiences": ["api"],
    "jwks": { "url": "https://id.example.com/keys", "cluster": "idp" } } } }"#;

/// Numbers that look random and are the same in every run.
pub struct Sequence(Cell<u64>);

impl Random for Sequence {
    fn u64(&self) -> u64 {
        // SplitMix64.
        self.0.set(self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mut z = self.0.get();
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// The module's own signature check, counted.
#[derive(Default)]
pub struct Counting(Cell<u32>);

impl Verifier for Counting {
    fn verify(
        &self,
        key: &PublicKey,
        alg: Alg,
        signed: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        self.0.set(self.0.get() + 1);
        InWasm.verify(key, alg, signed, signature)
    }
}

/// What all workers have counted, by name.
#[derive(Default)]
pub struct Totals {
    pub counters: RefCell<BTreeMap<String, u64>>,
    pub gauges: RefCell<BTreeMap<String, u64>>,
    /// Whether the host counts nothing.
    pub absent: Cell<bool>,
}

impl Totals {
    fn read(&self, values: &RefCell<BTreeMap<String, u64>>, name: &str) -> Option<u64> {
        let value = values.borrow().get(name).copied().unwrap_or_default();
        (!self.absent.get()).then_some(value)
    }
}

impl Metrics for Totals {
    fn counter(&self, name: &str) -> Option<u64> {
        self.read(&self.counters, name)
    }

    fn gauge(&self, name: &str) -> Option<u64> {
        self.read(&self.gauges, name)
    }
}

/// What all workers share.
pub struct World {
    pub now: Cell<UnixMillis>,
    pub store: MemoryStore,
    pub totals: Totals,
    random: Sequence,
    verifier: Counting,
    pub downstream: From,
}

/// Where requests come from, and how often that was asked.
#[derive(Default)]
pub struct From {
    /// As a host writes it.
    pub address: RefCell<Option<String>>,
    pub asked: Cell<u32>,
}

impl Downstream for From {
    fn address(&self) -> Option<Vec<u8>> {
        self.asked.set(self.asked.get() + 1);
        self.address.borrow().clone().map(String::into_bytes)
    }
}

impl Default for World {
    fn default() -> Self {
        Self {
            now: Cell::new(UnixMillis::from_secs(NOW)),
            store: MemoryStore::default(),
            totals: Totals::default(),
            random: Sequence(Cell::new(1)),
            verifier: Counting::default(),
            downstream: From::default(),
        }
    }
}

impl World {
    /// Has requests come from this address from now on, as the host writes it.
    pub fn come_from(&self, address: &str) {
        self.downstream.address.replace(Some(address.to_owned()));
    }

    /// Lets time pass.
    pub fn wait(&self, span: Duration) {
        self.now.set(self.now.get().after(span));
    }

    /// How many signatures were checked so far.
    pub fn verifications(&self) -> u32 {
        self.verifier.0.get()
    }

    /// What a host lends at this moment.
    pub fn env(&self) -> Env<'_> {
        Env {
            now: self.now.get(),
            random: &self.random,
            shared: &self.store,
            metrics: &self.totals,
            verifier: &self.verifier,
            signer: None,
            downstream: &self.downstream,
        }
    }
}

/// One worker: its engine, and what the engine asked for.
pub struct Worker<'w> {
    world: &'w World,
    /// The engine itself, for what is asked of it alone.
    pub engine: Engine,
    next_stream: u32,
    /// Calls that nobody has answered.
    pub calls: BTreeMap<CallId, CallRequest>,
    /// The request in whose callback a call was made, of every call; `None` for the filter's own.
    pub callers: BTreeMap<CallId, Option<StreamId>>,
    /// How many calls were made.
    pub calls_made: usize,
    /// How each request ended.
    pub settled: BTreeMap<StreamId, Settlement>,
    /// The fields removed from other sections.
    pub cleaned: Vec<Vec<u8>>,
    /// Single fields removed from other sections.
    pub cleaned_values: Vec<(Vec<u8>, Vec<u8>)>,
    /// The log.
    pub log: Vec<String>,
    /// The counters.
    pub counts: BTreeMap<String, u64>,
    /// The metrics that the engine has: it names no other.
    pub defined: BTreeMap<String, MetricKind>,
    /// What was added to histograms.
    pub observed: Vec<(String, u64)>,
    /// Whether the engine has started.
    is_running: bool,
    /// Headers of the answers to requests that went upstream.
    pub advice: BTreeMap<StreamId, Vec<(&'static str, String)>>,
    /// What else those answers get: headers beside the upstream's, and those that they get where they
    /// say nothing of the kind.
    pub after: BTreeMap<StreamId, (Headers, Headers)>,
    /// The facts left for other filters.
    pub notes: BTreeMap<(StreamId, &'static str), String>,
    /// The bodies that the engine wants, and how much of each is of use to it.
    pub reads: BTreeMap<StreamId, usize>,
    /// What no line, no metric and no note may hold.
    pub secrets: Secrets,
}

impl<'w> Worker<'w> {
    /// A worker with a configuration that must be right.
    pub fn new(world: &'w World, config: &str) -> Self {
        let config = Config::parse(config.as_bytes()).unwrap_or_else(|problems| {
            panic!("{}", problems.iter().map(|p| format!("{p}\n")).collect::<String>())
        });
        let mut worker = Self {
            world,
            engine: Engine::new(config, "root"),
            next_stream: 0,
            calls: BTreeMap::new(),
            callers: BTreeMap::new(),
            calls_made: 0,
            settled: BTreeMap::new(),
            cleaned: Vec::new(),
            log: Vec::new(),
            counts: BTreeMap::new(),
            defined: BTreeMap::new(),
            observed: Vec::new(),
            is_running: false,
            advice: BTreeMap::new(),
            after: BTreeMap::new(),
            cleaned_values: Vec::new(),
            notes: BTreeMap::new(),
            reads: BTreeMap::new(),
            secrets: Secrets::default(),
        };
        let effects = worker.engine.start(&world.env());
        worker.carry_out(effects);
        worker.is_running = true;
        worker
    }

    /// What it shares with others.
    pub const fn world(&self) -> &'w World {
        self.world
    }

    fn assert_defined(&self, metric: &str, kind: MetricKind) {
        assert_eq!(self.defined.get(metric), Some(&kind), "{metric} was never defined so");
    }

    /// How long until the next tick is wanted.
    pub fn tick_period(&self) -> Duration {
        self.engine.tick_period()
    }

    /// Hands the engine an event and keeps what it asks for.
    pub fn handle(&mut self, event: Event) {
        // A call is made for the callback that the host is in: the filter's own, or a request's.
        let callback = match &event {
            Event::Tick => Some(None),
            Event::CallDone { call, .. } => self.callers.get(call).copied(),
            Event::Body { stream, .. }
            | Event::Fields { stream, .. }
            | Event::RequestHeaders { stream, .. }
            | Event::StreamGone { stream } => Some(Some(*stream)),
        };
        match &event {
            Event::RequestHeaders { head, .. } => self.secrets.of_request(head),
            Event::Body { body: Some(body), .. } => self.secrets.of_body(body),
            Event::CallDone { response: Some(response), .. } => self.secrets.of_response(response),
            _ => {}
        }
        let effects = self.engine.handle(event, &self.world.env());
        let is_call = |effect: &&Effect| matches!(effect, Effect::Call { .. });
        let first = effects.iter().take_while(is_call).count();
        assert_eq!(first, effects.iter().filter(is_call).count(), "a call behind something else");
        for effect in &effects {
            if let Effect::Call { call, stream, .. } = effect {
                assert_eq!(Some(*stream), callback, "{call:?} leaves from another's callback");
            }
        }
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        recorded::effects(&effects, self.engine.log_format());
        for effect in &effects {
            match effect {
                Effect::Call { request, .. } => self.secrets.of_call(request),
                Effect::ResponseHeaders { append, .. } => self.secrets.of_answer(append),
                Effect::Settle { how: Settlement::Respond(reply), .. } => {
                    self.secrets.of_answer(&reply.headers);
                }
                _ => {}
            }
        }
        for effect in effects {
            match effect {
                Effect::ResponseHeaders { stream, set: headers, append, absent } => {
                    self.after.insert(stream, (append, absent));
                    assert!(!self.settled.contains_key(&stream), "{stream:?} advised too late");
                    assert!(self.advice.insert(stream, headers).is_none(), "{stream:?}");
                }
                Effect::Call { call, stream, request } => {
                    self.callers.insert(call, stream);
                    self.calls_made += 1;
                    assert!(self.calls.insert(call, *request).is_none(), "{call:?} made twice");
                }
                Effect::Count { metric, by } => {
                    self.secrets.assert_none_in(&metric);
                    self.assert_defined(&metric, MetricKind::Counter);
                    let mut totals = self.world.totals.counters.borrow_mut();
                    *totals.entry(metric.to_string()).or_default() += by;
                    *self.counts.entry(metric.into_owned()).or_default() += by;
                }
                Effect::Define { metric, kind } => {
                    assert!(!self.is_running, "{metric} is defined after the start");
                    let before = self.defined.insert(metric.to_string(), kind);
                    assert!(before.is_none(), "{metric} is defined twice");
                }
                Effect::Gauge { metric, change } => {
                    self.secrets.assert_none_in(&metric);
                    // What is not known at the start does not show before it is.
                    if !metric.starts_with("tollgate_keys_age_seconds_") {
                        self.assert_defined(&metric, MetricKind::Gauge);
                    }
                    let mut gauges = self.world.totals.gauges.borrow_mut();
                    let gauge = gauges.entry(metric.into_owned()).or_default();
                    *gauge = match change {
                        GaugeChange::By(by) => gauge.checked_add_signed(by).expect("at least 0"),
                        GaugeChange::To(value) => value,
                    };
                }
                Effect::Observe { metric, value } => {
                    self.assert_defined(&metric, MetricKind::Histogram);
                    self.observed.push((metric.into_owned(), value));
                }
                Effect::Read { stream, max } => drop(self.reads.insert(stream, max)),
                Effect::Clean { remove, remove_values, .. } => {
                    self.cleaned.extend(remove);
                    self.cleaned_values.extend(remove_values);
                }
                Effect::Log(record) => {
                    let line = tollgate::engine::line(&record, self.engine.log_format());
                    assert!(!line.contains('\n'), "a log line of two lines: {line}");
                    self.secrets.assert_none_in(&line);
                    self.log.push(line);
                }
                Effect::Note { stream, key, value } => {
                    self.secrets.assert_none_in(&value);
                    self.notes.insert((stream, key), value.to_string());
                }
                Effect::Settle { stream, how } => {
                    assert!(self.settled.insert(stream, how).is_none(), "{stream:?} settled twice");
                }
            }
        }
    }

    /// A request of these headers.
    pub fn request(&mut self, head: RequestHead) -> StreamId {
        self.request_on(Route::default(), head)
    }

    /// A request of these headers, which the proxy has chosen this route for.
    pub fn request_on(&mut self, route: Route, head: RequestHead) -> StreamId {
        let stream = StreamId(self.next_stream);
        self.next_stream += 1;
        self.handle(Event::RequestHeaders { stream, head, host: HostFacts { route } });
        stream
    }

    /// `GET /orders/7` with this bearer token.
    pub fn get(&mut self, token: &str) -> StreamId {
        self.request(head("GET", "/orders/7", &[("authorization", &format!("Bearer {token}"))]))
    }

    /// What came of a call.
    pub fn call_done(&mut self, call: CallId, response: Option<CallResponse>) {
        self.calls.remove(&call);
        self.handle(Event::CallDone { call, response });
    }

    /// Time has passed.
    pub fn tick(&mut self) {
        self.handle(Event::Tick);
    }

    /// Another configuration has taken this one's place.
    pub fn stop(&mut self) {
        let effects = self.engine.stop(&self.world.env());
        self.carry_out(effects);
    }

    /// Answers the one call that is out.
    pub fn answer(&mut self, status: u16, headers: &[(&str, &str)], body: &str) {
        let call = *self.calls.keys().next().expect("a call is out");
        self.calls.remove(&call);
        let response = CallResponse {
            status,
            headers: headers.iter().copied().collect(),
            body_size: body.len(),
            body: body.into(),
            trailers: Fields::default(),
        };
        self.handle(Event::CallDone { call, response: Some(response) });
    }

    /// Ticks, and answers the fetch that this starts with a key set.
    pub fn fetch(&mut self, key_set: &str) {
        self.tick();
        self.answer(200, &[], key_set);
    }

    /// How a request ended: `forwarded`, the deny code of its refusal, or `waiting`.
    pub fn verdict(&self, stream: StreamId) -> String {
        match self.settled.get(&stream) {
            None => "waiting".into(),
            Some(Settlement::Forward(_)) => "forwarded".into(),
            Some(Settlement::Respond(reply)) => code(reply),
        }
    }

    /// The answer to a refused request.
    pub fn reply(&self, stream: StreamId) -> &Reply {
        match self.settled.get(&stream) {
            Some(Settlement::Respond(reply)) => reply,
            other => panic!("not refused: {other:?}"),
        }
    }

    /// A header of the answer to a refused request.
    pub fn reply_header(&self, stream: StreamId, name: &str) -> Option<&str> {
        let mut headers = self.reply(stream).headers.iter();
        headers.find(|(found, _)| *found == name).map(|(_, value)| value.as_str())
    }

    /// The changes to a permitted request.
    pub fn changes(&self, stream: StreamId) -> &[HeaderChange] {
        match self.settled.get(&stream) {
            Some(Settlement::Forward(changes)) => changes,
            other => panic!("not forwarded: {other:?}"),
        }
    }
}

/// The headers that were `sent` with a permitted request, after its changes.
pub fn upstream(
    worker: &Worker<'_>,
    stream: StreamId,
    sent: &[(&str, &str)],
) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> =
        sent.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    for change in worker.changes(stream) {
        match change {
            HeaderChange::Remove(name) => {
                headers.retain(|(found, _)| !found.as_bytes().eq_ignore_ascii_case(name));
            }
            HeaderChange::Set(name, value) => {
                headers.retain(|(found, _)| !found.eq_ignore_ascii_case(name));
                headers.push((name.to_string(), String::from_utf8(value.clone()).unwrap()));
            }
        }
    }
    headers.sort();
    headers
}

/// The deny code that an answer carries.
pub fn code(reply: &Reply) -> String {
    let in_header = reply.headers.iter().find(|(name, _)| *name == "x-tollgate-code");
    match in_header {
        Some((_, code)) => code.clone(),
        // A page for people says it, too.
        None if reply.body.starts_with("<!doctype html>") => {
            let (_, rest) = reply.body.split_once("<code>").expect("a code");
            rest.split_once("</code>").expect("its end").0.into()
        }
        None => {
            let body: serde_json::Value = serde_json::from_str(&reply.body).expect("a JSON body");
            body["code"].as_str().expect("a code").into()
        }
    }
}

/// A request's headers.
pub fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> RequestHead {
    let pseudo = [(":method", method), (":path", path), (":authority", "api.example.com")];
    let all = pseudo.iter().chain(headers);
    RequestHead { headers: all.copied().collect() }
}
