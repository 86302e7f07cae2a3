//! Why a fetch brought nothing, and what an operator can do about it.
//!
//! The reason and the number of the remedy are kept for all workers, so that a request which is refused
//! later, anywhere, can be told what the fetch was told.

use std::fmt;

use crate::http::UrlError;
use crate::jose::jwk::SetError;
use crate::revoked::DocumentError;
use crate::verdict::quoted;

/// Why a fetch brought nothing. The text is for the operator's log: it names what came.
#[derive(Debug)]
pub(super) enum Failure {
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
pub(super) enum DiscoveryError {
    Issuer(String),
    KeysHost(String),
    KeysUrl(UrlError),
    Malformed(String),
    Missing(&'static str),
    PlainKeys,
}

/// How a body begins that should have been another.
pub(super) fn beginning(body: &[u8]) -> String {
    match body.get(..64).unwrap_or(body) {
        [] => "the body is empty".to_owned(),
        start => format!("it begins with {}", quoted(&String::from_utf8_lossy(start))),
    }
}

impl Failure {
    /// What is wrong with a key set.
    pub(super) fn keys(error: SetError, body: &[u8]) -> Self {
        match error {
            SetError::Malformed => Self::NotJson("the key set", beginning(body)),
            error => Self::Keys(error),
        }
    }

    /// What is wrong with a list of revocations.
    pub(super) fn list(error: DocumentError, body: &[u8]) -> Self {
        match body.trim_ascii_start().first() {
            Some(b'{') => Self::List(error),
            _ => Self::NotJson("the list", beginning(body)),
        }
    }

    /// Which [remedy] helps, by a number that all workers of a process share.
    pub(super) const fn kind(&self) -> u8 {
        match self {
            Self::NoAnswer => 1,
            Self::Status(504, _) => 2,
            Self::Status(502 | 503, _) => 3,
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

/// What an operator can do about a failure of this kind, with the field that holds the URL, the object
/// that holds that field, what the document is called, and the cluster. Any number has a remedy: it may
/// have been written by others.
pub(super) fn remedy(kind: u8, at: &str, field: &str, document: &str, cluster: &str) -> String {
    let remedy = match kind {
        1 => {
            "the cluster in `AT.cluster` must be one of Envoy's, by its exact name, and have hosts: it \
             has none while the name of its host does not resolve (`tollgate check --online` tries; \
             where that has IPv6 addresses alone, or none, see the cluster's `dns_lookup_family`)"
        }
        2 => {
            "no answer came in time: see whether something on the way from Envoy drops connections, or \
             raise `AT.timeout`"
        }
        3 => {
            "Envoy could not reach it: look at the address, port and TLS (`sni`, trusted certificates) \
             of the cluster in `AT.cluster`; `tollgate check --online` says what is wrong with the way, \
             and Envoy's counters `cluster.CLUSTER.ssl.fail_verify_error` and `fail_verify_san` count \
             certificates that it did not trust; where the host has IPv6 addresses that Envoy cannot \
             reach, set the cluster's `dns_lookup_family` to V4_ONLY"
        }
        4 => "redirects are not followed: write the URL that it leads to into `FIELD`",
        5 => {
            "the server asks for a credential, and none is sent: the URL in `FIELD` must be one that \
             anybody may read, or a proxy on the way must be told so"
        }
        7 => {
            "look whether the URL in `FIELD` is the DOCUMENT's: if so, it is larger than is taken, and \
             its owner must leave out what is not in use"
        }
        8 => {
            "have the server of `FIELD`, or a proxy on the way, send the DOCUMENT as it is: the request \
             says `accept-encoding: identity`"
        }
        9 => {
            "have the provider publish the key that it signs with, in a form that can be used; if the \
             key set is for encryption or of another service, write the right URL into `FIELD`"
        }
        10 => {
            "is the document's `issuer` another than the `iss` of the tokens (AD FS, Google)? Then list \
             both in `providers.*.issuer` with the document's URL in `AT.discovery`, or write the key \
             set's own URL into `AT.url`; otherwise `providers.*.issuer` must be the document's byte for \
             byte (look for a trailing slash), or `FIELD` is another server's"
        }
        11 => "name the cluster that reaches that host in `AT.keys_cluster`",
        12 => {
            "the document names no key set that can be fetched: write the key set's URL into `AT.url`"
        }
        13 => {
            "look at what the URL in `FIELD` answers: is it the DOCUMENT's own, not a page to sign in or \
             another document? If so, have its owner mend it"
        }
        14 => {
            "the server of `FIELD` could not answer: look into its own log, and at the limits that it has"
        }
        _ => "the URL in `FIELD` is not the DOCUMENT's: write the right one, which WHOSE",
    };
    let whose = match document {
        "list" => "whoever publishes the list knows",
        "document" => "is the issuer's, followed by `/.well-known/openid-configuration`",
        _ => "the provider's discovery document names as `jwks_uri`",
    };
    let names = [
        ("WHOSE", whose),
        ("AT", at),
        ("FIELD", field),
        ("DOCUMENT", document),
        ("CLUSTER", cluster),
    ];
    names.iter().fold(remedy.to_owned(), |text, (name, value)| text.replace(name, value))
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
