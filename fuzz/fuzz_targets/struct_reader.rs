//! No bytes make the reader of messages panic, and what it takes is what the JSON of the same
//! `Struct` gives.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tollgate_fuzz::fuzz::struct_reader(bytes));
