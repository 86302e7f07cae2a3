//! What an ID token must say beside what every token of its provider must (OpenID Connect Core §3.1.3.7
//! and §12.2): that it is for this client, of this attempt, and beside this access token.
//!
//! Signature, issuer and times are judged elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac_sha512::{Hash as Sha512, sha384::Hash as Sha384};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::attempt::id_of;
use crate::claims::Claims;
use crate::jose::alg::Alg;

/// What an ID token is expected to be about.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The client's id.
    pub client: &'a str,
    /// The attempt that it belongs to ([`Attempt::id`](super::attempt::Attempt::id)).
    pub attempt: [u8; 16],
    /// Whether it comes of a refresh, where it may have no nonce, but no other one either.
    pub is_refresh: bool,
    /// The access token beside it.
    pub access_token: &'a str,
}

/// Why an ID token is not what was expected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unfit {
    /// It is not for the client (`aud`).
    Audience,
    /// It was issued to another client, or to one of several that it does not name (`azp`).
    AuthorizedParty,
    /// It lacks a claim that every ID token has (OpenID Connect Core §2).
    Missing(&'static str),
    /// It belongs to another attempt, or to none (`nonce`).
    Nonce,
    /// It belongs to another access token (`at_hash`).
    AccessToken,
}

impl Expected<'_> {
    /// Judges the claims of an ID token that was signed with `alg`. The first fault counts, in the
    /// order of the standard.
    ///
    /// # Errors
    ///
    /// See [`Unfit`].
    pub fn judge(&self, claims: &Claims, alg: Alg) -> Result<(), Unfit> {
        let audience = audience(claims, self.client).ok_or(Unfit::Audience)?;
        match claims.get("azp") {
            None if audience == Audience::Alone => {}
            Some(Value::String(party)) if party == self.client => {}
            _ => return Err(Unfit::AuthorizedParty),
        }
        let subject = claims.text("sub").filter(|subject| !subject.is_empty());
        let required = [
            ("exp", claims.expires().is_some()),
            ("iat", claims.issued().is_some()),
            ("sub", subject.is_some()),
        ];
        if let Some((name, _)) = required.into_iter().find(|(_, is_there)| !is_there) {
            return Err(Unfit::Missing(name));
        }
        match claims.get("nonce") {
            None if self.is_refresh => {}
            Some(Value::String(nonce)) if id_of(nonce) == self.attempt => {}
            _ => return Err(Unfit::Nonce),
        }
        match claims.get("at_hash") {
            None => Ok(()),
            Some(Value::String(hash)) if *hash == at_hash(self.access_token, alg) => Ok(()),
            Some(_) => Err(Unfit::AccessToken),
        }
    }
}

/// Whom a token is for, besides the client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Audience {
    /// Nobody.
    Alone,
    /// Others, too.
    Several,
}

/// Whether a token is for this client (`aud`, RFC 7519 §4.1.3); `None` where it is not, or is no
/// list of names.
pub(super) fn audience(claims: &Claims, client: &str) -> Option<Audience> {
    match claims.get("aud")? {
        Value::String(one) => (one == client).then_some(Audience::Alone),
        Value::Array(all) => {
            let is_client = |one: &Value| one.as_str() == Some(client);
            let are_names = all.iter().all(Value::is_string);
            let several = if all.len() > 1 { Audience::Several } else { Audience::Alone };
            (are_names && all.iter().any(is_client)).then_some(several)
        }
        _ => None,
    }
}

/// The left half of the access token's hash, by the hash of the ID token's own algorithm (§3.1.3.6);
/// Ed25519 is of SHA-512.
fn at_hash(access_token: &str, alg: Alg) -> String {
    let half = |hash: &[u8]| {
        let half = hash.len().checked_div(2).and_then(|half| hash.get(..half));
        URL_SAFE_NO_PAD.encode(half.unwrap_or_default())
    };
    match alg {
        Alg::Es256 | Alg::Hs256 | Alg::Ps256 | Alg::Rs256 => half(&Sha256::digest(access_token)),
        Alg::Es384 | Alg::Hs384 | Alg::Ps384 | Alg::Rs384 => half(&Sha384::hash(access_token)),
        Alg::EdDsa | Alg::Es512 | Alg::Hs512 | Alg::Ps512 | Alg::Rs512 => {
            half(&Sha512::hash(access_token))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ACCESS: &str = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";

    /// The claims with these in place of their own; `null` takes one away.
    fn claims(other: &Value) -> Claims {
        let mut all = json!({ "iss": "https://id", "sub": "1", "aud": "me", "iat": 1, "exp": 2, "nonce": "n" });
        for (name, value) in other.as_object().unwrap() {
            match value {
                Value::Null => drop(all.as_object_mut().unwrap().remove(name)),
                value => all[name] = value.clone(),
            }
        }
        Claims::parse(all.to_string().as_bytes()).unwrap()
    }

    fn judged(other: &Value, is_refresh: bool) -> Result<(), Unfit> {
        let expected =
            Expected { client: "me", attempt: id_of("n"), is_refresh, access_token: ACCESS };
        expected.judge(&claims(other), Alg::Rs256)
    }

    #[test]
    fn i08_an_id_token_is_of_this_client_attempt_and_access_token() {
        let cases = [
            ("as it should be", json!({}), Ok(())),
            ("a list of one", json!({ "aud": ["me"] }), Ok(())),
            ("the party named", json!({ "azp": "me" }), Ok(())),
            ("several, and the party", json!({ "aud": ["a", "me"], "azp": "me" }), Ok(())),
            // OpenID Connect Core, appendix A.3.
            ("the access token's hash", json!({ "at_hash": "77QmUPtjPfzWtF2AnpK9RQ" }), Ok(())),
            ("another audience", json!({ "aud": "other" }), Err(Unfit::Audience)),
            ("no audience", json!({ "aud": null }), Err(Unfit::Audience)),
            ("an empty one", json!({ "aud": [] }), Err(Unfit::Audience)),
            ("one that holds ours", json!({ "aud": "me2" }), Err(Unfit::Audience)),
            ("an object", json!({ "aud": { "me": 1 } }), Err(Unfit::Audience)),
            ("numbers beside ours", json!({ "aud": ["me", 1], "azp": "me" }), Err(Unfit::Audience)),
            ("several without a party", json!({ "aud": ["me", "a"] }), Err(Unfit::AuthorizedParty)),
            ("another party", json!({ "azp": "a" }), Err(Unfit::AuthorizedParty)),
            ("a party that is no name", json!({ "azp": ["me"] }), Err(Unfit::AuthorizedParty)),
            ("no end", json!({ "exp": null }), Err(Unfit::Missing("exp"))),
            ("an end that is no date", json!({ "exp": "soon" }), Err(Unfit::Missing("exp"))),
            ("no beginning", json!({ "iat": null }), Err(Unfit::Missing("iat"))),
            ("a beginning that is no date", json!({ "iat": "now" }), Err(Unfit::Missing("iat"))),
            ("no subject", json!({ "sub": null }), Err(Unfit::Missing("sub"))),
            ("an empty one", json!({ "sub": "" }), Err(Unfit::Missing("sub"))),
            ("a number as a subject", json!({ "sub": 1 }), Err(Unfit::Missing("sub"))),
            ("another nonce", json!({ "nonce": "m" }), Err(Unfit::Nonce)),
            ("no nonce", json!({ "nonce": null }), Err(Unfit::Nonce)),
            ("a number as a nonce", json!({ "nonce": 1 }), Err(Unfit::Nonce)),
            (
                "another hash",
                json!({ "at_hash": "77QmUPtjPfzWtF2AnpK9RR" }),
                Err(Unfit::AccessToken),
            ),
            ("a hash that is none", json!({ "at_hash": 1 }), Err(Unfit::AccessToken)),
            ("an empty hash", json!({ "at_hash": "" }), Err(Unfit::AccessToken)),
        ];
        for (name, other, expected) in cases {
            assert_eq!(judged(&other, false), expected, "{name}");
        }
    }

    #[test]
    fn h25_an_id_token_of_a_refresh_needs_no_nonce_and_has_no_other() {
        assert_eq!(judged(&json!({ "nonce": null }), true), Ok(()));
        assert_eq!(judged(&json!({}), true), Ok(()));
        assert_eq!(judged(&json!({ "nonce": "m" }), true), Err(Unfit::Nonce));
        assert_eq!(judged(&json!({ "aud": "other" }), true), Err(Unfit::Audience));
    }

    #[test]
    fn the_hash_of_an_access_token_is_by_the_algorithm() {
        let lengths = [Alg::Es256, Alg::Ps384, Alg::EdDsa].map(|alg| at_hash(ACCESS, alg).len());
        assert_eq!(lengths, [22, 32, 43]);
    }
}
