//! Protected resources and servers of the Model Context Protocol in a real proxy: what clients get
//! before they have a token, and that nobody calls a tool under another name. The ids are those of the
//! catalogue of attacks.

use serde_json::{Value, json};

use super::harness::{
    Answer, Connection, Envoy, Filter, Http2, ISSUER, KeyServer, Listener, Request, Response,
    Signer, Site, Token, Upstream, configuration, eventually, fetch, key_set,
};

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
const HOST: &str = "mcp.example.com";

/// A server of tools, an API that names the path of documents, and everything else.
fn apis() -> Value {
    json!([
        { "name": "documents", "match": { "paths": ["/.well-known/**"] }, "auth": "none" },
        { "name": "tools", "match": { "paths": ["/mcp"] }, "auth": ["main"], "scopes": ["mcp:tools"],
          "resource": { "url": "https://mcp.example.com/mcp", "name": "Orders tools" },
          "mcp": { "origins": ["https://app.example.com"] }, "policies": { "default": ["tools"] } },
        { "name": "rest", "auth": ["main"] },
    ])
}

fn policies() -> Value {
    json!({ "tools": { "access": [
        { "apis": ["tools"], "mcp": { "methods": ["tools/call"], "names": ["danger", "delete_*"] },
          "scopes": ["mcp:danger"] },
        { "apis": ["tools"], "mcp": { "methods": ["tools/*"], "except": ["danger", "delete_*"] } },
        { "apis": ["tools"], "mcp": { "methods": ["resources/read"], "names": ["file:///public/*"] } },
        { "apis": ["tools"], "scopes": ["mcp:all"] },
    ] } })
}

/// The proxy, and what is around it.
struct Around {
    envoy: Envoy,
    listener: Listener,
    upstream: Upstream,
    signer: Signer,
    _keys: KeyServer,
}

impl Around {
    fn start(name: &str) -> Self {
        let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
        keys.set("/keys", Answer::json(&key_set(&[&signer])));
        let mut whole = configuration(json!({ "main": keys.provider(ISSUER, "/keys") }), apis());
        whole["policies"] = policies();
        let listener = Listener::new(&Filter::new(&whole));
        let site = Site::new(name, upstream.port()).workers(2).cluster("keys", keys.port());
        let envoy = Envoy::start(&site.listener(&listener));
        Self { envoy, listener, upstream, signer, _keys: keys }
    }

    fn token(&self, scope: &str) -> String {
        self.signer.sign(&Token::of("alice").claim("scope", scope))
    }

    fn fetch(&self, request: &Request) -> Response {
        fetch(self.listener.port, request)
    }
}

fn document(method: &str, path: &str) -> Request {
    Request::new(method, format!("{WELL_KNOWN}{path}")).host(HOST)
}

/// A call of today's revision.
fn call(method: &str, name: &str) -> Request {
    let request = plain().header("mcp-protocol-version", "2026-07-28").header("mcp-method", method);
    if name.is_empty() { request } else { request.header("mcp-name", name) }
}

fn plain() -> Request {
    Request::new("POST", "/mcp").host(HOST)
}

fn challenge(scope: &str) -> String {
    format!("resource_metadata=\"https://{HOST}{WELL_KNOWN}/mcp\"{scope}")
}

#[test]
fn pr01_to_pr04_and_pr07_clients_find_their_way_to_a_token() {
    let around = Around::start("mcp_documents");
    let cases = [
        ("GET", "/mcp", 200),
        ("HEAD", "/mcp", 200),
        ("OPTIONS", "/mcp", 204),
        ("GET", "/mcp?x", 200),
        ("POST", "/mcp", 405),
        ("GET", "", 200),
    ];
    for (method, path, status) in cases {
        // The answers to HEAD and OPTIONS have no body that could be waited for.
        let found = Connection::open(around.listener.port).status_only(&document(method, path));
        assert_eq!(found, status, "{method} {path}");
    }
    // PR07: nothing of this has reached the upstream, though an API names the path.
    assert_eq!(around.upstream.count(), 0);
    let known = around.fetch(&document("GET", "/mcp"));
    assert_eq!(known.header("content-type").as_deref(), Some("application/json"));
    assert_eq!(known.header("cache-control").as_deref(), Some("max-age=300"));
    assert_eq!(known.header("access-control-allow-origin").as_deref(), Some("*"));
    assert_eq!(
        known.json(),
        json!({ "resource": "https://mcp.example.com/mcp", "authorization_servers": [ISSUER],
                "scopes_supported": ["mcp:tools"], "bearer_methods_supported": ["header"],
                "resource_name": "Orders tools" })
    );
    // PR02
    let spoofed = Request::get(format!("{WELL_KNOWN}/mcp"))
        .host("evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-proto", "http");
    assert_eq!(around.fetch(&spoofed).text(), known.text());
    // PR04
    let missing = around.fetch(&plain());
    assert_eq!(missing.verdict(), (401, "credential_missing".to_owned()));
    let told = missing.header("www-authenticate").unwrap_or_default();
    assert!(told.ends_with(&challenge(", scope=\"mcp:tools mcp:all\"")), "{told}");
    let grpc = around.fetch(&plain().grpc());
    let told = grpc.header("www-authenticate").unwrap_or_default();
    assert!(!told.contains("resource_metadata"), "{told}");
    // Over HTTP/2, too.
    let mut http2 = Http2::open(around.listener.port);
    assert_eq!(http2.fetch(&document("GET", "/mcp")).text(), known.text());
    // PR05
    let foreign = call("tools/call", "echo").header("origin", "https://evil.example");
    let denied = around.fetch(&foreign.bearer(around.token("mcp:tools")));
    assert_eq!(denied.verdict(), (403, "origin_refused".to_owned()));
    assert_eq!(denied.header("www-authenticate"), None);
    around.envoy.assert_no_trap();
}

#[test]
fn mc01_to_mc12_nobody_calls_a_tool_under_another_name() {
    const PASSES: &str = "";
    let around = Around::start("mcp_calls");
    let tools = around.token("mcp:tools");
    let versioned = |version: &str, name: &str| {
        plain()
            .header("mcp-protocol-version", version)
            .header("mcp-method", "tools/call")
            .header("mcp-name", name)
    };
    let long = "x".repeat(2048);
    let cases = [
        ("honest", call("tools/call", "danger"), "scope_insufficient"),
        ("another tool", call("tools/call", "echo"), PASSES),
        ("MC01: in base64", call("tools/call", "=?base64?ZGFuZ2Vy?="), "scope_insufficient"),
        ("MC02: no headers", plain(), "scope_insufficient"),
        ("MC03: an older revision", versioned("2025-11-25", "echo"), "scope_insufficient"),
        (
            "MC04: two names",
            call("tools/call", "echo").header("mcp-name", "danger"),
            "mcp_header_invalid",
        ),
        (
            "MC04: two methods",
            call("tools/call", "echo").header("mcp-method", "tools/list"),
            "mcp_header_invalid",
        ),
        ("MC04: too long", call("tools/call", &long), "mcp_header_invalid"),
        ("MC04: another case", call("tools/call", "=?BASE64?ZGFuZ2Vy?="), "mcp_header_invalid"),
        ("MC05: no name", call("tools/call", ""), "mcp_header_invalid"),
        ("MC05: a name that counts for nothing", call("tools/list", "danger"), PASSES),
        ("MC06: in capitals", call("TOOLS/CALL", "echo"), "scope_insufficient"),
        ("MC07: two revisions", versioned("2026-07-28, 2025-11-25", "echo"), "scope_insufficient"),
        ("MC08: left out", call("tools/call", "delete_x"), "scope_insufficient"),
        (
            "MC09: a foreign page",
            call("tools/call", "echo").header("origin", "https://evil.example"),
            "origin_refused",
        ),
        (
            "MC09: no page at all",
            call("tools/call", "echo").header("origin", "null"),
            "origin_refused",
        ),
        (
            "MC09: its own",
            call("tools/call", "echo").header("origin", "https://app.example.com"),
            PASSES,
        ),
        ("MC10: an older stream", Request::get("/mcp").host(HOST), "scope_insufficient"),
        (
            "MC10: the end of a session",
            Request::new("DELETE", "/mcp").host(HOST),
            "scope_insufficient",
        ),
        ("MC11: a file", call("resources/read", "file:///public/a"), PASSES),
        ("MC11: dots", call("resources/read", "file:///public/../secret"), "scope_insufficient"),
        (
            "MC11: encoded",
            call("resources/read", "file:///public/%2e%2e/secret"),
            "scope_insufficient",
        ),
        (
            "another spelling beside",
            call("tools/call", "danger").header("mcp.name", "echo"),
            "scope_insufficient",
        ),
    ];
    for (name, request, expected) in cases {
        let before = around.upstream.count();
        let answer = around.fetch(&request.clone().bearer(&tools));
        let found = if answer.status() == 200 { String::new() } else { answer.code() };
        assert_eq!(found, expected, "{name}: {}", answer.text());
        assert_eq!(around.upstream.count() > before, expected.is_empty(), "{name}");
        // MC12: without a credential nothing is said of the headers.
        if expected != "origin_refused" {
            let answer = around.fetch(&request);
            assert_eq!(answer.verdict(), (401, "credential_missing".to_owned()), "{name}");
            let told = answer.header("www-authenticate").unwrap_or_default();
            assert!(told.contains("resource_metadata="), "{name}: {told}");
        }
    }
    // What the scope is for.
    let answer =
        around.fetch(&call("tools/call", "danger").bearer(around.token("mcp:tools mcp:danger")));
    assert_eq!(answer.status(), 200);
    let refused = around.fetch(&call("tools/call", "danger").bearer(&tools));
    let told = refused.header("www-authenticate").unwrap_or_default();
    assert!(
        told.contains("scope=\"mcp:tools mcp:danger\"") && told.contains(&challenge("")),
        "{told}"
    );
    // Older revisions are granted by what grants the whole API.
    assert_eq!(around.fetch(&plain().bearer(around.token("mcp:tools mcp:all"))).status(), 200);
    eventually("older revisions are counted", || around.envoy.counter("tollgate_mcp_legacy") == 6);
    let line = around.envoy.refusals().into_iter().find(|line| line["mcp_name"] == "danger");
    assert_eq!(line.expect("a line")["mcp_method"], "tools/call");
    around.envoy.assert_no_trap();
}
