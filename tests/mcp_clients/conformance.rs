//! The conformance suite of MCP judges one official server without the filter and through it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::around::Around;
use super::harness::{Connection, Process, eventually, free_port, places};

/// How often a check of a scenario ended in a way.
type Results = BTreeMap<(String, String, String), usize>;

/// Gives requests at a port a token and passes them on.
fn with_token(around: &Around, port: u16, path: &str) -> Process {
    let token = around.provider.token("svc", "mcp:tools mcp:danger mcp:all", &around.url(path));
    let mut command = Command::new(places::node_22());
    command.arg(places::mcp_clients("with_token.mjs")).env("TOKEN", token);
    command.env("PORT", port.to_string()).env("TO", around.port.to_string());
    let log = places::scratch(&format!("mcp_with_token_{port}")).join("with_token.log");
    let process = Process::start(&mut command, &log);
    eventually("it to listen", || Connection::try_open(port).is_ok());
    process
}

/// What the suite says of a server at a revision.
fn judged(port: u16, path: &str, revision: &str) -> Results {
    let folder = places::scratch(&format!("mcp_conformance_{port}_{revision}"));
    let suite = "node_modules/@modelcontextprotocol/conformance/dist/index.js";
    let mut command = Command::new(places::node_22());
    command.arg(places::mcp_clients(suite)).arg("server");
    command.args(["--url", &format!("http://127.0.0.1:{port}{path}"), "--requirements", revision]);
    // Its status says whether the server does all that there is, which it need not.
    let output = command.arg("--output-dir").arg(&folder).output().expect("the suite runs");
    let results = results(&folder);
    assert!(!results.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    results
}

fn results(folder: &Path) -> Results {
    let mut all = Results::new();
    for scenario in std::fs::read_dir(folder).expect("the suite's folder") {
        let scenario = scenario.expect("a folder of a scenario");
        let name = scenario.file_name().into_string().expect("a name");
        // Behind the name stands when it ran.
        let name = name.split("-20").next().unwrap_or_default().to_owned();
        let checks = std::fs::read(scenario.path().join("checks.json")).expect("checks");
        let checks: Vec<Value> = serde_json::from_slice(&checks).expect("a list of checks");
        for check in checks {
            let text = |member: &str| check[member].as_str().expect("a text").to_owned();
            *all.entry((name.clone(), text("id"), text("status"))).or_default() += 1;
        }
    }
    all
}

#[test]
fn a_server_behind_the_filter_is_judged_as_without_it() {
    let [mcp, plain] = [free_port(), free_port()];
    let around = Around::start("mcp_conformance", mcp);
    let _pages = [with_token(&around, mcp, "/suite"), with_token(&around, plain, "/suite/plain")];
    for (revision, least) in [("2026-07-28", 110), ("2025-11-25", 50)] {
        let alone = judged(around.newer, "/suite", revision);
        let passed = |results: &Results| -> usize {
            let good = results.iter().filter(|((_, _, status), _)| status == "SUCCESS");
            good.map(|(_, times)| times).sum()
        };
        assert!(passed(&alone) >= least, "{revision}: {} {alone:#?}", passed(&alone));
        let behind = judged(plain, "/suite/plain", revision);
        assert_eq!(behind, alone, "{revision}: `resource` alone");
        let mut behind = judged(mcp, "/suite", revision);
        // What lacks `Mcp-Method` or `Mcp-Name` the filter refuses itself: with the status that is asked
        // for, and without the JSON-RPC error that a server should give.
        let code = |status: &str| {
            let [scenario, id] =
                ["server-http-header-validation", "sep-2243-server-reject-error-code"];
            (scenario.to_owned(), id.to_owned(), status.to_owned())
        };
        if revision == "2026-07-28" {
            assert_eq!(behind.remove(&code("WARNING")), Some(2), "{behind:#?}");
            *behind.entry(code("SUCCESS")).or_default() += 2;
        }
        assert_eq!(behind, alone, "{revision}: `resource` and `mcp`");
    }
    around.envoy.assert_no_trap();
}
