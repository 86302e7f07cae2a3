//! A claim as the value of a header field (RFC 9110 §5.5).

use std::borrow::Cow;
use std::mem::discriminant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::{ClaimRef, Claims};
use crate::json;

/// What a claim comes to as a header's value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HeaderValue {
    /// There is no such claim, or it is `null`.
    Absent,
    /// No header can carry it as it is, or may: none is sent.
    Unsafe,
    /// This.
    Value(Vec<u8>),
}

/// How a claim is written into a header.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Form {
    /// Its JSON, in base64url without padding.
    Base64Url,
    /// An array joined by commas; anything else is an array of one.
    Csv,
    /// Its JSON, compact and in ASCII.
    Json,
    /// A string as it is, an array as [`Csv`](Self::Csv), numbers and booleans as the token has them.
    #[default]
    Plain,
    /// The same without arrays.
    Text,
}

impl HeaderValue {
    /// Longest value sent, in bytes.
    pub const MAX_BYTES: usize = 8 * 1024;

    /// Text as a header's value, where a header can carry it as it is and whoever reads it gets the
    /// same: not empty, no white space at either end, no control character but a tab. What is not
    /// ASCII is its UTF-8 (`obs-text`, RFC 9110 §5.5).
    pub fn from_text(text: &str) -> Self {
        if text.len() <= Self::MAX_BYTES { Self::from_identity(text) } else { Self::Unsafe }
    }

    /// The same for an identity, which arrives whatever its length: a token bounds it.
    pub fn from_identity(text: &str) -> Self {
        if is_safe(text) { Self::Value(text.into()) } else { Self::Unsafe }
    }
}

impl Claims {
    /// A claim as a header's value. `payload` is the text that these claims were read from, in
    /// base64url.
    ///
    /// One unsafe element, or one with a comma in it, spoils the whole: a reader could not tell the
    /// elements apart. The elements of an array are of one type.
    pub fn header_value(&self, claim: &ClaimRef, form: Form, payload: &str) -> HeaderValue {
        let Some(value) = self.find(claim).filter(|value| !value.is_null()) else {
            return HeaderValue::Absent;
        };
        let is_json = matches!(form, Form::Json | Form::Base64Url);
        let elements = value.as_array().map(Vec::as_slice);
        // What is no whole number would be rounded, and `1.50` is not `1.5`.
        let as_written =
            is_json || elements.unwrap_or(std::slice::from_ref(value)).iter().any(Value::is_f64);
        let payload = if as_written { URL_SAFE_NO_PAD.decode(payload) } else { Ok(Vec::new()) };
        let payload = payload.unwrap_or_default();
        let written = written(&payload, claim).unwrap_or_default();
        let text: Option<Cow<'_, str>> = match (form, elements) {
            (Form::Json | Form::Base64Url, _) => {
                let json = json::compact(written);
                Some(if form == Form::Json { json } else { URL_SAFE_NO_PAD.encode(json) }.into())
            }
            (Form::Plain | Form::Csv, Some(elements)) => joined(elements, written).map(Cow::from),
            (Form::Csv, None) => scalar(value, written).filter(|text| !text.contains(',')),
            (Form::Plain | Form::Text, None) => scalar(value, written),
            (Form::Text, Some(_)) => None,
        };
        text.map_or(HeaderValue::Unsafe, |text| HeaderValue::from_text(&text))
    }
}

/// A claim as it is written in the payload; the same that [`Claims::find`] finds.
pub(super) fn written<'p>(payload: &'p [u8], claim: &ClaimRef) -> Option<&'p str> {
    let found = match claim {
        ClaimRef::Name(name) => {
            json::member(payload, name).or_else(|| name.split('.').try_fold(payload, json::member))
        }
        ClaimRef::Path(names) => names.iter().try_fold(payload, |at, name| json::member(at, name)),
    };
    std::str::from_utf8(found?).ok()
}

fn joined(elements: &[Value], written: &str) -> Option<String> {
    let first = elements.first()?;
    let mut written = json::elements(written.as_bytes());
    let mut texts = Vec::with_capacity(elements.len());
    for element in elements {
        let written = std::str::from_utf8(written.next().unwrap_or_default()).ok()?;
        let text = scalar(element, written)
            .filter(|text| discriminant(element) == discriminant(first) && is_safe(text))
            .filter(|text| !text.contains(','))?;
        texts.push(text);
    }
    Some(texts.join(","))
}

fn scalar<'v>(value: &'v Value, written: &'v str) -> Option<Cow<'v, str>> {
    match value {
        Value::String(text) => Some(text.into()),
        Value::Number(number) if number.is_f64() => Some(written.into()),
        Value::Bool(_) | Value::Number(_) => Some(json::text(value).into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn is_safe(text: &str) -> bool {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return !text.is_empty();
    }
    !text.is_empty()
        && !text.starts_with(char::is_whitespace)
        && !text.ends_with(char::is_whitespace)
        && !text.contains(|c: char| c.is_control() && c != '\t')
}

/// Whether a text can be an identity: not empty, no white space at either end, no control character.
pub fn is_identity(text: &str) -> bool {
    is_safe(text) && !text.contains('\t')
}
