//! The claims: times, issuer, audience, and whatever else a payload may hold.

use serde_json::{Value, json};

use crate::catalogue::Case::{Elsewhere, Scene, Tokens, Under};
use crate::catalogue::{FORWARDED, Row, configuration, provider, run};
use crate::forge::{claims, payload, with_claim, with_each, with_payload};

use crate::support::token::{ISSUER, NOW, Signer, Token};
use crate::support::world::{Worker, World, head, upstream};

const AUDIENCE: &str = "token_audience_mismatch";
const BOUND: &str = "token_binding_unsupported";
const EXPIRED: &str = "token_expired";
const ISSUER_UNKNOWN: &str = "token_issuer_unknown";
const LIFETIME: &str = "token_lifetime_exceeded";
const MALFORMED: &str = "token_claim_malformed";
const NOBODY: &str = "identity_missing";
const TYPE: &str = "token_type_refused";

/// Times from now, as claims.
fn from_now(name: &str, seconds: &[i64]) -> Vec<String> {
    let time = |offset: &i64| NOW.checked_add_signed(*offset).unwrap().to_string();
    seconds.iter().map(|offset| with_claim(name, &time(offset))).collect()
}

/// Tokens with each of these payloads.
fn payloads<P: AsRef<[u8]>>(all: &[P]) -> Vec<String> {
    all.iter().map(with_payload).collect()
}

#[test]
fn claims_that_are_wrong_or_strange() {
    let no_skew = || json!({ "clock_skew": "0s" });
    let day = || json!({ "max_lifetime": "24h" });
    let far =
        ["253402300800", "9007199254740993", "9223372036854775808", "18446744073709551616", "1e30"];
    let long = format!("\"{}\"", "x".repeat(10_000));
    let too_long = format!("\"{}\"", "x".repeat(60_000));
    let many = |count: usize| format!("[{}\"api\"]", "\"x\",".repeat(count));
    let deep = format!("{}1{}", "[".repeat(3000), "]".repeat(3000));
    let mut twice = claims();
    twice.insert_str(1, r#""sub":"admin","#);
    let mut twice_escaped = claims();
    twice_escaped.insert_str(1, r#""\u0073ub":"admin","#);

    run(
        'D',
        32,
        vec![
            Row(
                "D01",
                "expired: `now >= exp + skew`",
                vec![
                    Tokens(EXPIRED, from_now("exp", &[-60, -61, -3600])),
                    Tokens(FORWARDED, from_now("exp", &[-59, 0, 1])),
                    Under(no_skew(), EXPIRED, from_now("exp", &[0, -1])),
                    Under(no_skew(), FORWARDED, from_now("exp", &[1])),
                ],
            ),
            Row(
                "D02",
                "an end that is no number",
                vec![Tokens(
                    MALFORMED,
                    with_each(
                        "exp",
                        &[
                            r#""4000000000""#,
                            "null",
                            "true",
                            "[4000000000]",
                            "{}",
                            "1e400",
                            "NaN",
                            "0xee6b2800",
                            "04000000000",
                            "4000000000.",
                            "Infinity",
                        ],
                    ),
                )],
            ),
            Row(
                "D03",
                "an end with a fraction or an exponent",
                vec![
                    Tokens(FORWARDED, with_each("exp", &["1800000300.5", "1.9e9", "19E8"])),
                    Tokens(EXPIRED, with_each("exp", &["1799999939.9", "1.7e9"])),
                ],
            ),
            Row(
                "D04",
                "an end that overflows something",
                vec![
                    Tokens(FORWARDED, with_each("exp", &["2147483648", "253402300799"])),
                    Under(day(), LIFETIME, with_each("exp", &["2147483648", "253402300799"])),
                    Tokens("token_claim_malformed", with_each("exp", &far)),
                    Under(day(), "token_claim_malformed", with_each("exp", &far)),
                ],
            ),
            Row(
                "D05",
                "an end before everything",
                vec![Tokens(
                    EXPIRED,
                    with_each("exp", &["-1", "0", "-0", "-0.0", "-9223372036854775808", "-1e30"]),
                )],
            ),
            Row(
                "D06",
                "an end in milliseconds",
                vec![
                    Tokens("token_claim_malformed", with_each("exp", &["1800000300000"])),
                    Under(day(), "token_claim_malformed", with_each("exp", &["1800000300000"])),
                ],
            ),
            Row(
                "D07",
                "no end",
                vec![
                    Tokens("token_expiry_missing", vec![with_claim("exp", "")]),
                    Under(
                        json!({ "allow_no_expiry": true }),
                        FORWARDED,
                        vec![with_claim("exp", "")],
                    ),
                ],
            ),
            Row(
                "D08",
                "a beginning that is still to come, or is none",
                vec![
                    Tokens("token_not_yet_valid", from_now("nbf", &[61, 3600])),
                    Tokens("token_not_yet_valid", with_each("nbf", &["253402300799"])),
                    Tokens(MALFORMED, with_each("nbf", &["18446744073709551615", "1e300"])),
                    Tokens(FORWARDED, from_now("nbf", &[60, 0, -1])),
                    Tokens(MALFORMED, with_each("nbf", &[r#""0""#, "null", "[]"])),
                ],
            ),
            Row(
                "D09",
                "issued in the future",
                vec![
                    Tokens("token_issued_in_future", from_now("iat", &[61, 3600])),
                    Tokens(FORWARDED, from_now("iat", &[60])),
                    Tokens(MALFORMED, with_each("iat", &[r#""0""#, "null"])),
                ],
            ),
            Row(
                "D10",
                "a life of a hundred years, or one that ends before it begins",
                vec![
                    Under(day(), LIFETIME, from_now("exp", &[86_401, 3_153_600_000])),
                    Under(
                        day(),
                        LIFETIME,
                        vec![with_payload(payload(&[
                            ("iat", &(NOW + 30).to_string()),
                            ("exp", &(NOW + 20).to_string()),
                        ]))],
                    ),
                    Under(day(), FORWARDED, from_now("exp", &[86_400])),
                ],
            ),
            Row(
                "D11",
                "no issuer, or one of another type",
                vec![
                    Tokens(ISSUER_UNKNOWN, with_each("iss", &["", "null"])),
                    Tokens(
                        MALFORMED,
                        with_each("iss", &[&format!("[\"{ISSUER}\"]"), "1", "{}", "true"]),
                    ),
                ],
            ),
            Row(
                "D12",
                "an issuer that is like ours",
                vec![Tokens(
                    ISSUER_UNKNOWN,
                    with_each(
                        "iss",
                        &[
                            r#""https://id.example.com""#,
                            r#""https://id.example.com//""#,
                            r#""https://ID.example.com/""#,
                            r#""https://id.example.com.evil/""#,
                            r#""https://id.example.com/evil""#,
                            r#""id.example.com""#,
                            r#""http://id.example.com/""#,
                            r#""https://id.example.com/\u0000""#,
                            r#"" https://id.example.com/""#,
                            r#""""#,
                        ],
                    ),
                )],
            ),
            Row("D13", "one tenant's token at the other's", vec![Scene(a_tenant_has_its_own_door)]),
            Row("D14", "two providers of one issuer", vec![Scene(one_issuer_is_one_provider)]),
            Row(
                "D15",
                "no audience, or one of another type",
                vec![
                    Tokens(AUDIENCE, with_each("aud", &["", "null", "[]", r#""""#])),
                    Tokens(
                        MALFORMED,
                        with_each(
                            "aud",
                            &["1", r#"{"api":true}"#, r#"[["api"]]"#, r#"["api",1]"#, "true"],
                        ),
                    ),
                ],
            ),
            Row(
                "D16",
                "ours among others",
                vec![Tokens(
                    FORWARDED,
                    with_each("aud", &[r#"["api","x"]"#, r#"["x","api","y"]"#, r#"["x","api"]"#]),
                )],
            ),
            Row(
                "D17",
                "an audience that is like ours",
                vec![Tokens(
                    AUDIENCE,
                    with_each(
                        "aud",
                        &[
                            r#""ap""#,
                            r#""apis""#,
                            r#""API""#,
                            r#""other,api""#,
                            r#""other api""#,
                            r#""api ""#,
                            r#"["other,api"]"#,
                        ],
                    ),
                )],
            ),
            Row(
                "D18",
                "thousands of audiences",
                vec![
                    Tokens(FORWARDED, with_each("aud", &[&many(2500)])),
                    Tokens("token_too_large", with_each("aud", &[&many(10_000)])),
                ],
            ),
            Row(
                "D19",
                "an ID token",
                vec![
                    Tokens(AUDIENCE, with_each("aud", &[r#""0oa1""#])),
                    Tokens(TYPE, with_each("typ", &[r#""ID""#, r#""Refresh""#, r#""Logout""#])),
                    Tokens(TYPE, with_each("token_use", &[r#""id""#])),
                    Tokens(TYPE, with_each("at_hash", &[r#""x""#])),
                    Under(
                        json!({ "allow_id_tokens": true }),
                        FORWARDED,
                        with_each("typ", &[r#""ID""#]),
                    ),
                ],
            ),
            Row(
                "D20",
                "nobody, or somebody of another type",
                vec![
                    Tokens(NOBODY, with_each("sub", &["", "null", r#""""#])),
                    Tokens(MALFORMED, with_each("sub", &["7", r#"["alice"]"#, "{}", "true"])),
                ],
            ),
            Row(
                "D21",
                "somebody who is no header's value",
                vec![
                    Tokens(
                        FORWARDED,
                        with_each(
                            "sub",
                            &[r#""a,b""#, r#""Zoë""#, r#""\u5f20\ud83d\ude00""#, &long],
                        ),
                    ),
                    Tokens(
                        MALFORMED,
                        with_each(
                            "sub",
                            &[
                                r#""a\r\nx-admin: 1""#,
                                r#""a\u0000""#,
                                r#""a\u0085x""#,
                                r#"" admin""#,
                                r#""admin\u00a0""#,
                            ],
                        ),
                    ),
                    // Half a surrogate is no character (RFC 8259 §8.2).
                    Tokens(MALFORMED, with_each("sub", &[r#""\ud800""#])),
                    Tokens("token_too_large", with_each("sub", &[&too_long])),
                    Scene(what_is_no_header_value_is_no_header),
                    Elsewhere(
                        "what goes upstream of it",
                        &[
                            "a_header_carries_a_claim_as_it_is_or_not_at_all",
                            "claims_go_upstream_as_configured_and_never_as_unsafe_values",
                            "an_identity_arrives_as_it_is_or_is_refused",
                        ],
                    ),
                ],
            ),
            Row(
                "D22",
                "claims with names that are something to others",
                vec![Scene(names_are_literal)],
            ),
            Row(
                "D23",
                "claims that stand there twice",
                vec![Tokens(MALFORMED, payloads(&[twice, twice_escaped]))],
            ),
            Row(
                "D24",
                "a payload that is no JSON object",
                vec![Tokens(
                    MALFORMED,
                    [
                        payloads(&["[]", r#""alice""#, "1", "null", "", "{}}", "{}{}", "{"]),
                        payloads(&[
                            format!("\u{feff}{}", claims()),
                            format!("{}x", claims()),
                            format!("[{}]", claims()),
                        ]),
                        payloads(&[&b"\x78\x9c\xab\xae\x05\x00"[..], b"{\"sub\":\"\xff\xfe\"}"]),
                    ]
                    .concat(),
                )],
            ),
            Row(
                "D25",
                "three thousand levels of it",
                vec![Tokens(MALFORMED, vec![with_claim("x", &deep)])],
            ),
            Row("D26", "scopes in every form", vec![Scene(scopes_are_whole_words)]),
            Row(
                "D27",
                "a value of a type that looks alike",
                vec![
                    Scene(values_are_not_made_into_others),
                    Scene(what_is_required_is_compared_with_its_type),
                    Elsewhere(
                        "scopes and clients",
                        &[
                            "scopes_of_another_type_are_refused_by_name",
                            "a_client_is_judged_where_clients_are_named",
                        ],
                    ),
                ],
            ),
            Row(
                "D28",
                "a pattern for a value",
                vec![
                    Tokens(
                        AUDIENCE,
                        with_each("aud", &[r#"".*""#, r#""^api$""#, r#""api\n""#, r#""*""#]),
                    ),
                    // The configuration has no patterns for claims either: values are compared.
                    Scene(what_is_required_is_no_pattern),
                ],
            ),
            Row(
                "D29",
                "a token that was used before",
                vec![Elsewhere(
                    "a bearer token may be used until it ends; replays are not looked for, which \
                     SECURITY.md says",
                    &["a_token_is_verified_once_in_each_worker"],
                )],
            ),
            Row(
                "D30",
                "a token that is bound to a key, without its proof",
                vec![
                    Tokens(BOUND, with_each("cnf", &[r#"{"jkt":"x"}"#, r#"{"x5t#S256":"x"}"#])),
                    Under(
                        json!({ "binding": "ignore" }),
                        FORWARDED,
                        with_each("cnf", &[r#"{"jkt":"x"}"#]),
                    ),
                ],
            ),
            Row(
                "D31",
                "a token that is bound to two, to nothing, or to something unknown",
                vec![Tokens(
                    BOUND,
                    with_each(
                        "cnf",
                        &[r#"{"x":1}"#, r#"{"jkt":"x","x5t#S256":"y"}"#, "{}", "1", "[]", "\"x\""],
                    ),
                )],
            ),
            Row("D32", "somebody who acts for another", vec![Scene(who_acts_is_not_the_subject)]),
        ],
    );
}

fn a_tenant_has_its_own_door() {
    let other = "https://b.example.com/";
    let key = Signer::new("k1");
    let tenant = |issuer: &str| {
        let mut provider = provider(&[key.jwk()]);
        provider["issuer"] = issuer.into();
        provider
    };
    let config = json!({
        "providers": { "a": tenant(ISSUER), "b": tenant(other) },
        "apis": [{ "name": "a", "match": { "paths": ["/a/**"] }, "auth": ["a"] },
                 { "name": "b", "match": { "paths": ["/b/**"] }, "auth": ["b"] }],
    });
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    for (path, issuer, code) in [
        ("/a/1", ISSUER, FORWARDED),
        ("/b/1", other, FORWARDED),
        ("/b/1", ISSUER, ISSUER_UNKNOWN),
        ("/a/1", other, ISSUER_UNKNOWN),
    ] {
        let token = key.sign(&Token::for_identity("alice").claim("iss", issuer));
        let bearer = format!("Bearer {token}");
        let stream = worker.request(head("GET", path, &[("authorization", &bearer)]));
        assert_eq!(worker.verdict(stream), code, "{issuer} at {path}");
    }
}

fn one_issuer_is_one_provider() {
    let one = provider(&[Signer::new("k1").jwk()]);
    let config = json!({ "providers": { "a": one, "b": one } }).to_string();
    let problems = tollgate::config::Config::parse(config.as_bytes()).unwrap_err();
    assert!(problems.iter().any(|one| one.message.contains("issuer")), "{problems:?}");
}

/// What the upstream gets of a good token with these claims and these headers in the configuration.
fn sent_upstream(headers: Value, token: &str) -> Vec<(String, String)> {
    let mut idp = provider(&[Signer::new("k1").jwk()]);
    idp["upstream"] = json!({ "headers": headers });
    let world = World::default();
    let mut worker = Worker::new(&world, &json!({ "providers": { "idp": idp } }).to_string());
    let stream = worker.get(token);
    assert_eq!(worker.verdict(stream), FORWARDED);
    upstream(&worker, stream, &[])
}

fn what_is_no_header_value_is_no_header() {
    for (sub, expected) in [
        (r#""a\r\nx-admin: 1""#, None),
        (r#""a\u0000""#, None),
        (r#""a\u0085x-admin: 1""#, None),
        (r#""a\u2028""#, None),
        (r#""Zo\u00eb""#, Some("Zo\u{eb}")),
        (r#""a b""#, Some("a b")),
    ] {
        let sent = sent_upstream(json!({ "x-user": "nick" }), &with_claim("nick", sub));
        assert_eq!(sent.first().map(|(_, value)| value.as_str()), expected, "{sub}");
    }
}

fn names_are_literal() {
    let headers = json!({ "x-dots": "https://x.example/roles", "x-proto": "__proto__",
                          "x-path": ["a", "b.c"], "x-pointer": "a~1b", "x-built": "constructor" });
    let token = Token::for_identity("alice")
        .claim("https://x.example/roles", "admin")
        .claim("__proto__", "p")
        .claim("a", json!({ "b": { "c": "wrong" }, "b.c": "right" }))
        .claim("a~1b", "tilde")
        .claim("a/b", "slash");
    let sent = sent_upstream(headers, &Signer::new("k1").sign(&token));
    let expected =
        [("x-dots", "admin"), ("x-path", "right"), ("x-pointer", "tilde"), ("x-proto", "p")];
    assert_eq!(sent, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

/// The code for a token with this claim at an API that needs these settings.
fn at_an_api(settings: Value, claim: &str, value: &str) -> String {
    let mut api = json!({ "name": "all", "auth": ["idp"] });
    for (name, value) in settings.as_object().unwrap() {
        api[name] = value.clone();
    }
    let idp = provider(&[Signer::new("k1").jwk()]);
    let config = json!({ "providers": { "idp": idp }, "apis": [api] }).to_string();
    let world = World::default();
    let mut worker = Worker::new(&world, &config);
    let stream = worker.get(&with_claim(claim, value));
    worker.verdict(stream)
}

fn scopes_are_whole_words() {
    const SMALL: &str = "scope_insufficient";
    for (claim, value, code) in [
        ("scope", r#""read write""#, FORWARDED),
        ("scope", r#""write  read""#, FORWARDED),
        ("scope", r#"["read","write"]"#, FORWARDED),
        ("scp", r#""read write""#, FORWARDED),
        ("scp", r#"["write","read"]"#, FORWARDED),
        ("scope", r#""read\twrite""#, SMALL),
        ("scope", r#""read:all write""#, SMALL),
        ("scope", r#""rea write""#, SMALL),
        ("scope", r#""READ write""#, SMALL),
        ("scope", r#""read,write""#, SMALL),
        ("scope", r#""""#, SMALL),
        ("scp", r#"["read write"]"#, SMALL),
        ("scp", "1", MALFORMED),
        ("scp", r#"["read",1]"#, MALFORMED),
        ("scp", r#"{"read":1}"#, MALFORMED),
    ] {
        let found = at_an_api(json!({ "scopes": ["read", "write"] }), claim, value);
        assert_eq!(found, code, "{claim} = {value}");
    }
}

fn values_are_not_made_into_others() {
    for (value, code) in [
        (r#""1""#, FORWARDED),
        (r#""01""#, "access_denied"),
        ("1", MALFORMED),
        ("true", MALFORMED),
        (r#"["1"]"#, MALFORMED),
    ] {
        assert_eq!(at_an_api(json!({ "clients": ["1"] }), "cid", value), code, "{value}");
    }
}

/// How a token ends with this claim `x`, where the provider and where the API requires something of
/// it: `(provider, api)`.
fn required(test: Value, value: &str) -> (String, String) {
    let mut rule = test;
    rule["claim"] = json!("x");
    let world = World::default();
    let config = configuration(&json!({ "require": [&rule] }));
    let mut worker = Worker::new(&world, &config);
    let stream = worker.get(&with_claim("x", value));
    (worker.verdict(stream), at_an_api(json!({ "require": [rule] }), "x", value))
}

fn what_is_required_is_compared_with_its_type() {
    for (test, value, passes) in [
        (json!({ "in": ["true", 1] }), r#""true""#, true),
        (json!({ "in": ["true", 1] }), "1", true),
        (json!({ "in": ["true", 1] }), "true", false),
        (json!({ "in": ["true", 1] }), r#""1""#, false),
        (json!({ "in": ["true", 1] }), r#"["true"]"#, false),
        (json!({ "in": [true] }), r#""true""#, false),
        (json!({ "in": [true] }), "1", false),
        (json!({ "contains_any": ["admin"] }), r#"["admin"]"#, true),
        (json!({ "contains_any": ["admin"] }), r#""admin""#, false),
        (json!({ "contains_any": ["admin"] }), r#"{"admin":{"o":1}}"#, true),
        (json!({ "contains_any": ["admin"] }), r#"{"x":"admin","y":{"admin":1}}"#, false),
        (json!({ "contains_any": [1] }), r#"{"1":1}"#, false),
        (json!({ "contains_all": ["a", "b"] }), r#"{"b":1,"a":null,"c":2}"#, true),
        (json!({ "contains_all": ["a", "b"] }), r#"{"a":"b"}"#, false),
        (json!({ "contains_any": ["admin"] }), r#"[["admin"]]"#, false),
        (json!({ "contains_all": ["a", "b"] }), r#"["b","a","c"]"#, true),
        (json!({ "contains_all": ["a", "b"] }), r#""a b""#, false),
        (json!({ "starts_with": "1" }), "12", false),
        (json!({ "starts_with": ["a", "b"] }), r#""bc""#, true),
        (json!({ "starts_with": ["a", "b"] }), r#""ca""#, false),
        (json!({ "starts_with": ["a"] }), r#"{"a":1}"#, false),
        (json!({}), "null", false),
    ] {
        let expected = match passes {
            true => (FORWARDED, FORWARDED),
            false => ("token_claim_refused", "claim_insufficient"),
        };
        let (provider, api) = required(test.clone(), value);
        assert_eq!((provider.as_str(), api.as_str()), expected, "{test} {value}");
    }
}

fn what_is_required_is_no_pattern() {
    for (test, value) in [
        (json!({ "in": ["eng"] }), r#"".*""#),
        (json!({ "in": ["eng"] }), r#""eng\n""#),
        (json!({ "in": ["eng"] }), r#""Eng""#),
        (json!({ "in": ["eng.*"] }), r#""eng-ops""#),
        (json!({ "in": ["*"] }), r#""eng""#),
        (json!({ "contains_any": ["^a$"] }), r#"["a"]"#),
        (json!({ "starts_with": "urn:a.b" }), r#""urn:a-b:c""#),
        (json!({ "starts_with": "urn:" }), r#""\nurn:a""#),
    ] {
        let (provider, api) = required(test.clone(), value);
        let expected = ("token_claim_refused", "claim_insufficient");
        assert_eq!((provider.as_str(), api.as_str()), expected, "{test} {value}");
    }
}

fn who_acts_is_not_the_subject() {
    let world = World::default();
    let idp = provider(&[Signer::new("k1").jwk()]);
    let mut worker = Worker::new(&world, &json!({ "providers": { "idp": idp } }).to_string());
    for claim in ["act", "may_act"] {
        let stream = worker.get(&with_claim(claim, r#"{"sub":"admin"}"#));
        assert_eq!(worker.verdict(stream), FORWARDED, "{claim}");
        assert_eq!(worker.notes[&(stream, "tollgate.identity")], "alice", "{claim}");
    }
}
