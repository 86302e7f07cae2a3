//! What an introspection endpoint has answered (RFC 7662 §2.2, RFC 9701 §5): whether it can be used, and
//! what it says of the token.

use serde_json::Value;

use crate::jose::jws::Jws;
use crate::json;

/// Why an answer cannot be used. No text of it is shown: it may hold what a token says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unusable {
    /// It is no JSON object without members twice.
    NotJson,
    /// Its `active` is not there, or no boolean.
    NoActive,
    /// It is no JWT, although a signed one was asked for.
    Unsigned,
    /// It is a JWT of another type than `token-introspection+jwt`.
    OtherType,
}

impl Unusable {
    /// What is wrong, in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NotJson => "no JSON object without members twice",
            Self::NoActive => "no boolean `active`",
            Self::Unsigned => "no JWT, although `signed` asks for one",
            Self::OtherType => "a JWT whose `typ` is not `token-introspection+jwt`",
        }
    }
}

/// The members of an answer, as they are written.
///
/// # Errors
///
/// Where the answer cannot be used.
pub fn members(answer: &[u8], signed: bool) -> Result<Vec<u8>, Unusable> {
    if !signed {
        return Ok(answer.to_vec());
    }
    let jws = Jws::parse(answer.trim_ascii()).map_err(|_| Unusable::Unsigned)?;
    let typ = jws.header().typ.as_deref().unwrap_or_default().to_ascii_lowercase();
    if typ.strip_prefix("application/").unwrap_or(&typ) != "token-introspection+jwt" {
        return Err(Unusable::OtherType);
    }
    let payload = json::object(jws.payload()).map_err(|_| Unusable::NotJson)?;
    match payload.get("token_introspection") {
        Some(Value::Object(_)) => {}
        _ => return Err(Unusable::NotJson),
    }
    json::member(jws.payload(), "token_introspection").map(<[u8]>::to_vec).ok_or(Unusable::NotJson)
}
