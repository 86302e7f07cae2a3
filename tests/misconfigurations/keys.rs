//! Keys and the way to them.

use serde_json::{Value, json};

use crate::case::Case;
use crate::case::Shows::{Keys, Problem, Refusal};
use crate::support::token::Signer;

const ISSUER: &str = "https://example.okta.com/oauth2/default";
const ANSWER: &str = "/answers/https:~1~1example.okta.com~1oauth2~1default~1v1~1keys";
const DISCOVERY: &str =
    "/answers/https:~1~1example.okta.com~1oauth2~1default~1.well-known~1openid-configuration";
const FAILED: crate::case::Shows = Keys("keys_fetch_failed", "keys_unavailable");

/// The key `k1` with another member.
fn k1(name: &str, value: Value) -> Value {
    let mut key = Signer::new("k1").jwk();
    key[name] = value;
    key
}

/// The key `k1` as Entra ID publishes keys: without `alg`.
fn without_alg() -> Value {
    let mut key = Signer::new("k1").jwk();
    key.as_object_mut().unwrap().remove("alg");
    key
}

pub(crate) fn cases() -> Vec<Case> {
    let mut all = the_way();
    all.extend(what_comes());
    all
}

fn the_way() -> Vec<Case> {
    vec![
        Case {
            id: "P20",
            did: "Named a cluster that Envoy does not have.",
            wrong: vec![("/config/providers/okta/jwks/cluster", json!("octa"))],
            shows: FAILED,
            field: "providers.okta.jwks.cluster",
            words: &["\"cluster\":\"octa\"", "does the cluster exist", "by its exact name"],
            remedy: "Name one of Envoy's clusters.",
            right: vec![("/config/providers/okta/jwks/cluster", json!("okta"))],
        },
        Case {
            id: "P21",
            did: "Had the cluster ask for another name in TLS than the provider's.",
            wrong: vec![("/clusters/okta/sni", json!("okta.internal"))],
            shows: FAILED,
            field: "providers.okta.jwks.cluster",
            words: &["status 503", "CERTIFICATE_VERIFY_FAILED", "`sni`"],
            remedy: "Write the provider's host as `sni` of the cluster.",
            right: vec![("/clusters/okta/sni", json!("example.okta.com"))],
        },
        Case {
            id: "P22",
            did: "Wrote the URL of a page to sign in as the key set's.",
            wrong: vec![
                ("/config/providers/okta/jwks/url", json!("https://example.okta.com/login")),
                (
                    "/answers/https:~1~1example.okta.com~1login",
                    json!({ "status": 200, "body": "<!doctype html><title>Sign in</title>" }),
                ),
            ],
            shows: FAILED,
            field: "providers.okta.jwks.url",
            words: &["no JSON", "a page to sign in"],
            remedy: "Write the key set's URL.",
            right: vec![("/config/providers/okta/jwks/url", json!(format!("{ISSUER}/v1/keys")))],
        },
        Case {
            id: "P23",
            did: "Wrote a key set URL that redirects.",
            wrong: vec![
                ("/config/providers/okta/jwks/url", json!("https://example.okta.com/keys")),
                (
                    "/answers/https:~1~1example.okta.com~1keys",
                    json!({ "status": 302, "body": "", "location": format!("{ISSUER}/v1/keys") }),
                ),
            ],
            shows: FAILED,
            field: "providers.okta.jwks.url",
            words: &["status 302", "oauth2/default/v1/keys", "redirects are not followed"],
            remedy: "Write the URL that it leads to.",
            right: vec![("/config/providers/okta/jwks/url", json!(format!("{ISSUER}/v1/keys")))],
        },
        Case {
            id: "P24",
            did: "Used discovery with an issuer that has a slash more than the document's.",
            wrong: vec![
                ("/config/providers/okta/issuer", json!(format!("{ISSUER}/"))),
                ("/config/providers/okta/jwks", json!({ "discovery": true, "cluster": "okta" })),
                (
                    DISCOVERY,
                    json!({ "status": 200, "body": {
                        "issuer": ISSUER, "jwks_uri": format!("{ISSUER}/v1/keys") } }),
                ),
                ("/token/claims/iss", json!(format!("{ISSUER}/"))),
            ],
            shows: FAILED,
            field: "providers.okta.issuer",
            words: &["`https://example.okta.com/oauth2/default`", "trailing slash"],
            remedy: "Copy the document's `issuer` exactly.",
            right: vec![
                ("/config/providers/okta/issuer", json!(ISSUER)),
                ("/token/claims/iss", json!(ISSUER)),
            ],
        },
        Case {
            id: "P25",
            did: "Used discovery where the key set is on another host, as Google's.",
            wrong: vec![
                ("/config/providers/okta/jwks", json!({ "discovery": true, "cluster": "okta" })),
                (
                    DISCOVERY,
                    json!({ "status": 200, "body": {
                        "issuer": ISSUER, "jwks_uri": "https://keys.example.com/certs" } }),
                ),
                ("/clusters/keys", json!({ "sni": "keys.example.com" })),
                (
                    "/answers/https:~1~1keys.example.com~1certs",
                    json!({ "status": 200, "keys": ["k1"] }),
                ),
            ],
            shows: FAILED,
            field: "providers.okta.jwks.keys_cluster",
            words: &["`keys.example.com`", "cluster that reaches"],
            remedy: "Name the cluster that reaches that host.",
            right: vec![("/config/providers/okta/jwks/keys_cluster", json!("keys"))],
        },
        Case {
            id: "P26",
            did: "Misspelt a field.",
            wrong: vec![
                ("/config/providers/okta/jwks/cluster", json!(null)),
                ("/config/providers/okta/jwks/clustr", json!("okta")),
            ],
            shows: Problem,
            field: "providers.okta.jwks.clustr",
            words: &["did you mean `cluster`?"],
            remedy: "Write the field's name.",
            right: vec![
                ("/config/providers/okta/jwks/clustr", json!(null)),
                ("/config/providers/okta/jwks/cluster", json!("okta")),
            ],
        },
    ]
}

fn what_comes() -> Vec<Case> {
    vec![
        Case {
            id: "P27",
            did: "Added an `alg` by hand to a key that has none, and the wrong one.",
            wrong: vec![(
                "/config/providers/okta/jwks",
                json!({ "inline": { "keys": [k1("alg", json!("RS256"))] } }),
            )],
            shows: Problem,
            field: "providers.okta.jwks.inline",
            words: &["keys[0]: its `alg` is RS256", "keys of another type"],
            remedy: "Leave `alg` out: the key's type says it.",
            right: vec![("/config/providers/okta/jwks/inline/keys/0", without_alg())],
        },
        Case {
            id: "P28",
            did: "Pointed at a key set that holds keys for encryption only.",
            wrong: vec![(ANSWER, json!({ "status": 200, "keys": [k1("use", json!("enc"))] }))],
            shows: FAILED,
            field: "providers.okta.jwks.url",
            words: &["`k1`): its `use` is `enc`", "publish the key that it signs with"],
            remedy: "Have the provider publish the key that it signs with.",
            right: vec![(ANSWER, json!({ "status": 200, "keys": [k1("use", json!("sig"))] }))],
        },
        Case {
            id: "P29",
            did: "Wrote down the key of a test server that uses the same `kid`.",
            wrong: vec![(
                "/config/providers/okta/jwks",
                json!({ "inline": { "keys": [k1("x", Signer::new("other").jwk()["x"].clone())] } }),
            )],
            shows: Refusal("token_signature_invalid"),
            field: "providers.okta.jwks",
            words: &["tried 1", "has the keys of another issuer"],
            remedy: "Write down this issuer's key.",
            right: vec![("/config/providers/okta/jwks/inline/keys/0", Signer::new("k1").jwk())],
        },
    ]
}
