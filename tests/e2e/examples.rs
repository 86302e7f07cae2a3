//! The proxies of examples/envoy, run as they are but for ports and the module's place: what the
//! commands at the top of each file say, happens.

use std::path::PathBuf;

use super::harness::{Envoy, Request, eventually, fetch, free_port, places};

/// A command at the top of an example, and the status that it promises.
struct Command {
    request: Request,
    path: String,
    status: u16,
}

/// The `curl` lines of an example.
fn commands(yaml: &str) -> Vec<Command> {
    yaml.lines().filter_map(|line| line.strip_prefix("#   curl ")).map(command).collect()
}

/// Reads `-H 'name: value' http://127.0.0.1:10000/path   # status: remark`.
fn command(line: &str) -> Command {
    let (arguments, promise) = line.split_once(" # ").expect("a promise");
    let status = promise.get(..3).and_then(|status| status.parse().ok()).expect("a status");
    let (headers, url) = arguments.trim().rsplit_once(' ').unwrap_or(("", arguments.trim()));
    let path = url.strip_prefix("http://127.0.0.1:10000").expect("the example's address");
    let mut request = Request::get(path);
    for header in headers.split("-H ").filter(|text| !text.is_empty()) {
        let (name, value) = header.trim().trim_matches('\'').split_once(": ").expect("a header");
        request = request.header(name, value);
    }
    Command { request, path: path.to_owned(), status }
}

/// Runs an example and each of its commands; every one must come to its status. Says what Envoy
/// wrote once every path of `logged` is in it.
fn run(name: &str, logged: &[&str]) -> String {
    let file: PathBuf = places::project().join("examples/envoy").join(format!("{name}.yaml"));
    let yaml = std::fs::read_to_string(file).expect("the example");
    let port = free_port();
    let module = places::wasm();
    let module = module.to_str().expect("a path in UTF-8");
    let replaced = |text: &str, from: &str, to: &str| {
        assert_eq!(text.matches(from).count(), 1, "{name}: {from}");
        text.replace(from, to)
    };
    let here = replaced(&yaml, "port_value: 10000", &format!("port_value: {port}"));
    let here = replaced(&here, "target/wasm32-wasip1/release/tollgate.wasm", module);
    assert!(
        yaml.contains(&format!("#   make wasm && envoy -c examples/envoy/{name}.yaml\n")),
        "{name} does not say how it is run"
    );
    let envoy = Envoy::with_bootstrap(&format!("example-{name}"), &here);
    let commands = commands(&yaml);
    assert!(commands.len() >= 2, "{name} promises little");
    for Command { request, path, status } in commands {
        assert_eq!(fetch(port, &request).status(), status, "{name}: {path}");
    }
    for path in logged {
        let entry = format!("\"path\":\"{path}\"");
        eventually(&format!("{path} in the access log of {name}"), || envoy.log().contains(&entry));
    }
    envoy.assert_no_trap();
    envoy.log()
}

#[test]
fn a_bootstrap_can_make_labels_of_the_names_of_metrics() {
    let text =
        std::fs::read_to_string(places::project().join("docs/metrics.md")).expect("the page");
    let section = text.split_once("## Labels").expect("the section").1;
    let tags =
        section.split_once("```yaml\n").expect("the lines").1.split_once("```").expect("an end").0;
    let file = places::project().join("examples/envoy/rbac.yaml");
    let yaml = std::fs::read_to_string(file).expect("the example");
    let (port, module) = (free_port(), places::wasm());
    let here = yaml
        .replace("port_value: 10000", &format!("port_value: {port}"))
        .replace("target/wasm32-wasip1/release/tollgate.wasm", module.to_str().expect("UTF-8"));
    let envoy = Envoy::with_bootstrap("labels", &format!("{here}\n{tags}"));
    assert_eq!(fetch(port, &Request::get("/nobody")).status(), 401);
    let has = |start: &str| envoy.prometheus().lines().any(|line| line.starts_with(start));
    eventually("a label of each kind", || {
        has(r#"tollgate_denied{code="credential_missing"} 1"#)
            && has(r#"tollgate_api_denied{api=""#)
            && has(r#"tollgate_provider_denied{provider=""#)
    });
    assert!(!has("tollgate_denied_credential_missing"), "{}", envoy.prometheus());
}

#[test]
fn envoys_rbac_can_go_by_the_identity() {
    run("rbac", &[]);
}

#[test]
fn envoys_rate_limits_can_go_by_the_identity() {
    run("rate-limit", &[]);
}

#[test]
fn cel_can_choose_what_is_logged() {
    // The last of them is written last.
    let log = run("cel", &["/refused", "/alice"]);
    assert!(!log.contains("\"path\":\"/bob\""), "{log}");
}

#[test]
fn an_access_log_says_who_called_and_why_not() {
    let log = run("access-log", &["/nobody", "/alice"]);
    let file = places::project().join("examples/envoy/access-log.yaml");
    let yaml = std::fs::read_to_string(file).expect("the example");
    let promised = yaml.lines().find_map(|line| line.strip_prefix("#   {")).expect("a line");
    let promised: serde_json::Value = serde_json::from_str(&format!("{{{promised}")).unwrap();
    let lines: Vec<serde_json::Value> =
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(lines.contains(&promised), "{lines:?}");
    let refused = lines.iter().find(|line| line["path"] == "/nobody").unwrap();
    assert_eq!(refused["code"], "credential_missing");
    assert_eq!(refused["details"], "tollgate_credential_missing");
    assert_eq!(refused["identity"], serde_json::Value::Null);
}
