//! An entry of the filter in a proxy's list: whether it reads bodies, and on which routes.

use super::holder::Chain;
use crate::yaml::{Node, Place};

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
    /// Whether another route enables it.
    pub(super) is_wide: bool,
}

impl Entry {
    /// Of a filter with this typed configuration.
    pub(super) fn of(
        filter: &Node,
        config: &Node,
        chain: Option<Chain<'_>>,
        routes: &[(&Node, bool)],
    ) -> Self {
        let name = filter.text_at(&["name"]).unwrap_or_default();
        let mut entry = Self {
            flag: config.get(FLAG).filter(|flag| flag.is_true()).map(|flag| flag.at),
            is_off: filter.get("disabled").is_some_and(Node::is_true),
            vm_id: config.text_at(&["vm_config", "vm_id"]).unwrap_or_default().to_owned(),
            chain: chain.map(|chain| (chain.manager.at, chain.index)),
            ..Self::default()
        };
        for (route, _) in routes {
            let says = route.path(&["typed_per_filter_config", name]);
            if says.is_none_or(|says| says.get("disabled").is_some_and(Node::is_true)) {
                continue;
            }
            match route.text_at(&["match", "path"]) {
                Some(path) => entry.paths.push(path.to_owned()),
                None => entry.is_wide = true,
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
