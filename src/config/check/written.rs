//! What reading what is written has in common: names, lists, scopes, patterns.

use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::read::{At, Field, List, Text, items};
use crate::ids::Name;
use crate::verdict::quoted;

/// A text with its place.
pub(super) fn boxed(text: &At<Text>) -> At<Box<str>> {
    At { at: text.at, value: text.value.0.clone() }
}

/// The texts of a list.
pub(super) fn texts(field: &Field<List<Text>>) -> Vec<Box<str>> {
    items(field).iter().map(|text| text.value.0.clone()).collect()
}

/// The texts of a list that is there.
pub(super) fn given_texts(field: &Field<List<Text>>) -> Option<Vec<Box<str>>> {
    field.given().map(|_| texts(field))
}

/// Checks the name of a provider, a policy or an API.
pub(super) fn name(
    written: &At<impl AsRef<str>>,
    what: &str,
    problems: &mut Problems<'_>,
) -> Option<Name> {
    let text = written.value.as_ref();
    let name = Name::parse(text);
    if name.is_none() {
        let mut message = format!(
            "{} is no name for {what}: 1 to {} of a-z, 0-9, `_` and `-`",
            quoted(text),
            Name::MAX_BYTES
        );
        let plain: String =
            text.chars()
                .take(Name::MAX_BYTES)
                .map(|c| {
                    if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' }
                })
                .collect();
        if plain.bytes().any(|b| b.is_ascii_alphanumeric()) {
            message = format!("{message}; write `{plain}`");
        }
        problems.refuse(Code::NameInvalid, written.at, message);
    }
    name
}

/// Refuses a list that was written without elements.
pub(super) fn not_empty<T, const MOST: usize>(
    field: &Field<List<T, MOST>>,
    message: &str,
    problems: &mut Problems<'_>,
) {
    if let Some(list) = field.given()
        && list.is_empty()
    {
        problems.refuse(Code::ValueEmpty, list.at, message);
    }
}

/// Refuses an element that another before it repeats.
pub(super) fn refuse_repeated(
    list: &[At<Text>],
    index: usize,
    item: &At<Text>,
    problems: &mut Problems<'_>,
) {
    if list.iter().take(index).any(|earlier| earlier.value == item.value) {
        problems.refuse(
            Code::ValueTwice,
            item.at,
            "written twice in one list; delete one of the two",
        );
    }
}

/// Checks scopes that are asked for.
pub(super) fn scopes(list: &[At<Text>], problems: &mut Problems<'_>) {
    for scope in list {
        let token = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\');
        if scope.contains(' ') {
            problems.refuse(
                Code::ValueInvalid,
                scope.at,
                "a scope has no space; write each as a string of its own",
            );
        } else if !scope.bytes().all(token) {
            problems.refuse(
                Code::ValueInvalid,
                scope.at,
                format_args!(
                    "{} is no scope: printable ASCII without space, `\"` and `\\` (RFC 6749 §3.3)",
                    quoted(scope)
                ),
            );
        }
    }
}

/// The patterns of a list that are right.
pub(super) fn parsed<T, E: std::fmt::Display>(
    field: &Field<List<Text>>,
    parse: fn(&str) -> Result<T, E>,
    problems: &mut Problems<'_>,
) -> Vec<T> {
    let mut patterns = Vec::new();
    for written in items(field) {
        match parse(written) {
            Ok(pattern) => patterns.push(pattern),
            Err(error) => problems.refuse(
                Code::ValueInvalid,
                written.at,
                format_args!("{}: {error}", quoted(written)),
            ),
        }
    }
    patterns
}
