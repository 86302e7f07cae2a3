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
        remedy: remedy(wrong).replace("providers.*", &format!("providers.{provider}")),
    }
}

/// What an operator can do about a failure.
fn remedy(wrong: &Wrong) -> &'static str {
    match wrong {
        Wrong::Answer(Unusable::Unsigned | Unusable::OtherType) => {
            "have the provider sign its answers for this client (RFC 9701), or leave `signed` out"
        }
        Wrong::Answer(_) | Wrong::Status(..) | Wrong::Encoded | Wrong::TooLong(_) => {
            "look whether the URL in `providers.*.url` is the introspection endpoint: the provider's \
             discovery document names it as `introspection_endpoint`; if so, look into its own log"
        }
        Wrong::Client(..) => {
            "look at `providers.*.client`: does the provider know this `id` with this secret or key, does \
             it take this `auth` from it, and may it ask about tokens?"
        }
        Wrong::Document(_) => {
            "write the introspection endpoint's own URL into `providers.*.url`, in place of `discovery`"
        }
        Wrong::NoAnswer => {
            "the cluster in `providers.*.cluster` must be one of Envoy's, by its exact name, and have \
             hosts that answer within `providers.*.timeout`; `tollgate check --online` tries"
        }
        Wrong::Unsigned => "use `alg` ES256 or EdDSA in `providers.*.client`",
    }
}
