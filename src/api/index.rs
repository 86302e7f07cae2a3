//! Finds a request's API without looking at each: a thousand of them cost what one does.

use std::collections::BTreeMap;

use super::{Api, HostPattern, PathPattern, Segment, comparable_host};
use crate::ids::ApiId;

/// The APIs of a configuration by host and by path.
///
/// It only proposes: whether an API matches, [`Matcher`](super::Matcher) alone says. What it holds
/// grows with the number of patterns as written.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// Places in `hosts`, by whole host or by what a host ends with, which begins with a dot.
    by_host: BTreeMap<Box<[u8]>, usize>,
    hosts: Vec<Vec<ApiId>>,
    any_host: Vec<ApiId>,
    /// A tree of path segments; the first node is its root.
    nodes: Vec<Node>,
    /// Whether any API looks at paths.
    looks_at_paths: bool,
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
            if matcher.hosts.is_empty() {
                index.any_host.push(id);
            }
            for host in &matcher.hosts {
                let (HostPattern::Exact(key) | HostPattern::Suffix(key)) = host;
                let fresh = index.hosts.len();
                let at = *index.by_host.entry(key.as_bytes().into()).or_insert(fresh);
                if at == fresh {
                    index.hosts.push(Vec::new());
                }
                if let Some(list) = index.hosts.get_mut(at) {
                    add(list, id);
                }
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

    /// The API that a request belongs to: the first of `apis` that matches its host (with or
    /// without port), its path, split into segments and percent-decoded once, and its method.
    pub fn find<S: AsRef<[u8]>>(
        &self,
        apis: &[Api],
        host: &[u8],
        path: &[S],
        method: &[u8],
    ) -> Option<ApiId> {
        let host = comparable_host(host);
        let by_path = self.by_path(path);
        // A few candidates are not worth a second look-up.
        let by_host = if count(&by_path) > 4 { Some(self.by_host(&host)) } else { None };
        let fewest = by_host.filter(|hosts| count(hosts) < count(&by_path)).unwrap_or(by_path);
        let mut found: Option<ApiId> = None;
        for candidates in fewest {
            let better = candidates.iter().take_while(|id| found.is_none_or(|best| **id < best));
            let matches = |id: &&ApiId| {
                apis.get(id.0).is_some_and(|api| api.matcher.matches(&host, path, method))
            };
            found = better.copied().find(|id| matches(&id)).or(found);
        }
        found
    }

    fn add_path(&mut self, pattern: &PathPattern, id: ApiId) {
        let mut at = 0;
        for segment in &pattern.segments {
            let fresh = self.nodes.len();
            let Some(node) = self.nodes.get_mut(at) else { return };
            at = match segment {
                Segment::Any => *node.any.get_or_insert(fresh),
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
        let lists = std::iter::once(0).chain(dots).filter_map(|at| {
            let place = *self.by_host.get(host.get(at..)?)?;
            self.hosts.get(place).map(Vec::as_slice)
        });
        std::iter::once(self.any_host.as_slice()).chain(lists).collect()
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
