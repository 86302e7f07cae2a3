//! What is tried against logins, through the whole engine. The names begin with the ids of the catalogue
//! of attacks; `login` and `login_refresh` hold the rest of it.

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use support::browser::{
    Asked, Browser, HOST, PAGE, SESSION, body, callback, config, header, id_token, location,
    log_in, parameter, start, tokens, worker,
};
use support::token::{ISSUER, NOW, Signer, Token};
use support::world::{Worker, World, code, upstream};
use tollgate::config::Config;
use tollgate::event::{CallResponse, Reply};
use tollgate::http::{Fields, RequestHead};
use tollgate::ids::StreamId;

const SCRIPT: [(&str, &str); 2] = [("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")];

/// Logs alice in where the session is made of this token.
fn log_in_by(judge: &str, worker: &mut Worker<'_>, browser: &mut Browser) -> Reply {
    let asked = start(worker, browser, "/orders");
    let mut answer = tokens(&id_token(&asked.nonce, |token| token));
    if judge == "access_token" {
        let access = Token::for_identity("alice").claim("exp", NOW + 100_000);
        answer["access_token"] = Signer::new("k1").sign(&access).into();
    }
    let stream = callback(worker, browser, &asked, (200, &answer.to_string()));
    let reply = worker.reply(stream).clone();
    browser.keep(&reply);
    reply
}

/// The logins of a provider whose list of revocations has this entry.
fn with_revoked(judge: &str, entry: &Value) -> String {
    let mut config = config(&json!({ "judge": judge, "session": { "refresh": false } }));
    if judge == "access_token" {
        config["providers"]["idp"]["audiences"] = json!(["api"]);
    }
    config["revoked"] = json!({ "entries": [entry] });
    config.to_string()
}

#[test]
fn sessions_that_began_before_a_revoked_moment_have_ended_and_a_page_signs_in_again() {
    // The tests' clock starts at 2027-01-15T08:00:00Z; the session begins then.
    for judge in ["id_token", "access_token"] {
        let world = World::default();
        let entry = json!({ "provider": "idp", "identity": "alice",
            "issued_before": "2027-01-15T08:10:00Z" });
        let mut plain = json!({ "provider": "idp", "identity": "bob" });
        let mut before = Worker::new(&world, &with_revoked(judge, &plain));
        let mut browser = Browser::default();
        log_in_by(judge, &mut before, &mut browser);
        let stream = browser.send(&mut before, "GET", "/orders", &SCRIPT);
        assert_eq!(before.verdict(stream), "forwarded", "{judge}: {:?}", before.log);
        world.wait(Duration::from_secs(1200));

        let mut worker = Worker::new(&world, &with_revoked(judge, &entry));
        let stream = browser.send(&mut worker, "GET", "/orders", &SCRIPT);
        let reply = worker.reply(stream);
        assert_eq!((reply.status, &*code(reply)), (401, "login_ended"), "{judge}");
        assert_eq!(header(reply, "set-cookie"), None);
        let body: Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(body["login"], "/.login/idp/start", "{judge}");
        assert!(worker.log.iter().any(|line| line.contains("issued_before")), "{:?}", worker.log);
        // What could change something is no page's to ask, and is told the same.
        let stream = browser.send(&mut worker, "POST", "/orders", &[("origin", "https://a.b")]);
        assert_eq!(code(worker.reply(stream)), "login_ended", "{judge}");
        // A page signs in again, and its session began behind that moment.
        let reply = log_in_by(judge, &mut worker, &mut browser);
        assert_eq!((reply.status, location(&reply)), (303, "/orders"), "{:?}", worker.log);
        let stream = browser.send(&mut worker, "GET", "/orders", &SCRIPT);
        assert_eq!(worker.verdict(stream), "forwarded", "{judge}");

        // Without a moment the identity is refused, and nobody is redirected.
        plain["identity"] = "alice".into();
        let mut worker = Worker::new(&world, &with_revoked(judge, &plain));
        for headers in [&SCRIPT[..], &PAGE] {
            let stream = browser.send(&mut worker, "GET", "/orders", headers);
            let reply = worker.reply(stream);
            assert_eq!((reply.status, &*code(reply)), (403, "session_inactive"), "{judge}");
            assert_eq!(header(reply, "location"), None);
        }
    }
}

#[test]
fn nobody_is_sent_around_until_a_revoked_moment_that_is_still_to_come() {
    for judge in ["id_token", "access_token"] {
        let world = World::default();
        let entry = json!({ "provider": "idp", "identity": "alice",
            "issued_before": "2027-01-15T08:10:00Z" });
        let mut worker = Worker::new(&world, &with_revoked(judge, &entry));
        let mut browser = Browser::default();
        let reply = log_in_by(judge, &mut worker, &mut browser);
        assert_eq!(reply.status, 401, "{judge}: {reply:?}");
        assert!(reply.body.contains("<code>login_ended</code>"), "{judge}: {}", reply.body);
        assert_eq!(header(&reply, "set-cookie"), None);
        world.wait(Duration::from_secs(600));
        assert_eq!(log_in_by(judge, &mut worker, &mut browser).status, 303, "{judge}");
    }
}

#[test]
fn a_list_that_is_fetched_ends_sessions_in_every_worker_and_one_that_is_missing_redirects_nobody() {
    let world = World::default();
    let mut config = config(&json!({ "session": { "refresh": false } }));
    config["revoked"] = json!({ "url": "https://ops.example.com/revoked.json", "cluster": "ops" });
    let config = config.to_string();
    let (mut one, mut two) = (Worker::new(&world, &config), Worker::new(&world, &config));
    one.fetch(r#"{"entries":[]}"#);
    two.tick();
    let mut browser = Browser::default();
    log_in(&mut one, &mut browser);
    world.wait(Duration::from_secs(11));
    one.fetch(
        r#"{"entries":[{"provider":"idp","identity":"alice","issued_before":"2027-01-15T08:00:05Z"}]}"#,
    );
    two.tick();
    for worker in [&mut one, &mut two] {
        let stream = browser.send(worker, "GET", "/orders", &SCRIPT);
        assert_eq!(code(worker.reply(stream)), "login_ended");
        let stream = browser.visit(worker, "/orders");
        assert_eq!(worker.reply(stream).status, 302);
    }
    log_in(&mut one, &mut browser);
    let stream = browser.send(&mut two, "GET", "/orders", &SCRIPT);
    assert_eq!(two.verdict(stream), "forwarded");
    // Too old a list: nothing is known of anybody.
    world.wait(Duration::from_secs(2 * 3600));
    let stream = browser.visit(&mut one, "/orders");
    let reply = one.reply(stream);
    assert_eq!((reply.status, &*code(reply)), (503, "revocations_stale"));
}

/// What a script is told.
fn told(worker: &mut Worker<'_>, browser: &Browser) -> String {
    let stream = browser.send(worker, "GET", "/orders", &SCRIPT);
    worker.verdict(stream)
}

/// A request with these fields alone.
fn raw(worker: &mut Worker<'_>, fields: &[(&str, &[u8])]) -> StreamId {
    let mut headers = Fields::default();
    headers.extend([(":method", "GET"), (":path", "/orders"), (":authority", HOST)]);
    headers.extend(fields.iter().copied());
    worker.request(RequestHead { headers })
}

/// The cookies that an answer sets, by name: their values, and what stands behind.
fn set_cookies(reply: &Reply) -> BTreeMap<String, (String, Vec<String>)> {
    let all = reply.headers.iter().filter(|(name, _)| *name == "set-cookie");
    all.map(|(_, one)| {
        let mut parts = one.split("; ").map(str::to_owned);
        let first = parts.next().unwrap();
        let (name, value) = first.split_once('=').unwrap();
        let mut rest: Vec<String> = parts.collect();
        rest.sort();
        (name.to_owned(), (value.to_owned(), rest))
    })
    .collect()
}

#[test]
fn h02_a_cookie_is_for_its_client_issuer_and_host() {
    let world = World::default();
    let urls = json!({ "url": [format!("https://{HOST}"), "https://admin.example.com"] });
    let mut one = worker(&world, &urls);
    let mut browser = Browser::default();
    log_in(&mut one, &mut browser);
    assert_eq!(told(&mut one, &browser), "forwarded");
    let elsewhere = [(":authority", "admin.example.com"), SCRIPT[0], SCRIPT[1]];
    let stream = browser.send(&mut one, "GET", "/orders", &elsewhere);
    assert_eq!(one.verdict(stream), "login_unreadable", "at another host");
    // What was opened for one host is remembered for that one alone.
    assert_eq!(told(&mut one, &browser), "forwarded");
    let client = json!({ "client": { "id": "portal2", "secret": { "base64": "c2VjcmV0" } } });
    let mut issuer = config(&json!({}));
    issuer["providers"]["idp"]["issuer"] = json!("https://id.example.com");
    let mut both = config(&json!({}));
    both["providers"]["idp"]["issuer"] = json!([ISSUER, "https://other.example.com/"]);
    let domain = json!({ "cookie": { "name": "tollgate-idp", "domain": "example.com" } });
    for (name, config) in [
        ("another client", config(&client)),
        ("another issuer", issuer),
        ("one more issuer", both),
        ("a domain", config(&domain)),
    ] {
        let mut worker = Worker::new(&world, &config.to_string());
        // As a cookie of this name, whatever the prefix is here.
        let mut renamed = browser.clone();
        let value = browser.0[SESSION].clone();
        renamed.0.insert("__Secure-tollgate-idp".to_owned(), value);
        assert_eq!(told(&mut worker, &renamed), "login_unreadable", "{name}");
    }
}

#[test]
fn h06_every_cookie_but_the_browsers_own_is_cleared_as_it_was_set() {
    for domain in [None, Some("example.com")] {
        let world = World::default();
        let mut changes = json!({
            "session": { "idle": "1h" },
            "forward": { "access_token": "x-at", "id_token": "x-it" },
        });
        if let Some(domain) = domain {
            changes["cookie"] = json!({ "domain": domain });
        }
        let mut worker = worker(&world, &changes);
        let mut browser = Browser::default();
        let set = set_cookies(&log_in(&mut worker, &mut browser));
        let own = [("origin", "https://portal.example.com")];
        let stream = browser.send(&mut worker, "POST", "/.login/idp/logout", &own);
        let cleared = set_cookies(worker.reply(stream));
        let lasts = |one: &String| one.starts_with("Max-Age=");
        let lasts_no_longer = |all: &[String]| all.iter().any(|one| one == "Max-Age=0");
        let mut left = Vec::new();
        for (name, (_, written)) in &set {
            let Some((value, removed)) = cleared.get(name) else {
                left.push(name.as_str());
                continue;
            };
            if name.ends_with("-b") {
                // It stays, and forgets that a login was completed.
                assert!(value.len() == 22 && !lasts_no_longer(removed), "{value} {removed:?}");
                left.push(name.as_str());
                continue;
            }
            assert_eq!(value, "", "{name}");
            assert!(lasts_no_longer(removed), "{name}: {removed:?}");
            let rest =
                |all: &[String]| all.iter().filter(|one| !lasts(one)).cloned().collect::<Vec<_>>();
            assert_eq!(rest(written), rest(removed), "{name}");
            for attribute in ["Secure", "HttpOnly", "SameSite=Lax"] {
                assert!(written.iter().any(|one| one == attribute), "{name}: {written:?}");
            }
            let is_shared = name.ends_with("-b") || domain.is_none();
            let has_domain = written.iter().any(|one| one.starts_with("Domain="));
            assert_eq!(has_domain, !is_shared, "{name}: {written:?}");
        }
        assert_eq!(left, ["__Host-tollgate-idp-b"]);
        browser.keep(&worker.reply(stream).clone());
        assert_eq!(browser.0.len(), 1);
    }
}

#[test]
fn h07_h12_cookies_are_found_in_however_many_lines_and_one_that_is_there_twice_is_none() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    log_in(&mut worker, &mut browser);
    let session = format!("{SESSION}={}", browser.0[SESSION]).into_bytes();
    let good = |before: &[u8], behind: &[u8]| [before, &session, behind].concat();
    // HTTP/2 may send each in a line of its own.
    let others: Vec<Vec<u8>> = browser
        .0
        .iter()
        .filter(|(name, _)| *name != SESSION)
        .map(|(name, value)| format!("{name}={value}").into_bytes())
        .collect();
    let mut crumbs: Vec<(&str, &[u8])> = others.iter().map(|one| ("cookie", &**one)).collect();
    crumbs.push(("cookie", &session));
    crumbs.push(("cookie", b"app=1"));
    let stream = raw(&mut worker, &crumbs);
    assert_eq!(worker.verdict(stream), "forwarded");
    crumbs.push(("cookie", &session));
    let stream = raw(&mut worker, &crumbs);
    assert_eq!(code(worker.reply(stream)), "login_unreadable", "in two lines");

    let forged = [SESSION.as_bytes(), b"=x"].concat();
    for (name, cookie, expected) in [
        ("twice in a line", good(&[&*session, b"; "].concat(), b""), "login_unreadable"),
        ("behind a forged one", good(&[&*forged, b"; "].concat(), b""), "login_unreadable"),
        ("before a forged one", good(b"", &[b"; ", &*forged].concat()), "login_unreadable"),
        ("no text", good(b"a=\xff; ", b"; \xfe\xff"), "forwarded"),
        ("zero bytes", good(b"a=\0; ", b""), "forwarded"),
        ("the words of RFC 2965", good(b"$Version=\"1\"; ", b"; $Path=\"/\""), "forwarded"),
        ("no sign", good(b"a; ; ;", b";; b"), "forwarded"),
        ("quotes", good(b"a=\"b; c\"; ", b""), "forwarded"),
        ("signs", good(b"===; =a; ", b"; ="), "forwarded"),
        ("its name in another case", session.to_ascii_lowercase(), "credential_missing"),
        ("its name without a sign", SESSION.into(), "credential_missing"),
        ("nothing", Vec::new(), "credential_missing"),
    ] {
        let stream = raw(&mut worker, &[("cookie", &cookie)]);
        assert_eq!(worker.verdict(stream), expected, "{name}");
    }
}

#[test]
fn h09_what_counts_pieces_is_an_applications_cookie() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    log_in(&mut worker, &mut browser);
    let pieces = format!("{SESSION}-0=a; {SESSION}-1=b; {SESSION}.chunks=2000000000; {SESSION}_=c");
    let stream = Browser::default().send(&mut worker, "GET", "/orders", &[("cookie", &pieces)]);
    assert_eq!(code(worker.reply(stream)), "credential_missing");
    let cookies = format!("{pieces}; {}", browser.cookies());
    let stream = Browser::default().send(&mut worker, "GET", "/orders", &[("cookie", &cookies)]);
    let sent = upstream(&worker, stream, &[("cookie", &cookies)]);
    assert!(sent.contains(&("cookie".into(), pieces)), "{sent:?}");
}

#[test]
fn h10_h11_what_was_sealed_otherwise_is_no_session_and_the_log_says_why() {
    let world = World::default();
    let changes = json!({
        "session": { "idle": "1h" },
        "forward": { "access_token": "x-at", "id_token": "x-it" },
    });
    let mut worker = worker(&world, &changes);
    let mut browser = Browser::default();
    log_in(&mut worker, &mut browser);
    let state = start(&mut worker, &mut Browser::default(), "/").state;
    let good = URL_SAFE_NO_PAD.decode(&browser.0[SESSION]).unwrap();
    let sealed = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        URL_SAFE_NO_PAD.encode(bytes)
    };
    let (key, nonce) = (good[1], good[3]);
    let own = |part: &str| browser.0[&format!("__Host-tollgate-idp-{part}")].clone();
    for (name, value, why) in [
        ("version 0", sealed(0, 0), "another version"),
        ("version 2", sealed(0, 2), "another version"),
        ("version 255", sealed(0, 255), "another version"),
        ("another key", sealed(1, key ^ 1), "another key"),
        ("another nonce", sealed(3, nonce ^ 1), "was changed"),
        ("a refresh token", own("r"), "was changed"),
        ("an access token", own("a"), "was changed"),
        ("an ID token", browser.0["__Secure-tollgate-idp-i"].clone(), "was changed"),
        ("a last use", own("s"), "was changed"),
        ("a state", state.clone(), "was changed"),
    ] {
        let mut other = browser.clone();
        other.0.insert(SESSION.to_owned(), value);
        assert_eq!(told(&mut worker, &other), "login_unreadable", "{name}");
        let line = worker.log.iter().rfind(|line| line.contains("login_unreadable")).unwrap();
        assert!(line.contains(why), "{name}: {line}");
    }
    // None of them is a refresh token, either: nobody is asked.
    let made = worker.calls_made;
    world.wait(Duration::from_secs(301));
    for value in
        [&browser.0[SESSION], &own("a"), &browser.0["__Secure-tollgate-idp-i"], &own("s"), &state]
    {
        let mut other = browser.clone();
        other.0.insert("__Host-tollgate-idp-r".to_owned(), value.clone());
        assert_eq!(told(&mut worker, &other), "login_expired");
    }
    worker.tick();
    assert_eq!(worker.calls_made, made);
}

#[test]
fn h16_an_extended_connect_comes_from_a_page_of_the_logins_own() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    log_in(&mut worker, &mut browser);
    for (origin, expected) in [
        (Some("https://portal.example.com"), "forwarded"),
        (Some("https://evil.example.com"), "origin_refused"),
        (Some("null"), "origin_refused"),
        (None, "origin_refused"),
    ] {
        let mut headers = vec![(":protocol", "websocket"), (":scheme", "https")];
        headers.extend(origin.map(|origin| ("origin", origin)));
        let stream = browser.send(&mut worker, "CONNECT", "/orders", &headers);
        assert_eq!(worker.verdict(stream), expected, "{origin:?}");
    }
}

#[test]
fn h17_nothing_but_a_page_is_sent_away_or_given_a_cookie() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let navigate = ("sec-fetch-mode", "navigate");
    let document = ("sec-fetch-dest", "document");
    let html = ("accept", "text/html");
    for (name, method, headers, expected) in [
        ("an image", "GET", vec![("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")], 401),
        ("a frame", "GET", vec![navigate, ("sec-fetch-dest", "frame"), html], 401),
        ("an object", "GET", vec![navigate, ("sec-fetch-dest", "object"), html], 401),
        ("XMLHttpRequest", "GET", vec![("x-requested-with", "XMLHttpRequest"), html], 401),
        ("a prefetch", "GET", vec![navigate, document, ("sec-purpose", "prefetch")], 401),
        (
            "a prerender",
            "GET",
            vec![navigate, document, ("sec-purpose", "prefetch;prerender")],
            401,
        ),
        ("an old prefetch", "GET", vec![("purpose", "prefetch"), html], 401),
        ("htmx", "GET", vec![navigate, document, ("hx-request", "true")], 401),
        ("OPTIONS", "OPTIONS", vec![navigate, document], 401),
        ("a WebSocket", "GET", vec![("upgrade", "websocket"), html], 401),
        ("curl", "GET", vec![("accept", "*/*")], 401),
        ("nothing said", "GET", vec![], 401),
        ("gRPC", "POST", vec![("content-type", "application/grpc"), html], 401),
    ] {
        let stream = Browser::default().send(&mut worker, method, "/orders", &headers);
        let reply = worker.reply(stream);
        assert_eq!(reply.status, expected, "{name}: {reply:?}");
        assert_eq!(header(reply, "set-cookie"), None, "{name}");
        assert_eq!(header(reply, "location"), None, "{name}");
        if name == "gRPC" {
            assert_eq!(reply.grpc_status, Some(16));
        }
    }
    assert!(!worker.counts.contains_key("tollgate_login_started_idp"));
    let line = worker.log.last().unwrap();
    assert!(line.contains("a person signs in at `/.login/idp/start`"), "{line}");
}

#[test]
fn h26_a_clock_that_was_set_lets_no_session_live_longer() {
    let world = World::default();
    let changes = json!({ "session": { "max": "1h", "refresh": false } });
    let mut worker = worker(&world, &changes);
    let mut browser = Browser::default();
    let start = world.now.get();
    log_in(&mut worker, &mut browser);
    let at = |worker: &mut Worker<'_>, secs: i64| {
        let span = Duration::from_secs(secs.unsigned_abs());
        world.now.set(if secs < 0 { start.before(span) } else { start.after(span) });
        told(worker, &browser)
    };
    for (secs, expected) in [
        (-30, "forwarded"),
        (-61, "login_unreadable"),
        (-3600, "login_unreadable"),
        (86_400, "login_expired"),
        // Back again: it has not grown longer, in whichever way the clock went.
        (3599, "forwarded"),
        (3600, "login_expired"),
        (-3600, "login_unreadable"),
        (0, "forwarded"),
    ] {
        assert_eq!(at(&mut worker, secs), expected, "{secs}");
    }
}

#[test]
fn h27_i15_whoever_shows_nothing_that_was_sealed_here_costs_no_memory_and_no_call() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    log_in(&mut worker, &mut browser);
    assert_eq!(told(&mut worker, &browser), "forwarded");
    worker.tick();
    worker.calls.clear();
    let (made, entries) = (worker.calls_made, world.store.keys().len());
    let gauges = world.totals.gauges.borrow().clone();
    let writes = world.store.writes();
    for turn in 0..2000_u64 {
        let mut other = browser.clone();
        let mut bytes = URL_SAFE_NO_PAD.decode(&browser.0[SESSION]).unwrap();
        bytes[3..11].copy_from_slice(&turn.to_le_bytes());
        other.0.insert(SESSION.to_owned(), URL_SAFE_NO_PAD.encode(bytes));
        assert_eq!(told(&mut worker, &other), "login_unreadable");
        let stream = Browser::default().visit(&mut worker, "/orders");
        assert_eq!(worker.reply(stream).status, 302);
        worker.settled.clear();
    }
    assert_eq!((worker.calls_made, world.store.keys().len()), (made, entries));
    assert_eq!(world.store.writes(), writes);
    assert_eq!(*world.totals.gauges.borrow(), gauges);
    assert_eq!(told(&mut worker, &browser), "forwarded");
}

#[test]
fn h31_what_a_client_says_of_its_host_and_path_is_not_heard() {
    let world = World::default();
    let mut config = config(&json!({}));
    config["apis"] = json!([
        { "name": "open", "match": { "paths": ["/health"] }, "auth": "none" },
        { "name": "rest", "auth": ["idp"] },
    ]);
    let mut worker = Worker::new(&world, &config.to_string());
    let forged = [
        ("x-forwarded-host", "evil.example.com"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-port", "8080"),
        ("x-forwarded-uri", "/health"),
        ("x-forwarded-prefix", "//evil.example.com"),
        ("x-original-url", "/health"),
        ("x-rewrite-url", "/health"),
        ("forwarded", "host=evil.example.com;proto=http"),
        ("host", "evil.example.com"),
    ];
    for path in ["/orders", "/orders?x=/health", "/orders;/health", "/orders/health"] {
        let all = [&PAGE[..], &forged].concat();
        let stream = Browser::default().send(&mut worker, "GET", path, &all);
        let reply = worker.reply(stream).clone();
        assert_eq!(reply.status, 302, "{path}");
        let to = location(&reply);
        assert!(to.starts_with("https://id.example.com/auth?"), "{to}");
        assert!(!to.contains("evil") && !to.contains("8080"), "{to}");
        let back = parameter(to, "redirect_uri");
        assert_eq!(back.as_deref(), Some("https://portal.example.com/.login/idp/callback"));
    }
    let stream = Browser::default().send(&mut worker, "GET", "/health", &PAGE);
    assert_eq!(worker.verdict(stream), "forwarded");
}

#[test]
fn h32_nobody_says_who_he_is_by_a_header_where_no_session_is() {
    let world = World::default();
    let mut config = config(&json!({ "forward": { "access_token": "x-at" } }));
    config["apis"] = json!([
        { "name": "open", "match": { "paths": ["/open"] }, "auth": "none" },
        { "name": "maybe", "match": { "paths": ["/maybe"] }, "auth": ["idp"], "optional": true },
        { "name": "rest", "auth": ["idp"] },
    ]);
    let mut worker = Worker::new(&world, &config.to_string());
    let mut browser = Browser::default();
    log_in(&mut worker, &mut browser);
    let mut broken = browser.clone();
    broken.0.insert(SESSION.to_owned(), "x".to_owned());
    let forged = [
        ("x-tollgate-identity", "admin"),
        ("X_Tollgate_Identity", "admin"),
        ("x.tollgate.identity", "admin"),
        ("X-Tollgate-Identity", "admin"),
        ("x_at", "admin"),
        ("X-At", "admin"),
    ];
    for (path, browser, expected) in [
        ("/open", &browser, None),
        ("/maybe", &Browser::default(), None),
        ("/maybe", &broken, None),
        ("/maybe", &browser, Some("alice")),
        ("/orders", &browser, Some("alice")),
    ] {
        let stream = browser.send(&mut worker, "GET", path, &forged);
        let sent = upstream(&worker, stream, &forged);
        assert!(!sent.iter().any(|(_, value)| value == "admin"), "{path}: {sent:?}");
        let who = sent.iter().find(|(name, _)| name == "x-tollgate-identity");
        assert_eq!(who.map(|(_, value)| value.as_str()), expected, "{path}");
    }
}

#[test]
fn h33_an_address_is_compared_whole() {
    let world = World::default();
    let mut config = config(&json!({}));
    config["apis"] = json!([{ "name": "all", "auth": ["idp"],
        "require": [{ "claim": "email", "in": ["alice@corp.com"] }] }]);
    let mut worker = Worker::new(&world, &config.to_string());
    for (email, expected) in [
        ("alice@corp.com", "forwarded"),
        ("a@evil.com@corp.com", "claim_insufficient"),
        ("alice@corp.com.evil.com", "claim_insufficient"),
        ("ALICE@corp.com", "claim_insufficient"),
        ("alice@corp.com ", "claim_insufficient"),
    ] {
        let mut browser = Browser::default();
        let asked = start(&mut worker, &mut browser, "/");
        let token = id_token(&asked.nonce, |token| token.claim("email", email));
        let stream = callback(&mut worker, &browser, &asked, (200, &tokens(&token).to_string()));
        browser.keep(&worker.reply(stream).clone());
        assert_eq!(told(&mut worker, &browser), expected, "{email}");
    }
    // No rule of a configuration looks at the end of a name.
    config["apis"][0]["require"] = json!([{ "claim": "email", "ends_with": "@corp.com" }]);
    assert!(Config::parse(config.to_string().as_bytes()).is_err());
}

/// A provider's discovery document, with changes.
fn document(changes: &Value) -> String {
    let mut document = json!({
        "issuer": ISSUER, "jwks_uri": "https://id.example.com/keys",
        "authorization_endpoint": "https://id.example.com/auth",
        "token_endpoint": "https://id.example.com/token",
        "end_session_endpoint": "https://id.example.com/end",
    });
    for (name, value) in changes.as_object().unwrap() {
        document[name] = value.clone();
    }
    document.to_string()
}

/// A configuration of the same provider, whose endpoints and keys are discovered.
fn by_discovery() -> String {
    let mut config = config(&json!({}));
    let idp = config["providers"]["idp"].as_object_mut().unwrap();
    idp.insert("jwks".to_owned(), json!({ "discovery": true, "cluster": "idp" }));
    idp["login"].as_object_mut().unwrap().remove("endpoints");
    config.to_string()
}

/// A worker that has discovered this.
fn discovered<'w>(world: &'w World, changes: &Value) -> Worker<'w> {
    let mut worker = Worker::new(world, &by_discovery());
    worker.tick();
    worker.answer(200, &[], &document(changes));
    worker.answer(200, &[], &json!({ "keys": [Signer::new("k1").jwk()] }).to_string());
    worker
}

/// What the call to the token endpoint says.
fn field(worker: &Worker<'_>, name: &str) -> String {
    let request = worker.calls.values().next().expect("a call");
    let form = body(request);
    tollgate::http::form_field(form.as_bytes(), name).unwrap().unwrap().into_owned()
}

#[test]
fn i03_a_second_attempt_is_redeemed_once_too_and_then_it_is_said() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    let mut asked = start(&mut worker, &mut browser, "/deep");
    for is_second in [false, true] {
        let answer = tokens(&id_token(&asked.nonce, |token| token)).to_string();
        let stream = callback(&mut worker, &browser, &asked, (200, &answer));
        assert_eq!(location(worker.reply(stream)), "/deep");
        let made = worker.calls_made;
        // The answer did not arrive, and the browser comes once more.
        let stream = callback(&mut worker, &browser, &asked, (200, &answer));
        let reply = worker.reply(stream).clone();
        assert_eq!(worker.calls_made, made);
        if is_second {
            assert_eq!((reply.status, &*code(&reply)), (400, "login_state_invalid"));
            continue;
        }
        assert_eq!(reply.status, 302);
        browser.keep(&reply);
        let of = |name| parameter(location(&reply), name).unwrap();
        asked = Asked { state: of("state"), nonce: of("nonce"), url: String::new() };
    }
}

#[test]
fn i04_whatever_the_provider_calls_its_error_no_page_and_no_line_repeats_it() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    let asked = start(&mut worker, &mut browser, "/");
    for (error, more, expected) in [
        ("login_required", "", (403, "login_refused")),
        ("%3Cscript%3Ealert(1)%3C/script%3E", "", (403, "login_refused")),
        ("a%0d%0ab", "&error_uri=javascript:alert(1)", (403, "login_refused")),
        ("server_error", "&code=c", (400, "login_state_invalid")),
        ("server_error", "&error=x", (400, "login_state_invalid")),
    ] {
        let path = format!("/.login/idp/callback?error={error}{more}&state={}", asked.state);
        let stream = browser.visit(&mut worker, &path);
        let reply = worker.reply(stream);
        assert_eq!((reply.status, &*code(reply)), expected, "{error}");
        for part in ["alert", "javascript", "login_required", "server_error"] {
            assert!(!reply.body.contains(part), "{error}: {}", reply.body);
        }
        assert!(!worker.log.iter().any(|line| line.contains("alert(1)")), "{:?}", worker.log);
    }
    assert_eq!(worker.calls_made, 0);
}

#[test]
fn i05_a_provider_that_announces_its_name_says_it() {
    let announced = json!({ "authorization_response_iss_parameter_supported": true });
    for (name, document, iss, expected) in [
        ("missing", &announced, "", 400),
        ("empty", &announced, "&iss=", 400),
        ("another", &announced, "&iss=https%3A%2F%2Fevil.example.com%2F", 400),
        ("without its slash", &announced, "&iss=https%3A%2F%2Fid.example.com", 400),
        ("its own", &announced, "&iss=https%3A%2F%2Fid.example.com%2F", 303),
        ("missing, and not announced", &json!({}), "", 303),
        ("another, and not announced", &json!({}), "&iss=https%3A%2F%2Fevil.example.com%2F", 400),
    ] {
        let world = World::default();
        let mut worker = discovered(&world, document);
        let made = worker.calls_made;
        let mut browser = Browser::default();
        let mut asked = start(&mut worker, &mut browser, "/");
        asked.state.push_str(iss);
        let answer = tokens(&id_token(&asked.nonce, |token| token)).to_string();
        let stream = callback(&mut worker, &browser, &asked, (200, &answer));
        let reply = worker.reply(stream);
        assert_eq!(reply.status, expected, "{name}: {reply:?}");
        if expected == 400 {
            assert_eq!(&*code(reply), "login_issuer_mismatch", "{name}");
            assert_eq!(worker.calls_made, made, "{name}");
        }
    }
}

#[test]
fn i06_a_code_of_another_attempt_is_not_redeemed_by_this_ones_verifier() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let (mut victim, mut attacker) = (Browser::default(), Browser::default());
    let theirs = start(&mut worker, &mut attacker, "/");
    let own = start(&mut worker, &mut victim, "/");
    let challenge = |asked: &Asked| parameter(&asked.url, "code_challenge").unwrap();
    // The attacker's code beside the victim's state: the provider compares.
    let path = format!("/.login/idp/callback?code=theirs&state={}", own.state);
    let stream = victim.visit(&mut worker, &path);
    let shows = URL_SAFE_NO_PAD.encode(Sha256::digest(field(&worker, "code_verifier")));
    assert_eq!(shows, challenge(&own));
    assert_ne!(shows, challenge(&theirs));
    worker.answer(400, &[], r#"{"error":"invalid_grant","error_description":"<b>verifier</b>"}"#);
    let reply = worker.reply(stream);
    assert_eq!((reply.status, &*code(reply)), (400, "login_code_refused"));
    assert!(!reply.body.contains("verifier"));
    assert_eq!(header(reply, "set-cookie"), None);
    // Where the provider does not compare, the nonce in its token does.
    let own = start(&mut worker, &mut victim, "/");
    let answer = tokens(&id_token(&theirs.nonce, |token| token)).to_string();
    let stream = callback(&mut worker, &victim, &own, (200, &answer));
    assert_eq!(code(worker.reply(stream)), "login_token_invalid");
}

#[test]
fn i07_the_challenge_is_by_s256_whatever_the_provider_says_it_takes() {
    for (says, is_named) in [
        (json!({}), false),
        (json!(["plain"]), false),
        (json!([]), false),
        (json!("S256"), false),
        (json!(["S256", "plain"]), true),
    ] {
        let world = World::default();
        let mut document = json!({});
        if says != json!({}) {
            document["code_challenge_methods_supported"] = says.clone();
        }
        let mut worker = discovered(&world, &document);
        let warned = |line: &&String| line.contains("does not name `S256`");
        let lines = worker.log.iter().filter(warned).count();
        assert_eq!(lines, usize::from(!is_named), "{says}: {:?}", worker.log);
        let asked = start(&mut worker, &mut Browser::default(), "/");
        let of = |name| parameter(&asked.url, name);
        assert_eq!(of("code_challenge_method").as_deref(), Some("S256"), "{says}");
        assert_eq!(of("code_challenge").map(|one| one.len()), Some(43), "{says}");
    }
}

#[test]
fn i08_what_no_ring_signed_and_what_is_only_just_in_time() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let hs256 = |token: &str| {
        // The client's own secret as the key, as some libraries took it.
        let claims = token.split('.').nth(1).unwrap();
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        let signed = format!("{header}.{claims}");
        let mut mac = Hmac::<Sha256>::new_from_slice(b"secret").unwrap();
        mac.update(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    };
    let none = |token: &str| {
        let claims = token.split('.').nth(1).unwrap();
        format!("{}.{claims}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#))
    };
    type Make<'m> = Box<dyn Fn(&str) -> String + 'm>;
    let both = json!([support::browser::CLIENT, "other"]);
    let other = Signer::new("k1").renewed();
    let plain = |nonce: &str, change: fn(Token) -> Token| id_token(nonce, change);
    let cases: Vec<(&str, Make<'_>, Option<&str>)> = vec![
        ("nothing wrong", Box::new(|nonce| plain(nonce, |token| token)), None),
        (
            "HS256 with the client's secret",
            Box::new(|nonce| hs256(&plain(nonce, |token| token))),
            Some("token_algorithm_refused"),
        ),
        (
            "none, and no signature",
            Box::new(|nonce| none(&plain(nonce, |token| token))),
            Some("token_algorithm_refused"),
        ),
        (
            "a key that is not the provider's",
            Box::new(|nonce| {
                let token = Token::for_identity("alice").claim("aud", "portal");
                other.sign(&token.claim("nonce", nonce))
            }),
            Some("token_signature_invalid"),
        ),
        (
            "another's signature",
            Box::new(|nonce| {
                let (own, theirs) = (plain(nonce, |token| token), plain("x", |token| token));
                let (signed, _) = own.rsplit_once('.').unwrap();
                format!("{signed}.{}", theirs.rsplit_once('.').unwrap().1)
            }),
            Some("token_signature_invalid"),
        ),
        (
            "over, as far as clocks differ",
            Box::new(|nonce| plain(nonce, |token| token.claim("exp", NOW - 59))),
            None,
        ),
        (
            "over, by more than clocks differ",
            Box::new(|nonce| plain(nonce, |token| token.claim("exp", NOW - 60))),
            Some("token_expired"),
        ),
        (
            "not yet",
            Box::new(|nonce| plain(nonce, |token| token.claim("nbf", NOW + 61))),
            Some("token_not_yet_valid"),
        ),
        (
            "for two, and given to the client",
            Box::new(|nonce| {
                let both = both.clone();
                id_token(nonce, |token| token.claim("aud", both.clone()).claim("azp", "portal"))
            }),
            None,
        ),
        ("no token", Box::new(|_| "no token".to_owned()), Some("token_malformed")),
        ("nothing", Box::new(|_| String::new()), Some("id_token")),
        ("five parts", Box::new(|nonce| plain(nonce, |token| token) + ".a.b"), Some("token_")),
    ];
    for (name, make, why) in cases {
        let mut browser = Browser::default();
        let asked = start(&mut worker, &mut browser, "/");
        let answer = tokens(&make(&asked.nonce)).to_string();
        worker.log.clear();
        let stream = callback(&mut worker, &browser, &asked, (200, &answer));
        let reply = worker.reply(stream);
        let Some(why) = why else {
            assert_eq!(reply.status, 303, "{name}: {:?}", worker.log);
            continue;
        };
        assert_eq!(reply.status, 502, "{name}: {reply:?}");
        assert_eq!(header(reply, "set-cookie"), None, "{name}");
        assert!(worker.log.iter().any(|line| line.contains(why)), "{name}: {:?}", worker.log);
    }
}

#[test]
fn i08_what_cannot_be_a_session_leads_nobody_around() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    for auth_time in [json!(NOW + 3600), json!(u64::MAX), json!(-1), json!("x"), json!(0)] {
        let mut browser = Browser::default();
        let asked = start(&mut worker, &mut browser, "/");
        let token = id_token(&asked.nonce, |token| token.claim("auth_time", auth_time.clone()));
        let stream = callback(&mut worker, &browser, &asked, (200, &tokens(&token).to_string()));
        let reply = worker.reply(stream).clone();
        browser.keep(&reply);
        // Who has a session is let in with it; who cannot have one is told so.
        match reply.status {
            303 => assert_eq!(told(&mut worker, &browser), "forwarded", "{auth_time}"),
            status => assert_eq!((status, &*code(&reply)), (502, "login_token_invalid")),
        }
    }
    // A session that ends with a token which is over, as far as clocks differ.
    let mut config = config(&json!({ "judge": "access_token" }));
    config["providers"]["idp"]["audiences"] = json!(["api"]);
    let mut worker = Worker::new(&world, &config.to_string());
    for (exp, refresh, expected) in
        [(NOW - 30, false, 502), (NOW, false, 502), (NOW + 1, false, 303), (NOW - 30, true, 303)]
    {
        let mut browser = Browser::default();
        let asked = start(&mut worker, &mut browser, "/");
        let mut answer = tokens(&id_token(&asked.nonce, |token| token));
        let access = Token::for_identity("alice").claim("exp", exp);
        answer["access_token"] = Signer::new("k1").sign(&access).into();
        if !refresh {
            answer.as_object_mut().unwrap().remove("refresh_token");
        }
        let stream = callback(&mut worker, &browser, &asked, (200, &answer.to_string()));
        let reply = worker.reply(stream).clone();
        assert_eq!(reply.status, expected, "{exp} {refresh}: {:?}", worker.log);
        browser.keep(&reply);
        if expected == 303 {
            assert_eq!(told(&mut worker, &browser), "forwarded", "{exp} {refresh}");
        }
    }
}

#[test]
fn i09_an_id_token_is_no_bearer_token_and_an_access_token_no_id_token() {
    let world = World::default();
    let mut config = config(&json!({ "judge": "access_token" }));
    let provider = config["providers"]["idp"].as_object_mut().unwrap();
    provider.remove("from");
    provider.insert("audiences".to_owned(), json!(["api"]));
    let mut worker = Worker::new(&world, &config.to_string());
    let bearer = format!("Bearer {}", id_token("n", |token| token));
    let headers = [("authorization", &*bearer)];
    let stream = Browser::default().send(&mut worker, "GET", "/orders", &headers);
    assert_eq!(worker.verdict(stream), "token_audience_mismatch");

    let access = |aud: &str| {
        let token = Token::for_identity("alice").claim("exp", NOW + 1000).claim("aud", aud);
        Signer::new("k1").sign(&token.claim("scope", "read"))
    };
    for (token, why) in [(access("api"), "token_audience_mismatch"), (access("portal"), "nonce")] {
        let mut browser = Browser::default();
        let asked = start(&mut worker, &mut browser, "/");
        let mut answer = tokens(&token);
        answer["access_token"] = access("api").into();
        let stream = callback(&mut worker, &browser, &asked, (200, &answer.to_string()));
        assert_eq!(code(worker.reply(stream)), "login_token_invalid");
        assert!(worker.log.last().unwrap().contains(why), "{:?}", worker.log.last());
    }
}

#[test]
fn i10_whatever_is_asked_for_a_login_leads_back_to_its_own_host() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let long = format!("/a%3F{}", "b".repeat(30 * 1024));
    for (wanted, expected) in [
        ("/orders%3Fa%3Db", "/orders?a=b"),
        ("//evil.example.com", "/"),
        ("/%5Cevil.example.com", "/"),
        ("/%255cevil.example.com", "/"),
        ("https%3Aevil.example.com", "/"),
        ("https%3A%2F%2Fevil.example.com", "/"),
        ("/..//evil.example.com", "/"),
        ("%09//evil.example.com", "/"),
        ("/a%0D%0Aset-cookie:%20a=b", "/"),
        ("/.login/idp/logout", "/"),
        ("/.login%2Fidp%2Flogout", "/"),
        ("", "/"),
        (&long, "/a"),
    ] {
        let mut browser = Browser::default();
        let path = format!("/.login/idp/start?return={wanted}");
        let asked = start(&mut worker, &mut browser, &path);
        let answer = tokens(&id_token(&asked.nonce, |token| token)).to_string();
        let stream = callback(&mut worker, &browser, &asked, (200, &answer));
        assert_eq!(location(worker.reply(stream)), expected, "{wanted}");
    }
}

#[test]
fn i11_a_host_is_known_by_the_name_and_the_port_that_are_configured() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    log_in(&mut worker, &mut browser);
    for (authority, expected) in [
        ("portal.example.com", "forwarded"),
        ("portal.example.com:443", "forwarded"),
        ("PORTAL.Example.com", "forwarded"),
        ("portal.example.com.", "forwarded"),
        ("portal.example.com:8443", "login_host_unknown"),
        ("portal.example.com.evil.example", "login_host_unknown"),
        ("evil.example", "login_host_unknown"),
        ("portal.example.com@evil.example", "refused"),
        ("evil.example@portal.example.com", "refused"),
        ("portal.example.com,evil.example", "refused"),
    ] {
        let headers = [&[(":authority", authority)][..], &PAGE].concat();
        let stream = browser.send(&mut worker, "GET", "/orders", &headers);
        if worker.verdict(stream) == "forwarded" {
            assert_eq!("forwarded", expected, "{authority}");
            continue;
        }
        let reply = worker.reply(stream);
        assert_ne!(reply.status, 302, "{authority}");
        assert_ne!("forwarded", expected, "{authority}: {reply:?}");
        if expected != "refused" {
            assert_eq!((reply.status, &*code(reply)), (401, expected), "{authority}");
            assert!(!reply.body.contains("/start"), "{authority}");
        }
        // Its own paths are not there, either.
        let stream = browser.send(&mut worker, "GET", "/.login/idp/start", &headers);
        let status = worker.settled.get(&stream).map(|_| worker.reply(stream).status);
        assert_ne!(status, Some(302), "{authority}");
    }
}

#[test]
fn i12_what_is_no_answer_of_a_token_endpoint_sets_nothing() {
    let good = |asked: &Asked| tokens(&id_token(&asked.nonce, |token| token)).to_string();
    type Answer = fn(&str) -> (u16, Vec<(&'static str, &'static str)>, Vec<u8>);
    let cases: [(&str, Answer); 10] = [
        ("more than it may have", |good| {
            (200, vec![], format!("{}{good}", " ".repeat(70 * 1024)).into())
        }),
        ("a member twice", |good| {
            (200, vec![], good.replacen('{', r#"{"access_token":"x","#, 1).into())
        }),
        ("gzip", |_| (200, vec![("content-encoding", "gzip")], vec![0x1f, 0x8b, 8, 0, 0, 0])),
        ("another type of token", |good| (200, vec![], good.replace("Bearer", "mac").into())),
        ("an error with 200", |_| (200, vec![], br#"{"error":"server_error"}"#.to_vec())),
        ("tokens beside an error", |good| {
            (200, vec![], good.replacen('{', r#"{"error":"x","#, 1).into())
        }),
        ("a way elsewhere", |good| {
            (307, vec![("location", "https://evil.example.com/")], good.into())
        }),
        ("201", |good| (201, vec![], good.into())),
        ("a list", |good| (200, vec![], format!("[{good}]").into())),
        ("no text", |_| (200, vec![], vec![0xff; 64])),
    ];
    for (name, answer) in cases {
        let world = World::default();
        let mut worker = worker(&world, &json!({}));
        let mut browser = Browser::default();
        let asked = start(&mut worker, &mut browser, "/");
        let path = format!("/.login/idp/callback?code=c-1&state={}", asked.state);
        let stream = browser.visit(&mut worker, &path);
        let call = *worker.calls.keys().next().unwrap();
        let (status, headers, body) = answer(&good(&asked));
        let response = CallResponse {
            status,
            headers: headers.into_iter().collect(),
            body_size: body.len(),
            body,
            trailers: Fields::default(),
        };
        worker.call_done(call, Some(response));
        let reply = worker.reply(stream);
        assert_eq!((reply.status, &*code(reply)), (502, "login_failed"), "{name}");
        assert_eq!(header(reply, "set-cookie"), None, "{name}");
        assert_eq!(worker.calls_made, 1, "{name}: it was followed");
    }
}

#[test]
fn i13_both_halves_of_basic_are_form_encoded() {
    let world = World::default();
    let secret = URL_SAFE_NO_PAD.encode("s:3%c+r\u{e9}t &=/").replace('-', "+").replace('_', "/");
    let client = json!({ "client": { "id": "por:tal%+\u{fc}", "secret": { "base64": secret } } });
    let mut worker = worker(&world, &client);
    let mut browser = Browser::default();
    let asked = start(&mut worker, &mut browser, "/");
    assert_eq!(parameter(&asked.url, "client_id").as_deref(), Some("por:tal%+\u{fc}"));
    callback(&mut worker, &browser, &asked, (200, ""));
    let asked = start(&mut worker, &mut browser, "/");
    let path = format!("/.login/idp/callback?code=c-1&state={}", asked.state);
    browser.visit(&mut worker, &path);
    let request = worker.calls.values().next().unwrap();
    let basic = request.authorization.as_ref().unwrap().reveal();
    let pair = STANDARD.decode(basic.strip_prefix("Basic ").unwrap()).unwrap();
    assert_eq!(
        String::from_utf8(pair).unwrap(),
        "por%3Atal%25%2B%C3%BC:s%3A3%25c%2Br%C3%A9t+%26%3D%2F"
    );
    assert!(!body(request).contains("client_secret"));
}

#[test]
fn i14_keys_that_change_between_start_and_callback_cost_one_fetch() {
    let world = World::default();
    let mut worker = discovered(&world, &json!({}));
    let mut browser = Browser::default();
    let asked = start(&mut worker, &mut browser, "/orders");
    let token = Token::for_identity("alice").claim("aud", "portal").claim("nonce", &*asked.nonce);
    let answer = tokens(&Signer::new("k2").sign(&token)).to_string();
    let made = worker.calls_made;
    let stream = callback(&mut worker, &browser, &asked, (200, &answer));
    assert_eq!(worker.verdict(stream), "waiting");
    worker.tick();
    worker.answer(200, &[], &document(&json!({})));
    worker.answer(200, &[], &json!({ "keys": [Signer::new("k2").jwk()] }).to_string());
    worker.tick();
    let reply = worker.reply(stream).clone();
    assert_eq!((reply.status, location(&reply)), (303, "/orders"), "{:?}", worker.log);
    // The code once, the document and the keys.
    assert_eq!(worker.calls_made, made + 3);
    browser.keep(&reply);
    assert_eq!(told(&mut worker, &browser), "forwarded");
}

#[test]
fn i17_a_callback_is_a_page_that_is_gone_to() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    let asked = start(&mut worker, &mut browser, "/");
    let path = format!("/.login/idp/callback?code=c&state={}", asked.state);
    let form = ("content-type", "application/x-www-form-urlencoded");
    for method in ["POST", "HEAD", "PUT", "OPTIONS", "DELETE"] {
        for headers in [vec![form], vec![form, ("origin", "https://id.example.com")]] {
            let stream = browser.send(&mut worker, method, &path, &headers);
            let reply = worker.reply(stream);
            assert_eq!((reply.status, header(reply, "allow")), (405, Some("GET")), "{method}");
        }
    }
    assert_eq!(worker.calls_made, 0);
    assert!(worker.reads.is_empty());
}

#[test]
fn i18_a_form_without_a_session_goes_nowhere() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let form = ("content-type", "application/x-www-form-urlencoded");
    let page = [&PAGE[..], &[form, ("origin", "https://portal.example.com")]].concat();
    for unauthenticated in ["auto", "redirect"] {
        let mut config = config(&json!({}));
        config["apis"] =
            json!([{ "name": "all", "auth": ["idp"], "unauthenticated": unauthenticated }]);
        let mut worker = Worker::new(&world, &config.to_string());
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let stream = Browser::default().send(&mut worker, method, "/orders", &page);
            let reply = worker.reply(stream);
            assert_eq!((reply.status, &*code(reply)), (401, "credential_missing"), "{method}");
            assert_eq!(header(reply, "location"), None, "{method}");
        }
        assert!(worker.reads.is_empty(), "no body is of use");
    }
    // Nor does one whose session has ended.
    let mut browser = Browser::default();
    log_in(&mut worker, &mut browser);
    world.wait(Duration::from_secs(8 * 3600));
    let stream = browser.send(&mut worker, "POST", "/orders", &page);
    assert_eq!(code(worker.reply(stream)), "login_expired");
}

#[test]
fn i19_i20_who_is_not_on_an_own_page_ends_no_session_and_nobody_says_where_it_leads() {
    let world = World::default();
    let mut worker = worker(&world, &json!({}));
    let mut browser = Browser::default();
    log_in(&mut worker, &mut browser);
    let fetch = |mode, dest, site| {
        vec![("sec-fetch-mode", mode), ("sec-fetch-dest", dest), ("sec-fetch-site", site)]
    };
    let mut prefetch = fetch("navigate", "document", "same-origin");
    prefetch.push(("sec-purpose", "prefetch"));
    let mut prerender = fetch("navigate", "document", "none");
    prerender.push(("sec-purpose", "prefetch;prerender"));
    let path = "/.login/idp/logout?post_logout_redirect_uri=https%3A%2F%2Fevil.example.com\
                &return=https://evil.example.com&rd=//evil.example.com&state=x";
    for (name, method, headers, expected) in [
        ("a foreign image", "GET", fetch("no-cors", "image", "cross-site"), 200),
        ("a foreign frame", "GET", fetch("navigate", "iframe", "cross-site"), 200),
        ("a foreign link", "GET", fetch("navigate", "document", "cross-site"), 200),
        ("a page of a sibling", "GET", fetch("navigate", "document", "same-site"), 200),
        ("an own image", "GET", fetch("no-cors", "image", "same-origin"), 200),
        ("an own frame", "GET", fetch("navigate", "iframe", "same-origin"), 200),
        ("an own script", "GET", fetch("cors", "empty", "same-origin"), 200),
        ("an own prefetch", "GET", prefetch, 200),
        ("a prerender", "GET", prerender, 200),
        ("who says nothing", "GET", vec![("accept", "text/html")], 200),
        ("a foreign form", "POST", vec![("origin", "https://evil.example.com")], 403),
        ("a form without a page", "POST", vec![("origin", "null")], 403),
        ("a form that says nothing", "POST", vec![], 403),
    ] {
        let stream = browser.send(&mut worker, method, path, &headers);
        let reply = worker.reply(stream);
        assert_eq!(reply.status, expected, "{name}");
        assert_eq!(header(reply, "set-cookie"), None, "{name}");
        assert!(!reply.body.contains("evil"), "{name}: {}", reply.body);
        assert_eq!(told(&mut worker, &browser), "forwarded", "{name}");
    }
    let mut other = Browser::default();
    log_in(&mut worker, &mut other);
    for (browser, method, headers) in [
        (&browser, "GET", fetch("navigate", "document", "same-origin")),
        (&other, "POST", vec![("origin", "https://portal.example.com")]),
    ] {
        let stream = browser.send(&mut worker, method, path, &headers);
        let reply = worker.reply(stream).clone();
        let to = location(&reply);
        assert!(to.starts_with("https://id.example.com/end?"), "{to}");
        assert!(!to.contains("evil") && parameter(to, "state").is_none(), "{to}");
        let back = parameter(to, "post_logout_redirect_uri");
        assert_eq!(back.as_deref(), Some("https://portal.example.com/.login/idp/signed-out"));
        world.wait(Duration::from_secs(1));
        assert_eq!(told(&mut worker, browser), "login_ended");
    }
}

#[test]
fn i24_codes_and_secrets_go_to_the_one_host_and_not_in_the_clear() {
    for (changes, why) in [
        (json!({ "token_endpoint": "http://id.example.com/token" }), "http where"),
        (json!({ "token_endpoint": "https://third.example.com/token" }), "third.example.com"),
        (json!({ "token_endpoint": "https://id.example.com@third.example.com/" }), "no URL"),
        (json!({ "token_endpoint": null }), "missing"),
        (json!({ "token_endpoint": 7 }), "no URL"),
        (json!({ "authorization_endpoint": "http://id.example.com/auth" }), "http where"),
        (json!({ "authorization_endpoint": "javascript:alert(1)" }), "no URL"),
    ] {
        let world = World::default();
        let mut worker = discovered(&world, &changes);
        let stream = Browser::default().visit(&mut worker, "/orders");
        let reply = worker.reply(stream);
        assert_eq!((reply.status, &*code(reply)), (503, "login_unavailable"), "{changes}");
        let line = worker.log.iter().rfind(|line| line.contains("login_unavailable")).unwrap();
        assert!(line.contains(why), "{changes}: {line}");
    }
    // Written by hand: on a third host it is refused before anybody logs in.
    for token in ["https://third.example.com/token", "https://id.example.com.evil.example/token"] {
        let mut config = config(&json!({ "host": "id.example.com" }));
        config["providers"]["idp"]["login"]["endpoints"]["token"] = json!(token);
        let problems = Config::parse(config.to_string().as_bytes()).expect_err(token);
        let all: String = problems.iter().map(|one| format!("{one}\n")).collect();
        assert!(all.contains("login.endpoints.token"), "{all}");
    }
    // By `http` it is warned about.
    let mut config = config(&json!({}));
    config["providers"]["idp"]["login"]["endpoints"]["token"] =
        json!("http://id.example.com/token");
    let world = World::default();
    let worker = Worker::new(&world, &config.to_string());
    let warned = |line: &String| line.contains("login.endpoints.token") && line.contains("http");
    assert!(worker.log.iter().any(warned), "{:?}", worker.log);
}

#[test]
fn a_person_is_told_by_a_page_wherever_a_login_ends() {
    // A page that cannot lead to the provider, a session that cannot be renewed, a cookie that does not
    // come back: whoever goes to a page sees one, and a script reads the same code.
    let world = World::default();
    let mut lost = discovered(&world, &json!({ "token_endpoint": "https://a.example/token" }));
    let stream = Browser::default().visit(&mut lost, "/orders");
    assert_eq!(code(lost.reply(stream)), "login_unavailable");
    assert!(lost.reply(stream).body.contains("href=\"/.login/idp/start\""));

    let world = World::default();
    let mut worker = worker(&world, &json!({ "session": { "grace": "0s" } }));
    let mut browser = Browser::default();
    log_in(&mut worker, &mut browser);
    world.wait(Duration::from_secs(301));
    for is_page in [true, false] {
        let headers = if is_page { &PAGE[..] } else { &SCRIPT };
        let stream = browser.send(&mut worker, "GET", "/orders", headers);
        if is_page {
            worker.tick();
            worker.answer(429, &[], "");
        }
        let reply = worker.reply(stream);
        assert_eq!(reply.status, 503);
        assert_eq!(code(reply), "login_unavailable");
        assert!(header(reply, "retry-after").is_some());
        assert!(!reply.body.contains("/start"), "nobody signs in again: {}", reply.body);
    }

    let mut browser = Browser::default();
    log_in(&mut worker, &mut browser);
    browser.0.retain(|name, _| name.ends_with("-b"));
    for expected in [302, 302, 400] {
        let stream = browser.visit(&mut worker, "/orders");
        let reply = worker.reply(stream).clone();
        assert_eq!(reply.status, expected);
        browser.keep(&reply);
        if expected == 400 {
            assert_eq!(&*code(&reply), "login_loop");
        }
    }
}

#[test]
fn what_is_odd_about_a_discovery_document_is_said_once_for_each() {
    let world = World::default();
    let elsewhere = json!({
        "code_challenge_methods_supported": ["S256"],
        "revocation_endpoint": "https://third.example.com/revoke",
        "pushed_authorization_request_endpoint": "http://id.example.com/par",
    });
    let mut worker = discovered(&world, &elsewhere);
    let mut other = Worker::new(&world, &by_discovery());
    other.tick();
    let said = |worker: &Worker<'_>| {
        let odd = worker.log.iter().filter(|line| line.contains("login_discovery_odd"));
        odd.cloned().collect::<Vec<_>>()
    };
    let lines = said(&worker);
    assert_eq!((lines.len(), said(&other).len()), (2, 0), "{lines:?}");
    assert!(lines[0].contains("`pushed_authorization_request_endpoint` on host"), "{lines:?}");
    assert!(lines[1].contains("`revocation_endpoint` is on host `third.example.com`"), "{lines:?}");
    assert!(lines[1].contains("providers.idp.login.endpoints"), "{lines:?}");
    // The same document once more says nothing new; another one does.
    let keys = json!({ "keys": [Signer::new("k1").jwk()] }).to_string();
    for (changes, expected) in
        [(&elsewhere, 2), (&json!({ "token_endpoint": "https://third.example.com/" }), 3)]
    {
        world.wait(Duration::from_secs(601));
        worker.tick();
        worker.answer(200, &[], &document(changes));
        worker.answer(200, &[], &keys);
        assert_eq!(said(&worker).len(), expected, "{:?}", worker.log);
    }
    assert!(said(&worker)[2].contains("nobody can log in: `token_endpoint`"), "{:?}", worker.log);
    // Nobody is told of a provider that logs nobody in.
    let mut config: Value = serde_json::from_str(&by_discovery()).unwrap();
    let idp = config["providers"]["idp"].as_object_mut().unwrap();
    idp.remove("login");
    idp.remove("from");
    idp.insert("audiences".to_owned(), json!(["api"]));
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    worker.tick();
    worker.answer(200, &[], &document(&elsewhere));
    worker.answer(200, &[], &keys);
    assert_eq!(said(&worker).len(), 0);
}
