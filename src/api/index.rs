//! Finds a request's API without looking at each: a thousand of them cost what one does.

use std::collections::BTreeMap;

use super::{Api, PathPattern, Segment};
use crate::http::{Route, comparable_host};
use crate::ids::ApiId;

/// The APIs of a configuration by host, by path and by route.
///
/// It only proposes: whether an API matches, [`Matcher`](super::Matcher) alone says. What it holds
/// grows with the number of patterns as written.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// By whole host, or by what a host ends with, which begins with a dot.
    hosts: ByText,
    /// By the route's name.
    routes: ByText,
    /// By what the route's metadata names.
    named: ByText,
    /// A tree of path segments; the first node is its root.
    nodes: Vec<Node>,
    /// Whether any API looks at hosts.
    looks_at_hosts: bool,
    /// Whether any API looks at paths.
    looks_at_paths: bool,
}

/// The APIs that ask for one of some texts, and those that ask for none; lists are in order.
#[derive(Clone, Debug, Default)]
struct ByText {
    places: BTreeMap<Box<[u8]>, usize>,
    lists: Vec<Vec<ApiId>>,
    any: Vec<ApiId>,
}

/// What is known after some segments of a path; lists of APIs are in order.
#[derive(Clone, Debug, Default)]
struct Node {
    literal: BTreeMap<Box<[u8]>, usize>,
    any: Option<usize>,
    /// The APIs with a pattern that ends here.
    here: Vec<ApiId>,
    /// The APIs with a pattern for this and all that follows.
    open: Vec<ApiId>,
}

impl Index {
    /// The index of these APIs.
    pub fn new(apis: &[Api]) -> Self {
        let mut index = Self { nodes: vec![Node::default()], ..Self::default() };
        for (place, api) in apis.iter().enumerate() {
            let id = ApiId(place);
            let matcher = &api.matcher;
            // A document belongs to a host.
            index.looks_at_hosts |= api.resource.is_some();
            for host in &matcher.hosts {
                index.looks_at_hosts = true;
                match &*host.key() {
                    "" => add(&mut index.hosts.any, id),
                    key => index.hosts.add(key, id),
                }
            }
            for route in &matcher.routes {
                index.routes.add(route, id);
            }
            match &matcher.named {
                Some(name) => index.named.add(name.as_str(), id),
                None => index.named.any.push(id),
            }
            if matcher.hosts.is_empty() {
                index.hosts.any.push(id);
            }
            if matcher.routes.is_empty() {
                index.routes.any.push(id);
            }
            if matcher.paths.is_empty() {
                index.add_path(&PathPattern { segments: Vec::new(), open: true }, id);
            }
            for path in &matcher.paths {
                index.looks_at_paths = true;
                index.add_path(path, id);
            }
        }
        index
    }

    /// Whether any API looks at paths.
    pub const fn looks_at_paths(&self) -> bool {
        self.looks_at_paths
    }

    /// Whether any API looks at hosts.
    pub const fn looks_at_hosts(&self) -> bool {
        self.looks_at_hosts
    }

    /// Whether any API looks at the route's name.
    pub fn looks_at_routes(&self) -> bool {
        !self.routes.lists.is_empty()
    }

    /// Whether any API looks at the API that the route's metadata names.
    pub fn looks_at_route_metadata(&self) -> bool {
        !self.named.lists.is_empty()
    }

    /// Whether what a route's metadata names is an API that it may name.
    pub fn may_be_named(&self, name: &[u8]) -> bool {
        self.named.of(name).is_some()
    }

    /// The API that a request belongs to: the first of `apis` that matches its host (an authority;
    /// one that is ambiguous matches no pattern), its path, split into segments and percent-decoded
    /// once, its method and its route.
    pub fn find<S: AsRef<[u8]>>(
        &self,
        apis: &[Api],
        host: &[u8],
        path: &[S],
        method: &[u8],
        route: &Route,
    ) -> Option<ApiId> {
        let host = comparable_host(host).unwrap_or_default();
        let fewest = self.fewest(&host, path, route);
        let mut found: Option<ApiId> = None;
        for candidates in fewest {
            let better = candidates.iter().take_while(|id| found.is_none_or(|best| **id < best));
            let matches = |id: &&ApiId| {
                apis.get(id.0).is_some_and(|api| api.matcher.matches(&host, path, method, route))
            };
            found = better.copied().find(|id| matches(&id)).or(found);
        }
        found
    }

    /// The shortest of the lists that each hold every API which could match.
    fn fewest<S: AsRef<[u8]>>(&self, host: &[u8], path: &[S], route: &Route) -> Vec<&[ApiId]> {
        let mut fewest = self.by_path(path);
        // A few candidates are not worth a second look-up.
        if count(&fewest) > 4 {
            let by_name = self.routes.all(route.name.as_deref());
            let by_metadata = self.named.all(route.api.as_deref());
            for other in [self.by_host(host), by_name, by_metadata] {
                if count(&other) < count(&fewest) {
                    fewest = other;
                }
            }
        }
        fewest
    }

    fn add_path(&mut self, pattern: &PathPattern, id: ApiId) {
        let mut at = 0;
        for segment in &pattern.segments {
            let fresh = self.nodes.len();
            let Some(node) = self.nodes.get_mut(at) else { return };
            at = match segment {
                Segment::Any | Segment::Named(_) => *node.any.get_or_insert(fresh),
                Segment::Literal(literal) => {
                    *node.literal.entry(literal.as_slice().into()).or_insert(fresh)
                }
            };
            if at == fresh {
                self.nodes.push(Node::default());
            }
        }
        if let Some(node) = self.nodes.get_mut(at) {
            add(if pattern.open { &mut node.open } else { &mut node.here }, id);
        }
    }

    /// The APIs that match a path.
    fn by_path<S: AsRef<[u8]>>(&self, path: &[S]) -> Vec<&[ApiId]> {
        let mut lists = Vec::new();
        let mut reached: Vec<&Node> = self.nodes.first().into_iter().collect();
        for segment in path {
            lists.extend(reached.iter().map(|node| &*node.open));
            let next = |node: &&Node| {
                let literal = node.literal.get(segment.as_ref()).copied();
                [literal, node.any].into_iter().flatten()
            };
            reached =
                reached.iter().flat_map(next).filter_map(|next| self.nodes.get(next)).collect();
            if reached.is_empty() {
                return lists;
            }
        }
        lists.extend(reached.iter().flat_map(|node| [&*node.open, &*node.here]));
        lists
    }

    /// The APIs that match a host in its comparable form.
    fn by_host(&self, host: &[u8]) -> Vec<&[ApiId]> {
        let dots = host.iter().enumerate().filter(|(_, byte)| **byte == b'.').map(|(at, _)| at);
        let lists = std::iter::once(0).chain(dots).filter_map(|at| self.hosts.of(host.get(at..)?));
        std::iter::once(self.hosts.any.as_slice()).chain(lists).collect()
    }
}

impl ByText {
    fn add(&mut self, text: &str, id: ApiId) {
        let fresh = self.lists.len();
        let at = *self.places.entry(text.as_bytes().into()).or_insert(fresh);
        if at == fresh {
            self.lists.push(Vec::new());
        }
        if let Some(list) = self.lists.get_mut(at) {
            add(list, id);
        }
    }

    /// The APIs that ask for this text.
    fn of(&self, text: &[u8]) -> Option<&[ApiId]> {
        self.lists.get(*self.places.get(text)?).map(Vec::as_slice)
    }

    /// The APIs that ask for this text, and those that ask for none.
    fn all(&self, text: Option<&[u8]>) -> Vec<&[ApiId]> {
        [Some(self.any.as_slice()), text.and_then(|text| self.of(text))]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// Adds an API that is not before those in the list.
fn add(list: &mut Vec<ApiId>, id: ApiId) {
    if list.last() != Some(&id) {
        list.push(id);
    }
}

fn count(lists: &[&[ApiId]]) -> usize {
    lists.iter().fold(0, |sum, list| sum.saturating_add(list.len()))
}
