//! A request's way through the steps: method → host → path → API → credentials → token → key →
//! signature → claims → identity → session → mcp → access.
//!
//! Cheap before dear, untrusted before trusted; every step that refuses names itself.

use std::cmp::Reverse;
use std::iter;
use std::sync::Arc;

use super::admitted::{Admitted, Permit};
use super::desk::Desk;
use super::login::{self, offer};
use super::rights::{Rights, may_call};
use super::stop::Stop;
use super::target::{self, Target};
use super::trail::Trail;
use super::voucher::Voucher;
use super::words::{narrate, reason};
use super::{object, revocation, tools, vouch};
use crate::api::{Api, Auth, Branch};
use crate::config::Config;
use crate::event::Effect;
use crate::http::{RequestHead, Route};
use crate::ids::ProviderId;
use crate::policy::Asked;
use crate::verdict::{Deny, Refusal, Scheme, Step};

/// Decides about a request.
///
/// # Errors
///
/// What stops it.
pub(super) fn admit<'c: 'h, 'h>(
    desk: &mut Desk<'_, 'c>,
    head: &'h RequestHead,
    route: &Route,
    trail: &mut Trail,
    effects: &mut Vec<Effect>,
) -> Result<Admitted<'c, 'h>, Stop> {
    let config = desk.config;
    let method = target::one_reading(config, head)?;
    login::serve(desk, head, trail, effects)?;
    let target = target::find(config, (head, method), route, &mut trail.steps)?;
    let api = target.api;
    trail.api = Some(api.name.clone());
    trail.reports = Some(api.reports);
    let (branches, optional) = match &api.auth {
        Auth::None => {
            trail.steps.skipped(Step::Credential, "`auth`", || "`none`: anybody passes".into());
            return Ok(Admitted { api: Some(target.id), presented: Vec::new(), permit: None });
        }
        Auth::Branches { branches, optional } => (branches, *optional),
    };
    let is_preflight = head.preflight_method().is_some();
    if is_preflight && !api.preflight_passes {
        let reason = format!("a CORS preflight for the protected API `{}`", api.name);
        return Err(Refusal::new(Deny::CorsPreflightRefused, reason).into());
    }
    tools::page(api, head)?;
    let Some(readers) = desk.readers.of(target.id) else {
        return Err(Refusal::new(Deny::Internal, "an API that nobody reads for").into());
    };
    let presented = readers.presented(config, head, trail)?;
    if is_preflight {
        let found = || "a CORS preflight, which passes without a credential".to_owned();
        trail.steps.skipped(Step::Credential, "`cors_preflight`", found);
        return Ok(Admitted { api: Some(target.id), presented, permit: None });
    }
    let mut vouched = vouch::all(desk, &readers.members, &presented, head, trail)?;
    let useless =
        vouch::by_cookie(desk, (&readers.members, &presented), &mut vouched, head, trail)?;
    let vouches = |branch: &&Branch| missing(branch, &vouched).is_empty();
    let Some(branch) = branches.iter().find(vouches) else {
        if optional && vouched.is_empty() {
            tools::call(api, head, desk.counts, trail)?;
            let found = || "no credential: the request passes without an identity".to_owned();
            trail.steps.skipped(Step::Credential, "`optional`", found);
            return Ok(Admitted { api: Some(target.id), presented, permit: None });
        }
        let (refusal, lacking) = nobody_vouches(config, api, branches, &vouched, head);
        let of = (api, &*lacking, optional);
        return Err(offer::instead(desk, of, head, (refusal, useless), effects));
    };
    let login = offer::of_session(&vouched, branch.session_from);
    let permit = enter(desk, &target, head, branch, vouched, trail);
    let permit = match (permit, login) {
        (Err(refusal), Some(login)) if refusal.deny == Deny::SessionExpired => {
            return Err(offer::anew(desk, (api, login, optional), head, refusal, effects));
        }
        (permit, _) => permit?,
    };
    Ok(Admitted { api: Some(target.id), presented, permit: Some(permit) })
}

/// From vouchers to a session, and what the session may do at this API.
fn enter<'c>(
    desk: &Desk<'_, 'c>,
    target: &Target<'c>,
    head: &RequestHead,
    branch: &Branch,
    vouched: Vec<Voucher<'c>>,
    trail: &mut Trail,
) -> Result<Permit<'c>, Refusal> {
    let mut others = vouched;
    let place = others.iter().position(|one| one.id == branch.session_from);
    let Some(owner) = place.map(|place| others.remove(place)) else {
        return Err(Refusal::new(Deny::SessionMissing, "the session's provider did not vouch"));
    };
    trail.known(&owner.provider.name, &owner.known);
    trail.identity = Some(Arc::clone(owner.identity()));
    if !desk.logins.is_empty() {
        trail.via = Some(Arc::clone(owner.way(&desk.logins.ways)));
        trail.session = owner.login.as_ref().map(|one| Arc::clone(&one.opened.told));
    }
    let env = desk.env;
    let names = branch.members.iter().filter_map(|id| desk.config.provider_name(*id));
    narrate::vouched(names, &owner.provider.name, &mut trail.steps);
    // A revoked credential is a bad one, whichever branch it belongs to.
    let all = iter::once(&owner).chain(&others);
    revocation::judge(&desk.outside.revocations, all, env, &mut trail.steps)?;
    // Providers outside the branch are left out: what the API demands was not asked of them.
    others.retain(|voucher| branch.members.contains(&voucher.id));
    let steps = &mut trail.steps;
    let rights = Rights::find(desk.config, target.id, &owner, steps)?;
    trail.policies = Some(rights.grant().names().clone());
    let session = owner.session(rights.grant());
    session
        .check(env.now, owner.clock_skew())
        .map_err(|deny| Refusal::new(deny, reason::session_ended(&session, env.now)))?;
    narrate::session(&session, owner.clock_skew(), env.now, steps);
    let call = tools::call(target.api, head, desk.counts, trail)?;
    let steps = &mut trail.steps;
    match owner.says() {
        Some(says) => may_call(target.api, &owner, says, steps)?,
        // The configuration refuses an API that asks something of tokens and takes API keys' sessions.
        None if target.api.asks_of_tokens() => {
            return Err(Refusal::new(Deny::Internal, "an API key where a token is asked for"));
        }
        None => {}
    }
    object::may_touch((desk.config, target.api), &owner, head, &target.path, steps)?;
    let asked = Asked { method: head.method(), path: &target.path, call: call.as_ref() };
    let endpoint = rights.permit(target.api, asked, steps)?;
    Ok(Permit::new(session, rights, endpoint, owner, others))
}

/// The members of a branch that have not vouched.
fn missing(branch: &Branch, vouched: &[Voucher<'_>]) -> Vec<ProviderId> {
    let absent = |id: &&ProviderId| !vouched.iter().any(|voucher| voucher.id == **id);
    branch.members.iter().filter(absent).copied().collect()
}

/// The refusal where no branch is complete. The branch that lacks the fewest providers stands first.
fn nobody_vouches(
    config: &Config,
    api: &Api,
    branches: &[Branch],
    vouched: &[Voucher<'_>],
    head: &RequestHead,
) -> (Refusal, Vec<Vec<ProviderId>>) {
    let mut lacking: Vec<_> = branches.iter().map(|branch| missing(branch, vouched)).collect();
    // Of branches that lack as many, the longest: there more have vouched.
    let distance = |&(_, (branch, missing)): &(usize, (&Branch, &Vec<ProviderId>))| {
        (missing.len(), Reverse(branch.members.len()))
    };
    let furthest = branches.iter().zip(&lacking).enumerate().min_by_key(distance);
    if let Some((place, _)) = furthest {
        lacking.swap(0, place);
    }
    let mut refusal = reason::nobody_vouches(config, api, &lacking, head);
    let mut all = branches.iter().flat_map(|branch| &branch.members);
    let takes_tokens =
        |id: &ProviderId| config.provider(*id).is_some_and(|one| one.scheme() == Scheme::Bearer);
    refusal.scheme = if all.any(takes_tokens) { Scheme::Bearer } else { Scheme::ApiKey };
    (refusal, lacking)
}
