//! How fast, and how much.

use std::time::Duration;

use crate::config::code::Code;
use crate::config::duration::{Time, YEAR};
use crate::config::problems::Problems;
use crate::config::raw::RawConfig;
use crate::config::raw::policy::{RawApiRate, RawBound, RawQuota, RawRate, Requests};
use crate::config::read::{At, Field};
use crate::limits::{Bound, Count, Definition, LONGEST, Quota, Rate, Service};

/// Who counts for several proxies.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Shared {
    /// This service.
    By(Service),
    /// Nobody.
    Not,
    /// It cannot be told.
    Unsure,
}

impl Shared {
    pub(super) fn of(raw: &RawConfig) -> Self {
        let Some(limits) = raw.limits.given() else {
            return if raw.limits.is_wrong() { Self::Unsure } else { Self::Not };
        };
        let service = limits.remote.given().and_then(|remote| remote.service.given());
        match service {
            Some(service) => Self::By(service.value),
            None if limits.remote.is_absent() => Self::Not,
            None => Self::Unsure,
        }
    }

    /// Where a limit is counted, which says `field` of it.
    pub(super) fn count(
        self,
        field: &Field<Count>,
        per: &Field<Time<1, YEAR>>,
        problems: &mut Problems<'_>,
    ) -> Count {
        let written = field.given().map(|written| written.value);
        let Self::By(service) = self else {
            let remote = field.given().filter(|written| written.value.is_remote());
            if let Some(written) = remote.filter(|_| self == Self::Not) {
                problems.refuse(
                    Code::FieldUseless,
                    written.at,
                    "nobody counts for several proxies; name the service in `limits.remote`, or \
                     write \"process\"",
                );
            }
            return Count::Process;
        };
        let count = match written {
            None if field.is_wrong() => return Count::Process,
            written => written.unwrap_or(Count::Fleet),
        };
        let unfit = |per: &&At<Time<1, YEAR>>| !service.has_windows_of(per.duration());
        if let Some(per) = per.given().filter(unfit).filter(|_| count.is_remote()) {
            let lengths = match service {
                Service::Limitador => "whole seconds",
                Service::Ratelimit => "1s, 1m, 1h, 1d, 7d, 30d and 365d",
            };
            problems.refuse(
                Code::DurationInvalid,
                per.at,
                format_args!(
                    "the service of `limits.remote` counts in windows of {lengths} only; write one \
                     of these, or \"count\": \"process\""
                ),
            );
        }
        count
    }
}

pub(super) fn rate_bound(
    field: &Field<RawBound<RawRate>>,
    (names, shared): (&[String], Shared),
    problems: &mut Problems<'_>,
) -> Option<Bound<Definition<Rate>>> {
    let written = field.given()?;
    match &written.value {
        RawBound::Unlimited => Some(Bound::Unlimited),
        RawBound::Limit(raw) => {
            let count = shared.count(&raw.count, &raw.per, problems);
            limit(written.at, raw, problems).map(|rate| Bound::At(defined(names, rate, count)))
        }
    }
}

fn defined<T>(names: &[String], limit: T, count: Count) -> Definition<T> {
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    Definition { count, ..Definition::new(&names, limit) }
}

/// The rate of an API, which cannot be unlimited.
pub(super) fn rate(raw: &At<RawApiRate>, problems: &mut Problems<'_>) -> Option<Rate> {
    let RawApiRate { requests, per, burst, count, .. } = raw.value.clone();
    limit(raw.at, &RawRate { requests, per, burst, count }, problems)
}

/// Warns of limits that count by address: what the proxy takes for the client's may be the client's
/// own word.
pub(super) fn warn_of_addresses(at: usize, problems: &mut Problems<'_>) {
    problems.warn(
        Code::AddressUnproven,
        at,
        "counts by the address that the proxy has for the client: with `use_remote_address: false`, \
         Envoy's default, that is whatever the client writes into `x-forwarded-for`; write \
         `use_remote_address: true`, or `original_ip_detection_extensions`, into the connection \
         manager",
    );
}

fn limit(at: usize, raw: &RawRate, problems: &mut Problems<'_>) -> Option<Rate> {
    let per = raw.per.given().map(|per| per.duration());
    let (requests, per) = both(at, &raw.requests, raw.per.is_absent(), per, "1s", problems)?;
    let burst = raw.burst.given().map_or(requests, |burst| burst.value.0);
    let rate = Rate { requests, per, burst };
    // Only a burst of more than `requests` takes longer than `per`, which is short enough.
    if let Some(burst) = raw.burst.given().filter(|_| rate.recovers_in() > LONGEST) {
        problems.refuse(
            Code::NumberOutOfRange,
            burst.at,
            "at this rate it takes more than 365d until as many may come at once again; write \
             a smaller `burst`, or a faster rate",
        );
    }
    Some(rate)
}

pub(super) fn quota(
    field: &Field<RawBound<RawQuota>>,
    (names, shared): (&[String], Shared),
    problems: &mut Problems<'_>,
) -> Option<Bound<Definition<Quota>>> {
    let written = field.given()?;
    let RawBound::Limit(raw) = &written.value else { return Some(Bound::Unlimited) };
    let per = raw.per.given().map(|per| per.duration());
    let missing = raw.per.is_absent();
    let count = shared.count(&raw.count, &raw.per, problems);
    let (requests, per) = both(written.at, &raw.requests, missing, per, "30d", problems)?;
    Some(Bound::At(defined(names, Quota { requests, per }, count)))
}

/// The two members that every limit must have.
fn both(
    at: usize,
    requests: &Field<Requests>,
    per_is_missing: bool,
    per: Option<Duration>,
    example: &str,
    problems: &mut Problems<'_>,
) -> Option<(u32, Duration)> {
    if requests.is_absent() {
        problems.missing(at, "requests", "missing; say how many in each `per`");
    }
    if per_is_missing {
        problems.missing(
            at,
            "per",
            format_args!("missing; say in what time, such as \"{example}\""),
        );
    }
    Some((requests.given()?.value.0, per?))
}
