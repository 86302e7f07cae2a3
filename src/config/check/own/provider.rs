//! One provider on its own.

use super::api_keys;
use super::introspection;
use super::issuers;
use super::keys;
use super::login;
use super::places;
use super::require;
use crate::claims::{Form, Requirements};
use crate::config::check::drafts::{DraftKind, JwtDraft, ProviderDraft};
use crate::config::check::headers::{self, Use};
use crate::config::check::written::{boxed, given_texts, name, not_empty};
use crate::config::checked::Variables;
use crate::config::code::Code;
use crate::config::problems::{Problems, listed, near_by_slip};
use crate::config::raw::RawConfig;
use crate::config::raw::credential::RawKey;
use crate::config::raw::provider::{
    RawBinding, RawClaims, RawCredential, RawHeader, RawKind, RawProvider, RawUpstream,
};
use crate::config::read::{At, Entry, Field, List, Preset, Text, items};
use crate::ids::Name;
use crate::jose::alg::{Alg, AlgSet};
use crate::provider::{HeaderSource, Upstream};
use crate::verdict::quoted;

/// Types of token that are never access tokens, whatever `typ` says.
const NEVER_ACCESS: [&str; 4] =
    ["dpop+jwt", "logout+jwt", "secevent+jwt", "token-introspection+jwt"];

/// Algorithms that exist and are not supported.
const UNSUPPORTED: [&str; 2] = ["ES256K", "Ed448"];

/// Judges each provider; one that is no object at all is `None`.
pub(super) fn check_all(
    raw: &RawConfig,
    variables: Variables<'_>,
    problems: &mut Problems<'_>,
) -> Vec<Option<ProviderDraft>> {
    let Some(providers) = raw.providers.given() else { return Vec::new() };
    providers.0.iter().map(|entry| check(entry, variables, problems)).collect()
}

fn check(
    entry: &Entry<RawProvider>,
    variables: Variables<'_>,
    problems: &mut Problems<'_>,
) -> Option<ProviderDraft> {
    let name = name(&entry.name, "a provider", problems);
    let raw = entry.value.as_ref()?;
    let kind = match (&*raw.kind, raw.kind.value) {
        // Which fields belong there cannot be known.
        (Field::Wrong, _) => return None,
        (Field::Absent, _) if is_list_of_keys(raw) => {
            problems.refuse(
                Code::FieldUseless,
                raw.keys.given().map_or(raw.at, |keys| keys.at),
                KEYS_OF_ISSUER,
            );
            return None;
        }
        (_, RawKind::ApiKey) => {
            introspection::refuse_fields(raw, problems);
            let (keys, policies) = api_keys::check(raw, problems);
            let metadata_is_sure = raw.keys.given().is_some_and(|list| {
                list.is_whole()
                    && list.written == keys.iter().count()
                    && list.items.iter().all(is_sure)
            });
            DraftKind::ApiKey { keys, policies, metadata_is_sure }
        }
        (_, RawKind::Introspection) => {
            DraftKind::Jwt(Box::new(asked(raw, name.as_ref(), variables, problems)))
        }
        (_, RawKind::Jwt) => {
            introspection::refuse_fields(raw, problems);
            DraftKind::Jwt(Box::new(issuer(raw, name.as_ref(), variables, problems)))
        }
    };
    let (from, from_apis, from_is_whole) = places::check(raw, problems);
    let from_at = raw.from.given().map_or(raw.at, |from| from.at);
    let (upstream, mut written) = upstream(&raw.upstream, problems);
    if let DraftKind::Jwt(jwt) = &kind {
        // Bearer tokens come in `authorization`, whoever else writes it.
        let names = jwt.login().map_or(&[][..], |login| &login.forwards);
        for name in names.iter().filter(|name| &*name.value != "authorization") {
            refuse_twin(&written, name, problems);
            written.push(name.clone());
        }
    }
    // What is wrong there may have been meant to name a claim.
    let policies_at = match (&raw.claims, raw.claims.given().map(|claims| &claims.policies)) {
        (Field::Wrong, _) | (_, Some(Field::Wrong)) => Some(raw.at),
        (_, Some(Field::Given(policies))) => Some(policies.at),
        _ => None,
    };
    if matches!(kind, DraftKind::ApiKey { .. }) {
        refuse_claims(&raw.upstream, problems);
    }
    Some(ProviderDraft {
        name,
        at: entry.name.at,
        kind,
        from,
        from_apis,
        from_at: from_is_whole.then_some(from_at),
        upstream,
        written,
        metadata: metadata(&raw.upstream),
        policies_at,
    })
}

const KEYS_OF_ISSUER: &str =
    "a JWT issuer has no API keys; write \"kind\": \"api_key\", or delete it";

/// Whether a provider without a kind was meant to be a list of API keys: it has nothing of an issuer.
fn is_list_of_keys(raw: &RawProvider) -> bool {
    !raw.keys.is_absent()
        && raw.issuer.is_absent()
        && raw.any_issuer.is_absent()
        && raw.audiences.is_absent()
        && raw.jwks.is_absent()
}

/// Whether the metadata of an API key is right.
fn is_sure(key: &At<RawKey>) -> bool {
    let values = key.metadata.given().map_or(&[][..], |metadata| &metadata.0);
    !key.metadata.is_wrong() && values.iter().all(|entry| entry.value.is_some())
}

fn issuer(
    raw: &At<RawProvider>,
    name: Option<&Name>,
    variables: Variables<'_>,
    problems: &mut Problems<'_>,
) -> JwtDraft {
    let any_issuer = issuers::check(raw, problems);
    let tenants = issuers::tenants(raw);
    let algorithms = algorithms(raw, problems);
    let keys = keys::check(raw, name, &tenants, algorithms, variables, problems);
    audience(raw, problems);
    if let Some(keys) = raw.keys.given() {
        problems.refuse(Code::FieldUseless, keys.at, KEYS_OF_ISSUER);
    }
    let login = raw.login.given().map(|written| {
        login::check(written, (raw, name), keys.as_ref(), variables, problems).map(Box::new)
    });
    let issuers: Vec<_> = tenants.into_iter().flat_map(|tenant| tenant.issuers).collect();
    let accepted = any_issuer.is_none().then(|| issuers.iter().map(|one| one.value.clone()));
    JwtDraft {
        requirements: requirements(raw, accepted.map(Iterator::collect), problems),
        issuers,
        any_issuer,
        keys,
        algorithms,
        asked: None,
        login,
    }
}

/// A provider that is asked about tokens.
fn asked(
    raw: &At<RawProvider>,
    name: Option<&Name>,
    variables: Variables<'_>,
    problems: &mut Problems<'_>,
) -> JwtDraft {
    let asked = introspection::check(raw, variables, problems);
    let tenants = if raw.issuer.is_absent() {
        Vec::new()
    } else {
        issuers::check(raw, problems);
        issuers::tenants(raw)
    };
    let (mut keys, mut algorithms) = (None, AlgSet::default());
    if raw.signed.value && !(raw.jwks.is_absent() && raw.pem.is_absent()) {
        algorithms = self::algorithms(raw, problems);
        keys = keys::check(raw, name, &tenants, algorithms, variables, problems);
    }
    audience(raw, problems);
    let issuers: Vec<_> = tenants.into_iter().flat_map(|tenant| tenant.issuers).collect();
    let accepted = (!issuers.is_empty()).then(|| issuers.iter().map(|one| one.value.clone()));
    let requirements = Requirements {
        allow_no_expiry: true,
        introspected: true,
        ..requirements(raw, accepted.map(Iterator::collect), problems)
    };
    let asked = Some(asked.map(Box::new));
    JwtDraft { requirements, issuers, any_issuer: None, keys, algorithms, asked, login: None }
}

fn audience(raw: &At<RawProvider>, problems: &mut Problems<'_>) {
    let any = raw.any_audience.says_so();
    let is_named = !raw.audiences.is_absent() || !raw.clients.is_absent() || any.is_some();
    if !is_named && !places::is_for_browsers_alone(raw) {
        problems.missing(
            raw.at,
            "audiences",
            "missing; name the audience of your API, or `clients`, or say \"any_audience\": true",
        );
    }
    if let (Some(any), false) = (any, raw.audiences.is_absent()) {
        problems.refuse(Code::Contradiction, any, "contradicts `audiences`; keep one of the two");
    }
    not_empty(
        &raw.audiences,
        "an empty list would accept nothing; name an audience, or say \"any_audience\": true",
        problems,
    );
    not_empty(
        &raw.clients,
        "an empty list would accept nothing; name a client, or leave it out",
        problems,
    );
}

fn algorithms(raw: &At<RawProvider>, problems: &mut Problems<'_>) -> AlgSet {
    let field = &raw.algorithms;
    not_empty(
        field,
        "an empty list would accept nothing; name an algorithm, or leave it out",
        problems,
    );
    if field.is_absent() {
        return AlgSet::default();
    }
    let fetched =
        raw.jwks.given().is_some_and(|jwks| !jwks.url.is_absent() || !jwks.discovery.is_absent());
    let mut algorithms = Vec::new();
    for name in items(field) {
        match Alg::parse(name) {
            Some(algorithm) if algorithm.is_symmetric() && fetched => {
                let message = format!(
                    "`{algorithm}` signs with a secret, and keys that are fetched are no secret: \
                     whoever reads them could sign; name the asymmetric algorithm of the provider"
                );
                problems.refuse(Code::AlgorithmRefused, name.at, message);
            }
            Some(algorithm) if algorithm.is_symmetric() && !raw.pem.is_absent() => {
                let message = format!(
                    "`{algorithm}` signs with a secret, and `pem` is none: whoever reads the key \
                     could sign; name the asymmetric algorithm of the provider"
                );
                problems.refuse(Code::AlgorithmRefused, name.at, message);
            }
            Some(algorithm) => algorithms.push(algorithm),
            None => problems.refuse(Code::AlgorithmRefused, name.at, refused_algorithm(name)),
        }
    }
    algorithms.into_iter().collect()
}

fn refused_algorithm(name: &str) -> String {
    if name.eq_ignore_ascii_case("none") {
        return "`none` is no signature: anybody could write such a token; take it out".into();
    }
    let known: Vec<_> = Alg::ALL.iter().map(|algorithm| algorithm.name()).collect();
    if UNSUPPORTED.iter().any(|unsupported| unsupported.eq_ignore_ascii_case(name)) {
        return format!("`{name}` is not supported; supported are {}", listed(known, "and"));
    }
    match near_by_slip(name, known.iter().copied()) {
        Some(meant) => format!("unknown algorithm {}; did you mean `{meant}`?", quoted(name)),
        None => {
            format!("unknown algorithm {}; supported are {}", quoted(name), listed(known, "and"))
        }
    }
}

fn requirements(
    raw: &At<RawProvider>,
    issuers: Option<Vec<Box<str>>>,
    problems: &mut Problems<'_>,
) -> Requirements {
    let [identity, client, scopes, policies] = raw.claims.says(|claims| {
        let RawClaims { identity, client, scopes, policies } = claims;
        [&*identity.value.items, &*client.value.items, &*scopes.value.items, items(policies)]
            .map(|list| list.iter().map(|claim| claim.value.clone()).collect())
    });
    const EMPTY: &str = "an empty list names no claim; name one, or leave it out";
    if let Some(claims) = raw.claims.given() {
        let lists = [&claims.identity, &claims.client, &claims.scopes];
        for list in lists.into_iter().filter_map(Preset::given).filter(|list| list.is_empty()) {
            problems.refuse(Code::ValueEmpty, list.at, EMPTY);
        }
        not_empty(&claims.policies, EMPTY, problems);
    }
    Requirements {
        issuers,
        audiences: given_texts(&raw.audiences),
        // What is wrong may have been meant to name any.
        clients: given_texts(&raw.clients)
            .filter(|_| raw.clients.given().is_some_and(|l| l.is_whole())),
        types: types(&raw.typ, problems),
        allow_id_tokens: raw.allow_id_tokens.value,
        allow_no_expiry: raw.allow_no_expiry.value,
        introspected: false,
        ignore_binding: raw.binding.value == RawBinding::Ignore,
        clock_skew: raw.clock_skew.value.duration(),
        max_lifetime: raw.max_lifetime.given().map(|lifetime| lifetime.duration()),
        identity,
        client,
        scopes,
        policies,
        rules: require::of_provider(raw, problems),
    }
}

fn types(field: &Field<List<Text>>, problems: &mut Problems<'_>) -> Option<Vec<Box<str>>> {
    not_empty(field, "an empty list would accept nothing; name a type, or leave it out", problems);
    field.given()?;
    let mut types = Vec::new();
    for written in items(field) {
        let lower = written.to_ascii_lowercase();
        let bare = lower.strip_prefix("application/").unwrap_or(&lower);
        if NEVER_ACCESS.contains(&bare) {
            problems.refuse(
                Code::TokenTypeRefused,
                written.at,
                format_args!("`{bare}` is never an access token and always refused; take it out"),
            );
        }
        types.push(bare.into());
    }
    Some(types)
}

fn upstream(
    field: &Field<RawUpstream>,
    problems: &mut Problems<'_>,
) -> (Upstream, Vec<At<Box<str>>>) {
    let mut upstream = Upstream { keep_credential: false, headers: None, payload_header: None };
    let mut written: Vec<At<Box<str>>> = Vec::new();
    let Some(raw) = field.given() else { return (upstream, written) };
    upstream.keep_credential = raw.credential.value == RawCredential::Keep;
    if let Some(headers) = raw.headers.given() {
        let mut named = Vec::new();
        for entry in &headers.0 {
            let name = headers::name(&entry.name, Use::Write, problems);
            let source = entry.value.as_ref().and_then(|value| source(value, problems));
            let Some(name) = name else { continue };
            refuse_twin(&written, &name, problems);
            written.push(name.clone());
            named.extend(source.map(|source| (name.value, source)));
        }
        upstream.headers = Some(named);
    }
    if let Some(payload) = raw.payload_header.given()
        && let Some(name) = headers::name(payload, Use::WritePayload, problems)
    {
        refuse_twin(&written, &name, problems);
        written.push(name.clone());
        upstream.payload_header = Some(name.value);
    }
    (upstream, written)
}

fn refuse_twin(written: &[At<Box<str>>], name: &At<Box<str>>, problems: &mut Problems<'_>) {
    let folded = headers::folded(name);
    if let Some(twin) = written.iter().find(|twin| headers::folded(twin) == folded) {
        problems.refuse(
            Code::HeaderConflict,
            name.at,
            format_args!(
                "`{}` and `{}` differ only in case, or in what is neither letter nor digit: one \
                 header to many servers; keep one of the two",
                &**name, &**twin
            ),
        );
    }
}

/// An API key says nothing of its owner but what stands beside it.
fn refuse_claims(field: &Field<RawUpstream>, problems: &mut Problems<'_>) {
    let Some(raw) = field.given() else { return };
    let headers = raw.headers.given().map_or(&[][..], |headers| &headers.0);
    for value in headers.iter().filter_map(|entry| entry.value.as_ref()) {
        let is_claim = match &value.value {
            RawHeader::Claim(_) => true,
            RawHeader::Source(source) => !source.claim.is_absent(),
        };
        if is_claim {
            problems.refuse(
                Code::TokenAskedOfKey,
                value.at,
                "an API key has no claims; write {\"session\": \"identity\"} or the like",
            );
        }
    }
    if let Some(payload) = raw.payload_header.given() {
        problems.refuse(Code::TokenAskedOfKey, payload.at, "an API key has no payload; delete it");
    }
}

fn source(value: &At<RawHeader>, problems: &mut Problems<'_>) -> Option<HeaderSource> {
    let source = match &value.value {
        RawHeader::Claim(claim) => {
            return Some(HeaderSource::Claim(claim.clone(), Form::default()));
        }
        RawHeader::Source(source) => source,
    };
    let written =
        [source.claim.is_absent(), source.session.is_absent(), source.metadata.is_absent()];
    let message = match written.iter().filter(|absent| !**absent).count() {
        1 => None,
        0 => Some("names nothing; write exactly one of `claim`, `session` and `metadata`"),
        _ => Some("write exactly one of `claim`, `session` and `metadata`"),
    };
    if let Some(message) = message {
        problems.refuse(Code::OneOfRequired, value.at, message);
        return None;
    }
    if let Some(form) = source.form.given()
        && source.claim.is_absent()
    {
        let message = "only a claim can be written in one way or another; delete it";
        problems.refuse(Code::FieldUseless, form.at, message);
    }
    let form = source.form.given().map_or(Form::default(), |form| form.value);
    let claim = source.claim.given().map(|claim| HeaderSource::Claim(claim.value.clone(), form));
    let key = source.metadata.given().map(|key| HeaderSource::Metadata(key.value.0.clone()));
    let fact = source.session.given().map(|fact| HeaderSource::Session(fact.value));
    claim.or(key).or(fact)
}

/// The keys of policies' metadata that the headers name.
fn metadata(field: &Field<RawUpstream>) -> Vec<At<Box<str>>> {
    let headers = field.given().and_then(|upstream| upstream.headers.given());
    let values = headers.iter().flat_map(|headers| &headers.0).filter_map(|one| one.value.as_ref());
    let key = |value: &At<RawHeader>| match &value.value {
        RawHeader::Source(source) => source.metadata.given().map(boxed),
        RawHeader::Claim(_) => None,
    };
    values.filter_map(key).collect()
}
