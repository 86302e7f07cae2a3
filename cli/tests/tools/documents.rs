//! docs/cli.md and docs/check.md, run as they stand: each command in the order of the page, in one
//! folder for each page.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::Folder;

/// The project's own folder.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A command of a document, and the lines that it is told to print.
#[derive(Debug, Default)]
struct Example {
    command: String,
    exit: i32,
    told: Vec<String>,
}

/// The commands of the `console` blocks of a text: each behind `$ `, what it prints below it.
fn examples(text: &str) -> Vec<Example> {
    let mut found: Vec<Example> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let (true, Some(command)) = (inside, line.strip_prefix("$ ")) {
            let (command, exit) = command.split_once("   # exit ").unwrap_or((command, "0"));
            let exit = exit.parse().expect("a number behind `# exit`");
            found.push(Example { command: command.to_owned(), exit, told: Vec::new() });
        } else if inside {
            found.last_mut().expect("a command before its output").told.push(line.to_owned());
        }
    }
    found
}

/// Whether a line is as told, in which `…` stands for anything.
fn is_as_told(line: &str, told: &str) -> bool {
    let mut parts = told.split('…');
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Runs a command in a folder, with `tollgate` on the way to it: its status and what it printed.
fn run(command: &str, folder: &Path) -> (i32, Vec<String>) {
    let tollgate = Path::new(env!("CARGO_BIN_EXE_tollgate")).parent().unwrap();
    let path = std::env::join_paths(
        std::iter::once(tollgate.to_owned())
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    )
    .unwrap();
    let output = Command::new("bash")
        .args(["-o", "pipefail", "-c", command])
        .current_dir(folder)
        .env("PATH", path)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .expect("bash runs");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).expect("UTF-8");
    (output.status.code().unwrap_or(-1), text.lines().map(str::to_owned).collect())
}

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
    for Example { command, exit, told } in examples {
        let (status, printed) = run(&command, &folder.0);
        assert_eq!(status, exit, "{command}\n{}", printed.join("\n"));
        let same = printed.len() == told.len()
            && printed.iter().zip(&told).all(|(line, told)| is_as_told(line, told));
        assert!(same, "{command}\nprints\n{}\nand not\n{}", printed.join("\n"), told.join("\n"));
    }
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
