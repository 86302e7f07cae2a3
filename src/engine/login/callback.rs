//! The provider sends the browser back: an attempt is redeemed, once, and a session begins.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::asking::{ask_twice, endpoints, unanswered};
use super::cookies::living;
use super::kit::{At, BROWSER_LASTS, Mark};
use super::replies::{drawn, no_randomness, redirect, unavailable};
use super::{start, tokens};
use crate::claims::{ClaimRef, Claims, Judged};
use crate::engine::desk::Desk;
use crate::engine::parked::Share;
use crate::engine::revocation;
use crate::engine::stop::Stop;
use crate::engine::trail::Trail;
use crate::env::Env;
use crate::event::{CallRequest, CallResponse, Effect, Reply, metric};
use crate::http::{RequestHead, SetCookie, Unwritable, Url, cookies, parameters};
use crate::ids::{AskId, digest};
use crate::json;
use crate::login::answer::{MOST_BYTES, Tokens};
use crate::login::attempt::{Attempt, LASTS, NotThis};
use crate::login::browser::Browser;
use crate::login::part;
use crate::login::return_path::return_path;
use crate::login::session::{Kept, Session, SessionId};
use crate::provider::login::{Cookie, Judge};
use crate::seal::{Purpose, Unopened};
use crate::secret::Secret;
use crate::time::UnixMillis;
use crate::verdict::{Deny, Refusal, quoted};

/// `/callback` (RFC 6749 §4.1.2, RFC 9207).
pub(super) fn answer(
    desk: &mut Desk<'_, '_>,
    at: At<'_>,
    head: &RequestHead,
    trail: &mut Trail,
    effects: &mut Vec<Effect>,
) -> Result<Reply, Stop> {
    let env = desk.env;
    let attempt = opened(at, head)?;
    let present = living(at, head, env);
    let browser = at.browser(head);
    let id = attempt.id();
    if present.as_ref().is_some_and(|session| session.attempt == id) {
        return Ok(back(at, &attempt, Vec::new()));
    }
    let hash = browser.as_ref().map(Browser::hash);
    let not_this = match attempt.judge(env.now, at.skew(), at.origin.as_str(), hash) {
        Err(wrong @ (NotThis::Host | NotThis::Late | NotThis::Ahead)) => {
            return Err(not_redeemed(wrong).into());
        }
        Err(NotThis::OtherBrowser | NotThis::NoBrowser) => Some(Refusal::new(
            Deny::LoginStateForeign,
            match browser {
                Some(_) => "its `state` was made for another browser".to_owned(),
                None => format!("the browser sends no cookie `{}`", at.kit.name(Cookie::Browser)),
            },
        )),
        Ok(()) => {
            let is_spent = !tokens::is_redeeming(desk) && at.kit.is_marked(Mark::Spent, &id, env);
            is_spent.then(|| invalid("its `state` was spent"))
        }
    };
    if let Some(refusal) = not_this {
        if present.is_some() {
            return Ok(back(at, &attempt, Vec::new()));
        }
        if browser.is_none() || attempt.is_second {
            return Err(refusal.into());
        }
        let path = return_path(attempt.return_path.as_bytes(), &at.login.path);
        return start::begin(desk, at, head, (&path, true), effects);
    }
    let endpoints = endpoints(at, desk, head)?;
    let issuer = issuer(at, head, endpoints.says.announces_issuer)?;
    let (code, error) = (one(head, "code"), one(head, "error"));
    let code = match (code, error) {
        (Ok(Some(code)), Ok(None)) => code,
        (Ok(None), Ok(Some(error))) => {
            let reason = format!("the provider ended the login with the error {}", shown(&error));
            return Err(Refusal::new(Deny::LoginRefused, reason).into());
        }
        _ => return Err(invalid("it has not exactly one `code` or one `error`").into()),
    };
    if !tokens::is_redeeming(desk) {
        desk.may_wait_in(head, Share::Login).map_err(|why| unanswered(&why, "token"))?;
        let until = attempt.began.after(LASTS).after(at.skew());
        if !at.kit.mark(Mark::Spent, &id, until, env) {
            // Another worker was quicker with the same `state`.
            return Err(invalid("its `state` was spent").into());
        }
    }
    let tokens = tokens::redeem(desk, at, head, (&endpoints.token, &code, &attempt))?;
    let of = (&tokens, id, None);
    let Some((claims, mut judged)) = tokens::judged(desk, at, of, issuer.as_deref(), trail)? else {
        return Err(Refusal::new(Deny::Internal, "a login without claims").into());
    };
    let claims = match &endpoints.userinfo {
        Some(url) if at.login.userinfo => userinfo(desk, at, head, (url, &tokens), claims)?,
        _ => claims,
    };
    if let Some(identity) = tokens::of_both(desk, at, &claims, false, trail)? {
        judged.identity = identity;
    }
    let session = session(at, &attempt, (&claims, &judged, &tokens), env.now, drawn(env.random)?);
    // Nobody is sent around for a session that the next request could not use: a list may name a moment
    // which is still to come.
    check_times(at, &session, env.now)?;
    revocation::judge_login(&desk.outside.revocations, (&at.provider.name, &session), env)?;
    let keeps_hint = endpoints.end_session.is_some();
    let mut set = written(at, &session, &tokens, keeps_hint, env)?;
    let is_old = |one: &Cookie| {
        *one != Cookie::Browser
            && cookies(head.values("cookie"), at.kit.name(*one)).next().is_some()
            && !is_set(at, *one, &set)
    };
    let old: Vec<Cookie> = Cookie::ALL.into_iter().filter(is_old).collect();
    set.extend(old.into_iter().map(|one| at.cookie(one, path(at, one)).clear()));
    if let Some(browser) = browser {
        let done = browser.completed(env.now).write();
        set.extend(at.cookie(Cookie::Browser, "/").set(&done, BROWSER_LASTS));
    }
    trail.identity = Some(judged.identity);
    at.count(metric::LoggedIn::Completed, effects);
    Ok(back(at, &attempt, set))
}

/// The attempt that a callback is about.
fn opened(at: At<'_>, head: &RequestHead) -> Result<Attempt, Refusal> {
    let state = match one(head, "state") {
        Ok(Some(state)) => state,
        Ok(None) => return Err(invalid("it has no `state`")),
        Err(Several) => return Err(invalid("it has more than one `state`")),
    };
    let opened = at.kit.keys.open(Purpose::State, &at.context(Cookie::Browser), &state);
    let opened = opened.map_err(|why| {
        invalid(match why {
            Unopened::Form | Unopened::Version(_) => "its `state` is none of the filter's",
            Unopened::AnotherKey => "its `state` was sealed with another key than `seal` has",
            Unopened::NotAuthentic => "its `state` was changed, or is another client's or host's",
        })
    })?;
    Attempt::read(&opened).ok_or_else(|| invalid("its `state` is of another version"))
}

/// Why an attempt is not redeemed, whoever's it is.
pub(super) fn not_redeemed(why: NotThis) -> Refusal {
    invalid(match why {
        NotThis::Host => "its `state` is another host's",
        NotThis::Late => "its `state` is older than 10 minutes",
        _ => "its `state` is from the future: compare the clocks of the proxies",
    })
}

fn invalid(why: &'static str) -> Refusal {
    Refusal::new(Deny::LoginStateInvalid, format!("the callback cannot be used: {why}"))
}

/// A parameter is there more than once.
struct Several;

/// The parameter of this name; an empty one is none.
fn one<'h>(head: &'h RequestHead, name: &str) -> Result<Option<Cow<'h, str>>, Several> {
    let mut found = parameters(head.path(), name);
    let first = found.next();
    if found.next().is_some() {
        return Err(Several);
    }
    let text = first.map(|value| match value {
        Cow::Borrowed(value) => String::from_utf8_lossy(value),
        Cow::Owned(value) => Cow::Owned(String::from_utf8_lossy(&value).into_owned()),
    });
    Ok(text.filter(|text| !text.is_empty()))
}

fn shown(error: &str) -> String {
    let of_code = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    match error.len() <= 64 && error.bytes().all(of_code) {
        true => quoted(error),
        // It may hold anything.
        false => "that is no code".to_owned(),
    }
}

/// Who sends the browser back, where that is said (RFC 9207 §2.4).
fn issuer(at: At<'_>, head: &RequestHead, is_announced: bool) -> Result<Option<String>, Refusal> {
    let wrong = |why: &str| Refusal::new(Deny::LoginIssuerMismatch, format!("the callback {why}"));
    let issuers = at.jwt.requirements.issuers.iter().flatten();
    match one(head, "iss") {
        Err(Several) => Err(wrong("has more than one `iss`")),
        Ok(None) if is_announced => Err(wrong("has no `iss`, which the provider announces")),
        Ok(None) => Ok(None),
        Ok(Some(issuer)) if issuers.into_iter().any(|one| **one == *issuer) => {
            Ok(Some(issuer.into_owned()))
        }
        Ok(Some(issuer)) => Err(wrong(&format!("is from {}, not the provider", quoted(&issuer)))),
    }
}

/// Further claims (OpenID Connect Core §5.3), of the same person: what the ID token says stays.
fn userinfo(
    desk: &mut Desk<'_, '_>,
    at: At<'_>,
    head: &RequestHead,
    (url, tokens): (&Url, &Tokens),
    claims: Claims,
) -> Result<Claims, Stop> {
    let id = |number| AskId(digest(&[b"tollgate login userinfo", &[number]]));
    let answer = ask_twice(desk, head, id, &mut || about_user(at, url, &tokens.access));
    let answer = answer.map_err(|why| unanswered(&why, "userinfo"))?;
    let more = told(&answer, claims.text("sub"))?;
    Ok(claims.with(more))
}

/// The call that asks for further claims.
pub(super) fn about_user(at: At<'_>, url: &Url, access: &Secret) -> CallRequest {
    let mut request = CallRequest::document(url, &at.login.cluster, at.login.timeout, MOST_BYTES);
    let value = ["Bearer ", access.reveal()].concat();
    request.authorization = Some(Secret::new(value.into()));
    request
}

/// What an answer to it says of this person.
///
/// # Errors
///
/// [`Deny::LoginTokenInvalid`] where it is about another, [`Deny::LoginFailed`] where it is none,
/// [`Deny::LoginUnavailable`] where the endpoint cannot give one now.
pub(super) fn told(
    answer: &CallResponse,
    subject: Option<&str>,
) -> Result<Map<String, Value>, Refusal> {
    let failed =
        |why: String| Refusal::new(Deny::LoginFailed, format!("the userinfo endpoint {why}"));
    if answer.status >= 500 {
        return Err(unavailable(format!("the userinfo endpoint answered {}", answer.status)));
    }
    if answer.status != 200 || answer.body_size > MOST_BYTES {
        return Err(failed(format!("answered {}", answer.status)));
    }
    let Ok(more) = json::object(&answer.body) else {
        return Err(failed("answered no JSON object without members twice".to_owned()));
    };
    if more.get("sub").and_then(Value::as_str) != subject {
        let reason = "the userinfo answer: its `sub` is not the ID token's";
        return Err(Refusal::new(Deny::LoginTokenInvalid, reason));
    }
    Ok(more)
}

/// The session that begins.
fn session(
    at: At<'_>,
    attempt: &Attempt,
    (claims, judged, tokens): (&Claims, &Judged, &Tokens),
    now: UnixMillis,
    id: [u8; 16],
) -> Session {
    let login = at.login;
    let is_renewable = login.session.refresh.is_some() && tokens.refresh.is_some();
    let said = claims.find(&ClaimRef::Name("auth_time".into())).is_some();
    let subject: Box<str> = claims.text("sub").unwrap_or(&judged.identity).into();
    Session {
        id: SessionId { id, generation: 0 },
        attempt: attempt.id(),
        begun: now,
        renewed: now,
        used: now,
        authenticated: judged.authenticated_at.filter(|_| said),
        until: judged.expires.filter(|_| login.judge == Judge::AccessToken && !is_renewable),
        expires_in: tokens.expires_in,
        is_renewable,
        issuer: judged.issuer.as_deref().unwrap_or_default().into(),
        subject,
        identity: (*judged.identity).into(),
        client: login.client.id.clone(),
        scopes: match &tokens.scopes {
            Some(scopes) => scopes.clone(),
            None => login.scopes.join(" ").into(),
        },
        sid: claims.text("sid").map(Into::into),
        claims: Kept::of(claims, &login.kept),
    }
}

/// Refuses a session whose tokens have times with which it could not be.
fn check_times(at: At<'_>, session: &Session, now: UnixMillis) -> Result<(), Refusal> {
    let reason = if session.is_ahead(now, at.skew()) {
        "the ID token: its `auth_time` is still to come, by more than `clock_skew`"
    } else if session.end(&at.kit.terms) <= now {
        "the access token: its `exp` has passed, and there is no refresh token: no session is left"
    } else {
        return Ok(());
    };
    Err(Refusal::new(Deny::LoginTokenInvalid, reason))
}

/// The path of a cookie.
pub(super) fn path<'c>(at: At<'c>, cookie: Cookie) -> &'c str {
    match cookie {
        Cookie::Hint if at.login.forward_id_token.is_none() => &at.kit.logout_path,
        _ => "/",
    }
}

fn is_set(at: At<'_>, cookie: Cookie, set: &[String]) -> bool {
    let name = at.kit.name(cookie);
    set.iter().any(|one| one.strip_prefix(name).is_some_and(|rest| rest.starts_with('=')))
}

/// The cookies that hold a session.
///
/// # Errors
///
/// [`Deny::LoginTooLarge`] where one of them is too large for a browser: none is set then.
pub(super) fn written(
    at: At<'_>,
    session: &Session,
    tokens: &Tokens,
    keeps_hint: bool,
    env: &Env<'_>,
) -> Result<Vec<String>, Refusal> {
    let (login, id) = (at.login, session.id);
    let lasts = session.end(&at.kit.terms).since(env.now);
    let mut set = Vec::with_capacity(6);
    let mut seal = |cookie: Cookie, purpose: Purpose, plain: &[u8]| {
        let sealed = at.kit.keys.seal(purpose, &at.context(cookie), plain, env.random);
        let sealed = sealed.map_err(|_| no_randomness())?;
        match at.cookie(cookie, path(at, cookie)).set(&sealed, lasts) {
            Ok(value) => set.push(value),
            // The provider is told who logs out by the client's id then.
            Err(Unwritable::TooLarge(_))
                if cookie == Cookie::Hint && login.forward_id_token.is_none() => {}
            Err(Unwritable::TooLarge(bytes)) => {
                let reason = format!(
                    "the cookie `{}` would have {bytes} bytes; a browser keeps {}",
                    at.kit.name(cookie),
                    SetCookie::MOST_BYTES
                );
                return Err(Refusal::new(Deny::LoginTooLarge, reason));
            }
            Err(Unwritable::Value) => {
                return Err(Refusal::new(Deny::Internal, "a sealed value that is no cookie"));
            }
        }
        Ok(())
    };
    seal(Cookie::Session, Purpose::Session, &session.write())?;
    if let Some(token) = tokens.refresh.as_ref().filter(|_| login.session.refresh.is_some()) {
        seal(Cookie::Refresh, Purpose::Refresh, &part::write_token(id, token.reveal()))?;
    }
    if login.forward_access_token.is_some() {
        let token = part::write_token(id, tokens.access.reveal());
        seal(Cookie::Access, Purpose::Access, &token)?;
    }
    let hints = login.logout.provider && login.logout.shows_id_token && keeps_hint;
    if let Some(token) = tokens.id.as_ref().filter(|_| hints || login.forward_id_token.is_some()) {
        seal(Cookie::Hint, Purpose::IdHint, &part::write_token(id, token.reveal()))?;
    }
    if login.session.idle.is_some() {
        seal(Cookie::LastUse, Purpose::LastUse, &part::write_last_use(id, session.used))?;
    }
    Ok(set)
}

/// Back to where the login began (RFC 9110 §15.4.4).
fn back(at: At<'_>, attempt: &Attempt, set: Vec<String>) -> Reply {
    let path = return_path(attempt.return_path.as_bytes(), &at.login.path);
    redirect(303, "login_completed", path, set)
}
