//! Header names that a server takes for one, and identities in any letters: in a real proxy, before
//! servers that read names in their own way.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::harness::{
    Answer, Envoy, Filter, Http2, ISSUER, KeyServer, Listener, RealServer, Request, Signer, Site,
    Token, Upstream, configuration, fetch, key_set,
};

/// Every byte that may stand in a name (RFC 9110 §5.6.2) and is neither letter nor digit.
const SEPARATORS: &[u8] = b"-._~!#$%&'*+^`|";

/// The spellings of a name in which one separator stands for each `-`, or the first one alone.
fn spellings(name: &str) -> Vec<String> {
    let each = |by: &u8| {
        let by = char::from(*by).to_string();
        [name.replace('-', &by), name.replacen('-', &by, 1)]
    };
    SEPARATORS.iter().flat_map(each).collect()
}

#[test]
fn no_spelling_of_the_identity_reaches_a_cgi_or_an_application() {
    let (lighttpd, wsgi) = (RealServer::lighttpd("headers-ours"), RealServer::wsgi("headers-ours"));
    let apis = json!([{ "name": "open", "auth": "none" }]);
    let listener =
        Listener::new(&Filter::new(&configuration(json!({}), apis))).raw().routes(json!([
            { "match": { "path": "/env" }, "route": { "cluster": "lighttpd" } },
            { "match": { "prefix": "/" }, "route": { "cluster": "wsgi" } },
        ]));
    let site = Site::new("headers-ours", wsgi.port())
        .cluster("wsgi", wsgi.port())
        .cluster("lighttpd", lighttpd.port());
    let envoy = Envoy::start(&site.listener(&listener));
    let mut client = Http2::open(listener.port);
    for path in ["/env", "/"] {
        for name in spellings("x-tollgate-identity").iter().chain(&spellings("x-tollgate-any")) {
            let request = Request::get(path).header(name, "mallory").header("x.other", "stays");
            let answers = [fetch(listener.port, &request), client.fetch(&request)];
            for answer in answers {
                assert_eq!(answer.status(), 200, "{name} to {path}: {}", answer.text());
                assert!(!answer.text().contains("mallory"), "{name} to {path}: {}", answer.text());
                assert!(answer.text().contains("stays"), "{name} to {path}: {}", answer.text());
            }
        }
    }
    // What the server itself makes of such a name.
    let request = Request::get("/env").header("x.tollgates.identity", "1");
    let environment = fetch(listener.port, &request).text();
    assert!(environment.lines().any(|line| line == "HTTP_X_TOLLGATES_IDENTITY=1"), "{environment}");
    envoy.assert_clean::<&str>(&[]);
}

#[test]
fn no_forged_credential_stands_beside_the_one_that_is_verified() {
    let (lighttpd, wsgi) = (RealServer::lighttpd("headers-read"), RealServer::wsgi("headers-read"));
    let (keys, signer) = (KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    let provider = |issuer: &str, credential: &str| {
        let mut provider = keys.provider(issuer, "/keys");
        provider["from"] = json!([{ "header": "x-token" }]);
        provider["upstream"] = json!({ "credential": credential });
        provider
    };
    let keep = "https://keep.example";
    let providers = json!({ "strip": provider(ISSUER, "strip"), "keep": provider(keep, "keep") });
    let apis = json!([
        { "name": "strip", "match": { "hosts": ["strip.example"] }, "auth": ["strip"] },
        { "name": "keep", "match": { "hosts": ["keep.example"] }, "auth": ["keep"] },
        { "name": "open", "auth": "none" },
    ]);
    let filter = Filter::new(&configuration(providers, apis));
    let listener = Listener::new(&filter).raw().routes(json!([
        { "match": { "path": "/env" }, "route": { "cluster": "lighttpd" } },
        { "match": { "prefix": "/" }, "route": { "cluster": "wsgi" } },
    ]));
    let site = Site::new("headers-read", wsgi.port())
        .cluster("wsgi", wsgi.port())
        .cluster("lighttpd", lighttpd.port())
        .cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener));
    let good = [ISSUER, keep].map(|issuer| signer.sign(&Token::of("alice").issuer(issuer)));
    for path in ["/env", "/"] {
        let hosts = [("strip.example", &good[0]), ("keep.example", &good[1])];
        for (host, token) in hosts.into_iter().chain([("open.example", &good[0])]) {
            for name in spellings("x-token").iter().filter(|name| *name != "x-token") {
                let request = Request::get(path).host(host).header("x-token", token);
                let answer = fetch(listener.port, &request.header(name, "forged"));
                assert_eq!(answer.status(), 200, "{name} to {host}: {}", answer.text());
                let text = answer.text();
                assert!(!text.contains("forged"), "{name} to {host}{path}: {text}");
                // On a public API nobody reads it, so nobody takes it away.
                let exact = text.lines().any(|line| line == format!("HTTP_X_TOKEN={token}"));
                assert_eq!(exact, host != "strip.example", "{name} to {host}{path}: {text}");
            }
        }
    }
    envoy.assert_clean(&good);
}

#[test]
fn an_identity_in_any_letters_arrives_as_its_utf8() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    let provider = keys.provider(ISSUER, "/keys");
    let rich = "https://rich.example";
    let mut forms = keys.provider(rich, "/keys");
    forms["upstream"] = json!({ "headers": {
        "x-plain": "v", "x-text": { "claim": "v", "as": "text" },
        "x-csv": { "claim": "v", "as": "csv" }, "x-json": { "claim": "v", "as": "json" },
        "x-base64url": { "claim": "v", "as": "base64url" },
    } });
    let providers = json!({ "main": provider, "forms": forms });
    let filter = Filter::new(&configuration(providers, json!(null)));
    let listener = Listener::new(&filter);
    let site = Site::new("headers-identity", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener));
    let long = "\u{e9}".repeat(4_500);
    for (place, identity) in
        ["alice", "jos\u{e9}", "\u{5f20}\u{4e09}", "\u{1f600}\u{10ffff}", "a\u{a0}b", &long]
            .into_iter()
            .enumerate()
    {
        let path = format!("/good/{place}");
        let token = signer.sign(&Token::of(identity));
        let response = fetch(listener.port, &Request::get(&path).bearer(&token));
        assert_eq!(response.status(), 200, "{identity}: {}", response.text());
        let seen = upstream.only(&path);
        let found: Vec<_> =
            seen.headers.iter().filter(|(name, _)| name == "x-tollgate-identity").collect();
        assert_eq!(found.len(), 1, "{identity}");
        assert_eq!(found[0].1, identity.as_bytes(), "{identity}");
    }
    for identity in ["a\nb", "a\u{7f}", "a\u{85}b", " a", "a\u{a0}", "\u{3000}a"] {
        let token = signer.sign(&Token::of(identity));
        let response = fetch(listener.port, &Request::get("/bad").bearer(&token));
        assert_eq!(response.verdict(), (401, "token_claim_malformed".into()), "{identity:?}");
    }
    assert!(upstream.seen("/bad").is_empty());
    let value = json!([{ "a": "jos\u{e9}, \u{5f20}" }, "\u{1f600}", "\u{7f}"]);
    let compact = r#"[{"a":"jos\u00e9, \u5f20"},"\ud83d\ude00","\u007f"]"#;
    let token = signer.sign(&Token::of("alice").issuer(rich).claim("v", value));
    let response = fetch(listener.port, &Request::get("/forms").bearer(&token));
    assert_eq!(response.status(), 200, "{}", response.text());
    let seen = upstream.only("/forms");
    assert_eq!(seen.values("x-json"), [compact]);
    assert_eq!(seen.values("x-base64url"), [URL_SAFE_NO_PAD.encode(compact)]);
    assert!(["x-plain", "x-text", "x-csv"].iter().all(|name| seen.values(name).is_empty()));
    envoy.assert_clean(&[token]);
}

/// Removed in both directions, in one pass: the test of tests/headers.rs says why that matters.
#[test]
fn fifteen_thousand_names_of_ours_are_removed() {
    const MANY: usize = 15_000;
    let upstream = Upstream::start();
    let names: Vec<_> = (0..MANY).map(|number| format!("x-tollgate-{number}")).collect();
    let sent: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
    upstream.answer_with(&sent);
    let apis = json!([{ "name": "open", "auth": "none" }]);
    let filter = Filter::new(&configuration(json!({}), apis));
    let listener = Listener::new(&filter).many_headers();
    let site = Site::new("headers-many", upstream.port()).many_headers().wasm_log("info");
    let envoy = Envoy::start(&site.listener(&listener));
    let many = names.iter().fold(Request::get("/many"), |all, name| all.header(name, "1"));
    let answer = fetch(listener.port, &many.header("x-other", "stays"));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert!(!answer.has_field_starting("x-tollgate"));
    let seen = upstream.only("/many");
    assert_eq!(seen.values("x-other"), ["stays"]);
    assert!(!seen.headers.iter().any(|(name, _)| name.starts_with("x-tollgate")));
    envoy.assert_clean::<&str>(&[]);
}
