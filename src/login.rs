//! Logging browsers in (OpenID Connect Core §3.1): what is told and kept, as facts and as bytes.

pub mod endpoints;
