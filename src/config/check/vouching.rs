//! What kinds of provider must not say together.

use super::drafts::{ApiDraft, DraftKind, ProviderDraft};
use super::places::{meet, same};
use crate::api::Auth;
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::ids::ProviderId;

/// Every check of API keys against APIs and other providers.
pub(super) fn check(
    providers: &[Option<ProviderDraft>],
    apis: &[ApiDraft],
    problems: &mut Problems<'_>,
) {
    for (index, draft) in providers.iter().enumerate() {
        let Some(draft) = draft else { continue };
        let DraftKind::ApiKey { policies, .. } = &draft.kind else { continue };
        let id = ProviderId(index);
        // Where an API is wrong, it may be the one that uses the session.
        let unsure = apis.is_empty() || apis.iter().any(|api| api.auth.is_none());
        if !unsure && !apis.iter().any(|api| uses_session(api, id)) {
            for name in policies {
                problems.refuse(
                    Code::FieldUseless,
                    name.at,
                    "has no effect: no API uses the session of this provider; name it in \
                     `apis[].session_from`, or delete its policies",
                );
            }
        }
        for api in apis.iter().filter(|api| uses_session(api, id)) {
            for (field, at) in &api.asks_of_tokens {
                problems.refuse(
                    Code::TokenAskedOfKey,
                    *at,
                    format_args!(
                        "`{field}` is asked of a token, and this API takes the session of API keys \
                         (`{}`), which say nothing of it; delete it, or leave that provider out",
                        draft.shown()
                    ),
                );
            }
        }
    }
    refuse_shared_places(providers, apis, problems);
}

/// Whether a session of this provider can be the one that counts on an API.
fn uses_session(api: &ApiDraft, id: ProviderId) -> bool {
    match &api.auth {
        Some(Auth::Branches { branches, .. }) => {
            branches.iter().any(|branch| branch.session_from == id)
        }
        Some(Auth::None) | None => false,
    }
}

/// What two providers find at one place each takes for its own. A token says by its issuer whose it
/// is; beside a list of API keys nothing does, and each would refuse what is the other's.
fn refuse_shared_places(
    providers: &[Option<ProviderDraft>],
    apis: &[ApiDraft],
    problems: &mut Problems<'_>,
) {
    let mut said = Vec::new();
    for api in apis {
        for (one, other) in super::together::pairs(&api.providers) {
            let known = |id: ProviderId| providers.get(id.0).and_then(Option::as_ref);
            let (Some(one), Some(other)) = (known(one), known(other)) else { continue };
            if one.jwt().is_some() && other.jwt().is_some() {
                continue;
            }
            let counts = |apis: &Option<Vec<crate::ids::Name>>| {
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
                            "provider `{}` reads the same place on API `{}`: each would take the \
                             other's credential for a bad one of its own; give one of them another \
                             place in `from`",
                            one.shown(),
                            api.shown()
                        ),
                    );
                }
            }
        }
    }
}
