//! Limits of one subject of which a service counts some: what the process holds of them stands in the
//! subject's record, beside its own counters.

use std::cmp::Reverse;
use std::time::Duration;

use super::counter::{self, Use};
use super::fleet::Share;
use super::lease::{Call, Ended, Held, Lease, Rule, Said, Terms};
use super::record::Counts;
use super::{Charge, Counters, Does, LAG, Standing};
use crate::env::Env;
use crate::store::{Change, Outcome, Place, Record, RecordId};
use crate::time::UnixMillis;

/// The limits of one subject that a request is charged to.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// The limits, in the order in which they are asked.
    pub charges: &'a [Charge],
    /// How those are shared which a service counts.
    pub share: Share,
    /// Those of these that have let the request pass already, by their ids.
    pub settled: &'a [u64],
    /// Whether the process's own counters have counted it already.
    pub is_counted: bool,
    /// Whether what passes unreported can be reported in time.
    pub is_reported: bool,
}

/// What a request without a call comes to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Taken {
    /// Only the service can tell of the limit at this place. The process's own counters have counted the
    /// request.
    Asks(usize, Vec<Wish>),
    /// The other workers kept writing first; nothing was counted.
    Contended,
    /// There is no room for the process's own counters; nothing was counted.
    Full,
    /// It passes.
    Passes(Passed),
    /// A limit refuses it; nothing was counted.
    Refused {
        /// The place of the limit that makes the caller wait for longest.
        by: usize,
        /// How long until the same request may pass.
        wait: Duration,
        /// By what a limit that a service counts refuses; `None` where the process's own counter does.
        rule: Option<Rule>,
        /// The standings, in the order of the charges.
        standings: Vec<Standing>,
    },
    /// The host has no store; nothing was counted.
    Unsupported,
}

/// Why a request passes, in the order of the charges.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Passed {
    /// Where the limits stand.
    pub standings: Vec<Standing>,
    /// By what it passes the limits that a service counts; `None` where that has let it pass, and for
    /// others.
    pub rules: Vec<Option<Rule>>,
    /// What is to be done in the background.
    pub wishes: Vec<Wish>,
}

/// What is to be done for a limit in the background.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Wish {
    /// The limit's place.
    pub place: usize,
    /// How many permits to ask for; `None` where what has passed is to be reported, in time.
    pub ahead: Option<u32>,
}

/// What a call is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// Permits for requests to come, so many.
    Ahead(u32),
    /// What has passed.
    Report,
    /// A request that waits for it.
    Request,
}

impl Counters {
    /// Charges a request to limits of one subject, some of which a service counts: with what the process
    /// holds of all of them, or of none.
    pub fn take(&self, subject: &RecordId, batch: Batch<'_>, does: Does, env: &Env<'_>) -> Taken {
        let (shared, random, now) = (env.shared, env.random, env.now);
        let outcome = self.table.update_at(shared, random, subject, now, |record, place| {
            let mut counts = self.counts_at(record, place, now);
            let taken = self.judge_batch(&mut counts, batch, place, now);
            if does == Does::Look {
                return Change::Keep(taken);
            }
            self.kept(&counts, taken, now).unwrap_or(Change::Keep(Taken::Full))
        });
        taken(outcome)
    }

    /// Charges a request to one limit that its service cannot be asked about: within the process's own
    /// part.
    pub fn take_own(
        &self,
        subject: &RecordId,
        (charge, share): (&Charge, Share),
        env: &Env<'_>,
    ) -> Taken {
        let Some(terms) = Terms::of(charge, share) else { return Taken::Unsupported };
        let (id, now) = (charge.id() ^ self.own, env.now);
        let (shared, random) = (env.shared, env.random);
        let outcome = self.table.update_at(shared, random, subject, now, |record, place| {
            let mut counts = self.counts_at(record, place, now);
            let mut lease = counts.lease(id).at(&terms, now);
            let held = lease.take_own(&terms, place != Place::Nowhere, now);
            let standings = vec![lease.standing(&terms, now)];
            let taken = match held {
                Held::Passes { by, reports } => {
                    counts.set_lease(id, lease);
                    let wish = reports.then_some(Wish { place: 0, ahead: None });
                    let (rules, wishes) = (vec![Some(by)], wish.into_iter().collect());
                    Taken::Passes(Passed { standings, rules, wishes })
                }
                Held::Asks => Taken::Asks(0, Vec::new()),
                Held::Refused(wait) => {
                    let nothing = |standing: Standing| Standing { remaining: 0, ..standing };
                    let standings = standings.into_iter().map(nothing).collect();
                    Taken::Refused { by: 0, wait, rule: Some(Rule::Own), standings }
                }
            };
            self.kept(&counts, taken, now).unwrap_or(Change::Keep(Taken::Full))
        });
        taken(outcome)
    }

    /// Begins a call about one limit, which lasts two seconds at most; `None` where there is nothing to
    /// say.
    pub fn call(
        &self,
        subject: &RecordId,
        (charge, share): (&Charge, Share),
        purpose: Purpose,
        env: &Env<'_>,
    ) -> Option<Call> {
        let at = env.now;
        let alone = Call { own: 1, carried: 0, ahead: 0, is_again: false, at };
        let alone = (purpose == Purpose::Request).then_some(alone);
        let call = self.lease(subject, (charge, share), env, |lease, _| match purpose {
            Purpose::Ahead(ahead) => lease.ask_ahead(ahead, at),
            Purpose::Report => lease.ask_ahead(0, at),
            Purpose::Request => Some(lease.ask(at)),
        });
        // Where the record cannot be written, nothing that stands in it is in the call.
        call.unwrap_or(alone)
    }

    /// Ends a call with what the service has said, or with nothing; `None` where nothing came.
    pub fn ended(
        &self,
        subject: &RecordId,
        (charge, share): (&Charge, Share),
        (call, said): (Call, Option<Said>),
        env: &Env<'_>,
    ) -> Option<Ended> {
        let end = |lease: &mut Lease, terms: &Terms| match said {
            Some(said) => Some(lease.answered(call, said, terms, env.now)),
            None => {
                lease.failed(call);
                None
            }
        };
        let ended = self.lease(subject, (charge, share), env, end);
        ended.unwrap_or_else(|| {
            // The answer holds, whatever became of the record.
            end(&mut Lease::default(), &Terms::of(charge, share)?)
        })
    }

    /// Changes what the process holds of one limit; `None` where that was not written.
    fn lease<T>(
        &self,
        subject: &RecordId,
        (charge, share): (&Charge, Share),
        env: &Env<'_>,
        mut change: impl FnMut(&mut Lease, &Terms) -> Option<T>,
    ) -> Option<Option<T>> {
        let terms = Terms::of(charge, share)?;
        let (id, now) = (charge.id() ^ self.own, env.now);
        let (shared, random) = (env.shared, env.random);
        let outcome = self.table.update_at(shared, random, subject, now, |record, place| {
            if place == Place::Nowhere {
                // What newcomers share holds nothing of any of them.
                return Change::Keep(None);
            }
            let mut counts = self.counts_at(record, place, now);
            let mut lease = counts.lease(id).at(&terms, now);
            let value = change(&mut lease, &terms);
            counts.set_lease(id, lease);
            self.kept(&counts, Some(value), now).unwrap_or(Change::Keep(None))
        });
        match outcome {
            Outcome::Written { value, .. } => value,
            Outcome::Contended | Outcome::Full | Outcome::Kept(_) | Outcome::Unsupported => None,
        }
    }

    /// What a record says, and whether there may have been another of its subject before.
    fn counts_at(&self, record: Option<Record<'_>>, place: Place, now: UnixMillis) -> Counts {
        let mut counts = self.counts(record);
        match place {
            Place::Taken(stamp) => counts.given_up = stamp.min(now),
            Place::Own if counts.is_older => counts.given_up = now,
            Place::Nowhere | Place::Own => {}
        }
        counts
    }

    /// What becomes of a record; `None` where it has no room.
    fn kept<T>(&self, counts: &Counts, value: T, now: UnixMillis) -> Option<Change<T>> {
        if !counts.changed() {
            return Some(Change::Keep(value));
        }
        let (until, payload) = counts.encode(now, self.most)?;
        Some(Change::PutUntil(until, payload, value))
    }

    /// Judges a request, and says what its subject's record becomes.
    fn judge_batch(
        &self,
        counts: &mut Counts,
        batch: Batch<'_>,
        place: Place,
        now: UnixMillis,
    ) -> Taken {
        let has_room = place != Place::Nowhere;
        let mut limits = Vec::with_capacity(batch.charges.len());
        for charge in batch.charges {
            limits.push(One::judge(charge, charge.id() ^ self.own, counts, (batch, place), now));
        }
        let standings = |limits: &[One], is_refused| {
            limits.iter().map(|one| one.standing(is_refused, now)).collect()
        };
        let waits = limits.iter().enumerate().filter_map(|(place, one)| Some((one.wait()?, place)));
        // Of equal ones the first.
        if let Some((wait, Reverse(by))) = waits.map(|(wait, place)| (wait, Reverse(place))).max() {
            for one in &limits {
                // A refusal changes nothing, except what no clock like ours can have written.
                if let Some(own) = one.own.filter(|own| own.mended) {
                    counts.set(one.id, own.before);
                }
                if let Some((lease, _)) = one.lease.filter(|_| one.is_mended) {
                    counts.set_lease(one.id, lease);
                }
            }
            let is_told = limits.get(by).is_some_and(|one| one.told_to_wait() == Some(wait));
            let rule = is_told.then_some(Rule::Told);
            return Taken::Refused { by, wait, rule, standings: standings(&limits, true) };
        }
        let asks = limits.iter().position(|one| matches!(one.held(), Some(Held::Asks)));
        let mut wishes = Vec::new();
        for (place, one) in limits.iter().enumerate() {
            if let Some(own) = one.own {
                counts.set(one.id, own.after);
            }
            let Some((lease, terms)) = &one.lease else { continue };
            let Some((after, held)) = one.after else { continue };
            let ahead = after.wish(terms);
            wishes.extend(ahead.map(|ahead| Wish { place, ahead: Some(ahead) }));
            if asks.is_some() && !has_room {
                continue;
            }
            if asks.is_some() {
                // Nothing is taken of any of them.
                let Lease { since, seen, .. } = after;
                counts.set_lease(one.id, Lease { since, seen, ..*lease });
                continue;
            }
            if matches!(held, Held::Passes { reports: true, .. }) {
                wishes.push(Wish { place, ahead: None });
            }
            counts.set_lease(one.id, after);
        }
        match asks {
            Some(place) => Taken::Asks(place, wishes),
            None => {
                let rule = |one: &One| match one.held() {
                    Some(Held::Passes { by, .. }) => Some(by),
                    Some(Held::Asks | Held::Refused(_)) | None => None,
                };
                let rules = limits.iter().map(rule).collect();
                Taken::Passes(Passed { standings: standings(&limits, false), rules, wishes })
            }
        }
    }
}

/// What became of a request, however its record was changed.
fn taken(outcome: Outcome<Taken>) -> Taken {
    match outcome {
        Outcome::Contended => Taken::Contended,
        Outcome::Full => Taken::Full,
        Outcome::Kept(taken) | Outcome::Written { value: taken, .. } => taken,
        Outcome::Unsupported => Taken::Unsupported,
    }
}

/// One limit, and what a request does to it.
struct One {
    id: u64,
    /// The process's own counter, where it counts.
    own: Option<Use>,
    /// What the process holds, where a service counts.
    lease: Option<(Lease, Terms)>,
    /// Whether what was stored could not be, so that `lease` is to be stored in its place.
    is_mended: bool,
    /// The same with the request, and what it comes to; `None` where it has passed already.
    after: Option<(Lease, Held)>,
    /// Where the limit stands where the process has counted the request before.
    stands: Standing,
}

impl One {
    fn judge(
        charge: &Charge,
        id: u64,
        counts: &Counts,
        (batch, place): (Batch<'_>, Place),
        now: UnixMillis,
    ) -> Self {
        let terms = Terms::of(charge, batch.share);
        let judged = || counter::judge(charge, counts.find(id), 1, now);
        let counts_itself = terms.is_none() || matches!(charge, Charge::Rate(_));
        let stored = if place == Place::Nowhere { Lease::default() } else { counts.lease(id) };
        let lease = terms.map(|terms| (stored.at(&terms, now), terms));
        let is_mended =
            lease.is_some_and(|(lease, _)| lease.ends < stored.ends && stored.ends > now);
        let is_settled = batch.settled.contains(&charge.id());
        let after = lease.filter(|_| !is_settled).map(|(lease, terms)| {
            let mut after = lease;
            // What the process knew of the subject in this window may be gone, or has no place to stand.
            let may_be_gone = counts.given_up.after(terms.per).after(LAG) > now && !lease.is_heard;
            let is_strange = place == Place::Nowhere || may_be_gone;
            let held = match after.take(&terms, now) {
                Held::Passes { by: Rule::Unreported, .. } if is_strange => Held::Asks,
                Held::Passes { reports: true, .. } if !batch.is_reported => Held::Asks,
                held => held,
            };
            (after, held)
        });
        let stands = match &lease {
            Some((lease, terms)) => lease.standing(terms, now),
            None => judged().stands,
        };
        let own = (counts_itself && !batch.is_counted).then(judged);
        Self { id, own, lease, is_mended, after, stands }
    }

    fn held(&self) -> Option<Held> {
        self.after.map(|(_, held)| held)
    }

    /// How long the request has to wait; `None` where it has not.
    fn wait(&self) -> Option<Duration> {
        self.own.and_then(|own| own.wait).max(self.told_to_wait())
    }

    /// How long it has to, as the service has said.
    fn told_to_wait(&self) -> Option<Duration> {
        match self.held() {
            Some(Held::Refused(wait)) => Some(wait),
            Some(Held::Asks | Held::Passes { .. }) | None => None,
        }
    }

    fn standing(&self, is_refused: bool, now: UnixMillis) -> Standing {
        match (&self.lease, self.own) {
            (None, Some(own)) if is_refused => own.stands,
            (None, Some(own)) => own.would_stand,
            // The process's own counter refuses.
            (Some(_), Some(own)) if own.wait.is_some() => own.stands,
            (Some((_, terms)), _) if !is_refused => {
                self.after.map_or(self.stands, |(after, _)| after.standing(terms, now))
            }
            _ => self.stands,
        }
    }
}
