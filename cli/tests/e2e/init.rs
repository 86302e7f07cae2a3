//! What `tollgate init` writes, in the eyes of Envoy.

use std::ffi::OsString;
use std::fs;
use std::process::Command;

use tollgate_cli::{Exit, Streams};

use super::harness::{Envoy, Request, fetch, free_port, places};

/// A certificate authority of nobody: `--mode validate` wants to read one, whichever it is.
const AUTHORITY: &str = include_str!("../../../tests/support/tls/ca.pem");

/// Runs `tollgate init` for an issuer and a proxy; what goes to standard output.
fn init(issuer: &str, target: &str, more: &[&str]) -> String {
    let fixed = ["tollgate", "init", "--issuer", issuer, "--audience", "orders", "--for", target];
    let arguments = [&fixed[..], more].concat().into_iter().map(OsString::from);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut input: &[u8] = b"";
    let mut streams = Streams { input: &mut input, out: &mut out, err: &mut err };
    assert_eq!(tollgate_cli::run(arguments, &mut streams), Exit::Fine, "{issuer:?}");
    String::from_utf8(out).unwrap()
}

/// What the command writes for a proxy: for Envoy, the whole file.
fn written(issuer: &str, target: &str, wasm: &str) -> String {
    init(issuer, target, &["--wasm", wasm])
}

/// Asks Envoy what is wrong with a file.
fn validate(name: &str, yaml: &str) -> (i32, String) {
    let folder = places::scratch(name);
    let authority = folder.join("authority.pem");
    fs::write(&authority, AUTHORITY).unwrap();
    let there = "/etc/ssl/certs/ca-certificates.crt";
    let yaml = yaml.replace(there, authority.to_str().unwrap());
    let file = folder.join("envoy.yaml");
    fs::write(&file, yaml).unwrap();
    let output = Command::new(places::envoy())
        .args(["--mode", "validate", "--config-path"])
        .arg(file)
        // What `--introspect` and `--login` have the proxy hand over.
        .env("TOLLGATE_CLIENT_SECRET", "hush")
        .env("TOLLGATE_SEAL", "a secret that seals what browsers keep")
        .output()
        .expect("Envoy runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn envoy_takes_the_proxy_that_init_writes_for_each_provider() {
    let issuers = [
        ("okta", "https://example.okta.com/oauth2/default"),
        ("auth0", "https://example.eu.auth0.com/"),
        ("keycloak", "http://127.0.0.1:9000/realms/shop"),
        ("entra", "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0"),
        ("google", "https://accounts.google.com"),
        ("cognito", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc"),
        ("address", "https://[::1]:8443/realms/shop"),
    ];
    let wasm = places::wasm();
    for (name, issuer) in issuers {
        let yaml = written(issuer, "envoy", wasm.to_str().unwrap());
        let (code, said) = validate(&format!("init-{name}"), &yaml);
        assert_eq!(code, 0, "{name}: {said}\n{yaml}");
    }
    let asking = ["--wasm", wasm.to_str().unwrap(), "--introspect", "gateway"];
    let yaml = init("https://id.example.com", "envoy", &asking);
    let (code, said) = validate("init-asking", &yaml);
    assert_eq!(code, 0, "{said}\n{yaml}");
    for url in ["https://portal.example.com", "http://localhost:10000"] {
        let login = ["--wasm", wasm.to_str().unwrap(), "--login", url, "--client-id", "portal"];
        let yaml = init("https://id.example.com", "envoy", &login);
        let (code, said) = validate("init-login", &yaml);
        assert_eq!(code, 0, "{said}\n{yaml}");
    }
}

#[test]
fn the_listener_that_envoy_reads_again_is_found_and_serves() {
    let folder = places::scratch("init-lds-files").join("deploy");
    let _ = fs::remove_dir_all(&folder);
    let place = folder.to_str().unwrap();
    let (wasm, port) = (places::wasm(), free_port());
    let more = ["--lds", "-o", place, "--wasm", wasm.to_str().unwrap()];
    init("http://127.0.0.1:9/realms/shop", "envoy", &more);
    let listeners = folder.join("lds/listeners.yaml");
    let text = fs::read_to_string(&listeners).unwrap();
    let address = "address: 127.0.0.1, port_value: 10000";
    assert!(text.contains(address), "{text}");
    fs::write(
        &listeners,
        text.replace(address, &format!("address: 127.0.0.1, port_value: {port}")),
    )
    .unwrap();
    let yaml = fs::read_to_string(folder.join("envoy.yaml")).unwrap();
    let (bootstrap, _) = yaml.split_once("\nadmin:").expect("the admin's address");
    let _envoy = Envoy::with_bootstrap("init-lds", bootstrap);
    assert_eq!(fetch(port, &Request::get("/orders/7")).status(), 401);
}

#[test]
fn envoy_takes_the_cluster_that_init_writes_for_envoy_gateway() {
    for more in [&[][..], &["--login", "https://portal.example.com"]] {
        let yaml = init("https://example.okta.com/oauth2/default", "envoy-gateway", more);
        let (_, cluster) = yaml.split_once("        value:\n").expect("the patch");
        let cluster = cluster.split_once("\n---\n").expect("the windows").0;
        let bootstrap = format!("static_resources:\n  clusters:\n    -\n{cluster}");
        let (code, said) = validate("init-gateway", &bootstrap);
        assert_eq!(code, 0, "{said}\n{bootstrap}");
        for part in ["connect_timeout", "idle_timeout"] {
            let wrong = bootstrap.replace(part, "connect_time");
            let is_there = wrong != bootstrap;
            assert_eq!(
                validate("init-gateway", &wrong).0 != 0,
                is_there,
                "{part}: Envoy looks at it"
            );
        }
    }
}
