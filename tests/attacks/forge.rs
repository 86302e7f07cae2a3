//! Tokens that are wrong in ways that [`Token`](crate::support::token::Token) cannot be.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::pairs::encoded;
use crate::support::token::{AUDIENCE, ISSUER, NOW, Signer, Token};

/// The claims of a good token.
pub(crate) fn claims() -> String {
    payload(&[])
}

/// The claims of a good token, with these changed: `name` to a value in JSON, or to nothing where it
/// is left out.
pub(crate) fn payload(changes: &[(&str, &str)]) -> String {
    let mut members = vec![
        ("iss", format!("\"{ISSUER}\"")),
        ("aud", format!("\"{AUDIENCE}\"")),
        ("sub", "\"alice\"".to_owned()),
        ("iat", NOW.to_string()),
        ("exp", (NOW + 300).to_string()),
    ];
    for (name, value) in changes {
        members.retain(|(found, _)| found != name);
        members.extend((!value.is_empty()).then(|| (*name, (*value).to_owned())));
    }
    let members: Vec<_> =
        members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

/// A good token.
pub(crate) fn good() -> String {
    Signer::new("k1").sign(&Token::for_identity("alice"))
}

/// A token with this header and good claims, signed by `k1` whatever the header says.
pub(crate) fn with_header(header: &str) -> String {
    Signer::new("k1").sign_text(header, claims())
}

/// A token with these claims, signed by `k1`.
pub(crate) fn with_payload(payload: impl AsRef<[u8]>) -> String {
    Signer::new("k1").sign_text(r#"{"alg":"EdDSA","kid":"k1"}"#, payload)
}

/// A token with one claim changed.
pub(crate) fn with_claim(name: &str, value: &str) -> String {
    with_payload(payload(&[(name, value)]))
}

/// Each of these values as the value of a claim.
pub(crate) fn with_each(name: &str, values: &[&str]) -> Vec<String> {
    values.iter().map(|value| with_claim(name, value)).collect()
}

/// A token whose signature `sign` makes.
pub(crate) fn signed_by(header: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", encoded(header.to_string()), encoded(claims()));
    let signature = encoded(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// A token that its HMAC with this secret authenticates.
pub(crate) fn hs256(kid: &str, secret: &[u8]) -> String {
    signed_by(&json!({ "alg": "HS256", "kid": kid }), |signed| {
        let mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
        mac.chain_update(signed).finalize().into_bytes().to_vec()
    })
}

/// A header for `r1`.
pub(crate) fn rs256() -> Value {
    json!({ "alg": "RS256", "kid": "r1" })
}

/// A header for `e1`.
pub(crate) fn es256() -> Value {
    json!({ "alg": "ES256", "kid": "e1" })
}
