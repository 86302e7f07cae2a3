//! One issuer's signing keys: when to fetch them, when to trust them, when to give up.
//!
//! A state machine over time. It knows *that* a fetch is due, never *how* one is made. What all
//! workers must agree on (who fetches, when next, what was published) stands in two records of the
//! shared store, `tg1/ring/<id>` and `tg1/set/<id>`; each worker keeps its own parsed copy of the set.

mod record;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{RingConfig, RingSource};
use crate::env::{Cas, Env, PutError};
use crate::ids::Kid;
use crate::jose::alg::Alg;
use crate::jose::jwk::{KeySet, Origin, PublicKey, Selection};
use crate::time::{UnixMillis, millis};
use record::{Board, Lease};

/// Longest wait between attempts while no set was ever loaded.
const FIRST_BACKOFF_CAP: Duration = Duration::from_secs(5);
/// Longest wait between attempts while an older set is in use.
const BACKOFF_CAP: Duration = Duration::from_secs(60);
/// Wait after the first failure; doubled by each further one.
const BACKOFF: Duration = Duration::from_secs(1);
/// Shortest life that a `Cache-Control: max-age` may ask for.
const MIN_MAX_AGE: Duration = Duration::from_secs(30);
/// How far the clocks of two workers may differ: each reads its own at the start of an event.
const CLOCKS_AGREE_WITHIN: Duration = Duration::from_secs(60);
/// How often publishing a set is tried while others write first.
const PUBLISH_TRIES: usize = 4;
/// How much later than its last call a lease ends.
const LEASE_SLACK: Duration = Duration::from_secs(1);

/// One key ring, as one worker sees it.
#[derive(Debug)]
pub struct Ring {
    config: RingConfig,
    /// The newest set this worker has taken.
    set: Option<Arc<KeySet>>,
    /// The shared state as last read.
    board: Board,
    /// Whether the host has no store: the state above is then all there is.
    alone: bool,
    /// Whether a request asked for a fetch out of turn.
    wanted: bool,
    /// When the set at hand was last fetched or confirmed, should the shared state get lost.
    confirmed_at: Option<UnixMillis>,
    /// The version of a published set that could not be read.
    unreadable: Option<[u8; 16]>,
}

/// Which key a token asks for. Nothing of it is verified.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The header's `kid`.
    pub kid: Option<&'a Kid>,
    /// The header's `alg`, already one that the configuration allows.
    pub alg: Alg,
    /// The claim `iss`.
    pub issuer: Option<&'a str>,
    /// The claim `tid`: Entra ID's tenant.
    pub tenant: Option<&'a str>,
}

/// What a look-up found.
#[derive(Debug)]
pub enum Lookup<'a> {
    /// There are keys to try.
    Found {
        /// They, at least one.
        keys: Vec<&'a PublicKey>,
        /// The version of their set.
        version: [u8; 16],
    },
    /// A key is there, but not for this algorithm or issuer.
    Mismatch,
    /// Not here, and a fetch may bring it: worth waiting for.
    MayArrive,
    /// The set in use is older than it may be; an attempt is due so much later.
    Stale(Duration),
    /// Not here, and we could not ask; an attempt is due so much later. Says nothing about the token.
    Unavailable(Duration),
    /// Not here, and the issuer was asked moments ago.
    Unknown,
}

/// What a request has been through before it looks up a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Patience {
    /// It has just come, and can wait.
    Fresh,
    /// It has waited for a fetch, and can wait for another.
    Waited,
    /// It has waited as long as any may.
    Overdue,
    /// Too many wait already.
    Crowded,
}

impl Patience {
    const fn is_left(self) -> bool {
        matches!(self, Self::Fresh | Self::Waited)
    }
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

/// How an attempt ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Finished {
    /// A set of other keys is in use now.
    Changed,
    /// The same keys, confirmed.
    Confirmed,
    /// The attempt failed; what was there stays.
    Failed,
    /// The lease had run out and another worker has taken over: nothing was published.
    Superseded,
}

impl Ring {
    /// A ring without keys.
    pub fn new(config: RingConfig) -> Self {
        Self {
            config,
            set: None,
            board: Board::default(),
            alone: false,
            wanted: false,
            confirmed_at: None,
            unreadable: None,
        }
    }

    /// What the ring was made from.
    pub const fn config(&self) -> &RingConfig {
        &self.config
    }

    /// Where the ring stands, for comparing later.
    pub const fn progress(&self) -> Progress {
        Progress { attempts: self.board.attempts, version: self.board.version }
    }

    /// Whether any set is in use.
    pub const fn is_loaded(&self) -> bool {
        self.set.is_some()
    }

    /// Takes what other workers have published.
    pub fn sync(&mut self, env: &Env<'_>) {
        let (board, _) = self.read(env);
        self.adopt(board, env);
    }

    fn adopt(&mut self, board: Board, env: &Env<'_>) {
        if board.attempts != self.board.attempts {
            // Whatever was wanted, somebody has asked since.
            self.wanted = false;
        }
        self.board = board;
        if board.fetched_at.is_none() {
            return;
        }
        if self.set.as_ref().map(|set| set.version()) == Some(board.version) {
            self.confirmed_at = board.fetched_at;
            return;
        }
        if self.unreadable == Some(board.version) {
            return;
        }
        let stored = env.shared.get(&self.set_key()).value;
        let set = stored.and_then(|value| {
            let text = record::set_text(&value, &self.config.id)?;
            Some(KeySet::parse(text, Origin::Fetched).ok()?.set)
        });
        match set.filter(|set| set.version() == board.version) {
            Some(set) => {
                self.set = Some(Arc::new(set));
                self.confirmed_at = board.fetched_at;
            }
            // Read once; a set that was published and is not there must be fetched anew.
            None => {
                self.unreadable = Some(board.version);
                self.wanted = true;
            }
        }
    }

    /// Finds the keys for a token.
    pub fn lookup(&mut self, wanted: Wanted<'_>, patience: Patience, env: &Env<'_>) -> Lookup<'_> {
        if !self.is_hit(wanted) || self.is_stale(env.now) {
            self.sync(env);
        }
        if self.set.is_none() {
            return self.without_a_set(patience, env.now);
        }
        if self.is_stale(env.now) {
            return Lookup::Stale(self.until_due(env.now));
        }
        if self.selects_nothing(wanted) {
            return self.without_the_key(patience, env.now);
        }
        match self.set.as_deref().map(|set| (set.version(), candidates(set, wanted))) {
            Some((version, Some(keys))) if !keys.is_empty() => Lookup::Found { keys, version },
            _ => Lookup::Mismatch,
        }
    }

    /// Whether the key of this thumbprint is still one to try for a token that it has verified.
    ///
    /// `seen_in` is the version of the set in which it last was: as long as that is in use, nothing
    /// has to be looked up.
    pub fn still_has(
        &self,
        thumbprint: &[u8; 32],
        wanted: Wanted<'_>,
        seen_in: &Cell<[u8; 16]>,
        now: UnixMillis,
    ) -> bool {
        let Some(set) = self.set.as_deref().filter(|_| !self.is_stale(now)) else { return false };
        if seen_in.get() == set.version() {
            return true;
        }
        let keys = candidates(set, wanted).unwrap_or_default();
        let is_there = keys.iter().any(|key| key.thumbprint() == thumbprint);
        if is_there {
            seen_in.set(set.version());
        }
        is_there
    }

    /// Whether the set at hand has a key to try.
    fn is_hit(&self, wanted: Wanted<'_>) -> bool {
        self.set
            .as_deref()
            .and_then(|set| candidates(set, wanted))
            .is_some_and(|keys| !keys.is_empty())
    }

    fn selects_nothing(&self, wanted: Wanted<'_>) -> bool {
        self.set.as_deref().is_none_or(|set| candidates(set, wanted).is_none())
    }

    fn without_a_set(&mut self, patience: Patience, now: UnixMillis) -> Lookup<'static> {
        // One that was published and cannot be read is asked for out of turn.
        let is_lost = self.board.fetched_at.is_some() && self.may_ask(now);
        let may_arrive = self.running(now) || self.is_due(now) || is_lost;
        if may_arrive && patience.is_left() {
            self.wanted |= is_lost;
            return Lookup::MayArrive;
        }
        Lookup::Unavailable(self.until_due(now))
    }

    fn without_the_key(&mut self, patience: Patience, now: UnixMillis) -> Lookup<'static> {
        if !patience.is_left() {
            return Lookup::Unknown;
        }
        if self.running(now) {
            return Lookup::MayArrive;
        }
        if self.may_ask(now) {
            self.wanted = true;
            return Lookup::MayArrive;
        }
        if patience == Patience::Waited && self.board.failed {
            return Lookup::Unavailable(self.until_fetch(now));
        }
        Lookup::Unknown
    }

    /// A signature did not verify under a known key: the provider may have changed the key under
    /// the same `kid`. Asks for one fetch out of turn, if the budget allows; nobody waits for it.
    pub fn suspect(&mut self, now: UnixMillis) {
        if self.may_ask(now) {
            self.wanted = true;
        }
    }

    /// Takes the right to fetch, where a fetch is due and no worker has it.
    pub fn attempt(&mut self, env: &Env<'_>) -> Option<Attempt> {
        let (board, cas) = self.read(env);
        self.adopt(board, env);
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
        let mut next = Board { lease: Some(Lease { holder, until }), ..self.board };
        if on_demand {
            next.on_demand_after = env.now.after(self.config.cooldown);
        }
        if !self.write(next, cas, env) {
            return None;
        }
        self.wanted = false;
        Some(Attempt { holder, on_demand })
    }

    /// Ends an attempt with a set that was fetched, and publishes it.
    ///
    /// `text` is the document as it came, `set` its usable keys, `max_age` what the provider's
    /// `Cache-Control` says.
    pub fn succeed(
        &mut self,
        attempt: Attempt,
        text: &[u8],
        set: KeySet,
        max_age: Option<Duration>,
        env: &Env<'_>,
    ) -> Finished {
        let Some((board, cas)) = self.held(attempt, env) else { return Finished::Superseded };
        let version = set.version();
        let changed = self.set.as_ref().map(|set| set.version()) != Some(version);
        let life = max_age
            .map_or(self.config.refresh, |age| self.config.refresh.min(age.max(MIN_MAX_AGE)));
        let next = Board {
            attempts: board.attempts.wrapping_add(1),
            failed: false,
            failures: 0,
            fetched_at: Some(env.now),
            // Before it is old, and not in step with other proxies.
            next_due: env.now.after(jittered(life, 90, env)),
            lease: None,
            version,
            ..board
        };
        // The set first: whoever reads the new version must find it.
        let set_key = self.set_key();
        let record = record::set_record(&self.config.id, text);
        let publish = || env.shared.put(&set_key, &record, env.shared.get(&set_key).cas);
        let tries = std::iter::repeat_with(publish).take(PUBLISH_TRIES);
        match tries.into_iter().find(|put| *put != Err(PutError::Lost)) {
            Some(Ok(())) => {}
            // Nobody else could read it: this worker keeps what it knows to itself.
            Some(Err(_)) => self.alone = true,
            None => return Finished::Superseded,
        }
        if !self.write(next, cas, env) {
            return Finished::Superseded;
        }
        self.set = Some(Arc::new(set));
        self.confirmed_at = Some(env.now);
        if changed { Finished::Changed } else { Finished::Confirmed }
    }

    /// Ends an attempt that brought no set.
    pub fn fail(&mut self, attempt: Attempt, env: &Env<'_>) -> Finished {
        let Some((board, cas)) = self.held(attempt, env) else { return Finished::Superseded };
        // A fetch on demand has a budget of its own: it neither puts off the scheduled one nor
        // lengthens its back-off.
        let failures = board.failures.saturating_add(u32::from(!attempt.on_demand));
        let cap = if board.fetched_at.is_none() {
            FIRST_BACKOFF_CAP
        } else {
            BACKOFF_CAP.min(self.config.refresh.max(BACKOFF))
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
            ..board
        };
        if self.write(next, cas, env) { Finished::Failed } else { Finished::Superseded }
    }

    /// The shared state, where `attempt` still holds the lease.
    fn held(&mut self, attempt: Attempt, env: &Env<'_>) -> Option<(Board, Option<Cas>)> {
        let (board, cas) = self.read(env);
        self.board = board;
        board.lease.is_some_and(|lease| lease.holder == attempt.holder).then_some((board, cas))
    }

    /// How long until the next scheduled fetch.
    pub fn until_due(&self, now: UnixMillis) -> Duration {
        if self.is_due(now) { Duration::ZERO } else { self.board.next_due.since(now) }
    }

    /// How long until any fetch, scheduled or on demand: when trying again makes sense.
    fn until_fetch(&self, now: UnixMillis) -> Duration {
        let on_demand =
            if self.may_ask(now) { Duration::ZERO } else { self.board.on_demand_after.since(now) };
        self.until_due(now).min(on_demand)
    }

    fn is_stale(&self, now: UnixMillis) -> bool {
        let fetched_at = self.board.fetched_at.or(self.confirmed_at);
        fetched_at.is_some_and(|at| now.since(at) > self.config.max_stale)
    }

    /// Whether a worker is fetching. A lease that ends later than any could is void.
    fn running(&self, now: UnixMillis) -> bool {
        let longest = now.after(self.longest_lease()).after(CLOCKS_AGREE_WITHIN);
        self.board.lease.is_some_and(|lease| now < lease.until && lease.until <= longest)
    }

    /// Whether the scheduled fetch is due. A date further ahead than any could be is void.
    fn is_due(&self, now: UnixMillis) -> bool {
        let furthest = now.after(self.config.refresh.max(BACKOFF_CAP)).after(CLOCKS_AGREE_WITHIN);
        self.board.next_due <= now || self.board.next_due > furthest
    }

    /// Whether the budget for fetches on demand allows one.
    fn may_ask(&self, now: UnixMillis) -> bool {
        let furthest = now.after(self.config.cooldown).after(CLOCKS_AGREE_WITHIN);
        self.board.on_demand_after <= now || self.board.on_demand_after > furthest
    }

    fn longest_lease(&self) -> Duration {
        let calls = match self.config.source {
            RingSource::Jwks(_) => 1,
            RingSource::Discovery { .. } => 2,
        };
        self.config.timeout.saturating_mul(calls).saturating_add(LEASE_SLACK)
    }

    fn board_key(&self) -> String {
        format!("tg1/ring/{}", self.config.id)
    }

    fn set_key(&self) -> String {
        format!("tg1/set/{}", self.config.id)
    }

    fn read(&self, env: &Env<'_>) -> (Board, Option<Cas>) {
        if self.alone {
            return (self.board, None);
        }
        let stored = env.shared.get(&self.board_key());
        let board = stored.value.and_then(|value| Board::decode(&value, &self.config.id, env.now));
        (board.unwrap_or_default(), stored.cas)
    }

    /// Whether the state was written; where the host has no store it is kept here.
    fn write(&mut self, board: Board, cas: Option<Cas>, env: &Env<'_>) -> bool {
        if !self.alone {
            match env.shared.put(&self.board_key(), &board.encode(&self.config.id), cas) {
                Ok(()) => {}
                Err(PutError::Lost) => return false,
                Err(PutError::Unsupported) => self.alone = true,
            }
        }
        self.board = board;
        true
    }
}

/// The keys to try: `None` where the set has no such key at all, empty where it has one that is for
/// another algorithm or issuer.
pub(crate) fn candidates<'s>(set: &'s KeySet, wanted: Wanted<'_>) -> Option<Vec<&'s PublicKey>> {
    match set.select(wanted.kid, wanted.alg) {
        Selection::Candidates(keys) => {
            let serves = |key: &&PublicKey| key.issuer().is_none_or(|of| serves(of, wanted));
            Some(keys.into_iter().filter(serves).collect())
        }
        Selection::Mismatch => Some(Vec::new()),
        Selection::Unknown => None,
    }
}

/// Whether a key that names its issuer (Entra ID's member `issuer`) may sign this token.
///
/// `{tenantid}` stands for the token's `tid`; for this comparison alone, the issuer of version 1
/// tokens counts as that of version 2.
fn serves(of: &str, wanted: Wanted<'_>) -> bool {
    let Some(issuer) = wanted.issuer else { return false };
    let is_expected = |issuer: &str| match of.split_once("{tenantid}") {
        None => issuer == of,
        Some((before, after)) => {
            let tenant = issuer.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            tenant.is_some() && tenant == wanted.tenant
        }
    };
    let second_version = issuer
        .strip_prefix("https://sts.windows.net/")
        .and_then(|rest| rest.strip_suffix('/'))
        .map(|tenant| format!("https://login.microsoftonline.com/{tenant}/v2.0"));
    is_expected(issuer) || second_version.is_some_and(|issuer| is_expected(&issuer))
}

/// A span shortened at random, to between `floor_percent` and all of it.
fn jittered(span: Duration, floor_percent: u64, env: &Env<'_>) -> Duration {
    let whole = millis(span);
    let floor = whole.saturating_mul(floor_percent) / 100;
    let slack = whole.saturating_sub(floor).saturating_add(1);
    Duration::from_millis(floor.saturating_add(env.random.u64().checked_rem(slack).unwrap_or(0)))
}
