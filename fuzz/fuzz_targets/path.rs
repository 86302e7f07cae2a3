//! No two spellings of a path that a server could read alike pass to different APIs.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tollgate_fuzz::fuzz::path(bytes));
