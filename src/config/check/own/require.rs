//! What `require` asks of claims, and what that of an API compares with requests.

use crate::api::{Compared, Comparison, HostPattern, PathPattern, Spot};
use crate::claims::{Rule, Test};
use crate::config::check::headers::{self, Use};
use crate::config::check::written::not_empty;
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::api::{RawApi, RawMatch};
use crate::config::raw::provider::RawProvider;
use crate::config::raw::value::{RawMatches, RawRule, Scalar};
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

const NOTHING: &str = "an empty list asks for nothing; name a claim, or leave it out";

/// What an API requires.
pub(super) fn of_api(api: &RawApi, problems: &mut Problems<'_>) -> Required {
    let mut required = Required::default();
    let Some(list) = api.require.given() else { return required };
    let is_sessions = |raw: &At<RawRule>| !raw.session.is_absent() && raw.claim.is_absent();
    if !(list.0.is_whole() && list.0.items.iter().all(is_sessions)) {
        required.of_tokens = Some(list.at);
    }
    rules(At { at: list.at, value: &list.0 }, Some(api), &mut required, problems);
    required
}

/// What a provider requires of claims.
pub(super) fn of_provider(provider: &RawProvider, problems: &mut Problems<'_>) -> Vec<Rule> {
    let mut required = Required::default();
    if let Some(list) = provider.require.given() {
        rules(At { at: list.at, value: &list.0 }, None, &mut required, problems);
    }
    required.rules
}

/// The rules of a list; without an API they speak of claims alone.
#[inline(never)]
fn rules(
    list: At<&List<RawRule>>,
    api: Option<&RawApi>,
    to: &mut Required,
    problems: &mut Problems<'_>,
) {
    if list.is_empty() {
        problems.refuse(Code::ValueEmpty, list.at, NOTHING);
    }
    for raw in &list.items {
        rule(raw, api, to, problems);
    }
}

/// One rule; without an API it speaks of claims alone.
fn rule(raw: &At<RawRule>, api: Option<&RawApi>, to: &mut Required, problems: &mut Problems<'_>) {
    let mut tests = tests(raw, problems);
    let elsewhere = [raw.session.at(), raw.matches.at()];
    if let (None, Some(at)) = (api, elsewhere.into_iter().flatten().next()) {
        let message = "a provider knows of no request; write this into `apis[].require`";
        problems.refuse(Code::FieldUseless, at, message);
        return;
    }
    match (&raw.claim, &raw.session) {
        (Field::Absent, Field::Absent) => {
            let message = "missing; name the claim, such as \"department\"";
            problems.missing(raw.at, "claim", message);
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
    if tests.len().saturating_add(usize::from(!raw.matches.is_absent())) > 1 {
        let message = "asks several things of one claim; write an element of the list for each";
        problems.refuse(Code::OneOfRequired, raw.at, message);
    }
    let claim = raw.claim.given().map(|claim| claim.value.clone());
    let with = raw.matches.given().zip(api);
    if let Some(with) = with.and_then(|(matches, api)| spot(matches, api, problems)) {
        let compared = claim.map_or(Compared::Identity, Compared::Claim);
        to.comparisons.push(At { at: with.at, value: Comparison { compared, with: with.value } });
    } else if raw.matches.is_absent() {
        let test = tests.pop().unwrap_or(Test::Present);
        to.rules.extend(claim.map(|claim| Rule { claim, test }));
    }
}

/// What a rule asks of a claim, each thing that is written.
fn tests(raw: &RawRule, problems: &mut Problems<'_>) -> Vec<Test> {
    let mut tests = Vec::new();
    const EMPTY: &str = "an empty list names no value; name one, or leave it out for any";
    let mut list = |field: &Field<List<Scalar>>, test: fn(Vec<serde_json::Value>) -> Test| {
        not_empty(field, EMPTY, problems);
        let values = items(field).iter().map(|value| value.value.0.clone());
        tests.extend(field.given().map(|_| test(values.collect())));
    };
    list(&raw.values, Test::In);
    list(&raw.contains_any, Test::ContainsAny);
    list(&raw.contains_all, Test::ContainsAll);
    if let Some(starts) = raw.starts_with.given() {
        if starts.0.is_empty() {
            problems.refuse(Code::ValueEmpty, starts.at, EMPTY);
        }
        let starts = starts.0.items.iter().map(|start| (*start.value.0).into());
        tests.push(Test::StartsWith(starts.collect()));
    }
    tests
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
