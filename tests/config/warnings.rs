//! What is legal and risky.

use super::accepted;

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
                "2:17: providers.okta.jwks.url: `http`: whoever is on the way can replace the keys; use `https`, unless the mesh encrypts this call",
            ],
        ),
        (
            "a discovery over plain HTTP",
            r#"{"providers": {"okta": {"issuer": "http://127.0.0.1:9000", "audiences": ["api"],
"jwks": {"discovery": true, "cluster": "idp"}}}}"#,
            &[
                "2:23: providers.okta.jwks.discovery: `http`: whoever is on the way can replace the keys; use `https`, unless the mesh encrypts this call",
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
                "2:48: apis[0].optional: a request without a token passes although `audiences`, `clients`, `scopes`, `require` or `policies` ask something of tokens",
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
    ];
    for (name, text, warnings) in cases {
        let found: Vec<_> = accepted(text).warnings.iter().map(ToString::to_string).collect();
        assert_eq!(found, *warnings, "{name}");
    }
}
