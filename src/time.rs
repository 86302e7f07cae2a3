//! Points in time, as numbers: the core never reads a clock, it is told.

use std::time::Duration;

/// Milliseconds since 1970-01-01T00:00:00Z, ignoring leap seconds.
///
/// All arithmetic saturates: a point past the end of the range is the end of the range, so that
/// no sum of untrusted numbers can wrap a far future into the past.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UnixMillis(u64);

impl UnixMillis {
    /// The last representable moment: "never".
    pub const MAX: Self = Self(u64::MAX);

    /// A point from milliseconds since the epoch.
    pub const fn new(millis: u64) -> Self {
        Self(millis)
    }

    /// A point from whole seconds since the epoch.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// A JWT `NumericDate` (RFC 7519 §2): seconds since the epoch, maybe with a fraction.
    ///
    /// What lies before the epoch is the epoch, what lies beyond the range is its end; `None` for
    /// what is no number.
    pub fn from_numeric_date(seconds: f64) -> Option<Self> {
        if seconds.is_nan() {
            return None;
        }
        // A float-to-integer cast saturates at both ends and never traps.
        #[expect(clippy::as_conversions, reason = "there is no TryFrom<f64>; `as` saturates")]
        let millis = (seconds * 1000.0).round() as u64;
        Some(Self(millis))
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn secs(self) -> u64 {
        self.0 / 1000
    }

    /// This much later.
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(millis(span)))
    }

    /// This much earlier, but not before the epoch.
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(millis(span)))
    }

    /// How long ago `earlier` was; zero where it is still to come.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// A span in milliseconds, saturating.
pub fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// A span in whole seconds, rounded up: what `Retry-After` (RFC 9110 §10.2.3) wants.
pub fn secs_rounded_up(span: Duration) -> u64 {
    span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numeric_date_saturates_and_never_wraps() {
        let cases = [
            ("a plain second", 1000.0, Some(1_000_000)),
            ("a fraction", 1000.25, Some(1_000_250)),
            ("before the epoch", -5.0, Some(0)),
            ("minus zero", -0.0, Some(0)),
            ("a thousand milliards of milliards", 1e30, Some(u64::MAX)),
            ("infinity", f64::INFINITY, Some(u64::MAX)),
            ("not a number", f64::NAN, None),
        ];
        for (name, seconds, expected) in cases {
            assert_eq!(
                UnixMillis::from_numeric_date(seconds).map(UnixMillis::millis),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn sums_stay_inside_the_range() {
        assert_eq!(UnixMillis::MAX.after(Duration::from_secs(1)), UnixMillis::MAX);
        assert_eq!(UnixMillis::new(5).before(Duration::from_secs(1)), UnixMillis::new(0));
        assert_eq!(UnixMillis::new(5).since(UnixMillis::new(9)), Duration::ZERO);
    }

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        for (span, seconds) in [(0, 0), (1, 1), (999, 1), (1000, 1), (1001, 2)] {
            assert_eq!(secs_rounded_up(Duration::from_millis(span)), seconds, "{span} ms");
        }
    }
}
