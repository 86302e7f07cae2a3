//! The keys of a provider of kind `api_key`.

use crate::claims::is_identity;
use crate::config::check::drafts::PolicyNames;
use crate::config::check::written::{boxed, not_empty, texts};
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::credential::RawKey;
use crate::config::raw::provider::RawProvider;
use crate::config::read::{At, Entry, Text, items};
use crate::ids::Name;
use crate::provider::api_key::{ApiKey, ApiKeys};

/// Judges the keys of a provider.
pub(super) fn check(raw: &At<RawProvider>, problems: &mut Problems<'_>) -> (ApiKeys, PolicyNames) {
    refuse_fields_of_issuers(raw, problems);
    let Some(list) = raw.keys.given() else {
        if raw.keys.is_absent() {
            problems.missing(raw.at, "keys", "missing; list the keys, each by its SHA-256");
        }
        return (ApiKeys::default(), PolicyNames::new());
    };
    not_empty(&raw.keys, "an empty list would accept nothing; list a key", problems);
    let mut policies = PolicyNames::new();
    // By what each must have for itself: its hash, and its name.
    let (mut hashes, mut names) = (InOrder(Vec::new()), InOrder(Vec::new()));
    for (place, raw) in list.items.iter().enumerate() {
        if let Some(hash) = raw.sha256.given()
            && let Some(twin) = hashes.insert(&hash.value.0, place)
        {
            let message = format!("keys[{twin}] is the same key; a key has one owner: delete one");
            problems.refuse(Code::ValueTwice, hash.at, message);
        }
        if let Some(name) = raw.name.given()
            && let Some(twin) = names.insert(name.value.0.as_bytes(), place)
        {
            let message = format!("the name of keys[{twin}], too; the log must tell them apart");
            problems.refuse(Code::NameTwice, name.at, message);
        }
        policies.extend(items(&raw.policies).iter().map(boxed));
    }
    for raw in &list.items {
        refuse_incomplete(raw, problems);
    }
    let in_order = hashes.0.iter().filter_map(|(_, place)| key(list.items.get(*place)?));
    (ApiKeys::in_order(in_order.collect()).unwrap_or_default(), policies)
}

/// Places in a list, in the order of the bytes that each must have for itself.
struct InOrder<'r>(Vec<(&'r [u8], usize)>);

impl<'r> InOrder<'r> {
    /// Puts a place in; the one that has the same bytes, if there is one.
    fn insert(&mut self, bytes: &'r [u8], place: usize) -> Option<usize> {
        let at = self.0.partition_point(|(known, _)| *known < bytes);
        match self.0.get(at) {
            Some((known, twin)) if *known == bytes => Some(*twin),
            _ => {
                self.0.insert(at, (bytes, place));
                None
            }
        }
    }
}

fn refuse_incomplete(raw: &At<RawKey>, problems: &mut Problems<'_>) {
    let fields = [
        ("name", raw.name.is_absent(), "missing; name the key for the log, such as \"acme-2027\""),
        ("sha256", raw.sha256.is_absent(), "missing; write the key's SHA-256 in lower-case hex"),
        ("identity", raw.identity.is_absent(), "missing; name the caller who owns the key"),
    ];
    for (field, is_absent, message) in fields {
        if is_absent {
            problems.missing(raw.at, field, message);
        }
    }
    if let Some(identity) = raw.identity.given()
        && !is_identity(identity)
    {
        let message = "white space at an end, which many readers cut off; take it out";
        problems.refuse(Code::ValueInvalid, identity.at, message);
    }
    not_empty(&raw.policies, "an empty list names no policy; name one, or leave it out", problems);
    not_empty(&raw.tags, "an empty list names no tag; name one, or leave it out", problems);
}

fn key(raw: &At<RawKey>) -> Option<ApiKey> {
    let metadata = raw.metadata.given().map_or(&[][..], |map| &map.0);
    let entry = |entry: &Entry<Text>| {
        Some((entry.name.value.clone(), entry.value.as_ref()?.value.0.clone()))
    };
    Some(ApiKey {
        name: (*raw.name.given()?.value.0).into(),
        sha256: raw.sha256.given()?.value.0,
        identity: (*raw.identity.given()?.value.0).into(),
        // Names that are none are complained about where policies are known.
        policies: items(&raw.policies).iter().filter_map(|name| Name::parse(name)).collect(),
        active: raw.active.value,
        expires: raw.expires.given().map(|moment| moment.value.0),
        tags: texts(&raw.tags),
        metadata: metadata.iter().filter_map(entry).collect(),
    })
}

/// Refuses what has no meaning for API keys.
fn refuse_fields_of_issuers(raw: &RawProvider, problems: &mut Problems<'_>) {
    let places = [
        raw.issuer.at(),
        raw.tenants.at(),
        raw.any_issuer.at(),
        raw.audiences.at(),
        raw.clients.at(),
        raw.any_audience.at(),
        raw.jwks.at(),
        raw.pem.at(),
        raw.secret.at(),
        raw.algorithms.at(),
        raw.typ.at(),
        raw.allow_id_tokens.at(),
        raw.clock_skew.at(),
        raw.max_lifetime.at(),
        raw.allow_no_expiry.at(),
        raw.binding.at(),
        raw.claims.at(),
        raw.require.at(),
        raw.login.at(),
    ];
    for at in places.into_iter().flatten() {
        problems.refuse(
            Code::FieldUseless,
            at,
            "has no meaning for API keys, which are no tokens; delete it",
        );
    }
}
