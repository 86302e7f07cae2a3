//! Requests that are good and refused all the same: too many, or revoked.

#[path = "support/pairs.rs"]
mod pairs;
mod support;

use std::time::Duration;

use hmac::{KeyInit as _, Mac as _};
use serde_json::json;
use sha2::{Digest, Sha256};
use support::token::{NOW, Signer, Token, key_set};
use support::world::{Worker, World, head};
use tollgate::ids::StreamId;

/// One provider, a public API, one with a rate, one without, and these further members.
fn config(rate: &str, members: &str) -> String {
    format!(
        r#"{{ "providers": {{
            "idp": {{ "issuer": "https://id.example.com/", "audiences": ["api"],
                     "jwks": {{ "url": "https://id.example.com/keys", "cluster": "idp" }} }},
            "partner": {{ "kind": "api_key", "from": [ {{ "header": "x-api-key" }} ],
                         "keys": [ {{ "name": "k", "sha256": "{}", "identity": "acme" }} ] }} }},
          "apis": [
            {{ "name": "public", "match": {{ "paths": ["/public"] }}, "auth": "none", "rate": {rate} }},
            {{ "name": "orders", "match": {{ "paths": ["/orders/**"] }}, "auth": ["idp", "partner"], "rate": {rate} }},
            {{ "name": "free", "match": {{ "paths": ["/free"] }}, "auth": ["idp"] }} ]
          {members} }}"#,
        hex(b"partner-key")
    )
}

const THREE: &str = r#"{ "requests": 3, "per": "1h" }"#;
const MANY: &str = r#"{ "requests": 100000, "per": "1s" }"#;

fn hex(text: &[u8]) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn token(signer: &Signer, identity: &str) -> String {
    signer.sign(&Token::for_identity(identity).claim("exp", NOW + 86_400).claim("jti", "t1"))
}

fn get(worker: &mut Worker<'_>, path: &str, token: &str) -> StreamId {
    worker.request(head("GET", path, &[("authorization", &format!("Bearer {token}"))]))
}

fn advice(worker: &Worker<'_>, stream: StreamId, name: &str) -> Option<String> {
    let headers = worker.advice.get(&stream)?;
    headers.iter().find(|(found, _)| *found == name).map(|(_, value)| value.clone())
}

#[test]
fn an_apis_rate_counts_all_its_callers_in_all_workers() {
    let world = World::default();
    let signer = Signer::new("k1");
    let config = config(THREE, "");
    let mut workers = [Worker::new(&world, &config), Worker::new(&world, &config)];
    workers[0].fetch(&key_set(&[&signer]));
    let (alice, bob) = (token(&signer, "alice"), token(&signer, "bob"));
    for (number, (worker, who)) in [(0, &alice), (1, &bob), (1, &alice)].into_iter().enumerate() {
        let worker = &mut workers[worker];
        let stream = get(worker, "/orders/7", who);
        assert_eq!(worker.verdict(stream), "forwarded");
        let terms = r#""api";q=3;w=3600"#;
        assert_eq!(advice(worker, stream, "ratelimit-policy").as_deref(), Some(terms));
        let left = ["\"api\";r=2;t=1200", "\"api\";r=1;t=2400", "\"api\";r=0;t=1200"][number];
        assert_eq!(advice(worker, stream, "ratelimit").as_deref(), Some(left));
    }
    for worker in &mut workers {
        let stream = get(worker, "/orders/7", &bob);
        assert_eq!(worker.verdict(stream), "rate_limited");
        assert_eq!(worker.reply(stream).status, 429);
        assert_eq!(worker.reply_header(stream, "retry-after"), Some("1200"));
        assert_eq!(worker.reply_header(stream, "ratelimit"), Some("\"api\";r=0;t=1200"));
        assert_eq!(worker.reply_header(stream, "ratelimit-policy"), Some("\"api\";q=3;w=3600"));
        assert_eq!(worker.counts["tollgate_denied_rate_limited"], 1);
        assert!(worker.log.iter().any(|line| line.contains("3 requests in 1h")));
        let stream = get(worker, "/free", &bob);
        assert_eq!(worker.verdict(stream), "forwarded", "another API");
        assert_eq!(advice(worker, stream, "ratelimit"), None);
    }
    world.wait(Duration::from_secs(1200));
    let stream = get(&mut workers[0], "/orders/7", &bob);
    assert_eq!(workers[0].verdict(stream), "forwarded");
}

#[test]
fn a_public_api_has_a_rate_too_and_a_grpc_client_is_told() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config(r#"{ "requests": 1, "per": "1m" }"#, ""));
    let request = || head("GET", "/public", &[("content-type", "application/grpc")]);
    let stream = worker.request(request());
    assert_eq!(worker.verdict(stream), "forwarded");
    let stream = worker.request(request());
    assert_eq!(worker.verdict(stream), "rate_limited");
    let reply = worker.reply(stream);
    assert_eq!((reply.status, reply.grpc_status), (429, Some(8)));
    assert_eq!(worker.reply_header(stream, "retry-after"), Some("60"));
}

#[test]
fn a_client_is_told_nothing_more_where_that_is_configured() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config(THREE, r#", "limits": { "headers": [] }"#));
    for number in 0..4 {
        let stream = worker.request(head("GET", "/public", &[]));
        assert!(worker.advice.is_empty());
        if number == 3 {
            assert_eq!(worker.verdict(stream), "rate_limited");
            assert_eq!(worker.reply_header(stream, "ratelimit"), None);
            assert_eq!(worker.reply_header(stream, "retry-after"), Some("1200"));
        }
    }
}

#[test]
fn a_refused_request_is_not_counted_and_a_parked_one_once() {
    let world = World::default();
    let signer = Signer::new("k1");
    let mut worker = Worker::new(&world, &config(THREE, ""));
    let alice = token(&signer, "alice");
    let parked = get(&mut worker, "/orders/7", &alice);
    assert_eq!(worker.verdict(parked), "waiting");
    worker.fetch(&key_set(&[&signer]));
    assert_eq!(worker.verdict(parked), "forwarded");
    assert_eq!(advice(&worker, parked, "ratelimit").as_deref(), Some("\"api\";r=2;t=1200"));
    for _ in 0..5 {
        let stream = get(&mut worker, "/orders/7", "no.token");
        assert_eq!(worker.verdict(stream), "token_malformed");
    }
    let stream = get(&mut worker, "/orders/7", &alice);
    assert_eq!(advice(&worker, stream, "ratelimit").as_deref(), Some("\"api\";r=1;t=2400"));
}

#[test]
fn counters_that_cannot_be_written_let_nothing_through() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config(THREE, ""));
    worker.request(head("GET", "/public", &[]));
    world.store.losses.set(64);
    let stream = worker.request(head("GET", "/public", &[]));
    assert_eq!(worker.verdict(stream), "limit_contention");
    assert_eq!(worker.reply(stream).status, 503);
    world.store.absent.set(true);
    let stream = worker.request(head("GET", "/public", &[]));
    assert_eq!(worker.verdict(stream), "limit_store_full");
    world.store.absent.set(false);
    let stream = worker.request(head("GET", "/public", &[]));
    assert_eq!(advice(&worker, stream, "ratelimit").as_deref(), Some("\"api\";r=1;t=2400"));
}

#[test]
fn what_the_configuration_revokes_is_refused_from_the_first_request_on() {
    let signer = Signer::new("k1");
    let alice = token(&signer, "alice");
    let digest = hex(alice.as_bytes());
    let later = r#""issued_before": "2027-01-15T08:00:01Z""#;
    let cases = [
        ("nothing", String::new(), "forwarded", "forwarded"),
        (
            "the identity",
            r#""provider": "idp", "identity": "alice""#.into(),
            "session_inactive",
            "forwarded",
        ),
        (
            "its older tokens",
            format!(r#""provider": "idp", "identity": "alice", {later}"#),
            "token_revoked",
            "forwarded",
        ),
        ("a token's id", r#""provider": "idp", "jti": "t1""#.into(), "token_revoked", "forwarded"),
        (
            "the token",
            format!(r#""provider": "idp", "token_sha256": "{digest}""#),
            "token_revoked",
            "forwarded",
        ),
        (
            "a key's owner",
            r#""provider": "partner", "identity": "acme""#.into(),
            "forwarded",
            "session_inactive",
        ),
        (
            "a key's owner, till then",
            format!(r#""provider": "partner", "identity": "acme", {later}"#),
            "forwarded",
            "token_revoked",
        ),
        (
            "another provider's",
            r#""provider": "partner", "identity": "alice""#.into(),
            "forwarded",
            "forwarded",
        ),
    ];
    for (name, entry, of_token, of_key) in cases {
        let entries = if entry.is_empty() { entry } else { format!("{{ {entry} }}") };
        let revoked = format!(r#", "revoked": {{ "entries": [{entries}] }}"#);
        let config = config(MANY, if entries.is_empty() { "" } else { &revoked });
        let world = World::default();
        let mut worker = Worker::new(&world, &config);
        worker.fetch(&key_set(&[&signer]));
        for _ in 0..2 {
            let stream = get(&mut worker, "/orders/7", &alice);
            assert_eq!(worker.verdict(stream), of_token, "{name}");
            let stream = worker.request(head("GET", "/orders/7", &[("x-api-key", "partner-key")]));
            assert_eq!(worker.verdict(stream), of_key, "{name}");
        }
    }
}

const FETCHED: &str =
    r#", "revoked": { "url": "https://ops.example.com/revoked.json", "cluster": "ops" }"#;
const ALICE: &str = r#"{"entries": [{"provider": "idp", "identity": "alice"}]}"#;

/// Answers the call to this cluster.
fn answer(worker: &mut Worker<'_>, cluster: &str, status: u16, body: &str) {
    let calls = worker.calls.iter();
    let call = calls.filter(|(_, call)| &*call.cluster == cluster).map(|(id, _)| *id).next();
    let response = tollgate::event::CallResponse {
        status,
        headers: std::iter::empty::<(&str, &str)>().collect(),
        body_size: body.len(),
        body: body.into(),
        trailers: tollgate::http::Fields::default(),
    };
    let call = call.unwrap();
    worker.calls.remove(&call);
    worker.handle(tollgate::event::Event::CallDone { call, response: Some(response) });
}

#[test]
fn a_fetched_list_ends_what_was_verified_before_in_every_worker() {
    let world = World::default();
    let signer = Signer::new("k1");
    let config = config(MANY, FETCHED);
    let mut workers = [Worker::new(&world, &config), Worker::new(&world, &config)];
    let (alice, bob) = (token(&signer, "alice"), token(&signer, "bob"));
    workers[0].tick();
    answer(&mut workers[0], "idp", 200, &key_set(&[&signer]));
    let stream = get(&mut workers[0], "/orders/7", &alice);
    assert_eq!(workers[0].verdict(stream), "revocations_stale");
    assert_eq!(workers[0].reply(stream).status, 503);
    assert!(workers[0].reply_header(stream, "retry-after").is_some());
    let stream = workers[0].request(head("GET", "/public", &[]));
    assert_eq!(workers[0].verdict(stream), "forwarded", "nobody to revoke");
    answer(&mut workers[0], "ops", 200, r#"{"entries": []}"#);
    workers[1].tick();
    for worker in &mut workers {
        let stream = get(worker, "/orders/7", &alice);
        assert_eq!(worker.verdict(stream), "forwarded");
    }
    world.wait(Duration::from_secs(10));
    workers[0].tick();
    assert_eq!(workers[0].calls.values().next().map(|call| call.max_body), Some(8 * 1024 * 1024));
    answer(&mut workers[0], "ops", 200, ALICE);
    workers[1].tick();
    let verified = world.verifications();
    for worker in &mut workers {
        let stream = get(worker, "/orders/7", &alice);
        assert_eq!(worker.verdict(stream), "session_inactive");
        assert_eq!(worker.reply(stream).status, 403);
    }
    assert_eq!(world.verifications(), verified, "no token was verified again");
    let stream = get(&mut workers[1], "/orders/7", &bob);
    assert_eq!(workers[1].verdict(stream), "forwarded");
    assert_eq!(workers[0].counts["tollgate_revocations_fetch_ok"], 2);
}

#[test]
fn a_list_that_is_bad_or_gone_leaves_the_old_one_in_force_for_a_while() {
    let world = World::default();
    let signer = Signer::new("k1");
    let mut worker = Worker::new(&world, &config(MANY, FETCHED));
    let (alice, bob) = (token(&signer, "alice"), token(&signer, "bob"));
    worker.tick();
    answer(&mut worker, "idp", 200, &key_set(&[&signer]));
    answer(&mut worker, "ops", 200, ALICE);
    for (status, body) in [(200, r#"{"entries": [{"provider": "idp"}]}"#), (404, "{}"), (200, "")] {
        world.wait(Duration::from_secs(11));
        worker.tick();
        answer(&mut worker, "ops", status, body);
        let line = worker.log.last().unwrap();
        assert!(line.contains("revocations_fetch_failed"), "{line}");
        assert!(line.contains(r#""entries_in_use":"1""#), "{line}");
        let stream = get(&mut worker, "/orders/7", &alice);
        assert_eq!(worker.verdict(stream), "session_inactive");
        let stream = get(&mut worker, "/orders/7", &bob);
        assert_eq!(worker.verdict(stream), "forwarded");
    }
    assert_eq!(worker.counts["tollgate_revocations_fetch_failed"], 3);
    world.wait(Duration::from_hours(1));
    let stream = get(&mut worker, "/orders/7", &bob);
    assert_eq!(worker.verdict(stream), "revocations_stale");
}

/// An API with a rate whose callers have a policy with these members.
fn with_policy(policy: &str) -> String {
    config(
        r#"{ "requests": 5, "per": "1h" }"#,
        &format!(r#", "policies": {{ "p": {{ {policy} }} }}"#),
    )
    .replace(
        r#""auth": ["idp", "partner"]"#,
        r#""auth": ["idp"], "policies": { "default": ["p"] }"#,
    )
}

#[test]
fn a_callers_own_limits_come_before_the_apis() {
    let world = World::default();
    let signer = Signer::new("k1");
    let policy =
        r#""rate": { "requests": 2, "per": "1h" }, "quota": { "requests": 3, "per": "1d" }"#;
    let mut worker = Worker::new(&world, &with_policy(policy));
    worker.fetch(&key_set(&[&signer]));
    let (alice, bob) = (token(&signer, "alice"), token(&signer, "bob"));
    let stream = get(&mut worker, "/orders/7", &alice);
    let terms = r#""rate";q=2;w=3600, "quota";q=3;w=86400, "api";q=5;w=3600"#;
    assert_eq!(advice(&worker, stream, "ratelimit-policy").as_deref(), Some(terms));
    let left = r#""rate";r=1;t=1800, "quota";r=2;t=86400, "api";r=4;t=720"#;
    assert_eq!(advice(&worker, stream, "ratelimit").as_deref(), Some(left));
    get(&mut worker, "/orders/7", &alice);
    // Refused by her own rate: neither her quota nor the API's rate is charged.
    for _ in 0..3 {
        let stream = get(&mut worker, "/orders/7", &alice);
        assert_eq!(worker.verdict(stream), "rate_limited");
        let left = r#""rate";r=0;t=1800, "quota";r=1;t=86400"#;
        assert_eq!(worker.reply_header(stream, "ratelimit"), Some(left));
    }
    world.wait(Duration::from_mins(30));
    let stream = get(&mut worker, "/orders/7", &alice);
    assert_eq!(worker.verdict(stream), "forwarded");
    world.wait(Duration::from_mins(30));
    let stream = get(&mut worker, "/orders/7", &alice);
    assert_eq!(worker.verdict(stream), "quota_exceeded");
    assert_eq!(worker.reply_header(stream, "retry-after"), Some("82800"));
    let stream = get(&mut worker, "/orders/7", &bob);
    assert_eq!(worker.verdict(stream), "forwarded", "another caller");
}

#[test]
fn callers_are_counted_by_what_their_policy_names() {
    let signer = Signer::new("k1");
    let one = r#""quota": { "requests": 1, "per": "1d" }"#;
    let by_client = format!(r#"{one}, "limit_by": "client""#);
    let by_claim = format!(r#"{one}, "limit_by": {{ "claim": "org" }}"#);
    // name, policy, the first caller's claim, the second's, how the second ends
    let cases = [
        ("identity", one, ("org", "a"), ("org", "a"), "forwarded"),
        ("one client", by_client.as_str(), ("azp", "c"), ("azp", "c"), "quota_exceeded"),
        ("two clients", by_client.as_str(), ("azp", "c"), ("azp", "d"), "forwarded"),
        ("no client", by_client.as_str(), ("azp", "c"), ("org", "c"), "limit_key_missing"),
        ("one organisation", by_claim.as_str(), ("org", "a"), ("org", "a"), "quota_exceeded"),
        ("two organisations", by_claim.as_str(), ("org", "a"), ("org", "b"), "forwarded"),
        ("no organisation", by_claim.as_str(), ("org", "a"), ("azp", "a"), "limit_key_missing"),
    ];
    for (name, policy, first, second, expected) in cases {
        let world = World::default();
        let mut worker = Worker::new(&world, &with_policy(policy));
        worker.fetch(&key_set(&[&signer]));
        let caller = |identity: &str, (claim, value): (&str, &str)| {
            signer.sign(&Token::for_identity(identity).claim(claim, value))
        };
        let stream = get(&mut worker, "/orders/7", &caller("alice", first));
        assert_eq!(worker.verdict(stream), "forwarded", "{name}");
        let stream = get(&mut worker, "/orders/7", &caller("bob", second));
        assert_eq!(worker.verdict(stream), expected, "{name}");
    }
}

#[test]
fn what_a_rate_of_another_subject_refuses_uses_no_quota() {
    let world = World::default();
    let signer = Signer::new("k1");
    let policies = r#""p": { "rate": { "requests": 9, "per": "1h" },
                             "quota": { "requests": 3, "per": "1d" } },
                      "q": { "access": [ { "apis": ["orders"], "rate": { "requests": 1, "per": "1h" } } ],
                             "limit_by": "client" }"#;
    let config =
        with_policy("").replace(r#""p": {  }"#, policies).replace(r#"["p"]"#, r#"["p", "q"]"#);
    let mut worker = Worker::new(&world, &config);
    worker.fetch(&key_set(&[&signer]));
    let of_app = |identity: &str| signer.sign(&Token::for_identity(identity).claim("azp", "app"));
    let stream = get(&mut worker, "/orders/7", &of_app("bob"));
    assert_eq!(worker.verdict(stream), "forwarded");
    // The client's rate is used up: what Alice is refused for leaves her quota whole.
    for _ in 0..5 {
        let stream = get(&mut worker, "/orders/7", &of_app("alice"));
        assert_eq!(worker.verdict(stream), "rate_limited");
    }
    world.wait(Duration::from_secs(200));
    let other = signer.sign(&Token::for_identity("alice").claim("azp", "another app"));
    let stream = get(&mut worker, "/orders/7", &other);
    assert_eq!(worker.verdict(stream), "forwarded");
    let left = advice(&worker, stream, "ratelimit").unwrap();
    assert!(left.contains(r#""quota";r=2;t=86400"#), "{left}");
}

#[test]
fn what_a_quota_of_another_subject_refuses_uses_no_rate() {
    let world = World::default();
    let signer = Signer::new("k1");
    let policies = r#""p": { "rate": { "requests": 3, "per": "1h" } },
                      "q": { "quota": { "requests": 1, "per": "1d" }, "limit_by": "client" }"#;
    let config =
        with_policy("").replace(r#""p": {  }"#, policies).replace(r#"["p"]"#, r#"["p", "q"]"#);
    let mut worker = Worker::new(&world, &config);
    worker.fetch(&key_set(&[&signer]));
    let by = |identity: &str, client: &str| {
        signer.sign(&Token::for_identity(identity).claim("azp", client))
    };
    let stream = get(&mut worker, "/orders/7", &by("bob", "app"));
    assert_eq!(worker.verdict(stream), "forwarded");
    // The client's quota is used up: what Alice is refused for leaves her rate whole.
    let writes = world.store.writes();
    for _ in 0..5 {
        let stream = get(&mut worker, "/orders/7", &by("alice", "app"));
        assert_eq!(worker.verdict(stream), "quota_exceeded");
        let left = worker.reply_header(stream, "ratelimit").unwrap();
        assert_eq!(left, r#""rate";r=3;t=0, "quota";r=0;t=86400"#);
    }
    assert_eq!(world.store.writes() - writes, 1, "her session, and no counter");
    // Three requests of clients that have a quota left: as many as her rate allows.
    for client in ["a", "b", "c"] {
        let stream = get(&mut worker, "/orders/7", &by("alice", client));
        assert_eq!(worker.verdict(stream), "forwarded", "{client}");
    }
    let stream = get(&mut worker, "/orders/7", &by("alice", "d"));
    assert_eq!(worker.verdict(stream), "rate_limited");
    let steps = "what her rate refuses uses no client's quota";
    let stream = get(&mut worker, "/orders/7", &by("carol", "d"));
    assert_eq!(worker.verdict(stream), "forwarded", "{steps}");
}

#[test]
fn a_revoked_credential_refuses_whichever_branch_it_belongs_to() {
    let world = World::default();
    let signer = Signer::new("k1");
    let revoked =
        r#", "revoked": { "entries": [ { "provider": "partner", "identity": "acme" } ] }"#;
    let mut worker = Worker::new(&world, &config(MANY, revoked));
    worker.fetch(&key_set(&[&signer]));
    let bearer = format!("Bearer {}", token(&signer, "alice"));
    let both = [("authorization", bearer.as_str()), ("x-api-key", "partner-key")];
    // The second time the token is known.
    for _ in 0..2 {
        let stream = worker.request(head("GET", "/orders/7", &both[..1]));
        assert_eq!(worker.verdict(stream), "forwarded", "the token alone");
        let stream = worker.request(head("GET", "/orders/7", &both));
        assert_eq!(worker.verdict(stream), "session_inactive", "with a key whose owner is out");
    }
}

/// A configuration of two issuers and API keys, policies and two APIs that give them.
fn shared(policies: &str, given: &str, further: &str) -> String {
    let sha = |key: &str| hex(key.as_bytes());
    let keys = json!({ "keys": [Signer::new("k1").jwk()] });
    format!(
        r#"{{ "providers": {{
            "idp": {{ "issuer": ["https://id.example.com/", "https://other.example.com/"],
                     "audiences": ["api"], "jwks": {{ "inline": {keys} }},
                     "claims": {{ "policies": ["pol"] }} }},
            "partner": {{ "kind": "api_key", "from": [ {{ "header": "x-api-key" }} ],
                         "keys": [ {{ "name": "a", "sha256": "{}", "identity": "acme" }},
                                   {{ "name": "b", "sha256": "{}", "identity": "acme" }} ] }} }},
          "policies": {{ {policies} }},
          "apis": [
            {{ "name": "one", "match": {{ "paths": ["/one/**"] }}, "auth": ["idp", "partner"], "policies": {given} }},
            {{ "name": "two", "match": {{ "paths": ["/two/**"] }}, "auth": ["partner", "idp"], "policies": {given} }} ]
          {further} }}"#,
        sha("key a"),
        sha("key b"),
    )
}

/// Shows each request (method, path, credential) to a worker in turn, and collects how they end.
fn ends(config: &str, requests: &[(&str, &str, &str)]) -> Vec<String> {
    let world = World::default();
    let mut workers = [Worker::new(&world, config), Worker::new(&world, config)];
    let mut ends = Vec::new();
    for (number, (method, path, credential)) in requests.iter().enumerate() {
        let worker = &mut workers[number % 2];
        let bearer = format!("Bearer {credential}");
        let header = match credential.starts_with("key ") {
            true => ("x-api-key", *credential),
            false => ("authorization", bearer.as_str()),
        };
        let stream = worker.request(head(method, path, &[header]));
        ends.push(worker.verdict(stream));
    }
    ends
}

#[test]
fn a_policys_limits_count_a_caller_over_all_apis_and_keys() {
    let config = shared(
        r#""p": { "quota": { "requests": 2, "per": "1d" } }"#,
        r#"{ "default": ["p"] }"#,
        "",
    );
    let signer = Signer::new("k1");
    let alice = token(&signer, "alice");
    let newer = signer.sign(&Token::for_identity("alice").claim("jti", "t2"));
    let elsewhere = Token::for_identity("alice").claim("iss", "https://other.example.com/");
    let elsewhere = signer.sign(&elsewhere);
    let acme = token(&signer, "acme");
    let (yes, no) = ("forwarded", "quota_exceeded");
    let cases: [(&str, &[(&str, &str, &str)], &[&str]); 4] = [
        (
            "APIs",
            &[("GET", "/one", &alice), ("GET", "/two", &alice), ("GET", "/one", &alice)],
            &[yes, yes, no],
        ),
        (
            "tokens",
            &[("GET", "/one", &alice), ("GET", "/one", &newer), ("GET", "/two", &newer)],
            &[yes, yes, no],
        ),
        (
            "keys of one owner, who is not the token's",
            &[
                ("GET", "/one", "key a"),
                ("GET", "/two", "key b"),
                ("GET", "/one", "key b"),
                ("GET", "/one", &acme),
            ],
            &[yes, yes, no, yes],
        ),
        (
            "issuers, apart",
            &[
                ("GET", "/one", &alice),
                ("GET", "/one", &alice),
                ("GET", "/one", &elsewhere),
                ("GET", "/one", &elsewhere),
                ("GET", "/one", &elsewhere),
            ],
            &[yes, yes, yes, yes, no],
        ),
    ];
    for (name, requests, expected) in cases {
        assert_eq!(ends(&config, requests), expected, "{name}");
    }
}

#[test]
fn alternating_tokens_of_one_caller_are_counted_by_what_each_says() {
    let config = shared(
        r#""small": { "quota": { "requests": 2, "per": "1d" } },
           "large": { "quota": { "requests": 4, "per": "1d" } }"#,
        r#"{ "from_claim": true }"#,
        "",
    );
    let signer = Signer::new("k1");
    let with = |policies: &str| signer.sign(&Token::for_identity("alice").claim("pol", policies));
    let (small, large) = (with("small"), with("large"));
    let mut requests = Vec::new();
    for _ in 0..5 {
        requests.extend([("GET", "/one", small.as_str()), ("GET", "/two", large.as_str())]);
    }
    let ends = ends(&config, &requests);
    let passed = |first: usize| {
        let ends = ends.iter().skip(first).step_by(2);
        ends.map(|end| end == "forwarded").collect::<Vec<_>>()
    };
    assert_eq!(passed(0), [true, true, false, false, false], "small");
    assert_eq!(passed(1), [true, true, true, true, false], "large");
}

#[test]
fn an_entry_counts_what_it_grants_beside_the_policys_own_rate() {
    let config = shared(
        r#""p": { "rate": { "requests": 3, "per": "1h" }, "access": [
             { "apis": ["one", "two"], "methods": ["GET"] },
             { "apis": ["one"], "methods": ["POST"], "rate": { "requests": 1, "per": "1h" } } ] }"#,
        r#"{ "default": ["p"] }"#,
        "",
    );
    let alice = token(&Signer::new("k1"), "alice");
    let [get, post] = ["GET", "POST"].map(|method| (method, "/one", alice.as_str()));
    let (yes, no) = ("forwarded", "rate_limited");
    assert_eq!(ends(&config, &[post, post, get, get, get]), [yes, no, yes, yes, no]);
    assert_eq!(ends(&config, &[get, get, get, post]), [yes, yes, yes, no]);
}

#[test]
fn an_api_key_has_no_client_to_be_counted_by() {
    for by in [r#""client""#, r#"{ "claim": "org" }"#] {
        let policy =
            format!(r#""p": {{ "quota": {{ "requests": 2, "per": "1d" }}, "limit_by": {by} }}"#);
        let config = shared(&policy, r#"{ "default": ["p"] }"#, "");
        assert_eq!(ends(&config, &[("GET", "/one", "key a")]), ["limit_key_missing"], "{by}");
    }
}

#[test]
fn no_number_of_callers_takes_the_room_of_an_apis_own_counter() {
    let world = World::default();
    let signer = Signer::new("k1");
    let policy = r#""quota": { "requests": 9, "per": "30d" }"#;
    let limits = r#""limits": { "capacity": 8 }, "policies""#;
    let config =
        with_policy(policy).replace(r#""policies": { "p""#, &format!(r#"{limits}: {{ "p""#));
    let config =
        config.replace(r#"{ "requests": 5, "per": "1h" }"#, r#"{ "requests": 5, "per": "1s" }"#);
    let mut worker = Worker::new(&world, &config);
    worker.fetch(&key_set(&[&signer]));
    let callers: Vec<_> = (0..9).map(|n| token(&signer, &format!("c{n}"))).collect();
    for (number, caller) in callers.iter().enumerate() {
        // By now the API's counter has ended, and its room could go to the next caller.
        world.wait(Duration::from_secs(10));
        let stream = get(&mut worker, "/orders/7", caller);
        let expected = if number < 8 { "forwarded" } else { "limit_store_full" };
        assert_eq!(worker.verdict(stream), expected, "caller {number}");
    }
    let stream = get(&mut worker, "/orders/7", &callers[0]);
    assert_eq!(worker.verdict(stream), "forwarded", "everybody else goes on");
}

#[test]
fn a_revoked_tokens_other_spelling_is_revoked_with_it() {
    let sign = |claims: &str| {
        let encoded = |text: &str| pairs::encoded(text);
        let signed = format!("{}.{}", encoded(r#"{"alg":"ES256","kid":"e1"}"#), encoded(claims));
        let signature = pairs::p256_signature(signed.as_bytes());
        let (r, s) = signature.split_scalars();
        let twin = p256::ecdsa::Signature::from_scalars(r, -s).unwrap();
        [signature, twin].map(|one| format!("{signed}.{}", pairs::encoded(one.to_bytes())))
    };
    let claims = |identity: &str| {
        let exp = NOW + 300;
        format!(r#"{{"iss":"https://id.example.com/","aud":"api","sub":"{identity}","exp":{exp}}}"#)
    };
    let (tokens, others) = (sign(&claims("alice")), sign(&claims("bob")));
    for listed in &tokens {
        let entry =
            format!(r#"{{ "provider": "idp", "token_sha256": "{}" }}"#, hex(listed.as_bytes()));
        let config = config(MANY, &format!(r#", "revoked": {{ "entries": [ {entry} ] }}"#));
        let world = World::default();
        let mut worker = Worker::new(&world, &config);
        worker.fetch(&serde_json::json!({ "keys": [pairs::p256_jwk("e1")] }).to_string());
        for _ in 0..2 {
            for (token, expected) in
                [(&tokens, "token_revoked"), (&others, "forwarded")].map(|(both, x)| (&both[0], x))
            {
                let stream = get(&mut worker, "/orders/7", token);
                assert_eq!(worker.verdict(stream), expected);
            }
            let stream = get(&mut worker, "/orders/7", &tokens[1]);
            assert_eq!(worker.verdict(stream), "token_revoked", "the twin");
        }
    }
}

#[test]
fn a_limit_that_is_only_reported_counts_and_adds_nothing() {
    let config = shared(
        r#""p": { "rate": { "requests": 1, "per": "1h" } }"#,
        r#"{ "default": ["p"] }"#,
        r#", "mode": "report""#,
    );
    let world = World::default();
    let mut worker = Worker::new(&world, &config);
    let alice = token(&Signer::new("k1"), "alice");
    for number in 0..3 {
        let stream = get(&mut worker, "/one", &alice);
        assert_eq!(worker.changes(stream), [], "number {number}");
        assert_eq!(worker.advice.get(&stream), None, "number {number}");
        let code = worker.notes.get(&(stream, "tollgate.code")).map(String::as_str);
        assert_eq!(code, (number > 0).then_some("rate_limited"), "number {number}");
    }
    assert_eq!(worker.counts["tollgate_would_deny_rate_limited"], 2);
    assert_eq!(worker.counts["tollgate_allowed"], 1);
}

#[test]
fn whoever_vouches_can_be_revoked() {
    let signer = Signer::new("k1");
    let alice = token(&signer, "alice");
    let both = |auth: &str, entry: &str| {
        let revoked = format!(r#", "revoked": {{ "entries": [{{ {entry} }}] }}"#);
        let config = config(MANY, &revoked).replace(r#""auth": ["idp", "partner"]"#, auth);
        let world = World::default();
        let mut worker = Worker::new(&world, &config);
        worker.fetch(&key_set(&[&signer]));
        let bearer = format!("Bearer {alice}");
        let shown = [("authorization", bearer.as_str()), ("x-api-key", "partner-key")];
        let stream = worker.request(head("GET", "/orders/7", &shown));
        worker.verdict(stream)
    };
    let together = r#""auth": [["partner", "idp"]], "session_from": "idp""#;
    let key = r#""provider": "partner", "identity": "acme""#;
    let jti = r#""provider": "idp", "jti": "t1""#;
    for (name, auth, entry, expected) in [
        ("the session's", together, jti, "token_revoked"),
        ("another member's", together, key, "session_inactive"),
        ("in a branch that loses", r#""auth": ["idp", "partner"]"#, key, "session_inactive"),
        ("in a branch that loses, a token", r#""auth": ["partner", "idp"]"#, jti, "token_revoked"),
        ("somebody else's", together, r#""provider": "partner", "identity": "alice""#, "forwarded"),
    ] {
        assert_eq!(both(auth, entry), expected, "{name}");
    }
}

/// A configuration of one provider with these keys, whose callers have two requests an hour.
fn with_keys(keys: &str) -> String {
    format!(
        r#"{{ "providers": {{ "idp": {{ "issuer": "https://id.example.com/", "audiences": ["api"], {keys} }} }},
          "policies": {{ "two": {{ "quota": {{ "requests": 2, "per": "1h" }} }} }},
          "apis": [ {{ "name": "orders", "auth": ["idp"], "policies": {{ "default": ["two"] }} }} ] }}"#
    )
}

#[test]
fn keys_that_a_new_configuration_changes_lose_no_session_and_no_counter() {
    let (old, new) = (Signer::new("k1"), Signer::new("k2"));
    let inline = |signer: &Signer| format!(r#""jwks": {{ "inline": {} }}"#, key_set(&[signer]));
    let pem = |x: &str| {
        let pem =
            format!("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA{x}=\n-----END PUBLIC KEY-----\n");
        format!(r#""pem": {}"#, json!(pem))
    };
    let x = |signer: &Signer| {
        let jwk = signer.jwk();
        jwk["x"].as_str().unwrap().replace('-', "+").replace('_', "/")
    };
    let by = |signer: &Signer| token(signer, "alice");
    let hs256 = |secret: &str| {
        let encode = |text: &[u8]| pairs::encoded(text);
        let claims = json!({ "iss": "https://id.example.com/", "aud": "api", "sub": "alice",
                             "exp": NOW + 86_400 });
        let signed =
            format!("{}.{}", encode(br#"{"alg":"HS256"}"#), encode(claims.to_string().as_bytes()));
        let key = hmac::Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        format!("{signed}.{}", encode(&key.chain_update(&signed).finalize().into_bytes()))
    };
    let secret =
        |secret: &str| format!(r#""algorithms": ["HS256"], "secret": {{ "text": "{secret}" }}"#);
    let (one, other) = ("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210");
    let cases = [
        ("jwks.inline", [inline(&old), inline(&new)], [by(&old), by(&new)]),
        ("pem", [pem(&x(&old)), pem(&x(&new))], [by(&old), by(&new)]),
        ("secret", [secret(one), secret(other)], [hs256(one), hs256(other)]),
        ("from one source to another", [inline(&old), pem(&x(&new))], [by(&old), by(&new)]),
    ];
    for (name, keys, tokens) in cases {
        let world = World::default();
        let mut before = Worker::new(&world, &with_keys(&keys[0]));
        let first = before.get(&tokens[0]);
        assert_eq!(before.verdict(first), "forwarded", "{name}");
        let sessions = |world: &World| world.totals.gauges.borrow()["tollgate_session_records"];
        before.tick();
        let count = sessions(&world);
        before.stop();
        let mut after = Worker::new(&world, &with_keys(&keys[1]));
        let verdicts = [&tokens[0], &tokens[1], &tokens[1]].map(|token| {
            let stream = after.get(token);
            after.verdict(stream)
        });
        assert_eq!(verdicts[1..], ["forwarded", "quota_exceeded"], "{name}: one was left");
        assert!(verdicts[0].starts_with("token_"), "{name}: the old key is out of use");
        after.tick();
        assert_eq!(sessions(&world), count, "{name}: the same session");
    }
}

#[test]
fn a_token_whose_id_is_no_text_is_refused_where_a_list_names_ids() {
    let signer = Signer::new("k1");
    let revoked = |entry: &str| format!(r#", "revoked": {{ "entries": [ {entry} ] }}"#);
    let by_jti = revoked(r#"{ "provider": "idp", "jti": "7" }"#);
    let elsewhere = revoked(r#"{ "provider": "partner", "identity": "nobody" }"#);
    let malformed = "token_claim_malformed";
    let cases = [
        // the list, the claim, the verdict
        ("", json!(7), "forwarded"),
        (elsewhere.as_str(), json!(7), "forwarded"),
        (by_jti.as_str(), json!(7), malformed),
        (by_jti.as_str(), json!(["7"]), malformed),
        (by_jti.as_str(), json!({ "id": "7" }), malformed),
        (by_jti.as_str(), json!(true), malformed),
        (by_jti.as_str(), json!(null), "forwarded"),
        (by_jti.as_str(), json!("8"), "forwarded"),
        (by_jti.as_str(), json!("7"), "token_revoked"),
    ];
    for (list, jti, expected) in cases {
        let world = World::default();
        let mut worker = Worker::new(&world, &config(MANY, list));
        worker.fetch(&key_set(&[&signer]));
        let token = Token::for_identity("alice").claim("exp", NOW + 86_400);
        let token = signer.sign(&token.claim("jti", jti.clone()));
        // The second time it is recalled.
        for time in 0..2 {
            let stream = worker.get(&token);
            assert_eq!(worker.verdict(stream), expected, "{list} {jti}, time {time}");
        }
    }
    // A fetched list counts like the configuration's, in whichever worker.
    let world = World::default();
    let source = r#", "revoked": { "url": "https://id.example.com/revoked", "cluster": "idp" }"#;
    let text = config(MANY, source);
    let mut workers = [Worker::new(&world, &text), Worker::new(&world, &text)];
    workers[0].tick();
    workers[0].answer(200, &[], &key_set(&[&signer]));
    workers[0].answer(200, &[], r#"{"entries": [{"provider": "idp", "jti": "7"}]}"#);
    let token = signer.sign(&Token::for_identity("alice").claim("jti", 7));
    for worker in &mut workers {
        worker.tick();
        let stream = worker.get(&token);
        assert_eq!(worker.verdict(stream), malformed);
    }
}
