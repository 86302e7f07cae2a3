//! What an API compares with requests, through the whole engine: what goes upstream of the headers
//! that it reads, and what operators read of a decision. docs/object-authorization.md has the cases
//! (`tests/guides`).

mod support;

use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use support::token::{AUDIENCE, ISSUER, Signer, Token};
use support::world::{Worker, World, head, upstream};
use tollgate::event::{Event, Section};
use tollgate::http::Fields;

const EXPLAIN_KEY: &str = "open-sesame";

fn config(changes: Value) -> String {
    let explain = Sha256::digest(EXPLAIN_KEY).into_iter().map(|byte| format!("{byte:02x}"));
    let mut config = json!({
        "explain": { "key_sha256": explain.collect::<String>() },
        "providers": { "idp": {
            "issuer": ISSUER, "audiences": [AUDIENCE],
            "jwks": { "inline": { "keys": [Signer::new("k1").jwk()] } },
        } },
        "apis": [
            { "name": "users", "match": { "paths": ["/users/{id}/**"] }, "auth": ["idp"],
              "require": [{ "claim": "sub", "matches": { "path": "id" } }] },
            { "name": "tenants", "match": { "paths": ["/tenants/**"] }, "auth": ["idp"],
              "cors_preflight": "pass",
              "require": [{ "claim": "tenants", "matches": { "header": "X-Tenant" } },
                          { "session": "identity", "matches": { "query": "user" } }] },
            { "name": "rest", "auth": ["idp"] },
        ],
    });
    for (name, value) in changes.as_object().unwrap() {
        config[name] = value.clone();
    }
    config.to_string()
}

fn bearer() -> String {
    let token = Token::for_identity("alice").claim("tenants", json!(["acme", "beta"]));
    format!("Bearer {}", Signer::new("k1").sign(&token))
}

#[test]
fn a_compared_header_goes_on_in_its_exact_name_alone_where_it_is_compared() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config(json!({})));
    let bearer = bearer();
    let spellings = ["x_tenant", "X.Tenant", "x~tenant", "x!TENANT"];
    for (path, comes) in [("/tenants/1?user=alice", false), ("/rest", true), ("/users/alice", true)]
    {
        for name in spellings {
            let sent = [("authorization", &*bearer), ("X-Tenant", "acme"), (name, "mallory")];
            let stream = worker.request(head("GET", path, &sent));
            assert_eq!(worker.verdict(stream), "forwarded", "{path}");
            let left = upstream(&worker, stream, &sent);
            let has = |name: &str| left.iter().any(|(found, _)| found == name);
            assert!(has("X-Tenant"), "{path}: {left:?}");
            assert_eq!(has(name), comes, "{path}: {name}: {left:?}");
        }
    }
    // Nor does what is only like it stay away.
    let sent = [("authorization", &*bearer), ("x-tenant", "acme"), ("x-tenants", "mallory")];
    let stream = worker.request(head("GET", "/tenants/1?user=alice", &sent));
    assert_eq!(upstream(&worker, stream, &sent)[..2].len(), 2);
    // A preflight is compared with nothing, and carries no copy either.
    let sent = [
        ("origin", "https://a.example"),
        ("access-control-request-method", "GET"),
        ("x_tenant", "x"),
    ];
    let stream = worker.request(head("OPTIONS", "/tenants/1", &sent));
    assert_eq!(worker.verdict(stream), "forwarded");
    assert!(!upstream(&worker, stream, &sent).iter().any(|(name, _)| name == "x_tenant"));
}

#[test]
fn a_compared_header_is_no_clients_to_take_away_or_to_add_behind() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config(json!({})));
    let bearer = bearer();
    let sent =
        [("authorization", &*bearer), ("x-tenant", "acme"), ("connection", "x-tenant, x-other")];
    let stream = worker.request(head("GET", "/tenants/1?user=alice", &sent));
    let left = upstream(&worker, stream, &sent);
    assert!(left.contains(&("connection".into(), "x-other".into())), "{left:?}");
    let stream = worker.request(head("GET", "/rest", &sent));
    let left = upstream(&worker, stream, &sent);
    assert!(left.contains(&("connection".into(), "x-tenant, x-other".into())), "{left:?}");
    let fields: Fields =
        ["x-tenant", "X_Tenant", "x-tenants"].iter().map(|name| (*name, "beta")).collect();
    worker.cleaned.clear();
    worker.handle(Event::Fields { stream, section: Section::RequestTrailers, fields });
    assert_eq!(worker.cleaned, [b"x-tenant".to_vec(), b"X_Tenant".to_vec()]);
}

#[test]
fn what_only_reports_compares_and_changes_nothing() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config(json!({ "mode": "report" })));
    let bearer = bearer();
    let sent = [("authorization", &*bearer), ("x-tenant", "gamma"), ("x_tenant", "mallory")];
    let stream = worker.request(head("GET", "/tenants/1?user=alice", &sent));
    assert_eq!(worker.verdict(stream), "forwarded");
    assert_eq!(upstream(&worker, stream, &sent).len(), 3);
    assert!(worker.log.iter().any(|line| line.contains("claim_insufficient")), "{:?}", worker.log);
}

/// The reason of a refusal in the log.
fn reason(config: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let world = World::default();
    let mut worker = Worker::new(&world, config);
    let bearer = bearer();
    let sent = [&[("authorization", &*bearer)], headers].concat();
    let stream = worker.request(head("GET", path, &sent));
    assert_eq!(worker.verdict(stream), "claim_insufficient", "{path}");
    let line = worker.log.iter().find(|line| line.contains("request_denied")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["step"], "access");
    line["reason"].as_str().unwrap().to_owned()
}

#[test]
fn a_reason_shows_of_the_request_what_the_log_may_and_of_the_claim_its_type() {
    let plain = config(json!({}));
    let omit = config(json!({ "log": { "path": "omit" } }));
    let long = "b".repeat(200);
    let cut = format!("`{}…`", "b".repeat(64));
    let cases: &[(&str, &str, &[(&str, &str)], &str)] = &[
        (
            &plain,
            "/users/bob",
            &[],
            "the claim `sub` is a string, not `bob`, which is `{id}` in the path",
        ),
        (&omit, "/users/bob", &[], "the claim `sub` is a string, not what `{id}` in the path says"),
        (
            &plain,
            "/users/%60b%60%20or%20b",
            &[],
            "the claim `sub` is a string, not `\\u{60}b\\u{60} or b`, which is `{id}` in the path",
        ),
        (
            &plain,
            "/tenants/1?user=alice",
            &[("x-tenant", "gamma")],
            "the claim `tenants` is an array of 2 without what the header `X-Tenant` says",
        ),
        (
            &plain,
            "/tenants/1?user=bob",
            &[("x-tenant", "acme")],
            "the session's identity is not what the query parameter `user` says",
        ),
        (
            &plain,
            "/tenants/1",
            &[("x-tenant", "acme")],
            "the query parameter `user` is missing; it must be the session's identity",
        ),
    ];
    for (config, path, headers, expected) in cases {
        let expected = expected.replace("X-Tenant", "x-tenant");
        assert_eq!(reason(config, path, headers), expected, "{path}");
    }
    let found = reason(&plain, &format!("/users/{long}"), &[]);
    assert!(found.contains(&cut) && found.len() < 160, "{found}");
}

#[test]
fn the_steps_of_a_decision_tell_each_comparison() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config(json!({})));
    let bearer = bearer();
    let sent =
        [("authorization", &*bearer), ("x-tenant", "beta"), ("x-tollgate-explain", EXPLAIN_KEY)];
    let mut steps = |path: &str| {
        let stream = worker.request(head("GET", path, &sent));
        let answer = worker.verdict(stream);
        assert_eq!(answer, "claim_insufficient", "{path}");
        let body: Value = serde_json::from_str(&worker.reply(stream).body).unwrap();
        let steps = body["explain"]["steps"].as_array().unwrap().clone();
        let access = steps.into_iter().filter(|step| step["step"] == "access");
        access
            .map(|step| {
                format!(
                    "{}: {} ({})",
                    step["looked_at"].as_str().unwrap(),
                    step["found"].as_str().unwrap(),
                    step["decided"].as_str().unwrap()
                )
            })
            .collect::<Vec<_>>()
    };
    let found = steps("/tenants/1?user=bob");
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0], "the claim `tenants`: it is what the header `x-tenant` says (passed)");
    assert!(found[1].contains("not what the query parameter `user` says (refused)"), "{found:?}");
    let found = steps("/users/bob");
    assert!(found.len() == 1 && found[0].contains("not `bob`"), "{found:?}");
}

proptest! {
    /// Whatever a client writes into the path: what passes is its own, for whoever splits at slashes
    /// and decodes once.
    #[test]
    fn nothing_but_its_own_passes(
        before in "(|b|%2[fF]|\\.|%25|%20)",
        own in "(a|%61|%41|%2561)(l|%6[cC])i(c|C|%63)e",
        behind in "(||b|;|;b|%3[bB]|/\\.\\.|%2[fF]|%20|%00|\\+)",
    ) {
        let world = World::default();
        let mut worker = Worker::new(&world, &config(json!({})));
        let segment = format!("{before}{own}{behind}");
        let path = format!("/users/{segment}/orders");
        let bearer = bearer();
        let stream = worker.request(head("GET", &path, &[("authorization", &bearer)]));
        let once = ["%61", "a", "%6c", "l", "%6C", "l", "%63", "c"];
        let once = once.chunks(2).fold(segment, |text, pair| text.replace(pair[0], pair[1]));
        let is_own = once == "alice";
        prop_assert_eq!(worker.verdict(stream) == "forwarded", is_own, "{}", path);
    }
}
