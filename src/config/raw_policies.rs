//! The file, exactly, as far as it speaks of what callers may do: policies, who gets them, and what
//! claims must say.

use super::code::Code;
use super::define::{choice, object};
use super::duration::{Time, YEAR};
use super::problems::{Problems, near};
use super::read::{Count, List, Map, OneOrMany, Read, Text, unknown, wrong_type};
use super::tree::{Node, Value};
use crate::claims::ClaimRef;
use crate::verdict::quoted;

/// Most requests of a limit.
const MOST_REQUESTS: u32 = 1_000_000_000;

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
        /// Who has counters of their own: each identity, each client, or each value of a claim.
        limit_by: RawLimitBy = "identity";
        /// How long after the authentication (`auth_time`, else `iat`) a session ends.
        expires_after: Time<1, YEAR>;
        /// Whether its holders may call at all.
        active: bool = "true";
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
    }
}

object! {
    /// How much.
    RawQuota {
        /// Requests in each window.
        requests: Requests, required;
        /// The window's length; it begins with the first request.
        per: Time<1, YEAR>, required;
    }
}

/// How many requests a limit allows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Requests(pub(super) u32);

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
pub(super) enum RawBound<T> {
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
                problems.refuse(Code::ValueUnknown, node.start, unknown(text, ["unlimited"]));
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

/// `limit_by`.
#[derive(Clone, Debug)]
pub(super) enum RawLimitBy {
    /// An object that names a claim.
    Claim(RawLimitClaim),
    /// A word.
    Who(RawLimitWho),
}

object! {
    /// Each value of a claim has counters of its own.
    RawLimitClaim {
        /// The claim.
        claim: ClaimRef, required;
    }
}

choice! {
    /// Who has counters of their own.
    RawLimitWho {
        /// Each identity.
        Identity = "identity",
        /// Each client.
        Client = "client",
    }
}

impl Read for RawLimitBy {
    const WHAT: &'static str = "\"identity\", \"client\" or an object with `claim`";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        match &node.value {
            Value::Text(_) => RawLimitWho::read(node, problems).map(Self::Who),
            Value::Object(_) => RawLimitClaim::read(node, problems).map(Self::Claim),
            _ => {
                wrong_type(node, Self::WHAT, problems);
                None
            }
        }
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        serde_json::json!({ "anyOf": [RawLimitWho::schema(), RawLimitClaim::schema()] })
    }
}

object! {
    /// Which policies an API gives to whom. What the `by_…`, `from_claim` and a key's own yield is
    /// joined.
    RawApiPolicies {
        /// For callers to whom nothing else gives any.
        default: List<Text>;
        /// By the token's scopes.
        by_scope: Map<List<Text>>;
        /// By the token's client.
        by_client: Map<List<Text>>;
        /// By the values of claims.
        by_claim: List<RawByClaim>;
        /// Whether the tokens name policies themselves, in the providers' `claims.policies`.
        from_claim: bool = "false";
    }
}

object! {
    /// Policies by the values of a claim.
    RawByClaim {
        /// The claim: a string, an array of strings, or an object by the names of its members.
        claim: ClaimRef, required;
        /// The policies for each value.
        values: Map<List<Text>>, required;
    }
}

object! {
    /// What is required of a claim, at most one thing besides its presence.
    RawRule {
        /// The claim, which must be there and not null.
        claim: ClaimRef, required;
        /// It must be one of these.
        values as "in": List<Scalar>;
        /// It must be an array with one of these, or an object with a member of such a name.
        contains_any: List<Scalar>;
        /// It must be an array with all of these, or an object with members of these names.
        contains_all: List<Scalar>;
        /// It must be a string that begins so, or with one of a list.
        starts_with: OneOrMany;
    }
}

/// A string, a whole number or a boolean, to be compared with claims.
#[derive(Clone, Debug)]
pub(super) struct Scalar(pub(super) serde_json::Value);

impl Read for Scalar {
    const WHAT: &'static str = "a string, a whole number, true or false";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        match &node.value {
            Value::Text(text) => Some(Self(text.as_ref().into())),
            Value::Bool(flag) => Some(Self((*flag).into())),
            Value::Number(digits) if digits.parse::<i64>().is_ok() => {
                digits.parse::<i64>().ok().map(|number| Self(number.into()))
            }
            _ => {
                wrong_type(node, Self::WHAT, problems);
                None
            }
        }
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        let types = ["string", "integer", "boolean"];
        let types = types.map(|name| serde_json::json!({ "type": name }));
        serde_json::json!({ "anyOf": types })
    }
}

choice! {
    /// What becomes of requests that are refused.
    RawMode {
        /// They are answered here.
        Enforce = "enforce",
        /// They go upstream as they came, and the refusal is only logged and counted.
        Report = "report",
    }
}
