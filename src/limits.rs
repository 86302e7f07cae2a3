//! How fast and how much: rates, quotas and their counters.

use std::cmp::Ordering;
use std::time::Duration;

use sha2::{Digest, Sha256};

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

/// One limit of the configuration, and what tells its counters from those of every other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Definition<T> {
    /// From what names the limit, never from how much it allows: a limit that is raised goes on
    /// counting where it stood, and two limits never share a counter.
    pub id: u64,
    /// How fast, or how much.
    pub limit: T,
}

impl<T> Definition<T> {
    /// A limit by what names it: its kind first, then whose it is.
    pub fn new(names: &[&str], limit: T) -> Self {
        let mut hash = Sha256::new_with_prefix("tollgate limit 1");
        for name in names {
            // Each with its length before it, so that no two lists run together.
            hash.update(u64::try_from(name.len()).unwrap_or(u64::MAX).to_le_bytes());
            hash.update(name);
        }
        let id = hash.finalize().first_chunk().map_or(0, |first| u64::from_le_bytes(*first));
        Self { id, limit }
    }
}

/// One limit that a request is counted against.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Charge {
    /// A rate.
    Rate(Definition<Rate>),
    /// A quota.
    Quota(Definition<Quota>),
}

impl Rate {
    /// Which of two rates allows more: more requests in the same time, then more requests at all,
    /// then the larger burst.
    pub fn generosity(&self, other: &Self) -> Ordering {
        compare((self.requests, self.per), (other.requests, other.per))
            .then(self.burst.cmp(&other.burst))
    }
}

impl Quota {
    /// Which of two quotas allows more: more requests in the same time, then more requests at all.
    pub fn generosity(&self, other: &Self) -> Ordering {
        compare((self.requests, self.per), (other.requests, other.per))
    }
}

/// Compares requests ÷ per without dividing: exactly.
fn compare((one, one_per): (u32, Duration), (other, other_per): (u32, Duration)) -> Ordering {
    let left = u128::from(one).saturating_mul(other_per.as_millis());
    let right = u128::from(other).saturating_mul(one_per.as_millis());
    left.cmp(&right).then(one.cmp(&other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(requests: u32, per_millis: u64, burst: u32) -> Rate {
        Rate { requests, per: Duration::from_millis(per_millis), burst }
    }

    #[test]
    fn more_requests_in_the_same_time_are_more_generous_then_more_at_all() {
        let cases = [
            // name, one, other, which allows more
            ("the same", rate(10, 1000, 10), rate(10, 1000, 10), Ordering::Equal),
            ("more requests", rate(11, 1000, 1), rate(10, 1000, 99), Ordering::Greater),
            ("more time", rate(10, 1001, 99), rate(10, 1000, 1), Ordering::Less),
            ("as fast, more at all", rate(60, 60_000, 1), rate(1, 1000, 9), Ordering::Greater),
            ("as fast, a larger burst", rate(1, 1000, 1), rate(1, 1000, 2), Ordering::Less),
            (
                "a difference that no floating point number holds",
                rate(u32::MAX, 31_535_999_999, 1),
                rate(u32::MAX, 31_536_000_000, 1),
                Ordering::Greater,
            ),
        ];
        for (name, one, other, expected) in cases {
            assert_eq!(one.generosity(&other), expected, "{name}");
            assert_eq!(other.generosity(&one), expected.reverse(), "{name}");
            if one.burst == other.burst {
                let quota = |rate: Rate| Quota { requests: rate.requests, per: rate.per };
                assert_eq!(quota(one).generosity(&quota(other)), expected, "{name}");
            }
        }
    }

    #[test]
    fn a_limit_is_told_from_others_by_its_names_alone() {
        let id = |names: &[&str]| Definition::new(names, ()).id;
        assert_eq!(id(&["policy", "a"]), Definition::new(&["policy", "a"], 7).id);
        let names: [&[&str]; 5] =
            [&["policy", "a"], &["policy", "b"], &["policya"], &["policy", "", "a"], &["api", "a"]];
        let ids: std::collections::BTreeSet<_> = names.iter().map(|names| id(names)).collect();
        assert_eq!(ids.len(), names.len());
    }
}
