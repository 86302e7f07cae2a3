//! YAML, and JSON as a part of it, as a tree that knows where it stands.
//!
//! Aliases stand for what they name. What a plain word means is decided as Envoy and Kubernetes
//! do, which differs from YAML 1.2: `yes`, `no`, `on` and `off` are booleans.

use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Marker, Parser, Span};

pub(super) use saphyr_parser::ScalarStyle;

/// Longest file that is read, in bytes.
pub(super) const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Deepest nesting.
const MAX_DEPTH: usize = 96;
/// Most nodes: aliases taken for what they name, and what they name counted twice.
const MAX_NODES: usize = 500_000;

/// A place in a text: line and column in characters, both from 1.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Place {
    pub(super) line: u32,
    pub(super) column: u32,
}

impl Place {
    /// A text's first character.
    pub(super) const START: Self = Self { line: 1, column: 1 };

    fn of(marker: &Marker) -> Self {
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self { line: narrow(marker.line()), column: narrow(marker.col()).saturating_add(1) }
    }
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: Place,
    pub(super) value: Value,
}

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Member>),
}

/// A word, a number or a text.
#[derive(Clone, Debug)]
pub(super) struct Scalar {
    /// What it says, unescaped.
    pub(super) text: String,
    pub(super) style: ScalarStyle,
    /// Whether a tag says what it is.
    pub(super) tagged: bool,
    /// Where it stands in the source, as characters from its beginning.
    pub(super) range: (usize, usize),
}

/// A member of a map; names may come twice.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: String,
    /// Where the name stands.
    pub(super) at: Place,
    pub(super) node: Node,
}

/// Why a text is no YAML.
#[derive(Debug)]
pub(super) struct Malformed {
    pub(super) at: Place,
    pub(super) message: String,
}

/// The kind of a scalar in JSON.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plain {
    Null,
    Bool(bool),
    /// As JSON spells it.
    Number(String),
    Text,
}

/// Who reads a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reader {
    /// Envoy's own reader of YAML.
    Envoy,
    /// Envoy's reader of JSON.
    Json,
    /// The tools of Kubernetes.
    Kubernetes,
}

impl Scalar {
    /// What it means to a reader.
    pub(super) fn plain_by(&self, reader: Reader) -> Plain {
        if reader != Reader::Envoy || self.style != ScalarStyle::Plain {
            return self.plain();
        }
        match self.plain() {
            // Words in small letters, in capitals, or beginning with one.
            Plain::Bool(flag) if is_one_case(&self.text) => Plain::Bool(flag),
            Plain::Null if is_one_case(&self.text) => Plain::Null,
            Plain::Number(_) => envoy_number(&self.text).map_or(Plain::Text, Plain::Number),
            _ => Plain::Text,
        }
    }

    /// What it means to the tools of Kubernetes, and to Envoy where both read the same.
    pub(super) fn plain(&self) -> Plain {
        if self.style != ScalarStyle::Plain {
            return Plain::Text;
        }
        match self.text.to_ascii_lowercase().as_str() {
            "" | "~" | "null" => Plain::Null,
            "true" | "yes" | "on" | "y" => Plain::Bool(true),
            "false" | "no" | "off" | "n" => Plain::Bool(false),
            _ => number(&self.text).map_or(Plain::Text, Plain::Number),
        }
    }
}

/// A number as a `Struct` has it, which is a double.
fn number(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let plain = digits.replace('_', "");
    let hex = plain.strip_prefix("0x").and_then(|hex| u64::from_str_radix(hex, 16).ok());
    let octal = plain.strip_prefix('0').filter(|rest| !rest.is_empty());
    let hex = hex.or_else(|| u64::from_str_radix(octal?, 8).ok());
    let whole = hex.or_else(|| {
        let decimal = plain.bytes().all(|byte| byte.is_ascii_digit());
        plain.parse().ok().filter(|_| decimal && digits.starts_with(|c: char| c.is_ascii_digit()))
    });
    if let Some(whole) = whole {
        return Some(format!("{sign}{whole}"));
    }
    let form = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
    let begins = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if !begins || !digits.bytes().all(form) {
        return None;
    }
    let number: f64 = format!("{sign}{digits}").parse().ok()?;
    // The shortest form, without a fraction where there is none: as a `Struct` becomes JSON.
    number.is_finite().then(|| format!("{number}"))
}

fn is_one_case(word: &str) -> bool {
    let rest = word.get(1..).unwrap_or_default();
    let is_lower = |text: &str| !text.bytes().any(|byte| byte.is_ascii_uppercase());
    is_lower(rest) || !word.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// A whole number of 32 bits, in any base that C++ takes by itself.
fn envoy_number(text: &str) -> Option<String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let radix = |digits: &str, radix| match digits.starts_with(['+', '-']) {
        true => None,
        false => i64::from_str_radix(digits, radix).ok(),
    };
    let number = if let Some(hex) = digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        radix(hex, 16)?
    } else if let Some(octal) = digits.strip_prefix('0').filter(|rest| !rest.is_empty()) {
        radix(octal, 8)?
    } else {
        radix(digits, 10)?
    };
    let number = if text.starts_with('-') { number.checked_neg()? } else { number };
    i32::try_from(number).ok().map(|number| number.to_string())
}

impl Node {
    /// The value of a member, by its name in snake case or in camel case.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        self.member(name).map(|member| &member.node)
    }

    /// A member by its name in snake case or in camel case.
    pub(super) fn member(&self, name: &str) -> Option<&Member> {
        self.members().iter().find(|member| member.name == name || is_camel(&member.name, name))
    }

    /// A member's value, member by member.
    pub(super) fn path(&self, names: &[&str]) -> Option<&Self> {
        names.iter().try_fold(self, |node, name| node.get(name))
    }

    /// The members of a map; none of anything else.
    pub(super) fn members(&self) -> &[Member] {
        match &self.value {
            Value::Map(members) => members,
            _ => &[],
        }
    }

    /// The elements of a list; none of anything else.
    pub(super) fn elements(&self) -> &[Self] {
        match &self.value {
            Value::List(elements) => elements,
            _ => &[],
        }
    }

    /// What a scalar says.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    /// What the scalar at `names` says.
    pub(super) fn text_at(&self, names: &[&str]) -> Option<&str> {
        self.path(names)?.text()
    }

    /// Whether it is `true`.
    pub(super) fn is_true(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.plain() == Plain::Bool(true))
    }
}

/// The name of a merge key (YAML 1.1): its value's members stand beside the map's own.
const MERGE: &str = "<<";

impl Node {
    /// Where the first merge key stands.
    pub(super) fn merge_key(&self) -> Option<Place> {
        let own = self.members().iter().find(|member| member.name == MERGE).map(|member| member.at);
        let members = self.members().iter().map(|member| &member.node);
        own.or_else(|| members.chain(self.elements()).find_map(Self::merge_key))
    }

    /// Puts what merge keys name in their place, as Kubernetes' tools do: a map's own members go
    /// before merged ones, and the first of several maps before the rest.
    pub(super) fn merge(&mut self) {
        match &mut self.value {
            Value::Scalar(_) => {}
            Value::List(elements) => elements.iter_mut().for_each(Self::merge),
            Value::Map(members) => {
                members.iter_mut().for_each(|member| member.node.merge());
                let (merges, mut own): (Vec<_>, Vec<_>) =
                    std::mem::take(members).into_iter().partition(|member| member.name == MERGE);
                let mut known: BTreeSet<_> = own.iter().map(|member| member.name.clone()).collect();
                for merge in merges {
                    let maps = match merge.node.value {
                        Value::List(maps) => maps,
                        _ => vec![merge.node],
                    };
                    let merged = maps.into_iter().flat_map(|map| match map.value {
                        Value::Map(members) => members,
                        _ => Vec::new(),
                    });
                    own.extend(merged.filter(|member| known.insert(member.name.clone())));
                }
                *members = own;
            }
        }
    }
}

/// Whether `found` is `name` in camel case.
fn is_camel(found: &str, name: &str) -> bool {
    let mut parts = name.split('_');
    let mut camel = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut chars = part.chars();
        camel.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(chars.as_str());
    }
    camel == found
}

/// Reads every document of a text.
///
/// # Errors
///
/// It is no YAML, nested too deep, or larger than a configuration ever is.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, Malformed> {
    if text.len() > MAX_BYTES {
        let message = format!("{} bytes: at most {MAX_BYTES} are read", text.len());
        return Err(Malformed { at: Place::START, message });
    }
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let tab = if error.info().contains("tab") { ": indent with spaces" } else { "" };
            let message = format!("not YAML: {}{tab}", error.info());
            Malformed { at: Place::of(error.marker()), message }
        })?;
        builder.take(event, &span)?;
    }
    Ok(builder.documents)
}

/// A list or a map that is not complete.
struct Open {
    at: Place,
    anchor: usize,
    what: OpenKind,
}

enum OpenKind {
    List(Vec<Node>),
    /// The members so far, and the name whose value is due.
    Map(Vec<Member>, Option<(String, Place)>),
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: BTreeMap<usize, (Node, usize)>,
    documents: Vec<Node>,
    nodes: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Malformed> {
        let at = Place::of(&span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let range = (span.start.index(), span.end.index());
                let text = text.into_owned();
                let scalar = Scalar { text, style, tagged: tag.is_some(), range };
                self.put(Node { at, value: Value::Scalar(scalar) }, anchor, 1)
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some((node, size)) => {
                    let (node, size) = (node.clone(), *size);
                    self.put(node, 0, size)
                }
                None => {
                    let message = "an alias of what it stands in, or of nothing".into();
                    Err(Malformed { at, message })
                }
            },
            Event::SequenceStart(anchor, _) => {
                self.begin(Open { at, anchor, what: OpenKind::List(Vec::new()) })
            }
            Event::MappingStart(anchor, _) => {
                self.begin(Open { at, anchor, what: OpenKind::Map(Vec::new(), None) })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { at, anchor, what }) = self.open.pop() else { return Ok(()) };
                let value = match what {
                    OpenKind::List(elements) => Value::List(elements),
                    OpenKind::Map(members, _) => Value::Map(members),
                };
                self.put(Node { at, value }, anchor, 1)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, open: Open) -> Result<(), Malformed> {
        if self.open.len() >= MAX_DEPTH {
            let message = format!("nested more than {MAX_DEPTH} levels deep");
            return Err(Malformed { at: open.at, message });
        }
        self.open.push(open);
        Ok(())
    }

    /// Puts a complete value where it belongs.
    fn put(&mut self, node: Node, anchor: usize, size: usize) -> Result<(), Malformed> {
        // What has a name is kept twice.
        let whole = if anchor > 0 { count(&node) } else { 0 };
        self.nodes = self.nodes.saturating_add(size).saturating_add(whole);
        if self.nodes > MAX_NODES {
            let message = format!("more than {MAX_NODES} values, aliases taken for what they name");
            return Err(Malformed { at: node.at, message });
        }
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), whole));
        }
        match self.open.last_mut().map(|open| &mut open.what) {
            None => self.documents.push(node),
            Some(OpenKind::List(elements)) => elements.push(node),
            Some(OpenKind::Map(members, name)) => match name.take() {
                None => *name = Some((node.text().unwrap_or("?").to_owned(), node.at)),
                Some((name, at)) => members.push(Member { name, at, node }),
            },
        }
        Ok(())
    }
}

fn count(node: &Node) -> usize {
    let inner: usize = match &node.value {
        Value::Scalar(_) => 0,
        Value::List(elements) => elements.iter().map(count).sum(),
        Value::Map(members) => members.iter().map(|member| count(&member.node)).sum(),
    };
    inner.saturating_add(1)
}

/// A tree as JSON, as the tools of Kubernetes make it: a token a line, and the place that each line is
/// about.
pub(super) fn to_json(node: &Node) -> (String, Vec<Place>) {
    to_json_by(node, Reader::Kubernetes)
}

/// A tree as JSON, as a reader makes it.
pub(super) fn to_json_by(node: &Node, reader: Reader) -> (String, Vec<Place>) {
    let mut json = Json { reader, text: String::new(), places: Vec::new() };
    json.write(node);
    (json.text, json.places)
}

struct Json {
    reader: Reader,
    text: String,
    places: Vec<Place>,
}

impl Json {
    fn line(&mut self, token: &str, at: Place) {
        if !self.places.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(token);
        self.places.push(at);
    }

    fn write(&mut self, node: &Node) {
        match &node.value {
            Value::Scalar(scalar) => {
                let token = match scalar.plain_by(self.reader) {
                    Plain::Null => "null".to_owned(),
                    Plain::Bool(flag) => flag.to_string(),
                    Plain::Number(number) => number,
                    Plain::Text => quote(&scalar.text),
                };
                self.line(&token, node.at);
            }
            Value::List(elements) => {
                self.line("[", node.at);
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        self.text.push(',');
                    }
                    self.write(element);
                }
                self.line("]", node.at);
            }
            Value::Map(members) => {
                self.line("{", node.at);
                for (index, member) in members.iter().enumerate() {
                    if index > 0 {
                        self.text.push(',');
                    }
                    self.line(&quote(&member.name), member.at);
                    self.text.push(':');
                    self.write(&member.node);
                }
                self.line("}", node.at);
            }
        }
    }
}

/// A map as a `google.protobuf.Struct` on the wire, as a reader makes it: of members with one name
/// the last.
pub(super) fn to_struct(map: &Node, reader: Reader) -> Vec<u8> {
    let members = map.members();
    let mut out = Vec::new();
    for (place, member) in members.iter().enumerate() {
        let later = members.iter().skip(place.saturating_add(1));
        if !later.into_iter().any(|other| other.name == member.name) {
            let name = field(0x0a, member.name.as_bytes());
            let value = field(0x12, &to_value(&member.node, reader));
            out.extend(field(0x0a, &[name, value].concat()));
        }
    }
    out
}

fn to_value(node: &Node, reader: Reader) -> Vec<u8> {
    match &node.value {
        Value::Scalar(scalar) => match scalar.plain_by(reader) {
            Plain::Null => vec![0x08, 0],
            Plain::Bool(flag) => vec![0x20, u8::from(flag)],
            Plain::Number(number) => {
                let number: f64 = number.parse().unwrap_or(f64::NAN);
                [&[0x11][..], &number.to_le_bytes()].concat()
            }
            Plain::Text => field(0x1a, scalar.text.as_bytes()),
        },
        Value::List(elements) => {
            let elements = elements.iter().map(|one| field(0x0a, &to_value(one, reader)));
            field(0x32, &elements.collect::<Vec<_>>().concat())
        }
        Value::Map(_) => field(0x2a, &to_struct(node, reader)),
    }
}

/// A field of a message: its tag, its length, its content.
fn field(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let mut length = content.len();
    while length >= 0x80 {
        out.push(u8::try_from(length & 0x7f).unwrap_or_default() | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).unwrap_or_default());
    out.extend_from_slice(content);
    out
}

fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
