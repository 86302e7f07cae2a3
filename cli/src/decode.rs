//! `tollgate decode`: what a token says, which nobody has verified; and what is sealed for browsers.

mod form;
mod refused;
mod sealed;
mod words;

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};
use tollgate::time::UnixMillis;

use super::format::Format;
use super::{input, moment};
use crate::command::{Exit, Failure, Streams};
pub(super) use form::{Parts, token};
use refused::Refused;

/// Most bytes that are read: more than any token, so that one too large is told as such.
const MAX_BYTES: u64 = 1024 * 1024;

const EXAMPLES: &str = "\
Examples:
  tollgate decode < token.txt
  tollgate decode token.txt
  printf %s \"$TOKEN\" | tollgate decode --format json
  tollgate decode token.txt --at 2026-11-23T10:00:00Z
  tollgate decode --config envoy.yaml --seal env:TOLLGATE_SEAL cookie.txt

`Bearer ` in front, blanks and line breaks do not matter. Nothing is sent anywhere. The \
signature is neither checked nor shown: what is shown anybody can have written. `tollgate \
explain` says whether a configuration accepts the token.

With `--config` it is what a browser keeps of a login (a cookie's value, or a whole `Cookie` header), \
or the `state` of a callback's URL, opened by the configuration's `seal`, whose variables are this \
process's, or by `--seal`. Of tokens only their lengths are shown. Whether a session was ended before \
its time is known to the proxies alone.";

/// Show what a token says, without verifying it
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// A file with the token, or the cookie; standard input without it
    file: Option<PathBuf>,
    /// Open what is sealed for a login of this configuration, or of an Envoy, Istio or Envoy Gateway
    /// file that holds one
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A key in place of the configuration's `seal`: in a variable of the environment, or in a file;
    /// may be repeated
    #[arg(long, value_name = sealed::KEY, requires = "config")]
    seal: Vec<String>,
    /// The host at which the browser shows it
    #[arg(long, requires = "config")]
    host: Option<String>,
    /// Tell times as seen from this moment instead of from now
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    at: Option<UnixMillis>,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    if arguments.file.is_none() && arguments.config.as_deref().is_some_and(|path| path == "-") {
        return Err(Failure::Misuse(
            "the configuration and the cookie cannot both come from standard input: name a file for \
             one of them"
                .to_owned(),
        ));
    }
    let read = input::read_credential(arguments.file.as_deref(), MAX_BYTES, streams)?;
    let now = moment::given_or_now(arguments.at);
    if let Some(config) = &arguments.config {
        let host = arguments.host.as_deref();
        let opener = sealed::Opener { config, keys: &arguments.seal, host };
        return open(&opener, arguments.format, (&read, now), streams);
    }
    let taken = token(&read).and_then(|token| Ok((Parts::take(&token)?, token)));
    let (parts, token) = match taken {
        Ok(taken) => taken,
        Err(problem) => {
            match arguments.format {
                Format::Text => writeln!(streams.err, "tollgate: no token: {problem}")?,
                Format::Json => writeln!(streams.out, "{:#}", json!({ "problem": problem }))?,
            }
            return Ok(Exit::Problems);
        }
    };
    let refused = refused::by_default(&token, now);
    let shown = match arguments.format {
        Format::Text => in_text(&parts, &refused, now),
        Format::Json => format!("{:#}\n", in_json(&parts, &refused, now)),
    };
    write!(streams.out, "{}", words::without_controls(&shown))?;
    Ok(Exit::Fine)
}

/// Tells what is sealed.
fn open(
    opener: &sealed::Opener<'_>,
    format: Format,
    (read, now): (&[u8], UnixMillis),
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let all = match opener.open(read, now, streams)? {
        Ok(all) => all,
        Err(report) => {
            match format {
                Format::Text => report.tell(&mut streams.err)?,
                Format::Json => {
                    writeln!(streams.out, "{:#}", json!({ "configuration": report.json() }))?;
                }
            }
            return Ok(Exit::Problems);
        }
    };
    match format {
        Format::Text => {
            let shown: Vec<_> = all.iter().filter(|one| one.is_open()).collect();
            let shown: Vec<_> = shown.iter().map(|one| one.in_text(now)).collect();
            write!(streams.out, "{}", words::without_controls(&shown.join("\n")))?;
            for problem in all.iter().filter_map(sealed::One::problem) {
                writeln!(streams.err, "tollgate: not opened: {}", input::harmless(&problem))?;
            }
        }
        Format::Json => {
            let all: Vec<_> = all.iter().map(|one| one.in_json(now)).collect();
            writeln!(streams.out, "{:#}", json!({ "sealed": all }))?;
        }
    }
    Ok(if all.iter().all(sealed::One::is_open) { Exit::Fine } else { Exit::Problems })
}

fn in_text(parts: &Parts, refused: &[Refused], now: UnixMillis) -> String {
    let mut out = String::new();
    // Writing to a text cannot fail.
    let _ = writeln!(
        out,
        "UNVERIFIED: nobody has checked the signature, and anybody can write such a token.\n"
    );
    members(&mut out, "Header", &parts.header, now, words::of_header);
    match &parts.claims {
        Some(claims) => members(&mut out, "Claims", claims, now, words::of_claim),
        None => out.push_str("Claims: encrypted, and not to be read without the key.\n\n"),
    }
    let _ = match parts.signature_bytes {
        None => writeln!(out, "Signature: none; an encrypted token has a tag instead."),
        Some(0) => writeln!(out, "Signature: empty. Nobody has signed this token."),
        Some(1) => writeln!(out, "Signature: 1 byte, not shown."),
        Some(bytes) => writeln!(out, "Signature: {bytes} bytes, not shown."),
    };
    if !refused.is_empty() {
        out.push_str("\nTollgate refuses it with its defaults:\n");
    }
    for refused in refused {
        let _ = writeln!(out, "  {}: {}", refused.code, refused.reason);
        let _ = writeln!(out, "    {}", refused.remedy);
    }
    out
}

/// A member a line, its meaning behind it.
fn members(
    out: &mut String,
    title: &str,
    members: &Map<String, Value>,
    now: UnixMillis,
    meaning: fn(&str, &Value, UnixMillis) -> Option<String>,
) {
    let _ = writeln!(out, "{title}");
    for (name, value) in words::in_order(members) {
        let value_text = serde_json::to_string_pretty(value).unwrap_or_default();
        let name_text = Value::from(name).to_string();
        let mut lines = value_text.lines();
        let _ = write!(out, "  {name_text}: {}", lines.next().unwrap_or_default());
        for line in lines {
            let _ = write!(out, "\n  {line}");
        }
        if let Some(meaning) = meaning(name, value, now) {
            let _ = write!(out, "   # {meaning}");
        }
        out.push('\n');
    }
    out.push('\n');
}

fn in_json(parts: &Parts, refused: &[Refused], now: UnixMillis) -> Value {
    let times = parts.claims.iter().flat_map(|claims| words::times(claims));
    let times: Map<_, _> = times
        .map(|(name, at)| {
            let told = json!({ "at": moment::rfc3339(at), "relative": at.from_now(now) });
            (name.to_owned(), told)
        })
        .collect();
    let refused: Vec<_> = refused
        .iter()
        .map(|one| json!({ "code": one.code, "reason": one.reason, "remedy": one.remedy }))
        .collect();
    json!({
        "verified": false, "header": parts.header, "claims": parts.claims, "times": times,
        "signature_bytes": parts.signature_bytes, "refused_by_default": refused,
    })
}
