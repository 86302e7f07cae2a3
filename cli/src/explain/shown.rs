//! How a decision is written for people, and for programs.

use std::io;

use clap::builder::styling::{AnsiColor, Effects, Style};
use serde_json::{Map, Value, json};
use tollgate::trace::{Decided, Entry};

use super::drive::Seen;
use crate::command::Streams;

const BOLD: Style = Style::new().effects(Effects::BOLD);
const DIM: Style = Style::new().effects(Effects::DIMMED);
const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default().effects(Effects::BOLD);
const YELLOW: Style = AnsiColor::Yellow.on_default();

/// What a terminal must not be sent.
fn safe(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}

pub(super) fn in_text(seen: &Seen, streams: &mut Streams<'_>) -> io::Result<()> {
    for note in &seen.notes {
        writeln!(streams.err, "tollgate: {YELLOW}note{YELLOW:#}: {}", safe(note))?;
    }
    let out = &mut *streams.out;
    let explanation = &seen.explanation;
    for entry in explanation.trace.entries() {
        step(entry, out)?;
    }
    if explanation.trace.left_out() > 0 {
        let left_out = explanation.trace.left_out();
        let are = if left_out == 1 { "step is" } else { "steps are" };
        writeln!(out, "{DIM}{left_out} {are} left out{DIM:#}")?;
    }
    let style = match seen.verdict() {
        "allowed" => GREEN,
        "refused" => RED,
        _ => YELLOW,
    };
    writeln!(out, "\n{BOLD}verdict{BOLD:#}  {style}{}{style:#}", seen.verdict().replace('_', " "))?;
    if let Some(refusal) = &explanation.refusal {
        let deny = refusal.deny;
        writeln!(out, "{BOLD}code{BOLD:#}     {} (step {})", deny.code(), deny.step().name())?;
        writeln!(out, "{BOLD}reason{BOLD:#}   {}", safe(&refusal.reason))?;
        writeln!(out, "{BOLD}remedy{BOLD:#}   {}", safe(&explanation.remedy))?;
    }
    if seen.is_undecided {
        return Ok(());
    }
    match &seen.reply {
        Some(reply) => {
            writeln!(out, "{BOLD}answer{BOLD:#}   {}", reply.status)?;
            for (name, value) in &reply.headers {
                writeln!(out, "         {name}: {}", safe(value))?;
            }
            let body = if reply.body.is_empty() { "(no body)" } else { &reply.body };
            writeln!(out, "         {}", safe(body))
        }
        None => {
            writeln!(out, "{BOLD}answer{BOLD:#}   the upstream's")?;
            for (name, value) in &seen.advice {
                writeln!(out, "         {name}: {}", safe(value))?;
            }
            Ok(())
        }
    }
}

fn step(entry: &Entry, out: &mut dyn io::Write) -> io::Result<()> {
    let style = match entry.decided {
        Decided::Passed => GREEN,
        Decided::Refused => RED,
        Decided::Skipped => DIM,
        Decided::Waits => YELLOW,
    };
    let (step, decided) = (entry.step.name(), entry.decided.name());
    let provider = entry.provider.as_ref().map_or(String::new(), |name| format!(" [{name}]"));
    writeln!(
        out,
        "{style}{decided:<8}{style:#} {BOLD}{step:<10}{BOLD:#} {}{DIM}{provider}{DIM:#}",
        safe(&entry.looked_at)
    )?;
    writeln!(out, "                    {}", safe(&entry.found))
}

/// What a live request's explanation says, and the answer besides.
pub(super) fn in_json(seen: &Seen) -> Value {
    let told = serde_json::from_str(&seen.explanation.to_json());
    let mut told: Map<String, Value> = told.unwrap_or_default();
    told.insert("verdict".to_owned(), seen.verdict().into());
    if !seen.notes.is_empty() {
        told.insert("notes".to_owned(), seen.notes.clone().into());
    }
    let named = |headers: &[(&'static str, String)]| -> Value {
        headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
    };
    let answer = match &seen.reply {
        _ if seen.is_undecided => Value::Null,
        None => json!({ "by": "upstream", "headers": named(&seen.advice) }),
        Some(reply) => json!({
            "by": "tollgate", "status": reply.status, "grpc_status": reply.grpc_status,
            "headers": named(&reply.headers),
            "body": serde_json::from_str(&reply.body).unwrap_or_else(|_| json!(reply.body)),
        }),
    };
    told.insert("answer".to_owned(), answer);
    told.into()
}
