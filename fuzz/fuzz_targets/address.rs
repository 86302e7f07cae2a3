//! No text that a host might name is read as another address than it is, and no port tells callers apart.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tollgate_fuzz::fuzz::address(bytes));
