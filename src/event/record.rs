//! The lines of the log, as values: what has happened, before anybody words it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Level;
use crate::ids::{Kid, Name};
use crate::time::UnixMillis;
use crate::trace::Entry;
use crate::verdict::{Deny, quoted};

/// One line of the log, without a token in it.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// A configuration is in use now.
    ConfigurationLoaded(Loaded),
    /// Something is risky about the configuration.
    ConfigurationWarning {
        /// Which kind of risk.
        code: &'static str,
        /// The path of the field.
        field: String,
        /// What is risky.
        reason: String,
    },
    /// Asking about a token has brought no answer that can be used.
    IntrospectionFailed {
        /// Whom the filter has asked.
        provider: Name,
        /// Why.
        failure: FetchFailure,
        /// Whether it refused the filter's own credential.
        refuses_client: bool,
    },
    /// The service that counts limits can be asked again.
    LimitsRemoteBack {
        /// Its cluster.
        cluster: String,
        /// The domain of the counters.
        domain: String,
        /// How long it could not.
        away: Duration,
    },
    /// The service that counts limits cannot be asked any more.
    LimitsRemoteLost {
        /// Why.
        found: String,
        /// The limit that was asked about.
        limit: String,
        /// Its cluster.
        cluster: String,
        /// The domain of the counters.
        domain: String,
        /// What decides meanwhile, as the configuration says it.
        decides: &'static str,
        /// What to do about it.
        remedy: &'static str,
    },
    /// The service that counts limits has another number than the configuration.
    LimitsRemoteMismatch {
        /// The limit.
        limit: String,
        /// What it says.
        said: u32,
        /// What the configuration says.
        configured: u32,
        /// What to do about it.
        remedy: &'static str,
    },
    /// What a discovery document says of logins is not as it should be.
    LoginDiscoveryOdd {
        /// The provider with the login.
        provider: Name,
        /// What is odd.
        reason: String,
        /// What to do about it.
        remedy: String,
    },
    /// A login session could not be renewed.
    LoginRefreshFailed {
        /// The provider that was asked.
        provider: Name,
        /// Why.
        reason: String,
        /// What to do about it.
        remedy: String,
        /// Whether it may be an attack: tokens came that are another's.
        is_attack: bool,
    },
    /// A key set shows a private key to whoever reads it.
    KeyPrivate {
        /// Whose keys.
        provider: Name,
        /// The key's id.
        kid: Option<Kid>,
        /// What that means.
        reason: &'static str,
    },
    /// A key of a set is not used.
    KeySkipped {
        /// Whose keys.
        provider: Name,
        /// Which key, and why.
        skipped: String,
        /// What to do about it.
        remedy: String,
    },
    /// A key of a set is used although something of it is written otherwise than it should be.
    KeyTolerated {
        /// Whose keys.
        provider: Name,
        /// Which key, and what of it.
        reason: String,
    },
    /// A new set of keys is in use.
    KeysChanged {
        /// Whose keys.
        provider: Name,
        /// The keys.
        keys: Vec<KeyLabel>,
        /// How long until the next fetch.
        next_fetch: Duration,
    },
    /// A fetch has brought the keys that were in use.
    KeysConfirmed {
        /// Whose keys.
        provider: Name,
        /// How many.
        keys: usize,
    },
    /// A fetch has brought no keys.
    KeysFetchFailed {
        /// Whose keys.
        provider: Name,
        /// Why.
        failure: FetchFailure,
        /// How long until the next attempt.
        next_attempt: Duration,
        /// Whether there are keys from before.
        in_use: bool,
    },
    /// Requests are no longer logged step by step.
    LogDetailEnded {
        /// Since when.
        until: UnixMillis,
    },
    /// Lines were left out, and none of their kind has told so.
    LogSuppressed {
        /// How many.
        count: u64,
        /// The event of these lines.
        of: &'static str,
    },
    /// A sentence about the filter and its host, written as it is in every format.
    Notice(Notice),
    /// A request that is logged step by step was decided.
    RequestDetail(Detailed),
    /// A request was refused, or would have been.
    RequestDenied(Denied),
    /// A new list of revocations is in use.
    RevocationsChanged(ListState),
    /// A fetch has brought the list that was in use.
    RevocationsConfirmed(ListState),
    /// A fetch has brought no list.
    RevocationsFetchFailed(ListState, FetchFailure),
    /// Somebody showed a wrong key for the operator's page.
    StatusKeyRefused {
        /// What was wrong.
        reason: &'static str,
        /// The proxy's id of the request.
        request_id: Option<String>,
        /// How many such lines were left out since the last.
        suppressed: Option<u64>,
    },
}

/// A sentence about the filter and its host.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// A configuration was refused, for this among other things.
    ConfigurationRefused {
        /// What is wrong, and where.
        problem: String,
        /// Which kind of problem.
        code: &'static str,
    },
    /// A configuration was refused because the host lacks what it needs.
    HostLacks(Lack),
    /// A configuration was refused because the host has no signature check to rely upon.
    NoHostCrypto,
    /// A configuration was refused because the host does not sign with a client's RSA key.
    NoHostSigner {
        /// Whose client it is.
        provider: Name,
    },
    /// The host shares the store with others.
    SharedStore,
    /// Who checks signatures: the host, where it can, or the filter.
    Verifier {
        /// Whether it is the host.
        is_host: bool,
    },
}

/// What a host lacks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lack {
    /// Calls of the filter's own, or a failure of one that it can rely upon.
    Calls,
    /// Unpredictable bytes.
    Randomness,
    /// A callback of the filter's own, by the clock.
    Tick,
    /// A way to settle a request from another callback than its own.
    Turning,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConfigurationRefused { problem, code } => {
                write!(f, "configuration refused: {problem} [{code}]")
            }
            Self::HostLacks(lack) => {
                let what = match lack {
                    Lack::Calls => "makes no calls for it (`proxy_http_call`)",
                    Lack::Randomness => {
                        return f.write_str(
                            "configuration refused: this proxy gives the filter no randomness \
                             (`random_get`)",
                        );
                    }
                    Lack::Tick => "has no timer (`proxy_set_tick_period_milliseconds`)",
                    Lack::Turning => {
                        "cannot turn to what waits for them (`proxy_set_effective_context`)"
                    }
                };
                write!(
                    f,
                    "configuration refused: it fetches keys or revocations, and this proxy {what}; \
                     give the keys inline, and `revoked` no `url`, and have no `login` and no provider of \
                     kind `introspection`"
                )
            }
            Self::NoHostCrypto => f.write_str(
                "configuration refused: crypto: `host`, but this proxy has no signature check that \
                 passes the filter's test; use `auto`",
            ),
            Self::NoHostSigner { provider } => write!(
                f,
                "configuration refused: providers.{provider}.client: RS256 is signed by the proxy alone, \
                 and this one does not do it with this key; use `alg` ES256 or EdDSA"
            ),
            Self::SharedStore => f.write_str(
                "`vm_id` is empty: every plugin without one shares its store; give this one its own",
            ),
            Self::Verifier { is_host } => {
                let by = if *is_host { "the proxy, where it can" } else { "the filter" };
                write!(f, "signatures are checked by {by}")
            }
        }
    }
}

/// A configuration, in numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The beginning of its hash.
    pub configuration: String,
    /// Whether refusals are only reported.
    pub reports: bool,
    /// How many of what it has.
    pub counts: [(&'static str, usize); 4],
}

/// A key by its id and kind.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyLabel {
    /// Its id.
    pub kid: Option<Kid>,
    /// Its kind.
    pub kind: String,
}

impl fmt::Display for KeyLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", kid_or_dash(self.kid.as_ref()), self.kind)
    }
}

/// A key's id, quoted; a dash where it has none.
pub fn kid_or_dash(kid: Option<&Kid>) -> String {
    kid.map_or_else(|| "-".to_owned(), |kid| quoted(kid.as_str()))
}

/// Why a fetch has brought nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchFailure {
    /// What came instead.
    pub found: String,
    /// Whether no answer came at all.
    pub is_unanswered: bool,
    /// The document's URL, without its query.
    pub url: String,
    /// The cluster that was called.
    pub cluster: String,
    /// What to do about it.
    pub remedy: String,
}

/// Where the fetched list of revocations stands.
#[derive(Clone, Debug, PartialEq)]
pub struct ListState {
    /// How long until the next fetch.
    pub next_fetch: Duration,
    /// How many entries are in use; `None` where there is no list.
    pub entries: Option<usize>,
}

/// What a line says of a request. What a client sent is escaped and cut.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// The provider that refused, or whose credential was looked at.
    pub provider: Option<Name>,
    /// The API.
    pub api: Option<Name>,
    /// What the API key that was shown is called.
    pub key: Option<String>,
    /// The path without its query.
    pub path: Option<String>,
    /// The token's key id.
    pub kid: Option<String>,
    /// The token's issuer.
    pub issuer: Option<String>,
    /// The verified identity, as the configuration wants it shown.
    pub identity: Option<String>,
    /// Which method of MCP it calls, as the client says.
    pub mcp_method: Option<String>,
    /// What that is called upon.
    pub mcp_name: Option<String>,
    /// The proxy's id of the request.
    pub request_id: Option<String>,
    /// The id of the trace that the request belongs to, 32 hexadecimal digits (W3C Trace Context §3.2.2.3).
    pub trace_id: Option<String>,
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Why {
    /// The reason's code, which has its step.
    pub deny: Deny,
    /// Why, in full.
    pub reason: String,
    /// What to do about it.
    pub remedy: String,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq)]
pub struct Denied {
    /// Why.
    pub why: Why,
    /// Of which request.
    pub facts: Facts,
    /// Whether it was only reported.
    pub reports: bool,
    /// How many such lines were left out since the last.
    pub suppressed: Option<u64>,
}

/// A decision with its steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Detailed {
    /// What it was.
    pub verdict: &'static str,
    /// Why, where something refused the request.
    pub why: Option<Why>,
    /// Of which request.
    pub facts: Facts,
    /// The names of the policies in force.
    pub policies: Option<Arc<str>>,
    /// The steps, in the order in which they were taken.
    pub steps: Vec<Entry>,
    /// How many steps were left out.
    pub left_out: usize,
    /// How many such lines were left out since the last.
    pub suppressed: Option<u64>,
}

impl Record {
    /// How bad it is.
    pub const fn level(&self) -> Level {
        match self {
            Self::KeysConfirmed { .. } | Self::RevocationsConfirmed(_) => Level::Debug,
            Self::ConfigurationLoaded(_)
            | Self::Notice(Notice::Verifier { .. })
            | Self::KeyTolerated { .. }
            | Self::LimitsRemoteBack { .. }
            | Self::LogDetailEnded { .. }
            | Self::RequestDetail(_)
            | Self::KeysChanged { .. }
            | Self::RevocationsChanged(_) => Level::Info,
            Self::ConfigurationWarning { .. }
            | Self::KeySkipped { .. }
            | Self::IntrospectionFailed { refuses_client: false, .. }
            | Self::KeysFetchFailed { .. }
            | Self::LimitsRemoteLost { .. }
            | Self::LimitsRemoteMismatch { .. }
            | Self::LoginDiscoveryOdd { .. }
            | Self::LoginRefreshFailed { is_attack: false, .. }
            | Self::LogSuppressed { .. }
            | Self::Notice(Notice::SharedStore)
            | Self::RequestDenied(_)
            | Self::RevocationsFetchFailed(..)
            | Self::StatusKeyRefused { .. } => Level::Warn,
            Self::IntrospectionFailed { refuses_client: true, .. }
            | Self::KeyPrivate { .. }
            | Self::LoginRefreshFailed { is_attack: true, .. }
            | Self::Notice(
                Notice::ConfigurationRefused { .. }
                | Notice::HostLacks(_)
                | Notice::NoHostCrypto
                | Notice::NoHostSigner { .. },
            ) => Level::Error,
        }
    }

    /// What the line calls it: the field `event`; `None` for a sentence.
    pub const fn event(&self) -> Option<&'static str> {
        Some(match self {
            Self::ConfigurationLoaded(_) => "configuration_loaded",
            Self::ConfigurationWarning { .. } => "configuration_warning",
            Self::IntrospectionFailed { .. } => "introspection_failed",
            Self::KeyPrivate { .. } => "key_private",
            Self::KeySkipped { .. } => "key_skipped",
            Self::KeyTolerated { .. } => "key_tolerated",
            Self::KeysChanged { .. } => "keys_changed",
            Self::KeysConfirmed { .. } => "keys_confirmed",
            Self::KeysFetchFailed { .. } => "keys_fetch_failed",
            Self::LimitsRemoteBack { .. } => "limits_remote_back",
            Self::LimitsRemoteLost { .. } => "limits_remote_lost",
            Self::LimitsRemoteMismatch { .. } => "limits_remote_mismatch",
            Self::LogDetailEnded { .. } => "log_detail_ended",
            Self::LoginDiscoveryOdd { .. } => "login_discovery_odd",
            Self::LoginRefreshFailed { .. } => "login_refresh_failed",
            Self::LogSuppressed { .. } => "log_suppressed",
            Self::Notice(_) => return None,
            Self::RequestDenied(_) => "request_denied",
            Self::RequestDetail(_) => "request_detail",
            Self::RevocationsChanged(_) => "revocations_changed",
            Self::RevocationsConfirmed(_) => "revocations_confirmed",
            Self::RevocationsFetchFailed(..) => "revocations_fetch_failed",
            Self::StatusKeyRefused { .. } => "status_key_refused",
        })
    }
}
