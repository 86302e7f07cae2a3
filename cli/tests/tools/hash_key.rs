use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tollgate_cli::Exit;

use super::support::world::{Worker, World, head};
use super::tollgate;

const KEY: &str = "p4Jv1bV1xv0oT7vM8m0yUo2kY2mS4wq3";

fn sha256(key: &str) -> String {
    Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_key_is_hashed_without_its_newline_and_never_shown() {
    for end in ["", "\n", "\r\n"] {
        let ran = tollgate(&["hash-key"], format!("{KEY}{end}").as_bytes());
        assert_eq!((ran.exit, ran.err.as_str()), (Exit::Fine, ""), "{end:?}");
        assert_eq!(ran.out, format!("{}\n", sha256(KEY)), "{end:?}");
    }
    let ran = tollgate(&["hash-key", "--format", "json"], KEY.as_bytes());
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(told["sha256"], sha256(KEY));
    assert!(!ran.out.contains(KEY));
}

#[test]
fn what_can_be_no_key_is_refused_and_not_quoted() {
    let cases = [
        ("nothing", ""),
        ("a newline alone", "\n"),
        ("two lines", "secret-one\nsecret-two\n"),
        ("an empty line behind it", "secret-one\n\n"),
        ("a tab", "secret\tone"),
        ("a space in front", " secret-one"),
        ("a space behind", "secret-one "),
    ];
    for (name, input) in cases {
        let ran = tollgate(&["hash-key"], input.as_bytes());
        assert_eq!((ran.exit, ran.out.as_str()), (Exit::Misuse, ""), "{name}");
        assert!(ran.err.starts_with("tollgate: standard input: "), "{name}: {}", ran.err);
        assert!(!ran.err.contains("secret"), "{name}: {}", ran.err);
    }
}

#[test]
fn a_weak_key_is_hashed_with_a_warning() {
    for key in ["short", "aaaaaaaaaaaaaaaaaaaaaaaa"] {
        let ran = tollgate(&["hash-key"], key.as_bytes());
        assert_eq!((ran.exit, ran.out), (Exit::Fine, format!("{}\n", sha256(key))));
        assert!(ran.err.contains("warning: the key ") && !ran.err.contains(key), "{}", ran.err);
    }
}

#[test]
fn a_new_key_has_256_bits_and_comes_with_its_hash() {
    let ran = tollgate(&["hash-key", "--generate"], b"");
    let lines: Vec<_> = ran.out.lines().collect();
    let [key, hash] = lines.as_slice() else { panic!("{lines:?}") };
    let key = key.strip_prefix("key     ").unwrap();
    assert_eq!(URL_SAFE_NO_PAD.decode(key).unwrap().len(), 32);
    assert_eq!(hash.strip_prefix("sha256  "), Some(sha256(key).as_str()));
    let told = || -> Value {
        let ran = tollgate(&["hash-key", "--generate", "--format", "json"], b"");
        serde_json::from_str(&ran.out).unwrap()
    };
    let (one, other) = (told(), told());
    assert_ne!(one["key"], other["key"]);
    assert_eq!(one["sha256"], sha256(one["key"].as_str().unwrap()));
}

#[test]
fn the_hash_lets_its_key_in_and_no_other() {
    let hash = tollgate(&["hash-key"], format!("{KEY}\n").as_bytes()).out;
    let config = serde_json::json!({ "providers": { "partner": { "kind": "api_key",
        "from": [{ "header": "x-api-key" }],
        "keys": [{ "name": "acme", "sha256": hash.trim(), "identity": "acme" }] } } });
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    for (key, verdict) in [(KEY, "forwarded"), ("another key", "key_unknown")] {
        let stream = worker.request(head("GET", "/", &[("x-api-key", key)]));
        assert_eq!(worker.verdict(stream), verdict);
    }
}
