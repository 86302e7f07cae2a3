//! Tyk's policies as Tollgate's.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tollgate::verdict::quoted;

use super::access;
use super::definition::Definition;
use super::fields::{self, Form};
use super::limits::{self, Quota};
use super::names::Names;
use super::policy::{Api, Policy, UNTIL};
use super::read::Reader;
use super::report::{Kind, Report};
use super::walk;

/// All policies, by the ids that they go by.
#[derive(Default)]
pub(super) struct Policies {
    /// Whether there was a file.
    pub(super) given: bool,
    pub(super) all: Vec<Policy>,
    names: Names,
    /// Those that are named and not there, by id.
    missing: BTreeMap<String, String>,
}

impl Policies {
    /// Names them; `None` where no file was given.
    pub(super) fn new(found: Option<Vec<(Vec<String>, Value)>>, report: &mut Report) -> Self {
        let mut policies = Self { given: found.is_some(), ..Self::default() };
        for (ids, raw) in found.unwrap_or_default() {
            let id = ids.first().cloned().unwrap_or_default();
            let (name, moved) = policies.names.make(&id, "policy");
            let source = format!("policy {}", quoted(&id));
            report.source(&source);
            if moved {
                let message =
                    format!("another policy has that name already: it is {} here", quoted(&name));
                report.add(Kind::Changed, &source, "id", message);
            }
            policies.all.push(Policy { ids, name, raw, source });
        }
        policies
    }

    /// A policy by an id.
    pub(super) fn find(&self, id: &str) -> Option<&Policy> {
        self.all.iter().find(|policy| policy.ids.iter().any(|known| known == id))
    }

    /// The name of a policy by an id; one that is not there gets a name, and refuses.
    pub(super) fn name(&mut self, id: &str) -> String {
        if let Some(policy) = self.find(id) {
            return policy.name.clone();
        }
        if let Some(name) = self.missing.get(id) {
            return name.clone();
        }
        let (name, _) = self.names.make(id, "policy");
        self.missing.insert(id.to_owned(), name.clone());
        name
    }

    /// Names the policies that definitions lead to, where no file says which there are.
    pub(super) fn expect(&mut self, definitions: &[Definition]) {
        if self.given {
            return;
        }
        for definition in definitions {
            let scopes = definition.jwt.scope_policies.iter().map(|(_, id)| id);
            for id in definition.jwt.defaults.iter().chain(scopes).filter(|id| !id.is_empty()) {
                self.name(id);
            }
        }
    }

    /// Whether tokens name policies here as they do there.
    pub(super) fn keep_their_names(&self) -> bool {
        let missing = self.missing.iter().filter(|_| !self.given);
        self.all.iter().all(|policy| policy.ids.contains(&policy.name))
            && missing.fold(true, |all, (id, name)| all && id == name)
    }

    /// Each id with its policy's name.
    pub(super) fn by_id(&self) -> impl Iterator<Item = (&String, &String)> {
        let known =
            self.all.iter().flat_map(|policy| policy.ids.iter().map(move |id| (id, &policy.name)));
        known.chain(self.missing.iter().filter(|_| !self.given))
    }

    /// As the configuration writes them.
    pub(super) fn json(&self, apis: &[Api], report: &mut Report) -> Map<String, Value> {
        let mut out = Map::new();
        for policy in &self.all {
            let members = members(policy, apis);
            let mut body = body(policy, apis, report);
            if members.iter().any(walk::Member::restricts) {
                hold(&mut body);
            }
            out.insert(policy.name.clone(), body.into());
            walk::tell(&members, &policy.source, UNTIL, report);
        }
        for name in self.missing.values() {
            let description = "Fill in: what this policy was in Tyk. Until then it refuses.";
            out.insert(name.clone(), json!({ "active": false, "description": description }));
        }
        drop_contradictions(&mut out, &self.all, report);
        out
    }
}

/// Makes a policy refuse whoever has it.
fn hold(body: &mut Map<String, Value>) {
    body.insert("active".into(), false.into());
}

/// The members of a policy that say something of the APIs that are imported.
fn members(policy: &Policy, apis: &[Api]) -> Vec<walk::Member> {
    let mut raw = policy.raw.clone();
    if let Some(rights) = raw.get_mut("access_rights").and_then(Value::as_object_mut) {
        rights.retain(|id, _| apis.iter().any(|api| api.id == *id && !api.public));
    }
    walk::members(&raw, fields::of_policy(), Form::Classic, "")
}

fn body(policy: &Policy, apis: &[Api], report: &mut Report) -> Map<String, Value> {
    let read = Reader::new(&policy.raw);
    let source = &policy.source;
    let part = |name: &str| read.flag(&format!("partitions.{name}"));
    let parted = ["acl", "quota", "rate_limit", "complexity"].iter().any(|name| part(name));
    let whole = !parted || part("per_api");
    let rights = read.members("access_rights");
    let mut out = Map::new();
    if read.flag("is_inactive") {
        out.insert("active".into(), false.into());
    }
    if rights.is_empty() {
        hold(&mut out);
        return out;
    }
    let limited = access::Limited { rate: whole || part("rate_limit"), apis };
    let mut granted = access::entries(policy, &rights, &limited, report);
    let mut entries = std::mem::take(&mut granted.entries);
    if !(whole || part("acl")) {
        entries.clear();
        let message = "without `acl`: the policy grants nothing itself, here by a scope that no \
                       token has; beside a policy with rights only its other parts count";
        report.add(Kind::Changed, source, "partitions.acl", message);
    }
    if entries.is_empty() {
        entries.extend(access::nobody(apis));
    }
    if entries.is_empty() {
        out.insert("active".into(), false.into());
    } else {
        out.insert("access".into(), entries.into());
    }
    if whole || part("rate_limit") {
        rate(&read, &granted.apis, granted.all_have_rates, source, &mut out, report);
    }
    if whole || part("quota") {
        quota(&read, &granted, source, &mut out, report);
    }
    let odd =
        (whole || part("rate_limit")) && limits::is_odd(read.number("rate"), read.number("per"));
    let odd_quota = (whole || part("quota"))
        && limits::is_odd_quota(read.number("quota_max"), read.number("quota_renewal_rate"));
    for (field, _) in [("rate", odd), ("quota_max", odd_quota)].iter().filter(|(_, odd)| *odd) {
        let message = format!("a limit that cannot be said here: write it by hand; {UNTIL}");
        report.add(Kind::FillIn, source, *field, message);
    }
    facts(&read, source, &mut out, report);
    if granted.held || odd || odd_quota {
        hold(&mut out);
    }
    for wrong in read.wrong() {
        let message =
            format!("{wrong}: it was read as if it were not there, and the policy made not active");
        report.add(Kind::Wrong, source, wrong.split(':').next().unwrap_or_default(), message);
        hold(&mut out);
    }
    out
}

fn rate(
    read: &Reader<'_>,
    apis: &[&Api],
    entries_have_it: bool,
    source: &str,
    out: &mut Map<String, Value>,
    report: &mut Report,
) {
    let number = read.number("rate");
    if number.and_then(serde_json::Number::as_f64).is_some_and(|rate| rate < 0.0) {
        out.insert("rate".into(), "unlimited".into());
        report.add(Kind::Taken, source, "rate", "became \"unlimited\"");
        return;
    }
    let Some(rate) = limits::rate(number, read.number("per")) else { return };
    if !apis.is_empty() && apis.iter().all(|api| api.no_rate) {
        let message = "left out: disable_rate_limit is on at every API that it grants";
        report.add(Kind::Changed, source, "rate", message);
        return;
    }
    if entries_have_it {
        let message = "left out: every API has a rate of its own, which takes its place";
        report.add(Kind::Changed, source, "rate", message);
        return;
    }
    if apis.iter().any(|api| api.no_rate) {
        let message = "holds on the APIs with disable_rate_limit, too: give those a policy \
                       without `rate`";
        report.add(Kind::Changed, source, "rate", message);
    }
    out.insert("rate".into(), rate.json());
    let message = "became `rate`: an even pace with as many at once, in place of a window; counted \
                   in one proxy, so that N proxies allow N times as much";
    report.add(Kind::Changed, source, "rate", message);
}

fn quota(
    read: &Reader<'_>,
    granted: &access::Granted<'_>,
    source: &str,
    out: &mut Map<String, Value>,
    report: &mut Report,
) {
    let own = limits::quota(read.number("quota_max"), read.number("quota_renewal_rate"));
    let chosen = match granted.quotas.as_slice() {
        [] => own.map(|quota| ("quota_max".to_owned(), quota)),
        quotas => {
            // Who has the least of all may be asked for that, and never for more.
            let size = |quota: &&(String, Quota)| match quota.1 {
                Quota::Unlimited => u64::MAX,
                Quota::Limited { requests, .. } => requests,
            };
            let smallest = quotas.iter().min_by_key(size);
            if quotas.len() > 1 {
                let message = "a quota for each API: here one quota counts over all APIs of a \
                               policy, and the smallest was taken; write a policy for each";
                for (field, _) in quotas {
                    report.add(Kind::NotSupported, source, field, message);
                }
            }
            smallest.cloned()
        }
    };
    let Some((field, quota)) = chosen else { return };
    if !granted.apis.is_empty() && granted.apis.iter().all(|api| api.no_quota) {
        let message = "left out: disable_quota is on at every API that it grants";
        report.add(Kind::Changed, source, field, message);
        return;
    }
    out.insert("quota".into(), quota.json());
    let message = match quota {
        Quota::Unlimited => "became \"unlimited\"".to_owned(),
        Quota::Limited { per, cut: true, .. } => format!(
            "never renews in Tyk, or late: here in {} at the latest, and at a restart",
            limits::duration(per)
        ),
        Quota::Limited { .. } => "became `quota`: 429 (`quota_exceeded`) in place of 403; counted \
                                  in one proxy, and anew after a restart"
            .to_owned(),
    };
    let kind = if quota == Quota::Unlimited { Kind::Taken } else { Kind::Changed };
    report.add(kind, source, field, message);
}

/// Tags, metadata and what counts limits.
fn facts(read: &Reader<'_>, source: &str, out: &mut Map<String, Value>, report: &mut Report) {
    let plain = |text: &str| {
        !text.trim().is_empty()
            && text.len() <= 1024
            && text.bytes().all(|b| (0x20..0x7f).contains(&b))
            && text.trim() == text
    };
    let mut tags: Vec<String> = Vec::new();
    for tag in read.texts("tags") {
        if !plain(&tag) || tag.contains(',') {
            let message = format!("{} is no safe header value, and was left out", quoted(&tag));
            report.add(Kind::NotSupported, source, "tags", message);
        } else if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    if !tags.is_empty() {
        out.insert("tags".into(), json!(tags));
    }
    let mut metadata = Map::new();
    for (key, value) in read.members("meta_data") {
        let field = super::read::joined("meta_data", key);
        match value.as_str() {
            Some(pattern) if key == "rate_limit_pattern" => {
                limit_by(pattern, &field, source, out, report);
            }
            Some(text) if plain(text) && plain(key) => {
                metadata.insert(key.clone(), text.into());
            }
            _ => {
                let message = "no string that is a safe header value: left out";
                report.add(Kind::NotSupported, source, field, message);
            }
        }
    }
    if !metadata.is_empty() {
        out.insert("metadata".into(), Value::Object(metadata));
    }
}

fn limit_by(
    pattern: &str,
    field: &str,
    source: &str,
    out: &mut Map<String, Value>,
    report: &mut Report,
) {
    match pattern.strip_prefix("$tyk_context.jwt_claims_").filter(|claim| !claim.is_empty()) {
        Some(claim) if out.contains_key("rate") || out.contains_key("quota") => {
            out.insert("limit_by".into(), json!({ "claim": claim }));
            let message = "became `limit_by`: a token without the claim is refused \
                           (`limit_key_missing`)";
            report.add(Kind::Changed, source, field, message);
        }
        Some(_) => report.add(Kind::Changed, source, field, "not needed: there is no limit"),
        None => {
            let limited = out.contains_key("rate") || out.contains_key("quota");
            let message = "limits count by identity, client or a claim (`policies.*.limit_by`), \
                           not by metadata: by identity here";
            match limited {
                // Callers who share a counter there would have one each.
                true => {
                    hold(out);
                    report.add(Kind::FillIn, source, field, format!("{message}; {UNTIL}"));
                }
                false => report.add(Kind::Changed, source, field, message),
            }
        }
    }
}

/// Metadata that two policies give different values is refused where both are in force together;
/// there the last one wins. Nothing that is imported sends it upstream, so that it can go.
fn drop_contradictions(out: &mut Map<String, Value>, all: &[Policy], report: &mut Report) {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for body in out.values() {
        for (key, value) in body.get("metadata").and_then(Value::as_object).into_iter().flatten() {
            let known = values.entry(key.clone()).or_default();
            let value = value.as_str().unwrap_or_default().to_owned();
            if !known.contains(&value) {
                known.push(value);
            }
        }
    }
    for policy in all {
        let Some(body) = out.get_mut(&policy.name).and_then(Value::as_object_mut) else { continue };
        let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) else {
            continue;
        };
        let keys: Vec<String> = metadata.keys().cloned().collect();
        for key in keys.iter().filter(|key| values.get(*key).is_some_and(|all| all.len() > 1)) {
            metadata.remove(key);
            let message = "left out: policies give it different values, and who has two of them \
                           would have none";
            let field = super::read::joined("meta_data", key);
            report.add(Kind::Changed, &policy.source, field, message);
        }
        if metadata.is_empty() {
            body.remove("metadata");
        }
    }
}
