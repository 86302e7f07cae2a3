//! Who vouches for a request's caller, and with what.

use std::cell::Cell;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::grants::Grants;
use super::key_uses::KeyUse;
use super::verified::Verified;
use crate::claims::ClientClaim;
use crate::ids::ProviderId;
use crate::policy::Grant;
use crate::provider::Provider;
use crate::provider::api_key::ApiKey;
use crate::provider::jwt::JwtProvider;
use crate::session::Session;
use crate::time::UnixMillis;

/// A provider that has vouched for the request's caller.
pub(super) struct Vouched<'c> {
    /// Which provider.
    pub(super) provider: ProviderId,
    /// Its configuration.
    pub(super) config: &'c Provider,
    /// What it vouches with.
    pub(super) proof: Proof<'c>,
}

/// What a provider vouches with.
pub(super) enum Proof<'c> {
    /// An API key that may be used.
    Key(&'c ApiKey, Rc<KeyUse>),
    /// A token that is verified and whose claims hold.
    Token(VouchedToken<'c>),
}

/// A token that is verified and whose claims hold, with what its provider asks of it.
pub(super) struct VouchedToken<'c> {
    /// What was asked.
    pub(super) config: &'c JwtProvider,
    pub(super) verified: Rc<Verified>,
}

impl Deref for VouchedToken<'_> {
    type Target = Verified;

    fn deref(&self) -> &Verified {
        &self.verified
    }
}

impl<'c> Vouched<'c> {
    /// The token, where that is what vouches.
    pub(super) const fn token(&self) -> Option<&VouchedToken<'c>> {
        match &self.proof {
            Proof::Key(..) => None,
            Proof::Token(token) => Some(token),
        }
    }

    /// Who the caller is.
    pub(super) fn identity(&self) -> &Arc<str> {
        match &self.proof {
            Proof::Key(key, _) => &key.identity,
            Proof::Token(token) => &token.verified.judged.identity,
        }
    }

    /// When the session was last put on record by this worker.
    pub(super) fn noted_at(&self) -> &Cell<UnixMillis> {
        match &self.proof {
            Proof::Key(_, used) => &used.noted_at,
            Proof::Token(token) => &token.noted_at,
        }
    }

    /// What policies came to for this credential.
    pub(super) fn grants(&self) -> &Grants {
        match &self.proof {
            Proof::Key(_, used) => &used.grants,
            Proof::Token(token) => &token.grants,
        }
    }

    /// How far clocks may differ about the session's end.
    pub(super) const fn clock_skew(&self) -> Duration {
        match &self.proof {
            // The end is written in the configuration: no other clock is asked.
            Proof::Key(..) => Duration::ZERO,
            Proof::Token(token) => token.config.requirements.clock_skew,
        }
    }

    /// The session of this identity at this provider.
    pub(super) fn session(&self, grant: &Grant) -> Session {
        let provider = self.config.name.clone();
        match &self.proof {
            Proof::Key(key, used) => Session {
                id: used.session,
                provider,
                issuer: None,
                identity: Arc::clone(&key.identity),
                client: None,
                ends: key.expires,
                policies: grant.names().clone(),
            },
            Proof::Token(token) => Session {
                id: token.session,
                provider,
                issuer: token.judged.issuer.clone(),
                identity: Arc::clone(&token.judged.identity),
                client: match &token.judged.client {
                    ClientClaim::Is(client) => Some(client.clone()),
                    ClientClaim::Absent | ClientClaim::Malformed => None,
                },
                ends: earliest(token.judged.expires, grant.ends()),
                policies: grant.names().clone(),
            },
        }
    }
}

/// The earlier of two ends.
fn earliest(one: Option<UnixMillis>, other: Option<UnixMillis>) -> Option<UnixMillis> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
