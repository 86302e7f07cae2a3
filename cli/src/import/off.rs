//! What of a definition Tyk does not look at, because a switch beside it is off: such members say
//! nothing, whatever stands in them.
//!
//! A switch inside of what it switches is in the table of members.

use serde_json::{Map, Value};

use super::definition::{Definition, Method};
use super::fields::{self, Fate, Form};
use super::read::joined;
use super::walk::{self, Member};

/// What belongs to a method, and counts only where the method is on.
const OF_METHODS: &[(Method, &[&str])] = &[
    (Method::Certificate, &["client_certificates"]),
    (Method::OAuth, &["oauth_meta", "notifications", "auth_configs.oauth"]),
    (Method::ExternalOAuth, &["external_oauth", "auth_configs.externalOAuth"]),
    (Method::Basic, &["basic_auth", "auth_configs.basic"]),
    (Method::Hmac, &["hmac_allowed_clock_skew", "hmac_allowed_algorithms", "auth_configs.hmac"]),
    (
        Method::Jwt,
        &[
            "auth_configs.jwt",
            "idp_client_id_mapping_disabled",
            "jwt_client_base_field",
            "jwt_default_policies",
            "jwt_disable_expires_at_validation",
            "jwt_disable_issued_at_validation",
            "jwt_disable_not_before_validation",
            "jwt_expires_at_validation_skew",
            "jwt_identity_base_field",
            "jwt_issued_at_validation_skew",
            "jwt_jwks_uris",
            "jwt_not_before_validation_skew",
            "jwt_policy_field_name",
            "jwt_scope_claim_name",
            "jwt_scope_to_policy_mapping",
            "jwt_signing_method",
            "jwt_skip_kid",
            "jwt_source",
            "scopes.jwt",
        ],
    ),
    (Method::OpenId, &["openid_options", "scopes.oidc", "auth_configs.oidc"]),
    (
        Method::Custom,
        &[
            "custom_middleware.auth_check",
            "custom_middleware.id_extractor",
            "auth_configs.coprocess",
        ],
    ),
    (Method::Key, &["auth_configs.authToken"]),
];

/// The members of a definition that say something.
pub(super) fn members(definition: &Definition) -> Vec<Member> {
    let mut value = definition.raw.clone();
    match definition.form {
        Form::Classic => classic(&mut value, definition),
        Form::Oas => oas(&mut value, definition),
    }
    let rows = fields::of_definition();
    let mut members = walk::members(&value, rows, definition.form, &definition.scheme);
    if definition.form == Form::Classic && has_versions(&value) {
        let versions = "version_data.versions";
        let row = rows.iter().find(|row| row.classic.text == versions);
        members.extend(row.map(|row| Member::new(versions, row.fate)));
    }
    if members.iter().any(|member| member.path.ends_with(".scopeCheck")) {
        asked_scopes(&mut members);
    }
    loops(&value, String::new(), &mut members);
    if definition.several_jwt {
        let fate = "one of them is asked at random: keep one JWT scheme, or write an API for each";
        members.push(Member::new("components.securitySchemes", Fate::Shut(fate)));
    }
    members
}

/// Where scopes are checked, what an operation asks for is read.
fn asked_scopes(members: &mut [Member]) {
    let fate = "scopes that `scopeCheck` asks for: write them into the `apis[].scopes` of an API for \
                this path";
    let own = |member: &&mut Member| {
        member.path.starts_with("paths") && member.path.ends_with(".security")
    };
    for member in members.iter_mut().filter(own) {
        *member = Member::new(member.path.clone(), Fate::Shut(fate));
    }
}

/// Where requests go on to another API of Tyk, in whichever member that stands: a target, a rewriting.
fn loops(value: &Value, path: String, found: &mut Vec<Member>) {
    match value {
        Value::String(text) if text.to_ascii_lowercase().starts_with("tyk://") => {
            let fate = "requests go on to another API of Tyk, which decides as well: let `match` of \
                        that API take them";
            found.push(Member::new(path, Fate::Shut(fate)));
        }
        Value::Object(members) => {
            for (name, value) in members {
                loops(value, joined(&path, name), found);
            }
        }
        Value::Array(list) => {
            for (place, one) in list.iter().enumerate() {
                loops(one, format!("{path}[{place}]"), found);
            }
        }
        _ => {}
    }
}

/// Whether requests must name a version.
fn has_versions(value: &Value) -> bool {
    let data = value.get("version_data");
    let versions = data.and_then(|data| data.get("versions")).and_then(Value::as_object);
    versions.is_some_and(|versions| !versions.is_empty())
        && data.is_some_and(|data| !flag(data, "not_versioned"))
}

fn flag(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or(false)
}

/// Takes a member out, by its path.
fn take(value: &mut Value, path: &str) {
    let (parent, name) = match path.rsplit_once('.') {
        Some((parent, name)) => (format!("/{}", parent.replace('.', "/")), name),
        None => (String::new(), path),
    };
    if let Some(members) = value.pointer_mut(&parent).and_then(Value::as_object_mut) {
        members.remove(name);
    }
}

fn classic(value: &mut Value, definition: &Definition) {
    for (method, paths) in OF_METHODS {
        if !definition.methods.contains(method) || definition.is_public() {
            paths.iter().for_each(|path| take(value, path));
        }
    }
    // The older block speaks for the methods without an entry of their own.
    let has_entry = |value: &Value, method: &str| {
        value.get("auth_configs").and_then(|all| all.get(method)).is_some_and(|one| !one.is_null())
    };
    let spoken_for = [(Method::Jwt, "jwt"), (Method::Key, "authToken")]
        .iter()
        .all(|(method, name)| has_entry(value, name) || !definition.methods.contains(method));
    if definition.is_public() || (spoken_for && definition.legacy_header.is_none()) {
        take(value, "auth");
    } else if !definition.methods.contains(&Method::Key) || has_entry(value, "authToken") {
        ["auth.use_certificate", "auth.validate_signature", "auth.signature"]
            .iter()
            .for_each(|path| take(value, path));
    }
    addresses(value);
    if flag(value, "custom_middleware_bundle_disabled") {
        take(value, "custom_middleware_bundle");
    }
    if flag(value, "error_overrides_disabled") {
        take(value, "error_overrides");
    }
    if never_ends(value.get("expiration")) {
        take(value, "expiration");
    }
    if value.get("protocol").and_then(Value::as_str).is_some_and(is_http) {
        take(value, "protocol");
    }
    versions(value);
}

/// Lists of addresses count unless they are switched off, and no switch of their own is on.
fn addresses(value: &mut Value) {
    let lists =
        [("allowed_ips", "enable_ip_whitelisting"), ("blacklisted_ips", "enable_ip_blacklisting")];
    for (list, switch) in lists {
        if flag(value, "ip_access_control_disabled") && !flag(value, switch) {
            take(value, list);
        }
    }
}

fn is_http(protocol: &str) -> bool {
    ["", "http", "https", "h2c"].contains(&protocol)
}

/// Whether a date of Tyk is none, or further away than anybody plans.
fn never_ends(date: Option<&Value>) -> bool {
    let Some(text) = date.and_then(Value::as_str) else { return date.is_none_or(Value::is_null) };
    let year = text.split('-').next().and_then(|year| year.parse::<u32>().ok());
    matches!(text, "" | "-1") || year.is_some_and(|year| (2_200..=9_999).contains(&year))
}

fn versions(value: &mut Value) {
    let named = value.get("definition").is_some_and(|own| flag(own, "enabled"));
    let Some(data) = value.get_mut("version_data") else { return };
    let one_for_all = flag(data, "not_versioned");
    if one_for_all && !named {
        take(data, "default_version");
    }
    if let Some(versions) = data.get_mut("versions").and_then(Value::as_object_mut) {
        // Of several the one counts that is called so.
        if one_for_all && versions.len() > 1 {
            versions.retain(|name, _| ["Default", "default", ""].contains(&name.as_str()));
        }
        versions.values_mut().for_each(version);
    }
    if one_for_all && !named {
        take(value, "definition");
    }
}

fn version(version: &mut Value) {
    match version.get("use_extended_paths") {
        Some(Value::Bool(true)) => take(version, "paths"),
        None | Some(Value::Null | Value::Bool(false)) => take(version, "extended_paths"),
        // Nobody knows what it says.
        Some(_) => {}
    }
    if never_ends(version.get("expires")) {
        take(version, "expires");
    }
    let limits = version.pointer("/extended_paths/size_limits");
    let sized = limits.is_some_and(|limits| !walk::is_empty(limits));
    if flag(version, "global_size_limit_disabled") && !sized {
        take(version, "global_size_limit");
    }
    let ignored = version.pointer_mut("/extended_paths/ignored").and_then(Value::as_array_mut);
    for one in ignored.into_iter().flatten().filter_map(Value::as_object_mut) {
        if one.get("method_actions").is_some_and(passes) {
            one.remove("method_actions");
        }
    }
}

/// Whether actions of methods do no more than name the methods.
fn passes(actions: &Value) -> bool {
    let plain = |action: &Value| action.get("action").and_then(Value::as_str) == Some("no_action");
    actions.as_object().is_some_and(|all: &Map<String, Value>| all.values().all(plain))
}

fn oas(value: &mut Value, definition: &Definition) {
    let extension = |name: &String| name.starts_with("x-") && !name.starts_with("x-tyk");
    if let Some(members) = value.as_object_mut() {
        members.retain(|name, _| !extension(name));
    }
    let own = "/x-tyk-api-gateway";
    if never_ends(value.pointer(&format!("{own}/info/expiration"))) {
        take(value, "x-tyk-api-gateway.info.expiration");
    }
    let protocol = value.pointer(&format!("{own}/server/protocol")).and_then(Value::as_str);
    if protocol.is_some_and(is_http) {
        take(value, "x-tyk-api-gateway.server.protocol");
    }
    // JWT schemes beside the one that is asked are not read.
    let schemes = value.pointer_mut(&format!("{own}/server/authentication/securitySchemes"));
    if let Some(schemes) = schemes.and_then(Value::as_object_mut) {
        schemes.retain(|name, _| !definition.other_jwt.contains(name));
    }
    if definition.is_public() {
        take(value, "x-tyk-api-gateway.server.authentication");
    }
}
