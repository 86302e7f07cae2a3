//! Policies, who gets them, and what claims must say.

use std::time::Duration;

use tollgate::api::PathPattern;
use tollgate::claims::{ClaimRef, Rule, Test};
use tollgate::ids::{ApiId, PolicyId};
use tollgate::limits::{Bound, Quota, Rate};
use tollgate::policy::LimitBy;
use tollgate::provider::{HeaderSource, SessionFact};

use super::{accepted, refused};

/// A configuration with these policies from the second line on, and what the API `orders` makes of
/// them in the last.
fn with(policies: &str, orders: &str) -> String {
    format!(
        r#"{{"providers": {{"okta": %okta%, "named": {{"issuer": "https://named.example", "audiences": ["api"], "claims": {{"policies": ["pol"]}}, "jwks": {{"discovery": true, "cluster": "idp"}}}}}}, "policies": {{
{policies}}}, "apis": [{{"name": "site", "match": {{"paths": ["/site/**"]}}, "auth": "none"}}, {{"name": "named", "match": {{"paths": ["/named/**"], "methods": ["GET"]}}, "auth": ["named"], "policies": {{"from_claim": true}}}},
{orders}, "name": "orders", "match": {{"paths": ["/orders/**"]}}}}]}}"#
    )
}

/// What the API `orders` is where a case is not about it.
const ORDERS: &str = r#"{"auth": ["okta"]"#;

/// A policy that can be given.
const A: &str = r#""a": {"active": true}"#;

#[test]
fn a_policy_is_refused_with_everything_that_is_wrong_in_it() {
    let cases: &[(&str, &str, &[&str])] = &[
        // name, policies, problems
        (
            "a name",
            r#""Gold Plan": {"active": true}"#,
            &[
                "2:1: policies[`Gold Plan`]: `Gold Plan` is no name for a policy: 1 to 64 of a-z, 0-9, `_` and `-`; write `gold-plan`",
            ],
        ),
        (
            "a name twice",
            r#""a": {"active": true},
"a": {"active": true}"#,
            &["3:1: policies.a: written twice in one object; delete one of the two"],
        ),
        (
            "more limits than a caller has counters for",
            &format!(
                r#""a": {{"rate": {{"requests": 1, "per": "1s"}}, "access": [{}]}}"#,
                (0..16).map(|number| {
                    format!(r#"{{"apis": ["orders"], "paths": ["/orders/{number}"], "rate": {{"requests": 1, "per": "1s"}}}}"#)
                }).collect::<Vec<_>>().join(", ")
            ),
            &[
                "2:6: policies.a: 17 limits could run for one caller at once, and there is room for 16: give fewer of its entries a `rate`, or let some share an entry",
            ],
        ),
        (
            "an unknown field",
            r#""a": {"colour": 1}"#,
            &[
                "2:7: policies.a.colour: unknown field; known here: `access`, `rate`, `quota`, `limit_by`, `expires_after`, `active`, `tags` and `metadata`",
            ],
        ),
        (
            "no requests and no time",
            r#""a": {"rate": {}, "quota": {"burst": 1}}"#,
            &[
                r#"2:15: policies.a.rate.per: missing; say in what time, such as "1s""#,
                "2:15: policies.a.rate.requests: missing; say how many in each `per`",
                r#"2:28: policies.a.quota.per: missing; say in what time, such as "30d""#,
                "2:28: policies.a.quota.requests: missing; say how many in each `per`",
                "2:29: policies.a.quota.burst: unknown field; known here: `requests`, `per` and `count`",
            ],
        ),
        (
            "nothing at all, written as a limit",
            r#""a": {"rate": {"requests": 0, "per": "0s", "burst": 0}, "quota": {"requests": -1, "per": "1m30s"}}"#,
            &[
                r#"2:28: policies.a.rate.requests: `0`; expected a whole number from 1 to 4294967295; for no limit leave the whole limit out, or, in a policy, write "unlimited" in place of its object: "rate": "unlimited", "quota": "unlimited""#,
                r#"2:38: policies.a.rate.per: zero makes no sense here; at least "1ms""#,
                "2:53: policies.a.rate.burst: `0`; expected a whole number from 1 to 4294967295",
                r#"2:79: policies.a.quota.requests: `-1`; expected a whole number from 1 to 4294967295; for no limit leave the whole limit out, or, in a policy, write "unlimited" in place of its object: "rate": "unlimited", "quota": "unlimited""#,
                r#"2:90: policies.a.quota.per: `1m30s` is no duration; write "90s""#,
            ],
        ),
        (
            "no limit, written as a number of requests",
            r#""a": {"rate": {"requests": "unlimited", "per": "1s"}, "quota": {"requests": 0, "per": "1d"}}, "b": {"rate": {"requests": "100", "per": "1s"}, "quota": {"requests": 4294967296, "per": "1d"}}"#,
            &[
                r#"2:28: policies.a.rate.requests: `unlimited`; expected a whole number from 1 to 4294967295; for no limit leave the whole limit out, or, in a policy, write "unlimited" in place of its object: "rate": "unlimited", "quota": "unlimited""#,
                r#"2:77: policies.a.quota.requests: `0`; expected a whole number from 1 to 4294967295; for no limit leave the whole limit out, or, in a policy, write "unlimited" in place of its object: "rate": "unlimited", "quota": "unlimited""#,
                "2:122: policies.b.rate.requests: expected a whole number, found a string: write it without quotes",
                "2:165: policies.b.quota.requests: `4294967296`; expected a whole number from 1 to 4294967295",
            ],
        ),
        (
            "limits that are none",
            r#""a": {"rate": "unlimted", "quota": -1}"#,
            &[
                "2:15: policies.a.rate: unknown value `unlimted`; did you mean `unlimited`?",
                r#"2:36: policies.a.quota: expected an object with `requests` and `per`, or "unlimited", found a number"#,
            ],
        ),
        (
            "somebody else's counters",
            r#""a": {"rate": "unlimited", "limit_by": "ip"}, "b": {"quota": "unlimited", "limit_by": {}}, "c": {"limit_by": 1}"#,
            &[
                "2:40: policies.a.limit_by: unknown value `ip`; expected `identity`, `client` or `address`",
                "2:87: policies.b.limit_by.claim: missing; name the claim",
                r#"2:110: policies.c.limit_by: expected "identity", "client", "address" or an object with `claim`, found a number: put it in quotes"#,
            ],
        ),
        (
            "an age of nothing",
            r#""a": {"expires_after": "0s", "active": 1}"#,
            &[
                r#"2:24: policies.a.expires_after: zero makes no sense here; at least "1ms""#,
                "2:40: policies.a.active: expected true or false, found a number",
            ],
        ),
        (
            "access to nothing",
            r#""a": {"access": []}, "b": {"access": [{}, {"apis": [], "methods": [], "paths": [], "scopes": []}]}"#,
            &[
                "2:17: policies.a.access: an empty list would grant nothing; name an API, or leave it out to say nothing about access",
                "2:39: policies.b.access[0].apis: missing; name the APIs that may be called",
                "2:52: policies.b.access[1].apis: an empty list would grant nothing; name an API",
                "2:67: policies.b.access[1].methods: an empty list would grant nothing; leave it out for any",
                "2:80: policies.b.access[1].paths: an empty list would grant nothing; leave it out for any",
                "2:94: policies.b.access[1].scopes: an empty list asks for nothing; name a scope, or leave it out",
            ],
        ),
        (
            "access to APIs that are none, public or named twice",
            r#""a": {"access": [{"apis": ["name", "site", "named", "named", "x"]}]}"#,
            &[
                "2:28: policies.a.access[0].apis[0]: `name` is no API; did you mean `named`?",
                "2:36: policies.a.access[0].apis[1]: this API is public, and policies have no say there; delete the name",
                "2:53: policies.a.access[0].apis[3]: written twice in one list; delete one of the two",
                "2:62: policies.a.access[0].apis[4]: `x` is no API; known: `site`, `named` and `orders`",
            ],
        ),
        (
            "access to requests that there are not",
            r#""a": {"access": [{"apis": ["named"], "paths": ["/orders/**"]}, {"apis": ["named"], "methods": ["POST"]}]}"#,
            &[
                "2:28: policies.a.access[0].apis[0]: no request of this API has one of the entry's `paths`; fix one of the two",
                "2:74: policies.a.access[1].apis[0]: no request of this API has one of the entry's `methods`; fix one of the two",
            ],
        ),
        (
            "methods, paths and scopes that are none",
            r#""a": {"access": [{"apis": ["named"], "methods": ["get"], "paths": ["/a/../b"], "scopes": ["a b"]}]}"#,
            &[
                "2:50: policies.a.access[0].methods[0]: methods are compared exactly, and `get` is none; write `GET`",
                "2:68: policies.a.access[0].paths[0]: `/a/../b`: a `.` or `..` segment, raw, encoded or before a `;`; requests for such a path are refused",
                "2:91: policies.a.access[0].scopes[0]: a scope has no space; write each as a string of its own",
            ],
        ),
        (
            "one entry twice",
            r#""a": {"access": [{"apis": ["named"], "methods": ["GET"]}, {"methods": ["GET"], "apis": ["named"], "rate": "unlimited"}]}"#,
            &["2:59: policies.a.access[1]: grants what an entry above grants; make them one"],
        ),
        (
            "tags and metadata that no header can carry",
            r#""a": {"tags": [], "metadata": {"tier": "é"}}, "b": {"tags": ["a,b", " a"], "metadata": {"tier": 1}}"#,
            &[
                "2:15: policies.a.tags: an empty list names no tag; name one, or leave it out",
                "2:40: policies.a.metadata.tier: `\\u{e9}` is no safe header value: visible ASCII, no blank at either end",
                "2:62: policies.b.tags[0]: `a,b` cannot be one of several in a header: visible ASCII without a comma, no blank at either end",
                "2:69: policies.b.tags[1]: ` a` cannot be one of several in a header: visible ASCII without a comma, no blank at either end",
                "2:97: policies.b.metadata.tier: expected a string, found a number: put it in quotes",
            ],
        ),
    ];
    for (name, policies, problems) in cases {
        assert_eq!(refused(&with(policies, ORDERS)), *problems, "{name}");
    }
}

#[test]
fn a_burst_comes_back_within_a_year() {
    let of_policy = |rate: &str| with(&format!(r#""a": {{"rate": {rate}}}"#), ORDERS);
    let of_api = |rate: &str| with(A, &format!(r#"{ORDERS}, "rate": {rate}"#));
    let of_entry = |rate: &str| {
        with(&format!(r#""a": {{"access": [{{"apis": ["orders"], "rate": {rate}}}]}}"#), ORDERS)
    };
    for text in [of_policy, of_api, of_entry] {
        accepted(&text(r#"{"requests": 1, "per": "1d", "burst": 365}"#));
        accepted(&text(r#"{"requests": 3, "per": "365d"}"#));
        let problems = refused(&text(r#"{"requests": 2, "per": "1d", "burst": 731}"#));
        let [problem] = problems.as_slice() else { panic!("{problems:?}") };
        let message = "rate.burst: at this rate it takes more than 365d until as many may come at once again; write a smaller `burst`, or a faster rate";
        assert!(problem.ends_with(message), "{problem}");
    }
}

#[test]
fn what_an_api_gives_is_refused_with_everything_that_is_wrong_in_it() {
    let cases: &[(&str, &str, &str, &[&str])] = &[
        // name, policies, the API, problems
        (
            "nothing for anybody",
            A,
            r#"{"auth": ["okta"], "policies": {}"#,
            &[
                "3:32: apis[2].policies: gives nobody a policy, so that everybody would be refused; name one in `default`, or leave `policies` out where being verified is enough",
            ],
        ),
        (
            "policies that do not exist",
            r#""gold": {"active": true}, "silver": {"active": true}"#,
            r#"{"auth": ["okta"], "policies": {"default": ["golf", "x", "gold", "gold"], "by_scope": {"a": []}}"#,
            &[
                "3:45: apis[2].policies.default[0]: `golf` is no policy; did you mean `gold`?",
                "3:53: apis[2].policies.default[1]: `x` is no policy; known: `gold` and `silver`",
                "3:66: apis[2].policies.default[3]: written twice in one list; delete one of the two",
                "3:93: apis[2].policies.by_scope.a: an empty list gives nothing; name a policy, or leave it out",
            ],
        ),
        (
            "no policies at all",
            r#""description": "none""#,
            r#"{"auth": ["okta"], "policies": {"default": ["a"]}"#,
            &[
                "1:290: policies: empty; write a policy, or leave it out",
                "3:45: apis[2].policies.default[0]: `a` is no policy; there are none",
            ],
        ),
        (
            "a policy for no list",
            A,
            r#"{"auth": ["okta"], "policies": {"default": "a", "by_client": {"x": "a"}}"#,
            &[
                "3:44: apis[2].policies.default: expected a list, found a string: put it into brackets",
                "3:68: apis[2].policies.by_client.x: expected a list, found a string: put it into brackets",
            ],
        ),
        (
            "empty ways",
            A,
            r#"{"auth": ["okta"], "policies": {"default": ["a"], "by_scope": {}, "by_client": {}, "by_claim": []}"#,
            &[
                "3:63: apis[2].policies.by_scope: empty; name a scope, or leave it out",
                "3:80: apis[2].policies.by_client: empty; name a client, or leave it out",
                "3:96: apis[2].policies.by_claim: an empty list gives nothing; name a claim, or leave it out",
            ],
        ),
        (
            "claims that say nothing",
            A,
            r#"{"auth": ["okta"], "policies": {"by_claim": [{}, {"claim": [], "values": {}}]}"#,
            &[
                "3:46: apis[2].policies.by_claim[0].claim: missing; name the claim",
                "3:46: apis[2].policies.by_claim[0].values: missing; name the policies for each value",
                "3:60: apis[2].policies.by_claim[1].claim: an empty list names no claim; write its name",
                "3:74: apis[2].policies.by_claim[1].values: empty; name a value, or leave it out",
            ],
        ),
        (
            "two scopes in one",
            A,
            r#"{"auth": ["okta"], "policies": {"by_scope": {"a b": ["a"]}}"#,
            &[
                "3:46: apis[2].policies.by_scope[`a b`]: `a b` is no scope: it has no space and is not empty",
            ],
        ),
        (
            "a client that the API does not let in",
            A,
            r#"{"auth": ["okta"], "clients": ["web"], "policies": {"by_client": {"web": ["a"], "app": ["a"]}}"#,
            &[
                "3:81: apis[2].policies.by_client.app: `app` is none of the API's `clients`; add it there, or delete it here",
            ],
        ),
        (
            "policies of tokens that name none",
            A,
            r#"{"auth": ["okta"], "policies": {"from_claim": true}"#,
            &[
                "3:47: apis[2].policies.from_claim: no claim says which policies a token of `okta` names; write `claims.policies` there",
            ],
        ),
        (
            "a default that this API refuses always",
            r#""a": {"access": [{"apis": ["named"]}]}, "b": {"active": true}"#,
            r#"{"auth": ["okta"], "policies": {"default": ["a", "b"]}"#,
            &[
                "3:44: apis[2].policies.default: whoever gets only these is always refused here: no `access` entry of them speaks of this API; add it to one, or name another policy",
            ],
        ),
        (
            "policies in one list that contradict each other",
            r#""a": {"metadata": {"tier": "1", "x": "y"}}, "b": {"metadata": {"x": "y", "tier": "2"}}"#,
            r#"{"auth": ["okta"], "policies": {"by_client": {"app": ["a", "b"]}}"#,
            &[
                "3:54: apis[2].policies.by_client.app: `a` and `b` give the metadata `tier` different values (`1` and `2`), and are in force together; give it to one of them only",
            ],
        ),
        (
            "on a public API",
            A,
            r#"{"auth": "none", "policies": {"default": ["a"]}, "require": [{"claim": "a"}]"#,
            &[
                r#"3:30: apis[2].policies: has no meaning on an API with "auth": "none"; delete it, or name providers in `auth`"#,
                r#"3:61: apis[2].require: has no meaning on an API with "auth": "none"; delete it, or name providers in `auth`"#,
            ],
        ),
        (
            "a rate without end, and a mode that is none",
            A,
            r#"{"auth": ["okta"], "rate": "unlimited", "mode": "dry-run""#,
            &[
                "3:28: apis[2].rate: expected an object, found a string: for no limit leave the field out",
                "3:49: apis[2].mode: unknown value `dry-run`; expected `enforce` or `report`",
            ],
        ),
    ];
    for (name, policies, orders, problems) in cases {
        let mut found = refused(&with(policies, orders));
        found.sort_unstable();
        let mut expected: Vec<_> = problems.iter().map(|problem| (*problem).to_owned()).collect();
        expected.sort_unstable();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn what_is_risky_about_policies_is_warned_about() {
    let cases: &[(&str, &str, &str, &[&str])] = &[
        // name, policies, the API, warnings
        ("nothing", A, r#"{"auth": ["okta"], "policies": {"default": ["a"]}"#, &[]),
        (
            "a policy that says nothing",
            r#""a": {"description": "nothing"}"#,
            ORDERS,
            &[
                "2:6: policies.a: grants nothing and limits nothing: it only counts as a policy that somebody has",
            ],
        ),
        (
            "counters of nothing",
            r#""a": {"limit_by": "client"}, "b": {"limit_by": "client", "access": [{"apis": ["named"], "rate": "unlimited"}]}"#,
            ORDERS,
            &[
                "2:6: policies.a: grants nothing and limits nothing: it only counts as a policy that somebody has",
                "2:19: policies.a.limit_by: this policy has no `rate` and no `quota` that it could apply to",
            ],
        ),
        (
            "an entry that is not asked",
            r#""a": {"access": [{"apis": ["orders", "named"]}]}"#,
            ORDERS,
            &[
                "2:1: policies.a: `access` speaks of `orders`, without `policies` of its own: there being verified is enough, and no entry is asked",
            ],
        ),
        (
            "policies that do not grant this API",
            r#""a": {"access": [{"apis": ["named"]}]}, "b": {"active": true}"#,
            r#"{"auth": ["okta"], "policies": {"by_scope": {"s": ["a"], "t": ["b"]}}"#,
            &[
                "3:51: apis[2].policies.by_scope.s: grants nothing on this API: no `access` entry speaks of it",
            ],
        ),
        (
            "a default that is not active",
            r#""a": {"active": false}"#,
            r#"{"auth": ["okta"], "policies": {"default": ["a"], "by_scope": {"blocked": ["a"]}}"#,
            &[
                "3:44: apis[2].policies.default: `a` is not active: whoever gets only these is always refused here",
            ],
        ),
        (
            "two scopes that contradict each other",
            r#""a": {"metadata": {"tier": "1"}}, "b": {"metadata": {"tier": "2"}}"#,
            r#"{"auth": ["okta"], "policies": {"by_scope": {"s": ["a"], "t": ["b"]}}"#,
            &[
                "3:32: apis[2].policies: `a` and `b` give the metadata `tier` different values (`1` and `2`): no header with it is sent for who gets both",
            ],
        ),
        (
            "two clients never meet, nor two values of one claim",
            r#""a": {"metadata": {"tier": "1"}}, "b": {"metadata": {"tier": "2"}}"#,
            r#"{"auth": ["okta"], "policies": {"by_client": {"s": ["a"], "t": ["b"]}}"#,
            &[],
        ),
        (
            "a client and a claim that contradict each other",
            r#""a": {"metadata": {"tier": "1"}}, "b": {"metadata": {"tier": "2"}}"#,
            r#"{"auth": ["okta"], "policies": {"by_client": {"s": ["a"]}, "by_claim": [{"claim": "c", "values": {"x": ["a"], "t": ["b"]}}]}"#,
            &[
                "3:32: apis[2].policies: `a` and `b` give the metadata `tier` different values (`1` and `2`): no header with it is sent for who gets both",
            ],
        ),
        (
            "one of two providers whose tokens name none",
            A,
            r#"{"auth": ["okta", "named"], "policies": {"from_claim": true}"#,
            &[
                "3:56: apis[2].policies.from_claim: no claim says which policies a token of `okta` names; write `claims.policies` there",
            ],
        ),
        (
            "whoever has no token escapes",
            A,
            r#"{"auth": ["okta"], "optional": true, "policies": {"default": ["a"]}"#,
            &[
                "3:32: apis[2].optional: a request without a token passes although `audiences`, `clients`, `scopes`, `require`, `policies` or `mcp` ask something of tokens",
            ],
        ),
        (
            "nothing is refused",
            A,
            r#"{"auth": ["okta"], "mode": "report""#,
            &[
                "3:28: apis[2].mode: `report`: nothing is refused, and nobody is kept out; say `enforce` once the counters `tollgate_would_deny_*` show what you expect",
            ],
        ),
    ];
    for (name, policies, orders, warnings) in cases {
        let found: Vec<_> =
            accepted(&with(policies, orders)).warnings.iter().map(ToString::to_string).collect();
        assert_eq!(found, *warnings, "{name}");
    }
}

#[test]
fn what_nobody_gets_or_reads_is_warned_about() {
    let text = r#"{"mode": "report", "providers": {"okta": {"issuer": "https://okta.example", "audiences": ["api"],
"claims": {"policies": ["pol"]},
"jwks": {"discovery": true, "cluster": "idp"}}}, "policies": {
"a": {"active": true},
"b": {"active": true}},
"apis": [{"name": "all", "auth": ["okta"], "policies": {"by_client": {"app": ["a"]}}}]}"#;
    let found: Vec<_> = accepted(text).warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "1:10: mode: `report`: nothing is refused, and nobody is kept out; say `enforce` once the counters `tollgate_would_deny_*` show what you expect",
            "2:24: providers.okta.claims.policies: nothing reads this: no API that uses this provider's session has `policies.from_claim`",
            "5:1: policies.b: nobody gets this policy: no API names it in its `policies`, none has `from_claim`, and no API key has it",
        ]
    );
}

#[test]
fn the_policies_of_api_keys_are_judged_like_those_of_apis() {
    let text = |policies: &str, own: &str, api: &str| {
        format!(
            r#"{{"providers": {{"partner": {{"kind": "api_key", "from": [{{"header": "x-api-key"}}], "keys": [{{"name": "a", "sha256": "{}", "identity": "acme", "policies":
{own}}}]}}}}, "policies": {{
{policies}}},
"apis": [{{"name": "all", "auth": ["partner"]{api}}}]}}"#,
            "0123456789abcdef".repeat(4)
        )
    };
    let a = r#""a": {"access": [{"apis": ["all"]}]}"#;
    assert_eq!(accepted(&text(a, r#"["a"]"#, "")).warnings, []);
    assert_eq!(accepted(&text(a, r#"["a"]"#, r#", "policies": {}"#)).warnings, []);
    assert_eq!(
        refused(&text(a, r#"["b", "a", "a"]"#, "")),
        [
            "2:2: providers.partner.keys[0].policies[0]: `b` is no policy; known: `a`",
            "2:12: providers.partner.keys[0].policies[2]: written twice in one list; delete one of the two",
        ]
    );
    let two = r#""a": {"metadata": {"tier": "1"}}, "b": {"metadata": {"tier": "2"}}"#;
    assert_eq!(
        refused(&text(two, r#"["b", "a"]"#, "")),
        [
            "2:1: providers.partner.keys[0].policies: `b` and `a` give the metadata `tier` different values (`2` and `1`), and are in force together; give it to one of them only",
        ]
    );
    assert_eq!(
        refused(&text(a, r#"["a"]"#, r#", "policies": {"by_scope": {"s": ["a"]}}"#)),
        [
            "4:59: apis[0].policies: `by_scope`, `by_client`, `by_claim` and `from_claim` ask tokens, and this API takes the session of API keys only; use `default`, `by_identity`, or the keys' own `policies`",
        ]
    );
}

#[test]
fn a_limit_that_no_api_key_can_be_counted_by_is_warned_about() {
    let text = |own: &str, default: &str| {
        format!(
            r#"{{"providers": {{"okta": %okta%, "partner": {{"kind": "api_key", "from": [{{"header": "x-api-key"}}], "keys": [{{"name": "a", "sha256": "{}", "identity": "acme", "policies":
{own}}}]}}}}, "policies": {{
"client": {{"limit_by": "client", "quota": {{"requests": 1, "per": "1d"}}}},
"claim": {{"limit_by": {{"claim": "org"}}, "access": [{{"apis": ["keys", "tokens"], "rate": {{"requests": 1, "per": "1d"}}}}]}},
"plain": {{"rate": {{"requests": 1, "per": "1d"}}}}}},
"apis": [{{"name": "keys", "match": {{"paths": ["/keys"]}}, "auth": ["partner"], "policies":
{{"default": {default}}}}},
{{"name": "tokens", "auth": ["okta"], "policies": {{"default": ["plain"], "by_scope": {{"a": ["client", "claim"]}}}}}}]}}"#,
            "0123456789abcdef".repeat(4)
        )
    };
    let warnings = |own: &str, default: &str| -> Vec<String> {
        accepted(&text(own, default)).warnings.iter().map(ToString::to_string).collect()
    };
    let message = |at: &str, policy: &str| {
        format!(
            "{at}: the limits of `{policy}` count by what an API key does not have (`limit_by`): one that has to keep them is refused; count by `identity`"
        )
    };
    assert_eq!(warnings(r#"["plain"]"#, r#"["plain"]"#), [""; 0]);
    assert_eq!(
        warnings(r#"["client", "plain"]"#, r#"["claim"]"#),
        [
            message("2:1: providers.partner.keys[0].policies", "client"),
            message("7:13: apis[0].policies.default", "claim"),
        ]
    );
}

#[test]
fn what_is_required_of_claims_is_refused_with_everything_that_is_wrong_in_it() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("nothing", "[]", &["an empty list asks for nothing; name a claim, or leave it out"]),
        ("no claim", "[{}]", &[r#"missing; name the claim, such as "department""#]),
        (
            "two things",
            r#"[{"claim": "a", "in": ["b"], "starts_with": "c"}]"#,
            &["asks several things of one claim; write an element of the list for each"],
        ),
        (
            "no values",
            r#"[{"claim": "a", "in": []}, {"claim": "a", "contains_any": []}, {"claim": "a", "contains_all": []}]"#,
            &["an empty list names no value; name one, or leave it out for any"; 3],
        ),
        (
            "values of a type that claims are not compared by",
            r#"[{"claim": "a", "in": [1.5, null, {}]}]"#,
            &[
                "expected a string, a whole number, true or false, found a number",
                "expected a string, a whole number, true or false, found null: leave the field out instead",
                "expected a string, a whole number, true or false, found an object",
            ],
        ),
        (
            "a beginning of nothing",
            r#"[{"claim": "a", "starts_with": ""}, {"claim": "a", "starts_with": ["b", ""]}]"#,
            &["an empty string; write a value, or leave it out"; 2],
        ),
        (
            "no beginnings",
            r#"[{"claim": "a", "starts_with": []}, {"claim": "a", "starts_with": 1}]"#,
            &[
                "an empty list names no value; name one, or leave it out for any",
                "expected a string or a list of strings, found a number: put it in quotes",
            ],
        ),
    ];
    for (name, rules, problems) in cases {
        let provider = format!(
            r#"{{"providers": {{"okta": {{"issuer": "https://okta.example", "audiences": ["api"], "require": {rules}, "jwks": {{"discovery": true, "cluster": "idp"}}}}}}}}"#
        );
        let api = with(A, &format!(r#"{{"auth": ["okta"], "require": {rules}"#));
        for text in [provider, api] {
            let found = refused(&text);
            assert_eq!(found.len(), problems.len(), "{name}: {found:?}");
            for (found, expected) in found.iter().zip(*problems) {
                assert!(found.contains(".require") && found.ends_with(expected), "{name}: {found}");
            }
        }
    }
}

#[test]
fn a_header_names_metadata_that_some_policy_has() {
    let text = |key: &str| {
        format!(
            r#"{{"providers": {{"okta": {{"issuer": "https://okta.example", "audiences": ["api"], "jwks": {{"discovery": true, "cluster": "idp"}},
"upstream": {{"headers": {{"x-tier": {{"metadata": "{key}"}}, "x-p": {{"session": "policies"}}, "x-t": {{"session": "tags"}}}}}}}}}}, "policies": {{
"a": {{"metadata": {{"tier": "1"}}}}}}, "apis": [{{"name": "all", "auth": ["okta"], "policies": {{"default": ["a"]}}}}]}}"#
        )
    };
    assert_eq!(accepted(&text("tier")).warnings, []);
    assert_eq!(
        refused(&text("teir")),
        [
            "2:49: providers.okta.upstream.headers.x-tier.metadata: no policy has the metadata `teir`; did you mean `tier`?"
        ]
    );
    assert_eq!(
        refused(&text("colour")),
        [
            "2:49: providers.okta.upstream.headers.x-tier.metadata: no policy has the metadata `colour`; write it into a policy's `metadata`"
        ]
    );
}

/// What can be written about policies.
pub(super) const EVERYTHING: &str = r#"{"mode": "report", "providers": {"okta": {"issuer": "https://okta.example", "audiences": ["api"], "jwks": {"discovery": true, "cluster": "idp"},
"claims": {"scopes": ["https://example.com/scopes", "a.b"], "policies": [["x", "y"]]},
"require": [{"claim": "d", "in": ["e", 1, true]}, {"claim": ["f", "g"]}, {"claim": "h", "starts_with": "i"}, {"claim": "j", "starts_with": ["k", "l"]}],
"upstream": {"headers": {"x-tier": {"metadata": "tier"}, "x-policies": {"session": "policies"}, "x-tags": {"session": "tags"}}}}},
"policies": {
"writer": {"access": [{"apis": ["two", "one"], "methods": ["POST"], "paths": ["/one/{id}"], "scopes": ["w"], "rate": {"requests": 5, "per": "1s", "burst": 2}}], "active": false},
"standard": {"rate": {"requests": 100, "per": "1s"}, "quota": {"requests": 10000, "per": "30d"}, "limit_by": {"claim": "org"}, "expires_after": "24h", "tags": ["free"], "metadata": {"tier": "1"}},
"boundless": {"rate": "unlimited", "quota": "unlimited", "limit_by": "client"}},
"apis": [
{"name": "one", "match": {"paths": ["/one/**"]}, "auth": ["okta"], "require": [{"claim": "roles", "contains_any": ["staff"]}], "rate": {"requests": 5000, "per": "1s", "burst": 1}, "mode": "enforce",
 "policies": {"default": ["standard"], "by_scope": {"w": ["writer"]}, "by_client": {"c": ["boundless"]}, "by_claim": [{"claim": ["o", "p"], "values": {"gold": ["standard", "boundless"]}}], "from_claim": true}},
{"name": "two", "auth": ["okta"]}]}"#;

#[test]
fn what_is_written_about_policies_is_what_is_meant() {
    let config = accepted(EVERYTHING);
    let name = |name: &str| ClaimRef::Name(name.into());
    let path = |segments: [&str; 2]| ClaimRef::Path(segments.map(Box::from).into());
    let rule = |claim, test| Rule { claim, test };
    let okta = config.providers[0].jwt().unwrap();
    assert_eq!(okta.requirements.scopes, [name("https://example.com/scopes"), name("a.b")]);
    assert_eq!(okta.requirements.policies, [path(["x", "y"])]);
    assert_eq!(
        okta.requirements.rules,
        [
            rule(name("d"), Test::In(vec!["e".into(), 1.into(), true.into()])),
            rule(path(["f", "g"]), Test::Present),
            rule(name("h"), Test::StartsWith(vec!["i".into()])),
            rule(name("j"), Test::StartsWith(vec!["k".into(), "l".into()])),
        ]
    );
    let headers = config.providers[0].upstream.headers.as_ref().unwrap();
    let sources: Vec<_> = headers.iter().map(|(_, source)| source.clone()).collect();
    assert_eq!(
        sources,
        [
            HeaderSource::Session(SessionFact::Policies),
            HeaderSource::Session(SessionFact::Tags),
            HeaderSource::Metadata("tier".into()),
        ]
    );

    let [boundless, standard, writer] = config.policies.list() else { panic!("three policies") };
    let second = Duration::from_secs(1);
    let rate = |requests, burst| Rate { requests, per: second, burst };
    assert_eq!(boundless.name.as_str(), "boundless");
    assert_eq!((boundless.rate, boundless.quota), (Some(Bound::Unlimited), Some(Bound::Unlimited)));
    assert_eq!(boundless.limit_by, LimitBy::Client);
    assert!(boundless.active && boundless.access.is_none() && boundless.expires_after.is_none());
    let Some(Bound::At(standard_rate)) = standard.rate else { panic!("a rate") };
    assert_eq!(standard_rate.limit, rate(100, 100), "a burst of all requests");
    let Some(Bound::At(quota)) = standard.quota else { panic!("a quota") };
    assert_eq!(quota.limit, Quota { requests: 10_000, per: Duration::from_hours(720) });
    assert_eq!(standard.limit_by, LimitBy::Claim(name("org")));
    assert_eq!(standard.expires_after, Some(Duration::from_hours(24)));
    assert_eq!(standard.tags, ["free".into()]);
    assert_eq!(standard.metadata, [("tier".into(), "1".into())]);
    assert!(!writer.active && writer.limit_by == LimitBy::Identity);
    let [entry] = writer.access.as_ref().unwrap().as_slice() else { panic!("one entry") };
    assert_eq!(entry.apis, [ApiId(1), ApiId(0)]);
    assert_eq!(entry.methods, ["POST".into()]);
    assert_eq!(entry.paths, [PathPattern::parse("/one/{id}").unwrap()]);
    assert_eq!(entry.scopes, ["w".into()]);
    let Some(Bound::At(entry_rate)) = entry.rate else { panic!("a rate") };
    assert_eq!(entry_rate.limit, rate(5, 2));

    let [one, two] = config.apis.as_slice() else { panic!("two APIs") };
    assert_eq!(one.rules, [rule(name("roles"), Test::ContainsAny(vec!["staff".into()]))]);
    assert_eq!(one.rate.map(|rate| rate.limit), Some(rate(5000, 1)));
    assert!(two.rules.is_empty() && two.rate.is_none());
    assert_eq!((config.reports, one.reports, two.reports), (true, false, true));
    assert!(config.looks_at_paths());
    let known = ["boundless", "standard", "writer"].map(|name| config.policies.find(name));
    assert_eq!(known, [0, 1, 2].map(|place| Some(PolicyId(place))));
    assert_eq!(config.policies.find("gold"), None);
}

#[test]
fn an_entry_alone_makes_paths_matter() {
    let text = |entry: &str| {
        format!(
            r#"{{"providers": {{"okta": %okta%}}, "policies": {{"a": {{"access": [{{"apis": ["all"]{entry}}}]}}}},
"apis": [{{"name": "all", "auth": ["okta"], "policies": {{"default": ["a"]}}}}]}}"#
        )
    };
    assert!(!accepted(&text("")).looks_at_paths());
    assert!(accepted(&text(r#", "paths": ["/a"]"#)).looks_at_paths());
}

#[test]
fn a_client_that_every_provider_of_an_api_refuses_is_named_in_vain() {
    let with = |auth: &str| {
        let provider = |name: &str, more: &str| {
            format!(
                r#""{name}": {{"issuer": "https://{name}.example", "audiences": ["api"], {more}"jwks": {{"discovery": true, "cluster": "idp"}}}}"#
            )
        };
        let (web, job) = (r#""clients": ["web"], "#, r#""clients": ["job"], "#);
        format!(
            r#"{{"providers": {{{}, {}, {}}}, "policies": {{"a": {{"active": true}}}}, "apis": [{{
"name": "one", "match": {{"paths": ["/one"]}}, "auth": ["any"]}}, {{
"name": "orders", "auth": {auth}, "clients": ["web", "app"],
"policies": {{"default": ["a"], "by_client": {{"web": ["a"]}}}}}}]}}"#,
            provider("web", web),
            provider("job", job),
            provider("any", ""),
        )
    };
    let refusal = |at: &str, path: &str, client: &str| {
        format!(
            "{at}: apis[1].{path}: `{client}` is none of the `clients` of the API's providers, which refuse its tokens; add it there, or delete it here"
        )
    };
    let both = with(r#"["web", "job"]"#);
    assert_eq!(refused(&both), [refusal("3:62", "clients[1]", "app")]);
    let job = with(r#"["job"]"#);
    let expected = [
        refusal("3:48", "clients[0]", "web"),
        refusal("3:55", "clients[1]", "app"),
        refusal("4:46", "policies.by_client.web", "web"),
    ];
    assert_eq!(refused(&job), expected);
    accepted(&with(r#"["job", "any"]"#));
}
