//! What a command is given to read: a file, or standard input.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{Failure, Streams};

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

/// A path in a message.
pub(super) fn shown(path: &Path) -> String {
    harmless(&path.display().to_string())
}

/// A text in which nothing steers the terminal of who reads it; lines stay lines.
pub(super) fn harmless(text: &str) -> String {
    let plain = |c: char| match c.is_control() && c != '\n' {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    text.chars().map(plain).collect()
}
