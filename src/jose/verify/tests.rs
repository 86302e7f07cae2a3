use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::algorithms::{
    ECDSAP256KeyPairLike, ECDSAP384KeyPairLike, ES256KeyPair, ES384KeyPair, Ed25519KeyPair,
    EdDSAKeyPairLike, HS256Key, HS384Key, HS512Key, MACLike,
};
use jwt_simple::claims::{Claims, JWTClaims, NoCustomClaims};
use p521::ecdsa::signature::Signer as _;
use rsa::RsaPrivateKey;
use rsa::rand_core::OsRng;
use rsa::signature::RandomizedSigner as _;
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};

use super::*;
use crate::jose::der::ecdsa_der;
use crate::jose::jwk::{KeySet, Origin};
use crate::jose::jws::Jws;

/// One key pair of each kind, and what they signed.
struct Signed {
    rsa: PublicKey,
    tokens: Vec<(Alg, PublicKey, String)>,
    ed25519: Ed25519KeyPair,
    pair: RsaPrivateKey,
}

fn signed() -> &'static Signed {
    static SIGNED: OnceLock<Signed> = OnceLock::new();
    SIGNED.get_or_init(|| {
        let pair = RsaPrivateKey::new(&mut OsRng, 2048).unwrap();
        let rsa = key(&rsa_jwk(&pair));
        let p256 = ES256KeyPair::generate();
        let p384 = ES384KeyPair::generate();
        let p521 = p521_pair(1);
        let ed25519 = Ed25519KeyPair::generate();
        let secret = [7; 64];
        let hmac = |secret: &[u8]| key(&secret_jwk(secret));
        let mut tokens = vec![
            (Alg::EdDsa, key(&ed25519.public_key().to_jwk()), ed25519.sign(claims()).unwrap()),
            (Alg::Es256, key(&p256.public_key().to_jwk()), p256.sign(claims()).unwrap()),
            (Alg::Es384, key(&p384.public_key().to_jwk()), p384.sign(claims()).unwrap()),
            (Alg::Es512, key(&p521_jwk(&p521)), p521_token(&p521)),
            (
                Alg::Hs256,
                hmac(&secret),
                HS256Key::from_bytes(&secret).authenticate(claims()).unwrap(),
            ),
            (
                Alg::Hs384,
                hmac(&secret),
                HS384Key::from_bytes(&secret).authenticate(claims()).unwrap(),
            ),
            (
                Alg::Hs512,
                hmac(&secret),
                HS512Key::from_bytes(&secret).authenticate(claims()).unwrap(),
            ),
        ];
        for alg in [Alg::Ps256, Alg::Ps384, Alg::Ps512, Alg::Rs256, Alg::Rs384, Alg::Rs512] {
            let token = token(alg, |signed| rsa_signature(&pair, alg, signed));
            tokens.push((alg, rsa.clone(), token));
        }
        Signed { rsa, tokens, ed25519, pair }
    })
}

fn claims() -> JWTClaims<NoCustomClaims> {
    Claims::create(jwt_simple::prelude::Duration::from_secs(60))
}

/// A token whose signature `sign` makes.
fn token(alg: Alg, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let header = URL_SAFE_NO_PAD.encode(json!({ "alg": alg.name() }).to_string());
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode("{}"));
    let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn rsa_jwk(pair: &RsaPrivateKey) -> String {
    let encoded = |number: &rsa::BigUint| URL_SAFE_NO_PAD.encode(number.to_bytes_be());
    json!({ "kty": "RSA", "n": encoded(pair.n()), "e": encoded(pair.e()) }).to_string()
}

fn secret_jwk(secret: &[u8]) -> String {
    json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode(secret) }).to_string()
}

fn p521_pair(scalar: u8) -> p521::ecdsa::SigningKey {
    p521::ecdsa::SigningKey::from_slice(&[vec![0], vec![scalar; 65]].concat()).unwrap()
}

fn p521_jwk(pair: &p521::ecdsa::SigningKey) -> String {
    let point = pair.verifying_key().to_sec1_point(false);
    let (x, y) = point.as_bytes()[1..].split_at(66);
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    json!({ "kty": "EC", "crv": "P-521", "x": x, "y": y }).to_string()
}

fn p521_token(pair: &p521::ecdsa::SigningKey) -> String {
    token(Alg::Es512, |signed| {
        let signature: p521::ecdsa::Signature = pair.sign(signed);
        signature.to_bytes().to_vec()
    })
}

/// A signature by the `rsa` crate.
fn rsa_signature(pair: &RsaPrivateKey, alg: Alg, text: &[u8]) -> Vec<u8> {
    use rsa::sha2::{Sha256, Sha384, Sha512};
    use rsa::signature::SignatureEncoding as _;
    use rsa::{pkcs1v15, pss};
    fn pkcs1<D>(pair: &RsaPrivateKey, text: &[u8]) -> Vec<u8>
    where
        D: rsa::sha2::Digest + rsa::pkcs8::AssociatedOid,
    {
        pkcs1v15::SigningKey::<D>::new(pair.clone()).sign_with_rng(&mut OsRng, text).to_vec()
    }
    fn pss<D>(pair: &RsaPrivateKey, text: &[u8]) -> Vec<u8>
    where
        D: rsa::sha2::Digest + rsa::sha2::digest::FixedOutputReset,
    {
        pss::SigningKey::<D>::new(pair.clone()).sign_with_rng(&mut OsRng, text).to_vec()
    }
    match alg {
        Alg::Ps256 => pss::<Sha256>(pair, text),
        Alg::Ps384 => pss::<Sha384>(pair, text),
        Alg::Ps512 => pss::<Sha512>(pair, text),
        Alg::Rs256 => pkcs1::<Sha256>(pair, text),
        Alg::Rs384 => pkcs1::<Sha384>(pair, text),
        Alg::Rs512 => pkcs1::<Sha512>(pair, text),
        _ => panic!("{alg} is not RSA's"),
    }
}

/// The key of a JWK, not bound to one algorithm.
fn key(jwk: &str) -> PublicKey {
    let mut jwk: Value = serde_json::from_str(jwk).unwrap();
    jwk.as_object_mut().unwrap().remove("alg");
    let text = json!({ "keys": [jwk] }).to_string();
    KeySet::parse(text.as_bytes(), Origin::Inline).unwrap().set.iter().next().unwrap().clone()
}

fn minted(alg: Alg) -> (&'static PublicKey, Jws<'static>) {
    let (_, key, token) = signed().tokens.iter().find(|minted| minted.0 == alg).unwrap();
    (key, Jws::parse(token.as_bytes()).unwrap())
}

fn accepted(key: &PublicKey, alg: Alg, signed: &[u8], signature: &[u8]) -> bool {
    InWasm.verify(key, alg, signed, signature).is_ok()
}

#[test]
fn a_signature_is_good_for_its_own_key_and_algorithm_only() {
    assert_eq!(signed().tokens.len(), Alg::ALL.len());
    for (alg, own, token) in &signed().tokens {
        let jws = Jws::parse(token.as_bytes()).unwrap();
        for (_, key, _) in &signed().tokens {
            for other in Alg::ALL {
                let expected = key.thumbprint() == own.thumbprint() && other == *alg;
                let found = accepted(key, other, jws.signed(), jws.signature());
                assert_eq!(found, expected, "{alg} with {} as {other}", key.kind());
            }
        }
    }
}

#[test]
fn another_key_of_the_same_kind_is_refused() {
    let others = [
        (Alg::Rs256, rsa_jwk(&RsaPrivateKey::new(&mut OsRng, 2048).unwrap())),
        (Alg::Es512, p521_jwk(&p521_pair(2))),
        (Alg::Hs256, secret_jwk(&[8; 64])),
        (Alg::Hs512, secret_jwk(&[7; 65])),
        (Alg::Es256, ES256KeyPair::generate().public_key().to_jwk()),
        (Alg::Es384, ES384KeyPair::generate().public_key().to_jwk()),
        (Alg::EdDsa, Ed25519KeyPair::generate().public_key().to_jwk()),
    ];
    for (alg, jwk) in others {
        let (_, jws) = minted(alg);
        assert!(!accepted(&key(&jwk), alg, jws.signed(), jws.signature()), "{alg}");
    }
}

#[test]
fn a_changed_signature_or_text_is_refused() {
    for alg in Alg::ALL {
        let (key, jws) = minted(alg);
        let (signed, good) = (jws.signed(), jws.signature());
        let with_first = |byte: u8| [&[byte], good].concat();
        let mut flipped = good.to_vec();
        flipped[good.len() / 2] ^= 1;
        let cases: [(&str, Vec<u8>); 9] = [
            ("one bit changed", flipped),
            ("nothing", Vec::new()),
            ("one byte", vec![0]),
            ("zeros", vec![0; good.len()]),
            ("ones", vec![0xff; good.len()]),
            ("a zero byte before it", with_first(0)),
            ("a zero byte after it", [good, &[0]].concat()),
            ("its first byte missing", good[1..].to_vec()),
            ("its last byte missing", good[..good.len() - 1].to_vec()),
        ];
        for (name, signature) in cases {
            assert!(!accepted(key, alg, signed, &signature), "{alg}: {name}");
        }
        let mut changed = signed.to_vec();
        changed[0] ^= 1;
        assert!(!accepted(key, alg, &changed, good), "{alg}: another text");
        assert!(!accepted(key, alg, b"", good), "{alg}: no text");
        assert!(accepted(key, alg, signed, good), "{alg}: as it was");
    }
}

#[test]
fn every_verifier_is_spared_signatures_of_a_wrong_length() {
    for (alg, key, _) in &signed().tokens {
        let length = match alg {
            Alg::EdDsa | Alg::Es256 | Alg::Hs512 => 64,
            Alg::Es384 => 96,
            Alg::Es512 => 132,
            Alg::Hs256 => 32,
            Alg::Hs384 => 48,
            _ => 256,
        };
        for found in 0..300 {
            let expected = if found == length { Ok(()) } else { Err(BadSignature) };
            assert_eq!(well_formed(key, *alg, &vec![1; found]), expected, "{alg}: {found}");
        }
    }
}

/// The order of P-256's group (SEC 2 §2.4.2), big-endian.
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
    0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

#[test]
fn an_ecdsa_signature_is_two_numbers_in_range() {
    let (key, jws) = minted(Alg::Es256);
    let signature = p256::ecdsa::Signature::from_slice(jws.signature()).unwrap();
    let (r, s) = signature.split_scalars();
    let twin = p256::ecdsa::Signature::from_scalars(r, -s).unwrap();
    let (r, s) = jws.signature().split_at(32);
    let zero = [0; 32];
    let mut above = P256_ORDER;
    above[31] += 1;
    let der = signature.to_der();
    let cases: [(&str, Vec<u8>, bool); 10] = [
        ("as it was", [r, s].concat(), true),
        ("with n - s, which JWS allows", twin.to_bytes().to_vec(), true),
        ("r is 0", [&zero, s].concat(), false),
        ("s is 0", [r, &zero].concat(), false),
        ("both are 0", [zero, zero].concat(), false),
        ("r is n", [&P256_ORDER, s].concat(), false),
        ("s is n", [r, &P256_ORDER].concat(), false),
        ("both are n", [P256_ORDER, P256_ORDER].concat(), false),
        ("both are n + 1", [above, above].concat(), false),
        ("DER", der.as_bytes().to_vec(), false),
    ];
    for (name, signature, expected) in cases {
        assert_eq!(accepted(key, Alg::Es256, jws.signed(), &signature), expected, "{name}");
    }
}

/// L, the order of Ed25519's group (RFC 8032 §5.1), little-endian.
const ED25519_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

#[test]
fn an_ed25519_signature_has_one_spelling() {
    let (key, jws) = minted(Alg::EdDsa);
    let (r, s) = jws.signature().split_at(32);
    let mut carry = 0;
    let malleated: Vec<u8> = s
        .iter()
        .zip(ED25519_ORDER)
        .map(|(s, l)| {
            let sum = u16::from(*s) + u16::from(l) + carry;
            carry = sum >> 8;
            sum.to_le_bytes()[0]
        })
        .collect();
    let mut identity = [0; 32];
    identity[0] = 1;
    let zero = [0; 32];
    let cases: [(&str, Vec<u8>); 4] = [
        ("S + L", [r, &malleated].concat()),
        ("S is L", [r, &ED25519_ORDER].concat()),
        ("R of small order", [identity.as_slice(), s].concat()),
        ("R of small order and S is 0", [identity, zero].concat()),
    ];
    for (name, signature) in cases {
        assert!(!accepted(key, Alg::EdDsa, jws.signed(), &signature), "{name}");
    }
}

#[test]
fn a_pss_salt_is_as_long_as_the_hash() {
    use rsa::sha2::Sha256;
    use rsa::signature::SignatureEncoding as _;
    let all_there_is = 256 - 32 - 2;
    let cases = [("none", 0), ("20 bytes", 20), ("31 bytes", 31), ("32 bytes", 32)];
    let longer = [("33 bytes", 33), ("48 bytes", 48), ("all there is", all_there_is)];
    for (name, length) in cases.into_iter().chain(longer) {
        let pair = signed().pair.clone();
        let signer = rsa::pss::SigningKey::<Sha256>::new_with_salt_len(pair, length);
        let signature = signer.sign_with_rng(&mut OsRng, b"text").to_vec();
        let found = accepted(&signed().rsa, Alg::Ps256, b"text", &signature);
        assert_eq!(found, length == 32, "{name}");
    }
}

#[test]
fn an_rsa_signature_is_smaller_than_the_modulus() {
    // The signature plus the modulus is the same number to the arithmetic; where the sum still has
    // the modulus's length, only the comparison tells them apart.
    let n = signed().pair.n().to_bytes_be();
    for alg in [Alg::Rs256, Alg::Ps256] {
        let (key, _) = minted(alg);
        let fitting = (0_u32..).find_map(|nth| {
            let text = nth.to_be_bytes();
            let signature = rsa_signature(&signed().pair, alg, &text);
            let sum = sum(&signature, &n);
            (sum.len() == n.len()).then_some((text, signature, sum))
        });
        let (text, signature, sum) = fitting.unwrap();
        assert!(!accepted(key, alg, &text, &sum), "{alg}");
        assert!(accepted(key, alg, &text, &signature), "{alg}");
    }
}

/// The sum of two big-endian numbers of one length.
fn sum(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let mut sum: Vec<u8> = Vec::new();
    for (a, b) in a.iter().zip(b).rev() {
        let digit = u16::from(*a) + u16::from(*b) + carry;
        carry = digit >> 8;
        sum.push(digit.to_le_bytes()[0]);
    }
    if carry > 0 {
        sum.push(carry.to_le_bytes()[0]);
    }
    sum.reverse();
    sum
}

#[test]
fn a_key_bound_to_an_algorithm_refuses_its_siblings() {
    let mut jwk: Value = serde_json::from_str(&rsa_jwk(&signed().pair)).unwrap();
    jwk["alg"] = "RS512".into();
    let text = json!({ "keys": [jwk] }).to_string();
    let set = KeySet::parse(text.as_bytes(), Origin::Fetched).unwrap().set;
    let bound = set.iter().next().unwrap();
    for (alg, expected) in [(Alg::Rs256, false), (Alg::Ps512, false), (Alg::Rs512, true)] {
        let (_, jws) = minted(alg);
        assert_eq!(accepted(bound, alg, jws.signed(), jws.signature()), expected, "{alg}");
    }
}

#[test]
fn ed25519_has_two_names() {
    let token = signed().ed25519.sign(claims()).unwrap();
    let jws = Jws::parse(token.as_bytes()).unwrap();
    let key = key(&signed().ed25519.public_key().to_jwk());
    for name in ["EdDSA", "Ed25519"] {
        let alg = Alg::parse(name).unwrap();
        assert!(accepted(&key, alg, jws.signed(), jws.signature()), "{name}");
    }
}

#[test]
fn a_secret_serves_the_hashes_that_it_is_long_enough_for() {
    let cases: [(usize, &[Alg]); 6] = [
        (32, &[Alg::Hs256]),
        (47, &[Alg::Hs256]),
        (48, &[Alg::Hs256, Alg::Hs384]),
        (63, &[Alg::Hs256, Alg::Hs384]),
        (64, &[Alg::Hs256, Alg::Hs384, Alg::Hs512]),
        (200, &[Alg::Hs256, Alg::Hs384, Alg::Hs512]),
    ];
    for (length, expected) in cases {
        let secret = vec![9; length];
        let key = key(&secret_jwk(&secret));
        let tokens = [
            (Alg::Hs256, HS256Key::from_bytes(&secret).authenticate(claims()).unwrap()),
            (Alg::Hs384, HS384Key::from_bytes(&secret).authenticate(claims()).unwrap()),
            (Alg::Hs512, HS512Key::from_bytes(&secret).authenticate(claims()).unwrap()),
        ];
        for (alg, token) in tokens {
            let jws = Jws::parse(token.as_bytes()).unwrap();
            let found = accepted(&key, alg, jws.signed(), jws.signature());
            assert_eq!(found, expected.contains(&alg), "{alg} with {length} bytes");
        }
    }
}

#[test]
fn a_public_key_is_no_secret() {
    // CVE-2015-9235: what everybody knows is taken for a secret, because the token says HS256.
    for (alg, key, _) in &signed().tokens {
        let known = [key.spki_der().unwrap_or_default(), key.thumbprint(), b"-----BEGIN"];
        for secret in known {
            let signature = token(Alg::Hs256, |signed| {
                let mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
                mac.chain_update(signed).finalize().into_bytes().to_vec()
            });
            let jws = Jws::parse(signature.as_bytes()).unwrap();
            assert!(!accepted(key, Alg::Hs256, jws.signed(), jws.signature()), "{alg}");
        }
    }
}

#[test]
fn a_key_is_written_in_der_as_other_libraries_write_it() {
    use p256::pkcs8::EncodePublicKey as _;
    use rsa::pkcs8::EncodePublicKey as _;
    for (alg, key, _) in &signed().tokens {
        let expected = match key.material() {
            Material::P256(key) => key.to_public_key_der().unwrap().into_vec(),
            Material::P384(key) => key.to_public_key_der().unwrap().into_vec(),
            Material::P521(key) => key.to_public_key_der().unwrap().into_vec(),
            Material::Rsa(_) => {
                signed().pair.to_public_key().to_public_key_der().unwrap().into_vec()
            }
            Material::Ed25519(_) | Material::Secret(_) => {
                assert_eq!(key.spki_der(), None, "{alg}");
                continue;
            }
        };
        assert_eq!(key.spki_der(), Some(expected.as_slice()), "{alg}");
    }
}

#[test]
fn an_ecdsa_signature_is_written_in_der_as_other_libraries_write_it() {
    // Enough of them for numbers with the highest bit set and for shorter ones.
    let p256 = ES256KeyPair::generate();
    let p384 = ES384KeyPair::generate();
    let p521 = p521_pair(3);
    let (p256, p384) = (p256.key_pair().as_ref(), p384.key_pair().as_ref());
    for nth in 0..600_u32 {
        let text = nth.to_be_bytes();
        let signature: p256::ecdsa::Signature = p256.sign(&text);
        assert_eq!(ecdsa_der(&signature.to_bytes()), signature.to_der().as_bytes(), "{nth}");
    }
    for nth in 0..20_u32 {
        let text = nth.to_be_bytes();
        let signature: p384::ecdsa::Signature = p384.sign(&text);
        assert_eq!(ecdsa_der(&signature.to_bytes()), signature.to_der().as_bytes(), "{nth}");
        let signature: p521::ecdsa::Signature = p521.sign(&text);
        assert_eq!(ecdsa_der(&signature.to_bytes()), signature.to_der().as_bytes(), "{nth}");
    }
}
