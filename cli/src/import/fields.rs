//! Every member of a Tyk definition and of a policy that is known, and what becomes of it: the one
//! table, in members.txt beside this file.
//!
//! What a member's value decides is said where it is converted; a member that nothing was said of
//! gets the words of the table. A member without a line is unknown, and may restrict.

use std::sync::OnceLock;

/// The two forms of a definition.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    Classic,
    Oas,
}

/// What becomes of a member.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    /// It becomes this.
    Taken(&'static str),
    /// It becomes something like it.
    Changed(&'static str),
    /// It can refuse a request and is not done here; this is what to do.
    Shut(&'static str),
    /// It has no counterpart and restricts nobody; this is what to do.
    Not(&'static str),
    /// It is about something else, which belongs there.
    Elsewhere(&'static str),
    /// Tyk's gateway does not read it, for this reason.
    Ignored(&'static str),
    /// A name, or what only describes.
    Silent,
}

/// A member by its path in one of the two forms, and the member in it that switches it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Path {
    /// Empty where the form has no such member.
    pub(super) text: &'static str,
    pub(super) switch: Option<Switch>,
}

/// A member that says whether the one that it stands in counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Switch {
    pub(super) name: &'static str,
    /// What it says where the other counts.
    pub(super) on: bool,
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) classic: Path,
    pub(super) oas: Path,
    /// Every name in it, at any depth; empty where any name may be.
    pub(super) within: &'static str,
    pub(super) fate: Fate,
}

static TABLE: &str = include_str!("members.txt");

/// The members of a definition.
pub(super) fn of_definition() -> &'static [Row] {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    ROWS.get_or_init(|| section("@ definition"))
}

/// The members of a policy: the same, with one form only.
pub(super) fn of_policy() -> &'static [Row] {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    ROWS.get_or_init(|| section("@ policy"))
}

fn section(name: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut fate = Fate::Silent;
    for line in lines(name) {
        match line.strip_prefix("  ") {
            Some(member) => rows.extend(row(member, fate)),
            None => fate = self::fate(line).unwrap_or(Fate::Silent),
        }
    }
    rows
}

/// The lines of a section that say something.
fn lines(section: &str) -> impl Iterator<Item = &'static str> {
    let behind = TABLE.lines().skip_while(move |line| *line != section).skip(1);
    behind.take_while(|line| !line.starts_with('@')).filter(|line| !line.is_empty())
}

fn fate(line: &'static str) -> Option<Fate> {
    let (word, text) = line.split_once(' ').unwrap_or((line, ""));
    Some(match word {
        "taken" => Fate::Taken(text),
        "changed" => Fate::Changed(text),
        "shut" => Fate::Shut(text),
        "not" => Fate::Not(text),
        "elsewhere" => Fate::Elsewhere(text),
        "ignored" => Fate::Ignored(text),
        "silent" => Fate::Silent,
        _ => return None,
    })
}

fn row(line: &'static str, fate: Fate) -> Option<Row> {
    let (paths, within) = line.split_once(" : ").unwrap_or((line, ""));
    let (classic, oas) = paths.split_once(" = ").unwrap_or((paths, "-"));
    Some(Row { classic: path(classic)?, oas: path(oas)?, within, fate })
}

fn path(written: &'static str) -> Option<Path> {
    let (text, switch) = match written.split_once(" ? ") {
        Some((text, switch)) => (text, Some(switch)),
        None => (written, None),
    };
    let switch = switch.map(|name| match name.strip_prefix('!') {
        Some(name) => Switch { name, on: false },
        None => Switch { name, on: true },
    });
    let plain = |text: &str| !text.is_empty() && !text.contains([' ', '=', '?', ':']);
    let named = plain(text) && switch.is_none_or(|switch| plain(switch.name));
    named.then_some(Path { text: if text == "-" { "" } else { text }, switch })
}

/// The OAS path of a member, by its classic name, or by its name in the JWT scheme; what has none is
/// its own.
pub(super) fn oas_name(name: &str) -> &str {
    let row = of_definition().iter().find(|row| {
        let own = row.classic.text == name && !row.oas.text.is_empty();
        own || row.oas.text.strip_prefix("<jwt>.") == Some(name)
    });
    row.map_or(name, |row| row.oas.text)
}

/// A path of the table, name by name, with its abbreviations written out; `scheme` is the JWT
/// scheme's name.
pub(super) fn expanded(path: &str, scheme: &str) -> Vec<String> {
    const GATEWAY: &str = "x-tyk-api-gateway";
    const AUTH: [&str; 3] = [GATEWAY, "server", "authentication"];
    let (start, rest) = path.split_once('.').unwrap_or((path, ""));
    let one = if scheme.is_empty() { "*" } else { scheme };
    let schemes = |name: &'_ str| {
        AUTH.into_iter().chain(["securitySchemes", name]).map(str::to_owned).collect()
    };
    let mut names: Vec<String> = match start {
        "<x>" => vec![GATEWAY.into()],
        "<auth>" => AUTH.map(str::to_owned).into(),
        "<jwt>" => schemes(one),
        "<scheme>" => schemes("*"),
        other => vec![other.into()],
    };
    names.extend(rest.split('.').filter(|name| !name.is_empty()).map(str::to_owned));
    names
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    const PAGE: &str = include_str!("../../../docs/import-tyk.md");

    const WORDS: [(&str, &str); 6] = [
        ("taken", "taken over"),
        ("changed", "with a change"),
        ("shut", "to fill in, held shut"),
        ("not", "not supported"),
        ("elsewhere", "elsewhere"),
        ("ignored", "ignored by Tyk"),
    ];

    /// A section as the page shows it: a row for each group.
    fn shown(section: &str) -> String {
        let mut groups: Vec<(&str, &str, Vec<String>)> = Vec::new();
        let mut place = 0;
        for line in lines(section) {
            let Some(member) = line.strip_prefix("  ") else {
                let (word, text) = line.split_once(' ').unwrap_or((line, ""));
                let known = groups.iter().position(|(w, t, _)| (*w, *t) == (word, text));
                place = known.unwrap_or(groups.len());
                if known.is_none() {
                    groups.push((word, text, Vec::new()));
                }
                continue;
            };
            let row = row(member, Fate::Silent).unwrap();
            let both = match (row.classic.text, row.oas.text) {
                (classic, "") => format!("`{classic}`"),
                ("", oas) => format!("OAS `{oas}`"),
                (classic, oas) => format!("`{classic}` (OAS `{oas}`)"),
            };
            groups[place].2.push(both);
        }
        let mut page = String::new();
        for (word, label) in WORDS {
            for (_, text, members) in groups.iter().filter(|(own, ..)| *own == word) {
                let text = match word {
                    "elsewhere" => format!("Belongs to {text}"),
                    _ => {
                        let mut letters = text.chars();
                        let first: String = letters.next().unwrap().to_uppercase().collect();
                        first + letters.as_str()
                    }
                };
                writeln!(page, "| {label} | {text}. | {} |", members.join(", ")).unwrap();
            }
        }
        page
    }

    #[test]
    fn every_member_is_on_the_page_with_what_becomes_of_it() {
        for section in ["@ definition", "@ policy"] {
            let shown = shown(section);
            assert!(PAGE.contains(&shown), "docs/import-tyk.md lacks this table:\n{shown}");
        }
    }

    #[test]
    fn every_line_of_the_table_is_understood() {
        for section in ["@ definition", "@ policy"] {
            let mut groups = 0;
            for line in lines(section) {
                match line.strip_prefix("  ") {
                    Some(member) => assert!(row(member, Fate::Silent).is_some(), "{line}"),
                    None => {
                        groups += 1;
                        assert!(self::fate(line).is_some(), "{line}");
                        assert_eq!(line == "silent", !line.contains(' '), "{line}");
                    }
                }
            }
            assert!(groups > 20, "{section} has {groups} groups");
        }
    }

    #[test]
    fn every_member_has_one_line() {
        for rows in [of_definition(), of_policy()] {
            for (place, row) in rows.iter().enumerate() {
                let same = |other: &&Row| {
                    let twice = |one: &str, two: &str| !one.is_empty() && one == two;
                    twice(other.classic.text, row.classic.text)
                        || twice(other.oas.text, row.oas.text)
                };
                let again = rows.iter().skip(place + 1).find(same);
                assert!(again.is_none(), "{row:?} {again:?}");
            }
        }
    }
}
