//! APIs as protected resources: what their clients are told.

use serde_json::{Value, json};

use crate::case::Case;
use crate::case::Shows::{Problem, Warning};
use crate::scene::Change;

const URL: &str = "https://api.example.com/orders";

/// A scene in which the API is a resource for which tokens are asked, and these changes.
fn resource(changes: &[Change]) -> Vec<Change> {
    let mut all = vec![
        ("/config/apis/0/resource", json!({ "url": URL })),
        ("/config/providers/okta/audiences", json!([URL])),
        ("/token/claims/aud", json!(URL)),
    ];
    all.extend_from_slice(changes);
    all
}

fn another() -> Value {
    json!({ "name": "items", "match": { "paths": ["/items/**"] }, "auth": ["okta"],
            "resource": { "url": URL } })
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "R01",
            did: "Wrote the URL of a resource with the slash that browsers show.",
            wrong: resource(&[("/config/apis/0/resource/url", json!(format!("{URL}/")))]),
            shows: Problem,
            field: "apis[0].resource.url",
            words: &["ends with a slash", "delete it"],
            remedy: "Delete the slash.",
            right: vec![("/config/apis/0/resource/url", json!(URL))],
        },
        Case {
            id: "R02",
            did: "Let tokens for any audience pass at a resource.",
            wrong: resource(&[
                ("/config/providers/okta/audiences", json!(null)),
                ("/config/providers/okta/any_audience", json!(true)),
            ]),
            shows: Problem,
            field: "apis[0].resource",
            words: &["those for another server would pass", "`audiences`"],
            remedy: "Write the API's `audiences`.",
            right: vec![("/config/apis/0/audiences", json!([URL]))],
        },
        Case {
            id: "R03",
            did: "Told clients to ask for a refresh token.",
            wrong: resource(&[(
                "/config/apis/0/resource/scopes",
                json!(["orders:read", "offline_access"]),
            )]),
            shows: Problem,
            field: "apis[0].resource.scopes[1]",
            words: &["for the client to want", "delete it"],
            remedy: "Leave it to the client.",
            right: vec![("/config/apis/0/resource/scopes/1", json!(null))],
        },
        Case {
            id: "R04",
            did: "Gave two APIs the URL of their host in common.",
            wrong: resource(&[("/config/apis/-", another())]),
            shows: Problem,
            field: "apis[1].resource.url",
            words: &["the API `orders` has this URL, too"],
            remedy: "Give each API its own.",
            right: vec![
                ("/config/apis/1/resource/url", json!("https://api.example.com/items")),
                ("/config/providers/okta/audiences/-", json!("https://api.example.com/items")),
            ],
        },
        Case {
            id: "R05",
            did: "Named a resource by a URL, and expected tokens for something else.",
            wrong: resource(&[("/config/providers/okta/audiences", json!(["api://orders"]))]),
            shows: Warning("token_audience_mismatch"),
            field: "apis[0].resource.url",
            words: &["clients ask for tokens for this URL", "AADSTS9010010"],
            remedy: "Add the URL to `audiences`.",
            right: vec![("/config/providers/okta/audiences/-", json!(URL))],
        },
        Case {
            id: "R06",
            did: "Took tokens of any issuer, so that clients cannot be told where to go.",
            wrong: resource(&[
                ("/config/providers/okta/issuer", json!(null)),
                ("/config/providers/okta/any_issuer", json!(true)),
            ]),
            shows: Problem,
            field: "apis[0].resource.authorization_servers",
            words: &["provider `okta` takes tokens of any issuer"],
            remedy: "Name the issuers that clients may go to.",
            right: vec![(
                "/config/apis/0/resource/authorization_servers",
                json!(["https://example.okta.com/oauth2/default"]),
            )],
        },
    ]
}
