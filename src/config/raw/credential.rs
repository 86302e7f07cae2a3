//! The file, exactly: where credentials stand, API keys, and keys that are not fetched.

use super::value::{Moment, Sha256Hex};
use crate::config::code::Code;
use crate::config::define::object;
use crate::config::problems::Problems;
use crate::config::read::{At, List, Map, Read, Text, wrong_type};
use crate::config::tree::{Node, Value};
use crate::http::is_token;

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
        any_origin: bool = false;
        /// The names of the APIs where this place counts. Left out: all.
        apis: List<Text>;
    }
}

/// `from`: the places where a credential may stand. Beside a login there may be none.
#[derive(Clone, Debug)]
pub(in crate::config) struct Locations(pub(in crate::config) List<RawLocation, 16>);

impl Read for Locations {
    const WHAT: &'static str = "a list";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        List::read(node, problems).map(Self)
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        let mut schema = List::<RawLocation, 16>::schema();
        if let Some(members) = schema.as_object_mut() {
            members.remove("minItems");
        }
        schema
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
        active: bool = true;
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
pub(in crate::config) struct Schemes(pub(in crate::config) List<SchemeWord, 16>);

/// A scheme; empty where the credential stands alone.
#[derive(Clone, Debug)]
pub(in crate::config) struct SchemeWord(pub(in crate::config) Box<str>);

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

/// A text of several lines; never repeated, as it may hold a private key.
#[derive(Clone, Debug)]
pub(in crate::config) struct Pem(pub(in crate::config) Box<str>);

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
