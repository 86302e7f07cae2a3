//! Mistakes around the filter, in Envoy's own file: `tollgate check` tells them, and the remedy,
//! applied, silences it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tollgate_cli::Exit;

use crate::command::{self, check_envoy, envoy};
use crate::scene;

/// One mistake.
struct Case {
    id: &'static str,
    did: &'static str,
    wrong: fn(&mut Value),
    code: &'static str,
    /// Whether it is only warned about.
    warned: bool,
    remedy: &'static str,
    right: fn(&mut Value),
}

/// The filters of the one connection manager.
fn filters(envoy: &mut Value) -> &mut Vec<Value> {
    let filters =
        "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";
    envoy.pointer_mut(filters).and_then(Value::as_array_mut).expect("filters")
}

fn filter(name: &str, message: &str, config: Value) -> Value {
    let mut config = config;
    config["@type"] = json!(format!("type.googleapis.com/envoy.extensions.filters.http.{message}"));
    json!({ "name": format!("envoy.filters.http.{name}"), "typed_config": config })
}

/// A rule by the identity.
fn rule() -> Value {
    let bob = json!({ "filter_state": { "key": "wasm.tollgate.identity", "string_match": { "exact": "bob" } } });
    let policy = json!({ "permissions": [{ "any": true }], "principals": [bob] });
    filter(
        "rbac",
        "rbac.v3.RBAC",
        json!({ "rules": { "action": "DENY", "policies": { "a": policy } } }),
    )
}

/// Envoy's own check of the same tokens.
fn native() -> Value {
    let provider = json!({ "issuer": "https://example.okta.com/oauth2/default" });
    let rules = json!([{ "match": { "prefix": "/" }, "requires": { "provider_name": "okta" } }]);
    filter(
        "jwt_authn",
        "jwt_authn.v3.JwtAuthentication",
        json!({ "providers": { "okta": provider }, "rules": rules }),
    )
}

/// Puts what stands first behind the rest.
fn last(envoy: &mut Value) {
    filters(envoy).rotate_left(1);
}

/// The configuration of the one filter, changed.
fn configuration(envoy: &mut Value, change: impl FnOnce(&mut Value)) {
    let value = &mut filters(envoy)[0]["typed_config"]["config"]["configuration"]["value"];
    let mut config = serde_json::from_str(value.as_str().expect("a text")).expect("JSON");
    change(&mut config);
    *value = json!(config.to_string());
}

/// The connection manager.
fn manager(envoy: &mut Value) -> &mut Value {
    let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
    envoy.pointer_mut(manager).expect("a manager")
}

const CASES: [Case; 9] = [
    Case {
        id: "A01",
        did: "Put a rule by the identity before Tollgate.",
        wrong: |envoy| filters(envoy).insert(0, rule()),
        code: "filter_too_early",
        warned: false,
        remedy: "Put it behind.",
        right: last,
    },
    Case {
        id: "A02",
        did: "Let Envoy's own check of the same tokens stand before Tollgate, and remove them.",
        wrong: |envoy| filters(envoy).insert(0, native()),
        code: "credential_consumed",
        warned: false,
        remedy: "Write `forward: true` at its provider.",
        right: |envoy| {
            filters(envoy)[0]["typed_config"]["providers"]["okta"]["forward"] = json!(true)
        },
    },
    Case {
        id: "A03",
        did: "Put a filter behind Tollgate that reads the token.",
        wrong: |envoy| filters(envoy).push(native()),
        code: "credential_stripped",
        warned: true,
        remedy: "Say `\"credential\": \"keep\"` at the provider.",
        right: |envoy| {
            configuration(envoy, |config| {
                config["providers"]["okta"]["upstream"] = json!({ "credential": "keep" });
            });
        },
    },
    Case {
        id: "A04",
        did: "Put the sign-in behind Tollgate.",
        wrong: |envoy| {
            filters(envoy).push(filter(
                "oauth2",
                "oauth2.v3.OAuth2",
                json!({ "config": { "forward_bearer_token": true } }),
            ));
        },
        code: "login_behind",
        warned: true,
        remedy: "Put it before.",
        right: last,
    },
    Case {
        id: "A05",
        did: "Let clients choose by a header a route on which Tollgate is off.",
        wrong: |envoy| {
            let manager = manager(envoy);
            let by_header =
                json!([{ "name": "x-tollgate-identity", "string_match": { "exact": "probe" } }]);
            let off = json!({ "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": true });
            let route = json!({
                "match": { "prefix": "/", "headers": by_header },
                "direct_response": { "status": 200 },
                "typed_per_filter_config": { "tollgate": off },
            });
            manager["route_config"] =
                json!({ "virtual_hosts": [{ "name": "a", "domains": ["*"], "routes": [route] }] });
        },
        code: "route_chosen_by_client",
        warned: false,
        remedy: "Choose the route by its path.",
        right: |envoy| {
            let route = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/route_config/virtual_hosts/0/routes/0/match";
            *envoy.pointer_mut(route).expect("a route") = json!({ "path": "/healthz" });
        },
    },
    Case {
        id: "A06",
        did: "Misspelt a cluster in a bootstrap that gets none from elsewhere.",
        wrong: |envoy| envoy["static_resources"]["clusters"][0]["name"] = json!("otka"),
        code: "cluster_missing",
        warned: false,
        remedy: "Write the name that was meant.",
        right: |envoy| envoy["static_resources"]["clusters"][0]["name"] = json!("okta"),
    },
    Case {
        id: "A07",
        did: "Counted callers by address where the proxy takes the client's word for it.",
        wrong: |envoy| {
            configuration(envoy, |config| {
                config["policies"]["reader"]["rate"] = json!({ "requests": 9, "per": "1s" });
                config["policies"]["reader"]["limit_by"] = json!("address");
                config["apis"][0]["policies"] = json!({ "default": ["reader"] });
            });
        },
        code: "address_from_client",
        warned: false,
        remedy: "Write `use_remote_address: true`.",
        right: |envoy| manager(envoy)["use_remote_address"] = json!(true),
    },
    Case {
        id: "A08",
        did: "Gave each caller of a public API a rate where the proxy takes the client's word.",
        wrong: |envoy| {
            manager(envoy)["use_remote_address"] = json!(false);
            configuration(envoy, |config| {
                let rate = json!({ "requests": 9, "per": "1s", "per_caller": true });
                let public = json!({
                    "name": "site", "match": { "paths": ["/site"] }, "auth": "none", "rate": rate,
                });
                config["apis"].as_array_mut().expect("a list").push(public);
            });
        },
        code: "address_from_client",
        warned: false,
        remedy: "Write `use_remote_address: true`.",
        right: |envoy| manager(envoy)["use_remote_address"] = json!(true),
    },
    Case {
        id: "A09",
        did: "Made an API a resource, and let scripts see nothing of its refusals.",
        wrong: |envoy| {
            configuration(envoy, |config| {
                config["apis"][0]["resource"] = json!({ "url": "https://api.example.com/orders" });
                config["providers"]["okta"]["audiences"] =
                    json!(["https://api.example.com/orders"]);
            });
        },
        code: "cors_unexposed",
        warned: true,
        remedy: "Put `cors` before, with `WWW-Authenticate` in `expose_headers`.",
        right: |envoy| {
            filters(envoy).insert(0, filter("cors", "cors.v3.Cors", json!({})));
            let policy = json!({
                "@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy",
                "allow_origin_string_match": [{ "exact": "https://app.example.com" }],
                "expose_headers": "x-request-id, WWW-Authenticate",
            });
            manager(envoy)["route_config"] = json!({ "virtual_hosts": [{
                "name": "a", "domains": ["*"],
                "routes": [{ "match": { "prefix": "/" }, "direct_response": { "status": 200 } }],
                "typed_per_filter_config": { "envoy.filters.http.cors": policy },
            }] });
        },
    },
];

#[test]
fn what_is_wrong_around_the_filter_is_told_and_the_remedy_helps() {
    for case in CASES {
        let id = case.id;
        let mut file = envoy(&scene::right());
        let (_, said) = check_envoy(id, &file);
        assert!(!said.contains(case.code), "{id}, before the mistake: {said}");
        (case.wrong)(&mut file);
        let (exit, said) = check_envoy(id, &file);
        assert!(said.contains(&format!("[{}]", case.code)), "{id}: {said}");
        assert_eq!(exit, if case.warned { Exit::Fine } else { Exit::Problems }, "{id}: {said}");
        (case.right)(&mut file);
        let (exit, said) = check_envoy(id, &file);
        assert!(!said.contains(case.code), "{id}, with the remedy: {said}");
        assert_eq!(exit, Exit::Fine, "{id}, with the remedy: {said}");
    }
}

/// Records what is said of each mistake.
pub(crate) fn record() {
    for case in CASES {
        let mut file = envoy(&scene::right());
        (case.wrong)(&mut file);
        command::record(case.id, "envoy.json", &file.to_string());
    }
}

#[test]
fn the_document_has_a_row_for_each_mistake_around_the_filter() {
    let rows: String = CASES
        .iter()
        .map(|case| {
            let kind = if case.warned { "a warning" } else { "a problem" };
            format!("| {} | {} | {kind}, `{}` | {} |\n", case.id, case.did, case.code, case.remedy)
        })
        .collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/misconfigurations.md");
    let text = fs::read_to_string(&path).expect("docs/misconfigurations.md");
    let (_, table) = text.split_once("\n|---|---|---|---|\n").expect("a second table");
    let table: String = table
        .lines()
        .take_while(|line| line.starts_with('|'))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(table, rows, "write these rows into the second table:\n{rows}");
}
