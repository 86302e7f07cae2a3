//! Servers of the Model Context Protocol, and what policies grant of them.

use serde_json::{Value, json};

use crate::case::Case;
use crate::case::Shows::{Problem, Refusal};
use crate::scene::Change;

/// A scene in which the caller has tools, and calls one of them, and these changes.
fn tools(changes: &[Change]) -> Vec<Change> {
    let mut all = vec![
        ("/config/apis/0/match/paths", json!(["/mcp"])),
        ("/config/apis/0/mcp", json!({})),
        ("/config/apis/0/policies", json!({ "default": ["reader"] })),
        ("/config/policies/reader/access", json!([entry(&["orders_*"])])),
        ("/request/path", json!("/mcp")),
        ("/request/method", json!("POST")),
        ("/request/headers/-", json!(["mcp-protocol-version", "2026-07-28"])),
        ("/request/headers/-", json!(["mcp-method", "tools/call"])),
        ("/request/headers/-", json!(["mcp-name", "orders_find"])),
    ];
    all.extend_from_slice(changes);
    all
}

fn entry(names: &[&str]) -> Value {
    json!({ "apis": ["orders"], "mcp": { "methods": ["tools/call"], "names": names } })
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "T01",
            did: "Wrote a `*` into the middle of a tool's name.",
            wrong: tools(&[(
                "/config/policies/reader/access/0/mcp/names/0",
                json!("orders_*_find"),
            )]),
            shows: Problem,
            field: "policies.reader.access[0].mcp.names[0]",
            words: &["`orders_*_find` is no pattern", "at its end"],
            remedy: "Write the names, or what they begin with.",
            right: vec![("/config/policies/reader/access/0/mcp/names/0", json!("orders_*"))],
        },
        Case {
            id: "T02",
            did: "Granted tools of an API that nobody said to be a server of MCP.",
            wrong: tools(&[("/config/apis/0/mcp", json!(null))]),
            shows: Problem,
            field: "policies.reader.access[0].apis[0]",
            words: &["this API has no `mcp`", "write \"mcp\": {} there"],
            remedy: "Say `mcp` at the API.",
            right: vec![("/config/apis/0/mcp", json!({}))],
        },
        Case {
            id: "T03",
            did: "Granted tools by name alone, and had clients that speak an older revision.",
            wrong: tools(&[("/request/headers/1/1", json!("2025-11-25"))]),
            shows: Refusal("access_denied"),
            field: "policies.reader.access",
            words: &["of MCP `tools/call` of `orders_*`"],
            remedy: "Add an entry without `mcp` for those who may use everything.",
            right: vec![("/config/policies/reader/access/-", json!({ "apis": ["orders"] }))],
        },
        Case {
            id: "T04",
            did: "Refused older revisions before the last client had gone.",
            wrong: tools(&[
                ("/config/apis/0/mcp/legacy", json!("refuse")),
                ("/config/policies/reader/access/-", json!({ "apis": ["orders"] })),
                ("/request/headers/1/1", json!("2025-11-25")),
            ]),
            shows: Refusal("mcp_version_refused"),
            field: "apis[0].mcp.legacy",
            words: &["the revision `2025-11-25`", "`2026-07-28` alone"],
            remedy: "Take them as a whole until then.",
            right: vec![("/config/apis/0/mcp/legacy", json!("whole"))],
        },
        Case {
            id: "T05",
            did: "Called the server from a page, and did not list its origin.",
            wrong: tools(&[("/request/headers/-", json!(["origin", "https://app.example.com"]))]),
            shows: Refusal("origin_refused"),
            field: "apis[0].mcp.origins",
            words: &["a page of `https://app.example.com`"],
            remedy: "List the origin.",
            right: vec![("/config/apis/0/mcp/origins", json!(["https://app.example.com"]))],
        },
        Case {
            id: "T06",
            did: "Took tokens from the query of a server of MCP.",
            wrong: tools(&[(
                "/config/providers/okta/from",
                json!([{ "header": "authorization" }, { "query": "access_token" }]),
            )]),
            shows: Problem,
            field: "providers.okta.from[1]",
            words: &["must not send tokens in the query"],
            remedy: "Delete the place, or limit it to other APIs.",
            right: vec![("/config/providers/okta/from/1", json!(null))],
        },
        Case {
            id: "T07",
            did: "Believed headers of a revision whose servers do not look at them.",
            wrong: tools(&[("/config/apis/0/mcp/versions", json!(["2025-11-25", "2026-07-28"]))]),
            shows: Problem,
            field: "apis[0].mcp.versions[0]",
            words: &["servers compare them with bodies from 2026-07-28 on", "`legacy`"],
            remedy: "Leave it to `legacy`.",
            right: vec![("/config/apis/0/mcp/versions/0", json!(null))],
        },
    ]
}
