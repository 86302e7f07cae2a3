//! A Proxy-Wasm host of ABI 0.2.1 that counts: which instructions a module executes, and which calls
//! it makes. As far as the filter can see it is Envoy; its clock and its randomness are fixed, so that
//! the same module always comes to the same counts.
//!
//! Whatever goes wrong is a panic: this is for tests.

pub mod built;
mod calls;
mod counting;
mod state;
pub mod table;

use std::collections::BTreeMap;
use std::time::Duration;

use wasmi::{Caller, Engine, ExternType, Instance, Linker, Store, Val};

use state::State;

/// What a piece of work cost.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Cost {
    /// Instructions of WebAssembly that were executed.
    pub instructions: u64,
    /// How often each function of the host was called.
    pub calls: BTreeMap<String, u64>,
}

/// A module that can be started.
pub struct Module {
    module: wasmi::Module,
    linker: Linker<State>,
}

impl Module {
    /// Reads a module, and has it count its instructions.
    pub fn new(bytes: &[u8]) -> Self {
        Self::uncounted(&counting::counting(bytes))
    }

    /// Reads a module whose cost nobody asks for: it takes half the time.
    pub fn uncounted(bytes: &[u8]) -> Self {
        let engine = Engine::default();
        let module = wasmi::Module::new(&engine, bytes).expect("a module");
        let mut linker = Linker::new(&engine);
        for import in module.imports() {
            let ExternType::Func(kind) = import.ty() else { panic!("an import that is none") };
            let name = import.name().to_owned();
            let answer =
                move |caller: Caller<'_, State>, arguments: &[Val], results: &mut [Val]| {
                    calls::answer(&name, caller, arguments, results)
                };
            linker
                .func_new(import.module(), import.name(), kind.clone(), answer)
                .expect("an import of its own");
        }
        Self { module, linker }
    }

    /// The functions of the host that the module may call.
    pub fn imports(&self) -> impl Iterator<Item = &str> {
        self.module.imports().map(|import| import.name())
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The filter answered it with this status.
    Answered(u16),
    /// It went upstream.
    Forwarded,
    /// The filter ended it without an answer.
    Closed,
    /// It waits.
    Waiting,
}

/// A worker of the proxy with one filter.
pub struct Worker {
    store: Store<State>,
    instance: Instance,
    streams: i32,
    /// What the module had counted when it was asked last.
    counted: i64,
    keeps_traps: bool,
    trap: Option<String>,
}

/// The context of the filter itself.
pub(crate) const ROOT: i32 = 1;

impl Worker {
    /// Starts a module with a configuration that it takes.
    pub fn start(module: &Module, configuration: &str) -> Self {
        let (worker, is_accepted) = Self::try_start(module, configuration, None);
        assert!(is_accepted, "the configuration was refused: {:#?}", worker.log());
        worker
    }

    /// Starts a module with a configuration, where one function of the host may answer an odd status;
    /// whether the module takes the configuration.
    pub fn try_start(
        module: &Module,
        configuration: &str,
        odd: Option<(&str, i32)>,
    ) -> (Self, bool) {
        let mut store = Store::new(module.linker.engine(), State::new(configuration));
        let instance = module.linker.instantiate_and_start(&mut store, &module.module);
        let instance = instance.expect("an instance");
        let mut worker =
            Self { store, instance, streams: 0, counted: 0, keeps_traps: false, trap: None };
        worker.set_odd(odd);
        worker.call("_initialize", &[]);
        worker.call("proxy_on_context_create", &[ROOT, 0]);
        worker.call("proxy_on_vm_start", &[ROOT, 0]);
        let size = i32::try_from(configuration.len()).expect("a small configuration");
        let is_accepted = worker.call("proxy_on_configure", &[ROOT, size]) == Some(1);
        (worker, is_accepted)
    }

    /// Has a function of the host answer this status from now on, or none.
    pub fn set_odd(&mut self, odd: Option<(&str, i32)>) {
        self.store.data_mut().odd = odd.map(|(name, status)| (name.to_owned(), status));
    }

    /// Has the host turn to no request, or to each again.
    pub fn set_turns_away(&mut self, turns_away: bool) {
        self.store.data_mut().turns_away = turns_away;
    }

    /// Has a trap of the module be no panic, but its end: nothing of it is called any more.
    pub fn keep_traps(&mut self) {
        self.keeps_traps = true;
    }

    /// Why the module has trapped.
    pub fn trap(&self) -> Option<&str> {
        self.trap.as_deref()
    }

    /// Lets time pass.
    pub fn wait(&mut self, span: Duration) {
        self.store.data_mut().now += span;
    }

    /// Ticks once.
    pub fn tick(&mut self) {
        self.call("proxy_on_tick", &[ROOT]);
    }

    /// Has a request of these headers and no body go through the filter, and its answer come back:
    /// all that Envoy calls for it.
    pub fn request(&mut self, headers: &[(&str, &str)]) -> Outcome {
        let stream = self.begin(headers);
        self.end(stream)
    }

    /// Has a request of these headers and no body come; its context.
    pub fn begin(&mut self, headers: &[(&str, &str)]) -> i32 {
        const CONTINUE: Option<i32> = Some(0);
        self.streams += 1;
        let stream = ROOT + self.streams;
        let fields = self.store.data_mut().begin_request(headers);
        self.store.data_mut().streams.insert(stream);
        self.call("proxy_on_context_create", &[stream, ROOT]);
        let action = self.call("proxy_on_request_headers", &[stream, fields, 1]);
        if action == CONTINUE {
            let before = self.store.data_mut().ended.insert(stream, Outcome::Forwarded);
            assert_eq!(before, None, "a request that is answered goes on");
        }
        stream
    }

    /// How a request stands.
    pub fn outcome(&self, stream: i32) -> Outcome {
        self.store.data().ended.get(&stream).copied().unwrap_or(Outcome::Waiting)
    }

    /// Has the answer of a request come back, where it does not wait, and the request be over; how it
    /// ended.
    pub fn end(&mut self, stream: i32) -> Outcome {
        let outcome = self.outcome(stream);
        if matches!(outcome, Outcome::Answered(_) | Outcome::Forwarded) {
            let fields = self.store.data_mut().begin_response();
            self.call("proxy_on_response_headers", &[stream, fields, 0]);
            self.call("proxy_on_response_body", &[stream, 2, 1]);
        }
        self.call("proxy_on_done", &[stream]);
        self.call("proxy_on_log", &[stream]);
        self.call("proxy_on_delete", &[stream]);
        self.store.data_mut().streams.remove(&stream);
        outcome
    }

    /// The values of this header in what the filter answered last, itself.
    pub fn answered(&self, header: &str) -> Vec<String> {
        let fields = self.store.data().answered.iter();
        let values = fields.filter(|(name, _)| name == header.as_bytes());
        values.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
    }

    /// Answers every call that is out; how many there were. Without a body they fail: no headers come.
    pub fn answer(&mut self, body: Option<&str>) -> usize {
        let out = std::mem::take(&mut self.store.data_mut().out);
        for (call, _) in &out {
            self.answer_call(*call, body);
        }
        out.len()
    }

    /// Fails the call that was made last, and leaves the others out.
    pub fn fail_last(&mut self) {
        let (call, _) = self.store.data_mut().out.pop().expect("a call that is out");
        self.answer_call(call, None);
    }

    fn answer_call(&mut self, call: u32, body: Option<&str>) {
        let call = i32::try_from(call).expect("few calls");
        let (headers, size) = match body {
            Some(body) => (self.store.data_mut().begin_answer("200", body), body.len()),
            None => (0, 0),
        };
        let size = i32::try_from(size).expect("a small body");
        // As Envoy does, whose calls are the filter's own whoever made them.
        self.call("proxy_on_http_call_response", &[ROOT, call, headers, size, 0]);
    }

    /// The functions of the host that were called since the start.
    pub fn called(&self) -> impl Iterator<Item = &str> {
        self.store.data().calls.keys().map(String::as_str)
    }

    /// What was done since this was asked for last, or since the start.
    pub fn cost(&mut self) -> Cost {
        let count = self.instance.get_global(&self.store, counting::COUNT).expect("a count");
        let Val::I64(counted) = count.get(&self.store) else { panic!("a count of 64 bits") };
        let executed = counted - std::mem::replace(&mut self.counted, counted);
        let calls = std::mem::take(&mut self.store.data_mut().calls);
        Cost { instructions: executed.cast_unsigned(), calls }
    }

    /// What the filter has logged.
    pub fn log(&self) -> &[String] {
        &self.store.data().log
    }

    /// Calls a function of the module, which has one result or none; then the one that its queue asks
    /// for.
    fn call(&mut self, name: &str, arguments: &[i32]) -> Option<i32> {
        let result = self.call_alone(name, arguments);
        if std::mem::take(&mut self.store.data_mut().rings) {
            self.call_alone("proxy_on_queue_ready", &[ROOT, 1]);
        }
        result
    }

    /// Calls a function of the module in the context that it names first. One that it does not have is
    /// not called: a module has the callbacks that it needs.
    fn call_alone(&mut self, name: &str, arguments: &[i32]) -> Option<i32> {
        if self.trap.is_some() {
            return None;
        }
        let function = self.instance.get_func(&self.store, name)?;
        self.store.data_mut().context = arguments.first().copied().unwrap_or_default();
        let arguments: Vec<_> = arguments.iter().copied().map(Val::I32).collect();
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        if let Err(error) = function.call(&mut self.store, &arguments, &mut results) {
            assert!(self.keeps_traps, "{name}: {error}; the log: {:#?}", self.log());
            self.trap = Some(error.to_string());
            return None;
        }
        results.first().and_then(Val::i32)
    }
}
