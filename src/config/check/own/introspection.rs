//! A provider that is asked about tokens: where, by whom, and how long its answers hold.

use std::time::Duration;

use super::client::{self, For};
use super::issuers::Tenant;
use super::keys::discovered;
use super::remote;
use crate::config::check::drafts::Asked;
use crate::config::check::written::not_empty;
use crate::config::checked::Variables;
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::introspection::{RawForm, RawOutage};
use crate::config::raw::provider::{RawDiscovery, RawPayload, RawProvider};
use crate::config::read::{At, one_or_many};
use crate::introspection::Terms;
use crate::provider::introspection::Endpoint;
use crate::verdict::quoted;

/// How much longer than a call its answer is waited for.
const GRACE: Duration = Duration::from_secs(1);
/// The longest that an answer may hold that a token is active.
const MOST_CACHE: Duration = Duration::from_mins(5);
/// The longest that one may hold that it is not; and so long a revoked token may live before somebody wonders.
const LONG: Duration = Duration::from_secs(60);
/// What a stranger can do where the call is not encrypted.
const HARM: &str = "read tokens and the client's secret, and say which tokens are good";

/// Judges what is said of asking; `None` where it is wrong.
pub(super) fn check(
    raw: &At<RawProvider>,
    variables: Variables<'_>,
    problems: &mut Problems<'_>,
) -> Option<Asked> {
    refuse_fields_of_others(raw, problems);
    let forms = forms(raw, problems);
    let needs_issuer = forms.is_some_and(|(_, jwts)| jwts) || raw.signed.value || by_issuer(raw);
    if needs_issuer && raw.issuer.is_absent() {
        problems.missing(
            raw.at,
            "issuer",
            "missing; \"jwt\" in `forms`, \"discovery\": true and `signed` need it: write the \
             provider's exact `iss`",
        );
    }
    signed(raw, problems);
    let endpoint = endpoint(raw, problems);
    if raw.cluster.is_absent() {
        let host = match &endpoint {
            Some(Endpoint::Url(url) | Endpoint::Discovery(url)) => quoted(url.host()),
            None => "the provider".to_owned(),
        };
        let message = format_args!("missing; name the Envoy cluster that leads to {host}");
        problems.missing(raw.at, "cluster", message);
    }
    let cache = raw.cache.value.duration();
    for (field, most, words) in [(&raw.cache, MOST_CACHE, "5m"), (&raw.negative, LONG, "1m")] {
        if let Some(at) = field.at().filter(|_| field.value.duration() > most) {
            problems.refuse(
                Code::DurationInvalid,
                at,
                format_args!("too long; at most \"{words}\""),
            );
        }
    }
    if let Some(at) = raw.cache.at().filter(|_| cache > LONG) {
        problems.warn(
            Code::AnswersKeptLong,
            at,
            "a token that is revoked at the provider passes here for so long; write 60s or less",
        );
    }
    let stale = match raw.on_outage.given().map(|outage| &outage.value) {
        Some(RawOutage::Stale(stale)) => stale.stale.given()?.duration(),
        Some(RawOutage::Deny) | None => Duration::ZERO,
    };
    let client = match raw.client.given() {
        Some(client) => {
            client::check(client, one_or_many(&raw.issuer), For::Asking, variables, problems)
        }
        None if raw.client.is_absent() => {
            problems.missing(
                raw.at,
                "client",
                "missing; say who asks: `id` and `secret` of a client that the provider lets ask about \
                 tokens",
            );
            None
        }
        None => None,
    };
    let client = client?;
    let timeout = raw.timeout.value.duration();
    // Each secret may be tried.
    let calls = u32::try_from(client.secrets()).unwrap_or(u32::MAX);
    let lease = timeout.saturating_add(GRACE).saturating_mul(calls);
    let (takes_opaque, takes_jwts) = forms?;
    Some(Asked {
        endpoint: endpoint?,
        cluster: raw.cluster.given()?.value.0.clone(),
        timeout,
        client,
        takes_opaque,
        takes_jwts,
        terms: Terms { cache, negative: raw.negative.value.duration(), stale, lease },
        capacity: raw.capacity.value.0,
        per_second: raw.per_second.value.0,
        signed: raw.signed.value,
        hands_on_signed: raw.upstream.says(|upstream| upstream.payload.value) == RawPayload::Signed,
    })
}

/// Refuses what belongs to this kind alone at a provider of another.
pub(super) fn refuse_fields(raw: &RawProvider, problems: &mut Problems<'_>) {
    let payload = raw.upstream.given().and_then(|upstream| upstream.payload.at());
    let places = [
        raw.url.at(),
        raw.discovery.at(),
        raw.cluster.at(),
        raw.client.at(),
        raw.forms.at(),
        raw.timeout.at(),
        raw.cache.at(),
        raw.negative.at(),
        raw.capacity.at(),
        raw.per_second.at(),
        raw.on_outage.at(),
        raw.signed.at(),
        payload,
    ];
    for at in places.into_iter().flatten() {
        problems.refuse(
            Code::FieldUseless,
            at,
            "has no meaning where nobody is asked about tokens; write \"kind\": \"introspection\", or \
             delete it",
        );
    }
}

/// Refuses what has no meaning where tokens are asked about.
fn refuse_fields_of_others(raw: &RawProvider, problems: &mut Problems<'_>) {
    let keys = (!raw.signed.value).then(|| [raw.jwks.at(), raw.pem.at(), raw.algorithms.at()]);
    let places = [
        raw.tenants.at(),
        raw.any_issuer.at(),
        raw.secret.at(),
        raw.typ.at(),
        raw.allow_id_tokens.at(),
        raw.allow_no_expiry.at(),
        raw.keys.at(),
        raw.login.at(),
    ];
    for at in keys.into_iter().flatten().chain(places).flatten() {
        problems.refuse(
            Code::FieldUseless,
            at,
            "has no meaning where the provider is asked about tokens; delete it",
        );
    }
}

/// Whether it takes what is no JWT, and whether it takes JWTs.
fn forms(raw: &RawProvider, problems: &mut Problems<'_>) -> Option<(bool, bool)> {
    not_empty(
        &raw.forms,
        "an empty list would take nothing; name \"opaque\" or \"jwt\", or leave it out",
        problems,
    );
    if raw.forms.is_absent() {
        return Some((true, false));
    }
    let forms = raw.forms.given()?;
    let has = |form| forms.items.iter().any(|one| one.value == form);
    Some((has(RawForm::Opaque), has(RawForm::Jwt)))
}

fn by_issuer(raw: &RawProvider) -> bool {
    raw.discovery.given().is_some_and(|one| matches!(one.value, RawDiscovery::Issuer))
}

fn signed(raw: &At<RawProvider>, problems: &mut Problems<'_>) {
    if raw.signed.value && raw.jwks.is_absent() && raw.pem.is_absent() {
        problems.missing(
            raw.at,
            "jwks",
            "missing; `signed` needs the keys that the provider signs its answers with",
        );
    }
    let payload = raw.upstream.given().and_then(|upstream| upstream.payload.given());
    if let Some(payload) =
        payload.filter(|one| *one.value == RawPayload::Signed && !raw.signed.value)
    {
        problems.refuse(
            Code::Contradiction,
            payload.at,
            "there is no signed answer to hand on; write \"signed\": true at the provider, or delete \
             this",
        );
    }
}

fn endpoint(raw: &At<RawProvider>, problems: &mut Problems<'_>) -> Option<Endpoint> {
    match (raw.url.is_absent(), raw.discovery.is_absent()) {
        (true, true) => {
            problems.missing(
                raw.at,
                "url",
                "missing; say where the provider is asked about tokens: its introspection endpoint, or \
                 `discovery`",
            );
            return None;
        }
        (false, false) => problems.refuse(
            Code::OneOfRequired,
            raw.discovery.at().unwrap_or(raw.at),
            "`url` and `discovery` are two places to ask; keep exactly one",
        ),
        _ => {}
    }
    if let Some(text) = raw.url.given() {
        return remote::url(text.at, text, HARM, problems).map(Endpoint::Url);
    }
    let discovery = raw.discovery.given()?;
    let url = match &discovery.value {
        RawDiscovery::Url(text) => remote::url(discovery.at, text, HARM, problems)?,
        RawDiscovery::Issuer => {
            let nobody = Tenant { name: None, issuers: Vec::new() };
            let url = discovered(raw, discovery.at, &nobody, problems)?;
            remote::warn_if_plain(&url, discovery.at, HARM, problems);
            url
        }
    };
    Some(Endpoint::Discovery(url))
}
