//! The order that control planes give filters: what Istio's and Envoy Gateway's resources put before
//! and behind Tollgate.

use tollgate_cli::Exit;

use super::{OKTA, check};

/// What is said of the order: codes, each once.
fn said(file: &str) -> Vec<String> {
    let run = check(&["-"], file);
    assert!(run.err.is_empty(), "{file}\n{}", run.err);
    let order = [
        "filter_too_early",
        "credential_consumed",
        "credential_stripped",
        "login_behind",
        "answer_unseen",
    ];
    let codes = run.codes();
    let found: Vec<_> =
        codes.iter().filter_map(|code| Some(code.split_once(' ')?.1.to_owned())).collect();
    let found: Vec<_> = found.into_iter().filter(|code| order.contains(&code.as_str())).collect();
    let is_problem = found.iter().any(|code| order[..2].contains(&code.as_str()));
    let expected = if is_problem { Exit::Problems } else { Exit::Fine };
    assert_eq!(run.exit, expected, "{file}\n{}", run.out);
    found
}

fn plugin(spec: &str) -> String {
    format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{ name: tollgate, namespace: a }}\nspec:\n  failStrategy: FAIL_RELOAD\n{spec}\n  pluginConfig: {{ providers: {{ okta: {OKTA} }} }}\n"
    )
}

fn authentication(members: &str) -> String {
    format!(
        "---\napiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {{ name: jwt, namespace: a }}\nspec: {{ jwtRules: [{{ issuer: \"https://okta.example\" {members} }}] }}\n"
    )
}

fn authorization(spec: &str) -> String {
    format!(
        "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{ name: rules, namespace: a }}\nspec: {{ {spec} }}\n"
    )
}

fn patch(operation: &str, of: &str, value: &str) -> String {
    let of = match of {
        "" => String::new(),
        of => format!(
            "match: {{ listener: {{ filterChain: {{ filter: {{ subFilter: {{ name: {of} }} }} }} }} }}, "
        ),
    };
    format!("{{ applyTo: HTTP_FILTER, {of}patch: {{ operation: {operation}, value: {value} }} }}")
}

fn envoy_filter(patches: &[String]) -> String {
    format!(
        "---\napiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {{ name: filters, namespace: a }}\nspec: {{ configPatches: [{}] }}\n",
        patches.join(", ")
    )
}

const LUA: &str = "{ name: script, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, inline_code: \"function envoy_on_request(h) h:headers():get('x-tollgate-identity') end\" } }";
const BY_HEADER: &str =
    "rules: [{ when: [{ key: \"request.headers[x-tollgate-identity]\", values: [bob] }] }]";

#[test]
fn a_wasm_plugin_stands_where_its_phase_puts_it() {
    let router = "envoy.filters.http.router";
    let keep = |file: String| file.replace("}}", "}, \"upstream\": {\"credential\": \"keep\"}}");
    let by_header = || authorization(BY_HEADER);
    let none: &[&str] = &[];
    let cases: Vec<(&str, String, &[&str])> = vec![
        ("rules by the identity, before them", plugin("  phase: AUTHN") + &by_header(), none),
        ("rules by the identity, still before", plugin("  phase: AUTHZ") + &by_header(), none),
        (
            "rules by the identity, behind them",
            plugin("  phase: STATS") + &by_header(),
            &["filter_too_early"],
        ),
        (
            "rules by the identity, without a phase",
            plugin("") + &by_header(),
            &["filter_too_early"],
        ),
        (
            "a service that is asked comes first",
            plugin("  phase: AUTHN")
                + &authorization(&format!("action: CUSTOM, provider: {{ name: a }}, {BY_HEADER}")),
            &["filter_too_early"],
        ),
        (
            "other rules",
            plugin("") + &authorization("rules: [{ to: [{ operation: { methods: [GET] } }] }]"),
            none,
        ),
        (
            "whoever brings the header is refused",
            plugin("")
                + &authorization(
                    "action: DENY, rules: [{ when: [{ key: \"request.headers[x-tollgate-identity]\", values: [\"*\"] }] }]",
                ),
            none,
        ),
        (
            "rules by the identity in another namespace",
            plugin("") + &by_header().replace("namespace: a", "namespace: b"),
            none,
        ),
        (
            "rules for all namespaces",
            plugin("") + &by_header().replace("namespace: a", "namespace: istio-system"),
            &["filter_too_early"],
        ),
        (
            "rules for another workload",
            plugin("  selector: { matchLabels: { app: a } }")
                + &authorization(&format!(
                    "selector: {{ matchLabels: {{ app: b }} }}, {BY_HEADER}"
                )),
            none,
        ),
        (
            "rules for the same workload",
            plugin("  selector: { matchLabels: { app: a } }")
                + &authorization(&format!(
                    "selector: {{ matchLabels: {{ app: a, v: x }} }}, {BY_HEADER}"
                )),
            &["filter_too_early"],
        ),
        (
            "rules for another gateway",
            plugin("  targetRefs: [{ kind: Gateway, name: x }]")
                + &authorization(&format!(
                    "targetRefs: [{{ kind: Gateway, name: y }}], {BY_HEADER}"
                )),
            none,
        ),
        // Istio's own check of tokens.
        (
            "tokens are gone",
            plugin("  phase: AUTHN") + &authentication(""),
            &["credential_stripped"],
        ),
        ("tokens are kept", keep(plugin("  phase: AUTHN")) + &authentication(""), none),
        (
            "tokens elsewhere",
            plugin("  phase: AUTHN") + &authentication(", fromHeaders: [{ name: x-token }]"),
            none,
        ),
        (
            "another namespace's",
            plugin("  phase: AUTHN") + &authentication("").replace("namespace: a", "namespace: b"),
            none,
        ),
        (
            "tokens are taken",
            plugin("  phase: AUTHZ") + &authentication(""),
            &["credential_consumed"],
        ),
        (
            "tokens are taken, without a phase",
            plugin("") + &authentication(""),
            &["credential_consumed"],
        ),
        ("tokens go on", plugin("") + &authentication(", forwardOriginalToken: true"), none),
        (
            "another's tokens are taken",
            plugin("") + &authentication("").replace("okta.example", "x.example"),
            none,
        ),
        // Other filters.
        (
            "a script first",
            plugin("  phase: AUTHN") + &envoy_filter(&[patch("INSERT_FIRST", "", LUA)]),
            &["filter_too_early"],
        ),
        (
            "a script before the router",
            plugin("") + &envoy_filter(&[patch("INSERT_BEFORE", router, LUA)]),
            none,
        ),
        (
            "a script before the rules",
            plugin("  phase: AUTHN")
                + &envoy_filter(&[patch("INSERT_BEFORE", "envoy.filters.http.rbac", LUA)]),
            none,
        ),
        (
            "a script before the rules, and Tollgate behind",
            plugin("") + &envoy_filter(&[patch("INSERT_BEFORE", "envoy.filters.http.rbac", LUA)]),
            &["filter_too_early"],
        ),
        (
            "a script at a place that is not known",
            plugin("") + &envoy_filter(&[patch("INSERT_BEFORE", "other", LUA)]),
            none,
        ),
    ];
    for (name, file, expected) in cases {
        assert_eq!(said(&file), expected, "{name}");
    }
    let other = |phase: &str, priority: &str| {
        format!(
            "---\nkind: WasmPlugin\nmetadata: {{ name: other, namespace: a }}\nspec: {{ phase: {phase}, priority: {priority}, pluginConfig: {{ header: x-tollgate-identity }} }}\n"
        )
    };
    assert_eq!(said(&(plugin("  phase: AUTHZ") + &other("AUTHN", "0"))), ["filter_too_early"]);
    assert_eq!(said(&(plugin("  phase: AUTHZ") + &other("AUTHZ", "9"))), ["filter_too_early"]);
    assert_eq!(said(&(plugin("  phase: AUTHZ") + &other("AUTHZ", "-9"))), none);
    assert_eq!(said(&(plugin("  phase: AUTHZ") + &other("STATS", "0"))), none);
}

#[test]
fn a_filter_that_a_patch_adds_stands_where_the_patch_puts_it() {
    let router = "envoy.filters.http.router";
    let tollgate = format!(
        "{{ name: tollgate, typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm, config: {{ failure_policy: FAIL_RELOAD, vm_config: {{ vm_id: a }}, configuration: {{ \"@type\": type.googleapis.com/google.protobuf.StringValue, value: '{{\"providers\": {{\"okta\": {OKTA}}}}}' }} }} }} }}"
    );
    let own = patch("INSERT_BEFORE", router, &tollgate);
    let first = patch("INSERT_FIRST", "", &tollgate);
    let none: &[&str] = &[];
    let early: &[&str] = &["filter_too_early"];
    let cases: Vec<(&str, Vec<String>, &[&str])> = vec![
        ("alone", vec![own.clone()], none),
        (
            "both before the router, Tollgate first",
            vec![own.clone(), patch("INSERT_BEFORE", router, LUA)],
            none,
        ),
        (
            "both before the router, Tollgate last",
            vec![patch("INSERT_BEFORE", router, LUA), own.clone()],
            early,
        ),
        ("the other first", vec![own, patch("INSERT_FIRST", "", LUA)], early),
        (
            "both first, Tollgate later, which is before",
            vec![patch("INSERT_FIRST", "", LUA), first.clone()],
            none,
        ),
        ("both first, the other later", vec![first, patch("INSERT_FIRST", "", LUA)], early),
    ];
    for (name, patches, expected) in cases {
        assert_eq!(said(&envoy_filter(&patches)), expected, "{name}");
    }
    let json = |patches: &[(&str, &str)]| {
        let patches = patches.iter().map(|(place, value)| {
            format!("{{ type: type.googleapis.com/envoy.config.listener.v3.Listener, name: default/eg/http, operation: {{ op: add, path: /default_filter_chain/filters/0/typed_config/http_filters/{place}, value: {value} }} }}")
        });
        format!(
            "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyPatchPolicy\nmetadata: {{ name: p }}\nspec: {{ jsonPatches: [{}] }}\n",
            patches.collect::<Vec<_>>().join(", ")
        )
    };
    let own = tollgate.as_str();
    assert_eq!(said(&json(&[("0", own), ("1", LUA)])), none);
    assert_eq!(said(&json(&[("0", LUA), ("1", own)])), early);
    assert_eq!(said(&json(&[("0", own), ("0", LUA)])), early);
    assert_eq!(said(&json(&[("0", LUA), ("0", own)])), none);
    assert_eq!(said(&json(&[("0", own), ("-", LUA)])), none);
}

#[test]
fn an_extension_of_envoy_gateway_stands_behind_its_own_checks() {
    let policy = |more: &str| {
        format!(
            "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyExtensionPolicy\nmetadata: {{ name: tollgate }}\nspec:\n  targetRefs: [{{ kind: Gateway, name: eg }}]\n{more}  wasm:\n    - name: tollgate\n      config: {{ providers: {{ okta: {OKTA} }} }}\n"
        )
    };
    let security = |spec: &str| {
        format!(
            "---\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: SecurityPolicy\nmetadata: {{ name: s }}\nspec: {{ targetRefs: [{{ kind: Gateway, name: eg }}], {spec} }}\n"
        )
    };
    let limits = "---\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: BackendTrafficPolicy\nmetadata: { name: b }\nspec: { targetRefs: [{ kind: Gateway, name: eg }], rateLimit: { type: Global, global: { rules: [{ clientSelectors: [{ headers: [{ name: x-tollgate-identity, type: Distinct }] }] }] } } }\n";
    let order = |name: &str, place: &str| {
        format!(
            "---\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyProxy\nspec: {{ filterOrder: [{{ name: envoy.filters.http.{name}, {place} }}] }}\n"
        )
    };
    let first = order("wasm", "before: envoy.filters.http.ext_authz");
    let asked = "extAuth: { headersToExtAuth: [x-tollgate-identity], grpc: { backendRefs: [] } }";
    let jwt = "jwt: { providers: [{ name: a, issuer: \"https://okta.example\" }] }";
    let elsewhere = "jwt: { providers: [{ name: a, issuer: \"https://okta.example\", extractFrom: { headers: [{ name: x-token }] } }] }";
    let rules = "authorization: { rules: [{ principal: { headers: [{ name: x-tollgate-identity, values: [bob] }] } }] }";
    let basic = "basicAuth: { users: { name: a } }";
    let keys = "apiKeyAuth: { extractFrom: [{ headers: [authorization] }] }";
    let oidc = "oidc: { provider: { issuer: \"https://okta.example\" } }";
    let lua = "  lua:\n    - { type: Inline, inline: \"function envoy_on_request(h) h:headers():get('x-tollgate-identity') end\" }\n";
    let none: &[&str] = &[];
    let early: &[&str] = &["filter_too_early"];
    let stripped: &[&str] = &["credential_stripped"];
    let route = "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: r }\nspec: { parentRefs: [{ name: eg }], rules: [] }\n";
    let of_route =
        |text: String| text.replace("{ kind: Gateway, name: eg }", "{ kind: HTTPRoute, name: r }");
    let cases: Vec<(&str, String, &[&str])> = vec![
        ("a service asked by the identity", policy("") + &security(asked), early),
        ("the same behind", policy("") + &security(asked) + &first, none),
        (
            "a service asked by what the client sent",
            policy("") + &security("extAuth: { grpc: { backendRefs: [] } }"),
            none,
        ),
        (
            "the same behind, where that is gone",
            policy("") + &security("extAuth: { grpc: { backendRefs: [] } }") + &first,
            stripped,
        ),
        ("tokens checked before", policy("") + &security(jwt), none),
        ("tokens checked behind", policy("") + &security(jwt) + &first, stripped),
        ("tokens checked behind, from elsewhere", policy("") + &security(elsewhere) + &first, none),
        ("rules by the identity", policy("") + &security(rules), none),
        (
            "rules moved before",
            policy("") + &security(rules) + &order("rbac", "before: envoy.filters.http.wasm"),
            early,
        ),
        ("passwords", policy("") + &security(basic), none),
        ("passwords behind", policy("") + &security(basic) + &first, stripped),
        ("keys", policy("") + &security(keys), none),
        ("keys behind", policy("") + &security(keys) + &first, stripped),
        (
            "keys that are taken",
            policy("") + &security(&keys.replace("apiKeyAuth: {", "apiKeyAuth: { sanitize: true,")),
            &["credential_consumed"],
        ),
        ("a sign-in", policy("") + &security(oidc), none),
        ("a sign-in behind", policy("") + &security(oidc) + &first, &["login_behind"]),
        ("limits by the identity", policy("") + limits, none),
        (
            "limits moved before",
            policy("") + limits + &order("ratelimit", "before: envoy.filters.http.wasm"),
            early,
        ),
        ("a script", policy(lua), early),
        ("a script behind", policy(lua) + &order("lua", "after: envoy.filters.http.wasm"), none),
        (
            "another gateway's",
            policy("") + &security(asked).replace("name: eg", "name: other"),
            none,
        ),
        (
            "another namespace's",
            policy("") + &security(asked).replace("{ name: s }", "{ name: s, namespace: b }"),
            none,
        ),
        ("a route's", policy("") + &of_route(security(asked)) + route, early),
        (
            "another's route",
            policy("") + &of_route(security(asked)) + &route.replace("name: eg", "name: other"),
            none,
        ),
    ];
    for (name, file, expected) in cases {
        assert_eq!(said(&file), expected, "{name}");
    }
}

#[test]
fn what_answers_before_a_login_is_warned_about_in_resources_too() {
    let login = r#""login": {"url": "https://portal.example.com", "client": {"id": "me"}, "seal": [{"base64": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}], "endpoints": {"authorization": "https://okta.example/a", "token": "https://okta.example/t"}}, "issuer""#;
    let with_login = |file: String| file.replace(r#""issuer""#, login);
    let wrong =
        authorization("action: DENY, rules: [{ to: [{ operation: { paths: [/admin] } }] }]");
    let of_mesh = |phase: &str| with_login(plugin(phase)) + &wrong;
    assert_eq!(said(&of_mesh("  phase: STATS")), ["answer_unseen"]);
    assert_eq!(said(&of_mesh("  phase: AUTHN")), [""; 0]);
    assert_eq!(said(&(plugin("  phase: STATS") + &wrong)), [""; 0]);
    let patched = |filter: &str| {
        let value = format!(
            "{{ name: it, typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.filters.http.{filter} }} }}"
        );
        with_login(plugin("  phase: AUTHN")) + &envoy_filter(&[patch("INSERT_FIRST", "", &value)])
    };
    assert_eq!(said(&patched("csrf.v3.CsrfPolicy")), ["answer_unseen"]);
    assert_eq!(said(&patched("header_mutation.v3.HeaderMutation")), [""; 0]);
}
