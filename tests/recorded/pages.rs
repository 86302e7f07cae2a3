//! The operator's page, for people and for programs.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate::event::Settlement;

use crate::sha256;
use crate::support::recorded;
use crate::support::token::{AUDIENCE, ISSUER, Signer, Token, key_set};
use crate::support::world::{Worker, World, head};

/// The key of the page.
const KEY: &str = "the key of the page";

/// A configuration with something for each part of the page.
fn configuration() -> Value {
    json!({
        "instance": "edge",
        "providers": {
            "idp": { "issuer": ISSUER, "audiences": [AUDIENCE],
                     "jwks": { "url": "https://id.example.com/keys?secret", "cluster": "idp" } },
            "down": { "issuer": "https://down.example.com",
                      "audiences": [AUDIENCE],
                      "jwks": { "discovery": true, "cluster": "down" } },
            "own": { "issuer": "https://own.example.com", "audiences": [AUDIENCE],
                     "jwks": { "inline": { "keys": [Signer::new("o1").jwk()] } } },
            "partner": { "kind": "api_key", "from": [{ "header": "x-api-key" }], "keys": [
                { "name": "acme", "sha256": sha256("acme"), "identity": "acme" },
                { "name": "off", "sha256": sha256("off"), "identity": "off", "active": false },
                { "name": "over", "sha256": sha256("over"), "identity": "over",
                  "expires": "2020-01-01T00:00:00Z" },
            ] },
        },
        "policies": {
            "reader": { "access": [{ "apis": ["orders"] }], "rate": { "requests": 3, "per": "1h" } },
            "writer": {},
        },
        "apis": [
            { "name": "health", "match": { "paths": ["/health"] }, "auth": "none" },
            { "name": "reports", "match": { "paths": ["/reports/**"] }, "auth": ["idp"],
              "mode": "report" },
            { "name": "both", "match": { "paths": ["/both"] }, "auth": [["idp", "partner"]],
              "session_from": "idp" },
            { "name": "orders", "match": { "paths": ["/orders/**"] }, "auth": ["idp", "down"],
              "policies": { "default": ["reader"], "by_scope": { "orders:write": ["writer"] } } },
        ],
        "revoked": { "url": "https://id.example.com/revoked", "cluster": "idp",
                     "entries": [{ "provider": "idp", "identity": "mallory" }] },
        "status": { "path": "/.tollgate", "key_sha256": sha256(KEY), "ready": true },
    })
}

/// Asks for a page.
fn ask(worker: &mut Worker<'_>, path: &str, headers: &[(&str, &str)]) {
    recorded::section(&format!("{path} {headers:?}"));
    let bearer = format!("Bearer {KEY}");
    let headers = [&[("authorization", &*bearer)], headers].concat();
    let stream = worker.request(head("GET", path, &headers));
    assert!(matches!(worker.settled[&stream], Settlement::Respond(_)));
}

/// Ticks, and answers what is asked.
fn serve(worker: &mut Worker<'_>) {
    worker.tick();
    while let Some(call) = worker.calls.values().next() {
        match &*call.path {
            "/keys?secret" => worker.answer(200, &[], &key_set(&[&Signer::new("k1")])),
            "/revoked" => worker.answer(200, &[], r#"{ "entries": [] }"#),
            _ => worker.answer(503, &[], "upstream connect error"),
        }
    }
}

#[test]
fn the_operators_page_is_recorded() {
    recorded::hold("pages", || {
        let world = World::default();
        recorded::section("before");
        let mut worker = Worker::new(&world, &configuration().to_string());
        ask(&mut worker, "/.tollgate", &[("accept", "application/json")]);
        ask(&mut worker, "/.tollgate/ready", &[]);
        recorded::section("what happens");
        serve(&mut worker);
        let sign = |token: Token| Signer::new("k1").sign(&token);
        let alice = sign(Token::for_identity("alice"));
        for _ in 0..4 {
            worker.get(&alice);
        }
        let expired = sign(Token::for_identity("alice").claim("exp", 1_600_000_000));
        let bearer = format!("Bearer {expired}");
        for path in ["/orders/<7>", "/reports/7", "/orders/8", "/nowhere", "/orders//7"] {
            world.wait(Duration::from_secs(1));
            let id = [("authorization", &*bearer), ("x-request-id", "request-7")];
            worker.request(head("GET", path, &id));
        }
        worker.get(&sign(Token::for_identity("mallory")));
        worker.request(head("GET", "/both", &[("x-api-key", "over")]));
        world.wait(Duration::from_mins(15));
        serve(&mut worker);
        ask(&mut worker, "/.tollgate", &[]);
        ask(&mut worker, "/.tollgate", &[("accept", "application/json")]);
        ask(&mut worker, "/.tollgate?code=token_expired", &[("accept", "application/json")]);
        ask(&mut worker, "/.tollgate/ready", &[]);
    });
}
