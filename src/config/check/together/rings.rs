//! Which providers share their keys.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::config::check::drafts::{Drafts, Keys, ProviderDraft, Ring};
use crate::config::checked::RingConfig;
use crate::config::code::Code;
use crate::config::duration::spelt;
use crate::config::problems::Problems;
use crate::ids::RingId;
use crate::provider::jwt::KeySource;

/// Gives providers with the same source the same ring, in the order of the file. A provider without
/// keys to verify with has no source.
pub(super) fn share_rings(
    drafts: &Drafts,
    problems: &mut Problems<'_>,
) -> (Vec<RingConfig>, Vec<Option<KeySource>>) {
    let mut rings: Vec<RingConfig> = Vec::new();
    let mut share = |ring: &Ring| {
        let known = rings.iter().position(|known| known.remote.id == ring.config.remote.id);
        if let Some(known) = known.and_then(|known| rings.get_mut(known)) {
            refuse_conflicts(known, ring, problems);
            known.logins |= ring.config.logins;
        }
        RingId(known.unwrap_or_else(|| {
            rings.push(ring.config.clone());
            rings.len().saturating_sub(1)
        }))
    };
    let mut source = |draft: &Option<ProviderDraft>| match draft.as_ref()?.jwt()?.keys.as_ref()? {
        Keys::Inline(set) => Some(KeySource::Inline(Arc::clone(set))),
        Keys::Ring(ring) => Some(KeySource::Ring(share(ring))),
        Keys::Tenants(rings) => {
            let mut issuers = Vec::new();
            for ring in rings {
                let id = share(ring);
                issuers.extend(ring.config.issuers.iter().map(|issuer| (issuer.clone(), id)));
            }
            Some(KeySource::Tenants(issuers))
        }
    };
    let sources = drafts.providers.iter().map(&mut source).collect();
    (rings, sources)
}

/// One fetch serves all who share a ring, so that they cannot want different timings.
fn refuse_conflicts(known: &RingConfig, ring: &Ring, problems: &mut Problems<'_>) {
    let (old, new) = (&known.remote, &ring.config.remote);
    let timings = [
        ("timeout", old.timeout, new.timeout),
        ("refresh", old.refresh, new.refresh),
        ("cooldown", old.cooldown, new.cooldown),
        ("max_stale", old.max_stale, new.max_stale),
    ];
    for ((name, known_time, time), at) in timings.into_iter().zip(ring.places) {
        if known_time != time {
            problems.refuse(
                Code::Contradiction,
                at,
                format_args!(
                    "`{name}` is {} here and {} at provider `{}`, which shares these keys; give \
                     both the same",
                    Shown(time),
                    Shown(known_time),
                    known.provider
                ),
            );
        }
    }
}

/// A duration as it would be written.
struct Shown(Duration);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&spelt(u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)))
    }
}
