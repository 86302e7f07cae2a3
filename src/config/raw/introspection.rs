//! The file, exactly: a provider that is asked about tokens.

use crate::config::define::{choice, object};
use crate::config::duration::{Time, YEAR};
use crate::config::problems::Problems;
use crate::config::read::{Read, word};
use crate::config::tree::{Node, Value};

choice! {
    /// A form of token.
    pub(in crate::config) RawForm {
        /// What is no JWT.
        Opaque = "opaque",
        /// JWTs of the issuer.
        Jwt = "jwt",
    }
}

/// `on_outage`.
#[derive(Clone, Debug)]
pub(in crate::config) enum RawOutage {
    /// `"deny"`.
    Deny,
    /// What lets old answers serve.
    Stale(RawStale),
}

object! {
    /// What lets old answers serve.
    RawStale {
        /// How much longer than `cache` a positive answer serves.
        stale: Time<1, YEAR>, required;
    }
}

impl Read for RawOutage {
    const WHAT: &'static str = "\"deny\" or an object with `stale`";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        match node.value {
            Value::Object(_) => RawStale::read(node, problems).map(Self::Stale),
            _ => word(node, &["deny"], problems).map(|_| Self::Deny),
        }
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        serde_json::json!({ "anyOf": [{ "const": "deny" }, RawStale::schema()] })
    }
}
