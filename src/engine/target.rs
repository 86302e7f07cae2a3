//! Which API a request belongs to, and whether every server would say the same.

use super::metadata;
use super::stop::Stop;
use super::words::quote::shown;
use super::words::{narrate, reason};
use crate::api::Api;
use crate::config::Config;
use crate::http::{Ambiguity, RequestHead, RequestPath, Route, comparable_host, is_token};
use crate::ids::ApiId;
use crate::trace::Trace;
use crate::verdict::{Deny, Refusal};

/// Where a request goes.
pub(super) struct Target<'c> {
    /// The API's place.
    pub(super) id: ApiId,
    /// The API.
    pub(super) api: &'c Api,
    /// The path; empty where nothing looks at paths.
    pub(super) path: RequestPath,
}

/// The API that a request belongs to; a CORS preflight belongs to that of the method it asks for.
///
/// # Errors
///
/// [`Deny::ApiUnknown`], and [`Deny::PathAmbiguous`] where two servers could read the path differently. What
/// asks for the document of a resource is answered, whatever API its path belongs to.
pub(super) fn find<'c>(
    config: &'c Config,
    (head, method): (&RequestHead, &[u8]),
    route: &Route,
    trace: &mut Trace,
) -> Result<Target<'c>, Stop> {
    let index = &config.index;
    if let Some(reply) = metadata::answer(config, head, trace) {
        return Err(reply.into());
    }
    let find = |path: &RequestPath| {
        index.find(&config.apis, head.authority(), path.segments(), method, route)
    };
    narrate::path(config, head, trace);
    let path = match config.looks_at_paths() {
        true => RequestPath::parse(head.path()).map_err(ambiguous)?,
        false => RequestPath::default(),
    };
    let found = find(&path);
    let api = found.and_then(|id| config.api(id));
    if path.has_slash() && !api.is_some_and(|api| api.encoded_slash) {
        return Err(ambiguous(Ambiguity::EncodedSlash).into());
    }
    for reading in path.readings().map_err(ambiguous)? {
        let named = |path| api.map(|api| api.matcher.named(path));
        if find(&reading) != found || named(&reading) != named(&path) {
            return Err(Refusal::new(
                Deny::PathAmbiguous,
                "without what is behind a `;`, or with `%2f` for a slash, the path belongs to \
                 another API, or has something else in a named segment",
            )
            .into());
        }
    }
    if index.looks_at_route_metadata()
        && let Some(name) = route.api.as_deref().filter(|name| !index.may_be_named(name))
    {
        // The metadata names one API: another that happens to match must not take its place.
        let reason = format!(
            "the route's metadata names the API {}, and no API of that name has `route_metadata`",
            shown(name)
        );
        return Err(Refusal::new(Deny::ApiUnknown, reason).into());
    }
    narrate::api(config, head, (method, &path, route), found, trace);
    let target = found.and_then(|id| Some(Target { id, api: config.api(id)?, path }));
    target.ok_or_else(|| reason::no_api(config, head, method, route).into())
}

/// The method that a request, or its preflight, is about.
///
/// # Errors
///
/// [`Deny::MethodAmbiguous`] and [`Deny::HostAmbiguous`]: what two servers could read differently, where
/// anything looks at it.
pub(super) fn one_reading<'h>(config: &Config, head: &'h RequestHead) -> Result<&'h [u8], Refusal> {
    let method = head.preflight_method().unwrap_or_else(|| head.method());
    let is_other = |known: &[u8]| known != method && method.eq_ignore_ascii_case(known);
    if let Some(known) = config.methods.iter().find(|known| is_other(known.as_bytes())) {
        let reason = format!("the method {} is `{known}` in other letters", shown(method));
        return Err(Refusal::new(Deny::MethodAmbiguous, reason));
    }
    if !config.methods.is_empty() && !std::str::from_utf8(method).is_ok_and(is_token) {
        let reason = format!("the method {} is no token (RFC 9110 §9.1)", shown(method));
        return Err(Refusal::new(Deny::MethodAmbiguous, reason));
    }
    if config.index.looks_at_hosts() {
        let own = head.authority();
        let host = comparable_host(own);
        let is_it = |other: &[u8]| other == own || comparable_host(other) == host;
        if host.is_none() || !head.authorities().all(is_it) {
            let mut hosts = vec![shown(own)];
            let other = head.authorities().find(|other| *other != own);
            hosts.extend(other.map(shown));
            let reason = format!("servers could read the host {} differently", hosts.join(", "));
            return Err(Refusal::new(Deny::HostAmbiguous, reason));
        }
    }
    Ok(method)
}

fn ambiguous(why: Ambiguity) -> Refusal {
    Refusal::new(Deny::PathAmbiguous, format!("the path holds {why}"))
}
