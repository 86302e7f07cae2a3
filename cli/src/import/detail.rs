//! Detailed recording, as a detailed log that ends.

use serde_json::{Value, json};
use tollgate::time::UnixMillis;

use super::definition::Definition;
use super::report::{Kind, Report};

/// Most entries of a detailed log.
pub(super) const MOST: usize = 16;

/// What is said of who finds no room in it.
pub(super) fn full() -> String {
    format!("not in `log.detail`, which has room for {MOST} entries: those before it are there")
}

/// The log of the callers, no more than [`MOST`], and APIs that are recorded in Tyk, an API by its definition and its name
/// here; `None` where none is.
///
/// Tyk records without an end, and here the end must be said: where nobody says it, the log is over.
pub(super) fn log<'d>(
    apis: impl Iterator<Item = (&'d Definition, &'d str)>,
    callers: Vec<Value>,
    until: Option<UnixMillis>,
    report: &mut Report,
) -> Option<Value> {
    let mut whom = callers;
    for (definition, name) in apis.filter(|(definition, _)| definition.recorded) {
        let field = definition.field("enable_detailed_recording");
        if whom.len() >= MOST {
            report.add(Kind::NotSupported, &definition.source, field, full());
            continue;
        }
        whom.push(json!({ "api": name }));
        let end = match until {
            Some(until) => {
                format!("until {}, and for at most 7 days after the load", until.to_rfc3339())
            }
            None => "which is over until you write its end in `log.until` (or import with \
                     `--detail-until`); it lasts at most 7 days after the load"
                .to_owned(),
        };
        let message = format!(
            "became `log.detail`: each step of every decision, without bodies and tokens, {end}"
        );
        report.add(Kind::Changed, &definition.source, field, message);
    }
    let until = until.unwrap_or_default().to_rfc3339();
    (!whom.is_empty()).then(|| json!({ "detail": whom, "until": until }))
}
