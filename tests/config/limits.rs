//! Counters, and what was revoked.

use std::time::Duration;

use tollgate::config::{Config, LimitsConfig};
use tollgate::revoked::{Facts, Key, OnStale, Revocations, Revoked, Subject};
use tollgate::time::UnixMillis;
use tollgate::verdict::Deny;

use super::{accepted, refused};

/// A list of API keys.
const KEYS: &str = r#"{"kind": "api_key", "from": [{"header": "x-api-key"}], "keys": [{"name": "k", "sha256": "abababababababababababababababababababababababababababababababab", "identity": "acme"}]}"#;

/// A configuration with these members behind the providers, from the second line on.
fn with(members: &str) -> String {
    format!("{{\"providers\": {{\"okta\": %okta%, \"keys\": {KEYS}}},\n{members}}}")
}

/// Why a credential of this identity, issued at second 1000, is refused.
fn judged(config: &Config, identity: &str) -> Option<Deny> {
    let revocations = Revocations::new(config.revoked.clone(), None);
    let facts = Facts {
        identity: Key::new("okta", Subject::Identity(identity)),
        jti: Some(Key::new("okta", Subject::Jti("t1"))),
        token: None,
        issued: Some(UnixMillis::from_secs(1000)),
    };
    match revocations.judge(&facts, UnixMillis::from_secs(2000)) {
        Ok(()) => None,
        Err(Revoked::Listed(deny)) => Some(deny),
        Err(Revoked::Unknown(_)) => panic!("nothing is fetched"),
    }
}

#[test]
fn limits_have_room_and_tell_clients_unless_said_otherwise() {
    let cases = [
        ("nothing", r#""realm": "a""#, 65_536, true),
        ("an empty object", r#""limits": {}"#, 65_536, true),
        (
            "both",
            r#""limits": {"capacity": 1001, "headers": ["ratelimit"], "description": ""}"#,
            1008,
            true,
        ),
        ("no headers", r#""limits": {"headers": []}"#, 65_536, false),
        ("the most", r#""limits": {"capacity": 16777216}"#, 16_777_216, true),
    ];
    for (name, members, capacity, headers) in cases {
        assert_eq!(accepted(&with(members)).limits, LimitsConfig { capacity, headers }, "{name}");
    }
}

#[test]
fn nothing_is_revoked_unless_it_is_said() {
    let config = accepted(&with(r#""revoked": {}"#));
    assert!(config.revoked.is_empty());
    assert_eq!(config.revoked_source, None);
}

#[test]
fn what_is_revoked_is_read() {
    let config = accepted(&with(
        r#""revoked": {"description": "", "entries": [
{"provider": "okta", "identity": "alice", "description": "left"},
{"provider": "okta", "identity": "bob", "issued_before": "1970-01-01T00:16:41Z"},
{"provider": "okta", "identity": "carol", "issued_before": "1970-01-01T00:16:40Z"},
{"provider": "okta", "identity": "erin", "until": "1970-01-01T00:33:20Z"},
{"provider": "okta", "identity": "frank", "until": "1970-01-01T00:33:20.001Z"},
{"provider": "okta", "token_sha256": "abababababababababababababababababababababababababababababababab"}]}"#,
    ));
    assert_eq!(config.revoked.len(), 6);
    assert_eq!(judged(&config, "erin"), None, "it has passed");
    assert_eq!(judged(&config, "frank"), Some(Deny::SessionInactive));
    assert_eq!(judged(&config, "alice"), Some(Deny::SessionInactive));
    assert_eq!(judged(&config, "bob"), Some(Deny::TokenRevoked));
    assert_eq!(judged(&config, "carol"), None);
    assert_eq!(judged(&config, "dave"), None);
    let config = accepted(&with(r#""revoked": {"entries": [{"provider": "okta", "jti": "t1"}]}"#));
    assert_eq!(judged(&config, "dave"), Some(Deny::TokenRevoked));
}

#[test]
fn a_list_is_fetched_as_written() {
    let config = accepted(&with(
        r#""revoked": {"url": "https://ops.example.com/revoked.json", "cluster": "ops"}"#,
    ));
    let source = config.revoked_source.expect("a source");
    let (source, on_stale) = (source.remote, source.on_stale);
    assert_eq!(source.url.to_string(), "https://ops.example.com/revoked.json");
    assert_eq!(&*source.cluster, "ops");
    let seconds = Duration::from_secs;
    assert_eq!(
        (source.timeout, source.refresh, source.max_stale),
        (seconds(5), seconds(10), seconds(3600))
    );
    assert_eq!(on_stale, OnStale::Deny);
    assert_eq!(source.id.len(), 32);
    let config = accepted(&with(
        r#""revoked": {"url": "https://ops.example.com/revoked.json", "cluster": "other",
"timeout": "1s", "refresh": "1m", "max_stale": "2d", "on_stale": "allow"}"#,
    ));
    let other = config.revoked_source.expect("a source");
    let (other, on_stale) = (other.remote, other.on_stale);
    assert_eq!(
        (other.timeout, other.refresh, other.max_stale),
        (seconds(1), seconds(60), seconds(172_800))
    );
    assert_eq!(on_stale, OnStale::Allow);
    assert_ne!(other.id, source.id, "another cluster is another list");
}

#[test]
fn limits_and_lists_are_refused_with_everything_that_is_wrong() {
    let cases: &[(&str, &str, &[&str])] = &[
        // name, members, problems
        (
            "a capacity and a header that there are not",
            r#""limits": {"capacity": 7, "headers": ["x-ratelimit"]}"#,
            &[
                "2:24: limits.capacity: `7`; expected a whole number from 8 to 16777216",
                "2:39: limits.headers[0]: unknown value `x-ratelimit`; did you mean `ratelimit`?",
            ],
        ),
        (
            "nobody, two things, and a stranger",
            r#""revoked": {"entries": [{"provider": "okta"},
{"provider": "okta", "identity": "a", "jti": "b"},
{"provider": "oktaa", "identity": "a"},
{"identity": "a"}]}"#,
            &[
                "2:25: revoked.entries[0]: says not exactly what was revoked; write one of `identity`, `jti` and `token_sha256`",
                "3:1: revoked.entries[1]: says not exactly what was revoked; write one of `identity`, `jti` and `token_sha256`",
                "4:14: revoked.entries[2].provider: unknown value `oktaa`; did you mean `okta`?",
                "5:1: revoked.entries[3].provider: missing; name the provider that this is about",
            ],
        ),
        (
            "a digest and a moment that are none",
            r#""revoked": {"entries": [{"provider": "okta", "token_sha256": "AB", "issued_before": "yesterday", "until": "1h"}]}"#,
            &[
                "2:62: revoked.entries[0].token_sha256: not SHA-256 in lower-case hex, 64 of 0-9 and a-f; `printf %s KEY | sha256sum` shows it",
                "2:85: revoked.entries[0].issued_before: `yesterday` is no point in time (RFC 3339); write it as \"2027-01-01T00:00:00Z\"",
                "2:107: revoked.entries[0].until: `1h` is no point in time (RFC 3339); write it as \"2027-01-01T00:00:00Z\"",
            ],
        ),
        (
            "what only tokens have, of API keys",
            r#""revoked": {"entries": [{"provider": "keys", "jti": "a"},
{"provider": "keys", "token_sha256": "abababababababababababababababababababababababababababababababab"},
{"provider": "keys", "identity": "acme"}]}"#,
            &[
                "2:53: revoked.entries[0].jti: only tokens have this, and this provider is a list of API keys; name an `identity`, or switch a single key off where it is listed (`active`)",
                "3:38: revoked.entries[1].token_sha256: only tokens have this, and this provider is a list of API keys; name an `identity`, or switch a single key off where it is listed (`active`)",
            ],
        ),
        (
            "timing without a URL",
            r#""revoked": {"cluster": "ops", "timeout": "1s", "refresh": "1m", "max_stale": "2m", "on_stale": "allow"}"#,
            &[
                "2:24: revoked.cluster: has no use without `url`, from which a list is fetched; delete it",
                "2:42: revoked.timeout: has no use without `url`, from which a list is fetched; delete it",
                "2:59: revoked.refresh: has no use without `url`, from which a list is fetched; delete it",
                "2:78: revoked.max_stale: has no use without `url`, from which a list is fetched; delete it",
                "2:96: revoked.on_stale: has no use without `url`, from which a list is fetched; delete it",
            ],
        ),
        (
            "a URL without a cluster",
            r#""revoked": {"url": "https://ops.example.com/revoked.json"}"#,
            &[
                "2:12: revoked.cluster: missing; name the Envoy cluster that leads to `ops.example.com`",
            ],
        ),
        (
            "no URL",
            r#""revoked": {"url": "ops.example.com", "cluster": "ops", "refresh": "0s", "on_stale": "no"}"#,
            &[
                "2:20: revoked.url: the URL does not begin with `https://` or `http://`; write \"https://host/path\"",
                "2:68: revoked.refresh: zero makes no sense here; at least \"100ms\"",
                "2:86: revoked.on_stale: unknown value `no`; expected `deny` or `allow`",
            ],
        ),
    ];
    for (name, members, problems) in cases {
        assert_eq!(refused(&with(members)), *problems, "{name}");
    }
}

#[test]
fn what_is_risky_about_a_list_is_warned_about() {
    let cases = [
        (
            "plain HTTP",
            r#""revoked": {"url": "http://ops.example.com/", "cluster": "ops"}"#,
            "2:20: revoked.url: `http`: whoever is on the way can empty the list; use `https`, unless the mesh encrypts this call",
        ),
        (
            "often",
            r#""revoked": {"url": "https://ops.example.com/", "cluster": "ops", "refresh": "9s"}"#,
            "2:77: revoked.refresh: every proxy fetches the list this often; 10s is often enough",
        ),
        (
            "given up before it is fetched again",
            r#""revoked": {"url": "https://ops.example.com/", "cluster": "ops", "max_stale": "5s"}"#,
            "2:79: revoked.max_stale: `max_stale` is shorter than `refresh`: the list is given up before it is fetched again",
        ),
    ];
    for (name, members, warning) in cases {
        let warnings: Vec<_> =
            accepted(&with(members)).warnings.iter().map(ToString::to_string).collect();
        assert_eq!(warnings, [warning], "{name}");
    }
}
