//! The built module in `proxy-wasm-host`, with the stores and the failures of the hosts that there are.
//!
//! Whatever goes wrong is a panic: this is for tests.

#[allow(unreachable_pub, reason = "shared with the other host")]
#[path = "../../src/built.rs"]
mod built;
mod lacking;
mod store;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proxy_wasm_host::abi::v0_2_1::types::{Action, LogLevel, MapType, Status, StreamType};
use proxy_wasm_host::abi::v0_2_1::{
    Access, CallScope, CalloutId, Callouts, Clock, ContextId, Guest, GuestError, Host, HttpCall,
    HttpCallRefusal, HttpCallResponse, Invocation, LocalResponse, LogContext, LogSink,
    PluginConfig, SharedServices, Started, StreamState, VmServices,
};
use proxy_wasm_host::{Engine, HeaderMap, HeaderMapExt, Limits, Module, VecHeaderMap};

pub use lacking::Lack;
pub use store::Store;

/// The built module, compiled.
pub struct Compiled {
    host: Host,
    module: Module,
}

impl Compiled {
    /// Compiles the module without some of what it calls.
    pub fn without(functions: &[(&str, Lack)]) -> Self {
        let path = built::module();
        let bytes =
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let engine = Engine::new().expect("an engine");
        let bytes = lacking::lacking(&bytes, functions);
        let module = Module::new(&engine, &bytes).expect("a module");
        Self { host: Host::new(&engine).expect("a host"), module }
    }
}

/// How a request ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The filter answered it: the status, and the code in the body.
    Answered(u32, String),
    /// The filter ended it without an answer.
    Closed,
    /// It went upstream with these headers.
    Forwarded(Vec<(String, String)>),
    /// It waits.
    Waiting,
}

/// What becomes of a call that the filter makes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Calls {
    /// It brings what is there.
    Succeed,
    /// It ends without headers.
    Fail,
    /// The host makes none.
    Refused,
    /// It never ends.
    Hang,
}

/// A document that the filter may fetch, by the path of its URL.
pub type Documents<'d> = &'d [(&'d str, String)];

/// A proxy with the filter in it, and a clock that is cranked by hand.
pub struct Proxy {
    guest: Guest,
    root: ContextId,
    streams: Option<Streams>,
    outside: Arc<Outside>,
    is_taken: bool,
}

/// A call that is out: who made it, its number, and what it asks.
type Out = (ContextId, CalloutId, HttpCall<'static>);

/// What the filter sees of the world.
struct Outside {
    now: AtomicU64,
    lines: Mutex<Vec<String>>,
    calls: Mutex<(Calls, Vec<Out>)>,
}

impl Clock for Outside {
    fn realtime_nanos(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    fn monotonic_nanos(&self) -> u64 {
        self.realtime_nanos()
    }
}

impl LogSink for Outside {
    fn log(&self, _: LogContext<'_>, _: LogLevel, message: &[u8]) {
        let line = String::from_utf8_lossy(message).into_owned();
        self.lines.lock().expect("no panic elsewhere").push(line);
    }
}

impl Callouts for Outside {
    fn http_call(
        &self,
        call: Invocation,
        callout: CalloutId,
        request: HttpCall<'_>,
    ) -> Result<(), HttpCallRefusal> {
        let mut calls = self.calls.lock().expect("no panic elsewhere");
        if request.upstream.is_empty() {
            return Err(HttpCallRefusal::UnknownUpstream);
        }
        if calls.0 == Calls::Refused {
            return Err(HttpCallRefusal::Failed);
        }
        calls.1.push((call.context, callout, request.into_owned()));
        Ok(())
    }
}

/// The requests that there are.
#[derive(Default)]
struct Streams(Vec<(ContextId, Stream)>);

#[derive(Default)]
struct Stream {
    headers: VecHeaderMap,
    answer: VecHeaderMap,
    ended: Option<Outcome>,
}

impl Streams {
    fn of(&mut self, call: Invocation) -> Result<&mut Stream, Status> {
        let found = self.0.iter_mut().find(|(context, _)| *context == call.context);
        found.map(|(_, stream)| stream).ok_or(Status::BadArgument)
    }

    fn end(&mut self, call: Invocation, how: Outcome) -> Result<(), Status> {
        let stream = self.of(call)?;
        assert_eq!(stream.ended, None, "a request ends twice: {how:?}");
        stream.ended = Some(how);
        Ok(())
    }
}

fn texts(map: &VecHeaderMap) -> Vec<(String, String)> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    map.pairs().into_iter().map(|(name, value)| (text(name), text(value))).collect()
}

impl StreamState for Streams {
    fn header_map(
        &mut self,
        call: Invocation,
        _: Access,
        map: MapType,
    ) -> Result<&mut dyn HeaderMap, Status> {
        let stream = self.of(call)?;
        match map {
            MapType::HttpRequestHeaders => Ok(&mut stream.headers),
            MapType::HttpResponseHeaders => Ok(&mut stream.answer),
            _ => Err(Status::BadArgument),
        }
    }

    fn continue_stream(&mut self, call: Invocation, _: StreamType) -> Result<(), Status> {
        let headers = texts(&self.of(call)?.headers);
        self.end(call, Outcome::Forwarded(headers))
    }

    fn close_stream(&mut self, call: Invocation, _: StreamType) -> Result<(), Status> {
        self.end(call, Outcome::Closed)
    }

    fn send_local_response(
        &mut self,
        call: Invocation,
        response: LocalResponse<'_>,
    ) -> Result<(), Status> {
        let body = String::from_utf8_lossy(&response.body).into_owned();
        let code = body.split("\"code\":\"").nth(1).and_then(|rest| rest.split('"').next());
        let code = code.unwrap_or_default().to_owned();
        self.end(call, Outcome::Answered(response.status_code, code))
    }
}

impl Proxy {
    /// Starts the filter with a configuration, at this second since 1970.
    pub fn start(module: &Compiled, store: Option<Store>, configuration: &str, now: u64) -> Self {
        let outside = Arc::new(Outside {
            now: AtomicU64::new(now * 1_000_000_000),
            lines: Mutex::default(),
            calls: Mutex::new((Calls::Succeed, Vec::new())),
        });
        let log: Arc<dyn LogSink> = Arc::clone(&outside) as _;
        let mut services = VmServices::new(log)
            .with_vm_id(*b"tollgate")
            .with_clock(Arc::clone(&outside) as _)
            .with_callouts(Arc::clone(&outside) as _);
        if let Some(store) = store {
            let store: Arc<dyn SharedServices> = Arc::new(store::Kept::new(store));
            services = services.with_shared(store);
        }
        // A machine that does much else must not end a callback.
        let limits = Limits::default().with_cpu_time(Duration::from_secs(60));
        let mut guest =
            Guest::new(&module.host, &module.module, services, &limits).expect("an instance");
        let plugin =
            PluginConfig::new().with_root_id(*b"tollgate").with_configuration(configuration);
        let (root, is_taken) = match guest.start(plugin).expect("no trap") {
            Started::Serving(root) => (root, true),
            Started::Refused { root, .. } => (root, false),
        };
        Self { guest, root, streams: Some(Streams::default()), outside, is_taken }
    }

    /// Whether the filter has taken its configuration.
    pub fn is_taken(&self) -> bool {
        self.is_taken
    }

    /// What the filter has logged.
    pub fn log(&self) -> Vec<String> {
        self.outside.lines.lock().expect("no panic elsewhere").clone()
    }

    /// What becomes of the filter's calls from now on.
    pub fn set_calls(&mut self, calls: Calls) {
        self.outside.calls.lock().expect("no panic elsewhere").0 = calls;
    }

    fn scope<R>(
        &mut self,
        body: impl FnOnce(&mut CallScope<'_, Streams>) -> Result<R, GuestError>,
    ) -> R {
        let streams = self.streams.take().expect("one callback at a time");
        let (answer, streams) = self.guest.with(streams, body);
        self.streams = Some(streams);
        answer.unwrap_or_else(|error| panic!("{error}: {:#?}", self.log()))
    }

    /// Has a request come.
    pub fn begin(&mut self, headers: &[(&str, &str)]) -> ContextId {
        let root = self.root;
        let headers = headers
            .iter()
            .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        let headers: VecHeaderMap = headers.collect();
        let count = u32::try_from(headers.len()).expect("few headers");
        let context = self.scope(|scope| scope.on_context_create(Some(root)));
        let stream = Stream { headers, ..Stream::default() };
        self.streams.as_mut().expect("no callback runs").0.push((context, stream));
        if self.scope(|scope| scope.on_request_headers(context, count, true)) == Action::Continue {
            let stream = self.stream(context);
            assert_eq!(stream.ended, None, "a request that is answered goes on");
            stream.ended = Some(Outcome::Forwarded(texts(&stream.headers)));
        }
        context
    }

    fn stream(&mut self, context: ContextId) -> &mut Stream {
        let streams = self.streams.as_mut().expect("no callback runs");
        let found = streams.0.iter_mut().find(|(known, _)| *known == context);
        &mut found.expect("a request that there is").1
    }

    /// How a request stands.
    pub fn outcome(&mut self, context: ContextId) -> Outcome {
        self.stream(context).ended.clone().unwrap_or(Outcome::Waiting)
    }

    /// Has a request be over, its answer before that; how it ended.
    pub fn end(&mut self, context: ContextId) -> Outcome {
        let outcome = self.outcome(context);
        if matches!(outcome, Outcome::Answered(..) | Outcome::Forwarded(_)) {
            self.stream(context).answer = vec![(b":status".to_vec(), b"200".to_vec())].into();
            self.scope(|scope| scope.on_response_headers(context, 1, true));
        }
        self.scope(|scope| {
            scope.on_done(context)?;
            scope.on_log(context)?;
            scope.on_delete(context)
        });
        self.streams.as_mut().expect("no callback runs").0.retain(|(known, _)| *known != context);
        outcome
    }

    /// Lets half a second pass: calls that are out end, and the filter ticks where it has asked to.
    pub fn pass(&mut self, documents: Documents<'_>) {
        self.outside.now.fetch_add(500_000_000, Ordering::Relaxed);
        let (fate, out) = {
            let mut calls = self.outside.calls.lock().expect("no panic elsewhere");
            let out =
                if calls.0 == Calls::Hang { Vec::new() } else { std::mem::take(&mut calls.1) };
            (calls.0, out)
        };
        for (context, callout, request) in out {
            let path = request.headers.iter().find(|(name, _)| **name == *b":path");
            let path = path.expect("a path").1.as_ref();
            let document = documents.iter().find(|(known, _)| known.as_bytes() == path);
            let answer = match document.filter(|_| fate == Calls::Succeed) {
                Some((_, body)) => HttpCallResponse::received(vec![
                    (b":status".as_slice().into(), b"200".as_slice().into()),
                    (b"content-type".as_slice().into(), b"application/json".as_slice().into()),
                ])
                .with_body(body.as_bytes()),
                None => HttpCallResponse::failed(),
            };
            self.scope(|scope| scope.on_http_call_response(context, callout, answer));
        }
        let root = self.root;
        if self.guest.tick_period(root).is_some() {
            self.scope(|scope| scope.on_tick(root));
        }
    }
}
