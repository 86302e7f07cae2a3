//! Whether a request is about a thing of its caller: what an API compares of the two.

use super::voucher::Voucher;
use super::words::quote::shown;
use crate::api::{Api, Compared, Comparison, Spot};
use crate::config::Config;
use crate::http::{RequestHead, RequestPath};
use crate::trace::{Decided, Trace};
use crate::verdict::{Deny, Refusal, Step};

/// Demands that each part of the request which the API compares is what the caller's claim or identity
/// says.
///
/// # Errors
///
/// [`Deny::ClaimInsufficient`] for the first that is not, or that servers could read differently.
pub(super) fn may_touch(
    (config, api): (&Config, &Api),
    owner: &Voucher<'_>,
    head: &RequestHead,
    path: &RequestPath,
    trace: &mut Trace,
) -> Result<(), Refusal> {
    for comparison in &api.comparisons {
        let Comparison { compared, with } = comparison;
        let values = with.values(&api.matcher, head, path).map_err(|unclear| {
            let reason = format!("{with} {unclear}; it must be {}", words(compared));
            refusal(reason, "have the caller send what `apis[].require` names there: exactly once, not \
                             empty, and in one spelling; docs/object-authorization.md shows each case")
        })?;
        // What is shown is logged: nothing of a query or a header is, and of a path only where paths are.
        let is_shown = match with {
            Spot::Path(_) => config.log.shows_paths,
            Spot::Host(_) => true,
            Spot::Header(_) | Spot::Query(_) => false,
        };
        for value in &values {
            let met = match compared {
                Compared::Identity if owner.identity().as_bytes() == &**value => Ok(()),
                Compared::Identity => Err("the session's identity is not".to_owned()),
                Compared::Claim(claim) => match &owner.known.says {
                    Some(said) => said.claims.holds(claim, value, &said.payload),
                    // The configuration refuses an API that asks for claims and takes API keys' sessions.
                    None => Err("an API key has no claims; it must have".to_owned()),
                },
            };
            met.map_err(|differs| {
                let reason = match is_shown {
                    true => format!("{differs} {}, which is {with}", shown(value)),
                    false => format!("{differs} what {with} says"),
                };
                refusal(reason, "the caller asks for what is not its own; where it is, name the claim \
                                 that has the value as requests write it in `apis[].require`, or have \
                                 the provider write it so")
            })?;
        }
        trace.note(Step::Access, Decided::Passed, || {
            let found = match values.first().filter(|_| is_shown) {
                Some(value) => format!("{}, as {with}", shown(value)),
                None => format!("it is what {with} says"),
            };
            (words(compared), found)
        });
    }
    Ok(())
}

fn refusal(reason: String, remedy: &'static str) -> Refusal {
    Refusal::new(Deny::ClaimInsufficient, reason).with_remedy(remedy)
}

fn words(compared: &Compared) -> String {
    match compared {
        Compared::Claim(claim) => format!("the claim {}", claim.quoted()),
        Compared::Identity => "the session's identity".to_owned(),
    }
}
