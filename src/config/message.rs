//! A configuration that a control plane sent as a protobuf message, as a tree: what a
//! `google.protobuf.Struct` says, which is YAML in Envoy's own file.
//!
//! The host hands over the bytes of the message without its type. A place of the tree is an offset
//! in them; the numbers of lines mean nothing there.

use std::borrow::Cow;

use super::code::Code;
use super::problems::Problems;
use super::tree::{self, MAX_DEPTH, Malformed, Node, Value};

/// A field with the number 2 that has a length: a member's value, a `TypedStruct`'s content.
const SECOND: usize = 0x12;
/// The same with the number 1: a member of a `Struct` or its name, an element of a list.
const FIRST: usize = 0x0a;

/// Largest whole number that a double tells from its neighbours, in either direction.
const MOST: f64 = 9_007_199_254_740_992.0;

/// What the URL of a type begins with.
const TYPE: &[u8] = b"type.googleapis.com/";

/// Whether these bytes are a message: every `Struct` with a member has this byte in it, and no JSON
/// text has (RFC 8259 §7); nor does one begin with a line feed and, a byte later, a type.
pub(super) fn is_message(bytes: &[u8]) -> bool {
    bytes.iter().any(|byte| usize::from(*byte) == SECOND)
        || matches!(bytes, [b'\n', _, rest @ ..] if rest.starts_with(TYPE))
}

/// Reads a `Struct`, or what holds one: a `TypedStruct` or an `Any`. What a `Struct` can say and a
/// configuration cannot is refused at its place.
pub(super) fn parse<'b>(
    bytes: &'b [u8],
    problems: &mut Problems<'_>,
) -> Result<Node<'b>, Malformed> {
    let mut content = Bytes { left: bytes, at: 0 };
    while let Some(inner) = content.held() {
        content = inner;
    }
    if content.left.is_empty() {
        return Err(tree::empty());
    }
    match object(content, 1, problems) {
        Some(value) => Ok(Node { start: 0, end: bytes.len(), value }),
        None => Err(Malformed::new(
            0,
            "neither JSON nor a `google.protobuf.Struct`: write the configuration as JSON in a \
             `google.protobuf.StringValue`, or as a `google.protobuf.Struct`",
        )),
    }
}

fn object<'b>(
    mut content: Bytes<'b>,
    depth: usize,
    problems: &mut Problems<'_>,
) -> Option<Value<'b>> {
    let mut members = Vec::new();
    while !content.left.is_empty() {
        let mut entry = content.only(FIRST)?;
        let start = entry.at;
        // Either may come first.
        let (one, other) = (entry.next()?, entry.next()?);
        let (name, member) = if one.0 == FIRST { (one, other) } else { (other, one) };
        if (name.0, member.0, entry.left.len()) != (FIRST, SECOND, 0) {
            return None;
        }
        let node = value(member.1, depth, problems)?;
        tree::insert(&mut members, tree::Member { name: name.1.text()?, start, node });
    }
    Some(Value::Object(members))
}

/// What a `Value` says, which has exactly one field.
fn value<'b>(
    mut content: Bytes<'b>,
    depth: usize,
    problems: &mut Problems<'_>,
) -> Option<Node<'b>> {
    let start = content.at;
    let (tag, mut field) = content.next()?;
    if !content.left.is_empty() {
        return None;
    }
    let inner = depth.saturating_add(1);
    let mut refuse = |code, message| {
        problems.refuse(code, start, message);
        Value::Null
    };
    let value = match tag {
        0x08 => refuse(Code::TypeWrong, "`null`: leave the field out instead"),
        0x11 => match whole(f64::from_le_bytes(field.left.try_into().ok()?)) {
            Some(whole) => Value::Number(whole.to_string().into()),
            None => refuse(
                Code::NumberOutOfRange,
                "not a whole number from -9007199254740992 to 9007199254740992; where text is \
                 meant, put it in quotes",
            ),
        },
        0x1a => Value::Text(field.text()?),
        0x20 => Value::Bool(field.left.iter().any(|byte| byte & 0x7f != 0)),
        0x2a | 0x32 if depth >= MAX_DEPTH => refuse(Code::ValueTooLong, tree::TOO_DEEP),
        0x2a => object(field, inner, problems)?,
        0x32 => {
            let mut elements = Vec::new();
            while !field.left.is_empty() {
                elements.push(self::value(field.only(FIRST)?, inner, problems)?);
            }
            Value::List(elements)
        }
        _ => return None,
    };
    Some(Node { start, end: content.at, value })
}

/// The whole number that a double is.
fn whole(number: f64) -> Option<i64> {
    #[expect(clippy::as_conversions, reason = "whole, and within the bounds of the target")]
    #[expect(clippy::cast_possible_truncation, reason = "the same")]
    (number.trunc() == number && number.abs() <= MOST).then_some(number as i64)
}

/// Bytes of the message that are yet to be read, and where they stand in it.
#[derive(Clone, Copy)]
struct Bytes<'b> {
    left: &'b [u8],
    at: usize,
}

impl<'b> Bytes<'b> {
    #[inline(never)]
    fn take(&mut self, length: usize) -> Option<Self> {
        let (taken, left) = self.left.split_at_checked(length)?;
        let taken = Self { left: taken, at: self.at };
        *self = Self { left, at: self.at.saturating_add(length) };
        Some(taken)
    }

    /// The bytes of a number, seven bits in each, the lowest first.
    fn varint(&mut self) -> Option<Self> {
        let last = self.left.iter().take(10).position(|byte| byte & 0x80 == 0)?;
        self.take(last.saturating_add(1))
    }

    /// A number that is a length or says which field comes.
    #[inline(never)]
    fn number(&mut self) -> Option<usize> {
        let digits = self.varint()?.left.iter().rev();
        digits.copied().try_fold(0_usize, |all, digit| {
            all.checked_mul(0x80)?.checked_add(usize::from(digit & 0x7f))
        })
    }

    /// The next field: its number with its form, and its content.
    #[inline(never)]
    fn next(&mut self) -> Option<(usize, Self)> {
        let tag = self.number()?;
        let content = match tag & 7 {
            0 => self.varint(),
            1 => self.take(8),
            2 => {
                let length = self.number()?;
                self.take(length)
            }
            _ => None,
        };
        Some((tag, content?))
    }

    /// The next field, which must be this one.
    fn only(&mut self, tag: usize) -> Option<Self> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }

    /// What a `TypedStruct` or an `Any` holds: its second field, with its type before it or behind;
    /// nothing where there is only a type.
    fn held(mut self) -> Option<Self> {
        let (tag, first) = self.next()?;
        if self.left.is_empty() {
            return match tag {
                SECOND => Some(first),
                FIRST if first.left.starts_with(TYPE) => Some(self),
                _ => None,
            };
        }
        let (other, second) = self.next()?;
        match (tag, other, self.left.len()) {
            (FIRST, SECOND, 0) => Some(second),
            (SECOND, FIRST, 0) => Some(first),
            _ => None,
        }
    }

    fn text(self) -> Option<Cow<'b, str>> {
        std::str::from_utf8(self.left).ok().map(Cow::Borrowed)
    }
}
