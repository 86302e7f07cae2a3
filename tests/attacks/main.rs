//! A catalogue of bad inputs, each under an id that stays, and what becomes of each.
//!
//! | ids | what is wrong |
//! |---|---|
//! | A01 to A27 | how a token comes, and its form ([`form`]) |
//! | B01 to B31 | the JOSE header ([`header`]) |
//! | C01 to C14 | the signature ([`signature`]) |
//! | D01 to D32 | the claims ([`claims`]) |
//! | E01 to E34 | the keys and where they come from ([`keys`]) |
//!
//! One table each, a row per id: the inputs and the deny code that each of them must end with. What
//! is shown elsewhere, or cannot be shown by a test of the engine, says so in its row.

#[path = "../support/pairs.rs"]
mod pairs;
#[path = "../support/mod.rs"]
mod support;

mod catalogue;
mod claims;
mod forge;
mod form;
mod header;
mod keys;
mod signature;
