//! One limit that a request is charged to, and what its refusal and the answer's headers say. Decides
//! nothing.

use std::time::Duration;

use crate::engine::words::limits::{self as words, Whose};
use crate::event::Headers;
use crate::limits::{Charge, Standing, add_limit, add_policy};
use crate::store::RecordId;
use crate::verdict::{Deny, Refusal};

/// One limit that a request is charged to, and whose counter of it.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Due {
    pub(in crate::engine) charge: Charge,
    pub(in crate::engine) subject: RecordId,
    pub(in crate::engine) whose: Whose,
    /// Whether the subject is an address.
    pub(in crate::engine) by_address: bool,
}

/// The two `RateLimit` headers while they are put together.
#[derive(Default)]
pub(in crate::engine) struct RateLimitHeaders {
    policy: String,
    limit: String,
    rates: u32,
    quotas: u32,
}

impl RateLimitHeaders {
    /// Adds limits and where they stand.
    pub(in crate::engine) fn add(
        &mut self,
        charges: &[Charge],
        standings: &[Standing],
        whose: Whose,
    ) {
        for (charge, standing) in charges.iter().zip(standings) {
            let (kind, count) = match charge {
                Charge::Quota(_) => ("quota", &mut self.quotas),
                Charge::Rate(_) => ("rate", &mut self.rates),
            };
            let (name, number) = match whose {
                Whose::Everyone => ("api", 1),
                Whose::Caller | Whose::EachCaller => {
                    *count = count.saturating_add(1);
                    (kind, *count)
                }
            };
            add_policy(&mut self.policy, (name, number), charge);
            add_limit(&mut self.limit, (name, number), *standing);
        }
    }

    pub(in crate::engine) fn into_headers(self, advises: bool) -> Headers {
        if !advises || self.policy.is_empty() {
            return Headers::new();
        }
        vec![("ratelimit-policy", self.policy), ("ratelimit", self.limit)]
    }
}

/// Why counters themselves cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::engine) enum Unusable {
    /// Others wrote first, again and again.
    Contended,
    /// There is no room.
    Full,
    /// There is no store.
    Unsupported,
}

impl From<Unusable> for Refusal {
    fn from(why: Unusable) -> Self {
        let (deny, reason) = match why {
            Unusable::Contended => {
                (Deny::LimitContention, "the other workers kept writing the counters first")
            }
            Unusable::Full => {
                (Deny::LimitStoreFull, "there is no room beside the counters that run")
            }
            Unusable::Unsupported => {
                (Deny::LimitStoreFull, "this host has no store that could hold counters")
            }
        };
        Self::new(deny, reason)
    }
}

/// The refusal of a limit that is used up.
pub(in crate::engine) fn refusal(
    charge: &Charge,
    whose: (Whose, bool, &str),
    wait: Duration,
    headers: Headers,
) -> Refusal {
    let deny = match charge {
        Charge::Quota(_) => Deny::QuotaExceeded,
        Charge::Rate(_) => Deny::RateLimited,
    };
    let reason = words::used_up(charge, whose, wait);
    let mut refusal = Refusal::new(deny, reason).with_retry_after(Some(wait));
    refusal.headers = headers;
    refusal
}
