//! What takes minutes because time must pass, inside a real Envoy at the real OpenID provider, or because a
//! million callers come.
//!
//! `make test-long` runs it; `make test` does not.
#![allow(clippy::disallowed_methods, reason = "they live in real time")]

mod long {
    #[path = "../e2e/harness/mod.rs"]
    mod harness;

    mod another_provider;
    mod sessions;
    mod strangers;
}
