//! Names and numbers that tell one thing from another.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

/// SHA-256 over the fields, each with its length before it, so that no two lists of fields run
/// together. The first says what the digest is for.
pub fn digest(fields: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for field in fields {
        hash.update(u64::try_from(field.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(field);
    }
    hash.finalize().into()
}

/// The order of two hashes of one length. It is a function of its own: written out where it is asked for,
/// the order of 32 bytes is 700 bytes of code.
#[inline(never)]
pub fn order(one: &[u8], other: &[u8]) -> Ordering {
    one.cmp(other)
}

/// The name of a provider or an API: `[a-z0-9_-]{1,64}`, because names become metric names.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Name(Arc<str>);

impl Name {
    /// Longest name, in bytes.
    pub const MAX_BYTES: usize = 64;

    /// Accepts a name; `None` where it is empty, too long or holds another character.
    pub fn parse(raw: &str) -> Option<Self> {
        let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        (!raw.is_empty() && raw.len() <= Self::MAX_BYTES && raw.bytes().all(allowed))
            .then(|| Self(raw.into()))
    }

    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as written, shared.
    pub fn to_shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What tells a question from others: a [`digest`] of all that its answer depends on.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct AskId(pub [u8; 32]);

/// The key ID of a JWK or a JOSE header (`kid`, RFC 7515 §4.1.4): opaque, compared byte for byte,
/// at most [`Kid::MAX_BYTES`] long because it arrives unauthenticated.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Kid(Arc<str>);

impl Kid {
    /// Longest key ID we will look up.
    pub const MAX_BYTES: usize = 256;

    /// Accepts a key ID; `None` if it is too long. An empty one is a key ID like any other.
    pub fn parse(raw: &str) -> Option<Self> {
        (raw.len() <= Self::MAX_BYTES).then(|| Self(raw.into()))
    }

    /// The key ID as it came.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A provider's place in [`Config::providers`](crate::config::Config::providers).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ProviderId(pub usize);

/// A policy's place in the configuration's policies.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PolicyId(pub usize);

/// An API's place in [`Config::apis`](crate::config::Config::apis).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ApiId(pub usize);

/// A key ring's place in [`Config::rings`](crate::config::Config::rings).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RingId(pub usize);

/// One HTTP request on its way through the proxy: the host's context id.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct StreamId(pub u32);

/// One call that the filter itself makes, numbered by the engine.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CallId(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_a_metric_name_can_hold() {
        let longest = "a".repeat(64);
        for good in ["okta", "a", "my-api_2", longest.as_str()] {
            assert!(Name::parse(good).is_some(), "{good}");
        }
        let too_long = "a".repeat(65);
        for bad in ["", "Okta", "a b", "é", "a.b", too_long.as_str()] {
            assert!(Name::parse(bad).is_none(), "{bad}");
        }
    }
}
