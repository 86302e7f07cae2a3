//! The resources that `init` writes, and those of the pages of hosts, against the schemas of Istio and Envoy
//! Gateway: in the folder `TOLLGATE_SCHEMAS`, or in `../shared/schemas`.
//!
//! What the schemas say in a language of their own (CEL) is not judged.

use std::path::Path;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value, json};
use tollgate_cli::Exit;

use super::schema::{folder, read, unlisted, violation};
use super::tollgate;

/// The pages of hosts that resources configure.
const PAGES: [&str; 2] =
    [include_str!("../../../docs/istio.md"), include_str!("../../../docs/envoy-gateway.md")];

/// The documents of a YAML text, read as Kubernetes does.
fn documents(text: &str) -> Vec<Value> {
    let mut parser = Parser::new_from_str(text).map(|event| event.unwrap().0);
    let mut found = Vec::new();
    while let Some(event) = parser.next() {
        if let Event::DocumentStart(_) = event {
            let first = parser.next().unwrap();
            found.push(value(first, &mut parser));
        }
    }
    found
}

/// The value that begins with this event.
fn value<'t>(event: Event<'t>, rest: &mut impl Iterator<Item = Event<'t>>) -> Value {
    match event {
        Event::Scalar(text, ScalarStyle::Plain, _, None) => {
            let is_ambiguous = ["y", "n", "yes", "no", "on", "off", "~", ""];
            assert!(!is_ambiguous.contains(&&*text.to_ascii_lowercase()), "to be quoted: {text}");
            serde_json::from_str(&text).unwrap_or_else(|_| Value::from(&*text))
        }
        Event::Scalar(text, _, _, None) => Value::from(&*text),
        Event::SequenceStart(0, None) => {
            let mut list = Vec::new();
            loop {
                match rest.next().unwrap() {
                    Event::SequenceEnd => return Value::Array(list),
                    first => list.push(value(first, rest)),
                }
            }
        }
        Event::MappingStart(0, None) => {
            let mut members = Map::new();
            loop {
                let name = match rest.next().unwrap() {
                    Event::MappingEnd => return Value::Object(members),
                    Event::Scalar(name, ..) => name.into_owned(),
                    other => panic!("no name: {other:?}"),
                };
                let first = rest.next().unwrap();
                let member = value(first, rest);
                assert!(members.insert(name.clone(), member).is_none(), "{name}: twice");
            }
        }
        other => panic!("not read here: {other:?}"),
    }
}

/// What is wrong with a resource; its schema must be in the folder.
fn wrong(folder: &Path, resource: &Value) -> Option<String> {
    let text = |name: &str| resource[name].as_str().unwrap_or_else(|| panic!("no {name}"));
    let kind = text("kind");
    let schema = read(folder, &format!("{}_{kind}.json", text("apiVersion").replace('/', "_")));
    // The members of every resource, which not each schema lists.
    let common = |name: &str| ["apiVersion", "kind", "metadata"].contains(&name);
    let mut own = resource.clone();
    own.as_object_mut().unwrap().retain(|name, _| !common(name));
    let place = format!("{kind} {}", resource["metadata"]["name"]);
    metadata(&resource["metadata"])
        .map(|wrong| format!("{place}: {wrong}"))
        .or_else(|| unlisted(&schema, &own, &place))
        .or_else(|| {
            let mut schema = schema;
            let required = schema.get_mut("required").and_then(Value::as_array_mut);
            required
                .into_iter()
                .for_each(|names| names.retain(|one| !common(one.as_str().unwrap())));
            violation(&schema, &own, &place)
        })
}

/// The name of an object is a DNS subdomain, its namespace a label (RFC 1123).
fn metadata(metadata: &Value) -> Option<String> {
    let label = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?";
    let schema = json!({
        "type": "object", "required": ["name"], "additionalProperties": false,
        "properties": {
            "name": { "type": "string", "maxLength": 253, "pattern": format!("^{label}(\\.{label})*$") },
            "namespace": { "type": "string", "pattern": format!("^{label}$") },
        },
    });
    violation(&schema, metadata, "metadata")
}

#[test]
fn what_init_writes_for_control_planes_fits_their_schemas() {
    let Some(folder) = folder() else { return };
    let issuers = [
        "https://example.okta.com/oauth2/default",
        "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0",
        "https://accounts.google.com",
        "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc",
        "https://id.example.com:8443/",
        "http://id.example.com:9000/realms/shop",
        "https://ID.Example.COM/",
        "https://ID.Example.COM:8443/realms/shop",
        "https://192.0.2.7/realms/shop",
        "http://192.0.2.7:9000/",
        "https://[2001:db8::1]/",
        "https://[2001:DB8::1]:8443/realms/shop",
        "http://[::1]:9000/",
    ];
    let targets = [
        ("istio", &["WasmPlugin", "ServiceEntry", "DestinationRule", "EnvoyFilter"][..]),
        ("envoy-gateway", &["EnvoyExtensionPolicy", "EnvoyProxy", "ClientTrafficPolicy"]),
    ];
    let more: [&[&str]; 4] = [
        &[],
        &["--name", "my_idp-2"],
        &["--wasm", "https://modules.example.com/tollgate.wasm"],
        &["--wasm", "oci://registry.example.com/tollgate:1"],
    ];
    for (target, kinds) in targets {
        for issuer in issuers {
            for more in more {
                let fixed = ["init", "--issuer", issuer, "--audience", "orders", "--for", target];
                let ran = tollgate(&[&fixed[..], more].concat(), b"");
                assert_eq!(ran.exit, Exit::Fine, "{issuer}: {}", ran.err);
                let written = documents(&ran.out);
                let found: Vec<_> =
                    written.iter().map(|one| one["kind"].as_str().unwrap()).collect();
                assert_eq!(found, kinds, "{issuer}");
                for resource in &written {
                    assert_eq!(wrong(&folder, resource), None, "{issuer} {more:?}\n{}", ran.out);
                }
            }
        }
    }
}

#[test]
fn the_resources_of_the_pages_fit_their_schemas() {
    let Some(folder) = folder() else { return };
    let pages = PAGES.concat();
    let blocks = pages.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut kinds = Vec::new();
    for block in blocks.filter(|block| block.contains("apiVersion: ")) {
        for resource in documents(block) {
            assert_eq!(wrong(&folder, &resource), None, "{block}");
            kinds.push(resource["kind"].as_str().unwrap().to_owned());
        }
    }
    assert!(kinds.len() >= 5, "{kinds:?}");
}

#[test]
fn a_mistake_in_a_resource_is_found() {
    let Some(folder) = folder() else { return };
    let written = |target: &str| {
        let issuer = "https://192.0.2.7/realms/shop";
        tollgate(&["init", "--issuer", issuer, "--audience", "a", "--for", target], b"").out
    };
    let cases = [
        // target, what is written, what is written instead, what is told
        ("istio", "failStrategy: FAIL_RELOAD", "failStrategy: FAIL", "not one of the words"),
        ("istio", "phase: AUTHN", "phases: AUTHN", "phases: unlisted"),
        ("istio", "  url: ", "  urls: ", "urls: unlisted"),
        ("istio", "number: 443", "number: \"443\"", "not of type \"integer\""),
        ("istio", "number: 443, name: https", "number: 443", "lacks \"name\""),
        ("istio", "resolution: STATIC", "resolution: STATICAL", "not one of the words"),
        ("istio", "{ address: ", "{ adress: ", "adress: unlisted"),
        ("istio", "  hosts: [", "  hosts: 5 # [", "not of type \"array\""),
        ("istio", "mode: SIMPLE", "mode: TLS", "not one of the words"),
        ("istio", "operation: MERGE", "operation: JOIN", "not one of the words"),
        ("istio", "name: \"keycloak\"", "name: \"Keycloak\"", "metadata.name: no match"),
        ("envoy-gateway", "failOpen: false", "failOpen: \"no\"", "not of type \"boolean\""),
        ("envoy-gateway", "type: Image", "type: OCI", "not one of the words"),
        ("envoy-gateway", "kind: Gateway", "kind: 7g", "kind: no match"),
        (
            "envoy-gateway",
            "initialStreamWindowSize: 262144",
            "initialStreamWindowSize: 0.5",
            "fits no",
        ),
        ("envoy-gateway", "op: add", "op: put", "not one of the words"),
        ("envoy-gateway", "rootID:", "rootId:", "rootId: unlisted"),
    ];
    for (target, right, mistake, told) in cases {
        let text = written(target);
        assert!(text.contains(right), "{right}: {text}");
        let found = documents(&text.replacen(right, mistake, 1));
        let found: Vec<_> = found.iter().filter_map(|one| wrong(&folder, one)).collect();
        assert!(found.len() == 1 && found[0].contains(told), "{mistake}: {found:?}");
    }
}
