//! The demo's configuration on hosts that are not Envoy: on each, the first five steps of the demo's story
//! come out as told, or everything is refused; none traps, and no request waits for ever.
//!
//! `make test-hosts` builds the module and runs this.
#![allow(clippy::disallowed_methods, reason = "a tool for developers")]

#[allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, reason = "shared by tests")]
#[path = "../../../support/token.rs"]
mod token;

use std::path::Path;
use std::sync::OnceLock;

use serde_json::{Value, json};
use token::{NOW, Signer, Token, key_set};
use tollgate_second_host::{Calls, Compiled, Lack, Outcome, Proxy, Store};

const STRICT: Store = Store { is_strict: true, ..Store::LOOSE };

/// A function that traps where it is not known, and is not to be called on these hosts.
const FOREIGN: (&str, Lack) = ("proxy_call_foreign_function", Lack::Traps);

/// The module on a host that has all functions but those that only Envoy has.
fn plain() -> &'static Compiled {
    static MODULE: OnceLock<Compiled> = OnceLock::new();
    MODULE.get_or_init(|| Compiled::without(&[FOREIGN]))
}

/// The demo's own configuration.
fn demo() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../demo/tollgate.json");
    let text = std::fs::read_to_string(path).expect("the demo's configuration");
    serde_json::from_str(&text).expect("JSON")
}

/// The same where nothing is fetched.
fn inline() -> Value {
    let mut configuration = demo();
    configuration.as_object_mut().expect("an object").remove("revoked");
    configuration["providers"]["okta"].as_object_mut().expect("an object").remove("login");
    configuration["providers"]["okta"]["jwks"] = json!({ "inline": { "keys": [signer().jwk()] } });
    configuration
}

fn signer() -> Signer {
    Signer::new("k1")
}

/// A good token of a client of the demo.
fn token(client: &str) -> Token {
    Token::for_identity(client)
        .claim("iss", "http://127.0.0.1:9000/oauth2/default")
        .claim("aud", "https://api.example")
        .claim("uid", client)
        .claim("cid", client)
        .claim("scope", "orders:read")
}

/// A configuration, and what its provider publishes.
struct Demo {
    configuration: String,
    documents: [(&'static str, String); 2],
}

impl Demo {
    fn new(configuration: &Value) -> Self {
        let revoked = json!({ "entries": [{ "provider": "okta", "identity": "nobody" }] });
        let documents = [
            ("/oauth2/default/v1/keys", key_set(&[&signer()])),
            ("/revoked.json", revoked.to_string()),
        ];
        Self { configuration: configuration.to_string(), documents }
    }

    fn start(&self, module: &Compiled, store: Option<Store>) -> Proxy {
        let proxy = Proxy::start(module, store, &self.configuration, NOW);
        assert!(proxy.is_taken(), "{:#?}", proxy.log());
        proxy
    }

    /// Sends a request, and lets more time pass than any may wait.
    fn ask(&self, proxy: &mut Proxy, token: Option<&str>) -> Outcome {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let mut headers = vec![
            (":authority", "127.0.0.1:10000"),
            (":path", "/orders/7"),
            (":method", "GET"),
            (":scheme", "http"),
        ];
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        let stream = proxy.begin(&headers);
        for _ in 0..24 {
            if proxy.outcome(stream) != Outcome::Waiting {
                break;
            }
            proxy.pass(&self.documents);
        }
        let outcome = proxy.end(stream);
        assert_ne!(outcome, Outcome::Waiting, "{:#?}", proxy.log());
        if let Outcome::Forwarded(headers) = &outcome {
            let values = |name: &str| {
                headers
                    .iter()
                    .filter(|(known, _)| known == name)
                    .map(|(_, value)| &**value)
                    .collect::<Vec<_>>()
            };
            assert!(values("authorization").is_empty(), "{headers:?}");
            assert_eq!(values("x-tollgate-provider"), ["okta"], "{headers:?}");
            assert_eq!(values("x-tollgate-identity").len(), 1, "{headers:?}");
        }
        outcome
    }

    /// The requests of the story's steps 2 to 5, each with how it is refused.
    fn refused() -> [(&'static str, Option<String>, &'static str); 4] {
        let signer = signer();
        let good = signer.sign(&token("svc"));
        let admin = signer.sign(&token("admin"));
        let part =
            |token: &str, at: usize| token.split('.').nth(at).expect("three parts").to_owned();
        let tampered = [part(&good, 0), part(&admin, 1), part(&good, 2)].join(".");
        let expired = token("svc").claim("iat", NOW - 7200).claim("exp", NOW - 3600);
        let elsewhere = token("svc").claim("aud", "https://other.example");
        [
            ("no token", None, "credential_missing"),
            ("somebody else's payload", Some(tampered), "token_signature_invalid"),
            ("an expired token", Some(signer.sign(&expired)), "token_expired"),
            ("a token for another API", Some(signer.sign(&elsewhere)), "token_audience_mismatch"),
        ]
    }

    /// The first five steps.
    fn story(&self, proxy: &mut Proxy) {
        let good = signer().sign(&token("svc"));
        // Nobody is let in before the list of revocations is there.
        let goes_on = (0..8).any(|_| {
            proxy.pass(&self.documents);
            matches!(self.ask(proxy, Some(&good)), Outcome::Forwarded(_))
        });
        assert!(goes_on, "{:#?}", proxy.log());
        for (what, token, code) in Self::refused() {
            let outcome = self.ask(proxy, token.as_deref());
            assert_eq!(outcome, Outcome::Answered(401, code.into()), "{what}: {:#?}", proxy.log());
        }
        assert!(
            matches!(self.ask(proxy, Some(&good)), Outcome::Forwarded(_)),
            "{:#?}",
            proxy.log()
        );
    }

    /// Whatever the host does, what is wrong is refused.
    fn wrong_is_refused(&self, proxy: &mut Proxy) {
        for (what, token, _) in Self::refused() {
            let outcome = self.ask(proxy, token.as_deref());
            assert!(matches!(outcome, Outcome::Answered(401 | 503, _)), "{what}: {outcome:?}");
        }
    }

    /// How requests of a client end that may make two in an hour.
    fn two_in_an_hour(&self, proxy: &mut Proxy) -> Vec<String> {
        let trial = signer().sign(&token("trial"));
        let outcomes = (0..3).map(|_| match self.ask(proxy, Some(&trial)) {
            Outcome::Answered(status, code) => format!("{status} {code}"),
            Outcome::Forwarded(_) => "200".to_owned(),
            other => format!("{other:?}"),
        });
        outcomes.collect()
    }
}

/// Stores, and what two requests in an hour come to there.
#[test]
fn the_story_comes_out_as_told_on_every_store() {
    const LIMITED: [&str; 3] = ["200", "200", "429 rate_limited"];
    let rows = [
        ("the host's own, 64 KiB a value", None, LIMITED),
        ("Envoy's", Some(Store::LOOSE), LIMITED),
        ("version 0 is only for what is absent", Some(STRICT), LIMITED),
        ("nothing as a value deletes", Some(Store { deletes: true, ..STRICT }), LIMITED),
        (
            "nginx's: keys of one CRC-32 are one, and the oldest go",
            Some(Store { deletes: true, same: Some(u32::MAX), keys: 64, ..STRICT }),
            LIMITED,
        ),
        ("values of 64 KiB at most", Some(Store { bytes: 64 << 10, ..STRICT }), LIMITED),
        ("none", Some(Store { exists: false, ..Store::LOOSE }), ["503 limit_store_full"; 3]),
    ];
    let demo = Demo::new(&demo());
    for (name, store, limited) in rows {
        println!("{name}");
        let mut proxy = demo.start(plain(), store);
        demo.story(&mut proxy);
        assert_eq!(demo.two_in_an_hour(&mut proxy), limited, "{name}: {:#?}", proxy.log());
    }
}

#[test]
fn a_store_that_takes_most_keys_for_one_another_lets_nothing_wrong_pass() {
    let demo = Demo::new(&demo());
    for (mask, keys) in [(0, usize::MAX), (1, usize::MAX), (3, 2), (7, 3), (u32::MAX, 1)] {
        let store = Store { same: Some(mask), keys, ..STRICT };
        let mut proxy = demo.start(plain(), Some(store));
        for _ in 0..4 {
            demo.wrong_is_refused(&mut proxy);
        }
        // Right or refused, and never a wait without end: `ask` sees to that.
        demo.ask(&mut proxy, Some(&signer().sign(&token("svc"))));
        // Where nothing is fetched, no more than the record of sessions is lost.
        let demo = Demo::new(&inline());
        demo.story(&mut demo.start(plain(), Some(store)));
    }
}

#[test]
fn a_list_that_is_too_long_for_the_store_is_in_force_all_the_same() {
    let mut demo = Demo::new(&demo());
    let mut entries: Vec<_> =
        (0..3000).map(|n| json!({ "provider": "okta", "identity": format!("left-{n}") })).collect();
    entries.push(json!({ "provider": "okta", "identity": "admin" }));
    demo.documents[1].1 = json!({ "entries": entries }).to_string();
    let mut proxy = demo.start(plain(), Some(Store { bytes: 64 << 10, ..STRICT }));
    demo.story(&mut proxy);
    let admin = signer().sign(&token("admin"));
    let outcome = demo.ask(&mut proxy, Some(&admin));
    assert_eq!(outcome, Outcome::Answered(403, "session_inactive".into()), "{:#?}", proxy.log());
}

#[test]
fn calls_that_fail_cost_nothing_but_answers_and_are_made_again() {
    let demo = Demo::new(&demo());
    for calls in [Calls::Fail, Calls::Refused, Calls::Hang] {
        let mut proxy = demo.start(plain(), Some(STRICT));
        proxy.set_calls(calls);
        proxy.pass(&demo.documents);
        let outcome = demo.ask(&mut proxy, Some(&signer().sign(&token("svc"))));
        assert!(matches!(outcome, Outcome::Answered(503, _)), "{calls:?}: {outcome:?}");
        demo.wrong_is_refused(&mut proxy);
        proxy.set_calls(Calls::Succeed);
        for _ in 0..200 {
            proxy.pass(&demo.documents);
        }
        demo.story(&mut proxy);
    }
}

#[test]
fn a_host_without_a_clock_has_wasis() {
    let module =
        Compiled::without(&[FOREIGN, ("proxy_get_current_time_nanoseconds", Lack::SaysSo)]);
    let demo = Demo::new(&demo());
    let mut proxy = demo.start(&module, Some(STRICT));
    demo.story(&mut proxy);
}

#[test]
fn without_ticks_what_fetches_is_refused_and_the_rest_runs() {
    let module =
        Compiled::without(&[FOREIGN, ("proxy_set_tick_period_milliseconds", Lack::SaysSo)]);
    let proxy = Proxy::start(&module, Some(STRICT), &Demo::new(&demo()).configuration, NOW);
    assert!(!proxy.is_taken());
    let lines = proxy.log().join("\n");
    assert!(lines.contains("configuration refused: it fetches keys or revocations"), "{lines}");
    let demo = Demo::new(&inline());
    let mut proxy = demo.start(&module, Some(STRICT));
    demo.story(&mut proxy);
    assert_eq!(demo.two_in_an_hour(&mut proxy), ["200", "200", "429 rate_limited"]);
}
