//! What claims must say besides: subjects, `jti` and custom rules become `require`.

use serde_json::{Map, Value, json};
use tollgate::verdict::quoted;

use super::definition::Definition;
use super::report::{Kind, Report};

/// What no claim ever says.
const NEVER: &str = "urn:tollgate:fill-in";

pub(super) fn require(definition: &Definition, body: &mut Map<String, Value>, report: &mut Report) {
    let jwt = &definition.jwt;
    let mut rules = Vec::new();
    if !jwt.subjects.is_empty() {
        let claim = jwt.identity.first().map_or("sub", String::as_str);
        let message = format!("became `require`: {} must be one of them", quoted(claim));
        let field = definition.field("allowedSubjects");
        report.add(Kind::Changed, &definition.source, field, message);
        rules.push(json!({ "claim": claim, "in": jwt.subjects }));
    }
    if jwt.jti {
        rules.push(json!({ "claim": "jti" }));
    }
    for (claim, rule) in &jwt.custom {
        rules.extend(custom(definition, claim, rule, report));
    }
    if !rules.is_empty() {
        body.insert("require".into(), Value::Array(rules));
    }
}

fn custom(
    definition: &Definition,
    claim: &str,
    rule: &Value,
    report: &mut Report,
) -> Option<Value> {
    let field = super::read::joined(&definition.field("customClaimValidation"), claim);
    let mut tell = |kind: Kind, message: String| {
        report.add(kind, &definition.source, &field, message);
    };
    if rule.get("nonBlocking").and_then(Value::as_bool) == Some(true) {
        tell(
            Kind::NotSupported,
            "`nonBlocking` refuses nobody, and was left out: \"mode\": \"report\" tries a whole API \
             without refusing"
                .into(),
        );
        return None;
    }
    let values = rule.get("allowedValues").and_then(Value::as_array);
    let values = values.map_or(&[][..], Vec::as_slice);
    let comparable = |value: &&Value| match value {
        Value::String(text) => !text.is_empty(),
        Value::Bool(_) => true,
        Value::Number(number) => number.is_i64() || number.is_u64(),
        _ => false,
    };
    let kept: Vec<_> = values.iter().filter(comparable).cloned().collect();
    if kept.len() < values.len() {
        tell(
            Kind::NotSupported,
            "lists, objects, fractions and empty strings are not compared, and were left out of \
             the values"
                .into(),
        );
    }
    let or_never = |kept: Vec<Value>| if kept.is_empty() { vec![json!(NEVER)] } else { kept };
    match rule.get("type").and_then(Value::as_str) {
        Some("required") => {
            tell(Kind::Taken, "became `require`: it must be there and not null".into());
            Some(json!({ "claim": claim }))
        }
        Some("exact_match") => {
            tell(Kind::Taken, "became `require` with `in`".into());
            Some(json!({ "claim": claim, "in": or_never(kept) }))
        }
        Some("contains") => {
            tell(
                Kind::Changed,
                "became `require` with `contains_any`, for lists: a part of a string grants more \
                 than is meant, and a claim that is a string is refused; write `in` or \
                 `starts_with` if it is one"
                    .into(),
            );
            Some(json!({ "claim": claim, "contains_any": or_never(kept) }))
        }
        _ => {
            tell(
                Kind::FillIn,
                "`providers.*.require[].in`: a rule of no known type, which nothing satisfies \
                 until you write what it must say"
                    .into(),
            );
            Some(json!({ "claim": claim, "in": [NEVER] }))
        }
    }
}
