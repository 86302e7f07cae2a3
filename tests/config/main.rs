//! What the configuration means, and how it is refused.

mod addresses;
mod apis;
mod bytes;
mod codes;
mod compared;
mod credentials;
mod empty;
mod good;
mod identities;
mod introspection;
mod limits;
mod login;
mod mcp;
mod message;
mod mistaken;
mod one_mistake;
mod order;
mod policies;
mod providers;
mod resource;
mod texts;
mod tokens;
mod warnings;

#[allow(dead_code, unreachable_pub, reason = "a test takes what it needs")]
#[path = "../support/structs.rs"]
mod structs;

use tollgate::config::{Code, Config};

/// A key set with one key, by RFC 8037 appendix A.2.
const KEYS: &str = r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// A complete provider.
const OKTA: &str = r#"{"issuer": "https://okta.example", "audiences": ["api"], "jwks": {"discovery": true, "cluster": "idp"}}"#;

/// Names of fields, as problems list them.
const FIELDS: [(&str, &str); 3] = [
    (
        "%top%",
        "`$schema`, `providers`, `apis`, `policies`, `mode`, `sessions`, `limits`, `revoked`, `realm`, `log`, `crypto`, `instance`, `explain` and `status`",
    ),
    (
        "%api%",
        "`name`, `match`, `encoded_slash`, `auth`, `optional`, `session_from`, `audiences`, `clients`, `scopes`, `require`, `policies`, `rate`, `mode`, `unauthenticated`, `cors_preflight`, `resource` and `mcp`",
    ),
    (
        "%provider%",
        "`kind`, `issuer`, `tenants`, `any_issuer`, `audiences`, `clients`, `any_audience`, `jwks`, `pem`, `secret`, `url`, `discovery`, `cluster`, `client`, `forms`, `timeout`, `cache`, `negative`, `capacity`, `per_second`, `on_outage`, `signed`, `keys`, `algorithms`, `typ`, `allow_id_tokens`, `clock_skew`, `max_lifetime`, `allow_no_expiry`, `binding`, `from`, `claims`, `require`, `upstream` and `login`",
    ),
];

/// A text with its placeholders filled in.
fn filled(text: &str) -> String {
    text.replace("%okta%", OKTA).replace("%keys%", KEYS)
}

/// The members given, and those of the rest that neither are given nor left out, a line each.
fn members(given: &str, without: &str, rest: &[(&str, &str)]) -> String {
    let mut members = Vec::from_iter((!given.is_empty()).then_some(given));
    let missing = |name: &str| name != without && !given.contains(&format!("\"{name}\":"));
    members.extend(rest.iter().filter(|(name, _)| missing(name)).map(|(_, member)| *member));
    members.join(",\n")
}

/// The problems of a text, as they are written, with the longer lists of names cut short.
fn refused(text: &str) -> Vec<String> {
    let problems = Config::parse(filled(text).as_bytes()).expect_err(text);
    let shortened =
        |line: String| FIELDS.iter().fold(line, |line, (name, fields)| line.replace(fields, name));
    problems.iter().map(|problem| shortened(problem.to_string())).collect()
}

/// A configuration that is right.
fn accepted(text: &str) -> Config {
    Config::parse(filled(text).as_bytes()).unwrap_or_else(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        panic!("{text}\n{}", lines.join("\n"))
    })
}

/// The kinds of what is risky about a configuration.
fn codes(config: &Config) -> Vec<Code> {
    config.warnings.iter().map(|warning| warning.code).collect()
}
