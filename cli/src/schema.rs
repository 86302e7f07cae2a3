//! `tollgate schema`: what editors check a configuration against.

use clap::Args;
use tollgate::config;

use crate::command::{Exit, Failure, Streams};

/// Write the JSON Schema of the configuration
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  tollgate schema > tollgate.schema.json")]
pub(super) struct Arguments {}

pub(super) fn run(_: &Arguments, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    writeln!(streams.out, "{:#}", config::schema())?;
    Ok(Exit::Fine)
}
