//! An entry of the filter in a proxy's list: whether it reads bodies, and on which routes.

use super::holder::Chain;
use crate::yaml::{Node, Place};
use tollgate::verdict::quoted;

/// What has a filter read bodies while it has the head wait.
pub(super) const FLAG: &str = "allow_on_headers_stop_iteration";

/// What says of an entry of Envoy's whether it reads bodies, and where.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// Where it says that it does.
    pub(super) flag: Option<Place>,
    /// Whether it is off but where a route says otherwise.
    is_off: bool,
    pub(super) vm_id: String,
    /// The connection manager that it stands in, by its place, and which filter there it is.
    pub(super) chain: Option<(Place, usize)>,
    /// The paths of the routes that enable it, and nothing else.
    pub(super) paths: Vec<String>,
    /// Those of such routes that no request reaches, each with what takes it first.
    pub(super) unreached: Vec<(String, String)>,
    /// Whether another route enables it.
    pub(super) is_wide: bool,
}

impl Entry {
    /// Of a filter with this typed configuration, and the lists of routes behind it.
    pub(super) fn of(
        filter: &Node,
        config: &Node,
        chain: Option<Chain<'_>>,
        routes: &[Vec<&Node>],
    ) -> Self {
        let name = filter.text_at(&["name"]).unwrap_or_default();
        let mut entry = Self {
            flag: config.get(FLAG).filter(|flag| flag.is_true()).map(|flag| flag.at),
            is_off: filter.get("disabled").is_some_and(Node::is_true),
            vm_id: config.text_at(&["vm_config", "vm_id"]).unwrap_or_default().to_owned(),
            chain: chain.map(|chain| (chain.manager.at, chain.index)),
            ..Self::default()
        };
        let enables = |route: &Node| {
            let says = route.path(&["typed_per_filter_config", name]);
            says.is_some_and(|says| !says.get("disabled").is_some_and(Node::is_true))
        };
        for routes in routes {
            for (index, route) in routes.iter().enumerate().filter(|(_, route)| enables(route)) {
                let Some(path) = route.text_at(&["match", "path"]) else {
                    entry.is_wide = true;
                    continue;
                };
                let mut earlier = routes.iter().take(index);
                match earlier.find_map(|one| Some((one, taken_by(one.get("match")?, path)?))) {
                    Some((one, by)) if !enables(one) => entry.unreached.push((path.to_owned(), by)),
                    _ => entry.paths.push(path.to_owned()),
                }
            }
        }
        entry
    }

    /// Whether it is there for the bodies alone.
    pub(super) const fn reads(&self) -> bool {
        self.flag.is_some() && self.is_off
    }
}

/// Whether a Wasm filter of Envoy says that it reads bodies.
pub(super) fn is_flagged(wasm: Option<&Node>) -> bool {
    wasm.and_then(|wasm| wasm.path(&["config", FLAG])).is_some_and(Node::is_true)
}

/// By what a route takes every request of a path, in words; `None` where it leaves some of them.
fn taken_by(route: &Node, path: &str) -> Option<String> {
    const BY_PATH: [&str; 5] =
        ["case_sensitive", "path", "path_separated_prefix", "prefix", "safe_regex"];
    let by_path = BY_PATH.iter().filter(|name| route.get(name).is_some()).count();
    if route.members().len() != by_path {
        return None;
    }
    let folds = route.text_at(&["case_sensitive"]) == Some("false");
    let folded = |text: &str| if folds { text.to_ascii_lowercase() } else { text.to_owned() };
    let own = folded(path);
    let (name, text) = BY_PATH.iter().find_map(|name| {
        let text = route.text_at(&[name]).or_else(|| route.text_at(&[name, "regex"]))?;
        let asked = folded(text);
        let takes = match *name {
            "path" => own == asked,
            "path_separated_prefix" => own
                .strip_prefix(&*asked)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            "prefix" => own.starts_with(&*asked),
            "safe_regex" => [".*", "/.*"].contains(&text),
            _ => false,
        };
        takes.then_some((name, text))
    })?;
    Some(format!("`{name}` {}", quoted(text)))
}
