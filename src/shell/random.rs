//! Randomness: WASI's.

use std::cell::Cell;
use std::hash::Hasher;

use siphasher::sip::SipHasher24;

use crate::env::{NoRandomness, Random};

/// WASI's randomness.
///
/// Where it ends later, numbers are made of what it gave at first: they are as unpredictable as that,
/// and never made of the time.
pub(super) struct HostRandom {
    reserve: [u8; 16],
    used: Cell<u64>,
}

impl HostRandom {
    /// `None` where the host has no randomness.
    pub(super) fn new() -> Option<Self> {
        let mut reserve = [0; 16];
        getrandom::fill(&mut reserve).ok()?;
        Some(Self { reserve, used: Cell::new(0) })
    }

    /// Sixty-four bits of the reserve, others each time.
    pub(super) fn reserved(&self) -> u64 {
        self.used.set(self.used.get().wrapping_add(1));
        let mut hasher = SipHasher24::new_with_key(&self.reserve);
        hasher.write_u64(self.used.get());
        hasher.finish()
    }
}

impl Random for HostRandom {
    fn u64(&self) -> u64 {
        getrandom::u64().unwrap_or_else(|_| self.reserved())
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        getrandom::fill(bytes).map_err(|_| NoRandomness)
    }
}
