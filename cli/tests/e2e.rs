//! What the command line writes, and what it says of a file, in the eyes of a real Envoy.
//!
//! `make setup` brings Envoy, `make wasm` builds the module; a test that lacks one of them fails and
//! says so.
#![allow(clippy::disallowed_methods, reason = "they live in real time")]

#[path = "tools/console.rs"]
mod console;

mod e2e {
    #[path = "../../../tests/e2e/harness/mod.rs"]
    mod harness;

    mod clients;
    mod forms;
    mod init;
    mod origin;
    mod readme;
    mod register;
    mod revoke;
}
