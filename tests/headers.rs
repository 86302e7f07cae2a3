//! Names of headers that other servers take for ours, or for a credential's: none comes through.

mod support;

use serde_json::{Value, json};
use support::token::{AUDIENCE, ISSUER, Signer, Token};
use support::world::{Worker, World, head, upstream};
use tollgate::config::Config;
use tollgate::event::{Event, HeaderChange, Section};
use tollgate::http::Fields;

/// An issuer that reads its token here, and this done with what goes upstream.
fn provider(issuer: &str, from: &Value, upstream: &Value) -> Value {
    json!({
        "issuer": issuer, "audiences": [AUDIENCE], "from": from, "upstream": upstream,
        "jwks": { "inline": { "keys": [Signer::new("k1").jwk()] } },
    })
}

fn token(issuer: &str) -> String {
    Signer::new("k1").sign(&Token::for_identity("alice").claim("iss", issuer))
}

/// Two issuers, which write and read headers of their own, and a public API beside theirs.
fn config(credential: &str, top: &str, mode: &str) -> String {
    let main = json!({ "credential": credential,
                       "headers": { "x-user": "sub", "x-user.name_2": "name" } });
    let main = provider(ISSUER, &json!([{ "header": "X-Token" }]), &main);
    let other = json!({ "credential": credential, "payload_header": "x-jwt-payload" });
    let from = json!([
        { "header": "authorization" }, { "header": "proxy-authorization" },
        { "header": "x-api.key", "scheme": "Key" }, { "cookie": "s", "any_origin": true },
        { "query": "t" },
    ]);
    let other = provider("https://other.example", &from, &other);
    json!({
        "providers": { "main": main, "other": other }, "mode": top,
        "apis": [
            { "name": "public", "match": { "paths": ["/public/**"] }, "auth": "none" },
            { "name": "other", "match": { "paths": ["/other/**"] }, "auth": ["other"] },
            { "name": "optional", "match": { "paths": ["/optional/**"] }, "auth": ["other"],
              "optional": true },
            { "name": "main", "auth": ["main"], "mode": mode },
        ],
    })
    .to_string()
}

/// The filter's own, the whole family, which no client may send to any API.
const OWN: &[&str] = &[
    "x-tollgate-identity",
    "X-Tollgate-Identity",
    "x.tollgate.identity",
    "x~tollgate-identity",
    "x_tollgate_identity",
    "x!tollgate'identity",
    "x*tollgate+identity",
    "x#tollgate$identity",
    "x%tollgate&identity",
    "x^tollgate`identity",
    "x|tollgate|identity",
    "x.tollgate.provider",
    "x.tollgate-anything",
    "x_tollgate~explain",
    "x-tollgate-",
];

/// What a provider is configured to write, also where another's API is called, and other spellings of
/// what a credential is read from.
const MISLEADING: &[&str] = &[
    "x.user",
    "x_user",
    "X~User",
    "x-user-name-2",
    "x_user_name.2",
    "x_jwt.payload",
    "x-jwt-payload",
    "x.jwt.payload",
    "x_token",
    "x.token",
    "X_Token",
    "x!token",
    "proxy_authorization",
    "proxy.authorization",
    "Proxy~Authorization",
    "x-api-key",
    "x_api_key",
    "X-Api_Key",
];

/// What is only like these, and nobody's but the client's.
const HARMLESS: &[&str] = &[
    "x-tollgate",
    "x-tollgates-identity",
    "xx-tollgate-identity",
    "x-tollg8te-identity",
    "x-tollgatexidentity",
    "x-users",
    "x--user",
    "xuser",
    "x-usar",
    "x-user-name-3",
    "x-user-name2",
    "x-token2",
    "xtoken",
    "x-api0key",
    "authorizations",
    "author-zation",
    "cookies",
    "user",
];

#[test]
fn no_spelling_of_what_is_written_or_read_comes_through_on_any_api() {
    let (main, other) = (token(ISSUER), format!("Bearer {}", token("https://other.example")));
    let credentials = [("x-token", main.as_str()), ("authorization", other.as_str())];
    let world = World::default();
    for (top, mode) in [("enforce", "enforce"), ("enforce", "report")] {
        for credential in ["strip", "keep"] {
            let mut worker = Worker::new(&world, &config(credential, top, mode));
            for path in ["/public/1", "/other/1", "/optional/1", "/main/1"] {
                for name in OWN.iter().chain(MISLEADING).chain(HARMLESS) {
                    let case = format!("{name} to {path}: {credential}, {mode}");
                    let sent = [&credentials[..], &[(*name, "mallory")]].concat();
                    let stream = worker.request(head("GET", path, &sent));
                    let left = upstream(&worker, stream, &sent);
                    let came = left.iter().any(|(_, value)| value == "mallory");
                    assert_eq!(came, HARMLESS.contains(name), "{case}: {left:?}");
                    // The exact names are theirs who read them, and nobody takes them elsewhere.
                    let read_here = |api: &str| path.starts_with(api) && credential == "strip";
                    for (name, spent) in [
                        ("x-token", read_here("/main") && mode == "enforce"),
                        ("authorization", read_here("/other") || read_here("/optional")),
                    ] {
                        let is_there = left.iter().any(|(found, _)| found == name);
                        assert_eq!(is_there, !spent, "{case}: {name}");
                    }
                }
            }
        }
    }
}

#[test]
fn only_the_exact_name_is_read() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config("strip", "enforce", "enforce"));
    let good = token(ISSUER);
    for name in ["x_token", "x.token", "x~token"] {
        let stream = worker.request(head("GET", "/main/1", &[(name, &good)]));
        assert_eq!(worker.verdict(stream), "credential_missing", "{name}");
        // Beside the exact one it is no second credential.
        let stream = worker.request(head("GET", "/main/1", &[("x-token", &good), (name, "x")]));
        assert_eq!(worker.verdict(stream), "forwarded", "{name}");
    }
    let stream = worker.request(head("GET", "/main/1", &[("X-TOKEN", &good)]));
    assert_eq!(worker.verdict(stream), "forwarded");
}

#[test]
fn what_only_reports_takes_nothing_but_the_filters_own() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config("strip", "report", "report"));
    for name in OWN.iter().chain(MISLEADING).chain(HARMLESS) {
        let sent = [(*name, "mallory")];
        let stream = worker.request(head("GET", "/main/1", &sent));
        let came = !upstream(&worker, stream, &sent).is_empty();
        assert_eq!(came, !OWN.contains(name), "{name}");
    }
}

#[test]
fn trailers_carry_neither_what_is_written_nor_what_is_read() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config("keep", "enforce", "enforce"));
    let stream = worker.request(head("GET", "/public/1", &[]));
    let exact = ["x-token", "Authorization", "proxy-authorization", "x-api.key", "cookie"];
    let names = || OWN.iter().chain(MISLEADING).chain(&exact);
    let fields: Fields = names().chain(HARMLESS).map(|name| (*name, "mallory")).collect();
    worker.handle(Event::Fields { stream, section: Section::RequestTrailers, fields });
    let expected: Vec<_> = names().map(|name| name.as_bytes().to_vec()).collect();
    assert_eq!(worker.cleaned, expected);
}

#[test]
fn an_upstream_sends_no_spelling_of_our_own_back() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config("strip", "enforce", "enforce"));
    let stream = worker.request(head("GET", "/public/1", &[]));
    let ours = ["x.tollgate.code", "X~Tollgate-Identity", "x_tollgate_x", "x-tollgate-explain"];
    let theirs = ["x-user", "x_token", "x-tollgate", "x-tollgates-x", "authorization"];
    for section in [Section::ResponseHeaders, Section::ResponseTrailers] {
        worker.cleaned.clear();
        let fields: Fields = ours.iter().chain(&theirs).map(|name| (*name, "")).collect();
        worker.handle(Event::Fields { stream, section, fields });
        assert_eq!(worker.cleaned, ours.map(|name| name.as_bytes().to_vec()), "{section:?}");
    }
}

#[test]
fn a_pseudo_header_is_nobodys_spelling() {
    let from = json!([{ "header": "_path" }, { "header": ".method" }, { "header": "~scheme" }]);
    let upstream_headers = json!({ "headers": { "-authority": "sub" } });
    let config = json!({ "providers": { "idp": provider(ISSUER, &from, &upstream_headers) } });
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    let stream =
        worker.request(head("GET", "/", &[(":scheme", "https"), ("_path", &token(ISSUER))]));
    let expected = [
        HeaderChange::Remove(b"_path".to_vec()),
        HeaderChange::Set("-authority".into(), b"alice".to_vec()),
    ];
    assert_eq!(worker.changes(stream), expected);
}

#[test]
fn a_connection_header_names_no_spelling_of_ours() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config("strip", "enforce", "enforce"));
    let sent = [("connection", "keep-alive, x.tollgate.identity, X~User, x-other")];
    let stream = worker.request(head("GET", "/public/1", &sent));
    let expected = [("connection".to_owned(), "keep-alive, x-other".to_owned())];
    assert_eq!(upstream(&worker, stream, &sent), expected);
}

#[test]
fn two_spellings_of_one_header_are_not_read_side_by_side() {
    let reading = |one: &str, other: &str| {
        let one = provider(ISSUER, &json!([{ "header": one }]), &json!({}));
        let other = provider("https://other.example", &json!([{ "header": other }]), &json!({}));
        let config = json!({
            "providers": { "one": one, "other": other },
            "apis": [{ "name": "a", "match": { "paths": ["/a"] }, "auth": ["one"] },
                     { "name": "b", "auth": ["other"] }],
        });
        Config::parse(config.to_string().as_bytes()).map(drop).map_err(|problems| {
            problems.iter().map(|one| (one.path.to_string(), one.code.name())).collect::<Vec<_>>()
        })
    };
    for fine in [("x-token", "x-token"), ("x-token", "x-token2"), ("x-token", "X-Token")] {
        assert_eq!(reading(fine.0, fine.1), Ok(()), "{fine:?}");
    }
    for wrong in [("x-token", "x_token"), ("x.token", "x-token"), ("x-token", "X~Token")] {
        let expected = vec![("providers.other.from[0]".to_owned(), "place_shared")];
        assert_eq!(reading(wrong.0, wrong.1), Err(expected), "{wrong:?}");
    }
    // Nor is one written that another spelling of is read.
    for (read, written) in [("x-token", "x.token"), ("x_api_key", "x-api~key")] {
        let writing = json!({ "headers": { written: "sub" } });
        let config = json!({ "providers": {
            "one": provider(ISSUER, &json!([{ "header": read }]), &writing) } });
        let problems = Config::parse(config.to_string().as_bytes()).unwrap_err();
        assert_eq!(problems.first().unwrap().code.name(), "header_conflict", "{written}");
    }
}

/// To look through all that was found for each would take 20,000,000,000 comparisons.
#[test]
fn names_without_number_are_removed_in_one_pass() {
    const MANY: usize = 200_000;
    let world = World::default();
    let mut worker = Worker::new(&world, &config("strip", "enforce", "enforce"));
    let names: Vec<_> = (0..MANY).map(|number| format!("x-tollgate-{number}")).collect();
    let mut sent: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
    sent.push(("x-other", "stays"));
    let stream = worker.request(head("GET", "/public/1", &sent));
    assert_eq!(worker.changes(stream).len(), MANY);
    let section = Section::ResponseHeaders;
    let fields: Fields = sent.iter().copied().collect();
    worker.handle(Event::Fields { stream, section, fields });
    assert_eq!(worker.cleaned.len(), MANY);
}
