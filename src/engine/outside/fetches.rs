//! The documents that the filter fetches: when a fetch is made, and what an answer is worth.

use serde_json::Value;

use super::calls::{Calls, Owner, Stage};
use crate::config::{Config, RingConfig, RingSource};
use crate::engine::words::discovered::{self, Odd};
use crate::engine::words::document::{keys_remedy, list_remedy, without_query};
use crate::engine::words::failure::{self, DiscoveryError, Failure};
use crate::engine::words::keyring;
use crate::env::Env;
use crate::event::{
    CallRequest, CallResponse, Effect, FetchFailure, KeyLabel, ListState, Record, metric,
};
use crate::http::Url;
use crate::ids::RingId;
use crate::jose::jwk::{KeySet, MAX_SET_BYTES, Origin, ParsedSet, PublicKey};
use crate::json;
use crate::keys::{Attempt, Finished, Ring};
use crate::login::endpoints::Metadata;
use crate::remote::{EntityTag, Remote};
use crate::revoked::{self, MAX_DOCUMENT_BYTES, Revocations};
use crate::verdict::{quoted, quoted_to};

/// How many bytes are shown of what came instead of a document: what Envoy says about TLS stands at
/// the end of a long line.
const MAX_EXCERPT: usize = 320;

/// Takes what other workers published, and makes the fetches that are due, one at a time for each
/// document.
pub(super) fn begin(
    rings: &mut [Ring],
    revocations: &mut Revocations,
    calls: &mut Calls,
    env: &Env<'_>,
) {
    for (place, ring) in rings.iter_mut().enumerate() {
        let Some(attempt) = ring.attempt(env) else { continue };
        let stage = match ring.config().source {
            RingSource::Jwks => Stage::Keys,
            RingSource::Discovery { .. } => Stage::Discovery,
        };
        let request = call(&ring.config().remote, MAX_SET_BYTES);
        calls.make(Owner::Ring(RingId(place), attempt, stage), request);
    }
    if let Some((attempt, tag)) = revocations.attempt(env) {
        // (RFC 9110 §13.1.2)
        let known = tag.map(|tag| ("if-none-match", tag.as_str().to_owned()));
        if let Some(source) = revocations.source() {
            let mut request = call(&source.remote, MAX_DOCUMENT_BYTES);
            request.headers.extend(known);
            calls.make(Owner::Revocations(attempt), request);
        }
    }
}

fn call(remote: &Remote, most: usize) -> CallRequest {
    CallRequest::document(&remote.url, &remote.cluster, remote.timeout, most)
}

/// Judges what a call for a ring brought. Returns the next call, where one must follow.
pub(super) fn keys_done(
    (ring, id): (&mut Ring, RingId),
    attempt: Attempt,
    stage: Stage,
    response: Option<CallResponse>,
    env: &Env<'_>,
    effects: &mut Vec<Effect>,
) -> Option<(Owner, CallRequest)> {
    let failure = match body(response, MAX_SET_BYTES) {
        Err(failure) => failure,
        Ok(response) => match stage {
            Stage::Discovery => match keys_request(&response, ring.config()) {
                Ok((request, login)) => {
                    if let Some(login) = login {
                        ring.discovered(login);
                    }
                    return Some((Owner::Ring(id, attempt, Stage::Keys), request));
                }
                Err(error) => Failure::Discovery(error),
            },
            Stage::Keys => match KeySet::parse(&response.body, Origin::Fetched) {
                Ok(set) => {
                    install(ring, attempt, &response, set, env, effects);
                    return None;
                }
                Err(error) => Failure::keys(error, &response.body),
            },
        },
    };
    keys_failed(ring, attempt, &failure, env, effects);
    None
}

/// Tells what is odd about what a discovery document says of logins, to whom it is new.
pub(super) fn tell_of_logins(
    config: &Config,
    (id, ring): (RingId, &Ring),
    before: Option<&Metadata>,
    effects: &mut Vec<Effect>,
) {
    let now = ring.login();
    if now == before {
        return;
    }
    for provider in &config.providers {
        let Some(jwt) = provider.jwt().filter(|jwt| jwt.keys.of_login() == Some(id)) else {
            continue;
        };
        let Some(login) = &jwt.login else { continue };
        let Some(found) = login.endpoints(now) else { continue };
        let all = discovered::odd(&provider.name, found.as_ref().map(|found| &**found));
        effects.extend(all.into_iter().map(|Odd { reason, remedy }| {
            let provider = provider.name.clone();
            Effect::Log(Record::LoginDiscoveryOdd { provider, reason, remedy }.into())
        }));
    }
}

fn keys_failed(
    ring: &mut Ring,
    attempt: Attempt,
    failure: &Failure,
    env: &Env<'_>,
    effects: &mut Vec<Effect>,
) {
    let found = failure.to_string();
    if ring.fail(attempt, failure.kind(), &found, env) == Finished::Superseded {
        return;
    }
    let provider = &ring.config().provider;
    effects.push(Effect::Count { metric: metric::keys_fetch(false, provider), by: 1 });
    let config = ring.config();
    let remedy = keys_remedy(failure.kind(), config)
        .replace("providers.*", &format!("providers.{provider}"));
    let failure = logged(failure, found, &config.remote, remedy);
    let record = Record::KeysFetchFailed {
        provider: provider.clone(),
        failure,
        next_attempt: ring.until_due(env.now),
        in_use: ring.is_loaded(),
    };
    effects.push(Effect::Log(record.into()));
}

/// A failure as the log has it.
fn logged(failure: &Failure, found: String, remote: &Remote, remedy: String) -> FetchFailure {
    FetchFailure {
        found,
        is_unanswered: matches!(failure, Failure::NoAnswer),
        url: without_query(&remote.url),
        cluster: remote.cluster.to_string(),
        remedy,
    }
}

/// Uses a fetched list, or logs why there is none.
pub(super) fn list_done(
    revocations: &mut Revocations,
    attempt: Attempt,
    response: Option<CallResponse>,
    env: &Env<'_>,
    effects: &mut Vec<Effect>,
) {
    let (finished, failure) = match take_list(revocations, attempt, response, env) {
        Ok(finished) => (finished, None),
        Err(failure) => {
            let found = failure.to_string();
            (revocations.fail(attempt, failure.kind(), &found, env), Some(failure))
        }
    };
    if finished == Finished::Superseded {
        return;
    }
    let metric = match failure {
        None => metric::REVOCATIONS_FETCH_OK,
        Some(_) => metric::REVOCATIONS_FETCH_FAILED,
    };
    effects.push(Effect::Count { metric: metric.into(), by: 1 });
    let state = ListState {
        next_fetch: revocations.until_due(env.now),
        entries: revocations.fetched_entries(),
    };
    let record = match failure.zip(revocations.source()) {
        Some((failure, source)) => {
            let remedy = list_remedy(failure.kind(), source);
            let failure = logged(&failure, failure.to_string(), &source.remote, remedy);
            Record::RevocationsFetchFailed(state, failure)
        }
        None if finished == Finished::Changed => Record::RevocationsChanged(state),
        None => Record::RevocationsConfirmed(state),
    };
    effects.push(Effect::Log(record.into()));
}

/// Ends a fetch of the list with what it brought: a list, or word that the one at hand is the last.
fn take_list(
    revocations: &mut Revocations,
    attempt: Attempt,
    response: Option<CallResponse>,
    env: &Env<'_>,
) -> Result<Finished, Failure> {
    let tag = response.as_ref().and_then(entity_tag);
    let is_unchanged = response.as_ref().is_some_and(|response| response.status == 304);
    if is_unchanged && let Some(finished) = revocations.confirm(attempt, tag.as_ref(), env) {
        return Ok(finished);
    }
    let response = body(response, MAX_DOCUMENT_BYTES)?;
    let list = revoked::parse(&response.body, env.now);
    let list = list.map_err(|error| Failure::list(error, &response.body))?;
    Ok(revocations.succeed(attempt, (list, tag), env))
}

/// What an answer's document is called by its server, where it says so once.
fn entity_tag(response: &CallResponse) -> Option<EntityTag> {
    let mut tags = response.headers.values("etag");
    let tag = EntityTag::parse(tags.next()?)?;
    tags.next().is_none().then_some(tag)
}

/// Uses a fetched key set, and logs what is odd in it.
fn install(
    ring: &mut Ring,
    attempt: Attempt,
    response: &CallResponse,
    parsed: ParsedSet,
    env: &Env<'_>,
    effects: &mut Vec<Effect>,
) {
    let max_age = response.max_age();
    let label = |key: &PublicKey| KeyLabel { kid: key.kid().cloned(), kind: key.kind() };
    let keys: Vec<_> = parsed.set.iter().map(label).collect();
    let finished = ring.succeed(attempt, &response.body, parsed.set, max_age, env);
    if finished == Finished::Superseded {
        return;
    }
    let provider = &ring.config().provider;
    effects.push(Effect::Count { metric: metric::keys_fetch(true, provider), by: 1 });
    let mut log = |record: Record| effects.push(Effect::Log(record.into()));
    if finished == Finished::Confirmed {
        return log(Record::KeysConfirmed { provider: provider.clone(), keys: keys.len() });
    }
    for skipped in &parsed.skipped {
        let remedy = keyring::skipped_remedy(provider);
        let (provider, skipped) = (provider.clone(), skipped.to_string());
        log(Record::KeySkipped { provider, skipped, remedy });
    }
    for (entry, odd) in &parsed.tolerated {
        let reason = keyring::tolerated(entry, odd);
        log(Record::KeyTolerated { provider: provider.clone(), reason });
    }
    for entry in &parsed.private {
        let (provider, kid) = (provider.clone(), entry.kid.clone());
        let reason = keyring::PRIVATE;
        log(Record::KeyPrivate { provider, kid, reason });
    }
    let next_fetch = ring.until_due(env.now);
    log(Record::KeysChanged { provider: provider.clone(), keys, next_fetch });
}

/// The document of an answer: only a whole, plain 200 counts. Redirects are not followed.
fn body(response: Option<CallResponse>, most: usize) -> Result<CallResponse, Failure> {
    let Some(response) = response else { return Err(Failure::NoAnswer) };
    if response.status != 200 {
        let shown = |found: &[u8]| quoted_to(&String::from_utf8_lossy(found), MAX_EXCERPT);
        let found = match response.headers.first("location") {
            Some(location) => format!("`location` {}", shown(&without_parameters(location))),
            None => shown(response.body.get(..MAX_EXCERPT).unwrap_or(&response.body)),
        };
        return Err(Failure::Status(response.status, found));
    }
    let encoding = response.headers.first("content-encoding");
    if let Some(encoding) = encoding.filter(|value| !value.eq_ignore_ascii_case(b"identity")) {
        return Err(Failure::Encoded(quoted(&String::from_utf8_lossy(encoding))));
    }
    let bytes = response.body_size;
    if bytes > most {
        return Err(Failure::Body { bytes, most });
    }
    Ok(response)
}

/// The call for the key set that a discovery document names, and what that says of logins, where
/// somebody wants to know.
///
/// The document's `issuer` must be a configured one (OpenID Connect Discovery §4.3, RFC 8414 §3.3),
/// `{tenantid}` in it standing for any one segment. Only clusters of the configuration are called.
fn keys_request(
    response: &CallResponse,
    config: &RingConfig,
) -> Result<(CallRequest, Option<Metadata>), DiscoveryError> {
    let Remote { url, cluster, timeout, .. } = &config.remote;
    let RingSource::Discovery { keys_cluster } = &config.source else {
        return Err(DiscoveryError::Malformed(String::new()));
    };
    let members = json::object(&response.body)
        .map_err(|_| DiscoveryError::Malformed(failure::beginning(&response.body)))?;
    let member =
        |name| members.get(name).and_then(Value::as_str).ok_or(DiscoveryError::Missing(name));
    let issuer = member("issuer")?;
    if !config.issuers.is_empty() && !config.issuers.iter().any(|one| is_issuer(issuer, one)) {
        return Err(DiscoveryError::Issuer(quoted(issuer)));
    }
    let keys = Url::parse(member("jwks_uri")?).map_err(DiscoveryError::KeysUrl)?;
    if url.secure && !keys.secure {
        return Err(DiscoveryError::PlainKeys);
    }
    let cluster = match keys_cluster {
        Some(cluster) => cluster,
        None if keys.host() == url.host() => cluster,
        None => return Err(DiscoveryError::KeysHost(quoted(keys.host()))),
    };
    let login = config.logins.then(|| Metadata::read(&members));
    Ok((CallRequest::document(&keys, cluster, *timeout, MAX_SET_BYTES), login))
}

/// Whether a document's issuer is a configured one.
fn is_issuer(found: &str, configured: &str) -> bool {
    match found.split_once("{tenantid}") {
        None => found == configured,
        Some((before, after)) => configured
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .is_some_and(|tenant| !tenant.is_empty() && !tenant.contains('/')),
    }
}

/// A URL that an answer names, without what may be a secret in it.
fn without_parameters(url: &[u8]) -> Vec<u8> {
    url.iter().copied().take_while(|byte| !matches!(byte, b'?' | b'#')).collect()
}
