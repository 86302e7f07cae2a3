//! The gRPC service: an engine, what it does wrong, and what is counted of it.

use std::sync::Arc;

use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_response::Code;
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_service_server::RateLimitService;
use envoy_types::pb::envoy::service::ratelimit::v3::{RateLimitRequest, RateLimitResponse};
use tonic::{Request, Response, Status};

use crate::counts::Counts;
use crate::engine::{Decided, Engine, Window};
use crate::faults::{Fault, Faults};

/// One service.
pub struct Service {
    /// Who decides.
    pub engine: Engine,
    /// What it does wrong.
    pub faults: Arc<Faults>,
    /// What was asked.
    pub counts: Arc<Counts>,
}

#[tonic::async_trait]
impl RateLimitService for Service {
    async fn should_rate_limit(
        &self,
        request: Request<RateLimitRequest>,
    ) -> Result<Response<RateLimitResponse>, Status> {
        let under_way = self.counts.came();
        let answer = self.answer(request.into_inner()).await;
        if answer.is_err() {
            self.counts.failed();
        }
        drop(under_way);
        answer.map(Response::new)
    }
}

impl Service {
    async fn answer(&self, request: RateLimitRequest) -> Result<RateLimitResponse, Status> {
        if self.faults.befall().await {
            return Err(Status::unavailable("told to fail"));
        }
        let fault = self.faults.present();
        let mut decided = if fault.counts() {
            self.engine.decide(&request).await?
        } else {
            self.invent(fault, &request)?
        };
        let granted = decided.response.overall_code == i32::from(Code::Ok);
        let (limit, subject) = counter(&request);
        self.counts.decided(limit, subject, hits(&request), granted, decided.window);
        fault.distort(&mut decided.response);
        Ok(decided.response)
    }

    fn invent(&self, fault: Fault, request: &RateLimitRequest) -> Result<Decided, Status> {
        let Engine::Ratelimit(double) = &self.engine else {
            return Err(Status::internal("only the double lies"));
        };
        let response = match double.first_limit(request) {
            Some((limit, seconds)) => fault.invent(limit, seconds),
            None => RateLimitResponse::default(),
        };
        Ok(Decided { response, window: Window::None })
    }
}

/// The limit and the subject of the first descriptor.
fn counter(request: &RateLimitRequest) -> (&str, &str) {
    let value = |key: &str| {
        let entries = request.descriptors.iter().take(1).flat_map(|one| &one.entries);
        entries.into_iter().find(|entry| entry.key == key).map_or("", |entry| entry.value.as_str())
    };
    (value("limit"), value("subject"))
}

fn hits(request: &RateLimitRequest) -> u64 {
    let own = request.descriptors.first().and_then(|one| one.hits_addend.as_ref());
    own.map_or(u64::from(request.hits_addend.max(1)), |own| own.value)
}
