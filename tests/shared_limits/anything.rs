//! Whatever the service and the callers do, in any order.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use tollgate::event::Event;
use tollgate::ids::StreamId;

use super::setup::{config, framed, says, token, worker};
use super::support::world::{Worker, World};

/// What may happen to two workers of one process.
#[derive(Clone, Debug)]
enum Step {
    Arrive(usize, u8),
    Leave(usize, usize),
    Answer(usize, usize, u8),
    /// A call gets no answer, and neither does the host say so.
    Lose(usize, usize),
    Tick(usize),
    Wait(u64),
    LoseWrites(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let worker = || 0..2_usize;
    prop_oneof![
        10 => (worker(), 0..4_u8).prop_map(|(worker, who)| Step::Arrive(worker, who)),
        1 => (worker(), any::<usize>()).prop_map(|(worker, which)| Step::Leave(worker, which)),
        8 => (worker(), any::<usize>(), 0..6_u8)
            .prop_map(|(worker, which, how)| Step::Answer(worker, which, how)),
        1 => (worker(), any::<usize>()).prop_map(|(worker, which)| Step::Lose(worker, which)),
        6 => worker().prop_map(Step::Tick),
        3 => (0..60_u64).prop_map(Step::Wait),
        1 => (0..20_000_u64).prop_map(Step::Wait),
        1 => (0..4_u32).prop_map(Step::LoseWrites),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Whatever the service does, every request is settled once and within twice the time of a call.
    #[test]
    fn no_request_waits_for_long_and_none_is_settled_twice(
        is_limitador in any::<bool>(),
        decides in prop_oneof![Just("local"), Just("deny"), Just("allow")],
        steps in prop::collection::vec(step(), 20..120),
    ) {
        let world = World::default();
        let policy = r#"{ "rate": { "requests": 50, "per": "1m" },
            "quota": { "requests": 400, "per": "30d", "count": "exact" },
            "access": [ { "apis": ["orders"], "rate": { "requests": 90, "per": "1h" } } ] }"#;
        let mut text = config(policy, &format!(r#", "on_outage": "{decides}", "tolerance": "20%""#));
        if is_limitador {
            text = text.replace("\"ratelimit\"", "\"limitador\"");
        }
        let mut workers = [worker(&world, &text), worker(&world, &text)];
        let tokens: Vec<_> = (0..4).map(|who| token(&format!("user{who}"))).collect();
        let mut waiting: [BTreeMap<StreamId, u64>; 2] = Default::default();
        for step in steps {
            match step {
                Step::Arrive(at, who) => {
                    let stream = workers[at].get(&tokens[usize::from(who)]);
                    waiting[at].insert(stream, world.now.get().millis());
                }
                Step::Leave(at, which) => {
                    let all: Vec<_> = waiting[at].keys().copied().collect();
                    if let Some(stream) = which.checked_rem(all.len()).map(|place| all[place]) {
                        workers[at].handle(Event::StreamGone { stream });
                        waiting[at].remove(&stream);
                    }
                }
                Step::Answer(at, which, how) => {
                    let all: Vec<_> = workers[at].calls.keys().copied().collect();
                    if let Some(call) = which.checked_rem(all.len()).map(|place| all[place]) {
                        let response = match how {
                            0 => None,
                            1 => Some(framed(&[8, 1])),
                            2 => Some(says(true, 50, 0, 30)),
                            3 => Some(says(true, 50, 7, 30)),
                            _ => Some(says(false, 50, 20, 30)),
                        };
                        workers[at].call_done(call, response);
                    }
                }
                Step::Lose(at, which) => {
                    let all: Vec<_> = workers[at].calls.keys().copied().collect();
                    if let Some(call) = which.checked_rem(all.len()).map(|place| all[place]) {
                        workers[at].calls.remove(&call);
                    }
                }
                Step::Tick(at) => workers[at].tick(),
                Step::Wait(millis) => {
                    world.wait(Duration::from_millis(millis));
                    workers.iter_mut().for_each(Worker::tick);
                }
                Step::LoseWrites(count) => world.store.losses.set(count),
            }
            for (worker, waiting) in workers.iter().zip(&mut waiting) {
                waiting.retain(|stream, _| !worker.settled.contains_key(stream));
            }
        }
        world.store.losses.set(0);
        for worker in &mut workers {
            // A first wait, a second, and the tick that sees that they are over.
            for _ in 0..3 {
                world.wait(Duration::from_millis(100));
                worker.tick();
            }
        }
        for (worker, waiting) in workers.iter().zip(&waiting) {
            for stream in waiting.keys() {
                prop_assert!(worker.settled.contains_key(stream), "{:?} waits for ever", stream);
            }
        }
    }
}
