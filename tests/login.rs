//! Browsers that log in, through the whole engine: from a page to the provider and back, with a session
//! that is a cookie. The provider here signs what it is told to. The ids are those of the catalogue of
//! attacks.

mod support;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use support::browser::{
    Asked, Browser, CLIENT, PAGE, SESSION, body, callback, config, header, id_token, location,
    log_in, parameter, start, tokens, worker,
};
use support::token::{NOW, Signer, Token};
use support::world::{Worker, World, code, upstream};
use tollgate::event::{Event, Reply, Section};
use tollgate::http::Fields;

#[test]
fn a_person_is_sent_to_the_provider_and_comes_back_to_the_same_page_with_a_session() {
    let world = World::default();
    let mut worker = worker(&world, &json!({ "scopes": ["openid", "email"] }));
    let mut browser = Browser::default();
    let asked = start(&mut worker, &mut browser, "/orders/7?x=1");
    assert!(
        asked.url.starts_with("https://id.example.com/auth?response_type=code&"),
        "{}",
        asked.url
    );
    for (name, value) in [
        ("client_id", CLIENT),
        ("redirect_uri", "https://portal.example.com/.login/idp/callback"),
        ("scope", "openid email"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(parameter(&asked.url, name).as_deref(), Some(value));
    }
    assert_eq!(browser.0.keys().collect::<Vec<_>>(), ["__Host-tollgate-idp-b"]);
    assert_eq!(worker.calls_made, 0);

    let path = format!("/.login/idp/callback?code=c-1&state={}", asked.state);
    let stream = browser.visit(&mut worker, &path);
    let (_, request) = worker.calls.iter().next().expect("a call");
    assert_eq!((&*request.path, request.method, &*request.cluster), ("/token", "POST", "idp"));
    let form = body(request);
    let field = |name| tollgate::http::form_field(form.as_bytes(), name).unwrap().unwrap();
    assert_eq!(field("grant_type"), "authorization_code");
    assert_eq!(field("code"), "c-1");
    let verifier = field("code_verifier");
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    assert_eq!(parameter(&asked.url, "code_challenge"), Some(challenge));
    assert_eq!(request.authorization.as_ref().unwrap().reveal(), "Basic cG9ydGFsOnNlY3JldA==");
    worker.answer(200, &[], &tokens(&id_token(&asked.nonce, |token| token)).to_string());
    let reply = worker.reply(stream).clone();
    assert_eq!((reply.status, location(&reply)), (303, "/orders/7?x=1"));
    assert_eq!(header(&reply, "cache-control"), Some("no-store"));
    browser.keep(&reply);
    let names: Vec<_> = browser.0.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [SESSION, "__Host-tollgate-idp-b", "__Host-tollgate-idp-r", "__Secure-tollgate-idp-i"]
    );

    let cookie = format!("{}; app=1", browser.cookies());
    let stream = browser.visit(&mut worker, "/orders/7?x=1");
    assert_eq!(worker.verdict(stream), "forwarded");
    let sent = upstream(&worker, stream, &[("cookie", &cookie)]);
    assert!(sent.contains(&("x-tollgate-identity".into(), "alice".into())), "{sent:?}");
    assert!(!sent.iter().any(|(_, value)| value.contains("tollgate-idp")), "{sent:?}");
    let (append, absent) = &worker.after[&stream];
    assert_eq!(absent, &[("cache-control", "private".to_owned())]);
    assert!(append.is_empty());
    assert_eq!(worker.counts["tollgate_login_started_idp"], 1);
    assert_eq!(worker.counts["tollgate_login_completed_idp"], 1);
}

#[test]
fn h17_only_a_page_is_sent_to_log_in_and_all_else_is_told_where() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let browser = Browser::default();
    for (name, method, headers) in [
        ("a script", "GET", vec![("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")]),
        ("a prefetch", "GET", vec![("sec-purpose", "prefetch"), ("accept", "text/html")]),
        ("a frame", "GET", vec![("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")]),
        ("HEAD", "HEAD", PAGE.to_vec()),
        ("a form", "POST", PAGE.to_vec()),
    ] {
        let stream = browser.send(&mut worker, method, "/orders", &headers);
        let reply = worker.reply(stream);
        assert_eq!((reply.status, code(reply).as_str()), (401, "credential_missing"), "{name}");
        assert_eq!(header(reply, "set-cookie"), None, "{name}");
        let body: Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(body["login"], "/.login/idp/start", "{name}");
    }
    let looked_at = format!("no credential for `idp`; looked at cookie `{SESSION}`");
    assert!(format!("{:?}", worker.log).contains(&looked_at), "{:?}", worker.log);
    let htmx = [("hx-request", "true"), ("hx-current-url", "https://portal.example.com/list?a=b")];
    let stream = browser.send(&mut worker, "GET", "/part", &htmx);
    assert_eq!(
        worker.reply_header(stream, "hx-redirect"),
        Some("/.login/idp/start?return=%2Flist%3Fa%3Db")
    );
}

#[test]
fn i01_a_state_that_is_none_is_refused_without_a_call() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    let asked = start(&mut worker, &mut browser, "/");
    let mut flipped = asked.state.clone().into_bytes();
    flipped[60] = if flipped[60] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    for (name, query) in [
        ("absent", "code=c".to_owned()),
        ("empty", "code=c&state=".to_owned()),
        ("twice", format!("code=c&state={0}&state={0}", asked.state)),
        ("one bit off", format!("code=c&state={flipped}")),
        ("a cookie", format!("code=c&state={}", browser.0["__Host-tollgate-idp-b"])),
        ("no code", format!("state={}", asked.state)),
        ("code and error", format!("code=c&error=e&state={}", asked.state)),
    ] {
        let stream = browser.visit(&mut worker, &format!("/.login/idp/callback?{query}"));
        let reply = worker.reply(stream);
        assert_eq!(reply.status, 400, "{name}");
        assert!(reply.body.contains("<code>login_state_invalid</code>"), "{name}: {}", reply.body);
    }
    world.wait(Duration::from_secs(660));
    let stream = callback(&mut worker, &browser, &asked, (200, ""));
    assert_eq!(worker.reply(stream).status, 400);
    assert_eq!(worker.calls_made, 0);
}

#[test]
fn i02_another_browsers_state_leads_to_one_new_attempt_and_then_to_a_refusal() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let (mut one, mut other) = (Browser::default(), Browser::default());
    let asked = start(&mut worker, &mut one, "/deep");
    start(&mut worker, &mut other, "/");
    let stream = callback(&mut worker, &other, &asked, (200, ""));
    let reply = worker.reply(stream).clone();
    assert_eq!(reply.status, 302, "{reply:?}");
    let marked = parameter(location(&reply), "state").unwrap();
    assert_eq!(worker.calls_made, 0);
    let asked = Asked { state: marked, ..asked };
    let stream = callback(&mut worker, &one, &asked, (200, ""));
    assert!(worker.reply(stream).body.contains("login_state_foreign"));
    let stream = callback(&mut worker, &Browser::default(), &asked, (200, ""));
    let reply = worker.reply(stream);
    assert_eq!(reply.status, 400);
    assert!(reply.body.contains("login_state_foreign"), "{}", reply.body);
    assert_eq!(worker.calls_made, 0);
}

#[test]
fn i03_a_state_is_redeemed_once() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    let asked = start(&mut worker, &mut browser, "/deep");
    let before = browser.clone();
    let answer = tokens(&id_token(&asked.nonce, |token| token)).to_string();
    let stream = callback(&mut worker, &browser, &asked, (200, &answer));
    let reply = worker.reply(stream).clone();
    browser.keep(&reply);
    // With the session that it made, at the same worker and at another.
    let mut second = Worker::new(&world, &config(&json!({})).to_string());
    for worker in [&mut worker, &mut second] {
        let made = worker.calls_made;
        let stream = callback(worker, &browser, &asked, (200, &answer));
        assert_eq!(location(worker.reply(stream)), "/deep");
        // Without: one more attempt.
        let stream = callback(worker, &before, &asked, (200, &answer));
        let reply = worker.reply(stream).clone();
        assert_eq!(reply.status, 302, "{reply:?}");
        assert_eq!(worker.calls_made, made);
    }
}

#[test]
fn i04_a_login_that_the_provider_ends_shows_nothing_of_what_came_in() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    let asked = start(&mut worker, &mut browser, "/");
    let query = format!(
        "error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E&state={}",
        asked.state
    );
    let stream = browser.visit(&mut worker, &format!("/.login/idp/callback?{query}"));
    let reply = worker.reply(stream);
    assert_eq!(reply.status, 403);
    assert!(reply.body.contains("<code>login_refused</code>"));
    assert!(!reply.body.contains("script>") && !reply.body.contains("access_denied"));
    assert!(worker.log.iter().any(|line| line.contains("the error `access_denied`")));
}

#[test]
fn i05_an_answer_of_another_issuer_is_refused_without_a_call() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    let asked = start(&mut worker, &mut browser, "/");
    for iss in ["iss=https%3A%2F%2Fevil.example.com", "iss=https%3A%2F%2Fid.example.com%2F&iss=x"] {
        let path = format!("/.login/idp/callback?code=c&{iss}&state={}", asked.state);
        let stream = browser.visit(&mut worker, &path);
        assert_eq!(worker.reply(stream).status, 400);
        assert!(worker.reply(stream).body.contains("login_issuer_mismatch"), "{iss}");
    }
    assert_eq!(worker.calls_made, 0);
}

#[test]
fn i08_an_id_token_that_does_not_hold_makes_no_session() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    type Change = Box<dyn Fn(Token) -> Token>;
    let cases: Vec<(&str, Change, &str)> = vec![
        ("another nonce", Box::new(|token| token.claim("nonce", "x")), "nonce"),
        ("no nonce", Box::new(|token| token.without("nonce")), "nonce"),
        ("a number as nonce", Box::new(|token| token.claim("nonce", 1)), "nonce"),
        ("another aud", Box::new(|token| token.claim("aud", "x")), "token_audience_mismatch"),
        ("two aud without azp", Box::new(|token| token.claim("aud", json!([CLIENT, "x"]))), "azp"),
        ("another azp", Box::new(|token| token.claim("azp", "x")), "azp"),
        ("another iss", Box::new(|token| token.claim("iss", "x")), "token_issuer_unknown"),
        ("no sub", Box::new(|token| token.without("sub")), "identity_missing"),
        ("no exp", Box::new(|token| token.without("exp")), "token_expiry_missing"),
        ("expired", Box::new(|token| token.claim("exp", NOW - 100)), "token_expired"),
        ("another hash", Box::new(|token| token.claim("at_hash", "x")), "at_hash"),
        ("alg none", Box::new(|token| token.header("alg", "none")), "token_algorithm_refused"),
        ("an unknown key", Box::new(|token| token.header("kid", "k9")), "token_key_unknown"),
        ("another type", Box::new(|token| token.header("typ", "at+jwt")), "token_type_refused"),
    ];
    for (name, change, why) in cases {
        let mut browser = Browser::default();
        let asked = start(&mut worker, &mut browser, "/");
        let answer = tokens(&id_token(&asked.nonce, &change)).to_string();
        let stream = callback(&mut worker, &browser, &asked, (200, &answer));
        let reply = worker.reply(stream);
        assert_eq!(reply.status, 502, "{name}: {reply:?}");
        assert!(reply.body.contains("<code>login_token_invalid</code>"), "{name}: {}", reply.body);
        assert_eq!(header(reply, "set-cookie"), None, "{name}");
        let line = worker.log.iter().rfind(|line| line.contains("login_token_invalid")).unwrap();
        assert!(line.contains(why), "{name}: {line}");
    }
}

#[test]
fn the_hash_of_the_access_token_is_held_against_it() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    let asked = start(&mut worker, &mut browser, "/");
    // Ed25519 hashes with SHA-512.
    let hash = URL_SAFE_NO_PAD.encode(&sha2::Sha512::digest(b"at-1")[..32]);
    let token = id_token(&asked.nonce, |token| token.claim("at_hash", hash.as_str()));
    let stream = callback(&mut worker, &browser, &asked, (200, &tokens(&token).to_string()));
    assert_eq!(worker.reply(stream).status, 303, "{:?}", worker.log);
}

#[test]
fn i12_what_the_token_endpoint_says_is_told_by_whose_fault_it_is() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    for (status, answer, expected, login) in [
        (400, r#"{"error":"invalid_grant"}"#, 400, "login_code_refused"),
        (401, r#"{"error":"invalid_client"}"#, 502, "login_client_refused"),
        (400, r#"{"error":"invalid_scope"}"#, 502, "login_failed"),
        (200, "<html>", 502, "login_failed"),
        (200, r#"{"access_token":"a","token_type":"Bearer"}"#, 502, "login_failed"),
        (302, "", 502, "login_failed"),
        (500, "", 503, "login_unavailable"),
        (429, "", 503, "login_unavailable"),
    ] {
        let mut browser = Browser::default();
        let asked = start(&mut worker, &mut browser, "/");
        let stream = callback(&mut worker, &browser, &asked, (status, answer));
        let reply = worker.reply(stream);
        assert_eq!(reply.status, expected, "{status} {answer}");
        assert!(reply.body.contains(&format!("<code>{login}</code>")), "{answer}: {}", reply.body);
        assert_eq!(header(reply, "set-cookie"), None);
    }
}

#[test]
fn a_call_without_an_answer_is_made_once_more() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    let asked = start(&mut worker, &mut browser, "/");
    let path = format!("/.login/idp/callback?code=c-1&state={}", asked.state);
    let stream = browser.visit(&mut worker, &path);
    let call = *worker.calls.keys().next().unwrap();
    worker.call_done(call, None);
    assert_eq!(worker.calls_made, 2);
    worker.answer(200, &[], &tokens(&id_token(&asked.nonce, |token| token)).to_string());
    let reply = worker.reply(stream).clone();
    assert_eq!(reply.status, 303, "{:?}", worker.log);
    browser.keep(&reply);

    let asked = start(&mut worker, &mut Browser::default(), "/");
    let path = format!("/.login/idp/callback?code=c-1&state={}", asked.state);
    let stream = browser.visit(&mut worker, &path);
    // Another browser's, beside a session that lives.
    assert_eq!(worker.reply(stream).status, 303, "{:?}", worker.log);
}

#[test]
fn h01_h02_h07_h08_h11_a_cookie_that_cannot_be_opened_is_absent_and_says_why() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    log_in(&mut worker, &mut browser);
    let good = browser.0[SESSION].clone();
    let mut values = vec![
        String::new(),
        "a".to_owned(),
        good[..42].to_owned(),
        format!("{good}="),
        browser.0["__Host-tollgate-idp-r"].clone(),
        "a".repeat(60 * 1024),
    ];
    for at in (0..good.len()).step_by(7) {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        values.push(String::from_utf8(bytes).unwrap());
    }
    for value in values {
        let mut broken = browser.clone();
        broken.0.insert(SESSION.to_owned(), value.clone());
        let stream = broken.send(&mut worker, "GET", "/orders", &[]);
        let reply = worker.reply(stream);
        let shown: String = value.chars().take(60).collect();
        assert_eq!((reply.status, &*code(reply)), (401, "login_unreadable"), "{shown}");
        assert_eq!(header(reply, "set-cookie"), None);
        let stream = broken.visit(&mut worker, "/orders");
        assert_eq!(worker.reply(stream).status, 302, "{shown}");
    }
    let twice = format!("{SESSION}={good}; {SESSION}={good}");
    let stream = Browser::default().send(&mut worker, "GET", "/orders", &[("cookie", &twice)]);
    assert_eq!(code(worker.reply(stream)), "login_unreadable");
    // Another client, issuer or host under the same key.
    for other in [
        json!({ "client": { "id": "other", "secret": { "base64": "c2VjcmV0" } } }),
        json!({ "seal": [{ "base64": "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg=" }] }),
    ] {
        let mut worker = Worker::new(&world, &config(&other).to_string());
        let stream = browser.send(&mut worker, "GET", "/orders", &[]);
        assert_eq!(code(worker.reply(stream)), "login_unreadable", "{other}");
    }
}

#[test]
fn a_session_ends_with_its_time() {
    let world = World::default();
    let changes = json!({ "session": { "max": "1h", "idle": "10m", "refresh": false } });
    let mut worker = worker(&world, &changes);
    let mut browser = Browser::default();
    log_in(&mut worker, &mut browser);
    // Navigations keep it alive; each writes once a minute that it was used.
    for minutes in [5, 9, 9, 9] {
        world.wait(Duration::from_secs(minutes * 60));
        let stream = browser.visit(&mut worker, "/orders");
        assert_eq!(worker.verdict(stream), "forwarded", "{minutes}");
        let (append, _) = worker.after[&stream].clone();
        let reply = Reply { headers: append, ..worker_reply() };
        assert!(!reply.headers.is_empty());
        browser.keep(&reply);
    }
    let stale = browser.clone();
    world.wait(Duration::from_secs(11 * 60));
    let stream = stale.send(&mut worker, "GET", "/orders", &[]);
    assert_eq!(code(worker.reply(stream)), "login_expired");
    let mut browser = Browser::default();
    log_in(&mut worker, &mut browser);
    world.wait(Duration::from_secs(3600));
    let stream = browser.send(&mut worker, "GET", "/orders", &[]);
    assert_eq!(code(worker.reply(stream)), "login_expired");
}

fn worker_reply() -> Reply {
    Reply {
        status: 200,
        grpc_status: None,
        details: String::new(),
        headers: Vec::new(),
        body: String::new(),
    }
}

#[test]
fn h15_h16_what_changes_something_comes_from_a_page_of_the_logins_own() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    log_in(&mut worker, &mut browser);
    let own = ("origin", "https://portal.example.com");
    for (name, method, headers, expected) in [
        ("its own", "POST", vec![own], "forwarded"),
        ("a foreign one", "POST", vec![("origin", "https://evil.example.com")], "origin_refused"),
        ("null", "POST", vec![("origin", "null")], "origin_refused"),
        ("none", "POST", vec![("sec-fetch-site", "cross-site")], "origin_refused"),
        ("a WebSocket of its own", "GET", vec![own, ("upgrade", "websocket")], "forwarded"),
        (
            "a foreign WebSocket",
            "GET",
            vec![("origin", "https://evil.example.com"), ("upgrade", "websocket")],
            "origin_refused",
        ),
    ] {
        let stream = browser.send(&mut worker, method, "/orders", &headers);
        assert_eq!(worker.verdict(stream), expected, "{name}");
    }
}

#[test]
fn h04_h06_i19_a_logout_ends_the_session_here_and_at_the_provider() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut second = Worker::new(&world, &config(&json!({})).to_string());
    let mut browser = Browser::default();
    log_in(&mut worker, &mut browser);
    let before = browser.clone();
    let logout = "/.login/idp/logout";
    // A foreign page asks; a foreign form is refused.
    let foreign = [
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-site", "cross-site"),
    ];
    let image = [
        ("sec-fetch-mode", "no-cors"),
        ("sec-fetch-dest", "image"),
        ("sec-fetch-site", "same-origin"),
    ];
    for headers in [&foreign, &image] {
        let stream = browser.send(&mut worker, "GET", logout, headers);
        let reply = worker.reply(stream);
        assert_eq!(reply.status, 200);
        assert!(reply.body.contains("<form method=\"post\" action=\"/.login/idp/logout\">"));
    }
    let stream =
        browser.send(&mut worker, "POST", logout, &[("origin", "https://evil.example.com")]);
    assert_eq!(worker.reply(stream).status, 403);
    let stream = browser.send(&mut worker, "GET", "/orders", &[]);
    assert_eq!(worker.verdict(stream), "forwarded");

    let stream =
        browser.send(&mut worker, "POST", logout, &[("origin", "https://portal.example.com")]);
    let reply = worker.reply(stream).clone();
    assert_eq!(reply.status, 303, "{reply:?}");
    let to = location(&reply);
    assert!(to.starts_with("https://id.example.com/end?client_id=portal&id_token_hint=ey"), "{to}");
    assert_eq!(
        parameter(to, "post_logout_redirect_uri").as_deref(),
        Some("https://portal.example.com/.login/idp/signed-out")
    );
    browser.keep(&reply);
    assert_eq!(browser.0.keys().collect::<Vec<_>>(), ["__Host-tollgate-idp-b"]);
    worker.tick();
    let request = worker.calls.values().next().expect("a revocation");
    assert_eq!(&*request.path, "/revoke");
    assert_eq!(body(request), "token=rt-1&token_type_hint=refresh_token");
    worker.answer(200, &[], "");
    // A copy of the cookies, at each worker within a second.
    world.wait(Duration::from_secs(1));
    for worker in [&mut worker, &mut second] {
        let stream = before.send(worker, "GET", "/orders", &[]);
        assert_eq!(code(worker.reply(stream)), "login_ended");
        assert_eq!(worker.reply(stream).status, 401);
    }
    let stream = browser.visit(&mut worker, "/.login/idp/signed-out");
    assert!(worker.reply(stream).body.contains("You are signed out"));
}

#[test]
fn h28_h29_the_cookies_are_nobody_elses_to_see_or_to_set() {
    let world = World::default();
    let mut config = config(&json!({}));
    config["apis"] = json!([
        { "name": "open", "match": { "paths": ["/open/**"] }, "auth": "none" },
        { "name": "rest", "auth": ["idp"] },
    ]);
    let mut worker = Worker::new(&world, &config.to_string());
    let mut browser = Browser::default();
    log_in(&mut worker, &mut browser);
    browser.0.insert("app".to_owned(), "1".to_owned());
    let cookies = browser.cookies();
    let stream = browser.send(&mut worker, "GET", "/open/x", &[]);
    let sent = upstream(&worker, stream, &[("cookie", &cookies)]);
    let cookie = sent.iter().find(|(name, _)| name == "cookie").map(|(_, value)| value.as_str());
    assert_eq!(cookie, Some("app=1"));
    let fields: Fields = [
        ("set-cookie", "app=2; Path=/"),
        ("set-cookie", "__Host-tollgate-idp=forged; Path=/; Secure"),
        ("content-type", "text/html"),
    ]
    .into_iter()
    .collect();
    worker.handle(Event::Fields { stream, section: Section::ResponseHeaders, fields });
    let removed: Vec<_> = worker
        .cleaned_values
        .iter()
        .map(|(name, value)| (String::from_utf8_lossy(name), String::from_utf8_lossy(value)))
        .collect();
    assert_eq!(
        removed,
        [("set-cookie".into(), "__Host-tollgate-idp=forged; Path=/; Secure".into())]
    );
}

#[test]
fn i11_on_another_host_there_is_no_login() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let elsewhere = (":authority", "other.example.com");
    let page = [&[elsewhere][..], &PAGE].concat();
    let stream = Browser::default().send(&mut worker, "GET", "/", &page);
    let reply = worker.reply(stream);
    assert_eq!(reply.status, 401);
    // A person is told by a page, and there is no link: nothing helps here.
    assert!(reply.body.contains("<code>login_host_unknown</code>"), "{}", reply.body);
    assert!(!reply.body.contains("href"), "{}", reply.body);
    let stream = Browser::default().send(&mut worker, "GET", "/", &[elsewhere]);
    let reply = worker.reply(stream);
    assert_eq!((reply.status, code(reply).as_str()), (401, "credential_missing"));
    assert!(!reply.body.contains("\"login\""), "{}", reply.body);
}

#[test]
fn login_loop_is_said_when_the_cookie_does_not_come_back() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    log_in(&mut worker, &mut browser);
    browser.0.retain(|name, _| name.ends_with("-b"));
    for expected in [302, 302, 400] {
        let stream = browser.visit(&mut worker, "/orders");
        let reply = worker.reply(stream).clone();
        assert_eq!(reply.status, expected, "{reply:?}");
        browser.keep(&reply);
    }
    assert!(worker.log.iter().any(|line| line.contains("login_loop") && line.contains(SESSION)));
}

#[test]
fn login_loop_is_said_of_a_browser_that_loses_each_session_that_it_gets() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    // A lost cookie, and one that other proxies have sealed.
    for other in [None, Some("AAAA")] {
        let mut browser = Browser::default();
        for _ in 0..3 {
            log_in(&mut worker, &mut browser);
            browser.0.retain(|name, _| name.ends_with("-b"));
            browser.0.extend(other.map(|value| (SESSION.to_owned(), value.to_owned())));
            world.wait(Duration::from_secs(1));
        }
        let stream = browser.visit(&mut worker, "/orders");
        let reply = worker.reply(stream).clone();
        assert_eq!((reply.status, code(&reply).as_str()), (400, "login_loop"), "{other:?}");
        let said =
            if other.is_some() { "comes back and cannot be used" } else { "does not come back" };
        assert!(worker.log.iter().any(|line| line.contains("login_loop") && line.contains(said)));
        // A minute later it may try again.
        world.wait(Duration::from_secs(61));
        let stream = browser.visit(&mut worker, "/orders");
        assert_eq!(worker.reply(stream).status, 302);
    }
}

#[test]
fn who_has_a_session_may_begin_again_and_again() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    log_in(&mut worker, &mut browser);
    for _ in 0..5 {
        let stream = browser.visit(&mut worker, "/.login/idp/start");
        let reply = worker.reply(stream).clone();
        assert_eq!(reply.status, 302, "{reply:?}");
        browser.keep(&reply);
    }
}

#[test]
fn who_logs_out_and_begins_again_and_again_is_in_no_loop() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    log_in(&mut worker, &mut browser);
    let own = [PAGE[0], PAGE[1], ("sec-fetch-site", "same-origin")];
    let stream = browser.send(&mut worker, "GET", "/.login/idp/logout", &own);
    let reply = worker.reply(stream).clone();
    assert_eq!(reply.status, 303);
    browser.keep(&reply);
    for _ in 0..4 {
        let stream = browser.visit(&mut worker, "/orders");
        let reply = worker.reply(stream).clone();
        assert_eq!(reply.status, 302, "{reply:?}");
        browser.keep(&reply);
    }
}

#[test]
fn own_paths_have_their_methods_and_nothing_else_is_below_them() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let browser = Browser::default();
    for (method, path, status, allow) in [
        ("POST", "/.login/idp/start", 405, Some("GET")),
        ("HEAD", "/.login/idp/callback", 405, Some("GET")),
        ("PUT", "/.login/idp/logout", 405, Some("GET, POST")),
        ("GET", "/.login/idp", 404, None),
        ("GET", "/.login/idp/other", 404, None),
    ] {
        let stream = browser.send(&mut worker, method, path, &[]);
        let reply = worker.reply(stream);
        assert_eq!((reply.status, header(reply, "allow")), (status, allow), "{method} {path}");
    }
}

#[test]
fn i25_no_secret_of_a_login_is_in_any_line() {
    // Every test looks for what its workers have learned, in each line, note and metric as it comes: here
    // is looked whether they learn.
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    let begun = start(&mut worker, &mut browser, "/");
    let token = id_token(&begun.nonce, |token| token);
    let path = format!("/.login/idp/callback?code=the-code&state={}", begun.state);
    let stream = browser.visit(&mut worker, &path);
    let request = body(worker.calls.values().next().unwrap());
    let (_, verifier) = request.split_once("code_verifier=").unwrap();
    let verifier = verifier.split('&').next().unwrap().to_owned();
    worker.answer(200, &[], &tokens(&token).to_string());
    browser.keep(&worker.reply(stream).clone());
    let asked = start(&mut worker, &mut Browser::default(), "/");
    callback(&mut worker, &Browser::default(), &asked, (200, ""));
    let own = [("origin", "https://portal.example.com")];
    let ended = browser.send(&mut worker, "POST", "/.login/idp/logout", &own);
    assert_eq!(worker.reply(ended).status, 303);
    let (_, signature) = token.rsplit_once('.').unwrap();
    let known = [&begun.state, &begun.nonce, &asked.state, &verifier, &token];
    let known = known.into_iter().chain(browser.0.values()).map(String::as_str);
    let all = worker.log.join("\n");
    for secret in known.chain(["the-code", "at-1", "rt-1", signature, "cG9ydGFsOnNlY3JldA=="]) {
        assert!(worker.secrets.holds(secret), "nobody looks for {secret}");
        assert!(!all.contains(&secret[..secret.len().min(24)]), "{secret}");
    }
    for secret in ["eyJ", "c2VjcmV0", "MDEyMzQ1"] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
    assert!(!worker.log.is_empty());
}

#[test]
fn i16_64_logins_wait_in_a_worker_and_the_rest_are_told_to_come_back() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut streams = Vec::new();
    for _ in 0..70 {
        let mut browser = Browser::default();
        let asked = start(&mut worker, &mut browser, "/");
        let path = format!("/.login/idp/callback?code=c-1&state={}", asked.state);
        streams.push((browser.visit(&mut worker, &path), asked.nonce));
    }
    let waiting = streams.iter().filter(|(stream, _)| !worker.settled.contains_key(stream));
    assert_eq!((waiting.count(), worker.calls_made), (64, 64));
    for (stream, _) in &streams[64..] {
        let reply = worker.reply(*stream);
        assert_eq!(reply.status, 503);
        assert!(reply.body.contains("<code>login_unavailable</code>"), "{}", reply.body);
    }
    world.wait(Duration::from_secs(11));
    worker.tick();
    assert!(streams.iter().all(|(stream, _)| worker.reply(*stream).status == 503));
}

#[test]
fn h30_a_bearer_token_beside_a_session_counts_alone() {
    let world = World::default();
    let mut config = config(&json!({ "judge": "access_token" }));
    let provider = config["providers"]["idp"].as_object_mut().unwrap();
    provider.remove("from");
    provider.insert("audiences".to_owned(), json!(["api"]));
    let mut worker = Worker::new(&world, &config.to_string());
    let mut browser = Browser::default();
    let asked = start(&mut worker, &mut browser, "/");
    let mut answer = tokens(&id_token(&asked.nonce, |token| token));
    let access = Token::for_identity("alice").claim("exp", NOW + 1000);
    answer["access_token"] = Signer::new("k1").sign(&access).into();
    let stream = callback(&mut worker, &browser, &asked, (200, &answer.to_string()));
    let reply = worker.reply(stream).clone();
    assert_eq!(reply.status, 303, "{:?}", worker.log);
    browser.keep(&reply);
    let mut broken = browser.clone();
    broken.0.insert(SESSION.to_owned(), "x".to_owned());
    let bob = format!("Bearer {}", Signer::new("k1").sign(&Token::for_identity("bob")));
    let forged = Signer::new("k1").renewed().sign(&Token::for_identity("bob"));
    let forged = format!("Bearer {forged}");
    for (name, browser, bearer, expected) in [
        ("a good one, and a bad cookie", &broken, &bob, "bob"),
        ("another's, and a good cookie", &browser, &bob, "bob"),
        ("a bad one, and a good cookie", &browser, &forged, "token_signature_invalid"),
    ] {
        let headers = [("authorization", &**bearer)];
        let stream = browser.send(&mut worker, "GET", "/orders", &headers);
        match worker.verdict(stream).as_str() {
            "forwarded" => {
                let sent = upstream(&worker, stream, &headers);
                let who = ("x-tollgate-identity".to_owned(), expected.to_owned());
                assert!(sent.contains(&who), "{name}: {sent:?}");
            }
            code => assert_eq!(code, expected, "{name}"),
        }
    }
    let stream = browser.send(&mut worker, "GET", "/orders", &[]);
    assert_eq!(worker.verdict(stream), "forwarded");
}

#[test]
fn tokens_go_upstream_where_they_are_wanted() {
    let world = World::default();
    let forward = json!({ "access_token": "authorization", "id_token": "x-id-token" });
    let mut worker = worker(&world, &json!({ "forward": forward }));
    let mut browser = Browser::default();
    log_in(&mut worker, &mut browser);
    let stream = browser.send(&mut worker, "GET", "/orders", &[]);
    let sent = upstream(&worker, stream, &[]);
    assert!(sent.contains(&("authorization".to_owned(), "Bearer at-1".to_owned())), "{sent:?}");
    assert!(sent.iter().any(|(name, value)| name == "x-id-token" && value.starts_with("eyJ")));
}

#[test]
fn h14_a_token_that_no_cookie_holds_is_told_and_nothing_is_set() {
    let world = World::default();
    let mut worker = worker(&world, &json!({ "forward": { "access_token": "x-token" } }));
    let mut browser = Browser::default();
    let asked = start(&mut worker, &mut browser, "/");
    let mut answer = tokens(&id_token(&asked.nonce, |token| token));
    answer["access_token"] = "a".repeat(4200).into();
    let stream = callback(&mut worker, &browser, &asked, (200, &answer.to_string()));
    let reply = worker.reply(stream);
    assert_eq!(reply.status, 502);
    assert!(reply.body.contains("<code>login_too_large</code>"), "{}", reply.body);
    assert_eq!(header(reply, "set-cookie"), None);
    assert!(worker.log.iter().any(|line| line.contains("`__Host-tollgate-idp-a` would have")));
}

#[test]
fn h13_keys_are_exchanged_one_after_the_other() {
    let world = World::default();
    let (old, new) = (
        "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg=",
    );
    let seal = |all: &[&str]| {
        let all: Vec<_> = all.iter().map(|one| json!({ "base64": one })).collect();
        config(&json!({ "seal": all })).to_string()
    };
    let mut first = Worker::new(&world, &seal(&[old]));
    let mut browser = Browser::default();
    log_in(&mut first, &mut browser);
    for (keys, expected) in
        [(&[new, old][..], "forwarded"), (&[old, new], "forwarded"), (&[new], "login_unreadable")]
    {
        let mut worker = Worker::new(&world, &seal(keys));
        let stream = browser.send(&mut worker, "GET", "/orders", &[]);
        assert_eq!(worker.verdict(stream), expected, "{keys:?}");
    }
}

#[test]
fn a_session_has_the_scopes_that_were_granted_and_no_others() {
    let world = World::default();
    let (by_id, by_access) = ("id_token", "access_token");
    for (name, judge, granted, stand, expected) in [
        ("those asked for", by_id, None, json!(["scp"]), "forwarded"),
        ("fewer", by_id, Some("openid"), json!(["scp"]), "scope_insufficient"),
        ("others, too", by_id, Some("openid read write"), json!(["scp"]), "forwarded"),
        ("none", by_id, Some(""), json!(["scp"]), "scope_insufficient"),
        ("in another place", by_id, None, json!([["granted", "to.all"]]), "forwarded"),
        ("the access token's", by_access, Some("openid"), json!(["scope"]), "forwarded"),
        ("not the answer's", by_access, Some("read"), json!(["scp"]), "scope_insufficient"),
    ] {
        let mut config = config(&json!({ "judge": judge, "scopes": ["openid", "read"] }));
        let provider = config["providers"]["idp"].as_object_mut().unwrap();
        provider.insert("claims".to_owned(), json!({ "scopes": stand }));
        if judge == by_access {
            provider.insert("audiences".to_owned(), json!(["api"]));
        }
        config["apis"] = json!([{ "name": "all", "auth": ["idp"], "scopes": ["read"] }]);
        let mut worker = Worker::new(&world, &config.to_string());
        let mut browser = Browser::default();
        let asked = start(&mut worker, &mut browser, "/");
        // What an ID token says of scopes grants nothing.
        let granting = |token: Token| token.claim("scp", "write").claim("granted", json!([]));
        let mut answer = tokens(&id_token(&asked.nonce, granting));
        let access = Token::for_identity("alice").claim("scope", "read").claim("scp", "write");
        answer["access_token"] = Signer::new("k1").sign(&access).into();
        if let Some(granted) = granted {
            answer["scope"] = granted.into();
        }
        let stream = callback(&mut worker, &browser, &asked, (200, &answer.to_string()));
        let reply = worker.reply(stream).clone();
        assert_eq!(reply.status, 303, "{name}: {:?}", worker.log);
        browser.keep(&reply);
        let stream = browser.send(&mut worker, "GET", "/orders", &[]);
        assert_eq!(worker.verdict(stream), expected, "{name}: {:?}", worker.log.last());
    }
}

#[test]
fn an_access_token_is_of_the_same_person_by_its_subject_or_by_its_hash() {
    let mut config = config(&json!({ "judge": "access_token" }));
    config["providers"]["idp"]["audiences"] = json!(["api"]);
    let access = |subject: &str| {
        let token = Token::for_identity(subject).claim("exp", NOW + 100_000);
        Signer::new("k1").sign(&token)
    };
    let hash_of = |token: &str| URL_SAFE_NO_PAD.encode(&sha2::Sha512::digest(token)[..32]);
    let answer = |nonce: &str, subject: &str, hashed: Option<&str>| {
        let token = id_token(nonce, |token| match hashed {
            Some(other) => token.claim("at_hash", hash_of(&access(other))),
            None => token,
        });
        let mut answer = tokens(&token);
        answer["access_token"] = access(subject).into();
        answer
    };
    for (subject, hashed, expected) in [
        ("alice", None, 303),
        ("alice@example.com", None, 502),
        ("alice@example.com", Some("alice@example.com"), 303),
        ("bob@example.com", Some("alice@example.com"), 502),
    ] {
        let world = World::default();
        let mut worker = Worker::new(&world, &config.to_string());
        let mut browser = Browser::default();
        let asked = start(&mut worker, &mut browser, "/");
        let answered = answer(&asked.nonce, subject, hashed).to_string();
        let stream = callback(&mut worker, &browser, &asked, (200, &answered));
        let reply = worker.reply(stream).clone();
        assert_eq!(reply.status, expected, "{subject} {hashed:?}: {:?}", worker.log);
        browser.keep(&reply);
        if expected != 303 {
            continue;
        }
        // At a refresh the access token stays the session's, whatever hash there is.
        let without = {
            let mut answer = answer(&asked.nonce, subject, None);
            answer.as_object_mut().unwrap().remove("id_token");
            answer
        };
        for (refreshed, expected) in [
            (without, "forwarded"),
            (answer(&asked.nonce, subject, Some(subject)), "forwarded"),
            (answer(&asked.nonce, "bob", Some("bob")), "login_ended"),
        ] {
            world.wait(Duration::from_secs(301));
            let stream = browser.send(&mut worker, "GET", "/orders", &[]);
            worker.tick();
            worker.answer(200, &[], &refreshed.to_string());
            assert_eq!(worker.verdict(stream), expected, "{subject}: {:?}", worker.log);
            if let Some((headers, _)) = worker.after.get(&stream) {
                browser.keep_of(headers);
            }
        }
    }
}
