//! Tyk's rates, quotas and durations as Tollgate's.

use serde_json::{Number, Value, json};

/// The most requests that a limit can count.
const MAX_REQUESTS: u64 = 4_294_967_295;
/// The longest duration, in milliseconds.
pub(super) const YEAR: u64 = 365 * 24 * 3_600_000;

/// A rate: never zero, within what a configuration can say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Rate {
    pub(super) requests: u64,
    /// In milliseconds.
    pub(super) per: u64,
}

impl Rate {
    /// As the configuration says it.
    pub(super) fn json(self) -> Value {
        json!({ "requests": self.requests, "per": duration(self.per) })
    }
}

/// A duration in the largest unit that fits.
pub(super) fn duration(millis: u64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let fits = |unit: &&(u64, &str)| millis > 0 && millis.checked_rem(unit.0) == Some(0);
    match units.iter().find(fits) {
        Some((unit, name)) => format!("{}{name}", millis.checked_div(*unit).unwrap_or(0)),
        None if millis == 0 => "0s".into(),
        None => format!("{millis}ms"),
    }
}

/// A number in thousandths; `None` where it is negative, too large or finer than that.
fn thousandths(number: &Number) -> Option<u64> {
    let text = number.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let whole: u64 = whole.parse().ok()?;
    let padded = format!("{fraction:0<3}");
    let fraction: u64 = padded.get(..3)?.parse().ok()?;
    let rest = padded.get(3..)?;
    rest.bytes().all(|b| b == b'0').then_some(())?;
    whole.checked_mul(1_000)?.checked_add(fraction)
}

/// A rate as `rate` requests in each `per` seconds; `None` where there is none: zero, less, absent.
pub(super) fn rate(rate: Option<&Number>, per: Option<&Number>) -> Option<Rate> {
    let per = per.map_or(Some(1_000), thousandths)?;
    rate_in(rate, per)
}

/// Whether there is a rate, and none that a configuration can say: too fine, or too large.
pub(super) fn is_odd(number: Option<&Number>, per: Option<&Number>) -> bool {
    is_positive(number) && rate(number, per).is_none()
}

/// The same of a quota.
pub(super) fn is_odd_quota(max: Option<&Number>, renewal: Option<&Number>) -> bool {
    is_positive(max) && quota(max, renewal).is_none()
}

pub(super) fn is_positive(number: Option<&Number>) -> bool {
    number.and_then(Number::as_f64).is_some_and(|number| number > 0.0)
}

/// A rate as `rate` requests in each `per` milliseconds.
pub(super) fn rate_in(rate: Option<&Number>, per: u64) -> Option<Rate> {
    let thousandths = thousandths(rate?)?;
    let per = if per == 0 { 1_000 } else { per };
    let (mut requests, mut per) = match thousandths.checked_rem(1_000)? {
        0 => (thousandths.checked_div(1_000)?, per),
        // Less than a whole request: so many in a time so much longer.
        _ => reduced(thousandths, per.checked_mul(1_000)?),
    };
    while per > YEAR && requests > 1 {
        requests = requests.checked_div(2)?;
        per = per.checked_div(2)?;
    }
    (requests > 0).then(|| Rate { requests: requests.min(MAX_REQUESTS), per: per.min(YEAR) })
}

/// Both divided by tens as long as they can be, and then by twos and fives.
fn reduced(mut requests: u64, mut per: u64) -> (u64, u64) {
    for divisor in [2_u64, 2, 2, 5, 5, 5] {
        let divides = |value: u64| value.checked_rem(divisor) == Some(0);
        if divides(requests) && divides(per) {
            requests = requests.checked_div(divisor).unwrap_or(requests);
            per = per.checked_div(divisor).unwrap_or(per);
        }
    }
    (requests, per)
}

/// What a quota becomes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Quota {
    /// −1.
    Unlimited,
    /// So many in so many milliseconds; the flag says that it never renews in Tyk, or later than
    /// can be said.
    Limited { requests: u64, per: u64, cut: bool },
}

/// A quota; `None` where nothing is said: zero or absent.
pub(super) fn quota(max: Option<&Number>, renewal: Option<&Number>) -> Option<Quota> {
    let max = max?;
    if max.as_f64().is_some_and(|max| max < 0.0) {
        return Some(Quota::Unlimited);
    }
    let requests = thousandths(max)?.checked_div(1_000).filter(|max| *max > 0)?;
    let renewal = renewal.and_then(thousandths).unwrap_or(0);
    Some(Quota::Limited {
        requests: requests.min(MAX_REQUESTS),
        per: if renewal == 0 { YEAR } else { renewal.min(YEAR) },
        cut: renewal == 0 || renewal > YEAR,
    })
}

impl Quota {
    /// As the configuration says it.
    pub(super) fn json(self) -> Value {
        match self {
            Self::Unlimited => "unlimited".into(),
            Self::Limited { requests, per, .. } => {
                json!({ "requests": requests, "per": duration(per) })
            }
        }
    }
}

/// A duration of Tyk in milliseconds: a number of seconds, or a text as in `1h30m`.
pub(super) fn millis(value: &Value) -> Option<u64> {
    if let Value::Number(number) = value {
        return thousandths(number);
    }
    let mut rest = value.as_str()?.trim();
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(end)?;
        let unit = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        rest = tail;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        text.parse().unwrap()
    }

    #[test]
    fn rates_and_quotas_become_what_can_be_said() {
        let rate_of = |rate: &str, per: &str| {
            super::rate(Some(&number(rate)), Some(&number(per))).map(|rate| rate.json().to_string())
        };
        let cases = [
            // rate, per, becomes
            ("10", "1", Some(r#"{"per":"1s","requests":10}"#)),
            ("10", "60", Some(r#"{"per":"1m","requests":10}"#)),
            ("10", "0", Some(r#"{"per":"1s","requests":10}"#)),
            ("10.0", "0.5", Some(r#"{"per":"500ms","requests":10}"#)),
            ("0.5", "1", Some(r#"{"per":"2s","requests":1}"#)),
            ("1.25", "1", Some(r#"{"per":"4s","requests":5}"#)),
            ("0", "1", None),
            ("-1", "1", None),
            ("99999999999", "1", Some(r#"{"per":"1s","requests":4294967295}"#)),
        ];
        for (rate, per, expected) in cases {
            assert_eq!(rate_of(rate, per).as_deref(), expected, "{rate} per {per}");
        }
        let quota_of = |max: &str, renewal: &str| {
            let quota = super::quota(Some(&number(max)), Some(&number(renewal)));
            quota.map(|quota| quota.json().to_string())
        };
        assert_eq!(quota_of("-1", "60").as_deref(), Some("\"unlimited\""));
        assert_eq!(quota_of("0", "60"), None);
        assert_eq!(quota_of("5", "3600").as_deref(), Some(r#"{"per":"1h","requests":5}"#));
        assert_eq!(quota_of("5", "0").as_deref(), Some(r#"{"per":"365d","requests":5}"#));
    }

    #[test]
    fn durations_are_numbers_of_seconds_or_texts() {
        let cases = [
            (json!(5), Some(5_000)),
            (json!("5m"), Some(300_000)),
            (json!("1h30m"), Some(5_400_000)),
            (json!("300s"), Some(300_000)),
            (json!("250ms"), Some(250)),
            (json!("5 minutes"), None),
            (json!("m"), None),
            (json!(true), None),
        ];
        for (value, expected) in cases {
            assert_eq!(millis(&value), expected, "{value}");
        }
    }
}
