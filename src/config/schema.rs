//! The JSON Schema (draft 2020-12) of the configuration, from the raw types. Not part of the filter.

use serde_json::{Map, Value, json};

use super::read::{COMMENT, comment};

/// A member of an object.
pub(super) struct Property {
    pub(super) name: &'static str,
    pub(super) schema: Value,
    pub(super) doc: &'static str,
    pub(super) default: Option<Value>,
    pub(super) required: bool,
}

/// The schema of a whole document.
pub(super) fn document(mut schema: Value) -> Value {
    if let Value::Object(members) = &mut schema {
        members.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
        members.insert("title".into(), "Tollgate".into());
    }
    schema
}

/// The schema of an object with these members and no others.
pub(super) fn object(doc: &'static str, members: Vec<Property>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for member in members {
        let mut schema = member.schema;
        if let Value::Object(schema) = &mut schema {
            schema.insert("description".into(), member.doc.trim().into());
            if let Some(default) = member.default {
                schema.insert("default".into(), default);
            }
        }
        properties.insert(member.name.into(), schema);
        if member.required {
            required.push(Value::from(member.name));
        }
    }
    properties.insert(COMMENT.into(), comment());
    let mut schema = json!({
        "type": "object",
        "description": doc.trim(),
        "properties": properties,
        "additionalProperties": false,
    });
    if let Value::Object(schema) = &mut schema
        && !required.is_empty()
    {
        schema.insert("required".into(), required.into());
    }
    schema
}
