//! The real OpenID provider of the demo, and the port that makes it change its keys or fail.

use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::client::{Connection, Request, Response, fetch};
use super::places;
use super::process::{Process, free_port};
use super::wait::until;

/// A running provider with an issuer, and so keys, of its own.
pub(crate) struct Provider {
    port: u16,
    control: u16,
    _process: Process,
}

impl Provider {
    /// The audience of the tokens that nothing else was asked for.
    pub(crate) const AUDIENCE: &str = "https://api.example";
    /// Every client's secret, none of which may ever be logged.
    pub(crate) const SECRETS: [&str; 3] = ["svc-secret", "admin-secret", "svc-untyped-secret"];

    /// Who shows this may register clients.
    pub(crate) const INITIAL_ACCESS_TOKEN: &str = "initial-secret";

    /// Starts one and waits until it answers.
    pub(crate) fn start(test: &str) -> Self {
        Self::start_with(test, &[("INITIAL_ACCESS_TOKEN", Self::INITIAL_ACCESS_TOKEN)])
    }

    /// One whose tokens are good for a minute.
    pub(crate) fn start_hurried(test: &str) -> Self {
        let further = [("INITIAL_ACCESS_TOKEN", Self::INITIAL_ACCESS_TOKEN), ("TTL", "60")];
        Self::start_with(test, &further)
    }

    /// One that gives tokens for whatever is at this port of the loopback interface, too, and registers
    /// whoever asks.
    pub(crate) fn start_for(test: &str, api: u16) -> Self {
        Self::start_with(test, &[("API_PORT", &api.to_string())])
    }

    fn start_with(test: &str, further: &[(&str, &str)]) -> Self {
        let (port, control) = (free_port(), free_port());
        let mut command = Command::new(places::node());
        command
            .arg(places::provider())
            .env("HOST", "127.0.0.1")
            .env("PORT", port.to_string())
            .env("CONTROL_PORT", control.to_string())
            .env("CLIENT_KEYS", places::client_keys().join(":"))
            .envs(further.iter().copied())
            .env_remove("ISSUER");
        let log = places::scratch(&format!("{test}-provider")).join("provider.log");
        let mut process = Process::start(&mut command, &log);
        until("the provider to be ready", || {
            if let Some(code) = process.exit_code() {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                panic!("the provider ended with {code}: {said}");
            }
            Connection::try_open(control).ok()?.try_fetch(&Request::get("/ready")).ok()
        });
        Self { port, control, _process: process }
    }

    /// Where it listens, up or not.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Where it takes orders.
    pub(crate) const fn control_port(&self) -> u16 {
        self.control
    }

    /// What its tokens have in `iss`.
    pub(crate) fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}/oauth2/default", self.port)
    }

    /// Its configuration as a provider of the filter, keys by discovery from the cluster `idp`.
    pub(crate) fn discovered(&self) -> Value {
        json!({ "issuer": self.issuer(), "audiences": [Self::AUDIENCE],
                "jwks": { "discovery": true, "cluster": "idp" },
                "claims": { "identity": ["uid", "sub"] } })
    }

    /// Its configuration as a provider of the filter, keys by their URL and often.
    pub(crate) fn with_keys(&self, refresh: &str, cooldown: &str) -> Value {
        let mut provider = self.discovered();
        provider["jwks"] = json!({ "url": format!("{}/v1/keys", self.issuer()), "cluster": "idp",
                                   "refresh": refresh, "cooldown": cooldown });
        provider
    }

    /// An access token by client credentials.
    pub(crate) fn token(&self, client: &str, scope: &str, resource: &str) -> String {
        let secret = STANDARD.encode(format!("{client}:{client}-secret"));
        let form = format!(
            "grant_type=client_credentials&scope={}&resource={}",
            scope.replace(' ', "+").replace(':', "%3A"),
            resource.replace(':', "%3A").replace('/', "%2F")
        );
        let request = Request::new("POST", "/oauth2/default/v1/token")
            .host(&format!("127.0.0.1:{}", self.port))
            .header("Authorization", format!("Basic {secret}"))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form);
        let response = fetch(self.port, &request);
        let token = response.json()["access_token"].as_str().map(str::to_owned);
        token.unwrap_or_else(|| panic!("no token for {client}: {}", response.text()))
    }

    /// What the organisation's server has in `iss`: its tokens are opaque.
    pub(crate) fn organisation(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// An opaque token of the organisation's server, by client credentials.
    pub(crate) fn opaque_token(&self, client: &str, scope: &str) -> String {
        let form = format!("grant_type=client_credentials&scope={}", scope.replace(':', "%3A"));
        let secret = format!("{client}-secret");
        let answer = self.organisation_post("token", (client, &secret), form);
        let token = answer.json()["access_token"].as_str().map(str::to_owned);
        token.unwrap_or_else(|| panic!("no token for {client}: {}", answer.text()))
    }

    /// Revokes an opaque token of this client.
    pub(crate) fn revoke(&self, client: &str, token: &str) {
        let (secret, form) = (format!("{client}-secret"), format!("token={token}"));
        let answer = self.organisation_post("revoke", (client, &secret), form);
        assert_eq!(answer.status(), 200, "{}", answer.text());
    }

    fn organisation_post(
        &self,
        name: &str,
        (client, secret): (&str, &str),
        form: String,
    ) -> Response {
        let basic = STANDARD.encode(format!("{client}:{secret}"));
        let request = Request::new("POST", format!("/oauth2/v1/{name}"))
            .host(&format!("127.0.0.1:{}", self.port))
            .header("Authorization", format!("Basic {basic}"))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form);
        fetch(self.port, &request)
    }

    /// Sets what the introspection endpoint does, and how late.
    pub(crate) fn introspection_endpoint(&self, mode: &str, millis: u64) {
        self.post(&format!("/introspection?mode={mode}&ms={millis}"));
    }

    /// How often the introspection endpoint was asked.
    pub(crate) fn introspections(&self) -> u64 {
        let hits = self.control(&Request::get("/hits"));
        hits["/oauth2/v1/introspect"].as_u64().unwrap_or(0)
    }

    /// The token that most tests need: `svc`, `orders:read`, for [`Self::AUDIENCE`].
    pub(crate) fn usual_token(&self) -> String {
        self.token("svc", "orders:read", Self::AUDIENCE)
    }

    /// A token with these members of header and claims in place of the right ones.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let body = json!({ "header": header, "claims": claims }).to_string();
        let answer = self.control(&Request::new("POST", "/sign").body(body));
        answer["token"].as_str().expect("a signed token").to_owned()
    }

    /// Makes a new key; the old ones stay published.
    pub(crate) fn rotate(&self, algorithm: &str) {
        self.post(&format!("/rotate?alg={algorithm}"));
    }

    /// Withdraws every key but the newest of each algorithm.
    pub(crate) fn retire(&self) {
        self.post("/retire");
    }

    /// Sets what the key set's endpoint does.
    pub(crate) fn keys_endpoint(&self, mode: &str) {
        self.post(&format!("/jwks?mode={mode}"));
    }

    /// Refuses connections from now on.
    pub(crate) fn down(&self) {
        self.post("/down");
    }

    /// Takes connections again.
    pub(crate) fn up(&self) {
        self.post("/up");
    }

    /// How often the key set was asked for.
    pub(crate) fn key_fetches(&self) -> u64 {
        self.hits("/v1/keys")
    }

    /// How often an endpoint below the issuer was asked.
    pub(crate) fn hits(&self, path: &str) -> u64 {
        let hits = self.control(&Request::get("/hits"));
        hits[format!("/oauth2/default{path}")].as_u64().unwrap_or(0)
    }

    /// Registers a client (RFC 7591): its id, and its secret.
    pub(crate) fn register(&self, client: &Value) -> (String, String) {
        let request = Request::new("POST", "/oauth2/default/v1/clients")
            .host(&format!("127.0.0.1:{}", self.port))
            .bearer(Self::INITIAL_ACCESS_TOKEN)
            .header("Content-Type", "application/json")
            .body(client.to_string());
        let answer = fetch(self.port, &request);
        assert_eq!(answer.status(), 201, "{}", answer.text());
        let member = |name: &str| answer.json()[name].as_str().unwrap_or_default().to_owned();
        (member("client_id"), member("client_secret"))
    }

    fn post(&self, target: &str) {
        self.control(&Request::new("POST", target).body(""));
    }

    fn control(&self, request: &Request) -> Value {
        let response = fetch(self.control, request);
        assert_eq!(response.status(), 200, "the provider's control port: {}", response.text());
        response.json()
    }
}
