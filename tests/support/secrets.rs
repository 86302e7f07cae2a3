//! What a login holds that nobody may read: learned from whatever goes between browsers, the filter and
//! the provider, and looked for in everything that is written.

use serde_json::Value;
use tollgate::event::{CallRequest, CallResponse, Headers};
use tollgate::http::{RequestHead, form_field};

/// What is shorter may be in a line by chance.
const SHORTEST: usize = 4;
/// As much of each is looked for: a part of a secret is one, too.
const LOOKED_FOR: usize = 24;
/// So many are known at once, the first ones: a test may play a thousand logins.
const MOST: usize = 200;

/// The secrets that a worker has met.
#[derive(Debug, Default)]
pub struct Secrets(Vec<String>);

impl Secrets {
    fn learn(&mut self, secret: &str) {
        let start: String = secret.chars().take(LOOKED_FOR).collect();
        if start.len() >= SHORTEST && self.0.len() < MOST && !self.0.contains(&start) {
            self.0.push(start);
        }
    }

    fn fields(&mut self, form: &[u8], names: &[&str]) {
        for name in names {
            if let Ok(Some(value)) = form_field(form, name) {
                self.learn(&value);
            }
        }
    }

    /// Of a request: what the provider sends by the browser.
    pub fn of_request(&mut self, head: &RequestHead) {
        let path = head.first(":path").unwrap_or_default();
        if let Some((path, query)) =
            std::str::from_utf8(path).ok().and_then(|path| path.split_once('?'))
            && path.ends_with("/callback")
        {
            self.fields(query.as_bytes(), &["code", "state"]);
        }
    }

    /// Of a request's body: what the provider sends by itself. All its tokens begin alike.
    pub fn of_body(&mut self, body: &[u8]) {
        if let Ok(Some(token)) = form_field(body, "logout_token") {
            self.learn(token.rsplit('.').next().unwrap_or_default());
            self.learn(&token);
        }
    }

    /// Of an answer: cookies, and what goes to the provider by the browser.
    pub fn of_answer(&mut self, headers: &Headers) {
        for (name, value) in headers {
            match *name {
                "set-cookie" => {
                    let (_, value) = value.split_once('=').unwrap_or_default();
                    self.learn(value.split(';').next().unwrap_or_default());
                }
                "location" => {
                    let (_, query) = value.split_once('?').unwrap_or_default();
                    self.fields(query.as_bytes(), &["state", "nonce", "id_token_hint"]);
                }
                _ => {}
            }
        }
    }

    /// Of a call: who the client is, and what it shows.
    pub fn of_call(&mut self, request: &CallRequest) {
        let mut names =
            vec!["code", "code_verifier", "refresh_token", "client_secret", "client_assertion"];
        // One that is given back; in another call it is a caller's.
        let hint = form_field(&request.body.0, "token_type_hint");
        if hint.ok().flatten().as_deref() == Some("refresh_token") {
            names.push("token");
        }
        self.fields(&request.body.0, &names);
        if let Some(shown) = &request.authorization {
            self.learn(shown.reveal().split_once(' ').unwrap_or_default().1);
        }
    }

    /// Of what came of a call: tokens.
    pub fn of_response(&mut self, response: &CallResponse) {
        let Ok(answer) = serde_json::from_slice::<Value>(&response.body) else { return };
        for name in ["access_token", "id_token", "refresh_token", "request_uri"] {
            let Some(token) = answer[name].as_str() else { continue };
            // All tokens of a provider begin alike; a signature is one token's alone.
            self.learn(token.rsplit('.').next().unwrap_or_default());
            self.learn(token);
        }
    }

    /// Whether this is one of them.
    pub fn holds(&self, secret: &str) -> bool {
        self.0.iter().any(|known| secret.starts_with(known.as_str()))
    }

    /// Looks for them in what somebody may read.
    pub fn assert_none_in(&self, text: &str) {
        for secret in &self.0 {
            assert!(!text.contains(secret), "a secret, {secret}, is in {text}");
        }
    }
}
