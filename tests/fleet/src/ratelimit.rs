//! A double of envoyproxy/ratelimit, which is written in Go: its rules on a real Redis, as read in
//! its sources (src/service/ratelimit.go, src/config/config_impl.go, src/redis/fixed_cache_impl.go,
//! src/limiter/, of July 2026), with the settings that it has by default.
//!
//! Not there: wildcards, shadow and quota modes, metadata, the cache of what is over its limit, and
//! `is_negative_hits`, which that version does not know.

pub mod configuration;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use envoy_types::pb::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_response::{
    Code, DescriptorStatus, RateLimit,
};
use envoy_types::pb::envoy::service::ratelimit::v3::{RateLimitRequest, RateLimitResponse};
use envoy_types::pb::google::protobuf;
use redis::aio::ConnectionManager;
use tonic::Status;

use crate::engine::{Decided, Window};
use configuration::{Configuration, seconds_of};

/// How long a store may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// The double.
pub struct Double {
    configuration: Configuration,
    redis: ConnectionManager,
}

impl Double {
    pub(crate) async fn new(limits: &str, redis: &str) -> Result<Self, String> {
        let configuration = Configuration::parse(limits)?;
        let client = redis::Client::open(redis).map_err(|error| error.to_string())?;
        let redis = ConnectionManager::new(client).await.map_err(|error| error.to_string())?;
        Ok(Self { configuration, redis })
    }

    /// The limit of the first descriptor, and the seconds until its window ends.
    pub fn first_limit(&self, request: &RateLimitRequest) -> Option<(RateLimit, i64)> {
        let limit = self.configuration.limit(&request.domain, request.descriptors.first()?)?;
        let length = seconds_of(limit.unit)?;
        Some((limit, i64::try_from(length - now() % length).unwrap_or(1)))
    }

    pub(crate) async fn decide(&self, request: &RateLimitRequest) -> Result<Decided, Status> {
        if request.domain.is_empty() {
            return Err(Status::unknown("rate limit domain must not be empty"));
        }
        if request.descriptors.is_empty() {
            return Err(Status::unknown("rate limit descriptor list must not be empty"));
        }
        let now = now();
        let mut response = RateLimitResponse::default();
        let mut window = Window::None;
        for (index, descriptor) in request.descriptors.iter().enumerate() {
            let limit = self.configuration.limit(&request.domain, descriptor);
            let status = match limit {
                Some(limit) => {
                    // The server panics on a unit that it does not know.
                    let length = seconds_of(limit.unit)
                        .ok_or_else(|| Status::internal("should not get here"))?;
                    let start = now / length * length;
                    if index == 0 {
                        window = Window::At(start);
                    }
                    let key = key(&request.domain, descriptor, start);
                    let after = self.add(&key, hits(request, descriptor), length).await?;
                    status(limit, after, length - now % length)
                }
                None => DescriptorStatus { code: Code::Ok.into(), ..DescriptorStatus::default() },
            };
            response.statuses.push(status);
        }
        let over = i32::from(Code::OverLimit);
        let refused = response.statuses.iter().any(|status| status.code == over);
        response.overall_code = if refused { over } else { Code::Ok.into() };
        Ok(Decided { response, window })
    }

    /// Adds hits, whatever comes of it, and has the key live for one more window from now.
    async fn add(&self, key: &str, hits: u64, seconds: u64) -> Result<u64, Status> {
        let mut redis = self.redis.clone();
        let mut pipeline = redis::pipe();
        pipeline.cmd("INCRBY").arg(key).arg(hits).cmd("EXPIRE").arg(key).arg(seconds).ignore();
        let asked = pipeline.query_async::<_, (u64,)>(&mut redis);
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok((after,))) => Ok(after),
            Ok(Err(error)) => Err(Status::unknown(error.to_string())),
            Err(_) => Err(Status::unknown("redis: i/o timeout")),
        }
    }
}

fn status(limit: RateLimit, after: u64, reset: u64) -> DescriptorStatus {
    let left = u64::from(limit.requests_per_unit).checked_sub(after);
    let code = if left.is_some() { Code::Ok } else { Code::OverLimit };
    let seconds = i64::try_from(reset).unwrap_or(i64::MAX);
    DescriptorStatus {
        code: code.into(),
        current_limit: Some(limit),
        limit_remaining: u32::try_from(left.unwrap_or(0)).unwrap_or(u32::MAX),
        duration_until_reset: Some(protobuf::Duration { seconds, nanos: 0 }),
        ..DescriptorStatus::default()
    }
}

/// Domain, entries and the start of the window, joined by `_`.
fn key(domain: &str, descriptor: &RateLimitDescriptor, start: u64) -> String {
    let entries = descriptor.entries.iter();
    let entries: String = entries.map(|one| format!("{}_{}_", one.key, one.value)).collect();
    format!("{domain}_{entries}{start}")
}

/// A descriptor's own hits, which may be 0, or the request's, of which 0 is 1.
fn hits(request: &RateLimitRequest, descriptor: &RateLimitDescriptor) -> u64 {
    let own = descriptor.hits_addend.as_ref();
    own.map_or(u64::from(request.hits_addend.max(1)), |own| own.value)
}

/// Whole seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
