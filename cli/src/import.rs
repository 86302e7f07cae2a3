//! `tollgate import`: configurations of other gateways as Tollgate's, and a report of what became
//! of each field.

mod access;
mod case;
mod classic;
mod convert;
mod definition;
mod detail;
mod fields;
mod given;
mod keys;
mod limits;
mod names;
mod oas;
mod off;
mod operator;
mod options;
mod places;
mod policies;
mod policy;
mod provider;
mod read;
mod report;
mod rules;
mod source;
mod traps;
mod walk;
mod wrong;
mod wrong_policies;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use tollgate::config::Config;
use tollgate::time::UnixMillis;
use tollgate::verdict::quoted;

use self::case::Case;
use self::definition::Definition;
use self::options::Options;
use self::policies::Policies;
use self::report::{Kind, Report};
use super::format::Format;
use super::{moment, output};
use crate::command::{Exit, Failure, Streams};

/// Make a configuration out of another gateway's
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum From {
    Tyk(Tyk),
}

/// Import API definitions of Tyk, classic or OAS, with their policies
///
/// The configuration goes to standard output, or to a file; the report to standard error: what
/// became of each field, what must be filled in, and what is wrong with the definition itself. What
/// Tyk has no field for and Tollgate asks for is filled with what refuses everybody, never with what
/// lets somebody in.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tollgate import tyk api.json --policies policies.json -o tollgate.json
  tollgate import tyk orders.json files.json --audience api://default
  tollgate import tyk api.json --cluster okta --format json 2> report.json

Exit status: 0 imported, 1 nothing could be imported faithfully (with --strict also: something \
is wrong, not supported or to be filled in), 2 wrong arguments or a file that cannot be read.")]
struct Tyk {
    /// Definitions: files with one, or with a list of them; `-` is standard input
    #[arg(required = true, value_name = "API.JSON")]
    files: Vec<PathBuf>,
    /// The policies: an object by id, or a list
    #[arg(long, value_name = "POLICIES.JSON")]
    policies: Option<PathBuf>,
    /// Sessions of keys that were made for single callers, as the gateway's or the dashboard's API
    /// gives them: their policies become `by_identity`
    #[arg(long, value_name = "KEYS.JSON")]
    keys: Option<PathBuf>,
    /// Write the configuration to this file; one that is there is never overwritten
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The issuer, where neither the definition nor its URL says it; of several, those on the host of
    /// the keys are taken
    #[arg(long, value_name = "ISS")]
    issuer: Vec<String>,
    /// An audience, where the definition names none
    #[arg(long, value_name = "AUD", conflicts_with = "any_audience")]
    audience: Vec<String>,
    /// Accept any audience, where the definition names none
    #[arg(long)]
    any_audience: bool,
    /// The Envoy cluster for the keys: one for all, or HOST=CLUSTER for those on a host; else it is
    /// called like the host
    #[arg(long, value_name = "CLUSTER")]
    cluster: Vec<String>,
    /// When the detailed log ends that a definition asks for
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    detail_until: Option<UnixMillis>,
    /// The form of the report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Exit with 1 where something is wrong, not supported or to be filled in
    #[arg(long)]
    strict: bool,
}

pub(super) fn run(arguments: &Arguments, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let From::Tyk(arguments) = &arguments.from;
    let mut report = Report::default();
    let (definitions, resources) = definitions(arguments, &mut report, streams)?;
    let mut policies = policies(arguments, resources, &mut report, streams)?;
    policies.expect(&definitions);
    let options = Options {
        issuer: arguments.issuer.clone(),
        audience: arguments.audience.clone(),
        any_audience: arguments.any_audience,
        cluster: arguments.cluster.clone(),
        keys: keys(arguments, &mut report, streams)?,
        detail_until: arguments.detail_until,
        by_name: policies.keep_their_names(),
    };
    for definition in &definitions {
        let case = Case { definition, all: &definitions, policies: &policies };
        wrong::report(&case, &mut report);
    }
    let unreadable = definitions.iter().any(|definition| !definition.wrong_types.is_empty());
    let imported = convert::convert(&definitions, &mut policies, &options, &mut report);
    for definition in &definitions {
        // What is not served has nothing that could restrict.
        if definition.off.is_none() {
            walk::tell(&definition.members, &definition.source, provider::UNTIL, &mut report);
        }
    }
    let text = format!("{:#}\n", imported.config);
    let refused = imported.served > 0 && judge(&text, &mut report);
    let faithful = !unreadable && imported.served > 0 && !refused;
    if !faithful {
        let why = match (unreadable, refused) {
            (true, _) => "a field has a type that Tyk would not take, either: mend it first",
            (_, true) => "what came out is refused: see above",
            _ => "no API that is public or takes tokens or API keys",
        };
        report.add(Kind::Wrong, RESULT, "", format!("nothing was imported: {why}"));
    }
    tell(arguments, &report, streams)?;
    if !faithful {
        return Ok(Exit::Problems);
    }
    write(arguments, &text, streams)?;
    let strict = arguments.strict && report.has_problems();
    Ok(if strict { Exit::Problems } else { Exit::Fine })
}

/// What the configuration as a whole is called in the report.
const RESULT: &str = "the configuration";

fn definitions(
    arguments: &Tyk,
    report: &mut Report,
    streams: &mut Streams<'_>,
) -> Result<(Vec<Definition>, Found), Failure> {
    let mut definitions = Vec::new();
    let mut resources = Vec::new();
    for file in &arguments.files {
        let document = read::document(file, streams)?;
        duplicates(&document, report);
        resources.extend(read::policy_resources(&document));
        for found in read::definitions(&document)? {
            let definition = definition(&found, &document.file);
            report.source(&definition.source);
            for wrong in &definition.wrong_types {
                let (field, message) = wrong.split_once(": ").unwrap_or((wrong, ""));
                report.add(Kind::Wrong, &definition.source, field, message);
            }
            definitions.push(definition);
        }
    }
    Ok((definitions, resources))
}

/// Reads a definition; `place` says where it was found.
fn definition(found: &read::Found, place: &str) -> Definition {
    let mut definition = match found.oas {
        true => oas::read(&found.value),
        false => classic::read(&found.value),
    };
    if definition.title.is_empty() {
        definition.title.clone_from(&definition.id);
    }
    let form = if found.oas { "OAS" } else { "classic" };
    let name = match definition.title.as_str() {
        "" => "without a name".to_owned(),
        title => quoted(title),
    };
    definition.source = format!("{place}: API {name} ({form})");
    definition.members = off::members(&definition);
    definition
}

/// Policies as they were found, each with the ids that it goes by.
type Found = Vec<(Vec<String>, serde_json::Value)>;

fn duplicates(document: &read::Document, report: &mut Report) {
    for path in &document.duplicates {
        let message = "written twice: the last one counts, and of two objects what either says, as in \
                       Tyk; delete one of them";
        report.add(Kind::Wrong, &document.file, path, message);
    }
}

fn policies(
    arguments: &Tyk,
    mut found: Found,
    report: &mut Report,
    streams: &mut Streams<'_>,
) -> Result<Policies, Failure> {
    if let Some(file) = &arguments.policies {
        let document = read::document(file, streams)?;
        duplicates(&document, report);
        found.extend(read::policies(&document)?);
    }
    let given = arguments.policies.is_some() || !found.is_empty();
    Ok(Policies::new(given.then_some(found), report))
}

fn keys(
    arguments: &Tyk,
    report: &mut Report,
    streams: &mut Streams<'_>,
) -> Result<Vec<serde_json::Value>, Failure> {
    let Some(file) = &arguments.keys else { return Ok(Vec::new()) };
    let document = read::document(file, streams)?;
    duplicates(&document, report);
    read::keys(&document)
}

/// Holds the configuration against the same rules as the filter does; whether it is refused.
fn judge(text: &str, report: &mut Report) -> bool {
    // Which variables there are shows where the filter runs.
    let any = |_: &str| Some("x".repeat(64));
    match Config::parse_with(text.as_bytes(), &any) {
        Ok(config) => {
            for warning in &config.warnings {
                let message = format!("`tollgate check` warns: {}", warning.message);
                report.add(Kind::Changed, RESULT, warning.path.to_string(), message);
            }
            false
        }
        Err(problems) => {
            for problem in &problems {
                report.add(
                    Kind::Wrong,
                    RESULT,
                    problem.path.to_string(),
                    problem.message.to_string(),
                );
            }
            true
        }
    }
}

fn tell(arguments: &Tyk, report: &Report, streams: &mut Streams<'_>) -> Result<(), Failure> {
    match arguments.format {
        Format::Text => report.write_text(streams.err)?,
        Format::Json => report.write_json(streams.err)?,
    }
    Ok(())
}

fn write(arguments: &Tyk, text: &str, streams: &mut Streams<'_>) -> Result<(), Failure> {
    match &arguments.output {
        None => streams.out.write_all(text.as_bytes())?,
        Some(file) => output::write_new(file, text)?,
    }
    Ok(())
}
