//! From the tree to raw types: what reading has in common.

use std::ops::Deref;

use serde::de::IgnoredAny;

use super::code::Code;
pub(super) use super::field::{At, Field, Preset};
use super::problems::{Problems, listed, near, near_by_slip};
use super::tree::{MOST_MEMBERS, Member, Node, Value};
use crate::verdict::quoted;

/// The member that every object may have, and that is ignored.
pub(super) const COMMENT: &str = "description";

/// A raw type: what a value of the configuration may look like.
pub(super) trait Read: Sized {
    /// What it is called in a message: "a string".
    const WHAT: &'static str;

    /// Reads a value; `None` where it is wrong, which `problems` then says.
    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self>;

    /// Its JSON Schema (draft 2020-12).
    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value;
}

/// A value as it is written: a default in the schema.
#[cfg(not(target_family = "wasm"))]
pub(super) trait Written {
    fn written(&self) -> serde_json::Value;
}

impl<T: Read> Read for At<T> {
    const WHAT: &'static str = T::WHAT;

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        T::read(node, problems).map(|value| Self { at: node.start, value })
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        T::schema()
    }
}

/// Says that a value has not the type that belongs here.
#[inline(never)]
pub(super) fn wrong_type(node: &Node<'_>, what: &str, problems: &mut Problems<'_>) {
    // YAML reads `on` and `0123` as something else than text.
    let no_text =
        ["a list", "a key set", "a whole number", "an object", "true or false", "a point"];
    let quotes = match no_text.iter().any(|start| what.starts_with(start)) {
        true => "",
        false => ": put it in quotes",
    };
    let (found, hint) = match &node.value {
        Value::Null => ("null", ": leave the field out instead"),
        Value::Bool(_) => ("a boolean", quotes),
        // A fraction in quotes would be another value.
        Value::Number(_) if what.contains("number") => ("a number", ""),
        Value::Number(_) => ("a number", quotes),
        Value::Text(text) if text == "unlimited" => {
            ("a string", ": for no limit leave the field out")
        }
        Value::Text(text) if matches!(&**text, "true" | "false") && what.contains("true") => {
            ("a string", ": write it without quotes")
        }
        Value::Text(text) if what.contains("number") && is_number(text) => {
            ("a string", ": write it without quotes")
        }
        Value::Text(_) if what.starts_with("a list") => ("a string", ": put it into brackets"),
        Value::Text(_) => ("a string", ""),
        Value::List(_) => ("a list", ""),
        Value::Object(_) => ("an object", ""),
    };
    problems.refuse(
        Code::TypeWrong,
        node.start,
        format_args!("expected {what}, found {found}{hint}"),
    );
}

/// Whether a text would be a number without its quotes. The library's reading of fractions, which
/// nothing else here asks for, would bring 17 KB.
fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The members of an object, by the names that it may have.
pub(super) struct Members<'n, 't> {
    known: Vec<(&'static str, &'n Node<'t>)>,
    /// Absent fields that an unknown member was probably meant for.
    meant: Vec<(&'static str, Option<&'n Node<'t>>)>,
}

impl<'n, 't> Members<'n, 't> {
    /// Takes an object apart; says which members are unknown or there twice.
    pub(super) fn open(
        node: &'n Node<'t>,
        names: &'static [&'static str],
        problems: &mut Problems<'_>,
    ) -> Option<Self> {
        let Value::Object(members) = &node.value else {
            wrong_type(node, "an object", problems);
            return None;
        };
        bounded(node, members, problems);
        let mut opened = Self { known: Vec::new(), meant: Vec::new() };
        for member in members {
            if member.name == COMMENT {
                check_comment(&member.node, problems);
            } else if let Some(name) = names.iter().find(|name| **name == member.name) {
                opened.known.push((name, &member.node));
            } else if problems.has_room() {
                if let Some(place) = elsewhere(&member.name) {
                    let message = format!("unknown field; {place}");
                    problems.refuse(Code::FieldUnknown, member.start, message);
                    continue;
                }
                let meant = near(&member.name, names.iter().copied());
                let message = match meant {
                    Some(name) => format!("unknown field; did you mean `{name}`?"),
                    None => {
                        format!(
                            "unknown field; known here: {}",
                            listed(names.iter().copied(), "and")
                        )
                    }
                };
                problems.refuse(Code::FieldUnknown, member.start, message);
                match meant {
                    Some(name) => {
                        let slip = near_by_slip(&member.name, [name]).is_some();
                        opened.meant.push((name, slip.then_some(&member.node)));
                    }
                    None => problems.is_strange(node.start),
                }
            }
        }
        Some(opened)
    }

    /// Reads one member. A misspelt one is read as what was meant, so that its own mistakes are
    /// found, too.
    #[inline(never)]
    pub(super) fn take<T: Read>(&self, name: &str, problems: &mut Problems<'_>) -> Field<T> {
        let mut field = if self.is_misspelt(name) { Field::Wrong } else { Field::Absent };
        let mut place = 0_usize;
        while let Some(node) = self.nth(name, place) {
            let read = At::read(node, problems);
            if field.is_absent() {
                field = read.map_or(Field::Wrong, Field::Given);
            }
            place = place.saturating_add(1);
        }
        field
    }

    /// Reads one member, which has a default.
    #[inline(never)]
    pub(super) fn take_or<T: Read>(
        &self,
        name: &str,
        default: T,
        problems: &mut Problems<'_>,
    ) -> Preset<T> {
        Preset::new(self.take(name, problems), default)
    }

    /// Whether an unknown member was probably meant for this one, which is not there itself.
    #[inline(never)]
    fn is_misspelt(&self, name: &str) -> bool {
        self.meant.iter().any(|(meant, _)| *meant == name)
            && !self.known.iter().any(|(known, _)| *known == name)
    }

    /// What is written under a name: nothing, or it, or it and its duplicates, one after the other;
    /// for a misspelt one what was meant, unless that is too unsure to read it.
    #[inline(never)]
    fn nth(&self, name: &str, place: usize) -> Option<&'n Node<'t>> {
        if self.is_misspelt(name) {
            let (_, node) = self.meant.iter().find(|(meant, _)| *meant == name)?;
            return node.filter(|_| place == 0);
        }
        let mut known = self.known.iter().filter(|(known, _)| *known == name);
        known.nth(place).map(|(_, node)| *node)
    }
}

/// Where a field belongs that is no misspelling of what belongs here.
fn elsewhere(name: &str) -> Option<&'static str> {
    (name == "per_caller").then_some(
        "it belongs to `apis[].rate`; a policy's limits count each caller apart without it, and its \
         `limit_by` says whose requests count together",
    )
}

/// Whether an object has no more members than are read. Says which of them are there twice.
fn bounded(node: &Node<'_>, members: &[Member<'_>], problems: &mut Problems<'_>) -> bool {
    if members.len() > MOST_MEMBERS {
        let message = format!("{} members; at most {MOST_MEMBERS}", members.len());
        problems.refuse(Code::ValueTooLong, node.start, message);
        return false;
    }
    for (member, before) in members.iter().skip(1).zip(members) {
        if member.name == before.name {
            problems.refuse(
                Code::FieldTwice,
                member.start,
                "written twice in one object; delete one of the two",
            );
        }
    }
    true
}

/// A comment is text, so that nothing that was meant to count is taken for one.
fn check_comment(node: &Node<'_>, problems: &mut Problems<'_>) {
    let is_text = |node: &Node<'_>| matches!(node.value, Value::Text(_));
    let fine = match &node.value {
        Value::List(lines) => lines.iter().all(is_text),
        _ => is_text(node),
    };
    if !fine {
        problems.refuse(
            Code::TypeWrong,
            node.start,
            "`description` is a comment in every object: expected a string or a list of strings",
        );
    }
}

/// The schema of a comment.
#[cfg(not(target_family = "wasm"))]
pub(super) fn comment() -> serde_json::Value {
    serde_json::json!({
        "description": "A comment; ignored.",
        "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
    })
}

/// Reads one of a few words: which of them it is.
#[inline(never)]
pub(super) fn word(
    node: &Node<'_>,
    words: &'static [&'static str],
    problems: &mut Problems<'_>,
) -> Option<usize> {
    let Value::Text(text) = &node.value else {
        wrong_type(node, &format!("one of {}", listed(words.iter().copied(), "and")), problems);
        return None;
    };
    let found = words.iter().position(|word| word == text);
    if found.is_none() {
        let message = unknown(text, words);
        problems.refuse(Code::ValueUnknown, node.start, message);
    }
    found
}

/// Says that a word is none of those that are known, and which one was probably meant.
pub(super) fn unknown(found: &str, known: &[&str]) -> String {
    match near(found, known.iter().copied()) {
        Some(meant) => format!("unknown value {}; did you mean `{meant}`?", quoted(found)),
        None if known.is_empty() => {
            format!("unknown value {}; there are none", quoted(found))
        }
        None => format!(
            "unknown value {}; expected {}",
            quoted(found),
            listed(known.iter().copied(), "or")
        ),
    }
}

impl Read for bool {
    const WHAT: &'static str = "true or false";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        if let Value::Bool(flag) = node.value {
            return Some(flag);
        }
        wrong_type(node, Self::WHAT, problems);
        None
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "boolean" })
    }
}

#[cfg(not(target_family = "wasm"))]
impl Written for bool {
    fn written(&self) -> serde_json::Value {
        (*self).into()
    }
}

/// A string that says something: not empty, at most [`Text::MAX_BYTES`] long, without control
/// characters.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Text(pub(super) Box<str>);

impl Text {
    /// Longest string.
    pub(super) const MAX_BYTES: usize = 8192;
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Read for Text {
    const WHAT: &'static str = "a string";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let Value::Text(text) = &node.value else {
            wrong_type(node, Self::WHAT, problems);
            return None;
        };
        if text.is_empty() {
            problems.refuse(
                Code::ValueEmpty,
                node.start,
                "an empty string; write a value, or leave it out",
            );
        } else if text.len() > Self::MAX_BYTES {
            let message = format!("{} bytes long; at most {}", text.len(), Self::MAX_BYTES);
            problems.refuse(Code::ValueTooLong, node.start, message);
        } else if text.chars().any(char::is_control) {
            let message = format!("{} holds a control character; take it out", quoted(text));
            problems.refuse(Code::ValueInvalid, node.start, message);
        } else {
            return Some(Self(text.as_ref().into()));
        }
        None
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "string", "minLength": 1 })
    }
}

#[cfg(not(target_family = "wasm"))]
impl Written for Text {
    fn written(&self) -> serde_json::Value {
        self.0.as_ref().into()
    }
}

/// Reads a whole number, whatever its bounds: once in the module.
#[inline(never)]
fn count(node: &Node<'_>, least: u32, most: u32, problems: &mut Problems<'_>) -> Option<u32> {
    let Value::Number(digits) = &node.value else {
        wrong_type(node, "a whole number", problems);
        return None;
    };
    let number = digits.parse().ok().filter(|number| (least..=most).contains(number));
    if number.is_none() {
        let found = quoted(digits);
        let message = format!("{found}; expected a whole number from {least} to {most}");
        problems.refuse(Code::NumberOutOfRange, node.start, message);
    }
    number
}

/// A whole number from `LEAST` to `MOST`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Count<const LEAST: u32, const MOST: u32>(pub(super) u32);

impl<const LEAST: u32, const MOST: u32> Read for Count<LEAST, MOST> {
    const WHAT: &'static str = "a whole number";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        count(node, LEAST, MOST, problems).map(Self)
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "integer", "minimum": LEAST, "maximum": MOST })
    }
}

#[cfg(not(target_family = "wasm"))]
impl<const LEAST: u32, const MOST: u32> Written for Count<LEAST, MOST> {
    fn written(&self) -> serde_json::Value {
        self.0.into()
    }
}

/// The elements of a list, whatever they are.
#[inline(never)]
fn elements<'n, 't>(
    node: &'n Node<'t>,
    most: usize,
    problems: &mut Problems<'_>,
) -> Option<&'n [Node<'t>]> {
    let Value::List(elements) = &node.value else {
        wrong_type(node, "a list", problems);
        return None;
    };
    if elements.len() > most {
        let message = format!("{} elements; at most {most}", elements.len());
        problems.refuse(Code::ValueTooLong, node.start, message);
        return None;
    }
    Some(elements)
}

/// Reads elements: once in the module for each type, however many there may be.
#[inline(never)]
fn each<T: Read>(elements: &[Node<'_>], problems: &mut Problems<'_>) -> Vec<At<T>> {
    let mut items = Vec::new();
    for element in elements {
        if let Some(item) = At::read(element, problems) {
            items.push(item);
        }
    }
    items
}

/// Most elements of a list, where nothing else is said.
const MOST_ELEMENTS: usize = 1000;

/// A list of at most `MOST` elements. Those that are wrong are left out, once that has been said.
#[derive(Clone, Debug)]
pub(super) struct List<T, const MOST: usize = MOST_ELEMENTS> {
    /// The elements that are right.
    pub(super) items: Vec<At<T>>,
    /// How many were written.
    pub(super) written: usize,
}

impl<T, const MOST: usize> List<T, MOST> {
    /// Whether it was written without elements.
    pub(super) const fn is_empty(&self) -> bool {
        self.written == 0
    }

    /// Whether it says something, and all that was written is right: what is not in any other list
    /// may be what was meant by a mistake.
    pub(super) const fn is_whole(&self) -> bool {
        self.written != 0 && self.items.len() == self.written
    }
}

impl<T> FromIterator<T> for List<T> {
    /// A list that nobody wrote.
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let items: Vec<_> = values.into_iter().map(|value| At { at: 0, value }).collect();
        Self { written: items.len(), items }
    }
}

#[cfg(not(target_family = "wasm"))]
impl<T: Written, const MOST: usize> Written for List<T, MOST> {
    fn written(&self) -> serde_json::Value {
        self.items.iter().map(|item| item.value.written()).collect()
    }
}

impl<T: Read, const MOST: usize> Read for List<T, MOST> {
    const WHAT: &'static str = "a list";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let elements = elements(node, MOST, problems)?;
        Some(Self { items: each(elements, problems), written: elements.len() })
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        let items = T::schema();
        serde_json::json!({ "type": "array", "minItems": 1, "maxItems": MOST, "items": items })
    }
}

/// One string, or a list of at most `MOST`.
#[derive(Clone, Debug)]
pub(super) struct OneOrMany<const MOST: usize = MOST_ELEMENTS>(pub(super) List<Text, MOST>);

impl<const MOST: usize> Read for OneOrMany<MOST> {
    const WHAT: &'static str = "a string or a list of strings";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        match node.value {
            Value::List(_) => List::read(node, problems).map(Self),
            Value::Text(_) => {
                At::read(node, problems).map(|one| Self(List { items: vec![one], written: 1 }))
            }
            _ => {
                wrong_type(node, Self::WHAT, problems);
                None
            }
        }
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        serde_json::json!({ "anyOf": [Text::schema(), List::<Text, MOST>::schema()] })
    }
}

/// A member's name and its value.
type Named<'n, 't> = (At<Box<str>>, &'n Node<'t>);

/// The members of an object whose names are the operator's own, whatever they are.
#[inline(never)]
fn named<'n, 't>(node: &'n Node<'t>, problems: &mut Problems<'_>) -> Option<Vec<Named<'n, 't>>> {
    let Value::Object(members) = &node.value else {
        wrong_type(node, "an object", problems);
        return None;
    };
    if !bounded(node, members, problems) {
        return None;
    }
    let mut named = Vec::new();
    for member in members {
        if member.name == COMMENT {
            check_comment(&member.node, problems);
        } else {
            let name = At { at: member.start, value: member.name.as_ref().into() };
            named.push((name, &member.node));
        }
    }
    Some(named)
}

/// An object whose member names are the operator's own.
#[derive(Clone, Debug)]
pub(super) struct Map<T>(pub(super) Vec<Entry<T>>);

/// A member of a [`Map`].
#[derive(Clone, Debug)]
pub(super) struct Entry<T> {
    /// Its name, and the place where the name begins.
    pub(super) name: At<Box<str>>,
    /// Its value; `None` where that is wrong, which has been said.
    pub(super) value: Option<At<T>>,
}

impl<T: Read> Read for Map<T> {
    const WHAT: &'static str = "an object";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let mut entries = Vec::new();
        for (name, node) in named(node, problems)? {
            entries.push(Entry { name, value: At::read(node, problems) });
        }
        Some(Self(entries))
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        serde_json::json!({
            "type": "object",
            "properties": { COMMENT: comment() },
            "additionalProperties": T::schema(),
        })
    }
}

/// The elements of a list member, none where it is absent or wrong.
pub(super) fn items<T, const MOST: usize>(field: &Field<List<T, MOST>>) -> &[At<T>] {
    field.given().map_or(&[], |list| &list.items)
}

/// The elements of a member that is one value or a list, none where it is absent or wrong.
pub(super) fn one_or_many(field: &Field<OneOrMany>) -> &[At<Text>] {
    field.given().map_or(&[], |list| &list.0.items)
}
