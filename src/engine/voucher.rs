//! Who vouches for a request's caller, as data. Later steps ask this, whatever kind of credential it was.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::grant_cache::GrantCache;
use super::login::kit::{At, Ways};
use super::login::opened::Opened;
use crate::claims::{Claims, ClientClaim, Judged, Requirements};
use crate::ids::{Kid, Name, ProviderId};
use crate::jose::alg::Alg;
use crate::login::lease::Cookies;
use crate::policy::Grant;
use crate::provider::Provider;
use crate::revoked::{Facts, Key};
use crate::session::Session;
use crate::store::RecordId;
use crate::time::UnixMillis;

/// A provider that has vouched for the request's caller.
///
/// Only [`vouch`](super::vouch) makes one: from a credential that is good.
pub(super) struct Voucher<'c> {
    /// The provider's place.
    pub(super) id: ProviderId,
    /// Its configuration.
    pub(super) provider: &'c Provider,
    /// What it asks of claims, and where they stand; `None` where its credentials have none.
    pub(super) asks: Option<&'c Requirements>,
    /// What the configuration says of this one credential.
    pub(super) own: Own<'c>,
    /// What this worker knows of the credential.
    pub(super) known: Rc<Known>,
    /// Where a browser logged in, where its session's cookie is the credential.
    pub(super) login: Option<LoggedIn<'c>>,
}

/// A browser that logged in.
pub(super) struct LoggedIn<'c> {
    /// Where.
    pub(super) at: At<'c>,
    /// Its session's cookie.
    pub(super) opened: Rc<Opened>,
    /// The cookies that were renewed for this request.
    pub(super) renewed: Option<Cookies>,
    /// Whether its tokens are past what the provider said of them.
    pub(super) is_past: bool,
}

/// What the configuration says of one credential: nothing, but of an API key.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Own<'c> {
    /// The policies that it has on every API.
    pub(super) policies: &'c [Name],
    /// Words that its session carries.
    pub(super) tags: &'c [Box<str>],
    /// Names and values that its session carries.
    pub(super) metadata: &'c [(Box<str>, Box<str>)],
}

/// What a worker knows of a credential. It finds each fact once, and keeps it with the credential.
#[derive(Debug)]
pub(super) struct Known {
    /// Whose it is.
    pub(super) who: Judged,
    /// What it says, where it says anything.
    pub(super) says: Option<Rc<Said>>,
    /// The session of this identity.
    pub(super) session: RecordId,
    /// When this worker last put that session on record.
    pub(super) noted_at: Cell<UnixMillis>,
    /// By what a list of revocations may name it, apart from the token itself.
    pub(super) revocable: OnceCell<Box<Facts>>,
    /// What was computed for it.
    pub(super) cache: GrantCache,
}

/// What a credential says.
#[derive(Debug)]
pub(super) struct Said {
    /// The token as it was shown. Never logged.
    pub(super) token: Box<[u8]>,
    /// The algorithm that it is signed with; `None` where its provider was asked about it.
    pub(super) alg: Option<Alg>,
    /// The key's id, as the token has it.
    pub(super) kid: Option<Kid>,
    /// The claims.
    pub(super) claims: Claims,
    /// The payload as it came: base64url, unpadded.
    pub(super) payload: Box<str>,
    /// What goes upstream in the payload's place, where that is something else.
    pub(super) handed_on: Option<Box<str>>,
    /// The token itself, as a list of revocations would name it.
    pub(super) digest: OnceCell<Key>,
    /// Its [twin](crate::jose::twin), where it has one, as such a list would name it.
    pub(super) twin: OnceCell<Option<Key>>,
}

impl Known {
    /// A credential of this owner; nothing else is known of it yet.
    pub(super) fn new(who: Judged, says: Option<Rc<Said>>, session: RecordId) -> Self {
        Self {
            who,
            says,
            session,
            noted_at: Cell::default(),
            revocable: OnceCell::new(),
            cache: GrantCache::default(),
        }
    }
}

impl<'c> Voucher<'c> {
    /// What the credential says, and what its provider asks of that.
    pub(super) fn says(&self) -> Option<(&Said, &'c Requirements)> {
        self.known.says.as_deref().zip(self.asks)
    }

    /// Who the caller is.
    pub(super) fn identity(&self) -> &Arc<str> {
        &self.known.who.identity
    }

    /// By what it came.
    pub(super) const fn way<'w>(&self, ways: &'w Ways) -> &'w Arc<str> {
        match (&self.login, self.asks) {
            (Some(_), _) => &ways.login,
            (None, None) => &ways.key,
            (None, Some(_)) => &ways.bearer,
        }
    }

    /// How far clocks may differ about the session's end.
    pub(super) fn clock_skew(&self) -> Duration {
        // The end of an API key stands in the configuration: no other clock is involved.
        self.asks.map_or(Duration::ZERO, |asks| asks.clock_skew)
    }

    /// The session of this identity at this provider.
    pub(super) fn session(&self, grant: &Grant) -> Session {
        let who = &self.known.who;
        Session {
            id: self.known.session,
            provider: self.provider.name.clone(),
            issuer: who.issuer.clone(),
            identity: Arc::clone(&who.identity),
            client: match &who.client {
                ClientClaim::Is(client) => Some(client.clone()),
                ClientClaim::Absent | ClientClaim::Malformed => None,
            },
            ends: earliest(who.expires, grant.ends()),
            policies: grant.names().clone(),
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
