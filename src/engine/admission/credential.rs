//! What a request shows to vouch for its caller, by provider.

use std::borrow::Cow;

use super::Trail;
use crate::api::Api;
use crate::config::Config;
use crate::http::{RequestHead, after_scheme, cookies, elements, parameters};
use crate::ids::{Name, ProviderId};
use crate::provider::{Kind, Location, Place, Provider};
use crate::verdict::{Deny, Refusal, Scheme, quoted};

/// A credential that stands where a provider looks for one.
pub(in crate::engine) struct Presented<'c, 'h> {
    /// The provider that looks there.
    pub(in crate::engine) provider: ProviderId,
    /// Where it stands.
    pub(in crate::engine) place: &'c Place,
    /// The credential itself, without its scheme, decoded. Never logged.
    pub(in crate::engine) token: Cow<'h, [u8]>,
}

/// Reads the credentials for the `members` of an API.
///
/// # Errors
///
/// [`Deny::CredentialMultiple`] where a provider finds more than one, [`Deny::OriginRefused`] where
/// it finds a cookie that another origin's page may have made the browser send.
pub(super) fn presented<'c, 'h>(
    config: &'c Config,
    api: &Api,
    members: &[ProviderId],
    head: &'h RequestHead,
    trail: &mut Trail,
) -> Result<Vec<Presented<'c, 'h>>, Refusal> {
    let mut found: Vec<Presented<'c, 'h>> = Vec::new();
    for id in members.iter().copied() {
        let Some(provider) = config.provider(id) else { continue };
        trail.provider = Some(provider.name.clone());
        let before = found.len();
        for location in provider.from.iter().filter(|location| counts(location, &api.name)) {
            let place = &location.place;
            let token = read(place, head).map_err(|refusal| challenging(refusal, provider))?;
            found.extend(token.map(|token| Presented { provider: id, place, token }));
        }
        match found.get(before..).unwrap_or_default() {
            [] => {}
            [one] => check_origin(one.place, head)?,
            several => {
                let mut names: Vec<_> = several.iter().map(|one| shown(one.place)).collect();
                names.dedup();
                return Err(challenging(multiple(&names.join(", ")), provider));
            }
        }
    }
    trail.provider = None;
    Ok(found)
}

/// A refusal that asks for what a provider takes.
pub(super) fn challenging(refusal: Refusal, provider: &Provider) -> Refusal {
    let scheme = match &provider.kind {
        Kind::ApiKey(_) => Scheme::ApiKey,
        Kind::Jwt(_) => Scheme::Bearer,
    };
    Refusal { scheme, ..refusal }
}

/// Where a provider looks for its credential, in words.
pub(super) fn places(config: &Config, id: ProviderId) -> impl Iterator<Item = String> + '_ {
    let from = config.provider(id).into_iter().flat_map(|provider| &provider.from);
    from.map(|location| shown(&location.place))
}

fn shown(place: &Place) -> String {
    match place {
        Place::Cookie { name, .. } => format!("cookie `{name}`"),
        Place::Header { name, scheme: Some(scheme) } => {
            format!("header `{name}` with scheme `{scheme}`")
        }
        Place::Header { name, scheme: None } => format!("header `{name}`"),
        Place::Query { name } => format!("query parameter `{name}`"),
    }
}

fn counts(location: &Location, api: &Name) -> bool {
    location.apis.as_ref().is_none_or(|apis| apis.contains(api))
}

/// The credential at one place, if there is one.
///
/// With a scheme, the values of a header are comma-separated elements; where one of several has the
/// scheme, a reader could take either (RFC 6750 §2). Without a scheme the whole value is the
/// credential. What is empty is absent, but for a scheme with nothing behind it.
fn read<'h>(place: &Place, head: &'h RequestHead) -> Result<Option<Cow<'h, [u8]>>, Refusal> {
    match place {
        Place::Cookie { name, .. } => {
            only(cookies(head.values("cookie"), name).map(Cow::Borrowed), place)
        }
        Place::Header { name, scheme: None } => only(head.values(name).map(Cow::Borrowed), place),
        Place::Header { name, scheme: Some(scheme) } => {
            let (mut found, mut count) = (None, 0_usize);
            for element in head.values(name).flat_map(elements) {
                count = count.saturating_add(1);
                found = found.or_else(|| after_scheme(element, scheme));
            }
            if count > 1 && found.is_some() {
                return Err(multiple(&shown(place)));
            }
            Ok(found.map(Cow::Borrowed))
        }
        Place::Query { name } => only(parameters(head.path(), name), place),
    }
}

/// The one value that is not empty.
fn only<'h>(
    values: impl Iterator<Item = Cow<'h, [u8]>>,
    place: &Place,
) -> Result<Option<Cow<'h, [u8]>>, Refusal> {
    let mut values = values.filter(|value| !value.is_empty());
    let found = values.next();
    if values.next().is_some() { Err(multiple(&shown(place))) } else { Ok(found) }
}

/// A browser sends a cookie with every request to its host, whichever page made it send one: what
/// could change something needs a page that is known.
fn check_origin(place: &Place, head: &RequestHead) -> Result<(), Refusal> {
    let Place::Cookie { name, origins: Some(origins) } = place else { return Ok(()) };
    if !head.may_change_something() {
        return Ok(());
    }
    let origin = head.origin();
    if origins.iter().any(|known| Some(known.as_bytes()) == origin) {
        return Ok(());
    }
    let found = match origin {
        Some(origin) => format!("is {}", quoted(&String::from_utf8_lossy(origin))),
        None => "is missing, or there are several".to_owned(),
    };
    Err(Refusal::new(
        Deny::OriginRefused,
        format!("the credential is in the cookie `{name}`, and `origin` {found}"),
    ))
}

fn multiple(places: &str) -> Refusal {
    Refusal::new(
        Deny::CredentialMultiple,
        format!("more than one credential for this provider, in {places}"),
    )
}
