//! A session's cookie that was opened.

use std::cell::Cell;
use std::sync::Arc;

use crate::login::session::Session;
use crate::time::UnixMillis;
use crate::wire::to_hex;

/// How much of a session's number is told: enough to find its requests, and none of its secrets.
const TOLD_BYTES: usize = 4;

/// A session's cookie that was opened.
#[derive(Debug)]
pub(in crate::engine) struct Opened {
    pub(in crate::engine) session: Session,
    /// The origin that it was opened for.
    pub(in crate::engine) origin: Box<str>,
    /// What it is called in the access log.
    pub(in crate::engine) told: Arc<str>,
    /// When this worker last looked whether the session was ended.
    pub(in crate::engine) looked_at: Cell<UnixMillis>,
}

impl Opened {
    pub(in crate::engine) fn new(session: Session, origin: &str) -> Self {
        let told = to_hex(&session.id.id, TOLD_BYTES).into();
        Self { session, origin: origin.into(), told, looked_at: Cell::default() }
    }
}
