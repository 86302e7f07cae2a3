//! The file, exactly: the parts of the traffic.

use super::operator::RawMode;
use super::policy::RawApiRate;
use super::resource::{RawMcp, RawResource};
use super::value::ApiRules;
use crate::claims::ClaimRef;
use crate::config::define::{choice, object};
use crate::config::problems::Problems;
use crate::config::read::{List, Map, OneOrMany, Read, Text, wrong_type};
use crate::config::tree::{Node, Value};

object! {
    /// A named part of the traffic.
    RawApi {
        /// Its name: `[a-z0-9_-]{1,64}`.
        name: Text, required;
        /// Which requests belong to it: all of hosts, paths and methods must match. Left out:
        /// everything.
        matcher as "match": RawMatch;
        /// What `%2F` in a path is: `segment` takes it for a part of its segment. The proxy must leave
        /// it as it is.
        encoded_slash: RawSlash = RawSlash::Refuse;
        /// Who may vouch: `"none"`, or a list of branches, each a provider or a list of providers
        /// that must all vouch.
        auth: RawAuth, required;
        /// Whether a request without any credential passes without an identity.
        optional: bool = false;
        /// The provider whose session is used, where several vouch together; one or a list.
        session_from: OneOrMany;
        /// One of these must be in the `aud` of the session's token, too.
        audiences: List<Text>;
        /// The client of the session's token must be one of these, too.
        clients: List<Text>;
        /// Scopes that the session's token must have, all of them.
        scopes: List<Text>;
        /// What the claims of the session's token must say, too, and what of the caller must equal a
        /// part of the request; refused with 403 otherwise.
        require: ApiRules;
        /// Which policies this API gives to whom. Left out: being verified is enough.
        policies: RawApiPolicies;
        /// How fast all callers together may call, or each.
        rate: RawApiRate;
        /// What becomes of refused requests here. Left out: as `mode` at the top says.
        mode: RawMode;
        /// What becomes of requests that no session comes with, where a provider logs browsers in.
        unauthenticated: RawUnauthenticated = RawUnauthenticated::Auto;
        /// What becomes of CORS preflights on a protected API.
        cors_preflight: RawPreflight = RawPreflight::Refuse;
        /// What it is to clients that find their own way to a token. Left out: they are told nothing.
        resource: RawResource;
        /// Its methods and tools, where it is a server of the Model Context Protocol.
        mcp: RawMcp;
    }
}

object! {
    /// Which requests belong to an API.
    RawMatch {
        /// Hosts, exact or `*.example.com`; a label `{tenant}` is any one label. Left out: any.
        hosts: List<Text>;
        /// Paths by segments: `*` and `{id}` are one segment, a final `**` any number. Left out:
        /// any.
        paths: List<Text>;
        /// Methods, exact. Left out: any.
        methods: List<Text>;
        /// Names of the proxy's routes, exact. Left out: any, and none.
        routes: List<Text>;
        /// Whether the metadata of the proxy's route must name this API: `api` under `tollgate`.
        route_metadata: bool = false;
    }
}

/// `apis[].auth`.
#[derive(Clone, Debug)]
pub(in crate::config) enum RawAuth {
    /// `"none"`.
    None,
    /// A list of branches.
    Branches(List<OneOrMany<16>, 64>),
    /// A string other than `"none"`.
    Word(Text),
}

impl Read for RawAuth {
    const WHAT: &'static str = "`\"none\"` or a list of branches";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        match &node.value {
            Value::Text(text) if text == "none" => Some(Self::None),
            Value::Text(_) => Text::read(node, problems).map(Self::Word),
            Value::List(_) => List::read(node, problems).map(Self::Branches),
            _ => {
                wrong_type(node, Self::WHAT, problems);
                None
            }
        }
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        let branches = List::<OneOrMany<16>, 64>::schema();
        serde_json::json!({ "anyOf": [{ "const": "none" }, branches] })
    }
}

choice! {
    /// What an encoded slash in a path is.
    pub(in crate::config) RawSlash {
        /// Ambiguous: the request is refused.
        Refuse = "refuse",
        /// A part of its segment.
        Segment = "segment",
    }
}

choice! {
    /// What becomes of requests that no session comes with.
    pub(in crate::config) RawUnauthenticated {
        /// A page's navigation is sent to log in, all else is refused.
        Auto = "auto",
        /// Every GET is sent to log in.
        Redirect = "redirect",
        /// All are refused.
        Deny = "deny",
    }
}

choice! {
    /// What becomes of CORS preflights on a protected API.
    pub(in crate::config) RawPreflight {
        /// They are refused.
        Refuse = "refuse",
        /// They pass without a credential.
        Pass = "pass",
    }
}

object! {
    /// Which policies an API gives to whom. What the `by_…`, `from_claim` and a key's own yield is
    /// joined.
    RawApiPolicies {
        /// For callers to whom nothing else gives any.
        default: List<Text>;
        /// By the token's scopes.
        by_scope: Map<List<Text>>;
        /// By the token's client.
        by_client: Map<List<Text>>;
        /// By the values of claims.
        by_claim: List<RawByClaim>;
        /// For one caller each: by provider, and there by identity.
        by_identity: Map<Map<List<Text>>>;
        /// Whether the tokens name policies themselves, in the providers' `claims.policies`.
        from_claim: bool = false;
    }
}

object! {
    /// Policies by the values of a claim.
    RawByClaim {
        /// The claim: a string, an array of strings, or an object by the names of its members.
        claim: ClaimRef, required;
        /// The policies for each value.
        values: Map<List<Text>>, required;
    }
}
