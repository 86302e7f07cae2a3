//! Any sequence of requests against any limits, by workers that race, held against counters that are
//! never shared, stored or given up.

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use tollgate::env::{Cas, PutError, SharedData, Stored};

use super::support::store::MemoryStore;
use super::{Charge, Charged, START, Worker, quota, rate};

/// Records in the table: two buckets.
const CAPACITY: u32 = 16;
/// Subjects that compete for them.
const SUBJECTS: usize = 24;
/// How long after its end a counter must be kept for a worker whose clock is behind.
const LAG: u64 = 1000;

/// Something that may happen.
#[derive(Clone, Debug)]
enum Step {
    /// A worker charges a request; where there is a rival, another worker's request comes between its
    /// reading and its writing.
    Charge { worker: usize, subject: usize, limits: Vec<usize>, cost: u32, rival: Option<usize> },
    /// The next writes are lost.
    Lose(u32),
    /// Time passes.
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let limits =
        select(vec![vec![0], vec![1], vec![2], vec![3], vec![0, 2], vec![1, 3], vec![0, 1, 2, 3]]);
    let rival = prop_oneof![3 => Just(None), 1 => (0..SUBJECTS).prop_map(Some)];
    // A few subjects come often enough to reach their limits.
    let subject = prop_oneof![2 => 0..3_usize, 1 => 0..SUBJECTS];
    prop_oneof![
        12 => (0..2_usize, subject, limits, 1..3_u32, rival)
            .prop_map(|(worker, subject, limits, cost, rival)| Step::Charge { worker, subject, limits, cost, rival }),
        1 => (0..70_u32).prop_map(Step::Lose),
        4 => prop_oneof![0..50_u64, 0..3000_u64, 0..20_000_u64].prop_map(Step::Wait),
    ]
}

/// The numbers of a limit, as the model knows them.
#[derive(Clone, Copy)]
enum Numbers {
    Quota { requests: u64, per: u64 },
    Rate { requests: u64, per: u64, burst: u64 },
}

const NUMBERS: [Numbers; 4] = [
    Numbers::Rate { requests: 3, per: 1000, burst: 4 },
    Numbers::Rate { requests: 7, per: 10_000, burst: 2 },
    Numbers::Quota { requests: 5, per: 4000 },
    Numbers::Quota { requests: 3, per: 700 },
];

fn definitions() -> [Charge; 4] {
    [rate("a", 3, 1000, 4), rate("b", 7, 10_000, 2), quota("a", 5, 4000), quota("b", 3, 700)]
}

/// One counter of the model. A rate's level falls by `requests` in each millisecond, and each request
/// raises it by `per`; a quota knows its window.
#[derive(Clone, Copy, Default)]
struct Counter {
    /// A rate's: when it will have fallen to nothing, times `requests`. A quota's: the window's end.
    until: u64,
    used: u64,
}

impl Counter {
    /// The counter after a request, if it passes.
    fn charged(self, numbers: Numbers, cost: u64, now: u64) -> Option<Self> {
        match numbers {
            Numbers::Rate { requests, per, burst } => {
                let level = self.until.saturating_sub(now * requests) + cost * per;
                (level <= burst * per).then_some(Self { until: now * requests + level, used: 0 })
            }
            Numbers::Quota { requests, per } => {
                let fresh = Self { until: now + per, used: 0 };
                let window = if self.until > now { self } else { fresh };
                let used = window.used + cost;
                (used <= requests).then_some(Self { used, ..window })
            }
        }
    }

    fn end(self, numbers: Numbers) -> u64 {
        match numbers {
            Numbers::Rate { requests, .. } => self.until.div_ceil(requests),
            Numbers::Quota { .. } => self.until,
        }
    }
}

#[derive(Default)]
struct Model {
    counters: BTreeMap<(usize, usize), Counter>,
    /// When each request passed that was charged to a rate: subject, limit, time, cost.
    passed: Vec<(usize, usize, u64, u64)>,
}

impl Model {
    fn running(&self, subject: usize, now: u64) -> bool {
        (0..NUMBERS.len()).any(|limit| {
            let counter = self.counters.get(&(subject, limit)).copied().unwrap_or_default();
            counter.end(NUMBERS[limit]) + LAG > now
        })
    }

    /// Holds what a worker said against what must be.
    fn check(
        &mut self,
        subject: usize,
        limits: &[usize],
        cost: u64,
        now: u64,
        charged: &Charged,
    ) -> Result<(), TestCaseError> {
        let counter =
            |limit: &usize| self.counters.get(&(subject, *limit)).copied().unwrap_or_default();
        let after: Option<Vec<_>> =
            limits.iter().map(|limit| counter(limit).charged(NUMBERS[*limit], cost, now)).collect();
        match (charged, after) {
            (Charged::Counted(standings), Some(after)) => {
                prop_assert_eq!(standings.len(), limits.len());
                for (limit, counter) in limits.iter().zip(after) {
                    self.counters.insert((subject, *limit), counter);
                    self.passed.push((subject, *limit, now, cost));
                }
            }
            (Charged::Refused { by, .. }, None) => {
                let place = limits.get(*by).expect("a place");
                let alone = counter(place).charged(NUMBERS[*place], cost, now);
                prop_assert!(alone.is_none(), "{by} would let it pass");
            }
            (Charged::Full, _) => {
                let others = (0..SUBJECTS).filter(|other| *other != subject);
                let running = others.filter(|other| self.running(*other, now)).count();
                prop_assert!(running >= 8, "full of {running}");
                // By the clock that is ahead.
                prop_assert!(!self.running(subject, now + LAG), "it has a record");
            }
            (Charged::Contended, _) => {}
            (charged, after) => {
                let must = if after.is_some() { "pass" } else { "be refused" };
                prop_assert!(false, "{charged:?}, and it must {must}");
            }
        }
        Ok(())
    }

    /// No window of any length holds more than its rate allows.
    fn check_windows(&mut self) -> Result<(), TestCaseError> {
        self.passed.sort_unstable();
        for group in self.passed.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            for (first, (_, limit, from, _)) in group.iter().enumerate() {
                let Numbers::Rate { requests, per, burst } = NUMBERS[*limit] else { break };
                let mut count = 0;
                for (_, _, to, cost) in &group[first..] {
                    count += cost;
                    let most = (to - from) * requests + burst * per;
                    prop_assert!(count * per <= most, "{count} from {from} to {to}");
                }
            }
        }
        Ok(())
    }
}

/// A store before whose first write something else happens.
struct Interrupted<'a, F> {
    store: &'a MemoryStore,
    between: RefCell<Option<F>>,
    said: RefCell<Option<Charged>>,
}

impl<F: FnOnce() -> Charged> SharedData for Interrupted<'_, F> {
    fn get(&self, key: &str) -> Stored {
        self.store.get(key)
    }

    fn put(&self, key: &str, value: &[u8], expected: Option<Cas>) -> Result<(), PutError> {
        let between = self.between.borrow_mut().take();
        if let Some(between) = between {
            *self.said.borrow_mut() = Some(between());
        }
        self.store.put(key, value, expected)
    }
}

proptest! {
    #[test]
    fn every_request_counts_once_and_nothing_else_does(
        steps in vec(step(), 1..200),
        skew in 0..LAG,
    ) {
        let store = MemoryStore::default();
        let workers = [Worker::new(CAPACITY, &store), Worker::new(CAPACITY, &store)];
        let definitions = definitions();
        let mut model = Model::default();
        let mut now = START;
        for step in steps {
            match step {
                Step::Lose(count) => store.losses.set(count),
                Step::Wait(span) => now += span,
                Step::Charge { worker, subject, limits, cost, rival } => {
                    // The second worker's clock is behind.
                    let clock = |worker: usize| now - if worker == 1 { skew } else { 0 };
                    let chosen: Vec<_> = limits.iter().map(|limit| definitions[*limit]).collect();
                    let own = format!("s{subject}");
                    if let Some(rival) = rival {
                        let other = 1 - worker;
                        let name = format!("s{rival}");
                        let between = || workers[other].charge(&name, &[definitions[0]], clock(other));
                        let between = RefCell::new(Some(between));
                        let racing = Interrupted { store: &store, between, said: RefCell::default() };
                        let racer = Worker::new(CAPACITY, &racing);
                        let charged = racer.charge_cost(&own, &chosen, cost, clock(worker));
                        if let Some(said) = racing.said.take() {
                            model.check(rival, &[0], 1, clock(other), &said)?;
                        }
                        model.check(subject, &limits, u64::from(cost), clock(worker), &charged)?;
                    } else {
                        let charged = workers[worker].charge_cost(&own, &chosen, cost, clock(worker));
                        model.check(subject, &limits, u64::from(cost), clock(worker), &charged)?;
                    }
                }
            }
        }
        model.check_windows()?;
        let keys = store.keys();
        prop_assert!(keys.len() <= 3, "{keys:?}");
    }
}
