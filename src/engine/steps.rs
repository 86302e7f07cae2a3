//! The three steps that a request takes: it is admitted, charged, forwarded.

use super::admission;
use super::admitted::Permit;
use super::charging::Charging;
use super::desk::Desk;
use super::handoff::Handoff;
use super::login::after::{self, After};
#[cfg(feature = "probe")]
use super::probe;
use super::stop::Stop;
use super::trail::Trail;
use crate::env::Env;
use crate::event::{Effect, GaugeChange, HeaderChange, Headers, metric};
use crate::http::{RequestHead, Route};
use crate::session::{Recorded, Sessions};

/// What comes of a request that may pass.
pub(super) struct Passed {
    /// The changes to its headers.
    pub(super) changes: Vec<HeaderChange>,
    /// Headers of the upstream's answer: the caller's limits.
    pub(super) headers: Headers,
    /// What else the answer of one who logged in says.
    pub(super) after: After,
}

/// Takes a request through its three steps, each of which may stop it: it is admitted, charged to its
/// limits, and made ready to go upstream.
///
/// # Errors
///
/// What stops it.
pub(super) fn take(
    desk: &mut Desk<'_, '_>,
    (head, route): (&RequestHead, &Route),
    (charging, handoff): (&Charging, &Handoff),
    trail: &mut Trail,
    effects: &mut Vec<Effect>,
) -> Result<Passed, Stop> {
    let (config, env) = (desk.config, desk.env);
    #[cfg(feature = "probe")]
    probe::ask(desk, head, probe::When::Before, effects)?;
    let admitted = admission::admit(desk, head, route, trail, effects)?;
    if let Some(permit) = &admitted.permit {
        record(desk.sessions, permit, env, effects);
    }
    let of = (&mut *desk, head);
    let mut headers = charging.charge(&admitted, of, &mut trail.steps, effects)?;
    #[cfg(feature = "probe")]
    if let Err(stop) = probe::ask(desk, head, probe::When::After, effects) {
        desk.memo.charged = Some(headers);
        return Err(stop);
    }
    let reports = trail.reports.unwrap_or(config.reports);
    if reports {
        headers.clear();
    }
    let changes = handoff.changes(config, head, (&admitted, desk.logins), reports, effects);
    let after = after::after(admitted.permit.as_ref().filter(|_| !reports), desk.memo, head, env);
    Ok(Passed { changes, headers, after })
}

/// Puts the session on record; whether that works changes no verdict.
fn record(sessions: &Sessions, permit: &Permit<'_>, env: &Env<'_>, effects: &mut Vec<Effect>) {
    // The record's last use is written once a minute: in between, not even read.
    let noted_at = &permit.owner().known.noted_at;
    if env.now >= noted_at.get() && env.now.since(noted_at.get()) < Sessions::NOTED_EVERY {
        return;
    }
    noted_at.set(env.now);
    let recorded = sessions.record(permit.session(), env.shared, env.random, env.now);
    let count = |metric: &'static str| Effect::Count { metric: metric.into(), by: 1 };
    effects.push(match recorded {
        Recorded::Evicted => count(metric::SESSION_EVICTED),
        Recorded::Unrecorded => count(metric::SESSION_UNRECORDED),
        // The next whole count of the table says how many there are.
        Recorded::New => {
            Effect::Gauge { metric: metric::SESSION_RECORDS.into(), change: GaugeChange::By(1) }
        }
        Recorded::Known => return,
    });
}
