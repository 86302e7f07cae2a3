//! Where a provider's keys come from, and which providers share them.

use std::fmt::Write as _;
use std::sync::Arc;

use super::issuers::{PLACEHOLDER, Tenant, by_url};
use super::remote::{Words, Written, id_of};
use super::secret;
use crate::api::holds_brace;
use crate::config::check::drafts::{Keys, Ring};
use crate::config::checked::{RingConfig, RingSource, Variables};
use crate::config::code::Code;
use crate::config::problems::{Problems, listed};
use crate::config::raw::provider::{Inline, RawDiscovery, RawJwks, RawProvider};
use crate::config::read::{At, one_or_many};
use crate::http::Url;
use crate::ids::Name;
use crate::jose::alg::{Alg, AlgSet};
use crate::jose::jwk::{KeySet, Origin, PublicKey, SetError};
use crate::verdict::quoted;

const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";

/// Judges where the keys are; `None` where that is wrong.
pub(super) fn check(
    raw: &At<RawProvider>,
    provider: Option<&Name>,
    tenants: &[Tenant],
    algorithms: AlgSet,
    variables: Variables<'_>,
    problems: &mut Problems<'_>,
) -> Option<Keys> {
    let sources = [
        (raw.jwks.given().map(|jwks| jwks.at), raw.jwks.is_absent(), "jwks"),
        (raw.pem.given().map(|pem| pem.at), raw.pem.is_absent(), "pem"),
        (raw.secret.given().map(|secret| secret.at), raw.secret.is_absent(), "secret"),
    ];
    let mut written = sources.iter().filter(|(_, absent, _)| !absent);
    let Some((_, _, first)) = written.next() else {
        problems.missing(
            raw.at,
            "jwks",
            "missing; say where the keys are: `url`, `discovery` or `inline`; or write `pem` or \
             `secret`",
        );
        return None;
    };
    for (at, _, second) in written {
        let message = format!("`{first}` and `{second}` are two sources of keys; keep exactly one");
        problems.refuse(Code::Contradiction, at.unwrap_or(raw.at), message);
    }
    match *first {
        "jwks" => jwks(raw, provider, tenants, algorithms, problems),
        "pem" => {
            let set = secret::pem(raw, problems)?;
            let at = raw.pem.given().map_or(raw.at, |pem| pem.at);
            refuse_unfit(&set, algorithms, at, problems);
            Some(Keys::Inline(set))
        }
        _ => secret::secret(raw, algorithms, variables, problems).map(Keys::Inline),
    }
}

/// Judges `jwks`; `None` where it is wrong.
fn jwks(
    raw: &At<RawProvider>,
    provider: Option<&Name>,
    tenants: &[Tenant],
    algorithms: AlgSet,
    problems: &mut Problems<'_>,
) -> Option<Keys> {
    let jwks = raw.jwks.given()?;
    let sources: Vec<_> = [
        ("url", jwks.url.is_absent()),
        ("discovery", jwks.discovery.is_absent()),
        ("inline", jwks.inline.is_absent()),
    ]
    .into_iter()
    .filter_map(|(name, absent)| (!absent).then_some(name))
    .collect();
    match *sources.as_slice() {
        [] => {
            let message = "names no keys; write exactly one of `url`, `discovery` and `inline`";
            problems.refuse(Code::OneOfRequired, jwks.at, message);
        }
        [_] => {}
        [first, second, ..] => problems.refuse(
            Code::OneOfRequired,
            jwks.at,
            format_args!("`{first}` and `{second}` are two sources of keys; keep exactly one"),
        ),
    }
    let inline = jwks.inline.given().and_then(|inline| self::inline(inline, problems));
    if let ["inline"] = *sources.as_slice() {
        fetched(jwks).refuse(
            jwks.keys_cluster.at(),
            "has no use with `inline`, which fetches nothing; delete it",
            problems,
        );
        if let (Some(set), Some(written)) = (&inline, jwks.inline.given()) {
            refuse_unfit(set, algorithms, written.at, problems);
        }
        return inline.map(Keys::Inline);
    }
    if !by_tenant(raw, jwks) {
        let all = Tenant {
            name: None,
            issuers: tenants.iter().flat_map(|tenant| tenant.issuers.clone()).collect(),
        };
        return ring(raw, jwks, provider, &all, problems).map(Box::new).map(Keys::Ring);
    }
    if raw.tenants.is_absent() {
        let at = jwks.url.given().map(|url| url.at);
        let at = at.or(jwks.discovery.given().map(|discovery| discovery.at)).unwrap_or(jwks.at);
        // Of an issuer that holds it this has been said there.
        if !one_or_many(&raw.issuer).iter().any(|issuer| issuer.contains(PLACEHOLDER)) {
            let message = "holds `{tenant}`; list in `tenants` what it stands for";
            problems.refuse(Code::DiscoveryImpossible, at, message);
        }
        return None;
    }
    let mut rings = Vec::new();
    for tenant in tenants {
        if let (None, Some(issuer)) = (&tenant.name, tenant.issuers.first()) {
            let message = "has no `{tenant}`, and the keys are fetched for each tenant apart: make it \
                           a provider of its own";
            if !holds_brace(issuer) {
                problems.refuse(Code::IssuerInvalid, issuer.at, message);
            }
            continue;
        }
        rings.extend(ring(raw, jwks, provider, tenant, problems));
    }
    (rings.len() == tenants.len()).then_some(Keys::Tenants(rings))
}

/// Whether each tenant has keys of its own.
fn by_tenant(raw: &At<RawProvider>, jwks: &At<RawJwks>) -> bool {
    let by_issuer = jwks.discovery.given().is_some_and(|discovery| {
        matches!(discovery.value, RawDiscovery::Issuer)
            && one_or_many(&raw.issuer).iter().any(|issuer| issuer.contains(PLACEHOLDER))
    });
    by_issuer || by_url(raw)
}

/// A key that fits no algorithm accepted can verify nothing: worth a warning, and where all are like
/// that, a refusal.
fn refuse_unfit(set: &KeySet, accepted: AlgSet, at: usize, problems: &mut Problems<'_>) {
    let fits = |key: &&PublicKey| accepted.iter().any(|algorithm| key.fits(algorithm));
    if accepted.is_empty() || set.iter().all(|key| fits(&key)) {
        return;
    }
    if set.iter().any(|key| fits(&key)) {
        for key in set.iter().filter(|key| !fits(key)) {
            let kid = key.kid().map_or_else(|| "without `kid`".into(), |kid| quoted(kid.as_str()));
            let kind = key.kind();
            problems.warn(
                Code::KeyUnusable,
                at,
                format_args!(
                    "the key {kid} ({kind}) is not used: it fits no algorithm accepted here"
                ),
            );
        }
        return;
    }
    let accepted: Vec<_> = accepted.iter().map(Alg::name).collect();
    problems.refuse(
        Code::KeySetUnusable,
        at,
        format_args!(
            "no key of this set fits an algorithm accepted here: {}; name the keys' own in \
             `algorithms`",
            listed(accepted, "and")
        ),
    );
}

fn inline(inline: &At<Inline>, problems: &mut Problems<'_>) -> Option<Arc<KeySet>> {
    match KeySet::parse(inline.value.0.as_bytes(), Origin::Inline) {
        Ok(parsed) => {
            for skipped in &parsed.skipped {
                problems.warn(
                    Code::KeyUnusable,
                    inline.at,
                    format_args!("keys[{}] is not used: {}", skipped.index, skipped.why),
                );
            }
            for (entry, odd) in &parsed.tolerated {
                problems.warn(
                    Code::KeyTolerated,
                    inline.at,
                    format_args!(
                        "keys[{}] is taken, but {odd}: write it as RFC 7518 has it, since others may \
                         not take it",
                        entry.index
                    ),
                );
            }
            for entry in &parsed.private {
                problems.warn(
                    Code::KeyPrivate,
                    inline.at,
                    format_args!(
                        "keys[{}] shows its private part; write the public one only",
                        entry.index
                    ),
                );
            }
            Some(Arc::new(parsed.set))
        }
        Err(SetError::NoneUsable(skipped)) => {
            let mut message = String::from("no key of this set can be used");
            for skipped in skipped.iter().take(8) {
                let _ = write!(message, "; keys[{}]: {}", skipped.index, skipped.why);
            }
            problems.refuse(Code::KeySetUnusable, inline.at, message);
            None
        }
        Err(error) => {
            problems.refuse(Code::KeySetUnusable, inline.at, format_args!("no key set: {error}"));
            None
        }
    }
}

/// How the URL of a discovery document ends (OpenID Connect Discovery §4, RFC 8414 §3), without the
/// `/.well-known` before it.
const DISCOVERY_ENDS: [&str; 2] = ["/openid-configuration", "/oauth-authorization-server"];
/// How that of a key set often does.
const KEY_SET_ENDS: [&str; 4] = ["/jwks.json", "/jwks", "/keys", "/certs"];

/// A URL's path without a slash at its end, without the query.
fn document(url: &Url) -> &str {
    let path = &*url.path;
    path.split_once('?').map_or(path, |(path, _)| path).trim_end_matches('/')
}

fn source(
    raw: &At<RawProvider>,
    jwks: &At<RawJwks>,
    tenant: &Tenant,
    problems: &mut Problems<'_>,
) -> Option<(RingSource, Url)> {
    if let (Some(cluster), false) = (jwks.keys_cluster.given(), jwks.url.is_absent()) {
        problems.refuse(
            Code::FieldUseless,
            cluster.at,
            "has no use with `url`, which is called in `cluster`; delete it",
        );
    }
    if let Some(text) = jwks.url.given() {
        let url = fetched(jwks).url(text.at, &tenant.fill(text), problems)?;
        if DISCOVERY_ENDS.iter().any(|end| document(&url).ends_with(end)) {
            let message = "is a discovery document; write it as `discovery` in place of `url`";
            problems.refuse(Code::DocumentMistaken, text.at, message);
        }
        return Some((RingSource::Jwks, url));
    }
    let discovery = jwks.discovery.given()?;
    let url = match &discovery.value {
        RawDiscovery::Url(text) => {
            let url = fetched(jwks).url(discovery.at, &tenant.fill(text), problems)?;
            if KEY_SET_ENDS.iter().any(|end| document(&url).ends_with(end)) {
                let message = "looks like a key set; write it as `url` in place of `discovery`";
                problems.warn(Code::DocumentMistaken, discovery.at, message);
            }
            url
        }
        RawDiscovery::Issuer => {
            let url = discovered(raw, discovery.at, tenant, problems)?;
            fetched(jwks).warn_if_plain(&url, discovery.at, problems);
            url
        }
    };
    let keys_cluster = jwks.keys_cluster.given().map(|cluster| cluster.value.0.clone());
    Some((RingSource::Discovery { keys_cluster }, url))
}

/// The discovery document's URL, from the one issuer (OpenID Connect Discovery §4).
pub(super) fn discovered(
    raw: &At<RawProvider>,
    at: usize,
    tenant: &Tenant,
    problems: &mut Problems<'_>,
) -> Option<Url> {
    if raw.issuer.is_absent() && raw.any_issuer.value {
        problems.refuse(
            Code::DiscoveryImpossible,
            at,
            "there is no issuer to discover from; write the document's URL",
        );
        return None;
    }
    let issuer = match one_or_many(&raw.issuer) {
        [issuer] => issuer,
        // Missing, empty or wrong, which has been said.
        [] => return None,
        [..] => {
            problems.refuse(
                Code::DiscoveryImpossible,
                at,
                "there are several issuers; write the document's URL",
            );
            return None;
        }
    };
    let issuer = tenant.fill(issuer.trim());
    let base = issuer.strip_suffix('/').unwrap_or(&issuer);
    let url = Url::parse(&format!("{base}{DISCOVERY_PATH}"));
    match url {
        Ok(url) if !base.contains('?') => Some(url),
        Ok(_) => {
            problems.refuse(
                Code::DiscoveryImpossible,
                at,
                "the issuer has a query; write the document's URL",
            );
            None
        }
        Err(error) => {
            problems.refuse(
                Code::DiscoveryImpossible,
                at,
                format_args!(
                    "the issuer is no URL to discover from: it {error}; write the document's URL"
                ),
            );
            None
        }
    }
}

/// What is said of keys.
const WORDS: Words = Words {
    name: "the keys",
    harm: "replace the keys",
    given_up: "keys are given up before they are",
    often: "every proxy may ask the provider this often, which may refuse to answer; write 10s or more",
};

/// What is written of the document that is fetched first.
fn fetched(jwks: &At<RawJwks>) -> Written<'_> {
    Written {
        at: jwks.at,
        cluster: &jwks.cluster,
        timeout: &jwks.timeout,
        refresh: &jwks.refresh,
        cooldown: Some(&jwks.cooldown),
        max_stale: &jwks.max_stale,
        words: &WORDS,
    }
}

fn ring(
    raw: &At<RawProvider>,
    jwks: &At<RawJwks>,
    provider: Option<&Name>,
    tenant: &Tenant,
    problems: &mut Problems<'_>,
) -> Option<Ring> {
    if jwks.url.is_absent() && jwks.discovery.is_absent() {
        return None;
    }
    let (source, url) = source(raw, jwks, tenant, problems).unzip();
    let mut issuers: Vec<Box<str>> = Vec::new();
    for issuer in tenant.issuers.iter().map(|issuer| &issuer.value) {
        issuers.insert(issuers.partition_point(|one| one < issuer), issuer.clone());
    }
    let id = |url: &Url, cluster: &str| id(&issuers, source.as_ref(), url, cluster);
    let remote = fetched(jwks).remote(url, id, problems)?;
    let source = source?;
    let names_endpoints = raw.login.given().is_some_and(|login| login.endpoints.is_absent());
    let logins = names_endpoints && matches!(source, RingSource::Discovery { .. });
    let config = RingConfig { provider: provider?.clone(), issuers, source, logins, remote };
    Some(Ring { config, places: fetched(jwks).places() })
}

/// What tells a ring from others.
fn id(issuers: &[Box<str>], source: Option<&RingSource>, url: &Url, cluster: &str) -> Box<str> {
    let (kind, keys_cluster) = match source {
        Some(RingSource::Discovery { keys_cluster }) => ("discovery", keys_cluster.as_deref()),
        Some(RingSource::Jwks) | None => ("jwks", None),
    };
    let (url, count) = (url.to_string(), issuers.len().to_string());
    let fixed = [kind, &url, cluster, keys_cluster.unwrap_or_default(), &count];
    id_of(fixed.into_iter().chain(issuers.iter().map(|issuer| &**issuer)))
}
