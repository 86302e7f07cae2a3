//! Every field has an outcome that is told, and whatever is combined, what comes out is accepted.

use serde_json::{Value, json};
use tollgate_cli::Exit;

use super::support::world::{Worker, World, head};
use super::{
    SCHEME, base64, classic, file, import, oas, oas_auth, oas_with, policies, policy, tyk, with,
};

/// Fields of a classic definition: what is written, the field that is told, the kind, and a word of
/// the message.
fn classic_fields() -> Vec<(Value, &'static str, &'static str, &'static str)> {
    let skew = "jwt_not_before_validation_skew";
    vec![
        (json!({}), "enable_jwt", "changed", "kind `jwt`"),
        (json!({}), "auth_configs.jwt.auth_header_name", "taken", "`Bearer` or without one"),
        (
            json!({ "auth_configs": { "jwt": { "auth_header_name": "X-T" } } }),
            "auth_configs.jwt.auth_header_name",
            "taken",
            "`x-t`",
        ),
        (
            json!({ "auth_configs": { "jwt": { "use_param": true } } }),
            "auth_configs.jwt.use_param",
            "changed",
            "credential_multiple",
        ),
        (
            json!({ "auth_configs": { "jwt": { "use_cookie": true } } }),
            "auth_configs.jwt.use_cookie",
            "fill_in",
            "from[].origins",
        ),
        (
            json!({ "auth_configs": { "jwt": { "auth_header_name": "Host" } } }),
            "auth_configs.jwt.auth_header_name",
            "not_supported",
            "cannot be read here",
        ),
        (json!({ "strip_auth_data": true }), "strip_auth_data", "taken", "upstream.credential"),
        (json!({ "strip_auth_data": false }), "strip_auth_data", "taken", "keep"),
        (json!({}), "jwt_signing_method", "changed", "RSA"),
        (json!({ "jwt_signing_method": "ecdsa" }), "jwt_signing_method", "changed", "ECDSA"),
        (json!({}), "jwt_source", "taken", "jwks.url"),
        (
            json!({ "jwt_signing_method": "hmac", "jwt_source": base64(&"s".repeat(64)) }),
            "jwt_source",
            "changed",
            "secret.base64",
        ),
        (
            json!({ "jwt_signing_method": "hmac", "jwt_source": "env://KEY" }),
            "jwt_source",
            "changed",
            "secret.env",
        ),
        (json!({ "jwt_source": "" }), "jwt_source", "fill_in", "secret of its own in Redis"),
        (json!({ "jwt_skip_kid": true }), "jwt_skip_kid", "changed", "never an identity"),
        (
            json!({ "jwt_expires_at_validation_skew": 5 }),
            "jwt_expires_at_validation_skew",
            "changed",
            "clock_skew",
        ),
        (
            json!({ "jwt_issued_at_validation_skew": 5 }),
            "jwt_issued_at_validation_skew",
            "changed",
            "clock_skew",
        ),
        (json!({ skew: 5 }), skew, "changed", "clock_skew"),
        (
            json!({ "jwt_disable_expires_at_validation": true }),
            "jwt_disable_expires_at_validation",
            "elsewhere",
            "allow_no_expiry",
        ),
        (json!({}), "jwt_identity_base_field", "taken", "claims.identity"),
        (
            json!({ "jwt_identity_base_field": "uid" }),
            "jwt_identity_base_field",
            "changed",
            "`sub` does not take its place",
        ),
        (
            json!({ "idp_client_id_mapping_disabled": true }),
            "idp_client_id_mapping_disabled",
            "changed",
            "claims.client",
        ),
        (
            json!({ "enable_context_vars": true }),
            "enable_context_vars",
            "not_supported",
            "upstream.headers",
        ),
        (json!({ "jwt_policy_field_name": "pol" }), "jwt_policy_field_name", "taken", "from_claim"),
        (
            json!({ "jwt_client_base_field": "cid" }),
            "jwt_client_base_field",
            "not_supported",
            "by_client",
        ),
        (json!({}), "jwt_default_policies", "taken", "apis[].policies.default"),
        (
            json!({ "scopes": { "jwt": { "scope_to_policy": { "a": "read" } } } }),
            "jwt_default_policies",
            "fill_in",
            "left out",
        ),
        (
            json!({ "scopes": { "jwt": { "scope_claim_name": "scp" } } }),
            "scopes.jwt.scope_claim_name",
            "taken",
            "claims.scopes",
        ),
        (
            json!({ "scopes": { "jwt": { "scope_to_policy": { "a": "read" } } } }),
            "scopes.jwt.scope_to_policy",
            "taken",
            "by_scope",
        ),
        (
            json!({ "scopes": { "jwt": { "scope_to_policy": { "a b": "read" } } } }),
            "scopes.jwt.scope_to_policy",
            "not_supported",
            "no token can have",
        ),
        (
            json!({ "jwt_scope_claim_name": "scp" }),
            "jwt_scope_claim_name",
            "taken",
            "claims.scopes",
        ),
        (
            json!({ "jwt_scope_to_policy_mapping": { "a": "read" } }),
            "jwt_scope_to_policy_mapping",
            "taken",
            "by_scope",
        ),
        (json!({}), "session_lifetime", "changed", "policies.*.expires_after"),
        (
            json!({ "session_lifetime_respects_key_expiration": true }),
            "session_lifetime_respects_key_expiration",
            "changed",
            "sessions.capacity",
        ),
        (
            json!({ "version_data": { "not_versioned": false, "versions": { "v2": { "name": "v2" } } } }),
            "version_data.versions",
            "fill_in",
            "an API for each version",
        ),
        (
            json!({ "version_data": { "versions": { "Default": { "use_extended_paths": true, "extended_paths": { "ignored": [{ "path": "/x" }] } } } } }),
            "version_data.versions.Default.extended_paths.ignored",
            "not_supported",
            "\"auth\": \"none\"",
        ),
        (
            json!({ "version_data": { "versions": { "Default": { "use_extended_paths": true, "extended_paths": { "black_list": [{ "path": "/x" }] } } } } }),
            "version_data.versions.Default.extended_paths.black_list",
            "fill_in",
            "RBAC",
        ),
        (
            json!({ "version_data": { "versions": { "Default": { "use_extended_paths": true, "extended_paths": { "rate_limit": [{ "path": "/x" }] } } } } }),
            "version_data.versions.Default.extended_paths.rate_limit",
            "fill_in",
            "an API of its own",
        ),
        (json!({ "disable_rate_limit": true }), "disable_rate_limit", "taken", "without `rate`"),
        (json!({ "disable_quota": true }), "disable_quota", "taken", "without `quota`"),
        (
            json!({ "global_rate_limit": { "rate": 5, "per": 1 } }),
            "global_rate_limit",
            "changed",
            "apis[].rate",
        ),
        (json!({}), "base_identity_provided_by", "taken", "not needed"),
        (
            json!({ "use_standard_auth": true }),
            "use_standard_auth",
            "fill_in",
            "hash-key --generate",
        ),
        (
            json!({ "use_standard_auth": true }),
            "base_identity_provided_by",
            "taken",
            "session_from",
        ),
        (json!({ "use_basic_auth": true }), "use_basic_auth", "fill_in", "stands in"),
        (
            json!({ "enable_signature_checking": true }),
            "enable_signature_checking",
            "fill_in",
            "stands in",
        ),
        (json!({ "use_oauth2": true }), "use_oauth2", "fill_in", "stands in"),
        (json!({ "use_openid": true }), "use_openid", "fill_in", "stands in"),
        (
            json!({ "external_oauth": { "enabled": true } }),
            "external_oauth.enabled",
            "fill_in",
            "stands in",
        ),
        (
            json!({ "custom_plugin_auth_enabled": true }),
            "custom_plugin_auth_enabled",
            "fill_in",
            "stands in",
        ),
        (json!({ "use_mutual_tls_auth": true }), "use_mutual_tls_auth", "fill_in", "stands in"),
        (
            json!({ "use_mutual_tls_auth": true, "client_certificates": ["a"] }),
            "client_certificates",
            "not_supported",
            "a method that is not done here",
        ),
        (
            json!({ "CORS": { "enable": true, "options_passthrough": true } }),
            "CORS.options_passthrough",
            "changed",
            "cors_preflight",
        ),
        (json!({ "CORS": { "enable": true } }), "CORS", "elsewhere", "cors filter"),
        (json!({ "enable_ip_whitelisting": true }), "enable_ip_whitelisting", "fill_in", "RBAC"),
        (json!({ "allowed_ips": ["10.0.0.1"] }), "allowed_ips", "fill_in", "RBAC"),
        (
            json!({ "error_overrides": { "403": [{}, 1] } }),
            "error_overrides",
            "not_supported",
            "deny-codes",
        ),
        (
            json!({ "custom_middleware": { "driver": "otto", "pre": [{ "name": "a" }] } }),
            "custom_middleware.pre",
            "fill_in",
            "ext_authz",
        ),
        (json!({}), "proxy.listen_path", "taken", "match.paths"),
        (
            json!({ "proxy": { "listen_path": "/orders" } }),
            "proxy.listen_path",
            "changed",
            "whole segments",
        ),
        (
            json!({ "proxy": { "listen_path": "/orders/{a:[0-9]+}/" } }),
            "proxy.listen_path",
            "fill_in",
            "narrow",
        ),
        (json!({ "domain": "api.example.com" }), "domain", "taken", "match.hosts"),
        (json!({ "domain": "{a:x+}.example.com" }), "domain", "fill_in", "every host"),
        (
            json!({ "jwt_isued_at_validation_skew": 5 }),
            "jwt_isued_at_validation_skew",
            "fill_in",
            "did you mean `jwt_issued_at_validation_skew`?",
        ),
        (json!({ "nonsense": 5 }), "nonsense", "fill_in", "it may refuse requests"),
        (
            json!({ "auth_configs": { "jwt": { "header": "x" } } }),
            "auth_configs.jwt.header",
            "fill_in",
            "unknown",
        ),
        (
            json!({ "use_basic_auth": true, "auth_configs": { "basic": { "auth_header_name": "x" } } }),
            "auth_configs.basic",
            "not_supported",
            "a method that is not done here",
        ),
        (
            json!({ "response_processors": [{ "name": "x" }], "cache_options": { "enable_cache": true } }),
            "cache_options, response_processors",
            "elsewhere",
            "other filters of Envoy",
        ),
    ]
}

#[test]
fn every_field_of_a_classic_definition_is_told() {
    for (changes, field, kind, word) in classic_fields() {
        let outcome = tyk(&with(&classic(), &changes), &policies(), &[]);
        let said = outcome.about(field);
        let right =
            said.iter().any(|said| said.starts_with(&format!("{kind}: ")) && said.contains(word));
        assert!(right, "{changes} {field}: {said:?}");
    }
}

#[test]
fn every_field_of_an_oas_definition_is_told() {
    let jwt = |field: &str| format!("{SCHEME}.{field}");
    let x = |field: &str| format!("x-tyk-api-gateway.{field}");
    let ext = |changes: Value| with(&oas(), &json!({ "x-tyk-api-gateway": changes }));
    let rows = vec![
        (oas(), jwt("enabled"), "changed", "kind `jwt`"),
        (oas(), jwt("jwksURIs"), "taken", "jwks.url"),
        (
            oas_with(
                json!({ "jwksURIs": [{ "url": "https://a.example/k", "cacheTimeout": "5m" }] }),
            ),
            format!("{}[].cacheTimeout", jwt("jwksURIs")),
            "taken",
            "\"5m\"",
        ),
        (oas(), jwt("header"), "taken", "`Bearer` or without one"),
        (
            oas_with(json!({ "query": { "enabled": true, "name": "t" } })),
            jwt("query"),
            "changed",
            "credential_multiple",
        ),
        (
            oas_with(json!({ "cookie": { "enabled": true, "name": "t" } })),
            jwt("cookie"),
            "fill_in",
            "origins",
        ),
        (oas(), jwt("signingMethod"), "changed", "RSA"),
        (oas(), jwt("subjectClaims"), "taken", "claims.identity"),
        (
            oas_with(json!({ "basePolicyClaims": ["pol"] })),
            jwt("basePolicyClaims"),
            "taken",
            "claims.policies",
        ),
        (
            oas_with(json!({ "clientBaseField": "cid" })),
            jwt("clientBaseField"),
            "not_supported",
            "by_client",
        ),
        (oas(), jwt("defaultPolicies"), "taken", "default"),
        (
            oas_with(
                json!({ "scopes": { "claims": ["scp"], "scopeToPolicyMapping": [{ "scope": "a", "policyId": "read" }] } }),
            ),
            jwt("scopes.scopeToPolicyMapping"),
            "taken",
            "by_scope",
        ),
        (oas(), jwt("allowedIssuers"), "taken", "as exactly"),
        (oas(), jwt("allowedAudiences"), "taken", "audiences"),
        (
            oas_with(json!({ "allowedSubjects": ["a"] })),
            jwt("allowedSubjects"),
            "changed",
            "require",
        ),
        (
            oas_with(json!({ "jtiValidation": { "enabled": true } })),
            jwt("jtiValidation"),
            "taken",
            "require",
        ),
        (
            oas_with(json!({ "customClaimValidation": { "a": { "type": "required" } } })),
            jwt("customClaimValidation.a"),
            "taken",
            "not null",
        ),
        (
            oas_with(
                json!({ "customClaimValidation": { "a": { "type": "contains", "allowedValues": ["x"] } } }),
            ),
            jwt("customClaimValidation.a"),
            "changed",
            "contains_any",
        ),
        (
            oas_with(
                json!({ "customClaimValidation": { "a": { "type": "exact_match", "allowedValues": [1.5] } } }),
            ),
            jwt("customClaimValidation.a"),
            "not_supported",
            "fractions",
        ),
        (
            oas_with(
                json!({ "customClaimValidation": { "a": { "type": "required", "nonBlocking": true } } }),
            ),
            jwt("customClaimValidation.a"),
            "not_supported",
            "report",
        ),
        (
            oas_with(json!({ "customClaimValidation": { "a": { "type": "odd" } } })),
            jwt("customClaimValidation.a"),
            "fill_in",
            "no known type",
        ),
        (
            oas_with(json!({ "expiresAtValidationSkew": 5 })),
            jwt("expiresAtValidationSkew"),
            "changed",
            "clock_skew",
        ),
        (
            oas_with(json!({ "idpClientIdMappingDisabled": true })),
            jwt("idpClientIdMappingDisabled"),
            "changed",
            "claims.client",
        ),
        (
            oas_with(json!({ "alowedIssuers": ["a"] })),
            jwt("alowedIssuers"),
            "fill_in",
            "did you mean `allowedIssuers`?",
        ),
        (
            oas_auth(json!({ "securityProcessingMode": "legacy" })),
            x("server.authentication.securityProcessingMode"),
            "changed",
            "tried as written",
        ),
        (oas(), x("server.authentication.customKeyLifetime"), "changed", "expires_after"),
        (oas(), x("server.authentication.stripAuthorizationData"), "taken", "strip"),
        (oas(), x("server.authentication.baseIdentityProvider"), "taken", "not needed"),
        (
            oas_auth(json!({ "custom": { "enabled": true } })),
            x("server.authentication.custom"),
            "fill_in",
            "stands in",
        ),
        (
            ext(json!({ "middleware": { "global": { "contextVariables": { "enabled": true } } } })),
            x("middleware.global.contextVariables"),
            "not_supported",
            "upstream.headers",
        ),
        (
            ext(json!({ "middleware": { "global": { "skipRateLimit": true } } })),
            x("middleware.global.skipRateLimit"),
            "taken",
            "rate",
        ),
        (
            ext(
                json!({ "middleware": { "operations": { "op": { "ignoreAuthentication": { "enabled": true } } } } }),
            ),
            x("middleware.operations.op.ignoreAuthentication"),
            "not_supported",
            "\"auth\": \"none\"",
        ),
        (
            ext(
                json!({ "upstream": { "rateLimit": { "enabled": true, "rate": 5, "per": "1m" } } }),
            ),
            x("upstream.rateLimit"),
            "changed",
            "apis[].rate",
        ),
        (
            ext(json!({ "server": { "customDomain": { "enabled": true, "name": "a.example" } } })),
            x("server.customDomain.name"),
            "taken",
            "match.hosts",
        ),
        (
            ext(json!({ "server": { "ipAccessControl": { "enabled": true } } })),
            x("server.ipAccessControl"),
            "fill_in",
            "RBAC",
        ),
    ];
    for (definition, field, kind, word) in rows {
        let outcome = tyk(&definition, &policies(), &[]);
        let said = outcome.about(&field);
        let right =
            said.iter().any(|said| said.starts_with(&format!("{kind}: ")) && said.contains(word));
        assert!(right, "{field} {kind} {word}: {said:?}");
    }
}

#[test]
fn every_field_of_a_policy_is_told() {
    let right = |changes: Value| json!({ "access_rights": { "a1": changes } });
    let rows = [
        (json!({}), "access_rights.a1.versions", "changed", "an API with versions is held shut"),
        (json!({ "is_inactive": true }), "is_inactive", "taken", "active"),
        (json!({}), "active", "changed", "is_inactive"),
        (json!({ "rate": 5 }), "rate", "changed", "even pace"),
        (json!({ "rate": -1 }), "rate", "taken", "unlimited"),
        (json!({ "quota_max": 5, "quota_renewal_rate": 60 }), "quota_max", "changed", "429"),
        (
            json!({ "quota_max": 5, "quota_renewal_rate": 0 }),
            "quota_max",
            "changed",
            "never renews",
        ),
        (json!({ "quota_max": -1 }), "quota_max", "taken", "unlimited"),
        (json!({ "key_expires_in": 60 }), "key_expires_in", "changed", "expires_after"),
        (
            json!({ "post_expiry_action": "delete" }),
            "post_expiry_action",
            "changed",
            "sessions.capacity",
        ),
        (
            json!({ "partitions": { "rate_limit": true } }),
            "partitions.acl",
            "changed",
            "no token has",
        ),
        (
            json!({ "partitions": { "per_api": true } }),
            "partitions.per_api",
            "changed",
            "each `access` entry",
        ),
        (json!({ "tags": ["a,b"] }), "tags", "not_supported", "no safe header value"),
        (json!({ "meta_data": { "a": 1 } }), "meta_data.a", "not_supported", "left out"),
        (
            json!({ "rate": 5, "meta_data": { "rate_limit_pattern": "$tyk_context.jwt_claims_azp" } }),
            "meta_data.rate_limit_pattern",
            "changed",
            "limit_by",
        ),
        (
            json!({ "rate": 5, "meta_data": { "rate_limit_pattern": "$tyk_meta.dev" } }),
            "meta_data.rate_limit_pattern",
            "fill_in",
            "by identity",
        ),
        (json!({ "throttle_interval": 5 }), "throttle_interval", "not_supported", "Retry-After"),
        (
            json!({ "access_rights": { "a9": { "api_id": "a9" } } }),
            "access_rights.a9",
            "not_supported",
            "not among those imported",
        ),
        (
            right(json!({ "allowed_urls": [{ "url": "/a", "methods": ["GET"] }] })),
            "access_rights.a1.allowed_urls[0]",
            "changed",
            "`/orders/a/**`",
        ),
        (
            right(json!({ "allowed_urls": [{ "url": "/a+", "methods": ["GET"] }] })),
            "access_rights.a1.allowed_urls[0]",
            "not_supported",
            "left out",
        ),
        (
            right(json!({ "limit": { "rate": 5, "per": 1 } })),
            "access_rights.a1.limit.rate",
            "changed",
            "beside the policy's own",
        ),
        (
            right(json!({ "limit": { "quota_max": -1 } })),
            "access_rights.a1.limit.quota_max",
            "changed",
            "unlimited for this API",
        ),
        (
            right(json!({ "limit": { "quota_max": 5, "quota_renewal_rate": 60 } })),
            "access_rights.a1.limit.quota_max",
            "changed",
            "quota",
        ),
        (
            right(
                json!({ "endpoints": [{ "path": "/a", "methods": [{ "name": "GET", "limit": { "rate": 1, "per": 1 } }] }] }),
            ),
            "access_rights.a1.endpoints[0]",
            "changed",
            "its `rate`",
        ),
        (json!({ "quota_mx": 5 }), "quota_mx", "fill_in", "did you mean `quota_max`?"),
    ];
    for (changes, field, kind, word) in rows {
        let outcome = tyk(&classic(), &json!({ "p1": policy(changes.clone()) }), &[]);
        let said = outcome.about(field);
        let right =
            said.iter().any(|said| said.starts_with(&format!("{kind}: ")) && said.contains(word));
        assert!(right, "{changes} {field}: {said:?}");
    }
}

#[test]
fn quotas_of_several_apis_become_the_smallest() {
    let second = with(
        &classic(),
        &json!({ "api_id": "a2", "name": "files", "proxy": { "listen_path": "/files/" } }),
    );
    let limit = |max: u64| json!({ "limit": { "quota_max": max, "quota_renewal_rate": 60, "rate": 7, "per": 1 } });
    let both = policy(json!({
        "rate": 5, "partitions": { "per_api": true },
        "access_rights": { "a1": limit(9), "a2": with(&limit(4), &json!({ "api_id": "a2" })) },
    }));
    let outcome = tyk(&json!([classic(), second]), &json!({ "p1": both }), &[]);
    let policy = outcome.config()["policies"]["p1"].clone();
    assert_eq!(policy["quota"], json!({ "requests": 4, "per": "1m" }));
    assert!(policy.get("rate").is_none(), "{policy}");
    assert_eq!(policy["access"][0]["rate"]["requests"], 7);
    let said = outcome.about("access_rights.a1.limit.quota_max").concat();
    assert!(said.contains("write a policy for each"), "{said}");
}

#[test]
fn a_policy_with_more_limits_than_counters_keeps_those_that_fit() {
    let endpoint = |n: u32| json!({ "path": format!("/a{n}"), "methods": [{ "name": "GET", "limit": { "rate": 1, "per": 1 } }] });
    let many: Vec<_> = (0..20).map(endpoint).collect();
    let policy = policy(
        json!({ "rate": 5, "quota_max": 5, "quota_renewal_rate": 5, "access_rights": { "a1": { "endpoints": many } } }),
    );
    let outcome = tyk(&classic(), &json!({ "p1": policy }), &[]);
    assert_eq!(outcome.exit, Exit::Fine);
    let access = outcome.config()["policies"]["p1"]["access"].as_array().unwrap().clone();
    assert_eq!(access.iter().filter(|entry| entry.get("rate").is_some()).count(), 14);
    assert!(
        outcome
            .about("access_rights.a1")
            .concat()
            .contains("more limits than a caller has counters for")
    );
}

#[test]
fn metadata_that_contradicts_itself_is_left_out() {
    let definition = with(&classic(), &json!({ "jwt_default_policies": ["p1", "read"] }));
    let both = json!({
        "p1": policy(json!({ "meta_data": { "tier": "1", "team": "a" } })),
        "read": policy(json!({ "meta_data": { "tier": "2", "team": "a" } })),
    });
    let outcome = tyk(&definition, &both, &[]);
    assert_eq!(outcome.config()["policies"]["p1"]["metadata"], json!({ "team": "a" }));
    assert!(outcome.about("meta_data.tier").concat().contains("different values"));
}

/// Whatever two things a definition says at once: what comes out is accepted, or nothing does; and
/// nobody without a credential passes where the definition asks for one.
#[test]
fn whatever_is_combined_is_accepted_and_opens_nothing() {
    let mut all: Vec<Value> = classic_fields().into_iter().map(|(changes, ..)| changes).collect();
    all.push(json!({ "use_keyless": true }));
    all.push(json!({ "jwt_default_policies": [] }));
    all.push(json!({ "base_identity_provided_by": "" }));
    all.push(json!({ "jwt_jwks_uris": [{ "url": "https://a.example/k" }, "https://b.example/k"] }));
    all.push(json!({ "auth_configs": { "jwt": null, "authToken": { "auth_header_name": "Authorization", "use_param": true, "param_name": "k" } } }));
    all.push(json!({ "enable_jwt": false }));
    all.dedup();
    let policies = json!({
        "p1": policy(json!({ "rate": 5, "meta_data": { "a": "1" }, "tags": ["a"] })),
        "Read Only": policy(json!({ "partitions": { "acl": true } })),
        "read": policy(json!({ "meta_data": { "a": "2" } })),
    });
    let mut imported = 0;
    for (place, one) in all.iter().enumerate() {
        for other in &all[place..] {
            let definition = with(&with(&classic(), one), other);
            let outcome = tyk(&definition, &policies, &[]);
            if outcome.exit != Exit::Fine {
                assert!(outcome.out.is_empty() && outcome.exit == Exit::Problems, "{one} {other}");
                assert!(
                    !outcome.err.contains("what came out is refused"),
                    "{one} {other}: {}",
                    outcome.err
                );
                continue;
            }
            imported += 1;
            let config = outcome.config();
            let public = config["apis"][0]["auth"] == "none";
            let open = definition["use_keyless"] == true
                && definition["enable_jwt"] != true
                && methods(&definition) == 0;
            // What is open may be held shut by something else, and never the other way round.
            assert!(open || !public, "{one} {other}");
            let held = config["apis"][0]["auth"] == json!(["fill-in"]);
            assert_eq!(open, public || held, "{one} {other}");
            let has_env = config.to_string().contains("\"env\":");
            if !public && !has_env {
                let world = World::default();
                let mut worker = Worker::new(&world, &config.to_string());
                for path in ["/orders/7", "/orders", "/"] {
                    let stream = worker.request(head("GET", path, &[]));
                    assert_ne!(worker.verdict(stream), "forwarded", "{one} {other}");
                }
            }
        }
    }
    assert!(imported > 1000, "{imported}");
}

/// How many methods a definition switches on.
fn methods(definition: &Value) -> usize {
    let names = [
        "use_standard_auth",
        "use_basic_auth",
        "enable_signature_checking",
        "use_oauth2",
        "use_openid",
        "custom_plugin_auth_enabled",
        "use_mutual_tls_auth",
    ];
    let own = names.iter().filter(|name| definition[**name] == true).count();
    own + usize::from(definition["external_oauth"]["enabled"] == true)
}

#[test]
fn nothing_of_an_api_that_is_left_out_is_said_to_be_taken_over() {
    let rights = json!({ "a9": { "api_id": "a9", "versions": ["Default"], "limit": { "rate": 5, "per": 1 },
        "allowed_urls": [{ "url": "/a", "methods": ["GET"] }] } });
    let more = json!({ "p1": { "access_rights": rights } });
    let outcome = tyk(&classic(), &with(&policies(), &more), &["--audience", "api"]);
    let fields = outcome.findings().into_iter().filter_map(|one| {
        let field = one["field"].as_str()?.to_owned();
        field.contains("a9").then_some((field, one["kind"].as_str()?.to_owned()))
    });
    let fields: Vec<_> = fields.collect();
    assert_eq!(fields, [("access_rights.a9".to_owned(), "not_supported".to_owned())]);
}

#[test]
fn a_definition_without_a_name_and_a_key_without_a_place_are_called_so() {
    let change = json!({ "name": null, "api_id": null, "jwt_source": "no key" });
    let definition = file(&with(&classic(), &change).to_string());
    let outcome = import(&[&definition]);
    assert!(outcome.err.contains("API without a name (classic)"), "{}", outcome.err);
    assert!(
        outcome.err.contains("a key in the definition does not give it away"),
        "{}",
        outcome.err
    );
    assert!(!outcome.err.contains("``"), "{}", outcome.err);
}
