//! From what is written to what it means: names resolve, and nothing contradicts anything.
//!
//! Every check runs, whatever the others found. What a check returns counts only where nothing was
//! refused, so that a wrong value may stand for itself until the end.

use super::checked::{Config, Variables};
use super::problems::Problems;
use super::raw::RawConfig;
use super::raw::operator::RawMode;
use super::read::At;
use crate::api::{Api, Index};
use crate::claims::ClaimRef;
use crate::policy::Policies;
use crate::provider::introspection::Introspection;
use crate::provider::jwt::{JwtProvider, KeySource};
use crate::provider::login::Login;
use crate::provider::{Kind, Provider};

mod drafts;
mod headers;
mod matching;
mod names;
mod own;
mod together;
mod written;

use drafts::{DraftKind, ProviderDraft};

/// Judges a configuration. `None` where something was refused.
pub(super) fn check(
    raw: &At<RawConfig>,
    variables: Variables<'_>,
    problems: &mut Problems<'_>,
) -> Option<Config> {
    let drafts = own::check(raw, variables, problems);
    let (rings, sources) = together::check(raw, &drafts, problems);
    let mode = raw.mode.value;
    if !problems.none() {
        return None;
    }
    let kept = together::logins::kept(&drafts);
    let published = |api| together::resources::published(api, &drafts.providers);
    let resources: Vec<_> = drafts.apis.iter().map(published).collect();
    let providers = drafts
        .providers
        .into_iter()
        .zip(sources.into_iter().zip(kept))
        .map(|(draft, (source, kept))| build(draft?, source, kept))
        .collect::<Option<Vec<_>>>()?;
    let apis = drafts
        .apis
        .into_iter()
        .zip(resources)
        .map(|(api, resource)| api.build(mode, resource))
        .collect::<Option<Vec<_>>>()?;
    let policies = Policies::new(
        drafts.policies.into_iter().filter_map(|draft| draft.policy).collect(),
        drafts.assigned.into_iter().map(|assigned| Some(assigned?.policies)).collect(),
    );
    Some(Config {
        methods: methods(&apis, &policies),
        providers,
        index: Index::new(&apis),
        apis,
        names_apis: !raw.apis.is_absent(),
        policies,
        reports: mode == RawMode::Report,
        rings,
        session_capacity: drafts.session_capacity,
        limits: drafts.limits,
        remote_limits: drafts.remote_limits,
        revoked: drafts.revoked,
        revoked_source: drafts.revoked_source,
        realm: drafts.realm,
        log: drafts.log,
        crypto: raw.crypto.value,
        instance: drafts.instance,
        explain: drafts.explain,
        status: drafts.status,
        warnings: Vec::new(),
        notes: Vec::new(),
        hash: [0; 32],
    })
}

/// The methods that are looked at, and those that everybody knows.
fn methods(apis: &[Api], policies: &Policies) -> Vec<Box<str>> {
    let named = apis.iter().flat_map(|api| &api.matcher.methods).map(AsRef::as_ref);
    let mut methods: Vec<Box<str>> = Vec::new();
    for method in named.chain(policies.methods()) {
        if methods.is_empty() {
            methods.extend(matching::METHODS.map(Box::from));
        }
        if !methods.iter().any(|known| **known == *method) {
            methods.push(method.into());
        }
    }
    methods
}

fn build(draft: ProviderDraft, keys: Option<KeySource>, kept: Vec<ClaimRef>) -> Option<Provider> {
    let kind = match draft.kind {
        DraftKind::ApiKey { keys, .. } => Kind::ApiKey(keys),
        DraftKind::Jwt(jwt) if jwt.asked.is_some() => {
            let asked = *jwt.asked??;
            let signed = match (asked.signed, keys) {
                (true, keys) => Some((keys?, jwt.algorithms)),
                (false, _) => None,
            };
            Kind::Introspection(Box::new(Introspection {
                endpoint: asked.endpoint,
                cluster: asked.cluster,
                timeout: asked.timeout,
                client: asked.client,
                takes_opaque: asked.takes_opaque,
                takes_jwts: asked.takes_jwts,
                terms: asked.terms,
                capacity: asked.capacity,
                per_second: asked.per_second,
                signed,
                hands_on_signed: asked.hands_on_signed,
                requirements: jwt.requirements,
            }))
        }
        DraftKind::Jwt(jwt) => Kind::Jwt(Box::new(JwtProvider {
            keys: keys?,
            algorithms: jwt.algorithms,
            requirements: jwt.requirements,
            login: match jwt.login {
                Some(draft) => Some(Box::new(Login { kept, ..draft?.login })),
                None => None,
            },
        })),
    };
    Some(Provider {
        name: draft.name?,
        from: draft.from.into_iter().map(|location| location.value).collect(),
        upstream: draft.upstream,
        kind,
    })
}
