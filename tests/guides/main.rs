//! The documents for those who run Tollgate, held against the engine: docs/troubleshooting.md, the
//! pages of providers, docs/runbook.md and docs/object-authorization.md.

#[path = "../support/pages.rs"]
mod pages;
#[path = "../support/mod.rs"]
mod support;

mod objects;
mod runbook;
mod troubleshooting;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tollgate::verdict::Deny;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text below a heading, to the next of the same depth or less.
fn section<'t>(text: &'t str, heading: &str) -> &'t str {
    let start = text.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let body = &text[start + heading.len() + 2..];
    let depth = heading.bytes().take_while(|byte| *byte == b'#').count();
    let ends = (1..=depth).filter_map(|depth| body.find(&format!("\n{} ", "#".repeat(depth))));
    ends.min().map_or(body, |end| &body[..end])
}

/// The rows of the tables in a text, without their heads: cells without blanks around them.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let mut all = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let is_head = lines.peek().is_some_and(|next| next.starts_with("|---"));
        let Some(inner) = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')) else {
            continue;
        };
        if !is_head && !inner.starts_with("---") {
            all.push(cells(inner));
        }
    }
    all
}

/// The cells of a row: what stands between bars that are not escaped.
fn cells(row: &str) -> Vec<&str> {
    let escaped = |at: usize| row[..at].ends_with('\\');
    let bars: Vec<_> =
        row.match_indices('|').map(|(at, _)| at).filter(|at| !escaped(*at)).collect();
    let starts = std::iter::once(0).chain(bars.iter().map(|at| at + 1));
    let ends = bars.iter().copied().chain([row.len()]);
    starts.zip(ends).map(|(start, end)| row[start..end].trim()).collect()
}

/// What stands in backticks, simple or double ones.
fn spans(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once('`') {
        let (fence, inner) = match behind.strip_prefix('`') {
            Some(inner) => ("``", inner),
            None => ("`", behind),
        };
        let (span, behind) = inner.split_once(fence).unwrap_or_else(|| panic!("open: {text}"));
        found.push(span.trim());
        rest = behind;
    }
    found
}

/// The deny codes that there are.
fn codes() -> BTreeSet<&'static str> {
    Deny::ALL.iter().map(|deny| deny.code()).collect()
}
