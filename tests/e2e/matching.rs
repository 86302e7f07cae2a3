//! Which API a request belongs to, with Envoy's normalisation and without, and the filters behind
//! that go by what was found.

use serde_json::{Value, json};

use super::harness::{
    Answer, Envoy, Filter, ISSUER, KeyServer, Listener, Request, Signer, Site, Token, Upstream,
    configuration, fetch, key_set,
};

fn apis() -> Value {
    json!([
        { "name": "health", "match": { "paths": ["/health"], "methods": ["GET"] }, "auth": "none" },
        { "name": "public", "match": { "paths": ["/public/**"] }, "auth": "none" },
        { "name": "item", "match": { "paths": ["/items/{id}/open", "/items/*/shut"] }, "auth": "none" },
        { "name": "host", "match": { "hosts": ["open.example.com", "*.apps.example.com"],
                                     "paths": ["/hosted"] }, "auth": "none" },
        { "name": "orders", "match": { "hosts": ["api.example.com"], "paths": ["/orders/**"],
                                       "methods": ["GET", "POST"] }, "auth": ["main"] },
        { "name": "rest", "auth": ["main"] },
    ])
}

/// What becomes of a request without a credential: it passes, is asked for one by an API, or is
/// refused because of its path or host, by us or by Envoy itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    Open,
    Api(&'static str),
    Ambiguous,
    Envoy,
}
use Outcome::{Ambiguous, Api, Envoy as ByEnvoy, Open};

#[test]
fn requests_belong_to_the_first_api_that_matches_and_odd_paths_to_none() {
    let (upstream, keys) = (Upstream::start(), KeyServer::start());
    let providers = json!({ "main": keys.provider(ISSUER, "/keys") });
    let filter = Filter::new(&configuration(providers, apis()));
    let raw = Listener::new(&filter).raw();
    let normal = Listener::new(&filter);
    let site = Site::new("matching", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&raw).listener(&normal));

    // name, host, method, target, without normalisation, with it
    let host = "api.example.com";
    let cases = [
        ("exact", host, "GET", "/health", Open, Open),
        ("a trailing slash", host, "GET", "/health/", Open, Open),
        ("a query", host, "GET", "/health?x=1", Open, Open),
        ("another method", host, "POST", "/health", Api("rest"), Api("rest")),
        ("a method in lower case", host, "get", "/health", ByEnvoy, ByEnvoy),
        ("a method nobody knows", host, "FOO", "/health", ByEnvoy, ByEnvoy),
        ("a method few know", host, "PROPFIND", "/health", Api("rest"), Api("rest")),
        ("HEAD is not GET", host, "HEAD", "/health", Api("rest"), Api("rest")),
        ("deeper than exact", host, "GET", "/health/x", Api("rest"), Api("rest")),
        ("another case", host, "GET", "/Health", Api("rest"), Api("rest")),
        ("any depth, none", host, "GET", "/public", Open, Open),
        ("any depth, three", host, "GET", "/public/a/b/c", Open, Open),
        ("a prefix of characters", host, "GET", "/publicity", Api("rest"), Api("rest")),
        ("a prefix with a dash", host, "GET", "/public-admin", Api("rest"), Api("rest")),
        ("one segment", host, "GET", "/items/7/open", Open, Open),
        ("one segment by a star", host, "GET", "/items/7/shut", Open, Open),
        ("two segments for one", host, "GET", "/items/7/8/open", Api("rest"), Api("rest")),
        ("encoded letters", host, "GET", "/p%75blic/x", Open, Open),
        ("a public path in the query", host, "GET", "/admin?x=/public", Api("rest"), Api("rest")),
        ("a final dot in a name", host, "GET", "/admin.", Api("rest"), Api("rest")),
        ("an encoded space", host, "GET", "/admin%20", Api("rest"), Api("rest")),
        ("a dotted name", host, "GET", "/public/..x", Open, Open),
        ("host and method", host, "GET", "/orders/7", Api("orders"), Api("orders")),
        (
            "host with port",
            "api.example.com:8443",
            "GET",
            "/orders/7",
            Api("orders"),
            Api("orders"),
        ),
        (
            "two hosts",
            "open.example.com\r\nHost: api.example.com",
            "GET",
            "/hosted",
            Ambiguous,
            Ambiguous,
        ),
        ("host in upper case", "API.Example.com", "GET", "/orders/7", Api("orders"), Api("orders")),
        (
            "host with a final dot",
            "api.example.com.",
            "GET",
            "/orders/7",
            Api("orders"),
            Api("orders"),
        ),
        ("another host", "x.example.com", "GET", "/orders/7", Api("rest"), Api("rest")),
        ("the method is not listed", host, "DELETE", "/orders/7", Api("rest"), Api("rest")),
        ("an exact host", "open.example.com", "GET", "/hosted", Open, Open),
        ("a host below", "one.apps.example.com", "GET", "/hosted", Open, Open),
        ("two hosts below", "a.b.apps.example.com", "GET", "/hosted", Open, Open),
        ("not the parent itself", "apps.example.com", "GET", "/hosted", Api("rest"), Api("rest")),
        ("not a longer name", "evilapps.example.com", "GET", "/hosted", Api("rest"), Api("rest")),
        ("dot segments", host, "GET", "/public/../admin", Ambiguous, Api("rest")),
        ("encoded dots", host, "GET", "/public/%2e%2e/admin", Ambiguous, Api("rest")),
        ("half encoded dots", host, "GET", "/public/.%2E/admin", Ambiguous, Api("rest")),
        ("one dot", host, "GET", "/./public/x", Ambiguous, Open),
        ("a final dot segment", host, "GET", "/admin/.", Ambiguous, Api("rest")),
        ("two slashes", host, "GET", "//public//x", Ambiguous, Open),
        ("an encoded slash", host, "GET", "/public%2f..%2fadmin", Ambiguous, ByEnvoy),
        ("an encoded slash in upper case", host, "GET", "/public/a%2Fb", Ambiguous, ByEnvoy),
        ("an encoded backslash", host, "GET", "/public/a%5Cb", Ambiguous, ByEnvoy),
        ("a backslash", host, "GET", "/public\\..\\admin", Ambiguous, Api("rest")),
        ("encoded twice", host, "GET", "/public/%252e%252e%252fadmin", Open, Open),
        ("a parameter before dots", host, "GET", "/public/..;/admin", Ambiguous, Api("rest")),
        (
            "a parameter that hides a segment",
            host,
            "GET",
            "/public;/../admin",
            Ambiguous,
            Api("rest"),
        ),
        ("a parameter that changes the API", host, "GET", "/health;x=1", Ambiguous, Ambiguous),
        ("an encoded parameter that does", host, "GET", "/health%3Bx=1", Ambiguous, Ambiguous),
        ("a parameter that changes nothing", host, "GET", "/admin;x=1", Api("rest"), Api("rest")),
        ("an encoded NUL", host, "GET", "/admin%00", Ambiguous, ByEnvoy),
        ("an encoded tab", host, "GET", "/admin%09", Ambiguous, Ambiguous),
        ("an encoded fragment", host, "GET", "/public/%23x", Ambiguous, Ambiguous),
        ("an overlong slash", host, "GET", "/public/%c0%af", Ambiguous, Ambiguous),
        ("escaped bytes that are no UTF-8", host, "GET", "/public/%ff", Ambiguous, Ambiguous),
        ("a fragment", host, "GET", "/public#/../admin", ByEnvoy, ByEnvoy),
        ("the server as a whole", host, "OPTIONS", "*", ByEnvoy, ByEnvoy),
        ("a whole URL", host, "GET", "http://api.example.com/admin", Api("rest"), Api("rest")),
        ("another host's URL", host, "GET", "http://open.example.com/hosted", Open, Open),
    ];
    for (listener, normalised) in [(&raw, false), (&normal, true)] {
        for (name, host, method, target, without, with) in cases {
            let expected = if normalised { with } else { without };
            let request = Request::new(method, target).host(host);
            let found = outcome(&envoy, listener.port, &request, method == "HEAD", expected);
            assert_eq!(found, expected, "{name}, normalised: {normalised}");
        }
    }
    // What a client says about another path or method is not what is decided about.
    for (name, value) in [
        ("X-Original-URL", "/public/x"),
        ("X-Rewrite-URL", "/public/x"),
        ("X-Forwarded-Uri", "/public/x"),
        ("X-Envoy-Original-Path", "/public/x"),
        ("X-Forwarded-Host", "open.example.com"),
    ] {
        let request = Request::get("/hosted").header(name, value);
        assert_eq!(outcome(&envoy, raw.port, &request, false, Open), Api("rest"), "{name}");
    }
    let request = Request::new("POST", "/health").header("X-HTTP-Method-Override", "GET").body("");
    assert_eq!(outcome(&envoy, raw.port, &request, false, Open), Api("rest"));
    envoy.assert_no_trap();
}

/// What became of a request; which API asked is in the log, under the request's id.
fn outcome(
    envoy: &Envoy,
    port: u16,
    request: &Request,
    bodiless: bool,
    expected: Outcome,
) -> Outcome {
    if bodiless {
        // The response to HEAD announces a body that does not come: the status must do.
        let mut connection = super::harness::Connection::open(port);
        let status = connection.status_only(request);
        return if status == 401 { expected } else { Open };
    }
    let response = fetch(port, request);
    match response.verdict() {
        (200, _) => Open,
        (400, code) if code == "path_ambiguous" || code == "host_ambiguous" => Ambiguous,
        (401, code) if code == "credential_missing" => {
            let id = response.json()["request_id"].clone();
            let lines = envoy.refusals();
            let line = lines.iter().rev().find(|line| line["request_id"] == id);
            let line = line.unwrap_or_else(|| panic!("no log line for request {id}"));
            match line["api"].as_str() {
                Some("orders") => Api("orders"),
                Some("rest") => Api("rest"),
                other => panic!("refused by API {other:?}"),
            }
        }
        (307 | 400 | 404, code) if code.is_empty() => ByEnvoy,
        other => panic!("{other:?} for {request:?}: {}", response.text()),
    }
}

#[test]
fn without_any_path_in_the_configuration_no_path_is_refused() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    let providers = json!({ "main": keys.provider(ISSUER, "/keys") });
    let filter = Filter::new(&configuration(providers, Value::Null));
    let listener = Listener::new(&filter).raw();
    let site = Site::new("pathless", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener));
    let token = signer.sign(&Token::of("alice"));
    for path in ["/a//b", "/a/../b", "/a%2fb", "/a;b"] {
        let response = fetch(listener.port, &Request::get(path).bearer(&token));
        assert_eq!(response.status(), 200, "{path}: {}", response.text());
        let line = upstream.only(path).start;
        assert_eq!(line, format!("GET {path} HTTP/1.1"), "nothing is rewritten");
        assert_eq!(fetch(listener.port, &Request::get(path)).status(), 401, "{path}");
    }
    envoy.assert_clean(&[token]);
}

#[test]
fn envoys_own_authorization_can_go_by_the_identity() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    let providers = json!({ "main": keys.provider(ISSUER, "/keys") });
    let filter = Filter::new(&configuration(providers, Value::Null));
    let rules = json!({
        "name": "envoy.filters.http.rbac",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": { "action": "ALLOW", "policies": { "alice-only": {
                "permissions": [{ "any": true }],
                "principals": [{ "filter_state": { "key": "wasm.tollgate.identity",
                                                   "string_match": { "exact": "alice" } } }]
            } } }
        }
    });
    let listener = Listener::new(&filter).then(rules);
    let site = Site::new("rbac", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener));
    let (alice, bob) = (signer.sign(&Token::of("alice")), signer.sign(&Token::of("bob")));
    let ask = |path: &str, token: &str| fetch(listener.port, &Request::get(path).bearer(token));
    assert_eq!(ask("/alice", &alice).status(), 200);
    let refused = ask("/bob", &bob);
    assert_eq!((refused.status(), refused.text().as_str()), (403, "RBAC: access denied"));
    let claimed = Request::get("/claimed").bearer(&bob).header("x-tollgate-identity", "alice");
    assert_eq!(fetch(listener.port, &claimed).status(), 403);
    assert_eq!(upstream.count(), 1);
    assert_eq!(envoy.access("/bob")["identity"], "bob");
    envoy.assert_clean(&[alice, bob]);
}
