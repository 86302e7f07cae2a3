//! What is tried against logins, through the whole engine. The names begin with the ids of the catalogue
//! of attacks; `login` and `login_refresh` hold the rest of it.

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use support::browser::{
    Browser, HOST, PAGE, SESSION, callback, config, header, id_token, location, log_in, parameter,
    start, tokens, worker,
};
use support::token::{ISSUER, NOW, Signer, Token};
use support::world::{Worker, World, code, upstream};
use tollgate::event::Reply;
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
        let mut left = Vec::new();
        for (name, (_, written)) in &set {
            let Some((value, removed)) = cleared.get(name) else {
                left.push(name.as_str());
                continue;
            };
            assert_eq!(value, "", "{name}");
            assert!(removed.iter().any(|one| one == "Max-Age=0"), "{name}: {removed:?}");
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
    assert!(tollgate::config::Config::parse(config.to_string().as_bytes()).is_err());
}
