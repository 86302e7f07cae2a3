//! A subject's record: its counters, each with the id of its limit.
//!
//! All numbers are little-endian:
//!
//! ```text
//! record   version: u8, 1 without leases or 2   counter or lease × as many as fit
//! counter  limit: u64   kind: u8, 0 quota or 1 rate
//!          quota: window's end: u64 ms   used: u32      rate: due: u64 ms   part: u32
//! given up limit: u64 = 0   kind: u8 = 3   at the latest: u64 ms   nothing: u32
//! lease    limit: u64   kind: u8 = 2   what is so: u8, bits from the lowest: heard, refused, asked
//!          window's end, the same at the soonest: u64 ms each   remaining, permits, unreported, flying, lost: u32 each
//!          flown, back, due, since: u64 ms each   seen: u32 × 2
//! ```
//!
//! Of counters at most 16 run, of an address 48. A lease that holds nothing goes where there is no room. That
//! one of the subject may have gone, with another record or without, stands in a record with leases.

use super::counter::State;
use super::lease::Lease;
use super::{Counters, LAG, LONGEST};
use crate::store::Payload;
use crate::time::{CLOCKS_AGREE_WITHIN, UnixMillis};
use crate::wire::Reader;

const VERSION: u8 = 1;
/// Of a record with leases.
const WITH_LEASES: u8 = 2;
const QUOTA: u8 = 0;
const RATE: u8 = 1;
const LEASE: u8 = 2;
const GIVEN_UP: u8 = 3;

/// The bytes of a counter.
const BYTES: usize = 8 + 1 + 8 + 4;

/// The counters of one subject.
#[derive(Debug, Default)]
pub(super) struct Counts {
    counters: Vec<(u64, State)>,
    leases: Vec<(u64, Lease)>,
    /// Until when leases of the subject may have been given up; 0 where none were.
    pub(super) given_up: UnixMillis,
    /// Whether it was written by whoever knows nothing of leases.
    pub(super) is_older: bool,
    changed: bool,
}

impl Counts {
    /// Reads a record; `None` for whatever is odd about it.
    pub(super) fn decode(bytes: &[u8], most: usize) -> Option<Self> {
        let mut fields = Reader::new(bytes);
        let version = fields.u8()?;
        matches!(version, VERSION | WITH_LEASES).then_some(())?;
        let mut counters = Vec::with_capacity(Counters::MAX_RUNNING);
        let mut leases: Vec<(u64, Lease)> = Vec::new();
        let mut given_up = UnixMillis::default();
        while !fields.rest().is_empty() {
            let id = fields.u64()?;
            let kind = fields.u8()?;
            if kind == LEASE {
                let is_new = !leases.iter().any(|(other, _)| *other == id);
                (version == WITH_LEASES && is_new).then_some(())?;
                leases.push((id, lease(&mut fields)?));
                continue;
            }
            let (time, count) = (UnixMillis::new(fields.u64()?), fields.u32()?);
            let state = match kind {
                QUOTA => State::Quota { ends: time, used: count },
                RATE => State::Rate { due: time, part: count },
                GIVEN_UP if version == WITH_LEASES => {
                    given_up = time;
                    continue;
                }
                _ => return None,
            };
            let known = counters.iter().any(|(other, _)| *other == id);
            if known || counters.len() >= most {
                return None;
            }
            counters.push((id, state));
        }
        Some(Self { counters, leases, given_up, is_older: version == VERSION, changed: false })
    }

    /// The record without the counters that have ended, and until when it must be kept; `None` where
    /// more run than fit.
    pub(super) fn encode(&self, now: UnixMillis, most: usize) -> Option<(UnixMillis, Payload)> {
        let mut bytes =
            Vec::with_capacity(self.counters.len().saturating_mul(BYTES).saturating_add(1));
        bytes.push(if self.leases.is_empty() { VERSION } else { WITH_LEASES });
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
        if !self.leases.is_empty() {
            last = last.max(self.put_leases(now, &mut bytes)?);
        }
        Some((last, Payload::new(bytes)?))
    }

    /// Adds the leases that are of use, those that must be kept first, and the others as far as there is
    /// room. Says until when they must be; `None` where there is no room for those.
    fn put_leases(&self, now: UnixMillis, bytes: &mut Vec<u8>) -> Option<UnixMillis> {
        let mut last = now;
        let mut given_up = self.given_up;
        let of_use = || self.leases.iter().filter(|(_, lease)| lease.is_of_use(now));
        for (id, lease) in of_use() {
            if let Some(until) = lease.kept_until() {
                put(*id, lease, bytes);
                last = last.max(until.after(LAG).min(now.after(LONGEST)));
            }
        }
        for (id, lease) in of_use().filter(|(_, lease)| lease.kept_until().is_none()) {
            let with = bytes.len().saturating_add(LEASE_BYTES).saturating_add(BYTES);
            if with <= Payload::MAX_BYTES {
                put(*id, lease, bytes);
            } else {
                given_up = now;
            }
        }
        if given_up > UnixMillis::default() {
            bytes.extend([0; 8]);
            bytes.push(GIVEN_UP);
            bytes.extend(given_up.millis().to_le_bytes());
            bytes.extend([0; 4]);
        }
        (bytes.len() <= Payload::MAX_BYTES).then_some(last)
    }

    /// What the process holds of a limit.
    pub(super) fn lease(&self, id: u64) -> Lease {
        let found = self.leases.iter().find(|(own, _)| *own == id);
        found.map_or_else(Lease::default, |(_, lease)| *lease)
    }

    /// Sets what the process holds of a limit.
    pub(super) fn set_lease(&mut self, id: u64, lease: Lease) {
        self.changed = true;
        match self.leases.iter_mut().find(|(own, _)| *own == id) {
            Some((_, own)) => *own = lease,
            None => self.leases.push((id, lease)),
        }
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

/// The bytes of a lease.
const LEASE_BYTES: usize = 8 + 1 + 1 + 2 * 8 + 5 * 4 + 4 * 8 + 2 * 4;

fn put(id: u64, lease: &Lease, bytes: &mut Vec<u8>) {
    bytes.extend(id.to_le_bytes());
    let flag = |is_so: bool, bit: u8| if is_so { bit } else { 0 };
    let flags = flag(lease.is_heard, 1) | flag(lease.is_refused, 2) | flag(lease.is_asked, 4);
    bytes.extend([LEASE, flags]);
    bytes.extend(lease.ends.millis().to_le_bytes());
    bytes.extend(lease.soonest.millis().to_le_bytes());
    let Lease { remaining, permits, unreported, flying, lost, .. } = *lease;
    for number in [remaining, permits, unreported, flying, lost] {
        bytes.extend(number.to_le_bytes());
    }
    for time in [lease.flown, lease.back, lease.due, lease.since] {
        bytes.extend(time.millis().to_le_bytes());
    }
    for number in [lease.seen.0, lease.seen.1] {
        bytes.extend(number.to_le_bytes());
    }
}

fn lease(fields: &mut Reader<'_>) -> Option<Lease> {
    let flags = fields.u8()?;
    (flags < 8).then_some(())?;
    let (ends, soonest) = (UnixMillis::new(fields.u64()?), UnixMillis::new(fields.u64()?));
    let mut number = || fields.u32();
    let (remaining, permits, unreported) = (number()?, number()?, number()?);
    let (flying, lost) = (number()?, number()?);
    let mut time = || fields.u64().map(UnixMillis::new);
    let (flown, back, due, since) = (time()?, time()?, time()?, time()?);
    Some(Lease {
        ends,
        soonest,
        is_heard: flags & 1 != 0,
        is_refused: flags & 2 != 0,
        is_asked: flags & 4 != 0,
        remaining,
        permits,
        unreported,
        flying,
        lost,
        flown,
        back,
        due,
        since,
        seen: (fields.u32()?, fields.u32()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_700_000_000_000);

    fn bytes(payload: &Payload) -> Vec<u8> {
        // As long as it is, and nothing else of it is read here.
        format!("{payload:?}")
            .trim_start_matches("Payload([")
            .trim_end_matches("])")
            .split(", ")
            .map(|byte| byte.parse().unwrap())
            .collect()
    }

    fn lease(unreported: u32) -> Lease {
        Lease {
            ends: NOW.after(std::time::Duration::from_secs(60)),
            soonest: NOW.after(std::time::Duration::from_secs(59)),
            is_heard: true,
            is_asked: true,
            remaining: 1,
            permits: 2,
            unreported,
            flying: 0,
            lost: 0,
            flown: NOW,
            back: NOW,
            due: NOW,
            since: NOW,
            seen: (7, 8),
            is_refused: false,
        }
    }

    fn record(leases: &[(u64, Lease)]) -> Option<(UnixMillis, Vec<u8>)> {
        let mut counts = Counts::default();
        let ends = NOW.after(std::time::Duration::from_secs(5));
        counts.set(1, State::Quota { ends, used: 3 });
        for (id, lease) in leases {
            counts.set_lease(*id, *lease);
        }
        counts.encode(NOW, 16).map(|(until, payload)| (until, bytes(&payload)))
    }

    #[test]
    fn a_record_without_leases_is_the_one_that_it_was_before_there_were_any() {
        let (_, bytes) = record(&[]).unwrap();
        assert_eq!((bytes[0], bytes.len()), (1, 1 + BYTES));
        let read = Counts::decode(&bytes, 16).unwrap();
        assert!(read.find(1).is_some() && read.leases.is_empty());
    }

    #[test]
    fn leases_are_read_as_written_beside_counters() {
        let all = [(1, lease(4)), (2, lease(0))];
        let (until, bytes) = record(&all).unwrap();
        assert_eq!((bytes[0], bytes.len()), (2, 1 + BYTES + 2 * LEASE_BYTES));
        assert_eq!(until, lease(4).ends.after(LAG), "what is not reported must stay");
        let read = Counts::decode(&bytes, 16).unwrap();
        assert!(read.find(1).is_some());
        assert_eq!((read.lease(1), read.lease(2)), (lease(4), lease(0)));
        // In an older record there are none; cut off it is none.
        let mut older = bytes.clone();
        older[0] = 1;
        assert!(Counts::decode(&older, 16).is_none());
        for end in 0..bytes.len() {
            let whole = [1, 1 + BYTES, 1 + BYTES + LEASE_BYTES].contains(&end);
            assert_eq!(Counts::decode(&bytes[..end], 16).is_some(), whole, "{end}");
        }
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut wrong = bytes.clone();
                wrong[place] ^= 1 << bit;
                drop(Counts::decode(&wrong, 16));
            }
        }
    }

    #[test]
    fn that_leases_may_have_been_given_up_is_read_as_written() {
        let mut counts = Counts { given_up: NOW, ..Counts::default() };
        counts.set_lease(1, lease(4));
        let (_, payload) = counts.encode(NOW, 16).unwrap();
        let bytes = bytes(&payload);
        assert_eq!((bytes[0], bytes.len()), (2, 1 + LEASE_BYTES + BYTES));
        let read = Counts::decode(&bytes, 16).unwrap();
        assert_eq!((read.given_up, read.lease(1), read.is_older), (NOW, lease(4), false));
        // Who knows nothing of leases writes none of it, and is known by that.
        counts.leases.clear();
        counts.set(1, State::Quota { ends: NOW.after(LAG), used: 1 });
        let (_, payload) = counts.encode(NOW, 16).unwrap();
        assert!(Counts::decode(&self::bytes(&payload), 16).unwrap().is_older);
    }

    #[test]
    fn what_is_reported_goes_where_there_is_no_room_and_what_is_not_stays() {
        let reported: Vec<_> = (0..20).map(|id| (id, lease(0))).collect();
        let (until, bytes) = record(&reported).unwrap();
        assert!(bytes.len() <= Payload::MAX_BYTES);
        assert!(until < lease(0).ends, "only the process's own counter must stay");
        let mut some = reported.clone();
        some.extend((20..24).map(|id| (id, lease(1))));
        let (_, bytes) = record(&some).unwrap();
        let read = Counts::decode(&bytes, 16).unwrap();
        assert!((20..24).all(|id| read.lease(id) == lease(1)));
        assert_eq!(read.given_up, NOW, "some of use are gone");
        let all: Vec<_> = (0..20).map(|id| (id, lease(1))).collect();
        assert_eq!(record(&all), None);
    }
}
