//! What is told about an import: a finding for each field, as text or as JSON.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::traps::Trap;

/// What a finding is about, in the order in which they are told.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Kind {
    /// Something is wrong with the definition itself.
    Wrong,
    /// Something that only shows while Tyk runs, and can with this definition.
    Exposure,
    /// A place that Tyk has nothing for: until it is filled in, it refuses.
    FillIn,
    /// Has no counterpart; the message says what to do instead.
    NotSupported,
    /// Taken over, and not the same.
    Changed,
    /// Taken over as it is.
    Taken,
    /// Has nothing to do with who may call.
    Elsewhere,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Wrong,
        Self::Exposure,
        Self::FillIn,
        Self::NotSupported,
        Self::Changed,
        Self::Taken,
        Self::Elsewhere,
    ];

    /// A stable name, for machines.
    const fn name(self) -> &'static str {
        match self {
            Self::Wrong => "wrong",
            Self::Exposure => "exposure",
            Self::FillIn => "fill_in",
            Self::NotSupported => "not_supported",
            Self::Changed => "changed",
            Self::Taken => "taken",
            Self::Elsewhere => "elsewhere",
        }
    }

    const fn heading(self) -> &'static str {
        match self {
            Self::Wrong => "wrong with the definition",
            Self::Exposure => "can go wrong with it in Tyk",
            Self::FillIn => "to fill in: refuses until you do",
            Self::NotSupported => "not supported",
            Self::Changed => "taken over with a change",
            Self::Taken => "taken over",
            Self::Elsewhere => "has nothing to do with who may call",
        }
    }
}

/// One field, and what became of it.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    kind: Kind,
    /// Which definition or policy it is in.
    source: String,
    /// The field by Tyk's name.
    field: String,
    message: String,
    trap: Option<&'static Trap>,
}

/// All findings of an import.
#[derive(Debug, Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
    sources: Vec<String>,
    told: BTreeSet<(String, String)>,
    /// What was not taken over, with everything in it.
    left_out: Vec<(String, String)>,
}

impl Report {
    /// Names a definition or a policy, in the order in which they are told.
    pub(super) fn source(&mut self, source: &str) {
        if !self.sources.iter().any(|known| known == source) {
            self.sources.push(source.to_owned());
        }
    }

    /// Adds a finding; the same one twice is told once.
    pub(super) fn add(
        &mut self,
        kind: Kind,
        source: &str,
        field: impl Into<String>,
        message: impl Into<String>,
    ) {
        self.push(kind, source, field.into(), message.into(), None);
    }

    /// Adds one of the thirty.
    pub(super) fn trap(
        &mut self,
        kind: Kind,
        trap: &'static Trap,
        source: &str,
        field: impl Into<String>,
        found: impl Into<String>,
    ) {
        self.push(kind, source, field.into(), found.into(), Some(trap));
    }

    fn push(
        &mut self,
        kind: Kind,
        source: &str,
        field: String,
        message: String,
        trap: Option<&'static Trap>,
    ) {
        self.source(source);
        // One of the thirty says what is wrong, not what becomes of the field.
        if trap.is_none() {
            self.told.insert((source.to_owned(), field.clone()));
        }
        let same = |known: &&Finding| {
            known.source == source
                && known.field == field
                && known.message == message
                && known.trap.map(|trap| trap.code) == trap.map(|trap| trap.code)
        };
        if !self.findings.iter().any(|known| same(&known)) {
            let source = source.to_owned();
            self.findings.push(Finding { kind, source, field, message, trap });
        }
    }

    /// Adds that a field was not taken over, with everything in it, and why.
    pub(super) fn leave_out(&mut self, source: &str, field: String, message: &str) {
        self.left_out.push((source.to_owned(), field.clone()));
        self.add(Kind::NotSupported, source, field, message);
    }

    /// Whether something was said about a field, or about what stands in it, or that what it stands
    /// in was left out.
    pub(super) fn tells_of(&self, source: &str, field: &str) -> bool {
        let within = |outer: &str| {
            let rest = field.strip_prefix(outer);
            rest.is_some_and(|rest| rest.starts_with(['.', '[']))
        };
        if self.left_out.iter().any(|(known, outer)| known == source && within(outer)) {
            return true;
        }
        let inside = |told: &str| {
            let rest = told.strip_prefix(field);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.told.iter().any(|(known, told)| known == source && inside(told))
    }

    /// How many findings of a kind there are.
    pub(super) fn count(&self, kind: Kind) -> usize {
        self.findings.iter().filter(|finding| finding.kind == kind).count()
    }

    /// Whether somebody who wants to be strict should look first.
    pub(super) fn has_problems(&self) -> bool {
        [Kind::Wrong, Kind::NotSupported, Kind::FillIn].iter().any(|kind| self.count(*kind) > 0)
    }

    /// The findings of a source and a kind: the thirty first, by number.
    fn of(&self, source: &str, kind: Kind) -> Vec<&Finding> {
        let own = |finding: &&Finding| finding.source == source && finding.kind == kind;
        let mut found: Vec<_> = self.findings.iter().filter(own).collect();
        found.sort_by_key(|finding| finding.trap.map_or(u8::MAX, |trap| trap.number));
        found
    }

    fn in_order(&self) -> impl Iterator<Item = (&str, Kind, Vec<&Finding>)> {
        self.sources.iter().flat_map(move |source| {
            let each = move |kind: Kind| (source.as_str(), kind, self.of(source, kind));
            Kind::ALL.into_iter().map(each).filter(|(_, _, found)| !found.is_empty())
        })
    }

    /// Writes it for people.
    pub(super) fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut last = "";
        for (source, kind, findings) in self.in_order() {
            if source != last {
                writeln!(out, "{}{source}", if last.is_empty() { "" } else { "\n" })?;
                last = source;
            }
            writeln!(out, "\n  {}", kind.heading())?;
            for finding in findings {
                write_finding(out, finding)?;
            }
        }
        writeln!(out, "\n{}", self.summary())
    }

    /// Writes it for machines.
    pub(super) fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let findings: Vec<_> = self
            .in_order()
            .flat_map(|(_, _, findings)| findings.into_iter().map(as_json))
            .collect();
        let counts: serde_json::Map<String, Value> =
            Kind::ALL.iter().map(|kind| (kind.name().into(), self.count(*kind).into())).collect();
        writeln!(out, "{:#}", json!({ "findings": findings, "counts": counts }))
    }

    fn summary(&self) -> String {
        let say = |kind: Kind, one: &str, many: &str| match self.count(kind) {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {many}")),
        };
        let parts = [
            say(Kind::Wrong, "thing wrong", "things wrong"),
            say(Kind::Exposure, "exposure", "exposures"),
            say(Kind::FillIn, "place to fill in", "places to fill in"),
            say(Kind::NotSupported, "not supported", "not supported"),
            say(Kind::Changed, "taken over with a change", "taken over with a change"),
            say(Kind::Taken, "taken over", "taken over"),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        parts.join(", ")
    }
}

fn write_finding(out: &mut dyn Write, finding: &Finding) -> io::Result<()> {
    let Some(trap) = finding.trap else {
        let field = if finding.field.is_empty() { "" } else { ": " };
        return writeln!(out, "    {}{field}{}", finding.field, finding.message);
    };
    writeln!(out, "    {}: {}", finding.field, trap.code)?;
    writeln!(out, "      found: {}", finding.message)?;
    writeln!(out, "      seen in Tyk: {}", trap.seen)?;
    writeln!(out, "      why: {}", trap.why)?;
    writeln!(out, "      imported: {}", trap.here)
}

fn as_json(finding: &Finding) -> Value {
    let mut members = serde_json::Map::new();
    let mut put = |name: &str, value: &str| members.insert(name.into(), value.into());
    put("kind", finding.kind.name());
    put("source", &finding.source);
    put("field", &finding.field);
    put("message", &finding.message);
    if let Some(trap) = finding.trap {
        put("code", trap.code);
        put("seen", trap.seen);
        put("why", trap.why);
        put("imported", trap.here);
    }
    Value::Object(members)
}
