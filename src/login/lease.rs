//! Who asks the provider about a session again, what came of it, and when to ask once more: shared by all
//! workers, one record for each generation of a session.
//!
//! One worker at a time asks. A lease past its deadline is void. What came is kept in one of a fixed number
//! of slots, the oldest of which is written over; what the store has no room for stays in the worker.
//!
//! Knows nothing of tokens, or of how a call is made.

use std::rc::Rc;
use std::time::Duration;

use super::session::SessionId;
use crate::env::{Env, PutError};
use crate::ids::digest;
use crate::store::{Change, Outcome, Payload, RecordId, Table};
use crate::time::{CLOCKS_AGREE_WITHIN, UnixMillis};
use crate::wire::Reader;

/// Most bytes of what came that workers share.
pub const MAX_SHARED: usize = 16 * 1024;

/// How long whoever shows the generation before gets what came.
pub const KEPT: Duration = Duration::from_secs(600);

/// The longest time after a failure until the provider is asked again, in seconds.
const LONGEST_BACK_OFF: u64 = 60;

/// Most records that a worker keeps for itself.
const MAX_OWN: usize = 64;

/// How often a slot is looked for while other workers write first.
const TRIES: u8 = 8;

/// Under this key stands which slot is written next.
const NEXT: &str = "tg1/login-next/next";

const VERSION: u8 = 1;

/// What came: cookies, as the values of `set-cookie` headers.
pub type Cookies = Rc<[String]>;

/// What is known of a session's refresh.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Known {
    /// It is in this slot.
    Came(u32),
    /// It is here.
    Here(Cookies),
    /// The provider does not take the refresh token: the session lasts as long as it said last.
    Refused,
    /// The session has ended.
    Ended,
    /// It has failed, and nobody asks again before then.
    Failed(UnixMillis),
    /// Somebody asks.
    Asked,
    /// This worker is to ask, and has the lease.
    Ask(Lease),
    /// Nobody asks, and this worker may not.
    Unasked,
}

/// The right to ask.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lease {
    /// About which session's generation.
    pub id: RecordId,
    /// A random number that only its holder knows.
    pub holder: u64,
}

/// What asking came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Asked {
    /// This is in this slot now.
    Came(u32),
    /// This, and there is no slot for it.
    Here(Cookies),
    /// The provider does not take the refresh token; known until the session's end.
    Refused(UnixMillis),
    /// The session has ended; known until then.
    Ended(UnixMillis),
    /// Nothing that could be used.
    Failed,
}

/// The refreshes that one worker knows, of one login.
#[derive(Debug)]
pub struct Leases {
    /// How long a lease lasts.
    lasts: Duration,
    table: Table,
    own: Vec<(RecordId, Record, Option<Cookies>)>,
}

/// What is shared of one generation of a session.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Record {
    /// Who asks, and until when.
    lease: Option<(u64, UnixMillis)>,
    last: Last,
    /// How often it has failed, or in which slot it is.
    number: u32,
    /// Until when that holds.
    until: UnixMillis,
}

/// How asking ended last.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Last {
    #[default]
    Never,
    Failed,
    Refused,
    Ended,
    Came,
}

/// The record of a session's generation.
pub fn record_id(of: SessionId) -> RecordId {
    digest(&[b"tollgate login refresh", &of.id, &of.generation.to_le_bytes()])
}

impl Leases {
    /// Those of a login: a call may take so long.
    pub const fn new(table: Table, timeout: Duration) -> Self {
        // A call may be made twice, and its end may be known a little later.
        let lasts = timeout.saturating_mul(2).saturating_add(Duration::from_secs(1));
        Self { lasts, table, own: Vec::new() }
    }

    /// What is known of a refresh. Where nobody asks, and this worker may, it takes the lease. What is in
    /// the slot `lost` is no longer this session's.
    pub fn look(
        &mut self,
        id: &RecordId,
        may_ask: bool,
        lost: Option<u32>,
        env: &Env<'_>,
    ) -> Known {
        let lasts = self.lasts;
        let decide = |record: &Record| record.decide((id, lasts), may_ask, lost, env);
        self.own.retain(|(_, record, _)| record.until(env.now) > env.now);
        if let Some((_, record, here)) = self.own.iter_mut().find(|(known, ..)| known == id) {
            if let (Last::Came, Some(here)) = (record.last, here) {
                return Known::Here(Rc::clone(here));
            }
            let (known, lease) = decide(record);
            record.lease = lease.or(record.lease);
            return known;
        }
        let outcome = self.table.update(env.shared, env.random, id, env.now, |stored| {
            let mut record = Record::of(stored.map(|one| one.payload));
            let (known, lease) = decide(&record);
            match lease {
                None => Change::Keep(known),
                lease => {
                    record.lease = lease;
                    record.put(env.now, known)
                }
            }
        });
        match outcome {
            Outcome::Kept(known) | Outcome::Written { value: known, .. } => known,
            // Others write there just now: one of them may be who asks.
            Outcome::Contended => Known::Asked,
            // There is no place that all see: the worker asks for itself.
            Outcome::Full | Outcome::Unsupported => {
                let (known, lease) = decide(&Record::default());
                if lease.is_some() {
                    self.keep(*id, Record { lease, ..Record::default() }, None);
                }
                known
            }
        }
    }

    /// Whether somebody asks.
    pub fn is_asked(&self, id: &RecordId, env: &Env<'_>) -> bool {
        let is_live = |record: &Record| record.is_leased(self.lasts, env.now);
        if self.own.iter().any(|(known, record, _)| known == id && is_live(record)) {
            return true;
        }
        let stored = self.table.read(env.shared, env.random, id, env.now, |one| {
            is_live(&Record::of(Some(one.payload)))
        });
        stored.unwrap_or_default()
    }

    /// Begins a lease anew, for another call.
    pub fn renew(&mut self, lease: &Lease, env: &Env<'_>) {
        let until = env.now.after(self.lasts);
        self.change(lease, env, false, |record| {
            record.lease = Some((lease.holder, until));
        });
    }

    /// Gives a lease back: its holder goes.
    pub fn give_back(&mut self, lease: &Lease, env: &Env<'_>) {
        self.change(lease, env, false, |record| record.lease = None);
    }

    /// Ends asking with what came of it: nothing, where the lease is somebody else's by now; but what has
    /// come is kept, since the provider may give it once.
    pub fn done(&mut self, lease: &Lease, asked: Asked, env: &Env<'_>) {
        let has_come = matches!(asked, Asked::Came(_) | Asked::Here(_));
        let end = |record: &mut Record| {
            record.lease = None;
            (record.last, record.number, record.until) = match asked {
                Asked::Came(slot) => (Last::Came, slot, env.now.after(KEPT)),
                Asked::Here(_) => (Last::Came, 0, env.now.after(KEPT)),
                Asked::Refused(until) => (Last::Refused, 0, until),
                Asked::Ended(until) => (Last::Ended, 0, until),
                Asked::Failed => {
                    let before = if record.last == Last::Failed { record.number } else { 0 };
                    let span = 1_u64.checked_shl(before).unwrap_or(LONGEST_BACK_OFF);
                    let span = Duration::from_secs(span.min(LONGEST_BACK_OFF));
                    (Last::Failed, before.saturating_add(1), env.now.after(span))
                }
            };
        };
        if let Asked::Here(cookies) = &asked {
            let mut record = Record::default();
            end(&mut record);
            self.keep(lease.id, record, Some(Rc::clone(cookies)));
            self.give_back_shared(lease, env);
            return;
        }
        self.change(lease, env, has_come, end);
    }

    fn give_back_shared(&self, lease: &Lease, env: &Env<'_>) {
        change_shared(&self.table, lease, env, false, &mut |record| record.lease = None);
    }

    /// Changes the record that a lease is of, where it is held; `always` also where it is not.
    fn change(
        &mut self,
        lease: &Lease,
        env: &Env<'_>,
        always: bool,
        mut change: impl FnMut(&mut Record),
    ) {
        let own = self.own.iter_mut().find(|(id, ..)| *id == lease.id);
        match own {
            Some((_, record, _)) => change(record),
            None => change_shared(&self.table, lease, env, always, &mut change),
        }
    }

    fn keep(&mut self, id: RecordId, record: Record, here: Option<Cookies>) {
        self.own.retain(|(known, ..)| *known != id);
        if self.own.len() >= MAX_OWN {
            self.own.remove(0);
        }
        self.own.push((id, record, here));
    }
}

fn change_shared(
    table: &Table,
    lease: &Lease,
    env: &Env<'_>,
    always: bool,
    change: &mut dyn FnMut(&mut Record),
) {
    // Where others write all the time, the lease ends by itself.
    let _ = table.update(env.shared, env.random, &lease.id, env.now, |stored| {
        let mut record = Record::of(stored.map(|one| one.payload));
        if !always && record.lease.is_none_or(|(holder, _)| holder != lease.holder) {
            return Change::Keep(());
        }
        change(&mut record);
        record.put(env.now, ())
    });
}

impl Record {
    /// Reads a record; what is none counts as one of which nothing is known.
    fn of(bytes: Option<&[u8]>) -> Self {
        let decoded = |bytes: &[u8]| {
            let mut fields = Reader::new(bytes);
            let [VERSION, last] = fields.array()? else { return None };
            let number = fields.u32()?;
            let until = UnixMillis::new(fields.u64()?);
            let (holder, deadline) = (fields.u64()?, UnixMillis::new(fields.u64()?));
            let all = [Last::Never, Last::Failed, Last::Refused, Last::Ended, Last::Came];
            let last = *all.get(usize::from(last))?;
            let lease = (deadline != UnixMillis::default()).then_some((holder, deadline));
            Some(Self { lease, last, number, until })
        };
        bytes.and_then(decoded).unwrap_or_default()
    }

    fn encode(&self) -> Vec<u8> {
        let last = match self.last {
            Last::Never => 0,
            Last::Failed => 1,
            Last::Refused => 2,
            Last::Ended => 3,
            Last::Came => 4,
        };
        let (holder, deadline) = self.lease.unwrap_or_default();
        let mut out = vec![VERSION, last];
        out.extend(self.number.to_le_bytes());
        for number in [self.until.millis(), holder, deadline.millis()] {
            out.extend(number.to_le_bytes());
        }
        out
    }

    fn put<T>(&self, now: UnixMillis, value: T) -> Change<T> {
        match Payload::new(self.encode()) {
            Some(payload) => Change::PutUntil(self.until(now), payload, value),
            None => Change::Keep(value),
        }
    }

    /// Until when it is to be kept: how often it has failed is known for a while longer.
    fn until(&self, now: UnixMillis) -> UnixMillis {
        let more = if self.last == Last::Failed { LONGEST_BACK_OFF } else { 0 };
        let until = self.until.after(Duration::from_secs(more));
        let deadline = self.lease.map(|(_, until)| until).unwrap_or_default();
        // A table keeps nothing that need not be kept: the present will do.
        if self.last == Last::Never { deadline.max(now) } else { until.max(deadline) }
    }

    fn is_leased(&self, lasts: Duration, now: UnixMillis) -> bool {
        self.lease.is_some_and(|(_, until)| is_ahead(until, lasts, now))
    }

    /// What it says; a lease, where this worker is to ask.
    fn decide(
        &self,
        (id, lasts): (&RecordId, Duration),
        may_ask: bool,
        lost: Option<u32>,
        env: &Env<'_>,
    ) -> (Known, Option<(u64, UnixMillis)>) {
        let now = env.now;
        let back_off = Duration::from_secs(LONGEST_BACK_OFF);
        let known = match self.last {
            Last::Came if lost != Some(self.number) && is_ahead(self.until, KEPT, now) => {
                Known::Came(self.number)
            }
            Last::Refused if now < self.until => Known::Refused,
            Last::Ended if now < self.until => Known::Ended,
            _ if self.is_leased(lasts, now) => Known::Asked,
            Last::Failed if is_ahead(self.until, back_off, now) => Known::Failed(self.until),
            _ if may_ask => {
                let holder = env.random.u64();
                let lease = Lease { id: *id, holder };
                return (Known::Ask(lease), Some((holder, now.after(lasts))));
            }
            _ => Known::Unasked,
        };
        (known, None)
    }
}

/// Whether a time is still to come, and no further ahead than whoever wrote it could have put it.
fn is_ahead(until: UnixMillis, longest: Duration, now: UnixMillis) -> bool {
    now < until && until <= now.after(longest).after(CLOCKS_AGREE_WITHIN)
}

/// Keeps what came, sealed, in the slot that was written the longest time ago; which one that is. `None`
/// where it is too long, or there is no store.
pub fn keep(sealed: &[u8], slots: u32, env: &Env<'_>) -> Option<u32> {
    if sealed.len() > MAX_SHARED {
        return None;
    }
    for _ in 0..TRIES {
        let stored = env.shared.get(NEXT);
        let next = stored.value.and_then(|value| Reader::new(&value).u32()).unwrap_or_default();
        let slot = next.checked_rem(slots)?;
        match env.shared.put(NEXT, &next.wrapping_add(1).to_le_bytes(), stored.cas) {
            Ok(()) => {}
            Err(PutError::Lost) => continue,
            Err(PutError::Unsupported) => return None,
        }
        let key = slot_key(slot);
        let cas = env.shared.get(&key).cas;
        if env.shared.put(&key, sealed, cas).is_ok() {
            return Some(slot);
        }
    }
    None
}

/// What is in a slot.
pub fn kept(slot: u32, env: &Env<'_>) -> Option<Vec<u8>> {
    env.shared.get(&slot_key(slot)).value
}

fn slot_key(slot: u32) -> String {
    ["tg1/login-next/", &slot.to_string()].concat()
}

#[cfg(test)]
mod tests;
