//! What a worker keeps of each API key: its session's id, and when that was last noted.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use super::grants::Grants;
use crate::config::Config;
use crate::ids::ProviderId;
use crate::provider::Kind;
use crate::provider::api_key::KeyId;
use crate::revoked::Key;
use crate::session::Sessions;
use crate::store::RecordId;
use crate::time::UnixMillis;

/// A key as this worker knows it.
#[derive(Debug)]
pub(super) struct KeyUse {
    /// The id of its session.
    pub(super) session: RecordId,
    /// When the session was last put on record here.
    pub(super) noted_at: Cell<UnixMillis>,
    /// Its identity, as a list of revocations would name it.
    pub(super) revocable: OnceCell<Key>,
    /// What policies come to for it.
    pub(super) grants: Grants,
}

/// The keys of every provider, as the configuration has them.
#[derive(Debug)]
pub(super) struct KeyUses(Vec<Vec<Rc<KeyUse>>>);

impl KeyUses {
    pub(super) fn new(config: &Config, sessions: &Sessions) -> Self {
        let of = |provider: &crate::provider::Provider| match &provider.kind {
            Kind::Jwt(_) => Vec::new(),
            Kind::ApiKey(keys) => keys
                .iter()
                .map(|key| {
                    let session = sessions.id(&provider.name, None, &key.identity);
                    Rc::new(KeyUse {
                        session,
                        noted_at: Cell::default(),
                        revocable: OnceCell::new(),
                        grants: Grants::default(),
                    })
                })
                .collect(),
        };
        Self(config.providers.iter().map(of).collect())
    }

    /// One key of a provider.
    pub(super) fn of(&self, provider: ProviderId, key: KeyId) -> Option<&Rc<KeyUse>> {
        self.0.get(provider.0)?.get(key.0)
    }
}
