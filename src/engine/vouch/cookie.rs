//! From a session's cookie to a voucher.
//!
//! The cookie is sent by the browser, not shown by a caller: one that cannot be used counts as absent, and
//! says why where nobody else vouches.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::claims::{ClientClaim, Judged};
use crate::engine::desk::Desk;
use crate::engine::login::{At, Mark};
use crate::engine::stop::Stop;
use crate::engine::trail::Trail;
use crate::engine::verified::{By, Verified};
use crate::engine::voucher::{Known, Own, Said, Voucher};
use crate::env::Env;
use crate::http::{RequestHead, cookies};
use crate::json;
use crate::login::part;
use crate::login::session::{Session, Stage, Unusable};
use crate::provider::login::{Cookie, Judge};
use crate::seal::{Purpose, Unopened};
use crate::time::UnixMillis;
use crate::verdict::{Deny, Refusal, Step, quoted};

/// How often a worker looks whether a session was ended.
const LOOKED_EVERY: Duration = Duration::from_secs(1);

/// A session's cookie that was opened.
#[derive(Debug)]
pub(in crate::engine) struct Opened {
    session: Session,
    /// The origin that it was opened for.
    origin: Box<str>,
    /// When this worker last looked whether the session was ended.
    looked_at: Cell<UnixMillis>,
}

/// What a browser shows of a session.
pub(in crate::engine) enum Shown<'c> {
    /// Nothing.
    Absent,
    /// A session that vouches.
    Good(Voucher<'c>),
    /// One that cannot be used, and why.
    Useless(Refusal),
}

/// Judges the cookie of a login's session.
///
/// # Errors
///
/// [`Deny::OriginRefused`] where the session is good, and a page elsewhere may have caused the request.
pub(in crate::engine) fn judge<'c>(
    desk: &mut Desk<'_, 'c>,
    at: At<'c>,
    head: &RequestHead,
    trail: &mut Trail,
) -> Result<Shown<'c>, Stop> {
    let name = at.kit.name(Cookie::Session);
    let value = match alone(head, name) {
        Ok(Some(value)) => value,
        Ok(None) => return Ok(Shown::Absent),
        Err(Several) => {
            let reason = format!("the cookie `{name}` is there twice");
            return Ok(Shown::Useless(Refusal::new(Deny::LoginUnreadable, reason)));
        }
    };
    trail.enter(Some(&at.provider.name));
    let env = desk.env;
    let verified = match recall(desk, at, value) {
        Some(verified) => verified,
        None => match open(at, value, env) {
            Ok(session) => {
                let verified = verified(desk, at, value, session);
                desk.verified.insert(&verified, env.random);
                verified
            }
            Err(refusal) => return Ok(Shown::Useless(refusal)),
        },
    };
    let By::Session(opened) = &verified.by else { return Ok(Shown::Absent) };
    if let Err(refusal) = usable(at, opened, head, env) {
        desk.verified.forget(&verified, env.random);
        return Ok(Shown::Useless(refusal));
    }
    check_origin(at, head)?;
    let session = &opened.session;
    trail.shows(&at.provider.name, || Some((&*session.identity).into()), None);
    trail.steps.passed(Step::Credential, "the session's cookie", || {
        format!(
            "a session since {}, of {}",
            session.begun.in_words(env.now),
            quoted(&session.identity)
        )
    });
    Ok(Shown::Good(Voucher {
        id: at.id,
        provider: at.provider,
        asks: Some(&at.jwt.requirements),
        own: Own::default(),
        known: Rc::clone(&verified.known),
        login: Some(at),
    }))
}

/// The session that a browser shows, where it can be used now.
pub(in crate::engine) fn living(at: At<'_>, head: &RequestHead, env: &Env<'_>) -> Option<Session> {
    let value = alone(head, at.kit.name(Cookie::Session)).ok()??;
    let session = open(at, value, env).ok()?;
    let opened = Opened { session, origin: Box::default(), looked_at: Cell::default() };
    usable(at, &opened, head, env).ok()?;
    Some(opened.session)
}

/// A token that stands in a cookie of its own beside a session's.
pub(in crate::engine) fn token(
    at: At<'_>,
    cookie: Cookie,
    session: &Session,
    head: &RequestHead,
) -> Option<crate::secret::Secret> {
    let purpose = match cookie {
        Cookie::Access => Purpose::Access,
        Cookie::Hint => Purpose::IdHint,
        _ => Purpose::Refresh,
    };
    let value = alone(head, at.kit.name(cookie)).ok()??;
    let value = std::str::from_utf8(value).ok()?;
    let opened = at.kit.keys.open(purpose, &at.context(cookie), value).ok()?;
    part::read_token(&opened, session.id)
}

/// A cookie is there more than once.
struct Several;

fn alone<'h>(head: &'h RequestHead, name: &str) -> Result<Option<&'h [u8]>, Several> {
    let mut shown = cookies(head.values("cookie"), name);
    let first = shown.next();
    if shown.next().is_some() { Err(Several) } else { Ok(first) }
}

/// A cookie that this worker has opened, for this very host.
fn recall(desk: &mut Desk<'_, '_>, at: At<'_>, value: &[u8]) -> Option<Rc<Verified>> {
    let is_it = |found: &Verified| match &found.by {
        By::Session(opened) => found.provider == at.id && *opened.origin == *at.origin.as_str(),
        By::Answer(_) | By::Key { .. } => false,
    };
    let found = desk.verified.find(value, desk.env.random, is_it)?;
    desk.counts.recalled.raise();
    Some(found)
}

/// Opens a cookie.
fn open(at: At<'_>, value: &[u8], env: &Env<'_>) -> Result<Session, Refusal> {
    let unreadable = |why: &str| {
        let name = at.kit.name(Cookie::Session);
        Refusal::new(Deny::LoginUnreadable, format!("the cookie `{name}` {why}"))
    };
    let text = std::str::from_utf8(value).map_err(|_| unreadable("is none of the filter's"))?;
    let context = at.context(Cookie::Session);
    let opened = at.kit.keys.open(Purpose::Session, &context, text).map_err(|why| {
        unreadable(match why {
            Unopened::Form => "is none of the filter's",
            Unopened::Version(_) => "is of another version",
            Unopened::AnotherKey => "was sealed with another key than `seal` has",
            Unopened::NotAuthentic => "was changed, or is for another client, issuer or host",
        })
    })?;
    let session = Session::read(&opened, env.now, at.kit.terms.skew).map_err(|why| {
        unreadable(match why {
            Unusable::Form => "is of another version",
            Unusable::Ahead => "says a time that is still to come: compare the proxies' clocks",
        })
    })?;
    match session.claims.lacks(&at.login.kept) {
        None => Ok(session),
        Some(claim) => {
            let reason = format!(
                "the configuration names the claim {}, which the session was made without",
                claim.quoted()
            );
            Err(Refusal::new(Deny::LoginStale, reason))
        }
    }
}

/// Whether a session can be used now.
fn usable(at: At<'_>, opened: &Opened, head: &RequestHead, env: &Env<'_>) -> Result<(), Refusal> {
    let (session, terms, now) = (&opened.session, &at.kit.terms, env.now);
    let looked_at = opened.looked_at.get();
    if looked_at > now || now.since(looked_at) >= LOOKED_EVERY {
        if at.kit.is_marked(Mark::Ended, &session.id.id, env) {
            return Err(Refusal::new(Deny::LoginEnded, "the session was ended"));
        }
        opened.looked_at.set(now);
    }
    let used = terms.idle.and_then(|_| last_use(at, session, head, env));
    match session.stage(terms, now, used, false) {
        Stage::Ended => {
            let end = session.end(terms);
            let reason = format!("the session ended at {}", end.in_words(now));
            Err(Refusal::new(Deny::LoginExpired, reason))
        }
        Stage::Idle => {
            let reason = "the session was not used for as long as `session.idle` allows";
            Err(Refusal::new(Deny::LoginExpired, reason))
        }
        _ => Ok(()),
    }
}

/// When a session was last used, by its own cookie.
pub(in crate::engine) fn last_use(
    at: At<'_>,
    session: &Session,
    head: &RequestHead,
    env: &Env<'_>,
) -> Option<UnixMillis> {
    let value = alone(head, at.kit.name(Cookie::LastUse)).ok()??;
    let text = std::str::from_utf8(value).ok()?;
    let context = at.context(Cookie::LastUse);
    let opened = at.kit.keys.open(Purpose::LastUse, &context, text).ok()?;
    part::read_last_use(&opened, session.id, env.now, at.kit.terms.skew)
}

/// What this worker keeps of an opened cookie.
fn verified(desk: &Desk<'_, '_>, at: At<'_>, value: &[u8], session: Session) -> Rc<Verified> {
    let claims = session.claims();
    let claims = match at.login.judge {
        Judge::AccessToken => claims.with_text("scope", &session.scopes),
        Judge::IdToken => claims,
    };
    // By its login's time a list of revocations tells old sessions from new ones.
    let claims = claims.with_number("iat", session.begun.secs());
    let payload = URL_SAFE_NO_PAD.encode(json::text(&claims.to_value())).into();
    let who = Judged {
        identity: (&*session.identity).into(),
        client: ClientClaim::Is((&*session.client).into()),
        issuer: Some((&*session.issuer).into()),
        expires: Some(session.end(&at.kit.terms)),
        authenticated_at: Some(session.since()),
    };
    let id = desk.sessions.id(&at.provider.name, who.issuer.as_deref(), &who.identity);
    let said = Rc::new(Said {
        token: value.into(),
        alg: None,
        kid: None,
        claims,
        payload,
        handed_on: None,
        digest: OnceCell::new(),
        twin: OnceCell::new(),
    });
    let opened =
        Opened { session, origin: at.origin.as_str().into(), looked_at: Cell::default() };
    Rc::new(Verified {
        provider: at.id,
        by: By::Session(Box::new(opened)),
        known: Rc::new(Known::new(who, Some(Rc::clone(&said)), id)),
        said,
    })
}

/// A browser sends its cookies with every request, whichever page causes it: what could change something
/// must come from a page of the login's own.
fn check_origin(at: At<'_>, head: &RequestHead) -> Result<(), Refusal> {
    if !head.may_change_something() {
        return Ok(());
    }
    let origin = head.origin();
    if at.login.origins.iter().any(|known| Some(known.as_bytes()) == origin) {
        return Ok(());
    }
    let found = match origin {
        Some(origin) => format!("is {}", quoted(&String::from_utf8_lossy(origin))),
        None => "is missing, or there are several".to_owned(),
    };
    let reason = format!("the session comes by a cookie, and `origin` {found}");
    Err(Refusal::new(Deny::OriginRefused, reason))
}
