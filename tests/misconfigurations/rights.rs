//! API keys, APIs, policies and limits.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::case::Case;
use crate::case::Shows::{Problem, Refusal};
use crate::scene::{API_KEY, Change};

fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The API keys of a partner.
fn keys(sha256: &str) -> Value {
    json!({
        "kind": "api_key", "from": [{ "header": "x-api-key" }],
        "keys": [{ "name": "acme-2026", "sha256": sha256, "identity": "acme" }],
    })
}

/// A scene in which clients show an API key beside their token, and these changes.
pub(crate) fn partner(changes: &[Change]) -> Vec<Change> {
    let mut all = vec![
        ("/config/providers/partner", keys(&sha256(API_KEY))),
        ("/request/headers/-", json!(["x-api-key", API_KEY])),
    ];
    all.extend_from_slice(changes);
    all
}

/// A scene in which clients show an API key alone, and these changes.
fn partner_alone(changes: &[Change]) -> Vec<Change> {
    let mut all = partner(&[
        ("/config/providers/okta", json!(null)),
        ("/config/apis/0/auth", json!(["partner"])),
        ("/request/headers", json!([["x-api-key", API_KEY]])),
    ]);
    all.extend_from_slice(changes);
    all
}

pub(crate) fn cases() -> Vec<Case> {
    let mut all = credentials();
    all.extend(apis());
    all.extend(policies());
    all.extend(documents());
    all
}

/// Documents of the provider, one in place of the other.
fn documents() -> Vec<Case> {
    const DOCUMENT: &str =
        "https://example.okta.com/oauth2/default/.well-known/openid-configuration";
    vec![
        Case {
            id: "P48",
            did: "Wrote the discovery document's URL as the issuer.",
            wrong: vec![("/config/providers/okta/issuer", json!(DOCUMENT))],
            shows: Problem,
            field: "providers.okta.issuer",
            words: &["before `/.well-known/`"],
            remedy: "Write what stands before `/.well-known/`.",
            right: vec![(
                "/config/providers/okta/issuer",
                json!("https://example.okta.com/oauth2/default"),
            )],
        },
        Case {
            id: "P49",
            did: "Wrote the discovery document's URL as the key set's.",
            wrong: vec![("/config/providers/okta/jwks/url", json!(DOCUMENT))],
            shows: Problem,
            field: "providers.okta.jwks.url",
            words: &["is a discovery document", "`discovery`"],
            remedy: "Write it as `discovery`, or write the key set's own.",
            right: vec![(
                "/config/providers/okta/jwks/url",
                json!("https://example.okta.com/oauth2/default/v1/keys"),
            )],
        },
    ]
}

fn credentials() -> Vec<Case> {
    vec![
        Case {
            id: "P30",
            did: "Hashed an API key with the newline that `echo` writes behind it.",
            wrong: partner_alone(&[(
                "/config/providers/partner/keys/0/sha256",
                json!(sha256(&format!("{API_KEY}\n"))),
            )]),
            shows: Refusal("key_unknown"),
            field: "providers.partner.keys",
            words: &["newline", "printf %s"],
            remedy: "Hash the key alone.",
            right: vec![("/config/providers/partner/keys/0/sha256", json!(sha256(API_KEY)))],
        },
        Case {
            id: "P31",
            did: "Let an API key's end pass.",
            wrong: partner_alone(&[(
                "/config/providers/partner/keys/0/expires",
                json!("2027-01-01T00:00:00Z"),
            )]),
            shows: Refusal("key_expired"),
            field: "providers.partner.keys",
            words: &["the key ended at", "`expires`"],
            remedy: "Give the caller a new key, or move `expires`.",
            right: vec![(
                "/config/providers/partner/keys/0/expires",
                json!("2028-01-01T00:00:00Z"),
            )],
        },
        Case {
            id: "P32",
            did: "Put the API key itself where its hash belongs.",
            wrong: partner_alone(&[("/config/providers/partner/keys/0/sha256", json!("acme"))]),
            shows: Problem,
            field: "providers.partner.keys[0].sha256",
            words: &["64 of 0-9 and a-f", "sha256sum"],
            remedy: "Write the key's SHA-256 in hex.",
            right: vec![("/config/providers/partner/keys/0/sha256", json!(sha256(API_KEY)))],
        },
        Case {
            id: "P33",
            did: "Read the token from a cookie and did not say whose pages may use it.",
            wrong: vec![
                ("/config/providers/okta/from", json!([{ "cookie": "access_token" }])),
                ("/request/headers", json!([["cookie", "access_token={token}"]])),
            ],
            shows: Problem,
            field: "providers.okta.from[0].origins",
            words: &["name the origins whose pages"],
            remedy: "List the origins of the pages.",
            right: vec![(
                "/config/providers/okta/from/0/origins",
                json!(["https://app.example.com"]),
            )],
        },
    ]
}

fn apis() -> Vec<Case> {
    vec![
        Case {
            id: "P34",
            did: "Misspelt a path.",
            wrong: vec![("/config/apis/0/match/paths", json!(["/order/**"]))],
            shows: Refusal("api_unknown"),
            field: "apis[].match",
            words: &["no API matches", "`orders` takes paths `/order/**`", "typing error"],
            remedy: "Write the path that clients call.",
            right: vec![("/config/apis/0/match/paths/0", json!("/orders/**"))],
        },
        Case {
            id: "P35",
            did: "Put an API that takes everything before another.",
            wrong: vec![
                ("/config/apis/0", json!({ "name": "all", "auth": ["okta"], "scopes": ["admin"] })),
                (
                    "/config/apis/-",
                    json!({ "name": "orders", "match": { "paths": ["/orders/**"] }, "auth": ["okta"] }),
                ),
            ],
            shows: Problem,
            field: "apis[1]",
            words: &["hidden: `all`", "put this one before it"],
            remedy: "Put the narrower one first.",
            right: vec![
                (
                    "/config/apis/0",
                    json!({ "name": "orders", "match": { "paths": ["/orders/**"] }, "auth": ["okta"] }),
                ),
                ("/config/apis/1", json!({ "name": "all", "auth": ["okta"], "scopes": ["admin"] })),
            ],
        },
        Case {
            id: "P36",
            did: "Let browsers call from other origins, and no preflight pass.",
            wrong: vec![
                ("/request/method", json!("OPTIONS")),
                (
                    "/request/headers",
                    json!([
                        ["origin", "https://app.example.com"],
                        ["access-control-request-method", "GET"]
                    ]),
                ),
            ],
            shows: Refusal("cors_preflight_refused"),
            field: "apis[0].cors_preflight",
            words: &["`orders`", "pass", "CORS filter"],
            remedy: "Let preflights pass, or put Envoy's CORS filter before Tollgate.",
            right: vec![("/config/apis/0/cors_preflight", json!("pass"))],
        },
        Case {
            id: "P37",
            did: "Asked for the client in `client_id` where the provider writes `azp`.",
            wrong: vec![
                ("/config/providers/okta/claims", json!({ "client": ["client_id"] })),
                ("/config/apis/0/clients", json!(["web"])),
                ("/token/claims/cid", json!(null)),
                ("/token/claims/azp", json!("web")),
            ],
            shows: Refusal("access_denied"),
            field: "providers.okta.claims.client",
            words: &["no claim `client_id`", "was `azp` meant?"],
            remedy: "Name the claim that the tokens have.",
            right: vec![("/config/providers/okta/claims/client", json!(["azp"]))],
        },
        Case {
            id: "P38",
            did: "Misspelt a scope that the API asks for.",
            wrong: vec![("/config/apis/0/scopes", json!(["order:read"]))],
            shows: Refusal("scope_insufficient"),
            field: "apis[0].scopes",
            words: &["lacks the scopes `order:read`", "it has `orders:read`", "correct"],
            remedy: "Write the scope as the provider issues it.",
            right: vec![("/config/apis/0/scopes/0", json!("orders:read"))],
        },
        Case {
            id: "P39",
            did: "Asked for a role where Keycloak puts its roles one level deeper.",
            wrong: vec![
                (
                    "/config/apis/0/require",
                    json!([{ "claim": "roles", "contains_any": ["staff"] }]),
                ),
                ("/token/claims/realm_access", json!({ "roles": ["staff", "offline_access"] })),
            ],
            shows: Refusal("claim_insufficient"),
            field: "apis[0].require",
            words: &["no claim `roles`", "was `realm_access.roles` meant?"],
            remedy: "Write the path to the claim.",
            right: vec![("/config/apis/0/require/0/claim", json!("realm_access.roles"))],
        },
        Case {
            id: "P40",
            did: "Narrowed an API to an audience that the tokens do not have.",
            wrong: vec![("/config/apis/0/audiences", json!(["api://orders"]))],
            shows: Refusal("token_audience_mismatch"),
            field: "apis[0].audiences",
            words: &["`api://default`", "`api://orders`", "the API's own"],
            remedy: "Add the tokens' audience to the API's.",
            right: vec![("/config/apis/0/audiences/-", json!("api://default"))],
        },
        Case {
            id: "P41",
            did: "Let a proxy in front send paths on as they came.",
            wrong: vec![("/request/path", json!("/orders/../orders/7"))],
            shows: Refusal("path_ambiguous"),
            field: "normalize_path: true",
            words: &["http_connection_manager", "merge_slashes"],
            remedy: "Have Envoy normalise paths.",
            right: vec![("/request/path", json!("/orders/7"))],
        },
    ]
}

fn policies() -> Vec<Case> {
    let thrice = json!([{ "send": true }, { "send": true }]);
    vec![
        Case {
            id: "P42",
            did: "Wrote a quota for a month with a unit that does not exist.",
            wrong: vec![(
                "/config/policies/reader/quota",
                json!({ "requests": 10000, "per": "1M" }),
            )],
            shows: Problem,
            field: "policies.reader.quota.per",
            words: &["1M", "one integer and one unit of ms, s, m, h, d"],
            remedy: "Write days.",
            right: vec![("/config/policies/reader/quota/per", json!("30d"))],
        },
        Case {
            id: "P43",
            did: "Meant so many requests a second and wrote the unit of hours.",
            wrong: vec![
                ("/config/apis/0/policies", json!({ "default": ["reader"] })),
                ("/config/policies/reader/rate", json!({ "requests": 2, "per": "1h" })),
                ("/before", json!([{ "send": true }, { "send": true }, { "wait": 1 }])),
            ],
            shows: Refusal("rate_limited"),
            field: "policies.reader.rate",
            words: &["2 requests in 1h", "`reader`", "unit"],
            remedy: "Write the unit that was meant.",
            right: vec![("/config/policies/reader/rate/per", json!("1s"))],
        },
        Case {
            id: "P44",
            did: "Wrote a quota for each minute that was meant for each month.",
            wrong: vec![
                ("/config/apis/0/policies", json!({ "default": ["reader"] })),
                ("/config/policies/reader/quota", json!({ "requests": 2, "per": "30m" })),
                ("/before", thrice),
            ],
            shows: Refusal("quota_exceeded"),
            field: "policies.reader.quota",
            words: &["2 requests in 30m", "`requests`", "unit"],
            remedy: "Raise it to what the caller should have.",
            right: vec![(
                "/config/policies/reader/quota",
                json!({ "requests": 10000, "per": "30d" }),
            )],
        },
        Case {
            id: "P45",
            did: "Counted callers by a claim that only some tokens have.",
            wrong: vec![
                ("/config/apis/0/policies", json!({ "default": ["reader"] })),
                ("/config/policies/reader/rate", json!({ "requests": 9, "per": "1s" })),
                ("/config/policies/reader/limit_by", json!({ "claim": "org_id" })),
            ],
            shows: Refusal("limit_key_missing"),
            field: "policies.reader.limit_by",
            words: &["no claim `org_id`", "count by \"identity\""],
            remedy: "Count by identity, or have the provider add the claim.",
            right: vec![("/config/policies/reader/limit_by", json!("identity"))],
        },
        Case {
            id: "P46",
            did: "Granted a method other than the one that callers use.",
            wrong: vec![
                ("/config/apis/0/policies", json!({ "default": ["reader"] })),
                ("/config/policies/reader/access/0/methods", json!(["HEAD"])),
            ],
            shows: Refusal("access_denied"),
            field: "policies.reader.access",
            words: &["`reader` grants `HEAD` on every path"],
            remedy: "Add the method to the entry.",
            right: vec![("/config/policies/reader/access/0/methods/-", json!("GET"))],
        },
        Case {
            id: "P47",
            did: "Switched a policy off that callers still have.",
            wrong: vec![
                ("/config/apis/0/policies", json!({ "by_scope": { "orders:read": ["reader"] } })),
                ("/config/policies/reader/active", json!(false)),
            ],
            shows: Refusal("session_inactive"),
            field: "policies.reader.active",
            words: &["is false", "to true"],
            remedy: "Switch it on, or give the callers another.",
            right: vec![("/config/policies/reader/active", json!(true))],
        },
    ]
}
