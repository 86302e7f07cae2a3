//! What a request of the Model Context Protocol says in its headers: which method it calls, and upon
//! what (revision 2026-07-28).
//!
//! Headers only: that the body says the same is for the server to see to, and servers of that revision
//! must. Requests of other revisions say nothing here that anybody checks, so they are read as whole.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::http::{RequestHead, is_same_name, is_token};
use crate::verdict::quoted;

/// The headers that are read, in lower case.
pub const HEADERS: [&str; 3] = [VERSION, METHOD, NAME];
const VERSION: &str = "mcp-protocol-version";
const METHOD: &str = "mcp-method";
const NAME: &str = "mcp-name";

/// The revision whose headers these are.
pub const REVISION: &str = "2026-07-28";

/// The methods that are called upon something by its name.
const NAMED: [&str; 3] = ["prompts/get", "resources/read", "tools/call"];
/// Longest name or method, in bytes.
const MAX_BYTES: usize = 1024;
/// What surrounds a name in base64.
const ENCODED: (&str, &str) = ("=?base64?", "?=");

/// What an API says of the protocol.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mcp {
    /// The revisions whose headers are believed, because its server compares them with bodies.
    pub versions: Vec<Box<str>>,
    /// Whether requests of others are refused; otherwise what speaks of tools grants them nothing.
    pub refuses_others: bool,
    /// The origins of pages that may call it.
    pub origins: Vec<Box<str>>,
}

/// What a request calls.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Call<'h> {
    /// The method, as it is written.
    pub method: &'h str,
    /// What it is called upon.
    pub name: Called<'h>,
}

/// What a method is called upon.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Called<'h> {
    /// Something of this name, decoded.
    Name(Cow<'h, str>),
    /// Nothing that headers would say.
    Nothing,
    /// It cannot be known: the method is one of those that need a name, in other letters.
    Unclear,
}

/// What is wrong with the headers of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Invalid {
    /// `Mcp-Method` is missing, there twice or no method.
    Method,
    /// `Mcp-Name` is missing, there twice, too long or not in one of its two forms.
    Name,
}

impl Invalid {
    /// What is wrong, in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Method => {
                "`Mcp-Method` must be there once: a method such as `tools/call`, of letters, digits \
                 and `/`, `_`, `-`, `.`, 1024 bytes at most"
            }
            Self::Name => {
                "`Mcp-Name` must be there once with `tools/call`, `resources/read` and \
                 `prompts/get`: visible ASCII without a comma, or UTF-8 without control characters \
                 in canonical base64 (`=?base64?…?=`), 1024 bytes at most"
            }
        }
    }
}

impl Mcp {
    /// What a request calls; `None` where its revision is another, or it says none.
    ///
    /// # Errors
    ///
    /// See [`Invalid`].
    pub fn call<'h>(&self, head: &'h RequestHead) -> Result<Option<Call<'h>>, Invalid> {
        let (mut version, mut method, mut name) = (Seen::Never, Seen::Never, Seen::Never);
        // One way through the headers: there are a dozen.
        for (found, value) in head.headers.iter() {
            let [b'm' | b'M', b'c' | b'C', b'p' | b'P', b'-', ..] = found else { continue };
            for (own, seen) in [(VERSION, &mut version), (METHOD, &mut method), (NAME, &mut name)] {
                if is_same_name(found, own.as_bytes()) {
                    *seen = if let Seen::Never = seen { Seen::Once(value) } else { Seen::Often };
                }
            }
        }
        let is_known = |found: &[u8]| self.versions.iter().any(|one| one.as_bytes() == found);
        match version {
            Seen::Once(version) if is_known(version) => {}
            _ => return Ok(None),
        }
        let Seen::Once(method) = method else { return Err(Invalid::Method) };
        let method = read_method(method).ok_or(Invalid::Method)?;
        let name = match name {
            Seen::Often => return Err(Invalid::Name),
            Seen::Once(name) if NAMED.contains(&method) => {
                Called::Name(read_name(name).ok_or(Invalid::Name)?)
            }
            Seen::Never if NAMED.contains(&method) => return Err(Invalid::Name),
            _ if NAMED.iter().any(|known| known.eq_ignore_ascii_case(method)) => Called::Unclear,
            // No server looks at it there.
            Seen::Once(_) | Seen::Never => Called::Nothing,
        };
        Ok(Some(Call { method, name }))
    }

    /// Whether the page that caused a request may: one that says no origin was caused by none.
    pub fn is_from_known_page(&self, head: &RequestHead) -> bool {
        let mut origins = head.values("origin");
        let is_known = |origin: &[u8]| self.origins.iter().any(|known| known.as_bytes() == origin);
        match (origins.next(), origins.next()) {
            (None, _) => true,
            (Some(origin), None) => is_known(origin),
            (Some(_), Some(_)) => false,
        }
    }
}

/// How often a header is there.
enum Seen<'h> {
    Never,
    Once(&'h [u8]),
    Often,
}

fn read_method(raw: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(raw).ok()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.$".contains(&b);
    let is_part = |part: &str| is_token(part) && part.bytes().all(plain);
    (text.len() <= MAX_BYTES && text.split('/').all(is_part)).then_some(text)
}

/// A name as it is meant, from either of its forms; `None` where two readers could take it differently.
pub fn read_name(raw: &[u8]) -> Option<Cow<'_, str>> {
    let (start, end) = ENCODED;
    let text = std::str::from_utf8(raw).ok()?;
    let encoded = text.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
    let name: Cow<'_, str> = match encoded {
        // A third more than what it holds, and what is left of the last three bytes.
        Some(encoded) if encoded.len() <= MAX_BYTES.saturating_mul(2) => {
            String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?.into()
        }
        Some(_) => return None,
        None => {
            let plain = |b: u8| matches!(b, b' '..=b'~') && b != b',';
            if !text.bytes().all(plain) || text.trim_ascii() != text {
                return None;
            }
            text.into()
        }
    };
    // Whoever decodes again, or minds no case, finds another name in it.
    let is_again = name.get(..2).is_some_and(|start| start == "=?");
    let is_name = !name.is_empty() && name.len() <= MAX_BYTES && !name.contains(char::is_control);
    (is_name && !is_again).then_some(name)
}

/// What an entry of a policy grants of an API's calls.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Calls {
    /// The methods; empty is any.
    pub methods: Vec<Pattern>,
    /// The names; empty is any, and none.
    pub names: Vec<Pattern>,
    /// The names that it does not grant, whatever `names` says.
    pub except: Vec<Pattern>,
}

impl Calls {
    /// What it grants, in words behind what else is granted.
    pub fn words(&self) -> String {
        let mut words = String::from(", of MCP");
        for (before, patterns) in
            [(" ", &self.methods), (" of ", &self.names), (" but not ", &self.except)]
        {
            for (place, pattern) in patterns.iter().enumerate() {
                words.push_str(if place == 0 { before } else { ", " });
                words.push_str(&quoted(&pattern.to_string()));
            }
        }
        words
    }

    /// Whether a request is one that the entry speaks of.
    pub fn include(&self, call: &Call<'_>) -> bool {
        let is_method = |pattern: &Pattern| pattern.fits(call.method);
        if !self.methods.is_empty() && !self.methods.iter().any(is_method) {
            return false;
        }
        match &call.name {
            Called::Nothing => self.names.is_empty(),
            Called::Unclear => self.names.is_empty() && self.except.is_empty(),
            Called::Name(name) => {
                let is_clear = !may_be_another(name);
                let grants =
                    |pattern: &Pattern| pattern.fits(name) && (is_clear || !pattern.is_open);
                let excepts =
                    |pattern: &Pattern| pattern.fits(name) || pattern.is_open && !is_clear;
                (self.names.is_empty() || self.names.iter().any(grants))
                    && !self.except.iter().any(excepts)
            }
        }
    }
}

/// A text, exact, or what texts begin with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pattern {
    text: Box<str>,
    is_open: bool,
}

impl Pattern {
    /// Reads a pattern: a final `*` is whatever follows. `None` where a `*` stands elsewhere, or nothing
    /// does.
    pub fn parse(raw: &str) -> Option<Self> {
        let text = raw.strip_suffix('*').unwrap_or(raw);
        let is_pattern = !raw.is_empty() && !text.contains('*') && !text.contains(char::is_control);
        is_pattern.then(|| Self { text: text.into(), is_open: text.len() < raw.len() })
    }

    fn fits(&self, text: &str) -> bool {
        if self.is_open { text.starts_with(&*self.text) } else { *text == *self.text }
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)?;
        f.write_str(if self.is_open { "*" } else { "" })
    }
}

/// Whether a server may take a name for another that begins otherwise: it resolves dots, joins slashes,
/// turns backslashes or decodes.
fn may_be_another(name: &str) -> bool {
    let is_scheme = |scheme: &&str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
        !scheme.is_empty() && scheme.bytes().all(plain)
    };
    let behind_scheme = match name.split_once("://") {
        Some((scheme, rest)) if is_scheme(&scheme) => rest,
        _ => name,
    };
    let is_dots = |segment: &str| matches!(segment, "." | "..");
    let is_escape = |at: &[u8]| {
        let [b'%', high, low] = at else { return false };
        matches!((high, low.to_ascii_lowercase()), (b'2', b'e' | b'f') | (b'5', b'c'))
    };
    behind_scheme.contains("//")
        || name.contains('\\')
        || name.split(['/', '?', '#', ':']).any(is_dots)
        || name.as_bytes().windows(3).any(is_escape)
}

#[cfg(test)]
mod tests;
