//! What a command is given to read: a file, or standard input.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::command::{Failure, Streams};

/// Reads a file, or standard input where there is none or it is `-`; `most` bytes at most.
pub(super) fn read(
    path: Option<&Path>,
    most: u64,
    streams: &mut Streams<'_>,
) -> Result<Vec<u8>, Failure> {
    let Some(path) = path.filter(|path| *path != Path::new("-")) else {
        return bounded(&mut *streams.input, most, "standard input");
    };
    let name = shown(path);
    let mut file = File::open(path).map_err(|error| unreadable(&name, &error))?;
    bounded(&mut file, most, &name)
}

/// Reads a credential as [`read`] reads anything, but what was named and is neither a file nor in a
/// folder that exists is not shown: it may be the credential.
pub(super) fn read_credential(
    path: Option<&Path>,
    most: u64,
    streams: &mut Streams<'_>,
) -> Result<Vec<u8>, Failure> {
    let may_be_one = |path: &&Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        **path != *"-" && !path.exists() && !folder.is_some_and(Path::is_dir)
    };
    match path.filter(may_be_one) {
        Some(_) => Err(Failure::Misuse(format!("there is no such file; {NEVER_AN_ARGUMENT}"))),
        None => read(path, most, streams),
    }
}

/// What is said where a credential may have been written as an argument.
pub(super) const NEVER_AN_ARGUMENT: &str = "a token is read from a file or standard input, for every process of the machine can read \
     arguments; what was written is not shown";

fn bounded(from: &mut dyn Read, most: u64, name: &str) -> Result<Vec<u8>, Failure> {
    let mut read = Vec::new();
    let limit = most.saturating_add(1);
    from.take(limit).read_to_end(&mut read).map_err(|error| unreadable(name, &error))?;
    if u64::try_from(read.len()).is_ok_and(|length| length < limit) {
        return Ok(read);
    }
    Err(Failure::Misuse(format!("{name}: more than {most} bytes, which is too long for this")))
}

fn unreadable(name: &str, error: &std::io::Error) -> Failure {
    Failure::Misuse(format!("{name}: cannot be read: {error}"))
}

/// A path in a message, on one line.
pub(super) fn shown(path: &Path) -> String {
    harmless(&path.display().to_string()).replace('\n', "\\n")
}

/// A text in which nothing steers the terminal of who reads it, or hides a part from them; lines stay
/// lines.
pub(super) fn harmless(text: &str) -> String {
    let plain = |c: char| match is_hidden(c) && c != '\n' {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    text.chars().map(plain).collect()
}

/// Whether a character steers a terminal or hides text from a reader: control characters, separators
/// of lines, marks of direction, characters without width.
pub(super) fn is_hidden(c: char) -> bool {
    let ranges = [
        '\u{ad}'..='\u{ad}',
        '\u{61c}'..='\u{61c}',
        '\u{180e}'..='\u{180e}',
        '\u{200b}'..='\u{200f}',
        '\u{2028}'..='\u{202e}',
        '\u{2060}'..='\u{206f}',
        '\u{feff}'..='\u{feff}',
        '\u{fff9}'..='\u{fffb}',
        '\u{e0000}'..='\u{e007f}',
    ];
    c.is_control() || ranges.iter().any(|range| range.contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_line_and_hides_nothing() {
        let cases = [
            ("plain/\u{e9}.json", "plain/\u{e9}.json"),
            ("a\nb\r\t", "a\\nb\\r\\t"),
            ("a\u{202e}b\u{2066}c", "a\\u{202e}b\\u{2066}c"),
            ("a\u{2028}b\u{200f}", "a\\u{2028}b\\u{200f}"),
            ("\u{1b}[2Jx", "\\u{1b}[2Jx"),
        ];
        for (path, expected) in cases {
            assert_eq!(shown(Path::new(path)), expected);
        }
    }
}
