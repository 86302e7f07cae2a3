//! A request for each code with which one can be refused.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate::event::Event;
use tollgate::ids::StreamId;
use tollgate::verdict::Deny;

use crate::logins::{self, Shown};
use crate::support::recorded;
use crate::support::token::{AUDIENCE, ISSUER, NOW, Signer, Token, key_set};
use crate::support::world::{Worker, World, head};
use crate::{merge, sha256};

/// The key that opens the steps.
pub(crate) const EXPLAIN_KEY: &str = "open-sesame";
/// The key of the partner `acme`.
const API_KEY: &str = "pk_live_51H8vQ2eZvKYlo2C";

/// A request, and what must be so that it ends with this code.
pub(crate) struct Scene {
    pub(crate) deny: Deny,
    /// A merge patch to the [`configuration`].
    changes: Value,
    /// What happened before.
    ready: fn(&World, &mut Worker<'_>),
    method: &'static str,
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    /// What a browser shows in place of path and headers, each time anew.
    shown: Option<fn(&mut Worker<'_>) -> Shown>,
}

impl Scene {
    /// `GET /orders/7` with these headers.
    pub(crate) fn new(deny: Deny, headers: &[(&'static str, &str)]) -> Self {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let (method, path) = ("GET", "/orders/7");
        Self {
            deny,
            changes: json!({}),
            ready: |_, _| {},
            method,
            path,
            headers: headers.collect(),
            shown: None,
        }
    }

    /// The same with this token.
    fn token(deny: Deny, token: &str) -> Self {
        Self::new(deny, &[("authorization", &format!("Bearer {token}"))])
    }

    /// The same with the good token, changed.
    fn claim(deny: Deny, name: &str, value: impl Into<Value>) -> Self {
        Self::token(deny, &sign(&good().claim(name, value)))
    }

    fn path(self, path: &'static str) -> Self {
        Self { path, ..self }
    }

    fn method(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    pub(crate) fn under(self, changes: Value) -> Self {
        Self { changes, ..self }
    }

    /// A browser's request.
    pub(crate) fn of_browser(self, shown: fn(&mut Worker<'_>) -> Shown) -> Self {
        Self { shown: Some(shown), ..self }
    }

    fn after(self, ready: fn(&World, &mut Worker<'_>)) -> Self {
        Self { ready, ..self }
    }

    /// A worker for which everything is as it must be, with further changes.
    pub(crate) fn worker<'w>(&self, world: &'w World, further: &Value) -> Worker<'w> {
        let mut config = configuration();
        merge(&mut config, &self.changes);
        merge(&mut config, further);
        let mut worker = Worker::new(world, &config.to_string());
        (self.ready)(world, &mut worker);
        worker
    }

    /// Sends the request, with further headers.
    pub(crate) fn send(&self, worker: &mut Worker<'_>, further: &[(&str, &str)]) -> StreamId {
        let shown = self.shown.map(|shown| recorded::unheard(|| shown(worker)));
        let own = shown.iter().flat_map(|shown| &shown.headers);
        let headers = self.headers.iter().chain(own).map(|(name, value)| (*name, value.as_str()));
        let headers: Vec<_> = headers.chain(further.iter().copied()).collect();
        let path = shown.as_ref().map_or(self.path, |shown| &shown.path);
        if let Some(form) = shown.as_ref().and_then(|shown| shown.form.clone()) {
            let stream = worker.request(logins::followed(path, &headers));
            if form.is_empty() {
                worker.world().wait(Duration::from_secs(2));
                worker.tick();
            } else {
                worker.handle(Event::Body { stream, body: Some(form.into_bytes()) });
            }
            return stream;
        }
        let stream = worker.request(head(self.method, path, &headers));
        if let Some((status, body)) = shown.and_then(|shown| shown.answer) {
            worker.answer(status, &[], &body);
        }
        stream
    }
}

/// Every part of a decision has something to say here.
fn configuration() -> Value {
    json!({
        "explain": { "key_sha256": sha256(EXPLAIN_KEY) },
        "providers": {
            "idp": {
                "issuer": ISSUER, "audiences": [AUDIENCE], "max_lifetime": "1h", "clients": ["app", "tool"],
                "jwks": { "inline": { "keys": [Signer::new("k1").jwk()] } },
                "claims": { "policies": ["pol"] },
                "require": [{ "claim": "department", "in": ["eng", "ops"] }],
            },
            "partner": { "kind": "api_key", "from": [{ "header": "x-api-key" }], "keys": [
                { "name": "acme", "sha256": sha256(API_KEY), "identity": "acme" },
                { "name": "off", "sha256": sha256("off"), "identity": "off", "active": false },
                { "name": "over", "sha256": sha256("over"), "identity": "over",
                  "expires": "2020-01-01T00:00:00Z" },
            ] },
        },
        "policies": {
            "reader": { "access": [{ "apis": ["orders"], "methods": ["GET"] }] },
            "suspended": { "active": false },
        },
        "apis": [
            { "name": "orders", "match": { "paths": ["/orders/**"], "hosts": ["api.example.com"] },
              "auth": ["idp"], "clients": ["app"], "scopes": ["read"],
              "require": [{ "claim": "roles", "contains_any": ["staff"] }],
              "policies": { "from_claim": true, "by_scope": { "read": ["reader"] } } },
            { "name": "partners", "match": { "paths": ["/partners/**"] }, "auth": ["partner"] },
            { "name": "public", "match": { "paths": ["/public/**"] }, "auth": "none" },
        ],
        "log": { "per_second": 1000 },
    })
}

/// A token that the API `orders` takes.
fn good() -> Token {
    Token::for_identity("alice")
        .claim("department", "eng")
        .claim("cid", "app")
        .claim("scp", json!(["read", "profile"]))
        .claim("roles", json!(["staff", "admin"]))
}

fn sign(token: &Token) -> String {
    Signer::new("k1").sign(token)
}

/// The keys of `idp` in place of those in the configuration: fetched, with these settings.
fn fetched(settings: Value) -> Value {
    let mut jwks =
        json!({ "inline": null, "url": "https://id.example.com/keys", "cluster": "idp" });
    merge(&mut jwks, &settings);
    jwks["inline"] = Value::Null;
    json!({ "providers": { "idp": { "jwks": jwks } } })
}

/// A token that is no JWT.
const OPAQUE: &str = "2YotnFZFEjr1zCsicMWpAA";

/// A provider that is asked about tokens, in place of `idp`.
fn asked() -> Value {
    json!({
        "providers": { "org": {
            "kind": "introspection", "url": "https://org.example.com/introspect", "cluster": "org",
            "client": { "id": "gateway", "secret": { "text": "s" } }, "audiences": [AUDIENCE],
        } },
        "apis": [{ "name": "orders", "match": { "paths": ["/orders/**"] }, "auth": ["org"] }],
        "policies": null,
    })
}

/// The policy that good tokens have, with these members.
fn policy(members: Value) -> Value {
    json!({ "policies": { "reader": members } })
}

/// A request whose call to the service that counts limits brings nothing.
fn away(_: &World, worker: &mut Worker<'_>) {
    worker.get(&sign(&good()));
    let call = *worker.calls.keys().next().expect("a call is out");
    worker.call_done(call, None);
}

/// One request, which is let through.
fn once(_: &World, worker: &mut Worker<'_>) {
    let stream = worker.get(&sign(&good()));
    assert_eq!(worker.verdict(stream), "forwarded");
}

/// In the order of the codes; those that no request can be brought to are missing.
pub(crate) fn all() -> Vec<Scene> {
    let mut all: Vec<_> = [credentials(), limits(), logins::all(), rights(), tokens()]
        .into_iter()
        .flatten()
        .collect();
    all.sort_by_key(|scene| scene.deny);
    all
}

fn credentials() -> Vec<Scene> {
    let cookie = json!({ "providers": { "idp": {
        "from": [{ "cookie": "s", "origins": ["https://app.example.com"] }] } } });
    vec![
        Scene::token(Deny::ApiUnknown, &sign(&good())).path("/nowhere"),
        Scene::new(
            Deny::CorsPreflightRefused,
            &[("origin", "https://app.example.com"), ("access-control-request-method", "GET")],
        )
        .method("OPTIONS"),
        Scene::new(Deny::CredentialMissing, &[]),
        Scene::new(Deny::CredentialMultiple, &[("x-api-key", API_KEY), ("x-api-key", "off")])
            .path("/partners/7"),
        Scene::new(Deny::HostAmbiguous, &[("host", "api.example.com:80:80")]),
        Scene::new(Deny::KeyExpired, &[("x-api-key", "over")]).path("/partners/7"),
        Scene::new(Deny::KeyInactive, &[("x-api-key", "off")]).path("/partners/7"),
        Scene::new(Deny::KeyUnknown, &[("x-api-key", "nobody's")]).path("/partners/7"),
        mcp(Deny::McpHeaderInvalid, "2026-07-28"),
        mcp(Deny::McpVersionRefused, "2025-11-25"),
        Scene::new(Deny::MethodAmbiguous, &[]).method("get"),
        Scene::new(
            Deny::OriginRefused,
            &[("cookie", &format!("s={}", sign(&good()))), ("origin", "https://evil.example")],
        )
        .method("POST")
        .under(cookie),
        Scene::new(Deny::PathAmbiguous, &[]).path("/orders//7"),
    ]
}

/// A call of a tool without its name, at a server of MCP that takes one revision alone.
fn mcp(deny: Deny, version: &str) -> Scene {
    let bearer = format!("Bearer {}", sign(&good()));
    let headers = [
        ("authorization", &*bearer),
        ("mcp-protocol-version", version),
        ("mcp-method", "tools/call"),
    ];
    let api = json!({ "name": "orders", "match": { "paths": ["/orders/**"] }, "auth": ["idp"],
                      "mcp": { "legacy": "refuse" } });
    Scene::new(deny, &headers).under(json!({ "apis": [api] }))
}

fn limits() -> Vec<Scene> {
    let slow = json!({ "requests": 1, "per": "1h" });
    let good = &sign(&good());
    vec![
        Scene::token(Deny::LimitContention, good)
            .under(policy(json!({ "rate": slow })))
            .after(|world, _| world.store.losses.set(100_000)),
        Scene::token(Deny::LimitKeyMissing, good)
            .under(policy(json!({ "quota": slow, "limit_by": { "claim": "org" } }))),
        Scene::token(Deny::LimitStoreFull, good)
            .under(policy(json!({ "quota": slow })))
            .after(|world, _| world.store.absent.set(true)),
        Scene::token(Deny::LimitsUnavailable, good)
            .under(json!({
                "policies": { "reader": { "rate": { "requests": 9, "per": "1h", "count": "exact" } } },
                "limits": { "remote": { "service": "ratelimit", "cluster": "rls", "replicas": 3,
                                        "on_outage": "deny" } },
            }))
            .after(away),
        Scene::token(Deny::QuotaExceeded, good).under(policy(json!({ "quota": slow }))).after(once),
        Scene::token(Deny::RateLimited, good).under(policy(json!({ "rate": slow }))).after(once),
    ]
}

fn rights() -> Vec<Scene> {
    let list = json!({ "revoked": { "url": "https://id.example.com/revoked", "cluster": "idp" } });
    let revoked = |what: &str, value: &str| json!({ "revoked": { "entries": [{ "provider": "idp", what: value }] } });
    vec![
        Scene::claim(Deny::AccessDenied, "cid", "tool"),
        Scene::claim(Deny::ClaimInsufficient, "roles", json!(["guest"])),
        Scene::token(Deny::IdentityMissing, &sign(&good().without("sub"))),
        Scene::claim(Deny::PolicyNone, "scp", json!(["profile"])),
        Scene::claim(Deny::PolicyUnknown, "pol", "raeder"),
        Scene::token(Deny::RevocationsStale, &sign(&good())).under(list),
        Scene::token(
            Deny::ScopeInsufficient,
            &sign(&good().claim("scp", "profile").claim("pol", "reader")),
        ),
        Scene::claim(Deny::SessionExpired, "auth_time", NOW - 7200)
            .under(policy(json!({ "expires_after": "1h" }))),
        Scene::token(Deny::SessionInactive, &sign(&good())).under(revoked("identity", "alice")),
        Scene::claim(Deny::TokenRevoked, "jti", "j1").under(revoked("jti", "j1")),
    ]
}

fn tokens() -> Vec<Scene> {
    let token = |deny, token: Token| Scene::token(deny, &sign(&token));
    let header =
        |deny, name: &str, value: Value| Scene::token(deny, &sign(&good().header(name, value)));
    vec![
        Scene::token(Deny::IntrospectionUnavailable, OPAQUE).under(asked()),
        Scene::token(Deny::TokenInactive, OPAQUE).under(asked()).after(|_, worker| {
            worker.get(OPAQUE);
            worker.tick();
            worker.answer(200, &[], r#"{"active":false}"#);
        }),
        Scene::token(Deny::KeysStale, &sign(&good()))
            .under(fetched(json!({ "refresh": "5m", "max_stale": "10m" })))
            .after(|world, worker| {
                worker.fetch(&key_set(&[&Signer::new("k1")]));
                world.wait(Duration::from_mins(16));
            }),
        Scene::token(Deny::KeysUnavailable, &sign(&good())).under(fetched(json!({}))),
        Scene::token(Deny::Overloaded, &sign(&good()))
            .under(fetched(json!({})))
            .after(|_, worker| (0..256).for_each(|_| assert!(worker.get(&sign(&good())).0 < 256))),
        header(Deny::TokenAlgorithmRefused, "alg", json!("HS256")),
        Scene::claim(Deny::TokenAudienceMismatch, "aud", "another"),
        Scene::claim(Deny::TokenBindingUnsupported, "cnf", json!({ "jkt": "x" })),
        Scene::claim(Deny::TokenClaimMalformed, "exp", "tomorrow"),
        Scene::claim(Deny::TokenClaimRefused, "department", "sales"),
        Scene::claim(Deny::TokenClientRefused, "cid", "other"),
        Scene::token(
            Deny::TokenEncrypted,
            "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..aaaa.bbbb.cccc",
        ),
        Scene::claim(Deny::TokenExpired, "exp", NOW - 100),
        token(Deny::TokenExpiryMissing, good().without("exp")),
        header(Deny::TokenHeaderInvalid, "crit", json!(["exp"])),
        Scene::claim(Deny::TokenIssuedInFuture, "iat", NOW + 100),
        Scene::claim(Deny::TokenIssuerUnknown, "iss", "https://id.example.com"),
        header(Deny::TokenKeyMismatch, "alg", json!("ES256")),
        Scene::token(Deny::TokenKeyUnknown, &Signer::new("k9").sign(&good())),
        Scene::claim(Deny::TokenLifetimeExceeded, "exp", NOW + 7200),
        Scene::token(Deny::TokenMalformed, "opaque"),
        Scene::claim(Deny::TokenNotYetValid, "nbf", NOW + 100),
        Scene::token(Deny::TokenSignatureInvalid, &Signer::new("k1").renewed().sign(&good())),
        Scene::token(Deny::TokenTooLarge, &"x".repeat(20_000)),
        header(Deny::TokenTypeRefused, "typ", json!("dpop+jwt")),
        nameless_forgeries(),
    ]
}

/// A token without `kid`, which any of eight keys may have signed, behind so many forged ones that no
/// more are tried in this second.
fn nameless_forgeries() -> Scene {
    fn nameless(signer: &Signer, identity: &str) -> String {
        let claims = json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": identity, "exp": NOW + 300 });
        signer.sign_text(r#"{"alg":"EdDSA"}"#, claims.to_string())
    }
    let keys: Vec<_> = (0..8).map(|nth| Signer::new(&format!("k{nth}")).jwk()).collect();
    let keys = json!({ "providers": { "idp": { "jwks": { "inline": { "keys": keys } } } } });
    Scene::token(Deny::VerifyBudget, &nameless(&Signer::new("k1"), "alice")).under(keys).after(
        |_, worker| {
            for nth in 0..40 {
                worker.get(&nameless(&Signer::new("forger"), &nth.to_string()));
            }
        },
    )
}
