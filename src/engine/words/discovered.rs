//! What is odd about what a discovery document says of logins.

use crate::ids::Name;
use crate::login::endpoints::{Endpoints, Wrong};

/// What is odd, and what helps.
pub(in crate::engine) struct Odd {
    pub(in crate::engine) reason: String,
    pub(in crate::engine) remedy: String,
}

/// What is odd about the endpoints of this provider's login, where they are known.
pub(in crate::engine) fn odd(provider: &Name, found: Result<&Endpoints, &Wrong>) -> Vec<Odd> {
    let by_hand = format!("or write `providers.{provider}.login.endpoints`");
    let endpoints = match found {
        Ok(endpoints) => endpoints,
        Err(wrong) => {
            return vec![Odd {
                reason: format!("nobody can log in: {wrong}"),
                remedy: format!("have the provider's discovery document corrected, {by_hand}"),
            }];
        }
    };
    let left_out = endpoints.left_out.iter().map(|wrong| Odd {
        reason: format!("an endpoint is not used: {wrong}"),
        remedy: format!("where it is wanted, have the discovery document corrected, {by_hand}"),
    });
    let unnamed = (!endpoints.says.names_s256).then(|| Odd {
        reason: "`code_challenge_methods_supported` does not name `S256`".to_owned(),
        remedy: "every login sends a challenge by S256 (RFC 7636): see in the provider's own \
                 documentation that it is held against the verifier, and have it say so"
            .to_owned(),
    });
    left_out.chain(unnamed).collect()
}
