//! What the operator reads: one structured line per refusal and per change of a key set, never a
//! token, bounded in rate.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::budget::Budget;
use super::trail::Trail;
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

/// The log's form and its budgets.
#[derive(Debug)]
pub(super) struct Log {
    config: LogConfig,
    refusals: Share,
    /// Wrong keys of the operator's page: neither kind of line silences the other.
    wrong_keys: Share,
}

/// Lines of one kind: so many in a second, and what was left out.
#[derive(Debug)]
struct Share {
    kind: &'static str,
    budget: Budget,
    /// Lines suppressed since the last one written.
    suppressed: u64,
}

impl Log {
    pub(super) fn new(config: &LogConfig) -> Self {
        let share = |kind| Share { kind, budget: Budget::new(config.per_second), suppressed: 0 };
        let (refusals, wrong_keys) = (share("request_denied"), share("status_key_refused"));
        Self { config: config.clone(), refusals, wrong_keys }
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
        let Some(mut line) = self.refusals.line(now, effects) else { return false };
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
        if let Some(left_out) = self.refusals.left_out() {
            line.number("suppressed", left_out);
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
        let Some(mut line) = self.wrong_keys.line(now, effects) else { return };
        line.text("reason", "the SHA-256 of the key that was shown is not in `status.key_sha256`");
        line.optional("request_id", reply::request_id(head));
        if let Some(left_out) = self.wrong_keys.left_out() {
            line.number("suppressed", left_out);
        }
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

    /// A line about a configuration that is in use now.
    pub(super) fn configuration_loaded(&self, config: &Config) -> String {
        let mut line = Line::new("configuration_loaded");
        line.text("version", env!("CARGO_PKG_VERSION"));
        line.text("configuration", &to_hex(&config.hash, 6));
        line.text("mode", if config.reports { "report" } else { "enforce" });
        let counts = [
            ("providers", config.providers.len()),
            ("apis", config.apis.len()),
            ("policies", config.policies.count()),
            ("warnings", config.warnings.len()),
        ];
        for (name, count) in counts {
            line.number(name, u64::try_from(count).unwrap_or(u64::MAX));
        }
        line.render(self.config.format)
    }

    /// Tells how many lines were suppressed, once there is room for a line again.
    pub(super) fn flush(&mut self, now: UnixMillis, effects: &mut Vec<Effect>) {
        for share in [&mut self.refusals, &mut self.wrong_keys] {
            if share.budget.is_left(now)
                && let Some(left_out) = share.left_out()
            {
                let mut line = Line::new("log_suppressed");
                line.number("suppressed", left_out);
                line.text("of", share.kind);
                let line = line.render(self.config.format);
                effects.push(Effect::Log { level: Level::Warn, line });
            }
        }
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

impl Share {
    /// A line of this kind, where the budget has room for one; where not, it is counted.
    fn line(&mut self, now: UnixMillis, effects: &mut Vec<Effect>) -> Option<Line> {
        if self.budget.is_left(now) {
            self.budget.spend(now);
            return Some(Line::new(self.kind));
        }
        self.suppressed = self.suppressed.saturating_add(1);
        effects.push(Effect::Count { metric: metric::LOG_SUPPRESSED.into(), by: 1 });
        None
    }

    /// How many were left out since the last line, where some were; they are told now.
    fn left_out(&mut self) -> Option<u64> {
        let count = std::mem::take(&mut self.suppressed);
        (count > 0).then_some(count)
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
