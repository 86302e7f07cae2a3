//! The keys, and the endpoint that they come from.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::BigUint;
use serde_json::{Value, json};
use tollgate::event::Event;

use crate::catalogue::Case::{self, Elsewhere, Fetched, Scene};
use crate::catalogue::{FORWARDED, Row, run};
use crate::forge::{good, hs256, rs256, signed_by};
use crate::pairs::{encoded, p256_jwk, rsa_jwk, rsa_signature};
use crate::support::token::{Signer, Token, key_set};
use crate::support::world::{CONFIG, Worker, World};

const ALGORITHM: &str = "token_algorithm_refused";
const UNAVAILABLE: &str = "keys_unavailable";
const UNKNOWN: &str = "token_key_unknown";

/// A set of these entries and the good key `k1`.
fn beside(entries: &[Value]) -> String {
    let mut keys = entries.to_vec();
    keys.push(Signer::new("k1").jwk());
    json!({ "keys": keys }).to_string()
}

fn with(mut jwk: Value, name: &str, value: impl Into<Value>) -> Value {
    jwk[name] = value.into();
    jwk
}

fn without(mut jwk: Value, name: &str) -> Value {
    jwk.as_object_mut().unwrap().remove(name);
    jwk
}

/// An odd RSA modulus of so many bits.
fn modulus(bits: usize) -> String {
    encoded(vec![0xff; bits / 8])
}

/// Each entry alone next to a good key: it serves nobody, and the good key serves on.
fn skipped(token: &str, entries: &[Value]) -> Vec<Case> {
    let sets: Vec<_> = entries.iter().map(|entry| beside(std::slice::from_ref(entry))).collect();
    vec![Fetched(UNKNOWN, token.to_owned(), sets.clone()), Fetched(FORWARDED, good(), sets)]
}

/// `cases` and this one.
fn and(mut cases: Vec<Case>, one: Case) -> Vec<Case> {
    cases.push(one);
    cases
}

#[test]
fn keys_that_are_no_good_and_endpoints_that_do_not_give_them() {
    let by_r1 = signed_by(&rs256(), rsa_signature);
    let by_e1 = signed_by(&json!({ "alg": "ES256", "kid": "e1" }), |_| vec![1; 64]);
    let x1 = Signer::new("x1");
    let by_x1 = x1.sign(&Token::for_identity("alice"));
    let r1 = || rsa_jwk("r1");
    let e1 = || p256_jwk("e1");
    let n = r1()["n"].as_str().unwrap().to_owned();
    let long_n = [vec![0], URL_SAFE_NO_PAD.decode(&n).unwrap()].concat();
    let set_of = |count: usize| beside(&vec![e1(); count]);
    let padded = |bytes: usize| format!("{}{}", beside(&[]), " ".repeat(bytes));
    let point = |x: &[u8], y: &[u8]| with(with(e1(), "x", encoded(x)), "y", encoded(y));
    let secret = json!({ "kty": "oct", "alg": "HS256", "kid": "s1", "k": encoded([7; 32]) });
    let garbage = [
        Value::Null,
        json!(7),
        json!("k1"),
        json!({}),
        json!([]),
        json!({ "kty": "XYZ", "kid": "r1" }),
        json!({ "kty": "AKP", "alg": "ML-DSA-44", "kid": "r1", "pub": "AA" }),
    ];
    // 65537^128 has the form that the attack on its factors (CVE-2017-15361) looks for.
    let roca = (0..128).fold(BigUint::from(1_u8), |power, _| power * 65_537_u32).to_bytes_be();

    run(
        'E',
        34,
        vec![
            Row(
                "E01",
                "nobody there at the start",
                vec![Elsewhere(
                    "it takes time to heal",
                    &[
                        "a_provider_that_is_down_is_our_fault_not_the_clients",
                        "a_provider_that_is_down_from_the_start_is_our_fault_and_heals_by_itself",
                    ],
                )],
            ),
            Row(
                "E02",
                "another status than 200",
                vec![Elsewhere(
                    "each status, before the first keys and after",
                    &[
                        "what_is_no_key_set_never_replaces_one",
                        "whatever_comes_in_place_of_a_key_set_the_keys_in_use_stay",
                        "without_a_first_key_set_nothing_that_comes_in_its_place_lets_anybody_in",
                    ],
                )],
            ),
            Row(
                "E03",
                "an answer that does not come",
                vec![Elsewhere(
                    "the wait is bounded in time and number; the call itself by the host's timeout",
                    &[
                        "a_wait_ends_after_ten_seconds",
                        "a_crowd_is_turned_away_at_the_door",
                        "only_so_many_requests_wait_and_only_so_long",
                        "whatever_comes_in_place_of_a_key_set_the_keys_in_use_stay",
                    ],
                )],
            ),
            Row(
                "E04",
                "a page in place of keys",
                vec![Fetched(UNAVAILABLE, good(), vec!["<html>sign in</html>".into()])],
            ),
            Row(
                "E05",
                "half an answer",
                vec![
                    Fetched(
                        UNAVAILABLE,
                        good(),
                        vec![
                            beside(&[]).trim_end_matches('}').into(),
                            r#"{"keys":[{"kty":"#.into(),
                        ],
                    ),
                    Elsewhere(
                        "an answer that ends before its announced length is the host's to see",
                        &["whatever_comes_in_place_of_a_key_set_the_keys_in_use_stay"],
                    ),
                ],
            ),
            Row(
                "E06",
                "sets without a key",
                vec![
                    Fetched(
                        UNAVAILABLE,
                        good(),
                        [
                            "{}",
                            r#"{"keys":{}}"#,
                            r#"{"keys":[]}"#,
                            "[]",
                            r#"{"keys":["k1","k2"]}"#,
                            "null",
                            "",
                        ]
                        .map(str::to_owned)
                        .to_vec(),
                    ),
                    Scene(an_empty_set_replaces_nothing_and_starts_the_cooldown),
                ],
            ),
            Row(
                "E07",
                "more than a set can be",
                vec![
                    Fetched(
                        UNAVAILABLE,
                        good(),
                        vec![set_of(128), set_of(20_000), padded(600 * 1024)],
                    ),
                    Fetched(FORWARDED, good(), vec![set_of(127)]),
                    Elsewhere(
                        "nine megabytes through the proxy",
                        &["whatever_comes_in_place_of_a_key_set_the_keys_in_use_stay"],
                    ),
                ],
            ),
            Row(
                "E08",
                "a compressed answer",
                vec![Elsewhere(
                    "it is not asked for, and refused where it comes",
                    &[
                        "the_filter_asks_for_keys_in_a_plain_encoding_and_tells_nobody_about_callers",
                        "what_is_no_key_set_never_replaces_one",
                    ],
                )],
            ),
            Row(
                "E09",
                "an answer in many pieces, with trailers",
                vec![Elsewhere(
                    "the host puts it together, and hands over a whole body or none",
                    &["a_key_set_in_many_pieces_is_one_key_set_or_none"],
                )],
            ),
            Row(
                "E10",
                "one key ID twice",
                vec![
                    Fetched(
                        FORWARDED,
                        by_x1.clone(),
                        vec![
                            beside(&[x1.renewed().jwk(), x1.jwk()]),
                            beside(&[x1.jwk(), x1.renewed().jwk()]),
                            beside(&[with(r1(), "kid", "x1"), x1.jwk()]),
                            beside(&[x1.jwk(), x1.jwk()]),
                        ],
                    ),
                    Fetched(
                        "token_signature_invalid",
                        by_x1.clone(),
                        vec![beside(&[x1.renewed().jwk()])],
                    ),
                ],
            ),
            Row("E11", "garbage beside a good key", {
                let cases = skipped(&by_r1, &garbage);
                and(cases, Fetched(FORWARDED, good(), vec![beside(&garbage)]))
            }),
            Row(
                "E12",
                "a secret that is published",
                vec![
                    Fetched(
                        ALGORITHM,
                        hs256("s1", &[7; 32]),
                        vec![beside(std::slice::from_ref(&secret))],
                    ),
                    Fetched(UNAVAILABLE, good(), vec![json!({ "keys": [secret] }).to_string()]),
                    Elsewhere(
                        "whatever its form",
                        &["a_secret_is_taken_from_the_configuration_alone"],
                    ),
                ],
            ),
            Row(
                "E13",
                "a private key that is published",
                vec![
                    Fetched(
                        FORWARDED,
                        by_r1.clone(),
                        vec![beside(&[with(r1(), "d", "c2VjcmV0LWtleQ")])],
                    ),
                    Scene(a_published_private_key_is_told_and_not_shown),
                    Elsewhere("each kind", &["published_private_keys_are_used_and_named"]),
                ],
            ),
            Row(
                "E14",
                "keys for something else",
                skipped(
                    &by_r1,
                    &[
                        with(r1(), "use", "enc"),
                        with(r1(), "use", "other"),
                        with(r1(), "key_ops", json!(["encrypt"])),
                        with(r1(), "key_ops", json!(["sign"])),
                        with(r1(), "key_ops", json!([""])),
                        with(r1(), "alg", "RSA-OAEP"),
                    ],
                ),
            ),
            Row(
                "E15",
                "moduli that are too short",
                skipped(&by_r1, &[512, 768, 1024, 2040].map(|bits| with(r1(), "n", modulus(bits)))),
            ),
            Row(
                "E16",
                "exponents",
                and(
                    skipped(
                        &by_r1,
                        &["AQ", "AA", "Ag", "AQAA", "AQAAAAE", "__________8"]
                            .map(|e| with(r1(), "e", e)),
                    ),
                    // Three is a right exponent; this is just not the key of that signature.
                    Fetched(
                        "token_signature_invalid",
                        by_r1.clone(),
                        vec![beside(&[with(r1(), "e", "Aw")])],
                    ),
                ),
            ),
            Row(
                "E17",
                "moduli that are even, zero or too long",
                skipped(
                    &by_r1,
                    &[
                        with(r1(), "n", encoded([0xfe; 256])),
                        with(r1(), "n", "AAAA"),
                        with(r1(), "n", ""),
                        with(r1(), "n", modulus(16_384)),
                        with(r1(), "n", modulus(65_536)),
                    ],
                ),
            ),
            Row(
                "E18",
                "a modulus that its form gives away",
                and(
                    skipped(&by_r1, &[with(r1(), "n", encoded(roca))]),
                    Elsewhere(
                        "and its neighbour, which does not",
                        &["moduli_that_can_be_factored_by_their_form_are_skipped"],
                    ),
                ),
            ),
            Row(
                "E19",
                "a modulus with a zero in front, or in another encoding",
                and(
                    skipped(
                        &by_r1,
                        &[
                            with(r1(), "n", format!("{n}=")),
                            with(r1(), "n", format!("+/{n}")),
                            with(r1(), "n", format!("{n}\n")),
                        ],
                    ),
                    Fetched(
                        FORWARDED,
                        by_r1.clone(),
                        vec![
                            beside(&[with(r1(), "n", encoded(long_n))]),
                            beside(&[with(r1(), "n", format!("{n}=="))]),
                        ],
                    ),
                ),
            ),
            Row(
                "E20",
                "points that are none",
                skipped(
                    &by_e1,
                    &[
                        point(&[1; 32], &[1; 32]),
                        point(&[0; 32], &[0; 32]),
                        point(&[0xff; 32], &[1; 32]),
                        point(&[1; 31], &[1; 32]),
                        point(&[1; 33], &[1; 32]),
                        without(e1(), "y"),
                        with(e1(), "crv", "P-384"),
                        with(e1(), "crv", "P-521"),
                        with(e1(), "crv", "secp256k1"),
                    ],
                ),
            ),
            Row(
                "E21",
                "Ed25519's neighbours",
                and(
                    skipped(
                        &by_x1,
                        &[
                            with(x1.jwk(), "crv", "X25519"),
                            with(x1.jwk(), "crv", "Ed448"),
                            with(x1.jwk(), "x", encoded([1; 31])),
                            with(x1.jwk(), "x", encoded([0; 32])),
                        ],
                    ),
                    Elsewhere(
                        "every point of small order",
                        &["ed25519_points_of_small_order_are_skipped"],
                    ),
                ),
            ),
            Row(
                "E22",
                "certificates that say otherwise",
                vec![Fetched(
                    FORWARDED,
                    by_r1.clone(),
                    vec![
                        beside(&[with(r1(), "x5c", json!(["bm90IGEgY2VydGlmaWNhdGU="]))]),
                        beside(&[with(r1(), "x5t", "AA")]),
                        beside(&[with(r1(), "x5u", "https://evil.example.com/")]),
                    ],
                )],
            ),
            Row(
                "E23",
                "a new key before our refresh",
                vec![Elsewhere(
                    "it takes several steps",
                    &[
                        "a_rotation_costs_one_fetch_and_refuses_nobody",
                        "a_rotation_during_a_fetch_is_fetched_once_more",
                        "a_rotation_under_load_refuses_no_good_request",
                    ],
                )],
            ),
            Row(
                "E24",
                "an old key that is withdrawn",
                vec![Elsewhere(
                    "it takes several steps",
                    &[
                        "a_withdrawn_key_is_out_of_use_at_every_workers_next_tick",
                        "a_withdrawn_key_ends_its_tokens_and_nothing_else_does",
                        "a_withdrawn_key_is_out_of_use_in_every_worker_within_a_second",
                    ],
                )],
            ),
            Row(
                "E25",
                "a new key under an old ID",
                vec![Elsewhere(
                    "it takes several steps",
                    &[
                        "a_signature_that_fails_under_a_known_kid_asks_for_one_fetch",
                        "a_key_that_changes_under_its_name_is_noticed_by_the_signatures_it_makes",
                    ],
                )],
            ),
            Row(
                "E26",
                "a flood of unknown key IDs",
                vec![Elsewhere(
                    "it takes a flood",
                    &[
                        "a_flood_of_unknown_kids_fetches_once_per_cooldown_and_starves_nobody",
                        "a_flood_of_unknown_kids_costs_one_fetch_and_hinders_nobody",
                    ],
                )],
            ),
            Row(
                "E27",
                "the same during a rotation",
                vec![Elsewhere(
                    "it takes a flood",
                    &["a_flood_of_unknown_kids_fetches_once_per_cooldown_and_starves_nobody"],
                )],
            ),
            Row(
                "E28",
                "ages that a cache is told",
                vec![Elsewhere(
                    "each value of `Cache-Control`; `Expires` is not read",
                    &["a_max_age_shortens_the_refresh_to_thirty_seconds_at_least"],
                )],
            ),
            Row(
                "E29",
                "keys that are too old",
                vec![Elsewhere(
                    "it takes a day",
                    &[
                        "old_keys_serve_while_the_provider_is_down_but_not_for_ever",
                        "keys_that_are_too_old_verify_nothing_not_even_again",
                        "keys_grow_too_old_even_where_the_shared_record_is_lost",
                    ],
                )],
            ),
            Row(
                "E30",
                "every worker at once",
                vec![Elsewhere(
                    "it takes several workers",
                    &[
                        "asks_once_however_many_wait",
                        "requests_wait_in_every_worker_while_one_fetch_is_held_and_all_of_them_go_on",
                    ],
                )],
            ),
            Row(
                "E31",
                "a discovery document that leads elsewhere",
                vec![Elsewhere(
                    "each way",
                    &[
                        "discovery_leads_to_the_keys_only_where_it_may",
                        "a_discovery_document_is_not_followed_to_where_it_should_not_lead",
                    ],
                )],
            ),
            Row(
                "E32",
                "a cluster that is not there",
                vec![
                    Scene(a_call_that_cannot_be_made_is_our_fault),
                    Elsewhere(
                        "in the proxy",
                        &[
                            "without_a_first_key_set_nothing_that_comes_in_its_place_lets_anybody_in",
                        ],
                    ),
                ],
            ),
            Row(
                "E33",
                "an answer for a request that has gone",
                vec![
                    Scene(nothing_happens_to_who_has_left),
                    Elsewhere(
                        "in the proxy, and in any order",
                        &[
                            "clients_that_hang_up_while_they_wait_leave_nothing_behind",
                            "every_request_is_settled_once_whatever_happens",
                        ],
                    ),
                ],
            ),
            Row(
                "E34",
                "an endpoint whose certificate nobody checks",
                vec![Scene(every_cluster_of_the_guides_checks_certificate_and_name)],
            ),
        ],
    );
}

fn an_empty_set_replaces_nothing_and_starts_the_cooldown() {
    let world = World::default();
    let signer = Signer::new("k1");
    let mut worker = Worker::new(&world, CONFIG);
    worker.fetch(&key_set(&[&signer]));
    let unknown = |kid: &str| signer.sign(&Token::for_identity("mallory").header("kid", kid));
    let waiting = worker.get(&unknown("x1"));
    worker.fetch(r#"{"keys":[]}"#);
    assert_eq!(worker.verdict(waiting), UNAVAILABLE);
    for nth in 2..20 {
        let stream = worker.get(&unknown(&format!("x{nth}")));
        worker.tick();
        assert_eq!((worker.verdict(stream).as_str(), worker.calls_made), (UNKNOWN, 2));
        world.wait(Duration::from_secs(1));
    }
    let stream = worker.get(&good());
    assert_eq!(worker.verdict(stream), FORWARDED);
}

fn a_published_private_key_is_told_and_not_shown() {
    let world = World::default();
    let mut worker = Worker::new(&world, CONFIG);
    let secret = "c2VjcmV0LWtleS1vZi10aGUtcHJvdmlkZXI";
    worker.fetch(&beside(&[with(rsa_jwk("r1"), "d", secret)]));
    assert!(worker.log.iter().any(|line| line.contains("private")), "{:?}", worker.log);
    assert!(!worker.log.iter().any(|line| line.contains(secret)), "{:?}", worker.log);
}

fn a_call_that_cannot_be_made_is_our_fault() {
    let world = World::default();
    let mut worker = Worker::new(&world, CONFIG);
    let stream = worker.get(&good());
    worker.tick();
    let call = *worker.calls.keys().next().expect("a call");
    worker.calls.remove(&call);
    worker.handle(Event::CallDone { call, response: None });
    assert_eq!(worker.verdict(stream), UNAVAILABLE);
    assert!(worker.reply_header(stream, "retry-after").is_some());
}

fn nothing_happens_to_who_has_left() {
    let world = World::default();
    let mut worker = Worker::new(&world, CONFIG);
    let (gone, stays) = (worker.get(&good()), worker.get(&good()));
    worker.tick();
    worker.handle(Event::StreamGone { stream: gone });
    worker.answer(200, &[], &beside(&[]));
    assert_eq!(
        (worker.verdict(gone).as_str(), worker.verdict(stays).as_str()),
        ("waiting", FORWARDED)
    );
}

fn every_cluster_of_the_guides_checks_certificate_and_name() {
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let text = ["envoy.md", "envoy-gateway.md"]
        .map(|page| std::fs::read_to_string(docs.join(page)).expect(page))
        .concat();
    let count = |word: &str| text.matches(word).count();
    let contexts = count("UpstreamTlsContext");
    assert!(contexts >= 2);
    assert_eq!(count("trusted_ca:"), contexts, "a certificate authority for each");
    assert_eq!(count("match_typed_subject_alt_names:"), contexts, "a name for each");
}
