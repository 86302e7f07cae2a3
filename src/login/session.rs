//! A browser's session, as its cookies hold it: who is logged in, since when, and what the provider's
//! tokens said of him that the configuration asks for.
//!
//! Every time in it was written by some proxy's clock: one that is still to come, by more than clocks
//! differ, is not believed.

use std::time::Duration;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::claims::{ClaimRef, Claims};
use crate::ids::digest;
use crate::json;
use crate::time::UnixMillis;
use crate::wire::{Reader, put_text};

const VERSION: u8 = 1;

/// Longest record that is read, in bytes: more than any cookie holds.
const MOST_BYTES: usize = 4096;

/// Which session, and which of the cookies that it had one after the other: a refresh makes the next.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct SessionId {
    /// A random number.
    pub id: [u8; 16],
    /// How often it was renewed.
    pub generation: u32,
}

impl SessionId {
    /// The same session, renewed once more.
    pub const fn next(self) -> Self {
        Self { generation: self.generation.saturating_add(1), ..self }
    }
}

/// Who is logged in.
#[derive(Clone, PartialEq)]
pub struct Session {
    /// Which session it is.
    pub id: SessionId,
    /// The attempt that made it ([`Attempt::id`](super::attempt::Attempt::id)).
    pub attempt: [u8; 16],
    /// When the login was.
    pub begun: UnixMillis,
    /// When the provider was last asked; at first the login.
    pub renewed: UnixMillis,
    /// When it was last used by a navigation, as far as that was known when this was written.
    pub used: UnixMillis,
    /// When the person authenticated (`auth_time`), where the provider says so.
    pub authenticated: Option<UnixMillis>,
    /// When it ends whatever else holds: where a token's end counts that nobody can renew.
    pub until: Option<UnixMillis>,
    /// How long after `renewed` the provider is asked again.
    pub expires_in: Duration,
    /// Whether it has a refresh token, in a cookie of its own: it does not live on without being asked
    /// for because that cookie is gone.
    pub is_renewable: bool,
    /// The issuer.
    pub issuer: Box<str>,
    /// The subject there (`sub`).
    pub subject: Box<str>,
    /// Whom the session is of, as the configuration finds it in the claims.
    pub identity: Box<str>,
    /// The client.
    pub client: Box<str>,
    /// The scopes, with spaces between.
    pub scopes: Box<str>,
    /// The provider's own session (`sid`), where it says one.
    pub sid: Option<Box<str>>,
    /// The claims that the configuration names.
    pub claims: Kept,
}

/// The claims that a configuration names, out of all that a token has.
#[derive(Clone, Default, PartialEq)]
pub struct Kept {
    members: Map<String, Value>,
    /// A mark of each that was looked for, whether it was there or not.
    asked: Vec<u32>,
}

/// How long sessions live.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Terms {
    /// From the login on.
    pub max: Duration,
    /// From the last navigation on.
    pub idle: Option<Duration>,
    /// How long before it is over that a refresh is due.
    pub ahead: Duration,
    /// How long a session lives after that while the provider cannot be asked.
    pub grace: Duration,
}

/// What is to be done about a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// Nothing.
    Fresh,
    /// A navigation refreshes it, and everything else passes.
    DueForNavigations,
    /// Any request refreshes it, and passes while another does.
    DueForAll,
    /// All wait until it is refreshed; while the provider cannot be asked it still lives.
    Past,
    /// All wait until it is refreshed, and while the provider cannot be asked it does not live.
    PastGrace,
    /// It was not used for too long.
    Idle,
    /// It is over.
    Ended,
}

/// Why a session's cookie is of no use although it was sealed here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unusable {
    /// It was not written so.
    Form,
    /// A time in it is still to come, by more than clocks differ.
    Ahead,
}

impl Kept {
    /// Those of a token that the configuration names.
    pub fn of<'r>(claims: &Claims, named: impl IntoIterator<Item = &'r ClaimRef>) -> Self {
        let mut kept = Self::default();
        for claim in named {
            let mark = mark(claim);
            if let Err(place) = kept.asked.binary_search(&mark) {
                kept.asked.insert(place, mark);
            }
            let Some(value) = claims.find(claim) else { continue };
            match claim {
                ClaimRef::Path(path) => {
                    kept.put(&path.iter().map(|name| &**name).collect::<Vec<_>>(), value);
                }
                // The literal name goes before the dotted path, as where it is found.
                ClaimRef::Name(name) if is_literal(claims, name) => kept.put(&[name], value),
                ClaimRef::Name(name) => kept.put(&name.split('.').collect::<Vec<_>>(), value),
            }
        }
        kept
    }

    /// The first claim that was never looked for in this session's tokens: it may be theirs, and
    /// nobody knows.
    pub fn lacks<'r>(&self, named: impl IntoIterator<Item = &'r ClaimRef>) -> Option<&'r ClaimRef> {
        named.into_iter().find(|claim| self.asked.binary_search(&mark(claim)).is_err())
    }

    /// Puts a value at the end of a path of names.
    fn put(&mut self, path: &[&str], value: &Value) {
        let Some((last, outer)) = path.split_last() else { return };
        // Each of these has a field of its own.
        if let ["iss" | "sub", ..] = path {
            return;
        }
        let mut members = &mut self.members;
        for name in outer {
            let inner = members.entry(*name).or_insert_with(|| Value::Object(Map::new()));
            // What is no object here is none in the token, so that there is nothing at its end.
            let Value::Object(inner) = inner else { return };
            members = inner;
        }
        members.insert((*last).to_owned(), value.clone());
    }
}

/// Whether a token has a member of this very name.
fn is_literal(claims: &Claims, name: &str) -> bool {
    claims.find(&ClaimRef::Path(vec![name.into()])).is_some()
}

/// What stands for a claim reference in a few bytes.
fn mark(claim: &ClaimRef) -> u32 {
    let fields: Vec<&[u8]> = match claim {
        ClaimRef::Name(name) => vec![b"name", name.as_bytes()],
        ClaimRef::Path(path) => {
            std::iter::once(&b"path"[..]).chain(path.iter().map(|name| name.as_bytes())).collect()
        }
    };
    let hash = digest(&fields);
    hash.first_chunk().map_or(0, |start| u32::from_le_bytes(*start))
}

impl Session {
    /// What is sealed of it.
    pub fn write(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(vec![VERSION]);
        out.extend(self.id.id);
        out.extend(self.id.generation.to_le_bytes());
        out.extend(self.attempt);
        let times = [self.begun, self.renewed, self.used];
        let maybe = [self.authenticated, self.until].map(Option::unwrap_or_default);
        times.iter().chain(&maybe).for_each(|time| out.extend(time.millis().to_le_bytes()));
        let seconds = u32::try_from(self.expires_in.as_secs()).unwrap_or(u32::MAX);
        out.extend(seconds.to_le_bytes());
        out.push(u8::from(self.is_renewable));
        // Mostly it is the subject, which need not stand there twice.
        let identity = if self.identity == self.subject { "" } else { &self.identity };
        let sid = self.sid.as_deref().unwrap_or_default();
        for part in [&self.issuer, &self.subject, identity, &self.client, &self.scopes, sid] {
            put_text(part, &mut out);
        }
        let asked = u16::try_from(self.claims.asked.len()).unwrap_or(u16::MAX);
        out.extend(asked.to_le_bytes());
        let marks = self.claims.asked.iter().take(asked.into());
        marks.for_each(|mark| out.extend(mark.to_le_bytes()));
        let claims = Zeroizing::new(json::text(&Value::Object(self.claims.members.clone())));
        out.extend_from_slice(claims.as_bytes());
        out
    }

    /// Reads what was opened.
    ///
    /// # Errors
    ///
    /// See [`Unusable`].
    pub fn read(record: &[u8], now: UnixMillis, skew: Duration) -> Result<Self, Unusable> {
        let session = Self::read_any(record).ok_or(Unusable::Form)?;
        if session.is_ahead(now, skew) { Err(Unusable::Ahead) } else { Ok(session) }
    }

    /// Whether a time in it is still to come, by more than clocks differ: a clock may be set after it was
    /// read.
    pub fn is_ahead(&self, now: UnixMillis, skew: Duration) -> bool {
        let times = [self.begun, self.renewed, self.used].into_iter().chain(self.authenticated);
        times.fold(UnixMillis::default(), UnixMillis::max) > now.after(skew)
    }

    fn read_any(record: &[u8]) -> Option<Self> {
        if record.len() > MOST_BYTES {
            return None;
        }
        let mut record = Reader::new(record);
        let [VERSION] = record.array()? else { return None };
        let id = SessionId { id: record.array()?, generation: record.u32()? };
        let attempt = record.array()?;
        let mut time = || record.u64().map(UnixMillis::new);
        let (begun, renewed, used) = (time()?, time()?, time()?);
        let mut maybe = || time().map(|time| (time != UnixMillis::default()).then_some(time));
        let (authenticated, until) = (maybe()?, maybe()?);
        let expires_in = Duration::from_secs(record.u32()?.into());
        let is_renewable = match record.u8()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let mut part = || record.text().map(Box::<str>::from);
        let (issuer, subject, identity) = (part()?, part()?, part()?);
        let (client, scopes, sid) = (part()?, part()?, part()?);
        let count = u16::from_le_bytes(record.array()?);
        let marks = record.slice(usize::from(count).checked_mul(4)?)?;
        let (marks, _) = marks.as_chunks();
        let asked: Vec<_> = marks.iter().map(|mark| u32::from_le_bytes(*mark)).collect();
        let members = json::object(record.rest()).ok().filter(|_| asked.is_sorted())?;
        let identity = if identity.is_empty() { subject.clone() } else { identity };
        Some(Self {
            id,
            attempt,
            begun,
            renewed,
            used,
            authenticated,
            until,
            expires_in,
            is_renewable,
            issuer,
            subject,
            identity,
            client,
            scopes,
            sid: (!sid.is_empty()).then_some(sid),
            claims: Kept { members, asked },
        })
    }

    /// The claims that are kept, with issuer and subject.
    pub fn claims(&self) -> Claims {
        let mut members = self.claims.members.clone();
        for (name, value) in [("iss", &self.issuer), ("sub", &self.subject)] {
            members.insert(name.to_owned(), Value::String(value.to_string()));
        }
        Claims::of(members)
    }

    /// When the person authenticated, as far as is known.
    pub fn since(&self) -> UnixMillis {
        self.authenticated.unwrap_or(self.begun)
    }

    /// When what the provider said last is over: its tokens are past then, and it is asked again.
    pub fn over(&self) -> UnixMillis {
        self.renewed.after(self.expires_in)
    }

    /// When it ends, whatever else happens.
    pub fn end(&self, terms: &Terms) -> UnixMillis {
        let end = self.begun.after(terms.max);
        self.until.map_or(end, |until| until.min(end))
    }

    /// What is to be done about it now. `used` is when it was last used, by what its own cookie says;
    /// `refreshes` whether refresh tokens are used.
    pub fn stage(
        &self,
        terms: &Terms,
        now: UnixMillis,
        used: Option<UnixMillis>,
        refreshes: bool,
    ) -> Stage {
        let used = used.map_or(self.used, |used| used.max(self.used));
        let over = self.over();
        // A token that lives for a minute is not renewed all the time.
        let half = |span: Duration| span.checked_div(2).unwrap_or_default();
        let ahead = terms.ahead.min(half(self.expires_in));
        if now >= self.end(terms) {
            Stage::Ended
        } else if terms.idle.is_some_and(|idle| now >= used.after(idle)) {
            Stage::Idle
        } else if !(refreshes && self.is_renewable) || now < over.before(ahead) {
            Stage::Fresh
        } else if now < over.before(half(ahead)) {
            Stage::DueForNavigations
        } else if now < over {
            Stage::DueForAll
        } else if now < over.after(terms.grace) {
            Stage::Past
        } else {
            Stage::PastGrace
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a session of {:?}", self.begun)
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} claims", self.members.len())
    }
}

#[cfg(test)]
mod tests;
