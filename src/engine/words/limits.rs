//! Limits in words: why one refuses, where they stand, whose requests they count together.

use std::time::Duration;

use super::quote::counted;
use crate::http::Address;
use crate::limits::{Charge, Standing};
use crate::policy::{LimitBy, Policy};
use crate::time::{in_words, secs_rounded_up};
use crate::trace::{Decided, Trace};
use crate::verdict::{Deny, Refusal, Step};

/// Whose a limit is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::engine) enum Whose {
    /// The caller's, by the policies in force.
    Caller,
    /// Each caller's, by the API.
    EachCaller,
    /// That of all callers of an API together.
    Everyone,
}

/// Why a limit refuses: what it allows, to whom, and when the next request may come.
pub(in crate::engine) fn used_up(
    charge: &Charge,
    (whose, by_address, policies): (Whose, bool, &str),
    wait: Duration,
) -> String {
    let own = if by_address { "'s address" } else { "" };
    let whose = match whose {
        Whose::Everyone => "all callers of the API".to_owned(),
        Whose::EachCaller => format!("each caller{own} at the API (`per_caller`)"),
        Whose::Caller => format!("the caller{own} by the policies in force (`{policies}`)"),
    };
    let (_, requests, per) = terms_of(charge);
    let are = if requests == 1 { "is" } else { "are" };
    format!(
        "{} in {} {are} allowed to {whose}; the next may come in {}",
        in_requests(requests),
        in_words(per),
        in_words(Duration::from_secs(secs_rounded_up(wait)))
    )
}

/// Which policies the caller's own limits are of, and whose counters they count.
pub(in crate::engine) fn counted_by<'b>(
    charges: impl Iterator<Item = (Charge, &'b LimitBy)>,
    policies: &[Policy],
    trace: &mut Trace,
) {
    if !trace.is_on() {
        return;
    }
    for (charge, by) in charges {
        // Each policy has one `limit_by`, which is lent to all its limits.
        let of = policies.iter().find(|policy| std::ptr::eq(&raw const policy.limit_by, by));
        let of = of.map_or("*", |policy| policy.name.as_str());
        let by = match by {
            LimitBy::Address => EACH_ADDRESS.to_owned(),
            LimitBy::Claim(claim) => format!("each value of the claim {claim} has its own counter"),
            LimitBy::Client => "each client has its own counter".to_owned(),
            LimitBy::Identity => "each identity has its own counter".to_owned(),
        };
        let (what, ..) = terms_of(&charge);
        trace.note(Step::Limits, Decided::Skipped, || {
            (format!("`policies.{of}.limit_by`, whose {what} holds"), by)
        });
    }
}

const EACH_ADDRESS: &str =
    "each address has its own counter: IPv4 whole, IPv6 by its first 64 bits";

/// Whose counter an API's rate for each caller counts. The address is shown where it is counted, and
/// identities are.
pub(in crate::engine) fn each_counted_by(address: Option<Option<Address>>, trace: &mut Trace) {
    trace.note(Step::Limits, Decided::Skipped, || {
        let by = match address {
            None => "each identity has its own counter at this API".to_owned(),
            Some(None) => format!("nobody has shown who it is: {EACH_ADDRESS}"),
            Some(Some(address)) => {
                format!("nobody has shown who it is: {EACH_ADDRESS}; this one is {address}")
            }
        };
        ("`per_caller` of the API's rate".to_owned(), by)
    });
}

/// The refusal of a request that is to be counted by an address, and has none that can be read.
pub(in crate::engine) fn no_address() -> Refusal {
    Refusal::new(
        Deny::LimitKeyMissing,
        "nothing to count the caller by: the proxy names no IP address of the client",
    )
    .with_remedy(
        "have requests come to the proxy over IP (a pipe has no address), or count by something else: \
         `policies.*.limit_by`, `apis[].rate.per_caller`",
    )
}

/// Where limits stand once a request was charged to them, or refused by one of them.
#[inline(never)]
pub(in crate::engine) fn standings(
    charges: &[Charge],
    standings: &[Standing],
    whose: Whose,
    decided: Decided,
    trace: &mut Trace,
) {
    if !trace.is_on() {
        return;
    }
    let whose = match whose {
        Whose::Caller => "the caller",
        Whose::EachCaller => "the caller at the API",
        Whose::Everyone => "all callers of the API",
    };
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
                format!("the {what} of {whose}: {} in {}", in_requests(requests), in_words(per)),
                format!("{used}{} left; {until} {window}{counted}", standing.remaining),
            )
        });
    }
}

fn in_requests(count: u32) -> String {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    counted(count, ["request", "requests"])
}

/// What a limit is called, and what it allows.
const fn terms_of(charge: &Charge) -> (&'static str, u32, Duration) {
    match charge {
        Charge::Quota(quota) => ("quota", quota.limit.requests, quota.limit.per),
        Charge::Rate(rate) => ("rate", rate.limit.requests, rate.limit.per),
    }
}
