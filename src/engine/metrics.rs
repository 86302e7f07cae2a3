//! The metrics that the engine has.

pub(super) mod counts;
pub(super) mod gauges;

use std::borrow::Cow;

use crate::config::Config;
use crate::env::{Env, PutError};
use crate::event::{Effect, MetricKind, metric};
use crate::ids::digest;
use crate::verdict::Deny;
use crate::wire::to_hex;

/// Defines every metric of a configuration, so that each shows before anything is counted. The age of
/// keys is left out: a host would show it as 0, which would be wrong.
pub(super) fn define(config: &Config, effects: &mut Vec<Effect>) {
    let mut define = |kind, metric| define_one(kind, metric, effects);
    let counters = [
        metric::ALLOWED,
        metric::CONFIG_ACCEPTED,
        metric::CONFIG_REJECTED,
        metric::HEADER_DROPPED,
        metric::LOG_SUPPRESSED,
        metric::PARKED_TOTAL,
        metric::SESSION_EVICTED,
        metric::SESSION_UNRECORDED,
        metric::VERIFIED_CACHED,
        metric::VERIFIED_HOST,
        metric::VERIFIED_WASM,
    ];
    let fetched = [metric::REVOCATIONS_FETCH_FAILED, metric::REVOCATIONS_FETCH_OK];
    let fetched = fetched.iter().filter(|_| config.revoked_source.is_some());
    let is_remote = config.remote_limits.is_some();
    if is_remote {
        for outcome in metric::Counted::ALL {
            define(MetricKind::Counter, metric::limits_remote(outcome).into());
        }
        define(MetricKind::Counter, metric::LIMITS_DECIDED_LOCALLY.into());
        define(MetricKind::Gauge, metric::LIMITS_REMOTE_DEGRADED.into());
        define(MetricKind::Histogram, metric::LIMITS_REMOTE_MS.into());
    }
    let mcp = [metric::MCP_LEGACY];
    let mcp = mcp.iter().filter(|_| has_mcp(config));
    for name in counters.iter().chain(fetched).chain(mcp) {
        define(MetricKind::Counter, (*name).into());
    }
    let has_login = config.providers.iter().any(|one| one.login().is_some());
    let is_possible = |deny: &Deny| match deny {
        Deny::LimitsUnavailable => is_remote,
        deny => has_login || !deny.code().starts_with("login_"),
    };
    for deny in Deny::ALL.into_iter().filter(is_possible) {
        define(MetricKind::Counter, metric::denied(deny));
        if reports_somewhere(config) {
            define(MetricKind::Counter, metric::would_deny(deny));
        }
    }
    for permitted in [true, false] {
        for api in &config.apis {
            define(MetricKind::Counter, metric::api(permitted, &api.name));
        }
        for provider in &config.providers {
            define(MetricKind::Counter, metric::provider(permitted, &provider.name));
        }
        // A provider with several issuers has several rings, side by side.
        for rings in config.rings.chunk_by(|one, other| one.provider == other.provider) {
            if let Some(ring) = rings.first() {
                define(MetricKind::Counter, metric::keys_fetch(permitted, &ring.provider));
            }
        }
    }
    let mut is_asked = false;
    for provider in config.providers.iter().filter(|one| one.introspection().is_some()) {
        is_asked = true;
        for outcome in metric::Introspected::ALL {
            define(MetricKind::Counter, metric::introspection(outcome, &provider.name));
        }
    }
    for provider in config.providers.iter().filter(|one| one.login().is_some()) {
        for what in metric::LoggedIn::ALL {
            define(MetricKind::Counter, metric::login(what, &provider.name));
        }
    }
    let addresses = config.counts_addresses().then_some(metric::LIMIT_ADDRESSES);
    let gauges = [metric::LIMIT_RECORDS, metric::PARKED, metric::SESSION_RECORDS];
    for name in gauges.into_iter().chain(addresses) {
        define(MetricKind::Gauge, name.into());
    }
    let asking = is_asked.then_some(metric::INTROSPECTION_MS);
    let logs_in = config.providers.iter().any(|provider| provider.login().is_some());
    let logging_in = logs_in.then_some(metric::LOGIN_CALL_MS);
    let times = [metric::FILTER_US, metric::KEYS_WAIT_MS].into_iter();
    for name in times.chain(asking).chain(logging_in) {
        define(MetricKind::Histogram, name.into());
    }
}

/// Defines a metric: once in the module.
#[inline(never)]
fn define_one(kind: MetricKind, metric: Cow<'static, str>, effects: &mut Vec<Effect>) {
    effects.push(Effect::Define { metric, kind });
}

/// Whether any API is of MCP.
pub(super) fn has_mcp(config: &Config) -> bool {
    config.apis.iter().any(|api| api.mcp.is_some())
}

/// Whether any refusal may be only reported.
pub(super) fn reports_somewhere(config: &Config) -> bool {
    config.reports || config.apis.iter().any(|api| api.reports)
}

/// Counts a configuration that is taken into use, and says whether it did. The first worker that loads
/// it counts it; the others do not, and neither does one that starts afresh.
pub(super) fn accepted(
    config: &Config,
    instance: &str,
    env: &Env<'_>,
    effects: &mut Vec<Effect>,
) -> bool {
    let is_first = is_first("config", config, instance, env);
    if is_first {
        effects.push(Effect::Count { metric: metric::CONFIG_ACCEPTED.into(), by: 1 });
    }
    is_first
}

/// Whether this worker is the first of the process that says something of this kind of a configuration.
/// The others say nothing. The first that loads it may be one that the host only tries it out with: what
/// is to be said later is asked for later.
pub(super) fn is_first(kind: &str, config: &Config, instance: &str, env: &Env<'_>) -> bool {
    let id = digest(&[b"tollgate configuration 1", instance.as_bytes()]);
    let key = format!("tg1/{kind}/{}", to_hex(&id, 8));
    let stored = env.shared.get(&key);
    // Whoever writes first says it.
    stored.value.is_none_or(|hash| hash != config.hash)
        && env.shared.put(&key, &config.hash, stored.cas) != Err(PutError::Lost)
}
