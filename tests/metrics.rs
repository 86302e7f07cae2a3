//! What is counted, by whom and when the host is told. That every metric is defined at the start,
//! once, and none is named that was not, the harness holds against every test that uses it.

#[path = "support/documented.rs"]
mod documented;
mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use support::token::{AUDIENCE, ISSUER, Signer, Token, key_set};
use support::world::{CONFIG, Worker, World, head};
use tollgate::event::{Event, MetricKind};
use tollgate::verdict::Deny;

fn count(worker: &Worker<'_>, name: &str) -> u64 {
    worker.counts.get(&format!("tollgate_{name}")).copied().unwrap_or_default()
}

fn gauge(world: &World, name: &str) -> Option<u64> {
    world.totals.gauges.borrow().get(&format!("tollgate_{name}")).copied()
}

/// Two providers, of which one lists API keys, and three APIs, of which one only reports.
fn config(signer: &Signer) -> Value {
    json!({
        "providers": {
            "idp": { "issuer": ISSUER, "audiences": [AUDIENCE],
                     "jwks": { "inline": { "keys": [signer.jwk()] } } },
            "partner": { "kind": "api_key", "from": [{ "header": "x-api-key" }], "keys": [
                { "name": "acme", "identity": "acme",
                  "sha256": "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683" }] },
        },
        "apis": [
            { "name": "health", "match": { "paths": ["/health"] }, "auth": "none" },
            { "name": "new", "match": { "paths": ["/new"] }, "auth": ["idp"], "mode": "report" },
            { "name": "orders", "match": { "paths": ["/orders/**"] }, "auth": ["idp", "partner"] },
        ],
    })
}

#[test]
fn requests_are_counted_by_api_and_provider_at_the_next_tick() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let mut worker = Worker::new(&world, &config(&signer).to_string());
    let good = signer.sign(&Token::for_identity("alice"));
    let late = signer.sign(&Token::for_identity("alice").claim("exp", 1));
    let bearer = |token: &str| format!("Bearer {token}");
    let requests = [
        // path, headers
        ("/health", vec![]),
        ("/orders/1", vec![("authorization", bearer(&good))]),
        ("/orders/1", vec![("authorization", bearer(&good))]),
        ("/orders/1", vec![("authorization", bearer(&late))]),
        ("/orders/1", vec![("x-api-key", "key".to_owned())]),
        ("/orders/1", vec![("x-api-key", "another".to_owned())]),
        ("/orders/1", vec![]),
        ("/new", vec![("authorization", bearer(&late))]),
        ("/elsewhere", vec![("authorization", bearer(&good))]),
    ];
    for (path, headers) in requests {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, &**value)).collect();
        worker.request(head("GET", path, &headers));
    }
    assert_eq!(count(&worker, "allowed"), 4, "the verdict is counted at once");
    assert_eq!(count(&worker, "denied_token_expired"), 1);
    assert_eq!(count(&worker, "would_deny_token_expired"), 1);
    assert_eq!(count(&worker, "api_allowed_orders"), 0, "the rest later");
    for _ in 0..2 {
        worker.tick();
        let expected = [
            ("api_allowed_health", 1),
            ("api_denied_health", 0),
            ("api_allowed_orders", 3),
            ("api_denied_orders", 3),
            ("api_allowed_new", 0),
            ("api_denied_new", 0),
            ("provider_allowed_idp", 2),
            ("provider_denied_idp", 1),
            ("provider_allowed_partner", 1),
            ("provider_denied_partner", 1),
            // The good token once, the late one twice.
            ("verified_wasm", 3),
            ("verified_host", 0),
            ("verified_cached", 1),
        ];
        for (name, times) in expected {
            assert_eq!(count(&worker, name), times, "{name}");
        }
    }
}

#[test]
fn a_request_that_waits_is_counted_while_it_does_and_its_wait_when_it_ends() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let token = signer.sign(&Token::for_identity("alice"));
    let mut workers = [Worker::new(&world, CONFIG), Worker::new(&world, CONFIG)];
    let gone = workers[0].get(&token);
    let streams = [workers[0].get(&token), workers[1].get(&token)];
    assert_eq!(gauge(&world, "parked"), Some(3), "of all workers");
    assert_eq!(count(&workers[0], "parked_total"), 2);
    workers[0].handle(Event::StreamGone { stream: gone });
    assert_eq!(gauge(&world, "parked"), Some(2));
    world.wait(Duration::from_millis(40));
    workers[0].fetch(&key_set(&[&signer]));
    workers[1].tick();
    for (worker, stream) in workers.iter().zip(streams) {
        assert_eq!(worker.verdict(stream), "forwarded");
        assert_eq!(worker.observed, [("tollgate_keys_wait_ms".to_owned(), 40)]);
    }
    assert_eq!(gauge(&world, "parked"), Some(0));
    let known = workers[0].get(&token);
    assert_eq!(workers[0].verdict(known), "forwarded");
    assert_eq!(workers[0].observed.len(), 1, "who did not wait is not in it");
    assert_eq!(count(&workers[0], "parked_total"), 2);
}

#[test]
fn what_a_worker_counted_that_is_gone_is_taken_back_once() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let token = signer.sign(&Token::for_identity("alice"));
    // The call takes longer than this.
    let slow = CONFIG.replace(r#""cluster": "idp""#, r#""cluster": "idp", "timeout": "20s""#);
    let mut workers: Vec<_> = (0..3).map(|_| Worker::new(&world, &slow)).collect();
    for (count, worker) in workers.iter_mut().enumerate() {
        for _ in 0..=count {
            worker.get(&token);
        }
    }
    assert_eq!(gauge(&world, "parked"), Some(6));
    // The last one traps: nobody stops it.
    drop(workers.pop());
    for second in 0..9 {
        world.wait(Duration::from_secs(1));
        workers.iter_mut().for_each(Worker::tick);
        let expected = if second < 5 { 6 } else { 3 };
        assert_eq!(gauge(&world, "parked"), Some(expected), "after {} s", second + 1);
    }
    // Its successor counts its own, and those that live take back no more than theirs.
    let mut fresh = Worker::new(&world, CONFIG);
    fresh.get(&token);
    assert_eq!(gauge(&world, "parked"), Some(4));
    while !workers.iter().chain([&fresh]).all(|worker| worker.calls.is_empty()) {
        for worker in workers.iter_mut().chain([&mut fresh]) {
            if !worker.calls.is_empty() {
                worker.answer(200, &[], &key_set(&[&signer]));
            }
        }
    }
    workers.iter_mut().chain([&mut fresh]).for_each(Worker::tick);
    assert_eq!(gauge(&world, "parked"), Some(0));
}

#[test]
fn a_worker_that_was_thought_gone_counts_again() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let token = signer.sign(&Token::for_identity("alice"));
    let mut workers = [Worker::new(&world, CONFIG), Worker::new(&world, CONFIG)];
    workers[0].get(&token);
    world.wait(Duration::from_secs(6));
    workers[1].tick();
    assert_eq!(gauge(&world, "parked"), Some(0));
    workers[0].tick();
    assert_eq!(gauge(&world, "parked"), Some(1), "it was only slow");
    world.wait(Duration::from_secs(5));
    workers.iter_mut().for_each(Worker::tick);
    assert_eq!(gauge(&world, "parked"), Some(0), "its request has waited long enough");
}

#[test]
fn what_others_write_about_waiting_requests_takes_nothing_that_was_not_counted() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let mut worker = Worker::new(&world, CONFIG);
    worker.get(&signer.sign(&Token::for_identity("alice")));
    let entry = [&7_u64.to_le_bytes()[..], &u32::MAX.to_le_bytes(), &0_u64.to_le_bytes()].concat();
    for record in [
        vec![],
        vec![2],
        vec![1, 2, 3],
        [&[1], &*entry].concat(),
        [&[1], &*entry.repeat(900)].concat(),
    ] {
        world.store.force("tg1/parked", &record);
        world.wait(Duration::from_secs(1));
        worker.tick();
        assert!(gauge(&world, "parked").unwrap() <= 3, "{} bytes", record.len());
    }
    world.wait(Duration::from_secs(10));
    worker.tick();
    worker.tick();
    let left = gauge(&world, "parked").unwrap();
    assert!(left <= 3, "{left}");
}

#[test]
fn the_age_of_keys_is_the_same_whichever_worker_tells_it() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let mut workers = [Worker::new(&world, CONFIG), Worker::new(&world, CONFIG)];
    let age = |world: &World| gauge(world, "keys_age_seconds_idp");
    workers[0].tick();
    assert_eq!(age(&world), None, "there are none yet");
    workers[0].answer(200, &[], &key_set(&[&signer]));
    for (wait, fetching, expected) in [(7, 0, 7), (20, 1, 27)] {
        world.wait(Duration::from_secs(wait));
        for place in [0, 1, 0] {
            workers[place].tick();
            assert_eq!(age(&world), Some(expected));
        }
        assert_eq!(workers[fetching].calls.len(), 0);
    }
    // A worker that has just started knows as much.
    let mut fresh = Worker::new(&world, CONFIG);
    fresh.tick();
    assert_eq!(age(&world), Some(27));
}

#[test]
fn a_configuration_that_is_replaced_leaves_no_gauge_and_loses_no_count() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let mut worker = Worker::new(&world, CONFIG);
    worker.fetch(&key_set(&[&signer]));
    world.wait(Duration::from_secs(200));
    worker.tick();
    assert_eq!(gauge(&world, "keys_age_seconds_idp"), Some(200));
    worker.get(&signer.sign(&Token::for_identity("alice")));
    worker.get(&Signer::new("k2").sign(&Token::for_identity("alice")));
    assert_eq!(gauge(&world, "parked"), Some(1));
    assert_eq!(count(&worker, "api_allowed_default"), 0);
    worker.stop();
    assert_eq!(gauge(&world, "keys_age_seconds_idp"), Some(0), "or an alert would never end");
    assert_eq!(gauge(&world, "parked"), Some(0));
    assert_eq!(count(&worker, "api_allowed_default"), 1);
    // Nothing is told that was never known.
    let other_world = World::default();
    let mut other = Worker::new(&other_world, CONFIG);
    other.stop();
    assert_eq!(other.counts.len(), 1, "{:?}", other.counts);
}

#[test]
fn of_a_provider_with_several_sets_the_oldest_is_told() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let config = json!({ "providers": { "idp": {
        "issuer": "https://{tenant}.example/", "tenants": ["one", "two"], "audiences": ["api"],
        "jwks": { "url": "https://{tenant}.example/keys", "cluster": "idp", "refresh": "1h" } } } });
    let mut worker = Worker::new(&world, &config.to_string());
    worker.tick();
    worker.answer(200, &[], &key_set(&[&signer]));
    world.wait(Duration::from_secs(3));
    worker.answer(200, &[], &key_set(&[&signer]));
    world.wait(Duration::from_secs(2));
    worker.tick();
    assert_eq!(gauge(&world, "keys_age_seconds_idp"), Some(5));
}

#[test]
fn records_are_counted_by_one_worker_at_a_time() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let mut config = config(&signer);
    config["policies"] = json!({ "slow": { "rate": { "requests": 9, "per": "2s" } } });
    config["apis"][2]["policies"] = json!({ "default": ["slow"] });
    config["sessions"] = json!({ "capacity": 4096 });
    let mut workers: Vec<_> = (0..3).map(|_| Worker::new(&world, &config.to_string())).collect();
    for number in 0..40 {
        let token = signer.sign(&Token::for_identity(&format!("user-{number}")));
        let stream = workers[number % 3].get(&token);
        assert_eq!(workers[number % 3].verdict(stream), "forwarded");
    }
    assert_eq!(gauge(&world, "session_records"), Some(40), "each is told at once");
    // As after a trap, which loses counts.
    world.totals.gauges.borrow_mut().insert("tollgate_session_records".to_owned(), 7);
    // Four steps of 128 buckets, one in half a second, whoever ticks.
    for step in 0..4 {
        assert_eq!(gauge(&world, "session_records"), Some(7), "after {step} steps");
        let before = world.store.writes();
        workers.iter_mut().for_each(Worker::tick);
        assert!(world.store.writes() - before <= 4, "each worker made the step");
        world.wait(Duration::from_millis(500));
    }
    assert_eq!(gauge(&world, "session_records"), Some(40));
    let limits = |world: &World| gauge(world, "limit_records");
    for _ in 0..64 {
        workers[1].tick();
        world.wait(Duration::from_millis(500));
    }
    assert_eq!(limits(&world), Some(0), "counters that have ended are not in use");
    assert_eq!(gauge(&world, "session_records"), Some(40));
}

#[test]
fn a_configuration_is_counted_once_however_many_workers_load_it() {
    let world = World::default();
    let other = CONFIG.replace("[\"api\"]", "[\"api\", \"other\"]");
    let load = |config: &str| count(&Worker::new(&world, config), "config_accepted");
    assert_eq!([load(CONFIG), load(CONFIG), load(CONFIG)], [1, 0, 0], "the first");
    assert_eq!([load(&other), load(&other)], [1, 0], "another");
    assert_eq!([load(CONFIG), load(CONFIG)], [1, 0], "back again");
}

#[test]
fn what_a_configuration_cannot_count_is_not_defined() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let plain = json!({ "providers": { "idp": config(&signer)["providers"]["idp"] } });
    let plain = Worker::new(&world, &plain.to_string());
    let full = Worker::new(&world, &config(&signer).to_string());
    let names = |worker: &Worker<'_>, part: &str| {
        let names = worker.defined.keys().filter(|name| name.contains(part));
        names.cloned().collect::<BTreeSet<_>>()
    };
    // Neither logs browsers in, and nobody counts for several proxies.
    let is_possible =
        |deny: &&Deny| **deny != Deny::LimitsUnavailable && !deny.code().starts_with("login_");
    let possible = Deny::ALL.iter().filter(is_possible).count();
    assert!(possible < Deny::ALL.len());
    assert_eq!(names(&plain, "_login_").len(), 0);
    assert_eq!(names(&plain, "_would_deny_").len(), 0);
    assert_eq!(names(&full, "_would_deny_").len(), possible);
    assert_eq!(names(&plain, "_denied_").len(), possible + 2);
    assert_eq!(names(&plain, "keys_fetch_").len(), 0);
    assert_eq!(names(&plain, "revocations_fetch_").len(), 0);
    let kinds: Vec<_> = ["parked", "parked_total", "filter_us"]
        .map(|name| plain.defined[&format!("tollgate_{name}")])
        .into();
    assert_eq!(kinds, [MetricKind::Gauge, MetricKind::Counter, MetricKind::Histogram]);
}

#[test]
fn the_documented_metrics_are_those_that_there_are() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let mut config = config(&signer);
    config["providers"] = json!({ "a-provider": {
        "kind": "introspection", "url": "https://id.example.com/introspect", "cluster": "idp",
        "client": { "id": "gateway", "secret": { "text": "s" } }, "signed": true,
        "issuer": ISSUER, "audiences": [AUDIENCE],
        "jwks": { "url": "https://id.example.com/keys", "cluster": "idp" } } });
    config["apis"] = json!([{
        "name": "an-api", "auth": ["a-provider"], "optional": true, "mode": "report", "mcp": {},
        "rate": { "requests": 9, "per": "1s", "per_caller": true },
    }]);
    config["revoked"] = json!({ "url": "https://ops.example.com/revoked.json", "cluster": "ops" });
    config["limits"] =
        json!({ "remote": { "service": "ratelimit", "cluster": "rls", "replicas": 3 } });
    let mut worker = Worker::new(&world, &config.to_string());
    worker.tick();
    worker.answer(200, &[], &key_set(&[&signer]));
    worker.tick();
    let codes = Deny::ALL.map(Deny::code);
    let expected = documented::metrics_of(&["a-provider"], &["an-api"], &codes);
    let mut known = worker.defined.clone();
    // A provider that is asked about tokens logs nobody in: another kind of the same name does.
    config["providers"] = json!({ "a-provider": {
        "issuer": ISSUER, "audiences": [AUDIENCE],
        "jwks": { "url": "https://id.example.com/keys", "cluster": "idp" },
        "login": {
            "url": "https://portal.example.com", "client": { "id": "portal" },
            "seal": [{ "text": "a secret that seals what browsers keep" }],
            "endpoints": { "authorization": "https://id.example.com/authorize",
                           "token": "https://id.example.com/token" },
        } } });
    known.extend(Worker::new(&world, &config.to_string()).defined);
    let shown = world.totals.gauges.borrow();
    known.extend(shown.keys().map(|name| (name.clone(), MetricKind::Gauge)));
    let known = known.into_iter().map(|(name, kind)| {
        let kind = match kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        (name, kind)
    });
    assert_eq!(expected, known.collect());
}

#[test]
fn no_names_of_a_configuration_give_two_metrics_one_name() {
    let world = World::default();
    // Names that look like the ends of others: the harness refuses a second definition of a name.
    let names = ["ok_a", "a", "failed_a", "total", "allowed_a", "seconds_a", "us", "wait_ms"];
    let provider = |name: &&str| {
        let jwks = json!({ "url": format!("https://{name}.example/keys"), "cluster": "idp" });
        let issuer = format!("https://{name}.example/");
        ((*name).to_owned(), json!({ "issuer": issuer, "audiences": ["api"], "jwks": jwks }))
    };
    let providers: serde_json::Map<_, _> = names.iter().map(provider).collect();
    let api = |name: &&str| {
        let paths = [format!("/{name}")];
        json!({ "name": name, "match": { "paths": paths }, "auth": [name] })
    };
    let apis: Vec<_> = names.iter().map(api).collect();
    let config = json!({ "providers": providers, "apis": apis, "mode": "report" });
    let worker = Worker::new(&world, &config.to_string());
    let own = |prefix: &str| worker.defined.keys().filter(|name| name.starts_with(prefix)).count();
    assert_eq!(own("tollgate_keys_fetch_"), 2 * names.len());
    assert_eq!(own("tollgate_api_"), 2 * names.len());
}

/// The pairs of a line of logfmt, whose values are bare or in double quotes; `None` for another.
fn pairs(line: &str) -> Option<Vec<(&str, String)>> {
    let mut rest = line;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (name, behind) = rest.split_once('=')?;
        let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        (!name.is_empty() && is_name(name)).then_some(())?;
        let mut value = serde_json::Deserializer::from_str(behind).into_iter::<Value>();
        let read = match value.next()?.ok()? {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        found.push((name, read));
        let end = behind.get(value.byte_offset()..)?;
        rest = if end.is_empty() { end } else { end.strip_prefix(' ')? };
    }
    Some(found)
}

#[test]
fn every_line_of_logfmt_can_be_read_back() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let config = json!({
        "providers": { "idp": {
            "issuer": ISSUER, "audiences": [AUDIENCE], "clock_skew": "10m",
            "jwks": { "url": "http://id.example.com/keys?key=secret", "cluster": "idp" } } },
        "revoked": { "url": "http://ops.example.com/revoked.json", "cluster": "ops",
                     "on_stale": "allow" },
        "log": { "format": "logfmt", "per_second": 1 },
    });
    let mut worker = Worker::new(&world, &config.to_string());
    let awkward = "a \"quoted\" = thing\\ with\nlines, \u{7f}é and spaces";
    for step in 0..4_u64 {
        worker.tick();
        while !worker.calls.is_empty() {
            let keys = json!({ "keys": [signer.jwk(), { "kty": "oct", "k": "AA", "kid": awkward },
                                        { "kty": awkward, "kid": "x=y" }] });
            match step {
                0 => worker.answer(500, &[], awkward),
                _ => worker.answer(200, &[], &keys.to_string()),
            }
        }
        for _ in 0..3 {
            let token = Token::for_identity(awkward).claim("iss", awkward);
            worker.get(&signer.sign(&token.header("kid", awkward)));
        }
        world.wait(Duration::from_secs(120));
        worker.tick();
    }
    let mut events = BTreeSet::new();
    for line in &worker.log {
        let pairs = pairs(line).unwrap_or_else(|| panic!("no logfmt: {line}"));
        assert_eq!(pairs[0].0, "event", "{line}");
        events.insert(pairs[0].1.clone());
        let names: BTreeSet<_> = pairs.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), pairs.len(), "a field twice: {line}");
    }
    let expected = [
        "configuration_warning",
        "key_skipped",
        "keys_changed",
        "keys_fetch_failed",
        "log_suppressed",
        "request_denied",
        "revocations_fetch_failed",
    ];
    for event in expected {
        assert!(events.contains(event), "{event} is not in {events:?}");
    }
}
