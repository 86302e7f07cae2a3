//! Clusters as Istio makes and names them: `outbound|443||idp.example.com`, by Services, ServiceEntries
//! and DestinationRules.

mod maker;

use std::borrow::Cow;

use tollgate::config::{Config, near};
use tollgate::verdict::quoted;

use super::beside::Beside;
use super::code::FileCode;
use super::http2;
use super::reach::{self, Clusters, Link, is_host};
use super::report::{Remark, Severity};
use crate::yaml::{Node, Place};
use maker::{Kind, Maker};

/// Tells of each cluster that a configuration names and that these resources do not make, or make
/// otherwise.
pub(super) fn check(
    config: &Config,
    tree: Option<&Node>,
    beside: &Beside,
    at: Place,
    remarks: &mut Vec<Remark>,
) {
    let mesh = Mesh::of(beside);
    let mut seen: Vec<(&str, Option<&str>)> = Vec::new();
    for link in reach::links(config) {
        if seen.contains(&(link.cluster, link.host())) {
            continue;
        }
        seen.push((link.cluster, link.host()));
        let at = link.place(tree).unwrap_or(at);
        if let Some(cluster) = mesh.added.find(link.cluster) {
            reach::leads(&link, cluster, at, remarks);
            continue;
        }
        for (severity, code, message) in mesh.judge(&link) {
            let message = format!("cluster {}: {message}", quoted(link.cluster));
            remarks.push(Remark::new(severity, code, at, link.field.as_str(), message));
        }
    }
}

/// What is found of a cluster.
pub(super) type Found = (Severity, FileCode, String);

/// What there is to say of the cluster of a service that is asked by gRPC.
pub(super) fn of_service(cluster: &str, beside: &Beside) -> Vec<Found> {
    let mesh = Mesh::of(beside);
    let warn = |code, message| (Severity::Warning, code, message);
    if let Some(added) = mesh.added.find(cluster) {
        let fault = http2::fault(added);
        return fault.map(|fault| warn(FileCode::ClusterNotHttp2, fault)).into_iter().collect();
    }
    let (mut found, made) = mesh.named(&Wanted { cluster, host: None, is_grpc: true });
    if let Some((name, maker)) = made {
        let fault = mesh.http1(&name, maker);
        found.extend(fault.map(|fault| warn(FileCode::ClusterNotHttp2, fault)));
    }
    found
}

/// A cluster that a configuration names.
struct Wanted<'n> {
    cluster: &'n str,
    /// The host that it is to lead to, where that is known.
    host: Option<&'n str>,
    is_grpc: bool,
}

/// What makes clusters.
struct Mesh<'b> {
    makers: Vec<Maker<'b>>,
    rules: Vec<&'b Node>,
    /// Those that an EnvoyFilter adds.
    added: Clusters,
    /// Whether an EnvoyFilter has clusters speak HTTP/2, whichever these are.
    is_patched: bool,
}

/// A cluster's name, taken apart.
struct Name<'n> {
    port: &'n str,
    subset: &'n str,
    host: &'n str,
}

impl<'n> Name<'n> {
    fn parse(name: &'n str) -> Option<Self> {
        let mut parts = name.split('|');
        let (direction, port) = (parts.next()?, parts.next()?);
        let (subset, host) = (parts.next()?, parts.next()?);
        let port_is_one = port.parse::<u16>().is_ok_and(|port| port > 0);
        let is_one = parts.next().is_none() && port_is_one && !host.is_empty();
        (is_one && direction == "outbound").then_some(Self { port, subset, host })
    }
}

impl<'b> Mesh<'b> {
    fn of(beside: &'b Beside) -> Self {
        let patches = |operation: &'static str| {
            let filters = beside.of_kind("EnvoyFilter");
            let patches = filters.filter_map(|one| one.path(&["spec", "configPatches"]));
            let patches = patches.flat_map(Node::elements).filter(move |patch| {
                patch.text_at(&["applyTo"]) == Some("CLUSTER")
                    && patch.text_at(&["patch", "operation"]) == Some(operation)
            });
            patches.filter_map(|patch| patch.path(&["patch", "value"]))
        };
        let of = |kind, name| beside.of_kind(name).map(move |resource| Maker { resource, kind });
        let entries = of(Kind::ServiceEntry, "ServiceEntry");
        Self {
            makers: entries.chain(of(Kind::Service, "Service")).collect(),
            rules: beside.of_kind("DestinationRule").collect(),
            added: Clusters { known: patches("ADD").cloned().collect(), missing: None },
            is_patched: patches("MERGE").any(http2::is_said),
        }
    }

    /// Every host, each with what makes its clusters.
    fn hosts(&self) -> impl Iterator<Item = (Cow<'b, str>, Maker<'b>)> {
        self.makers.iter().flat_map(|maker| maker.hosts().into_iter().map(|host| (host, *maker)))
    }

    fn judge(&self, link: &Link<'_>) -> Vec<Found> {
        let wanted = Wanted { cluster: link.cluster, host: link.host(), is_grpc: false };
        let (mut found, made) = self.named(&wanted);
        if let Some((name, _)) = made.filter(|(_, maker)| !maker.is_inside()) {
            let rules: Vec<_> = self.rules_for(name.host).collect();
            found.extend(tls(&rules, &name, link));
        }
        found
    }

    /// What is wrong with a cluster's name; where that leads to something, what it says and what makes it.
    fn named<'n>(&self, wanted: &Wanted<'n>) -> (Vec<Found>, Option<(Name<'n>, Maker<'b>)>) {
        let Some(name) = Name::parse(wanted.cluster) else { return (self.misnamed(wanted), None) };
        let Some(maker) = self.makers.iter().copied().find(|maker| maker.has(name.host)) else {
            return (self.unknown(wanted, &name).into_iter().collect(), None);
        };
        let mut found = Vec::new();
        if !maker.ports().any(|port| maker.number(port) == Some(name.port)) {
            let meant = meant_of((maker, name.host), name.subset, wanted);
            let kind = maker.kind_name();
            found.push(missing(format!("the {kind} has no port {}; {meant}", name.port)));
        }
        let rules: Vec<_> = self.rules_for(name.host).collect();
        if let Some(message) = subset(&rules, &name) {
            found.push(missing(message));
        }
        if maker.is_unresolved() {
            let message = "its ServiceEntry has no `resolution`: the cluster goes where the client \
                           went, and a filter's call has no such place; write `resolution: DNS`";
            found.push((Severity::Warning, FileCode::ClusterUnresolved, message.to_owned()));
        }
        (found, Some((name, maker)))
    }

    /// A name that is none of Istio's.
    fn misnamed(&self, wanted: &Wanted<'_>) -> Vec<Found> {
        let named = |(host, maker): &(Cow<'_, str>, Maker<'_>)| {
            wanted.host.is_some_and(|one| is_host(host, one))
                || maker.has(wanted.cluster)
                || maker.is_called(wanted.cluster)
        };
        let meant = self.hosts().find(named);
        let meant = meant.map(|(host, maker)| meant_of((maker, &host), "", wanted));
        let is_broken = wanted.cluster.starts_with("outbound") || wanted.cluster.contains('|');
        let (severity, end) = match meant {
            Some(meant) if is_broken => (Severity::Problem, meant),
            Some(meant) => (Severity::Warning, meant),
            None if is_broken => {
                let host = wanted.host.unwrap_or("HOST");
                let port = if wanted.is_grpc { "PORT" } else { "443" };
                (Severity::Problem, format!("did you mean `outbound|{port}||{host}`?"))
            }
            None => return Vec::new(),
        };
        let message = format!("Istio calls its clusters `outbound|PORT|SUBSET|HOST`; {end}");
        vec![(severity, FileCode::ClusterMissing, message)]
    }

    /// A host that nothing has, where one may have been meant.
    fn unknown(&self, wanted: &Wanted<'_>, name: &Name<'_>) -> Option<Found> {
        let under = |host: &str| {
            let end = host.strip_prefix('*').filter(|end| end.starts_with('.'));
            end.is_some_and(|end| name.host.ends_with(end))
        };
        let hosts: Vec<_> = self.hosts().collect();
        let fits = hosts
            .iter()
            .find(|(host, _)| under(host) || wanted.host.is_some_and(|one| is_host(host, one)));
        let by_slip = || {
            let meant = near(name.host, hosts.iter().map(|(host, _)| &**host))?;
            hosts.iter().find(|(host, _)| *host == meant)
        };
        let (host, maker) = fits.or_else(by_slip)?;
        let meant = meant_of((*maker, host), name.subset, wanted);
        let kind = match maker.kind {
            Kind::Service => "Service beside it",
            Kind::ServiceEntry => "ServiceEntry",
        };
        Some(missing(format!("no {kind} has the host {}; {meant}", quoted(name.host))))
    }

    /// Why calls to a port would be HTTP/1.1, where that can be told.
    fn http1(&self, name: &Name<'_>, maker: Maker<'_>) -> Option<String> {
        const POLICY: [&str; 2] = ["http", "h2UpgradePolicy"];
        let port = maker.ports().find(|port| maker.number(port) == Some(name.port))?;
        let is_upgraded = self.rules_for(name.host).any(|rule| {
            let pool = settings(rule, name, "connectionPool");
            pool.and_then(|pool| pool.text_at(&POLICY)) == Some("UPGRADE")
        });
        (!maker.says_http2(port) && !is_upgraded && !self.is_patched).then(|| {
            let unless = match maker.says_http(port) {
                true => "every call would fail, unless the mesh's own `h2UpgradePolicy` helps",
                false => "every call would fail",
            };
            format!(
                "the {} does not say that its port {} speaks HTTP/2, and gRPC needs that: {unless}; \
                 write `{}` there",
                maker.kind_name(),
                name.port,
                maker.remedy()
            )
        })
    }

    fn rules_for(&self, host: &str) -> impl Iterator<Item = &'b Node> {
        self.rules.iter().copied().filter(move |rule| {
            let of = rule.text_at(&["spec", "host"]).unwrap_or_default();
            let under = of.strip_prefix('*').is_some_and(|end| host.ends_with(end));
            of.eq_ignore_ascii_case(host) || under
        })
    }
}

fn missing(message: String) -> Found {
    (Severity::Warning, FileCode::ClusterMissing, message)
}

/// The name of the cluster that is made for a host.
fn meant_of((maker, host): (Maker<'_>, &str), subset: &str, wanted: &Wanted<'_>) -> String {
    let port = maker.likely_port(wanted.is_grpc);
    format!("did you mean {}?", quoted(&format!("outbound|{port}|{subset}|{host}")))
}

/// A subset that no rule for the host has, where there are some.
fn subset(rules: &[&Node], name: &Name<'_>) -> Option<String> {
    if name.subset.is_empty() || rules.is_empty() {
        return None;
    }
    let subsets = rules.iter().filter_map(|rule| rule.path(&["spec", "subsets"]));
    let names: Vec<_> =
        subsets.flat_map(Node::elements).filter_map(|one| one.text_at(&["name"])).collect();
    if names.contains(&name.subset) {
        return None;
    }
    let shown = quoted(name.subset);
    Some(match near(name.subset, names.iter().copied()) {
        Some(meant) => {
            format!("no DestinationRule has the subset {shown}; did you mean {}?", quoted(meant))
        }
        None => format!("no DestinationRule has the subset {shown}; leave it out: `||`"),
    })
}

/// What a DestinationRule says of TLS to a cluster.
fn tls(rules: &[&Node], name: &Name<'_>, link: &Link<'_>) -> Vec<Found> {
    let warn = |code, message: String| vec![(Severity::Warning, code, message)];
    let settings = rules.iter().find_map(|rule| settings(rule, name, "tls"));
    let mode = settings.and_then(|tls| tls.text_at(&["mode"])).unwrap_or("DISABLE");
    let speaks = mode != "DISABLE";
    let Some(tls) = settings.filter(|_| link.secure && speaks) else {
        return match (link.secure, speaks) {
            (true, _) => warn(
                FileCode::ClusterPlain,
                "no TLS, and the URL is `https`: a ServiceEntry does not add it; write a \
                 DestinationRule with `tls: { mode: SIMPLE }`"
                    .to_owned(),
            ),
            (false, true) if mode != "ISTIO_MUTUAL" => warn(
                FileCode::ClusterTls,
                "its DestinationRule speaks TLS, and the URL is `http`: write `https`".to_owned(),
            ),
            (false, _) => Vec::new(),
        };
    };
    if tls.get("insecureSkipVerify").is_some_and(Node::is_true) {
        let message = "any certificate is taken: whoever is on the way can replace the keys; \
                       delete `insecureSkipVerify`";
        return warn(FileCode::ClusterUnverified, message.to_owned());
    }
    let Some(host) = link.host() else { return Vec::new() };
    let names = tls.get("subjectAltNames").map(Node::elements).unwrap_or_default();
    let sni = tls.text_at(&["sni"]).filter(|sni| !sni.is_empty() && !is_host(sni, host));
    let other =
        !names.is_empty() && !names.iter().filter_map(Node::text).any(|one| is_host(one, host));
    match (sni, other) {
        (Some(sni), _) => warn(
            FileCode::ClusterWrongName,
            format!("`sni` is {}, and the URL's host is {}", quoted(sni), quoted(host)),
        ),
        (None, true) => warn(
            FileCode::ClusterWrongName,
            format!("`subjectAltNames` lacks the URL's host {}", quoted(host)),
        ),
        (None, false) => Vec::new(),
    }
}

/// The settings of a kind that hold for a port and a subset: the narrowest.
fn settings<'r>(rule: &'r Node, name: &Name<'_>, kind: &str) -> Option<&'r Node> {
    let subsets = rule.path(&["spec", "subsets"]).map(Node::elements).unwrap_or_default();
    let own = subsets.iter().find(|one| one.text_at(&["name"]) == Some(name.subset));
    let own = own.and_then(|own| own.get("trafficPolicy"));
    [own, rule.path(&["spec", "trafficPolicy"])].into_iter().flatten().find_map(|policy| {
        let levels = policy.get("portLevelSettings").map(Node::elements).unwrap_or_default();
        let level = levels.iter().find(|one| one.text_at(&["port", "number"]) == Some(name.port));
        // A port's settings replace the others whole.
        level.map_or_else(|| policy.get(kind), |level| level.get(kind))
    })
}
