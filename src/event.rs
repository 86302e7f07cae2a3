//! The whole boundary of the core: what comes in, what goes out.
//!
//! 1. Every callback of the host is one [`Event`]; [`Effect`]s are carried out in order, and an
//!    [`Effect::Call`] stands before every other effect of its batch: a host makes a call for the
//!    context that is current, which others change.
//! 2. Every [`Effect::Call`] gets at most one [`Event::CallDone`], also if it could not be sent. One
//!    without it ends by itself, a second after its time-out.
//! 3. Every [`Event::RequestHeaders`] gets exactly one [`Effect::Settle`], now or later, unless
//!    [`Event::StreamGone`] comes first.

mod record;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::http::{Fields, RequestHead, Route, Url};
use crate::ids::{CallId, Name, StreamId};
use crate::secret::Secret;
pub use record::{
    Denied, Detailed, Facts, FetchFailure, KeyLabel, Lack, ListState, Loaded, Notice, Record, Why,
    kid_or_dash,
};

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A request's header section is complete.
    RequestHeaders {
        /// The request.
        stream: StreamId,
        /// Its method, path and headers.
        head: RequestHead,
        /// What else the host knows of it, as far as the engine [asks](HostQuestions) for it.
        host: HostFacts,
    },
    /// The body of a request that the engine has [asked for](Effect::Read) is there.
    Body {
        /// The request.
        stream: StreamId,
        /// The body; `None` where it is longer than is of use.
        body: Option<Vec<u8>>,
    },
    /// Another section of fields of a forwarded request, or of its upstream's answer, is complete.
    /// Answers of the filter itself do not come back as events.
    Fields {
        /// The request.
        stream: StreamId,
        /// Which section.
        section: Section,
        /// What is in it.
        fields: Fields,
    },
    /// A call has ended, or could not be made.
    CallDone {
        /// Which.
        call: CallId,
        /// What came back; `None` where nothing did.
        response: Option<CallResponse>,
    },
    /// A request has ended, perhaps before it was settled. For a settled one this event may be left out.
    StreamGone {
        /// Which.
        stream: StreamId,
    },
    /// Time has passed.
    Tick,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Make an HTTP call, in the callback that the host is in.
    Call {
        /// Its number, which comes back with [`Event::CallDone`].
        call: CallId,
        /// The request in whose callback it is made, and with which it ends; `None` where it is made in
        /// the filter's own and outlives all requests.
        stream: Option<StreamId>,
        /// What to send.
        request: Box<CallRequest>,
    },
    /// Change the headers of the answer to a request that goes upstream, when that comes.
    ResponseHeaders {
        /// The request.
        stream: StreamId,
        /// Those that take the place of the upstream's; an empty one takes it away.
        set: Headers,
        /// Those that stand beside the upstream's.
        append: Headers,
        /// Those that are set where the upstream says nothing of the kind.
        absent: Headers,
    },
    /// Add to a counter.
    Count {
        /// Which.
        metric: Cow<'static, str>,
        /// How much.
        by: u64,
    },
    /// Have the host know a metric, so that it shows before anything is counted: when the engine
    /// starts, and never later.
    Define {
        /// Its name.
        metric: Cow<'static, str>,
        /// What it holds.
        kind: MetricKind,
    },
    /// Change a gauge.
    Gauge {
        /// Which.
        metric: Cow<'static, str>,
        /// How.
        change: GaugeChange,
    },
    /// Remove fields from a section on its way.
    Clean {
        /// The request.
        stream: StreamId,
        /// Which section.
        section: Section,
        /// The names, as the host spells them.
        remove: Vec<Vec<u8>>,
        /// Single fields of a name that keeps its others: names and values, as the host has them.
        remove_values: Vec<(Vec<u8>, Vec<u8>)>,
    },
    /// Write a line to the host's log.
    Log(Box<Record>),
    /// Add a value to a histogram.
    Observe {
        /// Which.
        metric: Cow<'static, str>,
        /// The value, in the unit that the histogram's name ends with.
        value: u64,
    },
    /// Leave a fact for other filters and the access log (filter state `wasm.<key>`).
    Note {
        /// The request.
        stream: StreamId,
        /// The name: one path segment.
        key: &'static str,
        /// The fact.
        value: Arc<str>,
    },
    /// Read the body of a request that waits for it.
    Read {
        /// The request.
        stream: StreamId,
        /// The longest that is of use, in bytes.
        max: usize,
    },
    /// End the wait of a request.
    Settle {
        /// The request.
        stream: StreamId,
        /// How.
        how: Settlement,
    },
}

/// What a metric holds.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum MetricKind {
    /// A number that only grows.
    Counter,
    /// A number that goes up and down.
    Gauge,
    /// How often which values came.
    Histogram,
}

/// How a gauge, which all workers of the process share, changes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GaugeChange {
    /// By this worker's part of it.
    By(i64),
    /// To what is true of the whole process.
    To(u64),
}

/// A section of fields that passes through behind a request's header section.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Section {
    /// The trailers of a request (RFC 9110 §6.5).
    RequestTrailers,
    /// The header section of a response.
    ResponseHeaders,
    /// The trailers of a response.
    ResponseTrailers,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Settlement {
    /// It goes upstream, changed so.
    Forward(Vec<HeaderChange>),
    /// It is answered here.
    Respond(Reply),
}

/// One change to the headers that go upstream.
#[derive(Clone, Debug, PartialEq)]
pub enum HeaderChange {
    /// Remove every header of this name, as the host spells it.
    Remove(Vec<u8>),
    /// Replace every header of this name by one.
    Set(Cow<'static, str>, Vec<u8>),
}

/// An answer of the filter itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The gRPC status, where the request is gRPC: its message is a header, and there is no body.
    pub grpc_status: Option<u32>,
    /// What the proxy's access log calls this answer: letters, digits and `_`.
    pub details: String,
    /// Headers.
    pub headers: Headers,
    /// The body.
    pub body: String,
}

/// Headers that the filter writes: names in lower case, and values.
pub type Headers = Vec<(&'static str, String)>;

/// What the host knows of a request beside its head.
#[derive(Clone, Debug, Default)]
pub struct HostFacts {
    /// What the proxy's routing says of it.
    pub route: Route,
}

/// Which of [`HostFacts`] are of use: each answer costs the host a call.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct HostQuestions {
    /// [`Route::name`].
    pub route_name: bool,
    /// [`Route::api`].
    pub route_api: bool,
}

/// A call to a cluster of the proxy.
#[derive(Clone, Debug, PartialEq)]
pub struct CallRequest {
    /// The cluster, always from the configuration.
    pub cluster: Box<str>,
    /// The method.
    pub method: &'static str,
    /// `http` or `https`: what the URL says; whether TLS is spoken is the cluster's own affair.
    pub scheme: &'static str,
    /// Host and port.
    pub authority: Box<str>,
    /// Path and query.
    pub path: Box<str>,
    /// The other headers.
    pub headers: Headers,
    /// The value of `authorization`, where there is one.
    pub authorization: Option<Secret>,
    /// The body; empty where there is none.
    pub body: SecretBytes,
    /// How long to wait for the whole answer.
    pub timeout: Duration,
    /// The longest body that is of use, in bytes.
    pub max_body: usize,
    /// Whether the answer's trailers are of use.
    pub trailers: bool,
}

impl CallRequest {
    /// A call for a JSON document.
    pub fn document(url: &Url, cluster: &str, timeout: Duration, max_body: usize) -> Self {
        Self {
            cluster: cluster.into(),
            method: "GET",
            scheme: url.scheme(),
            authority: url.authority.clone(),
            path: url.path.clone(),
            headers: vec![
                ("accept", "application/json".to_owned()),
                ("accept-encoding", "identity".to_owned()),
                ("user-agent", concat!("tollgate/", env!("CARGO_PKG_VERSION")).to_owned()),
            ],
            authorization: None,
            body: SecretBytes::default(),
            timeout,
            max_body,
            trailers: false,
        }
    }
}

/// Bytes that may hold a secret: what is shown of them is how many they are, and they are wiped where
/// they are dropped.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct SecretBytes(pub Zeroizing<Vec<u8>>);

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// What a call brought.
#[derive(Clone, Debug, PartialEq)]
pub struct CallResponse {
    /// The HTTP status; 0 where the host said none.
    pub status: u16,
    /// Its header section.
    pub headers: Fields,
    /// The size of the whole body in bytes, as the host said.
    pub body_size: usize,
    /// The body, cut at one byte more than the longest that is of use.
    pub body: Vec<u8>,
    /// Its trailers, where the call asked for them.
    pub trailers: Fields,
}

impl CallResponse {
    /// The `max-age` of its `Cache-Control` (RFC 9111 §5.2.2.1).
    pub fn max_age(&self) -> Option<Duration> {
        let text = std::str::from_utf8(self.headers.first("cache-control")?).ok()?;
        text.split(',').find_map(|directive| {
            let (name, value) = directive.trim().split_once('=')?;
            let seconds = value.trim_matches('"').parse().ok();
            seconds.filter(|_| name.eq_ignore_ascii_case("max-age")).map(Duration::from_secs)
        })
    }
}

/// How bad a log line is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// Only when looking closely.
    Debug,
    /// Worth knowing.
    Info,
    /// A refusal, or something that needs a look.
    Warn,
    /// Something that does not work.
    Error,
}

/// The metrics, by name. `docs/metrics.md` lists them.
///
/// What stands behind a family's prefix is a code or a name of the configuration, and no prefix
/// begins another family's: no two metrics share a name.
pub mod metric {
    use super::{Cow, Name};
    use crate::verdict::Deny;

    /// Requests that were permitted and went upstream.
    pub const ALLOWED: &str = "tollgate_allowed";
    /// Configurations that were taken into use.
    pub const CONFIG_ACCEPTED: &str = "tollgate_config_accepted";
    /// Configurations that were refused.
    pub const CONFIG_REJECTED: &str = "tollgate_config_rejected";
    /// Time spent in the filter on a request until it was decided, in microseconds (histogram).
    pub const FILTER_US: &str = "tollgate_filter_us";
    /// Headers that were not sent upstream because their value is no safe header value.
    pub const HEADER_DROPPED: &str = "tollgate_header_dropped";
    /// Time that asking about a token took, in milliseconds (histogram).
    pub const INTROSPECTION_MS: &str = "tollgate_introspection_ms";
    /// Time that requests waited for keys, in milliseconds (histogram).
    pub const KEYS_WAIT_MS: &str = "tollgate_keys_wait_ms";
    /// Time that a call for a login took, in milliseconds (histogram).
    pub const LOGIN_CALL_MS: &str = "tollgate_login_call_ms";
    /// Limits that the process decides alone because their service cannot be asked.
    pub const LIMITS_DECIDED_LOCALLY: &str = "tollgate_limits_remote_decided_locally";
    /// Whether the service that counts limits cannot be asked (gauge).
    pub const LIMITS_REMOTE_DEGRADED: &str = "tollgate_limits_remote_degraded";
    /// Time that asking it took, in milliseconds (histogram).
    pub const LIMITS_REMOTE_MS: &str = "tollgate_limits_remote_ms";
    /// Addresses of which a counter runs (gauge).
    pub const LIMIT_ADDRESSES: &str = "tollgate_limit_addresses";
    /// Records of limits that must be kept (gauge).
    pub const LIMIT_RECORDS: &str = "tollgate_limit_records";
    /// Refusals that were counted but not logged.
    pub const LOG_SUPPRESSED: &str = "tollgate_log_suppressed";
    /// Requests at servers of MCP of another revision, or of none.
    pub const MCP_LEGACY: &str = "tollgate_mcp_legacy";
    /// Requests that wait for keys (gauge).
    pub const PARKED: &str = "tollgate_parked";
    /// Requests that had to wait for keys.
    pub const PARKED_TOTAL: &str = "tollgate_parked_total";
    /// Fetches of the list of revocations that failed.
    pub const REVOCATIONS_FETCH_FAILED: &str = "tollgate_revocations_fetch_failed";
    /// Fetches of the list of revocations that brought one.
    pub const REVOCATIONS_FETCH_OK: &str = "tollgate_revocations_fetch_ok";
    /// Session records that another session had to give up.
    pub const SESSION_EVICTED: &str = "tollgate_session_evicted";
    /// Sessions on record (gauge).
    pub const SESSION_RECORDS: &str = "tollgate_session_records";
    /// Sessions that could not be recorded.
    pub const SESSION_UNRECORDED: &str = "tollgate_session_unrecorded";
    /// Tokens that this worker had verified before.
    pub const VERIFIED_CACHED: &str = "tollgate_verified_cached";
    /// Signatures that the host checked.
    pub const VERIFIED_HOST: &str = "tollgate_verified_host";
    /// Signatures that the module checked.
    pub const VERIFIED_WASM: &str = "tollgate_verified_wasm";

    /// Requests at one API that were permitted, or refused.
    pub fn api(permitted: bool, api: &Name) -> Cow<'static, str> {
        format!("tollgate_api_{}_{api}", outcome(permitted)).into()
    }

    /// Requests of one provider's callers that were permitted, or refused.
    pub fn provider(permitted: bool, provider: &Name) -> Cow<'static, str> {
        format!("tollgate_provider_{}_{provider}", outcome(permitted)).into()
    }

    const fn outcome(permitted: bool) -> &'static str {
        if permitted { "allowed" } else { "denied" }
    }

    /// The age of one provider's keys in seconds (gauge).
    pub fn keys_age(provider: &Name) -> Cow<'static, str> {
        format!("tollgate_keys_age_seconds_{provider}").into()
    }

    /// Refusals for one reason.
    pub fn denied(deny: Deny) -> Cow<'static, str> {
        format!("tollgate_denied_{}", deny.code()).into()
    }

    /// Requests that would have been refused for one reason, were refusals not only reported.
    pub fn would_deny(deny: Deny) -> Cow<'static, str> {
        format!("tollgate_would_deny_{}", deny.code()).into()
    }

    /// What became of one provider's logins.
    pub fn login(what: LoggedIn, provider: &Name) -> Cow<'static, str> {
        let what = match what {
            LoggedIn::Completed => "completed",
            LoggedIn::LoggedOut => "logged_out",
            LoggedIn::RefreshFailed => "refresh_failed",
            LoggedIn::Refreshed => "refreshed",
            LoggedIn::Started => "started",
        };
        format!("tollgate_login_{what}_{provider}").into()
    }

    /// What became of a login.
    #[derive(Clone, Copy, Debug, Eq, PartialEq)]
    pub enum LoggedIn {
        /// A session began.
        Completed,
        /// A session was ended, by its browser or by the provider.
        LoggedOut,
        /// A session was to be renewed, and was not.
        RefreshFailed,
        /// A session was renewed.
        Refreshed,
        /// A browser was sent to the provider.
        Started,
    }

    impl LoggedIn {
        /// All of them.
        pub const ALL: [Self; 5] =
            [Self::Completed, Self::LoggedOut, Self::RefreshFailed, Self::Refreshed, Self::Started];
    }

    /// What came of asking one provider about tokens.
    pub fn introspection(outcome: Introspected, provider: &Name) -> Cow<'static, str> {
        let outcome = match outcome {
            Introspected::Cached => "cached",
            Introspected::Failed => "failed",
            Introspected::Inactive => "inactive",
            Introspected::Ok => "ok",
        };
        format!("tollgate_introspection_{outcome}_{provider}").into()
    }

    /// What came of asking about a token.
    #[derive(Clone, Copy, Debug, Eq, PartialEq)]
    pub enum Introspected {
        /// An earlier answer was used.
        Cached,
        /// No answer came that could be used.
        Failed,
        /// It is not active.
        Inactive,
        /// It is active.
        Ok,
    }

    impl Introspected {
        /// All of them.
        pub const ALL: [Self; 4] = [Self::Cached, Self::Failed, Self::Inactive, Self::Ok];
    }

    /// What came of asking the service that counts limits.
    pub const fn limits_remote(outcome: Counted) -> &'static str {
        match outcome {
            Counted::Failed => "tollgate_limits_remote_failed",
            Counted::Mismatch => "tollgate_limits_remote_mismatch",
            Counted::Ok => "tollgate_limits_remote_ok",
            Counted::Over => "tollgate_limits_remote_over",
            Counted::Unnamed => "tollgate_limits_remote_unnamed",
        }
    }

    /// What came of asking it.
    #[derive(Clone, Copy, Debug, Eq, PartialEq)]
    pub enum Counted {
        /// No answer came that could be used.
        Failed,
        /// It has another number than the configuration.
        Mismatch,
        /// The requests may pass.
        Ok,
        /// They must not.
        Over,
        /// It does not know the limit.
        Unnamed,
    }

    impl Counted {
        /// All of them.
        pub const ALL: [Self; 5] =
            [Self::Failed, Self::Mismatch, Self::Ok, Self::Over, Self::Unnamed];
    }

    /// Attempts to fetch one provider's keys that ended so.
    pub fn keys_fetch(succeeded: bool, provider: &Name) -> Cow<'static, str> {
        format!("tollgate_keys_fetch_{}_{provider}", if succeeded { "ok" } else { "failed" }).into()
    }
}
