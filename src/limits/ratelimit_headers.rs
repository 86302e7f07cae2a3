//! The headers that show a client its limits (draft-ietf-httpapi-ratelimit-headers-10): lists (RFC 9651
//! §3.1) of limits, each a name with parameters.

use super::{Charge, Standing};
use crate::time::secs_rounded_up;

/// Room for what one limit adds to a list.
const ITEM_BYTES: usize = 32;
/// The most digits that a `u64` has.
const LONGEST_NUMBER: usize = 20;

/// Adds an item of `RateLimit-Policy` to a list: `"rate";q=100;w=60`. From the second limit of a name
/// on, each has its number in the name.
///
/// The window `w` is in whole seconds; it is left out where it has a fraction.
pub fn add_policy(list: &mut String, name: (&str, u32), charge: &Charge) {
    let (requests, per) = match charge {
        Charge::Quota(quota) => (quota.limit.requests, quota.limit.per),
        Charge::Rate(rate) => (rate.limit.requests, rate.limit.per),
    };
    begin(list, name);
    parameter(list, ";q=", requests.into());
    if per.subsec_nanos() == 0 {
        parameter(list, ";w=", per.as_secs());
    }
}

/// Adds an item of `RateLimit` to a list: `"rate";r=3;t=1`, the time in seconds, rounded up.
pub fn add_limit(list: &mut String, name: (&str, u32), standing: Standing) {
    begin(list, name);
    parameter(list, ";r=", standing.remaining.into());
    parameter(list, ";t=", secs_rounded_up(standing.reset));
}

fn begin(list: &mut String, (name, number): (&str, u32)) {
    list.reserve(ITEM_BYTES);
    list.push_str(if list.is_empty() { "\"" } else { ", \"" });
    list.push_str(name);
    if number > 1 {
        parameter(list, "-", number.into());
    }
    list.push('"');
}

/// A name and digits: for every request, and several times quicker than formatting.
fn parameter(list: &mut String, name: &str, value: u64) {
    list.push_str(name);
    let mut digits = [0; LONGEST_NUMBER];
    let (mut rest, mut first) = (value, LONGEST_NUMBER);
    for (place, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' | (rest % 10).to_le_bytes()[0];
        (rest, first) = (rest / 10, place);
        if rest == 0 {
            break;
        }
    }
    let digits = digits.get(first..).map(str::from_utf8);
    list.push_str(digits.and_then(Result::ok).unwrap_or_default());
}
