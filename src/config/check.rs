//! From what is written to what it means: names resolve, and nothing contradicts anything.
//!
//! Every check runs, whatever the others found. What a check returns counts only where nothing was
//! refused, so that a wrong value may stand for itself until the end.

use super::code::Code;
use super::problems::Problems;
use super::raw::{RawConfig, RawCrypto, RawLogFormat, RawLogIdentity, RawLogPath};
use super::raw_policies::RawMode;
use super::read::{At, Count, Field, Text};
use super::{Config, Crypto, LogConfig, LogFormat, LogIdentity, Variables};
use crate::api::{Api, Index};
use crate::policy::Policies;
use crate::provider::jwt::{JwtProvider, KeySource};
use crate::provider::{Kind, Provider};

mod api_keys;
mod apis;
mod drafts;
mod headers;
mod issuers;
mod keys;
mod limits;
mod matching;
mod operator;
mod places;
mod policies;
mod policies_together;
mod provider;
mod risks;
mod rules;
mod secret;
mod together;
mod vouching;
mod written;

use drafts::{DraftKind, ProviderDraft};

const DEFAULT_CAPACITY: u32 = 65_536;
const DEFAULT_LINES_PER_SECOND: u32 = 10;
const DEFAULT_REALM: &str = "api";

/// How many records a bucket of the store holds: capacities are rounded up to whole buckets.
const BUCKET: u32 = 8;

/// Judges a configuration. `None` where something was refused.
pub(super) fn check(
    raw: &At<RawConfig>,
    variables: Variables<'_>,
    problems: &mut Problems<'_>,
) -> Option<Config> {
    let providers = provider::check_all(raw, variables, problems);
    let apis = apis::check_all(raw, &providers, problems);
    together::check(raw, &providers, &apis, problems);
    risks::check(raw, &providers, &apis, problems);
    let mode = raw.mode.or(RawMode::Enforce);
    if let Some(mode) = raw.mode.given().filter(|mode| mode.value == RawMode::Report) {
        problems.warn(Code::ReportMode, mode.at, apis::REPORTS);
    }
    let policies = policies::check(raw, &providers, &apis, problems);
    let (rings, sources) = keys::share_rings(&providers, problems);
    let realm = realm(&raw.realm, problems);
    let instance = instance(&raw.instance, problems);
    let (session_capacity, log) = (session_capacity(raw), log(raw));
    let limits = limits::limits(raw);
    let (revoked, revoked_source) = limits::revoked(raw, problems);
    let (explain, status) =
        (operator::explain(raw, problems), operator::status(raw, &apis, problems));
    if !problems.none() {
        return None;
    }
    let providers = providers
        .into_iter()
        .zip(sources)
        .map(|(draft, source)| build(draft?, source))
        .collect::<Option<Vec<_>>>()?;
    let apis = apis.into_iter().map(|api| api.build(mode)).collect::<Option<Vec<_>>>()?;
    Some(Config {
        methods: methods(&apis, &policies),
        providers,
        index: Index::new(&apis),
        apis,
        policies,
        reports: mode == RawMode::Report,
        rings,
        session_capacity,
        limits,
        revoked,
        revoked_source,
        realm,
        log,
        crypto: match raw.crypto.or(RawCrypto::Auto) {
            RawCrypto::Auto => Crypto::Auto,
            RawCrypto::Host => Crypto::Host,
            RawCrypto::Wasm => Crypto::Wasm,
        },
        instance,
        explain,
        status,
        warnings: Vec::new(),
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

fn build(draft: ProviderDraft, keys: Option<KeySource>) -> Option<Provider> {
    let kind = match draft.kind {
        DraftKind::ApiKey { keys, .. } => Kind::ApiKey(keys),
        DraftKind::Jwt(jwt) => Kind::Jwt(Box::new(JwtProvider {
            keys: keys?,
            algorithms: jwt.algorithms,
            requirements: jwt.requirements,
        })),
    };
    Some(Provider {
        name: draft.name?,
        from: draft.from.into_iter().map(|location| location.value).collect(),
        upstream: draft.upstream,
        kind,
    })
}

fn session_capacity(raw: &RawConfig) -> u32 {
    let written = raw.sessions.given().and_then(|sessions| sessions.capacity.given());
    let capacity = written.map_or(DEFAULT_CAPACITY, |capacity| capacity.value.0);
    capacity.checked_next_multiple_of(BUCKET).unwrap_or(capacity)
}

fn log(raw: &RawConfig) -> LogConfig {
    let log = raw.log.given();
    let format = match log.map(|log| log.format.or(RawLogFormat::Json)) {
        None | Some(RawLogFormat::Json) => LogFormat::Json,
        Some(RawLogFormat::Logfmt) => LogFormat::Logfmt,
    };
    let identity = match log.map(|log| log.identity.or(RawLogIdentity::Plain)) {
        None | Some(RawLogIdentity::Plain) => LogIdentity::Plain,
        Some(RawLogIdentity::Hash) => LogIdentity::Hash,
        Some(RawLogIdentity::Omit) => LogIdentity::Omit,
    };
    let shows_paths = log.is_none_or(|log| log.path.or(RawLogPath::Plain) == RawLogPath::Plain);
    let Count(per_second) = log.map_or(Count(DEFAULT_LINES_PER_SECOND), |log| {
        log.per_second.or(Count(DEFAULT_LINES_PER_SECOND))
    });
    LogConfig { format, identity, shows_paths, per_second }
}

fn realm(raw: &Field<Text>, problems: &mut Problems<'_>) -> Box<str> {
    const MAX_BYTES: usize = 256;
    let Some(realm) = raw.given() else { return DEFAULT_REALM.into() };
    let plain = |b: u8| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\');
    if realm.len() > MAX_BYTES || !realm.bytes().all(plain) {
        let message = format!(
            "a realm is at most {MAX_BYTES} printable ASCII characters, without `\"` and `\\`"
        );
        problems.refuse(Code::ValueInvalid, realm.at, message);
    }
    realm.value.0.clone()
}

fn instance(raw: &Field<Text>, problems: &mut Problems<'_>) -> Option<Box<str>> {
    const MAX_BYTES: usize = 256;
    let instance = raw.given()?;
    if instance.len() > MAX_BYTES {
        problems.refuse(Code::ValueTooLong, instance.at, format_args!("at most {MAX_BYTES} bytes"));
    }
    Some(instance.value.0.clone())
}
