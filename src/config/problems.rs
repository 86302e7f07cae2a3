//! Everything that is wrong, collected: one mistake hides no other.

use std::fmt;

use super::code::Code;
use super::tree::{self, Node, Places};

/// Something wrong, or risky, at one place of the configuration.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Problem {
    /// Line, from 1; 0 where the configuration is a message, which has no lines.
    pub line: u32,
    /// Column in characters, from 1; 0 as for the line.
    pub column: u32,
    /// The field: `apis[0].match.paths[1]`; empty for the whole document.
    pub path: Box<str>,
    /// What was found, what would be valid, and the remedy; never a secret.
    pub message: Box<str>,
    /// Its kind.
    pub code: Code,
}

impl fmt::Display for Problem {
    /// `7:9: providers.okta.jwks.clustr: unknown field; …`, to be written behind a file's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}:{}: ", self.line, self.column)?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Most problems that are kept; a text with more is not a configuration with mistakes.
pub(super) const MAX_PROBLEMS: usize = 1000;

/// What was found so far, by place in the text.
pub(super) struct Problems<'t> {
    /// The text that is read; `None` where it is a message, which has no lines.
    text: Option<&'t str>,
    refused: Notes,
    risky: Notes,
    known: Notes,
    /// Where objects begin in which an unknown field was found, without a name that it is near to.
    strange: Vec<usize>,
}

/// Problems in the order of the text, each once.
#[derive(Default)]
struct Notes {
    kept: Vec<Note>,
    more: bool,
}

#[derive(Clone, Eq, Ord, PartialEq, PartialOrd)]
struct Note {
    at: usize,
    /// A member that is missing at the place.
    member: Option<String>,
    message: String,
    code: Code,
}

impl Notes {
    fn add(&mut self, code: Code, at: usize, member: Option<&str>, message: &dyn fmt::Display) {
        if self.kept.len() >= MAX_PROBLEMS {
            self.more = true;
            return;
        }
        let member = member.map(str::to_owned);
        self.put(Note { at, member, message: on_one_line(message.to_string()), code });
    }

    fn put(&mut self, note: Note) {
        if let Err(place) = self.kept.binary_search(&note) {
            self.kept.insert(place, note);
        }
    }

    fn resolve(self, text: Option<&str>, root: &Node<'_>) -> Vec<Problem> {
        let mut resolved = Self::default();
        for mut note in self.kept {
            let mut path = tree::path(root, note.at);
            if let Some(member) = note.member {
                tree::push_name(&mut path, &member);
            }
            note.member = Some(path);
            // Places of a message mean nothing: what was found in it is in the order of the paths.
            if text.is_none() {
                note.at = 0;
            }
            resolved.put(note);
        }
        let mut places = text.map(Places::new);
        let mut problems = Vec::new();
        for Note { at, member, message, code } in resolved.kept {
            let (line, column) = places.as_mut().map_or((0, 0), |places| places.find(at));
            let path = member.unwrap_or_default().into();
            problems.push(Problem { line, column, path, message: message.into(), code });
        }
        if self.more {
            problems.push(Problem {
                line: 1,
                column: 1,
                path: "".into(),
                message: format!("more than {MAX_PROBLEMS} problems: the rest is not shown").into(),
                code: Code::TooManyProblems,
            });
        }
        problems
    }
}

/// A message may name what is itself refused for its name: whatever is in that, the message stays on
/// one line.
fn on_one_line(message: String) -> String {
    let escape = |c: char| match c.is_control() {
        true => c.escape_unicode().collect::<String>(),
        false => c.into(),
    };
    match message.chars().any(char::is_control) {
        true => message.chars().map(escape).collect(),
        false => message,
    }
}

impl<'t> Problems<'t> {
    /// None so far.
    pub(super) fn new(text: Option<&'t str>) -> Self {
        let (refused, risky, known) = Default::default();
        Self { text, refused, risky, known, strange: Vec::new() }
    }

    /// Something wrong with the value or member name that begins at `at`. That an object names nothing
    /// is no second mistake where an unknown field of it may have been meant to.
    #[inline(never)]
    pub(super) fn refuse(&mut self, code: Code, at: usize, message: impl fmt::Display) {
        let of_fields = matches!(code, Code::OneOfRequired | Code::PolicyMissing);
        if !of_fields || !self.strange.contains(&at) {
            self.refused.add(code, at, None, &message);
        }
    }

    /// Remembers that the object at `at` has an unknown field that may have been meant for any.
    pub(super) fn is_strange(&mut self, at: usize) {
        self.strange.push(at);
    }

    /// A member that the object at `at` must have.
    #[inline(never)]
    pub(super) fn missing(&mut self, at: usize, member: &str, message: impl fmt::Display) {
        self.refused.add(Code::FieldMissing, at, Some(member), &message);
    }

    /// Something legal and risky about the value or member name that begins at `at`.
    #[inline(never)]
    pub(super) fn warn(&mut self, code: Code, at: usize, message: impl fmt::Display) {
        self.risky.add(code, at, None, &message);
    }

    /// Something worth knowing about the value or member name that begins at `at`, and nothing to
    /// change.
    #[cfg(not(target_family = "wasm"))]
    pub(super) fn note(&mut self, code: Code, at: usize, message: impl fmt::Display) {
        self.known.add(code, at, None, &message);
    }

    /// Whether another problem would be kept: a message that is dear to word is not worth it else.
    pub(super) fn has_room(&self) -> bool {
        self.refused.kept.len() < MAX_PROBLEMS
    }

    /// Whether an unknown field was found between two places, which could have said anything.
    pub(super) fn has_unknown_field(&self, from: usize, to: usize) -> bool {
        let is_there =
            |note: &Note| note.code == Code::FieldUnknown && (from..to).contains(&note.at);
        self.refused.kept.iter().any(is_there)
    }

    /// Whether nothing was refused.
    pub(super) fn none(&self) -> bool {
        self.refused.kept.is_empty()
    }

    /// What was refused, what is risky, and what is worth knowing, in the order of the text.
    pub(super) fn resolve(self, root: &Node<'_>) -> [Vec<Problem>; 3] {
        [self.refused, self.risky, self.known].map(|notes| notes.resolve(self.text, root))
    }
}

/// The name among `known` that was probably meant: by a slip or two of the fingers, or cut short.
pub fn near<'k>(typed: &str, known: impl IntoIterator<Item = &'k str> + Clone) -> Option<&'k str> {
    near_by_slip(typed, known.clone()).or_else(|| by_stem(typed, &mut known.into_iter()))
}

/// The name among `known` that one was cut short to, or that was cut short to one.
#[inline(never)]
fn by_stem<'k>(typed: &str, mut known: &mut dyn Iterator<Item = &'k str>) -> Option<&'k str> {
    const SHORTEST_STEM: usize = 3;
    let typed = comparable(typed);
    Iterator::find(&mut known, |name| {
        let name = comparable(name);
        let stem = name.len().min(typed.len());
        stem >= SHORTEST_STEM && (name.starts_with(&typed) || typed.starts_with(&name))
    })
}

/// The name among `known` that differs by a slip or two of the fingers.
pub fn near_by_slip<'k>(typed: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    by_slip(typed, &mut known.into_iter())
}

/// [`near_by_slip`], however the names are kept: once in the module.
#[inline(never)]
fn by_slip<'k>(typed: &str, known: &mut dyn Iterator<Item = &'k str>) -> Option<&'k str> {
    const LONGEST: usize = 128;
    if typed.len() > LONGEST {
        return None;
    }
    let typed = comparable(typed);
    known
        .filter(|name| name.len() <= LONGEST)
        .filter_map(|name| {
            let slips = distance(&typed, &comparable(name));
            let allowed = typed.len().max(name.len()).div_euclid(3).clamp(1, 4);
            (slips <= allowed && slips < typed.len()).then_some((slips, name))
        })
        .min()
        .map(|(_, name)| name)
}

fn comparable(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
}

/// How many letters must be put in, taken out, replaced or swapped with their neighbour to get from
/// one text to the other (optimal string alignment).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    let mut previous = None;
    for (row, c) in from.chars().enumerate() {
        let mut current = vec![row.saturating_add(1)];
        for (column, &wanted) in to.iter().enumerate() {
            let at =
                |line: &[usize], column: usize| line.get(column).copied().unwrap_or(usize::MAX);
            let next = column.saturating_add(1);
            let replace = at(&last, column).saturating_add(usize::from(c != wanted));
            let insert = at(&current, column).saturating_add(1);
            let delete = at(&last, next).saturating_add(1);
            let mut best = replace.min(insert).min(delete);
            let neighbour = column.checked_sub(1).and_then(|left| Some((left, *to.get(left)?)));
            if let Some((left, neighbour)) = neighbour
                && neighbour == c
                && previous == Some(wanted)
            {
                best = best.min(at(&before_last, left).saturating_add(1));
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
        previous = Some(c);
    }
    last.last().copied().unwrap_or_default()
}

/// Names in a message: "`a`, `b` or `c`".
pub(super) fn listed<'n>(names: impl IntoIterator<Item = &'n str>, last: &str) -> String {
    join(&mut names.into_iter(), last)
}

/// [`listed`], however the names are kept: once in the module.
#[inline(never)]
fn join(names: &mut dyn Iterator<Item = &str>, last: &str) -> String {
    let mut names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let tail = names.pop().unwrap_or_default();
    if names.is_empty() { tail } else { format!("{} {last} {tail}", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_the_name_that_was_meant() {
        let known = ["audiences", "clients", "clock_skew", "cluster", "issuer", "jwks", "realm"];
        let cases = [
            // typed, meant
            ("clustr", Some("cluster")),
            ("audience", Some("audiences")),
            ("Issuer", Some("issuer")),
            ("clock-skew", Some("clock_skew")),
            ("isuser", Some("issuer")),
            ("aud", Some("audiences")),
            ("jwks_uri", Some("jwks")),
            ("lcients", Some("clients")),
            ("rate", None),
            ("mode", None),
            ("policies", None),
            ("x", None),
            ("", None),
            ("é", None),
        ];
        for (typed, meant) in cases {
            assert_eq!(near(typed, known), meant, "{typed}");
        }
        assert_eq!(near(&"x".repeat(100_000), known), None);
    }

    #[test]
    fn a_swap_of_neighbours_is_one_slip() {
        assert_eq!(distance("isuser", "issuer"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
