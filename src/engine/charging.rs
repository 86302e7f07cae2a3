//! Charges a permitted request to its rates and quotas, and lists them for the answer's headers.

mod due;
mod remote;
mod subject;

use super::admitted::{Admitted, Permit};
use super::desk::Desk;
use super::request::Memo;
use super::stop::Stop;
use super::words::limits::{self as words, Whose};
use crate::config::{Config, LogIdentity};
use crate::env::Env;
use crate::event::{Effect, Headers};
use crate::http::RequestHead;
use crate::limits::{Charge, Charged, Counters, Does, Subject, at_api};
use crate::policy::LimitBy;
use crate::store::RecordId;
use crate::trace::{Decided, Trace};
use crate::verdict::{Deny, Refusal, Step};
use due::{Due, RateLimitHeaders, Unusable, refusal};
use remote::{Asks, Of};

/// The counters, and what of them is the same for every request.
#[derive(Debug)]
pub(super) struct Charging {
    counters: Counters,
    /// Those of addresses, apart: whoever owns many must not take the others' room.
    of_addresses: Counters,
    /// Those of the APIs, apart: their callers must not take their room.
    of_apis: Counters,
    /// The rate of each API, with the counter of all its callers.
    of_api: Vec<Option<Due>>,
    counts_addresses: bool,
    /// Whether answers have `RateLimit` headers.
    advises: bool,
    /// Whether a trace may show an address.
    shows: bool,
}

impl Charging {
    pub(super) fn new(config: &Config, instance: &str) -> Self {
        let counters = Counters::new(config.limits.capacity, instance);
        let of_apis = Counters::of_apis(instance);
        let of_api = config.apis.iter().map(|api| {
            let subject = of_apis.id(Subject::Everyone { api: &api.name });
            let whose = if api.per_caller { Whose::EachCaller } else { Whose::Everyone };
            api.rate.map(|rate| Due {
                charge: Charge::Rate(rate),
                subject,
                whose,
                by_address: false,
            })
        });
        Self {
            of_api: of_api.collect(),
            of_addresses: Counters::of_addresses(config.limits.capacity, instance),
            counts_addresses: config.counts_addresses(),
            advises: config.limits.headers,
            shows: config.log.identity == LogIdentity::Plain,
            counters,
            of_apis,
        }
    }

    /// The counters of callers, and of addresses where any are counted.
    pub(super) fn tables(&self) -> (&Counters, Option<&Counters>) {
        (&self.counters, self.counts_addresses.then_some(&self.of_addresses))
    }

    /// Whether any limit counts addresses.
    pub(super) const fn counts_addresses(&self) -> bool {
        self.counts_addresses
    }

    /// The caller's own limits by policies, each with the counters that it counts in.
    ///
    /// # Errors
    ///
    /// [`Deny::LimitKeyMissing`] where the credential lacks what its caller is counted by, or the proxy
    /// names no address.
    fn own(
        &self,
        permit: &Permit<'_>,
        memo: &mut Memo,
        env: &Env<'_>,
    ) -> Result<Vec<Due>, Refusal> {
        let mut own = Vec::new();
        for (charge, by) in permit.charges() {
            let by_address = *by == LimitBy::Address;
            let subject = match by_address {
                true => self.address(memo, env)?,
                false => self.subject(permit, by)?,
            };
            own.push(Due { charge, subject, whose: Whose::Caller, by_address });
        }
        Ok(own)
    }

    /// The counter of this caller alone, where an API's rate is for each: that of its identity, or else
    /// of its address.
    ///
    /// # Errors
    ///
    /// [`Deny::LimitKeyMissing`] where there is neither.
    fn of_caller(
        &self,
        due: &Due,
        permit: Option<&Permit<'_>>,
        memo: &mut Memo,
        env: &Env<'_>,
    ) -> Result<Due, Refusal> {
        let caller = match permit {
            Some(permit) => self.counters.id(Subject::Identity(permit.session().id)),
            None => self.address(memo, env)?,
        };
        let subject = at_api(&caller, &due.subject);
        Ok(Due { subject, by_address: permit.is_none(), ..*due })
    }

    /// The subject of the request's address.
    fn address(&self, memo: &mut Memo, env: &Env<'_>) -> Result<RecordId, Refusal> {
        let address = memo.address(env).ok_or_else(words::no_address)?;
        Ok(self.of_addresses.id(Subject::Address(address.bytes())))
    }

    /// Whose counters a limit counts; hashed once for each credential.
    fn subject(&self, permit: &Permit<'_>, by: &LimitBy) -> Result<RecordId, Refusal> {
        match by {
            LimitBy::Identity => Ok(self.counters.id(Subject::Identity(permit.session().id))),
            by => permit.owner().known.cache.subject(by, || self.hash(permit, by)),
        }
    }

    fn hash(&self, permit: &Permit<'_>, by: &LimitBy) -> Result<RecordId, Refusal> {
        let session = permit.session();
        if *by == LimitBy::Identity {
            return Ok(self.counters.id(Subject::Identity(session.id)));
        }
        let (claim, value) = subject::counted(permit, by)?;
        let (provider, issuer) = (&session.provider, session.issuer.as_deref());
        Ok(self.counters.id(Subject::Value { provider, issuer, claim: &claim, value: &value }))
    }

    /// Charges a request to the caller's own limits, by policies and by the API, then to the API's for
    /// everyone.
    ///
    /// The caller's own limits are charged by subject: all limits of one subject at once. The subject
    /// of the quota comes last, so that a request which one of the rates refuses does not use it up.
    /// Where there are several subjects, all of them are looked at before the first is charged: what
    /// one of them refuses is then charged to none.
    ///
    /// # Errors
    ///
    /// The limit that refuses, with the headers of the answer. What was charged before stays charged:
    /// the caller's own limits where the API's refuses or another worker was quicker, and all of them
    /// where a later step refuses. A request that waits after it was charged has a note of that in its
    /// memo, so it is charged once. So has one that waits for a service which counts some of them.
    pub(super) fn charge(
        &self,
        admitted: &Admitted<'_, '_>,
        (desk, head): (&mut Desk<'_, '_>, &RequestHead),
        trace: &mut Trace,
        effects: &mut Vec<Effect>,
    ) -> Result<Headers, Stop> {
        let (memo, env) = (&mut *desk.memo, desk.env);
        if let Some(headers) = memo.charged.take() {
            trace.skipped(Step::Limits, Step::Limits.looks_at(), || {
                "the request was charged before it waited".to_owned()
            });
            return Ok(headers);
        }
        let permit = admitted.permit.as_ref();
        let mut own = match permit {
            Some(permit) => self.own(permit, memo, env)?,
            None => Vec::new(),
        };
        let of_api = admitted.api.and_then(|api| self.of_api.get(api.0)?.as_ref());
        if own.is_empty() && of_api.is_none() {
            trace.skipped(Step::Limits, Step::Limits.looks_at(), || "there are none".to_owned());
            return Ok(Headers::new());
        }
        if let Some(permit) = permit {
            words::counted_by(permit.charges(), permit.rights().policies(), trace);
        }
        let is_each = |due: &&Due| due.whose == Whose::EachCaller;
        if let Some(due) = of_api.filter(is_each) {
            let due = self.of_caller(due, permit, memo, env)?;
            let shown = memo.address.flatten().filter(|_| self.shows);
            words::each_counted_by(due.by_address.then_some(shown), trace);
            own.push(due);
        }
        let policies = permit.map(|permit| permit.rights().grant().names());
        let policies = policies.map_or("", |names| names);
        let everyone = of_api.filter(|due| !is_each(due));
        if remote::is_asked(desk.outside.fleet.as_deref(), own.iter().chain(everyone)) {
            let asking = memo.fleet.take().map_or_else(Default::default, |asking| *asking);
            let of = Of { head, permit, policies, advises: self.advises };
            let groups = remote::groups(&own, everyone);
            let mut asks = Asks { desk, of, asking, trace, effects };
            return Ok(asks.charge(&groups)?.into_headers(self.advises));
        }
        let is_another = |due: &Due| own.first().is_some_and(|first| first.subject != due.subject);
        if own.iter().any(is_another) {
            self.charge_own(own.clone(), Does::Look, policies, trace, env)?;
        }
        let mut headers = self.charge_own(own, Does::Charge, policies, trace, env)?;
        if let Some(due) = everyone {
            let charges = [due.charge];
            self.charge_one((due, &charges, Does::Charge), policies, &mut headers, trace, env)?;
        }
        Ok(headers.into_headers(self.advises))
    }

    /// Charges a request to the caller's own limits, or only looks whether they would refuse it.
    fn charge_own(
        &self,
        mut left: Vec<Due>,
        does: Does,
        policies: &str,
        trace: &mut Trace,
        env: &Env<'_>,
    ) -> Result<RateLimitHeaders, Refusal> {
        let mut headers = RateLimitHeaders::default();
        let is_quota = |due: &&Due| matches!(due.charge, Charge::Quota(_));
        let quota = left.iter().find(is_quota).map(|due| due.subject);
        let before = |due: &&Due| Some(due.subject) != quota;
        while let Some(next) = left.iter().find(before).or(left.first()) {
            let next = *next;
            let same = left.extract_if(.., |due| due.subject == next.subject);
            let charges: Vec<_> = same.map(|due| due.charge).collect();
            self.charge_one((&next, &charges, does), policies, &mut headers, trace, env)?;
        }
        Ok(headers)
    }

    /// Charges a request to the limits of one subject, or only looks whether they would refuse it.
    fn charge_one(
        &self,
        (due, charges, does): (&Due, &[Charge], Does),
        policies: &str,
        headers: &mut RateLimitHeaders,
        trace: &mut Trace,
        env: &Env<'_>,
    ) -> Result<(), Refusal> {
        let whose = due.whose;
        let counters = match whose {
            Whose::Everyone => &self.of_apis,
            Whose::Caller | Whose::EachCaller if due.by_address => &self.of_addresses,
            Whose::Caller | Whose::EachCaller => &self.counters,
        };
        match counters.ask(&due.subject, charges, (1, does), env.shared, env.random, env.now) {
            Charged::Counted(standings) => {
                if does == Does::Charge {
                    words::standings(charges, &standings, whose, Decided::Passed, trace);
                }
                if self.advises {
                    headers.add(charges, &standings, whose);
                }
                Ok(())
            }
            Charged::Contended => Err(Unusable::Contended.into()),
            Charged::Full => Err(Unusable::Full.into()),
            Charged::Unsupported => Err(Unusable::Unsupported.into()),
            Charged::Refused { by, wait, standings } => {
                words::standings(charges, &standings, whose, Decided::Skipped, trace);
                headers.add(charges, &standings, whose);
                let Some(charge) = charges.get(by) else {
                    let reason = "a limit that was not asked refuses";
                    return Err(Refusal::new(Deny::Internal, reason));
                };
                let headers = std::mem::take(headers).into_headers(self.advises);
                Err(refusal(charge, (whose, due.by_address, policies), wait, headers))
            }
        }
    }
}
