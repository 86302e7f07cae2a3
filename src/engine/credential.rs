//! What a request shows to vouch for its caller.

use std::borrow::Cow;

use super::trail::Trail;
use super::words::{narrate, place};
use crate::api::{Api, Auth};
use crate::config::Config;
use crate::http::{RequestHead, after_scheme, cookies, elements, is_same_name, parameters};
use crate::ids::{ApiId, ProviderId};
use crate::provider::{Location, Place, Provider};
use crate::verdict::{Deny, Refusal, quoted};

/// Where the credentials of each API's requests may stand, and who looks there.
#[derive(Debug)]
pub(super) struct Readers(Vec<OfApi>);

/// The same for one API.
#[derive(Debug, Default)]
pub(super) struct OfApi {
    /// Every provider of the API, once, in the order of its branches.
    pub(super) members: Vec<ProviderId>,
    /// Where they look: a place that several share is read once.
    spots: Vec<Spot>,
}

/// A place of a request, and the providers that look there.
#[derive(Debug)]
pub(super) struct Spot {
    location: Location,
    readers: Vec<ProviderId>,
    is_introspected: bool,
}

impl Spot {
    /// The place, as the configuration names it.
    pub(super) const fn place(&self) -> &Place {
        &self.location.place
    }

    /// Who looks here; never nobody.
    pub(super) fn readers(&self) -> &[ProviderId] {
        &self.readers
    }

    /// Whether any who looks here is asked about tokens.
    pub(super) const fn is_introspected(&self) -> bool {
        self.is_introspected
    }

    /// The first who looks here: a wrong form of a credential is reported as its own.
    pub(super) fn first_reader<'c>(&self, config: &'c Config) -> Option<&'c Provider> {
        self.readers.first().and_then(|id| config.provider(*id))
    }
}

/// A credential that stands where a provider looks for one.
pub(super) struct Presented<'a> {
    /// Where it stands.
    pub(super) spot: &'a Spot,
    /// The credential itself, without its scheme, decoded. Never logged.
    pub(super) token: Cow<'a, [u8]>,
}

impl Readers {
    pub(super) fn new(config: &Config) -> Self {
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
            let provider = config.provider(id);
            let asks = provider.is_some_and(|provider| provider.introspection().is_some());
            let locations = provider.into_iter().flat_map(|provider| &provider.from);
            for location in locations.filter(|location| location.is_for(&api.name)) {
                let same = |spot: &&mut Spot| spot.location.is_same_place(location);
                match all.spots.iter_mut().find(same) {
                    Some(spot) => {
                        spot.readers.push(id);
                        spot.is_introspected |= asks;
                    }
                    None => {
                        let (location, readers) = (location.clone(), vec![id]);
                        all.spots.push(Spot { location, readers, is_introspected: asks });
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
    /// [`Deny::CredentialMultiple`] where a provider finds more than one credential,
    /// [`Deny::OriginRefused`] where a page of another origin may have caused a request with a cookie.
    pub(super) fn presented<'a>(
        &'a self,
        config: &Config,
        head: &'a RequestHead,
        trail: &mut Trail,
    ) -> Result<Vec<Presented<'a>>, Refusal> {
        let mut found: Vec<Presented<'a>> = Vec::new();
        for spot in &self.spots {
            let refused = |refusal, trail: &mut Trail| match spot.first_reader(config) {
                Some(reader) => {
                    trail.enter(Some(&reader.name));
                    challenging(refusal, reader)
                }
                None => refusal,
            };
            let token = read(spot.place(), head).map_err(|refusal| refused(refusal, trail))?;
            let token = token.filter(|token| !self.is_scheme(spot.place(), token));
            if trail.steps.is_on() {
                trail.steps.enter(spot.first_reader(config).map(|reader| &reader.name));
                let (place, bytes) = (spot.place(), token.as_ref().map(|token| token.len()));
                narrate::place(place, bytes, head, &mut trail.steps);
            }
            let Some(token) = token else { continue };
            let by_both = found.iter().find_map(|other| {
                let both = |id: &&ProviderId| other.spot.readers.contains(id);
                spot.readers.iter().find(both).map(|id| (*id, other.spot))
            });
            if let Some((id, other)) = by_both {
                let mut names = vec![place::name(other.place()), place::name(spot.place())];
                names.dedup();
                let refusal = multiple(&names.join(", "));
                let Some(provider) = config.provider(id) else { return Err(refusal) };
                trail.enter(Some(&provider.name));
                return Err(challenging(refusal, provider));
            }
            check_origin(spot.place(), head).map_err(|refusal| refused(refusal, trail))?;
            found.push(Presented { spot, token });
        }
        Ok(found)
    }

    /// Whether a value without a scheme is only the name of a scheme that is read at the same place:
    /// then it is that scheme with nothing behind it, and no credential.
    fn is_scheme(&self, place: &Place, found: &[u8]) -> bool {
        let Place::Header { name, scheme: Some(alone) } = place else { return false };
        let is_it = |spot: &Spot| match spot.place() {
            Place::Header { name: here, scheme: Some(scheme) } => {
                here == name && is_same_name(found, scheme.as_bytes())
            }
            _ => false,
        };
        alone.is_empty() && self.spots.iter().any(is_it)
    }
}

/// A refusal that asks for what a provider takes.
pub(super) fn challenging(mut refusal: Refusal, provider: &Provider) -> Refusal {
    refusal.scheme = provider.scheme();
    refusal
}

/// The credential at one place, if there is one.
///
/// With a scheme, the values of a header are elements between commas. Where there are several elements
/// and one has the scheme, another reader could take another one (RFC 6750 §2): that is refused. Without
/// a scheme the whole value is the credential. With the empty scheme, an element without a space in it
/// is. An empty value counts as absent, but a scheme with nothing behind it does not.
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
                return Err(multiple(&place::name(place)));
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
    if values.next().is_some() { Err(multiple(&place::name(place))) } else { Ok(found) }
}

/// A browser sends a cookie with every request to its host, whichever page causes the request. So a
/// request that could change something must come from a known page.
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
