//! Why a fetch brought nothing, and what an operator can do about it.
//!
//! The reason and the remedy's number are shared by all workers: a request that any of them refuses
//! later gets both.

use std::fmt;

use crate::http::UrlError;
use crate::jose::jwk::SetError;
use crate::revoked::DocumentError;
use crate::verdict::quoted;

/// Why a fetch brought nothing. The text is for the operator's log: it names what came.
#[derive(Debug)]
pub(in crate::engine) enum Failure {
    Body {
        bytes: usize,
        most: usize,
    },
    Discovery(DiscoveryError),
    Encoded(String),
    Keys(SetError),
    List(DocumentError),
    NoAnswer,
    /// What is no JSON: what it should be, and how it begins.
    NotJson(&'static str, String),
    Status(u16, String),
}

/// What is wrong with a discovery document.
#[derive(Debug)]
pub(in crate::engine) enum DiscoveryError {
    Issuer(String),
    KeysHost(String),
    KeysUrl(UrlError),
    Malformed(String),
    Missing(&'static str),
    PlainKeys,
}

/// How a body begins that should have been another.
pub(in crate::engine) fn beginning(body: &[u8]) -> String {
    match body.get(..64).unwrap_or(body) {
        [] => "the body is empty".to_owned(),
        start => format!("it begins with {}", quoted(&String::from_utf8_lossy(start))),
    }
}

impl Failure {
    /// What is wrong with a key set.
    pub(in crate::engine) fn keys(error: SetError, body: &[u8]) -> Self {
        match error {
            SetError::Malformed => Self::NotJson("the key set", beginning(body)),
            error => Self::Keys(error),
        }
    }

    /// What is wrong with a list of revocations.
    pub(in crate::engine) fn list(error: DocumentError, body: &[u8]) -> Self {
        match body.trim_ascii_start().first() {
            Some(b'{') => Self::List(error),
            _ => Self::NotJson("the list", beginning(body)),
        }
    }

    /// Which [remedy](super::document) helps, by a number that all workers of a process share.
    pub(in crate::engine) const fn kind(&self) -> u8 {
        match self {
            Self::NoAnswer => 1,
            Self::Status(504, _) => 2,
            Self::Status(502 | 503, _) => 3,
            Self::Status(304, _) => 15,
            Self::Status(301..=308, _) => 4,
            Self::Status(401 | 403, _) => 5,
            Self::Status(429 | 500.., _) => 14,
            Self::Status(..) => 6,
            Self::Body { .. } | Self::Keys(SetError::TooLarge(_) | SetError::TooManyKeys(_)) => 7,
            Self::Encoded(_) => 8,
            Self::Keys(SetError::NoneUsable(_)) => 9,
            Self::Discovery(DiscoveryError::Issuer(_)) => 10,
            Self::Discovery(DiscoveryError::KeysHost(_)) => 11,
            Self::Discovery(DiscoveryError::KeysUrl(_) | DiscoveryError::PlainKeys) => 12,
            Self::NotJson(..) | Self::Keys(_) | Self::List(_) | Self::Discovery(_) => 13,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body { bytes, most } => write!(f, "a body of {bytes} bytes; at most {most}"),
            Self::Discovery(error) => write!(f, "the discovery document: {error}"),
            Self::Encoded(how) => write!(f, "an encoded body ({how}); only `identity` is taken"),
            Self::Keys(error) => write!(f, "the key set: {error}"),
            Self::List(error) => write!(f, "the list: {error}"),
            Self::NoAnswer => f.write_str(
                "no answer, or one that broke off: does the cluster exist, and has it hosts?",
            ),
            Self::NotJson(document, begins) => write!(f, "{document}: no JSON; {begins}"),
            Self::Status(304, _) => f.write_str(
                "status 304 (not modified), though no document at hand is the one that it means",
            ),
            Self::Status(status, body) => write!(f, "status {status} with {body}"),
        }
    }
}

impl fmt::Display for DiscoveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issuer(found) => {
                write!(f, "`issuer` is {found}, which is not the provider's configured issuer")
            }
            Self::KeysHost(found) => write!(
                f,
                "`jwks_uri` is on host {found}, not on the document's; set `jwks.keys_cluster` to \
                 the cluster that reaches it"
            ),
            Self::KeysUrl(error) => write!(f, "`jwks_uri`: {error}"),
            Self::Malformed(begins) => {
                write!(f, "not a JSON object without duplicate members; {begins}")
            }
            Self::Missing(member) => write!(f, "`{member}` is missing or no string"),
            Self::PlainKeys => f.write_str("`jwks_uri` is http where the document came by https"),
        }
    }
}
