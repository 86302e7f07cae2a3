//! What a configuration requires of a claim besides the registered ones.

use serde_json::Value;

use super::{ClaimRef, Claims, kind};
use crate::trace::Trace;
use crate::verdict::{Step, quoted};

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
    /// An array with all of these.
    ContainsAll(Vec<Value>),
    /// An array with one of these.
    ContainsAny(Vec<Value>),
    /// One of these.
    In(Vec<Value>),
    /// Anything.
    Present,
    /// A string that begins so.
    StartsWith(Box<str>),
}

impl Claims {
    /// Demands that every rule holds; each that does goes to `trace`, as found in this step.
    ///
    /// # Errors
    ///
    /// What is wrong with the first claim that breaks one: its name, its type, and the names of the
    /// claims that are there, but no value.
    pub fn meets(&self, rules: &[Rule], step: Step, trace: &mut Trace) -> Result<(), String> {
        for rule in rules {
            self.meets_one(rule)?;
            self.tell_rule(&rule.claim, step, trace);
        }
        Ok(())
    }

    fn meets_one(&self, rule: &Rule) -> Result<(), String> {
        let Some((claim, value)) = self.first(std::slice::from_ref(&rule.claim)) else {
            return Err(self.missing([&rule.claim]));
        };
        let contains = |wanted: &Value| {
            value.as_array().is_some_and(|elements| elements.iter().any(|one| one == wanted))
        };
        let (holds, wanted) = match &rule.test {
            Test::ContainsAll(all) => {
                (all.iter().all(contains), "an array with all of what it must hold")
            }
            Test::ContainsAny(any) => {
                (any.iter().any(contains), "an array with one of what it must hold")
            }
            Test::In(values) => (values.contains(value), "one of the values that it may be"),
            Test::Present => (true, "there"),
            Test::StartsWith(start) => (
                value.as_str().is_some_and(|text| text.starts_with(&**start)),
                "a string that begins as it must",
            ),
        };
        if holds {
            return Ok(());
        }
        Err(format!("the claim {} is {}, not {wanted}", quoted(&claim.to_string()), kind(value)))
    }
}
