//! What a client is told of its limits, as draft-ietf-httpapi-ratelimit-headers-10 writes it: lists
//! (RFC 9651 §3.1) of limits, each a name with parameters.

use super::{Charge, Standing};
use crate::time::secs_rounded_up;

/// An item of `RateLimit-Policy`: `"rate";q=100;w=60`.
///
/// The window `w` is a whole number of seconds; one that is none is left out.
pub fn terms(name: &str, charge: &Charge) -> String {
    let (requests, per) = match charge {
        Charge::Quota(quota) => (quota.limit.requests, quota.limit.per),
        Charge::Rate(rate) => (rate.limit.requests, rate.limit.per),
    };
    if per.subsec_nanos() == 0 {
        format!("\"{name}\";q={requests};w={}", per.as_secs())
    } else {
        format!("\"{name}\";q={requests}")
    }
}

/// An item of `RateLimit`: `"rate";r=3;t=1`, the time in seconds, rounded up.
pub fn advice(name: &str, standing: Standing) -> String {
    format!("\"{name}\";r={};t={}", standing.remaining, secs_rounded_up(standing.reset))
}
