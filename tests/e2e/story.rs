//! The main job, on real input: a token that a real provider issued, through a real Envoy.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::harness::{
    Envoy, Filter, Listener, Provider, Request, Site, Upstream, configuration, eventually, fetch,
    now, validate,
};

#[test]
fn a_token_of_the_provider_becomes_a_session_and_a_verdict() {
    let (provider, upstream) = (Provider::start("story"), Upstream::start());
    let mut okta = provider.discovered();
    okta["audiences"] = json!([
        Provider::AUDIENCE,
        "https://api-es256.example",
        "https://api-eddsa.example",
        "https://api-ps256.example"
    ]);
    okta["jwks"]["cooldown"] = json!("200ms");
    let apis = json!([{ "name": "orders", "match": { "paths": ["/orders/**"] }, "auth": ["okta"],
                        "scopes": ["orders:read"] }]);
    let filter = Filter::new(&configuration(json!({ "okta": okta }), apis));
    let listener = Listener::new(&filter);
    let site = Site::new("story", upstream.port()).cluster("idp", provider.port());
    let envoy = Envoy::start(&site.listener(&listener).workers(2));
    let ask = |path: &str, token: &str| fetch(listener.port, &Request::get(path).bearer(token));
    let mut secrets: Vec<String> = Provider::SECRETS.map(str::to_owned).to_vec();

    // Every algorithm, with the header of RFC 9068 and with Okta's.
    let resources = [
        ("RS256", Provider::AUDIENCE),
        ("ES256", "https://api-es256.example"),
        ("EdDSA", "https://api-eddsa.example"),
        ("PS256", "https://api-ps256.example"),
    ];
    let mut good = 0;
    for (algorithm, resource) in resources {
        for (client, typ) in [("svc", json!("at+jwt")), ("svc-untyped", Value::Null)] {
            let token = provider.token(client, "orders:read", resource);
            let header = jose_header(&token);
            assert_eq!((&header["alg"], &header["typ"]), (&json!(algorithm), &typ));
            let path = format!("/orders/{algorithm}-{client}");
            let response = ask(&path, &token);
            assert_eq!(response.status(), 200, "{path}: {}", response.text());
            let seen = upstream.only(&path);
            assert_eq!(seen.values("x-tollgate-identity"), [client], "{path}");
            assert_eq!(seen.values("x-tollgate-provider"), ["okta"], "{path}");
            assert!(seen.values("authorization").is_empty(), "{path}: the token went upstream");
            let logged = envoy.access(&path);
            assert_eq!(logged["identity"], client, "{logged}");
            assert_eq!(logged["provider"], "okta", "{logged}");
            assert_eq!(logged["api"], "orders", "{logged}");
            secrets.push(token);
            good += 1;
        }
    }
    assert_eq!(provider.key_fetches(), 1, "one fetch serves both workers");

    // What is wrong with a token, and what that is called.
    let right = provider.usual_token();
    let past = now() - 600;
    let wrong = [
        ("tampered", tampered(&right), "token_signature_invalid"),
        (
            "expired",
            provider.sign(&json!({}), &json!({ "iat": past - 300, "exp": past })),
            "token_expired",
        ),
        (
            "audience",
            provider.token("svc", "orders:read", "https://other.example"),
            "token_audience_mismatch",
        ),
        (
            "issuer",
            provider.sign(&json!({}), &json!({ "iss": format!("{}/", provider.issuer()) })),
            "token_issuer_unknown",
        ),
    ];
    for (name, token, code) in wrong {
        let path = format!("/orders/{name}");
        let response = ask(&path, &token);
        assert_eq!(response.verdict(), (401, code.to_owned()), "{name}");
        assert_eq!(
            response.headers("www-authenticate"),
            [r#"Bearer realm="api", error="invalid_token""#],
            "{name}"
        );
        assert_eq!(envoy.access(&path)["code"], code);
        let line = envoy.refusals().into_iter().find(|line| line["code"] == code);
        let line = line.unwrap_or_else(|| panic!("no log line for {code}"));
        for field in ["event", "step", "api", "reason", "remedy", "request_id", "mode"] {
            assert!(line[field].is_string(), "{field} is missing in {line}");
        }
        secrets.push(token);
    }
    let response = fetch(listener.port, &Request::get("/orders/none"));
    assert_eq!(response.verdict(), (401, "credential_missing".to_owned()));
    assert_eq!(response.headers("www-authenticate"), [r#"Bearer realm="api""#]);
    let small = provider.token("svc", "orders:write", Provider::AUDIENCE);
    assert_eq!(ask("/orders/small", &small).verdict(), (403, "scope_insufficient".to_owned()));
    secrets.push(small);
    assert_eq!(upstream.count(), good, "only good requests reach the upstream");

    // New key at the provider: the first token that it signs brings one fetch. The tampered token
    // has brought one too, for all the filter knew the key had changed, and the cooldown runs.
    eventually("the fetch for the bad signature", || provider.key_fetches() == 2);
    std::thread::sleep(Duration::from_millis(300));
    provider.rotate("RS256");
    let rotated = provider.usual_token();
    assert_ne!(jose_header(&rotated)["kid"], jose_header(&right)["kid"]);
    assert_eq!(ask("/orders/rotated", &rotated).status(), 200);
    assert_eq!(ask("/orders/rotated", &right).status(), 200, "the old key is still published");
    assert_eq!(provider.key_fetches(), 3);

    provider.down();
    for path in ["/orders/down-1", "/orders/down-2", "/orders/down-3"] {
        assert_eq!(ask(path, &rotated).status(), 200);
    }
    secrets.extend([right, rotated]);
    envoy.assert_clean(&secrets);
}

#[test]
fn the_smallest_configuration_lets_the_providers_tokens_in_and_nothing_else() {
    let (provider, upstream) = (Provider::start("smallest"), Upstream::start());
    let smallest = json!({ "providers": { "okta": {
        "issuer": provider.issuer(), "audiences": [Provider::AUDIENCE],
        "jwks": { "discovery": true, "cluster": "idp" } } } });
    let listener = Listener::new(&Filter::new(&smallest));
    let site = Site::new("smallest", upstream.port()).cluster("idp", provider.port());
    let envoy = Envoy::start(&site.listener(&listener));
    let token = provider.usual_token();
    let response = fetch(listener.port, &Request::get("/any/path").bearer(&token));
    assert_eq!(response.status(), 200, "{}", response.text());
    assert_eq!(envoy.access("/any/path")["api"], "default");
    assert_eq!(fetch(listener.port, &Request::get("/any/path")).status(), 401);
    assert_eq!(upstream.count(), 1);
    envoy.assert_clean(&[token]);
}

/// The failure that Tollgate exists for: a session was to come from a provider that gives none.
fn the_mistake() -> Value {
    let keys = |path: &str| json!({ "url": format!("http://127.0.0.1:1{path}"), "cluster": "idp" });
    configuration(
        json!({
            "okta": { "issuer": "https://okta.example", "audiences": ["api"], "jwks": keys("/okta") },
            "partner": { "issuer": "https://partner.example", "audiences": ["api"],
                         "jwks": keys("/partner"), "from": [{ "header": "x-partner" }] },
            "unused": { "issuer": "https://unused.example", "audiences": ["api"], "jwks": keys("/unused") }
        }),
        json!([{ "name": "orders", "auth": [["partner", "okta"]], "session_from": "unused" }]),
    )
}

#[test]
fn a_session_provider_that_provides_no_session_is_refused_before_envoy_runs() {
    let site = Site::new("mistake-validate", 1).cluster("idp", 1);
    let right = {
        let mut right = the_mistake();
        right["apis"][0]["session_from"] = json!("okta");
        right
    };
    let (code, said) = validate(&site.clone().listener(&Listener::new(&Filter::new(&right))));
    assert_eq!(code, 0, "with the mistake mended it loads: {said}");
    let (code, said) = validate(&site.listener(&Listener::new(&Filter::new(&the_mistake()))));
    assert_ne!(code, 0, "{said}");
    assert_names_the_mistake(&said);
}

#[test]
fn a_session_provider_that_provides_no_session_keeps_envoy_from_starting() {
    let site = Site::new("mistake-start", 1).cluster("idp", 1);
    let envoy = Envoy::launch(&site.listener(&Listener::new(&Filter::new(&the_mistake()))));
    eventually("Envoy to end", || envoy.exit_code().is_some());
    assert_ne!(envoy.exit_code(), Some(0));
    assert_names_the_mistake(&envoy.log());
    envoy.assert_no_trap();
}

fn assert_names_the_mistake(log: &str) {
    let named = log.lines().find(|line| line.contains("apis[0].session_from"));
    let line = named.unwrap_or_else(|| panic!("no line names the field:\n{log}"));
    for word in ["unused", "partner", "okta"] {
        assert!(line.contains(word), "{word:?} is missing in: {line}");
    }
}

fn jose_header(token: &str) -> Value {
    let header = token.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}

/// The same token with other claims under the old signature.
fn tampered(token: &str) -> String {
    let parts: Vec<_> = token.split('.').collect();
    let claims = URL_SAFE_NO_PAD.decode(parts[1]).unwrap();
    let mut claims: Value = serde_json::from_slice(&claims).unwrap();
    claims["uid"] = json!("admin");
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    format!("{}.{claims}.{}", parts[0], parts[2])
}
