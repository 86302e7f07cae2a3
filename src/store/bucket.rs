//! A bucket's bytes: a version, a count, and that many records, each with its whole id.
//!
//! All numbers are little-endian:
//!
//! ```text
//! bucket  version: u8 = 1   count: u8 ≤ 8, or 9 with the record that newcomers share   record × count
//! record  id: 32 bytes   stamp: u64 ms   length: u16 ≤ 1024, or 4138 where records are ranked   payload
//! ```
//!
//! The stamp is when the record was last used, or until when it must be kept.

use std::time::Duration;

use super::{Payload, Place, Rank, Record, RecordId, Room, Table};
use crate::time::{CLOCKS_AGREE_WITHIN, UnixMillis};

const VERSION: u8 = 1;

/// The records of one key.
#[derive(Debug, Default)]
pub(super) struct Bucket<'b> {
    entries: Vec<Entry<'b>>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Entry<'b> {
    id: &'b RecordId,
    stamp: UnixMillis,
    payload: &'b [u8],
}

/// Where a record was stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Placed {
    /// In place of an earlier one of its id, or in a free place.
    Beside,
    /// In place of another one.
    Instead,
    /// There is no room.
    Nowhere,
}

impl<'b> Entry<'b> {
    pub(super) const fn new(id: &'b RecordId, stamp: UnixMillis, payload: &'b [u8]) -> Self {
        Self { id, stamp, payload }
    }

    /// Whether a new record may not take its place.
    fn must_stay(&self, now: UnixMillis, room: Room) -> bool {
        match room {
            Room::Ended(_) | Room::Shared(_) => {
                self.stamp > now && self.stamp <= horizon(now, room)
            }
            Room::Ranked(ranking) => ranking(self.payload, self.stamp, now) == Rank::Stays,
            Room::Unused => false,
        }
    }

    /// Whether it has a place of its own: all but the one that newcomers share.
    fn has_place(&self, room: Room) -> bool {
        !is_shared(self.id, room)
    }
}

/// Stands for all newcomers of a full bucket together; no digest is this.
pub(super) const SHARED: RecordId = [0; 32];

fn is_shared(id: &RecordId, room: Room) -> bool {
    matches!(room, Room::Shared(_)) && *id == SHARED
}

/// The furthest that a stamp can lie ahead: one beyond it would keep its record for ever.
fn horizon(now: UnixMillis, room: Room) -> UnixMillis {
    let longest = match room {
        Room::Ended(longest) | Room::Shared(longest) => longest,
        Room::Ranked(_) | Room::Unused => Duration::ZERO,
    };
    now.after(longest).after(CLOCKS_AGREE_WITHIN)
}

impl<'b> Bucket<'b> {
    /// Reads a bucket; whatever is odd about it makes it an empty one.
    pub(super) fn decode(bytes: &'b [u8], room: Room) -> Self {
        read(bytes, room).map(|entries| Self { entries }).unwrap_or_default()
    }

    /// The record that stands for one that is to be written, and where that is or would be: itself, or that
    /// of all newcomers, where they share one and there is no room.
    pub(super) fn look_up<'i>(
        &self,
        id: &'i RecordId,
        now: UnixMillis,
        room: Room,
    ) -> (&'i RecordId, Option<Record<'b>>, Place) {
        let own = self.find(id);
        if own.is_some() {
            return (id, own, Place::Own);
        }
        let places = || self.entries.iter().filter(|entry| entry.has_place(room));
        if places().count() < CAPACITY {
            return (id, None, Place::Own);
        }
        let goes = places().filter(|entry| !entry.must_stay(now, room));
        match goes.map(|entry| entry.stamp).min() {
            Some(stamp) => (id, None, Place::Taken(stamp)),
            None if matches!(room, Room::Shared(_)) => {
                (&SHARED, self.find(&SHARED), Place::Nowhere)
            }
            None => (id, None, Place::Nowhere),
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let payloads = self.entries.iter().map(|entry| entry.payload.len().saturating_add(HEAD));
        let bytes = payloads.fold(2, usize::saturating_add);
        let mut out = Vec::with_capacity(bytes);
        out.extend([VERSION, u8::try_from(self.entries.len()).unwrap_or(u8::MAX)]);
        for entry in &self.entries {
            out.extend_from_slice(entry.id);
            out.extend_from_slice(&entry.stamp.millis().to_le_bytes());
            let length = u16::try_from(entry.payload.len()).unwrap_or(u16::MAX);
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(entry.payload);
        }
        out
    }

    /// How many records are in use: those that must stay, where records must at all.
    pub(super) fn in_use(&self, now: UnixMillis, room: Room) -> u64 {
        let in_use = |entry: &&Entry<'_>| match room {
            Room::Ended(_) => entry.must_stay(now, room),
            Room::Shared(_) => entry.has_place(room) && entry.must_stay(now, room),
            Room::Ranked(_) | Room::Unused => true,
        };
        u64::try_from(self.entries.iter().filter(in_use).count()).unwrap_or(u64::MAX)
    }

    pub(super) fn find(&self, id: &RecordId) -> Option<Record<'b>> {
        self.entries
            .iter()
            .find(|entry| same(entry.id, id))
            .map(|entry| Record { last_used: entry.stamp, payload: entry.payload })
    }

    /// Stores a record in place of an earlier one of its id, in a free place, or in place of another
    /// that may be given up.
    pub(super) fn store(&mut self, entry: Entry<'b>, now: UnixMillis, room: Room) -> Placed {
        if let Some(own) = self.entries.iter_mut().find(|own| same(own.id, entry.id)) {
            *own = entry;
            return Placed::Beside;
        }
        let places = self.entries.iter().filter(|entry| entry.has_place(room)).count();
        if places < CAPACITY || !entry.has_place(room) {
            self.entries.push(entry);
            return Placed::Beside;
        }
        let horizon = horizon(now, room);
        let age = |entry: &&mut Entry<'_>| match room {
            Room::Ranked(ranking) => (ranking(entry.payload, entry.stamp, now), entry.stamp),
            // One beyond all that could be written goes first.
            _ => (Rank::Goes(u8::from(entry.stamp <= horizon)), entry.stamp),
        };
        let mut places = self.entries.iter_mut().filter(|entry| entry.has_place(room));
        let oldest = places.by_ref().min_by_key(age);
        match oldest.filter(|oldest| !oldest.must_stay(now, room)) {
            Some(oldest) => {
                *oldest = entry;
                Placed::Instead
            }
            None => Placed::Nowhere,
        }
    }
}

/// As many as fit into a bucket.
#[expect(clippy::as_conversions, reason = "a small constant; `usize::from` takes no `u32`")]
const CAPACITY: usize = Table::BUCKET_RECORDS as usize;

/// The bytes of a record in front of its payload.
const HEAD: usize = 32 + 8 + 2;

/// Compares without stopping at the first difference.
fn same(a: &RecordId, b: &RecordId) -> bool {
    a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

fn read(bytes: &[u8], room: Room) -> Option<Vec<Entry<'_>>> {
    let (&[version, count], mut rest) = bytes.split_first_chunk()?;
    let count = usize::from(count);
    let shared = usize::from(matches!(room, Room::Shared(_)));
    let is_ranked = matches!(room, Room::Ranked(_));
    let most = if is_ranked { Payload::MAX_RANKED } else { Payload::MAX_BYTES };
    if version != VERSION || count > CAPACITY.saturating_add(shared) {
        return None;
    }
    let mut entries: Vec<Entry<'_>> = Vec::with_capacity(CAPACITY);
    for _ in 0..count {
        let (id, after_id) = rest.split_first_chunk::<32>()?;
        let (stamp, after_stamp) = after_id.split_first_chunk()?;
        let (length, after_length) = after_stamp.split_first_chunk()?;
        let length = usize::from(u16::from_le_bytes(*length));
        let (payload, after_payload) = after_length.split_at_checked(length)?;
        if length > most || entries.iter().any(|entry| entry.id == id) {
            return None;
        }
        let stamp = UnixMillis::new(u64::from_le_bytes(*stamp));
        entries.push(Entry { id, stamp, payload });
        rest = after_payload;
    }
    let places = entries.iter().filter(|entry| entry.has_place(room)).count();
    (rest.is_empty() && places <= CAPACITY).then_some(entries)
}
