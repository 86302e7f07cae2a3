//! The access log's own word for every code that a request can be made to be refused with.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::harness::{
    Answer, Envoy, Filter, Http2, ISSUER, KeyServer, Listener, Request, Signer, Site, Token,
    Upstream, configuration, eventually, fetch, key_set, now,
};
use tollgate::verdict::Deny;

/// Codes that no row here leads to, and why.
const ELSEWHERE: [(&str, &str); 8] = [
    ("internal", "a defect, or a proxy that does not show a request's headers"),
    ("introspection_unavailable", "the tests of introspection take a real provider away"),
    ("limit_contention", "64 lost writes in a row"),
    ("limits_unavailable", "the tests of limits that proxies share take their service away"),
    ("overloaded", "only_so_many_requests_wait_and_only_so_long reads the access log for it"),
    ("session_missing", "a defect"),
    ("token_inactive", "the tests of introspection ask a real provider"),
    ("verify_budget", "a flood of forged signatures within a second"),
];

/// The key of a list of API keys: its name is the key.
fn key(name: &str, more: Value) -> Value {
    let hash: String = Sha256::digest(name).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut key = json!({ "name": name, "sha256": hash, "identity": name });
    key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    key
}

/// APIs by name, each at the path of its name: what is said of them besides, and who vouches.
fn apis() -> Value {
    let apis = [
        ("plain", "main", json!({})),
        ("strict", "strict", json!({})),
        ("keys", "partner", json!({})),
        ("cookies", "cookies", json!({})),
        ("away", "away", json!({})),
        ("brief", "brief", json!({})),
        ("scopes", "main", json!({ "scopes": ["orders:write"] })),
        ("claims", "main", json!({ "require": [{ "claim": "roles", "contains_any": ["staff"] }] })),
        ("clients", "main", json!({ "clients": ["another"] })),
        ("policies", "main", json!({ "policies": { "by_scope": { "none-such": ["idle"] } } })),
        ("named", "main", json!({ "policies": { "default": ["idle"], "from_claim": true } })),
        ("idle", "main", json!({ "policies": { "default": ["idle"] } })),
        ("short", "main", json!({ "policies": { "default": ["short"] } })),
        ("rate", "main", json!({ "policies": { "default": ["rate"] } })),
        ("quota", "main", json!({ "policies": { "default": ["quota"] } })),
        ("by-org", "main", json!({ "policies": { "default": ["by-org"] } })),
        ("tools", "main", json!({ "mcp": { "legacy": "refuse" } })),
    ];
    let apis = apis.into_iter().map(|(name, provider, more)| {
        let mut api = json!({ "name": name, "match": { "paths": [format!("/{name}/**")] },
                              "auth": [provider] });
        api.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        api
    });
    // Two that have the filter look at hosts and methods.
    let looking = json!([
        { "name": "hosts", "match": { "hosts": ["hosts.example.com"] }, "auth": "none" },
        { "name": "methods", "match": { "paths": ["/methods"], "methods": ["GET"] }, "auth": "none" },
    ]);
    apis.chain(looking.as_array().unwrap().clone()).collect()
}

fn filter(keys: &KeyServer) -> Value {
    let provider = |issuer: &str, path: &str| keys.provider(issuer, path);
    let mut main = provider(ISSUER, "/keys");
    main["claims"] = json!({ "policies": ["pol"] });
    main["jwks"]["cooldown"] = json!("100ms");
    let mut strict = provider("https://strict.example", "/keys");
    strict["clients"] = json!(["client-1"]);
    strict["max_lifetime"] = json!("1h");
    strict["require"] = json!([{ "claim": "department", "in": ["eng"] }]);
    let mut cookies = provider("https://cookies.example", "/keys");
    cookies["from"] = json!([{ "cookie": "session", "origins": ["https://app.example.com"] }]);
    let mut brief = provider("https://brief.example", "/brief");
    for (name, time) in [("refresh", "100ms"), ("cooldown", "100ms"), ("max_stale", "300ms")] {
        brief["jwks"][name] = json!(time);
    }
    let partner = json!({ "kind": "api_key", "from": [{ "header": "x-api-key" }], "keys": [
        key("good", json!({})), key("off", json!({ "active": false })),
        key("over", json!({ "expires": "2020-01-01T00:00:00Z" })),
    ] });
    let providers = json!({
        "main": main, "strict": strict, "partner": partner, "cookies": cookies, "brief": brief,
        "away": provider("https://away.example", "/missing"),
    });
    let mut all = configuration(providers, apis());
    let one = |per: &str| json!({ "requests": 1, "per": per });
    all["policies"] = json!({
        "idle": { "active": false }, "short": { "expires_after": "1m" },
        "rate": { "rate": one("1h") }, "quota": { "quota": one("1d") },
        "by-org": { "rate": one("1h"), "limit_by": { "claim": "org" } },
    });
    all["limits"] = json!({ "capacity": 8 });
    all["revoked"] = json!({ "entries": [{ "provider": "main", "jti": "revoked" }] });
    all
}

#[test]
fn the_access_log_names_the_code_of_every_refusal() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    let set = key_set(&[&signer]);
    keys.set("/keys", Answer::json(&set));
    keys.set("/brief", Answer::json(&set));
    let all = filter(&keys);
    let mut waiting = all.clone();
    waiting["revoked"] = json!({ "url": keys.url("/no-list"), "cluster": "keys" });
    let listener = Listener::new(&Filter::new(&all)).raw();
    let without_list = Listener::new(&Filter::new(&waiting).root_id("another")).raw();
    let site = Site::new("access-log", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener).listener(&without_list));

    let sign = |token: Token| signer.sign(&token);
    let alice = || Token::of("alice");
    let of = |issuer: &str| alice().issuer(issuer).claim("department", "eng");
    let with = |name: &str, value: Value| sign(alice().claim(name, value));
    let headed = |name: &str, value: Value| sign(alice().header(name, value));
    let get = |path: &str| Request::get(path);
    let plain = |token: String| Request::get("/plain/x").bearer(token);
    let good = sign(alice());
    let forged = format!("{}A", good.get(..good.len() - 1).unwrap());
    let forged =
        if forged == good { format!("{}Q", good.get(..good.len() - 1).unwrap()) } else { forged };
    let brief = sign(of("https://brief.example"));
    let served = |path: &str, token: &str| {
        eventually(&format!("{path} to be served"), || {
            fetch(listener.port, &Request::get(path).bearer(token)).status() == 200
        });
    };
    served("/plain/warm", &good);
    served("/brief/warm", &brief);
    served("/rate/warm", &good);
    served("/quota/warm", &good);
    keys.set("/brief", Answer::new(503, "text/plain", "away"));
    eventually("the keys to be too old", || {
        fetch(listener.port, &Request::get("/brief/old").bearer(&brief)).code() == "keys_stale"
    });
    // As many subjects with running limits as there is room for.
    let crowd = |number: u32| {
        let token = sign(Token::of(&format!("somebody-{number}")));
        fetch(listener.port, &Request::get("/rate/crowd").bearer(token)).code()
    };
    assert!((0..9).any(|number| crowd(number) == "limit_store_full"));

    let strict = |token: Token| Request::get("/strict/x").bearer(sign(token));
    let from_cookie = format!("session={}", sign(of("https://cookies.example")));
    let preflight = Request::new("OPTIONS", "/plain/x")
        .header("Origin", "https://app.example.com")
        .header("Access-Control-Request-Method", "GET");
    let old = alice().claim("iat", now() - 500).claim("auth_time", now() - 500);
    let rows = [
        ("access_denied", get("/clients/x").bearer(&good)),
        ("api_unknown", get("/nowhere")),
        ("claim_insufficient", get("/claims/x").bearer(&good)),
        ("cors_preflight_refused", preflight),
        ("credential_missing", get("/plain/x")),
        ("credential_multiple", get("/plain/x").bearer(&good).bearer("x.y.z")),
        ("host_ambiguous", get("/plain/x").host("api.example.com:abc")),
        ("identity_missing", plain(with("sub", json!("")))),
        ("key_expired", get("/keys/x").header("x-api-key", "over")),
        ("key_inactive", get("/keys/x").header("x-api-key", "off")),
        ("key_unknown", get("/keys/x").header("x-api-key", "nobody's")),
        ("keys_stale", get("/brief/x").bearer(&brief)),
        ("keys_unavailable", get("/away/x").bearer(sign(of("https://away.example")))),
        ("limit_key_missing", get("/by-org/x").bearer(&good)),
        (
            "mcp_header_invalid",
            get("/tools/x").header("mcp-protocol-version", "2026-07-28").bearer(&good),
        ),
        ("mcp_version_refused", get("/tools/x").bearer(&good)),
        (
            "origin_refused",
            Request::new("POST", "/cookies/x").header("Cookie", from_cookie).body(""),
        ),
        ("path_ambiguous", get("/plain/../x")),
        ("policy_none", get("/policies/x").bearer(&good)),
        ("policy_unknown", get("/named/x").bearer(with("pol", json!(["none-such"])))),
        ("quota_exceeded", get("/quota/x").bearer(&good)),
        ("rate_limited", get("/rate/x").bearer(&good)),
        ("scope_insufficient", get("/scopes/x").bearer(&good)),
        ("session_expired", get("/short/x").bearer(sign(old))),
        ("session_inactive", get("/idle/x").bearer(&good)),
        ("token_algorithm_refused", plain(headed("alg", json!("none")))),
        ("token_audience_mismatch", plain(with("aud", json!("another")))),
        ("token_binding_unsupported", plain(with("cnf", json!({ "jkt": "x" })))),
        ("token_claim_malformed", plain(with("exp", json!("tomorrow")))),
        ("token_claim_refused", strict(of("https://strict.example").claim("department", "ops"))),
        (
            "token_client_refused",
            strict(of("https://strict.example").claim("client_id", "client-2")),
        ),
        ("token_encrypted", plain(format!("{good}.x.y"))),
        ("token_expired", plain(with("exp", json!(now() - 61)))),
        ("token_expiry_missing", plain(with("exp", Value::Null))),
        ("token_header_invalid", plain(headed("crit", json!(["exp"])))),
        ("token_issued_in_future", plain(with("iat", json!(now() + 600)))),
        ("token_issuer_unknown", plain(with("iss", json!("https://other.example")))),
        ("token_key_mismatch", plain(headed("alg", json!("RS256")))),
        ("token_key_unknown", plain(headed("kid", json!("k2")))),
        (
            "token_lifetime_exceeded",
            strict(of("https://strict.example").claim("exp", now() + 7200)),
        ),
        ("token_malformed", plain("x".to_owned())),
        ("token_not_yet_valid", plain(with("nbf", json!(now() + 600)))),
        ("token_revoked", plain(with("jti", json!("revoked")))),
        ("token_signature_invalid", plain(forged)),
        ("token_too_large", plain("a.".repeat(9_000))),
        ("token_type_refused", plain(with("at_hash", json!("x")))),
    ];
    for (code, request) in &rows {
        let response = fetch(listener.port, request);
        assert_eq!(response.code(), *code, "{response:?}, {}", response.text());
    }
    let response = fetch(without_list.port, &get("/plain/x").bearer(&good));
    assert_eq!(response.code(), "revocations_stale", "{response:?}");
    // Envoy itself refuses such a method on HTTP/1.
    let response = Http2::open(listener.port).fetch(&Request::new("get", "/plain/x"));
    assert_eq!(response.code(), "method_ambiguous", "{response:?}");

    let mut expected: BTreeSet<_> = rows.iter().map(|(code, _)| *code).collect();
    expected.extend(["limit_store_full", "method_ambiguous", "revocations_stale"]);
    for code in &expected {
        let entry = format!("\"details\":\"tollgate_{code}\"");
        eventually(&format!("{entry} in the access log"), || envoy.access_log().contains(&entry));
    }
    expected.extend(ELSEWHERE.map(|(code, _)| code));
    // What a login comes to is in the access log of tests/e2e/login.rs.
    let is_of_login = |code: &&str| code.starts_with("log") || *code == Deny::BodyUnreadable.code();
    let all = Deny::ALL.iter().map(|deny| deny.code());
    let all: BTreeSet<_> = all.filter(|code| !is_of_login(code)).collect();
    assert_eq!(expected, all, "every code is told here, or why not");
    envoy.assert_clean(&[good, brief]);
}
