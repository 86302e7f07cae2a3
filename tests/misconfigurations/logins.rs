//! Providers that log browsers in.

use serde_json::{Value, json};

use crate::case::Case;
use crate::case::Shows::Problem;
use crate::scene::Change;
use crate::support::token::Signer;

/// Secrets of 32 bytes.
const SEAL: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const OLD_SEAL: &str = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A scene in which the provider also logs browsers in, and these changes.
fn login(changes: &[Change]) -> Vec<Change> {
    let mut all = vec![(
        "/config/providers/okta/login",
        json!({
            "url": "https://portal.example.com",
            "client": { "id": "0oa9", "secret": { "base64": "c2VjcmV0" } },
            "seal": [{ "base64": SEAL }],
            "endpoints": endpoints("https://example.okta.com/oauth2/default/v1"),
        }),
    )];
    all.extend_from_slice(changes);
    all
}

/// The endpoints below a URL.
fn endpoints(below: &str) -> Value {
    json!({ "authorization": format!("{below}/authorize"), "token": format!("{below}/token") })
}

/// Another provider, whose login has this path and this name of cookies.
fn other(path: &str, cookie: &str) -> Value {
    json!({
        "issuer": "https://partner.example", "from": [],
        "jwks": { "discovery": true, "cluster": "partner" },
        "login": {
            "url": "https://portal.example.com", "client": { "id": "us" },
            "seal": [{ "base64": SEAL }], "path": path, "cookie": { "name": cookie },
        },
    })
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "B01",
            did: "Relied on the request's own host, and did not say on which people log in.",
            wrong: login(&[("/config/providers/okta/login/url", json!(null))]),
            shows: Problem,
            field: "providers.okta.login.url",
            words: &["never taken from a request"],
            remedy: "Write the origin as browsers see it.",
            right: vec![("/config/providers/okta/login/url", json!("https://portal.example.com"))],
        },
        Case {
            id: "B02",
            did: "Wrote the redirect URI where the origin belongs.",
            wrong: login(&[(
                "/config/providers/okta/login/url",
                json!("https://portal.example.com/.login/okta/callback"),
            )]),
            shows: Problem,
            field: "providers.okta.login.url",
            words: &["an origin has no path; write \"https://portal.example.com\""],
            remedy: "Write scheme, host and port alone.",
            right: vec![("/config/providers/okta/login/url", json!("https://portal.example.com"))],
        },
        Case {
            id: "B03",
            did: "Wrote the origin as the proxy sees it behind what ends TLS.",
            wrong: login(&[(
                "/config/providers/okta/login/url",
                json!("http://portal.example.com"),
            )]),
            shows: Problem,
            field: "providers.okta.login.url",
            words: &["`http` is for loopback alone", "as browsers see it"],
            remedy: "Write it as browsers see it.",
            right: vec![("/config/providers/okta/login/url", json!("https://portal.example.com"))],
        },
        Case {
            id: "B04",
            did: "Sealed cookies with a password.",
            wrong: login(&[("/config/providers/okta/login/seal", json!([{"base64":"c2VjcmV0"}]))]),
            shows: Problem,
            field: "providers.okta.login.seal[0]",
            words: &["6 bytes; at least 32", "openssl rand"],
            remedy: "Make a random secret.",
            right: vec![("/config/providers/okta/login/seal/0", json!({ "base64": SEAL }))],
        },
        Case {
            id: "B05",
            did: "Put the new secret beside the old one and copied the wrong one.",
            wrong: login(&[(
                "/config/providers/okta/login/seal",
                json!([{ "base64": SEAL }, { "base64": SEAL }]),
            )]),
            shows: Problem,
            field: "providers.okta.login.seal[1]",
            words: &["the same secret as seal[0]"],
            remedy: "Write the one that was meant.",
            right: vec![("/config/providers/okta/login/seal/1", json!({ "base64": OLD_SEAL }))],
        },
        Case {
            id: "B06",
            did: "Asked for the scopes of the application alone.",
            wrong: login(&[(
                "/config/providers/okta/login/scopes",
                json!(["email", "orders:read"]),
            )]),
            shows: Problem,
            field: "providers.okta.login.scopes",
            words: &["has no `openid`"],
            remedy: "Add `openid`.",
            right: vec![(
                "/config/providers/okta/login/scopes",
                json!(["openid", "email", "orders:read"]),
            )],
        },
        Case {
            id: "B07",
            did: "Asked for an audience where browsers come with ID tokens.",
            wrong: login(&[("/config/apis/0/audiences", json!(["api://default"]))]),
            shows: Problem,
            field: "apis[0].audiences",
            words: &["whose ID tokens are for its client", "\"judge\": \"access_token\""],
            remedy: "Judge the access token, or delete it.",
            right: vec![("/config/providers/okta/login/judge", json!("access_token"))],
        },
        Case {
            id: "B08",
            did: "Logged people in at a provider whose keys are named by their URL.",
            wrong: login(&[("/config/providers/okta/login/endpoints", json!(null))]),
            shows: Problem,
            field: "providers.okta.login.endpoints",
            words: &["there is no discovery document", "`authorization` and `token`"],
            remedy: "Write the endpoints, or name the keys by discovery.",
            right: vec![(
                "/config/providers/okta/login/endpoints",
                endpoints("https://example.okta.com/oauth2/default/v1"),
            )],
        },
        Case {
            id: "B09",
            did: "Copied a token endpoint of another host than calls go to.",
            wrong: login(&[
                ("/config/providers/okta/login/endpoints", endpoints("https://login.example.com")),
                ("/config/providers/okta/login/host", json!("example.okta.com")),
                ("/config/providers/okta/login/cluster", json!("okta")),
            ]),
            shows: Problem,
            field: "providers.okta.login.endpoints.token",
            words: &[
                "stands on `login.example.com`, and calls go to `example.okta.com`",
                "write \"host\"",
            ],
            remedy: "Name the host, and the cluster that leads there.",
            right: vec![
                ("/config/providers/okta/login/host", json!("login.example.com")),
                ("/config/providers/okta/login/cluster", json!("login")),
            ],
        },
        Case {
            id: "B10",
            did: "Wrote the keys down, and named no cluster for the login's calls.",
            wrong: login(&[(
                "/config/providers/okta/jwks",
                json!({ "inline": { "keys": [Signer::new("k1").jwk()] } }),
            )]),
            shows: Problem,
            field: "providers.okta.login.cluster",
            words: &["the Envoy cluster that leads to `example.okta.com`"],
            remedy: "Name it.",
            right: vec![("/config/providers/okta/login/cluster", json!("okta"))],
        },
        Case {
            id: "B11",
            did: "Shared the session with a domain in which the portal is not.",
            wrong: login(&[(
                "/config/providers/okta/login/cookie",
                json!({"domain":"example.org"}),
            )]),
            shows: Problem,
            field: "providers.okta.login.url",
            words: &["is not below `example.org`", "would not take the cookie"],
            remedy: "Name the domain of both.",
            right: vec![("/config/providers/okta/login/cookie/domain", json!("example.com"))],
        },
        Case {
            id: "B12",
            did: "Copied a login for a second provider, its path included.",
            wrong: login(&[
                ("/config/providers/okta/login/path", json!("/sign-in")),
                ("/config/providers/partner", other("/sign-in", "partner")),
            ]),
            shows: Problem,
            field: "providers.partner.login.path",
            words: &["the login of provider `okta` has `/sign-in`, too"],
            remedy: "Give each a path of its own.",
            right: vec![("/config/providers/partner/login/path", json!("/partner/sign-in"))],
        },
        Case {
            id: "B13",
            did: "Copied a login for a second provider, its cookie included.",
            wrong: login(&[
                ("/config/providers/okta/login/cookie", json!({"name":"session"})),
                ("/config/providers/partner", other("/.login/partner", "session")),
            ]),
            shows: Problem,
            field: "providers.partner.login.cookie.name",
            words: &["the login of provider `okta` has the cookie"],
            remedy: "Give each a cookie of its own.",
            right: vec![("/config/providers/partner/login/cookie/name", json!("partner"))],
        },
        Case {
            id: "B14",
            did: "Wanted idle sessions to end within a minute.",
            wrong: login(&[("/config/providers/okta/login/session", json!({"idle":"1m"}))]),
            shows: Problem,
            field: "providers.okta.login.session.idle",
            words: &["noted once a minute", "at least \"2m\""],
            remedy: "Allow two minutes.",
            right: vec![("/config/providers/okta/login/session/idle", json!("2m"))],
        },
        Case {
            id: "B15",
            did: "Wrote the redirect URI into the parameters of the request.",
            wrong: login(&[(
                "/config/providers/okta/login/authorize",
                json!({"redirect_uri":"https://portal.example.com/callback"}),
            )]),
            shows: Problem,
            field: "providers.okta.login.authorize.redirect_uri",
            words: &["is for the filter to say"],
            remedy: "Register the filter's own at the provider.",
            right: vec![("/config/providers/okta/login/authorize/redirect_uri", json!(null))],
        },
        Case {
            id: "B16",
            did: "Called a client public, and gave it a secret.",
            wrong: login(&[(
                "/config/providers/okta/login/client",
                json!({"id":"0oa9","auth":"none","secret":{"base64":"c2VjcmV0"}}),
            )]),
            shows: Problem,
            field: "providers.okta.login.client.secret",
            words: &["no meaning with this `auth`"],
            remedy: "Delete `auth`, or the secret.",
            right: vec![("/config/providers/okta/login/client/auth", json!(null))],
        },
        Case {
            id: "B17",
            did: "Had a logout lead to another site.",
            wrong: login(&[(
                "/config/providers/okta/login/logout",
                json!({"return":"https://www.example.com"}),
            )]),
            shows: Problem,
            field: "providers.okta.login.logout.return",
            words: &["a path of the same host"],
            remedy: "Write a path.",
            right: vec![("/config/providers/okta/login/logout/return", json!("/"))],
        },
        Case {
            id: "B18",
            did: "Sent everybody to log in on an API that lets strangers pass.",
            wrong: login(&[
                ("/config/apis/0/optional", json!(true)),
                ("/config/apis/0/unauthenticated", json!("redirect")),
            ]),
            shows: Problem,
            field: "apis[0].unauthenticated",
            words: &["contradicts \"optional\": true"],
            remedy: "Keep one of the two.",
            right: vec![("/config/apis/0/optional", json!(null))],
        },
        Case {
            id: "B19",
            did: "Said what becomes of strangers where nobody can log in.",
            wrong: login(&[
                ("/config/providers/okta/login", json!(null)),
                ("/config/apis/0/unauthenticated", json!("redirect")),
            ]),
            shows: Problem,
            field: "apis[0].unauthenticated",
            words: &["no provider of the API has a `login`"],
            remedy: "Delete it.",
            right: vec![("/config/apis/0/unauthenticated", json!(null))],
        },
        Case {
            id: "B20",
            did: "Took ID tokens of any issuer.",
            wrong: login(&[
                ("/config/providers/okta/issuer", json!(null)),
                ("/config/providers/okta/any_issuer", json!(true)),
            ]),
            shows: Problem,
            field: "providers.okta.any_issuer",
            words: &["ID tokens of issuers that are known"],
            remedy: "Name the issuer.",
            right: vec![
                ("/config/providers/okta/any_issuer", json!(null)),
                ("/config/providers/okta/issuer", json!("https://example.okta.com/oauth2/default")),
            ],
        },
        Case {
            id: "B21",
            did: "Read the login's own cookie as if it held a token.",
            wrong: login(&[(
                "/config/providers/okta/from",
                json!([{ "header": "authorization" }, { "cookie": "__Host-tollgate-okta", "any_origin": true }]),
            )]),
            shows: Problem,
            field: "providers.okta.from[1]",
            words: &["is a cookie of the login of provider `okta`"],
            remedy: "Delete the place.",
            right: vec![("/config/providers/okta/from/1", json!(null))],
        },
        Case {
            id: "B22",
            did: "Put the operator's page below the login.",
            wrong: login(&[
                ("/config/providers/okta/login/path", json!("/.tollgate")),
                (
                    "/config/status",
                    json!({ "path": "/.tollgate/status", "key_sha256": "4489ff2f9ea96e76d15846c1b6fb8fe5e2831f2433aebb54ccf3be9db7d1418d" }),
                ),
            ]),
            shows: Problem,
            field: "status.path",
            words: &["`/.tollgate` and all below it is a login's"],
            remedy: "Give the login a path of its own.",
            right: vec![("/config/providers/okta/login/path", json!("/.login/okta"))],
        },
    ]
}
