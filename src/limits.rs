//! How fast and how much: rates, quotas and their counters.
//!
//! A subject (an identity, a client, everyone) has one record with a counter for each limit that it
//! runs against. A request is charged to all of a subject's limits in one compare-and-set, or to none
//! of them. A running counter is never given up: where there is no room, the newcomer is refused.
//!
//! Knows nothing of what a request is.

mod advice;
mod counter;
mod record;

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::env::{Random, SharedData};
use crate::ids::Name;
use crate::store::{Change, Outcome, RecordId, Table};
use crate::time::UnixMillis;
pub use advice::{advice, terms};
use counter::Use;
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

/// How far behind the others a worker's clock may be without counting too little: all read the clock
/// of one machine, each at the start of an event.
const LAG: Duration = Duration::from_secs(1);

/// A rate or a quota.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Limit {
    /// How much.
    Quota(Quota),
    /// How fast.
    Rate(Rate),
}

impl Limit {
    /// The word for it: `quota` or `rate`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Quota(_) => "quota",
            Self::Rate(_) => "rate",
        }
    }
}

/// What a limit was written at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Owner<'a> {
    /// An entry of a policy's `access`, by its place.
    Access(&'a Name, usize),
    /// An API, for all its callers together.
    Api(&'a Name),
    /// A policy.
    Policy(&'a Name),
}

/// A limit as configured, and what tells it from every other one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Definition {
    id: u64,
    label: Box<str>,
    limit: Limit,
}

impl Definition {
    /// A limit of this owner. Its counters are those of every limit of the same owner and kind,
    /// whatever their numbers: changing a number resets nothing.
    pub fn new(owner: Owner<'_>, limit: Limit) -> Self {
        let kind = limit.kind();
        let label = match owner {
            Owner::Access(policy, place) => format!("{policy}.access[{place}].{kind}"),
            Owner::Api(api) => format!("api.{api}.{kind}"),
            Owner::Policy(policy) => format!("{policy}.{kind}"),
        };
        let digest: [u8; 32] = hash(&[b"tollgate limit 1", label.as_bytes()]);
        let (id, _) = digest.split_first_chunk().unwrap_or((&[0; 8], &[]));
        Self { id: u64::from_le_bytes(*id), label: label.into(), limit }
    }

    /// A name for it: `standard.rate`, `standard.access[0].rate`, `api.orders.rate`.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The numbers.
    pub const fn limit(&self) -> &Limit {
        &self.limit
    }
}

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Subject<'a> {
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
    /// Until when: if some remain, until as many remain as ever can; if none, until the next may
    /// come.
    pub reset: Duration,
}

/// What charging a request came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Charged {
    /// The other workers kept writing first; nothing was counted.
    Contended,
    /// It was counted; the standings are in the order of the definitions.
    Counted(Vec<Standing>),
    /// There is no room for a new counter beside those that run; nothing was counted.
    Full,
    /// A limit refuses it; nothing was counted.
    Refused {
        /// The place of the limit that makes the caller wait for longest.
        by: usize,
        /// How long until the same request would pass.
        wait: Duration,
        /// The standings, in the order of the definitions.
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
}

impl Counters {
    /// Most limits that run for one subject at once.
    pub const MAX_RUNNING: usize = 16;

    /// Room for the counters of at least `capacity` subjects, shared by all filters of the process;
    /// `instance` keeps their subjects apart.
    pub fn new(capacity: u32, instance: &str) -> Self {
        // A counter's end, and the lag.
        let longest = LONGEST.saturating_add(LAG);
        Self { table: Table::keeping("limit", capacity, longest), instance: instance.into() }
    }

    /// The id of a subject's record in this filter.
    pub fn id(&self, subject: Subject<'_>) -> RecordId {
        match subject {
            Subject::Identity(session) => session,
            Subject::Everyone { api } => {
                hash(&[b"tollgate everyone 1", self.instance.as_bytes(), api.as_str().as_bytes()])
            }
            Subject::Value { provider, issuer, claim, value } => hash(&[
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

    /// Checks and counts a request of this cost against limits of one subject: against all of them,
    /// or none.
    pub fn charge(
        &self,
        subject: &RecordId,
        definitions: &[&Definition],
        cost: u32,
        shared: &dyn SharedData,
        random: &dyn Random,
        now: UnixMillis,
    ) -> Charged {
        let outcome = self.table.update(shared, random, subject, now, |record| {
            let counts = record.and_then(|record| Counts::decode(record.payload));
            judge(counts.unwrap_or_default(), definitions, cost, now)
        });
        match outcome {
            Outcome::Contended => Charged::Contended,
            Outcome::Full => Charged::Full,
            Outcome::Kept(charged) | Outcome::Written { value: charged, .. } => charged,
            Outcome::Unsupported => Charged::Unsupported,
        }
    }
}

/// Judges a request, and says what its subject's record becomes.
fn judge(
    mut counts: Counts,
    definitions: &[&Definition],
    cost: u32,
    now: UnixMillis,
) -> Change<Charged> {
    let uses: Vec<Use> = definitions
        .iter()
        .map(|definition| counter::judge(&definition.limit, counts.find(definition.id), cost, now))
        .collect();
    let waits = uses.iter().enumerate().filter_map(|(place, one)| Some((one.wait?, place)));
    let refused = waits.max_by_key(|(wait, _)| *wait);
    for (definition, one) in definitions.iter().zip(&uses) {
        if refused.is_none() {
            counts.set(definition.id, one.after);
        } else if one.mended {
            // What no clock like ours can have written is the one thing that a refusal changes.
            counts.set(definition.id, one.before);
        }
    }
    let charged = match refused {
        None => Charged::Counted(uses.iter().map(|one| one.would_stand).collect()),
        Some((wait, by)) => {
            let standings = uses.iter().map(|one| one.stands).collect();
            Charged::Refused { by, wait, standings }
        }
    };
    if !counts.changed() {
        return Change::Keep(charged);
    }
    match counts.encode(now) {
        Some((until, payload)) => Change::PutUntil(until, payload, charged),
        None => Change::Keep(Charged::Full),
    }
}

/// SHA-256 over the fields, each with its length before it, so that no two lists run together.
fn hash(fields: &[&[u8]]) -> RecordId {
    let mut hash = Sha256::new();
    for field in fields {
        hash.update(u64::try_from(field.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(field);
    }
    hash.finalize().into()
}
