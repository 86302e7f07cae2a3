//! The file, exactly: what is open to operators alone.

use super::value::{Hashes, Moment};
use crate::config::checked::{LogFormat, LogIdentity};
use crate::config::define::{choice, object};
use crate::config::read::{Count, List, Text};

object! {
    /// Who is told each step of a decision.
    RawExplain {
        /// SHA-256 of the key that the header `x-tollgate-explain` must show, in lower-case hex; one
        /// or a list.
        key_sha256: Hashes, required;
    }
}

object! {
    /// The operator's page.
    RawStatus {
        /// Where it is: a path of the proxy.
        path: Text, required;
        /// SHA-256 of the key that opens it, in lower-case hex; one or a list.
        key_sha256: Hashes, required;
        /// Whether `<path>/ready` says without a key if requests can be judged.
        ready: bool = false;
    }
}

object! {
    /// How refusals are logged.
    RawLog {
        /// The form of a line.
        format: LogFormat = LogFormat::Json;
        /// How an identity is shown: as it is, as the first 16 hex digits of its SHA-256, or not at
        /// all.
        identity: LogIdentity = LogIdentity::Plain;
        /// How a request's path is shown, without its query: as it is, or not at all.
        path: RawLogPath = RawLogPath::Plain;
        /// Lines per second and worker; the rest is counted.
        per_second: Count<1, 1_000_000> = Count(10);
        /// Whose requests are logged with every step of their decision, allowed ones too.
        detail: List<RawDetail, MAX_DETAILS>;
        /// When that ends; at the latest it ends 7 days after the configuration is loaded. Needed with
        /// `detail`.
        until: Moment;
    }
}

/// Each is compared for every request.
const MAX_DETAILS: usize = 16;

object! {
    /// Whose requests: all of an API, or one identity's, or those with one API key.
    RawDetail {
        /// The name of an API.
        api: Text;
        /// The provider of the identity or of the key.
        provider: Text;
        /// An identity, as the provider's credentials name it.
        identity: Text;
        /// The name of an API key.
        key: Text;
    }
}

choice! {
    /// How a request's path is shown in logs.
    pub(in crate::config) RawLogPath {
        /// As it is.
        Plain = "plain",
        /// Not at all.
        Omit = "omit",
    }
}

choice! {
    /// What becomes of requests that are refused.
    pub(in crate::config) RawMode {
        /// They are answered here.
        Enforce = "enforce",
        /// They go upstream as they came, and the refusal is only logged and counted.
        Report = "report",
    }
}
