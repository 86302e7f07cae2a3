//! The last refusals of all workers: a ring of 64 records in the shared store.
//!
//! One key says how many there have been, 64 hold the last of them: their number never grows. What is
//! read is untrusted, like all that others may have written.

use sha2::{Digest as _, Sha256};

use super::admission::Trail;
use super::log::{Log, MAX_FIELD, MAX_ISSUER, visible};
use super::reply;
use crate::env::{Env, PutError};
use crate::http::RequestHead;
use crate::ids::Name;
use crate::page::{self, Moment, Shown};
use crate::time::UnixMillis;
use crate::verdict::{Deny, Refusal};
use crate::wire::{Reader, to_hex};

/// How many are kept.
const SLOTS: u64 = 64;
/// How often a write is tried while other workers write first.
const TRIES: usize = 4;
/// The layout's version: a record of another one is absent.
const VERSION: u8 = 2;
/// Longest text of a record, in bytes; longer ones are cut.
const MAX_TEXT: usize = 512;
/// How much of an identity is kept, in characters.
const MAX_IDENTITY: usize = 8;

/// The ring of one filter.
#[derive(Debug)]
pub(super) struct Refusals {
    /// What tells it from other filters' rings: the beginning of the hash of the instance, in hex.
    id: Box<str>,
}

impl Refusals {
    /// The ring of the filter of this instance.
    pub(super) fn new(instance: &str) -> Self {
        Self { id: to_hex(&Sha256::digest(instance), 8).into() }
    }

    /// Keeps a refusal in place of the oldest. One that cannot be written is lost: the log has it.
    pub(super) fn keep(
        &self,
        (refusal, remedy): (&Refusal, &str),
        trail: &Trail,
        head: &RequestHead,
        reports: bool,
        log: &Log,
        env: &Env<'_>,
    ) {
        let identity = trail.identity.as_deref().and_then(|identity| log.shown(identity));
        let identity = identity.map(|identity| beginning(&identity)).unwrap_or_default();
        let kid = trail.kid.as_ref().map(|kid| visible(kid.as_str(), MAX_FIELD));
        let issuer = trail.issuer.as_ref().map(|issuer| visible(issuer, MAX_ISSUER));
        let path = log.path(head);
        let texts = [
            refusal.deny.code(),
            &refusal.reason,
            remedy,
            trail.api.as_ref().map_or("", Name::as_str),
            trail.provider.as_ref().map_or("", Name::as_str),
            trail.key.as_deref().unwrap_or_default(),
            kid.as_deref().unwrap_or_default(),
            issuer.as_deref().unwrap_or_default(),
            &identity,
            reply::request_id(head).unwrap_or_default(),
            path.as_deref().unwrap_or_default(),
        ];
        let next = |stored: Option<Vec<u8>>| stored.and_then(|value| self.body(&value)?.u64());
        let mut number = 0;
        let counted = self.put("refusals", &self.id, env, |stored| {
            number = next(stored).unwrap_or(0);
            number.wrapping_add(1).to_le_bytes().to_vec()
        });
        if counted {
            let record = encode(number, env.now, reports, texts);
            self.put("refusal", &self.slot(number), env, |_| record.clone());
        }
    }

    /// The refusals that are kept, newest first; those of one code where one is given.
    pub(super) fn list(&self, only: Option<Deny>, env: &Env<'_>) -> Vec<page::Refusal> {
        let read = |slot: u64| {
            let record = env.shared.get(&format!("tg1/refusal/{}", self.slot(slot))).value?;
            decode(self.body(&record)?, env.now)
        };
        let mut found: Vec<(u64, page::Refusal)> = Vec::new();
        let is_wanted =
            |one: &(u64, page::Refusal)| only.is_none_or(|only| one.1.code == only.code());
        for one in (0..SLOTS).filter_map(read).filter(is_wanted) {
            let is_newer =
                |other: &(u64, page::Refusal)| (other.1.at.0, other.0) > (one.1.at.0, one.0);
            let place = found.partition_point(is_newer);
            found.insert(place, one);
        }
        found.into_iter().map(|(_, refusal)| refusal).collect()
    }

    fn slot(&self, number: u64) -> String {
        format!("{}-{}", self.id, number % SLOTS)
    }

    /// Writes what `make` makes of the value that stands there; says whether that worked.
    fn put(
        &self,
        kind: &str,
        id: &str,
        env: &Env<'_>,
        mut make: impl FnMut(Option<Vec<u8>>) -> Vec<u8>,
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

/// Number, time and mode, then each text behind its length, all little-endian.
fn encode(number: u64, at: UnixMillis, reports: bool, texts: [&str; 11]) -> Vec<u8> {
    let mut out = number.to_le_bytes().to_vec();
    out.extend(at.millis().to_le_bytes());
    out.push(u8::from(reports));
    for text in texts {
        let text = text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or_default();
        out.extend(u32::try_from(text.len()).unwrap_or(0).to_le_bytes());
        out.extend_from_slice(text.as_bytes());
    }
    out
}

/// A refusal and its number; `None` for anything else. One of the future was now.
fn decode(mut fields: Reader<'_>, now: UnixMillis) -> Option<(u64, page::Refusal)> {
    let number = fields.u64()?;
    let at = UnixMillis::new(fields.u64()?).min(now);
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
    };
    fields.rest().is_empty().then_some((number, refusal))
}

/// The beginning of an identity, enough to know one's own again.
fn beginning(identity: &str) -> String {
    match identity.char_indices().nth(MAX_IDENTITY) {
        Some((end, _)) => format!("{}…", identity.get(..end).unwrap_or_default()),
        None => identity.to_owned(),
    }
}
