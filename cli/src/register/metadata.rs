//! What is asked of a provider, in the members of RFC 7591 and OpenID's registration alone, and what
//! came back otherwise.

use std::collections::BTreeSet;

use clap::ValueEnum;
use serde_json::{Map, Value, json};
use tollgate::http::is_token;
use tollgate::verdict::quoted;

use crate::vendor::Vendor;

/// What a client is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum Kind {
    /// A service that calls by itself: client credentials, no redirects
    Machine,
    /// A web server's: authorization code with PKCE, refresh tokens
    Web,
    /// A program on its user's device: the same, without a secret
    Native,
}

/// How a client shows at the token endpoint who it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum Method {
    /// Id and secret in `Authorization: Basic`
    Basic,
    /// Id and secret in the form
    Post,
    /// An assertion signed with a key that never leaves the file (RFC 7523)
    #[value(name = "private_key_jwt")]
    PrivateKeyJwt,
    /// Nothing: a public client
    None,
}

impl Method {
    /// Its registered name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::None => "none",
        }
    }

    /// The one of that name.
    pub(super) fn of(name: &str) -> Option<Self> {
        Self::value_variants().iter().copied().find(|one| one.name() == name)
    }

    /// Whether it needs a secret.
    pub(super) const fn has_secret(self) -> bool {
        matches!(self, Self::Basic | Self::Post)
    }
}

/// What is asked for.
pub(super) struct Wish<'a> {
    pub(super) kind: Kind,
    pub(super) name: &'a str,
    pub(super) redirects: &'a [String],
    pub(super) scopes: &'a [String],
    pub(super) method: Method,
}

impl Wish<'_> {
    /// What cannot be meant, said of the option.
    pub(super) fn problem(&self) -> Option<String> {
        let is_machine = self.kind == Kind::Machine;
        if self.name.trim().is_empty() {
            return Some(
                "--name is empty: name the client, for those who find it later".to_owned(),
            );
        }
        if is_machine && !self.redirects.is_empty() {
            return Some(
                "--redirect is for those who sign in with a browser: leave it out for a machine"
                    .to_owned(),
            );
        }
        if is_machine && self.method == Method::None {
            return Some("--auth none: a machine without a secret or a key is anybody".to_owned());
        }
        if !is_machine && self.redirects.is_empty() {
            return Some(
                "--redirect is missing: where does the provider send its users back to?".to_owned(),
            );
        }
        let bad = self.redirects.iter().find(|uri| !is_redirect(uri));
        if let Some(uri) = bad {
            return Some(format!(
                "--redirect {} is no absolute URI without a fragment",
                quoted(uri)
            ));
        }
        let bad = self.scopes.iter().find(|scope| !is_scope(scope));
        bad.map(|scope| {
            format!("--scope {} is no scope; several are several `--scope`", quoted(scope))
        })
    }

    /// The members, with the public key of one who signs.
    pub(super) fn metadata(&self, vendor: Vendor, key: Option<&Value>) -> Map<String, Value> {
        let is_machine = self.kind == Kind::Machine;
        let (grants, responses) = match is_machine {
            // Okta has a kind of application of its own for machines, and a response for it; Keycloak
            // takes an empty list for `code`, and lets such a client sign users in.
            true if vendor == Vendor::Okta => (json!(["client_credentials"]), json!(["token"])),
            true if vendor == Vendor::Keycloak => (json!(["client_credentials"]), json!(["none"])),
            true => (json!(["client_credentials"]), json!([])),
            false => (json!(["authorization_code", "refresh_token"]), json!(["code"])),
        };
        let application = match self.kind {
            Kind::Native => "native",
            Kind::Machine if vendor == Vendor::Okta => "service",
            Kind::Machine | Kind::Web => "web",
        };
        let mut members = Map::new();
        members.insert("client_name".to_owned(), self.name.into());
        members.insert("application_type".to_owned(), application.into());
        members.insert("grant_types".to_owned(), grants);
        members.insert("response_types".to_owned(), responses);
        members.insert("redirect_uris".to_owned(), self.redirects.into());
        members.insert("token_endpoint_auth_method".to_owned(), self.method.name().into());
        // Okta's access policies grant scopes, and it keeps none of a client.
        if !self.scopes.is_empty() && vendor != Vendor::Okta {
            members.insert("scope".to_owned(), self.scopes.join(" ").into());
        }
        if let Some(key) = key {
            members.insert("jwks".to_owned(), json!({ "keys": [key] }));
        }
        members
    }
}

/// RFC 6749 §3.3.
fn is_scope(scope: &str) -> bool {
    !scope.is_empty()
        && scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

/// An absolute URI without a fragment (RFC 6749 §3.1.2).
fn is_redirect(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once(':') else { return false };
    is_token(scheme)
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && !rest.is_empty()
        && uri.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

/// What came back otherwise than asked: a member, and both values.
pub(super) fn differences(asked: &Map<String, Value>, came: &Map<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    for (name, wanted) in asked {
        let there = match (name.as_str(), came.get(name)) {
            // What a provider may leave to those who look (RFC 7591 §3.2.1), or word in its own way.
            ("client_name" | "application_type" | "jwks", _) => continue,
            // RFC 7591 §2: what is not said is this.
            ("grant_types", None | Some(Value::Null)) => json!(["authorization_code"]),
            ("response_types", None | Some(Value::Null)) => json!(["code"]),
            ("token_endpoint_auth_method", None | Some(Value::Null)) => {
                json!("client_secret_basic")
            }
            ("redirect_uris", None | Some(Value::Null)) => json!([]),
            (_, None) => Value::Null,
            (_, Some(there)) => there.clone(),
        };
        // A machine has no use for a response, whatever is said of it.
        let is_idle = name == "response_types" && asked.get("redirect_uris") == Some(&json!([]));
        let mut there_words = words(&there);
        if name == "grant_types" && !words(wanted).contains("refresh_token") {
            // Nothing but another grant brings such a token: Keycloak lists it always.
            there_words.remove("refresh_token");
        }
        if !is_idle && words(wanted) != there_words {
            found.push(format!(
                "`{name}`: asked for {}, came {}",
                shown(wanted),
                if there.is_null() { "nothing".to_owned() } else { shown(&there) }
            ));
        }
    }
    found
}

/// A list, or a text of words, whose order says nothing.
fn words(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Array(all) => {
            all.iter().map(|one| one.as_str().map_or(one.to_string(), str::to_owned)).collect()
        }
        Value::String(text) => {
            text.split(' ').filter(|one| !one.is_empty()).map(str::to_owned).collect()
        }
        other => [other.to_string()].into(),
    }
}

fn shown(value: &Value) -> String {
    let words: Vec<_> = words(value).into_iter().take(12).map(|word| quoted(&word)).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish<'a>(kind: Kind, redirects: &'a [String], scopes: &'a [String]) -> Wish<'a> {
        Wish { kind, name: "orders", redirects, scopes, method: Method::Basic }
    }

    #[test]
    fn members_are_the_registered_ones_and_the_type_is_always_among_them() {
        const REGISTERED: [&str; 8] = [
            "application_type",
            "client_name",
            "grant_types",
            "jwks",
            "redirect_uris",
            "response_types",
            "scope",
            "token_endpoint_auth_method",
        ];
        let (redirects, scopes) = (["https://a.example/b".to_owned()], ["orders:read".to_owned()]);
        let cases = [
            (Kind::Machine, Vendor::Other, "web", json!([])),
            (Kind::Machine, Vendor::Okta, "service", json!(["token"])),
            (Kind::Machine, Vendor::Keycloak, "web", json!(["none"])),
            (Kind::Web, Vendor::Okta, "web", json!(["code"])),
            (Kind::Native, Vendor::Other, "native", json!(["code"])),
        ];
        for (kind, vendor, application, responses) in cases {
            let redirects: &[String] = if kind == Kind::Machine { &[] } else { &redirects };
            let one = wish(kind, redirects, &scopes);
            assert_eq!(one.problem(), None, "{kind:?}");
            let members = one.metadata(vendor, Some(&json!({ "kty": "EC" })));
            assert_eq!(members["application_type"], application, "{kind:?} {vendor:?}");
            assert_eq!(members["response_types"], responses, "{kind:?} {vendor:?}");
            assert_eq!(members["redirect_uris"], json!(redirects), "{kind:?}");
            let names: Vec<_> = members.keys().map(String::as_str).collect();
            assert!(names.iter().all(|name| REGISTERED.contains(name)), "{names:?}");
        }
        let has_scope = |vendor: Vendor, scopes: &[String]| {
            wish(Kind::Machine, &[], scopes).metadata(vendor, None).contains_key("scope")
        };
        assert!(has_scope(Vendor::Other, &scopes) && !has_scope(Vendor::Other, &[]));
        assert!(!has_scope(Vendor::Okta, &scopes), "its access policies grant them");
    }

    #[test]
    fn what_cannot_be_meant_is_said_before_anybody_is_asked() {
        let one = |text: &str| vec![text.to_owned()];
        let cases = [
            (Kind::Machine, one("https://a.example/"), one("a"), "--redirect is for those"),
            (Kind::Web, Vec::new(), Vec::new(), "--redirect is missing"),
            (Kind::Native, Vec::new(), Vec::new(), "--redirect is missing"),
            (Kind::Web, one("/callback"), Vec::new(), "is no absolute URI"),
            (Kind::Web, one("https://a.example/#x"), Vec::new(), "is no absolute URI"),
            (Kind::Machine, Vec::new(), one("a b"), "is no scope"),
            (Kind::Machine, Vec::new(), one(""), "is no scope"),
        ];
        for (kind, redirects, scopes, words) in cases {
            let problem = wish(kind, &redirects, &scopes).problem().unwrap_or_default();
            assert!(problem.contains(words), "{kind:?} {redirects:?} {scopes:?}: {problem}");
        }
        let nobody = Wish { method: Method::None, ..wish(Kind::Machine, &[], &[]) };
        assert!(nobody.problem().is_some_and(|problem| problem.contains("--auth none")));
        let device = wish(Kind::Native, &["com.example.app:/back".to_owned()], &[]).problem();
        assert_eq!(device, None);
    }

    #[test]
    fn a_refresh_token_that_nothing_brings_is_no_difference() {
        let object = |value: Value| value.as_object().cloned().expect("an object");
        let asked = object(json!({ "grant_types": ["client_credentials"] }));
        let came = |grants: Value| differences(&asked, &object(json!({ "grant_types": grants })));
        assert_eq!(came(json!(["client_credentials", "refresh_token"])), Vec::<String>::new());
        assert_eq!(came(json!(["authorization_code", "client_credentials"])).len(), 1);
        assert_eq!(came(json!(["refresh_token"])).len(), 1);
    }

    #[test]
    fn what_came_otherwise_is_found_by_its_meaning() {
        let asked = json!({ "grant_types": ["authorization_code", "refresh_token"], "scope": "a b",
            "client_name": "x", "application_type": "web", "response_types": ["code"],
            "redirect_uris": ["https://a.example/"], "token_endpoint_auth_method": "client_secret_basic" });
        let cases = [
            (json!({}), None),
            (json!({ "scope": "b a", "client_name": "X", "application_type": null }), None),
            (json!({ "grant_types": ["refresh_token", "authorization_code"] }), None),
            (json!({ "token_endpoint_auth_method": null, "response_types": null }), None),
            (json!({ "scope": "a" }), Some("`scope`: asked for `a`, `b`, came `a`")),
            (json!({ "scope": null }), Some("`scope`: asked for `a`, `b`, came nothing")),
            (json!({ "scope": "a b c" }), Some("`scope`: asked for `a`, `b`, came `a`, `b`, `c`")),
            (json!({ "grant_types": null }), Some("`grant_types`: ")),
            (
                json!({ "token_endpoint_auth_method": "none" }),
                Some("`token_endpoint_auth_method`: "),
            ),
            (json!({ "redirect_uris": [] }), Some("`redirect_uris`: ")),
        ];
        for (change, expected) in cases {
            let mut came = asked.clone();
            for (name, value) in change.as_object().expect("an object") {
                match value {
                    Value::Null => came.as_object_mut().expect("an object").remove(name),
                    value => {
                        came.as_object_mut().expect("an object").insert(name.clone(), value.clone())
                    }
                };
            }
            let object = |value: &Value| value.as_object().cloned().expect("an object");
            let found = differences(&object(&asked), &object(&came));
            match expected {
                None => assert_eq!(found, Vec::<String>::new(), "{change}"),
                Some(words) => assert!(found.len() == 1 && found[0].contains(words), "{found:?}"),
            }
        }
    }
}
