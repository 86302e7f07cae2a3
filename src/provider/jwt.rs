//! A JWT issuer: which keys sign its tokens, and what they must say.

use std::sync::Arc;

use crate::claims::Requirements;
use crate::ids::RingId;
use crate::jose::alg::AlgSet;
use crate::jose::jwk::KeySet;
use crate::provider::login::Login;

/// A checked provider of kind `jwt`.
#[derive(Clone, Debug)]
pub struct JwtProvider {
    /// Where its keys come from.
    pub keys: KeySource,
    /// The algorithms accepted.
    pub algorithms: AlgSet,
    /// What its tokens must say.
    pub requirements: Requirements,
    /// How it logs browsers in, where it does.
    pub login: Option<Box<Login>>,
}

/// Where keys come from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// Written in the configuration.
    Inline(Arc<KeySet>),
    /// Fetched, and shared with every provider of the same source.
    Ring(RingId),
    /// Fetched for each tenant apart: the issuers, and the ring of each.
    Tenants(Vec<(Box<str>, RingId)>),
}

/// The keys of one issuer.
#[derive(Clone, Copy, Debug)]
pub enum Keys<'k> {
    /// Written in the configuration.
    Inline(&'k KeySet),
    /// Fetched.
    Ring(RingId),
}

impl KeySource {
    /// The keys for a token of this issuer; `None` where there are none for it.
    pub fn of(&self, issuer: Option<&str>) -> Option<Keys<'_>> {
        match self {
            Self::Inline(set) => Some(Keys::Inline(set)),
            Self::Ring(ring) => Some(Keys::Ring(*ring)),
            Self::Tenants(rings) => rings
                .iter()
                .find(|(known, _)| Some(&**known) == issuer)
                .map(|(_, ring)| Keys::Ring(*ring)),
        }
    }

    /// The ring whose discovery document says where a login's endpoints are: that of the keys, of several
    /// the first.
    pub fn of_login(&self) -> Option<RingId> {
        match self {
            Self::Inline(_) => None,
            Self::Ring(id) => Some(*id),
            Self::Tenants(all) => all.first().map(|(_, id)| *id),
        }
    }
}
