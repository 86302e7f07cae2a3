//! Each thing on its own: what it says, and whom it names.

use super::drafts::Drafts;
use super::names::KnownPolicies;
use crate::config::checked::Variables;
use crate::config::problems::Problems;
use crate::config::raw::RawConfig;

#[cfg(not(target_family = "wasm"))]
mod advice;
mod api;
mod api_keys;
mod assigned;
mod client;
mod detail;
mod introspection;
mod issuers;
mod keys;
mod limits;
mod login;
mod mcp;
mod operator;
pub(super) mod places;
mod policy;
mod provider;
mod rates;
mod remote;
mod require;
mod resource;
mod secret;

/// Judges each thing.
pub(super) fn check(
    raw: &RawConfig,
    variables: Variables<'_>,
    problems: &mut Problems<'_>,
) -> Drafts {
    let providers = provider::check_all(raw, variables, problems);
    let apis = api::check_all(raw, problems);
    let names = KnownPolicies::new(raw);
    let policies = policy::check_all(raw, &names, &apis, problems);
    let assigned = assigned::check_all(raw, &names, problems);
    let of_keys = assigned::keys(raw, &names, problems);
    let detail = detail::check(raw, &apis, problems);
    #[cfg(not(target_family = "wasm"))]
    advice::check(raw, problems);
    let (revoked, revoked_source) = limits::revoked(raw, problems);
    Drafts {
        providers,
        apis,
        policies,
        assigned,
        of_keys,
        session_capacity: limits::session_capacity(raw),
        limits: limits::limits(raw),
        remote_limits: limits::remote(raw, problems),
        revoked,
        revoked_source,
        realm: operator::realm(&raw.realm, problems),
        log: operator::log(raw, detail),
        instance: operator::instance(&raw.instance, problems),
        explain: operator::explain(raw, problems),
        status: operator::status(raw, problems),
    }
}
