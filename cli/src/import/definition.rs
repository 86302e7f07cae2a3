//! A definition as meant, whichever of its two forms it was written in.

use serde_json::Value;

use super::fields::{self, Form};
use super::limits::Rate;
use super::read::joined_all;
use super::walk::Member;

/// A way to authenticate, in the order in which Tyk asks for them.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Method {
    Certificate,
    OAuth,
    ExternalOAuth,
    Basic,
    Hmac,
    Jwt,
    OpenId,
    Custom,
    Key,
}

impl Method {
    /// What `base_identity_provided_by` calls it; empty where it has no name there.
    pub(super) const fn base(self) -> &'static str {
        match self {
            Self::Certificate | Self::ExternalOAuth => "",
            Self::OAuth => "oauth_key",
            Self::Basic => "basic_auth_user",
            Self::Hmac => "hmac_key",
            Self::Jwt => "jwt_claim",
            Self::OpenId => "oidc_user",
            Self::Custom => "custom_auth",
            Self::Key => "auth_token",
        }
    }

    /// What a provider that stands in for it is called.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Certificate => "mtls",
            Self::OAuth => "oauth",
            Self::ExternalOAuth => "external-oauth",
            Self::Basic => "basic",
            Self::Hmac => "hmac",
            Self::Jwt => "jwt",
            Self::OpenId => "openid",
            Self::Custom => "plugin",
            Self::Key => "key",
        }
    }

    /// The field that switches it on, in a classic definition.
    pub(super) const fn switch(self) -> &'static str {
        match self {
            Self::Certificate => "use_mutual_tls_auth",
            Self::OAuth => "use_oauth2",
            Self::ExternalOAuth => "external_oauth.enabled",
            Self::Basic => "use_basic_auth",
            Self::Hmac => "enable_signature_checking",
            Self::Jwt => "enable_jwt",
            Self::OpenId => "use_openid",
            Self::Custom => "custom_plugin_auth_enabled",
            Self::Key => "use_standard_auth",
        }
    }
}

/// The values that Tyk knows for the base identity.
pub(super) const BASES: [&str; 7] = [
    "auth_token",
    "hmac_key",
    "basic_auth_user",
    "jwt_claim",
    "oidc_user",
    "oauth_key",
    "custom_auth",
];

/// Where a credential stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    /// Headers, empty where none is looked at.
    pub(super) headers: Vec<String>,
    pub(super) query: Option<String>,
    pub(super) cookie: Option<String>,
    /// Whether no place is enabled at all.
    pub(super) nowhere: bool,
}

/// What a definition says about JWTs.
#[derive(Debug, Default)]
pub(super) struct Jwt {
    pub(super) signing: String,
    pub(super) source: String,
    /// URLs of key sets, with their `cacheTimeout`.
    pub(super) urls: Vec<(String, Option<Value>)>,
    pub(super) skip_kid: bool,
    pub(super) identity: Vec<String>,
    pub(super) policy_claims: Vec<String>,
    pub(super) client_claim: String,
    pub(super) defaults: Vec<String>,
    pub(super) scope_claims: Vec<String>,
    pub(super) scope_policies: Vec<(String, String)>,
    /// For `exp`, `iat` and `nbf`, in seconds.
    pub(super) skews: [u64; 3],
    pub(super) issuers: Vec<String>,
    pub(super) audiences: Vec<String>,
    pub(super) subjects: Vec<String>,
    pub(super) jti: bool,
    pub(super) custom: Vec<(String, Value)>,
    pub(super) client_mapping: bool,
    pub(super) places: Places,
}

/// A definition.
#[derive(Debug)]
pub(super) struct Definition {
    /// What it is called in the report.
    pub(super) source: String,
    pub(super) form: Form,
    pub(super) raw: Value,
    pub(super) id: String,
    pub(super) org: String,
    /// What it is called, or else its id.
    pub(super) title: String,
    /// Why Tyk does not serve it, if it does not.
    pub(super) off: Option<&'static str>,
    pub(super) keyless: bool,
    pub(super) listen: String,
    pub(super) host: String,
    pub(super) strip: bool,
    pub(super) base: String,
    /// What is enabled, in Tyk's order.
    pub(super) methods: Vec<Method>,
    /// What is switched on by its own field, by that field.
    pub(super) switched_on: Vec<String>,
    /// Who must vouch together; one of these is enough.
    pub(super) branches: Vec<Vec<Method>>,
    /// The name of the JWT scheme of an OAS definition.
    pub(super) scheme: String,
    /// The other JWT schemes, which nobody reads.
    pub(super) other_jwt: Vec<String>,
    /// Whether several JWT schemes are asked, of which Tyk takes one.
    pub(super) several_jwt: bool,
    /// Why its JWT scheme is not asked, if it has one and it is not.
    pub(super) not_asked: Option<String>,
    pub(super) jwt: Jwt,
    pub(super) key_places: Places,
    /// The header of the older block `auth`, where `auth_configs.jwt` takes its place.
    pub(super) legacy_header: Option<String>,
    pub(super) lifetime: bool,
    pub(super) no_rate: bool,
    pub(super) no_quota: bool,
    pub(super) rate: Option<Rate>,
    /// Whether it has a rate that cannot be said here.
    pub(super) odd_rate: bool,
    pub(super) options_pass: bool,
    /// Whether its requests are recorded in detail.
    pub(super) recorded: bool,
    /// The members that say something, and what becomes of them.
    pub(super) members: Vec<Member>,
    /// What was read and has a type that Tyk would not take.
    pub(super) wrong_types: Vec<String>,
}

impl Definition {
    /// A field's name in this definition's form, by its classic name (or, where there is none, by
    /// its OAS name as the table has it).
    pub(super) fn field(&self, name: &str) -> String {
        let name = match self.form {
            Form::Classic => name,
            Form::Oas => fields::oas_name(name),
        };
        joined_all(&fields::expanded(name, &self.scheme))
    }

    /// Whether it can refuse a request for a reason that is not known here, or cannot be said.
    pub(super) fn restricts(&self) -> bool {
        self.odd_rate || self.members.iter().any(Member::restricts)
    }

    /// Whether anybody may call, and nothing in the definition says otherwise.
    pub(super) fn is_public(&self) -> bool {
        self.keyless && self.switched_on.is_empty()
    }

    /// Whether a method must vouch.
    pub(super) fn asks(&self, method: Method) -> bool {
        self.branches.iter().any(|branch| branch.contains(&method))
    }
}

/// An element of a list of key sets: a URL, or an object with one.
pub(super) fn url_of(value: &Value) -> Option<(String, Option<Value>)> {
    let url = value.as_str().or_else(|| value.get("url")?.as_str())?;
    Some((url.to_owned(), value.get("cacheTimeout").cloned()))
}
