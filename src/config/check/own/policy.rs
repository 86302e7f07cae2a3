//! One policy on its own, and the APIs that it names.

use super::mcp;
use super::rates::{Shared, quota, rate_bound, warn_of_addresses};
use crate::api::{Auth, PathPattern};
use crate::config::check::drafts::{ApiDraft, PolicyDraft};
use crate::config::check::headers::{metadata, tags};
use crate::config::check::matching::{methods, paths, refuse_slashes};
use crate::config::check::names::{KnownPolicies, refuse_unknown_api};
use crate::config::check::written::{self, not_empty, texts};
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::RawConfig;
use crate::config::raw::policy::{RawAccess, RawPolicy};
use crate::config::read::{At, Entry as Member, items};
use crate::ids::{ApiId, Name};
use crate::limits::{Bound, Counters};
use crate::policy::{Entry, LimitBy, Policy};

/// Judges each policy.
pub(super) fn check_all(
    raw: &RawConfig,
    names: &KnownPolicies<'_>,
    apis: &[ApiDraft],
    problems: &mut Problems<'_>,
) -> Vec<PolicyDraft> {
    if let Some(policies) = raw.policies.given().filter(|policies| policies.0.is_empty()) {
        problems.refuse(Code::ValueEmpty, policies.at, "empty; write a policy, or leave it out");
    }
    let shared = Shared::of(raw);
    let drafts = names.0.iter().map(|entry| PolicyDraft {
        at: entry.name.at,
        policy: policy(entry, apis, shared, problems),
    });
    let lost = (!names.1).then_some(PolicyDraft { at: 0, policy: None });
    drafts.chain(lost).collect()
}

fn policy(
    entry: &Member<RawPolicy>,
    apis: &[ApiDraft],
    shared: Shared,
    problems: &mut Problems<'_>,
) -> Option<Policy> {
    let name = written::name(&entry.name, "a policy", problems);
    let raw = entry.value.as_ref()?;
    let name = name?;
    warn_of_nothing(raw, problems);
    let bound = |kind: &str| vec![kind.to_owned(), name.as_str().to_owned()];
    let access = access(raw, (&name, shared), apis, problems);
    let rate = rate_bound(&raw.rate, (&bound("rate"), shared), problems);
    let quota = quota(&raw.quota, (&bound("quota"), shared), problems);
    let of_entries = access.iter().flatten().map(|entry| is_number(&entry.rate));
    let limits = of_entries.chain([is_number(&rate), is_number(&quota)]).filter(|one| *one).count();
    if limits > Counters::MAX_RUNNING {
        problems.refuse(
            Code::LimitsTooMany,
            raw.at,
            format_args!(
                "{limits} limits could run for one caller at once, and there is room for {}: give \
                 fewer of its entries a `rate`, or let some share an entry",
                Counters::MAX_RUNNING
            ),
        );
    }
    Some(Policy {
        access,
        rate,
        quota,
        limit_by: raw.limit_by.value.clone(),
        expires_after: raw.expires_after.given().map(|age| age.duration()),
        active: raw.active.value,
        tags: tags(&raw.tags, problems),
        metadata: metadata(&raw.metadata, problems)?,
        name,
    })
}

fn is_number<T>(bound: &Option<Bound<T>>) -> bool {
    matches!(bound, Some(Bound::At(_)))
}

fn warn_of_nothing(raw: &At<RawPolicy>, problems: &mut Problems<'_>) {
    let limits = !raw.rate.is_absent() || !raw.quota.is_absent();
    let entries = items(&raw.access).iter().any(|entry| !entry.rate.is_absent());
    if let Some(by) = raw.limit_by.given().filter(|_| !limits && !entries) {
        problems.warn(
            Code::FieldUseless,
            by.at,
            "this policy has no `rate` and no `quota` that it could apply to",
        );
    }
    let by = raw.limit_by.given().filter(|by| *by.value == LimitBy::Address);
    if let Some(by) = by.filter(|_| limits || entries) {
        warn_of_addresses(by.at, problems);
    }
    let parts = limits
        || !raw.access.is_absent()
        || !raw.expires_after.is_absent()
        || !raw.active.is_absent()
        || !raw.tags.is_absent()
        || !raw.metadata.is_absent();
    if !parts {
        problems.warn(
            Code::PolicyGrantsNothing,
            raw.at,
            "grants nothing and limits nothing: it only counts as a policy that somebody has",
        );
    }
}

fn access(
    raw: &At<RawPolicy>,
    (policy, shared): (&Name, Shared),
    apis: &[ApiDraft],
    problems: &mut Problems<'_>,
) -> Option<Vec<Entry>> {
    not_empty(
        &raw.access,
        "an empty list would grant nothing; name an API, or leave it out to say nothing about \
         access",
        problems,
    );
    let whole = raw.access.given()?.is_whole();
    let mut entries = Vec::new();
    let mut known: Vec<Vec<String>> = Vec::new();
    for raw in items(&raw.access) {
        let names = names(raw, policy);
        if known.contains(&names) && !items(&raw.apis).is_empty() {
            problems.refuse(
                Code::ValueTwice,
                raw.at,
                "grants what an entry above grants; make them one",
            );
        }
        let mut entry = self::entry(raw, (&names, shared), apis, problems);
        entry.name = own_name(raw, &entries, problems);
        entries.push(entry);
        known.push(names);
    }
    // What is no entry may have been meant to grant anything.
    whole.then_some(entries)
}

/// What an entry's limit is called by where several proxies share it.
fn own_name(raw: &RawAccess, before: &[Entry], problems: &mut Problems<'_>) -> Option<Name> {
    let written = raw.name.given()?;
    let name = written::name(&At { at: written.at, value: &*written.value }, "an entry", problems)?;
    if name.as_str().bytes().all(|byte| byte.is_ascii_digit()) {
        let message = "digits alone are an entry's position; write a letter, too";
        problems.refuse(Code::NameInvalid, written.at, message);
    }
    if before.iter().any(|entry| entry.name.as_ref() == Some(&name)) {
        let message = "an entry above has this name; choose another";
        problems.refuse(Code::NameTwice, written.at, message);
    }
    Some(name)
}

/// What tells an entry from others: all that it says but its rate, in an order of its own.
fn names(raw: &RawAccess, policy: &Name) -> Vec<String> {
    let mut names = vec!["access".to_owned(), policy.as_str().to_owned()];
    let mut fields = vec![
        ("apis", &raw.apis),
        ("methods", &raw.methods),
        ("paths", &raw.paths),
        ("scopes", &raw.scopes),
    ];
    if let Some(calls) = raw.mcp.given() {
        fields.extend([("mcp", &calls.methods), ("mcp", &calls.names), ("mcp", &calls.except)]);
    }
    for (what, field) in fields {
        names.push(what.to_owned());
        let start = names.len();
        for text in items(field) {
            let own = names.get(start..).unwrap_or_default();
            let place = start.saturating_add(own.partition_point(|known| **known < ***text));
            names.insert(place, text.to_string());
        }
    }
    names
}

fn entry(
    raw: &At<RawAccess>,
    (names, shared): (&[String], Shared),
    apis: &[ApiDraft],
    problems: &mut Problems<'_>,
) -> Entry {
    if raw.apis.is_absent() {
        problems.missing(raw.at, "apis", "missing; name the APIs that may be called");
    }
    not_empty(&raw.apis, "an empty list would grant nothing; name an API", problems);
    for list in [&raw.methods, &raw.paths] {
        not_empty(list, "an empty list would grant nothing; leave it out for any", problems);
    }
    not_empty(
        &raw.scopes,
        "an empty list asks for nothing; name a scope, or leave it out",
        problems,
    );
    written::scopes(items(&raw.scopes), problems);
    let entry = Entry {
        apis: Vec::new(),
        methods: methods(&raw.methods, problems),
        paths: paths(&raw.paths, problems),
        scopes: texts(&raw.scopes),
        name: None,
        rate: rate_bound(&raw.rate, (names, shared), problems),
        calls: raw.mcp.given().map(|raw| mcp::of_entry(raw, problems)),
    };
    let whole = entry.methods.len() == items(&raw.methods).len()
        && entry.paths.len() == items(&raw.paths).len();
    let mut ids = Vec::new();
    for name in items(&raw.apis) {
        let is_named =
            |api: &ApiDraft| api.name.as_ref().is_some_and(|api| api.as_str() == &***name);
        let Some(place) = apis.iter().position(is_named) else {
            refuse_unknown_api(name, apis, problems);
            continue;
        };
        if let Some(message) = apis.get(place).and_then(|api| refused_api(api, &entry, whole)) {
            problems.refuse(Code::ApiNotForPolicy, name.at, message);
        }
        if ids.contains(&ApiId(place)) {
            problems.refuse(
                Code::ValueTwice,
                name.at,
                "written twice in one list; delete one of the two",
            );
        }
        ids.push(ApiId(place));
    }
    // A name that is wrong may have been meant for any API.
    if raw.apis.given().is_some_and(|list| list.written != ids.len()) {
        ids.clear();
    }
    let takes_slashes = |id: &ApiId| apis.get(id.0).is_some_and(|api| api.encoded_slash);
    if !ids.is_empty() && !ids.iter().any(takes_slashes) {
        refuse_slashes(&raw.paths, problems);
    }
    Entry { apis: ids, ..entry }
}

/// Why an entry cannot speak of an API.
fn refused_api(api: &ApiDraft, entry: &Entry, whole: bool) -> Option<&'static str> {
    if matches!(api.auth, Some(Auth::None)) {
        return Some("this API is public, and policies have no say there; delete the name");
    }
    if entry.calls.is_some() && api.mcp.is_none() && api.mcp_is_sure {
        return Some(
            "this API has no `mcp`, so what a request calls there is not known; write \"mcp\": {} \
             there, or delete the name",
        );
    }
    let matcher = api.matcher.as_ref().filter(|_| whole)?;
    let any = |own: bool, other: bool| own || other;
    if !any(matcher.methods.is_empty(), entry.methods.is_empty())
        && !entry.methods.iter().any(|method| matcher.methods.contains(method))
    {
        return Some("no request of this API has one of the entry's `methods`; fix one of the two");
    }
    let meets = |pattern: &PathPattern| matcher.paths.iter().any(|own| own.meets(pattern));
    if !any(matcher.paths.is_empty(), entry.paths.is_empty()) && !entry.paths.iter().any(meets) {
        return Some("no request of this API has one of the entry's `paths`; fix one of the two");
    }
    None
}
