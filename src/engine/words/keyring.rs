//! The keys that a token was checked with, in words: which they are, where they are from, how old.

use super::document;
use crate::ids::{Kid, Name};
use crate::jose::jwk::{Entry, KeySet, Tolerated};
use crate::keys::{Ring, Wanted};
use crate::time::{UnixMillis, in_words};
use crate::verdict::{Deny, Refusal, quoted};

/// Most keys that a reason names.
const MAX_KEYS: usize = 8;

/// What is wrong with a key whose private part is published.
pub(in crate::engine) const PRIVATE: &str =
    "the provider publishes this key's private part: it must be replaced";

/// What helps where a key of a fetched set cannot be used.
pub(in crate::engine) fn skipped_remedy(provider: &Name) -> String {
    format!(
        "tokens signed with it are refused; if it is for signing, have the provider of \
         `providers.{provider}.jwks` publish one that can be used"
    )
}

/// What is odd about a key of a fetched set that is used all the same.
pub(in crate::engine) fn tolerated(entry: &Entry, odd: &Tolerated) -> String {
    format!("{entry}: {odd}; it is taken, and other software may refuse it")
}

/// Why there is no key for a token, with the keys that there are: those of a ring, or else of the
/// configuration.
pub(in crate::engine) fn no_key(
    deny: Deny,
    wanted: Wanted<'_>,
    ring: Option<&Ring>,
    set: Option<&KeySet>,
    now: UnixMillis,
) -> Refusal {
    let kid = wanted.kid.map_or_else(|| "missing".to_owned(), |kid| quoted(kid.as_str()));
    let alg = wanted.alg.name();
    let standing = ring.map(|ring| ring.standing(now)).filter(|standing| standing.failing);
    let failure = standing.and_then(|standing| standing.failure);
    let what = match deny {
        Deny::TokenKeyMismatch => {
            format!("the `kid` is {kid}; the key is not one for {alg} and this issuer")
        }
        Deny::TokenKeyUnknown => {
            let cooldown = ring.map_or_else(String::new, |ring| {
                let cooldown = in_words(ring.config().remote.cooldown);
                format!(", and the provider was asked in the last {cooldown} (`jwks.cooldown`)")
            });
            let bound =
                if wanted.kid.is_none() { " (without `kid` 8 are tried at most)" } else { "" };
            format!("the `kid` is {kid}; the key set has no such key{bound}{cooldown}")
        }
        Deny::KeysStale => "the key set in use is older than `jwks.max_stale`".to_owned(),
        Deny::Overloaded => "too many requests wait for the provider's first key set".to_owned(),
        _ if failure.is_some() => {
            format!("the key (`kid` {kid}) is not here, and the last attempt to fetch it failed")
        }
        _ => format!("the key (`kid` {kid}) is not here, and no fetch has brought it yet"),
    };
    let by_fetch = matches!(deny, Deny::KeysStale | Deny::KeysUnavailable);
    let remedy = failure.zip(ring).filter(|_| by_fetch);
    let mut refusal = Refusal::new(deny, format!("{what}; {}", describe(ring, set, now)));
    refusal.remedy =
        remedy.map(|(failure, ring)| document::keys_remedy(failure.kind, ring.config()).into());
    refusal
}

/// Which keys there are, where they are from, and how old they are.
pub(in crate::engine) fn describe(
    ring: Option<&Ring>,
    set: Option<&KeySet>,
    now: UnixMillis,
) -> String {
    let from = match ring {
        None => "in the configuration".to_owned(),
        Some(ring) => {
            let (config, standing) = (ring.config(), ring.standing(now));
            let is_loaded = set.is_some() && standing.fetched_at.is_some();
            let from = document::describe(&standing, is_loaded, &config.remote, now);
            if !is_loaded {
                return format!("the keys: {from}");
            }
            from
        }
    };
    let keys = set.into_iter().flat_map(KeySet::iter);
    let mut named: Vec<_> = keys
        .map(|key| {
            let kid =
                key.kid().map_or("without `kid`".to_owned(), |kid: &Kid| quoted(kid.as_str()));
            let alg = key.alg().map_or(String::new(), |alg| format!(" for {}", alg.name()));
            format!("{kid} {}{alg}", key.kind())
        })
        .collect();
    let more = named.len().saturating_sub(MAX_KEYS);
    named.truncate(MAX_KEYS);
    if more > 0 {
        named.push(format!("{more} more"));
    }
    format!("the keys {from}: {}", named.join(", "))
}
