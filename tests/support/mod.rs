//! What the tests share: tokens that are right until told otherwise, a shared store that behaves
//! like Envoy's, and a world of workers with a hand-cranked clock.

#![allow(dead_code, reason = "each test crate takes what it needs")]
#![allow(unreachable_pub, missing_docs, reason = "tests have no public surface")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

pub mod recorded;
pub mod store;
pub mod structs;
pub mod token;
pub mod world;
