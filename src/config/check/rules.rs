//! What `require` asks of claims.

use super::written::not_empty;
use crate::claims::{Rule, Test};
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::value::{RawRule, Scalar};
use crate::config::read::{At, Field, List, items};

/// The rules of a provider or an API.
pub(super) fn rules(field: &Field<List<RawRule>>, problems: &mut Problems<'_>) -> Vec<Rule> {
    not_empty(field, "an empty list asks for nothing; name a claim, or leave it out", problems);
    items(field).iter().filter_map(|rule| self::rule(rule, problems)).collect()
}

fn rule(raw: &At<RawRule>, problems: &mut Problems<'_>) -> Option<Rule> {
    if raw.claim.is_absent() {
        problems.missing(raw.at, "claim", "missing; name the claim, such as \"department\"");
    }
    let mut tests = Vec::new();
    const EMPTY: &str = "an empty list names no value; name one, or leave it out for any";
    let mut list = |field: &Field<List<Scalar>>, test: fn(Vec<serde_json::Value>) -> Test| {
        not_empty(field, EMPTY, problems);
        tests.extend(field.given().map(|_| test(values(field))));
    };
    list(&raw.values, Test::In);
    list(&raw.contains_any, Test::ContainsAny);
    list(&raw.contains_all, Test::ContainsAll);
    if let Some(starts) = raw.starts_with.given() {
        if starts.0.is_empty() {
            problems.refuse(Code::ValueEmpty, starts.at, EMPTY);
        }
        let starts = starts.0.items.iter().map(|start| (*start.value.0).into());
        tests.push(Test::StartsWith(starts.collect()));
    }
    if tests.len() > 1 {
        problems.refuse(
            Code::OneOfRequired,
            raw.at,
            "asks several things of one claim; write an element of the list for each",
        );
    }
    let claim = raw.claim.given()?.value.clone();
    Some(Rule { claim, test: tests.pop().unwrap_or(Test::Present) })
}

fn values(field: &Field<List<Scalar>>) -> Vec<serde_json::Value> {
    items(field).iter().map(|value| value.value.0.clone()).collect()
}
