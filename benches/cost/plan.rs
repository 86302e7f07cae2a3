//! How much is measured.

use std::path::PathBuf;
use std::time::Duration;

/// How much is measured, and of what.
pub(crate) struct Plan {
    /// Whether this is the short one.
    pub(crate) quick: bool,
    /// How often each path is measured.
    pub(crate) rounds: usize,
    /// How long each measurement takes.
    pub(crate) slice: Duration,
    /// Tokens that are sent once: this many in a round. An algorithm that is dear has a quarter.
    pub(crate) fresh: usize,
    /// How often each point of a curve is measured.
    pub(crate) curve_rounds: usize,
    /// How many distinct tokens fill the memory.
    pub(crate) memory_tokens: usize,
    /// How many records of sessions, and of limits, are filled.
    pub(crate) records: usize,
    /// Most tokens and identities that come in turn.
    pub(crate) live: usize,
    /// How often the RSA verifications are timed.
    pub(crate) timings: usize,
    /// What it takes, in words.
    pub(crate) duration: &'static str,
    /// Another build of the filter, to be measured beside this one.
    pub(crate) other: Option<PathBuf>,
    parts: Vec<String>,
}

/// The parts that a run consists of.
pub(crate) const PARTS: [&str; 5] = ["paths", "rsa", "curves", "memory", "fleet"];

impl Plan {
    /// Reads `--quick` and `--part NAME`, which may come several times. Two builds are compared in
    /// twice as many rounds.
    pub(crate) fn parse(arguments: &[String], other: Option<PathBuf>) -> Self {
        assert!(other.as_ref().is_none_or(|path| path.exists()), "there is no {other:?}");
        let quick = arguments.iter().any(|argument| argument == "--quick");
        let named = arguments.iter().zip(arguments.iter().skip(1));
        let parts: Vec<_> = named
            .filter(|(option, _)| *option == "--part")
            .map(|(_, name)| {
                assert!(PARTS.contains(&name.as_str()), "no part {name}: there are {PARTS:?}");
                name.clone()
            })
            .collect();
        let full = Self {
            quick: false,
            rounds: 20,
            slice: Duration::from_millis(250),
            fresh: 1500,
            curve_rounds: 11,
            memory_tokens: 1_000_000,
            records: 65_536,
            live: 100_000,
            timings: 7,
            duration: "about 12 minutes",
            other,
            parts,
        };
        let mut plan = if quick {
            Self {
                quick,
                rounds: 5,
                slice: Duration::from_millis(120),
                fresh: 800,
                curve_rounds: 3,
                memory_tokens: 100_000,
                records: 65_536,
                live: 10_000,
                timings: 3,
                duration: "about 3 minutes",
                ..full
            }
        } else {
            full
        };
        plan.rounds *= if plan.other.is_some() { 2 } else { 1 };
        plan
    }

    /// Whether this part is wanted: all are, unless some are named.
    pub(crate) fn has(&self, part: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|wanted| wanted == part)
    }
}
