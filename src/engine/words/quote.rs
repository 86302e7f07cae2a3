//! Quotes what others wrote, so that a text shows it as theirs.

use crate::verdict::quoted;

/// Words of the configuration, quoted, for a reason.
pub(in crate::engine) fn quoted_list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().take(8).map(quoted).collect::<Vec<_>>().join(", ")
}

/// Bytes that a stranger sent.
pub(in crate::engine) fn shown(bytes: &[u8]) -> String {
    quoted(&String::from_utf8_lossy(bytes))
}
