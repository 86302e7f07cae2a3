//! API keys, and credentials in the query and in cookies: what goes upstream is what the client
//! sent, but for the credential.

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::harness::{
    Answer, Envoy, Filter, ISSUER, KeyServer, Listener, Request, Signer, Site, Token, Upstream,
    configuration, fetch, key_set, now,
};

const APP: &str = "https://app.example.com";
const KEEP: &str = "https://keep.example";

/// One Envoy for every test here but the last.
struct Stage {
    envoy: Envoy,
    upstream: Upstream,
    signer: Signer,
    port: u16,
    /// Asked for keys as long as the tests run.
    _keys: KeyServer,
}

impl Stage {
    fn token(&self, issuer: &str) -> String {
        self.signer.sign(&Token::of("alice").issuer(issuer))
    }
}

fn sha256(key: &str) -> String {
    Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(|| {
        let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
        keys.set("/keys", Answer::json(&key_set(&[&signer])));
        let from = json!([
            { "header": "authorization" }, { "query": "access_token" },
            { "cookie": "session", "origins": [APP] },
        ]);
        let mut main = keys.provider(ISSUER, "/keys");
        main["from"] = from.clone();
        let mut keep = keys.provider(KEEP, "/keys");
        keep["from"] = from;
        keep["upstream"] = json!({ "credential": "keep" });
        let key = |name: &str| json!({ "name": name, "sha256": sha256(&secret(name)), "identity": "acme" });
        let (mut off, mut over) = (key("off"), key("over"));
        off["active"] = json!(false);
        over["expires"] = json!("2020-01-01T00:00:00Z");
        let partner = json!({
            "kind": "api_key", "from": [{ "header": "x-api-key" }, { "query": "key" }],
            "keys": [key("first"), key("second"), off, over],
        });
        let providers = json!({ "main": main, "keep": keep, "partner": partner });
        let apis = json!([
            { "name": "tokens", "match": { "paths": ["/tokens/**"] }, "auth": ["main"] },
            { "name": "kept", "match": { "paths": ["/kept/**"] }, "auth": ["keep"] },
            { "name": "keys", "match": { "paths": ["/keys/**"] }, "auth": ["partner"] },
            { "name": "both", "match": { "paths": ["/both/**"] }, "auth": [["partner", "main"]],
              "session_from": "main" },
        ]);
        let listener = Listener::new(&Filter::new(&configuration(providers, apis)));
        let site = Site::new("credentials", upstream.port()).cluster("keys", keys.port());
        let envoy = Envoy::start(&site.listener(&listener));
        Stage { envoy, upstream, signer, port: listener.port, _keys: keys }
    })
}

/// The API key of this name.
fn secret(name: &str) -> String {
    format!("the secret key that is called {name}")
}

#[test]
fn a_parameter_is_cut_out_and_every_other_byte_goes_upstream() {
    let stage = stage();
    let token = stage.token(ISSUER);
    let cases = [
        ("/tokens/q1", "?access_token=%", ""),
        ("/tokens/q2", "?a=1&access_token=%&b=2", "?a=1&b=2"),
        ("/tokens/q3", "?a&access_token=%&&b=~20+~2B&c", "?a&&b=~20+~2B&c"),
        ("/tokens/q4", "?access~5Ftoken=%&a=access_token", "?a=access_token"),
        ("/tokens/q5", "?a=~2561;access_token=1&access_token=%&", "?a=~2561;access_token=1&"),
    ];
    // In the table `%` is the token, and `~` is a percent sign.
    for (path, query, expected) in cases {
        let query = query.replace('%', "\0").replace('~', "%").replace('\0', &token);
        let response = fetch(stage.port, &Request::get(format!("{path}{query}")));
        assert_eq!(response.status(), 200, "{path}: {}", response.text());
        let seen = stage.upstream.only(path);
        assert_eq!(seen.start, format!("GET {path}{} HTTP/1.1", expected.replace('~', "%")));
        assert_eq!(seen.values("x-tollgate-identity"), ["alice"], "{path}");
    }
    let refused = [
        (
            "twice",
            format!("?access_token={token}&access_token={token}"),
            400,
            "credential_multiple",
        ),
        (
            "twice, once escaped",
            format!("?access_token={token}&access%5ftoken=x"),
            400,
            "credential_multiple",
        ),
        ("bad", "?access_token=x".to_owned(), 401, "token_malformed"),
        ("empty", "?access_token=".to_owned(), 401, "credential_missing"),
    ];
    for (name, query, status, code) in refused {
        let response = fetch(stage.port, &Request::get(format!("/tokens/q9{query}")));
        assert_eq!(response.verdict(), (status, code.to_owned()), "{name}");
    }
    let both = Request::get(format!("/tokens/q9?access_token={token}")).bearer(&token);
    assert_eq!(fetch(stage.port, &both).verdict(), (400, "credential_multiple".to_owned()));
    assert!(stage.upstream.seen("/tokens/q9").is_empty());

    let kept = stage.token(KEEP);
    let query = format!("/kept/q?a&access_token={kept}");
    assert_eq!(fetch(stage.port, &Request::get(&query)).status(), 200);
    assert_eq!(stage.upstream.only("/kept/q").start, format!("GET {query} HTTP/1.1"));
    stage.envoy.assert_clean(&[token, kept]);
}

#[test]
fn a_cookie_is_taken_out_alone_and_changes_nothing_for_strangers() {
    let stage = stage();
    let token = stage.token(ISSUER);
    let cases: [(&str, &[&str], &[&str]); 4] = [
        ("/tokens/c1", &["session=%"], &[]),
        ("/tokens/c2", &["a=1; session=%; session2=b"], &["a=1; session2=b"]),
        ("/tokens/c3", &["a=1", "session=%"], &["a=1"]),
        ("/tokens/c4", &["session=%; a=\"x\"", "b=session=1"], &["a=\"x\"; b=session=1"]),
    ];
    for (path, cookies, expected) in cases {
        let with =
            |request: Request, cookie: &&str| request.header("Cookie", cookie.replace('%', &token));
        let request = cookies.iter().fold(Request::get(path), with);
        let response = fetch(stage.port, &request);
        assert_eq!(response.status(), 200, "{path}: {}", response.text());
        let seen = stage.upstream.only(path);
        assert_eq!(seen.values("cookie"), *expected, "{path}");
        assert_eq!(seen.values("x-tollgate-identity"), ["alice"], "{path}");
    }
    let cookie = format!("session={token}");
    let post = || Request::new("POST", "/tokens/post").header("Cookie", &cookie).body("x");
    let upgrade = || {
        Request::get("/tokens/upgrade")
            .header("Cookie", &cookie)
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
    };
    let strangers = [
        ("a POST from nowhere", post()),
        ("a POST from elsewhere", post().header("Origin", "https://evil.example")),
        ("an upgrade from nowhere", upgrade()),
        ("an upgrade from elsewhere", upgrade().header("Origin", "https://evil.example")),
    ];
    for (name, request) in strangers {
        let verdict = fetch(stage.port, &request).verdict();
        assert_eq!(verdict, (403, "origin_refused".to_owned()), "{name}");
    }
    assert!(stage.upstream.seen("/tokens/post").is_empty());
    assert!(stage.upstream.seen("/tokens/upgrade").is_empty());
    assert_eq!(fetch(stage.port, &post().header("Origin", APP)).status(), 200);
    assert!(stage.upstream.only("/tokens/post").values("cookie").is_empty());
    // The upstream does not speak WebSocket; that it was asked is enough.
    fetch(stage.port, &upgrade().header("Origin", APP));
    assert!(stage.upstream.only("/tokens/upgrade").values("cookie").is_empty());
    stage.envoy.assert_clean(&[token]);
}

#[test]
fn an_api_key_lets_its_owner_in_and_never_shows_up_anywhere() {
    let stage = stage();
    let bad = r#"ApiKey realm="api", error="invalid_token""#;
    let get = |path: &str, key: &str| Request::get(path).header("X-Api-Key", secret(key));
    for (path, key) in [("/keys/1", "first"), ("/keys/2", "second")] {
        let response = fetch(stage.port, &get(path, key));
        assert_eq!(response.status(), 200, "{path}: {}", response.text());
        let seen = stage.upstream.only(path);
        assert!(seen.values("x-api-key").is_empty(), "{path}");
        assert_eq!(seen.values("x-tollgate-identity"), ["acme"], "{path}");
        assert_eq!(seen.values("x-tollgate-provider"), ["partner"], "{path}");
    }
    let query = format!("/keys/3?a&key={}", secret("first").replace(' ', "%20"));
    assert_eq!(fetch(stage.port, &Request::get(query)).status(), 200);
    assert_eq!(stage.upstream.only("/keys/3").start, "GET /keys/3?a HTTP/1.1");

    let token = stage.token(ISSUER);
    let doubled = get("/keys/9", "first").header("X-Api-Key", secret("second"));
    let refused = [
        ("a key of nobody", get("/keys/9", "third"), 401, "key_unknown", Some(bad)),
        ("a key that is over", get("/keys/9", "over"), 401, "key_expired", Some(bad)),
        ("a key that is off", get("/keys/9", "off"), 403, "key_inactive", None),
        (
            "two keys",
            doubled,
            400,
            "credential_multiple",
            Some(r#"ApiKey realm="api", error="invalid_request""#),
        ),
        (
            "no key",
            Request::get("/keys/9"),
            401,
            "credential_missing",
            Some(r#"ApiKey realm="api""#),
        ),
        (
            "a token",
            Request::get("/keys/9").bearer(&token),
            401,
            "credential_missing",
            Some(r#"ApiKey realm="api""#),
        ),
        (
            "a key alone where both must vouch",
            get("/both/9", "first"),
            401,
            "credential_missing",
            Some(r#"Bearer realm="api""#),
        ),
        (
            "a token alone",
            Request::get("/both/9").bearer(&token),
            401,
            "credential_missing",
            Some(r#"Bearer realm="api""#),
        ),
        (
            "a bad key beside a good token",
            get("/both/9", "third").bearer(&token),
            401,
            "key_unknown",
            Some(bad),
        ),
    ];
    for (name, request, status, code, challenge) in refused {
        let response = fetch(stage.port, &request);
        assert_eq!(response.verdict(), (status, code.to_owned()), "{name}");
        assert_eq!(response.header("www-authenticate").as_deref(), challenge, "{name}");
    }
    assert!(stage.upstream.seen("/keys/9").is_empty() && stage.upstream.seen("/both/9").is_empty());
    let lines = stage.envoy.refusals();
    for (code, key) in [("key_expired", "over"), ("key_inactive", "off")] {
        assert!(lines.iter().any(|line| line["code"] == code && line["key"] == key), "{code}");
    }

    // Where both vouch, the session is the token's.
    let response = fetch(stage.port, &get("/both/1", "first").bearer(&token));
    assert_eq!(response.status(), 200, "{}", response.text());
    let seen = stage.upstream.only("/both/1");
    assert_eq!(seen.values("x-tollgate-identity"), ["alice"]);
    assert_eq!(seen.values("x-tollgate-provider"), ["main"]);
    assert!(seen.values("x-api-key").is_empty() && seen.values("authorization").is_empty());
    let names = ["first", "second", "third", "off", "over"];
    let secrets = names.iter().flat_map(|name| [secret(name), secret(name).replace(' ', "%20")]);
    stage.envoy.assert_clean(&[token].into_iter().chain(secrets).collect::<Vec<_>>());
}

#[test]
fn a_secret_comes_from_the_environment_of_the_vm() {
    let upstream = Upstream::start();
    let secret = "a secret of no less than thirty-two bytes";
    let providers = json!({ "main": {
        "issuer": ISSUER, "audiences": ["api://default"], "algorithms": ["HS256"],
        "secret": { "env": "MAIN_SECRET" },
    } });
    let all = configuration(providers, Value::Null);
    let listener = Listener::new(&Filter::new(&all).variable("MAIN_SECRET", secret));
    let envoy = Envoy::start(&Site::new("environment", upstream.port()).listener(&listener));
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims =
        json!({ "iss": ISSUER, "aud": "api://default", "sub": "alice", "exp": now() + 600 });
    let signed = format!("{}.{}", part(json!({ "alg": "HS256" })), part(claims));
    let sign = |secret: &str| {
        let mut mac = hmac::Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    };
    let (good, bad) = (sign(secret), sign("another secret that is as long as the other"));
    assert_eq!(fetch(listener.port, &Request::get("/good").bearer(&good)).status(), 200);
    assert_eq!(upstream.only("/good").values("x-tollgate-identity"), ["alice"]);
    let response = fetch(listener.port, &Request::get("/bad").bearer(&bad));
    assert_eq!(response.verdict(), (401, "token_signature_invalid".to_owned()));
    envoy.assert_clean(&[good, bad, secret.to_owned()]);

    let without = Listener::new(&Filter::new(&all));
    let (code, said) =
        super::harness::validate(&Site::new("no-environment", upstream.port()).listener(&without));
    assert_ne!(code, 0, "{said}");
    let problem = "providers.main.secret.env: the VM's environment has no variable `MAIN_SECRET`";
    assert!(said.contains(problem), "{said}");
}
