//! Files that a command writes.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use super::input::shown;
use crate::command::Failure;

/// Writes a file of its own: one that is there stays as it is, unless it is empty or holds just this
/// text. What is no file, such as `/dev/null`, is written to.
///
/// # Errors
///
/// Another file is there, or it cannot be written.
pub(super) fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let wrong = |what: String| Failure::Misuse(format!("{}: {what}", shown(path)));
    let nothing_is_lost = match fs::metadata(path) {
        Ok(found) if found.is_file() => {
            found.len() == 0 || fs::read(path).is_ok_and(|there| there == text.as_bytes())
        }
        Ok(_) => true,
        Err(_) => false,
    };
    let mut options = OpenOptions::new();
    options.write(true).create_new(!nothing_is_lost);
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => wrong(
            "is there already, and was not touched: name another file, or remove this one"
                .to_owned(),
        ),
        _ => wrong(format!("cannot be written: {error}")),
    })
}
