//! What fuzzing found worth keeping, on the stable toolchain: `fuzz/corpus/<target>`, file by file.

mod support;

#[allow(unreachable_pub, reason = "tests have no public surface")]
#[path = "support/fuzz.rs"]
mod fuzz;

use std::path::Path;

/// Runs a target on each file of its corpus.
fn replay(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    for file in files {
        // A panic does not say which input it was.
        let report = Report(&file);
        target(&std::fs::read(&file).unwrap());
        std::mem::forget(report);
    }
}

/// Names the file that a panic unwinds through.
struct Report<'f>(&'f Path);

impl Drop for Report<'_> {
    fn drop(&mut self) {
        eprintln!("the input was {}", self.0.display());
    }
}

#[test]
fn compact_tokens_are_read_as_before() {
    replay("compact_jws", fuzz::compact_jws);
}

#[test]
fn key_sets_are_read_as_before() {
    replay("jwk_set", fuzz::jwk_set);
}

#[test]
fn claims_are_judged_as_before() {
    replay("claims", fuzz::claims);
}

#[test]
fn rsa_powers_are_those_of_another_library_as_before() {
    replay("rsa_kernel", fuzz::rsa_kernel);
}

#[test]
fn configurations_are_read_as_before() {
    replay("configuration", fuzz::configuration);
}

#[test]
fn lists_of_revocations_are_read_as_before() {
    replay("revocations", fuzz::revocations);
}

#[test]
fn messages_are_read_as_before() {
    replay("struct_reader", fuzz::struct_reader);
}

#[test]
fn events_are_handled_as_before() {
    replay("engine_events", fuzz::engine_events);
}

#[test]
fn logins_are_read_as_before() {
    replay("login", fuzz::login);
}

#[test]
fn cookies_are_cut_out_as_before() {
    replay("cookies", fuzz::cookies);
}

#[test]
fn parameters_are_cut_out_as_before() {
    replay("query", fuzz::query);
}

#[test]
fn paths_reach_one_api_in_every_spelling_as_before() {
    replay("path", fuzz::path);
}

#[test]
fn hosts_and_methods_reach_one_api_in_every_spelling_as_before() {
    replay("host_method", fuzz::host_method);
}

#[test]
fn addresses_are_those_of_their_callers_as_before() {
    replay("address", fuzz::address);
}

#[test]
fn answers_about_tokens_are_read_as_before() {
    replay("introspection_answer", fuzz::introspection_answer);
}

#[test]
fn answers_of_rate_limit_services_are_read_as_before() {
    replay("rls_answer", fuzz::rls_answer);
}

#[test]
fn names_of_mcp_have_one_reading_as_before() {
    replay("mcp_name", fuzz::mcp_name);
}

/// The fuzz targets are a workspace of their own, which nothing else here builds.
#[test]
fn what_the_targets_share_with_the_tests_names_only_crates_that_they_have() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(project.join(path)).unwrap();
    let manifest = read("fuzz/Cargo.toml");
    let dependencies = manifest.split("[dependencies]\n").nth(1).unwrap();
    let dependencies = dependencies.lines().take_while(|line| !line.is_empty());
    let has: Vec<_> = dependencies.map(|line| line.replace('-', "_")).collect();
    assert!(has.iter().any(|line| line.starts_with("tollgate ")), "{has:?}");
    let shared = read("tests/support/mod.rs");
    let modules = shared.lines().filter_map(|line| line.strip_prefix("pub mod "));
    let mut seen = 0;
    for module in modules.map(|line| line.trim_end_matches(';')).chain(["fuzz"]) {
        let text = read(&format!("tests/support/{module}.rs"));
        for (root, _) in text.lines().filter_map(|line| line.strip_prefix("use ")?.split_once("::"))
        {
            let own = ["crate", "std", "super"].contains(&root);
            let given = has.iter().any(|line| line.starts_with(&format!("{root} ")));
            assert!(own || given, "{module} uses `{root}`, which fuzz/Cargo.toml does not have");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen} lines were looked at");
}
