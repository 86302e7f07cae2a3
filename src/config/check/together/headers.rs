//! Headers that two write, or that one reads and another writes.

use crate::api::{Auth, Branch};
use crate::config::check::drafts::{
    ApiDraft, Drafts, ProviderDraft, Providers, Texts, pairs, provider,
};
use crate::config::check::headers::{self, DEFAULTS};
use crate::config::code::Code;
use crate::config::problems::Problems;

/// Each header has one meaning.
pub(super) fn check(drafts: &Drafts, problems: &mut Problems<'_>) {
    let Drafts { providers, apis, .. } = drafts;
    headers_read_and_written(providers, problems);
    headers_of_a_branch(providers, apis, problems);
}

/// What is removed from requests, because the configuration writes it or because it is another
/// spelling of what is read, cannot be a credential.
fn headers_read_and_written<'p>(providers: &'p Providers, problems: &mut Problems<'_>) {
    let all = || providers.iter().flatten();
    let places = |reader: &'p ProviderDraft| reader.from.iter().map(move |place| (place, reader));
    let mut readers: Vec<(&str, &ProviderDraft)> = Vec::new();
    let mut names = Texts::default();
    for (place, reader) in all().flat_map(places) {
        let Some(header) = place.place.header() else { continue };
        let folded = headers::folded(header);
        match names.get(&folded).and_then(|place| readers.get(place)) {
            // Whose two places of one provider are has been said.
            Some((first, other)) if *first != header && !std::ptr::eq(*other, reader) => {
                problems.refuse(
                    Code::PlaceShared,
                    place.at,
                    format_args!(
                        "`{header}` and `{first}`, which provider `{}` reads, are one name to many \
                         servers; let both read the same one",
                        other.shown()
                    ),
                );
            }
            Some(_) => {}
            None => {
                names.put(folded.as_bytes(), readers.len());
                readers.push((header, reader));
            }
        }
    }
    for header in all().flat_map(|provider| &provider.written) {
        let place = names.get(&headers::folded(header));
        if let Some((_, reader)) = place.and_then(|place| readers.get(place)) {
            problems.refuse(
                Code::HeaderConflict,
                header.at,
                format_args!(
                    "`{}` is where provider `{}` reads its token (`from`); write another header",
                    &**header,
                    reader.shown()
                ),
            );
        }
    }
}

/// All members of a branch write their headers, so that none may write another's.
fn headers_of_a_branch(providers: &Providers, apis: &[ApiDraft], problems: &mut Problems<'_>) {
    for api in apis {
        for branch in &api.branches {
            for (one, other) in pairs(&branch.value.0) {
                let (Some(one), Some(other)) =
                    (provider(providers, one), provider(providers, other))
                else {
                    continue;
                };
                refuse_same_header(one, other, api, problems);
            }
        }
        if let Some(Auth::Branches { branches, .. }) = &api.auth {
            for branch in branches {
                refuse_default_header(branch, providers, api, problems);
            }
        }
    }
}

fn refuse_same_header(
    one: &ProviderDraft,
    other: &ProviderDraft,
    api: &ApiDraft,
    problems: &mut Problems<'_>,
) {
    let known = Texts::new(one.written.iter().map(|header| headers::folded(header)));
    for header in &other.written {
        if known.get(&headers::folded(header)).is_some() {
            problems.refuse(
                Code::HeaderConflict,
                header.at,
                format_args!(
                    "provider `{}` writes `{}`, too, and a branch of API `{}` has both; write \
                     another header",
                    one.shown(),
                    &**header,
                    api.shown()
                ),
            );
        }
    }
}

fn refuse_default_header(
    branch: &Branch,
    providers: &Providers,
    api: &ApiDraft,
    problems: &mut Problems<'_>,
) {
    let Some(session) = provider(providers, branch.session_from) else { return };
    if session.upstream.headers.is_some() {
        return;
    }
    let others = branch.members.iter().filter(|id| **id != branch.session_from);
    for other in others.filter_map(|id| provider(providers, *id)) {
        for header in other.written.iter().filter(|header| DEFAULTS.contains(&&****header)) {
            problems.refuse(
                Code::HeaderConflict,
                header.at,
                format_args!(
                    "on API `{}` the session of provider `{}` writes `{}`; write another header, \
                     or give that provider `upstream.headers` of its own",
                    api.shown(),
                    session.shown(),
                    &**header
                ),
            );
        }
    }
}
