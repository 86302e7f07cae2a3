//! A running Envoy, and what it says.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::bootstrap::{self, Listener, Site};
use super::client::{Connection, Request};
use super::places;
use super::process::{Process, free_port};
use super::wait::{eventually, until};

/// A running Envoy. It is killed when dropped, and with this process.
pub(crate) struct Envoy {
    process: std::sync::Mutex<Process>,
    folder: PathBuf,
    admin: u16,
}

impl Envoy {
    /// Starts one and waits until it takes requests.
    pub(crate) fn start(site: &Site) -> Self {
        let envoy = Self::launch(site);
        envoy.wait_until_ready(&site.name);
        envoy
    }

    fn wait_until_ready(&self, name: &str) {
        until(&format!("Envoy of {name} to be ready"), || {
            assert!(self.exit_code().is_none(), "Envoy ended at once:\n{}", self.tail());
            (self.try_admin("/ready")?.0 == 200).then_some(())
        });
    }

    /// Starts one with a bootstrap as somebody wrote it, which has no `admin`, and waits until it
    /// takes requests.
    pub(crate) fn with_bootstrap(name: &str, yaml: &str) -> Self {
        Self::with_bootstrap_at(&Site::new(name, 0), yaml)
    }

    /// The same with this site's name, workers and log.
    pub(crate) fn with_bootstrap_at(site: &Site, yaml: &str) -> Self {
        let folder = places::scratch(&site.name);
        let admin = free_port();
        let address =
            format!("{{ socket_address: {{ address: 127.0.0.1, port_value: {admin} }} }}");
        let config = folder.join("envoy.yaml");
        std::fs::write(&config, format!("{yaml}\nadmin:\n  address: {address}\n"))
            .expect("the bootstrap under target/");
        let envoy = Self::run(site, folder, admin, &config);
        envoy.wait_until_ready(&site.name);
        envoy
    }

    /// Starts one and waits for nothing.
    pub(crate) fn launch(site: &Site) -> Self {
        let folder = places::scratch(&site.name);
        let admin = free_port();
        let config = site.write(&folder, admin);
        Self::run(site, folder, admin, &config)
    }

    fn run(site: &Site, folder: PathBuf, admin: u16, config: &Path) -> Self {
        let mut command = Command::new(places::envoy());
        command
            .arg("--config-path")
            .arg(config)
            .args(["--concurrency", &site.workers.to_string()])
            .args(["--disable-hot-restart", "--file-flush-interval-msec", "50"])
            .args(["--drain-time-s", "3", "--parent-shutdown-time-s", "5"])
            .args(["--log-level", "warning"])
            .args(["--component-log-level", &format!("wasm:{}", site.wasm_log)]);
        let process = Process::start(&mut command, &folder.join("envoy.log"));
        Self { process: std::sync::Mutex::new(process), folder, admin }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.lock().unwrap().id()
    }

    /// The exit code, if it has ended.
    pub(crate) fn exit_code(&self) -> Option<i32> {
        self.process.lock().unwrap().exit_code()
    }

    /// Everything it has logged so far.
    pub(crate) fn log(&self) -> String {
        read(&self.folder.join("envoy.log"))
    }

    /// The access log so far.
    pub(crate) fn access_log(&self) -> String {
        read(&self.folder.join("access.log"))
    }

    /// The access log's entry for a path, once it is written.
    pub(crate) fn access(&self, path: &str) -> Value {
        until(&format!("{path} in the access log"), || {
            self.access_log()
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok())
                .find(|entry| entry["path"] == path)
        })
    }

    /// What the filter logged about refusals: the JSON of each such line.
    pub(crate) fn refusals(&self) -> Vec<Value> {
        self.filter_lines().into_iter().filter(|line| line["event"] == "request_denied").collect()
    }

    /// The filter's own lines that are JSON.
    pub(crate) fn filter_lines(&self) -> Vec<Value> {
        self.log()
            .lines()
            .filter(|line| line.contains("wasm log"))
            .filter_map(|line| serde_json::from_str(&line[line.find('{')?..]).ok())
            .collect()
    }

    /// A counter or gauge; 0 where it does not exist.
    pub(crate) fn stat(&self, name: &str) -> u64 {
        let (_, text) = self.try_admin(&format!("/stats?filter=^{name}$")).unwrap_or_default();
        text.lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| *key == name)
            .and_then(|(_, value)| value.trim().parse().ok())
            .unwrap_or(0)
    }

    /// Memory that the proxy has allocated and not given back, in bytes; its VMs' own is not in it.
    pub(crate) fn allocated(&self) -> u64 {
        let (_, text) = self.try_admin("/memory").unwrap_or_default();
        let memory: Value = serde_json::from_str(&text).unwrap_or_default();
        memory["allocated"].as_str().and_then(|bytes| bytes.parse().ok()).expect("/memory")
    }

    /// Resident memory of the process in bytes (`VmRSS`).
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()));
        let status = status.expect("a running process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kib.expect("resident memory") * 1024
    }

    /// A counter of the filter.
    pub(crate) fn counter(&self, name: &str) -> u64 {
        self.stat(&format!("wasmcustom.{name}"))
    }

    /// What Prometheus is given: every metric in its text format.
    pub(crate) fn prometheus(&self) -> String {
        self.try_admin("/stats/prometheus").filter(|(status, _)| *status == 200).expect("stats").1
    }

    /// Where Prometheus finds that.
    pub(crate) const fn admin_port(&self) -> u16 {
        self.admin
    }

    /// Replaces the listeners of a discovered site.
    pub(crate) fn deliver(&self, listeners: &[Listener]) {
        bootstrap::deliver(&self.folder, listeners);
    }

    /// Fails if any of these secrets, or a trap of the filter, is in anything that was written, or if
    /// the access log says of a refusal anything but its code.
    pub(crate) fn assert_clean<S: AsRef<str>>(&self, secrets: &[S]) {
        self.assert_no_secret(secrets);
        self.assert_no_trap();
        self.assert_details();
    }

    /// Fails if the access log does not say of each refusal that was answered which code it had.
    pub(crate) fn assert_details(&self) {
        let log = self.access_log();
        let entries = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        for entry in entries.filter(|entry| entry["code"].is_string()) {
            let (code, details) = (entry["code"].as_str(), entry["details"].as_str());
            let is_told = details.and_then(|details| details.strip_prefix("tollgate_")) == code;
            // One that is only reported went upstream.
            assert!(is_told || details == Some("via_upstream"), "{entry}");
        }
    }

    /// Fails if any of these secrets is in anything that was written.
    pub(crate) fn assert_no_secret<S: AsRef<str>>(&self, secrets: &[S]) {
        let (log, access) = (self.log(), self.access_log());
        // One that was stopped has no metrics any more.
        let (_, metrics) = self.try_admin("/stats/prometheus").unwrap_or_default();
        for secret in secrets.iter().map(AsRef::as_ref) {
            // A token is secret as a whole and by its signature: neither may be there.
            let signature = secret.rsplit('.').next().filter(|part| part.len() > 40);
            for part in [Some(secret), signature].into_iter().flatten() {
                assert!(part.len() >= 8, "{part:?} is too short to search for");
                assert!(!log.contains(part), "a secret is in Envoy's log: {part}");
                assert!(!access.contains(part), "a secret is in the access log: {part}");
                assert!(!metrics.contains(part), "a secret is in the metrics: {part}");
            }
        }
    }

    /// Fails if the filter trapped.
    pub(crate) fn assert_no_trap(&self) {
        for line in self.log().lines() {
            for sign in
                ["panicked at", "wasm trap", "Uncaught RuntimeError", "Proxy-Wasm plugin in-VM"]
            {
                assert!(!line.contains(sign), "the filter trapped: {line}");
            }
        }
    }

    /// The end of the log, for messages.
    pub(crate) fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().map(|line| line.get(..400).unwrap_or(line)).collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    /// Waits until the log holds this.
    pub(crate) fn wait_for_log(&self, text: &str) {
        eventually(&format!("{text:?} in Envoy's log"), || self.log().contains(text));
    }

    fn try_admin(&self, path: &str) -> Option<(u16, String)> {
        let request = Request::get(path).header("Connection", "close");
        let response = Connection::try_open(self.admin).ok()?.try_fetch(&request).ok()?;
        Some((response.status(), response.text()))
    }
}

/// Runs `envoy --mode validate`; the exit code and what was said.
pub(crate) fn validate(site: &Site) -> (i32, String) {
    let folder = places::scratch(&site.name);
    let config = site.write(&folder, free_port());
    let output = Command::new(places::envoy())
        .args(["--mode", "validate", "--config-path"])
        .arg(config)
        .output()
        .expect("Envoy runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
}

fn read(path: &std::path::Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}
