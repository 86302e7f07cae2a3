//! The filters before and behind Tollgate, and what each is told.

use super::beside::Beside;
use super::entry;
use super::form::typed;
use super::holder::Plane;
use super::origin::Origin;
use crate::yaml::{Node, Place};

/// A filter as far as Tollgate's place matters to it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    ApiKey,
    Basic,
    ExtAuthz,
    Jwt,
    Login,
    /// Counts by descriptors, which routes may hold.
    RateLimit,
    Router,
    /// Never answers by itself, or answers what a login need not see.
    Silent,
    Tollgate,
    Other,
}

/// Filters of Envoy that never answer by themselves; and `cors`, whose answers to preflights are nobody's.
/// What a filter that is not listed does, nobody here knows.
const SILENT: [&str; 12] = [
    "compressor",
    "cors",
    "decompressor",
    "grpc_stats",
    "header_mutation",
    "header_to_metadata",
    "ip_tagging",
    "on_demand",
    "original_src",
    "set_filter_state",
    "set_metadata",
    "tap",
];

impl Kind {
    /// By the type of its configuration, or by its usual name.
    fn of(name: &str, type_url: &str) -> Self {
        let is = |filter: &str, message: &str| {
            type_url.ends_with(message) || (type_url.is_empty() && name == filter)
        };
        match () {
            () if is("envoy.filters.http.api_key_auth", ".api_key_auth.v3.ApiKeyAuth") => {
                Self::ApiKey
            }
            () if is("envoy.filters.http.basic_auth", ".basic_auth.v3.BasicAuth") => Self::Basic,
            () if is("envoy.filters.http.ext_authz", ".ext_authz.v3.ExtAuthz") => Self::ExtAuthz,
            () if is("envoy.filters.http.jwt_authn", ".JwtAuthentication") => Self::Jwt,
            () if is("envoy.filters.http.oauth2", ".oauth2.v3.OAuth2") => Self::Login,
            () if is("envoy.filters.http.ratelimit", ".ratelimit.v3.RateLimit")
                || is("envoy.filters.http.local_ratelimit", ".v3.LocalRateLimit") =>
            {
                Self::RateLimit
            }
            () if is("envoy.filters.http.router", ".router.v3.Router") => Self::Router,
            () if is_silent(name, type_url) => Self::Silent,
            () => Self::Other,
        }
    }
}

/// Whether a filter is one of [`SILENT`].
fn is_silent(name: &str, type_url: &str) -> bool {
    let short = match type_url {
        "" => name.strip_prefix("envoy.filters.http."),
        _ => type_url
            .split_once("envoy.extensions.filters.http.")
            .and_then(|(_, rest)| rest.split('.').next()),
    };
    short.is_some_and(|short| SILENT.contains(&short))
}

/// A filter in front or behind.
#[derive(Clone, Debug)]
pub(super) struct Neighbour {
    /// What it is, as a subject.
    pub(super) what: String,
    pub(super) kind: Kind,
    /// Where it stands.
    pub(super) at: Place,
    /// What it is told: its own configuration, and what routes say to it.
    pub(super) told: Vec<Node>,
}

/// The filters around a Tollgate.
#[derive(Clone, Debug, Default)]
pub(super) struct Around {
    pub(super) before: Vec<Neighbour>,
    pub(super) behind: Vec<Neighbour>,
    /// Whose order it is.
    pub(super) plane: Plane,
    /// Where the Tollgate itself stands.
    pub(super) at: Place,
    /// What routes call it.
    pub(super) own_name: String,
    /// The routes that are known.
    pub(super) routes: Vec<Node>,
}

impl Around {
    /// Of the filter at a place of a connection manager.
    pub(super) fn of_manager(
        manager: &Node,
        index: usize,
        beside: &Beside,
        is_tollgate: &dyn Fn(&Node) -> bool,
    ) -> Self {
        let routes = routes(manager, beside);
        let filters = manager.get("http_filters").map(Node::elements).unwrap_or_default();
        let own = filters.get(index);
        let at = own.map_or(manager.at, |own| own.at);
        let own_name = own.and_then(|own| own.text_at(&["name"])).unwrap_or_default().to_owned();
        let mut around = Self { at, own_name, routes, ..Self::default() };
        for (place, filter) in filters.iter().enumerate() {
            if place == index {
                continue;
            }
            let Some(neighbour) = around.neighbour(filter, is_tollgate) else { continue };
            match place < index {
                true => around.before.push(neighbour),
                false => around.behind.push(neighbour),
            }
        }
        around
    }

    /// Of filters of which one is Tollgate's, in their order.
    pub(super) fn of_filters(
        filters: &[&Node],
        index: usize,
        is_tollgate: &dyn Fn(&Node) -> bool,
    ) -> Self {
        let mut around = Self::default();
        for (place, filter) in filters.iter().enumerate().filter(|(place, _)| *place != index) {
            let Some(neighbour) = around.neighbour(filter, is_tollgate) else { continue };
            match place < index {
                true => around.before.push(neighbour),
                false => around.behind.push(neighbour),
            }
        }
        around
    }

    /// A filter with what it is told; `None` where it never runs.
    pub(super) fn neighbour(
        &self,
        filter: &Node,
        is_tollgate: &dyn Fn(&Node) -> bool,
    ) -> Option<Neighbour> {
        let name = filter.text_at(&["name"]).unwrap_or_default();
        let config = filter.get("typed_config").and_then(typed);
        let kind = match is_tollgate(filter) {
            true => Kind::Tollgate,
            false => Kind::of(name, config.map_or("", |(_, type_url)| type_url)),
        };
        let mut by_route = Vec::new();
        self.routes.iter().for_each(|routes| per_filter(routes, name, &mut by_route));
        let off = |node: &&&Node| node.get("disabled").is_some_and(Node::is_true);
        let runs = !filter.get("disabled").is_some_and(Node::is_true);
        if !runs && kind == Kind::Tollgate && entry::is_flagged(config.map(|(wasm, _)| wasm)) {
            // The entry that reads bodies: no request of an application goes through it.
            return None;
        }
        if !runs && by_route.iter().all(|node| off(&node)) {
            return None;
        }
        let own = config.map(|(config, _)| config).or_else(|| filter.get("config"));
        let mut told: Vec<Node> = own.into_iter().cloned().collect();
        told.extend(by_route.iter().filter(|node| !off(node)).map(|node| (*node).clone()));
        let has_own = own.is_some_and(|own| own.get("rate_limits").is_some());
        if kind == Kind::RateLimit && !has_own {
            self.routes.iter().for_each(|routes| rate_limits(routes, &mut told));
        }
        let shown = if name.is_empty() { "a filter without a name" } else { name };
        Some(Neighbour { what: format!("`{shown}`"), kind, at: filter.at, told })
    }

    /// The routes by themselves, each with whether Tollgate is off on it.
    pub(super) fn each_route(&self) -> Vec<(&Node, bool)> {
        let is_off = |route: &Node| {
            let says = route.path(&["typed_per_filter_config", &self.own_name]);
            says.is_some_and(|says| says.get("disabled").is_some_and(Node::is_true))
        };
        let routes = self.route_lists().into_iter().flatten();
        routes.map(|route| (route, is_off(route))).collect()
    }

    /// The routes in their lists, of which the first that fits is taken.
    pub(super) fn route_lists(&self) -> Vec<Vec<&Node>> {
        let mut found = Vec::new();
        self.routes.iter().for_each(|routes| route_lists(routes, &mut found));
        found
    }

    /// Whether something of this connection manager's routes, at any level, enables Tollgate.
    pub(super) fn is_enabled(&self, manager: &Node) -> bool {
        let name = &self.own_name;
        let mut found = Vec::new();
        per_filter(manager, name, &mut found);
        self.routes.iter().for_each(|routes| per_filter(routes, name, &mut found));
        found.iter().any(|says| !says.get("disabled").is_some_and(Node::is_true))
    }

    /// Whether another Tollgate runs beside this one.
    pub(super) fn has_another(&self) -> bool {
        self.before.iter().chain(&self.behind).any(|one| one.kind == Kind::Tollgate)
    }

    /// The same with the places of the file that the text stands in.
    pub(super) fn moved(&mut self, origin: &Origin) {
        self.at = origin.place(self.at);
        for neighbour in self.before.iter_mut().chain(&mut self.behind) {
            neighbour.at = origin.place(neighbour.at);
        }
    }
}

/// The routes of a connection manager: its own, or those that it names.
fn routes(manager: &Node, beside: &Beside) -> Vec<Node> {
    let named = manager.text_at(&["rds", "route_config_name"]);
    let found = named.into_iter().flat_map(|name| {
        beside.routes().filter(move |routes| routes.text_at(&["name"]) == Some(name))
    });
    manager.get("route_config").into_iter().chain(found).cloned().collect()
}

/// What routes, at any level, say to the filter of a name.
fn per_filter<'n>(node: &'n Node, name: &str, found: &mut Vec<&'n Node>) {
    for member in node.members() {
        if matches!(&*member.name, "typed_per_filter_config" | "typedPerFilterConfig") {
            let own = member.node.members().iter().filter(|one| one.name == name);
            found.extend(own.map(|one| &one.node));
        } else {
            per_filter(&member.node, name, found);
        }
    }
    node.elements().iter().for_each(|element| per_filter(element, name, found));
}

fn rate_limits(node: &Node, found: &mut Vec<Node>) {
    for member in node.members() {
        match &*member.name {
            "rate_limits" | "rateLimits" => found.push(member.node.clone()),
            "typed_per_filter_config" | "typedPerFilterConfig" => {}
            _ => rate_limits(&member.node, found),
        }
    }
    node.elements().iter().for_each(|element| rate_limits(element, found));
}

fn route_lists<'n>(node: &'n Node, found: &mut Vec<Vec<&'n Node>>) {
    if node.get("match").is_some() {
        found.push(vec![node]);
        return;
    }
    node.members().iter().for_each(|member| route_lists(&member.node, found));
    let (routes, others): (Vec<_>, Vec<_>) =
        node.elements().iter().partition(|element| element.get("match").is_some());
    if !routes.is_empty() {
        found.push(routes);
    }
    others.into_iter().for_each(|element| route_lists(element, found));
}
