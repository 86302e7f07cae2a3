//! What the service's answers come to, whatever it says.

use std::time::Duration;

use tollgate::event::{CallResponse, Settlement};

use super::setup::{
    alone, answer, answered, config, exact, framed, logged, next, rate, says, token, worker,
};
use super::support::world::World;

#[test]
fn fl01_an_answer_that_names_no_limit_is_as_good_as_none() {
    let unnamed: [(&str, CallResponse); 5] = [
        ("a yes without a limit", framed(&[0x08, 1, 0x12, 2, 0x08, 1])),
        ("a bare yes", framed(&[0x08, 1])),
        ("a no without a limit", framed(&[0x08, 2])),
        ("neither yes nor no", framed(&[])),
        ("a page", answer(200, b"<html>", &[])),
    ];
    for (name, answer) in unnamed {
        let world = World::default();
        let mut worker = worker(&world, &config(&rate(6, "1m"), ""));
        let alice = token("alice");
        let stream = answered(&mut worker, &alice, Some(answer));
        assert_eq!(worker.verdict(stream), "forwarded", "{name}: within its own part");
        let more = alone(&mut worker, &alice, 3);
        assert_eq!(more, ["forwarded", "rate_limited", "rate_limited"], "{name}: never unlimited");
        assert_eq!(worker.counts["tollgate_limits_remote_decided_locally"], 4, "{name}");
        let unnamed = worker.counts.get("tollgate_limits_remote_unnamed").copied();
        assert_eq!(unnamed.is_some(), name.ends_with("limit") || name.contains("bare"), "{name}");
        assert_eq!(logged(&worker, "limits_remote_lost"), 1, "{name}");
        assert_eq!(world.totals.gauges.borrow()["tollgate_limits_remote_degraded"], 1, "{name}");
    }
}

#[test]
fn fl02_a_refusal_lasts_from_a_second_to_the_window_whatever_the_service_says() {
    for (reset, expected) in [(0, "1"), (7, "7"), (1 << 62, "3600"), (u64::MAX, "1")] {
        let world = World::default();
        let mut worker = worker(&world, &config(&rate(6, "1h"), ""));
        let stream = answered(&mut worker, &token("alice"), Some(says(true, 6, 0, reset)));
        assert_eq!(worker.verdict(stream), "rate_limited");
        let header = worker.reply_header(stream, "retry-after");
        assert_eq!(header, Some(expected), "{reset}");
    }
}

#[test]
fn fl03_another_number_than_the_configurations_is_told_and_the_services_decision_holds() {
    let world = World::default();
    let mut worker = worker(&world, &config(&rate(100, "1m"), r#", "tolerance": "0%""#));
    let stream = answered(&mut worker, &token("alice"), Some(says(true, 7, 5_000, 30)));
    assert_eq!(worker.verdict(stream), "rate_limited");
    assert_eq!(worker.reply_header(stream, "retry-after"), Some("30"));
    assert_eq!(worker.counts["tollgate_limits_remote_mismatch"], 1);
    assert_eq!(logged(&worker, "limits_remote_mismatch"), 1);
    assert!(worker.log.iter().any(|line| line.contains("\"said\":7,\"configured\":100")));
}

#[test]
fn fl04_of_an_answer_nothing_but_three_numbers_is_used() {
    let world = World::default();
    let text = config(&exact(3, "1m"), "");
    let mut worker = worker(&world, &text);
    let header = |name: &str, value: &str| {
        let inner = |tag: u8, text: &str| [&[tag, text.len() as u8], text.as_bytes()].concat();
        let header = [inner(0x0a, name), inner(0x12, value)].concat();
        [&[0x1a, header.len() as u8][..], &header].concat()
    };
    let headers = [
        header("X-RateLimit-Limit", "3, 3;w=60"),
        header("X-RateLimit-Remaining", "2"),
        header("X-RateLimit-Reset", "9"),
        header("set-cookie", "a=b"),
        header("x-tollgate-identity", "mallory\r\nx: y"),
    ];
    for code in [1, 2] {
        let body = [&[0x2a, 4][..], b"page"].concat();
        let stream = answered(
            &mut worker,
            &token("alice"),
            Some(framed(&[&[8, code][..], &headers.concat(), &body].concat())),
        );
        let told = match &worker.settled[&stream] {
            Settlement::Forward(changes) => format!("{changes:?} {:?}", worker.advice[&stream]),
            Settlement::Respond(reply) => format!("{reply:?}"),
        };
        assert!(told.contains(if code == 1 { "r=2;t=" } else { "rate_limited" }), "{told}");
        for foreign in ["set-cookie", "mallory", "page", "a=b"] {
            assert!(!told.contains(foreign), "{told}");
        }
    }
}

#[test]
fn fl15_a_service_whose_clock_is_an_hour_off_is_believed_for_one_window() {
    let world = World::default();
    let mut worker = worker(&world, &config(&rate(6, "1m"), ""));
    let alice = token("alice");
    let stream = answered(&mut worker, &alice, Some(says(true, 6, 0, 3_600)));
    assert_eq!(worker.verdict(stream), "rate_limited");
    world.wait(Duration::from_secs(60));
    let stream = worker.get(&alice);
    assert_eq!(worker.verdict(stream), "waiting", "it is asked again");
    // And the process's own clock is set back.
    let (call, _) = next(&worker).unwrap();
    worker.call_done(call, Some(says(true, 6, 0, 60)));
    world.now.set(world.now.get().before(Duration::from_secs(50)));
    let stream = worker.get(&alice);
    assert_eq!(worker.verdict(stream), "rate_limited");
    world.wait(Duration::from_secs(61));
    let stream = worker.get(&alice);
    assert_eq!(worker.verdict(stream), "waiting");
}

#[test]
fn fl17_a_service_that_always_says_yes_leaves_the_processs_own_rate() {
    let world = World::default();
    let mut worker = worker(&world, &config(&rate(6, "1m"), ""));
    let alice = token("alice");
    let mut passed = 0;
    for _ in 0..20 {
        let stream = worker.get(&alice);
        while let Some((call, _)) = next(&worker) {
            worker.call_done(call, Some(says(false, 6, 6, 60)));
            worker.tick();
        }
        passed += u32::from(worker.verdict(stream) == "forwarded");
    }
    assert_eq!(passed, 6);
}
