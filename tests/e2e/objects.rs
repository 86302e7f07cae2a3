//! Claims against the path, the host, a header and the query of a request, in a real proxy with two
//! workers: what Envoy makes of a request before the filter sees it, and what the upstream then gets.

use serde_json::json;

use super::harness::{
    Answer, Envoy, Filter, Http2, ISSUER, KeyServer, Listener, RealServer, Request, Signer, Site,
    Token, Upstream, configuration, fetch, key_set,
};

fn apis() -> serde_json::Value {
    json!([
        { "name": "users", "match": { "paths": ["/users/{id}/**"] }, "auth": ["main"],
          "require": [{ "claim": "sub", "matches": { "path": "id" } }] },
        { "name": "files", "match": { "paths": ["/files/{id}/**"] }, "auth": ["main"],
          "encoded_slash": "segment", "require": [{ "session": "identity", "matches": { "path": "id" } }] },
        { "name": "tenants", "match": { "hosts": ["{tenant}.example.com"], "paths": ["/hosted/**"] },
          "auth": ["main"], "require": [{ "claim": "tenant", "matches": { "host": "tenant" } }] },
        { "name": "orgs", "match": { "paths": ["/orgs/**", "/env"] }, "auth": ["main"],
          "require": [{ "claim": "orgs", "matches": { "header": "x-org" } }] },
        { "name": "mine", "match": { "paths": ["/mine/**"] }, "auth": ["main"],
          "require": [{ "claim": "sub", "matches": { "query": "user" } }] },
    ])
}

fn token(signer: &Signer) -> String {
    let claims = Token::of("alice").claim("tenant", "acme").claim("orgs", json!(["acme", "beta"]));
    signer.sign(&claims)
}

/// How a request ends, as it comes, and where Envoy has normalised it.
type Case<'c> = (&'c str, Request, &'c str, &'c str);

const PASSES: &str = "";
const OTHER: &str = "claim_insufficient";
const ODD: &str = "path_ambiguous";
/// Envoy refuses it itself, without a code of ours.
const ENVOY: &str = "envoy";

fn cases() -> Vec<Case<'static>> {
    let get = |path: &str| Request::get(path).host("api.example.com");
    let hosted = |host: &str| Request::get("/hosted/x").host(host);
    let org = |value: &str| get("/orgs/x").header("x-org", value);
    vec![
        ("its own", get("/users/alice/x"), PASSES, PASSES),
        ("another's", get("/users/bob/x"), OTHER, OTHER),
        ("encoded once", get("/users/%61lice/x"), PASSES, PASSES),
        ("encoded twice", get("/users/%2561lice/x"), OTHER, OTHER),
        ("in capitals", get("/users/ALICE/x"), OTHER, OTHER),
        ("dots out of its own", get("/users/alice/../bob/x"), ODD, OTHER),
        ("dots into its own", get("/users/bob/../alice/x"), ODD, PASSES),
        ("encoded dots out of it", get("/users/alice/%2e%2e/bob/x"), ODD, OTHER),
        ("two slashes before it", get("/users//bob/x"), ODD, OTHER),
        ("a backslash", get("/users/alice\\..\\bob/x"), ODD, OTHER),
        ("an encoded slash in it", get("/users/alice%2F..%2Fbob/x"), ODD, ENVOY),
        ("a parameter in it", get("/users/alice;bob/x"), ODD, ODD),
        ("an encoded NUL behind it", get("/users/alice%00/x"), ODD, ENVOY),
        ("a whole URL", get("http://api.example.com/users/alice/x"), PASSES, PASSES),
        ("a whole URL of another's", get("http://api.example.com/users/bob/x"), OTHER, OTHER),
        ("its own host", hosted("acme.example.com"), PASSES, PASSES),
        ("in capitals, with a port", hosted("ACME.example.com:8443"), PASSES, PASSES),
        ("another's host", hosted("beta.example.com"), OTHER, OTHER),
        (
            "two hosts",
            hosted("acme.example.com\r\nHost: beta.example.com"),
            "host_ambiguous",
            "host_ambiguous",
        ),
        ("one element of its list", org("beta"), PASSES, PASSES),
        ("another's header", org("gamma"), OTHER, OTHER),
        ("with white space around it", org("  beta\t"), PASSES, PASSES),
        ("an empty header", org(""), OTHER, OTHER),
        ("no header", get("/orgs/x"), OTHER, OTHER),
        ("two headers", org("beta").header("x-org", "gamma"), OTHER, OTHER),
        ("the same twice", org("beta").header("X-Org", "beta"), OTHER, OTHER),
        ("two in one", org("beta, gamma"), OTHER, OTHER),
        ("another spelling", get("/orgs/x").header("x_org", "beta"), OTHER, ENVOY),
        ("its own parameter", get("/mine/x?user=al%69ce"), PASSES, PASSES),
        ("another's parameter", get("/mine/x?user=bob"), OTHER, OTHER),
        ("twice", get("/mine/x?user=alice&user=bob"), OTHER, OTHER),
        ("twice, once as an array", get("/mine/x?user=alice&user[]=bob"), OTHER, OTHER),
        ("a semicolon", get("/mine/x?user=alice;user=bob"), OTHER, OTHER),
    ]
}

#[test]
fn nobody_reaches_what_is_anothers_however_the_request_is_written() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    let providers = json!({ "main": keys.provider(ISSUER, "/keys") });
    let filter = Filter::new(&configuration(providers, apis()));
    let (raw, normal) = (Listener::new(&filter).raw(), Listener::new(&filter));
    let site = Site::new("objects", upstream.port()).workers(2).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&raw).listener(&normal));
    let token = token(&signer);
    for (listener, normalised) in [(&raw, false), (&normal, true)] {
        for (name, request, without, with) in cases() {
            let expected = if normalised { with } else { without };
            // Connections of their own, so that both workers have their share.
            for _ in 0..4 {
                let before = upstream.count();
                let answer = fetch(listener.port, &request.clone().bearer(&token));
                let found = match (answer.status(), answer.code()) {
                    (200, _) => PASSES.to_owned(),
                    (_, code) if code.is_empty() => ENVOY.to_owned(),
                    (_, code) => code,
                };
                assert_eq!(found, expected, "{name}, normalised: {normalised}: {}", answer.text());
                assert_eq!(upstream.count() > before, found == PASSES, "{name}: {normalised}");
            }
        }
    }
    // What was compared is what goes on.
    for seen in ["/users/bob/x", "/users/ALICE/x", "/mine/x?user=bob"] {
        assert!(upstream.seen(seen).is_empty(), "{seen}");
    }
    let reasons: Vec<_> = envoy.refusals();
    let has = |part: &str| {
        reasons
            .iter()
            .any(|line| line["reason"].as_str().is_some_and(|reason| reason.contains(part)))
    };
    assert!(
        has("the claim `sub` is a string, not `bob`, which is `{id}` in the path"),
        "{reasons:?}"
    );
    assert!(has("the header `x-org` has a comma"), "{reasons:?}");
    envoy.assert_clean(&[&token]);
}

#[test]
fn an_encoded_slash_never_gives_a_segment_another_value() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    let providers = json!({ "main": keys.provider(ISSUER, "/keys") });
    let listener = Listener::new(&Filter::new(&configuration(providers, apis()))).keeping_slashes();
    let site =
        Site::new("objects-slashes", upstream.port()).workers(2).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener));
    let token = token(&signer);
    for (path, expected) in [
        ("/files/alice/a%2Fb", PASSES),
        ("/files/bob/a%2Fb", OTHER),
        ("/files/alice%2Fbob/a", ODD),
        ("/files/alice/..%2Fbob/a", ODD),
        ("/files/alice%2F..%2Fbob/a", ODD),
        ("/users/alice/a%2Fb", ODD),
    ] {
        let answer = fetch(listener.port, &Request::get(path).bearer(&token));
        assert_eq!(answer.code(), expected, "{path}: {}", answer.text());
        assert_eq!(answer.status() == 200, expected == PASSES, "{path}");
    }
    envoy.assert_clean(&[&token]);
}

#[test]
fn no_spelling_of_a_compared_header_reaches_an_application() {
    let (lighttpd, wsgi) = (RealServer::lighttpd("objects"), RealServer::wsgi("objects"));
    let (keys, signer) = (KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    let providers = json!({ "main": keys.provider(ISSUER, "/keys") });
    let listener =
        Listener::new(&Filter::new(&configuration(providers, apis()))).raw().routes(json!([
            { "match": { "path": "/env" }, "route": { "cluster": "lighttpd" } },
            { "match": { "prefix": "/" }, "route": { "cluster": "wsgi" } },
        ]));
    let site = Site::new("objects-headers", wsgi.port())
        .workers(2)
        .cluster("wsgi", wsgi.port())
        .cluster("lighttpd", lighttpd.port())
        .cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener));
    let token = token(&signer);
    let mut client = Http2::open(listener.port);
    for path in ["/env", "/orgs/x"] {
        for separator in ["_", ".", "~", "!", "*", "'"] {
            let name = format!("x{separator}org");
            let request = Request::get(path).bearer(&token).header("x-org", "beta");
            let request = request.header(&name, "mallory").header("x-orgs", "stays");
            for answer in [fetch(listener.port, &request), client.fetch(&request)] {
                let text = answer.text();
                assert_eq!(answer.status(), 200, "{name} to {path}: {text}");
                assert!(!text.contains("mallory"), "{name} to {path}: {text}");
                assert!(
                    text.contains("beta") && text.contains("stays"),
                    "{name} to {path}: {text}"
                );
            }
        }
    }
    envoy.assert_clean(&[&token]);
}
