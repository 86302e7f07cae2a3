//! What one API is to clients, on its own.

use crate::config::check::drafts::ResourceDraft;
use crate::config::check::written::{self, given_texts, not_empty, refuse_repeated};
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::resource::RawResource;
use crate::config::read::{At, Field, Text, items, one_or_many};
use crate::http::Url;
use crate::resource::Place;
use crate::verdict::quoted;

/// The scope that asks for a refresh token: a client's matter, and no API's.
const OFFLINE: &str = "offline_access";

/// Judges an API's `resource`.
pub(super) fn check(raw: &At<RawResource>, problems: &mut Problems<'_>) -> ResourceDraft {
    if raw.url.is_absent() {
        let message = "missing; write the URL that clients know this API by, such as \
                       \"https://mcp.example.com/mcp\"";
        problems.missing(raw.at, "url", message);
    }
    let urls = one_or_many(&raw.url);
    if let Some(list) = raw.url.given().filter(|list| list.0.is_empty()) {
        problems.refuse(
            Code::ValueEmpty,
            list.at,
            "an empty list names no resource; write its URL",
        );
    }
    let mut places = Vec::new();
    for (index, url) in urls.iter().enumerate() {
        refuse_repeated(urls, index, url, problems);
        places.extend(place(url, problems).map(|place| At { at: url.at, value: place }));
    }
    not_empty(
        &raw.scopes,
        "an empty list tells clients of no scope; name one, or leave it out",
        problems,
    );
    written::scopes(items(&raw.scopes), problems);
    for scope in items(&raw.scopes) {
        refuse_offline(scope, problems);
    }
    not_empty(
        &raw.authorization_servers,
        "an empty list leads clients nowhere; name an issuer, or leave it out",
        problems,
    );
    for (index, issuer) in items(&raw.authorization_servers).iter().enumerate() {
        refuse_repeated(items(&raw.authorization_servers), index, issuer, problems);
        url(issuer, problems);
    }
    let mut texts = Vec::new();
    for (member, field, is_url) in [
        ("resource_name", &raw.name, false),
        ("resource_documentation", &raw.documentation, true),
        ("resource_policy_uri", &raw.policy_uri, true),
        ("resource_tos_uri", &raw.tos_uri, true),
    ] {
        texts.extend(text(field, is_url, problems).map(|text| (member, text)));
    }
    ResourceDraft {
        at: raw.at,
        places,
        texts,
        scopes: given_texts(&raw.scopes),
        authorization_servers: given_texts(&raw.authorization_servers),
        servers_at: raw.authorization_servers.at(),
    }
}

/// Refuses the scope that asks for a refresh token.
pub(super) fn refuse_offline(scope: &At<Text>, problems: &mut Problems<'_>) {
    if &***scope == OFFLINE {
        problems.refuse(
            Code::ScopeRefused,
            scope.at,
            "`offline_access` asks for a refresh token, which is for the client to want and for no \
             API to ask for; delete it",
        );
    }
}

/// A URL that is shown to clients.
fn url(written: &At<Text>, problems: &mut Problems<'_>) -> Option<Url> {
    let url = match Url::parse(written) {
        // Challenges quote it.
        Ok(_) if written.contains('"') => Err("holds a quote; write it as `%22`".to_owned()),
        Ok(url) => Ok(url),
        Err(error) => Err(error.to_string()),
    };
    match url {
        Ok(url) => Some(url),
        Err(error) => {
            let message = format!("{} {error}; write a URL", quoted(written));
            problems.refuse(Code::UrlInvalid, written.at, message);
            None
        }
    }
}

fn place(written: &At<Text>, problems: &mut Problems<'_>) -> Option<Place> {
    let url = url(written, problems)?;
    if !url.secure {
        problems.warn(
            Code::PlainHttp,
            written.at,
            "plain HTTP: tokens for this resource can be read on their way, and most clients refuse \
             to ask for any; write `https`, whatever stands between the client and this proxy",
        );
    }
    match Place::new(written, &url) {
        Ok(place) => Some(place),
        Err(error) => {
            let message = format!("{} {}", quoted(written), error.words());
            problems.refuse(Code::UrlInvalid, written.at, message);
            None
        }
    }
}

/// A text that people are shown.
fn text(field: &Field<Text>, is_url: bool, problems: &mut Problems<'_>) -> Option<Box<str>> {
    let written = field.given()?;
    if is_url {
        return url(written, problems).map(|_| written.value.0.clone());
    }
    if written.trim().is_empty() || written.bytes().any(|b| matches!(b, b'"' | b'\\')) {
        let message = "is no name: not empty, and without quotes and backslashes";
        problems.refuse(Code::ValueInvalid, written.at, message);
        return None;
    }
    Some(written.value.0.clone())
}
