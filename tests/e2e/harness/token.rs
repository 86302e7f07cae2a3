//! Tokens and key sets of our own making: right by default, wrong on request.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::prelude::{Ed25519KeyPair, EdDSAKeyPairLike};
use serde_json::{Value, json};

/// The issuer of a [`Token`] unless it is told otherwise.
pub(crate) const ISSUER: &str = "https://issuer.example";
/// The audience of a [`Token`] unless it is told otherwise.
pub(crate) const AUDIENCE: &str = "api://default";

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    i64::try_from(elapsed.as_secs()).expect("a clock before the end of time")
}

/// A token that is right in every way, until told otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    header: Value,
    claims: Value,
}

impl Token {
    /// A token for somebody.
    pub(crate) fn of(subject: &str) -> Self {
        let now = now();
        Self {
            header: json!({ "typ": "at+jwt" }),
            claims: json!({ "iss": ISSUER, "sub": subject, "aud": AUDIENCE, "client_id": "client-1",
                            "scope": "read write", "iat": now, "exp": now + 600 }),
        }
    }

    /// Sets a claim, right or wrong; null removes it.
    pub(crate) fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        set(&mut self.claims, name, value.into());
        self
    }

    /// Sets a member of the JOSE header; null removes it.
    pub(crate) fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        set(&mut self.header, name, value.into());
        self
    }

    /// Comes from another issuer.
    pub(crate) fn issuer(self, issuer: &str) -> Self {
        self.claim("iss", issuer)
    }
}

fn set(object: &mut Value, name: &str, value: Value) {
    let object = object.as_object_mut().expect("an object");
    if value.is_null() {
        object.remove(name);
    } else {
        object.insert(name.to_owned(), value);
    }
}

/// An Ed25519 key with a name.
pub(crate) struct Signer {
    kid: String,
    key: Ed25519KeyPair,
}

impl Signer {
    /// A new key.
    pub(crate) fn new(kid: &str) -> Self {
        Self { kid: kid.to_owned(), key: Ed25519KeyPair::generate() }
    }

    /// The public key as a JWK.
    pub(crate) fn jwk(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.key.public_key().to_bytes());
        json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.kid, "x": x })
    }

    /// Signs, with `alg` and `kid` in the header unless the token has its own.
    pub(crate) fn sign(&self, token: &Token) -> String {
        let mut header = json!({ "alg": "EdDSA", "kid": self.kid });
        for (name, value) in token.header.as_object().into_iter().flatten() {
            header[name] = value.clone();
        }
        self.sign_raw(&header.to_string(), &token.claims.to_string())
    }

    /// Signs any header and any payload.
    pub(crate) fn sign_raw(&self, header: &str, payload: &str) -> String {
        let input =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = self.key.key_pair().as_ref().sk.sign(input.as_bytes(), None);
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(*signature))
    }
}

/// A key set of these keys.
pub(crate) fn key_set(signers: &[&Signer]) -> Value {
    let keys: Vec<_> = signers.iter().map(|signer| signer.jwk()).collect();
    json!({ "keys": keys })
}
