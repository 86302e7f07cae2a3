//! What workers share of one token: never the token itself.
//!
//! All numbers are little-endian:
//!
//! ```text
//! record  version: u8 = 1   kind: u8 (0 none, 1 inactive, 2 active)   holder: u64   deadline: u64 ms
//!         failed at: u64 ms   came at: u64 ms   until: u64 ms   the answer
//! ```
//!
//! A time of 0 is none. Whoever shares the store may have written it: no time lies further ahead than
//! this configuration could put it.

use super::{Asked, FAILED_LASTS, KNOWN_LASTS, Terms};
use crate::time::{CLOCKS_AGREE_WITHIN, UnixMillis};
use crate::wire::Reader;

const VERSION: u8 = 1;

/// How many bytes stand before the answer.
pub(super) const HEAD: usize = 42;

/// An answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Kept {
    /// Whether the token is active.
    pub is_active: bool,
    /// When the answer came.
    pub came_at: UnixMillis,
    /// Until when it is a verdict.
    pub until: UnixMillis,
    /// What it says.
    pub answer: Vec<u8>,
}

/// What is known of one token.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Record {
    /// Who asks, and until when.
    pub(super) lease: Option<(u64, UnixMillis)>,
    /// When the last attempt ended, where it has failed.
    pub(super) failed_at: Option<UnixMillis>,
    /// The last answer.
    pub(super) kept: Option<Kept>,
}

impl Record {
    /// Reads a record; `None` for what is none.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = Reader::new(bytes);
        if fields.u8()? != VERSION {
            return None;
        }
        let kind = fields.u8()?;
        let holder = fields.u64()?;
        let mut time = || Some(UnixMillis::new(fields.u64()?));
        let (deadline, failed_at, came_at, until) = (time()?, time()?, time()?, time()?);
        let answer = fields.rest();
        let some = |at: UnixMillis| (at != UnixMillis::default()).then_some(at);
        if kind > 2 {
            return None;
        }
        let kept = Kept { is_active: kind == 2, came_at, until, answer: answer.to_vec() };
        Some(Self {
            lease: some(deadline).map(|deadline| (holder, deadline)),
            failed_at: some(failed_at),
            kept: (kind != 0).then_some(kept),
        })
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let (holder, deadline) = self.lease.unwrap_or_default();
        let mut out = Vec::with_capacity(HEAD.saturating_add(self.bytes()));
        out.extend([
            VERSION,
            self.kept.as_ref().map_or(0, |kept| if kept.is_active { 2 } else { 1 }),
        ]);
        out.extend(holder.to_le_bytes());
        let kept = self.kept.as_ref();
        let times = [
            deadline,
            self.failed_at.unwrap_or_default(),
            kept.map(|kept| kept.came_at).unwrap_or_default(),
            kept.map(|kept| kept.until).unwrap_or_default(),
        ];
        out.extend(times.iter().flat_map(|at| at.millis().to_le_bytes()));
        out.extend(kept.iter().flat_map(|kept| &kept.answer));
        out
    }

    /// How many bytes its answer has.
    pub(super) fn bytes(&self) -> usize {
        self.kept.as_ref().map_or(0, |kept| kept.answer.len())
    }

    /// Whether whoever has this number asks.
    pub(super) fn is_held_by(&self, holder: u64) -> bool {
        self.lease.is_some_and(|(held, _)| held == holder)
    }

    /// Whether somebody asks.
    pub(super) fn is_leased(&self, terms: &Terms, now: UnixMillis) -> bool {
        let horizon = now.after(terms.lease).after(CLOCKS_AGREE_WITHIN);
        self.lease.is_some_and(|(_, until)| now < until && until <= horizon)
    }

    /// The answer, where it is a verdict for a request that came `since`: it is young enough, or it came
    /// while the request waited for it.
    pub(super) fn verdict(
        &self,
        since: UnixMillis,
        terms: &Terms,
        now: UnixMillis,
    ) -> Option<&Kept> {
        let kept = self.kept.as_ref().filter(|kept| kept.came_at <= now)?;
        let longest = if kept.is_active { terms.cache } else { terms.negative };
        let is_young = now < kept.until && kept.until <= now.after(longest);
        (is_young || kept.came_at >= since).then_some(kept)
    }

    /// An answer that is no verdict any more, and may serve while the provider cannot be asked.
    pub(super) fn spare(&self, terms: &Terms, now: UnixMillis) -> Option<&Kept> {
        let kept = self.kept.as_ref().filter(|kept| kept.is_active && kept.came_at <= now)?;
        let old_enough = kept.came_at.after(terms.cache).after(terms.stale);
        (!terms.stale.is_zero() && now < old_enough).then_some(kept)
    }

    /// Whether the token was active when it was last asked about, which is remembered for a while.
    pub(super) fn was_active(&self, terms: &Terms, now: UnixMillis) -> bool {
        let lasts = terms.cache.saturating_add(remembered(terms));
        self.kept.as_ref().is_some_and(|kept| {
            kept.is_active && kept.came_at <= now && now < kept.came_at.after(lasts)
        })
    }

    /// Whether anything in it still counts.
    pub(super) fn is_of_use(&self, terms: &Terms, now: UnixMillis) -> bool {
        now < self.until(terms, now)
    }

    /// Until when it is to be kept.
    pub(super) fn until(&self, terms: &Terms, now: UnixMillis) -> UnixMillis {
        let lease = self.lease.map(|(_, until)| until).unwrap_or_default();
        let failed = self.failed_at.map(|at| at.after(FAILED_LASTS)).unwrap_or_default();
        let kept = self.kept.as_ref().map(|kept| match kept.is_active {
            true => kept.came_at.after(terms.cache).after(remembered(terms)),
            // Whoever waited for it may look for it later.
            false => kept.until.max(kept.came_at.after(FAILED_LASTS)),
        });
        let until = lease.max(failed).max(kept.unwrap_or_default());
        // A table keeps nothing that must not be kept: the present will do.
        if until == UnixMillis::default() { now } else { until }
    }

    /// Ends asking with what came of it.
    pub(super) fn end(&mut self, asked: Asked, terms: &Terms, now: UnixMillis) {
        self.lease = None;
        let (is_active, lasts, expires, answer) = match asked {
            Asked::Failed => {
                self.failed_at = Some(now);
                return;
            }
            Asked::Active(answer, expires) => (true, terms.cache, expires, answer),
            Asked::Inactive(answer) => (false, terms.negative, None, answer),
        };
        let until = now.after(lasts);
        let until = expires.map_or(until, |expires| expires.min(until));
        self.failed_at = None;
        self.kept = Some(Kept { is_active, came_at: now, until, answer });
    }
}

/// How long it is remembered that a token was active, beyond the time that its answer is a verdict.
fn remembered(terms: &Terms) -> std::time::Duration {
    terms.cache.max(KNOWN_LASTS).max(terms.stale)
}
