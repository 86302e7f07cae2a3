//! The gauges that are looked up twice a second.

use std::time::Duration;

use crate::env::Env;
use crate::event::{Effect, GaugeChange, metric};
use crate::ids::Name;
use crate::keys::Ring;
use crate::limits::Counters;
use crate::session::Sessions;
use crate::time::UnixMillis;

/// Sets what is true of the whole process, whichever worker looks: how old keys are, how full tables.
pub(in crate::engine) fn set(
    rings: &[Ring],
    sessions: &Sessions,
    (limits, addresses): (&Counters, Option<&Counters>),
    env: &Env<'_>,
    effects: &mut Vec<Effect>,
) {
    let mut set =
        |metric, value| effects.push(Effect::Gauge { metric, change: GaugeChange::To(value) });
    for (provider, age) in ages(rings, env.now) {
        set(metric::keys_age(provider), age.as_secs());
    }
    if let Some(count) = sessions.count(env.shared, env.now) {
        set(metric::SESSION_RECORDS.into(), count);
    }
    if let Some(count) = limits.count(env.shared, env.now) {
        set(metric::LIMIT_RECORDS.into(), count);
    }
    if let Some(count) = addresses.and_then(|addresses| addresses.count(env.shared, env.now)) {
        set(metric::LIMIT_ADDRESSES.into(), count);
    }
}

/// The age of the oldest keys of each provider that has any.
fn ages(rings: &[Ring], now: UnixMillis) -> impl Iterator<Item = (&Name, Duration)> {
    let providers = rings.chunk_by(|one, other| provider(one) == provider(other));
    providers.filter_map(move |rings| {
        let oldest = rings.iter().filter_map(|ring| ring.age(now)).max()?;
        Some((provider(rings.first()?), oldest))
    })
}

/// Resets the gauges of this configuration, which is no longer in use: a host keeps a gauge as it was
/// left. Where another engine goes on with a provider, it sets that age again at the next tick.
pub(in crate::engine) fn reset(rings: &[Ring], now: UnixMillis, effects: &mut Vec<Effect>) {
    let gauges = ages(rings, now).map(|(provider, _)| metric::keys_age(provider));
    effects.extend(gauges.map(|metric| Effect::Gauge { metric, change: GaugeChange::To(0) }));
}

const fn provider(ring: &Ring) -> &Name {
    &ring.config().provider
}
