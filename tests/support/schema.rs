//! JSON Schema, as much of it as the schemas use that tests hold something against: ours, and those of
//! Kubernetes' resources. Not a part of `support`, which the fuzz targets build as well.

#![allow(dead_code, reason = "each test crate takes what it needs")]
#![allow(unreachable_pub, reason = "tests have no public surface")]
#[path = "project.rs"]
mod project;

use std::fs;
use std::path::{Path, PathBuf};

use regex_lite::Regex;
use serde_json::Value;

/// The folder of others' schemas: `TOLLGATE_SCHEMAS`, or `../shared/schemas`. `None`, which it tells,
/// where there is none; one that is asked for must be there.
pub fn folder() -> Option<PathBuf> {
    match std::env::var_os("TOLLGATE_SCHEMAS") {
        Some(folder) => Some(folder.into()),
        None => {
            let folder = project::root().join("../shared/schemas");
            if folder.is_dir() {
                return Some(folder);
            }
            eprintln!("no schemas here: set TOLLGATE_SCHEMAS to check against them");
            None
        }
    }
}

/// A schema of that folder.
pub fn read(folder: &Path, name: &str) -> Value {
    let text = fs::read_to_string(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    serde_json::from_str(&text).unwrap()
}

/// What of a schema a value violates, with the place.
pub fn violation(schema: &Value, value: &Value, place: &str) -> Option<String> {
    let schema = schema.as_object().unwrap();
    if value.is_null() && schema.get("nullable") == Some(&Value::Bool(true)) {
        return None;
    }
    schema.iter().find_map(|(keyword, wanted)| {
        let all = || wanted.as_array().unwrap().iter();
        let fits = |schema: &Value| violation(schema, value, place).is_none();
        let most = || wanted.as_u64().unwrap();
        let wrong = match (keyword.as_str(), value) {
            ("type", _) => (!has_type(wanted, value)).then(|| format!("not of type {wanted}")),
            ("const", _) => (wanted != value).then(|| format!("not {wanted}")),
            ("enum", _) => (!all().any(|one| one == value)).then(|| "not one of the words".into()),
            ("anyOf", _) => (!all().any(fits)).then(|| "fits no alternative".into()),
            ("oneOf", _) => {
                let count = all().filter(|one| fits(one)).count();
                (count != 1).then(|| format!("fits {count} alternatives of which it is to fit one"))
            }
            ("allOf", _) => return all().find_map(|one| violation(one, value, place)),
            ("not", _) => fits(wanted).then(|| "is what it must not be".into()),
            ("x-kubernetes-int-or-string", _) => {
                let is_one = value.is_string() || is_integer(value);
                (!is_one).then(|| "neither an integer nor a string".into())
            }
            ("format", Value::Number(number)) if wanted == "int32" => {
                let fits = number.as_i64().is_some_and(|number| i32::try_from(number).is_ok());
                (!fits).then(|| "more than 32 bits".into())
            }
            ("pattern", Value::String(text)) => {
                let pattern = Regex::new(wanted.as_str().unwrap()).unwrap();
                (!pattern.is_match(text)).then(|| format!("no match for {wanted}"))
            }
            ("minLength", Value::String(text)) => {
                (length(text.chars()) < most()).then(|| "too short".into())
            }
            ("maxLength", Value::String(text)) => {
                (length(text.chars()) > most()).then(|| "too long".into())
            }
            ("minItems", Value::Array(list)) => {
                (length(list.iter()) < most()).then(|| "too short".into())
            }
            ("maxItems", Value::Array(list)) => {
                (length(list.iter()) > most()).then(|| "too long".into())
            }
            ("minProperties", Value::Object(members)) => {
                (length(members.iter()) < most()).then(|| "too few members".into())
            }
            ("maxProperties", Value::Object(members)) => {
                (length(members.iter()) > most()).then(|| "too many members".into())
            }
            ("minimum", Value::Number(number)) => {
                (number.as_f64() < wanted.as_f64()).then(|| "too small".into())
            }
            ("maximum", Value::Number(number)) => {
                (number.as_f64() > wanted.as_f64()).then(|| "too large".into())
            }
            ("items", Value::Array(list)) => {
                let mut items = list.iter().enumerate();
                return items.find_map(|(index, item)| {
                    violation(wanted, item, &format!("{place}[{index}]"))
                });
            }
            ("required", Value::Object(members)) => all()
                .find(|name| !members.contains_key(name.as_str().unwrap()))
                .map(|name| format!("lacks {name}")),
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
                            Value::Bool(true) => None,
                            Value::Bool(false) => Some(format!("{place}: unknown")),
                            schema => violation(schema, member, &place),
                        }
                    },
                );
            }
            (
                "pattern"
                | "format"
                | "minLength"
                | "maxLength"
                | "minItems"
                | "maxItems"
                | "minProperties"
                | "maxProperties"
                | "minimum"
                | "maximum"
                | "items"
                | "required"
                | "properties"
                | "additionalProperties"
                | "nullable"
                | "description"
                | "default"
                | "title"
                | "$schema"
                // Rules in a language of their own (CEL), and what only matters to whoever merges.
                | "x-kubernetes-validations"
                | "x-kubernetes-list-type"
                | "x-kubernetes-list-map-keys"
                | "x-kubernetes-map-type"
                | "x-kubernetes-preserve-unknown-fields",
                _,
            ) => None,
            (unknown, _) => panic!("the schema uses {unknown}, which is not judged here"),
        };
        wrong.map(|wrong| format!("{place}: {wrong}"))
    })
}

/// A member that a Kubernetes schema does not list: the API server drops it, whatever was meant.
pub fn unlisted(schema: &Value, value: &Value, place: &str) -> Option<String> {
    if schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true)) {
        return None;
    }
    match value {
        Value::Object(members) => members.iter().find_map(|(name, member)| {
            let place = format!("{place}.{name}");
            let listed = schema.get("properties").and_then(|listed| listed.get(name));
            match listed.or_else(|| schema.get("additionalProperties")) {
                Some(Value::Bool(true)) => None,
                Some(schema @ Value::Object(_)) => unlisted(schema, member, &place),
                _ => Some(format!("{place}: unlisted")),
            }
        }),
        Value::Array(list) => list.iter().enumerate().find_map(|(index, item)| {
            unlisted(schema.get("items")?, item, &format!("{place}[{index}]"))
        }),
        _ => None,
    }
}

fn length(all: impl Iterator) -> u64 {
    u64::try_from(all.count()).unwrap()
}

fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64()
}

fn has_type(wanted: &Value, value: &Value) -> bool {
    match wanted.as_str().unwrap() {
        "array" => value.is_array(),
        "boolean" => value.is_boolean(),
        "integer" => is_integer(value),
        "number" => value.is_number(),
        "object" => value.is_object(),
        "string" => value.is_string(),
        other => panic!("{other}"),
    }
}
