//! One identity's session at one provider, and its record in the store that all workers share.
//!
//! The end of a session is computed from the token that was shown, never remembered. The record says
//! who was here and when; no decision needs it.

use std::sync::Arc;
use std::time::Duration;

use crate::env::{Random, SharedData};
use crate::ids::{Name, digest};
use crate::store::{Change, Outcome, Payload, Record, RecordId, Table};
use crate::time::UnixMillis;
use crate::verdict::Deny;

/// What tells one session from every other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SessionKey<'a> {
    /// The filter that the session belongs to.
    pub instance: &'a str,
    /// The provider that vouched.
    pub provider: &'a Name,
    /// Who issued the token; `None` where it does not say.
    pub issuer: Option<&'a str>,
    /// Who the caller is, within that issuer.
    pub identity: &'a str,
}

impl SessionKey<'_> {
    /// A [`digest`] of the fields.
    pub fn id(&self) -> RecordId {
        let issuer = self.issuer.map_or([0].as_slice(), |_| &[1]);
        digest(&[
            b"tollgate session 1",
            self.instance.as_bytes(),
            self.provider.as_str().as_bytes(),
            issuer,
            self.issuer.unwrap_or_default().as_bytes(),
            self.identity.as_bytes(),
        ])
    }
}

/// The session of one identity at one provider, as its token says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Session {
    /// The provider that vouched.
    pub provider: Name,
    /// Who issued the token; `None` where it does not say.
    pub issuer: Option<Arc<str>>,
    /// Who the caller is, in full.
    pub identity: Arc<str>,
    /// The client, where the token names one.
    pub client: Option<Arc<str>>,
    /// When the session ends, skew not included; `None` where nothing ends it.
    pub ends: Option<UnixMillis>,
    /// The names of the policies in force, joined by commas.
    pub policies: Arc<str>,
    /// [`SessionKey::id`].
    pub id: RecordId,
}

impl Session {
    /// The "key expiration check".
    ///
    /// # Errors
    ///
    /// [`Deny::SessionExpired`] from `ends` plus `skew` on.
    pub fn check(&self, now: UnixMillis, skew: Duration) -> Result<(), Deny> {
        match self.ends {
            Some(end) if now >= end.after(skew) => Err(Deny::SessionExpired),
            _ => Ok(()),
        }
    }
}

/// The sessions on record.
#[derive(Clone, Debug)]
pub struct Sessions {
    table: Table,
    instance: Box<str>,
}

/// What recording a session came to. None of it changes a verdict.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Recorded {
    /// It is new, and another record had to be given up for it.
    Evicted,
    /// It was on record.
    Known,
    /// It is new.
    New,
    /// The host has no store, or the others kept writing first.
    Unrecorded,
}

/// A session as it stands on record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SessionRecord {
    /// The beginning of the identity, at most [`Sessions::NAME_BYTES`] long.
    pub name: String,
    /// The beginning of the policies' names, at most [`Sessions::POLICIES_BYTES`] long.
    pub policies: String,
    /// When it was first seen.
    pub first_used: UnixMillis,
    /// When it was last seen, at most [`Sessions::NOTED_EVERY`] too early.
    pub last_used: UnixMillis,
}

impl Sessions {
    /// The longest name on record, in bytes.
    pub const NAME_BYTES: usize = 64;

    /// The longest list of policies on record, in bytes.
    pub const POLICIES_BYTES: usize = 256;

    /// How often the last use of a session is written.
    pub const NOTED_EVERY: Duration = Duration::from_mins(1);

    /// At least `capacity` records, shared by all filters of the process; `instance` keeps their
    /// sessions apart.
    pub fn new(capacity: u32, instance: &str) -> Self {
        Self { table: Table::new("session", capacity), instance: instance.into() }
    }

    /// What keeps this filter's sessions apart.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// The id of an identity's session in this filter.
    pub fn id(&self, provider: &Name, issuer: Option<&str>, identity: &str) -> RecordId {
        SessionKey { instance: &self.instance, provider, issuer, identity }.id()
    }

    /// Puts a session on record, or notes that it was used.
    pub fn record(
        &self,
        session: &Session,
        shared: &dyn SharedData,
        random: &dyn Random,
        now: UnixMillis,
    ) -> Recorded {
        let outcome = self.table.update(shared, random, &session.id, now, |record| {
            let known = record.and_then(SessionRecord::decode);
            let recorded = if known.is_some() { Recorded::Known } else { Recorded::New };
            let policies = beginning(&session.policies, Self::POLICIES_BYTES);
            let is_current = |known: &SessionRecord| known.policies == policies;
            if known.as_ref().is_some_and(|known| !known.is_due(now) && is_current(known)) {
                return Change::Keep(recorded);
            }
            let first_used = known.map_or(now, |known| known.first_used.min(now));
            match SessionRecord::encode(&session.identity, policies, first_used) {
                Some(payload) => Change::Put(payload, recorded),
                None => Change::Keep(Recorded::Unrecorded),
            }
        });
        match outcome {
            Outcome::Contended | Outcome::Full | Outcome::Unsupported => Recorded::Unrecorded,
            Outcome::Written { evicted: true, .. } => Recorded::Evicted,
            Outcome::Kept(recorded) | Outcome::Written { value: recorded, .. } => recorded,
        }
    }

    /// Counts the sessions on record, of all filters of the process, one [step](Table::occupancy)
    /// further. Returns the count after the last step.
    pub fn count(&self, shared: &dyn SharedData, now: UnixMillis) -> Option<u64> {
        self.table.occupancy(shared, now)
    }

    /// The record of a session; `None` where there is none that can be read.
    pub fn find(
        &self,
        id: &RecordId,
        shared: &dyn SharedData,
        random: &dyn Random,
        now: UnixMillis,
    ) -> Option<SessionRecord> {
        let read =
            |record: Option<Record<'_>>| Change::Keep(record.and_then(SessionRecord::decode));
        match self.table.update(shared, random, id, now, read) {
            Outcome::Kept(record) => record,
            Outcome::Contended | Outcome::Full | Outcome::Unsupported | Outcome::Written { .. } => {
                None
            }
        }
    }
}

/// The beginning of a text, at most `most` bytes of it.
fn beginning(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default()
}

/// A record's payload: a version, the first use as little-endian milliseconds, the name's length, the
/// name, the policies' names.
impl SessionRecord {
    const VERSION: u8 = 2;

    fn encode(identity: &str, policies: &str, first_used: UnixMillis) -> Option<Payload> {
        let name = beginning(identity, Sessions::NAME_BYTES);
        let mut bytes = vec![Self::VERSION];
        bytes.extend_from_slice(&first_used.millis().to_le_bytes());
        bytes.push(u8::try_from(name.len()).ok()?);
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(policies.as_bytes());
        Payload::new(bytes)
    }

    fn decode(record: Record<'_>) -> Option<Self> {
        let (&[version], rest) = record.payload.split_first_chunk()?;
        let (first_used, rest) = rest.split_first_chunk()?;
        let (&[length], rest) = rest.split_first_chunk()?;
        let (name, policies) = rest.split_at_checked(usize::from(length))?;
        let fits = name.len() <= Sessions::NAME_BYTES && policies.len() <= Sessions::POLICIES_BYTES;
        (version == Self::VERSION && fits).then_some(())?;
        Some(Self {
            name: std::str::from_utf8(name).ok()?.to_owned(),
            policies: std::str::from_utf8(policies).ok()?.to_owned(),
            first_used: UnixMillis::new(u64::from_le_bytes(*first_used)),
            last_used: record.last_used,
        })
    }

    /// Whether this use is to be written: the last one is long ago, or lies ahead, so that another clock
    /// has written it.
    fn is_due(&self, now: UnixMillis) -> bool {
        now.since(self.last_used) >= Sessions::NOTED_EVERY
            || self.last_used > now.after(Sessions::NOTED_EVERY)
    }
}
