//! A checked configuration: what the engine reads.

use std::time::Duration;

use super::define::choice;
use super::problems::Problem;
use crate::api::{Api, Index};
use crate::client::{Auth, Client};
use crate::ids::{ApiId, Name, ProviderId, RingId};
use crate::jose::sign::SigningKey;
use crate::limits::{Bound, Count, Definition, OnOutage, Share};
use crate::policy::{LimitBy, Policies, Policy};
use crate::provider::login::Login;
use crate::provider::{Kind, Provider};
use crate::remote::Remote;
use crate::revoked::{List, Source};
use crate::secret::KeyHashes;
use crate::time::UnixMillis;

/// A checked configuration: names are resolved, nothing contradicts anything.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who vouches; a [`ProviderId`] is a place in here.
    pub providers: Vec<Provider>,
    /// The parts of the traffic, first match wins; an [`ApiId`] is a place in
    /// here.
    pub apis: Vec<Api>,
    /// Whether the configuration names them; otherwise the one that there is stands for all traffic.
    pub names_apis: bool,
    /// What callers may do, and which API gives it to whom.
    pub policies: Policies,
    /// Every method that APIs and policies name, and those that are known besides; none where nothing
    /// looks at methods. A request's must not be one of them in other letters.
    pub methods: Vec<Box<str>>,
    /// Whether refusals are only reported where no API says otherwise.
    pub reports: bool,
    /// Finds a request's API among them.
    pub index: Index,
    /// The key rings that the providers share; a [`RingId`] is a place in here.
    pub rings: Vec<RingConfig>,
    /// How many sessions are recorded at once.
    pub session_capacity: u32,
    /// The counters of rates and quotas.
    pub limits: LimitsConfig,
    /// The service that counts for several proxies; `None` is that each process counts for itself.
    pub remote_limits: Option<RemoteLimits>,
    /// Whom to refuse although the credential is good.
    pub revoked: List,
    /// Where further entries are fetched from.
    pub revoked_source: Option<Source>,
    /// The realm of challenges (RFC 9110 §11.5): visible ASCII without `"` and `\`.
    pub realm: Box<str>,
    /// How refusals are logged.
    pub log: LogConfig,
    /// Who checks signatures.
    pub crypto: Crypto,
    /// Keeps sessions of different filters apart; `None` is the plugin's root id.
    pub instance: Option<Box<str>>,
    /// Who is told each step of a decision; `None` is nobody.
    pub explain: Option<KeyHashes>,
    /// The operator's page; `None` is that there is none.
    pub status: Option<StatusConfig>,
    /// What is legal and risky: to be logged once.
    pub warnings: Vec<Problem>,
    /// What is worth knowing, and nothing to change: for whoever checks it before it is loaded. None
    /// inside a proxy.
    pub notes: Vec<Problem>,
    /// SHA-256 of what it was read from, as compact JSON with its members by name: the same for a
    /// text and a message that say the same, in whatever order.
    pub hash: [u8; 32],
}

impl Config {
    /// A provider by its id.
    pub fn provider(&self, id: ProviderId) -> Option<&Provider> {
        self.providers.get(id.0)
    }

    /// A provider's name by its id.
    pub fn provider_name(&self, id: ProviderId) -> Option<&Name> {
        self.provider(id).map(|provider| &provider.name)
    }

    /// The id of an API by its name.
    pub fn api_named(&self, name: &Name) -> Option<ApiId> {
        self.apis.iter().position(|api| api.name == *name).map(ApiId)
    }

    /// An API by its id.
    pub fn api(&self, id: ApiId) -> Option<&Api> {
        self.apis.get(id.0)
    }

    /// A key ring by its id.
    pub fn ring(&self, id: RingId) -> Option<&RingConfig> {
        self.rings.get(id.0)
    }

    /// Whether any part of the configuration looks at paths, so that one which two hops could read
    /// differently must be refused.
    pub fn looks_at_paths(&self) -> bool {
        self.index.looks_at_paths() || self.policies.look_at_paths()
    }

    /// The limits that the service counts, each once.
    pub fn counted_remotely(&self) -> Vec<RemoteLimit> {
        let mut all = Vec::new();
        let mut add = |name: String, of: Definition<(u32, Duration)>| {
            let ((requests, per), id, count) = (of.limit, of.id, of.count);
            if count.is_remote() {
                all.push(RemoteLimit { name, id, requests, per, count });
            }
        };
        let rate = |rate: Definition<crate::limits::Rate>| Definition {
            id: rate.id,
            limit: (rate.limit.requests, rate.limit.per),
            count: rate.count,
        };
        for policy in self.policies.list() {
            let name = &policy.name;
            if let Some(Bound::At(of)) = policy.rate {
                add(format!("{name}.rate"), rate(of));
            }
            if let Some(Bound::At(of)) = policy.quota {
                let limit = (of.limit.requests, of.limit.per);
                add(format!("{name}.quota"), Definition { id: of.id, limit, count: of.count });
            }
            for (place, entry) in policy.access.iter().flatten().enumerate() {
                if let Some(Bound::At(of)) = entry.rate {
                    let own =
                        entry.name.as_ref().map_or_else(|| place.to_string(), Name::to_string);
                    add(format!("{name}.access.{own}.rate"), rate(of));
                }
            }
        }
        for api in &self.apis {
            if let Some(of) = api.rate {
                add(format!("api.{}.rate", api.name), rate(of));
            }
        }
        all
    }

    /// Whether anything is fetched that requests wait for.
    pub fn fetches(&self) -> bool {
        let asks =
            |provider: &Provider| provider.introspection().is_some() || provider.login().is_some();
        !self.rings.is_empty()
            || self.revoked_source.is_some()
            || self.remote_limits.is_some()
            || self.providers.iter().any(asks)
    }

    /// The private keys of clients, with the names of their providers.
    pub fn signing_keys(&mut self) -> impl Iterator<Item = (&Name, &mut SigningKey)> {
        self.providers.iter_mut().filter_map(|provider| match &mut provider.kind {
            Kind::Introspection(asked) => of_client(&provider.name, &mut asked.client),
            Kind::Jwt(jwt) => of_client(&provider.name, &mut jwt.login.as_mut()?.client),
            Kind::ApiKey(_) => None,
        })
    }

    /// Whether any limit counts by the addresses of callers.
    pub fn counts_addresses(&self) -> bool {
        let by_address = |policy: &Policy| policy.limit_by == LimitBy::Address;
        self.policies.list().iter().any(by_address) || self.apis.iter().any(Api::counts_addresses)
    }

    /// Every header that any part of the configuration may write, [folded](crate::http::folded): what
    /// is removed from every request in every spelling, whichever API it belongs to. Names that start
    /// with `x-tollgate-` are removed besides.
    ///
    /// In their order, each once.
    pub fn emitted_headers(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut add = |name: &str| {
            let name = crate::http::folded(name);
            if let Err(place) = names.binary_search(&name) {
                names.insert(place, name);
            }
        };
        for provider in &self.providers {
            let upstream = &provider.upstream;
            match &upstream.headers {
                None => DEFAULT_HEADERS.iter().for_each(|name| add(name)),
                Some(headers) => headers.iter().for_each(|(name, _)| add(name)),
            }
            upstream.payload_header.iter().for_each(|name| add(name));
            for name in provider.login().into_iter().flat_map(Login::headers) {
                add(name);
            }
        }
        names
    }
}

/// A client's private key, with the name of its provider.
fn of_client<'c>(name: &'c Name, client: &'c mut Client) -> Option<(&'c Name, &'c mut SigningKey)> {
    match &mut client.auth {
        Auth::Key(assertion) => Some((name, &mut assertion.key)),
        Auth::Basic(_) | Auth::Bearer(_) | Auth::None | Auth::Post(_) => None,
    }
}

/// Looks up a variable of the process's environment; `None` where there is none.
pub type Variables<'v> = &'v dyn Fn(&str) -> Option<String>;

/// The counters of rates and quotas.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LimitsConfig {
    /// How many subjects can have running limits at once.
    pub capacity: u32,
    /// Whether clients are told of their limits.
    pub headers: bool,
}

/// The service that counts for several proxies.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RemoteLimits {
    /// Its cluster.
    pub cluster: Box<str>,
    /// Keeps the counters of different fleets apart.
    pub domain: Box<str>,
    /// How limits are shared.
    pub share: Share,
    /// How long a call may take, and the wait for it.
    pub timeout: Duration,
    /// What decides while it cannot be asked.
    pub on_outage: OnOutage,
}

/// A limit that the service counts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RemoteLimit {
    /// What the service calls it: `standard.rate`, `standard.access.0.rate`, `api.orders.rate`.
    pub name: String,
    /// What tells it from other limits here.
    pub id: u64,
    /// Requests in each window.
    pub requests: u32,
    /// The window's length: whole seconds.
    pub per: Duration,
    /// How it is counted there.
    pub count: Count,
}

/// A key ring's source and its timing.
#[derive(Clone, Debug, PartialEq)]
pub struct RingConfig {
    /// Name of the first provider that uses it, for logs and metrics.
    pub provider: crate::ids::Name,
    /// Issuers that a discovery document may name; empty is "any".
    pub issuers: Vec<Box<str>>,
    /// What is fetched first.
    pub source: RingSource,
    /// Whether somebody logs in by the endpoints of the discovery document.
    pub logins: bool,
    /// Where it is; what tells the ring from others is its issuers, what is fetched first, its URL
    /// and the clusters.
    pub remote: Remote,
}

/// How a key ring finds its keys.
#[derive(Clone, Debug, PartialEq)]
pub enum RingSource {
    /// The key set itself.
    Jwks,
    /// A discovery document (OpenID Connect Discovery §4, RFC 8414 §3) that names the key set.
    Discovery {
        /// The cluster for the key set where it is on another host than the document.
        keys_cluster: Option<Box<str>>,
    },
}

/// How refusals are logged.
#[derive(Clone, Debug, PartialEq)]
pub struct LogConfig {
    /// The form of a line.
    pub format: LogFormat,
    /// How an identity is shown.
    pub identity: LogIdentity,
    /// Whether a request's path is shown.
    pub shows_paths: bool,
    /// Lines per second and worker; the rest is counted.
    pub per_second: u32,
    /// Whose requests are logged step by step; empty is nobody's.
    pub detail: Vec<Detail>,
    /// When that ends.
    pub until: UnixMillis,
}

/// The longest that requests are logged step by step, from the load of the configuration on.
pub const LONGEST_DETAIL: Duration = Duration::from_hours(7 * 24);

/// Whose requests are logged step by step.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Detail {
    /// Those of an API.
    Api(Name),
    /// Those of an identity, by its provider.
    Identity(Name, Box<str>),
    /// Those with the API key of this name, by its provider.
    Key(Name, Box<str>),
}

/// The operator's page.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StatusConfig {
    /// Where it is: segments of unreserved characters (RFC 3986 §2.3), each behind a `/`.
    pub path: Box<str>,
    /// What opens it.
    pub keys: KeyHashes,
    /// Whether `<path>/ready` answers without a key.
    pub ready: bool,
}

choice! {
    /// Who checks signatures. Which algorithms are accepted does not depend on it.
    pub Crypto {
        /// The host, where it is known to be Envoy and passes a test; otherwise the filter itself.
        Auto = "auto",
        /// The host. Where it cannot, the configuration is refused.
        Host = "host",
        /// The filter itself.
        Wasm = "wasm",
    }
}

choice! {
    /// The form of a log line.
    pub LogFormat {
        /// One JSON object.
        Json = "json",
        /// `key=value` pairs.
        Logfmt = "logfmt",
    }
}

choice! {
    /// How an identity is shown in logs.
    pub LogIdentity {
        /// As it is, escaped and cut.
        Plain = "plain",
        /// The first 16 hex digits of its SHA-256.
        Hash = "hash",
        /// Not at all.
        Omit = "omit",
    }
}

/// The headers that a provider without `upstream.headers` of its own writes: the session's identity
/// and its provider.
pub const DEFAULT_HEADERS: [&str; 2] = ["x-tollgate-identity", "x-tollgate-provider"];
