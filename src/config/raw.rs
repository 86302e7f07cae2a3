//! The file, exactly: what may be written where. What it means is judged in `check`.
//!
//! Each definition here serves three times: it reads the object, it suggests the name that a typo
//! was meant for, and it is the JSON Schema.

use super::checked::Crypto;
use super::define::object;
use super::read::{List, Map, Text};

pub(super) mod api;
pub(super) mod client;
pub(super) mod credential;
pub(super) mod introspection;
pub(super) mod limits;
pub(super) mod login;
pub(super) mod operator;
pub(super) mod policy;
pub(super) mod provider;
pub(super) mod resource;
pub(super) mod value;

use api::RawApi;
use limits::{RawLimits, RawRevoked, RawSessions};
use operator::{RawExplain, RawLog, RawMode, RawStatus};
use policy::RawPolicy;
use provider::RawProvider;

object! {
    /// The configuration of Tollgate.
    RawConfig {
        /// Where this schema is; ignored.
        _schema as "$schema": Text;
        /// Who vouches for callers, by name: `[a-z0-9_-]{1,64}`.
        providers: Map<RawProvider>;
        /// The parts of the traffic; the first that matches a request is the one that judges it.
        /// Left out: one API `default` that is everything and takes a token of any provider.
        apis: List<RawApi>;
        /// What callers may do, by name: `[a-z0-9_-]{1,64}`.
        policies: Map<RawPolicy>;
        /// What becomes of refused requests: `report` lets them pass and tells.
        mode: RawMode = RawMode::Enforce;
        /// The record of sessions.
        sessions: RawSessions;
        /// The counters of rates and quotas.
        limits: RawLimits;
        /// Whom to refuse although the credential is good.
        revoked: RawRevoked;
        /// The realm that challenges name: printable ASCII without `"` and `\`.
        realm: Text = Text("api".into());
        /// How refusals are logged.
        log: RawLog;
        /// Who checks signatures: the proxy where it can and is seen to be right, the proxy or
        /// nothing, or the filter itself.
        crypto: Crypto = Crypto::Auto;
        /// Keeps the sessions of different filters apart; filters with the same name share them.
        /// Left out: the plugin's root id.
        instance: Text;
        /// Who is told each step of a decision.
        explain: RawExplain;
        /// The operator's page. Left out: there is none.
        status: RawStatus;
    }
}
