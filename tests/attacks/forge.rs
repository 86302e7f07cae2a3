//! Tokens that are wrong in ways that [`Token`](crate::support::token::Token) cannot be.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use p256::ecdsa::signature::Signer as _;
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::rand_core::OsRng;
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use rsa::{BigUint, RsaPrivateKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

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

pub(crate) fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
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

/// The RSA key `r1`.
pub(crate) fn rsa() -> &'static RsaPrivateKey {
    static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
    KEY.get_or_init(|| RsaPrivateKey::new(&mut OsRng, 2048).unwrap())
}

pub(crate) fn rsa_jwk(kid: &str) -> Value {
    let (n, e) = (rsa().n().to_bytes_be(), rsa().e().to_bytes_be());
    json!({ "kty": "RSA", "alg": "RS256", "kid": kid, "n": encoded(n), "e": encoded(e) })
}

/// A header for `r1`.
pub(crate) fn rs256() -> Value {
    json!({ "alg": "RS256", "kid": "r1" })
}

/// A signature of `r1` by PKCS #1 v1.5 with SHA-256.
pub(crate) fn rsa_signature(signed: &[u8]) -> Vec<u8> {
    rsa().sign(Pkcs1v15Sign::new::<rsa::sha2::Sha256>(), &sha256(signed)).unwrap()
}

/// What `r1` makes of an encoding, right or wrong: a signature by whoever has the key.
pub(crate) fn rsa_raw(encoded: &[u8]) -> Vec<u8> {
    let power = BigUint::from_bytes_be(encoded).modpow(rsa().d(), rsa().n()).to_bytes_be();
    [vec![0; 256 - power.len()], power].concat()
}

/// The P-256 key `e1`, and one that is not in the set.
pub(crate) fn p256(seed: u8) -> p256::ecdsa::SigningKey {
    p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap()
}

pub(crate) fn p256_jwk(kid: &str) -> Value {
    let point = p256(1).verifying_key().to_sec1_point(false);
    let (x, y) = point.as_bytes()[1..].split_at(32);
    json!({ "kty": "EC", "crv": "P-256", "kid": kid, "x": encoded(x), "y": encoded(y) })
}

/// A header for `e1`.
pub(crate) fn es256() -> Value {
    json!({ "alg": "ES256", "kid": "e1" })
}

/// A signature of `e1`.
pub(crate) fn p256_signature(signed: &[u8]) -> p256::ecdsa::Signature {
    p256(1).sign(signed)
}

/// A P-521 key, and what it signs.
pub(crate) fn p521() -> p521::ecdsa::SigningKey {
    p521::ecdsa::SigningKey::from_slice(&[vec![0], vec![1; 65]].concat()).unwrap()
}

pub(crate) fn p521_jwk(kid: &str) -> Value {
    let point = p521().verifying_key().to_sec1_point(false);
    let (x, y) = point.as_bytes()[1..].split_at(66);
    json!({ "kty": "EC", "crv": "P-521", "kid": kid, "x": encoded(x), "y": encoded(y) })
}

/// SHA-256 of a text.
pub(crate) fn sha256(text: &[u8]) -> Vec<u8> {
    Sha256::digest(text).to_vec()
}
