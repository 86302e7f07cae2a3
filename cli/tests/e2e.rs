//! What the command line writes, and what it says of a file, in the eyes of a real Envoy.
//!
//! `make setup` brings Envoy, `make wasm` builds the module; a test that lacks one of them fails and
//! says so.
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

mod e2e {
    #[path = "../../../tests/e2e/harness/mod.rs"]
    mod harness;

    mod forms;
    mod init;
}
