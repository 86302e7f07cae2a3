//! Where a provider's endpoints for logins are, by its discovery document, and the record in which all
//! workers share that.
//!
//! A document is written by somebody else, and a record may be: both are judged again by whoever uses
//! them. Knows nothing of calls, or of who logs in.

use std::fmt;

use serde_json::{Map, Value};

use crate::http::{Url, UrlError};
use crate::wire::Reader;

/// The layout's version: a record of another one is absent.
const VERSION: u8 = 1;
/// Stands for the length of a text that is not there.
const ABSENT: u16 = u16::MAX;

/// An endpoint of a provider.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Endpoint {
    /// Where browsers are sent to log in (RFC 6749 §3.1).
    Authorization,
    /// Where browsers are sent to log out (RP-Initiated Logout §2.1).
    EndSession,
    /// Where a request is left before the browser goes (RFC 9126 §2).
    Pushed,
    /// Where tokens are given back (RFC 7009 §2).
    Revocation,
    /// Where codes and refresh tokens become tokens (RFC 6749 §3.2).
    Token,
    /// Where further claims are (OpenID Connect Core §5.3).
    Userinfo,
}

impl Endpoint {
    /// Every endpoint, in the order of a record.
    pub const ALL: [Self; 6] = [
        Self::Authorization,
        Self::EndSession,
        Self::Pushed,
        Self::Revocation,
        Self::Token,
        Self::Userinfo,
    ];

    /// Its member in a discovery document (RFC 8414 §2, RFC 9126 §5, OpenID Connect Discovery §3,
    /// RP-Initiated Logout §2.1).
    pub const fn member(self) -> &'static str {
        match self {
            Self::Authorization => "authorization_endpoint",
            Self::EndSession => "end_session_endpoint",
            Self::Pushed => "pushed_authorization_request_endpoint",
            Self::Revocation => "revocation_endpoint",
            Self::Token => "token_endpoint",
            Self::Userinfo => "userinfo_endpoint",
        }
    }

    /// Whether the filter calls it, with what is secret; to the others browsers go.
    pub const fn is_called(self) -> bool {
        match self {
            Self::Authorization | Self::EndSession => false,
            Self::Pushed | Self::Revocation | Self::Token | Self::Userinfo => true,
        }
    }
}

/// What a discovery document says of logins, as it came.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Metadata {
    /// The provider, as it calls itself; empty where that is no text.
    pub issuer: Box<str>,
    /// The endpoints in the order of [`Endpoint::ALL`]. What is no text is empty, which no URL is.
    urls: [Option<Box<str>>; 6],
    /// What else it says.
    says: Says,
}

/// What a document says besides.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Says {
    /// Whether requests must be pushed (RFC 9126 §5).
    pub requires_pushed: bool,
    /// Whether its answers to browsers name their issuer (RFC 9207 §3).
    pub announces_issuer: bool,
    /// Whether it names S256 among the challenges that it takes (RFC 8414 §2).
    pub names_s256: bool,
}

/// Endpoints that are good for one login.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoints {
    /// Where browsers are sent to log in.
    pub authorization: Url,
    /// Where codes and refresh tokens become tokens.
    pub token: Url,
    /// Where browsers are sent to log out.
    pub end_session: Option<Url>,
    /// Where a request is left before the browser goes.
    pub pushed: Option<Url>,
    /// Where tokens are given back.
    pub revocation: Option<Url>,
    /// Where further claims are.
    pub userinfo: Option<Url>,
    /// What else the document says.
    pub says: Says,
    /// What the document names and is not used, and why.
    pub left_out: Vec<Wrong>,
}

/// What a login takes of a document.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'r> {
    /// The host to which calls go, without port, in lower case.
    pub host: &'r str,
    /// Whether the document came by `https`, so that what it names must be, too.
    pub is_secure: bool,
    /// Whether the login cannot do without `userinfo_endpoint`.
    pub needs_userinfo: bool,
}

/// What is wrong with an endpoint.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wrong {
    /// Which.
    pub endpoint: Endpoint,
    /// What is wrong with it.
    pub why: Why,
}

/// What may be wrong with an endpoint.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Why {
    /// It is called, and stands on this other host.
    Elsewhere(Box<str>),
    /// It is no URL.
    Malformed(UrlError),
    /// It is not there.
    Missing,
    /// It is `http` on this host, and the document came by `https`.
    Plain(Box<str>),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let member = self.endpoint.member();
        match &self.why {
            Why::Elsewhere(host) => write!(
                f,
                "`{member}` is on host `{host}`, and calls go to another; write `login.host`, and the \
                 `login.cluster` that leads there"
            ),
            Why::Malformed(error) => write!(f, "`{member}` is no URL: it {error}"),
            Why::Missing => write!(f, "`{member}` is missing"),
            Why::Plain(host) => {
                write!(f, "`{member}` on host `{host}` is http where the document came by https")
            }
        }
    }
}

impl Metadata {
    /// Takes what a discovery document says; nothing is refused yet.
    pub fn read(document: &Map<String, Value>) -> Self {
        let present = |name| document.get(name).filter(|value| !value.is_null());
        let text = |value: &Value| {
            let text = value.as_str().filter(|text| text.len() <= Url::MAX_BYTES);
            Box::<str>::from(text.unwrap_or_default())
        };
        let is_true = |name| present(name).and_then(Value::as_bool).unwrap_or_default();
        let methods = present("code_challenge_methods_supported").and_then(Value::as_array);
        Self {
            issuer: present("issuer").map(text).unwrap_or_default(),
            urls: Endpoint::ALL.map(|endpoint| present(endpoint.member()).map(text)),
            says: Says {
                requires_pushed: is_true("require_pushed_authorization_requests"),
                announces_issuer: is_true("authorization_response_iss_parameter_supported"),
                names_s256: methods.is_some_and(|all| all.iter().any(|one| one == "S256")),
            },
        }
    }

    /// The endpoints that a login uses.
    ///
    /// # Errors
    ///
    /// Where a login cannot be without an endpoint, and that is missing, no URL, or on another host
    /// than is called. What a login can do without is left out.
    pub fn endpoints(&self, rules: Rules<'_>) -> Result<Endpoints, Wrong> {
        let mut left_out = Vec::new();
        let [authorization, end_session, pushed, revocation, token, userinfo] =
            Endpoint::ALL.map(|endpoint| self.judged(endpoint, rules));
        let mut optional = |found: Result<Url, Wrong>| match found {
            Ok(url) => Some(url),
            Err(Wrong { why: Why::Missing, .. }) => None,
            Err(wrong) => {
                left_out.push(wrong);
                None
            }
        };
        let userinfo = if rules.needs_userinfo { Some(userinfo?) } else { None };
        Ok(Endpoints {
            end_session: optional(end_session),
            pushed: optional(pushed),
            revocation: optional(revocation),
            userinfo,
            authorization: authorization?,
            token: token?,
            says: self.says,
            left_out,
        })
    }

    fn judged(&self, endpoint: Endpoint, rules: Rules<'_>) -> Result<Url, Wrong> {
        let wrong = |why| Wrong { endpoint, why };
        let places = Endpoint::ALL.iter().zip(&self.urls);
        let written = places.filter(|(one, _)| **one == endpoint).find_map(|(_, url)| url.as_ref());
        let url = Url::parse(written.ok_or_else(|| wrong(Why::Missing))?);
        let url = url.map_err(|error| wrong(Why::Malformed(error)))?;
        if rules.is_secure && !url.secure {
            return Err(wrong(Why::Plain(url.host().into())));
        }
        if endpoint.is_called() && url.host() != rules.host {
            return Err(wrong(Why::Elsewhere(url.host().into())));
        }
        Ok(url)
    }

    /// The record: version, what it says besides, then the issuer and each endpoint with its length
    /// before it.
    pub fn encode(&self) -> Vec<u8> {
        let Says { requires_pushed, announces_issuer, names_s256 } = self.says;
        let flags = [requires_pushed, announces_issuer, names_s256].map(u8::from);
        let mut out = vec![VERSION];
        out.extend(flags);
        let texts = self.urls.iter().map(|url| url.as_deref());
        for text in std::iter::once(Some(&*self.issuer)).chain(texts) {
            // Longer ones are not taken.
            let length = text.and_then(|text| u16::try_from(text.len()).ok()).unwrap_or(ABSENT);
            out.extend(length.to_le_bytes());
            out.extend(text.unwrap_or_default().bytes());
        }
        out
    }

    /// Reads a record; `None` for anything else.
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut fields = Reader::new(record);
        let [VERSION, requires_pushed, announces_issuer, names_s256] = fields.array()? else {
            return None;
        };
        let mut next = || {
            let length = fields.array().map(u16::from_le_bytes)?;
            if length == ABSENT {
                return Some(None);
            }
            let text = fields.slice(length.into()).filter(|text| text.len() <= Url::MAX_BYTES)?;
            std::str::from_utf8(text).ok().map(|text| Some(Box::<str>::from(text)))
        };
        let issuer = next()?.unwrap_or_default();
        let mut urls: [Option<Box<str>>; 6] = Default::default();
        for url in &mut urls {
            *url = next()?;
        }
        fields.rest().is_empty().then_some(Self {
            issuer,
            urls,
            says: Says {
                requires_pushed: requires_pushed == 1,
                announces_issuer: announces_issuer == 1,
                names_s256: names_s256 == 1,
            },
        })
    }
}

#[cfg(test)]
mod tests;
