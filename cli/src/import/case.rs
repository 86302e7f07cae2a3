//! A definition among the others, as it is looked at for what is wrong with it, and what is found.

use serde_json::Value;
use tollgate::http::Url;

use super::definition::{Definition, Method};
use super::policies::Policies;
use super::policy::Policy;
use super::report::Kind;
use super::source::{self, Known, Source};

/// What is looked at.
pub(super) struct Case<'c> {
    pub(super) definition: &'c Definition,
    pub(super) all: &'c [Definition],
    pub(super) policies: &'c Policies,
}

/// Where something is, and what was found there.
pub(super) struct Hit {
    pub(super) kind: Kind,
    pub(super) field: String,
    pub(super) found: String,
}

/// Something that is wrong.
pub(super) fn wrong(field: impl Into<String>, found: impl Into<String>) -> Hit {
    Hit { kind: Kind::Wrong, field: field.into(), found: found.into() }
}

/// Something that only shows at run time.
pub(super) fn exposed(field: impl Into<String>, found: impl Into<String>) -> Hit {
    Hit { kind: Kind::Exposure, field: field.into(), found: found.into() }
}

impl Case<'_> {
    /// Whether tokens are asked for, or were meant to be.
    pub(super) fn has_jwt(&self) -> bool {
        self.definition.asks(Method::Jwt)
    }

    pub(super) fn field(&self, name: &str) -> String {
        self.definition.field(name)
    }

    /// The URLs of key sets that Tyk would ask, with their fields.
    pub(super) fn urls(&self) -> Vec<(String, Url)> {
        if !self.has_jwt() {
            return Vec::new();
        }
        let jwt = &self.definition.jwt;
        if jwt.urls.is_empty() {
            let url = match source::read(&jwt.source, jwt.signing == "hmac").0 {
                Source::Url(url) => Some(url),
                _ => None,
            };
            return url.map(|url| (self.field("jwt_source"), url)).into_iter().collect();
        }
        let at = |(place, (raw, _)): (usize, &(String, Option<Value>))| {
            let url = Url::parse(raw).ok()?;
            Some((format!("{}[{place}].url", self.field("jwt_jwks_uris")), url))
        };
        jwt.urls.iter().enumerate().filter_map(at).collect()
    }

    pub(super) fn known(&self) -> Vec<Known> {
        self.urls().iter().map(|(_, url)| source::known(url).0).collect()
    }

    /// The policies that the definition leads to, by the field that does.
    pub(super) fn named_policies(&self) -> Vec<(String, &str)> {
        if !self.has_jwt() {
            return Vec::new();
        }
        let jwt = &self.definition.jwt;
        let defaults = self.field("jwt_default_policies");
        let defaults = jwt.defaults.iter().map(|id| (defaults.clone(), id.as_str()));
        let scopes = self.field("scopes.jwt.scope_to_policy");
        let scopes = jwt.scope_policies.iter().map(|(_, id)| (scopes.clone(), id.as_str()));
        defaults.chain(scopes).filter(|(_, id)| !id.is_empty()).collect()
    }

    /// Those of them that are there.
    pub(super) fn known_policies(&self) -> Vec<(String, &Policy)> {
        let found = self.named_policies().into_iter();
        let found = found.filter_map(|(field, id)| Some((field, self.policies.find(id)?)));
        found.collect()
    }
}
