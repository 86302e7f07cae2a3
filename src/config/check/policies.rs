//! Policies on their own, and which of them each API gives to whom.

use std::time::Duration;

use super::drafts::{ApiDraft, Assigned, PolicyDraft, ProviderDraft, Together};
use super::headers::{metadata, tags};
use super::matching::{paths, refuse_slashes, refused_method};
use super::policies_together;
use super::together::refuse_unknown_api;
use super::written::{self, not_empty};
use crate::api::{Auth, PathPattern};
use crate::config::code::Code;
use crate::config::problems::{Problems, listed, near};
use crate::config::raw::{RawApi, RawConfig, items};
use crate::config::raw_policies::{
    RawAccess, RawApiPolicies, RawBound, RawLimitBy, RawLimitWho, RawPolicy, RawQuota, RawRate,
    Requests,
};
use crate::config::read::{At, Entry as Member, Field, List, Map, Text};
use crate::ids::{ApiId, Name, PolicyId};
use crate::limits::{Bound, Counters, Definition, LONGEST, Quota, Rate};
use crate::policy::{ApiPolicies, Entry, Given, LimitBy, Policies, Policy};
use crate::verdict::quoted;

/// The policies' names, in order: a [`PolicyId`] is a place in here; and whether these are all, which
/// nobody knows where `policies` is wrong as a whole.
struct Names<'r>(Vec<&'r Member<RawPolicy>>, bool);

impl<'r> Names<'r> {
    fn new(raw: &'r RawConfig) -> Self {
        let mut sorted: Vec<&Member<RawPolicy>> = Vec::new();
        for entry in raw.policies.given().iter().flat_map(|policies| &policies.0) {
            let place = sorted.binary_search_by(|known| known.name.value.cmp(&entry.name.value));
            if let Err(place) = place {
                sorted.insert(place, entry);
            }
        }
        Self(sorted, !raw.policies.is_wrong())
    }

    fn find(&self, name: &str) -> Option<PolicyId> {
        self.0.binary_search_by(|known| (*known.name.value).cmp(name)).ok().map(PolicyId)
    }

    fn unknown(&self, name: &str) -> String {
        let known = self.0.iter().map(|entry| &*entry.name.value);
        match near(name, known.clone()) {
            Some(meant) => format!("{} is no policy; did you mean `{meant}`?", quoted(name)),
            None if self.0.is_empty() => format!("{} is no policy; there are none", quoted(name)),
            None => format!("{} is no policy; known: {}", quoted(name), listed(known, "and")),
        }
    }

    /// The policies of a list.
    fn resolve(&self, list: &At<List<Text>>, problems: &mut Problems<'_>) -> Together {
        if list.is_empty() {
            problems.refuse(
                Code::ValueEmpty,
                list.at,
                "an empty list gives nothing; name a policy, or leave it out",
            );
        }
        let mut ids = Vec::new();
        for name in &list.items {
            match self.find(name) {
                None if self.1 && problems.has_room() => {
                    problems.refuse(Code::NameUnknown, name.at, self.unknown(name))
                }
                None => {}
                Some(id) if ids.contains(&id) => {
                    problems.refuse(
                        Code::ValueTwice,
                        name.at,
                        "written twice in one list; delete one of the two",
                    );
                }
                Some(id) => ids.push(id),
            }
        }
        At { at: list.at, value: ids }
    }
}

/// Judges every policy, and what the APIs make of them.
pub(super) fn check(
    raw: &RawConfig,
    providers: &[Option<ProviderDraft>],
    apis: &[ApiDraft],
    problems: &mut Problems<'_>,
) -> Policies {
    let names = Names::new(raw);
    if let Some(policies) = raw.policies.given().filter(|policies| policies.0.is_empty()) {
        problems.refuse(Code::ValueEmpty, policies.at, "empty; write a policy, or leave it out");
    }
    let drafts = names
        .0
        .iter()
        .map(|entry| PolicyDraft { at: entry.name.at, policy: policy(entry, apis, problems) });
    let lost = (!names.1).then_some(PolicyDraft { at: 0, policy: None });
    let drafts: Vec<_> = drafts.chain(lost).collect();
    let mut assigned = Vec::new();
    let mut checked = Vec::new();
    for (place, api) in items(&raw.apis).iter().enumerate() {
        let accepted = apis.get(place).and_then(|draft| accepted_clients(draft, providers));
        clients(api, accepted.as_deref(), problems);
        let judged = api.policies.given().map(|raw| api_policies(raw, &names, problems));
        let (given, draft) = judged.unzip();
        checked.push(given);
        assigned.push(draft);
    }
    let own = keys(raw, &names, problems);
    policies_together::check(&drafts, &assigned, &own, providers, apis, problems);
    Policies::new(drafts.into_iter().filter_map(|draft| draft.policy).collect(), checked)
}

/// The policies that API keys have themselves, a list for each key.
fn keys(raw: &RawConfig, names: &Names<'_>, problems: &mut Problems<'_>) -> Vec<Together> {
    let providers = raw.providers.given().into_iter().flat_map(|providers| &providers.0);
    let keys = providers.filter_map(|entry| entry.value.as_ref()?.keys.given());
    let lists = keys.flat_map(|keys| &keys.items).filter_map(|key| key.policies.given());
    lists.filter(|list| !list.is_empty()).map(|list| names.resolve(list, problems)).collect()
}

fn policy(
    entry: &Member<RawPolicy>,
    apis: &[ApiDraft],
    problems: &mut Problems<'_>,
) -> Option<Policy> {
    let name = written::name(&entry.name, "a policy", problems);
    let raw = entry.value.as_ref()?;
    let name = name?;
    warn_of_nothing(raw, problems);
    let bound = |kind: &str| vec![kind.to_owned(), name.as_str().to_owned()];
    let access = access(raw, &name, apis, problems);
    let rate = rate_bound(&raw.rate, &bound("rate"), problems);
    let quota = self::quota(&raw.quota, &bound("quota"), problems);
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
        limit_by: raw.limit_by.given().map(|by| limit_by(by, problems)).unwrap_or_default(),
        expires_after: raw.expires_after.given().map(|age| age.value.0),
        active: raw.active.or(true),
        tags: tags(&raw.tags, problems),
        metadata: metadata(&raw.metadata, problems)?,
        name,
    })
}

fn is_number<T>(bound: &Option<Bound<T>>) -> bool {
    matches!(bound, Some(Bound::At(_)))
}

fn limit_by(raw: &At<RawLimitBy>, problems: &mut Problems<'_>) -> LimitBy {
    match &raw.value {
        RawLimitBy::Who(RawLimitWho::Identity) => LimitBy::Identity,
        RawLimitBy::Who(RawLimitWho::Client) => LimitBy::Client,
        RawLimitBy::Claim(by) => {
            if by.claim.is_absent() {
                problems.missing(raw.at, "claim", "missing; name the claim");
            }
            by.claim.given().map(|claim| LimitBy::Claim(claim.value.clone())).unwrap_or_default()
        }
    }
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
    policy: &Name,
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
        entries.push(self::entry(raw, &names, apis, problems));
        known.push(names);
    }
    // What is no entry may have been meant to grant anything.
    whole.then_some(entries)
}

/// What tells an entry from others: all that it says but its rate, in an order of its own.
fn names(raw: &RawAccess, policy: &Name) -> Vec<String> {
    let mut names = vec!["access".to_owned(), policy.as_str().to_owned()];
    for (what, field) in [
        ("apis", &raw.apis),
        ("methods", &raw.methods),
        ("paths", &raw.paths),
        ("scopes", &raw.scopes),
    ] {
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
    names: &[String],
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
    written::scopes(&raw.scopes, problems);
    let mut methods = Vec::new();
    for method in items(&raw.methods) {
        match refused_method(method) {
            Some(message) => problems.refuse(Code::ValueInvalid, method.at, message),
            None => methods.push(method.value.0.clone()),
        }
    }
    let entry = Entry {
        apis: Vec::new(),
        methods,
        paths: paths(&raw.paths, problems),
        scopes: items(&raw.scopes).iter().map(|scope| scope.value.0.clone()).collect(),
        rate: rate_bound(&raw.rate, names, problems),
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
    let matcher = api.matcher.as_ref().filter(|_| whole)?;
    let any = |own: bool, other: bool| own || other;
    if !any(matcher.methods.is_empty(), entry.methods.is_empty())
        && !entry.methods.iter().any(|method| matcher.methods.contains(method))
    {
        return Some(
            "no request of this API has one of the entry's `methods`; mend one of the two",
        );
    }
    let meets = |pattern: &PathPattern| matcher.paths.iter().any(|own| own.meets(pattern));
    if !any(matcher.paths.is_empty(), entry.paths.is_empty()) && !entry.paths.iter().any(meets) {
        return Some("no request of this API has one of the entry's `paths`; mend one of the two");
    }
    None
}

fn rate_bound(
    field: &Field<RawBound<RawRate>>,
    names: &[String],
    problems: &mut Problems<'_>,
) -> Option<Bound<Definition<Rate>>> {
    let written = field.given()?;
    match &written.value {
        RawBound::Unlimited => Some(Bound::Unlimited),
        RawBound::Limit(raw) => {
            limit(written.at, raw, problems).map(|rate| Bound::At(defined(names, rate)))
        }
    }
}

fn defined<T>(names: &[String], limit: T) -> Definition<T> {
    Definition::new(&names.iter().map(String::as_str).collect::<Vec<_>>(), limit)
}

/// A rate that cannot be unlimited.
pub(super) fn rate(raw: &At<RawRate>, problems: &mut Problems<'_>) -> Option<Rate> {
    limit(raw.at, raw, problems)
}

fn limit(at: usize, raw: &RawRate, problems: &mut Problems<'_>) -> Option<Rate> {
    let per = raw.per.given().map(|per| per.value.0);
    let (requests, per) = both(at, &raw.requests, raw.per.is_absent(), per, "1s", problems)?;
    let burst = raw.burst.given().map_or(requests, |burst| burst.value.0);
    let rate = Rate { requests, per, burst };
    // Only a burst of more than `requests` takes longer than `per`, which is short enough.
    if let Some(burst) = raw.burst.given().filter(|_| rate.recovers_in() > LONGEST) {
        problems.refuse(
            Code::NumberOutOfRange,
            burst.at,
            "at this rate it takes more than 365d until as many may come at once again; write \
             a smaller `burst`, or a faster rate",
        );
    }
    Some(rate)
}

fn quota(
    field: &Field<RawBound<RawQuota>>,
    names: &[String],
    problems: &mut Problems<'_>,
) -> Option<Bound<Definition<Quota>>> {
    let written = field.given()?;
    let RawBound::Limit(raw) = &written.value else { return Some(Bound::Unlimited) };
    let per = raw.per.given().map(|per| per.value.0);
    let missing = raw.per.is_absent();
    let (requests, per) = both(written.at, &raw.requests, missing, per, "30d", problems)?;
    Some(Bound::At(defined(names, Quota { requests, per })))
}

/// The two members that every limit must have.
fn both(
    at: usize,
    requests: &Field<Requests>,
    per_is_missing: bool,
    per: Option<Duration>,
    example: &str,
    problems: &mut Problems<'_>,
) -> Option<(u32, Duration)> {
    if requests.is_absent() {
        problems.missing(at, "requests", "missing; say how many in each `per`");
    }
    if per_is_missing {
        problems.missing(
            at,
            "per",
            format_args!("missing; say in what time, such as \"{example}\""),
        );
    }
    Some((requests.given()?.value.0, per?))
}

fn api_policies(
    raw: &At<RawApiPolicies>,
    names: &Names<'_>,
    problems: &mut Problems<'_>,
) -> (ApiPolicies, Assigned) {
    let mut assigned = Assigned { at: raw.at, ..Assigned::default() };
    assigned.has_way = !raw.default.is_absent()
        || !raw.by_scope.is_absent()
        || !raw.by_client.is_absent()
        || !raw.by_claim.is_absent()
        || raw.from_claim.is_wrong();
    assigned.default = raw.default.given().map(|list| names.resolve(list, problems));
    let by_scope = given(&raw.by_scope, "scope", names, &mut assigned.by_scope, problems);
    let by_client = given(&raw.by_client, "client", names, &mut assigned.by_client, problems);
    not_empty(
        &raw.by_claim,
        "an empty list gives nothing; name a claim, or leave it out",
        problems,
    );
    let mut by_claim = Vec::new();
    for entry in items(&raw.by_claim) {
        if entry.claim.is_absent() {
            problems.missing(entry.at, "claim", "missing; name the claim");
        }
        if entry.values.is_absent() {
            problems.missing(entry.at, "values", "missing; name the policies for each value");
        }
        let mut lists = Vec::new();
        let given = given(&entry.values, "value", names, &mut lists, problems);
        assigned.by_claim.push(lists);
        by_claim.extend(entry.claim.given().map(|claim| (claim.value.clone(), given)));
    }
    assigned.from_claim = raw.from_claim.given().filter(|flag| flag.value).map(|flag| flag.at);
    let default = assigned.default.as_ref().map_or(Vec::new(), |list| list.value.clone());
    let from_claim = assigned.from_claim.is_some();
    (ApiPolicies { default, by_scope, by_client, by_claim, from_claim }, assigned)
}

fn given(
    field: &Field<Map<List<Text>>>,
    what: &str,
    names: &Names<'_>,
    lists: &mut Vec<Together>,
    problems: &mut Problems<'_>,
) -> Given {
    let Some(map) = field.given() else { return Given::default() };
    if map.0.is_empty() {
        problems.refuse(
            Code::ValueEmpty,
            map.at,
            format_args!("empty; name a {what}, or leave it out"),
        );
    }
    let mut given = Given::default();
    for entry in &map.0 {
        let name = &entry.name;
        if what == "scope" && (name.value.is_empty() || name.value.contains(' ')) {
            let message =
                format!("{} is no scope: it has no space and is not empty", quoted(&name.value));
            problems.refuse(Code::ValueInvalid, name.at, message);
        }
        let Some(list) = &entry.value else { continue };
        let together = names.resolve(list, problems);
        given.add(&name.value, &together.value);
        lists.push(together);
    }
    given
}

/// The clients that the API's providers accept; `None` where one of them accepts any, or none of
/// them issues tokens.
fn accepted_clients<'p>(
    api: &ApiDraft,
    providers: &'p [Option<ProviderDraft>],
) -> Option<Vec<&'p str>> {
    let mut accepted = Vec::new();
    for id in &api.providers {
        if let Some(jwt) = providers.get(id.0)?.as_ref()?.jwt() {
            accepted.extend(jwt.requirements.clients.as_ref()?.iter().map(AsRef::as_ref));
        }
    }
    Some(accepted).filter(|accepted| !accepted.is_empty())
}

/// A client that the API, or each of its providers, does not let in can do nothing there.
fn clients(api: &RawApi, accepted: Option<&[&str]>, problems: &mut Problems<'_>) {
    let of_api = api.clients.given();
    let given = api.policies.given().and_then(|policies| policies.by_client.given());
    let named =
        given.iter().flat_map(|map| &map.0).map(|entry| (entry.name.at, &*entry.name.value));
    for (at, client) in named {
        if of_api.is_some_and(|all| {
            all.is_whole() && all.items.iter().all(|known| *known.value.0 != *client)
        }) {
            problems.refuse(
                Code::ClientRefused,
                at,
                format_args!(
                    "{} is none of the API's `clients`; add it there, or delete it here",
                    quoted(client)
                ),
            );
        } else {
            refuse_excluded(at, client, accepted, problems);
        }
    }
    for client in items(&api.clients) {
        refuse_excluded(client.at, &client.value.0, accepted, problems);
    }
}

fn refuse_excluded(
    at: usize,
    client: &str,
    accepted: Option<&[&str]>,
    problems: &mut Problems<'_>,
) {
    if accepted.is_some_and(|accepted| !accepted.contains(&client)) {
        problems.refuse(
            Code::ClientRefused,
            at,
            format_args!(
                "{} is none of the `clients` of the API's providers, which refuse its tokens; add \
                 it there, or delete it here",
                quoted(client)
            ),
        );
    }
}
