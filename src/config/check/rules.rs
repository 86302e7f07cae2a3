//! What `require` asks of claims.

use super::written::not_empty;
use crate::claims::{Rule, Test};
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::value::{RawRule, Scalar};
use crate::config::read::{At, Field, List, OneOrMany, items};

/// The rules of a provider.
pub(super) fn rules(field: &Field<List<RawRule>>, problems: &mut Problems<'_>) -> Vec<Rule> {
    not_empty(field, NOTHING, problems);
    items(field).iter().filter_map(|raw| rule(raw, problems)).collect()
}

/// What to say of a rule about nothing.
pub(super) const CLAIM_MISSING: &str = "missing; name the claim, such as \"department\"";

/// What to say of a list of rules without any.
pub(super) const NOTHING: &str = "an empty list asks for nothing; name a claim, or leave it out";

fn rule(raw: &At<RawRule>, problems: &mut Problems<'_>) -> Option<Rule> {
    if raw.claim.is_absent() {
        problems.missing(raw.at, "claim", CLAIM_MISSING);
    }
    let RawRule { values, contains_any, contains_all, starts_with, .. } = &raw.value;
    let mut tests = tests((values, contains_any, contains_all), starts_with, problems);
    if tests.len() > 1 {
        problems.refuse(Code::OneOfRequired, raw.at, SEVERAL);
    }
    let claim = raw.claim.given()?.value.clone();
    Some(Rule { claim, test: tests.pop().unwrap_or(Test::Present) })
}

/// What to say of a rule that is several.
pub(super) const SEVERAL: &str =
    "asks several things of one claim; write an element of the list for each";

type Scalars<'r> = &'r Field<List<Scalar>>;

/// What a rule asks of a claim, each thing that is written.
pub(super) fn tests(
    (values, any, all): (Scalars<'_>, Scalars<'_>, Scalars<'_>),
    starts: &Field<OneOrMany>,
    problems: &mut Problems<'_>,
) -> Vec<Test> {
    let mut tests = Vec::new();
    const EMPTY: &str = "an empty list names no value; name one, or leave it out for any";
    let mut list = |field: Scalars<'_>, test: fn(Vec<serde_json::Value>) -> Test| {
        not_empty(field, EMPTY, problems);
        tests.extend(field.given().map(|_| test(self::values(field))));
    };
    list(values, Test::In);
    list(any, Test::ContainsAny);
    list(all, Test::ContainsAll);
    if let Some(starts) = starts.given() {
        if starts.0.is_empty() {
            problems.refuse(Code::ValueEmpty, starts.at, EMPTY);
        }
        let starts = starts.0.items.iter().map(|start| (*start.value.0).into());
        tests.push(Test::StartsWith(starts.collect()));
    }
    tests
}

fn values(field: Scalars<'_>) -> Vec<serde_json::Value> {
    items(field).iter().map(|value| value.value.0.clone()).collect()
}
