//! What is only reported, in a real proxy: nothing is refused, added or taken away, and no client
//! passes for the filter.

use serde_json::json;

use super::harness::{
    Answer, Connection, Envoy, Filter, ISSUER, KeyServer, Listener, Request, Signer, Site, Token,
    Upstream, configuration, fetch, key_set,
};

/// A filter that enforces or reports as a whole, with one API that does the other.
fn filter(keys: &KeyServer, whole: &str, other: &str) -> Filter {
    let mut main = keys.provider(ISSUER, "/keys");
    main["from"] = json!([{ "header": "authorization" }, { "query": "access_token" }]);
    main["upstream"] = json!({ "headers": { "x-user": "sub" } });
    let one = json!({ "requests": 1, "per": "1h" });
    let mut all = configuration(
        json!({ "main": main }),
        json!([
            { "name": "other", "match": { "paths": ["/other/**"] }, "auth": ["main"], "mode": other,
              "policies": { "by_scope": { "read": ["reader"] } }, "rate": one },
            { "name": "rest", "auth": ["main"], "rate": one,
              "policies": { "by_scope": { "read": ["reader"] } } },
        ]),
    );
    all["policies"] = json!({ "reader": { "access": [{ "apis": ["other", "rest"] }] } });
    all["mode"] = json!(whole);
    // Filters of one name share their counters.
    Filter::new(&all).root_id(whole)
}

fn forged(target: &str, credential: &str) -> Request {
    ["x-tollgate-identity", "X-Tollgate_Provider", "x_tollgate_identity", "x-user", "X_User"]
        .into_iter()
        .fold(Request::get(target).bearer(credential), |request, name| {
            request.header(name, "mallory")
        })
        .header("Connection", "keep-alive, x-tollgate-identity")
}

#[test]
fn a_report_refuses_and_adds_nothing_and_lets_no_client_pass_for_the_filter() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    upstream.answer_with(&[("x-tollgate-identity", "theirs")]);
    let cases = [("enforce", "report"), ("report", "enforce")];
    let listeners = cases.map(|(whole, other)| Listener::new(&filter(&keys, whole, other)).raw());
    let site = Site::new("report", upstream.port()).cluster("keys", keys.port());
    let site = listeners.iter().fold(site, |site, listener| site.listener(listener));
    let envoy = Envoy::start(&site);
    let (token, expired) = (
        signer.sign(&Token::of("alice")),
        signer.sign(&Token::of("alice").claim("exp", 1_600_000_000)),
    );
    for ((whole, other), listener) in cases.into_iter().zip(&listeners) {
        let (reported, enforced) =
            if other == "report" { ("/other", "/rest") } else { ("/rest", "/other") };
        let path = format!("{enforced}/{whole}");
        for verdict in [(200, ""), (429, "rate_limited")] {
            let answer = fetch(listener.port, &forged(&path, &token));
            assert_eq!(answer.verdict(), (verdict.0, verdict.1.to_owned()), "{path}");
            assert_eq!(answer.headers("ratelimit-policy").len(), 1, "{path}");
        }
        let seen = upstream.only(&path);
        assert_eq!((seen.values("x-user"), seen.values("x_user")), (vec!["alice".into()], vec![]));
        let mut connection = Connection::open(listener.port);
        let sent = [
            ("good", "", &token),
            ("once-more", "?a=%20&&b", &token),
            ("expired", "", &expired),
            ("two", "?a=%20&access_token=x&b", &token),
        ];
        for (name, query, credential) in sent {
            let path = format!("{reported}/{whole}/{name}");
            let answer = connection.fetch(&forged(&format!("{path}{query}"), credential));
            assert_eq!(answer.status(), 200, "{path}: {}", answer.text());
            for prefix in ["ratelimit", "retry-after", "www-authenticate", "x-tollgate"] {
                assert!(!answer.has_field_starting(prefix), "{path}: {prefix}");
            }
            let seen = upstream.only(&path);
            assert_eq!(seen.start, format!("GET {path}{query} HTTP/1.1"));
            assert_eq!(seen.values("authorization"), [format!("Bearer {credential}")], "{path}");
            let ours = |(name, _): &&(String, Vec<u8>)| name.contains("tollgate");
            assert_eq!(seen.headers.iter().find(ours), None, "{path}");
            // A filter that only reports leaves other headers alone: one client's are its own.
            let users = seen.values("x-user").len() + seen.values("x_user").len();
            assert_eq!(users, if whole == "report" { 2 } else { 0 }, "{path}");
        }
    }
    for code in ["rate_limited", "token_expired", "credential_multiple"] {
        assert_eq!(envoy.counter(&format!("tollgate_would_deny_{code}")), 2, "{code}");
    }
    assert_eq!(envoy.counter("tollgate_denied_rate_limited"), 2);
    let modes: Vec<_> = envoy.refusals().iter().map(|line| line["mode"].clone()).collect();
    assert_eq!(modes.iter().filter(|mode| *mode == "report").count(), 6, "{modes:?}");
    envoy.assert_no_trap();
    envoy.assert_no_secret(&[token, expired]);
}
