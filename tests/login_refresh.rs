//! Sessions that are refreshed, through the whole engine: who asks the provider and when, what comes of
//! it, and who gets the new cookies. The ids are those of the catalogue of attacks.

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::browser::{Browser, CLIENT, SESSION, config, location, parameter, worker};
use support::token::{NOW, Signer, Token};
use support::world::{Worker, World, code, upstream};
use tollgate::event::{Event, Headers};
use tollgate::ids::StreamId;

const REFRESH: &str = "__Host-tollgate-idp-r";
const HINT: &str = "__Secure-tollgate-idp-i";
const SCRIPT: [(&str, &str); 2] = [("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")];

/// What a browser does in these scenarios.
trait Tab {
    /// Goes to a page.
    fn page(&self, worker: &mut Worker<'_>) -> StreamId;
    /// A script asks.
    fn fetch(&self, worker: &mut Worker<'_>) -> StreamId;
    /// Keeps what an answer sets, and says whether it sets anything.
    fn keep_set(&mut self, headers: &Headers) -> bool;
    /// Keeps what the answer to a request that passed sets.
    fn take(&mut self, worker: &Worker<'_>, stream: StreamId) -> bool;
    /// Comes back from the provider, whose answer it waits for, with the tokens for that.
    fn come_back(&mut self, worker: &mut Worker<'_>) -> (StreamId, String);
    /// Logs in.
    fn log_in(&mut self, worker: &mut Worker<'_>);
}

impl Tab for Browser {
    fn page(&self, worker: &mut Worker<'_>) -> StreamId {
        self.visit(worker, "/orders")
    }

    fn fetch(&self, worker: &mut Worker<'_>) -> StreamId {
        self.send(worker, "GET", "/orders", &SCRIPT)
    }

    fn keep_set(&mut self, headers: &Headers) -> bool {
        let mut set = headers.iter().filter(|(name, _)| *name == "set-cookie").peekable();
        let is_any = set.peek().is_some();
        for (_, value) in set {
            assert!(!value.contains("Max-Age=0;"), "{value} clears");
        }
        self.keep_of(headers);
        is_any
    }

    fn take(&mut self, worker: &Worker<'_>, stream: StreamId) -> bool {
        assert_eq!(worker.verdict(stream), "forwarded", "{:?}", worker.log);
        worker.after.get(&stream).is_some_and(|(append, _)| self.keep_set(append))
    }

    fn come_back(&mut self, worker: &mut Worker<'_>) -> (StreamId, String) {
        let stream = self.page(worker);
        let reply = worker.reply(stream).clone();
        self.keep_set(&reply.headers);
        let url = location(&reply);
        let of = |name| parameter(url, name).unwrap_or_else(|| panic!("no {name} in {url}"));
        let path = format!("/.login/idp/callback?code=c-1&state={}", of("state"));
        let answer = tokens("1", &id_token(|token| token.claim("nonce", of("nonce"))));
        (self.visit(worker, &path), answer.to_string())
    }

    fn log_in(&mut self, worker: &mut Worker<'_>) {
        let (stream, answer) = self.come_back(worker);
        worker.answer(200, &[], &answer);
        let reply = worker.reply(stream).clone();
        assert_eq!(reply.status, 303, "{reply:?} {:?}", worker.log);
        self.keep_set(&reply.headers);
    }
}

/// An ID token of alice's, however late the tests' clock is, with changes.
fn id_token(change: impl Fn(Token) -> Token) -> String {
    let token = Token::for_identity("alice").claim("aud", CLIENT).claim("exp", NOW + 1_000_000);
    Signer::new("k1").sign(&change(token))
}

/// The tokens of a turn: each has its own.
fn tokens(turn: &str, id_token: &str) -> Value {
    json!({ "access_token": format!("at-{turn}"), "token_type": "Bearer", "expires_in": 300,
            "id_token": id_token, "refresh_token": format!("rt-{turn}") })
}

fn second() -> String {
    tokens("2", &id_token(|token| token)).to_string()
}

/// Lets a call leave, and says what it carries.
fn asked(worker: &mut Worker<'_>) -> String {
    worker.tick();
    let (call, request) = worker.calls.iter().next().expect("a call");
    assert_eq!(worker.callers[call], None, "it ends with a request");
    assert_eq!((&*request.path, request.method, &*request.cluster), ("/token", "POST", "idp"));
    assert_eq!(request.authorization.as_ref().unwrap().reveal(), "Basic cG9ydGFsOnNlY3JldA==");
    String::from_utf8(request.body.0.to_vec()).unwrap()
}

fn pass(world: &World, seconds: u64) {
    world.wait(Duration::from_secs(seconds));
}

#[test]
fn a_navigation_refreshes_ahead_of_the_end_and_its_answer_carries_the_new_session() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    browser.log_in(&mut worker);
    let made = worker.calls_made;
    pass(&world, 239);
    let stream = browser.page(&mut worker);
    assert!(!browser.take(&worker, stream));
    pass(&world, 2);
    // In the first half of the time ahead only navigations do.
    let stream = browser.fetch(&mut worker);
    assert!(!browser.take(&worker, stream));
    worker.tick();
    assert_eq!(worker.calls_made, made);
    let stream = browser.page(&mut worker);
    assert_eq!(worker.verdict(stream), "waiting");
    assert_eq!(asked(&mut worker), "grant_type=refresh_token&refresh_token=rt-1");
    // All others pass meanwhile.
    for other in [browser.page(&mut worker), browser.fetch(&mut worker)] {
        assert_eq!(worker.verdict(other), "forwarded");
        assert!(worker.after[&other].0.is_empty());
    }
    worker.answer(200, &[], &second());
    let before = browser.clone();
    assert!(browser.take(&worker, stream));
    for name in [SESSION, REFRESH, HINT] {
        assert_ne!(browser.0[name], before.0[name], "{name}");
    }
    let cookies = before.cookies();
    let sent = upstream(&worker, stream, &[("cookie", &cookies)]);
    assert!(sent.contains(&("x-tollgate-identity".into(), "alice".into())), "{sent:?}");
    assert_eq!(worker.counts["tollgate_login_refreshed_idp"], 1);
    // The next turn is the new tokens'.
    pass(&world, 239);
    let stream = browser.page(&mut worker);
    assert!(!browser.take(&worker, stream));
    pass(&world, 40);
    let stream = browser.fetch(&mut worker);
    assert_eq!(worker.verdict(stream), "waiting");
    assert_eq!(asked(&mut worker), "grant_type=refresh_token&refresh_token=rt-2");
}

#[test]
fn h18_twenty_requests_past_the_end_in_two_workers_make_one_call_and_are_all_answered() {
    let world = World::default();
    let mut one = worker(&world, &json!({}));
    let mut two = worker(&world, &json!({}));
    let mut browser = Browser::default();
    browser.log_in(&mut one);
    let made = one.calls_made;
    pass(&world, 301);
    let streams: Vec<_> =
        (0..10).map(|_| (browser.fetch(&mut one), browser.fetch(&mut two))).collect();
    for (first, second) in &streams {
        assert_eq!(
            (one.verdict(*first), two.verdict(*second)),
            ("waiting".into(), "waiting".into())
        );
    }
    asked(&mut one);
    two.tick();
    assert_eq!((one.calls_made, two.calls_made), (made + 1, 0));
    one.answer(200, &[], &second());
    pass(&world, 1);
    two.tick();
    let mut all = Vec::new();
    for (first, second) in &streams {
        for (worker, stream) in [(&one, first), (&two, second)] {
            let mut own = browser.clone();
            assert!(own.take(worker, *stream));
            all.push(own);
        }
    }
    assert!(all.iter().all(|own| own.0 == all[0].0), "all have the same cookies");
    for own in &all {
        for worker in [&mut one, &mut two] {
            let stream = own.fetch(worker);
            assert_eq!(worker.verdict(stream), "forwarded");
        }
    }
    one.tick();
    two.tick();
    assert_eq!((one.calls_made, two.calls_made), (made + 1, 0));
}

#[test]
fn h19_a_slow_call_is_the_only_one_until_its_lease_is_void() {
    let world = World::default();
    let mut one = worker(&world, &json!({ "timeout": "5s" }));
    let mut two = worker(&world, &json!({ "timeout": "5s" }));
    let mut browser = Browser::default();
    browser.log_in(&mut one);
    pass(&world, 301);
    let made = one.calls_made;
    let first = browser.fetch(&mut one);
    asked(&mut one);
    for seconds in [2, 3, 4] {
        pass(&world, seconds);
        let stream = browser.fetch(&mut two);
        two.tick();
        assert_eq!(two.verdict(stream), "waiting");
        assert_eq!(two.calls_made, 0, "a second call");
    }
    // Nine seconds later the answer of the second try comes.
    let call = *one.calls.keys().next().unwrap();
    one.handle(Event::StreamGone { stream: first });
    one.call_done(call, None);
    assert_eq!(one.calls_made, made + 2);
    pass(&world, 4);
    one.answer(200, &[], &second());
    let mut own = browser.clone();
    let stream = browser.fetch(&mut two);
    assert!(own.take(&two, stream));
    assert_eq!(two.calls_made, 0);

    // A worker that is gone blocks nobody: the lease ends.
    pass(&world, 301);
    own.fetch(&mut one);
    asked(&mut one);
    pass(&world, 11);
    let stream = own.fetch(&mut two);
    assert_eq!(two.verdict(stream), "waiting");
    asked(&mut two);
}

#[test]
fn h20_who_left_while_the_session_was_renewed_gets_the_new_cookies_later() {
    let world = World::default();
    let mut one = worker(&world, &json!({}));
    let mut two = worker(&world, &json!({}));
    let mut browser = Browser::default();
    browser.log_in(&mut one);
    pass(&world, 250);
    let stream = browser.page(&mut one);
    assert_eq!(one.verdict(stream), "waiting");
    asked(&mut one);
    one.handle(Event::StreamGone { stream });
    one.answer(200, &[], &second());
    let made = one.calls_made;
    // For ten minutes, also at another worker, and past the end.
    for seconds in [1, 100, 400] {
        pass(&world, seconds);
        for worker in [&mut one, &mut two] {
            let mut own = browser.clone();
            let stream = own.page(worker);
            if seconds == 400 {
                // By then the next turn is due: the new session is renewed.
                assert_eq!(worker.verdict(stream), "waiting");
                worker.handle(Event::StreamGone { stream });
                continue;
            }
            assert!(own.take(worker, stream), "{seconds}");
            assert_ne!(own.0[SESSION], browser.0[SESSION]);
            worker.tick();
        }
        if seconds != 400 {
            assert_eq!((one.calls_made, two.calls_made), (made, 0), "{seconds}");
        }
    }
    assert_eq!(asked(&mut one), "grant_type=refresh_token&refresh_token=rt-2");
    two.tick();
    assert_eq!(two.calls_made, 0);
}

#[test]
fn h21_the_answer_of_a_request_before_a_refresh_sets_nothing() {
    let world = World::default();
    let mut worker = worker(&world, &json!({ "session": { "idle": "1h" } }));
    let mut browser = Browser::default();
    browser.log_in(&mut worker);
    pass(&world, 250);
    let before = browser.fetch(&mut worker);
    let stream = browser.page(&mut worker);
    asked(&mut worker);
    let during = browser.fetch(&mut worker);
    worker.answer(200, &[], &second());
    assert!(browser.take(&worker, stream));
    for old in [before, during] {
        assert_eq!(worker.verdict(old), "forwarded");
        assert!(worker.after[&old].0.is_empty(), "{:?}", worker.after[&old]);
    }
}

#[test]
fn h22_while_the_provider_cannot_be_asked_a_session_lives_for_its_grace() {
    for (name, answer) in [
        ("an error", Some((500, "{}"))),
        ("a page", Some((200, "<html>"))),
        ("another error", Some((400, r#"{"error":"server_error"}"#))),
        ("a client that is none", Some((401, r#"{"error":"invalid_client"}"#))),
        ("no answer", None),
    ] {
        let world = World::default();
        let mut worker = worker(&world, &json!({}));
        let mut other = Worker::new(&world, &config(&json!({})).to_string());
        let mut browser = Browser::default();
        browser.log_in(&mut worker);
        let end = |worker: &mut Worker<'_>| {
            asked(worker);
            match answer {
                Some((status, body)) => worker.answer(status, &[], body),
                // Once more, and no more.
                None => {
                    for _ in 0..2 {
                        let call = *worker.calls.keys().next().unwrap();
                        worker.call_done(call, None);
                    }
                }
            }
            assert!(worker.calls.is_empty(), "{name}");
        };
        pass(&world, 301);
        let stream = browser.fetch(&mut worker);
        assert_eq!(worker.verdict(stream), "waiting");
        end(&mut worker);
        assert!(!browser.take(&worker, stream), "{name}");
        // Nobody asks again at once, in no worker.
        let made = worker.calls_made;
        for one in [&mut worker, &mut other] {
            let stream = browser.fetch(one);
            assert!(!browser.take(one, stream), "{name}");
            one.tick();
        }
        assert_eq!((worker.calls_made, other.calls_made), (made, 0), "{name}");
        // But a second later, then two, then four.
        for seconds in [1, 2, 4] {
            pass(&world, seconds);
            let stream = browser.fetch(&mut worker);
            assert_eq!(worker.verdict(stream), "waiting", "{name}");
            end(&mut worker);
            assert_eq!(worker.verdict(stream), "forwarded", "{name}");
        }
        assert_eq!(worker.counts["tollgate_login_refresh_failed_idp"], 4, "{name}");
        let lines = worker.log.iter().filter(|line| line.contains("login_refresh_failed"));
        assert_eq!(lines.count(), 4, "{name}: {:?}", worker.log);
        // When grace is over, it is said, and nothing is cleared.
        pass(&world, 900);
        for stream in [browser.fetch(&mut worker), browser.page(&mut worker)] {
            assert_eq!(worker.verdict(stream), "waiting", "{name}");
        }
        end(&mut worker);
        let last = StreamId(u32::try_from(worker.settled.len()).unwrap() - 2);
        let reply = worker.reply(last);
        assert_eq!((reply.status, code(reply).as_str()), (503, "login_unavailable"), "{name}");
        assert!(!reply.headers.iter().any(|(name, _)| *name == "set-cookie"));
        let stream = browser.page(&mut worker);
        assert_eq!(worker.reply(stream).status, 503, "{name}");
        // And when it answers, the session goes on.
        pass(&world, 61);
        let stream = browser.page(&mut worker);
        asked(&mut worker);
        worker.answer(200, &[], &second());
        assert!(browser.clone().take(&worker, stream), "{name}");
    }
}

#[test]
fn h23_a_session_that_the_provider_does_not_renew_lasts_as_long_as_it_was_to_last() {
    let world = World::default();
    let mut one = worker(&world, &json!({}));
    let mut two = worker(&world, &json!({}));
    let mut browser = Browser::default();
    browser.log_in(&mut one);
    pass(&world, 250);
    let stream = browser.page(&mut one);
    asked(&mut one);
    one.answer(400, &[], r#"{"error":"invalid_grant"}"#);
    assert!(!browser.take(&one, stream));
    let made = one.calls_made;
    for seconds in [10, 30] {
        pass(&world, seconds);
        for worker in [&mut one, &mut two] {
            let stream = browser.page(worker);
            assert!(!browser.take(worker, stream), "{seconds}");
            worker.tick();
        }
    }
    pass(&world, 20);
    for worker in [&mut one, &mut two] {
        let stream = browser.fetch(worker);
        let reply = worker.reply(stream);
        assert_eq!((reply.status, code(reply).as_str()), (401, "login_ended"));
        assert!(!reply.headers.iter().any(|(name, _)| *name == "set-cookie"));
        let stream = browser.page(worker);
        assert_eq!(worker.reply(stream).status, 302);
        worker.tick();
    }
    assert_eq!((one.calls_made, two.calls_made), (made, 0));
    assert_eq!(one.counts["tollgate_login_refresh_failed_idp"], 1);
}

/// What providers answer of which a person has to sign in again: Entra ID and Auth0 name errors of their
/// authorization endpoint, Glewlwyd none at all. See tests/login_vendors.rs for the pages.
#[test]
fn whoever_has_to_sign_in_again_is_sent_there_and_not_told_to_wait() {
    for (status, answer, ends) in [
        (400, r#"{"error":"invalid_grant","error_codes":[70008],"timestamp":"x"}"#, true),
        (400, r#"{"error":"interaction_required","suberror":"basic_action"}"#, true),
        (400, r#"{"error":"consent_required"}"#, true),
        (403, r#"{"error":"mfa_required","mfa_token":"Fe26"}"#, true),
        (403, r#"{"error":"login_required"}"#, true),
        (400, "", true),
        // These are nobody's fault who could sign in.
        (400, r#"{"error":"temporarily_unavailable"}"#, false),
        (401, r#"{"error":"invalid_client"}"#, false),
        (404, "", false),
        (403, "<html>", false),
    ] {
        let world = World::default();
        let mut worker = worker(&world, &json!({}));
        let mut browser = Browser::default();
        browser.log_in(&mut worker);
        pass(&world, 250);
        let stream = browser.page(&mut worker);
        asked(&mut worker);
        worker.answer(status, &[], answer);
        assert!(!browser.take(&worker, stream), "{answer}");
        let line = worker.log.iter().rfind(|line| line.contains("login_refresh_failed")).unwrap();
        assert!(!line.contains("Fe26"), "{line}");
        pass(&world, 60);
        let stream = browser.page(&mut worker);
        if ends {
            assert_eq!(worker.reply(stream).status, 302, "{answer}");
            let stream = browser.fetch(&mut worker);
            assert_eq!(code(worker.reply(stream)), "login_ended", "{answer}");
        } else {
            assert_ne!(worker.verdict(stream), "login_ended", "{answer}");
            // Later it is asked again.
            worker.tick();
            while !worker.calls.is_empty() {
                worker.answer(200, &[], &second());
            }
            assert_eq!(worker.verdict(stream), "forwarded", "{answer}");
        }
    }
}

#[test]
fn h05_a_copy_at_another_proxy_works_until_the_provider_is_asked() {
    let (world, elsewhere) = (World::default(), World::default());
    let mut one = worker(&world, &json!({}));
    let mut other = worker(&elsewhere, &json!({}));
    let mut browser = Browser::default();
    browser.log_in(&mut one);
    let copy = browser.clone();
    let own = [
        ("origin", "https://portal.example.com"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-site", "same-origin"),
    ];
    let stream = browser.send(&mut one, "GET", "/.login/idp/logout", &own);
    assert_eq!(one.reply(stream).status, 303);
    pass(&elsewhere, 200);
    let stream = copy.fetch(&mut other);
    assert_eq!(other.verdict(stream), "forwarded");
    pass(&elsewhere, 101);
    let stream = copy.fetch(&mut other);
    asked(&mut other);
    other.answer(400, &[], r#"{"error":"invalid_grant"}"#);
    assert_eq!(other.verdict(stream), "login_ended");
}

#[test]
fn h24_what_the_answer_lacks_stays_as_it_was() {
    let world = World::default();
    let changes = json!({ "forward": { "access_token": "x-at", "id_token": "x-it" } });
    let mut worker = worker(&world, &changes);
    let mut browser = Browser::default();
    browser.log_in(&mut worker);
    pass(&world, 301);
    let stream = browser.fetch(&mut worker);
    asked(&mut worker);
    worker.answer(200, &[], r#"{"access_token":"at-2","token_type":"Bearer"}"#);
    assert!(browser.take(&worker, stream));
    let header = |worker: &Worker<'_>, stream, name: &str| {
        let sent = upstream(worker, stream, &[]);
        sent.into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    };
    assert_eq!(header(&worker, stream, "x-tollgate-identity").as_deref(), Some("alice"));
    assert_eq!(header(&worker, stream, "x-at").as_deref(), Some("at-2"));
    assert!(header(&worker, stream, "x-it").is_some_and(|token| token.starts_with("ey")));
    // It lives for an hour, where nothing is said; the old refresh token is used again.
    pass(&world, 3500);
    let stream = browser.fetch(&mut worker);
    assert!(!browser.take(&worker, stream));
    assert_eq!(header(&worker, stream, "x-at").as_deref(), Some("at-2"));
    pass(&world, 101);
    let stream = browser.fetch(&mut worker);
    assert_eq!(asked(&mut worker), "grant_type=refresh_token&refresh_token=rt-1");
    let odd = r#"{"access_token":"at-3","token_type":"Bearer","expires_in":"abc"}"#;
    worker.answer(200, &[], odd);
    assert!(!browser.take(&worker, stream));
    assert!(worker.log.iter().any(|line| line.contains("login_failed: ")), "{:?}", worker.log);
}

#[test]
fn claims_are_those_of_the_last_refresh() {
    let world = World::default();
    let mut config = config(&json!({}));
    config["providers"]["idp"]["upstream"] =
        json!({ "headers": { "x-group": { "claim": "group" } } });
    let mut worker = Worker::new(&world, &config.to_string());
    let mut browser = Browser::default();
    browser.log_in(&mut worker);
    pass(&world, 301);
    let stream = browser.fetch(&mut worker);
    asked(&mut worker);
    let answer = tokens("2", &id_token(|token| token.claim("group", "admins")));
    worker.answer(200, &[], &answer.to_string());
    assert!(browser.take(&worker, stream));
    let sent = upstream(&worker, stream, &[]);
    assert!(sent.contains(&("x-group".into(), "admins".into())), "{sent:?}");
    pass(&world, 301);
    let stream = browser.fetch(&mut worker);
    asked(&mut worker);
    worker.answer(200, &[], &second());
    assert!(browser.take(&worker, stream));
    let sent = upstream(&worker, stream, &[]);
    assert!(!sent.iter().any(|(name, _)| name == "x-group"), "{sent:?}");
}

#[test]
fn h25_tokens_of_somebody_else_end_the_session_and_are_called_an_attack() {
    let cases: [(&str, fn(Token) -> Token, bool); 8] = [
        ("another person", |token| token.claim("sub", "mallory"), true),
        ("another issuer", |token| token.claim("iss", "https://evil.example.com/"), true),
        ("another client", |token| token.claim("aud", "other"), true),
        ("another party", |token| token.claim("azp", "other"), true),
        ("a nonce of another login", |token| token.claim("nonce", "other"), true),
        ("an end that has passed", |token| token.claim("exp", NOW), false),
        ("another access token", |token| token.claim("at_hash", "x"), false),
        ("nothing wrong", |token| token, false),
    ];
    for (name, change, is_attack) in cases {
        let world = World::default();
        let mut one = worker(&world, &json!({}));
        let mut two = worker(&world, &json!({}));
        let mut browser = Browser::default();
        browser.log_in(&mut one);
        pass(&world, 250);
        let stream = browser.page(&mut one);
        asked(&mut one);
        one.answer(200, &[], &tokens("2", &id_token(change)).to_string());
        let line = one.log.iter().find(|line| line.contains("login_refresh_failed"));
        assert_eq!(line.is_some_and(|line| line.contains("attack")), is_attack, "{name}: {line:?}");
        if !is_attack {
            assert_eq!(one.verdict(stream), "forwarded", "{name}");
            continue;
        }
        assert_eq!(one.reply(stream).status, 302, "{name}");
        pass(&world, 1);
        for worker in [&mut one, &mut two] {
            let stream = browser.fetch(worker);
            assert_eq!(worker.verdict(stream), "login_ended", "{name}");
        }
    }
}

#[test]
fn h03_a_refresh_token_of_another_session_or_generation_renews_nothing() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let (mut browser, mut other) = (Browser::default(), Browser::default());
    browser.log_in(&mut worker);
    other.log_in(&mut worker);
    let old = browser.clone();
    pass(&world, 250);
    let stream = browser.page(&mut worker);
    asked(&mut worker);
    worker.answer(200, &[], &second());
    assert!(browser.take(&worker, stream));
    let made = worker.calls_made;
    for (name, token) in [
        ("another session's", Some(&other.0[REFRESH])),
        ("an older one", Some(&old.0[REFRESH])),
        ("the session itself", Some(&browser.0[SESSION])),
        ("none", None),
    ] {
        let mut mixed = browser.clone();
        mixed.0.remove(REFRESH);
        mixed.0.extend(token.map(|token| (REFRESH.to_owned(), token.clone())));
        let before = world.now.get();
        pass(&world, 250);
        let stream = mixed.page(&mut worker);
        assert!(!mixed.take(&worker, stream), "{name}");
        // It does not live on because nobody can be asked about it.
        pass(&world, 51);
        let stream = mixed.fetch(&mut worker);
        assert_eq!(worker.verdict(stream), "login_expired", "{name}");
        worker.tick();
        assert_eq!(worker.calls_made, made, "{name}");
        world.now.set(before);
    }
    assert_eq!(worker.counts["tollgate_login_refresh_failed_idp"], 8);
}

#[test]
fn a_session_without_a_refresh_token_lives_to_its_longest_unasked() {
    let world = World::default();
    let mut worker = worker(&world, &json!({ "session": { "refresh": false } }));
    let mut browser = Browser::default();
    browser.log_in(&mut worker);
    assert!(!browser.0.contains_key(REFRESH));
    let made = worker.calls_made;
    for _ in 0..7 {
        pass(&world, 3600);
        let stream = browser.page(&mut worker);
        assert!(!browser.take(&worker, stream));
    }
    worker.tick();
    assert_eq!(worker.calls_made, made);
}

#[test]
fn h34_an_answer_with_new_cookies_is_kept_by_nobody() {
    let world = World::default();
    let mut worker = worker(&world, &json!({ "session": { "idle": "1h" } }));
    let mut browser = Browser::default();
    browser.log_in(&mut worker);
    let none: Headers = ["expires", "surrogate-control", "cdn-cache-control"]
        .map(|name| (name, String::new()))
        .to_vec();
    let uncached = [&[("cache-control", "private, no-store".to_owned())][..], &none].concat();
    // When it was last used, which navigations write.
    pass(&world, 100);
    let stream = browser.page(&mut worker);
    assert_eq!(worker.advice[&stream], uncached);
    assert!(worker.after[&stream].1.is_empty());
    assert!(browser.take(&worker, stream));
    // Nothing.
    let stream = browser.fetch(&mut worker);
    assert_eq!(worker.after[&stream].1, [("cache-control", "private".to_owned())]);
    assert!(worker.advice[&stream].is_empty());
    // A refresh.
    pass(&world, 201);
    let stream = browser.fetch(&mut worker);
    asked(&mut worker);
    worker.answer(200, &[], &second());
    assert_eq!(worker.advice[&stream], uncached);
    assert!(browser.take(&worker, stream));
}

#[test]
fn a_refresh_is_no_use_of_a_session() {
    let world = World::default();
    let changes = json!({ "session": { "idle": "10m" } });
    let mut worker = worker(&world, &changes);
    let mut browser = Browser::default();
    browser.log_in(&mut worker);
    // A script asks all the time: the session is renewed, and ends as one that nobody uses.
    for turn in [280, 280] {
        pass(&world, turn);
        let stream = browser.fetch(&mut worker);
        asked(&mut worker);
        worker.answer(200, &[], &second());
        assert!(browser.take(&worker, stream));
    }
    pass(&world, 41);
    let stream = browser.fetch(&mut worker);
    assert_eq!(worker.verdict(stream), "login_expired");
}

#[test]
fn a_refused_request_gets_the_new_cookies_too() {
    let world = World::default();
    let mut config = config(&json!({}));
    config["apis"] = json!([{ "name": "all", "auth": ["idp"],
        "require": [{ "claim": "group", "in": ["admins"] }] }]);
    let Ok(_) = tollgate::config::Config::parse(config.to_string().as_bytes()) else {
        panic!("{:?}", tollgate::config::Config::parse(config.to_string().as_bytes()).err());
    };
    let mut worker = Worker::new(&world, &config.to_string());
    let mut browser = Browser::default();
    browser.log_in(&mut worker);
    pass(&world, 301);
    let stream = browser.fetch(&mut worker);
    asked(&mut worker);
    worker.answer(200, &[], &second());
    let reply = worker.reply(stream).clone();
    assert_eq!(reply.status, 403, "{reply:?}");
    assert!(browser.keep_set(&reply.headers));
    assert!(reply.headers.contains(&("cache-control", "no-store".to_owned())));
}

#[test]
fn no_secret_of_a_refresh_is_in_any_line_or_in_the_store() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    browser.log_in(&mut worker);
    pass(&world, 301);
    let stream = browser.fetch(&mut worker);
    asked(&mut worker);
    worker.answer(500, &[], "rt-1");
    assert_eq!(worker.verdict(stream), "forwarded");
    pass(&world, 2);
    let stream = browser.fetch(&mut worker);
    asked(&mut worker);
    worker.answer(200, &[], &second());
    assert!(browser.take(&worker, stream));
    let all = worker.log.join("\n");
    for secret in ["at-1", "rt-1", "at-2", "rt-2", "eyJ", "c2VjcmV0"] {
        assert!(!all.contains(secret), "{secret}: {all}");
        assert!(!world.store.holds(secret.as_bytes()), "{secret}");
    }
    for value in browser.0.values() {
        assert!(!all.contains(&value[..24]), "{value}");
        assert!(!world.store.holds(&value.as_bytes()[..24]), "{value}");
    }
}

#[test]
fn keys_that_are_not_known_yet_are_fetched_before_the_tokens_are_judged() {
    let world = World::default();
    let mut config = config(&json!({}));
    config["providers"]["idp"]["jwks"] =
        json!({ "url": "https://id.example.com/keys", "cluster": "idp" });
    let mut worker = Worker::new(&world, &config.to_string());
    let set = |kid: &str| json!({ "keys": [Signer::new(kid).jwk()] }).to_string();
    worker.fetch(&set("k1"));
    let mut browser = Browser::default();
    browser.log_in(&mut worker);
    pass(&world, 250);
    let stream = browser.page(&mut worker);
    asked(&mut worker);
    let token = Token::for_identity("alice").claim("aud", CLIENT).claim("exp", NOW + 1_000_000);
    worker.answer(200, &[], &tokens("2", &Signer::new("k2").sign(&token)).to_string());
    assert_eq!(worker.verdict(stream), "waiting");
    // Who has asked leaves; the tokens stay.
    worker.handle(Event::StreamGone { stream });
    pass(&world, 1);
    worker.fetch(&set("k2"));
    worker.tick();
    let stream = browser.fetch(&mut worker);
    assert!(browser.take(&worker, stream), "{:?}", worker.log);
    assert_eq!(worker.counts["tollgate_login_refreshed_idp"], 1);
    // Keys that never come: the session lives on.
    pass(&world, 250);
    let stream = browser.page(&mut worker);
    asked(&mut worker);
    worker.answer(200, &[], &tokens("3", &Signer::new("k3").sign(&token)).to_string());
    pass(&world, 1);
    worker.fetch(&set("k2"));
    for _ in 0..10 {
        pass(&world, 1);
        worker.tick();
    }
    assert!(!browser.take(&worker, stream));
    assert_eq!(worker.counts["tollgate_login_refresh_failed_idp"], 1, "{:?}", worker.log);
}

#[test]
fn the_userinfo_endpoint_is_asked_again_and_what_it_does_not_say_stays() {
    let world = World::default();
    let mut config = config(&json!({ "userinfo": true }));
    let idp = &mut config["providers"]["idp"];
    idp["login"]["endpoints"]["userinfo"] = json!("https://id.example.com/userinfo");
    idp["upstream"] = json!({ "headers": { "x-group": { "claim": "group" } } });
    let mut worker = Worker::new(&world, &config.to_string());
    let mut browser = Browser::default();
    let (stream, answer) = browser.come_back(&mut worker);
    worker.answer(200, &[], &answer);
    worker.answer(200, &[], r#"{"sub":"alice","group":"one"}"#);
    browser.keep_set(&worker.reply(stream).clone().headers);
    let group = |worker: &Worker<'_>, stream| {
        let sent = upstream(worker, stream, &[]);
        sent.into_iter().find(|(name, _)| name == "x-group").map(|(_, value)| value)
    };
    for (id_token, said, expected) in [
        (Some(id_token(|token| token)), r#"{"sub":"alice","group":"two"}"#, "two"),
        (Some(id_token(|token| token)), "<html>", "two"),
        (None, r#"{"sub":"alice","group":"three"}"#, "three"),
        (None, "", "three"),
    ] {
        pass(&world, 301);
        let stream = browser.fetch(&mut worker);
        asked(&mut worker);
        let mut answer = tokens("2", &id_token.clone().unwrap_or_default());
        if id_token.is_none() {
            answer.as_object_mut().unwrap().remove("id_token");
        }
        worker.answer(200, &[], &answer.to_string());
        assert_eq!(worker.verdict(stream), "waiting");
        let request = worker.calls.values().next().expect("a call");
        assert_eq!(&*request.path, "/userinfo");
        assert_eq!(request.authorization.as_ref().unwrap().reveal(), "Bearer at-2");
        worker.answer(200, &[], said);
        assert!(browser.take(&worker, stream));
        assert_eq!(group(&worker, stream).as_deref(), Some(expected), "{said}");
    }
    pass(&world, 301);
    let stream = browser.fetch(&mut worker);
    asked(&mut worker);
    worker.answer(200, &[], &second());
    worker.answer(200, &[], r#"{"sub":"mallory","group":"admins"}"#);
    assert_eq!(worker.verdict(stream), "login_ended");
}

#[test]
fn without_a_store_a_worker_renews_for_itself() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    browser.log_in(&mut worker);
    world.store.absent.set(true);
    pass(&world, 301);
    let streams: Vec<_> = (0..3).map(|_| browser.fetch(&mut worker)).collect();
    asked(&mut worker);
    assert_eq!(worker.calls.len(), 1);
    worker.answer(500, &[], "");
    for stream in streams {
        assert!(!browser.take(&worker, stream));
    }
    let made = worker.calls_made;
    let stream = browser.fetch(&mut worker);
    assert!(!browser.take(&worker, stream));
    worker.tick();
    assert_eq!(worker.calls_made, made);
    pass(&world, 2);
    let streams: Vec<_> = (0..3).map(|_| browser.fetch(&mut worker)).collect();
    asked(&mut worker);
    worker.answer(200, &[], &second());
    let made = worker.calls_made;
    for stream in streams {
        assert!(browser.clone().take(&worker, stream));
    }
    let stream = browser.fetch(&mut worker);
    assert!(browser.take(&worker, stream));
    worker.tick();
    assert_eq!(worker.calls_made, made);
}

#[test]
fn nothing_that_others_write_into_the_store_becomes_a_session() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    browser.log_in(&mut worker);
    pass(&world, 301);
    browser.fetch(&mut worker);
    asked(&mut worker);
    worker.answer(200, &[], &second());
    for (turn, value) in [&b"noise"[..], b"", b"__Host-tollgate-idp=forged"].iter().enumerate() {
        let slot = format!("tg1/login-next/{turn}");
        assert!(world.store.keys().contains(&slot), "{:?}", world.store.keys());
        world.store.force(&slot, value);
        // What was kept is gone: the provider is asked again.
        let stream = browser.fetch(&mut worker);
        assert_eq!(worker.verdict(stream), "waiting");
        asked(&mut worker);
        worker.answer(200, &[], &second());
        assert_eq!(worker.verdict(stream), "forwarded");
    }
}

#[test]
fn of_two_secrets_the_one_that_is_taken_is_shown() {
    let world = World::default();
    let secrets = json!({ "client": { "id": CLIENT,
        "secret": [{ "base64": "bmV3" }, { "base64": "c2VjcmV0" }] } });
    let mut worker = worker(&world, &secrets);
    let mut browser = Browser::default();
    let (stream, answer) = browser.come_back(&mut worker);
    worker.answer(401, &[], "");
    worker.answer(200, &[], &answer);
    browser.keep_set(&worker.reply(stream).clone().headers);
    pass(&world, 301);
    let stream = browser.fetch(&mut worker);
    worker.tick();
    worker.answer(401, &[], r#"{"error":"invalid_client"}"#);
    asked(&mut worker);
    worker.answer(200, &[], &second());
    assert!(browser.take(&worker, stream));
}
