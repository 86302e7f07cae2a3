//! Protected resource metadata (RFC 9728): what a client learns of an API that has refused it.
//!
//! Documents are made once, when the configuration loads. Nothing in them comes from a request.

use crate::http::{Url, comparable_host};
use crate::json;

/// Where documents are: behind it stands the path of the resource (RFC 9728 §3.1).
pub const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// What an API is to clients: a protected resource.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Under which URLs, at least one.
    pub known_as: Vec<Identifier>,
}

/// One URL of a resource, with its document.
#[derive(Clone, Debug)]
pub struct Identifier {
    place: Place,
    /// Where the document is, as challenges say it.
    pub document: Box<str>,
    /// The document.
    pub body: Box<str>,
}

/// The URL that a resource is known by, in its parts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    secure: bool,
    authority: Box<str>,
    /// Its path; empty where it has none.
    path: Box<str>,
}

/// What is wrong with the URL of a resource.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PlaceError {
    /// A quote or another character that would need an escape somewhere.
    Character,
    /// A query.
    Query,
    /// A slash at its end.
    Slash,
}

impl PlaceError {
    /// What is wrong, and what to write.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Character => {
                "holds a character that no path has (RFC 3986 §3.3); write it percent-encoded"
            }
            Self::Query => "has a query; clients know a resource by its path alone: delete it",
            Self::Slash => {
                "ends with a slash; clients compare it byte by byte, and most leave it out: delete it"
            }
        }
    }
}

impl Place {
    /// The place that a URL names.
    ///
    /// # Errors
    ///
    /// See [`PlaceError`].
    pub fn new(written: &str, url: &Url) -> Result<Self, PlaceError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/".contains(&b);
        if url.path.contains('?') {
            return Err(PlaceError::Query);
        }
        if written.ends_with('/') {
            return Err(PlaceError::Slash);
        }
        if !url.path.bytes().all(plain) {
            return Err(PlaceError::Character);
        }
        let path = if &*url.path == "/" { "" } else { &*url.path };
        Ok(Self { secure: url.secure, authority: url.authority.clone(), path: path.into() })
    }

    /// The URL.
    pub fn url(&self) -> String {
        format!("{}{}", self.origin(), self.path)
    }

    /// The scheme and the authority.
    fn origin(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}", self.authority)
    }

    /// The origin as browsers write it: the usual port is left out (RFC 6454 §6.2).
    pub fn browser_origin(&self) -> String {
        let origin = self.origin();
        match origin.strip_suffix(self.usual_port()) {
            Some(host) => host.to_owned(),
            None => origin,
        }
    }

    /// The path of the document, where it stands behind [`WELL_KNOWN`].
    pub fn document_path(&self) -> String {
        format!("{WELL_KNOWN}{}", self.path)
    }

    const fn usual_port(&self) -> &'static str {
        if self.secure { ":443" } else { ":80" }
    }

    /// Whether an authority is that of the URL: one host, and one port where the usual one may be left
    /// out.
    pub fn is_at(&self, authority: &[u8]) -> bool {
        let usual = self.usual_port().as_bytes();
        let port = |authority: &[u8]| match authority.iter().rposition(|byte| *byte == b':') {
            Some(colon) if !authority.ends_with(b"]") => {
                let port = authority.get(colon..).unwrap_or_default();
                (port != usual && port != b":").then(|| port.to_vec())
            }
            _ => None,
        };
        let own = self.authority.as_bytes();
        let host = comparable_host(authority);
        host.is_some() && host == comparable_host(own) && port(authority) == port(own)
    }
}

impl Identifier {
    /// A URL of a resource and its document, of which the members are those that do not depend on the
    /// URL: as JSON, each behind a comma.
    pub fn new(place: Place, members: &str) -> Self {
        let document = format!("{}{WELL_KNOWN}{}", place.origin(), place.path);
        let url = json::text(&place.url().into());
        let body = ["{\"resource\":", &url, members, "}"].concat();
        Self { place, document: document.into(), body: body.into() }
    }
}

impl Resource {
    /// The origins of its URLs, as browsers write them.
    pub fn origins(&self) -> impl Iterator<Item = String> {
        self.known_as.iter().map(|one| one.place.browser_origin())
    }

    /// The URL by which a client knows it that has sent a request for this authority; of a stranger's,
    /// the first.
    pub fn of(&self, authority: &[u8]) -> Option<&Identifier> {
        let mut known_as = self.known_as.iter();
        known_as.find(|one| one.place.is_at(authority)).or_else(|| self.known_as.first())
    }
}

/// The document that a path asks for, which begins with [`WELL_KNOWN`]; `None` where it is a request
/// like any other.
///
/// An authority that no resource has gets a document where only one resource has that path.
pub fn find<'r>(
    resources: impl Iterator<Item = &'r Resource> + Clone,
    authority: &[u8],
    path: &[u8],
) -> Option<&'r Identifier> {
    let path = path.strip_prefix(WELL_KNOWN.as_bytes())?;
    let has_path = |one: &&Identifier| one.place.path.as_bytes() == path;
    let all = resources.clone().flat_map(|resource| &resource.known_as);
    let mut here = all.filter(|one| one.place.is_at(authority));
    if let Some(first) = here.next() {
        let rest: Vec<_> = here.collect();
        // The root form is that of a host with one resource alone.
        if path.is_empty() && rest.is_empty() {
            return Some(first);
        }
        return std::iter::once(first).chain(rest).find(has_path);
    }
    let mut with_path = resources.filter_map(|resource| resource.known_as.iter().find(has_path));
    let found = with_path.next()?;
    with_path.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests;
