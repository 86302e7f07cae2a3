//! What is open to operators alone, and what else they choose for the whole filter.

use crate::config::checked::{Detail, LogConfig, StatusConfig};
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::RawConfig;
use crate::config::raw::operator::RawLogPath;
use crate::config::raw::value::Hashes;
use crate::config::read::{At, Field, Preset, Text};
use crate::http::RequestPath;
use crate::secret::{KeyHashes, is_of_nothing};
use crate::time::UnixMillis;

/// Who is told each step.
pub(super) fn explain(raw: &RawConfig, problems: &mut Problems<'_>) -> Option<KeyHashes> {
    let explain = raw.explain.given()?;
    keys(explain.at, &explain.key_sha256, problems)
}

/// Where the operator's page is, and who may see it.
pub(super) fn status(raw: &RawConfig, problems: &mut Problems<'_>) -> Option<StatusConfig> {
    let status = raw.status.given()?;
    let keys = keys(status.at, &status.key_sha256, problems);
    if status.path.is_absent() {
        problems.missing(status.at, "path", "missing; write where the page is: \"/.tollgate\"");
    }
    let path = status.path.given()?;
    let ready = status.ready.value;
    if !is_plain_path(path) {
        let message = "a path begins with `/`, does not end with it, and has letters, digits, `-`, \
                       `.`, `_` and `~` between its slashes: \"/.tollgate\"";
        problems.refuse(Code::ValueInvalid, path.at, message);
    }
    Some(StatusConfig { path: path.value.0.clone(), keys: keys?, ready })
}

/// Whether a path of the filter's own is compared byte by byte without doubt.
pub(super) fn is_plain_path(path: &str) -> bool {
    let plain = |segment: &str| {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        segment.bytes().all(is_plain) && !segment.is_empty()
    };
    let is_plain = path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(plain));
    is_plain && RequestPath::parse(path.as_bytes()).is_ok()
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

pub(super) fn log(raw: &RawConfig, (detail, until): (Vec<Detail>, UnixMillis)) -> LogConfig {
    raw.log.says(|log| LogConfig {
        detail,
        until,
        format: log.format.value,
        identity: log.identity.value,
        shows_paths: log.path.value == RawLogPath::Plain,
        per_second: log.per_second.value.0,
    })
}

pub(super) fn realm(raw: &Preset<Text>, problems: &mut Problems<'_>) -> Box<str> {
    const MAX_BYTES: usize = 256;
    let realm = &raw.value;
    let plain = |b: u8| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\');
    if realm.len() > MAX_BYTES || !realm.bytes().all(plain) {
        let message = format!(
            "a realm is at most {MAX_BYTES} printable ASCII characters, without `\"` and `\\`"
        );
        problems.refuse(Code::ValueInvalid, raw.at().unwrap_or_default(), message);
    }
    realm.0.clone()
}

pub(super) fn instance(raw: &Field<Text>, problems: &mut Problems<'_>) -> Option<Box<str>> {
    const MAX_BYTES: usize = 256;
    let instance = raw.given()?;
    if instance.len() > MAX_BYTES {
        problems.refuse(Code::ValueTooLong, instance.at, format_args!("at most {MAX_BYTES} bytes"));
    }
    Some(instance.value.0.clone())
}
