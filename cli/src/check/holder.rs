//! What a configuration stands in, and what is known of that.

use super::origin::Origin;
use crate::yaml::Node;

/// A configuration as the filter gets it.
pub(super) struct Json {
    pub(super) text: String,
    pub(super) origin: Origin,
    /// The same as a tree, with the places of the file; `None` where it is none.
    pub(super) tree: Option<Node>,
    /// What the filter gets instead of the text, where Envoy makes a message of a tree.
    pub(super) message: Option<Vec<u8>>,
}

/// The control plane of a proxy.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Plane {
    #[default]
    None,
    Istio,
    Gateway,
}

/// What holds a configuration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Holder {
    /// Nothing: the file is the configuration.
    File,
    /// An Envoy configuration, in which nothing says how many proxies use it.
    Envoy,
    /// A resource of a control plane, for any number of proxies.
    Kubernetes,
}

/// The variables of the VM.
#[derive(Debug, Default)]
pub(super) struct Environment {
    /// Those with a value.
    pub(super) values: Vec<(String, String)>,
    /// Those that the host hands over.
    pub(super) host: Vec<String>,
}

/// Where a filter stands in a connection manager.
#[derive(Clone, Copy)]
pub(super) struct Chain<'n> {
    pub(super) manager: &'n Node,
    pub(super) index: usize,
}
