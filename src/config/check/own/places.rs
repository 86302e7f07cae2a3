//! Where a provider's credential stands in a request.

use crate::config::check::headers::{self, Use};
use crate::config::check::written::{boxed, not_empty, texts};
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::credential::{RawLocation, SchemeWord};
use crate::config::raw::provider::RawProvider;
use crate::config::read::{At, Field, Text, items};
use crate::ids::Name;
use crate::provider::{Location, Place};
use crate::verdict::quoted;

/// The names of APIs that places mention, each with its place.
type ApiNames = Vec<At<Box<str>>>;

/// The places where a credential stands, the names of APIs that they mention, and whether all that is
/// written is right.
pub(super) fn check(
    raw: &At<RawProvider>,
    problems: &mut Problems<'_>,
) -> (Vec<At<Location>>, ApiNames, bool) {
    if is_for_browsers_alone(raw) {
        return (Vec::new(), Vec::new(), false);
    }
    let written = raw.from.given();
    if let Some(empty) = written.filter(|from| from.0.is_empty()) {
        problems.refuse(
            Code::ValueEmpty,
            empty.at,
            "an empty list would find no token; name a header, or leave it out for `Authorization: \
             Bearer`",
        );
    }
    if raw.from.is_absent() {
        let place = Place::Header { name: "authorization".into(), scheme: Some("Bearer".into()) };
        return (vec![At { at: raw.at, value: Location { place, apis: None } }], Vec::new(), true);
    }
    let mut from: Vec<At<Location>> = Vec::new();
    let mut apis = Vec::new();
    let mut is_whole = written.is_some_and(|from| from.0.is_whole());
    for location in written.iter().flat_map(|from| &from.0.items) {
        apis.extend(items(&location.apis).iter().map(boxed));
        let found = locations(location, problems);
        is_whole &= !found.is_empty();
        for location in found {
            if let Some(message) = from.iter().find_map(|earlier| clash(earlier, &location)) {
                problems.refuse(Code::PlaceShared, location.at, message);
            }
            from.push(location);
        }
    }
    (from, apis, is_whole)
}

/// Whether no bearer token is taken, since browsers are logged in.
pub(super) fn is_for_browsers_alone(raw: &RawProvider) -> bool {
    !raw.login.is_absent() && raw.from.given().is_some_and(|from| from.0.is_empty())
}

/// A place for each scheme: each is found alone, whatever stands beside it.
fn locations(raw: &At<RawLocation>, problems: &mut Problems<'_>) -> Vec<At<Location>> {
    not_empty(
        &raw.apis,
        "an empty list would make this place count nowhere; name an API, or leave it out",
        problems,
    );
    let place = place(raw, problems);
    refuse_misplaced(raw, problems);
    // Names that are none are complained about where APIs are known.
    let apis = raw
        .apis
        .given()
        .filter(|apis| !apis.is_empty())
        .map(|apis| apis.items.iter().filter_map(|name| Name::parse(name)).collect());
    let Some(place) = place else { return Vec::new() };
    let at = |at, place| At { at, value: Location { place, apis: apis.clone() } };
    let (Place::Header { name, .. }, Some(schemes)) = (&place, raw.scheme.given()) else {
        return vec![at(raw.at, place)];
    };
    let location = |one: &At<SchemeWord>| {
        let place = Place::Header { name: name.clone(), scheme: Some(one.value.0.clone()) };
        at(if one.at == schemes.at { raw.at } else { one.at }, place)
    };
    schemes.0.items.iter().map(location).collect()
}

fn place(raw: &At<RawLocation>, problems: &mut Problems<'_>) -> Option<Place> {
    match (&raw.header, &raw.query, &raw.cookie) {
        (Field::Absent, Field::Absent, Field::Absent) => {
            let message = "missing; name the header, such as \"authorization\", or write `query` or \
                           `cookie`";
            problems.missing(raw.at, "header", message);
            None
        }
        (_, Field::Absent, Field::Absent) => header(raw, problems),
        (Field::Absent, Field::Given(name), Field::Absent) => {
            plain_name(name, problems).map(|name| Place::Query { name })
        }
        (Field::Absent, Field::Absent, Field::Given(name)) => {
            let origins = origins(raw, problems);
            let name = plain_name(name, problems)?;
            Some(Place::Cookie { name, origins: origins? })
        }
        (Field::Absent, Field::Wrong, Field::Absent)
        | (Field::Absent, Field::Absent, Field::Wrong) => None,
        _ => {
            let message = "several places at once; write exactly one of `header`, `query` and \
                           `cookie`, and the others as places of their own";
            problems.refuse(Code::OneOfRequired, raw.at, message);
            None
        }
    }
}

fn header(raw: &At<RawLocation>, problems: &mut Problems<'_>) -> Option<Place> {
    if let Some(schemes) = raw.scheme.given()
        && schemes.0.is_empty()
    {
        let message = "an empty list would find no credential; name a scheme, or leave it out";
        problems.refuse(Code::ValueEmpty, schemes.at, message);
    }
    let name = headers::name(raw.header.given()?, Use::Read, problems)?.value;
    let scheme = (&*name == "authorization").then(|| "Bearer".into());
    Some(Place::Header { name, scheme })
}

/// The name of a parameter or a cookie, in characters that every reader takes alike.
fn plain_name(name: &At<Text>, problems: &mut Problems<'_>) -> Option<Box<str>> {
    const MAX_BYTES: usize = 64;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    if name.len() <= MAX_BYTES && name.bytes().all(plain) {
        return Some(name.value.0.clone());
    }
    let message = format!(
        "{} cannot be read alike by all: 1 to {MAX_BYTES} letters, digits, `-`, `.`, `_` and `~`",
        quoted(name)
    );
    problems.refuse(Code::ValueInvalid, name.at, message);
    None
}

/// Who may cause requests with a cookie that change something; the inner `None` is anybody.
#[expect(clippy::option_option, reason = "the outer one is a mistake, the inner one a choice")]
fn origins(raw: &At<RawLocation>, problems: &mut Problems<'_>) -> Option<Option<Vec<Box<str>>>> {
    let any = raw.any_origin.says_so();
    not_empty(
        &raw.origins,
        "an empty list would refuse every change; name an origin, or say \"any_origin\": true",
        problems,
    );
    match (&raw.origins, any) {
        (Field::Absent, None) => {
            problems.missing(
                raw.at,
                "origins",
                "missing; browsers send a cookie whoever asks them to: name the origins whose pages \
                 may, such as \"https://app.example.com\", or say \"any_origin\": true",
            );
            None
        }
        (Field::Absent, Some(_)) => Some(None),
        (_, Some(any)) => {
            problems.refuse(Code::Contradiction, any, "contradicts `origins`; keep one of the two");
            None
        }
        (_, None) => {
            for origin in items(&raw.origins) {
                if let Some(message) = refused_origin(origin) {
                    problems.refuse(Code::ValueInvalid, origin.at, message);
                }
            }
            Some(Some(texts(&raw.origins)))
        }
    }
}

/// What is wrong with an origin: it is compared with what browsers send (RFC 6454 §6.2).
pub(super) fn refused_origin(origin: &str) -> Option<String> {
    let shown = quoted(origin);
    let authority = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    let Some(authority) = authority else {
        return Some(format!("{shown} is no origin; write it as \"https://app.example.com\""));
    };
    let end = authority.bytes().position(|b| matches!(b, b'/' | b'?' | b'#'));
    if let Some(host) = end.and_then(|end| authority.get(..end)) {
        let origin = origin.split_at_checked(origin.len().saturating_sub(authority.len()));
        let scheme = origin.map_or("https://", |(scheme, _)| scheme);
        return Some(format!("an origin has no path; write \"{scheme}{host}\""));
    }
    if authority != authority.to_ascii_lowercase() {
        return Some(format!(
            "browsers write origins in small letters; write \"{}\"",
            origin.to_ascii_lowercase()
        ));
    }
    let default_port = if origin.starts_with("https:") { ":443" } else { ":80" };
    if let Some(host) = origin.strip_suffix(default_port) {
        return Some(format!("browsers leave the usual port out; write \"{host}\""));
    }
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
    (authority.is_empty() || !authority.bytes().all(allowed)).then(|| {
        format!("{shown} is no origin: scheme, host and maybe a port, one origin for each string")
    })
}

/// Refuses what has no meaning at this kind of place.
fn refuse_misplaced(raw: &At<RawLocation>, problems: &mut Problems<'_>) {
    let elsewhere = !(raw.query.is_absent() && raw.cookie.is_absent());
    if let Some(scheme) = raw.scheme.given()
        && elsewhere
    {
        problems.refuse(Code::FieldUseless, scheme.at, "only a header has schemes; delete it");
    }
    if raw.cookie.is_absent() {
        for at in raw.origins.at().into_iter().chain(raw.any_origin.at()) {
            problems.refuse(
                Code::FieldUseless,
                at,
                "only a cookie is sent without being asked for; delete it",
            );
        }
    }
}

/// What is wrong with two places side by side.
fn clash(earlier: &Location, later: &Location) -> Option<String> {
    let (one, other) = (name(&earlier.place), name(&later.place));
    if let (Place::Header { .. }, Place::Header { .. }) = (&earlier.place, &later.place)
        && one != other
    {
        return (headers::folded(one) == headers::folded(other)).then(|| {
            format!("`{other}` and `{one}` above are one name to many servers; keep one of the two")
        });
    }
    if one != other || !meet(earlier, later) {
        return None;
    }
    match (&earlier.place, &later.place) {
        (Place::Header { scheme: one, .. }, Place::Header { scheme: two, .. }) => {
            match (lower(one), lower(two)) {
                (one, two) if one == two => {
                    Some(format!("reads `{other}` a second time; delete one of the two"))
                }
                (Some(_), Some(_)) => None,
                _ => Some(format!(
                    "`{other}` is read both with and without a scheme; give both places a scheme, \
                     `[\"\"]` where the credential stands alone"
                )),
            }
        }
        (Place::Query { .. }, Place::Query { .. })
        | (Place::Cookie { .. }, Place::Cookie { .. }) => {
            Some(format!("reads `{other}` a second time; delete one of the two"))
        }
        _ => None,
    }
}

fn name(place: &Place) -> &str {
    match place {
        Place::Cookie { name, .. } | Place::Header { name, .. } | Place::Query { name } => name,
    }
}

/// Whether two places count on one API.
pub(in crate::config::check) fn meet(one: &Location, other: &Location) -> bool {
    match (&one.apis, &other.apis) {
        (Some(one), Some(other)) => one.iter().any(|name| other.contains(name)),
        _ => true,
    }
}

/// Whether two places find the same credential.
pub(in crate::config::check) fn same(one: &Place, other: &Place) -> bool {
    match (one, other) {
        (
            Place::Header { name: one, scheme: one_scheme },
            Place::Header { name: other, scheme: other_scheme },
        ) => one == other && lower(one_scheme) == lower(other_scheme),
        (Place::Query { name: one }, Place::Query { name: other })
        | (Place::Cookie { name: one, .. }, Place::Cookie { name: other, .. }) => one == other,
        _ => false,
    }
}

fn lower(scheme: &Option<Box<str>>) -> Option<String> {
    scheme.as_ref().map(|scheme| scheme.to_ascii_lowercase())
}
