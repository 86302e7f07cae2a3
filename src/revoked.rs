//! Whom to refuse although the credential is good: identities, tokens and browsers' sessions that were
//! revoked.
//!
//! One list stands in the configuration; another may be a [document](crate::shared_document) that all
//! workers share. A list holds hashes only: 24 bytes for each entry, whatever it names.
//!
//! Knows nothing of requests, nor how a document is fetched.

mod document;
mod list;

use std::cmp::Ordering;
use std::time::Duration;

use crate::env::Env;
use crate::ids::{digest, order};
use crate::remote::{EntityTag, Remote};
pub use crate::shared_document::Standing;
use crate::shared_document::{Attempt, Finished, SharedDocument};
use crate::time::UnixMillis;
use crate::verdict::Deny;
pub use document::{DocumentError, MAX_DOCUMENT_BYTES, parse};
pub use list::{List, ListBuilder, MAX_ENTRIES};

/// The kind of the record that holds the list's version, and its tag.
const TAG: &str = "revoked-tag";

/// What an entry is about, at one provider.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Subject<'a> {
    /// An identity, with all its tokens or keys.
    Identity(&'a str),
    /// The token of this `jti`.
    Jti(&'a str),
    /// The token whose compact form has this SHA-256.
    Token(&'a [u8; 32]),
    /// A browser's session: the `sid` that the provider gave its login (OpenID Connect Front-Channel
    /// Logout 1.0 §3).
    Session(&'a str),
}

/// Which credentials of a subject an entry is about, and how long.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Reach {
    /// Only those that were issued earlier; `None` for all.
    pub issued_before: Option<UnixMillis>,
    /// From when on the entry is void; `None` for never.
    pub until: Option<UnixMillis>,
}

/// A subject in short: the first half of its SHA-256.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Key([u8; 16]);

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        order(&self.0, &other.0)
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Key {
    /// The key of a subject at a provider.
    pub fn new(provider: &str, subject: Subject<'_>) -> Self {
        let (kind, value) = match subject {
            Subject::Identity(identity) => ("identity", identity.as_bytes()),
            Subject::Jti(jti) => ("jti", jti.as_bytes()),
            Subject::Token(digest) => ("token", digest.as_slice()),
            Subject::Session(sid) => ("session", sid.as_bytes()),
        };
        let hash = digest(&[b"tollgate revoked 1", kind.as_bytes(), provider.as_bytes(), value]);
        Self(hash.first_chunk().copied().unwrap_or_default())
    }
}

/// What a list may name of a credential.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Facts {
    /// Its identity.
    pub identity: Key,
    /// Its `jti`.
    pub jti: Option<Key>,
    /// The token itself; needed only where a list [names tokens](Revocations::names_tokens).
    pub token: Option<Key>,
    /// The `sid` of the login that it comes from.
    pub session: Option<Key>,
    /// When it was issued (`iat`), where it says so.
    pub issued: Option<UnixMillis>,
}

/// The document that the list is fetched from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    /// Where it is; what tells it from others is its URL and its cluster.
    pub remote: Remote,
    /// What to do without a list that can be relied upon.
    pub on_stale: OnStale,
}

/// What to do without a list that can be relied upon.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OnStale {
    /// Let requests pass that no list at hand names.
    Allow,
    /// Refuse every request that has a session.
    Deny,
}

/// Why a credential is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Revoked {
    /// It is on a list: [`Deny::SessionInactive`] or [`Deny::TokenRevoked`].
    Listed(Deny),
    /// It is not known; the list is fetched again after this time.
    Unknown(Duration),
}

/// The lists, as one worker has them.
#[derive(Debug)]
pub struct Revocations {
    configured: List,
    fetched: Option<Fetched>,
}

/// The list that is fetched.
#[derive(Debug)]
struct Fetched {
    source: Source,
    document: SharedDocument,
    list: Option<List>,
    /// By which the fetch that is out says which list is at hand.
    named: Option<EntityTag>,
}

impl Revocations {
    /// The list of the configuration, and the source of the fetched one, of which nothing is there yet.
    pub fn new(configured: List, source: Option<Source>) -> Self {
        let fetched = source.map(|source| {
            let document = SharedDocument::new(source.remote.terms("revoked", "revoked-list", 1));
            Fetched { source, document, list: None, named: None }
        });
        Self { configured, fetched }
    }

    /// Where the list is fetched from.
    pub fn source(&self) -> Option<&Source> {
        self.fetched.as_ref().map(|fetched| &fetched.source)
    }

    /// Whether no list can name any credential.
    pub fn is_empty(&self) -> bool {
        self.configured.is_empty() && self.fetched.is_none()
    }

    /// Whether a list names tokens by their SHA-256.
    pub fn names_tokens(&self) -> bool {
        self.lists().any(List::names_tokens)
    }

    /// Whether a list names tokens by their `jti`.
    pub fn names_jtis(&self) -> bool {
        self.lists().any(List::names_jtis)
    }

    fn lists(&self) -> impl Iterator<Item = &List> {
        let fetched = self.fetched.as_ref().and_then(|fetched| fetched.list.as_ref());
        std::iter::once(&self.configured).chain(fetched)
    }

    /// Judges a credential.
    ///
    /// # Errors
    ///
    /// That it is on a list, or that there is no list to rely upon where one must be.
    pub fn judge(&self, facts: &Facts, now: UnixMillis) -> Result<(), Revoked> {
        if let Some(deny) = self.lists().find_map(|list| list.judge(facts, now)) {
            return Err(Revoked::Listed(deny));
        }
        match &self.fetched {
            Some(fetched) if !fetched.can_tell(now) => {
                Err(Revoked::Unknown(fetched.document.until_due(now)))
            }
            _ => Ok(()),
        }
    }

    /// Takes what other workers have published.
    pub fn sync(&mut self, env: &Env<'_>) {
        if let Some(fetched) = &mut self.fetched
            && let Some(text) = fetched.document.sync(env)
        {
            let list = List::decode(text);
            if fetched.document.take(list.as_ref().map(List::version)) {
                fetched.list = list;
            }
        }
    }

    /// Takes the right to fetch, where a fetch is due and no worker has it. With it goes the tag of the
    /// list at hand, where it has one: only another list is wanted.
    pub fn attempt(&mut self, env: &Env<'_>) -> Option<(Attempt, Option<&EntityTag>)> {
        self.sync(env);
        let fetched = self.fetched.as_mut()?;
        let attempt = fetched.document.attempt(env)?;
        fetched.named = fetched.tag(env);
        Some((attempt, fetched.named.as_ref()))
    }

    /// Ends an attempt with a list that was fetched, and publishes it with its tag.
    pub fn succeed(
        &mut self,
        attempt: Attempt,
        (list, tag): (List, Option<EntityTag>),
        env: &Env<'_>,
    ) -> Finished {
        let Some(fetched) = &mut self.fetched else { return Finished::Superseded };
        let (life, version) = (fetched.source.remote.refresh, list.version());
        let beside = tag.map(|tag| [&version, tag.as_str().as_bytes()].concat());
        let beside = (TAG, beside.as_deref().unwrap_or_default());
        let finished =
            fetched.document.succeed(attempt, list.encode(), Some(beside), version, life, env);
        if finished != Finished::Superseded {
            fetched.list = Some(list);
        }
        finished
    }

    /// Ends an attempt with word that the list is still the one that was [named](Self::attempt), and may
    /// be this one; `None` where that is none at hand: the attempt has [failed](Self::fail), and the next
    /// one names none.
    pub fn confirm(
        &mut self,
        attempt: Attempt,
        tag: Option<&EntityTag>,
        env: &Env<'_>,
    ) -> Option<Finished> {
        let Some(fetched) = &mut self.fetched else { return Some(Finished::Superseded) };
        let life = fetched.source.remote.refresh;
        let is_named =
            |named: EntityTag| fetched.list.is_some() && tag.is_none_or(|tag| tag.is_like(&named));
        let finished = match fetched.named.take().is_some_and(is_named) {
            true => fetched.document.confirm(attempt, life, env),
            false => None,
        };
        if finished.is_none() {
            fetched.document.empty(attempt, TAG, env);
        }
        finished
    }

    /// Ends an attempt that brought no list, with the reason and its kind, a number of the caller's. The
    /// old list stays.
    pub fn fail(&mut self, attempt: Attempt, kind: u8, reason: &str, env: &Env<'_>) -> Finished {
        self.fetched.as_mut().map_or(Finished::Superseded, |fetched| {
            fetched.document.fail(attempt, kind, reason, env)
        })
    }

    /// Gives an attempt back whose answer will not come.
    pub fn give_back(&mut self, attempt: Attempt, env: &Env<'_>) {
        if let Some(fetched) = &mut self.fetched {
            fetched.document.give_back(attempt, env);
        }
    }

    /// Where the fetched list stands, as last [looked at](Self::sync); `None` where none is fetched.
    pub fn standing(&self, now: UnixMillis) -> Option<Standing> {
        self.fetched.as_ref().map(|fetched| fetched.document.standing(now))
    }

    /// Whether a credential that no list names can pass.
    pub fn can_tell(&self, now: UnixMillis) -> bool {
        self.fetched.as_ref().is_none_or(|fetched| fetched.can_tell(now))
    }

    /// How many entries the configuration has.
    pub fn configured_entries(&self) -> usize {
        self.configured.len()
    }

    /// How many entries of the fetched list are in use; `None` where there is none.
    pub fn fetched_entries(&self) -> Option<usize> {
        self.fetched.as_ref()?.list.as_ref().map(List::len)
    }

    /// How long until the next fetch.
    pub fn until_due(&self, now: UnixMillis) -> Duration {
        self.fetched.as_ref().map_or(Duration::MAX, |fetched| fetched.document.until_due(now))
    }
}

impl Fetched {
    /// The tag of the list at hand. It is published with the version of its list: whose list is another
    /// has no use for it.
    fn tag(&self, env: &Env<'_>) -> Option<EntityTag> {
        let record = self.document.beside(TAG, env)?;
        let (version, tag) = record.split_first_chunk()?;
        (self.document.in_use() == Some(*version)).then(|| EntityTag::parse(tag))?
    }

    fn can_tell(&self, now: UnixMillis) -> bool {
        let is_fresh = self.list.is_some() && !self.document.is_stale(now);
        is_fresh || self.source.on_stale == OnStale::Allow
    }
}
