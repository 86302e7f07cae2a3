//! Which records are logged: one for each refusal and each change of a key set, never a token, and no
//! more in a second than the configuration allows. [`line`](super::words::line) makes lines of them.

use sha2::{Digest, Sha256};

use super::budget::Budget;
use super::explain::Explanation;
use super::reply;
use super::trail::Trail;
use super::words::remedy;
use crate::config::{Config, LogConfig, LogFormat, LogIdentity, Problem};
use crate::event::{Denied, Detailed, Effect, Facts, Loaded, Record, Why, metric};
use crate::http::RequestHead;
use crate::time::UnixMillis;
use crate::trace::Entry;
use crate::verdict::{Refusal, Step, quoted};
use crate::wire::to_hex;

/// Longest field that repeats what a client sent, in bytes.
const MAX_FIELD: usize = 64;
/// Longest issuer: people compare them, down to the last slash.
const MAX_ISSUER: usize = 128;
/// Longest path.
const MAX_PATH: usize = 256;

/// The log's form and its budgets.
#[derive(Debug)]
pub(super) struct Log {
    config: LogConfig,
    refusals: Share,
    /// Decisions with their steps. Each kind of line has a budget of its own: none suppresses another.
    details: Share,
    /// Wrong keys of the operator's page.
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
        let (refusals, details) = (share("request_denied"), share("request_detail"));
        let wrong_keys = share("status_key_refused");
        Self { config: config.clone(), refusals, details, wrong_keys }
    }

    /// The form of the lines.
    pub(super) const fn format(&self) -> LogFormat {
        self.config.format
    }

    /// Logs a refusal if the budget allows, else counts it. Says whether it was logged.
    pub(super) fn refusal(
        &mut self,
        (refusal, config): (&Refusal, &Config),
        trail: &Trail,
        head: &RequestHead,
        reports: bool,
        now: UnixMillis,
        effects: &mut Vec<Effect>,
    ) -> bool {
        if !self.refusals.has_room(now, effects) {
            return false;
        }
        let record = Record::RequestDenied(Denied {
            why: why(refusal, remedy::fill(refusal, trail, config)),
            facts: self.facts(trail, head),
            reports,
            suppressed: self.refusals.left_out(),
        });
        effects.push(Effect::Log(record.into()));
        true
    }

    /// Writes the line of a decision with its steps, if the budget allows, else counts it.
    pub(super) fn detail(
        &mut self,
        explanation: Option<&Explanation>,
        trail: &Trail,
        head: &RequestHead,
        now: UnixMillis,
        effects: &mut Vec<Effect>,
    ) {
        // Where the budget was spent when the request came, nobody has noted its steps.
        let Some(explanation) = explanation.filter(|_| self.details.budget.is_left(now)) else {
            return self.details.leave_out(effects);
        };
        self.details.budget.spend(now);
        let record = Record::RequestDetail(Detailed {
            verdict: explanation.outcome.name(),
            why: explanation.refusal.as_ref().map(|one| why(one, explanation.remedy.clone())),
            facts: self.facts(trail, head),
            policies: trail.policies.clone(),
            steps: explanation.trace.entries().iter().map(|one| self.masked(one, trail)).collect(),
            left_out: explanation.trace.left_out(),
            suppressed: self.details.left_out(),
        });
        effects.push(Effect::Log(record.into()));
    }

    /// Whether there is room for the line of a decision with its steps.
    pub(super) fn has_room_for_detail(&self, now: UnixMillis) -> bool {
        self.details.budget.is_left(now)
    }

    /// What is known of a request, as the configuration wants it shown.
    pub(super) fn facts(&self, trail: &Trail, head: &RequestHead) -> Facts {
        Facts {
            provider: trail.provider.clone(),
            api: trail.api.clone(),
            key: trail.key.as_deref().map(str::to_owned),
            path: self.path(head),
            kid: trail.kid.as_ref().map(|kid| visible(kid.as_str(), MAX_FIELD)),
            issuer: trail.issuer.as_deref().map(|issuer| visible(issuer, MAX_ISSUER)),
            identity: trail.identity.as_deref().and_then(|identity| self.shown(identity)),
            mcp_method: trail.mcp_method.as_deref().map(|method| visible(method, MAX_FIELD)),
            mcp_name: trail.mcp_name.as_deref().map(|name| visible(name, MAX_ISSUER)),
            request_id: reply::request_id(head).map(str::to_owned),
            trace_id: head.trace_id().map(str::to_owned),
        }
    }

    /// A step without what the configuration wants hidden.
    fn masked(&self, entry: &Entry, trail: &Trail) -> Entry {
        let mut entry = entry.clone();
        if !self.config.shows_paths && entry.step == Step::Path {
            entry.looked_at = Step::Path.looks_at().to_owned();
        }
        if self.config.identity != LogIdentity::Plain {
            let shown = trail.shown.iter().filter_map(|one| one.identity.as_ref());
            for identity in shown.chain(&trail.identity) {
                let (plain, instead) = (quoted(identity), self.shown(identity));
                let instead = instead.map_or_else(|| "`…`".to_owned(), |shown| quoted(&shown));
                entry.looked_at = entry.looked_at.replace(&plain, &instead);
                entry.found = entry.found.replace(&plain, &instead);
            }
        }
        entry
    }

    /// Logs that somebody showed a wrong key for the operator's page if the budget allows, else counts
    /// that.
    pub(super) fn wrong_status_key(
        &mut self,
        head: &RequestHead,
        now: UnixMillis,
        effects: &mut Vec<Effect>,
    ) {
        if self.wrong_keys.has_room(now, effects) {
            let record = Record::StatusKeyRefused {
                reason: "the SHA-256 of the key that was shown is not in `status.key_sha256`",
                request_id: reply::request_id(head).map(str::to_owned),
                suppressed: self.wrong_keys.left_out(),
            };
            effects.push(Effect::Log(record.into()));
        }
    }

    /// An identity as the configuration wants it shown; `None` where it wants none.
    fn shown(&self, identity: &str) -> Option<String> {
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
    fn path(&self, head: &RequestHead) -> Option<String> {
        // Escaping shortens nothing: what is cut off here would not be shown.
        let path = head.path_only();
        let path = path.get(..=MAX_PATH).unwrap_or(path);
        self.config.shows_paths.then(|| visible(&String::from_utf8_lossy(path), MAX_PATH))
    }

    /// Logs how many lines were suppressed, once there is room for a line again.
    pub(super) fn flush(&mut self, now: UnixMillis, effects: &mut Vec<Effect>) {
        for share in [&mut self.refusals, &mut self.details, &mut self.wrong_keys] {
            if share.budget.is_left(now)
                && let Some(count) = share.left_out()
            {
                let record = Record::LogSuppressed { count, of: share.kind };
                effects.push(Effect::Log(record.into()));
            }
        }
    }
}

fn why(refusal: &Refusal, remedy: String) -> Why {
    Why { deny: refusal.deny, reason: refusal.reason.to_string(), remedy }
}

/// Something risky in the configuration.
pub(super) fn configuration_warning(warning: &Problem) -> Record {
    Record::ConfigurationWarning {
        code: warning.code.name(),
        field: warning.path.to_string(),
        reason: warning.message.to_string(),
    }
}

/// A configuration that is in use now.
pub(super) fn configuration_loaded(config: &Config) -> Record {
    Record::ConfigurationLoaded(Loaded {
        configuration: to_hex(&config.hash, 6),
        reports: config.reports,
        counts: [
            ("providers", config.providers.len()),
            ("apis", config.apis.len()),
            ("policies", config.policies.count()),
            ("warnings", config.warnings.len()),
        ],
    })
}

impl Share {
    /// Whether the budget has room for a line; where not, it is counted.
    fn has_room(&mut self, now: UnixMillis, effects: &mut Vec<Effect>) -> bool {
        let is_left = self.budget.is_left(now);
        if is_left {
            self.budget.spend(now);
        } else {
            self.leave_out(effects);
        }
        is_left
    }

    /// Counts a line that is not written.
    fn leave_out(&mut self, effects: &mut Vec<Effect>) {
        self.suppressed = self.suppressed.saturating_add(1);
        effects.push(Effect::Count { metric: metric::LOG_SUPPRESSED.into(), by: 1 });
    }

    /// How many lines were left out since the last one, where some were; the count begins anew.
    fn left_out(&mut self) -> Option<u64> {
        let count = std::mem::take(&mut self.suppressed);
        (count > 0).then_some(count)
    }
}

/// What a client sent: escaped to visible ASCII, cut to about `max` bytes.
fn visible(value: &str, max: usize) -> String {
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
