//! Limits that a service counts for several processes: what is asked of it, what its answers come to, and
//! what happens while it cannot be asked. Each process has a store of its own; a worker is one of a
//! process. Names that begin with `fl` and a number are those of the catalogue of attacks;
//! `ratelimit_service` and `limits` hold the rest of it.

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use support::token::{NOW, Signer, Token, key_set};
use support::world::{Worker, World, head};
use tollgate::event::{CallRequest, CallResponse, Event, Settlement};
use tollgate::http::Fields;
use tollgate::ids::{CallId, StreamId};

/// A configuration whose policy says this, with a service that says that.
fn config(policy: &str, remote: &str) -> String {
    format!(
        r#"{{ "providers": {{ "idp": {{ "issuer": "https://id.example.com/", "audiences": ["api"],
              "jwks": {{ "url": "https://id.example.com/keys", "cluster": "idp" }} }} }},
           "apis": [
            {{ "name": "orders", "match": {{ "paths": ["/orders/**"] }}, "auth": ["idp"],
               "policies": {{ "default": ["standard"] }} }},
            {{ "name": "all", "match": {{ "paths": ["/all"] }}, "auth": "none",
               "rate": {{ "requests": 5, "per": "1m", "count": "exact" }} }} ],
           "policies": {{ "standard": {policy} }},
           "explain": {{ "key_sha256": ["{KEY}"] }},
           "limits": {{ "remote": {{ "service": "ratelimit", "cluster": "rls", "replicas": 3{remote} }} }} }}"#
    )
}

/// SHA-256 of `key`.
const KEY: &str = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683";

const RATE: &str = r#"{ "rate": { "requests": 100, "per": "1m" } }"#;
const QUOTA: &str = r#"{ "quota": { "requests": 1000, "per": "30d" } }"#;

fn token(signer: &Signer, identity: &str) -> String {
    signer.sign(&Token::for_identity(identity).claim("exp", NOW + 86_400).claim("jti", identity))
}

/// A worker of a process that has keys.
fn worker<'w>(world: &'w World, config: &str, signer: &Signer) -> Worker<'w> {
    let mut worker = Worker::new(world, config);
    worker.tick();
    if let Some(call) = worker.calls.keys().next().copied() {
        worker.call_done(call, Some(answer(200, key_set(&[signer]).as_bytes(), &[])));
    }
    worker
}

fn answer(status: u16, body: &[u8], trailers: &[(&str, &str)]) -> CallResponse {
    CallResponse {
        status,
        headers: Fields::default(),
        body_size: body.len(),
        body: body.to_vec(),
        trailers: trailers.iter().copied().collect(),
    }
}

/// The fields of a message of Protocol Buffers: numbers, and bytes.
fn fields(mut bytes: &[u8]) -> Vec<(u64, u64, &[u8])> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let mut number = 0;
        for place in 0.. {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                break;
            }
        }
        number
    }
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let value = varint(&mut bytes);
        let content = if tag & 7 == 2 { bytes.split_at(value as usize) } else { (&[][..], bytes) };
        all.push((tag >> 3, value, content.0));
        bytes = content.1;
    }
    all
}

/// What was asked.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Asked {
    domain: String,
    limit: String,
    subject: String,
    hits: u32,
    /// The limit and its unit, where they are said.
    most: Option<(u64, u64)>,
}

fn asked(request: &CallRequest) -> Asked {
    assert_eq!((&*request.cluster, request.method), ("rls", "POST"));
    assert_eq!(&*request.path, "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit");
    assert!(request.headers.contains(&("content-type", "application/grpc".into())));
    assert!(request.headers.contains(&("te", "trailers".into())) && request.trailers);
    let body = &request.body.0;
    let length = u32::from_be_bytes(body[1..5].try_into().unwrap());
    assert_eq!((body[0], length as usize), (0, body.len() - 5));
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let message = fields(&body[5..]);
    let field = |number| message.iter().find(|field| field.0 == number).unwrap();
    let descriptor = fields(field(2).2);
    let entries: BTreeMap<_, _> = descriptor
        .iter()
        .filter(|(number, ..)| *number == 1)
        .map(|(_, _, entry)| (text(fields(entry)[0].2), text(fields(entry)[1].2)))
        .collect();
    let most = descriptor.iter().find(|(number, ..)| *number == 2);
    Asked {
        domain: text(field(1).2),
        limit: entries["limit"].clone(),
        subject: entries["subject"].clone(),
        hits: u32::try_from(field(3).1).unwrap(),
        most: most.map(|(_, _, limit)| (fields(limit)[0].1, fields(limit)[1].1)),
    }
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// An answer: whether it is over, the limit, what remains, and the seconds until the window ends.
fn says(is_over: bool, limit: u64, remaining: u64, reset: u64) -> CallResponse {
    let inner =
        |tag: u8, content: &[u8]| [&[tag][..], &varint(content.len() as u64), content].concat();
    let number = |tag: u8, number: u64| [&[tag][..], &varint(number)].concat();
    let status = [
        inner(0x12, &number(0x08, limit)),
        number(0x18, remaining),
        inner(0x22, &number(0x08, reset)),
    ];
    framed(&[number(0x08, 1 + u64::from(is_over)), inner(0x12, &status.concat())].concat())
}

fn framed(message: &[u8]) -> CallResponse {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    answer(200, &[&[0][..], &length, message].concat(), &[("grpc-status", "0")])
}

/// A service that counts as Envoy's does: a batch is counted, and then refused. Windows begin at whole
/// multiples of their length.
#[derive(Default)]
struct Service {
    counts: BTreeMap<(String, String, u64), u64>,
    calls: usize,
}

impl Service {
    fn judge(&mut self, request: &CallRequest, now: u64) -> CallResponse {
        self.calls += 1;
        let asked = asked(request);
        let (limit, unit) = asked.most.expect("this service is told");
        let per = [0, 1, 60, 3_600, 86_400, 2_592_000, 31_536_000, 604_800][unit as usize];
        let count = self.counts.entry((asked.limit, asked.subject, now / per)).or_default();
        *count += u64::from(asked.hits);
        says(*count > limit, limit, limit.saturating_sub(*count), per - now % per)
    }

    /// Answers every call of a worker that is for it, and those that come of that.
    fn serve(&mut self, worker: &mut Worker<'_>) {
        loop {
            worker.tick();
            let Some((call, request)) = next(worker) else { return };
            let answer = self.judge(&request, worker.world().now.get().secs());
            worker.call_done(call, Some(answer));
        }
    }

    /// How many it has counted of a limit, in all windows.
    fn counted(&self, limit: &str) -> u64 {
        self.counts.iter().filter(|((of, ..), _)| of == limit).map(|(_, count)| count).sum()
    }
}

/// The first call to the service that is out.
fn next(worker: &Worker<'_>) -> Option<(CallId, CallRequest)> {
    let calls = worker.calls.iter().find(|(_, request)| &*request.cluster == "rls");
    calls.map(|(call, request)| (*call, request.clone()))
}

/// So many requests, and how many of them went upstream; all are decided once the service has answered.
fn send(worker: &mut Worker<'_>, service: &mut Service, token: &str, count: usize) -> usize {
    let one = |_| {
        let stream = worker.get(token);
        service.serve(worker);
        let verdict = worker.verdict(stream);
        assert_ne!(verdict, "waiting");
        verdict == "forwarded"
    };
    (0..count).map(one).filter(|is_forwarded| *is_forwarded).count()
}

/// So many requests while nobody answers.
fn alone(worker: &mut Worker<'_>, token: &str, count: usize) -> Vec<String> {
    let streams: Vec<_> = (0..count).map(|_| worker.get(token)).collect();
    streams.iter().map(|stream| worker.verdict(*stream)).collect()
}

/// Has the first call fail.
fn fail(worker: &mut Worker<'_>) {
    worker.tick();
    let (call, _) = next(worker).expect("a call is out");
    worker.call_done(call, None);
}

fn logged(worker: &Worker<'_>, event: &str) -> usize {
    let name = format!("\"event\":\"{event}\"");
    worker.log.iter().filter(|line| line.contains(&name)).count()
}

#[test]
fn fl12_the_service_is_told_the_limit_and_a_hash_and_no_name() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let policy = r#"{ "rate": { "requests": 100, "per": "1m" },
        "access": [ { "apis": ["orders"], "rate": { "requests": 9, "per": "1h", "count": "exact" },
                      "name": "reads" } ] }"#;
    let mut worker = worker(&world, &config(policy, r#", "tolerance": "0%""#), &signer);
    let alice = token(&signer, "alice@example.com");
    let stream = worker.get(&alice);
    assert_eq!(worker.verdict(stream), "waiting");
    let (call, request) = next(&worker).expect("it leaves from the request's own callback");
    assert_eq!(worker.callers[&call], Some(stream));
    let first = asked(&request);
    assert_eq!((&*first.domain, &*first.limit, first.hits), ("tollgate", "standard.rate", 1));
    assert_eq!(first.most, Some((100, 2)));
    assert!(first.subject.len() == 32 && first.subject.bytes().all(|b| b.is_ascii_hexdigit()));
    assert!(!format!("{:?}", request.body.0).contains("alice"));
    assert_eq!(request.timeout, Duration::from_millis(100));
    worker.call_done(call, Some(says(false, 100, 99, 30)));
    // Then the entry's: one call after another.
    assert_eq!(worker.verdict(stream), "waiting");
    let (call, request) = next(&worker).unwrap();
    let second = asked(&request);
    assert_eq!((&*second.limit, second.most), ("standard.access.reads.rate", Some((9, 3))));
    assert_eq!(second.subject, first.subject);
    worker.call_done(call, Some(says(false, 9, 8, 30)));
    assert_eq!(worker.verdict(stream), "forwarded");
    // SHA-256 over the four fields, each with its length before it, 64 bits little-endian.
    let fields = ["identity", "idp", "https://id.example.com/", "alice@example.com"];
    let mut bytes = Vec::new();
    for field in fields {
        bytes.extend((field.len() as u64).to_le_bytes());
        bytes.extend(field.as_bytes());
    }
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(&bytes);
    let hash: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(first.subject, hash);
}

#[test]
fn an_apis_rate_is_asked_for_once_for_each_request_where_it_is_exact() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let mut worker = worker(&world, &config(RATE, ""), &signer);
    let mut verdicts = Vec::new();
    for remaining in [Some(1), Some(0), None] {
        let stream = worker.request(head("GET", "/all", &[]));
        let (call, request) = next(&worker).unwrap();
        assert_eq!((asked(&request).limit.as_str(), asked(&request).hits), ("api.all.rate", 1));
        let answer = says(remaining.is_none(), 5, remaining.unwrap_or(0), 30);
        worker.call_done(call, Some(answer));
        verdicts.push(worker.verdict(stream));
    }
    assert_eq!(verdicts, ["forwarded", "forwarded", "rate_limited"]);
    let stream = worker.request(head("GET", "/all", &[]));
    assert_eq!(worker.verdict(stream), "rate_limited", "remembered");
    assert_eq!(next(&worker), None, "and nobody asks");
    assert_eq!(worker.counts["tollgate_limits_remote_ok"], 2);
    assert_eq!(worker.counts["tollgate_limits_remote_over"], 1);
}

#[test]
fn three_processes_share_one_limit() {
    let signer = Signer::new("k1");
    let worlds = [World::default(), World::default(), World::default()];
    let config = config(r#"{ "rate": { "requests": 100, "per": "1h" } }"#, "");
    let mut all: Vec<_> = worlds.iter().map(|world| worker(world, &config, &signer)).collect();
    let mut service = Service::default();
    let alice = token(&signer, "alice");
    let mut passed = 0;
    for turn in 0..80 {
        for (world, worker) in worlds.iter().zip(&mut all) {
            passed += send(worker, &mut service, &alice, 1);
            world.wait(Duration::from_millis(if turn % 10 == 0 { 50 } else { 1 }));
        }
    }
    // 5 % of 100 is one for each process.
    assert!((95..=103).contains(&passed), "{passed}");
    let bob = token(&signer, "bob");
    assert_eq!(send(&mut all[0], &mut service, &bob, 1), 1, "another's is another");
    for worker in &mut all {
        let before = service.calls;
        assert_eq!(send(worker, &mut service, &alice, 5), 0);
        assert_eq!(service.calls, before, "a refusal is remembered");
    }
}

#[test]
fn workers_of_one_process_use_what_it_holds_together() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let config = config(r#"{ "rate": { "requests": 1000, "per": "1h" } }"#, "");
    let mut one = worker(&world, &config, &signer);
    let mut other = worker(&world, &config, &signer);
    let alice = token(&signer, "alice");
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
fn what_has_passed_of_a_quota_is_reported_within_ten_seconds_although_nobody_asks() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let mut worker = worker(&world, &config(QUOTA, ""), &signer);
    let alice = token(&signer, "alice");
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
fn a_report_finds_out_that_the_service_is_back_where_no_request_asks() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let mut worker = worker(&world, &config(QUOTA, ""), &signer);
    let alice = token(&signer, "alice");
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

#[test]
fn fl18_a_new_configuration_goes_on_with_what_the_old_one_held() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let config = config(r#"{ "rate": { "requests": 300, "per": "1h" } }"#, "");
    let mut old = worker(&world, &config, &signer);
    let alice = token(&signer, "alice");
    for _ in 0..5 {
        assert_eq!(alone(&mut old, &alice, 1), ["forwarded"]);
        world.wait(Duration::from_millis(300));
    }
    old.stop();
    let mut new = worker(&world, &config.replace("5%", "6%").replace("300", "301"), &signer);
    let stream = new.get(&alice);
    new.tick();
    let (_, request) = next(&new).unwrap();
    assert_eq!((asked(&request).hits, asked(&request).most), (6, Some((301, 3))));
    let mut service = Service::default();
    service.serve(&mut new);
    assert_eq!(new.verdict(stream), "forwarded");
}

#[test]
fn whoever_sends_many_has_permits_asked_for_ahead_and_waits_seldom() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let config =
        config(r#"{ "rate": { "requests": 10000, "per": "1h" } }"#, r#", "tolerance": "0%""#);
    let mut worker = worker(&world, &config, &signer);
    let alice = token(&signer, "alice");
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
fn fl13_a_caller_at_a_hundred_times_his_limit_costs_ten_calls_a_second_at_most() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    // The process's own counter lets a burst pass, and then refuses without a call.
    let config = config(r#"{ "rate": { "requests": 10, "per": "1s" } }"#, "");
    let mut worker = worker(&world, &config, &signer);
    let alice = token(&signer, "alice");
    let mut service = Service::default();
    let mut passed = 0;
    for _ in 0..3000 {
        passed += send(&mut worker, &mut service, &alice, 1);
        world.wait(Duration::from_millis(1));
    }
    assert!(service.calls <= 45, "{} calls in three seconds", service.calls);
    assert!((25..=44).contains(&passed), "{passed}");
}

#[test]
fn fl01_an_answer_that_names_no_limit_is_as_good_as_none() {
    let unnamed: [(&str, CallResponse); 5] = [
        ("a yes without a limit", framed(&[0x08, 1, 0x12, 2, 0x08, 1])),
        ("a bare yes", framed(&[0x08, 1])),
        ("a no without a limit", framed(&[0x08, 2])),
        ("neither yes nor no", framed(&[])),
        ("a page", answer(200, b"<html>", &[])),
    ];
    let signer = Signer::new("k1");
    for (name, answer) in unnamed {
        let world = World::default();
        let rate = r#"{ "rate": { "requests": 6, "per": "1m" } }"#;
        let mut worker = worker(&world, &config(rate, ""), &signer);
        let alice = token(&signer, "alice");
        let stream = worker.get(&alice);
        let (call, _) = next(&worker).unwrap();
        worker.call_done(call, Some(answer));
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
fn fl08_while_the_service_is_away_what_is_configured_decides_and_one_call_finds_out() {
    let signer = Signer::new("k1");
    let rate = r#"{ "rate": { "requests": 6, "per": "1m" } }"#;
    let cases = [
        // what decides, what three requests come to
        ("local", ["forwarded", "rate_limited", "rate_limited"]),
        ("allow", ["forwarded", "forwarded", "forwarded"]),
        ("deny", ["limits_unavailable", "limits_unavailable", "limits_unavailable"]),
    ];
    for (decides, expected) in cases {
        let world = World::default();
        let remote = format!(r#", "on_outage": "{decides}""#);
        let mut worker = worker(&world, &config(rate, &remote), &signer);
        let mut other = Worker::new(&world, &config(rate, &remote));
        other.tick();
        let (alice, bob) = (token(&signer, "alice"), token(&signer, "bob"));
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
    let (world, signer) = (World::default(), Signer::new("k1"));
    let rate = r#"{ "rate": { "requests": 6, "per": "1m" } }"#;
    let mut worker = worker(&world, &config(rate, ""), &signer);
    let alice = token(&signer, "alice");
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
    let (world, signer) = (World::default(), Signer::new("k1"));
    let policy = r#"{ "rate": { "requests": 6, "per": "1m", "count": "exact" },
        "quota": { "requests": 60, "per": "1d", "count": "exact" },
        "access": [ { "apis": ["orders"], "rate": { "requests": 9, "per": "1h", "count": "exact" } } ] }"#;
    let mut worker = worker(&world, &config(policy, ""), &signer);
    let stream = worker.get(&token(&signer, "alice"));
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
fn fl03_another_number_than_the_configurations_is_told_and_the_services_decision_holds() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let mut worker = worker(&world, &config(RATE, r#", "tolerance": "0%""#), &signer);
    let stream = worker.get(&token(&signer, "alice"));
    let (call, _) = next(&worker).unwrap();
    worker.call_done(call, Some(says(true, 7, 5_000, 30)));
    assert_eq!(worker.verdict(stream), "rate_limited");
    assert_eq!(worker.reply_header(stream, "retry-after"), Some("30"));
    assert_eq!(worker.counts["tollgate_limits_remote_mismatch"], 1);
    assert_eq!(logged(&worker, "limits_remote_mismatch"), 1);
    assert!(worker.log.iter().any(|line| line.contains("\"said\":7,\"configured\":100")));
}

#[test]
fn a_batch_that_limitador_refuses_is_asked_for_once_more() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let config = config(r#"{ "rate": { "requests": 600, "per": "1h" } }"#, "");
    let config = config.replace("\"ratelimit\"", "\"limitador\"");
    let mut worker = worker(&world, &config, &signer);
    let alice = token(&signer, "alice");
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
fn fl10_whoever_leaves_burns_his_own_request_at_most() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let config = config(r#"{ "rate": { "requests": 600, "per": "1h" } }"#, "");
    let mut worker = worker(&world, &config, &signer);
    let alice = token(&signer, "alice");
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
        let stream = worker.get(&token(&signer, "alice"));
        worker.handle(Event::StreamGone { stream });
        assert!(worker.calls.len() < 400, "{number}");
        for call in worker.calls.keys().copied().collect::<Vec<_>>() {
            worker.call_done(call, None);
        }
    }
}

#[test]
fn fl09_no_more_than_so_many_wait_for_the_service_and_beyond_them_what_is_configured_decides() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let rate = r#"{ "rate": { "requests": 10, "per": "1m" } }"#;
    let mut worker = worker(&world, &config(rate, r#", "on_outage": "deny""#), &signer);
    let verdicts: Vec<_> = (0..130)
        .map(|number| {
            let stream = worker.get(&token(&signer, &format!("user{number}")));
            worker.verdict(stream)
        })
        .collect();
    assert!(verdicts[..128].iter().all(|verdict| verdict == "waiting"));
    assert_eq!(verdicts[128..], ["limits_unavailable", "limits_unavailable"]);
    // Others than theirs may have a body.
    let bodies = world_of_bodies(&signer);
    assert_eq!(bodies, 128);
}

/// How many requests with a body wait.
fn world_of_bodies(signer: &Signer) -> usize {
    let world = World::default();
    let rate = r#"{ "rate": { "requests": 10, "per": "1m" } }"#;
    let mut worker = worker(&world, &config(rate, ""), signer);
    let one = |number: i32| {
        let token = format!("Bearer {}", token(signer, &format!("user{number}")));
        let headers = [("authorization", &*token), ("content-length", "5")];
        let stream = worker.request(head("POST", "/orders/7", &headers));
        worker.verdict(stream) == "waiting"
    };
    (0..140).map(one).filter(|waits| *waits).count()
}

#[test]
fn a_trace_names_the_rule_that_decided() {
    let signer = Signer::new("k1");
    let alice = format!("Bearer {}", token(&signer, "alice"));
    let headers = [("authorization", &*alice), ("x-tollgate-explain", "key")];
    let trace = |worker: &Worker<'_>, stream| match worker.settled[&stream] {
        Settlement::Forward(_) => format!("{:?}", worker.advice[&stream]),
        Settlement::Respond(_) => worker.reply(stream).body.clone(),
    };
    let world = World::default();
    let mut cheap = worker(&world, &config(QUOTA, ""), &signer);
    let stream = cheap.request(head("GET", "/orders/7", &headers));
    assert!(trace(&cheap, stream).contains("it is reported later"), "unreported");
    let rate = r#"{ "rate": { "requests": 3, "per": "1h", "count": "exact" } }"#;
    let yes = Some(says(false, 3, 2, 30));
    let cases = [
        ("asked", yes.clone(), "the service has let it pass"),
        ("not answered", None, "the service could not be asked, and `on_outage` has decided"),
        ("refused", Some(says(true, 3, 0, 30)), "the service has refused until its window ends"),
    ];
    for (name, answer, expected) in cases {
        let world = World::default();
        let mut worker = worker(&world, &config(rate, ""), &signer);
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
    let mut worker = worker(&world, &config(rate, ""), &signer);
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

#[test]
fn without_a_service_nothing_is_asked_and_no_metric_of_it_is_there() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let whole = config(RATE, "");
    let (start, _) = whole.split_once(",\n           \"limits\"").unwrap();
    let alone = format!("{start} }}").replace(", \"count\": \"exact\"", "");
    let mut worker = worker(&world, &alone, &signer);
    let stream = worker.get(&token(&signer, "alice"));
    assert_eq!(worker.verdict(stream), "forwarded");
    assert_eq!(worker.calls_made, 1, "for its keys");
    assert!(!worker.defined.keys().any(|name| name.contains("limits_remote")));
}

#[test]
fn fl02_a_refusal_lasts_from_a_second_to_the_window_whatever_the_service_says() {
    for (reset, expected) in [(0, "1"), (7, "7"), (1 << 62, "3600"), (u64::MAX, "1")] {
        let (world, signer) = (World::default(), Signer::new("k1"));
        let rate = r#"{ "rate": { "requests": 6, "per": "1h" } }"#;
        let mut worker = worker(&world, &config(rate, ""), &signer);
        let stream = worker.get(&token(&signer, "alice"));
        let (call, _) = next(&worker).unwrap();
        worker.call_done(call, Some(says(true, 6, 0, reset)));
        assert_eq!(worker.verdict(stream), "rate_limited");
        let header = worker.reply_header(stream, "retry-after");
        assert_eq!(header, Some(expected), "{reset}");
    }
}

#[test]
fn fl11_no_two_limits_and_no_two_subjects_come_to_one_key() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let policy = r#"{ "rate": { "requests": 100, "per": "1m", "count": "exact" } }"#;
    let mut worker = worker(&world, &config(policy, ""), &signer);
    let mut keys = std::collections::BTreeSet::new();
    for identity in ["a", "a_subject_b", "a_", "_a", "limit_a", "A", "a\u{e9}"] {
        let _ = worker.get(&token(&signer, identity));
        let (call, request) = next(&worker).unwrap();
        let asked = asked(&request);
        let is_plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-');
        assert!(asked.limit.bytes().chain(asked.domain.bytes()).all(is_plain));
        // As Envoy's service joins them.
        assert!(keys.insert(format!("tollgate_limit_{}_subject_{}_", asked.limit, asked.subject)));
        worker.call_done(call, Some(says(false, 100, 99, 30)));
    }
}

#[test]
fn fl15_a_service_whose_clock_is_an_hour_off_is_believed_for_one_window() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let rate = r#"{ "rate": { "requests": 6, "per": "1m" } }"#;
    let mut worker = worker(&world, &config(rate, ""), &signer);
    let alice = token(&signer, "alice");
    let stream = worker.get(&alice);
    let (call, _) = next(&worker).unwrap();
    worker.call_done(call, Some(says(true, 6, 0, 3_600)));
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
    let (world, signer) = (World::default(), Signer::new("k1"));
    let rate = r#"{ "rate": { "requests": 6, "per": "1m" } }"#;
    let mut worker = worker(&world, &config(rate, ""), &signer);
    let alice = token(&signer, "alice");
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

#[test]
fn fl09_a_million_subjects_leave_bounded_lists_and_are_reported_soon() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let mut worker = worker(&world, &config(QUOTA, ""), &signer);
    let mut service = Service::default();
    for number in 0..5000 {
        let stream = worker.get(&token(&signer, &format!("user{number}")));
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
fn fl04_of_an_answer_nothing_but_three_numbers_is_used() {
    let (world, signer) = (World::default(), Signer::new("k1"));
    let text = config(r#"{ "rate": { "requests": 3, "per": "1m", "count": "exact" } }"#, "");
    let mut worker = worker(&world, &text, &signer);
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
        let stream = worker.get(&token(&signer, "alice"));
        let (call, _) = next(&worker).unwrap();
        worker.call_done(call, Some(framed(&[&[8, code][..], &headers.concat(), &body].concat())));
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
fn fl16_filters_of_one_domain_share_counters_whatever_their_instance() {
    let signer = Signer::new("k1");
    let alice = token(&signer, "alice");
    let asked = |text: &str| {
        let world = World::default();
        let mut worker = worker(&world, text, &signer);
        let _ = worker.get(&alice);
        asked(&next(&worker).unwrap().1)
    };
    let text = config(RATE, r#", "tolerance": "0%""#);
    let first = asked(&text);
    assert_eq!(asked(&text.replacen('{', "{ \"instance\": \"other\",", 1)), first);
    let elsewhere = asked(&text.replace("\"replicas\"", "\"domain\": \"b\", \"replicas\""));
    assert_eq!(elsewhere, Asked { domain: "b".into(), ..first });
}

#[test]
fn each_kind_of_subject_has_hashes_of_its_own() {
    let signer = Signer::new("k1");
    let asked = |policy: &str, api: &str, path: &str, address: &str| {
        let world = World::default();
        world.come_from(address);
        let rate = r#""rate": { "requests": 5, "per": "1m", "count": "exact" }"#;
        let text = config(policy, "").replace(rate, api);
        let mut worker = worker(&world, &text, &signer);
        let token = Token::for_identity("x").claim("exp", NOW + 86_400).claim("org", "x");
        let token = signer.sign(&token.claim("client_id", "x"));
        let bearer = format!("Bearer {token}");
        let _ = worker.request(head("GET", path, &[("authorization", &bearer)]));
        let (_, request) = next(&worker).expect("it asks");
        (asked(&request).limit, asked(&request).subject)
    };
    let by = |by: &str| {
        format!(
            r#"{{ "rate": {{ "requests": 9, "per": "1m", "count": "exact" }}, "limit_by": {by} }}"#
        )
    };
    let each = r#""rate": { "requests": 5, "per": "1m", "count": "exact", "per_caller": true }"#;
    let all = r#""rate": { "requests": 5, "per": "1m", "count": "exact" }"#;
    let (orders, one) = ("/orders/7", "192.0.2.7:1");
    let found = [
        asked(&by("\"identity\""), all, orders, one),
        asked(&by("\"client\""), all, orders, one),
        asked(&by("{ \"claim\": \"org\" }"), all, orders, one),
        asked(&by("\"address\""), all, orders, one),
        asked(&by("\"address\""), all, orders, "192.0.2.8:1"),
        asked("{}", all, "/all", one),
    ];
    let subjects: std::collections::BTreeSet<_> = found.iter().map(|(_, hash)| hash).collect();
    assert_eq!(subjects.len(), found.len(), "{found:?}");
    assert_eq!(found[5].0, "api.all.rate");
    // A caller's address is the same, whichever limit counts by it, and whatever its port.
    let (limit, hash) = asked("{}", each, "/all", "192.0.2.7:2");
    assert_eq!((&*limit, &hash), ("api.all.rate", &found[3].1));
}

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
        let (world, signer) = (World::default(), Signer::new("k1"));
        let policy = r#"{ "rate": { "requests": 50, "per": "1m" },
            "quota": { "requests": 400, "per": "30d", "count": "exact" },
            "access": [ { "apis": ["orders"], "rate": { "requests": 90, "per": "1h" } } ] }"#;
        let mut text = config(policy, &format!(r#", "on_outage": "{decides}", "tolerance": "20%""#));
        if is_limitador {
            text = text.replace("\"ratelimit\"", "\"limitador\"");
        }
        let mut workers = [worker(&world, &text, &signer), worker(&world, &text, &signer)];
        let tokens: Vec<_> = (0..4).map(|who| token(&signer, &format!("user{who}"))).collect();
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
