//! What is legal, and worth knowing of limits that a service counts for several proxies: for whoever checks
//! a configuration before a proxy has it. In a proxy it would be said too late, and cost room.

use super::rates::Shared;
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::RawConfig;
use crate::config::raw::limits::RawRemote;
use crate::config::raw::policy::{RawBound, RawPolicy, RawRate};
use crate::config::read::{At, Field, items};
use crate::limits::{Count, OnOutage, Service};

/// From here on a request waits noticeably.
const LONG: u128 = 500;

/// A limit as it is written.
struct Written {
    at: usize,
    requests: u32,
    burst: Option<u32>,
    count: Count,
}

impl Written {
    fn of(at: usize, raw: &RawRate) -> Option<Self> {
        Some(Self {
            at,
            requests: raw.requests.given()?.value.0,
            burst: raw.burst.given().map(|burst| burst.value.0),
            count: raw.count.given().map_or(Count::Fleet, |count| count.value),
        })
    }
}

/// Says it.
pub(super) fn check(raw: &RawConfig, problems: &mut Problems<'_>) {
    let Shared::By(service) = Shared::of(raw) else { return };
    let remote = raw.limits.given().and_then(|limits| limits.remote.given());
    let Some(remote) = remote else { return };
    of_service(remote, service, problems);
    for policy in raw.policies.given().map_or(&[][..], |policies| &policies.0) {
        if let Some(policy) = &policy.value {
            of_policy(policy, remote, problems);
        }
    }
    for api in items(&raw.apis) {
        let Some(rate) = api.rate.given() else { continue };
        let own = RawRate {
            requests: rate.requests.clone(),
            per: rate.per.clone(),
            burst: rate.burst.clone(),
            count: rate.count.clone(),
        };
        let Some(written) = Written::of(rate.at, &own) else { continue };
        if written.count == Count::Exact {
            let message = "each request to this API is a call to the service that it waits for, all \
                           about one counter; write \"fleet\"";
            problems.warn(Code::LimitsRemoteRisky, rate.at, message);
        }
        of_rate(&written, remote, problems);
    }
}

fn of_service(remote: &At<RawRemote>, service: Service, problems: &mut Problems<'_>) {
    let risky = Code::LimitsRemoteRisky;
    if remote.on_outage.value == OnOutage::Allow {
        let at = remote.on_outage.at().unwrap_or(remote.at);
        let message = "while the service cannot be asked, these limits hold nobody back; \"local\" \
                       leaves each process its part";
        problems.warn(risky, at, message);
    }
    if remote.timeout.value.duration().as_millis() > LONG {
        let at = remote.timeout.at().unwrap_or(remote.at);
        let message = "a request may wait for two calls, so for more than a second, before it is \
                       decided without the service; 100ms is often enough";
        problems.warn(risky, at, message);
    }
    let at = remote.service.at().unwrap_or(remote.at);
    let message = match service {
        Service::Limitador => {
            "Limitador must be started with `-H DRAFT_VERSION_03`, and have the limits that `tollgate \
             export limits --for limitador` writes: what it does not name does not count"
        }
        Service::Ratelimit => {
            "envoyproxy/ratelimit must have the domain in a file of its own; windows of 7d, 30d and \
             365d need one of 2025 or later, without `USE_CALENDAR_MONTH_RATE_LIMIT`"
        }
    };
    problems.note(Code::LimitsRemoteNote, at, message);
    let message = "what was counted outlives the service only where its Redis writes to a disk, and \
                   gives up no key for want of memory (`maxmemory-policy noeviction`)";
    problems.note(Code::LimitsRemoteNote, at, message);
}

fn of_policy(policy: &At<RawPolicy>, remote: &RawRemote, problems: &mut Problems<'_>) {
    let rate = |field: &Field<RawBound<RawRate>>| {
        let given = field.given()?;
        match &given.value {
            RawBound::Limit(raw) => Written::of(given.at, raw),
            RawBound::Unlimited => None,
        }
    };
    if let Some(written) = rate(&policy.rate) {
        of_rate(&written, remote, problems);
    }
    for entry in items(&policy.access) {
        let Some(written) = rate(&entry.rate) else { continue };
        of_rate(&written, remote, problems);
        if written.count.is_remote() && entry.name.is_absent() {
            let message = "the service knows this limit by the entry's position: an entry that is put \
                           before it takes over its counter; a `name` of its own stays";
            problems.note(Code::LimitsRemoteNote, entry.at, message);
        }
    }
}

fn of_rate(written: &Written, remote: &RawRemote, problems: &mut Problems<'_>) {
    if !written.count.is_remote() {
        return;
    }
    let Some(replicas) = remote.replicas.given().map(|replicas| u64::from(replicas.value.0)) else {
        return;
    };
    let tolerated = u64::from(written.requests).saturating_mul(u64::from(remote.tolerance.value.0));
    let unreported = tolerated.checked_div(replicas.saturating_mul(100)).unwrap_or(0);
    if written.count == Count::Fleet && unreported == 0 {
        problems.warn(
            Code::LimitsRemoteRisky,
            written.at,
            format_args!(
                "`tolerance` × `requests` ÷ `replicas` is below 1: the first request of each caller in \
                 each window is a call that it waits for; count it in the \"process\", or write a \
                 larger `tolerance`"
            ),
        );
    }
    if written.burst.is_some_and(|burst| burst != written.requests) {
        let message = "`burst` is each process's own, and the service counts `requests` in each window: \
                       a larger one lets nobody pass, a smaller one holds back what the service allows";
        problems.warn(Code::LimitsRemoteRisky, written.at, message);
    }
}
