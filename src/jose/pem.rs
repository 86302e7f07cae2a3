//! Public keys as PEM (RFC 7468 §13): read into the members of a JWK, which is then checked like any
//! other.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::der::{self, Curve};
use super::jwk::WhySkipped;

/// Why a text is no public key that can be used. It never quotes the text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PemError {
    /// A certificate: what it says besides its key would not be judged.
    Certificate,
    /// The text between the lines is not base64 of a public key in DER.
    Encoding,
    /// The key is of a type, curve or form that is not supported.
    KeyUnsupported,
    /// There is no block of PEM, or one without its end.
    NoBlock,
    /// A block that holds something else than a public key.
    OtherLabel,
    /// A private key.
    Private,
    /// The key cannot be used.
    Unusable(WhySkipped),
}

impl fmt::Display for PemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => {
                "a certificate, of which only the key would be used; write the key: `openssl x509 \
                 -pubkey -noout -in FILE` shows it"
            }
            Self::Encoding => "not base64 of a public key in DER between the lines; copy it whole",
            Self::KeyUnsupported => {
                "a key of another kind than RSA, P-256, P-384, P-521 (uncompressed) and Ed25519"
            }
            Self::NoBlock => "no PEM: it begins with `-----BEGIN PUBLIC KEY-----`, and has an end",
            Self::OtherLabel => "no public key; write one that begins with `-----BEGIN PUBLIC KEY`",
            Self::Private => "a private key; write the public one, and replace this one",
            Self::Unusable(why) => return write!(f, "a key that cannot be used: {why}"),
        })
    }
}

/// Every public key of a text, as JWKs; what stands between the blocks is ignored (RFC 7468 §2).
pub(super) fn keys(text: &str) -> Result<Vec<Value>, PemError> {
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once("-----BEGIN ") {
        let (label, behind) = behind.split_once("-----").ok_or(PemError::NoBlock)?;
        let is_rsa = match label {
            "PUBLIC KEY" => false,
            "RSA PUBLIC KEY" => true,
            "CERTIFICATE" => return Err(PemError::Certificate),
            _ if label.ends_with("PRIVATE KEY") => return Err(PemError::Private),
            _ => return Err(PemError::OtherLabel),
        };
        let end = format!("-----END {label}-----");
        let (body, behind) = behind.split_once(&end).ok_or(PemError::NoBlock)?;
        let body: String = body.split_ascii_whitespace().collect();
        let der = STANDARD.decode(body).map_err(|_| PemError::Encoding)?;
        keys.push(if is_rsa { rsa(&der).ok_or(PemError::Encoding) } else { spki(&der) }?);
        rest = behind;
    }
    if keys.is_empty() { Err(PemError::NoBlock) } else { Ok(keys) }
}

/// `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
fn spki(der: &[u8]) -> Result<Value, PemError> {
    let parts = || {
        let mut rest = der;
        let mut info = der::take(&mut rest, der::SEQUENCE)?;
        let mut algorithm = der::take(&mut info, der::SEQUENCE)?;
        let name = der::take(&mut algorithm, der::OBJECT_IDENTIFIER)?;
        // A bit string says first how many of its bits do not count.
        let key = der::take(&mut info, der::BIT_STRING)?.strip_prefix(&[0])?;
        (rest.is_empty() && info.is_empty()).then_some((name, algorithm, key))
    };
    let (name, mut parameters, key) = parts().ok_or(PemError::Encoding)?;
    match name {
        der::RSA => rsa(key).ok_or(PemError::Encoding),
        der::EC => {
            let curve = der::take(&mut parameters, der::OBJECT_IDENTIFIER);
            elliptic(curve.unwrap_or_default(), key).ok_or(PemError::KeyUnsupported)
        }
        der::ED25519 => {
            Ok(json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(key) }))
        }
        _ => Err(PemError::KeyUnsupported),
    }
}

/// `RSAPublicKey` (RFC 8017 §A.1.1).
fn rsa(der: &[u8]) -> Option<Value> {
    let mut rest = der;
    let mut key = der::take(&mut rest, der::SEQUENCE)?;
    let n = der::take(&mut key, der::INTEGER)?;
    let e = der::take(&mut key, der::INTEGER)?;
    (rest.is_empty() && key.is_empty()).then(
        || json!({ "kty": "RSA", "n": URL_SAFE_NO_PAD.encode(n), "e": URL_SAFE_NO_PAD.encode(e) }),
    )
}

/// An uncompressed point (SEC 1 §2.3.3).
fn elliptic(curve: &[u8], point: &[u8]) -> Option<Value> {
    let named = [(Curve::P256, "P-256"), (Curve::P384, "P-384"), (Curve::P521, "P-521")];
    let (_, crv) = named.into_iter().find(|(known, _)| known.oid() == curve)?;
    let coordinates = point.strip_prefix(&[4])?;
    let (x, y) = coordinates.split_at_checked(coordinates.len() / 2)?;
    Some(json!({
        "kty": "EC", "crv": crv,
        "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
    }))
}

#[cfg(test)]
mod tests;
