//! What Envoy shows of the filter's metrics.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tollgate::verdict::Deny;

use super::harness::{
    Answer, Connection, Envoy, Filter, ISSUER, KeyServer, Listener, Request, Signer, Site, Token,
    Upstream, configuration, eventually, fetch, key_set,
};
use crate::documented;

/// The filter's metrics, as Prometheus would read them: the kind of each.
fn shown(envoy: &Envoy) -> BTreeMap<String, String> {
    let text = envoy.prometheus();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE tollgate_"));
    types
        .map(|line| {
            let (name, kind) = line.split_once(' ').expect("a name and a kind");
            (format!("tollgate_{name}"), kind.to_owned())
        })
        .collect()
}

/// The value of one of them.
fn value(envoy: &Envoy, name: &str) -> Option<f64> {
    let text = envoy.prometheus();
    let mut lines =
        text.lines().filter_map(|line| line.strip_prefix(&format!("tollgate_{name}{{}} ")));
    lines.next().map(|value| value.parse().expect("a number"))
}

#[test]
fn every_metric_is_documented_and_every_documented_one_shows() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])).held());
    keys.set("/revoked", Answer::json(&json!({ "entries": [] })));
    let mut main = keys.provider(ISSUER, "/keys");
    main["login"] = json!({
        "url": "https://portal.example.com", "client": { "id": "portal" },
        "seal": [{ "text": "a secret that seals what browsers keep" }],
        "endpoints": { "authorization": keys.url("/authorize"), "token": keys.url("/token") },
    });
    let providers = json!({
        "main": main,
        "org": { "kind": "introspection", "url": keys.url("/introspect"), "cluster": "keys",
                 "client": { "id": "gateway", "secret": { "text": "hush" } }, "audiences": ["api"] },
        "partner": { "kind": "api_key", "from": [{ "header": "x-api-key" }], "keys": [
            { "name": "acme", "identity": "acme",
              "sha256": "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683" }] },
    });
    let apis = json!([
        { "name": "new", "match": { "paths": ["/new"] }, "auth": ["main"], "mode": "report", "mcp": {},
          "optional": true, "rate": { "requests": 9, "per": "1s", "per_caller": true } },
        { "name": "orders", "match": { "paths": ["/orders"] }, "auth": ["main", "partner"],
          "policies": { "default": ["slow"] } },
    ]);
    let mut config = configuration(providers, apis);
    config["policies"] =
        json!({ "slow": { "rate": { "requests": 100, "per": "1h", "count": "process" } } });
    config["revoked"] = json!({ "url": keys.url("/revoked"), "cluster": "keys", "refresh": "1s",
                                "on_stale": "allow" });
    for table in ["sessions", "limits"] {
        config[table] = json!({ "capacity": 64 });
    }
    // It is asked about the API's rate alone, and is none.
    config["limits"]["remote"] =
        json!({ "service": "ratelimit", "cluster": "keys", "replicas": 2 });
    let listener = Listener::new(&Filter::new(&config));
    let site = Site::new("metrics", upstream.port()).cluster("keys", keys.port()).workers(2);
    let envoy = Envoy::start(&site.listener(&listener).wasm_log("info"));
    let mut expected =
        documented::metrics_of(&["main"], &["new", "orders"], &Deny::ALL.map(Deny::code));
    // Only who is asked about tokens has these.
    expected.retain(|name, _| {
        !(name.starts_with("tollgate_introspection_") && name.ends_with("_main"))
    });
    for outcome in ["cached", "failed", "inactive", "ok"] {
        expected.insert(format!("tollgate_introspection_{outcome}_org"), "counter");
    }
    for provider in ["org", "partner"] {
        expected.insert(format!("tollgate_provider_allowed_{provider}"), "counter");
        expected.insert(format!("tollgate_provider_denied_{provider}"), "counter");
    }
    let expected: BTreeMap<_, _> =
        expected.into_iter().map(|(name, kind)| (name, kind.to_owned())).collect();

    // Before a request and before the keys: all but the age of keys that are not there.
    let mut at_first = expected.clone();
    at_first.remove("tollgate_keys_age_seconds_main");
    assert_eq!(shown(&envoy), at_first);
    assert_eq!(value(&envoy, "denied_token_expired"), Some(0.0));

    let token = signer.sign(&Token::of("alice"));
    let mut waiting = Connection::open(listener.port);
    waiting.send(&Request::get("/orders").bearer(&token).bytes()).expect("a request sent");
    eventually("a request to wait", || value(&envoy, "parked") == Some(1.0));
    eventually("the fetch", || keys.hits("/keys") == 1);
    keys.release();
    assert_eq!(waiting.response().expect("an answer").status(), 200);
    let late = signer.sign(&Token::of("alice").claim("exp", 1));
    let ask = |path: &str, name: &str, value: &str| {
        fetch(listener.port, &Request::get(path).header(name, value)).status()
    };
    for _ in 0..8 {
        assert_eq!(ask("/orders", "authorization", &format!("Bearer {token}")), 200);
    }
    assert_eq!(ask("/orders", "authorization", &format!("Bearer {late}")), 401);
    assert_eq!(ask("/new", "authorization", &format!("Bearer {late}")), 200);
    assert_eq!(ask("/orders", "x-api-key", "key"), 200);
    assert_eq!(ask("/orders", "x-api-key", "another"), 401);
    assert_eq!(ask("/elsewhere", "x-api-key", "key"), 403);

    let counts = [
        ("allowed", 10.0),
        ("denied_token_expired", 1.0),
        ("denied_api_unknown", 1.0),
        ("would_deny_token_expired", 1.0),
        ("api_allowed_orders", 10.0),
        ("api_denied_orders", 2.0),
        ("api_allowed_new", 0.0),
        ("provider_allowed_main", 9.0),
        ("provider_denied_main", 1.0),
        ("provider_allowed_partner", 1.0),
        ("provider_denied_partner", 1.0),
        ("config_accepted", 1.0),
        ("config_rejected", 0.0),
        ("keys_fetch_ok_main", 1.0),
        ("parked", 0.0),
        ("parked_total", 1.0),
        ("session_records", 2.0),
        ("limit_records", 2.0),
        // Every request but none twice, and the one that waited.
        ("filter_us_count", 14.0),
        ("keys_wait_ms_count", 1.0),
    ];
    for (name, expected) in counts {
        eventually(name, || value(&envoy, name) == Some(expected));
    }
    // Both workers may have verified the token; each signature of the late one was checked.
    let all = ["cached", "host", "wasm"].map(|by| value(&envoy, &format!("verified_{by}")));
    let [cached, host, wasm] = all.map(|count| count.expect("a counter"));
    assert_eq!(cached + wasm, 11.0, "{all:?}");
    assert_eq!(host, 0.0, "Ed25519 is the filter's own");
    assert!(value(&envoy, "filter_us_sum").is_some_and(|sum| sum > 0.0));
    eventually("the keys to age", || {
        value(&envoy, "keys_age_seconds_main").is_some_and(|age| age >= 1.0)
    });
    assert_eq!(shown(&envoy), expected, "and nothing but what is documented");
    envoy.assert_clean(&[token, late]);
}

#[test]
fn configurations_are_counted_accepted_and_refused() {
    let (upstream, keys) = (Upstream::start(), KeyServer::start());
    let with_realm = |realm: &str| {
        let providers = json!({ "main": keys.provider(ISSUER, "/keys") });
        let mut config = configuration(providers, Value::Null);
        config["realm"] = json!(realm);
        config.to_string()
    };
    let first = Listener::new(&Filter::raw(&with_realm("first")));
    let site = Site::new("metrics-config", upstream.port()).cluster("keys", keys.port()).workers(3);
    let envoy = Envoy::start(&site.listener(&first).discovered().wasm_log("info"));
    let counts =
        || ["accepted", "rejected"].map(|end| envoy.counter(&format!("tollgate_config_{end}")));
    eventually("the first", || counts() == [1, 0]);
    let steps = [
        // configuration, the realm in force then, accepted and rejected so far
        ("{}".to_owned(), "first", [1, 1]),
        (with_realm("second"), "second", [2, 1]),
        ("{ providers".to_owned(), "second", [2, 2]),
        (with_realm("third"), "third", [3, 2]),
    ];
    let challenge = || fetch(first.port, &Request::get("/x")).header("www-authenticate");
    for (config, realm, expected) in steps {
        envoy.deliver(&[Listener::new(&Filter::raw(&config)).in_place_of(first.port)]);
        eventually(&config, || counts() == expected);
        eventually(realm, || challenge().is_some_and(|said| said.contains(realm)));
    }
    // Envoy remembers what it has tried: the same mistake is not tried, so not counted, again.
    let refused = || envoy.stat("listener_manager.lds.update_rejected");
    let before = refused();
    envoy.deliver(&[Listener::new(&Filter::raw("{}")).in_place_of(first.port)]);
    eventually("the same mistake", || refused() > before);
    assert_eq!(counts(), [3, 2]);
    envoy.assert_no_trap();
}

#[test]
fn a_provider_that_is_gone_leaves_no_age_behind_and_the_page_makes_no_metric() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    keys.set("/old", Answer::json(&key_set(&[&signer])));
    let with = |old: bool| {
        let mut providers = json!({ "main": keys.provider(ISSUER, "/keys") });
        if old {
            providers["old"] = keys.provider("https://old.example.com", "/old");
        }
        let mut config = configuration(providers, Value::Null);
        // SHA-256 of `key`.
        let hash = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683";
        config["status"] = json!({ "path": "/.tollgate", "key_sha256": hash });
        Listener::new(&Filter::new(&config))
    };
    let first = with(true);
    let site = Site::new("metrics-gone", upstream.port()).cluster("keys", keys.port()).workers(2);
    let envoy = Envoy::start(&site.listener(&first).discovered().wasm_log("info"));
    let age = |name: &str| value(&envoy, &format!("keys_age_seconds_{name}"));
    eventually("both to age", || {
        ["main", "old"].iter().all(|name| age(name).is_some_and(|age| age >= 1.0))
    });
    let page = || fetch(first.port, &Request::get("/.tollgate").bearer("key"));
    assert!(page().text().contains("https://old.example.com"));
    let reported = |name: &String| name.starts_with("tollgate_would_deny_");
    assert_eq!(shown(&envoy).into_keys().find(reported), None);
    envoy.deliver(&[with(false).in_place_of(first.port)]);
    eventually("the new configuration", || !page().text().contains("https://old.example.com"));
    eventually("the old listener to be gone", || {
        envoy.stat("listener_manager.total_listeners_draining") == 0
    });
    eventually("its age to be taken back", || age("old") == Some(0.0));
    eventually("the other to age on", || age("main").is_some_and(|age| age >= 1.0));
    envoy.assert_no_trap();
}
