//! Signatures of the filter's own: what it shows to an authorization server (RFC 7523), never to a client.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use p256::elliptic_curve::ops::Reduce as _;
use p256::elliptic_curve::point::AffineCoordinates as _;
use p256::elliptic_curve::{Field as _, PrimeField as _};
use p256::{AffinePoint, ProjectivePoint, Scalar};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::alg::Alg;
use super::der;
use super::jwk::{KeySet, PublicKey};
use super::verify::{InWasm, Verifier as _};

/// What a key signs to show that a host signs with it.
const SAMPLE: &[u8] = b"tollgate";

/// A host's own way to sign.
pub trait HostSigner {
    /// The signature of `text`: PKCS #1 v1.5 of an RSA key, `ECDSA-Sig-Value` in DER of another. `hash`
    /// is `sha256`, the key PEM. `None` where the host makes none.
    fn sign(&self, hash: &str, key_pem: &str, text: &[u8]) -> Option<Vec<u8>>;
}

/// A private key of the configuration. It is wiped from memory where it is dropped, and never shown.
#[derive(Clone)]
pub struct SigningKey {
    own: Own,
    pem: Zeroizing<String>,
    public: PublicKey,
    by_host: bool,
}

/// What this module signs with by itself.
#[derive(Clone)]
enum Own {
    EdDsa(Zeroizing<[u8; 32]>),
    Es256(Zeroizing<[u8; 32]>),
    /// Nothing: RSA is the host's to sign with.
    Rsa,
}

/// Why a text is no private key that can be used. It never quotes the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SigningKeyError {
    /// No PEM of a private key.
    NotPem,
    /// Not base64 of a key in DER, or of a kind or size that is not taken.
    Unusable,
    /// A key for another algorithm.
    OtherAlg,
}

impl fmt::Display for SigningKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPem => {
                "no PEM of a private key that is not encrypted: it begins with `-----BEGIN PRIVATE \
                 KEY-----`, `-----BEGIN RSA PRIVATE KEY-----` or `-----BEGIN EC PRIVATE KEY-----`"
            }
            Self::Unusable => {
                "no private key that can be used; RSA of 2048 to 4096 bits, P-256 and Ed25519 can: \
                 copy it whole"
            }
            Self::OtherAlg => "a key for another algorithm than `alg`",
        })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a private key for {}", self.alg().name())
    }
}

impl SigningKey {
    /// Reads PEM (RFC 7468 §10) of PKCS #8 (RFC 5208), PKCS #1 (RFC 8017) or SEC 1 (RFC 5915).
    ///
    /// # Errors
    ///
    /// See [`SigningKeyError`].
    pub fn from_pem(pem: Zeroizing<String>, alg: Alg) -> Result<Self, SigningKeyError> {
        let (form, body) = block(&pem).ok_or(SigningKeyError::NotPem)?;
        let body: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
        let der = STANDARD.decode(body.as_bytes()).map_err(|_| SigningKeyError::Unusable)?;
        let der = Zeroizing::new(der);
        let read = match form {
            Form::Pkcs8 => pkcs8(&der),
            Form::Pkcs1 => rsa(&der),
            Form::Sec1 => sec1(&der, None),
        };
        let (own, jwk) = read.ok_or(SigningKeyError::Unusable)?;
        let public = KeySet::of_one(&jwk).ok_or(SigningKeyError::Unusable)?;
        let key = Self { own, pem, public, by_host: false };
        if key.alg() == alg { Ok(key) } else { Err(SigningKeyError::OtherAlg) }
    }

    /// The algorithm that it signs with.
    pub const fn alg(&self) -> Alg {
        match self.own {
            Own::EdDsa(_) => Alg::EdDsa,
            Own::Es256(_) => Alg::Es256,
            Own::Rsa => Alg::Rs256,
        }
    }

    /// Its public half.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Has the host sign from here on, where it is seen to do so rightly with this very key. Says
    /// whether the key can sign at all.
    pub fn try_host(&mut self, host: Option<&dyn HostSigner>) -> bool {
        let sample = host.and_then(|host| self.ask(host, SAMPLE));
        let is_right =
            |sample: Vec<u8>| InWasm.verify(&self.public, self.alg(), SAMPLE, &sample).is_ok();
        self.by_host = sample.is_some_and(is_right);
        self.by_host || !matches!(self.own, Own::Rsa)
    }

    /// The signature of a text, as JWS has it (RFC 7518 §3, RFC 8037 §3.1); `None` where only a host
    /// could make it, and does not.
    pub fn sign(&self, text: &[u8], host: Option<&dyn HostSigner>) -> Option<Vec<u8>> {
        if let Some(host) = host.filter(|_| self.by_host)
            && let Some(signature) = self.ask(host, text)
        {
            return Some(signature);
        }
        match &self.own {
            Own::EdDsa(seed) => {
                let seed = ed25519_compact::Seed::new(**seed);
                let pair = ed25519_compact::KeyPair::from_seed(seed);
                Some(pair.sk.sign(text, None).to_vec())
            }
            Own::Es256(key) => ecdsa(key, text),
            Own::Rsa => None,
        }
    }

    fn ask(&self, host: &dyn HostSigner, text: &[u8]) -> Option<Vec<u8>> {
        match self.own {
            Own::EdDsa(_) => None,
            Own::Es256(_) => der::ecdsa_fixed(&host.sign("sha256", &self.pem, text)?),
            Own::Rsa => host.sign("sha256", &self.pem, text),
        }
    }
}

/// An ECDSA signature on P-256 (FIPS 186-5 §6.4.1): r and s. Its secret number follows from the key and the
/// text by a keyed hash, as in RFC 6979 §3.2, so that no randomness can give the key away.
///
/// By the curve's own arithmetic, in constant time. The library's signer multiplies by a table, which would
/// be 31 KB of the module.
#[allow(clippy::arithmetic_side_effects, reason = "numbers below the curve's order")]
fn ecdsa(key: &[u8; 32], text: &[u8]) -> Option<Vec<u8>> {
    let d = scalar(key)?;
    let digest = Sha256::digest(text);
    let z = Scalar::reduce(&digest);
    for attempt in 0..8_u8 {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
        mac.update(b"tollgate ecdsa");
        mac.update(&[attempt]);
        mac.update(&digest);
        let nonce: Zeroizing<[u8; 32]> = Zeroizing::new(mac.finalize().into_bytes().into());
        let Some(k) = scalar(&nonce) else { continue };
        let r = Scalar::reduce(&point(&k).x());
        let s = Option::<Scalar>::from(k.invert())? * (z + r * d);
        if !bool::from(r.is_zero()) && !bool::from(s.is_zero()) {
            return Some([r.to_repr(), s.to_repr()].concat());
        }
    }
    None
}

/// The point that is so many times the curve's generator.
#[allow(clippy::arithmetic_side_effects, reason = "points of the curve")]
fn point(times: &Scalar) -> AffinePoint {
    (ProjectivePoint::GENERATOR * times).into()
}

/// A number below the curve's order, and not 0.
fn scalar(bytes: &[u8; 32]) -> Option<Scalar> {
    let scalar = Option::<Scalar>::from(Scalar::from_repr((*bytes).into()))?;
    (!bool::from(scalar.is_zero())).then_some(scalar)
}

/// What a block of PEM holds.
#[derive(Clone, Copy)]
enum Form {
    Pkcs1,
    Pkcs8,
    Sec1,
}

/// The first private key of a text: other blocks, such as a curve's parameters, may stand before it.
fn block(pem: &str) -> Option<(Form, &str)> {
    let forms = [
        (Form::Pkcs8, "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"),
        (Form::Pkcs1, "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"),
        (Form::Sec1, "-----BEGIN EC PRIVATE KEY-----", "-----END EC PRIVATE KEY-----"),
    ];
    forms.into_iter().find_map(|(form, begin, end)| {
        let (_, behind) = pem.split_once(begin)?;
        Some((form, behind.split_once(end)?.0))
    })
}

/// `PrivateKeyInfo` (RFC 5208 §5).
fn pkcs8(der: &[u8]) -> Option<(Own, Value)> {
    let mut rest = der;
    let mut info = der::take(&mut rest, der::SEQUENCE)?;
    der::take(&mut info, der::INTEGER)?;
    let mut algorithm = der::take(&mut info, der::SEQUENCE)?;
    let key = der::take(&mut info, der::OCTET_STRING)?;
    match der::take(&mut algorithm, der::OBJECT_IDENTIFIER)? {
        der::RSA => rsa(key),
        der::EC => sec1(key, der::take(&mut algorithm, der::OBJECT_IDENTIFIER)),
        der::ED25519 => {
            let mut key = key;
            let seed: [u8; 32] = der::take(&mut key, der::OCTET_STRING)?.try_into().ok()?;
            let seed = Zeroizing::new(seed);
            let pair = ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new(*seed));
            let x = URL_SAFE_NO_PAD.encode(pair.pk.as_ref());
            Some((Own::EdDsa(seed), json!({ "kty": "OKP", "crv": "Ed25519", "x": x })))
        }
        _ => None,
    }
}

/// `RSAPrivateKey` (RFC 8017 §A.1.2): its public numbers, the rest is the host's to read.
fn rsa(der: &[u8]) -> Option<(Own, Value)> {
    let mut rest = der;
    let mut key = der::take(&mut rest, der::SEQUENCE)?;
    der::take(&mut key, der::INTEGER)?;
    let mut number = || der::take(&mut key, der::INTEGER).map(|one| URL_SAFE_NO_PAD.encode(one));
    let (n, e) = (number()?, number()?);
    Some((Own::Rsa, json!({ "kty": "RSA", "n": n, "e": e })))
}

/// `ECPrivateKey` (RFC 5915 §3). The curve stands in it, or in what is around it.
fn sec1(der: &[u8], around: Option<&[u8]>) -> Option<(Own, Value)> {
    /// The curve's place within the key: `[0]`.
    const PARAMETERS: u8 = 0xa0;
    let mut rest = der;
    let mut key = der::take(&mut rest, der::SEQUENCE)?;
    der::take(&mut key, der::INTEGER)?;
    let scalar = der::take(&mut key, der::OCTET_STRING)?;
    let inside = der::take(&mut key, PARAMETERS);
    let inside = inside.and_then(|mut curve| der::take(&mut curve, der::OBJECT_IDENTIFIER));
    let is_p256 = |curve: &[u8]| curve == der::Curve::P256.oid();
    if !inside.or(around).is_some_and(is_p256) || !inside.is_none_or(is_p256) {
        return None;
    }
    let key: Zeroizing<[u8; 32]> = Zeroizing::new(scalar.try_into().ok()?);
    let point = point(&self::scalar(&key)?);
    let [x, y] = [point.x(), point.y()].map(|one| URL_SAFE_NO_PAD.encode(one));
    Some((Own::Es256(key), json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y })))
}

#[cfg(test)]
mod tests;
