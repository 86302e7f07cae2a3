//! The two shared records of a key ring: what all workers agree on, and the set as it came.

use crate::time::UnixMillis;
use crate::wire::Reader;

/// The layout's version: a record of another one is absent.
const VERSION: u8 = 1;

/// What all workers agree on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Board {
    /// How many attempts have ended.
    pub(super) attempts: u32,
    /// Whether the last one failed.
    pub(super) failed: bool,
    /// How many have failed in a row.
    pub(super) failures: u32,
    /// When the set was last fetched or confirmed; `None` before the first.
    pub(super) fetched_at: Option<UnixMillis>,
    /// When the next scheduled fetch is due.
    pub(super) next_due: UnixMillis,
    /// When the next fetch on demand is allowed.
    pub(super) on_demand_after: UnixMillis,
    /// Who is fetching.
    pub(super) lease: Option<Lease>,
    /// The published set's version.
    pub(super) version: [u8; 16],
}

/// The right to fetch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Lease {
    /// A random number that only its holder knows.
    pub(super) holder: u64,
    /// When it ends by itself.
    pub(super) until: UnixMillis,
}

impl Board {
    /// The record: version, ring id, then the fields in order, little-endian.
    pub(super) fn encode(&self, ring: &str) -> Vec<u8> {
        let lease = self.lease.unwrap_or(Lease { holder: 0, until: UnixMillis::default() });
        let mut out = header(ring);
        out.extend(self.attempts.to_le_bytes());
        out.push(u8::from(self.failed));
        out.extend(self.failures.to_le_bytes());
        out.push(u8::from(self.fetched_at.is_some()));
        out.extend(self.fetched_at.unwrap_or_default().millis().to_le_bytes());
        out.extend(self.next_due.millis().to_le_bytes());
        out.extend(self.on_demand_after.millis().to_le_bytes());
        out.push(u8::from(self.lease.is_some()));
        out.extend(lease.holder.to_le_bytes());
        out.extend(lease.until.millis().to_le_bytes());
        out.extend(self.version);
        out
    }

    /// Reads a record of this ring; `None` for anything else. A fetch in the future is one now.
    pub(super) fn decode(record: &[u8], ring: &str, now: UnixMillis) -> Option<Self> {
        let mut fields = body(record, ring)?;
        let attempts = fields.u32()?;
        let failed = fields.u8()? == 1;
        let failures = fields.u32()?;
        let fetched = fields.u8()? == 1;
        let fetched_at = UnixMillis::new(fields.u64()?).min(now);
        let next_due = UnixMillis::new(fields.u64()?);
        let on_demand_after = UnixMillis::new(fields.u64()?);
        let leased = fields.u8()? == 1;
        let lease = Lease { holder: fields.u64()?, until: UnixMillis::new(fields.u64()?) };
        let version = fields.array()?;
        fields.rest().is_empty().then_some(Self {
            attempts,
            failed,
            failures,
            fetched_at: fetched.then_some(fetched_at),
            next_due,
            on_demand_after,
            lease: leased.then_some(lease),
            version,
        })
    }
}

/// The record of a published set.
pub(super) fn set_record(ring: &str, text: &[u8]) -> Vec<u8> {
    let mut out = header(ring);
    out.extend_from_slice(text);
    out
}

/// The set's document, out of its record; `None` where it is another ring's or another layout.
pub(super) fn set_text<'r>(record: &'r [u8], ring: &str) -> Option<&'r [u8]> {
    body(record, ring).map(Reader::rest)
}

fn header(ring: &str) -> Vec<u8> {
    let mut out = vec![VERSION];
    out.extend_from_slice(ring.as_bytes());
    out
}

fn body<'r>(record: &'r [u8], ring: &str) -> Option<Reader<'r>> {
    let mut fields = Reader::new(record);
    (fields.u8()? == VERSION && fields.slice(ring.len())? == ring.as_bytes()).then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOARD: Board = Board {
        attempts: 7,
        failed: true,
        failures: 2,
        fetched_at: Some(UnixMillis::new(5_000)),
        next_due: UnixMillis::new(9_000),
        on_demand_after: UnixMillis::new(8_000),
        lease: Some(Lease { holder: 0xfeed, until: UnixMillis::new(9_500) }),
        version: [3; 16],
    };

    #[test]
    fn a_record_comes_back_as_it_was_written() {
        let now = UnixMillis::new(6_000);
        for board in [BOARD, Board::default()] {
            assert_eq!(Board::decode(&board.encode("ring"), "ring", now), Some(board));
        }
    }

    #[test]
    fn what_another_wrote_is_absent() {
        let good = BOARD.encode("ring");
        let now = UnixMillis::new(6_000);
        assert_eq!(Board::decode(&good, "gnir", now), None);
        for cut in 0..good.len() {
            assert_eq!(Board::decode(&good[..cut], "ring", now), None, "cut at {cut}");
        }
        let mut longer = good.clone();
        longer.push(0);
        assert_eq!(Board::decode(&longer, "ring", now), None);
        let mut newer = good;
        newer[0] = 2;
        assert_eq!(Board::decode(&newer, "ring", now), None);
    }

    #[test]
    fn a_fetch_in_the_future_counts_as_one_now() {
        let now = UnixMillis::new(1_000);
        let read = Board::decode(&BOARD.encode("ring"), "ring", now);
        assert_eq!(read.and_then(|board| board.fetched_at), Some(now));
    }
}
