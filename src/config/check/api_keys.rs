//! The keys of a provider of kind `api_key`.

use std::collections::BTreeMap;

use crate::config::credentials::RawKey;
use crate::config::problems::Problems;
use crate::config::raw::{RawProvider, items};
use crate::config::read::{At, Field, Text};
use crate::ids::Name;
use crate::provider::api_key::{ApiKey, ApiKeys};

/// The names of policies that keys have, each with its place.
pub(super) type PolicyNames = Vec<At<Box<str>>>;

/// Judges the keys of a provider.
pub(super) fn check(raw: &At<RawProvider>, problems: &mut Problems<'_>) -> (ApiKeys, PolicyNames) {
    refuse_fields_of_issuers(raw, problems);
    let Some(list) = raw.keys.given() else {
        if raw.keys.is_absent() {
            problems.missing(raw.at, "keys", "missing; list the keys, each by its SHA-256");
        }
        return (ApiKeys::default(), PolicyNames::new());
    };
    if list.is_empty() {
        problems.refuse(list.at, "an empty list would accept nothing; list a key");
    }
    let (mut keys, mut policies) = (Vec::new(), PolicyNames::new());
    let (mut hashes, mut names) = (BTreeMap::new(), BTreeMap::new());
    for (place, raw) in list.items.iter().enumerate() {
        refuse_twins(raw, place, &mut hashes, &mut names, problems);
        policies.extend(
            items(&raw.policies).iter().map(|name| At { at: name.at, value: name.value.0.clone() }),
        );
        keys.extend(key(raw, problems));
    }
    (ApiKeys::new(keys), policies)
}

fn key(raw: &At<RawKey>, problems: &mut Problems<'_>) -> Option<ApiKey> {
    for (field, is_absent) in [
        ("name", raw.name.is_absent()),
        ("sha256", raw.sha256.is_absent()),
        ("identity", raw.identity.is_absent()),
    ] {
        if is_absent {
            let message = match field {
                "name" => "missing; name the key for the log, such as \"acme-2027\"",
                "sha256" => "missing; write the key's SHA-256 in lower-case hex",
                _ => "missing; name the caller who owns the key",
            };
            problems.missing(raw.at, field, message);
        }
    }
    super::provider::not_empty(
        &raw.policies,
        "an empty list names no policy; name one, or leave it out",
        problems,
    );
    let metadata = raw.metadata.given().map(|map| {
        let entry = |entry: &crate::config::read::Entry<Text>| {
            Some((entry.name.value.clone(), entry.value.as_ref()?.value.0.clone()))
        };
        map.0.iter().filter_map(entry).collect::<BTreeMap<_, _>>()
    });
    Some(ApiKey {
        name: raw.name.given()?.value.0.clone(),
        sha256: raw.sha256.given()?.value.0,
        identity: raw.identity.given()?.value.0.clone(),
        // Names that are none are complained about where policies are known.
        policies: items(&raw.policies).iter().filter_map(|name| Name::parse(name)).collect(),
        active: raw.active.or(true),
        expires: raw.expires.given().map(|moment| moment.value.0),
        tags: items(&raw.tags).iter().map(|tag| tag.value.0.clone()).collect(),
        metadata: metadata.unwrap_or_default().into_iter().collect(),
    })
}

/// One key, or one name, stands for one entry.
fn refuse_twins<'r>(
    raw: &'r At<RawKey>,
    place: usize,
    hashes: &mut BTreeMap<[u8; 32], usize>,
    names: &mut BTreeMap<&'r str, usize>,
    problems: &mut Problems<'_>,
) {
    if let Some(hash) = raw.sha256.given()
        && let Some(twin) = hashes.insert(hash.value.0, place)
    {
        let message = format!("keys[{twin}] is the same key; a key has one owner: delete one");
        problems.refuse(hash.at, message);
    }
    if let Some(name) = raw.name.given()
        && let Some(twin) = names.insert(&name.value.0, place)
    {
        let message = format!("the name of keys[{twin}], too; the log must tell them apart");
        problems.refuse(name.at, message);
    }
}

/// Refuses what has no meaning for API keys.
fn refuse_fields_of_issuers(raw: &RawProvider, problems: &mut Problems<'_>) {
    fn at<T>(field: &Field<T>) -> Option<usize> {
        field.given().map(|value| value.at)
    }
    let places = [
        at(&raw.issuer),
        at(&raw.tenants),
        at(&raw.any_issuer),
        at(&raw.audiences),
        at(&raw.clients),
        at(&raw.any_audience),
        at(&raw.jwks),
        at(&raw.pem),
        at(&raw.secret),
        at(&raw.algorithms),
        at(&raw.typ),
        at(&raw.allow_id_tokens),
        at(&raw.clock_skew),
        at(&raw.max_lifetime),
        at(&raw.allow_no_expiry),
        at(&raw.binding),
        at(&raw.claims),
        at(&raw.require),
    ];
    for at in places.into_iter().flatten() {
        problems.refuse(at, "has no meaning for API keys, which are no tokens; delete it");
    }
}
