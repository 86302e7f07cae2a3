//! Limitador 0.6, its counters in Redis: the last one that builds with Redis alone. It checks and counts
//! in two steps, as newer ones do. What it says of what remains is written as newer ones write it.

use std::collections::HashMap;

use envoy_types::pb::envoy::service::ratelimit::v3::RateLimitRequest;
use limitador_redis::AsyncRateLimiter;
use limitador_redis::limit::{Limit, Namespace};
use limitador_redis::storage::AsyncStorage;
use limitador_redis::storage::redis::AsyncRedisStorage;
use tonic::Status;

use crate::engine::{Counter, Decided, entries, hits, limitador_answer, unknown};
use crate::ratelimit::PATIENCE;

/// Limitador 0.6 on Redis.
pub struct Older(AsyncRateLimiter);

impl Older {
    pub(crate) async fn new(limits: &str, redis: &str) -> Result<Self, String> {
        let storage = AsyncRedisStorage::new(redis).await.map_err(|error| error.to_string())?;
        let storage = AsyncStorage::with_counter_storage(Box::new(storage));
        let limiter = limitador_redis::AsyncRateLimiterBuilder::new(storage).build();
        let limits: Vec<Limit> =
            serde_yaml::from_str(limits).map_err(|error: serde_yaml::Error| error.to_string())?;
        limiter.configure_with(limits).await.map_err(|error| error.to_string())?;
        Ok(Self(limiter))
    }

    pub(crate) async fn decide(&self, request: &RateLimitRequest) -> Result<Decided, Status> {
        if request.domain.is_empty() {
            return Ok(unknown());
        }
        let values: HashMap<String, String> = entries(request).into_iter().flatten().collect();
        let namespace = Namespace::from(request.domain.as_str());
        let hits = hits(request);
        let counted = i64::try_from(hits).unwrap_or(i64::MAX);
        let asked = self.0.check_rate_limited_and_update(&namespace, &values, counted, true);
        let unavailable = || Status::unavailable("Service unavailable");
        let result = tokio::time::timeout(PATIENCE, asked)
            .await
            .map_err(|_| unavailable())?
            .map_err(|_| unavailable())?;
        let limited = result.limited;
        let counters = result.counters.iter().map(|counter| {
            // It takes the call's hits off, counted or not.
            let projected = counter.remaining().unwrap_or(counter.max_value());
            let remaining = projected.saturating_add(if limited { counted } else { 0 });
            Counter {
                limit: u64::try_from(counter.max_value()).unwrap_or(0),
                name: counter.limit().name().map(str::to_owned),
                seconds: counter.seconds(),
                remaining: u64::try_from(remaining).unwrap_or(0),
                reset: counter.expires_in().map(|left| left.as_secs()),
            }
        });
        Ok(limitador_answer(limited, hits, counters.collect()))
    }
}
