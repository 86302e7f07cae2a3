//! A key of each algorithm, kept from run to run, and signatures by them.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use rsa::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, EncodePublicKey as _};
use rsa::rand_core::{OsRng, RngCore as _};
use rsa::sha2::Sha256;
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _, Signer as _};
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};

/// An algorithm that tokens are signed with.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Alg {
    /// EdDSA with Ed25519.
    EdDsa,
    /// ECDSA with P-256.
    Es256,
    /// ECDSA with P-384.
    Es384,
    /// RSASSA-PSS with 2048 bits.
    Ps256,
    /// RSASSA-PKCS1-v1_5 with 2048 bits.
    Rs256,
}

impl Alg {
    /// All of them, the usual one first.
    pub(crate) const ALL: [Self; 5] =
        [Self::Rs256, Self::Ps256, Self::Es256, Self::Es384, Self::EdDsa];

    /// Its name in a token (RFC 7518 §3.1).
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
        }
    }

    /// Its name in the report.
    pub(crate) fn label(self) -> String {
        self.name().to_ascii_lowercase()
    }
}

/// A private key.
pub(crate) struct Signer {
    alg: Alg,
    kid: String,
    key: Key,
}

enum Key {
    Ed25519(ed25519_compact::KeyPair),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    RsaPkcs1(rsa::pkcs1v15::SigningKey<Sha256>),
    RsaPss(rsa::pss::SigningKey<Sha256>),
}

impl Signer {
    /// The key that an earlier run left in the folder, or a new one that later runs will find.
    pub(crate) fn kept(folder: &Path, alg: Alg) -> Self {
        let path = folder.join(format!("key-{}.bin", alg.label()));
        let secret = fs::read(&path).unwrap_or_else(|_| {
            let secret = make(alg);
            fs::write(&path, &secret).expect("a file under target/");
            secret
        });
        let key = match alg {
            Alg::EdDsa => {
                let seed = ed25519_compact::Seed::from_slice(&secret).expect("32 bytes");
                Key::Ed25519(ed25519_compact::KeyPair::from_seed(seed))
            }
            Alg::Es256 => Key::P256(p256::ecdsa::SigningKey::from_slice(&secret).expect("a key")),
            Alg::Es384 => Key::P384(p384::ecdsa::SigningKey::from_slice(&secret).expect("a key")),
            Alg::Ps256 => Key::RsaPss(rsa::pss::SigningKey::new(rsa_key(&secret))),
            Alg::Rs256 => Key::RsaPkcs1(rsa::pkcs1v15::SigningKey::new(rsa_key(&secret))),
        };
        Self { alg, kid: format!("bench-{}", alg.label()), key }
    }

    /// Its algorithm.
    pub(crate) const fn alg(&self) -> Alg {
        self.alg
    }

    /// The public key as a JWK (RFC 7517).
    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = match &self.key {
            Key::Ed25519(key) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": text(key.pk.as_ref()) })
            }
            Key::P256(key) => {
                let point = key.verifying_key().to_sec1_point(false);
                let (x, y) = (point.x().expect("a point"), point.y().expect("a point"));
                json!({ "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y) })
            }
            Key::P384(key) => {
                let point = key.verifying_key().to_sec1_point(false);
                let (x, y) = (point.x().expect("a point"), point.y().expect("a point"));
                json!({ "kty": "EC", "crv": "P-384", "x": text(x), "y": text(y) })
            }
            Key::RsaPkcs1(key) => rsa_jwk(key.as_ref()),
            Key::RsaPss(key) => rsa_jwk(key.as_ref()),
        };
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(self.alg.name());
        jwk["kid"] = json!(self.kid);
        jwk
    }

    /// The arguments with which Envoy's `verify_signature` checks this RS256 token (the Protocol
    /// Buffers message `VerifySignatureArguments`).
    pub(crate) fn verify_arguments(&self, token: &[u8]) -> Vec<u8> {
        let Key::RsaPkcs1(key) = &self.key else { panic!("an RS256 key") };
        let key = AsRef::<rsa::RsaPrivateKey>::as_ref(key).to_public_key();
        let key = key.to_public_key_der().expect("a key").into_vec();
        let dot = token.iter().rposition(|byte| *byte == b'.').expect("a token");
        let signature = URL_SAFE_NO_PAD.decode(&token[dot + 1..]).expect("base64url");
        let mut message = Vec::new();
        for (tag, field) in [(1, &b"sha256"[..]), (2, &key), (3, &signature), (4, &token[..dot])] {
            message.push(tag << 3 | 2);
            let mut length = field.len();
            while length > 0x7f {
                message.push((length & 0x7f) as u8 | 0x80);
                length >>= 7;
            }
            message.push(length as u8);
            message.extend_from_slice(field);
        }
        message
    }

    /// A token with these claims in compact form.
    pub(crate) fn sign(&self, claims: &str) -> String {
        let header = json!({ "alg": self.alg.name(), "kid": self.kid, "typ": "at+jwt" });
        let signed = format!("{}.{}", text(header.to_string()), text(claims));
        let bytes = signed.as_bytes();
        let signature = match &self.key {
            Key::Ed25519(key) => key.sk.sign(bytes, None).to_vec(),
            Key::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(bytes);
                signature.to_bytes().to_vec()
            }
            Key::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign(bytes);
                signature.to_bytes().to_vec()
            }
            Key::RsaPkcs1(key) => key.sign(bytes).to_vec(),
            Key::RsaPss(key) => key.sign_with_rng(&mut OsRng, bytes).to_vec(),
        };
        format!("{signed}.{}", text(signature))
    }
}

/// A JWK that looks like an RSA key of 2048 bits, and that nobody has the private half of.
pub(crate) fn strange_jwk(kid: &str) -> Value {
    let mut modulus = [0; 256];
    OsRng.fill_bytes(&mut modulus);
    modulus[0] |= 0x80;
    modulus[255] |= 1;
    json!({ "kty": "RSA", "n": text(modulus), "e": "AQAB", "use": "sig", "alg": "RS256", "kid": kid })
}

fn make(alg: Alg) -> Vec<u8> {
    let mut bytes = vec![0; if alg == Alg::Es384 { 48 } else { 32 }];
    OsRng.fill_bytes(&mut bytes);
    // Under the order of the curve.
    bytes[0] &= 0x7f;
    match alg {
        Alg::EdDsa | Alg::Es256 | Alg::Es384 => bytes,
        Alg::Ps256 | Alg::Rs256 => {
            let key = rsa::RsaPrivateKey::new(&mut OsRng, 2048).expect("an RSA key");
            key.to_pkcs8_der().expect("DER").as_bytes().to_vec()
        }
    }
}

fn rsa_key(der: &[u8]) -> rsa::RsaPrivateKey {
    rsa::RsaPrivateKey::from_pkcs8_der(der).expect("a key under target/bench")
}

fn rsa_jwk(key: &rsa::RsaPrivateKey) -> Value {
    json!({ "kty": "RSA", "n": text(key.n().to_bytes_be()), "e": text(key.e().to_bytes_be()) })
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
