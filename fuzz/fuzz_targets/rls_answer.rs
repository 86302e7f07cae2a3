//! No answer of a rate limit service counts without a limit that it names, and none counts that is cut
//! off or has something behind it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tollgate_fuzz::fuzz::rls_answer(bytes));
