//! The other spelling of a token: whoever holds an ECDSA signature (r, s) also holds (r, n − s), which
//! is as good, without the key. RFC 7518 §3.4 prefers neither, and signers write both.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::alg::Alg;

/// The order n of the group of P-256 (SEC 2 §2).
const P256: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The order n of the group of P-384 (SEC 2 §2).
const P384: [u8; 48] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf,
    0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
];

/// The order n of the group of P-521 (SEC 2 §2).
const P521: [u8; 66] = [
    0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xfa, 0x51, 0x86, 0x87, 0x83, 0xbf, 0x2f, 0x96, 0x6b, 0x7f, 0xcc, 0x01, 0x48, 0xf7, 0x09,
    0xa5, 0xd0, 0x3b, 0xb5, 0xc9, 0xb8, 0x89, 0x9c, 0x47, 0xae, 0xbb, 0x6f, 0xb7, 0x1e, 0x91, 0x38,
    0x64, 0x09,
];

/// The token's twin; `None` where the algorithm makes none, or the form is not the algorithm's.
pub fn of(token: &[u8], alg: Alg) -> Option<Vec<u8>> {
    let order: &[u8] = match alg {
        Alg::Es256 => &P256,
        Alg::Es384 => &P384,
        Alg::Es512 => &P521,
        _ => return None,
    };
    let dot = token.iter().rposition(|byte| *byte == b'.')?;
    let (signed, signature) = token.split_at_checked(dot.checked_add(1)?)?;
    let mut signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let (_, s) = signature.split_at_mut_checked(order.len())?;
    negate(s, order)?;
    Some([signed, URL_SAFE_NO_PAD.encode(signature).as_bytes()].concat())
}

/// Makes n − s of s; `None` where they are not equally long, or s is larger.
fn negate(s: &mut [u8], order: &[u8]) -> Option<()> {
    let mut borrow = false;
    (s.len() == order.len()).then_some(())?;
    for (digit, of_order) in s.iter_mut().zip(order).rev() {
        let (difference, under) = of_order.overflowing_sub(*digit);
        let (difference, under_again) = difference.overflowing_sub(u8::from(borrow));
        (*digit, borrow) = (difference, under || under_again);
    }
    (!borrow).then_some(())
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "numbers of the curve's field")]
mod tests {
    use p256::ecdsa::signature::Signer as _;

    use super::*;

    /// Signs with the key 1, and negates s as the library does.
    macro_rules! twins {
        ($curve:ident, $bytes:expr, $alg:expr) => {{
            let mut secret = [0; $bytes];
            secret[$bytes - 1] = 1;
            let key = $curve::ecdsa::SigningKey::from_slice(&secret).unwrap();
            for number in 0..20 {
                let signed = format!("header.payload{number}");
                let signature: $curve::ecdsa::Signature = key.sign(signed.as_bytes());
                let (r, s) = signature.split_scalars();
                let other = $curve::ecdsa::Signature::from_scalars(r, -s).unwrap();
                let token = |signature: &$curve::ecdsa::Signature| {
                    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
                };
                let (one, other) = (token(&signature), token(&other));
                assert_eq!(of(one.as_bytes(), $alg), Some(other.clone().into_bytes()));
                assert_eq!(of(other.as_bytes(), $alg), Some(one.into_bytes()));
            }
        }};
    }

    #[test]
    fn a_twin_has_the_other_s() {
        twins!(p256, 32, Alg::Es256);
        twins!(p384, 48, Alg::Es384);
        twins!(p521, 66, Alg::Es512);
    }

    #[test]
    fn what_has_no_twin_gets_none() {
        let of_length =
            |length, byte| format!("h.p.{}", URL_SAFE_NO_PAD.encode(vec![byte; length]));
        let cases = [
            ("another algorithm", of_length(64, 1), Alg::Es384),
            ("no curve", of_length(64, 1), Alg::EdDsa),
            ("too short", of_length(31, 1), Alg::Es256),
            ("too long", of_length(65, 1), Alg::Es256),
            ("larger than n", of_length(64, 0xff), Alg::Es256),
            ("no base64", "h.p.!".to_owned(), Alg::Es256),
            ("no dot", String::new(), Alg::Es256),
        ];
        for (name, token, alg) in cases {
            assert_eq!(of(token.as_bytes(), alg), None, "{name}");
        }
    }
}
