//! Each remark about what holds a configuration: made where it is due, and nowhere else.

use tollgate_cli::Exit;

use super::{OKTA, check, envoy};

/// The second filter, so that it can be put before or behind.
const ROUTER: &str = "                  - name: envoy.filters.http.router\n";
const CORS: &str = "                  - name: envoy.filters.http.cors\n                    typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors }\n";
const TOLLGATE: &str = "                  - name: tollgate\n";

/// The proxy with keys at an address, which needs no `sni`.
fn at_address(host: &str, exact: &str) -> String {
    let without_sni = envoy().replace("          sni: okta.example\n", "");
    without_sni
        .replace("https://okta.example/keys", &format!("https://{host}/keys"))
        .replace("exact: okta.example", exact)
}

/// The proxy, with an API that takes encoded slashes.
fn takes_slashes() -> String {
    let api = r#""apis": [{"name": "a", "auth": ["okta"], "encoded_slash": "segment"}]"#;
    let envoy = envoy();
    let end = envoy.find("}\n                  - name: envoy.filters.http.router").expect("an end");
    format!("{}, {api}{}", &envoy[..end], &envoy[end..])
}

#[test]
fn each_risk_of_a_proxy_is_said_and_only_where_it_is_one() {
    let keep = "normalize_path: true";
    let socket = |text: &str| text.find("      transport_socket:").expect("a socket");
    let window = |bytes: &str| envoy().replace("262144", bytes);
    let cases: Vec<(&str, String, &[&str])> = vec![
        // name, file, line and code of what is said
        ("nothing", envoy(), &[]),
        ("passing on a fault", envoy().replace("FAIL_RELOAD", "FAIL_OPEN"), &["17 fail_open"]),
        (
            "passing on a fault, the old way",
            envoy().replace("failure_policy: FAIL_RELOAD", "fail_open: true"),
            &["17 fail_open"],
        ),
        (
            "closed until a restart",
            envoy().replace("FAIL_RELOAD", "FAIL_CLOSED"),
            &["17 fail_reload_missing"],
        ),
        (
            "closed until a restart, by default",
            envoy().replace("                        failure_policy: FAIL_RELOAD\n", ""),
            &["17 fail_reload_missing"],
        ),
        ("no id", envoy().replace("vm_id: tollgate", "runtime: v8"), &["18 vm_id_empty"]),
        ("an empty id", envoy().replace("vm_id: tollgate", "vm_id: \"\""), &["18 vm_id_empty"]),
        (
            "no window",
            envoy().replace("http2_protocol_options", "http_protocol_options"),
            &["7 window_large"],
        ),
        ("a window of 1 MiB", window("1048576"), &[]),
        ("one byte more", window("1048577"), &["11 window_large"]),
        ("a window of 256 KiB less one byte", window("262143"), &["11 window_small"]),
        (
            "no window where there is no HTTP/2",
            envoy().replace("http2_protocol_options: {", "codec_type: HTTP1\n                common_http_protocol_options: {")
                .replace("{ initial_stream_window_size: 262144 }", "{}"),
            &[],
        ),
        (
            "no window of HTTP/3",
            envoy().replace("http2_protocol_options:", "http3_protocol_options: {}\n                http2_protocol_options:"),
            &["11 window_large"],
        ),
        (
            "paths as they come",
            envoy().replace(keep, "normalize_path: false"),
            &["8 path_unnormalized"],
        ),
        (
            "slashes as they come",
            envoy().replace("merge_slashes: true", "server_name: x"),
            &["7 path_unnormalized"],
        ),
        (
            "encoded slashes as they come",
            envoy().replace("UNESCAPE_AND_REDIRECT", "KEEP_UNCHANGED"),
            &["10 path_unnormalized"],
        ),
        (
            "encoded slashes that an API takes, left as they are",
            takes_slashes().replace("UNESCAPE_AND_REDIRECT", "KEEP_UNCHANGED"),
            &[],
        ),
        ("encoded slashes that an API takes, decoded", takes_slashes(), &["10 encoded_slash_lost"]),
        (
            "encoded slashes that an API takes, refused",
            takes_slashes().replace("UNESCAPE_AND_REDIRECT", "REJECT_REQUEST"),
            &["10 encoded_slash_lost"],
        ),
        (
            "encoded slashes that an API takes, by whatever is the default",
            takes_slashes().replace("path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT", "server_name: x"),
            &["7 encoded_slash_lost"],
        ),
        (
            "encoded slashes refused",
            envoy().replace("UNESCAPE_AND_REDIRECT", "REJECT_REQUEST"),
            &[],
        ),
        ("before cors", envoy().replace(ROUTER, &format!("{CORS}{ROUTER}")), &["13 cors_behind"]),
        ("behind cors", envoy().replace(TOLLGATE, &format!("{CORS}{TOLLGATE}")), &[]),
        (
            "before cors, letting preflights pass",
            envoy().replace(ROUTER, &format!("{CORS}{ROUTER}")).replace(
                "{\"providers\":",
                r#"{"apis": [{"name": "a", "auth": ["okta"], "cors_preflight": "pass"}], "providers":"#,
            ),
            &[],
        ),
        (
            "behind the router",
            envoy().replace(
                TOLLGATE,
                &format!("{ROUTER}                    typed_config: {{}}\n{TOLLGATE}"),
            ),
            &["15 filter_behind_router"],
        ),
        ("no such cluster", envoy().replace("    - name: okta", "    - name: idp"), &["22 cluster_missing"]),
        (
            "no such cluster, but others come",
            envoy().replace("    - name: okta", "    - name: idp")
                + "dynamic_resources: { cds_config: { ads: {} } }\n",
            &[],
        ),
        ("no TLS", envoy()[..socket(&envoy())].to_owned(), &["22 cluster_plain"]),
        (
            "no TLS for a URL without",
            envoy()[..socket(&envoy())].replace("https://okta.example/keys", "http://okta.example/keys"),
            &["22 plain_http"],
        ),
        (
            "no name asked for",
            envoy().replace("          sni: okta.example\n", ""),
            &["22 cluster_sni_missing"],
        ),
        (
            "another name asked for",
            envoy().replace("sni: okta.example", "sni: okta.example.com"),
            &["22 cluster_wrong_name"],
        ),
        (
            "another name in the certificate",
            envoy().replace("exact: okta.example", "exact: example.com"),
            &["22 cluster_wrong_name"],
        ),
        ("an address", at_address("[::1]", "exact: \"::1\""), &[]),
        ("an address, spelt otherwise", at_address("[::1]", "exact: \"0:0::1\""), &[]),
        ("an address of four parts", at_address("127.0.0.1", "exact: 127.0.0.1"), &[]),
        (
            "another address in the certificate",
            at_address("[::1]", "exact: \"::2\""),
            &["22 cluster_wrong_name"],
        ),
        (
            "any name in the certificate",
            envoy().replace("match_typed_subject_alt_names", "max_verify_depth_of"),
            &["22 cluster_name_unchecked"],
        ),
        (
            "any certificate",
            envoy().replace("validation_context:", "tls_params:"),
            &["22 cluster_unverified"],
        ),
        (
            "a certificate that the control plane vouches for",
            envoy().replace("validation_context:", "validation_context_sds_secret_config:"),
            &[],
        ),
        (
            "a quota",
            envoy().replace(
                "{\"providers\":",
                r#"{"policies": {"p": {"quota": {"requests": 1, "per": "1d"}}},
                             "apis": [{"name": "a", "auth": ["okta"], "policies": {"default": ["p"]}}], "providers":"#,
            ),
            &["22 limits_per_proxy"],
        ),
        (
            "a configuration that is not there",
            envoy().replace("configuration:", "description:"),
            &["17 configuration_missing"],
        ),
    ];
    for (name, file, expected) in cases {
        let run = check(&["-"], &file);
        assert_eq!(run.codes(), expected, "{name}\n{}{}", run.out, run.err);
        let refused = ["filter_behind_router", "configuration_missing", "cluster_missing"];
        let refused = expected.iter().any(|one| refused.iter().any(|code| one.ends_with(code)));
        assert_eq!(run.exit, if refused { Exit::Problems } else { Exit::Fine }, "{name}");
        let strict = check(&["--strict", "-"], &file).exit;
        let counts = expected.iter().any(|one| !one.ends_with("limits_per_proxy"));
        assert_eq!(strict, if counts { Exit::Problems } else { Exit::Fine }, "{name}");
    }
}

#[test]
fn keys_that_end_are_told_in_time() {
    let key = |expires: &str| {
        format!(
            r#"{{"providers": {{"partner": {{"kind": "api_key", "from": [{{"header": "x-key"}}], "keys": [
{{"name": "k", "identity": "i", "sha256": "00ff0123456789abcdef0000000000000000000000000000000000000000001f",
"expires": "{expires}"}}]}}}}}}"#
        )
    };
    let cases: [(&str, &[&str]); 4] = [
        ("2026-11-23T10:00:00Z", &["3 key_expired"]),
        ("2026-11-23T10:00:01Z", &["3 key_expires_soon"]),
        ("2026-12-23T10:00:00Z", &["3 key_expires_soon"]),
        ("2026-12-23T10:00:01Z", &[]),
    ];
    for (expires, expected) in cases {
        let run = check(&["--at", "2026-11-23T10:00:00Z", "-"], &key(expires));
        assert_eq!(run.codes(), expected, "{expires}");
    }
}

#[test]
fn revocations_that_are_over_are_told() {
    let entry = |until: &str| {
        format!(
            r#"{{"providers": {{"partner": {{"kind": "api_key", "from": [{{"header": "x-key"}}], "keys": [
{{"name": "k", "identity": "i", "sha256": "00ff0123456789abcdef0000000000000000000000000000000000000000001f"}}]}}}},
"revoked": {{"entries": [{{"provider": "partner", "identity": "j"}},
{{"provider": "partner", "identity": "i", "until": "{until}"}}]}}}}"#
        )
    };
    let cases: [(&str, &[&str]); 3] = [
        ("2026-11-23T09:59:59Z", &["4 revocation_over"]),
        ("2026-11-23T10:00:00Z", &["4 revocation_over"]),
        ("2026-11-23T10:00:01Z", &[]),
    ];
    for (until, expected) in cases {
        let run = check(&["--at", "2026-11-23T10:00:00Z", "-"], &entry(until));
        assert_eq!(run.codes(), expected, "{until}");
    }
}

#[test]
fn a_detailed_log_that_has_ended_or_ends_earlier_than_written_is_told() {
    let log = |until: &str| {
        format!(
            r#"{{"apis": [{{"name": "health", "auth": "none", "match": {{"paths": ["/health"]}}}}],
"log": {{"detail": [{{"api": "health"}}],
"until": "{until}"}}}}"#
        )
    };
    let cases: [(&str, &[&str], Exit); 5] = [
        ("2026-11-23T10:00:00Z", &["3 log_detail_ended"], Exit::Fine),
        ("2026-11-23T10:00:01Z", &[], Exit::Fine),
        ("2026-11-30T10:00:00Z", &[], Exit::Fine),
        ("2026-11-30T10:00:01Z", &["3 log_detail_long"], Exit::Problems),
        ("2036-11-30T10:00:00Z", &["3 log_detail_long"], Exit::Problems),
    ];
    for (until, expected, exit) in cases {
        let run = check(&["--at", "2026-11-23T10:00:00Z", "-"], &log(until));
        assert_eq!(
            (run.codes(), run.exit),
            (expected.iter().map(|code| (*code).to_owned()).collect(), exit),
            "{until}"
        );
    }
}

#[test]
fn each_remark_says_what_would_be_right() {
    let cases = [
        (
            envoy().replace("FAIL_RELOAD", "FAIL_OPEN"),
            "17:41: warning: failure_policy: after a fault in the filter requests pass unchecked: never right for what keeps callers out; write FAIL_RELOAD [fail_open]",
        ),
        (
            envoy().replace("sni: okta.example", "sni: okta.example.com"),
            "22:165: warning: providers.okta.jwks.cluster: cluster `okta`: `sni` is `okta.example.com`, and the URL's host is `okta.example`; write it there, too [cluster_wrong_name]",
        ),
        (
            at_address("[::1]", "exact: \"::2\""),
            "22:158: warning: providers.okta.jwks.cluster: cluster `okta`: the certificate's name must be `::2`, and the URL's host is `::1`: every call would fail [cluster_wrong_name]",
        ),
        (
            envoy().replace("    - name: okta", "    - name: idp"),
            "22:165: providers.okta.jwks.cluster: this file has no cluster `okta`, and says of none that comes from elsewhere: every call would fail; did you mean `idp`? [cluster_missing]",
        ),
    ];
    for (file, expected) in cases {
        assert_eq!(check(&["-"], &file).remarks(), [expected]);
    }
}

/// The proxy, with further members of the configuration and of the connection manager.
fn counting(members: &str, manager: &str) -> String {
    let envoy = envoy();
    let end = envoy.find("}\n                  - name: envoy.filters.http.router").expect("an end");
    let envoy = format!("{}, {members}{}", &envoy[..end], &envoy[end..]);
    let keep = "                normalize_path: true\n";
    envoy.replace(keep, &format!("{keep}                {manager}\n"))
}

#[test]
fn an_address_that_the_client_writes_is_a_problem_where_limits_count_by_it() {
    let policy = r#""policies": {"p": {"rate": {"requests": 1, "per": "1s"}, "limit_by": "address"}}, "apis": [{"name": "a", "auth": ["okta"], "policies": {"default": ["p"]}}]"#;
    let rate = r#""rate": {"requests": 1, "per": "1s", "per_caller": true}"#;
    let api = |more: &str| format!(r#""apis": [{{"name": "a", "auth": ["okta"], {more}}}]"#);
    let public = format!(
        r#""apis": [{{"name": "s", "match": {{"paths": ["/s"]}}, "auth": "none", {rate}}}, {{"name": "a", "auth": ["okta"]}}]"#
    );
    let optional = api(&format!(r#""optional": true, {rate}"#));
    let preflight = api(&format!(r#""cors_preflight": "pass", {rate}"#));
    let (named, all) = (api(rate), api(&rate.replace(r#", "per_caller": true"#, "")));
    let told = "address_from_client";
    let extension = "original_ip_detection_extensions: [{ name: a }]";
    let cases: &[(&str, &str, &str, Option<&str>)] = &[
        // name, the configuration, the connection manager, where it is told
        ("a policy", policy, "stat_prefix: a", Some("7")),
        ("said on purpose", policy, "use_remote_address: false", Some("9")),
        ("the peer's address", policy, "use_remote_address: true", None),
        ("in camel case", policy, "useRemoteAddress: true", None),
        ("an extension finds it", policy, extension, None),
        ("no extension", policy, "original_ip_detection_extensions: []", Some("7")),
        ("a public API", &public, "stat_prefix: a", Some("7")),
        ("an optional API", &optional, "stat_prefix: a", Some("7")),
        ("preflights", &preflight, "stat_prefix: a", Some("7")),
        ("a public API and the peer's address", &public, "use_remote_address: true", None),
        ("everybody has a name", &named, "stat_prefix: a", None),
        ("all callers together", &all, "stat_prefix: a", None),
    ];
    for (name, configuration, manager, line) in cases {
        let run = check(&["-"], &counting(configuration, manager));
        let expected: Vec<_> = line.iter().map(|line| format!("{line} {told}")).collect();
        let codes: Vec<_> =
            run.codes().into_iter().filter(|code| code.contains("address")).collect();
        assert_eq!(codes, expected, "{name}: {}", run.out);
        assert_eq!(run.exit == Exit::Problems, line.is_some(), "{name}: {}", run.out);
    }
    // Where nothing is known of the proxy, the filter's own warning stands.
    let alone = format!(r#"{{"providers": {{"okta": {OKTA}}}, {policy}}}"#);
    let run = check(&["-"], &alone);
    assert!(run.out.contains("[address_unproven]") && run.exit == Exit::Fine, "{}", run.out);
}

#[test]
fn a_provider_that_is_asked_about_tokens_for_itself_is_a_problem_unless_something_narrows_it() {
    let config = |changes: &str| {
        format!(
            r#"{{"providers": {{"org": {{"kind": "introspection", "issuer": "https://org.example",
              "url": "https://org.example/introspect", "cluster": "org", {changes}
              "client": {{"id": "gateway", "secret": {{"base64": "c2VjcmV0"}}}}}}}}}}"#
        )
    };
    let itself = r#""audiences": ["https://org.example"],"#;
    let cases = [
        ("for itself", itself.to_owned(), Exit::Problems, "1 problem"),
        ("of one client", format!(r#"{itself} "clients": ["web"],"#), Exit::Fine, "fine"),
        (
            "of somebody",
            format!(r#"{itself} "require": [{{"claim": "groups", "contains_any": ["staff"]}}],"#),
            Exit::Fine,
            "fine",
        ),
        ("for an API", r#""audiences": ["api://orders"],"#.to_owned(), Exit::Fine, "fine"),
        (
            "for Keycloak's account",
            r#""audiences": ["account"],"#.to_owned(),
            Exit::Fine,
            "1 warning",
        ),
    ];
    for (name, changes, exit, summary) in cases {
        let run = check(&["-"], &config(&changes));
        assert_eq!(run.exit, exit, "{name}: {}", run.out);
        assert!(run.out.contains(summary), "{name}: {}", run.out);
        let is_said = run.out.contains("[audience_caller_chosen]");
        assert_eq!(is_said, matches!(name, "for itself" | "for Keycloak's account"), "{name}");
    }
}
