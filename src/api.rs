//! Which API a request belongs to, and what that API asks for.

mod comparison;
mod host;
mod index;

use std::fmt;

use crate::claims::Rule;
use crate::http::{Ambiguity, RequestPath, Route, comparable_host};
use crate::ids::{Name, ProviderId};
use crate::limits::{Definition, Rate};
use crate::mcp::Mcp;
use crate::resource::Resource;

pub use comparison::{Compared, Comparison, Spot};
pub use host::{HostError, HostPattern, Label};
pub use index::Index;

/// A named part of the traffic.
#[derive(Clone, Debug)]
pub struct Api {
    /// Its name.
    pub name: Name,
    /// Which requests belong to it.
    pub matcher: Matcher,
    /// Whether an encoded slash is part of its segment; otherwise such a path is refused.
    pub encoded_slash: bool,
    /// Who may vouch.
    pub auth: Auth,
    /// Whether a CORS preflight passes without a credential.
    pub preflight_passes: bool,
    /// What becomes of requests that no session comes with, where a provider logs browsers in.
    pub unauthenticated: Unauthenticated,
    /// Narrows the audiences of the session's token; `None` is "as the provider says".
    pub audiences: Option<Vec<Box<str>>>,
    /// Narrows the clients of the session's token; `None` is "any".
    pub clients: Option<Vec<Box<str>>>,
    /// Scopes that the session's token must have, all of them.
    pub scopes: Vec<Box<str>>,
    /// What the claims of the session's token must be.
    pub rules: Vec<Rule>,
    /// What of the caller must equal a part of the request.
    pub comparisons: Vec<Comparison>,
    /// How fast it may be called.
    pub rate: Option<Definition<Rate>>,
    /// Whether each caller has a counter of that rate; otherwise all have one together.
    pub per_caller: bool,
    /// Whether refusals are only reported.
    pub reports: bool,
    /// Whose calls policies may tell apart, where it is a server of MCP.
    pub mcp: Option<Mcp>,
    /// What it is to clients that find their own way to a token.
    pub resource: Option<Resource>,
}

impl Api {
    /// Whether callers without an identity are counted by their addresses.
    pub const fn counts_addresses(&self) -> bool {
        let nameless = self.preflight_passes || self.auth.lets_strangers_pass();
        self.per_caller && self.rate.is_some() && nameless
    }

    /// Whether it asks something of the session's token, so that no API key's session will do.
    pub fn asks_of_tokens(&self) -> bool {
        let claims = self.comparisons.iter().any(Comparison::asks_of_tokens);
        let (scopes, rules) = (!self.scopes.is_empty(), claims || !self.rules.is_empty());
        asked_of_tokens(self.audiences.is_some(), self.clients.is_some(), scopes, rules)
            .into_iter()
            .any(|(_, asked)| asked)
    }
}

/// All that an API can ask of the session's token, each by the name of its field.
pub(crate) const fn asked_of_tokens<T>(
    audiences: T,
    clients: T,
    scopes: T,
    require: T,
) -> [(&'static str, T); 4] {
    [("audiences", audiences), ("clients", clients), ("scopes", scopes), ("require", require)]
}

/// What becomes of requests that no session comes with.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Unauthenticated {
    /// A page's navigation is sent to log in, all else is refused.
    #[default]
    Auto,
    /// All are refused.
    Deny,
    /// Every GET is sent to log in.
    Redirect,
}

/// Who may vouch for a request of an API.
#[derive(Clone, Debug)]
pub enum Auth {
    /// Anybody passes, without an identity.
    None,
    /// One of the branches must vouch.
    Branches {
        /// Tried in this order.
        branches: Vec<Branch>,
        /// Whether a request without any credential passes without an identity.
        optional: bool,
    },
}

impl Auth {
    /// Whether a request without any credential passes.
    pub const fn lets_strangers_pass(&self) -> bool {
        match self {
            Self::None => true,
            Self::Branches { optional, .. } => *optional,
        }
    }
}

/// Providers that must all vouch.
#[derive(Clone, Debug)]
pub struct Branch {
    /// The members, as written.
    pub members: Vec<ProviderId>,
    /// The member whose session is used.
    pub session_from: ProviderId,
}

/// Which requests belong to an API: hosts, paths, methods and routes, each "any" where empty, and
/// all of them at once.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    /// Host patterns.
    pub hosts: Vec<HostPattern>,
    /// Path patterns.
    pub paths: Vec<PathPattern>,
    /// Methods, exact.
    pub methods: Vec<Box<str>>,
    /// Names of the proxy's routes, exact.
    pub routes: Vec<Box<str>>,
    /// The API's own name, where the route's metadata must give it; `None` is "whatever it says".
    pub named: Option<Name>,
}

/// What of a request an API looks at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// Its method.
    Method,
    /// The host that it is for.
    Host,
    /// Its path.
    Path,
    /// The name of its route.
    Route,
    /// The API that its route's metadata names.
    RouteMetadata,
}

impl Part {
    /// In the order in which they are looked at.
    const ALL: [Self; 5] = [Self::Method, Self::Host, Self::Path, Self::Route, Self::RouteMetadata];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Host => "host",
            Self::Path => "path",
            Self::Route => "route",
            Self::RouteMetadata => "route metadata",
        }
    }
}

/// A path by segments.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PathPattern {
    /// The segments before a final `**`.
    pub segments: Vec<Segment>,
    /// Whether any number of segments may follow, none included (`/orders/**`).
    pub open: bool,
}

/// One segment of a path pattern.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Segment {
    /// `*`: any one segment.
    Any,
    /// `{name}`: the same, with a name for what stands there.
    Named(Box<str>),
    /// These bytes, percent-decoded once.
    Literal(Vec<u8>),
}

/// Why a text is no path pattern.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PathError {
    /// A path that every request is refused for.
    Ambiguous(Ambiguity),
    /// `**` elsewhere than at the end.
    OpenInside,
    /// A `*` or brace that is a part of a segment only.
    PartOfSegment,
    /// A `?`.
    Query,
    /// A `;`, raw or encoded.
    Semicolon,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ambiguous(ambiguity) => {
                return write!(f, "{ambiguity}; requests for such a path are refused");
            }
            Self::OpenInside => "`**` can only be the last segment",
            Self::PartOfSegment => {
                "`*` and `{id}` are whole segments; write a literal `*` as `%2A`, `{` as `%7B`"
            }
            Self::Query => "paths are matched without the query; delete `?` and what follows",
            Self::Semicolon => "what follows a `;` in a segment selects no API; delete it",
        })
    }
}

impl fmt::Display for PathPattern {
    /// As a configuration may write it: `/orders/*/items/**`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            match segment {
                Segment::Any | Segment::Named(_) => f.write_str("/*")?,
                Segment::Literal(bytes) => {
                    write!(f, "/{}", String::from_utf8_lossy(bytes).replace('/', "%2F"))?;
                }
            }
        }
        match (self.open, self.segments.is_empty()) {
            (true, _) => f.write_str("/**"),
            (false, true) => f.write_str("/"),
            (false, false) => Ok(()),
        }
    }
}

impl PathPattern {
    /// Reads a path pattern: `*` and `{id}` are any one segment, a final `**` any number of them;
    /// a trailing slash does not matter. Literal segments are percent-decoded once.
    ///
    /// # Errors
    ///
    /// See [`PathError`].
    pub fn parse(raw: &str) -> Result<Self, PathError> {
        if raw.contains('?') {
            return Err(PathError::Query);
        }
        let path = RequestPath::parse(raw.as_bytes()).map_err(PathError::Ambiguous)?;
        if path.has_semicolon() {
            return Err(PathError::Semicolon);
        }
        path.readings().map_err(PathError::Ambiguous)?;
        let mut written = raw.split('/').skip(1);
        let mut segments = Vec::new();
        let mut open = false;
        for decoded in path.segments() {
            if open {
                return Err(PathError::OpenInside);
            }
            let raw = written.next().unwrap_or_default();
            match raw {
                "**" => open = true,
                "*" => segments.push(Segment::Any),
                _ if is_placeholder(raw) => {
                    segments.push(Segment::Named(raw.trim_matches(['{', '}']).into()));
                }
                _ if raw.contains('*') || holds_brace(raw) => return Err(PathError::PartOfSegment),
                _ => segments.push(Segment::Literal(decoded.clone())),
            }
        }
        Ok(Self { segments, open })
    }

    /// Whether a path, split into decoded segments, matches.
    pub fn matches<S: AsRef<[u8]>>(&self, path: &[S]) -> bool {
        let length_fits = if self.open {
            path.len() >= self.segments.len()
        } else {
            path.len() == self.segments.len()
        };
        length_fits
            && self.segments.iter().zip(path).all(|(own, found)| own.matches(found.as_ref()))
    }

    /// How often it has a segment of a name.
    pub fn names(&self, name: &str) -> usize {
        let is_it = |own: &&Segment| matches!(own, Segment::Named(known) if **known == *name);
        self.segments.iter().filter(is_it).count()
    }

    /// Whether some path matches both.
    pub fn meets(&self, other: &Self) -> bool {
        let both =
            |one: &Self, other: &Self| one.open || one.segments.len() >= other.segments.len();
        both(self, other)
            && both(other, self)
            && self
                .segments
                .iter()
                .zip(&other.segments)
                .all(|(one, two)| one.covers(two) || two.covers(one))
    }

    /// Whether every path that `other` matches matches this, too.
    fn covers(&self, other: &Self) -> bool {
        let length_fits = if self.open {
            other.segments.len() >= self.segments.len()
        } else {
            !other.open && other.segments.len() == self.segments.len()
        };
        length_fits && self.segments.iter().zip(&other.segments).all(|(one, two)| one.covers(two))
    }
}

/// Whether a text has a brace, which stands around names.
pub fn holds_brace(raw: &str) -> bool {
    raw.bytes().any(|byte| matches!(byte, b'{' | b'}'))
}

/// Whether a segment of a pattern is `{name}`.
fn is_placeholder(raw: &str) -> bool {
    let name = raw.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
    })
}

impl Segment {
    fn matches(&self, found: &[u8]) -> bool {
        match self {
            Self::Any | Self::Named(_) => true,
            Self::Literal(literal) => literal == found,
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any | Self::Named(_), _) => true,
            (Self::Literal(one), Self::Literal(two)) => one == two,
            (Self::Literal(_), _) => false,
        }
    }
}

impl Matcher {
    /// Whether a request belongs here; the host in its comparable form.
    fn matches<S: AsRef<[u8]>>(
        &self,
        host: &[u8],
        path: &[S],
        method: &[u8],
        route: &Route,
    ) -> bool {
        Part::ALL.into_iter().all(|part| self.fits(part, host, path, method, route))
    }

    /// What of a request keeps it from belonging here.
    pub fn misses<S: AsRef<[u8]>>(
        &self,
        host: &[u8],
        path: &[S],
        method: &[u8],
        route: &Route,
    ) -> Vec<Part> {
        let host = comparable_host(host).unwrap_or_default();
        let misses = |part: &Part| !self.fits(*part, &host, path, method, route);
        Part::ALL.into_iter().filter(misses).collect()
    }

    fn fits<S: AsRef<[u8]>>(
        &self,
        part: Part,
        host: &[u8],
        path: &[S],
        method: &[u8],
        route: &Route,
    ) -> bool {
        let is = |known: &str, found: &Option<Vec<u8>>| found.as_deref() == Some(known.as_bytes());
        let (methods, hosts) = (&self.methods, &self.hosts);
        match part {
            Part::Method => {
                methods.is_empty() || methods.iter().any(|known| known.as_bytes() == method)
            }
            Part::Host => hosts.is_empty() || hosts.iter().any(|pattern| pattern.matches(host)),
            Part::Path => {
                self.paths.is_empty() || self.paths.iter().any(|pattern| pattern.matches(path))
            }
            Part::Route => {
                self.routes.is_empty() || self.routes.iter().any(|known| is(known, &route.name))
            }
            Part::RouteMetadata => {
                self.named.as_ref().is_none_or(|name| is(name.as_str(), &route.api))
            }
        }
    }

    /// The names of segments in the patterns that a path matches, each with what stands there.
    pub fn named<'p>(&self, path: &'p RequestPath) -> Vec<(&str, &'p [u8])> {
        let matching = self.paths.iter().filter(|pattern| pattern.matches(path.segments()));
        let pairs = matching.flat_map(|pattern| pattern.segments.iter().zip(path.segments()));
        let named = pairs.filter_map(|(own, found)| match own {
            Segment::Named(name) => Some((&**name, &**found)),
            Segment::Any | Segment::Literal(_) => None,
        });
        named.collect()
    }

    /// Whether every request that `other` matches matches this, too, as far as single patterns
    /// show: what only several patterns together cover is not found.
    pub fn covers(&self, other: &Self) -> bool {
        let everywhere = PathPattern { segments: Vec::new(), open: true };
        covers_each(&self.hosts, &other.hosts, HostPattern::covers)
            && covers_each(&self.methods, &other.methods, |one, other| one == other)
            && covers_each(&self.routes, &other.routes, |one, other| one == other)
            && (self.named.is_none() || self.named == other.named)
            && (self.paths.contains(&everywhere)
                || covers_each(&self.paths, &other.paths, PathPattern::covers))
    }
}

/// Whether each of the narrow patterns is covered by one of the wide ones; none is "any".
fn covers_each<T>(wide: &[T], narrow: &[T], covers: impl Fn(&T, &T) -> bool) -> bool {
    wide.is_empty()
        || (!narrow.is_empty()
            && narrow.iter().all(|narrow| wide.iter().any(|wide| covers(wide, narrow))))
}

#[cfg(test)]
mod tests;
