//! Counters, and what was revoked.

use super::remote::{Words, Written, id_of};
use crate::config::check::written::not_empty;
use crate::config::checked::{LimitsConfig, RemoteLimits};
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::RawConfig;
use crate::config::raw::limits::{RawRemote, RawRevocation, RawRevoked};
use crate::config::raw::provider::RawKind;
use crate::config::read::{At, Count, Preset, items, unknown};
use crate::http::Url;
use crate::limits::Share;
use crate::revoked::{List, ListBuilder, Reach, Source, Subject};
use crate::verdict::quoted;

/// How many records a bucket of the store holds.
const BUCKET: u32 = 8;

pub(super) fn limits(raw: &RawConfig) -> LimitsConfig {
    raw.limits.says(|limits| LimitsConfig {
        capacity: whole_buckets(&limits.capacity),
        // There is one word: it is in the list, or the list is empty.
        headers: limits.headers.given().is_none_or(|headers| !headers.is_empty()),
    })
}

/// The service that counts for several proxies.
pub(super) fn remote(raw: &RawConfig, problems: &mut Problems<'_>) -> Option<RemoteLimits> {
    let remote = raw.limits.given()?.remote.given()?;
    for (name, is_absent, what) in missing(remote) {
        if is_absent {
            problems.missing(remote.at, name, format_args!("missing; {what}"));
        }
    }
    if let Some(domain) = remote.domain.given().filter(|domain| !is_domain(&domain.value.0)) {
        problems.refuse(
            Code::ValueInvalid,
            domain.at,
            format_args!(
                "{} is no domain: 1 to 64 of a-z, 0-9, `_`, `-` and `.`",
                quoted(&domain.value.0)
            ),
        );
    }
    Some(RemoteLimits {
        cluster: remote.cluster.given()?.value.0.clone(),
        domain: remote.domain.value.0.clone(),
        share: Share {
            service: remote.service.given()?.value,
            replicas: remote.replicas.given()?.value.0,
            tolerance: remote.tolerance.value.0,
        },
        timeout: remote.timeout.value.duration(),
        on_outage: remote.on_outage.value,
    })
}

/// What must be said of it, whether it is not, and what to say.
fn missing(remote: &RawRemote) -> [(&'static str, bool, &'static str); 3] {
    [
        (
            "service",
            remote.service.is_absent(),
            "say which it is, \"ratelimit\" or \"limitador\": they count in different ways",
        ),
        ("cluster", remote.cluster.is_absent(), "name the Envoy cluster of the service"),
        (
            "replicas",
            remote.replicas.is_absent(),
            "say how many proxies there are at most: bounds and shares depend on it",
        ),
    ]
}

fn is_domain(text: &str) -> bool {
    let is_part = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.');
    text.len() <= 64 && text.bytes().all(is_part)
}

/// The list of the configuration, and where another is fetched from.
pub(super) fn revoked(raw: &RawConfig, problems: &mut Problems<'_>) -> (List, Option<Source>) {
    let mut list = ListBuilder::default();
    let Some(revoked) = raw.revoked.given() else { return (list.finish(), None) };
    not_empty(
        &revoked.entries,
        "an empty list revokes nothing; write an entry, or leave it out",
        problems,
    );
    for entry in items(&revoked.entries) {
        add(entry, raw, &mut list, problems);
    }
    (list.finish(), source(revoked, problems))
}

fn add(
    entry: &At<RawRevocation>,
    raw: &RawConfig,
    list: &mut ListBuilder,
    problems: &mut Problems<'_>,
) {
    if entry.provider.is_absent() {
        problems.missing(entry.at, "provider", "missing; name the provider that this is about");
    }
    let providers = raw.providers.given().map_or(&[][..], |providers| &providers.0);
    let provider = entry.provider.given();
    let known = provider.map(|name| providers.iter().find(|one| *one.name.value == ***name));
    // Where `providers` is wrong as a whole, it may have been meant to name this one.
    let unsure = raw.providers.is_wrong();
    if let (Some(provider), Some(None), false) = (provider, known, unsure) {
        let names: Vec<_> = providers.iter().map(|one| &*one.name.value).collect();
        problems.refuse(Code::NameUnknown, provider.at, unknown(provider, &names));
    }
    let written_as = known.flatten().and_then(|one| one.value.as_ref());
    if written_as.is_some_and(|one| one.kind.value == RawKind::ApiKey) {
        refuse_of_tokens(entry, problems);
    }
    if let (Some(at), true) =
        (entry.session.at(), written_as.is_some_and(|one| one.login.is_absent()))
    {
        let message =
            "only a login has sessions, and this provider has no `login`; name an `identity`";
        problems.refuse(Code::FieldUseless, at, message);
    }
    let identity = entry.identity.given().map(|identity| Subject::Identity(identity));
    let jti = entry.jti.given().map(|jti| Subject::Jti(jti));
    let token = entry.token_sha256.given().map(|digest| Subject::Token(&digest.value.0));
    let session = entry.session.given().map(|sid| Subject::Session(sid));
    let texts = [&entry.identity, &entry.jti, &entry.session];
    let named = texts.into_iter().filter(|field| !field.is_absent());
    let named = named.count().saturating_add(usize::from(!entry.token_sha256.is_absent()));
    if named != 1 {
        let message = "says not exactly what was revoked; write one of `identity`, `jti`, \
                       `token_sha256` and `session`";
        problems.refuse(Code::OneOfRequired, entry.at, message);
    }
    if let (Some(provider), Some(subject)) = (provider, identity.or(jti).or(token).or(session)) {
        let [issued_before, until] = [&entry.issued_before, &entry.until]
            .map(|field| field.given().map(|moment| moment.value.0));
        list.add(provider, subject, Reach { issued_before, until });
    }
}

/// Refuses what no API key has; the list would name something that it can never meet.
fn refuse_of_tokens(entry: &At<RawRevocation>, problems: &mut Problems<'_>) {
    let places = [entry.jti.at(), entry.token_sha256.at()];
    for at in places.into_iter().flatten() {
        problems.refuse(
            Code::FieldUseless,
            at,
            "only tokens have this, and this provider is a list of API keys; name an `identity`, \
             or switch a single key off where it is listed (`active`)",
        );
    }
}

/// What is said of the list.
const WORDS: Words = Words {
    name: "it",
    harm: "empty the list",
    given_up: "the list is given up before it is",
    often: "every proxy fetches the list this often; 10s is often enough",
};

fn source(revoked: &At<RawRevoked>, problems: &mut Problems<'_>) -> Option<Source> {
    let written = Written {
        at: revoked.at,
        cluster: &revoked.cluster,
        timeout: &revoked.timeout,
        refresh: &revoked.refresh,
        // For a published list that cannot be read: nothing else is fetched out of turn.
        cooldown: None,
        max_stale: &revoked.max_stale,
        words: &WORDS,
    };
    if revoked.url.is_absent() {
        let message = "has no use without `url`, from which a list is fetched; delete it";
        written.refuse(revoked.on_stale.at(), message, problems);
        return None;
    }
    let url = revoked.url.given().and_then(|text| written.url(text.at, text, problems));
    let id = |url: &Url, cluster: &str| id_of(["revoked", &url.to_string(), cluster].into_iter());
    let remote = written.remote(url, id, problems)?;
    Some(Source { remote, on_stale: revoked.on_stale.value })
}

pub(super) fn session_capacity(raw: &RawConfig) -> u32 {
    raw.sessions.says(|sessions| whole_buckets(&sessions.capacity))
}

/// A capacity, rounded up to whole buckets of the store.
fn whole_buckets<const LEAST: u32, const MOST: u32>(raw: &Preset<Count<LEAST, MOST>>) -> u32 {
    let Count(capacity) = raw.value;
    capacity.checked_next_multiple_of(BUCKET).unwrap_or(capacity)
}
