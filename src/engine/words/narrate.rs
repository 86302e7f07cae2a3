//! The steps of a decision in words, for the trace: what each looked at, and what it found.

use std::time::Duration;

use super::place;
use super::quote::{counted, quoted_list, shown};
use crate::api::Part;
use crate::config::Config;
use crate::engine::voucher::Said;
use crate::event::HeaderChange;
use crate::http::{RequestHead, RequestPath, Route};
use crate::ids::{ApiId, Kid, Name};
use crate::jose::alg::Alg;
use crate::jose::jwk::PublicKey;
use crate::jose::jws::Jws;
use crate::provider::Place;
use crate::provider::api_key::ApiKey;
use crate::provider::jwt::JwtProvider;
use crate::session::Session;
use crate::time::{UnixMillis, in_words, roughly};
use crate::trace::{Decided, Trace};
use crate::verdict::{Step, list, quoted};

/// Where a known token is looked up.
const VERIFIED: &str = "the tokens that this worker has verified";
/// Most APIs that are named besides the one that was found.
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
        let found = || {
            let segments = counted(segments, ["segment", "segments"]);
            format!("it can be read in one way only; {segments}")
        };
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
    found: Option<usize>,
    head: &RequestHead,
    trace: &mut Trace,
) {
    let decided = if found.is_some() { Decided::Passed } else { Decided::Skipped };
    let is_there = |name: &str| head.first(name).is_some();
    let found = match (found, place) {
        (Some(bytes), _) => format!("a credential of {}", counted(bytes, ["byte", "bytes"])),
        (None, Place::Header { name, scheme: Some(_) }) if is_there(name) => {
            "the header is there, but not with this scheme".to_owned()
        }
        (None, Place::Header { name, scheme: None }) if is_there(name) => "it is empty".to_owned(),
        (None, _) => "nothing".to_owned(),
    };
    trace.note(Step::Credential, decided, || (place::name(place), found));
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
        format!("that of the caller, {who} of provider `{}`; it is active; {end}", session.provider)
    });
}

/// What an API asks of the session's token that it has.
pub(in crate::engine) fn asked(field: &'static str, wanted: &[Box<str>], trace: &mut Trace) {
    trace.passed(Step::Access, field, || format!("the token has one of {}", list(wanted)));
}

/// All who vouched, and whose session it is.
pub(in crate::engine) fn vouched<'n>(
    names: impl Iterator<Item = &'n Name>,
    owner: &Name,
    trace: &mut Trace,
) {
    trace.passed(Step::Credential, "`auth`", || {
        let owner = quoted(owner.as_str());
        let names = quoted_list(names.map(Name::as_str));
        format!("accepted by {names}; the caller is who {owner} says")
    });
}

/// An API key that is good.
pub(in crate::engine) fn api_key(key: &ApiKey, now: UnixMillis, trace: &mut Trace) {
    trace.passed(Step::Credential, "the SHA-256 of the API key", || {
        let end = match key.expires {
            Some(end) => format!("ends at {}", end.in_words(now)),
            None => "has no end".to_owned(),
        };
        let (name, identity) = (quoted(&key.name), quoted(&key.identity));
        format!("the key {name} of {identity}; it is active and {end}")
    });
}

/// Which provider a token's issuer selects, and whether that one looks where the token stands.
pub(in crate::engine) fn selected(provider: &Name, is_own: bool, trace: &mut Trace) {
    let decided = if is_own { Decided::Passed } else { Decided::Skipped };
    trace.note(Step::Token, decided, || {
        let place = if is_own { "" } else { ", which does not look here" };
        let found = format!("it selects the provider `{provider}`{place}");
        ("the claim `iss`, not verified yet".into(), found)
    });
}

/// A token's algorithm, which its provider takes.
pub(in crate::engine) fn algorithm(alg: Alg, jwt: &JwtProvider, trace: &mut Trace) {
    trace.passed(Step::Token, "the algorithm", || {
        let allowed = quoted_list(jwt.algorithms.iter().map(Alg::name));
        format!("`{}`; the provider's algorithms are {allowed}", alg.name())
    });
}

/// How many keys there are to try.
pub(in crate::engine) fn candidates(kid: Option<&Kid>, keys: usize, alg: Alg, trace: &mut Trace) {
    trace.found(Step::Key, Decided::Passed, || {
        let kid = kid.map_or_else(|| "missing".to_owned(), |kid| quoted(kid.as_str()));
        format!("the `kid` is {kid}: {keys} to try with {}", alg.name())
    });
}

/// The key that made a signature, and who checked that.
pub(in crate::engine) fn signature(
    key: &PublicKey,
    alg: Alg,
    by_host: impl FnOnce() -> bool,
    trace: &mut Trace,
) {
    trace.passed(Step::Signature, Step::Signature.looks_at(), || {
        let by = if by_host() { "the proxy" } else { "the filter's own code" };
        format!("it is that of the key {}, {}; {by} checked it", self::key(key), alg.name())
    });
}

/// A token that was verified before.
pub(in crate::engine) fn recalled(said: &Said, trace: &mut Trace) {
    trace.passed(Step::Signature, VERIFIED, || {
        let alg = said.alg.map_or("", Alg::name);
        let kid = quoted(said.kid.as_ref().map_or("", Kid::as_str));
        format!(
            "it is one: its {alg} signature was verified before, and the key is still in use; its \
             `kid` is {kid}"
        )
    });
}

/// A token that was verified before, by a key that has gone since.
pub(in crate::engine) fn outlived(trace: &mut Trace) {
    trace.skipped(Step::Signature, VERIFIED, || {
        "it is one, and the key that verified it is no longer in use".to_owned()
    });
}

/// That no list of revocations names what vouched, and how many entries the fetched one has.
pub(in crate::engine) fn not_revoked(fetched: Option<usize>, trace: &mut Trace) {
    trace.passed(Step::Session, "`revoked`", || match fetched {
        Some(count) => {
            format!("on no list; the fetched one has {}", counted(count, ["entry", "entries"]))
        }
        None => "on no list".to_owned(),
    });
}

/// Which headers are changed before a request goes upstream; no value of any.
pub(in crate::engine) fn handoff(changes: &[HeaderChange], trace: &mut Trace) {
    trace.passed(Step::Handoff, Step::Handoff.looks_at(), || {
        let (mut set, mut removed) = (Vec::new(), Vec::new());
        for change in changes {
            match change {
                HeaderChange::Remove(name) => removed.push(String::from_utf8_lossy(name)),
                HeaderChange::Set(name, _) => set.push(name.as_ref()),
            }
        }
        format!("set: {}; removed: {}", list(&set), list(&removed))
    });
}

/// What a provider has said of a token, and how old that is.
pub(in crate::engine) fn introspected(words: &str, age: Duration, trace: &mut Trace) {
    trace.passed(Step::Introspection, Step::Introspection.looks_at(), || {
        format!("{words}; the answer is {} old", in_words(age))
    });
}

/// A token about which its provider is asked.
pub(in crate::engine) fn asked_about(provider: &Name, bytes: usize, trace: &mut Trace) {
    trace.passed(Step::Token, "the token's form", || {
        format!("{bytes} bytes, which provider `{provider}` is asked about")
    });
}

/// A token whose provider is being asked.
pub(in crate::engine) fn being_asked(waited: Duration, trace: &mut Trace) {
    trace.note(Step::Introspection, Decided::Waits, || {
        let found = format!("the request waited {} for the answer", roughly(waited));
        (Step::Introspection.looks_at().into(), found)
    });
}
