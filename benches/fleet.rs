//! How limits that several proxies share behave under load: a simulation of proxies, a service and callers,
//! in which the filter's own code decides. It takes a minute, and prints the table of docs/fleet.md.
//!
//! Time is the simulation's: calls take 2 ms, callers come at random (the same in each run), and each run
//! lasts six seconds with windows of one.
//!
//! ```text
//! cargo bench --bench fleet
//! ```
#![allow(unreachable_pub, reason = "the store of tests is for all that tests stand on")]

#[path = "../tests/support/random.rs"]
#[allow(dead_code, reason = "tests draw from it")]
mod random;
#[path = "../tests/support/store.rs"]
#[allow(dead_code, reason = "tests look into it")]
mod store;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use tollgate::env::{Downstream, Env, Unmetered};
use tollgate::jose::verify::InWasm;
use tollgate::limits::{
    Batch, Call, Charge, Count, Counters, Definition, Does, Ended, Purpose, Rate, Said, Service,
    Share, Subject, Taken, Wish,
};
use tollgate::store::RecordId;
use tollgate::time::UnixMillis;

/// How long a call takes, there and back, in milliseconds.
const CALL: u64 = 2;
/// How long a run lasts, in milliseconds.
const LASTS: u64 = 6000;
/// The length of a window, in milliseconds.
const WINDOW: u64 = 1000;
const PROXIES: usize = 3;
/// A whole second since 1970.
const START: u64 = 1_700_000_000_000;

/// Who calls, and how.
#[derive(Clone, Copy, Debug)]
enum Load {
    /// 1,000 callers by Zipf's law (1.1), the first at twice the limit.
    Zipf,
    /// One, at so many tenths of the limit, evenly over the proxies or 80, 10, 10.
    One { tenths: u64, is_skewed: bool },
}

impl Load {
    const ALL: [(&'static str, Self); 5] = [
        ("1,000 callers by Zipf's law, the first at twice the limit", Self::Zipf),
        ("one at three times the limit", Self::One { tenths: 30, is_skewed: false }),
        ("the same, 80/10/10 over the proxies", Self::One { tenths: 30, is_skewed: true }),
        ("one at 0.8 of the limit", Self::One { tenths: 8, is_skewed: false }),
        ("the same, 80/10/10 over the proxies", Self::One { tenths: 8, is_skewed: true }),
    ];

    /// Weights of callers, and requests a second in all.
    fn callers(self, limit: u32) -> (Vec<f64>, f64) {
        match self {
            Self::Zipf => {
                let weights: Vec<_> = (1..=1000).map(|rank| f64::from(rank).powf(-1.1)).collect();
                let all: f64 = weights.iter().sum();
                (weights, 2.0 * f64::from(limit) * all)
            }
            Self::One { tenths, .. } => (vec![1.0], f64::from(limit) * tenths as f64 / 10.0),
        }
    }

    fn proxy(self, at: f64) -> usize {
        let is_skewed = matches!(self, Self::One { is_skewed: true, .. });
        let sums = if is_skewed { [0.8, 0.9] } else { [1.0 / 3.0, 2.0 / 3.0] };
        sums.iter().filter(|sum| at >= **sum).count()
    }
}

/// The service, and what passed in each of its windows.
struct Engine {
    kind: Service,
    limit: u32,
    counters: BTreeMap<usize, Counter>,
    calls: u64,
}

#[derive(Default)]
struct Counter {
    count: u64,
    /// Whether the last of the windows is the time between two.
    is_between: bool,
    /// Where each window starts, and what was refused and what passed in it.
    windows: Vec<(u64, u64, u64)>,
}

impl Engine {
    /// The window of a counter at a moment, and the time between two of Limitador's, which begins a window
    /// with a call (`starts`), by itself.
    fn turn(&mut self, caller: usize, now: u64, starts: bool) -> &mut Counter {
        let counter = self.counters.entry(caller).or_default();
        let last = counter.windows.last().map(|window| window.0);
        let lasts = last.is_some_and(|last| now < last + WINDOW);
        let start = match self.kind {
            Service::Ratelimit => now / WINDOW * WINDOW,
            Service::Limitador if starts && (!lasts || counter.is_between) => now,
            Service::Limitador if lasts || counter.is_between => last.unwrap_or(now),
            Service::Limitador => now,
        };
        counter.is_between = !starts && (counter.is_between || !lasts);
        if last != Some(start) {
            counter.windows.push((start, 0, 0));
            counter.count = 0;
        }
        counter
    }

    fn decide(&mut self, caller: usize, hits: u32, now: u64) -> Said {
        self.calls += 1;
        let (kind, limit) = (self.kind, u64::from(self.limit));
        let counter = self.turn(caller, now, true);
        let after = counter.count + u64::from(hits);
        let is_over = after > limit;
        if !is_over || kind == Service::Ratelimit {
            counter.count = after;
        }
        let left = limit.saturating_sub(counter.count);
        let remaining = match (is_over, kind) {
            (true, Service::Ratelimit) => 0,
            _ => u32::try_from(left).unwrap_or(u32::MAX),
        };
        let start = counter.windows.last().map_or(now, |window| window.0);
        let ends = (start + WINDOW).saturating_sub(now);
        let reset = match kind {
            // Both tell whole seconds: the one up, the other down.
            Service::Ratelimit => 1,
            Service::Limitador => ends / 1000,
        };
        Said { is_over, remaining, reset: Some(reset) }
    }
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum What {
    Arrives,
    Reports,
}

/// What happens next: a time, an order, and what.
enum Event {
    Comes { proxy: usize, caller: usize, what: What },
    Asked { proxy: usize, caller: usize, call: Call, is_awaited: bool },
    Told { proxy: usize, caller: usize, call: Call, is_awaited: bool, said: Said },
}

struct World {
    share: Share,
    charge: Charge,
    proxies: Vec<(Counters, store::MemoryStore)>,
    engine: Engine,
    ids: Vec<RecordId>,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    events: BTreeMap<u64, Event>,
    next: u64,
    waited: u64,
}

struct Nobody;

impl Downstream for Nobody {
    fn address(&self) -> Option<Vec<u8>> {
        None
    }
}

impl World {
    fn at(&mut self, time: u64, event: Event) {
        self.queue.push(Reverse((time, self.next)));
        self.events.insert(self.next, event);
        self.next += 1;
    }

    fn with<T>(&self, proxy: usize, now: u64, act: impl FnOnce(&Counters, &Env<'_>) -> T) -> T {
        let (counters, shared) = &self.proxies[proxy];
        let random = random::Counting::after(now);
        let env = Env {
            now: UnixMillis::new(now),
            random: &random,
            shared,
            metrics: &Unmetered,
            verifier: &InWasm,
            signer: None,
            downstream: &Nobody,
        };
        act(counters, &env)
    }

    fn call(&mut self, (proxy, caller): (usize, usize), purpose: Purpose, now: u64) {
        let (charge, share, id) = (self.charge, self.share, self.ids[caller]);
        let call = self
            .with(proxy, now, |counters, env| counters.call(&id, (&charge, share), purpose, env));
        let is_awaited = purpose == Purpose::Request;
        self.waited += u64::from(is_awaited);
        if let Some(call) = call {
            self.at(now + CALL / 2, Event::Asked { proxy, caller, call, is_awaited });
        }
    }

    fn wishes(&mut self, of: (usize, usize), wishes: &[Wish], now: u64) {
        for wish in wishes {
            match wish.ahead {
                Some(ahead) => self.call(of, Purpose::Ahead(ahead), now),
                None => {
                    let (proxy, caller) = of;
                    self.at(now + 8000, Event::Comes { proxy, caller, what: What::Reports });
                }
            }
        }
    }

    fn passed(&mut self, caller: usize, now: u64) {
        if let Some(window) = self.engine.turn(caller, now, false).windows.last_mut() {
            window.2 += 1;
        }
    }

    fn refused(&mut self, caller: usize, now: u64) {
        if let Some(window) = self.engine.turn(caller, now, false).windows.last_mut() {
            window.1 += 1;
        }
    }

    fn step(&mut self, event: Event, now: u64) {
        let (charge, share) = (self.charge, self.share);
        match event {
            Event::Comes { proxy, caller, what: What::Reports } => {
                self.call((proxy, caller), Purpose::Report, now);
            }
            Event::Comes { proxy, caller, what: What::Arrives } => {
                let id = self.ids[caller];
                let taken = self.with(proxy, now, |counters, env| {
                    let batch = Batch {
                        charges: &[charge],
                        share,
                        settled: &[],
                        is_counted: false,
                        is_reported: true,
                    };
                    counters.take(&id, batch, Does::Charge, env)
                });
                match taken {
                    Taken::Passes(passed) => {
                        self.passed(caller, now);
                        self.wishes((proxy, caller), &passed.wishes, now);
                    }
                    Taken::Asks(_, wishes) => {
                        self.call((proxy, caller), Purpose::Request, now);
                        self.wishes((proxy, caller), &wishes, now);
                    }
                    Taken::Refused { .. } => self.refused(caller, now),
                    other => panic!("{other:?}"),
                }
            }
            Event::Asked { proxy, caller, call, is_awaited } => {
                let said = self.engine.decide(caller, call.hits(), now);
                let told = Event::Told { proxy, caller, call, is_awaited, said };
                self.at(now + CALL / 2, told);
            }
            Event::Told { proxy, caller, call, is_awaited, said } => {
                let id = self.ids[caller];
                let ended = self.with(proxy, now, |counters, env| {
                    counters.ended(&id, (&charge, share), (call, Some(said)), env)
                });
                match ended {
                    Some(Ended::Passes(_)) if is_awaited => self.passed(caller, now),
                    Some(Ended::Refused(..)) if is_awaited => self.refused(caller, now),
                    Some(Ended::Again(call)) => {
                        self.at(now + CALL / 2, Event::Asked { proxy, caller, call, is_awaited });
                    }
                    _ => {}
                }
            }
        }
    }
}

/// What came of a run.
struct Outcome {
    requests: u64,
    calls: u64,
    waited: u64,
    under: u64,
    over: u64,
    worst: u64,
}

fn run(kind: Service, limit: u32, tolerance: u32, load: Load) -> Outcome {
    let share = Share { service: kind, replicas: 3, tolerance };
    let rate = Rate { requests: limit, per: Duration::from_secs(1), burst: limit };
    let rate = Definition { count: Count::Fleet, ..Definition::new(&["rate", "p"], rate) };
    let (weights, each_second) = load.callers(limit);
    let proxies: Vec<_> = (0..PROXIES)
        .map(|_| (Counters::new(65_536, "tollgate"), store::MemoryStore::default()))
        .collect();
    let id = |caller: usize| {
        let name = tollgate::ids::Name::parse("p").expect("a name");
        let value = caller.to_string();
        let value = Subject::Value { provider: &name, issuer: None, claim: "c", value: &value };
        proxies[0].0.id(value)
    };
    let ids = (0..weights.len()).map(id).collect();
    let engine = Engine { kind, limit, counters: BTreeMap::new(), calls: 0 };
    let mut world = World {
        share,
        charge: Charge::Rate(rate),
        proxies,
        engine,
        ids,
        queue: BinaryHeap::new(),
        events: BTreeMap::new(),
        next: 0,
        waited: 0,
    };
    let mut sums: Vec<f64> = Vec::new();
    for weight in &weights {
        sums.push(sums.last().copied().unwrap_or(0.0) + weight);
    }
    let all = sums.last().copied().unwrap_or(1.0);
    let mut random = Random(0x1234_5678_9ABC_DEF1);
    let (mut time, mut requests) = (0.0, 0);
    loop {
        time -= random.next().max(f64::MIN_POSITIVE).ln() / each_second * 1000.0;
        if time >= LASTS as f64 {
            break;
        }
        let at = random.next() * all;
        let caller = sums.partition_point(|sum| *sum < at).min(sums.len() - 1);
        let proxy = load.proxy(random.next());
        let comes = Event::Comes { proxy, caller, what: What::Arrives };
        world.at(START + time as u64, comes);
        requests += 1;
    }
    while let Some(Reverse((now, number))) = world.queue.pop() {
        let event = world.events.remove(&number).expect("an event");
        world.step(event, now);
    }
    let (mut under, mut over, mut worst) = (0, 0, 0);
    for counter in world.engine.counters.values() {
        for &(_, refused, passed) in &counter.windows {
            under += refused.min(u64::from(limit).saturating_sub(passed));
            over += passed.saturating_sub(u64::from(limit));
            worst = worst.max(passed.saturating_sub(u64::from(limit)));
        }
    }
    Outcome { requests, calls: world.engine.calls, waited: world.waited, under, over, worst }
}

/// xorshift64*: numbers between 0 and 1, the same in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn main() {
    println!(
        "| service | limit a second | callers | calls for each request | waits | refused within the limit | \
         passed beyond it | most in a window |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for kind in [Service::Ratelimit, Service::Limitador] {
        for limit in [10, 100, 1000] {
            for (words, load) in Load::ALL {
                let of = run(kind, limit, 5, load);
                // What each process may let pass unreported.
                let bound = PROXIES as u64 * (u64::from(limit) * 5 / 100 / PROXIES as u64);
                assert!(of.worst <= bound, "{kind:?} {limit} {words}: {} beyond", of.worst);
                let part = |count: u64| count as f64 / of.requests as f64;
                println!(
                    "| {} | {limit} | {words} | {:.3} | {:.3} | {:.2} % | {:.2} % | {} |",
                    if kind == Service::Ratelimit { "ratelimit" } else { "Limitador" },
                    part(of.calls),
                    part(of.waited),
                    100.0 * part(of.under),
                    100.0 * part(of.over),
                    of.worst,
                );
            }
        }
    }
}
