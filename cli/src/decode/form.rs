//! A token's text, taken apart: which part is broken, and how.

use base64::DecodeError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use tollgate::json::{self, JsonError};
use tollgate::verdict::quoted;

/// What a token is made of.
pub(crate) struct Parts {
    pub(crate) header: Map<String, Value>,
    /// None where they are encrypted.
    pub(crate) claims: Option<Map<String, Value>>,
    /// None where the token is encrypted.
    pub(crate) signature_bytes: Option<usize>,
}

/// The token in what was read: without `Authorization:`, `Bearer` and white space.
///
/// # Errors
///
/// Where nothing is left, or bytes that no token has.
pub(crate) fn token(read: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(read).map_err(|_| "the text is not UTF-8".to_owned())?;
    let text = text.trim_start_matches('\u{feff}').trim();
    let text = without_prefix(text, "authorization:").trim_start();
    let text = match text.split_once(char::is_whitespace) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest,
        _ if text.eq_ignore_ascii_case("bearer") => "",
        _ => text,
    };
    let token: String = text.split_whitespace().collect();
    if token.is_empty() { Err("there is nothing in it".to_owned()) } else { Ok(token) }
}

fn without_prefix<'t>(text: &'t str, prefix: &str) -> &'t str {
    match text.split_at_checked(prefix.len()) {
        Some((start, rest)) if start.eq_ignore_ascii_case(prefix) => rest,
        _ => text,
    }
}

impl Parts {
    /// Takes a token apart. What Tollgate refuses for other reasons than its form is no error here.
    ///
    /// # Errors
    ///
    /// Which part is wrong, and what is wrong with it.
    pub(crate) fn take(token: &str) -> Result<Self, String> {
        let parts: Vec<_> = token.split('.').collect();
        match parts.as_slice() {
            [header, claims, signature] => Ok(Self {
                header: object("header", header)?,
                claims: Some(object("payload", claims)?),
                signature_bytes: Some(bytes("signature", signature)?.len()),
            }),
            // RFC 7516 §3.1: header, key, nonce, ciphertext, tag.
            [header, _, _, _, _] => {
                Ok(Self { header: object("header", header)?, claims: None, signature_bytes: None })
            }
            [_] => {
                Err("it has no dots, so it is no JWT: an opaque token, which only its provider \
                        can read, an API key, or a login's cookie, which `--config` helps to open"
                    .to_owned())
            }
            parts => Err(format!(
                "it has {} parts between dots; a signed token has 3 (header, payload, signature), \
                 an encrypted one 5",
                parts.len()
            )),
        }
    }
}

fn object(part: &str, text: &str) -> Result<Map<String, Value>, String> {
    if text.is_empty() {
        return Err(format!("its {part} is empty"));
    }
    let bytes = bytes(part, text)?;
    json::object(&bytes).map_err(|error| match error {
        JsonError::Duplicate => {
            format!("its {part} has two members of one name, which readers understand differently")
        }
        JsonError::NotAnObject => format!("its {part} is JSON, but not an object"),
        JsonError::Malformed => format!("its {part} is no JSON: {}", syntax(&bytes)),
    })
}

/// What is wrong with a JSON text, without quoting it.
fn syntax(bytes: &[u8]) -> String {
    match serde_json::from_slice::<Value>(bytes) {
        Err(error) => error.to_string(),
        Ok(_) => "it has a number out of range, or is nested too deeply".to_owned(),
    }
}

fn bytes(part: &str, text: &str) -> Result<Vec<u8>, String> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|error| format!("its {part} is not base64url: {}", why(text, error)))
}

fn why(text: &str, error: DecodeError) -> String {
    match error {
        DecodeError::InvalidByte(at, b'=') => {
            format!(
                "`=` at character {}; the parts of a token are not padded",
                at.saturating_add(1)
            )
        }
        DecodeError::InvalidByte(at, byte @ (b'+' | b'/')) => format!(
            "`{}` at character {}; this is plain base64, not base64url",
            char::from(byte),
            at.saturating_add(1)
        ),
        DecodeError::InvalidByte(at, _) => {
            let found: String =
                text.get(at..).and_then(|rest| rest.chars().next()).into_iter().collect();
            format!("{} at character {}", quoted(&found), at.saturating_add(1))
        }
        DecodeError::InvalidLength(_) => {
            format!("{} characters, a length that no text comes to; it was cut", text.len())
        }
        DecodeError::InvalidLastSymbol(..) => {
            "its last character has bits that mean nothing; it was cut or changed".to_owned()
        }
        DecodeError::InvalidPadding => "it is padded; the parts of a token are not".to_owned(),
    }
}
