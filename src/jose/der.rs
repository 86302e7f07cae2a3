//! The few things that are written in DER (X.690): public keys and ECDSA signatures, as other
//! libraries take them; and how an element of a public key from the configuration is read.

/// 1.2.840.113549.1.1.1, `rsaEncryption` (RFC 3279 §2.3.1).
pub(super) const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// 1.2.840.10045.2.1, `id-ecPublicKey` (RFC 5480 §2.1.1).
pub(super) const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

/// 1.3.101.112, `id-Ed25519` (RFC 8410 §3).
pub(super) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// The object identifier of a curve (RFC 5480 §2.1.1.1).
#[derive(Clone, Copy, Debug)]
pub(super) enum Curve {
    /// 1.2.840.10045.3.1.7.
    P256,
    /// 1.3.132.0.34.
    P384,
    /// 1.3.132.0.35.
    P521,
}

impl Curve {
    pub(super) const fn oid(self) -> &'static [u8] {
        match self {
            Self::P256 => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
            Self::P384 => &[0x2b, 0x81, 0x04, 0x00, 0x22],
            Self::P521 => &[0x2b, 0x81, 0x04, 0x00, 0x23],
        }
    }
}

/// `SubjectPublicKeyInfo` of an RSA key (RFC 3279 §2.3.1) from its numbers, big-endian.
pub(super) fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let key = sequence(&[integer(modulus), integer(exponent)]);
    let null = element(0x05, &[]);
    spki(&[element(OBJECT_IDENTIFIER, RSA), null], &key)
}

/// `SubjectPublicKeyInfo` of a point on a curve (RFC 5480 §2), uncompressed (SEC 1 §2.3.3).
pub(super) fn ec_spki(curve: Curve, point: &[u8]) -> Vec<u8> {
    let algorithm = [element(OBJECT_IDENTIFIER, EC), element(OBJECT_IDENTIFIER, curve.oid())];
    spki(&algorithm, point)
}

/// `ECDSA-Sig-Value` (RFC 3279 §2.2.3) of an ECDSA signature that is r and s, each as long as the
/// curve's order (RFC 7518 §3.4).
///
/// Takes what [`well_formed`](super::verify::well_formed) has let pass: of another length, any
/// result is as wrong as what went in.
pub fn ecdsa_der(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(signature.len() / 2);
    sequence(&[integer(r), integer(s)])
}

/// Takes the element of this tag off the front: its contents. Lengths are written as short as they
/// can be (X.690 §10.1); `None` for everything else.
pub(super) fn take<'d>(rest: &mut &'d [u8], tag: u8) -> Option<&'d [u8]> {
    let (&[found, first], behind) = rest.split_first_chunk()?;
    let (length, behind) = match first {
        0..0x80 => (usize::from(first), behind),
        _ => {
            let (digits, behind) = behind.split_at_checked(usize::from(first & 0x7f))?;
            let shortest = digits.first().is_some_and(|digit| *digit != 0) && digits.len() <= 2;
            let length =
                digits.iter().fold(0_usize, |length, digit| length << 8 | usize::from(*digit));
            (shortest && length >= 0x80).then_some((length, behind))?
        }
    };
    let (contents, behind) = behind.split_at_checked(length)?;
    (found == tag).then(|| {
        *rest = behind;
        contents
    })
}

/// An ECDSA signature on P-256 as JWS has it (RFC 7518 §3.4), from `ECDSA-Sig-Value`: r and s, 32 bytes
/// each.
pub(super) fn ecdsa_fixed(der: &[u8]) -> Option<Vec<u8>> {
    let mut rest = der;
    let mut numbers = take(&mut rest, SEQUENCE)?;
    let mut fixed = Vec::with_capacity(64);
    for _ in 0..2 {
        let number = take(&mut numbers, INTEGER)?;
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        let digits = number.get(zeros..)?;
        fixed.extend(std::iter::repeat_n(0, 32_usize.checked_sub(digits.len())?));
        fixed.extend_from_slice(digits);
    }
    (rest.is_empty() && numbers.is_empty()).then_some(fixed)
}

/// The tag of a bit string.
pub(super) const BIT_STRING: u8 = 0x03;
/// The tag of a number.
pub(super) const INTEGER: u8 = 0x02;
/// The tag of bytes.
pub(super) const OCTET_STRING: u8 = 0x04;
/// The tag of an object identifier.
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
/// The tag of a sequence.
pub(super) const SEQUENCE: u8 = 0x30;

fn spki(algorithm: &[Vec<u8>], key: &[u8]) -> Vec<u8> {
    // A bit string says first how many of its bits do not count.
    let key = element(BIT_STRING, &[&[0], key].concat());
    sequence(&[sequence(algorithm), key])
}

fn sequence(elements: &[Vec<u8>]) -> Vec<u8> {
    element(SEQUENCE, &elements.concat())
}

/// A number that is not negative, from its big-endian bytes (X.690 §8.3): as short as can be, with a
/// zero byte in front where its first bit would be a sign.
fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let digits = number.get(zeros..).unwrap_or_default();
    let signed = digits.first().is_none_or(|first| first & 0x80 != 0);
    let sign: &[u8] = if signed { &[0] } else { &[] };
    element(INTEGER, &[sign, digits].concat())
}

/// Tag, length (X.690 §8.1.3), contents.
fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len().to_be_bytes();
    let zeros = length.iter().take_while(|byte| **byte == 0).count();
    let digits = length.get(zeros..).unwrap_or_default();
    let mut element = vec![tag];
    match digits {
        [] => element.push(0),
        [short] if *short < 0x80 => element.push(*short),
        long => {
            element.push(0x80 | u8::try_from(long.len()).unwrap_or_default());
            element.extend(long);
        }
    }
    element.extend(contents);
    element
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_short_as_can_be() {
        let cases: [(&str, &[u8], &[u8]); 6] = [
            ("nothing is 0", &[], &[2, 1, 0]),
            ("0", &[0, 0, 0], &[2, 1, 0]),
            ("127", &[0, 127], &[2, 1, 127]),
            ("128 would be negative", &[128], &[2, 2, 0, 128]),
            ("zeros in front", &[0, 0, 1, 2], &[2, 2, 1, 2]),
            ("a zero that counts", &[0, 0xff, 0], &[2, 3, 0, 0xff, 0]),
        ];
        for (name, number, expected) in cases {
            assert_eq!(integer(number), expected, "{name}");
        }
    }

    #[test]
    fn lengths_take_the_bytes_they_need() {
        let cases: [(usize, &[u8]); 6] = [
            (0, &[4, 0]),
            (127, &[4, 127]),
            (128, &[4, 0x81, 128]),
            (255, &[4, 0x81, 255]),
            (256, &[4, 0x82, 1, 0]),
            (65_536, &[4, 0x83, 1, 0, 0]),
        ];
        for (length, head) in cases {
            assert_eq!(element(4, &vec![7; length]), [head, &vec![7; length]].concat(), "{length}");
        }
    }

    #[test]
    fn a_signature_of_any_length_is_written_without_panic() {
        for length in 0..300 {
            let der = ecdsa_der(&vec![0xff; length]);
            assert_eq!(der.first(), Some(&0x30), "{length}");
        }
    }
}
