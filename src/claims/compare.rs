//! Whether a claim is, or holds, what somebody else says.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::header::written;
use super::{ClaimRef, Claims, kind};
use crate::json;

impl Claims {
    /// Demands that a claim is these bytes, or holds them: a string, a whole number by its decimal
    /// digits as the token writes them, one element of an array, or a member's name of an object.
    /// `payload` is the text that these claims were read from, in base64url.
    ///
    /// # Errors
    ///
    /// What the claim is instead, by its type and how many elements it has, but no value of the
    /// token's: "the claim `sub` is a string, not". It ends where what was asked for belongs.
    pub fn holds(&self, claim: &ClaimRef, wanted: &[u8], payload: &str) -> Result<(), String> {
        let Some((_, value)) = self.first(std::slice::from_ref(claim)) else {
            return Err(format!("{}; it must be", self.missing([claim])));
        };
        let is_it = |text: &str| text.as_bytes() == wanted;
        let elements = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        let may_be_number = is_whole(wanted) && elements.iter().any(Value::is_number);
        let is_there = any(value, &is_it)
            || may_be_number && has_digits(claim, value.is_array(), wanted, payload);
        if is_there && !wanted.is_empty() {
            return Ok(());
        }
        let count = match value {
            Value::Array(elements) => Some(elements.len()),
            Value::Object(members) => Some(members.len()),
            _ => None,
        };
        let of = count.map_or_else(String::new, |count| format!(" of {count}"));
        let differs = match value {
            _ if any(value, &|text| text.as_bytes().eq_ignore_ascii_case(wanted)) => {
                ", and in case alone it differs from"
            }
            Value::Array(_) => " without",
            Value::Object(_) => " without a member",
            Value::Number(number) if number.is_f64() => " other than the whole number",
            _ => ", not",
        };
        Err(format!("the claim {} is {}{of}{differs}", claim.quoted(), kind(value)))
    }
}

/// Whether a string, an element that is one, or a member's name is so.
fn any(value: &Value, is: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => is(text),
        Value::Array(elements) => elements.iter().any(|one| one.as_str().is_some_and(is)),
        Value::Object(members) => members.keys().any(|name| is(name)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether these are a whole number's digits, as JSON and everybody else writes it.
fn is_whole(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let is_zero = text == b"0";
    digits.iter().all(u8::is_ascii_digit)
        && digits.first().is_some_and(|first| *first != b'0' || is_zero)
}

/// Whether a number, or an element that is one, stands in the token with these digits: read from its
/// text, since what is read of a number loses the digits beyond 64 bits.
fn has_digits(claim: &ClaimRef, is_array: bool, digits: &[u8], payload: &str) -> bool {
    let payload = URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
    let text = written(&payload, claim).unwrap_or_default().as_bytes();
    if is_array { json::elements(text).any(|one| one == digits) } else { text == digits }
}
