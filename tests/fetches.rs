//! What becomes of a fetch that failed: every refusal that follows from it says why, and what to do.

mod support;

use std::time::Duration;

use serde_json::Value;
use support::token::{Signer, Token, key_set};
use support::world::{CONFIG, Worker, World};
use tollgate::env::SharedData as _;
use tollgate::event::{CallResponse, Event};
use tollgate::http::Fields;

const DISCOVERY: &str = r#"{ "providers": { "idp": {
    "issuer": "https://id.example.com/", "audiences": ["api"],
    "jwks": { "discovery": true, "cluster": "idp" } } } }"#;
const DOCUMENT: &str =
    r#"{"issuer": "https://id.example.com/", "jwks_uri": "https://id.example.com/keys"}"#;

/// The member of a log line of this event; the last line counts.
fn field(worker: &Worker<'_>, event: &str, name: &str) -> String {
    let lines = worker.log.iter().rev();
    let mut lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let line = lines.find(|line| line["event"] == event).unwrap_or_else(|| panic!("no {event}"));
    line[name].as_str().unwrap_or_else(|| panic!("no {name} in {line}")).to_owned()
}

fn token() -> String {
    let signer = Signer::new("k1");
    signer.sign(&Token::for_identity("alice").claim("exp", 4_000_000_000_u64))
}

/// Answers the one call that is out.
fn answer(worker: &mut Worker<'_>, response: Option<(u16, &[(&str, &str)], &[u8])>) {
    let call = *worker.calls.keys().next().expect("a call is out");
    worker.calls.remove(&call);
    let response = response.map(|(status, headers, body)| CallResponse {
        status,
        headers: headers.iter().copied().collect(),
        body_size: body.len(),
        body: body.to_vec(),
        trailers: Fields::default(),
    });
    worker.handle(Event::CallDone { call, response });
}

/// What came, by status, headers and body; `None` where the host could not even call.
type Answer<'a> = Option<(u16, &'a [(&'a str, &'a str)], &'a [u8])>;

/// Failures: what they are, what comes, and words of the reason and of the remedy.
fn failures() -> Vec<(&'static str, Answer<'static>, &'static str, &'static str)> {
    const TLS: &[u8] = b"upstream connect error or disconnect/reset before headers. retried and the latest reset reason: remote connection failure, transport failure reason: TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end:TLS_error_end";
    let large: &[u8] = vec![b' '; 520 * 1024].leak();
    vec![
        ("no cluster", None, "no answer", "by its exact name"),
        ("a refused connection", Some((503, &[], b"upstream connect error or disconnect/reset before headers. reset reason: remote connection failure")), "remote connection failure", "`tollgate check --online`"),
        ("a wrong CA", Some((503, &[], TLS)), "CERTIFICATE_VERIFY_FAILED", "`cluster.idp.ssl.fail_verify_error`"),
        ("an address that cannot be reached", Some((503, &[], b"")), "status 503", "IPv6"),
        ("a timeout", Some((504, &[], b"upstream request timeout")), "upstream request timeout", "raise `providers.idp.jwks.timeout`"),
        ("garbage", Some((502, &[], b"upstream connect error or disconnect/reset before headers. reset reason: protocol error")), "protocol error", "address, port and TLS"),
        ("a byte order mark", Some((200, &[], b"\xef\xbb\xbf{\"keys\":[]}")), "it begins with `\\u{feff}{", "have its owner fix it"),
        ("gzip", Some((200, &[("content-encoding", "gzip")], b"\x1f\x8b")), "`gzip`", "send the DOCUMENT as it is"),
        ("gzip that is not called so", Some((200, &[], b"\x1f\x8b\x08\x00")), "it begins with `\\u{1f}", "have its owner fix it"),
        ("a page", Some((200, &[("content-type", "text/html")], b"<!doctype html><title>Sign in</title>")), "it begins with `<!doctype html>", "not a page to sign in"),
        ("nothing", Some((200, &[], b"")), "the body is empty", "look at what the URL in `FIELD` answers"),
        ("too much", Some((200, &[], large)), "532480 bytes; at most 524288", "leave out what is not in use"),
        ("no rights", Some((401, &[], b"{\"error\":\"unauthorized\"}")), "status 401", "must be one that anybody may read"),
        ("no rights either", Some((403, &[], b"")), "status 403", "must be one that anybody may read"),
        ("a redirect", Some((302, &[("location", "https://id.example.com/login?state=s3cret")], b"")), "`location` `https://id.example.com/login`", "write the URL that it leads to into `FIELD`"),
        ("a copy's word", Some((304, &[("etag", "\"1\"")], b"")), "status 304 (not modified)", "send the DOCUMENT to whoever names no version of it"),
        ("nothing there", Some((404, &[], b"not found")), "status 404", "is not the DOCUMENT:"),
        ("a server that fails", Some((500, &[], b"oops")), "status 500 with `oops`", "look into its own log"),
        ("a server that has enough", Some((429, &[], b"")), "status 429", "the limits that it has"),
    ]
}

/// Fails a fetch, and looks at every refusal that follows from it: of the request that waited, of one
/// that comes later, and of one that comes to another worker.
fn refused_like_the_fetch(
    name: &str,
    config: &str,
    (code, event): (&str, &str),
    fetch: &dyn Fn(&mut Worker<'_>),
    (reason, remedy): (&str, &str),
) {
    let world = World::default();
    let mut workers = [Worker::new(&world, config), Worker::new(&world, config)];
    let mut streams = vec![(0, workers[0].get(&token()))];
    workers[0].tick();
    fetch(&mut workers[0]);
    let (found, advice) = (field(&workers[0], event, "found"), field(&workers[0], event, "remedy"));
    assert!(found.contains(reason), "{name}: {found}");
    assert!(advice.contains(remedy), "{name}: {advice}");
    world.wait(Duration::from_millis(90));
    for worker in [0, 1] {
        // A list is looked at with each tick, keys with each request that wants one.
        workers[worker].tick();
        streams.push((worker, workers[worker].get(&token())));
    }
    for (worker, stream) in streams {
        let worker = &workers[worker];
        assert_eq!(worker.verdict(stream), code, "{name}");
        let (told, do_this) =
            (field(worker, "request_denied", "reason"), field(worker, "request_denied", "remedy"));
        assert!(told.contains(&found), "{name}: {told}");
        assert_eq!(do_this, advice, "{name}");
        assert!(told.contains("2027-01-15T08:00:00Z, "), "{name}: when? {told}");
        assert!(!told.contains("could not be asked") && !told.contains("s3cret"), "{name}: {told}");
    }
}

#[test]
fn a_refusal_for_want_of_keys_says_what_the_fetch_was_told() {
    let told = ("keys_unavailable", "keys_fetch_failed");
    let own: [(&str, Answer<'_>, &str, &str); 4] = [
        (
            "no keys",
            Some((200, &[], b"{\"keys\":[]}")),
            "the set has no keys",
            "publish the key that it signs with",
        ),
        (
            "unusable keys",
            Some((200, &[], b"{\"keys\":[{\"kty\":\"AKP\"}]}")),
            "`AKP`",
            "publish the key that it signs with",
        ),
        (
            "no list",
            Some((200, &[], b"{\"error\":1}")),
            "no array `keys`",
            "look at what the URL in `FIELD` answers",
        ),
        (
            "a member twice",
            Some((200, &[], b"{\"keys\":[],\"keys\":[]}")),
            "duplicate members",
            "have its owner fix it",
        ),
    ];
    for (name, response, reason, remedy) in failures().into_iter().chain(own) {
        let remedy =
            remedy.replace("FIELD", "providers.idp.jwks.url").replace("DOCUMENT", "key set");
        let fetch = |worker: &mut Worker<'_>| answer(worker, response);
        refused_like_the_fetch(name, CONFIG, told, &fetch, (reason, &remedy));
    }
}

#[test]
fn so_does_one_whose_keys_are_named_by_a_discovery_document() {
    let told = ("keys_unavailable", "keys_fetch_failed");
    let own: [(&str, Answer<'_>, &str, &str); 5] = [
        ("another issuer", Some((200, &[], b"{\"issuer\":\"https://fs.example.com/adfs\",\"jwks_uri\":\"x\"}")), "`https://fs.example.com/adfs`", "list both in `providers.idp.issuer`"),
        ("keys elsewhere", Some((200, &[], b"{\"issuer\":\"https://id.example.com/\",\"jwks_uri\":\"https://keys.example.com/\"}")), "`keys.example.com`", "`providers.idp.jwks.keys_cluster`"),
        ("keys in the clear", Some((200, &[], b"{\"issuer\":\"https://id.example.com/\",\"jwks_uri\":\"http://id.example.com/\"}")), "`jwks_uri` is http", "`providers.idp.jwks.url`"),
        ("no issuer", Some((200, &[], b"{\"jwks_uri\":\"https://id.example.com/keys\"}")), "`issuer` is missing", "have its owner fix it"),
        ("a list", Some((200, &[], b"[]")), "not a JSON object", "have its owner fix it"),
    ];
    for (name, response, reason, remedy) in failures().into_iter().chain(own) {
        let remedy =
            remedy.replace("FIELD", "providers.idp.jwks.discovery").replace("DOCUMENT", "document");
        // In the document's words a page is no object.
        let reason = if reason == "the body is empty" { "the body is empty" } else { reason };
        let fetch = |worker: &mut Worker<'_>| answer(worker, response);
        refused_like_the_fetch(name, DISCOVERY, told, &fetch, (reason, &remedy));
        let second = |worker: &mut Worker<'_>| {
            answer(worker, Some((200, &[], DOCUMENT.as_bytes())));
            answer(worker, Some((418, &[], b"teapot")));
        };
        let remedy = "`providers.idp.jwks.discovery`";
        refused_like_the_fetch("the set", DISCOVERY, told, &second, ("`teapot`", remedy));
    }
}

#[test]
fn so_does_one_for_want_of_a_list_of_revocations_in_its_own_words() {
    let config = CONFIG.replacen(
        '{',
        r#"{ "revoked": { "url": "https://id.example.com/revoked", "cluster": "idp", "on_stale": "deny" },"#,
        1,
    );
    let own: [(&str, Answer<'_>, &str, &str); 3] = [
        ("no entries", Some((200, &[], b"{}")), "missing field 'entries'", "is it the list's own"),
        (
            "a wrong entry",
            Some((200, &[], b"{\"entries\":[{\"provider\":\"idp\"}]}")),
            "not exactly one of",
            "have its owner fix it",
        ),
        ("a list", Some((200, &[], b"[]")), "it begins with `[]`", "have its owner fix it"),
    ];
    for (name, response, reason, remedy) in failures().into_iter().chain(own) {
        let remedy = remedy.replace("FIELD", "revoked.url").replace("DOCUMENT", "list");
        let remedy = remedy.replace("providers.idp.jwks", "revoked").replace("524288", "8388608");
        let large = vec![b' '; 9 * 1024 * 1024];
        let (response, reason) = match response {
            Some((200, headers, body)) if body.len() > 1000 => {
                (Some((200, headers, large.as_slice())), "9437184 bytes; at most 8388608")
            }
            other => (other, reason),
        };
        let fetch = |worker: &mut Worker<'_>| {
            // The keys are there: it is the list alone that is missing.
            let keys = *worker.calls.iter().find(|(_, call)| &*call.path == "/keys").unwrap().0;
            worker.calls.remove(&keys);
            let body = key_set(&[&Signer::new("k1")]);
            let headers = std::iter::empty::<(&str, &str)>().collect();
            let set = CallResponse {
                status: 200,
                headers,
                body_size: body.len(),
                body: body.into(),
                trailers: Fields::default(),
            };
            answer(worker, response);
            worker.handle(Event::CallDone { call: keys, response: Some(set) });
        };
        let told = ("revocations_stale", "revocations_fetch_failed");
        refused_like_the_fetch(name, &config, told, &fetch, (reason, &remedy));
    }
}

#[test]
fn a_list_that_has_not_changed_is_not_sent_again() {
    let config = CONFIG.replacen(
        '{',
        r#"{ "revoked": { "url": "https://id.example.com/revoked", "cluster": "idp" },"#,
        1,
    );
    let alice = br#"{"entries": [{"provider": "idp", "identity": "alice"}]}"#;
    let world = World::default();
    let mut workers = [Worker::new(&world, &config), Worker::new(&world, &config)];
    workers[0].fetch(&key_set(&[&Signer::new("k1")]));
    // who fetches, the tag that is named, what comes, the counters afterwards
    let tagged: &[(&str, &str)] = &[("etag", "W/\"1\"")];
    let twice: &[(&str, &str)] = &[("etag", "\"1\""), ("etag", "\"2\"")];
    let bare: &[(&str, &str)] = &[("etag", "1")];
    let rounds: [(usize, Option<&str>, Answer<'_>, (u64, u64)); 9] = [
        (0, None, Some((200, tagged, alice)), (1, 0)),
        // No list, were it read.
        (1, Some("W/\"1\""), Some((304, tagged, b"{")), (2, 0)),
        (0, Some("W/\"1\""), Some((304, &[], b"")), (3, 0)),
        (1, Some("W/\"1\""), Some((503, &[], b"")), (3, 1)),
        // Of another list than the one at hand.
        (0, Some("W/\"1\""), Some((304, &[("etag", "\"2\"")], b"")), (3, 2)),
        (1, None, Some((304, tagged, b"")), (3, 3)),
        (0, None, Some((200, twice, alice)), (4, 3)),
        (1, None, Some((200, bare, alice)), (5, 3)),
        (0, None, Some((200, &[], alice)), (6, 3)),
    ];
    for (round, (fetches, named, came, counted)) in rounds.into_iter().enumerate() {
        let worker = &mut workers[fetches];
        worker.tick();
        worker.calls.retain(|_, call| &*call.path == "/revoked");
        let (_, call) = worker.calls.first_key_value().expect("due");
        let mut headers = call.headers.iter();
        let found = headers.find(|(name, _)| *name == "if-none-match");
        assert_eq!(found.map(|(_, value)| &**value), named, "{round}");
        answer(worker, came);
        let counters = world.totals.counters.borrow();
        let count = |name: &str| counters.get(name).copied().unwrap_or_default();
        let fetches = ["ok", "failed"].map(|how| format!("tollgate_revocations_fetch_{how}"));
        let [ok, failed] = fetches.map(|name| count(&name));
        assert_eq!((ok, failed), counted, "{round}");
        drop(counters);
        for worker in &mut workers {
            worker.tick();
            let stream = worker.get(&token());
            assert_eq!(worker.verdict(stream), "session_inactive", "{round}");
        }
        world.wait(Duration::from_secs(10));
    }
}

/// Two workers of which the first is fetching for the second's sake, too, when its configuration ends.
#[test]
fn a_worker_whose_configuration_ends_leaves_its_fetch_to_the_next() {
    let config = CONFIG.replacen(
        '{',
        r#"{ "revoked": { "url": "https://id.example.com/revoked", "cluster": "idp", "on_stale": "deny" },"#,
        1,
    );
    let keys = key_set(&[&Signer::new("k1")]);
    for (name, config) in [("keys", CONFIG), ("discovery", DISCOVERY), ("both", &config)] {
        let world = World::default();
        let (mut one, mut other) = (Worker::new(&world, config), Worker::new(&world, config));
        let waiting = other.get(&token());
        one.tick();
        other.tick();
        let calls = one.calls.len();
        assert!(calls > 0 && other.calls.is_empty(), "{name}: one asks");
        one.stop();
        other.tick();
        assert_eq!(other.calls.len(), calls, "{name}: the other asks at once");
        assert_eq!(other.verdict(waiting), "waiting", "{name}");
        while !other.calls.is_empty() {
            let (_, call) = other.calls.first_key_value().unwrap();
            let body = match &*call.path {
                "/keys" => keys.as_str(),
                "/revoked" => r#"{"entries": []}"#,
                _ => DOCUMENT,
            };
            other.answer(200, &[], body);
        }
        assert_ne!(other.verdict(waiting), "waiting", "{name}");
        let later = other.get(&token());
        assert_eq!(other.verdict(later), "forwarded", "{name}");
    }
}

#[test]
fn a_fetch_on_demand_is_left_to_the_next_without_a_cooldown() {
    let world = World::default();
    let (mut one, mut other) = (Worker::new(&world, CONFIG), Worker::new(&world, CONFIG));
    one.fetch(&key_set(&[&Signer::new("k0")]));
    other.tick();
    world.wait(Duration::from_secs(31));
    let waiting = [one.get(&token()), other.get(&token())];
    one.tick();
    other.tick();
    assert_eq!((one.calls.len(), other.calls.len()), (1, 0));
    one.stop();
    other.tick();
    assert_eq!(other.calls.len(), 1, "nobody has to ask for it again");
    other.answer(200, &[], &key_set(&[&Signer::new("k1")]));
    assert_eq!(other.verdict(waiting[1]), "forwarded");
    // A right that is no longer held is nobody's to give back.
    one.stop();
    other.tick();
    assert!(other.calls.is_empty());
}

#[test]
fn what_others_write_into_the_record_never_leads_astray() {
    let world = World::default();
    let mut one = Worker::new(&world, CONFIG);
    one.tick();
    answer(&mut one, Some((404, &[], b"nothing")));
    let key = world.store.keys().into_iter().find(|key| key.starts_with("tg1/ring/")).unwrap();
    let record = world.store.get(&key).value.unwrap();
    let place = record.windows(6).position(|part| part == b"status").unwrap() - 1;
    for kind in 0..=u8::MAX {
        let mut forged = record.clone();
        forged[place] = kind;
        forged[place + 7] = b'\n';
        world.store.force(&key, &forged);
        let mut other = Worker::new(&world, CONFIG);
        let stream = other.get(&token());
        assert_eq!(other.verdict(stream), "keys_unavailable", "{kind}");
        let remedy = field(&other, "request_denied", "remedy");
        assert!(remedy.contains("providers.idp."), "{kind}: {remedy}");
        assert!(!field(&other, "request_denied", "reason").contains('\n'), "{kind}");
    }
}
