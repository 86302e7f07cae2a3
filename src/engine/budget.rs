//! How much may happen in one second.

use crate::time::UnixMillis;

/// A number of things that may happen in any one second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    per_second: u32,
    second: u64,
    spent: u32,
}

impl Budget {
    pub(super) const fn new(per_second: u32) -> Self {
        Self { per_second, second: 0, spent: 0 }
    }

    /// Whether one more may happen at `now`.
    pub(super) fn is_left(&self, now: UnixMillis) -> bool {
        self.second != now.secs() || self.spent < self.per_second
    }

    /// One more has happened at `now`.
    pub(super) fn spend(&mut self, now: UnixMillis) {
        self.spend_many(1, now);
    }

    /// So many more have happened at `now`.
    pub(super) fn spend_many(&mut self, count: u32, now: UnixMillis) {
        if self.second != now.secs() {
            (self.second, self.spent) = (now.secs(), 0);
        }
        self.spent = self.spent.saturating_add(count);
    }
}
