//! What a request shows to vouch for its caller, by provider.

use super::Trail;
use crate::api::Api;
use crate::config::Config;
use crate::http::{RequestHead, after_scheme, elements};
use crate::ids::{Name, ProviderId};
use crate::provider::jwt::JwtProvider;
use crate::provider::{Location, Place, Provider};
use crate::verdict::{Deny, Refusal};

/// A credential that stands where a provider looks for one.
pub(in crate::engine) struct Presented {
    /// The provider that looks there.
    pub(in crate::engine) provider: ProviderId,
    /// The header it stands in, as the configuration names it.
    pub(in crate::engine) header: Box<str>,
    /// The credential itself, without its scheme. Never logged.
    pub(in crate::engine) token: Vec<u8>,
}

/// Reads the credentials for the `members` of an API.
///
/// # Errors
///
/// [`Deny::CredentialMultiple`] where a provider finds more than one.
pub(super) fn presented(
    config: &Config,
    api: &Api,
    members: &[ProviderId],
    head: &RequestHead,
    trail: &mut Trail,
) -> Result<Vec<Presented>, Refusal> {
    let mut found = Vec::new();
    for id in members.iter().copied() {
        let Some(provider) = config.provider(id) else { continue };
        trail.provider = config.provider_name(id).cloned();
        let mut own = Vec::new();
        for place in provider.from.iter().filter(|place| counts(place, &api.name)) {
            let tokens = read(place, head)?;
            own.extend(tokens.map(|token| Presented {
                provider: id,
                header: header(place).unwrap_or_default().into(),
                token: token.to_vec(),
            }));
        }
        if own.len() > 1 {
            let mut names: Vec<_> = own.iter().map(|one| &*one.header).collect();
            names.dedup();
            return Err(multiple(&names.join(", ")));
        }
        found.append(&mut own);
    }
    trail.provider = None;
    Ok(found)
}

/// Where a provider looks for its credential, in words.
pub(super) fn places(config: &Config, id: ProviderId) -> impl Iterator<Item = String> + '_ {
    config.provider(id).into_iter().flat_map(|provider| &provider.from).map(|location| {
        match &location.place {
            Place::Header { name, scheme: Some(scheme) } => {
                format!("header `{name}` with scheme `{scheme}`")
            }
            Place::Header { name, scheme: None } => format!("header `{name}`"),
            Place::Cookie { name, .. } => format!("cookie `{name}`"),
            Place::Query { name } => format!("query parameter `{name}`"),
        }
    })
}

/// The configuration of a JWT provider.
pub(in crate::engine) fn jwt(config: &Config, id: ProviderId) -> Option<&JwtProvider> {
    config.provider(id).and_then(Provider::jwt)
}

fn header(location: &Location) -> Option<&str> {
    match &location.place {
        Place::Header { name, .. } => Some(name),
        Place::Cookie { .. } | Place::Query { .. } => None,
    }
}

fn counts(place: &Location, api: &Name) -> bool {
    place.apis.as_ref().is_none_or(|apis| apis.contains(api))
}

/// The credential at one place, if there is one.
///
/// With a scheme, the values are comma-separated elements; where one of several has the scheme, a
/// reader could take either (RFC 6750 §2). Without a scheme the whole value is the credential.
fn read<'h>(place: &Location, head: &'h RequestHead) -> Result<Option<&'h [u8]>, Refusal> {
    let mut found = None;
    let mut count = 0_usize;
    let Place::Header { name, scheme } = &place.place else { return Ok(None) };
    match scheme {
        Some(scheme) => {
            for element in head.values(name).flat_map(elements) {
                count = count.saturating_add(1);
                found = found.or_else(|| after_scheme(element, scheme));
            }
        }
        None => {
            for value in head.values(name).filter(|value| !value.is_empty()) {
                count = count.saturating_add(1);
                found = Some(value);
            }
        }
    }
    if count > 1 && found.is_some() { Err(multiple(name)) } else { Ok(found) }
}

fn multiple(headers: &str) -> Refusal {
    Refusal::new(
        Deny::CredentialMultiple,
        format!("more than one credential for this provider, in {headers}"),
    )
}
