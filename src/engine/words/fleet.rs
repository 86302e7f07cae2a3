//! The service that counts limits for several processes, in words: why it cannot be asked, and by what a
//! request passes.

use std::fmt;
use std::time::Duration;

use crate::config::RemoteLimits;
use crate::event::{CallResponse, Record};
use crate::limits::{Charge, OnOutage, Rule};
use crate::ratelimit_service::Worthless;
use crate::trace::{Decided, Trace};
use crate::verdict::{Step, quoted_to};

/// How much of what the service says of a failure is shown, in bytes.
const MAX_EXCERPT: usize = 120;

/// Why a call is worth nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::engine) enum Wrong {
    /// This, and what the service says of it.
    Answer(Worthless, String),
    /// Nothing came.
    NoAnswer,
}

impl Wrong {
    pub(in crate::engine) fn of(worthless: Worthless, response: &CallResponse) -> Self {
        let values = |fields: &crate::http::Fields| {
            fields.first("grpc-message").map(|value| String::from_utf8_lossy(value).into_owned())
        };
        let message = values(&response.headers).or_else(|| values(&response.trailers));
        let shown = |message: String| quoted_to(&message, MAX_EXCERPT);
        Self::Answer(worthless, message.map(shown).unwrap_or_default())
    }

    /// Whether the service does not know the limit.
    pub(in crate::engine) const fn is_unnamed(&self) -> bool {
        matches!(self, Self::Answer(Worthless::Unnamed, _))
    }

    const fn remedy(&self) -> &'static str {
        match self {
            Self::Answer(Worthless::Unnamed, _) => {
                "the service does not know this limit in this domain: load what `tollgate export \
                 limits` writes, compare `limits.remote.domain` with its own, and start Limitador with \
                 `-H DRAFT_VERSION_03`"
            }
            Self::Answer(Worthless::Failed(_), _) | Self::NoAnswer => {
                "look whether the service runs and reaches its store, and whether the cluster in \
                 `limits.remote.cluster` is one of Envoy's, by its exact name, speaks HTTP/2 and \
                 answers within `limits.remote.timeout`"
            }
            Self::Answer(..) => {
                "look whether the cluster in `limits.remote.cluster` leads to a rate limit service \
                 (`envoy.service.ratelimit.v3`), and speaks HTTP/2"
            }
        }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (worthless, message) = match self {
            Self::NoAnswer => return f.write_str("no answer came"),
            Self::Answer(worthless, message) => (worthless, message),
        };
        match worthless {
            Worthless::Code => f.write_str("it says neither yes nor no"),
            Worthless::Failed(code) => write!(f, "gRPC status {code} {message}"),
            Worthless::Frame => f.write_str("not one whole message"),
            Worthless::Malformed => f.write_str("no answer of a rate limit service"),
            Worthless::NoStatus => f.write_str("no gRPC status"),
            Worthless::Status(status) => write!(f, "status {status}"),
            Worthless::TooLong(bytes) => write!(f, "{bytes} bytes"),
            Worthless::Unnamed => f.write_str("an answer that names no limit"),
        }
    }
}

/// The service cannot be asked any more.
pub(in crate::engine) fn lost(wrong: &Wrong, limit: &str, remote: &RemoteLimits) -> Record {
    Record::LimitsRemoteLost {
        found: wrong.to_string().trim_end().to_owned(),
        limit: limit.to_owned(),
        cluster: remote.cluster.to_string(),
        domain: remote.domain.to_string(),
        decides: match remote.on_outage {
            OnOutage::Allow => "allow",
            OnOutage::Deny => "deny",
            OnOutage::Local => "local",
        },
        remedy: wrong.remedy(),
    }
}

/// It can be asked again.
pub(in crate::engine) fn back(remote: &RemoteLimits, away: Duration) -> Record {
    let (cluster, domain) = (remote.cluster.to_string(), remote.domain.to_string());
    Record::LimitsRemoteBack { cluster, domain, away }
}

/// What helps where the service has other numbers.
pub(in crate::engine) const DIFFERS: &str = "the service's number holds: load what `tollgate export \
    limits` writes into it, or change the policy";

/// Why nobody can be asked, for a refusal.
pub(in crate::engine) const AWAY: &str = "the service that counts this limit cannot be asked";

/// By what a request passes the limits that a service counts; `alone` are those that it could not be
/// asked about.
#[inline(never)]
pub(in crate::engine) fn rules(
    charges: &[Charge],
    rules: &[Option<Rule>],
    alone: &[u64],
    trace: &mut Trace,
) {
    if !trace.is_on() {
        return;
    }
    for (charge, rule) in charges.iter().zip(rules) {
        if !charge.count().is_remote() {
            continue;
        }
        let found = match rule {
            None if alone.contains(&charge.id()) => {
                "the service could not be asked, and `on_outage` has decided"
            }
            None => "the service has let it pass",
            Some(Rule::Own) => "the service cannot be asked: within this process's own part",
            Some(Rule::Permit) => "by a permit that this process holds",
            Some(Rule::Told) => "as the service has said",
            Some(Rule::Unreported) => "it is reported later: within `limits.remote.tolerance`",
        };
        note(charge, Decided::Passed, found, trace);
    }
}

/// What has refused a request by a limit that a service counts.
#[inline(never)]
pub(in crate::engine) fn refuses(charge: &Charge, rule: Option<Rule>, trace: &mut Trace) {
    let found = match rule {
        None => "this process's own counter refuses it, and nobody is asked",
        Some(Rule::Own) => "the service cannot be asked, and this process's part is used up",
        Some(_) => "the service has refused until its window ends",
    };
    note(charge, Decided::Refused, found, trace);
}

fn note(charge: &Charge, decided: Decided, found: &str, trace: &mut Trace) {
    let what = if matches!(charge, Charge::Quota(_)) { "quota" } else { "rate" };
    trace.note(Step::Limits, decided, || {
        (format!("`limits.remote`, for the {what}"), found.to_owned())
    });
}

/// What decides a limit while its service cannot be asked.
#[inline(never)]
pub(in crate::engine) fn alone(decides: OnOutage, trace: &mut Trace) {
    trace.note(Step::Limits, Decided::Skipped, || {
        let found = match decides {
            OnOutage::Allow => "the service cannot be asked: every request passes",
            OnOutage::Deny => "the service cannot be asked: no request passes",
            OnOutage::Local => "the service cannot be asked: this process's part decides",
        };
        ("`limits.remote.on_outage`".to_owned(), found.to_owned())
    });
}
