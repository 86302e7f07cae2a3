//! What answers at once, borrowed from the host for one call: the clock, randomness, the shared
//! key-value store, the metrics, the signature check, signing and the address of who calls.

use crate::jose::sign::HostSigner;
use crate::jose::verify::Verifier;
use crate::time::UnixMillis;

/// What the host lends the engine for the length of one event.
pub struct Env<'a> {
    /// The wall clock at the start of the event.
    pub now: UnixMillis,
    /// Unpredictable bytes.
    pub random: &'a dyn Random,
    /// The store that all workers of the process share.
    pub shared: &'a dyn SharedData,
    /// What all workers of the process have counted.
    pub metrics: &'a dyn Metrics,
    /// Who checks signatures.
    pub verifier: &'a dyn Verifier,
    /// Who signs for the filter, where the host can.
    pub signer: Option<&'a dyn HostSigner>,
    /// Who sends the request whose headers have just come; of no use at any other event.
    pub downstream: &'a dyn Downstream,
}

/// Whom a request comes from, by what the host says: nothing that it reads in a request's headers is
/// read here again.
pub trait Downstream {
    /// The address, as the host writes it; `None` where it does not say. Asking costs a call.
    fn address(&self) -> Option<Vec<u8>>;
}

/// A source of unpredictable bytes.
pub trait Random {
    /// Sixty-four unpredictable bits.
    fn u64(&self) -> u64;

    /// Fills `bytes` for what is kept secret or must never come twice. Where the host's own source
    /// has ended nothing is made up for it.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`] where there is none; `bytes` are of no use then.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        for chunk in bytes.chunks_mut(8) {
            for (to, byte) in chunk.iter_mut().zip(self.u64().to_le_bytes()) {
                *to = byte;
            }
        }
        Ok(())
    }
}

/// The host has no randomness now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NoRandomness;

/// The metrics of the process, which all workers write.
pub trait Metrics {
    /// A counter by its name; 0 where nothing was counted, `None` where the host counts nothing.
    fn counter(&self, name: &str) -> Option<u64>;

    /// A gauge by its name, as a counter is read.
    fn gauge(&self, name: &str) -> Option<u64>;
}

/// The metrics of a host that has none.
#[derive(Clone, Copy, Debug)]
pub struct Unmetered;

impl Metrics for Unmetered {
    fn counter(&self, _: &str) -> Option<u64> {
        None
    }

    fn gauge(&self, _: &str) -> Option<u64> {
        None
    }
}

/// The version of a stored value, for compare-and-set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cas(pub u32);

/// What stands under a key of the shared store.
///
/// Hosts cannot delete: an emptied value is absent, yet its version is needed to write over it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Stored {
    /// The value; `None` where there is none or it is empty.
    pub value: Option<Vec<u8>>,
    /// The version to hand to [`SharedData::put`]; `None` where the key was never written.
    pub cas: Option<Cas>,
}

/// Why a value was not stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PutError {
    /// Another worker wrote first: get, change and put again.
    Lost,
    /// The host has no store, or refuses.
    Unsupported,
}

/// A key-value store shared by all workers of one proxy process.
///
/// Every value read is untrusted: whoever shares the `vm_id` can write it.
pub trait SharedData {
    /// The value and its version.
    fn get(&self, key: &str) -> Stored;

    /// Writes `value` if the key still has the version just read; `None` means "only if the key
    /// was never written" (put-if-absent).
    ///
    /// # Errors
    ///
    /// [`PutError::Lost`] where the version moved on, [`PutError::Unsupported`] where the host
    /// cannot store.
    fn put(&self, key: &str, value: &[u8], expected: Option<Cas>) -> Result<(), PutError>;
}
