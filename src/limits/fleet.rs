//! How limits are counted where several processes share them.

use std::time::Duration;

/// Where a limit's requests are counted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Count {
    /// In a service that all processes ask, once for each request.
    Exact,
    /// In a service that all processes ask, for several requests at once.
    Fleet,
    /// In this process alone.
    #[default]
    Process,
}

impl Count {
    /// Whether a service counts.
    pub const fn is_remote(self) -> bool {
        !matches!(self, Self::Process)
    }
}

/// Which service counts: they differ in what a refused batch costs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Service {
    /// Kuadrant's: counts nothing of a batch that it refuses, and says what remains.
    Limitador,
    /// Envoy's: counts a batch, and then refuses it.
    Ratelimit,
}

impl Service {
    /// Whether it has windows of this length.
    pub fn has_windows_of(self, per: Duration) -> bool {
        let whole = per.subsec_nanos() == 0;
        match self {
            Self::Limitador => whole,
            Self::Ratelimit => {
                const DAY: u64 = 86_400;
                const ALL: [u64; 7] = [1, 60, 3_600, DAY, 7 * DAY, 30 * DAY, 365 * DAY];
                whole && ALL.contains(&per.as_secs())
            }
        }
    }
}

/// What decides while the service cannot be asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OnOutage {
    /// Nothing: every request passes.
    Allow,
    /// Nothing: no request passes.
    Deny,
    /// The process, with its part of the limit.
    Local,
}

/// How a limit is shared among processes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Share {
    /// Who counts.
    pub service: Service,
    /// The most processes that share it; at least 1.
    pub replicas: u32,
    /// How far it may be exceeded, in percent; at most 50.
    pub tolerance: u32,
}
