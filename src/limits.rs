//! How fast and how much: rates, quotas and their counters.
//!
//! A subject (an identity, a client, everyone) has one record with a counter for each limit that it
//! runs against. A request is charged to all of a subject's limits in one compare-and-set, or to none
//! of them. A running counter is never given up: where there is no room, the newcomer is refused, or,
//! where it is an address, counted with the others for whom there was none.
//!
//! Knows nothing of what a request is.

mod counter;
mod fleet;
mod lease;
mod leases;
mod outage;
mod ratelimit_headers;
mod record;

use std::cmp::Ordering;
use std::iter;
use std::time::Duration;

use crate::env::{Random, SharedData};
use crate::ids::{Name, digest};
use crate::store::{Change, Outcome, Record, RecordId, Table};
use crate::time::UnixMillis;
use counter::Use;
pub use fleet::{Count, OnOutage, Service, Share};
pub use lease::{Call, Ended, REPORTED_WITHIN, Rule, Said};
pub use leases::{Batch, Passed, Purpose, Taken, Wish};
pub use outage::{Gate, Outage};
pub use ratelimit_headers::{add_limit, add_policy};
use record::Counts;

/// How fast: `requests` in `per` on average, `burst` of them at once (GCRA).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// Requests in each `per`; at least 1.
    pub requests: u32,
    /// The time that `requests` are spread over: whole milliseconds, at least one.
    pub per: Duration,
    /// How many may come at once; at least 1.
    pub burst: u32,
}

impl Rate {
    /// How long it takes until a whole burst may come again: at most [`LONGEST`], or less than
    /// `burst` may come at once.
    pub fn recovers_in(&self) -> Duration {
        counter::recovery(*self)
    }
}

/// How much: `requests` in a window of `per`, which begins with the first of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Quota {
    /// Requests in each window; at least 1.
    pub requests: u32,
    /// The window's length: whole milliseconds, at least one, at most [`LONGEST`].
    pub per: Duration,
}

/// A number, or none at all on purpose.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Bound<T> {
    /// At most this.
    At(T),
    /// `"unlimited"`: it beats every number.
    Unlimited,
}

/// The longest time that a counter runs after a request.
pub const LONGEST: Duration = Duration::from_hours(365 * 24);

/// Room for the counters of this many APIs, of all filters of the process: far more than there can
/// be, so that no group of eight is ever full.
const APIS: u32 = 65_536;

/// Most limits that run for one address at once: as many as a record has room for, since callers of any
/// API and with any policy may have one address, or share the record of those without room.
const MOST_OF_ADDRESS: usize = 48;

/// How far behind the others a worker's clock may be without counting too little: all read the clock
/// of one machine, each at the start of an event.
const LAG: Duration = Duration::from_secs(1);

/// The longest that a record must be kept: a counter's end, and the lag.
const KEPT: Duration = LONGEST.saturating_add(LAG);

/// One limit of the configuration, and what tells its counters from those of every other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Definition<T> {
    /// Made from what names the limit, not from how much it allows: a limit that is raised goes on
    /// counting where it stood. No two limits share a counter.
    pub id: u64,
    /// How fast, or how much.
    pub limit: T,
    /// Where its requests are counted.
    pub count: Count,
}

impl<T> Definition<T> {
    /// A limit by what names it: its kind first, then whose it is. It is counted in the process.
    pub fn new(names: &[&str], limit: T) -> Self {
        let purpose = b"tollgate limit 1".as_slice();
        let fields: Vec<_> =
            iter::once(purpose).chain(names.iter().map(|n| n.as_bytes())).collect();
        let id = digest(&fields).first_chunk().map_or(0, |first| u64::from_le_bytes(*first));
        Self { id, limit, count: Count::Process }
    }
}

/// One limit that a request is counted against.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Charge {
    /// A rate.
    Rate(Definition<Rate>),
    /// A quota.
    Quota(Definition<Quota>),
}

impl Charge {
    /// What tells its counters from those of every other limit.
    pub const fn id(&self) -> u64 {
        match self {
            Self::Quota(definition) => definition.id,
            Self::Rate(definition) => definition.id,
        }
    }

    /// Requests in each `per`.
    pub const fn requests(&self) -> u32 {
        match self {
            Self::Quota(definition) => definition.limit.requests,
            Self::Rate(definition) => definition.limit.requests,
        }
    }

    /// The time that they are spread over, or the window's length.
    pub const fn per(&self) -> Duration {
        match self {
            Self::Quota(definition) => definition.limit.per,
            Self::Rate(definition) => definition.limit.per,
        }
    }

    /// Where its requests are counted.
    pub const fn count(&self) -> Count {
        match self {
            Self::Quota(definition) => definition.count,
            Self::Rate(definition) => definition.count,
        }
    }
}

impl Rate {
    /// Which of two rates allows more: more requests in the same time, then more requests at all,
    /// then the larger burst.
    pub fn generosity(&self, other: &Self) -> Ordering {
        compare((self.requests, self.per), (other.requests, other.per))
            .then(self.burst.cmp(&other.burst))
    }
}

impl Quota {
    /// Which of two quotas allows more: more requests in the same time, then more requests at all.
    pub fn generosity(&self, other: &Self) -> Ordering {
        compare((self.requests, self.per), (other.requests, other.per))
    }
}

/// Compares requests ÷ per without dividing: exactly.
fn compare((one, one_per): (u32, Duration), (other, other_per): (u32, Duration)) -> Ordering {
    let left = u128::from(one).saturating_mul(other_per.as_millis());
    let right = u128::from(other).saturating_mul(one_per.as_millis());
    left.cmp(&right).then(one.cmp(&other))
}

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Subject<'a> {
    /// Those of one network address.
    Address(&'a [u8]),
    /// Those of every caller of an API.
    Everyone {
        /// The API.
        api: &'a Name,
    },
    /// Those of one identity: the id of its session.
    Identity(RecordId),
    /// Those that share a claim's value, at one issuer of one provider.
    Value {
        /// The provider that vouched.
        provider: &'a Name,
        /// Who issued the token; `None` where it does not say.
        issuer: Option<&'a str>,
        /// The claim as configured; `client` for the client.
        claim: &'a str,
        /// Its value.
        value: &'a str,
    },
}

/// Where a subject stands with one limit once its request is judged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Standing {
    /// How many more requests could come now.
    pub remaining: u32,
    /// How long: where some remain, until as many remain as ever can; where none, until the next may
    /// come.
    pub reset: Duration,
}

/// Whether a request is counted against limits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Does {
    /// It is counted, where nothing refuses it.
    Charge,
    /// It is only looked at; nothing is counted.
    Look,
}

/// What charging a request came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Charged {
    /// The other workers kept writing first; nothing was counted.
    Contended,
    /// It was counted; the standings are in the order of the charges.
    Counted(Vec<Standing>),
    /// There is no room for a new counter beside those that run; nothing was counted.
    Full,
    /// A limit refuses it; nothing was counted.
    Refused {
        /// The place of the limit that makes the caller wait for longest.
        by: usize,
        /// How long until the same request would pass.
        wait: Duration,
        /// The standings, in the order of the charges.
        standings: Vec<Standing>,
    },
    /// The host has no store; nothing was counted.
    Unsupported,
}

/// The counters of all subjects.
#[derive(Clone, Debug)]
pub struct Counters {
    table: Table,
    instance: Box<str>,
    /// Most limits that run in one record at once.
    most: usize,
    /// Tells this filter's limits from those of others in a record that several filters share.
    own: u64,
}

impl Counters {
    /// Most limits that run for one subject at once.
    pub const MAX_RUNNING: usize = 16;

    /// Room for the counters of at least `capacity` subjects, shared by all filters of the process;
    /// `instance` keeps their subjects apart.
    pub fn new(capacity: u32, instance: &str) -> Self {
        Self {
            table: Table::keeping("limit", capacity, KEPT),
            instance: instance.into(),
            most: Self::MAX_RUNNING,
            own: 0,
        }
    }

    /// Room for the counters of APIs, in a table of their own: no number of callers takes it.
    pub fn of_apis(instance: &str) -> Self {
        Self { table: Table::keeping("limit-api", APIS, KEPT), ..Self::new(APIS, instance) }
    }

    /// Room for the counters of at least `capacity` addresses. Whoever owns many of them must not shut
    /// out others: where there is no room, newcomers count together.
    pub fn of_addresses(capacity: u32, instance: &str) -> Self {
        Self {
            table: Table::sharing("limit-address", capacity, KEPT),
            most: MOST_OF_ADDRESS,
            own: Definition::new(&["instance", instance], ()).id,
            ..Self::new(capacity, instance)
        }
    }

    /// The id of a subject's record in this filter.
    pub fn id(&self, subject: Subject<'_>) -> RecordId {
        match subject {
            Subject::Identity(session) => session,
            Subject::Address(address) => {
                digest(&[b"tollgate address 1", self.instance.as_bytes(), address])
            }
            Subject::Everyone { api } => {
                digest(&[b"tollgate everyone 1", self.instance.as_bytes(), api.as_str().as_bytes()])
            }
            Subject::Value { provider, issuer, claim, value } => digest(&[
                b"tollgate value 1",
                self.instance.as_bytes(),
                provider.as_str().as_bytes(),
                issuer.map_or([0].as_slice(), |_| &[1]),
                issuer.unwrap_or_default().as_bytes(),
                claim.as_bytes(),
                value.as_bytes(),
            ]),
        }
    }

    /// Counts the subjects whose counters run, of all filters of the process, one
    /// [step](Table::occupancy) further. Returns the count after the last step.
    pub fn count(&self, shared: &dyn SharedData, now: UnixMillis) -> Option<u64> {
        self.table.occupancy(shared, now)
    }

    /// Checks and counts a request of this cost against limits of one subject: against all of them,
    /// or none.
    pub fn charge(
        &self,
        subject: &RecordId,
        charges: &[Charge],
        cost: u32,
        shared: &dyn SharedData,
        random: &dyn Random,
        now: UnixMillis,
    ) -> Charged {
        self.ask(subject, charges, (cost, Does::Charge), shared, random, now)
    }

    /// The same, or only says what would come of it, and counts nothing.
    pub fn ask(
        &self,
        subject: &RecordId,
        charges: &[Charge],
        (cost, does): (u32, Does),
        shared: &dyn SharedData,
        random: &dyn Random,
        now: UnixMillis,
    ) -> Charged {
        let outcome = self.table.update(shared, random, subject, now, |record| {
            self.judge(self.counts(record), charges, (cost, does), now)
        });
        match outcome {
            Outcome::Contended => Charged::Contended,
            Outcome::Full => Charged::Full,
            Outcome::Kept(charged) | Outcome::Written { value: charged, .. } => charged,
            Outcome::Unsupported => Charged::Unsupported,
        }
    }

    /// What a record says; one that cannot be read says nothing.
    fn counts(&self, record: Option<Record<'_>>) -> Counts {
        let counts = record.and_then(|record| Counts::decode(record.payload, self.most));
        counts.unwrap_or_default()
    }

    /// Judges a request, and says what its subject's record becomes.
    fn judge(
        &self,
        mut counts: Counts,
        charges: &[Charge],
        (cost, does): (u32, Does),
        now: UnixMillis,
    ) -> Change<Charged> {
        let id = |charge: &Charge| charge.id() ^ self.own;
        let judged = |charge: &Charge| counter::judge(charge, counts.find(id(charge)), cost, now);
        let uses: Vec<Use> = charges.iter().map(judged).collect();
        let waits = uses.iter().enumerate().filter_map(|(place, one)| Some((one.wait?, place)));
        let refused = waits.max_by_key(|(wait, _)| *wait);
        for (charge, one) in charges.iter().zip(&uses) {
            if refused.is_none() {
                counts.set(id(charge), one.after);
            } else if one.mended {
                // A refusal changes nothing, except what no clock like ours can have written.
                counts.set(id(charge), one.before);
            }
        }
        let charged = match refused {
            None => {
                let stands = |one: &Use| match does {
                    Does::Charge => one.would_stand,
                    Does::Look => one.stands,
                };
                Charged::Counted(uses.iter().map(stands).collect())
            }
            Some((wait, by)) => {
                let standings = uses.iter().map(|one| one.stands).collect();
                Charged::Refused { by, wait, standings }
            }
        };
        if !counts.changed() || does == Does::Look {
            return Change::Keep(charged);
        }
        match counts.encode(now, self.most) {
            Some((until, payload)) => Change::PutUntil(until, payload, charged),
            None => Change::Keep(Charged::Full),
        }
    }
}

/// The id of a subject's record at one API, from both ids: each is a whole digest, so that no two pairs
/// come to the same.
pub fn at_api(subject: &RecordId, api: &RecordId) -> RecordId {
    let mut id = *subject;
    for (byte, other) in id.iter_mut().zip(api) {
        *byte ^= other;
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(requests: u32, per_millis: u64, burst: u32) -> Rate {
        Rate { requests, per: Duration::from_millis(per_millis), burst }
    }

    #[test]
    fn more_requests_in_the_same_time_are_more_generous_then_more_at_all() {
        let cases = [
            // name, one, other, which allows more
            ("the same", rate(10, 1000, 10), rate(10, 1000, 10), Ordering::Equal),
            ("more requests", rate(11, 1000, 1), rate(10, 1000, 99), Ordering::Greater),
            ("more time", rate(10, 1001, 99), rate(10, 1000, 1), Ordering::Less),
            ("as fast, more at all", rate(60, 60_000, 1), rate(1, 1000, 9), Ordering::Greater),
            ("as fast, a larger burst", rate(1, 1000, 1), rate(1, 1000, 2), Ordering::Less),
            (
                "a difference that no floating point number holds",
                rate(u32::MAX, 31_535_999_999, 1),
                rate(u32::MAX, 31_536_000_000, 1),
                Ordering::Greater,
            ),
        ];
        for (name, one, other, expected) in cases {
            assert_eq!(one.generosity(&other), expected, "{name}");
            assert_eq!(other.generosity(&one), expected.reverse(), "{name}");
            if one.burst == other.burst {
                let quota = |rate: Rate| Quota { requests: rate.requests, per: rate.per };
                assert_eq!(quota(one).generosity(&quota(other)), expected, "{name}");
            }
        }
    }

    #[test]
    fn a_limit_is_told_from_others_by_its_names_alone() {
        let id = |names: &[&str]| Definition::new(names, ()).id;
        assert_eq!(id(&["policy", "a"]), Definition::new(&["policy", "a"], 7).id);
        let names: [&[&str]; 5] =
            [&["policy", "a"], &["policy", "b"], &["policya"], &["policy", "", "a"], &["api", "a"]];
        let ids: std::collections::BTreeSet<_> = names.iter().map(|names| id(names)).collect();
        assert_eq!(ids.len(), names.len());
    }
}
