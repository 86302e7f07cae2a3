//! The entry of the filter that reads bodies, which providers that end sessions by themselves need
//! (docs/login.md): whether it is there, and as it must be.

use tollgate::config::Config;
use tollgate::provider::Provider;
use tollgate::verdict::quoted;

use super::beside::Beside;
use super::code::FileCode;
use super::entry::{Entry, FLAG};
use super::held::Held;
use super::holder::{Holder, Plane};
use super::report::{Remark, Severity};

/// The paths at which a configuration's providers say that a session has ended.
fn paths(config: &Config) -> Vec<String> {
    let logins = config.providers.iter().filter_map(Provider::login);
    logins.filter(|login| login.back_channel).map(|login| login.back_channel_path()).collect()
}

/// Judges the entries of a file that read bodies, and those whose configuration needs one. An entry beside
/// one with the same configuration has none of its own from then on: it is told once.
pub(super) fn check(
    all: &mut Vec<Held>,
    beside: &Beside,
    parsed: &dyn Fn(&Held) -> Option<Config>,
) {
    let configurations: Vec<_> = all.iter().map(said).collect();
    let paths: Vec<_> = all
        .iter()
        .map(|held| parsed(held).map(|config| paths(&config)).unwrap_or_default())
        .collect();
    let entries: Vec<_> = all.iter().map(|held| held.entry.clone()).collect();
    let reads = |place: usize| entries.get(place).is_some_and(Entry::reads);
    let twin = |place: usize| {
        let own = configurations.get(place)?.as_ref()?;
        let is_it = |other: &usize| {
            *other != place && configurations.get(*other).and_then(Option::as_ref) == Some(own)
        };
        (0..entries.len()).filter(is_it).find(|other| reads(*other) != reads(place))
    };
    let is_read_elsewhere = beside.has_flag(FLAG);
    for place in 0..all.len() {
        let (Some(entry), Some(wanted)) = (entries.get(place), paths.get(place)) else { continue };
        let twin = twin(place);
        let main = twin.and_then(|twin| entries.get(twin));
        let Some(held) = all.get_mut(place) else { continue };
        if entry.reads() {
            // What a WasmPlugin cannot name, nobody beside it may.
            let is_of_mesh = held.plane == Plane::Istio;
            let is_empty_id = |remark: &Remark| remark.code == FileCode::VmIdEmpty.name();
            held.remarks.retain(|remark| !(is_of_mesh && is_empty_id(remark)));
            match main {
                Some(main) => {
                    judge(held, (entry, main), wanted);
                    held.json = None;
                }
                // The main entry is in another resource.
                None if held.plane != Plane::None => {}
                None if held.around.as_ref().is_some_and(|around| !around.has_another()) => held.say(
                    FileCode::BackChannelEntry,
                    held.at,
                    "http_filters",
                    "no main entry runs behind it, and this one only reads what providers send: no request \
                     is judged here; write one with this very configuration",
                ),
                None => held.say(
                    FileCode::BackChannelEntry,
                    held.at,
                    "configuration",
                    "no other entry of this file has this very configuration, so that the two would not \
                     know of the same sessions: write it once, and `&name` and `*name` in both",
                ),
            }
            continue;
        }
        if let Some(at) = entry.flag {
            held.say(
                FileCode::UploadsRefused,
                at,
                FLAG,
                "every upload that waits here, and is longer than the proxy's buffer, is refused with \
                 413: delete it; only a second entry may say so, which is `disabled` but on the route of \
                 `/back-channel`",
            );
        }
        if held.holder == Holder::File && !wanted.is_empty() {
            held.remarks.push(Remark::new(
                Severity::Note,
                FileCode::BackChannelUnread,
                held.at,
                "",
                "`back_channel` needs a second entry of the filter in the proxy's file: docs/login.md, \
                 \"Logout by the provider\"",
            ));
        }
        let is_there = twin.is_some() || (held.plane != Plane::None && is_read_elsewhere);
        if let Some(path) = wanted.first().filter(|_| !is_there && held.holder != Holder::File) {
            let message = format!(
                "the provider ends sessions at {}, and no entry of the filter reads what it sends: put \
                 a second one before this, `disabled`, with `{FLAG}: true`, and enable it on that route; \
                 docs/login.md shows both",
                quoted(path)
            );
            held.say(FileCode::BackChannelUnread, held.at, "http_filters", &message);
        }
    }
    all.retain(|held| !(held.is_twin() && held.remarks.is_empty()));
}

/// Judges an entry that reads bodies by the one that it stands beside.
fn judge(held: &mut Held, (own, main): (&Entry, &Entry), wanted: &[String]) {
    let at = held.at;
    if held.plane != Plane::None {
        return;
    }
    let mut say = |field: &str, message: &str| {
        held.say(FileCode::BackChannelEntry, at, field, message);
    };
    if own.vm_id != main.vm_id {
        say(
            "vm_config.vm_id",
            "another than the main entry's, which would not know of a session that was ended here: write \
             the same",
        );
    }
    let (Some((manager, index)), Some((others, main))) = (own.chain, main.chain) else { return };
    if manager != others {
        return;
    }
    if index > main {
        let message = "behind the main entry, which answers first: put it before";
        say("http_filters", message);
    }
    if let Some(path) = wanted.iter().find(|path| !own.paths.contains(path)) {
        let shown = quoted(path);
        let message = match own.unreached.iter().find(|(known, _)| known == path) {
            Some((_, by)) => format!(
                "the route of exactly {shown} stands behind one that takes its requests first ({by}), so \
                 that this entry reads none of them: put it before"
            ),
            None => format!(
                "no route of exactly {shown} enables it: write one with `path`, and \
                 `typed_per_filter_config` with a `FilterConfig` for this entry's name"
            ),
        };
        say("routes", &message);
    }
    if own.is_wide || own.paths.iter().any(|path| !wanted.contains(path)) {
        say(
            "routes",
            "another route enables it, too, and there uploads that wait are refused with 413: enable it on \
             the paths of `/back-channel` alone",
        );
    }
}

/// A configuration as what it says, however it is written.
fn said(held: &Held) -> Option<serde_json::Value> {
    serde_json::from_str(&held.json.as_ref()?.text).ok()
}
