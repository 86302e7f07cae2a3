//! The lines of the log that are no refusals.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate::config::Config;
use tollgate::engine::{Engine, line};
use tollgate::event::{CallResponse, Event};
use tollgate::http::Fields;

use crate::support::recorded;
use crate::support::token::{Signer, Token, key_set};
use crate::support::world::{CONFIG, Worker, World, head};

/// What a call brings: status, headers and body; nothing where it brings nothing.
type Answer<'a> = Option<(u16, &'a [(&'a str, &'a str)], &'a [u8])>;

/// What may come in place of any document.
const WRONG: [Answer<'_>; 17] = [
    None,
    Some((503, &[], b"upstream connect error or disconnect/reset before headers")),
    Some((504, &[], b"upstream request timeout")),
    Some((502, &[], b"bad gateway")),
    Some((301, &[("location", "https://id.example.com/elsewhere?state=secret")], b"")),
    Some((401, &[], b"{\"error\":\"unauthorized\"}")),
    Some((404, &[], b"not found")),
    Some((429, &[], b"")),
    Some((500, &[], b"oops")),
    Some((0, &[], b"")),
    Some((200, &[("content-encoding", "gzip")], b"\x1f\x8b")),
    Some((200, &[("content-type", "text/html")], b"<!doctype html><title>Sign in</title>")),
    Some((200, &[], b"")),
    Some((200, &[], b"[]")),
    Some((200, &[], b"{}")),
    Some((200, &[], b"{\"a\":1,\"a\":2}")),
    Some((200, &[], &[b' '; 8 * 1024 * 1024 + 1])),
];

/// What may come in place of a discovery document.
const NO_DISCOVERY: [&str; 6] = [
    r#"{ "issuer": "https://fs.example.com/adfs", "jwks_uri": "https://id.example.com/keys" }"#,
    r#"{ "issuer": "https://id.example.com/" }"#,
    r#"{ "issuer": "https://id.example.com/", "jwks_uri": 7 }"#,
    r#"{ "issuer": "https://id.example.com/", "jwks_uri": "https://keys.example.com/" }"#,
    r#"{ "issuer": "https://id.example.com/", "jwks_uri": "http://id.example.com/keys" }"#,
    r#"{ "issuer": "https://id.example.com/", "jwks_uri": "/keys" }"#,
];

/// What may come in place of a list of revocations.
const NO_LIST: [&str; 4] = [
    r#"{ "entries": [{ "provider": "idp" }] }"#,
    r#"{ "entries": [{ "provider": "idp", "identity": 7 }] }"#,
    r#"{ "entries": [{ "provider": "idp", "identity": "a", "ends": 1 }] }"#,
    r#"{ "entries": {} }"#,
];

/// A configuration whose list of revocations is fetched, and whose keys stand in it.
fn with_list() -> String {
    let mut config: Value = serde_json::from_str(CONFIG).unwrap();
    config["providers"]["idp"]["jwks"] = json!({ "inline": { "keys": [Signer::new("k1").jwk()] } });
    config["revoked"] = json!({ "url": "https://id.example.com/revoked", "cluster": "idp" });
    config.to_string()
}

/// Answers the one call that is out.
fn answer(worker: &mut Worker<'_>, answer: Answer<'_>) {
    let (call, _) = worker.calls.pop_first().expect("a call is out");
    let response = answer.map(|(status, headers, body)| CallResponse {
        status,
        headers: headers.iter().copied().collect(),
        body_size: body.len(),
        body: body.to_vec(),
        trailers: Fields::default(),
    });
    worker.handle(Event::CallDone { call, response });
}

/// A worker with a request that waits for this answer, if it waits for anything.
fn fetched(config: &str, with: Answer<'_>) {
    let world = World::default();
    let mut worker = Worker::new(&world, config);
    let stream = worker.get(&Signer::new("k1").sign(&Token::for_identity("alice")));
    worker.tick();
    answer(&mut worker, with);
    assert_ne!(worker.verdict(stream), "waiting");
}

#[test]
fn every_failure_of_a_fetch_is_recorded() {
    recorded::hold("fetches", || {
        let discovery =
            CONFIG.replace(r#""url": "https://id.example.com/keys""#, r#""discovery": true"#);
        let own = |texts: &'static [&'static str]| {
            texts.iter().map(|text| Some((200, &[][..], text.as_bytes())))
        };
        let keys = [
            json!({ "keys": [] }),
            json!({ "keys": [{ "kty": "AKP", "kid": "k1" }, { "kty": "oct", "k": "c2VjcmV0" }] }),
            json!({ "keys": vec![Signer::new("k1").jwk(); 129] }),
        ];
        recorded::section("a key set");
        WRONG.into_iter().for_each(|one| fetched(CONFIG, one));
        for set in keys.map(|set| set.to_string()) {
            fetched(CONFIG, Some((200, &[], set.as_bytes())));
        }
        recorded::section("a discovery document");
        WRONG.into_iter().chain(own(&NO_DISCOVERY)).for_each(|one| fetched(&discovery, one));
        recorded::section("a list of revocations");
        WRONG.into_iter().chain(own(&NO_LIST)).for_each(|one| fetched(&with_list(), one));
    });
}

#[test]
fn what_is_logged_beside_refusals_is_recorded() {
    recorded::hold("lines", || {
        recorded::section("a configuration");
        let world = World::default();
        let report = CONFIG.replacen('{', r#"{ "mode": "report", "policies": { "p": {} },"#, 1);
        for text in [CONFIG, &report] {
            let mut engine = Engine::new(Config::parse(text.as_bytes()).unwrap(), "root");
            recorded::effects(&engine.start(&world.env()), engine.log_format());
            let record = engine.loaded().expect("the first worker");
            recorded::line("loaded", line(&record, engine.log_format()));
        }
        recorded::section("keys that come, stay, and go");
        let world = World::default();
        let mut worker = Worker::new(&world, CONFIG);
        let (odd, next) = (Signer::new("k1"), Signer::new("k2"));
        let mut padded = odd.jwk();
        padded["x"] = format!("{}=", padded["x"].as_str().unwrap()).into();
        let mut private = next.jwk();
        private["d"] = "c2VjcmV0".into();
        let sets = [
            json!({ "keys": [odd.jwk()] }),
            json!({ "keys": [odd.jwk()] }),
            json!({ "keys": [padded, private, { "kty": "XYZ", "kid": "k3" }] }),
        ];
        for set in sets {
            worker.fetch(&set.to_string());
            world.wait(Duration::from_mins(10));
        }
        worker.tick();
        worker.answer(500, &[], "oops");
        recorded::section("lists that come and stay");
        let world = World::default();
        let mut worker = Worker::new(&world, &with_list());
        for entries in ["[]", "[]", r#"[{ "provider": "idp", "identity": "alice" }]"#] {
            worker.fetch(&format!(r#"{{ "entries": {entries} }}"#));
            world.wait(Duration::from_secs(11));
        }
        worker.tick();
        worker.answer(500, &[], "oops");
        recorded::section("more than the log takes");
        let world = World::default();
        let status = json!({ "path": "/.tollgate", "key_sha256": crate::sha256("key") });
        let mut config: Value = serde_json::from_str(CONFIG).unwrap();
        config["status"] = status;
        config["log"] = json!({ "per_second": 2 });
        let mut worker = Worker::new(&world, &config.to_string());
        worker.fetch(&key_set(&[&odd]));
        for _ in 0..5 {
            worker.request(head("GET", "/orders/7", &[("x-request-id", "r-1")]));
            worker.request(head("GET", "/.tollgate", &[("authorization", "Bearer guess")]));
        }
        world.wait(Duration::from_secs(1));
        worker.tick();
    });
}
