//! The filters around Tollgate in Envoy Gateway's proxies.

use super::convert;
use super::workload::{Workload, identity};
use crate::check::beside::Beside;
use crate::check::chain::{Around, Kind, Neighbour};
use crate::check::holder::Plane;
use crate::yaml::{Node, Place};

/// The order of filters, unless an EnvoyProxy says otherwise.
const ORDER: [&str; 11] = [
    "ext_authz",
    "api_key_auth",
    "basic_auth",
    "oauth2",
    "jwt_authn",
    "lua",
    "ext_proc",
    "wasm",
    "rbac",
    "local_ratelimit",
    "ratelimit",
];

/// The order that the EnvoyProxies among the files make.
fn order(beside: &Beside) -> Vec<String> {
    let mut order: Vec<String> = ORDER.map(str::to_owned).into();
    let proxies = beside.of_kind("EnvoyProxy").filter_map(|one| one.path(&["spec", "filterOrder"]));
    for moved in proxies.flat_map(Node::elements) {
        let short = |name: &str| moved.text_at(&[name])?.rsplit('.').next().map(str::to_owned);
        let Some(name) = short("name") else { continue };
        let Some(from) = order.iter().position(|known| *known == name) else { continue };
        let (target, behind) = match (short("before"), short("after")) {
            (Some(target), _) => (target, 0),
            (None, Some(target)) => (target, 1_usize),
            (None, None) => continue,
        };
        order.remove(from);
        let place = order.iter().position(|known| *known == target);
        order.insert(place.map_or(from, |place| place.saturating_add(behind)), name);
    }
    order
}

/// The filters around one of the extensions of an EnvoyExtensionPolicy.
pub(in crate::check) fn of_extension(
    own: &Node,
    index: usize,
    at: Place,
    beside: &Beside,
    is_tollgate: &dyn Fn(&Node) -> bool,
) -> Around {
    let order = order(beside);
    let place = |name: &str| order.iter().position(|known| known == name).unwrap_or(usize::MAX);
    let own_place = place("wasm");
    let mut around = Around { plane: Plane::Gateway, ..Around::default() };
    let mut put = |name: &str, what: String, kind: Kind, told: Option<Node>| {
        let Some(told) = told else { return };
        let neighbour = Neighbour { what, kind, at, told: vec![told] };
        match place(name) < own_place {
            true => around.before.push(neighbour),
            false => around.behind.push(neighbour),
        }
    };
    let workload = Workload::of(own);
    let meets = |resource: &&Node| is_shared(&workload, &Workload::of(resource), beside);
    for resource in beside.of_kind("SecurityPolicy").filter(meets) {
        let spec = |name: &str| resource.path(&["spec", name]);
        let what = |name: &str| format!("`{name}` of {}", identity(resource));
        put("ext_authz", what("extAuth"), Kind::ExtAuthz, spec("extAuth").cloned());
        let keys = spec("apiKeyAuth").map(convert::security_api_key);
        put("api_key_auth", what("apiKeyAuth"), Kind::ApiKey, keys);
        put("basic_auth", what("basicAuth"), Kind::Basic, spec("basicAuth").cloned());
        put("oauth2", what("oidc"), Kind::Login, spec("oidc").cloned());
        let tokens = spec("jwt").map(convert::security_jwt);
        put("jwt_authn", what("jwt"), Kind::Jwt, tokens);
        put("rbac", what("authorization"), Kind::Other, spec("authorization").cloned());
    }
    for resource in beside.of_kind("BackendTrafficPolicy").filter(meets) {
        let limits = resource.path(&["spec", "rateLimit"]);
        let what = format!("`rateLimit` of {}", identity(resource));
        put("ratelimit", what, Kind::RateLimit, limits.cloned());
    }
    for resource in beside.of_kind("EnvoyExtensionPolicy").filter(meets) {
        let list =
            |name: &str| resource.path(&["spec", name]).map(Node::elements).unwrap_or_default();
        for (name, filter) in [("lua", "lua"), ("extProc", "ext_proc")] {
            for (number, one) in list(name).iter().enumerate() {
                let what = format!("`{name}[{number}]` of {}", identity(resource));
                put(filter, what, Kind::Other, Some(one.clone()));
            }
        }
    }
    // Which of two policies comes first is not said.
    let extensions = own.path(&["spec", "wasm"]).map(Node::elements).unwrap_or_default();
    for (number, one) in extensions.iter().enumerate().filter(|(number, _)| *number != index) {
        let kind = if is_tollgate(one) { Kind::Tollgate } else { Kind::Other };
        let what = format!("`wasm[{number}]` of {}", identity(own));
        let told = one.get("config").cloned().into_iter().collect();
        let neighbour = Neighbour { what, kind, at, told };
        match number < index {
            true => around.before.push(neighbour),
            false => around.behind.push(neighbour),
        }
    }
    around
}

/// Whether a route has both: policies for one target, or for a Gateway and a route of it.
fn is_shared(one: &Workload<'_>, other: &Workload<'_>, beside: &Beside) -> bool {
    let namespace = |one: &Workload<'_>| one.namespace.unwrap_or("default").to_owned();
    if namespace(one) != namespace(other) {
        return false;
    }
    let parents = |targets: &[&str]| -> Vec<String> {
        let routes = ["HTTPRoute", "GRPCRoute"].iter().flat_map(|kind| beside.of_kind(kind));
        let routes = routes.filter(|route| {
            route.text_at(&["metadata", "name"]).is_some_and(|name| targets.contains(&name))
        });
        let parents = routes.filter_map(|route| route.path(&["spec", "parentRefs"]));
        let names = parents.flat_map(Node::elements).filter_map(|one| one.text_at(&["name"]));
        names.map(str::to_owned).collect()
    };
    let meets = |one: &Workload<'_>, other: &Workload<'_>| {
        let parents = parents(&one.targets);
        other.targets.iter().any(|name| parents.iter().any(|parent| parent == name))
    };
    one.targets.iter().any(|target| other.targets.contains(target))
        || meets(one, other)
        || meets(other, one)
}

/// The filters around one that a patch of an EnvoyPatchPolicy adds, by its index: those that other
/// patches of the same list add.
pub(in crate::check) fn of_patches(
    own: &Node,
    index: usize,
    is_tollgate: &dyn Fn(&Node) -> bool,
) -> Around {
    let patches = own.path(&["spec", "jsonPatches"]).map(Node::elements).unwrap_or_default();
    let list = |patch: &Node| {
        let path = patch.text_at(&["operation", "path"])?;
        let (list, place) = path.rsplit_once('/')?;
        let place = if place == "-" { usize::MAX } else { place.parse().ok()? };
        let is_added = patch.text_at(&["operation", "op"]) == Some("add");
        let name = patch.text_at(&["name"]).unwrap_or_default();
        (is_added && list.ends_with("http_filters")).then(|| (format!("{name} {list}"), place))
    };
    let Some((wanted, _)) = patches.get(index).and_then(list) else { return Around::default() };
    // The n-th of a list is put before what was the n-th.
    let mut added: Vec<(usize, usize)> = Vec::new();
    for (number, patch) in patches.iter().enumerate() {
        let Some((_, place)) = list(patch).filter(|(list, _)| *list == wanted) else { continue };
        for (known, _) in &mut added {
            if *known >= place && place != usize::MAX {
                *known = known.saturating_add(1);
            }
        }
        added.push((place, number));
    }
    added.sort_by_key(|(place, _)| *place);
    let filter = |number: usize| patches.get(number)?.path(&["operation", "value"]);
    let own_place = added.iter().position(|(_, number)| *number == index).unwrap_or_default();
    let filters: Vec<_> = added.iter().filter_map(|(_, number)| filter(*number)).collect();
    Around { plane: Plane::Gateway, ..Around::of_filters(&filters, own_place, is_tollgate) }
}
