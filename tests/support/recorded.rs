//! What an operator or a client sees, held against a recording: `tests/recorded/<topic>.txt`
//! of the package.
//!
//! While a recording is held, every worker of the thread writes down what its engine asks for: the
//! log with its levels, answers, changes, notes and calls. What is as it was in the last of its kind
//! is `…`, a long text that stands in the line of the log before is `^`; what repeats is counted.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;
use std::{env, fs};

use tollgate::config::LogFormat;
use tollgate::engine;
use tollgate::event::{CallRequest, Effect, HeaderChange, Level, Reply, Settlement};

/// Set to anything, it writes every recording anew in place of comparing.
const ANEW: &str = "TOLLGATE_RECORD";
/// How many lines of a difference are shown.
const SHOWN: usize = 12;
/// How each step of an explanation begins.
const STEP: &str = "\n    {\"step\":";
/// What stands between what a step looked at and what it found.
const FOUND: &str = r#","found":"#;

thread_local! {
    static TAPE: RefCell<Option<Tape>> = const { RefCell::new(None) };
}

/// A recording in the making.
#[derive(Default)]
struct Tape {
    text: String,
    /// The last of each kind, whole.
    last: BTreeMap<String, String>,
    /// The last line of the log.
    logged: String,
    /// The last batch, and how often it came since it was written.
    batch: (String, usize),
}

/// Plays a topic, and holds what it comes to against its recording.
pub fn hold(topic: &str, play: impl FnOnce()) {
    TAPE.set(Some(Tape::default()));
    play();
    let mut tape = TAPE.take().expect("a tape");
    tape.write(String::new());
    let now = tape.text.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    let file = format!("tests/recorded/{topic}.txt");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&file);
    if env::var_os(ANEW).is_some() {
        fs::write(&path, now).expect("a place for recordings");
        return;
    }
    let recorded = fs::read_to_string(&path).unwrap_or_default();
    if let Some(difference) = difference(&recorded, &now) {
        panic!(
            "{file} holds another text (-) than there is now (+):\n{difference}\nIf that is meant, \
             write it anew, and look at its diff:\n  {ANEW}=1 cargo test --locked --test {}",
            env!("CARGO_CRATE_NAME"),
        );
    }
}

/// Plays something that is not written down.
pub fn unheard<T>(play: impl FnOnce() -> T) -> T {
    let tape = TAPE.take();
    let played = play();
    TAPE.set(tape);
    played
}

/// Begins a section.
pub fn section(head: &str) {
    with_tape(|tape| {
        tape.write(String::new());
        tape.text += if tape.text.is_empty() { "## " } else { "\n## " };
        tape.text += &format!("{head}\n");
    });
}

/// Writes down something of a kind.
pub fn line(kind: &str, text: impl Display) {
    with_tape(|tape| {
        let entry = tape.entry(kind, &text.to_string());
        tape.write(entry);
    });
}

/// Writes down a batch of effects.
pub fn effects(effects: &[Effect], format: LogFormat) {
    with_tape(|tape| {
        let (mut batch, mut notes) = (String::new(), String::new());
        for effect in effects {
            batch += &match effect {
                Effect::Log(record) => tape.log(record.level(), &engine::line(record, format)),
                Effect::Note { key, value, .. } => {
                    notes += if notes.is_empty() { "\n    notes: " } else { " " };
                    notes += &format!("{key}={value}");
                    continue;
                }
                Effect::ResponseHeaders { set, .. } => tape.entry("advise", &fields(set)),
                Effect::Clean { section, remove, .. } => {
                    let remove: Vec<_> = remove.iter().map(|name| name.escape_ascii()).collect();
                    tape.entry("clean", &format!("{section:?} {remove:?}"))
                }
                Effect::Call { request, .. } => {
                    let CallRequest { cluster, scheme, authority, path, timeout, max_body, .. } =
                        &**request;
                    let url =
                        format!("scheme: {scheme:?}, authority: {authority:?}, path: {path:?}");
                    let bounds = format!("timeout: {timeout:?}, max_body: {max_body}");
                    let mut told =
                        format!("CallRequest {{ cluster: {cluster:?}, {url}, {bounds} }}");
                    if request.method != "GET" {
                        told += &format!(", {} of {:?}", request.method, request.body);
                    }
                    tape.entry("call", &told)
                }
                Effect::Settle { how, .. } => {
                    let (kind, told) = match how {
                        Settlement::Forward(all) => ("forward", changes(all)),
                        Settlement::Respond(reply) => (&*reply.details, answer(reply)),
                    };
                    tape.entry(kind, &(told + &std::mem::take(&mut notes)))
                }
                Effect::Count { .. }
                | Effect::Define { .. }
                | Effect::Gauge { .. }
                | Effect::Observe { .. }
                | Effect::Read { .. } => continue,
            };
        }
        assert!(notes.is_empty(), "notes about a request that is not settled: {notes}");
        if !batch.is_empty() {
            tape.write(batch);
        }
    });
}

fn with_tape(write: impl FnOnce(&mut Tape)) {
    TAPE.with_borrow_mut(|tape| tape.as_mut().map(write));
}

impl Tape {
    /// Something of this kind: whole, or `…` where it is the same as the last.
    fn entry(&mut self, kind: &str, text: &str) -> String {
        let text = text.trim_end();
        let last = self.last.insert(kind.to_owned(), text.to_owned());
        if last.is_some_and(|last| last == text) {
            return format!("{kind} …\n");
        }
        let mut parts = text.split(STEP);
        let head = parts.next().unwrap_or_default().split_inclusive(",\"");
        let head: String = head.map(|field| self.field(field)).collect();
        let steps: String = parts.map(|step| self.step(step)).collect();
        let gap = if head.starts_with('\n') { "" } else { " " };
        format!("{kind}{gap}{head}{steps}\n")
    }

    /// A field of JSON, unless the last line of the log says it.
    fn field(&self, field: &str) -> String {
        let text = field.trim_end_matches(",\"");
        let is_above = text.len() > 60 && self.logged.contains(text);
        if is_above { "^".to_owned() } else { squeezed(field) }
    }

    /// A step of a decision; of one that found the same as the last time only what it looked at.
    fn step(&mut self, step: &str) -> String {
        let (looked_at, found) = step.split_once(FOUND).unwrap_or((step, ""));
        let last = self.last.insert(looked_at.to_owned(), found.to_owned());
        if last.is_some_and(|last| last == found) {
            let looked_at = looked_at.rsplit_once(r#""looked_at":"#).unwrap_or_default().1;
            return format!(" …{looked_at}");
        }
        format!("{STEP}{looked_at}{FOUND}{found}")
    }

    /// A line of the log: of its fields behind the first two those that differ from the last line
    /// that begins so.
    fn log(&mut self, level: Level, line: &str) -> String {
        // A quotation mark within a text is escaped.
        let fields: Vec<_> = line.split_inclusive(",\"").collect();
        let kind = fields.iter().take(2).copied().collect::<String>();
        let last = self.last.insert(kind, line.to_owned()).unwrap_or_default();
        let last: Vec<_> = last.split_inclusive(",\"").collect();
        let mut told = format!("{level:?} ").to_lowercase();
        for (at, field) in fields.iter().enumerate() {
            let is_told = at < 2 || fields.len() != last.len() || last[at] != *field;
            match is_told {
                true => told += &self.field(field),
                false if told.ends_with('…') => {}
                false => told.push('…'),
            }
        }
        self.logged = line.to_owned();
        told + "\n"
    }

    /// Writes a batch, or counts it where it is the last one again.
    fn write(&mut self, batch: String) {
        let (last, again) = &mut self.batch;
        if *last == batch && !batch.is_empty() {
            *again += 1;
            return;
        }
        if *again > 0 {
            self.text.push_str(&format!("and {again} times more\n"));
        }
        self.text.push_str(&batch);
        self.batch = (batch, 0);
    }
}

/// An answer of the filter itself: the status, then a line for each header and of the body.
fn answer(reply: &Reply) -> String {
    let grpc = reply.grpc_status.map(|status| format!(" gRPC {status}")).unwrap_or_default();
    assert!(!reply.body.contains(">\n<"), "a line break that cannot be told from ours");
    let body = reply.body.replace("><", ">\n<");
    let body = if body.is_empty() { body } else { format!("\n{body}").replace('\n', "\n    ") };
    format!("{}{grpc}{}{}", reply.status, fields(&reply.headers), objects(&body))
}

fn fields(headers: &[(&'static str, String)]) -> String {
    headers.iter().map(|(name, value)| format!("\n    {name}: {}", objects(value))).collect()
}

/// JSON with a line for each object of a list.
fn objects(text: &str) -> String {
    text.replace(r#",{""#, ",\n    {\"").replace(r#"[{""#, "[\n    {\"")
}

/// A text in which what stands there more than a hundred times in a row is counted.
fn squeezed(text: &str) -> String {
    let chars: Vec<_> = text.chars().collect();
    let run = |run: &[char]| match run {
        [first, ..] if run.len() > 100 => format!("{first}…{} times…", run.len()),
        run => run.iter().collect(),
    };
    chars.chunk_by(PartialEq::eq).map(run).collect()
}

/// What changes in the headers that go upstream.
fn changes(all: &[HeaderChange]) -> String {
    let change = |change: &HeaderChange| match change {
        HeaderChange::Remove(name) => format!("-{}", name.escape_ascii()),
        HeaderChange::Set(name, value) => format!("+{name}={}", value.escape_ascii()),
    };
    all.iter().map(change).collect::<Vec<_>>().join(" ")
}

/// The first lines in which two texts differ, below the head of their section.
fn difference(recorded: &str, now: &str) -> Option<String> {
    let [old, new] = [recorded, now].map(|text| text.lines().collect::<Vec<_>>());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    if same == old.len().max(new.len()) {
        return None;
    }
    let section = old[..same].iter().rfind(|line| line.starts_with("## ")).unwrap_or(&"");
    let (old, new) = (&old[same..], &new[same..]);
    let ends = old.iter().rev().zip(new.iter().rev());
    let tail = ends.take_while(|(old, new)| old == new).count();
    let (old, new) = (&old[..old.len() - tail], &new[..new.len() - tail]);
    let signed = |sign: char, line: &&str| format!("{sign} {line}\n");
    let shown: String = if old.len() == new.len() {
        let pairs = old.iter().zip(new).filter(|(old, new)| old != new);
        pairs.take(SHOWN / 2).map(|(old, new)| signed('-', old) + &signed('+', new)).collect()
    } else {
        let shown = |sign, lines: &[&str]| {
            lines.iter().take(SHOWN).map(|line| signed(sign, line)).collect::<String>()
        };
        shown('-', old) + &shown('+', new)
    };
    let (old, new) = (old.len(), new.len());
    Some(format!("line {}, {section}\n{shown}({old} lines, {new} now)\n", same + 1))
}
