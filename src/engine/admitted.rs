//! A request that may pass, and on whose behalf. Decides nothing.

use super::credential::Presented;
use super::rights::Rights;
use super::voucher::Voucher;
use crate::ids::ApiId;
use crate::limits::Charge;
use crate::policy::{Endpoint, LimitBy};
use crate::session::Session;

/// A request that may pass, and why.
#[derive(Default)]
pub(super) struct Admitted<'c, 'h> {
    /// The API that the request belongs to.
    pub(super) api: Option<ApiId>,
    /// The credentials that the request shows to the API's providers.
    pub(super) presented: Vec<Presented<'h>>,
    /// On whose behalf; `None` where the API asks for nobody.
    pub(super) permit: Option<Permit<'c>>,
}

/// Proof that a request may pass, and on whose behalf.
///
/// Only [`admission`](super::admission) makes one, and only from vouchers: verified tokens, known keys.
/// What needs a verified identity takes a `Permit`, so the check cannot be forgotten.
pub(super) struct Permit<'c> {
    session: Session,
    rights: Rights<'c>,
    /// The rate of what grants the request.
    endpoint: Option<Endpoint<'c>>,
    owner: Voucher<'c>,
    others: Vec<Voucher<'c>>,
}

impl<'c> Permit<'c> {
    /// Only [`admission`](super::admission) may call this, with what it has found.
    pub(super) const fn new(
        session: Session,
        rights: Rights<'c>,
        endpoint: Option<Endpoint<'c>>,
        owner: Voucher<'c>,
        others: Vec<Voucher<'c>>,
    ) -> Self {
        Self { session, rights, endpoint, owner, others }
    }

    /// The caller's session.
    pub(super) const fn session(&self) -> &Session {
        &self.session
    }

    /// What the caller may do.
    pub(super) const fn rights(&self) -> &Rights<'c> {
        &self.rights
    }

    /// The caller's own limits, each with whose requests it counts together.
    pub(super) fn charges(&self) -> impl Iterator<Item = (Charge, &LimitBy)> {
        self.rights.charges(self.endpoint)
    }

    /// The provider whose session it is.
    pub(super) const fn owner(&self) -> &Voucher<'c> {
        &self.owner
    }

    /// Every provider that vouched, the session's first.
    pub(super) fn vouchers(&self) -> impl Iterator<Item = &Voucher<'c>> {
        std::iter::once(&self.owner).chain(&self.others)
    }
}
