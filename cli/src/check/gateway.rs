//! Clusters as Envoy Gateway makes and names them: `httproute/default/orders/rule/0`, and those that
//! an EnvoyProxy's bootstrap or an EnvoyPatchPolicy adds.

use tollgate::config::{Config, near};
use tollgate::verdict::quoted;

use super::beside::Beside;
use super::code::FileCode;
use super::http2;
use super::reach::{self, Clusters, Link, is_host};
use super::report::{Remark, Severity};
use crate::yaml::{self, Node, Place};

/// Tells of each cluster that a configuration names and that these resources do not make, or make
/// otherwise.
pub(super) fn check(
    config: &Config,
    tree: Option<&Node>,
    beside: &Beside,
    at: Place,
    remarks: &mut Vec<Remark>,
) {
    let gateway = Gateway::of(beside);
    let mut seen: Vec<(&str, Option<&str>)> = Vec::new();
    for link in reach::links(config) {
        if seen.contains(&(link.cluster, link.host())) {
            continue;
        }
        seen.push((link.cluster, link.host()));
        let at = link.place(tree).unwrap_or(at);
        let found = match gateway.added.find(link.cluster) {
            Some(cluster) => {
                reach::leads(&link, cluster, at, remarks);
                None
            }
            None => match gateway.rule(link.cluster) {
                Some(rule) => gateway.plain(rule, &link),
                None => gateway.misnamed(link.cluster, link.host()),
            },
        };
        if let Some((code, message)) = found {
            let message = format!("cluster {}: {message}", quoted(link.cluster));
            let severity = Severity::Warning;
            remarks.push(Remark::new(severity, code, at, link.field.as_str(), message));
        }
    }
}

/// What there is to say of the cluster of a service that is asked by gRPC.
pub(super) fn of_service(cluster: &str, beside: &Beside) -> Option<(FileCode, String)> {
    let gateway = Gateway::of(beside);
    let http1 = match (gateway.added.find(cluster), gateway.rule(cluster)) {
        (Some(added), _) => http2::fault(added),
        (None, Some(rule)) => gateway.http1(rule),
        (None, None) => {
            let used =
                || gateway.rules.iter().find(|rule| references(rule).any(|one| one == cluster));
            let found = gateway.misnamed(cluster, None);
            return found.or_else(|| Some((FileCode::ClusterMissing, named_after(used()?))));
        }
    };
    http1.map(|message| (FileCode::ClusterNotHttp2, message))
}

/// What a cluster is called that was named after what a route leads to.
fn named_after(rule: &Rule<'_>) -> String {
    format!(
        "Envoy Gateway names the cluster of a Backend or Service after the route that uses it; did you \
         mean {}?",
        quoted(&rule.cluster)
    )
}

/// A rule of a route, and the cluster that it makes.
struct Rule<'b> {
    cluster: String,
    /// Whether the route is one of gRPC, which is always HTTP/2.
    is_grpc: bool,
    namespace: &'b str,
    rule: &'b Node,
}

struct Gateway<'b> {
    /// Those that stand as Envoy has them.
    added: Clusters,
    rules: Vec<Rule<'b>>,
    backends: Vec<&'b Node>,
    services: Vec<&'b Node>,
    tls_policies: Vec<&'b Node>,
    /// The names of the clusters that an EnvoyPatchPolicy changes.
    patched: Vec<&'b str>,
}

impl<'b> Gateway<'b> {
    fn of(beside: &'b Beside) -> Self {
        let (mut known, mut patched) = (Vec::new(), Vec::new());
        for proxy in beside.of_kind("EnvoyProxy") {
            known.extend(bootstrap(proxy));
        }
        for policy in beside.of_kind("EnvoyPatchPolicy") {
            let patches = policy.path(&["spec", "jsonPatches"]).map(Node::elements);
            for patch in patches.unwrap_or_default() {
                let is_cluster =
                    patch.text_at(&["type"]).is_some_and(|url| url.ends_with(".Cluster"));
                if is_cluster {
                    known.extend(patch.path(&["operation", "value"]).cloned());
                    patched.extend(patch.text_at(&["name"]));
                }
            }
        }
        let routes = ["HTTPRoute", "GRPCRoute"];
        let rules =
            routes.iter().flat_map(|kind| beside.of_kind(kind).map(move |one| (*kind, one)));
        let rules = rules.flat_map(|(kind, route)| {
            let namespace = namespace(route);
            let name = route.text_at(&["metadata", "name"]).unwrap_or_default();
            let prefix = format!("{}/{namespace}/{name}/rule", kind.to_ascii_lowercase());
            let rules = route.path(&["spec", "rules"]).map(Node::elements).unwrap_or_default();
            rules.iter().enumerate().map(move |(index, rule)| Rule {
                cluster: format!("{prefix}/{index}"),
                is_grpc: kind == "GRPCRoute",
                namespace,
                rule,
            })
        });
        Self {
            added: Clusters { known, missing: None },
            rules: rules.collect(),
            backends: beside.of_kind("Backend").collect(),
            services: beside.of_kind("Service").collect(),
            patched,
            tls_policies: beside.of_kind("BackendTLSPolicy").collect(),
        }
    }

    fn rule(&self, cluster: &str) -> Option<&Rule<'b>> {
        self.rules.iter().find(|rule| rule.cluster == cluster)
    }

    /// A cluster that no resource makes, where another may have been meant.
    fn misnamed(&self, cluster: &str, host: Option<&str>) -> Option<(FileCode, String)> {
        let missing = |message: String| Some((FileCode::ClusterMissing, message));
        let leads = |backend: &&Node| {
            let hosts = hosts(backend);
            let leads = hosts.iter().any(|one| host.is_some_and(|host| is_host(one, host)));
            leads || name(backend) == cluster
        };
        let backend = self.backends.iter().copied().find(leads);
        let used = backend.and_then(|backend| {
            self.rules.iter().find(|rule| references(rule).any(|one| one == name(backend)))
        });
        let names = || self.rules.iter().map(|rule| &*rule.cluster);
        if let Some(meant) = self.added.meant(cluster, host) {
            return missing(format!(
                "the resources beside it call theirs otherwise; did you mean {}?",
                quoted(meant)
            ));
        }
        if let Some(rule) = used {
            return missing(named_after(rule));
        }
        if cluster.contains("route/") {
            let meant = near(cluster, names().collect::<Vec<_>>().iter().copied())?;
            return missing(format!(
                "no route beside it makes this cluster; did you mean {}?",
                quoted(meant)
            ));
        }
        backend.and_then(|_| {
            missing(
                "a Backend makes no cluster unless a route uses it; add the cluster to the \
                 `bootstrap` of an EnvoyProxy, as `tollgate init --for envoy-gateway` does"
                    .to_owned(),
            )
        })
    }

    /// A route's cluster to which nobody said that it speaks TLS.
    fn plain(&self, rule: &Rule<'_>, link: &Link<'_>) -> Option<(FileCode, String)> {
        let names: Vec<_> = references(rule).collect();
        let own = |one: &&&Node| names.contains(&name(one)) && namespace(one) == rule.namespace;
        let backends: Vec<_> = self.backends.iter().filter(own).collect();
        // A Service, or a Backend in another file.
        if !link.secure || backends.is_empty() || backends.len() < names.len() {
            return None;
        }
        let by_policy = names.iter().any(|name| self.has_tls_policy(name));
        let by_itself = backends.iter().any(|one| one.path(&["spec", "tls"]).is_some());
        (!by_policy && !by_itself).then(|| {
            let message = "no TLS, and the URL is `https`: its Backend has no `tls`, and no \
                           BackendTLSPolicy is for it";
            (FileCode::ClusterPlain, message.to_owned())
        })
    }

    /// Whether a BackendTLSPolicy is for what has this name.
    fn has_tls_policy(&self, name: &str) -> bool {
        let policies = self.tls_policies.iter();
        let targets = policies.filter_map(|policy| policy.path(&["spec", "targetRefs"]));
        let targets = targets.flat_map(Node::elements);
        targets.filter_map(|one| one.text_at(&["name"])).any(|one| one == name)
    }

    /// Why calls to a route's cluster would be HTTP/1.1, where that can be told.
    fn http1(&self, rule: &Rule<'_>) -> Option<String> {
        let backends = rule.rule.get("backendRefs").map(Node::elements).unwrap_or_default();
        let is_told = !backends.is_empty() && !self.patched.contains(&&*rule.cluster);
        // One that says HTTP/2 says it for all.
        let is_http1 = || backends.iter().all(|one| self.is_http1(one, rule.namespace));
        (is_told && !rule.is_grpc && is_http1()).then(|| {
            "nothing behind its HTTPRoute says that it speaks HTTP/2, and gRPC needs that: every call \
             would fail; write a GRPCRoute, or `appProtocol: kubernetes.io/h2c` at the Service's port, \
             or `appProtocols: [gateway.envoyproxy.io/h2c]` in the Backend"
                .to_owned()
        })
    }

    /// Whether what a rule leads to is there, and says neither HTTP/2 nor TLS, by which it may be agreed.
    fn is_http1(&self, reference: &Node, of_route: &str) -> bool {
        let own = reference.text_at(&["name"]).unwrap_or_default();
        let within = reference.text_at(&["namespace"]).unwrap_or(of_route);
        let is_it = |one: &&&Node| name(one) == own && namespace(one) == within;
        let is_http1 = match reference.text_at(&["kind"]) {
            Some("Backend") => self.backends.iter().find(is_it).is_some_and(|backend| {
                let said = backend.path(&["spec", "appProtocols"]).map(Node::elements);
                let mut said = said.unwrap_or_default().iter().filter_map(Node::text);
                let is_plain = backend.path(&["spec", "tls"]).is_none();
                is_plain && !said.any(|one| matches!(one, "gateway.envoyproxy.io/h2c" | "grpc"))
            }),
            None | Some("Service") => self.services.iter().find(is_it).is_some_and(|service| {
                let ports = service.path(&["spec", "ports"]).map(Node::elements);
                let number = reference.text_at(&["port"]);
                let mut ports = ports.unwrap_or_default().iter();
                let port = ports.find(|port| number.is_some() && port.text_at(&["port"]) == number);
                port.is_some_and(|port| {
                    !matches!(port.text_at(&["appProtocol"]), Some("kubernetes.io/h2c" | "grpc"))
                })
            }),
            Some(_) => false,
        };
        is_http1 && !self.has_tls_policy(own)
    }
}

/// The clusters of an EnvoyProxy's bootstrap: patches, or a text.
fn bootstrap(proxy: &Node) -> Vec<Node> {
    let Some(bootstrap) = proxy.path(&["spec", "bootstrap"]) else { return Vec::new() };
    let patches = bootstrap.get("jsonPatches").map(Node::elements).unwrap_or_default();
    let patched = patches.iter().filter(|patch| {
        patch.text_at(&["path"]).is_some_and(|path| path.contains("/static_resources/clusters"))
    });
    let patched =
        patched.filter_map(|patch| patch.get("value")).flat_map(|value| match value.elements() {
            [] => std::slice::from_ref(value),
            several => several,
        });
    let text = bootstrap.text_at(&["value"]).and_then(|text| yaml::parse(text).ok());
    let written = text.unwrap_or_default();
    let written = written
        .iter()
        .filter_map(|document| document.path(&["static_resources", "clusters"]))
        .flat_map(Node::elements);
    patched.chain(written).cloned().collect()
}

fn namespace(resource: &Node) -> &str {
    resource.text_at(&["metadata", "namespace"]).unwrap_or("default")
}

fn name(resource: &Node) -> &str {
    resource.text_at(&["metadata", "name"]).unwrap_or_default()
}

/// The names that a rule sends requests to.
fn references<'r>(rule: &'r Rule<'_>) -> impl Iterator<Item = &'r str> {
    let references = rule.rule.get("backendRefs").map(Node::elements).unwrap_or_default();
    references.iter().filter_map(|one| one.text_at(&["name"]))
}

/// The hosts of a Backend's endpoints.
fn hosts(backend: &Node) -> Vec<&str> {
    let endpoints = backend.path(&["spec", "endpoints"]).map(Node::elements).unwrap_or_default();
    endpoints
        .iter()
        .filter_map(|one| {
            one.text_at(&["fqdn", "hostname"]).or_else(|| one.text_at(&["ip", "address"]))
        })
        .collect()
}
