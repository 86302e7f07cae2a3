//! What a provider wants before it registers anybody, in its own words for the places to click.

use tollgate::http::Url;

use crate::vendor::Vendor;

/// Who it is, where that makes a difference here.
pub(super) fn vendor(issuer: &Url, endpoint: Option<&Url>) -> Vendor {
    let vendor = Vendor::of(issuer.host(), &issuer.path);
    match endpoint.map(|url| &*url.path) {
        // Okta has one place for it, whatever the server and the domain; others only look like it.
        Some("/oauth2/v1/clients") => Vendor::Okta,
        Some(_) if vendor == Vendor::Okta => Vendor::Other,
        _ => vendor,
    }
}

/// Whether it is ZITADEL, which keeps the tokens of such clients opaque.
pub(super) fn is_zitadel(issuer: &Url, endpoint: &Url) -> bool {
    &*endpoint.path == "/oauth/v2/register" || issuer.host().ends_with(".zitadel.cloud")
}

/// That a provider registers nobody, and where a client is made instead.
pub(super) fn without_endpoint(vendor: Vendor) -> &'static str {
    match vendor {
        Vendor::Auth0 => {
            "Auth0 registers clients only where that is switched on: Dashboard > Settings > Advanced > \
             OIDC Dynamic Application Registration; otherwise Applications > Create Application"
        }
        Vendor::Cognito => {
            "Cognito registers clients at its pool's own domain, if at all, and not at the issuer's \
             host: Amazon Cognito > User pools > (the pool) > App clients > Create app client, or `aws \
             cognito-idp create-user-pool-client`"
        }
        Vendor::Entra => {
            "Entra ID registers no clients: Microsoft Entra admin center > App registrations > New \
             registration, then Certificates & secrets, or `az ad app create`"
        }
        Vendor::Google => {
            "Google registers no clients: Google Cloud console > APIs & Services > Credentials > Create \
             credentials > OAuth client ID"
        }
        Vendor::Keycloak | Vendor::Okta | Vendor::Other => {
            "its discovery document names no `registration_endpoint`: have that switched on at the \
             provider, or make the client in its console"
        }
    }
}

/// What helps where a registration is not let in (401, 403).
pub(super) fn not_let_in(vendor: Vendor, zitadel: bool, token: Option<&str>) -> String {
    let refused = match token {
        Some(variable) => {
            format!("the token in {variable} is refused, or may not register clients")
        }
        None => "it wants an initial access token: put one into a variable and name that by \
                 `--token-env`"
            .to_owned(),
    };
    let more = match vendor {
        _ if zitadel => {
            "; ZITADEL registers without one where its settings allow that (Dynamic Client \
             Registration > allow unauthenticated). Tokens of such clients are opaque: ask ZITADEL \
             about them by a provider of the kind `introspection`"
        }
        Vendor::Okta => {
            "; Okta takes an API token (Security > API > Tokens) of an administrator who may manage \
             clients, with `--token-scheme SSWS`, or an access token of the organisation's server with \
             the scope `okta.clients.manage`, as `Bearer` (`okta.clients.register` is enough to \
             register)"
        }
        Vendor::Keycloak => {
            "; Keycloak makes one under Clients > Client registration > Initial access token. Without \
             one its policies decide (Client registration > Client registration policies): Trusted \
             Hosts must have this machine and the hosts of `--redirect`, Allowed Client Scopes each \
             `--scope`"
        }
        _ => "",
    };
    format!("{refused}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_registers_nobody_is_said_with_where_to_click() {
        let cases = [
            ("https://login.microsoftonline.com/t/v2.0", "App registrations > New registration"),
            ("https://accounts.google.com", "APIs & Services > Credentials"),
            ("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc", "App clients > Create"),
            ("https://example.eu.auth0.com/", "OIDC Dynamic Application Registration"),
            ("https://id.example.com/", "names no `registration_endpoint`"),
        ];
        for (issuer, words) in cases {
            let issuer = Url::parse(issuer).expect(issuer);
            let said = without_endpoint(vendor(&issuer, None));
            assert!(said.contains(words), "{issuer}: {said}");
        }
    }

    #[test]
    fn okta_is_known_by_its_endpoint_whatever_the_domain() {
        let cases = [
            ("https://example.okta.com/oauth2/default", "/oauth2/v1/clients", Vendor::Okta),
            ("https://id.example.com/oauth2/default", "/oauth2/v1/clients", Vendor::Okta),
            ("https://id.example.com/oauth2/default", "/oauth2/default/clients", Vendor::Other),
            (
                "https://id.example.com/realms/a",
                "/realms/a/clients-registrations",
                Vendor::Keycloak,
            ),
        ];
        for (issuer, path, expected) in cases {
            let issuer = Url::parse(issuer).expect(issuer);
            let endpoint = Url { path: path.into(), ..issuer.clone() };
            assert_eq!(vendor(&issuer, Some(&endpoint)), expected, "{issuer} {path}");
        }
    }
}
