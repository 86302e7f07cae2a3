//! The proxy, and what is around it: the provider, and two official servers.

use std::process::Command;

use serde_json::{Value, json};

use super::harness::{
    Connection, Envoy, Filter, Listener, Process, Provider, Site, configuration, eventually,
    free_port, places,
};

pub(super) struct Around {
    pub(super) envoy: Envoy,
    pub(super) provider: Provider,
    /// Where clients come.
    pub(super) port: u16,
    /// The server of 2026-07-28, without the filter.
    pub(super) newer: u16,
    _servers: Process,
}

impl Around {
    /// With pages of this port's origin allowed where the conformance suite comes.
    pub(super) fn start(test: &str, page: u16) -> Self {
        let [port, newer, older] = [free_port(), free_port(), free_port()];
        let mut command = Command::new(places::node_22());
        command.arg(places::mcp_clients("servers.mjs"));
        command.env("NEWER_PORT", newer.to_string()).env("OLDER_PORT", older.to_string());
        let log = places::scratch(&format!("{test}-servers")).join("servers.log");
        let servers = Process::start(&mut command, &log);
        for port in [newer, older] {
            eventually("the servers to listen", || Connection::try_open(port).is_ok());
        }
        let provider = Provider::start_for(test, port);
        let listener = Listener::new(&Filter::new(&told(port, page, &provider)));
        let routes = json!([
            { "match": { "path": "/older" }, "route": { "cluster": "older", "timeout": "0s" } },
            { "match": { "path": "/later" }, "route": { "cluster": "older", "timeout": "0s" } },
            { "match": { "prefix": "/" }, "route": { "cluster": "upstream", "timeout": "0s" } },
        ]);
        let site = Site::new(test, newer).workers(2).cluster("older", older);
        let site = site.cluster("idp", provider.port());
        let envoy = Envoy::start(&site.listener(&listener.in_place_of(port).routes(routes)));
        Self { envoy, provider, port, newer, _servers: servers }
    }

    /// The URL of an API, by which clients ask for its tokens.
    pub(super) fn url(&self, path: &str) -> String {
        url(self.port, path)
    }
}

fn url(port: u16, path: &str) -> String {
    format!("http://127.0.0.1:{port}{path}")
}

/// The filter's configuration. Calls of `danger` need a scope of their own, and whoever may do all may do
/// so in every revision.
fn told(port: u16, page: u16, provider: &Provider) -> Value {
    let api = |name: &str, path: &str| {
        json!({ "name": name, "match": { "paths": [path] }, "auth": ["idp"], "scopes": ["mcp:tools"],
                "audiences": [url(port, path)], "resource": { "url": url(port, path) } })
    };
    let of_mcp = |name: &str, path: &str, policies: Value| {
        let origins = ["127.0.0.1", "localhost"].map(|host| format!("http://{host}:{page}"));
        let mut api = api(name, path);
        api["mcp"] = json!({ "origins": origins });
        api["policies"] = policies;
        api
    };
    let default = json!({ "default": ["tools"] });
    let apis = json!([
        of_mcp("tools", "/mcp", default.clone()),
        of_mcp("older", "/older", default.clone()),
        // Strangers are not told what they will need besides.
        of_mcp("later", "/later", json!({ "by_scope": { "mcp:tools": ["tools"] } })),
        of_mcp("suite", "/suite", default),
        api("plain", "/suite/plain"),
    ]);
    let mut known = provider.discovered();
    let paths = ["/mcp", "/older", "/later", "/suite", "/suite/plain"];
    known["audiences"] = json!(paths.map(|path| url(port, path)));
    let mut all = configuration(json!({ "idp": known }), apis);
    let of = ["tools", "older", "later", "suite"];
    all["policies"] = json!({ "tools": { "access": [
        { "apis": of, "mcp": { "methods": ["tools/call"], "names": ["danger"] }, "scopes": ["mcp:danger"] },
        { "apis": of, "mcp": { "methods": ["tools/*", "server/discover"], "except": ["danger"] } },
        { "apis": of, "scopes": ["mcp:all"] },
    ] } });
    all
}
