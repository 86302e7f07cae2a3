//! A shared store with the semantics of Envoy's: one counter for all versions, a missing key takes
//! any version, a wrong one is refused, an empty value is there and absent.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use tollgate::env::{Cas, PutError, SharedData, Stored};

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    entries: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
    version: Cell<u32>,
    /// How often it was read.
    pub gets: Cell<u32>,
    /// How many of the next writes are lost to another worker.
    pub losses: Cell<u32>,
    /// Whether the host has no store.
    pub absent: Cell<bool>,
}

impl MemoryStore {
    /// The keys written so far.
    pub fn keys(&self) -> Vec<String> {
        self.entries.borrow().keys().cloned().collect()
    }

    /// Whether these bytes stand in a value.
    pub fn holds(&self, bytes: &[u8]) -> bool {
        let is_in = |value: &[u8]| value.windows(bytes.len()).any(|part| part == bytes);
        self.entries.borrow().values().any(|(value, _)| is_in(value))
    }

    /// How many writes there have been.
    pub fn writes(&self) -> u32 {
        self.version.get()
    }

    /// Overwrites a value, as a stranger with the same `vm_id` can.
    pub fn force(&self, key: &str, value: &[u8]) {
        self.version.set(self.version.get() + 1);
        self.entries.borrow_mut().insert(key.into(), (value.into(), self.version.get()));
    }
}

impl SharedData for MemoryStore {
    fn get(&self, key: &str) -> Stored {
        self.gets.set(self.gets.get() + 1);
        match self.entries.borrow().get(key) {
            None => Stored::default(),
            Some((value, version)) => Stored {
                value: Some(value.clone()).filter(|value| !value.is_empty()),
                cas: Some(Cas(*version)),
            },
        }
    }

    fn put(&self, key: &str, value: &[u8], expected: Option<Cas>) -> Result<(), PutError> {
        if self.absent.get() {
            return Err(PutError::Unsupported);
        }
        if self.losses.get() > 0 {
            self.losses.set(self.losses.get() - 1);
            return Err(PutError::Lost);
        }
        let found = self.entries.borrow().get(key).map(|(_, version)| *version);
        if found.is_some() && found != expected.map(|Cas(cas)| cas) {
            return Err(PutError::Lost);
        }
        self.force(key, value);
        Ok(())
    }
}
