//! A portal whose people log in at the real provider, through a real proxy.

use serde_json::{Value, json};

use super::{Browser, Envoy, Filter, Listener, Provider, Site, Upstream, configuration, free_port};

/// What seals its cookies.
pub(crate) const SEAL: &str = "a secret that seals what browsers keep";

/// A provider, and what is protected.
pub(crate) struct Portal {
    pub(crate) provider: Provider,
    pub(crate) upstream: Upstream,
    /// The port that browsers see.
    pub(crate) port: u16,
    /// Its id and its secret.
    pub(crate) client: (String, String),
    /// Scheme, host and port, as browsers see them.
    origin: String,
}

impl Portal {
    pub(crate) fn start(name: &str) -> Self {
        Self::with_client(name, "127.0.0.1", "client_secret_basic")
    }

    /// On this host, with a client that shows in this way who it is.
    pub(crate) fn with_client(name: &str, host: &str, auth: &str) -> Self {
        Self::of(Provider::start(name), host, auth)
    }

    /// At this provider.
    pub(crate) fn of(provider: Provider, host: &str, auth: &str) -> Self {
        let (upstream, port) = (Upstream::start(), free_port());
        let origin = format!("http://{host}:{port}");
        let own = format!("{origin}/.login/idp");
        let client = provider.register(&json!({
            "client_name": "portal", "application_type": "web",
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
            "redirect_uris": [format!("{own}/callback")],
            "post_logout_redirect_uris": [format!("{own}/signed-out")],
            "token_endpoint_auth_method": auth,
        }));
        Self { provider, upstream, port, client, origin }
    }

    /// A proxy at this port, with changes to its login.
    pub(crate) fn proxy(&self, name: &str, port: u16, changes: &Value) -> Envoy {
        self.proxy_of(name, port, (changes, &json!({})))
    }

    /// The same with changes to the provider, too.
    pub(crate) fn proxy_of(
        &self,
        name: &str,
        port: u16,
        (changes, further): (&Value, &Value),
    ) -> Envoy {
        let mut login = json!({
            "url": self.origin,
            "client": { "id": self.client.0, "secret": { "env": "CLIENT_SECRET" } },
            "seal": [{ "env": "SEAL" }],
            "scopes": ["openid", "offline_access"], "authorize": { "prompt": "consent" },
        });
        for (name, value) in changes.as_object().expect("members") {
            login[name] = value.clone();
        }
        let mut provider = json!({
            "issuer": self.provider.issuer(), "from": [], "login": login,
            "jwks": { "discovery": true, "cluster": "idp" },
        });
        for (name, value) in further.as_object().expect("members") {
            provider[name] = value.clone();
        }
        let filter = Filter::new(&configuration(json!({ "idp": provider }), Value::Null))
            .variable("CLIENT_SECRET", &self.client.1)
            .variable("WRONG_SECRET", "no longer right")
            .variable("SEAL", SEAL);
        let site = Site::new(name, self.upstream.port()).cluster("idp", self.provider.port());
        Envoy::start(&site.workers(2).listener(&Listener::new(&filter).in_place_of(port)))
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    pub(crate) fn clean(&self, envoy: &Envoy, browser: &Browser) {
        let mut secrets = browser.secrets(self.port);
        secrets.extend([self.client.1.clone(), SEAL.to_owned()]);
        envoy.assert_clean(&secrets);
    }
}
