//! What a good signature holds (RFC 8017 §9): the hash of the text, made as long as the modulus.

use hmac_sha512::{Hash as Sha512, sha384::Hash as Sha384};
use sha2::{Digest as _, Sha256};

use super::RsaHash;

impl RsaHash {
    /// The DER of `DigestInfo` up to the hash itself (RFC 8017 §9.2, note 1).
    const fn digest_info(self) -> [u8; 19] {
        match self {
            Self::Sha256 => digest_info(1, 32),
            Self::Sha384 => digest_info(2, 48),
            Self::Sha512 => digest_info(3, 64),
        }
    }

    /// How long a hash is.
    const fn bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The hash of some parts, one behind the other.
    fn of(self, parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Sha256 => {
                let mut hash = Sha256::new();
                parts.iter().for_each(|part| hash.update(part));
                hash.finalize().to_vec()
            }
            Self::Sha384 => {
                let mut hash = Sha384::new();
                parts.iter().for_each(|part| hash.update(part));
                hash.finalize().to_vec()
            }
            Self::Sha512 => {
                let mut hash = Sha512::new();
                parts.iter().for_each(|part| hash.update(part));
                hash.finalize().to_vec()
            }
        }
    }
}

/// `SEQUENCE { SEQUENCE { OBJECT IDENTIFIER 2.16.840.1.101.3.4.2.<algorithm>, NULL }, OCTET STRING }`
/// for a hash of so many bytes, which is all that the three differ in.
const fn digest_info(algorithm: u8, bytes: u8) -> [u8; 19] {
    let length = bytes.saturating_add(17);
    let oid = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
    let [a, b, c, d, e, f, g, h] = oid;
    [0x30, length, 0x30, 13, 6, 9, a, b, c, d, e, f, g, h, algorithm, 5, 0, 4, bytes]
}

/// Whether `encoded` is EMSA-PKCS1-v1_5 of a text (§9.2).
///
/// The one right encoding is built and compared whole. Nothing is parsed: parsers have taken
/// signatures that nobody made (CVE-2006-4339).
pub(super) fn is_pkcs1(hash: RsaHash, encoded: &[u8], signed: &[u8]) -> bool {
    let tail = [&[0], hash.digest_info().as_slice(), &hash.of(&[signed])].concat();
    let mut expected = vec![0xff; encoded.len().saturating_sub(tail.len())];
    for (byte, marker) in expected.iter_mut().zip([0, 1]) {
        *byte = marker;
    }
    expected.extend(tail);
    encoded == expected
}

/// Whether `encoded`, as long as a modulus of so many bits, is EMSA-PSS of a text with a salt as
/// long as the hash (§9.1.2).
pub(super) fn is_pss(kind: RsaHash, encoded: &[u8], modulus_bits: usize, signed: &[u8]) -> bool {
    // §8.2.2, step 2c: the encoding is a bit shorter than the modulus, so that after a modulus of
    // 8k + 1 bits it lacks a byte, which has to be 0.
    let bits = modulus_bits.saturating_sub(1);
    let (head, message) = encoded.split_at(encoded.len().saturating_sub(bits.div_ceil(8)));
    if head.iter().any(|byte| *byte != 0) {
        return false;
    }
    // Step 4 and 5. Step 3 cannot fail: the shortest modulus has room for the longest hash.
    let Some((0xbc, message)) = message.split_last().map(|(last, rest)| (*last, rest)) else {
        return false;
    };
    let hash_bytes = kind.bytes();
    let Some((masked, hash)) = message.split_at_checked(message.len().wrapping_sub(hash_bytes))
    else {
        return false;
    };
    // Step 6: the bits that are not the encoding's.
    let unused = u32::try_from(bits.next_multiple_of(8).wrapping_sub(bits)).unwrap_or_default();
    let used: u8 = 0xff_u8.wrapping_shr(unused);
    if masked.first().is_none_or(|first| first & !used != 0) {
        return false;
    }
    // Steps 7 to 9.
    let mut data: Vec<u8> =
        masked.iter().zip(mask(kind, hash)).map(|(masked, mask)| masked ^ mask).collect();
    if let Some(first) = data.first_mut() {
        *first &= used;
    }
    // Steps 10 and 11: zeros, a one, the salt.
    let Some((padding, salt)) = data.split_at_checked(data.len().wrapping_sub(hash_bytes)) else {
        return false;
    };
    if !padding
        .split_last()
        .is_some_and(|(last, zeros)| *last == 1 && zeros.iter().all(|b| *b == 0))
    {
        return false;
    }
    // Steps 12 to 14.
    hash == kind.of(&[&[0; 8], &kind.of(&[signed]), salt])
}

/// MGF1 (§B.2.1), without end.
fn mask(kind: RsaHash, seed: &[u8]) -> impl Iterator<Item = u8> {
    let block = move |counter: u32| kind.of(&[seed, &counter.to_be_bytes()]);
    (0..=u32::MAX).flat_map(block)
}
