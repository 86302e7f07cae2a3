//! The log of each step of a decision, and the trace that a request belongs to, in a real proxy with
//! two workers.

use serde_json::{Value, json};

use super::harness::{
    Answer, Envoy, Filter, ISSUER, KeyServer, Listener, Request, Signer, Site, Token, Upstream,
    configuration, eventually, fetch, key_set, now,
};
use tollgate::time::UnixMillis;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn after(seconds: i64) -> String {
    let at = u64::try_from(now() + seconds).expect("a time to come");
    UnixMillis::from_secs(at).to_rfc3339()
}

#[test]
fn one_caller_is_logged_step_by_step_by_whichever_worker() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    let providers = json!({ "main": keys.provider(ISSUER, "/keys") });
    let mut config = configuration(providers, json!([{ "name": "orders", "auth": ["main"] }]));
    config["log"] = json!({ "per_second": 1000, "until": after(3600),
                            "detail": [{ "provider": "main", "identity": "alice" }] });
    let listener = Listener::new(&Filter::new(&config));
    let site = Site::new("detail", upstream.port()).workers(2).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener));
    let token = |token: Token| signer.sign(&token);
    let alice = token(Token::of("alice"));
    let expired = token(Token::of("alice").claim("exp", now() - 3600));
    let other = token(Token::of("alice").claim("aud", "another"));
    let bob = token(Token::of("bob"));
    // Connections of their own, so that both workers have their share.
    for round in 0..4 {
        for (what, token) in [("good", &alice), ("old", &expired), ("aud", &other), ("bob", &bob)] {
            let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
            let request = Request::get(format!("/{what}/{round}")).bearer(token);
            let answer = fetch(listener.port, &request.header("traceparent", &parent));
            assert!(!answer.text().contains("steps"), "{what}: {}", answer.text());
        }
    }
    let lines = |event: &str| -> Vec<Value> {
        envoy.filter_lines().into_iter().filter(|line| line["event"] == event).collect()
    };
    eventually("a line for each request of hers", || lines("request_detail").len() >= 12);
    let details = lines("request_detail");
    assert_eq!(details.len(), 12, "{details:#?}");
    for (what, verdict, code, last) in [
        ("good", "allowed", Value::Null, "handoff"),
        ("old", "refused", json!("token_expired"), "claims"),
        ("aud", "refused", json!("token_audience_mismatch"), "claims"),
    ] {
        let start = format!("/{what}/");
        let path =
            |line: &&Value| line["path"].as_str().is_some_and(|path| path.starts_with(&start));
        let own: Vec<_> = details.iter().filter(path).collect();
        assert_eq!(own.len(), 4, "{what}");
        for line in own {
            assert_eq!((&line["verdict"], &line["code"]), (&json!(verdict), &code), "{line}");
            assert_eq!(line["trace_id"], TRACE);
            let steps = line["steps"].as_array().expect("steps");
            assert_eq!(steps.last().expect("a step")["step"], last, "{line}");
        }
    }
    for refusal in envoy.refusals() {
        assert_eq!(refusal["trace_id"], TRACE, "{refusal}");
    }
    for secret in [&alice, &expired, &other, &bob] {
        assert!(!envoy.log().contains(secret.as_str()));
    }
}

#[test]
fn one_worker_says_that_the_detailed_log_is_over_and_nothing_more_is_logged_so() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    let providers = json!({ "main": keys.provider(ISSUER, "/keys") });
    let mut config = configuration(providers, json!([{ "name": "orders", "auth": ["main"] }]));
    let ends = after(2);
    config["log"] = json!({ "per_second": 1000, "until": ends, "detail": [{ "api": "orders" }] });
    let listener = Listener::new(&Filter::new(&config));
    let site = Site::new("detail-ended", upstream.port()).workers(2).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener));
    let over = || -> Vec<Value> {
        let all = envoy.filter_lines().into_iter();
        all.filter(|line| line["event"] == "log_detail_ended").collect()
    };
    eventually("somebody says that it is over", || !over().is_empty());
    assert!(after(0) >= ends, "it ended too soon");
    let alice = signer.sign(&Token::of("alice"));
    for round in 0..4 {
        assert_eq!(
            fetch(listener.port, &Request::get(format!("/{round}")).bearer(&alice)).status(),
            200
        );
    }
    // A refusal's line comes after what was said of the requests before it.
    let _ = fetch(listener.port, &Request::get("/last"));
    eventually("the refusal is logged", || !envoy.refusals().is_empty());
    assert!(envoy.filter_lines().iter().all(|line| line["event"] != "request_detail"));
    assert_eq!(over(), [json!({ "event": "log_detail_ended", "until": ends })]);
}
