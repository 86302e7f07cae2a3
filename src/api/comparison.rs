//! What of a caller must equal a part of the request, and where that stands.

use std::borrow::Cow;
use std::fmt;

use super::{Matcher, Segment};
use crate::claims::ClaimRef;
use crate::http::{
    RequestHead, RequestPath, Unclear, comparable_host, decoded_once, single_header,
    single_parameter,
};

/// Something of the caller that must equal a part of the request, byte by byte.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Comparison {
    /// What of the caller.
    pub compared: Compared,
    /// What of the request.
    pub with: Spot,
}

/// What of a caller is compared.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Compared {
    /// A claim of the session's token, or one of what it holds.
    Claim(ClaimRef),
    /// The session's identity.
    Identity,
}

/// A part of a request that says whose, or which, thing it is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Spot {
    /// The header of this name.
    Header(Box<str>),
    /// The label of this name in the API's host patterns.
    Host(Box<str>),
    /// The segment of this name in the API's path patterns.
    Path(Box<str>),
    /// The query parameter of this name.
    Query(Box<str>),
}

impl Comparison {
    /// Whether it asks something of the session's token.
    pub const fn asks_of_tokens(&self) -> bool {
        matches!(self.compared, Compared::Claim(_))
    }

    /// The header that it reads.
    pub fn header(&self) -> Option<&str> {
        match &self.with {
            Spot::Header(name) => Some(name),
            Spot::Host(_) | Spot::Path(_) | Spot::Query(_) => None,
        }
    }
}

impl Spot {
    /// What a request says there: at least one value, and each must be met. There are several where
    /// several patterns of the API fit.
    ///
    /// # Errors
    ///
    /// See [`Unclear`].
    pub fn values<'h>(
        &self,
        matcher: &Matcher,
        head: &'h RequestHead,
        path: &'h RequestPath,
    ) -> Result<Vec<Cow<'h, [u8]>>, Unclear> {
        let mut values = Vec::new();
        match self {
            Self::Header(name) => values.push(single_header(head, name)?.into()),
            Self::Query(name) => values.push(single_parameter(head.path(), name)?),
            Self::Path(name) => {
                for pattern in matcher.paths.iter().filter(|one| one.matches(path.segments())) {
                    let pairs = pattern.segments.iter().zip(path.segments());
                    let is_it =
                        |own: &Segment| matches!(own, Segment::Named(known) if known == name);
                    let named = pairs.filter(|(own, _)| is_it(own)).map(|(_, found)| &**found);
                    let value = only(named)?;
                    decoded_once(value)?;
                    values.push(value.into());
                }
            }
            Self::Host(name) => {
                let host = comparable_host(head.authority()).ok_or(Unclear::Absent)?;
                for pattern in matcher.hosts.iter().filter(|one| one.matches(&host)) {
                    values.push(only(pattern.named(name, &host).into_iter())?.to_vec().into());
                }
            }
        }
        if values.is_empty() { Err(Unclear::Absent) } else { Ok(values) }
    }
}

/// The one thing of some.
fn only<'v>(mut values: impl Iterator<Item = &'v [u8]>) -> Result<&'v [u8], Unclear> {
    let value = values.next().ok_or(Unclear::Absent)?;
    if values.next().is_some() { Err(Unclear::Repeated) } else { Ok(value) }
}

impl fmt::Display for Spot {
    /// In words: "the header `x-tenant`".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "the header `{name}`"),
            Self::Host(name) => write!(f, "`{{{name}}}` in the host"),
            Self::Path(name) => write!(f, "`{{{name}}}` in the path"),
            Self::Query(name) => write!(f, "the query parameter `{name}`"),
        }
    }
}

#[cfg(test)]
mod tests;
