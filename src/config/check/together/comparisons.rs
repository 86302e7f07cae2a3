//! What is compared with requests, beside who writes and who vouches.

use crate::api::{Auth, Spot};
use crate::config::check::drafts::{ApiDraft, DraftKind, Drafts, Providers, provider};
use crate::config::check::headers::folded;
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::mcp::HEADERS;
use crate::provider::Place;

/// Nothing that is compared is a credential or written over, and one name is one caller.
pub(super) fn check(drafts: &Drafts, problems: &mut Problems<'_>) {
    let Drafts { providers, apis, .. } = drafts;
    for api in apis {
        for comparison in &api.comparisons {
            refuse_shared(&comparison.value.with, comparison.at, providers, problems);
        }
        for (mcp, header) in api.mcp.iter().flat_map(|mcp| HEADERS.map(|header| (mcp, header))) {
            refuse_shared(&Spot::Header(header.into()), mcp.at, providers, problems);
        }
        if let Some(first) = api.comparisons.first()
            && let Some(why) = callers_share_names(api, providers)
        {
            problems.warn(
                Code::CallersShareNames,
                first.at,
                format_args!(
                    "{why}: the `alice` of one is not the `alice` of another, and this lets each have \
                     what is the other's; give each an API of its own, or compare a claim whose values \
                     no two of them share"
                ),
            );
        }
    }
}

/// Refuses to compare a header or parameter that is a credential, or that a provider writes.
fn refuse_shared(spot: &Spot, at: usize, providers: &Providers, problems: &mut Problems<'_>) {
    for draft in providers.iter().flatten() {
        let is_read = draft.from.iter().any(|from| match (&from.value.place, spot) {
            (Place::Header { name, .. }, Spot::Header(own)) => folded(name) == folded(own),
            (Place::Query { name }, Spot::Query(own)) => folded(name) == folded(own),
            _ => false,
        });
        let is_written = match spot {
            Spot::Header(own) => draft.written.iter().any(|one| folded(one) == folded(own)),
            Spot::Host(_) | Spot::Path(_) | Spot::Query(_) => false,
        };
        let what = match (is_read, is_written) {
            (true, _) => "is where it reads its credential",
            (_, true) => "is a header that it writes: what the caller sends there is removed",
            (false, false) => continue,
        };
        problems.refuse(
            Code::HeaderConflict,
            at,
            format_args!(
                "in the eyes of provider `{}` this {what}; compare another part of the request",
                draft.shown()
            ),
        );
    }
}

/// Why two callers of an API may have one name.
fn callers_share_names(api: &ApiDraft, providers: &Providers) -> Option<&'static str> {
    let Some(Auth::Branches { branches, .. }) = &api.auth else { return None };
    let first = branches.first()?.session_from;
    if branches.iter().any(|branch| branch.session_from != first) {
        return Some("sessions of several providers come here");
    }
    match &provider(providers, first)?.kind {
        DraftKind::Jwt(jwt) if jwt.any_issuer.is_some() || jwt.issuers.len() > 1 => {
            Some("tokens of several issuers come here")
        }
        DraftKind::Jwt(_) | DraftKind::ApiKey { .. } => None,
    }
}
