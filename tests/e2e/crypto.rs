//! Who checks signatures, as an Envoy that serves says it, and one that only validates.

use serde_json::{Value, json};

use super::harness::{Envoy, Filter, ISSUER, Listener, Request, Signer, Site, Token, Upstream};
use super::harness::{fetch, key_set, validate};

const PROXY: &str = "the proxy, where it can";
const FILTER: &str = "the filter";

/// A `crypto`, and who checks by it in Envoy.
const CHECKED: [(&str, &str); 3] = [("auto", PROXY), ("host", PROXY), ("wasm", FILTER)];

/// What Envoys say of themselves: nothing of their own, or what their bootstrap has them say.
fn nodes() -> [(&'static str, Value, Value); 4] {
    let largest = json!({ "version": { "major_number": u32::MAX }, "metadata": {} });
    [
        ("plain", json!(""), Value::Null),
        ("named", json!("a-gateway"), Value::Null),
        ("built", json!(""), largest),
        ("renamed", json!("a-gateway"), json!({ "version": {} })),
    ]
}

/// Fails unless every filter has said who checks, always the same.
fn assert_said(log: &str, node: &str) {
    for (crypto, by) in CHECKED {
        let line = format!("wasm log {crypto} {crypto}: signatures are checked by ");
        let said: Vec<_> = log.lines().filter_map(|said| said.split_once(&line)).collect();
        let is_right = !said.is_empty() && said.iter().all(|(_, who)| *who == by);
        assert!(is_right, "{node}, {crypto}: {said:?} in\n{log}");
    }
}

#[test]
fn an_envoy_that_only_validates_says_who_will_check_signatures() {
    let (upstream, signer) = (Upstream::start(), Signer::new("k1"));
    let provider = json!({ "issuer": ISSUER, "audiences": ["api://default"],
                           "jwks": { "inline": key_set(&[&signer]) } });
    let listeners = CHECKED.map(|(crypto, _)| {
        let all = json!({ "providers": { "main": provider }, "crypto": crypto });
        Listener::new(&Filter::new(&all).root_id(crypto).vm_id(crypto))
    });
    let token = signer.sign(&Token::of("alice"));
    for (name, user_agent, build) in nodes() {
        let site = Site::new(&format!("crypto-{name}"), upstream.port())
            .node("user_agent_name", user_agent)
            .node("user_agent_build_version", build);
        let site = listeners.iter().fold(site, Site::listener);
        let (code, log) = validate(&site);
        assert_eq!(code, 0, "{name}: {log}");
        assert_said(&log, name);
        // And so it is where it serves.
        let envoy = Envoy::start(&site);
        assert_said(&envoy.log(), name);
        for listener in &listeners {
            let answer = fetch(listener.port, &Request::get("/").bearer(&token));
            assert_eq!(answer.status(), 200, "{name}");
        }
        envoy.assert_clean(&[&token]);
    }
}
