//! Rules that compare a caller with what the request is about.

use serde_json::{Value, json};

use crate::case::Case;
use crate::case::Shows::{Problem, Refusal, Warning};
use crate::rights::partner;
use crate::scene::Change;

/// A scene in which callers have the orders of their own name, and these changes.
fn owned(rule: Value, changes: &[Change]) -> Vec<Change> {
    let mut all = vec![
        ("/config/apis/0/match/paths", json!(["/orders/{id}/**"])),
        ("/config/apis/0/require", json!([rule])),
        ("/request/path", json!("/orders/0oa1/7")),
    ];
    all.extend_from_slice(changes);
    all
}

fn by_path() -> Value {
    json!({ "claim": "sub", "matches": { "path": "id" } })
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "P50",
            did: "Compared callers with a segment that only one of two path patterns names.",
            wrong: owned(by_path(), &[("/config/apis/0/match/paths/-", json!("/v2/orders/**"))]),
            shows: Problem,
            field: "apis[0].require[0].matches.path",
            words: &["`/v2/orders/**` of `match.paths` has no `{id}`", "an API of its own"],
            remedy: "Name the segment in each pattern.",
            right: vec![("/config/apis/0/match/paths/1", json!("/v2/orders/{id}/**"))],
        },
        Case {
            id: "P51",
            did: "Compared the name in the path with a claim that holds an ID.",
            wrong: owned(
                by_path(),
                &[
                    ("/token/claims/login", json!("alice")),
                    ("/request/path", json!("/orders/alice/7")),
                ],
            ),
            shows: Refusal("claim_insufficient"),
            field: "apis[0].require",
            words: &["the claim `sub` is a string, not `alice`, which is `{id}` in the path"],
            remedy: "Compare the claim that holds the name.",
            right: vec![("/config/apis/0/require/0/claim", json!("login"))],
        },
        Case {
            id: "P52",
            did: "Had the provider write tenants in capitals, which hosts do not have.",
            wrong: owned(
                json!({ "claim": "tenant", "matches": { "host": "tenant" } }),
                &[
                    ("/config/apis/0/match/hosts", json!(["{tenant}.example.com"])),
                    ("/token/claims/tenant", json!("API")),
                ],
            ),
            shows: Refusal("claim_insufficient"),
            field: "apis[0].require",
            words: &["in case alone it differs from `api`, which is `{tenant}` in the host"],
            remedy: "Have the provider write it in small letters.",
            right: vec![("/token/claims/tenant", json!("api"))],
        },
        Case {
            id: "P53",
            did: "Compared a claim where API keys come, which have none.",
            wrong: owned(
                by_path(),
                &partner(&[
                    ("/config/apis/0/auth", json!(["partner"])),
                    ("/request/path", json!("/orders/acme/7")),
                ]),
            ),
            shows: Problem,
            field: "apis[0].require",
            words: &["the session of API keys (`partner`)", "compare \"session\": \"identity\""],
            remedy: "Compare the session's identity.",
            right: vec![(
                "/config/apis/0/require/0",
                json!({ "session": "identity", "matches": { "path": "id" } }),
            )],
        },
        Case {
            id: "P54",
            did: "Had a proxy in front add the tenant to a header that clients send, too.",
            wrong: owned(
                json!({ "claim": "sub", "matches": { "header": "x-tenant" } }),
                &[("/request/headers/-", json!(["x-tenant", "0oa1,0oa1"]))],
            ),
            shows: Refusal("claim_insufficient"),
            field: "apis[0].require",
            words: &["the header `x-tenant` has a comma", "exactly once"],
            remedy: "Have that proxy replace the header.",
            right: vec![("/request/headers/1/1", json!("0oa1"))],
        },
        Case {
            id: "P55",
            did: "Wrote a segment's name in braces where the name alone belongs.",
            wrong: owned(json!({ "claim": "sub", "matches": { "path": "{id}" } }), &[]),
            shows: Problem,
            field: "apis[0].require[0].matches.path",
            words: &["without braces", "write `id`"],
            remedy: "Write the name alone.",
            right: vec![("/config/apis/0/require/0/matches/path", json!("id"))],
        },
        Case {
            id: "P56",
            did: "Let the provider write an ID as a number with a fraction.",
            wrong: owned(
                json!({ "claim": "uid", "matches": { "path": "id" } }),
                &[("/token/claims/uid", json!(42.0)), ("/request/path", json!("/orders/42/7"))],
            ),
            shows: Refusal("claim_insufficient"),
            field: "apis[0].require",
            words: &["the claim `uid` is a number other than the whole number `42`"],
            remedy: "Have the provider write a whole number, or a string.",
            right: vec![("/token/claims/uid", json!(42))],
        },
        Case {
            id: "P57",
            did: "Let callers of two providers share one rule, and with it each other's names.",
            wrong: owned(
                json!({ "session": "identity", "matches": { "path": "id" } }),
                &partner(&[
                    ("/config/apis/0/auth", json!(["okta", "partner"])),
                    ("/request/path", json!("/orders/acme/7")),
                ]),
            ),
            shows: Warning("claim_insufficient"),
            field: "apis[0].require[0].matches.path",
            words: &["sessions of several providers come here", "an API of its own"],
            remedy: "Give each provider an API of its own.",
            right: vec![("/config/apis/0/auth", json!(["partner"]))],
        },
        Case {
            id: "P58",
            did: "Compared a query parameter that clients send as an array, too.",
            wrong: owned(
                json!({ "claim": "sub", "matches": { "query": "user" } }),
                &[("/request/path", json!("/orders/7/x?user=0oa1&user[]=0oa1"))],
            ),
            shows: Refusal("claim_insufficient"),
            field: "apis[0].require",
            words: &["the query parameter `user` is there more than once", "exactly once"],
            remedy: "Have clients send it once.",
            right: vec![("/request/path", json!("/orders/7/x?user=0oa1"))],
        },
        Case {
            id: "P59",
            did: "Compared the header of cookies with a claim.",
            wrong: owned(json!({ "claim": "sub", "matches": { "header": "cookie" } }), &[]),
            shows: Problem,
            field: "apis[0].require[0].matches.header",
            words: &["`cookie` holds many values at once", "name a header that holds one"],
            remedy: "Compare the segment of the path.",
            right: vec![("/config/apis/0/require/0/matches", json!({ "path": "id" }))],
        },
    ]
}
