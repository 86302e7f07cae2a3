//! How many records of a table are in use: counted a few buckets at a time, by one worker at a time.

use std::fmt::Write as _;
use std::ops::Range;
use std::time::Duration;

use super::Table;
use super::bucket::Bucket;
use crate::env::{PutError, SharedData};
use crate::time::{CLOCKS_AGREE_WITHIN, UnixMillis};
use crate::wire::Reader;

/// Buckets that are looked at in one step.
const STEP: u32 = 128;
/// The time from one step to the next, whichever workers make them.
const EVERY: Duration = Duration::from_millis(500);

/// How far a count has come: the record that all workers share.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Round {
    /// The next bucket.
    next: u32,
    /// The records in use in those before.
    found: u64,
    /// When a worker last began a step.
    at: UnixMillis,
}

impl Round {
    const VERSION: u8 = 1;

    /// Little-endian: version, the table's buckets, then the fields in order.
    fn encode(self, buckets: u32) -> Vec<u8> {
        let mut out = vec![Self::VERSION];
        out.extend(buckets.to_le_bytes());
        out.extend(self.next.to_le_bytes());
        out.extend(self.found.to_le_bytes());
        out.extend(self.at.millis().to_le_bytes());
        out
    }

    /// Reads the record of a table of this size; `None` for anything else.
    fn decode(record: &[u8], buckets: u32) -> Option<Self> {
        let mut fields = Reader::new(record);
        (fields.u8()? == Self::VERSION && fields.u32()? == buckets).then_some(())?;
        let round =
            Self { next: fields.u32()?, found: fields.u64()?, at: UnixMillis::new(fields.u64()?) };
        let most = u64::from(round.next).saturating_mul(u64::from(Table::BUCKET_RECORDS));
        let is_possible = round.next < buckets && round.found <= most;
        (fields.rest().is_empty() && is_possible).then_some(round)
    }

    /// Whether a worker has taken a step a moment ago. A time further ahead than any could be was
    /// written by no clock like ours.
    fn is_recent(&self, now: UnixMillis) -> bool {
        now < self.at.after(EVERY) && self.at <= now.after(CLOCKS_AGREE_WITHIN)
    }
}

impl Table {
    /// Counts the records in use one step further, unless a worker has just done so. Returns the whole
    /// count after the last step. In a table that keeps its records, a record is in use while it must be
    /// kept; in any other, always.
    ///
    /// A step reads at most 128 buckets, and there is one in half a second for all workers: a table
    /// of 65536 records is counted in about half a minute.
    pub fn occupancy(&self, shared: &dyn SharedData, now: UnixMillis) -> Option<u64> {
        // Tables of one kind and another size are counted by those who have them.
        // The key's name is that of the first release, since workers of both may run at once.
        let key = format!("tg1/census/{}-{}", self.kind, self.buckets);
        let stored = shared.get(&key);
        let read = |value: &[u8]| Round::decode(value, self.buckets);
        let round = stored.value.as_deref().and_then(read).unwrap_or_default();
        if round.is_recent(now) {
            return None;
        }
        // Whoever writes first makes the step, so that the buckets are read once.
        let mine = Round { at: now, ..round };
        shared.put(&key, &mine.encode(self.buckets), stored.cas).ok()?;
        let end = round.next.saturating_add(STEP).min(self.buckets);
        let found = round.found.saturating_add(self.in_use(round.next..end, shared, now));
        let is_last = end == self.buckets;
        let next = if is_last { Round::default() } else { Round { next: end, found, at: now } };
        let next = Round { at: now, ..next };
        let stored = shared.get(&key);
        let is_mine = stored.value.as_deref().and_then(read) == Some(mine);
        let written = if is_mine {
            shared.put(&key, &next.encode(self.buckets), stored.cas)
        } else {
            Err(PutError::Lost)
        };
        (is_last && written.is_ok()).then_some(found)
    }

    /// The records of these buckets that are in use.
    fn in_use(&self, buckets: Range<u32>, shared: &dyn SharedData, now: UnixMillis) -> u64 {
        // One text for all their keys: to make each anew takes longer than to ask for it.
        let mut key = self.bucket_key("");
        let beginning = key.len();
        let in_use = |bucket| {
            key.truncate(beginning);
            let _ = write!(key, "{bucket}");
            let stored = shared.get(&key);
            let bucket = Bucket::decode(stored.value.as_deref().unwrap_or_default(), self.room);
            bucket.in_use(now, self.room)
        };
        buckets.map(in_use).fold(0, u64::saturating_add)
    }
}
