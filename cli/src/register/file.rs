//! The client's own file: what is needed to be that client, and to manage it. Only its owner reads it.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use tollgate::http::Url;

use super::metadata::Method;
use super::wire::in_form;
use crate::command::{Failure, Streams};
use crate::{input, secret_file};

/// Most bytes that are read.
const MAX_BYTES: u64 = 1024 * 1024;

/// What an answer has besides the client's metadata.
const OWN: [&str; 6] = [
    "client_id",
    "client_id_issued_at",
    "client_secret",
    "client_secret_expires_at",
    "registration_access_token",
    "registration_client_uri",
];

/// What the file holds.
pub(super) struct ClientFile(Map<String, Value>);

impl ClientFile {
    /// Of a new client: where it is from, what was asked for it.
    pub(super) fn new(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// Reads one.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is no such file. Nothing of it is quoted.
    pub(super) fn read(path: &Path, streams: &mut Streams<'_>) -> Result<Self, Failure> {
        let shown = input::shown(path);
        let text = input::read(Some(path), MAX_BYTES, streams)?;
        if secret_file::is_open_to_others(path) {
            writeln!(
                streams.err,
                "tollgate: warning: others on this machine can read {shown}, and be this client; \
                 `chmod 600 {shown}` mends that, and `--rotate` asks for another secret"
            )?;
        }
        let wrong = |what: &str| {
            Failure::Misuse(format!("{shown}: {what}: it is no file of `tollgate register`"))
        };
        let members = serde_json::from_slice(&text).map_err(|_| wrong("no JSON object"))?;
        let file = Self(members);
        for name in ["client_id", "issuer"] {
            file.text(name).ok_or_else(|| wrong(&format!("`{name}` is missing")))?;
        }
        Ok(file)
    }

    /// A member that is a text, and not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// A member that is a URL.
    pub(super) fn url(&self, name: &str) -> Option<Url> {
        Url::parse(self.text(name)?).ok()
    }

    /// A member that is an object.
    pub(super) fn object(&self, name: &str) -> Option<&Map<String, Value>> {
        self.0.get(name)?.as_object()
    }

    /// Takes what a provider says of the client; what it does not say stays.
    pub(super) fn take(&mut self, answer: &Map<String, Value>) {
        let mut registered = answer.clone();
        for name in OWN {
            if let Some(value) = registered.remove(name).filter(|value| !value.is_null()) {
                self.0.insert(name.to_owned(), value);
            }
        }
        self.0.insert("registered".to_owned(), registered.into());
        self.derive();
    }

    /// How it shows who it is: what the provider says of that, otherwise what was asked.
    pub(super) fn method(&self) -> Option<Method> {
        let said = |object: &str| self.object(object)?.get("token_endpoint_auth_method")?.as_str();
        Method::of(said("registered").or_else(|| said("asked"))?)
    }

    /// The scopes that it asks for in a token.
    pub(super) fn scopes(&self) -> &str {
        self.text("scope").unwrap_or_default()
    }

    /// Whether it calls by itself.
    pub(super) fn is_machine(&self) -> bool {
        let grants = self.object("asked").and_then(|asked| asked.get("grant_types"));
        grants
            .and_then(Value::as_array)
            .is_some_and(|all| all.contains(&"client_credentials".into()))
    }

    /// What is sent for a token, in the form in which it is sent: a shell that takes it out of the file
    /// need not quote anything.
    fn derive(&mut self) {
        self.0.remove("authorization");
        self.0.remove("token_request");
        let (Some(id), Some(secret)) = (self.text("client_id"), self.text("client_secret")) else {
            return;
        };
        let (id, secret) = (in_form(id), in_form(secret));
        let (name, value) = match self.method() {
            // Both halves are encoded first (RFC 6749 §2.3.1).
            Some(Method::Basic) => {
                ("authorization", format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))))
            }
            Some(Method::Post) => {
                let form = self.form(&[("client_id", &id), ("client_secret", &secret)]);
                ("token_request", form)
            }
            _ => return,
        };
        self.0.insert(name.to_owned(), value.into());
    }

    /// What is asked of the token endpoint by itself, with more members, which are encoded already.
    pub(super) fn form(&self, more: &[(&str, &str)]) -> String {
        let mut form = match self.is_machine() {
            true => "grant_type=client_credentials".to_owned(),
            false => "grant_type=authorization_code".to_owned(),
        };
        if self.is_machine() && !self.scopes().is_empty() {
            form.push_str("&scope=");
            form.push_str(&in_form(self.scopes()));
        }
        for (name, value) in more {
            for part in ["&", name, "=", value] {
                form.push_str(part);
            }
        }
        form
    }

    /// The file's text.
    pub(super) fn to_text(&self) -> String {
        format!("{:#}", Value::Object(self.0.clone()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file(method: &str) -> ClientFile {
        let asked = json!({ "grant_types": ["client_credentials"], "scope": "a b",
                            "token_endpoint_auth_method": method });
        let members = json!({ "issuer": "https://id.example.com", "asked": asked, "scope": "a b" });
        ClientFile::new(members.as_object().cloned().expect("an object"))
    }

    #[test]
    fn what_is_sent_for_a_token_is_encoded_in_the_file() {
        let answer = json!({ "client_id": "a:b", "client_secret": ":%+\"ü" });
        let answer = answer.as_object().expect("an object");
        let mut basic = file("client_secret_basic");
        basic.take(answer);
        let value = basic.text("authorization").expect("a header").to_owned();
        let plain = STANDARD.decode(value.strip_prefix("Basic ").expect("Basic")).expect("base64");
        assert_eq!(String::from_utf8(plain).expect("ASCII"), "a%3Ab:%3A%25%2B%22%C3%BC");
        let mut post = file("client_secret_post");
        post.take(answer);
        assert_eq!(
            post.text("token_request"),
            Some(
                "grant_type=client_credentials&scope=a+b&client_id=a%3Ab\
                 &client_secret=%3A%25%2B%22%C3%BC"
            )
        );
        assert_eq!(post.text("authorization"), None);
    }

    #[test]
    fn what_an_answer_leaves_out_or_empties_stays() {
        let mut file = file("client_secret_basic");
        let first = json!({ "client_id": "a", "client_secret": "s1",
            "registration_access_token": "r1", "registration_client_uri": "https://id.example.com/a" });
        file.take(first.as_object().expect("an object"));
        let second = json!({ "client_id": "a", "client_secret": null, "scope": "a",
                             "registration_access_token": "r2" });
        file.take(second.as_object().expect("an object"));
        assert_eq!(file.text("client_secret"), Some("s1"));
        assert_eq!(file.text("registration_access_token"), Some("r2"));
        assert_eq!(file.text("registration_client_uri"), Some("https://id.example.com/a"));
        let registered = file.object("registered").expect("an object");
        assert_eq!(Value::Object(registered.clone()), json!({ "scope": "a" }), "no secret in it");
    }
}
