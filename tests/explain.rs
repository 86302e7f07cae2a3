//! The steps of a decision, told to whoever shows the key: true, bounded, and nothing of a
//! credential; and no difference at all to anybody else.

mod support;

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use support::token::{AUDIENCE, ISSUER, NOW, Signer, Token, key_set};
use support::world::{Worker, World, head, upstream};
use tollgate::config::Config;
use tollgate::engine::Engine;
use tollgate::event::{Event, HeaderChange, HostFacts, Section, Settlement};
use tollgate::http::RequestHead;
use tollgate::ids::StreamId;

/// The key that opens the steps.
const KEY: &str = "open-sesame";
/// The API key of the partner.
const PARTNER_KEY: &str = "pk_live_51H8vQ2eZvKYlo2C";
const HEADER: &str = "x-tollgate-explain";

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every part of a decision has something to say here; members of `changes` replace those above.
fn config(changes: Value) -> String {
    let mut config = json!({
        "explain": { "key_sha256": sha256(KEY) },
        "providers": {
            "idp": {
                "issuer": ISSUER, "audiences": [AUDIENCE], "max_lifetime": "1h",
                "jwks": { "inline": { "keys": [Signer::new("k1").jwk(), Signer::new("k2").jwk()] } },
                "claims": { "policies": ["pol"] },
                "require": [{ "claim": "department", "in": ["eng", "ops"] }],
            },
            "partner": { "kind": "api_key", "from": [{ "header": "x-api-key" }],
                         "keys": [{ "name": "acme-2026", "sha256": sha256(PARTNER_KEY),
                                    "identity": "acme", "expires": "2030-01-01T00:00:00Z" }] },
        },
        "policies": {
            "reader": { "access": [{ "apis": ["orders"], "methods": ["GET"], "paths": ["/orders/**"] },
                                   { "apis": ["orders"], "methods": ["PUT"] }],
                        "rate": { "requests": 10, "per": "1s" },
                        "quota": { "requests": 100, "per": "30d" }, "expires_after": "24h" },
            "writer": { "access": [{ "apis": ["orders"], "methods": ["POST"], "scopes": ["write"] }] },
        },
        "apis": [
            { "name": "health", "match": { "paths": ["/health"] }, "auth": "none" },
            { "name": "posted", "match": { "paths": ["/orders/**"], "methods": ["DELETE"] },
              "auth": ["idp"] },
            { "name": "orders", "match": { "paths": ["/orders/**"], "hosts": ["api.example.com"] },
              "auth": ["idp"], "audiences": [AUDIENCE], "clients": ["app"], "scopes": ["read"],
              "require": [{ "claim": "roles", "contains_any": ["staff"] }],
              "policies": { "by_scope": { "read": ["reader"] }, "by_client": { "app": ["writer"] },
                            "default": ["reader"] },
              "rate": { "requests": 1000, "per": "1s" } },
            { "name": "partners", "match": { "paths": ["/partners/**"] }, "auth": ["partner", "idp"] },
            { "name": "open", "match": { "paths": ["/open/**"] }, "auth": ["idp"], "optional": true },
            { "name": "pages", "match": { "paths": ["/pages/**"] }, "auth": ["idp"],
              "cors_preflight": "pass" },
            { "name": "trial", "match": { "paths": ["/trial/**"] }, "auth": ["idp"],
              "mode": "report" },
        ],
    });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(config.as_object_mut().unwrap().remove(name)),
            value => config[name] = value.clone(),
        }
    }
    config.to_string()
}

/// A token that the API `orders` takes.
fn good() -> Token {
    Token::for_identity("alice")
        .claim("department", "eng")
        .claim("cid", "app")
        .claim("scp", json!(["read", "profile"]))
        .claim("roles", json!(["staff", "admin"]))
}

fn sign(token: &Token) -> String {
    Signer::new("k1").sign(token)
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// A request with this token and the key.
fn asking(method: &str, path: &str, token: &str) -> RequestHead {
    head(method, path, &[("authorization", &bearer(token)), (HEADER, KEY)])
}

/// What the answer to a request tells, wherever it tells it.
fn told(worker: &Worker<'_>, stream: StreamId) -> Value {
    let in_header = |headers: &[(&'static str, String)]| {
        let value = |name| {
            let found: Vec<_> = headers.iter().filter(|(found, _)| *found == name).collect();
            assert!(found.len() < 2, "{found:?}");
            found.first().map(|(_, value)| value.clone())
        };
        assert_eq!(value("cache-control").unwrap(), "private, no-store");
        assert_eq!(value("cdn-cache-control").unwrap(), "no-store");
        value(HEADER)
    };
    match &worker.settled[&stream] {
        Settlement::Forward(_) => {
            let header = in_header(&worker.advice[&stream]).unwrap();
            assert!(header.len() <= 4096 && header.is_ascii(), "{header}");
            assert!(!header.contains(char::is_control), "{header}");
            serde_json::from_str(&header).unwrap()
        }
        Settlement::Respond(reply) => match in_header(&reply.headers) {
            Some(header) => {
                assert!(header.len() <= 4096 && header.is_ascii(), "{header}");
                serde_json::from_str(&header).unwrap()
            }
            None => {
                let body: Value = serde_json::from_str(&reply.body).unwrap();
                assert_eq!(body["code"], body["explain"]["code"]);
                body["explain"].clone()
            }
        },
    }
}

/// The steps as lines: `step provider: looked at → found (decided)`.
fn lines(told: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let line = |step: &Value| {
        let [name, provider, looked_at, found, decided] =
            ["step", "provider", "looked_at", "found", "decided"].map(|name| text(&step[name]));
        format!("{name} {provider}: {looked_at} → {found} ({decided})")
    };
    told["steps"].as_array().unwrap().iter().map(line).collect()
}

/// Asks for the steps of one request.
fn explain(config: &str, request: RequestHead) -> Value {
    let world = World::default();
    let mut worker = Worker::new(&world, config);
    let stream = worker.request(request);
    told(&worker, stream)
}

/// All steps of one request, as somebody beside the proxy sees them.
fn observe(config: &str, head: RequestHead) -> Value {
    observe_after(&[], config, head)
}

/// The same once an engine has seen other requests.
fn observe_after(before: &[RequestHead], config: &str, head: RequestHead) -> Value {
    let world = World::default();
    let config = Config::parse(config.as_bytes()).unwrap();
    let mut engine = Engine::new(config, "root");
    let request = |engine: &mut Engine, stream, head| {
        let host = HostFacts::default();
        engine.handle(Event::RequestHeaders { stream, head, host }, &world.env())
    };
    for head in before {
        request(&mut engine, StreamId(1), head.clone());
    }
    engine.observe();
    let effects = request(&mut engine, StreamId(7), head);
    assert!(!format!("{effects:?}").contains("looked_at"), "it is not the caller who asked");
    let observed = engine.observed();
    let [(StreamId(7), explanation)] = observed.as_slice() else { panic!("{observed:?}") };
    assert!(engine.observed().is_empty());
    serde_json::from_str(&explanation.to_json()).unwrap()
}

#[track_caller]
fn assert_told(told: &Value, expected: &[&str]) {
    let lines = lines(told);
    for expected in expected {
        assert!(lines.iter().any(|line| line == expected), "{expected}\n{lines:#?}");
    }
}

#[test]
fn every_step_of_a_permitted_request_is_told_in_order() {
    let told = observe(&config(json!({})), asking("GET", "/orders/7", &sign(&good())));
    assert_eq!(told["verdict"], "allowed");
    assert_eq!(told["left_out"], Value::Null);
    assert_eq!(told["code"], Value::Null);
    let steps: Vec<_> = told["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["step"].as_str().unwrap())
        .collect();
    let mut order = steps.clone();
    order.dedup();
    // A credential is read, its token judged, and then it is said who vouches for whom.
    let expected = [
        "path",
        "api",
        "credential",
        "token",
        "key",
        "signature",
        "claims",
        "identity",
        "credential",
        "session",
        "policies",
        "session",
        "access",
        "limits",
        "handoff",
    ];
    assert_eq!(order, expected, "{:#?}", lines(&told));
}

#[test]
fn what_a_step_says_is_what_was_found() {
    let told = observe(&config(json!({})), asking("GET", "/orders/7?a=b", &sign(&good())));
    assert_told(
        &told,
        &[
            "path -: the path `/orders/7` → it can be read in one way only; 2 segments (passed)",
            "api -: method `GET`, host `api.example.com` → `orders`; before it not `health` (another \
         path), `posted` (another method) (passed)",
            "signature idp: the signature → it is that of the key `k1` (Ed25519), EdDSA; the filter's \
         own code checked it (passed)",
            "claims idp: the claim `exp` → 2027-01-15T08:05:00Z, in 5m; the skew is 1m (passed)",
            "identity idp: the claim `sub` → `sub` is `alice` (passed)",
            "policies idp: `by_scope`: the scope `read` → gives `reader` (passed)",
            "policies idp: `by_scope`: the scope `profile` → gives nothing (skipped)",
            "policies idp: `by_client`: the client is `app` → gives `writer` (passed)",
            "policies idp: the policies in force → `reader`, `writer` (passed)",
            "access idp: `policies.reader.access[0]` → it grants the request (passed)",
            "access idp: `policies.reader.access[1]` → it is about other requests (skipped)",
            "limits idp: the quota of the caller: 100 requests in 30d → 1 used, 99 left; the window \
         ends in 30d (passed)",
            "handoff idp: what goes upstream → set: `x-tollgate-identity`, `x-tollgate-provider`; \
         removed: `authorization`, `x-tollgate-explain` (passed)",
        ],
    );
}

#[test]
fn a_refusal_ends_with_the_step_that_refused_and_keeps_what_was_good_before() {
    let at = |name: &str, value: Value| sign(&good().claim(name, value));
    let forged = Signer::new("k1").renewed().sign(&good());
    let cases: &[(&str, RequestHead, &str, &str)] = &[
        ("a path", head("GET", "/orders//7", &[(HEADER, KEY)]), "path_ambiguous", "path"),
        ("no API", head("GET", "/nowhere", &[(HEADER, KEY)]), "api_unknown", "api"),
        (
            "no token",
            head("GET", "/orders/7", &[(HEADER, KEY)]),
            "credential_missing",
            "credential",
        ),
        ("a form", asking("GET", "/orders/7", "abc"), "token_malformed", "token"),
        (
            "an issuer",
            asking("GET", "/orders/7", &at("iss", json!("x"))),
            "token_issuer_unknown",
            "credential",
        ),
        (
            "an algorithm",
            asking("GET", "/orders/7", &sign(&good().header("alg", "HS256"))),
            "token_algorithm_refused",
            "token",
        ),
        (
            "a key",
            asking("GET", "/orders/7", &Signer::new("k9").sign(&good())),
            "token_key_unknown",
            "key",
        ),
        (
            "a signature",
            asking("GET", "/orders/7", &forged),
            "token_signature_invalid",
            "signature",
        ),
        (
            "an audience",
            asking("GET", "/orders/7", &at("aud", json!("x"))),
            "token_audience_mismatch",
            "claims",
        ),
        (
            "an end",
            asking("GET", "/orders/7", &at("exp", json!(NOW - 61))),
            "token_expired",
            "claims",
        ),
        (
            "a rule",
            asking("GET", "/orders/7", &at("department", json!("x"))),
            "token_claim_refused",
            "claims",
        ),
        (
            "nobody",
            asking("GET", "/orders/7", &sign(&good().without("sub"))),
            "identity_missing",
            "identity",
        ),
        ("a client", asking("GET", "/orders/7", &at("cid", json!("x"))), "access_denied", "access"),
        (
            "a scope",
            asking("GET", "/orders/7", &at("scp", json!("x"))),
            "scope_insufficient",
            "access",
        ),
        (
            "a role",
            asking("GET", "/orders/7", &at("roles", json!(["x"]))),
            "claim_insufficient",
            "access",
        ),
        ("a method", asking("POST", "/orders/7", &sign(&good())), "scope_insufficient", "access"),
        (
            "a method for nobody",
            asking("PATCH", "/orders/7", &sign(&good())),
            "access_denied",
            "access",
        ),
        (
            "an API key",
            head("GET", "/partners/7", &[("x-api-key", "nobody's"), (HEADER, KEY)]),
            "key_unknown",
            "credential",
        ),
        (
            "a preflight",
            head(
                "OPTIONS",
                "/orders/7",
                &[("origin", "https://a"), ("access-control-request-method", "GET"), (HEADER, KEY)],
            ),
            "cors_preflight_refused",
            "api",
        ),
    ];
    let config = config(json!({ "policies": {
        "reader": { "access": [{ "apis": ["orders"], "methods": ["GET"] }] },
        "writer": { "access": [{ "apis": ["orders"], "methods": ["POST"], "scopes": ["write"] }] },
    }}));
    for (name, request, code, step) in cases {
        let world = World::default();
        let mut worker = Worker::new(&world, &config);
        let stream = worker.request(request.clone());
        assert_eq!(worker.verdict(stream), *code, "{name}");
        let told = told(&worker, stream);
        assert_eq!(
            (&told["verdict"], &told["code"], &told["step"]),
            (&json!("refused"), &json!(code), &json!(step)),
            "{name}"
        );
        for member in ["reason", "remedy"] {
            assert!(told[member].as_str().unwrap().len() > 10, "{name}: {told}");
        }
        let steps = told["steps"].as_array().unwrap();
        let (last, before) = steps.split_last().unwrap();
        assert_eq!((&last["decided"], &last["step"]), (&json!("refused"), &json!(step)), "{name}");
        assert_eq!(last["found"], told["reason"], "{name}");
        assert!(before.iter().all(|step| step["decided"] != "refused"), "{name}: {before:?}");
        assert_eq!(before.is_empty(), *step == "path", "{name}");
        // Without the key it is the same answer, but for the steps.
        let without: RequestHead = RequestHead {
            headers: request
                .headers
                .iter()
                .filter(|(name, _)| *name != HEADER.as_bytes())
                .collect(),
        };
        let plain = worker.request(without);
        let (plain, shown) = (worker.reply(plain).clone(), worker.reply(stream).clone());
        let mut body: Value = serde_json::from_str(&shown.body).unwrap();
        body.as_object_mut().unwrap().remove("explain");
        assert_eq!(body, serde_json::from_str::<Value>(&plain.body).unwrap(), "{name}");
        assert_eq!((plain.status, plain.grpc_status), (shown.status, shown.grpc_status), "{name}");
        let others = |headers: &[(&'static str, String)]| {
            let mut others: Vec<_> =
                headers.iter().filter(|(name, _)| !name.contains("c")).cloned().collect();
            others.sort();
            others
        };
        assert_eq!(others(&plain.headers), others(&shown.headers), "{name}");
    }
}

#[test]
fn a_token_that_was_verified_before_is_told_of_as_such() {
    let token = sign(&good());
    let plain = head("GET", "/orders/7", &[("authorization", &bearer(&token))]);
    let known = observe_after(std::slice::from_ref(&plain), &config(json!({})), plain.clone());
    assert_told(
        &known,
        &[
            "signature idp: the tokens that this worker has verified → it is one: its EdDSA signature was \
         verified before, and the key is still in use; its `kid` is `k1` (passed)",
            "claims idp: the claim `exp` → 2027-01-15T08:05:00Z, in 5m; the skew is 1m (passed)",
            "identity idp: the claim `sub` → `sub` is `alice` (passed)",
            "policies idp: `by_scope`: the scope `read` → gives `reader` (passed)",
        ],
    );
    let world = World::default();
    let mut worker = Worker::new(&world, &config(json!({})));
    worker.request(plain);
    world.wait(Duration::from_secs(361));
    let late = worker.request(asking("GET", "/orders/7", &token));
    let late = told(&worker, late);
    assert_eq!(late["code"], "token_expired");
    assert_eq!(world.verifications(), 1);
}

/// A provider whose keys are fetched.
fn fetched() -> String {
    config(json!({
        "providers": { "idp": { "issuer": ISSUER, "audiences": [AUDIENCE],
            "jwks": { "url": "https://id.example.com/keys", "cluster": "idp" } } },
        "policies": null, "apis": [{ "name": "all", "auth": ["idp"] }],
    }))
}

#[test]
fn a_request_that_waited_says_how_long_and_which_keys_came() {
    let world = World::default();
    let mut worker = Worker::new(&world, &fetched());
    let stream = worker.request(asking("GET", "/", &sign(&good())));
    assert_eq!(worker.verdict(stream), "waiting");
    world.wait(Duration::from_millis(1500));
    worker.fetch(&key_set(&[&Signer::new("k1"), &Signer::new("k2")]));
    let first = told(&worker, stream);
    assert_told(
        &first,
        &[
            "key idp: the provider's keys → the request waited 1s for them (waits)",
            "key idp: the keys from https://id.example.com/keys by cluster `idp`, 0s old: `k1` Ed25519 \
         for EdDSA, `k2` Ed25519 for EdDSA → the `kid` is `k1`: 1 to try with EdDSA (passed)",
        ],
    );
    world.wait(Duration::from_secs(12));
    let second = worker.request(asking("GET", "/", &Signer::new("k2").sign(&good())));
    let second = told(&worker, second);
    let aged = lines(&second).iter().any(|line| line.contains("by cluster `idp`, 12s old"));
    assert!(aged, "{:#?}", lines(&second));
    assert!(lines(&second).iter().all(|line| !line.ends_with("(waits)")));
}

#[test]
fn a_request_that_waited_in_vain_says_so() {
    let world = World::default();
    let mut worker = Worker::new(&world, &fetched());
    let stream = worker.request(asking("GET", "/", &sign(&good())));
    worker.tick();
    world.wait(Duration::from_secs(2));
    worker.answer(500, &[], "no");
    let told = told(&worker, stream);
    assert_eq!(told["code"], "keys_unavailable");
    assert_told(&told, &["key idp: the provider's keys → the request waited 2s for them (waits)"]);
}

#[test]
fn who_needs_no_token_is_told_why() {
    let preflight =
        [("origin", "https://a"), ("access-control-request-method", "GET"), (HEADER, KEY)];
    let cases = [
        (
            "a public API",
            head("GET", "/health", &[(HEADER, KEY)]),
            "credential -: `auth` → `none`: anybody passes (skipped)",
        ),
        (
            "an optional credential",
            head("GET", "/open/1", &[(HEADER, KEY)]),
            "credential idp: `optional` → no credential: the request passes without an identity \
             (skipped)",
        ),
        (
            "a preflight",
            head("OPTIONS", "/pages/1", &preflight),
            "credential idp: `cors_preflight` → a CORS preflight, which passes without a credential \
             (skipped)",
        ),
        (
            "an API key",
            head("GET", "/partners/1", &[("x-api-key", PARTNER_KEY), (HEADER, KEY)]),
            "credential partner: the SHA-256 of the API key → the key `acme-2026` of `acme`; it is \
             active and ends at 2030-01-01T00:00:00Z, in 1081d 16h (passed)",
        ),
    ];
    for (name, request, expected) in cases {
        let told = explain(&config(json!({})), request);
        assert_eq!(told["verdict"], "allowed", "{name}");
        assert_told(&told, &[expected]);
    }
}

#[test]
fn what_is_only_reported_says_what_would_have_been() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config(json!({})));
    let late = sign(&good().claim("exp", NOW - 100));
    let refused = worker.request(asking("GET", "/trial/1", &late));
    assert_eq!(worker.verdict(refused), "forwarded");
    let would = told(&worker, refused);
    assert_eq!(
        (&would["verdict"], &would["code"]),
        (&json!("would_refuse"), &json!("token_expired"))
    );
    let sent = [("authorization", "x"), (HEADER, KEY)];
    let names: Vec<_> =
        upstream(&worker, refused, &sent).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["authorization"]);
    let allowed = worker.request(asking("GET", "/trial/1", &sign(&good())));
    assert_eq!(told(&worker, allowed)["verdict"], "allowed");
}

#[test]
fn grpc_and_head_are_told_in_a_header() {
    let config = config(json!({}));
    let world = World::default();
    let mut worker = Worker::new(&world, &config);
    let grpc = [("content-type", "application/grpc"), (HEADER, KEY)];
    let stream = worker.request(head("POST", "/orders/7", &grpc));
    let reply = worker.reply(stream).clone();
    assert_eq!((reply.status, reply.grpc_status), (401, Some(16)));
    assert_eq!(reply.body, "");
    assert_eq!(told(&worker, stream)["code"], "credential_missing");
    let stream = worker.request(head("HEAD", "/orders/7", &[(HEADER, KEY)]));
    assert!(!worker.reply(stream).body.contains("explain"));
    assert_eq!(told(&worker, stream)["code"], "credential_missing");
    let token = bearer(&sign(&good()));
    let good = [("content-type", "application/grpc"), ("authorization", &*token), (HEADER, KEY)];
    let stream = worker.request(head("GET", "/orders/7", &good));
    assert_eq!(told(&worker, stream)["verdict"], "allowed");
}

#[test]
fn a_limit_that_refuses_is_told_of_and_charges_like_any_other() {
    let world = World::default();
    let one = json!({ "policies": {
        "reader": { "rate": { "requests": 2, "per": "1h" }, "quota": { "requests": 9, "per": "1d" } },
        "writer": {},
    }});
    let mut worker = Worker::new(&world, &config(one));
    let token = sign(&good());
    for left in [1, 0] {
        let stream = worker.request(asking("GET", "/orders/7", &token));
        let lines = lines(&told(&worker, stream));
        let rate =
            lines.iter().find(|line| line.contains("the rate of the caller: 2 requests in 1h"));
        assert!(rate.unwrap().contains(&format!("→ {left} left")), "{rate:?}");
    }
    let plain = worker.request(head("GET", "/orders/7", &[("authorization", &bearer(&token))]));
    assert_eq!(worker.verdict(plain), "rate_limited");
    let stream = worker.request(asking("GET", "/orders/7", &token));
    assert_told(
        &told(&worker, stream),
        &[
            "limits idp: the quota of the caller: 9 requests in 1d → 2 used, 7 left; the window ends in \
         1d; this one is not counted (skipped)",
        ],
    );
}

#[test]
fn without_the_key_nothing_is_told_and_nothing_differs() {
    let shown: &[(&str, &[(&str, &str)])] = &[
        ("nothing", &[]),
        ("an empty key", &[(HEADER, "")]),
        ("a wrong key", &[(HEADER, "open-sesam")]),
        ("a key with a blank", &[(HEADER, "open-sesame ")]),
        ("the hash itself", &[(HEADER, "b8d1e8d9b0a3c5b1")]),
        ("the key twice", &[(HEADER, KEY), (HEADER, KEY)]),
        ("the key and another", &[("X-Tollgate-Explain", KEY), (HEADER, "x")]),
        ("the key in another spelling", &[("x_tollgate_explain", KEY)]),
        ("the key elsewhere", &[("x-tollgate-explained", KEY)]),
    ];
    let token = sign(&good());
    let late = sign(&good().claim("exp", NOW - 100));
    let closed = config(json!({ "explain": { "key_sha256": sha256("another") } }));
    for token in [Some(&token), Some(&late), None] {
        let credential = token.map(|token| bearer(token));
        let credential: Vec<_> =
            credential.iter().map(|value| ("authorization", value.as_str())).collect();
        let effects = |config: &str, shown: &[(&str, &str)]| {
            let world = World::default();
            let mut worker = Worker::new(&world, config);
            let all: Vec<_> = credential.iter().chain(shown).copied().collect();
            let stream = worker.request(head("GET", "/orders/7", &all));
            let mut settled = worker.settled[&stream].clone();
            if let Settlement::Forward(changes) = &mut settled {
                let ours = |change: &HeaderChange| {
                    matches!(change, HeaderChange::Remove(name)
                        if name.to_ascii_lowercase().starts_with(b"x-tollgate-expl")
                        || name.starts_with(b"x_tollgate_expl"))
                };
                let before = changes.len();
                changes.retain(|change| !ours(change));
                assert_eq!(before > changes.len(), !shown.is_empty(), "it goes upstream");
            }
            (
                settled,
                worker.advice.get(&stream).cloned(),
                worker.log.clone(),
                worker.counts.clone(),
            )
        };
        let open = config(json!({}));
        let expected = effects(&closed, &[]);
        for (name, shown) in shown {
            assert_eq!(effects(&open, shown), expected, "{name}");
        }
        assert_eq!(effects(&closed, &[(HEADER, KEY)]), expected, "another key");
        assert_ne!(effects(&open, &[(HEADER, KEY)]), expected, "the key");
        let long = "k".repeat(257);
        let explain = json!({ "explain": { "key_sha256": sha256(&long) } });
        assert_eq!(
            effects(&config(explain), &[(HEADER, &long)]),
            expected,
            "longer than a key may be"
        );
    }
}

#[test]
fn nobody_upstream_and_no_client_of_another_sees_the_header() {
    for path in ["/health", "/open/1", "/trial/1"] {
        let world = World::default();
        let mut worker = Worker::new(&world, &config(json!({})));
        for shown in [KEY, "wrong"] {
            let sent = [("a", "b"), (HEADER, shown), ("X_Tollgate_Explain", shown)];
            let stream = worker.request(head("GET", path, &sent));
            let names: Vec<_> =
                upstream(&worker, stream, &sent).into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, ["a"], "{path}");
            for section in
                [Section::RequestTrailers, Section::ResponseHeaders, Section::ResponseTrailers]
            {
                let fields = [(HEADER, "theirs"), ("X-Tollgate_Explain", "theirs"), ("c", "d")];
                worker.cleaned.clear();
                worker.handle(Event::Fields {
                    stream,
                    section,
                    fields: fields.into_iter().collect(),
                });
                let cleaned: Vec<_> = worker
                    .cleaned
                    .iter()
                    .map(|name| String::from_utf8_lossy(name).to_lowercase())
                    .collect();
                assert_eq!(cleaned, [HEADER, "x-tollgate_explain"], "{path} {section:?}");
            }
        }
    }
}

#[test]
fn huge_claims_and_a_thousand_apis_stay_within_bounds() {
    let world = World::default();
    let many: Vec<_> = (0..1000)
        .map(|number| json!({ "name": format!("api-{number}"), "match": { "paths": [format!("/{number}/**")] }, "auth": ["idp"] }))
        .collect();
    let mut worker = Worker::new(&world, &config(json!({ "apis": many, "policies": null })));
    let big = "é\"\\\u{1}😀".repeat(60);
    let scopes: Vec<_> = (0..200).map(|number| format!("scope-{number}-{big}")).collect();
    let token = Signer::new("k1").sign(
        &good()
            .claim("sub", big.replace('\u{1}', "\u{e9}"))
            .claim("cid", big.clone())
            .claim("jti", big.clone())
            .claim("aud", json!([AUDIENCE, big]))
            .claim("scp", json!(scopes[..2])),
    );
    let last = worker.request(asking("GET", "/999/x", &token));
    let told_of = told(&worker, last);
    assert_eq!(told_of["verdict"], "allowed");
    let nowhere = worker.request(asking("GET", "/nowhere", &token));
    assert!(lines(&told(&worker, nowhere)).iter().any(|line| line.contains("nor 992 more")));
    for request in [
        asking(
            "GET",
            "/999/x",
            &Signer::new("k1").sign(&good().claim("aud", json!(vec![big.clone(); 20]))),
        ),
        asking("GET", &format!("/{}", "%C3%A9/".repeat(3000)), &token),
    ] {
        let stream = worker.request(request);
        let reply = worker.reply(stream);
        assert!(reply.body.len() < 30_000 && reply.body.is_ascii(), "{}", reply.body.len());
        told(&worker, stream);
    }
}

#[test]
fn a_header_without_room_leaves_steps_out_says_so_and_keeps_the_end() {
    let world = World::default();
    let given: serde_json::Map<String, Value> =
        (0..60).map(|number| (format!("scope-{number}"), json!(["reader"]))).collect();
    let apis = json!([{ "name": "orders", "auth": ["idp"], "policies": { "by_scope": given } }]);
    let mut worker =
        Worker::new(&world, &config(json!({ "apis": apis, "policies": { "reader": {} } })));
    let scopes: Vec<_> = (0..60).map(|number| format!("scope-{number}")).collect();
    let token = sign(&good().claim("scp", json!(scopes)));
    let stream = worker.request(asking("GET", "/", &token));
    let told = told(&worker, stream);
    assert!(told["left_out"].as_u64().unwrap() > 20, "{told}");
    assert_eq!(told["steps"].as_array().unwrap().last().unwrap()["step"], "handoff");
    assert!(told.to_string().len() > 3000, "there was room for more");
}

#[test]
fn a_refusal_is_seen_from_beside_the_proxy_like_any_other() {
    let late = sign(&good().claim("exp", NOW - 100));
    let told = observe(&config(json!({})), asking("GET", "/orders/7", &late));
    assert_eq!((&told["verdict"], &told["code"]), (&json!("refused"), &json!("token_expired")));
}

/// The blocks of the document in this language.
fn documented(language: &str) -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/explain.md");
    let text = std::fs::read_to_string(path).unwrap();
    let blocks = text.split("```").skip(1).step_by(2);
    blocks.filter_map(|block| Some(block.strip_prefix(language)?.to_owned())).collect()
}

#[test]
fn the_document_shows_what_is_told() {
    let [config, told] = documented("json\n").try_into().unwrap();
    let world = World::default();
    let mut worker = Worker::new(&world, &config);
    worker.fetch(&key_set(&[&Signer::new("k1")]));
    let token = sign(&Token::for_identity("alice").claim("aud", "web"));
    let stream = worker.request(asking("GET", "/orders/7", &token));
    let body: Value = serde_json::from_str(&worker.reply(stream).body).unwrap();
    let (found, told) = (&body["explain"], serde_json::from_str::<Value>(&told).unwrap());
    for (name, told) in told.as_object().unwrap() {
        match told {
            Value::Array(steps) => {
                let found = found["steps"].as_array().unwrap();
                assert!(steps.iter().all(|step| found.contains(step)), "{steps:?}\n{found:#?}");
                assert_eq!(steps.last(), found.last());
            }
            told => {
                let (told, found) = (told.as_str().unwrap(), found[name].as_str().unwrap());
                match told.strip_suffix('…') {
                    Some(start) => assert!(found.starts_with(start), "{name}: {found}"),
                    None => assert_eq!(told, found, "{name}"),
                }
            }
        }
    }
    assert_eq!(told.as_object().unwrap().len(), found.as_object().unwrap().len());
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/explain.md")).unwrap();
    for step in found["steps"].as_array().unwrap() {
        assert!(text.contains(&format!("\n| `{}` | ", step["step"].as_str().unwrap())), "{step}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever a caller sends, nothing that is told holds more of a credential than a word.
    #[test]
    fn no_part_of_a_credential_is_ever_told(
        claims in proptest::collection::vec(("[a-z]{1,8}", "\\PC{0,40}"), 0..6),
        cut in 0..2000_usize,
        place in 0..6_usize,
        path in prop_oneof!["/orders/7", "/partners/x", "/open/1", "/trial/1", "/\\PC{0,30}"],
        kid in prop_oneof![Just("k1".to_owned()), Just("k9".to_owned()), "\\PC{0,20}"],
    ) {
        let mut token = good().header("kid", kid);
        for (name, value) in &claims {
            token = token.claim(name, value.clone());
        }
        let signed = sign(&token);
        let shown = signed.chars().take(cut.max(20)).collect::<String>();
        let credential = bearer(&shown);
        let basic = format!("Basic {shown}");
        let both = format!("Bearer {shown}, Bearer {shown}");
        let sent: Vec<(&str, &str)> = match place {
            0 => vec![("authorization", &credential)],
            1 => vec![("authorization", &shown)],
            2 => vec![("authorization", &basic)],
            3 => vec![("authorization", &both)],
            4 => vec![("x-api-key", PARTNER_KEY)],
            _ => vec![("x-api-key", &shown), ("authorization", &credential)],
        };
        let world = World::default();
        let mut worker = Worker::new(&world, &config(json!({})));
        let all: Vec<_> = sent.iter().copied().chain([(HEADER, KEY)]).collect();
        for _ in 0..2 {
            let stream = worker.request(head("GET", &path, &all));
            let told = told(&worker, stream).to_string();
            for window in shown.as_bytes().windows(17) {
                let part = std::str::from_utf8(window).unwrap();
                prop_assert!(!told.contains(part), "{part} is in {told}");
            }
            for secret in [PARTNER_KEY, KEY] {
                prop_assert!(!told.contains(secret), "{told}");
            }
        }
    }
}
