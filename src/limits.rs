//! How fast and how much: rates, quotas and their counters.

use std::time::Duration;

/// How fast: `requests` in `per` on average, `burst` of them at once (GCRA).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// Requests in each `per`; at least 1.
    pub requests: u32,
    /// The time that `requests` are spread over.
    pub per: Duration,
    /// How many may come at once; at least 1.
    pub burst: u32,
}

/// How much: `requests` in a window of `per`, which begins with the first of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Quota {
    /// Requests in each window; at least 1.
    pub requests: u32,
    /// The window's length.
    pub per: Duration,
}

/// A number, or none at all on purpose.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Bound<T> {
    /// At most this.
    At(T),
    /// `"unlimited"`: it beats every number.
    Unlimited,
}
