//! F: what a header may say, and what a message may look like.

use super::super::harness::{Connection, Request, fetch};
use super::Case::{Alice, Anonymous, ByEnvoy, Elsewhere, Refused, Scene};
use super::{OURS, Row, Stage, forged};

fn preflight(path: &str) -> Request {
    Request::new("OPTIONS", path)
        .header("Origin", "https://app.example.com")
        .header("Access-Control-Request-Method", "POST")
}

fn websocket(path: &str) -> Request {
    Request::get(path)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
}

const SPELLINGS: [&str; 7] = [
    "X-Tollgate-Identity",
    "x_tollgate_identity",
    "x-tollgate_identity",
    "X_TOLLGATE-IDENTITY",
    "x-tollgate-of-tomorrow",
    "x_user",
    "X-User",
];

#[test]
fn headers_that_forge_confuse_or_smuggle() {
    let stage = Stage::start("attacks-headers");
    let get = Request::get;
    let missing = "credential_missing";
    let rows = vec![
        Row(
            "F01",
            "our headers, by the client, on a protected API",
            vec![Alice(vec![forged(get("/f01"), &OURS)])],
        ),
        Row(
            "F02",
            "the same on a public and an optional API, and on a preflight",
            vec![Anonymous(vec![
                forged(get("/public/f02"), &OURS),
                forged(get("/optional/f02"), &OURS),
                forged(preflight("/cors/f02"), &OURS),
            ])],
        ),
        Row(
            "F03",
            "other spellings of them",
            vec![
                Alice(vec![forged(get("/f03"), &SPELLINGS)]),
                Anonymous(vec![forged(get("/public/f03"), &SPELLINGS)]),
            ],
        ),
        Row(
            "F04",
            "the same twice, and joined by a comma",
            vec![Alice(vec![
                forged(get("/f04"), &["x-tollgate-identity", "x-tollgate-identity"]),
                get("/f04").header("x-tollgate-identity", "mallory, mallory"),
            ])],
        ),
        Row(
            "F05",
            "`Connection` that names our headers",
            vec![Alice(vec![
                get("/f05").header("Connection", "x-tollgate-identity"),
                get("/f05").header("Connection", "X-Tollgate-Identity, x_tollgate_provider"),
            ])],
        ),
        Row(
            "F06",
            "another path in a header",
            vec![Refused(
                missing,
                ["X-Forwarded-Uri", "X-Original-Url", "X-Rewrite-Url", "X-Envoy-Original-Path"]
                    .map(|name| get("/f06").header(name, "/public/x"))
                    .to_vec(),
            )],
        ),
        Row(
            "F07",
            "another method in a header",
            vec![Refused(
                missing,
                vec![
                    Request::new("POST", "/health")
                        .header("X-Http-Method-Override", "GET")
                        .body(""),
                ],
            )],
        ),
        Row(
            "F08",
            "methods that are odd",
            vec![
                ByEnvoy(vec![Request::new("get", "/health"), Request::new("FOO", "/health")]),
                Refused(
                    missing,
                    vec![Request::new("PUT", "/health").body(""), Request::new("TRACE", "/health")],
                ),
            ],
        ),
        Row(
            "F09",
            "OPTIONS that is a preflight, and that is none",
            vec![
                Refused("cors_preflight_refused", vec![preflight("/f09")]),
                Refused(
                    missing,
                    vec![Request::new("OPTIONS", "/cors/f09"), Request::new("OPTIONS", "/f09")],
                ),
                Anonymous(vec![preflight("/cors/f09")]),
            ],
        ),
        Row(
            "F10",
            "a refusal across origins",
            vec![Elsewhere(
                "what a browser may read is Envoy's CORS filter's to say, which stands before this one",
                &["every_deny_code_is_documented_as_it_is"],
            )],
        ),
        Row(
            "F11",
            "hosts in other spellings",
            vec![
                Anonymous(
                    ["OPEN.example.com", "open.example.com.", "open.example.com:8443"]
                        .map(|host| get("/f11").host(host))
                        .to_vec(),
                ),
                Refused(
                    missing,
                    ["xopen.example.com", "open.example.com.evil.example"]
                        .map(|host| get("/f11").host(host))
                        .to_vec(),
                ),
                Refused(
                    "host_ambiguous",
                    ["mallory@open.example.com", "open.example.com:x", "open.example.com.."]
                        .map(|host| get("/f11").host(host))
                        .to_vec(),
                ),
            ],
        ),
        Row(
            "F12",
            "two hosts, and a whole URL with another",
            vec![
                Refused(
                    "host_ambiguous",
                    vec![get("/f12").host("open.example.com\r\nHost: api.example.com")],
                ),
                Refused(missing, vec![get("http://api.example.com/f12").host("open.example.com")]),
            ],
        ),
        Row("F13", "HTTP of long ago", vec![Scene(old_http)]),
        Row(
            "F14",
            "a WebSocket without a token where one is read",
            vec![
                Refused(
                    missing,
                    vec![
                        websocket("/f14"),
                        websocket("/f14").header("Sec-WebSocket-Protocol", &stage.token),
                        websocket(&format!("/f14?access_token={}", stage.token)),
                    ],
                ),
                Elsewhere(
                    "with a cookie",
                    &["a_cookie_is_taken_out_alone_and_changes_nothing_for_strangers"],
                ),
            ],
        ),
        Row(
            "F15",
            "a body that waits to be asked for",
            vec![Elsewhere(
                "the refusal comes without it",
                &["what_smuggles_or_upgrades_gets_no_further_than_it_should"],
            )],
        ),
        Row(
            "F16",
            "body and trailers while the decision is pending",
            vec![Elsewhere(
                "they wait with the request",
                &["a_body_and_trailers_that_come_while_the_request_waits_wait_with_it"],
            )],
        ),
        Row(
            "F17",
            "our headers as trailers",
            vec![Elsewhere(
                "they are removed there, too",
                &["a_body_and_trailers_that_come_while_the_request_waits_wait_with_it"],
            )],
        ),
        Row(
            "F18",
            "gRPC with a bad token",
            vec![Refused("token_malformed", vec![get("/f18").grpc().bearer("x")]), Scene(grpc)],
        ),
        Row("F19", "what is nearly gRPC", vec![Scene(nearly_grpc)]),
        Row(
            "F20",
            "the credential upstream",
            vec![Elsewhere(
                "spent, unless it is to be kept",
                &[
                    "a_credential_is_spent_unless_the_provider_keeps_it",
                    "a_parameter_is_cut_out_and_every_other_byte_goes_upstream",
                ],
            )],
        ),
        Row(
            "F21",
            "our headers from the upstream",
            vec![Elsewhere(
                "removed from its response; there is no session cookie to forge",
                &["an_upstream_cannot_send_our_headers_back"],
            )],
        ),
        Row("F22", "a refusal that a cache might keep", vec![Scene(not_cached)]),
        Row("F23", "two requests in one", vec![Scene(smuggled)]),
        Row(
            "F24",
            "addresses in a header",
            vec![Elsewhere("nothing is decided by an address", &[])],
        ),
        Row(
            "F25",
            "a client certificate in a header",
            vec![Elsewhere(
                "nothing is decided by a certificate, and a token that is bound to one is refused",
                &["a_bound_token_is_no_bearer_token"],
            )],
        ),
    ];
    stage.run(&rows, 'F', 25);
}

/// Sends bytes as they are; the status, 0 where there is no answer.
fn status(port: u16, bytes: &str) -> u16 {
    let mut connection = Connection::open(port);
    connection.send(bytes.as_bytes()).expect("an open connection");
    connection.response().map_or(0, |response| response.status())
}

fn old_http(stage: &Stage) {
    let before = stage.upstream.count();
    assert_eq!(status(stage.raw, "GET /f13 HTTP/1.0\r\n\r\n"), 426);
    assert_ne!(status(stage.raw, "GET /f13\r\n"), 200);
    assert_ne!(status(stage.raw, "GET /f13 HTTP/1.1\r\n\r\n"), 200, "no host");
    assert_eq!(stage.upstream.count(), before);
}

fn grpc(stage: &Stage) {
    let statuses = [
        ("no credential", Request::get("/f18").grpc(), "16"),
        ("a preflight", preflight("/f18").grpc(), "7"),
        ("an ambiguous path", Request::get("/a/../f18").grpc(), "3"),
    ];
    for (name, request, expected) in statuses {
        let response = fetch(stage.raw, &request);
        assert_eq!(response.status(), 200, "{name}");
        assert_eq!(response.header("grpc-status").as_deref(), Some(expected), "{name}");
    }
}

fn nearly_grpc(stage: &Stage) {
    for kind in [
        "application/grpc-web",
        "application/grpc-web+proto",
        "application/connect+proto",
        "application/json",
    ] {
        let response = fetch(stage.raw, &Request::get("/f19").header("Content-Type", kind));
        assert_eq!(response.verdict(), (401, "credential_missing".to_owned()), "{kind}");
    }
}

fn not_cached(stage: &Stage) {
    let request =
        Request::get("/f22").header("Range", "bytes=0-1").header("If-None-Match", "\"x\"");
    let response = fetch(stage.raw, &request);
    assert_eq!(response.status(), 401);
    assert_eq!(response.header("cache-control").as_deref(), Some("no-store"));
}

fn smuggled(stage: &Stage) {
    let before = stage.upstream.count();
    let bearer = format!("Authorization: Bearer {}", stage.token);
    let cases = [
        (
            "two kinds of length",
            format!(
                "POST /f23 HTTP/1.1\r\nHost: a\r\n{bearer}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
        ),
        (
            "two lengths",
            format!(
                "POST /f23 HTTP/1.1\r\nHost: a\r\n{bearer}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"
            ),
        ),
        (
            "a coding that is none",
            format!(
                "POST /f23 HTTP/1.1\r\nHost: a\r\n{bearer}\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"
            ),
        ),
        (
            "a space behind a name",
            format!("GET /f23 HTTP/1.1\r\nHost: a\r\nAuthorization : {bearer}\r\n\r\n"),
        ),
    ];
    for (name, bytes) in cases {
        let status = status(stage.raw, &bytes);
        assert!(matches!(status, 400 | 501), "{name}: {status}");
    }
    assert_eq!(stage.upstream.count(), before);
}
