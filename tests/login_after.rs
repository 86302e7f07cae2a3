//! What follows a login, through the whole engine: what of it goes upstream and to whom, what a logout ends
//! however old the session is, and who is sent to log in again.

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::browser::{
    Asked, Browser, CLIENT, PAGE, SESSION, body, callback, config, header, id_token, location,
    log_in, start, tokens, worker,
};
use support::token::{NOW, Signer, Token};
use support::world::{Worker, World, code, upstream};
use tollgate::event::{Event, Section};
use tollgate::http::Fields;
use tollgate::ids::StreamId;

const ACCESS: &str = "__Host-tollgate-idp-a";
const LOGOUT: &str = "/.login/idp/logout";

/// A configuration with a login that writes `authorization`, and APIs with and without it.
fn forwarding(changes: &Value) -> Value {
    let mut config = config(changes);
    config["providers"]["idp"]["login"]["forward"] = json!({ "access_token": "authorization" });
    config["providers"]["partner"] = json!({
        "kind": "api_key", "from": [{ "header": "x-api-key" }],
        "keys": [{ "name": "one", "identity": "acme",
                   "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" }],
    });
    config["apis"] = json!([
        { "name": "own", "match": { "paths": ["/own/**"] }, "auth": ["idp"] },
        { "name": "either", "match": { "paths": ["/either/**"] }, "auth": ["idp", "partner"] },
        { "name": "optional", "match": { "paths": ["/optional/**"] }, "auth": ["idp"],
          "optional": true },
        { "name": "keys", "match": { "paths": ["/keys/**"] }, "auth": ["partner"] },
        { "name": "open", "match": { "paths": ["/open/**"] }, "auth": "none" },
    ]);
    config
}

/// The values of a header that go upstream.
fn sent(
    worker: &Worker<'_>,
    stream: StreamId,
    headers: &[(&str, &str)],
    name: &str,
) -> Vec<String> {
    assert_eq!(worker.verdict(stream), "forwarded", "{:?}", worker.log);
    let all = upstream(worker, stream, headers);
    all.into_iter().filter(|(known, _)| known == name).map(|(_, value)| value).collect()
}

#[test]
fn where_a_login_writes_authorization_no_client_does() {
    let world = World::default();
    let mut worker = Worker::new(&world, &forwarding(&json!({})).to_string());
    let mut browser = Browser::default();
    let asked = start(&mut worker, &mut browser, "/own/x");
    let answer = tokens(&id_token(&asked.nonce, |token| token));
    let stream = callback(&mut worker, &browser, &asked, (200, &answer.to_string()));
    let reply = worker.reply(stream).clone();
    browser.keep(&reply);
    let mut without = browser.clone();
    without.0.remove(ACCESS).expect("the cookie of the access token");
    let stranger = Browser::default();
    let key = [("x-api-key", "test"), ("authorization", "Bearer forged")];
    let forged = [("authorization", "Bearer forged")];
    let of_login = vec!["Bearer at-1".to_owned()];
    let clients = vec!["Bearer forged".to_owned()];
    for (name, browser, path, headers, expected) in [
        ("beside the login's own", &browser, "/own/x", &forged[..], &of_login),
        ("where the browser sends no token to write", &without, "/own/x", &forged, &vec![]),
        ("beside an API key", &stranger, "/either/x", &key, &vec![]),
        ("of nobody, on an optional API", &stranger, "/optional/x", &forged, &vec![]),
        ("on an API without the login", &stranger, "/keys/x", &key, &clients),
        ("on a public API", &browser, "/open/x", &forged, &clients),
    ] {
        let stream = browser.send(&mut worker, "GET", path, headers);
        assert_eq!(sent(&worker, stream, headers, "authorization"), *expected, "{name}");
    }
    // Nor has a client the next hop drop it, or puts it behind the body.
    let dropped = [("connection", "close, Authorization")];
    let stream = browser.send(&mut worker, "GET", "/own/x", &dropped);
    assert_eq!(sent(&worker, stream, &dropped, "connection"), ["close"]);
    let fields: Fields = [("authorization", "Bearer forged"), ("x-sum", "1")].into_iter().collect();
    worker.handle(Event::Fields { stream, section: Section::RequestTrailers, fields });
    assert_eq!(worker.cleaned, [b"authorization".to_vec()]);
}

#[test]
fn a_bearer_token_that_vouched_and_is_kept_goes_on_where_a_login_writes_authorization() {
    let world = World::default();
    for (keeps, expected) in [(true, 1), (false, 0)] {
        let mut config = forwarding(&json!({}));
        let idp = &mut config["providers"]["idp"];
        idp["from"] = json!([{ "header": "authorization", "scheme": "Bearer" }]);
        idp["audiences"] = json!(["api"]);
        idp["upstream"] = json!({ "credential": if keeps { "keep" } else { "strip" } });
        let mut worker = Worker::new(&world, &config.to_string());
        let token = format!("Bearer {}", Signer::new("k1").sign(&Token::for_identity("bob")));
        let headers = [("authorization", &*token)];
        let stream = Browser::default().send(&mut worker, "GET", "/own/x", &headers);
        assert_eq!(sent(&worker, stream, &headers, "authorization").len(), expected, "{keeps}");
    }
}

#[test]
fn tokens_that_are_past_what_the_provider_said_of_them_go_nowhere() {
    let world = World::default();
    let forward = json!({ "access_token": "x-token", "id_token": "x-id-token" });
    let changes = json!({ "forward": forward, "session": { "refresh": false } });
    let mut worker = worker(&world, &changes);
    let mut browser = Browser::default();
    log_in(&mut worker, &mut browser);
    for (seconds, expected) in [(0, 1), (299, 1), (1, 0), (3600, 0)] {
        world.wait(Duration::from_secs(seconds));
        let stream = browser.send(&mut worker, "GET", "/orders", &[]);
        for name in ["x-token", "x-id-token"] {
            assert_eq!(sent(&worker, stream, &[], name).len(), expected, "{name} {seconds}");
        }
        assert_eq!(sent(&worker, stream, &[], "x-tollgate-identity"), ["alice"]);
    }
    assert_eq!(worker.counts["tollgate_header_dropped"], 4);
}

#[test]
fn a_session_that_is_no_longer_of_use_is_logged_out_like_any_other() {
    for (name, seconds, then) in [
        ("idle", 3 * 60, json!({})),
        ("over", 3600, json!({})),
        ("stale", 0, json!({ "require": [{ "claim": "hd", "in": ["example.com"] }] })),
    ] {
        let world = World::default();
        let changes = json!({ "session": { "max": "1h", "idle": "2m" } });
        let mut before = worker(&world, &changes);
        let mut browser = Browser::default();
        log_in(&mut before, &mut browser);
        world.wait(Duration::from_secs(seconds));
        let mut config = config(&changes);
        for (field, value) in then.as_object().unwrap() {
            config["providers"]["idp"][field] = value.clone();
        }
        let mut worker = Worker::new(&world, &config.to_string());
        let stream = browser.send(&mut worker, "GET", "/orders", &[]);
        assert_eq!(worker.reply(stream).status, 401, "{name}");
        let origin = [("origin", "https://portal.example.com")];
        let stream = browser.send(&mut worker, "POST", LOGOUT, &origin);
        let reply = worker.reply(stream).clone();
        let to = location(&reply);
        assert!(to.starts_with("https://id.example.com/end?client_id=portal&id_token_hint=ey"));
        worker.tick();
        let request = worker.calls.values().next().expect("a revocation");
        assert_eq!(body(request), "token=rt-1&token_type_hint=refresh_token", "{name}");
        // Whoever has a copy is out, under the old configuration, too.
        world.wait(Duration::from_secs(1));
        let stream = browser.send(&mut before, "GET", "/orders", &[]);
        let expected = "login_ended";
        assert_eq!(code(before.reply(stream)), expected, "{name}");
    }
}

/// What a refresh brings.
fn renewed(change: impl Fn(Token) -> Token) -> String {
    let token = Token::for_identity("alice").claim("aud", CLIENT).claim("exp", NOW + 1_000_000);
    let mut answer = tokens(&Signer::new("k1").sign(&change(token)));
    answer["refresh_token"] = "rt-2".into();
    answer.to_string()
}

#[test]
fn a_logout_gives_back_the_newest_refresh_token() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    log_in(&mut worker, &mut browser);
    world.wait(Duration::from_secs(301));
    let stream = browser.send(&mut worker, "GET", "/orders", &[]);
    worker.tick();
    worker.answer(200, &[], &renewed(|token| token));
    assert_eq!(worker.verdict(stream), "forwarded", "{:?}", worker.log);
    // The browser has lost that answer.
    let origin = [("origin", "https://portal.example.com")];
    let stream = browser.send(&mut worker, "POST", LOGOUT, &origin);
    assert_eq!(worker.reply(stream).status, 303);
    worker.tick();
    let request = worker.calls.values().next().expect("a revocation");
    assert_eq!(body(request), "token=rt-2&token_type_hint=refresh_token");
}

#[test]
fn tokens_that_come_after_a_logout_are_given_back_and_nobody_gets_them() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    log_in(&mut worker, &mut browser);
    world.wait(Duration::from_secs(301));
    let waiting = browser.send(&mut worker, "GET", "/orders", &[]);
    worker.tick();
    let refresh = *worker.calls.keys().next().expect("a refresh");
    let origin = [("origin", "https://portal.example.com")];
    let stream = browser.send(&mut worker, "POST", LOGOUT, &origin);
    assert_eq!(worker.reply(stream).status, 303);
    worker.tick();
    worker.calls.retain(|call, _| *call == refresh);
    worker.answer(200, &[], &renewed(|token| token));
    assert_eq!(worker.verdict(waiting), "login_ended", "{:?}", worker.log);
    worker.tick();
    let bodies: Vec<String> = worker.calls.values().map(body).collect();
    assert_eq!(bodies, ["token=rt-2&token_type_hint=refresh_token"]);
}

/// A policy after whose time its holders must authenticate again.
fn with_an_end(expires_after: &str) -> Value {
    let mut config = config(&json!({}));
    config["policies"] =
        json!({ "short": { "access": [{ "apis": ["all"] }], "expires_after": expires_after } });
    config["apis"] = json!([{ "name": "all", "match": { "paths": ["/**"] }, "auth": ["idp"],
                              "policies": { "default": ["short"] } }]);
    config
}

#[test]
fn who_must_authenticate_again_by_a_policy_is_sent_to_do_so() {
    let world = World::default();
    let mut worker = Worker::new(&world, &with_an_end("2m").to_string());
    let mut browser = Browser::default();
    log_in(&mut worker, &mut browser);
    let stream = browser.visit(&mut worker, "/orders");
    assert_eq!(worker.verdict(stream), "forwarded");
    world.wait(Duration::from_secs(210));
    let stream = browser.visit(&mut worker, "/orders");
    let reply = worker.reply(stream);
    assert_eq!(reply.status, 302, "{reply:?}");
    assert!(location(reply).starts_with("https://id.example.com/auth?"));
    // A script is told where.
    let stream = browser.send(&mut worker, "GET", "/orders", &[]);
    let reply = worker.reply(stream);
    assert_eq!((reply.status, &*code(reply)), (401, "session_expired"));
    assert!(reply.body.contains(r#""login":"/.login/idp/start""#), "{}", reply.body);
}

#[test]
fn who_has_just_logged_in_with_an_old_authentication_gets_a_page_and_no_circle() {
    let world = World::default();
    let mut worker = Worker::new(&world, &with_an_end("2m").to_string());
    let mut browser = Browser::default();
    let asked = start(&mut worker, &mut browser, "/orders");
    let token = id_token(&asked.nonce, |token| token.claim("auth_time", NOW - 3600));
    let stream = callback(&mut worker, &browser, &asked, (200, &tokens(&token).to_string()));
    let reply = worker.reply(stream).clone();
    assert_eq!(reply.status, 303, "{reply:?}");
    browser.keep(&reply);
    let stream = browser.visit(&mut worker, "/orders");
    let reply = worker.reply(stream);
    assert_eq!(reply.status, 401);
    assert!(reply.body.contains("<code>session_expired</code>"), "{}", reply.body);
    assert!(reply.body.contains(r#"href="/.login/idp/start""#), "{}", reply.body);
}

#[test]
fn htmx_is_led_away_only_where_a_page_would_be() {
    for (name, unauthenticated, auth, expected) in [
        ("as a page is", "auto", json!(["idp"]), true),
        ("as any request is", "redirect", json!(["idp"]), true),
        ("where nobody is", "deny", json!(["idp"]), false),
    ] {
        let world = World::default();
        let mut config = config(&json!({}));
        config["apis"] = json!([{ "name": "all", "match": { "paths": ["/**"] }, "auth": auth,
                                  "unauthenticated": unauthenticated }]);
        let mut worker = Worker::new(&world, &config.to_string());
        let headers = [("hx-request", "true"), ("sec-fetch-mode", "cors")];
        let stream = Browser::default().send(&mut worker, "POST", "/orders", &headers);
        let reply = worker.reply(stream);
        assert_eq!(reply.status, 401, "{name}");
        assert_eq!(header(reply, "hx-redirect").is_some(), expected, "{name}");
    }
}

#[test]
fn a_person_who_may_no_longer_log_in_is_out_when_the_session_was_to_be_renewed() {
    for grace in ["0s", "15m"] {
        let world = World::default();
        let mut config = config(&json!({ "session": { "grace": grace } }));
        config["providers"]["idp"]["require"] = json!([{ "claim": "group", "in": ["staff"] }]);
        let mut worker = Worker::new(&world, &config.to_string());
        let mut browser = Browser::default();
        let asked = start(&mut worker, &mut browser, "/orders");
        let answer = tokens(&id_token(&asked.nonce, |token| token.claim("group", "staff")));
        let answer = answer.to_string();
        let stream = callback(&mut worker, &browser, &asked, (200, &answer));
        let reply = worker.reply(stream).clone();
        assert_eq!(reply.status, 303, "{:?}", worker.log);
        browser.keep(&reply);
        // Ahead of its end the session lives on, and nobody is asked again.
        world.wait(Duration::from_secs(290));
        let stream = browser.visit(&mut worker, "/orders");
        worker.tick();
        worker.answer(200, &[], &renewed(|token| token.claim("group", "guests")));
        assert_eq!(worker.verdict(stream), "forwarded");
        let made = worker.calls_made;
        world.wait(Duration::from_secs(11));
        let stream = browser.send(&mut worker, "GET", "/orders", &[]);
        assert_eq!(code(worker.reply(stream)), "login_ended", "{grace}");
        let stream = browser.visit(&mut worker, "/orders");
        assert_eq!(worker.reply(stream).status, 302, "{grace}");
        worker.tick();
        assert_eq!(worker.calls_made, made);
        let line = worker.log.iter().find(|line| line.contains("login_refresh_failed"));
        let line = line.expect("a line");
        for part in ["login_refused", "token_claim_refused", "providers.idp.require"] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }
}

/// Goes to a page, and comes back; the token endpoint has answered.
fn redeemed(worker: &mut Worker<'_>, browser: &mut Browser) -> (Asked, StreamId) {
    let asked = start(worker, browser, "/orders");
    let answer = tokens(&id_token(&asked.nonce, |token| token)).to_string();
    let stream = callback(worker, browser, &asked, (200, &answer));
    assert_eq!(worker.verdict(stream), "waiting", "{:?}", worker.log);
    (asked, stream)
}

fn informed(changes: &Value) -> Value {
    let mut config = config(&json!({ "userinfo": true }));
    let idp = &mut config["providers"]["idp"];
    idp["login"]["endpoints"]["userinfo"] = json!("https://id.example.com/userinfo");
    for (name, value) in changes.as_object().unwrap() {
        idp[name] = value.clone();
    }
    config
}

#[test]
fn who_somebody_is_may_stand_in_the_userinfo_answer_alone() {
    let asks = json!({ "claims": { "identity": ["email"] }, "require": [{ "claim": "hd", "in": ["example.com"] }] });
    for (name, said, expected) in [
        ("all of it", json!({ "sub": "alice", "email": "a@example.com", "hd": "example.com" }), ""),
        ("another's", json!({ "sub": "alice", "email": "a@example.com", "hd": "x" }), "is refused"),
        ("nobody's", json!({ "sub": "alice", "hd": "example.com" }), "identity_missing"),
    ] {
        let world = World::default();
        let mut worker = Worker::new(&world, &informed(&asks).to_string());
        let mut browser = Browser::default();
        let (_, stream) = redeemed(&mut worker, &mut browser);
        worker.answer(200, &[], &said.to_string());
        let reply = worker.reply(stream).clone();
        if expected.is_empty() {
            assert_eq!(reply.status, 303, "{name}: {:?}", worker.log);
            browser.keep(&reply);
            let stream = browser.send(&mut worker, "GET", "/orders", &[]);
            assert_eq!(sent(&worker, stream, &[], "x-tollgate-identity"), ["a@example.com"]);
        } else {
            assert_eq!(reply.status, 502, "{name}");
            let line = worker.log.last().unwrap();
            assert!(line.contains("the ID token with the userinfo answer"), "{name}: {line}");
        }
    }
}

#[test]
fn every_call_of_a_login_that_brings_no_answer_is_made_once_more() {
    let world = World::default();
    let mut worker = Worker::new(&world, &informed(&json!({})).to_string());
    for failed in [None, Some(503)] {
        let mut browser = Browser::default();
        let (_, stream) = redeemed(&mut worker, &mut browser);
        match failed {
            Some(status) => worker.answer(status, &[], ""),
            None => {
                let call = *worker.calls.keys().next().unwrap();
                worker.call_done(call, None);
            }
        }
        assert_eq!(worker.verdict(stream), "waiting", "{failed:?}");
        worker.answer(200, &[], r#"{"sub":"alice"}"#);
        assert_eq!(worker.reply(stream).status, 303, "{failed:?}");
        let (_, stream) = redeemed(&mut worker, &mut browser);
        worker.answer(503, &[], "");
        worker.answer(503, &[], "");
        let reply = worker.reply(stream);
        assert_eq!(reply.status, 503, "{failed:?}");
        assert!(reply.body.contains("<code>login_unavailable</code>"), "{}", reply.body);
    }

    let pushed = json!({ "pushed": "always", "endpoints": {
        "authorization": "https://id.example.com/auth", "token": "https://id.example.com/token",
        "pushed": "https://id.example.com/par" } });
    let mut worker = support::browser::worker(&world, &pushed);
    let stream = Browser::default().send(&mut worker, "GET", "/orders", &PAGE);
    worker.answer(503, &[], "");
    worker.answer(201, &[], r#"{"request_uri":"urn:x"}"#);
    let reply = worker.reply(stream);
    assert!(location(reply).ends_with("?client_id=portal&request_uri=urn%3Ax"), "{reply:?}");
    let stream = Browser::default().send(&mut worker, "GET", "/orders", &PAGE);
    worker.answer(500, &[], "");
    assert_eq!(worker.reply(stream).status, 503);
}

#[test]
fn a_second_answer_counts_that_comes_as_late_as_the_request_can_wait() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    let asked = start(&mut worker, &mut browser, "/");
    let path = format!("/.login/idp/callback?code=c-1&state={}", asked.state);
    let stream = browser.visit(&mut worker, &path);
    world.wait(Duration::from_millis(5005));
    let call = *worker.calls.keys().next().unwrap();
    worker.call_done(call, None);
    let request = worker.calls.values().next().expect("a second call");
    assert_eq!(request.timeout, Duration::from_millis(4995));
    world.wait(Duration::from_millis(4500));
    worker.answer(200, &[], &tokens(&id_token(&asked.nonce, |token| token)).to_string());
    assert_eq!(worker.reply(stream).status, 303, "{:?}", worker.log);
}

#[test]
fn what_to_do_about_access_tokens_that_nobody_can_read_is_said() {
    let world = World::default();
    let mut config = config(&json!({ "judge": "access_token" }));
    config["providers"]["idp"]["audiences"] = json!(["api"]);
    let mut worker = Worker::new(&world, &config.to_string());
    let mut browser = Browser::default();
    let asked = start(&mut worker, &mut browser, "/");
    let answer = tokens(&id_token(&asked.nonce, |token| token)).to_string();
    let stream = callback(&mut worker, &browser, &asked, (200, &answer));
    assert_eq!(worker.reply(stream).status, 502);
    let line = worker.log.last().unwrap();
    assert!(line.contains("`providers.idp.login.judge`: \\\"id_token\\\""), "{line}");
    assert!(!line.contains("introspection"), "{line}");
}

#[test]
fn the_access_log_learns_by_what_a_session_came_and_which_it_is() {
    let world = World::default();
    let mut config = forwarding(&json!({}));
    let idp = &mut config["providers"]["idp"];
    idp["from"] = json!([{ "header": "authorization", "scheme": "Bearer" }]);
    idp["audiences"] = json!(["api", CLIENT]);
    let mut worker = Worker::new(&world, &config.to_string());
    let mut browser = Browser::default();
    let asked = start(&mut worker, &mut browser, "/own/x");
    let answer = tokens(&id_token(&asked.nonce, |token| token));
    let stream = callback(&mut worker, &browser, &asked, (200, &answer.to_string()));
    browser.keep(&worker.reply(stream).clone());
    assert!(browser.0.contains_key(SESSION));
    let token = format!("Bearer {}", Signer::new("k1").sign(&Token::for_identity("bob")));
    let mut sessions = Vec::new();
    for (browser, path, header, expected) in [
        (&browser, "/own/x", ("x-other", "1"), Some("login")),
        (&browser, "/own/y", ("x-other", "1"), Some("login")),
        (&Browser::default(), "/own/x", ("authorization", &*token), Some("bearer")),
        (&Browser::default(), "/either/x", ("x-api-key", "test"), Some("key")),
        (&Browser::default(), "/open/x", ("x-api-key", "test"), None),
    ] {
        let stream = browser.send(&mut worker, "GET", path, &[header]);
        assert_eq!(worker.verdict(stream), "forwarded", "{:?}", worker.log);
        let note = |name| worker.notes.get(&(stream, name)).map(String::as_str);
        assert_eq!(note("tollgate.via"), expected, "{path}");
        match (expected, note("tollgate.session")) {
            (Some("login"), Some(session)) => sessions.push(session.to_owned()),
            (_, found) => assert_eq!(found, None, "{path}"),
        }
    }
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[0], sessions[1]);
    assert!(sessions[0].len() == 8 && sessions[0].bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert!(worker.observed.iter().any(|(name, _)| name == "tollgate_login_call_ms"));
}
