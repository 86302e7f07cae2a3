//! A cookie that is cut out leaves every other pair as it was; its name is left for no reader.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tollgate_fuzz::fuzz::cookies(bytes));
