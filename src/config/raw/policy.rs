//! The file, exactly, as far as it speaks of what callers may do: policies, who gets them, and what
//! claims must say.

use crate::claims::ClaimRef;
use crate::config::code::Code;
use crate::config::define::{object, words};
use crate::config::duration::{Time, YEAR};
use crate::config::problems::{Problems, near};
use crate::config::read::{Count, List, Map, Read, Text, unknown, word, wrong_type};
use crate::config::tree::{Node, Value};
use crate::limits::Count as Counted;
use crate::policy::LimitBy;
use crate::verdict::quoted;

/// Most requests of a limit: what services that count for several proxies can name.
const MOST_REQUESTS: u32 = u32::MAX;

object! {
    /// What its holders may do. What a policy does not name, it does not touch.
    RawPolicy {
        /// What may be called: one entry of a policy in force must grant the request. Left out: the
        /// policy does not say.
        access: List<RawAccess>;
        /// How fast, over all APIs, or `"unlimited"`.
        rate: RawBound<RawRate>;
        /// How much, over all APIs, or `"unlimited"`.
        quota: RawBound<RawQuota>;
        /// Who has counters of their own: each identity, each client, each address, or each value of
        /// a claim.
        limit_by: LimitBy = LimitBy::Identity;
        /// How long after the authentication (`auth_time`, else `iat`) a session ends.
        expires_after: Time<1, YEAR>;
        /// Whether its holders may call at all.
        active: bool = true;
        /// What its holders are called in upstream headers.
        tags: List<Text>;
        /// Facts about its holders for upstream headers.
        metadata: Map<Text>;
    }
}

object! {
    /// What a policy grants.
    RawAccess {
        /// The names of the APIs.
        apis: List<Text>, required;
        /// Methods, exact. Left out: any.
        methods: List<Text>;
        /// Paths by segments, as in `apis[].match`. Left out: any.
        paths: List<Text>;
        /// Scopes that the token must have besides, all of them.
        scopes: List<Text>;
        /// How fast this may be called, besides the policy's own rate.
        rate: RawBound<RawRate>;
        /// Which calls of MCP. Left out: any, and whatever is none.
        mcp: RawCalls;
        /// What a service that counts for several proxies calls the entry's limit by:
        /// `[a-z0-9_-]{1,64}`, not digits alone. Left out: its position.
        name: Text;
    }
}

object! {
    /// Which calls of the Model Context Protocol an entry grants; a final `*` is whatever follows.
    RawCalls {
        /// Methods, such as `tools/call`. Left out: any.
        methods: List<Text>;
        /// Names of tools and prompts, URIs of resources. Left out: any, and none.
        names: List<Text>;
        /// Names that it does not grant, whatever `names` says.
        except: List<Text>;
    }
}

object! {
    /// How fast.
    RawRate {
        /// Requests in each `per`.
        requests: Requests, required;
        /// The time that they are spread over.
        per: Time<1, YEAR>, required;
        /// How many may come at once. Left out: as many as `requests`.
        burst: Count<1, MOST_REQUESTS>;
        /// Where it is counted. Left out: by `limits.remote` where there is one, by several requests
        /// at once, else in the process.
        count: Counted;
    }
}

object! {
    /// How fast an API may be called.
    RawApiRate {
        /// Requests in each `per`.
        requests: Requests, required;
        /// The time that they are spread over.
        per: Time<1, YEAR>, required;
        /// How many may come at once. Left out: as many as `requests`.
        burst: Count<1, MOST_REQUESTS>;
        /// Whether each caller may call so fast: each identity, and each address where there is none.
        /// Otherwise all callers together.
        per_caller: bool = false;
        /// Where it is counted. Left out: by `limits.remote` where there is one, by several requests
        /// at once, else in the process.
        count: Counted;
    }
}

object! {
    /// How much.
    RawQuota {
        /// Requests in each window.
        requests: Requests, required;
        /// The window's length; it begins with the first request.
        per: Time<1, YEAR>, required;
        /// Where it is counted. Left out: by `limits.remote` where there is one, by several requests
        /// at once, else in the process.
        count: Counted;
    }
}

words! {
    Counted {
        Fleet = "fleet",
        Exact = "exact",
        Process = "process",
    }
}

/// How many requests a limit allows.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Requests(pub(in crate::config) u32);

impl Read for Requests {
    const WHAT: &'static str = "a whole number";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let written = match &node.value {
            Value::Number(digits) if *digits == "0" || digits.starts_with('-') => digits,
            Value::Text(text) if matches!(&**text, "0" | "-1" | "unlimited") => &**text,
            _ => return Count::<1, MOST_REQUESTS>::read(node, problems).map(|count| Self(count.0)),
        };
        let found = quoted(written);
        let message = format!(
            "{found}; expected a whole number from 1 to {MOST_REQUESTS}; for no limit leave the whole \
             limit out, or, in a policy, write \"unlimited\" in place of its object: \"rate\": \
             \"unlimited\", \"quota\": \"unlimited\""
        );
        problems.refuse(Code::NumberOutOfRange, node.start, message);
        None
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        Count::<1, MOST_REQUESTS>::schema()
    }
}

/// A limit, or none on purpose.
#[derive(Clone, Debug)]
pub(in crate::config) enum RawBound<T> {
    /// This much.
    Limit(T),
    /// `"unlimited"`.
    Unlimited,
}

impl<T: Read> Read for RawBound<T> {
    const WHAT: &'static str = "an object with `requests` and `per`, or \"unlimited\"";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        match &node.value {
            Value::Text(text) if text == "unlimited" => Some(Self::Unlimited),
            Value::Text(text) if near(text, ["unlimited"]).is_some() => {
                problems.refuse(Code::ValueUnknown, node.start, unknown(text, &["unlimited"]));
                None
            }
            Value::Object(_) => T::read(node, problems).map(Self::Limit),
            _ => {
                wrong_type(node, Self::WHAT, problems);
                None
            }
        }
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        serde_json::json!({ "anyOf": [{ "const": "unlimited" }, T::schema()] })
    }
}

object! {
    /// Each value of a claim has counters of its own.
    RawLimitClaim {
        /// The claim.
        claim: ClaimRef, required;
    }
}

impl Read for LimitBy {
    const WHAT: &'static str = "\"identity\", \"client\", \"address\" or an object with `claim`";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        match &node.value {
            Value::Text(_) => Some(match word(node, WHO, problems)? {
                0 => Self::Identity,
                1 => Self::Client,
                _ => Self::Address,
            }),
            Value::Object(_) => {
                let by = RawLimitClaim::read(node, problems)?;
                if by.claim.is_absent() {
                    problems.missing(node.start, "claim", "missing; name the claim");
                }
                by.claim.given().map(|claim| Self::Claim(claim.value.clone()))
            }
            _ => {
                wrong_type(node, Self::WHAT, problems);
                None
            }
        }
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        serde_json::json!({ "anyOf": [{ "enum": WHO }, RawLimitClaim::schema()] })
    }
}

/// Who has counters of their own: each identity, each client, or each address.
const WHO: &[&str] = &["identity", "client", "address"];

#[cfg(not(target_family = "wasm"))]
impl crate::config::read::Written for LimitBy {
    fn written(&self) -> serde_json::Value {
        match self {
            Self::Address => "address".into(),
            Self::Identity => "identity".into(),
            Self::Client => "client".into(),
            Self::Claim(claim) => serde_json::json!({ "claim": claim.written() }),
        }
    }
}
