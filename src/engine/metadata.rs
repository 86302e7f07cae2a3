//! What clients are told of an API that is a protected resource (RFC 9728): its document, and where a
//! refusal says that it is.

use super::reply;
use crate::api::Api;
use crate::config::Config;
use crate::event::Reply;
use crate::http::{RequestHead, RequestPath};
use crate::ids::{ApiId, Name};
use crate::policy::Asked;
use crate::resource::{WELL_KNOWN, find};
use crate::trace::Trace;
use crate::verdict::{Answer, Refusal, Step};

/// How long clients may keep a document.
const MAX_AGE: &str = "max-age=300";

/// The answer to a request for a document; `None` where it is for something else. It needs no credential.
pub(super) fn answer(config: &Config, head: &RequestHead, trace: &mut Trace) -> Option<Reply> {
    // Nearly every request ends here.
    if !head.path().starts_with(WELL_KNOWN.as_bytes()) {
        return None;
    }
    let resources = config.apis.iter().filter_map(|api| api.resource.as_ref());
    let found = find(resources, head.authority(), head.path_only())?;
    trace.passed(Step::Api, "the documents of `apis[].resource`", || {
        "it is for one of them, which everybody gets: it is answered here".to_owned()
    });
    let text = |status, headers, body| Reply {
        status,
        grpc_status: None,
        details: reply::details("resource_metadata"),
        headers,
        body,
    };
    let everybody = ("access-control-allow-origin", "*".to_owned());
    Some(match head.method() {
        b"GET" | b"HEAD" => {
            let headers = vec![
                ("content-type", "application/json".to_owned()),
                ("cache-control", MAX_AGE.to_owned()),
                everybody,
            ];
            let is_bodiless = head.method() == b"HEAD";
            text(200, headers, if is_bodiless { String::new() } else { found.body.to_string() })
        }
        b"OPTIONS" => {
            let allowed = "mcp-protocol-version".to_owned();
            let methods = "GET, HEAD".to_owned();
            let headers = vec![
                everybody,
                ("access-control-allow-methods", methods),
                ("access-control-allow-headers", allowed),
            ];
            text(204, headers, String::new())
        }
        _ => text(405, vec![("allow", "GET, HEAD, OPTIONS".to_owned())], String::new()),
    })
}

/// Adds to a refusal's challenge where the document of its API is and, where a token is missing or bad,
/// which scopes the request needs. gRPC's callers read no challenge.
pub(super) fn challenge(
    reply: &mut Reply,
    refusal: &Refusal,
    config: &Config,
    (head, api): (&RequestHead, Option<&Name>),
) {
    let is_for_token = match refusal.deny.answer() {
        Answer::Missing | Answer::InvalidToken => true,
        Answer::InsufficientScope => false,
        _ => return,
    };
    let Some(id) = api.and_then(|name| config.api_named(name)) else { return };
    let Some(api) = config.api(id) else { return };
    let Some(resource) = api.resource.as_ref() else { return };
    let Some(known_as) = resource.of(head.authority()).filter(|_| !head.speaks_grpc()) else {
        return;
    };
    let Some((_, value)) = reply.headers.iter_mut().find(|(name, _)| *name == "www-authenticate")
    else {
        return;
    };
    value.push_str(&format!(", resource_metadata=\"{}\"", known_as.document));
    let scopes = match is_for_token {
        true => needed(config, (id, api), head),
        false => Vec::new(),
    };
    if !scopes.is_empty() {
        value.push_str(&format!(", scope=\"{}\"", scopes.join(" ")));
    }
}

/// The scopes that a request needs of a caller of whom nothing is known yet: all that the API asks for,
/// and what its default policies ask for this request besides.
fn needed<'c>(config: &'c Config, (id, api): (ApiId, &'c Api), head: &RequestHead) -> Vec<&'c str> {
    let mut scopes: Vec<&str> = api.scopes.iter().map(AsRef::as_ref).collect();
    let path = match config.looks_at_paths() {
        true => RequestPath::parse(head.path()).unwrap_or_default(),
        false => RequestPath::default(),
    };
    // What is wrong with them is said once there is a credential.
    let call = api.mcp.as_ref().and_then(|mcp| mcp.call(head).ok()?);
    let asked = Asked { method: head.method(), path: &path, call: call.as_ref() };
    for scope in config.policies.asked_of_strangers(id, asked) {
        if !scopes.contains(&&**scope) {
            scopes.push(scope);
        }
    }
    scopes
}
