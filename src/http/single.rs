//! What a request says exactly once, in a way that every server reads alike.
//!
//! For values that are compared: what two servers could read differently, or what could be followed
//! by a second value that one of them prefers, has no value here.

use std::borrow::Cow;
use std::fmt;

use super::query::{decoded, name_and_value, pieces, split};
use super::{RequestHead, is_spelling};

/// Why a part of a request has no value that every server would read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unclear {
    /// It is not there.
    Absent,
    /// White space at an end, or a control character in it.
    Blank,
    /// A comma, with which repeated headers are joined.
    Comma,
    /// Nothing is in it.
    Empty,
    /// An escape that is left after decoding once: a value for whoever decodes again.
    Escape,
    /// A `#` in the query: its end for some.
    Fragment,
    /// A `+` in a parameter, which is a space in forms.
    Plus,
    /// It is there more than once, for some server at least.
    Repeated,
    /// A `;` in the query, which separates parameters for some.
    Semicolon,
    /// A `&` or `;` in a parameter, encoded: the end of it for whoever decodes before splitting.
    Separator,
}

/// As the end of a sentence: "the header `x-tenant` …".
impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "is missing",
            Self::Blank => "has white space at an end, or a control character",
            Self::Comma => "has a comma, as a list has",
            Self::Empty => "is empty",
            Self::Escape => "has an escape (`%41`) that is left after decoding once",
            Self::Fragment => "stands in a query with a `#`, which ends it for some servers",
            Self::Plus => {
                "has a `+`, which is a space for some servers; encode it (`%2B` or `%20`)"
            }
            Self::Repeated => {
                "is there more than once, if not for every server (another case, a `[` behind the \
                 name, an encoded `&`)"
            }
            Self::Semicolon => "stands in a query with a `;`, which parts it for some servers",
            Self::Separator => "has an encoded `&` or `;`, which parts the query for some servers",
        })
    }
}

/// The value of a header that is there once and is no list.
///
/// # Errors
///
/// See [`Unclear`].
pub fn single_header<'h>(head: &'h RequestHead, name: &str) -> Result<&'h [u8], Unclear> {
    let mut values = head.values(name);
    let value = values.next().ok_or(Unclear::Absent)?;
    if values.next().is_some() {
        return Err(Unclear::Repeated);
    }
    if value.contains(&b',') {
        return Err(Unclear::Comma);
    }
    filled(value)?;
    Ok(value)
}

/// The value of a parameter in the query of a request target, percent-decoded once.
///
/// Whether it is repeated is judged as by the most tolerant of servers: its name in any case, with any
/// punctuation for its own, with a `[` or white space at its ends, decoded twice, or behind a `&` that
/// is encoded. Its value is that of its exact name alone.
///
/// # Errors
///
/// See [`Unclear`].
pub fn single_parameter<'p>(target: &'p [u8], name: &str) -> Result<Cow<'p, [u8]>, Unclear> {
    let query = split(target).and_then(|(_, query)| query).ok_or(Unclear::Absent)?;
    if query.contains(&b';') {
        return Err(Unclear::Semicolon);
    }
    if query.contains(&b'#') {
        return Err(Unclear::Fragment);
    }
    let mut called = pieces(query).map(name_and_value).filter(|(found, _)| may_be(found, name));
    let (found, value) = called.next().ok_or(Unclear::Absent)?;
    // Whoever decodes the query before it is split finds more in it.
    let whole = decoded(query);
    let mut again = whole.split(|byte| matches!(byte, b'&' | b';')).map(name_and_value);
    let again = again.by_ref().filter(|(found, _)| may_be(found, name)).nth(1).is_some();
    if called.next().is_some() || again {
        return Err(Unclear::Repeated);
    }
    if *decoded(found) != *name.as_bytes() {
        return Err(Unclear::Absent);
    }
    if value.contains(&b'+') {
        return Err(Unclear::Plus);
    }
    let value = decoded(value);
    if value.iter().any(|byte| matches!(byte, b'&' | b';')) {
        return Err(Unclear::Separator);
    }
    decoded_once(&value)?;
    Ok(value)
}

/// Demands that something is in what was percent-decoded once, and no escape that could be decoded
/// again.
///
/// # Errors
///
/// See [`Unclear`].
pub fn decoded_once(value: &[u8]) -> Result<(), Unclear> {
    if *decoded(value) != *value {
        return Err(Unclear::Escape);
    }
    filled(value)
}

fn filled(value: &[u8]) -> Result<(), Unclear> {
    if value.is_empty() {
        return Err(Unclear::Empty);
    }
    if value.trim_ascii() != value || value.iter().any(u8::is_ascii_control) {
        return Err(Unclear::Blank);
    }
    Ok(())
}

/// Whether some server takes a parameter of this name, as it stands in a query, for one of that name.
fn may_be(found: &[u8], name: &str) -> bool {
    let ends = |byte: &u8| matches!(byte, b'[' | 0);
    let is_blank = |byte: &u8| *byte == b'+' || byte.is_ascii_whitespace();
    let twice = decoded(found);
    let twice = decoded(&twice);
    let own = twice.split(ends).next().unwrap_or_default();
    let start = own.iter().position(|byte| !is_blank(byte)).unwrap_or(own.len());
    let end = own.iter().rposition(|byte| !is_blank(byte)).map_or(start, |at| at.saturating_add(1));
    is_spelling(own.get(start..end).unwrap_or_default(), name.as_bytes())
}

#[cfg(test)]
mod tests;
