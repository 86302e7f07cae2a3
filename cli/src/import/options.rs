//! What stands in for what a definition does not say.

use serde_json::Value;
use tollgate::time::UnixMillis;

/// What the command line says where a definition says nothing.
pub(super) struct Options {
    pub(super) issuer: Vec<String>,
    pub(super) audience: Vec<String>,
    pub(super) any_audience: bool,
    pub(super) cluster: Vec<String>,
    /// Sessions of keys.
    pub(super) keys: Vec<Value>,
    /// When the detailed log ends.
    pub(super) detail_until: Option<UnixMillis>,
    /// Whether policies are called here as tokens call them.
    pub(super) by_name: bool,
}

impl Options {
    /// The cluster that leads to a host.
    pub(super) fn cluster_of(&self, host: &str) -> String {
        let own = self.cluster.iter().find_map(|one| {
            let (of, cluster) = one.split_once('=')?;
            of.eq_ignore_ascii_case(host).then_some(cluster)
        });
        let all = || self.cluster.iter().map(String::as_str).find(|one| !one.contains('='));
        own.or_else(all).unwrap_or(host).to_owned()
    }
}
