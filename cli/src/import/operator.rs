//! Resources of Tyk's operator as the gateway has them: an ApiDefinition as a classic definition, a
//! SecurityPolicy as a policy.
//!
//! The operator names both by their namespace and name, in base64; in resources they are named as
//! `namespace/name`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

/// A kind of resource that is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    ApiDefinition,
    SecurityPolicy,
}

/// The kind of a resource, where it is one of the operator's that are read.
pub(super) fn kind(value: &Value) -> Option<Kind> {
    match (is_of_operator(value), text(value, "/kind")) {
        (true, "ApiDefinition") => Some(Kind::ApiDefinition),
        (true, "SecurityPolicy") => Some(Kind::SecurityPolicy),
        _ => None,
    }
}

/// Whether it is a resource of the operator.
pub(super) fn is_of_operator(value: &Value) -> bool {
    text(value, "/apiVersion").starts_with("tyk.tyk.io/") && value.get("spec").is_some()
}

/// Whether a resource of the operator defines an API in another way.
pub(super) fn defines(resource: &Value) -> bool {
    text(resource, "/kind").ends_with("ApiDefinition")
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// How resources name one: by namespace and name.
fn name(resource: &Value) -> String {
    full(text(resource, "/metadata/namespace"), text(resource, "/metadata/name"))
}

fn full(namespace: &str, name: &str) -> String {
    let namespace = if namespace.is_empty() { "default" } else { namespace };
    format!("{namespace}/{name}")
}

/// What the gateway calls it.
fn id(name: &str) -> String {
    URL_SAFE_NO_PAD.encode(name)
}

/// A specification without what only the operator reads.
fn spec(resource: &Value) -> Map<String, Value> {
    let mut spec = resource.get("spec").and_then(Value::as_object).cloned().unwrap_or_default();
    spec.remove("contextRef");
    spec
}

/// The classic definition that the operator makes of an ApiDefinition.
pub(super) fn definition(resource: &Value) -> Value {
    let mut spec = spec(resource);
    let given = spec.get("api_id").and_then(Value::as_str).is_some_and(|id| !id.is_empty());
    if !given {
        spec.insert("api_id".into(), id(&name(resource)).into());
    }
    let versions = spec.get("version_data").and_then(|data| data.get("versions"));
    if versions.and_then(Value::as_object).is_none_or(Map::is_empty) {
        let plain =
            json!({ "not_versioned": true, "versions": { "Default": { "name": "Default" } } });
        spec.insert("version_data".into(), plain);
    }
    Value::Object(spec)
}

/// The policy that the operator makes of a SecurityPolicy, with the ids that it goes by.
pub(super) fn policy(resource: &Value) -> (Vec<String>, Value) {
    let mut spec = spec(resource);
    let own = name(resource);
    let mut ids = Vec::new();
    let written =
        ["/spec/id", "/spec/_id", "/status/pol_id"].map(|pointer| text(resource, pointer));
    for one in [own.as_str(), &id(&own)].into_iter().chain(written).filter(|one| !one.is_empty()) {
        if !ids.iter().any(|known| known == one) {
            ids.push(one.to_owned());
        }
    }
    let mut rights = spec.remove("access_rights").unwrap_or_else(|| json!({}));
    for right in spec.remove("access_rights_array").and_then(list).unwrap_or_default() {
        let api = match text(&right, "/api_id") {
            "" => id(&full(text(&right, "/namespace"), text(&right, "/name"))),
            api => api.to_owned(),
        };
        let mut right = right;
        if let Some(members) = right.as_object_mut() {
            members.remove("name");
            members.remove("namespace");
        }
        if let Some(rights) = rights.as_object_mut() {
            rights.insert(api, right);
        }
    }
    spec.insert("access_rights".into(), rights);
    (ids, Value::Object(spec))
}

fn list(value: Value) -> Option<Vec<Value>> {
    match value {
        Value::Array(list) => Some(list),
        _ => None,
    }
}
