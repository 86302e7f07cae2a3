//! Whether one of the keys made a token's signature, and what forged ones may cost.

use std::time::Duration;

use crate::engine::budget::Budget;
use crate::engine::metrics::counts::Counts;
use crate::engine::words::{narrate, reason};
use crate::env::Env;
use crate::jose::alg::Alg;
use crate::jose::jwk::PublicKey;
use crate::jose::jws::Jws;
use crate::jose::verify::cost;
use crate::keys::Wanted;
use crate::trace::Trace;
use crate::verdict::{Deny, Refusal};

/// What a check may cost without a budget, in microseconds. A check with one key of a usual kind and
/// size costs less.
const DEAR: u32 = 1000;

/// The thumbprint of the key that verifies the signature.
///
/// A check that costs more, all keys together, has a budget; it is spent when the check fails. A check
/// with one key of a usual kind and size has none: a stranger must not be able to lock those tokens out.
pub(super) fn check_signature(
    (env, counts, failures): (&Env<'_>, &Counts, &mut Budget),
    jws: &Jws<'_>,
    keys: &[&PublicKey],
    Wanted { alg, kid, .. }: Wanted<'_>,
    trace: &mut Trace,
) -> Result<[u8; 32], Refusal> {
    narrate::candidates(kid, keys.len(), alg, trace);
    let cost = keys.iter().fold(0_u32, |sum, key| {
        let cost = cost(key, alg, jws.signature());
        // The host's own code is about eight times as fast; what is slow there, too, counts in full.
        let is_slow = matches!(alg, Alg::Es384 | Alg::Es512);
        let is_fast = !is_slow && env.verifier.is_host_for(key, alg);
        sum.saturating_add(if is_fast { cost / 8 } else { cost })
    });
    if cost > DEAR && !failures.is_left(env.now) {
        let refusal = reason::dear(alg, keys.len());
        return Err(refusal.with_retry_after(Some(Duration::from_secs(1))));
    }
    let verifies = |key: &&&PublicKey| {
        let verified = env.verifier.verify(key, alg, jws.signed(), jws.signature());
        let by_host = env.verifier.is_host_for(key, alg);
        if by_host { &counts.by_host } else { &counts.by_module }.raise();
        verified.is_ok()
    };
    let Some(key) = keys.iter().find(verifies) else {
        if cost > DEAR {
            failures.spend_many(cost, env.now);
        }
        return Err(Refusal::new(
            Deny::TokenSignatureInvalid,
            format!("tried {} of the provider's keys with {}", keys.len(), alg.name()),
        ));
    };
    narrate::signature(key, alg, || env.verifier.is_host_for(key, alg), trace);
    Ok(*key.thumbprint())
}
