//! What browsers and providers send of a login is read without a panic, and nothing unsealed opens.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tollgate_fuzz::fuzz::login(bytes));
