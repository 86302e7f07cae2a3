//! What a process holds of a limit: what passes unreported, what is asked ahead, and what is reported.

use std::time::Duration;

use tollgate::event::Settlement;

use super::setup::{
    QUOTA, Service, alone, asked, config, exact, next, rate, says, send, token, worker,
};
use super::support::world::{Worker, World, head};

#[test]
fn three_processes_share_one_limit() {
    let worlds = [World::default(), World::default(), World::default()];
    let config = config(&rate(100, "1h"), "");
    let mut all: Vec<_> = worlds.iter().map(|world| worker(world, &config)).collect();
    let mut service = Service::default();
    let alice = token("alice");
    let mut passed = 0;
    for turn in 0..80 {
        for (world, worker) in worlds.iter().zip(&mut all) {
            passed += send(worker, &mut service, &alice, 1);
            world.wait(Duration::from_millis(if turn % 10 == 0 { 50 } else { 1 }));
        }
    }
    // 5 % of 100 is one for each process.
    assert!((95..=103).contains(&passed), "{passed}");
    let bob = token("bob");
    assert_eq!(send(&mut all[0], &mut service, &bob, 1), 1, "another's is another");
    for worker in &mut all {
        let before = service.calls;
        assert_eq!(send(worker, &mut service, &alice, 5), 0);
        assert_eq!(service.calls, before, "a refusal is remembered");
    }
}

#[test]
fn workers_of_one_process_use_what_it_holds_together() {
    let world = World::default();
    let config = config(&rate(1000, "1h"), "");
    let mut one = worker(&world, &config);
    let mut other = worker(&world, &config);
    let alice = token("alice");
    let mut service = Service::default();
    // 5 % of 1000 among three: 16. So slowly that nobody asks ahead.
    for _ in 0..8 {
        assert_eq!(alone(&mut one, &alice, 1), ["forwarded"]);
        world.wait(Duration::from_millis(300));
        assert_eq!(alone(&mut other, &alice, 1), ["forwarded"]);
        world.wait(Duration::from_millis(300));
    }
    let stream = other.get(&alice);
    assert_eq!(other.verdict(stream), "waiting");
    other.tick();
    let (call, request) = next(&other).unwrap();
    assert_eq!(other.callers[&call], None, "it reports what others passed: from the root");
    assert_eq!(asked(&request).hits, 17);
    service.serve(&mut other);
    assert_eq!(other.verdict(stream), "forwarded");
    assert_eq!(service.counted("standard.rate"), 17);
}

#[test]
fn whoever_sends_many_has_permits_asked_for_ahead_and_waits_seldom() {
    let world = World::default();
    let config = config(&rate(10000, "1h"), r#", "tolerance": "0%""#);
    let mut worker = worker(&world, &config);
    let alice = token("alice");
    let mut service = Service::default();
    let (mut waited, mut passed) = (0, 0);
    for _ in 0..1000 {
        let stream = worker.get(&alice);
        waited += u32::from(worker.verdict(stream) == "waiting");
        service.serve(&mut worker);
        passed += u32::from(worker.verdict(stream) == "forwarded");
        world.wait(Duration::from_millis(1));
    }
    assert_eq!(passed, 1000);
    assert!(waited <= 20, "{waited} of 1000 have waited");
    assert!(service.calls <= 60, "{} calls", service.calls);
    assert_eq!(worker.tick_period(), Duration::from_millis(50), "it looks after its permits");
    world.wait(Duration::from_secs(2));
    worker.tick();
    assert_eq!(worker.tick_period(), Duration::from_millis(500));
    // Never more than is counted.
    assert!(service.counted("standard.rate") >= 1000);
}

#[test]
fn what_has_passed_of_a_quota_is_reported_within_ten_seconds_although_nobody_asks() {
    let world = World::default();
    let mut worker = worker(&world, &config(QUOTA, ""));
    let alice = token("alice");
    let mut service = Service::default();
    for _ in 0..5 {
        assert_eq!(alone(&mut worker, &alice, 1), ["forwarded"], "5 % among three is 16");
        world.wait(Duration::from_millis(300));
    }
    worker.tick();
    assert_eq!(next(&worker), None);
    world.wait(Duration::from_secs(8));
    worker.tick();
    let (call, request) = next(&worker).unwrap();
    assert_eq!((worker.callers[&call], asked(&request).hits), (None, 5));
    service.serve(&mut worker);
    assert_eq!(service.counted("standard.quota"), 5);
    // Not twice.
    world.wait(Duration::from_secs(20));
    service.serve(&mut worker);
    assert_eq!(service.calls, 1);
}

#[test]
fn fl18_a_new_configuration_goes_on_with_what_the_old_one_held() {
    let world = World::default();
    let config = config(&rate(300, "1h"), "");
    let mut old = worker(&world, &config);
    let alice = token("alice");
    for _ in 0..5 {
        assert_eq!(alone(&mut old, &alice, 1), ["forwarded"]);
        world.wait(Duration::from_millis(300));
    }
    old.stop();
    let mut new = worker(&world, &config.replace("5%", "6%").replace("300", "301"));
    let stream = new.get(&alice);
    new.tick();
    let (_, request) = next(&new).unwrap();
    assert_eq!((asked(&request).hits, asked(&request).most), (6, Some((301, 3))));
    let mut service = Service::default();
    service.serve(&mut new);
    assert_eq!(new.verdict(stream), "forwarded");
}

#[test]
fn a_batch_that_limitador_refuses_is_asked_for_once_more() {
    let world = World::default();
    let config = config(&rate(600, "1h"), "");
    let config = config.replace("\"ratelimit\"", "\"limitador\"");
    let mut worker = worker(&world, &config);
    let alice = token("alice");
    // 5 % of 600 among three: 10.
    for _ in 0..10 {
        assert_eq!(alone(&mut worker, &alice, 1), ["forwarded"]);
        world.wait(Duration::from_millis(300));
    }
    let stream = worker.get(&alice);
    worker.tick();
    let (call, request) = next(&worker).unwrap();
    assert_eq!((asked(&request).hits, asked(&request).most), (11, None), "it has the limit");
    worker.call_done(call, Some(says(true, 600, 6, 30)));
    worker.tick();
    assert_eq!(worker.verdict(stream), "waiting");
    let (call, request) = next(&worker).unwrap();
    assert_eq!(asked(&request).hits, 2, "its part of what remains");
    worker.call_done(call, Some(says(false, 600, 4, 30)));
    assert_eq!(worker.verdict(stream), "forwarded");
    let stream = worker.get(&alice);
    let (call, request) = next(&worker).unwrap();
    assert_eq!(asked(&request).hits, 1);
    worker.call_done(call, Some(says(true, 600, 0, 30)));
    assert_eq!(worker.verdict(stream), "rate_limited");
}

#[test]
fn a_trace_names_the_rule_that_decided() {
    let alice = format!("Bearer {}", token("alice"));
    let headers = [("authorization", &*alice), ("x-tollgate-explain", "key")];
    let trace = |worker: &Worker<'_>, stream| match worker.settled[&stream] {
        Settlement::Forward(_) => format!("{:?}", worker.advice[&stream]),
        Settlement::Respond(_) => worker.reply(stream).body.clone(),
    };
    let world = World::default();
    let mut cheap = worker(&world, &config(QUOTA, ""));
    let stream = cheap.request(head("GET", "/orders/7", &headers));
    assert!(trace(&cheap, stream).contains("it is reported later"), "unreported");
    let yes = Some(says(false, 3, 2, 30));
    let cases = [
        ("asked", yes.clone(), "the service has let it pass"),
        ("not answered", None, "the service could not be asked, and `on_outage` has decided"),
        ("refused", Some(says(true, 3, 0, 30)), "the service has refused until its window ends"),
    ];
    for (name, answer, expected) in cases {
        let world = World::default();
        let mut worker = worker(&world, &config(&exact(3, "1h"), ""));
        let stream = worker.request(head("GET", "/orders/7", &headers));
        let (call, _) = next(&worker).unwrap();
        worker.call_done(call, answer);
        assert!(trace(&worker, stream).contains(expected), "{name}: {}", trace(&worker, stream));
        let stream = worker.request(head("GET", "/orders/7", &headers));
        let expected = match name {
            "asked" => continue,
            "refused" => expected,
            _ => "the service cannot be asked, and this process's part is used up",
        };
        assert!(trace(&worker, stream).contains(expected), "{name} before: {expected}");
    }
    let world = World::default();
    let mut worker = worker(&world, &config(&exact(3, "1h"), ""));
    for number in 0..4 {
        let stream = worker.request(head("GET", "/orders/7", &headers));
        match next(&worker) {
            Some((call, _)) => worker.call_done(call, yes.clone()),
            None => {
                assert_eq!(number, 3);
                let own = "this process's own counter refuses it, and nobody is asked";
                assert!(trace(&worker, stream).contains(own));
            }
        }
    }
}
