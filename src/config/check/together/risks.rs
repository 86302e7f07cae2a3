//! What is legal and risky: said once, refused never.

use std::time::Duration;

use crate::claims::shared;
use crate::config::check::drafts::{
    ApiDraft, DraftKind, Drafts, JwtDraft, Keys, ProviderDraft, Providers,
};
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::RawConfig;
use crate::config::raw::api::RawApi;
use crate::config::raw::operator::RawMode;
use crate::config::raw::provider::RawProvider;
use crate::config::read::{At, items, one_or_many};
use crate::http::Url;
use crate::ids::ProviderId;
use crate::verdict::quoted;

/// A skew beyond which a stolen or expired token is of more use than two clocks ever differ.
const LARGE_SKEW: Duration = Duration::from_secs(5 * 60);
/// What the key IDs of keys begin with that were minted for development.
const DEVELOPMENT: &str = "dev-";

/// Domains of Okta.
const OKTA: [&str; 3] = [".okta.com", ".oktapreview.com", ".okta-emea.com"];

/// Warns of what is risky about providers and APIs.
pub(super) fn check(raw: &RawConfig, drafts: &Drafts, problems: &mut Problems<'_>) {
    let Drafts { providers, apis, .. } = drafts;
    let raw_apis = items(&raw.apis);
    let entries = raw.providers.given().map_or(&[][..], |providers| &providers.0);
    for (id, (entry, draft)) in entries.iter().zip(providers).enumerate() {
        let (Some(raw), Some(draft)) = (&entry.value, draft) else { continue };
        if let Some(jwt) = draft.jwt() {
            times(raw, problems);
            if jwt.asked.is_none() {
                issuers(raw, problems);
            }
            let listing = apis.iter().zip(raw_apis).filter(|(api, _)| api.lists(ProviderId(id)));
            let mut listing = listing.map(|(_, raw)| raw).peekable();
            let narrowed = listing.peek().is_some() && listing.all(narrows);
            if !narrowed && raw.clients.is_absent() && raw.require.is_absent() {
                audiences(raw, problems);
            }
            keys(raw, jwt, problems);
        }
    }
    for api in apis {
        unreachable(api, providers, problems);
    }
    let own = raw_apis.iter().filter_map(|api| Some((api.mode.at()?, api.mode.given()?.value)));
    let modes = own.chain(raw.mode.at().map(|at| (at, raw.mode.value)));
    for (at, _) in modes.filter(|(_, mode)| *mode == RawMode::Report) {
        problems.warn(
            Code::ReportMode,
            at,
            "`report`: nothing is refused, and nobody is kept out; say `enforce` once the counters \
             `tollgate_would_deny_*` show what you expect",
        );
    }
}

fn times(raw: &RawProvider, problems: &mut Problems<'_>) {
    if let Some(skew) = raw.clock_skew.given().filter(|skew| skew.duration() > LARGE_SKEW) {
        problems.warn(
            Code::SkewLarge,
            skew.at,
            "an expired token is taken this much longer; set the clocks and write 5m or less",
        );
    }
}

fn issuers(raw: &RawProvider, problems: &mut Problems<'_>) {
    for issuer in one_or_many(&raw.issuer) {
        let Ok(url) = Url::parse(issuer) else { continue };
        if is_okta(&url) && &*url.path == "/" {
            problems.warn(
                Code::IssuerOrgServer,
                issuer.at,
                "Okta's org server: its access tokens are for Okta alone, their keys may change \
                 unannounced and they cannot carry your scopes; write the issuer of a custom \
                 server, such as https://…/oauth2/default",
            );
        }
    }
}

fn is_okta(url: &Url) -> bool {
    OKTA.iter().any(|domain| url.host().ends_with(domain))
}

/// Whether an API asks for more than an audience.
fn narrows(api: &At<RawApi>) -> bool {
    let given = api.policies.given();
    let chosen = given.is_some_and(|policies| policies.default.is_absent());
    chosen || !api.clients.is_absent() || !api.require.is_absent()
}

fn audiences(raw: &RawProvider, problems: &mut Problems<'_>) {
    for audience in items(&raw.audiences) {
        let why = match shared(audience) {
            Some(why) => why,
            None if one_or_many(&raw.issuer).iter().any(|one| one.value == audience.value) => {
                "it is the provider itself, which tokens for anything may name"
            }
            None => continue,
        };
        problems.warn(
            Code::AudienceCallerChosen,
            audience.at,
            format_args!(
                "{} does not tell tokens for this API from others: {why}; give the API an \
                 audience of its own, or narrow it by `clients` or `require`",
                quoted(audience)
            ),
        );
    }
}

fn keys(raw: &RawProvider, jwt: &JwtDraft, problems: &mut Problems<'_>) {
    const SYMMETRIC: &str = "a symmetric key: whoever can check tokens with it, this proxy \
                             included, can make them; let the provider sign with RS256 or ES256";
    if let Some(secret) = raw.secret.given() {
        problems.warn(Code::KeySymmetric, secret.at, SYMMETRIC);
    }
    let inline = raw.jwks.given().and_then(|jwks| jwks.inline.given());
    let (Some(inline), Some(Keys::Inline(set))) = (inline, &jwt.keys) else { return };
    let symmetric = || jwt.algorithms.iter().filter(|alg| alg.is_symmetric());
    if set.iter().any(|key| symmetric().any(|alg| key.fits(alg))) {
        problems.warn(Code::KeySymmetric, inline.at, SYMMETRIC);
    }
    let development = set.iter().filter_map(|key| key.kid());
    for kid in development.filter(|kid| kid.as_str().starts_with(DEVELOPMENT)) {
        problems.warn(
            Code::KeyDevelopment,
            inline.at,
            format_args!(
                "the key {} was minted for development: whoever has its other half is let in; \
                 take it out before this serves anybody",
                quoted(kid.as_str())
            ),
        );
    }
}

/// An API each branch of which needs a key of a list in which none is active.
fn unreachable(api: &ApiDraft, providers: &Providers, problems: &mut Problems<'_>) {
    let is_shut = |id: &ProviderId| match providers.get(id.0) {
        Some(Some(ProviderDraft { kind: DraftKind::ApiKey { keys, .. }, .. })) => {
            let mut keys = keys.iter().peekable();
            keys.peek().is_some() && keys.all(|key| !key.active)
        }
        _ => false,
    };
    let branches = &api.branches;
    if !branches.is_empty() && branches.iter().all(|branch| branch.value.0.iter().any(is_shut)) {
        problems.warn(
            Code::ApiUnreachable,
            api.at,
            "nobody can call this API: no key of its providers is active; switch one on \
             (`active`), or list another provider in `auth`",
        );
    }
}
