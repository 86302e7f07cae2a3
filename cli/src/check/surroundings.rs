//! What is risky about what holds a configuration: the filter, its place in the chain, the
//! connection manager.

use super::code::FileCode;
use super::form::typed;
use super::holder::{Chain, Json};
use super::report::{Remark, Severity};
use super::windows;
use crate::yaml::Node;

const CORS: &str = "envoy.extensions.filters.http.cors.v3.Cors";
const ROUTER: &str = "envoy.extensions.filters.http.router.v3.Router";

const FAIL_OPEN: &str = "after a fault in the filter requests pass unchecked: never right for what \
                         keeps callers out";
const NO_VM_ID: &str = "plugins without an id share one store, and whoever shares it is trusted \
                        with keys and sessions";

/// Whether one of a file's resources makes several proxies.
pub(super) fn several_proxies(documents: &[Node]) -> bool {
    let items =
        |document: &Node| document.get("items").map(Node::elements).unwrap_or_default().to_vec();
    documents.iter().any(|one| is_several(one) || items(one).iter().any(is_several))
}

fn is_several(resource: &Node) -> bool {
    let above_one = |names: &[&str]| {
        let count = resource.text_at(names).and_then(|count| count.parse::<u32>().ok());
        count.is_some_and(|count| count > 1)
    };
    match resource.text_at(&["kind"]) {
        Some("Deployment" | "StatefulSet") => {
            above_one(&["spec", "replicas"]) && is_proxy(resource)
        }
        Some("DaemonSet") => is_proxy(resource),
        Some("EnvoyProxy") => {
            let at = |name, member| ["spec", "provider", "kubernetes", name, member];
            resource.path(&["spec", "provider", "kubernetes", "envoyDaemonSet"]).is_some()
                || above_one(&at("envoyDeployment", "replicas"))
                || above_one(&at("envoyHpa", "maxReplicas"))
        }
        _ => false,
    }
}

/// Whether a workload's pods are proxies, by the names of their images; Istio fills in `auto`.
pub(super) fn is_proxy(workload: &Node) -> bool {
    let containers = workload.path(&["spec", "template", "spec", "containers"]);
    let images = containers.map(Node::elements).unwrap_or_default();
    images.iter().filter_map(|one| one.text_at(&["image"])).any(|image| {
        let name = image.rsplit('/').next().unwrap_or_default();
        name == "auto" || name.contains("envoy") || name.contains("proxyv2")
    })
}

/// An Envoy filter and its place; whether the file shows which address the proxy takes for a client's.
pub(super) fn envoy(
    config: &Node,
    chain: Option<Chain<'_>>,
    json: Option<&Json>,
    remarks: &mut Vec<Remark>,
) -> bool {
    let mut warn = |code, node: &Node, field: &str, message: &str| {
        remarks.push(Remark::new(Severity::Warning, code, node.at, field, message));
    };
    let policy = config.get("failure_policy");
    let open = config.get("fail_open").filter(|open| open.is_true());
    match (policy, policy.and_then(Node::text), open) {
        (Some(node), Some("FAIL_OPEN" | "3"), _) => {
            let message = format!("{FAIL_OPEN}; write FAIL_RELOAD");
            warn(FileCode::FailOpen, node, "failure_policy", &message);
        }
        (None, _, Some(node)) => {
            let message =
                format!("{FAIL_OPEN}; delete it, and write `failure_policy: FAIL_RELOAD`");
            warn(FileCode::FailOpen, node, "fail_open", &message);
        }
        (Some(_), Some("FAIL_RELOAD" | "1"), _) => {}
        (node, ..) => warn(
            FileCode::FailReloadMissing,
            node.unwrap_or(config),
            "failure_policy",
            "after a fault in the filter every request is answered with 503 until Envoy restarts; \
             write FAIL_RELOAD",
        ),
    }
    let vm_id = config.path(&["vm_config", "vm_id"]);
    if vm_id.and_then(Node::text).is_none_or(str::is_empty) {
        let at = vm_id.or(config.get("vm_config")).unwrap_or(config);
        let message = format!("empty: {NO_VM_ID}; give it a name of its own");
        warn(FileCode::VmIdEmpty, at, "vm_config.vm_id", &message);
    }
    if let Some(chain) = chain {
        order(chain, json, remarks);
        // A part of a file may show the filters alone.
        if ["@type", "stat_prefix", "route_config", "rds", "normalize_path"]
            .iter()
            .any(|name| chain.manager.get(name).is_some())
        {
            paths(chain.manager, json, remarks);
            addresses(chain.manager, json, remarks);
            windows::check(chain.manager, remarks);
            return true;
        }
    }
    false
}

/// Whose word the address is by which limits count.
fn addresses(manager: &Node, json: Option<&Json>, remarks: &mut Vec<Remark>) {
    let field = "use_remote_address";
    let own = manager.get(field);
    let detected = manager.get("original_ip_detection_extensions").map(Node::elements);
    if own.is_some_and(Node::is_true) || detected.is_some_and(|list| !list.is_empty()) {
        return;
    }
    let Some(what) = json.and_then(counted_by_address) else { return };
    let message = format!(
        "not true: the client's address is whatever the client writes into `x-forwarded-for`, and \
         {what} counts by it; write true, and `xff_num_trusted_hops` for the proxies in front, or \
         name `original_ip_detection_extensions`"
    );
    let (severity, code) = (Severity::Problem, FileCode::AddressFromClient);
    remarks.push(Remark::new(severity, code, own.unwrap_or(manager).at, field, message));
}

/// The first limit that counts by address, in words.
fn counted_by_address(json: &Json) -> Option<String> {
    let tree = json.tree.as_ref()?;
    let policies = tree.get("policies").map(Node::members).unwrap_or_default();
    let policy = policies.iter().find(|one| one.node.text_at(&["limit_by"]) == Some("address"));
    if let Some(policy) = policy {
        return Some(format!("the policy `{}` (`limit_by`)", policy.name));
    }
    let nameless = |api: &&Node| {
        let strangers = api.get("optional").is_some_and(Node::is_true);
        let is = |field: &str, word: &str| api.text_at(&[field]) == Some(word);
        strangers || is("auth", "none") || is("cors_preflight", "pass")
    };
    let mut apis = tree.get("apis").map(Node::elements).unwrap_or_default().iter();
    let api = apis.find(|api| {
        api.path(&["rate", "per_caller"]).is_some_and(Node::is_true) && nameless(api)
    })?;
    Some(format!("the API `{}` (`per_caller`)", api.text_at(&["name"]).unwrap_or_default()))
}

/// Tollgate's place among the filters.
fn order(chain: Chain<'_>, json: Option<&Json>, remarks: &mut Vec<Remark>) {
    let filters = chain.manager.get("http_filters").map(Node::elements).unwrap_or_default();
    let place = |name: &str, type_url: &str| {
        filters.iter().position(|filter| {
            let typed = filter.get("typed_config").and_then(typed);
            filter.text_at(&["name"]) == Some(name)
                || typed.is_some_and(|(_, found)| found.ends_with(type_url))
        })
    };
    let Some(own) = filters.get(chain.index) else { return };
    if place("envoy.filters.http.router", ROUTER).is_some_and(|router| router < chain.index) {
        remarks.push(Remark::new(
            Severity::Problem,
            FileCode::FilterBehindRouter,
            own.at,
            "http_filters",
            "behind the router, where no request comes: put it before",
        ));
    }
    let cors = place("envoy.filters.http.cors", CORS);
    if json.is_some_and(has_resource) && !exposes_challenges(chain.manager, cors, chain.index) {
        remarks.push(Remark::new(
            Severity::Warning,
            FileCode::CorsUnexposed,
            own.at,
            "http_filters",
            "an API has a `resource`, and scripts of other pages see neither its refusals nor where \
             tokens come from: put `cors` before, and \"WWW-Authenticate\" into its `expose_headers`; \
             clients that are no browsers do not mind",
        ));
    }
    let cors = cors.filter(|cors| *cors > chain.index);
    if cors.is_some() && !passes_preflights(json) {
        remarks.push(Remark::new(
            Severity::Warning,
            FileCode::CorsBehind,
            own.at,
            "http_filters",
            "before `cors`: preflights, which carry no token, are refused before it can answer \
             them, and refusals have no CORS headers; put `cors` first, or say \
             \"cors_preflight\": \"pass\" at the APIs",
        ));
    }
}

/// Whether any API is a resource.
fn has_resource(json: &Json) -> bool {
    let apis = json.tree.as_ref().and_then(|tree| tree.get("apis"));
    apis.map(Node::elements).unwrap_or_default().iter().any(|api| api.get("resource").is_some())
}

/// Whether `cors` comes first and lets scripts read challenges, as far as the file shows its routes.
fn exposes_challenges(manager: &Node, cors: Option<usize>, own: usize) -> bool {
    let is_elsewhere = manager.get("rds").is_some() || manager.get("scoped_routes").is_some();
    cors.is_some_and(|cors| cors < own) && (is_elsewhere || exposes(manager))
}

fn exposes(node: &Node) -> bool {
    let has_it = |text: &str| {
        text.split(',').any(|name| name.trim().eq_ignore_ascii_case("www-authenticate"))
    };
    let is_here = node.text_at(&["expose_headers"]).is_some_and(has_it);
    is_here
        || node.members().iter().any(|member| exposes(&member.node))
        || node.elements().iter().any(exposes)
}

/// Whether every API that asks for a credential lets preflights pass.
fn passes_preflights(json: Option<&Json>) -> bool {
    let Some(apis) = json.and_then(|json| json.tree.as_ref()?.get("apis")) else { return false };
    apis.elements().iter().all(|api| {
        api.text_at(&["cors_preflight"]) == Some("pass") || api.text_at(&["auth"]) == Some("none")
    })
}

/// What the connection manager makes of paths before any filter sees them.
fn paths(manager: &Node, json: Option<&Json>, remarks: &mut Vec<Remark>) {
    let mut say = |code, field: &str, message: &str| {
        let at = manager.get(field).unwrap_or(manager).at;
        remarks.push(Remark::new(Severity::Warning, code, at, field, message));
    };
    let action = manager.text_at(&["path_with_escaped_slashes_action"]);
    let takes_slashes = json.and_then(api_that_takes_slashes);
    if let Some(api) =
        takes_slashes.as_ref().filter(|_| !matches!(action, Some("KEEP_UNCHANGED" | "1")))
    {
        let message = format!(
            "the API `{api}` has \"encoded_slash\": \"segment\", and the proxy may not let `%2F` \
             through to it; write KEEP_UNCHANGED"
        );
        say(FileCode::EncodedSlashLost, "path_with_escaped_slashes_action", &message);
    }
    let mut warn = |field: &str, message: &str| say(FileCode::PathUnnormalized, field, message);
    if !manager.get("normalize_path").is_some_and(Node::is_true) {
        warn(
            "normalize_path",
            "not set: `/a/../b` reaches filters, routes and upstream as it is, who may read it \
             differently; write true",
        );
    }
    if !manager.get("merge_slashes").is_some_and(Node::is_true) {
        warn("merge_slashes", "not set: `//` may be read differently behind the proxy; write true");
    }
    if takes_slashes.is_none()
        && !matches!(
            action,
            Some(
                "REJECT_REQUEST"
                    | "UNESCAPE_AND_REDIRECT"
                    | "UNESCAPE_AND_FORWARD"
                    | "2"
                    | "3"
                    | "4"
            )
        )
    {
        warn(
            "path_with_escaped_slashes_action",
            "not set: `%2F` may be read differently behind the proxy; write \
             UNESCAPE_AND_REDIRECT or REJECT_REQUEST",
        );
    }
}

/// The first API that takes encoded slashes.
fn api_that_takes_slashes(json: &Json) -> Option<String> {
    let apis = json.tree.as_ref()?.get("apis")?.elements();
    let api = apis.iter().find(|api| api.text_at(&["encoded_slash"]) == Some("segment"))?;
    Some(api.text_at(&["name"]).unwrap_or_default().to_owned())
}

/// The `spec` of an Istio `WasmPlugin`.
pub(super) fn istio(spec: &Node, remarks: &mut Vec<Remark>) {
    let strategy = spec.get("failStrategy");
    let (code, message) = match strategy.and_then(Node::text) {
        Some("FAIL_RELOAD") => (None, String::new()),
        Some("FAIL_OPEN") => (
            Some(FileCode::FailOpen),
            format!("{FAIL_OPEN}; write FAIL_RELOAD, before Istio 1.27 FAIL_CLOSE"),
        ),
        _ => (
            Some(FileCode::FailReloadMissing),
            "after a fault in the filter every request is answered with 503 until the proxy \
             restarts; write FAIL_RELOAD, which there is from Istio 1.27 on"
                .to_owned(),
        ),
    };
    if let Some(code) = code {
        let at = strategy.unwrap_or(spec).at;
        let field = "spec.failStrategy";
        remarks.push(Remark::new(Severity::Warning, code, at, field, message));
    }
    // Nothing in the resource can change it.
    let message = format!("a WasmPlugin cannot name a `vm_id`: {NO_VM_ID}, in the same proxy");
    remarks.push(Remark::new(Severity::Note, FileCode::VmIdEmpty, spec.at, "spec", message));
}

/// One of `spec.wasm` of an Envoy Gateway `EnvoyExtensionPolicy`.
pub(super) fn gateway(wasm: &Node, remarks: &mut Vec<Remark>) {
    if let Some(open) = wasm.get("failOpen").filter(|open| open.is_true()) {
        let message = format!("{FAIL_OPEN}; write false");
        let code = FileCode::FailOpen;
        remarks.push(Remark::new(Severity::Warning, code, open.at, "failOpen", message));
    }
}
