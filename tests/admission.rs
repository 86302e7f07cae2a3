//! What becomes of a request, by rule: credentials, branches, APIs, answers and what goes upstream.

mod support;

use serde_json::{Value, json};
use support::token::{AUDIENCE, ISSUER, NOW, Signer, Token};
use support::world::{CONFIG, Worker, World, head, upstream};
use tollgate::config::Config;
use tollgate::engine::{Engine, line};
use tollgate::event::{Event, Section};
use tollgate::http::Fields;

const PARTNER: &str = "https://partner.example.com";

/// A provider whose keys stand in the configuration.
fn provider(issuer: &str, signer: &Signer) -> Value {
    json!({
        "issuer": issuer, "audiences": [AUDIENCE],
        "jwks": { "inline": { "keys": [signer.jwk()] } },
    })
}

/// Two providers, each with a header and a key of its own, and these APIs.
fn two_providers(apis: Value) -> String {
    let mut partner = provider(PARTNER, &Signer::new("p1"));
    partner["from"] = json!([{ "header": "x-partner" }]);
    let idp = provider(ISSUER, &Signer::new("k1"));
    json!({ "providers": { "idp": idp, "partner": partner }, "apis": apis }).to_string()
}

/// One provider, and whatever else the configuration sets in it.
fn one_provider(settings: &Value) -> String {
    let mut idp = provider(ISSUER, &Signer::new("k1"));
    for (name, value) in settings.as_object().unwrap() {
        idp[name] = value.clone();
    }
    json!({ "providers": { "idp": idp } }).to_string()
}

fn idp_token() -> String {
    Signer::new("k1").sign(&Token::for_identity("alice"))
}

fn partner_token() -> String {
    Signer::new("p1").sign(&Token::for_identity("acme").claim("iss", PARTNER))
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[test]
fn branches_are_tried_in_order_and_a_bad_credential_refuses_them_all() {
    let (idp, partner) = (bearer(&idp_token()), partner_token());
    let bad = Signer::new("k1").sign(&Token::for_identity("alice").claim("exp", NOW - 100));
    let bad = bearer(&bad);
    let stranger =
        bearer(&Signer::new("k1").sign(&Token::for_identity("a").claim("iss", "https://x")));
    let as_idp = partner_token();
    let as_idp = bearer(&as_idp);
    let either = json!([["partner"], ["idp"]]);
    let both = json!([["partner", "idp"]]);
    let cases = [
        // name, auth, authorization, x-partner, verdict, identity
        ("either: the first", &either, None, Some(&partner), "forwarded", "acme"),
        ("either: the second", &either, Some(&idp), None, "forwarded", "alice"),
        ("either: both, the first wins", &either, Some(&idp), Some(&partner), "forwarded", "acme"),
        ("either: neither", &either, None, None, "credential_missing", ""),
        ("either: good and bad", &either, Some(&bad), Some(&partner), "token_expired", ""),
        ("either: an issuer of nobody", &either, Some(&stranger), None, "token_issuer_unknown", ""),
        ("either: one of the other's", &either, Some(&as_idp), None, "credential_missing", ""),
        ("both: both", &both, Some(&idp), Some(&partner), "forwarded", "alice"),
        ("both: one alone", &both, Some(&idp), None, "credential_missing", ""),
        ("both: the other alone", &both, None, Some(&partner), "credential_missing", ""),
        ("both: one bad", &both, Some(&bad), Some(&partner), "token_expired", ""),
    ];
    for (name, auth, authorization, x_partner, verdict, identity) in cases {
        let world = World::default();
        let mut api = json!({ "name": "all", "auth": auth });
        if auth == &both {
            api["session_from"] = "idp".into();
        }
        let mut worker = Worker::new(&world, &two_providers(json!([api])));
        let mut headers = Vec::new();
        headers.extend(authorization.map(|value| ("authorization", value.as_str())));
        headers.extend(x_partner.map(|value| ("x-partner", value.as_str())));
        let stream = worker.request(head("GET", "/", &headers));
        assert_eq!(worker.verdict(stream), verdict, "{name}");
        let noted = worker.notes.get(&(stream, "tollgate.identity")).map(String::as_str);
        assert_eq!(noted.unwrap_or_default(), identity, "{name}");
    }
}

#[test]
fn an_optional_api_lets_nobody_in_with_a_bad_credential() {
    let world = World::default();
    let apis = json!([{ "name": "all", "auth": ["idp"], "optional": true }]);
    let mut worker = Worker::new(&world, &two_providers(apis));
    let expired = Signer::new("k1").sign(&Token::for_identity("a").claim("exp", NOW - 100));
    for (name, value, verdict, identity) in [
        ("nothing", None, "forwarded", None),
        ("another scheme", Some("Basic YTpi".to_owned()), "forwarded", None),
        ("a good token", Some(bearer(&idp_token())), "forwarded", Some("alice")),
        ("an expired token", Some(bearer(&expired)), "token_expired", None),
        ("no token", Some("Bearer x".to_owned()), "token_malformed", None),
    ] {
        let headers: Vec<_> = value.iter().map(|v| ("authorization", v.as_str())).collect();
        let stream = worker.request(head("GET", "/", &headers));
        assert_eq!(worker.verdict(stream), verdict, "{name}");
        let noted = worker.notes.get(&(stream, "tollgate.identity")).map(String::as_str);
        assert_eq!(noted, identity, "{name}");
        if name == "another scheme" {
            let sent = [("authorization", "Basic YTpi"), ("x-tollgate-identity", "admin")];
            let stream = worker.request(head("GET", "/", &sent));
            let left = upstream(&worker, stream, &sent);
            assert_eq!(left, [("authorization".into(), "Basic YTpi".into())]);
        }
    }
}

#[test]
fn an_api_narrows_what_its_provider_accepts() {
    let api = |name: &str, value: Value| {
        let mut api = json!({ "name": "all", "auth": ["idp"] });
        api[name] = value;
        json!([api])
    };
    let token = |name: &str, value: Value| Token::for_identity("alice").claim(name, value);
    let both = json!([AUDIENCE, "orders"]);
    let cases = [
        // name, the API's setting, token, verdict
        ("its audience too", api("audiences", json!(["orders"])), token("aud", both), "forwarded"),
        (
            "the provider's audience only",
            api("audiences", json!(["orders"])),
            token("aud", json!(AUDIENCE)),
            "token_audience_mismatch",
        ),
        ("its client", api("clients", json!(["c1"])), token("cid", json!("c1")), "forwarded"),
        ("another", api("clients", json!(["c1"])), token("cid", json!("c2")), "access_denied"),
        ("no client", api("clients", json!(["c1"])), token("x", json!(1)), "access_denied"),
        (
            "a client of a wrong type",
            api("clients", json!(["c1"])),
            token("client_id", json!(["c1"])),
            "token_claim_malformed",
        ),
        (
            "its scopes",
            api("scopes", json!(["a", "b"])),
            token("scp", json!(["b", "a"])),
            "forwarded",
        ),
        (
            "in a string",
            api("scopes", json!(["a", "b"])),
            token("scope", json!("b  a")),
            "forwarded",
        ),
        (
            "one missing",
            api("scopes", json!(["a", "b"])),
            token("scp", json!(["a"])),
            "scope_insufficient",
        ),
        ("none at all", api("scopes", json!(["a"])), token("x", json!(1)), "scope_insufficient"),
        (
            "a prefix",
            api("scopes", json!(["read"])),
            token("scp", json!(["read:all"])),
            "scope_insufficient",
        ),
        ("a number", api("scopes", json!(["1"])), token("scp", json!(1)), "token_claim_malformed"),
    ];
    for (name, apis, token, verdict) in cases {
        let world = World::default();
        let mut worker = Worker::new(&world, &two_providers(apis));
        let stream = worker.get(&Signer::new("k1").sign(&token));
        assert_eq!(worker.verdict(stream), verdict, "{name}");
        if verdict == "scope_insufficient" {
            let challenge = worker.reply_header(stream, "www-authenticate").unwrap();
            assert!(challenge.contains("error=\"insufficient_scope\", scope=\""), "{challenge}");
        }
    }
}

#[test]
fn an_audience_of_a_wrong_type_is_judged_wherever_one_is_asked_for() {
    let any = json!({ "any_audience": true });
    let clients = json!({ "clients": ["c1"] });
    let ours = json!({ "audiences": [AUDIENCE] });
    let open = json!({ "name": "all", "auth": ["idp"] });
    let narrow = json!({ "name": "all", "auth": ["idp"], "audiences": [AUDIENCE] });
    let scoped = json!({ "name": "all", "auth": ["idp"], "scopes": ["read"] });
    let wrong = "token_claim_malformed";
    let cases = [
        // name, what the provider asks, the API, the verdict on an audience of a wrong type
        ("the provider's audiences", &ours, &open, wrong),
        ("the API's audiences", &any, &narrow, wrong),
        ("the API's audiences, and the provider's clients", &clients, &narrow, wrong),
        ("both", &ours, &narrow, wrong),
        ("nobody's", &any, &open, "forwarded"),
        ("nobody's: clients stand in their place", &clients, &open, "forwarded"),
        ("nobody's, of an API that asks for something else", &any, &scoped, "forwarded"),
    ];
    let values = [
        json!(5),
        json!(true),
        json!({ AUDIENCE: true }),
        json!([[AUDIENCE]]),
        json!([AUDIENCE, 5]),
        json!([5, AUDIENCE]),
        json!([AUDIENCE, null]),
    ];
    for (name, asked, api, verdict) in cases {
        let mut idp = json!({ "issuer": ISSUER,
            "jwks": { "inline": { "keys": [Signer::new("k1").jwk()] } } });
        for (field, value) in asked.as_object().unwrap() {
            idp[field] = value.clone();
        }
        let config = json!({ "providers": { "idp": idp }, "apis": [api] });
        let world = World::default();
        let mut worker = Worker::new(&world, &config.to_string());
        let token = Token::for_identity("alice").claim("client_id", "c1").claim("scp", "read");
        let good = worker.get(&Signer::new("k1").sign(&token));
        assert_eq!(worker.verdict(good), "forwarded", "{name}");
        for value in &values {
            let token = Signer::new("k1").sign(&token.clone().claim("aud", value.clone()));
            // Verified, and the second time recalled.
            for _ in 0..2 {
                let stream = worker.get(&token);
                assert_eq!(worker.verdict(stream), verdict, "{name}: {value}");
            }
        }
    }
}

#[test]
fn the_first_api_that_matches_counts() {
    let apis = json!([
        { "name": "health", "match": { "paths": ["/health"], "methods": ["GET"] }, "auth": "none" },
        { "name": "upload", "match": { "paths": ["/files/**"], "methods": ["POST"] }, "auth": ["idp"],
          "cors_preflight": "pass" },
        { "name": "orders", "match": { "hosts": ["api.example.com"], "paths": ["/orders/**"] },
          "auth": ["idp"] },
    ]);
    let preflight = |method| [("origin", "https://app"), ("access-control-request-method", method)];
    let cases: &[(&str, &str, &str, &[(&str, &str)], &str)] = &[
        ("public", "GET", "/health", &[], "forwarded"),
        ("with a query", "GET", "/health?x=/orders", &[], "forwarded"),
        ("by another method", "POST", "/health", &[], "api_unknown"),
        ("method in lower case", "get", "/health", &[], "method_ambiguous"),
        ("a public path in the query", "GET", "/orders?x=/health", &[], "credential_missing"),
        ("protected", "GET", "/orders/7", &[], "credential_missing"),
        ("a neighbour", "GET", "/orders-old", &[], "api_unknown"),
        ("in capitals", "GET", "/ORDERS", &[], "api_unknown"),
        ("an encoded letter", "GET", "/%6frders/7", &[], "credential_missing"),
        ("dots", "GET", "/health/../orders", &[], "path_ambiguous"),
        ("encoded dots", "GET", "/orders/%2e%2e/health", &[], "path_ambiguous"),
        ("an encoded slash", "GET", "/health%2f..%2forders", &[], "path_ambiguous"),
        ("two slashes", "GET", "//health", &[], "path_ambiguous"),
        ("a parameter that changes nothing", "GET", "/orders/7;v=1", &[], "credential_missing"),
        ("a parameter on a public path", "GET", "/health;x", &[], "path_ambiguous"),
        ("an absolute form", "GET", "http://x/health", &[], "path_ambiguous"),
        ("an asterisk", "OPTIONS", "*", &[], "path_ambiguous"),
        ("preflight to a public API", "OPTIONS", "/health", &preflight("GET"), "forwarded"),
        ("preflight where it passes", "OPTIONS", "/files/1", &preflight("POST"), "forwarded"),
        (
            "preflight where it does not",
            "OPTIONS",
            "/orders/7",
            &preflight("GET"),
            "cors_preflight_refused",
        ),
        ("preflight to nothing", "OPTIONS", "/files/1", &preflight("PUT"), "api_unknown"),
        ("a bare OPTIONS", "OPTIONS", "/files/1", &[], "api_unknown"),
    ];
    for (name, method, path, headers, verdict) in cases {
        let world = World::default();
        let mut worker = Worker::new(&world, &two_providers(apis.clone()));
        let stream = worker.request(head(method, path, headers));
        assert_eq!(worker.verdict(stream), *verdict, "{name}");
    }
}

#[test]
fn answers_say_the_code_and_nothing_of_the_token() {
    let world = World::default();
    let apis = json!([
        { "name": "scoped", "match": { "paths": ["/scoped"] }, "auth": ["idp"], "scopes": ["a", "b"] },
        { "name": "all", "match": { "paths": ["/all/**"] }, "auth": ["idp"] },
    ]);
    let mut worker = Worker::new(&world, &two_providers(apis));
    let good = bearer(&idp_token());
    let cases: &[(&str, &[(&str, &str)], u16, Option<&str>, &str, u32)] = &[
        ("/all", &[], 401, Some("Bearer realm=\"api\""), "unauthorized", 16),
        (
            "/all",
            &[("authorization", "Bearer secret-token")],
            401,
            Some("Bearer realm=\"api\", error=\"invalid_token\""),
            "invalid_token",
            16,
        ),
        (
            "/all/secret-path/..",
            &[],
            400,
            Some("Bearer realm=\"api\", error=\"invalid_request\""),
            "invalid_request",
            3,
        ),
        (
            "/scoped",
            &[("authorization", &good)],
            403,
            Some("Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"a b\""),
            "insufficient_scope",
            7,
        ),
        ("/secret-path", &[], 403, None, "access_denied", 7),
    ];
    for (path, headers, status, expected, error, grpc) in cases {
        let mut headers = headers.to_vec();
        headers.push(("x-request-id", "r-1"));
        let stream = worker.request(head("GET", path, &headers));
        assert_eq!(worker.reply_header(stream, "www-authenticate"), *expected, "{path}");
        let reply = worker.reply(stream);
        let body: Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!((reply.status, reply.grpc_status), (*status, None), "{path}");
        assert_eq!((&body["error"], &body["request_id"]), (&json!(error), &json!("r-1")), "{path}");
        assert!(reply.headers.contains(&("cache-control", "no-store".into())), "{path}");
        assert!(!format!("{reply:?}").contains("secret"), "{reply:?}");
        for content_type in ["application/grpc", "application/grpc+proto"] {
            headers.push(("content-type", content_type));
            let stream = worker.request(head("POST", path, &headers));
            headers.pop();
            let reply = worker.reply(stream);
            assert_eq!((reply.status, reply.grpc_status), (*status, Some(*grpc)), "{path}");
            assert_eq!(reply.body, "", "{path}: a body would become the message");
            let told = ["grpc-status", "grpc-message", "x-tollgate-code", "www-authenticate"]
                .map(|name| worker.reply_header(stream, name));
            let (code, description) = (body["code"].as_str(), body["error_description"].as_str());
            assert_eq!(told, [Some(&*grpc.to_string()), description, code, *expected], "{path}");
            assert_eq!(worker.reply_header(stream, "content-type"), None, "{path}: the proxy's");
        }
        // What the proxy does not take for gRPC gets the answer that others get, and the same words
        // in headers for a client that speaks it after all.
        for content_type in
            ["application/grpc-web", "application/grpc; charset=utf-8", "Application/gRPC"]
        {
            headers.push(("content-type", content_type));
            let stream = worker.request(head("POST", path, &headers));
            headers.pop();
            let reply = worker.reply(stream);
            assert_eq!((reply.status, reply.grpc_status), (*status, None), "{path}");
            assert_eq!(serde_json::from_str::<Value>(&reply.body).unwrap(), body, "{path}");
            let told = worker.reply_header(stream, "grpc-status");
            assert_eq!(told, Some(&*grpc.to_string()), "{path}");
        }
        headers.push(("content-type", "application/connect+proto"));
        let stream = worker.request(head("POST", path, &headers));
        assert_eq!(worker.reply_header(stream, "grpc-status"), None, "{path}: another protocol");
    }
    for id in ["a b", "<script>", &"x".repeat(65), ""] {
        let stream = worker.request(head("GET", "/all", &[("x-request-id", id)]));
        assert!(!worker.reply(stream).body.contains("request_id"), "{id}");
    }
}

#[test]
fn what_goes_upstream_is_ours_alone() {
    let named = json!({ "upstream": { "headers": {
        "x-user": "sub", "x-roles": { "claim": "roles" }, "x-org": ["https://x/org", "id"],
        "x-scopes": { "session": "scopes" }, "x-client": { "session": "client" },
    }, "payload_header": "x-payload" } });
    let kept = json!({ "upstream": { "credential": "keep", "headers": {} } });
    let token = Token::for_identity("alice")
        .claim("roles", json!(["a", "b"]))
        .claim("https://x/org", json!({ "id": 7 }))
        .claim("scp", json!(["r", "w"]))
        .claim("cid", "c1");
    let token = Signer::new("k1").sign(&token);
    let payload = token.split('.').nth(1).unwrap();
    let value = bearer(&token);
    let spoofs = [
        ("authorization", value.as_str()),
        ("x-tollgate-identity", "admin"),
        ("X_Tollgate-Identity", "admin"),
        ("x-tollgate-anything", "admin"),
        ("x-user", "admin"),
        ("X_User", "admin"),
        ("connection", "close, x-user, X-Tollgate-Identity"),
        ("x-other", "stays"),
    ];
    let all = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect::<Vec<_>>()
    };
    let cases = [
        (
            "the default",
            json!({}),
            all(&[
                ("X_User", "admin"),
                ("connection", "close, x-user"),
                ("x-other", "stays"),
                ("x-tollgate-identity", "alice"),
                ("x-tollgate-provider", "idp"),
                ("x-user", "admin"),
            ]),
        ),
        (
            "named headers",
            named,
            all(&[
                ("connection", "close"),
                ("x-client", "c1"),
                ("x-org", "7"),
                ("x-other", "stays"),
                ("x-payload", payload),
                ("x-roles", "a,b"),
                ("x-scopes", "r w"),
                ("x-user", "alice"),
            ]),
        ),
        (
            "the credential kept",
            kept,
            all(&[
                ("X_User", "admin"),
                ("authorization", &value),
                ("connection", "close, x-user"),
                ("x-other", "stays"),
                ("x-user", "admin"),
            ]),
        ),
    ];
    for (name, settings, expected) in cases {
        let world = World::default();
        let mut worker = Worker::new(&world, &one_provider(&settings));
        let stream = worker.request(head("GET", "/", &spoofs));
        assert_eq!(worker.verdict(stream), "forwarded", "{name}");
        assert_eq!(upstream(&worker, stream, &spoofs), expected, "{name}");
    }
}

#[test]
fn a_claim_that_is_no_header_value_is_left_out_and_counted() {
    let settings = json!({ "upstream": { "headers": { "x-name": "name" } } });
    for (name, value, expected) in [
        ("a line break", json!("a\r\nx-admin: 1"), None),
        ("white space at an end", json!("Zo\u{eb}\u{a0}"), None),
        ("a control character outside ASCII", json!("Zo\u{85}"), None),
        ("not ASCII", json!("Zo\u{eb}"), Some("Zo\u{eb}")),
        ("an element with a comma", json!(["a", "b,c"]), None),
        ("an object", json!({ "a": 1 }), None),
        ("plain", json!("Alice A."), Some("Alice A.")),
    ] {
        let world = World::default();
        let mut worker = Worker::new(&world, &one_provider(&settings));
        let sent = [("x-name", "spoofed"), ("x-other", "stays")];
        let token = bearer(&Signer::new("k1").sign(&Token::for_identity("a").claim("name", value)));
        let mut headers = sent.to_vec();
        headers.push(("authorization", &token));
        let stream = worker.request(head("GET", "/", &headers));
        let left = upstream(&worker, stream, &sent);
        let found = left.iter().find(|(name, _)| name == "x-name").map(|(_, value)| value.as_str());
        assert_eq!(found, expected, "{name}");
        let dropped = worker.counts.get("tollgate_header_dropped").copied().unwrap_or_default();
        assert_eq!(dropped, u64::from(expected.is_none()), "{name}");
    }
}

#[test]
fn a_public_api_still_keeps_spoofed_headers_out() {
    let world = World::default();
    let config = json!({
        "providers": { "idp": {
            "issuer": ISSUER, "audiences": [AUDIENCE],
            "jwks": { "inline": { "keys": [Signer::new("k1").jwk()] } },
            "upstream": { "headers": { "x-user": "sub" } },
        } },
        "apis": [{ "name": "public", "match": { "paths": ["/p/**"] }, "auth": "none" },
                 { "name": "rest", "auth": ["idp"] }],
    });
    let mut worker = Worker::new(&world, &config.to_string());
    let sent =
        [("x-user", "admin"), ("x_tollgate_identity", "admin"), ("authorization", "Bearer x")];
    let stream = worker.request(head("GET", "/p/1", &sent));
    let left = upstream(&worker, stream, &sent);
    assert_eq!(left, [("authorization".into(), "Bearer x".into())], "nobody here reads it");
    let section = Section::ResponseHeaders;
    let names = ["x-tollgate-code", "X-Tollgate-Identity", "x-user", "server"];
    let fields: Fields = names.map(|name| (name, "")).into_iter().collect();
    let names = names.map(|name| name.as_bytes().to_vec());
    worker.handle(Event::Fields { stream, section, fields: fields.clone() });
    assert_eq!(worker.cleaned, names[..2], "an upstream's copies never reach the client");
    worker.cleaned.clear();
    let section = Section::ResponseTrailers;
    worker.handle(Event::Fields { stream, section, fields: fields.clone() });
    assert_eq!(worker.cleaned, names[..2], "nor in trailers");
    worker.cleaned.clear();
    let section = Section::RequestTrailers;
    worker.handle(Event::Fields { stream, section, fields });
    assert_eq!(worker.cleaned, names[..3], "nor a client's the upstream, in trailers");
}

#[test]
fn the_log_names_step_reason_and_remedy_and_never_the_token() {
    let world = World::default();
    let config: Value = serde_json::from_str(&one_provider(&json!({}))).unwrap();
    for (format, identity) in
        [("json", "plain"), ("logfmt", "plain"), ("json", "hash"), ("json", "omit")]
    {
        let mut config = config.clone();
        config["log"] = json!({ "format": format, "identity": identity, "per_second": 3 });
        config["apis"] = json!([{ "name": "all", "auth": ["idp"], "scopes": ["w"] }]);
        let mut worker = Worker::new(&world, &config.to_string());
        let hostile = Token::for_identity("eve\u{2028}\"").header("kid", "k\r\n1");
        let tokens = [
            Signer::new("k1").sign(&Token::for_identity("alice")),
            Signer::new("k1").sign(&Token::for_identity("eve\u{2028}\"")),
            Signer::new("k1").sign(&hostile),
        ];
        for token in &tokens {
            worker.get(token);
        }
        assert_eq!(worker.log.len(), 3);
        for (line, token) in worker.log.iter().zip(&tokens) {
            assert!(line.is_ascii() && !line.contains(token.as_str()), "{line}");
            for part in token.split('.').filter(|part| part.len() > 20) {
                assert!(!line.contains(part), "{line}");
            }
        }
        if format == "json" {
            let line: Value = serde_json::from_str(&worker.log[0]).unwrap();
            let fields = [
                "event", "code", "step", "provider", "api", "kid", "iss", "reason", "remedy",
                "mode",
            ];
            assert!(fields.iter().all(|field| line[field].is_string()), "{line}");
            assert_eq!(
                (&line["code"], &line["step"]),
                (&json!("scope_insufficient"), &json!("access"))
            );
            let shown = line["identity"].as_str();
            assert_eq!(
                shown.map(str::len),
                [("plain", 5), ("hash", 16)]
                    .iter()
                    .find(|(how, _)| *how == identity)
                    .map(|(_, len)| *len)
            );
        } else {
            assert!(worker.log[0].contains("code=\"scope_insufficient\" step=\"access\""));
        }
        worker.get(&tokens[0]);
        assert_eq!(worker.log.len(), 3, "over the budget");
        assert_eq!(worker.counts["tollgate_denied_scope_insufficient"], 3);
        assert_eq!(worker.counts["tollgate_log_suppressed"], 1);
        world.wait(std::time::Duration::from_secs(1));
        worker.get(&tokens[0]);
        assert!(worker.log[3].contains("suppressed"), "{}", worker.log[3]);
    }
}

#[test]
fn who_vouches_outside_the_branch_is_not_heard() {
    let both = json!({ "headers": { "x-user": "sub" } });
    let mut idp = provider(ISSUER, &Signer::new("k1"));
    let mut partner = provider(PARTNER, &Signer::new("p1"));
    partner["from"] = json!([{ "header": "x-partner" }]);
    (idp["upstream"], partner["upstream"]) = (both.clone(), both);
    let config = json!({
        "providers": { "idp": idp, "partner": partner },
        "apis": [{ "name": "all", "auth": ["idp", "partner"], "scopes": ["admin"] }],
    });
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    let scoped = Token::for_identity("lowly").claim("scp", json!(["admin"]));
    let authorization = bearer(&Signer::new("k1").sign(&scoped));
    let token = partner_token();
    let sent = [("authorization", authorization.as_str()), ("x-partner", token.as_str())];
    let stream = worker.request(head("GET", "/", &sent));
    let left = upstream(&worker, stream, &sent);
    assert_eq!(left, [("x-user".into(), "lowly".into())]);
    let stream = worker.request(head("GET", "/", &sent[1..]));
    assert_eq!(worker.verdict(stream), "scope_insufficient");
}

#[test]
fn an_identity_arrives_as_it_is_or_is_refused() {
    let long = "\u{e9}".repeat(5_000);
    let good = [
        "alice",
        "jos\u{e9}",
        "\u{5f20}\u{4e09}",
        "\u{1f600}\u{10ffff}",
        "\u{6c}\u{301}\u{200b}\u{202e}x",
        "a b, \"c\"; d\u{a0}e",
        "\u{a1}",
        &long,
    ];
    let bad = [
        "a\nb",
        "a\u{1b}[31m",
        "a\0",
        "a\tb",
        "a\u{7f}",
        "a\u{80}b",
        "a\u{85}",
        "a\u{9f}b",
        " a",
        "a ",
        "a\u{a0}",
        "\u{3000}a",
        "a\u{2028}",
        "\u{2003}",
        "a\r",
    ];
    let own = json!({ "upstream": { "headers": { "x-user": { "session": "identity" } } } });
    for (settings, header) in [(json!({}), "x-tollgate-identity"), (own, "x-user")] {
        let world = World::default();
        let mut worker = Worker::new(&world, &one_provider(&settings));
        for identity in good.into_iter().chain(bad) {
            let shown = identity.chars().take(9).collect::<String>();
            let is_good = good.contains(&identity);
            let token = Signer::new("k1").sign(&Token::for_identity(identity));
            // Once as a stranger's token, once as one that is known.
            for _ in 0..2 {
                let stream = worker.get(&token);
                let expected = if is_good { "forwarded" } else { "token_claim_malformed" };
                assert_eq!(worker.verdict(stream), expected, "{shown:?}");
                if is_good {
                    let left = upstream(&worker, stream, &[]);
                    let is_it =
                        |(name, value): &(String, String)| name == header && value == identity;
                    assert!(left.iter().any(is_it), "{shown:?}: {left:?}");
                }
                let noted = worker.notes.get(&(stream, "tollgate.identity"));
                assert_eq!(noted.map(String::as_str), is_good.then_some(identity), "{shown:?}");
            }
        }
        assert_eq!(worker.counts.get("tollgate_header_dropped"), None);
    }
}

#[test]
fn an_api_keys_identity_arrives_as_it_is_or_is_refused_at_load() {
    let config = |identity: &str| {
        json!({ "providers": { "partner": { "kind": "api_key", "from": [{ "header": "x-api-key" }],
            "keys": [{ "name": "a", "identity": identity,
                "sha256": "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683" }],
        } } })
        .to_string()
    };
    for identity in ["acme", "jos\u{e9}", "\u{5f20}\u{4e09} \u{1f600}", "a b"] {
        let world = World::default();
        let mut worker = Worker::new(&world, &config(identity));
        let stream = worker.request(head("GET", "/", &[("x-api-key", "key")]));
        let left = upstream(&worker, stream, &[]);
        assert_eq!(left[0], ("x-tollgate-identity".into(), identity.into()));
    }
    for identity in [" acme", "acme\u{a0}", "acme\u{3000}", "a\tb", "a\u{85}b", "a\u{7f}", " "] {
        let problems = Config::parse(config(identity).as_bytes()).unwrap_err();
        assert_eq!(&*problems[0].path, "providers.partner.keys[0].identity", "{identity:?}");
        assert_eq!(problems[0].code.name(), "value_invalid", "{identity:?}");
    }
}

#[test]
fn a_configuration_is_told_once_in_the_process_when_it_is_taken_into_use() {
    let world = World::default();
    let start = |text: &str| {
        let config = Config::parse(text.as_bytes()).unwrap();
        let hash: String = config.hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let mut engine = Engine::new(config, "root");
        assert_eq!(engine.loaded(), None, "it is not in use yet");
        engine.start(&world.env());
        let line = engine.loaded().map(|record| line(&record, engine.log_format()));
        (line, hash)
    };
    let (told, hash) = start(CONFIG);
    let line: Value = serde_json::from_str(&told.unwrap()).unwrap();
    assert_eq!(
        line,
        json!({ "event": "configuration_loaded", "version": env!("CARGO_PKG_VERSION"),
                "configuration": hash, "mode": "enforce", "providers": 1, "apis": 1,
                "policies": 0, "warnings": line["warnings"] })
    );
    assert_eq!(start(CONFIG).0, None, "another worker");
    let other = CONFIG.replacen('{', r#"{ "mode": "report", "policies": { "p": {} },"#, 1);
    let (told, _) = start(&other);
    let line: Value = serde_json::from_str(&told.unwrap()).unwrap();
    assert_eq!((&line["mode"], &line["policies"]), (&json!("report"), &json!(1)));
    assert!(start(CONFIG).0.is_some(), "it is taken back");
}

#[test]
fn suppressed_lines_are_told_when_the_flood_is_over() {
    let world = World::default();
    let mut worker = Worker::new(&world, &one_provider(&json!({})));
    for _ in 0..30 {
        worker.request(head("GET", "/", &[]));
    }
    worker.handle(Event::Tick);
    assert_eq!(worker.log.len(), 10, "no room yet");
    world.wait(std::time::Duration::from_secs(1));
    worker.handle(Event::Tick);
    assert!(worker.log[10].contains("\"log_suppressed\",\"suppressed\":20"), "{}", worker.log[10]);
    worker.handle(Event::Tick);
    assert_eq!(worker.log.len(), 11);
}
