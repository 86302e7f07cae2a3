//! `tollgate export`: what other services must be told of a configuration.

mod form;
mod read;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use tollgate::config::{Config, RemoteLimit};
use tollgate::limits::Service;
use tollgate::verdict::quoted;

use self::form::Amount;
use super::{check, input};
use crate::command::{Exit, Failure, Streams};

/// Write what other services must know of a configuration
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Limits(Limits),
}

const EXAMPLES: &str = "\
Examples:
  tollgate export limits --for limitador config.json > limits.yaml
  tollgate export limits --for ratelimit envoy.yaml > ratelimit.yaml
  tollgate export limits --for limitador config.json --check limits.yaml

Exit status: 0 written, or nothing differs; 1 the file says something else, or the configuration is \
wrong; 2 a file that cannot be read, or nothing to export.";

/// Write the limits of a configuration as the service that counts them reads them
///
/// It is the service of `limits.remote`. Limitador counts only what its own file says, and without
/// this file nothing. envoyproxy/ratelimit takes each limit from the call, and needs no more of its
/// file than the domain.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
struct Limits {
    /// The configuration, or a file that holds it; `-` is standard input
    config: PathBuf,
    /// Who will read it
    #[arg(long = "for", value_enum)]
    reader: Reader,
    /// Write nothing, and say where this file differs in the configuration's domain
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
}

/// A service that counts limits.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Reader {
    /// Kuadrant's Limitador
    Limitador,
    /// envoyproxy/ratelimit
    Ratelimit,
}

impl Reader {
    const fn service(self) -> Service {
        match self {
            Self::Limitador => Service::Limitador,
            Self::Ratelimit => Service::Ratelimit,
        }
    }
}

pub(super) fn run(arguments: &Arguments, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let What::Limits(limits) = &arguments.what;
    let bytes = input::read(Some(&limits.config), check::MAX_BYTES, streams)?;
    let shown = input::shown(&limits.config);
    // Secrets are in no limit.
    let variable = |name: &str| check::of_process(name).or_else(|| Some(check::stand_in(name)));
    let config = match check::load(&limits.config, &bytes, &variable)? {
        Ok(config) => config,
        Err(report) => {
            report.tell(&mut streams.err)?;
            return Ok(Exit::Problems);
        }
    };
    let (domain, counted) = counted(&config, limits.reader)
        .map_err(|wrong| Failure::Misuse(format!("{shown}: {wrong}")))?;
    let Some(file) = &limits.check else {
        let text = match limits.reader {
            Reader::Limitador => form::limitador(&domain, &counted),
            Reader::Ratelimit => form::ratelimit(&domain, &counted),
        };
        write!(streams.out, "{text}")?;
        return Ok(Exit::Fine);
    };
    let bytes = input::read(Some(file), check::MAX_BYTES, streams)?;
    let there = read::limits(&bytes, &domain, limits.reader == Reader::Ratelimit)
        .map_err(|wrong| Failure::Misuse(format!("{}: {wrong}", input::shown(file))))?;
    let own = counted.iter().map(|one| (one.name.clone(), amount(one))).collect();
    let differences = differences(&own, &there);
    for difference in &differences {
        writeln!(streams.out, "{}: {difference}", input::shown(file))?;
    }
    Ok(if differences.is_empty() { Exit::Fine } else { Exit::Problems })
}

/// The domain and the limits that the service counts, or why there are none for it.
fn counted(config: &Config, reader: Reader) -> Result<(String, Vec<RemoteLimit>), String> {
    let remote = config.remote_limits.as_ref().ok_or(
        "it has no `limits.remote`: each process counts for itself, and no service need know of it",
    )?;
    let limits = config.counted_remotely();
    let unfit = limits.iter().find(|one| !reader.service().has_windows_of(one.per));
    if let Some(limit) = unfit {
        let (name, seconds) = (quoted(&limit.name), limit.per.as_secs());
        return Err(format!(
            "{name} is counted in windows of {seconds}s, and ratelimit has those of 1s, 1m, 1h, 1d, \
             7d, 30d and 365d only"
        ));
    }
    Ok((remote.domain.to_string(), limits))
}

fn amount(limit: &RemoteLimit) -> Amount {
    (u64::from(limit.requests), limit.per.as_secs())
}

fn differences(
    own: &BTreeMap<String, Amount>,
    there: &BTreeMap<String, Option<Amount>>,
) -> Vec<String> {
    let words = |(requests, seconds): &Amount| format!("{requests} in {seconds}s");
    let mut told = Vec::new();
    for (name, amount) in own {
        match there.get(name) {
            Some(Some(other)) if other == amount => {}
            Some(None) => told.push(format!(
                "{name}: it counts something else than Tollgate asks for; take it as it is exported"
            )),
            Some(Some(other)) => {
                let (here, there) = (words(amount), words(other));
                told.push(format!("{name}: it says {there}, and the configuration {here}"));
            }
            None => told.push(format!("{name}: missing; the configuration has {}", words(amount))),
        }
    }
    for name in there.keys().filter(|name| !own.contains_key(*name)) {
        told.push(format!("{}: the configuration has no such limit", input::harmless(name)));
    }
    told
}
