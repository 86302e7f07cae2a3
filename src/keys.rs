//! One issuer's signing keys: when to fetch them, when to trust them, when to give up.
//!
//! The set is a [document](crate::shared_document) that all workers share, in the records
//! `tg1/ring/<id>` and `tg1/set/<id>`; each worker keeps its own parsed copy of it. Where somebody logs in
//! by the discovery document that names the set, what that says of logins is published with it, in
//! `tg1/login-meta/<id>`.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{RingConfig, RingSource};
use crate::env::Env;
use crate::ids::Kid;
use crate::jose::alg::Alg;
use crate::jose::jwk::{KeySet, Origin, PublicKey, Selection};
use crate::login::endpoints::Metadata;
use crate::shared_document::SharedDocument;
pub use crate::shared_document::{Attempt, Finished, Progress, Standing};
use crate::time::UnixMillis;

/// Shortest life that a `Cache-Control: max-age` may ask for.
const MIN_MAX_AGE: Duration = Duration::from_secs(30);
/// The kind of the record of what a discovery document says of logins.
const LOGIN: &str = "login-meta";

/// One key ring, as one worker sees it.
#[derive(Debug)]
pub struct Ring {
    config: RingConfig,
    /// The newest set this worker has taken.
    set: Option<Arc<KeySet>>,
    document: SharedDocument,
    login: Discovered,
}

/// What a discovery document says of logins, as one worker sees it.
#[derive(Debug, Default)]
struct Discovered {
    /// The newest that was published.
    published: Option<Box<Metadata>>,
    /// Where the ring stood when that was read.
    read_at: Option<Progress>,
    /// What this worker has fetched, and has to publish with the set.
    fetched: Option<Box<Metadata>>,
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
    /// Not here, and the issuer was asked moments ago, or since the request came.
    Unknown,
}

/// How long a request may wait for a key that is not here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Wait {
    /// Whether it may wait at all.
    pub is_left: bool,
    /// Whether it has waited before, for any ring.
    pub is_used: bool,
    /// The first fetch of this ring that began after the request came. If that ends without the key,
    /// there is no such key. `None` before the request has waited for this ring.
    pub fetch: Option<u32>,
}

impl Ring {
    /// A ring without keys.
    pub fn new(config: RingConfig) -> Self {
        let calls = match config.source {
            RingSource::Jwks => 1,
            RingSource::Discovery { .. } => 2,
        };
        let document = SharedDocument::new(config.remote.terms("ring", "set", calls));
        Self { config, set: None, document, login: Discovered::default() }
    }

    /// What the ring was made from.
    pub const fn config(&self) -> &RingConfig {
        &self.config
    }

    /// Where the ring stands, for comparing later.
    pub const fn progress(&self) -> Progress {
        self.document.progress()
    }

    /// The newest set that this worker has taken, however old.
    pub fn set(&self) -> Option<&KeySet> {
        self.set.as_deref()
    }

    /// Whether any set is in use.
    pub const fn is_loaded(&self) -> bool {
        self.set.is_some()
    }

    /// What the discovery document says of logins, where [somebody logs in](RingConfig::logins) by it:
    /// `None` until it was fetched, by any worker. It moves with [`progress`](Self::progress).
    pub fn login(&self) -> Option<&Metadata> {
        self.login.published.as_deref()
    }

    /// Takes what a document says that this worker has fetched. It is published with the set that the
    /// same attempt brings.
    pub fn discovered(&mut self, login: Metadata) {
        self.login.fetched = Some(Box::new(login));
    }

    /// Takes what others have published of logins. What is not there, or cannot be read, is fetched
    /// anew: keys that were published before anybody logged in here lack it.
    fn sync_login(&mut self, env: &Env<'_>) {
        let progress = Some(self.document.progress());
        if !self.config.logins || self.login.read_at == progress || !self.document.is_published() {
            return;
        }
        match self.document.beside(LOGIN, env).and_then(|record| Metadata::decode(&record)) {
            Some(read) => self.login.published = Some(Box::new(read)),
            None if self.login.published.is_some() => {}
            None => {
                self.document.want(env.now);
                return;
            }
        }
        self.login.read_at = progress;
    }

    /// Takes what other workers have published.
    pub fn sync(&mut self, env: &Env<'_>) {
        self.sync_set(env);
        self.sync_login(env);
    }

    fn sync_set(&mut self, env: &Env<'_>) {
        let Some(text) = self.document.sync(env) else { return };
        let set = KeySet::parse(&text, Origin::Fetched).ok().map(|parsed| parsed.set);
        if self.document.take(set.as_ref().map(KeySet::version)) {
            self.set = set.map(Arc::new);
        }
    }

    /// Takes what other workers have published, where the set here has no key for a token.
    pub fn catch_up(&mut self, wanted: Wanted<'_>, env: &Env<'_>) {
        if !self.is_hit(wanted) || self.is_stale(env.now) {
            self.sync(env);
        }
    }

    /// The number of the first fetch that begins from now on.
    pub fn next_fetch(&self, now: UnixMillis) -> u32 {
        self.document.next_fetch(now)
    }

    /// Finds the keys for a token.
    pub fn lookup(&mut self, wanted: Wanted<'_>, wait: Wait, env: &Env<'_>) -> Lookup<'_> {
        self.catch_up(wanted, env);
        if self.set.is_none() {
            return self.without_a_set(wait, env.now);
        }
        if self.is_stale(env.now) {
            return Lookup::Stale(self.until_due(env.now));
        }
        if self.selects_nothing(wanted) {
            return self.without_the_key(wait, env.now);
        }
        match self.set.as_deref().map(|set| (set.version(), candidates(set, wanted))) {
            Some((version, Some(keys))) if !keys.is_empty() => Lookup::Found { keys, version },
            _ => Lookup::Mismatch,
        }
    }

    /// Whether the key of this thumbprint is still one to try for a token that it has verified.
    ///
    /// `seen_in` is the version of the last set that had the key. While that set is in use, nothing has
    /// to be looked up.
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

    fn without_a_set(&mut self, wait: Wait, now: UnixMillis) -> Lookup<'static> {
        let may_arrive = self.document.running(now) || self.document.is_due(now);
        // A set that was published and cannot be read is fetched again, out of turn.
        let is_lost = self.document.is_published();
        if wait.is_left && (is_lost && self.document.want(now) || may_arrive) {
            return Lookup::MayArrive;
        }
        Lookup::Unavailable(self.until_due(now))
    }

    fn without_the_key(&mut self, wait: Wait, now: UnixMillis) -> Lookup<'static> {
        if !wait.is_left {
            return Lookup::Unknown;
        }
        let was_asked = wait.fetch.is_some_and(|fetch| self.document.has_ended(fetch));
        if !was_asked && (self.document.running(now) || self.document.want(now)) {
            return Lookup::MayArrive;
        }
        if wait.is_used && self.document.has_failed() {
            return Lookup::Unavailable(self.document.until_fetch(now));
        }
        Lookup::Unknown
    }

    /// A signature did not verify under a known key: the provider may have changed the key under
    /// the same `kid`. Asks for one fetch out of turn, if the budget allows; nobody waits for it.
    pub fn suspect(&mut self, now: UnixMillis) {
        self.document.want(now);
    }

    /// Takes the right to fetch, where a fetch is due and no worker has it.
    pub fn attempt(&mut self, env: &Env<'_>) -> Option<Attempt> {
        self.sync(env);
        self.document.attempt(env)
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
        let refresh = self.config.remote.refresh;
        let life = max_age.map_or(refresh, |age| refresh.min(age.max(MIN_MAX_AGE)));
        let login = self.login.fetched.as_ref().map(|login| login.encode());
        let beside = login.as_ref().map(|record| (LOGIN, record.as_slice()));
        let finished = self.document.succeed(attempt, text, beside, set.version(), life, env);
        if finished != Finished::Superseded {
            self.set = Some(Arc::new(set));
            if let Some(login) = self.login.fetched.take() {
                self.login.published = Some(login);
                self.login.read_at = Some(self.document.progress());
            }
        }
        finished
    }

    /// Ends an attempt that brought no set, with the reason and its kind, a number of the caller's.
    pub fn fail(&mut self, attempt: Attempt, kind: u8, reason: &str, env: &Env<'_>) -> Finished {
        self.document.fail(attempt, kind, reason, env)
    }

    /// Gives an attempt back whose answer will not come.
    pub fn give_back(&mut self, attempt: Attempt, env: &Env<'_>) {
        self.document.give_back(attempt, env);
    }

    /// Where the set stands, as last [looked at](Self::sync).
    pub fn standing(&self, now: UnixMillis) -> Standing {
        self.document.standing(now)
    }

    /// Whether there is a set that may be used.
    pub fn is_usable(&self, now: UnixMillis) -> bool {
        self.is_loaded() && !self.is_stale(now)
    }

    /// How long until the next scheduled fetch.
    pub fn until_due(&self, now: UnixMillis) -> Duration {
        self.document.until_due(now)
    }

    /// How long ago a set was last fetched or confirmed, by any worker; `None` before the first time.
    pub fn age(&self, now: UnixMillis) -> Option<Duration> {
        self.document.age(now)
    }

    fn is_stale(&self, now: UnixMillis) -> bool {
        self.document.is_stale(now)
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
