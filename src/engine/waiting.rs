//! How many requests wait in the whole process, as the host's gauge shows it. A worker that has trapped
//! can no longer take back what it has added, and the gauge is right all the same.
//!
//! Each worker that holds waiting requests has an entry in the shared record `tg1/parked` and renews it
//! while it lives. Whoever removes the entry of one that does not takes its number off the gauge.

use std::time::Duration;

use crate::env::{Env, PutError};
use crate::event::{Effect, GaugeChange, metric};
use crate::time::{CLOCKS_AGREE_WITHIN, UnixMillis};
use crate::wire::Reader;

const KEY: &str = "tg1/parked";
/// The record's version; one of another is absent.
const VERSION: u8 = 1;
/// Most entries: as many workers as hold waiting requests at one time.
const MOST: usize = 256;
/// How often an entry is renewed, and the record looked at.
const RENEWED_EVERY: Duration = Duration::from_millis(500);
/// How old an entry must be for its worker to count as gone: it has missed ten ticks.
const GONE_AFTER: Duration = Duration::from_secs(5);
/// How often the record is written while others write first.
const TRIES: usize = 8;

/// What one worker has added to the gauge.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Its name in the record; drawn when it is needed.
    id: u64,
    reported: u32,
    looked_at: UnixMillis,
}

/// What a worker has added to the gauge, as all know it.
#[derive(Clone, Copy)]
struct Entry {
    id: u64,
    count: u32,
    /// When its worker was last alive.
    seen: UnixMillis,
}

impl Entry {
    fn is_gone(&self, now: UnixMillis) -> bool {
        now.since(self.seen) > GONE_AFTER || self.seen > now.after(CLOCKS_AGREE_WITHIN)
    }
}

impl Waiting {
    /// Reports to the host how many requests wait here, if the number has changed.
    pub(super) fn report(&mut self, count: usize, env: &Env<'_>, effects: &mut Vec<Effect>) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        if count != self.reported {
            self.update(count, env, effects);
        }
    }

    /// Time has passed: renews this worker's entry, and takes back what dead workers have added.
    pub(super) fn tick(&mut self, env: &Env<'_>, effects: &mut Vec<Effect>) {
        let since = env.now.since(self.looked_at);
        if since >= RENEWED_EVERY || self.looked_at > env.now {
            self.update(self.reported, env, effects);
        }
    }

    fn update(&mut self, count: u32, env: &Env<'_>, effects: &mut Vec<Effect>) {
        self.looked_at = env.now;
        if self.id == 0 && count > 0 {
            self.id = env.random.u64();
        }
        for _ in 0..TRIES {
            let stored = env.shared.get(KEY);
            let known = stored.value.and_then(|record| decode(&record));
            // Where the whole record is lost, nobody has taken anything back.
            let (mut reported, mut left, mut change) = (0, 0_u32, false);
            if known.is_none() {
                reported = self.reported;
            }
            let mut entries = known.unwrap_or_default();
            entries.retain(|entry| {
                if entry.id == self.id {
                    reported = entry.count;
                } else if entry.is_gone(env.now) {
                    left = left.saturating_add(entry.count);
                } else {
                    return true;
                }
                change = true;
                false
            });
            if count > 0 && entries.len() < MOST {
                entries.push(Entry { id: self.id, count, seen: env.now });
                change = true;
            }
            if change {
                match env.shared.put(KEY, &encode(&entries), stored.cas) {
                    Ok(()) => {}
                    Err(PutError::Lost) => continue,
                    // Nobody else can know: this worker's own number is all there is.
                    Err(PutError::Unsupported) => (reported, left) = (self.reported, 0),
                }
            }
            self.reported = count;
            // A worker that is gone may have trapped before it reported.
            let left = env.metrics.gauge(metric::PARKED).map_or(0, |gauge| gauge.min(left.into()));
            let left = i64::try_from(left).unwrap_or_default();
            let by = i64::from(count).saturating_sub(reported.into()).saturating_sub(left);
            if by != 0 {
                let change = GaugeChange::By(by);
                effects.push(Effect::Gauge { metric: metric::PARKED.into(), change });
            }
            return;
        }
    }
}

/// Version, then for each entry its worker, its number and when it was seen, little-endian.
fn encode(entries: &[Entry]) -> Vec<u8> {
    let mut out = vec![VERSION];
    for entry in entries {
        out.extend(entry.id.to_le_bytes());
        out.extend(entry.count.to_le_bytes());
        out.extend(entry.seen.millis().to_le_bytes());
    }
    out
}

/// Reads the record; `None` for anything else.
fn decode(record: &[u8]) -> Option<Vec<Entry>> {
    let mut fields = Reader::new(record);
    let mut entries = Vec::new();
    if fields.u8()? != VERSION {
        return None;
    }
    while !fields.rest().is_empty() && entries.len() < MOST {
        let (id, count) = (fields.u64()?, fields.u32()?);
        entries.push(Entry { id, count, seen: UnixMillis::new(fields.u64()?) });
    }
    Some(entries)
}
