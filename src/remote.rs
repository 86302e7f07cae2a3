//! A document that is fetched: where from, and how fresh it has to be.

use std::time::Duration;

use crate::http::Url;
use crate::shared_document::Terms;

/// What a server calls the state that a document is in: an entity tag, weak or strong (RFC 9110 §8.8.3).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EntityTag(Box<str>);

impl EntityTag {
    /// Longest tag, in bytes.
    pub const MAX_BYTES: usize = 256;

    /// Reads the value of an `ETag`: `"…"` or `W/"…"`. `None` for what is too long or no tag, and for
    /// bytes beyond ASCII, which not every server reads back as it wrote them.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok().filter(|text| text.len() <= Self::MAX_BYTES)?;
        let opaque = without_weakness(text).strip_prefix('"')?.strip_suffix('"')?;
        let is_of_tag = |byte: u8| byte.is_ascii_graphic() && byte != b'"';
        opaque.bytes().all(is_of_tag).then(|| Self(text.into()))
    }

    /// The tag as it was written.
    pub const fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether two tags are of states that are good for each other: the weak comparison (RFC 9110
    /// §8.8.3.2), by which `If-None-Match` is judged.
    pub fn is_like(&self, other: &Self) -> bool {
        without_weakness(&self.0) == without_weakness(&other.0)
    }
}

fn without_weakness(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// A document of others.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Remote {
    /// What tells it from others of its kind: lower-case hex of SHA-256, cut to 16 bytes.
    pub id: Box<str>,
    /// Where it is.
    pub url: Url,
    /// The cluster that is called.
    pub cluster: Box<str>,
    /// How long a call may take.
    pub timeout: Duration,
    /// How old it becomes before it is fetched again.
    pub refresh: Duration,
    /// Shortest time between two fetches out of turn.
    pub cooldown: Duration,
    /// How old it may be and still be used.
    pub max_stale: Duration,
}

impl Remote {
    /// How it is shared by all workers, in records of these two kinds; so many calls are one fetch.
    pub fn terms(&self, board: &'static str, text: &'static str, calls: u32) -> Terms {
        Terms {
            id: self.id.clone(),
            board,
            text,
            calls: self.timeout.saturating_mul(calls),
            refresh: self.refresh,
            cooldown: self.cooldown,
            max_stale: self.max_stale,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_quoted_ascii_of_bounded_length() {
        let longest = format!("W/\"{}\"", "x".repeat(252));
        let too_long = format!("\"{}\"", "x".repeat(255));
        let cases: [(&str, &[u8], bool); 15] = [
            ("a strong one", b"\"abc\"", true),
            ("a weak one", b"W/\"abc\"", true),
            ("an empty one", b"\"\"", true),
            ("odd letters", b"\"a,b\\c;W/'!~\"", true),
            ("the longest", longest.as_bytes(), true),
            ("longer", too_long.as_bytes(), false),
            ("nothing", b"", false),
            ("no quotes", b"abc", false),
            ("one quote", b"\"", false),
            ("weak in small", b"w/\"abc\"", false),
            ("two", b"\"a\", \"b\"", false),
            ("a blank", b"\"a b\"", false),
            ("a line's end", b"\"a\r\nx: y\"", false),
            ("beyond ASCII", "\"\u{e9}\"".as_bytes(), false),
            ("any", b"*", false),
        ];
        for (name, value, good) in cases {
            let tag = EntityTag::parse(value);
            assert_eq!(tag.is_some(), good, "{name}");
            assert!(tag.is_none_or(|tag| tag.as_str().as_bytes() == value), "{name}");
        }
    }

    #[test]
    fn weakness_does_not_tell_tags_apart() {
        // (RFC 9110 §8.8.3.2)
        let cases = [
            ("W/\"1\"", "W/\"1\"", true),
            ("W/\"1\"", "W/\"2\"", false),
            ("W/\"1\"", "\"1\"", true),
            ("\"1\"", "\"1\"", true),
            ("\"a\"", "\"A\"", false),
        ];
        for (one, other, alike) in cases {
            let [left, right] =
                [one, other].map(|tag| EntityTag::parse(tag.as_bytes()).expect("a tag"));
            assert_eq!(left.is_like(&right), alike, "{one} {other}");
        }
    }
}
