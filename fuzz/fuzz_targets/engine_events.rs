//! No order of events makes the engine panic; each request is settled once, unless it left before;
//! only a token that the provider signed goes upstream; nothing waits for ever; no token is logged.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tollgate_fuzz::fuzz::engine_events(bytes));
