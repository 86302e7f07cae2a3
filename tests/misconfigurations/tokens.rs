//! Tokens: whose they are, for whom, of which kind, and when.

use serde_json::json;

use crate::case::Case;
use crate::case::Shows::Refusal;
use crate::support::token::NOW;

const SERVER: &str = "https://example.okta.com/oauth2/aus1";

pub(crate) fn cases() -> Vec<Case> {
    let mut all = issuers();
    all.extend(kinds());
    all.extend(claims());
    all
}

fn issuers() -> Vec<Case> {
    vec![
        Case {
            id: "P01",
            did: "Configured another authorization server of the organisation than clients ask.",
            wrong: vec![
                ("/token/claims/iss", json!(SERVER)),
                ("/token/signer", json!("a1")),
                ("/token/header/kid", json!("a1")),
                (
                    "/answers/https:~1~1example.okta.com~1oauth2~1aus1~1v1~1keys",
                    json!({ "status": 200, "keys": ["a1"] }),
                ),
            ],
            shows: Refusal("token_issuer_unknown"),
            field: "providers.okta.issuer",
            words: &["`https://example.okta.com/oauth2/aus1`", "two authorization servers"],
            remedy: "Configure the server whose tokens clients have.",
            right: vec![
                ("/config/providers/okta/issuer", json!(SERVER)),
                ("/config/providers/okta/jwks/url", json!(format!("{SERVER}/v1/keys"))),
            ],
        },
        Case {
            id: "P02",
            did: "Had clients take tokens from Okta's organisation server, which are not for APIs.",
            wrong: vec![
                ("/token/claims/iss", json!("https://example.okta.com")),
                ("/token/claims/aud", json!("https://example.okta.com")),
                ("/token/header/kid", json!("org1")),
                ("/token/signer", json!("org1")),
            ],
            shows: Refusal("token_issuer_unknown"),
            field: "providers.okta.issuer",
            words: &["`https://example.okta.com`", "have it ask the right one"],
            remedy: "Have clients ask the custom authorization server.",
            right: vec![
                ("/token/claims/iss", json!("https://example.okta.com/oauth2/default")),
                ("/token/claims/aud", json!("api://default")),
                ("/token/header/kid", json!("k1")),
                ("/token/signer", json!("k1")),
            ],
        },
        Case {
            id: "P03",
            did: "Wrote a trailing slash behind an issuer that has none.",
            wrong: vec![(
                "/config/providers/okta/issuer",
                json!("https://example.okta.com/oauth2/default/"),
            )],
            shows: Refusal("token_issuer_unknown"),
            field: "providers.okta.issuer",
            words: &["differ by a trailing slash alone", "byte for byte"],
            remedy: "Copy the tokens' `iss` exactly.",
            right: vec![(
                "/config/providers/okta/issuer",
                json!("https://example.okta.com/oauth2/default"),
            )],
        },
        Case {
            id: "P04",
            did: "Left out the trailing slash of an issuer that has one, as Auth0's.",
            wrong: vec![("/token/claims/iss", json!("https://example.okta.com/oauth2/default/"))],
            shows: Refusal("token_issuer_unknown"),
            field: "providers.okta.issuer",
            words: &[
                "`https://example.okta.com/oauth2/default/`",
                "differ by a trailing slash alone",
            ],
            remedy: "Copy the tokens' `iss` exactly.",
            right: vec![(
                "/config/providers/okta/issuer",
                json!("https://example.okta.com/oauth2/default/"),
            )],
        },
        Case {
            id: "P05",
            did: "Let an API ask one of two providers, and clients have the other's tokens.",
            wrong: vec![
                (
                    "/config/providers/staff",
                    json!({
                        "issuer": "https://staff.example.com", "audiences": ["api"],
                        "jwks": { "url": "https://staff.example.com/keys", "cluster": "staff" },
                    }),
                ),
                (
                    "/config/apis/-",
                    json!({ "name": "login", "match": { "paths": ["/login"] }, "auth": ["okta"] }),
                ),
                ("/config/apis/0/auth", json!(["staff"])),
            ],
            shows: Refusal("token_issuer_unknown"),
            field: "apis[0].auth",
            words: &["that of provider `okta`, which this API does not ask"],
            remedy: "Name the provider in the API's `auth`.",
            right: vec![("/config/apis/0/auth/-", json!("okta"))],
        },
        Case {
            id: "P06",
            did: "Let this machine's clock run two days ahead.",
            wrong: vec![("/clock", json!(172_800))],
            shows: Refusal("token_expired"),
            field: "providers.okta.clock_skew",
            words: &["172500 s apart: is this machine's clock right?", "clock"],
            remedy: "Set the clock by NTP.",
            right: vec![("/clock", json!(0))],
        },
        Case {
            id: "P07",
            did: "Let the provider's clock run ten minutes ahead.",
            wrong: vec![
                ("/token/claims/iat", json!(NOW + 600)),
                ("/token/claims/exp", json!(NOW + 900)),
            ],
            shows: Refusal("token_issued_in_future"),
            field: "providers.okta.clock_skew",
            words: &["600 s apart", "the provider's clock is ahead", "NTP"],
            remedy: "Set the provider's clock by NTP.",
            right: vec![("/token/claims/iat", json!(NOW)), ("/token/claims/exp", json!(NOW + 300))],
        },
        Case {
            id: "P08",
            did: "Demanded clocks that agree to the second, where the provider's is a little ahead.",
            wrong: vec![
                ("/config/providers/okta/clock_skew", json!("0s")),
                ("/token/claims/nbf", json!(NOW + 5)),
            ],
            shows: Refusal("token_not_yet_valid"),
            field: "providers.okta.clock_skew",
            words: &["the skew 0 s", "5 s apart", "raise"],
            remedy: "Leave the skew at its default.",
            right: vec![("/config/providers/okta/clock_skew", json!(null))],
        },
    ]
}

fn kinds() -> Vec<Case> {
    vec![
        Case {
            id: "P09",
            did: "Sent an ID token as the access token.",
            wrong: vec![
                ("/token/claims/at_hash", json!("x")),
                ("/token/claims/aud", json!("0oa1")),
            ],
            shows: Refusal("token_type_refused"),
            field: "providers.okta.allow_id_tokens",
            words: &["this is an ID token", "at_hash", "send its access token"],
            remedy: "Have the client send its access token.",
            right: vec![
                ("/token/claims/at_hash", json!(null)),
                ("/token/claims/aud", json!("api://default")),
            ],
        },
        Case {
            id: "P10",
            did: "Sent an opaque token, which Auth0 issues to whoever asks for no audience.",
            wrong: vec![("/token", json!("tGzv3JOkF0XG5Qx2TlKWIAtGzv3JOkF0"))],
            shows: Refusal("token_malformed"),
            field: "providers.okta.audiences",
            words: &["opaque token", "ask its provider"],
            remedy: "Have the client ask for the API's audience.",
            right: vec![("/token", crate::scene::right()["token"].clone())],
        },
        Case {
            id: "P11",
            did: "Sent the token without the word `Bearer`.",
            wrong: vec![("/request/headers", json!([["authorization", "{token}"]]))],
            shows: Refusal("credential_missing"),
            field: "providers.okta.from",
            words: &["the header is there, ", "Authorization: Bearer"],
            remedy: "Send `Bearer` before it, in any case.",
            right: vec![("/request/headers", json!([["authorization", "bearer {token}"]]))],
        },
        Case {
            id: "P12",
            did: "Had a proxy in front add a second `Authorization`.",
            wrong: vec![(
                "/request/headers/-",
                json!(["authorization", "Basic Z2F0ZXdheTpzZWNyZXQ="]),
            )],
            shows: Refusal("credential_multiple"),
            field: "providers.okta.from",
            words: &["`authorization`", "a proxy in front"],
            remedy: "Have that proxy leave the header alone.",
            right: vec![("/request/headers/1", json!(null))],
        },
        Case {
            id: "P13",
            did: "Required a header `typ` that the provider does not set.",
            wrong: vec![("/config/providers/okta/typ", json!(["at+jwt"]))],
            shows: Refusal("token_type_refused"),
            field: "providers.okta.typ",
            words: &["the header has no `typ`", "`at+jwt`"],
            remedy: "Leave `typ` out: Okta sets none.",
            right: vec![("/config/providers/okta/typ", json!(null))],
        },
        Case {
            id: "P14",
            did: "Listed an algorithm that the provider does not sign with.",
            wrong: vec![("/config/providers/okta/algorithms", json!(["RS256"]))],
            shows: Refusal("token_algorithm_refused"),
            field: "providers.okta.algorithms",
            words: &["the token says `EdDSA`", "`RS256`", "add the algorithm"],
            remedy: "Add the algorithm.",
            right: vec![("/config/providers/okta/algorithms/-", json!("EdDSA"))],
        },
    ]
}

fn claims() -> Vec<Case> {
    vec![
        Case {
            id: "P15",
            did: "Asked for an audience where the provider's access tokens have none, as Cognito's.",
            wrong: vec![("/token/claims/aud", json!(null))],
            shows: Refusal("token_audience_mismatch"),
            field: "providers.okta.audiences",
            words: &["no claim `aud`", "`api://default`", "name `providers.okta.clients` instead"],
            remedy: "Ask for the clients instead.",
            right: vec![
                ("/config/providers/okta/audiences", json!(null)),
                ("/config/providers/okta/clients", json!(["0oa1"])),
            ],
        },
        Case {
            id: "P16",
            did: "Wrote the audience without the slash that the API's identifier ends with.",
            wrong: vec![
                ("/token/claims/aud", json!(["https://api.example.com/", "x"])),
                ("/config/providers/okta/audiences", json!(["https://api.example.com"])),
            ],
            shows: Refusal("token_audience_mismatch"),
            field: "providers.okta.audiences",
            words: &["`https://api.example.com/`", "differ by a trailing slash alone"],
            remedy: "Copy the tokens' `aud` exactly.",
            right: vec![("/config/providers/okta/audiences/0", json!("https://api.example.com/"))],
        },
        Case {
            id: "P17",
            did: "Gave policies by scope from `scp` where the provider writes `scope`.",
            wrong: vec![
                ("/config/providers/okta/claims", json!({ "scopes": ["scp"] })),
                ("/config/apis/0/policies", json!({ "by_scope": { "orders:read": ["reader"] } })),
                ("/token/claims/scp", json!(null)),
                ("/token/claims/scope", json!("openid orders:read")),
            ],
            shows: Refusal("policy_none"),
            field: "providers.okta.claims",
            words: &["`by_scope` knows `orders:read`", "no claim `scp`", "was `scope` meant?"],
            remedy: "Name the claim that the tokens have.",
            right: vec![("/config/providers/okta/claims/scopes", json!(["scope"]))],
        },
        Case {
            id: "P18",
            did: "Took the identity from `user_id` where the claim is called like a URL.",
            wrong: vec![
                ("/config/providers/okta/claims", json!({ "identity": ["user_id"] })),
                ("/token/claims/https:~1~1example.com~1user_id", json!("00u1")),
            ],
            shows: Refusal("identity_missing"),
            field: "providers.okta.claims.identity",
            words: &["no claim `user_id`", "was `https://example.com/user_id` meant?"],
            remedy: "Write the claim's whole name.",
            right: vec![(
                "/config/providers/okta/claims/identity",
                json!(["https://example.com/user_id"]),
            )],
        },
        Case {
            id: "P19",
            did: "Left out a client whose tokens come.",
            wrong: vec![("/config/providers/okta/clients", json!(["0oa2"]))],
            shows: Refusal("token_client_refused"),
            field: "providers.okta.clients",
            words: &["`cid` is `0oa1`", "accepted: `0oa2`"],
            remedy: "Add the client.",
            right: vec![("/config/providers/okta/clients/-", json!("0oa1"))],
        },
    ]
}
