//! Names of headers: which may be read, which may be written.

pub(super) use crate::config::DEFAULT_HEADERS as DEFAULTS;
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::read::At;
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
        Use::Read if ours => Some(format!(
            "{shown} is reserved: `{RESERVED}*` from clients is always removed; name another header"
        )),
        _ => None,
    }
}
