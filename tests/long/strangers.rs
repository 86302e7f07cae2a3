//! A million different callers, of whom few come again, at one proxy whose room is for a fraction of them,
//! where a real Limitador counts: one half by their addresses, and the other by their identities.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::harness::engines::Service;
use super::harness::{
    Connection, Envoy, Filter, ISSUER, Listener, Request, Site, now, places, within,
};

const STRANGERS: u32 = 1_000_000;
/// Memory is compared with what it was after so many, and after so many all tables are full.
const FIRST: u32 = 100_000;
const HALF: u32 = STRANGERS / 2;
/// Callers that come again and again, with so many strangers between two requests of them.
const REGULARS: u32 = 10;
const BETWEEN: u32 = 500;
/// Each caller's quota, and what may pass of it unreported at one process: the usual twentieth.
const QUOTA: u64 = 100;
const UNREPORTED: u64 = 5;
/// Room for callers' counters.
const CAPACITY: u32 = 65_536;
/// Full tables of counters and of sessions; and, once they are full, what else a proxy needs in minutes.
const ALLOWED_BYTES: u64 = 64 * 1024 * 1024;
const ALLOWED_WHEN_FULL: u64 = 24 * 1024 * 1024;
const CLIENTS: usize = 16;
const SECRET: &str = "a secret for a million strangers, of 32 bytes and more";
/// The policies, each of an API of its own.
const COUNTED_BY: [&str; 2] = ["address", "identity"];

/// What became of requests: by status and code, and how many passed of each regular.
#[derive(Default)]
struct Tally {
    answers: BTreeMap<(u16, String), u64>,
    passed: BTreeMap<u32, u64>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        for (verdict, count) in other.answers {
            *self.answers.entry(verdict).or_default() += count;
        }
        for (regular, count) in other.passed {
            *self.passed.entry(regular).or_default() += count;
        }
    }
}

fn configuration() -> Value {
    let policy = |by: &&str| {
        let policy = json!({ "limit_by": by, "quota": { "requests": QUOTA, "per": "30d" } });
        (by.to_string(), policy)
    };
    let api = |by: &&str| {
        json!({ "name": by, "match": { "paths": [format!("/{by}")] }, "auth": ["main"],
                "policies": { "default": [by] } })
    };
    json!({
        "providers": { "main": { "issuer": ISSUER, "any_audience": true, "algorithms": ["HS256"],
                                 "secret": { "text": SECRET } } },
        "policies": COUNTED_BY.iter().map(policy).collect::<Value>(),
        "apis": COUNTED_BY.iter().map(api).collect::<Value>(),
        "limits": { "capacity": CAPACITY, "remote": {
            "service": "limitador", "cluster": "limits", "replicas": 1, "timeout": "1s" } },
    })
}

/// The limits in Limitador's own form.
fn limits() -> String {
    let limit = |by: &str| {
        format!(
            "- {{ namespace: tollgate, name: {by}.quota, max_value: {QUOTA}, seconds: 2592000, \
             conditions: [\"descriptors[0].limit == '{by}.quota'\"], \
             variables: [\"descriptors[0].subject\"] }}\n"
        )
    };
    COUNTED_BY.map(limit).concat()
}

/// What a caller sends: each has an address and an identity of its own.
fn request(caller: u32, expires: i64) -> Request {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({ "iss": ISSUER, "sub": format!("caller-{caller}"), "exp": expires });
    let signed = format!("{}.{}", part(json!({ "alg": "HS256" })), part(claims));
    let mut mac = hmac::Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    mac.update(signed.as_bytes());
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
    let address = Ipv4Addr::from(0x0B00_0000 + caller);
    let by = COUNTED_BY[caller as usize % COUNTED_BY.len()];
    Request::get(format!("/{by}")).bearer(token).header("x-forwarded-for", address.to_string())
}

/// Sends the requests of strangers up to this one, and between them those of regulars.
fn come(port: u16, next: &AtomicU32, until: u32) -> Tally {
    let expires = now() + 3600;
    let client = || {
        let mut connection = Connection::open(port);
        let mut tally = Tally::default();
        let mut send = |caller: u32| {
            let answer = connection.fetch(&request(caller, expires));
            let code = if answer.status() == 200 { String::new() } else { answer.code() };
            *tally.answers.entry((answer.status(), code)).or_default() += 1;
            let is_regular = caller >= STRANGERS;
            if is_regular && answer.status() == 200 {
                *tally.passed.entry(caller - STRANGERS).or_default() += 1;
            }
            let may_be_refused =
                is_regular && answer.verdict() == (429, "quota_exceeded".to_owned());
            assert!(answer.status() == 200 || may_be_refused, "{caller}: {}", answer.text());
        };
        loop {
            let stranger = next.fetch_add(1, Ordering::Relaxed);
            if stranger >= until {
                return tally;
            }
            send(stranger);
            if stranger.is_multiple_of(BETWEEN) {
                send(STRANGERS + stranger / BETWEEN % REGULARS);
            }
        }
    };
    let mut all = Tally::default();
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        clients.into_iter().for_each(|one| all.add(one.join().expect("a client")));
    });
    all
}

#[test]
fn a_million_strangers_pass_are_counted_and_leave_memory_as_it_was() {
    let folder = places::scratch("strangers");
    let program = places::quick_rate_limit_services();
    let service = Service::start(&program, &folder, "limitador", &limits(), None);
    let listener = Listener::new(&Filter::new(&configuration())).answering_itself().behind(1);
    let site = Site::new("strangers-proxy", 1)
        .workers(2)
        .wasm_log("info")
        .http2_cluster("limits", service.port())
        .listener(&listener);
    let proxy = Envoy::start(&site);
    let start = Instant::now();
    let mut tally = come(listener.port, &AtomicU32::new(0), FIRST);
    let (soon, first) = (proxy.resident(), start.elapsed());
    tally.add(come(listener.port, &AtomicU32::new(FIRST), HALF));
    let full = proxy.resident();
    tally.add(come(listener.port, &AtomicU32::new(HALF), STRANGERS));
    let (late, elapsed) = (proxy.resident(), start.elapsed());
    let passed: u64 =
        tally.answers.iter().filter(|((status, _), _)| *status == 200).map(|(_, n)| n).sum();
    let of = |counts: &Value, what: &str| -> u64 {
        let both = COUNTED_BY.map(|by| counts["limits"][format!("{by}.quota")][what].as_u64());
        both.iter().flatten().sum()
    };
    // What has passed is reported within ten seconds.
    let mut last = 0;
    within(Duration::from_secs(60), "the reports to end", || {
        std::thread::sleep(Duration::from_secs(12));
        let granted = of(&service.counts(), "granted");
        (granted == std::mem::replace(&mut last, granted)).then_some(())
    });
    let counts = service.counts();
    let (subjects, granted) = (of(&counts, "subjects"), of(&counts, "granted"));
    let failed = proxy.counter("tollgate_limits_remote_failed");
    println!(
        "{STRANGERS} strangers in {} s (the first {FIRST} in {} s), {} calls, {failed} of them failed, \
         {subjects} subjects, {granted} counted of {passed} that passed, resident {} MB, {} MB and {} MB: {:?}",
        elapsed.as_secs(),
        first.as_secs(),
        counts["calls"],
        soon / 1_000_000,
        full / 1_000_000,
        late / 1_000_000,
        tally.answers,
    );
    assert_eq!(subjects, u64::from(STRANGERS + REGULARS));
    // A call that was given up may have counted.
    let most = passed + failed * QUOTA;
    let least = passed - u64::from(REGULARS) * UNREPORTED;
    assert!((least..=most).contains(&granted), "{granted} of {passed}, {failed} calls failed");
    for (regular, passed) in &tally.passed {
        let bounds = QUOTA - UNREPORTED..=QUOTA + UNREPORTED;
        assert!(bounds.contains(passed), "regular {regular}: {passed} of {QUOTA}");
    }
    assert_eq!(tally.passed.len(), REGULARS as usize);
    for by in COUNTED_BY {
        assert_eq!(counts["limits"][format!("{by}.quota")]["most_in_a_window"], QUOTA, "{by}");
    }
    assert!(late <= soon + ALLOWED_BYTES, "{soon} bytes, and then {late}");
    assert!(late <= full + ALLOWED_WHEN_FULL, "{full} bytes, and then {late}");
    proxy.assert_no_trap();
    proxy.assert_no_secret(&[SECRET]);
}
