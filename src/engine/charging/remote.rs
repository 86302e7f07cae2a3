//! Charges a request to limits of which a service counts some: with what the process holds of them, by
//! calls that it waits for, or, where the service cannot be asked, alone.

use std::time::Duration;

use super::due::{Due, RateLimitHeaders, Unusable, refusal};
use super::subject;
use crate::engine::admitted::Permit;
use crate::engine::desk::Desk;
use crate::engine::flight::{About, Asking, Waited, Which, ask_id};
use crate::engine::outside::Outside;
use crate::engine::outside::fleet::{Fleet, Made};
use crate::engine::parked::Share;
use crate::engine::stop::{Awaited, Stop};
use crate::engine::words::fleet as told;
use crate::engine::words::limits::{self as words, Whose};
use crate::event::{Effect, metric};
use crate::http::RequestHead;
use crate::limits::{
    Batch, Call, Charge, Does, Ended, OnOutage, Passed, Rule, Standing, Taken, Wish,
};
use crate::policy::LimitBy;
use crate::store::RecordId;
use crate::trace::{Decided, Trace};
use crate::verdict::{Deny, Refusal};

/// The limits of one subject, in the order in which they are asked.
pub(in crate::engine) struct Group {
    which: Which,
    subject: RecordId,
    whose: Whose,
    by_address: bool,
    charges: Vec<Charge>,
}

/// What of a request every limit may need.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Of<'r, 'c> {
    pub(in crate::engine) head: &'r RequestHead,
    pub(in crate::engine) permit: Option<&'r Permit<'c>>,
    /// The names of the policies in force.
    pub(in crate::engine) policies: &'r str,
    /// Whether answers have `RateLimit` headers.
    pub(in crate::engine) advises: bool,
}

/// What a request is asked with.
pub(in crate::engine) struct Asks<'a, 'd, 'e, 'c> {
    pub(in crate::engine) desk: &'a mut Desk<'d, 'e>,
    pub(in crate::engine) of: Of<'a, 'c>,
    pub(in crate::engine) asking: Asking,
    pub(in crate::engine) trace: &'a mut Trace,
    pub(in crate::engine) effects: &'a mut Vec<Effect>,
}

/// Limits by their subjects: those of the quota's after the caller's others, then those that an API has
/// for each caller, and for all.
pub(in crate::engine) fn groups(own: &[Due], of_api: Option<&Due>) -> Vec<Group> {
    let is_quota = |due: &&Due| matches!(due.charge, Charge::Quota(_));
    let quota = own.iter().find(is_quota).map(|due| due.subject);
    let rank = |due: &Due| match due.whose {
        Whose::Caller if Some(due.subject) != quota => 0_u8,
        Whose::Caller => 1,
        Whose::EachCaller => 2,
        Whose::Everyone => 3,
    };
    // Within a subject rates come before quotas.
    let places = (0..=3).flat_map(|rank| [(rank, false), (rank, true)]);
    let in_order = places.flat_map(|place| {
        own.iter().chain(of_api).filter(move |due| (rank(due), is_quota(due)) == place)
    });
    let mut groups: Vec<Group> = Vec::new();
    for due in in_order {
        let known = groups.iter_mut().find(|group| group.subject == due.subject);
        match known {
            Some(group) => group.charges.push(due.charge),
            None => groups.push(Group {
                which: match due.whose {
                    Whose::Everyone => Which::Apis,
                    Whose::Caller | Whose::EachCaller if due.by_address => Which::Addresses,
                    Whose::Caller | Whose::EachCaller => Which::Callers,
                },
                subject: due.subject,
                whose: due.whose,
                by_address: due.by_address,
                charges: vec![due.charge],
            }),
        }
    }
    groups
}

impl Asks<'_, '_, '_, '_> {
    /// Charges a request to all of them, in this order.
    ///
    /// # Errors
    ///
    /// The limit that refuses, or the call that is waited for. What was charged before stays charged.
    pub(in crate::engine) fn charge(&mut self, groups: &[Group]) -> Result<RateLimitHeaders, Stop> {
        let mut headers = RateLimitHeaders::default();
        let is_first = self.asking.since.is_none() && self.asking.passed.is_empty();
        self.come()?;
        if is_first && groups.len() > 1 {
            for group in groups.iter().filter(|group| group.whose != Whose::Everyone) {
                let taken = self.take(group, Does::Look)?;
                if let Taken::Refused { by, wait, rule, standings } = taken {
                    return self.refused(group, (by, wait, rule), &standings, &mut headers);
                }
            }
        }
        for group in groups {
            let passed = self.asking.passed.iter().find(|(subject, _)| *subject == group.subject);
            let standings = match passed {
                Some((_, standings)) => standings.clone(),
                None => {
                    let standings = self.pass(group, &mut headers)?;
                    self.asking.passed.push((group.subject, standings.clone()));
                    standings
                }
            };
            let Group { charges, whose, .. } = group;
            words::standings(charges, &standings, *whose, Decided::Passed, self.trace);
            if self.of.advises {
                headers.add(charges, &standings, *whose);
            }
        }
        Ok(headers)
    }

    /// Has a request pass the limits of one subject.
    fn pass(
        &mut self,
        group: &Group,
        headers: &mut RateLimitHeaders,
    ) -> Result<Vec<Standing>, Stop> {
        if let Some((id, wait, standing)) = self.asking.refused
            && let Some(by) = group.charges.iter().position(|charge| charge.id() == id)
        {
            let charge: Vec<_> = group.charges.get(by).copied().into_iter().collect();
            let group = Group { charges: charge, ..*group };
            self.refused(&group, (0, wait, Some(Rule::Told)), &[standing], headers)?;
        }
        // Each turn settles one limit.
        for _ in 0..=group.charges.len() {
            match self.take(group, Does::Charge)? {
                Taken::Passes(Passed { standings, rules, wishes }) => {
                    told::rules(&group.charges, &rules, &self.asking.unasked, self.trace);
                    if rules.contains(&Some(Rule::Permit))
                        && let Some(fleet) = &mut self.desk.outside.fleet
                    {
                        fleet.held(self.desk.env.now);
                    }
                    self.wish(group, &wishes)?;
                    return Ok(standings);
                }
                Taken::Refused { by, wait, rule, standings } => {
                    self.refused(group, (by, wait, rule), &standings, headers)?;
                }
                Taken::Asks(place, wishes) => {
                    if !self.asking.counted.contains(&group.subject) {
                        self.asking.counted.push(group.subject);
                    }
                    self.wish(group, &wishes)?;
                    self.settle(group, place, headers)?;
                }
                Taken::Contended | Taken::Full | Taken::Unsupported => {}
            }
        }
        Err(Refusal::new(Deny::Internal, "a limit that has let the request pass asks again").into())
    }

    /// What the process itself can say of a request.
    fn take(&mut self, group: &Group, does: Does) -> Result<Taken, Stop> {
        let Desk { outside, env, .. } = &mut *self.desk;
        let Some(fleet) = &outside.fleet else { return Err(unable(&Taken::Unsupported)) };
        let batch = Batch {
            charges: &group.charges,
            share: fleet.remote.share,
            settled: &self.asking.settled,
            is_counted: self.asking.counted.contains(&group.subject),
            is_reported: fleet.can_report(env),
        };
        let taken = fleet.table(group.which).take(&group.subject, batch, does, env);
        match taken {
            Taken::Contended | Taken::Full | Taken::Unsupported => Err(unable(&taken)),
            taken => Ok(taken),
        }
    }

    /// Settles one limit that only the service can tell of: it is asked, or what stands for it decides.
    fn settle(
        &mut self,
        group: &Group,
        place: usize,
        headers: &mut RateLimitHeaders,
    ) -> Result<(), Stop> {
        let Some(charge) = group.charges.get(place) else { return Ok(()) };
        if !self.asking.unasked.contains(&charge.id()) {
            let about = self.about(group, charge)?;
            self.ask(about, None)?;
        }
        self.decide(group, charge, headers)
    }

    /// Asks the service, and has the request wait for it. Nothing, where that cannot be.
    fn ask(&mut self, about: About, again: Option<Call>) -> Result<(), Stop> {
        let may_wait = self.desk.may_wait_in(self.of.head, Share::Fleet).is_ok();
        let now = self.desk.env.now;
        let limit = about.charge.id();
        let (stream, env) = (self.desk.stream, self.desk.env);
        let Outside { fleet: Some(fleet), calls, .. } = &mut *self.desk.outside else {
            return Ok(());
        };
        let since = *self.asking.since.get_or_insert(now);
        let most = fleet.remote.timeout.saturating_mul(2);
        let left = most.saturating_sub(now.since(since)).min(fleet.remote.timeout);
        if may_wait && left > Duration::ZERO {
            let of = (stream, again, left);
            if let Made::Call(number, own) = fleet.ask(about, of, (calls, env)) {
                let until = now.after(left);
                self.asking.waited = Some(Waited { number, limit, until, own });
                self.desk.memo.fleet = Some(Box::new(std::mem::take(&mut self.asking)));
                return Err(Awaited::Fleet(number, until).into());
            }
        }
        self.asking.unasked.push(limit);
        Ok(())
    }

    /// What the call has brought that the request has waited for.
    fn come(&mut self) -> Result<(), Stop> {
        let Some(waited) = self.asking.waited.take() else { return Ok(()) };
        let Waited { number, limit, until, own } = waited;
        let Desk { outside, memo, env, patience, .. } = &mut *self.desk;
        let Some(fleet) = &mut outside.fleet else { return Ok(()) };
        let (ended, about) = match &own {
            None => (fleet.take(number), None),
            Some(flight) => {
                let answer = memo.answer(ask_id(number)).cloned();
                // What is judged for another reason waits on.
                let ended = match answer {
                    None if env.now < until => None,
                    answer => {
                        let response = answer.flatten();
                        Some(fleet.land(flight, response.as_deref(), env, self.effects))
                    }
                };
                (ended, Some(flight.about.clone()))
            }
        };
        match ended {
            None if env.now < until && patience.is_left() => {
                self.asking.waited = Some(Waited { number, limit, until, own });
                memo.fleet = Some(Box::new(std::mem::take(&mut self.asking)));
                return Err(Awaited::Fleet(number, until).into());
            }
            None | Some(None) => {
                fleet.forget(number);
                self.asking.unasked.push(limit);
            }
            Some(Some(Ended::Passes(_))) => self.asking.settled.push(limit),
            Some(Some(Ended::Refused(wait, standing))) => {
                self.asking.refused = Some((limit, wait, standing));
            }
            Some(Some(Ended::Again(call))) => match about.or_else(|| fleet.about(number)) {
                Some(about) => self.ask(about, Some(call))?,
                None => self.asking.unasked.push(limit),
            },
        }
        Ok(())
    }

    /// What decides a limit while its service cannot be asked.
    fn decide(
        &mut self,
        group: &Group,
        charge: &Charge,
        headers: &mut RateLimitHeaders,
    ) -> Result<(), Stop> {
        let env = self.desk.env;
        let Some(fleet) = &self.desk.outside.fleet else { return Ok(()) };
        let by = 1;
        self.effects.push(Effect::Count { metric: metric::LIMITS_DECIDED_LOCALLY.into(), by });
        told::alone(fleet.remote.on_outage, self.trace);
        match fleet.remote.on_outage {
            OnOutage::Allow => {}
            OnOutage::Deny => {
                let refusal = Refusal::new(Deny::LimitsUnavailable, told::AWAY);
                let wait = fleet.is_away(env).unwrap_or(Duration::from_secs(1));
                return Err(refusal.with_retry_after(Some(wait)).into());
            }
            OnOutage::Local => {
                let counters = fleet.table(group.which);
                let of = (charge, fleet.remote.share);
                let taken = counters.take_own(&group.subject, of, env);
                let one = Group { charges: vec![*charge], ..*group };
                match taken {
                    Taken::Passes(Passed { wishes, .. }) => self.wish(&one, &wishes)?,
                    Taken::Refused { by, wait, rule, standings } => {
                        self.refused(&one, (by, wait, rule), &standings, headers)?;
                    }
                    taken => return Err(unable(&taken)),
                }
            }
        }
        self.asking.settled.push(charge.id());
        Ok(())
    }

    /// Has done in the background what a request has shown to be of use.
    fn wish(&mut self, group: &Group, wishes: &[Wish]) -> Result<(), Stop> {
        for wish in wishes {
            let Some(charge) = group.charges.get(wish.place) else { continue };
            let about = self.about(group, charge)?;
            let env = self.desk.env;
            if let Outside { fleet: Some(fleet), calls, .. } = &mut *self.desk.outside {
                fleet.wish(about, *wish, (calls, env));
            }
        }
        Ok(())
    }

    /// One limit of a subject, as the service is told of it.
    fn about(&mut self, group: &Group, charge: &Charge) -> Result<About, Refusal> {
        let permit = self.of.permit;
        let address = || self.desk.memo.address.flatten().ok_or_else(words::no_address);
        let hash = match (group.whose, permit) {
            (Whose::Everyone, _) => subject::of_everyone(),
            _ if group.by_address => subject::of_address(address()?),
            (Whose::EachCaller, Some(permit)) => subject::of_caller(permit, &LimitBy::Identity)?,
            (Whose::Caller, Some(permit)) => {
                let mut all = permit.charges();
                let by = all.find(|(own, _)| own.id() == charge.id()).map(|(_, by)| by);
                subject::of_caller(permit, by.unwrap_or(&LimitBy::Identity))?
            }
            (Whose::Caller | Whose::EachCaller, None) => return Err(words::no_address()),
        };
        let (which, subject) = (group.which, group.subject);
        Ok(About { which, subject, charge: *charge, hash })
    }

    /// The refusal of the limit at this place.
    fn refused<T>(
        &mut self,
        group: &Group,
        (by, wait, rule): (usize, Duration, Option<Rule>),
        standings: &[Standing],
        headers: &mut RateLimitHeaders,
    ) -> Result<T, Stop> {
        let Group { charges, whose, by_address, .. } = group;
        words::standings(charges, standings, *whose, Decided::Skipped, self.trace);
        headers.add(charges, standings, *whose);
        let Some(charge) = charges.get(by) else {
            let reason = "a limit that was not asked refuses";
            return Err(Refusal::new(Deny::Internal, reason).into());
        };
        if charge.count().is_remote() {
            told::refuses(charge, rule, self.trace);
        }
        let headers = std::mem::take(headers).into_headers(self.of.advises);
        let whose = (*whose, *by_address, self.of.policies);
        Err(refusal(charge, whose, wait, headers).into())
    }
}

/// The refusal where the counters themselves cannot be used.
fn unable(taken: &Taken) -> Stop {
    let why = match taken {
        Taken::Contended => Unusable::Contended,
        Taken::Full => Unusable::Full,
        _ => Unusable::Unsupported,
    };
    Refusal::from(why).into()
}

/// Whether a service counts any of these.
pub(in crate::engine) fn is_asked<'d>(
    fleet: Option<&Fleet>,
    mut dues: impl Iterator<Item = &'d Due>,
) -> bool {
    fleet.is_some() && dues.any(|due| due.charge.count().is_remote())
}
