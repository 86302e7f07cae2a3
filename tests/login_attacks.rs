//! What is tried against logins, through the whole engine. The names begin with the ids of the catalogue
//! of attacks; `login` and `login_refresh` hold the rest of it.

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::browser::{
    Browser, PAGE, callback, config, header, id_token, location, log_in, start, tokens,
};
use support::token::{NOW, Signer, Token};
use support::world::{Worker, World, code};
use tollgate::event::Reply;

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
