//! What an API's `require` asks of claims, and what it compares with requests.

use crate::api::{Compared, Comparison, HostPattern, PathPattern, Spot};
use crate::claims::{Rule, Test};
use crate::config::check::headers::{self, Use};
use crate::config::check::rules::{CLAIM_MISSING, NOTHING, SEVERAL, tests};
use crate::config::check::written::not_empty;
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::api::{RawApi, RawApiRule, RawMatch, RawMatches};
use crate::config::read::{At, Field, List, Text, items};
use crate::verdict::quoted;

/// What an API requires: of claims alone, and of claims or the identity beside the request.
#[derive(Default)]
pub(super) struct Required {
    pub(super) rules: Vec<Rule>,
    pub(super) comparisons: Vec<At<Comparison>>,
    /// Where `require` is written, if it asks anything of a token, or may have been meant to.
    pub(super) of_tokens: Option<usize>,
}

/// What an API requires.
pub(super) fn check(api: &RawApi, problems: &mut Problems<'_>) -> Required {
    let mut required = Required::default();
    not_empty(&api.require, NOTHING, problems);
    let Some(list) = api.require.given() else { return required };
    let is_sessions = |raw: &At<RawApiRule>| !raw.session.is_absent() && raw.claim.is_absent();
    let all_are = !list.is_empty() && list.items.len() == list.written;
    if !(all_are && list.items.iter().all(is_sessions)) {
        required.of_tokens = Some(list.at);
    }
    for raw in &list.items {
        rule(raw, api, &mut required, problems);
    }
    required
}

fn rule(raw: &At<RawApiRule>, api: &RawApi, to: &mut Required, problems: &mut Problems<'_>) {
    let RawApiRule { values, contains_any, contains_all, starts_with, .. } = &raw.value;
    let mut tests = tests((values, contains_any, contains_all), starts_with, problems);
    match (&raw.claim, &raw.session) {
        (Field::Absent, Field::Absent) => {
            problems.missing(raw.at, "claim", CLAIM_MISSING);
        }
        (Field::Given(_), Field::Given(session)) => {
            let message = "a claim is asked for, too; delete one of the two";
            problems.refuse(Code::OneOfRequired, session.at, message);
        }
        _ => {}
    }
    if let (Field::Given(session), Field::Absent) = (&raw.session, &raw.matches) {
        let message =
            "asks nothing of the identity; add \"matches\": {\"path\": \"id\"} or the like";
        problems.refuse(Code::OneOfRequired, session.at, message);
    }
    let things = tests.len().saturating_add(usize::from(!raw.matches.is_absent()));
    if things > 1 {
        problems.refuse(Code::OneOfRequired, raw.at, SEVERAL);
    }
    let with = raw.matches.given().and_then(|matches| spot(matches, api, problems));
    let claim = raw.claim.given().map(|claim| claim.value.clone());
    if raw.matches.is_absent() {
        let test = tests.pop().unwrap_or(Test::Present);
        to.rules.extend(claim.map(|claim| Rule { claim, test }));
    } else if let Some(with) = with {
        let compared = claim.map_or(Compared::Identity, Compared::Claim);
        to.comparisons.push(At { at: with.at, value: Comparison { compared, with: with.value } });
    }
}

/// The part of the request that is named, and its place.
fn spot(raw: &At<RawMatches>, api: &RawApi, problems: &mut Problems<'_>) -> Option<At<Spot>> {
    let fields = [&raw.header, &raw.path, &raw.host, &raw.query];
    if fields.iter().filter(|field| !field.is_absent()).count() != 1 {
        problems.refuse(
            Code::OneOfRequired,
            raw.at,
            "name exactly one part of the request: `header`, `path`, `host` or `query`",
        );
        return None;
    }
    let spot = |name: &At<Text>, spot: fn(Box<str>) -> Spot| {
        Some(At { at: name.at, value: spot(name.value.0.clone()) })
    };
    if let Some(header) = raw.header.given() {
        let name = At { at: header.at, value: &*header.value.0 };
        let name = headers::name(&name, Use::Compare, problems)?;
        return Some(At { at: name.at, value: Spot::Header(name.value) });
    }
    if let Some(name) = raw.path.given() {
        named(name, &api.matcher, |raw| &raw.paths, "paths", path_names, problems);
        return spot(name, Spot::Path);
    }
    if let Some(name) = raw.host.given() {
        named(name, &api.matcher, |raw| &raw.hosts, "hosts", host_names, problems);
        return spot(name, Spot::Host);
    }
    let name = raw.query.given()?;
    let splits = |b: u8| b"[]&=;#+%?".contains(&b) || !b.is_ascii_graphic();
    if name.is_empty() || name.bytes().any(splits) {
        problems.refuse(
            Code::ValueInvalid,
            name.at,
            format_args!(
                "{} is no name that every server reads alike: visible ASCII without []&=;#+%?, \
                 decoded; put the value into the path or a header",
                quoted(name)
            ),
        );
    }
    spot(name, Spot::Query)
}

/// How often a path pattern has a segment of a name; `None` where it is no pattern, which has been
/// said.
fn path_names(pattern: &str, name: &str) -> Option<usize> {
    Some(PathPattern::parse(pattern).ok()?.names(name))
}

/// The same of a host pattern's labels.
fn host_names(pattern: &str, name: &str) -> Option<usize> {
    Some(HostPattern::parse(pattern).ok()?.names(name))
}

/// Demands that each pattern of an API has a part of this name, once.
fn named(
    name: &At<Text>,
    matcher: &Field<RawMatch>,
    list: fn(&RawMatch) -> &Field<List<Text>>,
    kind: &str,
    count: fn(&str, &str) -> Option<usize>,
    problems: &mut Problems<'_>,
) {
    let text = name.value.0.trim_matches(['{', '}']);
    if *text != *name.value.0 {
        problems.refuse(
            Code::ValueInvalid,
            name.at,
            format_args!("the name stands without braces here; write {}", quoted(text)),
        );
        return;
    }
    let patterns = match matcher {
        Field::Absent => &Field::Absent,
        Field::Given(matcher) => list(matcher),
        Field::Wrong => return,
    };
    if patterns.is_absent() {
        problems.refuse(
            Code::NameUnknown,
            name.at,
            format_args!(
                "this API has no `match.{kind}`, so nothing in them has this name; write \
                          them, with `{{{text}}}` where the value stands"
            ),
        );
    }
    for pattern in items(patterns) {
        let (code, wrong) = match count(pattern, text) {
            None | Some(1) => continue,
            Some(0) => (Code::NameUnknown, "has no"),
            Some(_) => (Code::NameTwice, "has more than one"),
        };
        problems.refuse(
            code,
            name.at,
            format_args!(
                "{} of `match.{kind}` {wrong} `{{{text}}}`; write it there once, or give that pattern \
                 an API of its own",
                quoted(pattern)
            ),
        );
    }
}
