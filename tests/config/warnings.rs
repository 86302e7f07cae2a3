//! What is legal and risky.

use super::{accepted, codes};

#[test]
fn what_is_risky_is_warned_about_and_taken() {
    let cases: &[(&str, &str, &[&str])] = &[
        // name, text, warnings
        ("nothing risky", r#"{"providers": {"okta": %okta%}}"#, &[]),
        (
            "keys over plain HTTP",
            r#"{"providers": {"okta": {"issuer": "https://okta.example", "audiences": ["api"],
"jwks": {"url": "http://okta.example/keys", "cluster": "idp"}}}}"#,
            &[
                "2:17: providers.okta.jwks.url: `http`: whoever is on the way can replace the keys; use `https`, unless a mesh encrypts this call",
            ],
        ),
        (
            "a discovery over plain HTTP",
            r#"{"providers": {"okta": {"issuer": "http://127.0.0.1:9000", "audiences": ["api"],
"jwks": {"discovery": true, "cluster": "idp"}}}}"#,
            &[
                "2:23: providers.okta.jwks.discovery: `http`: whoever is on the way can replace the keys; use `https`, unless a mesh encrypts this call",
            ],
        ),
        (
            "keys given up before they are fetched again",
            r#"{"providers": {"okta": {"issuer": "https://okta.example", "audiences": ["api"],
"jwks": {"discovery": true, "cluster": "idp", "max_stale": "5m"}}}}"#,
            &[
                "2:60: providers.okta.jwks.max_stale: `max_stale` is shorter than `refresh`: keys are given up before they are fetched again",
            ],
        ),
        (
            "a key of a set that cannot be used, and a private one",
            r#"{"providers": {"okta": {"issuer": "https://okta.example", "audiences": ["api"], "jwks":
{"inline": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}, {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}]}}}}}"#,
            &[
                "2:12: providers.okta.jwks.inline: keys[0] is not used: its secret has 6 bytes, fewer than the hash of its algorithm (32 for HS256, 48 for HS384, 64 for HS512)",
                "2:12: providers.okta.jwks.inline: keys[1] shows its private part; write the public one only",
            ],
        ),
        (
            "keys of a set that no algorithm is for",
            r#"{"providers": {"okta": {"issuer": "https://okta.example", "audiences": ["api"], "jwks":
{"inline": {"keys": [{"kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, {"kty": "EC", "crv": "P-256", "kid": "k2", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}, {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}}, "algorithms": ["EdDSA"]}}}"#,
            &[
                "2:12: providers.okta.jwks.inline: the key `k2` (P-256) is not used: it fits no algorithm accepted here",
                "2:12: providers.okta.jwks.inline: the key without `kid` (secret) is not used: it fits no algorithm accepted here",
            ],
        ),
        (
            "a provider that no API lists",
            r#"{"providers": {
"okta": %okta%}, "apis": [{"name": "site", "match": {"paths": ["/site/**"]}, "auth": "none"}]}"#,
            &[
                "2:1: providers.okta: no API lists this provider: its tokens are taken nowhere; name it in \
               an API's `auth`, or delete it",
            ],
        ),
        (
            "names that differ in nothing but what Prometheus writes as one",
            r#"{"providers": {"my-idp": %okta%,
"my_idp": {"issuer": "https://b.example", "audiences": ["b"], "jwks": {"discovery": true, "cluster": "b"}}},
"apis": [{"name": "o-r_d", "match": {"paths": ["/a/**"]}, "auth": ["my-idp"]},
{"name": "o_r-d", "match": {"paths": ["/b/**"]}, "auth": ["my_idp"]},
{"name": "my-idp", "auth": ["my-idp"]}]}"#,
            &[
                "2:1: providers.my_idp: `my_idp` and `my-idp` are one name in Prometheus, which reads `-` as `_`: their metrics run together; let them differ in more than that",
                "4:10: apis[1].name: `o_r-d` and `o-r_d` are one name in Prometheus, which reads `-` as `_`: their metrics run together; let them differ in more than that",
            ],
        ),
        (
            "a public API that takes what is left",
            r#"{"providers": {"okta": %okta%}, "apis": [{"name": "orders", "match": {"paths": ["/orders/**"]}, "auth": ["okta"]},
{"name": "site", "match": {"paths": ["/**"]}, "auth": "none"}]}"#,
            &[
                "2:1: apis[1]: a public API that takes every request: what no API before it matches passes without a credential; narrow its `match`",
            ],
        ),
        (
            "demands that a request without a token escapes",
            r#"{"providers": {"okta": %okta%}, "apis": [
{"name": "site", "auth": ["okta"], "optional": true, "scopes": ["a"]}]}"#,
            &[
                "2:48: apis[0].optional: a request without a token passes although `audiences`, `clients`, `scopes`, `require`, `policies` or `mcp` ask something of tokens",
            ],
        ),
        (
            "a branch of two that look in one place",
            r#"{"providers": {"a": %okta%, "b": {"issuer": "https://b.example", "audiences": ["b"], "jwks": {"discovery": true, "cluster": "b"}}},
"apis": [{"name": "site", "auth": [["a", "b"]], "session_from": "a"}]}"#,
            &[
                "2:36: apis[0].auth[0]: `a` and `b` both read only the header `authorization`, and two tokens in one header are refused: give one of them another place in `from`",
            ],
        ),
        (
            "a branch of two that look in one place, by several schemes",
            r#"{"providers": {"a": %okta%, "b": {"issuer": "https://b.example", "audiences": ["b"], "jwks": {"discovery": true, "cluster": "b"}, "from": [{"header": "authorization", "scheme": ["Bearer", ""]}]}},
"apis": [{"name": "site", "auth": [["a", "b"]], "session_from": "a"}]}"#,
            &[
                "2:36: apis[0].auth[0]: `a` and `b` both read only the header `authorization`, and two tokens in one header are refused: give one of them another place in `from`",
            ],
        ),
        (
            "clocks that are said to differ by more than five minutes",
            r#"{"providers": {"okta": {"issuer": "https://okta.example", "audiences": ["api"], "jwks": {"discovery": true, "cluster": "idp"},
"clock_skew": "6m"}}}"#,
            &[
                "2:15: providers.okta.clock_skew: an expired token is taken this much longer; set the clocks and write 5m or less",
            ],
        ),
        (
            "clocks that differ by as much as is still sound",
            r#"{"providers": {"okta": {"issuer": "https://okta.example", "audiences": ["api"], "jwks": {"discovery": true, "cluster": "idp"}, "clock_skew": "5m"}}}"#,
            &[],
        ),
        (
            "keys asked for without a pause",
            r#"{"providers": {"okta": {"issuer": "https://okta.example", "audiences": ["api"], "jwks": {"discovery": true, "cluster": "idp",
"refresh": "9s", "cooldown": "1s"}}}}"#,
            &[
                "2:12: providers.okta.jwks.refresh: every proxy may ask the provider this often, which may refuse to answer; write 10s or more",
                "2:30: providers.okta.jwks.cooldown: every proxy may ask the provider this often, which may refuse to answer; write 10s or more",
            ],
        ),
        (
            "keys asked for as often as is sound",
            r#"{"providers": {"okta": {"issuer": "https://okta.example", "audiences": ["api"], "jwks": {"discovery": true, "cluster": "idp", "refresh": "10s", "cooldown": "10s"}}}}"#,
            &[],
        ),
        (
            "Okta's org server",
            r#"{"providers": {"okta": {"issuer":
"https://example.okta.com", "audiences": ["api"], "jwks": {"discovery": true, "cluster": "idp"}}}}"#,
            &[
                "2:1: providers.okta.issuer: Okta's org server: its access tokens are for Okta alone, their keys may change unannounced and they cannot carry your scopes; write the issuer of a custom server, such as https://…/oauth2/default",
            ],
        ),
        (
            "a custom server of Okta's, and a host that only looks like it",
            r#"{"providers": {"a": {"issuer": "https://example.okta.com/oauth2/default", "audiences": ["api"], "jwks": {"discovery": true, "cluster": "idp"}},
"b": {"issuer": "https://okta.com.example", "audiences": ["api"], "jwks": {"discovery": true, "cluster": "idp"}}}}"#,
            &[],
        ),
        (
            "audiences that other tokens have, too",
            r#"{"providers": {"a": {"issuer": "https://a.example", "jwks": {"discovery": true, "cluster": "idp"}, "audiences": ["api",
"account",
"https://a.example",
"https://x.eu.auth0.com/userinfo"]}}}"#,
            &[
                "2:1: providers.a.audiences[1]: `account` does not tell tokens for this API from others: Keycloak puts it into nearly every user's token; give the API an audience of its own, or narrow it by `clients` or `require`",
                "3:1: providers.a.audiences[2]: `https://a.example` does not tell tokens for this API from others: it is the provider itself, which tokens for anything may name; give the API an audience of its own, or narrow it by `clients` or `require`",
                "4:1: providers.a.audiences[3]: `https://x.eu.auth0.com/userinfo` does not tell tokens for this API from others: it is Auth0's own, which tokens for anything name; give the API an audience of its own, or narrow it by `clients` or `require`",
            ],
        ),
        (
            "such an audience, narrowed by the provider",
            r#"{"providers": {"a": {"issuer": "https://a.example", "jwks": {"discovery": true, "cluster": "idp"}, "audiences": ["account"], "clients": ["web"]},
"b": {"issuer": "https://b.example", "jwks": {"discovery": true, "cluster": "idp"}, "audiences": ["account"], "require": [{"claim": "roles"}]}}}"#,
            &[],
        ),
        (
            "such an audience, narrowed by every API",
            r#"{"providers": {"a": {"issuer": "https://a.example", "jwks": {"discovery": true, "cluster": "idp"}, "audiences": ["account"]}},
"policies": {"p": {"rate": {"requests": 1, "per": "1s"}}}, "apis": [{"name": "x", "match": {"paths": ["/x"]}, "auth": ["a"], "clients": ["web"]}, {"name": "y", "match": {"paths": ["/y"]}, "auth": ["a"], "require": [{"claim": "roles"}]},
{"name": "z", "auth": ["a"], "policies": {"by_scope": {"s": ["p"]}}}]}"#,
            &[],
        ),
        (
            "such an audience, which one API does not narrow",
            r#"{"providers": {"a": {"issuer": "https://a.example", "jwks": {"discovery": true, "cluster": "idp"},
"audiences": ["account"]}}, "apis": [{"name": "x", "match": {"paths": ["/x"]}, "auth": ["a"], "clients": ["web"]}, {"name": "y", "auth": ["a"]}]}"#,
            &[
                "2:15: providers.a.audiences[0]: `account` does not tell tokens for this API from others: Keycloak puts it into nearly every user's token; give the API an audience of its own, or narrow it by `clients` or `require`",
            ],
        ),
        (
            "a secret",
            r#"{"providers": {"a": {"issuer": "https://a.example", "audiences": ["api"], "algorithms": ["HS256"], "secret":
{"base64": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}}}"#,
            &[
                "2:1: providers.a.secret: a symmetric key: whoever can check tokens with it, this proxy included, can make them; let the provider sign with RS256 or ES256",
            ],
        ),
        (
            "a key that was minted for development",
            r#"{"providers": {"a": {"issuer": "https://a.example", "audiences": ["api"], "jwks": {"inline":
{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "dev-1", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}}}}}"#,
            &[
                "2:1: providers.a.jwks.inline: the key `dev-1` was minted for development: whoever has its other half is let in; take it out before this serves anybody",
            ],
        ),
        (
            "an API whose keys are all switched off",
            r#"{"providers": {"partner": {"kind": "api_key", "from": [{"header": "x-key"}], "keys": [{"name": "k", "identity": "acme", "active": false, "sha256": "5d8c4ec2cb0a24ef4c6e0a1d1dd5b7b0a0ad3cbbf4d3ec2f7fd18d5cd5d20b05"}]}, "okta": %okta%},
"apis": [{"name": "x", "match": {"paths": ["/x"]}, "auth": ["partner", "okta"]},
{"name": "y", "auth": [["partner", "okta"]], "session_from": "okta"}]}"#,
            &[
                "3:1: apis[1]: nobody can call this API: no key of its providers is active; switch one on (`active`), or list another provider in `auth`",
            ],
        ),
    ];
    for (name, text, warnings) in cases {
        let found: Vec<_> = accepted(text).warnings.iter().map(ToString::to_string).collect();
        assert_eq!(found, *warnings, "{name}");
    }
}

#[test]
fn a_path_that_means_more_elsewhere_is_warned_about() {
    let odd = [
        ("/orders/:id", ":id"),
        ("/:tenant/orders", ":tenant"),
        ("/orders/<id>", "<id>"),
        ("/orders/<int:id>/x", "<int:id>"),
        ("/orders/$", "$"),
        ("/orders$", "orders$"),
        ("/orders/[0-9]+", "[0-9]+"),
        ("/orders/(open|shut)", "(open|shut)"),
        ("/^orders/**", "^orders"),
        ("/orders/[id]", "[id]"),
    ];
    let plain = [
        "/orders/{id}",
        "/orders/*",
        "/orders/**",
        "/v1/orders:cancel",
        "/odata/$metadata",
        "/odata/$batch",
        "/odata/Products(1)",
        "/@scope/name",
        "/a+b",
        "/a%3Cb%3E",
        "/:",
        "/orders/%24",
    ];
    let text = |path: &str, in_access: bool| {
        let (api, access) = match in_access {
            false => (format!(r#", "match": {{"paths": ["{path}"]}}"#), String::new()),
            true => (String::new(), format!(r#", "paths": ["{path}"]"#)),
        };
        format!(
            r#"{{"providers": {{"okta": %okta%}}, "apis": [{{"name": "a", "auth": ["okta"]{api},
"policies": {{"default": ["p"]}}}}], "policies": {{"p": {{"access": [{{"apis": ["a"]{access}}}]}}}}}}"#
        )
    };
    for in_access in [false, true] {
        let place =
            if in_access { "policies.p.access[0].paths[0]" } else { "apis[0].match.paths[0]" };
        for (path, segment) in odd {
            let config = accepted(&text(path, in_access));
            let told: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
            let [one] = told.as_slice() else { panic!("{path}: {told:?}") };
            assert!(one.contains(&format!(" {place}: `{segment}` is taken as it stands")), "{one}");
            assert!(one.contains("`{id}`"), "{one}");
        }
        for path in plain {
            assert_eq!(codes(&accepted(&text(path, in_access))), [], "{path}");
        }
    }
}
