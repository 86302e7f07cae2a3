//! Waiting for a condition, with a deadline that is far away.

use std::time::{Duration, Instant};

/// How long a condition may take to come true: far more than it needs on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Looks until there is something to return; fails, naming what it waited for, at [`DEADLINE`].
pub(crate) fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(DEADLINE, what, look)
}

/// Looks until the condition holds.
pub(crate) fn eventually(what: &str, mut look: impl FnMut() -> bool) {
    until(what, || look().then_some(()));
}

/// Looks until there is something to return; fails after `limit`.
pub(crate) fn within<T>(limit: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < limit, "waited {limit:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
