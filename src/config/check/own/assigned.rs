//! Which policies an API gives to whom, and which API keys have themselves.

use crate::config::check::drafts::{Assigned, Together};
use crate::config::check::names::KnownPolicies;
use crate::config::check::written::not_empty;
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::RawConfig;
use crate::config::raw::api::RawApiPolicies;
use crate::config::read::{At, Field, List, Map, Text, items};
use crate::policy::{ApiPolicies, Given};
use crate::verdict::quoted;

/// Judges what each API says about policies.
pub(super) fn check_all(
    raw: &RawConfig,
    names: &KnownPolicies<'_>,
    problems: &mut Problems<'_>,
) -> Vec<Option<Assigned>> {
    let policies = items(&raw.apis).iter().map(|api| api.policies.given());
    policies.map(|policies| policies.map(|raw| api_policies(raw, names, problems))).collect()
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
    names: &KnownPolicies<'_>,
    problems: &mut Problems<'_>,
) -> Assigned {
    let mut assigned = Assigned { at: raw.at, ..Assigned::default() };
    assigned.has_way = !raw.default.is_absent()
        || !raw.by_scope.is_absent()
        || !raw.by_client.is_absent()
        || !raw.by_claim.is_absent()
        || raw.from_claim.is_wrong();
    assigned.default = raw.default.given().map(|list| names.resolve(list, problems));
    let by_scope = given(&raw.by_scope, "scope", names, &mut assigned.by_scope, problems);
    let by_client = given(&raw.by_client, "client", names, &mut assigned.by_client, problems);
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
        let given = given(&entry.values, "value", names, &mut lists, problems);
        assigned.by_claim.push(lists);
        by_claim.extend(entry.claim.given().map(|claim| (claim.value.clone(), given)));
    }
    assigned.from_claim = raw.from_claim.says_so();
    let default = assigned.default.as_ref().map_or(Vec::new(), |list| list.value.clone());
    let from_claim = assigned.from_claim.is_some();
    assigned.policies = ApiPolicies { default, by_scope, by_client, by_claim, from_claim };
    assigned
}

fn given(
    field: &Field<Map<List<Text>>>,
    what: &str,
    names: &KnownPolicies<'_>,
    lists: &mut Vec<Together>,
    problems: &mut Problems<'_>,
) -> Given {
    let Some(map) = field.given() else { return Given::default() };
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
