//! The filter's own fetches: which call belongs to which key ring, and what an answer is worth.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::log::Log;
use crate::config::{RingConfig, RingSource};
use crate::env::Env;
use crate::event::{CallRequest, CallResponse, Effect, Level, metric};
use crate::http::{Url, UrlError};
use crate::ids::CallId;
use crate::jose::jwk::{KeySet, MAX_SET_BYTES, Origin, ParsedSet, SetError};
use crate::json;
use crate::keys::{Attempt, Finished, Ring};
use crate::verdict::quoted;

/// Makes the calls that the key rings want, one at a time for each.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    calls: BTreeMap<CallId, Fetch>,
    next: u64,
}

/// A fetch on its way.
#[derive(Clone, Copy, Debug)]
struct Fetch {
    /// The ring's place.
    ring: usize,
    attempt: Attempt,
    document: Document,
}

/// What is being fetched.
#[derive(Clone, Copy, Debug)]
enum Document {
    Discovery,
    Keys,
}

/// Why a fetch brought nothing. The text is for the operator's log: it names what came.
#[derive(Debug)]
enum Failure {
    Body(usize),
    Discovery(DiscoveryError),
    Encoded(String),
    Keys(SetError),
    NoAnswer,
    Status(u16, String),
}

/// What is wrong with a discovery document.
#[derive(Debug)]
enum DiscoveryError {
    Issuer(String),
    KeysHost(String),
    KeysUrl(UrlError),
    Malformed,
    Missing(&'static str),
    PlainKeys,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(bytes) => write!(f, "a body of {bytes} bytes; at most {MAX_SET_BYTES}"),
            Self::Discovery(error) => write!(f, "the discovery document: {error}"),
            Self::Encoded(how) => write!(f, "an encoded body ({how}); only `identity` is taken"),
            Self::Keys(error) => write!(f, "the key set: {error}"),
            Self::NoAnswer => f.write_str(
                "no answer, or one that broke off: does the cluster exist, and has it hosts?",
            ),
            Self::Status(status, body) => write!(f, "status {status} with {body}"),
        }
    }
}

impl fmt::Display for DiscoveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issuer(found) => {
                write!(f, "`issuer` is {found}, which is not the provider's configured issuer")
            }
            Self::KeysHost(found) => write!(
                f,
                "`jwks_uri` is on host {found}, not on the document's; set `jwks.keys_cluster` to \
                 the cluster that reaches it"
            ),
            Self::KeysUrl(error) => write!(f, "`jwks_uri`: {error}"),
            Self::Malformed => f.write_str("not a JSON object without duplicate members"),
            Self::Missing(member) => write!(f, "`{member}` is missing or no string"),
            Self::PlainKeys => f.write_str("`jwks_uri` is http where the document came by https"),
        }
    }
}

impl Keeper {
    /// Takes what other workers published, and starts the fetches that are due.
    pub(super) fn tick(&mut self, rings: &mut [Ring], env: &Env<'_>, effects: &mut Vec<Effect>) {
        for (place, ring) in rings.iter_mut().enumerate() {
            let Some(attempt) = ring.attempt(env) else { continue };
            let config = ring.config();
            let (document, url) = match &config.source {
                RingSource::Jwks(url) => (Document::Keys, url),
                RingSource::Discovery { url, .. } => (Document::Discovery, url),
            };
            let request = request(url, &config.cluster, config.timeout);
            self.call(Fetch { ring: place, attempt, document }, request, effects);
        }
    }

    fn call(&mut self, fetch: Fetch, request: CallRequest, effects: &mut Vec<Effect>) {
        let call = CallId(self.next);
        self.next = self.next.wrapping_add(1);
        self.calls.insert(call, fetch);
        effects.push(Effect::Call { call, request });
    }

    /// Judges what a call brought. A call that is not ours is nothing.
    pub(super) fn call_done(
        &mut self,
        call: CallId,
        response: Option<CallResponse>,
        rings: &mut [Ring],
        log: &Log,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(fetch) = self.calls.remove(&call) else { return };
        let Some(ring) = rings.get_mut(fetch.ring) else { return };
        let outcome = match (fetch.document, document(response)) {
            (_, Err(failure)) => Err(failure),
            (Document::Discovery, Ok(response)) => match keys_request(&response, ring.config()) {
                Ok(request) => {
                    let document = Document::Keys;
                    return self.call(Fetch { document, ..fetch }, request, effects);
                }
                Err(error) => Err(Failure::Discovery(error)),
            },
            (Document::Keys, Ok(response)) => KeySet::parse(&response.body, Origin::Fetched)
                .map(|set| (response, set))
                .map_err(Failure::Keys),
        };
        match outcome {
            Ok((response, parsed)) => {
                install(ring, fetch.attempt, &response, parsed, log, env, effects)
            }
            Err(failure) => {
                let finished = ring.fail(fetch.attempt, env);
                if finished == Finished::Superseded {
                    return;
                }
                let provider = &ring.config().provider;
                effects.push(Effect::Count { metric: metric::keys_fetch(false, provider), by: 1 });
                let fields = [
                    ("found", failure.to_string()),
                    ("url", without_query(url(ring.config()))),
                    ("cluster", ring.config().cluster.to_string()),
                    ("next_attempt_ms", ring.until_due(env.now).as_millis().to_string()),
                    ("keys_in_use", if ring.is_loaded() { "kept" } else { "none" }.to_owned()),
                ];
                effects.push(log.keys(Level::Warn, "keys_fetch_failed", provider, &fields));
            }
        }
    }
}

/// Puts a fetched set to use, and tells what was noticed in it.
fn install(
    ring: &mut Ring,
    attempt: Attempt,
    response: &CallResponse,
    parsed: ParsedSet,
    log: &Log,
    env: &Env<'_>,
    effects: &mut Vec<Effect>,
) {
    let max_age = max_age(response);
    let kids: Vec<_> = parsed
        .set
        .iter()
        .map(|key| {
            format!("{} {}", key.kid().map_or("-".to_owned(), |k| quoted(k.as_str())), key.kind())
        })
        .collect();
    let finished = ring.succeed(attempt, &response.body, parsed.set, max_age, env);
    if finished == Finished::Superseded {
        return;
    }
    let provider = &ring.config().provider;
    effects.push(Effect::Count { metric: metric::keys_fetch(true, provider), by: 1 });
    if finished == Finished::Confirmed {
        let fields = [("keys", kids.len().to_string())];
        effects.push(log.keys(Level::Debug, "keys_confirmed", provider, &fields));
        return;
    }
    for skipped in &parsed.skipped {
        let fields = [("skipped", skipped.to_string())];
        effects.push(log.keys(Level::Warn, "key_skipped", provider, &fields));
    }
    for entry in &parsed.private {
        let kid = entry.kid.as_ref().map_or("-".to_owned(), |kid| quoted(kid.as_str()));
        let reason = "the provider publishes this key's private part: it must be replaced";
        let fields = [("kid", kid), ("reason", reason.to_owned())];
        effects.push(log.keys(Level::Error, "key_private", provider, &fields));
    }
    let fields = [
        ("keys", kids.join(", ")),
        ("next_fetch_ms", ring.until_due(env.now).as_millis().to_string()),
    ];
    effects.push(log.keys(Level::Info, "keys_changed", provider, &fields));
}

/// The document of an answer: only a whole, plain 200 counts. Redirects are not followed.
fn document(response: Option<CallResponse>) -> Result<CallResponse, Failure> {
    let Some(response) = response else { return Err(Failure::NoAnswer) };
    if response.status != 200 {
        let excerpt = response.body.get(..160).unwrap_or(&response.body);
        return Err(Failure::Status(response.status, quoted(&String::from_utf8_lossy(excerpt))));
    }
    let encoding = response.headers.first("content-encoding");
    if let Some(encoding) = encoding.filter(|value| !value.eq_ignore_ascii_case(b"identity")) {
        return Err(Failure::Encoded(quoted(&String::from_utf8_lossy(encoding))));
    }
    if response.body_size > MAX_SET_BYTES {
        return Err(Failure::Body(response.body_size));
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
) -> Result<CallRequest, DiscoveryError> {
    let RingSource::Discovery { url, keys_cluster } = &config.source else {
        return Err(DiscoveryError::Malformed);
    };
    let members = json::object(&response.body).map_err(|_| DiscoveryError::Malformed)?;
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
    Ok(request(&keys, cluster, config.timeout))
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

fn request(url: &Url, cluster: &str, timeout: Duration) -> CallRequest {
    CallRequest {
        cluster: cluster.into(),
        scheme: url.scheme(),
        authority: url.authority.clone(),
        path: url.path.clone(),
        timeout,
    }
}

fn url(config: &RingConfig) -> &Url {
    match &config.source {
        RingSource::Jwks(url) | RingSource::Discovery { url, .. } => url,
    }
}

/// A URL for the log: a query may hold a secret.
fn without_query(url: &Url) -> String {
    let path = url.path.split('?').next().unwrap_or_default();
    format!("{}://{}{path}", url.scheme(), url.authority)
}

/// The `max-age` of an answer's `Cache-Control` (RFC 9111 §5.2.2.1).
fn max_age(response: &CallResponse) -> Option<Duration> {
    let text = std::str::from_utf8(response.headers.first("cache-control")?).ok()?;
    text.split(',').find_map(|directive| {
        let (name, value) = directive.trim().split_once('=')?;
        let seconds =
            value.trim_matches('"').parse().ok().filter(|_| name.eq_ignore_ascii_case("max-age"));
        seconds.map(Duration::from_secs)
    })
}
