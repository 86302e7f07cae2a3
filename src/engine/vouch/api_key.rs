//! From an API key to a voucher: who owns it, and may it be used now.

use std::rc::Rc;
use std::sync::Arc;

use crate::engine::desk::Desk;
use crate::engine::trail::Trail;
use crate::engine::voucher::{Own, Voucher};
use crate::engine::words::narrate;
use crate::ids::ProviderId;
use crate::provider::Provider;
use crate::provider::api_key::ApiKeys;
use crate::verdict::{Deny, Refusal};

/// Judges an API key.
///
/// # Errors
///
/// [`Deny::KeyUnknown`], [`Deny::KeyInactive`] and [`Deny::KeyExpired`].
pub(super) fn judge<'c>(
    token: &[u8],
    (id, provider): (ProviderId, &'c Provider),
    keys: &'c ApiKeys,
    desk: &Desk<'_, 'c>,
    trail: &mut Trail,
) -> Result<Voucher<'c>, Refusal> {
    let now = desk.env.now;
    let found = keys.find(token).and_then(|id| Some((id, keys.get(id)?)));
    let Some((place, key)) = found else {
        let reason = "the SHA-256 of what was presented is that of no key of this provider";
        return Err(Refusal::new(Deny::KeyUnknown, reason));
    };
    trail.key = Some(Arc::clone(&key.name));
    trail.shows(&provider.name, || Some(Arc::clone(&key.identity)), Some(&key.name));
    if !key.active {
        return Err(Refusal::new(Deny::KeyInactive, "the key is switched off"));
    }
    if let Some(end) = key.expires.filter(|end| now >= *end) {
        return Err(Refusal::new(
            Deny::KeyExpired,
            format!("the key ended at {} ({})", end.in_words(now), end.numeric_date()),
        ));
    }
    let Some(known) = desk.api_keys.of(id, place) else {
        return Err(Refusal::new(Deny::Internal, "a key that nobody counts"));
    };
    narrate::api_key(key, now, &mut trail.steps);
    let own = Own { policies: &key.policies, tags: &key.tags, metadata: &key.metadata };
    Ok(Voucher { id, provider, asks: None, own, known: Rc::clone(known), login: None })
}
