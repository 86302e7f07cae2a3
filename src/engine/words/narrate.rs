//! What the steps of a request's way looked at, for whoever may be told. Decides nothing.

use std::time::Duration;

use crate::api::Part;
use crate::config::Config;
use crate::http::{RequestHead, RequestPath, Route};
use crate::ids::ApiId;
use crate::jose::jwk::PublicKey;
use crate::jose::jws::Jws;
use crate::provider::Place;
use crate::session::Session;
use crate::time::{UnixMillis, in_words, roughly};
use crate::trace::{Decided, Trace};
use crate::verdict::{Step, list, quoted};

/// Most APIs that are told of besides the one that was found.
const MAX_APIS: usize = 8;

/// The path, before it is known whether it can be read in one way only.
pub(in crate::engine) fn path(config: &Config, head: &RequestHead, trace: &mut Trace) {
    trace.looks_at(Step::Path, || format!("the path {}", shown(head.path_only())));
    if !config.looks_at_paths() {
        let found = || "no API and no policy looks at paths".to_owned();
        trace.found(Step::Path, Decided::Skipped, found);
    }
}

/// Which API was found, and what kept the request from those before it.
#[inline(never)]
pub(in crate::engine) fn api(
    config: &Config,
    head: &RequestHead,
    (method, path, route): (&[u8], &RequestPath, &Route),
    found: Option<ApiId>,
    trace: &mut Trace,
) {
    if !trace.is_on() {
        return;
    }
    if config.looks_at_paths() {
        let segments = path.segments().len();
        let found = || format!("it can be read in one way only; {segments} segments");
        trace.found(Step::Path, Decided::Passed, found);
    }
    let before = found.map_or(config.apis.len(), |id| id.0);
    // Whatever else they miss, those that miss least come first.
    let mut missed: Vec<(Vec<Part>, &str)> = Vec::new();
    for api in config.apis.iter().take(before) {
        let misses = api.matcher.misses(head.authority(), path.segments(), method, route);
        let place = missed.partition_point(|(other, _)| other.len() <= misses.len());
        if place < MAX_APIS {
            missed.insert(place, (misses, api.name.as_str()));
            missed.truncate(MAX_APIS);
        }
    }
    let mut words = match found.and_then(|id| config.api(id)) {
        Some(api) => format!("`{}`", api.name),
        None => "none".to_owned(),
    };
    for (place, (parts, name)) in missed.iter().enumerate() {
        let parts: Vec<_> = parts.iter().map(|part| part.name()).collect();
        let start = match (place, found) {
            (0, Some(_)) => "; before it not ",
            (0, None) => ": not ",
            _ => ", ",
        };
        words = format!("{words}{start}`{name}` (another {})", parts.join(", "));
    }
    match before.saturating_sub(missed.len()) {
        0 => {}
        more => words = format!("{words}, nor {more} more"),
    }
    let decided = if found.is_some() { Decided::Passed } else { Decided::Skipped };
    let mut looked_at = format!("method {}, host {}", shown(method), shown(head.authority()));
    for (what, value) in [("route", &route.name), ("route metadata", &route.api)] {
        if let Some(value) = value {
            looked_at = format!("{looked_at}, {what} {}", shown(value));
        }
    }
    trace.note(Step::Api, decided, || (looked_at, words));
}

/// Whether a credential stands at a place; nothing of it.
pub(in crate::engine) fn place(
    place: &Place,
    words: String,
    found: Option<usize>,
    head: &RequestHead,
    trace: &mut Trace,
) {
    let decided = if found.is_some() { Decided::Passed } else { Decided::Skipped };
    let is_there = |name: &str| head.first(name).is_some();
    let found = match (found, place) {
        (Some(bytes), _) => format!("a credential of {bytes} bytes"),
        (None, Place::Header { name, scheme: Some(_) }) if is_there(name) => {
            "the header is there, but not with this scheme".to_owned()
        }
        (None, Place::Header { name, scheme: None }) if is_there(name) => "it is empty".to_owned(),
        (None, _) => "nothing".to_owned(),
    };
    trace.note(Step::Credential, decided, || (words, found));
}

/// A token's form.
pub(in crate::engine) fn token(token: &[u8], jws: &Jws<'_>, trace: &mut Trace) {
    trace.passed(Step::Token, Step::Token.looks_at(), || {
        let header = jws.header();
        let member = |value: Option<&str>| value.map_or_else(|| "missing".to_owned(), quoted);
        format!(
            "three parts, {} bytes; `alg` {}, `kid` {}, `typ` {}",
            token.len(),
            quoted(&header.alg),
            member(header.kid.as_ref().map(|kid| kid.as_str())),
            member(header.typ.as_deref()),
        )
    });
}

/// How long a request has waited for keys.
pub(in crate::engine) fn waited(waited: Duration, trace: &mut Trace) {
    trace.note(Step::Key, Decided::Waits, || {
        let found = format!("the request waited {} for them", roughly(waited));
        (Step::Key.looks_at().into(), found)
    });
}

/// A key by its id and kind.
pub(in crate::engine) fn key(key: &PublicKey) -> String {
    match key.kid() {
        Some(kid) => format!("{} ({})", quoted(kid.as_str()), key.kind()),
        None => format!("one without `kid` ({})", key.kind()),
    }
}

/// Whose session it is, and when it ends.
pub(in crate::engine) fn session(
    session: &Session,
    skew: Duration,
    now: UnixMillis,
    trace: &mut Trace,
) {
    trace.passed(Step::Session, Step::Session.looks_at(), || {
        let end = match session.ends {
            Some(end) => {
                format!("it ends at {}; the skew is {}", end.in_words(now), in_words(skew))
            }
            None => "it has no end".to_owned(),
        };
        let who = quoted(&session.identity);
        format!("{who} of provider `{}`; it is active; {end}", session.provider)
    });
}

/// What an API asks of the session's token that it has.
pub(in crate::engine) fn asked(field: &'static str, wanted: &[Box<str>], trace: &mut Trace) {
    trace.passed(Step::Access, field, || format!("the token has one of {}", list(wanted)));
}

/// Bytes that a stranger sent.
pub(in crate::engine) fn shown(bytes: &[u8]) -> String {
    quoted(&String::from_utf8_lossy(bytes))
}
