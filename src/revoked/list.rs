//! A list as it stands in memory and in the shared store: a version, what kinds of entry there are,
//! and the entries in the order of their keys.
//!
//! ```text
//! list   version: u8 = 2   kinds: u8, 1 where a token is named by its SHA-256, 2 by its `jti`   entry × count
//! entry  key: 16 bytes     before: u64 ms, little-endian; the largest means "whenever it was issued"
//! ```

use sha2::{Digest as _, Sha256};

use super::{Facts, Key, Subject};
use crate::time::UnixMillis;
use crate::verdict::Deny;

const VERSION: u8 = 2;

/// The kinds of entries that not every credential is asked about.
const TOKENS: u8 = 1;
const JTIS: u8 = 2;

/// The bytes of an entry.
const BYTES: usize = 16 + 8;

/// Most entries of a list.
pub const MAX_ENTRIES: usize = 100_000;

/// Revoked identities and tokens, by their keys.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct List(Vec<u8>);

/// A list in the making.
#[derive(Clone, Debug, Default)]
pub struct ListBuilder {
    entries: Vec<(Key, UnixMillis)>,
    kinds: u8,
}

impl ListBuilder {
    /// Adds an entry. With `before`, it is only about tokens issued earlier than that.
    pub fn add(&mut self, provider: &str, subject: Subject<'_>, before: Option<UnixMillis>) {
        self.kinds |= match subject {
            Subject::Identity(_) => 0,
            Subject::Jti(_) => JTIS,
            Subject::Token(_) => TOKENS,
        };
        self.entries.push((Key::new(provider, subject), before.unwrap_or(UnixMillis::MAX)));
    }

    /// How many entries there are so far.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The list. Of several entries about one subject the furthest reaching holds.
    pub fn finish(mut self) -> List {
        sort(&mut self.entries);
        let mut bytes = Vec::with_capacity(self.entries.len().saturating_mul(BYTES));
        bytes.extend([VERSION, self.kinds]);
        let mut entries = self.entries.iter().peekable();
        while let Some((key, before)) = entries.next() {
            if entries.peek().is_some_and(|(next, _)| next == key) {
                continue;
            }
            bytes.extend_from_slice(&key.0);
            bytes.extend_from_slice(&before.millis().to_le_bytes());
        }
        List(bytes)
    }
}

impl List {
    /// Reads a list as another worker published it; `None` for whatever is odd about it.
    pub(super) fn decode(bytes: Vec<u8>) -> Option<Self> {
        let list = Self(bytes);
        let (&[version, kinds], rest) = list.0.split_first_chunk()?;
        let (entries, odd) = rest.as_chunks::<BYTES>();
        let in_order = entries.is_sorted_by(|one, next| key(one) < key(next));
        let sound = version == VERSION && kinds <= TOKENS | JTIS && odd.is_empty() && in_order;
        (sound && entries.len() <= MAX_ENTRIES).then_some(list)
    }

    /// The list in bytes.
    pub(super) fn encode(&self) -> &[u8] {
        &self.0
    }

    /// What tells it from lists of other entries.
    pub(super) fn version(&self) -> [u8; 16] {
        Sha256::digest(&self.0).first_chunk().copied().unwrap_or_default()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    pub(super) fn names_tokens(&self) -> bool {
        self.names(TOKENS)
    }

    pub(super) fn names_jtis(&self) -> bool {
        self.names(JTIS)
    }

    fn names(&self, kind: u8) -> bool {
        self.0.get(1).is_some_and(|kinds| kinds & kind != 0)
    }

    fn entries(&self) -> &[[u8; BYTES]] {
        self.0.get(2..).unwrap_or_default().as_chunks().0
    }

    /// Why a credential is refused; `None` where no entry is about it.
    pub(super) fn judge(&self, facts: &Facts) -> Option<Deny> {
        if self.is_empty() {
            return None;
        }
        let covers = |before: UnixMillis| {
            before == UnixMillis::MAX || facts.issued.is_none_or(|issued| issued < before)
        };
        match self.find(facts.identity) {
            Some(UnixMillis::MAX) => return Some(Deny::SessionInactive),
            Some(before) if covers(before) => return Some(Deny::TokenRevoked),
            _ => {}
        }
        let of_token = [facts.jti, facts.token];
        of_token
            .into_iter()
            .flatten()
            .any(|key| self.find(key).is_some_and(covers))
            .then_some(Deny::TokenRevoked)
    }

    /// Before when a credential must be issued for the entry of this key to be about it.
    fn find(&self, wanted: Key) -> Option<UnixMillis> {
        let entries = self.entries();
        let place = entries.binary_search_by(|entry| key(entry).cmp(&wanted.0)).ok()?;
        let before = entries.get(place)?.last_chunk()?;
        Some(UnixMillis::new(u64::from_le_bytes(*before)))
    }
}

/// Heapsort: a hundredth of the code of the library's sort, for a list that is sorted now and then.
fn sort(entries: &mut [(Key, UnixMillis)]) {
    for end in (0..entries.len()).rev() {
        sift(entries, end);
    }
    for end in (1..entries.len()).rev() {
        entries.swap(0, end);
        if let Some(rest) = entries.get_mut(..end) {
            sift(rest, 0);
        }
    }
}

/// Lets an entry of a heap, the largest first, sink to its place.
fn sift(heap: &mut [(Key, UnixMillis)], mut place: usize) {
    loop {
        let first = place.saturating_mul(2).saturating_add(1);
        let children = [first, first.saturating_add(1)];
        let larger = children.into_iter().filter(|child| *child < heap.len());
        let Some(child) = larger.max_by_key(|child| heap.get(*child)) else { return };
        if heap.get(child) <= heap.get(place) {
            return;
        }
        heap.swap(place, child);
        place = child;
    }
}

fn key(entry: &[u8; BYTES]) -> [u8; 16] {
    entry.first_chunk().copied().unwrap_or_default()
}
