//! What a check found, and how it is told.

use std::fmt;
use std::io::{self, Write};

use serde_json::{Value, json};
use tollgate::config::Problem;

use super::code::FileCode;
use super::domain::Counted;
use super::origin::Origin;
use crate::yaml::Place;

/// How bad a remark is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Severity {
    /// It does not work.
    Problem,
    /// It works, and is risky or without effect.
    Warning,
    /// It is worth knowing, and nothing to change.
    Note,
}

/// One thing that was found.
#[derive(Clone, Debug)]
pub(super) struct Remark {
    pub(super) severity: Severity,
    /// Its place in the file.
    pub(super) at: Place,
    /// The field; empty for the whole.
    pub(super) field: String,
    /// What was found, what would be valid, and the remedy.
    pub(super) message: String,
    /// Its kind.
    pub(super) code: &'static str,
}

impl Remark {
    /// About what holds a configuration, or what it fetches.
    pub(super) fn new(
        severity: Severity,
        code: FileCode,
        at: Place,
        field: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        let (field, message) = (field.into(), message.into());
        Self { severity, at, field, message, code: code.name() }
    }

    /// About a configuration, as its own reader words it.
    pub(super) fn of_problem(problem: &Problem, severity: Severity, origin: &Origin) -> Self {
        let at = origin.place(Place { line: problem.line, column: problem.column });
        let (field, message) = (problem.path.to_string(), problem.message.to_string());
        Self { severity, at, field, message, code: problem.code.name() }
    }

    fn json(&self) -> Value {
        json!({
            "line": self.at.line, "column": self.at.column,
            "field": self.field, "message": self.message, "code": self.code,
        })
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.at.line, self.at.column)?;
        f.write_str(match self.severity {
            Severity::Problem => "",
            Severity::Warning => "warning: ",
            Severity::Note => "note: ",
        })?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        write!(f, "{} [{}]", self.message, self.code)
    }
}

/// What was found in one configuration.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// Which one of the file's it is; empty where the file is the configuration.
    pub(super) name: String,
    pub(super) remarks: Vec<Remark>,
    /// What the network said, in sentences; `None` where it was not asked.
    pub(super) online: Option<Vec<String>>,
    /// What it counts in a service, for the others that are checked with it.
    pub(super) counted: Option<Counted>,
}

/// What was found in one file.
#[derive(Debug)]
pub(crate) struct Report {
    /// The file, as it was named.
    pub(super) file: String,
    pub(super) configurations: Vec<Checked>,
}

impl Report {
    /// How many remarks of a kind there are.
    pub(super) fn count(&self, severity: Severity) -> usize {
        let remarks = self.configurations.iter().flat_map(|one| &one.remarks);
        remarks.filter(|remark| remark.severity == severity).count()
    }

    /// Everything in the order of the file, and a last line that sums up.
    pub(crate) fn tell(&self, out: &mut dyn Write) -> io::Result<()> {
        let remarks = self.configurations.iter().flat_map(|one| &one.remarks);
        let mut remarks: Vec<_> = remarks.collect();
        remarks.sort_by_key(|remark| (remark.at, remark.severity));
        for remark in remarks {
            writeln!(out, "{}:{remark}", self.file)?;
        }
        for configuration in &self.configurations {
            for line in configuration.online.iter().flatten() {
                writeln!(out, "{}: online: {line}", self.file)?;
            }
        }
        writeln!(out, "{}: {}", self.file, self.summary())
    }

    fn summary(&self) -> String {
        let count = |severity, one: &str| match self.count(severity) {
            0 => None,
            1 => Some(format!("1 {one}")),
            many => Some(format!("{many} {one}s")),
        };
        let counts = [count(Severity::Problem, "problem"), count(Severity::Warning, "warning")];
        let counts: Vec<_> = counts.into_iter().flatten().collect();
        let mut summary = if counts.is_empty() { "fine".to_owned() } else { counts.join(", ") };
        if let several @ 2.. = self.configurations.len() {
            summary.push_str(&format!(" in {several} configurations"));
        }
        summary
    }

    pub(crate) fn json(&self) -> Value {
        let configurations = self.configurations.iter().map(|one| {
            let list = |severity| {
                let remarks = one.remarks.iter().filter(|remark| remark.severity == severity);
                Value::Array(remarks.map(Remark::json).collect())
            };
            let mut object = json!({
                "where": one.name,
                "problems": list(Severity::Problem),
                "warnings": list(Severity::Warning),
                "notes": list(Severity::Note),
            });
            if let (Some(online), Value::Object(members)) = (&one.online, &mut object) {
                members.insert("online".into(), json!(online));
            }
            object
        });
        json!({ "file": self.file, "configurations": configurations.collect::<Vec<_>>() })
    }
}
