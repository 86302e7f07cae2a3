//! What other filters find before and behind Tollgate, in the real Envoy: why `tollgate check` speaks
//! of their order.

use super::harness::{Envoy, Request, eventually, fetch, free_port, places};

/// The example of RBAC, with this in place of its filters.
fn proxy(name: &str, filters: impl Fn(&str) -> String) -> (Envoy, u16) {
    let file = places::project().join("examples/envoy/rbac.yaml");
    let yaml = std::fs::read_to_string(file).expect("the example");
    let port = free_port();
    let module = places::wasm();
    let yaml = yaml
        .replace("port_value: 10000", &format!("port_value: {port}"))
        .replace("target/wasm32-wasip1/release/tollgate.wasm", module.to_str().expect("UTF-8"));
    let (start, end) = (
        yaml.find("                  - name: tollgate\n").expect("Tollgate"),
        yaml.find("                  # Behind Tollgate.").expect("what is behind it"),
    );
    let router =
        yaml.find("                  - name: envoy.filters.http.router").expect("a router");
    let tollgate = &yaml[start..end];
    // What a ServiceEntry without `resolution` makes.
    let cluster = "\n  clusters:\n    - name: origin\n      type: ORIGINAL_DST\n      lb_policy: CLUSTER_PROVIDED\n";
    let yaml = format!("{}{}{}{cluster}", &yaml[..start], filters(tollgate), &yaml[router..]);
    (Envoy::with_bootstrap(&format!("order-{name}"), &yaml), port)
}

fn status(port: u16, headers: &[(&str, &str)]) -> u16 {
    let mut request = Request::get("/orders");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    fetch(port, &request).status()
}

fn rbac(action: &str, principal: &str) -> String {
    format!(
        "                  - name: envoy.filters.http.rbac
                    typed_config:
                      \"@type\": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
                      rules:
                        action: {action}
                        policies: {{ it: {{ permissions: [{{ any: true }}], principals: [{principal}] }} }}
"
    )
}

#[test]
fn a_rule_by_the_identity_refuses_behind_tollgate_and_lets_everybody_pass_before_it() {
    let rule = rbac(
        "DENY",
        "{ filter_state: { key: wasm.tollgate.identity, string_match: { exact: bob } } }",
    );
    let bob = [("x-api-key", "bob-key")];
    let (_before, port) = proxy("before", |tollgate| format!("{rule}{tollgate}"));
    assert_eq!(status(port, &bob), 200);
    let (_behind, port) = proxy("behind", |tollgate| format!("{tollgate}{rule}"));
    assert_eq!(status(port, &bob), 403);
    assert_eq!(status(port, &[("x-api-key", "alice-key")]), 200);
}

#[test]
fn a_rule_by_the_header_goes_by_what_the_client_wrote_before_tollgate() {
    let rule =
        rbac("ALLOW", "{ header: { name: x-tollgate-identity, string_match: { exact: alice } } }");
    let forged = [("x-api-key", "bob-key"), ("x-tollgate-identity", "alice")];
    let (_before, port) = proxy("header-before", |tollgate| format!("{rule}{tollgate}"));
    assert_eq!(status(port, &forged), 200);
    let (_behind, port) = proxy("header-behind", |tollgate| format!("{tollgate}{rule}"));
    assert_eq!(status(port, &forged), 403);
    assert_eq!(status(port, &[("x-api-key", "alice-key")]), 200);
}

#[test]
fn a_filter_behind_finds_the_credential_only_where_it_is_kept() {
    let keys = "                  - name: envoy.filters.http.api_key_auth
                    typed_config:
                      \"@type\": type.googleapis.com/envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth
                      credentials: [{ client: bob, key: bob-key }]
                      key_sources: [{ header: x-api-key }]
";
    let bob = [("x-api-key", "bob-key")];
    let (_stripped, port) = proxy("stripped", |tollgate| format!("{tollgate}{keys}"));
    assert_eq!(status(port, &bob), 401);
    let keep = |tollgate: &str| {
        tollgate.replace(
            "\"kind\": \"api_key\",",
            "\"kind\": \"api_key\", \"upstream\": {\"credential\": \"keep\"},",
        )
    };
    let (_kept, port) = proxy("kept", |tollgate| format!("{}{keys}", keep(tollgate)));
    assert_eq!(status(port, &bob), 200);
}

#[test]
fn a_cluster_that_goes_where_the_client_went_leads_a_filters_call_nowhere() {
    let (envoy, _) = proxy("nowhere", |tollgate| {
        let start = tollgate.find("\"partner\": {").expect("a provider");
        let okta = "\"okta\": { \"issuer\": \"https://idp.example\", \"audiences\": [\"api\"], \
                    \"jwks\": { \"url\": \"http://idp.example/keys\", \"cluster\": \"origin\" } } } }\n";
        format!("{}{okta}", &tollgate[..start])
    });
    eventually("a fetch that fails", || {
        let log = envoy.log();
        log.contains("keys_fetch_failed")
            && log.contains("No downstream connection or no original_dst")
    });
}
