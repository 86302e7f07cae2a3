//! Whether the proxy's clusters lead to where a configuration's documents are, and to nobody else.

use std::net::IpAddr;

use super::code::FileCode;
use super::report::{Remark, Severity};
use super::yaml::{Node, Place};
use crate::config::{Config, RingSource};
use crate::http::Url;
use crate::verdict::quoted;

/// What a document is fetched through.
struct Link<'c> {
    cluster: &'c str,
    /// Its URL; `None` where only a discovery document will tell.
    url: Option<&'c Url>,
    /// Whether TLS is needed.
    secure: bool,
    /// The field of the configuration that names the cluster.
    field: String,
}

/// Warns of each cluster that a configuration names and that does not lead where it should.
pub(super) fn check(
    config: &Config,
    tree: Option<&Node>,
    clusters: &[Node],
    at: Place,
    remarks: &mut Vec<Remark>,
) {
    let mut seen: Vec<(&str, Option<&str>)> = Vec::new();
    for link in links(config) {
        let host = link.url.map(|url| unbracketed(url.host()));
        if seen.contains(&(link.cluster, host)) {
            continue;
        }
        seen.push((link.cluster, host));
        let member = link.field.rsplit('.').next().unwrap_or_default();
        let at = tree.and_then(|tree| named(tree, member, link.cluster)).unwrap_or(at);
        let mut warn = |code, message: String| {
            remarks.push(Remark::new(Severity::Warning, code, at, link.field.as_str(), message));
        };
        let cluster = clusters.iter().find(|one| one.text_at(&["name"]) == Some(link.cluster));
        let Some(cluster) = cluster else {
            let name = quoted(link.cluster);
            warn(
                FileCode::ClusterMissing,
                format!(
                    "this file has no cluster {name}, and says of none that comes from elsewhere: \
                     every call would fail; add it to `static_resources.clusters`"
                ),
            );
            continue;
        };
        if link.secure {
            for (code, message) in tls(cluster, host) {
                warn(code, format!("cluster {}: {message}", quoted(link.cluster)));
            }
        }
    }
}

fn links(config: &Config) -> Vec<Link<'_>> {
    let mut links = Vec::new();
    for ring in &config.rings {
        let cluster = &ring.cluster;
        let field = |member: &str| format!("providers.{}.jwks.{member}", ring.provider);
        let first =
            |url| Link { cluster, url: Some(url), secure: url.secure, field: field("cluster") };
        match &ring.source {
            RingSource::Jwks(url) => links.push(first(url)),
            RingSource::Discovery { url, keys_cluster } => {
                links.push(first(url));
                links.extend(keys_cluster.as_deref().map(|cluster| Link {
                    cluster,
                    url: None,
                    secure: url.secure,
                    field: field("keys_cluster"),
                }));
            }
        }
    }
    links.extend(config.revoked_source.as_ref().map(|source| Link {
        cluster: &source.cluster,
        url: Some(&source.url),
        secure: source.url.secure,
        field: "revoked.cluster".to_owned(),
    }));
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
fn is_host(name: &str, host: &str) -> bool {
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
