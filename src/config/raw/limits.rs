//! The file, exactly: counters, and what was revoked.

use super::value::{Moment, Sha256Hex};
use crate::config::define::{choice, object, words};
use crate::config::duration::{HOUR, Time, YEAR};
use crate::config::read::{Count, List, Text};
use crate::revoked::OnStale;

object! {
    /// The record of sessions.
    RawSessions {
        /// How many sessions are recorded at once, rounded up to a multiple of 8.
        capacity: Count<8, 16_777_216> = Count(65_536);
    }
}

object! {
    /// The counters of rates and quotas.
    RawLimits {
        /// How many subjects (identities, clients, values of a claim) can have running limits at once,
        /// rounded up to a multiple of 8; and as many addresses besides.
        capacity: Count<8, 16_777_216> = Count(65_536);
        /// How clients are told of their limits; `[]` is not at all.
        headers: List<RawLimitHeaders>;
    }
}

choice! {
    /// How clients are told of their limits.
    pub(in crate::config) RawLimitHeaders {
        /// `RateLimit` and `RateLimit-Policy`.
        Ratelimit = "ratelimit",
    }
}

object! {
    /// Whom to refuse although the credential is good.
    RawRevoked {
        /// Identities and tokens.
        entries: List<RawRevocation>;
        /// The URL of a document with further entries.
        url: Text;
        /// The Envoy cluster that is called. Needed with `url`.
        cluster: Text;
        /// How long a call may take.
        timeout: Time<1, HOUR> = Time::seconds(5);
        /// How old the document becomes before it is fetched again.
        refresh: Time<100, YEAR> = Time::seconds(10);
        /// How old the document may be and still be relied upon.
        max_stale: Time<1, YEAR> = Time::hours(1);
        /// What to do without a document that can be relied upon.
        on_stale: OnStale = OnStale::Deny;
    }
}

object! {
    /// What was revoked: exactly one of `identity`, `jti` and `token_sha256`.
    RawRevocation {
        /// The provider that it is about.
        provider: Text, required;
        /// An identity, with all its tokens or keys.
        identity: Text;
        /// The token of this `jti`.
        jti: Text;
        /// The token whose compact form has this SHA-256, in lower-case hex.
        token_sha256: Sha256Hex;
        /// Only tokens that were issued before. Left out: all.
        issued_before: Moment;
        /// From when on the entry is void. Left out: never.
        until: Moment;
    }
}

words! {
    OnStale {
        Deny = "deny",
        Allow = "allow",
    }
}
