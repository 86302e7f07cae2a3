//! What gets around a rule that looks at one header alone, against an official server: without the filter
//! it works, with it it does not.

use serde_json::{Value, json};

use super::around::Around;
use super::harness::{Request, Response, fetch};

const TODAY: &str = "2026-07-28";

/// A request whose body calls `danger`; with a revision it says so in the body as well, as those of today do.
fn calling(path: &str, revision: Option<&str>, headers: &[(&str, &str)]) -> Request {
    let mut params = json!({ "name": "danger", "arguments": {} });
    if let Some(revision) = revision {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": revision,
            "io.modelcontextprotocol/clientInfo": { "name": "impostor", "version": "1.0.0" },
            "io.modelcontextprotocol/clientCapabilities": {},
        });
    }
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let mut request = Request::new("POST", path)
        .host("127.0.0.1")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request.body(body.to_string())
}

/// How it ended: the tool has answered, the server has refused, or the filter.
fn ended(answer: &Response) -> String {
    let text = answer.text();
    if text.contains("boom") {
        return "called".to_owned();
    }
    let json: Value = serde_json::from_str(&text).unwrap_or_default();
    match &json["error"]["code"] {
        Value::Null => json["code"].as_str().map_or(text, str::to_owned),
        code => format!("{} {code}", answer.status()),
    }
}

#[test]
fn mc01_to_mc03_what_gets_around_one_header_gets_nowhere() {
    let around = Around::start("mcp_impostors", 0);
    let token = around.provider.token("svc", "mcp:tools", &around.url("/mcp"));
    let version = |version| ("mcp-protocol-version", version);
    let (method, name) = (("mcp-method", "tools/call"), |name| ("mcp-name", name));
    let lacking = "scope_insufficient";
    let cases = [
        // name, revision in the body, headers, the server alone, through the filter
        ("honest", Some(TODAY), vec![version(TODAY), method, name("danger")], "called", lacking),
        (
            "MC01: in base64",
            Some(TODAY),
            vec![version(TODAY), method, name("=?base64?ZGFuZ2Vy?=")],
            "called",
            lacking,
        ),
        ("MC02: no header of MCP", None, vec![], "called", lacking),
        (
            "MC03: an older revision and another name",
            None,
            vec![version("2025-11-25"), method, name("echo")],
            "called",
            lacking,
        ),
        // The filter reads no bodies: this is the server's part.
        (
            "another name",
            Some(TODAY),
            vec![version(TODAY), method, name("echo")],
            "400 -32020",
            "400 -32020",
        ),
        (
            "another method",
            Some(TODAY),
            vec![version(TODAY), ("mcp-method", "tools/list")],
            "400 -32020",
            "400 -32020",
        ),
        (
            "two names",
            Some(TODAY),
            vec![version(TODAY), method, name("echo"), name("danger")],
            "400 -32020",
            "mcp_header_invalid",
        ),
    ];
    for (what, revision, headers, alone, through) in cases {
        let request = calling("/mcp", revision, &headers);
        assert_eq!(ended(&fetch(around.newer, &request)), alone, "{what}: the server alone");
        let answer = fetch(around.port, &request.bearer(&token));
        assert_eq!(ended(&answer), through, "{what}: through the filter");
    }
    around.envoy.assert_no_trap();
    around.envoy.assert_no_secret(&[&token]);
}
