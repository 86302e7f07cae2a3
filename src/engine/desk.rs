//! What a request is judged with.

use std::time::Duration;

use super::budget::Budget;
use super::credential::Readers;
use super::tally::Tally;
use super::verified::VerifiedTokens;
use super::vouch::KnownKeys;
use crate::config::Config;
use crate::env::Env;
use crate::ids::RingId;
use crate::keys::{Patience, Ring};
use crate::revoked::Revocations;
use crate::session::Sessions;

/// What a request is judged with.
pub(super) struct Desk<'a, 'c> {
    pub(super) config: &'c Config,
    pub(super) readers: &'c Readers,
    pub(super) rings: &'a mut [Ring],
    pub(super) failures: &'a mut Budget,
    pub(super) verified: &'a mut VerifiedTokens,
    pub(super) api_keys: &'a KnownKeys,
    pub(super) sessions: &'a Sessions,
    pub(super) revocations: &'a Revocations,
    pub(super) tally: &'a Tally,
    pub(super) patience: Patience,
    /// How long ago the request came.
    pub(super) waited: Duration,
    /// Of each ring that it has to wait for, the first fetch that began after it came.
    pub(super) awaited: Vec<(RingId, u32)>,
    pub(super) env: &'a Env<'a>,
}
