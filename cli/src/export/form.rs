//! Limits as the files of services have them.

use tollgate::config::RemoteLimit;

/// So many requests in so many seconds.
pub(super) type Amount = (u64, u64);

/// The file of Limitador.
pub(super) fn limitador(domain: &str, limits: &[RemoteLimit]) -> String {
    let head = "# By `tollgate export limits --for limitador`. Start it with `-H DRAFT_VERSION_03`: Tollgate\n\
                # takes no answer that does not name its limit.\n";
    let domain = word(domain);
    let one = |limit: &RemoteLimit| {
        let (name, requests, seconds) = (&limit.name, limit.requests, limit.per.as_secs());
        format!(
            "- namespace: {domain}\n  name: {name}\n  max_value: {requests}\n  seconds: {seconds}\n  \
             conditions: [\"{}\"]\n  variables: [\"{VARIABLE}\"]\n",
            condition(name)
        )
    };
    let all: String = limits.iter().map(one).collect();
    let all = if all.is_empty() { "[]\n".to_owned() } else { all };
    format!("{head}{all}")
}

/// What tells the subjects of a limit apart, in Limitador.
pub(super) const VARIABLE: &str = "descriptors[0].subject";

/// When a limit is the one that is asked for, in Limitador.
pub(super) fn condition(name: &str) -> String {
    format!("descriptors[0].limit == '{name}'")
}

/// The file of envoyproxy/ratelimit.
pub(super) fn ratelimit(domain: &str, limits: &[RemoteLimit]) -> String {
    let head = "# By `tollgate export limits --for ratelimit`. Tollgate sends each limit with its call, and that\n\
                # one counts; what stands here is for whoever asks without it.\n";
    let one = |limit: &RemoteLimit| {
        let (name, requests) = (&limit.name, limit.requests);
        let unit = unit(limit.per.as_secs()).unwrap_or_default();
        format!(
            "  - key: limit\n    value: {name}\n    descriptors:\n      - key: subject\n        \
             rate_limit: {{ unit: {unit}, requests_per_unit: {requests} }}\n"
        )
    };
    let all: String = limits.iter().map(one).collect();
    let all = if all.is_empty() { " []\n".to_owned() } else { format!("\n{all}") };
    format!("{head}domain: {}\ndescriptors:{all}", word(domain))
}

const DAY: u64 = 86_400;

/// The units of envoyproxy/ratelimit, in seconds.
const UNITS: [(&str, u64); 7] = [
    ("second", 1),
    ("minute", 60),
    ("hour", 3_600),
    ("day", DAY),
    ("week", 7 * DAY),
    ("month", 30 * DAY),
    ("year", 365 * DAY),
];

/// The unit of so many seconds.
fn unit(seconds: u64) -> Option<&'static str> {
    UNITS.iter().find(|(_, length)| *length == seconds).map(|(name, _)| *name)
}

/// The seconds of a unit, in whatever case it is written.
pub(super) fn seconds(unit: &str) -> Option<u64> {
    UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, length)| *length)
}

/// A domain, in quotes where YAML would take it for something else than a text.
fn word(domain: &str) -> String {
    const OTHERS: [&str; 9] = ["false", "n", "no", "null", "off", "on", "true", "y", "yes"];
    let is_word = domain.starts_with(|c: char| c.is_ascii_lowercase());
    match is_word && !OTHERS.contains(&domain) {
        true => domain.to_owned(),
        false => format!("\"{domain}\""),
    }
}
