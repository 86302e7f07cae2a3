//! What the network says: the engine fetches what it would fetch in a proxy, and its own log says
//! what that is worth.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::code::FileCode;
use super::report::{Remark, Severity};
use super::yaml::{Node, Place};
use crate::cli::host::{Store, SystemRandom};
use crate::cli::online::Client;
use crate::config::{Config, LogFormat};
use crate::engine::Engine;
use crate::env::{Env, Unmetered};
use crate::event::{CallRequest, CallResponse, Effect, Event};
use crate::ids::CallId;
use crate::jose::verify::InWasm;
use crate::time::UnixMillis;
use crate::verdict::quoted;

/// A discovery and its key set are two calls, one after the other; no fetch makes more.
const MAX_ROUNDS: usize = 4;
/// Shortest time between two fetches that a `max-age` can bring about.
const SHORTEST_REFRESH: Duration = Duration::from_secs(30);

/// What was learnt.
pub(super) struct Online {
    pub(super) remarks: Vec<Remark>,
    /// What was asked and what came, in sentences.
    pub(super) lines: Vec<String>,
}

/// Fetches everything that a configuration has fetched.
pub(super) fn ask(
    config: Config,
    client: &Client,
    now: UnixMillis,
    tree: Option<&Node>,
    at: Place,
) -> Online {
    let mut config = config;
    config.log.format = LogFormat::Json;
    let refresh = config.rings.iter().map(|ring| (ring.provider.to_string(), ring.refresh));
    let refresh = refresh.collect();
    let mut asking = Asking {
        client,
        tree,
        at,
        refresh,
        max_age: None,
        reasons: Vec::new(),
        online: Online { remarks: Vec::new(), lines: Vec::new() },
    };
    let (store, random) = (Store::default(), SystemRandom);
    let env = Env { now, random: &random, shared: &store, metrics: &Unmetered, verifier: &InWasm };
    let mut engine = Engine::new(config, "check");
    // What it warns of is told already.
    engine.start(&env);
    let effects = engine.handle(Event::Tick, &env);
    let mut calls = asking.take(effects);
    for _ in 0..MAX_ROUNDS {
        for (call, request) in std::mem::take(&mut calls) {
            let response = asking.call(&request);
            let effects = engine.handle(Event::CallDone { call, response }, &env);
            calls.extend(asking.take(effects));
        }
    }
    if asking.online.lines.is_empty() {
        asking.online.lines.push("nothing is fetched by this configuration".into());
    }
    asking.online
}

struct Asking<'a> {
    client: &'a Client,
    tree: Option<&'a Node>,
    /// The place of the configuration.
    at: Place,
    /// How often each provider's keys are to be fetched.
    refresh: BTreeMap<String, Duration>,
    /// How long the last answer may be kept, where it says so.
    max_age: Option<Duration>,
    /// Why calls had no answer.
    reasons: Vec<String>,
    online: Online,
}

impl Asking<'_> {
    fn call(&mut self, request: &CallRequest) -> Option<CallResponse> {
        let path = request.path.split('?').next().unwrap_or_default();
        let url = format!("{}://{}{path}", request.scheme, request.authority);
        let answer = self.client.call(request);
        self.max_age = answer.as_ref().ok().and_then(CallResponse::max_age);
        let line = match &answer {
            Ok(CallResponse { status, body_size, headers, .. }) => {
                let header = |name: &str| {
                    let value = headers.first(name)?;
                    let shown = quoted(&String::from_utf8_lossy(value));
                    Some(format!(", {name} {shown}"))
                };
                let said: String = ["content-type", "cache-control", "location"]
                    .into_iter()
                    .filter_map(header)
                    .collect();
                format!("{url}: status {status}, {body_size} bytes{said}")
            }
            Err(why) => format!("{url}: {why}"),
        };
        if let Err(why) = &answer {
            self.reasons.push(format!("{url}: {why}"));
        }
        self.online.lines.push(line);
        answer.ok()
    }

    /// Learns from what the engine says; the calls that it wants.
    fn take(&mut self, effects: Vec<Effect>) -> Vec<(CallId, CallRequest)> {
        let mut calls = Vec::new();
        for effect in effects {
            match effect {
                Effect::Call { call, request } => calls.push((call, request)),
                Effect::Log { line, .. } => {
                    if let Ok(Value::Object(line)) = serde_json::from_str(&line) {
                        self.learn(&line);
                    }
                }
                _ => {}
            }
        }
        calls
    }

    /// Tells what a line of the engine's log says.
    fn learn(&mut self, line: &Map<String, Value>) {
        let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default();
        let provider = text("provider");
        let field = match provider {
            "" => "revoked".to_owned(),
            provider => format!("providers.{provider}.jwks"),
        };
        let (severity, code, message) = match text("event") {
            "keys_changed" => {
                self.usable(provider, text("keys"), text("next_fetch_ms"));
                return self.development(&field, text("keys"));
            }
            "revocations_changed" => {
                let entries = text("entries_in_use");
                return self.online.lines.push(format!("revoked: a list of {entries} entries"));
            }
            "key_tolerated" => {
                let told = format!("provider {provider}: {}", text("reason"));
                return self.online.lines.push(told);
            }
            "key_skipped" => (
                Severity::Warning,
                FileCode::OnlineKeySkipped,
                format!("{}: tokens that it signs are refused", text("skipped")),
            ),
            "key_private" => (
                Severity::Warning,
                FileCode::OnlineKeyPrivate,
                format!("key {}: {}", text("kid"), text("reason")),
            ),
            "keys_fetch_failed" | "revocations_fetch_failed" => {
                // The reader of sockets knows more than the engine, which only misses an answer.
                let found = match text("found") {
                    found if found.starts_with("no answer") => self.reasons.pop(),
                    _ => None,
                };
                let found = found.unwrap_or_else(|| format!("{}: {}", text("url"), text("found")));
                (Severity::Problem, FileCode::OnlineFailed, found)
            }
            _ => return,
        };
        self.remark(severity, code, &field, message);
    }

    fn usable(&mut self, provider: &str, keys: &str, next: &str) {
        let count = keys.split(", ").count();
        let noun = if count == 1 { "key" } else { "keys" };
        let next: u64 = next.parse().unwrap_or_default();
        let configured = self.refresh.get(provider).copied().unwrap_or_default();
        let cached = match self.max_age {
            Some(age) if age < configured && age <= SHORTEST_REFRESH => {
                ", since `cache-control` allows no longer (30 s at least)"
            }
            Some(age) if age < configured => ", since `cache-control` allows no longer",
            _ => "",
        };
        let seconds = next.div_ceil(1000);
        self.online.lines.push(format!(
            "provider {provider}: {count} usable {noun} ({keys}); fetched again after {seconds} \
             s{cached}"
        ));
    }

    fn development(&mut self, field: &str, keys: &str) {
        for key in keys.split(", ").filter(|key| key.trim_start_matches('`').starts_with("dev-")) {
            let message = format!(
                "the key {key} was minted for development: whoever has its other half is let in"
            );
            self.remark(Severity::Warning, FileCode::OnlineKeyDevelopment, field, message);
        }
    }

    fn remark(&mut self, severity: Severity, code: FileCode, field: &str, message: String) {
        let names: Vec<_> = field.split('.').collect();
        let at = self.tree.and_then(|tree| place(tree, &names)).unwrap_or(self.at);
        self.online.remarks.push(Remark::new(severity, code, at, field, message));
    }
}

/// Where the member of a path stands.
fn place(tree: &Node, names: &[&str]) -> Option<Place> {
    let (last, path) = names.split_last()?;
    let holder = tree.path(path)?;
    holder.member(last).map(|member| member.at)
}
