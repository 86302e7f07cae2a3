//! What a configuration requires of a claim besides the registered ones.

use serde_json::Value;

use super::{ClaimRef, Claims, kind};
use crate::json;
use crate::trace::Trace;
use crate::verdict::{Step, list};

/// One thing that is required of a claim, which must be there and not `null` in any case.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Which claim.
    pub claim: ClaimRef,
    /// What its value must be.
    pub test: Test,
}

/// What a claim's value must be. Types are compared, too: `1` is not `"1"`.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// An array with all of these, or an object with members of these names.
    ContainsAll(Vec<Value>),
    /// An array with one of these, or an object with a member of such a name.
    ContainsAny(Vec<Value>),
    /// One of these.
    In(Vec<Value>),
    /// Anything.
    Present,
    /// A string that begins with one of these.
    StartsWith(Vec<Value>),
}

impl Claims {
    /// Demands that every rule holds; each that does goes to `trace`, as found in this step.
    ///
    /// # Errors
    ///
    /// What is wrong with the first claim that breaks one: its name, its type, what it must be, and
    /// the names of the claims that are there, but no value of the token's.
    pub fn meets(&self, rules: &[Rule], step: Step, trace: &mut Trace) -> Result<(), String> {
        for rule in rules {
            self.meets_one(rule)?;
            self.narrate_rule(&rule.claim, step, trace);
        }
        Ok(())
    }

    fn meets_one(&self, rule: &Rule) -> Result<(), String> {
        let Some((claim, value)) = self.first(std::slice::from_ref(&rule.claim)) else {
            return Err(self.missing([&rule.claim]));
        };
        let contains = |wanted: &Value| match (value, wanted) {
            (Value::Array(elements), wanted) => elements.contains(wanted),
            (Value::Object(members), Value::String(name)) => members.contains_key(name),
            _ => false,
        };
        let begins = |start: &Value| {
            let both = value.as_str().zip(start.as_str());
            both.is_some_and(|(text, start)| text.starts_with(start))
        };
        let (holds, wanted, values) = match &rule.test {
            Test::ContainsAll(all) => {
                (all.iter().all(contains), "an array or object with all of", &**all)
            }
            Test::ContainsAny(any) => {
                (any.iter().any(contains), "an array or object with one of", &**any)
            }
            Test::In(values) => (values.contains(value), "one of", &**values),
            Test::Present => (true, "", [].as_slice()),
            Test::StartsWith(starts) => {
                (starts.iter().any(begins), "a string that begins with", &**starts)
            }
        };
        if holds {
            return Ok(());
        }
        let values = list(&values.iter().map(text).collect::<Vec<_>>());
        let (claim, found) = (claim.quoted(), kind(value));
        let holds = match value {
            Value::Array(elements) => format!(" of {}", elements.len()),
            Value::Object(members) => format!(" of {}", members.len()),
            _ => String::new(),
        };
        Err(format!("the claim {claim} is {found}{holds}, not {wanted} {values}"))
    }
}

/// A value of the configuration: a string as it is, anything else as JSON writes it.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| json::text(value), str::to_owned)
}
