//! Bounded tables in shared data, against a store that behaves like Envoy's.
#![allow(dead_code, unreachable_pub, reason = "tests")]

mod support {
    pub(crate) mod random;
    pub(crate) mod store;
}

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use support::random::Counting;
use support::store::MemoryStore;
use tollgate::env::SharedData;
use tollgate::store::{Change, Outcome, Payload, Place, RecordId, Table};
use tollgate::time::UnixMillis;

const SEED: &str = "tg1/seed";
/// The key of a table that has one bucket only, and the first of one that has more.
const BUCKET: &str = "tg1/test/0";

fn id(number: u8) -> RecordId {
    let mut id = [0; 32];
    id[31] = number;
    id
}

/// A worker: what an update needs besides the record.
struct Worker<'s> {
    table: Table,
    shared: &'s dyn SharedData,
    random: Counting,
}

impl<'s> Worker<'s> {
    fn new(capacity: u32, shared: &'s dyn SharedData) -> Self {
        Self { table: Table::new("test", capacity), shared, random: Counting::default() }
    }

    /// Stores `payload`, and tells what stood there before.
    fn put(&self, number: u8, now: u64, payload: &[u8]) -> Outcome<Option<Vec<u8>>> {
        let payload = Payload::new(payload.to_vec()).expect("short");
        let now = UnixMillis::new(now);
        self.table.update(self.shared, &self.random, &id(number), now, |record| {
            Change::Put(payload.clone(), record.map(|record| record.payload.to_vec()))
        })
    }

    fn get(&self, number: u8) -> Option<Vec<u8>> {
        let now = UnixMillis::new(0);
        let outcome = self.table.update(self.shared, &self.random, &id(number), now, |record| {
            Change::Keep(record.map(|record| record.payload.to_vec()))
        });
        match outcome {
            Outcome::Kept(found) => found,
            other => panic!("reading gave {other:?}"),
        }
    }
}

fn value(store: &MemoryStore, key: &str) -> Vec<u8> {
    store.get(key).value.unwrap_or_default()
}

fn written<T>(value: T, evicted: bool) -> Outcome<T> {
    Outcome::Written { value, evicted }
}

#[test]
fn what_one_worker_stores_another_finds() {
    let store = MemoryStore::default();
    let (one, other) = (Worker::new(65_536, &store), Worker::new(65_536, &store));
    assert_eq!(one.put(1, 10, b"a"), written(None, false));
    assert_eq!(other.get(1), Some(b"a".to_vec()));
    assert_eq!(other.put(1, 11, b"b"), written(Some(b"a".to_vec()), false));
    assert_eq!(one.get(1), Some(b"b".to_vec()));
    assert_eq!(one.get(2), None);
}

#[test]
fn a_reading_update_writes_nothing() {
    let store = MemoryStore::default();
    let worker = Worker::new(8, &store);
    worker.put(1, 10, b"a");
    let before = (store.writes(), value(&store, BUCKET));
    assert_eq!(worker.get(1), Some(b"a".to_vec()));
    assert_eq!(worker.get(2), None);
    assert_eq!((store.writes(), value(&store, BUCKET)), before);
}

#[test]
fn a_full_bucket_gives_up_the_record_unused_for_longest() {
    let store = MemoryStore::default();
    let worker = Worker::new(8, &store);
    for number in 1..=8 {
        assert_eq!(worker.put(number, 1000 + u64::from(number), b"x"), written(None, false));
    }
    worker.put(1, 2000, b"used again");
    assert_eq!(worker.put(9, 2001, b"new"), written(None, true));
    let left: Vec<_> = (1..=9).filter(|number| worker.get(*number).is_some()).collect();
    assert_eq!(left, [1, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn a_record_from_the_future_does_not_stay_for_ever() {
    let store = MemoryStore::default();
    let worker = Worker::new(8, &store);
    worker.put(1, u64::MAX, b"from the end of time");
    for number in 2..=8 {
        worker.put(number, 1000, b"x");
    }
    // A clock that differs by less than a minute is another worker's.
    worker.put(3, 1500, b"a little ahead");
    assert_eq!(worker.put(9, 1400, b"new"), written(None, true));
    let left: Vec<_> = (1..=9).filter(|number| worker.get(*number).is_some()).collect();
    assert_eq!(left, [2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn a_lost_race_is_run_again_on_what_the_winner_wrote() {
    let store = MemoryStore::default();
    let (one, other) = (Worker::new(8, &store), Worker::new(8, &store));
    one.put(1, 10, b"old");
    let payload = Payload::new(b"loser".to_vec()).expect("short");
    let seen = RefCell::new(Vec::new());
    let now = UnixMillis::new(20);
    let outcome = one.table.update(&store, &one.random, &id(1), now, |record| {
        let first = seen.borrow().is_empty();
        seen.borrow_mut().push(record.expect("there").payload.to_vec());
        if first {
            other.put(1, 15, b"winner");
            other.put(2, 15, b"bystander");
        }
        Change::Put(payload.clone(), ())
    });
    assert_eq!(outcome, written((), false));
    assert_eq!(seen.into_inner(), [b"old".to_vec(), b"winner".to_vec()]);
    assert_eq!(one.get(1), Some(b"loser".to_vec()));
    assert_eq!(one.get(2), Some(b"bystander".to_vec()));
}

#[test]
fn a_record_that_must_be_kept_is_never_given_up() {
    let hour = Duration::from_hours(1);
    let store = MemoryStore::default();
    let worker = Worker { table: Table::keeping("test", 8, hour), ..Worker::new(8, &store) };
    let keep = |number: u8, now: u64, until: u64| {
        let payload = Payload::new(vec![number]).expect("short");
        let (now, until) = (UnixMillis::new(now), UnixMillis::new(until));
        worker.table.update(&store, &worker.random, &id(number), now, |_| {
            Change::PutUntil(until, payload.clone(), ())
        })
    };
    for number in 1..=8 {
        assert_eq!(keep(number, 1000, 2000 + u64::from(number)), written((), false));
    }
    let before = store.writes();
    assert_eq!(keep(9, 2000, 9000), Outcome::Full);
    assert_eq!(store.writes(), before, "nothing was written");
    assert_eq!(keep(3, 2000, 9000), written((), false), "its own record is no newcomer");
    assert_eq!(keep(9, 2001, 9000), written((), true), "the first has ended");
    assert_eq!(keep(10, 2001, 9000), Outcome::Full);
    assert_eq!(keep(10, 5000, 9000), written((), true), "the one that ended first");
    let left: Vec<_> = (1..=10).filter(|number| worker.get(*number).is_some()).collect();
    assert_eq!(left, [3, 4, 5, 6, 7, 8, 9, 10]);
    // As far ahead as a record can be kept, by a clock that is a minute ahead.
    let furthest = 5000 + 3_600_000 + 60_000;
    for number in 3..=10 {
        keep(number, 5000, furthest);
    }
    assert_eq!(keep(11, 5000, 9000), Outcome::Full);
    keep(7, 5000, furthest + 1);
    assert_eq!(keep(11, 5000, 9000), written((), true), "no clock wrote that");
    assert_eq!((worker.get(7), worker.get(11)), (None, Some(vec![11])));
}

#[test]
fn newcomers_of_a_full_bucket_share_one_record_where_they_may() {
    let store = MemoryStore::default();
    let table = Table::sharing("test", 8, Duration::from_hours(1));
    let worker = Worker { table, ..Worker::new(8, &store) };
    // Stores who wrote last, until then, and tells who wrote before.
    let keep = |number: u8, now: u64, until: u64| {
        let payload = Payload::new(vec![number]).expect("short");
        let (now, until) = (UnixMillis::new(now), UnixMillis::new(until));
        worker.table.update(&store, &worker.random, &id(number), now, |record| {
            let before = record.map(|record| record.payload.to_vec());
            Change::PutUntil(until, payload.clone(), before)
        })
    };
    for number in 1..=8 {
        assert_eq!(keep(number, 1000, 2000 + u64::from(number)), written(None, false));
    }
    assert_eq!(keep(9, 2000, 9000), written(None, false), "the first of the newcomers");
    assert_eq!(keep(10, 2000, 9000), written(Some(vec![9]), false), "the next finds its record");
    assert_eq!(keep(3, 2000, 9000), written(Some(vec![3]), false), "who has a place keeps it");
    let found = |now: u64| {
        worker.table.update(&store, &worker.random, &id(99), UnixMillis::new(now), |record| {
            Change::Keep::<Option<Vec<u8>>>(record.map(|record| record.payload.to_vec()))
        })
    };
    assert_eq!(found(2000), Outcome::Kept(Some(vec![10])), "looking is sharing, too");
    assert_eq!(found(2001), Outcome::Kept(None), "the first has ended: there is a place");
    assert_eq!(keep(11, 2001, 9000), written(None, true));
    assert_eq!(keep(12, 2001, 9000), written(Some(vec![10]), false));
    assert_eq!(keep(13, 9001, 9000), written(None, true), "all have ended");

    // Eight places, and one for all others: what claims more was written by nobody like us.
    let whole = value(&store, BUCKET);
    assert_eq!(whole[1], 9);
    let record = &whole[2..2 + 32 + 8 + 2 + 1];
    let mut spoilt = whole.clone();
    spoilt[1] = 10;
    spoilt.extend([&[77; 32], &record[32..]].concat());
    store.force(BUCKET, &spoilt);
    assert_eq!(keep(20, 9001, 9999), written(None, false), "read as empty");
    assert_eq!(value(&store, BUCKET)[1], 1);
}

#[test]
fn a_table_tells_whether_it_has_a_place_for_a_record() {
    let hour = Duration::from_hours(1);
    for table in [Table::keeping("test", 8, hour), Table::sharing("test", 8, hour)] {
        let store = MemoryStore::default();
        let worker = Worker { table, ..Worker::new(8, &store) };
        let place = |number: u8, now: u64, until: Option<u64>| {
            let mut found = None;
            let (random, now) = (&worker.random, UnixMillis::new(now));
            worker.table.update_at(&store, random, &id(number), now, |_, place| {
                found = Some(place);
                let payload = Payload::new(vec![number]).expect("short");
                match until {
                    Some(until) => Change::PutUntil(UnixMillis::new(until), payload, ()),
                    None => Change::Keep(()),
                }
            });
            found.expect("it was asked")
        };
        for number in 1..=8 {
            assert_eq!(place(number, 1000, Some(2000 + u64::from(number))), Place::Own, "free");
        }
        assert_eq!(place(3, 1000, None), Place::Own, "it stands there");
        assert_eq!(place(9, 2000, None), Place::Nowhere);
        assert_eq!(place(9, 2005, None), Place::Taken(UnixMillis::new(2001)), "the first to end");
        assert_eq!(place(9, 2005, Some(9000)), Place::Taken(UnixMillis::new(2001)));
        assert_eq!(place(9, 2005, None), Place::Own);
        assert_eq!(place(1, 2005, None), Place::Taken(UnixMillis::new(2002)), "it was given up");
    }
}

#[test]
fn a_table_whose_newcomers_share_counts_places_alone() {
    let store = MemoryStore::default();
    let longest = Duration::from_hours(1);
    let worker = Worker { table: Table::sharing("test", 8, longest), ..Worker::new(8, &store) };
    for number in 1..=20 {
        let now = UnixMillis::new(1000);
        worker.table.update(&store, &worker.random, &id(number), now, |_| {
            let payload = Payload::new(b"x".to_vec()).expect("short");
            Change::PutUntil(UnixMillis::new(3_000_000), payload, ())
        });
    }
    assert_eq!(counted(&worker, &mut 1500), 8);
}

#[test]
fn a_record_that_must_be_kept_is_worth_more_tries() {
    let store = MemoryStore::default();
    let table = Table::keeping("test", 8, Duration::from_hours(1));
    let worker = Worker { table, ..Worker::new(8, &store) };
    worker.put(1, 10, b"a");
    for (lost, expected) in [(63, written(Some(b"a".to_vec()), false)), (64, Outcome::Contended)] {
        store.losses.set(lost);
        assert_eq!(worker.put(1, 20, b"a"), expected, "{lost} lost");
    }
}

#[test]
fn sixteen_lost_races_are_enough() {
    let store = MemoryStore::default();
    let worker = Worker::new(8, &store);
    worker.put(1, 10, b"a");
    for (lost, expected) in [(15, written(Some(b"a".to_vec()), false)), (16, Outcome::Contended)] {
        store.losses.set(lost);
        assert_eq!(worker.put(1, 20, b"a"), expected, "{lost} lost");
    }
}

#[test]
fn a_host_without_store_is_told_apart_from_a_busy_one() {
    let store = MemoryStore::default();
    store.absent.set(true);
    assert_eq!(Worker::new(8, &store).put(1, 10, b"a"), Outcome::Unsupported);
    let store = MemoryStore::default();
    store.losses.set(u32::MAX);
    assert_eq!(Worker::new(8, &store).put(1, 10, b"a"), Outcome::Contended);
}

#[test]
fn a_capacity_is_rounded_up_to_whole_buckets() {
    for (asked, expected) in [(0, 8), (1, 8), (8, 8), (9, 16), (65_536, 65_536)] {
        assert_eq!(Table::new("test", asked).capacity(), expected, "{asked}");
    }
    assert_eq!(Table::new("test", u32::MAX).capacity(), 1 << 32);
}

#[test]
fn no_record_is_too_long_for_its_bucket() {
    assert!(Payload::new(vec![0; 1024]).is_some());
    assert!(Payload::new(vec![0; 1025]).is_none());
    let store = MemoryStore::default();
    let worker = Worker::new(8, &store);
    for number in 1..=20 {
        worker.put(number, u64::from(number), &[number; 1024]);
    }
    assert_eq!(worker.get(20), Some(vec![20; 1024]));
    let longest = store.keys().iter().map(|key| value(&store, key).len()).max();
    assert_eq!(longest, Some(2 + 8 * (32 + 8 + 2 + 1024)));
}

#[test]
fn records_spread_over_buckets_that_no_client_can_foresee() {
    let keys = |first: u64| {
        let store = MemoryStore::default();
        let worker = Worker { random: Counting::after(first), ..Worker::new(8 * 64, &store) };
        for number in 0..=255 {
            worker.put(number, 10, b"x");
        }
        let size = |key: String| (value(&store, &key).len(), key);
        store.keys().into_iter().map(size).collect::<Vec<_>>()
    };
    let (one, other) = (keys(0), keys(1000));
    assert!(one.len() > 48 && one.len() <= 65, "{} keys", one.len());
    assert_ne!(one, other);
}

#[test]
fn the_first_worker_makes_the_seed_and_the_rest_take_it() {
    let store = MemoryStore::default();
    assert_eq!(Worker::new(8 * 64, &store).put(1, 10, b"a"), written(None, false));
    let seed = store.get(SEED);
    let other = Worker::new(8 * 64, &store);
    assert_eq!(other.get(1), Some(b"a".to_vec()));
    assert_eq!(store.get(SEED), seed);
    assert_eq!(other.random.drawn(), 0, "nothing was drawn");
}

#[test]
fn a_seed_that_cannot_be_read_is_replaced() {
    for bad in [&b""[..], b"\x01", b"\x02aaaaaaaaaaaaaaaa", b"\x01aaaaaaaaaaaaaaaaa"] {
        let store = MemoryStore::default();
        store.force(SEED, bad);
        let worker = Worker::new(8 * 64, &store);
        assert_eq!(worker.put(1, 10, b"a"), written(None, false), "{bad:?}");
        assert_eq!(worker.get(1), Some(b"a".to_vec()), "{bad:?}");
        assert_eq!(store.get(SEED).value.map(|seed| seed.len()), Some(17), "{bad:?}");
    }
}

#[test]
fn a_seed_that_was_replaced_is_followed_within_a_second() {
    let store = MemoryStore::default();
    let (one, other) = (Worker::new(8 << 20, &store), Worker::new(8 << 20, &store));
    one.put(1, 10, b"a");
    assert_eq!(other.put(1, 10, b"b"), written(Some(b"a".to_vec()), false));
    store.force(SEED, b"spoilt");
    let fresh = Worker { random: Counting::after(1000), ..Worker::new(8 << 20, &store) };
    assert_eq!(fresh.put(1, 10, b"c"), written(None, false), "under a seed of its own");
    assert_eq!(one.put(1, 1009, b"d"), written(Some(b"b".to_vec()), false), "not read anew yet");
    for (worker, name) in [(one, "after a second"), (other, "the same of another worker")] {
        assert_eq!(worker.put(1, 1010, b"c"), written(Some(b"c".to_vec()), false), "{name}");
    }
    let back = Worker { random: Counting::after(2000), ..Worker::new(8 << 20, &store) };
    back.put(1, 5000, b"c");
    store.force(SEED, b"spoilt");
    assert_eq!(back.put(1, 4999, b"e"), written(None, false), "read anew: the clock was set back");
}

#[test]
fn a_bucket_that_cannot_be_read_is_empty_and_written_over() {
    let store = MemoryStore::default();
    let worker = Worker::new(8, &store);
    worker.put(1, 10, b"a");
    worker.put(2, 10, b"b");
    let good = value(&store, BUCKET);
    let (header, rest) = good.split_at(2);
    let record = &rest[..43];
    let spoilt: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("a version alone", vec![1]),
        ("another version", [&[2, 2], rest].concat()),
        ("cut", good[..good.len() - 1].to_vec()),
        ("cut within an id", good[..20].to_vec()),
        ("one byte more", [&good[..], b"x"].concat()),
        ("one record fewer than told", [&[1, 3], rest].concat()),
        ("one record more than told", [&[1, 1], rest].concat()),
        ("more records than a bucket has", {
            let numbered = |number: u8| [&[number], &record[1..]].concat();
            [vec![1, 9], (1..=9).flat_map(numbered).collect()].concat()
        }),
        ("the same record twice", [header, record, record].concat()),
        ("a payload too long", {
            let long = [&[1, 1], &record[..40], &1025_u16.to_le_bytes(), &[0; 1025][..]];
            long.concat()
        }),
        ("a length beyond the end", [&[1, 1], &record[..40], &[255, 255], b"a"].concat()),
        ("noise", (0..=255).collect()),
    ];
    assert_eq!(worker.get(1), Some(b"a".to_vec()));
    for (name, bytes) in spoilt {
        store.force(BUCKET, &bytes);
        assert_eq!((worker.get(1), worker.get(2)), (None, None), "{name}");
        assert_eq!(worker.put(3, 10, b"c"), written(None, false), "{name}");
        assert_eq!((worker.get(1), worker.get(3)), (None, Some(b"c".to_vec())), "{name}");
    }
}

/// Something that may happen to a table that several workers share.
#[derive(Clone, Debug)]
enum Step {
    /// A worker stores a record while another one stores a second in between.
    Race { number: u8, payload: Vec<u8>, rival: u8 },
    /// Writes are lost from now on.
    Lose(u32),
    /// Bytes of a key are changed by whoever shares the store.
    Spoil { bucket: u8, at: usize, with: u8 },
    /// A worker stores a record.
    Store { number: u8, payload: Vec<u8> },
    /// Time passes, or is set back.
    Time(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let payload = || vec(any::<u8>(), 0..40);
    prop_oneof![
        4 => (any::<u8>(), payload()).prop_map(|(number, payload)| Step::Store { number, payload }),
        2 => (any::<u8>(), payload(), any::<u8>())
            .prop_map(|(number, payload, rival)| Step::Race { number, payload, rival }),
        1 => (0..20_u32).prop_map(Step::Lose),
        1 => any::<u64>().prop_map(Step::Time),
    ]
}

fn step_or_spoil() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => step(),
        1 => (0..3_u8, 0..400_usize, any::<u8>())
            .prop_map(|(bucket, at, with)| Step::Spoil { bucket, at, with }),
    ]
}

/// Two workers of one table, and what was last stored under each id.
struct Model<'s> {
    store: &'s MemoryStore,
    workers: [Worker<'s>; 2],
    last: BTreeMap<u8, Vec<u8>>,
    now: u64,
}

impl<'s> Model<'s> {
    fn new(capacity: u32, store: &'s MemoryStore) -> Self {
        let workers = [Worker::new(capacity, store), Worker::new(capacity, store)];
        Self { store, workers, last: BTreeMap::new(), now: 0 }
    }

    fn take(&mut self, step: Step) {
        let [one, other] = &self.workers;
        match step {
            Step::Lose(count) => self.store.losses.set(count),
            Step::Time(now) => self.now = now,
            Step::Spoil { bucket, at, with } => {
                let key = format!("tg1/test/{bucket}");
                let mut value = self.store.get(&key).value.unwrap_or_default();
                if let Some(byte) = value.get_mut(at) {
                    *byte = with;
                    self.store.force(&key, &value);
                }
            }
            Step::Store { number, payload } => {
                if matches!(one.put(number, self.now, &payload), Outcome::Written { .. }) {
                    self.last.insert(number, payload);
                }
            }
            Step::Race { number, payload, rival } => {
                let mut raced = false;
                let mut rival_wrote = false;
                let stored = Payload::new(payload.clone()).expect("short");
                let now = UnixMillis::new(self.now);
                let outcome = one.table.update(self.store, &one.random, &id(number), now, |_| {
                    if !std::mem::replace(&mut raced, true) {
                        let outcome = other.put(rival, self.now, b"rival");
                        rival_wrote = matches!(outcome, Outcome::Written { .. });
                    }
                    Change::Put(stored.clone(), ())
                });
                if rival_wrote {
                    self.last.insert(rival, b"rival".to_vec());
                }
                if matches!(outcome, Outcome::Written { .. }) {
                    self.last.insert(number, payload);
                }
            }
        }
    }

    fn check_bounds(&self, buckets: usize) -> Result<(), TestCaseError> {
        let keys = self.store.keys();
        prop_assert!(keys.len() <= buckets + 1, "{keys:?}");
        for key in &keys {
            let longest = 2 + 8 * (32 + 8 + 2 + Payload::MAX_BYTES);
            prop_assert!(value(self.store, key).len() <= longest, "{key}");
        }
        let found = (0..=255).filter(|number| self.workers[1].get(*number).is_some()).count();
        prop_assert!(found <= buckets * 8, "{found} records");
        Ok(())
    }
}

proptest! {
    #[test]
    fn a_record_is_what_was_last_stored_under_its_id_or_nothing(
        capacity in 1..24_u32,
        steps in vec(step(), 1..120),
    ) {
        let store = MemoryStore::default();
        let mut model = Model::new(capacity, &store);
        for step in steps {
            model.take(step);
        }
        store.losses.set(0);
        for (number, payload) in &model.last {
            let found = model.workers[1].get(*number);
            prop_assert!(found.is_none_or(|found| found == *payload), "{number}");
        }
        for number in (0..=255).filter(|number| !model.last.contains_key(number)) {
            prop_assert_eq!(model.workers[1].get(number), None);
        }
        model.check_bounds(usize::try_from(capacity.div_ceil(8)).expect("small"))?;
    }

    #[test]
    fn nothing_that_others_write_breaks_the_bounds(
        capacity in 1..24_u32,
        steps in vec(step_or_spoil(), 1..120),
        noise in vec(any::<u8>(), 0..3000),
    ) {
        let store = MemoryStore::default();
        store.force(BUCKET, &noise);
        let mut model = Model::new(capacity, &store);
        for step in steps {
            model.take(step);
        }
        store.losses.set(0);
        model.check_bounds(usize::try_from(capacity.div_ceil(8)).expect("small"))?;
        let stored = model.workers[0].put(1, model.now, b"still works");
        prop_assert!(matches!(stored, Outcome::Written { .. }), "{:?}", stored);
        prop_assert_eq!(model.workers[1].get(1), Some(b"still works".to_vec()));
    }
}

/// Takes counts further until one is through.
fn counted(worker: &Worker<'_>, now: &mut u64) -> u64 {
    for _ in 0..1000 {
        *now += 500;
        if let Some(count) = worker.table.occupancy(worker.shared, UnixMillis::new(*now)) {
            return count;
        }
    }
    panic!("a count that never ends");
}

#[test]
fn every_record_is_counted_once() {
    for (capacity, records) in [(8, 0), (8, 5), (64, 30), (4096, 200), (4104, 200)] {
        let store = MemoryStore::default();
        let worker = Worker::new(capacity, &store);
        let mut held = 0;
        for number in 0..records {
            if let Outcome::Written { evicted: false, .. } = worker.put(number, 1000, b"x") {
                held += 1;
            }
        }
        let mut now = 2000;
        for round in 0..2 {
            assert_eq!(counted(&worker, &mut now), held, "{capacity}, round {round}");
        }
    }
}

#[test]
fn a_table_that_keeps_its_records_counts_those_that_must_be_kept() {
    let store = MemoryStore::default();
    let longest = Duration::from_secs(3600);
    let worker = Worker { table: Table::keeping("test", 64, longest), ..Worker::new(64, &store) };
    let ends = [1500, 2600, 9000, 9000, u64::MAX];
    for (number, until) in (0..).zip(ends) {
        let now = UnixMillis::new(1000);
        worker.table.update(&store, &worker.random, &id(number), now, |_| {
            let payload = Payload::new(b"x".to_vec()).expect("short");
            Change::PutUntil(UnixMillis::new(until), payload, ())
        });
    }
    let mut now = 1500;
    assert_eq!(counted(&worker, &mut now), 3, "one has ended, and one ends later than any can");
    assert_eq!(counted(&worker, &mut now), 3);
    assert_eq!(counted(&worker, &mut now), 2);
    now = 9000;
    assert_eq!(counted(&worker, &mut now), 0);
}

#[test]
fn workers_share_a_count_and_none_repeats_a_step() {
    let store = MemoryStore::default();
    let workers: Vec<_> = (0..4).map(|_| Worker::new(8 * 1024, &store)).collect();
    for number in 0..100 {
        workers[0].put(number, 1000, b"x");
    }
    let mut found = Vec::new();
    for step in 1..=16_u64 {
        for worker in &workers {
            let now = UnixMillis::new(1000 + 500 * step);
            found.extend(worker.table.occupancy(worker.shared, now));
        }
    }
    assert_eq!(found, [100, 100], "eight steps to a round");
}

#[test]
fn tables_of_one_kind_and_different_sizes_are_both_counted() {
    let store = MemoryStore::default();
    let (small, large) = (Worker::new(2048, &store), Worker::new(4096, &store));
    for number in 0..50 {
        small.put(number, 1000, b"x");
    }
    let mut found = Vec::new();
    for step in 1..=4_u64 {
        for worker in [&small, &large] {
            let now = UnixMillis::new(1000 + 500 * step);
            found.push(worker.table.occupancy(worker.shared, now).is_some());
        }
    }
    assert_eq!(found, [false, false, true, false, false, false, true, true]);
}

#[test]
fn a_count_that_a_stranger_wrote_is_begun_anew() {
    let store = MemoryStore::default();
    let worker = Worker::new(4096, &store);
    for number in 0..50 {
        worker.put(number, 1000, b"x");
    }
    let key = "tg1/census/test-512";
    let mut now = 2000;
    let step = |now: &mut u64| {
        *now += 500;
        worker.table.occupancy(worker.shared, UnixMillis::new(*now))
    };
    step(&mut now);
    let good = value(&store, key);
    let far = u64::MAX.to_le_bytes();
    let head = &good[..good.len() - 8];
    let forged = [
        ("nothing", Vec::new()),
        ("cut", good[..good.len() - 1].to_vec()),
        ("longer", [&good[..], b"x"].concat()),
        ("another layout", [&[9], &good[1..]].concat()),
        ("another table's size", [&good[..1], &[1, 0, 0, 0], &good[5..]].concat()),
        (
            "more records than there were places",
            [&good[..9], &u64::MAX.to_le_bytes(), &good[17..]].concat(),
        ),
        ("a bucket that is not there", [&good[..5], &u32::MAX.to_le_bytes(), &good[9..]].concat()),
    ];
    for (name, bytes) in forged {
        store.force(key, &bytes);
        assert_eq!(counted(&worker, &mut now), 50, "{name}");
    }
    // A time that no clock like ours wrote holds nobody up.
    store.force(key, &[head, &far].concat());
    let before = value(&store, key);
    step(&mut now);
    assert_ne!(value(&store, key), before);
    // A store that loses every write, or is none, gives no count.
    store.losses.set(u32::MAX);
    assert_eq!(step(&mut now), None);
    store.losses.set(0);
    store.absent.set(true);
    assert_eq!(step(&mut now), None);
}
