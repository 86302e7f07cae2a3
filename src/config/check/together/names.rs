//! Names that two have, or two in the eyes of others.

use crate::config::check::drafts::{ApiDraft, Drafts, Providers};
use crate::config::code::Code;
use crate::config::problems::Problems;

/// Each has a name of its own.
pub(super) fn check(drafts: &Drafts, problems: &mut Problems<'_>) {
    let Drafts { providers, apis, .. } = drafts;
    api_names(apis, problems);
    metric_names(providers, apis, problems);
}

fn api_names(apis: &[ApiDraft], problems: &mut Problems<'_>) {
    for (index, api) in apis.iter().enumerate() {
        let twin = apis
            .iter()
            .take(index)
            .position(|earlier| earlier.name.is_some() && earlier.name == api.name);
        if let Some(twin) = twin {
            let message =
                format!("`{}` is the name of apis[{twin}], too; write another", api.shown());
            problems.refuse(Code::NameTwice, api.name_at, message);
        }
    }
}

/// Prometheus has no `-` in a name and gets `_` instead: two names would share their counters there.
fn metric_names(providers: &Providers, apis: &[ApiDraft], problems: &mut Problems<'_>) {
    let providers = providers.iter().flatten();
    let providers: Vec<_> =
        providers.filter_map(|one| Some((one.name.as_ref()?.as_str(), one.at))).collect();
    let apis = apis.iter();
    let apis: Vec<_> =
        apis.filter_map(|one| Some((one.name.as_ref()?.as_str(), one.name_at))).collect();
    let letter = |byte: u8| if byte == b'-' { b'_' } else { byte };
    let is_one = |one: &str, other: &str| {
        one != other && one.bytes().map(letter).eq(other.bytes().map(letter))
    };
    for names in [providers, apis] {
        for (index, (name, at)) in names.iter().enumerate() {
            let twin = names.iter().take(index).find(|(earlier, _)| is_one(earlier, name));
            if let Some((twin, _)) = twin {
                problems.warn(
                    Code::MetricNameShared,
                    *at,
                    format_args!(
                        "`{name}` and `{twin}` are one name in Prometheus, which reads `-` as `_`: \
                         their metrics run together; let them differ in more than that"
                    ),
                );
            }
        }
    }
}
