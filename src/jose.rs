//! JSON Web Signatures and Keys (RFC 7515, 7517, 7518, 8037, 9864).
//!
//! Knows nothing of issuers, configuration, the clock, or where a token came from.

pub mod alg;
pub mod der;
pub mod host;
pub mod jwk;
pub mod jws;
pub mod pem;
pub mod rsa;
pub mod sign;
pub mod twin;
pub mod verify;
