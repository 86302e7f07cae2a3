//! Limits that several proxies share: three real Envoys, a real Limitador or the double of
//! envoyproxy/ratelimit, and a real Redis.
//!
//! What passed is counted by the clients, what was granted by the service: neither takes the filter's
//! word for it. A limit of a second is held against all the windows that a run touched, so that no test
//! depends on when something happened.
//!
//! `make test-fleet` runs it; `make test` does not.
#![allow(clippy::disallowed_methods, reason = "they live in real time")]

mod fleet_e2e {
    #[path = "../e2e/harness/mod.rs"]
    mod harness;

    mod fleet;

    mod bounds;
    mod faults;
    mod restarts;
}
