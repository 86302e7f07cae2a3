//! Which proxies a resource is for, and what it is called.

use crate::yaml::Node;

/// What tells a resource from others.
pub(super) fn identity(resource: &Node) -> String {
    let text = |names: &[&str]| resource.text_at(names).unwrap_or_default();
    let (namespace, name) = (text(&["metadata", "namespace"]), text(&["metadata", "name"]));
    format!("{} {namespace}/{name}", text(&["kind"]))
}

/// The proxies that a resource is for.
pub(super) struct Workload<'n> {
    pub(super) namespace: Option<&'n str>,
    labels: Vec<(&'n str, &'n str)>,
    /// Gateways and the like by name.
    pub(super) targets: Vec<&'n str>,
}

/// The namespace whose resources are for every other, unless another is chosen.
const ROOT: &str = "istio-system";

impl<'n> Workload<'n> {
    pub(super) fn of(resource: &'n Node) -> Self {
        let selectors: [&[&str]; 3] = [
            &["spec", "selector", "matchLabels"],
            &["spec", "selector"],
            &["spec", "workloadSelector", "labels"],
        ];
        let labels =
            selectors.iter().filter_map(|path| resource.path(path)).flat_map(Node::members);
        let several =
            resource.path(&["spec", "targetRefs"]).map(Node::elements).unwrap_or_default();
        let one = resource.path(&["spec", "targetRef"]);
        let targets = several.iter().chain(one).filter_map(|target| target.text_at(&["name"]));
        Self {
            namespace: resource.text_at(&["metadata", "namespace"]),
            labels: labels.filter_map(|label| Some((&*label.name, label.node.text()?))).collect(),
            targets: targets.collect(),
        }
    }

    pub(super) fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.targets.is_empty()
    }

    /// Whether a proxy is sure to have both.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let is_root = |one: &Self| one.namespace.is_none_or(|name| name == ROOT);
        if self.namespace != other.namespace && !is_root(self) && !is_root(other) {
            return false;
        }
        if self.is_everything() || other.is_everything() {
            return true;
        }
        if !self.targets.is_empty() || !other.targets.is_empty() {
            return self.targets.iter().any(|target| other.targets.contains(target));
        }
        let shared =
            |(name, _): &&(&str, &str)| other.labels.iter().any(|(known, _)| known == name);
        let mut shared = self.labels.iter().filter(shared).peekable();
        shared.peek().is_some() && shared.all(|label| other.labels.contains(label))
    }
}
