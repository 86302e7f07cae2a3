//! A document that is fetched: where from, and how fresh it has to be.

use std::time::Duration;

use crate::http::Url;
use crate::shared_document::Terms;

/// A document of others.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Remote {
    /// What tells it from others of its kind: lower-case hex of SHA-256, cut to 16 bytes.
    pub id: Box<str>,
    /// Where it is.
    pub url: Url,
    /// The cluster that is called.
    pub cluster: Box<str>,
    /// How long a call may take.
    pub timeout: Duration,
    /// How old it becomes before it is fetched again.
    pub refresh: Duration,
    /// Shortest time between two fetches out of turn.
    pub cooldown: Duration,
    /// How old it may be and still be used.
    pub max_stale: Duration,
}

impl Remote {
    /// How it is shared by all workers, in records of these two kinds; so many calls are one fetch.
    pub fn terms(&self, board: &'static str, text: &'static str, calls: u32) -> Terms {
        Terms {
            id: self.id.clone(),
            board,
            text,
            calls: self.timeout.saturating_mul(calls),
            refresh: self.refresh,
            cooldown: self.cooldown,
            max_stale: self.max_stale,
        }
    }
}
