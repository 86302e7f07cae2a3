//! What `jwt_source` and lists of key sets hold, and which issuer a key set is known to belong to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tollgate::http::Url;

/// Where keys come from.
#[derive(Debug)]
pub(super) enum Source {
    /// A key set, or a discovery document.
    Url(Url),
    /// Public keys as PEM.
    Pem(String),
    /// A secret: its base64, and how many bytes it has.
    Secret(String, usize),
    /// A secret in a variable of the environment.
    Env(String),
    /// Nothing that can be taken over, and why.
    Unusable(String),
    /// Not said: each key has a secret of its own, in Redis.
    Missing,
}

/// Reads `jwt_source`; `hmac` where the signing method makes a secret of it. The flag says whether
/// a URL was written as it is.
pub(super) fn read(raw: &str, hmac: bool) -> (Source, bool) {
    if raw.trim().is_empty() {
        return (Source::Missing, false);
    }
    if is_url(raw) {
        return (url(raw), true);
    }
    if let Some(source) = reference(raw) {
        return (source, false);
    }
    let compact: String = raw.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    let Ok(bytes) = STANDARD.decode(&compact) else {
        return (Source::Unusable("neither a URL nor base64".into()), false);
    };
    let source = match std::str::from_utf8(&bytes) {
        Ok(text) if is_url(text) => url(text.trim()),
        Ok(text) if text.contains("-----BEGIN") => pem(text),
        _ if hmac => Source::Secret(compact, bytes.len()),
        _ => Source::Unusable("no PEM; write it with `openssl pkey -pubin -inform DER`".into()),
    };
    (source, false)
}

fn is_url(text: &str) -> bool {
    let start = text.trim_start().get(..8).unwrap_or(text).to_ascii_lowercase();
    start.starts_with("http://") || start.starts_with("https://")
}

/// The key set at a URL.
pub(super) fn url(raw: &str) -> Source {
    match Url::parse(raw) {
        Ok(url) => Source::Url(url),
        Err(error) => Source::Unusable(format!("a URL that {error}")),
    }
}

/// A reference to a store outside the definition.
fn reference(raw: &str) -> Option<Source> {
    if let Some(name) = raw.strip_prefix("env://") {
        return Some(Source::Env(name.to_owned()));
    }
    let stores = ["secrets://", "consul://", "vault://", "file://", "$secret"];
    let store = stores.iter().find(|store| raw.starts_with(**store))?;
    let why = format!("a reference to a store (`{store}`) that is not read here");
    Some(Source::Unusable(why))
}

fn pem(text: &str) -> Source {
    let line = |label: &str| text.contains(&format!("-----BEGIN {label}"));
    if line("CERTIFICATE") {
        let why = "a certificate: take its key with `openssl x509 -pubkey -noout`";
        return Source::Unusable(why.into());
    }
    match line("PUBLIC KEY") || line("RSA PUBLIC KEY") {
        true => Source::Pem(text.to_owned()),
        false => Source::Unusable("a PEM without a public key".into()),
    }
}

/// A provider that a URL gives away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Known {
    Auth0,
    Cognito,
    Entra,
    Google,
    Keycloak,
    Okta,
    /// Okta's org server, which is none for APIs.
    OktaOrg,
    Other,
}

impl Known {
    /// What a provider in the configuration is called.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Auth0 => "auth0",
            Self::Cognito => "cognito",
            Self::Entra => "entra",
            Self::Google => "google",
            Self::Keycloak => "keycloak",
            Self::Okta | Self::OktaOrg => "okta",
            Self::Other => "jwt",
        }
    }
}

/// Whose key set it is, and what the issuers of its tokens are called, where that is known.
pub(super) fn known(url: &Url) -> (Known, Vec<String>) {
    let path = key_path(url);
    let origin = format!("{}://{}", url.scheme(), url.authority);
    let host = url.host();
    let under = |domain: &str| host.ends_with(&format!(".{domain}"));
    let base = |ending: &str| path.strip_suffix(ending).map(|base| format!("{origin}{base}"));
    let one = |issuer: Option<String>| issuer.into_iter().collect::<Vec<_>>();
    if under("okta.com") || under("oktapreview.com") || under("okta-emea.com") {
        return match path {
            "/oauth2/v1/keys" | "/.well-known/openid-configuration" => {
                (Known::OktaOrg, vec![origin])
            }
            _ => (
                Known::Okta,
                one(base("/v1/keys")
                    .or_else(|| base("/.well-known/openid-configuration"))
                    .or_else(|| base("/.well-known/oauth-authorization-server"))),
            ),
        };
    }
    // A server behind a domain of its own keeps Okta's paths.
    if path.starts_with("/oauth2/") && path != "/oauth2/v1/keys" && path.ends_with("/v1/keys") {
        return (Known::Okta, one(base("/v1/keys")));
    }
    if under("auth0.com") {
        let issuer = ["/.well-known/jwks.json", "/.well-known/openid-configuration"];
        let known = issuer.contains(&path);
        return (Known::Auth0, one(known.then(|| format!("{origin}/"))));
    }
    if host.starts_with("cognito-idp.") {
        return (Known::Cognito, one(base("/.well-known/jwks.json")));
    }
    if host == "login.microsoftonline.com" {
        return (Known::Entra, entra(path));
    }
    if host == "www.googleapis.com" && path.starts_with("/oauth2/") {
        return (Known::Google, vec!["https://accounts.google.com".into()]);
    }
    if path.contains("/realms/") {
        let issuer = base("/protocol/openid-connect/certs");
        return (
            Known::Keycloak,
            one(issuer.or_else(|| base("/.well-known/openid-configuration"))),
        );
    }
    (Known::Other, Vec::new())
}

/// Entra's tokens of version 2 and 1 have an issuer each; without a tenant nobody knows either.
fn entra(path: &str) -> Vec<String> {
    let tenant = path.split('/').nth(1).unwrap_or_default();
    if tenant.is_empty() || ["common", "organizations", "consumers"].contains(&tenant) {
        return Vec::new();
    }
    vec![
        format!("https://login.microsoftonline.com/{tenant}/v2.0"),
        format!("https://sts.windows.net/{tenant}/"),
    ]
}

/// The path without its query, which may hold a secret.
pub(super) fn bare_path(url: &Url) -> &str {
    url.path.split('?').next().unwrap_or_default()
}

/// The path without its query and without slashes at its end, which many servers do not mind.
fn key_path(url: &Url) -> &str {
    let path = bare_path(url);
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() { path } else { trimmed }
}

/// A URL for a message: without its query.
pub(super) fn shown(url: &Url) -> String {
    format!("{}://{}{}", url.scheme(), url.authority, bare_path(url))
}

/// Whether a URL leads to a discovery document, not to keys.
pub(super) fn is_discovery(url: &Url) -> bool {
    let path = key_path(url);
    path.ends_with("/.well-known/openid-configuration")
        || path.ends_with("/.well-known/oauth-authorization-server")
}

/// Why a URL cannot lead to a key set, where that is known.
pub(super) fn doubtful(url: &Url) -> Option<&'static str> {
    let path = key_path(url);
    if is_discovery(url) {
        return Some("a discovery document, which has no keys but says where they are");
    }
    let ends = |ending: &str| path.ends_with(ending);
    match known(url).0 {
        Known::Okta | Known::OktaOrg if !ends("/keys") => {
            Some("no key set of Okta, whose path ends with `/v1/keys`")
        }
        Known::Auth0 | Known::Cognito if !ends("/.well-known/jwks.json") => {
            Some("no key set of this provider, whose path ends with `/.well-known/jwks.json`")
        }
        Known::Keycloak if !ends("/protocol/openid-connect/certs") => {
            Some("no key set of Keycloak, whose path ends with `/protocol/openid-connect/certs`")
        }
        Known::Entra if !ends("/keys") => {
            Some("no key set of Entra, whose path ends with `/discovery/v2.0/keys`")
        }
        _ if path == "/" => Some("no more than a host, and key sets have a path"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_set_of_a_known_provider_gives_its_issuer_away() {
        let cases: &[(&str, Known, &[&str])] = &[
            (
                "https://example.okta.com/oauth2/default/v1/keys",
                Known::Okta,
                &["https://example.okta.com/oauth2/default"],
            ),
            (
                "https://example.okta.com/oauth2/default/v1/keys/",
                Known::Okta,
                &["https://example.okta.com/oauth2/default"],
            ),
            (
                "https://example.eu.auth0.com/.well-known/jwks.json/?x=1",
                Known::Auth0,
                &["https://example.eu.auth0.com/"],
            ),
            (
                "https://example.okta.com/oauth2/v1/keys",
                Known::OktaOrg,
                &["https://example.okta.com"],
            ),
            (
                "https://id.example.com/oauth2/aus1/v1/keys",
                Known::Okta,
                &["https://id.example.com/oauth2/aus1"],
            ),
            (
                "https://example.eu.auth0.com/.well-known/jwks.json",
                Known::Auth0,
                &["https://example.eu.auth0.com/"],
            ),
            (
                "https://sso.example.com/auth/realms/main/protocol/openid-connect/certs",
                Known::Keycloak,
                &["https://sso.example.com/auth/realms/main"],
            ),
            (
                "https://login.microsoftonline.com/6bab/discovery/v2.0/keys",
                Known::Entra,
                &["https://login.microsoftonline.com/6bab/v2.0", "https://sts.windows.net/6bab/"],
            ),
            ("https://login.microsoftonline.com/common/discovery/v2.0/keys", Known::Entra, &[]),
            (
                "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a/.well-known/jwks.json",
                Known::Cognito,
                &["https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a"],
            ),
            (
                "https://www.googleapis.com/oauth2/v3/certs",
                Known::Google,
                &["https://accounts.google.com"],
            ),
            // Who else has such a path is not known.
            ("https://id.example.com/.well-known/jwks.json", Known::Other, &[]),
            ("https://okta.com.example.com/keys", Known::Other, &[]),
        ];
        for (raw, expected, issuers) in cases {
            let (known, found) = super::known(&Url::parse(raw).unwrap());
            assert_eq!(
                (known, found),
                (*expected, issuers.iter().map(|i| (*i).into()).collect()),
                "{raw}"
            );
        }
    }
}
