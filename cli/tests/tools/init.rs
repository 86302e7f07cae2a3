use serde_json::{Value, json};
use tollgate::config::Config;
use tollgate_cli::Exit;

use super::{Folder, Ran, tollgate};

const TARGETS: [&str; 3] = ["envoy", "istio", "envoy-gateway"];
const OKTA: &str = "https://example.okta.com/oauth2/default";
const TENANT: &str = "11111111-2222-3333-4444-555555555555";

fn init(issuer: &str, target: &str, more: &[&str]) -> Ran {
    let fixed = ["init", "--issuer", issuer, "--audience", "orders", "--for", target];
    tollgate(&[&fixed[..], more].concat(), b"")
}

/// The configuration for an issuer, and the notes.
fn configuration(issuer: &str) -> (Value, String) {
    let folder = Folder::new();
    let ran = init(issuer, "json", &["-o", &folder.path("")]);
    assert_eq!(ran.exit, Exit::Fine, "{issuer}: {}", ran.err);
    let text = folder.read("tollgate.json");
    assert!(Config::parse(text.as_bytes()).is_ok(), "{text}");
    let mut configuration: Value = serde_json::from_str(&text).unwrap();
    let schema = configuration.as_object_mut().unwrap().remove("$schema");
    // What editors check it against lies beside it.
    let schema = folder.read(schema.unwrap().as_str().unwrap());
    assert_eq!(schema, tollgate(&["schema"], b"").out);
    (configuration, ran.err)
}

#[test]
fn each_provider_gets_what_its_tokens_need() {
    let entra = format!("https://login.microsoftonline.com/{TENANT}/v2.0");
    let sts = format!("https://sts.windows.net/{TENANT}/");
    let keys = format!("https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys");
    let discovered = |cluster: &str| json!({ "cluster": cluster, "discovery": true });
    let cases = [
        (
            OKTA,
            json!({ "okta": { "issuer": OKTA, "audiences": ["orders"], "jwks": discovered("okta"),
                              "claims": { "identity": ["uid", "sub"] } } }),
        ),
        (
            "https://id.example.com/oauth2/aus1",
            json!({ "okta": { "issuer": "https://id.example.com/oauth2/aus1", "audiences": ["orders"],
                              "jwks": discovered("okta"), "claims": { "identity": ["uid", "sub"] } } }),
        ),
        (
            "https://example.eu.auth0.com",
            json!({ "auth0": { "issuer": "https://example.eu.auth0.com/", "audiences": ["orders"],
                               "jwks": discovered("auth0") } }),
        ),
        (
            "https://keycloak.example.com/realms/shop/",
            json!({ "keycloak": { "issuer": "https://keycloak.example.com/realms/shop",
                                  "audiences": ["orders"], "jwks": discovered("keycloak") } }),
        ),
        (
            &entra,
            json!({ "entra": { "issuer": entra, "audiences": ["orders"], "jwks": discovered("entra"),
                               "claims": { "identity": ["oid", "sub"] } } }),
        ),
        (
            &sts,
            json!({ "entra": { "issuer": [entra, sts], "audiences": ["orders"],
                               "jwks": { "cluster": "entra", "url": keys },
                               "claims": { "identity": ["oid", "sub"] } } }),
        ),
        (
            "https://accounts.google.com",
            json!({ "google": { "issuer": ["https://accounts.google.com", "accounts.google.com"],
                                "audiences": ["orders"], "allow_id_tokens": true,
                                "jwks": { "cluster": "google",
                                          "url": "https://www.googleapis.com/oauth2/v3/certs" } } }),
        ),
        (
            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc",
            json!({ "cognito": { "issuer": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc",
                                 "clients": ["orders"], "jwks": discovered("cognito"),
                                 "require": [{ "claim": "token_use", "in": ["access"] }] } }),
        ),
        (
            "https://id.example.com/",
            json!({ "idp": { "issuer": "https://id.example.com/", "audiences": ["orders"],
                             "jwks": discovered("idp") } }),
        ),
    ];
    for (issuer, providers) in cases {
        assert_eq!(configuration(issuer).0, json!({ "providers": providers }), "{issuer}");
    }
}

#[test]
fn what_is_put_right_is_told() {
    let cases = [
        ("https://example.okta.com/oauth2/default/", "no slash at the end: it was left out"),
        ("https://example.eu.auth0.com", "end with a slash: it was added"),
        ("https://keycloak.example.com/realms/shop/", "no slash at the end: it was left out"),
        (
            "http://127.0.0.1:9000/realms/shop",
            "warning: providers.keycloak.jwks.discovery: `http`: whoever is on the way",
        ),
    ];
    for (issuer, note) in cases {
        let (_, notes) = configuration(issuer);
        assert!(notes.contains(note), "{issuer}: {notes}");
    }
}

#[test]
fn an_issuer_that_cannot_work_is_refused_with_one_that_can() {
    let cases = [
        ("https://example.okta.com", "mostly https://example.okta.com/oauth2/default"),
        ("https://example.okta.com/", "mostly https://example.okta.com/oauth2/default"),
        ("https://example.oktapreview.com/oauth2/", "organisation server"),
        ("https://login.microsoftonline.com/common/v2.0", "names no tenant"),
        ("https://login.microsoftonline.com/organizations/v2.0", "names no tenant"),
        ("https://login.microsoftonline.com/", "names no tenant"),
        ("https://login.microsoftonline.com/contoso", "https://sts.windows.net/contoso/"),
        ("https://id.example.com/?a=b", "has a query"),
        ("https://user@id.example.com/", "user name"),
        ("https://id.example.com/#a", "fragment"),
        ("id.example.com", "https://id.example.com"),
        ("", "https://id.example.com"),
    ];
    for (issuer, remedy) in cases {
        let ran = init(issuer, "envoy", &[]);
        assert_eq!((ran.exit, ran.out.as_str()), (Exit::Problems, ""), "{issuer}");
        assert!(ran.err.contains(remedy), "{issuer}: {}", ran.err);
    }
    let name = init(OKTA, "envoy", &["--name", "Okta!"]);
    assert_eq!(name.exit, Exit::Problems);
    let audience = tollgate(&["init", "--issuer", OKTA, "--audience", "", "--for", "envoy"], b"");
    assert_eq!(audience.exit, Exit::Problems, "{}", audience.out);
    assert!(audience.err.contains("providers.okta.audiences[0]"), "{}", audience.err);
    for upstream in ["8080", "localhost", "localhost:0", ":80", "localhost:99999"] {
        let ran = init(OKTA, "envoy", &["--upstream", upstream]);
        assert_eq!((ran.exit, ran.out.as_str()), (Exit::Misuse, ""), "{upstream}");
    }
}

#[test]
fn the_proxys_file_has_all_that_it_needs() {
    let cases: [(&str, &[&str]); 3] = [
        (
            "envoy",
            &[
                "normalize_path: true",
                "merge_slashes: true",
                "path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT",
                "failure_policy: FAIL_RELOAD",
                "vm_id: tollgate",
                "filename: \"/opt/x.wasm\"",
                "sni: \"example.okta.com\"",
                "trusted_ca:",
                "matcher: { exact: \"example.okta.com\" }",
                "- name: \"okta\"",
                "address: \"api.internal\", port_value: 9090",
                "type: STRICT_DNS",
                "\"cluster\": \"okta\"",
            ],
        ),
        (
            "istio",
            &[
                "kind: WasmPlugin",
                "url: \"/opt/x.wasm\"",
                "failStrategy: FAIL_RELOAD",
                "\"cluster\": \"outbound|443||example.okta.com\"",
                "kind: ServiceEntry",
                "hosts: [\"example.okta.com\"]",
                "number: 443, name: https, protocol: HTTPS",
                "kind: DestinationRule",
                "tls: { mode: SIMPLE, sni: \"example.okta.com\", subjectAltNames: [\"example.okta.com\"] }",
            ],
        ),
        (
            "envoy-gateway",
            &[
                "kind: EnvoyExtensionPolicy",
                "failOpen: false",
                "kind: EnvoyProxy",
                "path: /static_resources/clusters/-",
                "          name: \"okta\"",
                "            name: envoy.transport_sockets.tls",
                "matcher: { exact: \"example.okta.com\" }",
                "\"cluster\": \"okta\"",
            ],
        ),
    ];
    for (target, parts) in cases {
        let more = ["--wasm", "/opt/x.wasm", "--upstream", "api.internal:9090"];
        let ran = init(OKTA, target, &more);
        assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
        for part in parts {
            assert!(ran.out.contains(part), "{target} lacks {part}\n{}", ran.out);
        }
        assert!(!ran.out.contains("{{") && !ran.out.contains("}}}}"), "{target}: {}", ran.out);
    }
    let envoy = init(OKTA, "envoy", &[]).out;
    let place = |part: &str| envoy.find(part).unwrap();
    assert!(place("- name: envoy.filters.http.cors") < place("- name: tollgate\n"));
    assert!(place("- name: tollgate\n") < place("- name: envoy.filters.http.router"));
}

#[test]
fn a_provider_without_tls_or_name_is_reached_as_it_is() {
    let plain = "http://127.0.0.1:9000/realms/shop";
    let envoy = init(plain, "envoy", &[]).out;
    assert!(envoy.contains("address: \"127.0.0.1\", port_value: 9000"), "{envoy}");
    assert!(!envoy.contains("transport_socket"), "{envoy}");
    let istio = init(plain, "istio", &[]).out;
    assert!(
        istio.contains("outbound|9000||keycloak.tollgate.internal")
            && istio.contains("mode: DISABLE"),
        "{istio}"
    );
    let address = init("https://[::1]:8443/realms/shop", "envoy", &[]).out;
    assert!(address.contains("san_type: IP_ADDRESS, matcher: { exact: \"::1\" }"), "{address}");
    assert!(!address.contains("sni:"), "{address}");
}

#[test]
fn the_authorities_are_those_that_are_named() {
    let named = ["--ca", "/etc/own ca.pem"];
    for (target, default, own) in [
        (
            "envoy",
            "{ filename: \"/etc/ssl/certs/ca-certificates.crt\" }",
            "{ filename: \"/etc/own ca.pem\" }",
        ),
        ("istio", "subjectAltNames:", "caCertificates: \"/etc/own ca.pem\","),
        (
            "envoy-gateway",
            "{ filename: \"/etc/ssl/certs/ca-certificates.crt\" }",
            "{ filename: \"/etc/own ca.pem\" }",
        ),
    ] {
        let without = init(OKTA, target, &[]).out;
        assert!(without.contains(default) && !without.contains("own ca"), "{target}: {without}");
        let with = init(OKTA, target, &named).out;
        assert!(with.contains(own), "{target}: {with}");
    }
}

#[test]
fn the_next_step_in_the_comments_can_be_taken_as_it_stands() {
    for target in TARGETS {
        let written = init(OKTA, target, &[]).out;
        let (_, rest) = written.split_once("# NEXT").expect(target);
        let comments = rest.lines().skip(1).map(str::trim).take_while(|line| line.starts_with('#'));
        let json: Vec<_> = comments.filter_map(|line| line.strip_prefix("#   ")).collect();
        let members = json.join("\n").replace("its sha256", &"0".repeat(64));
        let (apis, partner) = members.split_once("\n\"partner\"").unwrap();
        let added = format!("{{ {apis}, \"providers\": {{ \"partner\" {partner} }} }}");
        let added: Value =
            serde_json::from_str(&added).unwrap_or_else(|error| panic!("{error}: {members}"));
        let (mut configuration, _) = configuration(OKTA);
        configuration["providers"]["partner"] = added["providers"]["partner"].clone();
        configuration["apis"] = added["apis"].clone();
        let text = configuration.to_string();
        let config = Config::parse(text.as_bytes());
        assert!(config.is_ok(), "{target}: {:?}", config.err());
    }
}

#[test]
fn a_listener_that_envoy_reads_again_is_a_file_of_its_own() {
    let folder = Folder::new();
    let place = folder.path("deploy");
    let ran = init(OKTA, "envoy", &["--lds", "-o", &place]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
    let (proxy, listener) =
        (folder.read("deploy/envoy.yaml"), folder.read("deploy/lds/listeners.yaml"));
    assert!(proxy.contains(&format!("path: \"{place}/lds/listeners.yaml\"")), "{proxy}");
    assert!(!proxy.contains("tollgate.wasm") && listener.contains("tollgate.wasm"), "{listener}");
    let checked = tollgate(&["check", "--strict", &format!("{place}/lds/listeners.yaml")], b"");
    assert_eq!(checked.exit, Exit::Fine, "{}{}", checked.out, checked.err);
    for arguments in [&["--lds"][..], &["--lds", "-o", &folder.path("other")]] {
        let target = if arguments.len() == 1 { "envoy" } else { "istio" };
        assert_eq!(init(OKTA, target, arguments).exit, Exit::Misuse, "{arguments:?}");
    }
    assert!(!folder.0.join("other").exists());
}

#[test]
fn files_are_written_together_or_not_at_all() {
    for (target, file, other) in [
        ("json", "tollgate.json", "tollgate.schema.json"),
        ("envoy", "envoy.yaml", "lds/listeners.yaml"),
    ] {
        let folder = Folder::new();
        let place = folder.path("deploy/new");
        let more = if target == "envoy" { &["--lds", "-o", &place][..] } else { &["-o", &place] };
        let ran = init(OKTA, target, more);
        assert_eq!((ran.exit, ran.out.as_str()), (Exit::Fine, ""), "{}", ran.err);
        std::fs::remove_file(folder.path(&format!("deploy/new/{other}"))).unwrap();
        let again = init(OKTA, target, more);
        assert_eq!(again.exit, Exit::Misuse);
        assert!(again.err.contains("is there already; nothing was written"), "{}", again.err);
        assert!(again.err.contains(file) && !folder.0.join("deploy/new").join(other).exists());
    }
}

#[test]
fn the_configuration_has_one_copy_and_who_reads_it_is_told() {
    let cases: [(&str, &[&str], &[&str], &str); 5] = [
        ("envoy", &[], &["envoy.yaml"], "this file, which is the one that Envoy reads"),
        ("envoy", &["--lds"], &["envoy.yaml", "lds"], "the listener's file: change a copy of that"),
        ("istio", &[], &["istio.yaml"], "`kubectl apply` it"),
        ("envoy-gateway", &[], &["envoy-gateway.yaml"], "`kubectl apply` it"),
        ("json", &[], &["tollgate.json", "tollgate.schema.json"], "no proxy reads this file"),
    ];
    for (target, more, files, words) in cases {
        let folder = Folder::new();
        let place = folder.path("deploy");
        let ran = init(OKTA, target, &[more, &["-o", &place]].concat());
        assert_eq!((ran.exit, ran.out.as_str()), (Exit::Fine, ""), "{}", ran.err);
        let there = std::fs::read_dir(&place).unwrap();
        let mut there: Vec<_> =
            there.map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
        there.sort();
        assert_eq!(there, files, "{target} {more:?}");
        let last = ran.err.lines().rfind(|line| line.contains("configuration"));
        assert!(last.is_some_and(|line| line.contains(words)), "{}", ran.err);
        let whole: String = files
            .iter()
            .filter(|file| file.ends_with(".yaml"))
            .map(|file| folder.read(&format!("deploy/{file}")))
            .collect();
        let copies = whole.matches("https://example.okta.com/oauth2/default").count();
        assert_eq!(copies, usize::from(target != "json" && more.is_empty()), "{target} {more:?}");
        if more.is_empty() && target != "json" {
            assert_eq!(whole, init(OKTA, target, &[]).out, "the same as on standard output");
        }
    }
    let alone = init(OKTA, "json", &[]);
    assert!(Config::parse(alone.out.as_bytes()).is_ok(), "{}", alone.out);
    assert!(!alone.out.contains("$schema"), "there is none beside it: {}", alone.out);
}

#[test]
fn what_init_writes_is_fine_in_the_strict_eyes_of_check() {
    let issuers = [
        OKTA,
        "https://example.eu.auth0.com/",
        "https://keycloak.example.com/realms/shop",
        "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0",
        "https://accounts.google.com",
        "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc",
        "https://id.example.com:8443/",
    ];
    for issuer in issuers {
        for target in TARGETS {
            let written = init(issuer, target, &[]).out;
            let ran = tollgate(&["check", "--strict", "-"], written.as_bytes());
            assert_eq!(ran.exit, Exit::Fine, "{issuer} for {target}: {}{}", ran.out, ran.err);
        }
    }
}

#[test]
fn an_audience_cannot_break_out_of_its_place() {
    let odd = "a\": 1 } # {{cluster}} ' | é";
    for target in TARGETS {
        let arguments = ["init", "--issuer", OKTA, "--audience", odd, "--for", target];
        let ran = tollgate(&arguments, b"");
        assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
        let quoted = serde_json::Value::from(odd).to_string();
        assert!(ran.out.contains(&quoted), "{target}: {}", ran.out);
    }
}

#[test]
fn an_audience_that_tokens_for_anything_have_is_warned_of() {
    let keycloak = "https://keycloak.example.com/realms/shop";
    for (issuer, audience, words) in [
        (keycloak, "account", "Keycloak puts it into nearly every user's token"),
        (OKTA, "api://default", "Okta's default server"),
    ] {
        for target in TARGETS {
            let fixed = ["init", "--issuer", issuer, "--audience", audience, "--for", target];
            let ran = tollgate(&fixed, b"");
            assert_eq!(ran.exit, Exit::Fine, "{audience}: {}", ran.err);
            let warnings = ran.err.lines().filter(|line| line.contains(": warning: "));
            let warnings: Vec<_> = warnings.collect();
            assert_eq!(warnings.len(), 1, "{}", ran.err);
            assert!(
                warnings[0].contains(words) && warnings[0].contains("`clients`"),
                "{warnings:?}"
            );
        }
    }
    let ran = init(keycloak, "envoy", &[]);
    assert!(!ran.err.contains("warning"), "an audience of its own: {}", ran.err);
}

/// A host as Istio takes one for a service: labels of a DNS name, which no address is.
fn is_service_host(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.parse::<std::net::IpAddr>().is_err() && host.len() <= 255 && host.split('.').all(is_label)
}

#[test]
fn istio_takes_the_hosts_of_its_services() {
    let cases = [
        // issuer, the service's host, its port, how it is found
        (OKTA, "example.okta.com", 443, "DNS"),
        ("https://ID.Example.COM:8443/", "id.example.com", 8443, "DNS"),
        ("http://id.example.com:9000/", "id.example.com", 9000, "DNS"),
        ("https://192.0.2.7/realms/shop", "keycloak.tollgate.internal", 443, "STATIC"),
        ("https://[2001:db8::1]:8443/", "idp.tollgate.internal", 8443, "STATIC"),
        ("http://[::1]:9000/", "idp.tollgate.internal", 9000, "STATIC"),
    ];
    for (issuer, host, port, resolution) in cases {
        assert!(is_service_host(host), "{host}");
        let written = init(issuer, "istio", &[]);
        assert_eq!(written.exit, Exit::Fine, "{issuer}: {}", written.err);
        let text = written.out;
        for line in [
            format!("  hosts: [\"{host}\"]\n"),
            format!("  host: \"{host}\"\n"),
            format!("  resolution: {resolution}\n"),
            format!("number: {port},"),
        ] {
            assert!(text.contains(&line), "{issuer}: {line}\n{text}");
        }
        assert!(text.contains(&format!("outbound|{port}||{host}")), "{issuer}: {text}");
        let address = issuer.contains("192.0.2.7") || issuer.contains('[');
        assert_eq!(text.contains("endpoints: [{ address: "), address, "{issuer}: {text}");
        assert!(!address || !text.contains("sni:"), "{issuer}: {text}");
        let checked = tollgate(&["check", "-"], text.as_bytes());
        assert_eq!(checked.exit, Exit::Fine, "{issuer}: {}{}", checked.out, checked.err);
    }
}

#[test]
fn a_resource_is_an_api_that_says_where_its_tokens_come_from() {
    let made_for = |target: &str, url: &str| {
        let audience = "https://mcp.example.com/mcp";
        let fixed = ["init", "--issuer", OKTA, "--audience", audience, "--for", target];
        tollgate(&[&fixed[..], &["--resource", url]].concat(), b"")
    };
    let made = |url: &str| made_for("envoy", url);
    let right = made("https://mcp.example.com/mcp");
    assert_eq!(right.exit, Exit::Fine, "{}", right.err);
    let api = r#"{ "name": "api", "auth": ["okta"], "resource": { "url": "https://mcp.example.com/mcp" } }"#;
    for target in TARGETS {
        let written = made_for(target, "https://mcp.example.com/mcp").out;
        assert!(written.contains(api), "{target}: {written}");
        let checked = tollgate(&["check", "-"], written.as_bytes());
        assert_eq!(checked.exit, Exit::Fine, "{target}: {}{}", checked.out, checked.err);
    }
    let other = made("https://mcp.example.com/other");
    assert!(other.err.contains("no `audiences` here has it"), "{}", other.err);
    let wrong = made("https://mcp.example.com/mcp/");
    assert_eq!(wrong.exit, Exit::Problems);
    assert!(wrong.err.contains("ends with a slash"), "{}", wrong.err);
}

#[test]
fn a_provider_that_is_asked_about_tokens_gets_a_client_whose_secret_comes_by_a_variable() {
    let asking = |issuer: &str, audience: &str, target: &str| {
        let fixed = ["init", "--issuer", issuer, "--audience", audience, "--for", target];
        tollgate(&[&fixed[..], &["--introspect", "gateway"]].concat(), b"")
    };
    let ran = asking("https://id.example.com", "orders", "json");
    let written: Value = serde_json::from_str(&ran.out).expect("a configuration");
    assert_eq!(
        written["providers"]["idp"],
        json!({
            "kind": "introspection", "issuer": "https://id.example.com", "audiences": ["orders"],
            "discovery": true, "cluster": "idp",
            "client": { "id": "gateway", "secret": { "env": "TOLLGATE_CLIENT_SECRET" } },
        })
    );
    assert!(ran.err.contains("TOLLGATE_CLIENT_SECRET"), "{}", ran.err);
    for (target, line) in [
        ("envoy", "environment_variables: { host_env_keys: [TOLLGATE_CLIENT_SECRET] }"),
        ("istio", "vmConfig: { env: [{ name: TOLLGATE_CLIENT_SECRET, valueFrom: HOST }] }"),
        ("envoy-gateway", "env: { hostKeys: [TOLLGATE_CLIENT_SECRET] }"),
    ] {
        let ran = asking("https://id.example.com", "orders", target);
        assert!(ran.out.contains(line), "{target}: {}", ran.out);
        let checked = tollgate(&["check", "--strict", "-"], ran.out.as_bytes());
        assert_eq!(checked.exit, Exit::Fine, "{target}: {}{}", checked.out, checked.err);
        let plain = init("https://id.example.com", target, &[]);
        assert!(!plain.out.contains("TOLLGATE_CLIENT_SECRET"), "{target}: {}", plain.out);
    }
    let org = asking("https://example.okta.com/", "https://example.okta.com", "json");
    let provider = &serde_json::from_str::<Value>(&org.out).expect("JSON")["providers"]["okta"];
    assert_eq!(provider["issuer"], "https://example.okta.com");
    assert_eq!(provider["forms"], json!(["jwt"]));
    assert!(org.err.contains("`clients` must say whose"), "{}", org.err);
    for issuer in [
        "https://accounts.google.com",
        "https://example.eu.auth0.com/",
        "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc",
        "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0",
    ] {
        let ran = asking(issuer, "orders", "json");
        assert_eq!(ran.exit, Exit::Problems, "{issuer}: {}", ran.out);
        assert!(ran.err.contains("leave `--introspect` out"), "{issuer}: {}", ran.err);
    }
}
