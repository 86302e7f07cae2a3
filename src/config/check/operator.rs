//! What is open to operators alone.

use super::drafts::ApiDraft;
use crate::config::StatusConfig;
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::RawConfig;
use crate::config::raw_operator::Hashes;
use crate::config::read::{At, Field, Text};
use crate::http::RequestPath;
use crate::secret::{KeyHashes, is_of_nothing};

/// Who is told each step.
pub(super) fn explain(raw: &RawConfig, problems: &mut Problems<'_>) -> Option<KeyHashes> {
    let explain = raw.explain.given()?;
    keys(explain.at, &explain.key_sha256, problems)
}

/// Where the operator's page is, and who may see it.
pub(super) fn status(
    raw: &RawConfig,
    apis: &[ApiDraft],
    problems: &mut Problems<'_>,
) -> Option<StatusConfig> {
    let status = raw.status.given()?;
    let keys = keys(status.at, &status.key_sha256, problems);
    if status.path.is_absent() {
        problems.missing(status.at, "path", "missing; write where the page is: \"/.tollgate\"");
    }
    let path = status.path.given()?;
    let ready = status.ready.or(false);
    let plain = |segment: &str| {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        segment.bytes().all(is_plain) && !segment.is_empty()
    };
    let is_plain = path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(plain));
    if !is_plain || RequestPath::parse(path.as_bytes()).is_err() {
        let message = "a path begins with `/`, does not end with it, and has letters, digits, `-`, \
                       `.`, `_` and `~` between its slashes: \"/.tollgate\"";
        problems.refuse(Code::ValueInvalid, path.at, message);
    }
    apart(path, apis, problems);
    Some(StatusConfig { path: path.value.0.clone(), keys: keys?, ready })
}

/// Warns of a page that takes its path from an API which names it, if only by a part: what takes
/// everything must be able to stand beside any page.
fn apart(path: &At<Text>, apis: &[ApiDraft], problems: &mut Problems<'_>) {
    let ready = format!("{}/ready", &***path);
    let Ok(parsed) = RequestPath::parse(ready.as_bytes()) else { return };
    let ready = parsed.segments();
    let page = ready.split_last().map_or(ready, |(_, page)| page);
    // What no pattern names, in place of the page and beside its probe.
    let unnamed = vec![[0_u8]; page.len()];
    let mut beside = page.to_vec();
    beside.push(Default::default());
    let takes = |api: &&ApiDraft| {
        let mut paths = api.matcher.iter().flat_map(|matcher| &matcher.paths);
        paths.any(|pattern| {
            let names = |own, other| pattern.matches(own) && !pattern.matches(other);
            names(page, &unnamed) || pattern.matches(ready) && !pattern.matches(&beside)
        })
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

fn keys(at: usize, raw: &Field<Hashes>, problems: &mut Problems<'_>) -> Option<KeyHashes> {
    const REMEDY: &str = "name the SHA-256 of a key: `tollgate hash-key --generate` makes one";
    if raw.is_absent() {
        problems.missing(at, "key_sha256", format_args!("missing; {REMEDY}"));
    }
    let Hashes(list) = &raw.given()?.value;
    if list.is_empty() {
        let at = raw.given().map_or(at, |raw| raw.at);
        problems.refuse(
            Code::ValueEmpty,
            at,
            format_args!("an empty list opens to nobody; {REMEDY}, or leave it out"),
        );
    }
    for hash in list.items.iter().filter(|hash| is_of_nothing(&hash.value.0)) {
        problems.refuse(
            Code::HashOfNothing,
            hash.at,
            format_args!("the SHA-256 of nothing: an empty key opens nothing; {REMEDY}"),
        );
    }
    Some(KeyHashes::new(list.items.iter().map(|hash: &At<_>| hash.value.0)))
}
