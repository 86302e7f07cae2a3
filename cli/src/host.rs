//! What a proxy would lend the engine: randomness, and a store for as long as a command runs.

use std::cell::RefCell;
use std::collections::BTreeMap;

use tollgate::env::{Cas, PutError, Random, SharedData, Stored};

/// The system's randomness. Where there is none the numbers are 0: nothing here has to be
/// unpredictable, since no other process reads what is stored.
pub(super) struct SystemRandom;

impl Random for SystemRandom {
    fn u64(&self) -> u64 {
        let mut bytes = [0; 8];
        let _ = getrandom::fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

/// A store like a proxy's, for as long as the command runs.
#[derive(Default)]
pub(super) struct Store(RefCell<BTreeMap<String, (Vec<u8>, u32)>>);

impl SharedData for Store {
    fn get(&self, key: &str) -> Stored {
        match self.0.borrow().get(key) {
            Some((value, version)) => Stored {
                value: (!value.is_empty()).then(|| value.clone()),
                cas: Some(Cas(*version)),
            },
            None => Stored::default(),
        }
    }

    fn put(&self, key: &str, value: &[u8], expected: Option<Cas>) -> Result<(), PutError> {
        let mut all = self.0.borrow_mut();
        let known = all.get(key).map(|(_, version)| Cas(*version));
        if known != expected {
            return Err(PutError::Lost);
        }
        let version = known.map_or(1, |Cas(version)| version.wrapping_add(1));
        all.insert(key.to_owned(), (value.to_vec(), version));
        Ok(())
    }
}
