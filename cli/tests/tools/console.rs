//! The commands of a document's `console` blocks, run as they stand, and what they are told to print.

use std::path::Path;
use std::process::{Command, Stdio};

/// A command of a document, and the lines that it is told to print.
#[derive(Debug, Default)]
pub(crate) struct Example {
    pub(crate) command: String,
    exit: i32,
    told: Vec<String>,
}

/// The commands of the `console` blocks of a text: each behind `$ `, what it prints below it. Where it
/// ends with another status than 0, that stands behind it: `   # exit 1`.
pub(crate) fn examples(text: &str) -> Vec<Example> {
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

impl Example {
    /// Holds the command to what it is told to print. Of what it gets and prints these texts stand for
    /// others: those of the document first, those of this run behind.
    pub(crate) fn hold(&self, folder: &Path, stand_for: &[(String, String)]) {
        let there = stand_for
            .iter()
            .fold(self.command.clone(), |text, (one, other)| text.replace(one.as_str(), other));
        let (status, printed) = run(&there, folder);
        let back = |line: &String| {
            stand_for.iter().fold(line.clone(), |text, (one, other)| text.replace(other, one))
        };
        let printed: Vec<_> = printed.iter().map(back).collect();
        let command = &self.command;
        assert_eq!(status, self.exit, "{command}\n{}", printed.join("\n"));
        // A line of nothing but `…` at the end stands for all that follows.
        let (told, printed_there) = match self.told.split_last() {
            Some((last, told)) if last == "…" && printed.len() >= told.len() => {
                (told, &printed[..told.len()])
            }
            _ => (&self.told[..], &printed[..]),
        };
        let same = printed_there.len() == told.len()
            && printed_there.iter().zip(told).all(|(line, told)| is_as_told(line, told));
        let told = self.told.join("\n");
        assert!(same, "{command}\nprints\n{}\nand not\n{told}", printed.join("\n"));
    }
}

/// Whether a line is as told, in which `…` stands for anything.
pub(crate) fn is_as_told(line: &str, told: &str) -> bool {
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
pub(crate) fn run(command: &str, folder: &Path) -> (i32, Vec<String>) {
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
