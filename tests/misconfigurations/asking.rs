//! Providers that are asked about tokens.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::case::Case;
use crate::case::Shows::{Problem, Refusal};
use crate::scene::Change;

/// Where tokens are asked about.
const URL: &str = "/answers/https:~1~1example.okta.com~1oauth2~1v1~1introspect";

/// What the endpoint says of a good token.
fn active() -> Value {
    json!({ "active": true, "aud": "api://default", "client_id": "0oa1", "sub": "0oa1",
            "token_type": "Bearer" })
}

/// A scene in which the provider is asked about an opaque token, and these changes.
fn asked(changes: &[Change]) -> Vec<Change> {
    let mut all = vec![
        (
            "/config/providers/okta",
            json!({
                "kind": "introspection", "cluster": "okta", "audiences": ["api://default"],
                "url": "https://example.okta.com/oauth2/v1/introspect",
                "client": { "id": "0oa9", "secret": { "base64": "c2VjcmV0" } },
            }),
        ),
        ("/token", json!("2YotnFZFEjr1zCsicMWpAA")),
        (URL, json!({ "status": 200, "body": active().to_string() })),
    ];
    all.extend_from_slice(changes);
    all
}

/// Another answer of the endpoint.
fn answered(answer: &Value) -> Change {
    (URL, json!({ "status": 200, "body": answer.to_string() }))
}

pub(crate) fn cases() -> Vec<Case> {
    let without = |name: &str| {
        let mut answer = active();
        answer.as_object_mut().expect("members").remove(name);
        answer
    };
    let rsa = STANDARD.encode(include_str!("../support/keys/client-rsa.pem"));
    vec![
        Case {
            id: "O01",
            did: "Had a provider asked about tokens, and did not say who asks.",
            wrong: asked(&[("/config/providers/okta/client", json!(null))]),
            shows: Problem,
            field: "providers.okta.client",
            words: &["`id` and `secret` of a client"],
            remedy: "Name a client that may ask.",
            right: vec![(
                "/config/providers/okta/client",
                json!({ "id": "0oa9", "secret": { "base64": "c2VjcmV0" } }),
            )],
        },
        Case {
            id: "O02",
            did: "Had JWTs asked about, and did not say whose.",
            wrong: asked(&[("/config/providers/okta/forms", json!(["opaque", "jwt"]))]),
            shows: Problem,
            field: "providers.okta.issuer",
            words: &["write the provider's exact `iss`"],
            remedy: "Write the issuer.",
            right: vec![("/config/providers/okta/issuer", json!("https://example.okta.com"))],
        },
        Case {
            id: "O03",
            did: "Gave the client a key for another algorithm than it says.",
            wrong: asked(&[
                ("/config/providers/okta/issuer", json!("https://example.okta.com")),
                (
                    "/config/providers/okta/client",
                    json!({ "id": "0oa9", "auth": "private_key_jwt", "key": { "base64": rsa } }),
                ),
            ]),
            shows: Problem,
            field: "providers.okta.client.key",
            words: &["another algorithm than `alg`"],
            remedy: "Use a key of P-256, or write the `alg` of this one.",
            right: vec![(
                "/config/providers/okta/client/key",
                json!({ "base64": STANDARD.encode(include_str!("../support/keys/client-p256.pem")) }),
            )],
        },
        Case {
            id: "O04",
            did: "Let two providers be asked about the opaque tokens of one place.",
            wrong: asked(&[
                (
                    "/config/providers/partner",
                    json!({
                        "kind": "introspection", "cluster": "okta", "audiences": ["api://default"],
                        "url": "https://partner.example/introspect",
                        "client": { "id": "us", "secret": { "base64": "c2VjcmV0" } },
                    }),
                ),
                ("/config/apis/0/auth", json!(["okta", "partner"])),
            ]),
            shows: Problem,
            field: "providers.partner",
            words: &["a stranger's token would be shown to both"],
            remedy: "Give one of them another place.",
            right: vec![("/config/providers/partner/from", json!([{ "header": "x-partner" }]))],
        },
        Case {
            id: "O05",
            did: "Handed on a signed answer that nobody asked for.",
            wrong: asked(&[(
                "/config/providers/okta/upstream",
                json!({ "payload_header": "x-token", "payload": "signed" }),
            )]),
            shows: Problem,
            field: "providers.okta.upstream.payload",
            words: &["\"signed\": true"],
            remedy: "Have answers signed, or hand on their members.",
            right: vec![("/config/providers/okta/upstream/payload", json!("claims"))],
        },
        Case {
            id: "O06",
            did: "Wrote a URL that is not the introspection endpoint's.",
            wrong: asked(&[(
                "/config/providers/okta/url",
                json!("https://example.okta.com/oauth2/v1/introspection"),
            )]),
            shows: Refusal("introspection_unavailable"),
            field: "providers.okta.url",
            words: &["status 404", "introspection_endpoint"],
            remedy: "Copy it from the discovery document.",
            right: vec![(
                "/config/providers/okta/url",
                json!("https://example.okta.com/oauth2/v1/introspect"),
            )],
        },
        Case {
            id: "O07",
            did: "Asked as a client that the provider does not know with this secret.",
            wrong: asked(&[(
                URL,
                json!({ "status": 401, "body": "{\"error\":\"invalid_client\"}" }),
            )]),
            shows: Refusal("introspection_unavailable"),
            field: "providers.okta.client",
            words: &["`client` was refused: status 401 (`invalid_client`)"],
            remedy: "Write the client's secret.",
            right: vec![answered(&active())],
        },
        Case {
            id: "O08",
            did: "Relied on `sub` where clients ask for tokens of their own.",
            wrong: asked(&[answered(&without("sub"))]),
            shows: Refusal("identity_missing"),
            field: "providers.okta.claims.identity",
            words: &["there is no claim `sub`", "`client_id`"],
            remedy: "Name `client_id` behind it.",
            right: vec![(
                "/config/providers/okta/claims",
                json!({ "identity": ["sub", "client_id"] }),
            )],
        },
        Case {
            id: "O09",
            did: "Named no audience where the answers do not say what kind of token it is.",
            wrong: asked(&[
                ("/config/providers/okta/audiences", json!(null)),
                ("/config/providers/okta/any_audience", json!(true)),
                answered(&without("token_type")),
            ]),
            shows: Refusal("token_type_refused"),
            field: "providers.okta.audiences",
            words: &["no `token_type`", "refresh token"],
            remedy: "Name the tokens' audience.",
            right: vec![
                ("/config/providers/okta/any_audience", json!(null)),
                ("/config/providers/okta/audiences", json!(["api://default"])),
            ],
        },
    ]
}
