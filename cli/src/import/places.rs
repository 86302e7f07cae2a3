//! Where credentials stand.

use serde_json::{Value, json};
use tollgate::config::Config;
use tollgate::verdict::quoted;

use super::definition::{Definition, Places};
use super::fields::Form;
use super::report::{Kind, Report};

/// Where no browser is.
const NO_ORIGIN: &str = "https://fill-in.invalid";

/// `from` of a provider.
pub(super) fn from(
    definition: &Definition,
    places: &Places,
    method: &str,
    report: &mut Report,
) -> Value {
    let names = Names { definition, method };
    let mut from = Vec::new();
    let mut headers = places.headers.clone();
    if method == "jwt" {
        headers.extend(definition.legacy_header.clone());
    }
    if places.nowhere {
        headers.push("Authorization".into());
    }
    for header in &headers {
        push(&mut from, &names, self::header(header, &names, report), report);
    }
    if let Some(name) = &places.query {
        let message = "became a `query` place: a token there and one in a header are two, and \
                       refused (`credential_multiple`), where Tyk takes the parameter's";
        report.add(Kind::Changed, &definition.source, names.field("use_param", "query"), message);
        push(&mut from, &names, json!({ "query": name }), report);
    }
    if let Some(name) = &places.cookie {
        let message = format!(
            "`from[].origins`: browsers send a cookie whoever asks them to; write the origins whose \
             pages may change something ({NO_ORIGIN} stands there, so that only GET, HEAD and \
             OPTIONS pass)"
        );
        report.add(Kind::FillIn, &definition.source, names.field("use_cookie", "cookie"), message);
        push(&mut from, &names, json!({ "cookie": name, "origins": [NO_ORIGIN] }), report);
    }
    if from.is_empty() {
        from.push(json!({ "header": format!("x-fill-in-{}", method.to_ascii_lowercase()) }));
    }
    Value::Array(from)
}

/// Names of fields, by method.
struct Names<'d> {
    definition: &'d Definition,
    method: &'d str,
}

impl Names<'_> {
    fn field(&self, classic: &str, oas: &str) -> String {
        match (self.definition.form, self.method) {
            (Form::Classic, method) => {
                format!("auth_configs.{method}.{classic}")
            }
            (_, "jwt") => format!("{}.{oas}", self.definition.field("<jwt>")),
            (..) => format!("x-tyk-api-gateway.server.authentication.securitySchemes[…].{oas}"),
        }
    }
}

/// A header, and before the credential in it `Bearer` or nothing, as in Tyk.
fn header(name: &str, names: &Names<'_>, report: &mut Report) -> Value {
    let field = names.field("auth_header_name", "header");
    let source = &names.definition.source;
    let name = name.to_ascii_lowercase();
    let of_both = name == "authorization" && names.definition.asks(super::definition::Method::Jwt);
    if of_both && names.method != "jwt" {
        let message = "an API key and a token cannot both stand in `Authorization`, where each \
                       would be taken for a bad one of the other: the key moved to `x-api-key`";
        report.add(Kind::Changed, source, field, message);
        return json!({ "header": "x-api-key" });
    }
    let message =
        format!("became the header {}, with the scheme `Bearer` or without one", quoted(&name));
    report.add(Kind::Taken, source, field, message);
    json!({ "header": name, "scheme": ["Bearer", ""] })
}

/// Adds a place unless it could not be read.
fn push(from: &mut Vec<Value>, names: &Names<'_>, place: Value, report: &mut Report) {
    let mut places = from.clone();
    places.push(place.clone());
    let key = json!({ "name": "a", "sha256": "0".repeat(64), "identity": "a" });
    let probe = json!({ "kind": "api_key", "keys": [key], "from": places });
    match Config::parse(json!({ "providers": { "p": probe } }).to_string().as_bytes()) {
        Ok(_) => from.push(place),
        Err(problems) => {
            let why = problems.first().map_or("", |problem| &problem.message);
            let field = names.field("auth_header_name", "header");
            let message = format!("a place that cannot be read here: {why}");
            report.add(Kind::NotSupported, &names.definition.source, field, message);
        }
    }
}
