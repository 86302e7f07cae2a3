//! Goes through every field that a definition has, so that none is passed over in silence.

use std::collections::BTreeMap;

use serde_json::Value;

use super::definition::Form;
use super::fields::{Fate, Row, expanded};
use super::read::joined;
use super::report::{Kind, Report};

/// Tells what becomes of each field that nothing was said of.
pub(super) fn walk(
    value: &Value,
    rows: &[Row],
    form: Form,
    scheme: &str,
    source: &str,
    report: &mut Report,
) {
    let patterns = rows.iter().filter_map(|row| {
        let path = match form {
            Form::Classic => row.classic,
            Form::Oas => row.oas,
        };
        let split = |path: String| path.split('.').map(str::to_owned).collect::<Vec<_>>();
        (!path.is_empty()).then(|| (split(expanded(path, scheme)), row.fate))
    });
    let mut walk =
        Walk { patterns: patterns.collect(), source, report, elsewhere: BTreeMap::default() };
    walk.members(value, &mut Vec::new(), "");
    let elsewhere = std::mem::take(&mut walk.elsewhere);
    for (group, fields) in elsewhere {
        report.add(Kind::Elsewhere, source, fields.join(", "), format!("belongs to {group}"));
    }
}

struct Walk<'w> {
    patterns: Vec<(Vec<String>, Fate)>,
    source: &'w str,
    report: &'w mut Report,
    elsewhere: BTreeMap<&'static str, Vec<String>>,
}

impl Walk<'_> {
    fn members(&mut self, value: &Value, here: &mut Vec<String>, path: &str) {
        let Some(members) = value.as_object() else { return };
        for (name, value) in members {
            here.push(name.clone());
            let path = joined(path, name);
            self.field(value, here, &path);
            here.pop();
        }
    }

    fn field(&mut self, value: &Value, here: &mut Vec<String>, path: &str) {
        if is_empty(value) {
            return;
        }
        let last = here.len().saturating_sub(1);
        // What has rows under its own name is not just any member.
        let named = self.patterns.iter().any(|(pattern, _)| {
            let same = pattern.get(..here.len()).is_some_and(|start| matches(start, here));
            same && pattern.get(last) == here.get(last)
        });
        let own = self.patterns.iter().find(|(pattern, _)| {
            matches(pattern, here) && !(named && pattern.get(last).is_some_and(|name| name == "*"))
        });
        let own = own.map(|(_, fate)| *fate);
        let goes_on = |(pattern, _): &(Vec<String>, Fate)| {
            pattern.get(..here.len()).is_some_and(|start| matches(start, here))
                && pattern.len() > here.len()
        };
        let inside = self.patterns.iter().any(goes_on) && value.is_object();
        match (own, inside) {
            (None, false) => self.unknown(here, path),
            (None, true) => self.members(value, here, path),
            (Some(fate), false) => self.tell(fate, path),
            // What has rows of its own is told by itself, the rest by the row of the whole.
            (Some(fate), true) => self.mixed(fate, value, here, path),
        }
    }

    fn mixed(&mut self, fate: Fate, value: &Value, here: &mut Vec<String>, path: &str) {
        let mut rest = false;
        for (name, value) in value.as_object().into_iter().flatten() {
            here.push(name.clone());
            let starts = |(pattern, _): &(Vec<String>, Fate)| {
                pattern.get(..here.len()).is_some_and(|start| matches(start, here))
            };
            let known = self.patterns.iter().any(starts);
            if known {
                self.field(value, here, &joined(path, name));
            }
            rest |= !known && !is_empty(value);
            here.pop();
        }
        if rest {
            self.tell(fate, path);
        }
    }

    fn tell(&mut self, fate: Fate, path: &str) {
        if self.report.tells_of(self.source, path) {
            return;
        }
        let (kind, message) = match fate {
            Fate::Taken(becomes) => (Kind::Taken, format!("became {becomes}")),
            Fate::Changed(how) => (Kind::Changed, how.to_owned()),
            Fate::Not(instead) => (Kind::NotSupported, instead.to_owned()),
            Fate::Elsewhere(group) => {
                self.elsewhere.entry(group).or_default().push(path.to_owned());
                return;
            }
            Fate::Silent => return,
        };
        self.report.add(kind, self.source, path, message);
    }

    fn unknown(&mut self, here: &[String], path: &str) {
        if self.report.tells_of(self.source, path) {
            return;
        }
        let Some((typed, parents)) = here.split_last() else { return };
        let sibling = |(pattern, _): &(Vec<String>, Fate)| {
            let same = pattern.get(..parents.len()).is_some_and(|start| matches(start, parents));
            pattern.get(parents.len()).filter(|name| same && *name != "*").cloned()
        };
        let known: Vec<String> = self.patterns.iter().filter_map(sibling).collect();
        let mut message = String::from("unknown: nothing was made of it, and Tyk ignores it, too");
        if let Some(meant) = near(typed, &known) {
            message = format!("{message}; did you mean `{meant}`? Mend it and import again");
        }
        self.report.add(Kind::NotSupported, self.source, path, message);
    }
}

/// Whether a path fits a pattern of the same length.
fn matches(pattern: &[String], path: &[String]) -> bool {
    pattern.len() == path.len()
        && pattern.iter().zip(path).all(|(wanted, found)| wanted == "*" || wanted == found)
}

/// Whether a value says nothing: exports write every field there is.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.iter().all(is_empty),
        Value::Object(members) => members.values().all(is_empty),
    }
}

/// The name that a typo was meant for.
pub(super) fn near<'k>(typed: &str, known: &'k [String]) -> Option<&'k String> {
    const LONGEST: usize = 64;
    if typed.len() > LONGEST {
        return None;
    }
    let allowed = typed.len().div_euclid(4).clamp(1, 4);
    let typed = typed.to_ascii_lowercase();
    let slips = known.iter().map(|name| (distance(&typed, &name.to_ascii_lowercase()), name));
    let nearest = slips.filter(|(slips, _)| *slips <= allowed).min();
    nearest.map(|(_, name)| name)
}

/// How many characters must be changed, added or left out.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (place, a) in one.chars().enumerate() {
        let mut left = place.saturating_add(1);
        let mut diagonal = place;
        for (cell, b) in row.iter_mut().skip(1).zip(&other) {
            let change = diagonal.saturating_add(usize::from(a != *b));
            diagonal = *cell;
            left = change.min(cell.saturating_add(1)).min(left.saturating_add(1));
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = place.saturating_add(1);
        }
    }
    row.last().copied().unwrap_or(0)
}
