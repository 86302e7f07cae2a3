//! `tollgate check`: everything that is wrong or risky about configurations, before a proxy reads
//! them.
//!
//! What a configuration means is the library's to say, and what an answer of a provider is worth is
//! the engine's. Only what holds a configuration is judged here.

mod back_channel;
mod beside;
mod chain;
mod code;
mod domain;
mod entry;
mod fetched;
mod form;
mod gateway;
mod held;
mod holder;
mod http2;
mod lying;
mod mesh;
mod order;
mod origin;
mod reach;
mod reads;
mod report;
mod shared;
mod slots;
mod surroundings;
mod windows;
mod words;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use saphyr_parser::ScalarStyle;
use serde_json::json;
use tollgate::config::{Code, Config, LONGEST_DETAIL, Problem};
use tollgate::http::Url;
use tollgate::provider::Provider;
use tollgate::time::UnixMillis;

use super::format::Format;
use super::online::Client;
use super::{foreign, input, moment, yaml};
use crate::command::{Exit, Failure, Streams};
use beside::Beside;
use code::FileCode;
use held::Held;
use holder::{Environment, Holder, Json, Plane};
use origin::Origin;
pub(super) use report::Report;
use report::{Checked, Remark, Severity};
use yaml::{Node, Place, Plain, Value};

/// Longest file that is read, in bytes.
pub(super) const MAX_BYTES: u64 = 8 * 1024 * 1024;
/// How long before its end an API key is worth a warning.
const SOON: Duration = Duration::from_secs(30 * 24 * 3600);
/// What stands for a secret that only the proxy's environment has: long enough for every algorithm.
const UNKNOWN_SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

const NOTHING_IN_IT: &str = "no configuration of Tollgate in it: ";

const EXAMPLES: &str = "\
Examples:
  tollgate check config.json
  tollgate check envoy.yaml wasmplugin.yaml
  kubectl get wasmplugin tollgate -o yaml | tollgate check -
  tollgate check --online --ca ca.pem envoy.yaml
  tollgate check --strict --format json config.json

A file is a configuration in JSON or YAML, or it holds some: an Envoy configuration or a part of \
one, an Istio WasmPlugin or EnvoyFilter, an Envoy Gateway EnvoyExtensionPolicy, a ConfigMap with \
one of these as a text. The codes in brackets are explained in docs/problem-codes.md, which \
a release has in tollgate-docs.tar. Exit \
status: 0 where nothing is wrong, 1 where something is, 2 where a file cannot be read or holds \
no configuration of Tollgate.";

/// Say what is wrong or risky about configurations
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Exit with 1 for warnings, too
    #[arg(long)]
    strict: bool,
    /// Fetch discovery documents, key sets and revocations, and say what they are worth
    #[arg(long)]
    online: bool,
    /// Certificate authorities to trust besides the system's, in PEM; for `--online`
    #[arg(long, value_name = "FILE", requires = "online")]
    ca: Option<PathBuf>,
    /// Ask the server of MCP at this URL whether it refuses headers that lie; for `--online`
    #[arg(long, value_name = "URL", requires = "online", value_parser = server)]
    mcp: Option<Url>,
    /// Judge when keys expire as at this moment instead of now
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    at: Option<UnixMillis>,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What a check goes by besides the file.
struct Checker {
    now: UnixMillis,
    client: Option<Client>,
    /// A server of MCP that is asked, too.
    mcp: Option<Url>,
    beside: Beside,
}

/// The URL of a server.
fn server(text: &str) -> Result<Url, String> {
    Url::parse(text).map_err(|error| error.to_string())
}

pub(super) fn run(arguments: &Arguments, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let client = match arguments.online {
        true => Some(Client::new(arguments.ca.as_deref())?),
        false => None,
    };
    let read = |file: &'_ PathBuf| input::read(Some(file), MAX_BYTES, streams);
    let files: Vec<_> = arguments.files.iter().zip(arguments.files.iter().map(read)).collect();
    let texts =
        files.iter().filter_map(|(_, read)| std::str::from_utf8(read.as_deref().ok()?).ok());
    let beside = Beside::of(texts);
    let checker = Checker {
        now: moment::given_or_now(arguments.at),
        client,
        mcp: arguments.mcp.clone(),
        beside,
    };
    let (mut reports, mut misuses) = (Vec::new(), Vec::new());
    for (file, read) in files {
        match read.and_then(|bytes| checker.file(file, &bytes)) {
            Ok(report) => reports.push(report),
            Err(Failure::Misuse(message)) => misuses.push(message),
            Err(failure) => return Err(failure),
        }
    }
    shared::compare(&mut reports);
    if arguments.format == Format::Text {
        for report in &reports {
            report.tell(&mut streams.out)?;
        }
    }
    let count = |severity| reports.iter().map(|report| report.count(severity)).sum::<usize>();
    let (problems, warnings) = (count(Severity::Problem), count(Severity::Warning));
    if arguments.format == Format::Json {
        let files: Vec<_> = reports.iter().map(Report::json).collect();
        let whole = json!({ "files": files, "problems": problems, "warnings": warnings });
        writeln!(streams.out, "{whole:#}")?;
    }
    if !misuses.is_empty() {
        return Err(Failure::Misuse(misuses.join("\ntollgate: ")));
    }
    let wrong = problems > 0 || (arguments.strict && warnings > 0);
    Ok(if wrong { Exit::Problems } else { Exit::Fine })
}

/// Whether a file has a configuration of Tollgate in it, right or wrong.
pub(super) fn has_own(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let found = held::find("", text, &Beside::of(Some(text))).unwrap_or_default();
    found.iter().any(|held| !held.is_doubtful())
}

/// A variable of this process, where the proxy would have it of its VM's.
pub(super) fn of_process(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a secret may be named by a variable")]
    std::env::var(name).ok()
}

/// What stands for a secret that nobody here knows; each for another, so that no two are taken for one.
pub(super) fn stand_in(name: &str) -> String {
    [UNKNOWN_SECRET, name].concat()
}

/// A file's one configuration, for a command that goes on with it; `Err` is what is wrong with the
/// file. A variable that the file gives no value has that of `outside`.
pub(super) fn load(
    path: &Path,
    bytes: &[u8],
    outside: &dyn Fn(&str) -> Option<String>,
) -> Result<Result<Config, Report>, Failure> {
    let beside = Beside::of(std::str::from_utf8(bytes).ok());
    let found = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| held::find(&path.to_string_lossy(), text, &beside).ok());
    let mut found = found.unwrap_or_default();
    back_channel::check(&mut found, &beside, &parsed);
    // The remarks are told where the file is checked.
    if found.len() > 1 {
        found.retain(|held| !held.is_twin());
    }
    if let several @ [_, _, ..] = &*found {
        let names: Vec<_> = several.iter().map(|held| held.name.as_str()).collect();
        return Err(Failure::Misuse(format!(
            "{}: {} configurations in it ({}): write the one that is meant into a file of its own",
            input::shown(path),
            names.len(),
            names.join(", ")
        )));
    }
    let held = found.into_iter().next();
    let missing = RefCell::new(BTreeSet::new());
    if let Some((json, environment)) = held.and_then(|held| Some((held.json?, held.environment))) {
        // Nobody is logged in here: what a login's client shows is never sent.
        let unsent = json.tree.as_ref().map(secrets_of_logins).unwrap_or_default();
        let variable = |name: &str| {
            let given = environment.values.iter().find(|(known, _)| known == name);
            let value = given.map(|(_, value)| value.clone()).or_else(|| outside(name));
            let stand_in = || unsent.iter().any(|one| one == name).then(|| stand_in(name));
            let value = value.or_else(stand_in);
            if value.is_none() {
                missing.borrow_mut().insert(name.to_owned());
            }
            value
        };
        if let Ok(config) = Config::parse_with(json.text.as_bytes(), &variable) {
            return Ok(Ok(config));
        }
    }
    let checker = Checker { now: UnixMillis::default(), client: None, mcp: None, beside };
    let report = checker.file(path, bytes)?;
    let missing: Vec<_> = missing.into_inner().into_iter().collect();
    // In a proxy they may well be there.
    if !missing.is_empty() && report.count(Severity::Problem) == 0 {
        return Err(Failure::Misuse(format!(
            "{}: set {} for this command, as the proxy has it: the configuration takes secrets from there",
            input::shown(path),
            missing.join(", ")
        )));
    }
    Ok(Err(report))
}

impl Checker {
    fn file(&self, path: &Path, bytes: &[u8]) -> Result<Report, Failure> {
        let file = match path.to_str() {
            Some("-") => "standard input".to_owned(),
            _ => input::shown(path),
        };
        let found = std::str::from_utf8(bytes)
            .map(|text| held::find(&path.to_string_lossy(), text, &self.beside));
        let doubtful = !matches!(&found, Ok(Ok(held)) if !held.iter().all(Held::is_doubtful));
        if let Some(foreign) = foreign::recognise(bytes).filter(|_| doubtful) {
            let missing = if foreign.is_of_tyk() { "" } else { NOTHING_IN_IT };
            let told = foreign.told();
            return Err(Failure::Misuse(format!("{file}: {missing}{told}")));
        }
        let held = match found {
            Ok(Ok(mut held)) => {
                back_channel::check(&mut held, &self.beside, &parsed);
                held
            }
            // Bytes that are no text are told by the configuration's own reader.
            Err(_) => {
                let configurations = vec![bytes_alone(bytes)];
                return Ok(Report { file, configurations });
            }
            Ok(Err(malformed)) => {
                let remark = Remark::new(
                    Severity::Problem,
                    FileCode::FileMalformed,
                    malformed.at,
                    "",
                    malformed.message,
                );
                let checked = Checked { remarks: vec![remark], ..Checked::default() };
                return Ok(Report { file, configurations: vec![checked] });
            }
        };
        if held.is_empty() || held.iter().all(|held| held.is_doubtful() && held.is_strange()) {
            return Err(Failure::Misuse(format!(
                "{file}: {NOTHING_IN_IT}neither `providers` or `apis` at the top, nor a Wasm filter, \
                 WasmPlugin or EnvoyExtensionPolicy that has them or is named after Tollgate"
            )));
        }
        let configurations = held.into_iter().map(|held| self.configuration(held)).collect();
        Ok(Report { file, configurations })
    }

    fn configuration(&self, held: Held) -> Checked {
        let mut checked = Checked { name: held.name, remarks: held.remarks, ..Checked::default() };
        let Some(json) = held.json else { return checked };
        let variable = |name: &str| variable(name, held.holder, &held.environment);
        let config = match Config::parse_with(json.text.as_bytes(), &variable) {
            Ok(config) => config,
            Err(problems) => {
                let remarks = problems
                    .iter()
                    .map(|problem| Remark::of_problem(problem, Severity::Problem, &json.origin));
                checked.remarks.extend(remarks.map(|remark| explain_yaml(remark, &json)));
                once(&mut checked.remarks);
                return checked;
            }
        };
        if let Some(Err(problems)) =
            json.message.as_ref().map(|bytes| Config::parse_with(bytes, &variable))
        {
            // A tree can say what is no configuration as a message, and is one as a text.
            let remarks = problems.iter().map(|problem| {
                let mut remark = Remark::of_problem(problem, Severity::Problem, &json.origin);
                let tree = json.tree.as_ref();
                remark.at =
                    tree.and_then(|tree| words::place_of(tree, &remark.field)).unwrap_or(held.at);
                remark
            });
            checked.remarks.extend(remarks);
            once(&mut checked.remarks);
            return checked;
        }
        let warnings = config
            .warnings
            .iter()
            .filter(|warning| !held.shows_addresses || warning.code != Code::AddressUnproven)
            .map(|warning| Remark::of_problem(warning, severity(warning, &config), &json.origin));
        checked.remarks.extend(warnings);
        let note = |note| Remark::of_problem(note, Severity::Note, &json.origin);
        checked.remarks.extend(config.notes.iter().map(note));
        let tree = json.tree.as_ref();
        expiries(tree, self.now, &mut checked.remarks);
        revocations(tree, self.now, &mut checked.remarks);
        details(tree, self.now, &mut checked.remarks);
        let is_shared = config.remote_limits.is_some();
        limits(tree, is_shared, (held.at, held.several), &mut checked.remarks);
        let remarks = &mut checked.remarks;
        let clusters = held.clusters.as_deref();
        let around = (held.plane, clusters, &self.beside);
        shared::check(&config, tree, around, held.at, remarks);
        let root = held.root.as_deref();
        checked.counted = shared::counted(&config, tree, (held.plane, clusters, root), held.at);
        match (held.plane, &held.clusters) {
            (Plane::Istio, _) => mesh::check(&config, tree, &self.beside, held.at, remarks),
            (Plane::Gateway, _) => gateway::check(&config, tree, &self.beside, held.at, remarks),
            (Plane::None, Some(clusters)) => {
                reach::check(&config, tree, clusters, held.at, remarks)
            }
            (Plane::None, None) => {}
        }
        if let Some(around) = held.around.as_ref().filter(|_| !held.entry.reads()) {
            order::check(&config, around, &mut checked.remarks);
        }
        let has_mcp = config.apis.iter().any(|api| api.mcp.is_some());
        if let Some(client) = &self.client {
            let online = fetched::ask(config, client, self.now, tree, held.at);
            checked.remarks.extend(online.remarks);
            let mut lines = online.lines;
            if let Some(url) = self.mcp.as_ref().filter(|_| has_mcp) {
                let (remark, line) = lying::ask(url, client, held.at);
                checked.remarks.extend(remark);
                lines.push(line);
            }
            checked.online = Some(lines);
        }
        checked
    }
}

/// Leaves of what is said of one place only what says how YAML misreads it, or the filter's own word.
fn once(remarks: &mut Vec<Remark>) {
    let places = |remarks: &[Remark], code: &str| -> Vec<_> {
        remarks.iter().filter(|one| one.code == code).map(|one| one.at).collect()
    };
    let misread = places(remarks, FileCode::YamlMisread.name());
    let twice = places(remarks, Code::FieldTwice.name());
    remarks.retain(|one| {
        let is_word = one.code == FileCode::YamlMisread.name();
        let is_twice = one.code == FileCode::MemberTwice.name();
        (is_word || !misread.contains(&one.at)) && (!is_twice || !twice.contains(&one.at))
    });
}

/// What is wrong with bytes that are no text.
fn bytes_alone(bytes: &[u8]) -> Checked {
    let problems = Config::parse(bytes).err().unwrap_or_default();
    let remarks = problems
        .iter()
        .map(|problem| Remark::of_problem(problem, Severity::Problem, &Origin::File));
    Checked { remarks: remarks.collect(), ..Checked::default() }
}

/// The variables that hold secrets of clients which only log people in.
fn secrets_of_logins(configuration: &Node) -> Vec<String> {
    fn named(node: &Node, found: &mut Vec<String>) {
        found.extend(node.text_at(&["env"]).map(str::to_owned));
        node.members().iter().for_each(|member| named(&member.node, found));
        node.elements().iter().for_each(|element| named(element, found));
    }
    let mut found = Vec::new();
    for provider in configuration.get("providers").map(Node::members).unwrap_or_default() {
        if let Some(client) = provider.node.path(&["login", "client"]) {
            named(client, &mut found);
        }
    }
    found
}

/// A configuration, where it can be read.
fn parsed(held: &Held) -> Option<Config> {
    let variable = |name: &str| variable(name, held.holder, &held.environment);
    Config::parse_with(held.json.as_ref()?.text.as_bytes(), &variable).ok()
}

/// A variable of the VM's environment, as far as it can be known here.
fn variable(name: &str, holder: Holder, environment: &Environment) -> Option<String> {
    if let Some((_, value)) = environment.values.iter().find(|(known, _)| known == name) {
        return Some(value.clone());
    }
    let handed_over = environment.host.iter().any(|known| known == name);
    (handed_over || holder == Holder::File).then(|| stand_in(name))
}

/// Adds to a wrong type what YAML made of a plain word.
fn explain_yaml(mut remark: Remark, json: &Json) -> Remark {
    let (Origin::Tree(_), Some(tree)) = (&json.origin, &json.tree) else { return remark };
    let Some(Value::Scalar(scalar)) = find(tree, remark.at).map(|node| &node.value) else {
        return remark;
    };
    let kind = match scalar.plain() {
        _ if scalar.style != ScalarStyle::Plain || remark.code != Code::TypeWrong.name() => {
            return remark;
        }
        Plain::Bool(_) => "a boolean",
        Plain::Number(_) => "a number",
        Plain::Null | Plain::Text => return remark,
    };
    if let Some(found) = remark.message.strip_suffix(": put it in quotes") {
        let text = &scalar.text;
        remark.message = format!("{found}; YAML reads {text} as {kind}: write \"{text}\"");
    }
    remark
}

/// The value that begins at a place.
fn find(node: &Node, at: Place) -> Option<&Node> {
    let inner = node.members().iter().map(|member| &member.node).chain(node.elements());
    match &node.value {
        Value::Scalar(_) => (node.at == at).then_some(node),
        _ => inner.into_iter().find_map(|inner| find(inner, at)),
    }
}

/// API keys that have come to their end, or will soon.
fn expiries(tree: Option<&Node>, now: UnixMillis, remarks: &mut Vec<Remark>) {
    let providers = tree.and_then(|tree| tree.get("providers")).map(Node::members);
    for provider in providers.unwrap_or_default() {
        let keys = provider.node.get("keys").map(Node::elements).unwrap_or_default();
        for (index, key) in keys.iter().enumerate() {
            let Some(node) = key.get("expires") else { continue };
            let Some(expires) = node.text().and_then(UnixMillis::from_rfc3339) else { continue };
            let (code, message) = if expires <= now {
                (FileCode::KeyExpired, "this key has expired; delete it, or give it a later end")
            } else if expires <= now.after(SOON) {
                let message = "this key expires within 30 days; give its owner another beside it";
                (FileCode::KeyExpiresSoon, message)
            } else {
                continue;
            };
            let field = format!("providers.{}.keys[{index}].expires", provider.name);
            remarks.push(Remark::new(Severity::Warning, code, node.at, field, message));
        }
    }
}

/// Entries of the list of revocations that are over.
fn revocations(tree: Option<&Node>, now: UnixMillis, remarks: &mut Vec<Remark>) {
    let entries = tree.and_then(|tree| tree.get("revoked")?.get("entries")).map(Node::elements);
    for (index, entry) in entries.unwrap_or_default().iter().enumerate() {
        let Some(node) = entry.get("until") else { continue };
        let until = node.text().and_then(UnixMillis::from_rfc3339);
        if until.is_some_and(|until| until <= now) {
            let message = "this has passed: the entry refuses nobody any more; delete it, or write a \
                           later end";
            let (code, field) =
                (FileCode::RevocationOver, format!("revoked.entries[{index}].until"));
            remarks.push(Remark::new(Severity::Warning, code, node.at, field, message));
        }
    }
}

/// Detailed logs that have ended, or that end before it is written.
fn details(tree: Option<&Node>, now: UnixMillis, remarks: &mut Vec<Remark>) {
    let Some(node) = tree.and_then(|tree| tree.get("log")?.get("until")) else { return };
    let Some(until) = node.text().and_then(UnixMillis::from_rfc3339) else { return };
    let (severity, code, message) = if until <= now {
        let message = "this has passed: nothing is logged in detail any more; write a later end, or \
                       delete `detail` and `until`";
        (Severity::Warning, FileCode::LogDetailEnded, message)
    } else if until > now.after(LONGEST_DETAIL) {
        let message = "this is more than 7 days away, and 7 days after the load it ends in any case; \
                       write an earlier end";
        (Severity::Problem, FileCode::LogDetailLong, message)
    } else {
        return;
    };
    remarks.push(Remark::new(severity, code, node.at, "log.until".to_owned(), message));
}

/// Limits that several proxies would each count for themselves: all, or those that say so where a service
/// counts the others.
fn limits(
    tree: Option<&Node>,
    is_shared: bool,
    (at, several): (Place, bool),
    remarks: &mut Vec<Remark>,
) {
    fn first(node: &Node, is_shared: bool) -> Option<Place> {
        let is_own = |node: &Node| !is_shared || node.text_at(&["count"]) == Some("process");
        let is_limit = |name: &str| matches!(name, "quota" | "rate");
        let mut members = node.members().iter();
        let own = members.find(|member| is_limit(&member.name) && is_own(&member.node));
        own.map(|member| member.at).or_else(|| {
            let members = node.members().iter().map(|member| &member.node);
            members.chain(node.elements()).find_map(|node| first(node, is_shared))
        })
    }
    let parts = ["policies", "apis"].into_iter().filter_map(|name| tree?.get(name));
    if let Some(place) = parts.into_iter().find_map(|node| first(node, is_shared)) {
        let at = if place == Place::default() { at } else { place };
        let message = "each proxy counts for itself, from its start on: N proxies allow N times as \
                       much";
        let (severity, message) = match several {
            true => (
                Severity::Warning,
                format!("{message}, and this file makes several; divide the limits among them"),
            ),
            false => (Severity::Note, message.to_owned()),
        };
        remarks.push(Remark::new(severity, FileCode::LimitsPerProxy, at, "", message));
    }
}

#[cfg(test)]
mod tests;

/// How grave a warning is: a provider that is asked about tokens says of those for itself that they are
/// active, too, whatever they were made for.
fn severity(warning: &Problem, config: &Config) -> Severity {
    let is_for_itself = |provider: &Provider| {
        let requirements = provider.introspection().map(|asked| &asked.requirements)?;
        let (audiences, issuers) =
            (requirements.audiences.as_ref()?, requirements.issuers.as_ref()?);
        let field =
            warning.path.strip_prefix("providers.")?.strip_prefix(provider.name.as_str())?;
        let field = field.starts_with(".audiences");
        Some(field && audiences.iter().any(|audience| issuers.contains(audience)))
    };
    let is_grave = warning.code == Code::AudienceCallerChosen
        && config.providers.iter().any(|one| is_for_itself(one).unwrap_or_default());
    if is_grave { Severity::Problem } else { Severity::Warning }
}
