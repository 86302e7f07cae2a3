//! docs/origin-story.md, played through: its files, its commands, what they print, with the real
//! provider and a real Envoy.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};

use super::harness::{Envoy, Provider, Site, Upstream, eventually, free_port, places, proxy};
use crate::console::examples;

const PAGE: &str = include_str!("../../../docs/origin-story.md");

/// The files of the page: blocks of JSON and of the shell, each with the name that stands in the
/// paragraph before it.
fn files() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut name = None;
    let mut lines = PAGE.lines();
    while let Some(line) = lines.next() {
        let named = line.split('`').skip(1).step_by(2);
        let last = named.filter(|text| text.ends_with(".json") || text.ends_with(".sh")).last();
        name = last.map(str::to_owned).or(name);
        let is_file = ["```json", "```sh"].contains(&line);
        if line.starts_with("```") {
            let text: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            if is_file {
                found.push((name.take().expect("a name"), text.join("\n") + "\n"));
            }
        }
    }
    found
}

/// Envoy with a configuration of the page, and its log where the page looks for it.
fn envoy(folder: &Path, port: u16, provider: &Provider, upstream: &Upstream) -> Envoy {
    let text = fs::read_to_string(folder.join("orders.json")).expect("orders.json");
    let text = text.replace(&format!("127.0.0.1:{}", provider.port()), "127.0.0.1:9000");
    let yaml = proxy(port, provider, upstream, Some(&text));
    let site = Site::new("origin-envoy", upstream.port()).workers(2).wasm_log("info");
    let envoy = Envoy::with_bootstrap_at(&site, &yaml);
    let log = places::target().join("e2e/origin-envoy/envoy.log");
    symlink(log, folder.join("envoy.log")).expect("a link");
    envoy
}

#[test]
fn each_question_of_the_thread_has_a_command_that_answers_it() {
    let folder = places::scratch("origin");
    let (provider, upstream) = (Provider::start("origin"), Upstream::start());
    let port = free_port();
    let ports = [("9000", provider.port()), ("9001", provider.control_port()), ("10000", port)];
    let ports =
        ports.map(|(told, there)| (format!("127.0.0.1:{told}"), format!("127.0.0.1:{there}")));
    let files = files();
    assert_eq!(files.len(), 6, "{files:?}");
    for (name, text) in &files {
        let text = ports.iter().fold(text.clone(), |text, (told, there)| text.replace(told, there));
        fs::write(folder.join(name), text).expect("a file of the page");
    }
    let examples = examples(PAGE);
    assert!(examples.len() >= 12, "{}", examples.len());
    let mut running: Option<Envoy> = None;
    let mut calls = 0;
    for example in examples {
        let is_call = example.command.contains("call.sh");
        if is_call {
            running.get_or_insert_with(|| envoy(&folder, port, &provider, &upstream));
            calls += 1;
        }
        example.hold(&folder, &ports);
        if let Some(envoy) = running.as_ref().filter(|_| is_call) {
            let is_detail = |line: &Value| line["event"] == "request_detail";
            eventually("a line for each request", || {
                envoy.filter_lines().iter().filter(|line| is_detail(line)).count() >= calls
            });
        }
    }
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("a token");
    let tokens: Vec<_> = ["token.txt", "late.txt", "new.txt", "opaque.txt"].map(read).into();
    let tokens: Vec<_> = tokens.iter().map(|token| token.trim()).collect();
    // What the other server issues is no JWT.
    assert!(!tokens[3].is_empty() && !tokens[3].contains('.'), "an opaque token");
    let envoy = running.expect("somebody called");
    envoy.assert_clean(&tokens);
    // The client that was registered has what its file says.
    let client: Value = serde_json::from_str(&read("client.json")).expect("JSON");
    assert!(client["client_secret"].is_string(), "{:?}", client.as_object().map(|all| all.len()));
    // One of the lines is about that caller, wherever it calls.
    let detail = json!([{ "provider": "okta", "identity": "0oa5example" }, { "api": "orders" }]);
    let config: Value = serde_json::from_str(&read("orders.json")).expect("JSON");
    assert_eq!(config["log"]["detail"], detail);
}
