//! Limits that count by address, and for each caller of an API.

use tollgate::config::Problem;
use tollgate::policy::LimitBy;

use super::{accepted, refused};

/// A configuration with these members of the policy `p` and of the API `orders`.
fn with(policy: &str, api: &str) -> String {
    format!(
        r#"{{"providers": {{"okta": %okta%}}, "policies": {{"p": {{
{policy}}}}}, "apis": [{{"name": "orders", "policies": {{"default": ["p"]}},
{api}}}]}}"#
    )
}

const AUTH: &str = r#""auth": ["okta"]"#;
const ACTIVE: &str = r#""active": true"#;
const UNPROVEN: &str = "counts by the address that the proxy has for the client: with `use_remote_address: false`, Envoy's default, that is whatever the client writes into `x-forwarded-for`; write `use_remote_address: true`, or `original_ip_detection_extensions`, into the connection manager";

#[test]
fn what_counts_by_address_is_warned_about_where_an_address_can_count() {
    let rate = r#""rate": {"requests": 1, "per": "1s"}"#;
    let each = r#""rate": {"requests": 1, "per": "1s", "per_caller": true}"#;
    let public = |more: &str| {
        format!(
            r#"{{"apis": [{{"name": "a", "auth": "none", "rate": {{"requests": 1, "per": "1s", "per_caller": {more}}}}}]}}"#
        )
    };
    let cases = [
        // name, the configuration, where
        (
            "a rate",
            with(&format!(r#"{rate}, "limit_by": "address""#), AUTH),
            Some("policies.p.limit_by"),
        ),
        (
            "a quota",
            with(r#""limit_by": "address", "quota": {"requests": 1, "per": "1d"}"#, AUTH),
            Some("policies.p.limit_by"),
        ),
        (
            "the rate of an entry",
            with(
                &format!(r#""limit_by": "address", "access": [{{"apis": ["orders"], {rate}}}]"#),
                AUTH,
            ),
            Some("policies.p.limit_by"),
        ),
        ("no limit", with(r#""limit_by": "address", "active": true"#, AUTH), None),
        ("by identity", with(&format!(r#"{rate}, "limit_by": "identity""#), AUTH), None),
        ("a public API", public("true"), Some("apis[0].rate.per_caller")),
        ("a public API, all together", public("false"), None),
        (
            "an optional API",
            with(ACTIVE, &format!(r#"{AUTH}, "optional": true, {each}"#)),
            Some("apis[0].rate.per_caller"),
        ),
        (
            "preflights that pass",
            with(ACTIVE, &format!(r#"{AUTH}, "cors_preflight": "pass", {each}"#)),
            Some("apis[0].rate.per_caller"),
        ),
        ("an API where everybody has a name", with(ACTIVE, &format!("{AUTH}, {each}")), None),
    ];
    for (name, text, place) in cases {
        let told = |one: &Problem| format!("{}: {}", one.path, one.message);
        let warnings: Vec<_> = accepted(&text).warnings.iter().map(told).collect();
        let found: Vec<_> =
            warnings.iter().filter(|one| one.contains("use_remote_address")).collect();
        let expected: Vec<_> =
            place.map(|place| format!("{place}: {UNPROVEN}")).into_iter().collect();
        assert_eq!(found, expected.iter().collect::<Vec<_>>(), "{name}: {warnings:?}");
    }
}

#[test]
fn what_counts_by_address_is_known_of_a_configuration() {
    let config =
        accepted(&with(r#""rate": {"requests": 1, "per": "1s"}, "limit_by": "address""#, AUTH));
    assert_eq!(config.policies.list()[0].limit_by, LimitBy::Address);
    assert!(config.counts_addresses());
    let each = |more: &str| {
        accepted(&with(
            ACTIVE,
            &format!(r#"{AUTH}, "rate": {{"requests": 1, "per": "1s", "per_caller": true}}{more}"#),
        ))
    };
    assert!(each("").apis[0].per_caller);
    assert!(!each("").counts_addresses(), "every caller has an identity");
    assert!(each(r#", "optional": true"#).counts_addresses());
    assert!(each(r#", "cors_preflight": "pass""#).counts_addresses());
    let together = accepted(&with(
        ACTIVE,
        &format!(r#"{AUTH}, "optional": true, "rate": {{"requests": 1, "per": "1s"}}"#),
    ));
    assert!(!together.apis[0].per_caller && !together.counts_addresses());
    let ids = [each("").apis[0].rate, together.apis[0].rate].map(|rate| rate.map(|rate| rate.id));
    assert_ne!(ids[0], ids[1], "a counter of all is no counter of each");
}

#[test]
fn who_counts_is_refused_where_it_means_nothing() {
    let rate = r#""rate": {"requests": 1, "per": "1s"}"#;
    let cases = [
        // name, the policy, the API, the problem
        (
            "another word",
            format!(r#"{rate}, "limit_by": "adress""#),
            AUTH.to_owned(),
            "2:51: policies.p.limit_by: unknown value `adress`; did you mean `address`?",
        ),
        (
            "a number",
            format!(r#"{rate}, "limit_by": 7"#),
            AUTH.to_owned(),
            r#"2:51: policies.p.limit_by: expected "identity", "client", "address" or an object with `claim`, found a number: put it in quotes"#,
        ),
        (
            "each caller of a policy's rate, which counts each as it is",
            r#""rate": {"requests": 1, "per": "1s", "per_caller": true}"#.to_owned(),
            AUTH.to_owned(),
            "2:38: policies.p.rate.per_caller: unknown field; it belongs to `apis[].rate`; a policy's limits count each caller apart without it, and its `limit_by` says whose requests count together",
        ),
        (
            "a word for yes",
            ACTIVE.to_owned(),
            format!(r#"{AUTH}, "rate": {{"requests": 1, "per": "1s", "per_caller": "true"}}"#),
            "3:70: apis[0].rate.per_caller: expected true or false, found a string: write it without quotes",
        ),
        (
            "each caller of nothing",
            ACTIVE.to_owned(),
            format!(r#"{AUTH}, "rate": {{"per_caller": true}}"#),
            "3:27: apis[0].rate.per: missing; say in what time, such as \"1s\"",
        ),
    ];
    for (name, policy, api, problem) in cases {
        let found = refused(&with(&policy, &api));
        assert!(found.iter().any(|one| one == problem), "{name}: {found:#?}");
    }
}
