//! The smaller commands of the command line, each run as a person would run it.

#[path = "../../../tests/support/schema.rs"]
mod schema;
#[path = "../../../tests/support/mod.rs"]
mod support;

mod console;
mod decode;
mod documents;
mod explain;
mod explained;
mod explained_cookies;
mod export;
mod hash_key;
mod help;
mod init;
mod logins;
mod mint;
mod register;
mod resources;
mod revoke;
mod sealed;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use tollgate_cli::{Exit, Streams};

/// How a command ended and what it wrote.
struct Ran {
    exit: Exit,
    out: String,
    err: String,
}

/// `tollgate` with these arguments and this standard input.
fn tollgate(arguments: &[&str], mut input: &[u8]) -> Ran {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = Streams { input: &mut input, out: &mut out, err: &mut err };
    let arguments = [&["tollgate"], arguments].concat();
    let exit = tollgate_cli::run(arguments.into_iter().map(OsString::from), &mut streams);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { exit, out: text(out), err: text(err) }
}

/// A folder of a test's own, removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let own = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tools-{own}"));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A path in it, as an argument.
    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn every_command_shows_examples_in_its_help() {
    for command in [
        "decode",
        "explain",
        "export limits",
        "hash-key",
        "init",
        "mint",
        "register",
        "revoke",
        "schema",
    ] {
        let words: Vec<_> = command.split(' ').chain(["--help"]).collect();
        let help = tollgate(&words, b"");
        assert_eq!((help.exit, help.err.as_str()), (Exit::Fine, ""), "{command}");
        let examples = help.out.split("Example").nth(1).unwrap_or_default();
        assert!(examples.contains(&format!("tollgate {command}")), "{command}: {}", help.out);
    }
}
