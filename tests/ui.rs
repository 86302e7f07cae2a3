//! What is meant for people's eyes: dashboards and alerts in a real Prometheus that scrapes a real
//! Envoy, pages in a real browser.
//!
//! `make test-ui` installs what it needs and runs it; `make test` does not.
#![allow(clippy::disallowed_methods, reason = "they live in real time")]

mod ui {
    #[path = "../e2e/harness/mod.rs"]
    mod harness;

    mod login;
    mod page;
    mod prometheus;
}
