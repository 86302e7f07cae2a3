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
    ("http", &["wire"]),
    // Not: issuers, configuration, the clock.
    ("jose", &["ids", "json", "verdict"]),
    ("env", &["jose", "time"]),
    // Not: what is inside, cookies, the clock.
    ("seal", &["env"]),
    // Not: what it asks, calls.
    ("client", &["env", "http", "jose", "json", "secret", "wire"]),
    // Not: what a record is for.
    ("store", &["env", "time", "wire"]),
    // Not: how a call is made, what claims must say.
    ("introspection", &["env", "jose", "json", "store", "time", "wire"]),
    // Not: what a request is.
    ("limits", &["env", "ids", "store", "time", "wire"]),
    // Not: how a fetch is made, what a document says.
    ("shared_document", &["env", "time", "wire"]),
    ("remote", &["http", "shared_document"]),
    // Not: whose limit it is, how a call is made.
    ("ratelimit_service", &["http"]),
    // Not: what a request may call.
    ("mcp", &["http", "verdict"]),
    // Not: requests beyond host and path, APIs.
    ("resource", &["http", "json"]),
    // Not: requests, how a fetch is made.
    ("revoked", &["env", "ids", "remote", "shared_document", "time", "verdict", "wire"]),
    // Not: tokens, claims, HTTP, which host.
    ("session", &["env", "ids", "store", "time", "verdict"]),
    // Not: keys, HTTP.
    ("claims", &["json", "time", "trace", "verdict"]),
    // Not: requests, keys, the configuration file, how a call is made.
    ("login", &["claims", "env", "http", "ids", "jose", "json", "secret", "store", "time", "wire"]),
    // Build the above, checked. Not: requests.
    (
        "provider",
        &[
            "claims",
            "client",
            "http",
            "ids",
            "introspection",
            "jose",
            "login",
            "seal",
            "secret",
            "time",
            "verdict",
        ],
    ),
    ("api", &["claims", "http", "ids", "limits", "mcp", "resource"]),
    // Not: keys, headers, what a counter is.
    ("policy", &["api", "claims", "http", "ids", "limits", "mcp", "time", "trace", "verdict"]),
    (
        "config",
        &[
            "api",
            "claims",
            "client",
            "http",
            "ids",
            "introspection",
            "jose",
            "json",
            "limits",
            "login",
            "mcp",
            "policy",
            "provider",
            "remote",
            "resource",
            "revoked",
            "seal",
            "secret",
            "time",
            "verdict",
            "wire",
        ],
    ),
    // Not: how a fetch is made, HTTP status codes, requests.
    ("keys", &["config", "env", "ids", "jose", "login", "shared_document", "time"]),
    ("event", &["http", "ids", "secret", "time", "trace", "verdict"]),
    // Knows how facts are shown. Not: where they come from.
    ("page", &["time"]),
    // Sees them together. Not: Proxy-Wasm, sockets, the clock.
    (
        "engine",
        &[
            "api",
            "claims",
            "client",
            "config",
            "env",
            "event",
            "http",
            "ids",
            "introspection",
            "jose",
            "json",
            "keys",
            "limits",
            "login",
            "mcp",
            "page",
            "policy",
            "provider",
            "ratelimit_service",
            "remote",
            "resource",
            "revoked",
            "seal",
            "secret",
            "session",
            "store",
            "time",
            "trace",
            "verdict",
            "wire",
        ],
    ),
    // The command line, a package of its own: reads files and asks the network, and has no rule about
    // requests.
    (
        "cli",
        &[
            "claims", "config", "engine", "env", "event", "http", "ids", "jose", "json", "keys",
            "limits", "policy", "provider", "revoked", "secret", "time", "trace", "verdict",
            "wire",
        ],
    ),
    // Translates. Not: claims, sessions, providers, verdicts.
    ("shell", &["config", "engine", "env", "event", "http", "ids", "jose", "time", "wire"]),
];

/// Files that may name less than their module.
const NARROWER: &[(&str, &[&str])] = &[
    // Knows the code, not why: no configuration, claims, keys or sessions.
    ("engine/reply.rs", &["event", "http", "time", "verdict"]),
    // Knows when a request waits, not for what.
    ("engine/parked.rs", &["env", "event", "http", "ids", "time"]),
    // Remembers what was verified: no configuration, no requests.
    ("engine/verified.rs", &["env", "ids", "jose", "time", "wire"]),
    // Asks for all who want to know: no keys, no configuration, no requests.
    ("engine/outside/asks.rs", &["event", "ids", "time"]),
    ("engine/outside/calls.rs", &["event", "ids", "introspection", "keys", "time"]),
    // What later steps may ask of a credential: no configuration, no keys, no requests.
    (
        "engine/voucher.rs",
        &[
            "claims", "ids", "jose", "login", "policy", "provider", "revoked", "session", "store",
            "time",
        ],
    ),
    // Asks the host about a signature, and knows nothing else.
    ("shell/crypto.rs", &["jose"]),
    ("shell/random.rs", &["env"]),
    ("shell/surroundings.rs", &["engine", "jose"]),
    // Wraps the host's calls.
    ("shell/host.rs", &["env", "event", "http", "time", "wire"]),
];

/// The files of a folder on floors, from the bottom up: a file names files of the floors below its
/// own, and none beside it or above. The folder's own file, which lists them, has its floor, too.
const FLOORS: &[(&str, &[&[&str]])] = &[
    (
        "config",
        &[
            &["code", "field"],
            &["tree"],
            &["problems"],
            &["message", "read"],
            &["duration", "schema"],
            &["define"],
            &["checked"],
            // What may be written.
            &["raw/policy", "raw/value"],
            &["raw/credential", "raw/limits", "raw/operator", "raw/resource"],
            &["raw/api", "raw/client", "raw/introspection"],
            &["raw/login"],
            &["raw/provider"],
            &["raw"],
            // What may be meant.
            &["check/drafts", "check/written"],
            &["check/headers", "check/names"],
            &["check/matching"],
            // By each thing on its own.
            &[
                "check/own/api_keys",
                "check/own/detail",
                "check/own/issuers",
                "check/own/operator",
                "check/own/places",
                "check/own/rates",
                "check/own/remote",
                "check/own/require",
                "check/own/resource",
                "check/own/secret",
            ],
            &["check/own/client", "check/own/keys", "check/own/mcp"],
            &[
                "check/own/introspection",
                "check/own/login/endpoints",
                "check/own/login/notes",
                "check/own/login/parts",
            ],
            &["check/own/login"],
            &[
                "check/own/api",
                "check/own/assigned",
                "check/own/advice",
                "check/own/limits",
                "check/own/policy",
                "check/own/provider",
            ],
            &["check/own"],
            // By all of them together.
            &["check/together/apis"],
            &[
                "check/together/comparisons",
                "check/together/headers",
                "check/together/logins",
                "check/together/names",
                "check/together/places",
                "check/together/policies",
                "check/together/resources",
                "check/together/rings",
                "check/together/risks",
                "check/together/vouching",
            ],
            &["check/together"],
            &["check"],
            &["config"],
        ],
    ),
    (
        "engine",
        &[
            // What a login is made of.
            &["login/ended"],
            &["flight", "login/begun", "login/kit", "login/opened"],
            // Values, and what is said of them.
            &[
                "budget",
                "configure",
                "grant_cache",
                "metrics/counts",
                "metrics/gauges",
                "outside/calls",
                "refusals/index",
                "reply",
                "request",
                "stop",
                "waiting",
                "words/document",
                "words/line",
                "words/place",
                "words/quote",
            ],
            &[
                "explain",
                "login/replies",
                "login/cookies",
                "metadata",
                "metrics",
                "outside/asks",
                "voucher",
                "words/asking",
                "words/discovered",
                "words/failure",
                "words/fleet",
                "words/keyring",
                "words/limits",
                "words/reason",
            ],
            // What is found out of requests and credentials, and what answers late.
            &[
                "known_keys",
                "outside/fetches",
                "outside/fleet",
                "outside/introspections",
                "outside/refreshes",
                "trail",
                "verified",
                "words/narrate",
            ],
            &[
                "credential",
                "detail",
                "object",
                "outside",
                "revocation",
                "rights",
                "target",
                "tools",
                "words/remedy",
            ],
            &["parked", "words"],
            &["desk", "log", "admitted"],
            &["charging/due", "charging/subject"],
            // The steps.
            &[
                "charging/remote",
                "login/after",
                "login/asking",
                "refusals",
                "vouch/api_key",
                "vouch/signature",
            ],
            &["handoff", "login/start", "status/gather", "charging", "vouch/jwt"],
            &["login/offer", "login/tokens", "vouch/introspection"],
            &["login/back_channel", "login/callback", "login/revocation"],
            &["login/refresh", "login/reveal"],
            &["login/logout"],
            &["login", "vouch/cookie"],
            &["probe", "status", "vouch"],
            &["admission"],
            &["steps"],
            // The loop.
            &["engine"],
            &["settling"],
        ],
    ),
    (
        "login",
        &[
            &["answer", "attempt", "browser", "endpoints", "return_path", "session"],
            &["id_token", "lease", "part"],
            &["logout_token"],
            &["login"],
        ],
    ),
    ("shared_document", &[&["record"], &["shared_document"]]),
    ("provider", &[&["api_key", "login"], &["jwt"], &["introspection"], &["provider"]]),
    (
        "cli",
        &[
            // What commands share.
            &["command", "format", "host", "moment", "secret_file", "vendor", "yaml"],
            &["input"],
            &["online", "output"],
            &["foreign/help"],
            &["foreign/document", "foreign/resource", "foreign/text"],
            &["foreign"],
            // Those that stand alone.
            &["decode/form", "decode/refused", "decode/words", "init/vendor", "mint/key"],
            &["hash_key", "init/write", "manual", "mint", "schema"],
            &["init/login"],
            &["init"],
            &["register/advice", "register/assertion", "register/metadata", "register/wire"],
            &["register/file"],
            &["register/told"],
            &["register/manage"],
            &["register"],
            // What holds configurations, and what is around them.
            &[
                "check/code",
                "check/domain",
                "check/http2",
                "check/mesh/maker",
                "check/origin",
                "check/reads",
                "check/slots/convert",
                "check/slots/workload",
            ],
            &["check/holder", "check/report"],
            &[
                "check/fetched",
                "check/lying",
                "check/form",
                "check/reach",
                "check/windows",
                "check/words",
            ],
            &["check/beside", "check/entry", "check/surroundings"],
            &["check/chain", "check/gateway", "check/mesh"],
            &["check/order", "check/shared", "check/slots/gateway"],
            &["check/slots"],
            &["check/held"],
            &["check/back_channel"],
            &["check"],
            &["decode/sealed"],
            &["decode"],
            &["export/form"],
            &["export/read"],
            &["export"],
            &["revoke/file", "revoke/text"],
            &["revoke/subject"],
            &["revoke"],
            &["explain/cookie", "explain/credential", "explain/drive"],
            &["explain/shown"],
            &["explain"],
            // Definitions and policies as they are read, and as they are meant.
            &[
                "import/fields",
                "import/limits",
                "import/names",
                "import/operator",
                "import/options",
                "import/source",
                "import/traps",
            ],
            &["import/policy", "import/read", "import/report"],
            &["import/access", "import/walk"],
            &["import/definition"],
            &[
                "import/classic",
                "import/detail",
                "import/oas",
                "import/off",
                "import/places",
                "import/policies",
                "import/rules",
            ],
            // What becomes of them, and what is wrong with them.
            &["import/case", "import/given", "import/keys", "import/provider"],
            &["import/convert", "import/wrong_policies"],
            &["import/wrong"],
            &["import"],
            &["lib"],
            &["main"],
        ],
    ),
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

/// A source file: its path below `src`, its text as written, and its code alone. The command line is
/// as if it were a folder of it, `cli`.
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

    fn is_command_line(&self) -> bool {
        self.module() == "cli"
    }

    fn named_modules(&self) -> BTreeSet<String> {
        named_modules(&self.code, if self.is_command_line() { "tollgate" } else { "crate" })
    }

    /// The names of the module that the file is, from the crate on; the root of the command line is
    /// the folder that it lists.
    fn place(&self) -> Vec<&str> {
        self.path.trim_end_matches(".rs").trim_end_matches("/lib").split('/').collect()
    }

    /// Every path into the crate that the file names, from the crate on, however it is written.
    fn named_paths(&self) -> Vec<Vec<&str>> {
        let own = self.place();
        let declares = |name: &str| {
            let line = format!("mod {name};");
            self.code.lines().any(|code| code.ends_with(&line))
        };
        let mut named = Vec::new();
        for path in paths(&self.code) {
            let climbs = path.iter().take_while(|name| **name == "super").count();
            let (start, behind) = match path.first() {
                Some(&"crate") => (usize::from(self.is_command_line()), 1),
                Some(&"self") => (own.len(), 1),
                Some(&"super") => (own.len().saturating_sub(climbs), climbs),
                Some(name) if declares(name) => (own.len(), 0),
                _ => continue,
            };
            named.push(own.iter().take(start).chain(path.iter().skip(behind)).copied().collect());
        }
        named
    }
}

fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    for (root, folder) in [("src", ""), ("cli/src", "cli/")] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
        let mut files = Vec::new();
        walk(&root, &mut files);
        assert!(files.len() > 20, "found only {} files in {}", files.len(), root.display());
        sources.extend(files.into_iter().filter_map(|file| {
            let path = format!("{folder}{}", file.strip_prefix(&root).ok()?.to_str()?);
            let text = fs::read_to_string(&file).ok()?;
            let code = code(without_tests(&text));
            Some(Source { path, text, code })
        }));
    }
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

/// The modules of a crate that a code names: `crate::a::…` and `crate::{a, b::…}`.
fn named_modules(code: &str, of: &str) -> BTreeSet<String> {
    let from_the_crate = |path: Vec<&str>| match *path.as_slice() {
        [first, module, ..] if first == of => Some(module.to_owned()),
        _ => None,
    };
    paths(code).into_iter().filter_map(from_the_crate).collect()
}

/// Every path of several names in a code; a group stands for one path with each of its members.
fn paths(code: &str) -> Vec<Vec<&str>> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(start) = rest.find(is_of_name) {
        let (_, text) = rest.split_at(start);
        // Where something may be seen is no path: `pub(in crate::a)`.
        rest = match text.strip_prefix("pub(in ").and_then(|inner| inner.split_once(')')) {
            Some((_, behind)) => behind,
            None => path(text, &mut Vec::new(), &mut found),
        };
    }
    found.retain(|path| path.len() > 1);
    found
}

/// Reads the path at the start of `text`, behind the names before it; what stands after the path.
fn path<'c>(text: &'c str, before: &mut Vec<&'c str>, found: &mut Vec<Vec<&'c str>>) -> &'c str {
    let end = text.find(|c| !is_of_name(c)).unwrap_or(text.len());
    let (name, behind) = text.split_at(end);
    let depth = before.len();
    before.push(name);
    let rest = match behind.trim_start().strip_prefix("::").map(str::trim_start) {
        Some(next) if next.starts_with(is_of_name) => path(next, before, found),
        Some(next) if next.starts_with('{') => group(next, before, found),
        _ => {
            found.push(before.clone());
            behind
        }
    };
    before.truncate(depth);
    rest
}

/// Reads the members of the group at the start of `text`; what stands after it.
fn group<'c>(text: &'c str, before: &mut Vec<&'c str>, found: &mut Vec<Vec<&'c str>>) -> &'c str {
    let mut rest = text.trim_start_matches('{');
    loop {
        let Some(next) = rest.find(|c| is_of_name(c) || c == '}') else { return "" };
        let (_, member) = rest.split_at(next);
        match member.strip_prefix('}') {
            Some(behind) => return behind,
            None => rest = path(member, before, found),
        }
    }
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
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

#[test]
fn a_file_names_only_what_is_on_the_floors_below() {
    let sources = sources();
    for (folder, floors) in FLOORS {
        let files: Vec<_> = sources
            .iter()
            .filter(|source| source.module() == *folder && !source.is_test())
            .map(|source| (source, source.path.trim_start_matches(&format!("{folder}/"))))
            .map(|(source, name)| (source, name.trim_end_matches(".rs")))
            .collect();
        let (found, listed): (BTreeSet<_>, Vec<_>) =
            (files.iter().map(|(_, name)| *name).collect(), floors.concat());
        assert_eq!(found, listed.iter().copied().collect(), "{folder}");
        assert_eq!(found.len(), listed.len(), "{folder}: a file has two floors");
        let floor = |name: &str| floors.iter().position(|floor| floor.contains(&name));
        for (source, name) in &files {
            for path in source.named_paths() {
                // The file is that of the longest part of the path that is one.
                let of = files.iter().filter(|(other, _)| path.starts_with(&other.place()));
                let of = of.max_by_key(|(other, _)| other.place().len());
                let Some((_, other)) = of.filter(|(_, other)| other != name) else { continue };
                assert!(
                    floor(other) < floor(name),
                    "{folder}: {name} names {other} (`{}`), which is not on a floor below it",
                    path.join("::")
                );
            }
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
        if source.is_command_line() {
            continue;
        }
        assert!(!source.code.contains("getrandom"), "{} takes randomness itself", source.path);
        for outside in OUTSIDE {
            assert!(!source.code.contains(outside), "{} uses {outside}", source.path);
        }
    }
}

/// docs/decisions/0020: the library's sort alone is 58 KB of the module.
#[test]
fn the_filter_sorts_nothing_with_the_library() {
    for source in sources().iter().filter(|source| !source.is_command_line() && !source.is_test()) {
        assert!(!source.code.contains(".sort"), "{} sorts", source.path);
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
fn both_crates_refuse_the_same_of_what_only_tests_may() {
    let block = |source: &Source| {
        let (_, behind) = source.text.split_once("#![cfg_attr(\n    not(test),\n    deny(")?;
        Some(behind.split_once(")\n)]")?.0.to_owned())
    };
    let sources = sources();
    let roots = sources.iter().filter(|source| ["lib.rs", "cli/lib.rs"].contains(&&*source.path));
    let refused: Vec<_> = roots.map(block).collect();
    assert!(matches!(&*refused, [Some(one), Some(other)] if one == other), "{refused:?}");
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
        ("a visibility", "pub(in crate::engine) fn x()", &[]),
        ("none", "pub(crate) fn x()", &[]),
    ];
    for (name, code, expected) in cases {
        let found = named_modules(code, "crate");
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), *expected, "{name}");
    }
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "a group in a group",
            "use a::{self, b::{c, d}, e}; f",
            &["a::self", "a::b::c", "a::b::d", "a::e"],
        ),
        ("a path in an expression", "x(y::z(u), super::super::v)", &["y::z", "super::super::v"]),
        ("a type's own", "Vec::<a::B>::new()", &["a::B"]),
        ("a visibility", "pub(in crate::a) fn b(c: d::E)", &["d::E"]),
    ];
    for (name, code, expected) in cases {
        let found: Vec<_> = paths(code).iter().map(|path| path.join("::")).collect();
        assert_eq!(found, *expected, "{name}");
    }
    assert_eq!(highest_climb("use super::super::x; use super::y;"), 2);
    assert_eq!(highest_climb("use self::x;"), 0);
}
