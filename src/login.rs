//! What a browser's login consists of: an attempt, what the provider answers, the session that comes of
//! it, where it leads back to. Bytes become facts here, and facts bytes.
//!
//! Knows nothing of requests, keys, the configuration file, or of how a call is made.

pub mod answer;
pub mod attempt;
pub mod browser;
pub mod endpoints;
pub mod id_token;
pub mod lease;
pub mod logout_token;
pub mod part;
pub mod return_path;
pub mod session;
