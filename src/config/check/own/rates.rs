//! How fast, and how much.

use std::time::Duration;

use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::policy::{RawApiRate, RawBound, RawQuota, RawRate, Requests};
use crate::config::read::{At, Field};
use crate::limits::{Bound, Definition, LONGEST, Quota, Rate};

pub(super) fn rate_bound(
    field: &Field<RawBound<RawRate>>,
    names: &[String],
    problems: &mut Problems<'_>,
) -> Option<Bound<Definition<Rate>>> {
    let written = field.given()?;
    match &written.value {
        RawBound::Unlimited => Some(Bound::Unlimited),
        RawBound::Limit(raw) => {
            limit(written.at, raw, problems).map(|rate| Bound::At(defined(names, rate)))
        }
    }
}

fn defined<T>(names: &[String], limit: T) -> Definition<T> {
    Definition::new(&names.iter().map(String::as_str).collect::<Vec<_>>(), limit)
}

/// The rate of an API, which cannot be unlimited.
pub(super) fn rate(raw: &At<RawApiRate>, problems: &mut Problems<'_>) -> Option<Rate> {
    let RawApiRate { requests, per, burst, .. } = raw.value.clone();
    limit(raw.at, &RawRate { requests, per, burst }, problems)
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
    names: &[String],
    problems: &mut Problems<'_>,
) -> Option<Bound<Definition<Quota>>> {
    let written = field.given()?;
    let RawBound::Limit(raw) = &written.value else { return Some(Bound::Unlimited) };
    let per = raw.per.given().map(|per| per.duration());
    let missing = raw.per.is_absent();
    let (requests, per) = both(written.at, &raw.requests, missing, per, "30d", problems)?;
    Some(Bound::At(defined(names, Quota { requests, per })))
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
