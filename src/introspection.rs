//! What providers have answered about tokens (RFC 7662), shared by all workers: which answer is a
//! verdict, and who asks where there is none.
//!
//! One worker asks about a token at a time. It takes a lease on the token's record; a lease past its
//! deadline is void. Answers that the shared store has no room for stay in the worker.
//!
//! Knows nothing of how a call is made, or of what claims must say.

pub mod answer;
mod record;

use std::time::Duration;

use crate::env::Env;
use crate::store::{Change, Outcome, Payload, Rank, RecordId, Table};
use crate::time::{CLOCKS_AGREE_WITHIN, UnixMillis};
pub use record::{Kept, Record};

/// Longest answer that workers share, in bytes.
pub const MAX_SHARED: usize = 4096;
/// Longest answer at all, in bytes.
pub const MAX_ANSWER: usize = 64 * 1024;
/// Most answers and leases that a worker keeps for itself.
const MAX_OWN: usize = 256;
/// Most bytes of them.
const MAX_OWN_BYTES: usize = 1024 * 1024;
/// How long it is known that an attempt has failed: as long as anybody may have waited for it.
const FAILED_LASTS: Duration = Duration::from_secs(10);
/// How long at least it is remembered that a token was active.
const KNOWN_LASTS: Duration = Duration::from_secs(60);
/// Shortest time between two attempts while an old answer serves because the last attempt has failed.
const RETRIED_EVERY: Duration = Duration::from_secs(1);

/// How long answers of one provider are good for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Terms {
    /// An answer that a token is active.
    pub cache: Duration,
    /// An answer that it is not.
    pub negative: Duration,
    /// How much longer the former serves while the provider cannot be asked.
    pub stale: Duration,
    /// How long asking takes at most.
    pub lease: Duration,
}

/// What is known of a token when a request comes with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Known {
    /// What its provider has said is a verdict.
    Is(Kept),
    /// Its provider could not be asked since the request came.
    Failed,
    /// Its provider could not be asked of late, and an old answer serves meanwhile. With a lease this
    /// worker is to ask again; nobody waits for that.
    Serves(Kept, Option<Lease>),
    /// Somebody asks.
    Asked,
    /// This worker is to ask, and has the lease.
    Ask(Lease),
    /// Nobody asks, and this worker may not.
    Unasked,
}

/// The right to ask about a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lease {
    /// Which token, at which provider.
    pub id: RecordId,
    /// A random number that only its holder knows.
    pub holder: u64,
    /// Whether the token was active when it was last asked about.
    pub was_active: bool,
}

/// A call that asks about a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Attempt {
    /// The right to it.
    pub lease: Lease,
    /// The place of the client's secret that it shows.
    pub secret: usize,
    /// How many secrets were shown before.
    pub before: usize,
    /// When asking began.
    pub since: UnixMillis,
}

/// What asking came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Asked {
    /// The token is active: the answer as it came, and when the token expires.
    Active(Vec<u8>, Option<UnixMillis>),
    /// It is not: the answer, where it is needed again.
    Inactive(Vec<u8>),
    /// Nothing that could be used.
    Failed,
}

/// The answers that one worker knows, of one provider.
#[derive(Debug)]
pub struct Answers {
    terms: Terms,
    table: Table,
    own: Vec<(RecordId, Record)>,
}

impl Answers {
    /// Those of a provider on these terms; so many are shared.
    pub fn new(terms: Terms, capacity: u32) -> Self {
        Self { terms, table: Table::ranked("answer", capacity, rank), own: Vec::new() }
    }

    /// What is known of a token for a request that came `since`. Where nobody asks and `may_ask` lets
    /// it, this worker takes the lease; `may_ask` is told whether the token was active before.
    pub fn look(
        &mut self,
        id: &RecordId,
        since: UnixMillis,
        may_ask: &dyn Fn(bool) -> bool,
        env: &Env<'_>,
    ) -> Known {
        let terms = self.terms;
        let decide = |record: &Record| decide(record, (id, since), &terms, may_ask, env);
        self.own.retain(|(_, own)| own.is_of_use(&terms, env.now));
        if let Some((_, own)) = self.own.iter_mut().find(|(known, _)| known == id) {
            let (known, lease) = decide(own);
            own.lease = lease.or(own.lease);
            return known;
        }
        let outcome = self.table.update(env.shared, env.random, id, env.now, |stored| {
            let mut record = stored.and_then(|one| Record::decode(one.payload)).unwrap_or_default();
            let (known, lease) = decide(&record);
            match lease {
                None => Change::Keep(known),
                lease => {
                    record.lease = lease;
                    put(&record, &terms, env.now, known)
                }
            }
        });
        match outcome {
            Outcome::Kept(known) | Outcome::Written { value: known, .. } => known,
            // There is no place that all see: the worker asks for itself.
            Outcome::Contended | Outcome::Full | Outcome::Unsupported => {
                let (known, lease) = decide(&Record::default());
                if lease.is_some() {
                    self.keep(id, Record { lease, ..Record::default() });
                }
                known
            }
        }
    }

    /// Whether somebody still asks about a token.
    pub fn is_asked(&self, id: &RecordId, env: &Env<'_>) -> bool {
        let is_live = |record: &Record| record.is_leased(&self.terms, env.now);
        if self.own.iter().any(|(known, own)| known == id && is_live(own)) {
            return true;
        }
        let stored = self.table.read(env.shared, env.random, id, env.now, |one| {
            Record::decode(one.payload).is_some_and(|record| is_live(&record))
        });
        stored.unwrap_or_default()
    }

    /// Ends asking with what came of it. Nothing, where the lease is somebody else's by now.
    pub fn done(&mut self, lease: &Lease, asked: Asked, env: &Env<'_>) {
        let terms = self.terms;
        let is_own = |record: &Record| record.is_held_by(lease.holder);
        if let Some(place) = self.own.iter().position(|(id, own)| *id == lease.id && is_own(own)) {
            let (id, mut record) = self.own.remove(place);
            record.end(asked, &terms, env.now);
            self.keep(&id, record);
            return;
        }
        let mut left = None;
        let _ = self.table.update(env.shared, env.random, &lease.id, env.now, |stored| {
            let stored = stored.and_then(|one| Record::decode(one.payload));
            let Some(mut record) = stored.filter(is_own) else { return Change::Keep(()) };
            record.end(asked.clone(), &terms, env.now);
            if record.bytes() > MAX_SHARED {
                // It stays here, and others ask for themselves.
                left = Some(std::mem::take(&mut record));
            }
            put(&record, &terms, env.now, ())
        });
        if let Some(record) = left {
            self.keep(&lease.id, record);
        }
    }

    /// Gives a lease back: its holder goes.
    pub fn give_back(&self, lease: &Lease, env: &Env<'_>) {
        let terms = self.terms;
        let _ = self.table.update(env.shared, env.random, &lease.id, env.now, |stored| {
            let stored = stored.and_then(|one| Record::decode(one.payload));
            match stored.filter(|record| record.is_held_by(lease.holder)) {
                Some(record) => put(&Record { lease: None, ..record }, &terms, env.now, ()),
                None => Change::Keep(()),
            }
        });
    }

    fn keep(&mut self, id: &RecordId, record: Record) {
        self.own.retain(|(known, _)| known != id);
        self.own.push((*id, record));
        let bytes = |all: &[(RecordId, Record)]| {
            all.iter().fold(0_usize, |sum, (_, one)| sum.saturating_add(one.bytes()))
        };
        while self.own.len() > MAX_OWN || bytes(&self.own) > MAX_OWN_BYTES {
            let idle = self.own.iter().position(|(_, one)| one.lease.is_none());
            self.own.remove(idle.unwrap_or_default());
        }
    }
}

/// Writes a record; one that is too long leaves what is there.
fn put<T>(record: &Record, terms: &Terms, now: UnixMillis, value: T) -> Change<T> {
    match Payload::ranked(record.encode()) {
        Some(bytes) => Change::PutUntil(record.until(terms, now), bytes, value),
        None => Change::Keep(value),
    }
}

/// What a record is to a full bucket. One that is being asked about stays; of the others those go first
/// that are of no use any more, then those of tokens that are not active.
fn rank(payload: &[u8], stamp: UnixMillis, now: UnixMillis) -> Rank {
    let Some(record) = Record::decode(payload) else { return Rank::Goes(0) };
    // A deadline beyond all calls keeps nothing.
    let horizon = now.after(LONGEST_LEASE).after(CLOCKS_AGREE_WITHIN);
    if record.lease.is_some_and(|(_, until)| now < until && until <= horizon) {
        return Rank::Stays;
    }
    match &record.kept {
        _ if stamp <= now => Rank::Goes(0),
        Some(kept) if kept.is_active => Rank::Goes(2),
        _ => Rank::Goes(1),
    }
}

/// The longest that anybody may ask about a token: two calls of an hour, and a little more.
const LONGEST_LEASE: Duration = Duration::from_hours(3);

/// What a record says to a request that came `since`; a lease, where this worker is to ask.
fn decide(
    record: &Record,
    (id, since): (&RecordId, UnixMillis),
    terms: &Terms,
    may_ask: &dyn Fn(bool) -> bool,
    env: &Env<'_>,
) -> (Known, Option<(u64, UnixMillis)>) {
    let now = env.now;
    if let Some(kept) = record.verdict(since, terms, now) {
        return (Known::Is(kept.clone()), None);
    }
    let was_active = record.was_active(terms, now);
    let is_asked = record.is_leased(terms, now);
    let lease = || {
        let holder = env.random.u64();
        (Lease { id: *id, holder, was_active }, (holder, now.after(terms.lease)))
    };
    let failed = record.failed_at.filter(|at| *at <= now);
    if let (Some(at), Some(kept)) = (failed, record.spare(terms, now)) {
        let asks = !is_asked && now.since(at) >= RETRIED_EVERY && may_ask(was_active);
        let lease = asks.then(lease);
        let known = Known::Serves(kept.clone(), lease.map(|(lease, _)| lease));
        return (known, lease.map(|(_, held)| held));
    }
    if failed.is_some_and(|at| at >= since) {
        return (Known::Failed, None);
    }
    if is_asked {
        return (Known::Asked, None);
    }
    if !may_ask(was_active) {
        return (Known::Unasked, None);
    }
    let (lease, held) = lease();
    (Known::Ask(lease), Some(held))
}

#[cfg(test)]
mod tests;
