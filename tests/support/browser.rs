//! Browsers that log in: a configuration with a login, what a browser keeps and sends, and a provider that
//! signs what it is told to.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tollgate::event::{CallRequest, Headers, Reply};
use tollgate::http::RequestHead;
use tollgate::ids::StreamId;

use super::token::{ISSUER, NOW, Signer, Token};
use super::world::{Worker, World};

/// The host of the pages.
pub const HOST: &str = "portal.example.com";
/// The client, as the provider knows it.
pub const CLIENT: &str = "portal";
/// The cookie of a session.
pub const SESSION: &str = "__Host-tollgate-idp";
/// What a browser says of itself where a person goes to a page.
pub const PAGE: [(&str, &str); 3] =
    [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), ("sec-fetch-site", "none")];

/// A provider that logs in, with changes to its login, and an API for whoever did.
pub fn config(changes: &Value) -> Value {
    let mut config = json!({
        "log": { "per_second": 1000 },
        "providers": { "idp": {
            "issuer": ISSUER, "from": [],
            "jwks": { "inline": { "keys": [Signer::new("k1").jwk()] } },
            "login": {
                "url": format!("https://{HOST}"), "cluster": "idp",
                "client": { "id": CLIENT, "secret": { "base64": "c2VjcmV0" } },
                "seal": [{ "base64": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=" }],
                "endpoints": {
                    "authorization": "https://id.example.com/auth",
                    "token": "https://id.example.com/token",
                    "end_session": "https://id.example.com/end",
                    "revocation": "https://id.example.com/revoke",
                },
            },
        } },
    });
    let login = config["providers"]["idp"]["login"].as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        login.insert(name.clone(), value.clone());
    }
    config
}

pub fn worker<'w>(world: &'w World, changes: &Value) -> Worker<'w> {
    Worker::new(world, &config(changes).to_string())
}

/// A browser: its cookies, by name.
#[derive(Clone, Default)]
pub struct Browser(pub BTreeMap<String, String>);

impl Browser {
    pub fn cookies(&self) -> String {
        let all = self.0.iter().map(|(name, value)| format!("{name}={value}"));
        all.collect::<Vec<_>>().join("; ")
    }

    /// Sends a request with its cookies.
    pub fn send(
        &self,
        worker: &mut Worker<'_>,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> StreamId {
        let cookies = self.cookies();
        let mut all = vec![(":method", method), (":path", path)];
        // Who asks another host says so himself.
        if !headers.iter().any(|(name, _)| *name == ":authority") {
            all.push((":authority", HOST));
        }
        all.extend(headers);
        if !cookies.is_empty() {
            all.push(("cookie", &cookies));
        }
        worker.request(RequestHead { headers: all.into_iter().collect() })
    }

    /// Goes to a page.
    pub fn visit(&self, worker: &mut Worker<'_>, path: &str) -> StreamId {
        self.send(worker, "GET", path, &PAGE)
    }

    /// Keeps what an answer sets.
    pub fn keep(&mut self, reply: &Reply) {
        self.keep_of(&reply.headers);
    }

    /// Keeps what headers of an answer set.
    pub fn keep_of(&mut self, headers: &Headers) {
        for (_, value) in headers.iter().filter(|(name, _)| *name == "set-cookie") {
            let (name, rest) = value.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if rest.contains("Max-Age=0;") {
                self.0.remove(name);
            } else {
                self.0.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

pub fn header<'r>(reply: &'r Reply, name: &str) -> Option<&'r str> {
    reply.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

pub fn location(reply: &Reply) -> &str {
    header(reply, "location").unwrap_or_else(|| panic!("{reply:?}"))
}

/// A parameter of a URL, decoded.
pub fn parameter(url: &str, name: &str) -> Option<String> {
    let query = url.split_once('?')?.1;
    let form = tollgate::http::form_field(query.as_bytes(), name).unwrap();
    form.map(|value| value.into_owned())
}

/// An attempt: what the provider was asked.
pub struct Asked {
    pub state: String,
    pub nonce: String,
    pub url: String,
}

/// Goes to a page, and is sent to the provider.
pub fn start(worker: &mut Worker<'_>, browser: &mut Browser, path: &str) -> Asked {
    let stream = browser.visit(worker, path);
    let reply = worker.reply(stream).clone();
    assert_eq!(reply.status, 302, "{reply:?}");
    browser.keep(&reply);
    let url = location(&reply).to_owned();
    let of = |name| parameter(&url, name).unwrap_or_else(|| panic!("no {name} in {url}"));
    Asked { state: of("state"), nonce: of("nonce"), url: url.clone() }
}

/// An ID token for an attempt, with changes.
pub fn id_token(nonce: &str, change: impl Fn(Token) -> Token) -> String {
    let token = Token::for_identity("alice").claim("aud", CLIENT).claim("nonce", nonce);
    // However late the tests' clock is.
    let token = token.claim("exp", NOW + 100_000);
    Signer::new("k1").sign(&change(token))
}

pub fn tokens(id_token: &str) -> Value {
    json!({ "access_token": "at-1", "token_type": "Bearer", "expires_in": 300,
            "id_token": id_token, "refresh_token": "rt-1" })
}

/// Comes back with a code, which the provider answers so.
pub fn callback(
    worker: &mut Worker<'_>,
    browser: &Browser,
    asked: &Asked,
    answer: (u16, &str),
) -> StreamId {
    let path = format!("/.login/idp/callback?code=c-1&state={}", asked.state);
    let stream = browser.visit(worker, &path);
    if !worker.calls.is_empty() {
        worker.answer(answer.0, &[("content-type", "application/json")], answer.1);
    }
    stream
}

/// Logs in, from a page.
pub fn log_in(worker: &mut Worker<'_>, browser: &mut Browser) -> Reply {
    let asked = start(worker, browser, "/orders/7?x=1");
    let answer = tokens(&id_token(&asked.nonce, |token| token)).to_string();
    let stream = callback(worker, browser, &asked, (200, &answer));
    let reply = worker.reply(stream).clone();
    assert_eq!(reply.status, 303, "{reply:?} {:?}", worker.log);
    browser.keep(&reply);
    reply
}

pub fn body(request: &CallRequest) -> String {
    String::from_utf8(request.body.0.to_vec()).unwrap()
}
