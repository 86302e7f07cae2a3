//! docs/operations.md, done as it stands: its blocks around the proxy of envoy.yaml, in its own folders.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::harness::{
    Connection, Envoy, Listener, Provider, Request, Site, Upstream, eventually, fetch, free_port,
    places, proxy,
};

/// The blocks of a section of a page.
fn blocks(page: &str, heading: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(places::project().join(page)).expect("the page");
    let (_, section) = text.split_once(&format!("\n{heading}\n")).expect(heading);
    let depth = heading.bytes().take_while(|byte| *byte == b'#').count();
    let ends = (1..=depth).filter_map(|depth| section.find(&format!("\n{} ", "#".repeat(depth))));
    let section = &section[..ends.min().unwrap_or(section.len())];
    let fence = format!("```{language}\n");
    let blocks = section.split(&fence).skip(1);
    blocks.map(|rest| rest.split("```").next().expect("an end").to_owned()).collect()
}

/// The two blocks of a way to deliver: what Envoy is told, and how the file begins.
fn way(heading: &str) -> [String; 2] {
    let found = blocks("docs/operations.md", heading, "yaml");
    found.try_into().unwrap_or_else(|found| panic!("two blocks, please: {found:?}"))
}

/// The lines of a text further in, or with a negative number further out.
fn indented(text: &str, by: isize) -> String {
    let line = |line: &str| match usize::try_from(by) {
        _ if line.is_empty() => "\n".to_owned(),
        Ok(more) => format!("{}{line}\n", " ".repeat(more)),
        Err(_) => format!("{}\n", line.get(by.unsigned_abs()..).unwrap_or_default()),
    };
    text.lines().map(line).collect()
}

/// A proxy in front of a provider, on a port of its own.
struct Stage {
    provider: Provider,
    _upstream: Upstream,
    port: u16,
    yaml: String,
    folder: PathBuf,
}

impl Stage {
    fn new(name: &str) -> Self {
        let (provider, upstream) = (Provider::start(name), Upstream::start());
        let port = free_port();
        let yaml = proxy(port, &provider, &upstream, None);
        let folder = places::scratch(&format!("{name}-files"));
        Self { provider, _upstream: upstream, port, yaml, folder }
    }

    fn ask(&self, shown: Option<&str>) -> (u16, String) {
        let request = Request::get("/orders/7");
        let request = shown.map_or_else(|| request.clone(), |token| request.clone().bearer(token));
        let answer = fetch(self.port, &request);
        (answer.status(), answer.header("www-authenticate").unwrap_or_default())
    }

    /// Envoy with this bootstrap.
    fn envoy(name: &str, bootstrap: &str) -> Envoy {
        let site = Site::new(name, 0).workers(2).wasm_log("info");
        Envoy::with_bootstrap_at(&site, bootstrap)
    }
}

/// Puts a file in the place of another, as the page says.
fn deliver(text: &str, file: &Path) {
    let beside = file.with_extension("next");
    fs::write(&beside, text).expect("a file beside it");
    let moved = Command::new("mv").arg(&beside).arg(file).status().expect("mv runs");
    assert!(moved.success());
}

fn with_realm(text: &str) -> String {
    changed(text, "\"providers\": {", "\"realm\": \"second\", \"providers\": {")
}

fn wrong(text: &str) -> String {
    changed(text, "\"audiences\"", "\"audience\"")
}

fn changed(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from}");
    text.replace(from, to)
}

#[test]
fn by_the_listener_a_configuration_and_a_module_change_without_a_restart() {
    let stage = Stage::new("operations-lds");
    let [told, head] = way("### By the listener");
    let (before, rest) = stage.yaml.split_once("  listeners:\n").expect("listeners");
    let (listener, clusters) = rest.split_once("  clusters:\n").expect("clusters");
    let (head, _) = head.split_once("    # address").expect("a mark");
    let (name, listener) = listener.split_once('\n').expect("a name");
    assert_eq!(name, "    - name: api");
    let first = format!("{head}{}", indented(listener, -2));
    let folder = stage.folder.display().to_string();
    let file = stage.folder.join("listeners.yaml");
    deliver(&first, &file);
    let bootstrap = format!("{told}{before}  clusters:\n{clusters}");
    let bootstrap = bootstrap.replace("/etc/envoy/lds", &folder);
    let envoy = Stage::envoy("operations-lds", &bootstrap);
    let token = stage.provider.token("svc", "orders:read", Provider::AUDIENCE);
    eventually("the listener", || Connection::try_open(stage.port).is_ok());
    assert_eq!(stage.ask(Some(&token)).0, 200);
    assert_eq!(stage.ask(None), (401, "Bearer realm=\"api\"".into()));

    deliver(&wrong(&first), &file);
    eventually("a refusal", || envoy.stat("listener_manager.lds.update_rejected") == 1);
    assert_eq!(stage.ask(Some(&token)).0, 200, "the one before goes on");

    // The next version of the module is another file: here the same with a note in it.
    let module = places::wasm();
    let next = stage.folder.join("tollgate-0.2.0.wasm");
    let mut bytes = fs::read(&module).expect("the module");
    bytes.extend([0, 5, 4, b'n', b'e', b'x', b't']);
    fs::write(&next, bytes).expect("the next module");
    let module = module.display().to_string();
    let second = changed(&with_realm(&first), &module, &next.display().to_string());
    deliver(&second, &file);
    eventually("the new one", || stage.ask(None) == (401, "Bearer realm=\"second\"".into()));
    assert_eq!(stage.ask(Some(&token)).0, 200);
    assert_eq!(envoy.counter("tollgate_keys_fetch_ok_okta"), 1, "the keys stayed");
    eventually("the counters to go on", || envoy.counter("tollgate_allowed") == 3);

    // What the page does to the log, as Envoy writes it by default.
    let [command] = &blocks("docs/operations.md", "## Logs as JSON", "sh")[..] else {
        panic!("one command, please")
    };
    let log = stage.folder.join("envoy.log");
    fs::write(&log, envoy.log()).expect("a copy of the log");
    let ran = Command::new("sh").args(["-c", command]).current_dir(&stage.folder).output();
    let out = String::from_utf8(ran.expect("sh runs").stdout).expect("UTF-8");
    let events: Vec<_> = out.lines().map(event).collect();
    for name in ["configuration_loaded", "keys_changed", "request_denied"] {
        assert!(events.iter().any(|event| event == name), "{name}: {out}");
    }
    envoy.assert_clean(&[token]);
}

/// The event that a line of JSON tells of.
fn event(line: &str) -> String {
    let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    line["event"].as_str().expect("an event").to_owned()
}

#[test]
fn by_the_filter_alone_connections_stay_and_a_wrong_start_lets_nothing_through() {
    let stage = Stage::new("operations-ecds");
    let [told, head] = way("### By the filter");
    let (before, rest) = stage.yaml.split_once("                  - name: tollgate\n").expect("it");
    let (filter, after) =
        rest.split_once("                  # An example of a filter").expect("next");
    let (typed, config) = filter.split_once("                      config:\n").expect("config");
    assert!(typed.contains("http.wasm.v3.Wasm"));
    let (head, _) = head.split_once("      # config").expect("a mark");
    let first = format!("{head}      config:\n{}", indented(config, -16));
    let folder = stage.folder.display().to_string();
    let file = stage.folder.join("tollgate.yaml");
    let [told_node, _] = way("### By the listener");
    let node = told_node.lines().next().expect("a node");
    let told = indented(&told, 18).replace("/etc/envoy/ecds", &folder);
    let bootstrap =
        format!("{node}\n{before}{told}                  # An example of a filter{after}");

    deliver(&wrong(&first), &file);
    let refused = Stage::envoy("operations-ecds-wrong", &bootstrap);
    eventually("an answer", || Connection::try_open(stage.port).is_ok());
    let token = stage.provider.token("svc", "orders:read", Provider::AUDIENCE);
    eventually("500", || stage.ask(Some(&token)).0 == 500);
    drop(refused);

    deliver(&first, &file);
    let envoy = Stage::envoy("operations-ecds", &bootstrap);
    eventually("the listener", || Connection::try_open(stage.port).is_ok());
    eventually("the filter", || stage.ask(Some(&token)).0 == 200);
    let mut open = Connection::open(stage.port);
    assert!(
        open.fetch(&Request::get("/orders/7")).header("www-authenticate").unwrap().contains("api")
    );

    let count =
        |what: &str| envoy.stat(&format!("extension_config_discovery.http_filter.tollgate.{what}"));
    deliver(&wrong(&first), &file);
    eventually("a refusal", || count("update_rejected") == 1);
    assert_eq!(stage.ask(Some(&token)).0, 200, "the one before goes on");

    deliver(&with_realm(&first), &file);
    eventually("the new one", || stage.ask(None) == (401, "Bearer realm=\"second\"".into()));
    let challenge = open.fetch(&Request::get("/orders/7")).header("www-authenticate").unwrap();
    assert!(challenge.contains("second"), "the open connection has the new one: {challenge}");
    assert_eq!(envoy.counter("tollgate_keys_fetch_ok_okta"), 1, "the keys stayed");
    envoy.assert_clean(&[token]);
}

#[test]
fn the_log_is_json_and_prometheus_has_labels_where_the_bootstrap_says_so() {
    let stage = Stage::new("operations-log");
    let json = blocks("docs/operations.md", "## Logs as JSON", "yaml").concat();
    let labels = blocks("docs/metrics.md", "## Labels", "yaml").concat();
    // envoy.yaml has the labels.
    assert!(stage.yaml.contains(labels.trim()), "{labels}");
    let envoy = Stage::envoy("operations-log", &format!("{json}{}", stage.yaml));
    assert_eq!(stage.ask(None).0, 401);
    envoy.wait_for_log("request_denied");
    let log = envoy.log();
    // The access log of envoy.yaml goes to the same place, and is JSON, too.
    let messages: Vec<_> = log
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str::<Value>(line).expect(line))
        .filter_map(|line| Some(line["message"].as_str()?.to_owned()))
        .filter(|message| message.starts_with("wasm log") && message.contains('{'))
        .map(|message| event(&message[message.find('{').unwrap()..]))
        .collect();
    assert!(messages.iter().any(|event| event == "request_denied"), "{log}");
    let label = "tollgate_denied{code=\"credential_missing\"} 1";
    eventually("a label", || envoy.prometheus().contains(label));
}

#[test]
fn a_provider_by_a_ca_of_ones_own_is_reached_and_under_another_name_it_is_not() {
    let stage = Stage::new("operations-ca");
    // Who speaks TLS in front of the provider.
    let front = Listener::plain().tls("localhost");
    let site = Site::new("operations-ca-front", stage.provider.port()).listener(&front);
    let _front = Envoy::start(&site);
    let [snippet] = &blocks("docs/operations.md", "## A CA of your own", "yaml")[..] else {
        panic!("one block, please")
    };
    let authority = places::tls("ca.pem").display().to_string();
    let snippet = changed(snippet, "/etc/envoy/own-ca.pem", &authority);
    let snippet = indented(&snippet, 12);
    let plain = "    - name: okta\n      type: STATIC\n";
    let bootstrap = |name: &str| {
        let snippet = changed(&snippet, "keycloak.example.com", name);
        let socket = format!(
            "{plain}      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
          sni: localhost
          common_tls_context:
{snippet}"
        );
        let yaml = changed(&stage.yaml, plain, &socket);
        let (before, cluster) = yaml.split_once("cluster_name: okta").expect("the cluster");
        let port = |port| format!("port_value: {port}");
        let cluster = changed(cluster, &port(stage.provider.port()), &port(front.port));
        format!("{before}cluster_name: okta{cluster}")
    };
    let token = stage.provider.token("svc", "orders:read", Provider::AUDIENCE);

    let wrong = Stage::envoy("operations-ca-wrong", &bootstrap("keycloak.example.com"));
    wrong.wait_for_log("keys_fetch_failed");
    wrong.wait_for_log("remote connection failure");
    eventually("a name to be refused", || wrong.stat("cluster.okta.ssl.fail_verify_san") > 0);
    drop(wrong);

    let envoy = Stage::envoy("operations-ca", &bootstrap("localhost"));
    eventually("the keys", || stage.ask(Some(&token)).0 == 200);
    envoy.assert_clean(&[token]);
}
