//! The smaller objects of a login: how long sessions live, cookies, what goes upstream, logouts.

use std::time::Duration;

use crate::config::check::headers::{self, Use, folded};
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::login::{RawHint, RawLogin};
use crate::config::read::{At, Field, Text};
use crate::http::{Origin, is_name};
use crate::ids::Name;
use crate::provider::login::{Cookies, Lifetimes, Logout, Refresh};
use crate::verdict::quoted;

/// The shortest time without use that can end a session: its last use is noted once a minute.
const SHORTEST_IDLE: Duration = Duration::from_secs(120);
/// Longest name of cookies, in bytes.
const MAX_NAME: usize = 64;
/// Longest path behind a logout, in bytes.
const MAX_RETURN: usize = 1024;

/// How long sessions live.
pub(super) fn session(raw: &At<RawLogin>, problems: &mut Problems<'_>) -> Lifetimes {
    raw.session.says(|session| {
        if let Some(idle) = session.idle.given().filter(|idle| idle.duration() < SHORTEST_IDLE) {
            problems.refuse(
                Code::DurationInvalid,
                idle.at,
                "too short, since a session's last use is noted once a minute; at least \"2m\"",
            );
        }
        let of_refresh = [session.ahead.at(), session.grace.at()];
        let is_off = !session.refresh.value && !session.refresh.is_wrong();
        for at in of_refresh.into_iter().flatten().filter(|_| is_off) {
            problems.refuse(
                Code::FieldUseless,
                at,
                "has no meaning with \"refresh\": false; delete one of the two",
            );
        }
        Lifetimes {
            max: session.max.value.duration(),
            idle: session.idle.given().map(|idle| idle.duration()),
            refresh: session.refresh.value.then(|| Refresh {
                ahead: session.ahead.value.duration(),
                grace: session.grace.value.duration(),
            }),
        }
    })
}

/// What cookies are called, and who gets them; `None` where that is wrong.
pub(super) fn cookie(
    raw: &At<RawLogin>,
    provider: Option<&Name>,
    urls: &Option<Vec<At<Origin>>>,
    problems: &mut Problems<'_>,
) -> Option<Cookies> {
    let default = || Some(format!("tollgate-{}", provider?).into_boxed_str());
    let Some(cookie) = raw.cookie.given() else {
        let cookies = Cookies { name: default()?, domain: None };
        return raw.cookie.is_absent().then_some(cookies);
    };
    let name = match &cookie.name {
        Field::Absent => default(),
        Field::Given(name) => cookie_name(name, problems),
        Field::Wrong => None,
    };
    let domain = match &cookie.domain {
        Field::Absent => None,
        Field::Given(written) => Some(domain(written, urls, problems)?),
        Field::Wrong => return None,
    };
    Some(Cookies { name: name?, domain })
}

fn cookie_name(name: &At<Text>, problems: &mut Problems<'_>) -> Option<Box<str>> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let message = if name.len() > MAX_NAME || !name.bytes().all(plain) {
        format!(
            "{} is no name that all read alike: 1 to {MAX_NAME} letters, digits, `-`, `.`, `_` and `~`",
            quoted(name)
        )
    } else if let Some(bare) = name.strip_prefix("__Host-").or(name.strip_prefix("__Secure-")) {
        format!("the prefix is put before it; write \"{bare}\"")
    } else {
        return Some(name.value.0.clone());
    };
    problems.refuse(Code::ValueInvalid, name.at, message);
    None
}

/// The domain whose hosts share a session; `None` where that is wrong.
fn domain(
    written: &At<Text>,
    urls: &Option<Vec<At<Origin>>>,
    problems: &mut Problems<'_>,
) -> Option<Box<str>> {
    let bare = written.trim_start_matches('.');
    // What ends in a number is an address, or a part of one.
    let top = bare.rsplit('.').next().unwrap_or_default();
    let is_domain = bare == bare.to_ascii_lowercase()
        && is_name(bare.as_bytes())
        && bare.contains('.')
        && !top.bytes().all(|byte| byte.is_ascii_digit());
    if !is_domain || bare.len() != written.len() {
        let shown = quoted(written);
        let message = if is_domain {
            format!("a domain begins with no dot; write \"{bare}\"")
        } else {
            format!("{shown} is no domain with hosts below it, in small letters: \"example.com\"")
        };
        problems.refuse(Code::ValueInvalid, written.at, message);
        return None;
    }
    for url in urls.iter().flatten() {
        let host = url.value.host();
        let is_below = |host: &str| host.strip_suffix(bare).is_some_and(|rest| rest.ends_with('.'));
        if host != bare && !is_below(host) {
            problems.refuse(
                Code::ValueInvalid,
                url.at,
                format_args!(
                    "is not below `{bare}`, so that its browsers would not take the cookie; leave it \
                     out, or leave out `cookie.domain`"
                ),
            );
        }
    }
    problems.warn(
        Code::SessionShared,
        written.at,
        format_args!(
            "whoever serves a host below `{bare}` can put his own session into a browser, and people \
             would go on in his name; leave it out where each host may have sessions of its own"
        ),
    );
    Some(bare.into())
}

/// The headers that carry tokens upstream.
#[derive(Default)]
pub(super) struct Forward {
    pub(super) access_token: Option<Box<str>>,
    pub(super) id_token: Option<Box<str>>,
    /// Both, with their places.
    pub(super) written: Vec<At<Box<str>>>,
}

/// What goes upstream; `None` where that is wrong.
pub(super) fn forward(raw: &At<RawLogin>, problems: &mut Problems<'_>) -> Option<Forward> {
    let Some(forward) = raw.forward.given() else {
        return raw.forward.is_absent().then(Forward::default);
    };
    let mut written: Vec<At<Box<str>>> = Vec::new();
    let mut name = |field: &Field<Text>| {
        let name = headers::name(field.given()?, Use::WritePayload, problems)?;
        if written.iter().any(|other| folded(other) == folded(&name)) {
            problems.refuse(
                Code::HeaderConflict,
                name.at,
                "one header cannot carry both tokens; write another for one of the two",
            );
        }
        written.push(name.clone());
        Some(name.value)
    };
    let (access_token, id_token) = (name(&forward.access_token), name(&forward.id_token));
    Some(Forward { access_token, id_token, written })
}

/// What a logout does; `None` where that is wrong.
pub(super) fn logout(
    raw: &At<RawLogin>,
    path: Option<&At<Box<str>>>,
    problems: &mut Problems<'_>,
) -> Option<Logout> {
    if raw.logout.is_wrong() {
        return None;
    }
    raw.logout.says(|logout| {
        let back = &logout.back.value;
        let is_path = back.starts_with('/') && !back.starts_with("//") && !back.contains('\\');
        let is_plain = back.bytes().all(|byte| byte.is_ascii_graphic()) && back.len() <= MAX_RETURN;
        let is_inside = path.is_some_and(|path| is_below(back, &path.value));
        if let Some(at) = logout.back.at().filter(|_| !is_path || !is_plain || is_inside) {
            problems.refuse(
                Code::ValueInvalid,
                at,
                format_args!(
                    "write a path of the same host outside the login's own: one `/` at its beginning, \
                     no `\\`, at most {MAX_RETURN} bytes of ASCII, such as \"/\""
                ),
            );
        }
        let hint = logout.hint.at().filter(|_| !logout.provider.value);
        if let Some(at) = hint {
            let message = "has no meaning with \"provider\": false; delete one of the two";
            problems.refuse(Code::FieldUseless, at, message);
        }
        Some(Logout {
            provider: logout.provider.value,
            shows_id_token: logout.hint.value == RawHint::IdToken,
            back: back.0.clone(),
            revoke: logout.revoke.value,
        })
    })
}

/// Whether a path is another, or below it.
fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above)
        .is_some_and(|rest| matches!(rest.as_bytes().first(), None | Some(b'/' | b'?')))
}
