//! Every form in which a file of Envoy gives the filter its configuration: what `tollgate check` calls
//! fine, Envoy loads, and what Envoy refuses, `check` calls wrong. Both read the very same file.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use tollgate_cli::{Exit, Streams};

use super::harness::{Envoy, free_port, places, until};

const JSON: &str = r#"{"providers": {"okta": {"issuer": "https://okta.example", "audiences": ["api"], "jwks": {"url": "https://okta.example/keys", "cluster": "okta"}}}}"#;

const TREE: &str = "providers:
  okta:
    issuer: https://okta.example
    audiences: [api]
    jwks: { url: \"https://okta.example/keys\", cluster: okta }";

/// The same with something of a member written another way.
fn tree_with(member: &str) -> String {
    format!("{TREE}\n{member}")
}

fn indented(text: &str, by: usize) -> String {
    text.replace('\n', &format!("\n{}", " ".repeat(by)))
}

fn listener(configuration: &str) -> String {
    let module = places::wasm();
    format!(
        r#"name: api
address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
filter_chains:
  - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: api
          route_config: {{ virtual_hosts: [{{ name: a, domains: ["*"], routes: [{{ match: {{ prefix: / }}, direct_response: {{ status: 200 }} }}] }}] }}
          http_filters:
            - name: tollgate
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
                config:
                  name: tollgate
                  root_id: tollgate
                  failure_policy: FAIL_RELOAD
                  vm_config: {{ vm_id: t, runtime: envoy.wasm.runtime.v8, code: {{ local: {{ filename: {module:?} }} }} }}
                  configuration:
                    {configuration}
            - name: envoy.filters.http.router
              typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}"#,
        port = free_port(),
        configuration = indented(configuration.trim_end(), 20),
    )
}

const CLUSTER: &str = "  clusters:
    - name: okta
      type: STATIC
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
          sni: okta.example
      load_assignment: { cluster_name: okta }";

/// A whole bootstrap.
fn bootstrap(configuration: &str) -> String {
    let listener = indented(&listener(configuration), 6);
    format!("static_resources:\n  listeners:\n    - {listener}\n{CLUSTER}\n")
}

fn typed(name: &str, value: &str) -> String {
    format!("\"@type\": type.googleapis.com/{name}\nvalue: {value}")
}

fn with_tree(name: &str, tree: &str) -> String {
    typed(name, &format!("\n  {}", indented(tree, 2)))
}

fn with_json(name: &str, json: &str) -> String {
    typed(name, &format!("|\n  {json}"))
}

/// Whether `tollgate check` has no problem with a file, and what it says.
fn checked(file: &Path) -> (bool, String) {
    let arguments = ["tollgate".into(), "check".into(), OsString::from(file)];
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut input: &[u8] = b"";
    let mut streams = Streams { input: &mut input, out: &mut out, err: &mut err };
    let exit = tollgate_cli::run(arguments, &mut streams);
    let said = String::from_utf8([out, err].concat()).unwrap();
    assert!(matches!(exit, Exit::Fine | Exit::Problems), "{}: {said}", file.display());
    (exit == Exit::Fine, said)
}

/// Whether Envoy loads a file, and what it says.
fn loaded(file: &Path) -> (bool, String) {
    let output = Command::new(places::envoy())
        .args(["--mode", "validate", "--log-level", "error", "--config-path"])
        .arg(file)
        .output()
        .expect("Envoy runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

const STRUCT: &str = "google.protobuf.Struct";
const STRING: &str = "google.protobuf.StringValue";
const BYTES: &str = "google.protobuf.BytesValue";
const XDS: &str = "xds.type.v3.TypedStruct";
const UDPA: &str = "udpa.type.v1.TypedStruct";

/// Each form of `configuration`, and whether it can be loaded.
fn forms() -> Vec<(&'static str, String, bool)> {
    let url = |form: String| format!("{form}\ntype_url: type.googleapis.com/x");
    let nested = |inner: &str| with_tree("google.protobuf.Any", inner);
    vec![
        ("a text", with_json(STRING, JSON), true),
        ("a text in quotes", typed(STRING, &format!("'{JSON}'")), true),
        ("a folded text", typed(STRING, &format!(">-\n  {JSON}")), true),
        ("bytes", typed(BYTES, &STANDARD.encode(JSON)), true),
        ("bytes without padding", typed(BYTES, &STANDARD_NO_PAD.encode(format!("{JSON} "))), true),
        ("a Struct", with_tree(STRUCT, TREE), true),
        ("a Struct as JSON", typed(STRUCT, JSON), true),
        ("a TypedStruct", url(with_tree(XDS, TREE)), true),
        ("the older TypedStruct", url(with_tree(UDPA, TREE)), true),
        ("a TypedStruct of no type", with_tree(XDS, TREE), true),
        ("an Any in an Any", nested(&with_tree(STRUCT, TREE)), true),
        ("a TypedStruct in an Any", nested(&url(with_tree(XDS, TREE))), true),
        (
            "a Struct of another host",
            with_tree(STRUCT, TREE).replace("type.googleapis.com", "example.com"),
            true,
        ),
        ("JSON as bytes", with_json(BYTES, JSON), false),
        ("YAML as a text", with_json(STRING, &indented(TREE, 2)), false),
        ("a tree as a text", with_tree(STRING, TREE), false),
        ("a tree as bytes", with_tree(BYTES, TREE), false),
        ("a text as a Struct", typed(STRUCT, &format!("'{JSON}'")), false),
        (
            "a Struct without value",
            format!("\"@type\": type.googleapis.com/{STRUCT}\n{TREE}"),
            false,
        ),
        (
            "a Struct in a Struct",
            with_tree(STRUCT, &format!("value:\n  {}", indented(TREE, 2))),
            false,
        ),
        ("a list as a Struct", typed(STRUCT, "[1]"), false),
        ("nothing in a Struct", typed(STRUCT, "{}"), false),
        ("no value", format!("\"@type\": type.googleapis.com/{STRUCT}"), false),
        (
            "no value in a TypedStruct",
            format!("\"@type\": type.googleapis.com/{XDS}\ntype_url: x/y"),
            false,
        ),
        ("an empty text", typed(STRING, "''"), false),
        ("nothing for a text", typed(STRING, "~"), false),
        ("a number for a text", typed(STRING, "12"), false),
        ("a word for a text", typed(STRING, "yes"), false),
        ("a text in an Any", nested(&with_json(STRING, JSON)), false),
        ("a Value", with_tree("google.protobuf.Value", TREE), false),
        ("a text as a Value", typed("google.protobuf.Value", &format!("'{JSON}'")), false),
        ("a ListValue", typed("google.protobuf.ListValue", "[1]"), false),
        ("a Duration", typed("google.protobuf.Duration", "5s"), false),
        ("Empty", "\"@type\": type.googleapis.com/google.protobuf.Empty".to_owned(), false),
        ("a type that nobody knows", with_tree("google.protobuf.Nothing", TREE), false),
        ("no type", format!("value: |\n  {JSON}"), false),
        ("no type, a tree", TREE.to_owned(), false),
        (
            "a type without a host",
            with_tree(STRUCT, TREE).replace("type.googleapis.com/", ""),
            false,
        ),
        ("something beside a text", format!("{}\nother: 1", with_json(STRING, JSON)), false),
        ("something beside a Struct", format!("{}\nother: 1", with_tree(STRUCT, TREE)), false),
        (
            "something beside a TypedStruct",
            format!("{}\nother: 1", url(with_tree(XDS, TREE))),
            false,
        ),
    ]
}

/// Members of a `Struct` of which Envoy's reader makes something that the filter refuses, or takes.
fn members() -> Vec<(&'static str, &'static str, bool)> {
    vec![
        ("a number", "sessions: { capacity: 1024 }", true),
        ("the largest of 32 bits", "sessions: { capacity: 8 }\nlog: { per_second: 1000000 }", true),
        ("a date in quotes", "realm: \"2027-01-01\"", true),
        ("a date", "realm: 2027-01-01", true),
        ("a word in quotes", "realm: \"on\"", true),
        ("a word that is none", "realm: yEs", true),
        ("a word", "realm: on", false),
        ("a number for text", "realm: 12", false),
        ("octal for text", "realm: 0123", false),
        ("a fraction for a number", "sessions: { capacity: 1024.0 }", false),
        ("a large number for a number", "sessions: { capacity: 2147483648 }", false),
        ("a number with an exponent", "sessions: { capacity: 1e3 }", false),
        ("a number with a bar", "sessions: { capacity: 1_024 }", false),
        ("nothing", "sessions: ~", false),
        ("nothing in words", "realm: null", false),
        ("a merge key", "<<: { realm: a }", false),
        ("a misspelt member", "reaml: a", false),
    ]
}

/// Of these the reader makes what the filter takes, and what nobody wrote: `check` alone can tell.
const CHANGED: [(&str, &str); 8] = [
    ("yes for true", "apis: [{ name: a, auth: [okta], optional: yes }]"),
    ("an octal number", "sessions: { capacity: 0123 }"),
    ("a hexadecimal number", "sessions: { capacity: 0x10 }"),
    ("a fraction as text", "realm: 1.5"),
    ("a large number as text", "realm: 2147483648"),
    ("a name twice", "realm: a\nrealm: b"),
    ("a name twice, deep", "sessions: { capacity: 8, capacity: 16 }"),
    ("a tag", "realm: !!str on"),
];

#[test]
fn check_and_envoy_agree_on_every_form() {
    let folder = places::scratch("forms");
    let mut rows: Vec<(String, String, bool)> = forms()
        .into_iter()
        .map(|(name, form, fine)| (name.to_owned(), bootstrap(&form), fine))
        .collect();
    rows.extend(members().into_iter().map(|(name, member, fine)| {
        let file = bootstrap(&with_tree(STRUCT, &tree_with(member)));
        (format!("{name}: {member}"), file, fine)
    }));
    let rows: Vec<_> = rows
        .into_iter()
        .enumerate()
        .map(|(place, (name, text, fine))| {
            let file = folder.join(format!("{place}.yaml"));
            fs::write(&file, text).unwrap();
            (name, file, fine)
        })
        .collect();
    // A proxy compiles the module before it says anything: some of them at a time.
    std::thread::scope(|scope| {
        for share in 0..3 {
            let rows = &rows;
            scope.spawn(move || {
                for (name, file, fine) in rows.iter().skip(share).step_by(3) {
                    let (checked, told) = checked(file);
                    let (loaded, said) = loaded(file);
                    assert_eq!(loaded, *fine, "Envoy, {name}: {said}");
                    assert_eq!(checked, *fine, "check, {name}: {told}\nEnvoy: {said}");
                }
            });
        }
    });
}

#[test]
fn what_envoy_changes_in_silence_is_a_problem() {
    let folder = places::scratch("forms-changed");
    let large = json_bootstrap(&JSON.replacen(
        '{',
        r#"{"apis": [{"name": "a", "auth": ["okta"], "require": [{"claim": "n", "in": [9007199254740993]}]}], "#,
        1,
    ));
    let file = folder.join("large.json");
    fs::write(&file, large).unwrap();
    assert!(!checked(&file).0 && loaded(&file).0, "a number that no double holds");
    for (place, (name, member)) in CHANGED.iter().enumerate() {
        let file = folder.join(format!("{place}.yaml"));
        fs::write(&file, bootstrap(&with_tree(STRUCT, &tree_with(member)))).unwrap();
        let (checked, told) = checked(&file);
        assert!(!checked, "{name}: {told}");
        // The tag alone makes what the filter refuses.
        let (loaded, said) = loaded(&file);
        assert_eq!(loaded, *name != "a tag", "{name}: {said}");
    }
}

/// A whole file in each way in which a proxy gets one.
#[test]
fn check_and_envoy_agree_on_every_file() {
    let folder = places::scratch("forms-files");
    let yaml = bootstrap(&with_tree(STRUCT, TREE));
    let json = json_bootstrap(JSON);
    let config_map = |name: &str, text: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: proxy }}\ndata:\n  {name}: |\n    {}\n",
            indented(text.trim_end(), 4)
        )
    };
    let rows = [
        // name, the file for `check`, what is in it for Envoy, whether it is fine
        ("a.yaml", yaml.clone(), None, true),
        ("b.json", json.clone(), None, true),
        ("json-in.yaml", json.clone(), None, true),
        ("yaml-in.json", yaml.clone(), None, false),
        (
            "map-a.yaml",
            config_map("envoy.yaml", &yaml),
            Some(("map-a-inner.yaml", yaml.clone())),
            true,
        ),
        (
            "map-b.yaml",
            config_map("envoy.json", &json),
            Some(("map-b-inner.json", json.clone())),
            true,
        ),
        ("map-c.yaml", config_map("envoy.json", &yaml), Some(("map-c-inner.json", yaml)), false),
        (
            "map-d.yaml",
            config_map("envoy.yaml", &bootstrap(&with_tree(STRING, TREE))),
            Some(("map-d-inner.yaml", bootstrap(&with_tree(STRING, TREE)))),
            false,
        ),
    ];
    for (name, text, inner, fine) in rows {
        let file = folder.join(name);
        fs::write(&file, &text).unwrap();
        let (checked, told) = checked(&file);
        let file = match inner {
            Some((name, text)) => {
                let inner = folder.join(name);
                fs::write(&inner, text).unwrap();
                inner
            }
            None => file,
        };
        let (loaded, said) = loaded(&file);
        assert_eq!(checked, fine, "check, {name}: {told}\nEnvoy: {said}");
        assert_eq!(loaded, fine, "Envoy, {name}: {said}");
    }
}

/// The same bootstrap in JSON, with a `Struct`.
fn json_bootstrap(configuration: &str) -> String {
    let configuration: serde_json::Value = serde_json::from_str(configuration).unwrap();
    let of = |name: &str| format!("type.googleapis.com/{name}");
    let manager = serde_json::json!({
        "@type": of("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "api",
        "route_config": { "virtual_hosts": [{ "name": "a", "domains": ["*"], "routes": [
            { "match": { "prefix": "/" }, "direct_response": { "status": 200 } }] }] },
        "http_filters": [
            { "name": "tollgate", "typed_config": {
                "@type": of("envoy.extensions.filters.http.wasm.v3.Wasm"),
                "config": {
                    "name": "tollgate", "root_id": "tollgate", "failure_policy": "FAIL_RELOAD",
                    "vm_config": { "vm_id": "t", "runtime": "envoy.wasm.runtime.v8",
                                   "code": { "local": { "filename": places::wasm() } } },
                    "configuration": { "@type": of(STRUCT), "value": configuration } } } },
            { "name": "envoy.filters.http.router", "typed_config": {
                "@type": of("envoy.extensions.filters.http.router.v3.Router") } }
        ]
    });
    let listener = serde_json::json!({
        "name": "api",
        "address": { "socket_address": { "address": "127.0.0.1", "port_value": free_port() } },
        "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager", "typed_config": manager }] }]
    });
    let cluster = serde_json::json!({
        "name": "okta", "type": "STATIC", "load_assignment": { "cluster_name": "okta" },
        "transport_socket": { "name": "envoy.transport_sockets.tls", "typed_config": {
            "@type": of("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"),
            "sni": "okta.example" } }
    });
    let all = serde_json::json!({
        "static_resources": { "listeners": [listener], "clusters": [cluster] } });
    format!("{all:#}")
}

/// Listeners that come by discovery, in a file: YAML and JSON, fine and not.
#[test]
fn check_and_envoy_agree_on_listeners_that_come_by_discovery() {
    let resource = |form: &str| {
        format!(
            "resources:\n  - \"@type\": type.googleapis.com/envoy.config.listener.v3.Listener\n    {}\n",
            indented(&listener(form), 4)
        )
    };
    let rows = [
        ("lds-struct", resource(&with_tree(STRUCT, TREE)), true),
        ("lds-text", resource(&with_json(STRING, JSON)), true),
        ("lds-tree-as-text", resource(&with_tree(STRING, TREE)), false),
        ("lds-word", resource(&with_tree(STRUCT, &tree_with("realm: on"))), false),
    ];
    for (name, text, fine) in rows {
        let file = places::scratch(&format!("forms-{name}-file")).join("listeners.yaml");
        fs::write(&file, text).unwrap();
        let (checked, told) = checked(&file);
        let bootstrap = format!(
            "node: {{ id: a, cluster: b }}\nstatic_resources:\n{CLUSTER}\ndynamic_resources:\n  lds_config: {{ resource_api_version: V3, path_config_source: {{ path: {file:?} }} }}\n"
        );
        let envoy = Envoy::with_bootstrap(&format!("forms-{name}"), &bootstrap);
        let stat = |name: &str| envoy.stat(&format!("listener_manager.lds.{name}"));
        let loaded = until(&format!("{name} to be taken or refused"), || {
            match (stat("update_success"), stat("update_rejected") + stat("update_failure")) {
                (0, 0) => None,
                (taken, _) => Some(taken > 0),
            }
        });
        assert_eq!(loaded, fine, "Envoy, {name}: {}", envoy.tail());
        assert_eq!(checked, fine, "check, {name}: {told}");
    }
}
