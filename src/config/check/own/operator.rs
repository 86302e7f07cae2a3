//! What is open to operators alone, and what else they choose for the whole filter.

use crate::config::checked::{LogConfig, LogFormat, LogIdentity, StatusConfig};
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::RawConfig;
use crate::config::raw::operator::{RawLogFormat, RawLogIdentity, RawLogPath};
use crate::config::raw::value::Hashes;
use crate::config::read::{At, Count, Field, Text};
use crate::http::RequestPath;
use crate::secret::{KeyHashes, is_of_nothing};

const DEFAULT_LINES_PER_SECOND: u32 = 10;
const DEFAULT_REALM: &str = "api";

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
    Some(StatusConfig { path: path.value.0.clone(), keys: keys?, ready })
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

pub(super) fn log(raw: &RawConfig) -> LogConfig {
    let log = raw.log.given();
    let format = match log.map(|log| log.format.or(RawLogFormat::Json)) {
        None | Some(RawLogFormat::Json) => LogFormat::Json,
        Some(RawLogFormat::Logfmt) => LogFormat::Logfmt,
    };
    let identity = match log.map(|log| log.identity.or(RawLogIdentity::Plain)) {
        None | Some(RawLogIdentity::Plain) => LogIdentity::Plain,
        Some(RawLogIdentity::Hash) => LogIdentity::Hash,
        Some(RawLogIdentity::Omit) => LogIdentity::Omit,
    };
    let shows_paths = log.is_none_or(|log| log.path.or(RawLogPath::Plain) == RawLogPath::Plain);
    let Count(per_second) = log.map_or(Count(DEFAULT_LINES_PER_SECOND), |log| {
        log.per_second.or(Count(DEFAULT_LINES_PER_SECOND))
    });
    LogConfig { format, identity, shows_paths, per_second }
}

pub(super) fn realm(raw: &Field<Text>, problems: &mut Problems<'_>) -> Box<str> {
    const MAX_BYTES: usize = 256;
    let Some(realm) = raw.given() else { return DEFAULT_REALM.into() };
    let plain = |b: u8| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\');
    if realm.len() > MAX_BYTES || !realm.bytes().all(plain) {
        let message = format!(
            "a realm is at most {MAX_BYTES} printable ASCII characters, without `\"` and `\\`"
        );
        problems.refuse(Code::ValueInvalid, realm.at, message);
    }
    realm.value.0.clone()
}

pub(super) fn instance(raw: &Field<Text>, problems: &mut Problems<'_>) -> Option<Box<str>> {
    const MAX_BYTES: usize = 256;
    let instance = raw.given()?;
    if instance.len() > MAX_BYTES {
        problems.refuse(Code::ValueTooLong, instance.at, format_args!("at most {MAX_BYTES} bytes"));
    }
    Some(instance.value.0.clone())
}
