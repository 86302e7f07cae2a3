//! Keys that open something to an operator, known by their hashes alone; and texts that the filter
//! shows to others.

use std::fmt;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// A text that is shown to the one it is for and to nobody else, and wiped where it is dropped.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text.
    pub const fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The text, for whom it is for.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret")
    }
}

/// SHA-256 hashes of keys, each of which opens the same.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct KeyHashes(Box<[[u8; 32]]>);

impl KeyHashes {
    /// Those of the keys that open it.
    pub fn new(hashes: impl IntoIterator<Item = [u8; 32]>) -> Self {
        Self(hashes.into_iter().collect())
    }

    /// Whether `shown` is one of the keys: every hash is compared whole, in the same time whatever
    /// was shown. Nothing is no key.
    #[inline(never)]
    pub fn opens(&self, shown: &[u8]) -> bool {
        let hash: [u8; 32] = Sha256::digest(shown).into();
        let is_one = self.0.iter().fold(false, |opened, key| opened | same(key, &hash));
        is_one && !shown.is_empty()
    }
}

/// Whether a hash is that of nothing, which is no key: what hashing an empty variable brings.
pub fn is_of_nothing(hash: &[u8; 32]) -> bool {
    *hash == <[u8; 32]>::from(Sha256::digest(b""))
}

/// Whether two hashes are equal, in a time that does not depend on where they differ.
pub fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let differs = one.iter().zip(other).fold(0, |differs, (one, other)| differs | (one ^ other));
    std::hint::black_box(differs) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_the_keys_opens_and_nothing_else_does() {
        let hash = |key: &str| Sha256::digest(key).into();
        let keys = KeyHashes::new([hash("first"), hash("second")]);
        assert!(keys.opens(b"first"));
        assert!(keys.opens(b"second"));
        for shown in ["", "firs", "first ", "First", "firstsecond"] {
            assert!(!keys.opens(shown.as_bytes()), "{shown}");
        }
        assert!(!KeyHashes::new([]).opens(b""));
        assert!(!KeyHashes::new([hash("")]).opens(b""));
        assert!(is_of_nothing(&hash("")) && !is_of_nothing(&hash(" ")));
    }

    #[test]
    fn hashes_that_differ_in_one_bit_are_different() {
        for bit in 0..256 {
            let mut other = [0; 32];
            other[bit / 8] = 1 << (bit % 8);
            assert!(!same(&[0; 32], &other), "{bit}");
        }
        assert!(same(&[7; 32], &[7; 32]));
    }
}
