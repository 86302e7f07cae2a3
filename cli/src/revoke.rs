//! `tollgate revoke`: an entry more in a list of revocations, and those away that are over.

mod file;
mod subject;
mod text;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use tollgate::revoked::{self, MAX_DOCUMENT_BYTES};
use tollgate::time::UnixMillis;

use super::format::Format;
use super::{input, moment};
use crate::command::{Exit, Failure, Streams};
use subject::{Named, Whom};
use text::{Document, Entry};

/// How much later than its own end a token may be taken where the provider's `clock_skew` is left out.
const DEFAULT_SKEW: Duration = Duration::from_secs(60);

/// A list without entries.
const EMPTY: &str = "{\n  \"entries\": []\n}\n";

const EXAMPLES: &str = "\
Examples:
  tollgate revoke revoked.json --provider okta --token-from token.txt
  printf %s \"$TOKEN\" | tollgate revoke revoked.json --provider okta \\
      --token-from -
  tollgate revoke revoked.json --provider okta --identity 00u1 \\
      --issued-before now --until 12h
  tollgate revoke revoked.json --provider okta --jti AT.x7 \\
      --until 2026-11-24T10:00:00Z

The file is the document of `revoked.url`, where its server has it. It is written as a whole or not at \
all, and everything else in it stays as it is; entries that are over go. What no proxy would take is \
not written. A token is never shown, and not kept: the list has its hash.";

/// Add an entry to a list of revocations
#[derive(Args, Debug)]
#[command(
    after_help = EXAMPLES,
    override_usage = "tollgate revoke <FILE> --provider <NAME> <WHOM> [OPTIONS]"
)]
pub(super) struct Arguments {
    /// The list: the document that `revoked.url` serves
    file: PathBuf,
    /// The provider that the entry is about, as the configurations call it
    #[arg(long, value_name = "NAME")]
    provider: String,
    #[command(flatten)]
    whom: Whom,
    /// Refuse only what was issued before this moment, or before `now`
    #[arg(long, value_name = "TIME", value_parser = parse_before)]
    issued_before: Option<Before>,
    /// From when on the entry is void: a moment, or a span from now such as `12h`
    #[arg(long, value_name = "TIME|SPAN", value_parser = parse_until)]
    until: Option<Until>,
    /// A comment in the entry
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Make the file where there is none
    #[arg(long)]
    new: bool,
    /// The moment to reckon from, instead of now
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    at: Option<UnixMillis>,
    /// How to write what was done
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What `--issued-before` says.
#[derive(Clone, Copy, Debug)]
enum Before {
    Now,
    At(UnixMillis),
}

fn parse_before(text: &str) -> Result<Before, String> {
    match text {
        "now" => Ok(Before::Now),
        _ => moment::parse(text).map(Before::At).map_err(|wrong| format!("{wrong}, or `now`")),
    }
}

/// What `--until` says.
#[derive(Clone, Copy, Debug)]
enum Until {
    At(UnixMillis),
    After(Duration),
}

fn parse_until(text: &str) -> Result<Until, String> {
    let span = moment::parse_span(text).map(Until::After);
    let moment = || moment::parse(text).map(Until::At);
    span.or_else(|_| moment().map_err(|wrong| format!("{wrong}, and a span like 12h")))
}

/// What was done to a list.
struct Done {
    added: Option<Entry>,
    dropped: usize,
    /// How many entries there are now.
    entries: usize,
}

pub(super) fn run(arguments: &Arguments, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let now = moment::given_or_now(arguments.at);
    let entry = entry(arguments, now, streams)?;
    let shown = input::shown(&arguments.file);
    let held = file::Held::open(&arguments.file, arguments.new)?;
    let text = held.read(MAX_DOCUMENT_BYTES)?.unwrap_or_else(|| EMPTY.to_owned());
    let wrong = |what: &str, why: &dyn std::fmt::Display| {
        Failure::Misuse(format!("{shown}: {what}, and was not touched: {why}"))
    };
    let is_none = "it is no list that a proxy would take";
    revoked::parse(text.as_bytes(), now).map_err(|error| wrong(is_none, &error))?;
    let document = Document::read(&text).ok_or_else(|| wrong(is_none, &"it cannot be read"))?;
    let over = |one: &Entry| one.until.is_some_and(|until| until <= now);
    let is_there = document.entries().any(|one| !over(one) && one.covers(&entry));
    let added = (!is_there).then_some(&entry);
    let changed = document.changed(over, added);
    // What a proxy would not take must not come to where it is fetched from.
    revoked::parse(changed.as_bytes(), now)
        .map_err(|error| wrong("no proxy would take the list with this entry", &error))?;
    let dropped = document.entries().filter(|one| over(one)).count();
    let entries = document.entries().count().saturating_sub(dropped);
    let entries = entries.saturating_add(usize::from(added.is_some()));
    if added.is_some() || dropped > 0 {
        for warning in held.replace(&changed)? {
            writeln!(streams.err, "tollgate: warning: {shown}: {warning}")?;
        }
    }
    tell(&Done { added: added.cloned(), dropped, entries }, &entry, arguments, streams)?;
    Ok(Exit::Fine)
}

/// The entry that is asked for.
fn entry(
    arguments: &Arguments,
    now: UnixMillis,
    streams: &mut Streams<'_>,
) -> Result<Entry, Failure> {
    let Named { subject, ends, by_itself } = arguments.whom.named(streams)?;
    let issued_before = arguments.issued_before.map(|before| match before {
        Before::Now => now,
        Before::At(moment) => moment,
    });
    let given = arguments.until.map(|until| match until {
        Until::At(moment) => moment,
        Until::After(span) => now.after(span),
    });
    if given.is_some_and(|until| until <= now) {
        return Err(Failure::Misuse(
            "`--until` has passed: the entry would be void from the start".to_owned(),
        ));
    }
    if let (Some(until), Some(end)) = (given, ends)
        && until < end.after(DEFAULT_SKEW)
    {
        writeln!(
            streams.err,
            "tollgate: warning: the token's own end is {}, and a proxy may take it for its \
             `clock_skew` longer: when the entry is void, it is good again",
            end.to_rfc3339()
        )?;
    }
    let until = given.or(by_itself);
    if until.is_some_and(|until| until <= now) {
        let end = ends.map(UnixMillis::to_rfc3339).unwrap_or_default();
        return Err(Failure::Misuse(format!(
            "the token's own end was {end}: no proxy takes it any more; with `--until` it is listed all the \
             same"
        )));
    }
    // Seconds, as the file has them: later rather than earlier.
    let [issued_before, until] = [issued_before, until].map(|moment| moment.map(whole_second));
    for (option, moment) in [("--issued-before", issued_before), ("--until", until)] {
        if moment.is_some_and(|moment| moment::rfc3339(moment).is_none()) {
            return Err(Failure::Misuse(format!("{option}: no later than the year 9999")));
        }
    }
    let provider = arguments.provider.clone();
    let description = arguments.description.clone();
    Ok(Entry { provider, subject, issued_before, until, description })
}

/// The first whole second that is not before a moment.
fn whole_second(moment: UnixMillis) -> UnixMillis {
    UnixMillis::from_secs(moment.millis().div_ceil(1000))
}

/// Says what was done, and when it is in force.
fn tell(
    done: &Done,
    entry: &Entry,
    arguments: &Arguments,
    streams: &mut Streams<'_>,
) -> Result<(), Failure> {
    let shown = input::shown(&arguments.file);
    if arguments.format == Format::Json {
        let added =
            done.added.as_ref().map(|entry| serde_json::from_str::<Value>(&entry.to_text()));
        let told = json!({ "file": shown, "added": added.and_then(Result::ok),
                           "dropped": done.dropped, "entries": done.entries });
        return Ok(writeln!(streams.out, "{told:#}")?);
    }
    let said = input::harmless(&entry.to_text());
    match done.added {
        Some(_) => writeln!(streams.out, "{shown}: added {said}")?,
        None => writeln!(streams.out, "{shown}: there already, or more: {said}")?,
    }
    let entries =
        |count: usize| format!("{count} {}", if count == 1 { "entry" } else { "entries" });
    if done.dropped > 0 {
        writeln!(
            streams.out,
            "{shown}: dropped {} that {} over",
            entries(done.dropped),
            if done.dropped == 1 { "was" } else { "were" }
        )?;
    }
    let until = match entry.until {
        Some(until) => format!(", until {}", until.to_rfc3339()),
        None => ", until it is taken out by hand".to_owned(),
    };
    writeln!(
        streams.out,
        "{shown}: {} now; in force at each proxy within its `revoked.refresh` (10s, where that is left \
         out) and a second{until}",
        entries(done.entries)
    )?;
    Ok(())
}
