//! What may come in place of keys: it is told to the operator and never believed.

use serde_json::{Value, json};

use super::harness::{
    Answer, Envoy, Filter, KeyServer, Listener, Request, Signer, Site, Token, Upstream,
    configuration, eventually, fetch, key_set,
};

#[test]
fn whatever_comes_in_place_of_a_key_set_the_keys_in_use_stay() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    let good = key_set(&[&signer]);
    let text = good.to_string();
    let many: Vec<_> = (0..200).map(|n| Signer::new(&format!("k{n}")).jwk()).collect();
    let unusable = json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0", "kid": "k1" }, null, 7, {}] });
    let huge = format!(r#"{{"keys":[],"pad":"{}"}}"#, "x".repeat(9 << 20));
    let json_type = "application/json";
    // name of the provider, what comes, what the log must say of it
    let faults = [
        ("status-500", Answer::new(500, "text/plain", "boom"), "500"),
        ("status-404", Answer::new(404, json_type, r#"{"error":"not_found"}"#), "404"),
        ("status-204", Answer::new(204, json_type, ""), "204"),
        ("html", Answer::new(200, "text/html", "<html>Sign in</html>"), "the key set"),
        ("nothing", Answer::new(200, json_type, ""), "the key set"),
        ("no-keys", Answer::new(200, json_type, r#"{"keys":[]}"#), "the key set"),
        ("not-a-set", Answer::new(200, json_type, r#"{"keys":{}}"#), "the key set"),
        ("only-unusable", Answer::json(&unusable), "the key set"),
        ("half", Answer::new(200, json_type, &text[..text.len() / 2]), "the key set"),
        ("cut-off", Answer::new(200, json_type, text.clone()).cut_after(20), "no answer"),
        ("redirect", Answer::new(302, json_type, text.clone()).header("location", "/good"), "302"),
        ("nine-megabytes", Answer::new(200, json_type, huge), "bytes"),
        (
            "encoded",
            Answer::new(200, json_type, text.clone()).header("content-encoding", "gzip"),
            "gzip",
        ),
        ("two-hundred-keys", Answer::json(&json!({ "keys": many })), "the key set"),
        ("held", Answer::json(&good).held(), "status 504"),
    ];
    let issuer = |name: &str| format!("https://{name}.example");
    let path = |name: &str| format!("/{name}");
    let mut providers = json!({});
    for (name, _, _) in &faults {
        let mut provider = keys.provider(&issuer(name), &path(name));
        provider["jwks"]["refresh"] = json!("200ms");
        provider["jwks"]["timeout"] = json!("1s");
        providers[*name] = provider;
        keys.set(&path(name), Answer::json(&good));
    }
    keys.set("/good", Answer::json(&good));
    let listener = Listener::new(&Filter::new(&configuration(providers, Value::Null)));
    let site = Site::new("faults", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.wasm_log("debug").listener(&listener));
    let token = |name: &str| signer.sign(&Token::of("alice").issuer(&issuer(name)));
    let ask = |token: &str| fetch(listener.port, &Request::get("/x").bearer(token));
    let mut secrets = Vec::new();
    for (name, fault, _) in &faults {
        let token = token(name);
        assert_eq!(ask(&token).status(), 200, "{name}");
        keys.set(&path(name), fault.clone());
        secrets.push(token);
    }
    for ((name, _, said), token) in faults.iter().zip(&secrets) {
        let counter = format!("tollgate_keys_fetch_failed_{name}");
        eventually(&format!("two failures of {name}"), || envoy.counter(&counter) >= 2);
        assert_eq!(ask(token).status(), 200, "{name}: the keys in use stay");
        let lines = envoy.filter_lines();
        let line = lines
            .iter()
            .find(|line| line["event"] == "keys_fetch_failed" && line["provider"] == *name)
            .unwrap_or_else(|| panic!("{name}: nothing in the log"));
        let found = line["found"].as_str().unwrap();
        assert!(found.contains(said), "{name}: {said:?} is not in {found:?}");
        assert_eq!(line["keys_in_use"], "kept", "{name}");
    }
    assert_eq!(keys.hits("/good"), 0, "a redirect was followed");
    keys.release();
    envoy.assert_clean(&secrets);
}

#[test]
fn without_a_first_key_set_nothing_that_comes_in_its_place_lets_anybody_in() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    let oct = json!({ "keys": [{ "kty": "oct", "alg": "HS256", "k": "c2VjcmV0", "kid": "k1" }] });
    let redirect = Answer::new(302, "text/plain", "").header("location", "/good");
    let faults = [
        ("status-500", Answer::new(500, "text/plain", "boom")),
        ("html", Answer::new(200, "text/html", "<html>Sign in</html>")),
        ("no-keys", Answer::new(200, "application/json", r#"{"keys":[]}"#)),
        ("a-shared-secret", Answer::json(&oct)),
        ("redirect", redirect),
        ("no-cluster", Answer::json(&key_set(&[&signer]))),
    ];
    let issuer = |name: &str| format!("https://{name}.example");
    let mut providers = json!({});
    for (name, fault) in &faults {
        providers[*name] = keys.provider(&issuer(name), &format!("/{name}"));
        keys.set(&format!("/{name}"), fault.clone());
    }
    // A cluster that Envoy does not have.
    providers["no-cluster"]["jwks"]["cluster"] = json!("keyz");
    keys.set("/good", Answer::json(&key_set(&[&signer])));
    let listener = Listener::new(&Filter::new(&configuration(providers, Value::Null)));
    let site = Site::new("never-good", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener));
    let mut secrets = Vec::new();
    for (name, _) in &faults {
        let token = signer.sign(&Token::of("alice").issuer(&issuer(name)));
        let response = fetch(listener.port, &Request::get("/x").bearer(&token));
        assert_eq!(response.verdict(), (503, "keys_unavailable".to_owned()), "{name}");
        assert!(response.header("retry-after").is_some(), "{name}");
        secrets.push(token);
    }
    assert_eq!((upstream.count(), keys.hits("/good"), keys.hits("/no-cluster")), (0, 0, 0));
    // Once one of them comes to its senses, it is believed.
    keys.set("/html", Answer::json(&key_set(&[&signer])));
    let healed = Request::get("/x").bearer(&secrets[1]);
    eventually("a healed provider", || fetch(listener.port, &healed).status() == 200);
    envoy.assert_clean(&secrets);
}

#[test]
fn a_discovery_document_is_not_followed_to_where_it_should_not_lead() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    let issuer = |name: &str| keys.url(&format!("/{name}"));
    let good_keys = json!(keys.url("/keys"));
    let elsewhere = json!(keys.url("/keys").replace("127.0.0.1", "localhost"));
    let documents = [
        ("right", json!({ "issuer": issuer("right"), "jwks_uri": good_keys }), ""),
        ("another-issuer", json!({ "issuer": issuer("right"), "jwks_uri": good_keys }), "issuer"),
        (
            "another-host",
            json!({ "issuer": issuer("another-host"), "jwks_uri": elsewhere }),
            "localhost",
        ),
        ("relative", json!({ "issuer": issuer("relative"), "jwks_uri": "/keys" }), "jwks_uri"),
        ("missing", json!({ "issuer": issuer("missing") }), "jwks_uri"),
        ("a-list", json!([]), "object"),
    ];
    let mut providers = json!({});
    for (name, document, _) in &documents {
        let at = format!("/{name}/.well-known/openid-configuration");
        keys.set(&at, Answer::json(document));
        let mut provider = keys.provider(&issuer(name), "/");
        provider["jwks"] = json!({ "discovery": true, "cluster": "keys" });
        providers[*name] = provider;
    }
    let listener = Listener::new(&Filter::new(&configuration(providers, Value::Null)));
    let site = Site::new("discovery", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener));
    let mut secrets = Vec::new();
    for (name, _, said) in &documents {
        let token = signer.sign(&Token::of("alice").issuer(&issuer(name)));
        let response = fetch(listener.port, &Request::get("/x").bearer(&token));
        secrets.push(token);
        if said.is_empty() {
            assert_eq!(response.status(), 200, "{name}: {}", response.text());
            continue;
        }
        assert_eq!(response.verdict(), (503, "keys_unavailable".to_owned()), "{name}");
        let lines = envoy.filter_lines();
        let line = lines
            .iter()
            .find(|line| line["event"] == "keys_fetch_failed" && line["provider"] == *name)
            .unwrap_or_else(|| panic!("{name}: nothing in the log"));
        assert!(line["found"].as_str().unwrap().contains(said), "{name}: {line}");
    }
    assert_eq!(keys.hits("/keys"), 1, "only the right document leads to the keys");
    envoy.assert_clean(&secrets);
}
