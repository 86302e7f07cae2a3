//! The compact form of a JSON Web Signature (RFC 7515 §7.1), taken apart and judged by its form
//! alone.
//!
//! Nothing in here is verified: the header and the payload say what a stranger wrote.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::ids::Kid;
use crate::json::{self, JsonError};
use crate::verdict::{Deny, Refusal, quoted};

/// Longest token that is looked at, in bytes.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// A token in three parts, decoded.
#[derive(Clone)]
pub struct Jws<'t> {
    header: Header,
    signed: &'t str,
    payload_base64: &'t str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// What a token's JOSE header says (RFC 7515 §4), as far as it matters.
///
/// `jku`, `x5u`, `jwk`, `x5c` and `zip` are not in it: keys come from the configuration, never from
/// a token (RFC 8725 §3.10), and nothing is inflated.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Header {
    /// The algorithm, as written (§4.1.1).
    pub alg: String,
    /// The key's ID (§4.1.4).
    pub kid: Option<Kid>,
    /// The token's type, as written (§4.1.9).
    pub typ: Option<String>,
}

impl<'t> Jws<'t> {
    /// Takes a token apart.
    ///
    /// An empty signature has a right form: such a token is refused for its algorithm (`none`), or
    /// because no key makes an empty signature.
    ///
    /// # Errors
    ///
    /// - [`Deny::TokenTooLarge`]: longer than [`MAX_TOKEN_BYTES`]; nothing was decoded.
    /// - [`Deny::TokenEncrypted`]: five parts (RFC 7516 §9).
    /// - [`Deny::TokenMalformed`]: another number of parts than three; a part that is not
    ///   base64url, unpadded and canonical (RFC 7515 §2, RFC 4648 §3.5: one token, one spelling); a
    ///   header that is no JSON object.
    /// - [`Deny::TokenHeaderInvalid`]: duplicate members; `crit` or `b64`, as no extension is
    ///   understood (RFC 7515 §4.1.11, RFC 7797 §6); no `alg`; a member of a wrong type.
    /// - [`Deny::TokenKeyUnknown`]: a `kid` longer than [`Kid::MAX_BYTES`]. The form is right, but
    ///   a key with such an ID is never taken into a set, so no key has it.
    pub fn parse(token: &'t [u8]) -> Result<Self, Refusal> {
        if token.len() > MAX_TOKEN_BYTES {
            let reason = format!("the token has {} bytes", token.len());
            return Err(Refusal::new(Deny::TokenTooLarge, reason));
        }
        let (signed, signature) = split(token)?;
        let (header, payload_base64) =
            signed.split_once('.').ok_or_else(|| malformed("the token has two parts"))?;
        let header = decode("header", header)?;
        let payload = decode("payload", payload_base64)?;
        let signature = decode("signature", signature)?;
        let header = Header::parse(&header)?;
        Ok(Self { header, signed, payload_base64, payload, signature })
    }

    /// The header.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// What the signature is over: the first two parts and the dot between them (RFC 7515 §5.2).
    pub const fn signed(&self) -> &[u8] {
        self.signed.as_bytes()
    }

    /// The payload's bytes, not parsed.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The payload as it came: base64url without padding.
    pub const fn payload_base64(&self) -> &str {
        self.payload_base64
    }

    /// The signature's bytes; may be empty.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

/// Whether a credential is a JWS by its form: three parts, the first a JSON object in base64url. Others
/// may read it.
pub fn is_jws(token: &[u8]) -> bool {
    let Ok((signed, _)) = split(token) else { return false };
    let header = signed.split_once('.').and_then(|(header, _)| URL_SAFE_NO_PAD.decode(header).ok());
    header.is_some_and(|header| {
        !matches!(json::object(&header), Err(JsonError::Malformed | JsonError::NotAnObject))
    })
}

impl fmt::Debug for Jws<'_> {
    /// The header alone: a token is never shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jws").field("header", &self.header).finish_non_exhaustive()
    }
}

impl Header {
    fn parse(text: &[u8]) -> Result<Self, Refusal> {
        let mut members = json::object(text).map_err(|error| match error {
            JsonError::Duplicate => invalid("the token's header has duplicate members"),
            JsonError::Malformed => malformed("the token's header is no JSON"),
            JsonError::NotAnObject => malformed("the token's header is no JSON object"),
        })?;
        for name in ["b64", "crit"] {
            if members.contains_key(name) {
                return Err(invalid(format!("the token's header has `{name}`")));
            }
        }
        let alg = take_string(&mut members, "alg")?
            .ok_or_else(|| invalid("the token's header has no `alg`"))?;
        let kid = take_string(&mut members, "kid")?.map(|kid| parse_kid(&kid)).transpose()?;
        let typ = take_string(&mut members, "typ")?;
        take_string(&mut members, "cty")?;
        Ok(Self { alg, kid, typ })
    }
}

fn parse_kid(raw: &str) -> Result<Kid, Refusal> {
    Kid::parse(raw).ok_or_else(|| {
        let reason = format!("the token's `kid` has {} bytes: {}", raw.len(), quoted(raw));
        Refusal::new(Deny::TokenKeyUnknown, reason)
    })
}

/// Splits off the signature. The parts are counted first, so that a token of nothing but dots costs
/// one pass and no memory.
fn split(token: &[u8]) -> Result<(&str, &str), Refusal> {
    let text = std::str::from_utf8(token)
        .map_err(|_| malformed("the token has bytes that are not ASCII"))?;
    match text.bytes().filter(|byte| *byte == b'.').count() {
        2 => {}
        4 => return Err(Refusal::new(Deny::TokenEncrypted, "the token has five parts, as a JWE")),
        0 => return Err(malformed("the token has no dots, not 2: it is an opaque token, no JWT")),
        1 => return Err(malformed("the token has one dot, not 2")),
        dots => return Err(malformed(format!("the token has {dots} dots, not 2"))),
    }
    text.rsplit_once('.').ok_or_else(|| malformed("the token has one part"))
}

fn decode(part: &str, text: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| malformed(format!("the token's {part} is not canonical, unpadded base64url")))
}

fn take_string(
    members: &mut Map<String, Value>,
    name: &'static str,
) -> Result<Option<String>, Refusal> {
    match members.get_mut(name).map(Value::take) {
        None => Ok(None),
        Some(Value::String(value)) => Ok(Some(value)),
        Some(_) => Err(invalid(format!("`{name}` in the token's header is no string"))),
    }
}

fn malformed(reason: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::new(Deny::TokenMalformed, reason)
}

fn invalid(reason: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::new(Deny::TokenHeaderInvalid, reason)
}

#[cfg(test)]
mod tests;
