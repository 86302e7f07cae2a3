//! One counter: what it holds, and what a request does to it. Whole numbers throughout.
//!
//! A rate is counted in fractions of a millisecond whose denominator is the rate's `requests`: in
//! them, the time that one request takes up is `per` in milliseconds, a whole number whatever the
//! rate.
//!
//! A counter may hold times further ahead than a clock like ours could have written: the clock was set
//! back, the limit had other numbers, or a stranger wrote it. Such a limit counts as used up just now.

use std::num::NonZero;
use std::time::Duration;

use super::{Charge, LONGEST, Quota, Rate, Standing};
use crate::time::{CLOCKS_AGREE_WITHIN, UnixMillis, millis};

/// What a counter holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    /// How much of a quota's window is used up.
    Quota {
        /// When the window ends.
        ends: UnixMillis,
        /// Requests in it so far.
        used: u32,
    },
    /// How far ahead of the clock a caller is that kept the rate exactly: GCRA's theoretical arrival
    /// time.
    Rate {
        /// That time, rounded down.
        due: UnixMillis,
        /// What is missing, in fractions of a millisecond whose denominator is `requests`.
        part: u32,
    },
}

impl State {
    /// From when on the counter is as good as none.
    pub(super) fn ends(&self) -> UnixMillis {
        match *self {
            Self::Quota { ends, .. } => ends,
            Self::Rate { due, part } => due.after(Duration::from_millis(u64::from(part > 0))),
        }
    }

    /// The same, ending at `latest` if it would end later.
    pub(super) fn no_later(self, latest: UnixMillis) -> Self {
        match self {
            _ if self.ends() <= latest => self,
            Self::Quota { used, .. } => Self::Quota { ends: latest, used },
            Self::Rate { .. } => Self::Rate { due: latest, part: 0 },
        }
    }
}

/// What a request would do to a counter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Use {
    /// The counter without the request.
    pub(super) before: State,
    /// The counter with it, should it pass.
    pub(super) after: State,
    /// Whether what was stored could not be, so that `before` is to be stored in its place.
    pub(super) mended: bool,
    /// Where the limit stands without the request.
    pub(super) stands: Standing,
    /// Where it stands with it, should it pass.
    pub(super) would_stand: Standing,
    /// How long until it would pass; `None` if it passes now.
    pub(super) wait: Option<Duration>,
}

/// Judges a request of this cost. A stored state of another kind of limit counts as none.
pub(super) fn judge(charge: &Charge, stored: Option<State>, cost: u32, now: UnixMillis) -> Use {
    match charge {
        Charge::Quota(quota) => {
            let stored = match stored {
                Some(State::Quota { ends, used }) => Some((ends, used)),
                Some(State::Rate { .. }) | None => None,
            };
            of_quota(quota.limit, stored, cost, now)
        }
        Charge::Rate(rate) => {
            let stored = match stored {
                Some(State::Rate { due, part }) => Some((due, part)),
                Some(State::Quota { .. }) | None => None,
            };
            of_rate(rate.limit, stored, cost, now)
        }
    }
}

fn of_quota(quota: Quota, stored: Option<(UnixMillis, u32)>, cost: u32, now: UnixMillis) -> Use {
    let per = quota.per.min(LONGEST);
    let furthest = now.after(per).after(CLOCKS_AGREE_WITHIN);
    let (ends, used, mended) = match stored {
        Some((ends, used)) if ends > furthest => (now.after(per), used, true),
        Some((ends, used)) if ends > now => (ends, used, false),
        _ => (now.after(per), 0, false),
    };
    let with = used.checked_add(cost).filter(|with| *with <= quota.requests);
    let reset = ends.since(now);
    let standing = |used: u32| Standing { remaining: quota.requests.saturating_sub(used), reset };
    Use {
        before: State::Quota { ends, used },
        after: State::Quota { ends, used: with.unwrap_or(used) },
        mended,
        stands: standing(used),
        would_stand: standing(with.unwrap_or(used)),
        wait: with.is_none().then_some(reset),
    }
}

fn of_rate(rate: Rate, stored: Option<(UnixMillis, u32)>, cost: u32, now: UnixMillis) -> Use {
    let scale = Scale::of(rate);
    let at_once = scale.burst(rate);
    let start = scale.time(now);
    // No request may take up time beyond this.
    let end = start.saturating_add(at_once);
    let furthest = end.saturating_add(scale.span(CLOCKS_AGREE_WITHIN));
    let due = stored.map_or(start, |(due, part)| scale.time(due).saturating_add(scale.part(part)));
    let mended = due > furthest;
    let due = if mended { end } else { due.max(start) };
    let with = due.saturating_add(scale.request.saturating_mul(u128::from(cost)));
    let standing = |due: u128| {
        let remaining = divided(end.saturating_sub(due), scale.request);
        let reset = if remaining > 0 {
            due.saturating_sub(start)
        } else {
            due.saturating_add(scale.request).saturating_sub(end)
        };
        let remaining = u32::try_from(remaining).unwrap_or(u32::MAX);
        Standing { remaining, reset: scale.rounded_up(reset) }
    };
    Use {
        before: scale.state(due),
        after: scale.state(with),
        mended,
        stands: standing(due),
        would_stand: standing(with),
        wait: (with > end).then(|| scale.rounded_up(with.saturating_sub(end))),
    }
}

/// How long a rate takes to allow a whole burst again.
pub(super) fn recovery(rate: Rate) -> Duration {
    let scale = Scale::of(rate);
    scale.rounded_up(scale.request.saturating_mul(u128::from(rate.burst)))
}

/// How often the whole part goes into a span; 0 for a part of 0.
fn divided(span: u128, part: u128) -> u128 {
    // Almost always: and Wasm has no wider division of its own.
    if let (Ok(span), Ok(part)) = (u64::try_from(span), u64::try_from(part)) {
        return span.checked_div(part).map_or(0, u128::from);
    }
    span.checked_div(part).unwrap_or_default()
}

/// Times in fractions of a millisecond.
#[derive(Clone, Copy)]
struct Scale {
    /// Fractions in a millisecond.
    denominator: NonZero<u32>,
    /// The time that one request takes up; not 0.
    request: u128,
}

impl Scale {
    fn of(rate: Rate) -> Self {
        Self {
            denominator: NonZero::new(rate.requests).unwrap_or(NonZero::<u32>::MIN),
            request: u128::from(millis(rate.per).max(1)),
        }
    }

    /// The time that a whole burst takes up: at least one request, no longer than a counter may run.
    fn burst(self, rate: Rate) -> u128 {
        let whole = self.request.saturating_mul(u128::from(rate.burst.max(1)));
        whole.min(self.span(LONGEST)).max(self.request)
    }

    fn time(self, time: UnixMillis) -> u128 {
        u128::from(time.millis()).saturating_mul(u128::from(self.denominator.get()))
    }

    fn span(self, span: Duration) -> u128 {
        u128::from(millis(span)).saturating_mul(u128::from(self.denominator.get()))
    }

    /// A stored part of a millisecond: less than one, whatever its denominator was.
    fn part(self, part: u32) -> u128 {
        u128::from(part.min(self.denominator.get().saturating_sub(1)))
    }

    fn rounded_up(self, span: u128) -> Duration {
        let (whole, part) = self.split(span);
        Duration::from_millis(whole.saturating_add(u64::from(part > 0)))
    }

    fn state(self, due: u128) -> State {
        let (whole, part) = self.split(due);
        State::Rate { due: UnixMillis::new(whole), part }
    }

    /// Whole milliseconds, and the rest.
    fn split(self, span: u128) -> (u64, u32) {
        // Almost always: and Wasm has no wider division of its own.
        if let Ok(span) = u64::try_from(span) {
            let denominator = NonZero::<u64>::from(self.denominator);
            return (span / denominator, u32::try_from(span % denominator).unwrap_or_default());
        }
        let denominator = NonZero::<u128>::from(self.denominator);
        let whole = u64::try_from(span / denominator).unwrap_or(u64::MAX);
        (whole, u32::try_from(span % denominator).unwrap_or_default())
    }
}
