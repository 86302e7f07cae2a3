//! Rates, quotas and their counters, against a store that behaves like Envoy's.
#![allow(dead_code, unreachable_pub, reason = "tests")]

mod support {
    pub(crate) mod random;
    pub(crate) mod store;
}

use std::cell::RefCell;
use std::time::Duration;

use support::random::Counting;
use support::store::MemoryStore;
use tollgate::env::{Cas, PutError, SharedData, Stored};
use tollgate::ids::Name;
use tollgate::limits::{
    Charge, Charged, Counters, Definition, Quota, Rate, Standing, Subject, add_limit, add_policy,
    at_api,
};
use tollgate::store::RecordId;
use tollgate::time::UnixMillis;

#[path = "support/limits_model.rs"]
mod model;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;
/// Far enough from the epoch that a clock can be set back.
const START: u64 = 1_000 * DAY;

fn name(raw: &str) -> Name {
    Name::parse(raw).expect(raw)
}

fn rate(policy: &str, requests: u32, per: u64, burst: u32) -> Charge {
    let rate = Rate { requests, per: Duration::from_millis(per), burst };
    Charge::Rate(Definition::new(&["rate", policy], rate))
}

fn quota(policy: &str, requests: u32, per: u64) -> Charge {
    let quota = Quota { requests, per: Duration::from_millis(per) };
    Charge::Quota(Definition::new(&["quota", policy], quota))
}

/// A worker: what a charge needs besides the limits.
struct Worker<'s> {
    counters: Counters,
    shared: &'s dyn SharedData,
    random: Counting,
}

impl<'s> Worker<'s> {
    fn new(capacity: u32, shared: &'s dyn SharedData) -> Self {
        let counters = Counters::new(capacity, "main");
        Self { counters, shared, random: Counting::default() }
    }

    fn charge(&self, subject: &str, limits: &[Charge], now: u64) -> Charged {
        self.charge_cost(subject, limits, 1, now)
    }

    fn charge_cost(&self, subject: &str, limits: &[Charge], cost: u32, now: u64) -> Charged {
        let id = self.counters.id(value(subject));
        self.counters.charge(&id, limits, cost, self.shared, &self.random, UnixMillis::new(now))
    }

    fn passes(&self, subject: &str, limits: &[Charge], now: u64) -> bool {
        match self.charge(subject, limits, now) {
            Charged::Counted(_) => true,
            Charged::Refused { .. } => false,
            other => panic!("{other:?}"),
        }
    }

    /// How many of this many requests pass.
    fn passing(&self, requests: u32, limits: &[Charge], now: u64) -> usize {
        (0..requests).filter(|_| self.passes("alice", limits, now)).count()
    }
}

fn value(value: &str) -> Subject<'_> {
    Subject::Everyone { api: NAMES.iter().find(|name| name.as_str() == value).expect("a name") }
}

static NAMES: std::sync::LazyLock<Vec<Name>> = std::sync::LazyLock::new(|| {
    let numbered = (0..40).map(|number| name(&format!("s{number}")));
    numbered.chain(["alice", "bob"].map(name)).collect()
});

fn remaining(charged: &Charged) -> Vec<u32> {
    let (Charged::Counted(standings) | Charged::Refused { standings, .. }) = charged else {
        panic!("{charged:?}");
    };
    standings.iter().map(|standing| standing.remaining).collect()
}

fn wait(charged: &Charged) -> Option<u64> {
    match charged {
        Charged::Refused { wait, .. } => Some(u64::try_from(wait.as_millis()).expect("short")),
        _ => None,
    }
}

#[test]
fn a_rate_lets_a_burst_through_and_then_keeps_its_pace() {
    // requests, per, burst, then: milliseconds after the start, requests at once, how many pass
    type Row = (&'static str, (u32, u64, u32), &'static [(u64, u32, usize)]);
    let cases: &[Row] = &[
        (
            "one a second",
            (1, 1000, 1),
            &[(0, 2, 1), (999, 1, 0), (1000, 2, 1), (1999, 1, 0), (2000, 1, 1)],
        ),
        (
            "a burst of all",
            (100, HOUR, 100),
            &[(0, 2000, 100), (35_999, 1, 0), (36_000, 2, 1), (108_000, 9, 2)],
        ),
        (
            "a burst of more",
            (10, 1000, 15),
            &[(0, 20, 15), (100, 2, 1), (1000, 20, 9), (9000, 20, 15)],
        ),
        ("a burst of fewer", (10, 1000, 2), &[(0, 9, 2), (99, 1, 0), (100, 9, 1), (10_000, 9, 2)]),
        (
            "a third of a second",
            (3, 1000, 2),
            &[
                (0, 9, 2),
                (333, 1, 0),
                (334, 9, 1),
                (666, 1, 0),
                (667, 9, 1),
                (999, 1, 0),
                (1000, 9, 1),
            ],
        ),
        ("many in a millisecond", (5000, 1000, 5), &[(0, 9, 5), (1, 9, 5), (2, 4, 4), (3, 9, 5)]),
        ("the slowest", (1, 365 * DAY, 1), &[(0, 2, 1), (365 * DAY - 1, 1, 0), (365 * DAY, 1, 1)]),
        ("the fastest", (u32::MAX, 1, u32::MAX), &[(0, 5000, 5000)]),
    ];
    for (case, (requests, per, burst), steps) in cases {
        let store = MemoryStore::default();
        let worker = Worker::new(8, &store);
        let limit = rate("p", *requests, *per, *burst);
        for (at, count, expected) in *steps {
            assert_eq!(worker.passing(*count, &[limit], START + at), *expected, "{case} at {at}");
        }
    }
}

#[test]
fn a_rate_that_does_not_divide_evenly_is_exact_in_the_long_run() {
    for (requests, per) in [(7, 1000), (3, 1000), (999, 1000), (13, 97), (1, 7)] {
        let store = MemoryStore::default();
        let worker = Worker::new(8, &store);
        // Two at once: with one, what is left of a millisecond when the clock is read is lost.
        let limit = rate("p", requests, per, 2);
        let rounds = 20_000_u64.div_ceil(per);
        let span = rounds * per;
        let passed = (0..span).filter(|ms| worker.passes("alice", &[limit], START + ms)).count();
        let exact = rounds * u64::from(requests) + 1;
        assert_eq!(u64::try_from(passed).ok(), Some(exact), "{requests} in {per} ms");
    }
}

#[test]
fn a_quotas_window_begins_with_its_first_request_and_ends_on_time() {
    let store = MemoryStore::default();
    let worker = Worker::new(8, &store);
    let limit = quota("p", 3, DAY);
    let steps = [
        ("the first", 0, true, 2, DAY),
        ("the second", 10, true, 1, DAY - 10),
        ("the last", HOUR, true, 0, DAY - HOUR),
        ("one too many", HOUR, false, 0, DAY - HOUR),
        ("a millisecond before the end", DAY - 1, false, 0, 1),
        ("a new window", DAY, true, 2, DAY),
        ("a window after a pause", 5 * DAY + 7, true, 2, DAY),
        ("which began with that request", 6 * DAY, true, 1, 7),
    ];
    for (case, at, passes, remaining, reset) in steps {
        let charged = worker.charge("alice", &[limit], START + at);
        let standing = Standing { remaining, reset: Duration::from_millis(reset) };
        let expected = if passes {
            Charged::Counted(vec![standing])
        } else {
            Charged::Refused { by: 0, wait: standing.reset, standings: vec![standing] }
        };
        assert_eq!(charged, expected, "{case}");
    }
}

#[test]
fn a_rate_tells_how_many_may_still_come_and_when() {
    let store = MemoryStore::default();
    let worker = Worker::new(8, &store);
    let limit = rate("p", 2, 1000, 3);
    // at, remaining, reset, wait
    let steps = [
        (0, 2, 500, None),
        (0, 1, 1000, None),
        (0, 0, 500, None),
        (0, 0, 500, Some(500)),
        (499, 0, 1, Some(1)),
        (500, 0, 500, None),
        (1999, 1, 501, None),
    ];
    for (at, remaining, reset, expected) in steps {
        let charged = worker.charge("alice", &[limit], START + at);
        assert_eq!(wait(&charged), expected, "at {at}");
        let (Charged::Counted(standings) | Charged::Refused { standings, .. }) = charged else {
            panic!("at {at}: {charged:?}");
        };
        let standing = Standing { remaining, reset: Duration::from_millis(reset) };
        assert_eq!(standings, [standing], "at {at}");
    }
    // A third of a second is told rounded up: who waits that long is let through.
    let thirds = rate("thirds", 3, 1000, 1);
    worker.charge("bob", &[thirds], START);
    assert_eq!(wait(&worker.charge("bob", &[thirds], START)), Some(334));
    assert!(worker.passes("bob", &[thirds], START + 334));
}

#[test]
fn a_request_is_charged_to_all_limits_or_to_none() {
    let store = MemoryStore::default();
    let worker = Worker::new(8, &store);
    let (fast, much) = (rate("p", 1, 1000, 2), quota("p", 3, DAY));
    let both = [fast, much];
    assert_eq!(remaining(&worker.charge("alice", &both, START)), [1, 2]);
    assert_eq!(remaining(&worker.charge("alice", &both, START)), [0, 1]);
    // Refused by the rate: no quota used.
    let writes = store.writes();
    for _ in 0..5 {
        let charged = worker.charge("alice", &both, START);
        assert_eq!((wait(&charged), remaining(&charged)), (Some(1000), vec![0, 1]));
    }
    assert_eq!(store.writes(), writes, "a refusal writes nothing");
    assert_eq!(remaining(&worker.charge("alice", &both, START + 1000)), [0, 0]);
    // Refused by the quota: no rate used.
    for _ in 0..5 {
        let charged = worker.charge("alice", &both, START + 10_000);
        assert!(matches!(charged, Charged::Refused { by: 1, .. }), "{charged:?}");
        assert_eq!(remaining(&charged), [2, 0]);
    }
    // Refused by both: the one that lasts longer is told.
    worker.charge("alice", &[fast], START + 10_000);
    worker.charge("alice", &[fast], START + 10_000);
    let charged = worker.charge("alice", &both, START + 10_000);
    assert!(matches!(charged, Charged::Refused { by: 1, .. }), "{charged:?}");
    assert_eq!(wait(&charged), Some(DAY - 10_000));
}

#[test]
fn alternating_limits_never_change_each_others_counts() {
    let store = MemoryStore::default();
    let worker = Worker::new(8, &store);
    let limits = [
        rate("free", 5, DAY, 5),
        rate("paid", 7, DAY, 7),
        quota("free", 6, DAY),
        quota("paid", 9, DAY),
    ];
    let mut left = [5_u32, 7, 6, 9];
    for turn in 0..40_u64 {
        let at = usize::try_from(turn % 4).expect("small");
        let charged = worker.charge("alice", &[limits[at]], START + turn);
        let passes = matches!(charged, Charged::Counted(_));
        assert_eq!(passes, left[at] > 0, "turn {turn}");
        left[at] = left[at].saturating_sub(1);
        assert_eq!(remaining(&charged), [left[at]], "turn {turn}");
    }
    assert_eq!(left, [0; 4]);
}

#[test]
fn a_change_of_numbers_resets_nothing() {
    let store = MemoryStore::default();
    let worker = Worker::new(8, &store);
    assert_eq!(remaining(&worker.charge_cost("alice", &[quota("p", 10, DAY)], 8, START)), [2]);
    let larger = quota("p", 12, 2 * DAY);
    let charged = worker.charge("alice", &[larger], START + 1);
    assert_eq!(
        charged,
        Charged::Counted(vec![Standing { remaining: 3, reset: Duration::from_millis(DAY - 1) }])
    );
    assert!(!worker.passes("alice", &[quota("p", 9, DAY)], START + 2), "nine are used");
    // The window was a day's: as long as an hour's can be from now on, with what is used of it.
    let shorter = quota("p", 10, HOUR);
    let charged = worker.charge("alice", &[shorter], START + 3);
    assert_eq!(
        charged,
        Charged::Counted(vec![Standing { remaining: 0, reset: Duration::from_millis(HOUR) }])
    );
    // A slow rate's long way back is as long as the fast one's can be.
    assert_eq!(worker.passing(5, &[rate("r", 5, DAY, 5)], START), 5);
    let faster = rate("r", 5, 1000, 5);
    assert_eq!(wait(&worker.charge("alice", &[faster], START + 1)), Some(200));
    assert!(worker.passes("alice", &[faster], START + 201));
}

#[test]
fn a_cost_is_charged_whole_or_not_at_all() {
    let store = MemoryStore::default();
    let worker = Worker::new(8, &store);
    let (fast, much) = (rate("p", 10, 1000, 10), quota("p", 20, DAY));
    let both = [fast, much];
    assert_eq!(remaining(&worker.charge_cost("alice", &both, 7, START)), [3, 13]);
    let charged = worker.charge_cost("alice", &both, 5, START);
    assert_eq!((wait(&charged), remaining(&charged)), (Some(200), vec![3, 13]));
    assert_eq!(remaining(&worker.charge_cost("alice", &both, 5, START + 200)), [0, 8]);
    let never = worker.charge_cost("alice", &both, u32::MAX, START + DAY);
    assert_eq!(remaining(&never), [10, 20]);
    assert!(wait(&never).is_some());
}

#[test]
fn subjects_are_counted_apart() {
    let counters = Counters::new(8, "main");
    let (okta, oktab, orders) = (name("okta"), name("oktab"), name("orders"));
    let value = |provider, issuer, claim, value| {
        counters.id(Subject::Value { provider, issuer, claim, value })
    };
    let session: RecordId = [7; 32];
    let ids = [
        ("a client", value(&okta, Some("https://a"), "client", "c1")),
        ("another client", value(&okta, Some("https://a"), "client", "c2")),
        ("another claim", value(&okta, Some("https://a"), "org", "c1")),
        ("another issuer", value(&okta, Some("https://b"), "client", "c1")),
        ("no issuer", value(&okta, None, "client", "c1")),
        ("an empty issuer", value(&okta, Some(""), "client", "c1")),
        ("another provider", value(&oktab, Some("https://a"), "client", "c1")),
        ("letters moved", value(&okta, Some("https://a"), "clien", "tc1")),
        ("an API's callers", counters.id(Subject::Everyone { api: &orders })),
        ("another API's", counters.id(Subject::Everyone { api: &okta })),
        ("an identity", counters.id(Subject::Identity(session))),
        ("an address", counters.id(Subject::Address(&[4, 192, 0, 2, 1]))),
        ("another address", counters.id(Subject::Address(&[4, 192, 0, 2, 2]))),
        ("an address at an API", {
            let address = counters.id(Subject::Address(&[4, 192, 0, 2, 1]));
            at_api(&address, &counters.id(Subject::Everyone { api: &orders }))
        }),
        ("an address at another API", {
            let address = counters.id(Subject::Address(&[4, 192, 0, 2, 1]));
            at_api(&address, &counters.id(Subject::Everyone { api: &okta }))
        }),
        ("an identity at an API", {
            at_api(&session, &counters.id(Subject::Everyone { api: &orders }))
        }),
        ("another filter's address", {
            Counters::of_addresses(8, "other").id(Subject::Address(&[4, 192, 0, 2, 1]))
        }),
        ("another filter's", Counters::new(8, "other").id(Subject::Everyone { api: &orders })),
    ];
    for (at, (case, id)) in ids.iter().enumerate() {
        let same: Vec<_> = ids[..at].iter().filter(|(_, other)| other == id).collect();
        assert!(same.is_empty(), "{case} is {same:?}");
    }
    let store = MemoryStore::default();
    let worker = Worker::new(8, &store);
    let limit = quota("p", 1, DAY);
    assert!(worker.passes("alice", &[limit], START));
    assert!(!worker.passes("alice", &[limit], START));
    assert!(worker.passes("bob", &[limit], START));
}

#[test]
fn workers_that_race_count_every_request_once() {
    let store = Racing::default();
    let limits = [rate("p", 100, HOUR, 100), quota("q", 100, HOUR)];
    for limit in limits {
        let workers = [Worker::new(65_536, &store), Worker::new(65_536, &store)];
        *store.rival.borrow_mut() = Some(limit);
        let passed: usize = (0..1000_u64)
            .map(|turn| {
                let worker = &workers[usize::from(turn % 2 == 0)];
                usize::from(worker.passes("alice", &[limit], START + turn))
            })
            .sum();
        let rivals = store.passed.replace(0);
        assert!(rivals > 0, "the rival never came through");
        assert_eq!(passed + rivals, 100, "{limit:?}");
    }
}

/// A store between whose every read and write another worker makes a request of its own.
#[derive(Default)]
struct Racing {
    store: MemoryStore,
    rival: RefCell<Option<Charge>>,
    passed: RefCell<usize>,
}

impl SharedData for Racing {
    fn get(&self, key: &str) -> Stored {
        self.store.get(key)
    }

    fn put(&self, key: &str, value: &[u8], expected: Option<Cas>) -> Result<(), PutError> {
        // Every other time, so that somebody gets through.
        let rival = *self.rival.borrow();
        if let Some(rival) = rival.filter(|_| self.store.writes().is_multiple_of(2)) {
            let worker = Worker::new(65_536, &self.store);
            *self.passed.borrow_mut() += usize::from(worker.passes("alice", &[rival], START));
        }
        self.store.put(key, value, expected)
    }
}

#[test]
fn sixty_four_lost_races_are_enough() {
    let store = MemoryStore::default();
    let worker = Worker::new(8, &store);
    let limit = quota("p", 9, DAY);
    worker.charge("alice", &[limit], START);
    store.losses.set(63);
    assert_eq!(remaining(&worker.charge("alice", &[limit], START)), [7]);
    store.losses.set(64);
    assert_eq!(worker.charge("alice", &[limit], START), Charged::Contended);
    assert_eq!(remaining(&worker.charge("alice", &[limit], START)), [6]);
}

#[test]
fn a_host_without_store_counts_nothing() {
    let store = MemoryStore::default();
    store.absent.set(true);
    let charged = Worker::new(8, &store).charge("alice", &[quota("p", 9, DAY)], START);
    assert_eq!(charged, Charged::Unsupported);
}

#[test]
fn a_running_limit_is_never_reset_to_make_room() {
    let store = MemoryStore::default();
    let worker = Worker::new(8, &store);
    let limits = [quota("p", 1, HOUR), rate("p", 1, 2 * HOUR, 1)];
    for number in 0..8 {
        let limit = limits[number % 2];
        assert!(worker.passes(&format!("s{number}"), &[limit], START + 1));
    }
    let newcomer = |now| worker.charge("alice", &[limits[0]], now);
    assert_eq!(newcomer(START + 2), Charged::Full);
    for number in 0..8 {
        let limit = limits[number % 2];
        assert!(!worker.passes(&format!("s{number}"), &[limit], START + HOUR), "{number}");
    }
    assert_eq!(newcomer(START + HOUR), Charged::Full);
    // A second after the quotas' windows there is room for as many as have ended.
    let later = START + HOUR + 1001;
    for number in 10..14 {
        assert!(worker.passes(&format!("s{number}"), &[limits[0]], later), "{number}");
    }
    assert_eq!(newcomer(later), Charged::Full);
    for number in [1, 3, 5, 7] {
        assert!(!worker.passes(&format!("s{number}"), &[limits[1]], later), "{number}");
    }
}

#[test]
fn a_subject_holds_as_many_limits_as_a_record_has_room_for() {
    let store = MemoryStore::default();
    let worker = Worker::new(8, &store);
    let limits: Vec<_> = (0..17).map(|number| quota(&format!("p{number}"), 2, HOUR)).collect();
    for &limit in &limits[..Counters::MAX_RUNNING] {
        assert!(worker.passes("alice", &[limit], START));
    }
    let last = &limits[Counters::MAX_RUNNING];
    assert_eq!(worker.charge("alice", &[*last], START), Charged::Full);
    assert_eq!(worker.charge("alice", &[limits[0], *last], START), Charged::Full);
    for &limit in &limits[..Counters::MAX_RUNNING] {
        assert_eq!(remaining(&worker.charge("alice", &[limit], START)), [0], "nothing was lost");
    }
    assert!(worker.passes("alice", &[*last], START + HOUR + 1000), "the others have ended");
}

#[test]
fn a_clock_set_back_neither_locks_out_nor_lets_in() {
    let limits = [rate("p", 2, 10_000, 2), quota("p", 2, 10_000)];
    for limit in limits {
        // Within a minute: as if time stood still until the clock is there again.
        let store = MemoryStore::default();
        let worker = Worker::new(8, &store);
        assert_eq!(worker.passing(3, &[limit], START), 2, "{limit:?}");
        assert!(!worker.passes("alice", &[limit], START - 50_000), "{limit:?}");
        assert!(worker.passes("alice", &[limit], START + 10_000), "{limit:?}");
        // Further: used up at that moment, and no longer.
        let store = MemoryStore::default();
        let worker = Worker::new(8, &store);
        assert_eq!(worker.passing(3, &[limit], START), 2, "{limit:?}");
        let back = START - DAY;
        assert_eq!(worker.passing(3, &[limit], back), 0, "{limit:?}");
        assert_eq!(worker.passing(3, &[limit], back + 10_000), 2, "{limit:?}");
    }
}

#[test]
fn a_clock_set_back_lets_nobody_in_by_another_limit() {
    let other = quota("other", 9, DAY);
    for limit in [quota("p", 2, 365 * DAY), rate("p", 2, 365 * DAY, 2)] {
        let store = MemoryStore::default();
        let worker = Worker::new(8, &store);
        assert_eq!(worker.passing(3, &[limit], START), 2, "{limit:?}");
        // Its end lies further ahead now than any that could be written.
        let back = START - DAY;
        assert!(worker.passes("alice", &[other], back));
        assert!(!worker.passes("alice", &[limit], back), "{limit:?}");
        assert!(worker.passes("alice", &[limit], back + 366 * DAY), "nor for ever: {limit:?}");
    }
}

#[test]
fn an_address_has_room_for_the_limits_of_many_callers() {
    let store = MemoryStore::default();
    let counters = Counters::of_addresses(8, "main");
    let worker = Worker { counters, ..Worker::new(8, &store) };
    let limits: Vec<_> = (0..49).map(|number| quota(&format!("p{number}"), 2, DAY)).collect();
    for limit in &limits[..48] {
        assert!(worker.passes("alice", &[*limit], START));
    }
    assert_eq!(worker.charge("alice", &[limits[48]], START), Charged::Full);
    for limit in &limits[..48] {
        assert_eq!(remaining(&worker.charge("alice", &[*limit], START)), [0], "all are kept");
    }
    assert!(worker.passes("bob", &[limits[48]], START), "another address");
}

#[test]
fn a_record_that_cannot_be_read_counts_as_none() {
    let key = "tg1/limit/0";
    let store = MemoryStore::default();
    let worker = Worker::new(8, &store);
    let limit = quota("p", 2, DAY);
    worker.charge("alice", &[limit], START);
    let good = store.get(key).value.expect("written");
    let (head, payload) = good.split_at(2 + 32 + 8);
    let (_, payload) = payload.split_at(2);
    assert_eq!(payload.len(), 1 + 21);
    let counter = &payload[1..];
    let second = |first: u8| [&[first], &counter[1..]].concat();
    let spoilt: Vec<(&str, Vec<u8>)> = vec![
        ("empty", vec![]),
        ("another version", [&[3], counter].concat()),
        ("another kind", [&payload[..9], &[2], &payload[10..]].concat()),
        ("the kind of a rate", [&payload[..9], &[1], &payload[10..]].concat()),
        ("cut", payload[..payload.len() - 1].to_vec()),
        ("one byte more", [payload, &[0]].concat()),
        ("the same limit twice", [payload, counter].concat()),
        ("another limit", [&[1], &second(counter[0] ^ 1)[..]].concat()),
        ("more than fit", {
            let many = (0..17_u8).flat_map(|number| second(counter[0] ^ number));
            std::iter::once(1).chain(many).collect()
        }),
    ];
    for (case, payload) in spoilt {
        let length = u16::try_from(payload.len()).expect("short").to_le_bytes();
        store.force(key, &[head, &length, &payload].concat());
        assert_eq!(remaining(&worker.charge("alice", &[limit], START)), [1], "{case}");
        assert_eq!(remaining(&worker.charge("alice", &[limit], START)), [0], "{case}");
    }
    // A window that no clock like ours began: used up as far as it says, for one window's time.
    let ends = (START + 300 * DAY).to_le_bytes();
    let far = [&payload[..10], &ends, &2_u32.to_le_bytes()].concat();
    store.force(key, &[head, &22_u16.to_le_bytes(), &far].concat());
    assert_eq!(wait(&worker.charge("alice", &[limit], START)), Some(DAY));
    assert_eq!(wait(&worker.charge("alice", &[limit], START + 1)), Some(DAY - 1));
    assert!(worker.passes("alice", &[limit], START + DAY));
}

#[test]
fn a_refusal_by_another_limit_begins_no_window() {
    let key = "tg1/limit/0";
    let store = MemoryStore::default();
    let worker = Worker::new(8, &store);
    let (broken, fresh) = (quota("broken", 1, DAY), quota("fresh", 1, HOUR));
    worker.charge("alice", &[broken], START);
    let good = store.get(key).value.expect("written");
    let at = 2 + 32 + 8 + 2 + 1 + 9;
    let far = (START + 300 * DAY).to_le_bytes();
    store.force(key, &[&good[..at], &far, &good[at + 8..]].concat());
    assert!(!worker.passes("alice", &[broken, fresh], START));
    let charged = worker.charge("alice", &[fresh], START + 10);
    let standing = Standing { remaining: 0, reset: Duration::from_hours(1) };
    assert_eq!(charged, Charged::Counted(vec![standing]));
}

#[test]
fn a_limit_is_told_in_the_words_of_the_draft() {
    let cases = [
        (rate("p", 100, 1000, 20), r#""name";q=100;w=1"#),
        (rate("p", 100, 1500, 20), r#""name";q=100"#),
        (quota("p", 9, DAY), r#""name";q=9;w=86400"#),
    ];
    for (charge, expected) in cases {
        let mut list = String::new();
        add_policy(&mut list, ("name", 1), &charge);
        assert_eq!(list, expected);
    }
    for (reset, told) in [(0, 0), (1, 1), (1000, 1), (1001, 2)] {
        let standing = Standing { remaining: 3, reset: Duration::from_millis(reset) };
        let mut list = String::new();
        add_limit(&mut list, ("quota", 1), standing);
        assert_eq!(list, format!(r#""quota";r=3;t={told}"#));
    }
    let mut list = String::new();
    for (number, remaining) in [(1, 0), (2, 10), (10, 1_000_000_000), (11, u32::MAX)] {
        let standing = Standing { remaining, reset: Duration::MAX };
        add_limit(&mut list, ("rate", number), standing);
    }
    let t = "18446744073709551615";
    let items = [
        format!(r#""rate";r=0;t={t}"#),
        format!(r#""rate-2";r=10;t={t}"#),
        format!(r#""rate-10";r=1000000000;t={t}"#),
        format!(r#""rate-11";r=4294967295;t={t}"#),
    ];
    assert_eq!(list, items.join(", "));
}

#[test]
fn a_rate_tells_how_long_it_takes_to_recover() {
    let year = 365 * DAY;
    for (requests, per, burst, expected) in
        [(100, 1000, 100, 1000), (3, 1000, 1, 334), (1, 1000, 60, MINUTE), (1, year, 2, 2 * year)]
    {
        let rate = Rate { requests, per: Duration::from_millis(per), burst };
        assert_eq!(rate.recovers_in(), Duration::from_millis(expected));
    }
}
