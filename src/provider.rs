//! Who vouches for a request: where a provider's credential stands, and what of it goes upstream.

pub mod api_key;
pub mod introspection;
pub mod jwt;
pub mod login;

use crate::claims::{ClaimRef, Form, Requirements};
use crate::ids::Name;
use crate::verdict::Scheme;

/// A provider of the configuration.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name.
    pub name: Name,
    /// Where its credential stands in a request, in order.
    pub from: Vec<Location>,
    /// What goes upstream.
    pub upstream: Upstream,
    /// What kind it is.
    pub kind: Kind,
}

/// The kinds of provider.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A list of API keys.
    ApiKey(api_key::ApiKeys),
    /// One that is asked about each token.
    Introspection(Box<introspection::Introspection>),
    /// A JWT issuer.
    Jwt(Box<jwt::JwtProvider>),
}

impl Provider {
    /// How its credential is asked for.
    pub const fn scheme(&self) -> Scheme {
        match &self.kind {
            Kind::ApiKey(_) => Scheme::ApiKey,
            Kind::Introspection(_) | Kind::Jwt(_) => Scheme::Bearer,
        }
    }

    /// Its keys, where it is a list of API keys.
    pub const fn api_keys(&self) -> Option<&api_key::ApiKeys> {
        match &self.kind {
            Kind::ApiKey(keys) => Some(keys),
            Kind::Introspection(_) | Kind::Jwt(_) => None,
        }
    }

    /// Which keys sign its tokens, where it is a JWT issuer.
    pub fn jwt(&self) -> Option<&jwt::JwtProvider> {
        match &self.kind {
            Kind::ApiKey(_) | Kind::Introspection(_) => None,
            Kind::Jwt(jwt) => Some(jwt),
        }
    }

    /// How it logs browsers in, where it does.
    pub fn login(&self) -> Option<&login::Login> {
        self.jwt()?.login.as_deref()
    }

    /// Where it is asked about tokens, where it is.
    pub fn introspection(&self) -> Option<&introspection::Introspection> {
        match &self.kind {
            Kind::ApiKey(_) | Kind::Jwt(_) => None,
            Kind::Introspection(asked) => Some(asked),
        }
    }

    /// What it asks of claims, where its credentials have any.
    pub fn requirements(&self) -> Option<&Requirements> {
        match &self.kind {
            Kind::ApiKey(_) => None,
            Kind::Introspection(asked) => Some(&asked.requirements),
            Kind::Jwt(jwt) => Some(&jwt.requirements),
        }
    }
}

/// One place of a request where a credential may stand.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Location {
    /// The place.
    pub place: Place,
    /// The names of the APIs where this place counts; `None` is all.
    pub apis: Option<Vec<Name>>,
}

impl Location {
    /// Whether it counts for this API.
    pub fn is_for(&self, api: &Name) -> bool {
        self.apis.as_ref().is_none_or(|apis| apis.contains(api))
    }

    /// Whether this is the same place as the other, whichever APIs they count for.
    pub fn is_same_place(&self, other: &Self) -> bool {
        let lower =
            |scheme: &Option<Box<str>>| scheme.as_ref().map(|scheme| scheme.to_ascii_lowercase());
        match (&self.place, &other.place) {
            (
                Place::Header { name, scheme },
                Place::Header { name: other_name, scheme: other_scheme },
            ) => name == other_name && lower(scheme) == lower(other_scheme),
            (one, other) => one == other,
        }
    }
}

/// Where a credential stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// In a cookie (RFC 6265).
    Cookie {
        /// Its name, case kept.
        name: Box<str>,
        /// Who may cause requests that change something; `None` is anybody.
        origins: Option<Vec<Box<str>>>,
    },
    /// In a header.
    Header {
        /// Its name, in lower case.
        name: Box<str>,
        /// The authentication scheme before the credential, compared without regard to case, empty
        /// where the credential stands alone; `None` where the whole value is the credential, commas
        /// included.
        scheme: Option<Box<str>>,
    },
    /// In a parameter of the query.
    Query {
        /// Its name, case kept.
        name: Box<str>,
    },
}

impl Place {
    /// The header that it is in, in lower case; `None` for a parameter of the query.
    pub fn header(&self) -> Option<&str> {
        match self {
            Self::Cookie { .. } => Some("cookie"),
            Self::Header { name, .. } => Some(name),
            Self::Query { .. } => None,
        }
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
    /// A claim of this provider's token, and how it is written.
    Claim(ClaimRef, Form),
    /// What the policies in force say under this key.
    Metadata(Box<str>),
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
    /// The policies in force, joined by commas.
    Policies,
    /// The provider whose session is used.
    Provider,
    /// The token's scopes, joined by a space (RFC 6749 §3.3).
    Scopes,
    /// The tags of the policies in force, joined by commas.
    Tags,
}
