//! One API on its own, against the providers.

use super::rates::{self, Shared};
use super::{mcp, require, resource};
use crate::api::{Auth, Branch, Matcher, Unauthenticated, asked_of_tokens};
use crate::config::check::drafts::{ApiDraft, Members};
use crate::config::check::matching::{matcher, refuse_slashes};
use crate::config::check::names::KnownProviders;
use crate::config::check::written::{self, given_texts, not_empty, scopes, texts};
use crate::config::code::Code;
use crate::config::problems::{Problems, near_by_slip};
use crate::config::raw::RawConfig;
use crate::config::raw::api::{RawApi, RawAuth, RawPreflight, RawSlash, RawUnauthenticated};
use crate::config::read::{At, OneOrMany, items, one_or_many};

use crate::ids::{Name, ProviderId};
use crate::limits::Definition;
use crate::verdict::quoted;

/// Judges each API.
pub(super) fn check_all(raw: &RawConfig, problems: &mut Problems<'_>) -> Vec<ApiDraft> {
    let names = KnownProviders::new(raw);
    if raw.apis.is_absent() {
        let unsure = raw.providers.is_wrong();
        return everything(names.0.len(), unsure).into_iter().collect();
    }
    not_empty(
        &raw.apis,
        "an empty list would refuse every request; name an API, or leave it out",
        problems,
    );
    let shared = Shared::of(raw);
    let apis = items(&raw.apis).iter().map(|api| check(api, (&names, shared), problems));
    // What is no API was meant to be one: it may have any name and list anybody.
    let lost = raw.apis.given().is_none_or(|list| !list.is_whole()).then(ApiDraft::default);
    apis.chain(lost).collect()
}

/// The one API of a configuration that names none: everything, for any provider.
fn everything(providers: usize, unsure: bool) -> Option<ApiDraft> {
    let branch = |id| Branch { members: vec![ProviderId(id)], session_from: ProviderId(id) };
    let branches: Vec<_> = (0..providers).map(branch).collect();
    (unsure || !branches.is_empty()).then(|| ApiDraft {
        name: Name::parse("default"),
        providers: (0..providers).map(ProviderId).collect(),
        matcher: Some(Matcher::default()),
        branches: branches
            .iter()
            .map(|branch| At { at: 0, value: Members(branch.members.clone()) })
            .collect(),
        auth: Some(Auth::Branches { branches, optional: false }),
        mcp_is_sure: true,
        ..ApiDraft::default()
    })
}

fn check(
    api: &At<RawApi>,
    (names, shared): (&KnownProviders<'_>, Shared),
    problems: &mut Problems<'_>,
) -> ApiDraft {
    if api.name.is_absent() {
        problems.missing(api.at, "name", "missing; name the API, such as \"orders\"");
    }
    let name = api.name.given().and_then(|name| {
        written::name(&At { at: name.at, value: &*name.value }, "an API", problems)
    });
    let encoded_slash = api.encoded_slash.value == RawSlash::Segment;
    let matcher = matcher(&api.matcher, name.as_ref(), problems);
    let slashes_are_refused = !encoded_slash && !api.encoded_slash.is_wrong();
    if let Some(raw) = api.matcher.given().filter(|_| slashes_are_refused) {
        refuse_slashes(&raw.paths, problems);
    }
    let mut branches = Vec::new();
    let auth = auth(api, names, &mut branches, problems);
    narrowing(api, problems);
    let mut providers = Vec::new();
    for id in branches.iter().flat_map(|branch| &branch.value.0) {
        if let Err(place) = providers.binary_search(id) {
            providers.insert(place, *id);
        }
    }
    let resource = api.resource.given().map(|raw| resource::check(raw, problems));
    if resource.is_some() {
        for scope in items(&api.scopes) {
            resource::refuse_offline(scope, problems);
        }
    }
    let mode = api.mode.given();
    let rate = api.rate.given().and_then(|rate| rates::rate(rate, problems));
    let count = api.rate.given().map(|rate| shared.count(&rate.count, &rate.per, problems));
    let required = require::of_api(api, problems);
    let per_caller = api.rate.given().and_then(|rate| rate.per_caller.says_so());
    let names_all = matches!(auth, Some(Auth::Branches { optional: false, .. }))
        && api.cors_preflight.value == RawPreflight::Refuse;
    if let Some(at) = per_caller.filter(|_| !names_all && auth.is_some()) {
        rates::warn_of_addresses(at, problems);
    }
    let kind = if per_caller.is_some() { "caller" } else { "api" };
    ApiDraft {
        asks_of_tokens: asks(api, required.of_tokens).collect(),
        rate: rate
            .zip(name.as_ref())
            .map(|(rate, name)| Definition::new(&[kind, name.as_str()], rate))
            .map(|rate| Definition { count: count.unwrap_or_default(), ..rate }),
        per_caller: per_caller.is_some(),
        rules: required.rules,
        comparisons: required.comparisons,
        mode: mode.map(|mode| mode.value),
        name,
        at: api.at,
        name_at: api.name.given().map_or(api.at, |name| name.at),
        matcher,
        encoded_slash,
        auth,
        branches,
        providers,
        unauthenticated: match api.unauthenticated.value {
            RawUnauthenticated::Auto => Unauthenticated::Auto,
            RawUnauthenticated::Deny => Unauthenticated::Deny,
            RawUnauthenticated::Redirect => Unauthenticated::Redirect,
        },
        unauthenticated_at: strangers(api),
        preflight_passes: api.cors_preflight.value == RawPreflight::Pass,
        audiences: given_texts(&api.audiences),
        clients: given_texts(&api.clients),
        scopes: texts(&api.scopes),
        resource,
        mcp: api.mcp.given().map(|raw| mcp::of_api(raw, problems)),
        mcp_is_sure: !api.mcp.is_wrong(),
    }
}

/// The fields that ask something of callers, with the places where they are written; `require` is the
/// place of that one, where it counts.
fn asks(api: &RawApi, require: Option<usize>) -> impl Iterator<Item = (&'static str, usize)> {
    let RawApi { audiences, clients, scopes, .. } = api;
    asked_of_tokens(audiences.at(), clients.at(), scopes.at(), require)
        .into_iter()
        .filter_map(|(name, at)| Some((name, at?)))
}

/// Where it is said what becomes of requests without a session, if that is not what becomes of them
/// anyway.
fn strangers(api: &RawApi) -> Option<usize> {
    api.unauthenticated.at().filter(|_| api.unauthenticated.value != RawUnauthenticated::Auto)
}

fn auth(
    api: &At<RawApi>,
    names: &KnownProviders<'_>,
    branches: &mut Vec<At<Members>>,
    problems: &mut Problems<'_>,
) -> Option<Auth> {
    if api.auth.is_absent() {
        problems.missing(
            api.at,
            "auth",
            "missing; list the providers that may vouch, or say \"none\" for a public API",
        );
    }
    let auth = api.auth.given()?;
    let list = match &auth.value {
        RawAuth::None => {
            refuse_on_public(api, problems);
            return Some(Auth::None);
        }
        RawAuth::Word(word) => {
            problems.refuse(Code::ValueUnknown, auth.at, refused_word(word, names));
            return None;
        }
        RawAuth::Branches(list) => list,
    };
    if list.is_empty() {
        problems.refuse(
            Code::ValueEmpty,
            auth.at,
            "an empty list would let nobody in; name a provider, or say \"none\" for a public API",
        );
    }
    for branch in &list.items {
        branches.extend(members(branch, names, problems));
    }
    refuse_needless(branches, names, problems);
    // A branch that is wrong may have been meant to name anybody.
    let whole = !list.is_empty() && branches.len() == list.written;
    let chosen = session_from(api, branches, whole, names, problems);
    let branches = branches
        .iter()
        .zip(chosen)
        .map(|(branch, chosen)| {
            Some(Branch { members: branch.value.0.clone(), session_from: chosen? })
        })
        .collect::<Option<Vec<_>>>()?;
    whole.then_some(Auth::Branches { branches, optional: api.optional.value })
}

fn refused_word(word: &str, names: &KnownProviders<'_>) -> String {
    if names.find(word).is_some() {
        return format!("a provider stands in a list; write [\"{word}\"]");
    }
    let known = names.0.iter().copied().chain(["none"]);
    match near_by_slip(word, known) {
        Some("none") => format!("unknown value {}; did you mean `none`?", quoted(word)),
        Some(provider) => {
            format!("unknown value {}; did you mean [\"{provider}\"]?", quoted(word))
        }
        None => {
            format!("unknown value {}; expected \"none\" or a list of providers", quoted(word))
        }
    }
}

/// What asks something of a credential has no meaning where none is asked for.
fn refuse_on_public(api: &At<RawApi>, problems: &mut Problems<'_>) {
    const MESSAGE: &str = "has no meaning on an API with \"auth\": \"none\"; delete it, or name \
                           providers in `auth`";
    let asked = asks(api, api.require.at()).map(|(_, at)| at);
    let session = api
        .session_from
        .at()
        .into_iter()
        .chain(api.policies.at())
        .chain(api.resource.at())
        .chain(api.mcp.at())
        .chain(strangers(api));
    let preflight =
        api.cors_preflight.at().filter(|_| api.cors_preflight.value == RawPreflight::Refuse);
    for at in asked.chain(session).chain(api.optional.says_so()).chain(preflight) {
        problems.refuse(Code::FieldUseless, at, MESSAGE);
    }
}

fn members(
    branch: &At<OneOrMany<16>>,
    names: &KnownProviders<'_>,
    problems: &mut Problems<'_>,
) -> Option<At<Members>> {
    let list = &branch.value.0;
    if list.is_empty() {
        let message = "an empty branch would let everybody in; name a provider, or delete it";
        problems.refuse(Code::ValueEmpty, branch.at, message);
        return None;
    }
    let mut members = Vec::new();
    for written in &list.items {
        match names.find(written) {
            None => {
                if names.1 && problems.has_room() {
                    problems.refuse(Code::NameUnknown, written.at, names.unknown(written));
                }
            }
            Some(id) if members.contains(&id) => {
                let message = format!("`{}` is in this branch twice; delete one", &***written);
                problems.refuse(Code::ValueTwice, written.at, message);
            }
            Some(id) => members.push(id),
        }
    }
    (members.len() == list.written).then_some(At { at: branch.at, value: Members(members) })
}

/// Refuses a branch that another makes needless.
fn refuse_needless(
    branches: &[At<Members>],
    names: &KnownProviders<'_>,
    problems: &mut Problems<'_>,
) {
    for (index, branch) in branches.iter().enumerate() {
        for (other_index, other) in branches.iter().enumerate() {
            let contains = other.value.0.iter().all(|id| branch.value.0.contains(id));
            if index == other_index || !contains {
                continue;
            }
            let same = branch.value.0.len() == other.value.0.len();
            if same && other_index < index {
                problems.refuse(
                    Code::BranchRedundant,
                    branch.at,
                    "this branch is written twice; delete one",
                );
            } else if !same {
                problems.refuse(
                    Code::BranchRedundant,
                    branch.at,
                    format_args!(
                        "contains the branch {}, which is enough: this one is never needed; \
                         delete one of the two",
                        names.branch(&other.value)
                    ),
                );
            }
        }
    }
}

/// Whose session each branch uses; `None` where that is wrong.
fn session_from(
    api: &At<RawApi>,
    branches: &[At<Members>],
    whole: bool,
    names: &KnownProviders<'_>,
    problems: &mut Problems<'_>,
) -> Vec<Option<ProviderId>> {
    let mut listed_ids: Vec<ProviderId> = Vec::new();
    for id in branches.iter().flat_map(|branch| &branch.value.0) {
        if !listed_ids.contains(id) {
            listed_ids.push(*id);
        }
    }
    let mut chosen = Vec::new();
    let written = api.session_from.given();
    let mut sure = api.session_from.is_absent() || written.is_some_and(|list| list.0.is_whole());
    for written in one_or_many(&api.session_from) {
        match names.find(written).filter(|id| listed_ids.contains(id)) {
            Some(id) => chosen.push(id),
            None => {
                sure = false;
                if whole || names.1 && names.find(written).is_none() {
                    let message = not_of_this_api(written, &listed_ids, names);
                    problems.refuse(Code::NameUnknown, written.at, message);
                }
            }
        }
    }
    if let Some(list) = written
        && list.0.is_empty()
    {
        let message = "an empty list names no session; name a provider, or leave it out";
        problems.refuse(Code::ValueEmpty, list.at, message);
    }
    let mut choice = Vec::new();
    for branch in branches {
        choice.push(match *branch.value.0.as_slice() {
            [only] => Some(only),
            _ => choose(api, branch, &chosen, sure, names, problems),
        });
    }
    choice
}

fn choose(
    api: &At<RawApi>,
    branch: &At<Members>,
    chosen: &[ProviderId],
    sure: bool,
    names: &KnownProviders<'_>,
    problems: &mut Problems<'_>,
) -> Option<ProviderId> {
    let shown = names.branch(&branch.value);
    let own: Vec<_> = branch.value.0.iter().copied().filter(|id| chosen.contains(id)).collect();
    match (own.as_slice(), api.session_from.given()) {
        (&[one], _) => return Some(one),
        (_, None) if sure => {
            problems.missing(
                api.at,
                "session_from",
                format_args!(
                    "missing; the branch {shown} has several providers: name the one whose session \
                     is used"
                ),
            );
        }
        (&[], Some(written)) if sure => {
            problems.refuse(
                Code::SessionFromAmbiguous,
                written.at,
                format_args!("names no provider of the branch {shown}; add exactly one of them"),
            );
        }
        (&[_, _, ..], Some(written)) => {
            problems.refuse(
                Code::SessionFromAmbiguous,
                written.at,
                format_args!("names several providers of the branch {shown}; keep exactly one"),
            );
        }
        _ => {}
    }
    None
}

fn not_of_this_api(name: &str, of_this_api: &[ProviderId], names: &KnownProviders<'_>) -> String {
    let mut message = format!("{} is no provider of this API", quoted(name));
    if !of_this_api.is_empty() {
        message = format!("{message}; its branches have: {}", names.list(of_this_api));
    }
    let known: Vec<_> = of_this_api.iter().map(|id| names.get(*id)).collect();
    match near_by_slip(name, known) {
        Some(meant) => format!("{message}; did you mean `{meant}`?"),
        None => message,
    }
}

/// Checks the lists that narrow what providers ask for.
fn narrowing(api: &At<RawApi>, problems: &mut Problems<'_>) {
    for (list, what) in [(&api.audiences, "audience"), (&api.clients, "client")] {
        let message =
            format!("an empty list would accept nothing; name one {what}, or leave it out");
        not_empty(list, &message, problems);
    }
    not_empty(
        &api.scopes,
        "an empty list asks for nothing; name a scope, or leave it out",
        problems,
    );
    scopes(items(&api.scopes), problems);
    let narrowed = asks(api, api.require.at()).next().is_some()
        || api.policies.given().is_some()
        || api.mcp.given().is_some();
    if let (Some(optional), true) = (api.optional.says_so(), narrowed) {
        problems.warn(
            Code::OptionalEscapesDemands,
            optional,
            "a request without a token passes although `audiences`, `clients`, `scopes`, `require`, \
             `policies` or `mcp` ask something of tokens",
        );
    }
}
