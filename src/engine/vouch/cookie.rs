//! From a session's cookie to a voucher.
//!
//! The cookie is sent by the browser, not shown by a caller: one that cannot be used counts as absent, and
//! says why where nobody else vouches.

use std::cell::OnceCell;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::claims::{ClientClaim, Judged};
use crate::engine::desk::Desk;
use crate::engine::login::cookies::{Several, alone, open, usable};
use crate::engine::login::kit::At;
use crate::engine::login::opened::Opened;
use crate::engine::login::refresh::{self, MOST_RENEWALS, Renewed};
use crate::engine::revocation;
use crate::engine::stop::Stop;
use crate::engine::trail::Trail;
use crate::engine::verified::{By, Verified};
use crate::engine::voucher::{Known, LoggedIn, Own, Said, Voucher};
use crate::http::RequestHead;
use crate::json;
use crate::login::session::{Session, Stage};
use crate::provider::login::{Cookie, Judge};
use crate::verdict::{Deny, Refusal, Step, quoted};

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
    for _ in 0..MOST_RENEWALS {
        let renewed = desk.memo.renewed(at.id).cloned();
        let verified = match shown(desk, at, head, renewed.as_deref(), trail) {
            Ok(verified) => verified,
            Err(None) => return Ok(Shown::Absent),
            Err(Some(refusal)) => return Ok(Shown::Useless(refusal)),
        };
        let By::Session(opened) = &verified.by else { return Ok(Shown::Absent) };
        let (session, env) = (&opened.session, desk.env);
        let (stage, used) = match usable(at, opened, head, renewed.as_deref(), env) {
            Ok(due) => due,
            Err(refusal) => {
                desk.verified.forget(&verified, env.random);
                return Ok(Shown::Useless(refusal));
            }
        };
        let of = (&at.provider.name, &*verified.known, session);
        if let Err(refusal) = revocation::judge_cookie(&desk.outside.revocations, of, env) {
            return Ok(Shown::Useless(refusal));
        }
        check_origin(at, head)?;
        if stage != Stage::Fresh {
            match refresh::renew(desk, at, (session, stage, used), head)? {
                Renewed::Not => {}
                Renewed::Useless(refusal) => return Ok(Shown::Useless(refusal)),
                Renewed::By(cookies) => {
                    desk.memo.renew(at.id, cookies);
                    continue;
                }
            }
        }
        trail.shows(&at.provider.name, || Some((&*session.identity).into()), None);
        trail.steps.passed(Step::Credential, "the session's cookie", || {
            format!(
                "a session since {}, of {}",
                session.begun.in_words(env.now),
                quoted(&session.identity)
            )
        });
        return Ok(Shown::Good(Voucher {
            id: at.id,
            provider: at.provider,
            asks: Some(&at.jwt.requirements),
            own: Own::default(),
            known: Rc::clone(&verified.known),
            login: Some(LoggedIn {
                at,
                opened: Rc::clone(opened),
                renewed,
                is_past: env.now >= session.over(),
            }),
        }));
    }
    let reason = "the session was renewed more often than one request follows";
    Ok(Shown::Useless(Refusal::new(Deny::LoginExpired, reason)))
}

/// The session's cookie that is shown, opened or recalled.
///
/// # Errors
///
/// Why it cannot be used; nothing where it is absent.
fn shown<'c>(
    desk: &mut Desk<'_, 'c>,
    at: At<'c>,
    head: &RequestHead,
    renewed: Option<&[String]>,
    trail: &mut Trail,
) -> Result<Rc<Verified>, Option<Refusal>> {
    let name = at.kit.name(Cookie::Session);
    let value = match alone(head, renewed, name) {
        Ok(Some(value)) => value,
        Ok(None) => return Err(None),
        Err(Several) => {
            let reason = format!("the cookie `{name}` is there twice");
            return Err(Some(Refusal::new(Deny::LoginUnreadable, reason)));
        }
    };
    trail.enter(Some(&at.provider.name));
    if let Some(verified) = recall(desk, at, value) {
        return Ok(verified);
    }
    let session = open(at, value, desk.env.now)?;
    let verified = verified(desk, at, value, session);
    desk.verified.insert(&verified, desk.env.random);
    Ok(verified)
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

/// What this worker keeps of an opened cookie.
fn verified(desk: &Desk<'_, '_>, at: At<'_>, value: &[u8], session: Session) -> Rc<Verified> {
    let claims = session.claims();
    // An ID token says who somebody is; what was granted, the answer that it came with.
    let claims = match (at.login.judge, at.jwt.requirements.scopes.first()) {
        (Judge::IdToken, Some(stand)) => claims.putting(stand, (&*session.scopes).into()),
        (Judge::IdToken, None) | (Judge::AccessToken, _) => claims,
    };
    // By its login's time a list of revocations tells old sessions from new ones.
    let claims = claims.replacing("iat", session.begun.secs().into());
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
    let opened = Opened::new(session, at.origin.as_str());
    Rc::new(Verified {
        provider: at.id,
        by: By::Session(Rc::new(opened)),
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
