//! Logins with the token answers that vendors document: which members there are, and of which type, when
//! a code is redeemed and when a refresh token is. The configurations are those of docs/login.md. What an
//! API sees of it is looked at after the login, after a refresh, and after the next one.
//!
//! The claims are the documented ones, and the tokens as long as these usually are.

#[path = "support/pairs.rs"]
mod pairs;
mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::browser::{Asked, Browser, body, parameter, start};
use support::token::NOW;
use support::world::{Worker, World, upstream};
use tollgate::config::Config;
use tollgate::engine::{Held, reveal};
use tollgate::http::form_field;
use tollgate::ids::StreamId;

/// Stand for the tokens in an answer.
const ACCESS: &str = "<access>";
const ID: &str = "<id>";
const REFRESH: &str = "<refresh>";
/// The refresh token of the login, once more.
const SAME: &str = "<refresh of the login>";

/// What a token that is not looked into looks like.
#[derive(Clone, Copy)]
enum Looks {
    /// It begins so, and has so many bytes.
    Opaque(&'static str, usize),
    /// Signed: three parts in base64url.
    Signed(usize),
    /// Encrypted: five parts in base64url.
    Encrypted(usize),
}

impl Looks {
    /// The token of a turn.
    fn of(self, turn: u32) -> String {
        let (start, bytes) = match self {
            Self::Opaque(start, bytes) => (format!("{start}{turn}"), bytes),
            Self::Signed(bytes) => {
                let head = pairs::encoded(r#"{"alg":"HS512","typ":"JWT"}"#);
                (format!("{head}.{}.", pairs::encoded(format!("turn {turn}"))), bytes)
            }
            Self::Encrypted(bytes) => {
                let head = pairs::encoded(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#);
                (format!("{head}.{}.AAAA.AAAA.", pairs::encoded(format!("turn {turn}"))), bytes)
            }
        };
        // What is not a part of its own is decoded and encoded again: whole groups of four.
        let rest = bytes.saturating_sub(start.len());
        let rest = if matches!(self, Self::Opaque(..)) { rest } else { rest / 4 * 4 };
        start + &"A".repeat(rest)
    }
}

/// What a vendor documents, and what a session has of it.
struct Vendor {
    /// Which of its ways.
    name: &'static str,
    /// The provider's name in docs/login.md.
    provider: &'static str,
    /// What else than there is configured: members of the provider, and of its login.
    provider_has: Value,
    login_has: Value,
    /// The header of its ID token.
    header: Value,
    /// What the ID token says besides `iat`, `exp` and `nonce`.
    claims: Value,
    /// What an ID token of a refresh says otherwise; nothing stands for a claim that is gone.
    claims_later: Value,
    /// Whether it has the access token's hash.
    at_hash: bool,
    /// How long the tokens usually are.
    id_bytes: usize,
    access: Looks,
    refresh: Looks,
    /// What the token endpoint answers to a code.
    answer: Value,
    /// What it answers to a refresh token; `None` where it gives none.
    refreshed: Option<Value>,
    /// What a session has of it: whose it is, its scopes, and those after a refresh.
    identity: &'static str,
    scopes: &'static str,
    scopes_later: &'static str,
}

/// The configuration of a vendor in docs/login.md.
fn documented(provider: &str) -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/login.md");
    let text = std::fs::read_to_string(path).expect("the document");
    let blocks = text.split("```json\n").skip(1).filter_map(|block| block.split("```").next());
    let all = blocks.filter_map(|block| serde_json::from_str::<Value>(block).ok());
    let mut all = all.filter(|config| config["providers"][provider]["login"].is_object());
    all.next().unwrap_or_else(|| panic!("no {provider}"))
}

/// A token that the provider has signed.
fn signed(header: &Value, claims: &Value) -> String {
    let parts = [header, claims].map(|part| pairs::encoded(part.to_string()));
    let signed = parts.join(".");
    let signature = pairs::rsa_signature(signed.as_bytes());
    format!("{signed}.{}", pairs::encoded(signature))
}

/// What an ID token says of the access token beside it.
fn hash_of(access_token: &str) -> Value {
    pairs::encoded(&pairs::sha256(access_token.as_bytes())[..16]).into()
}

impl Vendor {
    /// Its documented configuration, with keys, secrets and endpoints that need no call, and an API that
    /// wants the scopes of its sessions.
    fn config(&self, forwards: bool) -> Value {
        let mut config = documented(self.provider);
        let scopes = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        config["log"] = json!({ "per_second": 1000 });
        config["apis"] = json!([
            { "name": "later", "match": { "paths": ["/later"] }, "auth": [self.provider],
              "scopes": scopes(self.scopes_later) },
            { "name": "all", "auth": [self.provider], "scopes": scopes(self.scopes) },
        ]);
        let provider = &mut config["providers"][self.provider];
        provider["jwks"] = json!({ "inline": { "keys": [pairs::rsa_jwk("r1")] } });
        let login = &mut provider["login"];
        login["client"]["secret"] = json!({ "base64": "c2VjcmV0" });
        login["seal"] = json!([{ "base64": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=" }]);
        // Longer than any access token lives.
        login["session"] = json!({ "max": "72h" });
        if login.get("endpoints").is_none() {
            login["cluster"] = self.provider.into();
            login["endpoints"] = json!({
                "authorization": "https://id.example.com/auth",
                "token": "https://id.example.com/token",
                "end_session": "https://id.example.com/end",
            });
        }
        if forwards {
            login["forward"] = json!({ "access_token": "authorization", "id_token": "x-id-token" });
        }
        for (name, value) in self.login_has.as_object().unwrap() {
            login[name] = value.clone();
        }
        for (name, value) in self.provider_has.as_object().unwrap() {
            provider[name] = value.clone();
        }
        config
    }

    /// The ID token of a turn, as long as it usually is.
    fn id_token(&self, world: &World, turn: u32, nonce: &str) -> String {
        let now = world.now.get().millis() / 1000;
        let mut claims = self.claims.clone();
        claims["iat"] = now.into();
        claims["exp"] = (now + 3600).into();
        claims["nonce"] = nonce.into();
        if self.at_hash {
            claims["at_hash"] = hash_of(&self.access.of(turn));
        }
        if turn > 0 {
            for (name, value) in self.claims_later.as_object().unwrap() {
                match value {
                    Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                    value => claims[name] = value.clone(),
                }
            }
        }
        let short = self.id_bytes.saturating_sub(signed(&self.header, &claims).len()) * 3 / 4;
        // With its name, quotes and comma.
        claims["pad"] = "x".repeat(short.saturating_sub(9)).into();
        signed(&self.header, &claims)
    }

    /// An answer of a turn, with its tokens in it.
    fn tokens(&self, answer: &Value, turn: u32, id_token: &str) -> String {
        let mut answer = answer.clone();
        for value in answer.as_object_mut().unwrap().values_mut() {
            match value.as_str() {
                Some(ACCESS) => *value = self.access.of(turn).into(),
                Some(REFRESH) => *value = self.refresh.of(turn).into(),
                Some(SAME) => *value = self.refresh.of(0).into(),
                Some(ID) => *value = id_token.into(),
                _ => {}
            }
        }
        answer.to_string()
    }
}

/// A browser with a session, the worker that gave it, and what the two know.
struct Session<'v, 'w> {
    vendor: &'v Vendor,
    worker: Worker<'w>,
    config: Config,
    browser: Browser,
    asked: Asked,
    id_token: String,
    forwards: bool,
}

impl<'v, 'w> Session<'v, 'w> {
    /// Logs in.
    fn begin(vendor: &'v Vendor, world: &'w World, forwards: bool) -> Self {
        let text = vendor.config(forwards).to_string();
        let mut worker = Worker::new(world, &text);
        let config = Config::parse(text.as_bytes()).expect("it was read before");
        let mut browser = Browser::default();
        let asked = start(&mut worker, &mut browser, "/orders");
        let back = parameter(&asked.url, "redirect_uri").unwrap();
        let path = back.strip_prefix("https://portal.example.com").unwrap();
        let stream = browser.visit(&mut worker, &format!("{path}?code=c&state={}", asked.state));
        let id_token = vendor.id_token(world, 0, &asked.nonce);
        worker.answer(200, &[], &vendor.tokens(&vendor.answer, 0, &id_token));
        let reply = worker.reply(stream).clone();
        assert_eq!(reply.status, 303, "{}: {:?}", vendor.name, worker.log);
        browser.keep(&reply);
        Self { vendor, worker, config, browser, asked, id_token, forwards }
    }

    /// The access token is over, and a page is gone to.
    fn refresh(&mut self, turn: u32, answer: &Value) {
        let vendor = self.vendor;
        self.worker.world().wait(Duration::from_secs(86_401));
        let stream = self.browser.visit(&mut self.worker, "/later");
        assert_eq!(self.worker.verdict(stream), "waiting", "{}", vendor.name);
        self.worker.tick();
        // The last one that came.
        let is_new = answer.get("refresh_token").is_some_and(|token| token == REFRESH);
        let before = if is_new { turn - 1 } else { 0 };
        let form = body(self.worker.calls.values().next().expect("a call"));
        let shown = form_field(form.as_bytes(), "refresh_token").unwrap().unwrap();
        assert_eq!(shown, vendor.refresh.of(before), "{}", vendor.name);
        if answer.get("id_token").is_some() {
            self.id_token = vendor.id_token(self.worker.world(), turn, &self.asked.nonce);
        }
        self.worker.answer(200, &[], &vendor.tokens(answer, turn, &self.id_token));
        self.is_sent(stream, turn);
        let (headers, _) = &self.worker.after[&stream];
        self.browser.keep_of(headers);
    }

    /// A page is let in, with what the session says.
    fn is_sent(&self, stream: StreamId, turn: u32) {
        let name = self.vendor.name;
        let told = self.worker.verdict(stream);
        assert_eq!(told, "forwarded", "{name}: {:?}", self.worker.log);
        let sent = upstream(&self.worker, stream, &[]);
        let has = |header: &str, value: &str| {
            let found = sent.iter().find(|(found, _)| found == header);
            assert_eq!(found.map(|(_, value)| value.as_str()), Some(value), "{name}: {header}");
        };
        has("x-tollgate-identity", self.vendor.identity);
        if self.forwards {
            has("authorization", &format!("Bearer {}", self.vendor.access.of(turn)));
            has("x-id-token", &self.id_token);
        }
    }

    /// Looks at all that there is of it.
    fn is_right(&mut self, turn: u32, scopes: &str) {
        let (vendor, name) = (self.vendor, self.vendor.name);
        let path = if turn == 0 { "/orders" } else { "/later" };
        let stream = self.browser.visit(&mut self.worker, path);
        self.is_sent(stream, turn);
        // What was granted before and no more is gone.
        let lost = vendor.scopes.split(' ').any(|one| !scopes.split(' ').any(|has| has == one));
        let stream = self.browser.visit(&mut self.worker, "/orders");
        let expected = if lost { "scope_insufficient" } else { "forwarded" };
        assert_eq!(self.worker.verdict(stream), expected, "{name}");
        let mut whole = 0;
        for (cookie, value) in &self.browser.0 {
            assert!(cookie.len() + value.len() < 4000, "{name}: {cookie}");
            // The hint goes to the logout alone, where it goes nowhere else.
            if self.forwards || !cookie.ends_with("-i") {
                whole += cookie.len() + value.len() + 3;
            }
        }
        assert!(self.forwards || whole < 4000, "{name}: {whole} bytes with each request");
        let cookie = format!("__Host-tollgate-{}", self.vendor.provider);
        let now = self.worker.world().now.get();
        let held = reveal(&self.config, vec![], None, &self.browser.0[&cookie], now).unwrap().held;
        let Held::Session { session, .. } = held else { panic!("{name}: no session") };
        assert_eq!(
            (&*session.identity, &*session.scopes),
            (self.vendor.identity, scopes),
            "{name}"
        );
        let text = |claim: &str| self.vendor.claims[claim].as_str();
        assert_eq!(Some(&*session.subject), text("sub"), "{name}");
        assert_eq!(session.sid.as_deref(), text("sid"), "{name}");
        let since = self.vendor.claims["auth_time"].as_u64();
        let found = session.authenticated.map(|at| at.millis() / 1000);
        assert_eq!(found, since, "{name}: when the person signed in");
    }
}

/// A row, with what is said in most of them.
fn vendor(name: &'static str, provider: &'static str, identity: &'static str) -> Vendor {
    Vendor {
        name,
        provider,
        provider_has: json!({}),
        login_has: json!({}),
        header: json!({ "alg": "RS256", "kid": "r1", "typ": "JWT" }),
        claims: json!({}),
        claims_later: json!({}),
        at_hash: false,
        id_bytes: 0,
        access: Looks::Signed(1200),
        refresh: Looks::Opaque("", 43),
        answer: json!({}),
        refreshed: None,
        identity,
        scopes: "openid",
        scopes_later: "openid",
    }
}

fn vendors() -> Vec<Vendor> {
    let all = [okta(), entra(), keycloak(), google(), cognito(), auth0(), glewlwyd()];
    all.into_iter().flatten().collect()
}

// All pages were read on 2026-11-30. Where something is not on them, it is said to be from memory.

/// https://developer.okta.com/docs/reference/api/oidc/ (the answer of `/token`, header and claims of the
/// ID token) and https://developer.okta.com/docs/guides/refresh-tokens/main/ (what a refresh brings; a
/// web application keeps its refresh token unless rotation is on).
fn okta() -> Vec<Vendor> {
    let rotating = || Vendor {
        login_has: json!({ "scopes": ["openid", "email", "profile", "offline_access"] }),
        header: json!({ "alg": "RS256", "kid": "r1" }),
        claims: json!({
            "iss": "https://example.okta.com/oauth2/default", "aud": "0oa1", "ver": 1,
            "sub": "00uid4BxXw6I6TV4m0g3", "jti": "ID.4eAWJOCMB3SX8XewDfVR", "amr": ["pwd"],
            "idp": "00ok1u7AsAkrwdZL3z0g3", "auth_time": NOW, "name": "John Doe",
            "preferred_username": "john.doe@example.com", "email": "john.doe@example.com",
            "email_verified": true, "updated_at": 1_311_280_970,
            "address": { "locality": "Los Angeles", "country": "US" },
        }),
        claims_later: json!({ "nonce": null, "jti": "ID.other" }),
        at_hash: true,
        id_bytes: 1164,
        answer: json!({ "access_token": ACCESS, "token_type": "Bearer", "expires_in": 3600,
            "scope": "offline_access openid", "refresh_token": REFRESH, "id_token": ID }),
        refreshed: Some(
            json!({ "access_token": ACCESS, "token_type": "Bearer", "expires_in": 3600,
            "scope": "offline_access openid", "refresh_token": REFRESH, "id_token": ID }),
        ),
        scopes: "offline_access openid",
        scopes_later: "offline_access openid",
        ..vendor("Okta, rotating", "okta", "00uid4BxXw6I6TV4m0g3")
    };
    let persistent = Vendor {
        name: "Okta, persistent",
        // As the page writes it: one scope, whatever was meant.
        refreshed: Some(
            json!({ "access_token": ACCESS, "token_type": "Bearer", "expires_in": 3600,
            "scope": "offline_access%20openid", "refresh_token": SAME, "id_token": ID }),
        ),
        scopes_later: "offline_access%20openid",
        ..rotating()
    };
    vec![rotating(), persistent]
}

/// https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow (both answers) and
/// https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference (no `at_hash` from
/// `/token`; a `sid`). `ext_expires_in` is a number in
/// https://azuread.github.io/microsoft-authentication-library-for-js/ref/types/_azure_msal_common.ServerAuthorizationTokenResponse.html.
/// That a refresh token has dots in it, and twenty groups, are from memory. The v1 endpoint:
/// https://learn.microsoft.com/en-us/previous-versions/azure/active-directory/azuread-dev/v1-protocols-oauth-code
/// (numbers as texts, `resource`; a refresh brings neither `id_token` nor `scope`). Its sample's ID token
/// is not signed; such a one is refused, so that here it is.
fn entra() -> Vec<Vendor> {
    let groups: Vec<_> =
        (10..30).map(|n| format!("{n}aabbcc-1111-2222-3333-4444555566{n}")).collect();
    let one = groups[0].clone();
    let second = |name| Vendor {
        provider_has: json!({ "claims": { "identity": ["oid"] },
            "require": [{ "claim": "groups", "contains_any": [one.clone()] }] }),
        claims: json!({
            "ver": "2.0", "aud": "66666666-7777-8888-9999-000000000000",
            "iss": "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0",
            "nbf": NOW, "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", "name": "Abe Lincoln",
            "preferred_username": "abeli@example.com", "tid": "11111111-2222-3333-4444-555555555555",
            "oid": "00000000-0000-0000-66f3-3332eca7ea81", "aio": "Df2UVXL1ix!lMCWMSOJBcFatzcGfvFGhjKv8",
            "rh": "0.ARoA", "uti": "fqiBqXLPj0eQa82S-IYFAA", "groups": groups.clone(),
            "sid": "9f1a0c6a-5d59-4b1b-9c2e-6c1c1f0e8d11",
        }),
        claims_later: json!({ "uti": "another" }),
        id_bytes: 2568,
        access: Looks::Signed(2660),
        refresh: Looks::Opaque("1.AXoA-x2w_.AgABAwEAAAD", 1500),
        answer: json!({ "token_type": "Bearer", "scope": "openid profile email User.Read",
            "expires_in": 3599, "ext_expires_in": 3599, "access_token": ACCESS,
            "refresh_token": REFRESH, "id_token": ID }),
        refreshed: Some(json!({ "token_type": "Bearer", "scope": "openid profile email User.Read",
            "expires_in": 3599, "ext_expires_in": 3599, "access_token": ACCESS,
            "refresh_token": REFRESH, "id_token": ID })),
        scopes: "openid profile email User.Read",
        scopes_later: "openid profile email User.Read",
        ..vendor(name, "entra", "00000000-0000-0000-66f3-3332eca7ea81")
    };
    let written = Vendor {
        answer: json!({ "access_token": ACCESS, "token_type": "Bearer", "expires_in": 3599,
            "scope": "https%3A%2F%2Fgraph.microsoft.com%2Fmail.read", "refresh_token": REFRESH,
            "id_token": ID }),
        scopes: "https%3A%2F%2Fgraph.microsoft.com%2Fmail.read",
        ..second("Entra ID, as the page writes a scope")
    };
    let mut first = second("Entra ID, the v1 endpoint");
    let issuer = "https://sts.windows.net/11111111-2222-3333-4444-555555555555/";
    first.provider_has["issuer"] = issuer.into();
    first.header["x5t"] = "r1".into();
    for (name, value) in [("iss", issuer), ("ver", "1.0"), ("unique_name", "abeli@example.com")] {
        first.claims[name] = value.into();
    }
    first.claims["amr"] = json!(["pwd"]);
    first.answer = json!({ "access_token": ACCESS, "token_type": "Bearer", "expires_in": "3600",
        "expires_on": "1388444763", "resource": "https://service.contoso.com/",
        "refresh_token": REFRESH, "scope": "user_impersonation", "id_token": ID });
    first.refreshed = Some(json!({ "token_type": "Bearer", "expires_in": "3600",
        "expires_on": "1460404526", "resource": "https://service.contoso.com/",
        "access_token": ACCESS, "refresh_token": REFRESH }));
    (first.scopes, first.scopes_later) = ("user_impersonation", "user_impersonation");
    vec![second("Entra ID"), written, first]
}

/// The members: core/src/main/java/org/keycloak/representations/AccessTokenResponse.java and IDToken.java
/// of https://github.com/keycloak/keycloak; the server's guides list none. The nonce is left out of a
/// refresh since 25: https://www.keycloak.org/docs/25.0.0/upgrading/ ("Nonce claim is only added to the ID
/// token"). `bearer` in lower case is a switch of clients; the claims' values, several audiences and
/// `"nbf": 0` of old versions are from memory.
fn keycloak() -> Vec<Vendor> {
    let sid = "6b95b04c-2669-4427-9e1f-db4475de8d13";
    let current = |name| Vendor {
        claims: json!({
            "iss": "https://keycloak.example.com/realms/shop", "aud": "portal", "azp": "portal",
            "sub": "2c088cab-9f22-43b8-8651-5c37e9b1588e", "typ": "ID", "sid": sid, "acr": "1",
            "auth_time": NOW, "jti": "d79d7b92-0fd5-4775-ba9e-fa26f6770b6f", "name": "Jane Doe",
            "email_verified": false, "preferred_username": "jane", "email": "jane@example.com",
        }),
        claims_later: json!({ "nonce": null, "acr": "0" }),
        at_hash: true,
        id_bytes: 1193,
        refresh: Looks::Signed(624),
        answer: json!({ "access_token": ACCESS, "expires_in": 300, "refresh_expires_in": 1800,
            "refresh_token": REFRESH, "token_type": "Bearer", "id_token": ID,
            "not-before-policy": 0, "session_state": sid, "scope": "openid email profile" }),
        refreshed: Some(json!({ "access_token": ACCESS, "expires_in": 300,
            "refresh_expires_in": 1800, "refresh_token": REFRESH, "token_type": "Bearer",
            "id_token": ID, "not-before-policy": 0, "session_state": sid,
            "scope": "openid email profile" })),
        scopes: "openid email profile",
        scopes_later: "openid email profile",
        ..vendor(name, "keycloak", "jane")
    };
    let mut old = current("Keycloak before 25");
    old.claims["aud"] = json!(["portal", "account"]);
    old.claims["session_state"] = sid.into();
    old.claims["nbf"] = 0.into();
    old.claims_later = json!({});
    old.answer["token_type"] = "bearer".into();
    // An offline token has no end.
    old.answer["refresh_expires_in"] = 0.into();
    let mut without = current("Keycloak without refresh tokens, and without the scope `basic`");
    without.claims.as_object_mut().unwrap().remove("auth_time");
    without.answer["refresh_expires_in"] = 0.into();
    without.answer.as_object_mut().unwrap().remove("refresh_token");
    without.refreshed = None;
    vec![current("Keycloak"), old, without]
}

/// https://developers.google.com/identity/openid-connect/openid-connect (the answer, the claims; `iss` of
/// two forms), https://developers.google.com/identity/openid-connect/reference and
/// https://developers.google.com/identity/protocols/oauth2/web-server#offline (a refresh brings no refresh
/// token; `refresh_token_expires_in` where access is for a time). That a refresh brings an ID token where
/// `openid` was asked for, without a nonce, is from memory.
fn google() -> Vec<Vendor> {
    let scopes = "openid https://www.googleapis.com/auth/userinfo.email";
    let usual = |name| Vendor {
        claims: json!({
            "iss": "https://accounts.google.com", "azp": "123-abc.apps.googleusercontent.com",
            "aud": "123-abc.apps.googleusercontent.com", "sub": "10769150350006150715113082367",
            "hd": "example.com", "email": "jane@example.com", "email_verified": true,
        }),
        claims_later: json!({ "nonce": null }),
        at_hash: true,
        id_bytes: 1273,
        access: Looks::Opaque("ya29.a0Af-", 220),
        refresh: Looks::Opaque("1//04d5XHqmn6Hdy3-", 103),
        answer: json!({ "access_token": ACCESS, "expires_in": 3599, "refresh_token": REFRESH,
            "scope": scopes, "token_type": "Bearer", "id_token": ID }),
        refreshed: Some(json!({ "access_token": ACCESS, "expires_in": 3599, "scope": scopes,
            "token_type": "Bearer", "id_token": ID })),
        scopes,
        scopes_later: scopes,
        ..vendor(name, "google", "jane@example.com")
    };
    let mut timed = usual("Google, for a time");
    timed.claims["iss"] = "accounts.google.com".into();
    timed.answer["refresh_token_expires_in"] = 604_799.into();
    timed.refreshed = Some(json!({ "access_token": ACCESS, "expires_in": 3920, "scope": scopes,
        "token_type": "Bearer", "refresh_token_expires_in": 604_000 }));
    let mut online = usual("Google, online");
    online.answer.as_object_mut().unwrap().remove("refresh_token");
    online.refreshed = None;
    vec![usual("Google"), timed, online]
}

/// https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html (no `scope`; a refresh
/// brings a refresh token only where they rotate),
/// https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html
/// (the header has no `typ`; `primary` and `dateCreated` are texts) and
/// https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-refresh-token.html.
/// The refresh token is said to be encrypted; how long it is, is from memory, and so is `at_hash`.
fn cognito() -> Vec<Vendor> {
    let usual = |name| Vendor {
        header: json!({ "kid": "r1", "alg": "RS256" }),
        claims: json!({
            "sub": "a1b2c3d4-5678-90ab-cdef-1234567890ab", "aud": "1example23456789",
            "iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI",
            "cognito:username": "my-test-user", "cognito:groups": ["admins", "beta-testers"],
            "email": "my-test-user@example.com", "email_verified": true, "token_use": "id",
            "origin_jti": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "auth_time": NOW,
            "event_id": "64f513be-32db-42b0-b78e-b02127b4f463",
            "jti": "11112222-3333-4444-5555-666677778888",
        }),
        claims_later: json!({ "nonce": null, "jti": "another" }),
        at_hash: true,
        id_bytes: 1200,
        access: Looks::Signed(1100),
        refresh: Looks::Encrypted(1800),
        answer: json!({ "access_token": ACCESS, "refresh_token": REFRESH, "id_token": ID,
            "token_type": "Bearer", "expires_in": 3600 }),
        refreshed: Some(json!({ "id_token": ID, "access_token": ACCESS, "token_type": "Bearer",
            "expires_in": 3600 })),
        scopes: "openid email",
        scopes_later: "openid email",
        ..vendor(name, "cognito", "my-test-user@example.com")
    };
    let mut rotating = usual("Cognito, rotating, by another provider");
    rotating.claims["identities"] = json!([{ "userId": "amzn1.account.EXAMPLE",
        "providerName": "LoginWithAmazon", "providerType": "LoginWithAmazon", "issuer": null,
        "primary": "true", "dateCreated": "1642699117273" }]);
    rotating.claims["acr"] = "urn:cognito:loa:4".into();
    rotating.claims_later = json!({});
    rotating.at_hash = false;
    rotating.refreshed = Some(json!({ "access_token": ACCESS, "id_token": ID,
        "refresh_token": REFRESH, "token_type": "Bearer", "expires_in": 3600 }));
    vec![usual("Cognito"), rotating]
}

/// https://auth0.com/docs/secure/tokens/refresh-tokens/use-refresh-tokens (a refresh brings an ID token,
/// and no refresh token) and https://auth0.com/docs/secure/tokens/id-tokens/id-token-structure, whose
/// sample was seen only by the names of its claims; the answer to a code:
/// https://auth0.github.io/node-auth0/types/auth.SDK.TokenResponse.html. How tokens look, `sid`, and what a
/// rotation brings are from memory.
fn auth0() -> Vec<Vendor> {
    let scopes = "openid profile email offline_access";
    let usual = |name, subject| Vendor {
        login_has: json!({ "scopes": ["openid", "profile", "email", "offline_access"] }),
        claims: json!({
            "iss": "https://example.eu.auth0.com/", "sub": subject, "aud": "aBcDeF",
            "nickname": "jane", "name": "jane@example.com", "email": "jane@example.com",
            "email_verified": false, "updated_at": "2026-06-04T01:27:09.546Z",
            "picture": "https://s.gravatar.com/avatar/843b31161c0df615e49c17b1eea2d89c?s=480&r=pg",
            "sid": "JsRmTUf37F-zR2vKtStdDMV4BDtT710t", "https://example.com/roles": ["admin"],
        }),
        claims_later: json!({ "nonce": null }),
        id_bytes: 1000,
        access: Looks::Encrypted(320),
        refresh: Looks::Opaque("v1.M", 46),
        answer: json!({ "access_token": ACCESS, "refresh_token": REFRESH, "id_token": ID,
            "scope": scopes, "expires_in": 86400, "token_type": "Bearer" }),
        refreshed: Some(json!({ "access_token": ACCESS, "expires_in": 86400,
            "scope": "openid offline_access", "id_token": ID, "token_type": "Bearer" })),
        scopes,
        scopes_later: "openid offline_access",
        ..vendor(name, "auth0", subject)
    };
    let mut rotating = usual("Auth0, rotating", "google-oauth2|107691503500061507151");
    rotating.claims["auth_time"] = NOW.into();
    rotating.refreshed = Some(json!({ "access_token": ACCESS, "refresh_token": REFRESH,
        "id_token": ID, "scope": scopes, "expires_in": 86400, "token_type": "Bearer" }));
    rotating.scopes_later = scopes;
    vec![usual("Auth0", "auth0|5a620d29a840170a9ef43672"), rotating]
}

/// What Debian's Glewlwyd 2.7.5 answered on 2026-11-30, its plugin `oidc` with an RSA key.
fn glewlwyd() -> Vec<Vendor> {
    let issuer = "http://127.0.0.1:14593/api/oidc";
    vec![Vendor {
        provider_has: json!({ "issuer": issuer }),
        claims: json!({
            "iss": issuer, "sub": "sFxGIFm6eMUWXlNlq1xgTUphpo2AsD7v", "aud": "0oa1", "azp": "0oa1",
            "auth_time": NOW, "amr": ["session"], "c_hash": "sZTaunlZdWUlQtyonV-fNA",
            "sid": "8Mha15cko0A0Oa7qmYtgq8cKYN6OzQOy",
        }),
        at_hash: true,
        id_bytes: 865,
        access: Looks::Signed(786),
        refresh: Looks::Opaque("e2ZLKpQ1xoz7", 128),
        answer: json!({ "token_type": "bearer", "access_token": ACCESS, "refresh_token": REFRESH,
            "iat": NOW, "expires_in": 3600, "scope": "openid", "id_token": ID }),
        refreshed: Some(json!({ "access_token": ACCESS, "token_type": "bearer",
            "expires_in": 3600, "scope": "openid", "iat": NOW })),
        ..vendor("Glewlwyd", "okta", "sFxGIFm6eMUWXlNlq1xgTUphpo2AsD7v")
    }]
}

#[test]
fn the_answers_that_vendors_document_make_sessions_and_refreshes_keep_them() {
    for vendor in vendors() {
        for forwards in [false, true] {
            let world = World::default();
            let mut session = Session::begin(&vendor, &world, forwards);
            session.is_right(0, vendor.scopes);
            let Some(refreshed) = &vendor.refreshed else {
                assert!(!session.browser.0.keys().any(|name| name.ends_with("-r")));
                continue;
            };
            for turn in [1, 2] {
                session.refresh(turn, refreshed);
                session.is_right(turn, vendor.scopes_later);
            }
        }
    }
}

/// Okta: https://developer.okta.com/docs/reference/api/oidc/ (`sub`, `uid` and `scp` of access tokens) and
/// https://developer.okta.com/docs/reference/api/authorization-servers/ (`sub` is the user's name there).
/// Entra ID: `sub` is another for each application, by its page on ID tokens; one registration may be both.
/// Keycloak and Auth0 are from memory.
#[test]
fn the_access_tokens_that_vendors_document_make_sessions_where_they_are_judged() {
    let jwt = json!({ "alg": "RS256", "kid": "r1", "typ": "JWT" });
    let rows = [
        (
            "Okta, rotating",
            json!({ "alg": "RS256", "kid": "r1" }),
            json!({ "ver": 1, "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE",
                "aud": "https://api.example.com", "sub": "john.doe@example.com", "cid": "0oa1",
                "uid": "00uid4BxXw6I6TV4m0g3", "scp": ["openid", "read"], "auth_time": NOW }),
            Ok("john.doe@example.com"),
        ),
        (
            "Keycloak",
            jwt.clone(),
            json!({ "aud": ["https://api.example.com", "account"], "typ": "Bearer",
                "sub": "2c088cab-9f22-43b8-8651-5c37e9b1588e", "azp": "portal", "sid": "6b95b04c",
                "realm_access": { "roles": ["user"] }, "scope": "openid email read",
                "preferred_username": "jane", "allowed-origins": ["/*"] }),
            Ok("jane"),
        ),
        (
            "Auth0, rotating",
            json!({ "alg": "RS256", "kid": "r1", "typ": "at+jwt" }),
            json!({ "aud": ["https://api.example.com", "https://example.eu.auth0.com/userinfo"],
                "sub": "google-oauth2|107691503500061507151", "azp": "aBcDeF",
                "scope": "openid profile read offline_access", "gty": "authorization_code" }),
            Ok("google-oauth2|107691503500061507151"),
        ),
        (
            "Entra ID",
            jwt.clone(),
            json!({ "aud": "https://api.example.com", "ver": "2.0", "scp": "read",
                "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", "azpacr": "1",
                "azp": "66666666-7777-8888-9999-000000000000",
                "oid": "00000000-0000-0000-66f3-3332eca7ea81",
                "groups": ["10aabbcc-1111-2222-3333-444455556610"] }),
            Ok("00000000-0000-0000-66f3-3332eca7ea81"),
        ),
        (
            "Entra ID",
            jwt,
            json!({ "aud": "https://api.example.com", "ver": "2.0", "scp": "read",
                "sub": "BBBBBBBBBBBBBBBBBBBBBGtRTW1ZXCVBNMasdfghjkl",
                "oid": "00000000-0000-0000-66f3-3332eca7ea81",
                "groups": ["10aabbcc-1111-2222-3333-444455556610"] }),
            Err("its `sub` is not the ID token's, which has no `at_hash`"),
        ),
    ];
    for (name, header, access, expected) in rows {
        let all = vendors();
        let vendor = all.iter().find(|vendor| vendor.name == name).expect("a row");
        let mut config = vendor.config(false);
        config["apis"] = json!([{ "name": "all", "auth": [vendor.provider], "scopes": ["read"] }]);
        let provider = &mut config["providers"][vendor.provider];
        provider["audiences"] = json!(["https://api.example.com"]);
        provider["login"]["judge"] = "access_token".into();
        let world = World::default();
        let mut worker = Worker::new(&world, &config.to_string());
        let mut browser = Browser::default();
        let asked = start(&mut worker, &mut browser, "/orders");
        let answer = |world: &World, turn: u32| {
            let now = world.now.get().millis() / 1000;
            let mut access = access.clone();
            for (name, value) in [("iat", now), ("exp", now + 90_000), ("turn", turn.into())] {
                access[name] = value.into();
            }
            access["iss"] = vendor.claims["iss"].clone();
            let access = signed(&header, &access);
            let mut id = vendor.claims.clone();
            for (name, value) in [("iat", now), ("exp", now + 3600)] {
                id[name] = value.into();
            }
            if turn == 0 {
                id["nonce"] = asked.nonce.clone().into();
            }
            if vendor.at_hash {
                id["at_hash"] = hash_of(&access);
            }
            let mut answer = vendor.answer.clone();
            answer["access_token"] = access.into();
            answer["id_token"] = signed(&vendor.header, &id).into();
            answer["refresh_token"] = format!("rt-{turn}").into();
            answer.to_string()
        };
        let path = format!("/.login/{}/callback?code=c&state={}", vendor.provider, asked.state);
        let stream = browser.visit(&mut worker, &path);
        worker.answer(200, &[], &answer(&world, 0));
        let reply = worker.reply(stream).clone();
        let identity = match expected {
            Ok(identity) => identity,
            Err(why) => {
                assert_eq!(reply.status, 502, "{name}: {:?}", worker.log);
                assert!(worker.log.last().unwrap().contains(why), "{name}: {:?}", worker.log);
                continue;
            }
        };
        assert_eq!(reply.status, 303, "{name}: {:?}", worker.log);
        browser.keep(&reply);
        for turn in 0..3 {
            if turn > 0 {
                world.wait(Duration::from_secs(86_401));
            }
            let stream = browser.visit(&mut worker, "/orders");
            if turn > 0 {
                worker.tick();
                worker.answer(200, &[], &answer(&world, turn));
                browser.keep_of(&worker.after[&stream].0);
            }
            assert_eq!(worker.verdict(stream), "forwarded", "{name}, {turn}: {:?}", worker.log);
            let sent = upstream(&worker, stream, &[]);
            let is_whose = ("x-tollgate-identity".to_owned(), identity.to_owned());
            assert!(sent.contains(&is_whose), "{name}, {turn}: {sent:?}");
        }
    }
}
