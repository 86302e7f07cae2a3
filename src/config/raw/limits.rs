//! The file, exactly: counters, and what was revoked.

use super::value::{Moment, Sha256Hex};
use crate::config::code::Code;
use crate::config::define::{choice, object, words};
use crate::config::duration::{HOUR, Time, YEAR};
use crate::config::problems::Problems;
use crate::config::read::{Count, List, Read, Text, wrong_type};
use crate::config::tree::{Node, Value};
use crate::limits::{OnOutage, Service};
use crate::revoked::OnStale;
use crate::verdict::quoted;

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
        /// The service that counts for several proxies. Left out: each process counts for itself.
        remote: RawRemote;
    }
}

object! {
    /// The service that counts for several proxies.
    RawRemote {
        /// Which it is: envoyproxy/ratelimit or Limitador.
        service: Service, required;
        /// The Envoy cluster of the service: HTTP/2.
        cluster: Text, required;
        /// Keeps the counters of different fleets apart: `[a-z0-9_.-]{1,64}`.
        domain: Text = Text("tollgate".into());
        /// The most processes that share the domain.
        replicas: Count<1, 10_000>, required;
        /// How far a limit may be exceeded, and no further.
        tolerance: Percent<50> = Percent(5);
        /// How long a call may take, and the wait for it.
        timeout: Time<10, 1_000> = Time::milliseconds(100);
        /// What decides while the service cannot be asked.
        on_outage: OnOutage = OnOutage::Local;
    }
}

words! {
    Service {
        Ratelimit = "ratelimit",
        Limitador = "limitador",
    }
}

words! {
    OnOutage {
        Local = "local",
        Allow = "allow",
        Deny = "deny",
    }
}

/// A share in whole percent, at most `MOST`, written as `"5%"`.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Percent<const MOST: u32>(pub(in crate::config) u32);

impl<const MOST: u32> Read for Percent<MOST> {
    const WHAT: &'static str = "a share in percent";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let written = match &node.value {
            Value::Text(text) => &**text,
            Value::Number(digits) => digits,
            _ => {
                wrong_type(node, "a share such as \"5%\"", problems);
                return None;
            }
        };
        let digits = written.strip_suffix('%').filter(|digits| digits.len() <= 3);
        let is_plain = |digits: &&str| digits.bytes().all(|byte| byte.is_ascii_digit());
        let percent = digits.filter(is_plain).and_then(|digits| digits.parse().ok());
        let percent = percent.filter(|percent| *percent <= MOST);
        if percent.is_none() {
            let found = quoted(written);
            let message =
                format!("{found} is no share from 0% to {MOST}% in whole percent; write \"5%\"");
            problems.refuse(Code::NumberOutOfRange, node.start, message);
        }
        percent.map(Self)
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "string", "pattern": "^[0-9]{1,2}%$" })
    }
}

#[cfg(not(target_family = "wasm"))]
impl<const MOST: u32> crate::config::read::Written for Percent<MOST> {
    fn written(&self) -> serde_json::Value {
        format!("{}%", self.0).into()
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
        /// Identities, tokens and sessions.
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
    /// What was revoked: exactly one of `identity`, `jti`, `token_sha256` and `session`.
    RawRevocation {
        /// The provider that it is about.
        provider: Text, required;
        /// An identity, with all its tokens or keys.
        identity: Text;
        /// The token of this `jti`.
        jti: Text;
        /// The token whose compact form has this SHA-256, in lower-case hex.
        token_sha256: Sha256Hex;
        /// The browser's session that the provider calls by this `sid`.
        session: Text;
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
