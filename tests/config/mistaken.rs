//! One document where another belongs, and a page where an API is.

use tollgate::config::Config;

/// What is said of a provider with this issuer and these keys: each code, `warning:` before what is
/// only warned about.
fn said(issuer: &str, jwks: &str) -> Vec<String> {
    codes(&format!(
        r#"{{"providers": {{"okta": {{"issuer": "{issuer}", "audiences": ["api"], "jwks": {{{jwks}, "cluster": "idp"}}}}}}}}"#
    ))
}

fn codes(text: &str) -> Vec<String> {
    match Config::parse(text.as_bytes()) {
        Ok(config) => {
            config.warnings.iter().map(|one| format!("warning: {}", one.code.name())).collect()
        }
        Err(problems) => problems.iter().map(|one| one.code.name().to_owned()).collect(),
    }
}

#[test]
fn a_documents_url_is_no_issuer() {
    let keys = r#""url": "https://idp.example/keys""#;
    let cases: &[(&str, &[&str])] = &[
        ("https://idp.example/.well-known/openid-configuration", &["issuer_invalid"]),
        ("https://idp.example/tenant/.well-known/openid-configuration/", &["issuer_invalid"]),
        ("https://idp.example/.well-known/oauth-authorization-server/tenant", &["issuer_invalid"]),
        ("https://idp.example/.well-known/jwks.json", &["issuer_invalid"]),
        ("https://idp.example", &[]),
        ("https://idp.example/oauth2/default", &[]),
        ("https://idp.example/well-known", &[]),
        ("urn:example:issuer", &[]),
    ];
    for (issuer, expected) in cases {
        assert_eq!(said(issuer, keys), *expected, "{issuer}");
    }
    // One mistake is one problem, also where the keys follow the issuer.
    let issuer = "https://idp.example/.well-known/openid-configuration";
    assert_eq!(said(issuer, r#""discovery": true"#), ["issuer_invalid"]);
}

#[test]
fn a_discovery_document_is_no_key_set_and_a_key_set_is_no_discovery_document() {
    let cases: &[(&str, &str, &[&str])] = &[
        // field, URL, what is said
        ("url", "https://idp.example/.well-known/openid-configuration", &["document_mistaken"]),
        (
            "url",
            "https://idp.example/.well-known/openid-configuration?appid=7",
            &["document_mistaken"],
        ),
        ("url", "https://idp.example/t/.well-known/openid-configuration/", &["document_mistaken"]),
        (
            "url",
            "https://idp.example/.well-known/oauth-authorization-server",
            &["document_mistaken"],
        ),
        // Where some publish their keys.
        ("url", "https://idp.example/.well-known/openid-configuration/jwks", &[]),
        ("url", "https://idp.example/.well-known/jwks.json", &[]),
        ("url", "https://idp.example/oauth2/default/v1/keys", &[]),
        ("url", "https://idp.example/protocol/openid-connect/certs", &[]),
        ("url", "https://idp.example/openid-configurations", &[]),
        ("url", "https://openid-configuration", &[]),
        ("discovery", "https://idp.example/.well-known/jwks.json", &["warning: document_mistaken"]),
        ("discovery", "https://idp.example/oauth2/v1/keys", &["warning: document_mistaken"]),
        (
            "discovery",
            "https://idp.example/protocol/openid-connect/certs/",
            &["warning: document_mistaken"],
        ),
        (
            "discovery",
            "https://idp.example/.well-known/openid-configuration/jwks",
            &["warning: document_mistaken"],
        ),
        ("discovery", "https://idp.example/.well-known/openid-configuration", &[]),
        ("discovery", "https://idp.example/.well-known/oauth-authorization-server/tenant", &[]),
        ("discovery", "https://idp.example/metadata.json", &[]),
        ("discovery", "https://keys", &[]),
    ];
    for (field, url, expected) in cases {
        let found = said("https://idp.example", &format!(r#""{field}": "{url}""#));
        assert_eq!(found, *expected, "{field} {url}");
    }
    let tenants = r#"{"providers": {"okta": {"issuer": "https://idp.example/{tenant}", "tenants": ["a", "b"],
        "audiences": ["api"], "jwks": {"url": "https://idp.example/{tenant}/.well-known/openid-configuration", "cluster": "idp"}}}}"#;
    assert_eq!(codes(tenants), ["document_mistaken"]);
}

#[test]
fn a_page_that_takes_a_path_from_an_api_is_warned_about() {
    let with = |page: &str, paths: &str| {
        codes(&format!(
            r#"{{"status": {{{page}, "key_sha256": "4489ff2f9ea96e76d15846c1b6fb8fe5e2831f2433aebb54ccf3be9db7d1418d"}},
            "providers": {{"okta": {{"issuer": "https://idp.example", "audiences": ["api"], "jwks": {{"discovery": true, "cluster": "idp"}}}}}},
            "apis": [{{"name": "orders", "match": {{"paths": [{paths}]}}, "auth": ["okta"]}}]}}"#
        ))
    };
    let told = ["warning: status_on_api"];
    let cases: &[(&str, &str, &[&str])] = &[
        (r#""path": "/orders""#, r#""/orders""#, &told),
        (r#""path": "/orders""#, r#""/orders/**""#, &told),
        (r#""path": "/orders/page""#, r#""/other", "/orders/{id}""#, &told),
        (r#""path": "/orders/page""#, r#""/*/page""#, &told),
        (r#""path": "/orders""#, r#""/orders/{id}""#, &[]),
        (r#""path": "/orders-page""#, r#""/orders/**""#, &[]),
        // Where probes ask.
        (r#""path": "/page""#, r#""/page/ready""#, &told),
        (r#""path": "/page""#, r#""/*/ready""#, &told),
        (r#""path": "/page""#, r#""/page/readiness", "/ready""#, &[]),
        (r#""path": "/.tollgate""#, r#""/orders/**""#, &[]),
        // What takes everything takes what is left.
        (r#""path": "/.tollgate""#, r#""/**""#, &[]),
        (r#""path": "/.tollgate""#, r#""/{name}""#, &[]),
        (r#""path": "/.tollgate/page""#, r#""/*/**""#, &[]),
    ];
    for (page, paths, expected) in cases {
        assert_eq!(with(page, paths), *expected, "{page} {paths}");
    }
}
