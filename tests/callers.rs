//! Callers without a name, and each caller at one API: who is counted by what.

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use support::token::{AUDIENCE, ISSUER, NOW, Signer, Token, key_set};
use support::world::{Worker, World, head};
use tollgate::env::SharedData;
use tollgate::ids::StreamId;

/// A public API, one that a token may be shown to, one that asks for a token or a key, one that lets
/// preflights pass, and one without a rate; the first four with a rate for each caller.
fn config(requests: u32) -> Value {
    let rate = json!({ "requests": requests, "per": "1h", "per_caller": true });
    let api = |name: &str, further: Value| {
        let mut api = json!({
            "name": name, "match": { "paths": [format!("/{name}/**")] }, "auth": ["idp", "keys"],
            "rate": rate,
        });
        for (field, value) in further.as_object().unwrap() {
            api[field] = value.clone();
        }
        api
    };
    json!({
        "providers": {
            "idp": {
                "issuer": ISSUER, "audiences": [AUDIENCE],
                "jwks": { "inline": { "keys": [Signer::new("k1").jwk()] } },
            },
            "keys": {
                "kind": "api_key", "from": [{ "header": "x-key" }],
                "keys": [{ "name": "a", "sha256": ALICES, "identity": "alice" }],
            },
        },
        "apis": [
            api("public", json!({ "auth": "none" })),
            api("optional", json!({ "optional": true })),
            api("named", json!({})),
            api("preflights", json!({ "cors_preflight": "pass" })),
            api("free", json!({ "rate": { "requests": 100_000, "per": "1s" } })),
        ],
    })
}

/// SHA-256 of `key`.
const ALICES: &str = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683";
const ONE: &str = "192.0.2.1:4711";
const OTHER: &str = "192.0.2.2:4711";

/// The verdicts on requests, each from an address, to a path, with a credential: `-` is none.
fn verdicts(config: &Value, requests: &[(&str, &str, &str)]) -> Vec<String> {
    let world = World::default();
    let mut workers = [0, 1].map(|_| Worker::new(&world, &config.to_string()));
    let mut verdicts = Vec::new();
    for (place, (address, path, credential)) in requests.iter().enumerate() {
        world.come_from(address);
        let worker = &mut workers[place % 2];
        let stream = send(worker, path, credential);
        verdicts.push(worker.verdict(stream));
    }
    verdicts
}

fn send(worker: &mut Worker<'_>, path: &str, credential: &str) -> StreamId {
    let token =
        || Signer::new("k1").sign(&Token::for_identity(credential).claim("exp", NOW + 200_000));
    match credential {
        "-" => worker.request(head("GET", path, &[])),
        "key" => worker.request(head("GET", path, &[("x-key", "key")])),
        _ => {
            let bearer = format!("Bearer {}", token());
            worker.request(head("GET", path, &[("authorization", &bearer)]))
        }
    }
}

#[test]
fn each_caller_of_an_api_has_a_counter_by_identity_or_else_by_address() {
    type Sent = (&'static str, &'static str, &'static str, &'static str);
    let (yes, no, missing) = ("forwarded", "rate_limited", "limit_key_missing");
    type Row<'a> = (&'static str, &'a [Sent]);
    let cases: &[Row<'_>] = &[
        // name, then: address, path, credential, verdict
        (
            "an address of a public API, whatever its port",
            &[
                (ONE, "/public/", "-", yes),
                ("192.0.2.1:1", "/public/", "-", no),
                (OTHER, "/public/", "-", yes),
                (OTHER, "/public/", "-", no),
            ],
        ),
        (
            "a public API counts the address, whatever is shown to it",
            &[(ONE, "/public/", "alice", yes), (ONE, "/public/", "bob", no)],
        ),
        (
            "IPv6 by its first 64 bits, a mapped one as IPv4",
            &[
                ("[2001:db8::1]:1", "/public/", "-", yes),
                ("[2001:db8::2]:1", "/public/", "-", no),
                ("[2001:db8:0:1::1]:1", "/public/", "-", yes),
                (ONE, "/public/", "-", yes),
                ("[::ffff:192.0.2.1]:1", "/public/", "-", no),
            ],
        ),
        (
            "an identity, wherever it comes from",
            &[
                (ONE, "/named/", "alice", yes),
                (OTHER, "/named/", "alice", no),
                (ONE, "/named/", "bob", yes),
            ],
        ),
        (
            "one provider's identity is not another's",
            &[
                (ONE, "/named/", "alice", yes),
                (ONE, "/named/", "key", yes),
                (ONE, "/named/", "key", no),
                (ONE, "/named/", "alice", no),
            ],
        ),
        (
            "an optional API counts the address of whoever shows nothing",
            &[
                (ONE, "/optional/", "-", yes),
                (ONE, "/optional/", "-", no),
                (ONE, "/optional/", "alice", yes),
                (ONE, "/optional/", "bob", yes),
                (OTHER, "/optional/", "alice", no),
                (OTHER, "/optional/", "-", yes),
            ],
        ),
        (
            "each API on its own",
            &[
                (ONE, "/public/", "-", yes),
                (ONE, "/optional/", "-", yes),
                (ONE, "/named/", "alice", yes),
                (ONE, "/optional/", "alice", yes),
                (ONE, "/named/", "alice", no),
            ],
        ),
        (
            "no address that can be read",
            &[
                ("", "/public/", "-", missing),
                ("/var/run/envoy.sock", "/public/", "-", missing),
                ("[fe80::1%1]:80", "/public/", "-", missing),
                ("2001:db8::1:80", "/optional/", "-", missing),
                ("", "/optional/", "alice", yes),
                ("", "/named/", "bob", yes),
                ("", "/free/", "bob", yes),
            ],
        ),
    ];
    for (name, rows) in cases {
        let requests: Vec<_> =
            rows.iter().map(|(from, path, who, _)| (*from, *path, *who)).collect();
        let expected: Vec<_> = rows.iter().map(|(.., verdict)| *verdict).collect();
        assert_eq!(verdicts(&config(1), &requests), expected, "{name}");
    }
}

#[test]
fn a_preflight_that_passes_is_counted_by_address() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config(1).to_string());
    let preflight = [("origin", "https://app.example"), ("access-control-request-method", "GET")];
    let mut verdict = |address| {
        world.come_from(address);
        let stream = worker.request(head("OPTIONS", "/preflights/", &preflight));
        worker.verdict(stream)
    };
    assert_eq!(verdict(ONE), "forwarded");
    assert_eq!(verdict(ONE), "rate_limited");
    assert_eq!(verdict(OTHER), "forwarded");
}

#[test]
fn a_policy_may_count_its_callers_by_address() {
    let mut config = config(1);
    let by_address = json!({ "rate": { "requests": 2, "per": "1h" }, "limit_by": "address" });
    config["policies"] = json!({ "p": by_address });
    config["apis"] = json!([{
        "name": "named", "auth": ["idp", "keys"], "policies": { "default": ["p"] },
    }]);
    let requests = [
        (ONE, "/", "alice"),
        (ONE, "/", "bob"),
        (ONE, "/", "key"),
        (OTHER, "/", "alice"),
        ("@abstract", "/", "alice"),
        // The credential that was counted here counts where it comes from next.
        (OTHER, "/", "alice"),
        (OTHER, "/", "bob"),
    ];
    let expected = [
        "forwarded",
        "forwarded",
        "rate_limited",
        "forwarded",
        "limit_key_missing",
        "forwarded",
        "rate_limited",
    ];
    assert_eq!(verdicts(&config, &requests), expected);
}

#[test]
fn the_callers_own_limits_are_charged_together_or_not_at_all() {
    let mut config = config(3);
    config["policies"] = json!({ "p": { "quota": { "requests": 2, "per": "1d" } } });
    config["apis"] = json!([{
        "name": "named", "auth": ["idp"], "policies": { "default": ["p"] },
        "rate": { "requests": 3, "per": "1h", "per_caller": true },
    }, {
        "name": "other", "match": { "paths": ["/other"] }, "auth": ["idp"],
        "policies": { "default": ["p"] },
    }]);
    config["apis"].as_array_mut().unwrap().reverse();
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    let mut sent = |path: &str| {
        let stream = send(&mut worker, path, "alice");
        let left = worker.advice.get(&stream).map(|headers| headers[1].1.clone());
        (worker.verdict(stream), left.unwrap_or_default())
    };
    let (yes, no) = ("forwarded".to_owned(), "quota_exceeded".to_owned());
    let told = r#""rate";r=2;t=1200, "quota";r=1;t=86400"#;
    assert_eq!(sent("/"), (yes.clone(), told.to_owned()), "the rate, then the quota");
    assert_eq!(sent("/other").0, yes);
    for _ in 0..5 {
        assert_eq!(sent("/").0, no, "what the quota refuses takes nothing of the rate");
    }
    world.wait(Duration::from_secs(86_400));
    let told = r#""rate";r=2;t=1200, "quota";r=1;t=86400"#;
    assert_eq!(sent("/").1, told);
}

#[test]
fn the_host_is_asked_for_the_address_only_where_it_counts() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config(1).to_string());
    world.come_from(ONE);
    for (path, credential, asked) in [
        ("/named/", "alice", 0),
        ("/free/", "alice", 0),
        ("/optional/", "alice", 0),
        ("/nowhere/", "-", 0),
        ("/named/", "-", 0),
        ("/public/", "-", 1),
        ("/optional/", "-", 1),
    ] {
        world.downstream.asked.set(0);
        send(&mut worker, path, credential);
        assert_eq!(world.downstream.asked.get(), asked, "{path} {credential}");
    }
}

#[test]
fn a_request_that_waits_is_counted_where_it_came_from() {
    let mut config = config(1);
    config["providers"]["idp"]["jwks"] =
        json!({ "url": "https://id.example.com/keys", "cluster": "idp" });
    config["policies"] = json!({
        "p": { "rate": { "requests": 1, "per": "1h" }, "limit_by": "address" },
    });
    config["apis"] = json!([{ "name": "a", "auth": ["idp"], "policies": { "default": ["p"] } }]);
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    world.come_from(ONE);
    let first = send(&mut worker, "/", "alice");
    world.come_from(OTHER);
    let second = send(&mut worker, "/", "alice");
    assert_eq!(worker.verdict(first), "waiting");
    // Whatever the host is at when the keys come, it is at none of the two.
    world.come_from("198.51.100.7:1");
    world.downstream.asked.set(0);
    worker.fetch(&key_set(&[&Signer::new("k1")]));
    let verdicts = [first, second].map(|stream| worker.verdict(stream));
    assert_eq!(verdicts, ["forwarded", "forwarded"]);
    assert_eq!(world.downstream.asked.get(), 0, "later, the host is elsewhere");
    for (address, expected) in
        [(ONE, "rate_limited"), (OTHER, "rate_limited"), ("198.51.100.7:1", "forwarded")]
    {
        world.come_from(address);
        let stream = send(&mut worker, "/", "alice");
        assert_eq!(worker.verdict(stream), expected, "{address}");
    }
}

#[test]
fn a_refusal_says_whose_limit_it_is_and_names_no_address() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config(1).to_string());
    world.come_from(ONE);
    for _ in 0..2 {
        send(&mut worker, "/public/", "-");
    }
    world.come_from("/var/run/envoy.sock");
    send(&mut worker, "/public/", "-");
    let log = worker.log.join("\n");
    for words in [
        "1 request in 1h is allowed to each caller's address at the API (`per_caller`)",
        "nothing to count the caller by: the proxy names no IP address of the client",
        "`apis[0].rate.per_caller`",
    ] {
        assert!(log.contains(words), "{words}: {log}");
    }
    assert!(!log.contains("192.0.2.1") && !log.contains("envoy.sock"), "{log}");
}

/// A configuration whose tables have eight places, in one bucket.
fn small() -> Value {
    let mut config = config(2);
    config["limits"] = json!({ "capacity": 8 });
    config
}

fn address(number: usize) -> String {
    format!("[2001:db8:0:{number:x}::1]:1")
}

#[test]
fn whoever_owns_many_addresses_shuts_out_nobody() {
    let world = World::default();
    let mut worker = Worker::new(&world, &small().to_string());
    let mut verdict = |from: usize, path: &str| {
        world.come_from(&address(from));
        let stream = send(&mut worker, path, if path == "/named/" { "alice" } else { "-" });
        worker.verdict(stream)
    };
    for from in 0..8 {
        assert_eq!(verdict(from, "/public/"), "forwarded");
    }
    // There is no room left: the next two share a counter of two requests with whoever comes.
    assert_eq!(verdict(100, "/public/"), "forwarded");
    assert_eq!(verdict(101, "/public/"), "forwarded");
    for from in 100..200 {
        assert_eq!(verdict(from, "/public/"), "rate_limited", "never `limit_store_full`");
    }
    assert_eq!(verdict(300, "/optional/"), "forwarded", "another limit has a counter of its own");
    for from in 0..8 {
        assert_eq!(verdict(from, "/public/"), "forwarded", "who was there before has a place");
        assert_eq!(verdict(from, "/public/"), "rate_limited");
    }
    assert_eq!(verdict(0, "/named/"), "forwarded", "identities have a table of their own");
    world.wait(Duration::from_secs(3602));
    assert_eq!(verdict(100, "/public/"), "forwarded");
    for from in 0..7 {
        assert_eq!(verdict(from, "/public/"), "forwarded", "there is room again");
    }
    let keys = world.store.keys();
    let of_addresses = keys.iter().filter(|key| key.starts_with("tg1/limit-address/"));
    assert_eq!(of_addresses.collect::<Vec<_>>(), ["tg1/limit-address/0"]);
}

#[test]
fn two_filters_with_one_store_count_addresses_apart() {
    let world = World::default();
    let with = |instance: &str| {
        let mut config = small();
        config["instance"] = instance.into();
        config.to_string()
    };
    let mut workers = [Worker::new(&world, &with("a")), Worker::new(&world, &with("b"))];
    for from in 0..8 {
        world.come_from(&address(from));
        send(&mut workers[0], "/public/", "-");
    }
    for worker in &mut workers {
        for (from, expected) in [(8, "forwarded"), (9, "forwarded"), (10, "rate_limited")] {
            world.come_from(&address(from));
            let stream = send(worker, "/public/", "-");
            assert_eq!(worker.verdict(stream), expected, "{from}");
        }
    }
}

#[test]
fn the_gauge_of_addresses_is_there_where_they_are_counted() {
    let world = World::default();
    let mut worker = Worker::new(&world, &small().to_string());
    for from in 0..9 {
        world.come_from(&address(from));
        send(&mut worker, "/public/", "-");
    }
    for _ in 0..3 {
        world.wait(Duration::from_secs(1));
        worker.tick();
    }
    let gauges = world.totals.gauges.borrow();
    assert_eq!(gauges.get("tollgate_limit_addresses"), Some(&8), "the shared one is no address's");
    let plain = World::default();
    let together = config(1).to_string().replace(r#""per_caller":true"#, r#""per_caller":false"#);
    let mut worker = Worker::new(&plain, &together);
    worker.tick();
    assert_eq!(worker.defined.get("tollgate_limit_addresses"), None);
    assert_eq!(plain.totals.gauges.borrow().get("tollgate_limit_addresses"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// One bucket against a plain model: eight have places of their own while their counters run; all
    /// others share one counter.
    #[test]
    fn a_full_bucket_has_one_more_counter_for_all_newcomers(
        requests in proptest::collection::vec((0..14_usize, 0..1_800_000_u64), 1..120),
    ) {
        // One request an hour, two at once: a counter runs for at most two hours, and a second.
        let mut config = small();
        for api in config["apis"].as_array_mut().unwrap() {
            api["rate"]["requests"] = 1.into();
            api["rate"]["burst"] = 2.into();
        }
        config["apis"][4]["rate"] = Value::Null;
        config["apis"].as_array_mut().unwrap().truncate(1);
        let world = World::default();
        let mut worker = Worker::new(&world, &config.to_string());
        let (hour, lag) = (3_600_000_u64, 1000);
        // When each counter would be empty again.
        let mut own: BTreeMap<usize, u64> = BTreeMap::new();
        let mut shared = 0_u64;
        let mut now = 0_u64;
        for (from, pause) in requests {
            now += pause;
            world.wait(Duration::from_millis(pause));
            world.come_from(&address(from));
            let stream = send(&mut worker, "/public/", "-");
            let passes = worker.verdict(stream) == "forwarded";
            let running = own.values().filter(|until| **until + lag > now).count();
            let has_place = own.contains_key(&from) || running < 8;
            if has_place && !own.contains_key(&from) {
                if own.len() == 8 {
                    let (ended, _) = own.iter().min_by_key(|(_, until)| **until).unwrap();
                    let ended = *ended;
                    own.remove(&ended);
                }
                own.insert(from, 0);
            }
            let until = if has_place { own.get_mut(&from).unwrap() } else { &mut shared };
            let next = (*until).max(now) + hour;
            let expected = next <= now + 2 * hour;
            prop_assert_eq!(passes, expected, "{} at {}", from, now);
            if expected {
                *until = next;
            }
        }
    }
}

#[test]
fn a_host_without_addresses_refuses_what_would_be_counted_by_them() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config(1).to_string());
    let stream = send(&mut worker, "/public/", "-");
    assert_eq!(worker.verdict(stream), "limit_key_missing");
    assert_eq!(worker.reply(stream).status, 403);
    let kept = world.store.get("tg1/limit-address/0").value;
    assert_eq!(kept, None, "and counts nobody");
}
