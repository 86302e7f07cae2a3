//! Cookies in a request (RFC 6265): found by name, one alone taken out.
//!
//! A header holds pairs between `;`, with or without a space behind it; a name stands before the
//! first `=`. Quotes are part of a value.

use super::trimmed;
use crate::wire::{is_same, position};

/// The values of every cookie of this name, case kept, in the `cookie` headers of a request.
///
/// Browsers send each name of one origin once (RFC 6265 §5.4); two are two values, not one and a
/// copy: which of them counts depends on who reads. A pair without `=` has no name.
pub fn cookies<'h>(
    headers: impl IntoIterator<Item = &'h [u8]>,
    name: &str,
) -> impl Iterator<Item = &'h [u8]> {
    headers.into_iter().flat_map(pairs).filter_map(move |pair| {
        let (found, value) = name_and_value(pair)?;
        is_same(found, name.as_bytes()).then_some(value)
    })
}

/// The `cookie` headers of a request as one, without the cookies of these names: empty where no other is
/// there, `None` where none of them is.
///
/// The pairs that stay keep their bytes and their order; headers are joined by `; `, as RFC 9113
/// §8.2.3 joins them.
pub fn without_cookies<'h>(
    headers: impl IntoIterator<Item = &'h [u8]>,
    names: &[&str],
) -> Option<Vec<u8>> {
    let mut rest: Vec<u8> = Vec::new();
    let (mut any, mut is_cut) = (false, false);
    for header in headers {
        let mut is_first = true;
        for pair in pairs(header) {
            let found = name_and_value(pair).map(|(name, _)| name);
            let is_it = |found| names.iter().any(|name| is_same(found, name.as_bytes()));
            if found.is_some_and(is_it) {
                is_cut = true;
                continue;
            }
            let begins = std::mem::take(&mut is_first);
            let pair = if begins { pair.trim_ascii_start() } else { pair };
            rest.extend_from_slice(match (any, begins) {
                (false, _) => b"",
                (true, true) => b"; ",
                (true, false) => b";",
            });
            any = true;
            rest.extend_from_slice(pair);
        }
    }
    let is_pair = |byte: &u8| !matches!(byte, b' ' | b'\t' | b';');
    if !rest.iter().any(is_pair) {
        rest.clear();
    }
    is_cut.then_some(rest)
}

fn pairs(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut left = Some(header);
    std::iter::from_fn(move || {
        let rest = left?;
        let (pair, behind) = match position(rest, b';').and_then(|end| rest.split_at_checked(end)) {
            Some((pair, behind)) => (pair, behind.get(1..)),
            None => (rest, None),
        };
        left = behind;
        Some(pair)
    })
}

fn name_and_value(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = pair.split_at_checked(position(pair, b'=')?)?;
    Some((trimmed(name, is_blank), value.get(1..)?.trim_ascii()))
}

/// What some reader takes off a name: Python's `strip` of text in Latin-1 does all of these.
pub(super) const fn is_blank(byte: u8) -> bool {
    matches!(byte, 0..=b' ' | 0x7f | 0x85 | 0xa0)
}

#[cfg(test)]
mod tests;
