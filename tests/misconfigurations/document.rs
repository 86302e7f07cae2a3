//! docs/misconfigurations.md, a row for each case.

use std::fs;
use std::path::Path;

use crate::case::{Case, Shows, cases};

fn row(case: &Case) -> String {
    let seen = match case.shows {
        Shows::Problem => format!("refused at load, `{}`", case.remark().code.name()),
        Shows::Warning(code) => {
            format!("a warning at load, `{}`; then `{code}`", case.remark().code.name())
        }
        Shows::Refusal(code) => format!("`{code}`"),
        Shows::Keys(event, code) => format!("the line `{event}`; then `{code}`"),
    };
    format!("| {} | {} | {seen} | `{}` | {} |\n", case.id, case.did, case.field, case.remedy)
}

#[test]
fn the_document_has_a_row_for_each_case() {
    let rows: String = cases().iter().map(row).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/misconfigurations.md");
    let text = fs::read_to_string(&path).expect("docs/misconfigurations.md");
    let (_, table) = text.split_once("|---|---|---|---|---|\n").expect("a table");
    let table: String = table
        .lines()
        .take_while(|line| line.starts_with('|'))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(table, rows, "write these rows into the table:\n{rows}");
}
