//! Durations: one integer and one unit.

use std::time::Duration;

use super::code::Code;
use super::problems::Problems;
use super::read::{Read, wrong_type};
use super::tree::{Node, Value};
use crate::verdict::quoted;

/// The units, shortest first, and their length in milliseconds.
const UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", HOUR), ("d", 86_400_000)];

/// The longest duration, in milliseconds: 365 days.
pub(super) const YEAR: u64 = 365 * 86_400_000;

/// One hour, in milliseconds.
pub(super) const HOUR: u64 = 3_600_000;

/// A duration from `LEAST` to `MOST` milliseconds, written as `"60s"`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Time<const LEAST: u64, const MOST: u64> {
    /// How many units.
    number: u64,
    /// The unit's length in milliseconds.
    unit: u64,
}

impl<const LEAST: u64, const MOST: u64> Time<LEAST, MOST> {
    /// So many milliseconds.
    pub(super) const fn milliseconds(number: u64) -> Self {
        Self { number, unit: 1 }
    }

    /// So many seconds.
    pub(super) const fn seconds(number: u64) -> Self {
        Self { number, unit: 1_000 }
    }

    /// So many minutes.
    pub(super) const fn minutes(number: u64) -> Self {
        Self { number, unit: 60_000 }
    }

    /// So many hours.
    pub(super) const fn hours(number: u64) -> Self {
        Self { number, unit: HOUR }
    }

    /// How long it is.
    pub(super) const fn duration(self) -> Duration {
        Duration::from_millis(self.number.saturating_mul(self.unit))
    }
}

impl<const LEAST: u64, const MOST: u64> Read for Time<LEAST, MOST> {
    const WHAT: &'static str = "a duration";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        time(node, LEAST, MOST, problems).map(|(number, unit)| Self { number, unit })
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$" })
    }
}

#[cfg(not(target_family = "wasm"))]
impl<const LEAST: u64, const MOST: u64> super::read::Written for Time<LEAST, MOST> {
    fn written(&self) -> serde_json::Value {
        let unit = UNITS.into_iter().find(|(_, length)| *length == self.unit);
        unit.map(|(unit, _)| format!("{}{unit}", self.number)).into()
    }
}

/// Reads a duration, whatever its bounds, as its number and its unit: once in the module.
#[inline(never)]
fn time(node: &Node<'_>, least: u64, most: u64, problems: &mut Problems<'_>) -> Option<(u64, u64)> {
    let message = match &node.value {
        Value::Text(text) => match parts(text) {
            Some((number, unit)) => {
                let millis = number.saturating_mul(unit);
                if (least..=most).contains(&millis) {
                    return Some((number, unit));
                }
                out_of_range(text, millis, least, most)
            }
            None => misspelt(text),
        },
        Value::Number(digits) => {
            format!("{} has no unit; {}", quoted(digits), right(meant(digits)))
        }
        _ => {
            wrong_type(node, "a duration such as \"60s\"", problems);
            return None;
        }
    };
    problems.refuse(Code::DurationInvalid, node.start, message);
    None
}

/// The number and the unit of a duration that is spelt right; a number that no `u64` holds counts as
/// its largest.
fn parts(text: &str) -> Option<(u64, u64)> {
    let (digits, unit) = text.split_at_checked(text.find(|c: char| !c.is_ascii_digit())?)?;
    let (_, length) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    (!digits.is_empty()).then(|| (digits.parse().unwrap_or(u64::MAX), length))
}

/// Milliseconds of a duration that is spelt right.
fn exact(text: &str) -> Option<u64> {
    parts(text).map(|(number, unit)| number.saturating_mul(unit))
}

fn out_of_range(text: &str, millis: u64, least: u64, most: u64) -> String {
    if millis > most {
        format!("{} is too long; at most \"{}\"", quoted(text), spelt(most))
    } else if millis == 0 {
        format!("zero makes no sense here; at least \"{}\"", spelt(least))
    } else {
        format!("{} is too short; at least \"{}\"", quoted(text), spelt(least))
    }
}

fn misspelt(text: &str) -> String {
    format!("{} is no duration; {}", quoted(text), right(meant(text)))
}

fn right(spelling: Option<String>) -> String {
    match spelling {
        Some(spelling) => format!("write \"{spelling}\""),
        None => "write one integer and one unit of ms, s, m, h, d, such as \"60s\"".into(),
    }
}

/// A duration in the largest unit that needs no fraction.
pub(super) fn spelt(millis: u64) -> String {
    let fits = |(_, length): &&(&str, u64)| millis.checked_rem(*length) == Some(0);
    let (unit, length) = match UNITS.iter().rev().find(fits) {
        Some(&unit) if millis > 0 => unit,
        _ => ("s", 1_000),
    };
    format!("{}{unit}", millis.checked_div(length).unwrap_or_default())
}

/// What a misspelt duration probably means: several units added up, a fraction, spaces, a unit's
/// longer name, no unit at all (seconds). `None` where it cannot be told, or is out of all range.
fn meant(text: &str) -> Option<String> {
    const LONGEST: usize = 64;
    if text.len() > LONGEST {
        return None;
    }
    let mut rest = text.trim();
    let (mut total, mut as_typed) = (0_u64, None);
    while !rest.is_empty() {
        let (number, behind) = split(rest, |c| !c.is_ascii_digit() && c != '.');
        let (unit, behind) = split(behind.trim_start(), |c| !c.is_ascii_alphabetic());
        let length = unit_length(unit)?;
        rest = behind.trim_start();
        let unit = UNITS.iter().find(|(_, known)| *known == length);
        as_typed = unit.filter(|_| total == 0).map(|(unit, _)| format!("{number}{unit}"));
        total = total.checked_add(scaled(number, length)?)?;
    }
    let right =
        as_typed.filter(|typed| exact(typed) == Some(total)).unwrap_or_else(|| spelt(total));
    (1..=YEAR).contains(&total).then_some(right)
}

fn split(text: &str, at: impl Fn(char) -> bool) -> (&str, &str) {
    text.find(at).and_then(|at| text.split_at_checked(at)).unwrap_or((text, ""))
}

fn unit_length(name: &str) -> Option<u64> {
    const NAMES: [(&str, u64); 6] = [
        ("ms msec msecs milli millis millisecond milliseconds", 1),
        ("s sec secs second seconds", 1_000),
        ("m min mins minute minutes", 60_000),
        ("h hr hrs hour hours", HOUR),
        ("d day days", 24 * HOUR),
        ("w week weeks", 7 * 24 * HOUR),
    ];
    match name {
        "" => Some(1_000),
        // A month to some, and no unit here is longer than a day.
        "M" => None,
        _ => {
            let is_name = |names: &str| names.split(' ').any(|one| one.eq_ignore_ascii_case(name));
            NAMES.into_iter().find(|(names, _)| is_name(names)).map(|(_, length)| length)
        }
    }
}

/// A decimal number times a unit, in whole milliseconds.
fn scaled(number: &str, unit: u64) -> Option<u64> {
    const MOST_DECIMALS: usize = 6;
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    if decimals.len() > MOST_DECIMALS || (whole.is_empty() && decimals.is_empty()) {
        return None;
    }
    let parse = |digits: &str| match digits {
        "" => Some(0_u64),
        _ => digits.parse().ok(),
    };
    let scale = 10_u64.checked_pow(u32::try_from(decimals.len()).ok()?)?;
    let part = parse(decimals)?.checked_mul(unit)?.checked_div(scale)?;
    parse(whole)?.checked_mul(unit)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_integer_and_one_unit_is_a_duration() {
        let cases = [
            // text, milliseconds
            ("0s", Some(0)),
            ("5ms", Some(5)),
            ("60s", Some(60_000)),
            ("10m", Some(600_000)),
            ("24h", Some(86_400_000)),
            ("365d", Some(YEAR)),
            ("007s", Some(7_000)),
            ("99999999999999999999999s", Some(u64::MAX)),
            ("18446744073709551615d", Some(u64::MAX)),
            ("", None),
            ("s", None),
            ("60", None),
            ("60 s", None),
            ("60S", None),
            ("-1s", None),
            ("+1s", None),
            ("1.5h", None),
            ("1h30m", None),
            ("1w", None),
            ("٣s", None),
        ];
        for (text, expected) in cases {
            assert_eq!(exact(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_wrong_spelling_is_answered_with_the_right_one() {
        let cases = [
            // typed, right
            ("1h30m", Some("90m")),
            ("1h 30m 5s", Some("5405s")),
            ("90 m", Some("90m")),
            ("60", Some("60s")),
            ("5", Some("5s")),
            ("1.5h", Some("90m")),
            ("0.5s", Some("500ms")),
            ("60 s", Some("60s")),
            ("10 minutes", Some("10m")),
            ("5Sec", Some("5s")),
            ("1D", Some("1d")),
            ("2w", Some("14d")),
            ("1M", None),
            ("PT5M", None),
            ("forever", None),
            ("-1s", None),
            ("", None),
            ("1..5s", None),
            ("99999999999999999999h 1s", None),
            ("1e3s", None),
        ];
        for (typed, right) in cases {
            assert_eq!(meant(typed).as_deref(), right, "{typed:?}");
        }
        assert_eq!(meant(&"1s".repeat(1000)), None);
    }
}
