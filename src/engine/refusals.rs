//! The last refusals of all workers: 64 records in the shared store. A record stands for all refusals
//! that are equal.
//!
//! One key has the index: which kinds there are, how often each came and when. 64 keys have the newest
//! refusal of each kind. What is read is untrusted, since others may have written it.

mod index;

use sha2::{Digest as _, Sha256};

use super::budget::Budget;
use super::log::Log;
use super::trail::Trail;
use super::words::remedy;
use crate::config::Config;
use crate::env::{Env, PutError};
use crate::http::RequestHead;
use crate::ids::Name;
use crate::page::{self, Moment, Shown};
use crate::time::UnixMillis;
use crate::verdict::{Deny, Refusal};
use crate::wire::{Reader, to_hex};
use index::{Entry, Index, Kind, PLACES};

/// How often a write is tried while other workers write first.
const TRIES: usize = 4;
/// The layout's version: a record of another one is absent.
const VERSION: u8 = 3;
/// Longest text of a record, in bytes; longer ones are cut.
const MAX_TEXT: usize = 512;
/// How much of an identity is kept, in characters.
const MAX_IDENTITY: usize = 8;
/// How many refusals of one code a worker writes in a second beside those that are logged. A code that
/// has used up the log's budget thus keeps no other code from the page.
const UNLOGGED_PER_SECOND: u32 = 4;

/// The records of one filter, as one worker writes them.
#[derive(Debug)]
pub(super) struct Refusals {
    /// What tells it from other filters' records: the beginning of the hash of the instance, in hex.
    id: Box<str>,
    /// How many refusals of each code may be written.
    budgets: Vec<(Deny, Budget)>,
    /// The kinds of which some refusals were not written, with their number and the time of the last.
    unwritten: Vec<(Kind, (u64, UnixMillis))>,
}

impl Refusals {
    /// The records of the filter of this instance.
    pub(super) fn new(instance: &str) -> Self {
        let id = to_hex(&Sha256::digest(instance), 8).into();
        Self { id, budgets: Vec::new(), unwritten: Vec::new() }
    }

    /// Keeps a refusal as the newest of its kind, whether it was logged or not. Where many come at once,
    /// most are only counted; the count is written with the next of their kind or by
    /// [`flush`](Self::flush). What cannot be written is lost.
    pub(super) fn keep(
        &mut self,
        (refusal, config): (&Refusal, &Config),
        trail: &Trail,
        head: &RequestHead,
        (reports, is_logged): (bool, bool),
        log: &Log,
        env: &Env<'_>,
    ) {
        let api = trail.api.as_ref().map_or("", Name::as_str);
        let kind = Kind::of(refusal.deny.code(), api, &refusal.reason);
        let place = self.unwritten.iter().position(|(known, _)| *known == kind);
        if !self.is_due(refusal.deny, env.now) && !is_logged {
            if place.is_none() && self.unwritten.len() < PLACES {
                self.unwritten.push((kind, (0, env.now)));
            }
            let place = place.unwrap_or(self.unwritten.len().saturating_sub(1));
            let known = self.unwritten.get_mut(place).filter(|(known, _)| *known == kind);
            if let Some((_, (count, last))) = known {
                (*count, *last) = (count.saturating_add(1), env.now);
            }
            return;
        }
        let unwritten = place.map_or(0, |place| self.unwritten.swap_remove(place).1.0);
        let count = (unwritten.saturating_add(1), env.now);
        let facts = log.facts(trail, head);
        let identity = facts.identity.as_deref().map(beginning);
        let texts = [
            refusal.deny.code(),
            &refusal.reason,
            &remedy::fill(refusal, trail, config),
            api,
            facts.provider.as_ref().map_or("", Name::as_str),
            facts.key.as_deref().unwrap_or_default(),
            facts.kid.as_deref().unwrap_or_default(),
            facts.issuer.as_deref().unwrap_or_default(),
            identity.as_deref().unwrap_or_default(),
            facts.request_id.as_deref().unwrap_or_default(),
            facts.path.as_deref().unwrap_or_default(),
            facts.trace_id.as_deref().unwrap_or_default(),
        ];
        let mut place = None;
        let counted = self.put("refusals", &self.id, env, &mut |stored| {
            let mut index = self.index(stored);
            place = index.count(kind, count, true);
            index.encode()
        });
        if let Some(place) = place.filter(|_| counted) {
            let record = encode(kind, reports, texts);
            self.put("refusal", &self.slot(place), env, &mut |_| record.clone());
        }
    }

    /// Whether one more of a code is to be written at `now`, whatever the log says.
    fn is_due(&mut self, deny: Deny, now: UnixMillis) -> bool {
        let place = self.budgets.iter().position(|(known, _)| *known == deny);
        let place = place.unwrap_or_else(|| {
            self.budgets.push((deny, Budget::new(UNLOGGED_PER_SECOND)));
            self.budgets.len().saturating_sub(1)
        });
        let Some((_, budget)) = self.budgets.get_mut(place) else { return false };
        let is_left = budget.is_left(now);
        budget.spend(now);
        is_left
    }

    /// Writes for all workers how many refusals were only counted.
    pub(super) fn flush(&mut self, env: &Env<'_>) {
        if self.unwritten.is_empty() {
            return;
        }
        self.put("refusals", &self.id, env, &mut |stored| {
            let mut index = self.index(stored);
            for (kind, count) in &self.unwritten {
                let _ = index.count(*kind, *count, false);
            }
            index.encode()
        });
        self.unwritten.clear();
    }

    /// The refusals that are kept, newest first; those of one code where one is given.
    pub(super) fn list(&self, only: Option<Deny>, env: &Env<'_>) -> Vec<page::Refusal> {
        let index = self.index(env.shared.get(&format!("tg1/refusals/{}", self.id)).value);
        let mut found: Vec<(u64, page::Refusal)> = Vec::new();
        for (place, entry) in index.entries.iter().enumerate() {
            let record = env.shared.get(&format!("tg1/refusal/{}", self.slot(place))).value;
            let read = |record: Vec<u8>| decode(self.body(&record)?, entry, env.now);
            let Some(refusal) = record.and_then(read) else { continue };
            if only.is_none_or(|only| refusal.code == only.code()) {
                let place = found.partition_point(|(number, _)| *number > entry.number);
                found.insert(place, (entry.number, refusal));
            }
        }
        found.into_iter().map(|(_, refusal)| refusal).collect()
    }

    /// What is kept; nothing where that cannot be read.
    fn index(&self, stored: Option<Vec<u8>>) -> Index {
        let read = |record: Vec<u8>| Index::decode(self.body(&record)?);
        stored.and_then(read).unwrap_or_default()
    }

    fn slot(&self, place: usize) -> String {
        format!("{}-{place}", self.id)
    }

    /// Writes what `make` makes of the value that stands there; says whether that worked.
    fn put(
        &self,
        kind: &str,
        id: &str,
        env: &Env<'_>,
        make: &mut dyn FnMut(Option<Vec<u8>>) -> Vec<u8>,
    ) -> bool {
        let key = format!("tg1/{kind}/{id}");
        for _ in 0..TRIES {
            let stored = env.shared.get(&key);
            let mut record = vec![VERSION];
            record.extend_from_slice(self.id.as_bytes());
            record.extend(make(stored.value));
            match env.shared.put(&key, &record, stored.cas) {
                Ok(()) => return true,
                Err(PutError::Lost) => {}
                Err(PutError::Unsupported) => return false,
            }
        }
        false
    }

    /// What stands behind the header of a record of this ring; `None` for any other.
    fn body<'r>(&self, record: &'r [u8]) -> Option<Reader<'r>> {
        let mut fields = Reader::new(record);
        let ours = fields.u8()? == VERSION && fields.slice(self.id.len())? == self.id.as_bytes();
        ours.then_some(fields)
    }
}

/// Kind and mode, then each text behind its length, all little-endian.
fn encode(kind: Kind, reports: bool, texts: [&str; 12]) -> Vec<u8> {
    let mut out = Vec::new();
    kind.encode(&mut out);
    out.push(u8::from(reports));
    for text in texts {
        let text = text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or_default();
        out.extend(u32::try_from(text.len()).unwrap_or(0).to_le_bytes());
        out.extend_from_slice(text.as_bytes());
    }
    out
}

/// The newest refusal of a kind; `None` for anything else. One of the future was now.
fn decode(mut fields: Reader<'_>, entry: &Entry, now: UnixMillis) -> Option<page::Refusal> {
    // Another worker may be about to write what the place is for now.
    (Kind::decode(&mut fields)? == entry.kind).then_some(())?;
    let at = entry.last.min(now);
    let mode = if fields.u8()? == 1 { "report" } else { "enforce" };
    let mut text = || {
        let length = usize::try_from(fields.u32()?).ok().filter(|length| *length <= MAX_TEXT)?;
        std::str::from_utf8(fields.slice(length)?).ok()
    };
    let code = text()?;
    let deny = *Deny::ALL.iter().find(|deny| deny.code() == code)?;
    let (reason, remedy) = (Shown::new(text()?.to_owned()), Shown::new(text()?.to_owned()));
    let mut optional = || {
        let text = text()?;
        Some(Some(text).filter(|text| !text.is_empty()).map(|text| Shown::new(text.to_owned())))
    };
    let refusal = page::Refusal {
        at: Moment(at),
        first_at: Moment(entry.first.min(at)),
        count: entry.count,
        code: deny.code(),
        step: deny.step().name(),
        mode,
        reason,
        remedy,
        api: optional()?,
        provider: optional()?,
        key: optional()?,
        kid: optional()?,
        iss: optional()?,
        identity: optional()?,
        request_id: optional()?,
        path: optional()?,
        trace_id: optional()?,
    };
    fields.rest().is_empty().then_some(refusal)
}

/// The beginning of an identity, enough to know one's own again.
fn beginning(identity: &str) -> String {
    match identity.char_indices().nth(MAX_IDENTITY) {
        Some((end, _)) => format!("{}…", identity.get(..end).unwrap_or_default()),
        None => identity.to_owned(),
    }
}
