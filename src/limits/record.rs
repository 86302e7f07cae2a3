//! A subject's record: its counters, each with the id of its limit.
//!
//! All numbers are little-endian:
//!
//! ```text
//! record   version: u8 = 1   counter × at most 16, of an address 48
//! counter  limit: u64   kind: u8, 0 quota or 1 rate
//!          quota: window's end: u64 ms   used: u32      rate: due: u64 ms   part: u32
//! ```

use super::counter::State;
use super::{Counters, LAG, LONGEST};
use crate::store::Payload;
use crate::time::{CLOCKS_AGREE_WITHIN, UnixMillis};
use crate::wire::Reader;

const VERSION: u8 = 1;
const QUOTA: u8 = 0;
const RATE: u8 = 1;

/// The bytes of a counter.
const BYTES: usize = 8 + 1 + 8 + 4;

/// The counters of one subject.
#[derive(Debug, Default)]
pub(super) struct Counts {
    counters: Vec<(u64, State)>,
    changed: bool,
}

impl Counts {
    /// Reads a record; `None` for whatever is odd about it.
    pub(super) fn decode(bytes: &[u8], most: usize) -> Option<Self> {
        let mut fields = Reader::new(bytes);
        (fields.u8()? == VERSION).then_some(())?;
        let mut counters = Vec::with_capacity(Counters::MAX_RUNNING);
        while !fields.rest().is_empty() {
            let id = fields.u64()?;
            let kind = fields.u8()?;
            let (time, count) = (UnixMillis::new(fields.u64()?), fields.u32()?);
            let state = match kind {
                QUOTA => State::Quota { ends: time, used: count },
                RATE => State::Rate { due: time, part: count },
                _ => return None,
            };
            let known = counters.iter().any(|(other, _)| *other == id);
            if known || counters.len() >= most {
                return None;
            }
            counters.push((id, state));
        }
        Some(Self { counters, changed: false })
    }

    /// The record without the counters that have ended, and until when it must be kept; `None` where
    /// more run than fit.
    pub(super) fn encode(&self, now: UnixMillis, most: usize) -> Option<(UnixMillis, Payload)> {
        let mut bytes =
            Vec::with_capacity(self.counters.len().saturating_mul(BYTES).saturating_add(1));
        bytes.push(VERSION);
        let mut last = now;
        let mut running: usize = 0;
        let furthest = now.after(LONGEST).after(CLOCKS_AGREE_WITHIN);
        for (id, state) in &self.counters {
            // Later than any clock like ours could have written it: the clock was set back, or a
            // stranger wrote it. It runs on, but not for ever.
            let state = state.no_later(furthest);
            let end = state.ends().after(LAG);
            if end <= now {
                continue;
            }
            running = running.saturating_add(1);
            last = last.max(end);
            let (kind, time, count) = match state {
                State::Quota { ends, used } => (QUOTA, ends, used),
                State::Rate { due, part } => (RATE, due, part),
            };
            bytes.extend_from_slice(&id.to_le_bytes());
            bytes.push(kind);
            bytes.extend_from_slice(&time.millis().to_le_bytes());
            bytes.extend_from_slice(&count.to_le_bytes());
        }
        if running > most {
            return None;
        }
        Some((last, Payload::new(bytes)?))
    }

    /// The counter of a limit.
    pub(super) fn find(&self, id: u64) -> Option<State> {
        self.counters.iter().find(|(own, _)| *own == id).map(|(_, state)| *state)
    }

    /// Sets the counter of a limit.
    pub(super) fn set(&mut self, id: u64, state: State) {
        self.changed = true;
        match self.counters.iter_mut().find(|(own, _)| *own == id) {
            Some((_, own)) => *own = state,
            None => self.counters.push((id, state)),
        }
    }

    /// Whether anything was set.
    pub(super) const fn changed(&self) -> bool {
        self.changed
    }
}
