//! The document that a list is fetched as: `{"entries": [{"provider": …, "identity": …}]}`.
//!
//! It may be large: it is read entry by entry, and only hashes stay.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{List, ListBuilder, MAX_ENTRIES, Reach, Subject};
use crate::time::UnixMillis;
use crate::verdict::quoted;
use crate::wire;

/// Largest document, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 8 * 1024 * 1024;

/// What is wrong with a document; the text is for the operator.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DocumentError(Box<str>);

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads a document, all of it or none; what is void at `now` is left out.
///
/// # Errors
///
/// What is wrong, and where; nothing of the entries is repeated.
pub fn parse(text: &[u8], now: UnixMillis) -> Result<List, DocumentError> {
    if text.len() > MAX_DOCUMENT_BYTES {
        return Err(DocumentError(format!("more than {MAX_DOCUMENT_BYTES} bytes").into()));
    }
    let mut list = ListBuilder::default();
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read =
        reader.deserialize_map(Document { list: &mut list, now }).and_then(|()| reader.end());
    match read {
        Ok(()) => Ok(list.finish()),
        // The reason may name what was found.
        Err(error) => Err(DocumentError(quoted(&error.to_string().replace('`', "'")).into())),
    }
}

/// Reads the object; members other than `entries` are ignored.
struct Document<'l> {
    list: &'l mut ListBuilder,
    now: UnixMillis,
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a list `entries`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            if name != "entries" {
                members.next_value::<IgnoredAny>()?;
            } else if std::mem::replace(&mut found, true) {
                return Err(Error::duplicate_field("entries"));
            } else {
                members.next_value_seed(Entries(Document { list: self.list, now: self.now }))?;
            }
        }
        if found { Ok(()) } else { Err(Error::missing_field("entries")) }
    }
}

/// Reads the list.
struct Entries<'l>(Document<'l>);

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        while let Some(entry) = entries.next_element::<Entry<'de>>()? {
            let Document { list, now } = &mut self.0;
            entry.add_to(list, *now).map_err(Error::custom)?;
            if list.len() > MAX_ENTRIES {
                return Err(Error::custom(format_args!("more than {MAX_ENTRIES} entries")));
            }
        }
        Ok(())
    }
}

/// An entry as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<'a> {
    #[serde(borrow)]
    provider: Cow<'a, str>,
    #[serde(borrow)]
    identity: Option<Cow<'a, str>>,
    #[serde(borrow)]
    jti: Option<Cow<'a, str>>,
    #[serde(borrow)]
    token_sha256: Option<Cow<'a, str>>,
    #[serde(borrow)]
    session: Option<Cow<'a, str>>,
    #[serde(borrow)]
    issued_before: Option<Cow<'a, str>>,
    #[serde(borrow)]
    until: Option<Cow<'a, str>>,
    #[serde(rename = "description")]
    _description: Option<IgnoredAny>,
}

impl Entry<'_> {
    fn add_to(&self, list: &mut ListBuilder, now: UnixMillis) -> Result<(), &'static str> {
        let moment = |text: &Option<Cow<'_, str>>, wrong| match text {
            None => Ok(None),
            Some(text) => UnixMillis::from_rfc3339(text).map(Some).ok_or(wrong),
        };
        let reach = Reach {
            issued_before: moment(
                &self.issued_before,
                "`issued_before` is no point in time (RFC 3339)",
            )?,
            until: moment(&self.until, "`until` is no point in time (RFC 3339)")?,
        };
        let digest;
        let subject = match (&self.identity, &self.jti, &self.token_sha256, &self.session) {
            (Some(identity), None, None, None) => Subject::Identity(identity),
            (None, Some(jti), None, None) => Subject::Jti(jti),
            (None, None, None, Some(sid)) => Subject::Session(sid),
            (None, None, Some(hex), None) => {
                digest = wire::hex(hex).ok_or("`token_sha256` is not 64 of 0-9 and a-f")?;
                Subject::Token(&digest)
            }
            _ => return Err("not exactly one of `identity`, `jti`, `token_sha256` and `session`"),
        };
        if let Subject::Identity("") | Subject::Jti("") | Subject::Session("") = subject {
            return Err("an empty string names nothing");
        }
        if reach.until.is_none_or(|until| now < until) {
            list.add(&self.provider, subject, reach);
        }
        Ok(())
    }
}
