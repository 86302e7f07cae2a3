//! What the tests share: tokens that are right until told otherwise, a shared store that behaves
//! like Envoy's, and a world of workers with a hand-cranked clock.

#![allow(dead_code, reason = "each test crate takes what it needs")]
#![allow(unreachable_pub, missing_docs, reason = "tests have no public surface")]
pub mod browser;
pub mod recorded;
pub mod secrets;
pub mod store;
pub mod structs;
pub mod token;
pub mod world;
