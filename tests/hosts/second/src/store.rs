//! Shared data as other hosts keep it: stricter, smaller, or not at all.

use std::num::NonZeroU32;
use std::sync::Mutex;

use proxy_wasm_host::abi::v0_2_1::types::Status;
use proxy_wasm_host::abi::v0_2_1::{Invocation, SharedServices, SharedValue};

/// How a store differs from Envoy's.
#[derive(Clone, Copy, Debug)]
pub struct Store {
    /// Version 0 means "only if absent", and any other is not the version of what is absent.
    pub is_strict: bool,
    /// A value without bytes deletes.
    pub deletes: bool,
    /// Keys with the same bits of their CRC-32 under this mask are the same key.
    pub same: Option<u32>,
    /// How many keys there are; the oldest goes.
    pub keys: usize,
    /// How long a value may be.
    pub bytes: usize,
    /// Whether there is one.
    pub exists: bool,
}

impl Store {
    /// As Envoy's.
    pub const LOOSE: Self = Self {
        is_strict: false,
        deletes: false,
        same: None,
        keys: usize::MAX,
        bytes: usize::MAX,
        exists: true,
    };
}

/// A store of some kind, with the keys in the order of their writing.
pub(crate) struct Kept {
    kind: Store,
    entries: Mutex<Vec<(Vec<u8>, SharedValue)>>,
    versions: Mutex<u32>,
}

impl Kept {
    pub(crate) fn new(kind: Store) -> Self {
        Self { kind, entries: Mutex::default(), versions: Mutex::default() }
    }

    fn name(&self, key: &[u8]) -> Vec<u8> {
        match self.kind.same {
            Some(mask) => (crc32(key) & mask).to_le_bytes().to_vec(),
            None => key.to_vec(),
        }
    }
}

impl SharedServices for Kept {
    fn get_shared_data(&self, _: Invocation, _: &[u8], key: &[u8]) -> Result<SharedValue, Status> {
        let name = self.name(key);
        let entries = self.entries.lock().expect("no panic elsewhere");
        let found = entries.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.clone()).ok_or(Status::NotFound)
    }

    fn set_shared_data(
        &self,
        _: Invocation,
        _: &[u8],
        key: &[u8],
        value: &[u8],
        cas: Option<u32>,
    ) -> Result<(), Status> {
        let kind = self.kind;
        if !kind.exists {
            return Err(Status::Unimplemented);
        }
        if value.len() > kind.bytes {
            return Err(Status::InternalFailure);
        }
        let name = self.name(key);
        let mut entries = self.entries.lock().expect("no panic elsewhere");
        let place = entries.iter().position(|(known, _)| *known == name);
        let found = place.map(|place| entries[place].1.cas.get());
        let is_right = match (cas, found) {
            (None, found) => !kind.is_strict || found.is_none(),
            (Some(_), None) => !kind.is_strict,
            (Some(wanted), Some(found)) => wanted == found,
        };
        if !is_right {
            return Err(Status::CasMismatch);
        }
        if let Some(place) = place {
            entries.remove(place);
        }
        if value.is_empty() && kind.deletes {
            return Ok(());
        }
        let mut version = self.versions.lock().expect("no panic elsewhere");
        *version += 1;
        let cas = NonZeroU32::new(*version).expect("a version");
        entries.push((name, SharedValue::new(value.to_vec(), cas)));
        if entries.len() > kind.keys {
            entries.remove(0);
        }
        Ok(())
    }
}

/// The CRC-32 that nginx has.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[test]
fn the_two_words_that_nginx_takes_for_one_are_one() {
    assert_eq!(crc32(b"plumless"), crc32(b"buckeroo"));
    assert_ne!(crc32(b"plumless"), crc32(b"tg1/seed"));
}
