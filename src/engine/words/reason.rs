//! Reasons of refusals that take more than a sentence to put together.

use super::document;
use super::place::places;
use super::quote::{quoted_list, shown};
use crate::api::Api;
use crate::claims::{ClaimRef, Claims, Issuer, near};
use crate::config::Config;
use crate::http::{RequestHead, Route};
use crate::ids::{Name, ProviderId};
use crate::jose::alg::Alg;
use crate::provider::Provider;
use crate::provider::jwt::JwtProvider;
use crate::provider::login::Cookie;
use crate::revoked::Revocations;
use crate::session::Session;
use crate::time::UnixMillis;
use crate::verdict::{Deny, Refusal, list, quoted};

/// Most APIs that a reason names.
const MAX_APIS: usize = 6;
/// Most branches that a reason names.
const MAX_BRANCHES: usize = 8;

/// Why a request belongs to no API: what it asks for, and what the APIs take.
pub(in crate::engine) fn no_api(
    config: &Config,
    head: &RequestHead,
    method: &[u8],
    route: &Route,
) -> Refusal {
    let (method, host) = (shown(method), shown(head.authority()));
    let mut reason = format!("no API matches method {method} and host {host}");
    if let Some(name) = &route.name {
        reason = format!("{reason} on the route {}", shown(name));
    }
    let apis: Vec<_> = config.apis.iter().take(MAX_APIS).map(api).collect();
    Refusal::new(Deny::ApiUnknown, format!("{reason}, or the path; {}", apis.join("; ")))
}

/// What an API takes, in words.
fn api(api: &Api) -> String {
    let matcher = &api.matcher;
    let paths: Vec<_> = matcher.paths.iter().map(ToString::to_string).collect();
    let hosts: Vec<_> = matcher.hosts.iter().map(ToString::to_string).collect();
    let mut words = format!("`{}` takes", api.name);
    for (kind, of) in [("hosts", &*hosts), ("paths", &*paths)] {
        if !of.is_empty() {
            words.push_str(&format!(" {kind} {}", list(of)));
        }
    }
    for (kind, of) in [("methods", &matcher.methods), ("routes", &matcher.routes)] {
        if !of.is_empty() {
            words.push_str(&format!(" {kind} {}", list(of)));
        }
    }
    if matcher.named.is_some() {
        words.push_str(" routes whose metadata names it");
    }
    words
}

/// What the remedy says of the place where credentials usually are.
const USUAL_PLACE: &str = ", by default as `Authorization: Bearer <token>`";

/// Why no branch vouches: whose credentials each lacks, and where those were looked for.
pub(in crate::engine) fn nobody_vouches(
    config: &Config,
    api: &Api,
    lacking: &[Vec<ProviderId>],
    head: &RequestHead,
) -> Refusal {
    // Whose only credential is the session of a browser.
    let of_login = match lacking {
        [one] => match &**one {
            [id] => {
                config.provider(*id).filter(|one| one.from.is_empty()).and_then(Provider::login)
            }
            _ => None,
        },
        _ => None,
    };
    let lacking = lacking.iter().map(|missing| {
        let names = missing.iter().filter_map(|id| config.provider_name(*id)).map(Name::as_str);
        let places = missing.iter().flat_map(|id| {
            let login = config.provider(*id).and_then(Provider::login);
            let session = login.map(|login| login.cookie.name(Cookie::Session));
            let session = session.map(|name| format!("cookie `{name}`"));
            places(config, &api.name, *id, head).chain(session)
        });
        let places = places.collect::<Vec<_>>().join(", ");
        format!("no credential for {}; looked at {places}", quoted_list(names))
    });
    let lacking: Vec<_> = lacking.take(MAX_BRANCHES).collect();
    let mut reason = lacking.join("; or: ");
    // Who keeps to other places is not told of the usual one.
    let is_usual = reason.contains("`authorization`");
    if !is_usual && head.first("authorization").is_some() {
        reason.push_str("; nobody looks at the request's `authorization` here");
    }
    let remedy = Deny::CredentialMissing.remedy();
    let refusal = Refusal::new(Deny::CredentialMissing, reason);
    match (of_login, is_usual) {
        (Some(login), _) => refusal.with_remedy(format!(
            "a person signs in at `{}/start`, which the answer names as `login`: a script sends its page \
             there, and a probe or a monitor asks for a path whose API has \"auth\": \"none\"",
            login.path
        )),
        (None, true) => refusal,
        (None, false) => refusal.with_remedy(remedy.replace(USUAL_PLACE, "")),
    }
}

/// Why a token's algorithm is refused.
pub(in crate::engine) fn algorithm(found: &str, jwt: &JwtProvider) -> Refusal {
    let reason = format!(
        "the token says {}; the provider's algorithms are {}",
        quoted(found),
        quoted_list(jwt.algorithms.iter().map(Alg::name)),
    );
    Refusal::new(Deny::TokenAlgorithmRefused, reason)
}

/// Why a token is nobody's: its issuer, and the issuers of those who read its place.
pub(in crate::engine) fn unknown_issuer(
    config: &Config,
    readers: &[ProviderId],
    claims: &Claims,
) -> Refusal {
    let found = match claims.issuer() {
        Issuer::Is(issuer) => format!("is {}", quoted(issuer)),
        Issuer::Absent | Issuer::WrongType => "is missing".to_owned(),
    };
    let providers = readers.iter().filter_map(|id| config.provider(*id)?.requirements());
    let expected = providers.flat_map(|asks| asks.issuers.iter().flatten());
    let expected: Vec<_> = expected.collect();
    let hint = match claims.issuer() {
        Issuer::Is(issuer) => match elsewhere(config, issuer) {
            Some((id, name)) if readers.contains(&id) => format!(
                "; it is that of provider `{name}`, which is asked about opaque tokens alone: \
                 `providers.{name}.forms` can take \"jwt\", too"
            ),
            Some((_, name)) => {
                format!("; it is that of provider `{name}`, which this API does not ask")
            }
            None => near(issuer, &expected).to_owned(),
        },
        Issuer::Absent | Issuer::WrongType => String::new(),
    };
    let expected = list(&expected);
    Refusal::new(
        Deny::TokenIssuerUnknown,
        format!("the claim `iss` {found}; the provider's issuer is {expected}{hint}"),
    )
}

/// The provider of any API that has this issuer.
fn elsewhere<'c>(config: &'c Config, issuer: &str) -> Option<(ProviderId, &'c Name)> {
    let has = |provider: &Provider| {
        let issuers = provider.requirements().and_then(|asks| asks.issuers.as_ref());
        issuers.is_some_and(|all| all.iter().any(|one| **one == *issuer))
    };
    let mut all = config.providers.iter().enumerate();
    all.find(|(_, one)| has(one)).map(|(id, one)| (ProviderId(id), &one.name))
}

/// Why a token is not checked now: too many that are as costly have failed.
pub(in crate::engine) fn dear(alg: Alg, keys: usize) -> Refusal {
    let keys = if keys == 1 { "one key".to_owned() } else { format!("{keys} keys") };
    let reason = format!(
        "this token is dear to check ({} by {keys}), and too many such have failed in this second",
        alg.name()
    );
    Refusal::new(Deny::VerifyBudget, reason)
}

/// A list names the credential, or its identity.
pub(in crate::engine) fn revoked(deny: Deny, provider: &Name) -> Refusal {
    let reason = match deny {
        Deny::SessionInactive => {
            format!("this identity of provider `{provider}` is on a list of revocations")
        }
        _ => format!(
            "this credential of provider `{provider}` is on a list of revocations, or older than \
             one allows"
        ),
    };
    Refusal::new(deny, reason)
}

/// The same of a browser's session, which whoever signs in again has anew.
pub(in crate::engine) fn login_revoked(provider: &Name) -> Refusal {
    let reason = format!(
        "this session of provider `{provider}` is on a list of revocations, or its login was before \
         the moment that one names (`issued_before`)"
    );
    Refusal::new(Deny::LoginEnded, reason)
}

/// No list is fresh enough, and what the last attempt to fetch one brought.
pub(in crate::engine) fn revocations_stale(revocations: &Revocations, now: UnixMillis) -> Refusal {
    let reason = "there is no list of revocations that is fresh enough";
    let fetched = revocations.source().zip(revocations.standing(now));
    let Some((source, standing)) = fetched else {
        return Refusal::new(Deny::RevocationsStale, reason);
    };
    let is_loaded = revocations.fetched_entries().is_some();
    let list = document::describe(&standing, is_loaded, &source.remote, now);
    let failure = standing.failure.filter(|_| standing.failing);
    let mut refusal = Refusal::new(Deny::RevocationsStale, format!("{reason}; the list: {list}"));
    refusal.remedy = failure.map(|failure| document::list_remedy(failure.kind, source).into());
    refusal
}

/// When a session ended, and by which policies.
pub(in crate::engine) fn session_ended(session: &Session, now: UnixMillis) -> String {
    let end = session.ends.unwrap_or_default();
    let (at, number, policies) = (end.in_words(now), end.numeric_date(), &session.policies);
    format!("the session ended at {at} ({number}); policies: {policies}")
}

/// The token's client is none of those that the API takes.
pub(in crate::engine) fn other_client(client: &str, clients: &[Box<str>]) -> Refusal {
    let (found, clients) = (quoted(client), list(clients));
    let reason = format!("the client {found} is none of the API's clients: {clients}");
    Refusal::new(Deny::AccessDenied, reason)
}

/// Which of an API's scopes a token lacks, which it has, and where.
pub(in crate::engine) fn scopes(
    lacking: &[&str],
    found: &[impl AsRef<str>],
    claims: &Claims,
    stands: &[ClaimRef],
) -> Refusal {
    let looked_at = match claims.first(stands) {
        Some((claim, _)) => {
            let claim = claim.quoted();
            format!("it has {}, in the claim {claim}", list(found))
        }
        None => claims.missing(stands),
    };
    let lacking = quoted_list(lacking.iter().copied());
    let reason = format!("the token lacks the scopes {lacking}; {looked_at}");
    Refusal::new(Deny::ScopeInsufficient, reason)
}
