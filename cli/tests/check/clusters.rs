//! The clusters that a configuration names: whether they are there, and lead where they should.

use tollgate_cli::Exit;

use super::{Run, check, envoy};

/// The cluster's own part of the proxy.
const CLUSTER: &str = "    - name: okta\n";

/// The proxy with members of its cluster.
fn with(members: &str) -> String {
    envoy().replace(CLUSTER, &format!("{CLUSTER}      {members}\n"))
}

fn endpoint(host: &str) -> String {
    format!(
        "load_assignment: {{ endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {{ socket_address: {{ address: \"{host}\", port_value: 443 }} }} }} }}] }}] }}"
    )
}

#[test]
fn a_cluster_that_is_not_there_is_a_problem_with_the_name_that_was_meant() {
    let named = |name: &str| envoy().replace(CLUSTER, &format!("    - name: {name}\n"));
    let elsewhere = "dynamic_resources: { cds_config: { ads: {} } }\n";
    let cases = [
        // name, file, what is said
        ("a slip", named("otka"), Some("did you mean `otka`?")),
        ("another name that leads to the host", named("idp"), Some("did you mean `idp`?")),
        (
            "another name that leads elsewhere",
            named("upstream").replace("sni: okta.example", "sni: other.example"),
            Some("add it to `static_resources.clusters`"),
        ),
        ("the name", named("okta"), None),
        ("others may come", named("otka") + elsewhere, None),
    ];
    for (name, file, expected) in cases {
        let run = check(&["-"], &file);
        match expected {
            None => assert_eq!((run.exit, &*run.codes()), (Exit::Fine, &[][..]), "{name}"),
            Some(expected) => {
                assert_eq!(run.exit, Exit::Problems, "{name}");
                assert_eq!(run.codes(), ["22 cluster_missing"], "{name}");
                assert!(run.out.contains(expected), "{name}: {}", run.out);
                assert!(!run.out.contains("warning"), "{name}: {}", run.out);
            }
        }
    }
}

#[test]
fn a_cluster_of_names_says_which_addresses_it_takes() {
    let dns = |name: &str| endpoint(name);
    let own = "cluster_type: { name: envoy.clusters.dns, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster";
    let cases: [(&str, String, bool); 9] = [
        ("strict", format!("type: STRICT_DNS\n      {}", dns("okta.example")), true),
        ("logical", format!("type: LOGICAL_DNS\n      {}", dns("okta.example")), true),
        ("by the newer form", format!("{own} }} }}\n      {}", dns("okta.example")), true),
        (
            "by the newer form, said",
            format!("{own}, dns_lookup_family: V4_ONLY }} }}\n      {}", dns("okta.example")),
            false,
        ),
        (
            "said",
            format!(
                "type: STRICT_DNS\n      dns_lookup_family: V4_PREFERRED\n      {}",
                dns("okta.example")
            ),
            false,
        ),
        (
            "said to be either",
            format!(
                "type: STRICT_DNS\n      dns_lookup_family: AUTO\n      {}",
                dns("okta.example")
            ),
            false,
        ),
        ("an address", format!("type: STRICT_DNS\n      {}", dns("192.0.2.7")), false),
        (
            "an address of the other family",
            format!("type: STRICT_DNS\n      {}", dns("2001:db8::7")),
            false,
        ),
        ("no names at all", "type: EDS".to_owned(), false),
    ];
    for (name, members, expected) in cases {
        let run = check(&["--strict", "-"], &with(&members));
        let expected: &[&str] = if expected { &["22 cluster_family_unset"] } else { &[] };
        assert_eq!(run.codes(), expected, "{name}\n{}", run.out);
        // It is worth knowing, and may be right.
        assert_eq!(run.exit, Exit::Fine, "{name}");
    }
}

#[test]
fn a_cluster_that_goes_where_the_client_went_is_warned_about() {
    let run = check(&["-"], &with("type: ORIGINAL_DST"));
    assert_eq!(run.codes(), ["22 cluster_unresolved"], "{}", run.out);
    for kind in ["STATIC", "EDS", "LOGICAL_DNS"] {
        assert_eq!(check(&["-"], &with(&format!("type: {kind}"))).codes(), [""; 0], "{kind}");
    }
}

#[test]
fn tls_and_the_scheme_of_the_url_agree() {
    let http = envoy().replace("https://okta.example/keys", "http://okta.example/keys");
    assert_eq!(check(&["-"], &http).codes(), ["22 plain_http", "22 cluster_tls"]);
    let start = http.find("      transport_socket:").expect("a socket");
    assert_eq!(check(&["-"], &http[..start]).codes(), ["22 plain_http"]);
}

/// Runs it on files of these names.
fn check_files(name: &str, files: &[(&str, &str)]) -> Run {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("check").join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    let paths: Vec<_> = files
        .iter()
        .map(|(name, text)| {
            let path = folder.join(name);
            std::fs::write(&path, text).expect("a file");
            path.to_str().expect("UTF-8").to_owned()
        })
        .collect();
    check(&paths.iter().map(String::as_str).collect::<Vec<_>>(), "")
}

#[test]
fn files_that_are_checked_together_are_one_proxy() {
    let whole = envoy();
    let (listeners, clusters) = whole.split_once("  clusters:\n").expect("clusters");
    let bootstrap =
        "dynamic_resources:\n  cds_config: { path_config_source: { path: cds.yaml } }\n";
    let bootstrap = format!("{listeners}{bootstrap}");
    let cds = |text: &str| {
        let named = text.replace(
            "    - name:",
            "    - \"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster\n      name:",
        );
        format!("resources:\n{named}")
    };
    let told = |name: &str, cds: &str| {
        let run = check_files(name, &[("bootstrap.yaml", &bootstrap), ("cds.yaml", cds)]);
        run.out + &run.err
    };
    assert!(!told("together", &cds(clusters)).contains("cluster_"), "nothing is wrong");
    let slip = told("slip", &cds(&clusters.replace("name: okta", "name: otka")));
    assert!(slip.contains("did you mean `otka`? [cluster_missing]"), "{slip}");
    let unverified = told("tls", &cds(&clusters.replace("validation_context:", "tls_params:")));
    assert!(unverified.contains("[cluster_unverified]"), "{unverified}");
    // Two proxies do not lend each other clusters.
    let other = envoy().replace(CLUSTER, "    - name: idp\n");
    let run = check_files("apart", &[("a.yaml", &envoy()), ("b.yaml", &other)]);
    let missing: Vec<_> = run.out.lines().filter(|line| line.contains("cluster_missing")).collect();
    assert_eq!(missing.len(), 1, "{}", run.out);
    assert!(missing[0].contains("b.yaml:"), "{}", run.out);
}

#[test]
fn calls_of_a_login_go_where_its_cluster_leads() {
    let login = |members: &str| {
        let login = format!(
            r#""login": {{"url": "https://portal.example.com", "client": {{"id": "me"}}, "seal": [{{"base64": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}], {members}}}, "issuer""#
        );
        let run = check(&["-"], &envoy().replace(r#""issuer""#, &login));
        run.out + &run.err
    };
    let endpoints = |host: &str| {
        format!(
            r#""endpoints": {{"authorization": "https://{host}/authorize", "token": "https://{host}/token"}}"#
        )
    };
    let fine = login(&endpoints("okta.example"));
    assert!(!fine.contains("cluster_"), "{fine}");
    let missing = login(&format!(r#""cluster": "otka", {}"#, endpoints("okta.example")));
    assert!(
        missing.contains("providers.okta.login.cluster: this file has no cluster"),
        "{missing}"
    );
    assert!(missing.contains("did you mean `okta`?"), "{missing}");
    // The cluster of the keys asks for their host's certificate.
    let elsewhere = login(&endpoints("login.example"));
    assert!(elsewhere.contains("providers.okta.login.cluster: cluster `okta`:"), "{elsewhere}");
    // What is worth knowing is told as a note.
    assert!(
        fine.contains("note: providers.okta.login: ") && fine.contains("[refresh_unasked]"),
        "{fine}"
    );
    let asked_once = format!(r#""session": {{"refresh": false}}, {}"#, endpoints("okta.example"));
    assert!(!login(&asked_once).contains("note:"));
}
