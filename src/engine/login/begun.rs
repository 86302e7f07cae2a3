//! What must stay the same while a request that begins a login waits.

use crate::login::attempt::Attempt;
use crate::login::browser::Browser;

/// The attempt that a request has begun: it stays the same while the request waits.
#[derive(Clone)]
pub(in crate::engine) struct Begun {
    pub(in crate::engine) attempt: Attempt,
    pub(in crate::engine) browser: Browser,
}

impl std::fmt::Debug for Begun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an attempt")
    }
}
