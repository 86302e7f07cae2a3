//! Registered claims and configured rules → verdict.
//!
//! Knows nothing of keys or of where a token came from. The clock is an argument.

mod compare;
mod header;
mod hint;
mod judge;
mod narrate;
mod rule;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::json::{self, JsonError};
use crate::time::UnixMillis;
use crate::verdict::{Deny, Refusal, list, quoted};

pub use header::{Form, HeaderValue, is_identity};
pub use hint::{near, shared};
pub use judge::Judged;
pub use rule::{Rule, Test};

/// Which claim to read (a "claim reference" of the configuration).
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum ClaimRef {
    /// A string: the literal member name first, then the dotted path.
    Name(Box<str>),
    /// An array of member names, outermost first; names are literal.
    Path(Vec<Box<str>>),
}

/// What a provider's configuration demands of a token's claims and header type.
#[derive(Clone, Debug)]
pub struct Requirements {
    /// The issuers accepted; `None` is `"any_issuer": true`.
    pub issuers: Option<Vec<Box<str>>>,
    /// One of these must be in `aud`; `None` is "not checked".
    pub audiences: Option<Vec<Box<str>>>,
    /// The client claim must be one of these; `None` is "not checked".
    pub clients: Option<Vec<Box<str>>>,
    /// The header's `typ` must be one of these, lower case, without `application/`; `None` is
    /// "not checked" (the types that are always refused stay refused).
    pub types: Option<Vec<Box<str>>>,
    /// Whether ID tokens pass.
    pub allow_id_tokens: bool,
    /// Whether a token without `exp` passes.
    pub allow_no_expiry: bool,
    /// Whether the claims are what an endpoint has said of the token (RFC 7662 §2.2): then `iss` may be
    /// missing, and `token_type` counts.
    pub introspected: bool,
    /// Whether a token with `cnf` passes, its proof unchecked.
    pub ignore_binding: bool,
    /// One skew for `exp`, `nbf`, `iat` and the session's end.
    pub clock_skew: Duration,
    /// The longest life: `exp` − `iat`, without `iat` `exp` − now.
    pub max_lifetime: Option<Duration>,
    /// Where the identity stands: the first present, non-null claim wins.
    pub identity: Vec<ClaimRef>,
    /// Where the client stands: the first present, non-null claim wins.
    pub client: Vec<ClaimRef>,
    /// Where the scopes stand: the first present, non-null claim wins.
    pub scopes: Vec<ClaimRef>,
    /// Where the policies stand, if the provider names any: the first present, non-null claim wins.
    pub policies: Vec<ClaimRef>,
    /// What else is required.
    pub rules: Vec<Rule>,
}

impl fmt::Display for ClaimRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Path(segments) => write!(f, "{segments:?}"),
        }
    }
}

impl ClaimRef {
    /// The claim's name as a message has it.
    pub fn quoted(&self) -> String {
        quoted(&self.to_string())
    }
}

/// A token's payload: a JSON object without duplicate members, otherwise unjudged.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims(Map<String, Value>);

/// What a token says of its issuer (RFC 7519 §4.1.1), before anything is verified.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Issuer<'c> {
    /// Nothing, or `null`.
    Absent,
    /// This.
    Is(&'c str),
    /// Something that is no string.
    WrongType,
}

/// What a token says of its client.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ClientClaim {
    /// Nothing: no claim, `null`, or an empty string.
    Absent,
    /// This.
    Is(Arc<str>),
    /// Something that is no string, which counts only where a client is asked for.
    Malformed,
}

impl Claims {
    /// Reads a payload (RFC 7519 §7.2, step 10).
    ///
    /// # Errors
    ///
    /// [`Deny::TokenClaimMalformed`] for what is no JSON object, or has duplicate members
    /// (RFC 7519 §4).
    pub fn parse(payload: &[u8]) -> Result<Self, Refusal> {
        json::object(payload).map(Self).map_err(|error| {
            malformed(match error {
                JsonError::Duplicate => "the payload has two members of one name",
                JsonError::Malformed => "the payload is no valid JSON",
                JsonError::NotAnObject => "the payload is JSON, but not an object",
            })
            .with_remedy("fix the issuer: this is no payload of a JWT (RFC 7519)")
        })
    }

    /// The claims that these members are, which were a payload's before.
    pub const fn of(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// The same with further claims; those that are there stay.
    pub fn with(mut self, more: Map<String, Value>) -> Self {
        for (name, value) in more {
            self.0.entry(name).or_insert(value);
        }
        self
    }

    /// The same with a claim that takes the place of one that is there.
    pub fn replacing(mut self, name: &str, value: Value) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    /// The same with this value where a reference finds it, whatever was there.
    pub fn putting(mut self, claim: &ClaimRef, value: Value) -> Self {
        let (last, path) = match claim {
            // The literal name is found before the dotted path.
            ClaimRef::Name(name) => (name, &[][..]),
            ClaimRef::Path(path) => match path.split_last() {
                Some(split) => split,
                None => return self,
            },
        };
        let mut members = &mut self.0;
        for name in path {
            let inner = members.entry(&**name).or_insert(Value::Null);
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            let Value::Object(inner) = inner else { return self };
            members = inner;
        }
        members.insert(last.to_string(), value);
        self
    }

    /// The members, as JSON.
    pub fn to_value(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// The claim that a reference names.
    pub fn find(&self, claim: &ClaimRef) -> Option<&Value> {
        match claim {
            ClaimRef::Name(name) => self.0.get(&**name).or_else(|| walk(&self.0, name.split('.'))),
            ClaimRef::Path(segments) => walk(&self.0, segments.iter().map(|name| &**name)),
        }
    }

    /// The first of these claims that is present and not `null`.
    pub fn first<'r>(&self, claims: &'r [ClaimRef]) -> Option<(&'r ClaimRef, &Value)> {
        claims.iter().find_map(|claim| {
            let value = self.find(claim).filter(|value| !value.is_null())?;
            Some((claim, value))
        })
    }

    /// What the token says of its issuer. Until a key has vouched for it, it may choose among
    /// configured providers and nothing else.
    pub fn issuer(&self) -> Issuer<'_> {
        match self.present("iss") {
            None => Issuer::Absent,
            Some(Value::String(issuer)) => Issuer::Is(issuer),
            Some(_) => Issuer::WrongType,
        }
    }

    /// What the token says of its client: the first of these claims.
    pub fn client(&self, claims: &[ClaimRef]) -> ClientClaim {
        match self.first(claims) {
            None => ClientClaim::Absent,
            Some((_, Value::String(client))) if client.is_empty() => ClientClaim::Absent,
            Some((_, Value::String(client))) => ClientClaim::Is(client.as_str().into()),
            Some(_) => ClientClaim::Malformed,
        }
    }

    /// The scopes, or the names of policies: the first of these claims, a string split at spaces
    /// (RFC 6749 §3.3) or an array whose elements are not split. None of the claims, or an empty
    /// one, is no scope.
    ///
    /// # Errors
    ///
    /// [`Deny::TokenClaimMalformed`] where the claim is neither a string nor an array of strings.
    pub fn scopes(&self, claims: &[ClaimRef]) -> Result<Vec<&str>, Refusal> {
        let Some((claim, value)) = self.first(claims) else {
            return Ok(Vec::new());
        };
        let scopes = match value {
            // Only a space separates: a tab is part of a scope that nobody asks for.
            Value::String(scopes) => Some(scopes.split(' ').collect()),
            Value::Array(scopes) => scopes.iter().map(Value::as_str).collect(),
            _ => None,
        };
        let mut scopes: Vec<&str> =
            scopes.ok_or_else(|| wrong_type(claim, value, "a string or an array of strings"))?;
        scopes.retain(|scope| !scope.is_empty());
        Ok(scopes)
    }

    /// The texts of a claim: a string as one, an array of strings as many, an object as the names of
    /// its members. None where there is no such claim.
    ///
    /// # Errors
    ///
    /// [`Deny::TokenClaimMalformed`] where the claim is none of these.
    pub fn texts(&self, claim: &ClaimRef) -> Result<Vec<&str>, Refusal> {
        let texts = match self.find(claim) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::String(text)) => Some(vec![text.as_str()]),
            Some(Value::Array(texts)) => texts.iter().map(Value::as_str).collect(),
            Some(Value::Object(members)) => Some(members.keys().map(String::as_str).collect()),
            Some(_) => None,
        };
        let value = self.find(claim).unwrap_or(&Value::Null);
        texts.ok_or_else(|| {
            wrong_type(claim, value, "a string, an array of strings or an object").with_remedy(
                "name a claim of one of these types in `by_claim` of `apis[].policies`, or have the \
                 provider write it so",
            )
        })
    }

    /// Says which claims were looked for, the names of those that are there, and of those which may
    /// have been meant.
    pub fn missing<'r>(&self, wanted: impl IntoIterator<Item = &'r ClaimRef>) -> String {
        let wanted: Vec<_> = wanted.into_iter().collect();
        let like = hint::meant(&self.like(&wanted));
        let wanted: Vec<_> = wanted.into_iter().map(ToString::to_string).collect();
        format!("there is no claim {}; the token has {}{like}", list(&wanted), self.names())
    }

    /// Says why none of these claims gave a value that can be used.
    pub fn useless(&self, wanted: &[ClaimRef]) -> String {
        match self.first(wanted) {
            Some((claim, _)) => {
                format!("the claim {} is empty, or of another type", claim.quoted())
            }
            None => self.missing(wanted),
        }
    }

    /// The names of the claims, for a reason.
    pub fn names(&self) -> String {
        list(&self.0.keys().collect::<Vec<_>>())
    }

    /// When the token was issued (`iat`), where it says so in the right form.
    pub fn issued(&self) -> Option<UnixMillis> {
        self.date("iat").ok().flatten()
    }

    /// When the token expires (`exp`), where it says so in the right form.
    pub fn expires(&self) -> Option<UnixMillis> {
        self.date("exp").ok().flatten()
    }

    /// The top-level claim of this name, where it is a boolean.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.0.get(name).and_then(Value::as_bool)
    }

    /// The top-level claim of this name, where it is a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// The top-level claim of this name, whatever it is.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The top-level claim, where it is not `null`.
    fn present(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }
}

fn walk<'c, 'n>(
    members: &'c Map<String, Value>,
    mut path: impl Iterator<Item = &'n str>,
) -> Option<&'c Value> {
    let outermost = members.get(path.next()?)?;
    path.try_fold(outermost, |value, name| value.as_object()?.get(name))
}

fn malformed(reason: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    Refusal::new(Deny::TokenClaimMalformed, reason)
}

fn wrong_type(claim: &dyn fmt::Display, value: &Value, wanted: &str) -> Refusal {
    let claim = quoted(&claim.to_string());
    malformed(format!("the claim {claim} is {}, not {wanted}", kind(value)))
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
