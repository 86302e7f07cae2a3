//! Tokens that are right in every way, until told otherwise.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// The issuer of every token, until told otherwise.
pub const ISSUER: &str = "https://id.example.com/";
/// The audience of every token, until told otherwise.
pub const AUDIENCE: &str = "api";
/// The second at which the tests' clocks start.
pub const NOW: u64 = 1_800_000_000;

/// A token's header and claims.
#[derive(Clone, Debug)]
pub struct Token {
    header: Value,
    claims: Value,
}

impl Token {
    /// A token for this identity that is good for five minutes from [`NOW`].
    pub fn for_identity(identity: &str) -> Self {
        Self {
            header: json!({ "alg": "EdDSA" }),
            claims: json!({
                "iss": ISSUER, "aud": AUDIENCE, "sub": identity, "iat": NOW, "exp": NOW + 300,
            }),
        }
    }

    /// Sets any claim, right or wrong.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims[name] = value.into();
        self
    }

    /// Leaves a claim out.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.as_object_mut().unwrap().remove(name);
        self
    }

    /// Sets any header member, right or wrong.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header[name] = value.into();
        self
    }
}

/// A provider's Ed25519 signing key, the same for the same key ID.
#[derive(Clone)]
pub struct Signer {
    kid: String,
    pair: ed25519_compact::KeyPair,
}

impl Signer {
    /// The key of this ID.
    pub fn new(kid: &str) -> Self {
        let mut seed = [7; 32];
        seed.iter_mut().zip(kid.bytes()).for_each(|(seed, byte)| *seed = byte);
        Self { kid: kid.into(), pair: ed25519_compact::KeyPair::from_seed(seed.into()) }
    }

    /// Another key under the same ID.
    pub fn renewed(&self) -> Self {
        Self { kid: self.kid.clone(), pair: Self::new("another key").pair }
    }

    /// The public key, as a provider publishes it.
    pub fn jwk(&self) -> Value {
        json!({
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": self.kid,
            "x": URL_SAFE_NO_PAD.encode(self.pair.pk.as_ref()),
        })
    }

    /// The token in compact form, with this key's ID unless the header has one.
    pub fn sign(&self, token: &Token) -> String {
        let mut header = token.header.clone();
        if header.get("kid").is_none() {
            header["kid"] = self.kid.clone().into();
        }
        self.sign_text(&header.to_string(), token.claims.to_string())
    }

    /// Signs any header and any payload, as they are.
    pub fn sign_text(&self, header: &str, payload: impl AsRef<[u8]>) -> String {
        let signed =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = self.pair.sk.sign(&signed, None);
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

/// A key set document.
pub fn key_set(signers: &[&Signer]) -> String {
    json!({ "keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>() }).to_string()
}
