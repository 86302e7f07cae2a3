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

    /// A point in the form of RFC 3339: `2027-01-01T00:00:00Z`, maybe with a fraction of seconds or
    /// an offset. A leap second is the next second; digits beyond milliseconds are left out.
    ///
    /// `None` for what is written otherwise, names a day that does not exist, or lies before the
    /// epoch.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let (date, rest) = text.split_at_checked(10)?;
        let (time, rest) = rest.strip_prefix(['T', 't'])?.split_at_checked(8)?;
        let (year, month, day) = three(date, '-')?;
        let (hour, minute, second) = three(time, ':')?;
        let (fraction, zone) = match rest.strip_prefix('.') {
            None => (0, rest),
            Some(behind) => {
                let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
                let (fraction, zone) = behind.split_at_checked(digits)?;
                (milliseconds(fraction)?, zone)
            }
        };
        if hour > 23 || minute > 59 || second > 60 || !(1970..=9999).contains(&year) {
            return None;
        }
        let days = days_since_epoch(year, month, day)?;
        let minutes = days.saturating_mul(24).saturating_add(hour).saturating_mul(60);
        let seconds = minutes.saturating_add(minute).saturating_mul(60).saturating_add(second);
        let local = seconds.saturating_mul(1000).saturating_add(fraction);
        match zone {
            "Z" | "z" => Some(Self(local)),
            _ => {
                let (hours, minutes) = zone.get(1..)?.split_once(':')?;
                let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
                let offset = hours.saturating_mul(60).saturating_add(minutes);
                let offset = (hours <= 23 && minutes <= 59).then(|| offset.saturating_mul(60_000));
                match zone.as_bytes().first()? {
                    b'+' => local.checked_sub(offset?).map(Self),
                    b'-' => local.checked_add(offset?).map(Self),
                    _ => None,
                }
            }
        }
    }

    /// The moment, and how far from now it is: `2027-01-01T00:00:00Z, in 5m 3s`.
    pub fn in_words(self, now: Self) -> String {
        format!("{}, {}", self.to_rfc3339(), self.from_now(now))
    }

    /// How far from now it is: `in 4m`, `3d 4h ago`, `now`.
    pub fn from_now(self, now: Self) -> String {
        let (ahead, behind) = (self.since(now), now.since(self));
        if !ahead.is_zero() {
            format!("in {}", roughly(ahead))
        } else if !behind.is_zero() {
            format!("{} ago", roughly(behind))
        } else {
            "now".to_owned()
        }
    }

    /// The number that a token has for it (RFC 7519 §2): seconds, with their fraction where there is one.
    pub fn numeric_date(self) -> String {
        match self.0 % 1000 {
            0 => self.secs().to_string(),
            rest => format!("{}.{rest:03}", self.secs()),
        }
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

    /// The moment in UTC as RFC 3339 writes it, without the fraction of its second.
    pub fn to_rfc3339(self) -> String {
        const DAY: u64 = 86_400;
        let (year, month, day) = date(self.secs() / DAY);
        let second = self.secs() % DAY;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }

    /// How long ago `earlier` was; zero where it is still to come.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// The numbers of a date or a time: the first has the digits that the others leave.
fn three(text: &str, between: char) -> Option<(u64, u64, u64)> {
    let mut parts = text.split(between);
    let first = parts.next()?;
    let numbers = (
        digits(first, text.len().saturating_sub(6))?,
        digits(parts.next()?, 2)?,
        digits(parts.next()?, 2)?,
    );
    parts.next().is_none().then_some(numbers)
}

/// A number of exactly so many digits.
fn digits(text: &str, count: usize) -> Option<u64> {
    (text.len() == count && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// The digits behind a decimal point, as thousandths.
fn milliseconds(fraction: &str) -> Option<u64> {
    let shown = fraction.get(..3).unwrap_or(fraction);
    (!fraction.is_empty()).then(|| format!("{shown:0<3}").parse().ok())?
}

/// The days from 1970-01-01 to a day of the Gregorian calendar; `None` where there is no such day.
fn days_since_epoch(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1..=12).contains(&month) || day == 0 || day > days_of_month(year, month) {
        return None;
    }
    let years = (1970..year).map(days_of_year).sum::<u64>();
    let months = (1..month).map(|month| days_of_month(year, month)).sum::<u64>();
    Some(years.saturating_add(months).saturating_add(day.saturating_sub(1)))
}

/// Year, month and day of the day that begins so many days after 1970-01-01; the end of the year
/// 9999 where it would come later.
fn date(mut days: u64) -> (u64, u64, u64) {
    for year in 1970..=9999 {
        match days.checked_sub(days_of_year(year)) {
            Some(rest) => days = rest,
            None => {
                for month in 1..=12 {
                    match days.checked_sub(days_of_month(year, month)) {
                        Some(rest) => days = rest,
                        None => return (year, month, days.saturating_add(1)),
                    }
                }
            }
        }
    }
    (9999, 12, 31)
}

const fn days_of_year(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

const fn days_of_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// How far the clocks of two workers may differ: each reads its own at the start of an event. A time
/// further ahead than one written now could be was not written by a clock like ours.
pub const CLOCKS_AGREE_WITHIN: Duration = Duration::from_mins(1);

/// A span in milliseconds, saturating.
pub fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// A span in whole seconds, rounded up: what `Retry-After` (RFC 9110 §10.2.3) wants.
pub fn secs_rounded_up(span: Duration) -> u64 {
    span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0))
}

/// A span as a configuration would write it, in the largest unit that it is whole in: `90m`.
pub fn in_words(span: Duration) -> String {
    let span = millis(span);
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];
    for (unit, length) in units {
        if span > 0
            && let (Some(count), Some(0)) = (span.checked_div(length), span.checked_rem(length))
        {
            return format!("{count}{unit}");
        }
    }
    format!("{span}ms")
}

/// A span for somebody who reads, in its two largest units, rounded down: `3d 4h`, `5m 3s`.
pub fn roughly(span: Duration) -> String {
    let seconds = span.as_secs();
    let parts = match seconds {
        0 if !span.is_zero() => return format!("{}ms", millis(span)),
        0..60 => return format!("{seconds}s"),
        60..3600 => [(seconds / 60, "m"), (seconds % 60, "s")],
        3600..86_400 => [(seconds / 3600, "h"), (seconds / 60 % 60, "m")],
        _ => [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h")],
    };
    match parts {
        [(count, unit), (0, _)] => format!("{count}{unit}"),
        [(count, unit), (less, smaller)] => format!("{count}{unit} {less}{smaller}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_by_how_far_it_is_from_now() {
        let now = UnixMillis::from_secs(1_798_761_600);
        let cases = [
            (1_798_761_600, "2027-01-01T00:00:00Z, now"),
            (1_798_761_601, "2027-01-01T00:00:01Z, in 1s"),
            (1_798_761_659, "2027-01-01T00:00:59Z, in 59s"),
            (1_798_761_840, "2027-01-01T00:04:00Z, in 4m"),
            (1_798_761_903, "2027-01-01T00:05:03Z, in 5m 3s"),
            (1_798_758_000, "2026-12-31T23:00:00Z, 1h ago"),
            (1_798_754_340, "2026-12-31T21:59:00Z, 2h 1m ago"),
            (1_798_754_399, "2026-12-31T21:59:59Z, 2h ago"),
            (1_798_804_860, "2027-01-01T12:01:00Z, in 12h 1m"),
            (1_799_038_800, "2027-01-04T05:00:00Z, in 3d 5h"),
            (1_833_321_600, "2028-02-05T00:00:00Z, in 400d"),
        ];
        for (seconds, words) in cases {
            assert_eq!(UnixMillis::from_secs(seconds).in_words(now), words);
        }
        assert_eq!(roughly(Duration::from_millis(250)), "250ms");
        assert_eq!(roughly(Duration::ZERO), "0s");
        assert_eq!(UnixMillis::new(1_500).numeric_date(), "1.500");
    }

    #[test]
    fn a_span_is_told_in_the_largest_unit_that_it_is_whole_in() {
        let cases = [
            (0, "0ms"),
            (999, "999ms"),
            (1000, "1s"),
            (61_000, "61s"),
            (90_000, "90s"),
            (5_400_000, "90m"),
            (7_200_000, "2h"),
            (2_592_000_000, "30d"),
        ];
        for (millis, words) in cases {
            assert_eq!(in_words(Duration::from_millis(millis)), words);
        }
    }

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
    fn a_moment_is_read_in_the_form_of_rfc_3339() {
        let cases = [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2027-01-01T00:00:00Z", Some(1_798_761_600_000)),
            ("2024-02-29T23:59:59z", Some(1_709_251_199_000)),
            ("1985-04-12t23:20:50.52Z", Some(482_196_050_520)),
            ("1985-04-12T23:20:50.5299999Z", Some(482_196_050_529)),
            ("1996-12-19T16:39:57-08:00", Some(851_042_397_000)),
            ("1996-12-20T02:39:57+02:00", Some(851_042_397_000)),
            ("1990-12-31T23:59:60Z", Some(662_688_000_000)),
            ("2100-03-01T00:00:00Z", Some(4_107_542_400_000)),
            ("9999-12-31T23:59:59Z", Some(253_402_300_799_000)),
            ("1970-01-01T00:30:00+01:00", None),
            ("1969-12-31T23:59:59Z", None),
            ("2100-02-29T00:00:00Z", None),
            ("2027-02-30T00:00:00Z", None),
            ("2027-13-01T00:00:00Z", None),
            ("2027-00-01T00:00:00Z", None),
            ("2027-01-00T00:00:00Z", None),
            ("2027-01-01T24:00:00Z", None),
            ("2027-01-01T00:60:00Z", None),
            ("2027-01-01T00:00:61Z", None),
            ("2027-01-01T00:00:00", None),
            ("2027-01-01 00:00:00Z", None),
            ("2027-01-01T00:00:00.Z", None),
            ("2027-01-01T00:00:00+0100", None),
            ("2027-01-01T00:00:00*01:00", None),
            ("2027-01-01T00:00:00+24:00", None),
            ("2027-1-01T00:00:00Z", None),
            ("2027-01-01T0:00:000Z", None),
            ("2027-01-01T00:00:00Z ", None),
            ("2027-01-01", None),
            ("+027-01-01T00:00:00Z", None),
            ("2027-01-01T00:00:é0Z", None),
            ("", None),
        ];
        for (text, millis) in cases {
            assert_eq!(UnixMillis::from_rfc3339(text).map(UnixMillis::millis), millis, "{text}");
        }
    }

    #[test]
    fn a_moment_is_written_as_it_would_be_read() {
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59Z"),
            (1_735_689_599_000, "2024-12-31T23:59:59Z"),
            (1_798_761_600_000, "2027-01-01T00:00:00Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00Z"),
            (253_402_300_799_000, "9999-12-31T23:59:59Z"),
        ];
        for (millis, text) in cases {
            assert_eq!(UnixMillis::new(millis).to_rfc3339(), text);
            let read = UnixMillis::from_rfc3339(text).map(UnixMillis::secs);
            assert_eq!(read, Some(millis / 1000), "{text}");
        }
        assert!(UnixMillis::MAX.to_rfc3339().starts_with("9999-12-31T"));
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
