//! What is wrong with the way from a token to its policies.

use serde_json::Value;
use tollgate::verdict::{list, quoted};

use super::case::{Case, Hit, exposed, wrong};
use super::policy::Policy;

pub(super) fn nothing_leads_to_a_policy(case: &Case<'_>) -> Vec<Hit> {
    let jwt = &case.definition.jwt;
    let field = case.definition.field("jwt_default_policies");
    if !case.has_jwt() || jwt.defaults.iter().any(|id| !id.is_empty()) {
        return Vec::new();
    }
    let by_claim = !jwt.policy_claims.is_empty() || !jwt.client_claim.is_empty();
    if !by_claim && jwt.scope_policies.is_empty() {
        return vec![wrong(field, "empty, and neither a claim nor a scope leads to a policy")];
    }
    let mut ways = Vec::new();
    ways.extend(jwt.policy_claims.iter().cloned());
    ways.extend(Some(jwt.client_claim.clone()).filter(|claim| !claim.is_empty()));
    if !jwt.scope_policies.is_empty() {
        ways.push(jwt.scope_claims.first().cloned().unwrap_or_else(|| "scope".into()));
    }
    let found = format!("empty: a token without {} leads to no policy", list(&ways));
    vec![exposed(field, found)]
}

pub(super) fn unknown_policy(case: &Case<'_>) -> Vec<Hit> {
    if !case.policies.given {
        return Vec::new();
    }
    let unknown = |(_, id): &(String, &str)| case.policies.find(id).is_none();
    let hit = |(field, id): (String, &str)| {
        let ids: Vec<_> = case.policies.by_id().map(|(id, _)| id.clone()).collect();
        let found = match super::walk::near(id, ids.iter().map(String::as_str)) {
            Some(meant) => format!("{} is no policy; did you mean {}?", quoted(id), quoted(&meant)),
            None => {
                format!("{} is no policy; known: {}", quoted(id), tollgate::verdict::list(&ids))
            }
        };
        wrong(field, found)
    };
    case.named_policies().into_iter().filter(unknown).map(hit).collect()
}

pub(super) fn unknown_policy_in_a_token(case: &Case<'_>) -> Vec<Hit> {
    let Some(claim) = case.definition.jwt.policy_claims.first().filter(|_| case.has_jwt()) else {
        return Vec::new();
    };
    let ids: Vec<_> = case.policies.by_id().map(|(id, _)| id).collect();
    let known = match case.policies.given {
        true => format!("; known: {}", tollgate::verdict::list(&ids)),
        false => String::new(),
    };
    let found =
        format!("the claim {} must hold the id of a policy to the letter{known}", quoted(claim));
    vec![exposed(case.definition.field("jwt_policy_field_name"), found)]
}

/// The ids of the APIs that a policy grants.
fn granted(policy: &Policy) -> Vec<String> {
    let rights = policy.raw.get("access_rights").and_then(Value::as_object);
    rights.into_iter().flatten().map(|(id, _)| id.clone()).collect()
}

pub(super) fn not_this_api(case: &Case<'_>) -> Vec<Hit> {
    let definition = case.definition;
    let elsewhere = |(field, policy): (String, &Policy)| {
        let ids = granted(policy);
        let not_here = !ids.is_empty() && !ids.contains(&definition.id);
        let id = policy.ids.first().map_or("", String::as_str);
        not_here.then(|| {
            let found = format!(
                "{} grants {}, and not this API ({})",
                quoted(id),
                tollgate::verdict::list(&ids),
                quoted(&definition.id)
            );
            wrong(field, found)
        })
    };
    case.known_policies().into_iter().filter_map(elsewhere).collect()
}

pub(super) fn no_rights(case: &Case<'_>) -> Vec<Hit> {
    let empty = |(field, policy): (String, &Policy)| {
        let id = policy.ids.first().map_or("", String::as_str);
        let found = format!("{} has no access_rights", quoted(id));
        granted(policy).is_empty().then(|| wrong(field, found))
    };
    case.known_policies().into_iter().filter_map(empty).collect()
}

/// A claim whose name is a plural is likely to be a list.
pub(super) fn array_claim(case: &Case<'_>) -> Vec<Hit> {
    let field = case.definition.field("jwt_policy_field_name");
    let plural = |claim: &&String| {
        let last = claim.rsplit(['.', '/', ':']).next().unwrap_or_default();
        case.has_jwt() && last.to_ascii_lowercase().ends_with('s')
    };
    let hit =
        |claim: &String| exposed(field.clone(), format!("{} sounds like a list", quoted(claim)));
    case.definition.jwt.policy_claims.iter().filter(plural).map(hit).collect()
}

pub(super) fn cannot_be_applied_together(case: &Case<'_>) -> Vec<Hit> {
    let flag = |policy: &Policy, name: &str| {
        policy.raw.pointer(&format!("/partitions/{name}")).and_then(Value::as_bool) == Some(true)
    };
    let parted = |policy: &Policy| {
        ["acl", "quota", "rate_limit", "complexity"].iter().any(|name| flag(policy, name))
    };
    let id = |policy: &Policy| policy.ids.first().cloned().unwrap_or_default();
    let mut hits: Vec<Hit> = Vec::new();
    let policies = case.known_policies();
    for (field, one) in &policies {
        if flag(one, "per_api") && parted(one) {
            let found = format!("{} has per_api beside another partition", quoted(&id(one)));
            hits.push(wrong(field.clone(), found));
        }
        // Two defaults are in force together, and so are two scopes; defaults give way to scopes.
        let apart = policies.iter().find(|(other_field, other)| {
            other_field == field && flag(one, "per_api") && parted(other) && !flag(other, "per_api")
        });
        if let Some((_, other)) = apart {
            let found = format!(
                "{} has per_api, and {} has partitions",
                quoted(&id(one)),
                quoted(&id(other))
            );
            hits.push(wrong(field.clone(), found));
        }
    }
    hits
}
