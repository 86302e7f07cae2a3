use jwt_simple::algorithms::{ES256KeyPair, ES384KeyPair, Ed25519KeyPair};

use super::*;
use crate::jose::jwk::KeySet;

/// The modulus of RFC 7638 §3.1.
const MODULUS: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_\
                       BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_\
                       FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhA\
                       I4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

/// The point of the key in RFC 7515 §A.4, on P-521.
const P521: &str = r#"{"kty":"EC","crv":"P-521",
    "x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
    "y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#;

/// The one key of a set in JSON.
fn set(jwk: &str) -> KeySet {
    let text = format!(r#"{{"keys":[{jwk}]}}"#);
    KeySet::parse(text.as_bytes(), crate::jose::jwk::Origin::Inline).unwrap().set
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines: Vec<_> =
        body.as_bytes().chunks(64).map(|l| std::str::from_utf8(l).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn thumbprints(set: &KeySet) -> Vec<[u8; 32]> {
    set.iter().map(|key| *key.thumbprint()).collect()
}

#[test]
fn a_key_in_pem_is_the_key_that_it_is_as_a_jwk() {
    let rsa = format!(r#"{{"kty":"RSA","n":"{MODULUS}","e":"AQAB"}}"#);
    let (p256, p384) = (ES256KeyPair::generate(), ES384KeyPair::generate());
    let jwks = [
        rsa.as_str(),
        &p256.public_key().to_jwk().to_string(),
        &p384.public_key().to_jwk().to_string(),
        P521,
    ];
    for jwk in jwks {
        let (expected, label) = (set(jwk), "PUBLIC KEY");
        let der = expected.iter().next().unwrap().spki_der().unwrap().to_vec();
        let read = KeySet::from_pem(&pem(label, &der)).unwrap();
        assert_eq!(thumbprints(&read), thumbprints(&expected), "{jwk}");
        // No byte of it may be missing, and none may follow.
        assert!(KeySet::from_pem(&pem(label, &der[..der.len() - 1])).is_err(), "{jwk}");
        assert!(KeySet::from_pem(&pem(label, &[der, vec![0]].concat())).is_err(), "{jwk}");
    }
}

#[test]
fn an_edwards_key_in_pem_is_read() {
    // The key of RFC 8410 §10.1 and its twin as a JWK.
    let text = "-----BEGIN PUBLIC KEY-----\r\n\
                MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\r\n\
                -----END PUBLIC KEY-----";
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE"}"#;
    assert_eq!(thumbprints(&KeySet::from_pem(text).unwrap()), thumbprints(&set(jwk)));
    let other = Ed25519KeyPair::generate().public_key().to_pem();
    assert_eq!(KeySet::from_pem(&format!("one:\n{text}\ntwo:\n{other}")).unwrap().len(), 2);
}

#[test]
fn an_rsa_key_in_its_own_form_is_read() {
    let rsa = set(&format!(r#"{{"kty":"RSA","n":"{MODULUS}","e":"AQAB"}}"#));
    let spki = rsa.iter().next().unwrap().spki_der().unwrap();
    // Behind: sequence, algorithm, and the bit string's head.
    let text = pem("RSA PUBLIC KEY", &spki[24..]);
    assert_eq!(thumbprints(&KeySet::from_pem(&text).unwrap()), thumbprints(&rsa));
}

#[test]
fn what_is_no_public_key_is_refused_by_what_it_is() {
    let small = der::rsa_spki(&[0xab; 128], &[1, 0, 1]);
    // The algorithm is id-RSASSA-PSS (RFC 4055 §3.1), whose keys say more than a JWK can.
    let pss = [
        0x30, 0x11, 0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10, 3, 2, 0,
        0,
    ];
    let cases = [
        ("nothing", String::new(), PemError::NoBlock),
        ("base64 alone", "MCowBQYDK2VwAyEA".into(), PemError::NoBlock),
        ("no end", "-----BEGIN PUBLIC KEY-----\nMCow".into(), PemError::NoBlock),
        ("a label without its end", "-----BEGIN PUBLIC KEY".into(), PemError::NoBlock),
        ("a private key", pem("PRIVATE KEY", &[0]), PemError::Private),
        ("a private key of the old form", pem("RSA PRIVATE KEY", &[0]), PemError::Private),
        ("an encrypted private key", pem("ENCRYPTED PRIVATE KEY", &[0]), PemError::Private),
        ("a certificate", pem("CERTIFICATE", &[0]), PemError::Certificate),
        ("something else", pem("DH PARAMETERS", &[0]), PemError::OtherLabel),
        (
            "another alphabet",
            "-----BEGIN PUBLIC KEY-----\n__8\n-----END PUBLIC KEY-----".into(),
            PemError::Encoding,
        ),
        ("empty", pem("PUBLIC KEY", &[]), PemError::Encoding),
        ("another algorithm", pem("PUBLIC KEY", &pss), PemError::KeyUnsupported),
        (
            "a key too small",
            pem("PUBLIC KEY", &small),
            PemError::Unusable(WhySkipped::RsaBits(1024)),
        ),
    ];
    for (name, text, expected) in cases {
        assert_eq!(KeySet::from_pem(&text).err(), Some(expected), "{name}");
    }
    let private_behind = format!("{}{}", pem("PUBLIC KEY", &small), pem("PRIVATE KEY", &[0]));
    assert_eq!(KeySet::from_pem(&private_behind).err(), Some(PemError::Private));
}

#[test]
fn a_secret_is_at_least_as_long_as_the_shortest_hash() {
    assert!(KeySet::from_secret(&[7; 32]).is_ok());
    assert_eq!(KeySet::from_secret(&[7; 31]).err(), Some(WhySkipped::SecretShort(31)));
}
