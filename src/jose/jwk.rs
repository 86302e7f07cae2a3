//! Sets of keys (RFC 7517 §5), and which of a set's keys may have signed a token.
//!
//! A set is taken as it comes: what cannot be used is skipped and named, and one bad key never
//! costs the others.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::ids::{Kid, order};
use crate::jose::alg::Alg;
use crate::jose::pem::{self, PemError};
use crate::json::{self, JsonError};
use crate::verdict::quoted;

mod key;
mod why;

pub(super) use key::Material;
pub use key::{PublicKey, Tolerated};
pub use why::WhySkipped;

/// Longest text of a key set, in bytes.
pub const MAX_SET_BYTES: usize = 512 * 1024;

/// Most entries of a key set, usable or not.
pub const MAX_KEYS: usize = 128;

/// Most keys that a signature is tried with.
pub const MAX_CANDIDATES: usize = 8;

/// Where a key set comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// A URL that anyone can read.
    Fetched,
    /// The configuration.
    Inline,
}

/// The usable keys of a set. Cloning one shares it.
#[derive(Clone, Debug)]
pub struct KeySet {
    keys: Arc<[PublicKey]>,
    version: [u8; 16],
}

/// What a text held.
#[derive(Clone, Debug)]
pub struct ParsedSet {
    /// The usable keys, at least one.
    pub set: KeySet,
    /// The entries that are not in it, in their order.
    pub skipped: Vec<Skipped>,
    /// The entries that are in it although something of them is written otherwise than it should be.
    pub tolerated: Vec<(Entry, Tolerated)>,
    /// The entries that show a private key to whoever reads the set (RFC 7517 §9.2), used or not:
    /// worth an error in the log.
    pub private: Vec<Entry>,
}

/// An entry of a key set, to be named in a log line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Its place in `keys`, from 0.
    pub index: usize,
    /// Its key ID, if it has one that can be read.
    pub kid: Option<Kid>,
}

/// An entry that cannot be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Skipped {
    /// Its place in `keys`, from 0.
    pub index: usize,
    /// Its key ID, if it has one that can be read.
    pub kid: Option<Kid>,
    /// What is wrong with it.
    pub why: WhySkipped,
}

/// Why a text is no key set that can be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SetError {
    /// Two members of one object have the same name.
    Duplicate,
    /// An object without an array `keys`.
    KeysMissing,
    /// No JSON.
    Malformed,
    /// Not one key can be used; here is what is wrong with each.
    NoneUsable(Vec<Skipped>),
    /// JSON, but no object.
    NotAnObject,
    /// More than [`MAX_SET_BYTES`]: so many bytes.
    TooLarge(usize),
    /// More than [`MAX_KEYS`]: so many entries.
    TooManyKeys(usize),
}

/// Which keys of a set a token's signature is to be tried with.
#[derive(Clone, Debug)]
pub enum Selection<'a> {
    /// These, at least one and at most [`MAX_CANDIDATES`].
    Candidates(Vec<&'a PublicKey>),
    /// There are keys with the token's `kid`, and none of them fits its algorithm.
    Mismatch,
    /// None; a newer set may have one.
    Unknown,
}

impl KeySet {
    /// Reads a key set.
    ///
    /// Skipped are, each with a reason: symmetric keys of a set that was fetched, and those that are
    /// shorter than their algorithm's hash; keys of a type or curve that is not known; keys that are
    /// not for verifying (`use`, `key_ops`); keys whose `alg` is unknown or of another type; RSA keys
    /// under 2048 or over 8192 bits, with a modulus that is even or of the kind that ROCA factors, or
    /// an exponent that is even, under 3 or over 2^32; points off their curve or of small order;
    /// members of a wrong type or encoding, `null` or empty.
    ///
    /// What providers write otherwise than they should, and what is the same number all the same, is
    /// tolerated, and told in [`ParsedSet::tolerated`]: padding; of `n`, `e`, `x` and `y` zero octets in
    /// front, and of EC's `x` and `y` those that are missing there. `k` and the `x` of Ed25519 are no
    /// numbers. `alg`, `use`, `kid`, `key_ops`, `x5c` and its kin count as absent where they are `null`
    /// or empty. `x5c` and its kin are ignored: the key is in the other members, and certificates are
    /// not judged. An entry that repeats another counts once, however it is written.
    ///
    /// # Errors
    ///
    /// See [`SetError`].
    pub fn parse(text: &[u8], origin: Origin) -> Result<ParsedSet, SetError> {
        if text.len() > MAX_SET_BYTES {
            return Err(SetError::TooLarge(text.len()));
        }
        let mut members = json::object(text).map_err(|error| match error {
            JsonError::Duplicate => SetError::Duplicate,
            JsonError::Malformed => SetError::Malformed,
            JsonError::NotAnObject => SetError::NotAnObject,
        })?;
        let Some(Value::Array(entries)) = members.get_mut("keys").map(Value::take) else {
            return Err(SetError::KeysMissing);
        };
        if entries.len() > MAX_KEYS {
            return Err(SetError::TooManyKeys(entries.len()));
        }
        Self::from_entries(&entries, origin)
    }

    /// Reads the public keys of a text in PEM: `PUBLIC KEY` (RFC 7468 §13) and `RSA PUBLIC KEY`. They
    /// have no ID and name no algorithm.
    ///
    /// # Errors
    ///
    /// [`PemError`] for the first block that is no key which can be used.
    pub fn from_pem(text: &str) -> Result<Self, PemError> {
        Self::from_sound(&pem::keys(text)?).map_err(PemError::Unusable)
    }

    /// The key that one JWK is; `None` where it cannot be used.
    pub(super) fn of_one(jwk: &Value) -> Option<PublicKey> {
        Self::from_sound(std::slice::from_ref(jwk)).ok()?.iter().next().cloned()
    }

    /// The set of one secret, for the HS family.
    ///
    /// # Errors
    ///
    /// [`WhySkipped::SecretShort`] where it is shorter than the shortest hash.
    pub fn from_secret(secret: &[u8]) -> Result<Self, WhySkipped> {
        let k = URL_SAFE_NO_PAD.encode(secret);
        Self::from_sound(&[json!({ "kty": "oct", "k": k })])
    }

    /// A set of keys that must all be usable.
    fn from_sound(entries: &[Value]) -> Result<Self, WhySkipped> {
        let parsed = match Self::from_entries(entries, Origin::Inline) {
            Ok(parsed) if parsed.skipped.is_empty() => return Ok(parsed.set),
            Ok(parsed) => parsed.skipped,
            Err(SetError::NoneUsable(skipped)) => skipped,
            Err(_) => Vec::new(),
        };
        Err(parsed.into_iter().next().map_or(WhySkipped::NotAnObject, |skipped| skipped.why))
    }

    fn from_entries(entries: &[Value], origin: Origin) -> Result<ParsedSet, SetError> {
        let mut keys: Vec<PublicKey> = Vec::new();
        let (mut skipped, mut private, mut tolerated) = (Vec::new(), Vec::new(), Vec::new());
        for (index, entry) in entries.iter().enumerate() {
            if key::is_private(entry) {
                private.push(Entry { index, kid: key::kid_for_logs(entry) });
            }
            match PublicKey::parse(entry, origin) {
                Ok((key, _))
                    if keys.iter().any(|known| known.fingerprint() == key.fingerprint()) => {}
                Ok((key, odd)) => {
                    tolerated
                        .extend(odd.map(|odd| (Entry { index, kid: key.kid().cloned() }, odd)));
                    keys.push(key);
                }
                Err(why) => {
                    skipped.push(Skipped { index, kid: key::kid_for_logs(entry), why });
                }
            }
        }
        if keys.is_empty() {
            return Err(SetError::NoneUsable(skipped));
        }
        let set = Self { version: version(&keys), keys: keys.into() };
        Ok(ParsedSet { set, skipped, tolerated, private })
    }

    /// A hash of its keys and of what they may be used for. It changes only when they do, whatever
    /// their order and whatever else the text holds.
    pub const fn version(&self) -> [u8; 16] {
        self.version
    }

    /// How many keys it has; never 0.
    #[expect(clippy::len_without_is_empty, reason = "a set without keys cannot be built")]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Its keys, in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = &PublicKey> {
        self.keys.iter()
    }

    /// The keys that may have signed a token with this header.
    ///
    /// With a `kid`, the keys of that ID that fit the algorithm. If no key has the ID, a key
    /// without one serves where it is the set's only key. Without a `kid`, every key that fits;
    /// where more than [`MAX_CANDIDATES`] do, none is tried, as a stranger would choose how much
    /// work there is.
    pub fn select(&self, kid: Option<&Kid>, alg: Alg) -> Selection<'_> {
        let Some(kid) = kid else {
            let fitting: Vec<_> =
                self.iter().filter(|key| key.fits(alg)).take(MAX_CANDIDATES + 1).collect();
            return match fitting.len() {
                1..=MAX_CANDIDATES => Selection::Candidates(fitting),
                _ => Selection::Unknown,
            };
        };
        let mut named = self.iter().filter(|key| key.kid() == Some(kid)).peekable();
        if named.peek().is_some() {
            let fitting: Vec<_> = named.filter(|key| key.fits(alg)).take(MAX_CANDIDATES).collect();
            return match fitting.is_empty() {
                false => Selection::Candidates(fitting),
                true => Selection::Mismatch,
            };
        }
        match &*self.keys {
            [only] if only.kid().is_none() && only.fits(alg) => Selection::Candidates(vec![only]),
            _ => Selection::Unknown,
        }
    }
}

fn version(keys: &[PublicKey]) -> [u8; 16] {
    // A set is small, and the library's sorting is more code than all that is done with a key here.
    let mut fingerprints: Vec<[u8; 32]> = Vec::with_capacity(keys.len());
    for fingerprint in keys.iter().map(PublicKey::fingerprint) {
        fingerprints.insert(
            fingerprints.partition_point(|one| order(one, &fingerprint).is_lt()),
            fingerprint,
        );
    }
    let mut hash = Sha256::new();
    for fingerprint in fingerprints {
        hash.update(fingerprint);
    }
    let hash: [u8; 32] = hash.finalize().into();
    let mut version = [0; 16];
    for (to, from) in version.iter_mut().zip(hash) {
        *to = from;
    }
    version
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "keys[{}]", self.index)?;
        match &self.kid {
            Some(kid) => write!(f, " (kid {})", quoted(kid.as_str())),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = Entry { index: self.index, kid: self.kid.clone() };
        write!(f, "{entry}: {}", self.why)
    }
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate => f.write_str("an object has duplicate members"),
            Self::KeysMissing => f.write_str("there is no array `keys`"),
            Self::Malformed => f.write_str("no JSON"),
            Self::NoneUsable(skipped) if skipped.is_empty() => f.write_str("the set has no keys"),
            Self::NoneUsable(skipped) => {
                f.write_str("no key of the set can be used")?;
                const NAMED: usize = 4;
                for (nth, entry) in skipped.iter().take(NAMED).enumerate() {
                    write!(f, "{} {entry}", if nth == 0 { ":" } else { ";" })?;
                }
                match skipped.len().saturating_sub(NAMED) {
                    0 => Ok(()),
                    more => write!(f, "; and {more} more"),
                }
            }
            Self::NotAnObject => f.write_str("JSON, but no object"),
            Self::TooLarge(bytes) => {
                write!(f, "the set has {bytes} bytes, more than {MAX_SET_BYTES}")
            }
            Self::TooManyKeys(keys) => write!(f, "the set has {keys} keys, more than {MAX_KEYS}"),
        }
    }
}

impl std::error::Error for SetError {}

#[cfg(test)]
mod tests;
