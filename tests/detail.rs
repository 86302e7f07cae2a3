//! The log of each step of a decision, for an API, an identity or an API key, and until when; and the
//! trace that a request belongs to.

#![allow(dead_code, unreachable_pub, reason = "tests")]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use sha2::Digest as _;
use support::token::{AUDIENCE, ISSUER, NOW, Signer, Token};
use support::world::{Worker, World, head};
use tollgate::config::Config;
use tollgate::event::Settlement;
use tollgate::http::RequestHead;
use tollgate::time::UnixMillis;

/// `printf partner-key | sha256sum`.
const KEY: &str = "partner-key";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn after(seconds: u64) -> String {
    UnixMillis::from_secs(NOW + seconds).to_rfc3339()
}

fn config(signer: &Signer, log: &Value) -> Value {
    let hash = tollgate::wire::to_hex(&sha2::Sha256::digest(KEY), 32);
    json!({
        "providers": {
            "idp": { "issuer": ISSUER, "audiences": [AUDIENCE],
                     "jwks": { "inline": { "keys": [signer.jwk()] } } },
            "partner": { "kind": "api_key", "from": [{ "header": "x-key" }],
                         "keys": [{ "name": "acme", "identity": "acme-corp", "sha256": hash }] },
        },
        "apis": [
            { "name": "orders", "auth": ["idp", "partner"], "match": { "paths": ["/orders/**"] } },
            { "name": "rest", "auth": ["idp", "partner"] },
        ],
        "log": log,
    })
}

/// The lines of an event, as objects.
fn lines(worker: &Worker<'_>, event: &str) -> Vec<Value> {
    let all = worker.log.iter().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    all.filter(|line| line["event"] == event).collect()
}

fn details(worker: &Worker<'_>) -> Vec<Value> {
    lines(worker, "request_detail")
}

fn bearer(path: &str, token: &str) -> RequestHead {
    head("GET", path, &[("authorization", &format!("Bearer {token}"))])
}

fn steps(line: &Value) -> Vec<&str> {
    let steps = line["steps"].as_array().expect("steps");
    steps.iter().map(|step| step["step"].as_str().expect("a name")).collect()
}

#[test]
fn the_requests_of_an_api_are_logged_step_by_step_whatever_comes_of_them() {
    let (signer, world) = (Signer::new("k1"), World::default());
    let log = json!({ "detail": [{ "api": "orders" }], "until": after(3600) });
    let mut worker = Worker::new(&world, &config(&signer, &log).to_string());
    let token = signer.sign(&Token::for_identity("alice"));
    let allowed = worker.request(bearer("/orders/7", &token));
    worker.request(head("GET", "/orders/7", &[]));
    worker.request(bearer("/elsewhere", &token));
    let lines = details(&worker);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert_eq!(lines[0]["verdict"], "allowed");
    assert_eq!((&lines[0]["api"], &lines[0]["identity"]), (&json!("orders"), &json!("alice")));
    assert_eq!(lines[0]["path"], "/orders/7");
    let taken = steps(&lines[0]);
    for step in ["api", "token", "key", "signature", "claims", "identity", "session", "handoff"] {
        assert!(taken.contains(&step), "{step}: {taken:?}");
    }
    let refused = &lines[1];
    assert_eq!(
        (&refused["verdict"], &refused["code"]),
        (&json!("refused"), &json!("credential_missing"))
    );
    assert!(refused["reason"].is_string() && refused["remedy"].is_string());
    assert_eq!(refused["steps"].as_array().unwrap().last().unwrap()["decided"], "refused");
    // The caller learns nothing of it.
    assert!(!worker.advice.contains_key(&allowed), "{:?}", worker.advice);
    assert!(worker.log.iter().all(|line| !line.contains(&token)));
}

#[test]
fn nobody_who_is_not_named_is_logged_and_no_answer_shows_the_steps() {
    let (signer, world) = (Signer::new("k1"), World::default());
    let log = json!({ "detail": [{ "api": "orders" }], "until": after(3600) });
    let mut worker = Worker::new(&world, &config(&signer, &log).to_string());
    let refused = worker.request(head("GET", "/orders/7", &[("x-tollgate-explain", "guess")]));
    let Some(Settlement::Respond(reply)) = worker.settled.get(&refused) else {
        panic!("it is refused")
    };
    assert!(!reply.body.contains("explain"), "{}", reply.body);
    assert!(reply.headers.iter().all(|(name, _)| *name != "x-tollgate-explain"));
}

#[test]
fn a_caller_is_found_by_what_the_credential_says_of_itself_good_or_not() {
    let (signer, world) = (Signer::new("k1"), World::default());
    let log = json!({ "per_second": 100, "until": after(3600),
                      "detail": [{ "provider": "idp", "identity": "alice" }] });
    let mut worker = Worker::new(&world, &config(&signer, &log).to_string());
    let alice = Token::for_identity("alice");
    let forged = Signer::new("k1").renewed().sign(&alice);
    let cases = [
        ("a good token", signer.sign(&alice), Some("allowed"), true),
        ("the same again", signer.sign(&alice), Some("allowed"), true),
        (
            "an expired one",
            signer.sign(&alice.clone().claim("exp", NOW - 3600)),
            Some("refused"),
            false,
        ),
        ("a forged one", forged, Some("refused"), false),
        ("another key", Signer::new("k2").sign(&alice), Some("refused"), false),
        ("bob's", signer.sign(&Token::for_identity("bob")), None, false),
        ("no token", "nonsense".to_owned(), None, false),
    ];
    for (name, token, expected, is_verified) in cases {
        worker.log.clear();
        worker.request(bearer("/orders/7", &token));
        let lines = details(&worker);
        assert_eq!(lines.len(), usize::from(expected.is_some()), "{name}: {lines:#?}");
        if let (Some(line), Some(expected)) = (lines.first(), expected) {
            assert_eq!(line["verdict"], expected, "{name}");
            assert_eq!(line["identity"].is_string(), is_verified, "{name}: {line}");
        }
    }
    worker.log.clear();
    worker.request(head("GET", "/orders/7", &[("x-key", KEY)]));
    assert!(details(&worker).is_empty(), "another provider's caller");
}

#[test]
fn an_api_key_is_found_by_its_name_or_by_whose_it_is() {
    let (signer, world) = (Signer::new("k1"), World::default());
    for whom in ["key", "identity"] {
        let value = if whom == "key" { "acme" } else { "acme-corp" };
        let log =
            json!({ "until": after(3600), "detail": [{ "provider": "partner", whom: value }] });
        let mut worker = Worker::new(&world, &config(&signer, &log).to_string());
        worker.request(head("GET", "/orders/7", &[("x-key", KEY)]));
        worker.request(head("GET", "/orders/7", &[("x-key", "another")]));
        worker.request(bearer("/orders/7", &signer.sign(&Token::for_identity("acme-corp"))));
        let lines = details(&worker);
        assert_eq!(lines.len(), 1, "{whom}: {lines:#?}");
        assert_eq!((&lines[0]["key"], &lines[0]["verdict"]), (&json!("acme"), &json!("allowed")));
        assert!(worker.log.iter().all(|line| !line.contains(KEY)));
    }
}

#[test]
fn neither_kind_of_line_silences_the_other() {
    let (signer, world) = (Signer::new("k1"), World::default());
    let log = json!({ "per_second": 3, "detail": [{ "api": "orders" }], "until": after(3600) });
    let mut worker = Worker::new(&world, &config(&signer, &log).to_string());
    let token = signer.sign(&Token::for_identity("alice"));
    for _ in 0..10 {
        worker.request(bearer("/orders/7", &token));
    }
    for _ in 0..2 {
        worker.request(head("GET", "/elsewhere", &[]));
    }
    assert_eq!(details(&worker).len(), 3);
    assert_eq!(lines(&worker, "request_denied").len(), 2, "{:?}", worker.log);
    assert_eq!(worker.counts.get("tollgate_log_suppressed"), Some(&7));
    world.wait(Duration::from_secs(1));
    worker.request(bearer("/orders/7", &token));
    let last = details(&worker).pop().expect("a line");
    assert_eq!((&last["suppressed"], &last["verdict"]), (&json!(7), &json!("allowed")));
    // Nobody comes again: the tick says what was left out.
    for _ in 0..5 {
        worker.request(bearer("/orders/7", &token));
    }
    world.wait(Duration::from_secs(1));
    worker.tick();
    let told = lines(&worker, "log_suppressed").pop().expect("a line");
    assert_eq!((&told["of"], &told["suppressed"]), (&json!("request_detail"), &json!(3)));
}

#[test]
fn it_ends_when_the_configuration_says_and_seven_days_after_the_load_in_any_case() {
    const DAY: u64 = 24 * 3600;
    // When it is to end, when it ends.
    let cases = [(60, 60), (7 * DAY, 7 * DAY), (100 * DAY, 7 * DAY)];
    let signer = Signer::new("k1");
    let token = signer.sign(&Token::for_identity("alice").claim("exp", NOW + 100 * DAY));
    for (until, ends) in cases {
        let world = World::default();
        let log = json!({ "detail": [{ "api": "orders" }], "until": after(until) });
        let text = config(&signer, &log).to_string();
        let (mut first, mut second) = (Worker::new(&world, &text), Worker::new(&world, &text));
        world.wait(Duration::from_secs(ends - 1));
        first.tick();
        first.request(bearer("/orders/7", &token));
        assert_eq!(details(&first).len(), 1, "{until}");
        world.wait(Duration::from_secs(1));
        for worker in [&mut first, &mut second] {
            worker.request(bearer("/orders/7", &token));
            worker.tick();
            world.wait(Duration::from_secs(1));
            worker.tick();
        }
        assert_eq!((details(&first).len(), details(&second).len()), (1, 0), "{until}");
        let told: Vec<_> =
            [&first, &second].iter().flat_map(|one| lines(one, "log_detail_ended")).collect();
        assert_eq!(told, [json!({ "event": "log_detail_ended", "until": after(ends) })]);
    }
}

#[test]
fn a_configuration_whose_time_has_passed_is_taken_and_logs_nothing_in_detail() {
    let (signer, world) = (Signer::new("k1"), World::default());
    let log = json!({ "detail": [{ "api": "orders" }], "until": "2020-01-01T00:00:00Z" });
    let mut worker = Worker::new(&world, &config(&signer, &log).to_string());
    worker.request(bearer("/orders/7", &signer.sign(&Token::for_identity("alice"))));
    worker.tick();
    assert!(details(&worker).is_empty());
    assert_eq!(lines(&worker, "log_detail_ended").len(), 1);
}

#[test]
fn what_the_log_hides_the_steps_hide_too() {
    let (signer, world) = (Signer::new("k1"), World::default());
    for shown in ["hash", "omit"] {
        let log = json!({ "identity": shown, "path": "omit", "until": after(3600),
                          "detail": [{ "api": "orders" }] });
        let mut worker = Worker::new(&world, &config(&signer, &log).to_string());
        for identity in ["alice@example.com", "zoë \"x\" `y`", &"long".repeat(60)] {
            let token = Token::for_identity(identity);
            let expired = token.clone().claim("exp", NOW - 3600);
            for token in [token.clone(), token, expired] {
                worker.request(bearer("/orders/secret-path", &signer.sign(&token)));
            }
        }
        worker.request(head("GET", "/orders/secret-path", &[("x-key", KEY)]));
        assert_eq!(details(&worker).len(), 10, "{:?}", worker.log);
        for hidden in ["alice", "zo", "longlong", "acme-corp", "secret-path"] {
            let shows = worker.log.iter().find(|line| line.contains(hidden));
            assert_eq!(shows, None, "{shown}: {hidden}");
        }
    }
}

#[test]
fn a_comparison_logs_nothing_of_headers_queries_and_hidden_paths() {
    let (signer, world) = (Signer::new("k1"), World::default());
    let log = json!({ "path": "omit", "detail": [{ "api": "orders" }], "until": after(3600) });
    let mut config = config(&signer, &log);
    config["apis"][0] = json!({
        "name": "orders", "auth": ["idp"], "match": { "paths": ["/orders/{id}"] },
        "require": [{ "claim": "id", "matches": { "path": "id" } },
                    { "claim": "tenant", "matches": { "header": "x-tenant" } },
                    { "claim": "unit", "matches": { "query": "unit" } }],
    });
    let mut worker = Worker::new(&world, &config.to_string());
    let token = Token::for_identity("alice").claim("id", "secret-id").claim("tenant", "secret-t");
    let token = signer.sign(&token.claim("unit", "secret-u"));
    let bearer = format!("Bearer {token}");
    let sent = [("authorization", &*bearer), ("x-tenant", "secret-t")];
    worker.request(head("GET", "/orders/secret-id?unit=secret-u", &sent));
    worker.request(head("GET", "/orders/secret-id?unit=secret-v", &sent));
    let verdicts: Vec<_> = details(&worker).iter().map(|line| line["verdict"].clone()).collect();
    assert_eq!(verdicts, ["allowed", "refused"], "{:?}", worker.log);
    assert!(worker.log.iter().all(|line| !line.contains("secret")), "{:?}", worker.log);
}

#[test]
fn lines_name_the_trace_that_a_request_belongs_to() {
    let (signer, world) = (Signer::new("k1"), World::default());
    let log = json!({ "detail": [{ "api": "orders" }], "until": after(3600) });
    let mut worker = Worker::new(&world, &config(&signer, &log).to_string());
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let cases: [(&[(&str, &str)], Value); 4] = [
        (&[("traceparent", &parent)], json!(TRACE)),
        (&[("TraceParent", &parent), ("tracestate", "a=b")], json!(TRACE)),
        (&[("traceparent", &parent), ("traceparent", &parent)], Value::Null),
        (&[("traceparent", "00-4bf9")], Value::Null),
    ];
    for (headers, expected) in cases {
        worker.log.clear();
        worker.request(head("GET", "/orders/7", headers));
        for event in ["request_denied", "request_detail"] {
            let line = lines(&worker, event).pop().expect("a line");
            assert_eq!(line["trace_id"], expected, "{headers:?}");
        }
        assert!(worker.log.iter().all(|line| !line.contains("00f067aa0ba902b7")));
    }
}

#[test]
fn what_names_nobody_is_refused() {
    let signer = Signer::new("k1");
    let until = after(3600);
    // the log, the field, a part of the message
    let cases = [
        (json!({ "detail": [{ "api": "orders" }] }), "log.until", "missing"),
        (json!({ "until": until }), "log.until", "has no use without `detail`"),
        (json!({ "until": until, "detail": [] }), "log.detail", "an empty list"),
        (json!({ "until": until, "detail": [{}] }), "log.detail[0]", "not exactly one thing"),
        (
            json!({ "until": until, "detail": [{ "api": "orders", "provider": "idp", "identity": "a" }] }),
            "log.detail[0]",
            "not exactly one thing",
        ),
        (
            json!({ "until": until, "detail": [{ "provider": "idp" }] }),
            "log.detail[0]",
            "not exactly one thing",
        ),
        (
            json!({ "until": until, "detail": [{ "identity": "alice" }] }),
            "log.detail[0]",
            "not exactly one thing",
        ),
        (
            json!({ "until": until, "detail": [{ "api": "order" }] }),
            "log.detail[0].api",
            "did you mean `orders`",
        ),
        (
            json!({ "until": until, "detail": [{ "provider": "ipd", "identity": "a" }] }),
            "log.detail[0].provider",
            "did you mean `idp`",
        ),
        (
            json!({ "until": until, "detail": [{ "provider": "idp", "key": "acme" }] }),
            "log.detail[0].key",
            "only API keys have names",
        ),
        (
            json!({ "until": until, "detail": [{ "provider": "partner", "key": "acmee" }] }),
            "log.detail[0].key",
            "acme",
        ),
        (
            json!({ "until": "tomorrow", "detail": [{ "api": "orders" }] }),
            "log.until",
            "no point in time",
        ),
    ];
    for (log, field, message) in cases {
        let text = config(&signer, &log).to_string();
        let problems = Config::parse(text.as_bytes()).expect_err("it is refused");
        let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), 1, "{log}: {told:?}");
        assert!(told[0].contains(&format!("{field}: ")), "{log}: {told:?}");
        assert!(told[0].contains(message), "{log}: {told:?}");
    }
}
