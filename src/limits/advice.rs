//! What a client is told of its limits, as draft-ietf-httpapi-ratelimit-headers-10 writes it: lists
//! (RFC 9651 §3.1) of limits, each a name with parameters.

use super::{Definition, Limit, Standing};
use crate::time::secs_rounded_up;

/// An item of `RateLimit-Policy`: `"standard.rate";q=100;w=60`.
///
/// The window `w` is a whole number of seconds; one that is none is left out.
pub fn terms(definition: &Definition) -> String {
    let (requests, per) = match definition.limit() {
        Limit::Quota(quota) => (quota.requests, quota.per),
        Limit::Rate(rate) => (rate.requests, rate.per),
    };
    let mut item = format!("\"{}\";q={requests}", definition.label());
    if per.subsec_nanos() == 0 {
        item.push_str(&format!(";w={}", per.as_secs()));
    }
    item
}

/// An item of `RateLimit`: `"standard.rate";r=3;t=1`, the time in seconds, rounded up.
pub fn advice(definition: &Definition, standing: Standing) -> String {
    let reset = secs_rounded_up(standing.reset);
    format!("\"{}\";r={};t={reset}", definition.label(), standing.remaining)
}
