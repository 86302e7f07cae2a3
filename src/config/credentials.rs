//! The file, exactly: where credentials stand, API keys, and keys that are not fetched.

use super::code::Code;
use super::define::object;
use super::problems::Problems;
use super::read::{At, List, Map, Read, Text, wrong_type};
use super::tree::{Node, Value};
use crate::http::is_token;
use crate::time::UnixMillis;
use crate::wire;

object! {
    /// A place of a request where a credential may stand: exactly one of `header`, `query` and
    /// `cookie`.
    RawLocation {
        /// The header's name, in any case.
        header: Text;
        /// The authentication scheme before the credential, in any case, or a list of them; `""` is a
        /// credential alone. Left out: `Bearer` for `authorization`; for other headers the whole value
        /// is the credential.
        scheme: Schemes;
        /// The name of the query parameter.
        query: Text;
        /// The name of the cookie.
        cookie: Text;
        /// The origins whose pages may cause requests with the cookie that change something.
        origins: List<Text>;
        /// Says on purpose that pages of any origin may.
        any_origin: bool = "false";
        /// The names of the APIs where this place counts. Left out: all.
        apis: List<Text>;
    }
}

object! {
    /// An API key.
    RawKey {
        /// What it is called in the log.
        name: Text, required;
        /// SHA-256 of the key, in lower-case hex.
        sha256: Sha256Hex, required;
        /// Who shows it.
        identity: Text, required;
        /// Policies that its session has on every API.
        policies: List<Text>;
        /// Whether it may be used now.
        active: bool = "true";
        /// From when on it is refused. Left out: never.
        expires: Moment;
        /// Words that its session carries.
        tags: List<Text>;
        /// Names and values that its session carries.
        metadata: Map<Text>;
    }
}

object! {
    /// A secret for the HS family: exactly one of `base64`, `text` and `env`.
    RawSecret {
        /// Its bytes in base64, of either alphabet, padded or not.
        base64: Text;
        /// Its bytes as UTF-8.
        text: Text;
        /// The variable of the VM's environment that holds its bytes as UTF-8.
        env: Text;
    }
}

/// `from[].scheme`: one scheme or a list. What is none is never repeated: it may be a credential.
#[derive(Clone, Debug)]
pub(super) struct Schemes(pub(super) List<SchemeWord, 16>);

/// A scheme; empty where the credential stands alone.
#[derive(Clone, Debug)]
pub(super) struct SchemeWord(pub(super) Box<str>);

impl Read for Schemes {
    const WHAT: &'static str = "a scheme or a list of schemes";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        match node.value {
            Value::List(_) => return List::read(node, problems).map(Self),
            // Alone it says something, like every text.
            Value::Text(_) => drop(Text::read(node, problems)?),
            _ => {
                wrong_type(node, Self::WHAT, problems);
                return None;
            }
        }
        At::read(node, problems).map(|one| Self(List { items: vec![one], written: 1 }))
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        let list = List::<SchemeWord, 16>::schema();
        serde_json::json!({ "anyOf": [Text::schema(), list] })
    }
}

impl Read for SchemeWord {
    const WHAT: &'static str = "a scheme, a string";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let Value::Text(text) = &node.value else {
            wrong_type(node, Self::WHAT, problems);
            return None;
        };
        if text.is_empty() || is_token(text) {
            return Some(Self(text.as_ref().into()));
        }
        let message = "a scheme is one word, such as \"Bearer\"";
        problems.refuse(Code::ValueInvalid, node.start, message);
        None
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "string" })
    }
}

/// SHA-256 in lower-case hex. What is not is never repeated: it may be the secret itself.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Sha256Hex(pub(super) [u8; 32]);

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
pub(super) struct Moment(pub(super) UnixMillis);

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

/// A text of several lines; never repeated, as it may hold a private key.
#[derive(Clone, Debug)]
pub(super) struct Pem(pub(super) Box<str>);

impl Pem {
    /// Longest text, in bytes.
    const MAX_BYTES: usize = 64 * 1024;
}

impl Read for Pem {
    const WHAT: &'static str = "public keys in PEM, a string";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let Value::Text(text) = &node.value else {
            wrong_type(node, Self::WHAT, problems);
            return None;
        };
        if text.len() > Self::MAX_BYTES {
            let message = format!("{} bytes long; at most {}", text.len(), Self::MAX_BYTES);
            problems.refuse(Code::ValueTooLong, node.start, message);
            return None;
        }
        Some(Self(text.as_ref().into()))
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "string", "minLength": 1 })
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
