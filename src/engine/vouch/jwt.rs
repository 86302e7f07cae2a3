//! From a token to a voucher: whose it is, whether its key is known and has signed it, what it says.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::sync::Arc;

use super::signature::check_signature;
use crate::claims::{Claims, Issuer, Requirements};
use crate::config::Config;
use crate::engine::credential::Presented;
use crate::engine::desk::Desk;
use crate::engine::request::Patience;
use crate::engine::stop::{Awaited, Stop};
use crate::engine::trail::Trail;
use crate::engine::verified::{By, Verified};
use crate::engine::voucher::{Known, Own, Said, Voucher};
use crate::engine::words::keyring::{self, no_key};
use crate::engine::words::narrate;
use crate::engine::words::place::with_front;
use crate::engine::words::reason;
use crate::ids::{Kid, ProviderId, RingId};
use crate::jose::alg::Alg;
use crate::jose::jwk::KeySet;
use crate::jose::jws::Jws;
use crate::keys::{self, Lookup, Wait, Wanted};
use crate::provider::Provider;
use crate::provider::jwt::{JwtProvider, Keys};
use crate::time::UnixMillis;
use crate::trace::Trace;
use crate::verdict::{Deny, Refusal, Step};

/// A token of one of the providers that read its place.
pub(super) enum Token<'c, 't> {
    /// Its form is right; nothing in it is verified.
    Claimed(Claimed<'c, 't>),
    /// It was verified before, and the key that did it is in use.
    Recalled(Owner<'c>, Rc<Verified>),
}

/// A token whose form is right and whose provider is known; nothing in it is verified.
pub(super) struct Claimed<'c, 't> {
    owner: Owner<'c>,
    token: &'t [u8],
    jws: Jws<'t>,
    claims: Claims,
}

/// Whose a token is.
#[derive(Clone, Copy)]
pub(super) struct Owner<'c> {
    id: ProviderId,
    provider: &'c Provider,
    jwt: &'c JwtProvider,
}

/// What verified a signature.
pub(in crate::engine) struct Checked {
    /// The key's thumbprint.
    key: [u8; 32],
    /// The version of its set.
    set: [u8; 16],
}

/// Recalls a token, or takes it apart; `None` where it belongs to another provider of this API, which
/// does not read its place.
pub(super) fn take<'c, 't>(
    desk: &mut Desk<'_, 'c>,
    members: &[ProviderId],
    presented: &'t Presented<'_>,
    trail: &mut Trail,
) -> Result<Option<Token<'c, 't>>, Refusal> {
    if let Some((owner, verified)) = recall(desk, members, presented, &mut trail.steps) {
        let identity = || Some(Arc::clone(&verified.known.who.identity));
        trail.shows(&owner.provider.name, identity, None);
        return Ok(Some(Token::Recalled(owner, verified)));
    }
    let (spot, token) = (presented.spot, presented.token.as_ref());
    trail.enter(spot.first_reader(desk.config).map(|provider| &provider.name));
    let jws = Jws::parse(token).map_err(|refusal| with_front(refusal, token))?;
    narrate::token(token, &jws, &mut trail.steps);
    let claims = Claims::parse(jws.payload())?;
    trail.claimed(jws.header().kid.as_ref(), &claims);
    let Some(owner) = owner(desk.config, members, &claims)? else {
        return Err(reason::unknown_issuer(desk.config, spot.readers(), &claims));
    };
    let asks = &owner.jwt.requirements;
    trail.shows(&owner.provider.name, || claims.claimed_identity(asks).map(Arc::from), None);
    let is_own = spot.readers().contains(&owner.id);
    narrate::selected(&owner.provider.name, is_own, &mut trail.steps);
    Ok(is_own.then_some(Token::Claimed(Claimed { owner, token, jws, claims })))
}

/// Judges a token. One that was verified before is judged by its times alone.
pub(super) fn judge<'c>(
    desk: &mut Desk<'_, 'c>,
    token: Token<'c, '_>,
    trail: &mut Trail,
) -> Result<Voucher<'c>, Stop> {
    match token {
        Token::Recalled(owner, verified) => {
            let name = &owner.provider.name;
            trail.steps.enter(Some(name));
            let asks = &owner.jwt.requirements;
            if let Err(refusal) = judge_known(&verified, asks, desk.env.now, &mut trail.steps) {
                trail.known(name, &verified.known);
                return Err(refusal.into());
            }
            Ok(voucher(owner, &verified))
        }
        Token::Claimed(claimed) => {
            trail.enter(Some(&claimed.owner.provider.name));
            trail.claimed(claimed.jws.header().kid.as_ref(), &claimed.claims);
            verify(desk, claimed, &mut trail.steps)
        }
    }
}

fn voucher<'c>(owner: Owner<'c>, verified: &Verified) -> Voucher<'c> {
    Voucher {
        id: owner.id,
        provider: owner.provider,
        asks: Some(&owner.jwt.requirements),
        own: Own::default(),
        known: Rc::clone(&verified.known),
        login: None,
    }
}

/// A token that this worker has verified, if the key that verified it is still in use.
fn recall<'c>(
    desk: &mut Desk<'_, 'c>,
    members: &[ProviderId],
    presented: &Presented<'_>,
    trace: &mut Trace,
) -> Option<(Owner<'c>, Rc<Verified>)> {
    let (config, random) = (desk.config, desk.env.random);
    let whose = Cell::new(None);
    let found = desk.verified.find(&presented.token, random, |verified| {
        whose.set(owner(config, members, &verified.said.claims).ok().flatten());
        whose.get().is_some_and(|owner| owner.id == verified.provider)
            && presented.spot.readers().contains(&verified.provider)
    })?;
    let owner = whose.get()?;
    let said = &found.said;
    let By::Key { thumbprint, seen_in } = &found.by else { return None };
    let in_use = match keys(owner.jwt, &said.claims)? {
        Keys::Inline(_) => true,
        Keys::Ring(id) => desk.outside.rings.get(id.0).zip(said.alg).is_some_and(|(ring, alg)| {
            let wanted = wanted(said.kid.as_ref(), alg, &said.claims);
            ring.still_has(thumbprint, wanted, seen_in, desk.env.now)
        }),
    };
    if !in_use {
        desk.verified.forget(&found, random);
        narrate::outlived(trace);
        return None;
    }
    trace.enter(Some(&owner.provider.name));
    narrate::recalled(said, trace);
    desk.counts.recalled.raise();
    Some((owner, found))
}

/// Algorithm → key → signature → claims.
fn verify<'c>(
    desk: &mut Desk<'_, 'c>,
    token: Claimed<'c, '_>,
    trace: &mut Trace,
) -> Result<Voucher<'c>, Stop> {
    let header = token.jws.header();
    let Owner { id, provider, jwt } = token.owner;
    let allowed = |alg: &Alg| jwt.algorithms.contains(*alg);
    let Some(alg) = Alg::parse(&header.alg).filter(allowed) else {
        return Err(reason::algorithm(&header.alg, jwt).into());
    };
    narrate::algorithm(alg, jwt, trace);
    let kid = header.kid.as_ref();
    let wanted = wanted(kid, alg, &token.claims);
    let keys = keys(jwt, &token.claims);
    let Checked { key, set } = check(desk, keys, &token.jws, wanted, trace)?;
    let typ = header.typ.as_deref();
    let who = token.claims.judge(typ, &jwt.requirements, desk.env.now, trace)?;
    let session = desk.sessions.id(&provider.name, who.issuer.as_deref(), &who.identity);
    let said = Rc::new(Said {
        token: token.token.into(),
        alg: Some(alg),
        kid: kid.cloned(),
        payload: token.jws.payload_base64().into(),
        handed_on: None,
        claims: token.claims,
        digest: OnceCell::new(),
        twin: OnceCell::new(),
    });
    let verified = Rc::new(Verified {
        provider: id,
        by: By::Key { thumbprint: key, seen_in: Cell::new(set) },
        known: Rc::new(Known::new(who, Some(Rc::clone(&said)), session)),
        said,
    });
    desk.verified.insert(&verified, desk.env.random);
    Ok(voucher(token.owner, &verified))
}

/// Checks a signature.
pub(in crate::engine) fn check(
    desk: &mut Desk<'_, '_>,
    keys: Option<Keys<'_>>,
    jws: &Jws<'_>,
    wanted: Wanted<'_>,
    trace: &mut Trace,
) -> Result<Checked, Stop> {
    match keys {
        Some(Keys::Inline(set)) => Ok(check_with_set(desk, set, jws, wanted, trace)?),
        Some(Keys::Ring(id)) => check_with_ring(desk, id, jws, wanted, trace),
        None => Err(Refusal::new(Deny::Internal, "an issuer without keys").into()),
    }
}

/// Checks a signature with the keys of the configuration.
fn check_with_set(
    desk: &mut Desk<'_, '_>,
    set: &KeySet,
    jws: &Jws<'_>,
    wanted: Wanted<'_>,
    trace: &mut Trace,
) -> Result<Checked, Refusal> {
    let now = desk.env.now;
    trace.looks_at(Step::Key, || keyring::describe(None, Some(set), now));
    let refuse = |deny| Err(no_key(deny, wanted, None, Some(set), now));
    match keys::candidates(set, wanted) {
        Some(keys) if !keys.is_empty() => {
            let by = (desk.env, desk.counts, &mut *desk.failures);
            let key = check_signature(by, jws, &keys, wanted, trace)?;
            Ok(Checked { key, set: set.version() })
        }
        Some(_) => refuse(Deny::TokenKeyMismatch),
        None => refuse(Deny::TokenKeyUnknown),
    }
}

/// Checks a signature with a ring's keys, which may have to be fetched first.
fn check_with_ring(
    desk: &mut Desk<'_, '_>,
    id: RingId,
    jws: &Jws<'_>,
    wanted: Wanted<'_>,
    trace: &mut Trace,
) -> Result<Checked, Stop> {
    let (env, patience) = (desk.env, desk.patience);
    let Some(ring) = desk.outside.rings.get_mut(id.0) else {
        return Err(Refusal::new(Deny::Internal, "a provider of no key ring").into());
    };
    if patience != Patience::Fresh {
        narrate::waited(desk.waited, trace);
    }
    if trace.is_on() {
        ring.catch_up(wanted, env);
        trace.looks_at(Step::Key, || keyring::describe(Some(ring), ring.set(), env.now));
    }
    let fetch = desk.memo.rings.iter().find(|(of, _)| *of == id).map(|(_, fetch)| *fetch);
    let wait = Wait { is_left: patience.is_left(), is_used: patience.is_used(), fetch };
    let (deny, retry_after) = match ring.lookup(wanted, wait, env) {
        Lookup::Found { keys, version } => {
            let by = (env, desk.counts, &mut *desk.failures);
            let key = check_signature(by, jws, &keys, wanted, trace);
            return match key {
                Ok(key) => Ok(Checked { key, set: version }),
                Err(unchecked) if unchecked.deny == Deny::VerifyBudget => Err(unchecked.into()),
                Err(forged) => {
                    ring.suspect(env.now);
                    let keys = keyring::describe(Some(ring), ring.set(), env.now);
                    let reason = format!("{}; {keys}", forged.reason);
                    Err(forged.with_reason(reason).into())
                }
            };
        }
        Lookup::MayArrive => {
            if fetch.is_none() {
                desk.memo.rings.push((id, ring.next_fetch(env.now)));
            }
            return Err(Awaited::Ring(id).into());
        }
        Lookup::Mismatch => (Deny::TokenKeyMismatch, None),
        Lookup::Unknown => (Deny::TokenKeyUnknown, None),
        Lookup::Stale(wait) => (Deny::KeysStale, Some(wait)),
        Lookup::Unavailable(wait) => {
            let is_crowded = patience == Patience::Crowded;
            let deny = if is_crowded { Deny::Overloaded } else { Deny::KeysUnavailable };
            (deny, Some(wait))
        }
    };
    let refusal = no_key(deny, wanted, Some(ring), ring.set(), env.now);
    Err(refusal.with_retry_after(retry_after).into())
}

/// Which of an API's `members` a token belongs to, by its unverified issuer: the one that names this
/// issuer, else the one that takes any. No two members name the same, and at most one takes any.
fn owner<'c>(
    config: &'c Config,
    members: &[ProviderId],
    claims: &Claims,
) -> Result<Option<Owner<'c>>, WrongType> {
    let issuer = match claims.issuer() {
        Issuer::WrongType => return Err(WrongType),
        Issuer::Is(issuer) => Some(issuer),
        Issuer::Absent => None,
    };
    let mut takes_any = None;
    for &id in members {
        let provider = config.provider(id);
        let Some((provider, jwt)) = provider.and_then(|one| Some((one, one.jwt()?))) else {
            continue;
        };
        let owner = Owner { id, provider, jwt };
        match &jwt.requirements.issuers {
            None => takes_any = Some(owner),
            Some(all) if all.iter().any(|one| Some(&**one) == issuer) => return Ok(Some(owner)),
            Some(_) => {}
        }
    }
    Ok(takes_any)
}

/// The claim `iss` is no string.
#[derive(Debug, Eq, PartialEq)]
struct WrongType;

impl From<WrongType> for Refusal {
    fn from(_: WrongType) -> Self {
        Self::new(Deny::TokenClaimMalformed, "the claim `iss` is no string")
            .with_remedy("have the provider write `iss` as a string (RFC 7519)")
    }
}

/// Judges the times of a token that was verified before. For a trace, all claims are judged again, so
/// that it has every step.
fn judge_known(
    verified: &Verified,
    asks: &Requirements,
    now: UnixMillis,
    trace: &mut Trace,
) -> Result<(), Refusal> {
    let said = &verified.said;
    if !trace.is_on() {
        return said.claims.judge_times(asks, now);
    }
    let jws = Jws::parse(&said.token)?;
    let typ = jws.header().typ.as_deref();
    said.claims.judge(typ, asks, now, trace).map(|_| ())
}

/// The keys for a token of this provider.
pub(in crate::engine) fn keys<'p>(config: &'p JwtProvider, claims: &Claims) -> Option<Keys<'p>> {
    match claims.issuer() {
        Issuer::Is(issuer) => config.keys.of(Some(issuer)),
        Issuer::Absent | Issuer::WrongType => config.keys.of(None),
    }
}

pub(in crate::engine) fn wanted<'w>(
    kid: Option<&'w Kid>,
    alg: Alg,
    claims: &'w Claims,
) -> Wanted<'w> {
    let issuer = match claims.issuer() {
        Issuer::Is(issuer) => Some(issuer),
        Issuer::Absent | Issuer::WrongType => None,
    };
    Wanted { kid, alg, issuer, tenant: claims.text("tid") }
}
