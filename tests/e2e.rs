//! The filter inside a real Envoy, in front of a real upstream, with keys from a real OpenID
//! provider or from a server that misbehaves as told.
//!
//! Nothing here looks inside the filter: what counts is what a client gets, what the upstream saw,
//! what the key server was asked for, and what the operator can read. Waits are deadlines on
//! conditions and generous ones; how long something took decides nothing.
//!
//! `make setup` brings Envoy, Node and the provider, `make wasm` builds the module; a test that
//! lacks one of them fails and says so.
#![allow(clippy::disallowed_methods, reason = "they live in real time")]

#[path = "support/documented.rs"]
mod documented;
#[path = "support/pairs.rs"]
mod pairs;
#[path = "support/vectors.rs"]
mod vectors;

mod e2e {
    mod harness;

    mod access_log;
    mod answers;
    mod attacks;
    mod credentials;
    mod crypto;
    mod detail;
    mod documents;
    mod examples;
    mod explain;
    mod faults;
    mod foreign;
    mod grpc;
    mod headers;
    mod hostile;
    mod hygiene;
    mod introspection;
    mod isolation;
    mod keys;
    mod limits;
    mod login;
    mod matching;
    mod mcp;
    mod metrics;
    mod misconfigurations;
    mod objects;
    mod operations;
    mod order;
    mod readers;
    mod reload;
    mod report;
    mod routes;
    mod status;
    mod story;
    mod trap;
    mod vectors;
    mod waiting;
}
