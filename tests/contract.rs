//! The contract between the engine and the shell, under random events: every request is settled
//! exactly once unless it left before, whatever it waits for and however that ends; it is charged once;
//! no two workers fetch at once, or ask about one token at once; nothing waits for ever.

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use support::token::{Signer, Token, key_set};
use support::world::{Worker, World, head};
use tollgate::event::{CallResponse, Event};
use tollgate::http::Fields;
use tollgate::ids::{CallId, StreamId};

/// What requests wait for beside keys, by what they name in `x-probe`.
const PROBES: [&str; 9] = [
    "",
    "before-shared-1",
    "before-alone-1",
    "before-elsewhere-1",
    "before-body-0",
    "after-shared-1",
    "after-alone-1, after-alone-2",
    "before-shared-2, after-elsewhere-1, after-alone-3",
    "after-body-0",
];

/// A provider with keys, one that is asked about opaque tokens, and a quota that no test uses up.
const CONFIG: &str = r#"{ "providers": {
    "idp": { "issuer": "https://id.example.com/", "audiences": ["api"],
      "jwks": { "url": "https://id.example.com/keys", "cluster": "idp" } },
    "org": { "kind": "introspection", "audiences": ["api"], "timeout": "5s",
      "url": "https://id.example.com/introspect", "cluster": "idp",
      "client": { "id": "gateway", "secret": { "text": "s3cret" } } } },
    "policies": { "p": { "quota": { "requests": 1000000, "per": "30d" } } },
    "apis": [{ "name": "a", "match": { "paths": ["/**"] }, "auth": ["idp", "org"],
    "policies": { "default": ["p"] } }] }"#;

/// One thing that happens to one of two workers.
#[derive(Clone, Debug)]
enum Step {
    Arrive {
        worker: usize,
        kid: u8,
        probe: usize,
    },
    ArriveWithOpaque {
        worker: usize,
        token: u8,
        probe: usize,
    },
    ArriveWithoutToken {
        worker: usize,
    },
    Leave {
        worker: usize,
        which: usize,
    },
    Tick {
        worker: usize,
    },
    Answer {
        worker: usize,
        which: usize,
        how: Answer,
    },
    /// A call gets no answer, and neither does the host say so.
    Lose {
        worker: usize,
        which: usize,
    },
    /// An answer comes a second time, or after it was lost.
    Late {
        worker: usize,
        which: usize,
        how: Answer,
    },
    Body {
        worker: usize,
        which: usize,
        length: usize,
    },
    /// A question that no request waits for.
    Begin {
        worker: usize,
    },
    /// Another worker does what requests wait for.
    Elsewhere,
    LoseWrites(u32),
    Wait(u64),
}

#[derive(Clone, Debug)]
enum Answer {
    Keys(u8),
    Html,
    Nothing,
    Status(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let worker = || 0..2_usize;
    let which = any::<usize>;
    let answer = || {
        prop_oneof![
            4 => (0..4_u8).prop_map(Answer::Keys),
            1 => Just(Answer::Html),
            1 => Just(Answer::Nothing),
            1 => prop_oneof![Just(202), Just(302), Just(404), Just(500), Just(503)]
                .prop_map(Answer::Status),
        ]
    };
    prop_oneof![
        8 => (worker(), 0..5_u8, 0..PROBES.len())
            .prop_map(|(worker, kid, probe)| Step::Arrive { worker, kid, probe }),
        4 => (worker(), 0..3_u8, 0..PROBES.len())
            .prop_map(|(worker, token, probe)| Step::ArriveWithOpaque { worker, token, probe }),
        1 => worker().prop_map(|worker| Step::ArriveWithoutToken { worker }),
        2 => (worker(), which()).prop_map(|(worker, which)| Step::Leave { worker, which }),
        6 => worker().prop_map(|worker| Step::Tick { worker }),
        8 => (worker(), which(), answer())
            .prop_map(|(worker, which, how)| Step::Answer { worker, which, how }),
        1 => (worker(), which()).prop_map(|(worker, which)| Step::Lose { worker, which }),
        1 => (worker(), which(), answer())
            .prop_map(|(worker, which, how)| Step::Late { worker, which, how }),
        2 => (worker(), which(), 0..80_usize)
            .prop_map(|(worker, which, length)| Step::Body { worker, which, length }),
        1 => worker().prop_map(|worker| Step::Begin { worker }),
        1 => Just(Step::Elsewhere),
        1 => (0..4_u32).prop_map(Step::LoseWrites),
        4 => (1..20_000_u64).prop_map(Step::Wait),
    ]
}

/// A worker, and what its shell knows: who waits, who has left, and which answers can still come.
struct Model<'w> {
    worker: Worker<'w>,
    waiting: BTreeSet<StreamId>,
    gone: BTreeSet<StreamId>,
    /// Calls that were answered or lost.
    past: Vec<CallId>,
    /// How many came with a token.
    arrived: usize,
}

impl Model<'_> {
    /// Takes note of what was settled; nobody who left may be among them.
    fn check(&mut self) -> Result<(), TestCaseError> {
        let worker = &self.worker;
        self.waiting.retain(|stream| !worker.settled.contains_key(stream));
        for stream in &self.gone {
            prop_assert!(!worker.settled.contains_key(stream), "{stream:?} had left");
        }
        prop_assert!(self.waiting.len() <= 256, "{} wait", self.waiting.len());
        Ok(())
    }

    /// One of the calls that are out.
    fn call(&self, which: usize) -> Option<CallId> {
        let calls = self.worker.calls.keys();
        calls.clone().nth(which.checked_rem(calls.len())?).copied()
    }

    /// How many fetches of keys are out.
    fn fetches(&self) -> usize {
        self.worker.calls.values().filter(|request| &*request.path == "/keys").count()
    }

    /// The bodies of the calls that ask about a token.
    fn questions(&self) -> impl Iterator<Item = &[u8]> {
        let calls = self.worker.calls.values();
        calls.filter(|request| &*request.path == "/introspect").map(|one| one.body.0.as_slice())
    }

    fn answer(&mut self, call: CallId, how: &Answer) {
        let path = self.worker.calls.remove(&call).map(|one| one.path);
        let (is_keys, is_question) =
            (path.as_deref() == Some("/keys"), path.as_deref() == Some("/introspect"));
        self.past.push(call);
        // The host knows nobody any more whom to tell.
        if self.worker.callers[&call].is_some_and(|stream| self.gone.contains(&stream)) {
            return;
        }
        let response = |status: u16, body: String| {
            let (headers, trailers) = (Fields::default(), Fields::default());
            let body_size = body.len();
            Some(CallResponse { status, headers, body_size, body: body.into(), trailers })
        };
        let response = match how {
            Answer::Keys(count) if is_keys => {
                let signers: Vec<_> = (0..*count).map(kid).collect();
                response(200, key_set(&signers.iter().collect::<Vec<_>>()))
            }
            Answer::Keys(count) if is_question => {
                let active = r#"{"active":true,"sub":"alice","aud":"api"}"#;
                response(200, if *count > 0 { active } else { r#"{"active":false}"# }.to_owned())
            }
            Answer::Keys(_) => response(200, String::new()),
            Answer::Html => response(200, "<html>".into()),
            Answer::Nothing => None,
            Answer::Status(status) => response(*status, String::new()),
        };
        self.worker.handle(Event::CallDone { call, response });
    }

    fn arrive(&mut self, kid_of: u8, probe: &str) -> StreamId {
        self.arrive_with(&kid(kid_of).sign(&Token::for_identity("alice").claim("exp", 2e9)), probe)
    }

    fn arrive_with(&mut self, token: &str, probe: &str) -> StreamId {
        let authorization = format!("Bearer {token}");
        let mut headers = vec![("authorization", authorization.as_str()), ("x-probe", probe)];
        if probe.contains("body") {
            headers.push(("content-length", "2"));
        }
        let stream = self.worker.request(head("POST", "/", &headers));
        self.waiting.insert(stream);
        self.arrived += 1;
        stream
    }
}

fn kid(number: u8) -> Signer {
    Signer::new(&format!("key-{number}"))
}

fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let world = World::default();
    let mut workers = [(); 2].map(|()| Model {
        worker: Worker::new(&world, CONFIG),
        waiting: BTreeSet::new(),
        gone: BTreeSet::new(),
        past: Vec::new(),
        arrived: 0,
    });
    let longest_call = Duration::from_secs(5);
    let mut call_age = Duration::ZERO;
    for step in steps {
        match step {
            Step::Arrive { worker, kid, probe } => {
                workers[worker].arrive(kid, PROBES[probe]);
            }
            Step::ArriveWithOpaque { worker, token, probe } => {
                workers[worker].arrive_with(&format!("opaque-{token}"), PROBES[probe]);
            }
            Step::ArriveWithoutToken { worker } => {
                let stream = workers[worker].worker.request(head("GET", "/", &[]));
                workers[worker].waiting.insert(stream);
            }
            Step::Leave { worker, which } => {
                let model = &mut workers[worker];
                let Some(stream) = model.waiting.iter().nth(which % 8).copied() else { continue };
                model.waiting.remove(&stream);
                model.gone.insert(stream);
                model.worker.handle(Event::StreamGone { stream });
            }
            Step::Tick { worker } => workers[worker].worker.tick(),
            Step::Answer { worker, which, how } => {
                if let Some(call) = workers[worker].call(which) {
                    workers[worker].answer(call, &how);
                }
            }
            Step::Lose { worker, which } => {
                if let Some(call) = workers[worker].call(which) {
                    workers[worker].worker.calls.remove(&call);
                    workers[worker].past.push(call);
                }
            }
            Step::Late { worker, which, how } => {
                let model = &mut workers[worker];
                let Some(place) = which.checked_rem(model.past.len()) else { continue };
                let call = model.past.remove(place);
                model.answer(call, &how);
            }
            Step::Body { worker, which, length } => {
                let model = &mut workers[worker];
                let wanted = model.worker.reads.iter();
                let wanted = wanted.filter(|(stream, _)| model.waiting.contains(*stream));
                let wanted: Vec<_> = wanted.map(|(stream, max)| (*stream, *max)).collect();
                let Some(place) = which.checked_rem(wanted.len()) else { continue };
                let (stream, max) = wanted[place];
                let body = (length <= max).then(|| vec![b'n'; length]);
                model.worker.reads.remove(&stream);
                model.worker.handle(Event::Body { stream, body });
            }
            Step::Begin { worker } => workers[worker].worker.engine.begin_probe("1"),
            Step::Elsewhere => world.store.force("tg1/probe/1", b"done"),
            Step::LoseWrites(count) => world.store.losses.set(count),
            Step::Wait(millis) => {
                // Whoever has requests that wait, or a call that waits to leave, ticks before much time
                // passes.
                let is_due = |model: &&mut Model<'_>| {
                    !model.waiting.is_empty() || model.worker.engine.hurries()
                };
                for model in workers.iter_mut().filter(is_due) {
                    model.worker.tick();
                }
                // The host ends every call within its time-out.
                let is_out = workers.iter().any(|model| !model.worker.calls.is_empty());
                call_age = if is_out { call_age } else { Duration::ZERO };
                let span = Duration::from_millis(millis).min(longest_call - call_age);
                world.wait(span);
                call_age += span;
                if call_age == longest_call {
                    for model in &mut workers {
                        while let Some(call) = model.call(0) {
                            model.answer(call, &Answer::Nothing);
                        }
                    }
                    call_age = Duration::ZERO;
                }
            }
        }
        let fetches: usize = workers.iter().map(Model::fetches).sum();
        prop_assert!(fetches <= 1, "{fetches} fetches at once");
        let mut questions: Vec<_> = workers.iter().flat_map(Model::questions).collect();
        let all = questions.len();
        questions.sort_unstable();
        questions.dedup();
        prop_assert!(questions.len() == all, "a token is asked about twice at once");
        for model in &mut workers {
            model.check()?;
        }
    }
    // Time heals everything: whoever still waits is told something within ten seconds.
    world.store.losses.set(0);
    world.wait(Duration::from_secs(11));
    for model in &mut workers {
        model.worker.tick();
        model.check()?;
        prop_assert!(model.waiting.is_empty(), "{:?} wait for ever", model.waiting);
    }
    check_charges(&world, &mut workers)
}

/// What the identity of a request was charged before it.
fn charged(model: &Model<'_>, stream: StreamId) -> Result<u64, TestCaseError> {
    let headers = model.worker.advice.get(&stream).expect("it went upstream");
    let left = headers.iter().find_map(|(name, value)| {
        let left = value.split_once("r=").filter(|_| *name == "ratelimit")?.1;
        left.split(';').next()?.parse::<u64>().ok()
    });
    Ok(1_000_000 - left.expect("what is left") - 1)
}

/// No request is charged twice, and none goes upstream without.
fn check_charges(world: &World, workers: &mut [Model<'_>; 2]) -> Result<(), TestCaseError> {
    let arrived: usize = workers.iter().map(|model| model.arrived).sum();
    let forwarded = workers.iter().map(|model| model.worker.counts.get("tollgate_allowed"));
    let forwarded: u64 = forwarded.flatten().sum();
    let model = &mut workers[0];
    model.worker.calls.clear();
    // Whatever failed is tried again meanwhile, and succeeds.
    for _ in 0..3 {
        world.wait(Duration::from_secs(60));
        model.worker.tick();
        while let Some(call) = model.call(0) {
            model.answer(call, &Answer::Keys(4));
        }
    }
    let by_jwt = model.arrive(0, "");
    let by_opaque = model.arrive_with("opaque-new", "");
    model.worker.tick();
    while let Some(call) = model.call(0) {
        model.answer(call, &Answer::Keys(1));
    }
    let charged = charged(model, by_jwt)? + charged(model, by_opaque)?;
    prop_assert!(forwarded <= charged, "{forwarded} went upstream, {charged} were charged");
    prop_assert!(charged <= arrived as u64, "{arrived} came, {charged} were charged");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_request_is_settled_once_whatever_happens(steps in prop::collection::vec(step(), 0..80)) {
        run(steps)?;
    }
}
