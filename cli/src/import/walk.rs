//! Goes through every member that a definition or a policy has, so that none is passed over in
//! silence.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::{Fate, Form, Row, Switch, expanded};
use super::read::joined;
use super::report::{Kind, Report};

/// A member that says something, and what becomes of it.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) path: String,
    /// `None` for one that no version of Tyk is known to have.
    fate: Option<Fate>,
    /// The known name that it may be a slip of.
    near: Option<String>,
}

impl Member {
    /// A member that is known.
    pub(super) fn new(path: impl Into<String>, fate: Fate) -> Self {
        Self { path: path.into(), fate: Some(fate), near: None }
    }

    /// Whether it can refuse a request, and is not done here.
    pub(super) const fn restricts(&self) -> bool {
        matches!(self.fate, None | Some(Fate::Shut(_)))
    }

    /// What is told of it, if it restricts.
    fn restriction(&self, until: &str) -> Option<String> {
        match self.fate {
            Some(Fate::Shut(instead)) => Some(format!(
                "can refuse requests in Tyk, and is not done here: {instead}; {until}"
            )),
            None => {
                let meant = self.near.as_ref().map(|meant| format!("did you mean `{meant}`? "));
                Some(format!(
                    "unknown, so that it may refuse requests: {}mend or delete it and import \
                     again; {until}",
                    meant.unwrap_or_default()
                ))
            }
            _ => None,
        }
    }
}

/// The members that say something.
pub(super) fn members(value: &Value, rows: &[Row], form: Form, scheme: &str) -> Vec<Member> {
    let mut tree = Node::default();
    for row in rows {
        let path = match form {
            Form::Classic => row.classic,
            Form::Oas => row.oas,
        };
        if !path.text.is_empty() {
            let node = tree.at(&expanded(path.text, scheme));
            node.fate = Some(row.fate);
            node.switch = path.switch;
            node.within = row.within;
        }
    }
    let mut found = Vec::new();
    tree.inside(&tree, value, "", &mut found);
    found
}

/// Tells what becomes of each member that nothing was said of. `until` says what stands where a
/// member is to be filled in.
pub(super) fn tell(members: &[Member], source: &str, until: &str, report: &mut Report) {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for member in members {
        if let Some(message) = member.restriction(until) {
            report.add(Kind::FillIn, source, &member.path, message);
            continue;
        }
        if report.tells_of(source, &member.path) {
            continue;
        }
        let mut group = |words: String| groups.entry(words).or_default().push(member.path.clone());
        match member.fate {
            Some(Fate::Elsewhere(group_of)) => group(format!("belongs to {group_of}")),
            Some(Fate::Ignored(why)) => group(format!("Tyk's gateway ignores it: {why}")),
            Some(Fate::Taken(becomes)) => {
                report.add(Kind::Taken, source, &member.path, format!("became {becomes}"));
            }
            Some(Fate::Changed(how)) => report.add(Kind::Changed, source, &member.path, how),
            Some(Fate::Not(instead)) => {
                report.add(Kind::NotSupported, source, &member.path, instead);
            }
            Some(Fate::Shut(_) | Fate::Silent) | None => {}
        }
    }
    for (words, fields) in groups {
        report.add(Kind::Elsewhere, source, fields.join(", "), words);
    }
}

/// The table as a tree.
#[derive(Default)]
struct Node {
    named: BTreeMap<String, Node>,
    /// Any other name.
    any: Option<Box<Node>>,
    /// Each element of a list.
    each: Option<Box<Node>>,
    fate: Option<Fate>,
    switch: Option<Switch>,
    within: &'static str,
}

impl Node {
    fn at(&mut self, path: &[String]) -> &mut Self {
        path.iter().fold(self, |node, name| {
            let (name, each) = match name.strip_suffix("[]") {
                Some(name) => (name, true),
                None => (name.as_str(), false),
            };
            let node = match name {
                "*" => &mut **node.any.get_or_insert_default(),
                name => node.named.entry(name.to_owned()).or_default(),
            };
            if each { &mut **node.each.get_or_insert_default() } else { node }
        })
    }

    fn is_leaf(&self) -> bool {
        self.named.is_empty() && self.any.is_none() && self.each.is_none()
    }

    /// Whether a switch in it says that it does not count.
    fn is_off(&self, value: &Value) -> bool {
        let Some(switch) = self.switch else { return false };
        match value {
            Value::Object(members) => match members.get(switch.name) {
                None | Some(Value::Null) => switch.on,
                Some(Value::Bool(said)) => *said != switch.on,
                // Nobody knows what it says.
                Some(_) => false,
            },
            Value::Array(list) => list.iter().all(|one| one.is_object() && self.is_off(one)),
            _ => false,
        }
    }

    fn member(&self, value: &Value, path: String, found: &mut Vec<Member>) {
        let nothing = is_empty(value) || value.as_f64().is_some_and(|number| number < 0.0);
        if nothing || self.is_off(value) {
            return;
        }
        if self.is_leaf() {
            unknown_within(value, self.within, &path, found);
            found.extend(self.fate.map(|fate| Member::new(path, fate)));
            return;
        }
        let rest = match (value, &self.each) {
            (Value::Object(_), _) => self.inside(self, value, &path, found),
            (Value::Array(list), Some(each)) => {
                let mut rest = false;
                for (place, one) in list.iter().enumerate().filter(|(_, one)| !self.is_off(one)) {
                    rest |= each.inside(self, one, &format!("{path}[{place}]"), found);
                }
                rest
            }
            _ => true,
        };
        if rest {
            found.push(Member { path, fate: self.fate, near: None });
        }
    }

    /// The members of an object, which may be an element of a list that `whole` speaks for; whether
    /// it has some that only the whole speaks for.
    fn inside(&self, whole: &Self, value: &Value, path: &str, found: &mut Vec<Member>) -> bool {
        let Some(members) = value.as_object() else { return !is_empty(value) };
        let speaks = |name: &String| {
            let switch = whole.switch.is_some_and(|switch| switch.name == name);
            let within =
                whole.within.is_empty() || whole.within.split(' ').any(|known| known == name);
            switch || (whole.fate.is_some() && within)
        };
        let mut rest = false;
        for (name, value) in members {
            let here = joined(path, name);
            match self.named.get(name).or(self.any.as_deref()) {
                Some(node) => node.member(value, here, found),
                None if is_empty(value) => {}
                None if speaks(name) => rest = true,
                None => {
                    let near = near(name, self.named.keys().map(String::as_str));
                    found.push(Member { path: here, fate: None, near });
                }
            }
        }
        rest
    }
}

/// What has a name in it that is none of those known there.
fn unknown_within(value: &Value, known: &str, path: &str, found: &mut Vec<Member>) {
    if known.is_empty() {
        return;
    }
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let here = joined(path, name);
                match known.split(' ').any(|known| known == name) {
                    true => unknown_within(value, known, &here, found),
                    false if is_empty(value) => {}
                    false => {
                        let near = near(name, known.split(' '));
                        found.push(Member { path: here, fate: None, near });
                    }
                }
            }
        }
        Value::Array(list) => {
            for (place, one) in list.iter().enumerate() {
                unknown_within(one, known, &format!("{path}[{place}]"), found);
            }
        }
        _ => {}
    }
}

/// Whether a value says nothing: exports write every member there is.
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

/// The name that a slip was meant for.
pub(super) fn near<'k>(typed: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    tollgate::config::near_by_slip(typed, known).map(str::to_owned)
}
