//! Which requests APIs take from each other, and the operator's page from them.

use crate::api::{Auth, Matcher};
use crate::config::check::drafts::{ApiDraft, Drafts};
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::RawConfig;
use crate::http::RequestPath;

/// Each API has requests of its own.
pub(super) fn check(raw: &RawConfig, drafts: &Drafts, problems: &mut Problems<'_>) {
    let apis = &drafts.apis;
    hidden_apis(apis, problems);
    warn_of_open_doors(apis, problems);
    warn_of_page(raw, apis, problems);
}

fn hidden_apis(apis: &[ApiDraft], problems: &mut Problems<'_>) {
    for (index, api) in apis.iter().enumerate() {
        let hiding = apis.iter().take(index).enumerate().find(|(place, earlier)| {
            let next = apis.get(place.saturating_add(1)).map_or(api.at, |next| next.at);
            match (&earlier.matcher, &api.matcher) {
                (Some(matcher), Some(later)) => {
                    matcher.covers(later) && !problems.has_unknown_field(earlier.at, next)
                }
                _ => false,
            }
        });
        if let Some((place, hiding)) = hiding {
            problems.refuse(
                Code::ApiHidden,
                api.at,
                format_args!(
                    "hidden: `{}` (apis[{place}]) comes first and takes every request of this API; \
                     put this one before it, or narrow its `match`",
                    hiding.shown()
                ),
            );
        }
    }
}

/// A public API that takes whatever is left makes public what somebody forgot to list.
fn warn_of_open_doors(apis: &[ApiDraft], problems: &mut Problems<'_>) {
    for api in apis.iter().filter(|api| matches!(api.auth, Some(Auth::None))) {
        let takes_all = |matcher: &Matcher| matcher.covers(&Matcher::default());
        if api.matcher.as_ref().is_some_and(takes_all) {
            problems.warn(
                Code::ApiPublicCatchAll,
                api.at,
                "a public API that takes every request: what no API before it matches passes \
                 without a credential; narrow its `match`",
            );
        }
    }
}

/// Warns of a page that takes its path from an API which names it, if only by a part: what takes
/// everything must be able to stand beside any page.
fn warn_of_page(raw: &RawConfig, apis: &[ApiDraft], problems: &mut Problems<'_>) {
    let Some(path) = raw.status.given().and_then(|status| status.path.given()) else { return };
    let ready = format!("{}/ready", &***path);
    let Ok(parsed) = RequestPath::parse(ready.as_bytes()) else { return };
    let ready = parsed.segments();
    let mut beside = ready.split_last().map_or(ready, |(_, page)| page).to_vec();
    // What no pattern names, beside the probe.
    beside.push(Default::default());
    let takes = |api: &&ApiDraft| {
        let mut paths = api.matcher.iter().flat_map(|matcher| &matcher.paths);
        api.matcher.iter().any(|matcher| names_path(matcher, path))
            || paths.any(|pattern| pattern.matches(ready) && !pattern.matches(&beside))
    };
    if let Some(name) = apis.iter().find(takes).and_then(|api| api.name.as_ref()) {
        problems.warn(
            Code::StatusOnApi,
            path.at,
            format_args!(
                "takes this path from the API `{name}`; choose one that no API has: \"/.tollgate\""
            ),
        );
    }
}

/// Whether a pattern names this path, if only by a part, and does not take everything of its length.
pub(super) fn names_path(matcher: &Matcher, path: &str) -> bool {
    let Ok(parsed) = RequestPath::parse(path.as_bytes()) else { return false };
    let own = parsed.segments();
    // What no pattern names, in place of it.
    let unnamed = vec![[0_u8]; own.len()];
    matcher.paths.iter().any(|pattern| pattern.matches(own) && !pattern.matches(&unnamed))
}
