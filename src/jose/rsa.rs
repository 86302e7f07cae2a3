//! RSA signatures, checked: the public half of RSA and nothing else (RFC 8017).
//!
//! General libraries do their arithmetic for 64-bit machines and for secrets, which takes ten times
//! as long in Wasm. Here key, signature and text are public: nothing in this module takes constant
//! time, and nothing that is secret may be handed to it.

use std::ops::RangeInclusive;

mod encoding;
mod montgomery;
pub(super) mod roca;

use montgomery::Modulus;

/// The lengths in bits of the moduli that are taken. Shorter ones are weak (RFC 7518 §3.3); longer
/// ones take more time than a stranger may be given.
pub const MODULUS_BITS: RangeInclusive<usize> = 2048..=8192;

/// An RSA public key (RFC 8017 §3.1), with all that depends on nothing but the key.
#[derive(Clone)]
pub struct RsaKey {
    modulus: Modulus,
    /// Odd, at least 3.
    exponent: u32,
}

/// Why two numbers are no RSA key that can be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RsaKeyError {
    /// A modulus of so many bits, which is not among [`MODULUS_BITS`].
    Bits(usize),
    /// An even modulus: no product of two large primes.
    Even,
    /// An exponent that is even, under 3 or over 2^32.
    Exponent,
}

/// How the hash of a text is made as long as the modulus.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RsaPadding {
    /// EMSA-PKCS1-v1_5 (RFC 8017 §9.2).
    Pkcs1,
    /// EMSA-PSS (RFC 8017 §9.1) as RFC 7518 §3.5 has it: MGF1 with the same hash, and a salt as
    /// long as the hash.
    Pss,
}

/// How a text is hashed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RsaHash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl RsaKey {
    /// Takes a modulus and an exponent, big-endian; zero bytes in front of them do not count.
    ///
    /// # Errors
    ///
    /// See [`RsaKeyError`].
    pub fn new(modulus: &[u8], exponent: &[u8]) -> Result<Self, RsaKeyError> {
        let modulus = without_leading_zeros(modulus);
        let bits = bit_length(modulus);
        if !MODULUS_BITS.contains(&bits) {
            return Err(RsaKeyError::Bits(bits));
        }
        if modulus.last().is_none_or(|byte| byte & 1 == 0) {
            return Err(RsaKeyError::Even);
        }
        let exponent = parse_exponent(exponent).ok_or(RsaKeyError::Exponent)?;
        Ok(Self { modulus: Modulus::new(modulus, bits), exponent })
    }

    /// The length of the modulus in bits.
    pub const fn bits(&self) -> usize {
        self.modulus.bits()
    }

    /// The length of the modulus, and so of every signature, in bytes.
    pub const fn bytes(&self) -> usize {
        self.bits().div_ceil(8)
    }

    /// Whether `signature` is this key's over the bytes `signed` (RFC 8017 §8.1.2, §8.2.2).
    pub fn verify(
        &self,
        padding: RsaPadding,
        hash: RsaHash,
        signed: &[u8],
        signature: &[u8],
    ) -> bool {
        let Some(encoded) = self.raise(signature) else { return false };
        match padding {
            RsaPadding::Pkcs1 => encoding::is_pkcs1(hash, &encoded, signed),
            RsaPadding::Pss => encoding::is_pss(hash, &encoded, self.bits(), signed),
        }
    }

    /// RSAVP1 (RFC 8017 §5.2.2): the signature to the power of e modulo n, as long as the modulus,
    /// big-endian.
    ///
    /// `None` where the signature is not as long as the modulus, or is no number under it.
    pub fn raise(&self, signature: &[u8]) -> Option<Vec<u8>> {
        if signature.len() != self.bytes() {
            return None;
        }
        self.modulus.power(signature, self.exponent)
    }
}

/// Reads an odd number from 3 to 2^32.
fn parse_exponent(exponent: &[u8]) -> Option<u32> {
    let bytes = without_leading_zeros(exponent);
    if bytes.len() > 4 {
        return None;
    }
    let exponent = bytes.iter().fold(0, |high, byte| (high << 8) | u32::from(*byte));
    (exponent >= 3 && exponent & 1 == 1).then_some(exponent)
}

pub(super) fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// The length in bits of a number without leading zero bytes.
fn bit_length(number: &[u8]) -> usize {
    let unused = number.first().map_or(0, |first| first.leading_zeros());
    let unused = usize::try_from(unused).unwrap_or(0);
    number.len().saturating_mul(8).saturating_sub(unused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(modulus: &[u8], exponent: &[u8]) -> Result<usize, RsaKeyError> {
        RsaKey::new(modulus, exponent).map(|key| key.bits())
    }

    #[test]
    fn a_key_is_an_odd_modulus_of_a_usual_size_and_an_odd_exponent() {
        let ones = |bits: usize| {
            let mut bytes = vec![0xff; bits.div_ceil(8)];
            bytes[0] >>= bits.next_multiple_of(8) - bits;
            bytes
        };
        let e = [1, 0, 1].as_slice();
        let even = [ones(2040), vec![0xfe]].concat();
        let zeros = [vec![0; 300], ones(2048)].concat();
        let cases: [(&str, &[u8], &[u8], _); 17] = [
            ("nothing", &[], e, Err(RsaKeyError::Bits(0))),
            ("zero", &[0; 256], e, Err(RsaKeyError::Bits(0))),
            ("a bit too short", &ones(2047), e, Err(RsaKeyError::Bits(2047))),
            ("the shortest", &ones(2048), e, Ok(2048)),
            ("of an odd size", &ones(2049), e, Ok(2049)),
            ("the longest", &ones(8192), e, Ok(8192)),
            ("a bit too long", &ones(8193), e, Err(RsaKeyError::Bits(8193))),
            ("zero bytes in front", &zeros, e, Ok(2048)),
            ("even", &even, e, Err(RsaKeyError::Even)),
            ("no exponent", &ones(2048), &[], Err(RsaKeyError::Exponent)),
            ("exponent 0", &ones(2048), &[0], Err(RsaKeyError::Exponent)),
            ("exponent 1", &ones(2048), &[1], Err(RsaKeyError::Exponent)),
            ("exponent 2", &ones(2048), &[2], Err(RsaKeyError::Exponent)),
            ("exponent 3, and zeros in front", &ones(2048), &[0, 0, 0, 0, 3], Ok(2048)),
            ("exponent 65536", &ones(2048), &[1, 0, 0], Err(RsaKeyError::Exponent)),
            ("the largest exponent", &ones(2048), &[0xff; 4], Ok(2048)),
            ("2^32 + 1", &ones(2048), &[1, 0, 0, 0, 1], Err(RsaKeyError::Exponent)),
        ];
        for (name, modulus, exponent, expected) in cases {
            assert_eq!(key(modulus, exponent), expected, "{name}");
        }
    }
}
