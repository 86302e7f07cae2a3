//! The engine beside a proxy: with randomness, with a store for as long as a command runs, at a clock
//! that stands, and with calls that the command makes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tollgate::config::Config;
use tollgate::engine::{Engine, Explanation};
use tollgate::env::{
    Cas, Downstream, Env, NoRandomness, PutError, Random, SharedData, Stored, Unmetered,
};
use tollgate::event::{CallRequest, CallResponse, Effect, Event};
use tollgate::ids::{CallId, ProviderId};
use tollgate::jose::verify::InWasm;
use tollgate::time::UnixMillis;

/// Most rounds of calls that are worth making: a discovery and its key set are two, one after the
/// other, and no fetch makes more.
pub(super) const MAX_ROUNDS: usize = 8;

/// The calls that an engine wants made.
pub(super) type Calls = Vec<(CallId, CallRequest)>;

/// What is around an engine.
pub(super) trait Outside {
    /// Makes a call; `None` where no answer comes.
    fn call(&mut self, request: &CallRequest) -> Option<CallResponse>;

    /// Takes note of what is no call.
    fn hear(&mut self, effect: Effect);
}

/// An engine and what a proxy would lend it.
pub(super) struct Hosted {
    engine: Engine,
    now: UnixMillis,
    store: Store,
    from: From,
}

/// Where requests come from, as a proxy writes it.
#[derive(Default)]
struct From(Option<String>);

impl Downstream for From {
    fn address(&self) -> Option<Vec<u8>> {
        self.0.clone().map(String::into_bytes)
    }
}

impl Hosted {
    /// An engine that has started. What it warns of then is for its reader to tell from the
    /// configuration.
    pub(super) fn new(config: Config, root_id: &str, now: UnixMillis) -> Self {
        let (engine, store, from) =
            (Engine::new(config, root_id), Store::default(), From::default());
        let mut hosted = Self { engine, now, store, from };
        hosted.engine.observe();
        hosted.with(Engine::start);
        hosted
    }

    /// Has requests come from this address from now on.
    pub(super) fn come_from(&mut self, address: IpAddr) {
        // A proxy names the port, too: any will do.
        self.from = From(Some(SocketAddr::new(address, 0).to_string()));
    }

    /// Moves the clock on.
    pub(super) fn wait(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }

    /// Tells the engine of an event; the calls that it wants then.
    pub(super) fn handle(&mut self, event: Event, outside: &mut impl Outside) -> Calls {
        let mut calls = Vec::new();
        for effect in self.with(|engine, env| engine.handle(event, env)) {
            match effect {
                Effect::Call { call, request, .. } => calls.push((call, *request)),
                other => outside.hear(other),
            }
        }
        calls
    }

    /// Has a provider asked about a token that no request has, as soon as it is known where; the calls that
    /// are wanted for that.
    pub(super) fn ask_about(
        &mut self,
        provider: ProviderId,
        token: &str,
        outside: &mut impl Outside,
    ) -> Calls {
        self.with(|engine, env| engine.ask_about(provider, token, env));
        self.handle(Event::Tick, outside)
    }

    /// Makes calls, one after the other; those that the engine wants because of their answers.
    pub(super) fn answer(&mut self, calls: Calls, outside: &mut impl Outside) -> Calls {
        let mut next = Vec::new();
        for (call, request) in calls {
            let response = outside.call(&request);
            next.extend(self.handle(Event::CallDone { call, response }, outside));
        }
        next
    }

    /// How the last request was judged.
    pub(super) fn explanation(&mut self) -> Option<Explanation> {
        self.engine.observed().pop().map(|(_, explanation)| explanation)
    }

    fn with<T>(&mut self, then: impl FnOnce(&mut Engine, &Env<'_>) -> T) -> T {
        let env = Env {
            now: self.now,
            random: &SystemRandom,
            shared: &self.store,
            metrics: &Unmetered,
            verifier: &InWasm,
            signer: None,
            downstream: &self.from,
        };
        then(&mut self.engine, &env)
    }
}

/// The system's randomness. Where there is none the numbers are 0: none of them has to be
/// unpredictable, since no other process reads what is stored.
struct SystemRandom;

impl Random for SystemRandom {
    fn u64(&self) -> u64 {
        let mut bytes = [0; 8];
        let _ = getrandom::fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        getrandom::fill(bytes).map_err(|_| NoRandomness)
    }
}

/// A store like a proxy's, for as long as the command runs.
#[derive(Default)]
struct Store(RefCell<BTreeMap<String, (Vec<u8>, u32)>>);

impl SharedData for Store {
    fn get(&self, key: &str) -> Stored {
        match self.0.borrow().get(key) {
            Some((value, version)) => Stored {
                value: (!value.is_empty()).then(|| value.clone()),
                cas: Some(Cas(*version)),
            },
            None => Stored::default(),
        }
    }

    fn put(&self, key: &str, value: &[u8], expected: Option<Cas>) -> Result<(), PutError> {
        let mut all = self.0.borrow_mut();
        let known = all.get(key).map(|(_, version)| Cas(*version));
        if known != expected {
            return Err(PutError::Lost);
        }
        let version = known.map_or(1, |Cas(version)| version.wrapping_add(1));
        all.insert(key.to_owned(), (value.to_vec(), version));
        Ok(())
    }
}
