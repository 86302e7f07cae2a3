//! Tollgate: a Proxy-Wasm filter that turns an identity provider's access tokens into sessions and
//! verdicts inside the proxy.
//!
//! > What can take time is an [`Effect`](event::Effect) going out and an [`Event`](event::Event)
//! > coming back. What answers at once (the clock, randomness, the shared key-value store, the
//! > signature check) is borrowed in [`Env`](env::Env) for one call.
//!
//! > The core decides and touches nothing; the shell touches everything and decides nothing.
//!
//! ARCHITECTURE.md draws the layers; `tests/layers.rs` holds the modules to them.

// What tests may do, and nothing else: trap, print, spell out a type. Cargo.toml has what holds for all.
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::print_stderr,
        clippy::print_stdout,
        clippy::string_slice,
        clippy::type_complexity,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

pub mod env;
pub mod ids;
pub mod secret;
pub mod time;
pub mod trace;
pub mod verdict;
pub mod wire;

pub mod claims;
pub mod client;
pub mod http;
pub mod introspection;
pub mod jose;
pub mod json;
pub mod keys;
pub mod limits;
pub mod login;
pub mod mcp;
pub mod page;
pub mod ratelimit_service;
pub mod remote;
pub mod resource;
pub mod revoked;
pub mod seal;
pub mod session;
pub mod shared_document;
pub mod store;

pub mod api;
pub mod config;
pub mod policy;
pub mod provider;

pub mod engine;
pub mod event;

#[cfg(target_family = "wasm")]
mod shell;
