//! No bytes make the reader of compact tokens panic; a token that it takes has one spelling, and what
//! it says of the others is one short line.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tollgate_fuzz::fuzz::compact_jws(bytes));
