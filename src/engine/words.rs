//! What operators read: reasons, remedies, steps of a trace, lines of the log. Decides nothing.

pub(super) mod document;
pub(super) mod failure;
pub(super) mod keyring;
pub(super) mod line;
pub(super) mod narrate;
pub(super) mod remedy;
