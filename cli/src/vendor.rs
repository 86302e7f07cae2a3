//! Who runs a provider, by its issuer alone: nobody is asked.

/// Who runs the authorization server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Vendor {
    Auth0,
    Cognito,
    Entra,
    Google,
    Keycloak,
    Okta,
    Other,
}

impl Vendor {
    /// By the issuer's host and path alone.
    pub(super) fn of(host: &str, path: &str) -> Self {
        let is_in = |domain: &str| {
            host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        if is_in("okta.com") || is_in("oktapreview.com") || is_in("okta-emea.com") {
            Self::Okta
        } else if is_in("auth0.com") {
            Self::Auth0
        } else if host == "sts.windows.net"
            || ["login.microsoftonline.com", "login.microsoftonline.us"].contains(&host)
        {
            Self::Entra
        } else if host == "accounts.google.com" {
            Self::Google
        } else if host.starts_with("cognito-idp.") && is_in("amazonaws.com") {
            Self::Cognito
        } else if path.contains("/realms/") {
            Self::Keycloak
        } else if path.starts_with("/oauth2/") && path.len() > "/oauth2/".len() {
            // Okta under a domain of one's own.
            Self::Okta
        } else {
            Self::Other
        }
    }

    /// What it is called in a configuration.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Auth0 => "auth0",
            Self::Cognito => "cognito",
            Self::Entra => "entra",
            Self::Google => "google",
            Self::Keycloak => "keycloak",
            Self::Okta => "okta",
            Self::Other => "idp",
        }
    }
}
