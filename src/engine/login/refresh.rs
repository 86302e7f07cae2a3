//! The provider is asked again about a session (RFC 6749 §6, OpenID Connect Core §12): a blocked person and
//! another group are noticed, and the session gets its next generation of cookies.
//!
//! Nothing is ever cleared here: what fails leaves the session as it was.

use std::sync::Arc;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::asking::{endpoints, post};
use super::kit::{At, Mark};
use super::replies::{unavailable, unsigned};
use super::{callback, cookies, revocation, tokens};
use crate::claims::{Claims, Judged};
use crate::engine::desk::Desk;
use crate::engine::outside::calls::Owner;
use crate::engine::outside::refreshes::Flight;
use crate::engine::request::{MAX_WAIT, Patience};
use crate::engine::stop::{Awaited, Stop};
use crate::engine::trail::Trail;
use crate::engine::words::remedy;
use crate::env::Env;
use crate::event::{CallResponse, Effect, Record, metric};
use crate::http::{RequestHead, add_to_form};
use crate::ids::ProviderId;
use crate::login::answer::{self, Failed};
use crate::login::lease::{self, Asked, Cookies, Known, Lease, record_id};
use crate::login::session::{Kept, Session, SessionId, Stage};
use crate::provider::login::Cookie;
use crate::seal::Purpose;
use crate::time::UnixMillis;
use crate::verdict::{Deny, Refusal};

/// How many generations of a session one request follows.
pub(in crate::engine) const MOST_RENEWALS: u8 = 16;

/// What becomes of a session that is due.
pub(in crate::engine) enum Renewed {
    /// It serves as it is.
    Not,
    /// These cookies take its place.
    By(Cookies),
    /// It cannot be used, and why.
    Useless(Refusal),
}

/// Renews a session that is due. Where another request or worker does so, a session that is past waits for
/// it, and any other serves as it is.
///
/// # Errors
///
/// A wait.
pub(in crate::engine) fn renew(
    desk: &mut Desk<'_, '_>,
    at: At<'_>,
    (session, stage, used): (&Session, Stage, UnixMillis),
    head: &RequestHead,
) -> Result<Renewed, Stop> {
    let env = desk.env;
    let must = matches!(stage, Stage::Past | Stage::PastGrace);
    let is_navigation = head.is_navigation();
    let wants = must || stage == Stage::DueForAll || is_navigation;
    let token = match wants {
        true => {
            let renewed = desk.memo.renewed(at.id).map(|all| &**all);
            cookies::token((at, Cookie::Refresh), session, head, renewed)
        }
        false => None,
    };
    let endpoints = token.as_ref().map(|_| endpoints(at, desk, head));
    let may_wait = desk.may_wait(head).is_ok();
    let is_ready = may_wait && matches!(endpoints, Some(Ok(_)));
    let (id, mut lost) = (record_id(session.id), None);
    let known = loop {
        let Some(one) = desk.outside.refreshes.of_mut(at.id) else { return Ok(Renewed::Not) };
        let may_ask = is_ready && one.has_room();
        match (one.leases.look(&id, may_ask, lost, env), lost) {
            (Known::Came(slot), None) => match opened(at, session.id, slot, env) {
                Some(cookies) => return Ok(Renewed::By(cookies)),
                None => lost = Some(slot),
            },
            (known, _) => break known,
        }
    };
    let useless = |deny, why: &'static str| Ok(Renewed::Useless(Refusal::new(deny, why)));
    let waits = || Err(Awaited::Refreshed(at.id, id).into());
    let retry_after = match (known, token, endpoints) {
        (Known::Here(cookies), ..) => return Ok(Renewed::By(cookies)),
        (Known::Ended, ..) => {
            return useless(Deny::LoginEnded, "the provider's tokens were another person's");
        }
        (Known::Refused, ..) if must => {
            return useless(Deny::LoginEnded, "the provider has not renewed the session");
        }
        (Known::Asked, ..) if must && may_wait => return waits(),
        (Known::Ask(lease), Some(token), Some(Ok(endpoints))) => {
            let flight = Flight {
                lease,
                session: session.clone(),
                token,
                used: if is_navigation { env.now } else { used },
                origin: at.origin.as_str().into(),
                url: endpoints.token.clone(),
                userinfo: endpoints.userinfo.clone().filter(|_| at.login.userinfo),
                keeps_hint: endpoints.end_session.is_some(),
                revocation: revocation::endpoint(at, &endpoints).cloned(),
                secret: 0,
                tries: 0,
                came: None,
                judged: None,
                rings: Vec::new(),
            };
            if let Err(lease) = ask(desk, at, flight)
                && let Some(one) = desk.outside.refreshes.of_mut(at.id)
            {
                one.leases.done(&lease, Asked::Failed, env);
            }
            return waits();
        }
        (Known::Unasked, None, _) if wants => {
            desk.counts.unrefreshed(at.id);
            if must {
                let why =
                    "the session is to be renewed, and its refresh token is not there or another's";
                return useless(Deny::LoginExpired, why);
            }
            None
        }
        (Known::Unasked, _, Some(Err(Stop::Wait(awaited)))) if must => {
            return Err(Stop::Wait(awaited));
        }
        (Known::Failed(until), ..) => Some(until.since(env.now)),
        _ => None,
    };
    if stage != Stage::PastGrace {
        return Ok(Renewed::Not);
    }
    let refusal = unavailable("the session is to be renewed, and the provider cannot be asked");
    let retry_after = retry_after.or(refusal.retry_after);
    Ok(Renewed::Useless(refusal.with_retry_after(retry_after)))
}

/// The cookies that refreshes have brought since those that a browser shows; nothing where they are the
/// newest that are known.
pub(super) fn newest(desk: &mut Desk<'_, '_>, at: At<'_>, head: &RequestHead) -> Option<Cookies> {
    let env = desk.env;
    let mut newest: Option<Cookies> = None;
    for _ in 0..MOST_RENEWALS {
        let Some(shown) = cookies::authentic(at, head, newest.as_deref(), env.now) else { break };
        let Some(one) = desk.outside.refreshes.of_mut(at.id) else { break };
        let next = match one.leases.look(&record_id(shown.id), false, None, env) {
            Known::Here(cookies) => Some(cookies),
            Known::Came(slot) => opened(at, shown.id, slot, env),
            _ => None,
        };
        match next {
            Some(next) => newest = Some(next),
            None => break,
        }
    }
    newest
}

/// What a refresh brought for whoever shows this generation.
fn opened(at: At<'_>, of: SessionId, slot: u32, env: &Env<'_>) -> Option<Cookies> {
    let generation = of.generation.to_le_bytes();
    let sealed = lease::kept(slot, env)?;
    let context = context(at, &of.id, &generation);
    let opened = at.kit.keys.open_bytes(Purpose::Published, &context, sealed).ok()?;
    let text = std::str::from_utf8(&opened).ok()?;
    Some(text.split('\n').map(str::to_owned).collect())
}

/// For whom it is sealed.
fn context<'v>(at: At<'v>, id: &'v [u8; 16], generation: &'v [u8; 4]) -> Vec<&'v [u8]> {
    let mut all = at.context(Cookie::Session);
    all.extend([&id[..], &generation[..]]);
    all
}

/// Asks the token endpoint; gives the lease back where the client cannot show who it is.
fn ask(desk: &mut Desk<'_, '_>, at: At<'_>, flight: Flight) -> Result<(), Lease> {
    let mut form = Zeroizing::new(String::new());
    add_to_form("grant_type", "refresh_token", &mut form);
    add_to_form("refresh_token", flight.token.reveal(), &mut form);
    let shown = at.login.client.show(flight.secret, &mut form, desk.env);
    let Ok(authorization) = shown else { return Err(flight.lease) };
    let request = post(at, (&flight.url, answer::MOST_BYTES), &form, authorization);
    let outside = &mut *desk.outside;
    outside.calls.make(Owner::Refresh(at.id, flight.lease.holder), request);
    if let Some(one) = outside.refreshes.of_mut(at.id) {
        one.put(flight);
    }
    Ok(())
}

/// The same, once more.
fn again(desk: &mut Desk<'_, '_>, at: At<'_>, flight: Flight, effects: &mut Vec<Effect>) {
    hold(desk, at, &flight);
    if let Err(lease) = ask(desk, at, flight) {
        end(desk, at, (&lease, Asked::Failed), &unsigned(), effects);
    }
}

/// Begins the lease anew.
fn hold(desk: &mut Desk<'_, '_>, at: At<'_>, flight: &Flight) {
    let env = desk.env;
    if let Some(one) = desk.outside.refreshes.of_mut(at.id) {
        one.leases.renew(&flight.lease, env);
    }
}

/// Ends a call with what it brought.
pub(in crate::engine) fn done(
    desk: &mut Desk<'_, '_>,
    (id, holder): (ProviderId, u64),
    response: Option<CallResponse>,
    effects: &mut Vec<Effect>,
) {
    let Some((at, mut flight)) = taken(desk, id, holder) else { return };
    if flight.judged.is_some() {
        return informed(desk, at, flight, response, effects);
    }
    let status = response.as_ref().map_or(0, |response| response.status);
    if flight.tries == 0 && matches!(status, 0 | 502..=504) {
        flight.tries = 1;
        return again(desk, at, flight, effects);
    }
    let read = match &response {
        Some(response) => answer::read(status, response.body_size, &response.body),
        None => Err(Failed::Unavailable(0)),
    };
    let next = flight.secret.saturating_add(1);
    match read {
        Ok(tokens) => {
            flight.came = Some((tokens, desk.env.now));
            judge(desk, at, flight, effects);
        }
        Err(Failed::Client) if next < at.login.client.secrets() => {
            (flight.secret, flight.tries) = (next, 0);
            again(desk, at, flight, effects);
        }
        Err(failed) => {
            let is_final = failed.asks_for_a_login();
            let mut refusal = tokens::refused_by_provider(failed);
            let asked = if is_final {
                let reason = [
                    &*refusal.reason,
                    "; the session lasts as long as it was to last without being renewed",
                ];
                refusal = Refusal::new(Deny::LoginEnded, reason.concat());
                Asked::Refused(flight.session.end(&at.kit.terms))
            } else {
                Asked::Failed
            };
            end(desk, at, (&flight.lease, asked), &refusal, effects);
        }
    }
}

/// Judges once more the tokens of a session, which waited for keys.
pub(in crate::engine) fn judge_again(
    desk: &mut Desk<'_, '_>,
    (id, holder): (ProviderId, u64),
    effects: &mut Vec<Effect>,
) {
    if let Some((at, flight)) = taken(desk, id, holder) {
        judge(desk, at, flight, effects);
    }
}

fn taken<'c>(desk: &mut Desk<'_, 'c>, id: ProviderId, holder: u64) -> Option<(At<'c>, Flight)> {
    let flight = desk.outside.refreshes.of_mut(id)?.take(holder)?;
    Some((desk.logins.on(id, desk.config, &flight.origin)?, flight))
}

/// Judges the tokens that came.
fn judge(desk: &mut Desk<'_, '_>, at: At<'_>, mut flight: Flight, effects: &mut Vec<Effect>) {
    let Some((tokens, came_at)) = &flight.came else { return };
    desk.memo.rings = std::mem::take(&mut flight.rings);
    let of = (tokens, flight.session.attempt, Some(&flight.session));
    let judged = tokens::judged(desk, at, of, None, &mut Trail::default());
    let (env, access) = (desk.env, &tokens.access);
    match judged {
        Ok(found) => match &flight.userinfo {
            None => finish(desk, at, flight, found, effects),
            Some(url) => {
                let request = callback::about_user(at, url, access);
                let owner = Owner::Refresh(at.id, flight.lease.holder);
                desk.outside.calls.make(owner, request);
                flight.judged = Some(found);
                hold(desk, at, &flight);
                put_back(desk, at, flight);
            }
        },
        Err(Stop::Refuse(refusal)) => refused(desk, at, &flight, &refusal, effects),
        Err(_) if env.now.since(*came_at) >= MAX_WAIT || *came_at > env.now => {
            let refusal = unavailable("the keys of the provider's tokens did not come");
            end(desk, at, (&flight.lease, Asked::Failed), &refusal, effects);
        }
        Err(_) => {
            flight.rings = std::mem::take(&mut desk.memo.rings);
            if desk.patience == Patience::Fresh {
                hold(desk, at, &flight);
            }
            put_back(desk, at, flight);
        }
    }
}

/// Ends a refresh whose tokens are not to be used.
fn refused(
    desk: &mut Desk<'_, '_>,
    at: At<'_>,
    flight: &Flight,
    refusal: &Refusal,
    effects: &mut Vec<Effect>,
) {
    let until = flight.session.end(&at.kit.terms);
    let asked = match refusal.deny {
        Deny::LoginEnded => {
            at.kit.mark(Mark::Ended, &flight.session.id.id, until, desk.env);
            Asked::Ended(until)
        }
        Deny::LoginRefused => Asked::Refused(until),
        _ => Asked::Failed,
    };
    end(desk, at, (&flight.lease, asked), refusal, effects);
}

fn put_back(desk: &mut Desk<'_, '_>, at: At<'_>, flight: Flight) {
    if let Some(one) = desk.outside.refreshes.of_mut(at.id) {
        one.put(flight);
    }
}

/// Takes what the userinfo endpoint says: what it does not say now stays as it was.
fn informed(
    desk: &mut Desk<'_, '_>,
    at: At<'_>,
    mut flight: Flight,
    response: Option<CallResponse>,
    effects: &mut Vec<Effect>,
) {
    let found = flight.judged.take().flatten();
    let subject = &flight.session.subject;
    let more = response.map(|response| callback::told(&response, Some(subject)));
    match more {
        Some(Err(mut refusal)) if refusal.deny == Deny::LoginTokenInvalid => {
            refusal.deny = Deny::LoginEnded;
            refused(desk, at, &flight, &refusal, effects);
        }
        more => {
            let old = match flight.session.claims().to_value() {
                Value::Object(old) => old,
                _ => Map::new(),
            };
            let more = match more {
                Some(Ok(more)) if found.is_none() => Claims::of(more).with(old).to_value(),
                Some(Ok(more)) => Value::Object(more),
                _ => Value::Object(old),
            };
            let Value::Object(more) = more else { return };
            let (claims, judged) = match found {
                Some((claims, judged)) => (claims.with(more), Some(judged)),
                None => (Claims::of(more), None),
            };
            match tokens::of_both(desk, at, &claims, true, &mut Trail::default()) {
                Ok(of_both) => {
                    let identity = of_both.or(judged.map(|judged| judged.identity));
                    renewed(desk, at, flight, Some((claims, identity)), effects);
                }
                Err(refusal) => refused(desk, at, &flight, &refusal, effects),
            }
        }
    }
}

fn finish(
    desk: &mut Desk<'_, '_>,
    at: At<'_>,
    flight: Flight,
    found: Option<(Claims, Judged)>,
    effects: &mut Vec<Effect>,
) {
    let found = found.map(|(claims, judged)| (claims, Some(judged.identity)));
    renewed(desk, at, flight, found, effects);
}

/// Makes the session's next generation, and keeps its cookies for whoever shows the one before.
fn renewed(
    desk: &mut Desk<'_, '_>,
    at: At<'_>,
    flight: Flight,
    found: Option<(Claims, Option<Arc<str>>)>,
    effects: &mut Vec<Effect>,
) {
    let env = desk.env;
    let Flight { lease, session: old, token, used, keeps_hint, revocation: url, came, .. } = flight;
    let Some((mut tokens, came_at)) = came else { return };
    if at.kit.is_marked(Mark::Ended, &old.id.id, env) {
        // Logged out meanwhile: nobody is to have what came too late.
        if let (Some(token), Some(url)) = (&tokens.refresh, &url) {
            revocation::give_back(desk, at, url, token);
        }
        let refusal =
            Refusal::new(Deny::LoginEnded, "the session was ended before its tokens came");
        let until = old.end(&at.kit.terms);
        return end(desk, at, (&lease, Asked::Refused(until)), &refusal, effects);
    }
    let (of, generation) = (old.id, old.id.generation.to_le_bytes());
    tokens.refresh.get_or_insert(token);
    let mut session = Session {
        id: of.next(),
        renewed: came_at,
        used: used.max(old.used),
        expires_in: tokens.expires_in,
        ..old
    };
    if let Some(scopes) = tokens.scopes.take() {
        session.scopes = scopes;
    }
    if let Some((claims, identity)) = found {
        session.claims = Kept::of(&claims, &at.login.kept);
        if let Some(sid) = claims.text("sid") {
            session.sid = Some(sid.into());
        }
        if let Some(identity) = identity {
            session.identity = (*identity).into();
        }
    }
    let set = match callback::written(at, &session, &tokens, keeps_hint, env) {
        Ok(set) => set,
        Err(refusal) => return end(desk, at, (&lease, Asked::Failed), &refusal, effects),
    };
    let plain = Zeroizing::new(set.join("\n"));
    let context = context(at, &of.id, &generation);
    let sealed =
        at.kit.keys.seal_bytes(Purpose::Published, &context, plain.as_bytes(), env.random).ok();
    let asked = match sealed.and_then(|sealed| lease::keep(&sealed, at.login.slots(), env)) {
        Some(slot) => Asked::Came(slot),
        None => Asked::Here(set.into()),
    };
    if let Some(one) = desk.outside.refreshes.of_mut(at.id) {
        one.leases.done(&lease, asked, env);
    }
    at.count(metric::LoggedIn::Refreshed, effects);
}

/// Ends a refresh that brought no new session: it is counted, and logged once a second.
fn end(
    desk: &mut Desk<'_, '_>,
    at: At<'_>,
    (lease, asked): (&Lease, Asked),
    refusal: &Refusal,
    effects: &mut Vec<Effect>,
) {
    let env = desk.env;
    at.count(metric::LoggedIn::RefreshFailed, effects);
    let Some(one) = desk.outside.refreshes.of_mut(at.id) else { return };
    let is_attack = matches!(asked, Asked::Ended(_));
    one.leases.done(lease, asked, env);
    if !(one.may_log(env.now) || is_attack) {
        return;
    }
    let provider = at.provider.name.clone();
    let trail = Trail { provider: Some(provider.clone()), ..Trail::default() };
    let reason = [refusal.deny.code(), ": ", &refusal.reason].concat();
    let remedy = match is_attack {
        true => {
            "the session was ended: tokens came for it that are another's; it may be an attack, \
                 look at the provider's own log"
                .to_owned()
        }
        false => remedy::fill(refusal, &trail, desk.config),
    };
    let record = Record::LoginRefreshFailed { provider, reason, remedy, is_attack };
    effects.push(Effect::Log(record.into()));
}
