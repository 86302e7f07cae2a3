//! Limits that a service counts for several processes: what is asked of it, what its answers come to, and
//! what happens while it cannot be asked. Each process has a store of its own; a worker is one of a
//! process. Names that begin with `fl` and a number are those of the catalogue of attacks;
//! `ratelimit_service` and `limits` hold the rest of it. Real proxies and real services: `fleet_e2e`.

#[path = "../support/mod.rs"]
mod support;

#[allow(unreachable_pub, reason = "tests have no public surface")]
mod setup;

mod answers;
mod anything;
mod crowds;
mod outages;
mod permits;
mod told;
