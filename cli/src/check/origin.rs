//! Where a configuration stands in the file that holds it: from its own lines and columns to the
//! file's.

use saphyr_parser::ScalarStyle;

use crate::yaml::{Place, Scalar};

/// How the places of a configuration's text become places of the file.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// The file is the configuration.
    File,
    /// It was made of a tree, a token a line; the places are those of the lines.
    Tree(Vec<Place>),
    /// It stands in the file as a text.
    Text {
        /// The place of each character that is no blank, in the text.
        inside: Vec<Place>,
        /// And in the file.
        outside: Vec<Place>,
    },
}

impl Origin {
    /// Of the text that a scalar of `source` is.
    ///
    /// Indentation, folds and escapes move characters and drop blanks, and keep the order of the
    /// rest: so the n-th of these in the text is the n-th in the file.
    pub(super) fn of_scalar(source: &str, scalar: &Scalar) -> Self {
        let inside = positions(scalar.text.chars(), Place::START);
        let mut outside = positions_in_source(source, scalar);
        outside.truncate(inside.len());
        Self::Text { inside, outside }
    }

    /// The same, where what is a file here is itself a text of `outer`.
    pub(super) fn within(self, outer: &Self) -> Self {
        let placed = |places: Vec<Place>| places.into_iter().map(|at| outer.place(at)).collect();
        match self {
            Self::File => outer.clone(),
            Self::Tree(places) => Self::Tree(placed(places)),
            Self::Text { inside, outside } => Self::Text { inside, outside: placed(outside) },
        }
    }

    /// The file's place of a place in the configuration's text.
    pub(super) fn place(&self, place: Place) -> Place {
        match self {
            Self::File => place,
            Self::Tree(lines) => {
                let index = usize::try_from(place.line).unwrap_or(usize::MAX).saturating_sub(1);
                lines.get(index).or(lines.last()).copied().unwrap_or(Place::START)
            }
            Self::Text { inside, outside } => {
                let index = inside.partition_point(|known| *known < place);
                outside.get(index).or(outside.last()).copied().unwrap_or(Place::START)
            }
        }
    }
}

/// The places of the characters that are no blanks.
fn positions(chars: impl Iterator<Item = char>, start: Place) -> Vec<Place> {
    let mut walk = Walk { at: start };
    let mut found = Vec::new();
    for c in chars {
        let at = walk.step(c);
        if !c.is_whitespace() {
            found.push(at);
        }
    }
    found
}

/// A place that moves through a text.
struct Walk {
    at: Place,
}

impl Walk {
    /// The place of `c`, which is then left behind.
    fn step(&mut self, c: char) -> Place {
        let here = self.at;
        self.at = match c {
            '\n' => Place { line: here.line.saturating_add(1), column: 1 },
            _ => Place { column: here.column.saturating_add(1), ..here },
        };
        here
    }
}

fn positions_in_source(source: &str, scalar: &Scalar) -> Vec<Place> {
    let (start, end) = scalar.range;
    let mut walk = Walk { at: Place::START };
    let mut chars = source.chars();
    for c in chars.by_ref().take(start) {
        walk.step(c);
    }
    let mut chars = chars.take(end.saturating_sub(start)).peekable();
    match scalar.style {
        ScalarStyle::Literal | ScalarStyle::Folded => {
            // The header: `|`, `>-` and the like, perhaps with a comment.
            let header = |c: &char| matches!(c, '|' | '>');
            if chars.peek().is_some_and(header) {
                for c in chars.by_ref() {
                    walk.step(c);
                    if c == '\n' {
                        break;
                    }
                }
            }
        }
        ScalarStyle::DoubleQuoted | ScalarStyle::SingleQuoted => {
            chars.next().map(|quote| walk.step(quote));
        }
        ScalarStyle::Plain => {}
    }
    let mut found = Vec::new();
    while let Some(c) = chars.next() {
        let at = walk.step(c);
        let mut skip = |count: usize, walk: &mut Walk| {
            let mut skipped = String::new();
            for _ in 0..count {
                let Some(c) = chars.next() else { break };
                walk.step(c);
                skipped.push(c);
            }
            skipped
        };
        let blank = match (scalar.style, c) {
            (ScalarStyle::DoubleQuoted, '\\') => {
                let what = skip(1, &mut walk);
                let digits = match what.as_str() {
                    "x" => 2,
                    "u" => 4,
                    "U" => 8,
                    _ => 0,
                };
                let code = u32::from_str_radix(&skip(digits, &mut walk), 16).ok();
                match code.and_then(char::from_u32) {
                    Some(c) => c.is_whitespace(),
                    None => matches!(what.as_str(), "n" | "r" | "t" | " " | "\n" | "\t" | "_"),
                }
            }
            (ScalarStyle::SingleQuoted, '\'') => {
                skip(1, &mut walk);
                false
            }
            _ => c.is_whitespace(),
        };
        if !blank {
            found.push(at);
        }
    }
    found
}

#[cfg(test)]
mod tests;
