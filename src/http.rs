//! What a request head holds, bounded; what a header means is not known here.

mod address;
mod cookie;
mod fields;
mod form;
mod host;
mod navigation;
mod origin;
mod path;
mod query;
mod route;
mod set_cookie;
mod single;
mod trace;
mod url;

pub use address::Address;
pub use cookie::{cookies, without_cookies};
pub use fields::{Fields, Place, is_same_name};
pub use form::{FieldError, MAX_FORM_BYTES, add_to_form, encode_for_form, form_field, with_query};
pub use host::{address_in_brackets, comparable_host, is_name};
pub use origin::Origin;
pub use path::{Ambiguity, RequestPath};
pub use query::{parameters, without_parameters};
pub use route::Route;
pub use set_cookie::{SetCookie, Unwritable, sets_one_of};
pub use single::{Unclear, decoded_once, single_header, single_parameter};
pub use url::{Url, UrlError};

/// The header section of a request: pseudo-headers (`:method`, `:path`, `:authority`) included,
/// bytes as they came. Names are in lower case on most hosts, but that is not relied on.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RequestHead {
    /// The fields, in order.
    pub headers: Fields,
}

impl RequestHead {
    /// The method, case kept (RFC 9110 §9.1); empty where the head has none.
    pub fn method(&self) -> &[u8] {
        self.first(":method").unwrap_or_default()
    }

    /// The request target as it came, query included; empty where the head has none.
    pub fn path(&self) -> &[u8] {
        self.first(":path").unwrap_or_default()
    }

    /// The same without its query.
    pub fn path_only(&self) -> &[u8] {
        self.path().split(|&byte| byte == b'?').next().unwrap_or_default()
    }

    /// The query of the request target, without its `?`; empty where there is none.
    pub fn query(&self) -> &[u8] {
        query::split(self.path()).and_then(|(_, query)| query).unwrap_or_default()
    }

    /// Host and port that the request is for: `:authority`, else `host` (RFC 9113 §8.3.1); empty
    /// where the head has neither.
    pub fn authority(&self) -> &[u8] {
        self.first(":authority").or_else(|| self.first("host")).unwrap_or_default()
    }

    /// That host and port in every field that may say it: more than one only where a proxy let a
    /// contradiction through.
    pub fn authorities(&self) -> impl Iterator<Item = &[u8]> {
        self.values(":authority").chain(self.values("host"))
    }

    /// The id of the trace that the request belongs to: 32 hexadecimal digits out of a `traceparent`
    /// that is valid and alone (W3C Trace Context §3.2).
    pub fn trace_id(&self) -> Option<&str> {
        let mut all = self.values("traceparent");
        let (parent, None) = (all.next()?, all.next()) else { return None };
        trace::id(parent)
    }

    /// The values of every header of this name, without regard to its case, repeated ones apart.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.headers.values(name)
    }

    /// The value of the first header of this name.
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.headers.first(name)
    }

    /// Whether the proxy takes the request for gRPC: `application/grpc` or `application/grpc+…`, byte
    /// for byte as Envoy compares it, and not gRPC-Web.
    pub fn is_grpc(&self) -> bool {
        self.first("content-type").is_some_and(|value| {
            value == b"application/grpc" || value.starts_with(b"application/grpc+")
        })
    }

    /// Whether the caller may understand an answer of gRPC: its content type begins with
    /// `application/grpc` in any case, as those of gRPC-Web do.
    pub fn speaks_grpc(&self) -> bool {
        let dialect = b"application/grpc";
        let begins = |value: &[u8]| {
            value.get(..dialect.len()).is_some_and(|start| start.eq_ignore_ascii_case(dialect))
        };
        self.first("content-type").is_some_and(begins)
    }

    /// Whether the request could change something, or opens a connection that could: every method
    /// but the safe ones that browsers know (RFC 9110 §9.2.1), and every upgrade, also as an
    /// extended CONNECT (RFC 8441 §4), whatever its method.
    pub fn may_change_something(&self) -> bool {
        !matches!(self.method(), b"GET" | b"HEAD" | b"OPTIONS")
            || self.first("upgrade").is_some()
            || self.first(":protocol").is_some()
    }

    /// Whether a body may come behind the head (RFC 9112 §6): the host says that the request goes on,
    /// or the head says so itself.
    pub fn may_have_body(&self) -> bool {
        self.headers.is_followed()
            || self.first("content-length").is_some_and(|length| length != b"0")
            || self.first("transfer-encoding").is_some()
    }

    /// The origin of the page that caused the request (RFC 6454 §7), where there is exactly one.
    pub fn origin(&self) -> Option<&[u8]> {
        let mut origins = self.values("origin");
        let origin = origins.next()?;
        origins.next().is_none().then_some(origin)
    }

    /// The method that a CORS preflight asks for (Fetch §3.2.2); `None` where this is no preflight:
    /// a bare `OPTIONS` is a request like any other.
    pub fn preflight_method(&self) -> Option<&[u8]> {
        if self.method() != b"OPTIONS" {
            return None;
        }
        self.first("origin")?;
        self.first("access-control-request-method")
    }
}

/// A header name in its one comparable spelling: lower case, and `-` for every byte that is neither
/// letter nor digit.
///
/// Servers make variables of names: CGI turns `x.user` and `x_user` into what `x-user` becomes. So
/// whoever removes a header must remove every spelling of it.
pub fn folded(name: &str) -> String {
    name.bytes().map(|byte| char::from(fold(byte))).collect()
}

/// Whether two header names are spellings of each other: equally long, and apart only in case and in
/// bytes that are neither letter nor digit. A pseudo-header (RFC 9113 §8.3) is nobody's spelling.
pub fn is_spelling(name: &[u8], other: &[u8]) -> bool {
    name.len() == other.len() && begins_spelled(name, other)
}

/// Whether a header name begins with some spelling of `prefix`: see [`is_spelling`].
#[inline(always)]
pub fn begins_spelled(name: &[u8], prefix: &[u8]) -> bool {
    // Asked of each header of each request, and nearly always answered by the first byte.
    match (name, prefix) {
        (_, []) => name.is_empty(),
        ([one, ..], [other, ..]) => {
            (one == other || fold(*one) == fold(*other)) && goes_on_spelled(name, prefix)
        }
        ([], _) => false,
    }
}

#[inline(never)]
fn goes_on_spelled(mut name: &[u8], mut prefix: &[u8]) -> bool {
    if name.len() < prefix.len() || name.first() == Some(&b':') {
        return false;
    }
    while let ([one, names @ ..], [other, rest @ ..]) = (name, prefix) {
        if one != other && fold(*one) != fold(*other) {
            return false;
        }
        (name, prefix) = (names, rest);
    }
    true
}

#[inline(always)]
const fn fold(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}

/// Whether a text is a token (RFC 9110 §5.6.2).
pub fn is_token(text: &str) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(token)
}

/// The elements of a comma-separated value (RFC 9110 §5.6.1), trimmed, empty ones left out.
///
/// Some hosts and hops join repeated headers with commas, so that an element may have been a header
/// of its own.
pub fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    // Nearly every value is one element, and looking for one byte is quicker than splitting at it.
    let (whole, list) =
        if value.contains(&b',') { (None, value) } else { (Some(value), [].as_slice()) };
    whole
        .into_iter()
        .chain(list.split(|&byte| byte == b','))
        .map(|element| trimmed(element, is_blank))
        .filter(|element| !element.is_empty())
}

/// What stands behind an authentication scheme (RFC 9110 §11.4), empty where nothing does; `None`
/// where the element has another scheme or none. The empty scheme is that of an element without a
/// space in it, and one with a space has another.
///
/// The scheme is compared without regard to case and must be followed by the end, a space or a tab.
/// Spaces before and after the credential are taken off; a tab stays, because the grammar has none
/// there, and spoils the credential.
pub fn after_scheme<'v>(element: &'v [u8], scheme: &str) -> Option<&'v [u8]> {
    if scheme.is_empty() {
        return (!element.contains(&b' ')).then_some(element);
    }
    let (found, rest) = element.split_at_checked(scheme.len())?;
    let ends = rest.first().is_none_or(|&byte| is_blank(byte));
    (ends && is_same_name(found, scheme.as_bytes())).then(|| trimmed(rest, |byte| byte == b' '))
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn trimmed(mut value: &[u8], drops: fn(u8) -> bool) -> &[u8] {
    while let [first, rest @ ..] = value
        && drops(*first)
    {
        value = rest;
    }
    while let [rest @ .., last] = value
        && drops(*last)
    {
        value = rest;
    }
    value
}

#[cfg(test)]
mod tests;
