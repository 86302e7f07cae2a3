//! docs/import-tyk.md, run as it stands: its files, its commands, what they print.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::accepted;

/// The fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let start = format!("```{language}\n");
    let behind = text.split(&start).skip(1);
    behind.map(|rest| rest.split("\n```").next().unwrap_or_default().to_owned()).collect()
}

/// Runs a command where `tollgate` is found: its status, and what it printed.
fn run(command: &str, folder: &Path) -> (i32, String) {
    let program = Path::new(env!("CARGO_BIN_EXE_tollgate")).parent().unwrap();
    let output = Command::new("bash")
        .args(["-o", "pipefail", "-c", &format!("PATH={}:$PATH; {command}", program.display())])
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .output()
        .expect("bash runs");
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code().unwrap_or(-1), text)
}

#[test]
fn every_example_of_the_page_does_what_is_told() {
    let page = include_str!("../../../docs/import-tyk.md");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("import-page-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let files = blocks(page, "json");
    for (name, text) in ["api.json", "policies.json"].iter().zip(&files) {
        fs::write(folder.join(name), text).unwrap();
    }
    let mut commands = 0;
    for block in blocks(page, "console") {
        for example in format!("\n{block}").split("\n$ ").skip(1) {
            let (line, told) = example.split_once('\n').unwrap_or((example, ""));
            let (command, exit) = line.split_once("   # exit ").unwrap_or((line, "0"));
            let (status, printed) = run(command, &folder);
            assert_eq!(status.to_string(), exit, "{command}\n{printed}");
            let right = match told.strip_suffix('…') {
                Some(start) => printed.starts_with(start),
                None => printed.trim_end() == told.trim_end(),
            };
            assert!(right, "{command}\nprints\n{printed}\nand not\n{told}");
            commands += 1;
        }
    }
    assert!(commands >= 5, "{commands}");
    accepted(&fs::read_to_string(folder.join("tollgate.json")).unwrap());
    fs::remove_dir_all(&folder).unwrap();
}
