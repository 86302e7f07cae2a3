//! Which policies an API gives to whom.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tollgate::verdict::list;

use super::definition::{Definition, Method};
use super::policies::Policies;
use super::report::{Kind, Report};

const NOT_GIVEN: &str = "`policies`: without --policies nobody knows what they grant; each became a \
                         policy that is not active";

/// The policy that refuses whoever gets it.
pub(super) const CLOSED: &str = "fill-in";

/// `apis[].policies`, for the sessions that the API uses.
pub(super) fn policies(
    definition: &Definition,
    sessions: &[Method],
    policies: &mut Policies,
    report: &mut Report,
) -> Map<String, Value> {
    let mut given = Map::new();
    if !sessions.contains(&Method::Jwt) {
        // Keys have policies of their own.
        let field = definition.field("jwt_default_policies");
        if definition.asks(Method::Jwt) {
            let message = "not asked: the session is that of another method, whose policies count; \
                           the token only vouches";
            report.add(Kind::Changed, &definition.source, field, message);
        }
        return given;
    }
    // What leads to no policy by a scope or by an unknown id is refused there, and would get the
    // others here.
    let renamed = !definition.jwt.policy_claims.is_empty() && !policies.keep_their_names();
    let scoped = !definition.jwt.scope_policies.is_empty();
    let default = default(definition, policies);
    if !default.is_empty() && (scoped || renamed) {
        let why = match renamed {
            true => "that name a policy which nobody knows",
            false => "whose scopes lead to no policy",
        };
        let message = format!(
            "`apis[].policies.default`: left out, since it would also be for tokens {why}, which \
             Tyk refuses; write {} there if they may have it",
            list(&default)
        );
        report.add(
            Kind::FillIn,
            &definition.source,
            definition.field("jwt_default_policies"),
            message,
        );
    } else if !default.is_empty() {
        given.insert("default".into(), json!(default));
    }
    by_scope(definition, policies, renamed, &mut given, report);
    by_claim(definition, policies, &mut given, report);
    if given.is_empty() {
        given.insert("default".into(), json!([CLOSED]));
        report.add(
            Kind::FillIn,
            &definition.source,
            definition.field("jwt_default_policies"),
            "`apis[].policies.default`: nothing gives a policy, and Tyk refuses everybody; a \
             policy stands there that is not active; where being verified is enough, delete \
             `policies`",
        );
    }
    if !policies.given && !default.is_empty() {
        let field = definition.field("jwt_default_policies");
        report.add(Kind::FillIn, &definition.source, field, NOT_GIVEN);
    }
    if !policies.given && !definition.jwt.policy_claims.is_empty() {
        let message = "`policies`: without --policies nobody knows which ids tokens name: each of \
                       them must become a policy here, or a value of `apis[].policies.by_claim` \
                       where it is no name (1 to 64 of a-z, 0-9, `_` and `-`)";
        let field = definition.field("jwt_policy_field_name");
        report.add(Kind::FillIn, &definition.source, field, message);
    }
    given
}

/// `default`: of several those that are there.
fn default(definition: &Definition, policies: &mut Policies) -> Vec<String> {
    let ids = &definition.jwt.defaults;
    let there = |id: &&String| !policies.given || policies.find(id).is_some();
    let known: Vec<String> = ids.iter().filter(there).cloned().collect();
    let chosen = if known.is_empty() { ids } else { &known };
    let mut names: Vec<String> = Vec::new();
    for id in chosen.iter().filter(|id| !id.is_empty()) {
        let name = policies.name(id);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn by_scope(
    definition: &Definition,
    policies: &mut Policies,
    renamed: bool,
    given: &mut Map<String, Value>,
    report: &mut Report,
) {
    let mut map: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (scope, id) in &definition.jwt.scope_policies {
        let field = definition.field("scopes.jwt.scope_to_policy");
        if scope.is_empty() || scope.contains(' ') || scope.chars().any(char::is_control) {
            let message = "a scope that no token can have, empty or with a space: left out";
            report.add(Kind::NotSupported, &definition.source, field, message);
            continue;
        }
        if id.is_empty() {
            continue;
        }
        let name = policies.name(id);
        let names = map.entry(scope.clone()).or_default();
        if !names.contains(&name) {
            names.push(name);
        }
        if !policies.given {
            report.add(Kind::FillIn, &definition.source, field, NOT_GIVEN);
        }
    }
    if map.is_empty() {
        return;
    }
    if renamed {
        let message = format!(
            "`apis[].policies.by_scope`: left out, since it would also be for tokens that name a \
             policy which nobody knows, which Tyk refuses; write {} there if they may have it",
            json!(map)
        );
        let field = definition.field("scopes.jwt.scope_to_policy");
        report.add(Kind::FillIn, &definition.source, field, message);
        return;
    }
    given.insert("by_scope".into(), json!(map));
}

/// `from_claim` where policies are called here what tokens call them, else a table.
fn by_claim(
    definition: &Definition,
    policies: &Policies,
    given: &mut Map<String, Value>,
    report: &mut Report,
) {
    let claims = &definition.jwt.policy_claims;
    let Some(first) = claims.first() else { return };
    let field = definition.field("jwt_policy_field_name");
    if policies.keep_their_names() {
        given.insert("from_claim".into(), true.into());
        return;
    }
    let mut values: BTreeMap<&String, Vec<&String>> = BTreeMap::new();
    for (id, name) in policies.by_id() {
        values.entry(id).or_default().push(name);
    }
    given.insert("by_claim".into(), json!([{ "claim": first, "values": values }]));
    report.add(
        Kind::Changed,
        &definition.source,
        field,
        "became `apis[].policies.by_claim`, from ids in tokens to names here: some ids are no \
         names, which are 1 to 64 of a-z, 0-9, `_` and `-`; an id that is not listed counts as \
         none",
    );
}
