//! The fuzz targets' bodies, from where the stable toolchain replays them: see
//! `tests/support/fuzz.rs`.

#[path = "../../tests/support/fuzz.rs"]
pub mod fuzz;
#[path = "../../tests/support/mod.rs"]
mod support;
