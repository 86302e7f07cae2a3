//! Providers that end sessions of their own accord: OpenID Connect Back-Channel Logout, through the whole
//! engine. The ids are those of the catalogue of attacks.

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::browser::{
    Browser, CLIENT, HOST, callback, config, header, id_token, log_in, start, tokens, worker,
};
use support::token::{ISSUER, NOW, Signer, Token};
use support::world::{Worker, World, code};
use tollgate::event::{Event, Reply};
use tollgate::http::RequestHead;
use tollgate::ids::StreamId;

const PATH: &str = "/.login/idp/back-channel";
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// Which provider's session a login is of.
#[derive(Clone, Copy)]
struct Sid(Option<&'static str>);

/// What the provider sends, with these in place of its own claims; `null` takes one away.
fn logout_token(jti: &str, other: &Value) -> Token {
    let mut token = Token::for_identity("alice")
        .claim("aud", CLIENT)
        .claim("jti", jti)
        .claim("events", json!({ EVENT: {} }))
        .header("typ", "logout+jwt");
    for (name, value) in other.as_object().unwrap() {
        token = match value {
            Value::Null => token.without(name),
            value => token.claim(name, value.clone()),
        };
    }
    token
}

fn signed(token: &Token) -> String {
    Signer::new("k1").sign(token)
}

/// The head of what the provider sends.
fn post(method: &str, fields: &[(&str, &str)]) -> RequestHead {
    let own = [(":method", method), (":path", PATH), (":authority", HOST)];
    let mut head = RequestHead { headers: own.into_iter().chain(fields.to_vec()).collect() };
    if method == "POST" {
        // As the shell says of a request whose head is not all.
        head.headers = head.headers.followed();
    }
    head
}

/// Sends a form, and its body where that is wanted.
fn send(worker: &mut Worker<'_>, fields: &[(&str, &str)], body: &str) -> StreamId {
    let stream = worker.request(post("POST", fields));
    if let Some(max) = worker.reads.remove(&stream) {
        let body = (body.len() <= max).then(|| body.as_bytes().to_vec());
        worker.handle(Event::Body { stream, body });
    }
    stream
}

/// Sends a logout token.
fn told(worker: &mut Worker<'_>, token: &Token) -> Reply {
    let stream = send(worker, &[FORM], &format!("logout_token={}", signed(token)));
    worker.reply(stream).clone()
}

/// Logs in, in this session of the provider's.
fn logged_in(worker: &mut Worker<'_>, Sid(sid): Sid) -> Browser {
    let mut browser = Browser::default();
    let asked = start(worker, &mut browser, "/orders");
    let token = id_token(&asked.nonce, |token| match sid {
        Some(sid) => token.claim("sid", sid),
        None => token,
    });
    let stream = callback(worker, &browser, &asked, (200, &tokens(&token).to_string()));
    browser.keep(&worker.reply(stream).clone());
    browser
}

/// What becomes of a script's request of this browser: its code, or `forwarded`.
fn verdict(worker: &mut Worker<'_>, browser: &Browser) -> String {
    let stream = browser.send(worker, "GET", "/orders/7", &[]);
    worker.verdict(stream)
}

/// A worker whose provider may end sessions, with changes to its login.
fn with(changes: &Value) -> Value {
    let mut all = json!({ "back_channel": true });
    for (name, value) in changes.as_object().unwrap() {
        all[name] = value.clone();
    }
    config(&all)
}

fn next(world: &World) {
    world.wait(Duration::from_secs(1));
}

#[test]
fn a_session_that_the_provider_ends_is_over_in_every_worker_within_a_second() {
    let world = World::default();
    let text = with(&json!({})).to_string();
    let (mut one, mut other) = (Worker::new(&world, &text), Worker::new(&world, &text));
    let first = logged_in(&mut one, Sid(Some("s-1")));
    let second = logged_in(&mut one, Sid(Some("s-2")));
    for browser in [&first, &second] {
        assert_eq!(verdict(&mut one, browser), "forwarded");
        assert_eq!(verdict(&mut other, browser), "forwarded");
    }
    let reply = told(&mut one, &logout_token("1", &json!({ "sid": "s-1" })));
    assert_eq!((reply.status, &*reply.body), (200, ""));
    assert_eq!(header(&reply, "cache-control"), Some("no-store"));
    next(&world);
    for worker in [&mut one, &mut other] {
        assert_eq!(verdict(worker, &first), "login_ended");
        assert_eq!(verdict(worker, &second), "forwarded");
    }
    assert_eq!(one.counts["tollgate_login_logged_out_idp"], 1);
    // A page signs in again, and that session is another.
    let again = logged_in(&mut one, Sid(Some("s-3")));
    assert_eq!(verdict(&mut other, &again), "forwarded");
}

#[test]
fn a_session_that_a_list_names_by_its_sid_has_ended_and_no_other() {
    let world = World::default();
    let mut before = Worker::new(&world, &with(&json!({})).to_string());
    let [named, other, nameless] =
        [Some("s-1"), Some("s-2"), None].map(|sid| logged_in(&mut before, Sid(sid)));
    let mut config = with(&json!({}));
    config["revoked"] = json!({ "entries": [{ "provider": "idp", "session": "s-1" }] });
    let mut worker = Worker::new(&world, &config.to_string());
    assert_eq!(verdict(&mut worker, &named), "login_ended");
    assert_eq!(verdict(&mut worker, &other), "forwarded");
    assert_eq!(verdict(&mut worker, &nameless), "forwarded");
}

#[test]
fn without_a_sid_all_sessions_of_a_subject_end_that_began_before() {
    let world = World::default();
    let mut worker = Worker::new(&world, &with(&json!({})).to_string());
    let old = [Sid(Some("s-1")), Sid(None)].map(|sid| logged_in(&mut worker, sid));
    world.wait(Duration::from_secs(10));
    let new = logged_in(&mut worker, Sid(Some("s-2")));
    let reply = told(&mut worker, &logout_token("1", &json!({ "iat": NOW + 5 })));
    assert_eq!(reply.status, 200);
    next(&world);
    for browser in &old {
        assert_eq!(verdict(&mut worker, browser), "login_ended");
    }
    assert_eq!(verdict(&mut worker, &new), "forwarded");
    // An older message that comes later takes nothing back.
    let older = logout_token("2", &json!({ "iat": NOW - 5 }));
    assert_eq!(told(&mut worker, &older).status, 200);
    next(&world);
    assert_eq!(verdict(&mut worker, &old[0]), "login_ended");
    // Another person's sessions stay.
    let bob = logout_token("3", &json!({ "sub": "bob", "iat": NOW + 12 }));
    assert_eq!(told(&mut worker, &bob).status, 200);
    next(&world);
    assert_eq!(verdict(&mut worker, &new), "forwarded");
}

#[test]
fn a_session_of_which_the_provider_never_said_its_sid_ends_with_any_of_its_subject() {
    let world = World::default();
    let mut worker = Worker::new(&world, &with(&json!({})).to_string());
    let named = logged_in(&mut worker, Sid(Some("s-2")));
    let nameless = logged_in(&mut worker, Sid(None));
    world.wait(Duration::from_secs(2));
    let token = logout_token("1", &json!({ "sid": "s-1", "iat": NOW + 1 }));
    assert_eq!(told(&mut worker, &token).status, 200);
    next(&world);
    assert_eq!(verdict(&mut worker, &nameless), "login_ended");
    assert_eq!(verdict(&mut worker, &named), "forwarded");
}

#[test]
fn a_session_made_of_the_access_token_has_the_sid_of_the_id_token() {
    let world = World::default();
    let mut config = with(&json!({ "judge": "access_token" }));
    config["providers"]["idp"]["audiences"] = json!(["api"]);
    let mut worker = Worker::new(&world, &config.to_string());
    let mut browser = Browser::default();
    let asked = start(&mut worker, &mut browser, "/orders");
    let mut answer = tokens(&id_token(&asked.nonce, |token| token.claim("sid", "s-1")));
    answer["access_token"] = signed(&Token::for_identity("alice")).into();
    let stream = callback(&mut worker, &browser, &asked, (200, &answer.to_string()));
    browser.keep(&worker.reply(stream).clone());
    assert_eq!(verdict(&mut worker, &browser), "forwarded");
    let token = logout_token("1", &json!({ "sid": "s-1", "sub": null }));
    assert_eq!(told(&mut worker, &token).status, 200);
    next(&world);
    assert_eq!(verdict(&mut worker, &browser), "login_ended");
}

#[test]
fn a_session_that_was_refreshed_ends_as_the_one_that_it_was() {
    let world = World::default();
    let mut worker = Worker::new(&world, &with(&json!({})).to_string());
    let mut browser = logged_in(&mut worker, Sid(Some("s-1")));
    world.wait(Duration::from_secs(290));
    let stream = browser.visit(&mut worker, "/orders");
    worker.tick();
    worker.answer(200, &[], &json!({ "access_token": "at-2", "token_type": "Bearer" }).to_string());
    worker.tick();
    assert_eq!(worker.verdict(stream), "forwarded");
    browser.keep_of(&worker.after[&stream].0.clone());
    let token = logout_token("1", &json!({ "sid": "s-1", "iat": NOW + 289 }));
    assert_eq!(told(&mut worker, &token).status, 200);
    next(&world);
    assert_eq!(verdict(&mut worker, &browser), "login_ended");
}

#[test]
fn where_it_is_off_nobody_ends_anything_there() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let browser = logged_in(&mut worker, Sid(Some("s-1")));
    let token = signed(&logout_token("1", &json!({ "sid": "s-1" })));
    let stream = send(&mut worker, &[FORM], &format!("logout_token={token}"));
    assert_eq!(worker.reply(stream).status, 404);
    assert!(worker.reads.is_empty());
    next(&world);
    assert_eq!(verdict(&mut worker, &browser), "forwarded");
}

#[test]
fn in_report_mode_what_a_login_says_itself_is_said_and_not_reported() {
    let world = World::default();
    let mut config = with(&json!({}));
    config["mode"] = "report".into();
    let mut worker = Worker::new(&world, &config.to_string());
    let stream = send(&mut worker, &[FORM], "logout_token=x");
    assert_eq!(code(worker.reply(stream)), "logout_token_invalid");
    let stream = Browser::default().visit(&mut worker, "/.login/idp/callback?code=c&state=x");
    assert_eq!(worker.verdict(stream), "login_state_invalid");
}

#[test]
fn a_body_that_does_not_come_is_told_after_two_seconds_and_few_may_wait_for_theirs() {
    let world = World::default();
    let mut worker = Worker::new(&world, &with(&json!({})).to_string());
    let waiting: Vec<_> = (0..8).map(|_| worker.request(post("POST", &[FORM]))).collect();
    let more = worker.request(post("POST", &[FORM]));
    assert_eq!(worker.verdict(more), "login_unavailable");
    world.wait(Duration::from_millis(1990));
    worker.tick();
    assert!(waiting.iter().all(|stream| worker.verdict(*stream) == "waiting"));
    world.wait(Duration::from_millis(10));
    worker.tick();
    for stream in waiting {
        assert_eq!(worker.verdict(stream), "body_unreadable");
        assert_eq!(worker.reply(stream).status, 503);
    }
    let line = worker.log.last().unwrap();
    assert!(line.contains("allow_on_headers_stop_iteration"), "{line}");
}

#[test]
fn i21_what_is_no_logout_token_ends_nothing_and_is_refused() {
    let world = World::default();
    let mut worker = Worker::new(&world, &with(&json!({})).to_string());
    let browser = logged_in(&mut worker, Sid(Some("s-1")));
    let good = || logout_token("j", &json!({ "sid": "s-1" }));
    let of = |other: Value| {
        let mut all = json!({ "sid": "s-1" });
        all.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        format!("logout_token={}", signed(&logout_token("j", &all)))
    };
    let token = signed(&good());
    let form = format!("logout_token={token}");
    let none = Signer::new("k1").sign(&good().header("alg", "none"));
    let foreign = Signer::new("k2").sign(&good());
    let bodies = [
        ("typ at+jwt", format!("logout_token={}", signed(&good().header("typ", "at+jwt")))),
        ("a nonce", of(json!({ "nonce": "n" }))),
        ("no events", of(json!({ "events": null }))),
        ("a list of events", of(json!({ "events": [EVENT] }))),
        ("ten minutes old", of(json!({ "iat": NOW - 600 }))),
        ("of the future", of(json!({ "iat": NOW + 600, "exp": NOW + 900 }))),
        ("ended", of(json!({ "exp": NOW - 61 }))),
        ("about nobody", of(json!({ "sid": null, "sub": null }))),
        ("for another", of(json!({ "aud": "other" }))),
        ("of another issuer", of(json!({ "iss": "https://evil.example.com/" }))),
        ("without a jti", of(json!({ "jti": null }))),
        ("unsigned", format!("logout_token={none}")),
        ("signed by a stranger", format!("logout_token={foreign}")),
        ("no token", "logout_token=a.b.c".to_owned()),
        (
            "an ID token",
            format!("logout_token={}", id_token("n", |token| token.claim("sid", "s-1"))),
        ),
        ("twice", format!("{form}&{form}")),
        ("twice, once escaped", format!("{form}&logout%5ftoken={token}")),
        ("another field", format!("token={token}")),
        ("nothing", String::new()),
        ("20 KB", format!("{form}&x={}", "x".repeat(20_000))),
    ];
    for (name, body) in bodies {
        let stream = send(&mut worker, &[FORM], &body);
        assert_eq!(worker.verdict(stream), "logout_token_invalid", "{name}");
        let reply = worker.reply(stream);
        assert_eq!(
            (reply.status, header(reply, "cache-control")),
            (400, Some("no-store")),
            "{name}"
        );
    }
    let kinds: [&[(&str, &str)]; 4] = [
        &[],
        &[("content-type", "application/json")],
        &[("content-type", "multipart/form-data")],
        &[FORM, ("content-type", "application/json")],
    ];
    for fields in kinds {
        let stream = send(&mut worker, fields, &form);
        assert_eq!(worker.verdict(stream), "logout_token_invalid", "{fields:?}");
    }
    for method in ["GET", "PUT", "HEAD"] {
        let stream = worker.request(post(method, &[FORM]));
        assert_eq!(worker.verdict(stream), "logout_token_invalid", "{method}");
    }
    // One in the query is none.
    let path = format!("{PATH}?{form}");
    let stream = browser.send(&mut worker, "POST", &path, &[FORM]);
    assert_eq!(worker.verdict(stream), "logout_token_invalid");
    next(&world);
    assert_eq!(verdict(&mut worker, &browser), "forwarded", "something was ended");

    let typed = ("content-type", "Application/X-WWW-Form-URLEncoded; charset=utf-8");
    let stream = send(&mut worker, &[typed], &form);
    assert_eq!(worker.reply(stream).status, 200);
    let stream = send(&mut worker, &[FORM], &form);
    assert_eq!(worker.verdict(stream), "logout_token_invalid", "it came again");
    next(&world);
    assert_eq!(verdict(&mut worker, &browser), "login_ended");
}

#[test]
fn i22_a_flood_of_good_logout_tokens_finds_a_bounded_table_and_ends_nobody_else() {
    let world = World::default();
    let mut worker = Worker::new(&world, &with(&json!({ "capacity": 64 })).to_string());
    let browser = logged_in(&mut worker, Sid(Some("s-1")));
    let mut ended = Browser::default();
    log_in(&mut worker, &mut ended);
    let stream = ended.visit(&mut worker, "/.login/idp/logout");
    assert_eq!(worker.reply(stream).status, 303);
    let mut full = 0;
    for number in 0..400 {
        let claims = json!({ "sid": format!("random-{number}"), "sub": null });
        let reply = told(&mut worker, &logout_token(&format!("j-{number}"), &claims));
        match reply.status {
            200 => {}
            503 => {
                assert_eq!(code(&reply), "logout_store_full");
                full += 1;
            }
            status => panic!("{status} for {number}"),
        }
    }
    assert!(full > 300, "{full} of 400");
    let entries = world.store.keys().into_iter().filter(|key| key.starts_with("tg1/login-end/"));
    assert_eq!(entries.count(), 8);
    next(&world);
    assert_eq!(verdict(&mut worker, &browser), "forwarded");
    assert_eq!(verdict(&mut worker, &ended), "login_ended", "a logout was forgotten");
}

#[test]
fn i23_forged_logout_tokens_cost_no_more_fetches_than_forged_bearer_tokens() {
    let world = World::default();
    let mut config = with(&json!({}));
    config["providers"]["idp"]["jwks"] =
        json!({ "url": "https://id.example.com/keys", "cluster": "idp" });
    let mut worker = Worker::new(&world, &config.to_string());
    worker.fetch(&json!({ "keys": [Signer::new("k1").jwk()] }).to_string());
    let made = worker.calls_made;
    for number in 0..1000 {
        let forger = Signer::new(&format!("forged-{number}"));
        let token = forger.sign(&logout_token(&format!("{number}"), &json!({})));
        send(&mut worker, &[FORM], &format!("logout_token={token}"));
        world.wait(Duration::from_millis(1));
        worker.tick();
        if let Some(call) = worker.calls.keys().next().copied() {
            worker.call_done(call, None);
        }
    }
    let calls = worker.calls_made - made;
    assert!(calls <= 2, "{calls} fetches in a second");
    world.wait(Duration::from_secs(11));
    worker.tick();
    let known = signed(&logout_token("good", &json!({ "iat": NOW + 10, "iss": ISSUER })));
    let stream = send(&mut worker, &[FORM], &format!("logout_token={known}"));
    assert_eq!(worker.reply(stream).status, 200);
}
