//! Logins beside each other, beside APIs, and beside what else the filter answers itself.

use super::apis::names_path;
use crate::api::{Auth, Compared, Unauthenticated};
use crate::claims::ClaimRef;
use crate::config::check::drafts::{ApiDraft, Drafts, LoginDraft, ProviderDraft, pairs, provider};
use crate::config::code::Code;
use crate::config::problems::{Problems, listed};
use crate::config::raw::RawConfig;
use crate::config::read::At;
use crate::ids::ProviderId;
use crate::policy::LimitBy;
use crate::provider::login::{Cookie, Cookies, Judge, Login};
use crate::provider::{HeaderSource, Place};
use crate::resource::WELL_KNOWN;

/// A browser can tell logins apart, and what APIs ask for is what a login brings.
pub(super) fn check(raw: &RawConfig, drafts: &Drafts, problems: &mut Problems<'_>) {
    let logins: Vec<_> = logins(drafts).collect();
    for (index, (later, login)) in logins.iter().enumerate() {
        for (earlier, other) in logins.iter().take(index) {
            refuse_same_path((earlier, other), login, problems);
            refuse_same_cookies((earlier, other), login, problems);
        }
        refuse_read_cookies((later, login), drafts, problems);
        refuse_pages(raw, drafts, login, problems);
        warn_of_apis(&drafts.apis, login, problems);
    }
    for api in &drafts.apis {
        unauthenticated(api, drafts, problems);
        for (id, (draft, login)) in logins_of(api, drafts) {
            if takes_session(api, id) {
                demands(api, (draft, login), problems);
            }
        }
        forwarded(api, drafts, problems);
    }
}

/// Every login that is right on its own.
fn logins(drafts: &Drafts) -> impl Iterator<Item = (&ProviderDraft, &LoginDraft)> {
    drafts.providers.iter().flatten().filter_map(login_of)
}

fn login_of(draft: &ProviderDraft) -> Option<(&ProviderDraft, &LoginDraft)> {
    Some((draft, draft.jwt()?.login()?))
}

/// The logins of the providers that an API lists.
fn logins_of<'d>(
    api: &'d ApiDraft,
    drafts: &'d Drafts,
) -> impl Iterator<Item = (ProviderId, (&'d ProviderDraft, &'d LoginDraft))> {
    let of = |id: &ProviderId| Some((*id, login_of(provider(&drafts.providers, *id)?)?));
    api.providers.iter().filter_map(of)
}

/// Whether sessions of this provider are used on an API.
fn takes_session(api: &ApiDraft, id: ProviderId) -> bool {
    match &api.auth {
        Some(Auth::Branches { branches, .. }) => branches.iter().any(|one| one.session_from == id),
        Some(Auth::None) | None => false,
    }
}

fn is_at_or_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn refuse_same_path(
    (earlier, other): (&ProviderDraft, &LoginDraft),
    later: &LoginDraft,
    problems: &mut Problems<'_>,
) {
    let (one, two) = (&other.login, &later.login);
    let shared = two.urls.iter().find(|url| one.urls.contains(url));
    let meet = is_at_or_below(&one.path, &two.path) || is_at_or_below(&two.path, &one.path);
    if let Some(url) = shared.filter(|_| meet) {
        problems.refuse(
            Code::LoginShared,
            later.path_at,
            format_args!(
                "on `{}` the login of provider `{}` has `{}`, too: choose another `path`",
                url.as_str(),
                earlier.shown(),
                one.path
            ),
        );
    }
}

fn refuse_same_cookies(
    (earlier, other): (&ProviderDraft, &LoginDraft),
    later: &LoginDraft,
    problems: &mut Problems<'_>,
) {
    let names = |cookies: &Cookies| Cookie::ALL.map(|cookie| cookies.name(cookie));
    let known = names(&other.login.cookie);
    let shared = names(&later.login.cookie).into_iter().find(|name| known.contains(name));
    if let Some(name) = shared.filter(|_| share_a_browsers_jar(&other.login, &later.login)) {
        problems.refuse(
            Code::LoginShared,
            later.name_at,
            format_args!(
                "the login of provider `{}` has the cookie `{name}`, too, and a browser sends both to \
                 one host; write another `cookie.name`",
                earlier.shown()
            ),
        );
    }
}

/// Whether some host gets the cookies of both; ports make no difference to cookies (RFC 6265 §8.5).
fn share_a_browsers_jar(one: &Login, other: &Login) -> bool {
    let gets = |login: &Login, host: &str| {
        let below = |domain: &str| {
            host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        login.cookie.domain.as_deref().is_some_and(below)
            || login.urls.iter().any(|url| url.host() == host)
    };
    let both = |one: &Login, other: &Login| {
        let domain = one.cookie.domain.as_deref();
        one.urls.iter().any(|url| gets(other, url.host()))
            || domain.is_some_and(|domain| gets(other, domain))
    };
    both(one, other) || both(other, one)
}

/// What is a login's own is removed from requests, so that nobody can read it there.
fn refuse_read_cookies(
    (owner, login): (&ProviderDraft, &LoginDraft),
    drafts: &Drafts,
    problems: &mut Problems<'_>,
) {
    let names = Cookie::ALL.map(|cookie| login.login.cookie.name(cookie));
    for place in drafts.providers.iter().flatten().flat_map(|draft| &draft.from) {
        if let Place::Cookie { name, .. } = &place.value.place
            && names.iter().any(|own| **own == **name)
        {
            problems.refuse(
                Code::PlaceShared,
                place.at,
                format_args!(
                    "is a cookie of the login of provider `{}`, which opens it by itself; name another, \
                     or delete this place",
                    owner.shown()
                ),
            );
        }
    }
}

/// The operator's page and the documents of resources are not below a login's path.
fn refuse_pages(raw: &RawConfig, drafts: &Drafts, login: &LoginDraft, problems: &mut Problems<'_>) {
    let path = &*login.login.path;
    if let Some(status) = raw.status.given().and_then(|status| status.path.given()) {
        let ready = format!("{}/ready", &***status);
        if is_at_or_below(status, path) || is_at_or_below(&ready, path) {
            problems.refuse(
                Code::Contradiction,
                status.at,
                format_args!(
                    "`{path}` and all below it is a login's; choose another path: \"/.tollgate\""
                ),
            );
        }
    }
    let resources = drafts.apis.iter().filter_map(|api| api.resource.as_ref());
    let mut documents: Vec<_> =
        resources.flat_map(|one| &one.places).map(|place| place.value.document_path()).collect();
    if !documents.is_empty() {
        documents.push(WELL_KNOWN.to_owned());
    }
    if documents.iter().any(|document| is_at_or_below(document, path)) {
        problems.refuse(
            Code::Contradiction,
            login.path_at,
            "is where the document of an API's `resource` is; choose another path: \"/.login/okta\"",
        );
    }
}

/// Warns of a path that an API names: what takes everything must be able to stand beside any login.
fn warn_of_apis(apis: &[ApiDraft], login: &LoginDraft, problems: &mut Problems<'_>) {
    let callback = format!("{}/callback", login.login.path);
    let is_taken = |api: &&ApiDraft| {
        let Some(matcher) = &api.matcher else { return false };
        let on_host = |host: &str| {
            let mut hosts = matcher.hosts.iter();
            matcher.hosts.is_empty() || hosts.any(|pattern| pattern.matches(host.as_bytes()))
        };
        login.login.urls.iter().any(|url| on_host(url.host())) && names_path(matcher, &callback)
    };
    if let Some(name) = apis.iter().find(is_taken).and_then(|api| api.name.as_ref()) {
        problems.warn(
            Code::LoginOnApi,
            login.path_at,
            format_args!(
                "takes `{}` and all below it from the API `{name}`; choose a `path` that no API has",
                login.login.path
            ),
        );
    }
}

/// What becomes of strangers is said where somebody can log in.
fn unauthenticated(api: &ApiDraft, drafts: &Drafts, problems: &mut Problems<'_>) {
    let (Some(at), Some(Auth::Branches { optional, .. })) = (api.unauthenticated_at, &api.auth)
    else {
        return;
    };
    // A provider that is wrong may have been meant to log in.
    let may_log_in = |id: &ProviderId| match provider(&drafts.providers, *id) {
        Some(draft) => draft.jwt().is_some_and(|jwt| jwt.login.is_some()),
        None => true,
    };
    if !api.providers.iter().any(may_log_in) {
        problems.refuse(
            Code::FieldUseless,
            at,
            "has no meaning where no provider of the API has a `login`; delete it",
        );
    } else if *optional && api.unauthenticated == Unauthenticated::Redirect {
        problems.refuse(
            Code::Contradiction,
            at,
            "contradicts \"optional\": true, which lets everybody pass whom this would send away; \
             keep one of the two",
        );
    }
}

/// What an API asks of sessions is something that a login brings.
fn demands(
    api: &ApiDraft,
    (draft, login): (&ProviderDraft, &LoginDraft),
    problems: &mut Problems<'_>,
) {
    let place = |field| {
        let (_, at) = api.asks_of_tokens.iter().find(|(name, _)| *name == field)?;
        Some(*at)
    };
    let name = draft.shown();
    if let Some(at) = place("audiences").filter(|_| login.login.judge == Judge::IdToken) {
        problems.refuse(
            Code::Contradiction,
            at,
            format_args!(
                "is asked of access tokens, and this API takes the login of provider `{name}`, whose ID \
                 tokens are for its client; delete it, or write \"judge\": \"access_token\" there"
            ),
        );
    }
    let asked = &login.login.scopes;
    let lacking = api.scopes.iter().filter(|scope| !asked.contains(scope));
    let lacking: Vec<&str> = lacking.map(AsRef::as_ref).collect();
    if let Some(at) = place("scopes").filter(|_| !lacking.is_empty()) {
        problems.warn(
            Code::ScopeUnasked,
            at,
            format_args!(
                "the login of provider `{name}` does not ask for {}, and its sessions may lack that; \
                 add it to `login.scopes`",
                listed(lacking, "and")
            ),
        );
    }
    let client = &login.login.client.id;
    let is_refused = api.clients.as_ref().is_some_and(|clients| !clients.contains(client));
    if let Some(at) = place("clients").filter(|_| is_refused) {
        problems.warn(
            Code::ClientRefused,
            at,
            format_args!(
                "sessions of the login of provider `{name}` have its client, `{client}`, and are \
                 refused here; add it"
            ),
        );
    }
}

/// One header carries one token.
fn forwarded(api: &ApiDraft, drafts: &Drafts, problems: &mut Problems<'_>) {
    let authorization = |id: ProviderId| {
        let (draft, login) = login_of(provider(&drafts.providers, id)?)?;
        let header = login.forwards.iter().find(|name| &*name.value == "authorization")?;
        Some((draft, header.at))
    };
    for (one, other) in api.branches.iter().flat_map(|branch| pairs(&branch.value.0)) {
        if let (Some((one, _)), Some((_, at))) = (authorization(one), authorization(other)) {
            problems.refuse(
                Code::HeaderConflict,
                at,
                format_args!(
                    "provider `{}` writes `authorization`, too, and a branch of API `{}` has both; write \
                     another header",
                    one.shown(),
                    api.shown()
                ),
            );
        }
    }
}

/// The claims that the configuration names for each provider that logs browsers in: those of the
/// provider itself, of the APIs that list it, and of all policies.
pub(in crate::config::check) fn kept(drafts: &Drafts) -> Vec<Vec<ClaimRef>> {
    let of = |(place, draft): (usize, &Option<ProviderDraft>)| {
        let mut kept = Vec::new();
        if let Some((draft, _)) = draft.as_ref().and_then(login_of) {
            claims(ProviderId(place), draft, drafts, &mut |claim: &ClaimRef| {
                if let Err(place) = kept.binary_search(claim) {
                    kept.insert(place, claim.clone());
                }
            });
        }
        kept
    };
    drafts.providers.iter().enumerate().map(of).collect()
}

fn claims(id: ProviderId, draft: &ProviderDraft, drafts: &Drafts, keep: &mut dyn FnMut(&ClaimRef)) {
    let Some(jwt) = draft.jwt() else { return };
    let asked = &jwt.requirements;
    for list in [&asked.identity, &asked.client, &asked.scopes, &asked.policies] {
        list.iter().for_each(&mut *keep);
    }
    asked.rules.iter().for_each(|rule| keep(&rule.claim));
    for (_, source) in draft.upstream.headers.iter().flatten() {
        if let HeaderSource::Claim(claim, _) = source {
            keep(claim);
        }
    }
    let listing = drafts.apis.iter().zip(&drafts.assigned).filter(|(api, _)| api.lists(id));
    let mut gives_policies = false;
    for (api, assigned) in listing {
        api.rules.iter().for_each(|rule| keep(&rule.claim));
        for comparison in &api.comparisons {
            let At { value, .. } = comparison;
            if let Compared::Claim(claim) = &value.compared {
                keep(claim);
            }
        }
        if let Some(assigned) = assigned {
            gives_policies = true;
            assigned.policies.by_claim.iter().for_each(|(claim, _)| keep(claim));
        }
    }
    for policy in drafts.policies.iter().filter_map(|one| one.policy.as_ref()) {
        if let LimitBy::Claim(claim) = &policy.limit_by
            && gives_policies
        {
            keep(claim);
        }
    }
}
