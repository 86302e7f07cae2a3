//! More than one way to vouch, by rule: API keys, places, origins, and what becomes of the
//! credential upstream.

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use support::token::{AUDIENCE, ISSUER, NOW, Signer, Token};
use support::world::{Worker, World, head, upstream};

/// The end of the key `old`: 100 seconds after the tests' clocks start.
const END: &str = "2027-01-15T08:01:40Z";

fn sha256(key: &str) -> String {
    Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An issuer whose keys stand in the configuration.
fn idp() -> Value {
    json!({
        "issuer": ISSUER, "audiences": [AUDIENCE],
        "jwks": { "inline": { "keys": [Signer::new("k1").jwk()] } },
    })
}

/// A list of API keys: two of `acme`, one switched off, one of `other`.
fn partner() -> Value {
    json!({
        "kind": "api_key", "from": [{ "header": "x-api-key" }],
        "keys": [
            { "name": "acme-old", "sha256": sha256("old"), "identity": "acme", "expires": END },
            { "name": "acme-new", "sha256": sha256("new"), "identity": "acme" },
            { "name": "off", "sha256": sha256("off"), "identity": "acme", "active": false },
            { "name": "other", "sha256": sha256("other"), "identity": "other" },
        ],
    })
}

/// An issuer `idp` and API keys `partner`, and these APIs.
fn both(apis: Value) -> String {
    json!({ "providers": { "idp": idp(), "partner": partner() }, "apis": apis }).to_string()
}

/// The issuer, reading its token at these places.
fn reading(from: Value) -> String {
    let mut idp = idp();
    idp["from"] = from;
    json!({ "providers": { "idp": idp } }).to_string()
}

fn token() -> String {
    Signer::new("k1").sign(&Token::for_identity("alice"))
}

fn expired() -> String {
    Signer::new("k1").sign(&Token::for_identity("alice").claim("exp", NOW - 100))
}

fn note<'w>(
    worker: &'w Worker<'_>,
    stream: tollgate::ids::StreamId,
    key: &'static str,
) -> Option<&'w str> {
    worker.notes.get(&(stream, key)).map(String::as_str)
}

#[test]
fn an_api_key_is_known_off_over_or_nobodys() {
    let world = World::default();
    let mut worker = Worker::new(&world, &both(json!([{ "name": "all", "auth": ["partner"] }])));
    let cases: &[(&str, u64, &[&str], &str, &str, u16, Option<&str>)] = &[
        // name, seconds later, the header's values, verdict, the key's name, status, challenge
        ("a key", 0, &["new"], "forwarded", "acme-new", 0, None),
        ("the other key of the same caller", 0, &["old"], "forwarded", "acme-old", 0, None),
        ("another's key", 0, &["other"], "forwarded", "other", 0, None),
        ("a second before its end", 99, &["old"], "forwarded", "acme-old", 0, None),
        (
            "on the second of its end",
            100,
            &["old"],
            "key_expired",
            "acme-old",
            401,
            Some(r#"ApiKey realm="api", error="invalid_token""#),
        ),
        ("a key that is switched off", 0, &["off"], "key_inactive", "off", 403, None),
        (
            "a key of nobody",
            0,
            &["New"],
            "key_unknown",
            "",
            401,
            Some(r#"ApiKey realm="api", error="invalid_token""#),
        ),
        (
            "its hash",
            0,
            &[&sha256("new")],
            "key_unknown",
            "",
            401,
            Some(r#"ApiKey realm="api", error="invalid_token""#),
        ),
        (
            "two keys in one header are one value",
            0,
            &["new, new"],
            "key_unknown",
            "",
            401,
            Some(r#"ApiKey realm="api", error="invalid_token""#),
        ),
        (
            "two headers",
            0,
            &["new", "old"],
            "credential_multiple",
            "",
            400,
            Some(r#"ApiKey realm="api", error="invalid_request""#),
        ),
        ("nothing", 0, &[], "credential_missing", "", 401, Some(r#"ApiKey realm="api""#)),
        ("an empty header", 0, &[""], "credential_missing", "", 401, Some(r#"ApiKey realm="api""#)),
    ];
    let start = world.now.get();
    for (name, later, values, verdict, key, status, challenge) in cases {
        world.now.set(start.after(Duration::from_secs(*later)));
        let headers: Vec<_> = values.iter().map(|value| ("x-api-key", *value)).collect();
        let stream = worker.request(head("GET", "/", &headers));
        assert_eq!(worker.verdict(stream), *verdict, "{name}");
        assert_eq!(note(&worker, stream, "tollgate.key").unwrap_or_default(), *key, "{name}");
        if *verdict == "forwarded" {
            let owner = if *key == "other" { "other" } else { "acme" };
            assert_eq!(note(&worker, stream, "tollgate.identity"), Some(owner), "{name}");
            let sent = [("x-api-key", values[0])];
            let expected = [("x-tollgate-identity", owner), ("x-tollgate-provider", "partner")];
            let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
            assert_eq!(upstream(&worker, stream, &sent), expected, "{name}");
        } else {
            assert_eq!(worker.reply(stream).status, *status, "{name}");
            assert_eq!(worker.reply_header(stream, "www-authenticate"), *challenge, "{name}");
        }
    }
    let told =
        |name: &str| worker.log.iter().any(|line| line.contains(&format!(r#""key":"{name}""#)));
    assert!(told("acme-old") && told("off") && !told("acme-new"), "{:?}", worker.log);
    let secrets = ["New", &sha256("new"), &sha256("old")].map(str::to_owned);
    assert!(!worker.log.iter().any(|line| secrets.iter().any(|secret| line.contains(secret))));
}

/// The configuration of the origin story, in these terms: two providers, of which the token's has
/// the session.
#[test]
fn the_story_of_two_providers_and_one_session_is_told_well() {
    let orders =
        json!([{ "name": "orders", "auth": [["partner", "okta"]], "session_from": "okta" }]);
    let text = |apis: Value| {
        json!({ "providers": { "okta": idp(), "partner": partner() }, "apis": apis }).to_string()
    };
    let world = World::default();
    let mut worker = Worker::new(&world, &text(orders));
    let bearer = format!("Bearer {}", token());
    let stale = format!("Bearer {}", expired());
    let cases: &[(&str, &[(&str, &str)], &str, &str)] = &[
        ("both", &[("x-api-key", "new"), ("authorization", &bearer)], "forwarded", ""),
        (
            "the key alone",
            &[("x-api-key", "new")],
            "credential_missing",
            "no credential for `okta`; looked at header `authorization` with scheme `Bearer`",
        ),
        (
            "the token alone",
            &[("authorization", &bearer)],
            "credential_missing",
            "no credential for `partner`; looked at header `x-api-key`",
        ),
        ("neither", &[], "credential_missing", "no credential for `partner`, `okta`; looked at"),
        (
            "a bad key and a good token",
            &[("x-api-key", "bad"), ("authorization", &bearer)],
            "key_unknown",
            "the SHA-256 of what was presented",
        ),
        (
            "a good key and a bad token",
            &[("x-api-key", "new"), ("authorization", &stale)],
            "token_expired",
            "",
        ),
    ];
    for (name, headers, verdict, reason) in cases {
        let stream = worker.request(head("GET", "/", headers));
        assert_eq!(worker.verdict(stream), *verdict, "{name}");
        if *verdict == "forwarded" {
            let expected = [("x-tollgate-identity", "alice"), ("x-tollgate-provider", "okta")];
            let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
            assert_eq!(upstream(&worker, stream, headers), expected, "{name}");
            assert_eq!(note(&worker, stream, "tollgate.provider"), Some("okta"), "{name}");
            assert_eq!(note(&worker, stream, "tollgate.key"), Some("acme-new"), "{name}");
        } else {
            assert!(worker.log.last().unwrap().contains(reason), "{name}: {:?}", worker.log.last());
            let challenge = worker.reply_header(stream, "www-authenticate").unwrap();
            let scheme = if *verdict == "key_unknown" { "ApiKey " } else { "Bearer " };
            assert!(challenge.starts_with(scheme), "{name}: {challenge}");
        }
    }
    // What made the story: a method that is no provider here. It does not get as far as a request.
    let wrong = json!([{ "name": "orders", "auth": ["okta"], "session_from": "oauth_token" }]);
    let problems = tollgate::config::Config::parse(text(wrong).as_bytes()).unwrap_err();
    assert_eq!(
        problems[0].to_string().split_once(": ").unwrap().1,
        "apis[0].session_from: `oauth_token` is no provider of this API; its branches have: okta"
    );
}

#[test]
fn branches_of_both_kinds_are_tried_as_written() {
    let world = World::default();
    let apis = |auth: Value, more: Value| {
        let mut api = json!({ "name": "all", "auth": auth });
        api.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        both(json!([api]))
    };
    let key_first = apis(json!(["partner", "idp"]), json!({}));
    let token_first = apis(json!(["idp", "partner"]), json!({}));
    let optional = apis(json!(["idp", "partner"]), json!({ "optional": true }));
    let key_counts = apis(json!([["idp", "partner"]]), json!({ "session_from": "partner" }));
    let (good, bad) = (format!("Bearer {}", token()), format!("Bearer {}", expired()));
    let cases: &[(&str, &str, Option<&str>, Option<&str>, &str, &str)] = &[
        // name, configuration, authorization, x-api-key, verdict, identity
        ("the first written wins", &key_first, Some(&good), Some("new"), "forwarded", "acme"),
        ("the other first", &token_first, Some(&good), Some("new"), "forwarded", "alice"),
        ("only the second", &key_first, Some(&good), None, "forwarded", "alice"),
        ("a bad one of the other branch", &key_first, Some(&bad), Some("new"), "token_expired", ""),
        ("a bad key of the other branch", &token_first, Some(&good), Some("x"), "key_unknown", ""),
        ("a key over there is off", &token_first, Some(&good), Some("off"), "key_inactive", ""),
        ("no credential passes", &optional, None, None, "forwarded", ""),
        ("another scheme is none", &optional, Some("Basic YTpi"), None, "forwarded", ""),
        ("a bad key never does", &optional, None, Some("x"), "key_unknown", ""),
        ("the session of the key", &key_counts, Some(&good), Some("new"), "forwarded", "acme"),
        ("the key's session alone", &key_counts, None, Some("new"), "credential_missing", ""),
    ];
    for (name, config, authorization, key, verdict, identity) in cases {
        let mut worker = Worker::new(&world, config);
        let headers = [("authorization", authorization), ("x-api-key", key)];
        let headers = headers.iter().filter_map(|(name, value)| Some((*name, (**value)?)));
        let stream = worker.request(head("GET", "/", &headers.collect::<Vec<_>>()));
        assert_eq!(worker.verdict(stream), *verdict, "{name}");
        let found = note(&worker, stream, "tollgate.identity").unwrap_or_default();
        assert_eq!(found, *identity, "{name}");
    }
}

#[test]
fn the_branch_that_got_furthest_is_reported_first() {
    let mut lab = partner();
    lab["from"] = json!([{ "header": "x-lab" }]);
    let config = json!({
        "providers": { "idp": idp(), "partner": partner(), "lab": lab },
        "apis": [{ "name": "all", "auth": ["lab", ["partner", "idp"]], "session_from": "idp" }],
    });
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    let cases: [(&str, &[(&str, &str)], &str); 2] = [
        (
            "nothing",
            &[],
            r"no credential for `lab`; looked at header `x-lab`; or: no credential for `partner`, `idp`",
        ),
        (
            "a key",
            &[("x-api-key", "new")],
            r"no credential for `idp`; looked at header `authorization` with scheme `Bearer`; or: no credential for `lab`",
        ),
    ];
    for (name, headers, reason) in cases {
        let stream = worker.request(head("GET", "/", headers));
        assert_eq!(worker.verdict(stream), "credential_missing", "{name}");
        assert!(worker.log.last().unwrap().contains(reason), "{name}: {:?}", worker.log.last());
    }
}

#[test]
fn a_credential_stands_once_in_one_of_its_places() {
    let world = World::default();
    let from = json!([
        { "header": "authorization" }, { "query": "access_token" },
        { "cookie": "session", "any_origin": true },
    ]);
    let mut worker = Worker::new(&world, &reading(from));
    let good = token();
    let bearer = format!("Bearer {good}");
    let query = |value: &str| format!("/files/7?a=1&access_token={value}&b");
    let escaped = good.replace('.', "%2E");
    let cookie = format!("a=1; session={good}; b");
    let cases: &[(&str, &str, &[(&str, &str)], &str)] = &[
        ("in the query", &query(&good), &[], "forwarded"),
        ("escaped in the query", &query(&escaped), &[], "forwarded"),
        ("under an escaped name", &format!("/?access%5Ftoken={good}"), &[], "forwarded"),
        ("empty in the query", &query(""), &[], "credential_missing"),
        (
            "empty in the query, and in the header",
            &query(""),
            &[("authorization", &bearer)],
            "forwarded",
        ),
        ("in a cookie", "/", &[("cookie", &cookie)], "forwarded"),
        (
            "in one cookie header of two",
            "/",
            &[("cookie", "a=1"), ("cookie", &cookie)],
            "forwarded",
        ),
        ("an empty cookie", "/", &[("cookie", "session=")], "credential_missing"),
        ("another cookie", "/", &[("cookie", "session2=x; asession=y")], "credential_missing"),
        ("bad in the query", &query("x"), &[], "token_malformed"),
        ("bad in a cookie", "/", &[("cookie", "session=x")], "token_malformed"),
        (
            "twice in the query",
            &format!("{}&access_token=x", query(&good)),
            &[],
            "credential_multiple",
        ),
        (
            "twice in the query, once escaped",
            &format!("{}&access%5ftoken=x", query(&good)),
            &[],
            "credential_multiple",
        ),
        (
            "the same twice in the query",
            &format!("{}&access_token={good}", query(&good)),
            &[],
            "credential_multiple",
        ),
        (
            "twice in a cookie header",
            "/",
            &[("cookie", &format!("{cookie}; session=x"))],
            "credential_multiple",
        ),
        (
            "in two cookie headers",
            "/",
            &[("cookie", &cookie), ("cookie", &cookie)],
            "credential_multiple",
        ),
        (
            "in header and query",
            &query(&good),
            &[("authorization", &bearer)],
            "credential_multiple",
        ),
        ("in query and cookie", &query(&good), &[("cookie", &cookie)], "credential_multiple"),
        (
            "in header and cookie",
            "/",
            &[("authorization", &bearer), ("cookie", &cookie)],
            "credential_multiple",
        ),
        (
            "a header of another scheme, and the query",
            &query(&good),
            &[("authorization", "Basic YTpi")],
            "forwarded",
        ),
    ];
    for (name, path, headers, verdict) in cases {
        let stream = worker.request(head("GET", path, headers));
        assert_eq!(worker.verdict(stream), *verdict, "{name}");
    }
    assert!(!worker.log.iter().any(|line| line.contains(&good)), "a token in the log");
}

#[test]
fn a_place_counts_on_its_apis_only() {
    let mut idp = idp();
    idp["from"] = json!([{ "header": "authorization" }, { "query": "t", "apis": ["files"] }]);
    let config = json!({
        "providers": { "idp": idp },
        "apis": [
            { "name": "files", "match": { "paths": ["/files/**"] }, "auth": ["idp"] },
            { "name": "rest", "auth": ["idp"] },
        ],
    });
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    let good = token();
    for (path, verdict) in [("/files/7", "forwarded"), ("/orders/7", "credential_missing")] {
        let stream = worker.request(head("GET", &format!("{path}?t={good}"), &[]));
        assert_eq!(worker.verdict(stream), verdict, "{path}");
    }
    // Elsewhere it is a parameter like any other: neither read nor removed.
    let bearer = format!("Bearer {good}");
    let stream = worker.request(head("GET", "/orders/7?t=x", &[("authorization", &bearer)]));
    let sent = [(":path", "/orders/7?t=x")];
    let path = upstream(&worker, stream, &sent).into_iter().find(|(name, _)| name == ":path");
    assert_eq!(path.unwrap().1, "/orders/7?t=x");
}

#[test]
fn a_cookie_changes_something_only_for_pages_that_are_known() {
    let listed = json!([{ "cookie": "s", "origins": ["https://app.example.com"] }]);
    let any = json!([{ "cookie": "s", "any_origin": true }]);
    let world = World::default();
    let cookie = format!("s={}", token());
    let (app, evil) = ("https://app.example.com", "https://evil.example");
    let cases: &[(&str, &Value, &str, &[(&str, &str)], &str)] = &[
        ("a GET from anywhere", &listed, "GET", &[("origin", evil)], "forwarded"),
        ("a HEAD from anywhere", &listed, "HEAD", &[("origin", evil)], "forwarded"),
        ("an OPTIONS from anywhere", &listed, "OPTIONS", &[], "forwarded"),
        ("a POST from the page", &listed, "POST", &[("origin", app)], "forwarded"),
        ("a POST from elsewhere", &listed, "POST", &[("origin", evil)], "origin_refused"),
        ("a POST from nowhere", &listed, "POST", &[], "origin_refused"),
        ("a POST from a sandbox", &listed, "POST", &[("origin", "null")], "origin_refused"),
        (
            "a POST from the page and elsewhere",
            &listed,
            "POST",
            &[("origin", app), ("origin", evil)],
            "origin_refused",
        ),
        (
            "a longer origin",
            &listed,
            "POST",
            &[("origin", "https://app.example.com.evil.example")],
            "origin_refused",
        ),
        (
            "an origin in capitals",
            &listed,
            "POST",
            &[("origin", "https://APP.example.com")],
            "origin_refused",
        ),
        (
            "another port",
            &listed,
            "POST",
            &[("origin", "https://app.example.com:8443")],
            "origin_refused",
        ),
        (
            "a referer is no origin",
            &listed,
            "POST",
            &[("referer", "https://app.example.com/")],
            "origin_refused",
        ),
        ("a DELETE from elsewhere", &listed, "DELETE", &[("origin", evil)], "origin_refused"),
        ("a method of nobody", &listed, "FROB", &[("origin", evil)], "origin_refused"),
        ("a GET in small letters", &listed, "get", &[("origin", evil)], "origin_refused"),
        (
            "an upgrade from elsewhere",
            &listed,
            "GET",
            &[("upgrade", "websocket"), ("origin", evil)],
            "origin_refused",
        ),
        ("an upgrade from nowhere", &listed, "GET", &[("upgrade", "websocket")], "origin_refused"),
        (
            "an upgrade from the page",
            &listed,
            "GET",
            &[("upgrade", "websocket"), ("origin", app)],
            "forwarded",
        ),
        (
            "an extended CONNECT from elsewhere",
            &listed,
            "CONNECT",
            &[(":protocol", "websocket"), ("origin", evil)],
            "origin_refused",
        ),
        (
            "its translation",
            &listed,
            "GET",
            &[(":protocol", "websocket"), ("origin", evil)],
            "origin_refused",
        ),
        ("a POST from elsewhere, where any may", &any, "POST", &[("origin", evil)], "forwarded"),
        (
            "an upgrade from nowhere, where any may",
            &any,
            "GET",
            &[("upgrade", "websocket")],
            "forwarded",
        ),
    ];
    for (name, from, method, headers, verdict) in cases {
        let mut worker = Worker::new(&world, &reading((*from).clone()));
        let headers = [headers, &[("cookie", cookie.as_str())][..]].concat();
        let stream = worker.request(head(method, "/", &headers));
        assert_eq!(worker.verdict(stream), *verdict, "{name}");
        if *verdict == "origin_refused" {
            assert_eq!(worker.reply(stream).status, 403, "{name}");
        }
    }
    // Without the cookie an origin says nothing.
    let from = json!([{ "cookie": "s", "origins": [app] }, { "header": "authorization" }]);
    let mut worker = Worker::new(&world, &reading(from));
    let bearer = format!("Bearer {}", token());
    let stream = worker.request(head("POST", "/", &[("authorization", &bearer), ("origin", evil)]));
    assert_eq!(worker.verdict(stream), "forwarded");
}

#[test]
fn a_spent_credential_is_cut_out_of_where_it_stood() {
    let world = World::default();
    let from = |keep: &str| {
        let mut idp = idp();
        idp["from"] = json!([
            { "header": "authorization" }, { "query": "t" }, { "cookie": "s", "any_origin": true },
        ]);
        idp["upstream"] = json!({ "credential": keep, "headers": {} });
        json!({ "providers": { "idp": idp } }).to_string()
    };
    let good = token();
    let fill = |text: &str| text.replace('%', &good);
    type Headers = &'static [(&'static str, &'static str)];
    let cases: &[(&str, &str, Headers, &str, Headers)] = &[
        // name, path, headers, path upstream, headers upstream
        ("alone in the query", "/a?t=%", &[], "/a", &[]),
        ("among others", "/a?b=2%2541&t=%&&c=%2520", &[], "/a?b=2%2541&&c=%2520", &[]),
        ("beside an empty one", "/a?t=&b&t=%", &[], "/a?b", &[]),
        ("alone in a cookie", "/a?b", &[("cookie", "s=%")], "/a?b", &[]),
        ("among cookies", "/a", &[("cookie", "a=1; s=%; s2=2")], "/a", &[("cookie", "a=1; s2=2")]),
        (
            "in one header of two",
            "/a",
            &[("cookie", "a=1"), ("cookie", "s=%; b=2")],
            "/a",
            &[("cookie", "a=1; b=2")],
        ),
        (
            "in a header, beside cookies of others",
            "/a?u=1",
            &[("authorization", "Bearer %"), ("cookie", "a=1")],
            "/a?u=1",
            &[("cookie", "a=1")],
        ),
    ];
    for (name, path, headers, path_upstream, expected) in cases {
        // In the table `%` is the token; `%25` is a percent sign.
        let text = |text: &str| match text.contains("%25") {
            true => fill(&text.replace("%25", "\0")).replace('\0', "%"),
            false => fill(text),
        };
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, text(value))).collect();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let sent = [&[(":path", text(path))].map(|(n, v)| (n, v))[..]].concat();
        let mut all: Vec<(&str, &str)> = sent.iter().map(|(n, v)| (*n, v.as_str())).collect();
        all.extend(&headers);

        let mut worker = Worker::new(&world, &from("strip"));
        let stream = worker.request(head("GET", all[0].1, &headers));
        let mut wanted = vec![(":path".to_owned(), text(path_upstream))];
        wanted.extend(expected.iter().map(|(name, value)| ((*name).to_owned(), text(value))));
        wanted.sort();
        assert_eq!(upstream(&worker, stream, &all), wanted, "{name}");

        let mut worker = Worker::new(&world, &from("keep"));
        let stream = worker.request(head("GET", all[0].1, &headers));
        assert_eq!(worker.changes(stream), [], "{name}: kept");
    }
}

#[test]
fn a_credential_that_only_vouches_is_spent_as_well() {
    let mut partner = partner();
    partner["from"] = json!([{ "query": "key" }, { "cookie": "key", "any_origin": true }]);
    let config = json!({
        "providers": { "idp": idp(), "partner": partner },
        "apis": [{ "name": "all", "auth": [["partner", "idp"]], "session_from": "idp" }],
    });
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    let bearer = format!("Bearer {}", token());
    let stream = worker.request(head("GET", "/?a&key=new", &[("authorization", &bearer)]));
    let sent = [(":path", "/?a&key=new"), ("authorization", bearer.as_str())];
    let expected =
        [(":path", "/?a"), ("x-tollgate-identity", "alice"), ("x-tollgate-provider", "idp")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(upstream(&worker, stream, &sent), expected);
}

#[test]
fn a_key_in_its_own_scheme_stands_beside_tokens() {
    let mut partner = partner();
    partner["from"] = json!([{ "header": "authorization", "scheme": "ApiKey" }]);
    let config = json!({
        "providers": { "idp": idp(), "partner": partner },
        "apis": [{ "name": "all", "auth": ["partner", "idp"] }],
    });
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    let good = token();
    let cases = [
        ("a key", "ApiKey new".to_owned(), "forwarded"),
        ("a key, the scheme in small letters", "apikey new".to_owned(), "forwarded"),
        ("a token", format!("Bearer {good}"), "forwarded"),
        ("the scheme alone", "ApiKey".to_owned(), "key_unknown"),
        ("a key as a token", "Bearer new".to_owned(), "token_malformed"),
        ("a token as a key", format!("ApiKey {good}"), "key_unknown"),
        ("both in one header", format!("ApiKey new, Bearer {good}"), "credential_multiple"),
    ];
    for (name, value, verdict) in cases {
        let stream = worker.request(head("GET", "/", &[("authorization", &value)]));
        assert_eq!(worker.verdict(stream), verdict, "{name}");
    }
}

#[test]
fn a_place_has_one_scheme_or_several_or_none() {
    let good = token();
    let (bearer, plain) = (format!("Bearer {good}"), good.clone());
    let both = json!(["Bearer", ""]);
    let missing = "credential_missing";
    // schemes, values of `authorization`, verdict
    let cases: &[(&Value, &[&str], &str)] = &[
        (&both, &[&bearer], "forwarded"),
        (&both, &[&plain], "forwarded"),
        (&both, &[&format!("bearer   {good}  ")], "forwarded"),
        (&both, &[&format!(" {good} ")], "forwarded"),
        (&both, &["Bearer"], "token_malformed"),
        (&both, &["bearer "], "token_malformed"),
        (&both, &["Basic"], "token_malformed"),
        (&both, &["x"], "token_malformed"),
        (&both, &["Basic YTpi"], missing),
        (&both, &[&format!("Token {good}")], missing),
        (&both, &[&format!("{good} x")], missing),
        (&both, &[""], missing),
        (&both, &[" , "], missing),
        (&both, &[], missing),
        (&both, &[&format!("{good},{good}")], "credential_multiple"),
        (&both, &[&format!("Basic YTpi, {good}")], "credential_multiple"),
        (&both, &[&format!("{good}, {bearer}")], "credential_multiple"),
        (&both, &["Bearer, Bearer"], "credential_multiple"),
        (&both, &["x, y"], "credential_multiple"),
        (&both, &["Basic a, Digest b"], missing),
        (&both, &[&plain, &bearer], "credential_multiple"),
        (&both, &[&plain, "Basic YTpi"], "credential_multiple"),
        (&both, &[&bearer, ""], "forwarded"),
        (&json!([""]), &[&plain], "forwarded"),
        (&json!([""]), &[&bearer], missing),
        (&json!([""]), &["Bearer"], "token_malformed"),
        (&json!([""]), &[&format!("{good},")], "forwarded"),
        (&json!(["Token", "JWT", "Bearer"]), &[&format!("jwt {good}")], "forwarded"),
        (&json!(["Token", "JWT", "Bearer"]), &[&bearer], "forwarded"),
        (&json!(["Token", "JWT", "Bearer"]), &[&plain], missing),
        (&json!(["Bearer"]), &[&bearer], "forwarded"),
        (&json!("Bearer"), &[&bearer], "forwarded"),
    ];
    let world = World::default();
    for (schemes, values, verdict) in cases {
        let reversed: Value = match schemes.as_array() {
            Some(list) => list.iter().rev().cloned().collect(),
            None => (*schemes).clone(),
        };
        for schemes in [(*schemes).clone(), reversed] {
            let from = json!([{ "header": "authorization", "scheme": schemes }]);
            let mut worker = Worker::new(&world, &reading(from));
            let headers: Vec<_> = values.iter().map(|value| ("authorization", *value)).collect();
            let stream = worker.request(head("GET", "/", &headers));
            let case = format!("{schemes} {values:?}");
            assert_eq!(worker.verdict(stream), *verdict, "{case}");
            if *verdict == "forwarded" {
                let left = upstream(&worker, stream, &headers);
                assert!(!left.iter().any(|(name, _)| name == "authorization"), "{case}");
            }
            assert!(!worker.log.iter().any(|line| line.contains(&good)), "{case}");
        }
    }
}

#[test]
fn a_refusal_says_what_stands_in_front_of_a_token_and_never_a_token() {
    let good = token();
    let opaque = "tGzv3JOkF0XG5Qx2TlKWIA9sD";
    // value of `authorization`, code, words of the reason
    let cases: &[(&str, &str, &str)] = &[
        (&format!("Bearer Bearer {good}"), "token_malformed", "in front of one stands `Bearer`"),
        (&format!("Bearer bearer: {good}"), "token_malformed", "in front of one stands `bearer`"),
        (&format!("Bearer token=\"{good}\""), "token_malformed", "stands `token`"),
        (&format!("Bearer access_token={good}"), "token_malformed", "stands `access_token`"),
        (&format!("Token token=\"{good}\""), "credential_missing", "with the scheme `Token`"),
        (&format!("Basic {opaque}"), "credential_missing", "with the scheme `Basic`"),
        (&format!("JWT\t{good}"), "credential_missing", "without a scheme"),
        (&good, "credential_missing", "without a scheme"),
        (opaque, "credential_missing", "without a scheme"),
        // What may be a credential itself is told by nothing.
        (&format!("{good} x"), "credential_missing", "with another scheme"),
        (&format!("{opaque} x"), "credential_missing", "with another scheme"),
        (&format!("{opaque}: x"), "credential_missing", "with another scheme"),
        (&format!("Bearer {opaque} {good}"), "token_malformed", "stands what is not shown"),
        (&format!("Bearer \"{good}\""), "token_malformed", "stands a quotation mark"),
        (&format!("\u{1b}[2J\u{e9} {good}"), "credential_missing", "with another scheme"),
    ];
    let world = World::default();
    let mut worker = Worker::new(&world, &reading(json!([{ "header": "authorization" }])));
    for (value, code, words) in cases {
        // A line each: the log has a budget.
        world.wait(Duration::from_secs(1));
        let stream = worker.request(head("GET", "/", &[("authorization", value)]));
        assert_eq!(worker.verdict(stream), *code, "{value}");
        let line = worker.log.last().unwrap();
        assert!(line.contains(words), "{value}: {line}");
        let secrets = good.split('.').chain([opaque]);
        assert!(secrets.clone().all(|secret| !line.contains(secret)), "{value}: {line}");
        let field = match *code {
            "token_malformed" => "`providers.idp.from[].scheme`",
            _ => "`providers.idp.from`",
        };
        assert!(line.contains(field), "{value}: {line}");
    }
}

#[test]
fn schemes_of_two_providers_share_a_header() {
    let mut partner = partner();
    partner["from"] = json!([{ "header": "authorization", "scheme": ["", "Key"] }]);
    let mut idp = idp();
    idp["from"] = json!([{ "header": "authorization", "scheme": ["Bearer", "JWT"] }]);
    let config = json!({
        "providers": { "idp": idp, "partner": partner },
        "apis": [{ "name": "all", "auth": ["partner", "idp"] }],
    });
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    let good = token();
    for (value, verdict) in [
        ("new".to_owned(), "forwarded"),
        ("key new".to_owned(), "forwarded"),
        (format!("JWT {good}"), "forwarded"),
        (good.clone(), "key_unknown"),
        // The scheme that the other reads is no key.
        ("Bearer".to_owned(), "token_malformed"),
        ("Key".to_owned(), "key_unknown"),
        ("Basic new".to_owned(), "credential_missing"),
        (format!("new, Bearer {good}"), "credential_multiple"),
    ] {
        let stream = worker.request(head("GET", "/", &[("authorization", &value)]));
        assert_eq!(worker.verdict(stream), verdict, "{value}");
    }
}

#[test]
fn a_session_of_an_api_key_is_recorded_once_a_minute() {
    let world = World::default();
    let mut worker = Worker::new(&world, &both(json!([{ "name": "all", "auth": ["partner"] }])));
    let puts = |world: &World| world.store.writes();
    let mut seen = Vec::new();
    for (key, wait) in [("new", 0), ("new", 1), ("old", 1), ("new", 60), ("new", 1)] {
        world.wait(Duration::from_secs(wait));
        let before = puts(&world);
        worker.request(head("GET", "/", &[("x-api-key", key)]));
        seen.push(puts(&world) > before);
    }
    assert_eq!(seen, [true, false, false, true, false]);
}

#[test]
fn each_tenant_is_verified_by_its_own_keys() {
    let config = json!({ "providers": { "idp": {
        "issuer": "https://id.example.com/{tenant}", "tenants": ["red", "blue"], "audiences": [AUDIENCE],
        "jwks": { "url": "https://id.example.com/{tenant}/keys", "cluster": "idp" },
    } } });
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    worker.tick();
    let paths: Vec<_> = worker.calls.values().map(|call| call.path.to_string()).collect();
    assert_eq!(paths, ["/red/keys", "/blue/keys"]);
    // Both publish a key of the same ID.
    let (red, blue) = (Signer::new("k1"), Signer::new("k1").renewed());
    worker.answer(200, &[], &support::token::key_set(&[&red]));
    worker.answer(200, &[], &support::token::key_set(&[&blue]));
    let token = |signer: &Signer, tenant: &str| {
        let issuer = format!("https://id.example.com/{tenant}");
        signer.sign(&Token::for_identity("alice").claim("iss", issuer))
    };
    let cases = [
        ("red by red", token(&red, "red"), "forwarded"),
        ("blue by blue", token(&blue, "blue"), "forwarded"),
        ("blue again, recalled", token(&blue, "blue"), "forwarded"),
        ("red by blue", token(&blue, "red"), "token_signature_invalid"),
        ("blue by red", token(&red, "blue"), "token_signature_invalid"),
        ("a tenant of nobody", token(&red, "green"), "token_issuer_unknown"),
        ("the place itself", token(&red, "{tenant}"), "token_issuer_unknown"),
    ];
    for (name, token, verdict) in cases {
        let stream = worker.get(&token);
        assert_eq!(worker.verdict(stream), verdict, "{name}");
    }
}

#[test]
fn each_tenant_is_discovered_by_a_document_of_its_own() {
    let config = |discovery: Value| {
        let jwks = json!({ "discovery": discovery, "cluster": "idp" });
        let idp = json!({
            "issuer": "https://id.example.com/{tenant}/", "tenants": ["red", "blue"],
            "audiences": [AUDIENCE], "jwks": jwks,
        });
        json!({ "providers": { "idp": idp } }).to_string()
    };
    let document = |tenant: &str| {
        let issuer = format!("https://id.example.com/{tenant}/");
        json!({ "issuer": issuer, "jwks_uri": format!("{issuer}keys") }).to_string()
    };
    let paths = |worker: &Worker<'_>| -> Vec<String> {
        worker.calls.values().map(|call| call.path.to_string()).collect()
    };
    let (red, blue) = (Signer::new("k1"), Signer::new("k1").renewed());
    let token = |signer: &Signer, tenant: &str| {
        let issuer = format!("https://id.example.com/{tenant}/");
        signer.sign(&Token::for_identity("alice").claim("iss", issuer))
    };
    // name, `discovery`, where the documents are
    let cases = [
        (
            "from the issuer",
            json!(true),
            ["/red/.well-known/openid-configuration", "/blue/.well-known/openid-configuration"],
        ),
        (
            "at a URL",
            json!("https://id.example.com/documents/{tenant}"),
            ["/documents/red", "/documents/blue"],
        ),
    ];
    for (name, discovery, documents) in cases {
        let world = World::default();
        let mut worker = Worker::new(&world, &config(discovery));
        let waiting = [worker.get(&token(&red, "red")), worker.get(&token(&blue, "blue"))];
        worker.tick();
        assert_eq!(paths(&worker), documents, "{name}");
        worker.answer(200, &[], &document("red"));
        // The other tenant's document, where this one's should be, leads nowhere.
        worker.answer(200, &[], &document("red"));
        assert_eq!(paths(&worker), ["/red/keys"], "{name}");
        worker.answer(200, &[], &support::token::key_set(&[&red]));
        assert_eq!(worker.verdict(waiting[0]), "forwarded", "{name}");
        assert_eq!(worker.verdict(waiting[1]), "keys_unavailable", "{name}");
        world.wait(Duration::from_secs(5));
        worker.tick();
        assert_eq!(paths(&worker), [documents[1]], "{name}: red's are here");
        worker.answer(200, &[], &document("blue"));
        assert_eq!(paths(&worker), ["/blue/keys"], "{name}");
        worker.answer(200, &[], &support::token::key_set(&[&blue]));
        for (signer, tenant, verdict) in [
            (&red, "red", "forwarded"),
            (&blue, "blue", "forwarded"),
            (&red, "blue", "token_signature_invalid"),
            (&blue, "red", "token_signature_invalid"),
            (&red, "green", "token_issuer_unknown"),
            (&red, "{tenant}", "token_issuer_unknown"),
        ] {
            let stream = worker.get(&token(signer, tenant));
            assert_eq!(worker.verdict(stream), verdict, "{name}: {tenant}");
        }
    }
}

#[test]
fn a_secret_and_a_key_in_pem_verify_tokens() {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use hmac::{KeyInit as _, Mac as _};
    let secret = "0123456789abcdef0123456789abcdef";
    let claims = json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": NOW + 300 });
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(json!({ "alg": "HS256" })), part(claims));
    let sign = |secret: &[u8]| {
        let mut mac = hmac::Hmac::<Sha256>::new_from_slice(secret).unwrap();
        mac.update(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    };
    let jwk = Signer::new("k1").jwk();
    let point = URL_SAFE_NO_PAD.decode(jwk["x"].as_str().unwrap()).unwrap();
    let head = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let body = STANDARD.encode([&head[..], &point].concat());
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
    let config = |member: &str, value: Value, algorithms: &str| {
        let mut idp =
            json!({ "issuer": ISSUER, "audiences": [AUDIENCE], "algorithms": [algorithms] });
        idp[member] = value;
        json!({ "providers": { "idp": idp } }).to_string()
    };
    let by_secret = config("secret", json!({ "text": secret }), "HS256");
    let by_pem = config("pem", json!(pem), "EdDSA");
    let cases = [
        ("the secret", &by_secret, sign(secret.as_bytes()), "forwarded"),
        ("another secret", &by_secret, sign(&[0; 32]), "token_signature_invalid"),
        ("a key", &by_pem, token(), "forwarded"),
        (
            "another key",
            &by_pem,
            Signer::new("k2").sign(&Token::for_identity("a")),
            "token_signature_invalid",
        ),
        // RFC 8725 §2.1: the public key is no secret.
        ("the public key as a secret", &by_pem, sign(pem.as_bytes()), "token_algorithm_refused"),
        (
            "a token by a key where there is a secret",
            &by_secret,
            token(),
            "token_algorithm_refused",
        ),
    ];
    let world = World::default();
    for (name, config, token, verdict) in cases {
        let mut worker = Worker::new(&world, config);
        let stream = worker.get(&token);
        assert_eq!(worker.verdict(stream), verdict, "{name}");
    }
}

#[test]
fn a_refusal_names_the_places_that_count_at_its_api() {
    let mut idp = idp();
    idp["from"] =
        json!([{ "header": "authorization" }, { "query": "access_token", "apis": ["files"] }]);
    let config = json!({ "providers": { "idp": idp }, "apis": [
        { "name": "files", "match": { "paths": ["/files/**"] }, "auth": ["idp"] },
        { "name": "orders", "auth": ["idp"] },
    ]});
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    let header = "no credential for `idp`; looked at header `authorization` with scheme `Bearer`";
    for (path, end) in [("/files/1", ", query parameter `access_token`\""), ("/orders/1", "\"")] {
        let stream = worker.request(head("GET", path, &[]));
        assert_eq!(worker.verdict(stream), "credential_missing");
        let line = worker.log.last().unwrap();
        assert!(line.contains(&format!("{header}{end}")), "{path}: {line}");
    }
}
