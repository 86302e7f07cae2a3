//! The form in which a Wasm filter of Envoy is given its configuration, and whether Envoy takes it.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, GeneralPurpose as Decoder};

use super::code::FileCode;
use super::holder::Environment;
use super::report::{Remark, Severity};
use crate::yaml::{self, Node, Place, Plain, Scalar, Value};

/// What an `Any` holds.
pub(super) enum Content<'n> {
    /// A text, as it stands in the file.
    Text(&'n Scalar),
    /// A text that the file has in base64.
    Decoded(String, Place),
    /// A `Struct`.
    Tree(&'n Node),
    /// Nothing at all.
    Empty(Place),
    /// Nothing that a filter could read.
    Unreadable,
}

const REMEDY: &str = "write the configuration as JSON in a `google.protobuf.StringValue`, or as a \
                      `google.protobuf.Struct`";

/// What the `configuration` of a filter holds, as far as it can be read, and why Envoy or the filter
/// would not take it in this form.
pub(super) fn read(any: &Node) -> (Content<'_>, Option<Remark>) {
    let mut problem = None;
    let mut refuse = |at: Place, message: String| {
        problem = Some(Remark::new(Severity::Problem, FileCode::FormRefused, at, "", message));
    };
    let value = any.get("value");
    let Some(type_url) = any.text_at(&["@type"]) else {
        let message = format!("no `@type`, without which Envoy refuses the file: {REMEDY}");
        refuse(any.at, message);
        return (guessed(value.unwrap_or(any)), problem);
    };
    let (host, name) = type_url.rsplit_once('/').unwrap_or(("", type_url));
    let mut known = vec!["@type", "value"];
    let content = match name {
        "google.protobuf.StringValue" | "google.protobuf.BytesValue" => {
            text(name, any.at, value, &mut refuse)
        }
        "google.protobuf.Struct" => tree(any.at, value, &mut refuse),
        "xds.type.v3.TypedStruct" | "udpa.type.v1.TypedStruct" => {
            known.extend(["type_url", "typeUrl"]);
            tree(any.at, value, &mut refuse)
        }
        "google.protobuf.Any" => match value.map(read) {
            Some((content @ (Content::Tree(_) | Content::Empty(_)), inner)) => {
                if let Some(inner) = inner {
                    refuse(inner.at, inner.message);
                }
                content
            }
            Some((content, _)) => {
                refuse(any.at, format!("an `Any` that holds no `Struct`: {REMEDY}"));
                content
            }
            None => Content::Empty(any.at),
        },
        _ => {
            let message = format!("`{name}`, which the filter does not read: {REMEDY}");
            refuse(any.at, message);
            guessed(value.unwrap_or(any))
        }
    };
    if host.is_empty() {
        let message = format!(
            "`@type: {type_url}` without a host, which Envoy refuses: write \
             type.googleapis.com/{name}"
        );
        refuse(any.at, message);
    }
    if let Some(other) = any.members().iter().find(|member| !known.contains(&&*member.name)) {
        let message = format!(
            "`{}` beside `value`: Envoy knows no such member of `{name}` and refuses the file",
            other.name
        );
        refuse(other.at, message);
    }
    (content, problem)
}

/// A text, of which YAML must have made no number.
fn text<'n>(
    name: &str,
    at: Place,
    value: Option<&'n Node>,
    refuse: &mut dyn FnMut(Place, String),
) -> Content<'n> {
    let Some(value) = value else { return Content::Empty(at) };
    let Value::Scalar(scalar) = &value.value else {
        let message = format!(
            "a tree, where a `{name}` has a text, so that Envoy refuses the file: give it the type \
             `google.protobuf.Struct`"
        );
        refuse(value.at, message);
        return guessed(value);
    };
    match scalar.plain() {
        Plain::Null => return Content::Empty(value.at),
        Plain::Text => {}
        _ => refuse(value.at, format!("no text, which a `{name}` has: Envoy refuses the file")),
    }
    if name.ends_with("StringValue") {
        if !is_yaml(&scalar.text) {
            return Content::Text(scalar);
        }
        let message = format!(
            "YAML as a text, and the filter reads JSON of a `{name}`: give it the type \
             `google.protobuf.Struct`, and write it without the `|`"
        );
        refuse(value.at, message);
        return Content::Unreadable;
    }
    match decoded(&scalar.text) {
        Some(text) => Content::Decoded(text, value.at),
        None => {
            let message = format!(
                "no text in base64, which a `{name}` has: give JSON the type \
                 `google.protobuf.StringValue`"
            );
            refuse(value.at, message);
            match scalar.text.trim_start().starts_with('{') {
                true => Content::Text(scalar),
                false => Content::Unreadable,
            }
        }
    }
}

/// Whether a text is a configuration in YAML that no reader of JSON takes.
fn is_yaml(text: &str) -> bool {
    let is_own = |node: &Node| node.get("providers").or(node.get("apis")).is_some();
    let is_json = text.trim_start().starts_with('{');
    !is_json && yaml::parse(text).is_ok_and(|documents| documents.iter().any(is_own))
}

/// Base64 in either alphabet, with its padding or without.
fn decoded(text: &str) -> Option<String> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let plain: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let decode = |alphabet| -> Option<Vec<u8>> {
        let decoder: Decoder = GeneralPurpose::new(alphabet, config);
        decoder.decode(&plain).ok()
    };
    String::from_utf8(decode(&STANDARD).or_else(|| decode(&URL_SAFE))?).ok()
}

fn tree<'n>(
    at: Place,
    value: Option<&'n Node>,
    refuse: &mut dyn FnMut(Place, String),
) -> Content<'n> {
    let Some(value) = value else { return Content::Empty(at) };
    match &value.value {
        Value::Map(members) if members.is_empty() => Content::Empty(value.at),
        Value::Map(_) => Content::Tree(value),
        Value::Scalar(scalar) if scalar.plain() == Plain::Null => Content::Empty(value.at),
        _ => {
            let message = "no tree, which a `Struct` has, so that Envoy refuses the file: give JSON \
                           the type `google.protobuf.StringValue`";
            refuse(value.at, message.to_owned());
            guessed(value)
        }
    }
}

/// What was probably meant.
const fn guessed(value: &Node) -> Content<'_> {
    match &value.value {
        Value::Map(_) => Content::Tree(value),
        Value::Scalar(scalar) => Content::Text(scalar),
        Value::List(_) => Content::Unreadable,
    }
}

/// The variables of a VM.
pub(super) fn environment(variables: Option<&Node>) -> Environment {
    let mut environment = Environment::default();
    let Some(variables) = variables else { return environment };
    let keys = variables.get("host_env_keys").map(Node::elements).unwrap_or_default();
    environment.host.extend(keys.iter().filter_map(Node::text).map(str::to_owned));
    let values = variables.get("key_values").map(Node::members).unwrap_or_default();
    for member in values {
        let value = member.node.text().unwrap_or_default();
        environment.values.push((member.name.clone(), value.to_owned()));
    }
    environment
}

/// What an `Any` holds, and of what type it is; a `TypedStruct` says both itself.
pub(super) fn typed(any: &Node) -> Option<(&Node, &str)> {
    let type_url = any.text_at(&["@type"])?;
    if type_url.ends_with(".TypedStruct") {
        return Some((any.get("value")?, any.text_at(&["type_url"])?));
    }
    Some((any, type_url))
}
