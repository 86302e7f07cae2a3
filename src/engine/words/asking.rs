//! What comes of asking a provider about tokens, in words. Never a word of an answer's body: it may hold
//! the token.

use std::fmt;

use super::document::without_query;
use crate::event::FetchFailure;
use crate::http::Url;
use crate::ids::Name;
use crate::introspection::answer::Unusable;
use crate::provider::introspection::{Endpoint, Introspection};

/// Why asking brought nothing.
#[derive(Clone, Debug)]
pub(in crate::engine) enum Wrong {
    /// The answer cannot be used.
    Answer(Unusable),
    /// The client was refused: the status, and the error's name.
    Client(u16, Option<Box<str>>),
    /// The document that names the endpoint cannot be used.
    Document(&'static str),
    /// The body is encoded.
    Encoded,
    /// Nothing came.
    NoAnswer,
    /// Another status than 200, and the error's name.
    Status(u16, Option<Box<str>>),
    /// A body of so many bytes.
    TooLong(usize),
    /// The client cannot show who it is: the host does not sign.
    Unsigned,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(why) => f.write_str(why.words()),
            Self::Client(status, error) => {
                write!(f, "`client` was refused: status {status}{}", named(error.as_deref()))
            }
            Self::Document(why) => write!(f, "the discovery document: {why}"),
            Self::Encoded => f.write_str("an encoded body; only `identity` is taken"),
            Self::NoAnswer => f.write_str("no answer, or one that broke off"),
            Self::Status(status, error) => {
                write!(f, "status {status}{}", named(error.as_deref()))
            }
            Self::TooLong(bytes) => write!(f, "a body of {bytes} bytes; at most 65536"),
            Self::Unsigned => f.write_str("nothing: the proxy made no signature for `client`"),
        }
    }
}

fn named(error: Option<&str>) -> String {
    error.map(|error| format!(" (`{error}`)")).unwrap_or_default()
}

/// A failure as the log has it.
pub(in crate::engine) fn logged(
    wrong: &Wrong,
    provider: &Name,
    asked: &Introspection,
    url: Option<&Url>,
) -> FetchFailure {
    let (Endpoint::Url(written) | Endpoint::Discovery(written)) = &asked.endpoint;
    FetchFailure {
        found: wrong.to_string(),
        is_unanswered: matches!(wrong, Wrong::NoAnswer),
        url: without_query(url.unwrap_or(written)),
        cluster: asked.cluster.to_string(),
        remedy: remedy(wrong.kind()).replace("providers.*", &format!("providers.{provider}")),
    }
}

impl Wrong {
    /// Which remedy helps, by a number that all workers of a process share.
    pub(in crate::engine) const fn kind(&self) -> u8 {
        match self {
            Self::Answer(Unusable::Unsigned | Unusable::OtherType) => 1,
            Self::Answer(_) | Self::Status(..) | Self::Encoded | Self::TooLong(_) => 2,
            Self::Client(..) => 3,
            Self::Document(_) => 4,
            Self::NoAnswer => 5,
            Self::Unsigned => 6,
        }
    }
}

/// What an operator can do about a failure of this kind. Any number has a remedy: others may have
/// written it.
pub(in crate::engine) const fn remedy(kind: u8) -> &'static str {
    match kind {
        1 => "have the provider sign its answers for this client (RFC 9701), or leave `signed` out",
        3 => {
            "look at `providers.*.client`: does the provider know this `id` with this secret or key, does \
             it take this `auth` from it, and may it ask about tokens?"
        }
        4 => {
            "write the introspection endpoint's own URL into `providers.*.url`, in place of `discovery`"
        }
        5 => {
            "the cluster in `providers.*.cluster` must be one of Envoy's, by its exact name, and have \
             hosts that answer within `providers.*.timeout`; `tollgate check --online` tries"
        }
        6 => "use `alg` ES256 or EdDSA in `providers.*.client`",
        _ => {
            "look whether the URL in `providers.*.url` is the introspection endpoint: the provider's \
             discovery document names it as `introspection_endpoint`; if so, look into its own log"
        }
    }
}
