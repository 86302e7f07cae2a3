//! Gathers the facts that operators see. Each is bounded in length, and all of them in number.

use std::borrow::Cow;

use crate::api::{Api, Auth, Branch};
use crate::config::{Config, StatusConfig};
use crate::engine::metrics;
use crate::engine::outside::Outside;
use crate::engine::outside::introspections::last;
use crate::engine::refusals::Refusals;
use crate::engine::words::discovered::{Odd, odd};
use crate::engine::words::document::{keys_remedy, list_remedy, without_query};
use crate::env::Env;
use crate::event::metric::{self, Introspected, LoggedIn};
use crate::ids::{ApiId, Name, RingId};
use crate::jose::alg::Alg;
use crate::jose::jwk::{KeySet, PublicKey};
use crate::keys::{Ring, Standing};
use crate::page::{self, ByCode, Moment, Shown};
use crate::policy::ApiPolicies;
use crate::provider::introspection::{Endpoint, Introspection};
use crate::provider::jwt::{JwtProvider, KeySource};
use crate::provider::login::{Login, Source};
use crate::provider::{Kind, Provider};
use crate::remote::Remote;
use crate::revoked::OnStale;
use crate::time::{UnixMillis, in_words};
use crate::verdict::Deny;
use crate::wire::to_hex;

/// How many entries all lists have together, the refusals apart.
const MAX_ENTRIES: usize = 500;

/// Room for entries of lists.
struct Room {
    left: usize,
    omitted: usize,
}

impl Room {
    /// As many of these as there is room for; the others are counted.
    fn take<'i, T>(&mut self, items: &'i [T]) -> &'i [T] {
        let (taken, omitted) = items.split_at_checked(self.left).unwrap_or((items, &[]));
        self.left = self.left.saturating_sub(taken.len());
        self.omitted = self.omitted.saturating_add(omitted.len());
        taken
    }
}

/// What of the engine is shown.
pub(super) struct View<'e> {
    pub(super) config: &'e Config,
    pub(super) outside: &'e Outside,
    pub(super) status: &'e StatusConfig,
    /// The name of the filter among others.
    pub(super) instance: &'e str,
    pub(super) refusals: &'e Refusals,
}

impl<'e> View<'e> {
    /// The facts, with the refusals of one code where one is given.
    pub(super) fn facts(&self, only: Option<Deny>, env: &Env<'_>) -> page::Facts<'e> {
        let config = self.config;
        let mut room = Room { left: MAX_ENTRIES, omitted: 0 };
        let providers = room.take(&config.providers).iter();
        let providers = providers.map(|one| self.provider(one, &mut room, env)).collect();
        let apis = room.take(&config.apis).iter().enumerate();
        let apis = apis.map(|(place, api)| self.api(ApiId(place), api, &mut room, env)).collect();
        let warnings = room.take(&config.warnings).iter().map(|warning| page::Warning {
            code: warning.code.name(),
            field: Shown::new(&*warning.path),
            message: Shown::new(&*warning.message),
        });
        page::Facts {
            now: Moment(env.now),
            version: env!("CARGO_PKG_VERSION"),
            configuration: to_hex(&config.hash, 6),
            instance: Shown::new(self.instance),
            mode: mode(config.reports),
            verifier: if env.verifier.is_host() { "host" } else { "wasm" },
            ready: self.outside.is_ready(env.now),
            warnings: warnings.collect(),
            counts: counts(config, env),
            records: self.records(env),
            providers,
            apis,
            revocations: self.revocations(env.now),
            code: only.map(Deny::code),
            refusals: self.refusals.list(only, env),
            omitted: room.omitted,
            path: &self.status.path,
        }
    }

    fn records(&self, env: &Env<'_>) -> page::Records {
        let slots = |capacity, used, evicted| page::Slots {
            capacity: u64::from(capacity),
            used: env.metrics.gauge(used),
            evicted,
        };
        let evicted = env.metrics.counter(metric::SESSION_EVICTED);
        page::Records {
            sessions: slots(self.config.session_capacity, metric::SESSION_RECORDS, evicted),
            // A running limit is never given up.
            limits: slots(self.config.limits.capacity, metric::LIMIT_RECORDS, Some(0)),
            addresses: self
                .config
                .counts_addresses()
                .then(|| slots(self.config.limits.capacity, metric::LIMIT_ADDRESSES, Some(0))),
        }
    }

    fn provider(
        &self,
        provider: &'e Provider,
        room: &mut Room,
        env: &Env<'_>,
    ) -> page::Provider<'e> {
        let now = env.now;
        let count = |permitted| env.metrics.counter(&metric::provider(permitted, &provider.name));
        let mut shown = page::Provider {
            name: provider.name.as_str(),
            kind: "jwt",
            issuers: Vec::new(),
            key_sets: Vec::new(),
            api_keys: None,
            introspection: None,
            login: None,
            allowed: count(true),
            denied: count(false),
        };
        match &provider.kind {
            Kind::ApiKey(keys) => {
                let mut counts = page::ApiKeys::default();
                for key in keys.iter() {
                    let expired = key.expires.is_some_and(|end| now >= end);
                    let state = match (key.active, expired) {
                        (false, _) => &mut counts.inactive,
                        (true, true) => &mut counts.expired,
                        (true, false) => &mut counts.active,
                    };
                    *state = state.saturating_add(1);
                    counts.total = counts.total.saturating_add(1);
                }
                (shown.kind, shown.api_keys) = ("api_key", Some(counts));
            }
            Kind::Introspection(asked) => {
                shown.kind = "introspection";
                shown.introspection = Some(introspection(&provider.name, asked, env));
                if let Some((keys, _)) = &asked.signed {
                    shown.key_sets = self.key_sets((&provider.name, keys), room, now);
                }
            }
            Kind::Jwt(jwt) => {
                shown.login =
                    jwt.login.as_deref().map(|of| self.login((&provider.name, jwt, of), env));
                shown.key_sets = self.key_sets((&provider.name, &jwt.keys), room, now);
            }
        }
        if let Some(asks) = provider.requirements() {
            let issuers = room.take(asks.issuers.as_deref().unwrap_or_default()).iter();
            shown.issuers = issuers.map(|issuer| Shown::new(&**issuer)).collect();
        }
        shown
    }

    /// How a provider logs browsers in.
    fn login(
        &self,
        (name, jwt, login): (&Name, &JwtProvider, &'e Login),
        env: &Env<'_>,
    ) -> page::Login<'e> {
        let ring = jwt.keys.of_login().and_then(|id| self.outside.rings.get(id.0));
        let found = login.endpoints(ring.and_then(Ring::login));
        let endpoints = match (&login.endpoints, &found) {
            (Source::Written(_), _) => "written",
            (Source::Discovered { .. }, Some(Ok(_))) => "known",
            (Source::Discovered { .. }, Some(Err(_))) => "unusable",
            (Source::Discovered { .. }, None) => "unknown",
        };
        let found = found.as_ref().map(|found| found.as_ref().map(|found| &**found));
        let odd = found.map(|found| odd(name, found)).unwrap_or_default();
        let count = |what| env.metrics.counter(&metric::login(what, name));
        page::Login {
            endpoints,
            url: found.and_then(Result::ok).map(|all| Shown::new(without_query(&all.token))),
            cluster: Shown::new(&*login.cluster),
            odd: odd
                .into_iter()
                .map(|Odd { reason, remedy }| page::Odd {
                    reason: Shown::new(reason),
                    remedy: Shown::new(remedy),
                })
                .collect(),
            started: count(LoggedIn::Started),
            completed: count(LoggedIn::Completed),
            refreshed: count(LoggedIn::Refreshed),
            refresh_failed: count(LoggedIn::RefreshFailed),
            logged_out: count(LoggedIn::LoggedOut),
        }
    }

    fn key_sets(
        &self,
        (name, source): (&Name, &'e KeySource),
        room: &mut Room,
        now: UnixMillis,
    ) -> Vec<page::KeySet<'e>> {
        match source {
            KeySource::Inline(set) => {
                vec![page::KeySet { issuer: None, fetch: None, keys: keys(set, room) }]
            }
            KeySource::Ring(id) => self.key_set((*id, None), name, room, now).into_iter().collect(),
            KeySource::Tenants(rings) => {
                let rings = room.take(rings).iter();
                rings
                    .filter_map(|(of, id)| self.key_set((*id, Some(of)), name, room, now))
                    .collect()
            }
        }
    }

    fn key_set(
        &self,
        (id, issuer): (RingId, Option<&'e str>),
        provider: &Name,
        room: &mut Room,
        now: UnixMillis,
    ) -> Option<page::KeySet<'e>> {
        let ring = self.outside.rings.get(id.0)?;
        let config = ring.config();
        let remedy = |kind: u8| {
            keys_remedy(kind, config).replace("providers.*", &format!("providers.{provider}"))
        };
        let standing = (ring.standing(now), ring.is_loaded());
        Some(page::KeySet {
            issuer: issuer.map(Shown::new),
            fetch: Some(fetch(standing, &config.remote, &remedy, now)),
            keys: ring.set().map(|set| keys(set, room)).unwrap_or_default(),
        })
    }

    fn api(&self, id: ApiId, api: &'e Api, room: &mut Room, env: &Env<'_>) -> page::Api<'e> {
        let count = |permitted| env.metrics.counter(&metric::api(permitted, &api.name));
        let (branches, optional) = match &api.auth {
            Auth::None => ([].as_slice(), false),
            Auth::Branches { branches, optional } => (branches.as_slice(), *optional),
        };
        let names = |branch: &Branch| {
            let names = branch.members.iter().filter_map(|id| self.config.provider_name(*id));
            names.map(Name::as_str).collect::<Vec<_>>().join(" + ")
        };
        let policies = self.config.policies.of_api(id);
        let given = policies.map(ApiPolicies::all);
        let name = |id| Some(self.config.policies.get(id)?.name.as_str());
        page::Api {
            name: api.name.as_str(),
            mode: mode(api.reports),
            auth: room.take(branches).iter().map(names).collect(),
            optional,
            allowed: count(true),
            denied: count(false),
            policies: given.map(|ids| room.take(&ids).iter().filter_map(|id| name(*id)).collect()),
            policies_from_claim: policies.is_some_and(|policies| policies.from_claim),
            rate: api.rate.map(|rate| {
                let each = if api.per_caller { " for each caller" } else { "" };
                format!("{} in {}{each}", rate.limit.requests, in_words(rate.limit.per))
            }),
        }
    }

    fn revocations(&self, now: UnixMillis) -> page::Revocations<'e> {
        let revocations = &self.outside.revocations;
        let entries = revocations.fetched_entries();
        let fetched = revocations.source().zip(revocations.standing(now));
        page::Revocations {
            configured: revocations.configured_entries(),
            fetched: entries,
            on_stale: revocations.source().map(|source| match source.on_stale {
                OnStale::Allow => "allow",
                OnStale::Deny => "deny",
            }),
            fetch: fetched.map(|(source, standing)| {
                let standing = (standing, entries.is_some());
                let remedy = |kind: u8| list_remedy(kind, source);
                fetch(standing, &source.remote, &remedy, now)
            }),
        }
    }
}

/// How a provider is asked about tokens.
fn introspection<'e>(
    name: &Name,
    asked: &'e Introspection,
    env: &Env<'_>,
) -> page::Introspection<'e> {
    let (Endpoint::Url(url) | Endpoint::Discovery(url)) = &asked.endpoint;
    let count = |outcome| env.metrics.counter(&metric::introspection(outcome, name));
    let last = last(name, env);
    page::Introspection {
        url: Shown::new(without_query(url)),
        cluster: Shown::new(&*asked.cluster),
        at: last.as_ref().map(|last| Moment(last.at)),
        failing: last.as_ref().is_some_and(|last| last.failed.is_some()),
        last: last.map(|last| Shown::new(last.found)),
        ok: count(Introspected::Ok),
        inactive: count(Introspected::Inactive),
        failed: count(Introspected::Failed),
        cached: count(Introspected::Cached),
    }
}

const fn mode(reports: bool) -> &'static str {
    if reports { "report" } else { "enforce" }
}

/// The host's counts. Where nothing only reports, and where no API is of MCP, the counters of that do not
/// exist, and to ask for one would create it.
fn counts(config: &Config, env: &Env<'_>) -> page::Counts {
    let reports = metrics::reports_somewhere(config);
    let by_code = |name: fn(Deny) -> Cow<'static, str>| {
        let mut counts = Vec::new();
        for deny in Deny::ALL {
            let count = env.metrics.counter(&name(deny))?;
            if count > 0 {
                counts.push((deny.code(), count));
            }
        }
        Some(ByCode(counts))
    };
    page::Counts {
        allowed: env.metrics.counter(metric::ALLOWED),
        denied: by_code(metric::denied),
        would_deny: if reports { by_code(metric::would_deny) } else { Some(ByCode::default()) },
        mcp_legacy: match metrics::has_mcp(config) {
            true => env.metrics.counter(metric::MCP_LEGACY),
            false => None,
        },
    }
}

fn keys<'e>(set: &'e KeySet, room: &mut Room) -> Vec<page::Key<'e>> {
    let all: Vec<&PublicKey> = set.iter().collect();
    let shown = room.take(&all).iter().map(|key| page::Key {
        kid: key.kid().map(|kid| Shown::new(kid.as_str())),
        kind: key.kind(),
        alg: key.alg().map(Alg::name),
    });
    shown.collect()
}

/// Where a fetched document stands, and what to do about a failure of a kind.
fn fetch<'e>(
    (standing, is_loaded): (Standing, bool),
    remote: &'e Remote,
    remedy: &dyn Fn(u8) -> String,
    now: UnixMillis,
) -> page::Fetch<'e> {
    page::Fetch {
        url: Shown::new(without_query(&remote.url)),
        cluster: Shown::new(&*remote.cluster),
        state: match standing.stale_at {
            _ if !is_loaded => "never",
            Some(end) if now > end => "stale",
            _ => "fresh",
        },
        at: standing.fetched_at.map(Moment),
        age_seconds: standing.fetched_at.map(|at| now.since(at).as_secs()),
        next_at: Moment(standing.next_due),
        stale_at: standing.stale_at.map(Moment),
        failing: standing.failing,
        failure: standing.failure.map(|failure| page::Failure {
            at: Moment(failure.at),
            reason: Shown::new(failure.reason.to_string()),
            remedy: Shown::new(remedy(failure.kind)),
        }),
    }
}
