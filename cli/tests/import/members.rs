//! Every member that Tyk's gateway reads, of 3.0 and of 5.15, and every member of its schemas has a
//! place in the importer's table; and none of them, alone, makes an import wider.
//!
//! `members/*.txt` hold the members of the gateway's structures: a path, and what stands there
//! (`b` a switch, `n` a number, `s` a text, `o` anything). `*` is any name, `[]` a list. The schemas
//! are read where they are: in the folder `TOLLGATE_SCHEMAS`, or in `../shared/schemas`.

use std::path::Path;

use serde_json::{Map, Value, json};
use tollgate_cli::Exit;

use super::meaning::{AUDIENCE, get, inlined};
use super::schema::{folder, read};
use super::{classic, oas, policies, policy, tyk};

const CLASSIC: &str = include_str!("members/classic.txt");
const OAS: &str = include_str!("members/oas.txt");
const POLICY: &str = include_str!("members/policy.txt");

/// The members of a list: their paths, and a value that says something.
fn members(list: &str) -> Vec<(String, Value)> {
    let split = |line: &str| {
        let (path, kind) = line.rsplit_once(' ').unwrap();
        let value = match kind {
            "b" => json!(true),
            "n" => json!(7),
            "o" => json!({ "a": 1 }),
            _ => json!("x"),
        };
        (path.to_owned(), value)
    };
    list.lines().map(split).collect()
}

/// Names for `*`, by the path before it.
fn any_name(before: &str) -> &'static str {
    match before {
        "version_data.versions" => "Default",
        "access_rights" => "a1",
        _ => "x",
    }
}

/// A value at a path, with every switch on the way to it on.
fn at(path: &str, value: &Value) -> Value {
    let mut out = value.clone();
    let mut rest = path;
    loop {
        let (before, last) = rest.rsplit_once('.').unwrap_or(("", rest));
        let name = last.trim_end_matches("[]");
        let lists = last.matches("[]").count();
        for _ in 0..lists {
            out = json!([out]);
        }
        let name = if name == "*" { any_name(before) } else { name };
        let mut members = Map::new();
        members.insert(name.to_owned(), out);
        let own = |switch: &str| {
            let all = [CLASSIC, OAS, POLICY];
            let line = format!(
                "{}{switch} b",
                if before.is_empty() { String::new() } else { format!("{before}.") }
            );
            all.iter().any(|list| list.lines().any(|own| own == line))
        };
        for switch in ["enabled", "enable", "is_enabled", "use_extended_paths"] {
            if !before.is_empty() && name != switch && own(switch) {
                members.insert(switch.into(), true.into());
            }
        }
        out = Value::Object(members);
        if before.is_empty() {
            return out;
        }
        rest = before;
    }
}

/// One value over another: objects are merged, all else is replaced.
fn over(base: &Value, change: &Value) -> Value {
    let (Value::Object(base), Value::Object(change)) = (base, change) else {
        return change.clone();
    };
    let mut out = base.clone();
    for (name, value) in change {
        let own = out.get(name).map_or_else(|| value.clone(), |own| over(own, value));
        out.insert(name.clone(), own);
    }
    Value::Object(out)
}

fn oas_path(path: &str) -> String {
    format!("x-tyk-api-gateway.{path}")
}

/// Each member alone: its path, and the definition and the policies with it.
fn each_alone() -> Vec<(String, Value, Value)> {
    let mut all = Vec::new();
    for (path, value) in members(CLASSIC) {
        all.push((path.clone(), over(&classic(), &at(&path, &value)), policies()));
    }
    for (path, value) in members(OAS) {
        let whole = json!({ "x-tyk-api-gateway": at(&path, &value) });
        all.push((oas_path(&path), over(&oas(), &whole), policies()));
    }
    for (path, value) in members(POLICY) {
        let own = over(&policy(json!({})), &at(&path, &value));
        all.push((path, classic(), json!({ "p1": own, "x": policy(json!({})) })));
    }
    all
}

#[test]
fn no_member_that_the_gateway_reads_is_unknown() {
    let every_method = json!({
        "use_basic_auth": true, "enable_signature_checking": true, "use_oauth2": true,
        "use_openid": true, "use_mutual_tls_auth": true, "custom_plugin_auth_enabled": true,
        "use_standard_auth": true, "external_oauth": { "enabled": true },
        "definition": { "enabled": true }, "version_data": { "not_versioned": false },
    });
    let mut unknown = Vec::new();
    for (path, definition, policies) in each_alone() {
        let is_oas = definition.get("openapi").is_some();
        let definition = if is_oas { definition } else { over(&every_method, &definition) };
        let findings = tyk(&definition, &policies, &[]).findings();
        let own =
            findings.iter().filter(|one| one["message"].as_str().unwrap().starts_with("unknown"));
        unknown.extend(own.map(|one| format!("{path}: {}", one["field"])));
    }
    assert_eq!(unknown, [""; 0]);
}

/// The paths of a JSON Schema's members.
fn of_schema(root: &Value, schema: &Value, path: &str, depth: u8, out: &mut Vec<(String, Value)>) {
    let named = schema["$ref"].as_str().and_then(|name| root.pointer(name.trim_start_matches('#')));
    let schema = named.unwrap_or(schema);
    if depth > 12 {
        return;
    }
    let before = out.len();
    for whole in ["allOf", "anyOf", "oneOf"] {
        for one in schema[whole].as_array().into_iter().flatten() {
            of_schema(root, one, path, depth + 1, out);
        }
    }
    let dot = if path.is_empty() { "" } else { "." };
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        of_schema(root, inner, &format!("{path}{dot}{name}"), depth + 1, out);
    }
    for (_, inner) in schema["patternProperties"].as_object().into_iter().flatten() {
        of_schema(root, inner, &format!("{path}{dot}*"), depth + 1, out);
    }
    if schema["additionalProperties"].is_object() {
        let inner = &schema["additionalProperties"];
        of_schema(root, inner, &format!("{path}{dot}*"), depth + 1, out);
    }
    if schema["items"].is_object() {
        of_schema(root, &schema["items"], &format!("{path}[]"), depth + 1, out);
    }
    let says_what = ["type", "enum", "const"].iter().any(|name| schema.get(*name).is_some());
    if out.len() == before && !path.is_empty() && says_what {
        let types = match &schema["type"] {
            Value::Array(list) => list.first().cloned().unwrap_or_default(),
            one => one.clone(),
        };
        let value = match types.as_str().unwrap_or_default() {
            "boolean" => json!(true),
            "number" | "integer" => json!(7),
            "array" => json!(["x"]),
            "object" => json!({}),
            _ => json!("x"),
        };
        out.push((path.to_owned(), value));
    }
}

fn schema(folder: &Path, name: &str) -> Vec<(String, Value)> {
    let root = read(folder, name);
    let mut out = Vec::new();
    of_schema(&root, &root, "", 0, &mut out);
    assert!(out.len() > 100, "{name}: {}", out.len());
    out
}

/// What is told as unknown of a definition.
fn unknown(definition: &Value) -> Vec<String> {
    let findings = tyk(definition, &policies(), &[]).findings().into_iter();
    let unknown = findings.filter(|one| one["message"].as_str().unwrap().starts_with("unknown"));
    unknown.map(|one| one["field"].as_str().unwrap().to_owned()).collect()
}

/// Whether a scheme's member is one of a JWT scheme.
fn is_of_jwt(member: &str) -> bool {
    let first = member.split(['.', '[']).next().unwrap();
    OAS.contains(&format!("securitySchemes.idp.{first}"))
}

#[test]
fn no_member_of_the_schemas_is_unknown() {
    let Some(folder) = folder() else { return };
    let [api, linter, extension] =
        ["tyk_classic_api.json", "tyk_classic_linter.json", "tyk_oas_x-tyk-api-gateway.json"]
            .map(|name| schema(&folder, name));
    let mut found: Vec<String> = Vec::new();
    for (path, value) in api {
        found.extend(unknown(&over(&classic(), &at(&path, &value))));
    }
    for (path, value) in extension {
        let whole = json!({ "x-tyk-api-gateway": at(&path, &value) });
        // A scheme takes the members of its own kind.
        let name = match path.strip_prefix("server.authentication.securitySchemes.*.") {
            Some(member) if !is_of_jwt(member) => "other",
            Some(_) => "idp",
            None => "x",
        };
        let text = whole.to_string().replace("\"x\":", &format!("\"{name}\":"));
        let whole: Value = if path.contains("securitySchemes.*.") {
            serde_json::from_str(&text).unwrap()
        } else {
            whole
        };
        found.extend(unknown(&over(&oas(), &whole)));
    }
    assert_eq!(found, [""; 0]);
    // The linter's schema is of the gateway's own settings: what of it stands in a definition is
    // none of its members, and may restrict.
    let mut settings: Vec<String> =
        linter.iter().map(|(path, _)| path.split(['.', '[']).next().unwrap().to_owned()).collect();
    settings.sort();
    settings.dedup();
    let of_definition = |name: &String| {
        CLASSIC.lines().any(|line| line.split(['.', '[', ' ']).next() == Some(name.as_str()))
    };
    for name in settings.iter().filter(|name| !of_definition(name)) {
        let definition = over(&classic(), &json!({ name.as_str(): "on" }));
        assert_eq!(unknown(&definition), [name.as_str()], "{name}");
    }
}

/// Requests whose verdicts are compared: claims of a token, or none at all.
fn requests() -> Vec<Option<Value>> {
    vec![
        None,
        Some(json!({})),
        Some(json!({ "exp": 1 })),
        Some(json!({ "exp": null })),
        Some(json!({ "nbf": 4_000_000_000_u64 })),
        Some(json!({ "aud": "other" })),
        Some(json!({ "aud": null })),
        Some(json!({ "iss": "https://other.example/" })),
        Some(json!({ "sub": null })),
        Some(json!({ "scope": "x", "scp": ["x"], "pol": "nobody", "x": "nobody" })),
    ]
}

/// Which of the requests an imported configuration allows.
fn allowed(config: &Value) -> Vec<usize> {
    let verdict = |request: &Option<Value>| match request {
        Some(claims) => get(config, "/orders/7", claims),
        None => super::meaning::ask(config, "GET", "/orders/7", &[]),
    };
    let all = requests();
    let allowed = all.iter().enumerate().filter(|(_, request)| verdict(request) == "forwarded");
    allowed.map(|(place, _)| place).collect()
}

#[test]
fn no_member_alone_allows_what_was_refused_without_it() {
    let configuration = |definition: &Value, policies: &Value| {
        let outcome = tyk(definition, policies, &AUDIENCE);
        (outcome.exit == Exit::Fine).then(|| inlined(outcome.config()))
    };
    let bases = [classic(), oas()].map(|base| configuration(&base, &policies()).unwrap());
    let good = bases.each_ref().map(allowed);
    assert!(good.iter().all(|good| good.contains(&1)), "{good:?}");
    let mut changed = 0;
    for (path, definition, policies) in each_alone() {
        let Some(config) = configuration(&definition, &policies) else { continue };
        let form = usize::from(definition.get("openapi").is_some());
        if config == bases[form] {
            continue;
        }
        changed += 1;
        let wider: Vec<_> =
            allowed(&config).into_iter().filter(|place| !good[form].contains(place)).collect();
        assert_eq!(wider, [0_usize; 0], "{path}: {config:#}");
    }
    assert!(changed > 150, "{changed}");
}
