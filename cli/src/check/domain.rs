//! Configurations that are checked together and count in the same counters of a service, by their
//! `limits.remote.domain`.

use std::time::Duration;

use tollgate::config::{Config, RemoteLimits};
use tollgate::limits::Service;
use tollgate::policy::LimitBy;
use tollgate::provider::{Kind, Provider};
use tollgate::verdict::quoted;

use crate::yaml::Place;

/// What one configuration counts in a service.
#[derive(Debug)]
pub(super) struct Counted {
    /// Where it says under which domain.
    pub(super) at: Place,
    remote: RemoteLimits,
    kept: Kept,
    limits: Vec<Limit>,
    issuers: Vec<Issuers>,
    /// The hosts that its cluster leads to; empty where that is not known.
    hosts: Vec<String>,
}

/// What keeps the counters of its own proxy apart.
#[derive(Debug, Eq, PartialEq)]
enum Kept {
    /// Its `instance`.
    ByInstance(String),
    /// The root id, which stands for one.
    ByRoot(String),
    /// The root id, which is not known.
    Unknown,
}

impl Kept {
    /// Whether it is sure that they are not the same.
    fn differs(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unknown, Self::ByInstance(_)) | (Self::ByInstance(_), Self::Unknown) => true,
            (Self::Unknown, _) | (_, Self::Unknown) => false,
            (
                Self::ByInstance(own) | Self::ByRoot(own),
                Self::ByInstance(other) | Self::ByRoot(other),
            ) => own != other,
        }
    }
}

#[derive(Debug)]
struct Limit {
    name: String,
    requests: u32,
    per: Duration,
    whose: Whose,
}

/// Whose requests a limit counts.
#[derive(Debug, Default)]
struct Whose {
    is_everyones: bool,
    /// Whether addresses have counters.
    of_addresses: bool,
    /// By what callers have counters, where they do.
    of_callers: Option<LimitBy>,
}

/// A provider's name, and whose tokens it takes: anybody's where that is `None`.
#[derive(Debug)]
struct Issuers {
    provider: String,
    issuers: Option<Vec<String>>,
}

impl Counted {
    /// Of a configuration in a filter of this root id, whose cluster leads to these hosts.
    pub(super) fn of(
        config: &Config,
        root: Option<&str>,
        hosts: Vec<String>,
        at: Place,
    ) -> Option<Self> {
        let remote = config.remote_limits.clone()?;
        let kept = match (&config.instance, root) {
            (Some(instance), _) => Kept::ByInstance(instance.to_string()),
            (None, Some(root)) => Kept::ByRoot(root.to_owned()),
            (None, None) => Kept::Unknown,
        };
        let limits = config.counted_remotely().into_iter().map(|limit| {
            let whose = whose(config, &limit.name);
            Limit { name: limit.name, requests: limit.requests, per: limit.per, whose }
        });
        let limits = limits.collect();
        let issuers = config.providers.iter().map(Issuers::of).collect();
        Some(Self { at, remote, kept, limits, issuers, hosts })
    }

    /// What there is to say of it beside another, which stands at `place`.
    pub(super) fn beside(&self, other: &Self, place: &str) -> Option<String> {
        if !self.is_asked_with(other) {
            return None;
        }
        let both: Vec<_> =
            self.limits.iter().filter_map(|own| Some((own, other.same(own)?))).collect();
        let meet = |pair: &&(&Limit, &Limit)| self.meets(other, **pair);
        let is_other = |(own, other): &&(&Limit, &Limit)| {
            (own.requests, own.per) != (other.requests, other.per)
        };
        let domain = format!(
            "the domain {} of cluster {}",
            quoted(&self.remote.domain),
            quoted(&self.remote.cluster)
        );
        // Limitador has one number for a name, whoever is counted.
        let is_one = |_: &&(&Limit, &Limit)| self.remote.share.service == Service::Limitador;
        if let Some((own, theirs)) =
            both.iter().filter(is_other).find(|pair| is_one(pair) || meet(pair))
        {
            return Some(format!(
                "{} is {} here and {} in {place}, and both are counted under {domain}, where a name is \
                 one limit; give one of them another `domain`, or both the same numbers",
                quoted(&own.name),
                numbers(own),
                numbers(theirs)
            ));
        }
        let (own, _) = both.iter().find(meet).filter(|_| self.kept.differs(&other.kept))?;
        Some(format!(
            "{place} has another `instance`, and yet {} of both is one counter, by {domain}: a request \
             that passes both counts twice; give one of them another `domain`, or both the same \
             `instance`",
            quoted(&own.name)
        ))
    }

    /// Whether both ask the same service about the same domain, as far as can be told.
    fn is_asked_with(&self, other: &Self) -> bool {
        let (own, theirs) = (&self.remote, &other.remote);
        let is_same = (&own.domain, &own.cluster, own.share.service)
            == (&theirs.domain, &theirs.cluster, theirs.share.service);
        let is_unknown = self.hosts.is_empty() || other.hosts.is_empty();
        is_same && (is_unknown || self.hosts.iter().any(|host| other.hosts.contains(host)))
    }

    fn same(&self, limit: &Limit) -> Option<&Limit> {
        self.limits.iter().find(|own| own.name == limit.name)
    }

    /// Whether anybody's requests can be counted by a limit of both.
    fn meets(&self, other: &Self, (own, theirs): (&Limit, &Limit)) -> bool {
        let (own, theirs) = (&own.whose, &theirs.whose);
        let shares = |own: &Issuers| other.issuers.iter().any(|theirs| own.shares(theirs));
        let of_callers = own.of_callers.is_some() && own.of_callers == theirs.of_callers;
        (own.is_everyones && theirs.is_everyones)
            || (own.of_addresses && theirs.of_addresses)
            || (of_callers && self.issuers.iter().any(shares))
    }
}

impl Issuers {
    fn of(provider: &Provider) -> Self {
        let issuers = match &provider.kind {
            Kind::ApiKey(_) => Some(vec![String::new()]),
            // An answer may name none.
            Kind::Introspection(asked) => written(asked.requirements.issuers.as_deref())
                .map(|issuers| issuers.into_iter().chain([String::new()]).collect()),
            Kind::Jwt(jwt) => written(jwt.requirements.issuers.as_deref()),
        };
        Self { provider: provider.name.to_string(), issuers }
    }

    /// Whether a caller of one can be a caller of the other.
    fn shares(&self, other: &Self) -> bool {
        let meet = match (&self.issuers, &other.issuers) {
            (Some(own), Some(theirs)) => own.iter().any(|issuer| theirs.contains(issuer)),
            _ => true,
        };
        self.provider == other.provider && meet
    }
}

fn written(issuers: Option<&[Box<str>]>) -> Option<Vec<String>> {
    issuers.map(|issuers| issuers.iter().map(ToString::to_string).collect())
}

/// Whose requests the limit of a name counts.
fn whose(config: &Config, limit: &str) -> Whose {
    let api = config.apis.iter().find(|api| format!("api.{}.rate", api.name) == limit);
    if let Some(api) = api {
        return Whose {
            is_everyones: !api.per_caller,
            of_addresses: api.counts_addresses(),
            of_callers: api.per_caller.then_some(LimitBy::Identity),
        };
    }
    let policies = config.policies.list();
    let policy = policies.iter().find(|policy| {
        let rest = limit.strip_prefix(policy.name.as_str());
        rest.is_some_and(|rest| matches!(rest, ".rate" | ".quota") || rest.starts_with(".access."))
    });
    match policy.map(|policy| &policy.limit_by) {
        Some(LimitBy::Address) => Whose { of_addresses: true, ..Whose::default() },
        Some(by) => Whose { of_callers: Some(by.clone()), ..Whose::default() },
        None => Whose::default(),
    }
}

/// A limit's numbers, in words.
fn numbers(limit: &Limit) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let seconds = limit.per.as_secs();
    let unit = UNITS.into_iter().find(|(length, _)| seconds.checked_rem(*length) == Some(0));
    let (length, unit) = unit.unwrap_or((1, "s"));
    let count = seconds.checked_div(length).unwrap_or_default();
    format!("{} in {count}{unit}", limit.requests)
}
