//! What can refuse a request in Tyk and is not done here holds the API shut, or the policy, and is
//! told as *to fill in*; switched off it says nothing, and the API works.

use serde_json::{Value, json};
use tollgate_cli::Exit;

use super::meaning::{AUDIENCE, ask, get, inlined};
use super::{classic, oas, oas_auth, oas_with, policies, policy, tyk, with};

/// A definition with something that restricts, where it is told, and one close to it in which it
/// restricts nothing.
struct Row {
    name: &'static str,
    field: &'static str,
    on: Value,
    off: Value,
}

fn row(name: &'static str, field: &'static str, on: Value, off: Value) -> Row {
    Row { name, field, on: with(&classic(), &on), off: with(&classic(), &off) }
}

/// The same with members of `x-tyk-api-gateway`.
fn own(name: &'static str, field: &'static str, on: Value, off: Value) -> Row {
    let whole = |changes: &Value| with(&oas(), &json!({ "x-tyk-api-gateway": changes }));
    Row { name, field, on: whole(&on), off: whole(&off) }
}

/// Members of the default version, with its extended paths in use or not.
fn version(extended: bool, changes: Value) -> Value {
    let own = with(&json!({ "use_extended_paths": extended }), &changes);
    json!({ "version_data": { "versions": { "Default": own } } })
}

fn paths(name: &str, one: Value) -> Value {
    version(true, json!({ "extended_paths": { name: [one] } }))
}

fn operation(name: &str, value: Value) -> Value {
    json!({ "middleware": { "operations": { "op": { name: value } } } })
}

fn on() -> Value {
    json!({ "enabled": true })
}

fn off() -> Value {
    json!({ "enabled": false })
}

fn classic_rows() -> Vec<Row> {
    let listed = |disabled: bool| json!({ "path": "/x", "method": "GET", "disabled": disabled });
    let lists = "version_data.versions.Default.extended_paths";
    let mut rows = vec![
        row(
            "addresses",
            "allowed_ips",
            json!({ "enable_ip_whitelisting": true, "allowed_ips": ["10.0.0.1"] }),
            json!({ "ip_access_control_disabled": true, "allowed_ips": ["10.0.0.1"] }),
        ),
        // The list counts without its switch, unless all lists are switched off.
        row(
            "addresses without the switch",
            "allowed_ips",
            json!({ "enable_ip_whitelisting": false, "allowed_ips": ["10.0.0.1"] }),
            json!({ "enable_ip_whitelisting": false, "allowed_ips": [] }),
        ),
        row(
            "addresses in spite of the other switch",
            "blacklisted_ips",
            json!({ "ip_access_control_disabled": true, "enable_ip_blacklisting": true, "blacklisted_ips": ["10.0.0.1"] }),
            json!({ "ip_access_control_disabled": true, "blacklisted_ips": ["10.0.0.1"] }),
        ),
        row(
            "plain paths",
            "version_data.versions.Default.paths.white_list",
            version(false, json!({ "paths": { "white_list": ["/x"] } })),
            version(true, json!({ "paths": { "white_list": ["/x"] } })),
        ),
        row(
            "blocked plain paths",
            "version_data.versions.Default.paths.black_list",
            version(false, json!({ "paths": { "black_list": ["/x"] } })),
            version(false, json!({ "paths": { "black_list": [], "ignored": [] } })),
        ),
        row(
            "a size",
            "version_data.versions.Default.global_size_limit",
            version(true, json!({ "global_size_limit": 10 })),
            version(true, json!({ "global_size_limit": 10, "global_size_limit_disabled": true })),
        ),
        row(
            "an end",
            "version_data.versions.Default.expires",
            version(true, json!({ "expires": "2016-01-02 15:04" })),
            version(true, json!({ "expires": "3000-01-02 15:04" })),
        ),
        row(
            "the API's end",
            "expiration",
            json!({ "expiration": "2030-01-02 15:04" }),
            json!({ "expiration": "-1" }),
        ),
        row(
            "an end that nobody can read",
            "expiration",
            json!({ "expiration": "soon" }),
            json!({ "expiration": "" }),
        ),
        row(
            "versions",
            "version_data.versions",
            json!({ "version_data": { "not_versioned": false } }),
            json!({ "version_data": { "not_versioned": true, "default_version": "Default" } }),
        ),
        row(
            "versions of another kind",
            "definition",
            json!({ "definition": { "enabled": true, "location": "header", "key": "v" } }),
            json!({ "definition": { "enabled": false, "location": "header", "key": "v" } }),
        ),
        row(
            "another version's list",
            lists_of("white_list"),
            version(true, json!({ "extended_paths": { "white_list": [listed(false)] } })),
            json!({ "version_data": { "versions": { "v2": { "use_extended_paths": true, "extended_paths": { "white_list": [listed(false)] } } } } }),
        ),
        row(
            "an action of a method",
            "version_data.versions.Default.extended_paths.ignored[0].method_actions",
            paths(
                "ignored",
                json!({ "path": "/x", "method_actions": { "GET": { "action": "reply", "code": 403 } } }),
            ),
            paths(
                "ignored",
                json!({ "path": "/x", "disabled": true, "method_actions": { "GET": { "action": "reply" } } }),
            ),
        ),
        row(
            "a body's form",
            "version_data.versions.Default.extended_paths.validate_request",
            paths("validate_request", json!({ "path": "/x", "enabled": true })),
            paths("validate_request", json!({ "path": "/x", "enabled": false })),
        ),
        row(
            "a plugin",
            "custom_middleware.pre",
            json!({ "custom_middleware": { "driver": "python", "pre": [{ "name": "a", "path": "b" }] } }),
            json!({ "custom_middleware": { "driver": "python", "pre": [{ "name": "a", "disabled": true }] } }),
        ),
        row(
            "a plugin behind",
            "custom_middleware.post_key_auth",
            json!({ "custom_middleware": { "post_key_auth": [{ "name": "a" }] } }),
            json!({ "custom_middleware": { "auth_check": { "name": "a" }, "id_extractor": { "extract_from": "header" } } }),
        ),
        row(
            "a bundle",
            "custom_middleware_bundle",
            json!({ "custom_middleware_bundle": "b.zip" }),
            json!({ "custom_middleware_bundle": "b.zip", "custom_middleware_bundle_disabled": true }),
        ),
        row(
            "GraphQL",
            "graphql",
            json!({ "graphql": { "enabled": true, "schema": "type Query" } }),
            json!({ "graphql": { "enabled": false, "version": "2", "execution_mode": "proxyOnly" } }),
        ),
        row("a port", "listen_port", json!({ "listen_port": 8443 }), json!({ "listen_port": 0 })),
        row("no HTTP", "protocol", json!({ "protocol": "tcp" }), json!({ "protocol": "https" })),
        row(
            "MCP",
            "application_protocol",
            json!({ "application_protocol": "mcp" }),
            json!({ "application_protocol": "" }),
        ),
        row(
            "the twin of another form",
            "is_oas",
            json!({ "is_oas": true }),
            json!({ "is_oas": false }),
        ),
        row(
            "a host of a pattern",
            "domain",
            json!({ "domain": "{a:x+}.example.com" }),
            json!({ "domain": "{a:x+}.example.com", "domain_disabled": true }),
        ),
        row(
            "a path of a pattern",
            "proxy.listen_path",
            json!({ "proxy": { "listen_path": "/orders/{a:[0-9]+}/" } }),
            json!({}),
        ),
        row(
            "a rate too fine to say",
            "global_rate_limit",
            json!({ "global_rate_limit": { "rate": 0.00001, "per": 1 } }),
            json!({ "global_rate_limit": { "rate": 0.00001, "per": 1, "disabled": true } }),
        ),
        row(
            "another API behind",
            "proxy.target_url",
            json!({ "proxy": { "target_url": "tyk://internal/" } }),
            json!({ "proxy": { "target_url": "http://tyk/" } }),
        ),
        row(
            "another API behind a rewriting",
            "version_data.versions.Default.extended_paths.url_rewrites[0].triggers[0].rewrite_to",
            paths(
                "url_rewrites",
                json!({ "path": "/x", "triggers": [{ "rewrite_to": "tyk://self/x" }] }),
            ),
            version(
                false,
                json!({ "extended_paths": { "url_rewrites": [{ "rewrite_to": "tyk://self/x" }] } }),
            ),
        ),
        row(
            "nobody knows what",
            "deny_everybody",
            json!({ "deny_everybody": true }),
            json!({ "deny_everybody": false }),
        ),
        row(
            "nobody knows what, in other letters",
            "ALLOWED_IPS",
            json!({ "ALLOWED_IPS": ["10.0.0.1"] }),
            json!({ "ALLOWED_IPS": [] }),
        ),
        row(
            "nobody knows what, deep",
            "version_data.versions.Default.deny",
            version(true, json!({ "deny": ["/x"] })),
            version(true, json!({ "deny": [] })),
        ),
        row(
            "nobody knows what, where requests go",
            "proxy.deny",
            json!({ "proxy": { "deny": true } }),
            json!({ "proxy": { "deny": false } }),
        ),
        row(
            "nobody knows what, in what is elsewhere",
            "CORS.deny",
            json!({ "CORS": { "enable": true, "deny": true } }),
            json!({ "CORS": { "enable": false, "deny": true } }),
        ),
        row(
            "nobody knows what, in a list",
            "version_data.versions.Default.extended_paths.method_transforms[0].deny",
            paths("method_transforms", json!({ "path": "/x", "deny": true })),
            paths("method_transforms", json!({ "path": "/x", "deny": false })),
        ),
    ];
    for name in [
        "white_list",
        "black_list",
        "internal",
        "mock_response",
        "virtual",
        "size_limits",
        "validate_json",
        "go_plugin",
        "rate_limit",
    ] {
        rows.push(row(name, lists_of(name), paths(name, listed(false)), paths(name, listed(true))));
        rows.push(row(
            name,
            lists_of(name),
            paths(name, listed(false)),
            version(false, json!({ "extended_paths": { name: [listed(false)] } })),
        ));
    }
    assert!(rows.iter().all(|row| row.field.starts_with(lists) || !row.field.is_empty()));
    rows
}

/// Where a list of paths is told.
fn lists_of(name: &str) -> &'static str {
    let path = format!("version_data.versions.Default.extended_paths.{name}");
    Box::leak(path.into_boxed_str())
}

/// Where a member of an operation is told.
fn operations(name: &str) -> &'static str {
    Box::leak(format!("x-tyk-api-gateway.middleware.operations.op.{name}").into_boxed_str())
}

fn oas_rows() -> Vec<Row> {
    let x = |path: &str| -> &'static str {
        Box::leak(format!("x-tyk-api-gateway.{path}").into_boxed_str())
    };
    let schemes = "server.authentication.securitySchemes";
    let scheme = |name: &str, value: Value| {
        let oauth = json!({ "enabled": true, name: value });
        json!({ "server": { "authentication": { "securitySchemes": { "oauth": oauth } } } })
    };
    let global = |name: &str, value: Value| json!({ "middleware": { "global": { name: value } } });
    let plugins = |enabled: bool| json!([{ "enabled": enabled, "functionName": "a", "path": "b" }]);
    let mut rows = vec![
        own(
            "a scheme's scopes",
            x(&format!("{schemes}.oauth.scopeCheck")),
            scheme("scopeCheck", on()),
            scheme("scopeCheck", off()),
        ),
        own(
            "a token's exchange",
            x(&format!("{schemes}.oauth.tokenExchange")),
            scheme("tokenExchange", on()),
            scheme("tokenExchange", off()),
        ),
        own(
            "a signature beside a key",
            x(&format!("{schemes}.oauth.signatureValidation")),
            scheme("signatureValidation", on()),
            scheme("signatureValidation", off()),
        ),
        own(
            "a certificate beside a key",
            x("server.authentication.certificateAuth"),
            json!({ "server": { "authentication": { "certificateAuth": on() } } }),
            json!({ "server": { "authentication": { "certificateAuth": off() } } }),
        ),
        own(
            "addresses",
            x("server.ipAccessControl"),
            json!({ "server": { "ipAccessControl": { "enabled": true, "allow": ["10.0.0.1"] } } }),
            json!({ "server": { "ipAccessControl": { "enabled": false, "allow": ["10.0.0.1"] } } }),
        ),
        own(
            "addresses that are not switched on",
            x("server.ipAccessControl"),
            json!({ "server": { "ipAccessControl": { "enabled": true, "block": ["10.0.0.1"] } } }),
            json!({ "server": { "ipAccessControl": { "block": ["10.0.0.1"] } } }),
        ),
        own(
            "versions",
            x("info.versioning"),
            json!({ "info": { "versioning": { "enabled": true, "key": "v" } } }),
            json!({ "info": { "versioning": { "enabled": false, "key": "v" } } }),
        ),
        own(
            "an end",
            x("info.expiration"),
            json!({ "info": { "expiration": "2030-01-01 00:00" } }),
            json!({ "info": { "expiration": "" } }),
        ),
        own(
            "a size",
            x("middleware.global.requestSizeLimit"),
            global("requestSizeLimit", json!({ "enabled": true, "value": 5 })),
            global("requestSizeLimit", json!({ "enabled": false, "value": 5 })),
        ),
        own(
            "a plugin",
            x("middleware.global.prePlugins"),
            global("prePlugins", plugins(true)),
            global("prePlugins", plugins(false)),
        ),
        own(
            "a plugin of the older form",
            x("middleware.global.postAuthenticationPlugin.plugins"),
            global("postAuthenticationPlugin", json!({ "plugins": plugins(true) })),
            global("postAuthenticationPlugin", json!({ "plugins": plugins(false) })),
        ),
        own(
            "a bundle",
            x("middleware.global.pluginConfig.bundle"),
            global(
                "pluginConfig",
                json!({ "driver": "python", "bundle": { "enabled": true, "path": "b" } }),
            ),
            global(
                "pluginConfig",
                json!({ "driver": "python", "bundle": { "enabled": false, "path": "b" } }),
            ),
        ),
        own(
            "tools",
            x("middleware.mcpTools"),
            json!({ "middleware": { "mcpTools": { "a": { "block": on() } } } }),
            json!({ "middleware": { "mcpTools": {} } }),
        ),
        own(
            "a rate that nobody can read",
            x("upstream.rateLimit"),
            json!({ "upstream": { "rateLimit": { "enabled": true, "rate": 5, "per": "a while" } } }),
            json!({ "upstream": { "rateLimit": { "enabled": false, "rate": 5, "per": "a while" } } }),
        ),
        own(
            "another API behind",
            x("upstream.url"),
            json!({ "upstream": { "url": "tyk://internal/" } }),
            json!({ "upstream": { "url": "https://internal/" } }),
        ),
        own(
            "nobody knows what",
            x("server.denyEverybody"),
            json!({ "server": { "denyEverybody": on() } }),
            json!({ "server": { "denyEverybody": {} } }),
        ),
        own(
            "nobody knows what, at an operation",
            operations("deny"),
            operation("deny", on()),
            operation("deny", json!({})),
        ),
        own(
            "nobody knows what, at the scheme",
            x(&format!("{schemes}.idp.deny")),
            json!({ "server": { "authentication": { "securitySchemes": { "idp": { "deny": true } } } } }),
            json!({}),
        ),
        own(
            "no HTTP",
            x("server.protocol"),
            json!({ "server": { "protocol": "tls" } }),
            json!({ "server": { "protocol": "http" } }),
        ),
        own(
            "a port",
            x("server.port"),
            json!({ "server": { "port": 99 } }),
            json!({ "server": { "port": 0 } }),
        ),
        Row {
            name: "streams",
            field: "x-tyk-streaming",
            on: with(&oas(), &json!({ "x-tyk-streaming": { "streams": { "a": { "input": 1 } } } })),
            off: with(&oas(), &json!({ "x-tyk-streaming": { "streams": {} } })),
        },
        Row {
            name: "an extension of Tyk that nobody knows",
            field: "x-tyk-deny",
            on: with(&oas(), &json!({ "x-tyk-deny": { "a": 1 } })),
            off: with(&oas(), &json!({ "x-deny": { "a": 1 }, "x-logo": "y" })),
        },
        Row {
            name: "two JWT schemes",
            field: "components.securitySchemes",
            on: two_schemes(&json!([{ "idp": [] }, { "second": [] }]), "compliant"),
            off: two_schemes(&json!([{ "idp": [] }, { "second": [] }]), "legacy"),
        },
    ];
    for name in [
        "allow",
        "block",
        "internal",
        "validateRequest",
        "requestSizeLimit",
        "rateLimit",
        "mockResponse",
        "virtualEndpoint",
        "scopeCheck",
    ] {
        rows.push(own(name, operations(name), operation(name, on()), operation(name, off())));
    }
    rows.push(own(
        "postPlugins",
        operations("postPlugins"),
        operation("postPlugins", plugins(true)),
        operation("postPlugins", plugins(false)),
    ));
    rows
}

/// A definition with a second JWT scheme, which takes more.
fn two_schemes(security: &Value, mode: &str) -> Value {
    let second = json!({ "components": { "securitySchemes": { "second": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } } } });
    let own = json!({ "securityProcessingMode": mode, "securitySchemes": { "second": {
        "enabled": true, "header": { "enabled": true, "name": "Authorization" }, "signingMethod": "rsa", "defaultPolicies": ["p1"],
        "jwksURIs": [{ "url": "https://example.auth0.com/.well-known/jwks.json" }],
    } } });
    with(&with(&oas_auth(own), &second), &json!({ "security": security }))
}

fn arguments(definition: &Value) -> &'static [&'static str] {
    if definition.get("openapi").is_some() { &[] } else { &AUDIENCE }
}

#[test]
fn what_restricts_holds_the_api_shut_and_switched_off_says_nothing() {
    for Row { name, field, on, off } in classic_rows().into_iter().chain(oas_rows()) {
        let outcome = tyk(&on, &policies(), arguments(&on));
        let told = outcome.about(field).concat();
        assert!(
            told.contains("fill_in: ") && told.contains("`fill-in` in `auth`"),
            "{name}: {field}: {}",
            outcome.err
        );
        let config = inlined(outcome.config());
        for path in ["/orders/7", "/orders", "/x", "/"] {
            assert_ne!(get(&config, path, &json!({})), "forwarded", "{name}: {path}");
            assert_ne!(ask(&config, "GET", path, &[]), "forwarded", "{name}: {path}");
        }
        // Once it is settled, the name goes from `auth`, and the API works.
        let mut settled = config;
        let api =
            settled["apis"].as_array().unwrap().iter().position(|api| api["name"] == "orders");
        let auth = &mut settled["apis"][api.unwrap()]["auth"];
        for branch in auth.as_array_mut().unwrap() {
            branch.as_array_mut().unwrap().retain(|name| name != "fill-in");
        }
        settled["apis"][0].as_object_mut().unwrap().remove("match");
        assert_eq!(get(&settled, "/orders/7", &json!({})), "forwarded", "{name}");

        let outcome = tyk(&off, &policies(), arguments(&off));
        let told = outcome.about(field).concat();
        assert!(!told.contains("fill_in"), "{name}: {}", outcome.err);
        let config = inlined(outcome.config());
        assert_eq!(get(&config, "/orders/7", &json!({})), "forwarded", "{name}: {}", outcome.err);
    }
}

#[test]
fn a_public_api_that_something_restricts_is_held_shut_and_gives_way_to_no_other() {
    let open = json!({ "use_keyless": true, "enable_jwt": false, "auth_configs": null });
    let root = with(
        &with(&classic(), &open),
        &json!({ "api_id": "a0", "name": "root", "proxy": { "listen_path": "/" } }),
    );
    let narrow = with(&with(&classic(), &open), &json!({ "allowed_ips": ["10.0.0.1"] }));
    let pattern = with(&narrow, &json!({ "proxy": { "listen_path": "/orders/(a|b)/" } }));
    for definition in [narrow, pattern] {
        let outcome = tyk(&json!([root, definition]), &policies(), &[]);
        let config = outcome.config();
        assert_eq!(ask(&config, "GET", "/elsewhere", &[]), "forwarded", "{config:#}");
        assert_ne!(ask(&config, "GET", "/orders/a/7", &[]), "forwarded", "{config:#}");
        let said = outcome.about("use_keyless").concat();
        assert!(said.contains("fill_in: a public API, which something restricts"), "{said}");
    }
}

#[test]
fn a_scheme_that_is_not_asked_does_not_take_the_place_of_the_one_that_is() {
    let strict = json!({ "allowedAudiences": ["api"], "allowedIssuers": ["https://example.auth0.com/"], "jtiValidation": on() });
    let lax = json!({
        "components": { "securitySchemes": { "a": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } } },
        "x-tyk-api-gateway": { "server": { "authentication": { "securitySchemes": { "a": {
            "enabled": true, "header": { "enabled": true }, "source": "", "defaultPolicies": ["p1"] } } } } },
    });
    let config = inlined(tyk(&with(&oas_with(strict), &lax), &policies(), &[]).config());
    assert_eq!(
        get(&config, "/orders/7", &json!({ "jti": null })),
        "token_claim_refused",
        "{config:#}"
    );
    assert_eq!(get(&config, "/orders/7", &json!({ "jti": "1" })), "forwarded");
}

#[test]
fn one_requirement_is_no_alternative_and_all_that_is_enabled_must_vouch() {
    let both = json!({ "securityProcessingMode": "compliant", "hmac": on() });
    let config = inlined(tyk(&oas_auth(both), &policies(), &[]).config());
    assert_ne!(get(&config, "/orders/7", &json!({})), "forwarded", "{config:#}");
}

#[test]
fn a_policy_that_says_what_is_not_done_here_is_not_active_until_somebody_decides() {
    let right = |changes: Value| json!({ "access_rights": { "a1": changes } });
    let endpoint = |path: &str, rate: f64| json!({ "path": path, "methods": [{ "name": "GET", "limit": { "rate": rate, "per": 1 } }] });
    let rows = [
        // field, what restricts, what does not
        (
            "access_rights.a1.field_access_rights",
            right(json!({ "field_access_rights": [{ "type_name": "Query" }] })),
            right(json!({ "field_access_rights": [] })),
        ),
        (
            "access_rights.a1.restricted_types",
            right(json!({ "restricted_types": [{ "name": "Query", "fields": ["a"] }] })),
            right(json!({ "restricted_types": null })),
        ),
        (
            "access_rights.a1.disable_introspection",
            right(json!({ "disable_introspection": true })),
            right(json!({ "disable_introspection": false })),
        ),
        (
            "access_rights.a1.mcp_access_rights",
            right(json!({ "mcp_access_rights": { "tools": { "blocked": ["a"] } } })),
            right(json!({ "mcp_access_rights": { "tools": { "blocked": [] } } })),
        ),
        (
            "access_rights.a1.json_rpc_methods_access_rights",
            right(json!({ "json_rpc_methods_access_rights": { "allowed": ["a"] } })),
            right(json!({ "json_rpc_methods_access_rights": {} })),
        ),
        (
            "access_rights.a1.limit.max_query_depth",
            right(json!({ "limit": { "max_query_depth": 3 } })),
            right(json!({ "limit": { "max_query_depth": -1 } })),
        ),
        ("max_query_depth", json!({ "max_query_depth": 3 }), json!({ "max_query_depth": -1 })),
        (
            "smoothing",
            json!({ "smoothing": { "enabled": true, "threshold": 3 } }),
            json!({ "smoothing": { "enabled": false, "threshold": 3 } }),
        ),
        (
            "access_rights.a1.endpoints[0]",
            right(json!({ "endpoints": [endpoint("/a+", 1.0)] })),
            right(json!({ "endpoints": [endpoint("/a+", -1.0)] })),
        ),
        (
            "access_rights.a1.limit",
            right(json!({ "limit": { "rate": 0.00001, "per": 1 } })),
            right(json!({ "limit": { "rate": 0, "per": 0 } })),
        ),
        ("rate", json!({ "rate": 0.00001 }), json!({ "rate": 0.0 })),
        (
            "meta_data.rate_limit_pattern",
            json!({ "rate": 5, "meta_data": { "rate_limit_pattern": "$tyk_meta.dev" } }),
            json!({ "meta_data": { "rate_limit_pattern": "$tyk_meta.dev" } }),
        ),
        ("deny", json!({ "deny": true }), json!({ "deny": false })),
        ("access_rights.a1.deny", right(json!({ "deny": ["x"] })), right(json!({ "deny": [] }))),
    ];
    for (field, restricts, nothing) in rows {
        let held = json!({ "p1": policy(restricts) });
        let outcome = tyk(&classic(), &held, &AUDIENCE);
        let told = outcome.about(field).concat();
        assert!(
            told.contains("fill_in: ") && told.contains("not active"),
            "{field}: {}",
            outcome.err
        );
        let config = inlined(outcome.config());
        assert_eq!(get(&config, "/orders/7", &json!({})), "session_inactive", "{field}");
        let free = json!({ "p1": policy(nothing) });
        let config = inlined(tyk(&classic(), &free, &AUDIENCE).config());
        assert_eq!(get(&config, "/orders/7", &json!({})), "forwarded", "{field}: {config:#}");
    }
}

#[test]
fn a_right_is_for_the_api_that_it_stands_under_and_for_its_organisation() {
    let rows = [
        (
            "another API's id in it",
            json!({ "access_rights": { "a1": null, "a2": { "api_id": "a1" } } }),
        ),
        ("another organisation", json!({ "org_id": "o2" })),
    ];
    for (name, changes) in rows {
        let config = tyk(&classic(), &json!({ "p1": policy(changes) }), &AUDIENCE).config();
        assert_ne!(get(&inlined(config), "/orders/7", &json!({})), "forwarded", "{name}");
    }
    let inside = json!({ "access_rights": { "a1": { "api_id": "a9" } } });
    let outcome = tyk(&classic(), &json!({ "p1": policy(inside) }), &AUDIENCE);
    assert!(
        outcome.about("access_rights.a1.api_id").concat().contains("wrong: `a9` stands in `a1`"),
        "{}",
        outcome.err
    );
    assert_eq!(get(&inlined(outcome.config()), "/orders/7", &json!({})), "forwarded");
}

/// What the dashboard writes of an API that has nothing but tokens: every member there is.
fn export() -> Value {
    let members = serde_json::from_str(include_str!("members/export.json")).unwrap();
    with(&classic(), &members)
}

#[test]
fn an_export_in_which_all_else_is_off_passes_the_strict_import() {
    let rights = json!({
        "_id": "65f1", "id": "p1", "key_expires_in": 0, "hmac_enabled": false, "max_query_depth": -1, "throttle_interval": -1, "throttle_retry_limit": -1,
        "quota_max": -1, "quota_renewal_rate": -1, "auth_type": "authToken", "auth_types": ["authToken"], "graphql_enabled": false, "state": "active",
        "partitions": { "acl": false, "complexity": false, "per_api": false, "quota": false, "rate_limit": false }, "access_rights_array": [{ "api_id": "a1" }],
        "access_rights": { "a1": { "allowance_scope": "", "allowed_types": [], "allowed_urls": [], "disable_introspection": false, "field_access_rights": [],
            "limit": { "max_query_depth": 0, "per": 0, "quota_max": 0, "quota_remaining": 0, "quota_renewal_rate": 0, "quota_renews": 0, "rate": 0,
                "smoothing": null, "throttle_interval": 0, "throttle_retry_limit": 0 }, "restricted_types": [] } },
    });
    let outcome = tyk(&export(), &json!([policy(rights)]), &["--audience", "api", "--strict"]);
    assert_eq!(outcome.exit, Exit::Fine, "{}", outcome.err);
    let config = inlined(outcome.config());
    assert_eq!(get(&config, "/orders/7", &json!({})), "forwarded");
    // And with a method on, what belongs to it is told.
    let basic = tyk(&with(&export(), &json!({ "use_basic_auth": true })), &policies(), &AUDIENCE);
    assert!(basic.about("basic_auth").concat().starts_with("not_supported"), "{}", basic.err);
    assert!(basic.about("hmac_allowed_clock_skew").is_empty(), "{}", basic.err);
}

#[test]
fn a_key_set_with_a_slash_at_its_end_is_that_key_set() {
    let slash = "https://example.okta.com/oauth2/default/v1/keys/";
    for source in [slash.to_owned(), super::base64(slash), super::base64(&format!("{slash}/"))] {
        let outcome =
            tyk(&with(&classic(), &json!({ "jwt_source": source })), &policies(), &AUDIENCE);
        let provider = &outcome.config()["providers"]["okta"];
        assert_eq!(provider["issuer"], "https://example.okta.com/oauth2/default");
        assert!(provider["jwks"]["url"].as_str().unwrap().starts_with(slash), "{provider}");
        let findings = outcome.findings();
        let wrong = findings.iter().find(|one| one["kind"] == "wrong" || one["kind"] == "fill_in");
        assert_eq!(wrong, None, "{source}");
    }
}

#[test]
fn files_of_other_products_are_named_and_so_is_what_helps() {
    let operator = "apiVersion: tyk.tyk.io/v1alpha1\nkind: TykOasApiDefinition\nmetadata:\n  name: orders\nspec:\n  tykOAS:\n    configmapRef:\n      name: orders\n      keyName: a.json\n";
    let kong = "_format_version: \"3.0\"\nservices:\n- name: orders\n  url: http://orders\n";
    let istio = "apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata:\n  name: a\nspec:\n  jwtRules:\n  - issuer: https://id.example.com/\n";
    let gateway = json!({ "apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "SecurityPolicy", "metadata": { "name": "a" }, "spec": {} }).to_string();
    let own = json!({ "providers": {}, "apis": [] }).to_string();
    let good = classic().to_string();
    let some = policies().to_string();
    let list = json!([with(&classic(), &json!({ "id": "a" }))]).to_string();
    let rows = [
        // name, file, whether as policies, what it is, what helps
        (
            "a resource of the operator",
            operator,
            false,
            "a resource of Tyk Operator (TykOasApiDefinition)",
            "tollgate import tyk api.json",
        ),
        (
            "a resource of the operator as policies",
            operator,
            true,
            "a resource of Tyk Operator (TykOasApiDefinition)",
            "tollgate import tyk",
        ),
        ("Kong's", kong, false, "a declarative configuration of Kong", "written anew"),
        ("Istio's", istio, false, "a RequestAuthentication of Istio", "tollgate init"),
        (
            "Envoy Gateway's",
            gateway.as_str(),
            false,
            "a SecurityPolicy of Envoy Gateway",
            "tollgate init",
        ),
        ("policies as an API", some.as_str(), false, "policies of Tyk", "--policies FILE"),
        (
            "APIs as policies",
            list.as_str(),
            true,
            "a list of API definitions of Tyk",
            "tollgate import tyk",
        ),
        (
            "an API as policies",
            good.as_str(),
            true,
            "an API definition of Tyk",
            "tollgate import tyk",
        ),
        ("our own", own.as_str(), false, "an empty list", "expected a Tyk API definition"),
    ];
    for (name, text, as_policies, what, help) in rows {
        let wrong = super::file(text);
        let right = super::file(&good);
        let arguments: &[&str] =
            if as_policies { &[&right, "--policies", &wrong] } else { &[&wrong] };
        let outcome = super::import(arguments);
        assert_eq!((outcome.exit, outcome.out.as_str()), (Exit::Misuse, ""), "{name}");
        assert!(
            outcome.err.starts_with(&format!("tollgate: {wrong}: ")),
            "{name}: {}",
            outcome.err
        );
        assert!(
            outcome.err.contains(what) && outcome.err.contains(help),
            "{name}: {}",
            outcome.err
        );
    }
}

#[test]
fn resources_of_the_operator_become_what_the_gateway_has_of_them() {
    let api = "apiVersion: tyk.tyk.io/v1alpha1
kind: ApiDefinition
metadata: { name: orders, namespace: shop }
spec:
  name: orders
  active: true
  protocol: http
  enable_jwt: true
  jwt_signing_method: rsa
  jwt_source: https://example.auth0.com/.well-known/jwks.json
  jwt_identity_base_field: sub
  jwt_policy_field_name: pol
  jwt_default_policies: [shop/readers]
  proxy: { listen_path: /orders/, target_url: http://orders/, strip_listen_path: true }
";
    let policy = "apiVersion: tyk.tyk.io/v1alpha1
kind: SecurityPolicy
metadata: { name: readers, namespace: shop }
spec:
  name: readers
  state: active
  active: true
  access_rights_array:
  - name: orders
    namespace: shop
    versions: [Default]
    allowed_urls: [{ url: /items, methods: [GET] }]
";
    let as_json = |text: &str| -> Value {
        // The same as JSON, as `kubectl get -o json` prints it.
        match text.contains("SecurityPolicy") {
            true => {
                json!({ "apiVersion": "tyk.tyk.io/v1alpha1", "kind": "SecurityPolicy", "metadata": { "name": "readers", "namespace": "shop" },
                "spec": { "name": "readers", "access_rights_array": [{ "name": "orders", "namespace": "shop", "allowed_urls": [{ "url": "/items", "methods": ["GET"] }] }] } })
            }
            false => {
                json!({ "apiVersion": "tyk.tyk.io/v1alpha1", "kind": "ApiDefinition", "metadata": { "name": "orders", "namespace": "shop" },
                "spec": { "name": "orders", "active": true, "enable_jwt": true, "jwt_signing_method": "rsa", "jwt_policy_field_name": "pol",
                    "jwt_source": "https://example.auth0.com/.well-known/jwks.json", "jwt_default_policies": ["shop/readers"],
                    "proxy": { "listen_path": "/orders/", "target_url": "http://orders/" } } })
            }
        }
    };
    let both =
        json!({ "apiVersion": "v1", "kind": "List", "items": [as_json(api), as_json(policy)] });
    let (one, other) = (super::file(api), super::file(policy));
    let ways = [
        vec![super::file(&format!("apiVersion: v1\nkind: Service\n---\n{api}---\n{policy}"))],
        vec![one.clone(), "--policies".into(), other],
        vec![super::file(&both.to_string())],
    ];
    for way in ways {
        let mut arguments: Vec<&str> = way.iter().map(String::as_str).collect();
        arguments.extend(["--format", "json", "--audience", "api"]);
        let outcome = super::import(&arguments);
        assert_eq!(outcome.exit, Exit::Fine, "{}", outcome.err);
        let config = inlined(outcome.config());
        // What tokens name is the operator's id, in base64, or its namespace and name.
        for (pol, path, expected) in [
            ("c2hvcC9yZWFkZXJz", "/orders/items/7", "forwarded"),
            ("shop/readers", "/orders/items/7", "forwarded"),
            ("c2hvcC9yZWFkZXJz", "/orders/7", "access_denied"),
            ("shop/writers", "/orders/items/7", "policy_none"),
        ] {
            assert_eq!(
                get(&config, path, &json!({ "pol": pol })),
                expected,
                "{pol} {path}: {config:#}"
            );
        }
    }
    // An API without its policies gives what is to be filled in, and a policy alone is no API.
    let outcome = super::import(&[&one, "--format", "json", "--audience", "api"]);
    assert!(
        outcome.about("jwt_policy_field_name").concat().contains("without --policies"),
        "{}",
        outcome.err
    );
    // One that is not read is never passed over beside another that is.
    let oas = api.replace("kind: ApiDefinition", "kind: TykOasApiDefinition");
    let beside = super::import(&[&super::file(&format!("{api}---\n{oas}"))]);
    assert_eq!(beside.exit, Exit::Misuse, "{}", beside.out);
    let alone = super::import(&[&super::file(policy)]);
    assert!(alone.err.contains("a resource of Tyk Operator (SecurityPolicy)"), "{}", alone.err);
}

#[test]
fn an_object_that_is_written_twice_loses_nothing_that_restricts() {
    let lists = json!({ "use_extended_paths": true, "extended_paths": { "black_list": [{ "path": "/x" }] } });
    let twice = [
        (
            "allowed_ips",
            "\"allowed_ips\":[\"10.0.0.1\"],\"allowed_ips\":[]".to_owned(),
            "forwarded",
        ),
        (
            "version_data",
            format!(
                "\"version_data\":{{\"versions\":{{\"Default\":{lists}}}}},\
                 \"version_data\":{{\"not_versioned\":true,\"versions\":{{\"Default\":{{\"name\":\"Default\"}}}}}}"
            ),
            "credential_missing",
        ),
    ];
    for (name, members, expected) in twice {
        let rest = with(&classic(), &json!({ name: null })).to_string();
        let file = super::file(&rest.replacen('{', &format!("{{{members},"), 1));
        let some = super::file(&policies().to_string());
        let outcome =
            super::import(&[&file, "--policies", &some, "--audience", "api", "--format", "json"]);
        assert!(outcome.err.contains("written twice"), "{}", outcome.err);
        let config = inlined(outcome.config());
        assert_eq!(get(&config, "/orders/7", &json!({})), expected, "{name}: {}", outcome.err);
    }
}

#[test]
fn a_switch_that_is_none_switches_nothing_off() {
    let listed = json!({ "black_list": [{ "path": "/x" }] });
    let rows = [
        version(true, json!({ "use_extended_paths": "no", "extended_paths": listed })),
        json!({ "graphql": { "enabled": "no", "schema": "type Query" } }),
        json!({ "ip_access_control_disabled": "yes", "allowed_ips": ["10.0.0.1"] }),
        json!({ "custom_middleware": { "pre": [{ "name": "a", "disabled": 1 }] } }),
    ];
    for changes in rows {
        let config = inlined(tyk(&with(&classic(), &changes), &policies(), &AUDIENCE).config());
        assert_ne!(get(&config, "/orders/7", &json!({})), "forwarded", "{changes}");
    }
}

#[test]
fn an_operations_scopes_are_ignored_where_tyk_ignores_them_and_told_where_it_does_not() {
    let asked = json!({ "paths": { "/items": { "get": { "operationId": "op", "security": [{ "idp": ["items:read"] }] } } } });
    let plain = with(&oas(), &asked);
    let outcome = tyk(&plain, &policies(), &["--strict"]);
    assert_eq!(outcome.exit, Exit::Fine, "{}", outcome.err);
    assert!(
        outcome
            .about("paths[`/items`].get.security")
            .concat()
            .starts_with("elsewhere: Tyk's gateway ignores it")
    );
    for checked in [
        operation("scopeCheck", on()),
        json!({ "server": { "authentication": { "securitySchemes": { "oauth": { "enabled": true, "scopeCheck": on() } } } } }),
    ] {
        let definition = with(&plain, &json!({ "x-tyk-api-gateway": checked }));
        let outcome = tyk(&definition, &policies(), &[]);
        let told = outcome.about("paths[`/items`].get.security").concat();
        assert!(told.starts_with("fill_in: ") && told.contains("`apis[].scopes`"), "{told}");
        assert!(!outcome.err.contains("ignores it"), "{}", outcome.err);
        assert_ne!(get(&inlined(outcome.config()), "/orders/items", &json!({})), "forwarded");
    }
}
