//! Which policies an API gives to whom, and which API keys have themselves.

use crate::claims::is_identity;
use crate::config::check::drafts::{Assigned, OfProvider, Together};
use crate::config::check::names::{KnownPolicies, KnownProviders};
use crate::config::check::written::not_empty;
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::RawConfig;
use crate::config::raw::api::RawApiPolicies;
use crate::config::read::{At, Entry as Member, Field, List, Map, Text, items};
use crate::ids::ProviderId;
use crate::policy::{ApiPolicies, Given};
use crate::verdict::quoted;

/// Judges what each API says about policies.
pub(super) fn check_all(
    raw: &RawConfig,
    names: &KnownPolicies<'_>,
    problems: &mut Problems<'_>,
) -> Vec<Option<Assigned>> {
    let policies = items(&raw.apis).iter().map(|api| api.policies.given());
    let known = KnownProviders::new(raw);
    policies.map(|raw| raw.map(|raw| api_policies(raw, (names, &known), problems))).collect()
}

/// The policies that API keys have themselves, a list for each key.
pub(super) fn keys(
    raw: &RawConfig,
    names: &KnownPolicies<'_>,
    problems: &mut Problems<'_>,
) -> Vec<Together> {
    let providers = raw.providers.given().into_iter().flat_map(|providers| &providers.0);
    let keys = providers.filter_map(|entry| entry.value.as_ref()?.keys.given());
    let lists = keys.flat_map(|keys| &keys.items).filter_map(|key| key.policies.given());
    lists.filter(|list| !list.is_empty()).map(|list| names.resolve(list, problems)).collect()
}

fn api_policies(
    raw: &At<RawApiPolicies>,
    (names, providers): (&KnownPolicies<'_>, &KnownProviders<'_>),
    problems: &mut Problems<'_>,
) -> Assigned {
    let mut assigned = Assigned { at: raw.at, ..Assigned::default() };
    assigned.has_way = !raw.default.is_absent()
        || !raw.by_scope.is_absent()
        || !raw.by_client.is_absent()
        || !raw.by_claim.is_absent()
        || !raw.by_identity.is_absent()
        || raw.from_claim.is_wrong();
    assigned.default = raw.default.given().map(|list| names.resolve(list, problems));
    let given = |field: &Field<_>, what, lists: &mut _, problems: &mut _| {
        field.given().map(|map| given(map, what, names, lists, problems)).unwrap_or_default()
    };
    let by_scope = given(&raw.by_scope, "scope", &mut assigned.by_scope, problems);
    let by_client = given(&raw.by_client, "client", &mut assigned.by_client, problems);
    not_empty(
        &raw.by_claim,
        "an empty list gives nothing; name a claim, or leave it out",
        problems,
    );
    let mut by_claim = Vec::new();
    for entry in items(&raw.by_claim) {
        if entry.claim.is_absent() {
            problems.missing(entry.at, "claim", "missing; name the claim");
        }
        if entry.values.is_absent() {
            problems.missing(entry.at, "values", "missing; name the policies for each value");
        }
        let mut lists = Vec::new();
        let given = given(&entry.values, "value", &mut lists, problems);
        assigned.by_claim.push(lists);
        by_claim.extend(entry.claim.given().map(|claim| (claim.value.clone(), given)));
    }
    let by_identity =
        by_identity(&raw.by_identity, (names, providers), &mut assigned.by_identity, problems);
    assigned.from_claim = raw.from_claim.says_so();
    let default = assigned.default.as_ref().map_or(Vec::new(), |list| list.value.clone());
    let from_claim = assigned.from_claim.is_some();
    assigned.policies =
        ApiPolicies { default, by_scope, by_client, by_claim, by_identity, from_claim };
    assigned
}

/// What is given to single identities, by provider.
fn by_identity(
    field: &Field<Map<Map<List<Text>>>>,
    (names, providers): (&KnownPolicies<'_>, &KnownProviders<'_>),
    lists: &mut Vec<OfProvider>,
    problems: &mut Problems<'_>,
) -> Vec<(ProviderId, Given)> {
    let Some(map) = field.given() else { return Vec::new() };
    if map.0.is_empty() {
        let message = "empty; name a provider, or leave it out";
        problems.refuse(Code::ValueEmpty, map.at, message);
    }
    let mut by_identity = Vec::new();
    for Member { name, value } in &map.0 {
        let id = providers.find(&name.value);
        if id.is_none() && providers.1 && problems.has_room() {
            problems.refuse(Code::NameUnknown, name.at, providers.unknown(&name.value));
        }
        let Some(value) = value else { continue };
        let mut of_provider = Vec::new();
        let given = self::given(value, "caller", names, &mut of_provider, problems);
        let mut identities = Vec::new();
        for Member { name, .. } in &value.0 {
            if is_identity(&name.value) {
                identities.push(name.clone());
                continue;
            }
            problems.refuse(
                Code::ValueInvalid,
                name.at,
                "no caller is ever called this: an identity is not empty and has neither control \
                 characters nor white space at an end",
            );
        }
        let Some(provider) = id else { continue };
        lists.push(OfProvider { at: name.at, provider, identities, lists: of_provider });
        by_identity.push((provider, given));
    }
    by_identity
}

fn given(
    map: &At<Map<List<Text>>>,
    what: &str,
    names: &KnownPolicies<'_>,
    lists: &mut Vec<Together>,
    problems: &mut Problems<'_>,
) -> Given {
    if map.0.is_empty() {
        problems.refuse(
            Code::ValueEmpty,
            map.at,
            format_args!("empty; name a {what}, or leave it out"),
        );
    }
    let mut given = Given::default();
    for entry in &map.0 {
        let name = &entry.name;
        if what == "scope" && (name.value.is_empty() || name.value.contains(' ')) {
            let message =
                format!("{} is no scope: it has no space and is not empty", quoted(&name.value));
            problems.refuse(Code::ValueInvalid, name.at, message);
        }
        let Some(list) = &entry.value else { continue };
        let together = names.resolve(list, problems);
        given.add(&name.value, &together.value);
        lists.push(together);
    }
    given
}
