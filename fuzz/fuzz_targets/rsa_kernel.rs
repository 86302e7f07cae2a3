//! The RSA arithmetic finds the same powers as the `rsa` crate, whatever the modulus, exponent and
//! signature, and takes no signature that nobody made.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tollgate_fuzz::fuzz::rsa_kernel(bytes));
