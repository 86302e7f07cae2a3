//! Quotes what others wrote, so that a text shows it as theirs.

use crate::verdict::quoted;

/// Words of the configuration, quoted, for a reason.
pub(in crate::engine) fn quoted_list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().take(8).map(quoted).collect::<Vec<_>>().join(", ")
}

/// How many of something there are, which has a name for one and for several.
pub(in crate::engine) fn counted(count: usize, [one, several]: [&str; 2]) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

/// Bytes that a stranger sent.
pub(in crate::engine) fn shown(bytes: &[u8]) -> String {
    quoted(&String::from_utf8_lossy(bytes))
}
