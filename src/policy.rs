//! Policies: which of them are in force for a caller, how they combine, and what they permit.
//!
//! Everything follows from the credential in hand; nothing is kept from an earlier one. Knows
//! neither keys nor headers, and counts nothing.

mod access;
mod combine;

use std::sync::Arc;
use std::time::Duration;

use crate::api::PathPattern;
use crate::claims::ClaimRef;
use crate::http::RequestPath;
use crate::ids::{ApiId, Name, PolicyId, ProviderId};
use crate::limits::{Bound, Charge, Definition, Quota, Rate};
use crate::mcp::{Call, Calls};
use crate::time::UnixMillis;

pub use combine::{Facts, TokenFacts};

/// A policy. What it does not name, it does not touch.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its name.
    pub name: Name,
    /// What its holders may call; one entry must grant the request.
    pub access: Option<Vec<Entry>>,
    /// How fast its holders may call, over all APIs.
    pub rate: Option<Bound<Definition<Rate>>>,
    /// How much its holders may call, over all APIs.
    pub quota: Option<Bound<Definition<Quota>>>,
    /// Who has counters of their own under this policy's limits.
    pub limit_by: LimitBy,
    /// How long after the authentication a session ends.
    pub expires_after: Option<Duration>,
    /// Whether its holders may call at all.
    pub active: bool,
    /// What its holders are called upstream.
    pub tags: Vec<Box<str>>,
    /// Facts about its holders for upstreams, by key.
    pub metadata: Vec<(Box<str>, Box<str>)>,
}

/// One thing that a policy's holders may call.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The APIs, at least one, in order.
    pub apis: Vec<ApiId>,
    /// Methods, exact; empty is any.
    pub methods: Vec<Box<str>>,
    /// Paths; empty is any.
    pub paths: Vec<PathPattern>,
    /// Scopes that the token must have besides, all of them.
    pub scopes: Vec<Box<str>>,
    /// What its limit is called by where several proxies share it; `None` is by its position.
    pub name: Option<Name>,
    /// How fast they may call this.
    pub rate: Option<Bound<Definition<Rate>>>,
    /// Which calls of MCP; `None` is any, and whatever is none.
    pub calls: Option<Calls>,
}

/// What a request asks to be granted, at its API.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'r> {
    /// Its method.
    pub method: &'r [u8],
    /// Its path.
    pub path: &'r RequestPath,
    /// Which call of MCP it is, where that is known.
    pub call: Option<&'r Call<'r>>,
}

/// Whose counters a limit counts.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum LimitBy {
    /// Each network address has its own.
    Address,
    /// Each value of a claim has its own.
    Claim(ClaimRef),
    /// Each client has its own.
    Client,
    /// Each identity has its own.
    #[default]
    Identity,
}

/// Which policies an API gives to whom.
#[derive(Clone, Debug, Default)]
pub struct ApiPolicies {
    /// For callers to whom nothing else gives any.
    pub default: Vec<PolicyId>,
    /// By each of the token's scopes.
    pub by_scope: Given,
    /// By the token's client.
    pub by_client: Given,
    /// By each text in a claim.
    pub by_claim: Vec<(ClaimRef, Given)>,
    /// By the provider whose session it is, and the identity there.
    pub by_identity: Vec<(ProviderId, Given)>,
    /// Whether the token itself names policies.
    pub from_claim: bool,
}

/// Policies by what they are given for.
#[derive(Clone, Debug, Default)]
pub struct Given(Vec<(Box<str>, Vec<PolicyId>)>);

impl Given {
    /// Gives policies for a text; of several entries for one text, the first counts.
    pub fn add(&mut self, text: &str, policies: &[PolicyId]) {
        if let Err(place) = self.find(text) {
            self.0.insert(place, (text.into(), policies.to_vec()));
        }
    }

    /// Every policy that is given for something, as often as it is.
    fn all(&self) -> impl Iterator<Item = &PolicyId> {
        self.0.iter().flat_map(|(_, policies)| policies)
    }

    /// The policies for a text.
    fn get(&self, text: &str) -> &[PolicyId] {
        let found = self.find(text).ok().and_then(|place| self.0.get(place));
        found.map_or(&[], |(_, policies)| policies)
    }

    /// The place of a text, or where it belongs.
    fn find(&self, text: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(text))
    }
}

impl ApiPolicies {
    /// What is given to identities of one provider.
    fn of_provider(&self, id: ProviderId) -> Option<&Given> {
        let mut given = self.by_identity.iter();
        given.find(|(provider, _)| *provider == id).map(|(_, given)| given)
    }

    /// The policies that it can give, each once; those that a token names are not among them.
    pub fn all(&self) -> Vec<PolicyId> {
        let given = [&self.by_scope, &self.by_client].into_iter();
        let given = given.chain(self.by_claim.iter().map(|(_, given)| given));
        let given = given.chain(self.by_identity.iter().map(|(_, given)| given));
        let mut all = Vec::new();
        for id in given.flat_map(Given::all).chain(&self.default) {
            if !all.contains(id) {
                all.push(*id);
            }
        }
        all
    }
}

/// The policies, and which of them each API gives to whom.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    /// In the order of their names.
    list: Vec<Policy>,
    /// By [`ApiId`]; `None` where being verified is enough.
    apis: Vec<Option<ApiPolicies>>,
    look_at_paths: bool,
}

impl Policies {
    /// Policies in the order of their names; a [`PolicyId`] is a place in the list, an [`ApiId`] one
    /// among `apis`.
    pub fn new(list: Vec<Policy>, apis: Vec<Option<ApiPolicies>>) -> Self {
        let mut entries = list.iter().flat_map(|policy| &policy.access).flatten();
        let look_at_paths = entries.any(|entry| !entry.paths.is_empty());
        Self { list, apis, look_at_paths }
    }

    /// The policy of a name.
    pub fn find(&self, name: &str) -> Option<PolicyId> {
        self.list.binary_search_by(|policy| policy.name.as_str().cmp(name)).ok().map(PolicyId)
    }

    /// A policy by its id.
    pub fn get(&self, id: PolicyId) -> Option<&Policy> {
        self.list.get(id.0)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.list.len()
    }

    /// What an API gives; `None` where being verified is enough.
    pub fn of_api(&self, id: ApiId) -> Option<&ApiPolicies> {
        self.apis.get(id.0)?.as_ref()
    }

    /// Every policy, in the order of their names.
    pub fn list(&self) -> &[Policy] {
        &self.list
    }

    /// The methods that entries of `access` name.
    pub fn methods(&self) -> impl Iterator<Item = &str> {
        let entries = self.list.iter().flat_map(|policy| &policy.access).flatten();
        entries.flat_map(|entry| &entry.methods).map(AsRef::as_ref)
    }

    /// Whether any policy looks at paths.
    pub const fn look_at_paths(&self) -> bool {
        self.look_at_paths
    }

    /// The policies in force.
    fn in_force<'p>(&'p self, grant: &'p Grant) -> impl Iterator<Item = &'p Policy> {
        grant.policies.iter().filter_map(|id| self.get(*id))
    }

    /// The tags of the caller's API key and of the policies in force, each once.
    pub fn tags<'p>(&'p self, grant: &'p Grant, own: &'p [Box<str>]) -> Vec<&'p str> {
        let mut tags = Vec::new();
        for tag in own.iter().chain(self.in_force(grant).flat_map(|policy| &policy.tags)) {
            if !tags.contains(&&**tag) {
                tags.push(&**tag);
            }
        }
        tags
    }

    /// What the caller's API key and the policies in force say under a key of `metadata`.
    pub fn metadata<'p>(
        &'p self,
        grant: &'p Grant,
        own: &'p [(Box<str>, Box<str>)],
        key: &str,
    ) -> Metadata<'p> {
        let mut found = Metadata::Absent;
        let pairs = own.iter().chain(self.in_force(grant).flat_map(|policy| &policy.metadata));
        for (_, value) in pairs.filter(|(known, _)| **known == *key) {
            found = match found {
                Metadata::Absent => Metadata::Is(value),
                Metadata::Is(earlier) if *earlier == **value => found,
                Metadata::Is(_) | Metadata::Contradictory => Metadata::Contradictory,
            };
        }
        found
    }

    /// The limits of the policies in force, each with whose requests it counts together, and the rate of
    /// the entry that grants the request; at most three.
    pub fn charges<'p>(
        &'p self,
        grant: &Grant,
        endpoint: Option<Endpoint<'p>>,
    ) -> impl Iterator<Item = (Charge, &'p LimitBy)> {
        let rate = grant.rate.and_then(|id| self.get(id));
        let quota = grant.quota.and_then(|id| self.get(id));
        let rate = rate.and_then(|policy| match policy.rate? {
            Bound::At(rate) => Some((Charge::Rate(rate), &policy.limit_by)),
            Bound::Unlimited => None,
        });
        let quota = quota.and_then(|policy| match policy.quota? {
            Bound::At(quota) => Some((Charge::Quota(quota), &policy.limit_by)),
            Bound::Unlimited => None,
        });
        let endpoint = endpoint.map(|endpoint| (Charge::Rate(endpoint.rate), endpoint.limit_by));
        rate.into_iter().chain(quota).chain(endpoint)
    }
}

/// What several policies say about one key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Metadata<'p> {
    /// Nothing.
    Absent,
    /// Several things.
    Contradictory,
    /// This.
    Is(&'p str),
}

/// What the policies in force come to for one credential at one API.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Grant {
    /// In the order of their names, each once.
    policies: Vec<PolicyId>,
    /// Their names, joined by commas.
    names: Arc<str>,
    /// Whether one of them says what may be called, so that one of them must grant the request.
    is_restricted: bool,
    /// The entries about this API whose scopes the token has.
    granting: Vec<EntryId>,
    /// The entries about this API of whose scopes the token lacks some.
    lacking: Vec<EntryId>,
    /// Whose rate holds.
    rate: Option<PolicyId>,
    /// Whose quota holds.
    quota: Option<PolicyId>,
    ends: Option<UnixMillis>,
}

impl Grant {
    /// The policies in force, in the order of their names.
    pub fn policies(&self) -> &[PolicyId] {
        &self.policies
    }

    /// The names of the policies in force, in order, joined by commas.
    pub const fn names(&self) -> &Arc<str> {
        &self.names
    }

    /// When the session ends by the policies' `expires_after`.
    pub const fn ends(&self) -> Option<UnixMillis> {
        self.ends
    }
}

/// An entry's policy, and its place there.
type EntryId = (PolicyId, usize);

/// The rate of the entry that grants a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Endpoint<'p> {
    rate: Definition<Rate>,
    limit_by: &'p LimitBy,
}
