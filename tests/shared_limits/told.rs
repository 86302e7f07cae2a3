//! What the service is told, and of whom: a limit's name, a hash, and no more than that.

use std::collections::BTreeSet;
use std::time::Duration;

use super::setup::{Asked, asked, config, exact, next, rate, says, signer, token, worker};
use super::support::token::{NOW, Token};
use super::support::world::{World, head};

#[test]
fn fl12_the_service_is_told_the_limit_and_a_hash_and_no_name() {
    let world = World::default();
    let policy = r#"{ "rate": { "requests": 100, "per": "1m" },
        "access": [ { "apis": ["orders"], "rate": { "requests": 9, "per": "1h", "count": "exact" },
                      "name": "reads" } ] }"#;
    let mut worker = worker(&world, &config(policy, r#", "tolerance": "0%""#));
    let alice = token("alice@example.com");
    let stream = worker.get(&alice);
    assert_eq!(worker.verdict(stream), "waiting");
    let (call, request) = next(&worker).expect("it leaves from the request's own callback");
    assert_eq!(worker.callers[&call], Some(stream));
    let first = asked(&request);
    assert_eq!((&*first.domain, &*first.limit, first.hits), ("tollgate", "standard.rate", 1));
    assert_eq!(first.most, Some((100, 2)));
    assert!(first.subject.len() == 32 && first.subject.bytes().all(|b| b.is_ascii_hexdigit()));
    assert!(!format!("{:?}", request.body.0).contains("alice"));
    assert_eq!(request.timeout, Duration::from_millis(100));
    worker.call_done(call, Some(says(false, 100, 99, 30)));
    // Then the entry's: one call after another.
    assert_eq!(worker.verdict(stream), "waiting");
    let (call, request) = next(&worker).unwrap();
    let second = asked(&request);
    assert_eq!((&*second.limit, second.most), ("standard.access.reads.rate", Some((9, 3))));
    assert_eq!(second.subject, first.subject);
    worker.call_done(call, Some(says(false, 9, 8, 30)));
    assert_eq!(worker.verdict(stream), "forwarded");
    // SHA-256 over the four fields, each with its length before it, 64 bits little-endian.
    let fields = ["identity", "idp", "https://id.example.com/", "alice@example.com"];
    let mut bytes = Vec::new();
    for field in fields {
        bytes.extend((field.len() as u64).to_le_bytes());
        bytes.extend(field.as_bytes());
    }
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(&bytes);
    let hash: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(first.subject, hash);
}

#[test]
fn fl11_no_two_limits_and_no_two_subjects_come_to_one_key() {
    let world = World::default();
    let mut worker = worker(&world, &config(&exact(100, "1m"), ""));
    let mut keys = BTreeSet::new();
    for identity in ["a", "a_subject_b", "a_", "_a", "limit_a", "A", "a\u{e9}"] {
        let _ = worker.get(&token(identity));
        let (call, request) = next(&worker).unwrap();
        let asked = asked(&request);
        let is_plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-');
        assert!(asked.limit.bytes().chain(asked.domain.bytes()).all(is_plain));
        // As Envoy's service joins them.
        assert!(keys.insert(format!("tollgate_limit_{}_subject_{}_", asked.limit, asked.subject)));
        worker.call_done(call, Some(says(false, 100, 99, 30)));
    }
}

#[test]
fn fl16_filters_of_one_domain_share_counters_whatever_their_instance() {
    let alice = token("alice");
    let asked = |text: &str| {
        let world = World::default();
        let mut worker = worker(&world, text);
        let _ = worker.get(&alice);
        asked(&next(&worker).unwrap().1)
    };
    let text = config(&rate(100, "1m"), r#", "tolerance": "0%""#);
    let first = asked(&text);
    assert_eq!(asked(&text.replacen('{', "{ \"instance\": \"other\",", 1)), first);
    let elsewhere = asked(&text.replace("\"replicas\"", "\"domain\": \"b\", \"replicas\""));
    assert_eq!(elsewhere, Asked { domain: "b".into(), ..first });
}

#[test]
fn each_kind_of_subject_has_hashes_of_its_own() {
    let asked = |policy: &str, api: &str, path: &str, address: &str| {
        let world = World::default();
        world.come_from(address);
        let rate = r#""rate": { "requests": 5, "per": "1m", "count": "exact" }"#;
        let text = config(policy, "").replace(rate, api);
        let mut worker = worker(&world, &text);
        let token = Token::for_identity("x").claim("exp", NOW + 86_400).claim("org", "x");
        let token = signer().sign(&token.claim("client_id", "x"));
        let bearer = format!("Bearer {token}");
        let _ = worker.request(head("GET", path, &[("authorization", &bearer)]));
        let (_, request) = next(&worker).expect("it asks");
        (asked(&request).limit, asked(&request).subject)
    };
    let by = |by: &str| {
        format!(
            r#"{{ "rate": {{ "requests": 9, "per": "1m", "count": "exact" }}, "limit_by": {by} }}"#
        )
    };
    let each = r#""rate": { "requests": 5, "per": "1m", "count": "exact", "per_caller": true }"#;
    let all = r#""rate": { "requests": 5, "per": "1m", "count": "exact" }"#;
    let (orders, one) = ("/orders/7", "192.0.2.7:1");
    let found = [
        asked(&by("\"identity\""), all, orders, one),
        asked(&by("\"client\""), all, orders, one),
        asked(&by("{ \"claim\": \"org\" }"), all, orders, one),
        asked(&by("\"address\""), all, orders, one),
        asked(&by("\"address\""), all, orders, "192.0.2.8:1"),
        asked("{}", all, "/all", one),
    ];
    let subjects: BTreeSet<_> = found.iter().map(|(_, hash)| hash).collect();
    assert_eq!(subjects.len(), found.len(), "{found:?}");
    assert_eq!(found[5].0, "api.all.rate");
    // A caller's address is the same, whichever limit counts by it, and whatever its port.
    let (limit, hash) = asked("{}", each, "/all", "192.0.2.7:2");
    assert_eq!((&*limit, &hash), ("api.all.rate", &found[3].1));
}

#[test]
fn an_apis_rate_is_asked_for_once_for_each_request_where_it_is_exact() {
    let world = World::default();
    let mut worker = worker(&world, &config(&rate(100, "1m"), ""));
    let mut verdicts = Vec::new();
    for remaining in [Some(1), Some(0), None] {
        let stream = worker.request(head("GET", "/all", &[]));
        let (call, request) = next(&worker).unwrap();
        assert_eq!((asked(&request).limit.as_str(), asked(&request).hits), ("api.all.rate", 1));
        let answer = says(remaining.is_none(), 5, remaining.unwrap_or(0), 30);
        worker.call_done(call, Some(answer));
        verdicts.push(worker.verdict(stream));
    }
    assert_eq!(verdicts, ["forwarded", "forwarded", "rate_limited"]);
    let stream = worker.request(head("GET", "/all", &[]));
    assert_eq!(worker.verdict(stream), "rate_limited", "remembered");
    assert_eq!(next(&worker), None, "and nobody asks");
    assert_eq!(worker.counts["tollgate_limits_remote_ok"], 2);
    assert_eq!(worker.counts["tollgate_limits_remote_over"], 1);
}

#[test]
fn without_a_service_nothing_is_asked_and_no_metric_of_it_is_there() {
    let world = World::default();
    let whole = config(&rate(100, "1m"), "");
    let (start, _) = whole.split_once(",\n           \"limits\"").unwrap();
    let alone = format!("{start} }}").replace(", \"count\": \"exact\"", "");
    let mut worker = worker(&world, &alone);
    let stream = worker.get(&token("alice"));
    assert_eq!(worker.verdict(stream), "forwarded");
    assert_eq!(worker.calls_made, 1, "for its keys");
    assert!(!worker.defined.keys().any(|name| name.contains("limits_remote")));
}
