//! Whom a provider has logged out: sessions of its own, and all of a subject that began before a time.
//!
//! It has a table of its own, so that many of these take no room from what browsers do.

use std::time::Duration;

use crate::env::Env;
use crate::ids::digest;
use crate::login::attempt::LASTS;
use crate::login::logout_token::{FRESH, LogoutToken};
use crate::login::session::Session;
use crate::provider::login::Login;
use crate::store::{Change, Outcome, Payload, RecordId, Table};
use crate::time::UnixMillis;

/// Whom the provider of one login has logged out.
#[derive(Debug)]
pub(in crate::engine) struct Ended {
    table: Table,
    /// How long a session can live.
    max: Duration,
}

/// Why nobody was logged out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::engine) enum Unnoted {
    /// There is no room, or no store.
    Full,
    /// The token has come before.
    Replayed,
}

/// Up to when sessions of a subject are ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Before {
    /// All that began by then.
    all: UnixMillis,
    /// Those that have no `sid`, so that nobody knows which of the provider's they are.
    nameless: UnixMillis,
}

impl Ended {
    pub(super) fn new(login: &Login, skew: Duration) -> Self {
        let max = login.session.max;
        let longest = max.max(LASTS).max(FRESH.saturating_add(skew));
        Self { table: Table::keeping("login-end", login.capacity, longest), max }
    }

    /// Whether the provider has ended this session.
    pub(super) fn has(&self, session: &Session, env: &Env<'_>) -> bool {
        let read = |id: &RecordId| {
            self.table.read(env.shared, env.random, id, env.now, |record| record.payload.to_vec())
        };
        let is_named = |sid: &str| read(&named("sid", &session.issuer, sid)).is_some();
        if session.sid.as_deref().is_some_and(is_named) {
            return true;
        }
        let found = read(&named("sub", &session.issuer, &session.subject));
        let before = found.as_deref().and_then(Before::read).unwrap_or_default();
        let until =
            if session.sid.is_none() { before.all.max(before.nameless) } else { before.all };
        // `iat` has whole seconds: what began within that one is older as likely as not.
        session.begun.secs() <= until.secs()
    }

    /// Notes whom a token ends.
    pub(super) fn note(&self, token: &LogoutToken, env: &Env<'_>) -> Result<(), Unnoted> {
        let jti = digest(&[b"tollgate logout jti", &token.id]);
        if self.table.read(env.shared, env.random, &jti, env.now, |_| ()).is_some() {
            return Err(Unnoted::Replayed);
        }
        let until = env.now.after(self.max);
        if let Some(sid) = &token.session {
            self.put(&named("sid", &token.issuer, sid), until, |_| vec![1], env)?;
        }
        if let Some(subject) = &token.subject {
            let later = |known: Option<&[u8]>| {
                let mut before = known.and_then(Before::read).unwrap_or_default();
                let one = match token.session {
                    Some(_) => &mut before.nameless,
                    None => &mut before.all,
                };
                *one = (*one).max(token.issued);
                before.write()
            };
            self.put(&named("sub", &token.issuer, subject), until, later, env)?;
        }
        // Last, so that the provider can send again what could not be noted.
        self.put(&jti, token.until, |_| vec![1], env)
    }

    fn put(
        &self,
        id: &RecordId,
        until: UnixMillis,
        payload: impl Fn(Option<&[u8]>) -> Vec<u8>,
        env: &Env<'_>,
    ) -> Result<(), Unnoted> {
        let outcome = self.table.update(env.shared, env.random, id, env.now, |known| {
            match Payload::new(payload(known.map(|record| record.payload))) {
                Some(payload) => Change::PutUntil(until, payload, ()),
                None => Change::Keep(()),
            }
        });
        match outcome {
            Outcome::Written { .. } => Ok(()),
            Outcome::Contended | Outcome::Full | Outcome::Kept(()) | Outcome::Unsupported => {
                Err(Unnoted::Full)
            }
        }
    }
}

impl Before {
    fn read(payload: &[u8]) -> Option<Self> {
        let (all, nameless) = payload.split_first_chunk()?;
        let time = |bytes: [u8; 8]| UnixMillis::new(u64::from_le_bytes(bytes));
        Some(Self { all: time(*all), nameless: time(nameless.try_into().ok()?) })
    }

    fn write(self) -> Vec<u8> {
        [self.all, self.nameless].iter().flat_map(|time| time.millis().to_le_bytes()).collect()
    }
}

fn named(what: &str, issuer: &str, name: &str) -> RecordId {
    digest(&[b"tollgate login ended by", what.as_bytes(), issuer.as_bytes(), name.as_bytes()])
}
