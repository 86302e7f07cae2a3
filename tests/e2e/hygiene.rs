//! What goes upstream and what comes back: the identity from us and from nobody else, credentials
//! only where somebody wants them.

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::harness::{
    Answer, Envoy, Filter, ISSUER, KeyServer, Listener, Request, Signer, Site, Token, Upstream,
    configuration, fetch, key_set,
};

const RICH: &str = "https://rich.example";
const KEEP: &str = "https://keep.example";
const SECOND: &str = "https://second.example";

/// One Envoy for every test here.
struct Stage {
    envoy: Envoy,
    upstream: Upstream,
    signer: Signer,
    port: u16,
}

impl Stage {
    /// A token that is right but for its issuer.
    fn token(&self, issuer: &str, subject: &str) -> String {
        self.signer.sign(&Token::of(subject).issuer(issuer))
    }

    /// Sends a request that must pass; what the upstream got.
    fn forwarded(&self, path: &str, request: Request) -> Vec<(String, Vec<u8>)> {
        let response = fetch(self.port, &request);
        assert_eq!(response.status(), 200, "{path}: {}", response.text());
        self.upstream.only(path).headers
    }
}

fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(|| {
        let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
        keys.set("/keys", Answer::json(&key_set(&[&signer])));
        let main = keys.provider(ISSUER, "/keys");
        let mut rich = keys.provider(RICH, "/keys");
        rich["upstream"] = json!({
            "headers": { "x-user": "sub", "x-roles": { "claim": "roles" }, "x-note": "note",
                         "x-tenant": "org.tenant", "x-client": { "session": "client" },
                         "x-scopes": { "session": "scopes" } },
            "payload_header": "x-jwt-payload"
        });
        let mut keep = keys.provider(KEEP, "/keys");
        keep["upstream"] = json!({ "credential": "keep" });
        let mut second = keys.provider(SECOND, "/keys");
        second["from"] = json!([{ "header": "x-second" }]);
        let providers = json!({ "main": main, "rich": rich, "keep": keep, "second": second });
        let apis = json!([
            { "name": "public", "match": { "paths": ["/public/**"] }, "auth": "none" },
            { "name": "main", "match": { "paths": ["/main/**"] }, "auth": ["main"] },
            { "name": "rich", "match": { "paths": ["/rich/**"] }, "auth": ["rich"] },
            { "name": "keep", "match": { "paths": ["/keep/**"] }, "auth": ["keep"] },
            { "name": "either", "match": { "paths": ["/either/**"] }, "auth": ["main", "rich"] },
            { "name": "both", "match": { "paths": ["/both/**"] }, "auth": [["second", "main"]],
              "session_from": "main" },
        ]);
        let filter = Filter::new(&configuration(providers, apis));
        let listener = Listener::new(&filter).raw();
        let site = Site::new("hygiene", upstream.port()).cluster("keys", keys.port());
        let envoy = Envoy::start(&site.listener(&listener));
        // The key server is asked once; the filter keeps the keys when it is gone.
        let token = signer.sign(&Token::of("first"));
        let first = fetch(listener.port, &Request::get("/main/first").bearer(&token));
        assert_eq!(first.status(), 200, "{}", first.text());
        Stage { envoy, upstream, signer, port: listener.port }
    })
}

/// Adds everything that could be taken for a header of ours at some hop.
fn with_forgeries(request: Request) -> Request {
    [
        "x-tollgate-identity",
        "X-Tollgate-Identity",
        "x_tollgate_identity",
        "x-tollgate_identity",
        "x-tollgate-provider",
        "x-tollgate-anything",
        "x-user",
        "X-User",
        "x_user",
        "x-roles",
        "x-note",
        "x-tenant",
        "x-client",
        "x-scopes",
        "x-jwt-payload",
        "X_JWT_Payload",
    ]
    .into_iter()
    .fold(request, |request, name| request.header(name, "mallory"))
}

fn values<'a>(headers: &'a [(String, Vec<u8>)], name: &str) -> Vec<&'a [u8]> {
    let named = headers.iter().filter(|(found, _)| found == name);
    named.map(|(_, value)| value.as_slice()).collect()
}

fn assert_no_forgery(headers: &[(String, Vec<u8>)]) {
    for (name, value) in headers {
        assert_ne!(value, b"mallory", "{name} came through");
    }
}

#[test]
fn a_client_cannot_set_any_header_that_the_filter_may_set() {
    let stage = stage();
    let main = stage.token(ISSUER, "alice");
    let rich = stage.token(RICH, "bob");
    let seen = stage.forwarded("/public/f", with_forgeries(Request::get("/public/f")));
    assert_no_forgery(&seen);
    assert!(!seen.iter().any(|(name, _)| name.starts_with("x-tollgate")), "{seen:?}");

    let seen = stage.forwarded("/main/f", with_forgeries(Request::get("/main/f").bearer(&main)));
    assert_no_forgery(&seen);
    assert_eq!(values(&seen, "x-tollgate-identity"), [b"alice"]);
    assert_eq!(values(&seen, "x-tollgate-provider"), [b"main"]);
    assert!(values(&seen, "x-user").is_empty());

    let seen = stage.forwarded("/rich/f", with_forgeries(Request::get("/rich/f").bearer(&rich)));
    assert_no_forgery(&seen);
    assert_eq!(values(&seen, "x-user"), [b"bob"]);
    assert!(values(&seen, "x-tollgate-identity").is_empty(), "the provider has its own headers");
    stage.envoy.assert_clean(&[main, rich]);
}

#[test]
fn a_client_cannot_have_a_later_hop_drop_our_headers() {
    let stage = stage();
    let token = stage.token(ISSUER, "alice");
    let request = Request::get("/main/hop").bearer(&token);
    let seen = stage.forwarded(
        "/main/hop",
        request.header("Connection", "x-tollgate-identity, X-Tollgate-Provider"),
    );
    assert_eq!(values(&seen, "x-tollgate-identity"), [b"alice"]);
    for value in values(&seen, "connection") {
        let value = String::from_utf8_lossy(value).to_ascii_lowercase();
        assert!(!value.contains("tollgate"), "{value}");
    }
    stage.envoy.assert_clean(&[token]);
}

#[test]
fn an_upstream_cannot_send_our_headers_back() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    upstream.answer_with(&[
        ("x-tollgate-identity", "forged"),
        ("X-Tollgate-Code", "forged"),
        ("x_tollgate_identity", "forged"),
        ("x-own", "kept"),
    ]);
    upstream.end_with(&[("x-tollgate-code", "forged"), ("x-own-trailer", "kept")]);
    let apis = json!([
        { "name": "public", "match": { "paths": ["/public/**"] }, "auth": "none" },
        { "name": "main", "auth": ["main"] },
    ]);
    let providers = json!({ "main": keys.provider(ISSUER, "/keys") });
    let listener = Listener::new(&Filter::new(&configuration(providers, apis)));
    let site = Site::new("hygiene-back", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener));
    let token = signer.sign(&Token::of("alice"));
    for request in [Request::get("/public/x"), Request::get("/x").bearer(&token)] {
        let response = fetch(listener.port, &request);
        assert_eq!(response.status(), 200, "{}", response.text());
        assert_eq!(response.header("x-own").as_deref(), Some("kept"));
        assert_eq!(response.trailer("x-own-trailer").as_deref(), Some("kept"));
        assert!(!response.has_field_starting("x-tollgate"), "{response:?}");
        assert!(!response.has_field_starting("x_tollgate"), "{response:?}");
    }
    envoy.assert_clean(&[token]);
}

#[test]
fn claims_go_upstream_as_configured_and_never_as_unsafe_values() {
    let stage = stage();
    let token = Token::of("bob")
        .issuer(RICH)
        .claim("roles", json!(["admin", "dev"]))
        .claim("note", "line\r\nx-user: admin")
        .claim("org", json!({ "tenant": "acme" }));
    let first = stage.signer.sign(&token);
    let seen = stage.forwarded("/rich/claims-1", Request::get("/rich/claims-1").bearer(&first));
    assert_eq!(values(&seen, "x-user"), [b"bob"]);
    assert_eq!(values(&seen, "x-roles"), [b"admin,dev"]);
    assert_eq!(values(&seen, "x-tenant"), [b"acme"]);
    assert_eq!(values(&seen, "x-client"), [b"client-1"]);
    assert_eq!(values(&seen, "x-scopes"), [b"read write"]);
    assert!(values(&seen, "x-note").is_empty(), "a value with a line break is dropped whole");
    let payload = values(&seen, "x-jwt-payload");
    assert_eq!(payload, [first.split('.').nth(1).unwrap().as_bytes()]);
    assert!(URL_SAFE_NO_PAD.decode(payload[0]).is_ok());

    let odd = stage.signer.sign(&token.claim("roles", json!(["a,b", "c"])));
    let dropped = stage.envoy.counter("tollgate_header_dropped");
    let seen = stage.forwarded("/rich/claims-2", Request::get("/rich/claims-2").bearer(&odd));
    assert!(values(&seen, "x-roles").is_empty(), "an element with a comma drops the header");
    assert!(stage.envoy.counter("tollgate_header_dropped") > dropped);
    stage.envoy.assert_clean(&[first, odd]);
}

#[test]
fn a_credential_is_spent_unless_the_provider_keeps_it() {
    let stage = stage();
    let spent = stage.token(ISSUER, "alice");
    let kept = stage.token(KEEP, "carol");
    let seen = stage.forwarded("/main/spent", Request::get("/main/spent").bearer(&spent));
    assert!(values(&seen, "authorization").is_empty());
    let seen = stage.forwarded("/keep/kept", Request::get("/keep/kept").bearer(&kept));
    assert_eq!(values(&seen, "authorization"), [format!("Bearer {kept}").as_bytes()]);
    assert_eq!(values(&seen, "x-tollgate-identity"), [b"carol"]);
    // On a public API nobody reads it, so nobody takes it away.
    let request = Request::get("/public/other").header("Authorization", "Basic YTpi");
    let seen = stage.forwarded("/public/other", request);
    assert_eq!(values(&seen, "authorization"), [b"Basic YTpi"]);
    stage.envoy.assert_clean(&[spent, kept]);
}

#[test]
fn of_two_providers_the_issuer_selects_one() {
    let stage = stage();
    let (main, rich) = (stage.token(ISSUER, "alice"), stage.token(RICH, "bob"));
    let stranger = stage.token("https://stranger.example", "mallory");
    let elsewhere = stage.token(KEEP, "mallory");
    let seen = stage.forwarded("/either/1", Request::get("/either/1").bearer(&main));
    assert_eq!(values(&seen, "x-tollgate-provider"), [b"main"]);
    assert!(values(&seen, "x-user").is_empty());
    let seen = stage.forwarded("/either/2", Request::get("/either/2").bearer(&rich));
    assert_eq!(values(&seen, "x-user"), [b"bob"]);
    assert!(values(&seen, "x-tollgate-provider").is_empty());
    for token in [&stranger, &elsewhere] {
        let response = fetch(stage.port, &Request::get("/either/3").bearer(token));
        assert_eq!(response.verdict(), (401, "token_issuer_unknown".to_owned()));
    }
    stage.envoy.assert_clean(&[main, rich, stranger, elsewhere]);
}

#[test]
fn where_two_must_vouch_the_session_is_the_named_ones() {
    let stage = stage();
    let (main, second) = (stage.token(ISSUER, "alice"), stage.token(SECOND, "machine-7"));
    let both = Request::get("/both/1").bearer(&main).header("X-Second", &second);
    let seen = stage.forwarded("/both/1", both);
    assert_eq!(values(&seen, "x-tollgate-identity"), [b"alice"]);
    assert_eq!(values(&seen, "x-tollgate-provider"), [b"main"]);
    assert!(values(&seen, "authorization").is_empty());
    assert!(values(&seen, "x-second").is_empty());
    let access = stage.envoy.access("/both/1");
    assert_eq!((&access["identity"], &access["provider"]), (&json!("alice"), &json!("main")));

    let get = || Request::get("/both/2");
    let swapped = stage.token(ISSUER, "mallory");
    let cases = [
        ("neither", get(), "credential_missing"),
        ("only the session's", get().bearer(&main), "credential_missing"),
        ("only the other", get().header("X-Second", &second), "credential_missing"),
        ("the other is bad", get().bearer(&main).header("X-Second", "x.y.z"), "token_malformed"),
        (
            "the other is the session's",
            get().bearer(&main).header("X-Second", &swapped),
            "credential_missing",
        ),
    ];
    for (name, request, code) in cases {
        let response = fetch(stage.port, &request);
        assert_eq!(response.verdict(), (401, code.to_owned()), "{name}");
    }
    assert!(stage.upstream.seen("/both/2").is_empty());
    stage.envoy.assert_clean(&[main, second, swapped]);
}
