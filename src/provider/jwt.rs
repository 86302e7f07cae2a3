//! A JWT issuer: where its tokens come from, which keys sign them, what they must say, and what of
//! them goes upstream.

use std::sync::Arc;

use crate::claims::{ClaimRef, Requirements};
use crate::ids::{Name, RingId};
use crate::jose::alg::AlgSet;
use crate::jose::jwk::KeySet;

/// A checked provider of kind `jwt`.
#[derive(Clone, Debug)]
pub struct JwtProvider {
    /// Where its keys come from.
    pub keys: KeySource,
    /// The algorithms accepted.
    pub algorithms: AlgSet,
    /// Where its credential stands in a request, in order.
    pub from: Vec<Location>,
    /// What its tokens must say.
    pub requirements: Requirements,
    /// What goes upstream.
    pub upstream: Upstream,
}

/// Where keys come from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// Written in the configuration.
    Inline(Arc<KeySet>),
    /// Fetched, and shared with every provider of the same source.
    Ring(RingId),
}

/// One place of a request where a credential may stand.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Location {
    /// The header's name, in lower case.
    pub header: Box<str>,
    /// The authentication scheme before the credential, compared without regard to case; `None`
    /// where the whole value is the credential.
    pub scheme: Option<Box<str>>,
    /// The names of the APIs where this place counts; `None` is all.
    pub apis: Option<Vec<Name>>,
}

impl Location {
    /// Whether this is the same place as the other, whichever APIs they count for.
    pub fn is_same_place(&self, other: &Self) -> bool {
        let scheme = |place: &Self| place.scheme.as_ref().map(|scheme| scheme.to_ascii_lowercase());
        self.header == other.header && scheme(self) == scheme(other)
    }
}

/// What goes upstream with a permitted request.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Whether the credential itself does.
    pub keep_credential: bool,
    /// The headers that the configuration names, in its order; `None` is the default pair
    /// `x-tollgate-identity` and `x-tollgate-provider`, from the session.
    pub headers: Option<Vec<(Box<str>, HeaderSource)>>,
    /// The header that carries the token's payload as it came (base64url, unpadded).
    pub payload_header: Option<Box<str>>,
}

/// What an upstream header's value is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HeaderSource {
    /// A claim of this provider's token.
    Claim(ClaimRef),
    /// A fact of the session.
    Session(SessionFact),
}

/// What a session can tell the upstream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SessionFact {
    /// The client's id.
    Client,
    /// Who the caller is.
    Identity,
    /// The provider whose session is used.
    Provider,
    /// The token's scopes, joined by a space (RFC 6749 §3.3).
    Scopes,
}
