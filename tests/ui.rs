//! What is meant for people's eyes: dashboards and alerts in a real Prometheus that scrapes a real
//! Envoy, pages in a real browser.
//!
//! `make test-ui` installs what it needs and runs it; `make test` does not.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "tests: what is wrong should stop them at once, and they live in real time"
)]

mod ui {
    #[path = "../e2e/harness/mod.rs"]
    mod harness;

    mod page;
    mod prometheus;
}
