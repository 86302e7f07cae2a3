//! Sessions of keys that somebody made for single callers: what such a caller has of its own.
//!
//! A key's id may be the credential itself, so it is never told: a key goes by its `alias`, which is
//! the identity where the gateway made the session of a token.

use serde_json::{Map, Value, json};
use tollgate::verdict::{list, quoted};

use super::detail;
use super::policies::Policies;
use super::policy::Api;
use super::read::Reader;
use super::report::{Kind, Report};

/// What becomes of keys beside the policies that they give.
#[derive(Default)]
pub(super) struct Taken {
    /// Entries of `log.detail`.
    pub(super) detail: Vec<Value>,
    /// Entries of `revoked.entries`.
    pub(super) revoked: Vec<Value>,
}

/// Gives the callers of keys what the keys say, at those APIs that know them by one provider of
/// tokens. `apis` are in the order of `known`.
pub(super) fn take(
    keys: &[Value],
    known: &[Api],
    apis: &mut [Value],
    providers: &Map<String, Value>,
    policies: &mut Policies,
    report: &mut Report,
) -> Taken {
    let mut taken = Taken::default();
    for (place, key) in keys.iter().enumerate() {
        let read = Reader::new(key);
        let identity = read.text("alias");
        let source = match identity.is_empty() {
            true => format!("key {}, without an alias", place.saturating_add(1)),
            false => format!("key of {}", quoted(&identity)),
        };
        report.source(&source);
        if identity.is_empty() {
            let message = "without it nobody knows whose key it is: name the caller in \
                           `apis[].policies.by_identity` by hand";
            report.add(Kind::NotSupported, &source, "alias", message);
            continue;
        }
        let mut ids = read.texts("apply_policies");
        ids.retain(|id| !id.is_empty());
        if ids.is_empty() {
            ids = Vec::from_iter(Some(read.text("apply_policy_id")).filter(|id| !id.is_empty()));
        }
        let rights = read.members("access_rights");
        let is_meant =
            |api: &Api| rights.is_empty() || rights.iter().any(|(id, _)| **id == *api.id);
        let pairs = known.iter().zip(apis.iter_mut()).filter(|(api, _)| is_meant(api));
        let found: Vec<_> = pairs
            .filter_map(|(api, value)| Some((api, session_provider(value, providers)?, value)))
            .collect();
        if found.is_empty() {
            let message = "no imported API knows callers by one provider of tokens: an API key is \
                           listed in `providers.*.keys`, with its `policies`";
            report.add(Kind::NotSupported, &source, "apply_policies", message);
            continue;
        }
        let names: Vec<String> = ids.iter().map(|id| policies.name(id)).collect();
        let (mut at, mut of) = (Vec::new(), Vec::new());
        for (api, provider, value) in found {
            give(value, &provider, &identity, &names);
            at.push(api.name.as_str());
            if !of.contains(&provider) {
                of.push(provider);
            }
        }
        if names.is_empty() {
            let message = "none: what the key itself says of rights and limits becomes a policy, \
                           which `apis[].policies.by_identity` gives to the caller";
            report.add(Kind::NotSupported, &source, "apply_policies", message);
        } else {
            let message = format!(
                "became `policies.by_identity` of {}: the caller has {}; in Tyk the policies that \
                 a token leads to take their place at each request, so that this may be more than \
                 Tyk gave",
                list(&at),
                list(&names)
            );
            report.add(Kind::Changed, &source, "apply_policies", message);
        }
        let caller = |provider: &String| json!({ "provider": provider, "identity": identity });
        if read.flag("is_inactive") {
            taken.revoked.extend(of.iter().map(caller));
            let message = "became `revoked.entries`: in Tyk the next token made it active again";
            report.add(Kind::Changed, &source, "is_inactive", message);
        }
        let recorded = ["enable_detail_recording", "enable_detailed_recording"];
        if let Some(field) = recorded.into_iter().find(|field| read.flag(field)) {
            if taken.detail.len().saturating_add(of.len()) > detail::MOST {
                report.add(Kind::NotSupported, &source, field, detail::full());
            } else {
                taken.detail.extend(of.iter().map(caller));
                let message = "became `log.detail`: each step of every decision about this caller";
                report.add(Kind::Changed, &source, field, message);
            }
        }
        for wrong in read.wrong() {
            let field = wrong.split(':').next().unwrap_or_default().to_owned();
            report.add(Kind::Wrong, &source, field, format!("{wrong}: not taken over"));
        }
    }
    taken
}

/// Gives a caller policies at an API, beside those that another key of it gives.
fn give(api: &mut Value, provider: &str, identity: &str, names: &[String]) {
    if names.is_empty() {
        return;
    }
    let mut place = api;
    for step in ["policies", "by_identity", provider] {
        let Value::Object(members) = place else { return };
        place = members.entry(step).or_insert_with(|| json!({}));
    }
    let Value::Object(callers) = place else { return };
    let own = callers.entry(identity).or_insert_with(|| json!([]));
    if let Value::Array(own) = own {
        for name in names {
            if !own.iter().any(|known| known == name.as_str()) {
                own.push(json!(name));
            }
        }
    }
}

/// The provider of tokens whose session an API uses, if it is always the same one with one issuer.
fn session_provider(api: &Value, providers: &Map<String, Value>) -> Option<String> {
    let named = match api.get("session_from").and_then(Value::as_str) {
        Some(named) => named,
        None => {
            let branches = api.get("auth")?.as_array()?.iter();
            let each = branches.flat_map(|branch| match branch {
                Value::Array(members) => members.iter().collect(),
                one => vec![one],
            });
            let mut names = each.filter_map(Value::as_str);
            let first = names.next()?;
            names.all(|other| other == first).then_some(first)?
        }
    };
    let issuer = providers.get(named)?.get("issuer")?.as_str()?;
    (!issuer.contains('{')).then(|| named.to_owned())
}
