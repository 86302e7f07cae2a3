//! APIs as protected resources, through the whole engine: who gets their documents, and what refusals
//! tell clients of them. The ids are those of the catalogue of attacks.

mod support;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use support::token::{AUDIENCE, ISSUER, Signer, Token};
use support::world::{Worker, World, code, head};
use tollgate::config::Config;
use tollgate::event::Reply;

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
const DOCUMENT: &str = "https://api.example.com/.well-known/oauth-protected-resource/mcp";
const EXPLAIN_KEY: &str = "open-sesame";

fn hash(key: &str) -> String {
    Sha256::digest(key).into_iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A resource among other APIs, and changes to it.
fn config(changes: Value) -> Value {
    let mut config = json!({
        "explain": { "key_sha256": hash(EXPLAIN_KEY) },
        "providers": {
            "idp": {
                "issuer": ISSUER, "audiences": [AUDIENCE, "https://api.example.com/mcp"],
                "jwks": { "inline": { "keys": [Signer::new("k1").jwk()] } },
            },
            "partner": { "kind": "api_key", "from": [{ "header": "x-api-key" }], "keys": [
                { "name": "acme", "sha256": hash("an API key"), "identity": "acme" } ] },
        },
        "policies": { "tools": { "access": [
            { "apis": ["tools"], "methods": ["DELETE"], "scopes": ["mcp:danger"] },
            { "apis": ["tools"], "methods": ["GET", "POST"] } ] } },
        "apis": [
            { "name": "health", "match": { "paths": ["/health"] }, "auth": "none" },
            { "name": "tools", "match": { "paths": ["/mcp"] }, "auth": ["idp"], "scopes": ["mcp:tools"],
              "policies": { "default": ["tools"] },
              "resource": { "url": "https://api.example.com/mcp" } },
            { "name": "plain", "match": { "paths": ["/plain"] }, "auth": ["idp"], "scopes": ["x"] },
        ],
    });
    let resource = config["apis"][1].as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        resource.insert(name.clone(), value.clone());
    }
    config
}

fn to(
    method: &str,
    authority: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> tollgate::http::RequestHead {
    let mut all = vec![(":method", method), (":authority", authority), (":path", path)];
    all.extend_from_slice(headers);
    tollgate::http::RequestHead { headers: all.into_iter().collect() }
}

fn ask(worker: &mut Worker<'_>, method: &str, authority: &str, path: &str) -> Reply {
    let stream = worker.request(to(method, authority, path, &[]));
    worker.reply(stream).clone()
}

fn header<'r>(reply: &'r Reply, name: &str) -> Option<&'r str> {
    let mut found = reply.headers.iter().filter(|(known, _)| *known == name);
    let value = found.next().map(|(_, value)| value.as_str());
    assert!(found.next().is_none(), "{name} twice");
    value
}

fn bearer(scope: &str) -> String {
    let token = Token::for_identity("alice").claim("scope", scope);
    format!("Bearer {}", Signer::new("k1").sign(&token))
}

fn document(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{reply:?}");
    serde_json::from_str(&reply.body).expect("JSON")
}

#[test]
fn pr01_a_document_is_for_everybody_by_its_exact_path() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config(json!({})).to_string());
    let cases = [
        ("GET", "/mcp", Ok(200)),
        ("HEAD", "/mcp", Ok(200)),
        ("OPTIONS", "/mcp", Ok(204)),
        ("GET", "/mcp?x", Ok(200)),
        ("POST", "/mcp", Ok(405)),
        ("DELETE", "/mcp", Ok(405)),
        ("GET", "//mcp", Err("path_ambiguous")),
        ("GET", "/../mcp", Err("path_ambiguous")),
        ("GET", "/mcp/", Err("api_unknown")),
        ("GET", "/MCP", Err("api_unknown")),
        ("GET", "/%6dcp", Err("api_unknown")),
        ("GET", "/other", Err("api_unknown")),
    ];
    for (method, path, expected) in cases {
        let reply = ask(&mut worker, method, "api.example.com", &format!("{WELL_KNOWN}{path}"));
        let got = match &*reply.details {
            "tollgate_resource_metadata" => Ok(reply.status),
            _ => Err(code(&reply)),
        };
        assert_eq!(
            got.as_ref().map_err(|code| &**code),
            expected.as_ref().map_err(|code| &**code),
            "{method} {path}"
        );
        let is_body = method == "GET" && got.is_ok();
        assert_eq!(is_body, got.is_ok() && !reply.body.is_empty(), "{method} {path}");
    }
    let reply = ask(&mut worker, "GET", "api.example.com", &format!("{WELL_KNOWN}/mcp"));
    for (name, value) in [
        ("content-type", "application/json"),
        ("cache-control", "max-age=300"),
        ("access-control-allow-origin", "*"),
    ] {
        assert_eq!(header(&reply, name), Some(value));
    }
    let reply = ask(&mut worker, "OPTIONS", "api.example.com", &format!("{WELL_KNOWN}/mcp"));
    assert_eq!(header(&reply, "access-control-allow-headers"), Some("mcp-protocol-version"));
    assert_eq!(header(&reply, "access-control-allow-origin"), Some("*"));
    let reply = ask(&mut worker, "POST", "api.example.com", &format!("{WELL_KNOWN}/mcp"));
    assert_eq!(header(&reply, "allow"), Some("GET, HEAD, OPTIONS"));
    // None of this is counted as a request of the API.
    worker.tick();
    let counted = |name: &str| worker.counts.get(name).copied().unwrap_or_default();
    assert_eq!((counted("tollgate_allowed"), counted("tollgate_api_allowed_tools")), (0, 0));
    assert_eq!(counted("tollgate_denied_api_unknown"), 4);
}

#[test]
fn a_document_says_what_the_configuration_says() {
    let world = World::default();
    let read = |worker: &mut Worker<'_>| {
        document(&ask(worker, "GET", "api.example.com", &format!("{WELL_KNOWN}/mcp")))
    };
    let mut worker = Worker::new(&world, &config(json!({})).to_string());
    let short = json!({
        "resource": "https://api.example.com/mcp", "authorization_servers": [ISSUER],
        "scopes_supported": ["mcp:tools"], "bearer_methods_supported": ["header"],
    });
    assert_eq!(read(&mut worker), short);
    let long = json!({ "url": "https://api.example.com/mcp", "name": "Tools of Łódź",
        "documentation": "https://example.com/docs", "policy_uri": "https://example.com/policy",
        "tos_uri": "https://example.com/tos", "scopes": ["api://x/mcp.tools"],
        "authorization_servers": ["https://a.example", "https://b.example"] });
    let mut all = config(json!({ "resource": long }));
    all["providers"]["idp"]["from"] =
        json!([{ "query": "access_token" }, { "cookie": "t", "any_origin": true }]);
    let mut worker = Worker::new(&world, &all.to_string());
    let expected = json!({
        "resource": "https://api.example.com/mcp",
        "authorization_servers": ["https://a.example", "https://b.example"],
        "scopes_supported": ["api://x/mcp.tools"], "bearer_methods_supported": ["query"],
        "resource_name": "Tools of Łódź", "resource_documentation": "https://example.com/docs",
        "resource_policy_uri": "https://example.com/policy", "resource_tos_uri": "https://example.com/tos",
    });
    assert_eq!(read(&mut worker), expected);
    // API keys have no issuer, and are nothing that a client could ask a token for.
    let mut worker = Worker::new(
        &world,
        &config(json!({ "auth": ["partner"], "scopes": null, "policies": null }))
            .to_string()
            .replace(r#""policies":null,"#, "")
            .replace(r#""scopes":null,"#, "")
            .replace(r#","scopes":null"#, ""),
    );
    let expected =
        json!({ "resource": "https://api.example.com/mcp", "bearer_methods_supported": [] });
    assert_eq!(read(&mut worker), expected);
}

#[test]
fn pr02_what_a_client_says_of_itself_changes_no_document() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config(json!({})).to_string());
    let path = format!("{WELL_KNOWN}/mcp");
    let known = ask(&mut worker, "GET", "api.example.com", &path).body;
    let spoofed = [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-prefix", "/evil"),
        ("forwarded", "host=evil.example;proto=http"),
    ];
    for authority in ["api.example.com", "API.example.com:443", "evil.example", "10.0.0.1:8080"] {
        let stream = worker.request(to("GET", authority, &path, &spoofed));
        assert_eq!(worker.reply(stream).body, known, "{authority}");
        let stream = worker.request(to("POST", authority, "/mcp", &spoofed));
        let challenge = worker.reply_header(stream, "www-authenticate").unwrap_or_default();
        assert!(challenge.contains(&format!("resource_metadata=\"{DOCUMENT}\"")), "{challenge}");
    }
    // A host that nobody can read in one way is refused before anything else.
    assert_eq!(code(&ask(&mut worker, "GET", "api.example.com:x", &path)), "host_ambiguous");

    // Two resources with one path: each host has its own, and a stranger none.
    let mut two = config(json!({ "resource": { "url": "https://a.example.com/mcp" } }));
    two["apis"][2]["resource"] = json!({ "url": "https://b.example.com/mcp" });
    let mut worker = Worker::new(&world, &two.to_string());
    for host in ["a", "b"] {
        let own = document(&ask(&mut worker, "GET", &format!("{host}.example.com"), &path));
        assert_eq!(own["resource"], format!("https://{host}.example.com/mcp"));
    }
    assert_eq!(code(&ask(&mut worker, "GET", "c.example.com", &path)), "api_unknown");
}

#[test]
fn one_resource_of_several_hosts_is_told_each_by_its_own_name() {
    let urls = json!(["https://a.example.com/mcp", "https://b.example.com:8443/mcp"]);
    let world = World::default();
    let mut worker =
        Worker::new(&world, &config(json!({ "resource": { "url": urls } })).to_string());
    let cases = [
        ("a.example.com", "https://a.example.com"),
        ("b.example.com:8443", "https://b.example.com:8443"),
        ("b.example.com", "https://a.example.com"),
        ("x.example.com", "https://a.example.com"),
    ];
    for (authority, origin) in cases {
        let reply = ask(&mut worker, "GET", authority, &format!("{WELL_KNOWN}/mcp"));
        assert_eq!(document(&reply)["resource"], format!("{origin}/mcp"), "{authority}");
        let stream = worker.request(to("POST", authority, "/mcp", &[]));
        let challenge = worker.reply_header(stream, "www-authenticate").unwrap_or_default();
        assert!(challenge.contains(&format!("\"{origin}{WELL_KNOWN}/mcp\"")), "{challenge}");
    }
}

#[test]
fn pr03_the_root_form_is_for_a_host_with_one_resource() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config(json!({})).to_string());
    let reply = ask(&mut worker, "GET", "api.example.com", WELL_KNOWN);
    assert_eq!(document(&reply)["resource"], "https://api.example.com/mcp");
    let mut two = config(json!({}));
    two["apis"][2]["resource"] = json!({ "url": "https://api.example.com/plain" });
    let mut worker = Worker::new(&world, &two.to_string());
    assert_eq!(code(&ask(&mut worker, "GET", "api.example.com", WELL_KNOWN)), "api_unknown");
}

#[test]
fn pr04_a_refusal_for_want_of_a_good_token_says_where_the_document_is() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config(json!({})).to_string());
    let expired = Token::for_identity("alice").claim("exp", 1_600_000_000);
    let expired = format!("Bearer {}", Signer::new("k1").sign(&expired));
    let forged = format!("Bearer {}", Signer::new("k9").sign(&Token::for_identity("alice")));
    let (good, none) = (bearer("other"), bearer("mcp:tools"));
    let missing = r#"Bearer realm="api""#;
    let invalid = r#"Bearer realm="api", error="invalid_token""#;
    let tools = r#", scope="mcp:tools""#;
    let both = r#", scope="mcp:tools mcp:danger""#;
    let cases = [
        (
            "POST",
            None,
            "credential_missing",
            format!("{missing}, resource_metadata=\"{DOCUMENT}\"{tools}"),
        ),
        // What this request needs, all at once.
        (
            "DELETE",
            None,
            "credential_missing",
            format!("{missing}, resource_metadata=\"{DOCUMENT}\"{both}"),
        ),
        (
            "POST",
            Some("Bearer x"),
            "token_malformed",
            format!("{invalid}, resource_metadata=\"{DOCUMENT}\"{tools}"),
        ),
        (
            "POST",
            Some(&*expired),
            "token_expired",
            format!("{invalid}, resource_metadata=\"{DOCUMENT}\"{tools}"),
        ),
        (
            "POST",
            Some(&*forged),
            "token_key_unknown",
            format!("{invalid}, resource_metadata=\"{DOCUMENT}\"{tools}"),
        ),
        (
            "POST",
            Some(&*good),
            "scope_insufficient",
            format!(
                r#"Bearer realm="api", error="insufficient_scope", scope="mcp:tools", resource_metadata="{DOCUMENT}""#
            ),
        ),
        (
            "DELETE",
            Some(&*none),
            "scope_insufficient",
            format!(
                r#"Bearer realm="api", error="insufficient_scope", scope="mcp:tools mcp:danger", resource_metadata="{DOCUMENT}""#
            ),
        ),
    ];
    for (method, authorization, expected, challenge) in cases {
        for explain in [None, Some(("x-tollgate-explain", EXPLAIN_KEY))] {
            let mut headers: Vec<_> =
                authorization.map(|value| ("authorization", value)).into_iter().collect();
            headers.extend(explain);
            let stream = worker.request(to(method, "api.example.com", "/mcp", &headers));
            assert_eq!(code(worker.reply(stream)), expected, "{method} {authorization:?}");
            assert_eq!(worker.reply_header(stream, "www-authenticate"), Some(&*challenge));
            // Callers of gRPC read no challenges.
            headers.push(("content-type", "application/grpc"));
            let stream = worker.request(to(method, "api.example.com", "/mcp", &headers));
            let told = worker.reply_header(stream, "www-authenticate").unwrap_or_default();
            assert!(!told.contains("resource_metadata"), "{told}");
        }
    }
    // Other APIs say nothing of it.
    let stream = worker.request(head("GET", "/plain", &[]));
    assert_eq!(worker.reply_header(stream, "www-authenticate"), Some(missing));
}

#[test]
fn a_key_that_is_missing_points_to_the_document_too() {
    let world = World::default();
    let mut worker = Worker::new(
        &world,
        &config(json!({ "auth": [["idp", "partner"]], "session_from": "idp" })).to_string(),
    );
    let token = bearer("mcp:tools");
    let stream =
        worker.request(to("POST", "api.example.com", "/mcp", &[("authorization", &token)]));
    let told = worker.reply_header(stream, "www-authenticate").unwrap_or_default();
    assert!(told.contains(DOCUMENT), "{told}");
}

#[test]
fn report_mode_serves_documents_and_refuses_nothing() {
    let world = World::default();
    let mut all = config(json!({}));
    all["mode"] = json!("report");
    let mut worker = Worker::new(&world, &all.to_string());
    let reply = ask(&mut worker, "GET", "api.example.com", &format!("{WELL_KNOWN}/mcp"));
    assert_eq!(reply.status, 200);
    let stream = worker.request(to("POST", "api.example.com", "/mcp", &[]));
    assert_eq!(worker.verdict(stream), "forwarded");
}

#[test]
fn pr05_what_no_other_token_would_mend_points_nowhere() {
    let world = World::default();
    let mut all = config(json!({ "rate": { "requests": 1, "per": "1h" } }));
    all["policies"]["tools"]["access"][1]["methods"] = json!(["POST"]);
    let mut worker = Worker::new(&world, &all.to_string());
    let token = bearer("mcp:tools");
    let cases = [("GET", "access_denied"), ("POST", ""), ("POST", "rate_limited")];
    for (method, expected) in cases {
        let headers = [("authorization", &*token)];
        let stream = worker.request(to(method, "api.example.com", "/mcp", &headers));
        if expected.is_empty() {
            assert_eq!(worker.verdict(stream), "forwarded");
            continue;
        }
        assert_eq!(code(worker.reply(stream)), expected);
        assert_eq!(worker.reply_header(stream, "www-authenticate"), None, "{expected}");
    }
}

#[test]
fn pr07_a_document_wins_over_the_api_that_names_its_path() {
    let world = World::default();
    let mut all = config(json!({}));
    all["apis"][0]["match"]["paths"] = json!(["/.well-known/**"]);
    let text = all.to_string();
    let warnings = Config::parse(text.as_bytes()).expect("right").warnings;
    assert!(warnings.iter().any(|one| one.code.name() == "resource_on_api"), "{warnings:?}");
    let mut worker = Worker::new(&world, &text);
    let reply = ask(&mut worker, "GET", "api.example.com", &format!("{WELL_KNOWN}/mcp"));
    assert_eq!(document(&reply)["resource"], "https://api.example.com/mcp");
    let stream =
        worker.request(to("GET", "api.example.com", "/.well-known/openid-configuration", &[]));
    assert_eq!(worker.verdict(stream), "forwarded");
}
