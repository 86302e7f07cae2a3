//! The thirty mistakes that another gateway answers with a confusing error, in this one's fields.
//! Where the mistake itself cannot be written here, the case is the nearest that can.

use serde_json::json;

use crate::case::Case;
use crate::case::Shows::{Keys, Problem, Refusal, Warning};
use crate::rights::partner;

const URL: &str = "https://example.okta.com/oauth2/default/v1/keys";
const ANSWER: &str = "/answers/https:~1~1example.okta.com~1oauth2~1default~1v1~1keys";

/// A secp256k1 key, which no algorithm here uses.
fn foreign_key() -> serde_json::Value {
    json!({ "kty": "EC", "crv": "secp256k1", "kid": "k9", "use": "sig", "x": "AA", "y": "AA" })
}

pub(crate) fn cases() -> Vec<Case> {
    let mut all = sessions_and_keys();
    all.extend(policies_and_claims());
    all.extend(the_rest());
    all
}

fn sessions_and_keys() -> Vec<Case> {
    vec![
        Case {
            id: "M01",
            did: "Named a method that is not in use as the one whose session counts.",
            wrong: partner(&[
                ("/config/apis/0/auth", json!([["partner", "okta"]])),
                ("/config/apis/0/session_from", json!("oauth_token")),
            ]),
            shows: Problem,
            field: "apis[0].session_from",
            words: &["`oauth_token` is no provider of this API", "okta", "partner"],
            remedy: "Name one of the API's providers.",
            right: vec![("/config/apis/0/session_from", json!("okta"))],
        },
        Case {
            id: "M02",
            did: "Had two providers vouch together and did not say whose session counts.",
            wrong: partner(&[("/config/apis/0/auth", json!([["partner", "okta"]]))]),
            shows: Problem,
            field: "apis[0].session_from",
            words: &["okta", "partner"],
            remedy: "Say which of the two in `session_from`.",
            right: vec![("/config/apis/0/session_from", json!("okta"))],
        },
        Case {
            id: "M03",
            did: "Copied the key set's URL as the base64 that the old gateway wanted.",
            wrong: vec![(
                "/config/providers/okta/jwks/url",
                json!("aHR0cHM6Ly9leGFtcGxlLm9rdGEuY29tL29hdXRoMi9kZWZhdWx0L3YxL2tleXM="),
            )],
            shows: Problem,
            field: "providers.okta.jwks.url",
            words: &["https://"],
            remedy: "Write the URL itself.",
            right: vec![("/config/providers/okta/jwks/url", json!(URL))],
        },
        Case {
            id: "M04",
            did: "Wrote a key set URL that answers 404, in JSON.",
            wrong: vec![(
                "/config/providers/okta/jwks/url",
                json!("https://example.okta.com/oauth2/default/keys"),
            )],
            shows: Keys("keys_fetch_failed", "keys_unavailable"),
            field: "providers.okta.jwks.url",
            words: &["404", "discovery document", "/oauth2/default/keys"],
            remedy: "Copy the URL from the provider's discovery document.",
            right: vec![("/config/providers/okta/jwks/url", json!(URL))],
        },
        Case {
            id: "M05",
            did: "Took `issuer` from one authorization server and the key set from another.",
            wrong: vec![
                (
                    "/config/providers/okta/jwks/url",
                    json!("https://example.okta.com/oauth2/v1/keys"),
                ),
                (
                    "/answers/https:~1~1example.okta.com~1oauth2~1v1~1keys",
                    json!({ "status": 200, "keys": ["org1", "org2"] }),
                ),
            ],
            shows: Refusal("token_key_unknown"),
            field: "providers.okta.jwks",
            words: &[
                "`k1`",
                "`org1`",
                "`org2`",
                "https://example.okta.com/oauth2/v1/keys",
                "discovery",
            ],
            remedy: "Take both from one discovery document.",
            right: vec![("/config/providers/okta/jwks/url", json!(URL))],
        },
        Case {
            id: "M06",
            did: "Set a cooldown of an hour, and the provider replaced its keys twice within it.",
            wrong: vec![
                ("/config/providers/okta/jwks/cooldown", json!("1h")),
                ("/token/signer", json!("k2")),
                ("/token/header/kid", json!("k2")),
                (
                    "/before",
                    json!([
                        { "change": { ANSWER: { "status": 200, "keys": ["k2"] } }, "wait": 1, "send": true },
                        { "change": {
                            ANSWER: { "status": 200, "keys": ["k3"] },
                            "/token/signer": "k3", "/token/header/kid": "k3",
                        }, "wait": 60 },
                    ]),
                ),
            ],
            shows: Refusal("token_key_unknown"),
            field: "providers.okta.jwks.cooldown",
            words: &["in the last 1h", "`k2`", "shorten"],
            remedy: "Shorten the cooldown, or wait for it.",
            right: vec![("/config/providers/okta/jwks/cooldown", json!("30s"))],
        },
        Case {
            id: "M07",
            did: "Had a provider sign without `kid` and publish more keys than are tried.",
            wrong: vec![
                ("/token/header/kid", json!(null)),
                (
                    ANSWER,
                    json!({ "status": 200, "keys": [
                        "k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9",
                    ] }),
                ),
            ],
            shows: Refusal("token_key_unknown"),
            field: "providers.okta.jwks",
            words: &["`kid` is missing", "8 are tried at most", "have the provider write one"],
            remedy: "Have the provider write `kid` into its tokens.",
            right: vec![("/token/header/kid", json!("k1"))],
        },
        Case {
            id: "M08",
            did: "Left the algorithm at HMAC although the provider signs with a private key.",
            wrong: vec![("/config/providers/okta/algorithms", json!(["HS256"]))],
            shows: Problem,
            field: "providers.okta.algorithms[0]",
            words: &["HS256"],
            remedy: "List what the provider signs with, or nothing.",
            right: vec![("/config/providers/okta/algorithms", json!(null))],
        },
        Case {
            id: "M09",
            did: "Let the provider sign with a key of a kind that cannot be used, beside a good one.",
            wrong: vec![
                (ANSWER, json!({ "status": 200, "keys": [foreign_key(), "k1"] })),
                ("/token/header/kid", json!("k9")),
            ],
            shows: Keys("key_skipped", "token_key_unknown"),
            field: "providers.okta.jwks",
            words: &["`k9`", "secp256k1", "publish one that can be used"],
            remedy: "Have the provider sign with the other key.",
            right: vec![("/token/header/kid", json!("k1"))],
        },
    ]
}

fn policies_and_claims() -> Vec<Case> {
    let from_claim = |changes: &[crate::scene::Change]| {
        let mut all = vec![
            ("/config/providers/okta/claims", json!({ "policies": ["pol"] })),
            ("/config/apis/0/policies", json!({ "from_claim": true })),
            ("/token/claims/pol", json!("reader")),
        ];
        all.extend_from_slice(changes);
        all
    };
    vec![
        Case {
            id: "M10",
            did: "Relied on a policy claim that the tokens do not have, and gave no default.",
            wrong: from_claim(&[("/token/claims/pol", json!(null))]),
            shows: Refusal("policy_none"),
            field: "apis[0].policies",
            words: &["no claim `pol`", "`scp`", "`default`"],
            remedy: "Name a policy for everybody in `default`.",
            right: vec![("/config/apis/0/policies/default", json!(["reader"]))],
        },
        Case {
            id: "M11",
            did: "Misspelt a policy in the list of defaults.",
            wrong: vec![("/config/apis/0/policies", json!({ "default": ["raeder"] }))],
            shows: Problem,
            field: "apis[0].policies.default[0]",
            words: &["raeder", "reader"],
            remedy: "Write a policy that exists.",
            right: vec![("/config/apis/0/policies/default/0", json!("reader"))],
        },
        Case {
            id: "M12",
            did: "Had the provider write a policy into its tokens that does not exist.",
            wrong: from_claim(&[("/token/claims/pol", json!("raeder"))]),
            shows: Refusal("policy_unknown"),
            field: "providers.okta.claims.policies",
            words: &["`raeder`", "`pol`", "add the policy"],
            remedy: "Mend what the provider writes, or add the policy.",
            right: vec![("/token/claims/pol", json!("reader"))],
        },
        Case {
            id: "M13",
            did: "Gave callers a policy that grants another API only.",
            wrong: from_claim(&[
                (
                    "/config/apis/-",
                    json!({ "name": "files", "match": { "paths": ["/files/**"] }, "auth": ["okta"] }),
                ),
                ("/config/policies/filer", json!({ "access": [{ "apis": ["files"] }] })),
                ("/token/claims/pol", json!("filer")),
            ]),
            shows: Refusal("access_denied"),
            field: "policies.filer.access",
            words: &["`filer`", "none has an entry about this API"],
            remedy: "Let an entry of the policy name this API.",
            right: vec![("/config/policies/filer/access/0/apis/-", json!("orders"))],
        },
        Case {
            id: "M14",
            did: "Wrote a policy with an empty list of what it grants.",
            wrong: vec![
                ("/config/apis/0/policies", json!({ "default": ["reader"] })),
                ("/config/policies/reader/access", json!([])),
            ],
            shows: Problem,
            field: "policies.reader.access",
            words: &["empty list"],
            remedy: "Say what it grants, or leave the field out.",
            right: vec![("/config/policies/reader/access", json!([{ "apis": ["orders"] }]))],
        },
        Case {
            id: "M15",
            did: "Named a policy claim that holds an object.",
            wrong: from_claim(&[("/token/claims/pol", json!({ "id": "reader" }))]),
            shows: Refusal("token_claim_malformed"),
            field: "providers.okta.claims",
            words: &["`pol` is an object", "a string or an array of strings"],
            remedy: "Name the member that holds the names.",
            right: vec![("/config/providers/okta/claims/policies", json!(["pol.id"]))],
        },
        Case {
            id: "M16",
            did: "Said that scopes stand in `scope` where the provider writes `scp`.",
            wrong: vec![
                ("/config/providers/okta/claims", json!({ "scopes": ["scope"] })),
                ("/config/apis/0/scopes", json!(["orders:read"])),
            ],
            shows: Refusal("scope_insufficient"),
            field: "providers.okta.claims.scopes",
            words: &["no claim `scope`", "was `scp` meant?"],
            remedy: "Name the claim that the tokens have.",
            right: vec![("/config/providers/okta/claims/scopes", json!(["scp"]))],
        },
        Case {
            id: "M17",
            did: "Wrote a claim below one that is called like a URL as a dotted path.",
            wrong: vec![
                (
                    "/config/providers/okta/claims",
                    json!({ "scopes": ["https://example.com/claims.permissions"] }),
                ),
                ("/config/apis/0/scopes", json!(["orders:read"])),
                ("/token/claims/scp", json!(null)),
                (
                    "/token/claims/https:~1~1example.com~1claims",
                    json!({ "permissions": ["orders:read"] }),
                ),
            ],
            shows: Refusal("scope_insufficient"),
            field: "providers.okta.claims.scopes",
            words: &["was `['https://example.com/claims', 'permissions']` meant?"],
            remedy: "Write the path as a list of names.",
            right: vec![(
                "/config/providers/okta/claims/scopes",
                json!([["https://example.com/claims", "permissions"]]),
            )],
        },
        Case {
            id: "M18",
            did: "Listed the subjects that may call where clients are compared.",
            wrong: vec![
                ("/token/claims/sub", json!("00u1")),
                ("/config/providers/okta/clients", json!(["00u1"])),
            ],
            shows: Refusal("token_client_refused"),
            field: "providers.okta.require",
            words: &["`cid` is `0oa1`", "accepted: `00u1`", "ask for `sub`"],
            remedy: "Ask for the subject by a rule on `sub`.",
            right: vec![
                ("/config/providers/okta/clients", json!(null)),
                ("/config/providers/okta/require", json!([{ "claim": "sub", "in": ["00u1"] }])),
            ],
        },
        Case {
            id: "M19",
            did: "Wrote a required claim that is called like a URL as a JSONPath.",
            wrong: vec![
                (
                    "/config/providers/okta/require",
                    json!([{ "claim": "$.https://example.com/department", "in": ["eng"] }]),
                ),
                ("/token/claims/https:~1~1example.com~1department", json!("eng")),
            ],
            shows: Refusal("token_claim_refused"),
            field: "providers.okta.require",
            words: &[
                "no claim `$.https://example.com/department`",
                "was `https://example.com/department` meant?",
            ],
            remedy: "Write the claim's name as it is.",
            right: vec![(
                "/config/providers/okta/require/0/claim",
                json!("https://example.com/department"),
            )],
        },
    ]
}

fn the_rest() -> Vec<Case> {
    vec![
        Case {
            id: "M20",
            did: "Ended sessions sooner than tokens, so that a good token fails the expiry check.",
            wrong: vec![
                ("/config/apis/0/policies", json!({ "default": ["reader"] })),
                ("/config/policies/reader/expires_after", json!("1m")),
                ("/before", json!([{ "wait": 150 }])),
            ],
            shows: Refusal("session_expired"),
            field: "policies.reader.expires_after",
            words: &["the session ended", "raise"],
            remedy: "Raise it to what was meant.",
            right: vec![("/config/policies/reader/expires_after", json!("24h"))],
        },
        Case {
            id: "M21",
            did: "Configured a provider and let no API ask it.",
            wrong: partner(&[
                ("/config/apis/0/auth", json!(["partner"])),
                ("/request/headers", json!([["authorization", "Bearer {token}"]])),
            ]),
            shows: Warning("credential_missing"),
            field: "providers.okta",
            words: &["name it in an API's `auth`"],
            remedy: "Name the provider in the API's `auth`.",
            right: vec![("/config/apis/0/auth/-", json!("okta"))],
        },
        Case {
            id: "M22",
            did: "Made an API public and asked for scopes there.",
            wrong: vec![
                ("/config/apis/0/auth", json!("none")),
                ("/config/apis/0/scopes", json!(["orders:read"])),
            ],
            shows: Problem,
            field: "apis[0].scopes",
            words: &["none"],
            remedy: "Say who vouches in `auth`.",
            right: vec![("/config/apis/0/auth", json!(["okta"]))],
        },
        Case {
            id: "M23",
            did: "Had the token read from a header that clients do not send.",
            wrong: vec![("/config/providers/okta/from", json!([{ "header": "x-access-token" }]))],
            shows: Refusal("credential_missing"),
            field: "providers.okta.from",
            words: &[
                "looked at header `x-access-token`",
                "nobody looks at the request's `authorization`",
            ],
            remedy: "Name the header, with its scheme.",
            right: vec![(
                "/config/providers/okta/from",
                json!([{ "header": "authorization", "scheme": "Bearer" }]),
            )],
        },
        Case {
            id: "M24",
            did: "Switched off every place where a token could stand.",
            wrong: vec![("/config/providers/okta/from", json!([]))],
            shows: Problem,
            field: "providers.okta.from",
            words: &["empty list"],
            remedy: "Leave the field out, or name a place.",
            right: vec![("/config/providers/okta/from", json!(null))],
        },
        Case {
            id: "M25",
            did: "Gave two policies together that contradict each other.",
            wrong: vec![
                ("/config/policies/reader/metadata", json!({ "tier": "1" })),
                ("/config/policies/gold", json!({ "metadata": { "tier": "2" } })),
                ("/config/apis/0/policies", json!({ "default": ["reader", "gold"] })),
            ],
            shows: Problem,
            field: "apis[0].policies.default",
            words: &["reader", "gold", "tier"],
            remedy: "Give one of them, or make them agree.",
            right: vec![("/config/apis/0/policies/default", json!(["reader"]))],
        },
        Case {
            id: "M26",
            did: "Switched a check off by a field that does not exist.",
            wrong: vec![
                ("/config/providers/okta/disable_expires_at_validation", json!(true)),
                ("/token/claims/exp", json!(null)),
            ],
            shows: Problem,
            field: "providers.okta.disable_expires_at_validation",
            words: &["unknown field"],
            remedy: "Say `allow_no_expiry` if tokens really have no `exp`.",
            right: vec![
                ("/config/providers/okta/disable_expires_at_validation", json!(null)),
                ("/config/providers/okta/allow_no_expiry", json!(true)),
            ],
        },
        Case {
            id: "M27",
            did: "Wrote two providers of one issuer, so that one subject would have two sessions.",
            wrong: vec![
                (
                    "/config/providers/machines",
                    json!({
                        "issuer": "https://example.okta.com/oauth2/default", "audiences": ["api://machines"],
                        "jwks": { "url": URL, "cluster": "okta" },
                    }),
                ),
                ("/config/apis/0/auth", json!(["okta", "machines"])),
            ],
            shows: Problem,
            field: "providers.okta.issuer",
            words: &["provider `machines`", "make them one provider"],
            remedy: "Make them one provider with both audiences.",
            right: vec![
                ("/config/providers/machines", json!(null)),
                ("/config/apis/0/auth", json!(["okta"])),
                ("/config/providers/okta/audiences/-", json!("api://machines")),
            ],
        },
        Case {
            id: "M28",
            did: "Gave policies by client where the client claim is a number.",
            wrong: vec![
                ("/token/claims/client_id", json!(42)),
                ("/config/apis/0/policies", json!({ "by_client": { "0oa1": ["reader"] } })),
            ],
            shows: Refusal("token_claim_malformed"),
            field: "providers.okta.claims",
            words: &["`client_id`", "of another type", "name another claim"],
            remedy: "Name the claim that holds the client as a string.",
            right: vec![("/config/providers/okta/claims", json!({ "client": ["cid"] }))],
        },
        Case {
            id: "M29",
            did: "Wrote a list of key set URLs at one provider.",
            wrong: vec![(
                "/config/providers/okta/jwks/url",
                json!([URL, "https://other.example.com/keys"]),
            )],
            shows: Problem,
            field: "providers.okta.jwks.url",
            words: &["string"],
            remedy: "Write one; another issuer is another provider.",
            right: vec![("/config/providers/okta/jwks/url", json!(URL))],
        },
        Case {
            id: "M30",
            did: "Meant sessions to be without bound and set their number to zero.",
            wrong: vec![("/config/sessions", json!({ "capacity": 0 }))],
            shows: Problem,
            field: "sessions.capacity",
            words: &["8"],
            remedy: "Leave it out: the record is bounded, and the longest unused goes.",
            right: vec![("/config/sessions", json!(null))],
        },
    ]
}
