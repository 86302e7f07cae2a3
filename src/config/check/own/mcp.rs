//! One API as a server of MCP, and what one entry grants of such, each on its own.

use super::places::refused_origin;
use crate::config::check::drafts::McpDraft;
use crate::config::check::written::{not_empty, refuse_repeated, texts};
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::policy::RawCalls;
use crate::config::raw::resource::{RawLegacy, RawMcp};
use crate::config::read::{At, Field, List, Text, items};
use crate::mcp::{Calls, Pattern, REVISION};
use crate::verdict::quoted;

/// Judges an API's `mcp`.
pub(super) fn of_api(raw: &At<RawMcp>, problems: &mut Problems<'_>) -> McpDraft {
    not_empty(
        &raw.versions,
        "an empty list would believe no headers; name a revision, or leave it out",
        problems,
    );
    let versions = items(&raw.versions);
    for (index, version) in versions.iter().enumerate() {
        refuse_repeated(versions, index, version, problems);
        let digit =
            |(at, b): (usize, u8)| if matches!(at, 4 | 7) { b == b'-' } else { b.is_ascii_digit() };
        let is_date = version.len() == 10 && version.bytes().enumerate().all(digit);
        if !is_date || &***version < REVISION {
            let message = format!(
                "{} is no revision whose headers can be believed: servers compare them with bodies from \
                 {REVISION} on; delete it, and requests of it are what `legacy` says",
                quoted(version)
            );
            problems.refuse(Code::ValueInvalid, version.at, message);
        }
    }
    not_empty(&raw.origins, "an empty list names no origin; leave it out", problems);
    for (index, origin) in items(&raw.origins).iter().enumerate() {
        refuse_repeated(items(&raw.origins), index, origin, problems);
        if let Some(message) = refused_origin(origin) {
            problems.refuse(Code::ValueInvalid, origin.at, message);
        }
    }
    let mut versions = texts(&raw.versions);
    if versions.is_empty() {
        versions.push(REVISION.into());
    }
    McpDraft {
        at: raw.at,
        versions,
        refuses_others: raw.legacy.value == RawLegacy::Refuse,
        origins: texts(&raw.origins),
    }
}

/// Judges an entry's `mcp`.
pub(super) fn of_entry(raw: &RawCalls, problems: &mut Problems<'_>) -> Calls {
    let mut read = |field: &Field<List<Text>>, message: &str| {
        not_empty(field, message, problems);
        let mut all = Vec::new();
        for written in items(field) {
            match Pattern::parse(written) {
                Some(pattern) => all.push(pattern),
                None => problems.refuse(
                    Code::ValueInvalid,
                    written.at,
                    format_args!(
                        "{} is no pattern: a text, exact, or with a `*` at its end for whatever \
                         follows",
                        quoted(written)
                    ),
                ),
            }
        }
        all
    };
    let none = "an empty list would grant nothing; leave it out for any";
    Calls {
        methods: read(&raw.methods, none),
        names: read(&raw.names, none),
        except: read(&raw.except, "an empty list leaves out nothing; leave it out"),
    }
}
