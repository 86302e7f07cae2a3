//! Classic definitions: what Tyk had before OAS ones.

use serde_json::Value;

use super::definition::{Definition, Jwt, Method, Places, url_of};
use super::fields::Form;
use super::limits::{is_odd, rate};
use super::read::Reader;

pub(super) fn read(value: &Value) -> Definition {
    let read = Reader::new(value);
    let keyless = read.flag("use_keyless");
    let methods = methods(&read);
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
        jwt: jwt(&read),
        key_places: places(&read, "authToken"),
        legacy_header: legacy_header(&read),
        lifetime: read.number("session_lifetime").and_then(|n| n.as_f64()).unwrap_or(0.0) > 0.0,
        no_rate: read.flag("disable_rate_limit"),
        no_quota: read.flag("disable_quota"),
        rate: limit.and_then(|(number, per)| rate(number, per)),
        odd_rate: limit.is_some_and(|(number, per)| is_odd(number, per)),
        options_pass: read.flag("CORS.enable") && read.flag("CORS.options_passthrough"),
        recorded: read.flag("enable_detailed_recording"),
        members: Vec::new(),
        wrong_types: Vec::new(),
    };
    definition.wrong_types = read.wrong();
    definition
}

fn methods(read: &Reader<'_>) -> Vec<Method> {
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

fn jwt(read: &Reader<'_>) -> Jwt {
    let claim = |path: &str| Vec::from_iter(Some(read.text(path)).filter(|name| !name.is_empty()));
    let (scope_claims, scope_policies) = scopes(read);
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
        places: places(read, "jwt"),
        ..Jwt::default()
    }
}

/// The older pair of fields counts only where the whole block `scopes` is empty.
fn scopes(read: &Reader<'_>) -> (Vec<String>, Vec<(String, String)>) {
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
fn places(read: &Reader<'_>, method: &str) -> Places {
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
