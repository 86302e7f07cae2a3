//! The file, exactly: what is open to operators alone.

use super::credentials::Sha256Hex;
use super::define::object;
use super::problems::Problems;
use super::read::{At, List, Read, Text};
use super::tree::{Node, Value};

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
        ready: bool = "false";
    }
}

/// One hash, or a list.
#[derive(Clone, Debug)]
pub(super) struct Hashes(pub(super) List<Sha256Hex, MAX_HASHES>);

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
