//! What a browser shows of a session: its cookies, opened.

use std::time::Duration;

use super::kit::{At, Mark};
use super::opened::Opened;
use crate::env::Env;
use crate::http::{RequestHead, cookies};
use crate::login::part;
use crate::login::session::{Session, Stage, Unusable};
use crate::provider::login::Cookie;
use crate::seal::{Purpose, Unopened};
use crate::secret::Secret;
use crate::time::UnixMillis;
use crate::verdict::{Deny, Refusal};

/// How often a worker looks whether a session was ended.
const LOOKED_EVERY: Duration = Duration::from_secs(1);

const AHEAD: &str = "says a time that is still to come: compare the proxies' clocks";

/// The session that a browser shows, where it can be used now.
pub(in crate::engine) fn living(at: At<'_>, head: &RequestHead, env: &Env<'_>) -> Option<Session> {
    let value = alone(head, None, at.kit.name(Cookie::Session)).ok()??;
    let session = open(at, value, env.now).ok()?;
    let opened = Opened::new(session, "");
    usable(at, &opened, head, None, env).ok()?;
    Some(opened.session)
}

/// The session that a browser shows, whether it can be used or not: one that is over for any reason can
/// still be logged out.
pub(super) fn authentic(
    at: At<'_>,
    head: &RequestHead,
    renewed: Option<&[String]>,
    now: UnixMillis,
) -> Option<Session> {
    let value = alone(head, renewed, at.kit.name(Cookie::Session)).ok()??;
    let context = at.context(Cookie::Session);
    let text = std::str::from_utf8(value).ok()?;
    let opened = at.kit.keys.open(Purpose::Session, &context, text).ok()?;
    Session::read(&opened, now, at.skew()).ok()
}

/// A token that stands in a cookie of its own beside a session's.
pub(in crate::engine) fn token(
    (at, cookie): (At<'_>, Cookie),
    session: &Session,
    head: &RequestHead,
    renewed: Option<&[String]>,
) -> Option<Secret> {
    let purpose = match cookie {
        Cookie::Access => Purpose::Access,
        Cookie::Hint => Purpose::IdHint,
        _ => Purpose::Refresh,
    };
    let value = alone(head, renewed, at.kit.name(cookie)).ok()??;
    let value = std::str::from_utf8(value).ok()?;
    let opened = at.kit.keys.open(purpose, &at.context(cookie), value).ok()?;
    match cookie {
        Cookie::Hint => part::read_hint(&opened, session.id),
        _ => part::read_token(&opened, session.id),
    }
}

/// A cookie is there more than once.
pub(in crate::engine) struct Several;

/// A cookie of a request, which counts as one that shows what was renewed for it.
pub(in crate::engine) fn alone<'h>(
    head: &'h RequestHead,
    renewed: Option<&'h [String]>,
    name: &str,
) -> Result<Option<&'h [u8]>, Several> {
    let value = |set: &'h String| {
        let value = set.strip_prefix(name)?.strip_prefix('=')?;
        value.split(';').next().map(str::as_bytes)
    };
    if let Some(value) = renewed.into_iter().flatten().find_map(value) {
        return Ok(Some(value));
    }
    let mut shown = cookies(head.values("cookie"), name);
    let first = shown.next();
    if shown.next().is_some() { Err(Several) } else { Ok(first) }
}

/// Opens a cookie.
pub(in crate::engine) fn open(
    at: At<'_>,
    value: &[u8],
    now: UnixMillis,
) -> Result<Session, Refusal> {
    let text = std::str::from_utf8(value).map_err(|_| unreadable(at, unopened(Unopened::Form)))?;
    let context = at.context(Cookie::Session);
    let opened = at.kit.keys.open(Purpose::Session, &context, text);
    believed(at, &opened.map_err(|why| unreadable(at, unopened(why)))?, now)
}

/// Why something sealed cannot be opened, in words that follow what it is.
pub(super) const fn unopened(why: Unopened) -> &'static str {
    match why {
        Unopened::Form => "is none of the filter's",
        Unopened::Version(_) => "is of another version",
        Unopened::AnotherKey => "was sealed with another key than `seal` has",
        Unopened::NotAuthentic => {
            "was changed or cut off, or is for another client, issuer or host"
        }
    }
}

fn unreadable(at: At<'_>, why: &str) -> Refusal {
    let name = at.kit.name(Cookie::Session);
    Refusal::new(Deny::LoginUnreadable, format!("the cookie `{name}` {why}"))
}

/// What was opened, where it can be believed and is all that the configuration asks for.
pub(super) fn believed(at: At<'_>, record: &[u8], now: UnixMillis) -> Result<Session, Refusal> {
    let session = Session::read(record, now, at.skew()).map_err(|why| {
        let why = match why {
            Unusable::Form => "is of another version",
            Unusable::Ahead => AHEAD,
        };
        unreadable(at, why)
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

/// What is to be done about a session that can be used now, and when it was last used.
pub(in crate::engine) fn usable(
    at: At<'_>,
    opened: &Opened,
    head: &RequestHead,
    renewed: Option<&[String]>,
    env: &Env<'_>,
) -> Result<(Stage, UnixMillis), Refusal> {
    let (session, terms, now) = (&opened.session, &at.kit.terms, env.now);
    if session.is_ahead(now, at.skew()) {
        return Err(unreadable(at, AHEAD));
    }
    let looked_at = opened.looked_at.get();
    if looked_at > now || now.since(looked_at) >= LOOKED_EVERY {
        if at.kit.is_marked(Mark::Ended, &session.id.id, env) {
            return Err(Refusal::new(Deny::LoginEnded, "the session was ended"));
        }
        if at.kit.ended.as_ref().is_some_and(|ended| ended.has(session, env)) {
            return Err(Refusal::new(Deny::LoginEnded, "the provider has ended the session"));
        }
        opened.looked_at.set(now);
    }
    let used = terms.idle.map(|_| last_use(at, session, head, renewed, env));
    Ok((lives(at, session, used, now)?, used.unwrap_or(session.used)))
}

/// What is to be done about a session that still lives.
pub(super) fn lives(
    at: At<'_>,
    session: &Session,
    used: Option<UnixMillis>,
    now: UnixMillis,
) -> Result<Stage, Refusal> {
    let terms = &at.kit.terms;
    match session.stage(terms, now, used, at.login.session.refresh.is_some()) {
        Stage::Ended => {
            let end = session.end(terms);
            let reason = format!("the session ended at {}", end.in_words(now));
            Err(Refusal::new(Deny::LoginExpired, reason))
        }
        Stage::Idle => {
            let reason = "the session was not used for as long as `session.idle` allows";
            Err(Refusal::new(Deny::LoginExpired, reason))
        }
        stage => Ok(stage),
    }
}

/// When a session was last used, by its own cookie, else as it says itself.
pub(in crate::engine) fn last_use(
    at: At<'_>,
    session: &Session,
    head: &RequestHead,
    renewed: Option<&[String]>,
    env: &Env<'_>,
) -> UnixMillis {
    let shown = || {
        let value = alone(head, renewed, at.kit.name(Cookie::LastUse)).ok()??;
        let text = std::str::from_utf8(value).ok()?;
        let context = at.context(Cookie::LastUse);
        let opened = at.kit.keys.open(Purpose::LastUse, &context, text).ok()?;
        part::read_last_use(&opened, session.id, env.now, at.skew())
    };
    shown().map_or(session.used, |used| used.max(session.used))
}
