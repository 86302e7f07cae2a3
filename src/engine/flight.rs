//! A call to the service that counts limits for several processes: about which limit of whom. Decides
//! nothing.

use std::time::Duration;

use crate::ids::AskId;
use crate::limits::{Call, Charge, Standing};
use crate::store::RecordId;
use crate::time::UnixMillis;

/// Which table a subject's record is in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Which {
    Addresses,
    Apis,
    Callers,
}

/// One limit of one subject.
#[derive(Clone, Debug)]
pub(super) struct About {
    pub(super) which: Which,
    pub(super) subject: RecordId,
    pub(super) charge: Charge,
    /// What the service calls the subject.
    pub(super) hash: Box<str>,
}

/// A call that is out.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) about: About,
    pub(super) call: Call,
    /// Whether it finds out whether the service is back.
    pub(super) is_probe: bool,
}

/// A call that a request waits for.
#[derive(Clone, Debug)]
pub(super) struct Waited {
    /// Its number.
    pub(super) number: u64,
    /// The limit.
    pub(super) limit: u64,
    /// Until when it is waited for.
    pub(super) until: UnixMillis,
    /// The call itself, where it is this request's alone.
    pub(super) own: Option<Flight>,
}

/// What has come of a request's limits so far, some of which a service counts.
#[derive(Debug, Default)]
pub(super) struct Asking {
    /// The limits that have let it pass, by their ids.
    pub(super) settled: Vec<u64>,
    /// Those that the service could not be asked about.
    pub(super) unasked: Vec<u64>,
    /// The one that refuses it, and for how long.
    pub(super) refused: Option<(u64, Duration, Standing)>,
    /// The subjects whose own counters have counted it.
    pub(super) counted: Vec<RecordId>,
    /// The subjects all of whose limits have let it pass, and where these stand.
    pub(super) passed: Vec<(RecordId, Vec<Standing>)>,
    pub(super) waited: Option<Waited>,
    /// When it asked first.
    pub(super) since: Option<UnixMillis>,
}

/// What tells the answer to a request's own call from others.
pub(super) fn ask_id(number: u64) -> AskId {
    let mut id = [0; 32];
    for (to, byte) in id.iter_mut().zip(number.to_le_bytes()) {
        *to = byte;
    }
    AskId(id)
}
