//! From a token to a voucher by asking its provider: whose it is, what the provider says, what that is
//! worth.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::jwt;
use crate::claims::{ClaimRef, Claims, Issuer};
use crate::engine::credential::Presented;
use crate::engine::desk::{Desk, Unanswered};
use crate::engine::outside::Outside;
use crate::engine::outside::introspections::{Unresolved, last};
use crate::engine::parked::Share;
use crate::engine::stop::{Awaited, Stop};
use crate::engine::trail::Trail;
use crate::engine::verified::{By, Verified};
use crate::engine::voucher::{Known as Credential, Own, Said, Voucher};
use crate::engine::words::{asking, narrate};
use crate::http::RequestHead;
use crate::ids::ProviderId;
use crate::introspection::{Kept, Known, answer};
use crate::jose::alg::Alg;
use crate::jose::jws::{Jws, MAX_TOKEN_BYTES, is_jws};
use crate::provider::Provider;
use crate::provider::introspection::{Endpoint, Introspection};
use crate::provider::jwt::Keys;
use crate::time::UnixMillis;
use crate::verdict::{Deny, Refusal, Step};

/// Longest opaque token that is asked about, in bytes.
const MAX_OPAQUE: usize = 4096;

/// A token that its provider is asked about.
pub(super) struct Token<'c, 't> {
    owner: Owner<'c>,
    token: &'t str,
    /// It, where this worker knows that it is good.
    known: Option<Rc<Verified>>,
}

/// Whose a token is.
#[derive(Clone, Copy)]
struct Owner<'c> {
    id: ProviderId,
    provider: &'c Provider,
    asked: &'c Introspection,
}

/// Whose a credential is, at a place that such a provider reads.
pub(super) enum Whose<'c, 't> {
    /// A provider's that is asked about it.
    Asked(Token<'c, 't>),
    /// Nobody's who would ask about it: it is to be a JWT of an issuer whose tokens are taken.
    Jwt,
}

/// Finds out whose a credential is, by its form and, where it is a JWT, by its issuer. Nothing is asked.
pub(super) fn take<'c, 't>(
    desk: &mut Desk<'_, 'c>,
    presented: &'t Presented<'_>,
    trail: &mut Trail,
) -> Result<Whose<'c, 't>, Refusal> {
    let config = desk.config;
    let readers = || presented.spot.readers().iter().copied();
    let owner = |id: ProviderId| {
        let provider = config.provider(id)?;
        Some(Owner { id, provider, asked: provider.introspection()? })
    };
    let token = presented.token.as_ref();
    let (now, random) = (desk.env.now, desk.env.random);
    let is_good = |found: &Verified| {
        matches!(found.by, By::Answer(until) if now < until)
            && readers().any(|id| id == found.provider)
    };
    if let Some(known) = desk.verified.find(token, random, is_good)
        && let Some(owner) = owner(known.provider)
        && let Ok(token) = std::str::from_utf8(token)
    {
        return Ok(Whose::Asked(Token { owner, token, known: Some(known) }));
    }
    let is_jwt = is_jws(token);
    let takes = |one: &Owner<'_>| match is_jwt {
        true => one.asked.takes_jwts && is_issued(token, one.asked),
        false => one.asked.takes_opaque,
    };
    let Some(owner) = readers().filter_map(owner).find(takes) else {
        let takes_jwts = |one: &Provider| one.introspection().is_none_or(|asked| asked.takes_jwts);
        if !is_jwt || readers().any(|id| config.provider(id).is_some_and(takes_jwts)) {
            return Ok(Whose::Jwt);
        }
        trail.enter(presented.spot.first_reader(config).map(|provider| &provider.name));
        let reason = "the token is a JWT, and opaque tokens alone are asked about";
        return Err(Refusal::new(Deny::TokenMalformed, reason));
    };
    trail.enter(Some(&owner.provider.name));
    let most = if is_jwt { MAX_TOKEN_BYTES } else { MAX_OPAQUE };
    if token.len() > most {
        let reason = format!("the token has {} bytes; at most {most} are asked about", token.len());
        return Err(Refusal::new(Deny::TokenTooLarge, reason));
    }
    let Some(token) = token68(token) else {
        let reason = "the token has other characters than a credential may have (RFC 9110 §11.2)";
        return Err(Refusal::new(Deny::TokenMalformed, reason));
    };
    narrate::asked_about(&owner.provider.name, token.len(), &mut trail.steps);
    Ok(Whose::Asked(Token { owner, token, known: None }))
}

/// A credential as `token68` (RFC 9110 §11.2); `None` where it is none.
fn token68(token: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(token).ok()?;
    let bare = text.trim_end_matches('=');
    let is_one = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    (!bare.is_empty() && bare.bytes().all(is_one)).then_some(text)
}

/// Whether a JWT says that it is from an issuer of this provider: exactly one, and unverified.
fn is_issued(token: &[u8], asked: &Introspection) -> bool {
    let Ok(jws) = Jws::parse(token) else { return false };
    let Ok(claims) = Claims::parse(jws.payload()) else { return false };
    let Issuer::Is(issuer) = claims.issuer() else { return false };
    asked.requirements.issuers.iter().flatten().any(|one| **one == *issuer)
}

/// Judges a token: by what is known of it, or by asking.
pub(super) fn judge<'c>(
    desk: &mut Desk<'_, 'c>,
    token: &Token<'c, '_>,
    head: &RequestHead,
    trail: &mut Trail,
) -> Result<Voucher<'c>, Stop> {
    let owner = token.owner;
    trail.enter(Some(&owner.provider.name));
    if let Some(known) = &token.known {
        desk.counts.answered(owner.id);
        let said = &known.said;
        narrate::introspected("it is active", Duration::ZERO, &mut trail.steps);
        judge_again(desk, said, owner, trail)?;
        return Ok(voucher(owner, known));
    }
    let id = owner.asked.id(token.token.as_bytes());
    let kept = ask(desk, token, &id, head, trail)?;
    let age = desk.env.now.since(kept.came_at);
    let Answered { claims, payload, handed_on } = read(desk, owner, &kept, trail)?;
    if claims.flag("active") != Some(true) {
        let reason = format!(
            "the provider says that the token is not active; its answer is {} old",
            crate::time::roughly(age)
        );
        return Err(Refusal::new(Deny::TokenInactive, reason).into());
    }
    narrate::introspected("it is active", age, &mut trail.steps);
    trail.claimed(None, &claims);
    let identity = || claims.claimed_identity(&owner.asked.requirements).map(Arc::from);
    trail.shows(&owner.provider.name, identity, None);
    let asks = &owner.asked.requirements;
    let who = claims.judge(None, asks, desk.env.now, &mut trail.steps)?;
    let session = desk.sessions.id(&owner.provider.name, who.issuer.as_deref(), &who.identity);
    let said = Rc::new(Said {
        token: token.token.as_bytes().into(),
        alg: None,
        kid: None,
        claims,
        payload,
        handed_on,
        digest: OnceCell::new(),
        twin: OnceCell::new(),
    });
    let verified = Rc::new(Verified {
        provider: owner.id,
        by: By::Answer(kept.until),
        known: Rc::new(Credential::new(who, Some(Rc::clone(&said)), session)),
        said,
    });
    if desk.env.now < kept.until {
        desk.verified.insert(&verified, desk.env.random);
    }
    Ok(voucher(owner, &verified))
}

/// Judges the times of a token again. For a trace, all claims are judged again, so that it has every
/// step.
fn judge_again(
    desk: &Desk<'_, '_>,
    said: &Said,
    owner: Owner<'_>,
    trail: &mut Trail,
) -> Result<(), Refusal> {
    let (asks, now) = (&owner.asked.requirements, desk.env.now);
    if trail.steps.is_on() {
        said.claims.judge(None, asks, now, &mut trail.steps).map(|_| ())
    } else {
        said.claims.judge_times(asks, now)
    }
}

fn voucher<'c>(owner: Owner<'c>, verified: &Verified) -> Voucher<'c> {
    Voucher {
        id: owner.id,
        provider: owner.provider,
        asks: Some(&owner.asked.requirements),
        own: Own::default(),
        known: Rc::clone(&verified.known),
        login: None,
    }
}

/// What the provider says of a token. Where nobody knows, one worker asks, and all who want to know
/// wait.
fn ask<'c>(
    desk: &mut Desk<'_, 'c>,
    token: &Token<'c, '_>,
    id: &[u8; 32],
    head: &RequestHead,
    trail: &mut Trail,
) -> Result<Kept, Stop> {
    let Owner { id: provider, asked, .. } = token.owner;
    let env = desk.env;
    let since = env.now.before(desk.waited);
    let room = desk.may_wait_in(head, Share::Introspection);
    let endpoint = endpoint(desk, token.owner, head);
    let Some(one) = desk.outside.introspections.of_mut(provider) else {
        return Err(Refusal::new(Deny::Internal, "a provider that nobody asks").into());
    };
    let can_wait = room.is_ok();
    let has_endpoint = endpoint.is_ok();
    let allowed = (one.may_ask(true, env.now), one.may_ask(false, env.now));
    let may_ask = |was_active: bool| {
        has_endpoint && can_wait && if was_active { allowed.0 } else { allowed.1 }
    };
    let known = one.answers.look(id, since, &may_ask, env);
    let lease = match &known {
        Known::Ask(lease) | Known::Serves(_, Some(lease)) => Some(*lease),
        _ => None,
    };
    if let Some(lease) = lease {
        let with = (&mut desk.outside.calls, env);
        one.begin((provider, asked), (lease, token.token), with);
    }
    let waits = |trail: &mut Trail| {
        narrate::being_asked(desk.waited, &mut trail.steps);
        Stop::from(Awaited::Introspected(provider, *id))
    };
    match known {
        Known::Is(kept) => {
            if kept.came_at < since {
                desk.counts.answered(provider);
            }
            Ok(kept)
        }
        Known::Serves(kept, _) => {
            desk.counts.answered(provider);
            let found = || "the provider cannot be asked, and its last answer serves".to_owned();
            trail.steps.skipped(Step::Introspection, "`on_outage`", found);
            Ok(kept)
        }
        Known::Failed => Err(unavailable(desk, token.owner, None).into()),
        Known::Ask(_) | Known::Asked if can_wait => Err(waits(trail)),
        Known::Ask(_) | Known::Asked => match room {
            Err(Unanswered::Overdue) => Err(unavailable(desk, token.owner, None).into()),
            _ => Err(crowded("too many requests wait for what providers say of tokens").into()),
        },
        Known::Unasked => match (endpoint, room) {
            (_, Err(Unanswered::Overdue)) => Err(unavailable(desk, token.owner, None).into()),
            (Err(Unresolved::Pending(id)), _) => Err(Awaited::Asked(id).into()),
            (Err(Unresolved::Wrong(why)), _) => Err(unavailable(desk, token.owner, Some(why)).into()),
            (Ok(()), Err(_)) => {
                Err(crowded("too many requests wait for what providers say of tokens").into())
            }
            (Ok(()), Ok(())) => Err(crowded(
                "this worker has asked about as many new tokens as it may (`per_second`, and 32 at once)",
            )
            .into()),
        },
    }
}

fn crowded(reason: &'static str) -> Refusal {
    Refusal::new(Deny::Overloaded, reason).with_retry_after(Some(Duration::from_secs(1)))
}

/// The provider could not be asked.
fn unavailable(desk: &Desk<'_, '_>, owner: Owner<'_>, why: Option<&'static str>) -> Refusal {
    let name = &owner.provider.name;
    let now = desk.env.now;
    let last = last(name, desk.env);
    let failed = last.as_ref().filter(|last| last.failed.is_some());
    let reason = match (why, failed) {
        (Some(why), _) => {
            format!(
                "provider `{name}` could not be asked about the token; its discovery document: {why}"
            )
        }
        (None, Some(last)) => format!(
            "provider `{name}` could not be asked about the token; the last attempt, at {}, brought {}",
            last.at.in_words(now),
            last.found
        ),
        (None, None) => {
            format!("provider `{name}` did not say in time whether the token is active")
        }
    };
    let wait = desk.outside.introspections.of(owner.id).and_then(|one| one.retry_after(now));
    let wait = wait.unwrap_or(Duration::from_secs(1));
    let mut refusal =
        Refusal::new(Deny::IntrospectionUnavailable, reason).with_retry_after(Some(wait));
    refusal.remedy = failed.and_then(|last| last.failed).map(|kind| asking::remedy(kind).into());
    refusal
}

/// Finds out where a provider is asked, where its document says so.
fn endpoint(
    desk: &mut Desk<'_, '_>,
    owner: Owner<'_>,
    head: &RequestHead,
) -> Result<(), Unresolved> {
    if matches!(owner.asked.endpoint, Endpoint::Url(_)) {
        return Ok(());
    }
    let may_ask = desk.may_wait(head).is_ok();
    let Outside { introspections, asks, calls, .. } = &mut *desk.outside;
    match introspections.of_mut(owner.id) {
        Some(one) => one.resolve(owner.asked, (asks, calls), may_ask, desk.env),
        None => Ok(()),
    }
}

/// An answer that can be relied upon.
struct Answered {
    claims: Claims,
    /// Its members, base64url.
    payload: Box<str>,
    /// What goes upstream in their place.
    handed_on: Option<Box<str>>,
}

/// Reads an answer; a signed one is verified, with the keys of the configuration.
fn read(
    desk: &mut Desk<'_, '_>,
    owner: Owner<'_>,
    kept: &Kept,
    trail: &mut Trail,
) -> Result<Answered, Stop> {
    let asked = owner.asked;
    if !kept.is_active && asked.signed.is_none() {
        // All that it says.
        let claims = Claims::parse(b"{\"active\":false}")?;
        return Ok(Answered { claims, payload: Box::default(), handed_on: None });
    }
    let answer: &[u8] = &kept.answer;
    let unusable = |why: &str| {
        let name = &owner.provider.name;
        let reason = format!("what provider `{name}` answered cannot be relied upon: {why}");
        Refusal::new(Deny::IntrospectionUnavailable, reason)
    };
    let members =
        answer::members(answer, asked.signed.is_some()).map_err(|why| unusable(why.words()))?;
    let mut handed_on = None;
    if asked.signed.is_some() {
        let answer = answer.trim_ascii();
        verify(desk, owner, answer, kept.came_at, trail).map_err(|stop| match stop {
            Stop::Refuse(why) => {
                Stop::Refuse(unusable(&why.reason).with_retry_after(why.retry_after))
            }
            stop => stop,
        })?;
        if asked.hands_on_signed {
            handed_on = std::str::from_utf8(answer).ok().map(Box::from);
        }
    }
    let claims = Claims::parse(&members).map_err(|why| unusable(&why.reason))?;
    Ok(Answered { claims, payload: URL_SAFE_NO_PAD.encode(&members).into(), handed_on })
}

/// Verifies a signed answer (RFC 9701 §5): its signature, who made it, for whom, and when.
fn verify(
    desk: &mut Desk<'_, '_>,
    owner: Owner<'_>,
    answer: &[u8],
    came_at: UnixMillis,
    trail: &mut Trail,
) -> Result<(), Stop> {
    let asked = owner.asked;
    let Some((keys, algorithms)) = &asked.signed else { return Ok(()) };
    let refuse = |why: &'static str| Err(Refusal::new(Deny::IntrospectionUnavailable, why).into());
    let jws = Jws::parse(answer)?;
    let header = jws.header();
    let Some(alg) = Alg::parse(&header.alg).filter(|alg| algorithms.contains(*alg)) else {
        return refuse("its algorithm is none of the provider's");
    };
    let claims = Claims::parse(jws.payload())?;
    let issuer = match claims.issuer() {
        Issuer::Is(issuer) => Some(issuer),
        Issuer::Absent | Issuer::WrongType => None,
    };
    let issuers = asked.requirements.issuers.iter().flatten();
    if !issuers.into_iter().any(|one| Some(&**one) == issuer) {
        return refuse("its `iss` is not the provider's");
    }
    let wanted = jwt::wanted(header.kid.as_ref(), alg, &claims);
    let keys: Option<Keys<'_>> = keys.of(issuer);
    jwt::check(desk, keys, &jws, wanted, &mut trail.steps)?;
    let audience = ClaimRef::Name("aud".into());
    if !claims.texts(&audience).unwrap_or_default().contains(&&*asked.client.id) {
        return refuse("its `aud` is not the client");
    }
    let skew = asked.requirements.clock_skew;
    let is_timely = |at: UnixMillis| at <= came_at.after(skew) && came_at <= at.after(skew);
    if !claims.issued().is_some_and(is_timely) {
        return refuse("its `iat` is not the time at which it came: is one of the clocks wrong?");
    }
    Ok(())
}
