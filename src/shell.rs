//! The Proxy-Wasm shell: translates host callbacks into events, and effects into host calls.
//!
//! Decides nothing. If a line here would need a unit test, it belongs in the engine.

mod bell;
mod calls;
mod crypto;
mod fate;
mod host;
mod random;
mod surroundings;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, ContextType, MapType};

use crate::config::LogFormat;
use crate::engine::{self, Configured, Engine};
use crate::env::Env;
use crate::event::{
    CallRequest, Effect, Event, HeaderChange, HostFacts, HostQuestions, Lack, Level, Reply,
    Section, Settlement, metric,
};
use crate::http::{RequestHead, Route};
use crate::ids::StreamId;
use crate::jose::host::ByHost;
use crate::jose::sign::HostSigner;
use crate::jose::verify::{InWasm, Verifier};
use crate::time::{UnixMillis, millis};
use bell::Bell;
use calls::{Out, call_done, call_done_of, dispatch, dispatch_of};
use crypto::{EnvoyCrypto, EnvoySigner};
use fate::{Body, Fate, Stage};
use host::{HostDownstream, HostMetrics, HostStore};
use random::HostRandom;
use surroundings::Host;

proxy_wasm::main! {{
    host::hook_logs_and_panics();
    proxy_wasm::set_root_context(|id| Box::new(Root { id, filter: Rc::default() }));
}}

/// One configured filter in one worker.
#[derive(Default)]
struct Filter {
    /// The host's number of the plugin's root context.
    root: u32,
    engine: Option<Engine>,
    /// The host's signature check, where it is used.
    host_crypto: Option<ByHost<EnvoyCrypto>>,
    /// Whether the host is known to be Envoy: a header that is removed is gone there, without being
    /// emptied first, and it can sign.
    is_envoy: bool,
    /// Unpredictable bytes, since a configuration was taken.
    random: Option<HostRandom>,
    /// The requests that wait for a decision.
    waiting: Vec<(StreamId, Rc<Fate>)>,
    /// What was decided about some of them while the host would not turn to them: done at the next tick.
    overdue: Vec<(StreamId, Settlement)>,
    /// The host's numbers of the calls that are out.
    calls: Vec<(u32, Out)>,
    /// What is counted.
    metrics: HostMetrics,
    tick: Duration,
    /// What has calls leave that a request's callback asked for; `None` where the host has no queues.
    bell: Option<Bell>,
    /// When the last event came that asks for the time.
    now: UnixMillis,
    /// The requests that the present event has decided, with what had gone into them before.
    decided: Vec<Duration>,
}

/// Where the host is.
#[derive(Clone, Copy)]
enum In<'s> {
    /// In the filter's own callback.
    Root,
    /// In a callback of this request, which goes on or not by what the callback returns.
    Returning(&'s Stream),
    /// In another callback of this request.
    Stream(&'s Stream),
}

impl<'s> In<'s> {
    const fn stream(self) -> Option<&'s Stream> {
        match self {
            Self::Root => None,
            Self::Returning(stream) | Self::Stream(stream) => Some(stream),
        }
    }

    /// Whether this is the current request of the host.
    fn is(self, stream: StreamId) -> bool {
        self.stream().is_some_and(|current| current.id == stream)
    }
}

/// The plugin's root context.
struct Root {
    id: u32,
    filter: Rc<RefCell<Filter>>,
}

/// One request.
struct Stream {
    id: StreamId,
    fate: Rc<Fate>,
    filter: Rc<RefCell<Filter>>,
}

impl Filter {
    /// Has the engine decide about an event, and does what it says.
    fn handle(&mut self, event: Event, at: In<'_>) {
        self.handle_at(host::now(), event, at);
    }

    /// The same for an event that came at `start`. Takes the time of requests: one that this event
    /// decides has an equal share in what the event took.
    fn handle_at(&mut self, start: Duration, event: Event, at: In<'_>) {
        self.now = UnixMillis::new(millis(start));
        self.react(event, at);
        let waits = at.stream().filter(|current| current.fate.stage.get() == Stage::Pending);
        if self.decided.is_empty() && waits.is_none() {
            return;
        }
        let took = host::now().saturating_sub(start);
        let share = u32::try_from(self.decided.len()).ok().and_then(|all| took.checked_div(all));
        for spent in self.decided.drain(..) {
            let all = spent.saturating_add(share.unwrap_or_default());
            let micros = u64::try_from(all.as_micros()).unwrap_or(u64::MAX);
            self.metrics.observe(metric::FILTER_US, micros);
        }
        if let Some(current) = waits {
            current.fate.spent.set(took);
        }
    }

    fn react(&mut self, event: Event, at: In<'_>) {
        let mut more = VecDeque::new();
        let mut next = Some(event);
        while let Some(event) = next {
            let (Some(engine), Some(random)) = (&mut self.engine, &self.random) else { return };
            let env =
                env(self.now, random, self.host_crypto.as_ref(), &self.metrics, self.is_envoy);
            let effects = engine.handle(event, &env);
            for effect in effects {
                self.carry_out(effect, at, &mut more);
            }
            next = more.pop_front();
        }
        let period = self.engine.as_ref().map(Engine::tick_period).unwrap_or_default();
        if self.tick != period {
            self.tick = period;
            host::set_tick_period(period);
            let hurries = self.engine.as_ref().is_some_and(Engine::hurries);
            if let Some(bell) = self.bell.as_ref().filter(|_| hurries) {
                bell.ring();
            }
        }
    }

    /// Does what the engine says where no event has come: none comes of it.
    fn carry_out_all(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.carry_out(effect, In::Root, &mut VecDeque::new());
        }
    }

    // Once in the module, and not at each of its callers (docs/decisions/0020).
    #[inline(never)]
    fn carry_out(&mut self, effect: Effect, at: In<'_>, more: &mut VecDeque<Event>) {
        match effect {
            Effect::Call { call, stream, request } => {
                let made = match stream {
                    Some(stream) => dispatch_of(stream, self.root, &request),
                    None => dispatch(&request).map(|token| (token, false)),
                };
                let Some((token, is_of_root)) = made else {
                    return more.push_back(Event::CallDone { call, response: None });
                };
                if let Some(fate) = stream.and_then(|stream| self.fate(stream, at)) {
                    fate.has_called.set(true);
                }
                let _ = take(&mut self.calls, token);
                let CallRequest { max_body, trailers, .. } = *request;
                let out = Out { call, stream, is_of_root, max_body, trailers };
                self.calls.push((token, out));
            }
            Effect::Clean { section, remove, remove_values, .. } => {
                for name in remove {
                    self.remove(map(section), &name);
                }
                if !remove_values.is_empty() {
                    host::remove_values(map(section), &remove_values);
                }
            }
            Effect::Count { metric, by } => self.metrics.count(&metric, by),
            Effect::Define { metric, kind } => drop(self.metrics.id(kind, &metric)),
            Effect::Gauge { metric, change } => self.metrics.change(&metric, change),
            Effect::Log(record) => {
                let format = self.engine.as_ref().map_or(LogFormat::Json, Engine::log_format);
                write_log(record.level(), &engine::line(&record, format));
            }
            Effect::Note { stream, key, value } => {
                if self.turn_to(stream, at) {
                    host::set_property(key, value.as_bytes());
                    self.turn_back(stream, at);
                }
            }
            Effect::Observe { metric, value } => self.metrics.observe(&metric, value),
            Effect::Read { stream, max } => {
                let Some(fate) = self.fate(stream, at) else { return };
                fate.body.set(Body { max: Some(max), ..fate.body.get() });
                if self.turn_to(stream, at) {
                    more.extend(read(stream, fate));
                    self.turn_back(stream, at);
                }
            }
            Effect::ResponseHeaders { stream, set, append, absent } => {
                if let Some(fate) = self.fate(stream, at) {
                    fate.headers.replace((set, append, absent));
                }
            }
            Effect::Settle { stream, how } => self.settle(stream, how, at),
        }
    }

    /// What was decided about a request that is not settled.
    fn fate<'f>(&'f self, stream: StreamId, at: In<'f>) -> Option<&'f Fate> {
        match at.stream() {
            Some(current) if current.id == stream => Some(&*current.fate),
            _ => self.waiting.iter().find(|one| one.0 == stream).map(|one| &*one.1),
        }
    }

    fn settle(&mut self, stream: StreamId, how: Settlement, at: In<'_>) {
        let is_current = at.is(stream);
        if !self.turn_to(stream, at) {
            // One that is over has said so; any other must not wait for ever.
            if self.waiting.iter().any(|one| one.0 == stream) {
                self.overdue.push((stream, how));
            }
            return;
        }
        let stage = match how {
            Settlement::Forward(changes) if changes.iter().all(|one| self.change(one)) => {
                Stage::Forwarded
            }
            // What could not be changed must not go upstream.
            Settlement::Forward(_) => {
                respond(&engine::failed(&RequestHead::default()));
                Stage::Answered
            }
            Settlement::Respond(reply) => {
                respond(&reply);
                Stage::Answered
            }
        };
        let waited = take(&mut self.waiting, stream);
        let current = at.stream().filter(|_| is_current);
        let fate = waited.as_deref().or(current.map(|one| &*one.fate));
        if let Some(fate) = fate {
            fate.stage.set(stage);
            self.decided.push(fate.spent.get());
        }
        if stage == Stage::Forwarded
            && !(is_current && matches!(at, In::Returning(_)))
            && !host::resume_request()
        {
            respond(&engine::failed(&RequestHead::default()));
        }
        self.turn_back(stream, at);
    }

    /// Has the host take what follows as this request's; `false` where that is gone.
    fn turn_to(&self, stream: StreamId, at: In<'_>) -> bool {
        at.is(stream) || host::set_effective_context(stream.0)
    }

    /// Has it take what follows as that of the callback again: what comes next may be about this.
    fn turn_back(&self, stream: StreamId, at: In<'_>) {
        if !at.is(stream) {
            host::set_effective_context(at.stream().map_or(self.root, |current| current.id.0));
        }
    }

    fn change(&self, change: &HeaderChange) -> bool {
        let kind = MapType::HttpRequestHeaders;
        match change {
            HeaderChange::Remove(name) => self.remove(kind, name),
            HeaderChange::Set(name, value) => host::set_header(kind, name.as_bytes(), value),
        }
    }

    fn remove(&self, kind: MapType, name: &[u8]) -> bool {
        if self.is_envoy {
            host::remove_header(kind, name)
        } else {
            host::empty_and_remove_header(kind, name)
        }
    }
}

/// What the engine asks for of the current request. An empty name of a route is none.
fn facts(asked: HostQuestions) -> HostFacts {
    let ask = |wanted: bool, path: &str| if wanted { host::property(path) } else { None };
    let name = ask(asked.route_name, "xds\0route_name");
    let api = "xds\0route_metadata\0filter_metadata\0tollgate\0api";
    let route =
        Route { name: name.filter(|name| !name.is_empty()), api: ask(asked.route_api, api) };
    HostFacts { route }
}

/// The body of the current request, where it is wanted and there.
fn read(stream: StreamId, fate: &Fate) -> Option<Event> {
    let wanted = fate.body.get();
    let size = wanted.is_ready()?;
    fate.body.set(Body { max: None, ..wanted });
    let body = size.and_then(|size| host::buffer(BufferType::HttpRequestBody, size));
    Some(Event::Body { stream, body })
}

/// Takes what is kept under a key out of a list that is short.
fn take<K: PartialEq, V>(list: &mut Vec<(K, V)>, key: K) -> Option<V> {
    let place = list.iter().position(|(known, _)| *known == key)?;
    Some(list.swap_remove(place).1)
}

fn env<'a>(
    now: UnixMillis,
    random: &'a HostRandom,
    host_crypto: Option<&'a ByHost<EnvoyCrypto>>,
    metrics: &'a HostMetrics,
    is_envoy: bool,
) -> Env<'a> {
    let verifier: &dyn Verifier = match host_crypto {
        Some(host) => host,
        None => &InWasm,
    };
    let (shared, downstream) = (&HostStore, &HostDownstream);
    let signer = is_envoy.then_some::<&dyn HostSigner>(&EnvoySigner);
    Env { now, random, shared, metrics, verifier, signer, downstream }
}

fn write_log(level: Level, line: &str) {
    let level = match level {
        Level::Debug => log::Level::Debug,
        Level::Info => log::Level::Info,
        Level::Warn => log::Level::Warn,
        Level::Error => log::Level::Error,
    };
    log::log!(level, "{line}");
}

fn map(section: Section) -> MapType {
    match section {
        Section::RequestTrailers => MapType::HttpRequestTrailers,
        Section::ResponseHeaders => MapType::HttpResponseHeaders,
        Section::ResponseTrailers => MapType::HttpResponseTrailers,
    }
}

/// Answers the current request. One that cannot be answered ends without: it must not wait for ever.
fn respond(reply: &Reply) {
    if !host::respond(reply) {
        host::close_request();
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body: usize, trailers: usize) {
        let Ok(mut filter) = self.filter.try_borrow_mut() else { return };
        if let Some(out) = take(&mut filter.calls, token) {
            filter.handle(call_done(out, (headers, body, trailers)), In::Root);
        }
    }

    fn on_done(&mut self) -> bool {
        if let Ok(mut filter) = self.filter.try_borrow_mut() {
            let Filter { engine, metrics, random, .. } = &mut *filter;
            let (Some(engine), Some(random)) = (engine, random) else { return true };
            let env = env(UnixMillis::new(millis(host::now())), random, None, metrics, false);
            let effects = engine.stop(&env);
            filter.carry_out_all(effects);
        }
        true
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        let Ok(mut filter) = self.filter.try_borrow_mut() else { return false };
        filter.root = self.id;
        let bytes = host::buffer(BufferType::PluginConfiguration, size).unwrap_or_default();
        let Some(random) = HostRandom::new() else {
            filter.carry_out_all(engine::refused(Lack::Randomness));
            return false;
        };
        let now = UnixMillis::new(millis(host::now()));
        let mut host = Host::new(self.id);
        let env = env(now, &random, None, &filter.metrics, false);
        let configured = Engine::configure(&bytes, &mut host, &env);
        let Configured { engine, host_verifies, effects } = configured;
        let is_taken = engine.is_some();
        if let Some(engine) = engine {
            filter.host_crypto = host.crypto.filter(|_| host_verifies);
            filter.is_envoy = host::is_envoy();
            filter.tick = engine.tick_period();
            let bell = filter.bell.take();
            filter.bell =
                if engine.calls_out() { bell.or_else(|| Bell::hang(&random)) } else { None };
            filter.engine = Some(engine);
            filter.random = Some(random);
        }
        filter.carry_out_all(effects);
        is_taken
    }

    fn on_tick(&mut self) {
        if let Ok(mut filter) = self.filter.try_borrow_mut() {
            filter.handle(Event::Tick, In::Root);
            for (stream, how) in std::mem::take(&mut filter.overdue) {
                filter.settle(stream, how, In::Root);
            }
        }
    }

    fn on_queue_ready(&mut self, _: u32) {
        if let Ok(mut filter) = self.filter.try_borrow_mut() {
            if let Some(bell) = &filter.bell {
                bell.silence();
            }
            filter.handle(Event::Tick, In::Root);
        }
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream {
            id: StreamId(id),
            fate: Rc::default(),
            filter: Rc::clone(&self.filter),
        }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Stream {
    /// Whether the request may go on: only once it was let go.
    fn action(&self) -> Action {
        if self.fate.stage.get() == Stage::Forwarded { Action::Continue } else { Action::Pause }
    }

    /// Answers a request that nobody could be asked about.
    fn fail(&self, head: &RequestHead) -> Action {
        self.fate.stage.set(Stage::Answered);
        respond(&engine::failed(head));
        self.action()
    }

    /// Hands the engine the body of the request, where it waits for that.
    fn read(&self) {
        let Ok(mut filter) = self.filter.try_borrow_mut() else { return };
        if let Some(event) = read(self.id, &self.fate) {
            filter.handle(event, In::Returning(self));
        }
    }

    /// Lets a section of a request that is not answered here, or of its answer, through. Trailers may
    /// come while the request waits, and do not come again.
    fn pass(&self, section: Section) {
        if self.fate.stage.get() != Stage::Answered
            && let Ok(mut filter) = self.filter.try_borrow_mut()
        {
            let fields = host::fields(map(section)).unwrap_or_default();
            if section == Section::ResponseHeaders
                && let Ok(mut headers) = self.fate.headers.try_borrow_mut()
            {
                let (_, _, absent) = &mut *headers;
                absent.retain(|(name, _)| fields.first(name).is_none());
            }
            // What follows a request's head asks nothing of the clock.
            filter.react(Event::Fields { stream: self.id, section, fields }, In::Returning(self));
        }
    }
}

impl Context for Stream {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body: usize, trailers: usize) {
        let Ok(mut filter) = self.filter.try_borrow_mut() else { return };
        if let Some(out) = take(&mut filter.calls, token) {
            let at = (self.id, filter.root);
            let event = call_done_of(at, out, (headers, body, trailers));
            filter.handle(event, In::Stream(self));
        }
    }

    fn on_done(&mut self) -> bool {
        let (is_pending, has_called) =
            (self.fate.stage.get() == Stage::Pending, self.fate.has_called.get());
        if (is_pending || has_called)
            && let Ok(mut filter) = self.filter.try_borrow_mut()
        {
            if has_called {
                // Nobody says what becomes of them.
                filter.calls.retain(|(_, out)| out.stream != Some(self.id));
            }
            if is_pending {
                let _ = take(&mut filter.waiting, self.id);
                filter.handle(Event::StreamGone { stream: self.id }, In::Stream(self));
            }
        }
        true
    }
}

impl HttpContext for Stream {
    // A request whose token is known costs eleven host calls, and no shared data but once a minute:
    // its fields and the clock are read; three facts are noted, one counter raised, the credential
    // removed and the identity set, one call each; the clock is read again and the time recorded;
    // the answer's fields are read. What else is counted waits for the tick. In the engine it
    // costs fourteen allocations at most (tests/hot_path.rs) and one comparison of the token. A
    // configuration that goes by routes adds one host call, or two. Policies with limits add a fact,
    // a look-up and a write of shared data, and two headers of the answer.
    fn on_http_request_headers(&mut self, _: usize, is_all: bool) -> Action {
        let start = host::now();
        let Some(headers) = host::fields(MapType::HttpRequestHeaders) else {
            // What cannot be read cannot be judged.
            return self.fail(&RequestHead::default());
        };
        let head = RequestHead { headers: if is_all { headers } else { headers.followed() } };
        #[cfg(tollgate_trap)]
        if head.path() == b"/trap" {
            std::process::abort();
        }
        let Ok(mut filter) = self.filter.try_borrow_mut() else { return self.fail(&head) };
        let Some(engine) = &filter.engine else { return self.fail(&head) };
        let host = facts(engine.host_questions());
        let event = Event::RequestHeaders { stream: self.id, head, host };
        filter.handle_at(start, event, In::Returning(self));
        if self.fate.stage.get() == Stage::Pending {
            filter.waiting.push((self.id, Rc::clone(&self.fate)));
        }
        drop(filter);
        self.action()
    }

    fn on_http_request_body(&mut self, size: usize, is_whole: bool) -> Action {
        if self.fate.stage.get() == Stage::Pending {
            self.fate.body.set(Body { size, is_whole, ..self.fate.body.get() });
            self.read();
        }
        self.action()
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        self.pass(Section::RequestTrailers);
        if self.fate.stage.get() == Stage::Pending {
            self.fate.body.set(Body { is_whole: true, ..self.fate.body.get() });
            self.read();
        }
        self.action()
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        self.pass(Section::ResponseHeaders);
        let kind = MapType::HttpResponseHeaders;
        if let Ok(headers) = self.fate.headers.try_borrow() {
            let (set, append, absent) = &*headers;
            for (name, value) in set {
                match value.as_str() {
                    "" => host::empty_and_remove_header(kind, name.as_bytes()),
                    value => host::set_header(kind, name.as_bytes(), value.as_bytes()),
                };
            }
            for (name, value) in append {
                host::add_header(kind, name.as_bytes(), value.as_bytes());
            }
            for (name, value) in absent {
                host::set_header(kind, name.as_bytes(), value.as_bytes());
            }
        }
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _: usize) -> Action {
        self.pass(Section::ResponseTrailers);
        Action::Continue
    }
}
