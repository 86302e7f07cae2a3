//! What providers and APIs must not say together.

use std::collections::{BTreeMap, BTreeSet};

use super::drafts::{ApiDraft, Members, ProviderDraft};
use super::headers::{self, DEFAULTS};
use crate::api::{Auth, Branch, Matcher};
use crate::config::code::Code;
use crate::config::problems::{Problems, listed, near};
use crate::config::raw::RawConfig;
use crate::config::read::At;
use crate::ids::ProviderId;
use crate::provider::{Location, Place};
use crate::verdict::quoted;

type Providers = [Option<ProviderDraft>];

/// Every cross-check.
pub(super) fn check(
    raw: &At<RawConfig>,
    providers: &Providers,
    apis: &[ApiDraft],
    problems: &mut Problems<'_>,
) {
    somebody_vouches(raw, providers, apis, problems);
    api_names(apis, problems);
    metric_names(providers, apis, problems);
    hidden_apis(apis, problems);
    warn_of_open_doors(apis, problems);
    issuers(providers, apis, problems);
    places_of_tokens(providers, apis, problems);
    headers_read_and_written(providers, problems);
    headers_of_a_branch(providers, apis, problems);
    super::vouching::check(providers, apis, problems);
    if !raw.apis.is_absent() {
        unused_providers(providers, apis, problems);
    }
}

fn provider(providers: &Providers, id: ProviderId) -> Option<&ProviderDraft> {
    providers.get(id.0).and_then(Option::as_ref)
}

fn somebody_vouches(
    raw: &At<RawConfig>,
    providers: &Providers,
    apis: &[ApiDraft],
    problems: &mut Problems<'_>,
) {
    let public = apis.iter().any(|api| matches!(api.auth, Some(Auth::None)));
    let message = "nobody could vouch for a request; write a provider, or an API with \
                   \"auth\": \"none\"";
    if !providers.is_empty() || public {
        return;
    }
    match raw.providers.given() {
        Some(empty) => {
            problems.refuse(Code::ValueEmpty, empty.at, format_args!("empty; {message}"))
        }
        None if raw.providers.is_absent() => {
            problems.missing(raw.at, "providers", format_args!("missing; {message}"));
        }
        None => {}
    }
}

fn api_names(apis: &[ApiDraft], problems: &mut Problems<'_>) {
    for (index, api) in apis.iter().enumerate() {
        let twin = apis
            .iter()
            .take(index)
            .position(|earlier| earlier.name.is_some() && earlier.name == api.name);
        if let Some(twin) = twin {
            let message =
                format!("`{}` is the name of apis[{twin}], too; write another", api.shown());
            problems.refuse(Code::NameTwice, api.name_at, message);
        }
    }
}

/// Prometheus has no `-` in a name and gets `_` instead: two names would share their counters there.
fn metric_names(providers: &Providers, apis: &[ApiDraft], problems: &mut Problems<'_>) {
    let providers = providers.iter().flatten();
    let providers: Vec<_> =
        providers.filter_map(|one| Some((one.name.as_ref()?.as_str(), one.at))).collect();
    let apis = apis.iter();
    let apis: Vec<_> =
        apis.filter_map(|one| Some((one.name.as_ref()?.as_str(), one.name_at))).collect();
    let letter = |byte: u8| if byte == b'-' { b'_' } else { byte };
    let is_one = |one: &str, other: &str| {
        one != other && one.bytes().map(letter).eq(other.bytes().map(letter))
    };
    for names in [providers, apis] {
        for (index, (name, at)) in names.iter().enumerate() {
            let twin = names.iter().take(index).find(|(earlier, _)| is_one(earlier, name));
            if let Some((twin, _)) = twin {
                problems.warn(
                    Code::MetricNameShared,
                    *at,
                    format_args!(
                        "`{name}` and `{twin}` are one name in Prometheus, which reads `-` as `_`: \
                         their metrics run together; let them differ in more than that"
                    ),
                );
            }
        }
    }
}

fn hidden_apis(apis: &[ApiDraft], problems: &mut Problems<'_>) {
    for (index, api) in apis.iter().enumerate() {
        let hiding = apis.iter().take(index).enumerate().find(|(place, earlier)| {
            let next = apis.get(place.saturating_add(1)).map_or(api.at, |next| next.at);
            match (&earlier.matcher, &api.matcher) {
                (Some(matcher), Some(later)) => {
                    matcher.covers(later) && !problems.has_unknown_field(earlier.at, next)
                }
                _ => false,
            }
        });
        if let Some((place, hiding)) = hiding {
            problems.refuse(
                Code::ApiHidden,
                api.at,
                format_args!(
                    "hidden: `{}` (apis[{place}]) comes first and takes every request of this API; \
                     put this one before it, or narrow its `match`",
                    hiding.shown()
                ),
            );
        }
    }
}

/// A public API that takes whatever is left makes public what somebody forgot to list.
fn warn_of_open_doors(apis: &[ApiDraft], problems: &mut Problems<'_>) {
    for api in apis.iter().filter(|api| matches!(api.auth, Some(Auth::None))) {
        let takes_all = |matcher: &Matcher| matcher.covers(&Matcher::default());
        if api.matcher.as_ref().is_some_and(takes_all) {
            problems.warn(
                Code::ApiPublicCatchAll,
                api.at,
                "a public API that takes every request: what no API before it matches passes \
                 without a credential; narrow its `match`",
            );
        }
    }
}

/// A token must say by its issuer which provider of an API it is for.
fn issuers(providers: &Providers, apis: &[ApiDraft], problems: &mut Problems<'_>) {
    let mut said = BTreeSet::new();
    for api in apis {
        for pair in pairs(&api.providers) {
            let issuer = |id| provider(providers, id).and_then(|draft| Some((draft, draft.jwt()?)));
            let (Some((shown_one, one)), Some((_, other))) = (issuer(pair.0), issuer(pair.1))
            else {
                continue;
            };
            if one.any_issuer.is_some()
                && let Some(at) = other.any_issuer
                && said.insert((at, pair))
            {
                problems.refuse(
                    Code::IssuerShared,
                    at,
                    format_args!(
                        "provider `{}` takes any issuer, too, and API `{}` lists both: a token \
                         could be for either; name the issuers of one of them",
                        shown_one.shown(),
                        api.shown()
                    ),
                );
            }
            let known = set(one.issuers.iter().map(|issuer| issuer.value.to_string()));
            for issuer in &other.issuers {
                if known.contains::<str>(&issuer.value) && said.insert((issuer.at, pair)) {
                    problems.refuse(
                        Code::IssuerShared,
                        issuer.at,
                        format_args!(
                            "also the issuer of provider `{}`, and API `{}` lists both: a token \
                             could be for either; make them one provider, or list them in \
                             different APIs",
                            shown_one.shown(),
                            api.shown()
                        ),
                    );
                }
            }
        }
    }
}

/// Each two of these, once.
pub(super) fn pairs(ids: &[ProviderId]) -> Vec<(ProviderId, ProviderId)> {
    let from = |(index, one): (usize, &ProviderId)| {
        let one = *one;
        ids.iter().skip(index.saturating_add(1)).map(move |other| (one, *other)).collect::<Vec<_>>()
    };
    ids.iter().enumerate().flat_map(from).collect()
}

/// The APIs in `from` exist and list the provider; each API that lists it finds a place.
fn places_of_tokens(providers: &Providers, apis: &[ApiDraft], problems: &mut Problems<'_>) {
    let names: Vec<_> =
        apis.iter().filter_map(|api| api.name.as_ref().map(|name| name.as_str())).collect();
    for (index, draft) in providers.iter().enumerate() {
        let Some(draft) = draft else { continue };
        let id = ProviderId(index);
        for written in &draft.from_apis {
            let api = apis
                .iter()
                .find(|api| api.name.as_ref().is_some_and(|name| name.as_str() == &*written.value));
            match api {
                Some(api) if api.auth.is_none() || api.lists(id) => {}
                Some(_) => problems.refuse(
                    Code::NameUnknown,
                    written.at,
                    format_args!(
                        "API {} does not list this provider in `auth`; add it there, or delete the \
                         name here",
                        quoted(written)
                    ),
                ),
                None => refuse_unknown_api(written, apis, problems),
            }
        }
        places_for_each_api(draft, id, apis, &names, problems);
        warn_of_one_place(api_branches(apis, id), id, providers, problems);
    }
}

/// Each API that lists a provider finds a place where its token may stand.
fn places_for_each_api(
    draft: &ProviderDraft,
    id: ProviderId,
    apis: &[ApiDraft],
    names: &[&str],
    problems: &mut Problems<'_>,
) {
    // A misspelt API, or another one, probably is the one that would be missed.
    let unsure = draft.from_apis.iter().any(|written| {
        !names.contains(&&*written.value)
            || apis.iter().any(|api| api.shown() == &*written.value && !api.lists(id))
    });
    let Some(from_at) = draft.from_at.filter(|_| !unsure) else { return };
    let listing = apis.iter().filter(|api| api.lists(id));
    for name in listing.filter_map(|api| api.name.as_ref()) {
        let counts = |place: &Location| place.apis.as_ref().is_none_or(|apis| apis.contains(name));
        if !draft.from.iter().any(|place| counts(place)) {
            problems.refuse(
                Code::PlaceMissing,
                from_at,
                format_args!(
                    "no place counts on API `{name}`, which lists this provider: its token would \
                     never be found there; add `{name}` to a place"
                ),
            );
        }
    }
}

/// Refuses the name of no API, unless one has a name that is wrong: it may be that one.
pub(super) fn refuse_unknown_api(
    name: &At<impl AsRef<str>>,
    apis: &[ApiDraft],
    problems: &mut Problems<'_>,
) {
    let Some(names) = apis.iter().map(|api| Some(api.name.as_ref()?.as_str())).collect() else {
        return;
    };
    let (names, shown): (Vec<_>, _) = (names, quoted(name.value.as_ref()));
    let message = match near(name.value.as_ref(), names.iter().copied()) {
        Some(meant) => format!("{shown} is no API; did you mean `{meant}`?"),
        None if names.is_empty() => format!("{shown} is no API; there are none"),
        None => format!("{shown} is no API; known: {}", listed(names, "and")),
    };
    problems.refuse(Code::NameUnknown, name.at, message);
}

fn api_branches(apis: &[ApiDraft], id: ProviderId) -> impl Iterator<Item = (usize, &Members)> {
    apis.iter()
        .flat_map(|api| &api.branches)
        .filter(move |branch| branch.value.0.contains(&id))
        .map(|branch| (branch.at, &branch.value))
}

/// A request carries one token per place: providers that share their only one cannot both vouch.
fn warn_of_one_place<'a>(
    branches: impl Iterator<Item = (usize, &'a Members)>,
    id: ProviderId,
    providers: &Providers,
    problems: &mut Problems<'_>,
) {
    for (at, members) in branches {
        for other in members.0.iter().copied().filter(|other| id < *other) {
            let (Some(one), Some(two)) = (provider(providers, id), provider(providers, other))
            else {
                continue;
            };
            if let Some(first) = only_header(one)
                && only_header(two) == Some(first)
            {
                problems.warn(
                    Code::PlaceShared,
                    at,
                    format_args!(
                        "`{}` and `{}` both read only the header `{first}`, and two tokens in one \
                         header are refused: give one of them another place in `from`",
                        one.shown(),
                        two.shown(),
                    ),
                );
            }
        }
    }
}

/// The header in which a provider looks for its token, where it looks nowhere else.
fn only_header(provider: &ProviderDraft) -> Option<&str> {
    let mut names = provider.from.iter().map(|place| match &place.place {
        Place::Header { name, .. } => Some(&**name),
        Place::Cookie { .. } | Place::Query { .. } => None,
    });
    let first = names.next()??;
    names.all(|name| name == Some(first)).then_some(first)
}

/// What is removed from requests, because the configuration writes it or because it is another
/// spelling of what is read, cannot be a credential.
fn headers_read_and_written<'p>(providers: &'p Providers, problems: &mut Problems<'_>) {
    let all = || providers.iter().flatten();
    let places = |reader: &'p ProviderDraft| reader.from.iter().map(move |place| (place, reader));
    let mut readers: BTreeMap<String, (&str, &ProviderDraft)> = BTreeMap::new();
    for (place, reader) in all().flat_map(places) {
        let Some(header) = place.place.header() else { continue };
        match readers.get(&headers::folded(header)) {
            // Whose two places of one provider are has been said.
            Some((first, other)) if *first != header && !std::ptr::eq(*other, reader) => {
                problems.refuse(
                    Code::PlaceShared,
                    place.at,
                    format_args!(
                        "`{header}` and `{first}`, which provider `{}` reads, are one name to many \
                         servers; let both read the same one",
                        other.shown()
                    ),
                );
            }
            Some(_) => {}
            None => drop(readers.insert(headers::folded(header), (header, reader))),
        }
    }
    for header in all().flat_map(|provider| &provider.written) {
        if let Some((_, reader)) = readers.get(&headers::folded(header)) {
            problems.refuse(
                Code::HeaderConflict,
                header.at,
                format_args!(
                    "`{}` is where provider `{}` reads its token (`from`); write another header",
                    &**header,
                    reader.shown()
                ),
            );
        }
    }
}

/// All members of a branch write their headers, so that none may write another's.
fn headers_of_a_branch(providers: &Providers, apis: &[ApiDraft], problems: &mut Problems<'_>) {
    for api in apis {
        for branch in &api.branches {
            for (one, other) in pairs(&branch.value.0) {
                let (Some(one), Some(other)) =
                    (provider(providers, one), provider(providers, other))
                else {
                    continue;
                };
                refuse_same_header(one, other, api, problems);
            }
        }
        if let Some(Auth::Branches { branches, .. }) = &api.auth {
            for branch in branches {
                refuse_default_header(branch, providers, api, problems);
            }
        }
    }
}

/// A set of texts, made by one insertion after the other: made at once they would be sorted, by code
/// that is larger than this file's.
fn set(texts: impl Iterator<Item = String>) -> BTreeSet<String> {
    let mut set = BTreeSet::new();
    for text in texts {
        set.insert(text);
    }
    set
}

fn refuse_same_header(
    one: &ProviderDraft,
    other: &ProviderDraft,
    api: &ApiDraft,
    problems: &mut Problems<'_>,
) {
    let known = set(one.written.iter().map(|header| headers::folded(header)));
    for header in &other.written {
        if known.contains(&headers::folded(header)) {
            problems.refuse(
                Code::HeaderConflict,
                header.at,
                format_args!(
                    "provider `{}` writes `{}`, too, and a branch of API `{}` has both; write \
                     another header",
                    one.shown(),
                    &**header,
                    api.shown()
                ),
            );
        }
    }
}

fn refuse_default_header(
    branch: &Branch,
    providers: &Providers,
    api: &ApiDraft,
    problems: &mut Problems<'_>,
) {
    let Some(session) = provider(providers, branch.session_from) else { return };
    if session.upstream.headers.is_some() {
        return;
    }
    let others = branch.members.iter().filter(|id| **id != branch.session_from);
    for other in others.filter_map(|id| provider(providers, *id)) {
        for header in other.written.iter().filter(|header| DEFAULTS.contains(&&****header)) {
            problems.refuse(
                Code::HeaderConflict,
                header.at,
                format_args!(
                    "on API `{}` the session of provider `{}` writes `{}`; write another header, \
                     or give that provider `upstream.headers` of its own",
                    api.shown(),
                    session.shown(),
                    &**header
                ),
            );
        }
    }
}

fn unused_providers(providers: &Providers, apis: &[ApiDraft], problems: &mut Problems<'_>) {
    for (index, draft) in providers.iter().enumerate() {
        let Some(draft) = draft else { continue };
        let listed = apis.iter().any(|api| api.lists(ProviderId(index)));
        if !listed {
            problems.warn(
                Code::ProviderUnused,
                draft.at,
                "no API lists this provider: its tokens are taken nowhere; name it in an API's `auth`, \
                 or delete it",
            );
        }
    }
}
