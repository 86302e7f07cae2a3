//! Limitador as it is, its counters in memory.

use std::sync::Mutex;

use envoy_types::pb::envoy::service::ratelimit::v3::RateLimitRequest;
use limitador::RateLimiter;
use limitador::limit::{Context, Namespace};
use tonic::Status;

use crate::engine::{Counter, Decided, entries, hits, limitador_answer, unknown};

/// So many counters of subjects it keeps; what is beyond is forgotten.
const COUNTERS: u64 = 2_000_000;

/// Limitador in memory. One call after another, so that what its answers say of windows can be counted.
pub struct Memory(Mutex<RateLimiter>);

impl Memory {
    pub(crate) fn new(limits: &str) -> Result<Self, String> {
        let limiter = RateLimiter::new(COUNTERS);
        limiter
            .configure_with(crate::limitador_limits(limits)?)
            .map_err(|error| error.to_string())?;
        Ok(Self(Mutex::new(limiter)))
    }

    pub(crate) fn decide(&self, request: &RateLimitRequest) -> Result<Decided, Status> {
        if request.domain.is_empty() {
            return Ok(unknown());
        }
        let mut context = Context::default();
        context.list_binding("descriptors".to_owned(), entries(request));
        let namespace = Namespace::from(request.domain.as_str());
        let limiter = self.0.lock().map_err(|_| Status::internal("a call panicked"))?;
        let result = limiter
            .check_rate_limited_and_update(&namespace, &context, hits(request))
            .map_err(|_| Status::unavailable("Service unavailable"))?;
        let counters = result.counters.iter().map(|counter| Counter {
            limit: counter.max_value(),
            name: counter.limit().name().map(str::to_owned),
            seconds: counter.window().as_secs(),
            remaining: counter.remaining().unwrap_or(counter.max_value()),
            reset: counter.expires_in().map(|left| left.as_secs()),
        });
        Ok(limitador_answer(result.limited, hits(request), counters.collect()))
    }
}
