//! A claim as the value of a header field (RFC 9110 §5.5).

use std::borrow::Cow;
use std::mem::discriminant;

use serde_json::Value;

use super::{ClaimRef, Claims};
use crate::json;

/// What a claim comes to as a header's value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HeaderValue {
    /// There is no such claim, or it is `null`.
    Absent,
    /// No header can carry it as it is, so none is sent.
    Unsafe,
    /// This.
    Value(Vec<u8>),
}

impl HeaderValue {
    /// Longest value sent, in bytes.
    pub const MAX_BYTES: usize = 8 * 1024;

    /// Text as a header's value: visible ASCII, spaces and tabs, no blank at either end, not empty.
    pub fn from_text(text: &str) -> Self {
        if is_safe(text) && text.len() <= Self::MAX_BYTES {
            Self::Value(text.into())
        } else {
            Self::Unsafe
        }
    }
}

impl Claims {
    /// A claim as a header's value: a safe string as it is, a number or boolean as JSON writes it,
    /// an array of strings, of numbers or of booleans joined by commas.
    ///
    /// One unsafe element, or one with a comma in it, spoils the whole: a reader could not tell the
    /// elements apart.
    pub fn header_value(&self, claim: &ClaimRef) -> HeaderValue {
        match self.find(claim) {
            None | Some(Value::Null) => HeaderValue::Absent,
            Some(Value::Array(elements)) => match joined(elements) {
                Some(text) => HeaderValue::from_text(&text),
                None => HeaderValue::Unsafe,
            },
            Some(value) => match scalar(value) {
                Some(text) => HeaderValue::from_text(&text),
                None => HeaderValue::Unsafe,
            },
        }
    }
}

fn joined(elements: &[Value]) -> Option<String> {
    let first = elements.first()?;
    let mut texts = Vec::with_capacity(elements.len());
    for element in elements {
        let text = scalar(element)
            .filter(|text| discriminant(element) == discriminant(first) && is_safe(text))
            .filter(|text| !text.contains(','))?;
        texts.push(text);
    }
    Some(texts.join(","))
}

fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(text.into()),
        Value::Bool(_) | Value::Number(_) => Some(json::text(value).into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn is_safe(text: &str) -> bool {
    let blank = [' ', '\t'];
    !text.is_empty()
        && !text.starts_with(blank)
        && !text.ends_with(blank)
        && text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
}
