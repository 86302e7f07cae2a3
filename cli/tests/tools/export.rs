//! `tollgate export limits`: what services are given, and where their files differ. tests/fleet gives
//! the same files to a real Limitador and to the double of envoyproxy/ratelimit.

use tollgate_cli::Exit;

use super::{Folder, tollgate};

const CONFIG: &str = include_str!("../export/config.json");
const LIMITADOR: &str = include_str!("../export/limitador.yaml");
const RATELIMIT: &str = include_str!("../export/ratelimit.yaml");

fn exported(reader: &str, config: &str) -> super::Ran {
    tollgate(&["export", "limits", "--for", reader, "-"], config.as_bytes())
}

/// What is said of a service's file, and how the command ends.
fn checked(reader: &str, config: &str, file: &str) -> (Exit, String) {
    let folder = Folder::new();
    let path = folder.path("limits.yaml");
    std::fs::write(&path, file).unwrap();
    let ran =
        tollgate(&["export", "limits", "--for", reader, "-", "--check", &path], config.as_bytes());
    assert_eq!(ran.err, "");
    (ran.exit, ran.out.replace(&format!("{path}: "), ""))
}

#[test]
fn each_service_is_given_its_limits_in_its_own_form() {
    for (reader, golden) in [("limitador", LIMITADOR), ("ratelimit", RATELIMIT)] {
        let ran = exported(reader, CONFIG);
        assert_eq!((ran.exit, ran.err.as_str()), (Exit::Fine, ""), "{reader}");
        assert_eq!(ran.out, golden, "{reader}");
        assert_eq!(checked(reader, CONFIG, golden), (Exit::Fine, String::new()), "{reader}");
    }
}

#[test]
fn what_the_services_of_docker_compose_read_is_exported() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../demo/fleet");
    let read = |name: &str| std::fs::read_to_string(format!("{folder}/{name}")).unwrap();
    for reader in ["limitador", "ratelimit"] {
        let ran = exported(reader, &read("tollgate.json"));
        assert_eq!((ran.err.as_str(), ran.out), ("", read(&format!("{reader}.yaml"))));
    }
}

#[test]
fn whatever_differs_is_named_and_ends_with_1() {
    let cases: [(&str, &str, (&str, &str), &str); 7] = [
        (
            "another number",
            "limitador",
            ("max_value: 100\n", "max_value: 50\n"),
            "standard.rate: it says 50 in 1s, and the configuration 100 in 1s\n",
        ),
        (
            "another window",
            "ratelimit",
            ("unit: second", "unit: minute"),
            "standard.rate: it says 100 in 60s, and the configuration 100 in 1s\n",
        ),
        (
            "another name",
            "ratelimit",
            ("value: api.orders.rate", "value: api.others.rate"),
            "api.orders.rate: missing; the configuration has 1000 in 86400s\n\
             api.others.rate: the configuration has no such limit\n",
        ),
        (
            "a condition that never holds",
            "limitador",
            ("descriptors[0].limit == 'standard.rate'", "descriptors[0].limit == 'standard'"),
            "standard.rate: it counts something else than Tollgate asks for; take it as it is exported\n",
        ),
        (
            "all callers in one",
            "limitador",
            ("variables: [\"descriptors[0].subject\"]", "variables: []"),
            "gold.rate: it counts something else than Tollgate asks for; take it as it is exported\n",
        ),
        ("an empty line and a comment", "ratelimit", ("domain", "# mine\n\ndomain"), ""),
        ("other quotes", "limitador", ("'standard.rate'\"]", "\\\"standard.rate\\\"\"]"), ""),
    ];
    for (name, reader, (from, to), told) in cases {
        let golden = if reader == "limitador" { LIMITADOR } else { RATELIMIT };
        let file = golden.replacen(from, to, 1);
        assert_ne!(file, golden, "{name}");
        let exit = if told.is_empty() { Exit::Fine } else { Exit::Problems };
        assert_eq!(checked(reader, CONFIG, &file), (exit, told.to_owned()), "{name}");
    }
}

#[test]
fn limits_of_others_in_the_same_file_are_not_looked_at() {
    let others = "- namespace: shop\n  name: all\n  max_value: 1\n  seconds: 1\n  conditions: []\n  variables: []\n";
    let file = format!("{LIMITADOR}{others}");
    assert_eq!(checked("limitador", CONFIG, &file), (Exit::Fine, String::new()));
    let others =
        "  - key: remote_address\n    rate_limit: { unit: second, requests_per_unit: 1 }\n";
    let file = format!("{RATELIMIT}{others}");
    assert_eq!(checked("ratelimit", CONFIG, &file), (Exit::Fine, String::new()));
    let elsewhere = RATELIMIT.replace("domain: tollgate", "domain: other");
    let (exit, told) = checked("ratelimit", CONFIG, &elsewhere);
    assert_eq!((exit, told.lines().count()), (Exit::Problems, 7), "{told}");
}

#[test]
fn a_domain_that_yaml_takes_for_something_else_stands_in_quotes() {
    for domain in ["1.5", "true", "no", "-", "_"] {
        let config =
            CONFIG.replace("\"replicas\"", &format!("\"domain\": \"{domain}\", \"replicas\""));
        for reader in ["limitador", "ratelimit"] {
            let ran = exported(reader, &config);
            assert!(ran.out.contains(&format!(": \"{domain}\"\n")), "{}{}", ran.out, ran.err);
            assert_eq!(checked(reader, &config, &ran.out).0, Exit::Fine, "{domain}");
        }
    }
}

#[test]
fn what_cannot_be_exported_is_said() {
    let limitador = CONFIG.replace("\"ratelimit\", \"cluster\"", "\"limitador\", \"cluster\"");
    let odd = limitador.replacen("\"1s\"", "\"90s\"", 1);
    let cases = [
        (
            CONFIG.replace("\"remote\"", "\"remot\""),
            Exit::Problems,
            "unknown field",
        ),
        (
            CONFIG.replace(", \"count\": \"exact\"", "").replace(
                "\"remote\": { \"service\": \"ratelimit\", \"cluster\": \"ratelimit\", \"replicas\": 3 }",
                "\"capacity\": 8",
            ),
            Exit::Misuse,
            "it has no `limits.remote`",
        ),
        (odd.clone(), Exit::Misuse, "`standard.rate` is counted in windows of 90s"),
    ];
    for (config, exit, told) in cases {
        let ran = exported("ratelimit", &config);
        assert_eq!((ran.exit, ran.out.as_str()), (exit, ""), "{}", ran.err);
        assert!(ran.err.contains(told), "{}", ran.err);
    }
    assert!(exported("limitador", &odd).out.contains("seconds: 90\n"));
}

#[test]
fn limits_are_found_in_an_envoy_configuration_too() {
    let indented = CONFIG.replace('\n', "\n                    ");
    let envoy = format!(
        "static_resources:\n  listeners:\n  - filter_chains:\n    - filters:\n      - name: hcm\n        typed_config:\n          \
         http_filters:\n          - name: tollgate\n            typed_config:\n              \"@type\": \
         type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm\n              config:\n                \
         configuration:\n                  \"@type\": type.googleapis.com/google.protobuf.StringValue\n                  \
         value: |\n                    {indented}\n"
    );
    let ran = exported("ratelimit", &envoy);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), (RATELIMIT, ""));
}
