//! What the network says: the engine fetches what it would fetch in a proxy, and its own records say
//! what that is worth.

use std::collections::BTreeMap;
use std::time::Duration;

use tollgate::config::Config;
use tollgate::event::{
    CallRequest, CallResponse, Effect, Event, FetchFailure, KeyLabel, Record, kid_or_dash,
};
use tollgate::ids::{Name, ProviderId};
use tollgate::time::{UnixMillis, secs_rounded_up};
use tollgate::verdict::quoted;
use tollgate::wire::to_hex;

use super::code::FileCode;
use super::report::{Remark, Severity};
use crate::host::{Hosted, MAX_ROUNDS, Outside};
use crate::online::Client;
use crate::yaml::{Node, Place};

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
    let refresh = config.rings.iter().map(|ring| (ring.provider.to_string(), ring.remote.refresh));
    let refresh = refresh.collect();
    let asked: Vec<_> = (0..config.providers.len())
        .map(ProviderId)
        .filter(|id| config.provider(*id).is_some_and(|one| one.introspection().is_some()))
        .collect();
    let mut asking = Asking {
        client,
        tree,
        at,
        refresh,
        max_age: None,
        reasons: Vec::new(),
        online: Online { remarks: Vec::new(), lines: Vec::new() },
    };
    let mut engine = Hosted::new(config, "check", now);
    let mut calls = engine.handle(Event::Tick, &mut asking);
    for _ in 0..MAX_ROUNDS {
        calls = engine.answer(calls, &mut asking);
    }
    // A token that nobody has: what matters is that the provider says so.
    let token = to_hex(&random(), 32);
    for provider in asked {
        let mut calls = engine.ask_about(provider, &token, &mut asking);
        for _ in 0..MAX_ROUNDS {
            engine.answer(calls, &mut asking);
            calls = engine.ask_about(provider, &token, &mut asking);
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

impl Outside for Asking<'_> {
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

    fn hear(&mut self, effect: Effect) {
        match effect {
            Effect::Log(record) => self.learn(*record),
            Effect::Count { metric, .. } => self.answered(&metric),
            _ => {}
        }
    }
}

impl Asking<'_> {
    /// Tells what a record says of what was fetched.
    fn learn(&mut self, record: Record) {
        let (severity, code, field, message) = match record {
            Record::KeysChanged { provider, keys, next_fetch } => {
                self.usable(&provider, &keys, next_fetch);
                return self.development(&provider, &keys);
            }
            Record::RevocationsChanged(list) => {
                let entries = list.entries.unwrap_or_default();
                let noun = if entries == 1 { "entry" } else { "entries" };
                return self.online.lines.push(format!("revoked: a list of {entries} {noun}"));
            }
            Record::KeyTolerated { provider, reason } => {
                return self.online.lines.push(format!("provider {provider}: {reason}"));
            }
            Record::KeySkipped { provider, skipped, .. } => {
                let message = format!("{skipped}: tokens that it signs are refused");
                (Severity::Warning, FileCode::OnlineKeySkipped, keys_field(&provider), message)
            }
            Record::KeyPrivate { provider, kid, reason } => {
                let message = format!("key {}: {reason}", kid_or_dash(kid.as_ref()));
                (Severity::Warning, FileCode::OnlineKeyPrivate, keys_field(&provider), message)
            }
            Record::KeysFetchFailed { provider, failure, .. } => {
                let found = self.found(failure);
                (Severity::Problem, FileCode::OnlineFailed, keys_field(&provider), found)
            }
            Record::IntrospectionFailed { provider, failure, refuses_client } => {
                let field = if refuses_client { "client" } else { "url" };
                let remedy = failure.remedy.clone();
                let found = format!("{}; {remedy}", self.found(failure));
                let field = format!("providers.{provider}.{field}");
                (Severity::Problem, FileCode::OnlineFailed, field, found)
            }
            Record::RevocationsFetchFailed(_, failure) => {
                let found = self.found(failure);
                (Severity::Problem, FileCode::OnlineFailed, "revoked".to_owned(), found)
            }
            _ => return,
        };
        self.remark(severity, code, &field, message);
    }

    /// Tells what a provider has said of a token that nobody has, by what was counted of it.
    fn answered(&mut self, metric: &str) {
        if let Some(provider) = metric.strip_prefix("tollgate_introspection_inactive_") {
            let line = format!(
                "provider {provider}: a token that nobody has is not active, as it must be"
            );
            self.online.lines.push(line);
        } else if let Some(provider) = metric.strip_prefix("tollgate_introspection_ok_") {
            let message = "says of a token that nobody has that it is active: it says so of any";
            let field = format!("providers.{provider}.url");
            self.remark(Severity::Problem, FileCode::OnlineFailed, &field, message.to_owned());
        }
    }

    /// Why a fetch has failed: the reader of sockets knows more than the engine, which only misses an
    /// answer.
    fn found(&mut self, failure: FetchFailure) -> String {
        let known = if failure.is_unanswered { self.reasons.pop() } else { None };
        known.unwrap_or_else(|| format!("{}: {}", failure.url, failure.found))
    }

    fn usable(&mut self, provider: &Name, keys: &[KeyLabel], next: Duration) {
        let count = keys.len();
        let noun = if count == 1 { "key" } else { "keys" };
        let configured = self.refresh.get(provider.as_str()).copied().unwrap_or_default();
        let cached = match self.max_age {
            Some(age) if age < configured && age <= SHORTEST_REFRESH => {
                ", since `cache-control` allows no longer (30 s at least)"
            }
            Some(age) if age < configured => ", since `cache-control` allows no longer",
            _ => "",
        };
        let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
        let (keys, seconds) = (keys.join(", "), secs_rounded_up(next));
        self.online.lines.push(format!(
            "provider {provider}: {count} usable {noun} ({keys}); fetched again after {seconds} \
             s{cached}"
        ));
    }

    fn development(&mut self, provider: &Name, keys: &[KeyLabel]) {
        let is_minted =
            |key: &&KeyLabel| key.kid.as_ref().is_some_and(|kid| kid.as_str().starts_with("dev-"));
        for key in keys.iter().filter(is_minted) {
            let message = format!(
                "the key {key} was minted for development: whoever has its other half is let in"
            );
            let code = FileCode::OnlineKeyDevelopment;
            self.remark(Severity::Warning, code, &keys_field(provider), message);
        }
    }

    fn remark(&mut self, severity: Severity, code: FileCode, field: &str, message: String) {
        let names: Vec<_> = field.split('.').collect();
        let at = self.tree.and_then(|tree| place(tree, &names)).unwrap_or(self.at);
        self.online.remarks.push(Remark::new(severity, code, at, field, message));
    }
}

/// Bytes that nobody knows.
fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    let _ = getrandom::fill(&mut bytes);
    bytes
}

/// The field that says where a provider's keys are.
fn keys_field(provider: &Name) -> String {
    format!("providers.{provider}.jwks")
}

/// Where the member of a path stands.
fn place(tree: &Node, names: &[&str]) -> Option<Place> {
    let (last, path) = names.split_last()?;
    let holder = tree.path(path)?;
    holder.member(last).map(|member| member.at)
}
