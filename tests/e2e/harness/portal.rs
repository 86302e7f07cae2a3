//! A portal whose people log in at the real provider, through a real proxy.

use serde_json::{Value, json};

use super::{
    Browser, Envoy, Filter, Listener, Provider, Site, Upstream, attribute, configuration, free_port,
};

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
        Self::registered(provider, (host, auth), None)
    }

    /// One that this provider tells which of its sessions has ended, or else only whose.
    pub(crate) fn with_back_channel(provider: Provider, names_sessions: bool) -> Self {
        Self::registered(provider, ("127.0.0.1", "client_secret_basic"), Some(names_sessions))
    }

    fn registered(
        provider: Provider,
        (host, auth): (&str, &str),
        names_sessions: Option<bool>,
    ) -> Self {
        let (upstream, port) = (Upstream::start(), free_port());
        let origin = format!("http://{host}:{port}");
        let own = format!("{origin}/.login/idp");
        let mut client = json!({
            "client_name": "portal", "application_type": "web",
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
            "redirect_uris": [format!("{own}/callback")],
            "post_logout_redirect_uris": [format!("{own}/signed-out")],
            "token_endpoint_auth_method": auth,
        });
        if let Some(names_sessions) = names_sessions {
            client["backchannel_logout_uri"] = format!("{own}/back-channel").into();
            client["backchannel_logout_session_required"] = names_sessions.into();
        }
        let client = provider.register(&client);
        Self { provider, upstream, port, client, origin }
    }

    /// A proxy at this port, with changes to its login.
    pub(crate) fn proxy(&self, name: &str, port: u16, changes: &Value) -> Envoy {
        self.proxy_of(name, port, (changes, &json!({})))
    }

    /// The same with changes to the provider, too.
    pub(crate) fn proxy_of(&self, name: &str, port: u16, of: (&Value, &Value)) -> Envoy {
        let filter = self.filter(of);
        self.start_proxy(name, &Listener::new(&filter).in_place_of(port))
    }

    /// A proxy at this port whose provider may end sessions, and gives no more tokens then; its second entry
    /// reads what it sends, if it is there.
    pub(crate) fn proxy_with_back_channel(&self, name: &str, port: u16, reads: bool) -> Envoy {
        let both = json!({ "from": [{ "header": "authorization" }],
            "audiences": [Provider::AUDIENCE],
            "jwks": { "discovery": true, "cluster": "idp", "cooldown": "1s" } });
        let login = json!({ "back_channel": true, "scopes": ["openid"] });
        let filter = self.filter((&login, &both));
        let mut listener = Listener::new(&filter).in_place_of(port);
        if reads {
            listener = listener.reading_bodies(&filter, "/.login/idp/back-channel");
        }
        self.start_proxy(name, &listener)
    }

    fn start_proxy(&self, name: &str, listener: &Listener) -> Envoy {
        let site = Site::new(name, self.upstream.port()).cluster("idp", self.provider.port());
        Envoy::start(&site.workers(2).listener(listener))
    }

    fn filter(&self, (changes, further): (&Value, &Value)) -> Filter {
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
        Filter::new(&configuration(json!({ "idp": provider }), Value::Null))
            .variable("CLIENT_SECRET", &self.client.1)
            .variable("WRONG_SECRET", "no longer right")
            .variable("SEAL", SEAL)
    }

    /// The person ends the session at the provider itself.
    pub(crate) fn sign_out_at_the_provider(&self, browser: &mut Browser) {
        let (at, page) = browser.open(&format!("{}/session/end", self.provider.issuer()));
        let xsrf = attribute(&page.text(), "name=\"xsrf\" value=\"").expect("a form");
        let (_, page) = browser.submit(&at, &page, &[("xsrf", &xsrf), ("logout", "yes")]);
        assert_eq!(page.status(), 200, "{}", page.text());
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
