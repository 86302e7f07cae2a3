//! The steps of a decision, told by a real proxy to whoever shows the key, and to nobody else.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::harness::{
    Answer, Envoy, Filter, ISSUER, KeyServer, Listener, Request, Response, Signer, Site, Token,
    Upstream, configuration, fetch, key_set,
};

const HEADER: &str = "x-tollgate-explain";
const KEY: &str = "open-sesame";

fn filter(keys: &KeyServer) -> Filter {
    let main = keys.provider(ISSUER, "/keys");
    let mut all = configuration(
        json!({ "main": main }),
        json!([
            { "name": "public", "match": { "paths": ["/public/**"] }, "auth": "none" },
            { "name": "trial", "match": { "paths": ["/trial/**"] }, "auth": ["main"], "mode": "report" },
            { "name": "rest", "auth": ["main"] },
        ]),
    );
    let hash: String = Sha256::digest(KEY).iter().map(|byte| format!("{byte:02x}")).collect();
    all["explain"] = json!({ "key_sha256": [hash] });
    Filter::new(&all)
}

/// What an answer tells in its header, which nobody may keep.
fn in_header(answer: &Response) -> Value {
    assert_eq!(answer.headers("cache-control"), ["private, no-store"]);
    for name in ["cdn-cache-control", "surrogate-control"] {
        assert_eq!(answer.headers(name), ["no-store"], "{name}");
    }
    let told = answer.headers(HEADER);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].len() <= 4096 && told[0].is_ascii(), "{told:?}");
    serde_json::from_str(&told[0]).expect("JSON")
}

fn steps(told: &Value) -> Vec<&str> {
    let steps = told["steps"].as_array().expect("steps").iter();
    let mut names: Vec<_> = steps.map(|step| step["step"].as_str().expect("a name")).collect();
    names.dedup();
    names
}

#[test]
fn whoever_shows_the_key_is_told_each_step_and_nobody_else_is() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    let theirs = [
        ("cache-control", "public, max-age=600"),
        ("cdn-cache-control", "max-age=600"),
        (HEADER, "theirs"),
        ("X-Tollgate_Explain", "theirs"),
    ];
    upstream.answer_with(&theirs);
    upstream.end_with(&[(HEADER, "theirs"), ("x-checksum", "7")]);
    let listener = Listener::new(&filter(&keys)).raw();
    let site = Site::new("explain", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener));
    let port = listener.port;
    let (good, late) = (
        signer.sign(&Token::of("alice")),
        signer.sign(&Token::of("alice").claim("exp", 1_600_000_000)),
    );
    let asking = |path: &str, token: &str| Request::get(path).bearer(token).header(HEADER, KEY);

    // A refusal tells in its body; without the key the same answer comes without the steps.
    let refused = fetch(port, &asking("/late", &late));
    assert_eq!(refused.verdict(), (401, "token_expired".to_owned()));
    assert_eq!(refused.headers("cache-control"), ["private, no-store"]);
    let told = &refused.json()["explain"];
    assert_eq!((&told["verdict"], &told["step"]), (&json!("refused"), &json!("claims")));
    assert!(steps(told).ends_with(&["token", "key", "signature", "claims"]), "{told}");
    for shown in ["", "wrong", "open-sesame "] {
        let plain = fetch(
            port,
            &Request::get("/late")
                .bearer(&late)
                .header(HEADER, shown.trim_end())
                .header(HEADER, shown),
        );
        let mut explained = refused.json();
        let mut expected = plain.json();
        for body in [&mut explained, &mut expected] {
            body.as_object_mut().expect("an object").remove("explain");
            body["request_id"] = Value::Null;
        }
        assert_eq!((plain.status(), expected), (401, explained), "{shown}");
        assert_eq!(plain.json()["explain"], Value::Null);
        assert_eq!(plain.headers("cache-control"), ["no-store"]);
        assert!(!plain.has_field_starting(HEADER), "{shown}");
    }

    // An answer of the upstream tells in a header, whatever the upstream says of caches and steps.
    for (path, verdict) in
        [("/good/1", "allowed"), ("/good/2", "allowed"), ("/public/1", "allowed")]
    {
        let answer = fetch(port, &asking(path, &good));
        assert_eq!(answer.status(), 200, "{path}");
        let told = in_header(&answer);
        assert_eq!(told["verdict"], verdict, "{path}");
        assert_eq!(steps(&told).last(), Some(&"handoff"), "{path}: {told}");
        assert_eq!(answer.trailer("x-checksum").as_deref(), Some("7"));
        assert_eq!(answer.trailer(HEADER), None);
        let seen = upstream.only(path);
        let ours = |(name, _): &&(String, Vec<u8>)| name.contains("explain");
        assert_eq!(seen.headers.iter().find(ours), None, "{path}");
    }
    let told = in_header(&fetch(port, &asking("/trial/1", &late)));
    assert_eq!(
        (&told["verdict"], &told["code"]),
        (&json!("would_refuse"), &json!("token_expired"))
    );
    let plain = fetch(port, &Request::get("/good/3").bearer(&good).header(HEADER, "wrong"));
    assert_eq!(plain.headers("cache-control"), ["public, max-age=600"]);
    assert!(!plain.has_field_starting("x-tollgate"));
    let seen = upstream.only("/good/3");
    assert_eq!(seen.values(HEADER), Vec::<String>::new());

    // gRPC tells in metadata, and its status is as it was.
    let grpc = fetch(port, &asking("/late", &late).grpc());
    assert_eq!(grpc.header("grpc-status").as_deref(), Some("16"));
    assert_eq!(in_header(&grpc)["code"], "token_expired");
    let grpc = fetch(port, &asking("/good/4", &good).grpc());
    assert_eq!(in_header(&grpc)["verdict"], "allowed");

    envoy.assert_no_trap();
    envoy.assert_no_secret(&[good, late, KEY.to_owned()]);
}

#[test]
fn a_request_that_waits_for_keys_is_told_that_it_did() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    let listener = Listener::new(&filter(&keys)).raw();
    let site = Site::new("explain-waits", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener));
    let rotated = Signer::new("k2");
    fetch(listener.port, &Request::get("/first").bearer(signer.sign(&Token::of("alice"))));
    keys.set("/keys", Answer::json(&key_set(&[&signer, &rotated])));
    let request = Request::get("/second").bearer(rotated.sign(&Token::of("alice")));
    let answer = fetch(listener.port, &request.header(HEADER, KEY));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let told = in_header(&answer);
    let waited =
        told["steps"].as_array().expect("steps").iter().find(|step| step["decided"] == "waits");
    let found = waited.expect("a step that waits")["found"].as_str().expect("words");
    assert!(found.starts_with("the request waited "), "{told}");
    envoy.assert_no_trap();
}
