//! docs/config.md with its parts, and docs/config.schema.json, say what the configuration really is.

#[path = "support/pages.rs"]
mod pages;
#[path = "support/schema.rs"]
mod schema;

use std::collections::BTreeMap;

use schema::violation;
use serde_json::{Map, Value};
use tollgate::config::{Code, Config, schema};

const SCHEMA: &str = include_str!("../docs/config.schema.json");

#[test]
fn the_schema_in_docs_is_the_one_of_the_code() {
    let current = format!("{:#}\n", schema());
    assert!(
        SCHEMA == current,
        "docs/config.schema.json is out of date; run `cargo run -p tollgate-cli -- schema > docs/config.schema.json`"
    );
}

/// An object of the configuration: its properties by name.
type Properties = Map<String, Value>;

/// Every object with fixed members, by its path: `providers.*.jwks`.
fn objects() -> BTreeMap<String, Properties> {
    let mut found = BTreeMap::new();
    collect("", &schema(), &mut found);
    // What a client shows is written like a provider's secret, whose table says how.
    let secret = found["providers.*.secret"].clone();
    let client = found["providers.*.client"].clone();
    let is_elsewhere = |path: &str, properties: &Properties| {
        let of_client =
            path.starts_with("providers.*.client.") || path.starts_with("providers.*.login.");
        of_client && *properties == secret
            || path == "providers.*.login.client" && *properties == client
    };
    found.retain(|path, properties| !is_elsewhere(path, properties));
    found
}

fn collect(path: &str, schema: &Value, found: &mut BTreeMap<String, Properties>) {
    if let Some(Value::Array(alternatives)) = schema.get("anyOf") {
        alternatives.iter().for_each(|alternative| collect(path, alternative, found));
    }
    if let Some(items) = schema.get("items") {
        collect(&format!("{path}[]"), items, found);
    }
    let join = |name: &str| if path.is_empty() { name.into() } else { format!("{path}.{name}") };
    if let Some(any @ Value::Object(_)) = schema.get("additionalProperties") {
        collect(&join("*"), any, found);
    }
    let (Some(Value::Object(properties)), Some(Value::Bool(false))) =
        (schema.get("properties"), schema.get("additionalProperties"))
    else {
        return;
    };
    for (name, property) in properties {
        collect(&join(name), property, found);
    }
    found.insert(path.to_owned(), properties.clone());
}

/// The rows of a section's table, cell by cell, by the field in the first.
fn rows(page: &str, path: &str) -> BTreeMap<String, Vec<String>> {
    let heading = if path.is_empty() { "## Top level\n".into() } else { format!("## `{path}`\n") };
    let (_, section) =
        page.split_once(&heading).unwrap_or_else(|| panic!("docs/config.md has no {heading}"));
    let section = section.split("\n##").next().unwrap();
    let cell = |cell: &str| cell.trim_matches(['|', ' ']).to_owned();
    section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split(" | ").map(cell).collect::<Vec<_>>())
        .map(|cells| (cells[0].trim_matches('`').to_owned(), cells))
        .collect()
}

#[test]
fn every_field_is_documented_with_default_and_example() {
    let (page, objects) = (pages::configuration(), objects());
    assert!(objects.contains_key("providers.*.jwks") && objects.contains_key("apis[].match"));
    for (path, properties) in objects {
        let mut rows = rows(&page, &path);
        for (name, property) in properties.iter().filter(|(name, _)| *name != "description") {
            let row = rows.remove(name).unwrap_or_else(|| {
                panic!("docs/config.md says nothing about `{name}` under `{path}`")
            });
            let [_, default, example, meaning] = row.as_slice() else {
                panic!("`{path}` `{name}`: four cells, please: {row:?}")
            };
            if let Some(value) = property.get("default") {
                let spelt = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let spelt = spelt.replace("\",\"", "\", \"");
                assert_eq!(*default, format!("`{spelt}`"), "`{path}` `{name}`");
            }
            let example: Value = serde_json::from_str(example.trim_matches('`'))
                .unwrap_or_else(|error| panic!("`{path}` `{name}`: {example}: {error}"));
            let place = format!("{path} {name}");
            assert_eq!(violation(property, &example, &place), None);
            assert_ne!(
                property.get("default"),
                Some(&example).filter(|_| name != "kind"),
                "{place}"
            );
            assert!(meaning.ends_with('.'), "{place}");
        }
        assert!(rows.is_empty(), "docs/config.md has fields that do not exist: {path}: {rows:?}");
    }
}

#[test]
fn every_configuration_in_the_page_is_right() {
    let page = pages::configuration();
    let blocks: Vec<_> = page.split("```json\n").skip(1).collect();
    assert!(blocks.len() >= 11, "{}", blocks.len());
    for block in blocks {
        let text = block.split("```").next().unwrap();
        let config = Config::parse_with(text.as_bytes(), &|_| {
            Some("what a variable of the environment says".into())
        })
        .unwrap_or_else(|problems| panic!("{}\n{text}", problems[0]));
        // Okta's audience, which every reader knows and the examples therefore have.
        let said = config.warnings.iter().filter(|one| one.code != Code::AudienceCallerChosen);
        assert_eq!(said.count(), 0, "{:?}", config.warnings);
        let value = serde_json::from_str(text).unwrap();
        assert_eq!(violation(&schema(), &value, "configuration"), None, "{text}");
    }
}

#[test]
fn the_schema_knows_right_from_wrong() {
    let cases = [
        // name, configuration, what is wrong
        ("nothing", r"{}", None),
        ("comments", r#"{"description": ["a", "b"], "$schema": "x"}"#, None),
        ("a typo", r#"{"provider": {}}"#, Some("configuration.provider: unknown")),
        ("a wrong type", r#"{"realm": 5}"#, Some("configuration.realm: not of type \"string\"")),
        (
            "a word",
            r#"{"log": {"format": "xml"}}"#,
            Some("configuration.log.format: not one of the words"),
        ),
        (
            "a number",
            r#"{"sessions": {"capacity": 7}}"#,
            Some("configuration.sessions.capacity: too small"),
        ),
        ("an empty list", r#"{"apis": []}"#, Some("configuration.apis: too short")),
        (
            "a missing field",
            r#"{"apis": [{"name": "a"}]}"#,
            Some("configuration.apis[0]: lacks \"auth\""),
        ),
        (
            "a duration",
            r#"{"providers": {"a": {"jwks": {}, "clock_skew": "1h30m"}}}"#,
            Some("configuration.providers.a.clock_skew: no match for \"^[0-9]+(ms|s|m|h|d)$\""),
        ),
        (
            "a hash",
            r#"{"providers": {"a": {"keys": [{"name": "a", "identity": "a", "sha256": "FF"}]}}}"#,
            Some("configuration.providers.a.keys[0].sha256: no match for \"^[0-9a-f]{64}$\""),
        ),
        (
            "a choice of shapes",
            r#"{"apis": [{"name": "a", "auth": 5}]}"#,
            Some("configuration.apis[0].auth: fits no alternative"),
        ),
    ];
    for (name, text, expected) in cases {
        let value = serde_json::from_str(text).unwrap();
        assert_eq!(violation(&schema(), &value, "configuration").as_deref(), expected, "{name}");
    }
}
