//! What others keep for the filter, and can neither read nor change: sealed under keys that several
//! proxies may share.
//!
//! A sealed value is base64url of: version (1 byte) ‖ key id (2) ‖ nonce (24) ‖ ciphertext ‖ tag (16).
//! Beside it are authenticated the purpose and each field of the context, each with its length before
//! it (8 bytes, little-endian), so that no two contexts run together. Each purpose has a key of its own.
//!
//! Knows nothing of what is inside, of cookies, or of the clock.

pub mod aead;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::env::{NoRandomness, Random};
use aead::{NONCE_BYTES, TAG_BYTES};

/// The version that is written, and the only one that is read.
const VERSION: u8 = 1;

/// Version and key id: exactly four characters of base64url.
const HEAD_BYTES: usize = 3;

/// What is sealed is longer than what is inside by so many bytes, before it is written as text.
pub const OVERHEAD_BYTES: usize = HEAD_BYTES + NONCE_BYTES + TAG_BYTES;

/// Longest text that is looked at, in bytes.
pub const MAX_TEXT_BYTES: usize = 24 * 1024;

/// What something is sealed for. What was sealed for one purpose opens for no other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// Who is logged in.
    Session,
    /// A refresh token.
    Refresh,
    /// An access token that is sent upstream.
    Access,
    /// An ID token, for the provider at logout.
    IdHint,
    /// When a session was last used.
    LastUse,
    /// An attempt to log in.
    State,
    /// What a refresh brought, for whoever still shows what was before it.
    Published,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 7] = [
        Self::Session,
        Self::Refresh,
        Self::Access,
        Self::IdHint,
        Self::LastUse,
        Self::State,
        Self::Published,
    ];

    /// Its name, from which its key is derived: to rename one is to make all that is sealed unreadable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Refresh => "refresh",
            Self::Access => "access",
            Self::IdHint => "id_hint",
            Self::LastUse => "last_use",
            Self::State => "state",
            Self::Published => "published",
        }
    }
}

/// The keys that seal and open: the first seals, all open.
#[derive(Clone)]
pub struct SealKeys {
    first: Key,
    others: Vec<Key>,
}

/// What one secret comes to; the secret itself is not kept.
#[derive(Clone)]
struct Key {
    id: [u8; 2],
    for_purposes: [Zeroizing<[u8; 32]>; Purpose::ALL.len()],
}

/// Why these secrets are no keys. Places count from 0.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BadKeys {
    /// There are none, or more than [`SealKeys::MOST`].
    Count(usize),
    /// The one at `place` has only so many bytes.
    Short {
        /// Which.
        place: usize,
        /// How long it is.
        bytes: usize,
    },
    /// The one at `place` is the one at `as_place`, or has its id by a chance of 1 in 65,536: nobody
    /// could say which of them sealed a value.
    Same {
        /// Which.
        place: usize,
        /// Which one before it.
        as_place: usize,
    },
}

/// Why a value was not opened. A caller is told one thing for all of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unopened {
    /// It is no sealed value: too short, too long, or not base64url in its one form without padding.
    Form,
    /// It has another version.
    Version(u8),
    /// It was sealed with another key: one that was taken away, or another fleet's.
    AnotherKey,
    /// It was changed, or sealed for another purpose or context.
    NotAuthentic,
}

impl SealKeys {
    /// How many there may be.
    pub const MOST: usize = 4;

    /// How long each must be, in bytes.
    pub const MIN_BYTES: usize = 32;

    /// The keys that come of these secrets; the first seals.
    ///
    /// # Errors
    ///
    /// [`BadKeys`] where there are none or too many, one is too short, or two have one id.
    pub fn new(secrets: Vec<Zeroizing<Vec<u8>>>) -> Result<Self, BadKeys> {
        let count = secrets.len();
        if count > Self::MOST {
            return Err(BadKeys::Count(count));
        }
        let mut keys: Vec<Key> = Vec::with_capacity(count);
        for (place, secret) in secrets.iter().enumerate() {
            if secret.len() < Self::MIN_BYTES {
                return Err(BadKeys::Short { place, bytes: secret.len() });
            }
            let key = Key::of(secret).ok_or(BadKeys::Short { place, bytes: 0 })?;
            if let Some(as_place) = keys.iter().position(|other| other.id == key.id) {
                return Err(BadKeys::Same { place, as_place });
            }
            keys.push(key);
        }
        let mut keys = keys.into_iter();
        let first = keys.next().ok_or(BadKeys::Count(0))?;
        Ok(Self { first, others: keys.collect() })
    }

    /// Seals `plain` for this purpose and context, as text.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`] where no nonce could be drawn.
    pub fn seal(
        &self,
        purpose: Purpose,
        context: &[&[u8]],
        plain: &[u8],
        random: &dyn Random,
    ) -> Result<String, NoRandomness> {
        Ok(URL_SAFE_NO_PAD.encode(self.seal_bytes(purpose, context, plain, random)?))
    }

    /// Seals `plain` for this purpose and context, as bytes.
    ///
    /// # Errors
    ///
    /// As [`seal`](Self::seal).
    pub fn seal_bytes(
        &self,
        purpose: Purpose,
        context: &[&[u8]],
        plain: &[u8],
        random: &dyn Random,
    ) -> Result<Vec<u8>, NoRandomness> {
        let mut nonce = [0; NONCE_BYTES];
        random.fill(&mut nonce)?;
        let mut text = plain.to_vec();
        let key = self.first.for_purpose(purpose);
        // Nobody holds 256 GiB in memory.
        let tag = aead::encrypt(key, &nonce, &beside(purpose, context), &mut text);
        let tag = tag.ok_or(NoRandomness)?;
        let [one, two] = self.first.id;
        Ok([&[VERSION, one, two][..], &nonce, &text, &tag].concat())
    }

    /// Opens what was sealed as text for this purpose and context. At most one key is tried.
    ///
    /// # Errors
    ///
    /// [`Unopened`] for everything else, without a panic.
    pub fn open(
        &self,
        purpose: Purpose,
        context: &[&[u8]],
        text: &str,
    ) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(Unopened::Form);
        }
        // Whose it is stands in front: what cannot be opened is not decoded.
        let (head, _) = text.split_at_checked(4).ok_or(Unopened::Form)?;
        let mut decoded = [0; HEAD_BYTES];
        URL_SAFE_NO_PAD.decode_slice(head, &mut decoded).map_err(|_| Unopened::Form)?;
        self.key(decoded)?;
        let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| Unopened::Form)?;
        self.open_bytes(purpose, context, sealed)
    }

    /// Opens what was sealed as bytes, in their own place.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_bytes(
        &self,
        purpose: Purpose,
        context: &[&[u8]],
        sealed: Vec<u8>,
    ) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        let mut sealed = Zeroizing::new(sealed);
        let (head, rest) = sealed.split_first_chunk_mut().ok_or(Unopened::Form)?;
        let key = self.key(*head)?.for_purpose(purpose);
        let (nonce, rest) = rest.split_first_chunk_mut().ok_or(Unopened::Form)?;
        let (text, tag) = rest.split_last_chunk_mut().ok_or(Unopened::Form)?;
        aead::decrypt(key, nonce, &beside(purpose, context), text, tag)
            .map_err(|_| Unopened::NotAuthentic)?;
        let end = sealed.len().saturating_sub(TAG_BYTES);
        sealed.truncate(end);
        sealed.drain(..HEAD_BYTES.saturating_add(NONCE_BYTES).min(end));
        Ok(sealed)
    }

    /// The key that a value names.
    fn key(&self, [version, one, two]: [u8; HEAD_BYTES]) -> Result<&Key, Unopened> {
        if version != VERSION {
            return Err(Unopened::Version(version));
        }
        let mut all = std::iter::once(&self.first).chain(&self.others);
        all.find(|key| key.id == [one, two]).ok_or(Unopened::AnotherKey)
    }
}

impl Key {
    /// `None` where the secret cannot be a key of HMAC, which takes any.
    fn of(secret: &[u8]) -> Option<Self> {
        let [one, two, ..] = *derive(secret, &["tollgate key id 1"])?;
        let mut for_purposes: [Zeroizing<[u8; 32]>; Purpose::ALL.len()] = Default::default();
        for (key, purpose) in for_purposes.iter_mut().zip(Purpose::ALL) {
            *key = derive(secret, &["tollgate seal 1 ", purpose.name()])?;
        }
        Some(Self { id: [one, two], for_purposes })
    }

    /// The key of a purpose, in the order of [`Purpose::ALL`].
    fn for_purpose(&self, purpose: Purpose) -> &[u8; 32] {
        let [session, refresh, access, id_hint, last_use, state, published] = &self.for_purposes;
        match purpose {
            Purpose::Session => session,
            Purpose::Refresh => refresh,
            Purpose::Access => access,
            Purpose::IdHint => id_hint,
            Purpose::LastUse => last_use,
            Purpose::State => state,
            Purpose::Published => published,
        }
    }
}

/// HMAC-SHA256 of the parts, one behind the other.
fn derive(secret: &[u8], parts: &[&str]) -> Option<Zeroizing<[u8; 32]>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    parts.iter().for_each(|part| mac.update(part.as_bytes()));
    Some(Zeroizing::new(mac.finalize().into_bytes().into()))
}

/// What is authenticated beside a value.
fn beside(purpose: Purpose, context: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for field in std::iter::once(&purpose.name().as_bytes()).chain(context) {
        out.extend(u64::try_from(field.len()).unwrap_or(u64::MAX).to_le_bytes());
        out.extend_from_slice(field);
    }
    out
}

impl fmt::Debug for SealKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} keys", self.others.len().saturating_add(1))
    }
}

#[cfg(test)]
mod tests;
