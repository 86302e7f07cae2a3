//! The only place that words a line of the log: a [`Record`] as fields in their order.

use std::time::Duration;

use crate::config::LogFormat;
use crate::event::{Denied, Detailed, Facts, FetchFailure, ListState, Record, Why, kid_or_dash};
use crate::ids::Name;
use crate::json;
use crate::time::millis;

/// One line in the making.
struct Line {
    out: String,
    format: LogFormat,
}

/// A record as a line: one line, whatever it holds.
#[inline(never)]
pub fn line(record: &Record, format: LogFormat) -> String {
    let mut line = Line::new(record.event().unwrap_or_default(), format);
    match record {
        Record::Notice(notice) => return notice.to_string(),
        Record::ConfigurationLoaded(loaded) => {
            line.text("version", env!("CARGO_PKG_VERSION"));
            line.text("configuration", &loaded.configuration);
            line.text("mode", mode(loaded.reports));
            for (name, count) in loaded.counts {
                line.number(name, u64::try_from(count).unwrap_or(u64::MAX));
            }
        }
        Record::ConfigurationWarning { code, field, reason } => {
            line.text("code", code);
            line.text("field", field);
            line.text("reason", reason);
        }
        Record::IntrospectionFailed { provider, failure, .. } => {
            line.text("provider", provider.as_str());
            line.text("found", &failure.found);
            line.text("url", &failure.url);
            line.text("cluster", &failure.cluster);
            line.text("remedy", &failure.remedy);
        }
        Record::LimitsRemoteBack { cluster, domain, away } => {
            line.text("cluster", cluster);
            line.text("domain", domain);
            line.number("away_ms", millis(*away));
        }
        Record::LimitsRemoteLost { found, limit, cluster, domain, decides, remedy } => {
            line.text("found", found);
            line.text("limit", limit);
            line.text("cluster", cluster);
            line.text("domain", domain);
            line.text("on_outage", decides);
            line.text("remedy", remedy);
        }
        Record::LimitsRemoteMismatch { limit, said, configured, remedy } => {
            line.text("limit", limit);
            line.number("said", u64::from(*said));
            line.number("configured", u64::from(*configured));
            line.text("remedy", remedy);
        }
        Record::KeyPrivate { provider, kid, reason } => {
            line.text("provider", provider.as_str());
            line.text("kid", &kid_or_dash(kid.as_ref()));
            line.text("reason", reason);
        }
        Record::LoginDiscoveryOdd { provider, reason, remedy }
        | Record::LoginRefreshFailed { provider, reason, remedy, .. } => {
            line.text("provider", provider.as_str());
            line.text("reason", reason);
            line.text("remedy", remedy);
        }
        Record::KeySkipped { provider, skipped, remedy } => {
            line.text("provider", provider.as_str());
            line.text("skipped", skipped);
            line.text("remedy", remedy);
        }
        Record::KeyTolerated { provider, reason } => {
            line.text("provider", provider.as_str());
            line.text("reason", reason);
        }
        Record::KeysChanged { provider, keys, next_fetch } => {
            let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
            line.text("provider", provider.as_str());
            line.text("keys", &keys.join(", "));
            line.millis("next_fetch_ms", *next_fetch);
        }
        Record::KeysConfirmed { provider, keys } => {
            line.text("provider", provider.as_str());
            line.text("keys", &keys.to_string());
        }
        Record::KeysFetchFailed { provider, failure, next_attempt, in_use } => {
            line.text("provider", provider.as_str());
            line.text("found", &failure.found);
            line.text("url", &failure.url);
            line.text("cluster", &failure.cluster);
            line.millis("next_attempt_ms", *next_attempt);
            line.text("keys_in_use", if *in_use { "kept" } else { "none" });
            line.text("remedy", &failure.remedy);
        }
        Record::LogSuppressed { count, of } => {
            line.number("suppressed", *count);
            line.text("of", of);
        }
        Record::LogDetailEnded { until } => line.text("until", &until.to_rfc3339()),
        Record::RequestDenied(denied) => line.denied(denied),
        Record::RequestDetail(detailed) => line.detailed(detailed),
        Record::RevocationsChanged(list) | Record::RevocationsConfirmed(list) => line.list(list),
        Record::RevocationsFetchFailed(list, FetchFailure { found, url, cluster, remedy, .. }) => {
            line.list(list);
            line.text("remedy", remedy);
            line.text("found", found);
            line.text("url", url);
            line.text("cluster", cluster);
        }
        Record::StatusKeyRefused { reason, request_id, suppressed } => {
            line.text("reason", reason);
            line.optional("request_id", request_id.as_deref());
            line.suppressed(*suppressed);
        }
    }
    line.end()
}

/// Whether refusals are only reported, in a word.
const fn mode(reports: bool) -> &'static str {
    if reports { "report" } else { "enforce" }
}

impl Line {
    fn new(event: &str, format: LogFormat) -> Self {
        let mut line = Self { out: String::new(), format };
        line.text("event", event);
        line
    }

    fn text(&mut self, name: &str, value: &str) {
        self.field(name, &json::text(&value.into()));
    }

    fn number(&mut self, name: &str, value: u64) {
        self.field(name, &value.to_string());
    }

    fn millis(&mut self, name: &str, value: Duration) {
        self.text(name, &millis(value).to_string());
    }

    fn optional(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    fn suppressed(&mut self, count: Option<u64>) {
        if let Some(count) = count {
            self.number("suppressed", count);
        }
    }

    fn denied(&mut self, denied: &Denied) {
        self.request(Some(&denied.why), &denied.facts);
        self.text("mode", mode(denied.reports));
        self.suppressed(denied.suppressed);
    }

    fn detailed(&mut self, detailed: &Detailed) {
        self.text("verdict", detailed.verdict);
        self.request(detailed.why.as_ref(), &detailed.facts);
        let policies = detailed.policies.as_deref();
        self.optional("policies", policies.filter(|names| !names.is_empty()));
        let mut steps = String::new();
        for entry in &detailed.steps {
            steps.push(if steps.is_empty() { '[' } else { ',' });
            entry.write(&mut steps);
        }
        steps.push_str(if steps.is_empty() { "[]" } else { "]" });
        match self.format {
            LogFormat::Json => self.field("steps", &steps),
            LogFormat::Logfmt => self.text("steps", &steps),
        }
        if detailed.left_out > 0 {
            self.number("left_out", u64::try_from(detailed.left_out).unwrap_or(u64::MAX));
        }
        self.suppressed(detailed.suppressed);
    }

    /// What is known of a request, and why it was refused where it was.
    fn request(&mut self, why: Option<&Why>, facts: &Facts) {
        if let Some(why) = why {
            self.text("code", why.deny.code());
            self.text("step", why.deny.step().name());
        }
        self.optional("provider", facts.provider.as_ref().map(Name::as_str));
        self.optional("api", facts.api.as_ref().map(Name::as_str));
        self.optional("key", facts.key.as_deref());
        self.optional("path", facts.path.as_deref());
        self.optional("kid", facts.kid.as_deref());
        self.optional("iss", facts.issuer.as_deref());
        self.optional("identity", facts.identity.as_deref());
        self.optional("mcp_method", facts.mcp_method.as_deref());
        self.optional("mcp_name", facts.mcp_name.as_deref());
        if let Some(why) = why {
            self.text("reason", &why.reason);
            self.text("remedy", &why.remedy);
        }
        self.optional("request_id", facts.request_id.as_deref());
        self.optional("trace_id", facts.trace_id.as_deref());
    }

    fn list(&mut self, list: &ListState) {
        let entries = list.entries.map_or_else(|| "none".to_owned(), |count| count.to_string());
        self.millis("next_fetch_ms", list.next_fetch);
        self.text("entries_in_use", &entries);
    }

    /// `value` is JSON.
    fn field(&mut self, name: &str, value: &str) {
        let (before, around, equals) = match self.format {
            LogFormat::Json if self.out.is_empty() => ("{", "\"", ":"),
            LogFormat::Json => (",", "\"", ":"),
            LogFormat::Logfmt if self.out.is_empty() => ("", "", "="),
            LogFormat::Logfmt => (" ", "", "="),
        };
        for part in [before, around, name, around, equals, value] {
            self.out.push_str(part);
        }
    }

    fn end(mut self) -> String {
        if self.format == LogFormat::Json {
            self.out.push('}');
        }
        self.out
    }
}
