//! No bytes make the reader of configurations panic; every refusal names a place, in one line, and
//! what is taken makes an engine.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tollgate_fuzz::fuzz::configuration(bytes));
