//! What a process holds of a limit that a service counts for several processes: permits that it has asked
//! for ahead, and requests that have passed and are not reported yet.
//!
//! Of an answer only durations count, so that the service's clock may be any. What no call has counted is
//! never more than a part of what remains, so that all processes together exceed a limit by no more than
//! its tolerance; a call that brings no answer may have counted, and what it carried is reported again.

use std::time::Duration;

use super::fleet::{Count, Service, Share};
use super::{Charge, LAG, LONGEST, Standing};
use crate::time::{UnixMillis, millis};

/// In longer windows than this what has passed is reported although nobody asks.
const LONG: Duration = Duration::from_mins(1);
/// When it is: a tick and a call before ten seconds have passed.
pub const REPORTED_WITHIN: Duration = Duration::from_secs(8);
/// The longest that a call can be out.
const LASTS: Duration = Duration::from_secs(2);
/// How long a process's own rate is measured, and what it asks for ahead lasts.
const AHEAD: Duration = Duration::from_millis(100);

/// What is the same for every request of a limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    requests: u32,
    pub(super) per: Duration,
    share: Share,
    is_exact: bool,
    is_quota: bool,
}

impl Terms {
    /// Those of a limit that a service counts; `None` for another.
    pub(super) fn of(charge: &Charge, share: Share) -> Option<Self> {
        let (requests, per, count, is_quota) = match charge {
            Charge::Quota(of) => (of.limit.requests, of.limit.per, of.count, true),
            Charge::Rate(of) => (of.limit.requests, of.limit.per, of.count, false),
        };
        let per = per.min(LONGEST);
        let is_exact = count == Count::Exact;
        count.is_remote().then_some(Self { requests, per, share, is_exact, is_quota })
    }

    /// How many may have passed that no call has counted, where so many remain.
    fn allowance(&self, remaining: u32) -> u32 {
        if self.is_exact {
            return 0;
        }
        let share = u64::from(remaining).saturating_mul(self.share.tolerance.into());
        let parts = u64::from(self.share.replicas).saturating_mul(100);
        narrow(share.checked_div(parts).unwrap_or_default())
    }

    /// When the next window begins, where all begin at whole multiples of their length since 1970.
    fn next_edge(&self, now: UnixMillis) -> Option<UnixMillis> {
        let per = millis(self.per);
        let into = now.millis().checked_rem(per)?;
        let is_grid = self.share.service == Service::Ratelimit;
        is_grid.then(|| now.after(Duration::from_millis(per.saturating_sub(into))))
    }

    /// Whether this is such a time.
    fn is_edge(&self, at: UnixMillis) -> bool {
        let is_grid = self.share.service == Service::Ratelimit;
        is_grid && at.millis().checked_rem(millis(self.per)) == Some(0)
    }

    /// This process's part of so many.
    fn part(&self, of: u32) -> u32 {
        of.checked_div(self.share.replicas).unwrap_or(of)
    }
}

/// What a process holds of one limit of one subject.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Lease {
    /// When the window ends at the latest; 0 where there is none. Until then what has passed uncounted
    /// counts.
    pub(super) ends: UnixMillis,
    /// The same by the answer that says it most exactly, which may be one about the window before.
    pub(super) soonest: UnixMillis,
    /// Whether the service has said so; otherwise the window is the process's own.
    pub(super) is_heard: bool,
    /// Whether nothing passes until `soonest`.
    pub(super) is_refused: bool,
    /// Whether a call is out that no request waits for.
    pub(super) is_asked: bool,
    /// How many remain, as the service last said.
    pub(super) remaining: u32,
    /// How many may pass that are counted already.
    pub(super) permits: u32,
    /// How many have passed that no call has reported.
    pub(super) unreported: u32,
    /// How many of these are in calls that are out.
    pub(super) flying: u32,
    /// How many have passed in this window that no call will count.
    pub(super) lost: u32,
    /// When the first of the calls was made that these are in.
    pub(super) flown: UnixMillis,
    /// When the calls that are out count as lost.
    pub(super) back: UnixMillis,
    /// When somebody reports what has passed; 0 where nobody has to.
    pub(super) due: UnixMillis,
    /// Since when requests are counted for the process's own rate.
    pub(super) since: UnixMillis,
    /// How many have come since, and in as long a time before.
    pub(super) seen: (u32, u32),
}

/// What a request without a call comes to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Held {
    /// It passes.
    Passes {
        /// By what.
        by: Rule,
        /// Whether this worker is to report it, although nobody asks.
        reports: bool,
    },
    /// Only the service can tell.
    Asks,
    /// It does not pass for so long.
    Refused(Duration),
}

/// What decides about a request that no call is made for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rule {
    /// This process's own part of the limit, while the service cannot be asked.
    Own,
    /// A permit that this process holds.
    Permit,
    /// What the service has said before.
    Told,
    /// It may be reported later.
    Unreported,
}

/// A call to the service: how many it asks for, and what for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Call {
    /// Requests that wait for it: one or none.
    pub own: u32,
    /// Requests that have passed before.
    pub carried: u32,
    /// Permits for requests to come.
    pub ahead: u32,
    /// Whether it is the second try of a batch that was too large.
    pub is_again: bool,
    /// When it was made.
    pub at: UnixMillis,
}

impl Call {
    /// How many it asks for in all.
    pub const fn hits(&self) -> u32 {
        self.own.saturating_add(self.carried).saturating_add(self.ahead)
    }
}

/// What the service says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Said {
    /// Whether the requests must not pass.
    pub is_over: bool,
    /// How many more may.
    pub remaining: u32,
    /// The seconds until the window ends; `None` where it does not say.
    pub reset: Option<u64>,
}

/// What a call comes to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ended {
    /// A smaller one is to be made.
    Again(Call),
    /// Its request passes, where one waits.
    Passes(Standing),
    /// Its request does not pass for so long.
    Refused(Duration, Standing),
}

impl Lease {
    /// The same now: windows end, and so do calls that bring nothing.
    pub(super) fn at(mut self, terms: &Terms, now: UnixMillis) -> Self {
        // Further ahead than any window: the clock was set back, the limit had another, or a stranger
        // wrote it.
        self.ends = self.ends.min(now.after(terms.per));
        if self.ends <= now {
            let (since, seen) = (self.since, self.seen);
            let (is_asked, back) = (self.is_asked, self.back);
            self = Self { since, seen, is_asked, back, ..Self::default() };
        }
        if self.soonest <= now || self.soonest > self.ends {
            (self.soonest, self.is_refused) = (self.ends, self.is_refused && self.soonest > now);
        }
        // Later than any call could come back: the same.
        if self.back <= now || self.back > now.after(LASTS.saturating_add(LAG)) {
            self.unreported = self.unreported.saturating_add(self.flying);
            (self.flying, self.is_asked) = (0, false);
        }
        if !self.is_heard {
            (self.remaining, self.permits) = (terms.requests, 0);
        }
        self.remaining = self.remaining.min(terms.requests);
        self
    }

    /// A request comes: it takes a permit, or passes unreported.
    pub(super) fn take(&mut self, terms: &Terms, now: UnixMillis) -> Held {
        self.measure(now);
        if self.permits > 0 && !terms.is_exact {
            self.permits = self.permits.saturating_sub(1);
            return Held::Passes { by: Rule::Permit, reports: false };
        }
        if self.is_refused {
            return Held::Refused(self.soonest.since(now));
        }
        if self.uncounted() >= terms.allowance(self.remaining) {
            return Held::Asks;
        }
        if !self.is_heard || !self.is_surely_before_its_end(terms, now) {
            // No window of the service, wherever it begins, meets two of these.
            (self.ends, self.is_heard) = (now.after(terms.per), false);
        }
        Held::Passes { by: Rule::Unreported, reports: self.passes_unreported(terms, now) }
    }

    /// Whether the window that the service has told of still lasts: it tells whole seconds, and told them
    /// up to a call's length before the answer came.
    fn is_surely_before_its_end(&self, terms: &Terms, now: UnixMillis) -> bool {
        self.ends.since(now) > SECOND.saturating_add(LASTS) || terms.is_edge(self.ends)
    }

    /// A request comes, and the service cannot be asked: it passes within the process's own part. `is_own`:
    /// whether this is one subject's alone, so that what has passed can be reported.
    pub(super) fn take_own(&mut self, terms: &Terms, is_own: bool, now: UnixMillis) -> Held {
        if self.is_refused {
            return Held::Refused(self.soonest.since(now));
        }
        let part = match terms.is_quota && self.is_heard {
            true => terms.part(self.remaining),
            false => terms.part(terms.requests).max(1),
        };
        if self.ends <= now {
            self.ends = now.after(terms.per);
        }
        if self.uncounted() >= part {
            return Held::Refused(self.ends.since(now));
        }
        if !is_own {
            self.lost = self.lost.saturating_add(1);
            return Held::Passes { by: Rule::Own, reports: false };
        }
        Held::Passes { by: Rule::Own, reports: self.passes_unreported(terms, now) }
    }

    /// Says whether this worker is to report it: nobody else is about to.
    fn passes_unreported(&mut self, terms: &Terms, now: UnixMillis) -> bool {
        self.unreported = self.unreported.saturating_add(1);
        let due = now.after(REPORTED_WITHIN);
        let somebody_will = self.due > UnixMillis::default() && self.due <= due;
        let reports = terms.per > LONG && !(somebody_will && self.due.after(LAG) > now);
        if reports {
            self.due = due;
        }
        reports
    }

    /// How many have passed that no call has counted.
    const fn uncounted(&self) -> u32 {
        self.unreported.saturating_add(self.flying).saturating_add(self.lost)
    }

    fn measure(&mut self, now: UnixMillis) {
        let (seen, _) = self.seen;
        let age = now.since(self.since);
        if self.since > now || age >= AHEAD.saturating_mul(2) {
            (self.since, self.seen) = (now, (0, 0));
        } else if age >= AHEAD {
            (self.since, self.seen) = (self.since.after(AHEAD), (0, seen));
        }
        self.seen.0 = self.seen.0.saturating_add(1);
    }

    /// How many permits to ask for, so that the next requests find some; `None` where enough are there,
    /// too few come, or somebody asks.
    pub(super) fn wish(&self, terms: &Terms) -> Option<u32> {
        let (seen, before) = self.seen;
        let rate = seen.max(before);
        if terms.is_exact || self.is_refused || self.is_asked || rate < 2 {
            return None;
        }
        let most = self.remaining.div_ceil(terms.share.replicas.saturating_mul(2).max(1));
        let wish = rate.min(most);
        let left = terms.allowance(self.remaining).saturating_sub(self.uncounted());
        (self.permits.saturating_add(left) < wish.div_ceil(2)).then_some(wish)
    }

    /// Begins a call for a request, which reports what has passed before, too.
    pub(super) fn ask(&mut self, now: UnixMillis) -> Call {
        let carried = self.report(now);
        Call { own: 1, carried, ahead: 0, is_again: false, at: now }
    }

    /// Begins a call that no request waits for; `None` where it has nothing to say.
    pub(super) fn ask_ahead(&mut self, ahead: u32, now: UnixMillis) -> Option<Call> {
        if self.is_asked || (ahead == 0 && self.unreported == 0) {
            return None;
        }
        self.is_asked = true;
        let carried = self.report(now);
        Some(Call { own: 0, carried, ahead, is_again: false, at: now })
    }

    fn report(&mut self, now: UnixMillis) -> u32 {
        let carried = std::mem::take(&mut self.unreported);
        if self.flying == 0 {
            self.flown = now;
        }
        self.due = UnixMillis::default();
        self.flying = self.flying.saturating_add(carried);
        self.back = now.after(LASTS);
        carried
    }

    /// A call is over: how many it has carried that still count here. A window may have ended since it
    /// was made.
    fn lands(&mut self, call: Call) -> u32 {
        let carried = if call.at < self.flown { 0 } else { call.carried.min(self.flying) };
        self.flying = self.flying.saturating_sub(carried);
        carried
    }

    /// A call has brought no answer. It may have counted or not: what it carried is reported again.
    pub(super) fn failed(&mut self, call: Call) {
        let carried = self.lands(call);
        self.unreported = self.unreported.saturating_add(carried);
        self.is_asked &= call.own > 0;
    }

    /// A call has brought an answer.
    pub(super) fn answered(
        &mut self,
        call: Call,
        said: Said,
        terms: &Terms,
        now: UnixMillis,
    ) -> Ended {
        let carried = self.lands(call);
        if call.own == 0 {
            self.is_asked = false;
        }
        if terms.next_edge(call.at).is_some_and(|edge| edge <= now) {
            // Which of two windows it is about cannot be told: it says nothing of the next requests.
            return match said.is_over {
                false => Ended::Passes(self.standing(terms, now)),
                true => self.refusal(now),
            };
        }
        let ends = now.after(until_end(said.reset, terms, (call.at, now)));
        self.soonest =
            if self.is_heard && self.soonest > now { self.soonest.min(ends) } else { ends };
        (self.is_heard, self.ends) = (true, ends);
        self.remaining = said.remaining.min(terms.requests);
        match (said.is_over, terms.share.service) {
            (false, _) => {
                self.permits = self.permits.saturating_add(call.ahead);
                Ended::Passes(self.standing(terms, now))
            }
            (true, Service::Ratelimit) => {
                self.is_refused = true;
                self.refusal(now)
            }
            (true, Service::Limitador) => self.not_counted((call, carried), terms, now),
        }
    }

    /// A batch was refused, and nothing of it counted: as much of it as is this process's part of what
    /// remains may be.
    fn not_counted(
        &mut self,
        (call, carried): (Call, u32),
        terms: &Terms,
        now: UnixMillis,
    ) -> Ended {
        let is_single = call.hits() <= 1;
        self.is_refused |= self.remaining == 0 || is_single;
        let part = match call.own {
            0 => terms.part(self.remaining),
            _ => terms.part(self.remaining).max(1),
        };
        let hits = part.min(call.hits());
        if self.is_refused || call.is_again || hits == 0 {
            self.lost = self.lost.saturating_add(carried);
            return self.refusal(now);
        }
        let mut left = hits.saturating_sub(call.own);
        let again = left.min(carried);
        left = left.saturating_sub(again);
        if self.flying == 0 {
            self.flown = now;
        }
        self.flying = self.flying.saturating_add(again);
        self.lost = self.lost.saturating_add(carried.saturating_sub(again));
        let ahead = left.min(call.ahead);
        self.is_asked |= call.own == 0;
        self.back = now.after(LASTS);
        Ended::Again(Call { own: call.own, carried: again, ahead, is_again: true, at: now })
    }

    fn refusal(&self, now: UnixMillis) -> Ended {
        let wait = if self.soonest > now { self.soonest } else { self.ends }.since(now);
        Ended::Refused(wait, Standing { remaining: 0, reset: wait })
    }

    /// Where the limit stands, as far as the process knows.
    pub(super) fn standing(&self, terms: &Terms, now: UnixMillis) -> Standing {
        let left = self.remaining.saturating_sub(self.unreported).saturating_sub(self.flying);
        let remaining = if self.is_refused { 0 } else { left.saturating_add(self.permits) };
        let ends = if self.is_refused { self.soonest } else { self.ends };
        let reset = if ends > now { ends.since(now) } else { terms.per };
        Standing { remaining: remaining.min(terms.requests), reset }
    }

    /// Until when it must be kept: it holds what nobody else knows. `None` where it need not be.
    pub(super) fn kept_until(&self) -> Option<UnixMillis> {
        (self.uncounted() > 0).then_some(self.ends)
    }

    /// Whether it is of any use.
    pub(super) fn is_of_use(&self, now: UnixMillis) -> bool {
        let is_measured = self.since <= now && now.since(self.since) < AHEAD.saturating_mul(2);
        self.ends > now || self.back > now || is_measured
    }
}

/// How long until the window ends: from a second to its whole length.
///
/// Envoy's service tells the seconds that are left rounded up, at some time since it was asked: what is
/// left open by that, the process's own clock tells. Limitador rounds them down.
fn until_end(
    reset: Option<u64>,
    terms: &Terms,
    (asked, now): (UnixMillis, UnixMillis),
) -> Duration {
    let per = terms.per.max(SECOND);
    let said = reset.map_or(per, Duration::from_secs);
    let said = match terms.share.service {
        Service::Limitador => said.saturating_add(SECOND),
        Service::Ratelimit => said,
    };
    let said = said.clamp(SECOND, per);
    let open = now.since(asked).saturating_add(SECOND);
    match terms.next_edge(now).map(|edge| edge.since(now)) {
        Some(left) if left <= said && said.saturating_sub(left) < open => left,
        _ => said,
    }
}

/// What services count time in.
const SECOND: Duration = Duration::from_secs(1);

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
