//! Tokens that their provider is asked about (RFC 7662, RFC 9701), through the whole engine: one call for
//! a token, however many ask; what an answer is worth; what happens without one. The ids are those of the
//! catalogue of attacks.

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::token::{AUDIENCE, ISSUER, NOW, Signer, Token, key_set};
use support::world::{Worker, World, code, head, upstream};
use tollgate::event::{CallRequest, CallResponse, Event};
use tollgate::http::Fields;
use tollgate::ids::{CallId, StreamId};

const SECOND: Duration = Duration::from_secs(1);
const OPAQUE: &str = "2YotnFZFEjr1zCsicMWpAA";

/// A provider that is asked, and an API for its tokens; with changes to the provider.
fn config(changes: Value) -> Value {
    let mut config = json!({
        "providers": { "org": {
            "kind": "introspection", "url": "https://id.example.com/introspect", "cluster": "idp",
            "client": { "id": "gateway", "secret": { "text": "s3cret" } },
            "audiences": [AUDIENCE],
        } },
    });
    let provider = config["providers"]["org"].as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        provider.insert(name.clone(), value.clone());
    }
    config
}

fn worker<'w>(world: &'w World, changes: Value) -> Worker<'w> {
    Worker::new(world, &config(changes).to_string())
}

/// What an endpoint says of a good token, with changes; `null` takes a member out.
fn active(changes: Value) -> String {
    let mut answer = json!({
        "active": true, "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "client_id": "web",
        "token_type": "Bearer", "scope": "read write", "iat": NOW, "exp": NOW + 300,
    });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(answer.as_object_mut().unwrap().remove(name)),
            value => answer[name] = value.clone(),
        }
    }
    answer.to_string()
}

const INACTIVE: &str = r#"{"active":false}"#;

/// How a request ended: `forwarded`, `waiting` or its deny code.
fn end(worker: &Worker<'_>, stream: StreamId) -> String {
    match worker.verdict(stream) {
        verdict if verdict == "forwarded" || verdict == "waiting" => verdict,
        _ => code(worker.reply(stream)),
    }
}

/// Sends a token, has it asked about, and answers so.
fn ask(worker: &mut Worker<'_>, token: &str, status: u16, answer: &str) -> String {
    let stream = worker.get(token);
    worker.tick();
    if worker.calls.is_empty() {
        return end(worker, stream);
    }
    worker.answer(status, &[("content-type", "application/json")], answer);
    end(worker, stream)
}

/// The only call that is out.
fn call<'c>(worker: &'c Worker<'_>) -> (CallId, &'c CallRequest) {
    assert_eq!(worker.calls.len(), 1, "{:?}", worker.calls);
    worker.calls.iter().next().map(|(id, request)| (*id, request)).unwrap()
}

fn body(request: &CallRequest) -> String {
    String::from_utf8(request.body.0.to_vec()).unwrap()
}

#[test]
fn an_opaque_token_is_asked_about_once_and_then_known() {
    let world = World::default();
    let mut worker = worker(&world, json!({}));
    let stream = worker.get(OPAQUE);
    assert_eq!(end(&worker, stream), "waiting");
    worker.tick();
    let (_, request) = call(&worker);
    assert_eq!((request.method, &*request.cluster, &*request.path), ("POST", "idp", "/introspect"));
    assert_eq!(&*request.authority, "id.example.com");
    assert_eq!(body(request), format!("token={OPAQUE}&token_type_hint=access_token"));
    let basic = request.authorization.as_ref().unwrap().reveal();
    assert_eq!(basic, "Basic Z2F0ZXdheTpzM2NyZXQ=");
    let header = |name| request.headers.iter().find(|(known, _)| *known == name).map(|(_, v)| &**v);
    assert_eq!(header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(header("accept"), Some("application/json"));
    assert_eq!(header("accept-encoding"), Some("identity"));
    worker.answer(200, &[], &active(json!({})));
    assert_eq!(end(&worker, stream), "forwarded");
    let sent = upstream(&worker, stream, &[("authorization", "Bearer x")]);
    let identity = ("x-tollgate-identity".to_owned(), "alice".to_owned());
    assert!(sent.contains(&identity) && !sent.iter().any(|(name, _)| name == "authorization"));
    for _ in 0..3 {
        let again = worker.get(OPAQUE);
        assert_eq!(end(&worker, again), "forwarded");
    }
    worker.tick();
    assert_eq!(worker.calls_made, 1);
    assert_eq!(worker.counts.get("tollgate_introspection_ok_org"), Some(&1));
    assert_eq!(worker.counts.get("tollgate_introspection_cached_org"), Some(&3));
    assert!(worker.observed.iter().any(|(name, _)| name == "tollgate_introspection_ms"));
}

#[test]
fn in01_an_answer_that_is_none_is_no_verdict_and_is_not_kept() {
    let answers = [
        (200, r#"{"active":"true"}"#),
        (200, r#"{"active":1}"#),
        (200, r#"{"sub":"alice"}"#),
        (200, r#"{"active":true,"active":false}"#),
        (200, "[]"),
        (200, "1"),
        (200, "<html>sign in</html>"),
        (200, ""),
        (204, ""),
        (302, ""),
        (400, r#"{"error":"invalid_request"}"#),
        (404, "nothing"),
        (500, r#"{"active":true}"#),
    ];
    for (status, answer) in answers {
        let world = World::default();
        let mut worker = worker(&world, json!({}));
        assert_eq!(
            ask(&mut worker, OPAQUE, status, answer),
            "introspection_unavailable",
            "{status} {answer}"
        );
        assert_eq!(worker.counts.get("tollgate_introspection_failed_org"), Some(&1), "{answer}");
        world.wait(Duration::from_millis(1));
        assert_eq!(ask(&mut worker, OPAQUE, 200, &active(json!({}))), "forwarded", "{answer}");
        assert_eq!(worker.calls_made, 2, "{status} {answer}");
    }
    // No answer at all.
    let world = World::default();
    let mut worker = worker(&world, json!({}));
    let stream = worker.get(OPAQUE);
    worker.tick();
    let (id, _) = call(&worker);
    worker.call_done(id, None);
    assert_eq!(worker.reply(stream).status, 503);
    assert_eq!(worker.reply_header(stream, "retry-after"), Some("1"));
}

#[test]
fn in02_a_client_that_is_refused_is_one_line_that_names_it() {
    for (status, answer) in
        [(401, r#"{"error":"invalid_client"}"#), (403, ""), (400, r#"{"error":"invalid_client"}"#)]
    {
        let world = World::default();
        let mut worker = worker(&world, json!({}));
        assert_eq!(ask(&mut worker, OPAQUE, status, answer), "introspection_unavailable");
        let lines: Vec<_> =
            worker.log.iter().filter(|line| line.contains("introspection_failed")).collect();
        let [line] = lines.as_slice() else { panic!("{:?}", worker.log) };
        let line: Value = serde_json::from_str(line).unwrap();
        let said = format!("{} {}", line["found"], line["remedy"]);
        assert!(said.contains("`client` was refused"), "{said}");
        assert!(said.contains("providers.org.client"), "{said}");
    }
}

#[test]
fn a_wait_that_the_provider_asks_for_is_told_to_callers() {
    let world = World::default();
    let mut worker = worker(&world, json!({}));
    let stream = worker.get(OPAQUE);
    worker.tick();
    worker.answer(503, &[("retry-after", "17")], "");
    assert_eq!(worker.reply_header(stream, "retry-after"), Some("17"));
}

#[test]
fn in03_what_is_no_credential_is_never_sent() {
    let long = "a".repeat(4097);
    let signed = format!("{}.{}.x", "eyJhbGciOiJub25lIn0", "a".repeat(16 * 1024));
    let cases = [
        ("a&token_type_hint=x", "token_malformed"),
        ("a%00", "token_malformed"),
        ("a\tb", "token_malformed"),
        ("a=b", "token_malformed"),
        ("a\"b", "token_malformed"),
        (long.as_str(), "token_too_large"),
        (&"a".repeat(5000), "token_too_large"),
    ];
    let world = World::default();
    let mut worker = worker(&world, json!({}));
    for (token, expected) in cases {
        assert_eq!(ask(&mut worker, token, 200, &active(json!({}))), expected, "{token}");
    }
    assert_eq!(worker.calls_made, 0);
    for good in ["a==", "a-._~+/", &"a".repeat(4096)] {
        assert_eq!(ask(&mut worker, good, 200, &active(json!({}))), "forwarded", "{good}");
    }
    // A JWT is nobody's where opaque tokens are asked about alone.
    assert_eq!(ask(&mut worker, &signed, 200, &active(json!({}))), "token_malformed");
}

/// Requests with one token that come at two workers at once.
fn crowd(world: &World, count: usize) -> (Vec<Worker<'_>>, Vec<(usize, StreamId)>) {
    let mut workers = vec![worker(world, json!({})), worker(world, json!({}))];
    let mut all = Vec::new();
    for place in 0..count {
        let which = place % 2;
        all.push((which, workers[which].get(OPAQUE)));
    }
    (workers, all)
}

#[test]
fn in04_one_call_is_made_for_a_token_however_many_ask_at_once() {
    for count in [2, 120, 256, 1000] {
        let world = World::default();
        let (mut workers, all) = crowd(&world, count);
        for step in 0..30 {
            world.wait(Duration::from_millis(10));
            for worker in &mut workers {
                worker.tick();
                if step == 29 && !worker.calls.is_empty() {
                    worker.answer(200, &[], &active(json!({})));
                }
            }
        }
        world.wait(Duration::from_millis(10));
        workers.iter_mut().for_each(Worker::tick);
        let calls: usize = workers.iter().map(|worker| worker.calls_made).sum();
        assert_eq!(calls, 1, "{count}");
        let mut ends: Vec<_> = all.iter().map(|(at, stream)| end(&workers[*at], *stream)).collect();
        ends.sort();
        let passed = ends.iter().filter(|end| *end == "forwarded").count();
        assert_eq!(passed, count.min(256), "{count}: 128 may wait in each worker");
        assert!(ends.iter().all(|end| end == "forwarded" || end == "overloaded"), "{ends:?}");
    }
}

#[test]
fn in05_a_lease_whose_holder_is_gone_is_void_and_somebody_else_asks() {
    // It went without a word: after the deadline another worker asks.
    let world = World::default();
    let (mut first, mut second) = (worker(&world, json!({})), worker(&world, json!({})));
    first.get(OPAQUE);
    first.tick();
    assert_eq!(first.calls_made, 1);
    let waits = second.get(OPAQUE);
    second.tick();
    assert_eq!((second.calls_made, end(&second, waits)), (0, "waiting".into()));
    world.wait(3 * SECOND);
    second.tick();
    second.tick();
    assert_eq!(second.calls_made, 1);
    second.answer(200, &[], &active(json!({})));
    assert_eq!(end(&second, waits), "forwarded");

    // It was told to go: it gives the lease back.
    let world = World::default();
    let (mut first, mut second) = (worker(&world, json!({})), worker(&world, json!({})));
    first.get(OPAQUE);
    first.tick();
    let waits = second.get(OPAQUE);
    first.stop();
    second.tick();
    second.tick();
    assert_eq!(second.calls_made, 1, "at once");
    second.answer(200, &[], &active(json!({})));
    assert_eq!(end(&second, waits), "forwarded");
}

#[test]
fn in06_a_flood_of_unknown_tokens_costs_as_many_calls_as_it_may_and_known_ones_pass() {
    let world = World::default();
    let mut worker = worker(&world, json!({ "cache": "1s", "per_second": 20 }));
    let good: Vec<_> = (0..10).map(|number| format!("good-{number}")).collect();
    for token in &good {
        assert_eq!(ask(&mut worker, token, 200, &active(json!({}))), "forwarded");
    }
    let mut random = 0;
    for _ in 0..5 {
        world.wait(SECOND);
        let before = worker.calls_made;
        let mut refused = 0;
        for number in 0..500 {
            let stream = worker.get(&format!("random-{random}"));
            random += 1;
            worker.tick();
            match end(&worker, stream).as_str() {
                "waiting" => {
                    let asked: Vec<_> = worker.calls.keys().copied().collect();
                    for call in asked {
                        let response = response(200, INACTIVE);
                        worker.call_done(call, Some(response));
                    }
                }
                "overloaded" => refused += 1,
                other => panic!("{other}"),
            }
            if number % 50 == 0 {
                let token = &good[number / 50];
                assert_eq!(ask(&mut worker, token, 200, &active(json!({}))), "forwarded");
            }
        }
        let calls = worker.calls_made - before;
        assert_eq!(calls, 20 + good.len(), "20 for strangers, one for each that is known");
        assert_eq!(refused, 480);
    }
}

#[test]
fn no_more_than_32_new_tokens_are_asked_about_at_once() {
    let world = World::default();
    let mut worker = worker(&world, json!({}));
    let all: Vec<_> = (0..40).map(|number| worker.get(&format!("new-{number}"))).collect();
    worker.tick();
    assert_eq!(worker.calls_made, 32);
    let refused = all.iter().filter(|stream| end(&worker, **stream) == "overloaded").count();
    assert_eq!(refused, 8);
    let calls: Vec<_> = worker.calls.keys().copied().collect();
    for call in calls {
        worker.call_done(call, Some(response(200, &active(json!({})))));
    }
    assert_eq!(ask(&mut worker, "new-39", 200, &active(json!({}))), "forwarded");
}

fn response(status: u16, body: &str) -> CallResponse {
    let (headers, trailers) = (Fields::default(), Fields::default());
    CallResponse { status, headers, body_size: body.len(), body: body.into(), trailers }
}

#[test]
fn in07_no_answer_outlives_the_token() {
    let world = World::default();
    let mut first = worker(&world, json!({ "clock_skew": "0s" }));
    assert_eq!(ask(&mut first, OPAQUE, 200, &active(json!({ "exp": NOW }))), "token_expired");
    assert_eq!(ask(&mut first, "other", 200, &active(json!({ "exp": NOW + 1 }))), "forwarded");
    world.wait(SECOND);
    // It is not used any more, and nothing else is said by the provider.
    assert_eq!(ask(&mut first, "other", 200, &active(json!({ "exp": NOW + 1 }))), "token_expired");
    assert_eq!(first.calls_made, 3);
}

#[test]
fn in08_a_token_that_is_revoked_at_the_provider_is_refused_once_the_answer_is_old() {
    let world = World::default();
    let mut worker = worker(&world, json!({}));
    assert_eq!(ask(&mut worker, OPAQUE, 200, &active(json!({}))), "forwarded");
    world.wait(29 * SECOND);
    assert_eq!(ask(&mut worker, OPAQUE, 200, INACTIVE), "forwarded");
    world.wait(SECOND);
    assert_eq!(ask(&mut worker, OPAQUE, 200, INACTIVE), "token_inactive");
    assert_eq!(worker.calls_made, 2);
    assert_eq!(worker.counts.get("tollgate_introspection_inactive_org"), Some(&1));
    // That is known for a while, too.
    world.wait(9 * SECOND);
    assert_eq!(ask(&mut worker, OPAQUE, 200, &active(json!({}))), "token_inactive");
    world.wait(SECOND);
    assert_eq!(ask(&mut worker, OPAQUE, 200, &active(json!({}))), "forwarded");
}

#[test]
fn in09_without_the_endpoint_known_tokens_pass_as_long_as_they_are_known() {
    let down = |worker: &mut Worker<'_>, token: &str| {
        let stream = worker.get(token);
        worker.tick();
        let calls: Vec<_> = worker.calls.keys().copied().collect();
        calls.into_iter().for_each(|call| worker.call_done(call, None));
        end(worker, stream)
    };
    let world = World::default();
    let mut strict = worker(&world, json!({}));
    assert_eq!(ask(&mut strict, OPAQUE, 200, &active(json!({}))), "forwarded");
    assert_eq!(down(&mut strict, "new"), "introspection_unavailable");
    assert_eq!(down(&mut strict, OPAQUE), "forwarded");
    world.wait(30 * SECOND);
    assert_eq!(down(&mut strict, OPAQUE), "introspection_unavailable");

    let world = World::default();
    let mut lenient = worker(&world, json!({ "on_outage": { "stale": "5m" } }));
    let answer = active(json!({ "exp": NOW + 400 }));
    assert_eq!(ask(&mut lenient, OPAQUE, 200, &answer), "forwarded");
    world.wait(30 * SECOND);
    assert_eq!(down(&mut lenient, OPAQUE), "forwarded", "the last answer serves");
    assert_eq!(down(&mut lenient, "new"), "introspection_unavailable");
    let calls = lenient.calls_made;
    for _ in 0..100 {
        let stream = lenient.get(OPAQUE);
        assert_eq!(end(&lenient, stream), "forwarded", "nobody waits for a provider that is away");
    }
    lenient.tick();
    assert_eq!(lenient.calls_made, calls);
    assert!(lenient.counts["tollgate_introspection_cached_org"] >= 101);
    world.wait(2 * SECOND);
    let stream = lenient.get(OPAQUE);
    assert_eq!(end(&lenient, stream), "forwarded");
    lenient.tick();
    assert_eq!(lenient.calls_made, calls + 1, "it is tried again meanwhile");
    lenient.answer(200, &[], INACTIVE);
    assert_eq!(down(&mut lenient, OPAQUE), "token_inactive");

    // Never past its end, nor past `stale`.
    for (exp, after) in [(NOW + 40, 101), (NOW + 3600, 331)] {
        let world = World::default();
        let mut lenient = worker(&world, json!({ "on_outage": { "stale": "5m" } }));
        assert_eq!(ask(&mut lenient, OPAQUE, 200, &active(json!({ "exp": exp }))), "forwarded");
        world.wait(Duration::from_secs(after));
        let end = down(&mut lenient, OPAQUE);
        assert!(matches!(&*end, "introspection_unavailable" | "token_expired"), "{exp}: {end}");
    }
}

#[test]
fn in10_a_full_bucket_forgets_what_is_worth_least_and_everybody_is_judged_right() {
    let world = World::default();
    // One bucket of eight.
    let mut worker = worker(&world, json!({ "capacity": 8 }));
    for number in 0..40 {
        let (token, is_good) = (format!("token-{number}"), number % 2 == 0);
        let answer = if is_good { active(json!({ "sub": token })) } else { INACTIVE.to_owned() };
        let expected = if is_good { "forwarded" } else { "token_inactive" };
        assert_eq!(ask(&mut worker, &token, 200, &answer), expected, "{token}");
    }
    // More are asked about at once than there are places: nobody is turned away, nobody asks twice.
    let streams: Vec<_> = (0..20).map(|number| worker.get(&format!("late-{number}"))).collect();
    worker.tick();
    assert_eq!(worker.calls.len(), 20);
    let calls: Vec<_> = worker.calls.keys().copied().collect();
    for call in calls {
        let token = body(&worker.calls[&call]);
        let sub = token.split(['=', '&']).nth(1).unwrap().to_owned();
        worker.call_done(call, Some(response(200, &active(json!({ "sub": sub })))));
    }
    for (number, stream) in streams.into_iter().enumerate() {
        let sent = upstream(&worker, stream, &[]);
        let identity = ("x-tollgate-identity".to_owned(), format!("late-{number}"));
        assert!(sent.contains(&identity), "{sent:?}");
    }
}

#[test]
fn in11_what_others_write_into_the_store_is_no_answer() {
    let world = World::default();
    let mut first = worker(&world, json!({ "capacity": 8 }));
    assert_eq!(ask(&mut first, OPAQUE, 200, &active(json!({}))), "forwarded");
    let keys: Vec<_> =
        world.store.keys().into_iter().filter(|key| key.starts_with("tg1/answer/")).collect();
    let [key] = keys.as_slice() else { panic!("{keys:?}") };
    let record = tollgate::env::SharedData::get(&world.store, key).value.unwrap();
    let with = |at: usize, byte: u8| {
        let mut changed = record.clone();
        changed[at] = byte;
        changed
    };
    let id = 2;
    let payload = 2 + 32 + 8 + 2;
    for (name, written) in [
        ("nothing", Vec::new()),
        ("noise", vec![0xff; 300]),
        ("cut", record[..record.len() - 1].to_vec()),
        ("more behind it", [&record[..], b"x"].concat()),
        ("another version of the bucket", with(0, 9)),
        ("another's id", with(id, record[id] ^ 1)),
        ("another version of the record", with(payload, 0)),
        ("an unknown kind", with(payload + 1, 3)),
    ] {
        world.store.force(key, &written);
        let mut second = worker(&world, json!({ "capacity": 8 }));
        assert_eq!(ask(&mut second, OPAQUE, 200, INACTIVE), "token_inactive", "{name}");
        assert_eq!(second.calls_made, 1, "{name}");
    }
    // An answer for ever, or from the future: no longer than this configuration could keep it.
    let mut forever = record.clone();
    forever[payload + 34..payload + 42].copy_from_slice(&u64::MAX.to_le_bytes());
    world.store.force(key, &forever);
    world.wait(SECOND);
    let mut second = worker(&world, json!({ "capacity": 8 }));
    assert_eq!(ask(&mut second, OPAQUE, 200, INACTIVE), "token_inactive");
}

#[test]
fn answers_too_long_to_share_stay_in_their_worker() {
    let world = World::default();
    let (mut first, mut second) = (worker(&world, json!({})), worker(&world, json!({})));
    let long = active(json!({ "pad": "x".repeat(5000) }));
    assert_eq!(ask(&mut first, OPAQUE, 200, &long), "forwarded");
    assert_eq!(ask(&mut first, OPAQUE, 200, INACTIVE), "forwarded");
    assert_eq!(ask(&mut second, OPAQUE, 200, &long), "forwarded");
    assert_eq!((first.calls_made, second.calls_made), (1, 1));
    let shown = |key: &String| {
        let value = tollgate::env::SharedData::get(&world.store, key).value.unwrap_or_default();
        value.len()
    };
    assert!(world.store.keys().iter().all(|key| shown(key) < 4200));
}

#[test]
fn without_a_store_each_worker_asks_for_itself() {
    let world = World::default();
    world.store.absent.set(true);
    let mut worker = worker(&world, json!({}));
    let streams: Vec<_> = (0..50).map(|_| worker.get(OPAQUE)).collect();
    worker.tick();
    worker.answer(200, &[], &active(json!({})));
    assert!(streams.iter().all(|stream| end(&worker, *stream) == "forwarded"));
    assert_eq!(worker.calls_made, 1);
}

/// A JWT provider beside one that is asked, at one place.
fn beside(forms: Value) -> Value {
    let mut config = config(json!({ "issuer": "https://org.example.com", "forms": forms }));
    config["providers"]["jwt"] = json!({
        "issuer": ISSUER, "audiences": [AUDIENCE],
        "jwks": { "inline": { "keys": [Signer::new("k1").jwk()] } },
    });
    config
}

#[test]
fn in12_in13_a_token_says_by_its_form_whose_it_is_and_a_bad_signature_is_never_asked_about() {
    let token = Token::for_identity("bob");
    let good = Signer::new("k1").sign(&token);
    let forged = Signer::new("k1").renewed().sign(&token);
    let of_org = Signer::new("k9")
        .sign(&Token::for_identity("carol").claim("iss", "https://org.example.com"));
    let five = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.a.b.c.d";
    for (forms, of_jwt_form, of_five) in [
        (json!(["opaque"]), "token_issuer_unknown", "asked"),
        (json!(["jwt"]), "asked", "token_encrypted"),
        (json!(["opaque", "jwt"]), "asked", "asked"),
    ] {
        let world = World::default();
        let mut worker = Worker::new(&world, &beside(forms.clone()).to_string());
        for (name, token, expected) in [
            ("a JWT of the issuer", &*good, "forwarded"),
            ("a forged one", &*forged, "token_signature_invalid"),
            ("a JWT of the other", &*of_org, of_jwt_form),
            ("five parts", five, of_five),
        ] {
            let stream = worker.get(token);
            let found = match end(&worker, stream).as_str() {
                "waiting" => "asked".to_owned(),
                end => end.to_owned(),
            };
            assert_eq!(found, expected, "{forms}: {name}");
        }
    }
}

#[test]
fn a_token_that_nobody_would_ask_about_is_refused_for_what_it_is_and_not_as_missing() {
    let jwt = Signer::new("k1").sign(&Token::for_identity("bob"));
    let of_org = Signer::new("k9")
        .sign(&Token::for_identity("carol").claim("iss", "https://org.example.com"));
    let (alone, both) = (json!({}), json!({ "issuer": "https://org.example.com" }));
    let jwts = json!({ "issuer": "https://org.example.com", "forms": ["jwt"] });
    for (name, changes, token, code, reason) in [
        ("a JWT", &alone, &*jwt, "token_malformed", "opaque tokens alone are asked about"),
        (
            "a JWT of its issuer",
            &both,
            &of_org,
            "token_malformed",
            "opaque tokens alone are asked about",
        ),
        ("an opaque one", &jwts, OPAQUE, "token_malformed", "an opaque token"),
        (
            "another's JWT",
            &jwts,
            &jwt,
            "token_issuer_unknown",
            "the provider's issuer is `https://org",
        ),
    ] {
        let world = World::default();
        let mut worker = worker(&world, changes.clone());
        let stream = worker.get(token);
        assert_eq!(end(&worker, stream), code, "{name}");
        let line = worker.log.iter().find(|line| line.contains(code)).expect("a line");
        assert!(line.contains(reason) && line.contains(r#""provider":"org""#), "{name}: {line}");
        assert_eq!(worker.calls_made, 0, "{name}");
    }
    let world = World::default();
    let mut worker = Worker::new(&world, &beside(json!(["opaque"])).to_string());
    worker.get(&of_org);
    assert!(worker.log.iter().any(|line| line.contains("`providers.org.forms` can take")));
}

#[test]
fn in14_what_the_answer_says_counts_like_a_tokens_claims() {
    let org = json!({ "issuer": ISSUER });
    let cases = [
        (org.clone(), json!({ "iss": "https://other" }), "token_issuer_unknown"),
        (org.clone(), json!({ "iss": null }), "forwarded"),
        (org.clone(), json!({ "iss": 7 }), "token_claim_malformed"),
        (org.clone(), json!({ "aud": "another" }), "token_audience_mismatch"),
        (org.clone(), json!({ "aud": null }), "token_audience_mismatch"),
        (org.clone(), json!({ "aud": ["x", AUDIENCE] }), "forwarded"),
        (org.clone(), json!({ "exp": null }), "forwarded"),
        (org.clone(), json!({ "nbf": NOW + 3600 }), "token_not_yet_valid"),
        (org.clone(), json!({ "iat": NOW + 3600 }), "token_issued_in_future"),
        (org.clone(), json!({ "sub": null }), "identity_missing"),
        (
            json!({ "claims": { "identity": ["sub", "client_id"] } }),
            json!({ "sub": null }),
            "forwarded",
        ),
        (json!({ "clients": ["web"] }), json!({}), "forwarded"),
        (json!({ "clients": ["cli"] }), json!({}), "token_client_refused"),
        (json!({ "max_lifetime": "1h" }), json!({ "exp": null, "iat": NOW - 60 }), "forwarded"),
        (
            json!({ "max_lifetime": "1h" }),
            json!({ "exp": null, "iat": NOW - 3601 }),
            "token_lifetime_exceeded",
        ),
        (
            json!({ "max_lifetime": "1h" }),
            json!({ "exp": null, "iat": null }),
            "token_expiry_missing",
        ),
        (
            json!({ "require": [{ "claim": "client_id", "in": ["x"] }] }),
            json!({}),
            "token_claim_refused",
        ),
    ];
    for (changes, answer, expected) in cases {
        let world = World::default();
        let mut worker = worker(&world, changes.clone());
        assert_eq!(
            ask(&mut worker, OPAQUE, 200, &active(answer.clone())),
            expected,
            "{changes} {answer}"
        );
    }
    // Without an audience to check, clients decide.
    let world = World::default();
    let mut config = config(json!({ "clients": ["web"] }));
    config["providers"]["org"].as_object_mut().unwrap().remove("audiences");
    let mut worker = Worker::new(&world, &config.to_string());
    assert_eq!(ask(&mut worker, OPAQUE, 200, &active(json!({ "aud": null }))), "forwarded");
    assert_eq!(
        ask(&mut worker, "x", 200, &active(json!({ "token_type": null }))),
        "token_type_refused"
    );
}

#[test]
fn in15_a_bound_token_is_no_bearer_token() {
    for (binding, answer, expected) in [
        (
            "refuse",
            json!({ "token_type": "DPoP", "cnf": { "jkt": "x" } }),
            "token_binding_unsupported",
        ),
        ("refuse", json!({ "token_type": "DPoP" }), "token_binding_unsupported"),
        ("refuse", json!({ "cnf": { "x5t#S256": "x" } }), "token_binding_unsupported"),
        ("ignore", json!({ "token_type": "DPoP", "cnf": { "jkt": "x" } }), "forwarded"),
        ("ignore", json!({ "token_type": "DPoP" }), "token_binding_unsupported"),
    ] {
        let world = World::default();
        let mut worker = worker(&world, json!({ "binding": binding }));
        assert_eq!(ask(&mut worker, OPAQUE, 200, &active(answer.clone())), expected, "{answer}");
    }
}

#[test]
fn in22_a_refresh_or_id_token_is_no_access_token() {
    for (answer, expected) in [
        (json!({ "token_type": null }), "forwarded"),
        (json!({ "token_type": "bearer" }), "forwarded"),
        (json!({ "token_type": "BEARER" }), "forwarded"),
        (json!({ "token_type": "refresh_token" }), "token_type_refused"),
        (json!({ "token_type": "N_A" }), "token_type_refused"),
        (json!({ "token_type": 1 }), "token_type_refused"),
        (json!({ "token_use": "refresh" }), "token_type_refused"),
        (json!({ "token_use": "refresh_token" }), "token_type_refused"),
        (json!({ "token_use": "id" }), "token_type_refused"),
        (json!({ "token_use": "access" }), "forwarded"),
        (json!({ "typ": "Refresh" }), "token_type_refused"),
        (json!({ "typ": "Offline" }), "token_type_refused"),
        (json!({ "typ": "Logout" }), "token_type_refused"),
        (json!({ "typ": "ID" }), "token_type_refused"),
        (json!({ "typ": "Bearer" }), "forwarded"),
    ] {
        let world = World::default();
        let mut worker = worker(&world, json!({}));
        assert_eq!(ask(&mut worker, OPAQUE, 200, &active(answer.clone())), expected, "{answer}");
    }
}

/// A provider whose answers are signed.
fn signing(changes: Value) -> Value {
    let mut config = config(json!({
        "issuer": ISSUER, "signed": true, "upstream": { "payload_header": "x-token", "payload": "signed" },
        "jwks": { "url": "https://id.example.com/keys", "cluster": "idp" },
    }));
    let provider = config["providers"]["org"].as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        provider.insert(name.clone(), value.clone());
    }
    config
}

fn signed(signer: &Signer, header: Value, payload: Value) -> String {
    let mut all = json!({
        "iss": ISSUER, "aud": "gateway", "iat": NOW,
        "token_introspection": serde_json::from_str::<Value>(&active(json!({}))).unwrap(),
    });
    for (name, value) in payload.as_object().unwrap() {
        all[name] = value.clone();
    }
    let mut token = Token::for_identity("nobody").without("sub").without("exp");
    for (name, value) in all.as_object().unwrap() {
        token = token.claim(name, value.clone());
    }
    token = token.header("typ", "token-introspection+jwt");
    for (name, value) in header.as_object().unwrap() {
        token = token.header(name, value.clone());
    }
    signer.sign(&token)
}

/// Sends a token whose answer is this, with the provider's keys at hand.
fn ask_signed(worker: &mut Worker<'_>, keys: &Signer, answer: &str) -> (StreamId, String) {
    worker.fetch(&key_set(&[keys]));
    let stream = worker.get(OPAQUE);
    worker.tick();
    worker.answer(200, &[], answer);
    (stream, end(worker, stream))
}

#[test]
fn in16_a_signed_answer_holds_or_is_none() {
    let key = Signer::new("k1");
    let good = signed(&key, json!({}), json!({}));
    let nested = json!({ "token_introspection": { "sub": "alice" }, "active": true });
    let cases = [
        ("good", good.clone(), "forwarded"),
        (
            "as application/…",
            signed(&key, json!({ "typ": "application/token-introspection+JWT" }), json!({})),
            "forwarded",
        ),
        ("not signed", active(json!({})), "introspection_unavailable"),
        (
            "no algorithm",
            signed(&key, json!({ "alg": "none" }), json!({})),
            "introspection_unavailable",
        ),
        (
            "another type",
            signed(&key, json!({ "typ": "JWT" }), json!({})),
            "introspection_unavailable",
        ),
        ("another key", signed(&key.renewed(), json!({}), json!({})), "introspection_unavailable"),
        (
            "another issuer",
            signed(&key, json!({}), json!({ "iss": "https://other" })),
            "introspection_unavailable",
        ),
        (
            "for another",
            signed(&key, json!({}), json!({ "aud": "web" })),
            "introspection_unavailable",
        ),
        ("for two", signed(&key, json!({}), json!({ "aud": ["web", "gateway"] })), "forwarded"),
        ("old", signed(&key, json!({}), json!({ "iat": NOW - 600 })), "introspection_unavailable"),
        (
            "without a time",
            signed(&key, json!({}), json!({ "iat": null })),
            "introspection_unavailable",
        ),
        ("active beside it", signed(&key, json!({}), nested), "introspection_unavailable"),
        (
            "inactive",
            signed(&key, json!({}), json!({ "token_introspection": { "active": false } })),
            "token_inactive",
        ),
    ];
    for (name, answer, expected) in cases {
        let world = World::default();
        let mut worker = Worker::new(&world, &signing(json!({})).to_string());
        let (stream, found) = ask_signed(&mut worker, &key, &answer);
        assert_eq!(found, expected, "{name}");
        if name == "good" {
            let sent = upstream(&worker, stream, &[]);
            assert!(sent.contains(&("x-token".to_owned(), good.clone())), "{sent:?}");
        }
    }
    let world = World::default();
    let mut worker = Worker::new(&world, &signing(json!({})).to_string());
    worker.fetch(&key_set(&[&key]));
    worker.get(OPAQUE);
    worker.tick();
    let accept =
        call(&worker).1.headers.iter().find(|(name, _)| *name == "accept").unwrap().1.clone();
    assert_eq!(accept, "application/token-introspection+jwt");
}

#[test]
fn a_signed_answer_waits_for_the_keys_that_signed_it() {
    let key = Signer::new("k1");
    let world = World::default();
    let mut worker = Worker::new(&world, &signing(json!({})).to_string());
    let stream = worker.get(OPAQUE);
    worker.tick();
    let calls: Vec<_> = worker.calls.iter().map(|(id, one)| (*id, one.path.clone())).collect();
    assert_eq!(calls.len(), 2, "{calls:?}");
    let of = |path: &str| calls.iter().find(|(_, one)| **one == *path).unwrap().0;
    worker.call_done(of("/introspect"), Some(response(200, &signed(&key, json!({}), json!({})))));
    assert_eq!(end(&worker, stream), "waiting");
    worker.call_done(of("/keys"), Some(response(200, &key_set(&[&key]))));
    assert_eq!(end(&worker, stream), "forwarded");
}

#[test]
fn in17_a_body_that_is_too_long_or_encoded_is_never_read() {
    let world = World::default();
    let mut first = worker(&world, json!({}));
    let stream = first.get(OPAQUE);
    first.tick();
    let (id, request) = call(&first);
    assert_eq!(request.max_body, 64 * 1024);
    let body = active(json!({})).into_bytes();
    let (headers, trailers) = (Fields::default(), Fields::default());
    let huge = CallResponse { status: 200, headers, body_size: 1_000_000, body, trailers };
    first.call_done(id, Some(huge));
    assert_eq!(end(&first, stream), "introspection_unavailable");

    let stream = {
        world.wait(SECOND);
        let stream = first.get(OPAQUE);
        first.tick();
        first.answer(200, &[("content-encoding", "gzip")], &active(json!({})));
        stream
    };
    assert_eq!(end(&first, stream), "introspection_unavailable");
}

#[test]
fn in18_both_halves_of_basic_are_form_encoded() {
    let world = World::default();
    let client = json!({ "id": "gate way:1", "secret": { "text": ":%+ü" } });
    let mut worker = worker(&world, json!({ "client": client }));
    worker.get(OPAQUE);
    worker.tick();
    let basic = call(&worker).1.authorization.as_ref().unwrap().reveal().to_owned();
    use base64::Engine as _;
    let pair =
        base64::engine::general_purpose::STANDARD.decode(basic.strip_prefix("Basic ").unwrap());
    assert_eq!(String::from_utf8(pair.unwrap()).unwrap(), "gate+way%3A1:%3A%25%2B%C3%BC");
}

#[test]
fn a_second_secret_is_tried_where_the_first_is_refused_and_then_shown_first() {
    let world = World::default();
    let client = json!({ "id": "gateway", "auth": "post", "secret": [{ "text": "old" }, { "text": "new" }] });
    let mut worker = worker(&world, json!({ "client": client, "cache": "0s" }));
    let stream = worker.get(OPAQUE);
    worker.tick();
    assert!(body(call(&worker).1).ends_with("&client_id=gateway&client_secret=old"));
    worker.answer(401, &[], r#"{"error":"invalid_client"}"#);
    worker.tick();
    assert!(body(call(&worker).1).ends_with("&client_secret=new"));
    assert!(body(call(&worker).1).starts_with(&format!("token={OPAQUE}&")));
    worker.answer(200, &[], &active(json!({})));
    assert_eq!(end(&worker, stream), "forwarded");
    assert!(!worker.counts.contains_key("tollgate_introspection_failed_org"));
    world.wait(SECOND);
    worker.get(OPAQUE);
    worker.tick();
    assert!(
        body(call(&worker).1).ends_with("&client_secret=new"),
        "it is shown first from here on"
    );
    worker.answer(401, &[], "");
    worker.tick();
    assert!(body(call(&worker).1).ends_with("&client_secret=old"));
    worker.answer(401, &[], "");
    worker.tick();
    assert!(worker.calls.is_empty(), "each is tried once");
}

#[test]
fn in19_the_token_and_the_secret_are_nowhere_but_in_the_call() {
    let world = World::default();
    let mut worker = worker(&world, json!({}));
    let token = "SECRET-TOKEN-VALUE";
    for (status, answer) in [
        (500, format!("<html>{token} was sent")),
        (401, format!("{{\"error\":\"{token}\"}}")),
        (200, INACTIVE.to_owned()),
    ] {
        ask(&mut worker, token, status, &answer);
        world.wait(11 * SECOND);
    }
    ask(&mut worker, token, 200, &active(json!({})));
    let mut all = worker.log.join("\n");
    for key in world.store.keys() {
        let value = tollgate::env::SharedData::get(&world.store, &key).value.unwrap_or_default();
        all.push_str(&String::from_utf8_lossy(&value));
    }
    for note in worker.notes.values() {
        all.push_str(note);
    }
    for settled in worker.settled.values() {
        all.push_str(&format!("{settled:?}"));
    }
    assert!(!all.contains(token), "{all}");
    assert!(!all.contains("s3cret") && !all.contains("Z2F0ZXdheT"), "{all}");
    let shown =
        format!("{:?}", tollgate::config::Config::parse(config(json!({})).to_string().as_bytes()));
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn in20_report_mode_asks_and_passes_and_tells() {
    let world = World::default();
    let mut config = config(json!({}));
    config["mode"] = json!("report");
    let mut worker = Worker::new(&world, &config.to_string());
    assert_eq!(ask(&mut worker, OPAQUE, 200, INACTIVE), "forwarded");
    assert_eq!(worker.counts.get("tollgate_would_deny_token_inactive"), Some(&1));
}

#[test]
fn in21_one_token_at_two_providers_is_judged_by_each_ones_own_answer() {
    let world = World::default();
    let mut config = config(json!({}));
    config["providers"]["other"] = config["providers"]["org"].clone();
    config["providers"]["other"]["url"] = json!("https://other.example.com/introspect");
    config["apis"] = json!([
        { "name": "one", "match": { "paths": ["/one"] }, "auth": ["org"] },
        { "name": "two", "match": { "paths": ["/two"] }, "auth": ["other"] },
    ]);
    let mut worker = Worker::new(&world, &config.to_string());
    let bearer = format!("Bearer {OPAQUE}");
    for (path, answer, expected) in [
        ("/one", active(json!({})), "forwarded"),
        ("/two", INACTIVE.to_owned(), "token_inactive"),
        ("/one", INACTIVE.to_owned(), "forwarded"),
        ("/two", active(json!({})), "token_inactive"),
    ] {
        let stream = worker.request(head("GET", path, &[("authorization", &bearer)]));
        worker.tick();
        if !worker.calls.is_empty() {
            worker.answer(200, &[], &answer);
        }
        assert_eq!(end(&worker, stream), expected, "{path}");
    }
    assert_eq!(worker.calls_made, 2);
}

#[test]
fn a_cache_of_nothing_asks_for_each_request_and_once_for_those_that_come_together() {
    let world = World::default();
    let mut worker = worker(&world, json!({ "cache": "0s", "negative": "0s" }));
    for answer in [active(json!({})), INACTIVE.to_owned(), active(json!({}))] {
        world.wait(SECOND);
        let streams: Vec<_> = (0..5).map(|_| worker.get(OPAQUE)).collect();
        worker.tick();
        worker.answer(200, &[], &answer);
        let expected = if answer == INACTIVE { "token_inactive" } else { "forwarded" };
        assert!(streams.iter().all(|stream| end(&worker, *stream) == expected), "{answer}");
    }
    assert_eq!(worker.calls_made, 3);
}

#[test]
fn the_endpoint_is_found_by_discovery() {
    let discovered = json!({ "issuer": "https://id.example.com", "discovery": true });
    let without_url = |changes: Value| {
        let mut config = config(changes);
        config["providers"]["org"].as_object_mut().unwrap().remove("url");
        config.to_string()
    };
    let document = |issuer: &str, endpoint: &str| {
        json!({ "issuer": issuer, "introspection_endpoint": endpoint }).to_string()
    };
    let issuer = "https://id.example.com";
    let there = "https://id.example.com/oauth2/introspect";
    let world = World::default();
    let mut worker = Worker::new(&world, &without_url(discovered.clone()));
    let stream = worker.get(OPAQUE);
    worker.tick();
    assert_eq!(&*call(&worker).1.path, "/.well-known/openid-configuration");
    worker.answer(200, &[], &document(issuer, there));
    worker.tick();
    assert_eq!(&*call(&worker).1.path, "/oauth2/introspect");
    worker.answer(200, &[], &active(json!({ "iss": issuer })));
    assert_eq!(end(&worker, stream), "forwarded");

    for (name, status, found) in [
        ("another issuer", 200, document("https://other", there)),
        ("another host", 200, document(issuer, "https://evil.example.com/introspect")),
        ("http", 200, document(issuer, "http://id.example.com/introspect")),
        ("no endpoint", 200, json!({ "issuer": issuer }).to_string()),
        ("no document", 404, String::new()),
        ("no JSON", 200, "<html>".to_owned()),
    ] {
        let world = World::default();
        let mut worker = Worker::new(&world, &without_url(discovered.clone()));
        let stream = worker.get(OPAQUE);
        worker.tick();
        worker.answer(status, &[], &found);
        assert_eq!(end(&worker, stream), "introspection_unavailable", "{name}");
        worker.tick();
        assert!(worker.calls.is_empty(), "{name}");
    }
}

#[test]
fn a_key_of_the_client_signs_what_shows_who_it_is() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let pem = include_str!("support/keys/client-ed25519.pem");
    let key = base64::engine::general_purpose::STANDARD.encode(pem);
    let client = json!({
        "id": "gateway", "auth": "private_key_jwt", "key": { "base64": key }, "alg": "EdDSA", "kid": "c1",
    });
    let world = World::default();
    let mut worker = worker(&world, json!({ "issuer": ISSUER, "client": client, "cache": "0s" }));
    let mut seen = Vec::new();
    for _ in 0..2 {
        world.wait(SECOND);
        worker.get(OPAQUE);
        worker.tick();
        let form = body(call(&worker).1);
        assert!(call(&worker).1.authorization.is_none());
        let value = |name: &str| {
            form.split('&')
                .find_map(|one| one.strip_prefix(&format!("{name}=")))
                .unwrap()
                .to_owned()
        };
        assert_eq!(
            value("client_assertion_type"),
            "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
        );
        let jwt = value("client_assertion");
        let parts: Vec<_> = jwt.split('.').collect();
        let read = |part: &str| -> Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        let (header, claims) = (read(parts[0]), read(parts[1]));
        assert_eq!(header, json!({ "alg": "EdDSA", "typ": "JWT", "kid": "c1" }));
        assert_eq!(
            (&claims["iss"], &claims["sub"], &claims["aud"]),
            (&json!("gateway"), &json!("gateway"), &json!(ISSUER))
        );
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 60);
        seen.push(claims["jti"].clone());
        worker.answer(200, &[], &active(json!({})));
    }
    assert_ne!(seen[0], seen[1], "each is good once");
}

#[test]
fn a_request_that_leaves_does_not_take_the_answer_with_it() {
    let world = World::default();
    let mut worker = worker(&world, json!({}));
    let stream = worker.get(OPAQUE);
    worker.tick();
    worker.handle(Event::StreamGone { stream });
    worker.answer(200, &[], &active(json!({})));
    let next = worker.get(OPAQUE);
    assert_eq!(end(&worker, next), "forwarded");
    assert_eq!(worker.calls_made, 1);
}
