//! Counters and revocation across the workers of a real proxy.

use std::thread;

use serde_json::{Value, json};

use super::harness::{
    Answer, Connection, Envoy, Filter, ISSUER, KeyServer, Listener, Request, Signer, Site, Token,
    Upstream, configuration, eventually, fetch, key_set,
};

const CLIENTS: usize = 16;
const REQUESTS: usize = 2000;

/// Sends the requests from many clients at once; how many passed. Every other was refused with this
/// code and told when to come again.
fn storm(port: u16, request: &(impl Fn(usize) -> Request + Sync), code: &str) -> usize {
    let client = |number: usize| {
        let mut connection = Connection::open(port);
        let answers = (0..REQUESTS / CLIENTS).map(|_| connection.fetch(&request(number)));
        let passed = |answer: &super::harness::Response| {
            if answer.status() != 200 {
                assert_eq!(answer.verdict(), (429, code.to_owned()), "{}", answer.text());
                let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
                assert!((1..=3600).contains(&wait), "{wait}");
            }
            answer.status() == 200
        };
        answers.filter(passed).count()
    };
    thread::scope(|scope| {
        let clients: Vec<_> =
            (0..CLIENTS).map(|number| scope.spawn(move || client(number))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    })
}

#[test]
fn of_two_thousand_requests_at_once_exactly_as_many_pass_as_may() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    let limit = json!({ "requests": 100, "per": "1h" });
    let mut all = configuration(
        json!({ "main": keys.provider(ISSUER, "/keys") }),
        json!([
            { "name": "everyone", "match": { "paths": ["/everyone"] }, "auth": ["main"],
              "rate": { "requests": 100, "per": "1h", "burst": 100 } },
            { "name": "rate", "match": { "paths": ["/rate"] }, "auth": ["main"],
              "policies": { "default": ["rate"] } },
            { "name": "quota", "match": { "paths": ["/quota"] }, "auth": ["main"],
              "policies": { "default": ["quota"] } },
        ]),
    );
    all["policies"] = json!({ "rate": { "rate": limit.clone() }, "quota": { "quota": limit } });
    let listener = Listener::new(&Filter::new(&all));
    let site = Site::new("limits", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener).workers(2));
    let tokens: Vec<_> = (0..CLIENTS).map(|n| signer.sign(&Token::of(&format!("c{n}")))).collect();
    let cases = [
        ("/everyone", "rate_limited", true),
        ("/rate", "rate_limited", false),
        ("/quota", "quota_exceeded", false),
    ];
    for (path, code, everyone) in cases {
        let token = |number: usize| &tokens[if everyone { number } else { 0 }];
        let request = |number: usize| Request::get(path).bearer(token(number));
        assert_eq!(storm(listener.port, &request, code), 100, "{path}");
        assert_eq!(upstream.seen(path).len(), 100, "{path}");
    }
    assert_eq!(envoy.counter("tollgate_denied_limit_contention"), 0);
    envoy.assert_no_trap();
    envoy.assert_no_secret(&tokens);
}

#[test]
fn a_client_is_told_of_its_limits_in_the_upstreams_answer_too() {
    let upstream = Upstream::start();
    upstream.answer_with(&[("ratelimit", "\"theirs\";r=9;t=9"), ("x-other", "stays")]);
    let apis = json!([{ "name": "open", "auth": "none", "rate": { "requests": 2, "per": "1h" } }]);
    let listener = Listener::new(&Filter::new(&configuration(json!({}), apis)));
    let envoy = Envoy::start(&Site::new("told", upstream.port()).listener(&listener).workers(2));
    let answers = [(200, "\"api\";r=1;t=1800"), (200, "\"api\";r=0;t=1800"), (429, "")];
    for (status, left) in answers {
        let answer = fetch(listener.port, &Request::get("/x"));
        assert_eq!(answer.status(), status, "{}", answer.text());
        assert_eq!(answer.headers("ratelimit-policy"), ["\"api\";q=2;w=3600"]);
        if status == 200 {
            assert_eq!(answer.headers("ratelimit"), [left]);
            assert_eq!(answer.header("x-other").as_deref(), Some("stays"));
        }
    }
    envoy.assert_no_trap();
}

#[test]
fn a_list_of_revocations_is_in_force_in_every_worker_and_ends_with_its_entries() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    keys.set("/revoked.json", Answer::json(&json!({ "entries": [] })));
    let mut all = configuration(json!({ "main": keys.provider(ISSUER, "/keys") }), Value::Null);
    all["revoked"] = json!({
        "url": keys.url("/revoked.json"),
        "cluster": "keys", "refresh": "200ms",
    });
    let listener = Listener::new(&Filter::new(&all));
    let site = Site::new("revoked", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener).workers(2));
    let (alice, bob) = (signer.sign(&Token::of("alice")), signer.sign(&Token::of("bob")));
    // Connections enough to reach both workers.
    let all_say = |token: &str, verdict: (u16, &str)| {
        let one = |_| fetch(listener.port, &Request::get("/x").bearer(token)).verdict();
        (0..16).map(one).all(|found| found == (verdict.0, verdict.1.to_owned()))
    };
    eventually("the first list", || all_say(&alice, (200, "")));
    let entry = json!({ "provider": "main", "identity": "alice" });
    keys.set("/revoked.json", Answer::json(&json!({ "entries": [entry] })));
    eventually("alice is out", || all_say(&alice, (403, "session_inactive")));
    assert!(all_say(&bob, (200, "")));
    keys.set("/revoked.json", Answer::json(&json!("no list")));
    eventually("a list is refused", || envoy.counter("tollgate_revocations_fetch_failed") > 0);
    assert!(all_say(&alice, (403, "session_inactive")));
    keys.set("/revoked.json", Answer::json(&json!({ "entries": [] })));
    eventually("alice is in again", || all_say(&alice, (200, "")));
    envoy.assert_no_trap();
}
