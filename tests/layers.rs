//! The table of ignorance in ARCHITECTURE.md, enforced: which module may know which, where the
//! host's interface and `unsafe` may appear, how long a file may be.
//!
//! Reads the sources as text, comments and strings taken out. What `#[cfg(test)]` modules use is
//! their own affair.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module of the crate and the modules that it may name, from the bottom of the crate to its
/// top: a row may only hold modules of rows before it, so that there is no cycle.
const LAYERS: &[(&str, &[&str])] = &[
    // Vocabulary.
    ("ids", &[]),
    ("secret", &[]),
    ("time", &[]),
    ("verdict", &[]),
    ("wire", &[]),
    // Not: what a step is about.
    ("trace", &["ids", "verdict"]),
    // One concept each: pure functions and small state machines.
    ("json", &[]),
    ("http", &[]),
    // Not: issuers, configuration, the clock.
    ("jose", &["ids", "json", "verdict"]),
    ("env", &["jose", "time"]),
    // Not: what a record is for.
    ("store", &["env", "time", "wire"]),
    // Not: what a request is.
    ("limits", &["env", "ids", "store", "time", "wire"]),
    // Not: how a fetch is made, what a document says.
    ("kept", &["env", "time", "wire"]),
    // Not: requests, how a fetch is made.
    ("revoked", &["env", "http", "ids", "kept", "time", "verdict", "wire"]),
    // Not: tokens, claims, HTTP, which host.
    ("session", &["env", "ids", "store", "time", "verdict"]),
    // Not: keys, HTTP.
    ("claims", &["json", "time", "trace", "verdict"]),
    // Build the above, checked. Not: requests.
    ("provider", &["claims", "ids", "jose", "secret", "time"]),
    ("api", &["claims", "http", "ids", "limits"]),
    // Not: keys, headers, what a counter is.
    ("policy", &["api", "claims", "http", "ids", "limits", "time", "trace", "verdict"]),
    (
        "config",
        &[
            "api", "claims", "http", "ids", "jose", "json", "limits", "policy", "provider",
            "revoked", "secret", "time", "verdict", "wire",
        ],
    ),
    // Not: how a fetch is made, HTTP status codes, requests.
    ("keys", &["config", "env", "ids", "jose", "kept", "time"]),
    ("event", &["http", "ids", "verdict"]),
    // Knows how facts are shown. Not: where they come from.
    ("page", &["time"]),
    // Sees them together. Not: Proxy-Wasm, sockets, the clock.
    (
        "engine",
        &[
            "api", "claims", "config", "env", "event", "http", "ids", "jose", "json", "keys",
            "limits", "page", "policy", "provider", "revoked", "secret", "session", "store",
            "time", "trace", "verdict", "wire",
        ],
    ),
    // The command line, native: reads files and asks the network, and has no rule about requests.
    (
        "cli",
        &[
            "claims", "config", "engine", "env", "event", "http", "ids", "jose", "json", "keys",
            "provider", "secret", "time", "trace", "verdict", "wire",
        ],
    ),
    ("bin", &[]),
    // Translates. Not: claims, sessions, providers, verdicts.
    ("shell", &["config", "engine", "env", "event", "http", "ids", "jose", "time", "wire"]),
];

/// Files that may name less than their module.
const NARROWER: &[(&str, &[&str])] = &[
    // Knows the code, not why: no configuration, claims, keys or sessions.
    ("engine/reply.rs", &["event", "http", "time", "verdict"]),
    // Knows when a request waits, not for what.
    ("engine/parked.rs", &["http", "ids", "keys", "time"]),
    // Remembers what was verified: no configuration, no requests, no clock.
    ("engine/verified.rs", &["claims", "env", "ids", "jose", "revoked", "store", "time"]),
    // Asks the host about a signature, and knows nothing else.
    ("shell/crypto.rs", &["jose"]),
    // Wraps the host's calls.
    ("shell/host.rs", &["env", "event", "http", "time", "wire"]),
];

/// What of `std` answers differently from call to call, or leaves the process.
const OUTSIDE: &[&str] = &[
    "std::env::",
    "std::fs",
    "std::os",
    "std::process",
    "std::thread",
    "TcpListener",
    "TcpStream",
    "ToSocketAddrs",
    "UdpSocket",
];

const MAX_LINES: usize = 600;

/// A source file: its path below `src`, its text as written, and its code alone.
struct Source {
    path: String,
    text: String,
    code: String,
}

impl Source {
    /// The module of the crate that the file belongs to; empty for `lib.rs`.
    fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first).trim_start_matches("lib")
    }

    fn is_test(&self) -> bool {
        self.path.split('/').any(|part| part == "tests.rs" || part == "tests")
    }

    fn named_modules(&self) -> BTreeSet<String> {
        named_modules(&self.code)
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    let sources: Vec<_> = files
        .into_iter()
        .filter_map(|file| {
            let path = file.strip_prefix(&root).ok()?.to_str()?.to_owned();
            let text = fs::read_to_string(&file).ok()?;
            let code = code(without_tests(&text));
            Some(Source { path, text, code })
        })
        .collect();
    assert!(sources.len() > 20, "found only {} files", sources.len());
    sources
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The part of a file before its module of tests, which stands at the bottom.
fn without_tests(text: &str) -> &str {
    text.split_once("#[cfg(test)]\nmod tests {").map_or(text, |(before, _)| before)
}

/// A source text without its comments and without what is in its strings.
fn code(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end.saturating_add(2))
        } else if let Some(length) = raw_string(rest) {
            length
        } else if c == '"' {
            string(rest)
        } else if let Some(length) = character(rest) {
            length
        } else {
            out.push(c);
            c.len_utf8()
        };
        rest = rest.get(skipped..).unwrap_or_default();
    }
    out
}

/// The length of the string literal at the start of `text`.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at.saturating_add(1),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// The length of the raw string literal at the start of `text`, where one is.
fn raw_string(text: &str) -> Option<usize> {
    let after = text.strip_prefix('r')?;
    let hashes = after.bytes().take_while(|byte| *byte == b'#').count();
    let body = after.get(hashes..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let closing = body.find(&end)?;
    Some([2, hashes, closing, end.len()].iter().sum())
}

/// The length of the character literal at the start of `text`, where one is and not a lifetime.
fn character(text: &str) -> Option<usize> {
    let mut chars = text.char_indices();
    chars.next().filter(|(_, c)| *c == '\'')?;
    let (_, first) = chars.next()?;
    if first == '\\' {
        let (_, _escape) = chars.next()?;
        return chars.find(|(_, c)| *c == '\'').map(|(at, _)| at.saturating_add(1));
    }
    let (at, second) = chars.next()?;
    (second == '\'').then(|| at.saturating_add(1))
}

/// The modules of the crate that a code names: `crate::a::…` and `crate::{a, b::…}`.
fn named_modules(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for tail in code.split("crate::").skip(1) {
        match tail.strip_prefix('{') {
            None => drop(found.insert(identifier(tail))),
            Some(group) => {
                let mut depth = 0_u32;
                let mut name = String::new();
                for c in group.chars() {
                    match c {
                        '{' => depth = depth.saturating_add(1),
                        '}' if depth == 0 => break,
                        '}' => depth = depth.saturating_sub(1),
                        ',' if depth == 0 => drop(found.insert(identifier(&name))),
                        _ if depth > 0 => {}
                        _ => name.push(c),
                    }
                    if c == ',' && depth == 0 {
                        name.clear();
                    }
                }
                found.insert(identifier(&name));
            }
        }
    }
    found.remove("");
    found
}

fn identifier(text: &str) -> String {
    let part = |c: &char| c.is_alphanumeric() || *c == '_';
    text.trim_start().chars().take_while(part).collect()
}

/// The longest chain of `super::` in a code.
fn highest_climb(code: &str) -> usize {
    let mut longest = 0;
    let mut rest = code;
    while let Some((_, tail)) = rest.split_once("super::") {
        let mut climb = 1_usize;
        rest = tail;
        while let Some(tail) = rest.strip_prefix("super::") {
            climb = climb.saturating_add(1);
            rest = tail;
        }
        longest = longest.max(climb);
    }
    longest
}

#[test]
fn every_module_has_its_row_and_every_row_its_module() {
    let rows: BTreeSet<_> = LAYERS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let modules: BTreeSet<_> = sources().iter().map(|source| source.module().to_owned()).collect();
    let modules: BTreeSet<_> = modules.into_iter().filter(|name| !name.is_empty()).collect();
    assert_eq!(rows, modules);
    for (file, _) in NARROWER {
        assert!(sources().iter().any(|source| source.path == *file), "{file} is gone");
    }
}

#[test]
fn the_table_goes_from_the_bottom_up() {
    let mut below = BTreeSet::new();
    for (module, may_name) in LAYERS {
        for other in *may_name {
            assert!(below.contains(other), "{module} names {other}, which is not below it");
        }
        assert!(may_name.is_sorted(), "{module}: {may_name:?}");
        assert!(below.insert(*module), "{module} has two rows");
    }
}

#[test]
fn a_module_names_only_what_it_may_know() {
    for source in sources().iter().filter(|source| !source.is_test()) {
        let module = source.module();
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == module) else {
            assert_eq!(module, "", "{} has no row", source.path);
            continue;
        };
        let narrower = NARROWER.iter().find(|(file, _)| *file == source.path);
        let allowed = narrower.map_or(*allowed, |(_, allowed)| allowed);
        for named in source.named_modules() {
            let own = named == module && narrower.is_none();
            assert!(
                own || allowed.contains(&named.as_str()),
                "{} names `{named}`, which it must not know",
                source.path
            );
        }
    }
}

/// How many modules stand within a file, next to each other or within each other.
fn inner_modules(code: &str) -> usize {
    let opens =
        |line: &&str| line.trim_start_matches("pub ").starts_with("mod ") && line.ends_with('{');
    code.lines().map(str::trim).filter(opens).count()
}

#[test]
fn no_path_climbs_out_of_its_module() {
    for source in sources() {
        let depth = source.path.split('/').count().saturating_add(inner_modules(&source.code));
        assert!(
            highest_climb(&source.code) < depth,
            "{}: write `crate::` where the path leaves the module",
            source.path
        );
    }
}

#[test]
fn the_host_is_named_by_the_shell_alone() {
    for source in sources().iter().filter(|source| source.module() != "shell") {
        assert!(!source.code.contains("proxy_wasm"), "{} names Proxy-Wasm", source.path);
        let native = ["bin", "cli"].contains(&source.module());
        assert!(
            native || !source.code.contains("getrandom"),
            "{} takes randomness itself",
            source.path
        );
        for outside in OUTSIDE.iter().filter(|_| !native) {
            assert!(!source.code.contains(outside), "{} uses {outside}", source.path);
        }
    }
}

#[test]
fn unsafe_code_stands_in_one_file() {
    for source in sources().iter().filter(|source| source.path != "shell/host.rs") {
        let words = source.code.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        for word in words {
            assert!(!["unsafe", "unsafe_code"].contains(&word), "{} says {word}", source.path);
        }
    }
}

#[test]
fn no_file_is_longer_than_a_reader_can_bear() {
    for source in sources() {
        let lines = source.text.lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines", source.path);
    }
}

#[test]
fn comments_and_strings_are_no_code() {
    let cases = [
        // name, text, code
        ("a line comment", "a // crate::x\nb", "a \nb"),
        ("a block comment", "a /* crate::x */ b", "a  b"),
        ("a string", r#"a("crate::x \" y") b"#, "a() b"),
        ("a string that ends with a backslash", r#"a("x\\") b"#, "a() b"),
        ("a URL in a string", r#"a("http://x"); b"#, "a(); b"),
        ("a raw string", r###"a(r#"x "y" crate::z"#) b"###, "a() b"),
        ("a quote as a character", "a('\"') crate::b", "a() crate::b"),
        ("an escaped quote as a character", r"a('\'') crate::b", "a() crate::b"),
        ("a lifetime", "fn a<'b>(c: &'b str)", "fn a<'b>(c: &'b str)"),
    ];
    for (name, text, expected) in cases {
        assert_eq!(code(text), expected, "{name}");
    }
}

#[test]
fn paths_are_found_in_every_form() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("a plain path", "use crate::keys::Ring;", &["keys"]),
        ("a path in an expression", "x(crate::time::millis(y))", &["time"]),
        ("a group", "use crate::{keys::{Ring, Lookup}, time, env::Env};", &["env", "keys", "time"]),
        ("a group on its own lines", "use crate::{\n    keys,\n    time,\n};", &["keys", "time"]),
        ("a visibility", "pub(in crate::engine) fn x()", &["engine"]),
        ("none", "pub(crate) fn x()", &[]),
    ];
    for (name, code, expected) in cases {
        let found = named_modules(code);
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), *expected, "{name}");
    }
    assert_eq!(highest_climb("use super::super::x; use super::y;"), 2);
    assert_eq!(highest_climb("use self::x;"), 0);
}
