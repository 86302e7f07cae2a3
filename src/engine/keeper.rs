//! The filter's own fetches: which call belongs to which key ring or list, and what an answer is
//! worth.

use std::time::Duration;

use serde_json::Value;

mod failure;

use super::fetched::{keys_remedy, list_remedy, url, without_query};
use crate::config::{RingConfig, RingSource};
use crate::env::Env;
use crate::event::{
    CallRequest, CallResponse, Effect, FetchFailure, KeyLabel, ListState, Record, metric,
};
use crate::http::Url;
use crate::ids::CallId;
use crate::jose::jwk::{KeySet, MAX_SET_BYTES, Origin, ParsedSet, PublicKey};
use crate::json;
use crate::keys::{Attempt, Finished, Ring};
use crate::revoked::{self, List, MAX_DOCUMENT_BYTES, Revocations};
use crate::verdict::{quoted, quoted_to};
use failure::{DiscoveryError, Failure};

/// How much of what came instead of a document is shown, in bytes: Envoy's own words about TLS stand
/// at the end of a long line.
const MAX_EXCERPT: usize = 320;

/// What the filter fetches.
pub(super) struct Kept<'k> {
    pub(super) rings: &'k mut [Ring],
    pub(super) revocations: &'k mut Revocations,
}

/// Makes the calls that the key rings and the list want, one at a time for each.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    /// Those that are out: a few.
    calls: Vec<(CallId, Fetch)>,
    next: u64,
}

/// A fetch on its way.
#[derive(Clone, Copy, Debug)]
struct Fetch {
    attempt: Attempt,
    document: Document,
}

/// What is being fetched.
#[derive(Clone, Copy, Debug)]
enum Document {
    /// What says where the keys of the ring at this place are.
    Discovery(usize),
    /// The keys of the ring at this place.
    Keys(usize),
    /// The list of revocations.
    Revoked,
}

impl Document {
    /// The longest that is taken, in bytes.
    const fn max_bytes(self) -> usize {
        match self {
            Self::Discovery(_) | Self::Keys(_) => MAX_SET_BYTES,
            Self::Revoked => MAX_DOCUMENT_BYTES,
        }
    }
}

impl Keeper {
    /// Takes what other workers published, and starts the fetches that are due.
    pub(super) fn tick(&mut self, kept: Kept<'_>, env: &Env<'_>, effects: &mut Vec<Effect>) {
        for (place, ring) in kept.rings.iter_mut().enumerate() {
            let Some(attempt) = ring.attempt(env) else { continue };
            let config = ring.config();
            let (document, url) = match &config.source {
                RingSource::Jwks(url) => (Document::Keys(place), url),
                RingSource::Discovery { url, .. } => (Document::Discovery(place), url),
            };
            let request = request(url, &config.cluster, config.timeout, document);
            self.call(Fetch { attempt, document }, request, effects);
        }
        if let Some(attempt) = kept.revocations.attempt(env)
            && let Some(source) = kept.revocations.source()
        {
            let document = Document::Revoked;
            let request = request(&source.url, &source.cluster, source.timeout, document);
            self.call(Fetch { attempt, document }, request, effects);
        }
    }

    /// Gives back the right to what is being fetched.
    pub(super) fn stop(&mut self, kept: Kept<'_>, env: &Env<'_>) {
        for (_, Fetch { attempt, document }) in self.calls.drain(..) {
            match document {
                Document::Revoked => kept.revocations.give_back(attempt, env),
                Document::Discovery(place) | Document::Keys(place) => {
                    if let Some(ring) = kept.rings.get_mut(place) {
                        ring.give_back(attempt, env);
                    }
                }
            }
        }
    }

    fn call(&mut self, fetch: Fetch, request: CallRequest, effects: &mut Vec<Effect>) {
        let call = CallId(self.next);
        self.next = self.next.wrapping_add(1);
        self.calls.push((call, fetch));
        effects.push(Effect::Call { call, request });
    }

    /// Judges what a call brought. A call that is not ours is nothing.
    pub(super) fn call_done(
        &mut self,
        call: CallId,
        response: Option<CallResponse>,
        kept: Kept<'_>,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let place = self.calls.iter().position(|(known, _)| *known == call);
        let Some((_, fetch)) = place.map(|place| self.calls.swap_remove(place)) else { return };
        let response = body(response, fetch.document);
        let place = match fetch.document {
            Document::Revoked => {
                let list = response.and_then(|response| {
                    let read = revoked::parse(&response.body);
                    read.map_err(|error| Failure::list(error, &response.body))
                });
                return list_done(kept.revocations, fetch.attempt, list, env, effects);
            }
            Document::Discovery(place) | Document::Keys(place) => place,
        };
        let Some(ring) = kept.rings.get_mut(place) else { return };
        let response = match response {
            Ok(response) => response,
            Err(failure) => return keys_failed(ring, fetch.attempt, &failure, env, effects),
        };
        if let Document::Discovery(_) = fetch.document {
            match keys_request(&response, ring.config(), place) {
                Ok(request) => {
                    self.call(Fetch { document: Document::Keys(place), ..fetch }, request, effects);
                }
                Err(error) => {
                    let failure = Failure::Discovery(error);
                    keys_failed(ring, fetch.attempt, &failure, env, effects);
                }
            }
            return;
        }
        match KeySet::parse(&response.body, Origin::Fetched) {
            Ok(set) => install(ring, fetch.attempt, &response, set, env, effects),
            Err(error) => {
                let failure = Failure::keys(error, &response.body);
                keys_failed(ring, fetch.attempt, &failure, env, effects);
            }
        }
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
    let failure = told(failure, found, (url(config), &config.cluster), remedy);
    let record = Record::KeysFetchFailed {
        provider: provider.clone(),
        failure,
        next_attempt: ring.until_due(env.now),
        in_use: ring.is_loaded(),
    };
    effects.push(Effect::Log(record.into()));
}

/// A failure as the log has it.
fn told(
    failure: &Failure,
    found: String,
    (url, cluster): (&Url, &str),
    remedy: String,
) -> FetchFailure {
    FetchFailure {
        found,
        is_unanswered: matches!(failure, Failure::NoAnswer),
        url: without_query(url),
        cluster: cluster.to_owned(),
        remedy,
    }
}

/// Puts a fetched list to use, or tells why there is none.
fn list_done(
    revocations: &mut Revocations,
    attempt: Attempt,
    list: Result<List, Failure>,
    env: &Env<'_>,
    effects: &mut Vec<Effect>,
) {
    let (finished, failure) = match list {
        Ok(list) => (revocations.succeed(attempt, list, env), None),
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
            let failure =
                told(&failure, failure.to_string(), (&source.url, &source.cluster), remedy);
            Record::RevocationsFetchFailed(state, failure)
        }
        None if finished == Finished::Changed => Record::RevocationsChanged(state),
        None => Record::RevocationsConfirmed(state),
    };
    effects.push(Effect::Log(record.into()));
}

/// Puts a fetched set to use, and tells what was noticed in it.
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
        let remedy = format!(
            "tokens signed with it are refused; if it is for signing, have the provider of \
             `providers.{provider}.jwks` publish one that can be used"
        );
        let (provider, skipped) = (provider.clone(), skipped.to_string());
        log(Record::KeySkipped { provider, skipped, remedy });
    }
    for (entry, odd) in &parsed.tolerated {
        let reason = format!("{entry}: {odd}; it is taken, and other software may refuse it");
        log(Record::KeyTolerated { provider: provider.clone(), reason });
    }
    for entry in &parsed.private {
        let reason = "the provider publishes this key's private part: it must be replaced";
        let (provider, kid) = (provider.clone(), entry.kid.clone());
        log(Record::KeyPrivate { provider, kid, reason });
    }
    let next_fetch = ring.until_due(env.now);
    log(Record::KeysChanged { provider: provider.clone(), keys, next_fetch });
}

/// The document of an answer: only a whole, plain 200 counts. Redirects are not followed.
fn body(response: Option<CallResponse>, document: Document) -> Result<CallResponse, Failure> {
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
    let (bytes, most) = (response.body_size, document.max_bytes());
    if bytes > most {
        return Err(Failure::Body { bytes, most });
    }
    Ok(response)
}

/// The call for the key set that a discovery document names.
///
/// The document's `issuer` must be a configured one (OpenID Connect Discovery §4.3, RFC 8414 §3.3),
/// `{tenantid}` in it standing for any one segment. Only clusters of the configuration are called.
fn keys_request(
    response: &CallResponse,
    config: &RingConfig,
    place: usize,
) -> Result<CallRequest, DiscoveryError> {
    let RingSource::Discovery { url, keys_cluster } = &config.source else {
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
        None if keys.host() == url.host() => &config.cluster,
        None => return Err(DiscoveryError::KeysHost(quoted(keys.host()))),
    };
    Ok(request(&keys, cluster, config.timeout, Document::Keys(place)))
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

fn request(url: &Url, cluster: &str, timeout: Duration, document: Document) -> CallRequest {
    CallRequest {
        cluster: cluster.into(),
        scheme: url.scheme(),
        authority: url.authority.clone(),
        path: url.path.clone(),
        timeout,
        max_body: document.max_bytes(),
    }
}

/// A URL that an answer names, without what may be a secret in it.
fn without_parameters(url: &[u8]) -> Vec<u8> {
    url.iter().copied().take_while(|byte| !matches!(byte, b'?' | b'#')).collect()
}
