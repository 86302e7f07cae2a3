//! Calls of a provider: JSON in, JSON out, bounded. No redirect is followed.

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};
use tollgate::event::{CallRequest, CallResponse, SecretBytes};
use tollgate::http::Url;
use tollgate::verdict::quoted;

use crate::command::Failure;
use crate::online::Client;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Most bytes of an answer that are read.
const MAX_BODY: usize = 256 * 1024;

/// What is shown to a provider, and never to anybody else.
pub(super) struct Credential {
    /// `Bearer`, `SSWS`.
    pub(super) scheme: String,
    pub(super) secret: String,
}

/// Asks providers.
pub(super) struct Wire(Client);

/// What a provider said.
pub(super) struct Answer {
    pub(super) status: u16,
    /// The object that it is, if it is one.
    pub(super) object: Option<Map<String, Value>>,
    /// What is in it instead, or how long it is.
    pub(super) otherwise: &'static str,
}

impl Wire {
    /// One that trusts the system's authorities and those of a file.
    pub(super) fn new(ca: Option<&Path>) -> Result<Self, Failure> {
        Client::new(ca).map(Self)
    }

    /// Asks for a document.
    pub(super) fn get(&self, url: &Url) -> Result<Answer, Failure> {
        self.call("GET", url, None, None)
    }

    /// Makes one call.
    ///
    /// # Errors
    ///
    /// Where there is no answer.
    pub(super) fn call(
        &self,
        method: &'static str,
        url: &Url,
        credential: Option<&Credential>,
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        let mut request = CallRequest::document(url, "", TIMEOUT, MAX_BODY);
        request.method = method;
        if let Some(Credential { scheme, secret }) = credential {
            request.headers.push(("authorization", format!("{scheme} {secret}")));
        }
        if let Some(body) = body {
            request.headers.push(("content-type", "application/json".to_owned()));
            request.body = SecretBytes(body.to_string().into_bytes().into());
        }
        match self.0.call(&request) {
            Ok(response) => Ok(read(&response)),
            Err(why) => Err(Failure::Misuse(format!("{url}: {why}"))),
        }
    }
}

fn read(response: &CallResponse) -> Answer {
    let status = response.status;
    if response.body_size > MAX_BODY {
        return Answer { status, object: None, otherwise: "more than 256 KiB" };
    }
    let (object, otherwise) = match serde_json::from_slice(&response.body) {
        Ok(Value::Object(object)) => (Some(object), ""),
        Ok(_) => (None, "no JSON object"),
        Err(_) if response.body.is_empty() => (None, "nothing"),
        Err(_) => (None, "no JSON"),
    };
    Answer { status, object, otherwise }
}

impl Answer {
    /// A member that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.object.as_ref()?.get(name)?.as_str()
    }

    /// The status, and what the provider says is wrong. None of `secrets` is repeated: a provider may
    /// quote what it was sent.
    pub(super) fn complaint(&self, secrets: &[&str]) -> String {
        let said: Vec<_> = ["error", "error_description", "errorSummary"]
            .iter()
            .filter_map(|name| self.text(name))
            .map(|text| {
                let hides = |text: String, secret: &&str| match secret.is_empty() {
                    true => text,
                    false => text.replace(*secret, "(not shown)"),
                };
                quoted(&secrets.iter().fold(text.to_owned(), hides))
            })
            .collect();
        match said.as_slice() {
            [] if self.object.is_none() => {
                format!("status {} and {}", self.status, self.otherwise)
            }
            [] => format!("status {}", self.status),
            said => format!("status {}: {}", self.status, said.join(", ")),
        }
    }
}

/// Whether a secret may be sent there: by TLS, or to this very machine.
pub(super) fn is_private(url: &Url) -> bool {
    url.secure || is_loopback(url.host())
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|one| one.is_loopback())
}

/// Whether two URLs are at one host and port.
pub(super) fn is_same_host(one: &Url, other: &Url) -> bool {
    let whole = |url: &Url| {
        let default = if url.secure { ":443" } else { ":80" };
        let authority = url.authority.strip_suffix(default).unwrap_or(&url.authority);
        (url.secure, authority.to_owned())
    };
    whole(one) == whole(other)
}

/// A text in a form (`application/x-www-form-urlencoded`): what is left has a meaning nowhere else.
pub(super) fn in_form(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_goes_by_tls_or_to_this_machine_alone() {
        let cases = [
            ("https://id.example.com/", true),
            ("http://127.0.0.1:9000/x", true),
            ("http://[::1]/", true),
            ("http://localhost:80/", true),
            ("http://id.example.com/", false),
            ("http://127.0.0.1.example.com/", false),
            ("http://localhost.example.com/", false),
        ];
        for (url, expected) in cases {
            assert_eq!(is_private(&Url::parse(url).expect(url)), expected, "{url}");
        }
    }

    #[test]
    fn one_host_is_one_name_one_port_and_one_scheme() {
        let same = |one: &str, other: &str| {
            is_same_host(&Url::parse(one).expect(one), &Url::parse(other).expect(other))
        };
        assert!(same("https://id.example.com/a", "https://ID.example.com:443/b"));
        assert!(!same("https://id.example.com/", "https://id.example.com:8443/"));
        assert!(!same("https://id.example.com/", "http://id.example.com/"));
        assert!(!same("https://id.example.com/", "https://id.example.com.evil.example/"));
    }

    #[test]
    fn both_halves_of_basic_can_be_told_apart_again() {
        assert_eq!(in_form("a:b%+ü &=~*"), "a%3Ab%25%2B%C3%BC+%26%3D%7E%2A");
    }
}
