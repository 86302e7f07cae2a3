//! Headers: which may be read, which may be written, and what policies put into them.

use super::written::{not_empty, texts};
use crate::claims::HeaderValue;
pub(super) use crate::config::checked::DEFAULT_HEADERS as DEFAULTS;
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::read::{At, Field, List, Map, Text, items};
pub(super) use crate::http::{folded, is_token};
use crate::verdict::quoted;

/// The start of names that are ours alone.
const RESERVED: &str = "x-tollgate-";

/// Headers that frame or route the message (RFC 9110 §7.6.1, §7.2, §8.6): their meaning ends at the
/// next hop, or is the proxy's.
const FRAMING: [&str; 9] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What a header is named for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Use {
    /// It is compared with a claim or the identity.
    Compare,
    /// A credential is read from it.
    Read,
    /// A header of `upstream.headers`.
    Write,
    /// The header of `upstream.payload_header`.
    WritePayload,
}

/// Checks a header's name and puts it into lower case.
pub(super) fn name(
    written: &At<impl AsRef<str>>,
    purpose: Use,
    problems: &mut Problems<'_>,
) -> Option<At<Box<str>>> {
    let name = written.value.as_ref().to_ascii_lowercase();
    match refusal(&name, purpose) {
        None => Some(At { at: written.at, value: name.into() }),
        Some(message) => {
            problems.refuse(Code::HeaderInvalid, written.at, message);
            None
        }
    }
}

fn refusal(name: &str, purpose: Use) -> Option<String> {
    const MAX_BYTES: usize = 256;
    let shown = quoted(name);
    if name.starts_with(':') {
        return Some(format!("{shown} is a pseudo-header; name an ordinary header"));
    }
    if name.len() > MAX_BYTES || !is_token(name) {
        return Some(format!(
            "{shown} is no header name: letters, digits and !#$%&'*+-.^_`|~, at most {MAX_BYTES}"
        ));
    }
    if FRAMING.contains(&name) {
        return Some(format!("{shown} belongs to the connection; name another header"));
    }
    if name == "cookie" && purpose == Use::Compare {
        return Some("`cookie` holds many values at once; name a header that holds one".into());
    }
    if name == "cookie" && purpose == Use::Read {
        let message = "`cookie` holds many values at once; write `cookie` and its name instead of \
                       `header`";
        return Some(message.into());
    }
    let ours = folded(name).starts_with(RESERVED);
    match purpose {
        Use::Write if ours && !DEFAULTS.contains(&name) => Some(format!(
            "{shown} is reserved: of the names that start with `{RESERVED}` only `{}` and `{}` can be written",
            DEFAULTS[0], DEFAULTS[1]
        )),
        Use::WritePayload if ours => Some(format!(
            "{shown} is reserved: names that start with `{RESERVED}` are Tollgate's own"
        )),
        Use::Read | Use::Compare if ours => Some(format!(
            "{shown} is reserved: `{RESERVED}*` from clients is always removed; name another header"
        )),
        _ => None,
    }
}

/// Tags and metadata become headers, where one that is not safe would never be sent.
fn is_safe(text: &str) -> bool {
    text.is_ascii() && matches!(HeaderValue::from_text(text), HeaderValue::Value(_))
}

/// The tags of a policy.
pub(super) fn tags(field: &Field<List<Text>>, problems: &mut Problems<'_>) -> Vec<Box<str>> {
    not_empty(field, "an empty list names no tag; name one, or leave it out", problems);
    for tag in items(field) {
        if !is_safe(tag) || tag.contains(',') {
            problems.refuse(
                Code::HeaderInvalid,
                tag.at,
                format_args!(
                    "{} cannot be one of several in a header: visible ASCII without a comma, no \
                     blank at either end",
                    quoted(tag)
                ),
            );
        }
    }
    texts(field)
}

/// A policy's metadata; `None` where a part of it is wrong in its shape.
pub(super) fn metadata(
    field: &Field<Map<Text>>,
    problems: &mut Problems<'_>,
) -> Option<Vec<(Box<str>, Box<str>)>> {
    let mut pairs = Vec::new();
    let mut whole = !field.is_wrong();
    for entry in field.given().iter().flat_map(|metadata| &metadata.0) {
        let Some(value) = &entry.value else {
            whole = false;
            continue;
        };
        if !is_safe(value) {
            problems.refuse(
                Code::HeaderInvalid,
                value.at,
                format_args!(
                    "{} is no safe header value: visible ASCII, no blank at either end",
                    quoted(value)
                ),
            );
        }
        pairs.push((entry.name.value.clone(), value.value.0.clone()));
    }
    whole.then_some(pairs)
}
