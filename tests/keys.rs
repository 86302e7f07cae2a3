//! Key rings as workers live with them: who fetches, when, and what becomes of those who wait.

mod support;

use std::time::Duration;

use support::token::{Signer, Token, key_set};
use support::world::{CONFIG, Worker, World, head};
use tollgate::event::Event;
use tollgate::http::RequestHead;

const DISCOVERY: &str = r#"{ "providers": { "idp": {
    "issuer": "https://id.example.com/", "audiences": ["api"],
    "jwks": { "discovery": true, "cluster": "idp" } } } }"#;

/// A token of this key that outlives every test.
fn token(signer: &Signer) -> String {
    signer.sign(&Token::for_identity("alice").claim("exp", 4_000_000_000_u64))
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn asks_once_however_many_wait() {
    let world = World::default();
    let (old, new) = (Signer::new("k1"), Signer::new("k2"));
    let mut workers = [Worker::new(&world, CONFIG), Worker::new(&world, CONFIG)];
    let waiting: Vec<_> = (0..40).map(|n| (n % 2, workers[n % 2].get(&token(&old)))).collect();
    for _ in 0..5 {
        workers.iter_mut().for_each(Worker::tick);
    }
    assert_eq!(workers[0].calls_made + workers[1].calls_made, 1);
    assert!(waiting.iter().all(|(n, stream)| workers[*n].verdict(*stream) == "waiting"));
    let asking = workers.iter().position(|worker| !worker.calls.is_empty()).unwrap();
    workers[asking].answer(200, &[], &key_set(&[&old, &new]));
    workers.iter_mut().for_each(Worker::tick);
    for (n, stream) in waiting {
        assert_eq!(workers[n].verdict(stream), "forwarded");
    }
    assert_eq!(workers[0].calls_made + workers[1].calls_made, 1);
}

#[test]
fn a_rotation_costs_one_fetch_and_refuses_nobody() {
    let world = World::default();
    let (old, new) = (Signer::new("k1"), Signer::new("k2"));
    let mut worker = Worker::new(&world, CONFIG);
    worker.fetch(&key_set(&[&old]));
    world.wait(seconds(1));
    let stream = worker.get(&token(&new));
    assert_eq!(worker.verdict(stream), "waiting");
    assert_eq!(worker.tick_period(), Duration::from_millis(10));
    worker.fetch(&key_set(&[&new, &old]));
    assert_eq!(worker.verdict(stream), "forwarded");
    assert_eq!((worker.calls_made, worker.tick_period()), (2, Duration::from_millis(500)));
}

#[test]
fn a_rotation_during_a_fetch_is_fetched_once_more() {
    let world = World::default();
    let (old, new) = (Signer::new("k1"), Signer::new("k2"));
    let mut worker = Worker::new(&world, CONFIG);
    worker.fetch(&key_set(&[&old]));
    world.wait(seconds(600));
    worker.tick();
    let stream = worker.get(&token(&new));
    // The answer on its way was written before the rotation.
    worker.answer(200, &[], &key_set(&[&old]));
    assert_eq!(worker.verdict(stream), "waiting");
    worker.fetch(&key_set(&[&new, &old]));
    assert_eq!(worker.verdict(stream), "forwarded");
}

#[test]
fn a_flood_of_unknown_kids_fetches_once_per_cooldown_and_starves_nobody() {
    let world = World::default();
    let (old, new) = (Signer::new("k1"), Signer::new("k2"));
    let mut worker = Worker::new(&world, CONFIG);
    worker.fetch(&key_set(&[&old]));
    let flood = |worker: &mut Worker<'_>, kids: std::ops::Range<u32>| {
        let forged = |n| old.sign(&Token::for_identity("mallory").header("kid", format!("x{n}")));
        kids.map(|n| worker.get(&forged(n))).collect::<Vec<_>>()
    };
    let first = flood(&mut worker, 0..300);
    worker.fetch(&key_set(&[&old]));
    for stream in first {
        assert_eq!(worker.verdict(stream), "token_key_unknown");
    }
    for second in 0..29 {
        for stream in flood(&mut worker, second * 1000..second * 1000 + 30) {
            assert_eq!(worker.verdict(stream), "token_key_unknown", "without waiting");
        }
        let good = worker.get(&token(&old));
        assert_eq!(worker.verdict(good), "forwarded");
        worker.tick();
        world.wait(seconds(1));
    }
    assert_eq!(worker.calls_made, 2, "nothing more within the cooldown");
    // A rotation in the middle of the flood heals by the scheduled refresh, cooldown or not.
    world.wait(seconds(1));
    flood(&mut worker, 0..1);
    worker.fetch(&key_set(&[&old]));
    world.wait(seconds(599));
    flood(&mut worker, 0..1);
    worker.tick();
    worker.answer(200, &[], &key_set(&[&new, &old]));
    let rotated = worker.get(&token(&new));
    assert_eq!(worker.verdict(rotated), "forwarded");
}

/// Fetches that take two seconds, twice as long as the cooldown.
const SLOW: &str = r#"{ "providers": { "idp": {
    "issuer": "https://id.example.com/", "audiences": ["api"],
    "jwks": { "url": "https://id.example.com/keys", "cluster": "idp",
              "cooldown": "1s", "timeout": "5s" } } } }"#;

/// Two seconds pass, and then the call that is out ends, with a key set or without an answer.
fn answer_late(world: &World, worker: &mut Worker<'_>, key_set: Option<&str>) {
    world.wait(seconds(2));
    match key_set {
        Some(key_set) => worker.answer(200, &[], key_set),
        None => worker.answer(504, &[], "upstream request timeout"),
    }
}

#[test]
fn an_unknown_kid_costs_one_fetch_however_slow_the_provider() {
    let (old, stranger) = (Signer::new("k1"), Signer::new("k2"));
    let known = key_set(&[&old]);
    // name, what the fetch brings, verdict
    let cases = [
        ("the same keys", Some(known.as_str()), "token_key_unknown"),
        ("no answer", None, "keys_unavailable"),
    ];
    for (name, brings, verdict) in cases {
        let world = World::default();
        let mut worker = Worker::new(&world, SLOW);
        worker.fetch(&known);
        world.wait(seconds(60));
        let stream = worker.get(&token(&stranger));
        worker.tick();
        assert_eq!((worker.verdict(stream).as_str(), worker.calls_made), ("waiting", 2), "{name}");
        answer_late(&world, &mut worker, brings);
        assert_eq!(worker.verdict(stream), verdict, "{name}");
        for _ in 0..10 {
            world.wait(seconds(1));
            worker.tick();
        }
        assert_eq!(worker.calls_made, 2, "{name}: nobody wants another");
        // The cooldown is over: the next one asks again.
        let next = worker.get(&token(&stranger));
        worker.tick();
        assert_eq!((worker.verdict(next).as_str(), worker.calls_made), ("waiting", 3), "{name}");
    }
}

#[test]
fn an_unknown_kid_costs_one_fetch_in_whichever_worker_it_waits() {
    let (old, stranger) = (Signer::new("k1"), Signer::new("k2"));
    let known = key_set(&[&old]);
    for (brings, verdict) in [(Some(&*known), "token_key_unknown"), (None, "keys_unavailable")] {
        let world = World::default();
        let mut workers = [Worker::new(&world, SLOW), Worker::new(&world, SLOW)];
        workers[0].fetch(&known);
        workers[1].tick();
        world.wait(seconds(60));
        let [first, second] = &mut workers;
        let waiting = (first.get(&token(&stranger)), second.get(&token(&stranger)));
        second.tick();
        first.tick();
        answer_late(&world, second, brings);
        assert_eq!(second.verdict(waiting.1), verdict);
        first.tick();
        assert_eq!(first.verdict(waiting.0), verdict);
        for _ in 0..10 {
            world.wait(seconds(1));
            first.tick();
            second.tick();
        }
        assert_eq!((first.calls_made, second.calls_made), (1, 1));
    }
}

#[test]
fn a_request_that_came_during_a_fetch_gets_one_of_its_own() {
    let (old, new, stranger) = (Signer::new("k1"), Signer::new("k2"), Signer::new("k3"));
    let (before, after) = (key_set(&[&old]), key_set(&[&new, &old]));
    // name, what the fetch that is on its way brings
    for (name, brings) in [("written before", Some(&*before)), ("no answer", None)] {
        for asking in [0, 1] {
            let world = World::default();
            let mut workers = [Worker::new(&world, SLOW), Worker::new(&world, SLOW)];
            workers[0].fetch(&before);
            workers[1].tick();
            world.wait(seconds(60));
            let [asks, comes] = &mut workers;
            asks.get(&token(&stranger));
            asks.tick();
            let comes = if asking == 0 { &mut *asks } else { comes };
            let made = comes.calls_made;
            let (rotated, unknown) = (comes.get(&token(&new)), comes.get(&token(&stranger)));
            comes.tick();
            assert_eq!(comes.calls_made, made, "{name}: one at a time");
            answer_late(&world, &mut workers[0], brings);
            let comes = &mut workers[asking];
            comes.tick(); // sees that the other's has ended
            comes.tick(); // and asks
            assert_eq!(comes.verdict(rotated), "waiting", "{name}: its key may be newer");
            assert_eq!(comes.calls_made, made + 1, "{name}: its own");
            answer_late(&world, comes, Some(&after));
            assert_eq!(comes.verdict(rotated), "forwarded", "{name}");
            assert_eq!(comes.verdict(unknown), "token_key_unknown", "{name}: and no third");
            workers.iter_mut().for_each(Worker::tick);
            assert!(workers.iter().all(|worker| worker.calls.is_empty()), "{name}");
        }
    }
}

#[test]
fn a_flood_during_slow_fetches_keeps_to_one_at_a_time() {
    let world = World::default();
    let old = Signer::new("k1");
    let known = key_set(&[&old]);
    let mut worker = Worker::new(&world, SLOW);
    worker.fetch(&known);
    world.wait(seconds(60));
    let mut came = Vec::new();
    // A hundred quarters of a second, three requests in each; a fetch takes two seconds.
    for quarter in 0..100_u32 {
        for n in 0..3 {
            let kid = format!("x{quarter}-{n}");
            let forged = old.sign(&Token::for_identity("mallory").header("kid", kid));
            came.push((quarter, worker.get(&forged)));
        }
        let good = worker.get(&token(&old));
        assert_eq!(worker.verdict(good), "forwarded");
        if quarter % 8 == 7 {
            worker.answer(200, &[], &known);
        }
        worker.tick();
        assert_eq!(worker.calls.len(), 1, "one at a time");
        world.wait(Duration::from_millis(250));
        // Nobody waits for more than the fetch that was on its way, and one of its own.
        for (at, stream) in came.extract_if(.., |(at, _)| *at + 16 <= quarter) {
            assert_eq!(worker.verdict(stream), "token_key_unknown", "{at}");
        }
    }
    assert_eq!(worker.calls_made, 1 + 1 + 100 / 8, "fetches, and the first set");
}

#[test]
fn of_two_unknown_kids_in_one_request_each_costs_one_fetch() {
    const TWO: &str = r#"{ "providers": {
        "idp": { "issuer": "https://id.example.com/", "audiences": ["api"],
            "jwks": { "url": "https://id.example.com/keys", "cluster": "idp", "cooldown": "1s" } },
        "partner": { "issuer": "https://partner.example.com/", "audiences": ["api"],
            "from": [{ "header": "X-Partner" }],
            "jwks": { "url": "https://partner.example.com/keys", "cluster": "partner",
                      "cooldown": "1s" } } },
        "apis": [{ "name": "all", "match": {}, "session_from": "idp",
                   "auth": [["idp", "partner"]] }] }"#;
    let (old, new) = (Signer::new("k1"), Signer::new("k2"));
    let (before, after) = (key_set(&[&old]), key_set(&[&new, &old]));
    let theirs = |signer: &Signer| {
        let token = Token::for_identity("carol").claim("iss", "https://partner.example.com/");
        signer.sign(&token.claim("exp", 4_000_000_000_u64))
    };
    // name, what the fetches of the partner's keys bring, verdict
    for (name, brings, verdict) in
        [("both rotated", &after, "forwarded"), ("one rotated", &before, "token_key_unknown")]
    {
        let world = World::default();
        let mut worker = Worker::new(&world, TWO);
        worker.tick();
        worker.answer(200, &[], &before);
        worker.answer(200, &[], &before);
        world.wait(seconds(60));
        let bearer = format!("Bearer {}", token(&new));
        let headers = [("authorization", &*bearer), ("x-partner", &theirs(&new))];
        let stream = worker.request(head("GET", "/", &headers));
        worker.tick();
        assert_eq!(worker.calls_made, 4, "{name}");
        answer_late(&world, &mut worker, Some(&after));
        worker.tick();
        assert_eq!(worker.verdict(stream), "waiting", "{name}");
        answer_late(&world, &mut worker, Some(brings));
        worker.tick();
        assert_eq!(worker.verdict(stream), verdict, "{name}");
        assert_eq!((worker.calls_made, worker.calls.len()), (4, 0), "{name}");
    }
}

#[test]
fn a_provider_that_is_down_is_our_fault_not_the_clients() {
    let world = World::default();
    let signer = Signer::new("k1");
    let mut worker = Worker::new(&world, CONFIG);
    let first = worker.get(&token(&signer));
    worker.tick();
    worker.answer(503, &[], "upstream connect error");
    assert_eq!(worker.verdict(first), "keys_unavailable");
    assert_eq!(worker.reply(first).status, 503);
    let wait: u64 = worker.reply_header(first, "retry-after").unwrap().parse().unwrap();
    assert!((1..=5).contains(&wait), "{wait}");
    let at_once = worker.get(&token(&signer));
    assert_eq!(worker.verdict(at_once), "keys_unavailable", "nobody waits for the back-off");
    for _ in 0..10 {
        world.wait(seconds(5));
        worker.tick();
        worker.answer(503, &[], "");
    }
    world.wait(seconds(5));
    worker.fetch(&key_set(&[&signer]));
    let healed = worker.get(&token(&signer));
    assert_eq!(worker.verdict(healed), "forwarded");
}

#[test]
fn old_keys_serve_while_the_provider_is_down_but_not_for_ever() {
    let world = World::default();
    let (signer, new) = (Signer::new("k1"), Signer::new("k2"));
    let mut worker = Worker::new(&world, CONFIG);
    worker.fetch(&key_set(&[&signer]));
    let token_of_old = token(&signer);
    for _ in 0..23 {
        world.wait(seconds(3600));
        worker.tick();
        worker.answer(504, &[], "upstream request timeout");
        let stream = worker.get(&token_of_old);
        assert_eq!(worker.verdict(stream), "forwarded");
    }
    // A new key that cannot be fetched is not the client's fault either.
    let stream = worker.get(&token(&new));
    worker.tick();
    if !worker.calls.is_empty() {
        worker.answer(504, &[], "");
    }
    assert_eq!(worker.verdict(stream), "keys_unavailable");
    let in_cooldown = worker.get(&token(&new));
    assert_eq!(worker.verdict(in_cooldown), "token_key_unknown");
    world.wait(seconds(3601));
    let stale = worker.get(&token_of_old);
    assert_eq!(worker.verdict(stale), "keys_stale");
    assert!(worker.reply_header(stale, "retry-after").is_some());
    worker.fetch(&key_set(&[&signer]));
    let healed = worker.get(&token_of_old);
    assert_eq!(worker.verdict(healed), "forwarded");
}

#[test]
fn what_is_no_key_set_never_replaces_one() {
    let signer = Signer::new("k1");
    let too_large = format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(520 * 1024));
    let only_bad = r#"{"keys":[{"kty":"RSA","kid":"weak","n":"AQAB","e":"AQAB"}]}"#;
    let good = key_set(&[&Signer::new("k2")]);
    let cases: &[(&str, u16, &[(&str, &str)], &str, &str)] = &[
        // name, status, headers, body, what the log says
        ("a server error", 500, &[], "boom", "status 500"),
        ("a not-found page in JSON", 404, &[], r#"{"keys":[]}"#, "status 404"),
        ("a redirect", 302, &[("location", "http://evil/")], "", "status 302"),
        ("no content", 204, &[], "", "status 204"),
        ("a login page", 200, &[], "<html>sign in</html>", "the key set"),
        ("nothing", 200, &[], "", "the key set"),
        ("half a document", 200, &[], r#"{"keys":[{"kty""#, "the key set"),
        ("no keys", 200, &[], r#"{"keys":[]}"#, "the key set"),
        ("only a weak key", 200, &[], only_bad, "weak"),
        ("another document", 200, &[], r#"{"error":"x"}"#, "the key set"),
        ("too large a document", 200, &[], &too_large, "at most"),
        ("a compressed document", 200, &[("content-encoding", "gzip")], &good, "gzip"),
        ("a failed call", 0, &[], "", "status 0"),
    ];
    for (name, status, headers, body, said) in cases {
        let world = World::default();
        let mut worker = Worker::new(&world, CONFIG);
        worker.fetch(&key_set(&[&signer]));
        world.wait(seconds(600));
        worker.tick();
        worker.answer(*status, headers, body);
        let stream = worker.get(&token(&signer));
        assert_eq!(worker.verdict(stream), "forwarded", "{name}");
        let line = worker.log.iter().find(|line| line.contains("keys_fetch_failed"));
        let line = line.unwrap_or_else(|| panic!("{name}: no log line in {:?}", worker.log));
        assert!(line.contains(said), "{name}: {line}");
        assert!(line.contains("\"keys_in_use\":\"kept\""), "{name}: {line}");
        assert_eq!(worker.counts["tollgate_keys_fetch_failed_idp"], 1, "{name}");
    }
}

#[test]
fn a_withdrawn_key_is_out_of_use_at_every_workers_next_tick() {
    let world = World::default();
    let (old, new) = (Signer::new("k1"), Signer::new("k2"));
    let mut workers = [Worker::new(&world, CONFIG), Worker::new(&world, CONFIG)];
    workers[0].fetch(&key_set(&[&old, &new]));
    workers[1].tick();
    let stream = workers[1].get(&token(&old));
    assert_eq!(workers[1].verdict(stream), "forwarded");
    world.wait(seconds(600));
    workers[0].fetch(&key_set(&[&new]));
    workers[1].tick();
    for worker in &mut workers {
        let stream = worker.get(&token(&old));
        worker.tick();
        if !worker.calls.is_empty() {
            worker.answer(200, &[], &key_set(&[&new]));
        }
        assert_eq!(worker.verdict(stream), "token_key_unknown");
    }
}

#[test]
fn a_new_worker_takes_the_published_set_at_once() {
    let world = World::default();
    let signer = Signer::new("k1");
    Worker::new(&world, CONFIG).fetch(&key_set(&[&signer]));
    let mut late = Worker::new(&world, CONFIG);
    let stream = late.get(&token(&signer));
    assert_eq!((late.verdict(stream).as_str(), late.calls_made), ("forwarded", 0));
}

#[test]
fn a_worker_that_dies_while_fetching_is_replaced_when_its_lease_ends() {
    let world = World::default();
    let signer = Signer::new("k1");
    let mut dying = Worker::new(&world, CONFIG);
    dying.tick();
    assert_eq!(dying.calls_made, 1);
    let mut other = Worker::new(&world, CONFIG);
    let stream = other.get(&token(&signer));
    other.tick();
    assert_eq!(other.calls_made, 0, "the lease holds");
    world.wait(seconds(7));
    other.fetch(&key_set(&[&signer]));
    assert_eq!(other.verdict(stream), "forwarded");
    // The dead one's answer comes after all: it publishes nothing.
    dying.answer(200, &[], &key_set(&[&Signer::new("stranger")]));
    other.tick();
    let stream = other.get(&token(&signer));
    assert_eq!(other.verdict(stream), "forwarded");
}

#[test]
fn what_a_stranger_writes_into_the_store_only_costs_a_fetch() {
    let signer = Signer::new("k1");
    for (name, value) in [
        ("nothing", Vec::new()),
        ("zeroes", vec![0; 200]),
        ("a lease for ever", vec![0xff; 98]),
        ("text", b"hello".to_vec()),
    ] {
        let world = World::default();
        let mut worker = Worker::new(&world, CONFIG);
        worker.fetch(&key_set(&[&signer]));
        for key in world.store.keys() {
            world.store.force(&key, &value);
        }
        world.wait(seconds(1));
        let mut late = Worker::new(&world, CONFIG);
        let stream = late.get(&token(&signer));
        late.fetch(&key_set(&[&signer]));
        assert_eq!(late.verdict(stream), "forwarded", "{name}");
    }
}

#[test]
fn a_host_without_a_store_fetches_in_every_worker() {
    let world = World::default();
    world.store.absent.set(true);
    let signer = Signer::new("k1");
    for mut worker in [Worker::new(&world, CONFIG), Worker::new(&world, CONFIG)] {
        let stream = worker.get(&token(&signer));
        worker.fetch(&key_set(&[&signer]));
        assert_eq!(worker.verdict(stream), "forwarded");
        worker.tick();
        assert_eq!(worker.calls_made, 1);
        let again = worker.get(&token(&signer));
        assert_eq!(worker.verdict(again), "forwarded");
    }
}

#[test]
fn a_max_age_shortens_the_refresh_to_thirty_seconds_at_least() {
    let cases = [
        // Cache-Control, seconds after which a fetch is due, seconds at which none is yet
        ("max-age=0", 30, 26),
        ("public, max-age=120, must-revalidate", 120, 107),
        ("max-age=31536000", 600, 539),
        ("no-store", 600, 539),
        ("max-age=soon", 600, 539),
        ("max-age=-1", 600, 539),
    ];
    for (cache_control, due, early) in cases {
        let world = World::default();
        let mut worker = Worker::new(&world, CONFIG);
        worker.tick();
        worker.answer(200, &[("cache-control", cache_control)], &key_set(&[&Signer::new("k1")]));
        world.wait(seconds(early));
        worker.tick();
        assert_eq!(worker.calls_made, 1, "{cache_control}: too early");
        world.wait(seconds(due - early));
        worker.tick();
        assert_eq!(worker.calls_made, 2, "{cache_control}: too late");
    }
}

#[test]
fn a_signature_that_fails_under_a_known_kid_asks_for_one_fetch() {
    let world = World::default();
    let old = Signer::new("k1");
    let renewed = old.renewed();
    let mut worker = Worker::new(&world, CONFIG);
    worker.fetch(&key_set(&[&old]));
    for _ in 0..10 {
        let stream = worker.get(&token(&renewed));
        assert_eq!(worker.verdict(stream), "token_signature_invalid", "nobody waits for it");
    }
    worker.fetch(&key_set(&[&renewed]));
    let stream = worker.get(&token(&renewed));
    assert_eq!((worker.verdict(stream).as_str(), worker.calls_made), ("forwarded", 2));
}

#[test]
fn a_crowd_is_turned_away_at_the_door() {
    let world = World::default();
    let (known, unknown) = (Signer::new("k1"), Signer::new("k2"));
    let mut worker = Worker::new(&world, CONFIG);
    let streams: Vec<_> = (0..257).map(|_| worker.get(&token(&known))).collect();
    assert_eq!(worker.verdict(streams[255]), "waiting");
    assert_eq!(worker.verdict(streams[256]), "overloaded");
    worker.handle(Event::StreamGone { stream: streams[0] });
    let next = worker.get(&token(&known));
    assert_eq!(worker.verdict(next), "waiting", "who leaves makes room");
    worker.fetch(&key_set(&[&known]));
    assert!(!worker.settled.contains_key(&streams[0]), "nothing happens to who has left");
    let streams: Vec<_> = (0..257).map(|_| worker.get(&token(&unknown))).collect();
    assert_eq!(worker.verdict(streams[256]), "token_key_unknown", "there is a set to judge by");
}

#[test]
fn of_requests_that_may_have_a_body_only_32_wait_at_once() {
    let token = format!("Bearer {}", token(&Signer::new("k1")));
    let post = |headers: &[(&str, &str)]| {
        head("POST", "/orders/7", &[&[("authorization", &*token)], headers].concat())
    };
    let followed = || {
        let RequestHead { headers } = post(&[]);
        RequestHead { headers: headers.followed() }
    };
    let with_body = [
        ("the host says that more comes", followed()),
        ("a length", post(&[("content-length", "5")])),
        ("chunks", post(&[("transfer-encoding", "chunked")])),
        ("an upgrade", {
            let RequestHead { headers } = post(&[("upgrade", "websocket")]);
            RequestHead { headers: headers.followed() }
        }),
    ];
    for (name, request) in with_body {
        let world = World::default();
        let mut worker = Worker::new(&world, CONFIG);
        let streams: Vec<_> = (0..33).map(|_| worker.request(request.clone())).collect();
        assert_eq!(worker.verdict(streams[31]), "waiting", "{name}");
        assert_eq!(worker.verdict(streams[32]), "overloaded", "{name}");
        // Those without one have their own room.
        for request in [post(&[]), post(&[("content-length", "0")])] {
            let stream = worker.request(request);
            assert_eq!(worker.verdict(stream), "waiting", "{name}");
        }
        worker.handle(Event::StreamGone { stream: streams[7] });
        let next = worker.request(request.clone());
        assert_eq!(worker.verdict(next), "waiting", "{name}: who leaves makes room");
        let next = worker.request(request.clone());
        assert_eq!(worker.verdict(next), "overloaded", "{name}");
        // Where there is a set it judges those for whom there is no room.
        worker.fetch(&key_set(&[&Signer::new("k2")]));
        let streams: Vec<_> = (0..33).map(|_| worker.request(request.clone())).collect();
        assert_eq!(worker.verdict(streams[32]), "token_key_unknown", "{name}");
    }
}

#[test]
fn a_wait_ends_after_ten_seconds() {
    let world = World::default();
    let signer = Signer::new("k1");
    // The call takes longer than any request may wait.
    let slow = CONFIG.replace(r#""cluster": "idp""#, r#""cluster": "idp", "timeout": "20s""#);
    let mut worker = Worker::new(&world, &slow);
    let stream = worker.get(&token(&signer));
    worker.tick();
    world.wait(Duration::from_millis(9_999));
    worker.tick();
    assert_eq!(worker.verdict(stream), "waiting");
    world.wait(Duration::from_millis(1));
    worker.tick();
    assert_eq!(worker.verdict(stream), "keys_unavailable");
}

#[test]
fn discovery_leads_to_the_keys_only_where_it_may() {
    let document =
        |issuer: &str, keys: &str| format!(r#"{{"issuer":"{issuer}","jwks_uri":"{keys}"}}"#);
    let right = "https://id.example.com/";
    let cases = [
        // name, document, what the log says; nothing where the keys are fetched
        ("its own host", document(right, "https://id.example.com/keys"), None),
        ("any path and query", document(right, "https://id.example.com/a/b?c=d"), None),
        (
            "another issuer",
            document("https://id.example.com", "https://id.example.com/k"),
            Some("issuer"),
        ),
        ("another host", document(right, "https://evil.example.com/k"), Some("keys_cluster")),
        ("plain http", document(right, "http://id.example.com/k"), Some("http")),
        ("a user in the URL", document(right, "https://id.example.com@evil/k"), Some("jwks_uri")),
        ("a relative URL", document(right, "/keys"), Some("jwks_uri")),
        ("no URL", format!(r#"{{"issuer":"{right}"}}"#), Some("jwks_uri")),
        ("no issuer", r#"{"jwks_uri":"https://id.example.com/k"}"#.to_owned(), Some("issuer")),
        ("a login page", "<html>".to_owned(), Some("JSON")),
    ];
    for (name, document, said) in cases {
        let world = World::default();
        let signer = Signer::new("k1");
        let mut worker = Worker::new(&world, DISCOVERY);
        let stream = worker.get(&token(&signer));
        worker.tick();
        let asked = worker.calls.values().next().unwrap();
        assert_eq!(&*asked.path, "/.well-known/openid-configuration");
        worker.answer(200, &[], &document);
        match said {
            None => {
                worker.answer(200, &[], &key_set(&[&signer]));
                assert_eq!(worker.verdict(stream), "forwarded", "{name}");
            }
            Some(said) => {
                assert!(worker.calls.is_empty(), "{name}: the keys were asked for");
                assert_eq!(worker.verdict(stream), "keys_unavailable", "{name}");
                let line = worker.log.iter().find(|line| line.contains("keys_fetch_failed"));
                assert!(line.is_some_and(|line| line.contains(said)), "{name}: {line:?}");
            }
        }
    }
}

#[test]
fn only_the_configured_cluster_is_ever_called() {
    let world = World::default();
    let signer = Signer::new("k1");
    let mut worker = Worker::new(&world, CONFIG);
    let evil = Token::for_identity("mallory")
        .header("jku", "https://evil.example.com/keys")
        .header("x5u", "http://169.254.169.254/")
        .header("jwk", Signer::new("evil").jwk());
    worker.get(&Signer::new("evil").sign(&evil));
    worker.tick();
    let call = worker.calls.values().next().unwrap().clone();
    assert_eq!((&*call.cluster, &*call.authority, &*call.path), ("idp", "id.example.com", "/keys"));
    worker.answer(200, &[], &key_set(&[&signer]));
    let stream = worker.request(head(
        "GET",
        "/",
        &[("authorization", &format!("Bearer {}", signer.sign(&evil)))],
    ));
    assert_eq!(worker.verdict(stream), "forwarded", "a good token may carry what is ignored");
}

#[test]
fn keys_of_entra_id_serve_only_their_issuer() {
    const CONFIG: &str = r#"{ "providers": { "idp": { "any_issuer": true, "any_audience": true,
        "jwks": { "url": "https://id.example.com/keys", "cluster": "idp" } } } }"#;
    let signer = Signer::new("k1");
    let set = |issuer: &str| {
        let mut jwk = signer.jwk();
        jwk["issuer"] = issuer.into();
        serde_json::json!({ "keys": [jwk] }).to_string()
    };
    let v2 = "https://login.microsoftonline.com/{tenantid}/v2.0";
    let cases = [
        // name, the key's issuer, iss, tid, verdict
        ("its tenant", v2, "https://login.microsoftonline.com/t1/v2.0", "t1", "forwarded"),
        ("version 1", v2, "https://sts.windows.net/t1/", "t1", "forwarded"),
        (
            "another tenant's iss",
            v2,
            "https://login.microsoftonline.com/t2/v2.0",
            "t1",
            "token_key_mismatch",
        ),
        (
            "version 1, another tenant",
            v2,
            "https://sts.windows.net/t2/",
            "t1",
            "token_key_mismatch",
        ),
        ("no such form", v2, "https://evil.example.com/t1/v2.0", "t1", "token_key_mismatch"),
        ("a fixed issuer", "https://a/", "https://a/", "", "forwarded"),
        ("a fixed other issuer", "https://a/", "https://b/", "", "token_key_mismatch"),
    ];
    for (name, of, issuer, tenant, verdict) in cases {
        let world = World::default();
        let mut worker = Worker::new(&world, CONFIG);
        worker.fetch(&set(of));
        let token = Token::for_identity("alice").claim("iss", issuer).claim("tid", tenant);
        let stream = worker.get(&signer.sign(&token));
        assert_eq!(worker.verdict(stream), verdict, "{name}");
    }
}

#[test]
fn clocks_that_differ_a_little_do_not_void_what_others_wrote() {
    let world = World::default();
    let (old, new) = (Signer::new("k1"), Signer::new("k2"));
    let mut workers = [Worker::new(&world, CONFIG), Worker::new(&world, CONFIG)];
    let start = world.now.get();
    let back = Duration::from_millis(1);
    workers[0].tick();
    world.now.set(start.before(back));
    workers[1].tick();
    assert_eq!((workers[0].calls_made, workers[1].calls_made), (1, 0), "one lease");
    workers[0].answer(200, &[], &key_set(&[&old]));
    world.now.set(start);
    workers[0].get(&token(&new));
    workers[0].fetch(&key_set(&[&old]));
    world.now.set(start.before(back));
    let stream = workers[1].get(&token(&new));
    workers[1].tick();
    assert_eq!(workers[1].verdict(stream), "token_key_unknown", "one cooldown");
    assert_eq!(workers[1].calls_made, 0);
}

#[test]
fn a_published_set_that_cannot_be_read_is_fetched_again() {
    let signer = Signer::new("k1");
    for (name, value) in [("garbage", b"garbage".as_slice()), ("nothing", b"")] {
        let world = World::default();
        Worker::new(&world, CONFIG).fetch(&key_set(&[&signer]));
        for key in world.store.keys().iter().filter(|key| key.starts_with("tg1/set/")) {
            world.store.force(key, value);
        }
        let mut late = Worker::new(&world, CONFIG);
        let stream = late.get(&token(&signer));
        assert_eq!(late.verdict(stream), "waiting", "{name}");
        late.fetch(&key_set(&[&signer]));
        assert_eq!(late.verdict(stream), "forwarded", "{name}");
    }
}

#[test]
fn what_another_worker_has_asked_is_not_asked_again() {
    let world = World::default();
    let (old, new) = (Signer::new("k1"), Signer::new("k2"));
    let mut workers = [Worker::new(&world, CONFIG), Worker::new(&world, CONFIG)];
    workers[0].fetch(&key_set(&[&old]));
    workers[1].tick();
    for worker in &mut workers {
        worker.get(&token(&new));
    }
    workers[0].fetch(&key_set(&[&old, &new]));
    workers[1].tick();
    world.wait(seconds(31));
    workers[1].tick();
    assert_eq!(workers[1].calls_made, 0);
}

#[test]
fn keys_grow_too_old_even_where_the_shared_record_is_lost() {
    let world = World::default();
    let signer = Signer::new("k1");
    let mut worker = Worker::new(&world, CONFIG);
    worker.fetch(&key_set(&[&signer]));
    for key in world.store.keys() {
        world.store.force(&key, b"garbage");
    }
    for _ in 0..25 {
        world.wait(seconds(3600));
        worker.tick();
        if !worker.calls.is_empty() {
            worker.answer(500, &[], "");
        }
    }
    let stream = worker.get(&token(&signer));
    assert_eq!(worker.verdict(stream), "keys_stale");
}

#[test]
fn a_clock_that_is_set_back_leaves_nobody_waiting() {
    let world = World::default();
    let mut worker = Worker::new(&world, CONFIG);
    let stream = worker.get(&token(&Signer::new("k1")));
    worker.tick();
    world.now.set(world.now.get().before(seconds(3600)));
    worker.tick();
    assert_eq!(worker.verdict(stream), "keys_unavailable");
}

#[test]
fn a_url_in_the_log_has_no_query() {
    let world = World::default();
    let mut worker = Worker::new(&world, &CONFIG.replace("/keys", "/keys?api_key=secret"));
    worker.tick();
    worker.answer(500, &[], "");
    assert!(worker.log.iter().any(|line| line.contains("https://id.example.com/keys\"")));
    assert!(!worker.log.iter().any(|line| line.contains("secret")), "{:?}", worker.log);
}

#[test]
fn a_key_that_is_tolerated_is_told_once_and_serves() {
    let world = World::default();
    let (odd, good) = (Signer::new("k1"), Signer::new("k2"));
    let mut workers = [Worker::new(&world, CONFIG), Worker::new(&world, CONFIG)];
    let x = odd.jwk()["x"].as_str().unwrap().to_owned();
    let clean = key_set(&[&odd, &good]);
    let padded = clean.replace(&x, &format!("{x}="));
    assert_ne!(padded, clean);
    for step in 0..3 {
        workers[0].fetch(&padded);
        workers[1].tick();
        for worker in &mut workers {
            for signer in [&odd, &good] {
                let stream = worker.get(&token(signer));
                assert_eq!(worker.verdict(stream), "forwarded", "step {step}");
            }
        }
        world.wait(seconds(600));
    }
    let lines = workers.iter().flat_map(|worker| &worker.log);
    let told: Vec<_> = lines.filter(|line| line.contains("key_tolerated")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("keys[0] (kid `k1`): its `x` has padding (`=`)"), "{told:?}");
}
