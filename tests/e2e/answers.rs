//! What a refused client is told: one row per kind of refusal, plain and gRPC; and what the access log
//! says of it.

use std::sync::OnceLock;

use serde_json::json;

use super::harness::{
    Answer, Envoy, Filter, ISSUER, KeyServer, Listener, Request, Response, Signer, Site, Token,
    Upstream, configuration, eventually, fetch, key_set, now,
};

/// One Envoy for every table here.
struct Stage {
    envoy: Envoy,
    upstream: Upstream,
    keys: KeyServer,
    signer: Signer,
    port: u16,
}

impl Stage {
    /// Each refusal was counted, and logged in full.
    fn told_the_operator(&self, codes: impl Iterator<Item = &'static str>) {
        let lines = self.envoy.refusals();
        for code in codes {
            let details = format!("\"details\":\"tollgate_{code}\"");
            eventually(&format!("{details} in the access log"), || {
                self.envoy.access_log().contains(&details)
            });
            assert!(self.envoy.counter(&format!("tollgate_denied_{code}")) > 0, "{code}");
            let line = lines.iter().find(|line| line["code"] == code);
            let line = line.unwrap_or_else(|| panic!("no log line for {code}"));
            assert_eq!(line["event"], "request_denied");
            for field in ["step", "reason", "remedy", "request_id", "mode"] {
                assert!(line[field].is_string(), "{field} is missing in {line}");
            }
        }
    }
}

fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(|| {
        let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
        keys.set("/keys", Answer::json(&key_set(&[&signer])));
        let mut main = keys.provider(ISSUER, "/keys");
        main["jwks"]["cooldown"] = json!("100ms");
        let mut strict = keys.provider("https://strict.example", "/keys");
        strict["typ"] = json!(["at+jwt"]);
        strict["clients"] = json!(["client-1"]);
        strict["max_lifetime"] = json!("1h");
        let unreachable = keys.provider("https://unreachable.example", "/missing");
        let providers = json!({ "main": main, "strict": strict, "unreachable": unreachable });
        let apis = json!([
            { "name": "public", "match": { "paths": ["/public/**"] }, "auth": "none" },
            { "name": "scoped", "match": { "paths": ["/scoped/**"] }, "auth": ["main"],
              "scopes": ["write", "orders:write"] },
            { "name": "other-audience", "match": { "paths": ["/other-audience/**"] }, "auth": ["main"],
              "audiences": ["api://other"] },
            { "name": "other-client", "match": { "paths": ["/other-client/**"] }, "auth": ["main"],
              "clients": ["client-2"] },
            { "name": "cors", "match": { "paths": ["/cors/**"] }, "auth": ["main"],
              "cors_preflight": "pass" },
            { "name": "optional", "match": { "paths": ["/optional/**"] }, "auth": ["main"],
              "optional": true },
            { "name": "down", "match": { "paths": ["/down/**"] }, "auth": ["unreachable"] },
            { "name": "strict", "match": { "paths": ["/strict/**"] }, "auth": ["strict"] },
            { "name": "get-only", "match": { "paths": ["/get-only/**"], "methods": ["GET"] }, "auth": "none" },
            { "name": "main", "match": { "paths": ["/api/**"] }, "auth": ["main"] },
        ]);
        let mut all = configuration(providers, apis);
        all["realm"] = json!("gate one");
        let listener = Listener::new(&Filter::new(&all)).raw();
        let site = Site::new("answers", upstream.port()).cluster("keys", keys.port());
        let envoy = Envoy::start(&site.listener(&listener));
        Stage { envoy, upstream, keys, signer, port: listener.port }
    })
}

const MISSING: &str = r#"Bearer realm="gate one""#;
const BAD: &str = r#"Bearer realm="gate one", error="invalid_token""#;
const REQUEST: &str = r#"Bearer realm="gate one", error="invalid_request""#;
const SCOPE: &str =
    r#"Bearer realm="gate one", error="insufficient_scope", scope="write orders:write""#;

/// Status, `error`, challenge and gRPC status of a kind of refusal.
#[derive(Clone, Copy)]
struct Kind(u16, &'static str, Option<&'static str>, &'static str);

const NO_CREDENTIAL: Kind = Kind(401, "unauthorized", Some(MISSING), "16");
const BAD_CREDENTIAL: Kind = Kind(401, "invalid_token", Some(BAD), "16");
const AMBIGUOUS: Kind = Kind(400, "invalid_request", Some(REQUEST), "3");
const SMALL_SCOPE: Kind = Kind(403, "insufficient_scope", Some(SCOPE), "7");
const NO: Kind = Kind(403, "access_denied", None, "7");
const CANNOT_DECIDE: Kind = Kind(503, "temporarily_unavailable", None, "14");

#[test]
fn a_bad_token_is_told_from_a_good_one_and_the_client_learns_no_more_than_the_code() {
    let stage = stage();
    let signer = &stage.signer;
    let good = signer.sign(&Token::of("alice"));
    let parts: Vec<_> = good.split('.').collect();
    let with =
        |name: &str, value: serde_json::Value| signer.sign(&Token::of("alice").claim(name, value));
    let headed =
        |name: &str, value: serde_json::Value| signer.sign(&Token::of("alice").header(name, value));
    let null = serde_json::Value::Null;
    let later = now() + 600;

    // Everything a bearer token of `/api/…` can have wrong with it.
    let tokens = [
        ("nothing behind the scheme", String::new(), "token_malformed"),
        ("two parts", format!("{}.{}", parts[0], parts[1]), "token_malformed"),
        ("four parts", format!("{good}.x"), "token_malformed"),
        ("ten thousand dots", ".".repeat(10_000), "token_malformed"),
        ("padding", format!("{good}="), "token_malformed"),
        ("a header that is no object", signer.sign_raw("[1]", "{}"), "token_malformed"),
        ("five parts", format!("{good}.x.y"), "token_encrypted"),
        ("more than 16 KiB", with("pad", json!("x".repeat(17_000))), "token_too_large"),
        ("alg none", headed("alg", json!("none")), "token_algorithm_refused"),
        ("an HMAC", headed("alg", json!("HS256")), "token_algorithm_refused"),
        ("a critical extension", headed("crit", json!(["exp"])), "token_header_invalid"),
        (
            "a duplicate member",
            signer.sign_raw(r#"{"alg":"EdDSA","alg":"EdDSA"}"#, "{}"),
            "token_header_invalid",
        ),
        ("a kid that is a number", headed("kid", json!(7)), "token_header_invalid"),
        ("a logout token", headed("typ", json!("logout+jwt")), "token_type_refused"),
        ("an ID token", with("at_hash", json!("x")), "token_type_refused"),
        ("another issuer", with("iss", json!("https://issuer.example/")), "token_issuer_unknown"),
        ("no issuer", with("iss", null.clone()), "token_issuer_unknown"),
        ("an unknown kid", headed("kid", json!("k2")), "token_key_unknown"),
        ("another algorithm than the key's", headed("alg", json!("RS256")), "token_key_mismatch"),
        (
            "another signature",
            format!("{}.{}.{}", parts[0], parts[1], "A".repeat(86)),
            "token_signature_invalid",
        ),
        (
            "a payload that is no object",
            signer.sign_raw(r#"{"alg":"EdDSA","kid":"k1"}"#, "[]"),
            "token_claim_malformed",
        ),
        ("expired", with("exp", json!(now() - 61)), "token_expired"),
        ("no expiry", with("exp", null.clone()), "token_expiry_missing"),
        ("an expiry in words", with("exp", json!("tomorrow")), "token_claim_malformed"),
        ("not yet valid", with("nbf", json!(later)), "token_not_yet_valid"),
        ("issued in the future", with("iat", json!(later)), "token_issued_in_future"),
        ("another audience", with("aud", json!(["api://other"])), "token_audience_mismatch"),
        ("no audience", with("aud", null.clone()), "token_audience_mismatch"),
        ("a bound token", with("cnf", json!({ "jkt": "x" })), "token_binding_unsupported"),
        ("nobody", with("sub", json!("")), "identity_missing"),
        ("a number for a name", with("sub", json!(7)), "token_claim_malformed"),
    ];
    let mut secrets = Vec::new();
    for (name, token, code) in &tokens {
        check(name, &Request::get("/api/x").bearer(token), code, BAD_CREDENTIAL);
        secrets.extend(Some(token.clone()).filter(|token| token.len() > 40 && token.contains('e')));
    }
    stage.told_the_operator(tokens.iter().map(|(_, _, code)| *code));
    assert!(stage.upstream.seen("/api/x").is_empty(), "something refused went upstream");
    secrets.push(good);
    stage.envoy.assert_clean(&secrets);
}

#[test]
fn what_a_provider_asks_of_its_tokens_is_asked() {
    let stage = stage();
    let strict = |token: Token| stage.signer.sign(&token.issuer("https://strict.example"));
    let narrow = [
        (
            "a type the provider never uses",
            strict(Token::of("alice").header("typ", "JWT")),
            "token_type_refused",
        ),
        (
            "a client that is not listed",
            strict(Token::of("alice").claim("client_id", "client-2")),
            "token_client_refused",
        ),
        (
            "a long life",
            strict(Token::of("alice").claim("exp", now() + 7200)),
            "token_lifetime_exceeded",
        ),
    ];
    for (name, token, code) in &narrow {
        check(name, &Request::get("/strict/x").bearer(token), code, BAD_CREDENTIAL);
    }
    let good = strict(Token::of("alice"));
    let response = fetch(stage.port, &Request::get("/strict/good").bearer(&good));
    assert_eq!(response.status(), 200, "{}", response.text());
    stage.told_the_operator(narrow.iter().map(|(_, _, code)| *code));
    assert!(stage.upstream.seen("/strict/x").is_empty(), "something refused went upstream");
    let [a, b, c] = narrow.map(|(_, token, _)| token);
    stage.envoy.assert_clean(&[a, b, c, good]);
}

#[test]
fn every_kind_of_refusal_has_its_status_challenge_and_body() {
    let stage = stage();
    let signer = &stage.signer;
    let good = signer.sign(&Token::of("alice"));
    let get = |target: &str| Request::get(target);
    let unreachable = signer.sign(&Token::of("alice").issuer("https://unreachable.example"));
    let preflight = |path: &str| {
        Request::new("OPTIONS", path)
            .header("Origin", "https://app.example.com")
            .header("Access-Control-Request-Method", "GET")
    };
    let requests = [
        ("no credential", get("/api/x"), "credential_missing", NO_CREDENTIAL),
        (
            "an empty header",
            get("/api/x").header("Authorization", ""),
            "credential_missing",
            NO_CREDENTIAL,
        ),
        (
            "another scheme",
            get("/api/x").header("Authorization", "Basic YTpi"),
            "credential_missing",
            NO_CREDENTIAL,
        ),
        (
            "no scheme",
            get("/api/x").header("Authorization", &good),
            "credential_missing",
            NO_CREDENTIAL,
        ),
        (
            "a token in the query",
            Request::get(format!("/api/x?access_token={good}")),
            "credential_missing",
            NO_CREDENTIAL,
        ),
        (
            "OPTIONS that is no preflight",
            Request::new("OPTIONS", "/cors/x"),
            "credential_missing",
            NO_CREDENTIAL,
        ),
        (
            "a bad credential where none is needed",
            get("/optional/x").bearer("x"),
            "token_malformed",
            BAD_CREDENTIAL,
        ),
        (
            "two headers",
            get("/api/x").bearer(&good).bearer("x.y.z"),
            "credential_multiple",
            AMBIGUOUS,
        ),
        (
            "two in one header",
            get("/api/x").bearer(format!("{good}, Bearer {good}")),
            "credential_multiple",
            AMBIGUOUS,
        ),
        ("a path with dots", get("/public/../api/x"), "path_ambiguous", AMBIGUOUS),
        ("too small a scope", get("/scoped/x").bearer(&good), "scope_insufficient", SMALL_SCOPE),
        (
            "an audience of another API",
            get("/other-audience/x").bearer(&good),
            "token_audience_mismatch",
            BAD_CREDENTIAL,
        ),
        ("a client of another API", get("/other-client/x").bearer(&good), "access_denied", NO),
        ("no such API", get("/elsewhere").bearer(&good), "api_unknown", NO),
        ("no API with that method", Request::new("DELETE", "/get-only/x"), "api_unknown", NO),
        ("a preflight", preflight("/api/x"), "cors_preflight_refused", NO),
        (
            "keys that never came",
            get("/down/x").bearer(&unreachable),
            "keys_unavailable",
            CANNOT_DECIDE,
        ),
    ];
    for (name, request, code, kind) in &requests {
        check(name, request, code, *kind);
    }
    stage.told_the_operator(requests.iter().map(|(_, _, code, _)| *code));
    for path in
        ["/api/x", "/scoped/", "/other-audience/", "/other-client/", "/down/", "/get-only/x"]
    {
        assert!(stage.upstream.seen(path).is_empty(), "{path}: something refused went upstream");
    }
    stage.envoy.assert_clean(&[good, unreachable]);
}

#[test]
fn what_may_pass_without_a_credential_does_and_without_an_identity() {
    let stage = stage();
    let preflight = Request::new("OPTIONS", "/cors/preflight")
        .header("Origin", "https://app.example.com")
        .header("Access-Control-Request-Method", "GET");
    let public_preflight = Request::new("OPTIONS", "/get-only/preflight")
        .header("Origin", "https://app.example.com")
        .header("Access-Control-Request-Method", "GET");
    let cases = [
        ("a public API", Request::get("/public/free"), "/public/free"),
        ("an optional API", Request::get("/optional/free"), "/optional/free"),
        ("a preflight where preflights pass", preflight, "/cors/preflight"),
        ("a preflight for a public API's method", public_preflight, "/get-only/preflight"),
    ];
    for (name, request, path) in cases {
        let request = request.header("x-tollgate-identity", "mallory");
        let response = fetch(stage.port, &request);
        assert_eq!(response.status(), 200, "{name}: {}", response.text());
        let seen = stage.upstream.only(path);
        assert!(seen.values("x-tollgate-identity").is_empty(), "{name}: {seen:?}");
    }
    let token = stage.signer.sign(&Token::of("alice"));
    let request = Request::get("/optional/known").bearer(&token);
    assert_eq!(fetch(stage.port, &request).status(), 200);
    assert_eq!(
        stage.upstream.only("/optional/known").value("x-tollgate-identity").unwrap(),
        "alice"
    );
    stage.envoy.assert_clean(&[token]);
}

#[test]
fn the_filter_asks_for_keys_in_a_plain_encoding_and_tells_nobody_about_callers() {
    let stage = stage();
    let token = stage.signer.sign(&Token::of("alice"));
    assert_eq!(fetch(stage.port, &Request::get("/api/y").bearer(&token)).status(), 200);
    let requests = stage.keys.requests();
    assert!(!requests.is_empty());
    for request in requests {
        assert_eq!(request.value("accept-encoding").as_deref(), Some("identity"), "{request:?}");
        assert!(request.values("x-forwarded-for").is_empty(), "{request:?}");
        assert!(request.values("authorization").is_empty(), "{request:?}");
        assert_eq!(request.value("host"), Some(format!("127.0.0.1:{}", stage.keys.port())));
    }
    stage.envoy.assert_clean(&[token]);
}

/// Sends a request as it is and as gRPC, and compares all that a client can see.
fn check(name: &str, request: &Request, code: &str, Kind(status, error, challenge, grpc): Kind) {
    let port = stage().port;
    let plain = fetch(port, request);
    assert_eq!(plain.verdict(), (status, code.to_owned()), "{name}: {}", plain.text());
    let body = plain.json();
    let members: Vec<_> = body.as_object().expect("a JSON object").keys().cloned().collect();
    assert_eq!(members, ["code", "error", "error_description", "request_id"], "{name}");
    assert_eq!(body["error"], error, "{name}");
    assert_eq!(plain.header("content-type").as_deref(), Some("application/json"), "{name}");
    check_headers(name, &plain, challenge, status == 503);

    let grpc_answer = fetch(port, &request.clone().grpc());
    assert_eq!(grpc_answer.verdict(), (200, code.to_owned()), "{name}: {grpc_answer:?}");
    assert_eq!(grpc_answer.header("grpc-status").as_deref(), Some(grpc), "{name}");
    let message = grpc_answer.header("grpc-message").expect("a gRPC message");
    assert_eq!(message, body["error_description"].as_str().unwrap(), "{name}");
    assert_eq!(grpc_answer.text(), "", "{name}");
    check_headers(name, &grpc_answer, challenge, status == 503);
}

fn check_headers(name: &str, response: &Response, challenge: Option<&str>, retry: bool) {
    assert_eq!(response.headers("cache-control"), ["no-store"], "{name}");
    let challenges = response.headers("www-authenticate");
    assert_eq!(challenges, challenge.into_iter().collect::<Vec<_>>(), "{name}");
    let wait = response.header("retry-after").map(|value| value.parse::<u32>());
    match wait {
        Some(Ok(seconds)) => assert!(retry && (1..=60).contains(&seconds), "{name}: {seconds}"),
        Some(Err(_)) => panic!("{name}: Retry-After is no number"),
        None => assert!(!retry, "{name}: no Retry-After"),
    }
}
