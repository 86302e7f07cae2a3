//! What a request shows to vouch for its caller.

use std::borrow::Cow;

use super::trail::Trail;
use super::words::narrate;
use crate::api::{Api, Auth};
use crate::config::Config;
use crate::http::{RequestHead, after_scheme, cookies, elements, parameters};
use crate::ids::{ApiId, Name, ProviderId};
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

    /// The first who looks here: what is wrong with a credential's form is told in its name.
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
            let locations = config.provider(id).into_iter().flat_map(|provider| &provider.from);
            for location in locations.filter(|location| counts(location, &api.name)) {
                let same = |spot: &&mut Spot| spot.location.is_same_place(location);
                match all.spots.iter_mut().find(same) {
                    Some(spot) => spot.readers.push(id),
                    None => {
                        all.spots.push(Spot { location: location.clone(), readers: vec![id] });
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
    /// [`Deny::CredentialMultiple`] where a provider finds more than one, [`Deny::OriginRefused`]
    /// where it finds a cookie that another origin's page may have made the browser send.
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
                narrate::place(place, shown(place), bytes, head, &mut trail.steps);
            }
            let Some(token) = token else { continue };
            let by_both = found.iter().find_map(|other| {
                let both = |id: &&ProviderId| other.spot.readers.contains(id);
                spot.readers.iter().find(both).map(|id| (*id, other.spot))
            });
            if let Some((id, other)) = by_both {
                let mut names = vec![shown(other.place()), shown(spot.place())];
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

    /// Whether what stands at a place without a scheme is one that is read there, with nothing behind
    /// it: then that is what it is.
    fn is_scheme(&self, place: &Place, found: &[u8]) -> bool {
        let Place::Header { name, scheme: Some(alone) } = place else { return false };
        let is_it = |spot: &Spot| match spot.place() {
            Place::Header { name: here, scheme: Some(scheme) } => {
                here == name && found.eq_ignore_ascii_case(scheme.as_bytes())
            }
            _ => false,
        };
        alone.is_empty() && self.spots.iter().any(is_it)
    }
}

/// A refusal that asks for what a provider takes.
pub(super) fn challenging(refusal: Refusal, provider: &Provider) -> Refusal {
    Refusal { scheme: provider.scheme(), ..refusal }
}

/// Where a provider looks for its credential in requests of an API, in words.
pub(super) fn places<'c>(
    config: &'c Config,
    api: &'c Name,
    id: ProviderId,
    head: &'c RequestHead,
) -> impl Iterator<Item = String> + 'c {
    let from = config.provider(id).into_iter().flat_map(|provider| &provider.from);
    from.filter(|location| counts(location, api)).map(|location| {
        let place = shown(&location.place);
        match &location.place {
            Place::Header { name, scheme: Some(scheme) } => match head.first(name) {
                Some(value) => format!("{place} (the header is there, {})", instead(value, scheme)),
                None => place,
            },
            _ => place,
        }
    })
}

/// What stands in a header in which nothing has this scheme, as far as it can be told: a scheme is
/// quoted, a credential never.
pub(super) fn instead(value: &[u8], scheme: &str) -> String {
    if elements(value).any(|element| after_scheme(element, scheme).is_some()) {
        return "with another's token".to_owned();
    }
    match value.trim_ascii_start().split(|&byte| byte == b' ').next().and_then(word) {
        Some(word) if value.trim_ascii().contains(&b' ') => format!("with the scheme {word}"),
        _ if value.trim_ascii().contains(&b' ') => "with another scheme".to_owned(),
        _ => "without a scheme".to_owned(),
    }
}

/// A word that somebody may have put in front of a credential; `None` for what may be one itself.
fn word(found: &[u8]) -> Option<String> {
    const MAX_BYTES: usize = 16;
    let is_plain = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_');
    let plain = !found.is_empty() && found.len() <= MAX_BYTES && found.iter().all(is_plain);
    plain.then(|| quoted(&String::from_utf8_lossy(found)))
}

/// A refusal of what is no token's form, with what stands in front of one where that can be told:
/// `Bearer` a second time, or the `token=` of a parameter.
pub(super) fn with_front(refusal: Refusal, credential: &[u8]) -> Refusal {
    let ends = |byte: &u8| matches!(byte, b' ' | b'\t' | b'=' | b':' | b'"' | b'\'' | b'<');
    let at = credential.iter().position(ends);
    let parts = at.and_then(|at| credential.split_at_checked(at));
    let front = parts.filter(|(_, behind)| behind.iter().any(|byte| !ends(byte)));
    let front = front.map(|(before, _)| match (word(before), before.is_empty()) {
        (Some(word), _) => word,
        (None, true) => "a quotation mark or the like".to_owned(),
        (None, false) => "what is not shown, as it may be one itself".to_owned(),
    });
    match front {
        Some(front) if refusal.deny == Deny::TokenMalformed => {
            let reason = format!("{}; in front of one stands {front}", refusal.reason);
            Refusal { reason: reason.into(), ..refusal }.with_remedy(
                "have the caller send the token alone, behind one scheme of \
                 `providers.*.from[].scheme`: once, without a name and without quotation marks",
            )
        }
        _ => refusal,
    }
}

fn shown(place: &Place) -> String {
    match place {
        Place::Cookie { name, .. } => format!("cookie `{name}`"),
        Place::Header { name, scheme: Some(scheme) } if scheme.is_empty() => {
            format!("header `{name}` without a scheme")
        }
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
/// credential; with the empty one, an element without a space in it. What is empty is absent, but for
/// a scheme with nothing behind it.
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
