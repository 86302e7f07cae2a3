//! Where a credential may stand, and what stands there instead; never anything of a credential.

use crate::config::Config;
use crate::http::{RequestHead, after_scheme, elements};
use crate::ids::{Name, ProviderId};
use crate::provider::Place;
use crate::verdict::{Deny, Refusal, quoted};

/// Where a provider looks for its credential in requests of an API, in words.
pub(in crate::engine) fn places<'c>(
    config: &'c Config,
    api: &'c Name,
    id: ProviderId,
    head: &'c RequestHead,
) -> impl Iterator<Item = String> + 'c {
    let from = config.provider(id).into_iter().flat_map(|provider| &provider.from);
    from.filter(|location| location.is_for(api)).map(|location| {
        let place = name(&location.place);
        match &location.place {
            Place::Header { name, scheme: Some(scheme) } => match head.first(name) {
                Some(value) => format!("{place} (the header is there, {})", instead(value, scheme)),
                None => place,
            },
            _ => place,
        }
    })
}

/// What stands in a header in which nothing has this scheme, as far as that may be shown: a scheme is
/// quoted, a credential never.
fn instead(value: &[u8], scheme: &str) -> String {
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

/// A refusal of what has no token's form, with what stands in front of a token where that may be shown:
/// a second `Bearer`, or the `token=` of a parameter.
pub(in crate::engine) fn with_front(refusal: Refusal, credential: &[u8]) -> Refusal {
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
            refusal.with_reason(reason).with_remedy(
                "have the caller send the token alone, behind one scheme of \
                 `providers.*.from[].scheme`: once, without a name and without quotation marks",
            )
        }
        _ => refusal,
    }
}

/// A place, as a reader of the configuration knows it.
pub(in crate::engine) fn name(place: &Place) -> String {
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
