//! What the host says of itself.

use std::time::Duration;

use super::crypto::{self, EnvoyCrypto, EnvoySigner};
use super::host;
use crate::engine::Surroundings;
use crate::jose::host::ByHost;
use crate::jose::sign::HostSigner;

/// What the host says of itself when a configuration comes.
pub(super) struct Host {
    /// The filter's own context.
    root: u32,
    /// Its signature check, where it was asked for and is trusted.
    pub(super) crypto: Option<ByHost<EnvoyCrypto>>,
    /// Its signing, where it was asked for and is known.
    pub(super) signer: Option<EnvoySigner>,
}

impl Host {
    /// The host of the filter in this context.
    pub(super) fn new(root: u32) -> Self {
        Self { root, crypto: None, signer: None }
    }
}

impl Surroundings for Host {
    fn variable(&self, name: &str) -> Option<String> {
        host::variable(name)
    }

    fn has_own_store(&self) -> bool {
        host::property("plugin_vm_id").is_some_and(|id| !id.is_empty())
    }

    fn root_id(&self) -> String {
        let id = host::property("plugin_root_id").unwrap_or_default();
        String::from_utf8_lossy(&id).into_owned()
    }

    fn checks_signatures(&mut self) -> bool {
        self.crypto = crypto::trusted();
        self.crypto.is_some()
    }

    fn signer(&mut self) -> Option<&dyn HostSigner> {
        self.signer = crypto::signer();
        self.signer.as_ref().map(|signer| -> &dyn HostSigner { signer })
    }

    fn ticks(&self, period: Duration) -> bool {
        host::set_tick_period(period)
    }

    // What the SDK takes for granted, and panics without: asked by calls of the filter's own.
    fn makes_calls(&self) -> bool {
        host::fails_calls_to_nobody()
    }

    fn turns_to_requests(&self) -> bool {
        host::set_effective_context(self.root)
    }
}
