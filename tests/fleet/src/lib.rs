//! Rate limit services (`envoy.service.ratelimit.v3`) that tests run: a real Limitador in memory, a
//! real, older Limitador on Redis, and a double of envoyproxy/ratelimit on Redis, which follows that
//! one's rules and does what is wrong when it is told to.
//!
//! Each counts what it was asked and what it granted, so that tests need not believe a proxy. For
//! tests alone: nothing here is meant to be run by anybody else.

pub mod control;
pub mod counts;
pub mod engine;
pub mod faults;
mod memory;
mod older;
pub mod ratelimit;
pub mod service;

pub use ratelimit::configuration;

/// What its limits are read from: YAML in the form of the service that is asked for.
///
/// # Errors
///
/// Where they are not limits of that form; a text for people.
pub fn limitador_limits(yaml: &str) -> Result<Vec<limitador::limit::Limit>, String> {
    serde_yaml::from_str(yaml).map_err(|error| error.to_string())
}
