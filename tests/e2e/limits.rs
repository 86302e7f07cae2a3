//! Counters and revocation across the workers of a real proxy.

use std::thread;

use serde_json::{Value, json};

use super::harness::{
    Answer, Connection, Envoy, Filter, ISSUER, KeyServer, Listener, Request, Signer, Site, Token,
    Upstream, configuration, eventually, fetch, key_set,
};

const CLIENTS: usize = 16;
const REQUESTS: usize = 2000;

/// Sends the requests from many clients at once; how many passed. Every other was refused with this
/// code and told when to come again.
fn storm(port: u16, request: &(impl Fn(usize) -> Request + Sync), code: &str) -> usize {
    let client = |number: usize| {
        let mut connection = Connection::open(port);
        let answers = (0..REQUESTS / CLIENTS).map(|_| connection.fetch(&request(number)));
        let passed = |answer: &super::harness::Response| {
            if answer.status() != 200 {
                assert_eq!(answer.verdict(), (429, code.to_owned()), "{}", answer.text());
                let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
                assert!((1..=3600).contains(&wait), "{wait}");
            }
            answer.status() == 200
        };
        answers.filter(passed).count()
    };
    thread::scope(|scope| {
        let clients: Vec<_> =
            (0..CLIENTS).map(|number| scope.spawn(move || client(number))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    })
}

#[test]
fn of_two_thousand_requests_at_once_exactly_as_many_pass_as_may() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    let limit = json!({ "requests": 100, "per": "1h" });
    let mut all = configuration(
        json!({ "main": keys.provider(ISSUER, "/keys") }),
        json!([
            { "name": "everyone", "match": { "paths": ["/everyone"] }, "auth": ["main"],
              "rate": { "requests": 100, "per": "1h", "burst": 100 } },
            { "name": "rate", "match": { "paths": ["/rate"] }, "auth": ["main"],
              "policies": { "default": ["rate"] } },
            { "name": "quota", "match": { "paths": ["/quota"] }, "auth": ["main"],
              "policies": { "default": ["quota"] } },
        ]),
    );
    all["policies"] = json!({ "rate": { "rate": limit.clone() }, "quota": { "quota": limit } });
    let listener = Listener::new(&Filter::new(&all));
    let site = Site::new("limits", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener).workers(2));
    let tokens: Vec<_> = (0..CLIENTS).map(|n| signer.sign(&Token::of(&format!("c{n}")))).collect();
    let cases = [
        ("/everyone", "rate_limited", true),
        ("/rate", "rate_limited", false),
        ("/quota", "quota_exceeded", false),
    ];
    for (path, code, everyone) in cases {
        let token = |number: usize| &tokens[if everyone { number } else { 0 }];
        let request = |number: usize| Request::get(path).bearer(token(number));
        assert_eq!(storm(listener.port, &request, code), 100, "{path}");
        assert_eq!(upstream.seen(path).len(), 100, "{path}");
    }
    assert_eq!(envoy.counter("tollgate_denied_limit_contention"), 0);
    envoy.assert_no_trap();
    envoy.assert_no_secret(&tokens);
}

/// What counts by address: a public API for each caller, and the callers of a policy.
fn by_address(keys: &KeyServer, requests: u32) -> Value {
    let rate = json!({ "requests": requests, "per": "1h" });
    let mut each = rate.clone();
    each["per_caller"] = json!(true);
    let mut all = configuration(
        json!({ "main": keys.provider(ISSUER, "/keys") }),
        json!([
            { "name": "public", "match": { "paths": ["/public"] }, "auth": "none", "rate": each },
            { "name": "named", "match": { "paths": ["/named"] }, "auth": ["main"],
              "policies": { "default": ["p"] } },
        ]),
    );
    all["policies"] = json!({ "p": { "rate": rate, "limit_by": "address" } });
    all
}

#[test]
fn no_word_of_a_client_about_its_address_gets_it_past_a_limit_by_address() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    let listener = Listener::new(&Filter::new(&by_address(&keys, 100)));
    let site = Site::new("addresses", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener).workers(2));
    let tokens: Vec<_> = (0..CLIENTS).map(|n| signer.sign(&Token::of(&format!("c{n}")))).collect();
    for path in ["/public", "/named"] {
        let request = |number: usize| {
            let addresses = [
                format!("203.0.113.{number}"),
                format!("203.0.113.7, 198.51.100.{number}"),
                format!("2001:db8:0:{number}::1"),
                format!("::ffff:203.0.113.{number}"),
                format!("203.0.113.{number}:80"),
                "unknown".to_owned(),
                String::new(),
            ];
            let address = &addresses[number % addresses.len()];
            let request = Request::get(path).bearer(&tokens[number]);
            let request = request.header("x-forwarded-for", address);
            let forwarded = format!("for={address}");
            request.header("x-real-ip", address).header("forwarded", forwarded)
        };
        assert_eq!(storm(listener.port, &request, "rate_limited"), 100, "{path}");
        assert_eq!(upstream.seen(path).len(), 100, "{path}");
    }
    envoy.assert_no_trap();
    envoy.assert_no_secret(&tokens);
}

#[test]
fn the_word_of_a_trusted_hop_is_the_address_and_a_clients_before_it_is_not() {
    let (upstream, keys) = (Upstream::start(), KeyServer::start());
    let limits = by_address(&keys, 2);
    let listener = Listener::new(&Filter::new(&limits)).behind(1);
    let credulous = Listener::new(&Filter::new(&limits).root_id("credulous")).believing_clients();
    let site = Site::new("hops", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener).listener(&credulous).workers(2));
    let send = |port: u16, address: &str| {
        let request = Request::get("/public").header("x-forwarded-for", address);
        fetch(port, &request).status()
    };
    let cases = [
        // what the hop has written, how it ends
        ("203.0.113.1", 200),
        ("203.0.113.1", 200),
        ("203.0.113.1", 429),
        ("198.51.100.1, 203.0.113.1", 429),
        ("203.0.113.2, 203.0.113.1", 429),
        ("203.0.113.1, 203.0.113.2", 200),
        ("2001:db8::1", 200),
        ("2001:db8::ffff", 200),
        ("2001:db8::2", 429),
        ("2001:db8:0:1::2", 200),
        ("203.0.113.2", 200),
        ("::ffff:203.0.113.2", 429),
        // Nothing that Envoy takes for an address: then it is the hop's own.
        ("203.0.113.9:80", 200),
        ("[2001:db8:9::1]:80", 200),
        ("203.0.113.10:80", 429),
        ("unknown", 429),
        ("fe80::1%nosuch0", 429),
        ("[2001:db8:9::1]", 429),
        // A zone that Envoy takes: two readers could take it for two addresses.
        ("fe80::1%1", 403),
        ("2001:db8::1%7", 403),
    ];
    for (place, (address, status)) in cases.into_iter().enumerate() {
        assert_eq!(send(listener.port, address), status, "{place}: {address}");
    }
    // What `tollgate check` makes a problem of: whoever writes another address is another caller.
    for number in 0..20 {
        assert_eq!(send(credulous.port, &format!("203.0.113.{number}")), 200);
    }
    let lines = envoy.filter_lines();
    let risks = lines.iter().filter(|line| line["code"] == "address_unproven");
    assert!(risks.count() >= 2, "{lines:#?}");
    assert!(!envoy.refusals().iter().any(|line| line.to_string().contains("203.0.113")));
    envoy.assert_no_trap();
}

#[test]
fn a_client_is_told_of_its_limits_in_the_upstreams_answer_too() {
    let upstream = Upstream::start();
    upstream.answer_with(&[("ratelimit", "\"theirs\";r=9;t=9"), ("x-other", "stays")]);
    let apis = json!([{ "name": "open", "auth": "none", "rate": { "requests": 2, "per": "1h" } }]);
    let listener = Listener::new(&Filter::new(&configuration(json!({}), apis)));
    let envoy = Envoy::start(&Site::new("told", upstream.port()).listener(&listener).workers(2));
    let answers = [(200, "\"api\";r=1;t=1800"), (200, "\"api\";r=0;t=1800"), (429, "")];
    for (status, left) in answers {
        let answer = fetch(listener.port, &Request::get("/x"));
        assert_eq!(answer.status(), status, "{}", answer.text());
        assert_eq!(answer.headers("ratelimit-policy"), ["\"api\";q=2;w=3600"]);
        if status == 200 {
            assert_eq!(answer.headers("ratelimit"), [left]);
            assert_eq!(answer.header("x-other").as_deref(), Some("stays"));
        }
    }
    envoy.assert_no_trap();
}

#[test]
fn a_list_of_revocations_is_in_force_in_every_worker_and_ends_with_its_entries() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    keys.set("/revoked.json", Answer::json(&json!({ "entries": [] })));
    let mut all = configuration(json!({ "main": keys.provider(ISSUER, "/keys") }), Value::Null);
    all["revoked"] = json!({
        "url": keys.url("/revoked.json"),
        "cluster": "keys", "refresh": "200ms",
    });
    let listener = Listener::new(&Filter::new(&all));
    let site = Site::new("revoked", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener).workers(2));
    let (alice, bob) = (signer.sign(&Token::of("alice")), signer.sign(&Token::of("bob")));
    // Connections enough to reach both workers.
    let all_say = |token: &str, verdict: (u16, &str)| {
        let one = |_| fetch(listener.port, &Request::get("/x").bearer(token)).verdict();
        (0..16).map(one).all(|found| found == (verdict.0, verdict.1.to_owned()))
    };
    eventually("the first list", || all_say(&alice, (200, "")));
    let entry = json!({ "provider": "main", "identity": "alice" });
    keys.set("/revoked.json", Answer::json(&json!({ "entries": [entry] })));
    eventually("alice is out", || all_say(&alice, (403, "session_inactive")));
    assert!(all_say(&bob, (200, "")));
    keys.set("/revoked.json", Answer::json(&json!("no list")));
    eventually("a list is refused", || envoy.counter("tollgate_revocations_fetch_failed") > 0);
    assert!(all_say(&alice, (403, "session_inactive")));
    keys.set("/revoked.json", Answer::json(&json!({ "entries": [] })));
    eventually("alice is in again", || all_say(&alice, (200, "")));
    envoy.assert_no_trap();
}

#[test]
fn a_list_that_has_not_changed_is_fetched_once_and_confirmed_for_every_worker() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    let list = |identity: &str| {
        let gone =
            json!({ "provider": "main", "identity": "carol", "until": "2020-01-01T00:00:00Z" });
        Answer::json(&json!({ "entries": [{ "provider": "main", "identity": identity }, gone] }))
    };
    keys.set("/revoked.json", list("alice").tagged("W/\"1\""));
    let mut all = configuration(json!({ "main": keys.provider(ISSUER, "/keys") }), Value::Null);
    all["revoked"] = json!({
        "url": keys.url("/revoked.json"),
        "cluster": "keys", "refresh": "200ms", "max_stale": "3s",
    });
    let listener = Listener::new(&Filter::new(&all));
    let site = Site::new("unchanged", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener).workers(2));
    let tokens = ["alice", "bob", "carol"].map(|who| signer.sign(&Token::of(who)));
    let [alice, bob, carol] = &tokens;
    // Connections enough to reach both workers.
    let all_say = |token: &str, verdict: (u16, &str)| {
        let one = |_| fetch(listener.port, &Request::get("/x").bearer(token)).verdict();
        (0..16).map(one).all(|found| found == (verdict.0, verdict.1.to_owned()))
    };
    eventually("the first list", || all_say(alice, (403, "session_inactive")));
    // Longer than it would be relied upon, were it not confirmed.
    eventually("it is confirmed for four seconds", || keys.unchanged("/revoked.json") >= 20);
    assert!(all_say(alice, (403, "session_inactive")));
    assert!(all_say(bob, (200, "")) && all_say(carol, (200, "")), "carol's entry is over");
    let (unchanged, hits) = (keys.unchanged("/revoked.json"), keys.hits("/revoked.json"));
    assert!(hits - unchanged <= 2, "sent {} times", hits - unchanged);
    assert_eq!(envoy.counter("tollgate_revocations_fetch_failed"), 0);
    assert!(envoy.counter("tollgate_revocations_fetch_ok") >= 20);
    keys.set("/revoked.json", list("bob").tagged("W/\"2\""));
    eventually("bob is out", || all_say(bob, (403, "session_inactive")));
    assert!(all_say(alice, (200, "")));
    // What confirms another list than the one at hand confirms none, and the whole is asked for.
    keys.set("/revoked.json", Answer::new(304, "text/plain", "").header("etag", "\"3\""));
    eventually("it has failed", || envoy.counter("tollgate_revocations_fetch_failed") >= 2);
    assert!(all_say(bob, (403, "session_inactive")), "the old one stays");
    keys.set("/revoked.json", list("alice").tagged("\"4\""));
    eventually("alice is out again", || all_say(alice, (403, "session_inactive")));
    let unchanged = keys.unchanged("/revoked.json");
    eventually("and the list is confirmed", || keys.unchanged("/revoked.json") > unchanged);
    envoy.assert_clean(&[alice, bob, carol]);
}
