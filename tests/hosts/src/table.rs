//! The table of counts that is kept, and what has changed against it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::Cost;

/// Costs by what they are of, in the order in which they were measured.
pub type Table = Vec<(String, Cost)>;

/// By how many hundredths the instructions may rise: for the same sources, built in another folder,
/// they may differ by less than one.
pub const TOLERANCE: u64 = 2;
/// By how many they may rise in any case: what the compiler inlines moves them by about as many.
pub const LEAST: u64 = 200;

/// What stands in front of the table.
const HEAD: &str = "\
# What the module that `make wasm` makes does for a proxy, counted. `make counts` fails where a count is
# higher: instructions by more than 2 % and more than 200, calls by one. `make counts WRITE=1` writes
# the table anew.
#
# instructions: those of WebAssembly that the module executes. What the host does for a call is not in
# them, nor how long a copy is: a copy is one instruction. Some take longer than others. So the numbers
# compare a path with itself, before a change and after it, and no path with another.
#
# Below them stands how often the module calls each function of the host.
";

/// What is worth telling of a measurement.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct Changes {
    /// What is dearer than the table says, or stands on one side alone.
    pub worse: Vec<String>,
    /// What is cheaper.
    pub better: Vec<String>,
}

/// The table as text.
pub fn write(table: &Table) -> String {
    let mut text = HEAD.to_owned();
    for (what, cost) in table {
        let _ = write!(text, "\n{what}\n{:4}{:<36}{:>9}\n", "", INSTRUCTIONS, cost.instructions);
        for (name, count) in &cost.calls {
            let _ = writeln!(text, "{:4}{name:<36}{count:>9}", "");
        }
    }
    text
}

/// Reads what [`write`] wrote.
///
/// # Errors
///
/// The line that is something else.
pub fn read(text: &str) -> Result<Table, String> {
    let mut table = Table::new();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        if !line.starts_with(' ') {
            table.push((line.to_owned(), Cost::default()));
            continue;
        }
        let odd = || format!("the table has a line that is none of its own: {line}");
        let (name, count) = line.trim().split_once(' ').ok_or_else(odd)?;
        let count = count.trim().parse().map_err(|_| odd())?;
        let (_, cost) = table.last_mut().ok_or_else(odd)?;
        if name == INSTRUCTIONS {
            cost.instructions = count;
        } else {
            cost.calls.insert(name.to_owned(), count);
        }
    }
    Ok(table)
}

/// What has changed against the table that was kept: instructions by more than [`TOLERANCE`] and
/// [`LEAST`], calls by any.
pub fn compare(kept: &Table, measured: &Table) -> Changes {
    let mut changes = Changes::default();
    let of = |table: &Table| table.iter().cloned().collect::<BTreeMap<_, _>>();
    let (old, new) = (of(kept), of(measured));
    for (what, cost) in measured {
        let Some(before) = old.get(what) else {
            changes.worse.push(format!("{what}: the table does not have it"));
            continue;
        };
        compare_costs(what, before, cost, &mut changes);
    }
    for (what, _) in kept {
        if !new.contains_key(what) {
            changes.worse.push(format!("{what}: the table has it, and nothing measures it"));
        }
    }
    changes
}

const INSTRUCTIONS: &str = "instructions";

fn compare_costs(what: &str, before: &Cost, now: &Cost, changes: &mut Changes) {
    let (from, to) = (before.instructions, now.instructions);
    let line = format!("{what}: {to} instructions, not {from}");
    let tolerated = LEAST.max(from * TOLERANCE / 100);
    if to > from + tolerated {
        changes.worse.push(line);
    } else if to + tolerated < from {
        changes.better.push(line);
    }
    let names: BTreeSet<_> = before.calls.keys().chain(now.calls.keys()).collect();
    for name in names {
        let count = |cost: &Cost| cost.calls.get(name).copied().unwrap_or_default();
        let (from, to) = (count(before), count(now));
        let line = format!("{what}: {name} {to} times, not {from}");
        if to > from {
            changes.worse.push(line);
        } else if to < from {
            changes.better.push(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Calls<'a> = &'a [(&'a str, u64)];

    fn row(what: &str, instructions: u64, calls: Calls<'_>) -> (String, Cost) {
        let calls = calls.iter().map(|&(name, count)| (name.to_owned(), count)).collect();
        (what.to_owned(), Cost { instructions, calls })
    }

    #[test]
    fn what_is_written_is_read_back() {
        let written = vec![
            row("a tick", 400_000, &[("proxy_get_metric", 1), ("proxy_log", 12)]),
            row("a request without a token", 93_471, &[]),
        ];
        assert_eq!(read(&write(&written)), Ok(written));
    }

    #[test]
    fn a_line_of_something_else_is_told() {
        for line in ["    instructions 1", "what\n    instructions", "what\n    instructions many"]
        {
            assert!(read(line).is_err(), "{line}");
        }
    }

    #[test]
    fn instructions_may_rise_by_two_hundredths_and_calls_by_none() {
        let kept = vec![row("a tick", 20_000, &[("proxy_log", 2)])];
        let cases: [(u64, Calls<'_>, &[&str], &[&str]); 8] = [
            // instructions, calls; worse, better
            (20_000, &[("proxy_log", 2)], &[], &[]),
            (20_400, &[("proxy_log", 2)], &[], &[]),
            (19_600, &[("proxy_log", 2)], &[], &[]),
            (20_401, &[("proxy_log", 2)], &["a tick: 20401 instructions, not 20000"], &[]),
            (19_599, &[("proxy_log", 2)], &[], &["a tick: 19599 instructions, not 20000"]),
            (20_000, &[("proxy_log", 3)], &["a tick: proxy_log 3 times, not 2"], &[]),
            (20_000, &[], &[], &["a tick: proxy_log 0 times, not 2"]),
            (
                20_000,
                &[("proxy_done", 1), ("proxy_log", 2)],
                &["a tick: proxy_done 1 times, not 0"],
                &[],
            ),
        ];
        for (instructions, calls, worse, better) in cases {
            let found = compare(&kept, &vec![row("a tick", instructions, calls)]);
            assert_eq!(found.worse, worse, "{instructions} {calls:?}");
            assert_eq!(found.better, better, "{instructions} {calls:?}");
        }
    }

    #[test]
    fn where_they_are_few_instructions_may_rise_by_two_hundred() {
        let kept = vec![row("a tick", 4_000, &[])];
        for (instructions, is_worse) in [(4_200, false), (4_201, true)] {
            let found = compare(&kept, &vec![row("a tick", instructions, &[])]);
            assert_eq!(!found.worse.is_empty(), is_worse, "{instructions}");
        }
    }

    #[test]
    fn what_stands_on_one_side_alone_is_told() {
        let (one, other) = (vec![row("a tick", 1, &[])], vec![row("a start", 1, &[])]);
        let expected = [
            "a start: the table does not have it",
            "a tick: the table has it, and nothing measures it",
        ];
        assert_eq!(compare(&one, &other).worse, expected);
    }
}
