//! Clusters as Envoy Gateway makes and names them: `httproute/default/orders/rule/0`, and those that
//! an EnvoyProxy's bootstrap or an EnvoyPatchPolicy adds.

use tollgate::config::{Config, near};
use tollgate::verdict::quoted;

use super::beside::Beside;
use super::code::FileCode;
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
            None => gateway.judge(&link),
        };
        if let Some((code, message)) = found {
            let message = format!("cluster {}: {message}", quoted(link.cluster));
            let severity = Severity::Warning;
            remarks.push(Remark::new(severity, code, at, link.field.as_str(), message));
        }
    }
}

/// A rule of a route, and the cluster that it makes.
struct Rule<'b> {
    cluster: String,
    namespace: &'b str,
    rule: &'b Node,
}

struct Gateway<'b> {
    /// Those that stand as Envoy has them.
    added: Clusters,
    rules: Vec<Rule<'b>>,
    backends: Vec<&'b Node>,
    tls_policies: Vec<&'b Node>,
}

impl<'b> Gateway<'b> {
    fn of(beside: &'b Beside) -> Self {
        let mut known = Vec::new();
        for proxy in beside.of_kind("EnvoyProxy") {
            known.extend(bootstrap(proxy));
        }
        for policy in beside.of_kind("EnvoyPatchPolicy") {
            let patches = policy.path(&["spec", "jsonPatches"]).map(Node::elements);
            for patch in patches.unwrap_or_default() {
                let is_cluster =
                    patch.text_at(&["type"]).is_some_and(|url| url.ends_with(".Cluster"));
                known.extend(patch.path(&["operation", "value"]).filter(|_| is_cluster).cloned());
            }
        }
        let routes = ["HTTPRoute", "GRPCRoute"];
        let rules = routes.iter().flat_map(|kind| beside.of_kind(kind).map(move |one| (kind, one)));
        let rules = rules.flat_map(|(kind, route)| {
            let namespace = namespace(route);
            let name = route.text_at(&["metadata", "name"]).unwrap_or_default();
            let prefix = format!("{}/{namespace}/{name}/rule", kind.to_ascii_lowercase());
            let rules = route.path(&["spec", "rules"]).map(Node::elements).unwrap_or_default();
            rules.iter().enumerate().map(move |(index, rule)| Rule {
                cluster: format!("{prefix}/{index}"),
                namespace,
                rule,
            })
        });
        Self {
            added: Clusters { known, missing: None },
            rules: rules.collect(),
            backends: beside.of_kind("Backend").collect(),
            tls_policies: beside.of_kind("BackendTLSPolicy").collect(),
        }
    }

    fn judge(&self, link: &Link<'_>) -> Option<(FileCode, String)> {
        let missing = |message: String| Some((FileCode::ClusterMissing, message));
        if let Some(rule) = self.rules.iter().find(|rule| rule.cluster == link.cluster) {
            return self.plain(rule, link);
        }
        let leads = |backend: &&Node| {
            let hosts = hosts(backend);
            let leads = hosts.iter().any(|one| link.host().is_some_and(|host| is_host(one, host)));
            leads || name(backend) == link.cluster
        };
        let backend = self.backends.iter().copied().find(leads);
        let used = backend.and_then(|backend| {
            self.rules.iter().find(|rule| references(rule).any(|one| one == name(backend)))
        });
        let names = || self.rules.iter().map(|rule| &*rule.cluster);
        if let Some(meant) = self.added.meant(link.cluster, link.host()) {
            return missing(format!(
                "the resources beside it call theirs otherwise; did you mean {}?",
                quoted(meant)
            ));
        }
        if let Some(rule) = used {
            return missing(format!(
                "Envoy Gateway names a Backend's cluster after the route that uses it; did you mean \
                 {}?",
                quoted(&rule.cluster)
            ));
        }
        if link.cluster.contains("route/") {
            let meant = near(link.cluster, names().collect::<Vec<_>>().iter().copied())?;
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
        let by_policy = self.tls_policies.iter().any(|policy| {
            let targets = policy.path(&["spec", "targetRefs"]).map(Node::elements);
            let targets = targets.unwrap_or_default().iter();
            targets.filter_map(|one| one.text_at(&["name"])).any(|one| names.contains(&one))
        });
        let by_itself = backends.iter().any(|one| one.path(&["spec", "tls"]).is_some());
        (!by_policy && !by_itself).then(|| {
            let message = "no TLS, and the URL is `https`: its Backend has no `tls`, and no \
                           BackendTLSPolicy is for it";
            (FileCode::ClusterPlain, message.to_owned())
        })
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
