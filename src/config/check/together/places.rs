//! Where providers look for their credentials, on which API.

use crate::config::check::drafts::{
    ApiDraft, Drafts, Members, ProviderDraft, Providers, pairs, provider,
};
use crate::config::check::names::refuse_unknown_api;
use crate::config::check::own::places::{meet, same};
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::ids::{Name, ProviderId};
use crate::provider::{Location, Place};
use crate::verdict::quoted;

/// Each credential is found, and taken for nobody else's.
pub(super) fn check(drafts: &Drafts, problems: &mut Problems<'_>) {
    let Drafts { providers, apis, .. } = drafts;
    places_of_tokens(providers, apis, problems);
    refuse_shared_places(providers, apis, problems);
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

/// What two providers find at one place each takes for its own. A token says by its issuer whose it
/// is; beside a list of API keys nothing does, and each would refuse what is the other's.
fn refuse_shared_places(providers: &Providers, apis: &[ApiDraft], problems: &mut Problems<'_>) {
    let mut said = Vec::new();
    for api in apis {
        for (one, other) in pairs(&api.providers) {
            let known = |id: ProviderId| providers.get(id.0).and_then(Option::as_ref);
            let (Some(one), Some(other)) = (known(one), known(other)) else { continue };
            // A token says by its form, or by its issuer, whose it is.
            let both = one.jwt().zip(other.jwt());
            if both.is_some_and(|(one, other)| !(one.takes_opaque() && other.takes_opaque())) {
                continue;
            }
            let why = match both {
                Some(_) => "a stranger's token would be shown to both",
                None => "each would take the other's credential for a bad one of its own",
            };
            let counts = |apis: &Option<Vec<Name>>| {
                apis.as_ref().is_none_or(|apis| api.name.as_ref().is_none_or(|n| apis.contains(n)))
            };
            for place in other.from.iter().filter(|place| counts(&place.apis)) {
                let shared = one.from.iter().find(|earlier| {
                    counts(&earlier.apis)
                        && meet(earlier, place)
                        && same(&earlier.place, &place.place)
                });
                if shared.is_some() && !said.contains(&(place.at, one.at)) {
                    said.push((place.at, one.at));
                    problems.refuse(
                        Code::PlaceShared,
                        place.at,
                        format_args!(
                            "provider `{}` reads the same place on API `{}`: {why}; give one of them \
                             another place in `from`",
                            one.shown(),
                            api.shown()
                        ),
                    );
                }
            }
        }
    }
}
