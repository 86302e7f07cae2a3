//! The JOSE header: what it says of algorithm, key and type, and what it has no business to say.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::pkcs1::EncodeRsaPublicKey as _;
use rsa::pkcs8::{EncodePublicKey as _, LineEnding};
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};

use crate::catalogue::Case::{Elsewhere, Scene, Tokens, Under};
use crate::catalogue::{FORWARDED, Row, provider, run};
use crate::forge::{claims, good, hs256, rs256, signed_by, with_header, with_payload};
use crate::pairs::{encoded, p256, p256_jwk, rsa, rsa_jwk, rsa_signature};
use crate::support::token::{AUDIENCE, ISSUER, Signer, Token};
use crate::support::world::{Worker, World};

const ALGORITHM: &str = "token_algorithm_refused";
const BAD_SIGNATURE: &str = "token_signature_invalid";
const CLAIM: &str = "token_claim_malformed";
const INVALID: &str = "token_header_invalid";
const MALFORMED: &str = "token_malformed";
const MISMATCH: &str = "token_key_mismatch";
const TYPE: &str = "token_type_refused";
const UNKNOWN: &str = "token_key_unknown";

/// `k1`'s token with each of these members behind the two that it needs.
fn members(all: &[&str]) -> Vec<String> {
    all.iter().map(|one| with_header(&format!(r#"{{"alg":"EdDSA","kid":"k1",{one}}}"#))).collect()
}

/// `k1`'s token with each of these headers.
fn headers(all: &[&str]) -> Vec<String> {
    all.iter().map(|header| with_header(header)).collect()
}

/// `k1`'s token with each of these as its `alg`, in JSON.
fn algorithms(all: &[&str]) -> Vec<String> {
    all.iter().map(|alg| with_header(&format!(r#"{{"alg":{alg},"kid":"k1"}}"#))).collect()
}

/// `k1`'s token with each of these as its `kid`.
fn kids(all: &[&str]) -> Vec<String> {
    let header = |kid: &&str| json!({ "alg": "EdDSA", "kid": kid }).to_string();
    all.iter().map(|kid| with_header(&header(kid))).collect()
}

/// Tokens of somebody else who calls its key `k1`, with this member.
fn forged(member: &str, value: &Value) -> String {
    Signer::new("k1").renewed().sign(&Token::for_identity("mallory").header(member, value.clone()))
}

/// Everything about the RSA key that anybody knows, in every form that was ever taken for a secret.
fn public_rsa() -> Vec<Vec<u8>> {
    let key = rsa().to_public_key();
    let pem = key.to_public_key_pem(LineEnding::LF).unwrap();
    let jwk = rsa_jwk("r1");
    vec![
        pem.clone().into_bytes(),
        pem.trim_end().into(),
        format!(" \n{pem}").into_bytes(),
        key.to_public_key_pem(LineEnding::CRLF).unwrap().into_bytes(),
        key.to_pkcs1_pem(LineEnding::LF).unwrap().into_bytes(),
        key.to_public_key_der().unwrap().into_vec(),
        key.to_pkcs1_der().unwrap().as_bytes().to_vec(),
        jwk.to_string().into_bytes(),
        json!({ "keys": [jwk] }).to_string().into_bytes(),
        key.n().to_bytes_be(),
        encoded(key.n().to_bytes_be()).into_bytes(),
    ]
}

fn public_p256() -> Vec<Vec<u8>> {
    let key = p256(1);
    let point = key.verifying_key().to_sec1_point(false).as_bytes().to_vec();
    let der = [&P256_INFO[..], &point].concat();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode(&der)
    );
    vec![pem.into_bytes(), der, point, p256_jwk("e1").to_string().into_bytes()]
}

/// The DER of a P-256 public key up to its point (RFC 5480 §2).
const P256_INFO: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The provider's settings with HS256 listed, and a secret of its own beside the public keys.
fn with_hs256() -> Value {
    let secret = json!({ "kty": "oct", "kid": "s1", "k": encoded([7; 32]) });
    let keys = [Signer::new("k1").jwk(), rsa_jwk("r1"), p256_jwk("e1"), secret];
    let all = json!(["EdDSA", "RS256", "ES256", "HS256"]);
    json!({ "jwks": { "inline": { "keys": keys } }, "algorithms": all })
}

/// The provider's settings with nothing but these keys.
fn with_keys(keys: &[Value]) -> Value {
    json!({ "jwks": { "inline": { "keys": keys } } })
}

fn without_kid(mut jwk: Value) -> Value {
    jwk.as_object_mut().unwrap().remove("kid");
    jwk
}

#[test]
fn headers_that_say_what_they_should_not() {
    let es256 = |secret: &[u8]| hs256("e1", secret);
    let rs256_token = signed_by(&rs256(), rsa_signature);
    let with_alg = |alg: &str| signed_by(&json!({ "alg": alg, "kid": "r1" }), rsa_signature);
    let good = good();
    let signature = good.rsplit_once('.').unwrap().1;
    let none = |alg: &str, signature: &str| {
        let header = encoded(json!({ "alg": alg, "kid": "k1" }).to_string());
        format!("{header}.{}.{signature}", encoded(claims()))
    };
    let evil = Signer::new("k1").renewed();
    let long = "k".repeat(257);
    let longer = "k".repeat(8000);
    let longest = "k".repeat(100_000);
    let at_jwt = json!({ "typ": ["at+jwt"] });
    let with_raw_header =
        |header: &[u8]| format!("{}.{}.{signature}", encoded(header), encoded(claims()));
    let utf16: Vec<u8> =
        r#"{"alg":"EdDSA","kid":"k1"}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let deep = format!(r#""x":{}{}"#, "[".repeat(5000), "]".repeat(5000));
    let anonymous = |count: usize| {
        (0..count).map(|n| without_kid(Signer::new(&format!("n{n}")).jwk())).collect::<Vec<_>>()
    };
    let by = |signer: &Signer| signer.sign_text(r#"{"alg":"EdDSA"}"#, claims());
    let flattened = json!({ "payload": encoded(claims()), "protected": encoded("{}"),
                            "header": { "alg": "none" }, "signature": signature });

    run(
        'B',
        31,
        vec![
            Row(
                "B01",
                "no signature, and it says so",
                vec![Tokens(ALGORITHM, vec![none("none", "")])],
            ),
            Row(
                "B02",
                "the same in other spellings, and with a signature",
                vec![Tokens(
                    ALGORITHM,
                    ["none", "None", "NONE", "nOnE", "none ", " none"]
                        .iter()
                        .flat_map(|alg| [none(alg, ""), none(alg, signature)])
                        .collect(),
                )],
            ),
            Row(
                "B03",
                "an RSA key for a secret",
                vec![
                    Tokens(
                        ALGORITHM,
                        public_rsa().iter().map(|known| hs256("r1", known)).collect(),
                    ),
                    Under(
                        with_hs256(),
                        MISMATCH,
                        public_rsa().iter().map(|known| hs256("r1", known)).collect(),
                    ),
                    Under(
                        with_hs256(),
                        BAD_SIGNATURE,
                        public_rsa().iter().map(|known| hs256("s1", known)).collect(),
                    ),
                    Elsewhere("whichever verifier is asked", &["a_public_key_is_no_secret"]),
                ],
            ),
            Row(
                "B04",
                "a P-256 key for a secret",
                vec![
                    Tokens(ALGORITHM, public_p256().iter().map(|known| es256(known)).collect()),
                    Under(
                        with_hs256(),
                        MISMATCH,
                        public_p256().iter().map(|known| es256(known)).collect(),
                    ),
                ],
            ),
            Row(
                "B05",
                "another algorithm than the key's",
                vec![Tokens(MISMATCH, ["RS384", "RS512", "PS256", "PS512"].map(with_alg).to_vec())],
            ),
            Row(
                "B06",
                "an algorithm that the provider does not use",
                vec![
                    Tokens(FORWARDED, vec![rs256_token.clone()]),
                    Under(json!({ "algorithms": ["EdDSA"] }), ALGORITHM, vec![rs256_token]),
                ],
            ),
            Row(
                "B07",
                "what is no algorithm",
                vec![
                    Tokens(
                        ALGORITHM,
                        algorithms(&[
                            r#""rs256""#,
                            r#""RS256 ""#,
                            r#""RS256\u0000""#,
                            r#""ES256K""#,
                            r#""RSA1_5""#,
                            r#""dir""#,
                            r#""""#,
                        ]),
                    ),
                    Tokens(INVALID, algorithms(&["null", "256", r#"["EdDSA"]"#, "{}", "true"])),
                ],
            ),
            Row("B08", "no algorithm", vec![Tokens(INVALID, headers(&["{}", r#"{"kid":"k1"}"#]))]),
            Row(
                "B09",
                "members that stand there twice",
                vec![Tokens(
                    INVALID,
                    members(&[
                        r#""alg":"EdDSA""#,
                        r#""kid":"k1""#,
                        r#""\u0061lg":"none""#,
                        r#""x":{"a":1,"a":1}"#,
                    ]),
                )],
            ),
            Row(
                "B10",
                "critical extensions",
                vec![Tokens(
                    INVALID,
                    members(&[
                        r#""crit":["exp"],"exp":1"#,
                        r#""crit":[]"#,
                        r#""crit":["x"],"x":1"#,
                        r#""crit":"exp""#,
                        r#""crit":null"#,
                        r#""crit":["absent"]"#,
                        r#""crit":["alg"]"#,
                        r#""crit":["x","x"],"x":1"#,
                    ]),
                )],
            ),
            Row(
                "B11",
                "a payload that is not encoded",
                vec![Tokens(
                    INVALID,
                    members(&[
                        r#""b64":false"#,
                        r#""b64":false,"crit":["b64"]"#,
                        r#""b64":true,"crit":["b64"]"#,
                    ]),
                )],
            ),
            Row(
                "B12",
                "a URL of keys",
                vec![
                    Tokens(
                        BAD_SIGNATURE,
                        [
                            "https://evil.example.com/keys",
                            "http://169.254.169.254/",
                            "http://127.0.0.1/",
                        ]
                        .map(|url| forged("jku", &json!(url)))
                        .to_vec(),
                    ),
                    Elsewhere(
                        "where keys are fetched",
                        &["only_the_configured_cluster_is_ever_called"],
                    ),
                ],
            ),
            Row(
                "B13",
                "a URL of certificates",
                vec![Tokens(
                    BAD_SIGNATURE,
                    vec![forged("x5u", &json!("https://evil.example.com/certificate"))],
                )],
            ),
            Row(
                "B14",
                "a key, and its signature",
                vec![Tokens(BAD_SIGNATURE, vec![forged("jwk", &evil.jwk())])],
            ),
            Row(
                "B15",
                "certificates, and a signature",
                vec![Tokens(
                    BAD_SIGNATURE,
                    vec![forged("x5c", &json!([STANDARD.encode("self-signed")]))],
                )],
            ),
            Row(
                "B16",
                "all of these, and the provider's signature",
                vec![Tokens(
                    FORWARDED,
                    members(&[
                        r#""jku":"https://evil.example.com/keys""#,
                        r#""x5u":"http://169.254.169.254/""#,
                        &format!("\"jwk\":{}", evil.jwk()),
                        r#""x5c":["AA=="]"#,
                    ]),
                )],
            ),
            Row(
                "B17",
                "a key ID that is something to others",
                vec![Tokens(
                    UNKNOWN,
                    kids(&[
                        "../../dev/null",
                        "k1' OR '1'='1",
                        "|sleep 5",
                        "{{7*7}}",
                        "${jndi:ldap://x}",
                        "k1\0",
                        "k*",
                        "K1",
                        "",
                    ]),
                )],
            ),
            Row(
                "B18",
                "a key ID that is too long",
                vec![
                    Tokens(UNKNOWN, kids(&[&long, &longer])),
                    Tokens("token_too_large", kids(&[&longest])),
                ],
            ),
            Row(
                "B19",
                "a key ID that could forge a line of the log",
                vec![
                    Tokens(
                        UNKNOWN,
                        kids(&["k1\r\nx", "\u{1b}[31m", "\"", "\u{2028}", "\u{85}", "\\"]),
                    ),
                    Elsewhere(
                        "each line of the log",
                        &["the_log_names_step_reason_and_remedy_and_never_the_token"],
                    ),
                ],
            ),
            Row(
                "B20",
                "a key ID that is no string",
                vec![Tokens(
                    INVALID,
                    headers(&[
                        r#"{"alg":"EdDSA","kid":1}"#,
                        r#"{"alg":"EdDSA","kid":null}"#,
                        r#"{"alg":"EdDSA","kid":["k1"]}"#,
                        r#"{"alg":"EdDSA","kid":{}}"#,
                    ]),
                )],
            ),
            Row(
                "B21",
                "the ID of a key of another type, or of another provider",
                vec![
                    Tokens(MISMATCH, kids(&["r1", "e1"])),
                    Scene(a_key_serves_its_own_provider_only),
                ],
            ),
            Row(
                "B22",
                "no key ID",
                vec![
                    Under(with_keys(&anonymous(8)), FORWARDED, vec![by(&Signer::new("n7"))]),
                    Under(with_keys(&anonymous(8)), BAD_SIGNATURE, vec![by(&Signer::new("n8"))]),
                    Under(with_keys(&anonymous(9)), UNKNOWN, vec![by(&Signer::new("n7"))]),
                    Scene(eight_keys_are_tried_at_most),
                ],
            ),
            Row(
                "B23",
                "a key ID, and keys without",
                vec![
                    Under(
                        with_keys(&anonymous(1)),
                        FORWARDED,
                        vec![Signer::new("n0").sign(&Token::for_identity("a"))],
                    ),
                    Under(
                        with_keys(&anonymous(2)),
                        UNKNOWN,
                        vec![Signer::new("n0").sign(&Token::for_identity("a"))],
                    ),
                ],
            ),
            Row(
                "B24",
                "another kind of token",
                vec![
                    Under(
                        at_jwt.clone(),
                        TYPE,
                        [
                            vec![good.clone()],
                            members(&[
                                r#""typ":"JWT""#,
                                r#""typ":"""#,
                                r#""typ":"dpop+jwt""#,
                                r#""typ":"logout+jwt""#,
                                r#""typ":"secevent+jwt""#,
                                r#""typ":"at+jwt ""#,
                            ]),
                        ]
                        .concat(),
                    ),
                    Tokens(
                        TYPE,
                        members(&[
                            r#""typ":"dpop+jwt""#,
                            r#""typ":"application/Logout+JWT""#,
                            r#""typ":"secevent+jwt""#,
                            r#""typ":"token-introspection+jwt""#,
                        ]),
                    ),
                ],
            ),
            Row(
                "B25",
                "the right type in another case, and as a media type",
                vec![Under(
                    at_jwt,
                    FORWARDED,
                    members(&[
                        r#""typ":"at+jwt""#,
                        r#""typ":"AT+JWT""#,
                        r#""typ":"application/at+jwt""#,
                        r#""typ":"Application/AT+jwt""#,
                    ]),
                )],
            ),
            Row(
                "B26",
                "a token in a token",
                vec![Tokens(
                    CLAIM,
                    vec![
                        Signer::new("k1")
                            .sign_text(r#"{"alg":"EdDSA","kid":"k1","cty":"JWT"}"#, &good),
                        with_payload(&good),
                    ],
                )],
            ),
            Row(
                "B27",
                "a payload that is compressed",
                vec![
                    Tokens(
                        CLAIM,
                        vec![Signer::new("k1").sign_text(
                            r#"{"alg":"EdDSA","kid":"k1","zip":"DEF"}"#,
                            deflated(claims().as_bytes()),
                        )],
                    ),
                    // Where nothing is compressed, a member that means nothing here is ignored.
                    Tokens(FORWARDED, members(&[r#""zip":"DEF""#])),
                ],
            ),
            Row(
                "B28",
                "a header that is no JSON object",
                vec![
                    Tokens(
                        MALFORMED,
                        headers(&[
                            "[]",
                            r#""EdDSA""#,
                            "1",
                            "null",
                            "",
                            "\u{feff}{\"alg\":\"EdDSA\",\"kid\":\"k1\"}",
                            r#"{"alg":"EdDSA","kid":"k1"}x"#,
                            r#"{"alg":"EdDSA","kid":"k1"}{}"#,
                            r#"{"alg":"EdDSA","kid":"k1"/**/}"#,
                            r#"{"alg":"EdDSA","kid":"k1","x":NaN}"#,
                            "{'alg':'EdDSA','kid':'k1'}",
                            r#"{"alg":"EdDSA","kid":"k1",}"#,
                        ]),
                    ),
                    Tokens(
                        MALFORMED,
                        vec![
                            with_raw_header(&utf16),
                            with_raw_header(b"{\"alg\":\"EdDSA\",\"kid\":\"\xff\"}"),
                        ],
                    ),
                ],
            ),
            Row("B29", "five thousand levels of it", vec![Tokens(MALFORMED, members(&[&deep]))]),
            Row(
                "B30",
                "two milliard rounds of a hash",
                vec![Tokens(
                    ALGORITHM,
                    headers(&[
                        r#"{"alg":"PBES2-HS256+A128KW","kid":"k1","p2c":2147483647,"p2s":"AA"}"#,
                    ]),
                )],
            ),
            Row(
                "B31",
                "a second header beside the signed one",
                vec![
                    // Its commas could part credentials.
                    Tokens("credential_multiple", vec![flattened.to_string()]),
                    Tokens(
                        MALFORMED,
                        vec![encoded(flattened.to_string()), r#"{"header":{}}"#.into()],
                    ),
                ],
            ),
        ],
    );
}

/// RFC 1951 §3.2.4: one block, not compressed. An inflater would find the claims in it.
fn deflated(text: &[u8]) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    [&[1][..], &length.to_le_bytes(), &(!length).to_le_bytes(), text].concat()
}

fn a_key_serves_its_own_provider_only() {
    let other = "https://other.example.com/";
    let mut second = provider(&[Signer::new("p1").jwk()]);
    second["issuer"] = other.into();
    let first = provider(&[Signer::new("k1").jwk()]);
    let config = json!({ "providers": { "idp": first, "other": second } }).to_string();
    let world = World::default();
    let mut worker = Worker::new(&world, &config);
    for (name, kid, issuer, code) in [
        ("its own", "k1", ISSUER, FORWARDED),
        ("the other's own", "p1", other, FORWARDED),
        ("the other's key", "p1", ISSUER, UNKNOWN),
        ("its key for the other", "k1", other, UNKNOWN),
    ] {
        let token = Token::for_identity("alice").claim("iss", issuer).claim("aud", AUDIENCE);
        let stream = worker.get(&Signer::new(kid).sign(&token));
        assert_eq!(worker.verdict(stream), code, "{name}");
    }
}

fn eight_keys_are_tried_at_most() {
    let keys: Vec<_> = (0..100).map(|n| Signer::new(&format!("n{n}")).jwk()).collect();
    let world = World::default();
    let config = json!({ "providers": { "idp": provider(&keys) } }).to_string();
    let mut worker = Worker::new(&world, &config);
    let stream = worker.get(&Signer::new("n99").sign_text(r#"{"alg":"EdDSA"}"#, claims()));
    assert_eq!((worker.verdict(stream).as_str(), world.verifications()), (UNKNOWN, 0));
}
