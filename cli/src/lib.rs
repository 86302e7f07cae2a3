//! The command line `tollgate`: the library's answers, before a proxy runs.
//!
//! Native only. It reads files and asks the network, which the core never does, and has no rule of
//! its own about requests: those are the engine's.

// What tests may do, and nothing else: trap, print, spell out a type. Cargo.toml has what holds for all.
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::print_stderr,
        clippy::print_stdout,
        clippy::string_slice,
        clippy::type_complexity,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

mod check;
mod command;
mod decode;
mod explain;
mod export;
mod foreign;
mod format;
mod hash_key;
mod host;
mod import;
mod init;
mod input;
mod manual;
mod mint;
mod moment;
mod online;
mod output;
mod register;
mod revoke;
mod schema;
mod secret_file;
mod vendor;
mod yaml;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use command::Failure;
pub use command::{Exit, Streams};

const EXAMPLES: &str = "\
Examples:
  tollgate init --issuer https://example.okta.com/oauth2/default \\
      --audience api://orders --for envoy > envoy.yaml
  tollgate check envoy.yaml
  tollgate explain --config envoy.yaml --online --path /orders/7 < token
  tollgate help check";

/// Checks, explains and writes configurations of Tollgate
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Arguments),
    Completions(manual::Completions),
    Decode(decode::Arguments),
    Explain(explain::Arguments),
    Export(export::Arguments),
    HashKey(hash_key::Arguments),
    Import(import::Arguments),
    Init(init::Arguments),
    Man(manual::Manual),
    Mint(mint::Arguments),
    Register(register::Arguments),
    Revoke(revoke::Arguments),
    Schema(schema::Arguments),
}

/// Runs the command of the process's arguments on its standard streams.
pub fn main() -> ExitCode {
    // They leave colours out where `NO_COLOR` is set or nobody looks on.
    let mut streams = Streams {
        input: &mut io::stdin(),
        out: &mut anstream::stdout(),
        err: &mut anstream::stderr(),
    };
    run(std::env::args_os(), &mut streams).into()
}

/// A stream whose reader may leave, as `head` does: the rest is lost, and the command ends as it
/// would have ended.
struct Leaving<'s>(&'s mut dyn Write);

impl Write for Leaving<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(bytes.len()),
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.flush() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            flushed => flushed,
        }
    }
}

/// Runs the command of `arguments`, the first of which is the program's name.
pub fn run(arguments: impl IntoIterator<Item = OsString>, streams: &mut Streams<'_>) -> Exit {
    let (mut out, mut err) = (Leaving(&mut *streams.out), Leaving(&mut *streams.err));
    let streams = &mut Streams { input: &mut *streams.input, out: &mut out, err: &mut err };
    let arguments: Vec<_> = arguments.into_iter().collect();
    let command = match Arguments::try_parse_from(&arguments) {
        Ok(arguments) => arguments.command,
        Err(help) => {
            let text = help.render();
            let (out, exit) = match help.use_stderr() {
                true => (&mut streams.err, Exit::Misuse),
                false => (&mut streams.out, Exit::Fine),
            };
            // Whoever closed the stream does not want to know.
            let _ = match without_credentials(&help, &arguments) {
                Some(told) => writeln!(out, "{told}"),
                None => write!(out, "{}", text.ansi()),
            };
            return exit;
        }
    };
    let done = match command {
        Command::Check(arguments) => check::run(&arguments, streams),
        Command::Completions(arguments) => {
            manual::completions(&arguments, Arguments::command(), streams)
        }
        Command::Decode(arguments) => decode::run(&arguments, streams),
        Command::Explain(arguments) => explain::run(&arguments, streams),
        Command::Export(arguments) => export::run(&arguments, streams),
        Command::HashKey(arguments) => hash_key::run(&arguments, streams),
        Command::Import(arguments) => import::run(&arguments, streams),
        Command::Init(arguments) => init::run(&arguments, streams),
        Command::Man(manual::Manual {}) => manual::man(Arguments::command(), streams),
        Command::Mint(arguments) => mint::run(&arguments, streams),
        Command::Register(arguments) => register::run(&arguments, streams),
        Command::Revoke(arguments) => revoke::run(&arguments, streams),
        Command::Schema(arguments) => schema::run(&arguments, streams),
    };
    let done = done.and_then(|exit| Ok(streams.out.flush().map(|()| exit)?));
    match done {
        Ok(exit) => exit,
        Err(Failure::Output(error)) => misuse(streams, &format!("cannot write: {error}")),
        Err(Failure::Misuse(message)) => misuse(streams, &message),
    }
}

/// What is wrong with the arguments without those that may be a credential; `None` where none of them
/// would be shown.
fn without_credentials(error: &clap::Error, arguments: &[OsString]) -> Option<String> {
    const LONG: usize = 32;
    let mut told = error.render().to_string();
    let is_extra = error.kind() == clap::error::ErrorKind::UnknownArgument;
    let texts = arguments.iter().skip(1).map(|argument| argument.to_string_lossy());
    let mut hidden = false;
    for text in texts.filter(|text| error.use_stderr() && !text.is_empty()) {
        let value = match text.split_once('=') {
            Some((name, value)) if name.starts_with('-') => value,
            _ if text.starts_with('-') => continue,
            _ => &text,
        };
        let is_long = value.len() > LONG && !value.contains('/');
        let quoted = format!("'{value}'");
        if (is_extra && told.contains(&quoted)) || is_long || value.contains("eyJ") {
            hidden |= told.contains(value);
            told =
                if is_long { told.replace(value, "…") } else { told.replace(&quoted, "'…'") };
        }
    }
    let is_harmless = !told.chars().any(|c| c != '\n' && input::is_hidden(c));
    match (hidden, is_harmless) {
        (false, true) => None,
        (false, false) => Some(input::harmless(&told)),
        (true, _) => Some(format!("{}\n{}", input::harmless(&told), input::NEVER_AN_ARGUMENT)),
    }
}

fn misuse(streams: &mut Streams<'_>, message: &str) -> Exit {
    let _ = writeln!(streams.err, "tollgate: {}", input::harmless(message));
    Exit::Misuse
}
