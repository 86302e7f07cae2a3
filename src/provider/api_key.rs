//! API keys: who owns which, known by hash alone.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::ids::{Name, order};
use crate::secret::same;
use crate::time::UnixMillis;

/// The keys of a checked provider of kind `api_key`.
#[derive(Clone, Debug, Default)]
pub struct ApiKeys(Vec<ApiKey>);

/// One API key. The key itself is not here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ApiKey {
    /// What it is called in the log.
    pub name: Arc<str>,
    /// SHA-256 of the key.
    pub sha256: [u8; 32],
    /// Who shows it. Several keys may name one identity, so that one can be replaced by the next.
    pub identity: Arc<str>,
    /// The policies that its session has on every API.
    pub policies: Vec<Name>,
    /// Whether it may be used now.
    pub active: bool,
    /// From when on it is refused; `None` is never.
    pub expires: Option<UnixMillis>,
    /// Words that its session carries.
    pub tags: Vec<Box<str>>,
    /// Names and values that its session carries, as written.
    pub metadata: Vec<(Box<str>, Box<str>)>,
}

/// A key's place among those of its provider.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct KeyId(pub usize);

impl ApiKeys {
    /// Keys in the order of their hashes; `None` where they are not, or two have the same.
    pub fn in_order(keys: Vec<ApiKey>) -> Option<Self> {
        keys.is_sorted_by(|one, next| order(&one.sha256, &next.sha256).is_lt())
            .then_some(Self(keys))
    }

    /// The key that was presented.
    ///
    /// The time it takes depends on the hash of what was presented, of which a stranger who does not
    /// know a key cannot choose a single bit on purpose: it tells nothing about the keys that exist.
    pub fn find(&self, presented: &[u8]) -> Option<KeyId> {
        let hash: [u8; 32] = Sha256::digest(presented).into();
        let place = self.0.partition_point(|key| order(&key.sha256, &hash).is_lt());
        let found = self.0.get(place)?;
        same(&found.sha256, &hash).then_some(KeyId(place))
    }

    /// A key by its place.
    pub fn get(&self, id: KeyId) -> Option<&ApiKey> {
        self.0.get(id.0)
    }

    /// The keys, in the order of their hashes.
    pub fn iter(&self) -> impl Iterator<Item = &ApiKey> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> ApiKey {
        ApiKey {
            name: text.into(),
            sha256: Sha256::digest(text).into(),
            identity: "acme".into(),
            policies: Vec::new(),
            active: true,
            expires: None,
            tags: Vec::new(),
            metadata: Vec::new(),
        }
    }

    #[test]
    fn a_key_is_found_by_what_it_hashes_to() {
        let names: Vec<_> = (0..100).map(|number| format!("key {number}")).collect();
        let mut keys: Vec<_> = names.iter().map(|name| key(name)).collect();
        assert!(ApiKeys::in_order(keys.clone()).is_none(), "any order will not do");
        keys.sort_unstable_by_key(|key| key.sha256);
        let keys = ApiKeys::in_order(keys).unwrap();
        for name in &names {
            let found = keys.find(name.as_bytes()).and_then(|id| keys.get(id));
            assert_eq!(found.map(|key| &*key.name), Some(name.as_str()));
        }
        let hash = Sha256::digest("key 1");
        for stranger in [b"key 100".as_slice(), b"", b"key 1 ", b"KEY 1", hash.as_slice()] {
            assert_eq!(keys.find(stranger), None);
        }
        assert!(ApiKeys::in_order(vec![key("twin"), key("twin")]).is_none());
        assert_eq!(ApiKeys::default().find(b"key 1"), None);
    }
}
