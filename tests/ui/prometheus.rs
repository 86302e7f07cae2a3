//! The dashboard and the alerts, in a real Prometheus that scrapes the demo's Envoy.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::harness::{
    Connection, Envoy, Process, Provider, Request, Site, Upstream, eventually, fetch, free_port,
    places, proxy, within,
};

/// How long a series may take to have the samples that a query needs.
const DEADLINE: Duration = Duration::from_secs(120);

fn dashboards(file: &str) -> PathBuf {
    places::project().join("dashboards").join(file)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn dashboard() -> Value {
    serde_json::from_str(&read(&dashboards("tollgate.json"))).expect("a dashboard in JSON")
}

/// The panels that show something: rows are headings.
fn panels(dashboard: &Value) -> Vec<&Value> {
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    panels.filter(|panel| panel["type"] != "row").collect()
}

/// The queries of a dashboard, with its variables filled in as Grafana would for "all".
fn queries(dashboard: &Value) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for panel in panels(dashboard) {
        let title = panel["title"].as_str().expect("a title");
        for target in panel["targets"].as_array().expect("queries") {
            let query = target["expr"].as_str().expect("a query");
            let query = query.replace("$__rate_interval", "1m").replace("$instance", ".*");
            assert!(!query.contains('$') || query.contains("\"$1\""), "{title}: {query}");
            all.push((title.to_owned(), query));
        }
    }
    all
}

/// Runs a tool to its end; what it said, where that went well.
fn tool(arguments: &[&str], file: &Path) -> String {
    let output = Command::new(places::promtool()).args(arguments).arg(file).output();
    let output = output.expect("promtool runs");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "promtool {arguments:?}:\n{said}");
    said
}

/// The scrape configuration of docs/metrics.md, with this machine's ports and a short interval.
fn scrape_configuration(envoy: u16, rules: &Path) -> String {
    let text = read(&places::project().join("docs/metrics.md"));
    let section = text.split_once("## Prometheus and Grafana").expect("the section").1;
    let yaml = section.split_once("```yaml\n").expect("the configuration").1;
    let yaml = yaml.split_once("```").expect("its end").0;
    let replaced = [
        ("scrape_interval: 15s", "scrape_interval: 1s".to_owned()),
        ("evaluation_interval: 15s", "evaluation_interval: 1s".to_owned()),
        ("127.0.0.1:9901", format!("127.0.0.1:{envoy}")),
        ("dashboards/alerts.yaml", rules.display().to_string()),
    ];
    replaced.iter().fold(yaml.to_owned(), |yaml, (from, to)| {
        assert_eq!(yaml.matches(from).count(), 1, "{from} in\n{yaml}");
        yaml.replace(from, to)
    })
}

/// A running Prometheus.
struct Prometheus {
    port: u16,
    process: std::sync::Mutex<Process>,
    folder: PathBuf,
}

impl Prometheus {
    /// Starts one with a configuration that promtool finds right.
    fn start(name: &str, envoy: u16) -> Self {
        let folder = places::scratch(&format!("prometheus-{name}"));
        let config = folder.join("prometheus.yml");
        let rules = dashboards("alerts.yaml");
        std::fs::write(&config, scrape_configuration(envoy, &rules)).expect("a file");
        tool(&["check", "config"], &config);
        let port = free_port();
        let mut command = Command::new(places::prometheus());
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let process = Process::start(&mut command, &folder.join("prometheus.log"));
        let prometheus = Self { port, process: std::sync::Mutex::new(process), folder };
        eventually("Prometheus to be ready", || {
            let ended = prometheus.process.lock().unwrap().exit_code();
            let log = || read(&prometheus.folder.join("prometheus.log"));
            assert!(ended.is_none(), "Prometheus ended at once:\n{}", log());
            let request = Request::get("/-/ready").header("Connection", "close");
            let answer =
                Connection::try_open(port).ok().and_then(|mut c| c.try_fetch(&request).ok());
            answer.is_some_and(|answer| answer.status() == 200)
        });
        prometheus
    }

    fn get(&self, path: &str) -> Value {
        let response = fetch(self.port, &Request::get(path).header("Connection", "close"));
        assert_eq!(response.status(), 200, "{path}: {}", response.text());
        response.json()["data"].clone()
    }

    /// What a query finds now: each series' labels and value.
    fn query(&self, query: &str) -> Vec<(Value, f64)> {
        let mut path = "/api/v1/query?query=".to_owned();
        for byte in query.bytes() {
            path.push_str(&format!("%{byte:02X}"));
        }
        let found = self.get(&path)["result"].as_array().cloned().unwrap_or_default();
        let value = |series: &Value| series["value"][1].as_str().and_then(|text| text.parse().ok());
        found
            .iter()
            .map(|series| (series["metric"].clone(), value(series).expect("a number")))
            .collect()
    }
}

/// What an alert looks at: the left sides of its comparisons.
fn looked_at(expression: &str) -> Vec<String> {
    let mut parts = vec![expression.to_owned()];
    for operator in [" unless ", " and "] {
        parts = parts.iter().flat_map(|part| part.split(operator)).map(str::to_owned).collect();
    }
    let left = |part: &String| part.split_once(" > ").map(|(left, _)| left.trim().to_owned());
    parts.iter().map(|part| left(part).unwrap_or_else(|| panic!("no comparison: {part}"))).collect()
}

/// The demo: envoy.yaml with demo/tollgate.json, and the demo's provider.
struct Demo {
    name: &'static str,
    envoy: Envoy,
    port: u16,
    provider: Provider,
    _upstream: Upstream,
}

impl Demo {
    /// With labels as in envoy.yaml, or without them.
    fn start(has_labels: bool) -> Self {
        let name = if has_labels { "dashboard" } else { "dashboard-names" };
        let (provider, upstream) = (Provider::start(name), Upstream::start());
        let port = free_port();
        let configuration = read(&places::project().join("demo/tollgate.json"));
        let mut configuration: Value = serde_json::from_str(&configuration).expect("JSON");
        // The demo counts no addresses, and the dashboard shows how many are counted.
        configuration["apis"][0]["rate"] =
            json!({ "requests": 1000, "per": "1s", "per_caller": true });
        // Nor does it ask a provider about tokens.
        configuration["providers"]["org"] = json!({
            "kind": "introspection", "url": "http://127.0.0.1:9000/oauth2/v1/introspect",
            "cluster": "okta", "clients": ["svc"], "claims": { "identity": ["client_id"] },
            "client": { "id": "poster", "auth": "post", "secret": { "text": "poster-secret" } },
        });
        let opaque =
            json!({ "name": "opaque", "match": { "paths": ["/opaque/**"] }, "auth": ["org"] });
        configuration["apis"].as_array_mut().expect("a list").push(opaque);
        let configuration = format!("{configuration:#}");
        let yaml = proxy(port, &provider, &upstream, Some(&configuration));
        let (unlabelled, _) = yaml.split_once("\nstats_config:\n").expect("labels");
        let yaml = if has_labels { &yaml } else { unlabelled };
        let site = Site::new(name, upstream.port()).workers(2).wasm_log("info");
        let envoy = Envoy::with_bootstrap_at(&site, yaml);
        Self { name, envoy, port, provider, _upstream: upstream }
    }

    fn status(&self, request: &Request) -> u16 {
        fetch(self.port, request).status()
    }

    fn token(&self, client: &str) -> String {
        self.provider.token(client, "orders:read", Provider::AUDIENCE)
    }

    /// Requests with tokens of new keys, until one has waited for its key and gone on.
    fn wait_for_keys(&self) {
        let mut has_gone_on = false;
        eventually("a request that waited for its key", || {
            self.provider.rotate("RS256");
            let request = Request::get("/orders/1").bearer(self.token("svc"));
            has_gone_on |= self.status(&request) == 200;
            // As long as no keys are fetched again; what is seen of waits is some seconds old.
            std::thread::sleep(Duration::from_secs(1));
            let metrics = self.envoy.prometheus();
            let mut counts =
                metrics.lines().filter(|line| line.starts_with("tollgate_keys_wait_ms_count"));
            has_gone_on && counts.any(|line| !line.ends_with(" 0"))
        });
    }

    /// Traffic of all kinds, once.
    fn traffic(&self) {
        let (good, trial) = (self.token("svc"), self.token("trial"));
        let late = self.provider.sign(&json!({}), &json!({ "iat": 1, "exp": 2 }));
        assert_eq!(self.status(&Request::get("/health")), 200);
        assert_eq!(self.status(&Request::get("/orders/1").bearer(&good)), 200);
        assert_eq!(self.status(&Request::get("/orders/1").bearer(&late)), 401);
        assert_eq!(self.status(&Request::get("/orders/1")), 401);
        assert_eq!(self.status(&Request::get("/reports/1").bearer(&late)), 200);
        let key = "acme-key-of-the-demo";
        let partner = Request::get("/partners/1").header("x-api-key", key).bearer(&good);
        assert_eq!(self.status(&partner), 200);
        self.status(&Request::get("/orders/1").bearer(&trial));
        let opaque = self.provider.opaque_token("svc", "orders:read");
        for (token, status) in [(&*opaque, 200), (&*opaque, 200), ("never-seen", 401)] {
            assert_eq!(self.status(&Request::get("/opaque/1").bearer(token)), status);
        }
    }
}

#[test]
fn every_query_of_the_dashboard_and_every_alert_finds_data_by_labels() {
    finds_data(&Demo::start(true));
}

#[test]
fn every_query_of_the_dashboard_and_every_alert_finds_data_by_names() {
    finds_data(&Demo::start(false));
}

fn finds_data(demo: &Demo) {
    let prometheus = Prometheus::start(demo.name, demo.envoy.admin_port());
    // A wait that ended before the first scrape would be no change.
    let waits = "tollgate_keys_wait_ms_count == 0";
    eventually("the first scrape", || !prometheus.query(waits).is_empty());
    demo.wait_for_keys();
    let dashboard = dashboard();
    let rules = prometheus.get("/api/v1/rules");
    let rules = rules["groups"][0]["rules"].as_array().expect("rules").clone();
    let mut wanted = queries(&dashboard);
    for rule in &rules {
        let name = rule["name"].as_str().expect("a name");
        let parts = looked_at(rule["query"].as_str().expect("an expression"));
        wanted.extend(parts.into_iter().map(|part| (name.to_owned(), part)));
    }
    assert!(wanted.len() > 50, "{}", wanted.len());
    let mut missing: Vec<_> = wanted.clone();
    within(DEADLINE, "every query to find data", || {
        demo.traffic();
        // A quantile of nothing is no number.
        missing.retain(|(_, query)| {
            let found = prometheus.query(query);
            found.is_empty() || found.iter().all(|(_, value)| value.is_nan())
        });
        if !missing.is_empty() {
            std::thread::sleep(Duration::from_millis(500));
        }
        missing.is_empty().then_some(())
    });
    // What was sent is what is shown.
    let by = |label: &str, query: &str| -> BTreeMap<String, f64> {
        let found = prometheus.query(query).into_iter();
        found
            .map(|(labels, value)| (labels[label].as_str().unwrap_or_default().to_owned(), value))
            .collect()
    };
    let title = |title: &str| {
        let found = wanted.iter().find(|(name, _)| name == title);
        found.unwrap_or_else(|| panic!("no panel {title}")).1.clone()
    };
    let codes = by("code", &title("Refused, by reason"));
    for code in ["token_expired", "credential_missing", "rate_limited"] {
        assert!(codes.get(code).is_some_and(|rate| *rate > 0.0), "{code}: {codes:?}");
    }
    let reported = by("code", &title("Would be refused, by reason"));
    assert!(reported["token_expired"] > 0.0, "{reported:?}");
    let apis = by("api", &title("Allowed, by API"));
    let names = ["admin", "health", "opaque", "orders", "partners", "portal", "reports", "tools"];
    assert_eq!(apis.keys().map(String::as_str).collect::<Vec<_>>(), names);
    assert!(apis["orders"] > 0.0 && apis["admin"] == 0.0, "{apis:?}");
    let providers = by("provider", &title("Allowed, by provider"));
    assert_eq!(providers.keys().collect::<Vec<_>>(), ["okta", "org", "partner"]);
    let ages = by("provider", &title("Age of keys"));
    assert!(ages["okta"] < 600.0, "{ages:?}");
    let health = prometheus.get("/api/v1/rules");
    for rule in health["groups"][0]["rules"].as_array().expect("rules") {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
    let targets = prometheus.get("/api/v1/targets");
    assert_eq!(targets["activeTargets"][0]["health"], "up", "{targets}");
    demo.envoy.assert_no_trap();
}

#[test]
fn promtool_finds_the_alerts_right_and_each_fires_when_it_should() {
    let alerts = dashboards("alerts.yaml");
    tool(&["check", "rules"], &alerts);
    // The tests name the rules' file beside themselves.
    let folder = places::scratch("alerts");
    let tests = folder.join("alerts.test.yaml");
    let text = read(&places::project().join("tests/ui/alerts.test.yaml"));
    std::fs::write(&tests, &text).expect("a file");
    std::fs::copy(&alerts, folder.join("alerts.yaml")).expect("a file");
    tool(&["test", "rules"], &tests);
    let rules = read(&alerts);
    let names: BTreeSet<_> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        for end in ["fires", "does not fire"] {
            assert!(text.contains(&format!("- name: {name} {end}\n")), "{name} {end}: not tested");
        }
    }
}

#[test]
fn every_alert_says_what_is_wrong_and_leads_to_the_runbook() {
    let text = read(&dashboards("alerts.yaml"));
    let runbook = read(&places::project().join("docs/runbook.md"));
    let headings: BTreeSet<_> = runbook
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(|heading| heading.to_lowercase().replace(' ', "-"))
        .collect();
    for alert in text.split("- alert: ").skip(1) {
        for part in ["expr: ", "severity: ", "summary: \"", "description: \""] {
            assert_eq!(alert.matches(part).count(), 1, "{part} in {alert}");
        }
        let link = alert.split_once("runbook_url: docs/runbook.md#").expect("a link").1;
        let anchor = link.split_whitespace().next().unwrap_or_default();
        assert!(headings.contains(anchor), "{anchor} is not in {headings:?}");
    }
}

#[test]
fn the_dashboard_has_the_form_that_grafana_reads() {
    let dashboard = dashboard();
    assert!(dashboard["schemaVersion"].as_u64() >= Some(36), "{}", dashboard["schemaVersion"]);
    assert!(dashboard["title"].is_string() && dashboard["uid"].is_string());
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    let names: Vec<_> = variables.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["datasource", "instance"]);
    assert_eq!(variables[0]["type"], "datasource");
    assert_eq!(variables[0]["query"], "prometheus");
    let source = json!({ "type": "prometheus", "uid": "${datasource}" });
    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{panel}");
        let [x, y, w, h] =
            ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().expect("a place"));
        assert!(x + w <= 24 && w > 0 && h > 0, "{panel}");
        for place in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(place), "{} lies on another panel", panel["title"]);
        }
    }
    for panel in panels(&dashboard) {
        assert!(["stat", "timeseries"].contains(&panel["type"].as_str().unwrap()), "{panel}");
        assert_eq!(panel["datasource"], source, "{}", panel["title"]);
        let mut references = BTreeSet::new();
        for target in panel["targets"].as_array().expect("queries") {
            assert_eq!(target["datasource"], source, "{}", panel["title"]);
            assert!(references.insert(target["refId"].as_str().expect("a name")), "{target}");
            assert!(target["expr"].as_str().expect("a query").contains("$instance"), "{target}");
        }
        assert!(!references.is_empty(), "{}", panel["title"]);
    }
}
