//! What the files that are checked together say besides configurations: clusters, routes, resources.

use super::reach::Clusters;
use super::report::Severity;
use crate::yaml::{self, Node};

/// Every document of every file; the items of lists stand alone.
#[derive(Debug, Default)]
pub(super) struct Beside {
    documents: Vec<Node>,
}

impl Beside {
    /// Of these texts, as far as they can be read.
    pub(super) fn of<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let documents = texts.into_iter().filter_map(|text| yaml::parse(text).ok()).flatten();
        let documents = documents.flat_map(|mut document| {
            document.merge();
            flat(document)
        });
        Self { documents: documents.collect() }
    }

    /// The resources of a kind.
    pub(super) fn of_kind<'b>(&'b self, kind: &'b str) -> impl Iterator<Item = &'b Node> {
        let is_one = move |one: &&Node| one.text_at(&["kind"]) == Some(kind);
        self.documents.iter().filter(is_one)
    }

    /// Envoy's route configurations that do not stand in a connection manager.
    pub(super) fn routes(&self) -> impl Iterator<Item = &Node> {
        self.listed(".RouteConfiguration")
    }

    /// Whether anything in them says so.
    pub(super) fn has_flag(&self, name: &str) -> bool {
        fn has(node: &Node, name: &str) -> bool {
            node.get(name).is_some_and(Node::is_true)
                || node.members().iter().any(|member| has(&member.node, name))
                || node.elements().iter().any(|element| has(element, name))
        }
        self.documents.iter().any(|document| has(document, name))
    }

    fn listed(&self, kind: &'static str) -> impl Iterator<Item = &Node> {
        let lists = self.documents.iter().filter_map(|one| one.get("resources"));
        let is_one = move |one: &&Node| {
            one.text_at(&["@type"]).is_some_and(|type_url| type_url.ends_with(kind))
        };
        lists.flat_map(Node::elements).filter(is_one)
    }

    /// The clusters of the proxy that a file of these documents belongs to.
    ///
    /// A bootstrap without CDS has all of them; one with CDS gets the rest from a file that may be
    /// among those that are checked; and a part of a configuration has those of the files beside it.
    pub(super) fn clusters(&self, own: &[Node]) -> Clusters {
        let clusters = |documents: &[Node]| {
            let places: [&[&str]; 2] = [&["static_resources", "clusters"], &["clusters"]];
            let found = documents.iter().flat_map(|document| {
                places.iter().filter_map(|place| document.path(place)).flat_map(Node::elements)
            });
            found.cloned().collect::<Vec<_>>()
        };
        let bootstrap = own.iter().find(|document| document.get("static_resources").is_some());
        let mut known = clusters(if bootstrap.is_some() { own } else { &self.documents });
        let fetched = bootstrap.is_some_and(|bootstrap| {
            ["cds_config", "cds_resources_locator"]
                .iter()
                .any(|name| bootstrap.path(&["dynamic_resources", name]).is_some())
        });
        if bootstrap.is_some() && !fetched {
            return Clusters { known, missing: Some(Severity::Problem) };
        }
        let before = known.len();
        known.extend(self.listed(".Cluster").cloned());
        let missing = (known.len() > before).then_some(Severity::Warning);
        Clusters { known, missing }
    }
}

/// A list's items, or the document itself.
fn flat(document: Node) -> Vec<Node> {
    let is_list = document.text_at(&["kind"]).is_some_and(|kind| kind.ends_with("List"));
    match document.get("items").filter(|_| is_list) {
        Some(items) => items.elements().to_vec(),
        None => vec![document],
    }
}
