//! The thirty things that can be wrong with a definition: each is found where it is, and not where
//! it is not.

use serde_json::{Value, json};

use super::{OKTA, SCHEME, base64, classic, oas, oas_auth, oas_with, policies, policy, tyk, with};

/// A definition that has it, and one close to it that does not.
struct Row {
    code: &'static str,
    kind: &'static str,
    field: String,
    name: &'static str,
    has: Value,
    has_not: Value,
    policies: Value,
}

fn row(code: &'static str, name: &'static str, field: &str, has: Value, has_not: Value) -> Row {
    let kind = "wrong";
    Row { code, kind, field: field.into(), name, has, has_not, policies: policies() }
}

fn exposed(code: &'static str, name: &'static str, field: &str, has: Value, has_not: Value) -> Row {
    Row { kind: "exposure", ..row(code, name, field, has, has_not) }
}

fn c(changes: Value) -> Value {
    with(&classic(), &changes)
}

fn source(url: &str) -> Value {
    c(json!({ "jwt_source": base64(url) }))
}

const PEM: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn rows() -> Vec<Row> {
    let base = "base_identity_provided_by";
    let oas_base = "x-tyk-api-gateway.server.authentication.baseIdentityProvider";
    let keys = json!({ "use_standard_auth": true, "auth_configs": { "authToken": { "auth_header_name": "X-Key" } } });
    let both = c(keys.clone());
    let scopes = |claim: &str| json!({ "scopes": { "jwt": { "scope_claim_name": claim, "scope_to_policy": { "read": "read" } } } });
    let parts = |per_api: bool, quota: bool| {
        policy(json!({ "partitions": { "per_api": per_api, "quota": quota } }))
    };
    let together = |one: Value, other: Value| json!({ "p1": one, "read": other });
    let two_scopes = c(json!({ "jwt_default_policies": ["p1", "read"] }));
    let mapping = |id: &str| json!({ "scopes": { "claimName": "scp", "scopeToPolicyMapping": [{ "scope": "read", "policyId": id }] } });
    let second = with(
        &classic(),
        &json!({ "api_id": "a2", "name": "files", "proxy": { "listen_path": "/files/" } }),
    );
    vec![
        row("tyk-m1", "no such value", base, c(json!({ base: "oauth_token" })), classic()),
        row("tyk-m1", "not enabled", base, c(json!({ base: "oauth_key" })), c(json!({ base: "" }))),
        row("tyk-m1", "a name of Go", base, c(json!({ base: "JWTClaim" })), classic()),
        row(
            "tyk-m1",
            "a stale one",
            base,
            c(json!({ base: "auth_token" })),
            with(&both, &json!({ base: "auth_token" })),
        ),
        row(
            "tyk-m1",
            "OAS",
            oas_base,
            oas_auth(json!({ "baseIdentityProvider": "oauth_key" })),
            oas(),
        ),
        row("tyk-m2", "two methods", base, with(&both, &json!({ base: "" })), both.clone()),
        row(
            "tyk-m2",
            "two methods, one",
            base,
            with(&both, &json!({ base: null })),
            c(json!({ base: null })),
        ),
        exposed(
            "tyk-m3",
            "a raw URL",
            "jwt_source",
            c(json!({ "jwt_source": OKTA })),
            source(OKTA),
        ),
        exposed(
            "tyk-m3",
            "OAS",
            &format!("{SCHEME}.source"),
            oas_with(json!({ "jwksURIs": null, "source": OKTA })),
            oas(),
        ),
        row(
            "tyk-m4",
            "a discovery document",
            "jwt_source",
            source("https://example.okta.com/oauth2/default/.well-known/openid-configuration"),
            source(OKTA),
        ),
        row(
            "tyk-m4",
            "a path that Okta lacks",
            "jwt_source",
            source("https://example.okta.com/oauth2/default/v1/key"),
            source(OKTA),
        ),
        row(
            "tyk-m4",
            "a host alone",
            "jwt_source",
            source("https://id.example.com"),
            source("https://id.example.com/keys"),
        ),
        row(
            "tyk-m4",
            "OAS",
            &format!("{SCHEME}.jwksURIs[0].url"),
            oas_with(json!({ "jwksURIs": [{ "url": "https://example.auth0.com/jwks.json" }] })),
            oas(),
        ),
        row(
            "tyk-m5",
            "Okta's org server",
            "jwt_source",
            source("https://example.okta.com/oauth2/v1/keys"),
            source("https://id.example.com/oauth2/v1/keys"),
        ),
        exposed("tyk-m5", "a custom server", "jwt_source", source(OKTA), classic()),
        row(
            "tyk-m5",
            "keys of another issuer",
            &format!("{SCHEME}.jwksURIs[0].url"),
            oas_with(json!({ "allowedIssuers": ["https://other.example.com/"] })),
            oas(),
        ),
        exposed(
            "tyk-m6",
            "keys that are fetched",
            "jwt_source",
            classic(),
            c(json!({ "jwt_source": base64(PEM) })),
        ),
        exposed(
            "tyk-m7",
            "an unknown provider",
            "jwt_source",
            source("https://id.example.com/keys"),
            classic(),
        ),
        row(
            "tyk-m8",
            "empty",
            "jwt_signing_method",
            c(json!({ "jwt_signing_method": "" })),
            c(json!({ "jwt_signing_method": "", "jwt_source": base64(SECRET) })),
        ),
        row(
            "tyk-m8",
            "no family",
            "jwt_signing_method",
            c(json!({ "jwt_signing_method": "RS256" })),
            c(json!({ "jwt_signing_method": "ecdsa" })),
        ),
        row(
            "tyk-m8",
            "hmac with a public key",
            "jwt_signing_method",
            c(json!({ "jwt_signing_method": "hmac", "jwt_source": base64(PEM) })),
            c(json!({ "jwt_signing_method": "rsa", "jwt_source": base64(PEM) })),
        ),
        exposed(
            "tyk-m9",
            "Keycloak",
            "jwt_source",
            source("https://sso.example.com/realms/a/protocol/openid-connect/certs"),
            classic(),
        ),
        row(
            "tyk-m10",
            "nothing at all",
            "jwt_default_policies",
            c(json!({ "jwt_default_policies": [] })),
            classic(),
        ),
        exposed(
            "tyk-m10",
            "a claim alone",
            "jwt_default_policies",
            c(json!({ "jwt_default_policies": [], "jwt_policy_field_name": "pol" })),
            c(json!({ "jwt_policy_field_name": "pol" })),
        ),
        row(
            "tyk-m11",
            "a typo",
            "jwt_default_policies",
            c(json!({ "jwt_default_policies": ["p2"] })),
            classic(),
        ),
        row(
            "tyk-m11",
            "in a mapping",
            "scopes.jwt.scope_to_policy",
            c(json!({ "scopes": { "jwt": { "scope_to_policy": { "a": "red" } } } })),
            c(scopes("scope")),
        ),
        row(
            "tyk-m11",
            "OAS",
            &format!("{SCHEME}.scopes.scopeToPolicyMapping"),
            oas_with(mapping("red")),
            oas_with(mapping("read")),
        ),
        exposed(
            "tyk-m12",
            "a claim names them",
            "jwt_policy_field_name",
            c(json!({ "jwt_policy_field_name": "pol" })),
            classic(),
        ),
        Row {
            policies: json!({ "p1": policy(json!({ "access_rights": { "a1": null, "a2": { "api_id": "a2" } } })) }),
            ..row(
                "tyk-m13",
                "another API",
                "jwt_default_policies",
                classic(),
                with(&second, &json!({})),
            )
        },
        Row {
            policies: json!({ "p1": policy(json!({ "access_rights": { "a1": null } })), "read": policy(json!({})) }),
            ..row(
                "tyk-m14",
                "no rights",
                "jwt_default_policies",
                classic(),
                c(json!({ "jwt_default_policies": ["read"] })),
            )
        },
        exposed(
            "tyk-m15",
            "a plural",
            "jwt_policy_field_name",
            c(json!({ "jwt_policy_field_name": "realm.roles" })),
            c(json!({ "jwt_policy_field_name": "pol" })),
        ),
        row(
            "tyk-m16",
            "Okta writes scp",
            "scopes.jwt.scope_claim_name",
            with(&source(OKTA), &scopes("")),
            with(&source(OKTA), &scopes("scp")),
        ),
        row(
            "tyk-m16",
            "Auth0 does not",
            "scopes.jwt.scope_claim_name",
            with(&source(OKTA), &scopes("scope")),
            c(scopes("scope")),
        ),
        row(
            "tyk-m17",
            "a URL in a classic one",
            "scopes.jwt.scope_claim_name",
            c(scopes("https://x.example/roles")),
            c(scopes("realm_access.roles")),
        ),
        row(
            "tyk-m17",
            "nested in an OAS one",
            &format!("{SCHEME}.scopes.claimName"),
            oas_with(json!({ "scopes": { "claimName": "realm_access.roles" } })),
            oas_with(json!({ "scopes": { "claimName": "roles" } })),
        ),
        row(
            "tyk-m18",
            "subjects and keys by URL",
            &format!("{SCHEME}.allowedSubjects"),
            oas_with(json!({ "allowedSubjects": ["alice"], "skipKid": false })),
            oas_with(json!({ "allowedSubjects": ["alice"] })),
        ),
        row(
            "tyk-m19",
            "a URL as a path",
            &format!("{SCHEME}.customClaimValidation"),
            oas_with(
                json!({ "customClaimValidation": { "https://x.example/team": { "type": "required" } } }),
            ),
            oas_with(json!({ "customClaimValidation": { "user.team": { "type": "required" } } })),
        ),
        row(
            "tyk-m20",
            "a skew for exp",
            "jwt_expires_at_validation_skew",
            c(json!({ "jwt_expires_at_validation_skew": 5 })),
            c(json!({ "jwt_not_before_validation_skew": 5 })),
        ),
        row(
            "tyk-m21",
            "not in security[0]",
            &format!("{SCHEME}.enabled"),
            with(&oas(), &json!({ "security": [{}] })),
            oas(),
        ),
        row(
            "tyk-m21",
            "jwt in small letters",
            &format!("{SCHEME}.enabled"),
            with(
                &oas(),
                &json!({ "components": { "securitySchemes": { "idp": { "bearerFormat": "jwt" } } } }),
            ),
            oas(),
        ),
        row(
            "tyk-m21",
            "not enabled",
            &format!("{SCHEME}.enabled"),
            oas_with(json!({ "enabled": false })),
            oas(),
        ),
        row(
            "tyk-m22",
            "keyless beside a method",
            "use_keyless",
            c(json!({ "use_keyless": true })),
            c(json!({ "use_keyless": true, "enable_jwt": false })),
        ),
        row(
            "tyk-m22",
            "OAS",
            "x-tyk-api-gateway.server.authentication.enabled",
            oas_auth(json!({ "enabled": false })),
            oas(),
        ),
        row(
            "tyk-m23",
            "an empty entry hides a header",
            "auth.auth_header_name",
            c(
                json!({ "auth": { "auth_header_name": "X-Token" }, "auth_configs": { "jwt": { "auth_header_name": null } } }),
            ),
            c(json!({ "auth": { "auth_header_name": "X-Token" }, "auth_configs": null })),
        ),
        row(
            "tyk-m24",
            "no place",
            &format!("{SCHEME}.header.enabled"),
            oas_with(json!({ "header": null })),
            oas_with(json!({ "header": null, "query": { "enabled": true, "name": "jwt" } })),
        ),
        row(
            "tyk-m24",
            "classic",
            "auth_configs.jwt.disable_header",
            c(json!({ "auth_configs": { "jwt": { "disable_header": true } } })),
            c(json!({ "auth_configs": { "jwt": { "disable_header": true, "use_param": true } } })),
        ),
        Row {
            policies: together(parts(true, false), parts(false, true)),
            ..row(
                "tyk-m25",
                "per_api beside a partition",
                "jwt_default_policies",
                two_scopes.clone(),
                classic(),
            )
        },
        Row {
            policies: together(parts(true, true), parts(false, false)),
            ..row(
                "tyk-m25",
                "both in one",
                "jwt_default_policies",
                classic(),
                c(json!({ "jwt_default_policies": ["read"] })),
            )
        },
        row(
            "tyk-m26",
            "a field that is none",
            "jwt_disable_issued_at_validation",
            c(json!({ "jwt_disable_issued_at_validation": true })),
            c(json!({ "jwt_disable_issued_at_validation": false })),
        ),
        exposed(
            "tyk-m27",
            "two key sets",
            &format!("{SCHEME}.jwksURIs"),
            oas_with(
                json!({ "jwksURIs": [{ "url": "https://example.auth0.com/.well-known/jwks.json" }, { "url": "https://id.example.com/keys" }] }),
            ),
            oas(),
        ),
        exposed(
            "tyk-m27",
            "two APIs with other policies",
            "org_id",
            json!([classic(), with(&second, &json!({ "jwt_default_policies": ["read"] }))]),
            json!([classic(), second.clone()]),
        ),
        exposed(
            "tyk-m28",
            "clients are looked up",
            "idp_client_id_mapping_disabled",
            c(json!({ "idp_client_id_mapping_disabled": false })),
            classic(),
        ),
        row(
            "tyk-m29",
            "a list in a classic one",
            "jwt_jwks_uris",
            c(
                json!({ "jwt_source": "", "jwt_jwks_uris": [{ "url": "https://example.auth0.com/.well-known/jwks.json" }] }),
            ),
            classic(),
        ),
        exposed(
            "tyk-m30",
            "no lifetime",
            "session_lifetime",
            c(json!({ "session_lifetime": 0 })),
            classic(),
        ),
        exposed(
            "tyk-m30",
            "OAS",
            "x-tyk-api-gateway.server.authentication.customKeyLifetime",
            oas_auth(json!({ "customKeyLifetime": null })),
            oas(),
        ),
    ]
}

#[test]
fn each_of_the_thirty_is_found_where_it_is_and_nowhere_else() {
    for row in rows() {
        let name = format!("{}: {}", row.code, row.name);
        let found = tyk(&row.has, &row.policies, &[]);
        assert!(!found.out.is_empty(), "{name}: {}", found.err);
        let findings = found.findings();
        let own: Vec<_> = findings
            .iter()
            .filter(|finding| finding["code"] == row.code && finding["field"] == row.field.as_str())
            .collect();
        let codes =
            || findings.iter().map(|f| format!("{} {}", f["code"], f["field"])).collect::<Vec<_>>();
        assert!(!own.is_empty(), "{name}: {:?}", codes());
        for finding in own {
            assert_eq!(finding["kind"], row.kind, "{name}");
            for part in ["message", "seen", "why", "imported"] {
                assert!(
                    finding[part].as_str().is_some_and(|text| text.len() > 3),
                    "{name}: {part}"
                );
            }
        }
        let near = tyk(&row.has_not, &row.policies, &[]);
        assert!(!near.out.is_empty(), "{name}: {}", near.err);
        let near: Vec<_> = near
            .findings()
            .into_iter()
            .filter(|finding| finding["code"] == row.code && finding["field"] == row.field.as_str())
            .collect();
        let same_kind: Vec<_> = near.iter().filter(|finding| finding["kind"] == row.kind).collect();
        assert!(same_kind.is_empty(), "{name}: {near:?}");
    }
}

#[test]
fn the_table_has_all_thirty() {
    let rows = rows();
    for number in 1..=30 {
        let code = format!("tyk-m{number}");
        assert!(rows.iter().any(|row| row.code == code), "{code}");
    }
}

#[test]
fn a_definition_with_nothing_wrong_is_told_nothing_of_the_kind() {
    for (name, definition) in [("classic", classic()), ("OAS", oas())] {
        let outcome = tyk(&definition, &policies(), &[]);
        // Keys that are fetched can be rotated.
        assert_eq!(outcome.codes(), ["tyk-m6"], "{name}");
    }
}

#[test]
fn the_first_of_the_thirty_is_told_first() {
    let definition = c(json!({
        "base_identity_provided_by": "oauth_token", "jwt_source": OKTA, "jwt_default_policies": ["p2"],
        "jwt_expires_at_validation_skew": 5, "use_standard_auth": false,
    }));
    let outcome = tyk(&definition, &policies(), &[]);
    assert_eq!(outcome.codes()[..4], ["tyk-m1", "tyk-m11", "tyk-m20", "tyk-m3"]);
    let first = &outcome.findings()[0];
    assert_eq!(first["field"], "base_identity_provided_by");
    assert!(first["message"].as_str().unwrap().contains("write `jwt_claim`, or remove the field"));
    assert!(first["seen"].as_str().unwrap().starts_with("400 Session state is missing or unset!"));
}
