//! The file, exactly: what an API is to clients that find their own way to a token.

use crate::config::define::object;
use crate::config::read::{List, OneOrMany, Text};

object! {
    /// The API as a protected resource (RFC 9728): the document that says where tokens for it come from,
    /// served to everybody.
    RawResource {
        /// The URL that clients know the API by; one, or one for each of its host names.
        url: OneOrMany, required;
        /// What people are shown as its name.
        name: Text;
        /// Where developers read about it.
        documentation: Text;
        /// Where its policy on the use of data is.
        policy_uri: Text;
        /// Where its terms of service are.
        tos_uri: Text;
        /// The scopes that clients may ask for. Left out: the API's own `scopes`.
        scopes: List<Text>;
        /// The issuers that tokens for it come from. Left out: those of the API's providers.
        authorization_servers: List<Text>;
    }
}
