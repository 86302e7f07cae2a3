//! What is known of each thing once it is judged on its own, with the places where that is written.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::api::{Api, Auth, Comparison, Matcher, Unauthenticated};
use crate::claims::{Requirements, Rule};
use crate::client::Client;
use crate::config::checked::{LimitsConfig, LogConfig, RemoteLimits, RingConfig, StatusConfig};
use crate::config::raw::operator::RawMode;
use crate::config::read::At;
use crate::ids::{Name, PolicyId, ProviderId};
use crate::introspection::Terms;
use crate::jose::alg::AlgSet;
use crate::jose::jwk::KeySet;
use crate::limits::{Definition, Rate};
use crate::mcp::Mcp;
use crate::policy::{ApiPolicies, Policy};
use crate::provider::api_key::ApiKeys;
use crate::provider::introspection::Endpoint;
use crate::provider::login::Login;
use crate::provider::{Location, Upstream};
use crate::resource::{Place, Resource};
use crate::revoked::{List, Source};
use crate::secret::KeyHashes;

/// All things, each judged on its own.
pub(super) struct Drafts {
    /// By id; one that is no object at all is `None`.
    pub(super) providers: Vec<Option<ProviderDraft>>,
    /// By id.
    pub(super) apis: Vec<ApiDraft>,
    /// By id.
    pub(super) policies: Vec<PolicyDraft>,
    /// What each API says about policies, where it does.
    pub(super) assigned: Vec<Option<Assigned>>,
    /// The policies that each API key has itself.
    pub(super) of_keys: Vec<Together>,
    /// How many sessions are recorded at once.
    pub(super) session_capacity: u32,
    pub(super) limits: LimitsConfig,
    pub(super) remote_limits: Option<RemoteLimits>,
    pub(super) revoked: List,
    pub(super) revoked_source: Option<Source>,
    pub(super) realm: Box<str>,
    pub(super) log: LogConfig,
    pub(super) instance: Option<Box<str>>,
    pub(super) explain: Option<KeyHashes>,
    pub(super) status: Option<StatusConfig>,
}

/// Providers by their ids.
pub(super) type Providers = [Option<ProviderDraft>];

/// A provider by its id.
pub(super) fn provider(providers: &Providers, id: ProviderId) -> Option<&ProviderDraft> {
    providers.get(id.0).and_then(Option::as_ref)
}

/// A provider, judged on its own.
pub(super) struct ProviderDraft {
    /// Its name; `None` where that is wrong.
    pub(super) name: Option<Name>,
    /// Where the name is written.
    pub(super) at: usize,
    /// What it is by its kind.
    pub(super) kind: DraftKind,
    pub(super) from: Vec<At<Location>>,
    /// Where the names of APIs in `from` are written.
    pub(super) from_apis: Vec<At<Box<str>>>,
    pub(super) upstream: Upstream,
    /// Where `from` is written, or else the provider; `None` where a place of it is wrong, which may
    /// have been meant for any API.
    pub(super) from_at: Option<usize>,
    /// The headers that it names to write, lower-case, with their places.
    pub(super) written: Vec<At<Box<str>>>,
    /// The keys of policies' metadata that it writes, with their places.
    pub(super) metadata: Vec<At<Box<str>>>,
    /// Where `claims.policies` is written.
    pub(super) policies_at: Option<usize>,
}

/// What a provider is by its kind.
pub(super) enum DraftKind {
    /// A list of API keys.
    ApiKey {
        keys: ApiKeys,
        /// The names of policies that keys have.
        policies: PolicyNames,
        /// Whether `keys` has all that is written of their metadata.
        metadata_is_sure: bool,
    },
    /// A JWT issuer, or one that is asked about each token.
    Jwt(Box<JwtDraft>),
}

/// A JWT issuer, or one that is asked about each token, judged on its own.
pub(super) struct JwtDraft {
    /// The issuers, with the places where they are written.
    pub(super) issuers: Vec<At<Box<str>>>,
    /// Where `any_issuer` is written, if it says `true`.
    pub(super) any_issuer: Option<usize>,
    /// Where keys come from; `None` where that is wrong.
    pub(super) keys: Option<Keys>,
    pub(super) algorithms: AlgSet,
    pub(super) requirements: Requirements,
    /// Where it is asked about tokens, where it is; `None` inside where that is wrong.
    pub(super) asked: Option<Option<Box<Asked>>>,
    /// How it logs browsers in, where it does; `None` inside where that is wrong.
    pub(super) login: Option<Option<Box<LoginDraft>>>,
}

/// How a provider logs browsers in, judged on its own.
pub(super) struct LoginDraft {
    /// Where `path` and `cookie.name` are written, or else the login.
    pub(super) path_at: usize,
    pub(super) name_at: usize,
    /// The headers that carry its tokens, with their places.
    pub(super) forwards: Vec<At<Box<str>>>,
    pub(super) login: Login,
}

/// Where and how a provider is asked about tokens.
pub(super) struct Asked {
    pub(super) endpoint: Endpoint,
    pub(super) cluster: Box<str>,
    pub(super) timeout: Duration,
    pub(super) client: Client,
    pub(super) takes_opaque: bool,
    pub(super) takes_jwts: bool,
    pub(super) terms: Terms,
    pub(super) capacity: u32,
    pub(super) per_second: u32,
    pub(super) signed: bool,
    pub(super) hands_on_signed: bool,
}

impl JwtDraft {
    /// Whether its tokens say by their issuer that they are its own.
    pub(super) fn is_told_by_issuer(&self) -> bool {
        self.asked.as_ref().is_none_or(|asked| asked.as_ref().is_some_and(|one| one.takes_jwts))
    }

    /// How it logs browsers in, where it does, and that is right.
    pub(super) fn login(&self) -> Option<&LoginDraft> {
        self.login.as_ref()?.as_deref()
    }

    /// Whether it takes what is no JWT.
    pub(super) fn takes_opaque(&self) -> bool {
        self.asked.iter().flatten().any(|asked| asked.takes_opaque)
    }
}

impl ProviderDraft {
    /// What it is as a JWT issuer.
    pub(super) fn jwt(&self) -> Option<&JwtDraft> {
        match &self.kind {
            DraftKind::ApiKey { .. } => None,
            DraftKind::Jwt(jwt) => Some(jwt),
        }
    }

    /// Its name in a message.
    pub(super) fn shown(&self) -> &str {
        self.name.as_ref().map_or("?", |name| name.as_str())
    }
}

/// The names of policies that keys have, each with its place.
pub(super) type PolicyNames = Vec<At<Box<str>>>;

/// Where one provider's keys come from.
pub(super) enum Keys {
    /// Written in the configuration.
    Inline(Arc<KeySet>),
    /// Fetched.
    Ring(Box<Ring>),
    /// Fetched for each tenant apart.
    Tenants(Vec<Ring>),
}

/// A key ring as one provider asks for it.
#[derive(Clone)]
pub(super) struct Ring {
    pub(super) config: RingConfig,
    /// Where `timeout`, `refresh`, `cooldown` and `max_stale` are written, or the object where they
    /// would be.
    pub(super) places: [usize; 4],
}

/// An API, judged on its own. The default is one of which nothing is known.
#[derive(Default)]
pub(super) struct ApiDraft {
    /// Its name; `None` where that is wrong.
    pub(super) name: Option<Name>,
    /// Where it begins.
    pub(super) at: usize,
    /// Where the name is written, or else where the API begins.
    pub(super) name_at: usize,
    /// Which requests belong to it; `None` where that is wrong.
    pub(super) matcher: Option<Matcher>,
    /// Who may vouch; `None` where that is wrong.
    pub(super) auth: Option<Auth>,
    /// The branches that could be read, each with its place.
    pub(super) branches: Vec<At<Members>>,
    /// Every provider that it lists, once, in the order of their ids.
    pub(super) providers: Vec<ProviderId>,
    /// The fields that ask something of the session's token, with the places where they are written.
    pub(super) asks_of_tokens: Vec<(&'static str, usize)>,
    pub(super) preflight_passes: bool,
    pub(super) unauthenticated: Unauthenticated,
    /// Where that is written.
    pub(super) unauthenticated_at: Option<usize>,
    /// Whether an encoded slash is part of its segment.
    pub(super) encoded_slash: bool,
    pub(super) rules: Vec<Rule>,
    /// What of the caller must equal a part of the request, with the place of that part.
    pub(super) comparisons: Vec<At<Comparison>>,
    pub(super) rate: Option<Definition<Rate>>,
    /// Whether each caller has a counter of that.
    pub(super) per_caller: bool,
    /// What its own `mode` says.
    pub(super) mode: Option<RawMode>,
    pub(super) audiences: Option<Vec<Box<str>>>,
    pub(super) clients: Option<Vec<Box<str>>>,
    pub(super) scopes: Vec<Box<str>>,
    pub(super) resource: Option<ResourceDraft>,
    pub(super) mcp: Option<McpDraft>,
    /// Whether it is known that it has an `mcp`, or none.
    pub(super) mcp_is_sure: bool,
}

/// An API as a server of MCP, on its own.
pub(super) struct McpDraft {
    /// Where it is written.
    pub(super) at: usize,
    pub(super) versions: Vec<Box<str>>,
    pub(super) refuses_others: bool,
    pub(super) origins: Vec<Box<str>>,
}

/// What an API is to clients, on its own.
pub(super) struct ResourceDraft {
    /// Where it is written.
    pub(super) at: usize,
    /// The URLs that are right, with their places.
    pub(super) places: Vec<At<Place>>,
    /// Members of its document that are texts.
    pub(super) texts: Vec<(&'static str, Box<str>)>,
    pub(super) scopes: Option<Vec<Box<str>>>,
    pub(super) authorization_servers: Option<Vec<Box<str>>>,
    /// Where those are written.
    pub(super) servers_at: Option<usize>,
}

/// A branch's members.
#[derive(Clone, Debug)]
pub(super) struct Members(pub(super) Vec<ProviderId>);

impl ApiDraft {
    /// Whether a place of one of its providers counts here; one without a name is taken for any.
    pub(super) fn reads(&self, place: &Location) -> bool {
        self.name.as_ref().is_none_or(|name| place.is_for(name))
    }

    /// The API, where nothing was refused.
    pub(super) fn build(self, mode: RawMode, resource: Option<Resource>) -> Option<Api> {
        Some(Api {
            name: self.name?,
            matcher: self.matcher?,
            encoded_slash: self.encoded_slash,
            auth: self.auth?,
            preflight_passes: self.preflight_passes,
            unauthenticated: self.unauthenticated,
            audiences: self.audiences,
            clients: self.clients,
            scopes: self.scopes,
            rules: self.rules,
            comparisons: self.comparisons.into_iter().map(|one| one.value).collect(),
            rate: self.rate,
            per_caller: self.per_caller,
            reports: self.mode.unwrap_or(mode) == RawMode::Report,
            mcp: self.mcp.map(|mcp| {
                let own = resource.iter().flat_map(Resource::origins).map(String::into_boxed_str);
                Mcp {
                    versions: mcp.versions,
                    refuses_others: mcp.refuses_others,
                    origins: mcp.origins.into_iter().chain(own).collect(),
                }
            }),
            resource,
        })
    }

    /// Whether it lists a provider.
    pub(super) fn lists(&self, provider: ProviderId) -> bool {
        self.providers.binary_search(&provider).is_ok()
    }

    /// Its name in a message.
    pub(super) fn shown(&self) -> &str {
        self.name.as_ref().map_or("?", |name| name.as_str())
    }
}

/// A policy with the place of its name.
pub(super) struct PolicyDraft {
    /// Where its name is written.
    pub(super) at: usize,
    /// It; parts that are wrong are left out, which has been said. `None` where it, its name or its
    /// metadata is wrong: what it has in common with others cannot be known.
    pub(super) policy: Option<Policy>,
}

/// Some policies that somebody gets together, and where that is written.
pub(super) type Together = At<Vec<PolicyId>>;

/// What an API's `policies` say.
#[derive(Default)]
pub(super) struct Assigned {
    /// Where they are written.
    pub(super) at: usize,
    /// `default`.
    pub(super) default: Option<Together>,
    /// Each list of `by_scope`.
    pub(super) by_scope: Vec<Together>,
    /// Each list of `by_client`.
    pub(super) by_client: Vec<Together>,
    /// Each list of `by_claim`, by claim.
    pub(super) by_claim: Vec<Vec<Together>>,
    /// Each list of `by_identity`, by provider.
    pub(super) by_identity: Vec<OfProvider>,
    /// Where `from_claim` says `true`.
    pub(super) from_claim: Option<usize>,
    /// Whether a way to policies is written, if only wrongly.
    pub(super) has_way: bool,
    /// All of it, as requests meet it.
    pub(super) policies: ApiPolicies,
}

/// What an API gives to identities of one provider.
pub(super) struct OfProvider {
    /// Where the provider is named.
    pub(super) at: usize,
    pub(super) provider: ProviderId,
    /// The identities, each with its place, where that is one.
    pub(super) identities: Vec<At<Box<str>>>,
    /// Each list.
    pub(super) lists: Vec<Together>,
}

/// Each two of these, once.
pub(super) fn pairs(ids: &[ProviderId]) -> Vec<(ProviderId, ProviderId)> {
    let from = |(index, one): (usize, &ProviderId)| {
        let one = *one;
        ids.iter().skip(index.saturating_add(1)).map(move |other| (one, *other)).collect::<Vec<_>>()
    };
    ids.iter().enumerate().flat_map(from).collect()
}

/// Texts, each with the number that came with it first. A map of the same type finds APIs: one of
/// another would bring its own code.
#[derive(Default)]
pub(super) struct Texts(BTreeMap<Box<[u8]>, usize>);

impl Texts {
    /// These texts, made by one insertion after the other: made at once they would be sorted, by code
    /// that is larger than this file's.
    pub(super) fn new(texts: impl Iterator<Item = String>) -> Self {
        let mut set = Self::default();
        for text in texts {
            set.put(text.as_bytes(), 0);
        }
        set
    }

    /// Adds a text; says whether it was not there.
    #[inline(never)]
    pub(super) fn put(&mut self, text: &[u8], number: usize) -> bool {
        let before = self.0.len();
        self.0.entry(text.into()).or_insert(number);
        self.0.len() != before
    }

    /// The number of a text that is there.
    pub(super) fn get(&self, text: &str) -> Option<usize> {
        self.0.get(text.as_bytes()).copied()
    }
}
