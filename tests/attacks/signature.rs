//! The signature: missing, changed, malleable, of another key or in another encoding.

use rsa::rand_core::OsRng;
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _};
use rsa::traits::PublicKeyParts as _;
use rsa::{BigUint, pss};
use serde_json::{Value, json};

use crate::catalogue::Case::{Elsewhere, Fetched, Refused, Scene, Tokens, Under};
use crate::catalogue::{FORWARDED, Row, configuration, provider, run};
use crate::forge::{claims, es256, good, hs256, rs256, signed_by, with_header};
use crate::pairs::{
    P256_ORDER, SHA1_INFO, SHA256_INFO, SHA512_INFO, encoded, encoding, p256, p256_signature, p521,
    p521_jwk, rsa, rsa_jwk, rsa_raw, rsa_signature, sha256, wrong_encodings,
};
use crate::support::token::{Signer, Token};
use crate::support::world::{Worker, World};

const BAD: &str = "token_signature_invalid";

/// L, the order of Ed25519's group (RFC 8032 §5.1), little-endian.
const ED25519_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// A good token's signature, changed.
fn changed(token: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let (signed, signature) = token.rsplit_once('.').unwrap();
    format!("{signed}.{}", encoded(change(URL_SAFE_NO_PAD.decode(signature).unwrap())))
}

fn pss(salt: usize) -> String {
    signed_by(&json!({ "alg": "PS256", "kid": "r1" }), |signed| {
        let key = pss::SigningKey::<rsa::sha2::Sha256>::new_with_salt_len(rsa().clone(), salt);
        key.sign_with_rng(&mut OsRng, signed).to_vec()
    })
}

/// PSS with SHA-256 for the text and SHA-512 for everything else.
fn pss_sha512() -> String {
    signed_by(&json!({ "alg": "PS256", "kid": "r1" }), |signed| {
        let key = pss::SigningKey::<rsa::sha2::Sha512>::new(rsa().clone());
        key.sign_with_rng(&mut OsRng, signed).to_vec()
    })
}

/// The provider's settings with `r1` for any algorithm of RSA.
fn any_rsa() -> Value {
    let mut jwk = rsa_jwk("r1");
    jwk.as_object_mut().unwrap().remove("alg");
    json!({ "jwks": { "inline": { "keys": [jwk] } } })
}

/// The sum of two little-endian numbers.
fn sum(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let digits = a.iter().zip(b).map(|(a, b)| {
        let digit = u16::from(*a) + u16::from(*b) + carry;
        carry = digit >> 8;
        digit.to_le_bytes()[0]
    });
    digits.collect()
}

#[test]
fn signatures_that_are_not_by_the_key_over_the_text() {
    let good = good();
    let rs256_token = signed_by(&rs256(), rsa_signature);
    let es256_token = signed_by(&es256(), |signed| p256_signature(signed).to_bytes().to_vec());
    let all = [&good, &rs256_token, &es256_token];
    let each = |change: fn(Vec<u8>) -> Vec<u8>| all.map(|token| changed(token, change)).to_vec();
    let signature = |r: &[u8], s: &[u8]| changed(&es256_token, |_| [r, s].concat());
    let (r, s) = {
        let bytes = p256_signature(es256_token.rsplit_once('.').unwrap().0.as_bytes()).to_bytes();
        (bytes[..32].to_vec(), bytes[32..].to_vec())
    };
    let zero = [0; 32];
    let mut above = P256_ORDER;
    above[31] += 1;
    let twin = signed_by(&es256(), |signed| {
        let (r, s) = p256_signature(signed).split_scalars();
        p256::ecdsa::Signature::from_scalars(r, -s).unwrap().to_bytes().to_vec()
    });
    let der = signed_by(&es256(), |signed| p256_signature(signed).to_der().as_bytes().to_vec());
    let of_p521 = signed_by(&json!({ "alg": "ES256", "kid": "p1" }), |signed| {
        use p521::ecdsa::signature::Signer as _;
        let signature: p521::ecdsa::Signature = p521().sign(signed);
        signature.to_bytes().to_vec()
    });
    let by_another = signed_by(&es256(), |signed| {
        use p256::ecdsa::signature::Signer as _;
        let signature: p256::ecdsa::Signature = p256(2).sign(signed);
        signature.to_bytes().to_vec()
    });
    let [header, payload, good_signature] = good.split('.').collect::<Vec<_>>()[..] else {
        panic!("{good}")
    };
    let other_claims = encoded(claims().replace("alice", "admin"));
    let other_header = encoded(r#"{"alg":"EdDSA","kid":"k1","x":1}"#);
    let text = format!("{}.{}", encoded(rs256().to_string()), encoded(claims()));
    let with_info = |info: &[u8], length: usize| {
        let hash = &[sha256(text.as_bytes()), sha256(text.as_bytes())].concat()[..length];
        let raw = rsa_raw(&encoding([0, 1], &[info, hash].concat()));
        format!("{text}.{}", encoded(raw))
    };
    let sha512 = {
        use sha2::Digest as _;
        let hash = sha2::Sha512::digest(text.as_bytes());
        format!(
            "{text}.{}",
            encoded(rsa_raw(&encoding([0, 1], &[&SHA512_INFO[..], &hash].concat())))
        )
    };
    let beyond_modulus = changed(&rs256_token, |signature| {
        let sum = BigUint::from_bytes_be(&signature) + rsa().n();
        sum.to_bytes_be()
    });
    let secret = |bytes: usize| json!({ "kty": "oct", "kid": "s1", "k": encoded(vec![7; bytes]) });
    let short = |bytes: usize| {
        let mut provider = provider(&[secret(bytes)]);
        provider["algorithms"] = json!(["HS256"]);
        provider
    };
    let mut from_a_url = json!({ "issuer": "https://a/", "audiences": ["api"],
                                 "jwks": { "url": "https://a/keys", "cluster": "idp" } });
    from_a_url["algorithms"] = json!(["HS256"]);
    let of_a_secret =
        |bytes: usize| json!({ "keys": [secret(bytes), Signer::new("k1").jwk()] }).to_string();
    let r_of_small_order = changed(&good, |signature| {
        let mut identity = [0; 32];
        identity[0] = 1;
        [&identity[..], &signature[32..]].concat()
    });
    let ed25519 = |alg: &str| with_header(&json!({ "alg": alg, "kid": "k1" }).to_string());

    run(
        'C',
        14,
        vec![
            Row(
                "C01",
                "no signature to speak of",
                vec![
                    Tokens("token_malformed", vec![format!("{header}.{payload}")]),
                    Tokens(
                        BAD,
                        [
                            each(|_| Vec::new()),
                            each(|_| vec![0]),
                            each(|signature| vec![0; signature.len()]),
                        ]
                        .concat(),
                    ),
                ],
            ),
            Row(
                "C02",
                "another text than the one that was signed",
                vec![Tokens(
                    BAD,
                    vec![
                        format!("{header}.{other_claims}.{good_signature}"),
                        format!("{other_header}.{payload}.{good_signature}"),
                        Signer::new("k1").renewed().sign(&Token::for_identity("mallory")),
                        by_another,
                    ],
                )],
            ),
            Row(
                "C03",
                "two numbers out of range, or written otherwise",
                vec![Tokens(
                    BAD,
                    vec![
                        signature(&zero, &s),
                        signature(&r, &zero),
                        signature(&zero, &zero),
                        signature(&P256_ORDER, &s),
                        signature(&r, &P256_ORDER),
                        signature(&P256_ORDER, &P256_ORDER),
                        signature(&above, &above),
                        signature(&[0xff; 32], &[0xff; 32]),
                        signature(&r, &s[..31]),
                        signature(&r, &[&s[..], &[0]].concat()),
                        signature(&[&[0], &r[..]].concat(), &[&[0], &s[..]].concat()),
                        der,
                    ],
                )],
            ),
            Row("C04", "the other of two good ones", vec![Tokens(FORWARDED, vec![twin])]),
            Row(
                "C05",
                "the key of another curve",
                vec![Under(
                    json!({ "jwks": { "inline": { "keys": [p521_jwk("p1")] } },
                            "algorithms": ["ES256", "ES512"] }),
                    "token_key_mismatch",
                    vec![of_p521],
                )],
            ),
            Row(
                "C06",
                "two hundred wrong encodings, by whoever has the key",
                vec![
                    Tokens(
                        BAD,
                        wrong_encodings(text.as_bytes())
                            .iter()
                            .map(|one| format!("{text}.{}", encoded(rsa_raw(one))))
                            .collect(),
                    ),
                    Tokens(FORWARDED, vec![with_info(&SHA256_INFO, 32)]),
                    Elsewhere(
                        "other people's vectors",
                        &["rsa_pkcs1_signatures_are_judged_as_they_should_be"],
                    ),
                ],
            ),
            Row(
                "C07",
                "another salt, another hash",
                vec![
                    Under(any_rsa(), FORWARDED, vec![pss(32)]),
                    Under(
                        any_rsa(),
                        BAD,
                        vec![pss(0), pss(20), pss(31), pss(33), pss(222), pss_sha512()],
                    ),
                    Elsewhere(
                        "the trailer, and MGF1 with another hash than the text's",
                        &[
                            "a_pss_encoding_has_one_form_but_for_its_salt",
                            "rsa_pss_signatures_are_judged_as_they_should_be",
                        ],
                    ),
                ],
            ),
            Row(
                "C08",
                "a number beyond the modulus, a byte more, a byte less",
                vec![
                    Tokens(
                        BAD,
                        vec![
                            beyond_modulus,
                            changed(&rs256_token, |_| vec![0xff; 256]),
                            changed(&rs256_token, |_| rsa().n().to_bytes_be()),
                            changed(&rs256_token, |bytes| [&[0][..], &bytes].concat()),
                            changed(&rs256_token, |bytes| bytes[1..].to_vec()),
                            changed(&rs256_token, |bytes| bytes[..255].to_vec()),
                        ],
                    ),
                    Elsewhere(
                        "sums of the modulus's own length",
                        &["an_rsa_signature_is_smaller_than_the_modulus"],
                    ),
                ],
            ),
            Row(
                "C09",
                "another hash than the algorithm's",
                vec![Tokens(
                    BAD,
                    vec![with_info(&SHA1_INFO, 20), with_info(&SHA512_INFO, 64), sha512],
                )],
            ),
            Row(
                "C10",
                "a second spelling, points of small order, a byte less",
                vec![
                    Tokens(
                        BAD,
                        vec![
                            changed(&good, |bytes| {
                                [&bytes[..32], &sum(&bytes[32..], &ED25519_ORDER)].concat()
                            }),
                            changed(&good, |bytes| [&bytes[..32], &ED25519_ORDER].concat()),
                            r_of_small_order,
                            changed(&good, |bytes| bytes[..63].to_vec()),
                            changed(&good, |bytes| [&bytes[..], &[0]].concat()),
                        ],
                    ),
                    Elsewhere(
                        "keys of small order",
                        &["ed25519_points_of_small_order_are_skipped"],
                    ),
                ],
            ),
            Row(
                "C11",
                "two names of one algorithm, and its neighbour's",
                vec![
                    Tokens(FORWARDED, vec![ed25519("EdDSA"), ed25519("Ed25519")]),
                    Tokens("token_algorithm_refused", vec![ed25519("Ed448"), ed25519("ed25519")]),
                ],
            ),
            Row(
                "C12",
                "a secret that is too short, or published",
                vec![
                    Refused(short(0), "providers.idp.jwks.inline"),
                    Refused(short(5), "providers.idp.jwks.inline"),
                    Refused(short(31), "providers.idp.jwks.inline"),
                    Refused(from_a_url, "providers.idp.algorithms[0]"),
                    Fetched(
                        "token_algorithm_refused",
                        hs256("s1", &[7; 32]),
                        vec![of_a_secret(5), of_a_secret(32)],
                    ),
                ],
            ),
            Row(
                "C13",
                "a signature found byte by byte, by the time that each guess takes",
                vec![Elsewhere(
                    "no test may be decided by time: the comparison is the library's, which is \
                     constant in it; that it compares is shown",
                    &["macs_are_judged_as_they_should_be"],
                )],
            ),
            Row(
                "C14",
                "a thousand forged tokens of a known key",
                vec![
                    Scene(what_costs_nothing_is_judged_before_a_signature),
                    Elsewhere(
                        "where each costs most there is a budget, and they push nothing out",
                        &[
                            "forged_tokens_on_a_slow_curve_have_a_budget_and_known_ones_need_none",
                            "refused_tokens_never_push_out_good_ones_and_good_ones_only_the_oldest",
                        ],
                    ),
                ],
            ),
        ],
    );
}

fn what_costs_nothing_is_judged_before_a_signature() {
    let world = World::default();
    let mut worker = Worker::new(&world, &configuration(&json!({})));
    let forger = Signer::new("k1").renewed();
    let mallory = || Token::for_identity("mallory");
    for (name, token, code) in [
        ("form", "x.y".into(), "token_malformed"),
        ("size", "x".repeat(20_000), "token_too_large"),
        ("header", forger.sign(&mallory().header("crit", json!([]))), "token_header_invalid"),
        ("algorithm", forger.sign(&mallory().header("alg", "none")), "token_algorithm_refused"),
        ("key", forger.sign(&mallory().header("kid", "k2")), "token_key_unknown"),
        ("issuer", forger.sign(&mallory().claim("iss", "https://x")), "token_issuer_unknown"),
    ] {
        let stream = worker.get(&token);
        assert_eq!((worker.verdict(stream).as_str(), world.verifications()), (code, 0), "{name}");
    }
    for nth in 1..=1000 {
        let stream = worker.get(&forger.sign(&mallory().claim("n", nth)));
        assert_eq!((worker.verdict(stream).as_str(), world.verifications()), (BAD, nth), "{nth}");
    }
    let stream = worker.get(&good());
    assert_eq!(worker.verdict(stream), FORWARDED);
}
