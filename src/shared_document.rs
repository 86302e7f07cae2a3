//! A document that one worker fetches and publishes for all: when to fetch it, who may, what is in use.
//!
//! A state machine over time. It knows *that* a fetch is due, never *how* one is made, nor what the
//! document says. What all workers must agree on (who fetches, when next, what was published) stands
//! in two records of the shared store; each worker keeps what it made of the document.

mod record;

use std::time::Duration;

use crate::env::{Cas, Env, PutError};
use crate::time::{CLOCKS_AGREE_WITHIN, UnixMillis, millis};
pub use record::Failure;
use record::{Board, Lease};

/// Longest wait between attempts while no document was ever loaded.
const FIRST_BACKOFF_CAP: Duration = Duration::from_secs(5);
/// Longest wait between attempts while an older document is in use.
const BACKOFF_CAP: Duration = Duration::from_secs(60);
/// Wait after the first failure; doubled by each further one.
const BACKOFF: Duration = Duration::from_secs(1);
/// How often publishing a document is tried while others write first.
const PUBLISH_TRIES: usize = 4;
/// How much later than its last call a lease ends.
const LEASE_SLACK: Duration = Duration::from_secs(1);

/// Which document it is, and how fresh it must be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Terms {
    /// What tells the document from others of its kind.
    pub id: Box<str>,
    /// The kind of the record that says where things stand: it is `tg1/<board>/<id>`.
    pub board: &'static str,
    /// The kind of the record that holds the document: it is `tg1/<text>/<id>`.
    pub text: &'static str,
    /// How long all calls of a fetch may take.
    pub calls: Duration,
    /// How old the document becomes before it is fetched again.
    pub refresh: Duration,
    /// Shortest time between two fetches on demand.
    pub cooldown: Duration,
    /// How old the document may be and still be used.
    pub max_stale: Duration,
}

/// A shared document, as one worker sees it.
#[derive(Debug)]
pub struct SharedDocument {
    terms: Terms,
    /// The shared state as last read, and its version in the store.
    board: Board,
    cas: Option<Cas>,
    /// The version of the document in use here.
    taken: Option<[u8; 16]>,
    /// Whether the host has no store: the state above is then all there is.
    alone: bool,
    /// Whether a fetch out of turn is wanted.
    wanted: bool,
    /// When the document in use was last fetched or confirmed, in case the shared state gets lost.
    confirmed_at: Option<UnixMillis>,
    /// The version of a published document that could not be read.
    unreadable: Option<[u8; 16]>,
    /// What was published with the document, where the host has no store.
    beside: Option<Vec<u8>>,
}

/// The right to fetch, held by one worker of the process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Attempt {
    holder: u64,
    on_demand: bool,
}

/// What tells a worker that a fetch has ended since it last looked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Progress {
    attempts: u32,
    version: [u8; 16],
}

/// Where a document stands, for whoever looks at it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Standing {
    /// When it was last fetched or confirmed; `None` before the first time.
    pub fetched_at: Option<UnixMillis>,
    /// From when on it is too old to be used; `None` before it was fetched.
    pub stale_at: Option<UnixMillis>,
    /// When the next scheduled fetch is due.
    pub next_due: UnixMillis,
    /// Whether the last attempt failed.
    pub failing: bool,
    /// The last attempt that failed, however many succeeded since.
    pub failure: Option<Failure>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Finished {
    /// Another document is in use now.
    Changed,
    /// The same document, confirmed.
    Confirmed,
    /// The attempt failed; what was there stays.
    Failed,
    /// The lease had run out and another worker has taken over: nothing was published.
    Superseded,
}

impl SharedDocument {
    /// A document that was never fetched.
    pub fn new(terms: Terms) -> Self {
        Self {
            terms,
            board: Board::default(),
            cas: None,
            taken: None,
            alone: false,
            wanted: false,
            confirmed_at: None,
            unreadable: None,
            beside: None,
        }
    }

    /// Where it stands, for comparing later.
    pub const fn progress(&self) -> Progress {
        Progress { attempts: self.board.attempts, version: self.board.version }
    }

    /// The number of the first fetch that begins from now on: it knows what was published by now.
    pub fn next_fetch(&self, now: UnixMillis) -> u32 {
        self.board.attempts.saturating_add(1).saturating_add(u32::from(self.running(now)))
    }

    /// Whether the fetch of this number has ended.
    pub const fn has_ended(&self, fetch: u32) -> bool {
        self.board.attempts >= fetch
    }

    /// Looks at the shared state. Returns what others have published and is not in use here: it is to be
    /// read, and then [taken](Self::take).
    pub fn sync(&mut self, env: &Env<'_>) -> Option<Vec<u8>> {
        let (board, cas) = self.read(env);
        if board.attempts != self.board.attempts {
            // Whatever was wanted, somebody has asked since; what could not be read may be there now.
            self.wanted = false;
            self.unreadable = None;
        }
        let (fetched_at, version) = (board.fetched_at, board.version);
        (self.board, self.cas) = (board, cas);
        fetched_at?;
        if self.taken == Some(version) {
            self.confirmed_at = fetched_at;
            return None;
        }
        if self.unreadable == Some(version) {
            return None;
        }
        let stored = env.shared.get(&self.key(self.terms.text)).value;
        let text = stored.and_then(|value| record::text(value, &self.terms.id));
        if text.is_none() {
            self.take(None);
        }
        text
    }

    /// Takes the published document of this version into use; `None` where it cannot be read. Says
    /// whether it is the one that was published.
    pub fn take(&mut self, version: Option<[u8; 16]>) -> bool {
        if version == Some(self.board.version) {
            self.taken = version;
            self.confirmed_at = self.board.fetched_at;
            return true;
        }
        // Read once; one that was published and is not there must be fetched anew.
        self.unreadable = Some(self.board.version);
        self.wanted = true;
        false
    }

    /// Takes the right to fetch, where a fetch is due and no worker has it. What others published
    /// has been [looked at](Self::sync) just before.
    pub fn attempt(&mut self, env: &Env<'_>) -> Option<Attempt> {
        if self.running(env.now) {
            return None;
        }
        let scheduled = self.is_due(env.now);
        let on_demand = !scheduled && self.wanted && self.may_ask(env.now);
        if !scheduled && !on_demand {
            return None;
        }
        let holder = env.random.u64();
        let until = env.now.after(self.longest_lease());
        let mut next = Board { lease: Some(Lease { holder, until }), ..self.board.clone() };
        if on_demand {
            next.on_demand_after = env.now.after(self.terms.cooldown);
        }
        if !self.write(next, self.cas, env) {
            return None;
        }
        self.wanted = false;
        Some(Attempt { holder, on_demand })
    }

    /// Ends an attempt with a document of this version, publishes it and takes it into use.
    ///
    /// `beside` is what is published with it, in the record `tg1/<kind>/<id>`, and may change while the
    /// version stays; `life` is how old the document may become before it is fetched again.
    pub fn succeed(
        &mut self,
        attempt: Attempt,
        text: &[u8],
        beside: Option<(&str, &[u8])>,
        version: [u8; 16],
        life: Duration,
        env: &Env<'_>,
    ) -> Finished {
        let Some((board, cas)) = self.held(attempt, env) else { return Finished::Superseded };
        let next = Board { version, ..fetched(board, life, env) };
        // The document first: whoever reads the new version must find it.
        for (kind, text) in [Some((self.terms.text, text)), beside].into_iter().flatten() {
            match self.publish(kind, text, env) {
                Some(Ok(())) => {}
                // Nobody else could read it: this worker keeps what it knows to itself.
                Some(Err(_)) => self.alone = true,
                None => return Finished::Superseded,
            }
        }
        if self.alone {
            self.beside = beside.map(|(_, text)| text.to_vec());
        }
        if !self.write(next, cas, env) {
            return Finished::Superseded;
        }
        let changed = self.taken != Some(version);
        self.taken = Some(version);
        self.confirmed_at = Some(env.now);
        if changed { Finished::Changed } else { Finished::Confirmed }
    }

    /// Ends an attempt with word that the document in use here is still the one there is, which begins
    /// its life anew; `None` where that is not the one that was published.
    pub fn confirm(&mut self, attempt: Attempt, life: Duration, env: &Env<'_>) -> Option<Finished> {
        let Some((board, cas)) = self.held(attempt, env) else { return Some(Finished::Superseded) };
        self.in_use()?;
        if !self.write(fetched(board, life, env), cas, env) {
            return Some(Finished::Superseded);
        }
        self.confirmed_at = Some(env.now);
        Some(Finished::Confirmed)
    }

    /// The version of the document in use here, where that is the one that was published.
    pub fn in_use(&self) -> Option<[u8; 16]> {
        self.taken.filter(|taken| self.is_published() && *taken == self.board.version)
    }

    /// Writes a record of this document; `None` where others always write first.
    fn publish(&self, kind: &str, text: &[u8], env: &Env<'_>) -> Option<Result<(), PutError>> {
        let key = self.key(kind);
        let record = record::of_text(&self.terms.id, text);
        let publish = || env.shared.put(&key, &record, env.shared.get(&key).cas);
        let mut tries = std::iter::repeat_with(publish).take(PUBLISH_TRIES);
        tries.find(|put| *put != Err(PutError::Lost))
    }

    /// What was published with the document in a record of this kind; `None` where nothing was.
    pub fn beside(&self, kind: &str, env: &Env<'_>) -> Option<Vec<u8>> {
        if self.alone {
            return self.beside.clone();
        }
        record::text(env.shared.get(&self.key(kind)).value?, &self.terms.id)
    }

    /// Empties what was published with the document in a record of this kind, where the attempt still
    /// holds the right to.
    pub fn empty(&mut self, attempt: Attempt, kind: &str, env: &Env<'_>) {
        self.beside = None;
        if self.held(attempt, env).is_some() && !self.alone {
            self.publish(kind, &[], env);
        }
    }

    /// Ends an attempt that failed, with the reason and its [kind](Failure::kind).
    pub fn fail(&mut self, attempt: Attempt, kind: u8, reason: &str, env: &Env<'_>) -> Finished {
        let Some((board, cas)) = self.held(attempt, env) else { return Finished::Superseded };
        // A fetch on demand has a budget of its own: it does not delay the scheduled one, nor lengthen
        // its back-off.
        let failures = board.failures.saturating_add(u32::from(!attempt.on_demand));
        let cap = if board.fetched_at.is_none() {
            FIRST_BACKOFF_CAP
        } else {
            BACKOFF_CAP.min(self.terms.refresh.max(BACKOFF))
        };
        let wait = BACKOFF.saturating_mul(1_u32 << failures.saturating_sub(1).min(8)).min(cap);
        let next_due =
            if attempt.on_demand { board.next_due } else { env.now.after(jittered(wait, 50, env)) };
        let next = Board {
            attempts: board.attempts.wrapping_add(1),
            failed: true,
            failures,
            next_due,
            lease: None,
            failure: Some(Failure::new(env.now, kind, reason)),
            ..board
        };
        if self.write(next, cas, env) { Finished::Failed } else { Finished::Superseded }
    }

    /// Gives back an attempt that will never end: the next worker that looks fetches instead.
    pub fn give_back(&mut self, attempt: Attempt, env: &Env<'_>) {
        for _ in 0..PUBLISH_TRIES {
            let Some((board, cas)) = self.held(attempt, env) else { return };
            // Requests that wait for a fetch on demand do not ask again, so a fetch becomes due.
            let next_due = if attempt.on_demand { env.now } else { board.next_due };
            if self.write(Board { lease: None, next_due, ..board }, cas, env) {
                return;
            }
        }
    }

    /// The shared state, where `attempt` still holds the lease.
    fn held(&mut self, attempt: Attempt, env: &Env<'_>) -> Option<(Board, Option<Cas>)> {
        let (board, cas) = self.read(env);
        self.board = board.clone();
        board.lease.is_some_and(|lease| lease.holder == attempt.holder).then_some((board, cas))
    }

    /// Asks for a fetch out of turn; says whether the budget for those allows one.
    pub fn want(&mut self, now: UnixMillis) -> bool {
        let may_ask = self.may_ask(now);
        self.wanted |= may_ask;
        may_ask
    }

    /// Whether a document was published, whoever could read it.
    pub const fn is_published(&self) -> bool {
        self.board.fetched_at.is_some()
    }

    /// Where it stands, as last [looked at](Self::sync).
    pub fn standing(&self, now: UnixMillis) -> Standing {
        let fetched_at = self.board.fetched_at.or(self.confirmed_at);
        Standing {
            fetched_at,
            stale_at: fetched_at.map(|at| at.after(self.terms.max_stale)),
            next_due: now.after(self.until_due(now)),
            failing: self.board.failed,
            failure: self.board.failure.clone(),
        }
    }

    /// Whether the last attempt failed.
    pub const fn has_failed(&self) -> bool {
        self.board.failed
    }

    /// How long until the next scheduled fetch.
    pub fn until_due(&self, now: UnixMillis) -> Duration {
        if self.is_due(now) { Duration::ZERO } else { self.board.next_due.since(now) }
    }

    /// How long until any fetch, scheduled or on demand: when trying again makes sense.
    pub fn until_fetch(&self, now: UnixMillis) -> Duration {
        let on_demand =
            if self.may_ask(now) { Duration::ZERO } else { self.board.on_demand_after.since(now) };
        self.until_due(now).min(on_demand)
    }

    /// How long ago the document was last fetched or confirmed; `None` before the first time.
    pub fn age(&self, now: UnixMillis) -> Option<Duration> {
        self.board.fetched_at.or(self.confirmed_at).map(|at| now.since(at))
    }

    /// Whether the document in use is older than it may be.
    pub fn is_stale(&self, now: UnixMillis) -> bool {
        self.age(now).is_some_and(|age| age > self.terms.max_stale)
    }

    /// Whether a worker is fetching. A lease that ends later than any could is void.
    pub fn running(&self, now: UnixMillis) -> bool {
        let longest = now.after(self.longest_lease()).after(CLOCKS_AGREE_WITHIN);
        self.board.lease.is_some_and(|lease| now < lease.until && lease.until <= longest)
    }

    /// Whether the scheduled fetch is due. A date further ahead than any could be is void.
    pub fn is_due(&self, now: UnixMillis) -> bool {
        let furthest = now.after(self.terms.refresh.max(BACKOFF_CAP)).after(CLOCKS_AGREE_WITHIN);
        self.board.next_due <= now || self.board.next_due > furthest
    }

    /// Whether the budget for fetches on demand allows one.
    fn may_ask(&self, now: UnixMillis) -> bool {
        let furthest = now.after(self.terms.cooldown).after(CLOCKS_AGREE_WITHIN);
        self.board.on_demand_after <= now || self.board.on_demand_after > furthest
    }

    fn longest_lease(&self) -> Duration {
        self.terms.calls.saturating_add(LEASE_SLACK)
    }

    fn key(&self, kind: &str) -> String {
        format!("tg1/{kind}/{}", self.terms.id)
    }

    fn read(&self, env: &Env<'_>) -> (Board, Option<Cas>) {
        if self.alone {
            return (self.board.clone(), None);
        }
        let stored = env.shared.get(&self.key(self.terms.board));
        let board = stored.value.and_then(|value| Board::decode(&value, &self.terms.id, env.now));
        (board.unwrap_or_default(), stored.cas)
    }

    /// Whether the state was written; where the host has no store it is kept here.
    fn write(&mut self, board: Board, cas: Option<Cas>, env: &Env<'_>) -> bool {
        if !self.alone {
            match env.shared.put(&self.key(self.terms.board), &board.encode(&self.terms.id), cas) {
                Ok(()) => {}
                Err(PutError::Lost) => return false,
                Err(PutError::Unsupported) => self.alone = true,
            }
        }
        self.board = board;
        true
    }
}

/// What all workers agree on once the document was fetched or confirmed.
fn fetched(board: Board, life: Duration, env: &Env<'_>) -> Board {
    Board {
        attempts: board.attempts.wrapping_add(1),
        failed: false,
        failures: 0,
        fetched_at: Some(env.now),
        // Before it is old, and not in step with other proxies.
        next_due: env.now.after(jittered(life, 90, env)),
        lease: None,
        ..board
    }
}

/// A span shortened at random, to between `floor_percent` and all of it.
fn jittered(span: Duration, floor_percent: u64, env: &Env<'_>) -> Duration {
    let whole = millis(span);
    let floor = whole.saturating_mul(floor_percent) / 100;
    let slack = whole.saturating_sub(floor).saturating_add(1);
    Duration::from_millis(floor.saturating_add(env.random.u64().checked_rem(slack).unwrap_or(0)))
}
