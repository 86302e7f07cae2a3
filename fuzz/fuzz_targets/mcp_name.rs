//! No value of `Mcp-Name` has two readings, and nobody is granted a name by a reading of another.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tollgate_fuzz::fuzz::mcp_name(bytes));
