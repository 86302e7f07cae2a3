//! No bytes make the reader of key sets panic; a set that it takes has usable keys alone, no secret
//! unless it stands in the configuration, and takes no signature that nobody made.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tollgate_fuzz::fuzz::jwk_set(bytes));
