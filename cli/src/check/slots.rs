//! Where control planes put filters: the place that Istio and Envoy Gateway give Tollgate among what
//! their other resources make.

use std::cmp::Ordering;

use super::beside::Beside;
use super::chain::{Around, Kind, Neighbour};
use super::holder::Plane;
use crate::yaml::{Node, Place};

mod convert;
mod gateway;
mod workload;

pub(super) use gateway::{of_extension, of_patches};
use workload::{Workload, identity};

/// A filter's place in the chain that Istio makes.
struct Slot {
    place: i32,
    /// Which of those at one place comes first, where that is sure.
    order: i32,
    /// Within what `order` says so.
    within: String,
}

impl Slot {
    /// Whether this stands before the other, where that is sure.
    fn compare(&self, other: &Self) -> Option<Ordering> {
        match self.place.cmp(&other.place) {
            Ordering::Equal if self.within == other.within => {
                Some(self.order.cmp(&other.order)).filter(|order| order.is_ne())
            }
            Ordering::Equal => None,
            order => Some(order),
        }
    }
}

/// What is asked by `action: CUSTOM`; it comes first.
const CUSTOM: i32 = 0;
const AUTHN: i32 = 20;
const AUTHZ: i32 = 40;
const ROUTER: i32 = 90;

/// The slot of a WasmPlugin, by its phase.
fn of_plugin(plugin: &Node) -> Slot {
    let place = match plugin.text_at(&["spec", "phase"]) {
        Some("AUTHN") => 10,
        Some("AUTHZ") => 30,
        Some("STATS") => 50,
        _ => 60,
    };
    let priority = plugin.text_at(&["spec", "priority"]).and_then(|text| text.parse::<i32>().ok());
    // The larger comes first.
    let order = priority.unwrap_or_default().saturating_neg();
    Slot { place, order, within: "WasmPlugin".to_owned() }
}

/// The slot of an EnvoyFilter's patch, where it adds a filter at a place that is known.
fn of_patch(resource: &Node, patch: &Node, index: usize) -> Option<Slot> {
    let index = i32::try_from(index).ok()?;
    let filter = ["match", "listener", "filterChain", "filter", "subFilter", "name"];
    let place = match patch.text_at(&filter) {
        Some("envoy.filters.http.ext_authz") => Some(CUSTOM),
        Some("envoy.filters.http.jwt_authn" | "istio_authn") => Some(AUTHN),
        Some("envoy.filters.http.rbac") => Some(AUTHZ),
        Some("envoy.filters.http.router") => Some(ROUTER),
        Some("envoy.filters.http.fault" | "envoy.filters.http.cors" | "istio.stats") => Some(80),
        _ => None,
    };
    let (place, order) = match patch.text_at(&["patch", "operation"])? {
        // What is put first, or behind the same filter, comes before what was put there earlier.
        "INSERT_FIRST" => (-10, index.saturating_neg()),
        "INSERT_AFTER" => (place?.saturating_add(1), index.saturating_neg()),
        "INSERT_BEFORE" => (place?.saturating_sub(1), index),
        _ => return None,
    };
    Some(Slot { place, order, within: identity(resource) })
}

fn patches(resource: &Node) -> impl Iterator<Item = (usize, &Node)> {
    let patches = resource.path(&["spec", "configPatches"]).map(Node::elements).unwrap_or_default();
    let is_filter =
        |(_, patch): &(usize, &Node)| patch.text_at(&["applyTo"]) == Some("HTTP_FILTER");
    patches.iter().enumerate().filter(is_filter)
}

/// The filters around a WasmPlugin, or around a patch of an EnvoyFilter, by its index.
pub(super) fn of_istio(
    own: &Node,
    patch: Option<usize>,
    at: Place,
    beside: &Beside,
    is_tollgate: &dyn Fn(&Node) -> bool,
) -> Around {
    let mut around = Around { plane: Plane::Istio, ..Around::default() };
    let slot = match patch {
        None => Some(of_plugin(own)),
        Some(index) => patches(own)
            .find(|(known, _)| *known == index)
            .and_then(|(_, patch)| of_patch(own, patch, index)),
    };
    let Some(slot) = slot else { return around };
    let mut put = |other: &Slot, neighbour: Neighbour| match other.compare(&slot) {
        Some(Ordering::Less) => around.before.push(neighbour),
        Some(Ordering::Greater) => around.behind.push(neighbour),
        _ => {}
    };
    let workload = Workload::of(own);
    let meets = |resource: &&Node| workload.meets(&Workload::of(resource));
    let fixed = |place| Slot { place, order: 0, within: "Istio".to_owned() };
    for resource in beside.of_kind("RequestAuthentication").filter(meets) {
        let told = vec![convert::request_authentication(resource)];
        let neighbour = Neighbour { what: identity(resource), kind: Kind::Jwt, at, told };
        put(&fixed(AUTHN), neighbour);
    }
    for resource in beside.of_kind("AuthorizationPolicy").filter(meets) {
        let asks = resource.text_at(&["spec", "action"]) == Some("CUSTOM");
        let told = resource.get("spec").cloned().into_iter().collect();
        let neighbour = Neighbour { what: identity(resource), kind: Kind::Other, at, told };
        put(&fixed(if asks { CUSTOM } else { AUTHZ }), neighbour);
    }
    for resource in beside.of_kind("WasmPlugin").filter(meets) {
        if patch.is_none() && identity(resource) == identity(own) {
            continue;
        }
        let kind = if is_tollgate(resource) { Kind::Tollgate } else { Kind::Other };
        let told = resource.path(&["spec", "pluginConfig"]).cloned().into_iter().collect();
        let neighbour = Neighbour { what: identity(resource), kind, at, told };
        put(&of_plugin(resource), neighbour);
    }
    for resource in beside.of_kind("EnvoyFilter").filter(meets) {
        for (index, found) in patches(resource) {
            let is_own = patch == Some(index) && identity(resource) == identity(own);
            let value = found.path(&["patch", "value"]).filter(|_| !is_own);
            let filter = value.and_then(|value| Some((value, of_patch(resource, found, index)?)));
            let Some((value, other)) = filter else { continue };
            let Some(mut neighbour) = Around::default().neighbour(value, is_tollgate) else {
                continue;
            };
            neighbour.what = format!("{} of {}", neighbour.what, identity(resource));
            neighbour.at = at;
            put(&other, neighbour);
        }
    }
    around
}
