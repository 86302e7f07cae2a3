//! Files that only their owner can read, from their creation on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A new file.
///
/// # Errors
///
/// One is there, or it cannot be made.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Writes a new file with this text and a line's end.
pub(super) fn write_new(path: &Path, text: &str) -> io::Result<()> {
    writeln!(create(path)?, "{text}")
}

/// What will take a file's place at once, or not at all. It is made before it is needed: what it is to
/// hold may come but once.
pub(super) struct Successor<'p> {
    path: &'p Path,
    beside: PathBuf,
    file: File,
}

impl<'p> Successor<'p> {
    /// An empty one beside the file.
    pub(super) fn of(path: &'p Path) -> io::Result<Self> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".new-{}", std::process::id()));
        let beside = path.with_file_name(name);
        Ok(Self { path, file: create(&beside)?, beside })
    }

    /// Takes the file's place with this text.
    ///
    /// # Errors
    ///
    /// Where the text is then, if it is anywhere, and why it is not in place.
    pub(super) fn take_over(mut self, text: &str) -> Result<(), (PathBuf, io::Error)> {
        let written = writeln!(self.file, "{text}").and_then(|()| self.file.sync_all());
        written
            .and_then(|()| fs::rename(&self.beside, self.path))
            .map_err(|error| (self.beside.clone(), error))
    }

    /// Leaves the file as it is.
    pub(super) fn give_up(self) {
        // What is left behind then is empty.
        let _ = fs::remove_file(&self.beside);
    }
}

/// Whether others than its owner can read a file.
pub(super) fn is_open_to_others(path: &Path) -> bool {
    #[cfg(unix)]
    let open = fs::metadata(path).is_ok_and(|file| {
        std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o077 != 0
    });
    #[cfg(not(unix))]
    let open = false;
    open
}
