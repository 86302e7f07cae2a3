//! Who vouches for a request.

pub mod jwt;

use crate::ids::Name;

/// A provider of the configuration.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name.
    pub name: Name,
    /// What kind it is.
    pub kind: Kind,
}

/// The kinds of provider.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A JWT issuer.
    Jwt(jwt::JwtProvider),
}
