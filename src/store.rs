//! Bounded tables in the store that all workers share.
//!
//! Hosts cannot delete keys, so a table has a fixed number of them: each is a bucket of a few
//! records. A full bucket gives up the record unused for longest; that of a table whose records must
//! be kept gives up only what need not be kept any longer; where newcomers must not be turned away for
//! that, they share one record. Which bucket a record falls into is decided
//! by a keyed hash, whose key all workers share and no client knows.
//!
//! Knows nothing of what a record is for.

mod bucket;
mod occupancy;

use std::cell::Cell;
use std::fmt::Display;
use std::hash::Hasher;
use std::iter;
use std::time::Duration;

use siphasher::sip128::{Hasher128, SipHasher24};

use crate::env::{PutError, Random, SharedData};
use crate::time::UnixMillis;
use bucket::{Bucket, Entry, Placed};

/// What tells a record from every other of its table: a whole SHA-256, never a part of it.
pub type RecordId = [u8; 32];

/// A table of a bounded number of records.
#[derive(Clone, Debug)]
pub struct Table {
    kind: &'static str,
    buckets: u32,
    attempts: u32,
    room: Room,
    seed: Cell<Option<Seed>>,
}

/// The hash key that all workers share, as this one has it.
#[derive(Clone, Copy, Debug)]
struct Seed {
    key: [u8; 16],
    read_at: UnixMillis,
}

/// Which record a full bucket gives up for a new one.
#[derive(Clone, Copy, Debug)]
enum Room {
    /// The one that is out of use for longest; none while all must be kept. None is kept for longer
    /// than this.
    Ended(Duration),
    /// The same; where none may be given up, all newcomers of the bucket share one record beside it.
    Shared(Duration),
    /// The one that is worth least, by its payload and its stamp, and of these the one with the earliest
    /// stamp.
    Ranked(Ranking),
    /// The one unused for longest.
    Unused,
}

/// What a record with this payload and this stamp is worth now.
pub type Ranking = fn(&[u8], UnixMillis, UnixMillis) -> Rank;

/// What a record is worth to a full bucket.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Rank {
    /// It may be given up, one of a lower number first.
    Goes(u8),
    /// It may not.
    Stays,
}

/// A record as it stands in the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Record<'b> {
    /// When it was last written; in a table that keeps its records, until when it must be kept.
    pub last_used: UnixMillis,
    /// What its owner stored. Whoever shares the store could have written it.
    pub payload: &'b [u8],
}

/// What the owner of a record stores in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Payload(Vec<u8>);

impl Payload {
    /// Longest payload, in bytes.
    pub const MAX_BYTES: usize = 1024;
    /// Longest payload in a table whose records are [ranked](Table::ranked), in bytes.
    pub const MAX_RANKED: usize = 4138;

    /// Accepts a payload; `None` where it is too long.
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() <= Self::MAX_BYTES).then_some(Self(bytes))
    }

    /// Accepts a payload of a table whose records are ranked; `None` where it is too long.
    pub fn ranked(bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() <= Self::MAX_RANKED).then_some(Self(bytes))
    }
}

/// Whether a table has a place for a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// None: newcomers share a record, where they may.
    Nowhere,
    /// Its own, or a free one.
    Own,
    /// That of another record, which would be given up, and bears this stamp. No record of the bucket that
    /// was given up before had a later one.
    Taken(UnixMillis),
}

/// What [`Table::update`] is to do with a record, and what to tell the caller then.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change<T> {
    /// Leave everything as it is; nothing is written.
    Keep(T),
    /// Store this and mark the record as used now.
    Put(Payload, T),
    /// Store this, to be kept until then.
    PutUntil(UnixMillis, Payload, T),
}

/// What an update came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome<T> {
    /// Other workers wrote first, as often as an update is tried; nothing was written.
    Contended,
    /// The record is new, and its bucket holds only records that must be kept; nothing was written.
    Full,
    /// Nothing was to be written.
    Kept(T),
    /// The host has no store; nothing was written.
    Unsupported,
    /// The record was written.
    Written {
        /// What the change said.
        value: T,
        /// Whether another record had to be given up for it.
        evicted: bool,
    },
}

impl Table {
    /// Records in one bucket.
    pub const BUCKET_RECORDS: u32 = 8;

    /// How often an update is tried while other workers write first.
    pub const ATTEMPTS: u32 = 16;

    /// How often that is in a table whose records must be kept.
    pub const KEEPING_ATTEMPTS: u32 = 64;

    /// A table of at least `capacity` records, rounded up to whole buckets. Its keys are
    /// `tg1/<kind>/<bucket>`; tables of one kind are one table.
    pub fn new(kind: &'static str, capacity: u32) -> Self {
        let buckets = capacity.div_ceil(Self::BUCKET_RECORDS).max(1);
        let (attempts, room) = (Self::ATTEMPTS, Room::Unused);
        Self { kind, buckets, attempts, room, seed: Cell::default() }
    }

    /// The same, for records that must be kept until the time they are stored with, which lies at
    /// most `longest` ahead.
    pub fn keeping(kind: &'static str, capacity: u32, longest: Duration) -> Self {
        let (attempts, room) = (Self::KEEPING_ATTEMPTS, Room::Ended(longest));
        Self { attempts, room, ..Self::new(kind, capacity) }
    }

    /// The same, where newcomers find room whatever was there before: those of a full bucket share one
    /// record, which is found and written in place of each one's own.
    pub fn sharing(kind: &'static str, capacity: u32, longest: Duration) -> Self {
        Self { room: Room::Shared(longest), ..Self::keeping(kind, capacity, longest) }
    }

    /// The same, whose full buckets give up what this ranking says.
    pub fn ranked(kind: &'static str, capacity: u32, ranking: Ranking) -> Self {
        let (attempts, room) = (Self::KEEPING_ATTEMPTS, Room::Ranked(ranking));
        Self { attempts, room, ..Self::new(kind, capacity) }
    }

    /// How many records fit.
    pub fn capacity(&self) -> u64 {
        u64::from(self.buckets).saturating_mul(u64::from(Self::BUCKET_RECORDS))
    }

    /// Changes one record: reads it, asks `change`, and writes if that is wanted and nobody wrote
    /// meanwhile; otherwise all of it again, at most [`Self::ATTEMPTS`] times,
    /// in a table that keeps its records [`Self::KEEPING_ATTEMPTS`].
    ///
    /// A bucket that cannot be read counts as empty and is written over.
    pub fn update<T>(
        &self,
        shared: &dyn SharedData,
        random: &dyn Random,
        id: &RecordId,
        now: UnixMillis,
        mut change: impl FnMut(Option<Record<'_>>) -> Change<T>,
    ) -> Outcome<T> {
        self.update_at(shared, random, id, now, |record, _| change(record))
    }

    /// [`Self::update`], which also tells where the record stands or would.
    pub fn update_at<T>(
        &self,
        shared: &dyn SharedData,
        random: &dyn Random,
        id: &RecordId,
        now: UnixMillis,
        mut change: impl FnMut(Option<Record<'_>>, Place) -> Change<T>,
    ) -> Outcome<T> {
        let mut told = None;
        let outcome = self.update_with(shared, random, id, now, &mut |record, place| {
            let (change, value) = match change(record, place) {
                Change::Keep(value) => (Change::Keep(()), value),
                Change::Put(payload, value) => (Change::Put(payload, ()), value),
                Change::PutUntil(until, payload, value) => {
                    (Change::PutUntil(until, payload, ()), value)
                }
            };
            told = Some(value);
            change
        });
        match (outcome, told) {
            (Outcome::Kept(()), Some(value)) => Outcome::Kept(value),
            (Outcome::Written { evicted, .. }, Some(value)) => Outcome::Written { value, evicted },
            (Outcome::Full, _) => Outcome::Full,
            (Outcome::Unsupported, _) => Outcome::Unsupported,
            // Whatever was kept or written was told.
            (Outcome::Contended | Outcome::Kept(()) | Outcome::Written { .. }, _) => {
                Outcome::Contended
            }
        }
    }

    /// [`Self::update_at`], whatever is told: once in the module.
    fn update_with(
        &self,
        shared: &dyn SharedData,
        random: &dyn Random,
        id: &RecordId,
        now: UnixMillis,
        change: &mut dyn FnMut(Option<Record<'_>>, Place) -> Change<()>,
    ) -> Outcome<()> {
        let seed = match self.seed(shared, random, now) {
            Ok(seed) => seed,
            Err(PutError::Lost) => return Outcome::Contended,
            Err(PutError::Unsupported) => return Outcome::Unsupported,
        };
        let key = self.key(&seed, id);
        for _ in 0..self.attempts {
            let stored = shared.get(&key);
            let mut bucket = Bucket::decode(stored.value.as_deref().unwrap_or_default(), self.room);
            let (id, record, place) = bucket.look_up(id, now, self.room);
            let (stamp, payload) = match change(record, place) {
                Change::Keep(()) => return Outcome::Kept(()),
                Change::Put(payload, ()) => (now, payload),
                Change::PutUntil(until, payload, ()) => (until, payload),
            };
            let evicted = match bucket.store(Entry::new(id, stamp, &payload.0), now, self.room) {
                Placed::Beside => false,
                Placed::Instead => true,
                Placed::Nowhere => return Outcome::Full,
            };
            match shared.put(&key, &bucket.encode(), stored.cas) {
                Ok(()) => return Outcome::Written { value: (), evicted },
                Err(PutError::Lost) => {}
                Err(PutError::Unsupported) => return Outcome::Unsupported,
            }
        }
        Outcome::Contended
    }

    /// What one record says to `tell`; `None` where there is none.
    pub fn read<T>(
        &self,
        shared: &dyn SharedData,
        random: &dyn Random,
        id: &RecordId,
        now: UnixMillis,
        tell: impl FnOnce(Record<'_>) -> T,
    ) -> Option<T> {
        let key = self.key(&self.seed(shared, random, now).ok()?, id);
        let stored = shared.get(&key).value?;
        Bucket::decode(&stored, self.room).find(id).map(tell)
    }

    /// The hash key, read anew once a second, so that no worker goes on for longer with another than
    /// the rest.
    fn seed(
        &self,
        shared: &dyn SharedData,
        random: &dyn Random,
        now: UnixMillis,
    ) -> Result<[u8; 16], PutError> {
        let is_fresh =
            |seed: &Seed| seed.read_at <= now && now.since(seed.read_at) < SEED_READ_EVERY;
        if let Some(seed) = self.seed.get().filter(is_fresh) {
            return Ok(seed.key);
        }
        let key = read_seed(shared, random)?;
        self.seed.set(Some(Seed { key, read_at: now }));
        Ok(key)
    }

    fn key(&self, seed: &[u8; 16], id: &RecordId) -> String {
        let mut hasher = SipHasher24::new_with_key(seed);
        hasher.write(id);
        let bucket = hasher.finish128().h1.checked_rem(u64::from(self.buckets)).unwrap_or_default();
        self.bucket_key(bucket)
    }

    fn bucket_key(&self, bucket: impl Display) -> String {
        format!("tg1/{}/{bucket}", self.kind)
    }
}

/// How long a worker relies on the hash key that it has read.
const SEED_READ_EVERY: Duration = Duration::from_secs(1);

/// The hash key that all workers share: whoever comes first makes it, by put-if-absent; one that
/// cannot be read is replaced.
fn read_seed(shared: &dyn SharedData, random: &dyn Random) -> Result<[u8; 16], PutError> {
    const KEY: &str = "tg1/seed";
    const VERSION: u8 = 1;
    for _ in 0..Table::ATTEMPTS {
        let stored = shared.get(KEY);
        if let Some([VERSION, rest @ ..]) = stored.value.as_deref()
            && let Ok(seed) = rest.try_into()
        {
            return Ok(seed);
        }
        let seed = u128::from(random.u64()) << 64 | u128::from(random.u64());
        let seed = seed.to_le_bytes();
        let value: Vec<u8> = iter::once(VERSION).chain(seed).collect();
        match shared.put(KEY, &value, stored.cas) {
            Ok(()) => return Ok(seed),
            Err(PutError::Lost) => {}
            Err(PutError::Unsupported) => return Err(PutError::Unsupported),
        }
    }
    Err(PutError::Lost)
}
