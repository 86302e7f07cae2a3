//! One thing to measure: a listener, what is sent to it, and what that cost.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Envoy, Listener};
use crate::load::{BEARER, CONNECTIONS, Client, Feed};
use crate::machine;

/// A listener under measurement.
pub(crate) struct Lane {
    /// What it is called in the report.
    pub(crate) name: String,
    /// The listener.
    pub(crate) listener: Listener,
    /// CPU of the proxy per request in microseconds, one for each round.
    pub(crate) cpu_us: Vec<f64>,
    /// Requests in a second, one for each round.
    pub(crate) rps: Vec<f64>,
    /// How many answers had which status.
    pub(crate) answers: BTreeMap<u16, usize>,
    target: String,
    header: &'static str,
    feed: Feed,
    expected: Vec<u16>,
    /// Requests before the first round: every identity and every token that comes again.
    first: usize,
    /// Requests of a round, at most.
    most: usize,
    client: Option<Client>,
    per_round: usize,
}

impl Lane {
    /// Requests for `/orders/7`, all of which must be answered with 200.
    pub(crate) fn new(name: impl Into<String>, listener: Listener, feed: Feed) -> Self {
        Self {
            name: name.into(),
            listener,
            cpu_us: Vec::new(),
            rps: Vec::new(),
            answers: BTreeMap::new(),
            target: "/orders/7".to_owned(),
            header: BEARER,
            feed,
            expected: vec![200],
            first: 100,
            most: usize::MAX,
            client: None,
            per_round: 0,
        }
    }

    /// Requests for another path.
    pub(crate) fn target(mut self, target: &str) -> Self {
        target.clone_into(&mut self.target);
        self
    }

    /// What is fed stands in another header: its name, a colon, and what stands before.
    pub(crate) const fn header(mut self, header: &'static str) -> Self {
        self.header = header;
        self
    }

    /// Other statuses are right.
    pub(crate) fn expecting(mut self, statuses: &[u16]) -> Self {
        self.expected = statuses.to_vec();
        self
    }

    /// So many requests before the first round.
    pub(crate) const fn first(mut self, requests: usize) -> Self {
        self.first = requests;
        self
    }

    /// At most so many requests in a round: tokens that are sent once run out.
    pub(crate) const fn at_most(mut self, requests: usize) -> Self {
        self.most = requests;
        self
    }

    /// How many tokens of [`at_most`](Self::at_most) `most` requests a lane needs for `rounds`.
    pub(crate) const fn tokens_needed(most: usize, rounds: usize) -> usize {
        100 + CALIBRATION + rounds * (most + most / RUN_UP + CONNECTIONS)
    }

    /// The same with another build of the filter; `None` where the filter is not in it.
    pub(crate) fn with_build(self, module: &Path) -> Option<Self> {
        let listener = self.listener.with_build(module)?;
        Some(Self { listener, ..self })
    }

    /// Connects, warms up, and finds out how many requests fill a slice.
    fn prepare(&mut self, slice: Duration) {
        self.client = Some(
            Client::open(self.listener.port, &self.target, self.header)
                .unwrap_or_else(|error| panic!("{}: {error}", self.name)),
        );
        self.send(self.first);
        let elapsed = self.send(CALIBRATION);
        let fitting = slice.as_secs_f64() * CALIBRATION as f64 / elapsed.as_secs_f64();
        self.per_round = (fitting as usize).clamp(CALIBRATION, self.most.max(CALIBRATION));
    }

    /// One round: a run-up, then the requests that count. What the proxy spends at rest (`idle`, a
    /// part of a core) is taken off: most of it is the other listeners' timers.
    fn measure(&mut self, proxy: u32, idle: f64) {
        self.send(self.per_round / RUN_UP + CONNECTIONS);
        // The proxy cleans up behind the last answer, and then sleeps: only now its time is exact.
        thread::sleep(SETTLING);
        let before = machine::cpu_time(proxy);
        let start = Instant::now();
        let elapsed = self.send(self.per_round);
        thread::sleep(SETTLING);
        let spent = machine::cpu_time(proxy) - before;
        let at_rest = start.elapsed().as_secs_f64() * idle;
        let requests = self.per_round as f64;
        self.cpu_us.push((spent.as_secs_f64() - at_rest) * 1e6 / requests);
        self.rps.push(requests / elapsed.as_secs_f64());
    }

    fn send(&mut self, count: usize) -> Duration {
        let client = self.client.as_mut().expect("a lane that was prepared");
        let outcome = client
            .send(count, &mut self.feed, &self.expected)
            .unwrap_or_else(|error| panic!("{}: {error}", self.name));
        for (status, answers) in outcome.answers {
            *self.answers.entry(status).or_default() += answers;
        }
        outcome.elapsed
    }
}

/// Requests that tell how long one takes.
const CALIBRATION: usize = 50;
/// The run-up is this part of a round.
const RUN_UP: usize = 10;
/// How long the proxy may take to clean up.
const SETTLING: Duration = Duration::from_millis(3);

/// The part of a core that the proxy uses while nothing is asked of it.
fn idle(proxy: u32) -> f64 {
    const WHILE: Duration = Duration::from_secs(2);
    let before = machine::cpu_time(proxy);
    thread::sleep(WHILE);
    (machine::cpu_time(proxy) - before).as_secs_f64() / WHILE.as_secs_f64()
}

/// Measures the lanes in turn, `rounds` times, every other time from the last to the first; the part
/// of a core that the proxy uses at rest.
pub(crate) fn run(
    what: &str,
    lanes: &mut [&mut Lane],
    proxy: &Envoy,
    rounds: usize,
    slice: Duration,
) -> f64 {
    for lane in lanes.iter_mut() {
        lane.prepare(slice);
    }
    let idle = idle(proxy.id());
    let start = Instant::now();
    for round in 0..rounds {
        if round % 2 == 0 {
            lanes.iter_mut().for_each(|lane| lane.measure(proxy.id(), idle));
        } else {
            lanes.iter_mut().rev().for_each(|lane| lane.measure(proxy.id(), idle));
        }
        let left = start.elapsed() * (rounds - round - 1) as u32 / (round + 1) as u32;
        println!("{what}: round {} of {rounds}, {} s left", round + 1, left.as_secs());
    }
    proxy.assert_no_trap();
    idle
}
