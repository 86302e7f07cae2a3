//! Filters around Tollgate: what stands before it and reads what it writes, and what stands behind
//! it and reads what it removes.

use tollgate_cli::Exit;

use super::{OKTA, check, envoy};

const TOLLGATE: &str = "                  - name: tollgate\n";
const ROUTER: &str = "                  - name: envoy.filters.http.router\n";
const MANAGER: &str = "                normalize_path: true\n";

/// A filter in one line.
fn filter(name: &str, message: &str, config: &str) -> String {
    filter_with(name, message, config, "")
}

fn filter_with(name: &str, message: &str, config: &str, more: &str) -> String {
    format!(
        "                  - {{ name: envoy.filters.http.{name}, {more} typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.filters.http.{message}, {config} }} }}\n"
    )
}

fn before(filter: &str) -> String {
    envoy().replace(TOLLGATE, &format!("{filter}{TOLLGATE}"))
}

fn behind(filter: &str) -> String {
    envoy().replace(ROUTER, &format!("{filter}{ROUTER}"))
}

fn rbac(principal: &str) -> String {
    rbac_with(principal, "")
}

fn rbac_with(principal: &str, more: &str) -> String {
    let rules = format!(
        "rules: {{ action: DENY, policies: {{ a: {{ permissions: [{{ any: true }}], principals: [{principal}] }} }} }}"
    );
    filter_with("rbac", "rbac.v3.RBAC", &rules, more)
}

const BY_STATE: &str =
    "{ filter_state: { key: wasm.tollgate.identity, string_match: { exact: bob } } }";

/// Filters that read what Tollgate writes.
fn readers() -> Vec<(&'static str, String)> {
    let matcher = |input: &str| {
        filter(
            "match_delegate",
            "match_delegate.v3.ExtensionWithMatcher",
            &format!(
                "extension_config: {{ name: composite, typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.filters.http.composite.v3.Composite }} }}, xds_matcher: {{ matcher_tree: {{ input: {{ name: i, typed_config: {input} }}, exact_match_map: {{ map: {{ bob: {{ action: {{ name: a }} }} }} }} }} }}"
            ),
        )
    };
    vec![
        ("rbac by filter state", rbac(BY_STATE)),
        (
            "rbac by header",
            rbac("{ header: { name: x-tollgate-identity, string_match: { exact: bob } } }"),
        ),
        (
            "rbac by CEL text",
            filter(
                "rbac",
                "rbac.v3.RBAC",
                "matcher: { on_no_match: { action: { name: a, text: \"filter_state['wasm.tollgate.identity'] == b'bob'\" } } }",
            ),
        ),
        (
            "ext_authz by header",
            filter(
                "ext_authz",
                "ext_authz.v3.ExtAuthz",
                "allowed_headers: { patterns: [{ exact: x-tollgate-identity }] }",
            ),
        ),
        (
            "ext_authz by CEL",
            filter(
                "ext_authz",
                "ext_authz.v3.ExtAuthz",
                "filter_enabled_metadata: { filter: a }, labels: { who: \"%FILTER_STATE(wasm.tollgate.identity:PLAIN)%\" }",
            ),
        ),
        (
            "a script by header",
            filter(
                "lua",
                "lua.v3.Lua",
                "default_source_code: { inline_string: \"function envoy_on_request(h) h:headers():get('X-Tollgate-Identity') end\" }",
            ),
        ),
        (
            "a script by state",
            filter(
                "lua",
                "lua.v3.Lua",
                "default_source_code: { inline_string: \"function envoy_on_request(h) h:streamInfo():filterState():get('wasm.tollgate.identity') end\" }",
            ),
        ),
        (
            "local rate limit by header",
            filter(
                "local_ratelimit",
                "local_ratelimit.v3.LocalRateLimit",
                "rate_limits: [{ actions: [{ request_headers: { header_name: x-tollgate-identity, descriptor_key: who } }] }]",
            ),
        ),
        (
            "header to metadata",
            filter(
                "header_to_metadata",
                "header_to_metadata.v3.Config",
                "request_rules: [{ header: x-tollgate-identity, on_header_present: { key: who } }]",
            ),
        ),
        (
            "a fault by header",
            filter(
                "fault",
                "fault.v3.HTTPFault",
                "headers: [{ name: x-tollgate-identity, exact_match: bob }]",
            ),
        ),
        (
            "a tree by header",
            matcher(
                "{ \"@type\": type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput, header_name: x-tollgate-identity }",
            ),
        ),
        (
            "a tree by filter state",
            matcher(
                "{ \"@type\": type.googleapis.com/envoy.extensions.matching.common_inputs.network.v3.FilterStateInput, key: wasm.tollgate.identity }",
            ),
        ),
    ]
}

#[test]
fn what_stands_before_and_reads_what_is_written_is_a_problem_and_behind_it_is_none() {
    for (name, filter) in readers() {
        let run = check(&["-"], &before(&filter));
        assert_eq!(run.codes(), ["13 filter_too_early"], "{name}\n{}", run.out);
        assert_eq!(run.exit, Exit::Problems, "{name}");
        let run = check(&["--strict", "-"], &behind(&filter));
        assert_eq!((run.exit, &*run.out), (Exit::Fine, "standard input: fine\n"), "{name}");
        // A second Tollgate behind it does not make it wrong, and one before it does not help.
        let start = envoy().find(TOLLGATE).expect("Tollgate");
        let end = envoy().find(ROUTER).expect("a router");
        let second = envoy()[start..end].to_owned();
        let between = envoy().replace(ROUTER, &format!("{filter}{second}{ROUTER}"));
        let run = check(&["--strict", "-"], &between);
        assert_eq!(run.exit, Exit::Fine, "{name}: {}", run.out);
        let run = check(&["-"], &before(&filter).replace(ROUTER, &format!("{second}{ROUTER}")));
        assert_eq!(run.codes(), ["13 filter_too_early"], "{name}\n{}", run.out);
    }
}

#[test]
fn headers_that_the_configuration_names_count_as_tollgates_own() {
    let named = OKTA.replace(
        "}}",
        "}, \"upstream\": {\"headers\": {\"x-user\": \"sub\"}, \"payload_header\": \"x-claims\"}}",
    );
    let with = |header: &str| {
        let filter =
            rbac(&format!("{{ header: {{ name: {header}, string_match: {{ exact: a }} }} }}"));
        check(&["-"], &before(&filter).replace(OKTA, &named)).codes()
    };
    for header in ["x-user", "X-User", "x-claims", "x-tollgate-identity"] {
        assert_eq!(with(header), ["13 filter_too_early"], "{header}");
    }
    for header in ["x-username", "x-other", "x-tollgate-explain"] {
        assert_eq!(with(header), [""; 0], "{header}");
    }
}

#[test]
fn what_does_not_read_it_may_stand_before() {
    let cases = [
        (
            "another state",
            rbac("{ filter_state: { key: wasm.other.identity, string_match: { exact: a } } }"),
        ),
        ("another header", rbac("{ header: { name: x-request-id, present_match: true } }")),
        (
            "who brings the header is refused",
            rbac("{ header: { name: x-tollgate-identity, present_match: true } }"),
        ),
        (
            "the header is removed",
            filter(
                "header_mutation",
                "header_mutation.v3.HeaderMutation",
                "mutations: { request_mutations: [{ remove: x-tollgate-identity }] }",
            ),
        ),
        (
            "the answer is told of it",
            filter(
                "header_mutation",
                "header_mutation.v3.HeaderMutation",
                "mutations: { response_mutations: [{ append: { header: { key: x-who, value: \"%FILTER_STATE(wasm.tollgate.identity:PLAIN)%\" } } }] }",
            ),
        ),
        (
            "a script that looks at answers",
            filter(
                "lua",
                "lua.v3.Lua",
                "default_source_code: { inline_string: \"function envoy_on_response(h) h:streamInfo():filterState():get('wasm.tollgate.code') end\" }",
            ),
        ),
        ("switched off", rbac_with(BY_STATE, "disabled: true,")),
        ("cors", filter("cors", "cors.v3.Cors", "")),
        ("grpc_web", filter("grpc_web", "grpc_web.v3.GrpcWeb", "")),
        ("oauth2", filter("oauth2", "oauth2.v3.OAuth2", "config: { forward_bearer_token: true }")),
        (
            "ext_authz",
            filter(
                "ext_authz",
                "ext_authz.v3.ExtAuthz",
                "grpc_service: { envoy_grpc: { cluster_name: a } }",
            ),
        ),
        (
            "jwt_authn that leaves the token",
            filter(
                "jwt_authn",
                "jwt_authn.v3.JwtAuthentication",
                "providers: { a: { issuer: \"https://okta.example\", forward: true } }, rules: [{ requires: { provider_name: a } }]",
            ),
        ),
        (
            "jwt_authn of another issuer",
            filter(
                "jwt_authn",
                "jwt_authn.v3.JwtAuthentication",
                "providers: { a: { issuer: \"https://other.example\" } }, rules: [{ requires: { provider_name: a } }]",
            ),
        ),
    ];
    for (name, filter) in cases {
        let run = check(&["--strict", "-"], &before(&filter));
        assert_eq!((run.exit, &*run.out), (Exit::Fine, "standard input: fine\n"), "{name}");
    }
    let consumes = filter(
        "jwt_authn",
        "jwt_authn.v3.JwtAuthentication",
        "providers: { a: { issuer: \"https://okta.example\" } }, rules: [{ requires: { provider_name: a } }]",
    );
    let run = check(&["-"], &before(&consumes));
    assert_eq!(run.codes(), ["13 credential_consumed"], "{}", run.out);
}

#[test]
fn what_routes_say_to_a_filter_counts() {
    let routes = |config: &str| {
        format!(
            "                route_config: {{ virtual_hosts: [{{ name: a, domains: [\"*\"], routes: [{config}] }}] }}\n{MANAGER}"
        )
    };
    let per_route = |says: &str| {
        format!(
            "{{ match: {{ prefix: / }}, typed_per_filter_config: {{ envoy.filters.http.rbac: {says} }} }}"
        )
    };
    let reading = format!(
        "{{ \"@type\": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute, rbac: {{ rules: {{ policies: {{ a: {{ principals: [{BY_STATE}] }} }} }} }} }}"
    );
    let on = "{ \"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, config: {} }";
    let off =
        "{ \"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true }";
    let plain = filter("rbac", "rbac.v3.RBAC", "");
    let limit = filter("ratelimit", "ratelimit.v3.RateLimit", "domain: a");
    let limited = "{ match: { prefix: / }, route: { cluster: a, rate_limits: [{ actions: [{ request_headers: { header_name: x-tollgate-identity, descriptor_key: who } }] }] } }";
    let cases = [
        ("a route's own rules", &plain, per_route(&reading), true),
        ("a route that switches it off", &plain, per_route(off), false),
        (
            "another filter's",
            &plain,
            per_route(&reading).replace("http.rbac:", "http.other:"),
            false,
        ),
        ("switched on by a route", &rbac_with(BY_STATE, "disabled: true,"), per_route(on), true),
        (
            "switched off by a route alone",
            &rbac_with(BY_STATE, "disabled: true,"),
            per_route(off),
            false,
        ),
        ("descriptors of a route", &limit, limited.to_owned(), true),
        ("descriptors of a route that nobody counts by", &plain, limited.to_owned(), false),
    ];
    for (name, filter, route, told) in cases {
        let file = before(filter).replace(MANAGER, &routes(&route));
        let expected: &[&str] = if told { &["14 filter_too_early"] } else { &[] };
        assert_eq!(check(&["-"], &file).codes(), expected, "{name}");
        let file = behind(filter).replace(MANAGER, &routes(&route));
        assert_eq!(check(&["-"], &file).codes(), [""; 0], "{name}, behind");
    }
}

#[test]
fn a_route_that_decides_something_is_not_for_the_client_to_choose() {
    let by =
        |header: &str| format!("headers: [{{ name: {header}, string_match: {{ exact: a }} }}]");
    let off = "typed_per_filter_config: { tollgate: { \"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true } }";
    let with = |members: &str, apis: &str| {
        let routes = format!(
            "                route_config: {{ virtual_hosts: [{{ name: a, domains: [\"*\"], routes: [{{ name: it, match: {{ prefix: /, {members}] }}] }}\n{MANAGER}"
        );
        let file = envoy().replace(MANAGER, &routes);
        check(&["-"], &file.replace("{\"providers\":", &format!("{{{apis}\"providers\":")))
    };
    let routed = r#""apis": [{"name": "a", "match": {"routes": ["it"]}, "auth": ["okta"]}], "#;
    let named = r#""apis": [{"name": "a", "match": {"route_metadata": true}, "auth": ["okta"]}], "#;
    let cases = [
        // name, the rest of the route, APIs, whether it is told
        ("by the identity", format!("{} }} }}", by("x-tollgate-identity")), "", false),
        (
            "by the identity, of APIs by route",
            format!("{} }} }}", by("x-tollgate-identity")),
            routed,
            true,
        ),
        (
            "by the identity, of APIs by metadata",
            format!("{} }} }}", by("X-Tollgate-Identity")),
            named,
            true,
        ),
        (
            "by the credential, of APIs by route",
            format!("{} }} }}", by("authorization")),
            routed,
            true,
        ),
        (
            "by another header, of APIs by route",
            format!("{} }} }}", by("x-version")),
            routed,
            false,
        ),
        ("by nothing, of APIs by route", "}}".replace("}}", "} }"), routed, false),
        (
            "by the identity, Tollgate off",
            format!("{} }}, {off} }}", by("x-tollgate-identity")),
            "",
            true,
        ),
        (
            "by the credential, Tollgate off",
            format!("{} }}, {off} }}", by("authorization")),
            "",
            true,
        ),
        ("by another header, Tollgate off", format!("{} }}, {off} }}", by("x-version")), "", false),
    ];
    for (name, route, apis, told) in cases {
        let run = with(&route, apis);
        let expected: &[&str] = if told { &["14 route_chosen_by_client"] } else { &[] };
        assert_eq!(run.codes(), expected, "{name}\n{}{}", run.out, run.err);
    }
}

#[test]
fn each_listener_and_each_chain_is_judged_alone() {
    let wrong = before(&rbac(BY_STATE));
    let chain = |text: &str| {
        let start = text.find("        - filters:").expect("a chain");
        let end = text.find("  clusters:").expect("clusters");
        text[start..end].to_owned()
    };
    let good = behind(&rbac(BY_STATE));
    let clusters = good.find("  clusters:").expect("clusters");
    let mut two = good.clone();
    two.insert_str(clusters, &chain(&wrong));
    let run = check(&["-"], &two);
    let count = run.codes().iter().filter(|code| code.ends_with("filter_too_early")).count();
    assert_eq!(count, 1, "{}", run.out);
    // What another chain has in front is nobody's here.
    let other = wrong.replace("name: tollgate", "name: other").replace("vm_id: other", "vm_id: x");
    let other = other.replace("providers", "rules").replace("tollgate", "other");
    let mut apart = good.clone();
    apart.insert_str(clusters, &chain(&other));
    assert_eq!(check(&["-"], &apart).codes(), [""; 0]);
}

#[test]
fn what_stands_behind_and_reads_the_credential_is_warned_about() {
    let kept = OKTA.replace("}}", "}, \"upstream\": {\"credential\": \"keep\"}}");
    let jwt = |provider: &str| {
        filter(
            "jwt_authn",
            "jwt_authn.v3.JwtAuthentication",
            &format!(
                "providers: {{ a: {{ issuer: \"https://x.example\", {provider} }} }}, rules: [{{ requires: {{ provider_name: a }} }}]"
            ),
        )
    };
    let authz = |config: &str| filter("ext_authz", "ext_authz.v3.ExtAuthz", config);
    let cases = [
        ("jwt_authn", jwt(""), true),
        (
            "jwt_authn of the header",
            jwt("from_headers: [{ name: Authorization, value_prefix: \"Bearer \" }]"),
            true,
        ),
        ("jwt_authn of another header", jwt("from_headers: [{ name: x-token }]"), false),
        ("jwt_authn of a parameter", jwt("from_params: [token]"), false),
        (
            "jwt_authn without rules",
            filter(
                "jwt_authn",
                "jwt_authn.v3.JwtAuthentication",
                "providers: { a: { issuer: x } }",
            ),
            false,
        ),
        ("ext_authz", authz("grpc_service: { envoy_grpc: { cluster_name: a } }"), true),
        (
            "ext_authz of the header",
            authz("allowed_headers: { patterns: [{ exact: authorization }] }"),
            true,
        ),
        (
            "ext_authz of Tollgate's",
            authz("allowed_headers: { patterns: [{ exact: x-tollgate-identity }] }"),
            false,
        ),
        (
            "basic_auth",
            filter("basic_auth", "basic_auth.v3.BasicAuth", "users: { inline_string: a }"),
            true,
        ),
        (
            "basic_auth of another header",
            filter("basic_auth", "basic_auth.v3.BasicAuth", "authentication_header: x-basic"),
            false,
        ),
        (
            "api_key_auth",
            filter(
                "api_key_auth",
                "api_key_auth.v3.ApiKeyAuth",
                "key_sources: [{ header: authorization }]",
            ),
            true,
        ),
        (
            "api_key_auth of another",
            filter(
                "api_key_auth",
                "api_key_auth.v3.ApiKeyAuth",
                "key_sources: [{ header: x-key }, { query: authorization }]",
            ),
            false,
        ),
        (
            "a script",
            filter(
                "lua",
                "lua.v3.Lua",
                "default_source_code: { inline_string: \"function envoy_on_request(h) h:headers():get('authorization') end\" }",
            ),
            true,
        ),
        (
            "descriptors",
            filter(
                "local_ratelimit",
                "local_ratelimit.v3.LocalRateLimit",
                "rate_limits: [{ actions: [{ request_headers: { header_name: authorization } }] }]",
            ),
            true,
        ),
        ("rbac", rbac("{ header: { name: authorization, present_match: true } }"), false),
        (
            "rbac by value",
            rbac("{ header: { name: authorization, string_match: { prefix: Basic } } }"),
            true,
        ),
        (
            "the header is removed",
            filter(
                "header_mutation",
                "header_mutation.v3.HeaderMutation",
                "mutations: { request_mutations: [{ remove: authorization }] }",
            ),
            false,
        ),
        (
            "another's credential",
            filter(
                "credential_injector",
                "credential_injector.v3.CredentialInjector",
                "overwrite: true",
            ),
            false,
        ),
    ];
    for (name, filter, told) in &cases {
        let strict = check(&["--strict", "-"], &behind(filter));
        let expected: &[&str] = if *told { &["23 credential_stripped"] } else { &[] };
        assert_eq!(strict.codes(), expected, "{name}\n{}", strict.out);
        assert_eq!(strict.exit, if *told { Exit::Problems } else { Exit::Fine }, "{name}");
        let keeping = check(&["--strict", "-"], &behind(filter).replace(OKTA, &kept));
        assert_eq!(keeping.exit, Exit::Fine, "{name}, kept: {}", keeping.out);
        // Before Tollgate the credential is there.
        let run = check(&["-"], &before(filter));
        assert!(!run.out.contains("credential_stripped"), "{name}, before: {}", run.out);
    }
    let places = OKTA.replace("}}", "}, \"from\": [{\"header\": \"x-token\"}, {\"query\": \"token\"}, {\"cookie\": \"session\", \"origins\": [\"https://app.example.com\"]}]}");
    let cases = [
        ("the default place, which is not read", jwt(""), false),
        ("the header", jwt("from_headers: [{ name: x-token }]"), true),
        ("the parameter", jwt("from_params: [token]"), true),
        ("the cookie", jwt("from_cookies: [session]"), true),
        (
            "a key's cookie",
            filter(
                "api_key_auth",
                "api_key_auth.v3.ApiKeyAuth",
                "key_sources: [{ cookie: session }]",
            ),
            true,
        ),
    ];
    for (name, filter, told) in cases {
        let run = check(&["-"], &behind(&filter).replace(OKTA, &places));
        let codes = run.codes();
        let found = codes.iter().any(|code| code.ends_with("credential_stripped"));
        assert_eq!(found, told, "{name}\n{}", run.out);
    }
    let reporting =
        behind(&jwt("")).replace("{\"providers\":", "{\"mode\": \"report\", \"providers\":");
    assert_eq!(check(&["-"], &reporting).codes(), ["22 report_mode"]);
}

#[test]
fn a_sign_in_stands_before_unless_somebody_passes_without_a_token() {
    let login = filter("oauth2", "oauth2.v3.OAuth2", "config: { forward_bearer_token: true }");
    assert_eq!(check(&["-"], &behind(&login)).codes(), ["23 login_behind"]);
    let open = r#"{"apis": [{"name": "a", "match": {"paths": ["/a"]}, "auth": "none"}, {"name": "b", "auth": ["okta"]}], "providers":"#;
    assert_eq!(check(&["-"], &behind(&login).replace("{\"providers\":", open)).codes(), [""; 0]);
}

/// A provider that also logs browsers in.
fn with_login(text: &str) -> String {
    let login = r#""login": {"url": "https://portal.example.com", "client": {"id": "me"}, "seal": [{"base64": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}], "endpoints": {"authorization": "https://okta.example/a", "token": "https://okta.example/t"}}, "issuer""#;
    text.replace(r#""issuer""#, login)
}

/// Where answers are told to be unseen.
fn unseen(text: &str) -> Vec<String> {
    let run = check(&["-"], text);
    assert_ne!(run.exit, Exit::Misuse, "{}", run.err);
    run.codes().into_iter().filter(|code| code.ends_with("answer_unseen")).collect()
}

#[test]
fn a_filter_that_answers_before_a_login_is_warned_about() {
    let answering = [
        ("adaptive_concurrency", "adaptive_concurrency.v3.AdaptiveConcurrency"),
        ("admission_control", "admission_control.v3.AdmissionControl"),
        ("api_key_auth", "api_key_auth.v3.ApiKeyAuth"),
        ("basic_auth", "basic_auth.v3.BasicAuth"),
        ("buffer", "buffer.v3.Buffer"),
        ("cache", "cache.v3.CacheConfig"),
        ("csrf", "csrf.v3.CsrfPolicy"),
        ("custom_response", "custom_response.v3.CustomResponse"),
        ("ext_authz", "ext_authz.v3.ExtAuthz"),
        ("ext_proc", "ext_proc.v3.ExternalProcessor"),
        ("fault", "fault.v3.HTTPFault"),
        ("file_system_buffer", "file_system_buffer.v3.FileSystemBufferFilterConfig"),
        ("health_check", "health_check.v3.HealthCheck"),
        ("jwt_authn", "jwt_authn.v3.JwtAuthentication"),
        ("local_ratelimit", "local_ratelimit.v3.LocalRateLimit"),
        ("lua", "lua.v3.Lua"),
        ("oauth2", "oauth2.v3.OAuth2"),
        ("ratelimit", "ratelimit.v3.RateLimit"),
        ("rbac", "rbac.v3.RBAC"),
        ("unheard_of", "unheard_of.v3.UnheardOf"),
        ("wasm", "wasm.v3.Wasm"),
        // The type says what it is, whatever it is called.
        ("cors", "csrf.v3.CsrfPolicy"),
    ];
    for (name, message) in answering {
        let filter = filter(name, message, "");
        let run = check(&["-"], &with_login(&before(&filter)));
        assert_eq!(run.exit, Exit::Fine, "{name}: {}", run.out);
        assert_eq!(unseen(&with_login(&before(&filter))), ["13 answer_unseen"], "{name}");
        let told = format!(
            "standard input:13:21: warning: http_filters: `envoy.filters.http.{name}` stands before"
        );
        assert!(run.out.contains(&told), "{name}: {}", run.out);
        assert_eq!(unseen(&before(&filter)), [""; 0], "{name}, without a login");
        assert_eq!(unseen(&with_login(&behind(&filter))), [""; 0], "{name}, behind");
    }
    let both = filter("csrf", "csrf.v3.CsrfPolicy", "") + &filter("lua", "lua.v3.Lua", "");
    let both = unseen(&with_login(&before(&both)));
    assert_eq!(both, ["13 answer_unseen", "14 answer_unseen"]);
}

#[test]
fn what_never_answers_may_stand_before_a_login() {
    let silent = [
        ("compressor", "compressor.v3.Compressor"),
        ("cors", "cors.v3.Cors"),
        ("decompressor", "decompressor.v3.Decompressor"),
        ("grpc_stats", "grpc_stats.v3.FilterConfig"),
        ("header_mutation", "header_mutation.v3.HeaderMutation"),
        ("header_to_metadata", "header_to_metadata.v3.Config"),
        ("ip_tagging", "ip_tagging.v3.IPTagging"),
        ("on_demand", "on_demand.v3.OnDemand"),
        ("original_src", "original_src.v3.OriginalSrc"),
        ("set_filter_state", "set_filter_state.v3.Config"),
        ("set_metadata", "set_metadata.v3.Config"),
        ("tap", "tap.v3.Tap"),
        ("of_mine", "header_mutation.v3.HeaderMutation"),
    ];
    for (name, message) in silent {
        let text = with_login(&before(&filter(name, message, "")));
        assert_eq!(unseen(&text), [""; 0], "{name}");
    }
    let untyped = "                  - name: envoy.filters.http.cors\n";
    assert_eq!(unseen(&with_login(&before(untyped))), [""; 0]);
    // What is off answers nobody, unless a route switches it on.
    let off = filter_with("csrf", "csrf.v3.CsrfPolicy", "", "disabled: true,");
    assert_eq!(unseen(&with_login(&before(&off))), [""; 0]);
    let on = "{ \"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, config: {} }";
    let routes = format!(
        "                route_config: {{ virtual_hosts: [{{ name: a, domains: [\"*\"], routes: [{{ match: {{ prefix: / }}, typed_per_filter_config: {{ envoy.filters.http.csrf: {on} }} }}] }}] }}\n{MANAGER}"
    );
    let enabled = with_login(&before(&off).replace(MANAGER, &routes));
    assert_eq!(unseen(&enabled), ["14 answer_unseen"]);
}

#[test]
fn a_filter_that_no_route_switches_on_is_a_problem_and_a_warning_where_routes_are_elsewhere() {
    let off = envoy().replace(TOLLGATE, &format!("{TOLLGATE}                    disabled: true\n"));
    let routed = |text: &str, level: &str, says: &str| {
        let says = format!(
            "typed_per_filter_config: {{ tollgate: {{ \"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, {says} }} }}"
        );
        let says = |wanted: &str| if wanted == level { says.as_str() } else { "" };
        let routes = format!(
            "                route_config: {{ virtual_hosts: [{{ name: a, domains: [\"*\"], routes: [{{ match: {{ prefix: / }}, {} }}], {} }}], {} }}\n{MANAGER}",
            says("route"),
            says("host"),
            says("all"),
        );
        text.replace(MANAGER, &routes)
    };
    for level in ["route", "host", "all"] {
        let run = check(&["--strict", "-"], &routed(&off, level, "config: {}"));
        assert_eq!(run.codes(), [""; 0], "{level}: {}", run.out);
        let run = check(&["-"], &routed(&off, level, "disabled: true"));
        assert_eq!(run.codes(), ["15 filter_disabled"], "{level}: {}", run.out);
        assert_eq!(run.exit, Exit::Problems, "{level}");
    }
    let run = check(&["-"], &routed(&off, "none", ""));
    assert_eq!((run.exit, run.codes()), (Exit::Problems, vec!["15 filter_disabled".to_owned()]));
    let named = format!("                rds: {{ route_config_name: elsewhere }}\n{MANAGER}");
    for text in [off.clone(), off.replace(MANAGER, &named)] {
        let run = check(&["-"], &text);
        assert!(run.out.contains("warning: disabled: true, and no route that"), "{}", run.out);
        assert_eq!(run.exit, Exit::Fine, "{}", run.out);
    }
    // Beside one that runs it is a spare.
    let start = envoy().find(TOLLGATE).expect("Tollgate");
    let end = envoy().find(ROUTER).expect("a router");
    let spare = off.replace(ROUTER, &format!("{}{ROUTER}", &envoy()[start..end]));
    assert_eq!(check(&["--strict", "-"], &spare).codes(), [""; 0]);
}
