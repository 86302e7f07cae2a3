//! From the first 401 to a tool that needs more than the first token was for.

use std::process::Command;

use serde_json::{Value, json};

use super::around::Around;
use super::harness::places;

/// The client that the provider knows; without one, a client registers itself.
const KNOWN: Option<&str> = Some("mcp-client");

/// An official client.
#[derive(Clone, Copy, Debug)]
enum Client {
    /// npm `@modelcontextprotocol/client` 2.4.0, which asks for the server's revisions.
    Npm,
    /// npm `@modelcontextprotocol/sdk` 1.32.2, of 2025-11-25.
    NpmOlder,
    /// PyPI `mcp` 2.3.0, which asks for the server's revisions.
    Python,
    /// The same, as it was before 2026-07-28.
    PythonOlder,
}

impl Client {
    /// What it did at an API, as client.mjs tells it: `echo` first, then `danger`.
    fn through(self, around: &Around, path: &str, registered: Option<&str>) -> Value {
        let (program, file, key, value) = match self {
            Self::Npm => (places::node_22(), "client.mjs", "package", "client"),
            Self::NpmOlder => (places::node_22(), "client.mjs", "package", "sdk"),
            Self::Python => (places::python_mcp(), "client.py", "mode", "auto"),
            Self::PythonOlder => (places::python_mcp(), "client.py", "mode", "legacy"),
        };
        let mut wanted = json!({ "url": around.url(path), "registered": registered,
                                 "calls": [["echo", { "text": "hello" }], ["danger", {}]] });
        wanted[key] = value.into();
        let mut command = Command::new(program);
        command.arg(places::mcp_clients(file)).arg(wanted.to_string());
        let output = command.env("NODE", places::node_22()).output().expect("the client runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{self:?}: {errors}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"))
    }
}

/// The requests of one kind, in their order, each once where it came again at once.
fn requests(told: &Value, of: impl Fn(&str) -> bool) -> Vec<&str> {
    let all = told["http"].as_array().expect("requests").iter().filter_map(Value::as_str);
    let mut found: Vec<_> = all.filter(|line| of(line)).collect();
    found.dedup();
    found
}

/// What was asked of the person, and with it of the provider: scopes for the resource, with PKCE.
fn asked(around: &Around, path: &str, scopes: &[&str]) -> Value {
    let resource = around.url(path);
    let each = |scope: &&str| json!({ "scope": scope, "resource": resource, "pkce": "S256" });
    scopes.iter().map(each).collect()
}

/// Both tools have answered, and the server knows who called, and has no token.
fn assert_called(told: &Value, revision: &str) {
    assert_eq!(told["failed"], Value::Null, "{told:#}");
    assert_eq!(told["revision"], revision);
    assert_eq!(told["tools"], json!(["echo", "danger"]));
    let answer = |text: &str| json!({ "text": text, "identity": "alice", "credential": false });
    let [echo, danger] = ["hello", "boom"].map(answer);
    assert_eq!(told["calls"], json!([echo, danger]));
}

/// The way to a first token: from the challenge by both documents, with a registration where the client
/// is not known.
fn way(path: &str, registered: Option<&str>) -> Vec<String> {
    let mut way = vec![
        format!("GET /.well-known/oauth-protected-resource{path} 200"),
        "GET /.well-known/oauth-authorization-server/oauth2/default 200".to_owned(),
    ];
    if registered.is_none() {
        way.push("POST /oauth2/default/v1/clients 201".to_owned());
    }
    way
}

fn assert_way(told: &Value, path: &str, registered: Option<&str>) {
    let all = requests(told, |_| true);
    let way = way(path, registered);
    assert!(all[0].starts_with("POST") && all[0].ends_with(" 401"), "{all:?}");
    assert_eq!(all[1..=way.len()], way, "{all:?}");
}

#[test]
fn clients_of_today_sign_in_step_up_and_call() {
    let around = Around::start("mcp_today", 0);
    for client in [Client::Npm, Client::Python] {
        let told = client.through(&around, "/mcp", KNOWN);
        assert_called(&told, "2026-07-28");
        assert_way(&told, "/mcp", KNOWN);
        let calls = [
            "POST /mcp server/discover 401",
            "POST /mcp server/discover 200",
            "POST /mcp tools/list 200",
            "POST /mcp tools/call echo 200",
            "POST /mcp tools/call danger 403",
            "POST /mcp tools/call danger 200",
        ];
        assert_eq!(requests(&told, |line| line.starts_with("POST /mcp")), calls, "{client:?}");
        let scopes = ["mcp:tools", "mcp:tools mcp:danger"];
        assert_eq!(told["asked"], asked(&around, "/mcp", &scopes), "{client:?}");
        let token = json!({ "audience": around.url("/mcp"), "scope": scopes[1] });
        assert_eq!(told["token"], token, "{client:?}");
    }
    assert_eq!(around.envoy.counter("tollgate_mcp_legacy"), 0);
    around.envoy.assert_no_trap();
}

#[test]
fn clients_that_register_themselves_are_held_to_their_first_scopes_by_the_provider() {
    let around = Around::start("mcp_registered", 0);
    for client in [Client::Npm, Client::Python] {
        let told = client.through(&around, "/mcp", None);
        assert_way(&told, "/mcp", None);
        assert_eq!(told["calls"][0]["text"], "hello", "{client:?}: {told:#}");
        let scopes = ["mcp:tools", "mcp:tools mcp:danger"];
        assert_eq!(told["asked"], asked(&around, "/mcp", &scopes), "{client:?}");
        let failed = told["failed"].as_str().unwrap_or_default();
        assert!(failed.ends_with("invalid_scope: requested scope is not allowed"), "{told:#}");
    }
    // Those of older revisions are told at once all that they will need.
    for client in [Client::NpmOlder, Client::PythonOlder] {
        let told = client.through(&around, "/older", None);
        assert_called(&told, "2025-11-25");
        assert_way(&told, "/older", None);
        assert_eq!(told["asked"], asked(&around, "/older", &["mcp:tools mcp:all"]), "{client:?}");
    }
    around.envoy.assert_no_trap();
}

#[test]
fn clients_of_older_revisions_sign_in_step_up_and_call() {
    let around = Around::start("mcp_older", 0);
    let all = ["mcp:tools", "mcp:tools mcp:all"];
    // Of all clients only this one asks for nothing but what the second challenge names.
    let told = Client::NpmOlder.through(&around, "/later", KNOWN);
    assert_called(&told, "2025-11-25");
    assert_way(&told, "/later", KNOWN);
    assert_eq!(told["asked"], asked(&around, "/later", &all));
    let calls = requests(&told, |line| line.starts_with("POST /later"));
    assert_eq!(calls[..3], ["POST /later 401", "POST /later 403", "POST /later 200"]);
    // It does not step up twice in one request, so it has to be told at once.
    let told = Client::PythonOlder.through(&around, "/older", KNOWN);
    assert_called(&told, "2025-11-25");
    assert_eq!(told["asked"], asked(&around, "/older", &all[1..]));
    // A server of both eras serves them, too.
    for client in [Client::NpmOlder, Client::PythonOlder] {
        let told = client.through(&around, "/mcp", KNOWN);
        assert_called(&told, "2025-11-25");
        assert_eq!(told["asked"], asked(&around, "/mcp", &all[1..]), "{client:?}");
    }
    // Clients of today find out that a server is older, and then need what those need.
    for client in [Client::Npm, Client::Python] {
        let told = client.through(&around, "/older", KNOWN);
        assert_called(&told, "2025-11-25");
        assert_eq!(told["asked"], asked(&around, "/older", &all), "{client:?}");
    }
    assert!(around.envoy.counter("tollgate_mcp_legacy") > 0);
    around.envoy.assert_no_trap();
}
