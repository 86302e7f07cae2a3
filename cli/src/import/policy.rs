//! A policy of Tyk's as it was found, and an API as policies need to know it.

use serde_json::Value;

use super::names::PathPattern;

/// A scope that no token has: what asks for it is granted to nobody, and says so.
pub(super) const NOBODYS_SCOPE: &str = "tollgate:fill-in";

/// An API as policies need to know it.
pub(super) struct Api {
    pub(super) id: String,
    /// The organisation that it belongs to.
    pub(super) org: String,
    pub(super) name: String,
    pub(super) base: PathPattern,
    pub(super) public: bool,
    pub(super) no_rate: bool,
    pub(super) no_quota: bool,
}

/// A policy as it was found.
pub(super) struct Policy {
    pub(super) ids: Vec<String>,
    pub(super) name: String,
    pub(super) raw: Value,
    pub(super) source: String,
}

/// What holds a policy shut.
pub(super) const UNTIL: &str = "until then the policy is not active (\"active\": false)";
