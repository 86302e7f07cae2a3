//! Definitions and policies → one configuration.

use serde_json::{Map, Value, json};
use tollgate::verdict::quoted;

use super::definition::{Definition, Method};
use super::given::CLOSED;
use super::keys;
use super::limits;
use super::names::{self, Names, PathPattern};
use super::options::Options;
use super::policies::Policies;
use super::policy::Api;
use super::provider::{self, Draft, UNTIL};
use super::report::{Kind, Report};

/// Where nobody is.
const NO_HOST: &str = "fill-in.invalid";

/// What an import comes to.
pub(super) struct Imported {
    pub(super) config: Value,
    /// How many APIs take what they took in Tyk, and are not only held shut.
    pub(super) served: usize,
}

/// An API on its way.
struct Part<'d> {
    definition: &'d Definition,
    api: Api,
    hosts: Option<String>,
    /// Whether nobody may call until somebody has decided.
    held: bool,
}

pub(super) fn convert(
    definitions: &[Definition],
    policies: &mut Policies,
    options: &Options,
    report: &mut Report,
) -> Imported {
    let parts = parts(definitions, report);
    let mut providers = Providers::default();
    let mut apis = Vec::new();
    let mut served = 0_usize;
    for part in &parts {
        let public = part.api.public;
        let known = public
            || part
                .definition
                .branches
                .iter()
                .any(|branch| branch.contains(&Method::Jwt) || branch.contains(&Method::Key));
        served = served.saturating_add(usize::from(known));
        apis.push((part, api(part, &mut providers, policies, options, report)));
    }
    let known: Vec<Api> = parts.iter().map(|part| copy(&part.api)).collect();
    let mut assembled: Vec<Value> = apis.into_iter().map(|(_, api)| api).collect();
    let providers = providers.json();
    let taken = keys::take(&options.keys, &known, &mut assembled, &providers, policies, report);
    let mut policies = policies.json(&known, report);
    for api in &mut assembled {
        close_defaults(api, &policies);
    }
    let closed = |api: &Value| api.pointer("/policies/default") == Some(&json!([CLOSED]));
    if assembled.iter().any(closed) {
        let description = "Fill in: what everybody gets. Until then it refuses.";
        policies.insert(CLOSED.into(), json!({ "active": false, "description": description }));
    }
    let mut config = Map::new();
    config.insert("apis".into(), assembled.into());
    if !providers.is_empty() {
        config.insert("providers".into(), Value::Object(providers));
    }
    if !policies.is_empty() {
        config.insert("policies".into(), Value::Object(policies));
    }
    let recorded = parts.iter().map(|part| (part.definition, part.api.name.as_str()));
    if let Some(log) = super::detail::log(recorded, taken.detail, options.detail_until, report) {
        config.insert("log".into(), log);
    }
    if !taken.revoked.is_empty() {
        config.insert("revoked".into(), json!({ "entries": taken.revoked }));
    }
    Imported { config: Value::Object(config), served }
}

fn copy(api: &Api) -> Api {
    Api {
        id: api.id.clone(),
        org: api.org.clone(),
        name: api.name.clone(),
        base: api.base.clone(),
        public: api.public,
        no_rate: api.no_rate,
        no_quota: api.no_quota,
    }
}

/// The APIs in the order in which they must be asked: the longest path first.
fn parts<'d>(definitions: &'d [Definition], report: &mut Report) -> Vec<Part<'d>> {
    let mut taken = Names::default();
    let mut parts: Vec<Part<'d>> = Vec::new();
    for definition in definitions {
        if let Some(off) = definition.off {
            let message = format!("{off}: not imported");
            report.add(Kind::Changed, &definition.source, definition.field("active"), message);
            continue;
        }
        let (base, hosts, held) = place(definition, report);
        let same = |part: &&Part<'_>| part.api.base == base && part.hosts == hosts;
        if let Some(other) = parts.iter().find(same) {
            let message = format!(
                "the same path and domain as {}: only one of the two gets requests, here the \
                 first; not imported",
                other.definition.source
            );
            let field = definition.field("proxy.listen_path");
            report.add(Kind::Wrong, &definition.source, field, message);
            continue;
        }
        let (name, moved) = taken.make(&definition.title, "api");
        if moved {
            let message =
                format!("another API has that name already: it is {} here", quoted(&name));
            report.add(Kind::Changed, &definition.source, definition.field("name"), message);
        }
        let keyless = definition.is_public();
        let api = Api {
            id: definition.id.clone(),
            org: definition.org.clone(),
            name,
            base,
            public: keyless,
            no_rate: definition.no_rate,
            no_quota: definition.no_quota,
        };
        parts.push(Part { definition, api, hosts, held });
    }
    let depth = |part: &Part<'_>| (part.hosts.is_some(), part.api.base.depth());
    parts.sort_by_key(|part| std::cmp::Reverse(depth(part)));
    parts
}

/// Path and host, and whether the API is to be held shut: what cannot be said takes more of the
/// traffic rather than less, and lets nobody in.
fn place(definition: &Definition, report: &mut Report) -> (PathPattern, Option<String>, bool) {
    let source = &definition.source;
    let listen = &definition.listen;
    let field = definition.field("proxy.listen_path");
    let restricts = definition.restricts();
    // A public API that nothing restricts needs no other to stand before its requests.
    let opens_nothing = |odd: bool| odd && definition.is_public() && !restricts;
    let mut odd = false;
    let base = match PathPattern::read(listen) {
        Some(base) => {
            if !base.is_everything() {
                let text = base.text();
                let (kind, more) = match listen.ends_with('/') {
                    true => (Kind::Taken, ""),
                    false => (
                        Kind::Changed,
                        "; whole segments, where Tyk takes every path that \
                                              only begins so",
                    ),
                };
                let message =
                    format!("{} became `match.paths` {}{more}", quoted(listen), quoted(&text));
                report.add(kind, source, field, message);
            }
            base
        }
        None => {
            let base = PathPattern::prefix(listen);
            odd = true;
            let message = format!(
                "{} says more than whole segments can: became {}, which is more of the traffic; \
                 narrow `match.paths` by hand; {}",
                quoted(listen),
                quoted(&base.text()),
                until(opens_nothing(odd))
            );
            report.add(Kind::FillIn, source, field, message);
            base
        }
    };
    let mut host = None;
    if !definition.host.is_empty() {
        let field = definition.field("domain");
        host = names::host(&definition.host);
        match &host {
            Some(name) => {
                let (kind, more) = match name.starts_with('*') {
                    true => (Kind::Changed, ": every host below it, however deep"),
                    false => (Kind::Taken, ""),
                };
                let message = format!("became `match.hosts` {}{more}", quoted(name));
                report.add(kind, source, field, message);
            }
            None => {
                odd = true;
                let message = format!(
                    "{} is more than a name: every host was taken; narrow `match.hosts` by hand; {}",
                    quoted(&definition.host),
                    until(opens_nothing(odd))
                );
                report.add(Kind::FillIn, source, field, message);
            }
        }
    }
    if definition.odd_rate {
        let message = format!("a rate that cannot be said here: write `apis[].rate`; {UNTIL}");
        report.add(Kind::FillIn, source, definition.field("global_rate_limit"), message);
    }
    if opens_nothing(odd) {
        let message = "a public API whose requests cannot be told exactly: it has a host that \
                       nobody has, so that it opens nothing until you write `match`";
        report.add(Kind::FillIn, source, definition.field("use_keyless"), message);
        host = Some(NO_HOST.into());
    }
    (base, host, restricts || (odd && !opens_nothing(odd)))
}

/// What holds back an API whose requests cannot be told exactly.
const fn until(opens_nothing: bool) -> &'static str {
    if opens_nothing { "until then it has a host that nobody has" } else { UNTIL }
}

/// The providers so far; those that say the same are one.
#[derive(Default)]
struct Providers {
    names: Names,
    all: Vec<(String, Map<String, Value>)>,
}

impl Providers {
    fn add(&mut self, draft: Draft) -> String {
        if let Some((name, _)) = self.all.iter().find(|(_, body)| *body == draft.body) {
            return name.clone();
        }
        let (name, _) = self.names.make(&draft.hint, "jwt");
        self.all.push((name.clone(), draft.body));
        name
    }

    /// As the configuration writes them. Providers that share a fetch must agree how often: the
    /// shortest time serves all.
    fn json(mut self) -> Map<String, Value> {
        let ring = |body: &Map<String, Value>| {
            let jwks = body.get("jwks")?;
            let url = jwks.get("url").or_else(|| jwks.get("discovery"))?.clone();
            Some((body.get("issuer")?.clone(), url, jwks.get("cluster")?.clone()))
        };
        let age = |body: &Map<String, Value>| {
            let refresh = body.get("jwks").and_then(|jwks| jwks.get("refresh"));
            refresh.and_then(limits::millis)
        };
        let all: Vec<_> = self.all.iter().map(|(_, body)| (ring(body), age(body))).collect();
        for (_, body) in &mut self.all {
            let own = ring(body);
            let shortest =
                all.iter().filter(|(other, _)| *other == own).filter_map(|(_, age)| *age).min();
            let jwks = body.get_mut("jwks").and_then(Value::as_object_mut);
            if let (Some(jwks), Some(shortest)) = (jwks, shortest) {
                jwks.insert("refresh".into(), limits::duration(shortest).into());
            }
        }
        self.all.into_iter().map(|(name, body)| (name, body.into())).collect()
    }
}

fn api(
    part: &Part<'_>,
    providers: &mut Providers,
    policies: &mut Policies,
    options: &Options,
    report: &mut Report,
) -> Value {
    let definition = part.definition;
    let mut out = Map::new();
    out.insert("name".into(), part.api.name.clone().into());
    let mut matcher = Map::new();
    if !part.api.base.is_everything() {
        matcher.insert("paths".into(), json!([part.api.base.text()]));
    }
    if let Some(host) = &part.hosts {
        matcher.insert("hosts".into(), json!([host]));
    }
    if !matcher.is_empty() {
        out.insert("match".into(), Value::Object(matcher));
    }
    if let Some(rate) = definition.rate {
        out.insert("rate".into(), rate.json());
        let message = "became `apis[].rate`: an even pace, counted in one proxy, so that N \
                       proxies allow N times as much";
        report.add(
            Kind::Changed,
            &definition.source,
            definition.field("global_rate_limit"),
            message,
        );
    }
    if part.api.public && part.held {
        out.insert("auth".into(), json!([providers.add(provider::held())]));
        let message = format!("a public API, which something restricts, too; {UNTIL}");
        report.add(Kind::FillIn, &definition.source, definition.field("use_keyless"), message);
        return Value::Object(out);
    }
    if part.api.public {
        out.insert("auth".into(), "none".into());
        let message = "THIS API IS OPEN: anybody may call it, with \"auth\": \"none\", as in Tyk";
        report.add(Kind::Changed, &definition.source, definition.field("use_keyless"), message);
        return Value::Object(out);
    }
    if definition.options_pass {
        out.insert("cors_preflight".into(), "pass".into());
    }
    let session = auth(part, providers, options, &mut out, report);
    let given = super::given::policies(definition, &session, policies, report);
    out.insert("policies".into(), Value::Object(given));
    Value::Object(out)
}

/// Writes `auth` and `session_from`; the methods whose sessions are used.
fn auth(
    part: &Part<'_>,
    providers: &mut Providers,
    options: &Options,
    out: &mut Map<String, Value>,
    report: &mut Report,
) -> Vec<Method> {
    let definition = part.definition;
    general(definition, report);
    let mut named: Vec<(Method, Vec<String>)> = Vec::new();
    for method in &definition.methods {
        let drafts = match method {
            Method::Jwt => provider::jwt(definition, options, report),
            Method::Key => vec![provider::api_keys(definition, report)],
            other => vec![provider::stand_in_for(definition, *other, report)],
        };
        named.push((*method, drafts.into_iter().map(|draft| providers.add(draft)).collect()));
    }
    let of = |method: Method| {
        let found = named.iter().find(|(known, _)| *known == method);
        found.map_or(&[][..], |(_, names)| names.as_slice())
    };
    let mut branches: Vec<Vec<String>> = Vec::new();
    let mut session_from: Vec<String> = Vec::new();
    let mut sessions = Vec::new();
    let mut together = false;
    let held = part.held.then(|| providers.add(provider::held()));
    for branch in smallest(&definition.branches) {
        let session = session_of(definition, branch);
        sessions.push(session);
        // One issuer after the other where the token may be of several.
        let mut combined = vec![Vec::new()];
        for method in branch {
            let each = |before: &Vec<String>| {
                let with = |name: &String| before.iter().chain([name]).cloned().collect::<Vec<_>>();
                of(*method).iter().map(with).collect::<Vec<_>>()
            };
            combined = combined.iter().flat_map(each).collect();
        }
        together |= branch.len() > 1;
        if branch.len() > 1 || held.is_some() {
            session_from.extend(of(session).iter().cloned());
        }
        for combination in &mut combined {
            combination.extend(held.clone());
        }
        branches.extend(combined);
    }
    let branches: Vec<Value> = branches
        .into_iter()
        .map(|branch| match branch.as_slice() {
            [one] => one.clone().into(),
            _ => json!(branch),
        })
        .collect();
    out.insert("auth".into(), branches.into());
    session_from.sort();
    session_from.dedup();
    let value = match session_from.as_slice() {
        [] => Value::Null,
        [one] => one.clone().into(),
        many => json!(many),
    };
    if !value.is_null() {
        out.insert("session_from".into(), value.clone());
    }
    if together {
        let message = format!("became \"session_from\": {value}");
        let field = definition.field("base_identity_provided_by");
        if definition.base.is_empty() {
            let more = "; the last method in Tyk's order";
            report.add(Kind::Changed, &definition.source, field, format!("{message}{more}"));
        } else if sessions.iter().any(|session| session.base() == definition.base) {
            report.add(Kind::Taken, &definition.source, field, message);
        } else {
            report.add(Kind::Changed, &definition.source, field, message);
        }
    } else if !definition.base.is_empty() {
        let field = definition.field("base_identity_provided_by");
        let right = sessions.iter().any(|session| session.base() == definition.base);
        let (kind, message) = match right {
            true => {
                (Kind::Taken, "not needed: one provider vouches at a time, and its session is used")
            }
            false => (
                Kind::Changed,
                "not taken over: one provider vouches at a time, and its session is used",
            ),
        };
        report.add(kind, &definition.source, field, message);
    }
    sessions.dedup();
    sessions
}

/// The branches that no other makes needless.
fn smallest(branches: &[Vec<Method>]) -> impl Iterator<Item = &Vec<Method>> {
    branches.iter().filter(move |branch| {
        let within = |other: &&Vec<Method>| {
            other.len() < branch.len() && other.iter().all(|method| branch.contains(method))
        };
        !branches.iter().any(|other| within(&other))
    })
}

/// Whose session a branch uses: the base identity's, or else that of the last in Tyk's order; where
/// the base is none of the branch, the token's.
fn session_of(definition: &Definition, branch: &[Method]) -> Method {
    let base = branch
        .iter()
        .find(|method| !definition.base.is_empty() && method.base() == definition.base);
    let token = branch.iter().find(|method| **method == Method::Jwt);
    let last = branch.last();
    let chosen = match definition.base.is_empty() {
        true => last,
        false => base.or(token).or(last),
    };
    chosen.copied().unwrap_or(Method::Jwt)
}

/// What holds for every definition with tokens, and which no field says.
fn general(definition: &Definition, report: &mut Report) {
    if definition.asks(Method::Jwt) {
        let message = "became a provider of the kind `jwt`; a token must have `exp` (else \
                       `allow_no_expiry`), must be no ID token (else `allow_id_tokens`) and is \
                       refused with 401 where Tyk says 403; every code is in docs/deny-codes.md";
        let field = definition.field("enable_jwt");
        report.add(Kind::Changed, &definition.source, field, message);
    }
}

/// A `default` that never speaks of its API would be refused at load: it refuses callers instead.
fn close_defaults(api: &mut Value, policies: &Map<String, Value>) {
    let name = api.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(default) = api.pointer_mut("/policies/default") else { return };
    let names = default.as_array().map_or(&[][..], Vec::as_slice);
    let bodies = names.iter().filter_map(|name| policies.get(name.as_str()?));
    let entries: Vec<_> = bodies
        .filter_map(|body| body.get("access")?.as_array())
        .flatten()
        .filter_map(|entry| entry.get("apis")?.as_array())
        .collect();
    let speaks = entries.iter().any(|apis| apis.iter().any(|api| *api == name.as_str()));
    if !entries.is_empty() && !speaks {
        *default = json!([CLOSED]);
    }
}
