//! The operator's page through the whole engine: who may see it, what it says, and that it says the
//! same whichever worker is asked.
mod support;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use support::browser::{self, Browser};
use support::token::{Signer, Token, key_set};
use support::world::{Worker, World, head};
use tollgate::config::Config;
use tollgate::env::SharedData as _;
use tollgate::event::Reply;
use tollgate::verdict::Deny;

const KEY: &str = "the key of the page";
const API_KEY: &str = "an API key that is long enough";

fn hash(key: &str) -> String {
    Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A configuration with a bit of everything.
fn config() -> Value {
    json!({
        "providers": {
            "idp": { "issuer": "https://id.example.com/", "audiences": ["api"],
                     "jwks": { "url": "https://id.example.com/keys?secret=querysecret", "cluster": "idp",
                               "refresh": "10m", "max_stale": "1h" } },
            "partner": { "kind": "api_key", "from": [{ "header": "x-api-key" }], "keys": [
                { "name": "acme", "sha256": hash(API_KEY), "identity": "acme" },
                { "name": "off", "sha256": hash("2"), "identity": "off", "active": false },
                { "name": "over", "sha256": hash("3"), "identity": "over",
                  "expires": "2020-01-01T00:00:00Z" },
            ] },
        },
        "policies": { "reader": { "access": [{ "apis": ["orders"] }] }, "writer": {} },
        "apis": [
            { "name": "health", "match": { "paths": ["/health"] }, "auth": "none" },
            { "name": "reports", "match": { "paths": ["/reports/**"] }, "auth": ["idp"], "mode": "report" },
            { "name": "both", "match": { "paths": ["/both"] }, "auth": [["idp", "partner"]], "session_from": "idp" },
            { "name": "orders", "match": { "paths": ["/orders/**"] }, "auth": ["idp"], "optional": true,
              "rate": { "requests": 5000, "per": "1s" },
              "policies": { "default": ["reader"], "by_scope": { "orders:write": ["writer", "reader"] } } },
        ],
        "log": { "per_second": 1000 },
        "status": { "path": "/.tollgate", "key_sha256": [hash("another"), hash(KEY)], "ready": true },
    })
}

fn basic(user: &str, key: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{key}")))
}

/// What a worker answers to a request with these headers.
fn ask<'w>(
    worker: &'w mut Worker<'_>,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> &'w Reply {
    let stream = worker.request(head(method, path, headers));
    worker.reply(stream)
}

/// The facts as JSON.
fn facts(worker: &mut Worker<'_>, query: &str) -> Value {
    let (authorization, path) = (basic("ops", KEY), format!("/.tollgate{query}"));
    let headers = [("authorization", &*authorization), ("accept", "application/json")];
    let reply = ask(worker, "GET", &path, &headers);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(header(reply, "content-type"), Some("application/json"));
    serde_json::from_str(&reply.body).expect("JSON")
}

/// The page for people.
fn page(worker: &mut Worker<'_>, query: &str) -> String {
    let (authorization, path) = (format!("Bearer {KEY}"), format!("/.tollgate{query}"));
    let reply = ask(worker, "GET", &path, &[("authorization", &authorization)]);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(header(reply, "content-type"), Some("text/html; charset=utf-8"));
    reply.body.clone()
}

fn header<'r>(reply: &'r Reply, name: &str) -> Option<&'r str> {
    let mut found = reply.headers.iter().filter(|(known, _)| *known == name);
    let value = found.next().map(|(_, value)| value.as_str());
    assert!(found.next().is_none(), "{name} twice");
    value
}

fn expired() -> Token {
    Token::for_identity("alice").claim("exp", 1_600_000_000)
}

#[test]
fn the_page_opens_to_its_key_and_to_nothing_else() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config().to_string());
    let padded = format!("  {}", basic("", KEY));
    let right = [
        basic("", KEY),
        basic("anybody", KEY),
        basic("x", "another"),
        format!("Bearer {KEY}"),
        format!("bearer  {KEY} "),
        padded.trim_start().replace("Basic", "bASIC"),
    ];
    for authorization in &right {
        for (method, empty) in [("GET", false), ("HEAD", true)] {
            let reply = ask(&mut worker, method, "/.tollgate", &[("authorization", authorization)]);
            assert_eq!((reply.status, reply.body.is_empty()), (200, empty), "{authorization}");
        }
    }
    let mut bodies = Vec::new();
    let long = basic("", &"x".repeat(10_000));
    let wrong = [
        String::new(),
        "Basic".into(),
        basic("", ""),
        basic(KEY, ""),
        basic("", &format!("{KEY} ")),
        basic("", &hash(KEY)),
        format!("Basic {}", STANDARD.encode(KEY)),
        "Basic %%%%".into(),
        format!("Basic {KEY}"),
        "Bearer".into(),
        format!("Bearer {}", hash(KEY)),
        format!("Token {KEY}"),
        format!("{}, {}", basic("", "x"), basic("", KEY)),
        KEY.into(),
        long,
    ];
    for authorization in &wrong {
        let reply = ask(&mut worker, "GET", "/.tollgate", &[("authorization", authorization)]);
        assert_eq!(reply.status, 401, "{authorization}");
        assert_eq!(header(reply, "www-authenticate"), Some("Basic realm=\"api\""));
        bodies.push(reply.clone());
    }
    let (one, two) = (basic("", "x"), basic("", KEY));
    let twice = [("authorization", &*one), ("authorization", &*two)];
    bodies.push(ask(&mut worker, "GET", "/.tollgate", &twice).clone());
    bodies.push(ask(&mut worker, "GET", "/.tollgate", &[]).clone());
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "the same, whatever was wrong");
    assert_eq!(ask(&mut worker, "HEAD", "/.tollgate", &[]).body, "");
    // Nobody can have it open to an empty key.
    let mut open = config();
    open["status"]["key_sha256"] = json!([hash(KEY), hash("")]);
    let refused = Config::parse(open.to_string().as_bytes()).unwrap_err();
    let said: Vec<_> = refused.iter().map(|one| (one.code.name(), &*one.path)).collect();
    assert_eq!(said, [("hash_of_nothing", "status.key_sha256[1]")]);
}

#[test]
fn every_answer_is_kept_by_nobody_and_may_load_nothing_but_its_own_style() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config().to_string());
    let authorization = basic("", KEY);
    let with_key = [("authorization", &*authorization)];
    let json = [("authorization", &*authorization), ("accept", "application/json")];
    let origin = [("authorization", &*authorization), ("origin", "https://evil.example")];
    let cases = [
        ("GET", "/.tollgate", with_key.as_slice(), 200),
        ("GET", "/.tollgate", &json, 200),
        ("GET", "/.tollgate", &[], 401),
        ("POST", "/.tollgate", with_key.as_slice(), 405),
        ("OPTIONS", "/.tollgate", &origin, 405),
        ("GET", "/.tollgate", &origin, 403),
        ("GET", "/.tollgate/ready", &[], 503),
    ];
    for (method, path, headers, status) in cases {
        let reply = ask(&mut worker, method, path, headers);
        assert_eq!(reply.status, status, "{method} {path}");
        assert_eq!(header(reply, "cache-control"), Some("no-store"));
        assert_eq!(header(reply, "x-content-type-options"), Some("nosniff"));
        assert_eq!(header(reply, "referrer-policy"), Some("no-referrer"));
        let policy = header(reply, "content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        for part in ["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("script") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(header(reply, "allow"), (status == 405).then_some("GET, HEAD"));
        assert!(reply.headers.iter().all(|(name, _)| !name.starts_with("access-control")));
    }
    // The style that the policy lets in is the one that the page has, and there is no other.
    let reply = ask(&mut worker, "GET", "/.tollgate", &with_key).clone();
    let (_, rest) = reply.body.split_once("<style>").expect("a style");
    let (style, rest) = rest.split_once("</style>").expect("its end");
    let allowed = format!("style-src 'sha256-{}';", STANDARD.encode(Sha256::digest(style)));
    assert!(header(&reply, "content-security-policy").unwrap().contains(&allowed));
    for forbidden in ["<style", "<script", " style=", " onclick", "javascript:", "http-equiv"] {
        assert!(!rest.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn only_the_path_itself_is_the_page_whatever_the_host() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config().to_string());
    for path in [
        "/.tollgate",
        "/.tollgate/",
        "/.tollgate?code=token_expired",
        "/.tollgate?",
        "/%2etollgate",
        "/.toll%67ate/",
        "/.tollgate/ready",
        "/.tollgate/ready?x",
        "/.tollgate/%72eady",
    ] {
        let reply = ask(&mut worker, "GET", path, &[]);
        assert!([401, 503].contains(&reply.status), "{path}: {}", reply.status);
        assert!(!reply.body.contains("code"), "{path}: {}", reply.body);
    }
    for (path, code) in [
        ("/.tollgate/keys", "api_unknown"),
        ("/.tollgate/ready/x", "api_unknown"),
        ("/.tollgatex", "api_unknown"),
        ("/.Tollgate", "api_unknown"),
        ("/x/.tollgate", "api_unknown"),
        ("/.tollgate;x", "api_unknown"),
        ("//.tollgate", "path_ambiguous"),
        ("/.tollgate//", "path_ambiguous"),
        ("/./.tollgate", "path_ambiguous"),
        ("/x/../.tollgate", "path_ambiguous"),
        ("/.tollgate%2f", "path_ambiguous"),
        ("/.tollgate%2fready", "path_ambiguous"),
        ("/.tollgate%00", "path_ambiguous"),
        ("/.tollgate#", "path_ambiguous"),
        ("/%252etollgate", "api_unknown"),
    ] {
        let stream = worker.request(head("GET", path, &[]));
        assert_eq!(worker.verdict(stream), code, "{path}");
    }
    // Without `ready` that path is like any other.
    let mut closed = config();
    closed["status"]["ready"] = json!(false);
    let mut worker = Worker::new(&world, &closed.to_string());
    let stream = worker.request(head("GET", "/.tollgate/ready", &[]));
    assert_eq!(worker.verdict(stream), "api_unknown");
    // Without a page so is the page's.
    closed.as_object_mut().unwrap().remove("status");
    let mut worker = Worker::new(&world, &closed.to_string());
    let stream = worker.request(head("GET", "/.tollgate", &[]));
    assert_eq!(worker.verdict(stream), "api_unknown");
}

#[test]
fn the_page_is_no_request_of_an_api_and_a_wrong_key_is_logged_within_bounds() {
    let world = World::default();
    let mut small = config();
    small["log"]["per_second"] = json!(2);
    let mut worker = Worker::new(&world, &small.to_string());
    worker.log.clear();
    worker.counts.clear();
    page(&mut worker, "");
    ask(&mut worker, "GET", "/.tollgate", &[]);
    assert!(worker.log.is_empty(), "{:?}", worker.log);
    let guess = |worker: &mut Worker<'_>| {
        let wrong = [("authorization", "Bearer guess-number-one"), ("x-request-id", "r-1")];
        assert_eq!(ask(worker, "GET", "/.tollgate", &wrong).status, 401);
    };
    (0..5).for_each(|_| guess(&mut worker));
    assert_eq!(worker.log.len(), 2);
    for line in &worker.log {
        let line: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(
            (&line["event"], &line["request_id"]),
            (&json!("status_key_refused"), &json!("r-1"))
        );
        assert!(!line.to_string().contains("guess"), "{line}");
    }
    let counted: Vec<_> = worker.counts.iter().map(|(name, count)| (&**name, *count)).collect();
    assert_eq!(counted, [("tollgate_log_suppressed", 3)], "nothing else is counted");
    assert!(worker.notes.is_empty());
    assert!(facts(&mut worker, "")["refusals"].as_array().unwrap().is_empty());
    // Guesses leave room for refusals, and refusals for guesses.
    for _ in 0..5 {
        worker.request(head("GET", "/nowhere", &[]));
    }
    let events = |worker: &Worker<'_>| {
        let lines = worker.log.iter().map(|line| serde_json::from_str(line).expect("JSON"));
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let told =
            |line: Value| (word(&line["event"]), word(&line["of"]), line["suppressed"].clone());
        lines.map(told).collect::<Vec<(String, String, Value)>>()
    };
    let refused = ("request_denied".to_owned(), String::new(), Value::Null);
    assert_eq!(events(&worker).split_off(2), [refused.clone(), refused.clone()]);
    // What each left out is told apart: with the next line of its kind, or when there is room again.
    worker.log.clear();
    world.wait(Duration::from_secs(1));
    guess(&mut worker);
    worker.tick();
    let denied = |event: &str, of: &str| (event.to_owned(), of.to_owned(), json!(3));
    let told = events(&worker);
    assert_eq!(
        told[..2],
        [denied("status_key_refused", ""), denied("log_suppressed", "request_denied")]
    );
}

#[test]
fn a_refusal_shows_its_path_without_the_query_escaped_and_cut() {
    let long = format!("/{}", "x".repeat(400));
    let cut = format!("/{}...", "x".repeat(255));
    let whole = format!("/{}", "y".repeat(255));
    let cases = [
        // path, as it is shown
        ("/nowhere", "/nowhere"),
        ("/nowhere?access_token=secret#x", "/nowhere"),
        ("/a%2f../b;c//", "/a%2f../b;c//"),
        ("/caf\u{e9}\u{202e}\n\"", "/caf\\u{e9}\\u{202e}\\n\""),
        ("http://x/y", "http://x/y"),
        (&*long, &*cut),
        (&*whole, &*whole),
    ];
    for shows in [json!("plain"), json!("omit"), Value::Null] {
        let mut config = config();
        if !shows.is_null() {
            config["log"]["path"] = shows.clone();
        }
        let world = World::default();
        let mut worker = Worker::new(&world, &config.to_string());
        for (path, shown) in cases {
            worker.log.clear();
            let stream = worker.request(head("GET", path, &[]));
            assert_ne!(worker.verdict(stream), "forwarded", "{path}");
            let line: Value = serde_json::from_str(&worker.log[0]).expect("JSON");
            let told = facts(&mut worker, "")["refusals"][0]["path"].clone();
            let expected = if shows == "omit" { Value::Null } else { json!(shown) };
            assert_eq!((&line["path"], &told), (&expected, &expected), "{path}, {shows}");
            assert!(!worker.log[0].contains("secret"), "{}", worker.log[0]);
        }
        // A target that has no path shows none.
        worker.log.clear();
        worker.request(head("GET", "?x", &[]));
        let line: Value = serde_json::from_str(&worker.log[0]).expect("JSON");
        assert_eq!(line["code"], "path_ambiguous");
        assert_eq!(line["path"], if shows == "omit" { Value::Null } else { json!("") });
    }
}

#[test]
fn accept_chooses_the_form() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config().to_string());
    let authorization = basic("", KEY);
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for (accept, form) in [
        ("application/json", "application/json"),
        ("Application/JSON; q=0.9, */*", "application/json"),
        ("text/plain, application/json", "application/json"),
        ("application/json, text/html", "text/html; charset=utf-8"),
        ("application/jsonp", "text/html; charset=utf-8"),
        // Weights: what is wanted most, and what is not wanted at all.
        ("application/json;q=0", "text/html; charset=utf-8"),
        ("application/json; q=0.000, */*", "text/html; charset=utf-8"),
        ("application/json;Q=0", "text/html; charset=utf-8"),
        ("application/json;q=0.", "text/html; charset=utf-8"),
        ("application/json;version=1;q=0", "text/html; charset=utf-8"),
        ("application/json;q=0.001", "application/json"),
        ("application/json;q=1.", "application/json"),
        ("application/json;q=1.000;x=y", "application/json"),
        ("application/json, text/html;q=0.9", "application/json"),
        ("text/html;q=0.89, application/json;q=0.9", "application/json"),
        ("text/html;q=0, application/json;q=0.1", "application/json"),
        ("application/json;q=0.9, text/html", "text/html; charset=utf-8"),
        ("application/json;q=0.3, text/html;q=0.30", "text/html; charset=utf-8"),
        ("application/json;q=0, application/json", "application/json"),
        // What is no weight is no wish (RFC 9110 §12.4.2).
        ("application/json;q=1.5", "text/html; charset=utf-8"),
        ("application/json;q=1.001", "text/html; charset=utf-8"),
        ("application/json;q=0.0001", "text/html; charset=utf-8"),
        ("application/json;q=2", "text/html; charset=utf-8"),
        ("application/json;q=-1", "text/html; charset=utf-8"),
        ("application/json;q=+1", "text/html; charset=utf-8"),
        ("application/json;q=", "text/html; charset=utf-8"),
        ("application/json;q=.5", "text/html; charset=utf-8"),
        ("application/json;q=high", "text/html; charset=utf-8"),
        (browser, "text/html; charset=utf-8"),
        ("*/*", "text/html; charset=utf-8"),
        ("", "text/html; charset=utf-8"),
    ] {
        for method in ["GET", "HEAD"] {
            let headers = [("authorization", &*authorization), ("accept", accept)];
            let reply = ask(&mut worker, method, "/.tollgate", &headers);
            assert_eq!(header(reply, "content-type"), Some(form), "{method} {accept}");
        }
    }
    // A link cannot say what it accepts.
    for (query, form) in [
        ("?form=json", "application/json"),
        ("?code=token_expired&form=json", "application/json"),
        ("?form=", "text/html; charset=utf-8"),
        ("?form=JSON", "text/html; charset=utf-8"),
        ("?xform=json", "text/html; charset=utf-8"),
    ] {
        let headers = [("authorization", &*authorization), ("accept", browser)];
        let reply = ask(&mut worker, "GET", &format!("/.tollgate{query}"), &headers);
        assert_eq!(header(reply, "content-type"), Some(form), "{query}");
    }
}

#[test]
fn the_access_log_has_a_word_for_every_answer_of_the_page() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config().to_string());
    let right = basic("", KEY);
    let key = [("authorization", &*right)];
    let cases: [(_, _, &[(&str, &str)], _); 8] = [
        ("GET", "/.tollgate", &key, "tollgate_status"),
        ("HEAD", "/.tollgate", &key, "tollgate_status"),
        ("GET", "/.tollgate", &[], "tollgate_status_unauthorized"),
        ("GET", "/.tollgate", &[("authorization", "Bearer x")], "tollgate_status_unauthorized"),
        ("GET", "/.tollgate", &[("origin", "https://a")], "tollgate_status_origin_refused"),
        ("POST", "/.tollgate", &key, "tollgate_status_method_refused"),
        ("POST", "/.tollgate/ready", &[], "tollgate_status_method_refused"),
        ("GET", "/.tollgate/ready", &[], "tollgate_not_ready"),
    ];
    let mut told: Vec<_> = cases
        .iter()
        .map(|(method, path, headers, details)| {
            assert_eq!(
                ask(&mut worker, method, path, headers).details,
                *details,
                "{method} {path}"
            );
            *details
        })
        .collect();
    worker.fetch(&key_set(&[&Signer::new("k1")]));
    assert_eq!(ask(&mut worker, "GET", "/.tollgate/ready", &[]).details, "tollgate_ready");
    told.push("tollgate_ready");
    let documented = include_str!("../docs/metrics.md");
    for details in told {
        assert!(Deny::ALL.iter().all(|deny| format!("tollgate_{}", deny.code()) != details));
        assert!(documented.contains(&format!("`{details}`")), "docs/metrics.md lacks {details}");
    }
}

#[test]
fn every_worker_tells_the_same() {
    let world = World::default();
    let signer = Signer::new("k1");
    let text = config().to_string();
    let mut workers =
        [Worker::new(&world, &text), Worker::new(&world, &text), Worker::new(&world, &text)];
    workers[0].fetch(&key_set(&[&signer]));
    world.wait(Duration::from_secs(1));
    let good = signer.sign(&Token::for_identity("alice"));
    let late = signer.sign(&expired().header("kid", "k1"));
    workers[1].tick();
    workers[1].get(&good);
    workers[1].get(&late);
    workers[0].get("no token");
    workers[2].tick();
    let reported = [("authorization", &*format!("Bearer {late}"))];
    workers[2].request(head("GET", "/reports/1", &reported));
    workers.iter_mut().for_each(Worker::tick);
    for (gauge, value) in [("tollgate_session_records", 7), ("tollgate_limit_records", 9)] {
        world.totals.gauges.borrow_mut().insert(gauge.into(), value);
    }
    let told: Vec<_> = workers.iter_mut().map(|worker| facts(worker, "")).collect();
    let shown: Vec<_> = workers.iter_mut().map(|worker| page(worker, "")).collect();
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:#?}");
    assert!(shown.windows(2).all(|pair| pair[0] == pair[1]));
    let facts = &told[0];
    assert_eq!(facts["counts"]["allowed"], 1);
    assert_eq!(facts["counts"]["denied"], json!({ "token_expired": 1, "token_malformed": 1 }));
    assert_eq!(facts["counts"]["would_deny"], json!({ "token_expired": 1 }));
    let orders = &facts["apis"][3];
    assert_eq!((&orders["allowed"], &orders["denied"]), (&json!(1), &json!(2)));
    assert_eq!(facts["providers"][0]["allowed"], 1);
    let used = |table: &str| &facts["records"][table]["used"];
    assert_eq!((used("sessions"), used("limits")), (&json!(7), &json!(9)));
    let codes: Vec<_> =
        facts["refusals"].as_array().unwrap().iter().map(|one| &one["code"]).collect();
    assert_eq!(codes, ["token_expired", "token_malformed", "token_expired"], "newest first");
    let newest = &facts["refusals"][0];
    for (member, value) in [
        ("mode", "report"),
        ("api", "reports"),
        ("provider", "idp"),
        ("kid", "k1"),
        ("iss", "https://id.example.com/"),
        ("step", "claims"),
        ("at", "2027-01-15T08:00:01Z"),
    ] {
        assert_eq!(newest[member], value, "{newest}");
    }
    assert!(newest["reason"].as_str().unwrap().contains("exp"), "{newest}");
    assert!(newest["remedy"].as_str().unwrap().len() > 20, "{newest}");
}

#[test]
fn the_facts_are_those_of_the_configuration_and_of_the_shared_records() {
    let world = World::default();
    let text = config().to_string();
    let mut worker = Worker::new(&world, &text);
    let before = facts(&mut worker, "");
    let set = &before["providers"][0]["key_sets"][0];
    assert_eq!(set["fetch"]["state"], "never");
    assert_eq!((&set["fetch"]["at"], &set["fetch"]["failure"]), (&Value::Null, &Value::Null));
    assert_eq!(before["ready"], false);
    worker.tick();
    worker.answer(503, &[], "the provider's own words");
    let mut other = Worker::new(&world, &text);
    let failed = facts(&mut other, "");
    let fetch = &failed["providers"][0]["key_sets"][0]["fetch"];
    assert_eq!(fetch["failing"], true);
    let reason = fetch["failure"]["reason"].as_str().unwrap();
    assert_eq!(reason, "status 503 with `the provider's own words`");
    assert_eq!(fetch["failure"]["at"], "2027-01-15T08:00:00Z");
    // What to do stands beside it, by the names of the configuration and as in the log.
    let remedy = fetch["failure"]["remedy"].as_str().unwrap();
    assert!(remedy.contains("`providers.idp.jwks"), "{remedy}");
    let line = worker.log.iter().find(|line| line.contains("keys_fetch_failed")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(line).unwrap()["remedy"], remedy);
    let html = page(&mut other, "");
    assert!(
        html.contains("<dt>last failure</dt>") && html.contains("<code>providers.idp.jwks"),
        "{html}"
    );
    world.wait(Duration::from_secs(5));
    worker.fetch(&key_set(&[&Signer::new("k1"), &Signer::new("k2")]));
    world.wait(Duration::from_secs(90));
    let facts = facts(&mut other, "");
    let config = Config::parse(text.as_bytes()).unwrap();
    let hash: String = config.hash.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hash, self::hash(&text));
    assert_eq!(facts["configuration"].as_str(), hash.get(..12));
    assert_eq!(facts["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((&facts["instance"], &facts["mode"]), (&json!("root"), &json!("enforce")));
    assert_eq!((&facts["verifier"], &facts["ready"]), (&json!("wasm"), &json!(true)));
    let provider = &facts["providers"][0];
    assert_eq!((&provider["name"], &provider["kind"]), (&json!("idp"), &json!("jwt")));
    assert_eq!(provider["issuers"], json!(["https://id.example.com/"]));
    let set = &provider["key_sets"][0];
    assert_eq!(
        set["keys"],
        json!([
            { "kid": "k1", "kind": "Ed25519", "alg": "EdDSA" },
            { "kid": "k2", "kind": "Ed25519", "alg": "EdDSA" },
        ])
    );
    let fetch = &set["fetch"];
    assert_eq!((&fetch["state"], &fetch["failing"]), (&json!("fresh"), &json!(false)));
    assert_eq!((&fetch["at"], &fetch["age_seconds"]), (&json!("2027-01-15T08:00:05Z"), &json!(90)));
    assert_eq!(fetch["stale_at"], "2027-01-15T09:00:05Z");
    assert_eq!(fetch["url"], "https://id.example.com/keys", "a query may hold a secret");
    assert_eq!(fetch["cluster"], "idp");
    assert_eq!(fetch["failure"]["at"], "2027-01-15T08:00:00Z", "the last failure stays");
    let partner = &facts["providers"][1];
    assert_eq!(
        partner["api_keys"],
        json!({ "total": 3, "active": 1, "inactive": 1, "expired": 1 })
    );
    let apis = facts["apis"].as_array().unwrap();
    let short =
        |api: &Value| [&api["name"], &api["mode"], &api["auth"]].map(Value::to_string).join(" ");
    assert_eq!(
        apis.iter().map(short).collect::<Vec<_>>(),
        [
            r#""health" "enforce" []"#,
            r#""reports" "report" ["idp"]"#,
            r#""both" "enforce" ["idp + partner"]"#,
            r#""orders" "enforce" ["idp"]"#,
        ]
    );
    assert_eq!(apis[3]["policies"], json!(["writer", "reader"]));
    assert_eq!((&apis[3]["rate"], &apis[3]["optional"]), (&json!("5000 in 1s"), &json!(true)));
    assert_eq!(apis[0]["policies"], Value::Null);
    assert_eq!(facts["records"]["sessions"]["capacity"], 65_536);
    let fields: Vec<_> =
        facts["warnings"].as_array().unwrap().iter().map(|one| &one["field"]).collect();
    assert!(fields.contains(&&json!("apis[1].mode")), "{fields:?}");
    world.wait(Duration::from_hours(2));
    assert_eq!(
        self::facts(&mut other, "")["providers"][0]["key_sets"][0]["fetch"]["state"],
        "stale"
    );
    // A host that does not count is not taken for one that counted nothing.
    world.totals.absent.set(true);
    assert_eq!(self::facts(&mut other, "")["counts"]["denied"], Value::Null);
    assert!(page(&mut other, "").contains("unknown"));
}

#[test]
fn the_list_of_revocations_shows_its_last_failure_with_what_to_do() {
    let world = World::default();
    let mut with_list = config();
    with_list["revoked"] = json!({ "url": "https://ops.example.com/revoked", "cluster": "ops" });
    let text = with_list.to_string();
    let mut worker = Worker::new(&world, &text);
    worker.tick();
    worker.answer(200, &[], &key_set(&[&Signer::new("k1")]));
    worker.answer(503, &[], "its own words");
    let mut other = Worker::new(&world, &text);
    let facts = facts(&mut other, "");
    assert_eq!(facts["providers"][0]["key_sets"][0]["fetch"]["failure"], Value::Null);
    let failure = &facts["revocations"]["fetch"]["failure"];
    assert_eq!(failure["reason"], "status 503 with `its own words`", "{failure}");
    let remedy = failure["remedy"].as_str().unwrap();
    assert!(remedy.contains("`revoked.cluster`"), "{remedy}");
    let line = worker.log.iter().find(|line| line.contains("revocations_fetch_failed")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(line).unwrap()["remedy"], remedy, "as in the log");
    let html = page(&mut other, "");
    assert!(html.contains("<dt>remedy</dt>") && html.contains("<code>revoked.cluster"), "{html}");
}

#[test]
fn ready_says_whether_requests_can_be_judged_and_nothing_else() {
    let world = World::default();
    let mut with_list = config();
    with_list["revoked"] = json!({ "url": "https://ops.example.com/revoked", "cluster": "ops",
                                   "max_stale": "30m", "refresh": "10m" });
    let mut worker = Worker::new(&world, &with_list.to_string());
    let ready = |worker: &mut Worker<'_>| {
        let reply = ask(worker, "GET", "/.tollgate/ready", &[]);
        (reply.status, reply.body.clone())
    };
    let (yes, no) = ((200, "ready\n".to_owned()), (503, "not ready\n".to_owned()));
    assert_eq!(ready(&mut worker), no);
    worker.tick();
    worker.answer(200, &[], &key_set(&[&Signer::new("k1")]));
    assert_eq!(ready(&mut worker), no, "nobody can tell what is revoked");
    worker.answer(200, &[], r#"{"entries":[]}"#);
    assert_eq!(ready(&mut worker), yes);
    for (method, status) in [("HEAD", 200), ("POST", 405), ("OPTIONS", 405)] {
        let reply = ask(&mut worker, method, "/.tollgate/ready", &[]);
        assert_eq!(reply.status, status, "{method}");
    }
    assert_eq!(ask(&mut worker, "HEAD", "/.tollgate/ready", &[]).body, "");
    let mut other = Worker::new(&world, &with_list.to_string());
    assert_eq!(ready(&mut other), yes, "what another worker published");
    world.wait(Duration::from_mins(31));
    assert_eq!(ready(&mut worker), no, "the list is stale");
    with_list["revoked"]["on_stale"] = json!("allow");
    let mut lenient = Worker::new(&world, &with_list.to_string());
    assert_eq!(ready(&mut lenient), yes);
    world.wait(Duration::from_mins(30));
    assert_eq!(ready(&mut lenient), no, "the keys are stale");
    assert_eq!(facts(&mut lenient, "")["ready"], false);
}

/// The listed refusals, as code, API and count.
fn listed(facts: &Value) -> Vec<(String, String, u64)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let refusals = facts["refusals"].as_array().unwrap().iter();
    refusals
        .map(|one| (text(&one["code"]), text(&one["api"]), one["count"].as_u64().unwrap()))
        .collect()
}

/// So many APIs beside those of [`config`], each of which asks for a credential.
fn with_apis(count: u32) -> Value {
    let mut config = config();
    let apis = (0..count).map(|number| {
        json!({ "name": format!("api{number}"), "auth": ["idp"],
                "match": { "paths": [format!("/api{number}")] } })
    });
    config["apis"].as_array_mut().unwrap().extend(apis);
    config
}

#[test]
fn equal_refusals_are_one_record_with_their_count_and_its_first_and_last_time() {
    let world = World::default();
    let text = config().to_string();
    let mut workers = [Worker::new(&world, &text), Worker::new(&world, &text)];
    workers[0].fetch(&key_set(&[&Signer::new("k1")]));
    workers[1].tick();
    workers[0].get("the one of the morning");
    world.wait(Duration::from_hours(3));
    for number in 0..80_u32 {
        world.wait(Duration::from_secs(1));
        let (id, path) = (format!("request-{number}"), format!("/unknown/{number}"));
        let host = format!("host{number}.example.com");
        let request = head("GET", &path, &[("x-request-id", &id), ("host", &host)]);
        workers[usize::from(number % 3 == 0)].request(request);
    }
    for worker in &mut workers {
        let facts = facts(worker, "");
        let expected = [("api_unknown", "", 80), ("token_malformed", "orders", 1)];
        let expected = expected.map(|(code, api, count)| (code.to_owned(), api.to_owned(), count));
        assert_eq!(listed(&facts), expected);
        let newest = &facts["refusals"][0];
        assert_eq!(newest["request_id"], "request-79", "what is told is the newest's");
        assert_eq!(newest["first_at"], "2027-01-15T11:00:01Z");
        assert_eq!(newest["at"], "2027-01-15T11:01:20Z");
        let morning = &facts["refusals"][1];
        assert_eq!((&morning["first_at"], &morning["at"]), (&morning["at"], &morning["at"]));
    }
    let html = page(&mut workers[1], "");
    assert!(html.contains("80 times") && html.contains("request-79"), "{html}");
}

#[test]
fn what_is_quoted_or_numbered_in_a_reason_makes_no_record_of_its_own() {
    let world = World::default();
    let signer = Signer::new("k1");
    let mut worker = Worker::new(&world, &config().to_string());
    worker.fetch(&key_set(&[&signer]));
    let mut expected = std::collections::BTreeMap::new();
    for number in 0..40_u32 {
        let text = format!("value-{number} `with` \"quotes\", {number} of them");
        let token = |token: Token| signer.sign(&token.header("kid", "k1"));
        let age = u64::from(number) * 40_000;
        for (code, token) in [
            (
                "token_expired",
                token(Token::for_identity("alice").claim("exp", 1_600_000_000 + age)),
            ),
            ("token_audience_mismatch", token(Token::for_identity("alice").claim("aud", &*text))),
            ("token_issuer_unknown", token(Token::for_identity("alice").claim("iss", &*text))),
            (
                "token_not_yet_valid",
                token(Token::for_identity("a").claim("nbf", 1_900_000_000 + age)),
            ),
        ] {
            let stream = worker.get(&token);
            assert_eq!(worker.verdict(stream), code, "{number}");
            *expected.entry(code.to_owned()).or_insert(0) += 1;
        }
    }
    let told = listed(&facts(&mut worker, ""));
    let found: std::collections::BTreeMap<_, _> =
        told.iter().map(|(code, _, count)| (code.clone(), *count)).collect();
    assert_eq!(found, expected, "{told:?}");
    assert_eq!(told.len(), 4, "{told:?}");
}

#[test]
fn a_code_keeps_its_place_whatever_comes_of_the_others_and_no_key_is_made_beyond_64() {
    let world = World::default();
    let text = with_apis(300).to_string();
    let mut workers = [Worker::new(&world, &text), Worker::new(&world, &text)];
    workers[0].fetch(&key_set(&[&Signer::new("k1")]));
    workers[1].tick();
    workers[0].get("the one of the morning");
    world.wait(Duration::from_hours(3));
    let mut keys = 0;
    for number in 0..300_u32 {
        world.wait(Duration::from_secs(1));
        let id = format!("request-{number}");
        let request = head("GET", &format!("/api{number}"), &[("x-request-id", &id)]);
        workers[usize::from(number % 3 == 0)].request(request);
        if number == 63 {
            keys = world.store.keys().len();
        }
    }
    assert_eq!(world.store.keys().len(), keys);
    let ring = |key: &&String| key.starts_with("tg1/refusal/");
    assert_eq!(world.store.keys().iter().filter(ring).count(), 64);
    let told = listed(&facts(&mut workers[0], ""));
    assert_eq!(told.len(), 64);
    assert_eq!((&*told[0].0, &*told[0].1), ("credential_missing", "api299"), "newest first");
    assert_eq!((&*told[62].0, &*told[62].1), ("credential_missing", "api237"));
    assert_eq!((&*told[63].0, told[63].2), ("token_malformed", 1), "the one of the morning");
    let html = page(&mut workers[1], "");
    assert!(html.contains("request-237") && html.contains("54 older"), "{html}");
    assert!(!html.contains("request-236"));
    // A second code with as many reasons leaves each its half, and the morning's one its place.
    for number in 0..300_u32 {
        workers[0].request(head(
            "GET",
            &format!("/api{number}"),
            &[("authorization", "Bearer a.b")],
        ));
    }
    let told = listed(&facts(&mut workers[1], ""));
    let of = |code: &str| told.iter().filter(|one| one.0 == code).count();
    assert_eq!((of("credential_missing"), of("token_malformed")), (32, 32));
}

#[test]
fn a_flood_that_the_log_leaves_out_is_counted_and_hides_no_other_code() {
    let world = World::default();
    let mut quiet = config();
    quiet["log"]["per_second"] = json!(3);
    let mut workers =
        [Worker::new(&world, &quiet.to_string()), Worker::new(&world, &quiet.to_string())];
    workers[0].fetch(&key_set(&[&Signer::new("k1")]));
    let before = world.store.writes();
    for number in 0..50 {
        workers[0].request(head("GET", &format!("/nowhere/{number}"), &[]));
    }
    assert_eq!(world.store.writes() - before, 8, "four of them are written: an index and a record");
    workers[0].get("no token");
    let logged = workers[0].log.iter().filter(|line| line.contains("request_denied")).count();
    assert_eq!(logged, 3, "the log has its budget");
    let told = |worker: &mut Worker<'_>| {
        listed(&facts(worker, ""))
            .into_iter()
            .map(|(code, _, count)| (code, count))
            .collect::<Vec<_>>()
    };
    let newest = ("token_malformed".to_owned(), 1);
    let other = told(&mut workers[1]);
    assert_eq!(
        other,
        [newest.clone(), ("api_unknown".to_owned(), 4)],
        "the rest comes with a tick"
    );
    workers[0].tick();
    let (mine, other) = (told(&mut workers[0]), told(&mut workers[1]));
    assert_eq!(mine, other);
    assert_eq!(mine, [("api_unknown".to_owned(), 50), newest], "all are counted");
    // Whoever is asked tells what it has not yet told the others.
    for _ in 0..10 {
        workers[0].request(head("GET", "/nowhere", &[]));
    }
    assert_eq!(told(&mut workers[0])[0].1, 60);
    assert_eq!(told(&mut workers[1])[0].1, 60);
    // Without a page nobody pays.
    let elsewhere = World::default();
    quiet.as_object_mut().unwrap().remove("status");
    let mut worker = Worker::new(&elsewhere, &quiet.to_string());
    worker.tick();
    let before = elsewhere.store.writes();
    for _ in 0..9 {
        worker.request(head("GET", "/nowhere", &[]));
    }
    assert_eq!(elsewhere.store.writes(), before);
}

#[test]
fn filters_of_another_instance_keep_their_refusals_to_themselves() {
    let world = World::default();
    let mut other = config();
    other["instance"] = json!("other");
    let mut workers =
        [Worker::new(&world, &config().to_string()), Worker::new(&world, &other.to_string())];
    workers[0].request(head("GET", "/nowhere", &[("x-request-id", "mine")]));
    workers[1].request(head("GET", "/nowhere", &[("x-request-id", "theirs")]));
    for (worker, id) in workers.iter_mut().zip(["mine", "theirs"]) {
        let facts = facts(worker, "");
        assert_eq!(facts["refusals"].as_array().unwrap().len(), 1);
        assert_eq!(facts["refusals"][0]["request_id"], id);
        assert_eq!(facts["refusals"][0]["count"], 1);
    }
}

#[test]
fn a_code_in_the_query_chooses_what_is_listed() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config().to_string());
    worker.request(head("GET", "/nowhere", &[]));
    worker.request(head("GET", "//", &[]));
    let listed = |facts: &Value| listed(facts).len();
    let all = facts(&mut worker, "");
    assert_eq!((listed(&all), &all["code"]), (2, &Value::Null));
    let some = facts(&mut worker, "?code=api_unknown");
    assert_eq!((listed(&some), &some["code"]), (1, &json!("api_unknown")));
    assert_eq!(some["counts"], all["counts"]);
    let none = facts(&mut worker, "?code=token_expired");
    assert_eq!(listed(&none), 0);
    for odd in [
        "?code=",
        "?code=%3Cscript%3E",
        "?code=nothing",
        "?Code=api_unknown",
        "?code=api_unknown%00",
    ] {
        assert_eq!(facts(&mut worker, odd), all, "{odd}");
        assert!(!page(&mut worker, odd).contains("script"), "{odd}");
    }
    let html = page(&mut worker, "?code=api_unknown");
    assert_eq!(html.matches("<details").count(), 1);
    assert!(html.contains(r#"href="/.tollgate?code=path_ambiguous#refusals""#), "{html}");
}

#[test]
fn no_secret_and_no_whole_identity_is_on_the_page() {
    let world = World::default();
    let signer = Signer::new("k1");
    for (shown, expected) in [("plain", Some("a-very-l…")), ("hash", None), ("omit", None)] {
        let mut config = config();
        config["log"]["identity"] = json!(shown);
        config["instance"] = json!(shown);
        config["policies"]["reader"]["active"] = json!(false);
        let mut worker = Worker::new(&world, &config.to_string());
        if !world.store.keys().iter().any(|key| key.starts_with("tg1/set/")) {
            worker.fetch(&key_set(&[&signer]));
        }
        let identity = "a-very-long-identity@example.com";
        let token = signer.sign(&Token::for_identity(identity));
        let stream = worker.get(&token);
        assert_eq!(worker.verdict(stream), "session_inactive");
        let forged = format!("{token}x");
        worker.get(&forged);
        worker.request(head(
            "GET",
            "/both",
            &[("x-api-key", API_KEY), ("authorization", &format!("Bearer {token}"))],
        ));
        worker.request(head("GET", "/both", &[("x-api-key", "a wrong API key")]));
        let (json, html) = (facts(&mut worker, ""), page(&mut worker, ""));
        let refusals = json["refusals"].as_array().unwrap();
        let inactive = refusals.iter().find(|one| one["code"] == "session_inactive").unwrap();
        match (shown, expected) {
            ("hash", _) => {
                assert_eq!(inactive["identity"], format!("{}…", hash(identity).get(..8).unwrap()))
            }
            (_, expected) => assert_eq!(inactive["identity"].as_str(), expected),
        }
        let json = json.to_string();
        for secret in [
            &token,
            &forged,
            API_KEY,
            "a wrong API key",
            KEY,
            &hash(KEY),
            &hash(API_KEY),
            identity,
            "querysecret",
        ] {
            for text in [&json, &html] {
                assert!(!text.contains(secret), "{secret} in {text}");
                assert!(!text.contains(token.rsplit('.').next().unwrap()), "a signature in {text}");
            }
        }
    }
}

#[test]
fn whatever_strangers_write_stays_text() {
    let world = World::default();
    let evil = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&amp;\u{202e}\u{0}\n";
    let signer = Signer::new("k1");
    let mut config = config();
    let issuer = format!("https://id.example.com/{}", evil.replace(['\u{0}', '\n'], ""));
    config["providers"]["idp"]["issuer"] = json!(issuer);
    config["instance"] = json!("<b>instance</b>");
    config["realm"] = json!("<realm>");
    config["providers"]["partner"]["keys"][1]["name"] = json!("off");
    let mut worker = Worker::new(&world, &config.to_string());
    worker.tick();
    let mut hostile = signer.jwk();
    hostile["kid"] = json!("<script>kid</script>");
    worker.answer(200, &[], &json!({ "keys": [hostile] }).to_string());
    for claim in ["sub", "iss", "aud"] {
        for kid in ["k1", evil, "<script>kid</script>"] {
            let token = Token::for_identity("alice").claim("iss", &*issuer).claim(claim, evil);
            worker.get(&signer.sign(&token.header("kid", kid)));
        }
    }
    world.wait(Duration::from_secs(60));
    worker.request(head("GET", "/nowhere", &[(":authority", evil), ("x-request-id", evil)]));
    let html = page(&mut worker, "");
    for tag in ["<script", "<img", "<b>instance", "onerror=alert(1)>", "\u{202e}", "\u{0}"] {
        assert!(!html.contains(tag), "{tag} in {html}");
    }
    assert!(html.contains("&lt;script&gt;kid&lt;/script&gt;"), "{html}");
    assert!(html.contains("&lt;b&gt;instance&lt;/b&gt;"), "{html}");
    assert_well_formed(&html);
    facts(&mut worker, "");
}

/// Every element that is opened is closed, in order, and every attribute is quoted.
fn assert_well_formed(html: &str) {
    let mut open = Vec::new();
    let (_, body) = html.split_once("</style>").unwrap();
    open.extend(["html", "head"]);
    for tag in body.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').unwrap_or_else(|| panic!("no end: {tag}"));
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
        } else {
            let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
            assert!(name.bytes().all(|b| b.is_ascii_alphanumeric()), "{tag}");
            assert_eq!(attributes.matches('"').count() % 2, 0, "{tag}");
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn lists_are_bounded_and_say_how_much_they_leave_out() {
    let world = World::default();
    let mut config = config();
    let apis: Vec<_> = (0..900)
        .map(|number| {
            json!({ "name": format!("api{number}"), "match": { "paths": [format!("/{number}")] },
                              "auth": "none" })
        })
        .collect();
    config["apis"] = json!(apis);
    config.as_object_mut().unwrap().remove("policies");
    let mut worker = Worker::new(&world, &config.to_string());
    let facts = facts(&mut worker, "");
    let shown = facts["apis"].as_array().unwrap().len();
    assert!((400..=500).contains(&shown), "{shown}");
    assert!(facts["omitted"].as_u64().unwrap() >= 400, "{}", facts["omitted"]);
    assert!(page(&mut worker, "").contains("Not shown"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_others_wrote_into_the_store_harms_nothing(
        values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 8),
        place in 0_usize..9,
        cut in 0_usize..800,
        flip in 0_usize..800,
    ) {
        let world = World::default();
        let mut worker = Worker::new(&world, &with_apis(8).to_string());
        worker.fetch(&key_set(&[&Signer::new("k1")]));
        for number in 0..8 {
            worker.request(head("GET", &format!("/api{number}"), &[]));
        }
        let keys: Vec<_> = world.store.keys().into_iter().filter(|key| key.contains("refusal")).collect();
        prop_assert_eq!(keys.len(), 9);
        // One record is only cut, or has a byte that is another; or it is what tells of all.
        let last = keys.get(place).unwrap();
        let before = world.store.get(last).value.unwrap();
        for (key, value) in keys.iter().zip(&values) {
            world.store.force(key, value);
        }
        let mut record = before;
        record.truncate(cut.max(1));
        if let Some(byte) = record.get_mut(flip) {
            *byte ^= 0xff;
        }
        world.store.force(last, &record);
        let told = facts(&mut worker, "");
        prop_assert!(told["refusals"].as_array().unwrap().len() <= 9);
        assert_well_formed(&page(&mut worker, ""));
        worker.request(head("GET", "/nowhere", &[("x-request-id", "after")]));
        world.wait(Duration::from_secs(1));
        worker.request(head("GET", "/nowhere", &[("x-request-id", "later")]));
        let told = facts(&mut worker, "");
        let ids: Vec<_> =
            told["refusals"].as_array().unwrap().iter().map(|one| one["request_id"].as_str()).collect();
        prop_assert!(ids.contains(&Some("later")), "{told}");
    }
}

#[test]
fn a_store_that_is_contended_or_absent_costs_the_list_and_nothing_else() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config().to_string());
    world.store.losses.set(4);
    let stream = worker.request(head("GET", "/nowhere", &[]));
    assert_eq!(worker.verdict(stream), "api_unknown");
    world.store.losses.set(3);
    worker.request(head("GET", "/nowhere", &[]));
    assert_eq!(facts(&mut worker, "")["refusals"].as_array().unwrap().len(), 1);
    world.store.absent.set(true);
    let stream = worker.request(head("GET", "/nowhere", &[]));
    assert_eq!(worker.verdict(stream), "api_unknown");
    assert_eq!(facts(&mut worker, "")["counts"]["denied"]["api_unknown"], 3);
}

#[test]
fn calls_of_older_revisions_are_counted_where_there_is_an_api_of_mcp() {
    let world = World::default();
    let mut without = Worker::new(&world, &config().to_string());
    assert_eq!(facts(&mut without, "")["counts"].get("mcp_legacy"), None);
    assert!(!page(&mut without, "").contains("Older calls of MCP"));
    assert_eq!(without.counts.get("tollgate_mcp_legacy"), None, "to ask would create it");
    let mut all = config();
    all["apis"][3]["mcp"] = json!({});
    let signer = Signer::new("k1");
    let mut worker = Worker::new(&world, &all.to_string());
    worker.fetch(&key_set(&[&signer]));
    let count = |worker: &mut Worker<'_>| facts(worker, "")["counts"]["mcp_legacy"].clone();
    assert_eq!(count(&mut worker), 0);
    let token = signer.sign(&Token::for_identity("alice"));
    let bearer = format!("Bearer {token}");
    let newer = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/list")];
    for headers in [&newer[..0], &newer[..0], &newer[..]] {
        let headers = [&[("authorization", &*bearer)], headers].concat();
        worker.request(head("POST", "/orders/1", &headers));
    }
    world.wait(Duration::from_secs(1));
    worker.tick();
    assert_eq!(count(&mut worker), 2);
    assert!(page(&mut worker, "").contains("<span>Older calls of MCP</span><b>2</b>"));
}

/// The names of all members of a JSON value.
fn members(value: &Value, found: &mut std::collections::BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| members(item, found)),
        Value::Object(object) => {
            for (name, value) in object {
                found.insert(name.clone());
                members(value, found);
            }
        }
        _ => {}
    }
}

/// A login whose endpoints are discovered, and the operator's page.
fn with_login() -> Value {
    let mut all = support::browser::config(&json!({}));
    let idp = all["providers"]["idp"].as_object_mut().unwrap();
    idp.insert("jwks".to_owned(), json!({ "discovery": true, "cluster": "idp" }));
    idp["login"].as_object_mut().unwrap().remove("endpoints");
    all["status"] = config()["status"].clone();
    all
}

/// Answers the fetch that is due with a document whose token endpoint is this, and with keys.
fn discover(worker: &mut Worker<'_>, token: &str) {
    worker.tick();
    let document = json!({
        "issuer": "https://id.example.com/", "jwks_uri": "https://id.example.com/keys",
        "authorization_endpoint": "https://id.example.com/auth", "token_endpoint": token,
        "revocation_endpoint": "https://third.example.com/<revoke>",
    });
    worker.answer(200, &[], &document.to_string());
    worker.answer(200, &[], &key_set(&[&Signer::new("k1")]));
}

#[test]
fn what_is_known_of_a_login_is_shown_and_nothing_of_who_logged_in() {
    let world = World::default();
    let mut worker = Worker::new(&world, &with_login().to_string());
    let login = |worker: &mut Worker<'_>| facts(worker, "")["providers"][0]["login"].clone();
    let of = |login: &Value, name: &str| login[name].clone();
    let before = login(&mut worker);
    assert_eq!((of(&before, "endpoints"), of(&before, "url")), (json!("unknown"), Value::Null));
    assert!(page(&mut worker, "").contains("not known yet"));

    discover(&mut worker, "https://id.example.com/token?secret=querysecret");
    let mut browser = Browser::default();
    browser::log_in(&mut worker, &mut browser);
    world.wait(Duration::from_secs(301));
    let stream = browser.visit(&mut worker, "/orders");
    worker.tick();
    worker.answer(500, &[], "");
    assert_eq!(worker.verdict(stream), "forwarded");
    worker.tick();
    let known = login(&mut worker);
    let expected = json!({
        "endpoints": "known", "url": "https://id.example.com/token", "cluster": "idp",
        "odd": known["odd"], "started": 1, "completed": 1, "refreshed": 0, "refresh_failed": 1,
        "logged_out": 0,
    });
    assert_eq!(known, expected);
    let odd: Vec<_> = known["odd"].as_array().unwrap().iter().map(|one| &one["reason"]).collect();
    assert_eq!(odd.len(), 2, "{odd:?}");
    assert!(odd[0].as_str().unwrap().contains("`revocation_endpoint`"), "{odd:?}");
    assert!(odd[1].as_str().unwrap().contains("S256"), "{odd:?}");
    // Another worker knows the same.
    let mut other = Worker::new(&world, &with_login().to_string());
    other.tick();
    assert_eq!(login(&mut other), known);
    let html = page(&mut worker, "");
    assert_well_formed(&html);
    for text in ["1 begun, 1 completed, 0 ended by a logout", "0 good, 1 failed", "S256"] {
        assert!(html.contains(text), "{text}: {html}");
    }
    let all = facts(&mut worker, "").to_string() + &html;
    for secret in
        browser.0.values().map(|value| &value[..16]).chain(["querysecret", "at-1", "rt-1"])
    {
        assert!(!all.contains(secret), "{secret}");
    }

    // A document by which nobody can log in.
    world.wait(Duration::from_secs(601));
    discover(&mut worker, "https://third.example.com/token");
    let wrong = login(&mut worker);
    assert_eq!((of(&wrong, "endpoints"), of(&wrong, "url")), (json!("unusable"), Value::Null));
    assert!(wrong["odd"][0]["reason"].as_str().unwrap().contains("nobody can log in"), "{wrong}");
    assert!(page(&mut worker, "").contains("nobody can log in"));
    // Endpoints of the configuration; and a provider that logs nobody in.
    let mut written = browser::config(&json!({}));
    written["status"] = config()["status"].clone();
    let mut worker = Worker::new(&world, &written.to_string());
    let login = &facts(&mut worker, "")["providers"][0]["login"];
    assert_eq!((&login["endpoints"], &login["odd"]), (&json!("written"), &json!([])));
    let mut worker = Worker::new(&world, &config().to_string());
    assert_eq!(facts(&mut worker, "")["providers"][0]["login"], Value::Null);
}

#[test]
fn every_member_of_the_json_is_documented() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config().to_string());
    worker.tick();
    worker.answer(503, &[], "");
    world.wait(Duration::from_secs(5));
    worker.fetch(&key_set(&[&Signer::new("k1")]));
    worker.request(head("GET", "/nowhere", &[]));
    let mut names = Default::default();
    members(&facts(&mut worker, ""), &mut names);
    let mut worker = Worker::new(&world, &with_login().to_string());
    discover(&mut worker, "https://id.example.com/token");
    members(&facts(&mut worker, ""), &mut names);
    names.remove("api_unknown");
    assert!(names.len() > 40, "{names:?}");
    let text = include_str!("../docs/status.md");
    for name in names {
        assert!(text.contains(&format!("`{name}`")), "docs/status.md says nothing about {name}");
    }
}
