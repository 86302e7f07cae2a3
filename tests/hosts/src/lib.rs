//! A Proxy-Wasm host of ABI 0.2.1 that counts: which instructions a module executes, and which calls
//! it makes. As far as the filter can see it is Envoy; its clock and its randomness are fixed, so that
//! the same module always comes to the same counts.
//!
//! Whatever goes wrong is a panic: this is for tests.

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
    /// Reads a module.
    pub fn new(bytes: &[u8]) -> Self {
        let engine = Engine::default();
        let module = wasmi::Module::new(&engine, counting::counting(bytes)).expect("a module");
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
}

/// How a request ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The filter answered it with this status.
    Answered(u16),
    /// It went upstream.
    Forwarded,
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
}

/// The context of the filter itself.
const ROOT: i32 = 1;

impl Worker {
    /// Starts a module with a configuration.
    pub fn start(module: &Module, configuration: &str) -> Self {
        let mut store = Store::new(module.linker.engine(), State::new(configuration));
        let instance = module.linker.instantiate_and_start(&mut store, &module.module);
        let instance = instance.expect("an instance");
        let mut worker = Self { store, instance, streams: 0, counted: 0 };
        worker.call("_initialize", &[]);
        worker.call("proxy_on_context_create", &[ROOT, 0]);
        worker.call("proxy_on_vm_start", &[ROOT, 0]);
        let size = i32::try_from(configuration.len()).expect("a small configuration");
        let is_accepted = worker.call("proxy_on_configure", &[ROOT, size]) == Some(1);
        assert!(is_accepted, "the configuration was refused: {:#?}", worker.log());
        worker
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
        const CONTINUE: Option<i32> = Some(0);
        self.streams += 1;
        let stream = ROOT + self.streams;
        let fields = self.store.data_mut().begin_request(headers);
        self.call("proxy_on_context_create", &[stream, ROOT]);
        let action = self.call("proxy_on_request_headers", &[stream, fields, 1]);
        let outcome = match self.store.data().answered {
            Some(status) => Outcome::Answered(status),
            None if action == CONTINUE => Outcome::Forwarded,
            None => Outcome::Waiting,
        };
        if outcome != Outcome::Waiting {
            let fields = self.store.data_mut().begin_response();
            self.call("proxy_on_response_headers", &[stream, fields, 0]);
            self.call("proxy_on_response_body", &[stream, 2, 1]);
        }
        self.call("proxy_on_done", &[stream]);
        self.call("proxy_on_log", &[stream]);
        self.call("proxy_on_delete", &[stream]);
        outcome
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

    /// Calls a function of the module, which has one result or none.
    fn call(&mut self, name: &str, arguments: &[i32]) -> Option<i32> {
        let function = self.instance.get_func(&self.store, name);
        let function = function.unwrap_or_else(|| panic!("the module has no function {name}"));
        let arguments: Vec<_> = arguments.iter().copied().map(Val::I32).collect();
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        if let Err(error) = function.call(&mut self.store, &arguments, &mut results) {
            panic!("{name}: {error}; the log: {:#?}", self.log());
        }
        results.first().and_then(Val::i32)
    }
}
