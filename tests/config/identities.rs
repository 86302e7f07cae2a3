//! Policies for one caller: `by_identity`.

use tollgate::ids::PolicyId;

use super::{accepted, refused};

/// A configuration whose API `orders`, on the second line, gives policies so; its sessions are those
/// of `okta` and of the keys `partner`, and beside `okta` the tokens of `second` may be asked for.
fn with(by_identity: &str, rest: &str) -> String {
    let issuer = |name: &str, issuers: &str| {
        format!(
            r#""{name}": {{{issuers}, "audiences": ["api"], "from": [{{"header": "x-{name}"}}], "jwks": {{"url": "https://idp.example/keys", "cluster": "idp"}}}}"#
        )
    };
    let tenants = r#""issuer": "https://{tenant}.example", "tenants""#;
    format!(
        r#"{{"providers": {{"okta": %okta%, {}, {}, {}, {}, {}, "partner": {{"kind": "api_key", "from": [{{"header": "x-key"}}], "keys": [{{"name": "k", "identity": "acme", "sha256": "00ff0123456789abcdef0000000000000000000000000000000000000000001f"}}]}}}}, "policies": {{"a": {{"metadata": {{"tier": "1"}}}}, "b": {{"metadata": {{"tier": "2"}}}}, "c": {{"rate": {{"requests": 1, "per": "1s"}}, "limit_by": "client"}}}}, "apis": [{{"name": "orders", "auth": [["okta", "second"], "many", "any", "tenants", "tenant", "partner"], "session_from": "okta", "policies": {{
"by_identity": {by_identity}{rest}}}}}]}}"#,
        issuer("second", r#""issuer": "https://second.example""#),
        issuer("many", r#""issuer": ["https://one.example", "https://two.example"]"#),
        issuer("any", r#""any_issuer": true"#),
        issuer("tenants", &format!(r#"{tenants}: ["red", "blue"]"#)),
        issuer("tenant", &format!(r#"{tenants}: ["green"]"#)),
    )
}

#[test]
fn callers_are_refused_who_could_not_be_told_apart_or_never_come() {
    let at = "apis[0].policies.by_identity";
    let several = "and one's caller is not another's of the same name; make each issuer a provider, or give these policies by a claim (`by_claim`)";
    let cases: &[(&str, &str, String)] = &[
        // name, what is written, the problem
        (
            "a provider whose session another's takes the place of",
            r#"{"second": {"alice": ["a"]}}"#,
            format!(
                "2:17: {at}.second: `second` is no provider whose session this API uses; those are `okta`, `many`, `any`, `tenants`, `tenant` and `partner`"
            ),
        ),
        (
            "a provider that is none",
            r#"{"okra": {"alice": ["a"]}}"#,
            format!("2:17: {at}.okra: `okra` is no provider; did you mean `okta`?"),
        ),
        (
            "several issuers",
            r#"{"many": {"alice": ["a"]}}"#,
            format!("2:17: {at}.many: `many` has several issuers, {several}"),
        ),
        (
            "any issuer",
            r#"{"any": {"alice": ["a"]}}"#,
            format!("2:17: {at}.any: `any` takes tokens of any issuer, {several}"),
        ),
        (
            "several tenants",
            r#"{"tenants": {"alice": ["a"]}}"#,
            format!("2:17: {at}.tenants: `tenants` has several issuers, {several}"),
        ),
        ("no provider", "{}", format!("2:16: {at}: empty; name a provider, or leave it out")),
        (
            "nobody",
            r#"{"okta": {}}"#,
            format!("2:25: {at}.okta: empty; name a caller, or leave it out"),
        ),
        (
            "no policy",
            r#"{"okta": {"alice": []}}"#,
            format!(
                "2:35: {at}.okta.alice: an empty list gives nothing; name a policy, or leave it out"
            ),
        ),
        (
            "an unknown policy",
            r#"{"okta": {"alice": ["z"]}}"#,
            format!("2:36: {at}.okta.alice[0]: `z` is no policy; known: `a`, `b` and `c`"),
        ),
        (
            "a name that no identity has",
            r#"{"okta": {"alice ": ["a"]}}"#,
            format!(
                "2:26: {at}.okta[`alice `]: no caller is ever called this: an identity is not empty and has neither control characters nor white space at an end"
            ),
        ),
        (
            "policies that contradict each other",
            r#"{"okta": {"alice": ["a", "b"]}}"#,
            format!(
                "2:35: {at}.okta.alice: `a` and `b` give the metadata `tier` different values (`1` and `2`), and are in force together; give it to one of them only"
            ),
        ),
        (
            "policies by identity alone",
            r#"["alice"]"#,
            format!("2:16: {at}: expected an object, found a list"),
        ),
    ];
    for (name, written, expected) in cases {
        assert_eq!(refused(&with(written, "")), [expected.as_str()], "{name}");
    }
}

#[test]
fn single_callers_are_given_policies_and_what_is_risky_is_said() {
    let config = accepted(&with(
        r#"{"okta": {"alice": ["a"], "Ω": ["b"]}, "tenant": {"bob": ["a", "c"]}, "partner": {"acme": ["a"]}}"#,
        "",
    ));
    let given = config.policies.list().iter().map(|policy| policy.name.as_str());
    assert_eq!(given.collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(config.warnings.iter().all(|one| !one.to_string().contains("by_identity")));
    assert_eq!(
        config.policies.of_api(tollgate::ids::ApiId(0)).unwrap().all(),
        [PolicyId(0), PolicyId(1), PolicyId(2)],
        "each can be given, whoever it is",
    );

    let at = "2:16";
    let cases: &[(&str, &str, &str, &str)] = &[
        // name, what is written, what stands beside it, the warning
        (
            "an identity that no key has",
            r#"{"partner": {"acne": ["a"]}}"#,
            "",
            "2:29: apis[0].policies.by_identity.partner.acne: no key of `partner` has this identity",
        ),
        (
            "limits by what no key has",
            r#"{"partner": {"acme": ["c"]}}"#,
            "",
            "2:37: apis[0].policies.by_identity.partner.acme: the limits of `c` count by what an API key does not have (`limit_by`): one that has to keep them is refused; count by `identity`",
        ),
        (
            "a caller and a scope that contradict each other",
            r#"{"okta": {"alice": ["a"]}}"#,
            r#", "by_scope": {"s": ["b"]}"#,
            "apis[0].policies: `b` and `a` give the metadata `tier` different values (`2` and `1`): no header with it is sent for who gets both",
        ),
    ];
    for (name, written, rest, expected) in cases {
        let warnings = accepted(&with(written, rest)).warnings;
        let found = warnings.iter().map(ToString::to_string);
        let found: Vec<_> = found.filter(|warning| warning.contains(expected)).collect();
        assert_eq!(found.len(), 1, "{name}, {at}: {warnings:#?}");
    }
    let keys = accepted(&with(r#"{"partner": {"acme": ["a"]}}"#, r#", "by_scope": {"s": ["b"]}"#));
    let disagree = |one: &&_| format!("{one:?}").contains("PoliciesDisagree");
    assert_eq!(keys.warnings.iter().find(disagree), None, "a key has no scopes");
}
