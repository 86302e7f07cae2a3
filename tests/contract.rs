//! The contract between the engine and the shell, under random events: every request is settled
//! exactly once unless it left before, no two workers fetch at once, nothing waits for ever.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::type_complexity,
    clippy::unwrap_used,
    reason = "a test may fail loudly, and spells its tables out"
)]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use support::token::{Signer, Token, key_set};
use support::world::{CONFIG, Worker, World, head};
use tollgate::event::{CallResponse, Event};
use tollgate::http::Fields;
use tollgate::ids::StreamId;

/// One thing that happens to one of two workers.
#[derive(Clone, Debug)]
enum Step {
    Arrive { worker: usize, kid: u8 },
    ArriveWithoutToken { worker: usize },
    Leave { worker: usize, which: usize },
    Tick { worker: usize },
    Answer { worker: usize, how: Answer },
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
    let worker = 0..2_usize;
    let answer = prop_oneof![
        4 => (0..4_u8).prop_map(Answer::Keys),
        1 => Just(Answer::Html),
        1 => Just(Answer::Nothing),
        1 => prop_oneof![Just(302), Just(404), Just(500), Just(503)].prop_map(Answer::Status),
    ];
    prop_oneof![
        6 => (worker.clone(), 0..5_u8).prop_map(|(worker, kid)| Step::Arrive { worker, kid }),
        1 => worker.clone().prop_map(|worker| Step::ArriveWithoutToken { worker }),
        2 => (worker.clone(), any::<usize>()).prop_map(|(worker, which)| Step::Leave { worker, which }),
        6 => worker.clone().prop_map(|worker| Step::Tick { worker }),
        4 => (worker, answer).prop_map(|(worker, how)| Step::Answer { worker, how }),
        1 => (0..4_u32).prop_map(Step::LoseWrites),
        4 => (1..20_000_u64).prop_map(Step::Wait),
    ]
}

/// A worker, and what its shell knows: who waits, and who has left.
struct Model<'w> {
    worker: Worker<'w>,
    waiting: BTreeSet<StreamId>,
    gone: BTreeSet<StreamId>,
}

impl Model<'_> {
    fn arrived(&mut self, stream: StreamId) {
        self.waiting.insert(stream);
    }

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
}

fn kid(number: u8) -> Signer {
    Signer::new(&format!("key-{number}"))
}

fn answer(model: &mut Model<'_>, how: &Answer) {
    let Some(call) = model.worker.calls.keys().next().copied() else { return };
    model.worker.calls.remove(&call);
    let response = |status: u16, body: String| {
        Some(CallResponse {
            status,
            headers: Fields::default(),
            body_size: body.len(),
            body: body.into(),
        })
    };
    let response = match how {
        Answer::Keys(count) => {
            let signers: Vec<_> = (0..*count).map(kid).collect();
            response(200, key_set(&signers.iter().collect::<Vec<_>>()))
        }
        Answer::Html => response(200, "<html>".into()),
        Answer::Nothing => None,
        Answer::Status(status) => response(*status, String::new()),
    };
    model.worker.handle(Event::CallDone { call, response });
}

fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let world = World::default();
    let mut workers = [(); 2].map(|()| Model {
        worker: Worker::new(&world, CONFIG),
        waiting: BTreeSet::new(),
        gone: BTreeSet::new(),
    });
    let longest_call = Duration::from_secs(5);
    let mut call_age = Duration::ZERO;
    for step in steps {
        match step {
            Step::Arrive { worker, kid: number } => {
                let token = kid(number).sign(&Token::for_identity("alice").claim("exp", 2e9));
                let stream = workers[worker].worker.get(&token);
                workers[worker].arrived(stream);
            }
            Step::ArriveWithoutToken { worker } => {
                let stream = workers[worker].worker.request(head("GET", "/", &[]));
                workers[worker].arrived(stream);
            }
            Step::Leave { worker, which } => {
                let model = &mut workers[worker];
                let Some(stream) = model.waiting.iter().nth(which % 8).copied() else { continue };
                model.waiting.remove(&stream);
                model.gone.insert(stream);
                model.worker.handle(Event::StreamGone { stream });
            }
            Step::Tick { worker } => workers[worker].worker.tick(),
            Step::Answer { worker, how } => answer(&mut workers[worker], &how),
            Step::LoseWrites(count) => world.store.losses.set(count),
            Step::Wait(millis) => {
                // The host ends every call within its time-out.
                let is_out = workers.iter().any(|model| !model.worker.calls.is_empty());
                call_age = if is_out { call_age } else { Duration::ZERO };
                let span = Duration::from_millis(millis).min(longest_call - call_age);
                world.wait(span);
                call_age += span;
                if call_age == longest_call {
                    workers.iter_mut().for_each(|model| answer(model, &Answer::Nothing));
                    call_age = Duration::ZERO;
                }
            }
        }
        let calls: usize = workers.iter().map(|model| model.worker.calls.len()).sum();
        prop_assert!(calls <= 1, "{calls} fetches at once");
        for model in &mut workers {
            model.check()?;
        }
    }
    // Time heals everything: whoever still waits is told something within ten seconds.
    world.store.losses.set(0);
    world.wait(Duration::from_secs(11));
    for model in &mut workers {
        answer(model, &Answer::Nothing);
        model.worker.tick();
        model.check()?;
        prop_assert!(model.waiting.is_empty(), "{:?} wait for ever", model.waiting);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_request_is_settled_once_whatever_happens(steps in prop::collection::vec(step(), 0..80)) {
        run(steps)?;
    }
}
