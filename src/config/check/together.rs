//! What things must not say together: only this, and nothing of one thing alone.

use super::drafts::Drafts;
use crate::config::checked::RingConfig;
use crate::config::problems::Problems;
use crate::config::raw::RawConfig;
use crate::config::read::At;
use crate::provider::jwt::KeySource;

mod apis;
mod comparisons;
mod headers;
pub(super) mod logins;
mod names;
mod places;
mod policies;
pub(super) mod resources;
mod rings;
mod risks;
mod vouching;

/// Every check of several things; the key rings, and where each provider's keys come from.
pub(super) fn check(
    raw: &At<RawConfig>,
    drafts: &Drafts,
    problems: &mut Problems<'_>,
) -> (Vec<RingConfig>, Vec<Option<KeySource>>) {
    vouching::check(raw, drafts, problems);
    names::check(drafts, problems);
    apis::check(raw, drafts, problems);
    places::check(drafts, problems);
    headers::check(drafts, problems);
    comparisons::check(drafts, problems);
    resources::check(raw, drafts, problems);
    logins::check(raw, drafts, problems);
    risks::check(raw, drafts, problems);
    policies::check(raw, drafts, problems);
    rings::share_rings(drafts, problems)
}
