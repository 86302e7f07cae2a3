//! One provider: who it is and where its keys are, and the problems of each field.

use super::refused;

/// What a provider has, where a case does not say otherwise.
const REST: [(&str, &str); 3] = [
    ("issuer", r#""issuer": "https://okta.example""#),
    ("audiences", r#""audiences": ["api"]"#),
    ("jwks", r#""jwks": {"discovery": true, "cluster": "idp"}"#),
];

/// A configuration with one provider: the given members from the second line on, then the rest
/// of it but one.
pub(super) fn provider(given: &str, without: &str) -> String {
    let members = super::members(given, without, &REST);
    format!("{{\"providers\": {{\"okta\": {{\n{members}\n}}}}}}")
}

#[test]
fn a_provider_is_refused_for_what_is_wrong_with_its_issuer_and_keys() {
    let cases: &[(&str, &str, &str, &[&str])] = &[
        // name, the member left out, members, problems
        (
            "a kind of later",
            "",
            r#""kind": "login", "tokens": []"#,
            &[
                "2:9: providers.okta.kind: unknown value `login`; expected `jwt`, `api_key` or `introspection`",
                "2:18: providers.okta.tokens: unknown field; known here: %provider%",
            ],
        ),
        (
            "a misspelt kind",
            "",
            r#""kind": "jwtt", "clock_skew": 60"#,
            &[
                "2:9: providers.okta.kind: unknown value `jwtt`; did you mean `jwt`?",
                r#"2:31: providers.okta.clock_skew: `60` has no unit; write "60s""#,
            ],
        ),
        (
            "no issuer",
            "issuer",
            "",
            &[
                r#"1:24: providers.okta.issuer: missing; write the exact `iss` of the tokens, or say "any_issuer": true"#,
            ],
        ),
        (
            "an issuer and any",
            "",
            r#""any_issuer": true"#,
            &["2:15: providers.okta.any_issuer: contradicts `issuer`; keep one of the two"],
        ),
        (
            "no issuer, and any denied",
            "issuer",
            r#""any_issuer": false"#,
            &[
                r#"1:24: providers.okta.issuer: missing; write the exact `iss` of the tokens, or say "any_issuer": true"#,
            ],
        ),
        (
            "no issuers",
            "",
            r#""issuer": []"#,
            &[
                r#"2:11: providers.okta.issuer: an empty list would accept nothing; name an issuer, or say "any_issuer": true"#,
            ],
        ),
        (
            "an issuer that is a number",
            "",
            r#""issuer": 5"#,
            &[
                "2:11: providers.okta.issuer: expected a string or a list of strings, found a number: put it in quotes",
            ],
        ),
        (
            "an issuer of a wrong type in a list",
            "",
            r#""issuer": ["https://a.example", null]"#,
            &[
                "2:33: providers.okta.issuer[1]: expected a string, found null: leave the field out instead",
            ],
        ),
        (
            "an issuer twice",
            "",
            r#""issuer": ["https://a.example", "https://b.example", "https://a.example"], "jwks": {"url": "https://a.example/keys", "cluster": "idp"}"#,
            &["2:54: providers.okta.issuer[2]: written twice in one list; delete one of the two"],
        ),
        (
            "an issuer with a place to fill in",
            "",
            r#""issuer": "https://login.microsoftonline.com/{tenantid}/v2.0""#,
            &[
                "2:11: providers.okta.issuer: holds `{` or `}`, which no token's `iss` does; list the issuer of each tenant, or write `{tenant}` and list `tenants`",
            ],
        ),
        (
            "an issuer with a space",
            "",
            r#""issuer": "https://a.example ""#,
            &[
                "2:11: providers.okta.issuer: begins or ends with a space; `iss` is compared exactly",
            ],
        ),
        (
            "an issuer with a control character",
            "",
            r#""issuer": "https://a.example\n""#,
            &[
                r"2:11: providers.okta.issuer: `https://a.example\u{a}` holds a control character; take it out",
            ],
        ),
        (
            "an empty issuer",
            "",
            r#""issuer": """#,
            &["2:11: providers.okta.issuer: an empty string; write a value, or leave it out"],
        ),
        (
            "no audience",
            "audiences",
            "",
            &[
                r#"1:24: providers.okta.audiences: missing; name the audience of your API, or `clients`, or say "any_audience": true"#,
            ],
        ),
        (
            "no audiences",
            "",
            r#""audiences": []"#,
            &[
                r#"2:14: providers.okta.audiences: an empty list would accept nothing; name an audience, or say "any_audience": true"#,
            ],
        ),
        (
            "an audience as a string",
            "",
            r#""audiences": "api://default""#,
            &[
                "2:14: providers.okta.audiences: expected a list, found a string: put it into brackets",
            ],
        ),
        (
            "an audience and any",
            "",
            r#""any_audience": true"#,
            &["2:17: providers.okta.any_audience: contradicts `audiences`; keep one of the two"],
        ),
        (
            "no clients",
            "",
            r#""clients": []"#,
            &[
                "2:12: providers.okta.clients: an empty list would accept nothing; name a client, or leave it out",
            ],
        ),
        (
            "an audience in the singular",
            "audiences",
            r#""audience": ["api://default"]"#,
            &["2:1: providers.okta.audience: unknown field; did you mean `audiences`?"],
        ),
        (
            "a flag as a string",
            "audiences",
            r#""any_audience": "true", "clients": ["0oa1"]"#,
            &[
                "2:17: providers.okta.any_audience: expected true or false, found a string: write it without quotes",
            ],
        ),
        (
            "null for a field",
            "",
            r#""clients": null"#,
            &[
                "2:12: providers.okta.clients: expected a list, found null: leave the field out instead",
            ],
        ),
        (
            "no keys",
            "jwks",
            "",
            &[
                "1:24: providers.okta.jwks: missing; say where the keys are: `url`, `discovery` or `inline`; or write `pem` or `secret`",
            ],
        ),
        (
            "no source of keys",
            "",
            r#""jwks": {"cluster": "idp"}"#,
            &[
                "2:9: providers.okta.jwks: names no keys; write exactly one of `url`, `discovery` and `inline`",
            ],
        ),
        (
            "two sources of keys",
            "",
            r#""jwks": {"url": "https://a.example/keys", "discovery": true, "cluster": "idp"}"#,
            &[
                "2:9: providers.okta.jwks: `url` and `discovery` are two sources of keys; keep exactly one",
            ],
        ),
        (
            "no cluster",
            "",
            r#""jwks": {"url": "https://a.example/keys"}"#,
            &[
                "2:9: providers.okta.jwks.cluster: missing; name the Envoy cluster that leads to `a.example`",
            ],
        ),
        (
            "no cluster for a discovery",
            "",
            r#""jwks": {"discovery": true}"#,
            &[
                "2:9: providers.okta.jwks.cluster: missing; name the Envoy cluster that leads to `okta.example`",
            ],
        ),
        (
            "a misspelt cluster",
            "",
            r#""jwks": {"url": "https://a.example/keys",
"clustr": "idp"}"#,
            &["3:1: providers.okta.jwks.clustr: unknown field; did you mean `cluster`?"],
        ),
        (
            "an unknown field with no near name",
            "",
            r#""jwks": {"url": "https://a.example/keys", "cluster": "idp", "rotation": 5}"#,
            &[
                "2:61: providers.okta.jwks.rotation: unknown field; known here: `url`, `discovery`, `inline`, `cluster`, `keys_cluster`, `timeout`, `refresh`, `cooldown` and `max_stale`",
            ],
        ),
        (
            "keys at a URL without a host",
            "",
            r#""jwks": {"url": "https:///keys", "cluster": "idp"}"#,
            &[
                r#"2:17: providers.okta.jwks.url: the URL has no valid host; write "https://host/path""#,
            ],
        ),
        (
            "keys at a URL of another scheme",
            "",
            r#""jwks": {"url": "file:///etc/keys", "cluster": "idp"}"#,
            &[
                r#"2:17: providers.okta.jwks.url: the URL does not begin with `https://` or `http://`; write "https://host/path""#,
            ],
        ),
        (
            "keys at a URL with a password, never shown",
            "",
            r#""jwks": {"url": "https://user:hunter2@a.example/keys", "cluster": "idp"}"#,
            &[
                r#"2:17: providers.okta.jwks.url: the URL has a user name or password before the host; write "https://host/path""#,
            ],
        ),
        (
            "keys at a URL with a fragment",
            "",
            r#""jwks": {"url": "https://a.example/keys#x", "cluster": "idp"}"#,
            &[
                r#"2:17: providers.okta.jwks.url: the URL has a fragment (`#`); write "https://host/path""#,
            ],
        ),
        (
            "a discovery denied",
            "",
            r#""jwks": {"discovery": false, "cluster": "idp"}"#,
            &["2:23: providers.okta.jwks.discovery: `false` names no keys; write `true` or a URL"],
        ),
        (
            "a discovery from several issuers",
            "",
            r#""issuer": ["https://a.example", "https://b.example"]"#,
            &[
                "4:23: providers.okta.jwks.discovery: there are several issuers; write the document's URL",
            ],
        ),
        (
            "a discovery from no issuer",
            "issuer",
            r#""any_issuer": true"#,
            &[
                "4:23: providers.okta.jwks.discovery: there is no issuer to discover from; write the document's URL",
            ],
        ),
        (
            "a discovery from an issuer that is no URL",
            "",
            r#""issuer": "okta""#,
            &[
                "4:23: providers.okta.jwks.discovery: the issuer is no URL to discover from: it does not begin with `https://` or `http://`; write the document's URL",
            ],
        ),
        (
            "a discovery from an issuer with a query",
            "",
            r#""issuer": "https://a.example/?tenant=1""#,
            &[
                "4:23: providers.okta.jwks.discovery: the issuer has a query; write the document's URL",
            ],
        ),
        (
            "a discovery at a URL that is none",
            "",
            r#""jwks": {"discovery": "a.example", "cluster": "idp"}"#,
            &[
                r#"2:23: providers.okta.jwks.discovery: the URL does not begin with `https://` or `http://`; write "https://host/path""#,
            ],
        ),
        (
            "a second cluster without a discovery",
            "",
            r#""jwks": {"url": "https://a.example/keys", "cluster": "idp", "keys_cluster": "keys"}"#,
            &[
                "2:77: providers.okta.jwks.keys_cluster: has no use with `url`, which is called in `cluster`; delete it",
            ],
        ),
        (
            "inline keys and timings",
            "",
            r#""jwks": {"inline": %keys%, "cluster": "idp", "refresh": "10m"}"#,
            &[
                "2:142: providers.okta.jwks.cluster: has no use with `inline`, which fetches nothing; delete it",
                "2:160: providers.okta.jwks.refresh: has no use with `inline`, which fetches nothing; delete it",
            ],
        ),
        (
            "inline keys that are a list",
            "",
            r#""jwks": {"inline": []}"#,
            &[
                "2:20: providers.okta.jwks.inline: expected a key set: an object with a list `keys`, found a list",
            ],
        ),
        (
            "inline keys without keys",
            "",
            r#""jwks": {"inline": {}}"#,
            &["2:20: providers.okta.jwks.inline: no key set: there is no array `keys`"],
        ),
        (
            "inline keys, none usable",
            "",
            r#""jwks": {"inline": {"keys": [{"kty": "oct", "kid": "s", "k": "c2VjcmV0"}]}}"#,
            &[
                "2:20: providers.okta.jwks.inline: no key of this set can be used; keys[0]: its secret has 6 bytes, fewer than the hash of its algorithm (32 for HS256, 48 for HS384, 64 for HS512)",
            ],
        ),
        (
            "inline keys with a member twice",
            "",
            r#""jwks": {"inline": {"keys": [], "keys": []}}"#,
            &["2:20: providers.okta.jwks.inline: no key set: an object has duplicate members"],
        ),
    ];
    for (name, without, given, problems) in cases {
        assert_eq!(refused(&provider(given, without)), *problems, "{name}");
    }
}
