//! docs/config.md and docs/config.schema.json say what the configuration really is.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tollgate::config::{Code, Config, schema};
use tollgate::time::UnixMillis;

const PAGE: &str = include_str!("../docs/config.md");
const SCHEMA: &str = include_str!("../docs/config.schema.json");

#[test]
fn the_schema_in_docs_is_the_one_of_the_code() {
    let current = format!("{:#}\n", schema());
    assert!(
        SCHEMA == current,
        "docs/config.schema.json is out of date; run `cargo run -F cli -- schema > docs/config.schema.json`"
    );
}

/// An object of the configuration: its properties by name.
type Properties = Map<String, Value>;

/// Every object with fixed members, by its path: `providers.*.jwks`.
fn objects() -> BTreeMap<String, Properties> {
    let mut found = BTreeMap::new();
    collect("", &schema(), &mut found);
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
fn rows(path: &str) -> BTreeMap<String, Vec<String>> {
    let heading =
        if path.is_empty() { "### Top level\n".into() } else { format!("### `{path}`\n") };
    let (_, section) =
        PAGE.split_once(&heading).unwrap_or_else(|| panic!("docs/config.md has no {heading}"));
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
    let objects = objects();
    assert!(objects.contains_key("providers.*.jwks") && objects.contains_key("apis[].match"));
    for (path, properties) in objects {
        let mut rows = rows(&path);
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
    let blocks: Vec<_> = PAGE.split("```json\n").skip(1).collect();
    assert!(blocks.len() >= 5, "{}", blocks.len());
    for block in blocks {
        let text = block.split("```").next().unwrap();
        let config = Config::parse(text.as_bytes())
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
            Some("configuration.providers.a.clock_skew: no duration"),
        ),
        (
            "a hash",
            r#"{"providers": {"a": {"keys": [{"name": "a", "identity": "a", "sha256": "FF"}]}}}"#,
            Some("configuration.providers.a.keys[0].sha256: no hash"),
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

/// What of a schema a value violates: as much of JSON Schema as ours uses.
fn violation(schema: &Value, value: &Value, place: &str) -> Option<String> {
    let schema = schema.as_object().unwrap();
    schema.iter().find_map(|(keyword, wanted)| {
        let wrong = match (keyword.as_str(), value) {
            ("type", _) => (!has_type(wanted, value)).then(|| format!("not of type {wanted}")),
            ("const", _) => (wanted != value).then(|| format!("not {wanted}")),
            ("enum", _) => {
                (!wanted.as_array().unwrap().contains(value)).then(|| "not one of the words".into())
            }
            ("anyOf", _) => {
                let fits = |schema| violation(schema, value, place).is_none();
                (!wanted.as_array().unwrap().iter().any(fits)).then(|| "fits no alternative".into())
            }
            ("pattern", Value::String(text)) => {
                let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
                let (right, wrong) = match wanted.as_str().unwrap() {
                    "^[0-9]+(ms|s|m|h|d)$" => {
                        let is_unit = ["ms", "s", "m", "h", "d"].contains(&unit);
                        (unit != text && is_unit, "no duration")
                    }
                    "^[0-9a-f]{64}$" => {
                        let is_digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
                        (text.len() == 64 && text.bytes().all(is_digit), "no hash")
                    }
                    moment => {
                        assert!(moment.starts_with("^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]"), "{moment}");
                        (UnixMillis::from_rfc3339(text).is_some(), "no moment")
                    }
                };
                (!right).then(|| wrong.into())
            }
            ("minLength", Value::String(text)) => text.is_empty().then(|| "empty".into()),
            ("minItems", Value::Array(list)) => list.is_empty().then(|| "too short".into()),
            ("maxItems", Value::Array(list)) => (u64::try_from(list.len()).unwrap()
                > wanted.as_u64().unwrap())
            .then(|| "too long".into()),
            ("minimum", Value::Number(_)) => {
                (value.as_u64() < wanted.as_u64()).then(|| "too small".into())
            }
            ("maximum", Value::Number(_)) => {
                (value.as_u64() > wanted.as_u64()).then(|| "too large".into())
            }
            ("items", Value::Array(list)) => {
                let mut items = list.iter().enumerate();
                return items.find_map(|(index, item)| {
                    violation(wanted, item, &format!("{place}[{index}]"))
                });
            }
            ("required", Value::Object(members)) => {
                let mut names = wanted.as_array().unwrap().iter();
                names
                    .find(|name| !members.contains_key(name.as_str().unwrap()))
                    .map(|name| format!("lacks {name}"))
            }
            ("properties", Value::Object(members)) => {
                return members.iter().find_map(|(name, member)| {
                    violation(wanted.get(name)?, member, &format!("{place}.{name}"))
                });
            }
            ("additionalProperties", Value::Object(members)) => {
                let known = schema.get("properties").and_then(Value::as_object);
                let known = |name: &String| known.is_some_and(|known| known.contains_key(name));
                return members.iter().filter(|(name, _)| !known(name)).find_map(
                    |(name, member)| {
                        let place = format!("{place}.{name}");
                        match wanted {
                            Value::Bool(false) => Some(format!("{place}: unknown")),
                            schema => violation(schema, member, &place),
                        }
                    },
                );
            }
            (
                "pattern"
                | "minLength"
                | "minItems"
                | "maxItems"
                | "minimum"
                | "maximum"
                | "items"
                | "required"
                | "properties"
                | "additionalProperties"
                | "description"
                | "default"
                | "title"
                | "$schema",
                _,
            ) => None,
            (unknown, _) => panic!("the schema uses {unknown}, which is not judged here"),
        };
        wrong.map(|wrong| format!("{place}: {wrong}"))
    })
}

fn has_type(wanted: &Value, value: &Value) -> bool {
    match wanted.as_str().unwrap() {
        "array" => value.is_array(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64(),
        "object" => value.is_object(),
        "string" => value.is_string(),
        other => panic!("{other}"),
    }
}
