//! The API keys of every provider, each with what this worker has computed for it.

use std::rc::Rc;
use std::sync::Arc;

use super::voucher::Known;
use crate::claims::{ClientClaim, Judged};
use crate::config::Config;
use crate::ids::ProviderId;
use crate::provider::Provider;
use crate::provider::api_key::{ApiKey, KeyId};
use crate::session::Sessions;

/// The API keys of every provider, in its own order.
#[derive(Debug)]
pub(super) struct KnownKeys(Vec<Vec<Rc<Known>>>);

impl KnownKeys {
    pub(super) fn new(config: &Config, sessions: &Sessions) -> Self {
        let known = |provider: &Provider, key: &ApiKey| {
            let who = Judged {
                identity: Arc::clone(&key.identity),
                client: ClientClaim::Absent,
                issuer: None,
                expires: key.expires,
                authenticated_at: None,
            };
            Rc::new(Known::new(who, None, sessions.id(&provider.name, None, &key.identity)))
        };
        let of = |provider: &Provider| {
            let keys = provider.api_keys().map(|keys| keys.iter());
            keys.into_iter().flatten().map(|key| known(provider, key)).collect()
        };
        Self(config.providers.iter().map(of).collect())
    }

    /// One key of a provider.
    pub(super) fn of(&self, provider: ProviderId, key: KeyId) -> Option<&Rc<Known>> {
        self.0.get(provider.0)?.get(key.0)
    }
}
