//! The RSA arithmetic against another library's, on every size and every edge; and signatures that
//! only the holder of a private key can forge.

use std::sync::OnceLock;

use proptest::prelude::*;
use rsa::pkcs8::AssociatedOid;
use rsa::rand_core::{OsRng, RngCore};
use rsa::sha2::digest::FixedOutputReset;
use rsa::sha2::{Digest, Sha256, Sha384, Sha512};
use rsa::signature::{RandomizedSigner, SignatureEncoding, Verifier};
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use rsa::{BigUint, RsaPrivateKey, RsaPublicKey, pkcs1v15, pss};
use tollgate::jose::rsa::{RsaHash, RsaKey, RsaPadding};

const EXPONENTS: [u32; 4] = [3, 17, 65_537, u32::MAX];

fn key(modulus: &BigUint, exponent: u32) -> RsaKey {
    RsaKey::new(&modulus.to_bytes_be(), &exponent.to_be_bytes()).unwrap()
}

/// A number's bytes, as many as told.
fn padded(number: &BigUint, length: usize) -> Vec<u8> {
    let bytes = number.to_bytes_be();
    [vec![0; length - bytes.len()], bytes].concat()
}

/// Random bytes that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: &BigUint) -> BigUint {
        let bytes: Vec<u8> =
            (0..=limit.bits() / 64).flat_map(|_| self.next().to_le_bytes()).collect();
        BigUint::from_bytes_be(&bytes) % limit
    }

    /// An odd number of exactly so many bits.
    fn modulus(&mut self, bits: usize) -> BigUint {
        let highest = BigUint::from(1_u8) << (bits - 1);
        (self.below(&highest) + highest) | BigUint::from(1_u8)
    }
}

/// Compares one power with the other library's.
fn check(modulus: &BigUint, exponent: u32, base: &BigUint) {
    let key = key(modulus, exponent);
    let found = key.raise(&padded(base, key.bytes()));
    let name = || format!("{} bits, e = {exponent}, base {base:x}, n {modulus:x}", key.bits());
    if base < modulus {
        let expected = base.modpow(&BigUint::from(exponent), modulus);
        assert_eq!(found, Some(padded(&expected, key.bytes())), "{}", name());
    } else {
        assert_eq!(found, None, "{}", name());
    }
}

/// The edges of what may be raised: those under the modulus first.
fn edges(modulus: &BigUint) -> Vec<BigUint> {
    let one = BigUint::from(1_u8);
    let length = modulus.bits().div_ceil(8);
    let largest = (&one << (8 * length)) - &one;
    let below = (&one << (modulus.bits() - 1)) - &one;
    let mut edges = vec![BigUint::from(0_u8), one.clone(), modulus - &one, below, modulus.clone()];
    edges.extend((modulus + &one <= largest).then(|| modulus + &one));
    // A small number with the highest bits of the first byte set, which are not the modulus's.
    edges.extend((modulus.bits()..8 * length).map(|bit| (&one << bit) + &one));
    edges.push(largest);
    edges
}

#[test]
fn every_size_of_modulus_has_the_same_powers_elsewhere() {
    let mut numbers = Numbers(1);
    for (nth, bits) in (2048..=8192).step_by(8).enumerate() {
        let modulus = numbers.modulus(bits);
        check(&modulus, 3, &numbers.below(&modulus));
        let edges = edges(&modulus);
        check(&modulus, 3, &edges[nth % edges.len()]);
    }
}

#[test]
fn every_number_of_bits_about_a_limb_has_the_same_powers_elsewhere() {
    // Bytes of 8 bits and the kernel's limbs of 28 meet in every way among 56 sizes, so that there
    // are values of the modulus's length that have more bits than its limbs, and others.
    let mut numbers = Numbers(2);
    for bits in (2048..2048 + 56).chain(4096 - 28..4096 + 28) {
        let modulus = numbers.modulus(bits);
        check(&modulus, 3, &numbers.below(&modulus));
        for base in edges(&modulus) {
            check(&modulus, 3, &base);
        }
    }
}

#[test]
fn edges_have_the_same_powers_elsewhere() {
    let mut numbers = Numbers(3);
    for bits in [2048, 2049, 2050, 2055, 3072, 3556, 4096, 8192] {
        let one = BigUint::from(1_u8);
        let moduli = [
            ("random", numbers.modulus(bits)),
            ("all ones", (&one << bits) - &one),
            ("two ones far apart", (&one << (bits - 1)) + &one),
            ("ones above zeros", ((&one << bits) - (&one << (bits / 2))) + &one),
        ];
        for (_, modulus) in &moduli {
            for base in edges(modulus) {
                check(modulus, 3, &base);
            }
        }
    }
}

#[test]
fn every_exponent_has_the_same_powers_elsewhere() {
    let mut numbers = Numbers(4);
    for bits in [2048, 2049, 3072, 4096] {
        let modulus = numbers.modulus(bits);
        for exponent in EXPONENTS.into_iter().chain([5, 7, 255, 257, 65_535, 0x8000_0001]) {
            check(&modulus, exponent, &numbers.below(&modulus));
            check(&modulus, exponent, &(&modulus - BigUint::from(1_u8)));
        }
    }
    let longest = numbers.modulus(8192);
    check(&longest, u32::MAX, &numbers.below(&longest));
}

#[test]
fn a_signature_has_exactly_the_length_of_the_modulus() {
    let mut numbers = Numbers(5);
    for bits in [2048, 2049, 2056] {
        let modulus = numbers.modulus(bits);
        let key = key(&modulus, 65_537);
        for length in (0..400).filter(|length| *length != key.bytes()) {
            assert_eq!(key.raise(&vec![0; length]), None, "{bits} bits, {length} bytes");
        }
        assert_eq!(key.raise(&vec![0; key.bytes()]), Some(vec![0; key.bytes()]), "{bits} bits");
    }
}

/// Key pairs of the sizes at which paddings differ, each with another exponent.
fn pairs() -> &'static [RsaPrivateKey] {
    static PAIRS: OnceLock<Vec<RsaPrivateKey>> = OnceLock::new();
    PAIRS.get_or_init(|| {
        let wanted = [(2048, 65_537), (2048, 3), (2049, 17), (2050, 65_537), (2055, u32::MAX)];
        let pair = |(bits, exponent): (usize, u32)| {
            RsaPrivateKey::new_with_exp(&mut OsRng, bits, &BigUint::from(exponent)).unwrap()
        };
        wanted.map(pair).to_vec()
    })
}

fn own(pair: &RsaPrivateKey) -> RsaKey {
    RsaKey::new(&pair.n().to_bytes_be(), &pair.e().to_bytes_be()).unwrap()
}

/// One way to sign, here and there.
#[derive(Clone, Copy, Debug)]
struct Way {
    padding: RsaPadding,
    hash: RsaHash,
}

const WAYS: [Way; 6] = [
    Way { padding: RsaPadding::Pkcs1, hash: RsaHash::Sha256 },
    Way { padding: RsaPadding::Pkcs1, hash: RsaHash::Sha384 },
    Way { padding: RsaPadding::Pkcs1, hash: RsaHash::Sha512 },
    Way { padding: RsaPadding::Pss, hash: RsaHash::Sha256 },
    Way { padding: RsaPadding::Pss, hash: RsaHash::Sha384 },
    Way { padding: RsaPadding::Pss, hash: RsaHash::Sha512 },
];

impl Way {
    fn sign(self, pair: &RsaPrivateKey, text: &[u8]) -> Vec<u8> {
        fn sign<D: Digest + AssociatedOid + FixedOutputReset>(
            padding: RsaPadding,
            pair: &RsaPrivateKey,
            text: &[u8],
        ) -> Vec<u8> {
            match padding {
                RsaPadding::Pkcs1 => pkcs1v15::SigningKey::<D>::new(pair.clone())
                    .sign_with_rng(&mut OsRng, text)
                    .to_vec(),
                RsaPadding::Pss => {
                    pss::SigningKey::<D>::new(pair.clone()).sign_with_rng(&mut OsRng, text).to_vec()
                }
            }
        }
        match self.hash {
            RsaHash::Sha256 => sign::<Sha256>(self.padding, pair, text),
            RsaHash::Sha384 => sign::<Sha384>(self.padding, pair, text),
            RsaHash::Sha512 => sign::<Sha512>(self.padding, pair, text),
        }
    }

    /// What the other library says of a signature.
    fn verify(self, key: &RsaPublicKey, text: &[u8], signature: &[u8]) -> bool {
        fn verify<D: Digest + AssociatedOid + FixedOutputReset>(
            padding: RsaPadding,
            key: RsaPublicKey,
            text: &[u8],
            signature: &[u8],
        ) -> bool {
            match padding {
                RsaPadding::Pkcs1 => signature.try_into().is_ok_and(|signature| {
                    pkcs1v15::VerifyingKey::<D>::new(key).verify(text, &signature).is_ok()
                }),
                RsaPadding::Pss => signature.try_into().is_ok_and(|signature| {
                    pss::VerifyingKey::<D>::new(key).verify(text, &signature).is_ok()
                }),
            }
        }
        let key = key.clone();
        match self.hash {
            RsaHash::Sha256 => verify::<Sha256>(self.padding, key, text, signature),
            RsaHash::Sha384 => verify::<Sha384>(self.padding, key, text, signature),
            RsaHash::Sha512 => verify::<Sha512>(self.padding, key, text, signature),
        }
    }
}

/// What is done to a signature before it is checked.
#[derive(Clone, Debug)]
enum Change {
    Nothing,
    Bit(usize),
    Byte(usize, u8),
    Text,
    AnotherWay(usize),
    Random(Vec<u8>),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        2 => Just(Change::Nothing),
        2 => any::<usize>().prop_map(Change::Bit),
        1 => (any::<usize>(), any::<u8>()).prop_map(|(place, byte)| Change::Byte(place, byte)),
        1 => Just(Change::Text),
        1 => (0..WAYS.len()).prop_map(Change::AnotherWay),
        1 => prop::collection::vec(any::<u8>(), 256..259).prop_map(Change::Random),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..Default::default() })]

    #[test]
    fn signatures_are_judged_as_elsewhere(
        pair in 0..5_usize,
        way in 0..WAYS.len(),
        text in prop::collection::vec(any::<u8>(), 0..200),
        change in change(),
    ) {
        let (pair, way) = (&pairs()[pair], WAYS[way]);
        let mut signature = way.sign(pair, &text);
        let (mut checked, mut checked_text) = (way, text.clone());
        match &change {
            Change::Nothing => {}
            Change::Bit(bit) => {
                let bit = bit % (8 * signature.len());
                signature[bit / 8] ^= 1 << (bit % 8);
            }
            Change::Byte(place, byte) => {
                let place = place % signature.len();
                signature[place] = *byte;
            }
            Change::Text => checked_text.push(0),
            Change::AnotherWay(other) => checked = WAYS[*other],
            Change::Random(bytes) => signature = bytes.clone(),
        }
        let expected = checked.verify(&pair.to_public_key(), &checked_text, &signature);
        let found = own(pair).verify(checked.padding, checked.hash, &checked_text, &signature);
        prop_assert_eq!(found, expected, "{:?}", change);
        if matches!(change, Change::Nothing) {
            prop_assert!(found);
        }
    }
}

/// A signature that opens to these bytes, whatever they are.
fn open_to(pair: &RsaPrivateKey, encoded: &[u8]) -> Vec<u8> {
    let encoded = BigUint::from_bytes_be(encoded);
    assert!(&encoded < pair.n());
    padded(&encoded.modpow(pair.d(), pair.n()), pair.n().bits().div_ceil(8))
}

/// The DER of SHA-256's `DigestInfo` up to the hash (RFC 8017 §9.2, note 1).
const SHA256_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

#[test]
fn a_pkcs1_encoding_has_one_form() {
    let hash = Sha256::digest(b"text").to_vec();
    let info = SHA256_INFO.as_slice();
    // RFC 8017 §9.2, step 5, with so many bytes of padding.
    let encoded = |head: [u8; 2], ones: usize, tail: &[&[u8]]| {
        [head.as_slice(), &vec![0xff; ones], &[0], &tail.concat()].concat()
    };
    let without_null = [&[0x30, 0x2f, 0x30, 0x0b][..], &info[4..15], &[0x04, 0x20]].concat();
    let long_length = [&[0x30, 0x81, 0x31][..], &info[2..]].concat();
    let sha512_info = [&[0x30, 0x51][..], &info[2..14], &[3, 5, 0, 4, 0x40]].concat();
    let sha1_info = [0x30, 0x21, 0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0, 4, 20];
    let garbage = vec![7; 100];
    let whole = 256 - 3 - 19 - 32;
    let mut gap = encoded([0, 1], whole, &[info, &hash]);
    gap[50] = 0xfe;
    let mut short = encoded([0, 1], 8, &[info, &hash]);
    short.extend(vec![0; 256 - short.len()]);
    let cases: [(&str, Vec<u8>, bool); 15] = [
        ("the one", encoded([0, 1], whole, &[info, &hash]), true),
        ("another hash", encoded([0, 1], whole, &[info, &[7; 32]]), false),
        ("a hash cut short", encoded([0, 1], whole + 1, &[info, &hash[1..]]), false),
        ("block type 0", encoded([0, 0], whole, &[info, &hash]), false),
        ("block type 2", encoded([0, 2], whole, &[info, &hash]), false),
        ("a first byte that is not 0", encoded([1, 1], whole, &[info, &hash]), false),
        ("padding with another byte", gap, false),
        ("garbage behind the hash", encoded([0, 1], whole - 100, &[info, &hash, &garbage]), false),
        ("eight bytes of padding, zeros behind", short, false),
        (
            "garbage in the parameters",
            encoded([0, 1], whole - 4, &[&info[..17], &[1; 4], &info[17..], &hash]),
            false,
        ),
        ("no NULL", encoded([0, 1], whole + 2, &[&without_null, &hash]), false),
        ("a length in two bytes", encoded([0, 1], whole - 1, &[&long_length, &hash]), false),
        ("no DigestInfo", encoded([0, 1], whole + 19, &[&hash]), false),
        (
            "SHA-512's DigestInfo",
            encoded([0, 1], 256 - 3 - 19 - 64, &[&sha512_info, &hash, &hash]),
            false,
        ),
        (
            "SHA-1's DigestInfo",
            encoded([0, 1], 256 - 3 - 15 - 20, &[&sha1_info, &hash[..20]]),
            false,
        ),
    ];
    let pair = &pairs()[0];
    for (name, encoded, expected) in cases {
        assert_eq!(encoded.len(), 256, "{name}");
        let signature = open_to(pair, &encoded);
        let found = own(pair).verify(RsaPadding::Pkcs1, RsaHash::Sha256, b"text", &signature);
        assert_eq!(found, expected, "{name}");
    }
}

/// EMSA-PSS of `text` (RFC 8017 §9.1.1), with what a forger may change.
struct Pss {
    bits: usize,
    salt: Vec<u8>,
    separator: u8,
    trailer: u8,
    padding: u8,
    first_bits: u8,
    mask: fn(&[u8], usize) -> Vec<u8>,
}

fn mgf1<D: Digest>(seed: &[u8], length: usize) -> Vec<u8> {
    let block = |counter: u32| {
        D::new().chain_update(seed).chain_update(counter.to_be_bytes()).finalize().to_vec()
    };
    (0..).flat_map(block).take(length).collect()
}

impl Pss {
    fn new(modulus_bits: usize) -> Self {
        Self {
            bits: modulus_bits - 1,
            salt: vec![9; 32],
            separator: 1,
            trailer: 0xbc,
            padding: 0,
            first_bits: 0,
            mask: mgf1::<Sha256>,
        }
    }

    fn encode(&self, text: &[u8]) -> Vec<u8> {
        let salted = [&[0; 8][..], &Sha256::digest(text), &self.salt].concat();
        let hash = Sha256::digest(salted);
        let length = self.bits.div_ceil(8);
        let zeros = vec![self.padding; length - self.salt.len() - 32 - 2];
        let data = [&zeros[..], &[self.separator], &self.salt].concat();
        let mask = (self.mask)(&hash, data.len());
        let mut masked: Vec<u8> = data.iter().zip(mask).map(|(data, mask)| data ^ mask).collect();
        masked[0] &= 0xff >> (8 * length - self.bits);
        masked[0] |= self.first_bits;
        let head = vec![0; (self.bits + 1).div_ceil(8) - length];
        [&head[..], &masked, &hash, &[self.trailer]].concat()
    }
}

#[test]
fn a_pss_encoding_has_one_form_but_for_its_salt() {
    // Of 2048, 2049, 2050 and 2055 bits: seven, eight, one and six bits of the first byte are used.
    for pair in [0, 2, 3, 4].map(|nth| &pairs()[nth]) {
        let bits = pair.n().bits();
        let new = || Pss::new(bits);
        let mut cases = vec![
            ("the one", new(), true),
            ("another salt", Pss { salt: vec![1; 32], ..new() }, true),
            ("a salt of zeros", Pss { salt: vec![0; 32], ..new() }, true),
            ("no salt", Pss { salt: Vec::new(), ..new() }, false),
            ("a short salt", Pss { salt: vec![9; 31], ..new() }, false),
            ("a long salt", Pss { salt: vec![9; 33], ..new() }, false),
            ("no separator", Pss { separator: 0, ..new() }, false),
            ("another separator", Pss { separator: 2, ..new() }, false),
            ("a trailer of ISO 9796", Pss { trailer: 0xcc, ..new() }, false),
            ("no trailer", Pss { trailer: 0, ..new() }, false),
            ("padding that is not 0", Pss { padding: 1, ..new() }, false),
            ("a mask of another hash", Pss { mask: mgf1::<Sha512>, ..new() }, false),
            ("no mask", Pss { mask: |_, length| vec![0; length], ..new() }, false),
        ];
        // The highest bit that is not the encoding's; some salt leaves the number under n.
        if bits % 8 != 1 {
            let first_bits = 1 << ((bits - 1) % 8);
            let pss = (0..=u8::MAX)
                .map(|salt| Pss { first_bits, salt: vec![salt; 32], ..new() })
                .find(|pss| &BigUint::from_bytes_be(&pss.encode(b"text")) < pair.n());
            cases.push(("a bit in front", pss.unwrap(), false));
        }
        for (name, pss, expected) in cases {
            let encoded = pss.encode(b"text");
            let signature = open_to(pair, &encoded);
            let found = own(pair).verify(RsaPadding::Pss, RsaHash::Sha256, b"text", &signature);
            assert_eq!(found, expected, "{bits} bits: {name}");
            assert!(!own(pair).verify(RsaPadding::Pss, RsaHash::Sha256, b"text2", &signature));
            assert!(!own(pair).verify(RsaPadding::Pkcs1, RsaHash::Sha256, b"text", &signature));
        }
    }
}

#[test]
fn a_byte_in_front_of_a_pss_encoding_is_zero() {
    // After 2049 bits the encoding has a byte less than the modulus.
    let pair = &pairs()[2];
    assert_eq!(pair.n().bits(), 2049);
    let encoded = Pss::new(2049).encode(b"text");
    assert_eq!((encoded.len(), encoded[0]), (257, 0));
    let verify = |encoded: &[u8]| {
        let signature = open_to(pair, encoded);
        own(pair).verify(RsaPadding::Pss, RsaHash::Sha256, b"text", &signature)
    };
    assert!(verify(&encoded));
    // Another text's encoding can begin with a small byte, so that the number is under the modulus.
    let small = (0_u32..).map(|nth| nth.to_be_bytes()).find_map(|text| {
        let mut encoded = Pss::new(2049).encode(&text);
        encoded[0] = 1;
        (&BigUint::from_bytes_be(&encoded) < pair.n()).then_some((text, encoded))
    });
    let (text, encoded) = small.unwrap();
    let signature = open_to(pair, &encoded);
    assert!(!own(pair).verify(RsaPadding::Pss, RsaHash::Sha256, &text, &signature));
}

#[test]
fn random_bytes_are_no_signature() {
    let mut random = rsa::rand_core::OsRng;
    let mut signature = vec![0; 256];
    for _ in 0..20 {
        random.fill_bytes(&mut signature);
        for way in WAYS {
            assert!(!own(&pairs()[0]).verify(way.padding, way.hash, b"text", &signature));
        }
    }
}
