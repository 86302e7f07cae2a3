//! Values that several objects hold: claims, rules about them, hashes, points in time.

use crate::claims::ClaimRef;
use crate::config::code::Code;
use crate::config::define::{choice, object};
use crate::config::problems::Problems;
use crate::config::read::{At, List, OneOrMany, Read, Text, wrong_type};
use crate::config::tree::{Node, Value};
use crate::time::UnixMillis;
use crate::wire;

impl Read for ClaimRef {
    const WHAT: &'static str = "a claim: its name, or a list of names from the outermost in";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        match &node.value {
            Value::Text(_) => Text::read(node, problems).map(|name| Self::Name(name.0)),
            Value::List(names) if names.is_empty() => {
                problems.refuse(
                    Code::ValueEmpty,
                    node.start,
                    "an empty list names no claim; write its name",
                );
                None
            }
            Value::List(names) => {
                let read: Vec<_> =
                    names.iter().filter_map(|name| Text::read(name, problems)).collect();
                (read.len() == names.len())
                    .then(|| Self::Path(read.into_iter().map(|name| name.0).collect()))
            }
            _ => {
                wrong_type(node, Self::WHAT, problems);
                None
            }
        }
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        serde_json::json!({ "anyOf": [Text::schema(), List::<Text>::schema()] })
    }
}

#[cfg(not(target_family = "wasm"))]
impl crate::config::read::Written for ClaimRef {
    fn written(&self) -> serde_json::Value {
        match self {
            Self::Name(name) => (**name).into(),
            Self::Path(names) => names.iter().map(|name| &**name).collect(),
        }
    }
}

object! {
    /// What is required of a claim, or of the session's identity: at most one thing besides its
    /// presence.
    RawRule {
        /// The claim, which must be there and not null.
        claim: ClaimRef;
        /// In place of a claim: the session's identity.
        session: RawSessionFact;
        /// The part of the request that it must equal.
        matches: RawMatches;
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

/// The rules of an API.
#[derive(Clone, Debug)]
pub(in crate::config) struct ApiRules(pub(in crate::config) List<RawRule>);

impl Read for ApiRules {
    const WHAT: &'static str = "a list";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        rules(node, problems).map(Self)
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        List::<RawRule>::schema()
    }
}

/// Reads rules, whosever they are: once in the module.
#[inline(never)]
fn rules(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<List<RawRule>> {
    List::read(node, problems)
}

/// The rules of a provider, which knows of no request: what compares with one is refused.
#[derive(Clone, Debug)]
pub(in crate::config) struct ProviderRules(pub(in crate::config) List<RawRule>);

impl Read for ProviderRules {
    const WHAT: &'static str = "a list";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        rules(node, problems).map(Self)
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        let mut schema = List::<RawRule>::schema();
        let rule = schema.get_mut("items").and_then(serde_json::Value::as_object_mut);
        if let Some(rule) = rule {
            let doc = "What is required of a claim, at most one thing besides its presence.";
            rule.insert("description".into(), doc.into());
            rule.insert("required".into(), serde_json::json!(["claim"]));
            if let Some(properties) = rule.get_mut("properties").and_then(|all| all.as_object_mut())
            {
                properties.retain(|name, _| !matches!(&**name, "session" | "matches"));
            }
        }
        schema
    }
}

choice! {
    /// What of the session is compared.
    pub(in crate::config) RawSessionFact {
        /// Its identity.
        Identity = "identity",
    }
}

object! {
    /// A part of a request, exactly one.
    RawMatches {
        /// The header of this name.
        header: Text;
        /// The segment of this name: `id` for `{id}` in each of the API's `match.paths`.
        path: Text;
        /// The label of this name: `tenant` for `{tenant}` in each of the API's `match.hosts`.
        host: Text;
        /// The query parameter of this name.
        query: Text;
    }
}

/// A string, a whole number or a boolean, to be compared with claims.
#[derive(Clone, Debug)]
pub(in crate::config) struct Scalar(pub(in crate::config) serde_json::Value);

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

/// SHA-256 in lower-case hex. What is not is never repeated: it may be the secret itself.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::config) struct Sha256Hex(pub(in crate::config) [u8; 32]);

impl Sha256Hex {
    fn parse(text: &str) -> Option<Self> {
        wire::hex(text).map(Self)
    }
}

impl Read for Sha256Hex {
    const WHAT: &'static str = "SHA-256 in lower-case hex";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let Value::Text(text) = &node.value else {
            wrong_type(node, "SHA-256 in lower-case hex, a string", problems);
            return None;
        };
        let hash = Self::parse(text);
        if hash.is_none() {
            problems.refuse(
                Code::HashInvalid,
                node.start,
                "not SHA-256 in lower-case hex, 64 of 0-9 and a-f; `printf %s KEY | sha256sum` \
                 shows it",
            );
        }
        hash
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" })
    }
}

/// A point in time as RFC 3339 writes it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::config) struct Moment(pub(in crate::config) UnixMillis);

impl Read for Moment {
    const WHAT: &'static str = "a point in time";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let Value::Text(text) = &node.value else {
            wrong_type(node, "a point in time such as \"2027-01-01T00:00:00Z\"", problems);
            return None;
        };
        let moment = UnixMillis::from_rfc3339(text);
        if moment.is_none() {
            let message = format!(
                "{} is no point in time (RFC 3339); write it as \"2027-01-01T00:00:00Z\"",
                crate::verdict::quoted(text)
            );
            problems.refuse(Code::TimeInvalid, node.start, message);
        }
        moment.map(Self)
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        serde_json::json!({
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?\
                        ([Zz]|[+-][0-9]{2}:[0-9]{2})$",
        })
    }
}

/// One hash, or a list.
#[derive(Clone, Debug)]
pub(in crate::config) struct Hashes(pub(in crate::config) List<Sha256Hex, MAX_HASHES>);

/// Each is compared for every request that shows a key.
const MAX_HASHES: usize = 16;

impl Read for Hashes {
    const WHAT: &'static str = "SHA-256 in lower-case hex, or a list of them";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        match node.value {
            Value::List(_) => List::read(node, problems).map(Self),
            _ => At::read(node, problems).map(|one| Self(List { items: vec![one], written: 1 })),
        }
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        let many = List::<Sha256Hex, MAX_HASHES>::schema();
        serde_json::json!({ "anyOf": [Sha256Hex::schema(), many] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_sixty_four_small_digits() {
        let text = "00ff0123456789abcdef00000000000000000000000000000000000000000010";
        let hash = Sha256Hex::parse(text).unwrap().0;
        assert_eq!((hash[..4].to_vec(), hash[31]), (vec![0, 0xff, 1, 0x23], 0x10));
        let upper = text.to_uppercase();
        let signed = text.replacen("00", "+0", 1);
        for bad in
            ["", text.split_at(1).1, &format!("{text}0"), &upper, &signed, &text.replace('f', "g")]
        {
            assert_eq!(Sha256Hex::parse(bad), None, "{bad}");
        }
    }
}
