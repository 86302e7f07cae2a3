//! `make deny` fails on a finding, and says where it could look for none.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

/// Runs demo/advisories.sh with a cargo-deny that fetches and finds as told; its status and its words.
fn run(name: &str, fetch: u8, check: u8) -> (bool, String) {
    let folder =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("advisories-{name}"));
    fs::create_dir_all(&folder).unwrap();
    let deny = folder.join("cargo-deny");
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in\n'--locked fetch db') echo first; echo 'no network' >&2; exit {fetch} ;;\n'--locked --workspace check advisories') echo checked; exit {check} ;;\nesac\nexit 99\n"
    );
    fs::write(&deny, script).unwrap();
    fs::set_permissions(&deny, fs::Permissions::from_mode(0o755)).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/demo/advisories.sh");
    let output = Command::new("bash").arg(script).env("CARGO_DENY", &deny).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn a_finding_fails_and_a_database_that_cannot_be_had_is_told() {
    assert_eq!(run("fine", 0, 0), (true, "checked\n".to_owned()));
    assert_eq!(run("finding", 0, 1), (false, "checked\n".to_owned()));
    let (passed, said) = run("offline", 1, 0);
    assert!(passed, "{said}");
    assert_eq!(
        said,
        "deny: advisories and yanked crates were NOT checked, the database cannot be had: no network\n"
    );
}

#[test]
fn make_deny_looks_for_advisories() {
    let makefile = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Makefile")).unwrap();
    let target = makefile.lines().find(|line| line.starts_with("deny:")).unwrap();
    assert!(target.ends_with(" && demo/advisories.sh"), "{target}");
    let deny = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deny.toml")).unwrap();
    assert!(deny.contains("\nyanked = \"deny\"\n"), "{deny}");
}
