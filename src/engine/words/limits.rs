//! Limits in words: why one refuses, where they stand, whose requests they count together.

use std::time::Duration;

use crate::limits::{Charge, Standing};
use crate::policy::LimitBy;
use crate::time::{in_words, secs_rounded_up};
use crate::trace::{Decided, Trace};
use crate::verdict::Step;

/// Why a limit refuses: what it allows, to whom, and when the next request may come. `policies` are
/// those of the caller's own limit; `None` where it is the API's.
pub(in crate::engine) fn used_up(
    charge: &Charge,
    policies: Option<&str>,
    wait: Duration,
) -> String {
    let whose = match policies {
        None => "all callers of the API".to_owned(),
        Some(policies) => format!("the caller by the policies in force (`{policies}`)"),
    };
    let (_, requests, per) = terms_of(charge);
    format!(
        "{requests} requests in {} are allowed to {whose}; the next may come in {}",
        in_words(per),
        in_words(Duration::from_secs(secs_rounded_up(wait)))
    )
}

/// Whose counters the caller's own limits count.
pub(in crate::engine) fn counted_by<'b>(
    charges: impl Iterator<Item = (Charge, &'b LimitBy)>,
    trace: &mut Trace,
) {
    if !trace.is_on() {
        return;
    }
    for (charge, by) in charges {
        let by = match by {
            LimitBy::Claim(claim) => format!("each value of the claim {claim} has its own counter"),
            LimitBy::Client => "each client has its own counter".to_owned(),
            LimitBy::Identity => "each identity has its own counter".to_owned(),
        };
        let (what, ..) = terms_of(&charge);
        trace.note(Step::Limits, Decided::Skipped, || {
            (format!("`limit_by` of the caller's {what}"), by)
        });
    }
}

/// Where limits stand once a request was charged to them, or refused by one of them.
#[inline(never)]
pub(in crate::engine) fn standings(
    charges: &[Charge],
    standings: &[Standing],
    name: Option<&str>,
    decided: Decided,
    trace: &mut Trace,
) {
    if !trace.is_on() {
        return;
    }
    let whose = if name.is_some() { "all callers of the API" } else { "the caller" };
    for (charge, standing) in charges.iter().zip(standings) {
        let (what, requests, per) = terms_of(charge);
        let window = in_words(Duration::from_secs(secs_rounded_up(standing.reset)));
        let until = match (charge, standing.remaining) {
            (Charge::Quota(_), _) => "the window ends in",
            (Charge::Rate(_), 0) => "the next may come in",
            (Charge::Rate(_), _) => "a whole burst may come in",
        };
        let used = match charge {
            Charge::Quota(_) => {
                format!("{} used, ", requests.saturating_sub(standing.remaining))
            }
            Charge::Rate(_) => String::new(),
        };
        let counted = if decided == Decided::Passed { "" } else { "; this one is not counted" };
        trace.note(Step::Limits, decided, || {
            (
                format!("the {what} of {whose}: {requests} requests in {}", in_words(per)),
                format!("{used}{} left; {until} {window}{counted}", standing.remaining),
            )
        });
    }
}

/// What a limit is called, and what it allows.
const fn terms_of(charge: &Charge) -> (&'static str, u32, Duration) {
    match charge {
        Charge::Quota(quota) => ("quota", quota.limit.requests, quota.limit.per),
        Charge::Rate(rate) => ("rate", rate.limit.requests, rate.limit.per),
    }
}
