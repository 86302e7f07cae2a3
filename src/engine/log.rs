//! What the operator reads: one structured line per refusal and per change of a key set, never a
//! token, bounded in rate.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::admission::Trail;
use super::budget::Budget;
use super::{remedy, reply};
use crate::config::{Config, LogConfig, LogFormat, LogIdentity, Problem};
use crate::event::{Effect, Level, metric};
use crate::http::RequestHead;
use crate::ids::{Kid, Name};
use crate::json;
use crate::time::UnixMillis;
use crate::verdict::Refusal;
use crate::wire::to_hex;

/// Longest field that repeats what a client sent, in bytes.
pub(super) const MAX_FIELD: usize = 64;
/// Longest issuer: they are compared by eye, down to the last slash.
pub(super) const MAX_ISSUER: usize = 128;
/// Longest path.
const MAX_PATH: usize = 256;

/// The log's form and its budget.
#[derive(Debug)]
pub(super) struct Log {
    config: LogConfig,
    budget: Budget,
    /// Lines suppressed since the last one written.
    suppressed: u64,
}

impl Log {
    pub(super) fn new(config: &LogConfig) -> Self {
        Self { config: config.clone(), budget: Budget::new(config.per_second), suppressed: 0 }
    }

    /// Writes the line of a refusal, if the budget allows, else counts it; says which.
    pub(super) fn refusal(
        &mut self,
        (refusal, config): (&Refusal, &Config),
        trail: &Trail,
        head: &RequestHead,
        reports: bool,
        now: UnixMillis,
        effects: &mut Vec<Effect>,
    ) -> bool {
        if !self.has_room(now, effects) {
            return false;
        }
        let mut line = Line::new("request_denied");
        line.text("code", refusal.deny.code());
        line.text("step", refusal.deny.step().name());
        line.optional("provider", trail.provider.as_ref().map(Name::as_str));
        line.optional("api", trail.api.as_ref().map(Name::as_str));
        line.optional("key", trail.key.as_deref());
        line.optional("path", self.path(head).as_deref());
        line.untrusted("kid", trail.kid.as_ref().map(Kid::as_str), MAX_FIELD);
        line.untrusted("iss", trail.issuer.as_deref(), MAX_ISSUER);
        let identity = trail.identity.as_deref().and_then(|identity| self.shown(identity));
        line.optional("identity", identity.as_deref());
        line.text("reason", &refusal.reason);
        line.text("remedy", &remedy::fill(refusal, trail, config));
        line.optional("request_id", reply::request_id(head));
        line.text("mode", if reports { "report" } else { "enforce" });
        if self.suppressed > 0 {
            line.number("suppressed", std::mem::take(&mut self.suppressed));
        }
        effects.push(self.effect(Level::Warn, line));
        true
    }

    /// Writes that somebody showed a wrong key for the operator's page, if the budget allows, else
    /// counts it.
    pub(super) fn wrong_status_key(
        &mut self,
        head: &RequestHead,
        now: UnixMillis,
        effects: &mut Vec<Effect>,
    ) {
        if !self.has_room(now, effects) {
            return;
        }
        let mut line = Line::new("status_key_refused");
        line.text("reason", "the SHA-256 of the key that was shown is not in `status.key_sha256`");
        line.optional("request_id", reply::request_id(head));
        effects.push(self.effect(Level::Warn, line));
    }

    /// Takes the room for one line out of the budget; where there is none, counts the line.
    fn has_room(&mut self, now: UnixMillis, effects: &mut Vec<Effect>) -> bool {
        let is_left = self.budget.is_left(now);
        if is_left {
            self.budget.spend(now);
        } else {
            self.suppressed = self.suppressed.saturating_add(1);
            effects.push(Effect::Count { metric: metric::LOG_SUPPRESSED.into(), by: 1 });
        }
        is_left
    }

    /// Tells how many lines were suppressed, once there is room for a line again.
    pub(super) fn flush(&mut self, now: UnixMillis, effects: &mut Vec<Effect>) {
        if self.suppressed == 0 || !self.budget.is_left(now) {
            return;
        }
        let mut line = Line::new("log_suppressed");
        line.number("suppressed", std::mem::take(&mut self.suppressed));
        effects.push(self.effect(Level::Warn, line));
    }

    /// An identity as the configuration wants it shown; `None` where it wants none.
    pub(super) fn shown(&self, identity: &str) -> Option<String> {
        match self.config.identity {
            LogIdentity::Plain => Some(visible(identity, MAX_FIELD)),
            LogIdentity::Omit => None,
            LogIdentity::Hash => {
                let digest = Sha256::digest(identity.as_bytes());
                Some(to_hex(&digest, 8))
            }
        }
    }

    /// A request's path without its query, escaped and cut; `None` where the configuration wants
    /// none.
    pub(super) fn path(&self, head: &RequestHead) -> Option<String> {
        // Escaping shortens nothing: what is cut off here would not be shown.
        let path = head.path_only();
        let path = path.get(..=MAX_PATH).unwrap_or(path);
        self.config.shows_paths.then(|| visible(&String::from_utf8_lossy(path), MAX_PATH))
    }

    /// A line about something risky in the configuration.
    pub(super) fn configuration_warning(&self, warning: &Problem) -> Effect {
        let mut line = Line::new("configuration_warning");
        line.text("code", warning.code.name());
        line.text("field", &warning.path);
        line.text("reason", &warning.message);
        self.effect(Level::Warn, line)
    }

    /// A line about a provider's keys.
    pub(super) fn keys(
        &self,
        level: Level,
        event: &'static str,
        provider: &Name,
        fields: &[(&'static str, String)],
    ) -> Effect {
        let mut line = Line::new(event);
        line.text("provider", provider.as_str());
        for (name, value) in fields {
            line.text(name, value);
        }
        self.effect(level, line)
    }

    /// A line about the filter itself.
    pub(super) fn about(
        &self,
        level: Level,
        event: &'static str,
        fields: &[(&'static str, String)],
    ) -> Effect {
        let mut line = Line::new(event);
        for (name, value) in fields {
            line.text(name, value);
        }
        self.effect(level, line)
    }

    fn effect(&self, level: Level, line: Line) -> Effect {
        Effect::Log { level, line: line.render(self.config.format) }
    }
}

/// One line in the making: fields in order.
struct Line(Vec<(&'static str, Value)>);

impl Line {
    fn new(event: &'static str) -> Self {
        Self(vec![("event", event.into())])
    }

    fn text(&mut self, name: &'static str, value: &str) {
        self.0.push((name, value.into()));
    }

    fn number(&mut self, name: &'static str, value: u64) {
        self.0.push((name, value.into()));
    }

    fn optional(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    fn untrusted(&mut self, name: &'static str, value: Option<&str>, max: usize) {
        if let Some(value) = value {
            self.text(name, &visible(value, max));
        }
    }

    fn render(self, format: LogFormat) -> String {
        match format {
            LogFormat::Json => {
                let member = |(name, value)| format!("\"{name}\":{}", json::text(&value));
                format!("{{{}}}", self.0.into_iter().map(member).collect::<Vec<_>>().join(","))
            }
            LogFormat::Logfmt => {
                let pair = |(name, value)| format!("{name}={}", json::text(&value));
                self.0.into_iter().map(pair).collect::<Vec<_>>().join(" ")
            }
        }
    }
}

/// What a client sent: escaped to visible ASCII, cut to about `max` bytes.
pub(super) fn visible(value: &str, max: usize) -> String {
    let mut safe = String::new();
    for c in value.chars() {
        if safe.len() >= max {
            safe.push_str("...");
            break;
        }
        match c {
            ' '..='~' => safe.push(c),
            _ => safe.extend(c.escape_default()),
        }
    }
    safe
}
