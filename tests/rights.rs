//! What callers may do, through the whole engine: policies, what is required of claims, what goes
//! upstream of it, and what only reporting changes.

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use support::token::{AUDIENCE, ISSUER, NOW, Signer, Token};
use support::world::{Worker, World, head, upstream};
use tollgate::event::{Event, Section};
use tollgate::http::Fields;
use tollgate::ids::StreamId;

/// An issuer whose keys stand in the configuration.
fn idp() -> Value {
    json!({
        "issuer": ISSUER, "audiences": [AUDIENCE],
        "jwks": { "inline": { "keys": [Signer::new("k1").jwk()] } },
        "claims": { "policies": ["pol"] },
    })
}

fn api(policies: Value) -> Value {
    json!([{ "name": "all", "auth": ["idp"], "policies": policies }])
}

fn config(policies: Value, apis: Value) -> Value {
    json!({ "providers": { "idp": idp() }, "policies": policies, "apis": apis })
}

fn sign(claims: &Value) -> String {
    let mut token = Token::for_identity("alice");
    for (name, value) in claims.as_object().unwrap() {
        token = token.claim(name, value.clone());
    }
    Signer::new("k1").sign(&token)
}

/// The verdict on one request with these claims.
fn verdict(config: &Value, claims: &Value) -> String {
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    let stream = worker.get(&sign(claims));
    worker.verdict(stream)
}

fn note<'w>(worker: &'w Worker<'_>, stream: StreamId, key: &'static str) -> Option<&'w str> {
    worker.notes.get(&(stream, key)).map(|value| &**value)
}

fn logged<'l>(worker: &'l Worker<'_>, field: &str) -> Vec<String> {
    let lines = worker.log.iter().filter(|line| line.contains("request_denied"));
    let value = |line: &'l String| serde_json::from_str::<Value>(line).unwrap()[field].clone();
    lines.map(|line| value(line).as_str().unwrap_or_default().to_owned()).collect()
}

fn sha256(key: &str) -> String {
    Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_caller_may_do_what_the_policies_of_its_token_grant() {
    let config = config(
        json!({
            "reader": { "access": [{ "apis": ["all"], "methods": ["GET"] }] },
            "other": { "access": [{ "apis": ["all"], "paths": ["/other/**"] }] },
            "scoped": { "access": [{ "apis": ["all"], "scopes": ["orders:read"] }] },
            "blocked": { "active": false },
        }),
        api(json!({ "by_scope": { "read": ["reader"] }, "from_claim": true })),
    );
    let cases = [
        // name, claims, verdict
        ("by scope", json!({ "scope": "read" }), "forwarded"),
        ("by claim", json!({ "pol": ["reader"] }), "forwarded"),
        ("nothing", json!({}), "policy_none"),
        ("no such policy", json!({ "pol": "writer" }), "policy_unknown"),
        ("another path", json!({ "pol": "other" }), "access_denied"),
        ("a scope short", json!({ "pol": "scoped" }), "scope_insufficient"),
        ("the scope", json!({ "pol": "scoped", "scope": "orders:read" }), "forwarded"),
        ("not active", json!({ "pol": "reader blocked" }), "session_inactive"),
        ("a wrong type", json!({ "pol": { "reader": true } }), "token_claim_malformed"),
    ];
    for (name, claims, expected) in cases {
        assert_eq!(verdict(&config, &claims), expected, "{name}");
    }
}

#[test]
fn a_path_decides_only_in_the_one_way_that_it_can_be_read() {
    let config = config(
        json!({ "items": { "access": [{ "apis": ["all"], "paths": ["/orders/{id}/items"] }] } }),
        api(json!({ "default": ["items"] })),
    );
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    let bearer = format!("Bearer {}", sign(&json!({})));
    let cases = [
        ("/orders/7/items", "forwarded"),
        ("/orders/7/items/", "forwarded"),
        ("/orders/7/items?x=/orders", "forwarded"),
        ("/orders/7/%69tems", "forwarded"),
        ("/orders/7;v=1/items", "forwarded"),
        ("/orders/7/items/8", "access_denied"),
        ("/orders/7/items;v=1", "path_ambiguous"),
        ("/orders/7/../8/items", "path_ambiguous"),
        ("/orders/7//items", "path_ambiguous"),
        ("/orders/7%2Fitems", "path_ambiguous"),
    ];
    for (path, expected) in cases {
        let stream = worker.request(head("GET", path, &[("authorization", &bearer)]));
        assert_eq!(worker.verdict(stream), expected, "{path}");
    }
}

#[test]
fn nothing_is_kept_from_an_earlier_token_or_another_api() {
    let apis = json!([
        { "name": "a", "match": { "paths": ["/a/**"] }, "auth": ["idp"],
          "policies": { "by_scope": { "read": ["a"] } } },
        { "name": "b", "match": { "paths": ["/b/**"] }, "auth": ["idp"],
          "policies": { "by_scope": { "read": ["b"] }, "default": ["rest"] } },
        { "name": "open", "auth": ["idp"] },
    ]);
    let policies =
        json!({ "a": { "tags": ["a"] }, "b": { "tags": ["b"] }, "rest": { "tags": ["c"] } });
    let world = World::default();
    let mut worker = Worker::new(&world, &config(policies, apis).to_string());
    let (with, without) = (sign(&json!({ "scope": "read" })), sign(&json!({ "scope": "x" })));
    // Each of alice's tokens has what it says itself, however often and wherever the other was shown.
    for _ in 0..3 {
        for (token, path, expected, policies) in [
            (&with, "/a", "forwarded", Some("a")),
            (&without, "/a", "policy_none", None),
            (&with, "/b", "forwarded", Some("b")),
            (&without, "/b", "forwarded", Some("rest")),
            (&with, "/", "forwarded", None),
        ] {
            let bearer = format!("Bearer {token}");
            let stream = worker.request(head("GET", path, &[("authorization", &bearer)]));
            assert_eq!(worker.verdict(stream), expected, "{path}");
            assert_eq!(note(&worker, stream, "tollgate.policies"), policies, "{path}");
        }
    }
    assert_eq!(world.verifications(), 2, "each token is verified once");
}

#[test]
fn a_session_ends_some_time_after_the_authentication() {
    let policies = json!({ "short": { "expires_after": "2m" }, "long": { "expires_after": "1h" } });
    let config = config(policies, api(json!({ "from_claim": true })));
    let minutes = |minutes: u64| Duration::from_mins(minutes);
    // The skew is a minute, and the token itself is good for ten.
    let cases = [
        // name, claims, waiting, verdict
        ("young", json!({ "pol": "short" }), minutes(0), "forwarded"),
        ("within the skew", json!({ "pol": "short" }), Duration::from_millis(179_999), "forwarded"),
        ("too old", json!({ "pol": "short" }), minutes(3), "session_expired"),
        ("the shortest", json!({ "pol": "long short" }), minutes(3), "session_expired"),
        ("long enough", json!({ "pol": "long" }), minutes(3), "forwarded"),
        (
            "an old login, a new token",
            json!({ "pol": "short", "auth_time": NOW - 200 }),
            minutes(0),
            "session_expired",
        ),
        ("never later than `exp`", json!({ "pol": "long" }), minutes(11), "token_expired"),
        (
            "nothing to count from",
            json!({ "pol": "long", "auth_time": "now" }),
            minutes(0),
            "token_claim_malformed",
        ),
    ];
    for (name, mut claims, waiting, expected) in cases {
        claims["exp"] = (NOW + 600).into();
        let world = World::default();
        let mut worker = Worker::new(&world, &config.to_string());
        let token = sign(&claims);
        worker.get(&token);
        world.wait(waiting);
        let stream = worker.get(&token);
        assert_eq!(worker.verdict(stream), expected, "{name}");
    }
}

#[test]
fn claims_are_required_of_a_token_or_of_a_caller() {
    let mut config = config(json!({ "a": { "tags": ["a"] } }), api(json!({ "default": ["a"] })));
    config["providers"]["idp"]["require"] = json!([{ "claim": "department", "in": ["eng"] }]);
    config["apis"][0]["require"] = json!([
        { "claim": ["realm_access", "roles"], "contains_any": ["staff"] },
        { "claim": "https://example.com/team", "starts_with": "a" },
    ]);
    let good = || {
        json!({
            "department": "eng", "realm_access": { "roles": ["staff"] }, "https://example.com/team": "ab",
        })
    };
    assert_eq!(verdict(&config, &good()), "forwarded");
    let cases = [
        ("department", json!("ops"), "token_claim_refused"),
        ("department", json!(null), "token_claim_refused"),
        ("realm_access", json!({ "roles": ["guest"] }), "claim_insufficient"),
        ("realm_access", json!({ "roles": "staff" }), "claim_insufficient"),
        ("https://example.com/team", json!("b"), "claim_insufficient"),
    ];
    for (claim, value, expected) in cases {
        let mut claims = good();
        claims[claim] = value;
        let world = World::default();
        let mut worker = Worker::new(&world, &config.to_string());
        let stream = worker.get(&sign(&claims));
        assert_eq!(worker.verdict(stream), expected, "{claim}");
        let status = if expected == "claim_insufficient" { 403 } else { 401 };
        assert_eq!(worker.reply(stream).status, status, "{claim}");
        let reason = logged(&worker, "reason").remove(0);
        assert!(!reason.contains("ops") && !reason.contains("guest"), "{reason}");
    }
}

#[test]
fn a_claim_reference_means_the_same_in_every_field() {
    // A literal name, a dotted path, and an array of segments that hold dots themselves.
    let references = [
        (json!("https://example.com/x"), "https://example.com/x", None),
        (json!("outer.inner"), "outer", Some("inner")),
        (json!(["https://example.com/y", "in.ner"]), "https://example.com/y", Some("in.ner")),
    ];
    for (reference, outer, inner) in references {
        let mut config = config(
            json!({ "a": { "tags": ["a"], "limit_by": { "claim": reference }, "rate": "unlimited" } }),
            json!([{ "name": "all", "auth": ["idp"], "clients": ["value"], "scopes": ["value"],
                     "require": [{ "claim": reference, "in": ["value"] }],
                     "policies": { "by_claim": [{ "claim": reference, "values": { "value": ["a"] } }] } }]),
        );
        let idp = &mut config["providers"]["idp"];
        idp["claims"] =
            json!({ "identity": [reference], "client": [reference], "scopes": [reference] });
        idp["require"] = json!([{ "claim": reference, "starts_with": "val" }]);
        idp["upstream"] = json!({ "headers": {
            "x-claim": reference, "x-identity": { "session": "identity" },
            "x-client": { "session": "client" }, "x-scopes": { "session": "scopes" },
            "x-policies": { "session": "policies" },
        }});
        let claims = match inner {
            None => json!({ outer: "value" }),
            Some(inner) => json!({ outer: { inner: "value" } }),
        };
        let world = World::default();
        let mut worker = Worker::new(&world, &config.to_string());
        let stream = worker.get(&sign(&claims));
        let expected = ["claim", "client", "identity", "scopes"]
            .map(|name| (format!("x-{name}"), "value".to_owned()));
        let mut expected = expected.to_vec();
        expected.insert(3, ("x-policies".into(), "a".into()));
        assert_eq!(upstream(&worker, stream, &[]), expected, "{reference}");

        config["apis"][0]["policies"] = json!({ "from_claim": true });
        config["providers"]["idp"]["claims"]["policies"] = json!([reference]);
        config["policies"] = json!({ "value": { "tags": ["a"] } });
        assert_eq!(verdict(&config, &claims), "forwarded", "{reference}");
        assert_eq!(
            verdict(&config, &json!({ "x": "value" })),
            "token_claim_refused",
            "{reference}"
        );
    }
}

#[test]
fn policies_go_upstream_and_to_other_filters() {
    let policies = json!({
        "gold": { "tags": ["b", "c"], "metadata": { "tier": "2", "region": "eu" } },
        "free": { "tags": ["a", "b"], "metadata": { "tier": "1", "region": "eu" } },
        "plain": { "active": true },
    });
    let mut config = config(policies, api(json!({ "from_claim": true })));
    config["providers"]["idp"]["upstream"] = json!({ "headers": {
        "x-policies": { "session": "policies" }, "x-tags": { "session": "tags" },
        "x-tier": { "metadata": "tier" }, "x-region": { "metadata": "region" },
    }});
    let cases: &[(&str, &[(&str, &str)], u64)] = &[
        // policies, headers upstream, headers dropped
        (
            "gold",
            &[("x-policies", "gold"), ("x-region", "eu"), ("x-tags", "b,c"), ("x-tier", "2")],
            0,
        ),
        ("gold free", &[("x-policies", "free,gold"), ("x-region", "eu"), ("x-tags", "a,b,c")], 1),
        ("plain", &[("x-policies", "plain")], 0),
    ];
    for (policies, expected, dropped) in cases {
        let world = World::default();
        let mut worker = Worker::new(&world, &config.to_string());
        let token = sign(&json!({ "pol": policies }));
        // What a client claims about itself never arrives.
        let forged = [("x-tier", "9"), ("x_tags", "vip"), ("X-Policies", "all")];
        let bearer = format!("Bearer {token}");
        let mut sent = forged.to_vec();
        sent.push(("authorization", &bearer));
        let stream = worker.request(head("GET", "/orders/7", &sent));
        let headers = upstream(&worker, stream, &sent);
        let headers: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(headers, *expected, "{policies}");
        let names = expected[0].1;
        assert_eq!(note(&worker, stream, "tollgate.policies"), Some(names));
        let count = worker.counts.get("tollgate_header_dropped").copied().unwrap_or_default();
        assert_eq!(count, *dropped, "{policies}");
    }
}

#[test]
fn an_api_key_has_policies_tags_and_metadata_of_its_own() {
    let config = json!({
        "providers": { "partner": {
            "kind": "api_key", "from": [{ "header": "x-api-key" }],
            "keys": [
                { "name": "a", "sha256": sha256("a"), "identity": "acme", "policies": ["gold"],
                  "tags": ["own"], "metadata": { "tier": "7" } },
                { "name": "b", "sha256": sha256("b"), "identity": "acme" },
            ],
            "upstream": { "headers": {
                "x-policies": { "session": "policies" }, "x-tags": { "session": "tags" },
                "x-tier": { "metadata": "tier" },
            }},
        }},
        "policies": {
            "gold": { "tags": ["g"], "expires_after": "1m",
                      "access": [{ "apis": ["all", "bare"], "methods": ["GET"] }] },
            "rest": { "tags": ["r"] },
        },
        "apis": [
            { "name": "bare", "match": { "paths": ["/bare/**"] }, "auth": ["partner"] },
            { "name": "all", "auth": ["partner"], "policies": { "default": ["rest"] } },
        ],
    });
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    world.wait(Duration::from_hours(1));
    let own = [("x-policies", "gold"), ("x-tags", "own,g"), ("x-tier", "7")];
    let cases: &[(&str, &str, &str, Result<&[(&str, &str)], &str>)] = &[
        // key, method, path, headers upstream or the code
        ("a", "GET", "/orders", Ok(&own)),
        ("a", "GET", "/bare", Ok(&own)),
        ("a", "POST", "/orders", Err("access_denied")),
        ("a", "POST", "/bare", Err("access_denied")),
        ("b", "POST", "/orders", Ok(&[("x-policies", "rest"), ("x-tags", "r")])),
        ("b", "POST", "/bare", Ok(&[])),
    ];
    for (key, method, path, expected) in cases {
        let sent = [("x-api-key", *key)];
        let stream = worker.request(head(method, path, &sent));
        match expected {
            Ok(expected) => {
                let headers = upstream(&worker, stream, &sent);
                let headers: Vec<_> =
                    headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                assert_eq!(headers, *expected, "{key} {method} {path}");
            }
            Err(code) => assert_eq!(worker.verdict(stream), *code, "{key} {method} {path}"),
        }
    }
}

#[test]
fn an_operator_reads_which_policies_a_refusal_was_about() {
    let config = config(
        json!({ "reader": { "access": [{ "apis": ["all"], "methods": ["HEAD"] }] } }),
        api(json!({ "by_scope": { "read": ["reader"] } })),
    );
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    worker.get(&sign(&json!({ "scope": "read" })));
    worker.get(&sign(&json!({ "secret": "s" })));
    let steps = logged(&worker, "step");
    assert_eq!(steps, ["access", "policies"]);
    let reasons = logged(&worker, "reason");
    assert_eq!(
        reasons[0],
        "none of the policies in force grants this request: `reader`; `reader` grants `HEAD` on every \
         path"
    );
    assert_eq!(
        reasons[1],
        "no policy follows from the token; `by_scope` knows `read`; there is no claim `scp`, `scope`; \
         the token has `aud`, `exp`, `iat`, `iss`, `secret`, `sub`"
    );
    assert_eq!(logged(&worker, "mode"), ["enforce", "enforce"]);
    assert_eq!(logged(&worker, "identity"), ["alice", "alice"]);
}

#[test]
fn single_callers_keep_their_own_policies_however_often_they_come() {
    let key = |name: &str, identity: &str, secret: &str| json!({ "name": name, "identity": identity, "sha256": sha256(secret) });
    let mut config = config(
        json!({ "reader": { "access": [{ "apis": ["one", "two"] }] } }),
        json!([
            { "name": "one", "match": { "paths": ["/orders/**"] }, "auth": ["idp", "keys"],
              "policies": { "by_identity": { "idp": { "alice": ["reader"] }, "keys": { "acme": ["reader"] } } } },
            { "name": "two", "auth": ["idp", "keys"],
              "policies": { "by_identity": { "idp": { "bob": ["reader"] }, "keys": { "alice": ["reader"] } } } },
        ]),
    );
    config["providers"]["keys"] = json!({
        "kind": "api_key", "from": [{ "header": "x-key" }],
        "keys": [key("a", "acme", "k-acme"), key("b", "alice", "k-alice")],
    });
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    let (alice, bob) = (sign(&json!({})), sign(&json!({ "sub": "bob" })));
    let bearer = |token: &str| ("authorization", format!("Bearer {token}"));
    let cases = [
        // credential, the verdict at `one`, at `two`
        (bearer(&alice), "forwarded", "policy_none"),
        (bearer(&bob), "policy_none", "forwarded"),
        (("x-key", "k-acme".to_owned()), "forwarded", "policy_none"),
        (("x-key", "k-alice".to_owned()), "policy_none", "forwarded"),
    ];
    for _ in 0..3 {
        for ((name, value), one, two) in &cases {
            for (path, expected) in [("/orders/7", one), ("/", two)] {
                let stream = worker.request(head("GET", path, &[(*name, value)]));
                assert_eq!(worker.verdict(stream), *expected, "{name} {value:.9} {path}");
            }
        }
    }
}

#[test]
fn an_operator_reads_which_claims_were_looked_for_and_which_are_there() {
    let here = "`aud`, `exp`, `iat`, `iss`, `sub`";
    let scopes = json!({ "scopes": ["a", "b"] });
    let clients = json!({ "clients": ["app"] });
    let counted = |by: Value| {
        let quota = json!({ "requests": 9, "per": "1d" });
        json!({ "p": { "quota": quota, "limit_by": by } })
    };
    let (by_client, by_org) = (counted(json!("client")), counted(json!({ "claim": "org" })));
    let unlimited = json!({ "p": { "active": true } });
    let nothing = json!({});
    let default = "`client_id`, `azp`, `cid`, `appid`";
    let limit = "nothing to count the caller by (`limit_by`): ";
    let cases = [
        // policies, the API's demands, claims, reason
        (
            &unlimited,
            &scopes,
            json!({}),
            format!(
                "the token lacks the scopes `a`, `b`; there is no claim `scp`, `scope`; the token has {here}"
            ),
        ),
        (
            &unlimited,
            &scopes,
            json!({ "scope": "b" }),
            "the token lacks the scopes `a`; it has `b`, in the claim `scope`".into(),
        ),
        (
            &unlimited,
            &clients,
            json!({}),
            format!("the token names no client: there is no claim {default}; the token has {here}"),
        ),
        (
            &unlimited,
            &clients,
            json!({ "azp": "" }),
            "the token names no client: the claim `azp` is empty, or of another type".into(),
        ),
        (
            &by_client,
            &nothing,
            json!({}),
            format!("{limit}there is no claim {default}; the token has {here}"),
        ),
        (
            &by_client,
            &nothing,
            json!({ "cid": 7 }),
            format!("{limit}the claim `cid` is empty, or of another type"),
        ),
        (
            &by_org,
            &nothing,
            json!({}),
            format!("{limit}there is no claim `org`; the token has {here}"),
        ),
        (
            &by_org,
            &nothing,
            json!({ "org": ["a"] }),
            format!("{limit}the claim `org` is empty, or of another type"),
        ),
    ];
    for (policies, demands, claims, reason) in cases {
        let mut apis = api(json!({ "default": ["p"] }));
        for (name, value) in demands.as_object().unwrap() {
            apis[0][name] = value.clone();
        }
        let world = World::default();
        let mut worker = Worker::new(&world, &config(policies.clone(), apis).to_string());
        worker.get(&sign(&claims));
        assert_eq!(logged(&worker, "reason"), [reason], "{claims}");
    }
}

/// Two APIs, the first with a mode of its own, and one header that is written.
fn reporting(top: &str, first: &str) -> Value {
    let mut config = config(
        json!({ "reader": { "access": [{ "apis": ["first", "second"], "methods": ["GET"] }] } }),
        json!([
            { "name": "first", "match": { "paths": ["/first/**"] }, "auth": ["idp"], "mode": first,
              "policies": { "by_scope": { "read": ["reader"] } } },
            { "name": "second", "match": { "paths": ["/second/**"] }, "auth": ["idp"],
              "policies": { "by_scope": { "read": ["reader"] } } },
        ]),
    );
    config["mode"] = top.into();
    config["providers"]["idp"]["upstream"] = json!({ "headers": { "x-user": "sub" } });
    config
}

#[test]
fn what_is_only_reported_goes_upstream_as_it_came() {
    let bearer = |claims: &Value| format!("Bearer {}", sign(claims));
    let good = bearer(&json!({ "scope": "read" }));
    let bad = bearer(&json!({}));
    // x-tollgate-* never comes through; x-user only where the whole only reports.
    let forged = [("x-tollgate-identity", "root"), ("x-user", "root"), ("x-other", "1")];
    let cases: &[(&str, &str, &str, &str, Option<&str>, &[&str], Option<&str>)] = &[
        // top, first API, path, credential, refused for, headers upstream, counted
        (
            "enforce",
            "report",
            "/first",
            &bad,
            None,
            &["authorization", "x-other"],
            Some("policy_none"),
        ),
        ("enforce", "report", "/first", &good, None, &["authorization", "x-other"], None),
        ("enforce", "report", "/second", &bad, Some("policy_none"), &[], None),
        ("enforce", "report", "/second", &good, None, &["x-other", "x-user"], None),
        ("enforce", "report", "/third", &good, Some("api_unknown"), &[], None),
        (
            "report",
            "report",
            "/first",
            &bad,
            None,
            &["authorization", "x-other", "x-user"],
            Some("policy_none"),
        ),
        ("report", "report", "/second", &good, None, &["authorization", "x-other", "x-user"], None),
        (
            "report",
            "report",
            "/third",
            &good,
            None,
            &["authorization", "x-other", "x-user"],
            Some("api_unknown"),
        ),
        (
            "report",
            "report",
            "/a/../b",
            &good,
            None,
            &["authorization", "x-other", "x-user"],
            Some("path_ambiguous"),
        ),
        (
            "report",
            "report",
            "/first",
            "Bearer x",
            None,
            &["authorization", "x-other", "x-user"],
            Some("token_malformed"),
        ),
        ("report", "enforce", "/first", &bad, Some("policy_none"), &[], None),
        ("report", "enforce", "/first", &good, None, &["x-other", "x-user"], None),
        (
            "report",
            "enforce",
            "/second",
            &bad,
            None,
            &["authorization", "x-other", "x-user"],
            Some("policy_none"),
        ),
    ];
    for (top, first, path, credential, refused, names, counted) in cases {
        let case = format!("{top}, {first}, {path}, {counted:?}");
        let world = World::default();
        let mut worker = Worker::new(&world, &reporting(top, first).to_string());
        let mut sent = forged.to_vec();
        sent.push(("authorization", credential));
        let stream = worker.request(head("GET", path, &sent));
        let denied = |kind: &str| {
            let counts = worker.counts.iter();
            let counts = counts.filter_map(|(name, by)| Some((name.strip_prefix(kind)?, *by)));
            counts.collect::<Vec<_>>()
        };
        assert_eq!(
            denied("tollgate_would_deny_"),
            Vec::from_iter(counted.map(|c| (c, 1))),
            "{case}"
        );
        assert_eq!(denied("tollgate_denied_"), Vec::from_iter(refused.map(|c| (c, 1))), "{case}");
        let permitted = refused.is_none() && counted.is_none();
        assert_eq!(denied("tollgate_allowed").len(), usize::from(permitted), "{case}");
        let mode = if counted.is_some() { "report" } else { "enforce" };
        let logs = if permitted { vec![] } else { vec![mode.to_owned()] };
        assert_eq!(logged(&worker, "mode"), logs, "{case}");
        assert_eq!(note(&worker, stream, "tollgate.code"), refused.or(*counted), "{case}");
        match refused {
            Some(code) => assert_eq!(worker.verdict(stream), *code, "{case}"),
            None => {
                let headers = upstream(&worker, stream, &sent);
                let found: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
                assert_eq!(found, *names, "{case}");
                let user = headers.iter().find(|(name, _)| name == "x-user");
                let enforced = *first == "enforce" && *path == "/first" || *top == "enforce";
                let expected = user.map(|_| if enforced { "alice" } else { "root" });
                assert_eq!(user.map(|(_, value)| value.as_str()), expected, "{case}");
            }
        }
    }
}

#[test]
fn trailers_are_cleaned_of_what_some_api_may_still_write() {
    for (top, first, removed) in [
        ("enforce", "report", &["x-tollgate-a", "x_user"][..]),
        ("report", "enforce", &["x-tollgate-a", "x_user"]),
        ("report", "report", &["x-tollgate-a"]),
    ] {
        let world = World::default();
        let mut worker = Worker::new(&world, &reporting(top, first).to_string());
        let names = ["x-tollgate-a", "x_user", "x-other"].map(|name| (name, ""));
        let fields: Fields = names.into_iter().collect();
        let section = Section::RequestTrailers;
        worker.handle(Event::Fields { stream: StreamId(1), section, fields });
        let found: Vec<_> =
            worker.cleaned.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        assert_eq!(found, removed, "{top} {first}");
    }
}

#[test]
fn what_is_only_reported_waits_for_keys_like_everything_else() {
    let mut config = reporting("report", "report");
    config["providers"]["idp"]["jwks"] =
        json!({ "url": "https://id.example.com/keys", "cluster": "idp" });
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    let bearer = format!("Bearer {}", sign(&json!({})));
    let stream = worker.request(head("GET", "/first", &[("authorization", &bearer)]));
    assert_eq!(worker.verdict(stream), "waiting");
    worker.fetch(&support::token::key_set(&[&Signer::new("k1")]));
    assert_eq!(worker.verdict(stream), "forwarded");
    assert_eq!(worker.counts.get("tollgate_would_deny_policy_none"), Some(&1));
}

#[test]
fn a_thousand_policies_cost_a_request_no_more_than_one() {
    let policies: Value = (0..1000)
        .map(|number| (format!("p{number}"), json!({ "tags": [format!("t{number}")] })))
        .collect();
    let by_scope: Value =
        (0..1000).map(|number| (format!("s{number}"), json!([format!("p{number}")]))).collect();
    let config = config(policies, api(json!({ "by_scope": by_scope })));
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    for number in [0, 500, 999] {
        let stream = worker.get(&sign(&json!({ "scope": format!("s{number}") })));
        assert_eq!(note(&worker, stream, "tollgate.policies"), Some(&*format!("p{number}")));
    }
    let all: Vec<_> = (0..1000).map(|number| format!("s{number}")).collect();
    let stream = worker.get(&sign(&json!({ "scp": all })));
    assert_eq!(note(&worker, stream, "tollgate.policies").unwrap().split(',').count(), 1000);
}

#[test]
fn a_remedy_names_what_can_help() {
    let mut config = config(
        json!({ "short": { "expires_after": "1h" }, "a": {} }),
        api(
            json!({ "default": ["short"], "by_claim": [{ "claim": "roles", "values": { "x": ["a"] } }] }),
        ),
    );
    config["providers"]["idp"]["allow_no_expiry"] = json!(true);
    let none = "no other claim can stand in for it";
    // claims, what the remedy says, what it does not
    let cases = [
        (json!({ "exp": "1800000300" }), "write `exp` as a number of seconds", "providers"),
        (json!({ "nbf": null }), "write `nbf` as a number of seconds", "providers"),
        (json!({ "iat": true }), none, "providers"),
        (json!({ "iss": 7 }), "write `iss` as a string", "providers"),
        (json!({ "aud": [7] }), none, "providers"),
        (json!({ "aud": 7 }), "write `aud` as a string or an array of strings", "providers"),
        (json!({ "roles": 7 }), "in `by_claim` of `apis[0].policies`", "providers"),
        (json!({ "sub": " a" }), "`providers.idp.claims.identity`", "wrong type"),
        (json!({ "sub": 7 }), "`providers.idp.claims`", "apis"),
        (json!({ "auth_time": "x" }), "`policies.*.expires_after`", "providers.idp.claims"),
    ];
    for (claims, words, without) in cases {
        let world = World::default();
        let mut worker = Worker::new(&world, &config.to_string());
        let stream = worker.get(&sign(&claims));
        assert_eq!(worker.verdict(stream), "token_claim_malformed", "{claims}");
        let line: Value = serde_json::from_str(worker.log.last().unwrap()).unwrap();
        let remedy = line["remedy"].as_str().unwrap();
        assert!(remedy.contains(words) && !remedy.contains(without), "{claims}: {remedy}");
    }
}
