//! Envoy's bootstrap, built from what a test wants.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::places;
use super::process::free_port;

/// A configuration of these providers and these APIs (null: the one that is there by default), which
/// logs every refusal.
pub(crate) fn configuration(providers: Value, apis: Value) -> Value {
    let mut all = json!({ "providers": providers, "log": { "per_second": 1000 } });
    if !apis.is_null() {
        all["apis"] = apis;
    }
    all
}

/// The filter, as one listener loads it.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    configuration: String,
    root_id: String,
    vm_id: String,
    module: PathBuf,
    stop_iteration: bool,
    variables: serde_json::Map<String, Value>,
}

impl Filter {
    /// The filter with this configuration.
    pub(crate) fn new(configuration: &Value) -> Self {
        Self::raw(&configuration.to_string())
    }

    /// The filter with a configuration that need not be JSON.
    pub(crate) fn raw(configuration: &str) -> Self {
        Self {
            configuration: configuration.to_owned(),
            root_id: "tollgate".to_owned(),
            vm_id: "tollgate".to_owned(),
            module: places::wasm(),
            stop_iteration: false,
            variables: serde_json::Map::new(),
        }
    }

    /// Gives the VM a variable in its environment.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// Another root id, which is the default `instance`.
    pub(crate) fn root_id(mut self, root_id: &str) -> Self {
        root_id.clone_into(&mut self.root_id);
        self
    }

    /// Another VM than the one that all filters of a build share.
    pub(crate) fn vm_id(mut self, vm_id: &str) -> Self {
        vm_id.clone_into(&mut self.vm_id);
        self
    }

    /// Whether Envoy goes on with body and trailers while the filter has the headers wait.
    pub(crate) fn stop_iteration(mut self, allowed: bool) -> Self {
        self.stop_iteration = allowed;
        self
    }

    /// Another build of the module, or another module.
    pub(crate) fn module(mut self, module: PathBuf) -> Self {
        self.module = module;
        self
    }

    fn to_json(&self) -> Value {
        json!({
            "name": "tollgate",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "config": {
                    "name": "tollgate",
                    "root_id": self.root_id,
                    "failure_policy": "FAIL_RELOAD",
                    "allow_on_headers_stop_iteration": self.stop_iteration,
                    "configuration": {
                        "@type": "type.googleapis.com/google.protobuf.StringValue",
                        "value": self.configuration
                    },
                    "vm_config": {
                        "vm_id": self.vm_id,
                        "runtime": "envoy.wasm.runtime.v8",
                        "environment_variables": { "key_values": self.variables },
                        "code": { "local": { "filename": self.module } }
                    }
                }
            }
        })
    }
}

/// Where a filter's JSON names its module.
const MODULE: &str = "/typed_config/config/vm_config/code/local/filename";

/// A port of the proxy.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    /// Where it listens.
    pub(crate) port: u16,
    filters: Vec<Value>,
    normalise: bool,
    /// What the proxy makes of `%2F` where it brings paths into one form.
    escaped_slashes: &'static str,
    /// What it answers by itself, with 200; `None` where it asks its upstream.
    answers_itself: Option<&'static str>,
    idle_timeout: Duration,
    routes: Value,
    /// The one name that it answers to in TLS; `None` is no TLS.
    tls: Option<&'static str>,
    /// Whether it takes header sections of up to 8 MiB.
    takes_much: bool,
    /// How many proxies in front are trusted about the client's address; `None` is whatever it says.
    trusted_hops: Option<u32>,
}

impl Listener {
    /// A listener without any filter but the router, settings as in the repository's envoy.yaml.
    pub(crate) fn plain() -> Self {
        Self {
            port: free_port(),
            filters: Vec::new(),
            normalise: true,
            escaped_slashes: "UNESCAPE_AND_REDIRECT",
            answers_itself: None,
            idle_timeout: Duration::from_secs(30),
            routes: json!([{ "match": { "prefix": "/" }, "route": { "cluster": "upstream", "timeout": "30s" } }]),
            tls: None,
            takes_much: false,
            trusted_hops: Some(0),
        }
    }

    /// A listener with the filter.
    pub(crate) fn new(filter: &Filter) -> Self {
        Self::plain().then(filter.to_json())
    }

    /// Puts a second entry of a filter before the first, which reads bodies: on this very path alone.
    pub(crate) fn reading_bodies(self, filter: &Filter, path: &str) -> Self {
        const NAME: &str = "tollgate-back-channel";
        let mut entry = filter.clone().stop_iteration(true).to_json();
        (entry["name"], entry["disabled"]) = (NAME.into(), true.into());
        let mut own = self.routes[0].clone();
        own["match"] = json!({ "path": path });
        own["typed_per_filter_config"] = json!({ NAME: {
            "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": {}
        } });
        let mut all = self.before(entry);
        if let Value::Array(routes) = &mut all.routes {
            routes.insert(0, own);
        }
        all
    }

    /// Adds a filter behind those that are there.
    pub(crate) fn then(mut self, filter: Value) -> Self {
        self.filters.push(filter);
        self
    }

    /// Adds a filter before those that are there.
    pub(crate) fn before(mut self, filter: Value) -> Self {
        self.filters.insert(0, filter);
        self
    }

    /// The same on a port of its own, with another build of the filter, in a VM of its own; `None`
    /// where the filter is not in it.
    pub(crate) fn with_build(&self, module: &Path) -> Option<Self> {
        let own = Value::from(places::wasm().display().to_string());
        let mut other = Self { port: free_port(), ..self.clone() };
        let is_own = |filter: &&mut Value| filter.pointer(MODULE) == Some(&own);
        let filter = other.filters.iter_mut().find(is_own)?;
        filter["typed_config"]["config"]["vm_config"]["vm_id"] =
            format!("build-{}", other.port).into();
        *filter.pointer_mut(MODULE)? = module.display().to_string().into();
        Some(other)
    }

    /// Takes the place of another listener: its port, and so its name.
    pub(crate) const fn in_place_of(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Lets every path and header through to the filter as the client wrote it.
    pub(crate) const fn raw(mut self) -> Self {
        self.normalise = false;
        self
    }

    /// Takes up to 100,000 headers, 8 MiB of them, from clients.
    pub(crate) const fn many_headers(mut self) -> Self {
        self.takes_much = true;
        self
    }

    /// Leaves encoded slashes in paths alone, and brings the rest into one form.
    pub(crate) const fn keeping_slashes(mut self) -> Self {
        self.escaped_slashes = "KEEP_UNCHANGED";
        self
    }

    /// Stands behind so many proxies, which write the client's address into `x-forwarded-for`.
    pub(crate) const fn behind(mut self, proxies: u32) -> Self {
        self.trusted_hops = Some(proxies);
        self
    }

    /// Takes for the client's address what `x-forwarded-for` says, whoever wrote it: Envoy's default.
    pub(crate) const fn believing_clients(mut self) -> Self {
        self.trusted_hops = None;
        self
    }

    /// Answers 200 by itself and logs nothing: what is left is the proxy's own work.
    pub(crate) const fn answering_itself(self) -> Self {
        self.answering("ok\n")
    }

    /// Answers 200 and this body by itself, and logs nothing.
    pub(crate) const fn answering(mut self, body: &'static str) -> Self {
        self.answers_itself = Some(body);
        self
    }

    /// Speaks TLS with whoever asks for this name, by the certificate of tests/support/tls.
    pub(crate) const fn tls(mut self, name: &'static str) -> Self {
        self.tls = Some(name);
        self
    }

    /// Routes instead of the one that takes everything.
    pub(crate) fn routes(mut self, routes: Value) -> Self {
        self.routes = routes;
        self
    }

    /// How long a request may stand still before Envoy ends it.
    pub(crate) const fn idle_timeout(mut self, limit: Duration) -> Self {
        self.idle_timeout = limit;
        self
    }

    fn to_json(&self, access_log: &Path) -> Value {
        let mut filters = self.filters.clone();
        filters.push(json!({
            "name": "envoy.filters.http.router",
            "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" }
        }));
        let mut manager = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "ingress",
            "use_remote_address": self.trusted_hops.is_some(),
            "http_protocol_options": { "enable_trailers": true },
            "http2_protocol_options": {
                "initial_stream_window_size": 262_144, "initial_connection_window_size": 16_777_216
            },
            "stream_idle_timeout": format!("{}s", self.idle_timeout.as_secs_f64()),
            "upgrade_configs": [{ "upgrade_type": "websocket" }],
            "http_filters": filters,
            "route_config": { "virtual_hosts": [{
                "name": "all", "domains": ["*"], "routes": self.routes
            }] },
            "access_log": [{
                "name": "envoy.access_loggers.file",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                    "path": access_log,
                    "log_format": { "json_format": {
                        "path": "%PATH(NQ)%",
                        "status": "%RESPONSE_CODE%",
                        "details": "%RESPONSE_CODE_DETAILS%",
                        "identity": "%FILTER_STATE(wasm.tollgate.identity:PLAIN)%",
                        "provider": "%FILTER_STATE(wasm.tollgate.provider:PLAIN)%",
                        "api": "%FILTER_STATE(wasm.tollgate.api:PLAIN)%",
                        "code": "%FILTER_STATE(wasm.tollgate.code:PLAIN)%",
                        "route": "%ROUTE_NAME%"
                    } }
                }
            }]
        });
        if let Some(body) = self.answers_itself {
            manager["route_config"]["virtual_hosts"][0]["routes"] = json!([{
                "match": { "prefix": "/" },
                "direct_response": { "status": 200, "body": { "inline_string": body } }
            }]);
            manager["access_log"] = json!([]);
        }
        if self.normalise {
            manager["normalize_path"] = json!(true);
            manager["merge_slashes"] = json!(true);
            manager["path_with_escaped_slashes_action"] = json!(self.escaped_slashes);
            manager["common_http_protocol_options"] =
                json!({ "headers_with_underscores_action": "REJECT_REQUEST" });
        }
        if let Some(hops) = self.trusted_hops.filter(|hops| *hops > 0) {
            manager["xff_num_trusted_hops"] = json!(hops);
        }
        if self.takes_much {
            manager["max_request_headers_kb"] = json!(8192);
            manager["common_http_protocol_options"]["max_headers_count"] = json!(100_000);
        }
        let mut listener = json!({
            "name": format!("port-{}", self.port),
            "address": { "socket_address": { "address": "127.0.0.1", "port_value": self.port } },
            // Every worker gets its share of the connections, however few there are.
            "connection_balance_config": { "exact_balance": {} },
            "filter_chains": [{ "filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": manager
            }] }]
        });
        if let Some(name) = self.tls {
            listener["listener_filters"] = json!([{
                "name": "envoy.filters.listener.tls_inspector",
                "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector" }
            }]);
            let chain = &mut listener["filter_chains"][0];
            chain["filter_chain_match"] = json!({ "server_names": [name] });
            chain["transport_socket"] = json!({
                "name": "envoy.transport_sockets.tls",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                    "common_tls_context": { "tls_certificates": [{
                        "certificate_chain": { "filename": places::tls("localhost.pem") },
                        "private_key": { "filename": places::tls("localhost.key") }
                    }] }
                }
            });
        }
        listener
    }
}

/// Everything that one Envoy is told.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// The test's name, and its folder's.
    pub(crate) name: String,
    /// How many workers.
    pub(crate) workers: u32,
    /// How chatty the `wasm` log is.
    pub(crate) wasm_log: &'static str,
    clusters: Vec<(String, u16)>,
    /// Clusters that speak TLS, and the name that each asks for and demands.
    tls: Vec<(String, String)>,
    /// Clusters that speak HTTP/2.
    http2: Vec<String>,
    listeners: Vec<Listener>,
    /// Whether listeners come from a file that may change.
    discovered: bool,
    /// Whether header sections of up to 8 MiB are taken from upstreams.
    takes_much: bool,
    /// What the proxy says of itself.
    node: Value,
}

impl Site {
    /// A site whose routes lead to this port.
    pub(crate) fn new(name: &str, upstream: u16) -> Self {
        Self {
            name: name.to_owned(),
            workers: 1,
            wasm_log: "trace",
            clusters: vec![("upstream".to_owned(), upstream)],
            tls: Vec::new(),
            http2: Vec::new(),
            listeners: Vec::new(),
            discovered: false,
            takes_much: false,
            node: json!({ "id": name, "cluster": "tests" }),
        }
    }

    /// Has the proxy say this of itself as well.
    pub(crate) fn node(mut self, field: &str, value: Value) -> Self {
        self.node[field] = value;
        self
    }

    /// Takes up to 100,000 headers, 8 MiB of them, from upstreams.
    pub(crate) const fn many_headers(mut self) -> Self {
        self.takes_much = true;
        self
    }

    /// Adds a cluster on the loopback interface.
    pub(crate) fn cluster(mut self, name: &str, port: u16) -> Self {
        self.clusters.push((name.to_owned(), port));
        self
    }

    /// Adds a cluster on the loopback interface that speaks HTTP/2, as gRPC needs it.
    pub(crate) fn http2_cluster(mut self, name: &str, port: u16) -> Self {
        self.http2.push(name.to_owned());
        self.cluster(name, port)
    }

    /// Adds a cluster on the loopback interface that speaks TLS, and asks for and demands this name.
    pub(crate) fn tls_cluster(mut self, name: &str, port: u16, sni: &str) -> Self {
        self.tls.push((name.to_owned(), sni.to_owned()));
        self.cluster(name, port)
    }

    /// Adds a listener.
    pub(crate) fn listener(mut self, listener: &Listener) -> Self {
        self.listeners.push(listener.clone());
        self
    }

    /// Sets the number of workers.
    pub(crate) const fn workers(mut self, workers: u32) -> Self {
        self.workers = workers;
        self
    }

    /// Logs less, for tests that send much.
    pub(crate) const fn wasm_log(mut self, level: &'static str) -> Self {
        self.wasm_log = level;
        self
    }

    /// Takes its listeners from a file that may change while Envoy runs.
    pub(crate) const fn discovered(mut self) -> Self {
        self.discovered = true;
        self
    }

    /// Writes the bootstrap, and the listeners' own file if they are discovered.
    pub(super) fn write(&self, folder: &Path, admin: u16) -> PathBuf {
        let clusters: Vec<_> = self
            .clusters
            .iter()
            .map(|(name, port)| {
                let mut cluster = json!({
                    "name": name,
                    "connect_timeout": "2s",
                    "typed_extension_protocol_options": {
                        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                            "explicit_http_config": { "http_protocol_options": { "enable_trailers": true } }
                        }
                    },
                    "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": [{
                        "endpoint": { "address": { "socket_address": {
                            "address": "127.0.0.1", "port_value": port } } } }] }] }
                });
                if self.http2.contains(name) {
                    let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
                    cluster["typed_extension_protocol_options"][options]["explicit_http_config"] =
                        json!({ "http2_protocol_options": {} });
                }
                if self.takes_much {
                    let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
                    cluster["typed_extension_protocol_options"][options]["common_http_protocol_options"] =
                        json!({ "max_headers_count": 100_000, "max_response_headers_kb": 8192 });
                }
                if let Some((_, sni)) = self.tls.iter().find(|(tls, _)| tls == name) {
                    cluster["transport_socket"] = json!({
                        "name": "envoy.transport_sockets.tls",
                        "typed_config": {
                            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                            "sni": sni,
                            "common_tls_context": { "validation_context": {
                                "trusted_ca": { "filename": places::tls("localhost.pem") },
                                "match_typed_subject_alt_names": [
                                    { "san_type": "DNS", "matcher": { "exact": sni } }
                                ]
                            } }
                        }
                    });
                }
                cluster
            })
            .collect();
        let mut bootstrap = json!({
            "node": self.node,
            "admin": { "address": { "socket_address": { "address": "127.0.0.1", "port_value": admin } } },
            "static_resources": { "clusters": clusters },
        });
        if self.discovered {
            deliver(folder, &self.listeners);
            bootstrap["dynamic_resources"]["lds_config"] = json!({
                "resource_api_version": "V3",
                "path_config_source": {
                    "path": folder.join("listeners.json"),
                    "watched_directory": { "path": folder }
                }
            });
        } else {
            bootstrap["static_resources"]["listeners"] =
                self.listeners.iter().map(|one| one.to_json(&folder.join("access.log"))).collect();
        }
        let path = folder.join("envoy.json");
        std::fs::write(&path, format!("{bootstrap:#}")).expect("the bootstrap under target/");
        path
    }
}

/// Puts a new set of listeners before a running Envoy, in one step.
pub(super) fn deliver(folder: &Path, listeners: &[Listener]) {
    let access_log = folder.join("access.log");
    let resources: Vec<_> = listeners
        .iter()
        .map(|one| {
            let mut resource = one.to_json(&access_log);
            resource["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
            resource
        })
        .collect();
    let document = json!({ "resources": resources }).to_string();
    let fresh = folder.join("listeners.json.new");
    std::fs::write(&fresh, document).expect("the listeners under target/");
    std::fs::rename(fresh, folder.join("listeners.json")).expect("a rename under target/");
}
