//! Clusters as Istio makes and names them: `outbound|443||idp.example.com`, by ServiceEntries and
//! DestinationRules.

use tollgate::config::{Config, near};
use tollgate::verdict::quoted;

use super::beside::Beside;
use super::code::FileCode;
use super::reach::{self, Clusters, Link, is_host};
use super::report::{Remark, Severity};
use crate::yaml::{Node, Place};

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
type Found = (Severity, FileCode, String);

/// What makes clusters.
struct Mesh<'b> {
    entries: Vec<&'b Node>,
    rules: Vec<&'b Node>,
    /// Those that an EnvoyFilter adds.
    added: Clusters,
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
        let patches =
            beside.of_kind("EnvoyFilter").filter_map(|one| one.path(&["spec", "configPatches"]));
        let clusters = patches.flat_map(Node::elements).filter(|patch| {
            patch.text_at(&["applyTo"]) == Some("CLUSTER")
                && patch.text_at(&["patch", "operation"]) == Some("ADD")
        });
        let known = clusters.filter_map(|patch| patch.path(&["patch", "value"])).cloned();
        Self {
            entries: beside.of_kind("ServiceEntry").collect(),
            rules: beside.of_kind("DestinationRule").collect(),
            added: Clusters { known: known.collect(), missing: None },
        }
    }

    /// Every host of an entry, each with its entry.
    fn hosts(&self) -> impl Iterator<Item = (&'b str, &'b Node)> {
        self.entries.iter().flat_map(|entry| {
            let hosts = entry.path(&["spec", "hosts"]).map(Node::elements).unwrap_or_default();
            hosts.iter().filter_map(Node::text).map(move |host| (host, *entry))
        })
    }

    fn judge(&self, link: &Link<'_>) -> Vec<Found> {
        let Some(name) = Name::parse(link.cluster) else { return self.misnamed(link) };
        let Some((_, entry)) = self.hosts().find(|(host, _)| host.eq_ignore_ascii_case(name.host))
        else {
            return self.unknown(link, &name).into_iter().collect();
        };
        let mut found = Vec::new();
        let ports: Vec<_> = ports(entry).collect();
        if !ports.contains(&name.port) {
            let meant = self.meant(entry, name.host, name.subset);
            found.push(missing(format!("the ServiceEntry has no port {}; {meant}", name.port)));
        }
        let rules: Vec<_> = self.rules_for(name.host).collect();
        if let Some(message) = subset(&rules, &name) {
            found.push(missing(message));
        }
        if matches!(entry.text_at(&["spec", "resolution"]), None | Some("NONE" | "")) {
            let message = "its ServiceEntry has no `resolution`: the cluster goes where the client \
                           went, and a filter's call has no such place; write `resolution: DNS`";
            found.push((Severity::Warning, FileCode::ClusterUnresolved, message.to_owned()));
        }
        // Inside the mesh the proxies encrypt by themselves.
        if entry.text_at(&["spec", "location"]) != Some("MESH_INTERNAL") {
            found.extend(tls(&rules, &name, link));
        }
        found
    }

    /// A name that is none of Istio's.
    fn misnamed(&self, link: &Link<'_>) -> Vec<Found> {
        let named = |(host, entry): &(&str, &Node)| {
            link.host().is_some_and(|one| is_host(host, one))
                || host.eq_ignore_ascii_case(link.cluster)
                || entry.text_at(&["metadata", "name"]) == Some(link.cluster)
        };
        let meant = self.hosts().find(named).map(|(host, entry)| self.meant(entry, host, ""));
        let is_broken = link.cluster.starts_with("outbound") || link.cluster.contains('|');
        let (severity, end) = match meant {
            Some(meant) if is_broken => (Severity::Problem, meant),
            Some(meant) => (Severity::Warning, meant),
            None if is_broken => {
                let host = link.host().unwrap_or("HOST");
                (Severity::Problem, format!("did you mean `outbound|443||{host}`?"))
            }
            None => return Vec::new(),
        };
        let message = format!("Istio calls its clusters `outbound|PORT|SUBSET|HOST`; {end}");
        vec![(severity, FileCode::ClusterMissing, message)]
    }

    /// A host that no entry has, where one may have been meant.
    fn unknown(&self, link: &Link<'_>, name: &Name<'_>) -> Option<Found> {
        let under = |host: &str| {
            let end = host.strip_prefix('*').filter(|end| end.starts_with('.'));
            end.is_some_and(|end| name.host.ends_with(end))
        };
        let hosts = self.hosts().map(|(host, _)| host);
        let wanted = self
            .hosts()
            .find(|(host, _)| under(host) || link.host().is_some_and(|one| is_host(host, one)));
        let by_slip = || {
            let meant = near(name.host, hosts.collect::<Vec<_>>().iter().copied())?;
            self.hosts().find(|(host, _)| *host == meant)
        };
        let (host, entry) = wanted.or_else(by_slip)?;
        let meant = self.meant(entry, host, name.subset);
        Some(missing(format!("no ServiceEntry has the host {}; {meant}", quoted(name.host))))
    }

    /// The name of the cluster that an entry makes for a host.
    fn meant(&self, entry: &Node, host: &str, subset: &str) -> String {
        let known: Vec<_> = ports(entry).collect();
        let port = known.iter().find(|port| **port == "443").or(known.first());
        let port = port.copied().unwrap_or("443");
        format!("did you mean {}?", quoted(&format!("outbound|{port}|{subset}|{host}")))
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

fn ports(entry: &Node) -> impl Iterator<Item = &str> {
    let ports = entry.path(&["spec", "ports"]).map(Node::elements).unwrap_or_default();
    ports.iter().filter_map(|port| port.text_at(&["number"]))
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
    let settings = rules.iter().find_map(|rule| settings(rule, name));
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

/// The TLS settings that hold for a port and a subset: the narrowest.
fn settings<'r>(rule: &'r Node, name: &Name<'_>) -> Option<&'r Node> {
    let subsets = rule.path(&["spec", "subsets"]).map(Node::elements).unwrap_or_default();
    let own = subsets.iter().find(|one| one.text_at(&["name"]) == Some(name.subset));
    let own = own.and_then(|own| own.get("trafficPolicy"));
    [own, rule.path(&["spec", "trafficPolicy"])].into_iter().flatten().find_map(|policy| {
        let levels = policy.get("portLevelSettings").map(Node::elements).unwrap_or_default();
        let level = levels.iter().find(|one| one.text_at(&["port", "number"]) == Some(name.port));
        // A port's settings replace the others whole.
        level.map_or_else(|| policy.get("tls"), |level| level.get("tls"))
    })
}
