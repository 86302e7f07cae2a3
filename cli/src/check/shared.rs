//! Limits that several proxies share: whether the cluster of the service can be asked at all, and whether
//! the files make more proxies than the configuration counts on.

use tollgate::config::{Config, RemoteLimits};
use tollgate::verdict::quoted;

use super::beside::Beside;
use super::code::FileCode;
use super::domain::Counted;
use super::holder::Plane;
use super::reach::Clusters;
use super::report::{Remark, Report, Severity};
use super::surroundings::is_proxy;
use super::{gateway, http2, mesh};
use crate::yaml::{Node, Place};

/// The field that names the cluster.
const FIELD: &str = "limits.remote.cluster";

/// Tells what is wrong around `limits.remote`.
pub(super) fn check(
    config: &Config,
    tree: Option<&Node>,
    (plane, clusters, beside): (Plane, Option<&Clusters>, &Beside),
    at: Place,
    remarks: &mut Vec<Remark>,
) {
    let Some(remote) = &config.remote_limits else { return };
    let written = tree.and_then(|tree| tree.path(&["limits", "remote"]));
    let place =
        |member: &str| written.and_then(|written| written.get(member)).map_or(at, |found| found.at);
    let name = &remote.cluster;
    let warning = |(code, message)| (Severity::Warning, code, message);
    let found: Vec<_> = match plane {
        Plane::None => clusters.and_then(|clusters| of_proxy(name, clusters)).into_iter().collect(),
        Plane::Istio => mesh::of_service(name, beside),
        Plane::Gateway => gateway::of_service(name, beside).map(warning).into_iter().collect(),
    };
    for (severity, code, message) in found {
        let message = format!("cluster {}: {message}", quoted(name));
        remarks.push(Remark::new(severity, code, place("cluster"), FIELD, message));
    }
    replicas(remote, beside, place("replicas"), remarks);
}

/// What a configuration counts in a service, where it does.
pub(super) fn counted(
    config: &Config,
    tree: Option<&Node>,
    (plane, clusters, root): (Plane, Option<&Clusters>, Option<&str>),
    at: Place,
) -> Option<Counted> {
    let cluster = &config.remote_limits.as_ref()?.cluster;
    let clusters = clusters.filter(|_| plane == Plane::None);
    let hosts = clusters.map(|clusters| clusters.hosts_of(cluster)).unwrap_or_default();
    let written = tree.and_then(|tree| tree.path(&["limits", "remote"]));
    let place = written.map(|remote| remote.get("domain").unwrap_or(remote).at);
    Counted::of(config, root, hosts, place.unwrap_or(at))
}

/// Tells of configurations that count in the same counters of a service, and should not: each once, beside
/// the first one of these.
pub(super) fn compare(reports: &mut [Report]) {
    let mut before: Vec<(String, Counted)> = Vec::new();
    for report in reports {
        let Report { file, configurations } = report;
        for checked in configurations {
            let Some(own) = checked.counted.take() else { continue };
            let found = before.iter().find_map(|(place, other)| own.beside(other, place));
            checked.remarks.extend(found.map(|message| {
                let (severity, code) = (Severity::Warning, FileCode::LimitsDomainShared);
                Remark::new(severity, code, own.at, "limits.remote.domain", message)
            }));
            let name = &checked.name;
            let name = if name.is_empty() { String::new() } else { format!(" ({name})") };
            before.push((format!("{file}:{}{name}", own.at.line), own));
        }
    }
}

/// What is wrong with the cluster where the clusters are Envoy's own.
fn of_proxy(name: &str, clusters: &Clusters) -> Option<(Severity, FileCode, String)> {
    let Some(found) = clusters.find(name) else {
        let meant = match clusters.meant(name, None) {
            Some(meant) => format!("; did you mean {}?", quoted(meant)),
            None => "; add it to `static_resources.clusters`".to_owned(),
        };
        let message = format!(
            "this file does not have it, and says of none that comes from elsewhere: no limit would be \
             counted together{meant}"
        );
        return Some((clusters.missing?, FileCode::ClusterMissing, message));
    };
    let fault = http2::fault(found)?;
    Some((Severity::Warning, FileCode::ClusterNotHttp2, fault))
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
