//! What operators read: reasons, remedies, steps of a trace, lines of the log. Decides nothing.

pub(super) mod asking;
pub(super) mod discovered;
pub(super) mod document;
pub(super) mod failure;
pub(super) mod fleet;
pub(super) mod keyring;
pub(super) mod limits;
pub(super) mod line;
pub(super) mod narrate;
pub(super) mod place;
pub(super) mod quote;
pub(super) mod reason;
pub(super) mod remedy;
