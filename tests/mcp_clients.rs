//! The official clients of the Model Context Protocol, of both eras and in two languages, through a real
//! Envoy to official servers, with tokens that the real provider gives to somebody who signs in.
//!
//! `make test-mcp` installs what it needs and runs it; `make test` does not.
#![allow(clippy::disallowed_methods, reason = "they live in real time")]

mod mcp_clients {
    #[path = "../e2e/harness/mod.rs"]
    mod harness;

    mod around;
    mod conformance;
    mod flows;
    mod impostors;
}
