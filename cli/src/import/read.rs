//! Files → JSON → definitions and policies as Tyk has them, bounded, and nothing passed over.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Number, Value};
use tollgate::json::{self, Duplicates, Step};
use tollgate::verdict::quoted;

use super::super::{check, foreign, input, yaml};
use super::operator;
use crate::command::{Failure, Streams};

/// Longest file, in bytes. `serde_json` bounds the depth: 127 levels.
const MAX_BYTES: u64 = 8 * 1024 * 1024;
/// Most members written twice that are named.
const MAX_DUPLICATES: usize = 64;

/// The JSON of a file.
pub(super) struct Document {
    /// The file, as it was named.
    pub(super) file: String,
    pub(super) value: Value,
    /// Members that are written twice, by path.
    pub(super) duplicates: Vec<String>,
    text: Vec<u8>,
}

impl Document {
    /// Why it is not what was expected: what it is instead, and what helps.
    fn is_none(&self, what: &str, expected: &str) -> Failure {
        let file = &self.file;
        Failure::Misuse(match other(&self.text, expected == EXPECTED) {
            Some(told) => format!("{file}: {told}; expected {expected}"),
            None => format!("{file}: {what}; expected {expected}"),
        })
    }
}

/// What a file is that is not what was to be imported, and what helps. One that looks like a
/// definition is not told as that where a definition was to be read.
fn other(text: &[u8], definition: bool) -> Option<String> {
    let foreign = foreign::recognise(text)?;
    if !foreign.is_of_tyk() && check::has_own(text) {
        return Some(
            "Tollgate is in it already; `tollgate check` says whether all is right".into(),
        );
    }
    let wanted = definition && foreign.kind == foreign::Kind::TykDefinition;
    (!wanted).then(|| foreign.told())
}

/// Reads a file, or standard input.
pub(super) fn document(path: &Path, streams: &mut Streams<'_>) -> Result<Document, Failure> {
    let file = match path.to_str() {
        Some("-") => "standard input".to_owned(),
        _ => input::shown(path),
    };
    let text = input::read(Some(path), MAX_BYTES, streams)?;
    let parsed = parse(&text).or_else(|error| resources(&text).ok_or(error));
    let (value, duplicates) = parsed.map_err(|error| {
        if text.starts_with("\u{feff}".as_bytes()) {
            let what = "a byte order mark: save the file as UTF-8 without one";
            return Failure::Misuse(format!("{file}:1:1: {what}"));
        }
        if let Some(told) = other(&text, true) {
            return Failure::Misuse(format!("{file}: {told}"));
        }
        // serde_json ends its messages with the place.
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or_default().to_owned();
        Failure::Misuse(format!("{file}:{}:{}: not JSON: {what}", error.line(), error.column()))
    })?;
    Ok(Document { file, value, duplicates, text })
}

/// The documents of a YAML file with definitions or resources of Tyk's operator, as a list. What is
/// nearly JSON is none: what is wrong with it has to be said.
fn resources(text: &[u8]) -> Option<(Value, Vec<String>)> {
    let foreign = foreign::recognise(text)?;
    let text = std::str::from_utf8(text).ok()?;
    let is_json = text.trim_start().starts_with(['{', '[', '\u{feff}']);
    let is_ours = match foreign.kind {
        foreign::Kind::TykResource => true,
        foreign::Kind::TykDefinition => !is_json,
        _ => false,
    };
    let documents = yaml::parse(text).ok().filter(|_| is_ours)?;
    let json: Vec<_> = documents.iter().map(|document| yaml::to_json(document).0).collect();
    parse(format!("[{}]", json.join(",")).as_bytes()).ok()
}

fn parse(text: &[u8]) -> Result<(Value, Vec<String>), serde_json::Error> {
    let mut noted = Noted::default();
    let value = json::value(text, &mut noted)?;
    Ok((value, noted.duplicates))
}

/// Members written twice, by path: they count as in Tyk.
#[derive(Default)]
struct Noted {
    duplicates: Vec<String>,
    /// The path of the value that is read, and how long those of the values around it are.
    path: String,
    around: Vec<usize>,
}

impl Duplicates for Noted {
    fn enter(&mut self, step: Step<'_>) {
        self.around.push(self.path.len());
        self.path = match step {
            Step::Element(place) => format!("{}[{place}]", self.path),
            Step::Member(name) => joined(&self.path, name),
        };
    }

    fn leave(&mut self) {
        self.path.truncate(self.around.pop().unwrap_or_default());
    }

    fn again(&mut self) -> bool {
        if self.duplicates.len() < MAX_DUPLICATES {
            self.duplicates.push(self.path.clone());
        }
        true
    }

    fn both(before: Value, now: Value) -> Value {
        over(before, now)
    }
}

/// What counts of a member that is written twice: the last, and of two objects what either says, as
/// where a structure is read twice.
fn over(before: Value, value: Value) -> Value {
    match (before, value) {
        (Value::Object(mut before), Value::Object(value)) => {
            for (name, value) in value {
                let value = match before.remove(&name) {
                    Some(own) => over(own, value),
                    None => value,
                };
                before.insert(name, value);
            }
            Value::Object(before)
        }
        (_, value) => value,
    }
}

/// A member's path: plain names behind dots, others quoted in brackets.
pub(super) fn joined(path: &str, name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$');
    match (path, name.len() <= 64 && !name.is_empty() && name.chars().all(plain)) {
        ("", true) => name.to_owned(),
        (_, true) => format!("{path}.{name}"),
        (_, false) => format!("{path}[{}]", quoted(name)),
    }
}

/// A member's path, from the names on the way to it.
pub(super) fn joined_all(names: &[String]) -> String {
    names.iter().fold(String::new(), |path, name| match name.as_str() {
        "*" => format!("{path}.*"),
        name => joined(&path, name),
    })
}

/// A definition as it was found in a file.
pub(super) struct Found {
    /// Whether it is an OAS definition.
    pub(super) oas: bool,
    pub(super) value: Value,
}

const EXPECTED: &str = "a Tyk API definition: a classic one (with `api_id`, `proxy`, `enable_jwt` \
                        …), an OAS one (with `x-tyk-api-gateway`), one of them in \
                        `api_definition` or `oas`, or a list of such";

/// The definitions in a document: one, a list, or wrapped as exports wrap them.
pub(super) fn definitions(document: &Document) -> Result<Vec<Found>, Failure> {
    let mut found = Vec::new();
    match collect(&document.value, 0, &mut found) {
        Ok(()) if !found.is_empty() => Ok(found),
        Ok(()) => Err(document.is_none("no API", EXPECTED)),
        Err(what) => Err(document.is_none(&what, EXPECTED)),
    }
}

fn collect(value: &Value, depth: u8, found: &mut Vec<Found>) -> Result<(), String> {
    const DEEPEST: u8 = 4;
    if depth > DEEPEST {
        return Err("lists within lists".into());
    }
    let deeper = depth.saturating_add(1);
    match value {
        // A document of YAML with nothing but comments.
        Value::Null if depth > 0 => Ok(()),
        Value::Array(list) if list.is_empty() => Err("an empty list".into()),
        Value::Array(list) => list.iter().try_for_each(|one| collect(one, deeper, found)),
        resource if operator::is_of_operator(resource) => match operator::kind(resource) {
            Some(operator::Kind::ApiDefinition) => {
                found.push(Found { oas: false, value: operator::definition(resource) });
                Ok(())
            }
            // Policies are read by themselves.
            Some(operator::Kind::SecurityPolicy) => Ok(()),
            None if operator::defines(resource) => Err("a definition that is not read".into()),
            None => Ok(()),
        },
        Value::Object(members) => {
            if members.contains_key("kind") && members.contains_key("apiVersion") {
                // What stands beside the resources that are meant is another's.
                return match members.get("items") {
                    Some(items) => collect(items, deeper, found),
                    None if depth > 0 => Ok(()),
                    None => Err("a resource of Kubernetes".into()),
                };
            }
            if members.contains_key("x-tyk-api-gateway") {
                found.push(Found { oas: true, value: value.clone() });
                return Ok(());
            }
            let wrapped = ["oas", "api_definition", "apis", "Data"]
                .iter()
                .find_map(|name| members.get(*name).filter(|inner| !inner.is_null()));
            if let Some(inner) = wrapped {
                return collect(inner, deeper, found);
            }
            if members.contains_key("openapi") {
                return Err("an OpenAPI document without `x-tyk-api-gateway`".into());
            }
            if CLASSIC.iter().any(|name| members.contains_key(*name)) {
                found.push(Found { oas: false, value: value.clone() });
                return Ok(());
            }
            let names: Vec<_> = members.keys().collect();
            Err(format!("an object with {}", tollgate::verdict::list(&names)))
        }
        other => Err(kind(other).into()),
    }
}

/// One of these makes an object a classic definition.
const CLASSIC: [&str; 8] = [
    "api_id",
    "auth_configs",
    "enable_jwt",
    "proxy",
    "use_keyless",
    "use_standard_auth",
    "version_data",
    "jwt_source",
];

/// What a JSON value is, in words.
pub(super) const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The policies that stand as resources of the operator in a document.
pub(super) fn policy_resources(document: &Document) -> Vec<(Vec<String>, Value)> {
    let value = document.value.get("items").unwrap_or(&document.value);
    let all = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    let policies =
        all.iter().filter(|one| operator::kind(one) == Some(operator::Kind::SecurityPolicy));
    policies.map(operator::policy).collect()
}

/// The policies in a document, each with the ids that it goes by: an object by id, a list, or an
/// export of the dashboard.
pub(super) fn policies(document: &Document) -> Result<Vec<(Vec<String>, Value)>, Failure> {
    let expected = "Tyk policies: an object with a policy for each id, or a list of policies";
    let wrong = |what: &str| document.is_none(what, expected);
    let resources = policy_resources(document);
    if !resources.is_empty() {
        return Ok(resources);
    }
    let value = document.value.get("Data").unwrap_or(&document.value);
    let is_policy = |value: &Value| {
        let names = ["access_rights", "partitions", "quota_max", "rate"];
        names.iter().any(|name| value.get(*name).is_some())
    };
    let ids = |key: Option<&String>, value: &Value| {
        let named = ["id", "_id"].iter().filter_map(|name| value.get(*name)?.as_str());
        let all = key.map(String::as_str).into_iter().chain(named);
        let mut ids: Vec<String> = Vec::new();
        for id in all.filter(|id| !id.is_empty()) {
            if !ids.iter().any(|known| known == id) {
                ids.push(id.to_owned());
            }
        }
        ids
    };
    let found: Vec<_> = match value {
        Value::Array(list) => list.iter().map(|one| (ids(None, one), one.clone())).collect(),
        policy if is_policy(policy) => vec![(ids(None, policy), policy.clone())],
        Value::Object(members) => {
            members.iter().map(|(key, one)| (ids(Some(key), one), one.clone())).collect()
        }
        other => return Err(wrong(kind(other))),
    };
    for (ids, value) in &found {
        if !value.is_object() {
            return Err(wrong(&format!("{} in place of a policy", kind(value))));
        }
        let of_api = ["proxy", "x-tyk-api-gateway", "api_definition", "oas"];
        if of_api.iter().any(|name| value.get(name).is_some()) {
            return Err(wrong("an API definition in place of a policy"));
        }
        if ids.is_empty() {
            return Err(wrong("a policy without `id`"));
        }
    }
    Ok(found)
}

/// The sessions of keys in a document: an object by the keys' ids, a list, or one of them; each as it
/// is, or in `data` beside its `key_id`.
pub(super) fn keys(document: &Document) -> Result<Vec<Value>, Failure> {
    let expected = "sessions of Tyk's keys: an object with one for each key, or a list of such";
    let is_session = |value: &Value| {
        let names = ["alias", "apply_policies", "apply_policy_id", "access_rights", "data"];
        names.iter().any(|name| value.get(*name).is_some())
    };
    let all: Vec<&Value> = match &document.value {
        Value::Array(list) => list.iter().collect(),
        one if is_session(one) => vec![one],
        Value::Object(members) => members.values().collect(),
        other => return Err(document.is_none(kind(other), expected)),
    };
    if all.is_empty() || !all.iter().all(|one| is_session(one)) {
        return Err(document.is_none("no session of a key", expected));
    }
    let session =
        |one: &Value| one.get("data").filter(|inner| inner.is_object()).unwrap_or(one).clone();
    Ok(all.into_iter().map(session).collect())
}

/// Reads members of a definition by path, and notes where one has a type that Tyk would not take.
pub(super) struct Reader<'v> {
    value: &'v Value,
    wrong: RefCell<BTreeSet<String>>,
}

impl<'v> Reader<'v> {
    pub(super) fn new(value: &'v Value) -> Self {
        Self { value, wrong: RefCell::default() }
    }

    /// What had another type than Tyk's, by path.
    pub(super) fn wrong(&self) -> Vec<String> {
        self.wrong.borrow().iter().cloned().collect()
    }

    /// A member by path, unless it is absent or null.
    pub(super) fn get(&self, path: &str) -> Option<&'v Value> {
        let mut here = self.value;
        for name in path.split('.') {
            if !here.is_object() && !here.is_null() {
                self.note(path, here, "an object");
            }
            here = here.get(name)?;
        }
        Some(here).filter(|value| !value.is_null())
    }

    fn note(&self, path: &str, found: &Value, expected: &str) {
        let message = format!("{path}: {}, and Tyk takes {expected}", kind(found));
        self.wrong.borrow_mut().insert(message);
    }

    fn typed<T>(
        &self,
        path: &str,
        expected: &str,
        read: impl Fn(&'v Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.get(path)?;
        let read = read(value);
        if read.is_none() {
            self.note(path, value, expected);
        }
        read
    }

    /// A string; empty where it is absent.
    pub(super) fn text(&self, path: &str) -> String {
        let text = self.typed(path, "a string", Value::as_str);
        text.unwrap_or_default().to_owned()
    }

    /// A switch; off where it is absent.
    pub(super) fn flag(&self, path: &str) -> bool {
        self.typed(path, "true or false", Value::as_bool).unwrap_or_default()
    }

    /// A number; `None` where it is absent.
    pub(super) fn number(&self, path: &str) -> Option<&'v Number> {
        self.typed(path, "a number", |value| match value {
            Value::Number(number) => Some(number),
            _ => None,
        })
    }

    /// A list; empty where it is absent.
    pub(super) fn list(&self, path: &str) -> &'v [Value] {
        self.typed(path, "a list", Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// A list of strings.
    pub(super) fn texts(&self, path: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for value in self.list(path) {
            match value.as_str() {
                Some(text) => texts.push(text.to_owned()),
                None => self.note(path, value, "strings in it"),
            }
        }
        texts
    }

    /// An object's members; none where it is absent.
    pub(super) fn members(&self, path: &str) -> Vec<(&'v String, &'v Value)> {
        let members = self.typed(path, "an object", Value::as_object);
        members.map(|members| members.iter().collect()).unwrap_or_default()
    }

    /// An object's members that are strings.
    pub(super) fn text_members(&self, path: &str) -> Vec<(String, String)> {
        let mut texts = Vec::new();
        for (name, value) in self.members(path) {
            match value.as_str() {
                Some(text) => texts.push((name.clone(), text.to_owned())),
                None => self.note(path, value, "strings in it"),
            }
        }
        texts
    }
}
