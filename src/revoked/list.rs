//! A list as it stands in memory and in the shared store: a version, what kinds of entry there are,
//! and the entries in the order of their keys; those of one key the further they reach the later, and the
//! shorter they last.
//!
//! ```text
//! list   version: u8 = 2   kinds: u8, 1 where a token is named by its SHA-256, 2 by its `jti`, 4 where
//!                          entries end   entry × count
//! entry  key: 16 bytes     before: u64 ms, little-endian; the largest means "whenever it was issued"
//!                          where entries end, until: u64 ms; the largest means "for ever"
//! ```

use std::cmp::Ordering;

use sha2::{Digest as _, Sha256};

use super::{Facts, Key, Reach, Subject};
use crate::ids::order;
use crate::time::UnixMillis;
use crate::verdict::Deny;

const VERSION: u8 = 2;

/// The kinds of entries that not every credential is asked about.
const TOKENS: u8 = 1;
const JTIS: u8 = 2;
/// Where any entry has an end.
const ENDS: u8 = 4;

/// The bytes of an entry without an end, and of one with.
const BYTES: usize = 16 + 8;
const BYTES_WITH_END: usize = BYTES + 8;

/// Most entries of a list.
pub const MAX_ENTRIES: usize = 100_000;

/// Revoked identities, tokens and sessions, by their keys.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct List(Vec<u8>);

/// A list in the making.
#[derive(Clone, Debug, Default)]
pub struct ListBuilder {
    entries: Vec<Entry>,
    kinds: u8,
}

/// An entry: whom it is about, before when a credential must be issued for it to be about that, and until
/// when it is in force.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Entry {
    key: Key,
    before: UnixMillis,
    until: UnixMillis,
}

impl ListBuilder {
    /// Adds an entry.
    pub fn add(&mut self, provider: &str, subject: Subject<'_>, reach: Reach) {
        self.kinds |= match subject {
            Subject::Identity(_) | Subject::Session(_) => 0,
            Subject::Jti(_) => JTIS,
            Subject::Token(_) => TOKENS,
        };
        if reach.until.is_some() {
            self.kinds |= ENDS;
        }
        self.entries.push(Entry {
            key: Key::new(provider, subject),
            before: reach.issued_before.unwrap_or(UnixMillis::MAX),
            until: reach.until.unwrap_or(UnixMillis::MAX),
        });
    }

    /// How many entries there are so far.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The list. Of several entries about one subject each holds that no other reaches as far as.
    pub fn finish(mut self) -> List {
        sort(&mut self.entries);
        // From the furthest of a subject on, each one must last longer than those before it.
        self.entries.reverse();
        let is_held =
            |next: &mut Entry, kept: &mut Entry| next.key == kept.key && next.until <= kept.until;
        self.entries.dedup_by(is_held);
        let ends = self.kinds & ENDS != 0;
        let width = if ends { BYTES_WITH_END } else { BYTES };
        let mut bytes = Vec::with_capacity(self.entries.len().saturating_mul(width));
        bytes.extend([VERSION, self.kinds]);
        for entry in self.entries.iter().rev() {
            bytes.extend_from_slice(&entry.key.0);
            bytes.extend_from_slice(&entry.before.millis().to_le_bytes());
            if ends {
                bytes.extend_from_slice(&entry.until.millis().to_le_bytes());
            }
        }
        List(bytes)
    }
}

impl List {
    /// Reads a list as another worker published it; `None` for whatever is odd about it.
    pub(super) fn decode(bytes: Vec<u8>) -> Option<Self> {
        let list = Self(bytes);
        let &[version, kinds] = list.0.first_chunk()?;
        let odd = list.entries().len().checked_rem(list.width())?;
        let in_order = (1..list.len()).all(|place| {
            let [one, next] = [place.saturating_sub(1), place].map(|place| list.entry(place));
            match (one, next) {
                (Some(one), Some(next)) => match one.key.cmp(&next.key) {
                    Ordering::Less => true,
                    Ordering::Equal => one.before < next.before && one.until > next.until,
                    Ordering::Greater => false,
                },
                _ => false,
            }
        });
        let sound = version == VERSION && kinds <= TOKENS | JTIS | ENDS && odd == 0 && in_order;
        (sound && list.len() <= MAX_ENTRIES).then_some(list)
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
        self.entries().len().checked_div(self.width()).unwrap_or_default()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    pub(super) fn names_tokens(&self) -> bool {
        self.has(TOKENS)
    }

    pub(super) fn names_jtis(&self) -> bool {
        self.has(JTIS)
    }

    fn has_ends(&self) -> bool {
        self.has(ENDS)
    }

    fn has(&self, kind: u8) -> bool {
        self.0.get(1).is_some_and(|kinds| kinds & kind != 0)
    }

    fn entries(&self) -> &[u8] {
        self.0.get(2..).unwrap_or_default()
    }

    fn width(&self) -> usize {
        if self.has_ends() { BYTES_WITH_END } else { BYTES }
    }

    fn entry(&self, place: usize) -> Option<Entry> {
        let width = self.width();
        let start = place.checked_mul(width)?;
        let (key, rest) = self.entries().get(start..)?.get(..width)?.split_first_chunk()?;
        let (before, rest) = rest.split_first_chunk()?;
        let moment = |bytes: &[u8; 8]| UnixMillis::new(u64::from_le_bytes(*bytes));
        let until = rest.first_chunk().map_or(UnixMillis::MAX, moment);
        Some(Entry { key: Key(*key), before: moment(before), until })
    }

    /// Why a credential is refused; `None` where no entry in force is about it.
    pub(super) fn judge(&self, facts: &Facts, now: UnixMillis) -> Option<Deny> {
        if self.is_empty() {
            return None;
        }
        let covers = |before: UnixMillis| {
            before == UnixMillis::MAX || facts.issued.is_none_or(|issued| issued < before)
        };
        match self.find(facts.identity, now) {
            Some(UnixMillis::MAX) => return Some(Deny::SessionInactive),
            Some(before) if covers(before) => return Some(Deny::TokenRevoked),
            _ => {}
        }
        let others = [facts.jti, facts.token, facts.session];
        others
            .into_iter()
            .flatten()
            .any(|key| self.find(key, now).is_some_and(covers))
            .then_some(Deny::TokenRevoked)
    }

    /// Before when a credential must be issued for an entry of this key to be about it: the furthest of
    /// those in force.
    fn find(&self, wanted: Key, now: UnixMillis) -> Option<UnixMillis> {
        if !self.has_ends() {
            let entries = self.entries().as_chunks::<BYTES>().0;
            let place = entries.binary_search_by(|entry| order(&key(entry), &wanted.0)).ok()?;
            let before = entries.get(place)?.last_chunk()?;
            return Some(UnixMillis::new(u64::from_le_bytes(*before)));
        }
        let entries = self.entries().as_chunks::<BYTES_WITH_END>().0;
        // Those of one key last the shorter the further they reach.
        let lasts = |entry: &[u8; BYTES_WITH_END]| match order(&key(entry), &wanted.0) {
            Ordering::Less => true,
            Ordering::Equal => now < until(entry),
            Ordering::Greater => false,
        };
        let place = entries.partition_point(lasts).checked_sub(1)?;
        self.entry(place).filter(|entry| entry.key == wanted).map(|entry| entry.before)
    }
}

/// Heapsort: a hundredth of the code of the library's sort, for a list that is sorted now and then.
fn sort(entries: &mut [Entry]) {
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
fn sift(heap: &mut [Entry], mut place: usize) {
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

fn key<const N: usize>(entry: &[u8; N]) -> [u8; 16] {
    entry.first_chunk().copied().unwrap_or_default()
}

fn until(entry: &[u8; BYTES_WITH_END]) -> UnixMillis {
    UnixMillis::new(entry.last_chunk().map_or(0, |until| u64::from_le_bytes(*until)))
}
