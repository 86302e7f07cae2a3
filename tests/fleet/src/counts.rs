//! What a service was asked, and what it granted.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::engine::Window;

/// So many windows of each counter are kept.
const WINDOWS: usize = 64;

/// The counts of a service since it started, or since they were last cleared.
#[derive(Default)]
pub struct Counts(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    calls: u64,
    failed: u64,
    unknown: u64,
    under_way: u64,
    most_at_once: u64,
    limits: BTreeMap<String, BTreeMap<String, Counter>>,
}

#[derive(Default)]
struct Counter {
    calls: u64,
    asked: u64,
    granted: u64,
    windows: VecDeque<Counted>,
}

struct Counted {
    start: u64,
    began: u64,
    asked: u64,
    granted: u64,
}

/// A call that is under way; when it is dropped, it no longer is.
pub struct UnderWay<'a>(&'a Counts);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut kept = self.0.kept();
        kept.under_way = kept.under_way.saturating_sub(1);
    }
}

impl Counts {
    /// A call came.
    pub fn came(&self) -> UnderWay<'_> {
        let mut kept = self.kept();
        kept.calls += 1;
        kept.under_way += 1;
        kept.most_at_once = kept.most_at_once.max(kept.under_way);
        UnderWay(self)
    }

    /// A call was answered with an error.
    pub fn failed(&self) {
        self.kept().failed += 1;
    }

    /// A call was decided: so many hits for this counter, granted or not.
    pub fn decided(&self, limit: &str, subject: &str, hits: u64, granted: bool, window: Window) {
        let mut kept = self.kept();
        let start = match window {
            Window::None => {
                kept.unknown += 1;
                return;
            }
            Window::At(second) => Some(second.saturating_mul(1000)),
            Window::Fresh(true) => Some(now()),
            Window::Fresh(false) => None,
        };
        let subjects = kept.limits.entry(limit.to_owned()).or_default();
        let counter = subjects.entry(subject.to_owned()).or_default();
        let present = counter.windows.back().map(|window| window.start);
        if present.is_none() || start.is_some_and(|start| present != Some(start)) {
            if counter.windows.len() == WINDOWS {
                counter.windows.pop_front();
            }
            let began = now();
            let start = start.unwrap_or(began);
            counter.windows.push_back(Counted { start, began, asked: 0, granted: 0 });
        }
        let taken = if granted { hits } else { 0 };
        counter.calls += 1;
        counter.asked += hits;
        counter.granted += taken;
        if let Some(window) = counter.windows.back_mut() {
            window.asked += hits;
            window.granted += taken;
        }
    }

    /// Forgets all.
    pub fn clear(&self) {
        let mut kept = self.kept();
        let under_way = kept.under_way;
        *kept = Kept { under_way, ..Kept::default() };
    }

    /// All of it, added up for each limit.
    pub fn totals(&self) -> Value {
        let kept = self.kept();
        let limits: BTreeMap<_, _> =
            kept.limits.iter().map(|(name, all)| (name, sum(all))).collect();
        json!({
            "calls": kept.calls, "failed": kept.failed, "unknown": kept.unknown,
            "under_way": kept.under_way, "most_at_once": kept.most_at_once, "limits": limits,
        })
    }

    /// The counters of a limit that were asked for most, with their last windows: at most twenty.
    pub fn counters(&self, limit: &str) -> Value {
        let kept = self.kept();
        let mut all: Vec<_> = kept.limits.get(limit).into_iter().flatten().collect();
        all.sort_by_key(|(_, counter)| std::cmp::Reverse(counter.asked));
        all.iter()
            .take(20)
            .map(|(subject, counter)| {
                let windows: Vec<_> = counter
                    .windows
                    .iter()
                    .map(|one| {
                        json!({ "start": one.start, "began": one.began, "asked": one.asked, "granted": one.granted })
                    })
                    .collect();
                json!({
                    "subject": subject, "calls": counter.calls, "asked": counter.asked,
                    "granted": counter.granted, "windows": windows,
                })
            })
            .collect()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sum(subjects: &BTreeMap<String, Counter>) -> Value {
    let total = |of: fn(&Counter) -> u64| subjects.values().map(of).sum::<u64>();
    let most = subjects.values().flat_map(|one| &one.windows).map(|window| window.granted).max();
    json!({
        "subjects": subjects.len(), "calls": total(|one| one.calls), "asked": total(|one| one.asked),
        "granted": total(|one| one.granted), "most_in_a_window": most.unwrap_or(0),
    })
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
