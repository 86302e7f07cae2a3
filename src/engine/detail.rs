//! Whose requests are logged step by step, and until when.

use super::trail::{Shown, Trail};
use crate::config::{Detail, LONGEST_DETAIL, LogConfig};
use crate::time::UnixMillis;

/// Whose requests are logged step by step.
#[derive(Debug, Default)]
pub(super) struct Details {
    whom: Vec<Detail>,
    /// When that ends; it is over from the start where nobody is named.
    until: UnixMillis,
    /// Whether this worker has not seen yet that it is over.
    is_to_tell: bool,
}

impl Details {
    pub(super) fn new(config: &LogConfig) -> Self {
        Self { whom: config.detail.clone(), until: UnixMillis::default(), is_to_tell: false }
    }

    /// The configuration is in use from now on. The clock decides when this is over, and refuses no
    /// configuration.
    pub(super) fn begin(&mut self, until: UnixMillis, now: UnixMillis) {
        if !self.whom.is_empty() {
            self.until = until.min(now.after(LONGEST_DETAIL));
            self.is_to_tell = true;
        }
    }

    /// Whether anybody's requests are logged so at `now`.
    pub(super) fn is_on(&self, now: UnixMillis) -> bool {
        now < self.until
    }

    /// Since when it is over; asked for once.
    pub(super) fn over(&mut self, now: UnixMillis) -> Option<UnixMillis> {
        let is_over = self.is_to_tell && !self.is_on(now);
        self.is_to_tell &= !is_over;
        is_over.then_some(self.until)
    }

    /// Whether a request is one of those, once it was judged.
    pub(super) fn fits(&self, trail: &Trail) -> bool {
        self.whom.iter().any(|whom| {
            let names = |shown: &Shown| match whom {
                Detail::Api(_) => false,
                Detail::Identity(provider, identity) => {
                    shown.provider == *provider && shown.identity.as_deref() == Some(&**identity)
                }
                Detail::Key(provider, key) => {
                    shown.provider == *provider && shown.key.as_deref() == Some(&**key)
                }
            };
            matches!(whom, Detail::Api(name) if trail.api.as_ref() == Some(name))
                || trail.shown.iter().any(names)
        })
    }
}
