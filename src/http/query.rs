//! Parameters in a request's query: found whatever their escapes, cut out byte by byte.
//!
//! A query is pieces between `&`; a piece is a name and, behind its first `=`, a value. Only `&`
//! separates, and a `+` is itself, not a space.

use std::borrow::Cow;

/// The values of every query parameter of this name, percent-decoded once; `a` and `a=` are empty.
///
/// Names are compared percent-decoded, case kept: `access%5Ftoken` is `access_token`. A `%` without
/// two hexadecimal digits behind it stands for itself.
pub fn parameters<'p>(path: &'p [u8], name: &str) -> impl Iterator<Item = Cow<'p, [u8]>> {
    let query = split(path).and_then(|(_, query)| query);
    query.into_iter().flat_map(pieces).filter_map(move |piece| {
        let (found, value) = name_and_value(piece);
        (*decoded(found) == *name.as_bytes()).then(|| decoded(value))
    })
}

/// The request target without the query parameters of these names; `None` where it has none of them.
///
/// The pieces that stay keep their bytes, their order and the `&` between them, empty ones too:
/// `/a?b&token=x&&c=%20` becomes `/a?b&&c=%20`. Where no piece stays the `?` goes as well.
pub fn without_parameters(path: &[u8], names: &[&str]) -> Option<Vec<u8>> {
    let (before, query) = split(path)?;
    let query = query?;
    let is_cut = |piece: &&[u8]| {
        let found = decoded(name_and_value(piece).0);
        names.iter().any(|name| *found == *name.as_bytes())
    };
    if !pieces(query).any(|piece| is_cut(&piece)) {
        return None;
    }
    let mut rest = Vec::with_capacity(path.len());
    rest.extend_from_slice(before);
    for (index, piece) in pieces(query).filter(|piece| !is_cut(piece)).enumerate() {
        rest.push(if index == 0 { b'?' } else { b'&' });
        rest.extend_from_slice(piece);
    }
    Some(rest)
}

/// What stands before the first `?`, and what stands behind it, if there is one.
pub(super) fn split(path: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let mut parts = path.splitn(2, |&byte| byte == b'?');
    Some((parts.next()?, parts.next()))
}

pub(super) fn pieces(query: &[u8]) -> impl Iterator<Item = &[u8]> {
    query.split(|&byte| byte == b'&')
}

pub(super) fn name_and_value(piece: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = piece.splitn(2, |&byte| byte == b'=');
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

/// Percent-decoded once (RFC 3986 §2.1).
#[inline(never)]
pub(super) fn decoded(raw: &[u8]) -> Cow<'_, [u8]> {
    if !raw.contains(&b'%') {
        return Cow::Borrowed(raw);
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&first, behind)) = rest.split_first() {
        match (first, escape(behind)) {
            (b'%', Some((byte, behind))) => {
                out.push(byte);
                rest = behind;
            }
            _ => {
                out.push(first);
                rest = behind;
            }
        }
    }
    Cow::Owned(out)
}

/// The byte that two hexadecimal digits are, and what stands behind them.
fn escape(digits: &[u8]) -> Option<(u8, &[u8])> {
    let (&[high, low], behind) = digits.split_first_chunk()?;
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = u8::try_from(digit(high)? << 4 | digit(low)?).ok()?;
    Some((byte, behind))
}

#[cfg(test)]
mod tests;
