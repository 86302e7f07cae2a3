//! The key of a client that shows by a signature who it is (RFC 7523).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::algorithms::{ECDSAP256KeyPairLike as _, ES256KeyPair};
use jwt_simple::claims::JWTClaims;
use jwt_simple::common::HeaderOptions;
use serde_json::{Map, Value, json};
use tollgate::time::UnixMillis;

/// How long an assertion is good.
const LIFE: Duration = Duration::from_secs(60);

/// A new key: the private one for the file, and the public one for the provider.
pub(super) fn new_key() -> Result<(Value, Value), String> {
    let pair = ES256KeyPair::generate();
    let kid = pair.jwk_thumbprint();
    let named = |text: &str| {
        let mut jwk: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| format!("no key can be made: {error}"))?;
        for (name, value) in [("kid", kid.as_str()), ("alg", "ES256"), ("use", "sig")] {
            jwk.insert(name.to_owned(), value.into());
        }
        Ok::<_, String>(Value::Object(jwk))
    };
    Ok((named(&pair.to_jwk())?, named(&pair.public_key().to_jwk())?))
}

/// An assertion of this client, for this audience.
pub(super) fn make(
    key: &Map<String, Value>,
    client: &str,
    audience: &str,
    now: UnixMillis,
) -> Result<String, String> {
    let wrong = || "its `private_key` is no whole key".to_owned();
    let kid = key.get("kid").and_then(Value::as_str).ok_or_else(wrong)?;
    let text = Value::Object(key.clone()).to_string();
    let pair = ES256KeyPair::from_jwk(&text).map_err(|_| wrong())?.with_key_id(kid);
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| format!("no randomness: {error}"))?;
    let claims = json!({
        "iss": client, "sub": client, "aud": audience, "jti": URL_SAFE_NO_PAD.encode(random),
        "iat": now.secs(), "exp": now.after(LIFE).secs(),
    });
    let claims = JWTClaims {
        issued_at: None,
        expires_at: None,
        invalid_before: None,
        issuer: None,
        subject: None,
        audiences: None,
        jwt_id: None,
        nonce: None,
        custom: claims.as_object().cloned().unwrap_or_default(),
    };
    let signed = pair.sign_with_options(claims, &HeaderOptions::default());
    signed.map_err(|error| format!("no assertion can be made: {error}"))
}
