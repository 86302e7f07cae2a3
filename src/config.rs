//! The configuration: bytes → [`Config`], or where and what is wrong.
//!
//! Bytes become a tree that knows where it stands (`tree`; `message` where they are no text but what
//! a control plane makes of YAML), the tree raw types that say what may be
//! written where (`raw`), and those, once nothing contradicts anything (`check`), a [`Config`].
//! Everything that is wrong is reported at once.

use sha2::{Digest as _, Sha256};

mod check;
mod checked;
mod code;
mod define;
mod duration;
mod field;
mod message;
mod problems;
mod raw;
mod read;
#[cfg(not(target_family = "wasm"))]
mod schema;
mod tree;

pub use checked::{
    Config, Crypto, DEFAULT_HEADERS, Detail, LONGEST_DETAIL, LimitsConfig, LogConfig, LogFormat,
    LogIdentity, RemoteLimit, RemoteLimits, RingConfig, RingSource, StatusConfig, Variables,
};
pub use code::Code;
pub use problems::{Problem, near, near_by_slip};

impl Config {
    /// Reads a configuration, at most 1 MiB and 32 levels deep: JSON (RFC 8259) in UTF-8, or a
    /// message of protobuf, `google.protobuf.Struct` or what holds one (`xds.type.v3.TypedStruct`,
    /// `google.protobuf.Any`), without its type, as Envoy hands it over.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, in the order of the text or, of a message, of the paths; at most a
    /// thousand problems, and one that says so where there are more. What is neither JSON nor such a
    /// message has one.
    pub fn parse(text: &[u8]) -> Result<Self, Vec<Problem>> {
        Self::parse_with(text, &|_| None)
    }

    /// Reads a configuration that may name variables of the process: see [`parse`](Self::parse).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn parse_with(bytes: &[u8], variables: Variables<'_>) -> Result<Self, Vec<Problem>> {
        let text = match message::is_message(bytes) {
            true => None,
            false => Some(tree::utf8(bytes).map_err(|malformed| {
                let valid = bytes.get(..malformed.at).unwrap_or_default();
                vec![no_tree(std::str::from_utf8(valid).ok(), malformed)]
            })?),
        };
        let mut problems = problems::Problems::new(text);
        let root = tree::bounded(bytes).and_then(|()| match text {
            Some(text) => tree::parse(text),
            None => message::parse(bytes, &mut problems),
        });
        let root = root.map_err(|malformed| vec![no_tree(text, malformed)])?;
        let config = problems.none().then(|| {
            let raw = <read::At<raw::RawConfig> as read::Read>::read(&root, &mut problems)?;
            check::check(&raw, variables, &mut problems)
        });
        let [refused, warnings, notes] = problems.resolve(&root);
        match config.flatten() {
            Some(config) if refused.is_empty() => {
                let mut text = String::new();
                tree::write(&root, &mut text);
                Ok(Self { warnings, notes, hash: Sha256::digest(text).into(), ..config })
            }
            _ if refused.is_empty() => Err(vec![Problem {
                line: 1,
                column: 1,
                path: "".into(),
                message: "refused for a reason that got lost: a defect of Tollgate".into(),
                code: Code::Internal,
            }]),
            _ => Err(refused),
        }
    }
}

/// The JSON Schema of the configuration.
///
/// It knows the shapes; what contradicts what only [`Config::parse`] says.
#[cfg(not(target_family = "wasm"))]
pub fn schema() -> serde_json::Value {
    schema::document(<raw::RawConfig as read::Read>::schema())
}

#[inline(never)]
fn no_tree(text: Option<&str>, malformed: tree::Malformed) -> Problem {
    let place = |text| tree::Places::new(text).find(malformed.at);
    let (line, column) = text.map_or((0, 0), place);
    let message = malformed.message.into();
    Problem { line, column, path: "".into(), message, code: malformed.code }
}
