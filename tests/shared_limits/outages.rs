//! What happens while the service does not answer, and how it is found to be back.

use std::time::Duration;

use super::setup::{
    QUOTA, Service, alone, asked, config, fail, logged, next, rate, says, token, worker,
};
use super::support::world::{Worker, World};

#[test]
fn fl08_while_the_service_is_away_what_is_configured_decides_and_one_call_finds_out() {
    let cases = [
        // what decides, what three requests come to
        ("local", ["forwarded", "rate_limited", "rate_limited"]),
        ("allow", ["forwarded", "forwarded", "forwarded"]),
        ("deny", ["limits_unavailable", "limits_unavailable", "limits_unavailable"]),
    ];
    for (decides, expected) in cases {
        let world = World::default();
        let remote = format!(r#", "on_outage": "{decides}""#);
        let mut worker = worker(&world, &config(&rate(6, "1m"), &remote));
        let mut other = Worker::new(&world, &config(&rate(6, "1m"), &remote));
        other.tick();
        let (alice, bob) = (token("alice"), token("bob"));
        let stream = worker.get(&alice);
        fail(&mut worker);
        let first = if decides == "deny" { "limits_unavailable" } else { "forwarded" };
        assert_eq!(worker.verdict(stream), first, "{decides}");
        if decides == "deny" {
            assert_eq!(worker.reply(stream).status, 503);
            assert_eq!(worker.reply_header(stream, "retry-after"), Some("2"));
        }
        assert_eq!(alone(&mut worker, &alice, 3), expected, "{decides}");
        assert_eq!(alone(&mut other, &bob, 1), [first], "{decides}: the other worker knows");
        assert_eq!((next(&worker), next(&other)), (None, None), "{decides}: nobody asks");
        // A second later one of them does.
        world.wait(Duration::from_millis(1300));
        let probe = worker.get(&bob);
        worker.tick();
        let (call, _) = next(&worker).expect("one finds out");
        assert_eq!(worker.callers[&call], None, "its answer is of use to all");
        let _ = other.get(&bob);
        assert_eq!(next(&other), None, "{decides}: one is enough");
        worker.call_done(call, Some(says(false, 6, 5, 30)));
        assert_eq!(worker.verdict(probe), "forwarded", "{decides}");
        let lines = (logged(&worker, "limits_remote_lost"), logged(&worker, "limits_remote_back"));
        assert_eq!(lines, (1, 1), "{decides}: {:?}", worker.log);
        assert_eq!(world.totals.gauges.borrow()["tollgate_limits_remote_degraded"], 0);
        let _ = other.get(&bob);
        assert!(next(&other).is_some(), "{decides}: and all ask again");
    }
}

#[test]
fn fl08_a_service_that_does_not_answer_is_waited_for_no_longer_than_its_time() {
    let world = World::default();
    let mut worker = worker(&world, &config(&rate(6, "1m"), ""));
    let alice = token("alice");
    let stream = worker.get(&alice);
    let (call, _) = next(&worker).unwrap();
    world.wait(Duration::from_millis(99));
    worker.tick();
    assert_eq!(worker.verdict(stream), "waiting");
    world.wait(Duration::from_millis(1));
    worker.tick();
    assert_eq!(worker.verdict(stream), "forwarded", "within the process's own part");
    assert_eq!(worker.counts["tollgate_limits_remote_failed"], 1);
    // Whatever still comes is of no use.
    worker.call_done(call, Some(says(true, 6, 0, 30)));
    assert_eq!(alone(&mut worker, &alice, 1), ["forwarded"]);
}

#[test]
fn two_calls_of_a_request_take_twice_the_time_at_most() {
    let world = World::default();
    let policy = r#"{ "rate": { "requests": 6, "per": "1m", "count": "exact" },
        "quota": { "requests": 60, "per": "1d", "count": "exact" },
        "access": [ { "apis": ["orders"], "rate": { "requests": 9, "per": "1h", "count": "exact" } } ] }"#;
    let mut worker = worker(&world, &config(policy, ""));
    let stream = worker.get(&token("alice"));
    let mut limits = Vec::new();
    for _ in 0..2 {
        let (call, request) = next(&worker).unwrap();
        limits.push((asked(&request).limit, request.timeout.as_millis()));
        world.wait(Duration::from_millis(90));
        worker.call_done(call, Some(says(false, asked(&request).most.unwrap().0, 5, 30)));
    }
    let (_, request) = next(&worker).unwrap();
    limits.push((asked(&request).limit, request.timeout.as_millis()));
    let names = ["standard.rate", "standard.access.0.rate", "standard.quota"];
    let expected: Vec<_> = names.iter().map(ToString::to_string).zip([100, 100, 20]).collect();
    assert_eq!(limits, expected);
    assert_eq!(worker.verdict(stream), "waiting");
    world.wait(Duration::from_millis(20));
    worker.tick();
    assert_eq!(worker.verdict(stream), "forwarded", "of the quota its own part");
}

#[test]
fn a_report_finds_out_that_the_service_is_back_where_no_request_asks() {
    let world = World::default();
    let mut worker = worker(&world, &config(QUOTA, ""));
    let alice = token("alice");
    assert_eq!(alone(&mut worker, &alice, 1), ["forwarded"]);
    world.wait(Duration::from_secs(8));
    fail(&mut worker);
    assert_eq!(logged(&worker, "limits_remote_lost"), 1);
    world.wait(Duration::from_millis(1300));
    let mut service = Service::default();
    service.serve(&mut worker);
    assert_eq!((service.counted("standard.quota"), service.calls), (1, 1), "what was lost, too");
    assert_eq!(logged(&worker, "limits_remote_back"), 1);
}
