//! Limits that several proxies share: whether the cluster of the service can be asked at all, and whether
//! the files make more proxies than the configuration counts on.

use tollgate::config::{Config, RemoteLimits};
use tollgate::verdict::quoted;

use super::beside::Beside;
use super::code::FileCode;
use super::reach::Clusters;
use super::report::{Remark, Severity};
use super::surroundings::is_proxy;
use crate::yaml::{Node, Place};

/// Where the options of HTTP stand in a cluster.
const OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// Tells what is wrong around `limits.remote`.
pub(super) fn check(
    config: &Config,
    tree: Option<&Node>,
    (clusters, beside): (Option<&Clusters>, &Beside),
    at: Place,
    remarks: &mut Vec<Remark>,
) {
    let Some(remote) = &config.remote_limits else { return };
    let written = tree.and_then(|tree| tree.path(&["limits", "remote"]));
    let place =
        |member: &str| written.and_then(|written| written.get(member)).map_or(at, |found| found.at);
    if let Some(clusters) = clusters {
        cluster(remote, clusters, place("cluster"), remarks);
    }
    replicas(remote, beside, place("replicas"), remarks);
}

fn cluster(remote: &RemoteLimits, clusters: &Clusters, at: Place, remarks: &mut Vec<Remark>) {
    let name = quoted(&remote.cluster);
    let mut tell = |severity, code, message: String| {
        remarks.push(Remark::new(severity, code, at, "limits.remote.cluster", message));
    };
    let Some(found) = clusters.find(&remote.cluster) else {
        if let Some(severity) = clusters.missing {
            let meant = match clusters.meant(&remote.cluster, None) {
                Some(meant) => format!("; did you mean {}?", quoted(meant)),
                None => "; add it to `static_resources.clusters`".to_owned(),
            };
            let message = format!(
                "this file has no cluster {name}, and says of none that comes from elsewhere: no \
                 limit would be counted together{meant}"
            );
            tell(severity, FileCode::ClusterMissing, message);
        }
        return;
    };
    if !speaks_http2(found) {
        let message = format!(
            "cluster {name}: it speaks HTTP/1.1, and gRPC needs HTTP/2: every call would fail; add \
             `typed_extension_protocol_options`, `{OPTIONS}`, with `explicit_http_config: {{ \
             http2_protocol_options: {{}} }}`"
        );
        tell(Severity::Warning, FileCode::ClusterNotHttp2, message);
    }
}

/// Whether calls to it may be HTTP/2, as far as it says.
fn speaks_http2(cluster: &Node) -> bool {
    const HTTP2: &str = "http2_protocol_options";
    let options = cluster.path(&["typed_extension_protocol_options", OPTIONS]);
    let options = options.into_iter().flat_map(|options| {
        [options.path(&["explicit_http_config", HTTP2]), options.get("auto_config")]
    });
    cluster.get(HTTP2).is_some() || options.flatten().next().is_some()
}

/// A Deployment or an autoscaler that makes so many pods.
struct Makes<'b> {
    kind: &'static str,
    name: &'b str,
    pods: u64,
}

fn replicas(remote: &RemoteLimits, beside: &Beside, at: Place, remarks: &mut Vec<Remark>) {
    let most = made(beside).into_iter().max_by_key(|makes| makes.pods);
    let written = u64::from(remote.share.replicas);
    let Some(makes) = most.filter(|makes| makes.pods > written) else { return };
    let (kind, name, pods) = (makes.kind, quoted(makes.name), makes.pods);
    let message = format!(
        "{written}, and the {kind} {name} makes up to {pods}: limits can be exceeded further, in \
         proportion; write {pods}"
    );
    remarks.push(Remark::new(
        Severity::Warning,
        FileCode::ReplicasTooFew,
        at,
        "limits.remote.replicas",
        message,
    ));
}

/// What the files say of how many proxies there are: the Deployments that run one, and what scales them.
fn made(beside: &Beside) -> Vec<Makes<'_>> {
    const AUTOSCALER: &str = "HorizontalPodAutoscaler";
    const DEPLOYMENT: &str = "Deployment";
    let own: Vec<_> = beside.of_kind(DEPLOYMENT).filter(|one| is_proxy(one)).collect();
    let scales_one = |one: &&Node| {
        let target = |member| one.text_at(&["spec", "scaleTargetRef", member]);
        target("kind") == Some(DEPLOYMENT)
            && own.iter().any(|known| target("name").is_some_and(|name| name == name_of(known)))
    };
    let scaled = beside.of_kind(AUTOSCALER).filter(scales_one);
    let scaled = scaled.filter_map(|one| makes(AUTOSCALER, one, "maxReplicas"));
    scaled.chain(own.iter().filter_map(|one| makes(DEPLOYMENT, one, "replicas"))).collect()
}

fn makes<'b>(kind: &'static str, one: &'b Node, member: &str) -> Option<Makes<'b>> {
    let pods = one.text_at(&["spec", member])?.parse().ok()?;
    Some(Makes { kind, name: name_of(one), pods })
}

fn name_of(resource: &Node) -> &str {
    resource.text_at(&["metadata", "name"]).unwrap_or_default()
}
