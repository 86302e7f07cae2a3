//! Documents that are several files.

use std::fs;
use std::path::Path;

/// docs/config.md with the pages of its parts behind it, in the order of their names.
pub(crate) fn configuration() -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let read = |path: &Path| fs::read_to_string(path).expect("a page");
    let parts = fs::read_dir(docs.join("config")).expect("the pages of the parts");
    let mut parts: Vec<_> = parts.map(|entry| entry.expect("a page").path()).collect();
    parts.sort();
    let parts: Vec<_> = parts.iter().map(|path| read(path)).collect();
    assert!(parts.len() >= 7, "{}", parts.len());
    format!("{}\n{}", read(&docs.join("config.md")), parts.join("\n"))
}
