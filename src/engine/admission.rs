//! A request's way through the steps: method → host → path → API → credentials → token → key → signature → claims →
//! identity → session → access.
//!
//! Cheap before dear, untrusted before trusted; every step that refuses names itself.

mod api_key;
mod keyring;
mod signature;
mod token;

use std::cmp::Reverse;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use super::budget::Budget;
use super::credential::{self, Readers};
use super::key_uses::KeyUses;
use super::passage::{Passage, Permit};
use super::reply::quoted_list;
use super::rights::{Rights, may_call};
use super::stop::Stop;
use super::tally::Tally;
use super::target::{self, Target};
use super::trail::Trail;
use super::verified::VerifiedTokens;
use super::voucher::Vouched;
use super::{revocation, telling};
use crate::api::{Api, Auth, Branch};
use crate::config::Config;
use crate::env::Env;
use crate::http::{RequestHead, Route};
use crate::ids::{Name, ProviderId, RingId};
use crate::keys::{Patience, Ring};
use crate::revoked::Revocations;
use crate::session::Sessions;
use crate::verdict::{Deny, Refusal, Scheme, Step, quoted};

/// Most branches that a reason speaks of.
const MAX_BRANCHES_TOLD: usize = 8;

/// What a request is judged with.
pub(super) struct Judge<'a, 'c> {
    pub(super) config: &'c Config,
    pub(super) readers: &'c Readers,
    pub(super) rings: &'a mut [Ring],
    pub(super) failures: &'a mut Budget,
    pub(super) verified: &'a mut VerifiedTokens,
    pub(super) key_uses: &'a KeyUses,
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

impl<'c> Judge<'_, 'c> {
    /// Decides about a request.
    ///
    /// # Errors
    ///
    /// What stops it.
    pub(super) fn admit<'h>(
        &mut self,
        head: &'h RequestHead,
        route: &Route,
        trail: &mut Trail,
    ) -> Result<Passage<'c, 'h>, Stop>
    where
        'c: 'h,
    {
        let config = self.config;
        let target = target::find(config, head, route, &mut trail.steps)?;
        let api = target.api;
        trail.api = Some(api.name.clone());
        trail.reports = Some(api.reports);
        let (branches, optional) = match &api.auth {
            Auth::None => {
                trail.steps.skipped(Step::Credential, "`auth`", || "`none`: anybody passes".into());
                return Ok(Passage { api: Some(target.id), presented: Vec::new(), permit: None });
            }
            Auth::Branches { branches, optional } => (branches, *optional),
        };
        let is_preflight = head.preflight_method().is_some();
        if is_preflight && !api.preflight_passes {
            let reason = format!("a CORS preflight for the protected API `{}`", api.name);
            return Err(Refusal::new(Deny::CorsPreflightRefused, reason).into());
        }
        let Some(readers) = self.readers.of(target.id) else {
            return Err(Refusal::new(Deny::Internal, "an API that nobody reads for").into());
        };
        let presented = readers.presented(config, head, trail)?;
        if is_preflight {
            let found = || "a CORS preflight, which passes without a credential".to_owned();
            trail.steps.skipped(Step::Credential, "`cors_preflight`", found);
            return Ok(Passage { api: Some(target.id), presented, permit: None });
        }
        let vouched = self.judge_all(&readers.members, &presented, trail)?;
        let vouches = |branch: &&Branch| missing(branch, &vouched).is_empty();
        let Some(branch) = branches.iter().find(vouches) else {
            if optional && vouched.is_empty() {
                let found = || "no credential: the request passes without an identity".to_owned();
                trail.steps.skipped(Step::Credential, "`optional`", found);
                return Ok(Passage { api: Some(target.id), presented, permit: None });
            }
            return Err(nobody_vouches(config, api, branches, &vouched, head).into());
        };
        let permit = self.enter(&target, head.method(), branch, vouched, trail)?;
        Ok(Passage { api: Some(target.id), presented, permit: Some(permit) })
    }

    /// From vouchers to a session, and what the session may do at this API.
    fn enter(
        &self,
        target: &Target<'c>,
        method: &[u8],
        branch: &Branch,
        vouched: Vec<Vouched<'c>>,
        trail: &mut Trail,
    ) -> Result<Permit<'c>, Refusal> {
        let mut others = vouched;
        let place = others.iter().position(|one| one.provider == branch.session_from);
        let Some(owner) = place.map(|place| others.remove(place)) else {
            return Err(Refusal::new(Deny::SessionMissing, "the session's provider did not vouch"));
        };
        match owner.token() {
            Some(token) => trail.verified(&owner.config.name, token),
            None => trail.enter(Some(&owner.config.name)),
        }
        trail.identity = Some(Arc::clone(owner.identity()));
        let env = self.env;
        let names = branch.members.iter().filter_map(|id| self.config.provider_name(*id));
        trail.steps.passed(Step::Credential, "`auth`", || {
            let owner = quoted(owner.config.name.as_str());
            format!(
                "all of {} vouch; the session is {owner}'s",
                quoted_list(names.map(Name::as_str))
            )
        });
        // What was revoked is a bad credential, whichever branch it belongs to.
        let all = iter::once(&owner).chain(&others);
        revocation::judge(self.revocations, all, env, &mut trail.steps)?;
        // Whoever vouched outside the branch is not heard: the API's demands were not made of it.
        others.retain(|vouched| branch.members.contains(&vouched.provider));
        let steps = &mut trail.steps;
        let rights = Rights::find(self.config, target.id, &owner, steps)?;
        trail.policies = Some(rights.grant().names().clone());
        let session = owner.session(rights.grant());
        session.check(env.now, owner.clock_skew()).map_err(|deny| {
            let end = session.ends.unwrap_or_default();
            let (at, number, policies) =
                (end.in_words(env.now), end.numeric_date(), rights.grant().names());
            Refusal::new(
                deny,
                format!("the session ended at {at} ({number}); policies: {policies}"),
            )
        })?;
        telling::session(&session, owner.clock_skew(), env.now, steps);
        match owner.token() {
            Some(token) => may_call(target.api, token, steps)?,
            // A configuration that asks something of tokens here takes no API key's session.
            None if target.api.asks_of_tokens() => {
                return Err(Refusal::new(Deny::Internal, "an API key where a token is asked for"));
            }
            None => {}
        }
        let endpoint = rights.permit(method, &target.path, steps)?;
        Ok(Permit::new(session, rights, endpoint, owner, others))
    }
}

/// The members of a branch that have not vouched.
fn missing(branch: &Branch, vouched: &[Vouched<'_>]) -> Vec<ProviderId> {
    let absent = |id: &&ProviderId| !vouched.iter().any(|vouched| vouched.provider == **id);
    branch.members.iter().filter(absent).copied().collect()
}

/// The refusal of every branch, that which got furthest (the fewest missing) first.
fn nobody_vouches(
    config: &Config,
    api: &Api,
    branches: &[Branch],
    vouched: &[Vouched<'_>],
    head: &RequestHead,
) -> Refusal {
    let mut lacking: Vec<_> = branches.iter().map(|branch| missing(branch, vouched)).collect();
    // Of those that lack as many, that where more have vouched: the longest.
    let distance = |&(_, (branch, missing)): &(usize, (&Branch, &Vec<ProviderId>))| {
        (missing.len(), Reverse(branch.members.len()))
    };
    let furthest = branches.iter().zip(&lacking).enumerate().min_by_key(distance);
    if let Some((place, _)) = furthest {
        lacking.swap(0, place);
    }
    let told = lacking.iter().map(|missing| {
        let names = missing.iter().filter_map(|id| config.provider_name(*id)).map(Name::as_str);
        let places = missing.iter().flat_map(|id| credential::places(config, &api.name, *id, head));
        let places = places.collect::<Vec<_>>().join(", ");
        format!("no credential for {}; looked at {places}", quoted_list(names))
    });
    let told: Vec<_> = told.take(MAX_BRANCHES_TOLD).collect();
    let refusal = Refusal::new(Deny::CredentialMissing, told.join("; or: "));
    let mut all = branches.iter().flat_map(|branch| &branch.members);
    let is_issuer = |id: &ProviderId| config.provider(*id).is_some_and(|one| one.jwt().is_some());
    let scheme = if all.any(is_issuer) { Scheme::Bearer } else { Scheme::ApiKey };
    Refusal { scheme, ..refusal }
}
