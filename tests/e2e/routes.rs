//! APIs by Envoy's routes: their names, and what their metadata names.

use serde_json::{Value, json};

use super::harness::{
    Answer, Envoy, Filter, ISSUER, KeyServer, Listener, Request, Signer, Site, Token, Upstream,
    configuration, fetch, key_set,
};

/// A route for all below a path; null is no name, no metadata.
fn route(path: &str, name: Value, tollgate: Value) -> Value {
    let mut route = json!({ "match": { "prefix": path }, "route": { "cluster": "upstream" } });
    if !name.is_null() {
        route["name"] = name;
    }
    if !tollgate.is_null() {
        route["metadata"] = json!({ "filter_metadata": { "tollgate": tollgate } });
    }
    route
}

#[test]
fn an_api_can_be_envoys_route_or_what_its_metadata_names() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    let providers = json!({ "main": keys.provider(ISSUER, "/keys") });
    let apis = json!([
        { "name": "listed", "match": { "routes": ["listed", "both"] }, "auth": ["main"] },
        { "name": "named", "match": { "route_metadata": true }, "auth": ["main"] },
        { "name": "gets", "match": { "route_metadata": true, "methods": ["GET"] }, "auth": ["main"] },
        { "name": "rest", "auth": "none" },
    ]);
    let routes = json!([
        route("/listed", json!("listed"), Value::Null),
        route("/both", json!("both"), json!({ "api": "named" })),
        route("/named", json!("other"), json!({ "api": "named" })),
        route("/gets", Value::Null, json!({ "api": "gets" })),
        route("/beside", json!("beside"), json!({ "other": "named" })),
        route("/null", json!("null"), json!({ "api": null })),
        route("/typo", json!("typo"), json!({ "api": "name" })),
        route("/empty", json!("empty"), json!({ "api": "" })),
        route("/number", json!("number"), json!({ "api": 5 })),
        route("/list", json!("list"), json!({ "api": ["named"] })),
        route("/object", json!("object"), json!({ "api": { "named": true } })),
        route("/plain", Value::Null, Value::Null),
    ]);
    let filter = Filter::new(&configuration(providers, apis));
    let listener = Listener::new(&filter).routes(routes);
    let site = Site::new("routes", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener));

    let cases = [
        // method, path, status, code, API
        ("GET", "/listed", 401, "credential_missing", "listed"),
        ("GET", "/both", 401, "credential_missing", "listed"),
        ("GET", "/named", 401, "credential_missing", "named"),
        ("GET", "/gets", 401, "credential_missing", "gets"),
        ("POST", "/gets", 200, "", "rest"),
        ("GET", "/beside", 200, "", "rest"),
        ("GET", "/null", 200, "", "rest"),
        ("GET", "/typo", 403, "api_unknown", ""),
        ("GET", "/empty", 403, "api_unknown", ""),
        ("GET", "/number", 403, "api_unknown", ""),
        ("GET", "/list", 403, "api_unknown", ""),
        ("GET", "/object", 403, "api_unknown", ""),
        ("GET", "/plain", 200, "", "rest"),
        ("GET", "/nowhere", 404, "", "rest"),
    ];
    for (number, (method, path, status, code, api)) in cases.into_iter().enumerate() {
        let target = format!("{path}/{number}");
        let request = Request::new(method, &target).body("");
        let response = fetch(listener.port, &request);
        assert_eq!(response.verdict(), (status, code.to_owned()), "{method} {path}");
        assert_eq!(envoy.access(&target)["api"].as_str().unwrap_or_default(), api, "{path}");
    }
    let token = signer.sign(&Token::of("alice"));
    for path in ["/listed", "/named", "/gets"] {
        assert_eq!(
            fetch(listener.port, &Request::get(path).bearer(&token)).status(),
            200,
            "{path}"
        );
    }
    envoy.assert_clean(&[token]);
}

#[test]
fn envoy_chooses_the_route_anew_by_what_tollgate_sends_on() {
    let (upstream, keys) = (Upstream::start(), KeyServer::start());
    let mut provider = keys.provider(ISSUER, "/keys");
    provider["upstream"] = json!({ "headers": { "x-role": "role" } });
    let apis = json!([
        { "name": "open", "match": { "routes": ["open"] }, "auth": "none" },
        { "name": "rest", "auth": ["main"] },
    ]);
    let by_header = |header: &str| {
        let mut open = route("/", json!("open"), Value::Null);
        open["match"]["headers"] = json!([{ "name": header, "present_match": true }]);
        open
    };
    let routes =
        json!([by_header("x-role"), by_header("x-other"), route("/", json!("rest"), Value::Null)]);
    let filter = Filter::new(&configuration(json!({ "main": provider }), apis));
    let listener = Listener::new(&filter).routes(routes);
    let site = Site::new("rerouted", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener));
    // What Tollgate does not touch stays, and so does the route.
    let response = fetch(listener.port, &Request::get("/other").header("x-other", "1"));
    assert_eq!(response.status(), 200);
    assert_eq!(envoy.access("/other")["route"], "open");
    // A header that Tollgate removes is gone when Envoy chooses again: docs/config.md warns of it.
    let response = fetch(listener.port, &Request::get("/role").header("x-role", "1"));
    assert_eq!(response.status(), 200);
    assert_eq!(envoy.access("/role")["api"], "open");
    assert_eq!(envoy.access("/role")["route"], "rest");
    envoy.assert_no_trap();
}

#[test]
fn a_filter_before_tollgate_can_change_the_route_behind_its_back() {
    let upstream = Upstream::start();
    let apis = json!([
        { "name": "open", "match": { "routes": ["open"] }, "auth": "none" },
        { "name": "rest", "auth": "none" },
    ]);
    let mut open = route("/", json!("open"), Value::Null);
    open["match"]["headers"] = json!([{ "name": "x-role", "present_match": true }]);
    let changes_headers = json!({
        "name": "envoy.filters.http.lua",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": { "inline_string":
                "function envoy_on_request(handle) handle:headers():remove('x-role') end" }
        }
    });
    let filter = Filter::new(&configuration(json!({}), apis));
    let listener = Listener::new(&filter)
        .before(changes_headers)
        .routes(json!([open, route("/", json!("rest"), Value::Null)]));
    let envoy = Envoy::start(&Site::new("behind", upstream.port()).listener(&listener));
    // Envoy tells the route that it chose first, and goes by the one that it chooses last:
    // docs/config.md warns of it.
    let response = fetch(listener.port, &Request::get("/role").header("x-role", "1"));
    assert_eq!(response.status(), 200);
    assert_eq!(envoy.access("/role")["api"], "open");
    assert_eq!(envoy.access("/role")["route"], "rest");
}

#[test]
fn envoy_is_asked_only_for_what_the_configuration_looks_at() {
    let upstream = Upstream::start();
    let matches = [
        (json!({ "methods": ["GET"] }), 0),
        (json!({ "routes": ["a"] }), 1),
        (json!({ "route_metadata": true }), 1),
        (json!({ "routes": ["a"], "route_metadata": true }), 2),
    ];
    let mut site = Site::new("asked", upstream.port());
    let mut cases = Vec::new();
    for (matched, expected) in matches {
        let apis = json!([{ "name": "a", "match": matched, "auth": "none" }]);
        let filter = Filter::new(&configuration(json!({}), apis));
        let listener =
            Listener::new(&filter).routes(json!([route("/", json!("a"), json!({ "api": "a" }))]));
        site = site.listener(&listener);
        cases.push((listener.port, matched, expected));
    }
    let envoy = Envoy::start(&site);
    let asked = || envoy.log().matches("[vm->host] env.proxy_get_property(").count();
    for (port, matched, expected) in cases {
        let before = asked();
        assert_eq!(fetch(port, &Request::get("/")).status(), 200, "{matched}");
        assert_eq!(asked() - before, expected, "{matched}");
    }
}
