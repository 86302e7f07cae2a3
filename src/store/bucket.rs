//! A bucket's bytes: a version, a count, and that many records, each with its whole id.
//!
//! All numbers are little-endian:
//!
//! ```text
//! bucket  version: u8 = 1   count: u8 ≤ 8   record × count
//! record  id: 32 bytes   last used: u64 ms   length: u16 ≤ 1024   payload
//! ```

use std::time::Duration;

use super::{Payload, Record, RecordId, Table};
use crate::time::UnixMillis;

const VERSION: u8 = 1;

/// A time of last use further ahead than this was not written by a clock like ours.
const CLOCKS_AGREE_WITHIN: Duration = Duration::from_mins(1);

/// The records of one key.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Bucket {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Entry {
    id: RecordId,
    last_used: UnixMillis,
    payload: Vec<u8>,
}

impl Bucket {
    /// Reads a bucket; whatever is odd about it makes it an empty one.
    pub(super) fn decode(bytes: &[u8]) -> Self {
        read(bytes).map(|entries| Self { entries }).unwrap_or_default()
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION, u8::try_from(self.entries.len()).unwrap_or(u8::MAX)];
        for entry in &self.entries {
            out.extend_from_slice(&entry.id);
            out.extend_from_slice(&entry.last_used.millis().to_le_bytes());
            let length = u16::try_from(entry.payload.len()).unwrap_or(u16::MAX);
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(&entry.payload);
        }
        out
    }

    pub(super) fn find(&self, id: &RecordId) -> Option<Record<'_>> {
        self.entries
            .iter()
            .find(|entry| same(&entry.id, id))
            .map(|entry| Record { last_used: entry.last_used, payload: &entry.payload })
    }

    /// Stores a record in place of an earlier one of this id, in a free place, or in place of the
    /// one unused for longest; says whether it was the last.
    pub(super) fn store(&mut self, id: RecordId, now: UnixMillis, payload: Vec<u8>) -> bool {
        let full = self.entries.len() >= CAPACITY;
        let entry = Entry { id, last_used: now, payload };
        if let Some(own) = self.entries.iter_mut().find(|entry| same(&entry.id, &id)) {
            *own = entry;
            return false;
        }
        if !full {
            self.entries.push(entry);
            return false;
        }
        // A time that lies ahead would otherwise keep its record for ever.
        let horizon = now.after(CLOCKS_AGREE_WITHIN);
        let age = |entry: &&mut Entry| (entry.last_used <= horizon, entry.last_used);
        if let Some(oldest) = self.entries.iter_mut().min_by_key(age) {
            *oldest = entry;
        }
        true
    }
}

/// As many as fit into a bucket.
#[expect(clippy::as_conversions, reason = "a small constant; `usize::from` takes no `u32`")]
const CAPACITY: usize = Table::BUCKET_RECORDS as usize;

/// Compares without stopping at the first difference.
fn same(a: &RecordId, b: &RecordId) -> bool {
    a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

fn read(bytes: &[u8]) -> Option<Vec<Entry>> {
    let (&[version, count], mut rest) = bytes.split_first_chunk()?;
    let count = usize::from(count);
    if version != VERSION || count > CAPACITY {
        return None;
    }
    let mut entries: Vec<Entry> = Vec::with_capacity(count);
    for _ in 0..count {
        let (id, after_id) = rest.split_first_chunk::<32>()?;
        let (last_used, after_time) = after_id.split_first_chunk()?;
        let (length, after_length) = after_time.split_first_chunk()?;
        let length = usize::from(u16::from_le_bytes(*length));
        let (payload, after_payload) = after_length.split_at_checked(length)?;
        if length > Payload::MAX_BYTES || entries.iter().any(|entry| entry.id == *id) {
            return None;
        }
        entries.push(Entry {
            id: *id,
            last_used: UnixMillis::new(u64::from_le_bytes(*last_used)),
            payload: payload.to_vec(),
        });
        rest = after_payload;
    }
    rest.is_empty().then_some(entries)
}
