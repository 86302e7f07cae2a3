//! No answer about a token says that it is active to one reader and not to another, and none passes for
//! another kind of token.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tollgate_fuzz::fuzz::introspection_answer(bytes));
