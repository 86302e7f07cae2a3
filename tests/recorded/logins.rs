//! Browsers that log in, and what they come to.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tollgate::event::{Event, Reply};
use tollgate::http::RequestHead;
use tollgate::verdict::Deny;

use crate::merge;
use crate::scenes::Scene;
use crate::support::token::{ISSUER, NOW, Signer, Token};
use crate::support::world::{Worker, head};

const SESSION: &str = "__Host-tollgate-idp";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const NAVIGATION: [(&str, &str); 2] =
    [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];

/// What a browser shows, and what the token endpoint answers then.
pub(crate) struct Shown {
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) answer: Option<(u16, String)>,
    /// The form that is sent; an empty one does not come.
    pub(crate) form: Option<String>,
}

/// A login in `idp`, with changes.
fn login(changes: Value) -> Value {
    let mut login = json!({
        "url": "https://api.example.com", "cluster": "idp",
        "client": { "id": "app", "secret": { "base64": "c2VjcmV0" } },
        "seal": [{ "base64": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=" }],
        "endpoints": {
            "authorization": "https://id.example.com/auth", "token": "https://id.example.com/token",
        },
    });
    merge(&mut login, &changes);
    json!({ "providers": { "idp": { "login": login } } })
}

/// The same, where the provider may end sessions.
fn back_channel(mut changes: Value) -> Value {
    changes["back_channel"] = true.into();
    login(changes)
}

/// What the provider sends.
fn ended(form: String) -> Shown {
    Shown {
        path: "/.login/idp/back-channel".to_owned(),
        headers: vec![(FORM.0, FORM.1.to_owned())],
        answer: None,
        form: Some(form),
    }
}

/// A form that ends a session of this name.
fn logout_token(name: &str) -> String {
    let events = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    let token = Token::for_identity("alice").claim("aud", "app").claim("events", events);
    let token = token.claim("jti", name).claim("sid", name).without("sub");
    format!("logout_token={}", Signer::new("k1").sign(&token))
}

/// The head of a request with a body.
pub(crate) fn followed(path: &str, headers: &[(&str, &str)]) -> RequestHead {
    RequestHead { headers: head("POST", path, headers).headers.followed() }
}

/// A browser: its cookies.
#[derive(Default)]
struct Browser(BTreeMap<String, String>);

impl Browser {
    fn header(&self) -> Vec<(&'static str, String)> {
        let all: Vec<_> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if all.is_empty() { Vec::new() } else { vec![("cookie", all.join("; "))] }
    }

    fn visit(&mut self, worker: &mut Worker<'_>, path: &str, answer: Option<&str>) -> Reply {
        let headers = self.header();
        let headers = headers.iter().map(|(name, value)| (*name, value.as_str()));
        let headers: Vec<_> = headers.chain(NAVIGATION).collect();
        let headers: Vec<_> =
            headers.into_iter().chain([("sec-fetch-site", "same-origin")]).collect();
        let stream = worker.request(head("GET", path, &headers));
        if let Some(answer) = answer {
            worker.answer(200, &[], answer);
        }
        let reply = worker.reply(stream).clone();
        for (_, set) in reply.headers.iter().filter(|(name, _)| *name == "set-cookie") {
            let (pair, rest) = set.split_once(';').expect("attributes");
            let (name, value) = pair.split_once('=').expect("a cookie");
            if rest.contains("Max-Age=0") {
                self.0.remove(name);
            } else {
                self.0.insert(name.to_owned(), value.to_owned());
            }
        }
        reply
    }

    /// Begins an attempt: its `state` and its `nonce`.
    fn start(&mut self, worker: &mut Worker<'_>) -> [String; 2] {
        let reply = self.visit(worker, "/.login/idp/start?return=/orders/7", None);
        let to = reply.headers.iter().find(|(name, _)| *name == "location");
        let query = to.and_then(|(_, url)| url.split_once('?')).expect("a query").1;
        ["state", "nonce"].map(|name| {
            let field = tollgate::http::form_field(query.as_bytes(), name).expect("one");
            field.expect("one").into_owned()
        })
    }

    fn log_in(worker: &mut Worker<'_>) -> Self {
        let mut browser = Self::default();
        let [state, nonce] = browser.start(worker);
        let path = format!("/.login/idp/callback?code=c-1&state={state}");
        let reply = browser.visit(worker, &path, Some(&tokens(&nonce, "at-1")));
        assert_eq!(reply.status, 303, "{reply:?}");
        browser
    }

    fn shows(&self, path: impl Into<String>) -> Shown {
        Shown { path: path.into(), headers: self.header(), answer: None, form: None }
    }
}

/// What a token endpoint answers.
fn tokens(nonce: &str, access: &str) -> String {
    let token = Token::for_identity("alice").claim("aud", "app").claim("nonce", nonce);
    let token = token.claim("department", "eng").claim("exp", NOW + 1_000_000);
    let token = Signer::new("k1").sign(&token);
    json!({ "access_token": access, "token_type": "Bearer", "id_token": token }).to_string()
}

/// Comes back with a code, for which the token endpoint answers so.
fn redeemed(worker: &mut Worker<'_>, answer: impl Fn(&str) -> (u16, String)) -> Shown {
    let mut browser = Browser::default();
    let [state, nonce] = browser.start(worker);
    let shown = browser.shows(format!("/.login/idp/callback?code=c-1&state={state}"));
    Shown { answer: Some(answer(&nonce)), ..shown }
}

/// Comes back with these parameters.
fn back(worker: &mut Worker<'_>, parameters: &str) -> Shown {
    let mut browser = Browser::default();
    let [state, _] = browser.start(worker);
    browser.shows(format!("/.login/idp/callback?{parameters}&state={state}"))
}

/// A scene for each code of a login.
pub(crate) fn all() -> Vec<Scene> {
    let of = |deny, shown: fn(&mut Worker<'_>) -> Shown| {
        Scene::new(deny, &[]).under(login(json!({}))).of_browser(shown)
    };
    vec![
        of(Deny::LoginClientRefused, |worker| {
            redeemed(worker, |_| (401, r#"{"error":"invalid_client"}"#.to_owned()))
        }),
        of(Deny::LoginCodeRefused, |worker| {
            redeemed(worker, |_| (400, r#"{"error":"invalid_grant"}"#.to_owned()))
        }),
        of(Deny::LoginEnded, |worker| {
            let mut browser = Browser::log_in(worker);
            let shown = browser.shows("/orders/7");
            browser.visit(worker, "/.login/idp/logout", None);
            shown
        }),
        of(Deny::LoginExpired, |worker| {
            let shown = Browser::log_in(worker).shows("/orders/7");
            worker.world().wait(Duration::from_hours(9));
            shown
        }),
        of(Deny::LoginFailed, |worker| redeemed(worker, |_| (200, "<html>".to_owned()))),
        Scene::new(Deny::LoginHostUnknown, &NAVIGATION)
            .under(login(json!({ "url": "https://portal.example.com" }))),
        of(Deny::LoginIssuerMismatch, |worker| {
            back(worker, "code=c-1&iss=https%3A%2F%2Fevil.example")
        }),
        of(Deny::LoginLoop, |worker| {
            let mut browser = Browser::log_in(worker);
            browser.0.remove(SESSION);
            browser.start(worker);
            browser.start(worker);
            browser.shows("/.login/idp/start")
        }),
        of(Deny::LoginRefused, |worker| back(worker, "error=access_denied")),
        of(Deny::LoginStale, |worker| {
            // Where no claim is named.
            let mut config = json!({ "providers": { "idp": {
                "issuer": ISSUER, "from": [],
                "jwks": { "inline": { "keys": [Signer::new("k1").jwk()] } },
            } } });
            merge(&mut config, &login(json!({})));
            let mut before = Worker::new(worker.world(), &config.to_string());
            Browser::log_in(&mut before).shows("/orders/7")
        }),
        of(Deny::LoginStateForeign, |worker| {
            let shown = back(worker, "code=c-1");
            Shown { headers: Vec::new(), ..shown }
        }),
        of(Deny::LoginStateInvalid, |_| {
            Browser::default().shows("/.login/idp/callback?code=c-1&state=nobodys-state")
        }),
        of(Deny::LoginTokenInvalid, |worker| {
            redeemed(worker, |_| (200, tokens("of another attempt", "at-1")))
        }),
        of(Deny::LoginTooLarge, |worker| {
            redeemed(worker, |nonce| (200, tokens(nonce, &"a".repeat(4000))))
        })
        .under(login(json!({ "forward": { "access_token": "x-access-token" } }))),
        of(Deny::LoginUnavailable, |worker| redeemed(worker, |_| (500, String::new()))),
        of(Deny::LoginUnreadable, |_| Shown {
            path: "/orders/7".to_owned(),
            headers: vec![("cookie", format!("{SESSION}=nobodys-cookie"))],
            answer: None,
            form: None,
        }),
        of(Deny::BodyUnreadable, |_| ended(String::new())).under(back_channel(json!({}))),
        of(Deny::LogoutStoreFull, |worker| {
            for number in 0..8 {
                let token = logout_token(&format!("full-{number}"));
                let headers = [FORM];
                let stream = worker.request(followed("/.login/idp/back-channel", &headers));
                worker.handle(Event::Body { stream, body: Some(token.into_bytes()) });
            }
            ended(logout_token("one-more"))
        })
        .under(back_channel(json!({ "capacity": 8 }))),
        of(Deny::LogoutTokenInvalid, |_| ended("logout_token=a.b.c".to_owned()))
            .under(back_channel(json!({}))),
    ]
}
