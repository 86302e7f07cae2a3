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
        // Digits are kept only where they fit: those of larger numbers stand in the token alone.
        let elements = value.as_array().map(Vec::as_slice);
        let all = elements.unwrap_or(std::slice::from_ref(value));
        let payload = if all.iter().any(Value::is_f64) {
            URL_SAFE_NO_PAD.decode(payload)
        } else {
            Ok(Vec::new())
        };
        let payload = payload.unwrap_or_default();
        let text = written(&payload, claim).unwrap_or_default();
        let holds = match value {
            Value::Array(elements) => {
                let mut texts = json::elements(text.as_bytes());
                elements.iter().any(|one| is(one, texts.next().unwrap_or_default(), wanted))
            }
            Value::Object(members) => members.keys().any(|name| name.as_bytes() == wanted),
            one => is(one, text.as_bytes(), wanted),
        };
        if holds && !wanted.is_empty() {
            return Ok(());
        }
        let near = |text: &str| text.as_bytes().eq_ignore_ascii_case(wanted);
        let (of, differs, is_near) = match value {
            Value::Array(elements) => (
                format!(" of {}", elements.len()),
                " without",
                elements.iter().filter_map(Value::as_str).any(near),
            ),
            Value::Object(members) => (
                format!(" of {}", members.len()),
                " without a member",
                members.keys().any(|name| near(name)),
            ),
            Value::Number(number) if number.is_f64() => {
                (String::new(), " other than the whole number", false)
            }
            one => (String::new(), ", not", one.as_str().is_some_and(near)),
        };
        let differs = if is_near { ", and in case alone it differs from" } else { differs };
        Err(format!("the claim {} is {}{of}{differs}", claim.quoted(), kind(value)))
    }
}

/// Whether a value is these bytes; `written` is how it stands in the token.
fn is(value: &Value, written: &[u8], wanted: &[u8]) -> bool {
    match value {
        Value::String(text) => text.as_bytes() == wanted,
        Value::Number(number) if number.is_f64() => {
            let digits = written.strip_prefix(b"-").unwrap_or(written);
            digits.iter().all(u8::is_ascii_digit)
                && digits.first().is_some_and(|first| *first != b'0')
                && written == wanted
        }
        Value::Number(_) => json::text(value).as_bytes() == wanted,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}
