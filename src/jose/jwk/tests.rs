use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::algorithms::{
    ES256KeyPair, ES256PublicKey, ES384KeyPair, ES384PublicKey, Ed25519KeyPair, Ed25519PublicKey,
};
use serde_json::json;

use super::*;

mod selection;
mod tolerated;

use tolerated::{cut, zeros_before};

/// The modulus of RFC 7638 §3.1.
const MODULUS: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_\
                       BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_\
                       FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhA\
                       I4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

fn rsa() -> Value {
    json!({ "kty": "RSA", "n": MODULUS, "e": "AQAB" })
}

/// The key of RFC 7515 §A.3.
fn p256() -> Value {
    json!({ "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" })
}

fn p384() -> Value {
    let key = ES384KeyPair::generate().public_key().to_jwk();
    without(serde_json::from_str(&key).unwrap(), "alg")
}

/// The key of RFC 7520 §3.1.
fn p521() -> Value {
    json!({ "kty": "EC", "crv": "P-521",
            "x": "AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt",
            "y": "AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1" })
}

/// A secret of so many bytes.
fn oct(bytes: usize) -> Value {
    json!({ "kty": "oct", "k": encoded(vec![7; bytes]) })
}

/// The key of RFC 8037 §A.2.
fn ed25519() -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" })
}

fn with(mut key: Value, name: &str, value: impl Into<Value>) -> Value {
    key[name] = value.into();
    key
}

fn without(mut key: Value, name: &str) -> Value {
    key.as_object_mut().unwrap().remove(name).unwrap();
    key
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// An odd RSA modulus of so many bits, with these zero bytes in front.
fn modulus(bits: usize, zeros: usize) -> String {
    let mut bytes = vec![0xff; bits.div_ceil(8)];
    bytes[0] >>= bits.next_multiple_of(8) - bits;
    encoded([vec![0; zeros], bytes].concat())
}

fn parse(keys: &[Value]) -> Result<ParsedSet, SetError> {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes(), Origin::Fetched)
}

fn parsed(keys: &[Value]) -> KeySet {
    parse(keys).unwrap().set
}

/// The one key that `entry` is, or why not.
fn only(entry: Value) -> Result<PublicKey, WhySkipped> {
    match parse(std::slice::from_ref(&entry)) {
        Ok(parsed) => Ok(parsed.set.iter().next().unwrap().clone()),
        Err(SetError::NoneUsable(mut skipped)) => Err(skipped.remove(0).why),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn every_kind_of_key_is_taken_and_bound_to_its_algorithms() {
    use Alg::{EdDsa, Es256, Es384, Es512, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
    let cases: [(Value, &str, &[Alg]); 9] = [
        (rsa(), "RSA 2048", &[Ps256, Ps384, Ps512, Rs256, Rs384, Rs512]),
        (p521(), "P-521", &[Es512]),
        (with(p521(), "alg", "ES512"), "P-521", &[Es512]),
        (with(rsa(), "alg", "PS384"), "RSA 2048", &[Ps384]),
        (p256(), "P-256", &[Es256]),
        (p384(), "P-384", &[Es384]),
        (ed25519(), "Ed25519", &[EdDsa]),
        (with(ed25519(), "alg", "EdDSA"), "Ed25519", &[EdDsa]),
        (with(ed25519(), "alg", "Ed25519"), "Ed25519", &[EdDsa]),
    ];
    for (entry, kind, fitting) in cases {
        let key = only(entry).unwrap();
        assert_eq!(key.kind(), kind);
        let fits: Vec<_> = Alg::ALL.into_iter().filter(|alg| key.fits(*alg)).collect();
        assert_eq!(fits, fitting, "{kind}");
    }
}

#[test]
fn what_can_be_used_is_used() {
    let cases = [
        ("for signatures", with(rsa(), "use", "sig")),
        ("for verifying", with(rsa(), "key_ops", json!(["verify"]))),
        ("for signing and verifying", with(rsa(), "key_ops", json!(["sign", "verify"]))),
        ("for one algorithm", with(rsa(), "alg", "RS256")),
        ("the longest key ID", with(rsa(), "kid", "k".repeat(Kid::MAX_BYTES))),
        ("with the shortest modulus", with(rsa(), "n", modulus(2048, 0))),
        ("with an odd size", with(rsa(), "n", modulus(2049, 0))),
        ("with the longest modulus", with(rsa(), "n", modulus(8192, 0))),
        ("with exponent 3", with(rsa(), "e", "Aw")),
        ("with exponent 17", with(rsa(), "e", "EQ")),
        ("with the largest exponent", with(rsa(), "e", "_____w")),
        ("with a zero byte before the modulus", with(rsa(), "n", modulus(2048, 1))),
        ("with many of them", with(rsa(), "n", modulus(2048, 300))),
        ("with a zero byte before the exponent", with(rsa(), "e", "AAEAAQ")),
        ("certificates are ignored", with(rsa(), "x5c", json!(["not a certificate", 7]))),
        ("certificates of another form are ignored", with(rsa(), "x5c", json!({ "a": 1 }))),
        ("a certificate's hash is ignored", with(rsa(), "x5t", 7)),
        ("unknown members are ignored", with(p256(), "other", json!({ "a": [1] }))),
    ];
    for (name, entry) in cases {
        assert!(only(entry).is_ok(), "{name}");
    }
}

#[test]
fn what_cannot_be_used_is_skipped_with_a_reason() {
    use WhySkipped::*;
    let text = |text: &str| format!("`{text}`");
    let (kty, alg, use_, ops) = ("kty", "alg", "use", "key_ops");
    let cases = [
        ("null", Value::Null, NotAnObject),
        ("a number", json!(7), NotAnObject),
        ("a string", json!("key"), NotAnObject),
        ("a list", json!([]), NotAnObject),
        ("nothing in it", json!({}), MemberMissing(kty)),
        ("a type that is a number", with(rsa(), kty, 7), MemberType(kty)),
        ("post-quantum", json!({ "kty": "AKP", "alg": "EdDSA" }), TypeUnknown(text("AKP"))),
        ("a type in lower case", with(rsa(), kty, "rsa"), TypeUnknown(text("rsa"))),
        ("symmetric", json!({ "kty": "oct", "k": "AA" }), Symmetric),
        ("a long secret", with(oct(64), "alg", "HS256"), Symmetric),
        ("a key ID that is a number", with(rsa(), "kid", 7), MemberType("kid")),
        ("a key ID that is an object", with(rsa(), "kid", json!({})), MemberType("kid")),
        ("a long key ID", with(rsa(), "kid", "k".repeat(Kid::MAX_BYTES + 1)), KidTooLong),
        ("for encryption", with(rsa(), use_, "enc"), UseOther(text("enc"))),
        ("for something", with(rsa(), use_, "Sig"), UseOther(text("Sig"))),
        ("a use that is a list", with(rsa(), use_, json!(["sig"])), MemberType(use_)),
        ("for signing only", with(rsa(), ops, json!(["sign"])), OperationsWithoutVerify),
        ("for encrypting", with(rsa(), ops, json!(["encrypt"])), OperationsWithoutVerify),
        ("for an operation without a name", with(rsa(), ops, json!([""])), OperationsWithoutVerify),
        ("for an operation that is null", with(rsa(), ops, json!([null])), MemberType(ops)),
        ("operations that are a string", with(rsa(), ops, "verify"), MemberType(ops)),
        ("operations that are numbers", with(rsa(), ops, json!(["verify", 1])), MemberType(ops)),
        (
            "an algorithm of encryption",
            with(rsa(), alg, "RSA-OAEP"),
            AlgorithmUnknown(text("RSA-OAEP")),
        ),
        ("an algorithm of secrets", with(rsa(), alg, "HS256"), AlgorithmMismatch(Alg::Hs256)),
        ("an algorithm that is a list", with(rsa(), alg, json!(["RS256"])), MemberType(alg)),
        ("an algorithm of white space", with(rsa(), alg, " "), AlgorithmUnknown(text(" "))),
        ("a type that is null", with(rsa(), kty, Value::Null), MemberEmpty(kty)),
        ("a type that is empty", with(rsa(), kty, ""), MemberEmpty(kty)),
        ("a curve that is null", with(p256(), "crv", Value::Null), MemberEmpty("crv")),
        ("a curve that is empty", with(ed25519(), "crv", ""), MemberEmpty("crv")),
        ("a modulus that is null", with(rsa(), "n", Value::Null), MemberEmpty("n")),
        ("an exponent that is null", with(rsa(), "e", Value::Null), MemberEmpty("e")),
        ("a coordinate that is empty", with(p256(), "y", ""), MemberEmpty("y")),
        ("a coordinate that is null", with(p521(), "x", Value::Null), MemberEmpty("x")),
        ("Ed25519 of nothing", with(ed25519(), "x", ""), MemberEmpty("x")),
        ("an issuer that is null", with(rsa(), "issuer", Value::Null), MemberEmpty("issuer")),
        ("an issuer that is empty", with(rsa(), "issuer", ""), MemberEmpty("issuer")),
        (
            "an issuer that is an empty list",
            with(rsa(), "issuer", json!([])),
            MemberEmpty("issuer"),
        ),
        ("a certificate alone", json!({ kty: "RSA", "x5c": ["MII"] }), CertificateAlone),
        (
            "a certificate beside members that are null",
            json!({ kty: "RSA", "kid": "k", "n": null, "e": "", "x5c": ["MII"] }),
            CertificateAlone,
        ),
        ("a certificate and nothing else", json!({ "x5c": ["MII"] }), CertificateAlone),
        ("a certificate that is empty", json!({ kty: "RSA", "x5c": [] }), MemberMissing("n")),
        (
            "a certificate beside half a key",
            json!({ kty: "EC", "crv": "P-256", "x": p256()["x"], "x5c": ["MII"] }),
            MemberMissing("y"),
        ),
        ("another type's algorithm", with(rsa(), alg, "ES256"), AlgorithmMismatch(Alg::Es256)),
        ("another curve's algorithm", with(p384(), alg, "ES256"), AlgorithmMismatch(Alg::Es256)),
        ("Ed25519 with RSA's", with(ed25519(), alg, "RS256"), AlgorithmMismatch(Alg::Rs256)),
        ("an issuer that is a list", with(rsa(), "issuer", json!(["x"])), MemberType("issuer")),
        ("RSA without modulus", without(rsa(), "n"), MemberMissing("n")),
        ("RSA without exponent", without(rsa(), "e"), MemberMissing("e")),
        ("a modulus that is a number", with(rsa(), "n", 7), MemberType("n")),
        ("an empty modulus", with(rsa(), "n", ""), MemberEmpty("n")),
        ("a modulus of zero", with(rsa(), "n", "AAAA"), RsaBits(0)),
        ("512 bits", with(rsa(), "n", modulus(512, 0)), RsaBits(512)),
        ("1024 bits", with(rsa(), "n", modulus(1024, 0)), RsaBits(1024)),
        ("2047 bits", with(rsa(), "n", modulus(2047, 0)), RsaBits(2047)),
        ("1024 bits made longer", with(rsa(), "n", modulus(1024, 128)), RsaBits(1024)),
        ("8193 bits", with(rsa(), "n", modulus(8193, 0)), RsaBits(8193)),
        ("65536 bits", with(rsa(), "n", modulus(65536, 0)), RsaBits(65536)),
        ("an even modulus", with(rsa(), "n", encoded([0xfe; 256])), RsaEven),
        ("half of the padding", with(rsa(), "n", format!("{MODULUS}=")), MemberEncoding("n")),
        ("too much padding", with(rsa(), "n", format!("{MODULUS}======")), MemberEncoding("n")),
        ("padding where none belongs", with(rsa(), "e", "AQAB===="), MemberEncoding("e")),
        ("padding in front", with(rsa(), "e", "=AQA"), MemberEncoding("e")),
        ("nothing but padding", with(rsa(), "e", "===="), MemberEncoding("e")),
        (
            "percent-encoded padding",
            with(rsa(), "n", format!("{MODULUS}%3D%3D")),
            MemberEncoding("n"),
        ),
        (
            "bits behind the end, padded",
            with(rsa(), "n", format!("{}x==", MODULUS.trim_end_matches('w'))),
            MemberEncoding("n"),
        ),
        ("another alphabet", with(rsa(), "n", MODULUS.replace('_', "/")), MemberEncoding("n")),
        ("white space", with(rsa(), "n", format!("{MODULUS}\n")), MemberEncoding("n")),
        ("white space in the middle", with(rsa(), "e", "AQ AB"), MemberEncoding("e")),
        ("the other alphabet, padded", with(rsa(), "e", "//8="), MemberEncoding("e")),
        ("exponent 0", with(rsa(), "e", "AA"), RsaExponent),
        ("exponent 1", with(rsa(), "e", "AQ"), RsaExponent),
        ("exponent 2", with(rsa(), "e", "Ag"), RsaExponent),
        ("an even exponent", with(rsa(), "e", "AQAA"), RsaExponent),
        ("an exponent of 33 bits", with(rsa(), "e", "AQAAAAE"), RsaExponent),
        ("an exponent of 64 bits", with(rsa(), "e", "__________8"), RsaExponent),
        ("no exponent at all", with(rsa(), "e", ""), MemberEmpty("e")),
        ("an exponent of zeros", with(rsa(), "e", "AAAAAA"), RsaExponent),
        ("EC without curve", without(p256(), "crv"), MemberMissing("crv")),
        ("P-256 called P-521", with(p256(), "crv", "P-521"), PointInvalid),
        (
            "65 bytes of P-521 that are another number",
            with(p521(), "x", encoded([1; 65])),
            PointInvalid,
        ),
        ("off P-521", with(p521(), "y", encoded([0; 66])), PointInvalid),
        ("x beyond P-521's field", with(p521(), "x", encoded([0xff; 66])), PointInvalid),
        ("P-521 with ES256", with(p521(), alg, "ES256"), AlgorithmMismatch(Alg::Es256)),
        ("the point (0, 0) of P-521", at_zero(p521(), 66), PointInvalid),
        ("secp256k1", with(p256(), "crv", "secp256k1"), CurveUnknown(text("secp256k1"))),
        ("EC without y", without(p256(), "y"), MemberMissing("y")),
        ("P-256 called P-384", with(p256(), "crv", "P-384"), PointInvalid),
        ("P-384 called P-256", with(p384(), "crv", "P-256"), MemberLength("x")),
        ("31 bytes of y", with(p256(), "y", encoded([1; 31])), PointInvalid),
        ("33 bytes of x", with(p256(), "x", encoded([1; 33])), MemberLength("x")),
        ("a zero octet behind x", cut(p256(), "x", 0, &[0]), MemberLength("x")),
        ("an octet cut from the end of y", cut(p256(), "y", 1, &[]), PointInvalid),
        ("off the curve", with(p256(), "y", encoded([1; 32])), PointInvalid),
        ("x beyond the field", with(p256(), "x", encoded([0xff; 32])), PointInvalid),
        ("the point (0, 0)", at_zero(p256(), 32), PointInvalid),
        ("the point (0, 0) of P-384", at_zero(p384(), 48), PointInvalid),
        ("X25519", with(ed25519(), "crv", "X25519"), CurveUnknown(text("X25519"))),
        ("Ed448", with(ed25519(), "crv", "Ed448"), CurveUnknown(text("Ed448"))),
        ("OKP without x", without(ed25519(), "x"), MemberMissing("x")),
        ("31 bytes of Ed25519", with(ed25519(), "x", encoded([1; 31])), MemberLength("x")),
        ("a zero octet before Ed25519", zeros_before(ed25519(), "x", 1), MemberLength("x")),
        ("Ed25519 in EC's clothes", with(ed25519(), kty, "EC"), CurveUnknown(text("Ed25519"))),
    ];
    for (name, entry, why) in cases {
        let expected = why.clone();
        assert_eq!(only(entry.clone()).map(|_| ()), Err(expected), "{name}");
        let beside = parse(&[entry, p256()]).unwrap();
        assert_eq!((beside.set.len(), beside.skipped.len()), (1, 1), "beside a good key: {name}");
        assert_eq!((beside.skipped[0].index, &beside.skipped[0].why), (0, &why), "{name}");
    }
}

fn at_zero(key: Value, length: usize) -> Value {
    let zero = encoded(vec![0; length]);
    with(with(key, "x", zero.clone()), "y", zero)
}

#[test]
fn moduli_that_can_be_factored_by_their_form_are_skipped() {
    // 65537^128 is what ROCA looks for, without a secret behind it. Times 65537 is a shift by two
    // bytes and an addition.
    let power = (0..128).fold(vec![1], |power: Vec<u8>, _| {
        sum(&[power.as_slice(), &[0, 0]].concat(), &[&[0, 0], power.as_slice()].concat())
    });
    let neighbour = [power.get(..power.len() - 1).unwrap(), &[3]].concat();
    let why = |n: &[u8]| only(with(rsa(), "n", encoded(n))).map(|_| ());
    assert_eq!(why(&power), Err(WhySkipped::RsaFactorable));
    assert_eq!(why(&neighbour), Ok(()));
}

/// The sum of two big-endian numbers of one length; it has a byte more where it needs one.
fn sum(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let mut sum: Vec<u8> = Vec::new();
    for (a, b) in a.iter().zip(b).rev() {
        let digit = u16::from(*a) + u16::from(*b) + carry;
        carry = digit >> 8;
        sum.push(digit.to_le_bytes()[0]);
    }
    sum.extend((carry > 0).then(|| carry.to_le_bytes()[0]));
    sum.reverse();
    sum
}

#[test]
fn a_point_is_a_key_where_jwt_simple_takes_it_for_one() {
    let mut taken = 0_usize;
    for key in [p256(), p384(), ed25519()] {
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str()?).ok();
        let (x, y) = (bytes("x").unwrap(), bytes("y"));
        // As it is, and with each of its first bits turned over.
        for bit in 0..=64_usize {
            let mut x = x.clone();
            if let Some(bit) = bit.checked_sub(1) {
                x[bit / 8] ^= 1 << (bit % 8);
            }
            let point = || [&[4], x.as_slice(), y.as_deref().unwrap()].concat();
            let expected = match key["crv"].as_str().unwrap() {
                "P-256" => ES256PublicKey::from_bytes(&point()).is_ok(),
                "P-384" => ES384PublicKey::from_bytes(&point()).is_ok(),
                _ => Ed25519PublicKey::from_bytes(&x).is_ok(),
            };
            let found = only(with(key.clone(), "x", encoded(&x))).is_ok();
            assert_eq!(found, expected, "{key}, bit {bit}");
            taken = taken.saturating_add(usize::from(found));
        }
    }
    assert!((3..150).contains(&taken), "{taken}");
}

#[test]
fn ed25519_points_of_small_order_are_skipped() {
    let order_8 = [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ];
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut order_2 = [0xff; 32];
    (order_2[0], order_2[31]) = (0xec, 0x7f);
    let cases: [(&str, &[u8]); 6] = [
        ("of order 1", &identity),
        ("of order 2", &order_2),
        ("of order 4", &[0; 32]),
        ("of order 8", &order_8),
        ("y beyond the field", &[0xff; 32]),
        ("off the curve", &[2; 32]),
    ];
    for (name, x) in cases {
        let why = only(with(ed25519(), "x", encoded(x))).map(|_| ());
        assert_eq!(why, Err(WhySkipped::PointInvalid), "{name}");
    }
}

/// The one key that `entry` is in the configuration, or why not.
fn inline(entry: Value) -> Result<PublicKey, WhySkipped> {
    let text = json!({ "keys": [entry] }).to_string();
    match KeySet::parse(text.as_bytes(), Origin::Inline) {
        Ok(parsed) => Ok(parsed.set.iter().next().unwrap().clone()),
        Err(SetError::NoneUsable(mut skipped)) => Err(skipped.remove(0).why),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_secret_is_taken_from_the_configuration_alone() {
    use Alg::{Hs256, Hs384, Hs512};
    use WhySkipped::*;
    let named = |name: &str, bytes: usize| with(oct(bytes), "alg", name);
    let cases: [(_, _, Result<&[Alg], _>); 16] = [
        ("32 bytes", oct(32), Ok(&[Hs256])),
        ("64 bytes", oct(64), Ok(&[Hs256, Hs384, Hs512])),
        ("64 bytes for HS384", named("HS384", 64), Ok(&[Hs384])),
        ("48 bytes for HS384", named("HS384", 48), Ok(&[Hs384])),
        ("no bytes", oct(0), Err(MemberEmpty("k"))),
        ("null", with(oct(64), "k", Value::Null), Err(MemberEmpty("k"))),
        ("31 bytes", oct(31), Err(SecretShort(31))),
        ("31 bytes for HS256", named("HS256", 31), Err(SecretShort(31))),
        ("47 bytes for HS384", named("HS384", 47), Err(SecretShort(47))),
        ("63 bytes for HS512", named("HS512", 63), Err(SecretShort(63))),
        ("for RS256", named("RS256", 64), Err(AlgorithmMismatch(Alg::Rs256))),
        ("for wrapping keys", named("A256KW", 64), Err(AlgorithmUnknown("`A256KW`".into()))),
        ("for encryption", with(oct(64), "use", "enc"), Err(UseOther("`enc`".into()))),
        ("no secret", json!({ "kty": "oct" }), Err(MemberMissing("k"))),
        ("a padded secret", with(oct(32), "k", format!("{}=", encoded([7; 32]))), Ok(&[Hs256])),
        ("a secret that is a number", with(oct(64), "k", 7), Err(MemberType("k"))),
    ];
    for (name, entry, expected) in cases {
        let found = inline(entry.clone());
        let fitting = |key: PublicKey| Alg::ALL.into_iter().filter(|alg| key.fits(*alg)).collect();
        let found: Result<Vec<_>, _> = found.map(fitting);
        assert_eq!(found, expected.map(<[Alg]>::to_vec), "{name}");
        assert_eq!(only(entry).map(|_| ()), Err(Symmetric), "fetched: {name}");
    }
}

#[test]
fn a_text_that_is_no_key_set_is_refused_whole() {
    let many = |count| json!({ "keys": vec![p256(); count] }).to_string();
    let padded = format!("{}{}", json!({ "keys": [p256()] }), " ".repeat(MAX_SET_BYTES));
    let cases: [(&str, &str, SetError); 12] = [
        ("nothing", "", SetError::Malformed),
        ("a page", "<html></html>", SetError::Malformed),
        ("cut off", r#"{"keys":[{"kty":"RSA","#, SetError::Malformed),
        ("a list", "[]", SetError::NotAnObject),
        ("no keys", "{}", SetError::KeysMissing),
        ("an error in JSON", r#"{"error":"not found"}"#, SetError::KeysMissing),
        ("keys in an object", r#"{"keys":{}}"#, SetError::KeysMissing),
        ("keys by certificate", r#"{"kid1":"-----BEGIN CERTIFICATE-----"}"#, SetError::KeysMissing),
        ("two lists", r#"{"keys":[],"keys":[]}"#, SetError::Duplicate),
        ("an empty list", r#"{"keys":[]}"#, SetError::NoneUsable(Vec::new())),
        ("a list too long", &many(MAX_KEYS + 1), SetError::TooManyKeys(MAX_KEYS + 1)),
        ("a text too long", &padded, SetError::TooLarge(padded.len())),
    ];
    for (name, text, expected) in cases {
        let error = KeySet::parse(text.as_bytes(), Origin::Fetched).unwrap_err();
        assert_eq!(error, expected, "{name}");
        assert!(!error.to_string().is_empty(), "{name}");
    }
    assert!(KeySet::parse(many(MAX_KEYS).as_bytes(), Origin::Fetched).is_ok());
}

#[test]
fn log_lines_about_a_set_are_short_and_name_the_key() {
    let hostile = "a\r\n\u{1b}[31m\"".repeat(20);
    let entry = json!({ "kty": hostile, "kid": hostile, "use": "sig" });
    let error = parse(&vec![entry; MAX_KEYS]).unwrap_err().to_string();
    assert!(error.starts_with("no key of the set can be used: keys[0] (kid `a\\u{d}"), "{error}");
    assert!(error.ends_with("; and 124 more"), "{error}");
    assert!(error.len() < 1200 && error.chars().all(|c| !c.is_control()), "{error}");

    let skipped = parse(&[rsa(), with(with(rsa(), "use", "enc"), "kid", "e1")]).unwrap().skipped;
    assert_eq!(skipped[0].to_string(), "keys[1] (kid `e1`): its `use` is `enc`, not `sig`");
}

#[test]
fn published_private_keys_are_used_and_named() {
    let ec: Value = serde_json::from_str(&ES256KeyPair::generate().to_jwk()).unwrap();
    let okp: Value = serde_json::from_str(&Ed25519KeyPair::generate().to_jwk()).unwrap();
    let unusable = with(with(rsa(), "p", "AA"), "use", "enc");
    let keys = [rsa(), with(ec, "kid", "k1"), without(okp, "alg"), unusable, with(rsa(), "qi", 7)];
    let parsed = parse(&keys).unwrap();
    let named: Vec<_> = parsed.private.iter().map(Entry::to_string).collect();
    assert_eq!(named, ["keys[1] (kid `k1`)", "keys[2]", "keys[3]", "keys[4]"]);
    assert_eq!(parsed.set.len(), 3, "the last entry repeats the first");
    let public = [with(rsa(), "d", Value::Null), json!({ "kty": "oct", "k": "AA" })];
    assert!(parse(&public).unwrap().private.is_empty());
}

#[test]
fn a_version_changes_only_with_the_usable_keys() {
    let first = parsed(&[with(rsa(), "kid", "a"), with(p256(), "kid", "b"), ed25519()]);
    let same = [
        ("in another order", vec![ed25519(), with(p256(), "kid", "b"), with(rsa(), "kid", "a")]),
        (
            "with members that do not matter",
            vec![
                with(with(rsa(), "kid", "a"), "x5t", "zzz"),
                with(with(p256(), "kid", "b"), "use", "sig"),
                ed25519(),
            ],
        ),
        (
            "with a key that cannot be used",
            vec![with(rsa(), "kid", "a"), json!({}), with(p256(), "kid", "b"), ed25519()],
        ),
        (
            "with a key twice",
            vec![with(rsa(), "kid", "a"), with(p256(), "kid", "b"), ed25519(), ed25519()],
        ),
    ];
    for (name, keys) in same {
        assert_eq!(parsed(&keys).version(), first.version(), "{name}");
    }
    let (a, b) = (with(rsa(), "kid", "a"), with(p256(), "kid", "b"));
    let others = [
        ("without a key", vec![a.clone(), b.clone()]),
        ("with a key more", vec![a.clone(), b.clone(), ed25519(), p384()]),
        (
            "with key IDs swapped",
            vec![with(rsa(), "kid", "b"), with(p256(), "kid", "a"), ed25519()],
        ),
        ("with a key ID more", vec![a.clone(), b.clone(), with(ed25519(), "kid", "c")]),
        ("with an algorithm", vec![with(a.clone(), "alg", "RS256"), b.clone(), ed25519()]),
        ("with an issuer", vec![with(a.clone(), "issuer", "https://i"), b.clone(), ed25519()]),
        ("with another key", vec![with(a, "n", modulus(2048, 0)), b, ed25519()]),
    ];
    for (name, keys) in others {
        assert_ne!(parsed(&keys).version(), first.version(), "{name}");
    }
}

#[test]
fn a_thumbprint_is_that_of_rfc_7638() {
    let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let cases = [
        ("RFC 7638 §3.1", rsa(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs".to_owned()),
        ("RFC 8037 §A.3", ed25519(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k".to_owned()),
    ];
    for (name, entry, expected) in cases {
        let key = only(with(with(entry, "kid", "any"), "issuer", "any")).unwrap();
        assert_eq!(key.thumbprint().to_vec(), decoded(&expected), "{name}");
    }
    // The library's own thumbprints, for the curves that no RFC has one of.
    for (jwk, expected) in [
        pair(ES256KeyPair::generate().public_key(), |k| (k.to_jwk(), k.jwk_thumbprint())),
        pair(ES384KeyPair::generate().public_key(), |k| (k.to_jwk(), k.jwk_thumbprint())),
    ] {
        let key = only(serde_json::from_str(&jwk).unwrap()).unwrap();
        assert_eq!(key.thumbprint().to_vec(), decoded(&expected));
    }
    // No RFC has a thumbprint of a P-521 key or a secret: from the text that RFC 7638 §3 prescribes.
    let texts = [
        (
            only(p521()),
            format!(r#"{{"crv":"P-521","kty":"EC","x":{},"y":{}}}"#, p521()["x"], p521()["y"]),
        ),
        (inline(oct(32)), format!(r#"{{"k":{},"kty":"oct"}}"#, oct(32)["k"])),
    ];
    for (key, text) in texts {
        assert_eq!(
            key.unwrap().thumbprint().as_slice(),
            Sha256::digest(&text).as_slice(),
            "{text}"
        );
    }
    let zeros = with(rsa(), "n", encoded([vec![0], decoded(MODULUS)].concat()));
    assert_eq!(only(zeros).unwrap().thumbprint(), only(rsa()).unwrap().thumbprint());
}

fn pair<K>(key: K, both: impl Fn(&K) -> (String, String)) -> (String, String) {
    both(&key)
}

#[test]
fn what_a_key_says_of_itself_is_kept() {
    let issuer = "https://login.microsoftonline.com/{tenantid}/v2.0";
    let key = only(with(with(with(rsa(), "issuer", issuer), "kid", "k1"), "alg", "RS256")).unwrap();
    assert_eq!(key.issuer(), Some(issuer));
    assert_eq!(key.kid(), Kid::parse("k1").as_ref());
    assert_eq!(key.alg(), Some(Alg::Rs256));
    let bare = only(rsa()).unwrap();
    assert_eq!((bare.issuer(), bare.kid(), bare.alg()), (None, None, None));
}

#[test]
fn debug_output_has_no_key_material() {
    let set = parsed(&[with(rsa(), "kid", "k1"), p256(), ed25519()]);
    let shown = format!("{set:?}");
    assert!(shown.contains("RSA 2048") && shown.contains("k1"), "{shown}");
    assert!(shown.len() < 600, "{shown}");
    let secret = format!("{:?}", inline(with(oct(64), "kid", "k1")).unwrap());
    assert!(secret.contains("secret") && !secret.contains("7, 7"), "{secret}");
}
