//! A developer's signing key in a file: a private JWK (RFC 7517), whose `kid` says what it is.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use clap::ValueEnum;
use jwt_simple::algorithms::{
    ECDSAP256KeyPairLike, ES256KeyPair, Ed25519KeyPair, EdDSAKeyPairLike, RS256KeyPair,
    RSAKeyPairLike,
};
use jwt_simple::claims::JWTClaims;
use jwt_simple::common::HeaderOptions;
use serde_json::{Map, Value};

use crate::command::Failure;
use crate::{input, secret_file};

/// What the key ID of every such key begins with.
const MARK: &str = "dev-";

/// The algorithms of such keys.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(super) enum DevAlg {
    /// ECDSA on P-256
    #[default]
    #[value(name = "ES256")]
    Es256,
    /// RSA of 2048 bits
    #[value(name = "RS256")]
    Rs256,
    /// Ed25519
    #[value(name = "EdDSA")]
    EdDsa,
}

/// A key pair.
pub(super) struct Key {
    pair: Pair,
    kid: String,
}

enum Pair {
    Es256(Box<ES256KeyPair>),
    Rs256(Box<RS256KeyPair>),
    EdDsa(Box<Ed25519KeyPair>),
}

impl Key {
    /// The key in a file; a new one where there is no file, and whether it is new.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read or written, holds no key that this module wrote, or one of
    /// another algorithm than is asked for.
    pub(super) fn open_or_make(path: &Path, alg: Option<DevAlg>) -> Result<(Self, bool), Failure> {
        let wrong = |what: String| Failure::Misuse(format!("{}: {what}", input::shown(path)));
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let key = Self::make(alg.unwrap_or_default()).map_err(wrong)?;
                secret_file::write_new(path, &key.private_jwk())
                    .map_err(|error| wrong(format!("cannot be written: {error}")))?;
                return Ok((key, true));
            }
            Err(error) => return Err(wrong(format!("cannot be read: {error}"))),
        };
        let key = Self::read(&text).map_err(wrong)?;
        match alg {
            Some(alg) if alg != key.alg() => Err(wrong(format!(
                "holds a key for {}; leave `--alg` out, or name another file with `--key`",
                key.alg_name()
            ))),
            _ => Ok((key, false)),
        }
    }

    fn make(alg: DevAlg) -> Result<Self, String> {
        let failed = |error: jwt_simple::Error| format!("no key can be made: {error}");
        let (pair, thumbprint) = match alg {
            DevAlg::Es256 => {
                let pair = ES256KeyPair::generate();
                let thumbprint = pair.jwk_thumbprint();
                (Pair::Es256(Box::new(pair)), thumbprint)
            }
            DevAlg::Rs256 => {
                let pair = RS256KeyPair::generate(2048).map_err(failed)?;
                let thumbprint = pair.jwk_thumbprint();
                (Pair::Rs256(Box::new(pair)), thumbprint)
            }
            DevAlg::EdDsa => {
                let pair = Ed25519KeyPair::generate();
                let thumbprint = pair.jwk_thumbprint();
                (Pair::EdDsa(Box::new(pair)), thumbprint)
            }
        };
        let start: String = thumbprint.chars().take(11).collect();
        Ok(Self::named(pair, format!("{MARK}{start}")))
    }

    fn named(pair: Pair, kid: String) -> Self {
        let pair = match pair {
            Pair::Es256(pair) => Pair::Es256(Box::new(pair.with_key_id(&kid))),
            Pair::Rs256(pair) => Pair::Rs256(Box::new(pair.with_key_id(&kid))),
            Pair::EdDsa(pair) => Pair::EdDsa(Box::new(pair.with_key_id(&kid))),
        };
        Self { pair, kid }
    }

    /// Reads what [`Self::private_jwk`] wrote. The text is quoted nowhere.
    fn read(text: &str) -> Result<Self, String> {
        let jwk: Map<String, Value> = serde_json::from_str(text)
            .map_err(|_| "is no JSON object, so no key that `tollgate mint` made".to_owned())?;
        let member = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or_default();
        let kid = member("kid").to_owned();
        if !kid.starts_with(MARK) {
            return Err(format!(
                "its `kid` does not begin with `{MARK}`: `tollgate mint` signs with keys of its own \
                 alone"
            ));
        }
        let broken = |_| "holds no whole private key; remove it and a new one is made".to_owned();
        let pair = match (member("kty"), member("crv")) {
            ("EC", "P-256") => Pair::Es256(Box::new(ES256KeyPair::from_jwk(text).map_err(broken)?)),
            ("RSA", _) => Pair::Rs256(Box::new(RS256KeyPair::from_jwk(text).map_err(broken)?)),
            ("OKP", "Ed25519") => {
                Pair::EdDsa(Box::new(Ed25519KeyPair::from_jwk(text).map_err(broken)?))
            }
            _ => return Err("holds a key of another type than P-256, RSA or Ed25519".to_owned()),
        };
        Ok(Self::named(pair, kid))
    }

    /// The key's ID.
    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    const fn alg(&self) -> DevAlg {
        match &self.pair {
            Pair::Es256(_) => DevAlg::Es256,
            Pair::Rs256(_) => DevAlg::Rs256,
            Pair::EdDsa(_) => DevAlg::EdDsa,
        }
    }

    /// The algorithm's name in a token.
    pub(super) const fn alg_name(&self) -> &'static str {
        match self.alg() {
            DevAlg::Es256 => "ES256",
            DevAlg::Rs256 => "RS256",
            DevAlg::EdDsa => "EdDSA",
        }
    }

    fn private_jwk(&self) -> String {
        match &self.pair {
            Pair::Es256(pair) => pair.to_jwk(),
            Pair::Rs256(pair) => pair.to_jwk(),
            Pair::EdDsa(pair) => pair.to_jwk(),
        }
    }

    /// The public key as a set's member.
    pub(super) fn public_jwk(&self) -> Result<Value, Failure> {
        let text = match &self.pair {
            Pair::Es256(pair) => pair.public_key().to_jwk(),
            Pair::Rs256(pair) => pair.public_key().to_jwk(),
            Pair::EdDsa(pair) => pair.public_key().to_jwk(),
        };
        let mut jwk: Map<String, Value> = serde_json::from_str(&text)
            .map_err(|error| Failure::Misuse(format!("the key cannot be published: {error}")))?;
        jwk.insert("kid".to_owned(), self.kid.as_str().into());
        jwk.insert("alg".to_owned(), self.alg_name().into());
        jwk.insert("use".to_owned(), "sig".into());
        Ok(jwk.into())
    }

    /// A token with these claims and nothing else.
    pub(super) fn sign(&self, claims: Map<String, Value>, typ: &str) -> Result<String, Failure> {
        let claims = JWTClaims {
            issued_at: None,
            expires_at: None,
            invalid_before: None,
            issuer: None,
            subject: None,
            audiences: None,
            jwt_id: None,
            nonce: None,
            custom: claims,
        };
        let header =
            HeaderOptions { signature_type: Some(typ.to_owned()), ..HeaderOptions::default() };
        let signed = match &self.pair {
            Pair::Es256(pair) => pair.sign_with_options(claims, &header),
            Pair::Rs256(pair) => pair.sign_with_options(claims, &header),
            Pair::EdDsa(pair) => pair.sign_with_options(claims, &header),
        };
        signed.map_err(|error| Failure::Misuse(format!("no token can be made: {error}")))
    }
}
