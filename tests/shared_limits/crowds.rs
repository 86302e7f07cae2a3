//! Many callers, many requests, and callers who leave: what is kept and asked stays bounded.

use std::time::Duration;

use tollgate::event::Event;

use super::setup::{QUOTA, Service, alone, config, next, rate, says, send, token, worker};
use super::support::world::{World, head};

#[test]
fn fl09_a_million_subjects_leave_bounded_lists_and_are_reported_soon() {
    let world = World::default();
    let mut worker = worker(&world, &config(QUOTA, ""));
    let mut service = Service::default();
    for number in 0..5000 {
        let stream = worker.get(&token(&format!("user{number}")));
        assert_eq!(worker.verdict(stream), "forwarded");
        assert!(worker.calls.len() <= 260, "{}", worker.calls.len());
        if number % 50 == 0 {
            service.serve(&mut worker);
        }
    }
    service.serve(&mut worker);
    for _ in 0..100 {
        world.wait(Duration::from_millis(100));
        service.serve(&mut worker);
    }
    assert_eq!(service.counted("standard.quota"), 5000);
    assert_eq!(service.calls, 5000, "each once");
}

#[test]
fn fl09_no_more_than_so_many_wait_for_the_service_and_beyond_them_what_is_configured_decides() {
    let world = World::default();
    let mut worker = worker(&world, &config(&rate(10, "1m"), r#", "on_outage": "deny""#));
    let verdicts: Vec<_> = (0..130)
        .map(|number| {
            let stream = worker.get(&token(&format!("user{number}")));
            worker.verdict(stream)
        })
        .collect();
    assert!(verdicts[..128].iter().all(|verdict| verdict == "waiting"));
    assert_eq!(verdicts[128..], ["limits_unavailable", "limits_unavailable"]);
    // Others than theirs may have a body.
    let bodies = world_of_bodies();
    assert_eq!(bodies, 128);
}

/// How many requests with a body wait.
fn world_of_bodies() -> usize {
    let world = World::default();
    let mut worker = worker(&world, &config(&rate(10, "1m"), ""));
    let one = |number: i32| {
        let token = format!("Bearer {}", token(&format!("user{number}")));
        let headers = [("authorization", &*token), ("content-length", "5")];
        let stream = worker.request(head("POST", "/orders/7", &headers));
        worker.verdict(stream) == "waiting"
    };
    (0..140).map(one).filter(|waits| *waits).count()
}

#[test]
fn fl10_whoever_leaves_burns_his_own_request_at_most() {
    let world = World::default();
    let config = config(&rate(600, "1h"), "");
    let mut worker = worker(&world, &config);
    let alice = token("alice");
    for _ in 0..10 {
        assert_eq!(alone(&mut worker, &alice, 1), ["forwarded"]);
        world.wait(Duration::from_millis(300));
    }
    let stream = worker.get(&alice);
    worker.tick();
    let (call, _) = next(&worker).unwrap();
    worker.handle(Event::StreamGone { stream });
    worker.call_done(call, Some(says(false, 600, 589, 30)));
    assert_eq!(worker.verdict(stream), "waiting", "it is gone");
    // What it carried is counted: as many may pass again.
    world.wait(Duration::from_millis(300));
    for _ in 0..9 {
        assert_eq!(alone(&mut worker, &alice, 1), ["forwarded"]);
        world.wait(Duration::from_millis(300));
    }
    // One of its own is lost with it.
    let stream = worker.get(&alice);
    worker.tick();
    worker.handle(Event::StreamGone { stream });
    for number in 0..1000 {
        let stream = worker.get(&token("alice"));
        worker.handle(Event::StreamGone { stream });
        assert!(worker.calls.len() < 400, "{number}");
        for call in worker.calls.keys().copied().collect::<Vec<_>>() {
            worker.call_done(call, None);
        }
    }
}

#[test]
fn fl13_a_caller_at_a_hundred_times_his_limit_costs_ten_calls_a_second_at_most() {
    let world = World::default();
    // The process's own counter lets a burst pass, and then refuses without a call.
    let config = config(&rate(10, "1s"), "");
    let mut worker = worker(&world, &config);
    let alice = token("alice");
    let mut service = Service::default();
    let mut passed = 0;
    for _ in 0..3000 {
        passed += send(&mut worker, &mut service, &alice, 1);
        world.wait(Duration::from_millis(1));
    }
    assert!(service.calls <= 45, "{} calls in three seconds", service.calls);
    assert!((25..=44).contains(&passed), "{passed}");
}
