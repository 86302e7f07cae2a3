//! JSON that knows where it stands: a tree whose nodes keep their place in the text.
//!
//! `serde_json` says whether a text is JSON (RFC 8259, strictly); `jsonc-parser` says where each
//! value of it begins and ends. A place is a byte offset, and no two nodes begin at the same one,
//! so that a place is all it takes to find a node's line, column and path.
//!
//! Members stand in the order of their names, however they were written: so nothing behind the tree
//! can depend on an order that hosts change at every start.

use std::borrow::Cow;
use std::fmt::Write as _;

use jsonc_parser::ast::{self, ObjectPropName};
use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde::de::IgnoredAny;

use super::code::Code;
use crate::json;
use crate::verdict::quoted;

/// Longest text, in bytes.
pub(super) const MAX_BYTES: usize = 1024 * 1024;

/// Deepest nesting of objects and lists.
pub(super) const MAX_DEPTH: usize = 32;

/// Most members of an object.
pub(super) const MOST_MEMBERS: usize = 1000;

/// A value and its place.
pub(super) struct Node<'t> {
    /// Where it begins.
    pub(super) start: usize,
    /// Just behind its end.
    pub(super) end: usize,
    /// What it is.
    pub(super) value: Value<'t>,
}

/// A JSON value.
pub(super) enum Value<'t> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as written.
    Number(Cow<'t, str>),
    /// A string, unescaped.
    Text(Cow<'t, str>),
    /// A list.
    List(Vec<Node<'t>>),
    /// An object: its members by name, duplicates included, in the order in which they were written.
    Object(Vec<Member<'t>>),
}

/// A member of an object.
pub(super) struct Member<'t> {
    /// Its name, unescaped.
    pub(super) name: Cow<'t, str>,
    /// Where the name begins.
    pub(super) start: usize,
    /// Its value.
    pub(super) node: Node<'t>,
}

/// Why a text is no tree.
pub(super) struct Malformed {
    /// The offset in bytes where reading stopped.
    pub(super) at: usize,
    /// What is wrong and what to do.
    pub(super) message: String,
    /// Its kind.
    pub(super) code: Code,
}

impl Malformed {
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), code: Code::TextMalformed }
    }
}

/// What is said of nothing at all, which looks alike whatever it was: an empty text, an empty
/// message, no configuration.
pub(super) fn empty() -> Malformed {
    Malformed::new(0, "the configuration is empty: write at least `providers`")
}

/// What is said of nesting beyond [`MAX_DEPTH`].
pub(super) const TOO_DEEP: &str = "nested more than 32 levels deep";

/// Refuses what is longer than any configuration.
pub(super) fn bounded(bytes: &[u8]) -> Result<(), Malformed> {
    match bytes.len() {
        ..=MAX_BYTES => Ok(()),
        length => {
            let message = format!("{length} bytes: at most {MAX_BYTES} are read");
            Err(Malformed { code: Code::ValueTooLong, ..Malformed::new(0, message) })
        }
    }
}

/// Puts a member behind those whose names are not greater. More than a configuration may have stay
/// as they come: they are refused for their number.
pub(super) fn insert<'t>(members: &mut Vec<Member<'t>>, member: Member<'t>) {
    let place = match members.len() {
        ..=MOST_MEMBERS => members.partition_point(|known| known.name <= member.name),
        length => length,
    };
    members.insert(place, member);
}

/// Reads a text as UTF-8.
pub(super) fn utf8(text: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(text).map_err(|error| {
        Malformed::new(error.valid_up_to(), "not UTF-8 from here on: save the file as UTF-8")
    })
}

/// Reads a text as strict JSON.
pub(super) fn parse(text: &str) -> Result<Node<'_>, Malformed> {
    if text.starts_with('\u{feff}') {
        let message = "a byte order mark: save the file as UTF-8 without one (RFC 8259 §8.1)";
        return Err(Malformed::new(0, message));
    }
    if text.trim_ascii().is_empty() {
        return Err(empty());
    }
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        return Err(not_json(text, &error));
    }
    if let Some(at) = deepest(text) {
        return Err(Malformed { code: Code::ValueTooLong, ..Malformed::new(at, TOO_DEEP) });
    }
    let strict = ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    match parse_to_ast(text, &CollectOptions::default(), &strict) {
        Ok(parsed) => match parsed.value {
            Some(object @ ast::Value::Object(_)) => Ok(node(object)),
            other => Err(Malformed {
                at: other.map_or(0, |value| value.start()),
                message: "the configuration is an object: { \"providers\": … }".into(),
                code: Code::TypeWrong,
            }),
        },
        Err(error) => Err(Malformed::new(
            error.range().start,
            format!("not JSON: {}", lower_first(&error.kind().to_string())),
        )),
    }
}

fn node(value: ast::Value<'_>) -> Node<'_> {
    let range = value.range();
    let value = match value {
        ast::Value::StringLit(text) => Value::Text(text.value),
        ast::Value::NumberLit(number) => Value::Number(number.value.into()),
        ast::Value::BooleanLit(flag) => Value::Bool(flag.value),
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::Array(list) => Value::List(list.elements.into_iter().map(node).collect()),
        ast::Value::Object(object) => {
            let mut members = Vec::new();
            object.properties.into_iter().for_each(|one| insert(&mut members, member(one)));
            Value::Object(members)
        }
    };
    Node { start: range.start, end: range.end, value }
}

fn member(property: ast::ObjectProp<'_>) -> Member<'_> {
    let start = property.name.range().start;
    let name = match property.name {
        ObjectPropName::String(name) => name.value,
        ObjectPropName::Word(name) => Cow::Borrowed(name.value),
    };
    Member { name, start, node: node(property.value) }
}

/// The offset of the first bracket of JSON text beyond [`MAX_DEPTH`]: looked for before anything
/// recurses.
fn deepest(text: &str) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth = depth.saturating_add(1);
                if depth > MAX_DEPTH {
                    return Some(at);
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// Words a syntax error, and adds what the usual mistakes need.
fn not_json(text: &str, error: &serde_json::Error) -> Malformed {
    let line_start = match error.line().checked_sub(2) {
        None => 0,
        Some(newline) => text
            .match_indices('\n')
            .nth(newline)
            .map_or(text.len(), |(newline, _)| newline.saturating_add(1)),
    };
    let mut at = line_start.saturating_add(error.column().saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at = at.saturating_sub(1);
    }
    let what = error.to_string();
    let what = what.split(" at line ").next().unwrap_or_default();
    let rest = text.get(at..).unwrap_or_default();
    let hint = match rest.chars().next() {
        Some('/') => ": JSON has no comments, use a `description` member instead",
        Some('\'') => ": strings stand in double quotes",
        Some('}' | ']') if !what.starts_with("trailing characters") => {
            ": delete the comma before the bracket"
        }
        _ if what.starts_with("EOF") => ": the text ends too early, look for an unclosed bracket",
        _ if what.starts_with("control character") => ": write it as an escape, such as \\n",
        _ => "",
    };
    Malformed::new(at, format!("not JSON: {}{hint}", lower_first(what)))
}

fn lower_first(text: &str) -> String {
    let mut lower = text.to_owned();
    if text.chars().nth(1).is_some_and(|second| second.is_ascii_lowercase())
        && let Some(first) = lower.get_mut(..1)
    {
        first.make_ascii_lowercase();
    }
    lower
}

/// A value as compact JSON, its members by name: one text for whatever says the same.
pub(super) fn write(node: &Node<'_>, out: &mut String) {
    match &node.value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(digits) => out.push_str(digits),
        Value::Text(text) => write_text(text, out),
        Value::List(elements) => {
            let mut before = "[";
            for element in elements {
                out.push_str(std::mem::replace(&mut before, ","));
                write(element, out);
            }
            out.push_str(if before == "[" { "[]" } else { "]" });
        }
        Value::Object(members) => {
            let mut before = "{";
            for member in members {
                out.push_str(std::mem::replace(&mut before, ","));
                write_text(&member.name, out);
                out.push(':');
                write(&member.node, out);
            }
            out.push_str(if before == "{" { "{}" } else { "}" });
        }
    }
}

#[inline(never)]
fn write_text(text: &str, out: &mut String) {
    out.push_str(&json::text(&text.into()));
}

/// The path of the node or member name that begins at `at`: `apis[0].match.paths[1]`.
pub(super) fn path(root: &Node<'_>, at: usize) -> String {
    let mut path = String::new();
    let mut here = root;
    while here.start < at {
        match &here.value {
            Value::List(elements) => {
                let index = elements.partition_point(|element| element.start <= at);
                let Some(index) = index.checked_sub(1) else { break };
                let Some(element) = elements.get(index) else { break };
                let _ = write!(path, "[{index}]");
                here = element;
            }
            Value::Object(members) => {
                let holds = |one: &&Member<'_>| (one.start..one.node.end).contains(&at);
                let Some(member) = members.iter().find(holds) else { break };
                push_name(&mut path, &member.name);
                if at < member.node.start {
                    break;
                }
                here = &member.node;
            }
            _ => break,
        }
    }
    path
}

/// Adds a member to a path: `.name`, or `[…]` with the name quoted where it is no plain word.
pub(super) fn push_name(path: &mut String, name: &str) {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'$');
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        let _ = write!(path, "[{}]", quoted(name));
        return;
    }
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

/// Turns offsets, which must come in rising order, into lines and columns.
pub(super) struct Places<'t> {
    text: &'t str,
    at: usize,
    line: u32,
    column: u32,
}

impl<'t> Places<'t> {
    /// From the text's first character on.
    pub(super) const fn new(text: &'t str) -> Self {
        Self { text, at: 0, line: 1, column: 1 }
    }

    /// Line and column of an offset, both from 1, the column in characters.
    pub(super) fn find(&mut self, offset: usize) -> (u32, u32) {
        for c in self.text.get(self.at..offset).unwrap_or_default().chars() {
            if c == '\n' {
                self.line = self.line.saturating_add(1);
                self.column = 1;
            } else {
                self.column = self.column.saturating_add(1);
            }
        }
        self.at = self.at.max(offset);
        (self.line, self.column)
    }
}
