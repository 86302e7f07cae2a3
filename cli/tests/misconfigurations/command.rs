//! The same mistakes, told by the command line: `tollgate explain` of the failing request, and
//! `tollgate check` of the file.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tollgate::jose::jwk::{KeySet, Origin};
use tollgate_cli::{Exit, Streams};

use crate::case::{Case, Shows, cases, failures};
use crate::support::recorded;
use crate::support::token::NOW;
use crate::{around, scene};

/// What a proxy remembers or knows, and a single request beside it does not: when it last asked for
/// keys, how often a caller has come, that it came over no network, what a provider says of a token.
const NEED_A_PROXY: [&str; 10] =
    ["M06", "P43", "P44", "L04", "L05", "L06", "O06", "O07", "O08", "O09"];

/// What a run ended with, and all that it wrote.
struct Ran {
    exit: Exit,
    out: String,
    err: String,
}

/// Checks a file of Envoy: how the command ended, and what it said.
pub(crate) fn check_envoy(id: &str, envoy: &Value) -> (Exit, String) {
    let file = write(id, "envoy.json", &envoy.to_string());
    let ran = run(&["tollgate".into(), "check".into(), file.into()]);
    (ran.exit, ran.out + &ran.err)
}

fn run(arguments: &[OsString]) -> Ran {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let streams = &mut Streams { input: &mut std::io::empty(), out: &mut out, err: &mut err };
    let exit = tollgate_cli::run(arguments.iter().cloned(), streams);
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ran { exit, out: text(out), err: text(err) }
}

/// A file of a case's own.
fn write(id: &str, name: &str, text: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("misconfigurations").join(id);
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
    let config = write(case.id, &format!("{which}.json"), &scene::configuration(&scene));
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
            let file = write(case.id, &format!("{which}-{provider}.jwks.json"), &body);
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
        // What a warning is about is told by `check`; here is told what the request lacks.
        Shows::Warning("claim_insufficient") => ("apis[0].require", &[]),
        Shows::Warning("token_audience_mismatch") => ("providers.okta.audiences", &[]),
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
    let mended = case.mended();
    let is_asked = mended["config"]["providers"]["okta"]["kind"] == "introspection";
    let (exit, said) = explain(case, mended, "mended");
    if is_asked {
        assert!(said.contains("only the provider can say more of this token"), "{id}: {said}");
        return;
    }
    assert_eq!(exit, Exit::Fine, "{id}: with the remedy: {said}");
}

#[test]
fn every_failing_request_is_explained_by_field_and_remedy() {
    let all = cases();
    let alone: Vec<_> = all.iter().filter(|case| !NEED_A_PROXY.contains(&case.id)).collect();
    assert_eq!(alone.len() + NEED_A_PROXY.len(), all.len());
    assert_eq!(failures(&alone, prove), "");
}

/// Checks a file: how the command ended, and what it said.
fn check(file: &Path) -> (Exit, String) {
    let strict = ["tollgate", "check", "--strict", "--at", "2027-01-15T08:00:00Z"];
    let mut arguments: Vec<OsString> = strict.map(OsString::from).into();
    arguments.push(file.into());
    let ran = run(&arguments);
    (ran.exit, ran.out + &ran.err)
}

/// Proves that the file is told to be wrong by its field, and with the remedy is not.
fn prove_file(case: &Case) {
    let id = case.id;
    let file = write(case.id, "checked.json", &scene::configuration(&case.mistaken()));
    let (exit, said) = check(&file);
    assert_eq!(exit, Exit::Problems, "{id}: {said}");
    assert!(said.contains(&format!(" {}: ", case.field)), "{id}: {said}");
    for word in case.words {
        assert!(said.contains(word), "{id}: {word:?} is not said: {said}");
    }
    let file = write(case.id, "checked.json", &scene::configuration(&case.mended()));
    let (_, said) = check(&file);
    assert!(!said.contains(&format!(" {}: ", case.field)), "{id}: {said}");
}

#[test]
fn what_is_wrong_with_a_file_is_told_before_a_proxy_reads_it() {
    let all = cases();
    let is_told = |case: &&Case| matches!(case.shows, Shows::Problem | Shows::Warning(_));
    let told: Vec<_> = all.iter().filter(is_told).collect();
    assert!(told.len() >= 20, "{} cases", told.len());
    assert_eq!(failures(&told, prove_file), "");
}

/// An Envoy configuration with the filter and the clusters of a scene.
pub(crate) fn envoy(scene: &Value) -> Value {
    let clusters = scene["clusters"].as_object().expect("clusters");
    let clusters = clusters.iter().map(|(name, cluster)| {
        json!({
            "name": name,
            "type": "LOGICAL_DNS",
            "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": [{ "endpoint": {
                "address": { "socket_address": { "address": cluster["sni"], "port_value": 443 } } } }] }] },
            "transport_socket": {
                "name": "envoy.transport_sockets.tls",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                    "sni": cluster["sni"],
                    "common_tls_context": { "validation_context": {
                        "trusted_ca": { "filename": "/etc/ssl/certs/ca-certificates.crt" },
                        "match_typed_subject_alt_names": [
                            { "san_type": "DNS", "matcher": { "exact": cluster["sni"] } },
                        ],
                    } },
                }
            }
        })
    });
    let filter = json!({
        "name": "tollgate",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "root_id": "tollgate",
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": scene::configuration(scene),
                },
                "vm_config": {
                    "vm_id": "tollgate",
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": { "local": { "filename": "/etc/envoy/tollgate.wasm" } },
                },
            },
        },
    });
    json!({ "static_resources": {
        "clusters": clusters.collect::<Vec<_>>(),
        "listeners": [{ "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "normalize_path": true, "merge_slashes": true,
                "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT",
                "http_filters": [filter],
            },
        }] }] }],
    } })
}

#[test]
fn what_check_says_of_each_mistake_is_recorded() {
    recorded::hold("check", || {
        for case in cases() {
            record(case.id, "configuration.json", &scene::configuration(&case.mistaken()));
            if matches!(case.id, "P20" | "P21") {
                record(case.id, "envoy.json", &envoy(&case.mistaken()).to_string());
            }
        }
        around::record();
    });
}

/// Records what is said of a file.
pub(crate) fn record(id: &str, name: &str, text: &str) {
    let file = write(&format!("{id}-recorded"), name, text);
    let (exit, said) = check(&file);
    recorded::section(&format!("{id} in {name}"));
    let said = said.replace(file.to_str().expect("UTF-8"), name);
    for line in said.lines() {
        // It ends with its code.
        recorded::line(line.rsplit(' ').next().unwrap_or_default(), line);
    }
    recorded::line("exit", format!("{exit:?}"));
}

#[test]
fn a_missing_cluster_and_a_wrong_tls_name_are_told_from_envoys_own_file() {
    let all = cases();
    // id, what must be said
    for (id, word) in [("P20", "no cluster `octa`"), ("P21", "`example.okta.com`")] {
        let case = all.iter().find(|case| case.id == id).expect("a case");
        let file = write(case.id, "envoy.yaml", &envoy(&case.mistaken()).to_string());
        let (exit, said) = check(&file);
        assert_eq!(exit, Exit::Problems, "{id}: {said}");
        let line = said.lines().find(|line| line.contains(&format!(" {}: ", case.field)));
        assert!(line.is_some_and(|line| line.contains(word)), "{id}: {said}");
        let file = write(case.id, "envoy.yaml", &envoy(&case.mended()).to_string());
        let (_, said) = check(&file);
        assert!(!said.contains(case.field), "{id}: with the remedy: {said}");
    }
}
