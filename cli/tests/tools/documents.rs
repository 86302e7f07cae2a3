//! docs/cli.md and docs/check.md, run as they stand: each command in the order of the page, in one
//! folder for each page. Of other pages the commands that stand in their sentences.

use std::fs;
use std::path::Path;

use super::Folder;
use super::console::{examples, is_as_told, run};

/// The project's own folder.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[test]
fn every_example_of_the_command_line_does_what_is_told() {
    for (page, least) in [("docs/cli.md", 12), ("docs/check.md", 4)] {
        run_all(page, least);
    }
}

/// Runs the examples of a page, of which there are so many at least.
fn run_all(page: &str, least: usize) {
    let page = Path::new(ROOT).join(page);
    let examples = examples(&fs::read_to_string(page).unwrap());
    assert!(examples.len() >= least, "{}", examples.len());
    let folder = Folder::new();
    for example in examples {
        example.hold(&folder.0, &[]);
    }
}

#[test]
fn what_the_runbook_does_about_a_leaked_token_is_done() {
    let text = fs::read_to_string(Path::new(ROOT).join("docs/runbook.md")).unwrap();
    let (_, section) = text.split_once("\n## A token has leaked\n").expect("a section");
    let section = section.split("\n## ").next().unwrap();
    let commands = section.split('`').filter(|span| span.contains("tollgate revoke "));
    let commands: Vec<_> = commands.map(|span| span.replace("\\|", "|")).collect();
    assert_eq!(commands.len(), 3, "{commands:?}");
    let folder = Folder::new();
    fs::write(folder.path("revoked.json"), r#"{ "entries": [] }"#).unwrap();
    for command in &commands {
        // `{"alg":"ES256"}`, `{"exp":4000000000}`
        let token = "eyJhbGciOiJFUzI1NiJ9.eyJleHAiOjQwMDAwMDAwMDB9.c2ln";
        let (status, told) = run(&format!("TOKEN={token}; {command}"), &folder.0);
        assert_eq!(status, 0, "{command}: {told:?}");
        assert!(!told.concat().contains("eyJ"), "{told:?}");
    }
    let list = folder.read("revoked.json");
    for member in ["token_sha256", "jti", "identity"] {
        assert_eq!(list.matches(&format!("\"{member}\"")).count(), 1, "{list}");
    }
    assert_eq!(list.matches("\"until\"").count(), 3, "nothing stays for ever: {list}");
}

#[test]
fn every_command_about_limits_of_a_fleet_runs_on_the_pages_own_configuration() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/fleet.md")).unwrap();
    let (_, block) = page.split_once("```jsonc\n").expect("a configuration");
    let (members, _) = block.split_once("\n```").expect("its end");
    let key = "sha256\": \"8132162d5afbb75c41459751e07f508484363ba6389610fc9880c8600c9ec65d";
    let whole = format!(
        r#"{{ "providers": {{ "partner": {{ "kind": "api_key", "from": [{{ "header": "x-api-key" }}],
             "keys": [{{ "name": "acme", "identity": "acme", "{key}" }}] }} }},
           "apis": [{{ "name": "orders", "auth": ["partner"], "policies": {{ "default": ["standard"] }} }}],
           {members} }}"#
    );
    let folder = Folder::new();
    fs::write(folder.path("CONFIG"), &whole).unwrap();
    fs::write(folder.path("shop.yaml"), &whole).unwrap();
    fs::write(folder.path("stage.yaml"), whole.replace("\"requests\": 100,", "\"requests\": 50,"))
        .unwrap();
    let commands = page.split('`').filter(|span| {
        span.starts_with("tollgate ") && span.split_whitespace().count() > 3 && !span.contains('\n')
    });
    let commands: Vec<_> = commands.collect();
    assert_eq!(commands.len(), 3, "{commands:?}");
    for command in commands {
        let command = command.replace("SERVICE", "limitador").replace("FILE", "limits.yaml");
        let (status, told) = run(&command, &folder.0);
        assert_eq!(status, 0, "{command}: {told:?}");
        let compares = command.contains("stage.yaml");
        let is_told = told.iter().any(|line| line.contains("[limits_domain_shared]"));
        assert_eq!(is_told, compares, "{command}: {told:#?}");
    }
    assert!(folder.read("limits.yaml").contains("name: standard.quota"));
}

#[test]
fn every_command_is_listed_and_every_section_is_a_command_with_examples() {
    let text = fs::read_to_string(Path::new(ROOT).join("docs/cli.md")).unwrap();
    let source = include_str!("../../src/lib.rs");
    let (_, commands) = source.split_once("enum Command {").expect("the commands");
    let commands = commands.split('}').next().unwrap().lines().filter_map(|line| {
        Some(line.trim().split_once("::Arguments)")?.0.split_once('(')?.1.replace('_', "-"))
    });
    let commands: Vec<_> = commands.collect();
    assert!(commands.len() >= 8, "{commands:?}");
    for command in commands {
        assert!(text.contains(&format!("| [`{command}")), "{command} is not listed");
    }
    let sections: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let mut told = 0_usize;
    for command in sections {
        let known = super::tollgate(&[command, "--help"], b"").exit;
        assert_eq!(known, super::Exit::Fine, "there is no command {command}");
        assert!(text.contains(&format!("[`{command}`](#{command})")), "{command} is not listed");
        let example = [format!("$ tollgate {command}"), format!("| tollgate {command}")];
        assert!(example.iter().any(|example| text.contains(example)), "{command}: no example");
        told += 1;
    }
    assert!(told >= 7, "{told}");
}

#[test]
fn a_line_is_as_told_where_only_the_gaps_differ() {
    let cases = [
        ("one", "one", true),
        ("one", "on", false),
        ("one", "…", true),
        ("kid dev-abc!", "kid dev-…!", true),
        ("kid dev-abc!", "kid dev-…?", false),
        ("a1b2c", "a…b…c", true),
        ("a1c2b", "a…b…c", false),
    ];
    for (line, told, same) in cases {
        assert_eq!(is_as_told(line, told), same, "{line} and {told}");
    }
}
