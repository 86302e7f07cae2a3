//! `tollgate import tyk`: what becomes of a definition, and what is said about it.

#[path = "../../../tests/support/schema.rs"]
mod schema;
#[path = "../../../tests/support/mod.rs"]
mod support;

mod fields;
mod input;
mod keys;
mod meaning;
mod members;
mod page;
mod restricting;
mod thirty;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use tollgate::config::Config;
use tollgate_cli::{Exit, Streams, run};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A file of its own with this text.
pub fn file(text: &str) -> String {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("import-{}-{number}.json", std::process::id()));
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// What an import came to.
pub struct Outcome {
    /// How it ended.
    pub exit: Exit,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Outcome {
    /// The configuration.
    pub fn config(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.err))
    }

    /// The findings of a report in JSON.
    pub fn findings(&self) -> Vec<Value> {
        let report: Value =
            serde_json::from_str(&self.err).unwrap_or_else(|_| panic!("{}", self.err));
        report["findings"].as_array().unwrap().clone()
    }

    /// The codes of what is wrong, or can go wrong, in the order in which they are told.
    pub fn codes(&self) -> Vec<String> {
        let codes = self.findings().into_iter();
        codes.filter_map(|finding| finding["code"].as_str().map(str::to_owned)).collect()
    }

    /// The findings about a field, as `kind: message`.
    pub fn about(&self, field: &str) -> Vec<String> {
        let findings = self.findings().into_iter();
        let own = findings.filter(|finding| finding["field"] == field && finding["code"].is_null());
        own.map(|finding| {
            let word = |name: &str| finding[name].as_str().unwrap().to_owned();
            format!("{}: {}", word("kind"), word("message"))
        })
        .collect()
    }
}

/// `tollgate import tyk` with these arguments.
pub fn import(arguments: &[&str]) -> Outcome {
    let all = ["tollgate", "import", "tyk"].iter().chain(arguments);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = Streams { input: &mut std::io::empty(), out: &mut out, err: &mut err };
    let exit = run(all.map(|argument| argument.into()), &mut streams);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Outcome { exit, out: text(out), err: text(err) }
}

/// Imports definitions with policies; what comes out must be what the filter accepts.
pub fn tyk(definitions: &Value, policies: &Value, more: &[&str]) -> Outcome {
    let definitions = file(&definitions.to_string());
    let policies = file(&policies.to_string());
    let mut arguments = vec![definitions.as_str(), "--policies", &policies, "--format", "json"];
    arguments.extend(more);
    let outcome = import(&arguments);
    if outcome.exit == Exit::Fine {
        accepted(&outcome.out);
    }
    outcome
}

/// What comes out is accepted, whatever the process's environment holds.
pub fn accepted(text: &str) -> Config {
    let variable = |_: &str| Some("0123456789abcdef0123456789abcdef".to_owned());
    Config::parse_with(text.as_bytes(), &variable).unwrap_or_else(|problems| {
        panic!("{}\n{text}", problems.iter().map(|p| format!("{p}\n")).collect::<String>())
    })
}

/// A value with these members in place of its own: objects are merged, null removes.
pub fn with(base: &Value, changes: &Value) -> Value {
    let (Value::Object(base), Value::Object(changes)) = (base, changes) else {
        return changes.clone();
    };
    let mut out = base.clone();
    for (name, change) in changes {
        match change {
            Value::Null => drop(out.remove(name)),
            _ => {
                let before = base.get(name).cloned().unwrap_or_else(|| json!({}));
                out.insert(name.clone(), with(&before, change));
            }
        }
    }
    Value::Object(out)
}

/// Base64 of a text, as Tyk takes it.
pub fn base64(text: &str) -> String {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::STANDARD.encode(text)
}

/// Okta's keys.
pub const OKTA: &str = "https://example.okta.com/oauth2/default/v1/keys";

/// A classic definition with nothing wrong, and nothing that only shows at run time but that keys
/// are fetched.
pub fn classic() -> Value {
    json!({
        "name": "orders", "api_id": "a1", "org_id": "o1", "active": true, "use_keyless": false,
        "enable_jwt": true, "jwt_signing_method": "rsa", "jwt_source": base64("https://example.auth0.com/.well-known/jwks.json"),
        "jwt_identity_base_field": "sub", "jwt_default_policies": ["p1"],
        "idp_client_id_mapping_disabled": true, "base_identity_provided_by": "jwt_claim",
        "strip_auth_data": true, "session_lifetime": 3600,
        "auth_configs": { "jwt": { "auth_header_name": "Authorization" } },
        "version_data": { "not_versioned": true, "versions": { "Default": { "name": "Default" } } },
        "proxy": { "listen_path": "/orders/", "target_url": "http://upstream/", "strip_listen_path": true },
    })
}

/// The same as an OAS definition.
pub fn oas() -> Value {
    json!({
        "openapi": "3.0.3", "info": { "title": "orders", "version": "1" }, "paths": {},
        "components": { "securitySchemes": { "idp": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } } },
        "security": [{ "idp": [] }],
        "x-tyk-api-gateway": {
            "info": { "id": "a1", "orgId": "o1", "name": "orders", "state": { "active": true } },
            "upstream": { "url": "http://upstream/" },
            "server": {
                "listenPath": { "value": "/orders/", "strip": true },
                "authentication": {
                    "enabled": true, "stripAuthorizationData": true, "baseIdentityProvider": "jwt_claim",
                    "customKeyLifetime": { "enabled": true, "value": "1h" },
                    "securitySchemes": { "idp": {
                        "enabled": true, "header": { "enabled": true, "name": "Authorization" },
                        "jwksURIs": [{ "url": "https://example.auth0.com/.well-known/jwks.json" }],
                        "signingMethod": "rsa", "skipKid": true, "subjectClaims": ["sub"],
                        "defaultPolicies": ["p1"], "idpClientIdMappingDisabled": true,
                        "allowedIssuers": ["https://example.auth0.com/"], "allowedAudiences": ["api"],
                    } },
                },
            },
        },
    })
}

/// The path of the JWT scheme in [`oas`].
pub const SCHEME: &str = "x-tyk-api-gateway.server.authentication.securitySchemes.idp";

/// An OAS definition with these members in its JWT scheme.
pub fn oas_with(changes: Value) -> Value {
    oas_auth(json!({ "securitySchemes": { "idp": changes } }))
}

/// An OAS definition with these members in `authentication`.
pub fn oas_auth(changes: Value) -> Value {
    with(&oas(), &json!({ "x-tyk-api-gateway": { "server": { "authentication": changes } } }))
}

/// Policies that go with them.
pub fn policies() -> Value {
    json!({
        "p1": policy(json!({})),
        "read": policy(json!({ "tags": ["reader"] })),
        "write": policy(json!({ "tags": ["writer"] })),
    })
}

/// A policy that grants the API `a1`, with these members.
pub fn policy(changes: Value) -> Value {
    let base = json!({
        "org_id": "o1", "active": true, "is_inactive": false, "rate": 0, "per": 1,
        "access_rights": { "a1": { "api_id": "a1", "api_name": "orders", "versions": ["Default"] } },
    });
    with(&base, &changes)
}
