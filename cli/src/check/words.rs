//! What a reader of YAML makes of plain words without a trace: of this the filter sees nothing.

use std::collections::BTreeSet;

use super::code::FileCode;
use super::report::{Remark, Severity};
use crate::yaml::{Node, Place, Plain, Reader, Scalar, ScalarStyle, Value};

/// The words of a configuration's tree that a reader takes for something else than they say.
pub(super) fn check(tree: &Node, reader: Reader) -> Vec<Remark> {
    let mut found = Vec::new();
    walk(tree, &mut String::new(), &mut |node, path| {
        let Value::Scalar(scalar) = &node.value else { return };
        if let Some(message) = misread(scalar, reader) {
            let code = FileCode::YamlMisread;
            found.push(Remark::new(Severity::Problem, code, node.at, path, message));
        }
    });
    found
}

/// Calls back with every value and its path.
fn walk(node: &Node, path: &mut String, each: &mut dyn FnMut(&Node, &str)) {
    each(node, path);
    let length = path.len();
    for member in node.members() {
        if length > 0 {
            path.push('.');
        }
        path.push_str(&member.name);
        walk(&member.node, path, each);
        path.truncate(length);
    }
    for (place, element) in node.elements().iter().enumerate() {
        path.push_str(&format!("[{place}]"));
        walk(element, path, each);
        path.truncate(length);
    }
}

/// Where the value of a path stands.
pub(super) fn place_of(tree: &Node, wanted: &str) -> Option<Place> {
    let mut found = None;
    walk(tree, &mut String::new(), &mut |node, path| {
        if path == wanted && found.is_none() {
            found = Some(node.at);
        }
    });
    found
}

fn misread(scalar: &Scalar, reader: Reader) -> Option<String> {
    let text = &scalar.text;
    if reader == Reader::Json {
        return inexact(text).filter(|_| scalar.style == ScalarStyle::Plain);
    }
    if reader == Reader::Envoy && scalar.tagged {
        return Some(format!(
            "a tag before `{text}`, which Envoy reads in a way of its own; write the value without \
             it, text in quotes"
        ));
    }
    if scalar.style != ScalarStyle::Plain {
        return None;
    }
    let digits = text.trim_start_matches(['+', '-']);
    let octal = digits.len() > 1 && digits.starts_with('0');
    match scalar.plain_by(reader) {
        Plain::Bool(flag) if reader == Reader::Envoy && !text.eq_ignore_ascii_case("true") => {
            (!text.eq_ignore_ascii_case("false")).then(|| {
                format!(
                    "`{text}`, which Envoy reads as {flag}; write {flag}, or \"{text}\" for text"
                )
            })
        }
        Plain::Number(number)
            if octal && (reader == Reader::Envoy || digits.bytes().all(|b| b.is_ascii_digit())) =>
        {
            Some(format!(
                "`{text}`, which YAML reads as {number}; write {number}, or \"{text}\" for text"
            ))
        }
        Plain::Text if reader == Reader::Envoy && is_number(scalar) => Some(format!(
            "`{text}`, of which Envoy makes text: it reads no fractions, and no whole numbers beyond \
             2147483647; write \"{text}\" for text, and a larger number as JSON in a \
             `google.protobuf.StringValue`"
        )),
        _ => None,
    }
}

/// Whether other readers of YAML would take a word for a number.
fn is_number(scalar: &Scalar) -> bool {
    let digits = scalar.text.trim_start_matches(['+', '-']).to_ascii_lowercase();
    matches!(scalar.plain(), Plain::Number(_)) || matches!(&*digits, ".inf" | ".nan")
}

/// A whole number of a JSON file that no double holds.
fn inexact(text: &str) -> Option<String> {
    const MOST: u64 = 1 << 53;
    let digits = text.trim_start_matches('-');
    let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let fits = digits.parse::<u64>().is_ok_and(|number| number <= MOST);
    (whole && !fits).then(|| {
        format!(
            "`{text}`: a `Struct` holds whole numbers up to 9007199254740992; write \"{text}\" for \
             text, and a number as JSON in a `google.protobuf.StringValue`"
        )
    })
}

/// Where a document has a name for the second time in one map.
pub(super) fn twice(document: &Node) -> Vec<Place> {
    let mut found = Vec::new();
    walk(document, &mut String::new(), &mut |node, _| {
        let mut known = BTreeSet::new();
        let again = node.members().iter().filter(|member| !known.insert(member.name.as_str()));
        found.extend(again.filter(|member| member.name != "<<").map(|member| member.at));
    });
    found
}

/// What is said of names that are there twice.
pub(super) fn twice_remarks(places: &[Place]) -> impl Iterator<Item = Remark> {
    let message = "written twice in one map, and Envoy takes the last without a word; delete one of \
                   the two";
    let remark = |at: &Place| problem(FileCode::MemberTwice, *at, message);
    places.iter().take(20).map(remark)
}

/// What is said of a merge key, which nobody reads but the tools of Kubernetes.
pub(super) fn merge_key(at: Place) -> Remark {
    problem(
        FileCode::MergeKey,
        at,
        "a merge key (`<<`), which Envoy does not know: it refuses the file; write out what it \
         stands for",
    )
}

/// What is said of a file that Envoy reads as JSON, by the end of its name, and that is none.
pub(super) fn yaml_as_json(source: &str) -> Option<Remark> {
    let error = serde_json::from_str::<serde::de::IgnoredAny>(source).err()?;
    let message =
        format!("not JSON, as which Envoy reads a file of this name: {error}; call it .yaml");
    Some(problem(FileCode::FileMalformed, Place::START, &message))
}

fn problem(code: FileCode, at: Place, message: &str) -> Remark {
    Remark::new(Severity::Problem, code, at, "", message)
}
