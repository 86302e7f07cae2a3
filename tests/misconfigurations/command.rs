//! The same mistakes, told by the command line: `tollgate explain` of the failing request.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tollgate::cli::{self, Exit, Streams};
use tollgate::jose::jwk::{KeySet, Origin};

use crate::case::{Case, Shows};
use crate::scene;
use crate::support::token::NOW;
use crate::{cases, failures};

/// What a proxy remembers, and a single request beside it does not: when it last asked for keys, how
/// often a caller has come.
const NEED_A_PROXY: [&str; 3] = ["M06", "P43", "P44"];

/// What a run ended with, and all that it wrote.
struct Ran {
    exit: Exit,
    out: String,
    err: String,
}

fn run(arguments: &[OsString]) -> Ran {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let streams = &mut Streams { input: &mut std::io::empty(), out: &mut out, err: &mut err };
    let exit = cli::run(arguments.iter().cloned(), streams);
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ran { exit, out: text(out), err: text(err) }
}

/// A file of a case's own.
fn write(case: &Case, name: &str, text: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("misconfigurations").join(case.id);
    fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join(name);
    fs::write(&file, text).expect("a file");
    file
}

/// Every text in a JSON document, one behind the other.
fn texts(value: &Value, all: &mut String) {
    match value {
        Value::String(text) => {
            all.push_str(text);
            all.push('\n');
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, all)),
        Value::Object(members) => members.values().for_each(|member| texts(member, all)),
        _ => {}
    }
}

/// A moment as `--at` takes it; the tests' clocks start at 2027-01-15T08:00:00Z.
fn moment(secs: u64) -> String {
    let since = secs.checked_sub(NOW).expect("a later moment");
    let (day, rest) = (15 + since / 86_400, 8 * 3600 + since % 86_400);
    let (day, rest) = (day + rest / 86_400, rest % 86_400);
    format!("2027-01-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

/// The scene as it is when the request comes, and the moment.
fn at_last(mut scene: Value) -> (Value, u64) {
    let mut now = NOW + scene["clock"].as_u64().unwrap_or(0);
    for step in scene["before"].as_array().cloned().unwrap_or_default() {
        for (pointer, value) in step["change"].as_object().into_iter().flatten() {
            scene::change_one(&mut scene, pointer, value);
        }
        now += step["wait"].as_u64().unwrap_or(0);
    }
    (scene, now)
}

/// Explains the request of a scene: how the command ended, and all that it said.
fn explain(case: &Case, scene: Value, which: &str) -> (Exit, String) {
    let (scene, now) = at_last(scene);
    let config = write(case, &format!("{which}.json"), &scene::configuration(&scene));
    let mut arguments: Vec<OsString> =
        ["tollgate", "explain", "--no-token", "--format", "json"].map(OsString::from).into();
    let mut add = |name: &str, value: &str| {
        arguments.push(name.into());
        arguments.push(value.into());
    };
    add("--config", config.to_str().expect("UTF-8"));
    add("--at", &moment(now));
    add("--host", "api.example.com");
    for name in ["method", "path"] {
        add(&format!("--{name}"), scene["request"][name].as_str().expect("a text"));
    }
    for (name, value) in scene::headers(&scene) {
        add("--header", &format!("{name}: {value}"));
    }
    for (provider, one) in scene["config"]["providers"].as_object().expect("providers") {
        // Given is what the operator could fetch the way that the proxy does.
        let url = one["jwks"]["url"].as_str().unwrap_or_default();
        let cluster = one["jwks"]["cluster"].as_str().unwrap_or_default();
        let sni = scene["clusters"][cluster]["sni"].as_str().unwrap_or("nobody");
        let body = scene::body(&scene["answers"][url]);
        let is_there = url.starts_with(&format!("https://{sni}/"));
        if is_there && KeySet::parse(body.as_bytes(), Origin::Fetched).is_ok() {
            let file = write(case, &format!("{which}-{provider}.jwks.json"), &body);
            add("--jwks", &format!("{provider}={}", file.display()));
        }
    }
    let ran = run(&arguments);
    let mut said = String::new();
    match serde_json::from_str(&ran.out) {
        Ok(document) => texts(&document, &mut said),
        Err(_) => said.push_str(&ran.out),
    }
    (ran.exit, said + &ran.err)
}

/// Proves that the command tells a case, and that the remedy helps.
fn prove(case: &Case) {
    let (id, token) = (case.id, scene::token(&case.mistaken()));
    let (exit, said) = explain(case, case.mistaken(), "mistake");
    assert_ne!(exit, Exit::Fine, "{id}: {said}");
    let (field, words): (_, &[&str]) = match case.shows {
        Shows::Problem | Shows::Refusal(_) => (case.field, case.words),
        // The command says that there are no keys: what Envoy brings in their place, Envoy knows.
        Shows::Keys(..) => ("providers.okta.jwks", &[]),
        // What a warning is about is told by `check`.
        Shows::Warning(_) => ("apis[0].auth", &[]),
    };
    assert!(said.contains(field), "{id}: {field} is not named: {said}");
    for word in words {
        assert!(said.contains(word), "{id}: {word:?} is not said: {said}");
    }
    let parts = token.split('.').filter(|part| part.len() > 16);
    assert!(parts.into_iter().all(|part| !said.contains(part)), "{id}: a token: {said}");
    if matches!(case.shows, Shows::Keys("keys_fetch_failed", _)) {
        return;
    }
    let (exit, said) = explain(case, case.mended(), "mended");
    assert_eq!(exit, Exit::Fine, "{id}: with the remedy: {said}");
}

#[test]
fn every_failing_request_is_explained_by_field_and_remedy() {
    let all = cases();
    let alone: Vec<_> = all.iter().filter(|case| !NEED_A_PROXY.contains(&case.id)).collect();
    assert_eq!(alone.len() + NEED_A_PROXY.len(), all.len());
    assert_eq!(failures(&alone, prove), "");
}
