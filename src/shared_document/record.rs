//! The two records of a shared document: what all workers agree on, and the document itself.

use std::sync::Arc;

use crate::time::UnixMillis;
use crate::wire::Reader;

/// The layout's version: a record of another one is absent.
const VERSION: u8 = 3;

/// What all workers agree on.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Board {
    /// How many attempts have ended.
    pub(super) attempts: u32,
    /// Whether the last one failed.
    pub(super) failed: bool,
    /// How many have failed in a row.
    pub(super) failures: u32,
    /// When the document was last fetched or confirmed; `None` before the first.
    pub(super) fetched_at: Option<UnixMillis>,
    /// When the next scheduled fetch is due.
    pub(super) next_due: UnixMillis,
    /// When the next fetch on demand is allowed.
    pub(super) on_demand_after: UnixMillis,
    /// Who is fetching.
    pub(super) lease: Option<Lease>,
    /// The published document's version.
    pub(super) version: [u8; 16],
    /// The last attempt that failed, however many succeeded since.
    pub(super) failure: Option<Failure>,
}

/// An attempt that failed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// When it ended.
    pub at: UnixMillis,
    /// The kind of failure, a number of the caller's; any number, since others may have written it.
    pub kind: u8,
    /// What came instead of the document, in at most [`Failure::MAX_BYTES`]. Others may have written
    /// it.
    pub reason: Arc<str>,
}

impl Failure {
    /// The longest reason, in bytes.
    pub const MAX_BYTES: usize = 400;

    /// A failure at this time, the reason cut where it is too long.
    pub(super) fn new(at: UnixMillis, kind: u8, reason: &str) -> Self {
        let end = reason.floor_char_boundary(Self::MAX_BYTES);
        Self { at, kind, reason: reason.get(..end).unwrap_or_default().into() }
    }
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
    /// The record: version, the document's id, then the fields in order, little-endian.
    pub(super) fn encode(&self, id: &str) -> Vec<u8> {
        let lease = self.lease.unwrap_or(Lease { holder: 0, until: UnixMillis::default() });
        let mut out = header(id);
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
        out.push(u8::from(self.failure.is_some()));
        if let Some(failure) = &self.failure {
            out.extend(failure.at.millis().to_le_bytes());
            out.push(failure.kind);
            out.extend(failure.reason.bytes());
        }
        out
    }

    /// Reads a record of this document; `None` for anything else. A fetch in the future counts as one
    /// of now.
    pub(super) fn decode(record: &[u8], id: &str, now: UnixMillis) -> Option<Self> {
        let mut fields = body(record, id)?;
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
        let failure = match fields.u8()? {
            0 => None,
            _ => {
                let at = UnixMillis::new(fields.u64()?).min(now);
                let kind = fields.u8()?;
                let reason = fields.slice(fields.rest().len().min(Failure::MAX_BYTES))?;
                Some(Failure { at, kind, reason: std::str::from_utf8(reason).ok()?.into() })
            }
        };
        fields.rest().is_empty().then_some(Self {
            attempts,
            failed,
            failures,
            fetched_at: fetched.then_some(fetched_at),
            next_due,
            on_demand_after,
            lease: leased.then_some(lease),
            version,
            failure,
        })
    }
}

/// The record of a published document.
pub(super) fn of_text(id: &str, text: &[u8]) -> Vec<u8> {
    let mut out = header(id);
    out.extend_from_slice(text);
    out
}

/// The document, out of its record; `None` where it is another one's or another layout.
pub(super) fn text(mut record: Vec<u8>, id: &str) -> Option<Vec<u8>> {
    let text = body(&record, id)?.rest().len();
    let head = record.len().saturating_sub(text);
    drop(record.drain(..head));
    Some(record)
}

fn header(id: &str) -> Vec<u8> {
    let mut out = vec![VERSION];
    out.extend_from_slice(id.as_bytes());
    out
}

fn body<'r>(record: &'r [u8], id: &str) -> Option<Reader<'r>> {
    let mut fields = Reader::new(record);
    (fields.u8()? == VERSION && fields.slice(id.len())? == id.as_bytes()).then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board() -> Board {
        Board {
            attempts: 7,
            failed: true,
            failures: 2,
            fetched_at: Some(UnixMillis::new(5_000)),
            next_due: UnixMillis::new(9_000),
            on_demand_after: UnixMillis::new(8_000),
            lease: Some(Lease { holder: 0xfeed, until: UnixMillis::new(9_500) }),
            version: [3; 16],
            failure: Some(Failure::new(UnixMillis::new(5_500), 7, "status 503")),
        }
    }

    #[test]
    fn a_record_comes_back_as_it_was_written() {
        let now = UnixMillis::new(6_000);
        for board in [board(), Board { failure: None, ..board() }, Board::default()] {
            assert_eq!(Board::decode(&board.encode("ring"), "ring", now), Some(board));
        }
    }

    #[test]
    fn what_another_wrote_is_absent() {
        let good = Board { failure: None, ..board() }.encode("ring");
        let now = UnixMillis::new(6_000);
        assert_eq!(Board::decode(&good, "gnir", now), None);
        for cut in 0..good.len() {
            assert_eq!(Board::decode(&good[..cut], "ring", now), None, "cut at {cut}");
        }
        let mut longer = good.clone();
        longer.push(0);
        assert_eq!(Board::decode(&longer, "ring", now), None);
        let mut newer = good;
        newer[0] = 4;
        assert_eq!(Board::decode(&newer, "ring", now), None);
    }

    #[test]
    fn a_reason_is_bounded_however_it_got_there() {
        let now = UnixMillis::new(6_000);
        let cut = Failure::new(now, 1, &"é".repeat(300));
        assert_eq!(&*cut.reason, "é".repeat(200));
        let longest = Failure::new(now, u8::MAX, &"x".repeat(500));
        let longest = Board { failure: Some(longest), ..board() };
        let mut record = longest.encode("ring");
        assert_eq!(Board::decode(&record, "ring", now), Some(longest));
        record.push(b'x');
        assert_eq!(Board::decode(&record, "ring", now), None, "longer than any that is written");
        let mut odd = board().encode("ring");
        *odd.last_mut().unwrap() = 0xff;
        assert_eq!(Board::decode(&odd, "ring", now), None, "no UTF-8");
    }

    #[test]
    fn what_happened_in_the_future_counts_as_happening_now() {
        let now = UnixMillis::new(1_000);
        let read = Board::decode(&board().encode("ring"), "ring", now).unwrap();
        assert_eq!(read.fetched_at, Some(now));
        assert_eq!(read.failure.map(|failure| failure.at), Some(now));
    }
}
