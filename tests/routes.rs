//! APIs by the proxy's routes, through the whole engine.

mod support;

use serde_json::json;
use support::token::{AUDIENCE, ISSUER, Signer, Token};
use support::world::{Worker, World, head};
use tollgate::config::Config;
use tollgate::engine::Engine;
use tollgate::http::Route;

fn config(apis: &serde_json::Value) -> String {
    let idp = json!({ "issuer": ISSUER, "audiences": [AUDIENCE],
                      "jwks": { "inline": { "keys": [Signer::new("k1").jwk()] } } });
    json!({ "providers": { "idp": idp }, "apis": apis }).to_string()
}

fn route(name: &str, api: &str) -> Route {
    let given = |text: &str| Some(text.into()).filter(|_| !text.is_empty());
    Route { name: given(name), api: given(api) }
}

#[test]
fn the_route_decides_which_api_judges() {
    let config = config(&json!([
        { "name": "strict", "match": { "routes": ["strict"] }, "auth": ["idp"], "scopes": ["admin"] },
        { "name": "files", "match": { "route_metadata": true, "methods": ["GET"] }, "auth": ["idp"] },
        { "name": "orders", "match": { "route_metadata": true }, "auth": ["idp"], "scopes": ["admin"] },
        { "name": "unlisted", "match": { "hosts": ["other.example.com"] }, "auth": ["idp"] },
        { "name": "open", "match": { "methods": ["GET", "PUT"] }, "auth": "none" },
    ]));
    let cases = [
        // name, method, the route's name, the API in its metadata, API, verdict
        ("a listed route", "GET", "strict", "", "strict", "scope_insufficient"),
        ("another route", "GET", "strict-too", "", "open", "forwarded"),
        ("no route", "GET", "", "", "open", "forwarded"),
        ("metadata", "GET", "", "files", "files", "forwarded"),
        ("metadata, by another method", "PUT", "", "files", "open", "forwarded"),
        ("metadata, by a method of no API", "DELETE", "", "files", "", "api_unknown"),
        ("metadata for another", "GET", "", "orders", "orders", "scope_insufficient"),
        (
            "a listed route before metadata",
            "GET",
            "strict",
            "files",
            "strict",
            "scope_insufficient",
        ),
        ("metadata with a typo", "GET", "", "order", "", "api_unknown"),
        ("the same on a listed route", "GET", "strict", "order", "", "api_unknown"),
        ("metadata in capitals", "GET", "", "Orders", "", "api_unknown"),
        ("metadata for an API that does not ask", "GET", "", "open", "", "api_unknown"),
        ("metadata that is a number", "GET", "", "\0\0\0\0\0\0\u{14}@", "", "api_unknown"),
    ];
    let world = World::default();
    let token = Signer::new("k1").sign(&Token::for_identity("alice"));
    for (name, method, on, api, expected, verdict) in cases {
        let mut worker = Worker::new(&world, &config);
        let head = head(method, "/", &[("authorization", &format!("Bearer {token}"))]);
        let stream = worker.request_on(route(on, api), head);
        assert_eq!(worker.verdict(stream), verdict, "{name}");
        let noted = worker.notes.get(&(stream, "tollgate.api")).map(String::as_str);
        assert_eq!(noted.unwrap_or_default(), expected, "{name}");
    }
}

#[test]
fn a_refusal_says_what_the_route_was() {
    let config = config(&json!([
        { "name": "a", "match": { "routes": ["a"] }, "auth": ["idp"] },
        { "name": "b", "match": { "route_metadata": true }, "auth": ["idp"] },
    ]));
    let cases = [
        (
            route("x", ""),
            "no API matches method `GET` and host `api.example.com` on the route `x`, or the path; `a` \
             takes routes `a`; `b` takes routes whose metadata names it",
        ),
        (
            route("", ""),
            "no API matches method `GET` and host `api.example.com`, or the path; `a` takes routes `a`; \
             `b` takes routes whose metadata names it",
        ),
        (
            route("", "c\n"),
            r"the route's metadata names the API `c\u{a}`, and no API of that name has `route_metadata`",
        ),
    ];
    let world = World::default();
    for (route, reason) in cases {
        let mut worker = Worker::new(&world, &config);
        let stream = worker.request_on(route, head("GET", "/", &[]));
        assert_eq!(worker.verdict(stream), "api_unknown");
        let line: serde_json::Value = serde_json::from_str(worker.log.last().unwrap()).unwrap();
        assert_eq!(line["reason"], reason);
    }
}

#[test]
fn a_request_that_waits_keeps_the_route_that_it_came_on() {
    let signer = Signer::new("k1");
    let config = json!({
        "providers": { "idp": { "issuer": ISSUER, "audiences": [AUDIENCE],
                                "jwks": { "url": "https://id.example.com/keys", "cluster": "idp" } } },
        "apis": [{ "name": "a", "match": { "routes": ["a"], "route_metadata": true }, "auth": ["idp"] }],
    });
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    let token = signer.sign(&Token::for_identity("alice"));
    let head = head("GET", "/", &[("authorization", &format!("Bearer {token}"))]);
    let stream = worker.request_on(route("a", "a"), head);
    assert_eq!(worker.verdict(stream), "waiting");
    worker.fetch(&json!({ "keys": [signer.jwk()] }).to_string());
    assert_eq!(worker.verdict(stream), "forwarded");
}

#[test]
fn the_engine_asks_only_for_what_the_configuration_looks_at() {
    let cases = [
        (json!([{ "name": "a", "match": { "paths": ["/a"] }, "auth": "none" }]), (false, false)),
        (
            json!([{ "name": "a", "match": { "route_metadata": false }, "auth": "none" }]),
            (false, false),
        ),
        (json!([{ "name": "a", "match": { "routes": ["a"] }, "auth": "none" }]), (true, false)),
        (
            json!([{ "name": "a", "match": { "route_metadata": true }, "auth": "none" }]),
            (false, true),
        ),
    ];
    for (apis, expected) in cases {
        let config = Config::parse(config(&apis).as_bytes()).unwrap();
        let engine = Engine::new(config, "root");
        let asked = engine.host_questions();
        let asked = (asked.route_name, asked.route_api);
        assert_eq!(asked, expected, "{apis}");
    }
}
