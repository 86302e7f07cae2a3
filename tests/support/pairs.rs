//! Keys of our own, and signatures by them that are right, malleable or wrong.
//!
//! Who forges here has the private key: what is refused is refused for its form alone.

#![allow(dead_code, reason = "each test crate takes what it needs")]

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p521::ecdsa::signature::Signer as _;
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::rand_core::{CryptoRng, Error, RngCore, impls};
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use rsa::{BigUint, RsaPrivateKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

pub(crate) fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The RSA key `r1`, the same in every run: what comes of it is recorded.
pub(crate) fn rsa() -> &'static RsaPrivateKey {
    static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
    KEY.get_or_init(|| RsaPrivateKey::new(&mut Hashes(0), 2048).unwrap())
}

/// The hashes of 1, 2, 3 and so on: no secret, and good enough to look for primes.
struct Hashes(u64);

impl RngCore for Hashes {
    fn next_u32(&mut self) -> u32 {
        impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        self.0 += 1;
        let hash = Sha256::digest(self.0.to_be_bytes());
        hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        impls::fill_bytes_via_next(self, bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Hashes {}

pub(crate) fn rsa_jwk(kid: &str) -> Value {
    let (n, e) = (rsa().n().to_bytes_be(), rsa().e().to_bytes_be());
    json!({ "kty": "RSA", "alg": "RS256", "kid": kid, "n": encoded(n), "e": encoded(e) })
}

/// A signature of `r1` by PKCS #1 v1.5 with SHA-256.
pub(crate) fn rsa_signature(signed: &[u8]) -> Vec<u8> {
    rsa().sign(Pkcs1v15Sign::new::<rsa::sha2::Sha256>(), &sha256(signed)).unwrap()
}

/// What `r1` makes of an encoding, right or wrong: a signature by whoever has the key.
pub(crate) fn rsa_raw(encoded: &[u8]) -> Vec<u8> {
    let power = BigUint::from_bytes_be(encoded).modpow(rsa().d(), rsa().n()).to_bytes_be();
    [vec![0; 256 - power.len()], power].concat()
}

/// The P-256 key `e1`, and one that is not in the set.
pub(crate) fn p256(seed: u8) -> p256::ecdsa::SigningKey {
    p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap()
}

pub(crate) fn p256_jwk(kid: &str) -> Value {
    let point = p256(1).verifying_key().to_sec1_point(false);
    let (x, y) = point.as_bytes()[1..].split_at(32);
    json!({ "kty": "EC", "crv": "P-256", "kid": kid, "x": encoded(x), "y": encoded(y) })
}

/// A signature of `e1`.
pub(crate) fn p256_signature(signed: &[u8]) -> p256::ecdsa::Signature {
    p256(1).sign(signed)
}

/// The P-384 key `e2`.
pub(crate) fn p384() -> p384::ecdsa::SigningKey {
    p384::ecdsa::SigningKey::from_slice(&[1; 48]).unwrap()
}

pub(crate) fn p384_jwk(kid: &str) -> Value {
    let point = p384().verifying_key().to_sec1_point(false);
    let (x, y) = point.as_bytes()[1..].split_at(48);
    json!({ "kty": "EC", "crv": "P-384", "kid": kid, "x": encoded(x), "y": encoded(y) })
}

/// The P-521 key `e3`.
pub(crate) fn p521() -> p521::ecdsa::SigningKey {
    p521::ecdsa::SigningKey::from_slice(&[vec![0], vec![1; 65]].concat()).unwrap()
}

pub(crate) fn p521_jwk(kid: &str) -> Value {
    let point = p521().verifying_key().to_sec1_point(false);
    let (x, y) = point.as_bytes()[1..].split_at(66);
    json!({ "kty": "EC", "crv": "P-521", "kid": kid, "x": encoded(x), "y": encoded(y) })
}

/// SHA-256 of a text.
pub(crate) fn sha256(text: &[u8]) -> Vec<u8> {
    Sha256::digest(text).to_vec()
}

/// The order of P-256's group (SEC 2 §2.4.2).
pub(crate) const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
    0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// `DigestInfo` up to the hash (RFC 8017 §9.2, note 1).
pub(crate) const SHA1_INFO: [u8; 15] =
    [0x30, 0x21, 0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0, 4, 20];
pub(crate) const SHA256_INFO: [u8; 19] =
    [0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];
pub(crate) const SHA512_INFO: [u8; 19] =
    [0x30, 0x51, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3, 5, 0, 4, 0x40];

/// An encoding for `r1` (RFC 8017 §9.2): these two bytes, so much padding that it fills the
/// modulus, this behind the zero.
pub(crate) fn encoding(head: [u8; 2], behind: &[u8]) -> Vec<u8> {
    [&head[..], &vec![0xff; 256 - 3 - behind.len()], &[0], behind].concat()
}

/// Encodings that are not the one of this text: two hundred of them.
pub(crate) fn wrong_encodings(text: &[u8]) -> Vec<Vec<u8>> {
    let info = [&SHA256_INFO[..], &sha256(text)].concat();
    let right = encoding([0, 1], &info);
    let filled = |mut head: Vec<u8>| {
        head.resize(256, 0);
        head
    };
    let without_null =
        [&[0x30, 0x2f, 0x30, 0x0b][..], &SHA256_INFO[4..15], &[4, 0x20], &sha256(text)].concat();
    let long_length = [&[0x30, 0x81, 0x31][..], &info[2..]].concat();
    let mut all = vec![
        encoding([0, 0], &info),
        encoding([0, 2], &info),
        encoding([0, 1], &without_null),
        encoding([0, 1], &long_length),
        encoding([0, 1], &sha256(text)),
        encoding([0, 1], &[]),
        // Bleichenbacher's, of 2006: little padding, and what fits behind the hash.
        filled([&[0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0][..], &info].concat()),
        filled([&[0, 1, 0][..], &info].concat()),
    ];
    // One bit of the right one changed, everywhere but in the first byte, which must not grow.
    all.extend((0..192).map(|nth| {
        let mut wrong = right.clone();
        wrong[1 + nth * 255 / 192] ^= 1 << (nth % 8);
        wrong
    }));
    assert_eq!(all.len(), 200);
    all
}

/// What might stand for a signature with this algorithm over this text, and whether it is one.
pub(crate) fn signatures(alg: &str, text: &[u8]) -> Vec<(Vec<u8>, bool)> {
    match alg {
        "RS256" => {
            let right = rsa_signature(text);
            let wrong = wrong_encodings(text).into_iter().map(|one| rsa_raw(&one));
            let beyond = (BigUint::from_bytes_be(&right) + rsa().n()).to_bytes_be();
            let others = [rsa().n().to_bytes_be(), vec![0; 256], vec![0xff; 256], beyond];
            let of_sha1 =
                rsa_raw(&encoding([0, 1], &[&SHA1_INFO[..], &sha256(text)[..20]].concat()));
            let wrong = wrong.chain(others).chain([of_sha1, rs512_signature(text)]);
            [(right, true)].into_iter().chain(wrong.map(|one| (one, false))).collect()
        }
        "RS384" => vec![
            (
                rsa()
                    .sign(Pkcs1v15Sign::new::<rsa::sha2::Sha384>(), &Sha384::digest(text))
                    .unwrap(),
                true,
            ),
            (rsa_signature(text), false),
            (rs512_signature(text), false),
        ],
        "RS512" => vec![(rs512_signature(text), true), (rsa_signature(text), false)],
        "ES256" => {
            let signature = p256_signature(text);
            let (r, s) = signature.split_scalars();
            let twin = p256::ecdsa::Signature::from_scalars(r, -s).unwrap();
            let mut all = ecdsa(&signature.to_bytes(), text);
            all.push((twin.to_bytes().to_vec(), true));
            all.push(([P256_ORDER, P256_ORDER].concat(), false));
            all
        }
        "ES384" => {
            let signature: p384::ecdsa::Signature = p384().sign(text);
            ecdsa(&signature.to_bytes(), text)
        }
        "ES512" => {
            let signature: p521::ecdsa::Signature = p521().sign(text);
            ecdsa(&signature.to_bytes(), text)
        }
        other => unreachable!("{other}"),
    }
}

fn rs512_signature(text: &[u8]) -> Vec<u8> {
    rsa().sign(Pkcs1v15Sign::new::<rsa::sha2::Sha512>(), &Sha512::digest(text)).unwrap()
}

/// A good signature of r and s, and six like it.
fn ecdsa(good: &[u8], text: &[u8]) -> Vec<(Vec<u8>, bool)> {
    let (r, s) = good.split_at(good.len() / 2);
    let zero = vec![0; r.len()];
    let mut flipped = good.to_vec();
    // Somewhere else for every text; the highest bits stay, so that the number stays in range.
    flipped[1 + usize::from(sha256(text)[0]) % (good.len() - 1)] ^= 1;
    let wrong = [
        flipped,
        [&zero, s].concat(),
        [r, &zero].concat(),
        [s, r].concat(),
        vec![0; good.len()],
        vec![0xff; good.len()],
    ];
    [(good.to_vec(), true)].into_iter().chain(wrong.map(|one| (one, false))).collect()
}
