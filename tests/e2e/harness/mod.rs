//! What the tests stand on: a real Envoy, a client and servers that work in exact bytes, signers,
//! and the real provider.
#![allow(dead_code, unused_imports, reason = "tests and benchmarks each take what they need")]

mod bootstrap;
mod browser;
mod client;
mod demo;
#[path = "../../support/engines.rs"]
pub(crate) mod engines;
mod envoy;
mod http2;
mod keys;
mod load;
mod message;
pub(crate) mod places;
mod portal;
mod process;
mod provider;
mod server;
mod servers;
mod token;
mod upstream;
mod wait;

pub(crate) use bootstrap::{Filter, Listener, Site, configuration};
pub(crate) use browser::{Browser, PAGE, SCRIPT, attribute, parts};
pub(crate) use client::{Connection, Request, Response, fetch};
pub(crate) use demo::proxy;
pub(crate) use envoy::{Envoy, validate};
pub(crate) use http2::Http2;
pub(crate) use keys::{Answer, KeyServer};
pub(crate) use load::Load;
pub(crate) use places::trap_wasm;
pub(crate) use portal::{Portal, SEAL};
pub(crate) use process::{Process, free_port};
pub(crate) use provider::Provider;
pub(crate) use servers::RealServer;
pub(crate) use token::{ISSUER, Signer, Token, key_set, now};
pub(crate) use upstream::Upstream;
pub(crate) use wait::{eventually, until, within};
