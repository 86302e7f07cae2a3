//! How a token comes, and its form.

use serde_json::json;
use tollgate::http::RequestHead;

use crate::catalogue::Case::{Elsewhere, Requests, Scene, Tokens};
use crate::catalogue::{FORWARDED, Row, configuration, request, run};
use crate::forge::good;
use crate::pairs::encoded;
use crate::support::token::{Signer, Token};
use crate::support::world::{Worker, World, head, upstream};

const MISSING: &str = "credential_missing";
const MULTIPLE: &str = "credential_multiple";
const MALFORMED: &str = "token_malformed";
const TOO_LARGE: &str = "token_too_large";

/// One request for each of these values of `Authorization`.
fn values<V: AsRef<[u8]>>(values: &[V]) -> Vec<RequestHead> {
    values.iter().map(|value| request(&[("authorization", value.as_ref())])).collect()
}

/// A request with two of them.
fn two(first: &str, second: &str) -> RequestHead {
    request(&[("authorization", first.as_bytes()), ("authorization", second.as_bytes())])
}

#[test]
fn tokens_that_come_oddly_or_have_another_form() {
    let good = good();
    let ours = format!("Bearer {good}");
    let parts: Vec<_> = good.split('.').map(str::to_owned).collect();
    let [header, payload, signature] = parts.as_slice() else { panic!("{good}") };
    let signed = format!("{header}.{payload}");
    let path = |path: &str, headers: &[(&str, &str)]| head("GET", path, headers);
    let json_form = json!({ "payload": payload, "protected": header, "signature": signature });
    let general = json!({ "payload": payload,
                          "signatures": [{ "protected": header, "signature": signature }] });
    // Four bits of the last letter are not part of the signature's 64 bytes.
    let respelled = {
        let (rest, last) = good.split_at(good.len() - 1);
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let place = alphabet.find(last).unwrap();
        format!("{rest}{}", alphabet.get(place + 1..place + 2).unwrap())
    };
    let mut many = head("GET", "/orders/7", &[("authorization", &ours)]);
    for number in 0..1000 {
        many.headers.extend([(format!("x-{number}"), "1")]);
        if number < 100 {
            many.headers.extend([("cookie", format!("c{number}=1"))]);
        }
    }
    let without = many.headers.iter().filter(|(name, _)| *name != b"authorization");
    let many_without = RequestHead { headers: without.collect() };
    let in_query = [
        format!("/orders/7?access_token={good}"),
        format!("/orders/7?a=1&access_token={}", good.replace('.', "%2E")),
        format!("/orders/7?access_token={good}&access_token={good}"),
        format!("/orders/7?ACCESS_TOKEN={good}"),
        format!("/orders/7?access%5Ftoken={good}"),
    ];
    let form = request(&[("content-type", b"application/x-www-form-urlencoded")]);
    let odd: [&[u8]; 4] = [b"\0", b"a\rb", b"a\nb", b"\x80\xff"];
    let behind = |prefix: &str| odd.map(|tail| [prefix.as_bytes(), tail].concat());
    let strange =
        |name: &str| request(&[("authorization", ours.as_bytes()), (name, b"\xa1\xb1\xff")]);
    let strange_path: [(&str, &[u8]); 4] = [
        (":method", b"GET"),
        (":path", b"/\xc0\xa7"),
        (":authority", b"api.example.com"),
        ("authorization", ours.as_bytes()),
    ];
    let strange_path = RequestHead { headers: strange_path.into_iter().collect() };
    let kid_in_capitals = Signer::new("k1").sign(&Token::for_identity("alice").header("kid", "K1"));

    run(
        'A',
        27,
        vec![
            Row("A01", "no `Authorization`", vec![Requests(MISSING, vec![request(&[])])]),
            Row("A02", "an empty one", vec![Requests(MISSING, values(&["", " "]))]),
            Row(
                "A03",
                "the scheme alone",
                vec![Requests(MALFORMED, values(&["Bearer", "Bearer "]))],
            ),
            Row(
                "A04",
                "the scheme in another case",
                vec![Requests(
                    FORWARDED,
                    values(&[format!("bearer {good}"), format!("BEARER {good}")]),
                )],
            ),
            Row(
                "A05",
                "spaces and tabs about the token",
                vec![
                    Requests(
                        FORWARDED,
                        values(&[format!("Bearer  {good}"), format!("Bearer {good}  ")]),
                    ),
                    Requests(
                        MALFORMED,
                        values(&[format!("Bearer\t{good}"), format!("Bearer \t{good}")]),
                    ),
                ],
            ),
            Row(
                "A06",
                "another scheme",
                vec![Requests(
                    MISSING,
                    values(&[
                        "Basic YTpi",
                        "Negotiate YII=",
                        "Token x",
                        &format!("DPoP {good}"),
                        &format!("Bearers {good}"),
                        &format!("x {ours}"),
                    ]),
                )],
            ),
            Row(
                "A07",
                "a token without scheme, or in another header",
                vec![
                    Requests(MISSING, values(&[&good])),
                    Requests(MISSING, vec![request(&[("x-token", ours.as_bytes())])]),
                ],
            ),
            Row(
                "A08",
                "two headers, in either order",
                vec![Requests(
                    MULTIPLE,
                    vec![
                        two(&ours, "Bearer x"),
                        two("Bearer x", &ours),
                        two(&ours, &ours),
                        two("Basic YTpi", &ours),
                    ],
                )],
            ),
            Row(
                "A09",
                "two tokens, joined by a comma",
                vec![Requests(
                    MULTIPLE,
                    values(&[format!("{ours}, Bearer x"), format!("Bearer x,{ours}")]),
                )],
            ),
            Row(
                "A10",
                "a token in the query as well, whether anybody reads it or not",
                vec![
                    Requests(
                        FORWARDED,
                        vec![path("/orders/7?access_token=x", &[("authorization", &ours)])],
                    ),
                    Scene(a_token_in_the_query_is_a_second_one_where_it_is_read),
                ],
            ),
            Row(
                "A11",
                "a token in the query alone",
                vec![Requests(MISSING, vec![path(&in_query[0], &[])])],
            ),
            Row(
                "A12",
                "a token in the query in every spelling",
                vec![
                    Requests(MISSING, in_query.iter().map(|one| path(one, &[])).collect()),
                    Scene(a_query_holds_one_token_by_its_decoded_name),
                ],
            ),
            Row(
                "A13",
                "a token in a form",
                vec![
                    Requests(MISSING, vec![form]),
                    Elsewhere(
                        "a body is never looked at, and waits until the headers are judged",
                        &["a_body_and_trailers_that_come_while_the_request_waits_wait_with_it"],
                    ),
                ],
            ),
            Row(
                "A14",
                "a token in a cookie that nobody reads, and what is none in one that is read",
                vec![
                    Requests(
                        MISSING,
                        vec![request(&[(
                            "cookie",
                            format!("access_token={good}; session=x").as_bytes(),
                        )])],
                    ),
                    Scene(a_cookie_that_is_read_holds_a_token_or_is_refused),
                ],
            ),
            Row(
                "A15",
                "another number of parts",
                vec![Tokens(
                    MALFORMED,
                    vec![
                        header.clone(),
                        signed.clone(),
                        format!("{good}.{signature}"),
                        "..".into(),
                        format!(".{payload}.{signature}"),
                        format!("{good}."),
                    ],
                )],
            ),
            Row(
                "A16",
                "nothing but dots",
                vec![
                    Tokens(TOO_LARGE, vec![".".repeat(60_000)]),
                    Tokens(MALFORMED, vec![".".repeat(16 * 1024)]),
                ],
            ),
            Row(
                "A17",
                "an encrypted token",
                vec![Tokens(
                    "token_encrypted",
                    vec![format!("{}.AA.AA.AA.AA", encoded(r#"{"alg":"dir","enc":"A256GCM"}"#))],
                )],
            ),
            Row(
                "A18",
                "the JSON forms",
                vec![
                    // Its commas could part credentials.
                    Tokens(MULTIPLE, vec![json_form.to_string(), general.to_string()]),
                    Tokens(
                        MALFORMED,
                        vec![
                            encoded(json_form.to_string()),
                            encoded(general.to_string()),
                            // What another library takes for both forms at once.
                            format!(r#"{{"{signed}.{signature}":"x"}}"#),
                        ],
                    ),
                ],
            ),
            Row(
                "A19",
                "letters that are not base64url's",
                vec![Tokens(
                    MALFORMED,
                    ["=", "==", "+", "/", " x", "\nx", "?", "#", "é", "%41"]
                        .iter()
                        .flat_map(|odd| {
                            [
                                format!("{good}{odd}"),
                                format!("{header}.{payload}{odd}.{signature}"),
                                format!("{header}{odd}.{payload}.{signature}"),
                            ]
                        })
                        .collect(),
                )],
            ),
            Row(
                "A20",
                "bits that are not part of a byte",
                vec![Tokens(MALFORMED, vec![respelled])],
            ),
            Row(
                "A21",
                "a token too large",
                vec![Tokens(
                    TOO_LARGE,
                    vec![
                        "A".repeat(16 * 1024 + 1),
                        format!("{signed}.{}", "A".repeat(64 * 1024)),
                        format!("{signed}.{}", "A".repeat(1 << 20)),
                    ],
                )],
            ),
            Row(
                "A22",
                "bytes that are no text in `Authorization`",
                vec![
                    Requests(MISSING, values(&behind(""))),
                    Requests(MALFORMED, values(&behind(&ours))),
                    Elsewhere(
                        "the filter asks its host for bytes, never for text",
                        &["bytes_that_are_no_text_are_judged_like_any_others"],
                    ),
                ],
            ),
            Row(
                "A23",
                "bytes that are no text in any other header",
                vec![
                    Requests(
                        FORWARDED,
                        [
                            "user-agent",
                            "cookie",
                            "x-request-id",
                            "origin",
                            "content-type",
                            "x-\u{80}",
                        ]
                        .map(strange)
                        .into_iter()
                        .chain([strange_path])
                        .collect(),
                    ),
                    Elsewhere(
                        "where the configuration looks at paths, the path is refused",
                        &["a_path_with_two_readings_is_refused", "no_bytes_hide_a_second_reading"],
                    ),
                ],
            ),
            Row(
                "A24",
                "a thousand headers, a hundred cookies",
                vec![Requests(FORWARDED, vec![many]), Requests(MISSING, vec![many_without])],
            ),
            Row(
                "A25",
                "a good token in another case",
                vec![
                    Tokens("token_key_unknown", vec![kid_in_capitals]),
                    Elsewhere(
                        "a verified token is remembered as a whole",
                        &["one_bit_more_or_less_is_another_token"],
                    ),
                ],
            ),
            Row(
                "A26",
                "a token that was good, after its end",
                vec![Elsewhere(
                    "it takes two moments",
                    &[
                        "time_is_judged_on_every_hit",
                        "a_withdrawn_key_ends_its_tokens_and_nothing_else_does",
                    ],
                )],
            ),
            Row(
                "A27",
                "a token that was good, with another signature",
                vec![Scene(a_good_token_lends_its_verdict_to_no_other)],
            ),
        ],
    );
}

fn a_good_token_lends_its_verdict_to_no_other() {
    let world = World::default();
    let mut worker = Worker::new(&world, &configuration(&json!({})));
    let (good, bob) = (good(), Signer::new("k1").sign(&Token::for_identity("bob")));
    let signed = good.rsplit_once('.').unwrap().0;
    for (token, code) in [
        (good.clone(), FORWARDED),
        (bob.clone(), FORWARDED),
        (format!("{signed}.{}", bob.rsplit_once('.').unwrap().1), "token_signature_invalid"),
        (format!("{signed}."), "token_signature_invalid"),
        (good.clone(), FORWARDED),
    ] {
        let stream = worker.get(&token);
        assert_eq!(worker.verdict(stream), code);
    }
}

/// The provider with places in the query and in a cookie besides.
fn everywhere() -> String {
    configuration(&json!({ "from": [
        { "header": "authorization" }, { "query": "access_token" },
        { "cookie": "access_token", "origins": ["https://app.example.com"] },
    ] }))
}

/// A path, further headers, and the code, or `to ` and the path with which it goes upstream.
type Shown<'s> = (&'s str, &'s [(&'s str, &'s str)], &'s str);

/// Shows each request to one worker; no credential arrives upstream or in the log.
fn shown(requests: &[Shown<'_>]) {
    let world = World::default();
    let mut worker = Worker::new(&world, &everywhere());
    for (path, headers, expected) in requests {
        let stream = worker.request(head("GET", path, headers));
        let secrets = good();
        match expected.strip_prefix("to ") {
            None => assert_eq!(worker.verdict(stream), *expected, "{path} {headers:?}"),
            Some(expected) => {
                let mut sent = vec![(":path", *path)];
                sent.extend_from_slice(headers);
                let after = upstream(&worker, stream, &sent);
                let arrives = after.iter().any(|(_, value)| value.contains(&secrets));
                assert!(!arrives, "{path} {headers:?}: {after:?}");
                let path_after = after.iter().find(|(name, _)| name == ":path");
                assert_eq!(path_after.map(|(_, path)| path.as_str()), Some(expected));
            }
        }
        assert!(worker.log.iter().all(|line| !line.contains(&secrets)), "{path}");
    }
}

fn a_token_in_the_query_is_a_second_one_where_it_is_read() {
    let good = good();
    let ours = format!("Bearer {good}");
    let in_query = format!("/orders/7?access_token={good}");
    shown(&[
        (&in_query, &[("authorization", &ours)], MULTIPLE),
        ("/orders/7?access_token=x", &[("authorization", &ours)], MULTIPLE),
        (&in_query, &[("authorization", "Bearer x")], MULTIPLE),
        (&in_query, &[("cookie", &format!("access_token={good}"))], MULTIPLE),
        // No token at all, so that there is one.
        ("/orders/7?access_token=", &[("authorization", &ours)], "to /orders/7?access_token="),
        (&in_query, &[("authorization", "Basic YTpi")], "to /orders/7"),
    ]);
}

fn a_query_holds_one_token_by_its_decoded_name() {
    let good = good();
    let query = |query: &str| format!("/orders/7?{}", query.replace('$', &good));
    let dots = good.replace('.', "%2E");
    shown(&[
        (&query(&format!("a=1&access_token={dots}&b=%41")), &[], "to /orders/7?a=1&b=%41"),
        (&query("access%5Ftoken=$"), &[], "to /orders/7"),
        (&query("access_token=$&access_token=$"), &[], MULTIPLE),
        (&query("access_token=$&access%5Ftoken=x"), &[], MULTIPLE),
        (&query("ACCESS_TOKEN=$"), &[], MISSING),
        (&query("access_token[]=$"), &[], MISSING),
        (&query("xaccess_token=$"), &[], MISSING),
        (&query("access_token=Bearer%20$"), &[], MALFORMED),
    ]);
}

fn a_cookie_that_is_read_holds_a_token_or_is_refused() {
    let good = good();
    let ours = format!("a=1; access_token={good}; b=2");
    let path = "/orders/7";
    shown(&[
        (path, &[("cookie", &ours)], "to /orders/7"),
        (path, &[("cookie", "access_token=0b7c4e; b=2")], MALFORMED),
        (path, &[("cookie", "access_token=; b=2")], MISSING),
        (path, &[("cookie", &format!("Access_Token={good}"))], MISSING),
        (path, &[("cookie", &format!("access_tokens={good}"))], MISSING),
        (path, &[("cookie", &format!("access_token={good}; access_token=x"))], MULTIPLE),
    ]);
}
