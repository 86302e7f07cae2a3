//! What commands say of themselves: their help at the widths of terminals, and the manual page.

use std::process::Command;

use tollgate_cli::Exit;

use super::tollgate;

const COMMANDS: [&[&str]; 16] = [
    &[],
    &["check"],
    &["completions"],
    &["decode"],
    &["explain"],
    &["export"],
    &["export", "limits"],
    &["hash-key"],
    &["import"],
    &["import", "tyk"],
    &["init"],
    &["man"],
    &["mint"],
    &["register"],
    &["revoke"],
    &["schema"],
];

/// The help of a command on a terminal of so many columns.
fn help(command: &[&str], option: &str, columns: usize) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(command)
        .arg(option)
        .env("COLUMNS", columns.to_string())
        .output()
        .expect("tollgate runs");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn help_is_broken_into_lines_by_the_terminals_width_alone() {
    for command in COMMANDS {
        for (option, columns) in [("-h", 80), ("--help", 80), ("--help", 120)] {
            let text = help(command, option, columns);
            let lines: Vec<_> = text.lines().collect();
            for (line, next) in lines.iter().zip(&lines[1..]) {
                assert!(line.chars().count() <= columns, "{command:?}: {line}");
                let is_text =
                    |line: &str| line.starts_with(|c: char| c.is_alphabetic() || c == '`');
                let Some(word) = next.split(' ').next().filter(|_| is_text(line) && is_text(next))
                else {
                    continue;
                };
                let fits = line.chars().count() + 1 + word.chars().count() <= columns;
                assert!(!fits, "{command:?} at {columns}: a line of its own in\n{line}\n{next}");
            }
        }
    }
}

#[test]
fn examples_of_the_help_stand_whole_in_a_narrow_terminal() {
    for command in COMMANDS {
        let text = help(command, "--help", 80);
        let Some((_, examples)) = text.split_once("\nExample") else { continue };
        let (_, examples) = examples.split_once('\n').expect("a line for each");
        let examples = examples.split("\n\n").next().unwrap_or_default();
        for line in examples.lines() {
            assert!(line.starts_with("  "), "{command:?}: broken off before\n{line}");
        }
    }
}

#[test]
fn the_manual_is_one_page_that_names_no_other_of_its_own() {
    let page = tollgate(&["man"], b"");
    assert_eq!((page.exit, page.err.as_str()), (Exit::Fine, ""));
    let plain = page.out.replace("\\-", "-");
    let other = regex_lite::Regex::new(r"tollgate[- ][a-z][a-z -]*\(1\)").expect("a pattern");
    assert!(!other.is_match(&plain), "{:?}", other.find(&plain));
    for command in COMMANDS.into_iter().filter(|command| !command.is_empty()) {
        let name = format!("tollgate {}", command.join(" "));
        let has_own = plain.contains(&format!("\n.SH {}\n", name.to_uppercase()));
        assert_eq!(
            has_own,
            command != ["export"] && command != ["import"],
            "{name}: a command that runs has a section"
        );
        if has_own {
            assert!(plain.contains(&format!(".TP\n\\fB{name}\\fR\n")), "{name} is listed");
        }
    }
    let example = "  tollgate init --issuer https://example.okta.com/oauth2/default \\e\n      \
                   --audience api://orders --for envoy -o deploy\n";
    assert!(plain.contains(example), "examples stand as they are typed");
    assert!(!plain.contains(".SS OPTIONS\n.SS"), "no section is empty");
}
