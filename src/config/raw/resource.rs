//! The file, exactly: what an API is to clients that find their own way to a token, and to those of MCP.

use crate::config::define::{choice, object};
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

object! {
    /// The API as a server of the Model Context Protocol, whose methods and tools policies may tell apart.
    RawMcp {
        /// The revisions of the protocol that its server speaks and whose headers it compares with
        /// bodies. Left out: 2026-07-28.
        versions: List<Text>;
        /// What requests of other revisions are: `whole` has them granted by entries without `mcp`
        /// alone, `refuse` refuses them.
        legacy: RawLegacy = RawLegacy::Whole;
        /// Origins whose pages may call it, besides those of `resource.url`.
        origins: List<Text>;
    }
}

choice! {
    /// What requests of other revisions are.
    pub(in crate::config) RawLegacy {
        /// They are refused.
        Refuse = "refuse",
        /// They are granted by what grants the whole API.
        Whole = "whole",
    }
}
