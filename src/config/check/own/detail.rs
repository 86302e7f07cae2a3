//! Whose requests are logged step by step, and until when.

use crate::config::check::drafts::ApiDraft;
use crate::config::check::names::{KnownProviders, refuse_unknown_api};
use crate::config::check::written::not_empty;
use crate::config::checked::Detail;
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::RawConfig;
use crate::config::raw::operator::{RawDetail, RawLog};
use crate::config::raw::provider::{RawKind, RawProvider};
use crate::config::read::{At, Text, items, unknown};
use crate::ids::Name;
use crate::time::UnixMillis;

/// Whose they are, and when that ends.
pub(super) fn check(
    raw: &RawConfig,
    apis: &[ApiDraft],
    problems: &mut Problems<'_>,
) -> (Vec<Detail>, UnixMillis) {
    let Some(log) = raw.log.given() else { return Default::default() };
    not_empty(&log.detail, "an empty list names nobody; leave it out", problems);
    refuse_endless(log, problems);
    let known = KnownProviders::new(raw);
    let all = items(&log.detail).iter();
    let all = all.filter_map(|entry| detail(entry, raw, &known, apis, problems)).collect();
    (all, log.until.given().map_or_else(UnixMillis::default, |until| until.value.0))
}

/// A log of every step is for a search that ends.
fn refuse_endless(log: &At<RawLog>, problems: &mut Problems<'_>) {
    match (log.detail.is_absent(), log.until.at()) {
        (true, Some(until)) => {
            let message = "has no use without `detail`; name whose requests to log, or delete it";
            problems.refuse(Code::FieldUseless, until, message);
        }
        (false, None) if log.until.is_absent() => {
            let message = "missing; write when the detailed log ends: \"2027-01-31T12:00:00Z\"";
            problems.missing(log.at, "until", message);
        }
        _ => {}
    }
}

fn detail(
    entry: &At<RawDetail>,
    raw: &RawConfig,
    known: &KnownProviders<'_>,
    apis: &[ApiDraft],
    problems: &mut Problems<'_>,
) -> Option<Detail> {
    let RawDetail { api, provider, identity, key } = &entry.value;
    let written = [api.is_absent(), provider.is_absent(), identity.is_absent(), key.is_absent()];
    let is_sound = matches!(
        written,
        [false, true, true, true] | [true, false, false, true] | [true, false, true, false]
    );
    if !is_sound {
        let message = "names not exactly one thing; write `api`, or `provider` with `identity`, or \
                       `provider` with `key`";
        problems.refuse(Code::OneOfRequired, entry.at, message);
        return None;
    }
    if let Some(api) = api.given() {
        let is_known =
            |draft: &ApiDraft| draft.name.as_ref().is_some_and(|one| one.as_str() == &*api.value.0);
        if !apis.iter().any(is_known) {
            refuse_unknown_api(api, apis, problems);
        }
        return Name::parse(api).map(Detail::Api);
    }
    let provider = provider.given()?;
    let id = known.find(provider);
    if id.is_none() && known.1 {
        problems.refuse(Code::NameUnknown, provider.at, known.unknown(provider));
    }
    let all = raw.providers.given().map_or(&[][..], |providers| &providers.0);
    let found = all.get(id?.0)?.value.as_ref()?;
    let name = Name::parse(provider)?;
    if let Some(identity) = identity.given() {
        return Some(Detail::Identity(name, identity.value.0.clone()));
    }
    let key = key.given()?;
    refuse_unknown_key(key, found, problems);
    Some(Detail::Key(name, key.value.0.clone()))
}

/// Refuses the name of a key that its provider does not list.
fn refuse_unknown_key(key: &At<Text>, provider: &RawProvider, problems: &mut Problems<'_>) {
    if provider.kind.value != RawKind::ApiKey {
        let message = "only API keys have names, and this provider's credentials are tokens; name \
                       an `identity`";
        problems.refuse(Code::FieldUseless, key.at, message);
        return;
    }
    let keys = items(&provider.keys).iter();
    let names: Vec<_> = keys.filter_map(|one| Some(&*one.name.given()?.value.0)).collect();
    if !names.contains(&&*key.value.0) {
        problems.refuse(Code::NameUnknown, key.at, unknown(key, &names));
    }
}
