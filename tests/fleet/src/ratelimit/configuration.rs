//! The YAML of envoyproxy/ratelimit, as strictly as it reads it: an unknown member, a unit that there
//! is not or a key twice is refused.

use std::collections::BTreeMap;

use envoy_types::pb::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_response::RateLimit;
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_response::rate_limit::Unit;
use serde::Deserialize;

/// One domain and its limits.
pub struct Configuration {
    domain: String,
    descriptors: Level,
}

#[derive(Default)]
struct Level(BTreeMap<String, Node>);

struct Node {
    limit: Option<RateLimit>,
    below: Level,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Root {
    #[serde(default)]
    domain: String,
    #[serde(default)]
    descriptors: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Descriptor {
    #[serde(default)]
    key: String,
    #[serde(default)]
    value: String,
    rate_limit: Option<Limit>,
    #[serde(default)]
    descriptors: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Limit {
    #[serde(default)]
    requests_per_unit: u32,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    name: String,
}

impl Configuration {
    /// Reads a file of limits.
    ///
    /// # Errors
    ///
    /// Where the service would not load it; a text for people.
    pub fn parse(yaml: &str) -> Result<Self, String> {
        let root: Root = serde_yaml::from_str(yaml).map_err(|error| error.to_string())?;
        if root.domain.is_empty() {
            return Err("config file cannot have empty domain".to_owned());
        }
        let descriptors = level(root.descriptors)?;
        Ok(Self { domain: root.domain, descriptors })
    }

    /// The limit of a descriptor: its own where it brings one, or that of the file; of an unknown
    /// domain neither.
    pub fn limit(&self, domain: &str, descriptor: &RateLimitDescriptor) -> Option<RateLimit> {
        if domain != self.domain {
            return None;
        }
        if let Some(own) = &descriptor.limit {
            return Some(RateLimit {
                name: String::new(),
                requests_per_unit: own.requests_per_unit,
                unit: own.unit,
            });
        }
        let mut level = &self.descriptors;
        let mut limit = None;
        for (index, entry) in descriptor.entries.iter().enumerate() {
            let whole = format!("{}_{}", entry.key, entry.value);
            let node = level.0.get(&whole).or_else(|| level.0.get(&entry.key))?;
            // Only a limit at the very depth of the request counts.
            limit = node.limit.clone().filter(|_| index + 1 == descriptor.entries.len());
            level = &node.below;
        }
        limit
    }
}

fn level(descriptors: Vec<Descriptor>) -> Result<Level, String> {
    let mut level = Level::default();
    for one in descriptors {
        if one.key.is_empty() {
            return Err("descriptor has empty key".to_owned());
        }
        let key = if one.value.is_empty() { one.key } else { format!("{}_{}", one.key, one.value) };
        let limit = one.rate_limit.map(read).transpose()?;
        let node = Node { limit, below: self::level(one.descriptors)? };
        if level.0.insert(key.clone(), node).is_some() {
            return Err(format!("duplicate descriptor composite key '{key}'"));
        }
    }
    Ok(level)
}

fn read(limit: Limit) -> Result<RateLimit, String> {
    let unit = Unit::from_str_name(&limit.unit.to_uppercase())
        .filter(|&unit| unit != Unit::Unknown)
        .ok_or_else(|| format!("invalid rate limit unit '{}'", limit.unit))?;
    let (name, requests_per_unit) = (limit.name, limit.requests_per_unit);
    Ok(RateLimit { name, requests_per_unit, unit: unit.into() })
}

/// The length of a window, in seconds.
pub fn seconds_of(unit: i32) -> Option<u64> {
    const DAY: u64 = 86_400;
    Some(match Unit::try_from(unit).ok()? {
        Unit::Unknown => return None,
        Unit::Second => 1,
        Unit::Minute => 60,
        Unit::Hour => 3600,
        Unit::Day => DAY,
        Unit::Week => 7 * DAY,
        Unit::Month => 30 * DAY,
        Unit::Year => 365 * DAY,
    })
}
