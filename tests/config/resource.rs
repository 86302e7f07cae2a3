//! What an API is to clients, and what is wrong with it.

use tollgate::config::{Code, Config};

use super::{accepted, codes, refused};

/// A configuration of an API with these members, and one beside it.
fn api(provider: &str, members: &str) -> String {
    format!(
        r#"{{"providers": {{"idp": {{{provider},
"jwks": {{"url": "https://x.example/keys", "cluster": "idp"}}}}}},
"apis": [{{"name": "other", "match": {{"paths": ["/other"]}}, "auth": ["idp"]}},
{{"name": "a", "match": {{"paths": ["/mcp"]}}, "auth": ["idp"], {members}}}]}}"#
    )
}

const IDP: &str = r#""issuer": "https://x.example", "audiences": ["https://a.example/mcp"]"#;

/// The API with this `resource`.
fn resource(members: &str) -> String {
    api(IDP, &format!("\n\"resource\": {{{members}}}"))
}

#[test]
fn a_resource_is_what_is_meant() {
    let config = accepted(&resource(r#""url": "https://a.example/mcp", "name": "Tools""#));
    assert_eq!(config.warnings, []);
    let resource = config.apis[1].resource.as_ref().expect("a resource");
    assert_eq!(resource.known_as.len(), 1);
    assert!(config.apis[0].resource.is_none());
    assert!(config.index.looks_at_hosts() && config.looks_at_paths());
}

#[test]
fn pr06_what_would_mislead_clients_is_refused() {
    const URL: &str = "5:21: apis[1].resource.url";
    let cases = [
        (
            "no URL",
            r#""name": "x""#,
            vec![
                "5:13: apis[1].resource.url: missing; write the URL that clients know this API by, such as \"https://mcp.example.com/mcp\"",
            ],
        ),
        (
            "a slash",
            r#""url": "https://a.example/mcp/""#,
            vec!["`https://a.example/mcp/` ends with a slash"],
        ),
        ("a query", r#""url": "https://a.example/mcp?x""#, vec!["has a query"]),
        ("a fragment", r#""url": "https://a.example/mcp#x""#, vec!["has a fragment"]),
        ("a quote", r#""url": "https://a.example/\"""#, vec!["holds a quote"]),
        ("a backslash", r#""url": "https://a.example/\\""#, vec!["a backslash"]),
        ("a line break", r#""url": "https://a.example/\r""#, vec!["a control character"]),
        ("no URL at all", r#""url": "/mcp""#, vec!["does not begin with"]),
        ("no list", r#""url": []"#, vec!["an empty list names no resource"]),
        (
            "twice",
            r#""url": ["https://a.example/mcp", "https://a.example/mcp"]"#,
            vec!["written twice in one list"],
        ),
        (
            "a quote in the name",
            r#""url": "https://a.example/mcp", "name": "a \"b\"""#,
            vec!["is no name"],
        ),
        (
            "a line break in the name",
            r#""url": "https://a.example/mcp", "name": "a\rb""#,
            vec!["holds a control character"],
        ),
        (
            "a backslash in the name",
            r#""url": "https://a.example/mcp", "name": "a\\b""#,
            vec!["is no name"],
        ),
        (
            "a quote in a link",
            r#""url": "https://a.example/mcp", "documentation": "https://a.example/\"""#,
            vec!["holds a quote"],
        ),
        (
            "no link",
            r#""url": "https://a.example/mcp", "tos_uri": "terms""#,
            vec!["does not begin with"],
        ),
        (
            "a scope of refresh tokens",
            r#""url": "https://a.example/mcp", "scopes": ["a", "offline_access"]"#,
            vec!["resource.scopes[1]: `offline_access`"],
        ),
        (
            "no scope",
            r#""url": "https://a.example/mcp", "scopes": []"#,
            vec!["an empty list tells"],
        ),
        (
            "two scopes",
            r#""url": "https://a.example/mcp", "scopes": ["a b"]"#,
            vec!["a scope has no space"],
        ),
        (
            "no server",
            r#""url": "https://a.example/mcp", "authorization_servers": []"#,
            vec!["leads clients nowhere"],
        ),
        (
            "no server's URL",
            r#""url": "https://a.example/mcp", "authorization_servers": ["x"]"#,
            vec!["authorization_servers[0]"],
        ),
    ];
    for (name, members, words) in cases {
        let lines = refused(&resource(members));
        assert_eq!(lines.len(), words.len(), "{name}: {lines:?}");
        for (line, words) in lines.iter().zip(words) {
            assert!(line.contains(words), "{name}: {line}");
        }
    }
    let lines = refused(&resource(r#""url": "https://a.example/mcp/""#));
    assert!(lines[0].starts_with(URL), "{lines:?}");
}

#[test]
fn a_token_for_another_server_must_not_pass() {
    let any = r#""issuer": "https://x.example", "any_audience": true"#;
    let url = r#""resource": {"url": "https://a.example/mcp"}"#;
    let lines = refused(&api(any, url));
    assert!(lines.len() == 1 && lines[0].contains("any audience"), "{lines:?}");
    let own = format!(r#"{url}, "audiences": ["https://a.example/mcp"]"#);
    assert_eq!(codes(&accepted(&api(any, &own))), []);
    // Elsewhere it is the operator's own matter.
    accepted(&api(any, r#""scopes": ["x"]"#));
}

#[test]
fn clients_are_told_of_an_issuer() {
    let any = r#""any_issuer": true, "audiences": ["https://a.example/mcp"]"#;
    let lines = refused(&api(any, r#""resource": {"url": "https://a.example/mcp"}"#));
    let words = "apis[1].resource.authorization_servers: missing; provider `idp` takes tokens of any issuer";
    assert!(lines.len() == 1 && lines[0].contains(words), "{lines:?}");
    let named = r#""resource": {"url": "https://a.example/mcp", "authorization_servers": ["https://b.example"]}"#;
    accepted(&api(any, named));
}

#[test]
fn what_is_risky_about_a_resource_is_said() {
    let warned = |members: &str| codes(&accepted(&resource(members)));
    assert_eq!(warned(r#""url": "https://a.example/mcp""#), []);
    assert_eq!(warned(r#""url": "https://b.example/mcp""#), [Code::ResourceNoAudience]);
    assert_eq!(
        warned(r#""url": "http://a.example/mcp""#),
        [Code::ResourceNoAudience, Code::PlainHttp]
    );
}

#[test]
fn no_two_have_one_url_and_none_is_the_operators_page() {
    let both = r#""resource": {"url": "https://a.example/mcp"}}, {"name": "b", "match": {"paths": ["/b"]}, "auth": ["idp"],
"resource": {"url": ["https://b.example", "https://A.example/mcp"]}"#;
    let lines = refused(&api(IDP, both));
    assert!(lines.len() == 1 && lines[0].contains("the API `a` has this URL, too"), "{lines:?}");
    for (path, is_refused) in [
        ("/.well-known/oauth-protected-resource/mcp", true),
        ("/.well-known/oauth-protected-resource", true),
        ("/.well-known/tollgate", false),
    ] {
        let mut all: serde_json::Value =
            serde_json::from_str(&resource(r#""url": "https://a.example/mcp""#)).expect("JSON");
        let key = "00ff0123456789abcdef0000000000000000000000000000000000000000001f";
        all["status"] = serde_json::json!({ "path": path, "key_sha256": key });
        let parsed = Config::parse(all.to_string().as_bytes());
        assert_eq!(parsed.is_err(), is_refused, "{path}: {parsed:?}");
    }
}

#[test]
fn a_public_api_is_no_protected_resource() {
    let text = resource(r#""url": "https://a.example/mcp""#).replacen(
        r#""match": {"paths": ["/mcp"]}, "auth": ["idp"]"#,
        r#""match": {"paths": ["/mcp"]}, "auth": "none""#,
        1,
    );
    let lines = refused(&text);
    assert!(lines.len() == 1 && lines[0].contains("has no meaning on an API"), "{lines:?}");
}

#[test]
fn an_api_of_a_resource_asks_for_no_refresh_token() {
    let members = r#""scopes": ["offline_access"], "resource": {"url": "https://a.example/mcp"}"#;
    let lines = refused(&api(IDP, members));
    assert!(lines.len() == 1 && lines[0].contains("apis[1].scopes[0]"), "{lines:?}");
}
