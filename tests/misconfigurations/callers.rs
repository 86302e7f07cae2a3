//! Mistakes about single callers, and about callers without a name.

use serde_json::json;

use crate::case::Case;
use crate::case::Shows::{Problem, Refusal};

pub(crate) fn cases() -> Vec<Case> {
    // Another caller, twice, before the one of the scene.
    let another = json!([
        { "change": { "/token/claims/sub": "another" }, "send": true },
        { "send": true },
        { "change": { "/token/claims/sub": "0oa1" } },
    ]);
    vec![
        Case {
            id: "L01",
            did: "Gave a caller a policy by the name of the application instead of the provider.",
            wrong: vec![(
                "/config/apis/0/policies",
                json!({ "by_identity": { "orders": { "0oa1": ["reader"] } } }),
            )],
            shows: Problem,
            field: "apis[0].policies.by_identity.orders",
            words: &["`orders` is no provider", "`okta`"],
            remedy: "Name the provider whose callers they are.",
            right: vec![(
                "/config/apis/0/policies",
                json!({ "by_identity": { "okta": { "0oa1": ["reader"] } } }),
            )],
        },
        Case {
            id: "L02",
            did: "Gave policies to a caller of a provider with two issuers.",
            wrong: vec![
                (
                    "/config/providers/okta/issuer",
                    json!(["https://example.okta.com/oauth2/default", "https://login.example.com"]),
                ),
                (
                    "/config/apis/0/policies",
                    json!({ "by_identity": { "okta": { "0oa1": ["reader"] } } }),
                ),
            ],
            shows: Problem,
            field: "apis[0].policies.by_identity.okta",
            words: &["several issuers", "make each issuer a provider", "`by_claim`"],
            remedy: "Make each issuer a provider, or give the policies by a claim.",
            right: vec![(
                "/config/apis/0/policies",
                json!({ "by_claim": [{ "claim": "sub", "values": { "0oa1": ["reader"] } }] }),
            )],
        },
        Case {
            id: "L03",
            did: "Named a caller by the address of its mail where its identity is `sub`.",
            wrong: vec![
                ("/token/claims/email", json!("alice@example.com")),
                (
                    "/config/apis/0/policies",
                    json!({ "by_identity": { "okta": { "alice@example.com": ["reader"] } } }),
                ),
            ],
            shows: Refusal("policy_none"),
            field: "apis[0].policies",
            words: &["`by_identity` does not know the caller"],
            remedy: "Write the identity that the log line has.",
            right: vec![(
                "/config/apis/0/policies",
                json!({ "by_identity": { "okta": { "0oa1": ["reader"] } } }),
            )],
        },
        Case {
            id: "L04",
            did: "Counted by address where requests come over a pipe.",
            wrong: vec![
                ("/address", json!("/run/envoy/clients.sock")),
                ("/config/apis/0/policies", json!({ "default": ["reader"] })),
                ("/config/policies/reader/rate", json!({ "requests": 9, "per": "1s" })),
                ("/config/policies/reader/limit_by", json!("address")),
            ],
            shows: Refusal("limit_key_missing"),
            field: "policies.reader.limit_by",
            words: &["no IP address", "a pipe has no address"],
            remedy: "Count by identity.",
            right: vec![("/config/policies/reader/limit_by", json!("identity"))],
        },
        Case {
            id: "L05",
            did: "Gave all callers of an API together the rate that was meant for each.",
            wrong: vec![
                ("/config/apis/0/rate", json!({ "requests": 2, "per": "1h" })),
                ("/before", another.clone()),
            ],
            shows: Refusal("rate_limited"),
            field: "apis[0].rate",
            words: &["2 requests in 1h are allowed to all callers of the API", "`per_caller`"],
            remedy: "Say `per_caller`.",
            right: vec![("/config/apis/0/rate/per_caller", json!(true))],
        },
        Case {
            id: "L06",
            did: "Counted by address callers who share one.",
            wrong: vec![
                ("/config/apis/0/policies", json!({ "default": ["reader"] })),
                ("/config/policies/reader/rate", json!({ "requests": 2, "per": "1h" })),
                ("/config/policies/reader/limit_by", json!("address")),
                ("/before", another),
            ],
            shows: Refusal("rate_limited"),
            field: "policies.reader.rate",
            words: &["allowed to the caller's address by the policies in force (`reader`)"],
            remedy: "Count by identity.",
            right: vec![("/config/policies/reader/limit_by", json!("identity"))],
        },
        Case {
            id: "L07",
            did: "Counted by the caller's key, as others call what is the identity here.",
            wrong: vec![
                ("/config/policies/reader/rate", json!({ "requests": 9, "per": "1s" })),
                ("/config/policies/reader/limit_by", json!("key")),
                ("/config/apis/0/policies", json!({ "default": ["reader"] })),
            ],
            shows: Problem,
            field: "policies.reader.limit_by",
            words: &["unknown value `key`", "`identity`"],
            remedy: "Write `identity`.",
            right: vec![("/config/policies/reader/limit_by", json!("identity"))],
        },
        Case {
            id: "L08",
            did: "Said of a policy's rate that it is for each caller, as it is anyway.",
            wrong: vec![
                ("/config/apis/0/policies", json!({ "default": ["reader"] })),
                (
                    "/config/policies/reader/rate",
                    json!({ "requests": 9, "per": "1s", "per_caller": true }),
                ),
            ],
            shows: Problem,
            field: "policies.reader.rate.per_caller",
            words: &["unknown field", "belongs to `apis[].rate`", "`limit_by`"],
            remedy: "Delete it.",
            right: vec![("/config/policies/reader/rate/per_caller", json!(null))],
        },
        Case {
            id: "L09",
            did: "Asked for a detailed log without an end.",
            wrong: vec![("/config/log", json!({ "detail": [{ "api": "orders" }] }))],
            shows: Problem,
            field: "log.until",
            words: &["missing", "when the detailed log ends"],
            remedy: "Write when it ends.",
            right: vec![("/config/log/until", json!("2027-01-16T00:00:00Z"))],
        },
        Case {
            id: "L10",
            did: "Named in the detailed log an application where the provider belongs.",
            wrong: vec![(
                "/config/log",
                json!({ "until": "2027-01-16T00:00:00Z",
                        "detail": [{ "provider": "orders", "identity": "0oa1" }] }),
            )],
            shows: Problem,
            field: "log.detail[0].provider",
            words: &["`orders` is no provider", "`okta`"],
            remedy: "Name the provider whose caller it is.",
            right: vec![("/config/log/detail/0/provider", json!("okta"))],
        },
        Case {
            id: "L11",
            did: "Asked for one caller's detailed log by the name of a key that tokens do not have.",
            wrong: vec![(
                "/config/log",
                json!({ "until": "2027-01-16T00:00:00Z",
                        "detail": [{ "provider": "okta", "key": "0oa1" }] }),
            )],
            shows: Problem,
            field: "log.detail[0].key",
            words: &["only API keys have names", "`identity`"],
            remedy: "Name the caller by `identity`.",
            right: vec![(
                "/config/log/detail/0",
                json!({ "provider": "okta", "identity": "0oa1" }),
            )],
        },
        Case {
            id: "L12",
            did: "Asked for the detailed log of an API and of one caller in one entry.",
            wrong: vec![(
                "/config/log",
                json!({ "until": "2027-01-16T00:00:00Z",
                        "detail": [{ "api": "orders", "provider": "okta", "identity": "0oa1" }] }),
            )],
            shows: Problem,
            field: "log.detail[0]",
            words: &["not exactly one thing"],
            remedy: "Write an entry for each.",
            right: vec![(
                "/config/log/detail",
                json!([{ "api": "orders" }, { "provider": "okta", "identity": "0oa1" }]),
            )],
        },
    ]
}
