//! What a request shows to vouch for its caller.

use super::Trail;
use crate::api::{Api, Auth};
use crate::config::Config;
use crate::http::{RequestHead, after_scheme, elements};
use crate::ids::{ApiId, Name, ProviderId};
use crate::provider::Kind;
use crate::provider::jwt::{JwtProvider, Location};
use crate::verdict::{Deny, Refusal};

/// Where the credentials of each API's requests may stand, and who looks there.
#[derive(Debug)]
pub(in crate::engine) struct Readers(Vec<OfApi>);

/// The same for one API.
#[derive(Debug, Default)]
pub(super) struct OfApi {
    /// Every provider of the API, once, in the order of its branches.
    pub(super) members: Vec<ProviderId>,
    /// Where they look: a place that several share is read once.
    places: Vec<Place>,
}

/// A place of a request, and the providers that look there.
#[derive(Debug)]
pub(in crate::engine) struct Place {
    location: Location,
    readers: Vec<ProviderId>,
}

impl Place {
    /// The header, as the configuration names it.
    pub(in crate::engine) fn header(&self) -> &str {
        &self.location.header
    }

    /// Who looks here; never nobody.
    pub(in crate::engine) fn readers(&self) -> &[ProviderId] {
        &self.readers
    }

    /// The first who looks here: what is wrong with a credential's form is told in its name.
    pub(super) fn first_reader(&self) -> Option<ProviderId> {
        self.readers.first().copied()
    }
}

/// A credential that stands where a provider looks for one.
pub(in crate::engine) struct Presented<'a> {
    /// Where it stands.
    pub(in crate::engine) place: &'a Place,
    /// The credential itself, without its scheme. Never logged.
    pub(in crate::engine) token: &'a [u8],
}

impl Readers {
    pub(in crate::engine) fn new(config: &Config) -> Self {
        Self(config.apis.iter().map(|api| OfApi::new(config, api)).collect())
    }

    pub(super) fn of(&self, api: ApiId) -> Option<&OfApi> {
        self.0.get(api.0)
    }
}

impl OfApi {
    fn new(config: &Config, api: &Api) -> Self {
        let mut all = Self::default();
        let Auth::Branches { branches, .. } = &api.auth else { return all };
        for id in branches.iter().flat_map(|branch| &branch.members).copied() {
            if all.members.contains(&id) {
                continue;
            }
            all.members.push(id);
            let locations = jwt(config, id).into_iter().flat_map(|provider| &provider.from);
            for location in locations.filter(|location| counts(location, &api.name)) {
                let same = |place: &&mut Place| place.location.is_same_place(location);
                match all.places.iter_mut().find(same) {
                    Some(place) => place.readers.push(id),
                    None => {
                        all.places.push(Place { location: location.clone(), readers: vec![id] });
                    }
                }
            }
        }
        all
    }

    /// Reads the credentials of a request.
    ///
    /// # Errors
    ///
    /// [`Deny::CredentialMultiple`] where a provider finds more than one.
    pub(super) fn presented<'a>(
        &'a self,
        config: &Config,
        head: &'a RequestHead,
        trail: &mut Trail,
    ) -> Result<Vec<Presented<'a>>, Refusal> {
        let mut found: Vec<Presented<'a>> = Vec::new();
        for place in &self.places {
            let Some(token) = read(&place.location, head).inspect_err(|_| {
                trail.enter(place.first_reader().and_then(|id| config.provider_name(id)));
            })?
            else {
                continue;
            };
            let by_both = found.iter().find_map(|other| {
                let both = |id: &&ProviderId| other.place.readers.contains(id);
                place.readers.iter().find(both).map(|id| (*id, other.place))
            });
            if let Some((id, other)) = by_both {
                trail.enter(config.provider_name(id));
                let mut names = vec![other.header(), place.header()];
                names.dedup();
                return Err(multiple(&names.join(", ")));
            }
            found.push(Presented { place, token });
        }
        Ok(found)
    }
}

/// Where a provider looks for its credential, in words.
pub(super) fn places(config: &Config, id: ProviderId) -> impl Iterator<Item = String> + '_ {
    jwt(config, id).into_iter().flat_map(|provider| &provider.from).map(|place| {
        match &place.scheme {
            Some(scheme) => format!("header `{}` with scheme `{scheme}`", place.header),
            None => format!("header `{}`", place.header),
        }
    })
}

/// The configuration of a JWT provider.
pub(in crate::engine) fn jwt(config: &Config, id: ProviderId) -> Option<&JwtProvider> {
    config.providers.get(id.0).map(|provider| match &provider.kind {
        Kind::Jwt(jwt) => jwt,
    })
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
    match &place.scheme {
        Some(scheme) => {
            for element in head.values(&place.header).flat_map(elements) {
                count = count.saturating_add(1);
                found = found.or_else(|| after_scheme(element, scheme));
            }
        }
        None => {
            for value in head.values(&place.header).filter(|value| !value.is_empty()) {
                count = count.saturating_add(1);
                found = Some(value);
            }
        }
    }
    if count > 1 && found.is_some() { Err(multiple(&place.header)) } else { Ok(found) }
}

fn multiple(headers: &str) -> Refusal {
    Refusal::new(
        Deny::CredentialMultiple,
        format!("more than one credential for this provider, in {headers}"),
    )
}
