//! Whether the proxy's clusters lead to where a configuration's documents are, and to nobody else.

use std::net::IpAddr;

use tollgate::config::{Config, RingSource, near};
use tollgate::provider::login::Source;
use tollgate::verdict::quoted;

use super::code::FileCode;
use super::report::{Remark, Severity};
use crate::yaml::{Node, Place};

/// What a document is fetched through.
pub(super) struct Link<'c> {
    pub(super) cluster: &'c str,
    /// The host that it is on, as URLs write it; `None` where only a discovery document will tell.
    on: Option<&'c str>,
    /// Whether TLS is needed.
    pub(super) secure: bool,
    /// The field of the configuration that names the cluster.
    pub(super) field: String,
}

impl<'c> Link<'c> {
    /// The URL's host, as TLS and certificates write it.
    pub(super) fn host(&self) -> Option<&'c str> {
        self.on.map(unbracketed)
    }

    /// Where the configuration names the cluster.
    pub(super) fn place(&self, tree: Option<&Node>) -> Option<Place> {
        let member = self.field.rsplit('.').next().unwrap_or_default();
        named(tree?, member, self.cluster)
    }
}

/// The clusters of a proxy, as far as they are known.
pub(super) struct Clusters {
    pub(super) known: Vec<Node>,
    /// How bad it is that a cluster is not among them; `None` where others may come.
    pub(super) missing: Option<Severity>,
}

impl Clusters {
    pub(super) fn find(&self, name: &str) -> Option<&Node> {
        self.known.iter().find(|cluster| cluster.text_at(&["name"]) == Some(name))
    }

    /// The hosts that a cluster of this name leads to; none where that is not known.
    pub(super) fn hosts_of(&self, name: &str) -> Vec<String> {
        let hosts = self.find(name).map(addresses).unwrap_or_default();
        hosts.into_iter().map(str::to_owned).collect()
    }

    /// The cluster that may have been meant: one that leads to the host, or one of a near name.
    pub(super) fn meant(&self, name: &str, host: Option<&str>) -> Option<&str> {
        let leads = |cluster: &&Node| {
            let sni = ["transport_socket", "typed_config", "sni"];
            let hosts = addresses(cluster).into_iter().chain(cluster.text_at(&sni));
            host.is_some_and(|host| hosts.into_iter().any(|one| is_host(one, host)))
        };
        let names = || self.known.iter().filter_map(|cluster| cluster.text_at(&["name"]));
        let by_host = self.known.iter().find(leads).and_then(|cluster| cluster.text_at(&["name"]));
        near(name, names()).or(by_host)
    }
}

/// Tells of each cluster that a configuration names and that does not lead where it should.
pub(super) fn check(
    config: &Config,
    tree: Option<&Node>,
    clusters: &Clusters,
    at: Place,
    remarks: &mut Vec<Remark>,
) {
    let mut seen: Vec<(&str, Option<&str>)> = Vec::new();
    for link in links(config) {
        let host = link.host();
        if seen.contains(&(link.cluster, host)) {
            continue;
        }
        seen.push((link.cluster, host));
        let at = link.place(tree).unwrap_or(at);
        let mut tell = |severity, code, message: String| {
            remarks.push(Remark::new(severity, code, at, link.field.as_str(), message));
        };
        let name = quoted(link.cluster);
        let Some(cluster) = clusters.find(link.cluster) else {
            if let Some(severity) = clusters.missing {
                let meant = match clusters.meant(link.cluster, host) {
                    Some(meant) => format!("; did you mean {}?", quoted(meant)),
                    None => "; add it to `static_resources.clusters`".to_owned(),
                };
                let message = format!(
                    "this file has no cluster {name}, and says of none that comes from elsewhere: \
                     every call would fail{meant}"
                );
                tell(severity, FileCode::ClusterMissing, message);
            }
            continue;
        };
        leads(&link, cluster, at, remarks);
    }
}

/// Tells where a cluster does not lead to what is fetched through it.
pub(super) fn leads(link: &Link<'_>, cluster: &Node, at: Place, remarks: &mut Vec<Remark>) {
    let mut found = match link.secure {
        true => tls(cluster, link.host()),
        false => plain(cluster).into_iter().collect(),
    };
    if matches!(cluster.text_at(&["type"]), Some("ORIGINAL_DST" | "4")) {
        let message = "it goes where the client went (ORIGINAL_DST), and a filter's call has no \
                       such place; name a cluster with endpoints";
        found.push((FileCode::ClusterUnresolved, message.to_owned()));
    }
    let name = quoted(link.cluster);
    for (code, message) in found {
        let message = format!("cluster {name}: {message}");
        remarks.push(Remark::new(Severity::Warning, code, at, link.field.as_str(), message));
    }
    family(link, cluster, at, remarks);
}

/// A cluster that takes the first family of addresses that its name has, where nobody said which.
fn family(link: &Link<'_>, cluster: &Node, at: Place, remarks: &mut Vec<Remark>) {
    let by_type =
        matches!(cluster.text_at(&["type"]), Some("STRICT_DNS" | "LOGICAL_DNS" | "1" | "2"));
    let own = cluster.path(&["cluster_type", "typed_config"]);
    let own = own.filter(|own| {
        own.text_at(&["@type"]).is_some_and(|url| url.ends_with(".dns.v3.DnsCluster"))
    });
    let said = [Some(cluster), own].into_iter().flatten();
    let is_said = said.into_iter().any(|one| one.get("dns_lookup_family").is_some());
    let names = addresses(cluster).iter().any(|name| address(name).is_none());
    if !(by_type || own.is_some()) || is_said || !names {
        return;
    }
    let code = FileCode::ClusterFamilyUnset;
    let name = quoted(link.cluster);
    let message = format!(
        "cluster {name} does not say which addresses to take: Envoy takes IPv6 where the name has \
         any, and where that leads nowhere every call fails (`remote connection failure`); \
         V4_PREFERRED takes IPv4 first"
    );
    if !remarks.iter().any(|known| known.code == code.name() && known.message == message) {
        remarks.push(Remark::new(Severity::Note, code, at, "dns_lookup_family", message));
    }
}

/// The hosts of a cluster's endpoints.
fn addresses(cluster: &Node) -> Vec<&str> {
    let groups = cluster.path(&["load_assignment", "endpoints"]).map(Node::elements);
    let groups = groups.unwrap_or_default().iter();
    let endpoints =
        groups.flat_map(|group| group.get("lb_endpoints").map(Node::elements).unwrap_or_default());
    let address = ["endpoint", "address", "socket_address", "address"];
    endpoints.filter_map(|endpoint| endpoint.text_at(&address)).collect()
}

/// A cluster that speaks TLS where the URL says that nobody does.
fn plain(cluster: &Node) -> Option<(FileCode, String)> {
    let type_url = cluster.text_at(&["transport_socket", "typed_config", "@type"])?;
    type_url.ends_with(".UpstreamTlsContext").then(|| {
        let message = "it speaks TLS, and the URL is `http`: write `https`, which is what is asked";
        (FileCode::ClusterTls, message.to_owned())
    })
}

pub(super) fn links(config: &Config) -> Vec<Link<'_>> {
    let mut links = Vec::new();
    for ring in &config.rings {
        let (url, cluster) = (&ring.remote.url, &ring.remote.cluster);
        let field = |member: &str| format!("providers.{}.jwks.{member}", ring.provider);
        let secure = url.secure;
        links.push(Link { cluster, on: Some(url.host()), secure, field: field("cluster") });
        if let RingSource::Discovery { keys_cluster: Some(cluster) } = &ring.source {
            links.push(Link { cluster, on: None, secure, field: field("keys_cluster") });
        }
    }
    links.extend(config.revoked_source.as_ref().map(|source| Link {
        cluster: &source.remote.cluster,
        on: Some(source.remote.url.host()),
        secure: source.remote.url.secure,
        field: "revoked.cluster".to_owned(),
    }));
    for provider in &config.providers {
        let Some(login) = provider.login() else { continue };
        let secure = match &login.endpoints {
            Source::Discovered { is_secure } => *is_secure,
            Source::Written(endpoints) => endpoints.token.secure,
        };
        let field = format!("providers.{}.login.cluster", provider.name);
        links.push(Link { cluster: &login.cluster, on: Some(&login.host), secure, field });
    }
    links
}

/// The place of the first member of a name and a value.
fn named(node: &Node, name: &str, value: &str) -> Option<Place> {
    for member in node.members() {
        if member.name == name && member.node.text() == Some(value) {
            return Some(member.node.at);
        }
        if let Some(place) = named(&member.node, name, value) {
            return Some(place);
        }
    }
    node.elements().iter().find_map(|element| named(element, name, value))
}

/// A host as TLS and certificates write it: an IPv6 address without the brackets of URLs.
fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

/// The address that a host is.
fn address(host: &str) -> Option<IpAddr> {
    unbracketed(host).parse().ok()
}

/// Whether a certificate's name is the host: letters of either case, an address however it is
/// spelt.
pub(super) fn is_host(name: &str, host: &str) -> bool {
    match address(host) {
        Some(host) => address(name) == Some(host),
        None => name.eq_ignore_ascii_case(host),
    }
}

/// What is wrong with a cluster that has to speak TLS to `host`.
fn tls(cluster: &Node, host: Option<&str>) -> Vec<(FileCode, String)> {
    if cluster.get("transport_socket_matches").is_some() {
        return Vec::new();
    }
    let socket = cluster.path(&["transport_socket", "typed_config"]);
    let type_url = socket.and_then(|socket| socket.text_at(&["@type"])).unwrap_or_default();
    let shown = host.map_or("the provider".to_owned(), quoted);
    let Some(context) = socket.filter(|_| !type_url.ends_with(".RawBuffer")) else {
        let message = format!(
            "no TLS, and the URL is `https`: {shown} would answer a plain request with an error; \
             add a `transport_socket` with an UpstreamTlsContext"
        );
        return vec![(FileCode::ClusterPlain, message)];
    };
    if !type_url.ends_with(".UpstreamTlsContext") {
        return Vec::new();
    }
    let mut found = Vec::new();
    match context.text_at(&["sni"]).filter(|sni| !sni.is_empty()) {
        // An address is never asked for by name (RFC 6066 §3): the certificate alone decides.
        _ if host.is_some_and(|host| address(host).is_some()) => {}
        Some(sni) if host.is_some_and(|host| !host.eq_ignore_ascii_case(sni)) => {
            let message = format!("`sni` is {}, and the URL's host is {shown}", quoted(sni));
            found.push((FileCode::ClusterWrongName, format!("{message}; write it there, too")));
        }
        Some(_) => {}
        None if context.get("auto_host_sni").is_some_and(Node::is_true) => {}
        None => {
            let message =
                format!("no `sni`: the server may show another's certificate; write {shown}");
            found.push((FileCode::ClusterSniMissing, message));
        }
    }
    found.extend(validation(context, host, &shown));
    found
}

fn validation(context: &Node, host: Option<&str>, shown: &str) -> Option<(FileCode, String)> {
    let common = context.get("common_tls_context");
    let combined = common.and_then(|common| {
        common.path(&["combined_validation_context", "default_validation_context"])
    });
    if common.is_some_and(|common| common.get("validation_context_sds_secret_config").is_some()) {
        return None;
    }
    let own = common.and_then(|common| common.get("validation_context"));
    let has = |name: &str| own.is_some_and(|own| own.get(name).is_some());
    let trusts = ["trusted_ca", "system_root_certs", "ca_certificate_provider_instance"];
    let pins = ["verify_certificate_spki", "verify_certificate_hash", "custom_validator_config"];
    if pins.iter().any(|name| has(name)) {
        return None;
    }
    if combined.is_none() && !trusts.iter().any(|name| has(name)) {
        let message = "any certificate is taken: whoever is on the way can replace the keys; add \
                       `common_tls_context.validation_context` with a `trusted_ca`";
        return Some((FileCode::ClusterUnverified, message.into()));
    }
    if context.get("auto_sni_san_validation").is_some_and(Node::is_true) {
        return None;
    }
    let names = combined.or(own)?;
    let names =
        names.get("match_typed_subject_alt_names").or_else(|| names.get("match_subject_alt_names"));
    let Some(names) = names.map(Node::elements).filter(|names| !names.is_empty()) else {
        let message = format!(
            "a certificate for any name is taken: add {shown} to \
             `validation_context.match_typed_subject_alt_names`"
        );
        return Some((FileCode::ClusterNameUnchecked, message));
    };
    let exact: Vec<_> = names
        .iter()
        .map(|name| name.text_at(&["matcher", "exact"]).or_else(|| name.text_at(&["exact"])))
        .collect();
    // Another matcher than an exact one may fit.
    let all: Option<Vec<_>> = exact.into_iter().collect();
    let (all, host) = (all?, host?);
    (!all.iter().any(|name| is_host(name, host))).then(|| {
        let message = format!(
            "the certificate's name must be {}, and the URL's host is {shown}: every call would \
             fail",
            quoted(&all.join(", "))
        );
        (FileCode::ClusterWrongName, message)
    })
}
