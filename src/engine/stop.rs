//! What stops a request on its way.

use crate::ids::RingId;
use crate::verdict::Refusal;

/// What stops a request.
pub(super) enum Stop {
    /// It may not pass.
    Refuse(Refusal),
    /// Nobody can tell before this ring has fetched.
    Wait(RingId),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refuse(refusal)
    }
}
