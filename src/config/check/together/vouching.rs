//! Who vouches for whom.

use crate::api::Auth;
use crate::config::check::drafts::{
    ApiDraft, DraftKind, Drafts, Providers, Texts, pairs, provider,
};
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::RawConfig;
use crate::config::read::At;
use crate::ids::ProviderId;

/// Somebody vouches, each token and key for one provider, and each provider for some API.
pub(super) fn check(raw: &At<RawConfig>, drafts: &Drafts, problems: &mut Problems<'_>) {
    let Drafts { providers, apis, .. } = drafts;
    somebody_vouches(raw, providers, apis, problems);
    issuers(providers, apis, problems);
    keys(providers, apis, problems);
    if !raw.apis.is_absent() {
        unused_providers(providers, apis, problems);
    }
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

/// A token must say by its issuer which provider of an API it is for.
fn issuers(providers: &Providers, apis: &[ApiDraft], problems: &mut Problems<'_>) {
    let mut said = Texts::default();
    let mut is_new = |at: usize, (one, other): (ProviderId, ProviderId)| {
        said.put([at, one.0, other.0].map(usize::to_be_bytes).as_flattened(), 0)
    };
    for api in apis {
        for pair in pairs(&api.providers) {
            let issuer = |id| provider(providers, id).and_then(|draft| Some((draft, draft.jwt()?)));
            let (Some((named, one)), Some((_, other))) = (issuer(pair.0), issuer(pair.1)) else {
                continue;
            };
            if one.any_issuer.is_some()
                && let Some(at) = other.any_issuer
                && is_new(at, pair)
            {
                problems.refuse(
                    Code::IssuerShared,
                    at,
                    format_args!(
                        "provider `{}` takes any issuer, too, and API `{}` lists both: a token \
                         could be for either; name the issuers of one of them",
                        named.shown(),
                        api.shown()
                    ),
                );
            }
            if !one.is_told_by_issuer() || !other.is_told_by_issuer() {
                continue;
            }
            let known = Texts::new(one.issuers.iter().map(|issuer| issuer.value.to_string()));
            for issuer in &other.issuers {
                if known.get(&issuer.value).is_some() && is_new(issuer.at, pair) {
                    problems.refuse(
                        Code::IssuerShared,
                        issuer.at,
                        format_args!(
                            "also the issuer of provider `{}`, and API `{}` lists both: a token \
                             could be for either; make them one provider, or list them in \
                             different APIs",
                            named.shown(),
                            api.shown()
                        ),
                    );
                }
            }
        }
    }
}

/// API keys have no claims of which an API could ask, and their policies need an API.
fn keys(providers: &Providers, apis: &[ApiDraft], problems: &mut Problems<'_>) {
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
                let instead = match *field {
                    "require" if !api.comparisons.is_empty() => {
                        ", or compare \"session\": \"identity\" and nothing else"
                    }
                    _ => "",
                };
                problems.refuse(
                    Code::TokenAskedOfKey,
                    *at,
                    format_args!(
                        "`{field}` is asked of a token, and this API takes the session of API keys \
                         (`{}`), which say nothing of it; delete it, or leave that provider out{instead}",
                        draft.shown()
                    ),
                );
            }
        }
    }
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
