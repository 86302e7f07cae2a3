//! Who checks signatures: the module itself, or whoever else implements [`Verifier`].

use hmac::{Hmac, KeyInit, Mac};
use hmac_sha512::sha384;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use sha2::Sha256;

use crate::jose::alg::Alg;
use crate::jose::jwk::{Material, PublicKey};
use crate::jose::rsa::{RsaHash, RsaKey, RsaPadding};

/// The signature is not by this key with this algorithm; there is no more to say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BadSignature;

/// Checks signatures, and judges nothing else.
pub trait Verifier {
    /// Checks that `signature` is `key`'s with `alg` over the bytes `signed` (RFC 7515 §5.2).
    ///
    /// An implementation calls [`well_formed`] first, so that what is refused without any
    /// arithmetic is the same for all.
    ///
    /// # Errors
    ///
    /// [`BadSignature`] where it is not, or where `alg` is not for such a key.
    fn verify(
        &self,
        key: &PublicKey,
        alg: Alg,
        signed: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature>;

    /// Whether it is the host that checks what it can check.
    fn is_host(&self) -> bool {
        false
    }

    /// Whether it is the host that checks signatures of this key with this algorithm.
    fn is_host_for(&self, _key: &PublicKey, _alg: Alg) -> bool {
        false
    }
}

/// What every [`Verifier`] asks first: does the algorithm fit the key, and is the signature exactly
/// as long as the two make it?
///
/// A signature is raw: r and s for ECDSA (RFC 7518 §3.4), R and S for Ed25519 (RFC 8032 §5.1.6), as
/// many bytes as the modulus for RSA (RFC 8017 §8.1.2, §8.2.2), as many as the hash for HMAC (RFC
/// 7518 §3.2). DER, a missing or an additional zero byte is refused.
///
/// # Errors
///
/// [`BadSignature`] where not.
pub fn well_formed(key: &PublicKey, alg: Alg, signature: &[u8]) -> Result<(), BadSignature> {
    let length = match key.material() {
        Material::Ed25519(_) | Material::P256(_) => 64,
        Material::P384(_) => 96,
        Material::P521(_) => 132,
        Material::Rsa(key) => key.bytes(),
        Material::Secret(_) => match alg {
            Alg::Hs256 => 32,
            Alg::Hs384 => 48,
            Alg::Hs512 => 64,
            _ => return Err(BadSignature),
        },
    };
    if key.fits(alg) && signature.len() == length { Ok(()) } else { Err(BadSignature) }
}

/// About how long it takes to check a signature of this key in the module's own code, in microseconds;
/// 0 where [`well_formed`] refuses it without any arithmetic.
pub fn cost(key: &PublicKey, alg: Alg, signature: &[u8]) -> u32 {
    if well_formed(key, alg, signature).is_err() {
        return 0;
    }
    match key.material() {
        Material::Secret(_) => 10,
        Material::Ed25519(_) => 400,
        Material::P256(_) => 800,
        Material::P384(_) | Material::P521(_) => 5000,
        Material::Rsa(key) => {
            // It grows with the square of the modulus.
            let kilobits = u32::try_from(key.bits() / 1024).unwrap_or(u32::MAX);
            kilobits.saturating_mul(kilobits).saturating_mul(35)
        }
    }
}

/// The signature check in the module's own code, which every host can run.
#[derive(Clone, Copy, Debug)]
pub struct InWasm;

impl Verifier for InWasm {
    fn verify(
        &self,
        key: &PublicKey,
        alg: Alg,
        signed: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        well_formed(key, alg, signature)?;
        match key.material() {
            Material::Ed25519(key) => ed25519(key, signed, signature),
            Material::P256(key) => p256::ecdsa::Signature::from_slice(signature)
                .and_then(|signature| key.verify(signed, &signature))
                .map_err(|_| BadSignature),
            Material::P384(key) => p384::ecdsa::Signature::from_slice(signature)
                .and_then(|signature| key.verify_prehash(&sha384::Hash::hash(signed), &signature))
                .map_err(|_| BadSignature),
            Material::P521(key) => p521::ecdsa::Signature::from_slice(signature)
                .and_then(|signature| {
                    key.verify_prehash(&hmac_sha512::Hash::hash(signed), &signature)
                })
                .map_err(|_| BadSignature),
            Material::Rsa(key) => rsa(key, alg, signed, signature),
            Material::Secret(secret) => match alg {
                Alg::Hs256 => hmac_sha256(secret, signed, signature),
                Alg::Hs384 => signature.try_into().is_ok_and(|expected: &[u8; 48]| {
                    sha384::HMAC::verify(signed, secret, expected)
                }),
                Alg::Hs512 => signature.try_into().is_ok_and(|expected: &[u8; 64]| {
                    hmac_sha512::HMAC::verify(signed, secret, expected)
                }),
                _ => false,
            }
            .then_some(())
            .ok_or(BadSignature),
        }
    }
}

/// RFC 8032 §5.1.7. The library refuses S ≥ L, encodings that are not canonical, and a key or an R
/// of small order.
fn ed25519(
    key: &ed25519_compact::PublicKey,
    signed: &[u8],
    signature: &[u8],
) -> Result<(), BadSignature> {
    ed25519_compact::Signature::from_slice(signature)
        .and_then(|signature| key.verify(signed, &signature))
        .map_err(|_| BadSignature)
}

/// RFC 2104. The comparison takes the same time wherever the first difference is, so that no
/// signature can be found byte by byte; so does that of the other two hashes.
fn hmac_sha256(secret: &[u8], signed: &[u8], signature: &[u8]) -> bool {
    Hmac::<Sha256>::new_from_slice(secret)
        .is_ok_and(|mac| mac.chain_update(signed).verify_slice(signature).is_ok())
}

/// RFC 8017 §8.1.2 and §8.2.2.
fn rsa(key: &RsaKey, alg: Alg, signed: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
    let (padding, hash) = match alg {
        Alg::Ps256 => (RsaPadding::Pss, RsaHash::Sha256),
        Alg::Ps384 => (RsaPadding::Pss, RsaHash::Sha384),
        Alg::Ps512 => (RsaPadding::Pss, RsaHash::Sha512),
        Alg::Rs256 => (RsaPadding::Pkcs1, RsaHash::Sha256),
        Alg::Rs384 => (RsaPadding::Pkcs1, RsaHash::Sha384),
        Alg::Rs512 => (RsaPadding::Pkcs1, RsaHash::Sha512),
        _ => return Err(BadSignature),
    };
    if key.verify(padding, hash, signed, signature) { Ok(()) } else { Err(BadSignature) }
}

#[cfg(test)]
mod tests;
