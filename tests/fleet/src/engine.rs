//! Who decides: one of three services.

use std::collections::HashMap;

use envoy_types::pb::envoy::config::core::v3::HeaderValue;
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_response::Code;
use envoy_types::pb::envoy::service::ratelimit::v3::{RateLimitRequest, RateLimitResponse};
use tonic::Status;

use crate::memory::Memory;
use crate::older::Older;
use crate::ratelimit::Double;

/// A service that decides about requests.
pub enum Engine {
    /// Limitador, in memory.
    Limitador(Memory),
    /// Limitador 0.6, on Redis.
    LimitadorRedis(Older),
    /// The double of envoyproxy/ratelimit, on Redis.
    Ratelimit(Double),
}

/// What was decided, and in which of its windows.
pub struct Decided {
    /// What is sent.
    pub response: RateLimitResponse,
    /// Where it was counted.
    pub window: Window,
}

/// The window of a counter that a call was counted in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Window {
    /// There is no such limit.
    None,
    /// That which starts at this second since 1970.
    At(u64),
    /// One that starts at the first call that is granted: whether this one was.
    Fresh(bool),
}

impl Engine {
    /// The service of this name, with limits in its own form.
    ///
    /// # Errors
    ///
    /// Where there is none of the name, the limits are not in its form, or Redis cannot be reached.
    pub async fn named(name: &str, limits: &str, redis: &str) -> Result<Self, String> {
        match name {
            "limitador" => Memory::new(limits).map(Self::Limitador),
            "limitador-redis" => Older::new(limits, redis).await.map(Self::LimitadorRedis),
            "ratelimit" => Double::new(limits, redis).await.map(Self::Ratelimit),
            _ => Err(format!("{name}: no engine; there are limitador, limitador-redis, ratelimit")),
        }
    }

    /// Decides as the service does.
    ///
    /// # Errors
    ///
    /// Where its store does not answer, or the request is none for it.
    pub async fn decide(&self, request: &RateLimitRequest) -> Result<Decided, Status> {
        match self {
            Self::Limitador(memory) => memory.decide(request),
            Self::LimitadorRedis(older) => older.decide(request).await,
            Self::Ratelimit(double) => double.decide(request).await,
        }
    }
}

/// One counter of Limitador's, after a call.
pub(crate) struct Counter {
    pub(crate) limit: u64,
    pub(crate) name: Option<String>,
    pub(crate) seconds: u64,
    pub(crate) remaining: u64,
    pub(crate) reset: Option<u64>,
}

/// An answer as limitador-server makes it with `-H DRAFT_VERSION_03`: code, no statuses, and headers
/// of the counter that has least left, in the order of their names.
pub(crate) fn limitador_answer(limited: bool, hits: u64, mut counters: Vec<Counter>) -> Decided {
    counters.sort_by_key(|counter| counter.remaining);
    let policies: String = counters.iter().map(policy).collect();
    let mut headers = Vec::new();
    let mut header = |key: &str, value: String| {
        headers.push(HeaderValue { key: key.to_owned(), value, ..HeaderValue::default() });
    };
    let mut window = Window::None;
    if let Some(first) = counters.first() {
        header("X-RateLimit-Limit", format!("{}{policies}", first.limit));
        header("X-RateLimit-Remaining", first.remaining.to_string());
        if let Some(seconds) = first.reset {
            header("X-RateLimit-Reset", seconds.to_string());
        }
        window = Window::Fresh(!limited && first.remaining.saturating_add(hits) == first.limit);
    }
    let response = RateLimitResponse {
        overall_code: if limited { Code::OverLimit } else { Code::Ok }.into(),
        response_headers_to_add: headers,
        ..RateLimitResponse::default()
    };
    Decided { response, window }
}

fn policy(counter: &Counter) -> String {
    let name = counter.name.as_deref().unwrap_or_default().replace('"', "'");
    let name = if name.is_empty() { name } else { format!(";name=\"{name}\"") };
    format!(", {};w={}{name}", counter.limit, counter.seconds)
}

/// What limitador-server answers where no domain is named.
pub(crate) fn unknown() -> Decided {
    Decided { response: RateLimitResponse::default(), window: Window::None }
}

/// The hits of a call as Limitador counts them: those of descriptors are not looked at.
pub(crate) fn hits(request: &RateLimitRequest) -> u64 {
    u64::from(request.hits_addend.max(1))
}

/// The entries of each descriptor.
pub(crate) fn entries(request: &RateLimitRequest) -> Vec<HashMap<String, String>> {
    let of = |entry: &envoy_types::pb::envoy::extensions::common::ratelimit::v3::rate_limit_descriptor::Entry| {
        (entry.key.clone(), entry.value.clone())
    };
    request.descriptors.iter().map(|one| one.entries.iter().map(of).collect()).collect()
}
