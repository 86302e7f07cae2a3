//! No payload makes the claims' judge panic; what passes has the issuer and an identity, and passes at
//! no moment from its expiry on.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tollgate_fuzz::fuzz::claims(bytes));
