//! What the filter does about one request in the callback of another is done to that one alone.
//!
//! `make test-hosts` builds the module and runs this.
#![allow(clippy::disallowed_methods, reason = "a tool for developers")]

#[allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, reason = "shared by tests")]
#[path = "../../support/token.rs"]
mod token;

use std::time::Duration;

use serde_json::json;
use token::{AUDIENCE, ISSUER, Signer, Token};
use tollgate_hosts::{Module, Outcome, Worker, built};

fn begin(worker: &mut Worker, credential: (&str, &str)) -> i32 {
    worker.begin(&[
        (":authority", "api.example.com"),
        (":path", "/orders/7"),
        (":method", "GET"),
        (":scheme", "https"),
        credential,
    ])
}

/// An older request has waited for too long, which is found when the call ends that a later one waits for:
/// the host calls the later one back.
#[test]
fn a_request_is_let_go_in_its_own_callback_after_another_was_refused_there() {
    let sha256 = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683";
    let configuration = json!({
        "providers": {
            "idp": {
                "issuer": ISSUER, "audiences": [AUDIENCE],
                "jwks": { "url": "https://id.example.com/keys", "cluster": "idp" },
            },
            "partner": {
                "kind": "api_key", "from": [{ "header": "x-api-key" }],
                "keys": [{ "name": "acme", "identity": "acme", "sha256": sha256 }],
            },
        },
        "policies": { "standard": { "quota": { "requests": 9, "per": "1h", "count": "exact" } } },
        "apis": [{
            "name": "orders", "match": { "paths": ["/**"] }, "auth": ["idp", "partner"],
            "policies": { "default": ["standard"] },
        }],
        "limits": { "remote": {
            "service": "ratelimit", "cluster": "ratelimit", "replicas": 1, "on_outage": "allow",
        } },
    });
    let bytes = std::fs::read(built::module()).expect("the module");
    let module = Module::uncounted(&bytes);
    let mut worker = Worker::start(&module, &configuration.to_string());
    let token = Signer::new("k1").sign(&Token::for_identity("alice"));
    let older = begin(&mut worker, ("authorization", &format!("Bearer {token}")));
    worker.wait(Duration::from_secs(11));
    let later = begin(&mut worker, ("x-api-key", "key"));
    let waits = (Outcome::Waiting, Outcome::Waiting);
    assert_eq!((worker.outcome(older), worker.outcome(later)), waits, "{:#?}", worker.log());
    worker.fail_last();
    let ended = (Outcome::Answered(503), Outcome::Forwarded);
    assert_eq!((worker.outcome(older), worker.outcome(later)), ended, "{:#?}", worker.log());
}
