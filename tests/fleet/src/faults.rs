//! What a service does wrong, when it is told to.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use envoy_types::pb::envoy::service::ratelimit::v3::RateLimitResponse;
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_response::{Code, RateLimit};
use envoy_types::pb::google::protobuf;
use tokio::sync::Notify;

/// One way to be wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// None: it does what it should.
    None,
    /// Names another limit than the one that it holds.
    Drift,
    /// Answers each call with gRPC status 14.
    Fail,
    /// Answers each call of so many with gRPC status 14, and the others well.
    Flap(u64),
    /// Does not answer until it is told otherwise.
    Hang,
    /// Says that all is left, for ever, and counts nothing.
    Open,
    /// Says that the window ends in so many seconds.
    Reset(i64),
    /// Says that nothing is left, for ever, and counts nothing.
    Shut,
    /// Answers after so many milliseconds.
    Slow(u64),
    /// Does not name the limit.
    Unnamed,
}

impl Fault {
    /// One that is written as a word, with a number where there is one to choose: `slow 200`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let (word, number) = (words.next()?, words.next());
        let fault = match (word, number) {
            ("none", None) => Self::None,
            ("drift", None) => Self::Drift,
            ("fail", None) => Self::Fail,
            ("flap", Some(each)) => Self::Flap(each.parse().ok().filter(|&each| each > 0)?),
            ("hang", None) => Self::Hang,
            ("open", None) => Self::Open,
            ("reset", Some(seconds)) => Self::Reset(seconds.parse().ok()?),
            ("shut", None) => Self::Shut,
            ("slow", Some(milliseconds)) => Self::Slow(milliseconds.parse().ok()?),
            ("unnamed", None) => Self::Unnamed,
            _ => return None,
        };
        words.next().is_none().then_some(fault)
    }

    /// Whether a call is counted at all.
    pub const fn counts(self) -> bool {
        !matches!(self, Self::Open | Self::Shut)
    }

    /// What becomes of a right answer.
    pub fn distort(self, response: &mut RateLimitResponse) {
        for status in &mut response.statuses {
            match self {
                Self::Drift => {
                    if let Some(limit) = &mut status.current_limit {
                        limit.requests_per_unit = limit.requests_per_unit.saturating_add(1);
                    }
                }
                Self::Reset(seconds) => {
                    status.duration_until_reset = Some(protobuf::Duration { seconds, nanos: 0 });
                }
                Self::Unnamed => status.current_limit = None,
                _ => {}
            }
        }
    }

    /// The answer of one that counts nothing.
    pub fn invent(self, limit: RateLimit, seconds: i64) -> RateLimitResponse {
        use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_response::DescriptorStatus;
        let code = if self == Self::Open { Code::Ok } else { Code::OverLimit };
        let remaining = if self == Self::Open { limit.requests_per_unit } else { 0 };
        RateLimitResponse {
            overall_code: code.into(),
            statuses: vec![DescriptorStatus {
                code: code.into(),
                current_limit: Some(limit),
                limit_remaining: remaining,
                duration_until_reset: Some(protobuf::Duration { seconds, nanos: 0 }),
                ..DescriptorStatus::default()
            }],
            ..RateLimitResponse::default()
        }
    }
}

/// What a service does wrong at present.
pub struct Faults {
    present: Mutex<Fault>,
    changed: Notify,
    calls: AtomicU64,
}

impl Default for Faults {
    fn default() -> Self {
        let (present, changed) = (Mutex::new(Fault::None), Notify::new());
        Self { present, changed, calls: AtomicU64::new(0) }
    }
}

impl Faults {
    /// What it does wrong from now on.
    pub fn set(&self, fault: Fault) {
        if let Ok(mut present) = self.present.lock() {
            *present = fault;
        }
        self.changed.notify_waiters();
    }

    /// What it does wrong at present.
    pub fn present(&self) -> Fault {
        self.present.lock().map_or(Fault::None, |present| *present)
    }

    /// Waits where calls have to, and says whether this one fails.
    pub async fn befall(&self) -> bool {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed);
        loop {
            let changed = self.changed.notified();
            match self.present() {
                Fault::Hang => changed.await,
                Fault::Slow(milliseconds) => {
                    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                    return false;
                }
                Fault::Fail => return true,
                Fault::Flap(each) => return calls.is_multiple_of(each),
                _ => return false,
            }
        }
    }
}
