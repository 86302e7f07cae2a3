//! A definition as meant, whichever of its two forms it was written in.

use serde_json::Value;
use tollgate::verdict::quoted;

use super::fields;
use super::limits::{Rate, is_odd, rate};
use super::read::{Found, Reader, joined_all};
use super::walk::Member;

/// The two forms of a definition.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    Classic,
    Oas,
}

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

/// Reads a definition; `place` says where it was found.
pub(super) fn read(found: &Found, place: &str) -> Definition {
    let mut definition = match found.oas {
        true => super::oas::read(&found.value),
        false => classic(&found.value),
    };
    if definition.title.is_empty() {
        definition.title.clone_from(&definition.id);
    }
    let form = if found.oas { "OAS" } else { "classic" };
    let name = match definition.title.as_str() {
        "" => "without a name".to_owned(),
        title => quoted(title),
    };
    definition.source = format!("{place}: API {name} ({form})");
    definition.members = super::off::members(&definition);
    definition
}

fn classic(value: &Value) -> Definition {
    let read = Reader::new(value);
    let keyless = read.flag("use_keyless");
    let methods = classic_methods(&read);
    let off = read.flag("global_rate_limit.disabled") || read.flag("disable_rate_limit");
    let limit = (!off)
        .then(|| (read.number("global_rate_limit.rate"), read.number("global_rate_limit.per")));
    let mut definition = Definition {
        source: String::new(),
        form: Form::Classic,
        raw: value.clone(),
        id: read.text("api_id"),
        org: read.text("org_id"),
        title: read.text("name"),
        off: match (read.get("active"), read.flag("active"), read.flag("internal")) {
            (Some(_), false, _) => Some("`active` is false: Tyk does not serve it"),
            (_, _, true) => Some("`internal`: nobody can call it from outside"),
            _ => None,
        },
        keyless,
        listen: read.text("proxy.listen_path"),
        host: match read.flag("domain_disabled") {
            true => String::new(),
            false => read.text("domain"),
        },
        strip: read.flag("strip_auth_data"),
        base: read.text("base_identity_provided_by"),
        switched_on: {
            let on = methods.iter().map(|method| method.switch());
            on.filter(|name| read.flag(name)).map(str::to_owned).collect()
        },
        branches: vec![methods.clone()],
        methods,
        scheme: String::new(),
        other_jwt: Vec::new(),
        several_jwt: false,
        not_asked: None,
        jwt: classic_jwt(&read),
        key_places: classic_places(&read, "authToken"),
        legacy_header: legacy_header(&read),
        lifetime: read.number("session_lifetime").and_then(|n| n.as_f64()).unwrap_or(0.0) > 0.0,
        no_rate: read.flag("disable_rate_limit"),
        no_quota: read.flag("disable_quota"),
        rate: limit.and_then(|(number, per)| rate(number, per)),
        odd_rate: limit.is_some_and(|(number, per)| is_odd(number, per)),
        options_pass: read.flag("CORS.enable") && read.flag("CORS.options_passthrough"),
        members: Vec::new(),
        wrong_types: Vec::new(),
    };
    definition.wrong_types = read.wrong();
    definition
}

fn classic_methods(read: &Reader<'_>) -> Vec<Method> {
    use Method::*;
    let mut methods = Vec::new();
    let all = [Certificate, OAuth, ExternalOAuth, Basic, Hmac, Jwt, OpenId, Custom, Key];
    methods.extend(all.into_iter().filter(|method| read.flag(method.switch())));
    let plugins = ["enable_coprocess_auth", "use_go_plugin_auth"];
    // Each is asked, so that one of a wrong type is noticed.
    let plugins = plugins.iter().filter(|name| read.flag(name)).count();
    if plugins > 0 && !methods.contains(&Custom) {
        methods.push(Custom);
        methods.sort();
    }
    // Where nothing else is enabled, API keys are asked for.
    if methods.iter().all(|method| *method == Certificate) {
        methods.push(Key);
    }
    methods
}

fn classic_jwt(read: &Reader<'_>) -> Jwt {
    let claim = |path: &str| Vec::from_iter(Some(read.text(path)).filter(|name| !name.is_empty()));
    let (scope_claims, scope_policies) = classic_scopes(read);
    let urls = read.list("jwt_jwks_uris").iter();
    Jwt {
        signing: read.text("jwt_signing_method"),
        source: read.text("jwt_source"),
        urls: urls.filter_map(url_of).collect(),
        skip_kid: read.flag("jwt_skip_kid"),
        identity: claim("jwt_identity_base_field"),
        policy_claims: claim("jwt_policy_field_name"),
        client_claim: read.text("jwt_client_base_field"),
        defaults: read.texts("jwt_default_policies"),
        scope_claims,
        scope_policies,
        skews: [
            "jwt_expires_at_validation_skew",
            "jwt_issued_at_validation_skew",
            "jwt_not_before_validation_skew",
        ]
        .map(|path| read.number(path).and_then(|skew| skew.as_u64()).unwrap_or(0)),
        client_mapping: !read.flag("idp_client_id_mapping_disabled"),
        places: classic_places(read, "jwt"),
        ..Jwt::default()
    }
}

/// An element of a list of key sets: a URL, or an object with one.
pub(super) fn url_of(value: &Value) -> Option<(String, Option<Value>)> {
    let url = value.as_str().or_else(|| value.get("url")?.as_str())?;
    Some((url.to_owned(), value.get("cacheTimeout").cloned()))
}

/// The older pair of fields counts only where the whole block `scopes` is empty.
fn classic_scopes(read: &Reader<'_>) -> (Vec<String>, Vec<(String, String)>) {
    let claim = |path: &str| Vec::from_iter(Some(read.text(path)).filter(|name| !name.is_empty()));
    let block = if read.flag("use_openid") { "scopes.oidc" } else { "scopes.jwt" };
    let own = (
        claim(&format!("{block}.scope_claim_name")),
        read.text_members(&format!("{block}.scope_to_policy")),
    );
    let old = (claim("jwt_scope_claim_name"), read.text_members("jwt_scope_to_policy_mapping"));
    if own.0.is_empty() && own.1.is_empty() { old } else { own }
}

/// Where a method's credential stands: by its own entry, or else by the older block.
fn classic_places(read: &Reader<'_>, method: &str) -> Places {
    let own = format!("auth_configs.{method}");
    let block = if read.get(&own).is_some() { own } else { "auth".to_owned() };
    let named = |name: &str| read.text(&format!("{block}.{name}"));
    let header = match named("auth_header_name") {
        empty if empty.is_empty() => "Authorization".to_owned(),
        name => name,
    };
    let or_header = |name: String| if name.is_empty() { header.clone() } else { name };
    let on = |name: &str| read.flag(&format!("{block}.{name}"));
    let query = on("use_param").then(|| or_header(named("param_name")));
    let cookie = on("use_cookie").then(|| or_header(named("cookie_name")));
    let disabled = on("disable_header");
    let nowhere = disabled && query.is_none() && cookie.is_none();
    let mut headers = Vec::new();
    if !disabled {
        headers.push(header);
    }
    Places { headers, query, cookie, nowhere }
}

/// The header of the older block where the newer one hides it.
fn legacy_header(read: &Reader<'_>) -> Option<String> {
    let old = Some(read.text("auth.auth_header_name")).filter(|name| !name.is_empty())?;
    read.get("auth_configs.jwt")?;
    let new = match read.text("auth_configs.jwt.auth_header_name") {
        empty if empty.is_empty() => "Authorization".to_owned(),
        name => name,
    };
    (!new.eq_ignore_ascii_case(&old)).then_some(old)
}
