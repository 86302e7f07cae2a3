//! What is known of providers, by their issuer alone.

use serde_json::{Value, json};
use tollgate::http::Url;
use tollgate::ids::Name;
use tollgate::verdict::quoted;

use crate::vendor::Vendor;

/// What a provider needs in a configuration, and the proxy to reach it.
pub(super) struct Plan {
    /// Who runs it.
    pub(super) vendor: Vendor,
    /// Its name, and its cluster's.
    pub(super) name: String,
    /// The provider's fields besides `jwks`, in the order in which they are written.
    pub(super) fields: Vec<(&'static str, Value)>,
    /// The URL of the keys; found by discovery where there is none.
    pub(super) keys: Option<String>,
    /// The host that the cluster calls, without brackets.
    pub(super) host: String,
    /// Its port.
    pub(super) port: u16,
    /// Whether it speaks TLS.
    pub(super) secure: bool,
    /// The client that asks the provider about each token; `None` where tokens are verified here.
    pub(super) asks_as: Option<String>,
    /// How browsers log in; `None` where they do not.
    pub(super) login: Option<Login>,
    /// What to look at before it works.
    pub(super) notes: Vec<String>,
}

/// How browsers log in at a provider.
pub(super) struct Login {
    /// The origin on which they do, as they see it.
    pub(super) url: String,
    /// The client's id.
    pub(super) client: String,
    /// What is asked for; what a login asks for by itself where it is empty.
    pub(super) scopes: &'static [&'static str],
    /// The URLs that the provider has to know: the redirect URI, and that for after the logout. Known
    /// once the configuration was read.
    pub(super) registered: Option<[String; 2]>,
    /// Whether the provider may end sessions of its own accord.
    pub(super) back_channel: bool,
    /// Where it says so, where it may. Known once the configuration was read.
    pub(super) told_at: Option<ToldAt>,
}

/// Where a provider says that a session has ended.
pub(super) struct ToldAt {
    /// The whole URL.
    pub(super) url: String,
    /// Its path.
    pub(super) path: String,
    /// Its host, with the port.
    pub(super) host: String,
}

/// What a provider is wanted for.
pub(super) struct Wanted<'a> {
    pub(super) issuer: &'a str,
    /// The audiences of bearer tokens, of which none are taken where there is none.
    pub(super) audiences: &'a [String],
    /// The provider's name.
    pub(super) name: Option<&'a str>,
    /// The client that asks about tokens.
    pub(super) asks_as: Option<&'a str>,
}

impl Plan {
    /// What this issuer needs.
    ///
    /// # Errors
    ///
    /// Why there can be no such issuer, or none whose tokens anybody can check, and what to write.
    pub(super) fn of(wanted: &Wanted<'_>) -> Result<Self, String> {
        let Wanted { issuer, audiences, asks_as, .. } = *wanted;
        let url = Url::parse(issuer)
            .map_err(|error| format!("{error}: it is a URL like https://id.example.com"))?;
        if url.path.contains('?') {
            return Err("has a query; an issuer has none".to_owned());
        }
        let path = &*url.path;
        let vendor = Vendor::of(url.host(), path);
        let name = wanted.name.unwrap_or_else(|| vendor.name());
        if Name::parse(name).is_none() {
            return Err(format!("cannot have the name {}: a-z, 0-9, - and _", quoted(name)));
        }
        let mut plan = Self {
            vendor,
            name: name.to_owned(),
            fields: Vec::new(),
            keys: None,
            host: url.host().trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: port(&url),
            secure: url.secure,
            asks_as: asks_as.map(Into::into),
            login: None,
            notes: Vec::new(),
        };
        let audience = ("audiences", json!(audiences));
        if asks_as.is_some() {
            plan.asking(&vendor, issuer, path, audience)?;
            return Ok(plan);
        }
        match vendor {
            Vendor::Auth0 => plan.auth0(issuer, path, audience),
            Vendor::Cognito => plan.cognito(issuer, audiences),
            Vendor::Entra => plan.entra(issuer, &url, audience)?,
            Vendor::Google => plan.google(audience),
            Vendor::Keycloak => plan.keycloak(issuer, audience),
            Vendor::Okta => plan.okta(issuer, path, audience)?,
            Vendor::Other => {
                plan.fields = vec![("issuer", json!(issuer)), audience];
                plan.note("compare `issuer` with `iss` of a token (`tollgate decode`): every byte counts, a slash at the end too");
            }
        }
        Ok(plan)
    }

    pub(super) fn note(&mut self, note: &str) {
        self.notes.push(note.to_owned());
    }

    /// A provider that is asked about tokens.
    fn asking(
        &mut self,
        vendor: &Vendor,
        issuer: &str,
        path: &str,
        audience: (&'static str, Value),
    ) -> Result<(), String> {
        let instead = match vendor {
            Vendor::Auth0 => Some("Auth0"),
            Vendor::Cognito => Some("Cognito"),
            Vendor::Entra => Some("Entra ID"),
            Vendor::Google => Some("Google"),
            Vendor::Keycloak | Vendor::Okta | Vendor::Other => None,
        };
        if let Some(vendor) = instead {
            return Err(format!(
                "is {vendor}'s, which nobody can ask about tokens (RFC 7662): leave `--introspect` out"
            ));
        }
        let is_plain = matches!(vendor, Vendor::Keycloak | Vendor::Okta);
        let issuer = if is_plain { issuer.trim_end_matches('/') } else { issuer };
        self.fields = vec![("issuer", json!(issuer)), audience];
        if matches!(vendor, Vendor::Okta) {
            self.fields.push(("forms", json!(["jwt"])));
            self.fields.push(("claims", json!({ "identity": ["uid", "sub", "client_id"] })));
            if path == "/" {
                self.note("tokens of Okta's organisation server are for all of Okta: their audience is the issuer itself, so that `clients` must say whose are taken");
            }
        }
        self.note("the client must be one that the provider lets ask about tokens; set the variable TOLLGATE_CLIENT_SECRET to its secret where the proxy runs");
        self.note("JWTs that the provider signs are verified without asking by a provider of their own: `tollgate init` without `--introspect` writes it");
        Ok(())
    }

    fn okta(
        &mut self,
        issuer: &str,
        path: &str,
        audience: (&'static str, Value),
    ) -> Result<(), String> {
        let plain = issuer.trim_end_matches('/');
        if path.strip_prefix("/oauth2/").is_none_or(|server| server.trim_matches('/').is_empty()) {
            return Err(format!(
                "is Okta's organisation server, whose tokens nobody but Okta can check; name a \
                 custom authorization server (Security > API), mostly {plain}/oauth2/default"
            ));
        }
        if plain != issuer {
            self.note("Okta's issuers have no slash at the end: it was left out");
        }
        self.fields = vec![
            ("issuer", json!(plain)),
            audience,
            ("claims", json!({ "identity": ["uid", "sub"] })),
        ];
        self.note("the audience is that of the authorization server in Okta (Security > API); that of `default` is api://default, whoever asks: give the API one of its own, or narrow it by `clients`");
        self.note("scopes are in `scp`, the client in `cid`: both are found by themselves");
        Ok(())
    }

    fn auth0(&mut self, issuer: &str, path: &str, audience: (&'static str, Value)) {
        let issuer = if path == "/" && !issuer.ends_with('/') {
            self.note("Auth0's issuers end with a slash: it was added");
            format!("{issuer}/")
        } else {
            issuer.to_owned()
        };
        self.fields = vec![("issuer", json!(issuer)), audience];
        self.note("the audience is the API's identifier (Applications > APIs); a client that asks for none gets an opaque token");
        self.note("scopes are in `scope`; with RBAC, permissions are in `permissions`: \"claims\": { \"scopes\": [\"permissions\"] } takes them");
    }

    fn keycloak(&mut self, issuer: &str, audience: (&'static str, Value)) {
        let plain = issuer.trim_end_matches('/');
        if plain != issuer {
            self.note("Keycloak's issuers have no slash at the end: it was left out");
        }
        self.fields = vec![("issuer", json!(plain)), audience];
        self.note("Keycloak puts the audience into a token only where a client scope has an Audience mapper for it; without one, write \"clients\": [\"…\"] instead of `audiences`");
    }

    fn entra(
        &mut self,
        issuer: &str,
        url: &Url,
        audience: (&'static str, Value),
    ) -> Result<(), String> {
        let mut segments = url.path.split('/').filter(|segment| !segment.is_empty());
        let tenant = segments.next().unwrap_or_default();
        if ["", "common", "organizations", "consumers"].contains(&tenant) {
            return Err("names no tenant: no token has such an `iss`; write the tenant's id: \
                        https://login.microsoftonline.com/<tenant id>/v2.0"
                .to_owned());
        }
        let is_new = url.host() != "sts.windows.net";
        let identity = ("claims", json!({ "identity": ["oid", "sub"] }));
        if is_new && segments.next() != Some("v2.0") {
            return Err(format!(
                "is none of Entra ID's: tokens of version 2 have https://{}/{tenant}/v2.0, those \
                 of version 1 https://sts.windows.net/{tenant}/",
                url.host()
            ));
        }
        if is_new {
            self.fields = vec![("issuer", json!(issuer.trim_end_matches('/'))), audience, identity];
            self.note("an application issues tokens of version 2 only where its manifest says \"requestedAccessTokenVersion\": 2; their audience is the application's id, without api://");
        } else {
            let host = "login.microsoftonline.com";
            let both = [
                format!("https://{host}/{tenant}/v2.0"),
                format!("https://sts.windows.net/{tenant}/"),
            ];
            self.fields = vec![("issuer", json!(both)), audience, identity];
            self.keys = Some(format!("https://{host}/{tenant}/discovery/v2.0/keys"));
            host.clone_into(&mut self.host);
            self.note("this is the issuer of tokens of version 1; those of version 2 are taken too. The audience of version 1 is mostly api://<application id>, of version 2 the id alone: list both");
        }
        self.note("scopes are in `scp`; tokens of machines have `roles` instead");
        Ok(())
    }

    fn google(&mut self, audience: (&'static str, Value)) {
        let both = ["https://accounts.google.com", "accounts.google.com"];
        self.fields = vec![("issuer", json!(both)), audience, ("allow_id_tokens", json!(true))];
        self.keys = Some("https://www.googleapis.com/oauth2/v3/certs".to_owned());
        "www.googleapis.com".clone_into(&mut self.host);
        self.note("Google's access tokens are opaque: this takes its ID tokens, whose audience is the OAuth client's id");
    }

    fn cognito(&mut self, issuer: &str, clients: &[String]) {
        self.fields = vec![
            ("issuer", json!(issuer.trim_end_matches('/'))),
            ("clients", json!(clients)),
            ("require", json!([{ "claim": "token_use", "in": ["access"] }])),
        ];
        self.note("Cognito's access tokens have no audience: what you gave is taken for ids of app clients (`clients`)");
    }
}

fn port(url: &Url) -> u16 {
    let given = url.authority.strip_prefix(url.host()).and_then(|rest| rest.strip_prefix(':'));
    let default = if url.secure { 443 } else { 80 };
    given.and_then(|port| port.parse().ok()).unwrap_or(default)
}
