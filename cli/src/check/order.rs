//! Whether the filters around Tollgate find what they read: before it, nothing of what it writes is
//! there, and behind it, the credential is gone. And whether Tollgate runs at all, and sees the answers that
//! its logins need to see.

use tollgate::config::Config;
use tollgate::provider::{Kind as ProviderKind, Place};
use tollgate::verdict::quoted;

use super::chain::{Around, Kind, Neighbour};
use super::code::FileCode;
use super::holder::Plane;
use super::reads::Wanted;
use super::report::{Remark, Severity};
use crate::yaml::Node;

/// Judges the filters around a Tollgate of this configuration.
pub(super) fn check(config: &Config, around: &Around, remarks: &mut Vec<Remark>) {
    // What one Tollgate writes is there for whatever stands before the next.
    let first = around.before.iter().rposition(|one| one.kind == Kind::Tollgate);
    let written = Wanted { headers: config.emitted_headers(), own: true };
    let has_login = config.providers.iter().any(|provider| provider.login().is_some());
    for neighbour in &around.before {
        let is_told = first.is_none() && too_early(around.plane, neighbour, &written, remarks);
        if first.is_none() {
            consumed(config, around.plane, neighbour, remarks);
        }
        // What must go behind anyway is told once.
        if has_login && !is_told {
            answers(around.plane, neighbour, remarks);
        }
    }
    routes(config, around, &written, remarks);
    let last = around.behind.iter().position(|one| one.kind == Kind::Tollgate);
    let behind = around.behind.iter().take(last.unwrap_or(usize::MAX));
    let stripped = Stripped::of(config);
    for neighbour in behind.take_while(|one| one.kind != Kind::Router) {
        stripped.judge(config, around.plane, neighbour, remarks);
    }
}

/// Says where no request of a chain is judged, because every Tollgate of it is off.
pub(super) fn off(filter: &Node, manager: &Node, around: &Around, remarks: &mut Vec<Remark>) {
    let Some(off) = filter.get("disabled").filter(|off| off.is_true()) else { return };
    if around.has_another() || around.is_enabled(manager) {
        return;
    }
    // Routes that come from elsewhere may enable it.
    let is_whole = !around.routes.is_empty();
    let (severity, found) = match is_whole {
        true => (Severity::Problem, "no route enables it"),
        false => (Severity::Warning, "no route that these files show enables it"),
    };
    let message = format!(
        "true, and {found}: no request is judged here; delete it, or enable {} on routes by \
         `typed_per_filter_config`",
        quoted(&around.own_name)
    );
    remarks.push(Remark::new(severity, FileCode::FilterDisabled, off.at, "disabled", message));
}

/// Routes that a client chooses by a header which Tollgate writes or removes. Behind Tollgate Envoy
/// chooses again; what was chosen before decides here.
fn routes(config: &Config, around: &Around, written: &Wanted, remarks: &mut Vec<Remark>) {
    let decides = config.index.looks_at_routes() || config.index.looks_at_route_metadata();
    let removed = Wanted { headers: Stripped::of(config).headers, own: false };
    for (route, off) in around.each_route() {
        let asked = route.path(&["match", "headers"]).filter(|_| decides || off);
        let read = asked.and_then(|asked| written.find(asked).or_else(|| removed.find(asked)));
        let Some(read) = read else { continue };
        let route = match route.text_at(&["name"]) {
            Some(name) => format!("the route {}", quoted(name)),
            None => "a route".to_owned(),
        };
        let what = match off {
            true => "and Tollgate is off on it: whoever writes the header passes unchecked",
            false => {
                "and routes tell APIs apart: whoever writes the header chooses by which to be \
                      judged, and goes on by another"
            }
        };
        let message = format!(
            "{route} goes by the header {}, {what}; choose it by host, path or method",
            quoted(&read)
        );
        let (severity, code) = (Severity::Problem, FileCode::RouteChosenByClient);
        remarks.push(Remark::new(severity, code, around.at, "routes", message));
    }
}

/// What the list of filters is called.
const fn field(plane: Plane) -> &'static str {
    match plane {
        Plane::None => "http_filters",
        Plane::Gateway | Plane::Istio => "spec",
    }
}

/// How a filter is put behind Tollgate.
const fn behind(plane: Plane) -> &'static str {
    match plane {
        Plane::None => "put it behind",
        Plane::Istio => {
            "put it behind: `phase: AUTHN` puts Tollgate before RequestAuthentication and \
             AuthorizationPolicy, but for `action: CUSTOM`"
        }
        Plane::Gateway => "put it behind, by `filterOrder` of an EnvoyProxy",
    }
}

/// Whether a filter before Tollgate reads what Tollgate writes, which is told.
fn too_early(
    plane: Plane,
    neighbour: &Neighbour,
    written: &Wanted,
    remarks: &mut Vec<Remark>,
) -> bool {
    if neighbour.kind == Kind::Tollgate {
        return false;
    }
    let Some(read) = neighbour.told.iter().find_map(|config| written.find(config)) else {
        return false;
    };
    let what = &neighbour.what;
    let message = match read.starts_with("wasm.") {
        true => format!(
            "{what} stands before Tollgate and reads {}, which Tollgate writes and which is not \
             there yet: no rule of it fits; {}",
            quoted(&read),
            behind(plane)
        ),
        false => format!(
            "{what} stands before Tollgate and reads the header {}, which is there whatever the \
             client wrote: Tollgate replaces it later; {}",
            quoted(&read),
            behind(plane)
        ),
    };
    let (severity, code) = (Severity::Problem, FileCode::FilterTooEarly);
    remarks.push(Remark::new(severity, code, neighbour.at, field(plane), message));
    true
}

/// A filter before Tollgate that may answer what a login then does not see.
fn answers(plane: Plane, neighbour: &Neighbour, remarks: &mut Vec<Remark>) {
    let remedy = match neighbour.kind {
        // A Tollgate's own answers are never kept by a cache.
        Kind::Router | Kind::Silent | Kind::Tollgate => return,
        Kind::Login => "leave the sign-in to one of the two".to_owned(),
        Kind::ApiKey | Kind::Basic | Kind::ExtAuthz | Kind::Jwt | Kind::RateLimit | Kind::Other => {
            format!("{}; or let it stay, if it answers everybody alike", behind(plane))
        }
    };
    let message = format!(
        "{} stands before Tollgate and may answer by itself, and the login sees neither that request \
         nor the answer: nobody is sent to sign in, and what a session gets is not marked \
         `Cache-Control: private`; {remedy}",
        neighbour.what
    );
    let (severity, code) = (Severity::Warning, FileCode::AnswerUnseen);
    remarks.push(Remark::new(severity, code, neighbour.at, field(plane), message));
}

/// A filter before Tollgate that takes away the credential which Tollgate is to check.
fn consumed(config: &Config, plane: Plane, neighbour: &Neighbour, remarks: &mut Vec<Remark>) {
    let found = match neighbour.kind {
        Kind::Jwt => neighbour.told.iter().find_map(|told| tokens_taken(config, plane, told)),
        Kind::ApiKey => neighbour.told.iter().find_map(|told| keys_taken(config, told)),
        _ => None,
    };
    let Some((taken, remedy)) = found else { return };
    let message = format!(
        "{} stands before Tollgate and removes {taken}: Tollgate finds none, and refuses \
         (`credential_missing`); {remedy}, or leave the check to Tollgate alone",
        neighbour.what
    );
    let (severity, code) = (Severity::Problem, FileCode::CredentialConsumed);
    remarks.push(Remark::new(severity, code, neighbour.at, field(plane), message));
}

fn tokens_taken(config: &Config, plane: Plane, told: &Node) -> Option<(String, String)> {
    let is_default = |node: &Node| {
        ["from_headers", "from_params", "from_cookies"].iter().all(|name| node.get(name).is_none())
    };
    let is_ours = |issuer: &str| {
        config.rings.iter().flat_map(|ring| &ring.issuers).any(|known| **known == *issuer)
    };
    let providers = told.get("providers").map(Node::members).unwrap_or_default();
    let taken = providers.iter().map(|member| &member.node).find(|provider| {
        let keeps = provider.get("forward").is_some_and(Node::is_true);
        let ours = provider.text_at(&["issuer"]).is_some_and(is_ours);
        !keeps && ours && is_default(provider) && bearer(config)
    })?;
    let issuer = quoted(taken.text_at(&["issuer"]).unwrap_or_default());
    let remedy = match plane {
        Plane::Istio => "write `forwardOriginalToken: true` at its rule",
        Plane::Gateway | Plane::None => "write `forward: true` at its provider",
    };
    Some((format!("the tokens of {issuer} that it has checked"), remedy.to_owned()))
}

fn keys_taken(config: &Config, told: &Node) -> Option<(String, String)> {
    told.path(&["forwarding", "hide_credentials"]).filter(|hides| hides.is_true())?;
    let sources = told.get("key_sources").map(Node::elements).unwrap_or_default();
    let reads = |header: &&str| {
        let mut places = config.providers.iter().flat_map(|one| &one.from).map(|one| &one.place);
        places.any(|place| {
            matches!(place, Place::Header { name, .. } if name.eq_ignore_ascii_case(header))
        })
    };
    let header = sources.iter().filter_map(|source| source.text_at(&["header"])).find(reads)?;
    let remedy = "let it keep them (`hide_credentials`, `sanitize`)";
    Some((format!("the keys in {}", quoted(header)), remedy.to_owned()))
}

/// Whether a token is read from `authorization`.
fn bearer(config: &Config) -> bool {
    let tokens = config.providers.iter().filter(|one| matches!(one.kind, ProviderKind::Jwt(_)));
    let mut places = tokens.flat_map(|one| &one.from).map(|location| &location.place);
    places.any(|place| matches!(place, Place::Header { name, .. } if &**name == "authorization"))
}

/// The places from which Tollgate removes what it finds there.
struct Stripped {
    headers: Vec<String>,
    queries: Vec<String>,
    cookies: Vec<String>,
}

impl Stripped {
    fn of(config: &Config) -> Self {
        let mut stripped = Self { headers: Vec::new(), queries: Vec::new(), cookies: Vec::new() };
        // A configuration that only reports lets everything go on as it came.
        let providers = config.providers.iter().filter(|_| !config.reports);
        for provider in providers.filter(|one| !one.upstream.keep_credential) {
            for location in &provider.from {
                let (places, name) = match &location.place {
                    Place::Cookie { name, .. } => (&mut stripped.cookies, name),
                    Place::Header { name, .. } => (&mut stripped.headers, name),
                    Place::Query { name } => (&mut stripped.queries, name),
                };
                if !places.iter().any(|known| **known == **name) {
                    places.push(name.to_string());
                }
            }
        }
        stripped
    }

    fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// What a filter behind Tollgate wants of it and does not find.
    fn judge(
        &self,
        config: &Config,
        plane: Plane,
        neighbour: &Neighbour,
        remarks: &mut Vec<Remark>,
    ) {
        let wanted = match neighbour.kind {
            Kind::Jwt => self.jwt(&neighbour.told),
            Kind::ApiKey => self.api_key(&neighbour.told),
            Kind::Basic => self.basic(&neighbour.told),
            Kind::ExtAuthz => self.ext_authz(config, &neighbour.told),
            Kind::Login => return login(config, plane, neighbour, remarks),
            Kind::RateLimit | Kind::Silent | Kind::Other => {
                let wanted = Wanted { headers: self.headers.clone(), own: false };
                let found = neighbour.told.iter().find_map(|config| wanted.find(config));
                found.map(|name| format!("the header {}", quoted(&name)))
            }
            Kind::Router | Kind::Tollgate => None,
        };
        let Some(wanted) = wanted else { return };
        let message = format!(
            "{} stands behind Tollgate and reads {wanted}, from which Tollgate removes the \
             credential: say \"upstream\": {{\"credential\": \"keep\"}} at the provider, or have it \
             go by what Tollgate found (`wasm.tollgate.identity`, `x-tollgate-identity`)",
            neighbour.what
        );
        let (severity, code) = (Severity::Warning, FileCode::CredentialStripped);
        remarks.push(Remark::new(severity, code, neighbour.at, field(plane), message));
    }

    /// Envoy's own check of tokens, which does nothing without rules.
    fn jwt(&self, told: &[Node]) -> Option<String> {
        let asks = |node: &Node| {
            ["rules", "requirement_map", "filter_state_rules", "requirement_name"]
                .iter()
                .any(|name| node.get(name).is_some_and(is_some))
        };
        if !told.iter().any(asks) {
            return None;
        }
        let providers = told.iter().filter_map(|config| config.get("providers"));
        providers.flat_map(Node::members).find_map(|member| self.jwt_provider(&member.node))
    }

    fn jwt_provider(&self, provider: &Node) -> Option<String> {
        let list = |name: &str| provider.get(name).map(Node::elements).unwrap_or_default();
        let (headers, params) = (list("from_headers"), list("from_params"));
        let cookies = list("from_cookies");
        if headers.is_empty() && params.is_empty() && cookies.is_empty() {
            let found = self.has_header("authorization").then(|| "`authorization`".to_owned());
            return found.or_else(|| self.query("access_token"));
        }
        let header = headers.iter().filter_map(|one| one.text_at(&["name"]));
        let header = header.into_iter().find(|name| self.has_header(name));
        header
            .map(|name| format!("the header {}", quoted(name)))
            .or_else(|| params.iter().filter_map(Node::text).find_map(|name| self.query(name)))
            .or_else(|| cookies.iter().filter_map(Node::text).find_map(|name| self.cookie(name)))
    }

    fn query(&self, name: &str) -> Option<String> {
        let has = self.queries.iter().any(|known| known == name);
        has.then(|| format!("the query parameter {}", quoted(name)))
    }

    fn cookie(&self, name: &str) -> Option<String> {
        let has = self.cookies.iter().any(|known| known == name);
        has.then(|| format!("the cookie {}", quoted(name)))
    }

    fn api_key(&self, told: &[Node]) -> Option<String> {
        let sources = told.iter().filter_map(|config| config.get("key_sources"));
        sources.flat_map(Node::elements).find_map(|source| {
            let header = source.text_at(&["header"]).filter(|name| self.has_header(name));
            header
                .map(|name| format!("the header {}", quoted(name)))
                .or_else(|| self.query(source.text_at(&["query"])?))
                .or_else(|| self.cookie(source.text_at(&["cookie"])?))
        })
    }

    fn basic(&self, told: &[Node]) -> Option<String> {
        let named = told.iter().find_map(|config| config.text_at(&["authentication_header"]));
        let name = named.filter(|name| !name.is_empty()).unwrap_or("authorization");
        self.has_header(name).then(|| format!("the header {}", quoted(name)))
    }

    /// A service that is asked: it gets what the client sent, unless something of Tollgate's is
    /// named, which says that it goes by that.
    fn ext_authz(&self, config: &Config, told: &[Node]) -> Option<String> {
        let written = Wanted { headers: config.emitted_headers(), own: true };
        if told.iter().any(|config| written.find(config).is_some()) {
            return None;
        }
        let named = Wanted { headers: self.headers.clone(), own: false };
        let found = told.iter().find_map(|config| named.find(config));
        let header = found.as_ref().or_else(|| self.headers.first());
        header.map(|name| format!("the header {}", quoted(name)))
    }
}

/// A sign-in behind Tollgate, which nobody without a token reaches.
fn login(config: &Config, plane: Plane, neighbour: &Neighbour, remarks: &mut Vec<Remark>) {
    if config.reports || config.apis.iter().any(|api| api.reports || api.auth.lets_strangers_pass())
    {
        return;
    }
    let message = format!(
        "{} stands behind Tollgate: whoever has no token yet is refused and never reaches its \
         sign-in; put it before, with `forward_bearer_token: true`",
        neighbour.what
    );
    let (severity, code) = (Severity::Warning, FileCode::LoginBehind);
    remarks.push(Remark::new(severity, code, neighbour.at, field(plane), message));
}

/// Whether a list or a map has anything in it.
fn is_some(node: &Node) -> bool {
    !node.elements().is_empty() || !node.members().is_empty() || node.text().is_some()
}
