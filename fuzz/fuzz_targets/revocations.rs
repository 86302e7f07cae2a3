//! No bytes make the reader of lists of revocations panic; what it takes refuses everybody whom the
//! document names and nobody else, and what it refuses it names in one short line.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tollgate_fuzz::fuzz::revocations(bytes));
