//! Counters, and what was revoked.

use std::time::Duration;

use tollgate::config::{Config, LimitsConfig, RemoteLimits};
use tollgate::limits::{Count, OnOutage, Service, Share};
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
        session: Some(Key::new("okta", Subject::Session("s1"))),
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
{"identity": "a"},
{"provider": "okta", "session": "a"}]}"#,
            &[
                "2:25: revoked.entries[0]: says not exactly what was revoked; write one of `identity`, `jti`, `token_sha256` and `session`",
                "3:1: revoked.entries[1]: says not exactly what was revoked; write one of `identity`, `jti`, `token_sha256` and `session`",
                "4:14: revoked.entries[2].provider: unknown value `oktaa`; did you mean `okta`?",
                "5:1: revoked.entries[3].provider: missing; name the provider that this is about",
                "6:33: revoked.entries[4].session: only a login has sessions, and this provider has no `login`; name an `identity`",
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
            "2:20: revoked.url: `http`: whoever is on the way can empty the list; use `https`, unless a mesh encrypts this call",
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

/// A configuration with these members, whose limits are counted as `remote` says.
fn counted(remote: &str, members: &str) -> String {
    let remote = if remote.is_empty() { String::new() } else { format!("\"remote\": {remote}") };
    with(&format!("\"limits\": {{{remote}}},\n{members}"))
}

/// An API that gives the policy `standard`, which says this.
fn standard(policy: &str) -> String {
    format!(
        "\"apis\": [{{\"name\": \"orders\", \"auth\": [\"okta\"], \"policies\": {{\"default\": [\"standard\"]}}}}],\n\"policies\": {{\"standard\": {policy}}}"
    )
}

const RATELIMIT: &str = r#"{"service": "ratelimit", "cluster": "rls", "replicas": 3}"#;
const LIMITADOR: &str = r#"{"service": "limitador", "cluster": "rls", "replicas": 3}"#;

#[test]
fn a_service_that_counts_for_several_proxies_is_read() {
    assert_eq!(accepted(&with(r#""limits": {}"#)).remote_limits, None);
    let expected = RemoteLimits {
        cluster: "rls".into(),
        domain: "tollgate".into(),
        share: Share { service: Service::Ratelimit, replicas: 3, tolerance: 5 },
        timeout: Duration::from_millis(100),
        on_outage: OnOutage::Local,
    };
    assert_eq!(accepted(&counted(RATELIMIT, r#""realm": "a""#)).remote_limits, Some(expected));
    let all = r#"{"service": "limitador", "cluster": "l", "domain": "a.b_c-9", "replicas": 10000,
"tolerance": "50%", "timeout": "1s", "on_outage": "deny"}"#;
    let expected = RemoteLimits {
        cluster: "l".into(),
        domain: "a.b_c-9".into(),
        share: Share { service: Service::Limitador, replicas: 10_000, tolerance: 50 },
        timeout: Duration::from_secs(1),
        on_outage: OnOutage::Deny,
    };
    assert_eq!(accepted(&counted(all, r#""realm": "a""#)).remote_limits, Some(expected));
}

#[test]
fn a_limit_is_counted_where_it_says_and_else_where_most_are() {
    let policy = r#"{"rate": {"requests": 100, "per": "1s"},
"quota": {"requests": 10000, "per": "30d", "count": "exact"},
"access": [{"apis": ["orders"], "methods": ["GET"], "rate": {"requests": 5, "per": "1m", "count": "process"}},
{"apis": ["orders"], "methods": ["PUT"], "rate": {"requests": 6, "per": "1m"}},
{"apis": ["orders"], "methods": ["POST"], "rate": {"requests": 7, "per": "1m"}, "name": "writes"}]}"#;
    let shown = |config: &Config| {
        let all = config.counted_remotely().into_iter();
        all.map(|one| (one.name, one.requests, one.per.as_secs(), one.count)).collect::<Vec<_>>()
    };
    let limit = |name: &str, requests, per, count| (name.to_owned(), requests, per, count);
    let expected = [
        limit("standard.rate", 100, 1, Count::Fleet),
        limit("standard.quota", 10_000, 2_592_000, Count::Exact),
        limit("standard.access.1.rate", 6, 60, Count::Fleet),
        limit("standard.access.writes.rate", 7, 60, Count::Fleet),
    ];
    assert_eq!(shown(&accepted(&counted(RATELIMIT, &standard(policy)))), expected);
    let alone = policy.replace(", \"count\": \"exact\"", "");
    assert!(shown(&accepted(&counted("", &standard(&alone)))).is_empty());
    let api =
        r#""apis": [{"name": "orders", "auth": ["okta"], "rate": {"requests": 5, "per": "2s"}}]"#;
    let of_api = shown(&accepted(&counted(LIMITADOR, api)));
    assert_eq!(of_api, [limit("api.orders.rate", 5, 2, Count::Fleet)]);
    assert!(shown(&accepted(&counted("", api))).is_empty());
}

#[test]
fn what_no_service_could_count_is_refused() {
    let rate = |members: &str| standard(&format!("{{\"rate\": {{{members}}}}}"));
    let realm = r#""realm": "a""#.to_owned();
    let cases: Vec<(&str, &str, String, &[&str])> = vec![
        // name, the service, other members, problems
        (
            "nothing is said",
            "{}",
            realm.clone(),
            &[
                "2:22: limits.remote.cluster: missing; name the Envoy cluster of the service",
                "2:22: limits.remote.replicas: missing; say how many proxies there are at most: bounds and shares depend on it",
                "2:22: limits.remote.service: missing; say which it is, \"ratelimit\" or \"limitador\": they count in different ways",
            ],
        ),
        (
            "everything is wrong",
            r#"{"service": "ratelimiter", "cluster": "", "domain": "A", "replicas": 0, "tolerance": "51%", "timeout": "9ms", "on_outage": "open"}"#,
            realm.clone(),
            &[
                "2:34: limits.remote.service: unknown value `ratelimiter`; did you mean `ratelimit`?",
                "2:60: limits.remote.cluster: an empty string; write a value, or leave it out",
                "2:74: limits.remote.domain: `A` is no domain: 1 to 64 of a-z, 0-9, `_`, `-` and `.`",
                "2:91: limits.remote.replicas: `0`; expected a whole number from 1 to 10000",
                "2:107: limits.remote.tolerance: `51%` is no share from 0% to 50% in whole percent; write \"5%\"",
                "2:125: limits.remote.timeout: `9ms` is too short; at least \"10ms\"",
                "2:145: limits.remote.on_outage: unknown value `open`; expected `local`, `allow` or `deny`",
            ],
        ),
        (
            "a tolerance without its sign, and too long a call",
            r#"{"service": "ratelimit", "cluster": "rls", "replicas": 10001, "tolerance": 5, "timeout": "1001ms"}"#,
            realm.clone(),
            &[
                "2:77: limits.remote.replicas: `10001`; expected a whole number from 1 to 10000",
                "2:97: limits.remote.tolerance: `5` is no share from 0% to 50% in whole percent; write \"5%\"",
                "2:111: limits.remote.timeout: `1001ms` is too long; at most \"1s\"",
            ],
        ),
        (
            "a fraction of a tolerance",
            r#"{"service": "ratelimit", "cluster": "rls", "replicas": 1, "tolerance": "2.5%"}"#,
            realm,
            &[
                "2:93: limits.remote.tolerance: `2.5%` is no share from 0% to 50% in whole percent; write \"5%\"",
            ],
        ),
        (
            "nobody to ask",
            "",
            rate(r#""requests": 5, "per": "1s", "count": "fleet""#),
            &[
                "4:73: policies.standard.rate.count: nobody counts for several proxies; name the service in `limits.remote`, or write \"process\"",
            ],
        ),
        (
            "a window that the service does not have",
            RATELIMIT,
            rate(r#""requests": 5, "per": "10s""#),
            &[
                "4:58: policies.standard.rate.per: the service of `limits.remote` counts in windows of 1s, 1m, 1h, 1d, 7d, 30d and 365d only; write one of these, or \"count\": \"process\"",
            ],
        ),
        (
            "a part of a second",
            LIMITADOR,
            rate(r#""requests": 5, "per": "1500ms""#),
            &[
                "4:58: policies.standard.rate.per: the service of `limits.remote` counts in windows of whole seconds only; write one of these, or \"count\": \"process\"",
            ],
        ),
        (
            "a word that there is not",
            RATELIMIT,
            rate(r#""requests": 5, "per": "10s", "count": "local""#),
            &[
                "4:74: policies.standard.rate.count: unknown value `local`; expected `fleet`, `exact` or `process`",
            ],
        ),
        (
            "names that are positions, twice, and none at all",
            RATELIMIT,
            standard(
                r#"{"access": [{"apis": ["orders"], "methods": ["GET"], "name": "0"},
{"apis": ["orders"], "methods": ["PUT"], "name": "a"},
{"apis": ["orders"], "methods": ["POST"], "name": "a"},
{"apis": ["orders"], "methods": ["HEAD"], "name": "a.b"}]}"#,
            ),
            &[
                "4:87: policies.standard.access[0].name: digits alone are an entry's position; write a letter, too",
                "6:51: policies.standard.access[2].name: an entry above has this name; choose another",
                "7:51: policies.standard.access[3].name: `a.b` is no name for an entry: 1 to 64 of a-z, 0-9, `_` and `-`; write `a-b`",
            ],
        ),
    ];
    for (name, remote, members, problems) in cases {
        assert_eq!(refused(&counted(remote, &members)), *problems, "{name}");
    }
    let of_process = rate(r#""requests": 5, "per": "10s", "count": "process""#);
    for (remote, members) in [
        (RATELIMIT, &of_process),
        ("", &of_process),
        (LIMITADOR, &rate(r#""requests": 5, "per": "10s""#)),
    ] {
        accepted(&counted(remote, members));
    }
}

/// The paths of what a configuration is warned about, and of what is noted.
fn advice(remote: &str, members: &str) -> [Vec<(String, String)>; 2] {
    let config = accepted(&counted(remote, members));
    let of = |all: &[tollgate::config::Problem], code: &str| {
        let found = all.iter().filter(|one| one.code.name() == code);
        found.map(|one| (one.path.to_string(), one.message.to_string())).collect()
    };
    [of(&config.warnings, "limits_remote_risky"), of(&config.notes, "limits_remote_note")]
}

#[test]
fn what_is_easily_overlooked_of_a_service_that_counts_is_warned_about() {
    let rate = |more: &str| {
        standard(&format!("{{\"rate\": {{\"requests\": 100, \"per\": \"1s\"{more}}}}}"))
    };
    let api = |count: &str| {
        format!(
            "\"apis\": [{{\"name\": \"a\", \"auth\": [\"okta\"], \"rate\": {{\"requests\": 100, \"per\": \"1s\"{count}}}}}]"
        )
    };
    let remote = |more: &str| RATELIMIT.replace('}', &format!(", {more}}}"));
    let (at_remote, at_policy) = ("limits.remote", "policies.standard.rate");
    let cases = [
        // name, the service, members, where a warning stands, what it says
        ("nothing", RATELIMIT.to_owned(), rate(""), "", ""),
        ("a tolerance that is just enough", remote(r#""tolerance": "3%""#), rate(""), "", ""),
        ("no tolerance", remote(r#""tolerance": "0%""#), rate(""), at_policy, "below 1"),
        ("a tolerance too small", remote(r#""tolerance": "2%""#), rate(""), at_policy, "below 1"),
        ("many replicas", RATELIMIT.replace('3', "6"), rate(""), at_policy, "below 1"),
        ("an API's", RATELIMIT.replace('3', "6"), api(""), "apis[0].rate", "below 1"),
        (
            "many replicas, each counted",
            RATELIMIT.replace('3', "6"),
            rate(r#", "count": "exact""#),
            "",
            "",
        ),
        (
            "many replicas, in the process",
            RATELIMIT.replace('3', "6"),
            rate(r#", "count": "process", "burst": 7"#),
            "",
            "",
        ),
        ("open", remote(r#""on_outage": "allow""#), rate(""), at_remote, "hold nobody back"),
        ("500ms", remote(r#""timeout": "500ms""#), rate(""), "", ""),
        ("501ms", remote(r#""timeout": "501ms""#), rate(""), at_remote, "two calls"),
        (
            "an API exactly",
            RATELIMIT.to_owned(),
            api(r#", "count": "exact""#),
            "apis[0].rate",
            "one counter",
        ),
        (
            "a burst",
            RATELIMIT.to_owned(),
            rate(r#", "burst": 99"#),
            at_policy,
            "each process's own",
        ),
        ("a burst of as many", RATELIMIT.to_owned(), rate(r#", "burst": 100"#), "", ""),
    ];
    for (name, remote, members, place, says) in cases {
        let [warnings, _] = advice(&remote, &members);
        match place {
            "" => assert_eq!(warnings, [], "{name}"),
            _ => {
                let [(path, message)] = warnings.as_slice() else { panic!("{name}: {warnings:?}") };
                assert!(path.starts_with(place), "{name}: {path}");
                assert!(message.contains(says), "{name}: {message}");
            }
        }
    }
    assert_eq!(advice("", &rate("")), [vec![], vec![]], "each process counts for itself");
}

#[test]
fn what_a_service_needs_is_noted_and_which_limits_go_by_their_place() {
    let entries = r#"{"access": [
{"apis": ["orders"], "methods": ["GET"], "rate": {"requests": 100, "per": "1m"}},
{"apis": ["orders"], "methods": ["PUT"], "name": "writes", "rate": {"requests": 100, "per": "1m"}},
{"apis": ["orders"], "methods": ["POST"], "rate": {"requests": 100, "per": "1m", "count": "process"}}]}"#;
    for (remote, says) in [(LIMITADOR, "-H DRAFT_VERSION_03"), (RATELIMIT, "of 2025 or later")] {
        let [warnings, notes] = advice(remote, &standard(entries));
        assert_eq!(warnings, []);
        let [service, store, entry] = notes.as_slice() else { panic!("{notes:?}") };
        assert!(service.1.contains(says), "{service:?}");
        assert!(store.1.contains("noeviction"), "{store:?}");
        assert_eq!(entry.0, "policies.standard.access[0]");
        assert!(entry.1.contains("position"), "{entry:?}");
    }
}
