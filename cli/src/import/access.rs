//! `access_rights` of a policy as `access`.

use std::cell::Cell;

use serde_json::{Map, Value, json};
use tollgate::verdict::quoted;

use super::limits::{self, Quota, Rate};
use super::names::PathPattern;
use super::policy::{Api, NOBODYS_SCOPE, Policy, UNTIL};
use super::read::{Reader, joined};
use super::report::{Kind, Report};

/// Most limits that one policy's entries may have: a caller has counters for sixteen, and two are
/// the policy's own.
const MAX_LIMITS: usize = 14;

/// What a policy's entries may say.
pub(super) struct Limited<'a> {
    /// Whether the policy speaks of rates.
    pub(super) rate: bool,
    pub(super) apis: &'a [Api],
}

/// What a policy grants.
pub(super) struct Granted<'a> {
    pub(super) entries: Vec<Value>,
    /// The APIs that it speaks of.
    pub(super) apis: Vec<&'a Api>,
    /// Quotas of single APIs, with their fields.
    pub(super) quotas: Vec<(String, Quota)>,
    /// Whether each API has a rate of its own.
    pub(super) all_have_rates: bool,
    /// Whether a limit was lost, so that the policy must not be in force.
    pub(super) held: bool,
}

/// An entry that nobody's token fits, for the APIs that are not public.
pub(super) fn nobody(apis: &[Api]) -> Option<Value> {
    let names: Vec<_> = apis.iter().filter(|api| !api.public).map(|api| &api.name).collect();
    (!names.is_empty()).then(|| json!({ "apis": names, "scopes": [NOBODYS_SCOPE] }))
}

/// One API's part of `access_rights`.
struct Right<'r> {
    api: &'r Api,
    /// Where it stands in the policy.
    path: String,
    source: &'r str,
    read: Reader<'r>,
    rate: Option<Rate>,
    /// Whether the policy speaks of rates.
    rates: bool,
    /// Whether a limit was lost.
    lost: Cell<bool>,
}

pub(super) fn entries<'a>(
    policy: &Policy,
    rights: &[(&String, &Value)],
    limited: &Limited<'a>,
    report: &mut Report,
) -> Granted<'a> {
    let mut granted = Granted {
        entries: Vec::new(),
        apis: Vec::new(),
        quotas: Vec::new(),
        all_have_rates: true,
        held: false,
    };
    let org = policy.raw.get("org_id").and_then(Value::as_str).unwrap_or_default();
    let mut limits_left = MAX_LIMITS;
    for (key, value) in rights {
        let path = joined("access_rights", key);
        let read = Reader::new(value);
        let id = key.as_str();
        let inside = read.text("api_id");
        if !inside.is_empty() && inside != id {
            let message = format!("{} stands in {}, and that counts", quoted(&inside), quoted(id));
            report.add(Kind::Wrong, &policy.source, format!("{path}.api_id"), message);
        }
        let Some(api) = limited.apis.iter().find(|api| api.id == id && !api.public) else {
            if limited.apis.iter().any(|api| api.id == id) {
                let message =
                    "not needed: the API is public, where policies have no say in Tyk, either";
                report.add(Kind::Changed, &policy.source, path, message.to_owned());
            } else {
                let message = "an API that is not among those imported: left out";
                report.leave_out(&policy.source, path, message);
            }
            continue;
        };
        if !org.is_empty() && !api.org.is_empty() && org != api.org {
            let message = "an API of another organisation, where Tyk refuses whoever has this \
                           policy: left out";
            report.leave_out(&policy.source, path, message);
            continue;
        }
        let (number, per) = (read.number("limit.rate"), read.number("limit.per"));
        let rate = limits::rate(number, per).filter(|_| limited.rate);
        let max = read.number("limit.quota_max");
        let odd_quota = limits::is_odd_quota(max, read.number("limit.quota_renewal_rate"));
        if (limited.rate && limits::is_odd(number, per)) || odd_quota {
            granted.held = true;
            let message = format!("a limit that cannot be said here: write it by hand; {UNTIL}");
            report.add(Kind::FillIn, &policy.source, format!("{path}.limit"), message);
        }
        let quota =
            limits::quota(read.number("limit.quota_max"), read.number("limit.quota_renewal_rate"));
        granted.all_have_rates &= rate.is_some();
        let field = format!("{path}.limit.quota_max");
        match quota {
            None => {}
            Some(Quota::Unlimited) => {
                let message = "unlimited for this API in Tyk; here the policy's own quota, if it \
                               has one, counts over all its APIs";
                report.add(Kind::Changed, &policy.source, field, message);
            }
            Some(quota) => granted.quotas.push((field, quota)),
        }
        let rates = limited.rate;
        let lost = Cell::new(false);
        let right = Right { api, path, source: &policy.source, read, rate, rates, lost };
        granted.entries.extend(right.entries(&mut limits_left, report));
        granted.held |= right.lost.get();
        granted.apis.push(api);
        for wrong in right.read.wrong() {
            let field = format!("{}.{wrong}", right.path);
            report.add(
                Kind::Wrong,
                &policy.source,
                field,
                "of another type than Tyk's: the policy grants nothing here",
            );
            granted.entries.retain(|entry| entry.get("apis") != Some(&json!([right.api.name])));
        }
    }
    granted.all_have_rates &= !granted.apis.is_empty();
    granted
}

impl Right<'_> {
    fn entries(&self, limits_left: &mut usize, report: &mut Report) -> Vec<Value> {
        if self.rate.is_some() {
            let message = "became the `rate` of its `access` entry, which holds beside the \
                           policy's own and not in its place";
            let field = format!("{}.limit.rate", self.path);
            report.add(Kind::Changed, self.source, field, message);
        }
        let allowed = self.read.list("allowed_urls");
        let mut entries = match allowed.is_empty() {
            true => vec![self.entry(None, &[])],
            false => self.allowed(allowed, report),
        };
        let open = allowed.is_empty();
        self.endpoints(open, &mut entries, report);
        for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
            if entry.contains_key("rate") {
                match limits_left.checked_sub(1) {
                    Some(left) => *limits_left = left,
                    None => {
                        entry.remove("rate");
                        let message = "more limits than a caller has counters for: the rest of \
                                       the rates was left out; let entries share one";
                        self.lose(self.path.clone(), message, report);
                    }
                }
            }
        }
        // Two entries that say the same are one.
        let mut kept: Vec<Value> = Vec::new();
        for entry in entries {
            if !kept.iter().any(|known| same_request(known, &entry)) {
                kept.push(entry);
            }
        }
        kept
    }

    /// Tells that a limit was left out, without which the policy would allow more.
    fn lose(&self, field: String, message: &str, report: &mut Report) {
        self.lost.set(true);
        report.add(Kind::FillIn, self.source, field, format!("{message}; {UNTIL}"));
    }

    fn entry(&self, methods: Option<&[String]>, paths: &[String]) -> Value {
        let mut entry = Map::new();
        entry.insert("apis".into(), json!([self.api.name]));
        if let Some(methods) = methods {
            entry.insert("methods".into(), json!(methods));
        }
        if !paths.is_empty() {
            entry.insert("paths".into(), json!(paths));
        }
        if let Some(rate) = self.rate {
            entry.insert("rate".into(), rate.json());
        }
        Value::Object(entry)
    }

    /// Entries of `allowed_urls`: one for all paths of the same methods, so that they share a rate.
    fn allowed(&self, allowed: &[Value], report: &mut Report) -> Vec<Value> {
        let mut groups: Vec<(Vec<String>, Vec<String>)> = Vec::new();
        for (place, one) in allowed.iter().enumerate() {
            let field = format!("{}.allowed_urls[{place}]", self.path);
            let url = one.get("url").and_then(Value::as_str).unwrap_or_default();
            let methods = methods_of(one.get("methods"));
            let Some(path) = self.path_of(url).filter(|_| !methods.is_empty()) else {
                let what = if methods.is_empty() {
                    "grants nothing in Tyk without `methods`: left out".to_owned()
                } else {
                    format!(
                        "{} says more than whole segments can: left out, so that it grants \
                         nothing; write `paths` of `policies.*.access[]` by hand",
                        quoted(url)
                    )
                };
                report.add(Kind::NotSupported, self.source, field, what);
                continue;
            };
            let message = format!(
                "{} became {}: whole segments from the first one on, where Tyk finds the pattern \
                 anywhere in the path",
                quoted(url),
                quoted(&path)
            );
            report.add(Kind::Changed, self.source, field, message);
            match groups.iter_mut().find(|(known, _)| *known == methods) {
                Some((_, paths)) if paths.contains(&path) => {}
                Some((_, paths)) => paths.push(path),
                None => groups.push((methods, vec![path])),
            }
        }
        groups.iter().map(|(methods, paths)| self.entry(Some(methods), paths)).collect()
    }

    fn path_of(&self, url: &str) -> Option<String> {
        Some(PathPattern::read(url)?.below(&self.api.base).text())
    }

    /// Rates of single endpoints: entries of their own where all is granted, else at the entry that
    /// grants them.
    fn endpoints(&self, open: bool, entries: &mut Vec<Value>, report: &mut Report) {
        let endpoints = self.read.list("endpoints").iter().filter(|_| self.rates);
        for (place, endpoint) in endpoints.enumerate() {
            let own = Reader::new(endpoint);
            let field = format!("{}.endpoints[{place}]", self.path);
            let path = self.path_of(&own.text("path"));
            for method in own.list("methods") {
                let method = Reader::new(method);
                let limit = limits::rate(method.number("limit.rate"), method.number("limit.per"));
                if !limits::is_positive(method.number("limit.rate")) {
                    let message = "not needed: it says that there is no limit, and the policy's \
                                   own holds";
                    report.add(Kind::Changed, self.source, &field, message);
                    continue;
                }
                let (Some(path), Some(limit)) = (&path, limit) else {
                    let message = "a limit, or a path, that cannot be said here: left out";
                    self.lose(field.clone(), message, report);
                    continue;
                };
                let name = method.text("name");
                let wanted = json!({ "apis": [self.api.name], "methods": [name], "paths": [path] });
                if name.is_empty() || !(open || entries.iter().any(|e| same_request(e, &wanted))) {
                    let message = "a limit on what `allowed_urls` does not grant in just that way: \
                                   left out; write it as the `rate` of the entry that grants it";
                    self.lose(field.clone(), message, report);
                    continue;
                }
                entries.retain(|entry| !same_request(entry, &wanted));
                let mut entry = wanted;
                if let Some(members) = entry.as_object_mut() {
                    members.insert("rate".into(), limit.json());
                }
                entries.push(entry);
                let message = "became an `access` entry with its `rate`, which holds beside the \
                               policy's own and not in its place";
                report.add(Kind::Changed, self.source, &field, message);
            }
        }
    }
}

fn methods_of(value: Option<&Value>) -> Vec<String> {
    let mut methods: Vec<String> = Vec::new();
    let list = value.and_then(Value::as_array).into_iter().flatten();
    for method in list.filter_map(Value::as_str) {
        let method = method.to_ascii_uppercase();
        let is_token = !method.is_empty() && method.bytes().all(|b| b.is_ascii_uppercase());
        if is_token && !methods.contains(&method) {
            methods.push(method);
        }
    }
    methods.sort();
    methods
}

/// Whether two entries are about the same requests.
fn same_request(one: &Value, other: &Value) -> bool {
    ["apis", "methods", "paths"].iter().all(|name| one.get(*name) == other.get(*name))
}
