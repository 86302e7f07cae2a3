//! The file of a list: one command at a time changes it, and whoever reads it has the old one or the new
//! one, never a part.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use tollgate::wire::to_hex;

use crate::command::Failure;
use crate::input::shown;

/// How long it is waited for another command to end, and how often that is looked at.
const WAIT: Duration = Duration::from_millis(50);
const WAITS: u32 = 200;

/// A file that no other command changes meanwhile.
pub(super) struct Held {
    /// Where it is, behind links.
    path: PathBuf,
    /// What it is called.
    name: String,
    found: Option<Metadata>,
    /// A file beside it, locked while this lives: the file itself is replaced.
    _lock: File,
}

impl Held {
    /// Holds a file, which must be there unless it is to be made.
    ///
    /// # Errors
    ///
    /// It is none, another command holds it for ten seconds, or its folder cannot be written to.
    pub(super) fn open(path: &Path, may_be_made: bool) -> Result<Self, Failure> {
        let name = shown(path);
        let wrong = |what: String| Failure::Misuse(format!("{name}: {what}"));
        let path = match fs::canonicalize(path) {
            Ok(path) => path,
            Err(error) if error.kind() == ErrorKind::NotFound && may_be_made => path.to_owned(),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(wrong("there is no such file; `--new` makes it".to_owned()));
            }
            Err(error) => return Err(wrong(format!("cannot be read: {error}"))),
        };
        let lock = OpenOptions::new().create(true).append(true).open(beside(&path, "lock"));
        let lock = lock.map_err(|error| {
            wrong(format!("no lock can be made beside it, where the new list would stand: {error}"))
        })?;
        for _ in 0..WAITS {
            match lock.try_lock() {
                Ok(()) => {
                    let found = fs::metadata(&path).ok();
                    if found.as_ref().is_some_and(|found| !found.is_file()) {
                        return Err(wrong("is no file".to_owned()));
                    }
                    return Ok(Self { path, name, found, _lock: lock });
                }
                Err(TryLockError::WouldBlock) => thread::sleep(WAIT),
                Err(TryLockError::Error(error)) => {
                    return Err(wrong(format!("cannot be locked: {error}")));
                }
            }
        }
        Err(wrong("another command changes it, and does not end: nothing was written".to_owned()))
    }

    /// What is in it, `most` bytes at most; `None` where there is no such file.
    pub(super) fn read(&self, most: usize) -> Result<Option<String>, Failure> {
        let wrong = |what: String| Failure::Misuse(format!("{}: {what}", self.name));
        if self.found.is_none() {
            return Ok(None);
        }
        let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
        let mut text = Vec::new();
        let read = File::open(&self.path).and_then(|file| file.take(limit).read_to_end(&mut text));
        read.map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let text = String::from_utf8(text);
        text.map(Some).map_err(|_| wrong("it is no list: it is not UTF-8".to_owned()))
    }

    /// Puts another text in its place, with the same rights. Returns what is to be warned about.
    ///
    /// # Errors
    ///
    /// It cannot be written: the file is as it was.
    pub(super) fn replace(&self, text: &str) -> Result<Vec<&'static str>, Failure> {
        let mut random = [0; 8];
        let made = getrandom::fill(&mut random).map_err(io::Error::from);
        let new = beside(&self.path, &format!("new-{}", to_hex(&random, 8)));
        let written = made.and_then(|()| self.write(&new, text));
        written
            .and_then(|warnings| fs::rename(&new, &self.path).map(|()| warnings))
            .inspect(|_| {
                // That it is there after a loss of power, too.
                if let Some(folder) = self.path.parent().and_then(|folder| File::open(folder).ok())
                {
                    let _ = folder.sync_all();
                }
            })
            .map_err(|error| {
                let _ = fs::remove_file(&new);
                let name = &self.name;
                Failure::Misuse(format!("{name}: cannot be written, and is as it was: {error}"))
            })
    }

    fn write(&self, new: &Path, text: &str) -> io::Result<Vec<&'static str>> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(new)?;
        file.write_all(text.as_bytes())?;
        let mut warnings = Vec::new();
        if let Some(found) = &self.found {
            if !belongs_as(&file, found) {
                warnings.push(
                    "it belongs to you now, and not to whom it did: see that its server can read it",
                );
            }
            file.set_permissions(found.permissions())?;
            let (before, after) = (found.modified()?, file.metadata()?);
            // Servers make an `ETag` of the second and the length: no two lists may have the same.
            if found.len() == after.len() && second(before) >= second(after.modified()?) {
                let later = before.checked_add(Duration::from_secs(1));
                later.map(|later| file.set_modified(later)).transpose()?;
            }
        }
        file.sync_all()?;
        Ok(warnings)
    }
}

/// A file of this kind beside another.
fn beside(path: &Path, kind: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{kind}"));
    path.with_file_name(name)
}

fn second(moment: SystemTime) -> u64 {
    moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Gives a new file to whom the old one belongs; says whether it does then.
fn belongs_as(file: &File, found: &Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, fchown};
        let owner = |of: &Metadata| (of.uid(), of.gid());
        let wanted = owner(found);
        let is_same = || file.metadata().is_ok_and(|now| owner(&now) == wanted);
        is_same() || (fchown(file, Some(wanted.0), Some(wanted.1)).is_ok() && is_same())
    }
    #[cfg(not(unix))]
    {
        let _ = (file, found);
        true
    }
}
