//! One key (RFC 7517 §4), checked so that nothing about it needs a second look later.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::algorithms::{Ed25519PublicKey, EdDSAPublicKeyLike as _};
use p256::elliptic_curve::point::AffineCoordinates;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{Origin, WhySkipped};
use crate::ids::Kid;
use crate::jose::alg::Alg;
use crate::jose::der::{self, Curve};
use crate::jose::rsa::roca::is_roca;
use crate::jose::rsa::{RsaKey, RsaKeyError, without_leading_zeros};
use crate::verdict::quoted;

/// A key that a signature can be checked with: a public one or, from the configuration alone, a
/// secret.
#[derive(Clone)]
pub struct PublicKey {
    material: Material,
    kid: Option<Kid>,
    alg: Option<Alg>,
    issuer: Option<Box<str>>,
    thumbprint: [u8; 32],
    spki: Option<Arc<[u8]>>,
}

/// The key itself, as the library beneath takes it.
#[derive(Clone)]
pub(in crate::jose) enum Material {
    /// Ed25519.
    Ed25519(ed25519_compact::PublicKey),
    /// P-256.
    P256(p256::ecdsa::VerifyingKey),
    /// P-384.
    P384(p384::ecdsa::VerifyingKey),
    /// P-521.
    P521(p521::ecdsa::VerifyingKey),
    /// RSA.
    Rsa(Arc<RsaKey>),
    /// A secret for HMAC, of at least 32 bytes.
    Secret(Arc<[u8]>),
}

/// What is odd about a number that is written too long or too short.
const ZEROS: &str = "has zero octets in front";
const SHORT: &str = "is shorter than its curve's field";

/// What the members of one type of key say.
struct Parts {
    material: Material,
    /// The members that make the thumbprint, as RFC 7638 §3 writes them.
    canonical: String,
    spki: Option<Arc<[u8]>>,
}

impl PublicKey {
    /// The key's ID.
    pub const fn kid(&self) -> Option<&Kid> {
        self.kid.as_ref()
    }

    /// The one algorithm that the key says it is for (RFC 7517 §4.4).
    pub const fn alg(&self) -> Option<Alg> {
        self.alg
    }

    /// The one issuer that the key says it is for, as written (Microsoft Entra ID): may hold
    /// `{tenantid}`.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// SHA-256 of the key itself (RFC 7638): the same whatever the key's ID and use. A secret's
    /// thumbprint is to be kept as the secret is (§7).
    pub const fn thumbprint(&self) -> &[u8; 32] {
        &self.thumbprint
    }

    /// Whether `alg` is for keys of this type and curve (RFC 8725 §3.1), and the key does not name
    /// another.
    pub fn fits(&self, alg: Alg) -> bool {
        self.material.fits(alg) && self.alg.is_none_or(|own| own == alg)
    }

    /// The key as `SubjectPublicKeyInfo` in DER (RFC 5280 §4.1.2.7), for those who check signatures
    /// outside; `None` for Ed25519 and secrets, which they do not take.
    pub fn spki_der(&self) -> Option<&[u8]> {
        self.spki.as_deref()
    }

    /// Type and size, for logs: `RSA 2048`, `P-256`, `Ed25519`.
    pub fn kind(&self) -> String {
        match &self.material {
            Material::Ed25519(_) => "Ed25519".into(),
            Material::P256(_) => "P-256".into(),
            Material::P384(_) => "P-384".into(),
            Material::P521(_) => "P-521".into(),
            Material::Rsa(key) => format!("RSA {}", key.bits()),
            Material::Secret(_) => "secret".into(),
        }
    }

    pub(in crate::jose) const fn material(&self) -> &Material {
        &self.material
    }

    /// Hash of all that this key is and may be used for.
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.thumbprint);
        let kid = self.kid.as_ref().map(Kid::as_str);
        for text in [kid, self.alg.map(Alg::name), self.issuer()] {
            // The length in front keeps one member from running into the next.
            let length = text.map_or(u64::MAX, |text| u64::try_from(text.len()).unwrap_or(0));
            hash.update(length.to_be_bytes());
            hash.update(text.unwrap_or_default());
        }
        hash.finalize().into()
    }

    /// Reads one entry of a key set; beside the key, what of it is written otherwise than it should be.
    pub(super) fn parse(
        entry: &Value,
        origin: Origin,
    ) -> Result<(Self, Option<Tolerated>), WhySkipped> {
        let jwk = Jwk {
            members: entry.as_object().ok_or(WhySkipped::NotAnObject)?,
            tolerated: Cell::new(None),
        };
        if !["n", "e", "x", "y", "k"].iter().any(|name| jwk.has(name)) && jwk.has("x5c") {
            return Err(WhySkipped::CertificateAlone);
        }
        let kid = match jwk.optional("kid")? {
            Some(kid) => Some(Kid::parse(kid).ok_or(WhySkipped::KidTooLong)?),
            None => None,
        };
        let kty = jwk.required("kty")?;
        if kty == "oct" && origin == Origin::Fetched {
            return Err(WhySkipped::Symmetric);
        }
        jwk.check_purpose()?;
        let alg = match jwk.optional("alg")? {
            Some(name) => {
                Some(Alg::parse(name).ok_or_else(|| WhySkipped::AlgorithmUnknown(quoted(name)))?)
            }
            None => None,
        };
        let issuer = match jwk.members.get("issuer") {
            None => None,
            Some(_) => Some(jwk.required("issuer")?.into()),
        };
        let Parts { material, canonical, spki } = match kty {
            "EC" => jwk.elliptic()?,
            "OKP" => jwk.edwards()?,
            "RSA" => jwk.rsa()?,
            "oct" => jwk.secret()?,
            _ => return Err(WhySkipped::TypeUnknown(quoted(kty))),
        };
        match alg {
            Some(alg) if !material.fits(alg) => Err(material.misfit(alg)),
            _ => {
                let thumbprint = Sha256::digest(canonical).into();
                let key = Self { material, kid, alg, issuer, thumbprint, spki };
                Ok((key, jwk.tolerated.get()))
            }
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey")
            .field("kind", &self.kind())
            .field("kid", &self.kid)
            .field("alg", &self.alg)
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

impl Material {
    fn fits(&self, alg: Alg) -> bool {
        match (self, alg) {
            (Self::Ed25519(_), Alg::EdDsa)
            | (Self::P256(_), Alg::Es256)
            | (Self::P384(_), Alg::Es384)
            | (Self::P521(_), Alg::Es512)
            | (
                Self::Rsa(_),
                Alg::Ps256 | Alg::Ps384 | Alg::Ps512 | Alg::Rs256 | Alg::Rs384 | Alg::Rs512,
            ) => true,
            // RFC 7518 §3.2: at least as long as the hash.
            (Self::Secret(secret), Alg::Hs256) => secret.len() >= 32,
            (Self::Secret(secret), Alg::Hs384) => secret.len() >= 48,
            (Self::Secret(secret), Alg::Hs512) => secret.len() >= 64,
            _ => false,
        }
    }

    /// Why the key is not one for an algorithm.
    fn misfit(&self, alg: Alg) -> WhySkipped {
        match self {
            Self::Secret(secret) if alg.is_symmetric() => WhySkipped::SecretShort(secret.len()),
            _ => WhySkipped::AlgorithmMismatch(alg),
        }
    }
}

/// How a member is written that is taken although it should be written otherwise (RFC 7518 §2, §6.2.1.2,
/// §6.3.1.1): its name, and what is odd about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tolerated(&'static str, &'static str);

impl fmt::Display for Tolerated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its `{}` {}", self.0, self.1)
    }
}

/// The members of an entry.
struct Jwk<'a> {
    members: &'a Map<String, Value>,
    /// The first that is tolerated.
    tolerated: Cell<Option<Tolerated>>,
}

impl<'a> Jwk<'a> {
    /// Whether a member says anything.
    fn has(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(|value| !is_nothing(value))
    }

    /// A string that counts as absent where nothing is in it.
    fn optional(&self, name: &'static str) -> Result<Option<&'a str>, WhySkipped> {
        if self.has(name) { self.required(name).map(Some) } else { Ok(None) }
    }

    /// A string that must be there, with something in it.
    fn required(&self, name: &'static str) -> Result<&'a str, WhySkipped> {
        match self.members.get(name) {
            None => Err(WhySkipped::MemberMissing(name)),
            Some(value) if is_nothing(value) => Err(WhySkipped::MemberEmpty(name)),
            Some(value) => value.as_str().ok_or(WhySkipped::MemberType(name)),
        }
    }

    fn tolerate(&self, name: &'static str, how: &'static str) {
        self.tolerated.set(self.tolerated.get().or(Some(Tolerated(name, how))));
    }

    /// What a member holds in base64url. Padding is tolerated where it is as long as RFC 4648 §3.2 has
    /// it; nothing else is.
    fn bytes(&self, name: &'static str) -> Result<Vec<u8>, WhySkipped> {
        let text = self.required(name)?;
        let bare = match text.strip_suffix("==").or_else(|| text.strip_suffix('=')) {
            Some(bare) if text.len().is_multiple_of(4) => {
                self.tolerate(name, "has padding (`=`)");
                bare
            }
            _ => text,
        };
        URL_SAFE_NO_PAD.decode(bare).map_err(|_| WhySkipped::MemberEncoding(name))
    }

    /// A number, big-endian and as short as can be (RFC 7518 §2: `Base64urlUInt`).
    fn number(&self, name: &'static str) -> Result<Vec<u8>, WhySkipped> {
        let bytes = self.bytes(name)?;
        let digits = without_leading_zeros(&bytes).to_vec();
        if digits.len() < bytes.len() {
            self.tolerate(name, ZEROS);
        }
        Ok(digits)
    }

    /// A coordinate, as long as its field. Shorter or longer ones are the same number.
    fn coordinate(&self, name: &'static str, length: usize) -> Result<Vec<u8>, WhySkipped> {
        let mut bytes = self.bytes(name)?;
        if bytes.len() != length {
            self.tolerate(name, if bytes.len() < length { SHORT } else { ZEROS });
            bytes = without_leading_zeros(&bytes).to_vec();
        }
        let missing = length.checked_sub(bytes.len()).ok_or(WhySkipped::MemberLength(name))?;
        bytes.splice(..0, std::iter::repeat_n(0, missing));
        Ok(bytes)
    }

    /// Is the key for verifying signatures (RFC 7517 §4.2, §4.3)?
    fn check_purpose(&self) -> Result<(), WhySkipped> {
        match self.optional("use")? {
            None | Some("sig") => {}
            Some(other) => return Err(WhySkipped::UseOther(quoted(other))),
        }
        match self.members.get("key_ops").filter(|value| !is_nothing(value)) {
            None => Ok(()),
            Some(Value::Array(operations)) if operations.iter().all(Value::is_string) => {
                let verify = operations.iter().any(|operation| operation == "verify");
                if verify { Ok(()) } else { Err(WhySkipped::OperationsWithoutVerify) }
            }
            Some(_) => Err(WhySkipped::MemberType("key_ops")),
        }
    }

    /// RFC 7518 §6.3.1.
    fn rsa(&self) -> Result<Parts, WhySkipped> {
        let (n, e) = (&self.number("n")?, &self.number("e")?);
        let key = RsaKey::new(n, e).map_err(|error| match error {
            RsaKeyError::Bits(bits) => WhySkipped::RsaBits(bits),
            RsaKeyError::Even => WhySkipped::RsaEven,
            RsaKeyError::Exponent => WhySkipped::RsaExponent,
        })?;
        if is_roca(n) {
            return Err(WhySkipped::RsaFactorable);
        }
        let spki = Some(der::rsa_spki(n, e).into());
        let (n, e) = (URL_SAFE_NO_PAD.encode(n), URL_SAFE_NO_PAD.encode(e));
        let canonical = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
        Ok(Parts { material: Material::Rsa(Arc::new(key)), canonical, spki })
    }

    /// RFC 7518 §6.2.1.
    fn elliptic(&self) -> Result<Parts, WhySkipped> {
        let crv = self.required("crv")?;
        let (curve, length) = match crv {
            "P-256" => (Curve::P256, 32),
            "P-384" => (Curve::P384, 48),
            "P-521" => (Curve::P521, 66),
            _ => return Err(WhySkipped::CurveUnknown(quoted(crv))),
        };
        let (x, y) = (self.coordinate("x", length)?, self.coordinate("y", length)?);
        // SEC 1 §2.3.3: an uncompressed point.
        let point = [&[4], x.as_slice(), y.as_slice()].concat();
        let material = match curve {
            Curve::P256 => on_curve(&x, &y)
                .and_then(|point| p256::ecdsa::VerifyingKey::from_affine(point).ok())
                .map(Material::P256),
            Curve::P384 => on_curve(&x, &y)
                .and_then(|point| p384::ecdsa::VerifyingKey::from_affine(point).ok())
                .map(Material::P384),
            Curve::P521 => on_curve(&x, &y)
                .and_then(|point| p521::ecdsa::VerifyingKey::from_affine(point).ok())
                .map(Material::P521),
        }
        .ok_or(WhySkipped::PointInvalid)?;
        let spki = Some(der::ec_spki(curve, &point).into());
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let canonical = format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#);
        Ok(Parts { material, canonical, spki })
    }

    /// RFC 8037 §2; only Ed25519, the other curves are for key agreement or rare. Its `x` is no number.
    fn edwards(&self) -> Result<Parts, WhySkipped> {
        let crv = self.required("crv")?;
        if crv != "Ed25519" {
            return Err(WhySkipped::CurveUnknown(quoted(crv)));
        }
        let x = self.bytes("x")?;
        if x.len() != ed25519_compact::PublicKey::BYTES {
            return Err(WhySkipped::MemberLength("x"));
        }
        let key = Ed25519PublicKey::from_bytes(&x).map_err(|_| WhySkipped::PointInvalid)?;
        let x = URL_SAFE_NO_PAD.encode(x);
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        let material = Material::Ed25519(*key.public_key().as_ref());
        Ok(Parts { material, canonical, spki: None })
    }

    /// RFC 7518 §6.4.1. Zero bytes in front count: this is no number.
    fn secret(&self) -> Result<Parts, WhySkipped> {
        let secret = self.bytes("k")?;
        let canonical = format!(r#"{{"k":"{}","kty":"oct"}}"#, URL_SAFE_NO_PAD.encode(&secret));
        let material = Material::Secret(secret.into());
        // What is too short for the shortest hash is too short for all.
        if !material.fits(Alg::Hs256) {
            return Err(material.misfit(Alg::Hs256));
        }
        Ok(Parts { material, canonical, spki: None })
    }
}

/// The point with these coordinates, unless it is not on the curve. From an encoding of SEC 1 the library
/// would make keys, too, but with the code for compressed points, which a JWK does not have (12 KB).
fn on_curve<P: AffineCoordinates>(x: &[u8], y: &[u8]) -> Option<P>
where
    for<'a> &'a P::FieldRepr: TryFrom<&'a [u8]>,
{
    P::from_coordinates(x.try_into().ok()?, y.try_into().ok()?).into_option()
}

/// Whether an entry of an asymmetric type has one of its private members (RFC 7518 §6.2.2, §6.3.2).
pub(super) fn is_private(entry: &Value) -> bool {
    let symmetric = entry.get("kty").is_some_and(|kty| kty == "oct");
    let private = ["d", "p", "q", "dp", "dq", "qi", "oth"];
    let shows = |name: &&str| entry.get(name).is_some_and(|value| !is_nothing(value));
    !symmetric && private.iter().any(shows)
}

/// The key ID of an entry that need not be usable.
pub(super) fn kid_for_logs(entry: &Value) -> Option<Kid> {
    let kid = entry.get("kid").filter(|kid| !is_nothing(kid));
    kid.and_then(Value::as_str).and_then(Kid::parse)
}

/// Whether a member is written and holds nothing, as some providers write what they leave out.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        _ => false,
    }
}
