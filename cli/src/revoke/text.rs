//! The text of a list, of which only entries change: everything else stays as it was written.

use std::ops::Range;

use serde::de::IgnoredAny;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Deserializer, Value};
use tollgate::time::UnixMillis;

/// Whom an entry is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Subject {
    Identity(String),
    Jti(String),
    /// The token of this SHA-256, in hex.
    Token(String),
    /// The session that its provider calls by this `sid`.
    Session(String),
}

/// An entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Entry {
    pub(super) provider: String,
    pub(super) subject: Subject,
    pub(super) issued_before: Option<UnixMillis>,
    pub(super) until: Option<UnixMillis>,
    pub(super) description: Option<String>,
}

/// An entry as it is written.
#[derive(Deserialize)]
struct Written {
    provider: String,
    identity: Option<String>,
    jti: Option<String>,
    token_sha256: Option<String>,
    session: Option<String>,
    issued_before: Option<String>,
    until: Option<String>,
}

impl Entry {
    fn read(text: &str) -> Option<Self> {
        let written: Written = serde_json::from_str(text).ok()?;
        let named = [
            written.identity.map(Subject::Identity),
            written.jti.map(Subject::Jti),
            written.token_sha256.map(Subject::Token),
            written.session.map(Subject::Session),
        ];
        let mut named = named.into_iter().flatten();
        let (subject, None) = (named.next()?, named.next()) else { return None };
        let moment = |text: Option<String>| UnixMillis::from_rfc3339(&text?);
        Some(Self {
            provider: written.provider,
            subject,
            issued_before: moment(written.issued_before),
            until: moment(written.until),
            description: None,
        })
    }

    /// Whether it refuses all that another would, and as long.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let reaches = |own: Option<UnixMillis>, other: Option<UnixMillis>| {
            own.is_none_or(|own| other.is_some_and(|other| own >= other))
        };
        (&self.provider, &self.subject) == (&other.provider, &other.subject)
            && reaches(self.issued_before, other.issued_before)
            && reaches(self.until, other.until)
    }

    /// The entry on one line.
    pub(super) fn to_text(&self) -> String {
        let (name, value) = match &self.subject {
            Subject::Identity(identity) => ("identity", identity),
            Subject::Jti(jti) => ("jti", jti),
            Subject::Token(hex) => ("token_sha256", hex),
            Subject::Session(sid) => ("session", sid),
        };
        let moment = |moment: Option<UnixMillis>| moment.map(UnixMillis::to_rfc3339);
        let members = [
            ("provider", Some(self.provider.clone())),
            (name, Some(value.clone())),
            ("issued_before", moment(self.issued_before)),
            ("until", moment(self.until)),
            ("description", self.description.clone()),
        ];
        let members = members.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let members = members.map(|(name, value)| format!("\"{name}\": {}", Value::from(value)));
        format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
    }
}

/// A list's text, and where its entries stand in it.
pub(super) struct Document<'t> {
    text: &'t str,
    /// From behind `[` to before `]`.
    inside: Range<usize>,
    entries: Vec<(Range<usize>, Entry)>,
}

impl<'t> Document<'t> {
    /// Reads the text of a list, which a proxy takes; `None` where it would not.
    pub(super) fn read(text: &'t str) -> Option<Self> {
        let mut at = expect(text, 0, '{')?;
        loop {
            let (name, end) = value::<String>(text, at)?;
            at = blank(text, expect(text, end, ':')?);
            if name == "entries" {
                return Self::read_entries(text, at);
            }
            let (IgnoredAny, end) = value(text, at)?;
            at = expect(text, end, ',')?;
        }
    }

    fn read_entries(text: &'t str, at: usize) -> Option<Self> {
        let start = expect(text, at, '[')?;
        let mut entries = Vec::new();
        let mut at = blank(text, start);
        while !text.get(at..)?.starts_with(']') {
            let (IgnoredAny, end) = value(text, at)?;
            entries.push((at..end, Entry::read(text.get(at..end)?)?));
            let behind = blank(text, end);
            at = match text.get(behind..)?.strip_prefix(',') {
                Some(_) => blank(text, behind.saturating_add(1)),
                None => behind,
            };
        }
        Some(Self { text, inside: start..at, entries })
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(|(_, entry)| entry)
    }

    /// The text without the entries that are to go, and with another behind the last.
    pub(super) fn changed(&self, goes: impl Fn(&Entry) -> bool, added: Option<&Entry>) -> String {
        let part = |range: Range<usize>| self.text.get(range).unwrap_or_default();
        // What stands before each, which is how the list is laid out.
        let before = |place: &Range<usize>| {
            let space = part(self.inside.start..place.start);
            let blanks = space.trim_end_matches(is_blank).len();
            space.get(blanks..).unwrap_or_default()
        };
        let stay = self.entries.iter().filter(|(_, entry)| !goes(entry));
        let mut entries: Vec<_> =
            stay.map(|(place, _)| format!("{}{}", before(place), part(place.clone()))).collect();
        let layout = self.entries.last().map(|(place, _)| before(place));
        if let Some(added) = added {
            let layout = match layout {
                Some("") if !entries.is_empty() => " ",
                Some(layout) => layout,
                None => "\n    ",
            };
            entries.push(format!("{layout}{}", added.to_text()));
        }
        let end = match self.entries.last() {
            Some((last, _)) => part(last.end..self.inside.end).trim_start_matches(','),
            None if entries.is_empty() => part(self.inside.clone()),
            None => "\n  ",
        };
        let behind = self.inside.end..self.text.len();
        [part(0..self.inside.start), &entries.join(","), end, part(behind)].concat()
    }
}

/// The value that begins at a place, and where it ends.
fn value<T: DeserializeOwned>(text: &str, at: usize) -> Option<(T, usize)> {
    let at = blank(text, at);
    let mut values = Deserializer::from_str(text.get(at..)?).into_iter();
    let value = values.next()?.ok()?;
    Some((value, at.checked_add(values.byte_offset())?))
}

/// Behind this character, and the white space before it.
fn expect(text: &str, at: usize, wanted: char) -> Option<usize> {
    let at = blank(text, at);
    text.get(at..)?.starts_with(wanted).then(|| at.saturating_add(wanted.len_utf8()))
}

/// Behind the white space at a place.
fn blank(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let blanks = rest.len().saturating_sub(rest.trim_start_matches(is_blank).len());
    at.saturating_add(blanks)
}

/// The white space of JSON (RFC 8259 §2).
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(identity: &str, before: Option<u64>, until: Option<u64>) -> Entry {
        let [issued_before, until] = [before, until].map(|at| at.map(UnixMillis::from_secs));
        let subject = Subject::Identity(identity.to_owned());
        let provider = "p".to_owned();
        Entry { provider, subject, issued_before, until, description: None }
    }

    #[test]
    fn only_entries_change() {
        let (a, b) = (r#"{"provider": "p", "identity": "a"}"#, r#"{"provider":"p","jti":"b"}"#);
        let new = r#"{ "provider": "p", "identity": "new" }"#;
        // name, the text, whether `a` goes, whether there is a new one, what becomes of it
        let cases = [
            (
                "none, and one",
                "{\"entries\": []}",
                false,
                true,
                format!("{{\"entries\": [\n    {new}\n  ]}}"),
            ),
            ("none, and none", "{\"entries\": [ ]}", false, false, "{\"entries\": [ ]}".to_owned()),
            (
                "in a line",
                &format!("{{\"entries\":[{a}]}}"),
                false,
                true,
                format!("{{\"entries\":[{a}, {new}]}}"),
            ),
            (
                "in a line, and gone",
                &format!("{{\"entries\":[{a}]}}"),
                true,
                true,
                format!("{{\"entries\":[{new}]}}"),
            ),
            (
                "gone",
                &format!("{{\"entries\": [{a}]}}"),
                true,
                false,
                "{\"entries\": []}".to_owned(),
            ),
            (
                "in lines",
                &format!("{{\"entries\": [\n\t{a} ,\n\t{b}\n]}}\n"),
                false,
                true,
                format!("{{\"entries\": [\n\t{a},\n\t{b},\n\t{new}\n]}}\n"),
            ),
            (
                "in lines, the first gone",
                &format!("{{\"entries\": [\n\t{a},\n\t{b}\n]}}\n"),
                true,
                true,
                format!("{{\"entries\": [\n\t{b},\n\t{new}\n]}}\n"),
            ),
            (
                "the last gone",
                &format!("{{\"entries\": [{b}, {a}]}}"),
                true,
                false,
                format!("{{\"entries\": [{b}]}}"),
            ),
            (
                "others around it",
                &format!(
                    "{{ \"x\": [{{\"entries\": 1.50e1}}], \"entri\\u0065s\" : [{b}] , \"y\": \"]\" }}"
                ),
                false,
                true,
                format!(
                    "{{ \"x\": [{{\"entries\": 1.50e1}}], \"entri\\u0065s\" : [{b}, {new}] , \"y\": \"]\" }}"
                ),
            ),
        ];
        for (name, text, goes, adds, expected) in cases {
            let document = Document::read(text).expect(name);
            let goes = |one: &Entry| goes && one.subject == Subject::Identity("a".to_owned());
            let added = entry("new", None, None);
            assert_eq!(document.changed(goes, adds.then_some(&added)), expected, "{name}");
        }
        for text in
            ["", "{", "[]", "{}", "{\"entries\": 1}", "{\"entries\": [1]}", "{\"entries\": ["]
        {
            assert!(Document::read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn an_entry_covers_what_it_reaches_as_far_as() {
        let cases = [
            (entry("a", None, None), entry("a", None, None), true),
            (entry("a", None, None), entry("b", None, None), false),
            (entry("a", None, None), entry("a", Some(1), Some(1)), true),
            (entry("a", Some(1), None), entry("a", None, None), false),
            (entry("a", Some(2), None), entry("a", Some(2), Some(9)), true),
            (entry("a", Some(2), None), entry("a", Some(3), Some(9)), false),
            (entry("a", None, Some(8)), entry("a", None, Some(9)), false),
            (entry("a", None, Some(8)), entry("a", None, None), false),
        ];
        for (one, other, covers) in cases {
            assert_eq!(one.covers(&other), covers, "{one:?} {other:?}");
        }
    }
}
