//! Tokens that this worker has verified: what they say, and which key has signed them.
//!
//! A verified token is not verified again while the key that did it is in use; time and revocation
//! are judged on every hit. Only good tokens come in, so refused ones never push out good ones.

use std::cell::Cell;
use std::hash::Hasher;
use std::mem;
use std::rc::Rc;

use siphasher::sip::SipHasher13;

use super::login::opened::Opened;
use super::voucher::{Known, Said};
use crate::env::Random;
use crate::ids::ProviderId;
use crate::time::UnixMillis;
use crate::wire;

/// Most tokens kept, per worker.
const MAX_TOKENS: usize = 4096;
/// Most bytes of tokens kept, per worker. With a token, about four times its size is kept.
const MAX_BYTES: usize = 2 * 1024 * 1024;

/// A token that a key or its provider has shown to be good, and whose claims hold, apart from time.
#[derive(Debug)]
pub(super) struct Verified {
    /// The provider whose token it is.
    pub(super) provider: ProviderId,
    /// What has shown that it is good.
    pub(super) by: By,
    /// The token, and its claims.
    pub(super) said: Rc<Said>,
    /// What else is known of it.
    pub(super) known: Rc<Known>,
}

/// What has shown that a token is good.
#[derive(Debug)]
pub(super) enum By {
    /// Its provider's answer, which is a verdict until then.
    Answer(UnixMillis),
    /// What sealed it: it is a session's cookie.
    Session(Rc<Opened>),
    /// A key.
    Key {
        /// The key's thumbprint (RFC 7638).
        thumbprint: [u8; 32],
        /// The version of the key set in which the key was last seen.
        seen_in: Cell<[u8; 16]>,
    },
}

/// The verified tokens of one worker, in two generations: when the younger is full it becomes the
/// older, whose tokens are forgotten unless they were used meanwhile.
#[derive(Debug, Default)]
pub(super) struct VerifiedTokens {
    /// The hash's key; no client can choose tokens that collide.
    seed: Option<(u64, u64)>,
    younger: Generation,
    older: Generation,
}

#[derive(Debug, Default)]
struct Generation {
    /// In the order of their keys.
    tokens: Vec<(Key, Rc<Verified>)>,
    bytes: usize,
}

/// Where a token stands: its hash, and whose it is.
type Key = (u64, ProviderId);

impl Generation {
    /// The tokens of this hash.
    fn of(&self, hash: u64) -> impl Iterator<Item = &Rc<Verified>> {
        let from = self.tokens.partition_point(|((known, _), _)| *known < hash);
        let all = self.tokens.iter().skip(from);
        all.take_while(move |((known, _), _)| *known == hash).map(|(_, verified)| verified)
    }

    /// The place of a key, or where it belongs.
    fn place(&self, key: Key) -> Result<usize, usize> {
        self.tokens.binary_search_by(|(known, _)| known.cmp(&key))
    }

    fn insert(&mut self, hash: u64, verified: Rc<Verified>) {
        let key = (hash, verified.provider);
        self.remove(key);
        self.bytes = self.bytes.saturating_add(verified.said.token.len());
        let (Ok(place) | Err(place)) = self.place(key);
        self.tokens.insert(place, (key, verified));
    }

    fn remove(&mut self, key: Key) -> Option<Rc<Verified>> {
        let (_, verified) = self.tokens.remove(self.place(key).ok()?);
        self.bytes = self.bytes.saturating_sub(verified.said.token.len());
        Some(verified)
    }

    fn is_full(&self) -> bool {
        self.tokens.len() >= MAX_TOKENS / 2 || self.bytes >= MAX_BYTES / 2
    }
}

impl VerifiedTokens {
    /// Finds a token, compared whole. Two providers may have verified the same one: `accepts` chooses.
    pub(super) fn find(
        &mut self,
        token: &[u8],
        random: &dyn Random,
        accepts: impl Fn(&Verified) -> bool,
    ) -> Option<Rc<Verified>> {
        let hash = self.hash(token, random);
        let wanted =
            |found: &&Rc<Verified>| wire::is_same(&found.said.token, token) && accepts(found);
        if let Some(found) = self.younger.of(hash).find(wanted) {
            return Some(Rc::clone(found));
        }
        let provider = self.older.of(hash).find(wanted)?.provider;
        let found = self.older.remove((hash, provider))?;
        self.keep(hash, Rc::clone(&found));
        Some(found)
    }

    /// Keeps a token.
    pub(super) fn insert(&mut self, verified: &Rc<Verified>, random: &dyn Random) {
        let hash = self.hash(&verified.said.token, random);
        self.older.remove((hash, verified.provider));
        self.keep(hash, Rc::clone(verified));
    }

    /// Forgets a token.
    pub(super) fn forget(&mut self, verified: &Verified, random: &dyn Random) {
        let key = (self.hash(&verified.said.token, random), verified.provider);
        self.younger.remove(key);
        self.older.remove(key);
    }

    fn keep(&mut self, hash: u64, verified: Rc<Verified>) {
        if self.younger.is_full() {
            self.older = mem::take(&mut self.younger);
        }
        self.younger.insert(hash, verified);
    }

    /// A keyed hash of a token's end: that is its signature, which no two tokens share.
    fn hash(&mut self, token: &[u8], random: &dyn Random) -> u64 {
        let (first, second) = *self.seed.get_or_insert_with(|| (random.u64(), random.u64()));
        let mut hasher = SipHasher13::new_with_keys(first, second);
        hasher.write(token.last_chunk::<64>().map_or(token, <[u8; 64]>::as_slice));
        hasher.finish()
    }
}
