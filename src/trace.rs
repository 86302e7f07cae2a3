//! The steps of one request's decision, for whoever may read them: what was looked at, what was found,
//! what that came to.
//!
//! Where nobody asked, nothing is noted and no text is made. What is noted is bounded, and never holds a
//! credential: the callers see to that, and quote what a stranger wrote.

use crate::ids::Name;
use crate::verdict::Step;

/// Most steps that are kept.
const MAX_STEPS: usize = 96;
/// Most bytes that the kept steps have together, as JSON.
const MAX_BYTES: usize = 24 * 1024;
/// Longest text of what was looked at, as JSON.
const MAX_LOOKED_AT: usize = 400;
/// Longest text of what was found, as JSON.
pub const MAX_FOUND: usize = 800;

/// Longest text of either where there is little room.
const SHORT: usize = 90;

/// What a step came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decided {
    /// The request may go on.
    Passed,
    /// It may not.
    Refused,
    /// Nothing was to decide here.
    Skipped,
    /// It had to wait.
    Waits,
}

impl Decided {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Refused => "refused",
            Self::Skipped => "skipped",
            Self::Waits => "waits",
        }
    }
}

/// One step.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Which.
    pub step: Step,
    /// Whose credential it was about, where it was about one.
    pub provider: Option<Name>,
    /// What was looked at.
    pub looked_at: String,
    /// What was found there.
    pub found: String,
    /// What that came to.
    pub decided: Decided,
}

impl Entry {
    /// Adds the step to a text as a JSON object in ASCII.
    pub fn write(&self, out: &mut String) {
        out.push_str("{\"step\":\"");
        out.push_str(self.step.name());
        if let Some(provider) = &self.provider {
            out.push_str("\",\"provider\":\"");
            out.push_str(provider.as_str());
        }
        out.push_str("\",\"looked_at\":");
        string(&self.looked_at, out);
        out.push_str(",\"found\":");
        string(&self.found, out);
        out.push_str(",\"decided\":\"");
        out.push_str(self.decided.name());
        out.push_str("\"}");
    }

    /// How many bytes that takes at most, with a comma behind it.
    fn bytes(&self) -> usize {
        let frame = r#"{"step":"","provider":"","looked_at":"","found":"","decided":""},"#;
        let provider = self.provider.as_ref().map_or("", Name::as_str);
        let names = [frame, self.step.name(), provider, self.decided.name()];
        let words = cost(&self.looked_at).saturating_add(cost(&self.found));
        names.iter().fold(words, |sum, name| sum.saturating_add(name.len()))
    }
}

/// What was noted.
#[derive(Clone, Debug, Default)]
struct Steps {
    entries: Vec<Entry>,
    /// How many were left out.
    left_out: usize,
    /// How many bytes those that are kept have.
    bytes: usize,
    /// Whose credential is being looked at.
    provider: Option<Name>,
    /// What a step is looking at.
    looked_at: Option<(Step, String)>,
}

/// Notes the steps of one request, if anybody asked.
#[derive(Clone, Debug, Default)]
pub struct Trace(Option<Box<Steps>>);

impl Trace {
    /// A trace that notes.
    pub fn on() -> Self {
        Self(Some(Box::default()))
    }

    /// Whether it notes.
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// What comes now is about this provider's credential, or nobody's.
    pub fn enter(&mut self, provider: Option<&Name>) {
        if let Some(steps) = &mut self.0 {
            steps.provider = provider.cloned();
        }
    }

    /// Notes a step that passed: what it looked at, and what it found.
    #[inline]
    pub fn passed(&mut self, step: Step, looked_at: &'static str, found: impl FnOnce() -> String) {
        if let Some(steps) = &mut self.0 {
            steps.push(step, Decided::Passed, looked_at, found());
        }
    }

    /// Notes a step that had nothing to decide.
    #[inline]
    pub fn skipped(&mut self, step: Step, looked_at: &'static str, found: impl FnOnce() -> String) {
        if let Some(steps) = &mut self.0 {
            steps.push(step, Decided::Skipped, looked_at, found());
        }
    }

    /// What a step looks at before it is known what that comes to: see [`found`](Self::found).
    #[inline]
    pub fn looks_at(&mut self, step: Step, looked_at: impl FnOnce() -> String) {
        if let Some(steps) = &mut self.0 {
            steps.looked_at = Some((step, looked_at()));
        }
    }

    /// Notes what a step found where it [looked](Self::looks_at).
    #[inline]
    pub fn found(&mut self, step: Step, decided: Decided, found: impl FnOnce() -> String) {
        if let Some(steps) = &mut self.0 {
            steps.found(step, decided, found());
        }
    }

    /// Notes a step: what it looked at, and what it found.
    #[inline]
    pub fn note(&mut self, step: Step, decided: Decided, words: impl FnOnce() -> (String, String)) {
        if let Some(steps) = &mut self.0 {
            steps.push_both(step, decided, words());
        }
    }

    /// The steps, to be said in other words where the reader's case is another than the engine's.
    pub fn entries_mut(&mut self) -> &mut [Entry] {
        self.0.as_mut().map_or(&mut [], |steps| &mut steps.entries)
    }

    /// The steps, in the order in which they were taken.
    pub fn entries(&self) -> &[Entry] {
        self.0.as_ref().map_or(&[], |steps| &steps.entries)
    }

    /// How many steps were left out.
    pub fn left_out(&self) -> usize {
        self.0.as_ref().map_or(0, |steps| steps.left_out)
    }

    /// Keeps no more than takes this many bytes as a JSON array: where that is too little, words are
    /// cut; then the steps that had nothing to decide are left out, then the earliest.
    pub fn keep_within(&mut self, most: usize) {
        if let Some(steps) = &mut self.0 {
            if steps.bytes > most {
                steps.shorten();
            }
            steps.keep_within(most);
        }
    }
}

impl Steps {
    #[inline(never)]
    fn push_both(&mut self, step: Step, decided: Decided, (looked_at, found): (String, String)) {
        self.push(step, decided, &looked_at, found);
    }

    #[inline(never)]
    fn found(&mut self, step: Step, decided: Decided, found: String) {
        let seen = self.looked_at.take();
        // What the finding itself says is not said twice.
        let seen = seen.filter(|(at, words)| *at == step && !found.contains(&**words));
        let looked_at = seen.as_ref().map_or(step.looks_at(), |(_, words)| words);
        self.push(step, decided, looked_at, found);
    }

    #[inline(never)]
    fn push(&mut self, step: Step, decided: Decided, looked_at: &str, found: String) {
        let entry = Entry {
            step,
            provider: self.provider.clone(),
            looked_at: cut(looked_at, MAX_LOOKED_AT),
            found: cut(&found, MAX_FOUND),
            decided,
        };
        self.bytes = self.bytes.saturating_add(entry.bytes());
        self.entries.push(entry);
        self.keep_within(MAX_BYTES);
    }

    /// Cuts the texts of every step but the last, which is where it ended.
    fn shorten(&mut self) {
        let before_last = self.entries.len().saturating_sub(1);
        for entry in self.entries.iter_mut().take(before_last) {
            entry.looked_at = cut(&entry.looked_at, SHORT);
            entry.found = cut(&entry.found, SHORT);
        }
        self.bytes = self.entries.iter().fold(0, |sum, one| sum.saturating_add(one.bytes()));
    }

    fn keep_within(&mut self, most: usize) {
        while self.entries.len() > MAX_STEPS || self.bytes > most {
            let idle = |entry: &Entry| entry.decided == Decided::Skipped;
            let place = self.entries.iter().position(idle).unwrap_or(0);
            if place >= self.entries.len() {
                return;
            }
            let gone = self.entries.remove(place);
            self.bytes = self.bytes.saturating_sub(gone.bytes());
            self.left_out = self.left_out.saturating_add(1);
        }
    }
}

/// The beginning of a text that takes at most `most` bytes as JSON.
pub fn cut(text: &str, most: usize) -> String {
    const MARK: &str = "...";
    if cost(text) <= most {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut bytes = MARK.len();
    for c in text.chars() {
        bytes = bytes.saturating_add(cost_of(c));
        if bytes > most {
            break;
        }
        out.push(c);
    }
    out.push_str(MARK);
    out
}

/// How many bytes a text takes within a JSON string in ASCII.
fn cost(text: &str) -> usize {
    text.chars().fold(0, |sum, c| sum.saturating_add(cost_of(c)))
}

fn cost_of(c: char) -> usize {
    match c {
        '"' | '\\' => 2,
        ' '..='~' => 1,
        _ => c.len_utf16().saturating_mul(6),
    }
}

/// Adds a text to another as a JSON string in ASCII (RFC 8259 §7).
pub fn string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str("\\u");
                    for shift in [12, 8, 4, 0] {
                        let digit = u32::from(*unit) >> shift & 0xf;
                        out.extend(char::from_digit(digit, 16));
                    }
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(entry: &Entry) -> serde_json::Value {
        let mut out = String::new();
        entry.write(&mut out);
        assert!(out.is_ascii(), "{out}");
        assert!(out.len() <= entry.bytes(), "{out}: {}", entry.bytes());
        serde_json::from_str(&out).unwrap()
    }

    #[test]
    fn nothing_is_put_together_where_nobody_asked() {
        let mut trace = Trace::default();
        trace.passed(Step::Path, "the path", || panic!("nobody asked"));
        trace.skipped(Step::Path, "the path", || panic!("nobody asked"));
        trace.note(Step::Path, Decided::Waits, || panic!("nobody asked"));
        assert_eq!((trace.entries(), trace.left_out(), trace.is_on()), ([].as_slice(), 0, false));
    }

    #[test]
    fn a_step_is_json_in_ascii_whatever_was_found() {
        let odd = "a\"b\\c\r\n\u{1}\u{7f}é…😀`";
        let mut trace = Trace::on();
        trace.enter(Name::parse("okta").as_ref());
        trace.note(Step::Claims, Decided::Passed, || ("the claim `iss`".into(), odd.into()));
        let read = json(&trace.entries()[0]);
        let expected = serde_json::json!({
            "step": "claims", "provider": "okta", "looked_at": "the claim `iss`", "found": odd,
            "decided": "passed",
        });
        assert_eq!(read, expected);
    }

    #[test]
    fn what_is_told_is_cut_by_the_room_that_it_takes() {
        let cases = ["a", "\"", "é", "😀", "a\"é😀\n"];
        for text in cases {
            for most in [10, 11, 12, 13, 100, 1000] {
                let shown = cut(&text.repeat(2000), most);
                assert!(cost(&shown) <= most, "{text}: {most}: {shown}");
                assert!(shown.ends_with("...") && cost(&shown) + 12 > most, "{text}: {shown}");
            }
            assert_eq!(cut(text, 100), text);
        }
    }

    #[test]
    fn a_trace_is_bounded_in_steps_and_bytes_and_keeps_its_end() {
        for size in [0, 1, 100, 10_000] {
            let mut trace = Trace::on();
            for number in 0..1000 {
                trace.passed(Step::Claims, "a claim", || format!("{number} {}", "é".repeat(size)));
            }
            let kept = trace.entries();
            assert!(!kept.is_empty() && kept.len() <= MAX_STEPS, "{}", kept.len());
            assert_eq!(trace.left_out(), 1000 - kept.len());
            assert!(kept.last().unwrap().found.starts_with("999"));
            let bytes: usize = kept.iter().map(|entry| json(entry).to_string().len()).sum();
            assert!(bytes <= MAX_BYTES, "{bytes}");
        }
    }

    #[test]
    fn what_had_nothing_to_decide_is_left_out_first() {
        let mut trace = Trace::on();
        trace.passed(Step::Path, "a", String::new);
        trace.skipped(Step::Api, "b", String::new);
        trace.passed(Step::Key, "c", String::new);
        let mut left = Vec::new();
        for most in [300, 220, 100, 0] {
            trace.keep_within(most);
            left.push(trace.entries().iter().map(|one| one.step.name()).collect::<Vec<_>>());
        }
        assert_eq!(left, [vec!["path", "api", "key"], vec!["path", "key"], vec!["key"], vec![]]);
        assert_eq!(trace.left_out(), 3);
    }
}
