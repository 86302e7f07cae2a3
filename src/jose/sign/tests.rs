use super::*;

const ED25519: &str = include_str!("../../../tests/support/keys/client-ed25519.pem");
const P256: &str = include_str!("../../../tests/support/keys/client-p256.pem");
const P256_SEC1: &str = include_str!("../../../tests/support/keys/client-p256-sec1.pem");
const RSA: &str = include_str!("../../../tests/support/keys/client-rsa.pem");
const RSA_PKCS1: &str = include_str!("../../../tests/support/keys/client-rsa-pkcs1.pem");

fn key(pem: &str, alg: Alg) -> Result<SigningKey, SigningKeyError> {
    SigningKey::from_pem(Zeroizing::new(pem.to_owned()), alg)
}

/// A host that signs with the key that it is given, as Envoy does.
struct Host;

impl HostSigner for Host {
    fn sign(&self, hash: &str, key_pem: &str, text: &[u8]) -> Option<Vec<u8>> {
        use rsa::pkcs1::DecodeRsaPrivateKey as _;
        use rsa::pkcs8::DecodePrivateKey as _;
        use rsa::sha2::Digest as _;
        assert_eq!(hash, "sha256");
        let read = rsa::RsaPrivateKey::from_pkcs8_pem(key_pem)
            .or_else(|_| rsa::RsaPrivateKey::from_pkcs1_pem(key_pem));
        match read {
            Ok(rsa) => {
                let digest = rsa::sha2::Sha256::digest(text);
                rsa.sign(rsa::Pkcs1v15Sign::new::<rsa::sha2::Sha256>(), &digest).ok()
            }
            Err(_) => {
                let own = key(key_pem, Alg::Es256).ok()?;
                Some(der::ecdsa_der(&own.sign(text, None)?))
            }
        }
    }
}

/// A host whose signatures are nobody's.
struct Wrong;

impl HostSigner for Wrong {
    fn sign(&self, _: &str, _: &str, _: &[u8]) -> Option<Vec<u8>> {
        Some(vec![1; 256])
    }
}

#[test]
fn what_a_key_signs_its_public_half_verifies_whoever_signs() {
    let host: Option<&dyn HostSigner> = Some(&Host);
    for (name, pem, alg, by_itself) in [
        ("Ed25519", ED25519, Alg::EdDsa, true),
        ("P-256", P256, Alg::Es256, true),
        ("P-256 in SEC 1", P256_SEC1, Alg::Es256, true),
        ("RSA", RSA, Alg::Rs256, false),
        ("RSA in PKCS #1", RSA_PKCS1, Alg::Rs256, false),
    ] {
        let mut key = key(pem, alg).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(key.try_host(None), by_itself, "{name}");
        for host in [None, host] {
            assert!(key.try_host(host) || host.is_none());
            for text in [b"".as_slice(), b"a", &[7; 1000]] {
                match key.sign(text, host) {
                    Some(signature) => {
                        let verified = InWasm.verify(key.public(), alg, text, &signature);
                        assert_eq!(verified, Ok(()), "{name}");
                    }
                    None => assert!(!by_itself && host.is_none(), "{name}"),
                }
            }
        }
    }
}

#[test]
fn a_host_that_signs_wrongly_is_not_asked() {
    let mut ec = key(P256, Alg::Es256).unwrap();
    assert!(ec.try_host(Some(&Wrong)));
    let signature = ec.sign(b"text", Some(&Wrong)).unwrap();
    assert_eq!(InWasm.verify(ec.public(), Alg::Es256, b"text", &signature), Ok(()));
    let mut rsa = key(RSA, Alg::Rs256).unwrap();
    assert!(!rsa.try_host(Some(&Wrong)));
    assert_eq!(rsa.sign(b"text", Some(&Wrong)), None);
}

#[test]
fn a_signature_in_der_keeps_its_leading_zeros() {
    let fixed: Vec<u8> = [[0; 3].as_slice(), &[9; 29], &[0; 1], &[0xff; 31]].concat();
    assert_eq!(der::ecdsa_fixed(&der::ecdsa_der(&fixed)), Some(fixed.clone()));
    assert_eq!(der::ecdsa_fixed(&[]), None);
    assert_eq!(der::ecdsa_fixed(&der::ecdsa_der(&[1; 80])), None, "numbers that are too long");
    let mut behind = der::ecdsa_der(&fixed);
    behind.push(0);
    assert_eq!(der::ecdsa_fixed(&behind), None);
}

#[test]
fn what_is_no_private_key_is_refused_and_not_shown() {
    let cases = [
        ("nothing", "", Alg::Es256, SigningKeyError::NotPem),
        (
            "a public key",
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
            Alg::Es256,
            SigningKeyError::NotPem,
        ),
        (
            "an encrypted one",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----",
            Alg::Es256,
            SigningKeyError::NotPem,
        ),
        ("no end", "-----BEGIN PRIVATE KEY-----\nAAAA", Alg::Es256, SigningKeyError::NotPem),
        (
            "no base64",
            "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----",
            Alg::Es256,
            SigningKeyError::Unusable,
        ),
        (
            "no key",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
            Alg::Es256,
            SigningKeyError::Unusable,
        ),
        ("another algorithm", RSA, Alg::Es256, SigningKeyError::OtherAlg),
        ("another algorithm", ED25519, Alg::Rs256, SigningKeyError::OtherAlg),
    ];
    for (name, pem, alg, expected) in cases {
        assert_eq!(key(pem, alg).err(), Some(expected), "{name}");
    }
    assert_eq!(format!("{:?}", key(P256, Alg::Es256).unwrap()), "a private key for ES256");
}
