//! Project Wycheproof's vectors, through the same door as a provider's keys, a token's signature and
//! what a browser keeps.
//!
//! A vector with a good signature is accepted, every other is refused. What the project calls
//! acceptable (a `DigestInfo` without NULL parameters) is refused: RFC 8017 §8.2.2 compares with
//! the one encoding that §9.2 makes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tollgate::jose::alg::Alg;
use tollgate::jose::jwk::{KeySet, Origin, PublicKey, SetError, WhySkipped};
use tollgate::jose::verify::{InWasm, Verifier};
use tollgate::seal::aead as ours;
use wycheproof::{
    HashFunction, TestResult, aead, ecdsa, eddsa, mac, rsa_pkcs1_verify, rsa_pss_verify,
};

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn key(jwk: &Value) -> Result<PublicKey, WhySkipped> {
    let text = json!({ "keys": [jwk] }).to_string();
    match KeySet::parse(text.as_bytes(), Origin::Inline) {
        Ok(parsed) => Ok(parsed.set.iter().next().unwrap().clone()),
        Err(SetError::NoneUsable(mut skipped)) => Err(skipped.remove(0).why),
        Err(error) => panic!("{error}"),
    }
}

fn rsa_key(modulus: &[u8], exponent: &[u8]) -> PublicKey {
    key(&json!({ "kty": "RSA", "n": encoded(modulus), "e": encoded(exponent) })).unwrap()
}

fn ec_key(curve: &str, point: &[u8]) -> PublicKey {
    assert_eq!(point.first(), Some(&4), "uncompressed");
    let (x, y) = point.split_at(1).1.split_at(point.len() / 2);
    key(&json!({ "kty": "EC", "crv": curve, "x": encoded(x), "y": encoded(y) })).unwrap()
}

/// One vector: its file and number, its signature, whether that is good.
struct Case<'a> {
    name: String,
    key: &'a PublicKey,
    alg: Alg,
    signed: &'a [u8],
    signature: &'a [u8],
    good: bool,
}

/// How many were accepted and how many refused, as they should be.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    accepted: u32,
    refused: u32,
}

impl Counts {
    fn check(&mut self, case: &Case<'_>) {
        let Case { name, key, alg, signed, signature, good } = case;
        let accepted = InWasm.verify(key, *alg, signed, signature).is_ok();
        assert_eq!(accepted, *good, "{name}");
        *if accepted { &mut self.accepted } else { &mut self.refused } += 1;
    }

    /// A set that is not read proves nothing.
    fn are_at_least(&self, accepted: u32, refused: u32) {
        assert!(self.accepted >= accepted && self.refused >= refused, "{self:?}");
    }
}

/// The algorithm with this hash, if there is one.
fn with_hash(hash: HashFunction, [sha256, sha384, sha512]: [Alg; 3]) -> Option<Alg> {
    match hash {
        HashFunction::Sha2_256 => Some(sha256),
        HashFunction::Sha2_384 => Some(sha384),
        HashFunction::Sha2_512 => Some(sha512),
        _ => None,
    }
}

const PKCS1: [Alg; 3] = [Alg::Rs256, Alg::Rs384, Alg::Rs512];
const PSS: [Alg; 3] = [Alg::Ps256, Alg::Ps384, Alg::Ps512];

#[test]
fn rsa_pkcs1_signatures_are_judged_as_they_should_be() {
    let mut counts = Counts::default();
    for file in rsa_pkcs1_verify::TestName::all() {
        for group in rsa_pkcs1_verify::TestSet::load(file).unwrap().test_groups {
            let key = rsa_key(&group.key.n, &group.key.e);
            let own = with_hash(group.hash, PKCS1);
            for test in &group.tests {
                let good = test.result == TestResult::Valid;
                // The other algorithms are shown one signature of each group that is good.
                let others = PKCS1.into_iter().filter(|alg| test.tc_id < 3 && Some(*alg) != own);
                for alg in own.into_iter().chain(others) {
                    counts.check(&Case {
                        name: format!("{file:?} {}: {}, {alg}", test.tc_id, test.comment),
                        key: &key,
                        alg,
                        signed: &test.msg,
                        signature: &test.sig,
                        good: good && own == Some(alg),
                    });
                }
            }
        }
    }
    counts.are_at_least(89, 3017);
}

#[test]
fn rsa_pss_signatures_are_judged_as_they_should_be() {
    let mut counts = Counts::default();
    for file in rsa_pss_verify::TestName::all() {
        for group in rsa_pss_verify::TestSet::load(file).unwrap().test_groups {
            let own = with_hash(group.hash, PSS);
            let bytes = match own {
                Some(Alg::Ps256) => 32,
                Some(Alg::Ps384) => 48,
                _ => 64,
            };
            // RFC 7518 §3.5: one hash for text and mask, and a salt as long as the hash.
            let ours =
                own.is_some() && group.mgf_hash == Some(group.hash) && group.salt_size == bytes;
            let key = rsa_key(&group.key.n, &group.key.e);
            for test in &group.tests {
                let good = test.result == TestResult::Valid;
                // What is wrong with other parameters may be right with ours.
                if !ours && !good {
                    continue;
                }
                counts.check(&Case {
                    name: format!("{file:?} {}: {}", test.tc_id, test.comment),
                    key: &key,
                    alg: own.unwrap_or(Alg::Ps256),
                    signed: &test.msg,
                    signature: &test.sig,
                    good: good && ours,
                });
            }
        }
    }
    counts.are_at_least(769, 411);
}

#[test]
fn ecdsa_signatures_are_judged_as_they_should_be() {
    use ecdsa::TestName::*;
    let files = [
        (EcdsaSecp256r1Sha256P1363, "P-256", Alg::Es256),
        (EcdsaSecp384r1Sha384P1363, "P-384", Alg::Es384),
        (EcdsaSecp521r1Sha512P1363, "P-521", Alg::Es512),
    ];
    let mut counts = Counts::default();
    for (file, curve, alg) in files {
        for group in ecdsa::TestSet::load(file).unwrap().test_groups {
            let key = ec_key(curve, &group.key.key);
            for test in &group.tests {
                counts.check(&Case {
                    name: format!("{file:?} {}: {}", test.tc_id, test.comment),
                    key: &key,
                    alg,
                    signed: &test.msg,
                    signature: &test.sig,
                    good: test.result == TestResult::Valid,
                });
            }
        }
    }
    counts.are_at_least(597, 263);
}

#[test]
fn ed25519_signatures_are_judged_as_they_should_be() {
    let mut counts = Counts::default();
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": encoded(&group.key.pk) });
        let key = key(&jwk).unwrap();
        for test in &group.tests {
            counts.check(&Case {
                name: format!("Ed25519 {}: {}", test.tc_id, test.comment),
                key: &key,
                alg: Alg::EdDsa,
                signed: &test.msg,
                signature: &test.sig,
                good: test.result == TestResult::Valid,
            });
        }
    }
    counts.are_at_least(88, 63);
}

#[test]
fn macs_are_judged_as_they_should_be() {
    let files = [
        (mac::TestName::HmacSha256, Alg::Hs256, 256),
        (mac::TestName::HmacSha384, Alg::Hs384, 384),
        (mac::TestName::HmacSha512, Alg::Hs512, 512),
    ];
    let mut counts = Counts::default();
    let mut short_secrets = 0;
    for (file, alg, bits) in files {
        for group in mac::TestSet::load(file).unwrap().test_groups {
            for test in &group.tests {
                let jwk = json!({ "kty": "oct", "k": encoded(&test.key), "alg": alg.name() });
                let key = match key(&jwk) {
                    Ok(key) => key,
                    Err(why) => {
                        assert_eq!(why, WhySkipped::SecretShort(test.key.len()));
                        assert!(test.key.len() * 8 < bits, "{file:?} {}", test.tc_id);
                        short_secrets += 1;
                        continue;
                    }
                };
                // RFC 7518 §3.2 has no place for a MAC that was cut.
                let whole = group.tag_size == bits;
                counts.check(&Case {
                    name: format!("{file:?} {}: {}", test.tc_id, test.comment),
                    key: &key,
                    alg,
                    signed: &test.msg,
                    signature: &test.tag,
                    good: whole && test.result == TestResult::Valid,
                });
            }
        }
    }
    counts.are_at_least(90, 414);
    assert!(short_secrets > 0);
}

#[test]
fn sealed_texts_are_opened_as_they_should_be() {
    let mut counts = Counts::default();
    let mut lengths = 0;
    let set = aead::TestSet::load(aead::TestName::XChaCha20Poly1305).unwrap();
    for group in set.test_groups {
        for test in &group.tests {
            let name = format!("{}: {}", test.tc_id, test.comment);
            let shape =
                (test.key[..].try_into(), test.nonce[..].try_into(), test.tag[..].try_into());
            let (Ok(key), Ok(nonce), Ok(tag)) = shape else {
                // No array of ours has another length.
                assert_eq!(test.result, TestResult::Invalid, "{name}");
                lengths += 1;
                continue;
            };
            let good = test.result == TestResult::Valid;
            let mut text = test.ct.to_vec();
            let opened = ours::decrypt(key, nonce, &test.aad, &mut text, tag);
            assert_eq!(opened.is_ok(), good, "{name}");
            assert_eq!(text == test.pt[..], good || test.pt == test.ct, "{name}");
            *if good { &mut counts.accepted } else { &mut counts.refused } += 1;
            if good {
                let mut text = test.pt.to_vec();
                let made = ours::encrypt(key, nonce, &test.aad, &mut text);
                assert_eq!((made.as_ref(), &text[..]), (Some(tag), &test.ct[..]), "{name}");
            }
        }
    }
    counts.are_at_least(246, 60);
    assert!(lengths > 0);
}
