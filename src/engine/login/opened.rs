//! A session's cookie that was opened.

use std::cell::Cell;

use crate::login::session::Session;
use crate::time::UnixMillis;

/// A session's cookie that was opened.
#[derive(Debug)]
pub(in crate::engine) struct Opened {
    pub(in crate::engine) session: Session,
    /// The origin that it was opened for.
    pub(in crate::engine) origin: Box<str>,
    /// When this worker last looked whether the session was ended.
    pub(in crate::engine) looked_at: Cell<UnixMillis>,
}
