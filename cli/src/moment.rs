//! Points in time as people write and read them.

use std::time::{Duration, SystemTime};

use tollgate::time::UnixMillis;

/// What `--at` says, otherwise this machine's clock.
pub(super) fn given_or_now(at: Option<UnixMillis>) -> UnixMillis {
    at.unwrap_or_else(now)
}

fn now() -> UnixMillis {
    #[expect(clippy::disallowed_methods, reason = "a command runs now; `--at` says otherwise")]
    let now = SystemTime::now();
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixMillis::new(tollgate::time::millis(since))
}

/// Reads the argument of `--at`.
pub(super) fn parse(text: &str) -> Result<UnixMillis, String> {
    UnixMillis::from_rfc3339(text)
        .ok_or_else(|| "a moment is written like 2026-11-23T10:00:00Z".to_owned())
}

/// Reads a span of a whole number and one unit, as configurations write it: `90s`, `1h`.
pub(super) fn parse_span(text: &str) -> Result<Duration, String> {
    let wrong = || "a span is a whole number and a unit: 90s, 15m, 1h, 30d".to_owned();
    let at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (digits, unit) = text.split_at_checked(at).ok_or_else(wrong)?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    Ok(Duration::from_millis(count.saturating_mul(millis)))
}

/// A span that lies ahead, or behind with a `-` in front.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Offset {
    /// So long from now.
    Ahead(Duration),
    /// So long ago.
    Behind(Duration),
}

/// Reads a span as [`parse_span`] does, with a `-` in front where it lies behind.
pub(super) fn parse_offset(text: &str) -> Result<Offset, String> {
    match text.strip_prefix('-') {
        Some(span) => parse_span(span).map(Offset::Behind),
        None => parse_span(text).map(Offset::Ahead),
    }
}

/// A moment in the form of RFC 3339, in UTC, without its fraction; `None` after the year 9999.
pub(super) fn rfc3339(moment: UnixMillis) -> Option<String> {
    const YEAR_10000: u64 = 253_402_300_800;
    (moment.secs() < YEAR_10000).then(|| moment.to_rfc3339())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_a_date_until_years_have_five_digits() {
        let last = UnixMillis::from_secs(253_402_300_799);
        assert_eq!(rfc3339(last).as_deref(), Some("9999-12-31T23:59:59Z"));
        assert_eq!(rfc3339(last.after(Duration::from_secs(1))), None);
        assert_eq!(rfc3339(UnixMillis::MAX), None);
    }

    #[test]
    fn a_span_has_one_number_and_one_unit() {
        let cases = [
            ("500ms", Some(500)),
            ("90s", Some(90_000)),
            ("1h", Some(3_600_000)),
            ("30d", Some(2_592_000_000)),
            ("1h30m", None),
            ("10", None),
            ("h", None),
            ("-1h", None),
            ("1 h", None),
            ("", None),
        ];
        for (text, millis) in cases {
            let span = parse_span(text).ok().map(tollgate::time::millis);
            assert_eq!(span, millis, "{text}");
        }
        let minute = Duration::from_secs(60);
        assert_eq!(parse_offset("1m"), Ok(Offset::Ahead(minute)));
        assert_eq!(parse_offset("-1m"), Ok(Offset::Behind(minute)));
        for wrong in ["--1m", "-", "- 1m", "+1m", "-1"] {
            assert!(parse_offset(wrong).is_err(), "{wrong}");
        }
    }
}
